#include "sink/format/avro_reader.h"

#include <string.h>

#include "base/mem.h"
#include "sink/format/compress.h"

#define AVRO_WINDOW (128 * 1024)
#define AVRO_MAX_HEADER ((size_t)64 << 20)
#define AVRO_SYNC 16
#define AVRO_HEAD 20 /* two varints of ten bytes */

struct avro_reader {
    struct fs fs;
    char *path;
    uint64_t file_bytes;
    uint64_t window_at; /* where in the file the window begins */
    struct buf window;
    size_t used; /* bytes of the window that are done with */
    struct buf plain;
    struct arena arena; /* of the schema */
    const struct avro_node *schema;
    enum compress_codec codec;
    char sync[AVRO_SYNC];
};

static uint64_t left_in_file(const struct avro_reader *r)
{
    return r->file_bytes - r->window_at - r->used;
}

/* The next bytes, at least want of them or all there are. */
static bool fill(struct avro_reader *r, size_t want, struct str *out, struct error *err)
{
    uint64_t left = left_in_file(r);
    want = want < left ? want : (size_t)left;
    size_t have = r->window.len - r->used;
    if (have < want) {
        if (r->used > 0) {
            memmove(r->window.ptr, r->window.ptr + r->used, have);
            r->window_at += r->used;
            r->window.len = have;
            r->used = 0;
        }
        size_t more = want - have > AVRO_WINDOW ? want - have : AVRO_WINDOW;
        uint64_t unread = left - have;
        more = more < unread ? more : (size_t)unread;
        char *into = buf_room(&r->window, more);
        if (into == NULL) {
            (void)error_set(err, FAIL_LIMIT, "a block of more than %zu bytes", r->window.max);
            return false;
        }
        if (!r->fs.ops->read_range(r->fs.self, r->path, r->window_at + have, more, into, err)) {
            return false;
        }
        r->window.len += more;
        have += more;
    }
    *out = (struct str){have == 0 ? "" : r->window.ptr + r->used, have};
    return true;
}

struct header {
    struct str schema;
    struct str codec;
    struct str sync;
};

static void parse_header(struct reader *r, struct header *h)
{
    if (!str_eq(reader_bytes(r, 4), STR("Obj\x01"))) {
        reader_fail(r);
    }
    while (!r->failed) {
        int64_t count = reader_zigzag(r);
        if (count < 0) {
            (void)reader_zigzag(r);
            count = count == INT64_MIN ? INT64_MAX : -count;
        }
        size_t n = reader_count(r, (uint64_t)count, 2);
        if (n == 0) {
            break;
        }
        for (size_t i = 0; i < n && !r->failed; i++) {
            int64_t key_len = reader_zigzag(r);
            struct str key = reader_bytes(r, key_len < 0 ? SIZE_MAX : (size_t)key_len);
            int64_t len = reader_zigzag(r);
            struct str value = reader_bytes(r, len < 0 ? SIZE_MAX : (size_t)len);
            if (str_eq(key, STR("avro.schema"))) {
                h->schema = value;
            } else if (str_eq(key, STR("avro.codec"))) {
                h->codec = value;
            }
        }
    }
    h->sync = reader_bytes(r, AVRO_SYNC);
}

static bool read_header(struct avro_reader *r, struct error *err)
{
    struct str bytes;
    size_t want = 4096;
    for (;;) {
        if (!fill(r, want, &bytes, err)) {
            return false;
        }
        if (!str_starts(bytes, STR("Obj\x01"))) {
            return error_set(err, FAIL_CORRUPT, "not an Avro file (it does not begin with Obj1)");
        }
        struct header h = {.schema = {NULL, 0}};
        struct reader in = reader_over(bytes, "Avro header");
        parse_header(&in, &h);
        if (!in.failed) {
            r->used += in.offset;
            memcpy(r->sync, h.sync.ptr, AVRO_SYNC);
            return compress_of_avro(h.codec, &r->codec, err) &&
                   avro_schema_parse(h.schema, &r->arena, &r->schema, err);
        }
        /* Not whole yet, or damaged: only more bytes can tell. */
        if (bytes.len >= left_in_file(r)) {
            return reader_ok(&in, err);
        }
        if (want >= AVRO_MAX_HEADER) {
            return error_set(err, FAIL_LIMIT, "the header is longer than %zu bytes", want);
        }
        want = bytes.len * 4;
    }
}

