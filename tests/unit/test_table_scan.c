#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/row.h"
#include "sink/binrow.h"
#include "sink/paths.h"
#include "sink/schema_file.h"
#include "sink/table_scan.h"

#include "tests/unit/lsm_fixture.h"

static int compare_lines(const void *left, const void *right)
{
    return str_compare(*(const struct str *)left, *(const struct str *)right);
}

static size_t split_lines(struct str text, struct arena *arena, struct str **out)
{
    struct str *lines = ARENA_ARRAY(arena, struct str, text.len + 1);
    struct str rest = text;
    struct str line;
    size_t count = 0;
    while (str_next(&rest, '\n', &line)) {
        if (line.len > 0) {
            lines[count++] = line;
        }
    }
    *out = lines;
    return count;
}

static void scan_lines(const struct table_scan_options *o, struct buf *out)
{
    struct error err = {0};
    struct table_scan *scan = NULL;
    if (!table_scan_open(o, &scan, &err)) {
        fail_msg("%s", err.text);
    }
    const struct value *values;
    enum next next;
    while ((next = table_scan_next(scan, &values, &err)) == NEXT_ROW) {
        row_print_json(o->schema->fields, o->schema->field_count, values, out);
        buf_put_byte(out, '\n');
    }
    if (next == NEXT_FAIL) {
        fail_msg("%s", err.text);
    }
    table_scan_close(scan);
}

/* Tables that Paimon Java wrote give the rows that it reads itself, in key order and without. */
static void tables_of_paimon_java(void **state)
{
    (void)state;
    static const char *const names[] = {"crud", "input",  "levels",  "types", "keys",
                                        "edge", "nested", "deflate", "plain", "old"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct arena a = {0};
        struct error err = {0};
        struct fs fs;
        const char *root = NULL;
        assert_true(fs_open(str_of(TEST_DATA "/paimon"), &a, &fs, &root, &err));
        char path[4096];
        char rows_path[4096];
        (void)snprintf(path, sizeof(path), "%s/%s", root, names[i]);
        (void)snprintf(rows_path, sizeof(rows_path), "%s/%s.rows", root, names[i]);
        struct schema *schema = NULL;
        struct snapshot snapshot;
        struct manifest_entries live;
        int64_t id = 0;
        bool found = false;
        if (!schema_file_latest(fs, path, &schema, &err) ||
            !snapshot_latest_id(fs, path, &id, &err) ||
            !snapshot_read(fs, path, id, &a, &snapshot, &found, &err) || !found ||
            !table_scan_plan(fs, path, &snapshot, &a, &live, &err)) {
            fail_msg("%s: %s", names[i], err.text);
        }
        struct buf want = BUF_INIT((size_t)64 << 20);
        struct buf got = BUF_INIT((size_t)64 << 20);
        assert_true(fs.ops->read(fs.self, rows_path, &want, &found, &err) && found);
        struct table_scan_options o = {.fs = fs,
                                       .table_path = path,
                                       .schema = schema,
                                       .entries = live.items,
                                       .entry_count = live.count,
                                       .sorted = true};
        scan_lines(&o, &got);
        if (!str_eq(buf_str(&got), buf_str(&want))) {
            fail_msg("%s, sorted:\n%.2000s\nwant:\n%.2000s", names[i], buf_cstr(&got),
                     buf_cstr(&want));
        }
        buf_reset(&got);
        o.sorted = false;
        scan_lines(&o, &got);
        struct str *left;
        struct str *right;
        size_t count = split_lines(buf_str(&got), &a, &left);
        assert_int_equal(split_lines(buf_str(&want), &a, &right), count);
        qsort(left, count, sizeof(*left), compare_lines);
        qsort(right, count, sizeof(*right), compare_lines);
        for (size_t k = 0; k < count; k++) {
            assert_true(str_eq(left[k], right[k]));
        }
        buf_release(&want);
        buf_release(&got);
        schema_free(schema);
        fs_close(&fs);
        arena_release(&a);
    }
}

enum { BUCKETS = 3, KEYS = 600 };

struct lake {
    struct fixture f;
    struct manifest_entry entries[BUCKETS * 2];
    size_t count;
    int64_t n[KEYS]; /* -1: not there */
    struct table_scan_options options;
};

/* A key lies in bucket key % BUCKETS; each has an older run at level 5 and a newer one at 0. */
static void lake_init(struct lake *l, enum shape shape)
{
    static struct record records[KEYS];
    memset(l, 0, sizeof(*l));
    fixture_init(&l->f, shape);
    for (int32_t bucket = 0; bucket < BUCKETS; bucket++) {
        for (int newer = 0; newer < 2; newer++) {
            size_t count = 0;
            for (int64_t key = bucket; key < KEYS; key += BUCKETS) {
                if (newer && key % 4 != 0) {
                    continue;
                }
                bool gone = newer && key % 8 == 0;
                l->n[key] = gone ? -1 : key * 10 + newer;
                records[count++] = (struct record){key, newer * 1000 + key, key * 10 + newer,
                                                   gone ? ROW_DELETE : ROW_INSERT};
            }
            struct run_files files = {0};
            l->f.data.folder = paths_bucket(&l->f.arena, FIXTURE_TABLE, "", bucket);
            fixture_write(&l->f, newer ? 0 : 5, records, count, &files);
            l->entries[l->count++] = (struct manifest_entry){.partition = binrow_empty,
                                                             .bucket = bucket,
                                                             .total_buckets = BUCKETS,
                                                             .file = files.items[0]};
        }
    }
    l->options = (struct table_scan_options){.fs = l->f.fs,
                                             .table_path = FIXTURE_TABLE,
                                             .schema = l->f.schema,
                                             .entries = l->entries,
                                             .entry_count = l->count,
                                             .sorted = true};
}

