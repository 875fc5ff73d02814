/* Parquet files of others: by Arrow in every page version, encoding and codec
 * (tests/golden/parquet, make.py), tables by Paimon Java (make.sh): read whole, column by column,
 * and damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sink/format/parquet_reader.h"
#include "sink/fs/fs_local.h"
#include "sink/paths.h"
#include "sink/schema_file.h"
#include "sink/table.h"
#include "sink/table_scan.h"
#include "tests/fuzz/memory_fs.h"

static const char *const golden_files[] = {"flat-v1_plain",
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
#define FILES (sizeof(golden_files) / sizeof(golden_files[0]))

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
        golden_load(&g, golden_files[i]);
        struct buf lines = BUF_INIT(1 << 20);
        OK(read_lines(buf_str(&g.bytes), g.schema->fields, g.schema->field_count, &lines, &err));
        if (!str_eq(buf_str(&lines), buf_str(&g.rows))) {
            size_t at = 0;
            while (at < lines.len && at < g.rows.len && lines.ptr[at] == g.rows.ptr[at]) {
                at++;
            }
            fail_msg("%s differs at byte %zu: %.200s\n wanted %.200s", golden_files[i], at,
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
        golden_load(&g, golden_files[i]);
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
        golden_load(&g, golden_files[i]);
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
        golden_load(&g, golden_files[i]);
        bool has_crc = strcmp(golden_files[i], "flat-v2_dictionary_zstd") == 0;
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
        golden_load(&g, golden_files[i]);
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
        assert_true(n > 0 || strcmp(golden_files[i], "empty-v1") == 0);
        parquet_reader_close(r);
        golden_unload(&g);
    }
}

/* ---- tables ---- */

static const char *const tables[] = {"types", "types9", "edge", "keys", "multiset", "crud", "old"};
#define TABLES (sizeof(tables) / sizeof(tables[0]))

struct lake {
    struct arena arena;
    struct fs fs;
    struct table *table;
    struct manifest_entries live;
};

static void lake_load(struct lake *l, const char *warehouse, const char *name)
{
    const char *root;
    memset(l, 0, sizeof(*l));
    OK(fs_open(str_of(warehouse), &l->arena, &l->fs, &root, &err));
    OK(table_open_read(l->fs, root, STR("g"), str_of(name), &l->table, &err));
    OK(table_scan_plan(l->fs, l->table->path, &l->table->base, &l->arena, &l->live, &err));
}

static void lake_unload(struct lake *l)
{
    table_free(l->table);
    fs_close(&l->fs);
    arena_release(&l->arena);
}

/* The table's rows, merged, are those that Java reads. */
static void expect_table(struct lake *l, const char *name)
{
    struct table_scan_options o = {.fs = l->fs,
                                   .table_path = l->table->path,
                                   .schema = l->table->schema,
                                   .entries = l->live.items,
                                   .entry_count = l->live.count,
                                   .snapshot = &l->table->base,
                                   .sorted = true};
    char path[512];
    struct buf want;
    struct buf lines = BUF_INIT(1 << 20);
    struct table_scan *scan;
    const struct value *v;
    enum next next;
    (void)snprintf(path, sizeof(path), "%s/parquet/java/%s.rows", TEST_DATA, name);
    slurp(path, &want);
    OK(table_scan_open(&o, &scan, &err));
    while ((next = table_scan_next(scan, &v, &err)) == NEXT_ROW) {
        row_print_json(l->table->schema->fields, l->table->schema->field_count, v, &lines);
        buf_put_byte(&lines, '\n');
    }
    OK(next == NEXT_END);
    if (!str_eq(buf_str(&lines), buf_str(&want))) {
        fail_msg("%s:\n%s\n wanted\n%s", name, buf_cstr(&lines), buf_cstr(&want));
    }
    table_scan_close(scan);
    buf_release(&lines);
    buf_release(&want);
}

static void tables_of_java(void **state)
{
    char path[512];
    (void)state;
    (void)snprintf(path, sizeof(path), "%s/parquet/java", TEST_DATA);
    for (size_t i = 0; i < TABLES; i++) {
        struct lake l;
        lake_load(&l, path, tables[i]);
        expect_table(&l, tables[i]);
        lake_unload(&l);
    }
}

