#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/pattern.h"

static int match2(const char *list, const char *database, const char *table)
{
    struct error err = {0};
    struct table_pattern *p = NULL;
    const struct str parts[] = {str_of(database), str_of(table)};
    if (!table_pattern_new(str_of(list), 2, &p, &err)) {
        fail_msg("%s", err.text);
    }
    int index = table_pattern_match(p, parts);
    table_pattern_free(p);
    return index;
}

/* The examples of Flink CDC's documentation of `tables`, and its rule for dots. */
static void flink_forms(void **state)
{
    (void)state;
    assert_int_equal(match2("adb.\\.*", "adb", "anything"), 0);
    assert_int_equal(match2("adb.\\.*", "bdb", "anything"), -1);
    assert_int_equal(
        match2("adb.\\.*, bdb.user_table_[0-9]+, [app|web].order_\\.*", "bdb", "user_table_12"), 1);
    assert_int_equal(
        match2("adb.\\.*, bdb.user_table_[0-9]+, [app|web].order_\\.*", "bdb", "user_table_x"), -1);
    assert_int_equal(match2("adb.\\.*, bdb.user_table_[0-9]+, [app|web].order_\\.*", "a", "order_"),
                     2);
    assert_int_equal(match2("app_\\.*.order_\\.*", "app_1", "order_items"), 0);
    assert_int_equal(match2("app_\\.*.order_\\.*", "app1", "order_items"), -1);
    assert_int_equal(match2("(app|web).order", "web", "order"), 0);
    assert_int_equal(match2("a.b", "a", "bb"), -1);
    assert_int_equal(match2("a.b", "A", "b"), -1);
    assert_int_equal(match2("a.t[.]x", "a", "t.x"), 0); /* a literal dot */
    assert_int_equal(match2("a.t[.]x", "a", "tax"), -1);
    assert_int_equal(match2("a.t{1,2}", "a", "tt"), 0); /* a comma inside the braces */
    assert_int_equal(match2("a.t\\d+", "a", "t12"), 0);
}

static void three_parts(void **state)
{
    (void)state;
    struct error err = {0};
    struct table_pattern *p = NULL;
    assert_true(table_pattern_new(STR("d.s.t, d.s.\\.*"), 3, &p, &err));
    const struct str parts[] = {STR("d"), STR("s"), STR("x")};
    assert_int_equal(table_pattern_match(p, parts), 1);
    assert_int_equal(table_pattern_count(p), 2);
    assert_true(str_eq(table_pattern_text(p, 0), STR("d.s.t")));
    assert_true(str_eq(table_pattern_text(p, 1), STR("d.s.\\.*")));
    table_pattern_free(p);
    table_pattern_free(NULL);
}

static void mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        const char *says;
    } bad[] = {
        {"", "empty entry"},
        {"a.b,", "empty entry"},
        {" , a.b", "empty entry"},
        {"orders", "has 1 parts, expected 2"},
        {"a.b.c", "has 3 parts"},
        {"a.", "part 2 is empty"},
        {".b", "part 1 is empty"},
        {"a.*", "write `\\.*` for any characters"},
        {"a.b, c.(", "\"c.(\": regular expression \"(\""},
        {"a.b\\", "regular expression"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct error err = {0};
        struct table_pattern *p = NULL;
        assert_false(table_pattern_new(str_of(bad[i].list), 2, &p, &err));
        assert_null(p);
        assert_int_equal(err.code, FAIL_CONFIG);
        if (strstr(err.text, bad[i].says) == NULL) {
            fail_msg("\"%s\": %s", bad[i].list, err.text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(flink_forms), cmocka_unit_test(three_parts),
                                       cmocka_unit_test(mistakes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
