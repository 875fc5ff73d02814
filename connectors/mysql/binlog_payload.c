#include "connectors/mysql/binlog_payload.h"

#include <string.h>
#include <zstd.h>

#include "base/mem.h"
#include "base/reader.h"
#include "connectors/mysql/mysql_lenenc.h"

#define SIZE_OFFSET 9 /* of an event's size in its header */
/* A zstd block of 4 bytes is at most 128 KiB: what promises more is a lie. */
#define MOST_RATIO 32768u

enum compression {
    COMPRESSION_ZSTD = 0,
    COMPRESSION_NONE = 255,
};

struct binlog_payload {
    ZSTD_DCtx *zstd; /* NULL: not compressed */
    ZSTD_inBuffer in;
    bool frame_open; /* the zstd frame has not ended */
    uint64_t left;   /* plain bytes promised and not read yet */
};

struct header {
    uint64_t payload_bytes, compression, plain_bytes;
    bool has_compression, has_plain;
};

/* Fields of type, length, value (length-encoded each) until type 0; what nobody knows is skipped
 * (MySQL's codecs/binary.cc). */
static void read_header(struct reader *r, struct header *out)
{
    while (!r->failed) {
        uint64_t type = mysql_lenenc(r);
        if (type == 0) {
            return;
        }
        struct str text = mysql_lenenc_str(r);
        struct reader value = reader_over(text, "TRANSACTION_PAYLOAD event's field");
        uint64_t number = type <= 3 ? mysql_lenenc(&value) : 0;
        if (value.failed) {
            reader_fail(r);
        }
        switch (type) {
        case 1:
            out->payload_bytes = number;
            break;
        case 2:
            out->compression = number;
            out->has_compression = true;
            break;
        case 3:
            out->plain_bytes = number;
            out->has_plain = true;
            break;
        default:
            break;
        }
    }
}

static bool check_header(const struct header *h, size_t bytes, struct error *err)
{
    if (!h->has_compression || h->payload_bytes != bytes) {
        return error_set(err, FAIL_CORRUPT,
                         "TRANSACTION_PAYLOAD event: it promises %llu bytes of transaction, but "
                         "has %zu",
                         (unsigned long long)h->payload_bytes, bytes);
    }
    if (h->compression != COMPRESSION_ZSTD && h->compression != COMPRESSION_NONE) {
        return error_set(err, FAIL_CONFIG,
                         "TRANSACTION_PAYLOAD event: compression %llu is not known; set "
                         "binlog_transaction_compression=OFF on the server",
                         (unsigned long long)h->compression);
    }
    bool lie = h->compression == COMPRESSION_NONE
                   ? h->has_plain && h->plain_bytes != bytes
                   : !h->has_plain || h->plain_bytes / MOST_RATIO > bytes;
    return !lie ||
           error_set(err, FAIL_CORRUPT, "TRANSACTION_PAYLOAD event: %zu bytes cannot hold %llu",
                     bytes, (unsigned long long)h->plain_bytes);
}

bool binlog_payload_open(const struct binlog_event *e, struct binlog_payload **out,
                         struct error *err)
{
    struct header h = {0};
    struct reader r = reader_over(e->body, "TRANSACTION_PAYLOAD event");
    read_header(&r, &h);
    if (!reader_ok(&r, err) || !check_header(&h, r.rest.len, err)) {
        return false;
    }
    struct binlog_payload *p = MEM_NEW(struct binlog_payload);
    p->in = (ZSTD_inBuffer){.src = r.rest.ptr, .size = r.rest.len};
    p->left = r.rest.len;
    if (h.compression == COMPRESSION_ZSTD) {
        p->left = h.plain_bytes;
        p->frame_open = true;
        p->zstd = ZSTD_createDCtx();
        if (p->zstd == NULL) {
            binlog_payload_free(p);
            return error_set(err, FAIL_LIMIT, "TRANSACTION_PAYLOAD event: no memory for zstd");
        }
    }
    *out = p;
    return true;
}

void binlog_payload_free(struct binlog_payload *p)
{
    if (p != NULL) {
        (void)ZSTD_freeDCtx(p->zstd);
        mem_free(p);
    }
}