/* One data file's rows, written by us. */
static struct data_file *rewrite(struct lake *l, const struct manifest_entry *e, const char *to,
                                 struct str name)
{
    const struct data_file_layout *layout = &l->table->layout;
    struct format_options o = {.compression = STR("zstd"), .zstd_level = 1};
    const struct format_ops *f;
    struct format_reader *r;
    struct format_writer *w;
    const struct value *v;
    enum next next;
    uint64_t bytes;
    const char *from = paths_bucket(&l->arena, l->table->path, "", e->bucket);
    OK(format_of_option(STR("parquet"), &f, &err));
    OK(f->reader_open(l->fs, paths_join(&l->arena, from, e->file->name),
                      (uint64_t)e->file->size_bytes, layout->fields, layout->count, &r, &err));
    OK(f->writer_open(l->fs,
                      paths_join(&l->arena, paths_bucket(&l->arena, to, "", e->bucket), name),
                      layout->fields, layout->count, &o, &w, &err));
    while ((next = f->read(r, &v, &err)) == NEXT_ROW) {
        OK(f->write(w, v, &err));
    }
    OK(next == NEXT_END);
    f->reader_close(r);
    OK(f->writer_finish(w, &bytes, &err));
    struct data_file *copy = data_file_copy(&l->arena, e->file);
    copy->name = name;
    copy->size_bytes = (int64_t)bytes;
    return copy;
}

/* The same table with every data file written by us. */
static void write_table(struct lake *l, const char *to)
{
    static const struct partition_layout unpartitioned = {.count = 0};
    struct manifest_entries files = {0};
    struct manifest_meta meta;
    struct snapshot s = l->table->base;
    struct arena *a = &l->arena;
    char uuid[37];
    paths_uuid(uuid);
    files.items = ARENA_ARRAY(a, struct manifest_entry, l->live.count);
    for (; files.count < l->live.count; files.count++) {
        struct manifest_entry *e = &files.items[files.count];
        *e = l->live.items[files.count];
        e->file = rewrite(l, &l->live.items[files.count], to,
                          str_of(paths_file_name(a, "data-", uuid, files.count, ".parquet")));
    }
    OK(schema_file_publish(l->fs, to, l->table->schema, &err));
    OK(manifest_write(l->fs, to, &unpartitioned,
                      str_of(paths_file_name(a, "manifest-", uuid, 0, "")), files.items,
                      files.count, a, &meta, &err));
    s.base_list = str_of(paths_file_name(a, "manifest-list-", uuid, 0, ""));
    s.delta_list = str_of(paths_file_name(a, "manifest-list-", uuid, 1, ""));
    OK(manifest_list_write(l->fs, to, s.base_list, NULL, 0, &s.base_list_bytes, &err));
    OK(manifest_list_write(l->fs, to, s.delta_list, &meta, 1, &s.delta_list_bytes, &err));
    s.id = 1;
    s.delta_rows = s.total_rows;
    OK(snapshot_publish(l->fs, to, &s, &err));
}

/* INLET_PARQUET_TABLES names a folder that keeps the tables, for Java to read them
 * (tests/e2e/scenarios/parquet.py). */
static void tables_written_anew(void **state)
{
    char path[512];
    char folder[] = "/tmp/inlet-parquet-XXXXXX";
    const char *keep = getenv("INLET_PARQUET_TABLES");
    (void)state;
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < TABLES; i++) {
        struct lake from;
        struct lake back;
        (void)snprintf(path, sizeof(path), "%s/parquet/java", TEST_DATA);
        lake_load(&from, path, tables[i]);
        (void)snprintf(path, sizeof(path), "%s/g.db/%s", keep != NULL ? keep : folder, tables[i]);
        write_table(&from, path);
        lake_unload(&from);
        lake_load(&back, keep != NULL ? keep : folder, tables[i]);
        expect_table(&back, tables[i]);
        lake_unload(&back);
    }
    (void)snprintf(path, sizeof(path), "rm -rf %s", folder);
    assert_int_equal(system(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_those_beside), cmocka_unit_test(columns_are_read_alone),
        cmocka_unit_test(cut_files_are_errors),  cmocka_unit_test(flipped_bits_never_crash),
        cmocka_unit_test(memory_is_told),        cmocka_unit_test(tables_of_java),
        cmocka_unit_test(tables_written_anew)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
