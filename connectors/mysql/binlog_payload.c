#include "connectors/mysql/binlog_payload.h"

#include <string.h>
#include <zstd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/reader.h"
#include "connectors/mysql/mysql_lenenc.h"

/* field type lenenc, length lenenc, value (lenenc integers); the end mark 0 has neither length nor
 * value, and the compressed stream follows it to the event's end. */
enum payload_field {
    PAYLOAD_END_MARK = 0,
    PAYLOAD_SIZE = 1,
    PAYLOAD_COMPRESSION = 2,
    PAYLOAD_PLAIN_SIZE = 3,
};
enum payload_compression {
    COMPRESSION_ZSTD = 0,
    COMPRESSION_NONE = 255,
};

struct binlog_payload {
    ZSTD_DStream *stream; /* NULL: not compressed */
    ZSTD_inBuffer in;     /* the compressed bytes not read yet */
    uint64_t promised;    /* plain bytes in all */
    uint64_t delivered;   /* of which these were handed out */
};

bool binlog_payload_open(const struct binlog_event *e, struct binlog_payload **out,
                         struct error *err)
{
    struct reader r = reader_over(e->body, "TRANSACTION_PAYLOAD event");
    uint64_t size = UINT64_MAX;
    uint64_t compression = COMPRESSION_NONE;
    uint64_t plain_size = UINT64_MAX;
    uint64_t type = PAYLOAD_END_MARK;
    while ((type = mysql_lenenc(&r)) != PAYLOAD_END_MARK && !r.failed) {
        struct reader field = reader_over(mysql_lenenc_str(&r), "TRANSACTION_PAYLOAD field");
        uint64_t v = r.failed || type > PAYLOAD_PLAIN_SIZE ? 0 : mysql_lenenc(&field);
        if (field.failed) {
            reader_fail(&r);
        }
        size = type == PAYLOAD_SIZE ? v : size;
        compression = type == PAYLOAD_COMPRESSION ? v : compression;
        plain_size = type == PAYLOAD_PLAIN_SIZE ? v : plain_size;
    }
    if (!reader_ok(&r, err)) {
        return false;
    }
    if (compression != COMPRESSION_ZSTD && compression != COMPRESSION_NONE) {
        return error_set(err, FAIL_CONFIG,
                         "TRANSACTION_PAYLOAD event: compression %llu is not known; set "
                         "binlog_transaction_compression=OFF on the server",
                         (unsigned long long)compression);
    }
    if (size != r.rest.len) {
        return error_set(err, FAIL_CORRUPT,
                         "TRANSACTION_PAYLOAD event: it promises %llu bytes and has %zu",
                         (unsigned long long)size, r.rest.len);
    }
    struct binlog_payload *p = MEM_NEW(struct binlog_payload);
    p->in = (ZSTD_inBuffer){.src = r.rest.ptr, .size = r.rest.len};
    p->promised = compression == COMPRESSION_NONE ? size : plain_size;
    if (compression == COMPRESSION_ZSTD) {
        p->stream = ZSTD_createDStream();
        must(p->stream != NULL);
    }
    *out = p;
    return true;
}

void binlog_payload_free(struct binlog_payload *p)
{
    if (p == NULL) {
        return;
    }
    (void)ZSTD_freeDStream(p->stream); /* takes NULL */
    mem_free(p);
}

/* Fills bytes as far as the stream goes; *out_len is less only at its end. */
static bool pull(struct binlog_payload *p, char *bytes, size_t len, size_t *out_len,
                 struct error *err)
{
    if (p->stream == NULL) {
        size_t left = p->in.size - p->in.pos;
        *out_len = len < left ? len : left;
        if (*out_len > 0) {
            memcpy(bytes, (const char *)p->in.src + p->in.pos, *out_len);
        }
        p->in.pos += *out_len;
        return true;
    }
    ZSTD_outBuffer to = {.dst = bytes, .size = len};
    while (to.pos < to.size) {
        size_t had = to.pos;
        size_t from = p->in.pos;
        size_t rc = ZSTD_decompressStream(p->stream, &to, &p->in);
        if (ZSTD_isError(rc) != 0) {
            return error_set(err, FAIL_CORRUPT, "TRANSACTION_PAYLOAD event: zstd: %s",
                             ZSTD_getErrorName(rc));
        }
        if (to.pos == had && p->in.pos == from) {
            break; /* neither gives nor takes: the stream is over */
        }
    }
    *out_len = to.pos;
    return true;
}

static enum binlog_payload_next fail(struct error *err, const char *what)
{
    error_set(err, FAIL_CORRUPT, "TRANSACTION_PAYLOAD event: %s", what);
    return BINLOG_PAYLOAD_FAIL;
}

enum binlog_payload_next binlog_payload_next(struct binlog_payload *p, struct arena *arena,
                                             struct binlog_event *out, struct error *err)
{
    char head[BINLOG_HEADER_BYTES];
    size_t len = 0;
    if (!pull(p, head, sizeof(head), &len, err)) {
        return BINLOG_PAYLOAD_FAIL;
    }
    if (len == 0) {
        return p->delivered == p->promised && p->in.pos == p->in.size
                   ? BINLOG_PAYLOAD_END
                   : fail(err, "it ends before or behind the length it promised");
    }
    struct reader r = reader_over((struct str){head, len}, "event in a TRANSACTION_PAYLOAD");
    reader_skip(&r, 9);
    uint32_t size = reader_u32le(&r);
    if (len < sizeof(head) || size < sizeof(head) || size > BINLOG_MAX_EVENT_BYTES ||
        size > p->promised - p->delivered) {
        return fail(err, "an event in it has an impossible length");
    }
    /* The promised size is the event's own word: memory grows only with bytes that came. */
    struct buf bytes = BUF_INIT(BINLOG_MAX_EVENT_BYTES);
    buf_put(&bytes, head, sizeof(head));
    bool ok = true;
    while (ok && bytes.len < size) {
        size_t want = size - bytes.len < 65536 ? size - bytes.len : 65536;
        char *to = buf_room(&bytes, want);
        ok = to != NULL && pull(p, to, want, &len, err);
        if (ok && len < want) {
            ok = error_set(err, FAIL_CORRUPT, "TRANSACTION_PAYLOAD event: an event is cut off");
        }
        bytes.len += ok ? want : 0;
    }
    ok = ok && binlog_event_read_bare(arena_str(arena, buf_str(&bytes)), out, err);
    buf_release(&bytes);
    p->delivered += size;
    return ok ? BINLOG_PAYLOAD_EVENT : BINLOG_PAYLOAD_FAIL;
}
