/* Parquet files of others: by Arrow in every page version, encoding and codec
 * (tests/golden/parquet, make.py), tables by Paimon Java (make.sh): read whole, column by column,
 * and damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "sink/format/parquet_reader.h"
#include "sink/fs/fs_local.h"
#include "sink/schema_file.h"
#include "sink/table.h"
#include "sink/table_scan.h"
#include "tests/fuzz/memory_fs.h"

static const char *const files[] = {"flat-v1_plain",
                                    "flat-v1_dictionary_snappy",
                                    "flat-v2_dictionary_zstd",
                                    "flat-v2_plain_gzip",
                                    "flat-v2_lz4_raw",
                                    "flat-v1_delta",
                                    "flat-v2_delta",
                                    "flat-groups",
                                    "split-v1",
                                    "decimals-numbers",
                                    "int96-legacy",
                                    "empty-v1",
                                    "nested-v1",
                                    "nested-v2",
                                    "nested-item"};
#define FILES (sizeof(files) / sizeof(files[0]))

static struct error err;
#define OK(call)                                                                                   \
    do {                                                                                           \
        if (!(call)) {                                                                             \
            fail_msg("%s: %s", #call, err.text);                                                   \
        }                                                                                          \
    } while (0)

struct golden {
    const char *name;
    struct schema *schema;
    struct buf bytes, rows;
};

static void slurp(const char *path, struct buf *out)
{
    struct fs fs = fs_local_open();
    bool found = false;
    *out = BUF_INIT(1 << 20);
    OK(fs.ops->read(fs.self, path, out, &found, &err));
    assert_true(found);
}

static void golden_load(struct golden *g, const char *name)
{
    char path[512];
    int shape = (int)(strchr(name, '-') - name);
    struct buf json;
    g->name = name;
    (void)snprintf(path, sizeof(path), "%s/parquet/%s.parquet", TEST_DATA, name);
    slurp(path, &g->bytes);
    (void)snprintf(path, sizeof(path), "%s/parquet/%.*s.rows", TEST_DATA, shape, name);
    slurp(path, &g->rows);
    (void)snprintf(path, sizeof(path), "%s/parquet/%.*s.schema", TEST_DATA, shape, name);
    slurp(path, &json);
    OK(schema_file_parse(buf_str(&json), &g->schema, &err));
    buf_release(&json);
}

static void golden_unload(struct golden *g)
{
    schema_free(g->schema);
    buf_release(&g->bytes);
    buf_release(&g->rows);
}

/* All rows as canonical lines. */
static bool read_lines(struct str bytes, const struct schema_field *fields, size_t count,
                       struct buf *out, struct error *e)
{
    struct memory_fs store = {bytes};
    struct parquet_reader_limits limits = {.page_bytes = 1 << 20, .row_bytes = 1 << 20};
    struct parquet_reader *r;
    if (!parquet_reader_open(memory_fs_open(&store), "/golden", bytes.len, fields, count, &limits,
                             &r, e)) {
        return false;
    }
    const struct value *rows;
    size_t n = 0;
    bool ok = true;
    while ((ok = parquet_reader_rows(r, &rows, &n, e)) && n > 0) {
        for (size_t i = 0; i < n; i++) {
            row_print_json(fields, count, rows + i * count, out);
            buf_put_byte(out, '\n');
        }
    }
    parquet_reader_close(r);
    return ok;
}

static void rows_are_those_beside(void **state)
{
    (void)state;
    for (size_t i = 0; i < FILES; i++) {
        struct golden g;
        golden_load(&g, files[i]);
        struct buf lines = BUF_INIT(1 << 20);
        OK(read_lines(buf_str(&g.bytes), g.schema->fields, g.schema->field_count, &lines, &err));
        if (!str_eq(buf_str(&lines), buf_str(&g.rows))) {
            size_t at = 0;
            while (at < lines.len && at < g.rows.len && lines.ptr[at] == g.rows.ptr[at]) {
                at++;
            }
            fail_msg("%s differs at byte %zu: %.200s\n wanted %.200s", files[i], at,
                     buf_cstr(&lines) + (at > 50 ? at - 50 : 0),
                     buf_cstr(&g.rows) + (at > 50 ? at - 50 : 0));
        }
        buf_release(&lines);
        golden_unload(&g);
    }
}

static bool contains(struct str whole, struct str part)
{
    for (size_t i = 0; i + part.len <= whole.len; i++) {
        if (memcmp(whole.ptr + i, part.ptr, part.len) == 0) {
            return true;
        }
    }
    return false;
}

/* One column, beside one that the file does not have: the same values as in the whole rows. */
static void columns_are_read_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < FILES; i++) {
        struct golden g;
        golden_load(&g, files[i]);
        for (size_t c = 0; c < g.schema->field_count; c++) {
            struct schema_field two[] = {
                {.name = {"not there", 9}, .type = {.kind = TYPE_INT, .nullable = true}},
                g.schema->fields[c]};
            struct buf lines = BUF_INIT(1 << 20);
            OK(read_lines(buf_str(&g.bytes), two, 2, &lines, &err));
            struct str all = buf_str(&g.rows);
            struct str mine = buf_str(&lines);
            struct str line;
            struct str whole;
            while (mine.len > 0 && str_next(&mine, '\n', &line) && line.len > 0) {
                assert_true(str_next(&all, '\n', &whole));
                assert_true(str_starts(line, STR("{\"not there\":null,")));
                line = str_slice(line, 18, line.len - 1); /* "name":value, as in the whole row */
                assert_true(contains(whole, line));
            }
            buf_release(&lines);
        }
        golden_unload(&g);
    }
}

