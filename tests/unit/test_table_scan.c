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

/* A table that Paimon Java wrote, at its newest snapshot. */
struct java {
    struct arena arena;
    struct fs fs;
    const char *path;
    struct schema *schema;
    struct snapshot snapshot;
    struct manifest_entries live;
    struct buf want; /* what Java reads */
    struct table_scan_options options;
};

static void java_open(struct java *j, const char *folder, const char *name)
{
    struct error err = {0};
    const char *root = NULL;
    int64_t id = 0;
    bool found = false;
    memset(j, 0, sizeof(*j));
    assert_true(fs_open(str_of(folder), &j->arena, &j->fs, &root, &err));
    j->path = paths_join(&j->arena, root, str_of(name));
    if (!schema_file_latest(j->fs, j->path, &j->schema, &err) ||
        !snapshot_latest_id(j->fs, j->path, &id, &err) ||
        !snapshot_read(j->fs, j->path, id, &j->arena, &j->snapshot, &found, &err) || !found ||
        !table_scan_plan(j->fs, j->path, &j->snapshot, &j->arena, &j->live, &err)) {
        fail_msg("%s: %s", name, err.text);
    }
    char rows[4096];
    (void)snprintf(rows, sizeof(rows), "%s.rows", j->path);
    j->want = BUF_INIT((size_t)64 << 20);
    assert_true(j->fs.ops->read(j->fs.self, rows, &j->want, &found, &err) && found);
    j->options = (struct table_scan_options){.fs = j->fs,
                                             .table_path = j->path,
                                             .schema = j->schema,
                                             .entries = j->live.items,
                                             .entry_count = j->live.count,
                                             .snapshot = &j->snapshot,
                                             .sorted = true};
}

static void java_close(struct java *j)
{
    buf_release(&j->want);
    schema_free(j->schema);
    fs_close(&j->fs);
    arena_release(&j->arena);
}

static void assert_same_lines(const struct buf *got, const struct buf *want, const char *name)
{
    struct arena a = {0};
    struct str *left;
    struct str *right;
    size_t count = split_lines(buf_str(got), &a, &left);
    assert_int_equal(split_lines(buf_str(want), &a, &right), count);
    qsort(left, count, sizeof(*left), compare_lines);
    qsort(right, count, sizeof(*right), compare_lines);
    for (size_t k = 0; k < count; k++) {
        if (!str_eq(left[k], right[k])) {
            fail_msg("%s: %.*s, not %.*s", name, STR_FMT(left[k]), STR_FMT(right[k]));
        }
    }
    arena_release(&a);
}

/* The rows that Java reads itself, in key order and without. */
static void assert_java_rows(struct java *j, const char *name, bool keys_once)
{
    struct buf got = BUF_INIT((size_t)64 << 20);
    scan_lines(&j->options, &got);
    if (keys_once && !str_eq(buf_str(&got), buf_str(&j->want))) {
        fail_msg("%s, sorted:\n%.2000s\nwant:\n%.2000s", name, buf_cstr(&got), buf_cstr(&j->want));
    }
    assert_same_lines(&got, &j->want, name);
    buf_reset(&got);
    j->options.sorted = false;
    scan_lines(&j->options, &got);
    assert_same_lines(&got, &j->want, name);
    buf_release(&got);
}

static void tables_of_paimon_java(void **state)
{
    (void)state;
    static const char *const names[] = {"crud", "input",  "levels",  "types", "keys",
                                        "edge", "nested", "deflate", "plain", "old"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct java j;
        java_open(&j, TEST_DATA "/paimon", names[i]);
        assert_java_rows(&j, names[i], true);
        java_close(&j);
    }
}

/* Deletion vectors, dynamic buckets, and postponed rows that nobody sees. */
static void index_tables_of_paimon_java(void **state)
{
    (void)state;
    static const char *const names[] = {"dv",      "dv64",       "dv_folder", "dv_part",
                                        "dynamic", "dynamic_dv", "postpone",  "dv_late"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct java j;
        java_open(&j, TEST_DATA "/index", names[i]);
        assert_java_rows(&j, names[i], strcmp(names[i], "dv_late") != 0);
        java_close(&j);
    }
}

/* With deletion-vectors.merge-on-read (Paimon 2.0) the newest writes are seen, too: key 5 deleted,
 * key 500 new. Without deletion vectors what they mark would live again. */
