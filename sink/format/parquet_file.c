#include "sink/format/parquet_file.h"

#include "base/mem.h"
#include "sink/format/parquet_reader.h"
#include "sink/format/parquet_writer.h"

struct format_writer {
    struct parquet_writer *file;
};

struct format_reader {
    struct parquet_reader *file;
    const struct value *rows;
    size_t width;
    size_t at, count; /* rows of the block */
};

static bool check_type(const struct type *t, struct error *err)
{
    switch (t->kind) {
    case TYPE_ARRAY:
    case TYPE_MULTISET:
        return check_type(t->element, err);
    case TYPE_MAP:
        return check_type(t->key, err) && check_type(t->element, err);
    case TYPE_ROW:
        for (size_t i = 0; i < t->field_count; i++) {
            if (!check_type(t->fields[i].type, err)) {
                return error_in(err, "field %.*s", STR_FMT(str_slice(t->fields[i].name, 0, 80)));
            }
        }
        return t->field_count > 0 ||
               error_set(err, FAIL_SCHEMA, "a ROW without fields cannot stand in Parquet");
    case TYPE_BOOLEAN:
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT:
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
    case TYPE_DECIMAL:
    case TYPE_CHAR:
    case TYPE_VARCHAR:
    case TYPE_BINARY:
    case TYPE_VARBINARY:
    case TYPE_DATE:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
    case TYPE_TIME: /* Paimon keeps milliseconds, whatever the precision */
        break;
    }
    return true;
}

static bool file_check(const struct schema_field *fields, size_t count,
                       const struct format_options *o, struct error *err)
{
    enum compress_codec codec;
    for (size_t i = 0; i < count; i++) {
        if (!check_type(&fields[i].type, err)) {
            return error_in(err, "column %.*s", STR_FMT(str_slice(fields[i].name, 0, 80)));
        }
    }
    return compress_of_parquet_option(o->compression, &codec, err);
}

static bool file_writer_open(struct fs fs, const char *path, const struct schema_field *fields,
                             size_t count, const struct format_options *o,
                             struct format_writer **out, struct error *err)
{
    struct parquet_writer_options options = {
        .level = o->zstd_level, .group_bytes = o->block_bytes, .memory_bytes = o->memory_bytes};
    struct parquet_writer *file = NULL;
    if (!file_check(fields, count, o, err) ||
        !compress_of_parquet_option(o->compression, &options.codec, err)) {
        return error_in(err, "%s", path);
    }
    if (!parquet_writer_open(fs, path, fields, count, &options, &file, err)) {
        return false;
    }
    struct format_writer *w = MEM_NEW(struct format_writer);
    w->file = file;
    *out = w;
    return true;
}

static bool file_write(struct format_writer *w, const struct value *values, struct error *err)
{
    return parquet_writer_row(w->file, values, err);
}

static uint64_t file_written_bytes(const struct format_writer *w)
{
    return parquet_writer_bytes(w->file);
}

static bool file_writer_finish(struct format_writer *w, uint64_t *out_bytes, struct error *err)
{
    bool ok = parquet_writer_finish(w->file, out_bytes, err);
    mem_free(w);
    return ok;
}

static void file_writer_abandon(struct format_writer *w)
{
    if (w != NULL) {
        parquet_writer_abandon(w->file);
        mem_free(w);
    }
}

static bool file_reader_open(struct fs fs, const char *path, uint64_t file_bytes,
                             const struct schema_field *fields, size_t count,
                             struct format_reader **out, struct error *err)
{
    struct parquet_reader *file = NULL;
    if (!parquet_reader_open(fs, path, file_bytes, fields, count, NULL, &file, err)) {
        return false;
    }
    struct format_reader *r = MEM_NEW(struct format_reader);
    r->file = file;
    r->width = count;
    *out = r;
    return true;
}

static enum next file_read(struct format_reader *r, const struct value **out_values,
                           struct error *err)
{
    if (r->at == r->count) {
        r->at = 0;
        r->count = 0;
        if (!parquet_reader_rows(r->file, &r->rows, &r->count, err)) {
            return NEXT_FAIL;
        }
        if (r->count == 0) {
            return NEXT_END;
        }
    }
    *out_values = r->rows + r->at++ * r->width;
    return NEXT_ROW;
}

static void file_reader_close(struct format_reader *r)
{
    if (r != NULL) {
        parquet_reader_close(r->file);
        mem_free(r);
    }
}

static bool file_reader_memory(struct fs fs, const char *path, uint64_t file_bytes,
                               const struct schema_field *fields, size_t count, uint64_t *out_bytes,
                               struct error *err)
{
    struct parquet_reader *file = NULL;
    if (!parquet_reader_open(fs, path, file_bytes, fields, count, NULL, &file, err)) {
        return false;
    }
    bool ok = parquet_reader_memory(file, out_bytes, err);
    parquet_reader_close(file);
    return ok;
}

const struct format_ops parquet_file_ops = {
    .name = "parquet",
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
