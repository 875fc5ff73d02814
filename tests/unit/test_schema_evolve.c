/* Tables that Paimon Java wrote and altered (tests/golden/evolve): read by our code they give the
 * rows that Java reads, and compacted by our code they give them still, then without any file of an
 * older schema. Damaged, they give errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/row.h"
#include "sink/binrow.h"
#include "sink/compact_task.h"
#include "sink/paths.h"
#include "sink/schema_evolve.h"
#include "sink/schema_file.h"
#include "sink/table_scan.h"

#include "tests/unit/lake_fixture.h"

#define MAX_BYTES ((size_t)1 << 26)

struct golden {
    struct lake lake;
    const char *path;
    struct schema *schema;
    struct snapshot snapshot;
    struct manifest_entries live;
};

/* A copy of the table in a lake of its own. */
static void golden_open(struct golden *g, const char *table)
{
    char command[512];
    memset(g, 0, sizeof(*g));
    lake_open(&g->lake);
    (void)snprintf(command, sizeof(command), "cp -r '%s/evolve/%s' %s/t", TEST_DATA, table,
                   g->lake.folder);
    assert_int_equal(system(command), 0);
    g->path = paths_join(&g->lake.arena, g->lake.root, STR("t"));
}

static bool golden_plan(struct golden *g)
{
    struct lake *l = &g->lake;
    int64_t id = 0;
    bool found = false;
    return schema_file_latest(l->fs, g->path, &g->schema, &l->err) &&
           snapshot_latest_id(l->fs, g->path, &id, &l->err) &&
           snapshot_read(l->fs, g->path, id, &l->arena, &g->snapshot, &found, &l->err) &&
           table_scan_plan(l->fs, g->path, &g->snapshot, &l->arena, &g->live, &l->err);
}

static void golden_close(struct golden *g)
{
    schema_free(g->schema);
    lake_close(&g->lake);
}

/* Rows as canonical lines in key order; false with lake.err. */
static bool golden_read(struct golden *g, const struct manifest_entries *files, struct buf *out)
{
    struct table_scan *scan = NULL;
    struct table_scan_options o = {.fs = g->lake.fs,
                                   .table_path = g->path,
                                   .schema = g->schema,
                                   .entries = files->items,
                                   .entry_count = files->count,
                                   .snapshot = &g->snapshot,
                                   .sorted = true};
    if (!table_scan_open(&o, &scan, &g->lake.err)) {
        return false;
    }
    const struct value *values = NULL;
    enum next next;
    while ((next = table_scan_next(scan, &values, &g->lake.err)) == NEXT_ROW) {
        row_print_json(g->schema->fields, g->schema->field_count, values, out);
        buf_put_byte(out, '\n');
    }
    table_scan_close(scan);
    return next == NEXT_END;
}

static void read_file(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "rb");
    char *room = NULL;
    size_t n = 0;
    assert_non_null(f);
    while ((room = buf_room(out, 65536)) != NULL && (n = fread(room, 1, 65536, f)) > 0) {
        out->len += n;
    }
    (void)fclose(f);
}

static void expect_rows(struct golden *g, const char *table, const struct manifest_entries *files,
                        const char *when)
{
    char path[512];
    struct buf expected = BUF_INIT(MAX_BYTES);
    struct buf got = BUF_INIT(MAX_BYTES);
    (void)snprintf(path, sizeof(path), "%s/evolve/%s.rows", TEST_DATA, table);
    read_file(path, &expected);
    if (!golden_read(g, files, &got)) {
        fail_msg("%s %s: %s", table, when, g->lake.err.text);
    }
    if (!str_eq(buf_str(&got), buf_str(&expected))) {
        fail_msg("%s %s:\n%.*s\nJava reads:\n%.*s", table, when, STR_FMT(buf_str(&got)),
                 STR_FMT(buf_str(&expected)));
    }
    buf_release(&expected);
    buf_release(&got);
}

