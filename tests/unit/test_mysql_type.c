#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "connectors/mysql/mysql_type.h"

static struct mysql_type_declared parse(struct arena *a, const char *text)
{
    struct mysql_type_declared t;
    struct error err = {0};
    if (!mysql_type_parse(str_of(text), a, &t, &err)) {
        fail_msg("%s: %s", text, err.text);
    }
    return t;
}

static void is_text(struct str got, const char *want, size_t len)
{
    assert_int_equal(got.len, len);
    assert_memory_equal(got.ptr, want, len);
}

static void numbers(void **state)
{
    (void)state;
    struct arena a = {0};
    struct mysql_type_declared t = parse(&a, "decimal(10,2) unsigned zerofill");
    is_text(t.word, "decimal", 7);
    assert_int_equal(t.arguments, 2);
    assert_int_equal(t.argument[0], 10);
    assert_int_equal(t.argument[1], 2);
    assert_true(t.is_unsigned);
    t = parse(&a, "int");
    assert_int_equal(t.arguments, 0);
    assert_false(t.is_unsigned);
    assert_true(parse(&a, "int(8) zerofill").is_unsigned);
    t = parse(&a, "tinyint(1)");
    assert_int_equal(t.argument[0], 1);
    t = parse(&a, "varchar(1000) /*M!100301 COMPRESSED*/");
    is_text(t.word, "varchar", 7);
    assert_int_equal(t.argument[0], 1000);
    arena_release(&a);
}

static void members(void **state)
{
    (void)state;
    struct arena a = {0};
    struct mysql_type_declared t = parse(
        &a,
        "enum('','a','it''s','back\\\\slash','new\\nline','nul\\0','(x)',''' , ''','\xc3\x9c')");
    assert_int_equal(t.member_count, 9);
    is_text(t.members[0], "", 0);
    is_text(t.members[1], "a", 1);
    is_text(t.members[2], "it's", 4);
    is_text(t.members[3], "back\\slash", 10);
    is_text(t.members[4], "new\nline", 8);
    is_text(t.members[5], "nul\0", 4);
    is_text(t.members[6], "(x)", 3);
    is_text(t.members[7], "' , '", 5);
    is_text(t.members[8], "\xc3\x9c", 2);
    t = parse(&a, "set('one')");
    assert_int_equal(t.member_count, 1);
    arena_release(&a);
}

/* The largest ENUM costs memory by its text, not by its square. */
static void many_members(void **state)
{
    (void)state;
    struct arena a = {0};
    struct buf text = BUF_INIT(1 << 22);
    buf_put_cstr(&text, "enum(");
    for (unsigned i = 0; i < 65535; i++) {
        buf_printf(&text, "%s'member %u'", i == 0 ? "" : ",", i);
    }
    buf_put_byte(&text, ')');
    struct mysql_type_declared t = parse(&a, buf_cstr(&text));
    assert_int_equal(t.member_count, 65535);
    is_text(t.members[65534], "member 65534", 12);
    assert_true(arena_used(&a) < (size_t)16 << 20);
    text.len--;
    buf_put_cstr(&text, ",'one too many')");
    struct error err;
    assert_false(mysql_type_parse(buf_str(&text), &a, &t, &err));
    buf_release(&text);
    arena_release(&a);
}

static void nonsense(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",          "(3)",        "int(",    "int(x)",        "int(1,2,3)", "int(99999999999)",
        "enum('a'",  "enum('a",    "enum(a)", "enum('a' 'b')", "enum()",     "set('a',)",
        "enum('a\\", "enum('a'''", "enum("};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct arena a = {0};
        struct mysql_type_declared t = {.member_count = 77};
        struct error err = {0};
        if (mysql_type_parse(str_of(texts[i]), &a, &t, &err)) {
            fail_msg("\"%s\" was taken", texts[i]);
        }
        assert_int_equal(err.code, FAIL_SCHEMA);
        assert_non_null(strstr(err.text, texts[i]));
        assert_int_equal(t.member_count, 77); /* untouched */
        arena_release(&a);
    }
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(mysql_type_name(MYSQL_WIRE_TIMESTAMP2), "TIMESTAMP");
    assert_string_equal(mysql_type_name(MYSQL_WIRE_VARCHAR_COMPRESSED), "VARCHAR COMPRESSED");
    assert_null(mysql_type_name(200));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),  cmocka_unit_test(members), cmocka_unit_test(many_members),
        cmocka_unit_test(nonsense), cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
