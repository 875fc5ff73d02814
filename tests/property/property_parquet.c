/* Laws of the Parquet format, on random columns of every type and random rows: what was written is
 * read back, whatever the codec, the page and row group sizes; fewer columns read the same values;
 * any flipped byte and any cut gives the same rows or an error, and whatever call of the store
 * fails, no file stays behind. INLET_SEED replays; INLET_PARQUET_KEEP names a folder where files
 * and their rows stay for other readers (tests/e2e/scenarios/parquet.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "sink/format/parquet_reader.h"
#include "sink/format/parquet_writer.h"
#include "sink/fs/fs_local.h"
#include "tests/fuzz/memory_fs.h"
#include "tests/unit/parquet_random.h"

enum { MAX_ROWS = 3000 };

static uint64_t first_seed;

struct world {
    struct fs fs;
    char folder[64];
    char path[128];
    struct arena arena;
    struct parquet_random random;
    struct schema_field *fields;
    size_t width;
    struct value *rows;
    size_t count;
    uint64_t bytes;
    struct parquet_writer_options options;
    struct error err;
};

static void world_init(struct world *w, uint64_t n)
{
    static const enum compress_codec codecs[] = {COMPRESS_ZSTD, COMPRESS_NONE, COMPRESS_SNAPPY,
                                                 COMPRESS_GZIP, COMPRESS_LZ4};
    *w = (struct world){.fs = fs_local_open()};
    (void)snprintf(w->folder, sizeof(w->folder), "/tmp/inlet-parquet-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    (void)snprintf(w->path, sizeof(w->path), "%s/f.parquet", w->folder);
    w->random = (struct parquet_random){.seed = first_seed + n * 1000003, .arena = &w->arena};
    w->width = 1 + random_below(&w->random, 9);
    w->fields = random_fields(&w->random, w->width, (unsigned)(n % 4));
    w->count = n % 7 == 0 ? 0 : random_below(&w->random, n % 3 == 0 ? MAX_ROWS : 60);
    w->rows = ARENA_ARRAY(&w->arena, struct value, w->count * w->width);
    for (size_t i = 0; i < w->count * w->width; i++) {
        w->rows[i] = random_value(&w->random, &w->fields[i % w->width].type, &w->arena, true);
    }
    w->options = (struct parquet_writer_options){
        .codec = codecs[n % 5],
        .level = 1,
        .page_bytes = n % 2 == 0 ? 0 : 1 + random_below(&w->random, 2000),
        .group_bytes = n % 4 == 0 ? 0 : 1 + random_below(&w->random, 20000),
        .memory_bytes = n % 4 == 1 ? 1 : 0,
        .no_dictionary = n % 6 == 5};
}

static void world_release(struct world *w)
{
    (void)unlink(w->path);
    (void)rmdir(w->folder);
    arena_release(&w->arena);
}

static void ok(struct world *w, bool result)
{
    if (!result) {
        fail_msg("seed %llu: %s", (unsigned long long)first_seed, w->err.text);
    }
}

static void write_file(struct world *w)
{
    struct parquet_writer *file;
    ok(w, parquet_writer_open(w->fs, w->path, w->fields, w->width, &w->options, &file, &w->err));
    for (size_t i = 0; i < w->count; i++) {
        ok(w, parquet_writer_row(file, w->rows + i * w->width, &w->err));
    }
    ok(w, parquet_writer_finish(file, &w->bytes, &w->err));
}

/* Values as they were; NaN and -0.0 by their canonical text. */
static bool same_value(const struct type *t, const struct value *a, const struct value *b)
{
    struct buf x = BUF_INIT(1 << 24);
    struct buf y = BUF_INIT(1 << 24);
    value_print_json(t, a, &x);
    value_print_json(t, b, &y);
    bool same = str_eq(buf_str(&x), buf_str(&y));
    buf_release(&x);
    buf_release(&y);
    return same;
}

