#include "sink/format/avro_file.h"

#include "base/mem.h"
#include "sink/format/avro_decoder.h"
#include "sink/format/avro_encoder.h"
#include "sink/format/avro_reader.h"
#include "sink/format/avro_writer.h"

/* Plain bytes of a block. Measured with rows of 13 columns (133 bytes) at zstd level 1: 128 and 256
 * KiB make files under 1 % smaller and nothing faster, and cost a merge of many files its memory.
 */
#define AVRO_FILE_BLOCK ((size_t)64 * 1024)
#define AVRO_FILE_READER ((uint64_t)512 * 1024)

struct format_writer {
    struct avro_writer *file;
    struct avro_encoder *encoder;
};

struct format_reader {
    struct avro_reader *file;
    struct avro_decoder *decoder;
    struct value *values;
    struct arena arena; /* of one row: wide decimals, nested values */
    struct reader block;
    uint64_t left; /* rows of the block */
};

static bool file_check(const struct schema_field *fields, size_t count,
                       const struct format_options *o, struct error *err)
{
    enum compress_codec codec;
    return compress_of_option(o->compression, &codec, err) && avro_schema_check(fields, count, err);
}

static bool file_writer_open(struct fs fs, const char *path, const struct schema_field *fields,
                             size_t count, const struct format_options *o,
                             struct format_writer **out, struct error *err)
{
    enum compress_codec codec;
    if (!avro_schema_check(fields, count, err) ||
        !compress_of_option(o->compression, &codec, err)) {
        return error_in(err, "%s", path);
    }
    struct buf schema = BUF_INIT((size_t)64 << 20);
    avro_schema_print(fields, count, &schema);
    struct avro_writer *file = NULL;
    bool ok = buf_ok(&schema, "the Avro schema", err) &&
              avro_writer_open(fs, path, buf_str(&schema), codec, o->zstd_level, AVRO_FILE_BLOCK,
                               &file, err);
    buf_release(&schema);
    if (!ok) {
        return false;
    }
    struct format_writer *w = MEM_NEW(struct format_writer);
    w->file = file;
    w->encoder = avro_encoder_new(fields, count);
    *out = w;
    return true;
}

static bool file_write(struct format_writer *w, const struct value *values, struct error *err)
{
    return avro_encoder_row(w->encoder, values, avro_writer_block(w->file), err) &&
           avro_writer_row(w->file, err);
}

static uint64_t file_written_bytes(const struct format_writer *w)
{
    return avro_writer_bytes(w->file);
}

static void writer_free(struct format_writer *w)
{
    avro_encoder_free(w->encoder);
    mem_free(w);
}

static bool file_writer_finish(struct format_writer *w, uint64_t *out_bytes, struct error *err)
{
    bool ok = avro_writer_finish(w->file, out_bytes, err);
    writer_free(w);
    return ok;
}

static void file_writer_abandon(struct format_writer *w)
{
    if (w != NULL) {
        avro_writer_abandon(w->file);
        writer_free(w);
    }
}

static void file_reader_close(struct format_reader *r)
{
    if (r == NULL) {
        return;
    }
    avro_reader_close(r->file);
    avro_decoder_free(r->decoder);
    arena_release(&r->arena);
    mem_free(r->values);
    mem_free(r);
}

static bool file_reader_open(struct fs fs, const char *path, uint64_t file_bytes,
                             const struct schema_field *fields, size_t count,
                             struct format_reader **out, struct error *err)
{
    struct format_reader *r = MEM_NEW(struct format_reader);
    if (!avro_reader_open(fs, path, file_bytes, AVRO_READER_MAX_BLOCK, &r->file, err)) {
        file_reader_close(r);
        return false;
    }
    if (!avro_decoder_new(avro_reader_schema(r->file), fields, count, &r->decoder, err)) {
        (void)error_in(err, "%s", path);
        file_reader_close(r);
        return false;
    }
    r->values = MEM_ARRAY(struct value, count);
    *out = r;
    return true;
}

static enum next file_read(struct format_reader *r, const struct value **out_values,
                           struct error *err)
{
    if (r->left == 0) {
        if (!avro_reader_next(r->file, &r->left, &r->block, err)) {
            return NEXT_FAIL;
        }
        if (r->left == 0) {
            return NEXT_END;
        }
    }
    if (r->arena.used_bytes > 0) {
        arena_reset(&r->arena);
    }
    avro_decoder_row(r->decoder, &r->block, &r->arena, r->values);
    r->left--;
    if (r->left == 0 ? !reader_end(&r->block, err) : !reader_ok(&r->block, err)) {
        (void)error_in(err, "%s", avro_reader_path(r->file));
        return NEXT_FAIL;
    }
    *out_values = r->values;
    return NEXT_ROW;
}

/* The window, a block packed and plain, and a row. Blocks of Java's writers have 64 KB; how long
 * one is stands in the file alone. */
static bool file_reader_memory(struct fs fs, const char *path, uint64_t file_bytes,
                               const struct schema_field *fields, size_t count, uint64_t *out_bytes,
                               struct error *err)
{
    (void)fs, (void)path, (void)file_bytes, (void)fields, (void)count, (void)err;
    *out_bytes = AVRO_FILE_READER;
    return true;
}

const struct format_ops avro_file_ops = {
    .name = "avro",
    .check = file_check,
    .writer_open = file_writer_open,
    .write = file_write,
    .written_bytes = file_written_bytes,
    .writer_finish = file_writer_finish,
    .writer_abandon = file_writer_abandon,
    .reader_open = file_reader_open,
    .read = file_read,
    .reader_close = file_reader_close,
    .reader_memory = file_reader_memory,
};
