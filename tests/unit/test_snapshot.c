#include <string.h>

#include "sink/paths.h"
#include "sink/snapshot.h"
#include "tests/unit/lake_fixture.h"

static struct snapshot example(int64_t id)
{
    return (struct snapshot){.id = id,
                             .schema_id = 2,
                             .base_list = STR("manifest-list-a-0"),
                             .base_list_bytes = 1034,
                             .delta_list = STR("manifest-list-a-1"),
                             .delta_list_bytes = 1120,
                             .changelog_list_bytes = -1,
                             .commit_user = STR("user \"1\""),
                             .commit_identifier = INT64_MAX,
                             .kind = SNAPSHOT_COMPACT,
                             .time_ms = 1755856800000,
                             .total_rows = 100,
                             .delta_rows = -10,
                             .changelog_rows = -1,
                             .watermark = INT64_MIN,
                             .next_row_id = -1};
}

static void expect_print(const struct snapshot *s, const char *text)
{
    struct buf b = BUF_INIT(1 << 20);
    snapshot_print(s, &b);
    assert_string_equal(buf_cstr(&b), text);
    buf_release(&b);
}

static void printed_as_java_does(void **state)
{
    (void)state;
    struct snapshot s = example(7);
    expect_print(&s, "{\n  \"version\" : 3,\n  \"id\" : 7,\n  \"schemaId\" : 2,\n"
                     "  \"baseManifestList\" : \"manifest-list-a-0\",\n"
                     "  \"baseManifestListSize\" : 1034,\n"
                     "  \"deltaManifestList\" : \"manifest-list-a-1\",\n"
                     "  \"deltaManifestListSize\" : 1120,\n"
                     "  \"commitUser\" : \"user \\\"1\\\"\",\n"
                     "  \"commitIdentifier\" : 9223372036854775807,\n"
                     "  \"commitKind\" : \"COMPACT\",\n  \"timeMillis\" : 1755856800000,\n"
                     "  \"totalRecordCount\" : 100,\n  \"deltaRecordCount\" : -10\n}");
    struct snapshot_property properties[] = {{STR("inlet.job"), STR("j")}, {STR("k\n"), STR("")}};
    s.uuid = STR("u-1");
    s.changelog_list = STR("manifest-list-a-2");
    s.changelog_list_bytes = 5;
    s.index_manifest = STR("index-manifest-0");
    s.changelog_rows = 0;
    s.watermark = -3;
    s.statistics = STR("stat-0");
    s.next_row_id = 0;
    s.properties = properties;
    s.property_count = 2;
    struct buf b = BUF_INIT(1 << 20);
    struct arena a = {0};
    struct error err = {0};
    struct snapshot back;
    snapshot_print(&s, &b);
    assert_true(snapshot_parse(buf_str(&b), &a, &back, &err));
    assert_true(str_eq(back.uuid, s.uuid) && str_eq(back.changelog_list, s.changelog_list));
    assert_true(str_eq(back.index_manifest, s.index_manifest));
    assert_true(str_eq(back.statistics, s.statistics) && back.changelog_list_bytes == 5);
    assert_true(back.changelog_rows == 0 && back.watermark == -3 && back.next_row_id == 0);
    assert_true(back.commit_identifier == INT64_MAX && back.kind == SNAPSHOT_COMPACT);
    assert_true(str_eq(snapshot_property_get(&back, STR("inlet.job")), STR("j")));
    assert_true(str_eq(snapshot_property_get(&back, STR("k\n")), STR("")));
    assert_null(snapshot_property_get(&back, STR("none")).ptr);
    arena_release(&a);
    buf_release(&b);
}

#define REST                                                                                       \
    "\"baseManifestList\":\"b\",\"deltaManifestList\":\"d\",\"commitUser\":\"u\","                 \
    "\"commitIdentifier\":1,\"timeMillis\":5,"