static void other_views_of_deletion_vectors(void **state)
{
    (void)state;
    for (int view = 0; view < 2; view++) {
        struct java j;
        struct buf got = BUF_INIT((size_t)64 << 20);
        java_open(&j, TEST_DATA "/index", "dv");
        struct str want = buf_str(&j.want);
        assert_non_null(strstr(buf_cstr(&j.want), "{\"id\":5,"));
        if (view == 0) {
            schema_set_option(j.schema, STR("deletion-vectors.merge-on-read"), STR("true"));
        } else {
            schema_set_option(j.schema, STR("deletion-vectors.enabled"), STR("false"));
        }
        for (int sorted = 0; sorted < 2; sorted++) {
            j.options.sorted = sorted != 0;
            buf_reset(&got);
            scan_lines(&j.options, &got);
            assert_null(strstr(buf_cstr(&got), "{\"id\":5,"));
            assert_non_null(strstr(buf_cstr(&got), "{\"id\":500,"));
            struct str *lines;
            struct arena a = {0};
            size_t count = split_lines(buf_str(&got), &a, &lines);
            size_t before = split_lines(want, &a, &lines);
            assert_int_equal(count, view == 0 ? before : before + 33); /* 33 were deleted */
            arena_release(&a);
        }
        buf_release(&got);
        java_close(&j);
    }
}

/* Copies the files of a folder of the table into memory. */
static void copy_folder(struct java *j, struct memfs *memory, const char *folder)
{
    struct error err = {0};
    struct fs_entry *files;
    size_t count = 0;
    const char *path = paths_join(&j->arena, j->path, str_of(folder));
    assert_true(j->fs.ops->list(j->fs.self, path, &j->arena, &files, &count, &err));
    for (size_t i = 0; i < count; i++) {
        bool found = false;
        struct memfs_file *to = &memory->files[memory->count++];
        const char *file = paths_join(&j->arena, path, files[i].name);
        *to = (struct memfs_file){mem_dup(file, strlen(file)), BUF_INIT(1 << 20)};
        assert_true(j->fs.ops->read(j->fs.self, file, &to->bytes, &found, &err) && found);
    }
}

/* Damage to what says which rows are dead never goes unseen, unless it changes nothing. */
static void damaged_indexes_are_told(void **state)
{
    (void)state;
    static const char *const names[] = {"dv", "dv64"};
    for (size_t i = 0; i < 2; i++) {
        struct java j;
        static struct memfs memory;
        memset(&memory, 0, sizeof(memory));
        java_open(&j, TEST_DATA "/index", names[i]);
        copy_folder(&j, &memory, "index");
        size_t index_files = memory.count;
        copy_folder(&j, &memory, "manifest");
        copy_folder(&j, &memory, "schema");
        copy_folder(&j, &memory, "bucket-0");
        copy_folder(&j, &memory, "bucket-1");
        j.options.fs = (struct fs){&memfs_ops, &memory};
        j.options.sorted = false;
        assert_java_rows(&j, names[i], false);
        for (size_t f = 0; f < index_files; f++) {
            struct buf *file = &memory.files[f].bytes;
            for (size_t bit = 0; bit <= file->len * 8; bit++) {
                bool cut = bit == file->len * 8;
                size_t len = file->len;
                if (cut) {
                    file->len--;
                } else {
                    file->ptr[bit / 8] = (char)(file->ptr[bit / 8] ^ 1 << bit % 8);
                }
                struct error err = {0};
                struct table_scan *scan = NULL;
                const struct value *values;
                enum next next = NEXT_ROW;
                assert_true(table_scan_open(&j.options, &scan, &err));
                while (next == NEXT_ROW) {
                    next = table_scan_next(scan, &values, &err);
                }
                assert_int_equal(next, NEXT_FAIL);
                assert_int_equal(err.code, FAIL_CORRUPT);
                assert_non_null(strstr(err.text, memory.files[f].path));
                table_scan_close(scan);
                if (!cut) {
                    file->ptr[bit / 8] = (char)(file->ptr[bit / 8] ^ 1 << bit % 8);
                }
                file->len = len;
            }
        }
        memfs_close(&memory);
        java_close(&j);
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
        cmocka_unit_test(tables_of_paimon_java),
        cmocka_unit_test(index_tables_of_paimon_java),
        cmocka_unit_test(other_views_of_deletion_vectors),
        cmocka_unit_test(damaged_indexes_are_told),
        cmocka_unit_test(merges_over_buckets),
        cmocka_unit_test(every_failure_is_told),
        cmocka_unit_test(stops),
        cmocka_unit_test(refuses_other_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
