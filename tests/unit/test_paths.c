#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "sink/paths.h"

static void layout(void **state)
{
    (void)state;
    struct arena a = {0};
    const char *t = paths_table(&a, "/w", STR("shop"), STR("orders"));
    assert_string_equal(t, "/w/shop.db/orders");
    assert_string_equal(paths_schema(&a, t, 0), "/w/shop.db/orders/schema/schema-0");
    assert_string_equal(paths_snapshot(&a, t, 12), "/w/shop.db/orders/snapshot/snapshot-12");
    assert_string_equal(paths_hint(&a, t, "snapshot/LATEST"), "/w/shop.db/orders/snapshot/LATEST");
    assert_string_equal(paths_manifest(&a, t, STR("manifest-x-0")),
                        "/w/shop.db/orders/manifest/manifest-x-0");
    assert_string_equal(paths_bucket(&a, t, "", 3), "/w/shop.db/orders/bucket-3");
    assert_string_equal(paths_bucket(&a, t, "dt=1/", 3), "/w/shop.db/orders/dt=1/bucket-3");
    assert_string_equal(paths_bucket(&a, t, "", PATHS_POSTPONE),
                        "/w/shop.db/orders/bucket-postpone");
    assert_string_equal(paths_changelog(&a, t, 4), "/w/shop.db/orders/changelog/changelog-4");
    assert_string_equal(paths_consumer(&a, t, STR("inlet-j")),
                        "/w/shop.db/orders/consumer/consumer-inlet-j");
    assert_string_equal(paths_job(&a, "/w", STR("j")), "/w/_inlet/j");
    assert_string_equal(paths_join(&a, "/w", STR("größe")), "/w/größe");
    arena_release(&a);
}

static void file_names(void **state)
{
    (void)state;
    struct arena a = {0};
    assert_string_equal(paths_file_name(&a, "data-", "u", 7, ".avro"), "data-u-7.avro");
    assert_string_equal(paths_file_name(&a, "data", "u", 7, "avro"), "data-u-7.avro");
    assert_string_equal(paths_file_name(&a, "manifest-list", "u", UINT64_MAX, ""),
                        "manifest-list-u-18446744073709551615");
    assert_string_equal(paths_file_name(&a, "", "u", 0, NULL), "u-0");
    arena_release(&a);
}

static void uuids(void **state)
{
    (void)state;
    char seen[64][37];
    for (size_t i = 0; i < 64; i++) {
        char *u = seen[i];
        paths_uuid(u);
        assert_int_equal(strlen(u), 36);
        for (size_t k = 0; k < 36; k++) {
            bool dash = k == 8 || k == 13 || k == 18 || k == 23;
            assert_true(dash ? u[k] == '-' : strchr("0123456789abcdef", u[k]) != NULL);
        }
        assert_int_equal(u[14], '4');
        assert_non_null(strchr("89ab", u[19]));
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(seen[k], u);
        }
    }
}

static void names(void **state)
{
    (void)state;
    struct error err = {0};
    char longest[252];
    memset(longest, 'x', sizeof(longest));
    assert_true(paths_check_name(STR("orders_2024 größe.x"), "table", &err));
    assert_true(paths_check_name(STR("a$b"), "database", &err));
    assert_true(paths_check_name((struct str){longest, 250}, "table", &err));
    static const struct {
        struct str name;
        const char *says;
    } bad[] = {
        {{"", 0}, "empty"},           {{"a/b", 3}, "'/'"},    {{".x", 2}, "dot"},
        {{"..", 2}, "dot"},           {{"a\0b", 3}, "0x00"},  {{"a\nb", 3}, "0x0a"},
        {{"t$snapshots", 11}, "'$'"}, {{"a\x7f", 2}, "0x7f"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        err = (struct error){0};
        assert_false(paths_check_name(bad[i].name, "table", &err));
        assert_int_equal(err.code, FAIL_CONFIG);
        assert_non_null(strstr(err.text, bad[i].says));
    }
    assert_false(paths_check_name((struct str){longest, 251}, "table", &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(layout), cmocka_unit_test(file_names),
                                       cmocka_unit_test(uuids), cmocka_unit_test(names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