/* All files of bucket 0 into one level, as a full compaction does. */
static void compact(struct golden *g, const char *table, struct manifest_entries *out)
{
    struct lake *l = &g->lake;
    struct data_file_layout layout;
    struct run_schemas schemas;
    struct run_files files = {0};
    struct compact_result result;
    atomic_uint_fast64_t counter = 0;
    const char *folder = paths_join(&l->arena, g->path, STR("bucket-0"));
    struct format_options options = {.compression = STR("zstd"), .zstd_level = 1};
    data_file_layout(g->schema, &l->arena, &layout);
    run_reader_schemas_init(&schemas, l->fs, g->path, g->schema);
    struct run_origin origin = {
        .fs = l->fs, .folder = folder, .schema = g->schema, .layout = &layout, .schemas = &schemas};
    struct run_target target = {.fs = l->fs,
                                .folder = folder,
                                .schema = g->schema,
                                .layout = &layout,
                                .options = &options,
                                .level = 5,
                                .source = RUN_COMPACT,
                                .prefix = "data-",
                                .uuid = "made",
                                .counter = &counter,
                                .target_file_bytes = (uint64_t)128 << 20,
                                .stats_mode = COL_STATS_TRUNCATE,
                                .stats_truncate = 16};
    LAKE_OK(
        l, format_of_option(schema_option(g->schema, STR("file.format")), &target.format, &l->err));
    for (size_t i = 0; i < g->live.count; i++) {
        assert_int_equal(g->live.items[i].bucket, 0);
        run_files_add(&files, &l->arena, g->live.items[i].file);
    }
    struct compact_work work = {.origin = &origin,
                                .target = &target,
                                .files = files.items,
                                .file_count = files.count,
                                .max_level = 5,
                                .drop_deletes = true,
                                .rewrite_all = true};
    if (!compact_task_run(&work, &l->arena, &result, &l->err)) {
        fail_msg("%s: %s", table, l->err.text);
    }
    run_reader_schemas_release(&schemas);
    *out = (struct manifest_entries){.count = result.after.count};
    out->items = ARENA_ARRAY(&l->arena, struct manifest_entry, out->count);
    for (size_t i = 0; i < out->count; i++) {
        assert_int_equal(result.after.items[i]->schema_id, g->schema->id);
        out->items[i] = (struct manifest_entry){.kind = MANIFEST_ADD,
                                                .partition = binrow_empty,
                                                .total_buckets = 1,
                                                .file = result.after.items[i]};
    }
}

static void one_table(const char *table)
{
    struct golden g;
    struct manifest_entries made = {0};
    golden_open(&g, table);
    LAKE_OK(&g.lake, golden_plan(&g));
    assert_true(g.live.count > 1);
    expect_rows(&g, table, &g.live, "as written");
    compact(&g, table, &made);
    expect_rows(&g, table, &made, "compacted");
    golden_close(&g);
}

static void tables_as_java_reads_them(void **state)
{
    (void)state;
    size_t count = 0;
    DIR *dir = opendir(TEST_DATA "/evolve");
    assert_non_null(dir);
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (str_starts(str_of(e->d_name), STR("avro_")) ||
            str_starts(str_of(e->d_name), STR("parquet_"))) {
            if (!str_ends(str_of(e->d_name), STR(".rows"))) {
                one_table(e->d_name);
                count++;
            }
        }
    }
    (void)closedir(dir);
    assert_int_equal(count, 18);
}

/* The text under the new record is a fault only when the new one is not there. */
static void shadowed_values(void **state)
{
    (void)state;
    struct golden g;
    golden_open(&g, "avro_shadow");
    LAKE_OK(&g.lake, golden_plan(&g));
    struct manifest_entries old = {.items = &g.live.items[0], .count = 1};
    struct buf out = BUF_INIT(MAX_BYTES);
    if (old.items[0].file->schema_id != 0) {
        old.items++;
    }
    assert_false(golden_read(&g, &old, &out));
    assert_int_equal(g.lake.err.code, FAIL_SCHEMA);
    assert_non_null(strstr(g.lake.err.text, "row 1: column n, of schema 0: 'one' is no INT"));
    buf_release(&out);
    golden_close(&g);
}