/* What releases up to 1.3 write: nulls for what is absent. */
static void older_forms_are_read(void **state)
{
    (void)state;
    struct arena a = {0};
    struct error err = {0};
    struct snapshot s;
    assert_true(snapshot_parse(
        STR("{\"version\":3,\"id\":1,\"schemaId\":0," REST
            "\"commitKind\":\"ANALYZE\",\"changelogManifestList\":null,\"indexManifest\":null,"
            "\"logOffsets\":{},\"totalRecordCount\":null,\"deltaRecordCount\":4,"
            "\"watermark\":-9223372036854775808,\"properties\":null,\"operation\":\"WRITE\"}"),
        &a, &s, &err));
    assert_int_equal(s.changelog_list.len, 0);
    assert_int_equal(s.base_list_bytes, -1);
    assert_int_equal(s.changelog_rows, -1);
    assert_true(s.watermark == INT64_MIN && s.total_rows == 0 && s.delta_rows == 4);
    assert_int_equal(s.kind, SNAPSHOT_ANALYZE);
    assert_int_equal(s.property_count, 0);
    arena_release(&a);
}

static void damage_names_the_member(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum fail code;
        const char *says;
    } cases[] = {
        {"", FAIL_CORRUPT, "snapshot"},
        {"[]", FAIL_CORRUPT, "not a JSON object"},
        {"{\"version\":3,\"id\":1,\"schemaId\":0,", FAIL_CORRUPT, "snapshot"},
        {"{}", FAIL_CORRUPT, "version"},
        {"{\"version\":4}", FAIL_SCHEMA, "newer Paimon"},
        {"{\"version\":3}", FAIL_CORRUPT, "\"id\""},
        {"{\"version\":3,\"id\":1.5}", FAIL_CORRUPT, "\"id\""},
        {"{\"version\":3,\"id\":0,\"schemaId\":0," REST "\"commitKind\":\"APPEND\"}", FAIL_CORRUPT,
         "id 0"},
        {"{\"version\":3,\"id\":1,\"schemaId\":0," REST "\"commitKind\":\"SPLIT\"}", FAIL_SCHEMA,
         "SPLIT"},
        {"{\"version\":3,\"id\":1,\"schemaId\":0," REST
         "\"commitKind\":\"APPEND\",\"changelogManifestList\":\"../x\"}",
         FAIL_CORRUPT, "not a file name"},
        {"{\"version\":3,\"id\":1,\"schemaId\":0," REST
         "\"commitKind\":\"APPEND\",\"watermark\":\"x\"}",
         FAIL_CORRUPT, "watermark"},
        {"{\"version\":3,\"id\":1,\"schemaId\":0," REST
         "\"commitKind\":\"APPEND\",\"properties\":{\"a\":1}}",
         FAIL_CORRUPT, "property \"a\""},
        {"{\"version\":3,\"id\":1,\"schemaId\":0,\"baseManifestList\":null}", FAIL_CORRUPT,
         "baseManifestList"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena a = {0};
        struct error err = {0};
        struct snapshot s = {.id = 99};
        assert_false(snapshot_parse(str_of(cases[i].json), &a, &s, &err));
        if (err.code != cases[i].code || strstr(err.text, cases[i].says) == NULL) {
            fail_msg("case %zu: %s", i, err.text);
        }
        assert_int_equal(s.id, 99);
        arena_release(&a);
    }
}

static int64_t latest(struct lake *l)
{
    int64_t id = -1;
    if (!snapshot_latest_id(l->fs, l->root, &id, &l->err)) {
        fail_msg("%s", l->err.text);
    }
    return id;
}

static int64_t earliest(struct lake *l)
{
    int64_t id = -1;
    if (!snapshot_earliest_id(l->fs, l->root, &id, &l->err)) {
        fail_msg("%s", l->err.text);
    }
    return id;
}

static void put(struct lake *l, const char *name, const char *text)
{
    const char *path = paths_join(&l->arena, l->root, str_of(name));
    assert_true(l->fs.ops->replace(l->fs.self, path, str_of(text), &l->err));
}

static void drop(struct lake *l, const char *name)
{
    assert_true(
        l->fs.ops->remove(l->fs.self, paths_join(&l->arena, l->root, str_of(name)), &l->err));
}

static void published_and_found(void **state)
{
    struct lake *l = *state;
    struct snapshot s;
    bool found = true;
    assert_int_equal(latest(l), 0);
    assert_int_equal(earliest(l), 0);
    assert_true(snapshot_read(l->fs, l->root, 1, &l->arena, &s, &found, &l->err));
    assert_false(found);
    for (int64_t id = 1; id <= 3; id++) {
        struct snapshot next = example(id);
        assert_true(snapshot_publish(l->fs, l->root, &next, &l->err));
        assert_int_equal(latest(l), id);
        assert_int_equal(earliest(l), 1);
    }
    struct snapshot again = example(3);
    assert_false(snapshot_publish(l->fs, l->root, &again, &l->err));
    assert_int_equal(l->err.code, FAIL_CONFLICT);
    assert_true(snapshot_read(l->fs, l->root, 3, &l->arena, &s, &found, &l->err));
    assert_true(found && s.id == 3);
}

