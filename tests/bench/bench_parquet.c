/* tests/bench/bench_parquet.c: what our Parquet reader and writer cost on a file's own columns.
 *
 *   bench_parquet FILE [codec] [OUT]     codec: zstd (default), none, snappy …; OUT keeps what was
 *                                        written
 *
 * Reads FILE by columns and by rows, then writes the same rows again, by columns and by rows, to a
 * store that only counts. Prints `name seconds`, the least CPU time of several rounds each, and the
 * sizes. bench_parquet.py holds this against Arrow in one run. Columns that are nested are left
 * out. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/instant.h"
#include "base/mem.h"
#include "sink/format/parquet_reader.h"
#include "sink/format/parquet_writer.h"
#include "sink/fs/fs_local.h"

#define ROUNDS 5

static struct error err;

static void ok(bool result)
{
    if (!result) {
        (void)fprintf(stderr, "bench_parquet: %s\n", err.text);
        exit(1);
    }
}

/* ---- a store that counts ---- */

struct fs_out {
    uint64_t *bytes;
};

static bool null_create(void *self, const char *path, struct fs_out **out, struct error *e)
{
    (void)path, (void)e;
    *out = MEM_NEW(struct fs_out);
    (*out)->bytes = self;
    return true;
}

static bool null_append(struct fs_out *out, struct str bytes, struct error *e)
{
    (void)e;
    *out->bytes += bytes.len;
    return true;
}

static bool null_finish(struct fs_out *out, struct error *e)
{
    (void)e;
    mem_free(out);
    return true;
}

static void null_abandon(struct fs_out *out)
{
    mem_free(out);
}

static const struct fs_ops null_ops = {.name = "null",
                                       .create = null_create,
                                       .append = null_append,
                                       .finish = null_finish,
                                       .abandon = null_abandon};

/* ---- the file's columns as Paimon's types ---- */

static bool type_of(const struct parquet_element *e, struct type *t)
{
    static const uint8_t kinds[] = {[PARQUET_BOOLEAN] = TYPE_BOOLEAN,
                                    [PARQUET_INT32] = TYPE_INT,
                                    [PARQUET_INT64] = TYPE_BIGINT,
                                    [PARQUET_INT96] = TYPE_TIMESTAMP,
                                    [PARQUET_FLOAT] = TYPE_FLOAT,
                                    [PARQUET_DOUBLE] = TYPE_DOUBLE,
                                    [PARQUET_BYTES] = TYPE_VARBINARY,
                                    [PARQUET_FIXED] = TYPE_VARBINARY,
                                    [PARQUET_GROUP] = 0};
    if (e->physical == PARQUET_GROUP || e->repetition == PARQUET_REPEATED) {
        return false;
    }
    *t = (struct type){.kind = (enum type_kind)kinds[e->physical],
                       .nullable = e->repetition == PARQUET_OPTIONAL,
                       .length = TYPE_MAX_LENGTH,
                       .precision = 9};
    if (e->logical == PARQUET_LOGICAL_DECIMAL) {
        t->kind = TYPE_DECIMAL;
        t->precision = (uint8_t)e->precision;
        t->scale = (uint8_t)e->scale;
    } else if (e->logical == PARQUET_LOGICAL_STRING) {
        t->kind = TYPE_VARCHAR;
    } else if (e->logical == PARQUET_LOGICAL_DATE) {
        t->kind = TYPE_DATE;
    } else if (e->logical == PARQUET_LOGICAL_TIME) {
        t->kind = TYPE_TIME;
        t->precision = 3;
    } else if (e->logical == PARQUET_LOGICAL_TIMESTAMP) {
        t->kind = e->utc ? TYPE_TIMESTAMP_LTZ : TYPE_TIMESTAMP;
        t->precision = e->unit == PARQUET_MILLIS ? 3 : 6;
    } else if (e->logical == PARQUET_LOGICAL_INT) {
        t->kind = e->bits == 8    ? TYPE_TINYINT
                  : e->bits == 16 ? TYPE_SMALLINT
                  : e->bits == 32 ? TYPE_INT
                                  : TYPE_BIGINT;
    }
    return true;
}

struct bench {
    struct fs fs;
    const char *path;
    uint64_t bytes;
    struct arena arena;
    struct schema_field *fields;
    size_t width;
    uint64_t sum;                 /* so that nothing is optimised away */
    struct parquet_block *blocks; /* width of them for each block of rows */
    size_t block_count, block_cap;
    const struct value **rows;
    size_t row_count, row_cap;
};

static void take_fields(struct bench *b)
{
    char tail[PARQUET_TAIL];
    uint32_t len;
    bool found;
    struct parquet_meta meta;
    ok(b->fs.ops->size(b->fs.self, b->path, &b->bytes, &found, &err));
    ok(found && b->bytes > 12);
    ok(b->fs.ops->read_range(b->fs.self, b->path, b->bytes - PARQUET_TAIL, PARQUET_TAIL, tail,
                             &err));
    memcpy(&len, tail, sizeof(len));
    char *footer = arena_alloc(&b->arena, len);
    ok(b->fs.ops->read_range(b->fs.self, b->path, b->bytes - PARQUET_TAIL - len, len, footer,
                             &err));
    ok(parquet_meta_read((struct str){footer, len}, &b->arena, &meta, &err));
    b->fields = ARENA_ARRAY(&b->arena, struct schema_field, meta.element_count);
    size_t skip = 0; /* elements below a group */
    for (size_t i = 1; i < meta.element_count; i++) {
        const struct parquet_element *e = &meta.elements[i];
        if (skip == 0 && type_of(e, &b->fields[b->width].type)) {
            b->fields[b->width].name = e->name;
            b->fields[b->width].id = (int32_t)b->width;
            b->width++;
        }
        skip = (skip > 0 ? skip - 1 : 0) + (size_t)e->child_count;
    }
}