/* Where more than the newest record counts, or the order hangs on values, it is a fault. */
static void shadows_that_count(void **state)
{
    static const struct {
        const char *key, *value;
    } options[] = {{"sequence.field", "n"}, {"merge-engine", "partial-update"}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct golden g;
        struct buf out = BUF_INIT(MAX_BYTES);
        golden_open(&g, "avro_shadow");
        LAKE_OK(&g.lake, golden_plan(&g));
        schema_set_option(g.schema, str_of(options[i].key), str_of(options[i].value));
        schema_set_option(g.schema, STR("ignore-delete"), STR("true"));
        assert_false(golden_read(&g, &g.live, &out));
        assert_int_equal(g.lake.err.code, FAIL_SCHEMA);
        assert_non_null(strstr(g.lake.err.text, "'one' is no INT"));
        buf_release(&out);
        golden_close(&g);
    }
}

static uint64_t random_next(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

/* Overwrites one byte, or cuts the file. */
static void damage(const char *path, uint64_t *seed)
{
    struct buf bytes = BUF_INIT(MAX_BYTES);
    read_file(path, &bytes);
    size_t at = (size_t)(random_next(seed) % bytes.len);
    bytes.ptr[at] = (char)random_next(seed);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    size_t len = random_next(seed) % 8 == 0 ? at : bytes.len;
    assert_int_equal(fwrite(bytes.ptr, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
    buf_release(&bytes);
}

/* Data files and old schemas with a wrong byte: read, or refused; never more than that. */
static void damaged(void **state)
{
    static const char *const tables[] = {"avro_nested", "parquet_nested", "avro_shapes",
                                         "parquet_times"};
    (void)state;
    uint64_t seed = 20261125;
    size_t refused = 0;
    for (size_t i = 0; i < 120; i++) {
        struct golden g;
        char path[256];
        struct buf out = BUF_INIT(MAX_BYTES);
        golden_open(&g, tables[i % 4]);
        LAKE_OK(&g.lake, golden_plan(&g));
        if (i % 3 == 0) {
            (void)snprintf(path, sizeof(path), "%s/t/schema/schema-0", g.lake.folder);
        } else {
            struct str name = g.live.items[i % g.live.count].file->name;
            (void)snprintf(path, sizeof(path), "%s/t/bucket-0/%.*s", g.lake.folder, STR_FMT(name));
        }
        damage(path, &seed);
        if (!golden_read(&g, &g.live, &out)) {
            refused++;
            assert_true(g.lake.err.code == FAIL_CORRUPT || g.lake.err.code == FAIL_SCHEMA ||
                        g.lake.err.code == FAIL_LIMIT || g.lake.err.code == FAIL_IO);
            assert_true(strlen(g.lake.err.text) > 20);
        }
        buf_release(&out);
        golden_close(&g);
    }
    assert_in_range(refused, 40, 119);
}

static struct schema *schema_of(const char *fields, const char *keys, int64_t id)
{
    struct buf b = BUF_INIT(1 << 16);
    struct error err;
    struct schema *s = NULL;
    buf_printf(&b,
               "{\"version\":3,\"id\":%d,\"fields\":[%s],\"highestFieldId\":99,"
               "\"partitionKeys\":[],\"primaryKeys\":[%s],\"options\":{}}",
               (int)id, fields, keys);
    if (!schema_file_parse(buf_str(&b), &s, &err)) {
        fail_msg("%s", err.text);
    }
    buf_release(&b);
    return s;
}

#define K "{\"id\":0,\"name\":\"k\",\"type\":\"INT NOT NULL\"}"

/* What is asked of a file, and what there is no way for. */
static void plans(void **state)
{
    static const struct {
        const char *written, *wanted;
        size_t asked;      /* fields; 0: refused */
        const char *error; /* NULL: rows need no work when true */
    } cases[] = {
        /* only renamed, longer, nullable, or dropped at the end */
        {K ",{\"id\":1,\"name\":\"a\",\"type\":\"VARCHAR(3) NOT NULL\"}",
         K ",{\"id\":1,\"name\":\"b\",\"type\":\"STRING\"}", 5, NULL},
        {K ",{\"id\":1,\"name\":\"a\",\"type\":\"INT\"},{\"id\":2,\"name\":\"b\",\"type\":\"INT\"}",
         K ",{\"id\":1,\"name\":\"a\",\"type\":\"INT\"}", 5, NULL},
        /* dropped in front of the others, too: what is read has the others' order already */
        {"{\"id\":1,\"name\":\"a\",\"type\":\"INT\"}," K, K, 4, NULL},
        {K ",{\"id\":1,\"name\":\"a\",\"type\":\"INT\"}",
         K ",{\"id\":2,\"name\":\"a\",\"type\":\"INT NOT NULL\"}", 0, "column a is NOT NULL"},
        {K ",{\"id\":1,\"name\":\"a\",\"type\":\"TIME(0)\"}",
         K ",{\"id\":1,\"name\":\"a\",\"type\":\"INT\"}", 0,
         "column a, in files of schema 0: Paimon has no rule to cast TIME(0) into INT"},
        {K, "{\"id\":0,\"name\":\"k\",\"type\":\"BIGINT NOT NULL\"}", 0, "key column k"},
        {K, "{\"id\":5,\"name\":\"k\",\"type\":\"INT NOT NULL\"}", 0, "primary key"},
        {K ",{\"id\":1,\"name\":\"a\",\"type\":{\"type\":\"ROW\",\"fields\":[{\"id\":2,\"name\":"
           "\"x\",\"type\":\"INT\"}]}}",
         K ",{\"id\":1,\"name\":\"a\",\"type\":{\"type\":\"ROW\",\"fields\":[{\"id\":2,\"name\":"
           "\"x\",\"type\":\"INT\"},{\"id\":3,\"name\":\"y\",\"type\":\"INT NOT NULL\"}]}}",
         0, "column a, in files of schema 0: field y is NOT NULL"},
        {K ",{\"id\":1,\"name\":\"a\",\"type\":{\"type\":\"MAP\",\"key\":\"INT\",\"value\":"
           "\"INT\"}}",
         K ",{\"id\":1,\"name\":\"a\",\"type\":{\"type\":\"MAP\",\"key\":\"BIGINT\",\"value\":"
           "\"INT\"}}",
         0, "no rule to cast MAP"},
        {K ",{\"id\":1,\"name\":\"a\",\"type\":{\"type\":\"MULTISET\",\"element\":\"INT\"}}",
         K ",{\"id\":1,\"name\":\"a\",\"type\":\"STRING\"}", 0, "no rule to cast MULTISET"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct schema *written = schema_of(cases[i].written, "\"k\"", 0);
        struct schema *wanted = schema_of(cases[i].wanted, "\"k\"", 1);
        struct arena arena = {0};
        struct error err = {0};
        struct schema_evolve e;
        bool ok = schema_evolve_plan(written, wanted, &arena, &e, &err);
        assert_int_equal(ok, cases[i].asked > 0);
        if (ok) {
            assert_int_equal(e.count, cases[i].asked);
            assert_null(e.from);
        } else if (strstr(err.text, cases[i].error) == NULL) {
            fail_msg("'%s' is not in: %s", cases[i].error, err.text);
        }
        arena_release(&arena);
        schema_free(written);
        schema_free(wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_as_java_reads_them),
        cmocka_unit_test(shadowed_values),
        cmocka_unit_test(shadows_that_count),
        cmocka_unit_test(damaged),
        cmocka_unit_test(plans),
    };
    (void)setenv("TZ", "UTC", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
