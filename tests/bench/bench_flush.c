/* tests/bench/bench_flush.c: what a row costs on its way into a level-0 file, and out of merges.
 *
 *   bench_flush [rows] [folder]      default 200000 rows; files go to the folder (default: none are
 *                                    kept: a store that counts bytes and throws them away)
 *
 * Prints microseconds of CPU per row: add (copy into the buffer), sort alone (several kinds of
 * keys), flush (sort, Avro, zstd 1, statistics), and with a folder also a 2-way merge of the two
 * runs written. The 10-column row is that of the race (id, several ints, texts, decimal, times). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/instant.h"
#include "base/mem.h"
#include "sink/compact_task.h"
#include "sink/sort_buffer.h"

/* Takes writes and counts them. */
struct fs_out {
    uint64_t *bytes;
};

static bool null_create(void *self, const char *path, struct fs_out **out, struct error *err)
{
    (void)path;
    (void)err;
    *out = MEM_NEW(struct fs_out);
    (*out)->bytes = self;
    return true;
}
static bool null_append(struct fs_out *out, struct str bytes, struct error *err)
{
    (void)err;
    *out->bytes += bytes.len;
    return true;
}
static void null_abandon(struct fs_out *out)
{
    mem_free(out);
}
static bool null_finish(struct fs_out *out, struct error *err)
{
    (void)err;
    mem_free(out);
    return true;
}
static bool null_remove(void *self, const char *path, struct error *err)
{
    (void)self;
    (void)path;
    (void)err;
    return true;
}

/* Only what writing calls. */
static const struct fs_ops null_ops = {.name = "null",
                                       .create = null_create,
                                       .append = null_append,
                                       .finish = null_finish,
                                       .abandon = null_abandon,
                                       .remove = null_remove};

enum keys { KEYS_ASCENDING, KEYS_RANDOM, KEYS_TEXT, KEYS_PAIR, KEYS_COUNT };
static const char *const keys_names[] = {"int, ascending", "int, random", "text, random",
                                         "(int, bigint), random"};

static void add_field(struct schema *s, const char *name, struct type type, bool key)
{
    s->fields[s->field_count] =
        (struct schema_field){.id = (int32_t)s->field_count, .name = str_of(name), .type = type};
    if (key) {
        s->primary_key[s->primary_key_count++] = s->field_count;
    }
    s->field_count++;
}

static struct schema *make_schema(enum keys keys)
{
    struct schema *s = schema_new();
    s->fields = ARENA_ARRAY(&s->arena, struct schema_field, 16);
    s->primary_key = ARENA_ARRAY(&s->arena, size_t, 2);
    const struct type text = {.kind = TYPE_VARCHAR, .length = 100, .nullable = true};
    const struct type number = {.kind = TYPE_INT, .nullable = true};
    if (keys == KEYS_TEXT) {
        add_field(s, "id", (struct type){.kind = TYPE_VARCHAR, .length = 40}, true);
    } else {
        add_field(s, "id", (struct type){.kind = TYPE_INT}, true);
    }
    add_field(s, "customer", (struct type){.kind = TYPE_BIGINT}, keys == KEYS_PAIR);
    add_field(s, "status", text, false);
    add_field(s, "amount",
              (struct type){.kind = TYPE_DECIMAL, .precision = 12, .scale = 2, .nullable = true},
              false);
    add_field(s, "quantity", number, false);
    add_field(s, "note", text, false);
    add_field(s, "created", (struct type){.kind = TYPE_TIMESTAMP, .precision = 6, .nullable = true},
              false);
    add_field(s, "day", (struct type){.kind = TYPE_DATE, .nullable = true}, false);
    add_field(s, "score", (struct type){.kind = TYPE_DOUBLE, .nullable = true}, false);
    add_field(s, "flags", number, false);
    return s;
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 31)) * UINT64_C(0x7fb5d329728ea185);
    x = (x ^ (x >> 27)) * UINT64_C(0x81dadef4bc2dd44d);
    return x ^ (x >> 33);
}