static bool cut_off(struct error *err)
{
    return error_set(err, FAIL_CORRUPT,
                     "TRANSACTION_PAYLOAD event: it ends in the middle of its transaction");
}

/* Runs zstd until the output is full; false with err when the data end before it or are damaged. */
static bool expand(struct binlog_payload *p, ZSTD_outBuffer *out, struct error *err)
{
    while (out->pos < out->size) {
        size_t in_before = p->in.pos;
        size_t out_before = out->pos;
        size_t rc = ZSTD_decompressStream(p->zstd, out, &p->in);
        if (ZSTD_isError(rc)) {
            return error_set(err, FAIL_CORRUPT, "TRANSACTION_PAYLOAD event: zstd: %s",
                             ZSTD_getErrorName(rc));
        }
        p->frame_open = rc != 0;
        if (p->in.pos == in_before && out->pos == out_before) {
            return cut_off(err);
        }
    }
    return true;
}

/* The next len plain bytes. */
static bool take(struct binlog_payload *p, char *to, size_t len, struct error *err)
{
    if (len > p->left) {
        return cut_off(err);
    }
    p->left -= len;
    if (p->zstd == NULL) {
        memcpy(to, (const char *)p->in.src + p->in.pos, len);
        p->in.pos += len;
        return true;
    }
    ZSTD_outBuffer out = {.dst = to, .size = len};
    return expand(p, &out, err);
}

/* Nothing may follow the last event, and zstd must have found the frame's end. */
static enum binlog_payload_next finish(struct binlog_payload *p, struct error *err)
{
    char more;
    ZSTD_outBuffer out = {.dst = &more, .size = 1};
    while (p->frame_open) {
        size_t before = p->in.pos;
        size_t rc = ZSTD_decompressStream(p->zstd, &out, &p->in);
        if (ZSTD_isError(rc)) {
            (void)error_set(err, FAIL_CORRUPT, "TRANSACTION_PAYLOAD event: zstd: %s",
                            ZSTD_getErrorName(rc));
            return BINLOG_PAYLOAD_FAIL;
        }
        p->frame_open = rc != 0;
        if (out.pos > 0 || (p->frame_open && p->in.pos == before)) {
            break;
        }
    }
    if (p->frame_open || out.pos > 0 || p->in.pos != p->in.size) {
        (void)error_set(err, FAIL_CORRUPT,
                        "TRANSACTION_PAYLOAD event: it is longer or shorter than it says");
        return BINLOG_PAYLOAD_FAIL;
    }
    return BINLOG_PAYLOAD_END;
}

enum binlog_payload_next binlog_payload_next(struct binlog_payload *p, struct arena *arena,
                                             struct binlog_event *out, struct error *err)
{
    char header[BINLOG_HEADER_BYTES];
    if (p->left == 0) {
        return finish(p, err);
    }
    if (!take(p, header, sizeof(header), err)) {
        return BINLOG_PAYLOAD_FAIL;
    }
    struct reader r = reader_over((struct str){header, sizeof(header)}, "binlog event header");
    reader_skip(&r, SIZE_OFFSET);
    size_t size = reader_u32le(&r);
    if (size < sizeof(header) || size > BINLOG_MAX_EVENT_BYTES || size - sizeof(header) > p->left) {
        (void)error_set(err, FAIL_CORRUPT,
                        "TRANSACTION_PAYLOAD event: an event inside says %zu bytes where %llu "
                        "are left",
                        size, (unsigned long long)p->left + sizeof(header));
        return BINLOG_PAYLOAD_FAIL;
    }
    char *bytes = arena_alloc(arena, size);
    memcpy(bytes, header, sizeof(header));
    struct binlog_event e;
    if (!take(p, bytes + sizeof(header), size - sizeof(header), err) ||
        !binlog_event_read_bare((struct str){bytes, size}, &e, err)) {
        return BINLOG_PAYLOAD_FAIL;
    }
    if (e.type == BINLOG_TRANSACTION_PAYLOAD) {
        (void)error_set(err, FAIL_CORRUPT, "TRANSACTION_PAYLOAD event: another one inside");
        return BINLOG_PAYLOAD_FAIL;
    }
    *out = e;
    return BINLOG_PAYLOAD_EVENT;
}
