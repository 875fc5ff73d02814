/* Container: "Obj" 0x01 | metadata map | sync (16) | blocks of
 *   { long rows, long bytes, those bytes (compressed), sync (16) }
 * The metadata is one map block of two entries, avro.schema first, as Java writes it. */
#include "sink/format/avro_writer.h"

#include <string.h>
#include <sys/random.h>

#include "base/mem.h"

/* One row may be as long as the source's longest (MySQL's max_allowed_packet is 1 GiB). */
#define AVRO_MAX_BLOCK (((size_t)1 << 30) + ((size_t)64 << 20))

struct avro_writer {
    struct fs fs;
    struct fs_out *file;
    struct buf block;
    struct buf packed;
    uint64_t rows; /* in the block */
    uint64_t done; /* bytes written */
    size_t block_bytes;
    enum compress_codec codec;
    int level;
    char sync[16];
};

static void writer_free(struct avro_writer *w)
{
    buf_release(&w->block);
    buf_release(&w->packed);
    mem_free(w);
}

static bool put(struct avro_writer *w, struct str bytes, struct error *err)
{
    if (!w->fs.ops->append(w->file, bytes, err)) {
        return false;
    }
    w->done += bytes.len;
    return true;
}

static void put_text(struct buf *b, struct str s)
{
    buf_put_zigzag(b, (int64_t)s.len);
    buf_put_str(b, s);
}

static bool put_header(struct avro_writer *w, struct str schema, struct error *err)
{
    struct buf head = BUF_INIT(AVRO_MAX_BLOCK);
    buf_put(&head, "Obj\x01", 4);
    buf_put_zigzag(&head, 2);
    put_text(&head, STR("avro.schema"));
    put_text(&head, schema);
    put_text(&head, STR("avro.codec"));
    put_text(&head, str_of(compress_avro_name(w->codec)));
    buf_put_zigzag(&head, 0);
    buf_put(&head, w->sync, sizeof(w->sync));
    bool ok = buf_ok(&head, "the file's header", err) && put(w, buf_str(&head), err);
    buf_release(&head);
    return ok;
}

bool avro_writer_open(struct fs fs, const char *path, struct str schema, enum compress_codec codec,
                      int level, size_t block_bytes, struct avro_writer **out, struct error *err)
{
    struct avro_writer *w = MEM_NEW(struct avro_writer);
    w->fs = fs;
    w->block = BUF_INIT(AVRO_MAX_BLOCK);
    w->packed = BUF_INIT(2 * AVRO_MAX_BLOCK);
    w->block_bytes = block_bytes;
    w->codec = codec;
    w->level = level;
    must(getrandom(w->sync, sizeof(w->sync), 0) == (ssize_t)sizeof(w->sync));
    if (!fs.ops->create(fs.self, path, &w->file, err)) {
        writer_free(w);
        return false;
    }
    if (!put_header(w, schema, err)) {
        avro_writer_abandon(w);
        return false;
    }
    *out = w;
    return true;
}

struct buf *avro_writer_block(struct avro_writer *w)
{
    return &w->block;
}

static bool flush_block(struct avro_writer *w, struct error *err)
{
    if (w->rows == 0) {
        return true;
    }
    struct buf head = BUF_INIT(32);
    buf_reset(&w->packed);
    struct str body = buf_str(&w->block);
    if (w->codec != COMPRESS_NONE) {
        if (!compress_block(w->codec, w->level, body, &w->packed, err)) {
            return false;
        }
        body = buf_str(&w->packed);
    }
    buf_put_zigzag(&head, (int64_t)w->rows);
    buf_put_zigzag(&head, (int64_t)body.len);
    bool ok = put(w, buf_str(&head), err) && put(w, body, err) &&
              put(w, (struct str){w->sync, sizeof(w->sync)}, err);
    buf_release(&head);
    buf_reset(&w->block);
    w->rows = 0;
    return ok;
}

bool avro_writer_row(struct avro_writer *w, struct error *err)
{
    w->rows++;
    return w->block.len < w->block_bytes || flush_block(w, err);
}

uint64_t avro_writer_bytes(const struct avro_writer *w)
{
    return w->done + w->block.len;
}

bool avro_writer_finish(struct avro_writer *w, uint64_t *out_bytes, struct error *err)
{
    if (!flush_block(w, err)) {
        avro_writer_abandon(w);
        return false;
    }
    bool ok = w->fs.ops->finish(w->file, err);
    if (ok) {
        *out_bytes = w->done;
    }
    writer_free(w);
    return ok;
}

void avro_writer_abandon(struct avro_writer *w)
{
    if (w != NULL) {
        w->fs.ops->abandon(w->file);
        writer_free(w);
    }
}