static void make_row(enum keys keys, uint64_t i, uint64_t rows, struct value *v, char text[2][64])
{
    static const char *const states[] = {"new", "paid", "packed", "sent", "returned"};
    uint64_t r = mix(i);
    uint64_t id = keys == KEYS_ASCENDING ? i : i * 2654435761u % rows;
    memset(v, 0, 10 * sizeof(*v));
    for (size_t c = 0; c < 10; c++) {
        v[c].state = VALUE_SET;
    }
    if (keys == KEYS_TEXT) {
        v[0].len = (uint32_t)snprintf(text[0], 64, "order-2026-%012" PRIu64, id);
        v[0].bytes = text[0];
    } else {
        v[0].i = keys == KEYS_PAIR ? (int64_t)(id % 97) : (int64_t)id;
    }
    v[1].i = keys == KEYS_PAIR ? (int64_t)id + 5000000000 : (int64_t)(r % 1000000);
    v[2].bytes = states[r % 5];
    v[2].len = (uint32_t)strlen(v[2].bytes);
    v[3].i = (int64_t)(r >> 20 & 0xfffff);
    v[4].i = (int64_t)(r >> 40 & 15);
    v[5].len = (uint32_t)snprintf(text[1], 64, "note %" PRIx64 " for %" PRIu64, r >> 24, id);
    v[5].bytes = text[1];
    v[6].i = INT64_C(1760000000000) + (int64_t)i * 37;
    v[6].len = (uint32_t)(r % 1000) * 1000;
    v[7].i = 20000 + (int64_t)(i % 400);
    v[8].f8 = (double)(r % 10000) / 7.0;
    v[9].i = (int64_t)(r & 7);
}

struct bench {
    struct arena arena;
    struct schema *schema;
    struct data_file_layout layout;
    struct format_options options;
    atomic_uint_fast64_t counter;
    struct run_target target;
};

static void bench_init(struct bench *b, enum keys keys, struct fs fs, const char *folder)
{
    struct error err;
    memset(b, 0, sizeof(*b));
    b->schema = make_schema(keys);
    data_file_layout(b->schema, &b->arena, &b->layout);
    b->options = (struct format_options){.compression = STR("zstd"), .zstd_level = 1};
    b->target = (struct run_target){.fs = fs,
                                    .folder = folder,
                                    .schema = b->schema,
                                    .layout = &b->layout,
                                    .options = &b->options,
                                    .prefix = "data-",
                                    .uuid = keys_names[keys],
                                    .counter = &b->counter,
                                    .target_file_bytes = (uint64_t)128 << 20,
                                    .stats_mode = COL_STATS_TRUNCATE,
                                    .stats_truncate = 16};
    must(format_of_option(STR("avro"), &b->target.format, &err));
}

static void bench_release(struct bench *b)
{
    schema_free(b->schema);
    arena_release(&b->arena);
}

static double per_row(uint64_t from_ns, uint64_t rows)
{
    return (double)(instant_cpu_ns() - from_ns) / 1000.0 / (double)rows;
}

/* A format that takes rows and does nothing: what is left of a flush is the sort. */
static bool no_check(const struct schema_field *fields, size_t count,
                     const struct format_options *o, struct error *err)
{
    (void)fields;
    (void)count;
    (void)o;
    (void)err;
    return true;
}
static bool no_open(struct fs fs, const char *path, const struct schema_field *fields, size_t count,
                    const struct format_options *o, struct format_writer **out, struct error *err)
{
    (void)fs;
    (void)path;
    *out = NULL;
    static char token;
    *out = (struct format_writer *)(void *)&token;
    return no_check(fields, count, o, err);
}
static bool no_write(struct format_writer *w, const struct value *values, struct error *err)
{
    (void)w;
    (void)values;
    (void)err;
    return true;
}
static uint64_t no_bytes(const struct format_writer *w)
{
    (void)w;
    return 0;
}
static bool no_finish(struct format_writer *w, uint64_t *out_bytes, struct error *err)
{
    (void)w;
    (void)err;
    *out_bytes = 0;
    return true;
}
static void no_abandon(struct format_writer *w)
{
    (void)w;
}
static const struct format_ops no_format = {.name = "none",
                                            .check = no_check,
                                            .writer_open = no_open,
                                            .write = no_write,
                                            .written_bytes = no_bytes,
                                            .writer_finish = no_finish,
                                            .writer_abandon = no_abandon};