static struct parquet_reader *open_reader(struct bench *b)
{
    struct parquet_reader *r;
    ok(parquet_reader_open(b->fs, b->path, b->bytes, b->fields, b->width, NULL, &r, &err));
    return r;
}

static bool count_block(void *self, const struct parquet_leaf *leaf,
                        const struct parquet_block *block)
{
    struct bench *b = self;
    (void)leaf;
    b->sum += block->values;
    return true;
}

static void read_columns(struct bench *b)
{
    struct parquet_reader *r = open_reader(b);
    size_t n;
    do {
        ok(parquet_reader_blocks(r, count_block, b, &n, &err));
    } while (n > 0);
    parquet_reader_close(r);
}

static void read_rows(struct bench *b)
{
    struct parquet_reader *r = open_reader(b);
    const struct value *rows;
    size_t n;
    do {
        ok(parquet_reader_rows(r, &rows, &n, &err));
        b->sum += n;
    } while (n > 0);
    parquet_reader_close(r);
}

/* ---- the rows in memory, to be written ---- */

static bool keep_block(void *self, const struct parquet_leaf *leaf,
                       const struct parquet_block *from)
{
    struct bench *b = self;
    VEC_ROOM(b->blocks, b->block_count, b->block_cap);
    struct parquet_block *to = &b->blocks[b->block_count++];
    size_t width = parquet_block_width(leaf->physical);
    *to = (struct parquet_block){.entries = from->entries, .values = from->values};
    to->defs = arena_alloc(&b->arena, from->entries);
    to->reps = to->defs;
    memcpy(to->defs, from->defs, from->entries);
    to->data = arena_alloc(&b->arena, from->values * width);
    memcpy(to->data, from->data, from->values * width);
    for (uint32_t i = 0; width == sizeof(struct str) && i < from->values; i++) {
        to->texts[i] = arena_str(&b->arena, from->texts[i]);
    }
    return true;
}

static void keep_all(struct bench *b)
{
    struct parquet_reader *r = open_reader(b);
    const struct value *rows;
    size_t n;
    do {
        ok(parquet_reader_blocks(r, keep_block, b, &n, &err));
    } while (n > 0);
    parquet_reader_close(r);
    r = open_reader(b);
    do {
        ok(parquet_reader_rows(r, &rows, &n, &err));
        for (size_t i = 0; i < n; i++) {
            VEC_ROOM(b->rows, b->row_count, b->row_cap);
            b->rows[b->row_count++] = row_copy(&b->arena, b->fields, b->width, rows + i * b->width);
        }
    } while (n > 0);
    parquet_reader_close(r);
}

static uint64_t write_columns(struct bench *b, struct fs fs, const char *path,
                              const struct parquet_writer_options *o)
{
    struct parquet_writer *w;
    uint64_t bytes = 0;
    ok(parquet_writer_open(fs, path, b->fields, b->width, o, &w, &err));
    for (size_t i = 0; i < b->block_count; i += b->width) {
        ok(parquet_writer_blocks(w, &b->blocks[i], b->blocks[i].entries, &err));
    }
    ok(parquet_writer_finish(w, &bytes, &err));
    return bytes;
}

static uint64_t write_rows(struct bench *b, struct fs fs, const struct parquet_writer_options *o)
{
    struct parquet_writer *w;
    uint64_t bytes = 0;
    ok(parquet_writer_open(fs, "x", b->fields, b->width, o, &w, &err));
    for (size_t i = 0; i < b->row_count; i++) {
        ok(parquet_writer_row(w, b->rows[i], &err));
    }
    ok(parquet_writer_finish(w, &bytes, &err));
    return bytes;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        (void)fputs("usage: bench_parquet FILE [codec] [OUT]\n", stderr);
        return 2;
    }
    struct bench b = {.fs = fs_local_open(), .path = argv[1]};
    struct parquet_writer_options o = {.level = 1};
    uint64_t counted = 0;
    uint64_t bytes = 0;
    struct fs null = {&null_ops, &counted};
    uint64_t best[4] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    static const char *const names[] = {"read_columns", "read_rows", "write_columns", "write_rows"};
    ok(compress_of_parquet_option(str_of(argc > 2 ? argv[2] : "zstd"), &o.codec, &err));
    take_fields(&b);
    keep_all(&b);
    for (int round = 0; round < ROUNDS; round++) {
        for (int what = 0; what < 4; what++) {
            uint64_t start = instant_cpu_ns();
            if (what == 0) {
                read_columns(&b);
            } else if (what == 1) {
                read_rows(&b);
            } else if (what == 2) {
                bytes = write_columns(&b, null, "x", &o);
            } else {
                must(write_rows(&b, null, &o) > 0);
            }
            uint64_t took = instant_cpu_ns() - start;
            best[what] = took < best[what] ? took : best[what];
        }
    }
    for (int what = 0; what < 4; what++) {
        printf("%s %.6f\n", names[what], (double)best[what] / 1e9);
    }
    if (argc > 3) {
        ok(b.fs.ops->remove(b.fs.self, argv[3], &err));
        bytes = write_columns(&b, b.fs, argv[3], &o);
    }
    printf("rows %zu\ncolumns %zu\nbytes %" PRIu64 "\n", b.row_count, b.width, bytes);
    return 0;
}
