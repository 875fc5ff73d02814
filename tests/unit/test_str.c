#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>

#include "base/str.h"

static void compare(void **state)
{
    (void)state;
    assert_true(str_eq(STR(""), (struct str){NULL, 0}));
    assert_false(str_eq(STR("a"), STR("b")));
    assert_true(str_eq_nocase(STR("aZ_1"), STR("Az_1")));
    assert_false(str_eq_nocase(STR("["), STR("{"))); /* not letters */
    assert_int_equal(str_compare(STR("a"), STR("a")), 0);
    assert_int_equal(str_compare(STR("a"), STR("ab")), -1);
    assert_int_equal(str_compare(STR("b"), STR("ab")), 1);
    assert_int_equal(str_compare(STR("\xff"), STR("a")), 1); /* unsigned */
    assert_int_equal(str_compare((struct str){NULL, 0}, STR("a")), -1);
    assert_true(str_starts(STR("abc"), STR("ab")));
    assert_false(str_starts(STR("a"), STR("ab")));
    assert_true(str_ends(STR("abc"), STR("bc")));
    assert_false(str_ends(STR("c"), STR("bc")));
    assert_true(str_ends(STR("c"), STR("")));
}

static void slices(void **state)
{
    (void)state;
    assert_true(str_eq(str_slice(STR("hello"), 1, 3), STR("el")));
    assert_true(str_eq(str_slice(STR("hello"), 3, 99), STR("lo")));
    assert_int_equal(str_slice(STR("hello"), 9, 99).len, 0);
    assert_int_equal(str_slice(STR("hello"), 3, 1).len, 0);
    assert_true(str_eq(str_trim(STR(" \t\r\na b\v\f ")), STR("a b")));
    assert_int_equal(str_trim(STR("   ")).len, 0);
    assert_int_equal(str_find(STR("abc"), 'c'), 2);
    assert_int_equal(str_find(STR("abc"), 'x'), 3);
    assert_int_equal(str_find((struct str){NULL, 0}, 'x'), 0);
}

static void parts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t count;
    } cases[] = {{"", 1}, {",", 2}, {"a", 1}, {"a,", 2}, {"a,b,,c", 4}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct str rest = str_of(cases[i].text);
        struct str part;
        size_t count = 0;
        while (str_next(&rest, ',', &part)) {
            assert_int_equal(str_find(part, ','), part.len);
            count++;
        }
        assert_int_equal(count, cases[i].count);
        assert_false(str_next(&rest, ',', &part));
    }
}

static void numbers(void **state)
{
    (void)state;
    int64_t i = 42;
    uint64_t u = 42;
    assert_true(str_to_i64(STR("-9223372036854775808"), &i) && i == INT64_MIN);
    assert_true(str_to_i64(STR("9223372036854775807"), &i) && i == INT64_MAX);
    assert_true(str_to_u64(STR("18446744073709551615"), &u) && u == UINT64_MAX);
    assert_true(str_to_u64(STR("000"), &u) && u == 0);
    assert_true(str_to_i64(STR("-0"), &i) && i == 0);
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "0x1",
                                      "1.0",
                                      "--1",
                                      "1e3",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999999"};
    for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
        i = 42;
        assert_false(str_to_i64(str_of(bad[n]), &i));
        assert_int_equal(i, 42);
    }
    u = 42;
    assert_false(str_to_u64(STR("18446744073709551616"), &u));
    assert_false(str_to_u64(STR("-1"), &u));
    assert_int_equal(u, 42);
}

static void sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {{"0", 0},
                {"12", 12},
                {"1b", 1},
                {"1 KB", 1024},
                {"2kib", 2048},
                {"256 MiB", 268435456},
                {" 3g ", 3221225472},
                {"1tb", 1099511627776},
                {"7 bytes", 7}};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        uint64_t out = 1;
        assert_true(str_to_size(str_of(good[i].text), &out));
        assert_int_equal(out, good[i].bytes);
    }
    static const char *const bad[] = {"", "mb", "-1", "1 x", "1.5 mb", "1 m b", "99999999999 tb"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t out = 42;
        assert_false(str_to_size(str_of(bad[i]), &out));
        assert_int_equal(out, 42);
    }
}

static void durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ms;
    } good[] = {{"5", 5},        {"10 s", 10000},      {"3 min", 180000}, {"2m", 120000},
                {"1h", 3600000}, {"1 d", 86400000},    {"100ms", 100},    {"1999us", 1},
                {"1 ns", 0},     {"2 Days", 172800000}};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        uint64_t out = 42;
        assert_true(str_to_duration(str_of(good[i].text), &out));
        assert_int_equal(out, good[i].ms);
    }
    uint64_t out = 42;
    assert_false(str_to_duration(STR("1 w"), &out));
    assert_false(str_to_duration(STR("s"), &out));
    assert_false(str_to_duration(STR("18446744073709551615 d"), &out));
    assert_int_equal(out, 42);
}

static void distances(void **state)
{
    (void)state;
    assert_int_equal(str_distance(STR(""), STR("")), 0);
    assert_int_equal(str_distance(STR("abc"), STR("")), 3);
    assert_int_equal(str_distance(STR("port"), STR("prot")), 1);
    assert_int_equal(str_distance(STR("hostname"), STR("hostnam")), 1);
    assert_int_equal(str_distance(STR("kitten"), STR("sitting")), 3);
    char text[200];
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (char)('a' + i % 26);
    }
    assert_int_equal(str_distance((struct str){text, 200}, (struct str){text, 200}), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compare),   cmocka_unit_test(slices), cmocka_unit_test(parts),
        cmocka_unit_test(numbers),   cmocka_unit_test(sizes),  cmocka_unit_test(durations),
        cmocka_unit_test(distances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