static void run_one(enum keys keys, uint64_t rows, struct fs fs, const char *folder,
                    const uint64_t *null_bytes)
{
    struct bench b;
    struct error err = {0};
    bench_init(&b, keys, fs, folder);
    struct sort_buffer *buffer = sort_buffer_new(b.schema, &b.layout, NULL);
    struct value row[10];
    char text[2][64];
    uint64_t at = instant_cpu_ns();
    for (uint64_t i = 0; i < rows; i++) {
        make_row(keys, i, rows, row, text);
    }
    double making = per_row(at, rows);
    struct run_files files = {0};
    double add = 0;
    double empty = 0;
    double whole = 0;
    size_t held = 0;
    for (int pass = 0; pass < 2; pass++) {
        at = instant_cpu_ns();
        for (uint64_t i = 0; i < rows; i++) {
            make_row(keys, i, rows, row, text);
            must(sort_buffer_add(buffer, ROW_INSERT, (int64_t)i, row, &err));
        }
        add = per_row(at, rows) - making;
        held = sort_buffer_bytes(buffer);
        struct run_target target = b.target;
        if (pass == 0) {
            target.format = &no_format;
            target.stats_mode = COL_STATS_NONE;
        }
        struct sort_buffer_flush flush = {.data = &target};
        at = instant_cpu_ns();
        if (!sort_buffer_flush(buffer, &flush, &b.arena, &files, NULL, &err)) {
            (void)fprintf(stderr, "%s\n", err.text);
            exit(1);
        }
        *(pass == 0 ? &empty : &whole) = per_row(at, rows);
    }
    (void)printf("%-22s add %.3f  sort and unpack %.3f  flush %.3f us/row, buffer %.0f B/row, "
                 "file %.1f B/row\n",
                 keys_names[keys], add, empty, whole, (double)held / (double)rows,
                 (double)(null_bytes != NULL ? *null_bytes : 0) / (double)rows);
    sort_buffer_free(buffer);
    bench_release(&b);
}

/* Two runs of even and odd keys into one. */
static void run_merge(uint64_t rows, struct fs fs, const char *folder)
{
    struct bench b;
    struct error err = {0};
    bench_init(&b, KEYS_RANDOM, fs, folder);
    struct sort_buffer *buffer = sort_buffer_new(b.schema, &b.layout, NULL);
    struct run_files files = {0};
    struct sort_buffer_flush flush = {.data = &b.target};
    for (uint64_t half = 0; half < 2; half++) {
        for (uint64_t i = 0; i < rows / 2; i++) {
            struct value row[10];
            char text[2][64];
            make_row(KEYS_ASCENDING, i * 2 + half, rows, row, text);
            must(sort_buffer_add(buffer, ROW_INSERT, (int64_t)i, row, &err));
        }
        must(sort_buffer_flush(buffer, &flush, &b.arena, &files, NULL, &err));
    }
    struct run_schemas schemas;
    run_reader_schemas_init(&schemas, fs, folder, b.schema);
    struct run_origin origin = {
        .fs = fs, .folder = folder, .schema = b.schema, .layout = &b.layout, .schemas = &schemas};
    struct run_target target = b.target;
    target.level = 5;
    target.source = RUN_COMPACT;
    struct compact_work work = {.origin = &origin,
                                .target = &target,
                                .files = files.items,
                                .file_count = files.count,
                                .max_level = 5,
                                .drop_deletes = true};
    struct compact_result result;
    uint64_t at = instant_cpu_ns();
    if (!compact_task_run(&work, &b.arena, &result, &err)) {
        (void)fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    (void)printf("compaction of two runs %.3f us/row\n", per_row(at, result.rows_read));
    compact_task_abandon(&work, &result);
    run_writer_remove(fs, folder, &files);
    run_reader_schemas_release(&schemas);
    sort_buffer_free(buffer);
    bench_release(&b);
}

int main(int argc, char **argv)
{
    uint64_t rows = 200000;
    if (argc > 1 && (!str_to_u64(str_of(argv[1]), &rows) || rows < 2)) {
        (void)fprintf(stderr, "usage: bench_flush [rows] [folder]\n");
        return 2;
    }
    for (enum keys keys = 0; keys < KEYS_COUNT; keys++) {
        uint64_t bytes = 0;
        run_one(keys, rows, (struct fs){&null_ops, &bytes}, "/none", &bytes);
    }
    if (argc > 2) {
        struct arena arena = {0};
        struct error err = {0};
        struct fs fs;
        const char *root = NULL;
        if (!fs_open(str_of(argv[2]), &arena, &fs, &root, &err)) {
            (void)fprintf(stderr, "%s\n", err.text);
            return 1;
        }
        run_merge(rows, fs, root);
        fs_close(&fs);
        arena_release(&arena);
    }
    return 0;
}