/* Hints are believed only as far as Java does. */
static void hints_mislead_nobody(void **state)
{
    struct lake *l = *state;
    static const char *const ids[] = {"snapshot/snapshot-5", "snapshot/snapshot-6",
                                      "snapshot/snapshot-10"};
    for (size_t i = 0; i < 3; i++) {
        put(l, ids[i], "{}");
    }
    put(l, "snapshot/.snapshot-11.x.tmp", "{}");
    put(l, "snapshot/snapshot-x", "{}");
    put(l, "snapshot/snapshot-12.tmp", "{}");
    static const char *const hints[] = {
        "",
        "x",
        "5",
        "9",
        "99",
        "-1",
        "6\n",
        "123456789012345678901234567890",
        "12345678901234567890123456789012345678901234567890123456789012345"};
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        put(l, "snapshot/LATEST", hints[i]);
        put(l, "snapshot/EARLIEST", hints[i]);
        assert_int_equal(latest(l), 10);
        assert_int_equal(earliest(l), 5);
    }
    /* the hint holds where nothing follows: Java's rule, in a folder with a gap */
    put(l, "snapshot/LATEST", "6");
    assert_int_equal(latest(l), 6);
    put(l, "snapshot/EARLIEST", "6");
    assert_int_equal(earliest(l), 6);
    drop(l, "snapshot/LATEST");
    drop(l, "snapshot/EARLIEST");
    assert_int_equal(latest(l), 10);
    assert_int_equal(earliest(l), 5);
    struct snapshot s;
    bool found;
    assert_false(snapshot_read(l->fs, l->root, 10, &l->arena, &s, &found, &l->err));
    assert_non_null(strstr(l->err.text, "snapshot-10"));
    struct snapshot wrong = example(4);
    struct buf b = BUF_INIT(1 << 16);
    snapshot_print(&wrong, &b);
    put(l, "snapshot/snapshot-10", buf_cstr(&b));
    buf_release(&b);
    assert_false(snapshot_read(l->fs, l->root, 10, &l->arena, &s, &found, &l->err));
    assert_int_equal(l->err.code, FAIL_CORRUPT); /* its id is another */
}

static void gaps_are_found(void **state)
{
    struct lake *l = *state;
    assert_true(snapshot_check_chain(l->fs, l->root, &l->err)); /* none at all */
    put(l, "snapshot/snapshot-5", "{}");
    assert_true(snapshot_check_previous(l->fs, l->root, 5, &l->err)); /* the others are expired */
    put(l, "snapshot/snapshot-6", "{}");
    put(l, "snapshot/snapshot-7", "{}");
    assert_true(snapshot_check_chain(l->fs, l->root, &l->err));
    assert_true(snapshot_check_previous(l->fs, l->root, 7, &l->err));
    drop(l, "snapshot/snapshot-6");
    assert_false(snapshot_check_previous(l->fs, l->root, 7, &l->err));
    assert_int_equal(l->err.code, FAIL_DIVERGED);
    assert_false(snapshot_check_chain(l->fs, l->root, &l->err));
    assert_int_equal(l->err.code, FAIL_DIVERGED);
    assert_non_null(strstr(l->err.text, "snapshot-6 is missing"));
    put(l, "snapshot/snapshot-8", "{}");
    assert_true(snapshot_check_previous(l->fs, l->root, 8, &l->err));
    assert_false(snapshot_check_chain(l->fs, l->root, &l->err));
    drop(l, "snapshot/snapshot-5");
    assert_true(snapshot_check_chain(l->fs, l->root, &l->err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printed_as_java_does),
        cmocka_unit_test(older_forms_are_read),
        cmocka_unit_test(damage_names_the_member),
        cmocka_unit_test_setup_teardown(published_and_found, lake_setup, lake_teardown),
        cmocka_unit_test_setup_teardown(hints_mislead_nobody, lake_setup, lake_teardown),
        cmocka_unit_test_setup_teardown(gaps_are_found, lake_setup, lake_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