/* Reads the columns that `pick` names; true when rows and values are those written. */
static bool read_same(struct world *w, struct fs fs, uint64_t bytes, const size_t *pick,
                      size_t picked, struct error *err)
{
    struct parquet_reader *r;
    struct parquet_reader_limits limits = {.page_bytes = 1 << 24, .row_bytes = 1 << 24};
    struct schema_field fields[16];
    for (size_t i = 0; i < picked; i++) {
        fields[i] = w->fields[pick[i]];
    }
    if (!parquet_reader_open(fs, w->path, bytes, fields, picked, &limits, &r, err)) {
        return false;
    }
    const struct value *rows = NULL;
    size_t done = 0;
    size_t n = 0;
    bool fine = true;
    while (fine && (fine = parquet_reader_rows(r, &rows, &n, err)) && n > 0) {
        for (size_t i = 0; fine && i < n * picked; i++) {
            size_t at = (done + i / picked) * w->width + pick[i % picked];
            fine = done + i / picked < w->count &&
                   same_value(&fields[i % picked].type, &rows[i], &w->rows[at]);
            if (!fine) {
                (void)error_set(err, FAIL_NONE, "row %zu, column %zu differs", done + i / picked,
                                pick[i % picked]);
            }
        }
        done += n;
    }
    if (fine && done != w->count) {
        fine = error_set(err, FAIL_NONE, "%zu rows of %zu", done, w->count);
    }
    parquet_reader_close(r);
    return fine;
}

static const size_t all[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static void written_is_read(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < 300; n++) {
        struct world w;
        world_init(&w, n);
        write_file(&w);
        if (!read_same(&w, w.fs, w.bytes, all, w.width, &w.err)) {
            fail_msg("seed %llu, file %llu: %s", (unsigned long long)first_seed,
                     (unsigned long long)n, w.err.text);
        }
        for (size_t i = 0; i < w.width; i++) { /* each column alone */
            ok(&w, read_same(&w, w.fs, w.bytes, &all[i], 1, &w.err));
        }
        world_release(&w);
    }
}

static char *file_bytes(struct world *w)
{
    char *bytes = mem_alloc(w->bytes);
    ok(w, w->fs.ops->read_range(w->fs.self, w->path, 0, w->bytes, bytes, &w->err));
    return bytes;
}

static void damage_is_found(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < 60; n++) {
        struct world w;
        world_init(&w, n * 3 + 1); /* small ones */
        write_file(&w);
        char *bytes = file_bytes(&w);
        struct memory_fs store = {{bytes, w.bytes}};
        for (int i = 0; i < 60; i++) {
            struct error err = {0};
            size_t at = (size_t)random_below(&w.random, w.bytes);
            char before = bytes[at];
            bytes[at] = (char)(before ^ 1 << random_below(&w.random, 8));
            bool same = read_same(&w, memory_fs_open(&store), w.bytes, all, w.width, &err);
            /* The magic at the start, statistics, names and offsets that nobody reads: rows are
             * those written, or the error says why not. Never other rows: pages have a CRC. */
            if (!same && err.code == FAIL_NONE) {
                uint32_t footer;
                memcpy(&footer, bytes + w.bytes - PARQUET_TAIL, sizeof(footer));
                assert_true(at >= w.bytes - PARQUET_TAIL - footer); /* it has no CRC */
            }
            bytes[at] = before;
            size_t cut = (size_t)random_below(&w.random, w.bytes);
            store.bytes.len = cut;
            assert_false(read_same(&w, memory_fs_open(&store), cut, all, w.width, &err));
            store.bytes.len = w.bytes;
        }
        mem_free(bytes);
        world_release(&w);
    }
}

/* Leaves files for other readers. */
static void keep_files(const char *folder)
{
    for (uint64_t n = 0; n < 40; n++) {
        struct world w;
        char name[256];
        world_init(&w, n);
        write_file(&w);
        char *bytes = file_bytes(&w);
        struct buf rows = BUF_INIT((size_t)1 << 30);
        for (size_t i = 0; i < w.count; i++) {
            row_print_json(w.fields, w.width, w.rows + i * w.width, &rows);
            buf_put_byte(&rows, '\n');
        }
        (void)snprintf(name, sizeof(name), "%s/f%llu.parquet", folder, (unsigned long long)n);
        ok(&w, w.fs.ops->replace(w.fs.self, name, (struct str){bytes, w.bytes}, &w.err));
        (void)snprintf(name, sizeof(name), "%s/f%llu.rows", folder, (unsigned long long)n);
        ok(&w, w.fs.ops->replace(w.fs.self, name, buf_str(&rows), &w.err));
        buf_release(&rows);
        mem_free(bytes);
        world_release(&w);
    }
}

int main(void)
{
    const char *text = getenv("INLET_SEED");
    const char *keep = getenv("INLET_PARQUET_KEEP");
    first_seed = text != NULL ? strtoull(text, NULL, 10) : 1;
    print_message("seed %llu\n", (unsigned long long)first_seed);
    if (keep != NULL) {
        keep_files(keep);
        return 0;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(written_is_read),
                                       cmocka_unit_test(damage_is_found)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