static void merges_over_buckets(void **state)
{
    (void)state;
    for (enum shape shape = 0; shape < SHAPE_COUNT; shape++) {
        struct lake l;
        lake_init(&l, shape);
        struct error err = {0};
        for (int sorted = 0; sorted < 2; sorted++) {
            l.options.sorted = sorted != 0;
            struct table_scan *scan = NULL;
            assert_true(table_scan_open(&l.options, &scan, &err));
            bool seen[KEYS] = {false};
            int64_t last = -1;
            const struct value *values;
            enum next next;
            size_t count = 0;
            while ((next = table_scan_next(scan, &values, &err)) == NEXT_ROW) {
                int64_t key = fixture_key(&l.f, values);
                assert_false(seen[key]);
                assert_true(!sorted || key > last);
                assert_true(l.n[key] >= 0);
                assert_int_equal(fixture_n(&l.f, values), l.n[key]);
                seen[key] = true;
                last = key;
                count++;
            }
            assert_int_equal(next, NEXT_END);
            assert_int_equal(table_scan_next(scan, &values, &err), NEXT_END);
            assert_int_equal(count, KEYS - KEYS / 8);
            table_scan_close(scan);
        }
        l.options.entry_count = 0; /* an empty table */
        for (int sorted = 0; sorted < 2; sorted++) {
            struct table_scan *scan = NULL;
            const struct value *values;
            l.options.sorted = sorted != 0;
            assert_true(table_scan_open(&l.options, &scan, &err));
            assert_int_equal(table_scan_next(scan, &values, &err), NEXT_END);
            table_scan_close(scan);
        }
        table_scan_close(NULL);
        fixture_release(&l.f);
    }
}

/* Whatever call fails, the scan says so, and frees what it had; a reader never writes. */
static void every_failure_is_told(void **state)
{
    (void)state;
    struct lake l;
    lake_init(&l, SHAPE_INT);
    size_t files = l.f.memory.count;
    long fails = 0;
    for (long n = 1;; n++) {
        l.f.memory.calls = 0;
        l.f.memory.fail_at = n;
        struct error err = {0};
        struct table_scan *scan = NULL;
        const struct value *values;
        enum next next = NEXT_FAIL;
        if (table_scan_open(&l.options, &scan, &err)) {
            while ((next = table_scan_next(scan, &values, &err)) == NEXT_ROW) {
            }
            table_scan_close(scan);
        }
        assert_int_equal(l.f.memory.count, files);
        if (l.f.memory.calls < n) {
            assert_int_equal(next, NEXT_END);
            break;
        }
        assert_int_equal(next, NEXT_FAIL);
        assert_int_equal(err.code, FAIL_IO);
        fails++;
    }
    assert_true(fails >= 6);
    fixture_release(&l.f);
}

static void stops(void **state)
{
    (void)state;
    struct lake l;
    lake_init(&l, SHAPE_INT);
    struct stop *stop = stop_new();
    stop_request(stop);
    l.options.stop = stop;
    struct error err = {0};
    struct table_scan *scan = NULL;
    assert_false(table_scan_open(&l.options, &scan, &err));
    assert_int_equal(err.code, FAIL_STOPPED);
    stop_free(stop);
    fixture_release(&l.f);
}

static void refuses_other_tables(void **state)
{
    (void)state;
    static const char *const options[][2] = {
        {"merge-engine", "frobnicate"}, {"sequence.field", "absent"},
        {"fields.n.retract", "1"},      {"deletion-vectors.enabled", "maybe"},
        {"ignore-delete", "maybe"},     {"sequence.snapshot-ordering", "TRUE"}};
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        struct schema *s = fixture_schema(SHAPE_INT);
        struct error err = {0};
        assert_true(table_scan_check(s, &err));
        schema_set_option(s, str_of(options[i][0]), str_of(options[i][1]));
        assert_false(table_scan_check(s, &err));
        assert_int_equal(err.code, FAIL_SCHEMA);
        assert_non_null(strstr(err.text, options[i][0]));
        schema_free(s);
    }
    struct schema *s = fixture_schema(SHAPE_INT);
    struct error err = {0};
    schema_set_option(s, STR("merge-engine"), STR("deduplicate"));
    schema_set_option(s, STR("deletion-vectors.enabled"), STR("false"));
    assert_true(table_scan_check(s, &err));
    s->primary_key_count = 0;
    assert_false(table_scan_check(s, &err));
    assert_int_equal(err.code, FAIL_SCHEMA);
    schema_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_of_paimon_java), cmocka_unit_test(merges_over_buckets),
        cmocka_unit_test(every_failure_is_told), cmocka_unit_test(stops),
        cmocka_unit_test(refuses_other_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
