#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "connectors/mysql/mysql_type.h"

static struct mysql_type_declared parse(const char *text, struct arena *a)
{
    struct error err = {0};
    struct mysql_type_declared t;
    if (!mysql_type_parse(str_of(text), a, &t, &err)) {
        fail_msg("%s", err.text);
    }
    return t;
}

static void plain(void **state)
{
    (void)state;
    struct arena a = {0};
    struct mysql_type_declared t = parse("decimal(10,2) unsigned zerofill", &a);
    assert_true(str_eq(t.word, STR("decimal")));
    assert_int_equal(t.arguments, 2);
    assert_int_equal(t.argument[0], 10);
    assert_int_equal(t.argument[1], 2);
    assert_true(t.is_unsigned);
    assert_true(parse("int(8) zerofill", &a).is_unsigned);
    assert_false(parse("int", &a).is_unsigned);
    assert_int_equal(parse("tinyint(1)", &a).argument[0], 1);
    assert_int_equal(parse("varchar(100) /*M!100301 COMPRESSED*/", &a).argument[0], 100);
    assert_int_equal(parse("datetime", &a).arguments, 0);
    arena_release(&a);
}

static void members(void **state)
{
    (void)state;
    struct arena a = {0};
    struct mysql_type_declared t =
        parse("enum('a','','it''s','a,b','(x)','back\\\\slash','new\\nline','nul\\0','''')", &a);
    static const struct str want[] = {{"a", 1},         {"", 0},      {"it's", 4},
                                      {"a,b", 3},       {"(x)", 3},   {"back\\slash", 10},
                                      {"new\nline", 8}, {"nul\0", 4}, {"'", 1}};
    assert_int_equal(t.member_count, 9);
    for (size_t i = 0; i < 9; i++) {
        assert_true(str_eq(t.members[i], want[i]));
    }
    t = parse("set('x') unsigned", &a);
    assert_int_equal(t.member_count, 1);
    arena_release(&a);
}

static void bad(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",           "enum(",         "enum('a'",
        "enum('a',",  "enum('a' 'b')", "enum(a)",
        "decimal(10", "decimal(x)",    "decimal(1,2,3)",
        "enum('a",    "enum()",        "int(99999999999)",
    };
    struct arena a = {0};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct error err = {0};
        struct mysql_type_declared t;
        if (mysql_type_parse(str_of(texts[i]), &a, &t, &err)) {
            fail_msg("\"%s\" was understood", texts[i]);
        }
        assert_int_equal(err.code, FAIL_SCHEMA);
        assert_non_null(strstr(err.text, texts[i]));
    }
    arena_release(&a);
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(mysql_type_name(MYSQL_WIRE_NEWDECIMAL), "DECIMAL");
    assert_string_equal(mysql_type_name(MYSQL_WIRE_DECIMAL), "DECIMAL (before 5.0)");
    assert_null(mysql_type_name(200));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(plain), cmocka_unit_test(members),
                                       cmocka_unit_test(bad), cmocka_unit_test(names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