static void cut_files_are_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < FILES; i++) {
        struct golden g;
        golden_load(&g, files[i]);
        for (size_t len = 0; len < g.bytes.len; len += 1 + len / 50) {
            struct buf lines = BUF_INIT(1 << 20);
            struct error e = {0};
            /* A copy of its own size: a byte read behind it is seen. */
            char *copy = mem_dup(g.bytes.ptr, len);
            assert_false(read_lines((struct str){copy, len}, g.schema->fields,
                                    g.schema->field_count, &lines, &e));
            assert_int_equal(e.code, FAIL_CORRUPT);
            assert_non_null(strstr(e.text, "/golden"));
            mem_free(copy);
            buf_release(&lines);
        }
        golden_unload(&g);
    }
}

static void flipped_bits_never_crash(void **state)
{
    (void)state;
    uint64_t random = 7;
    for (size_t i = 0; i < FILES; i++) {
        struct golden g;
        golden_load(&g, files[i]);
        bool has_crc = strcmp(files[i], "flat-v2_dictionary_zstd") == 0;
        uint32_t footer;
        memcpy(&footer, g.bytes.ptr + g.bytes.len - 8, sizeof(footer));
        for (int n = 0; n < 300; n++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            size_t at = (size_t)(random >> 33) % g.bytes.len;
            char before = g.bytes.ptr[at];
            struct buf lines = BUF_INIT(1 << 22);
            struct error e = {0};
            g.bytes.ptr[at] = (char)(before ^ 1 << (random >> 29 & 7));
            bool ok =
                read_lines(buf_str(&g.bytes), g.schema->fields, g.schema->field_count, &lines, &e);
            assert_true(ok || e.text[0] != '\0');
            if (ok && has_crc && at < g.bytes.len - 8 - footer) {
                assert_true(str_eq(buf_str(&lines), buf_str(&g.rows)));
            }
            g.bytes.ptr[at] = before;
            buf_release(&lines);
        }
        golden_unload(&g);
    }
}

/* What a reader says it will need is what it takes, about: never less than its largest pages. */
static void memory_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < FILES; i++) {
        struct golden g;
        golden_load(&g, files[i]);
        struct memory_fs store = {buf_str(&g.bytes)};
        struct parquet_reader *r;
        uint64_t bytes = 0;
        OK(parquet_reader_open(memory_fs_open(&store), "/golden", g.bytes.len, g.schema->fields,
                               g.schema->field_count, NULL, &r, &err));
        OK(parquet_reader_memory(r, &bytes, &err));
        assert_in_range(bytes, 10000, 8 << 20);
        const struct value *rows; /* and then it still reads from the start */
        size_t n;
        OK(parquet_reader_rows(r, &rows, &n, &err));
        assert_true(n > 0 || strcmp(files[i], "empty-v1") == 0);
        parquet_reader_close(r);
        golden_unload(&g);
    }
}

static void tables_of_java(void **state)
{
    (void)state;
    static const char *const tables[] = {"types",    "types9", "edge", "keys",
                                         "multiset", "crud",   "old"};
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        char path[512];
        struct arena arena = {0};
        struct fs fs;
        const char *root;
        struct table *t;
        struct buf want;
        (void)snprintf(path, sizeof(path), "%s/parquet/java/%s.rows", TEST_DATA, tables[i]);
        slurp(path, &want);
        (void)snprintf(path, sizeof(path), "%s/parquet/java", TEST_DATA);
        OK(fs_open(str_of(path), &arena, &fs, &root, &err));
        OK(table_open_read(fs, root, STR("g"), str_of(tables[i]), &t, &err));
        struct manifest_entries live;
        OK(table_scan_plan(fs, t->path, &t->base, &arena, &live, &err));
        struct table_scan_options o = {.fs = fs,
                                       .table_path = t->path,
                                       .schema = t->schema,
                                       .entries = live.items,
                                       .entry_count = live.count,
                                       .sorted = true};
        struct table_scan *scan;
        OK(table_scan_open(&o, &scan, &err));
        struct buf lines = BUF_INIT(1 << 20);
        const struct value *v;
        enum next next;
        while ((next = table_scan_next(scan, &v, &err)) == NEXT_ROW) {
            row_print_json(t->schema->fields, t->schema->field_count, v, &lines);
            buf_put_byte(&lines, '\n');
        }
        OK(next == NEXT_END);
        if (!str_eq(buf_str(&lines), buf_str(&want))) {
            fail_msg("%s:\n%s\n wanted\n%s", tables[i], buf_cstr(&lines), buf_cstr(&want));
        }
        table_scan_close(scan);
        table_free(t);
        buf_release(&lines);
        buf_release(&want);
        fs_close(&fs);
        arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_those_beside), cmocka_unit_test(columns_are_read_alone),
        cmocka_unit_test(cut_files_are_errors),  cmocka_unit_test(flipped_bits_never_crash),
        cmocka_unit_test(memory_is_told),        cmocka_unit_test(tables_of_java)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