bool avro_reader_open(struct fs fs, const char *path, uint64_t file_bytes, size_t max_block,
                      struct avro_reader **out, struct error *err)
{
    struct avro_reader *r = MEM_NEW(struct avro_reader);
    r->fs = fs;
    r->path = mem_dup(path, strlen(path));
    r->file_bytes = file_bytes;
    r->plain = BUF_INIT(max_block);
    r->window = BUF_INIT(2 * AVRO_READER_MAX_BLOCK);
    if (!read_header(r, err)) {
        (void)error_in(err, "%s", path);
        avro_reader_close(r);
        return false;
    }
    *out = r;
    return true;
}

const struct avro_node *avro_reader_schema(const struct avro_reader *r)
{
    return r->schema;
}

const char *avro_reader_path(const struct avro_reader *r)
{
    return r->path;
}

static bool next_block(struct avro_reader *r, uint64_t *out_rows, struct reader *out_bytes,
                       struct error *err)
{
    struct str bytes;
    if (!fill(r, AVRO_HEAD, &bytes, err)) {
        return false;
    }
    struct reader head = reader_over(bytes, "Avro block");
    int64_t rows = reader_zigzag(&head);
    int64_t size = reader_zigzag(&head);
    if (!reader_ok(&head, err)) {
        return false;
    }
    r->used += head.offset;
    uint64_t left = left_in_file(r);
    if (rows < 0 || size < 0 || left < AVRO_SYNC || (uint64_t)size > left - AVRO_SYNC) {
        return error_set(err, FAIL_CORRUPT,
                         "a block of %lld rows and %lld bytes, with %llu bytes left in the file",
                         (long long)rows, (long long)size, (unsigned long long)left);
    }
    if (!fill(r, (size_t)size + AVRO_SYNC, &bytes, err)) {
        return false;
    }
    if (memcmp(bytes.ptr + size, r->sync, AVRO_SYNC) != 0) {
        return error_set(err, FAIL_CORRUPT, "the mark after a block is not the file's own");
    }
    struct str packed = str_slice(bytes, 0, (size_t)size);
    r->used += (size_t)size + AVRO_SYNC;
    if (r->codec != COMPRESS_NONE) {
        if (!compress_expand(r->codec, packed, &r->plain, err)) {
            return false;
        }
        packed = buf_str(&r->plain);
    } else if (packed.len > r->plain.max) {
        return error_set(err, FAIL_LIMIT, "a block is longer than %zu bytes", r->plain.max);
    }
    *out_bytes = reader_over(packed, "Avro block");
    *out_rows = (uint64_t)rows;
    /* Rows have a byte at least: an absurd count ends here, not in a loop. */
    size_t min = r->schema->min_bytes > 0 ? r->schema->min_bytes : 1;
    (void)reader_count(out_bytes, *out_rows, min);
    return rows > 0 ? reader_ok(out_bytes, err) : reader_end(out_bytes, err);
}

bool avro_reader_next(struct avro_reader *r, uint64_t *out_rows, struct reader *out_bytes,
                      struct error *err)
{
    uint64_t at;
    do {
        at = r->window_at + r->used;
        if (left_in_file(r) == 0) {
            *out_rows = 0;
            return true;
        }
        if (!next_block(r, out_rows, out_bytes, err)) {
            return error_in(err, "%s: block at byte %llu", r->path, (unsigned long long)at);
        }
    } while (*out_rows == 0);
    return true;
}

void avro_reader_close(struct avro_reader *r)
{
    if (r == NULL) {
        return;
    }
    buf_release(&r->window);
    buf_release(&r->plain);
    arena_release(&r->arena);
    mem_free(r->path);
    mem_free(r);
}
