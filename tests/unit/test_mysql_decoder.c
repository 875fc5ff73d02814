#include "connectors/mysql/mysql_decoder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/mem.h"

static struct arena arena;

static struct mysql_decoder open_decoder(const struct mysql_column *column)
{
    static const struct mysql_policy policy = {0};
    struct mysql_decoder d;
    struct error err;
    assert_true(mysql_decoder_init(&d, column, &policy, &err));
    return d;
}

static void addresses(void **state)
{
    (void)state;
    static const struct {
        enum mysql_class class;
        const char *bytes;
        size_t len;
        const char *want;
    } cases[] = {
        {MYSQL_CLASS_UUID, "\x12\x3e\x45\x67\xe8\x9b\x12\xd3\xa4\x56\x42\x66\x55\x44\x00\x00", 14,
         "123e4567-e89b-12d3-a456-426655440000"},
        {MYSQL_CLASS_UUID, "", 0, "00000000-0000-0000-0000-000000000000"},
        {MYSQL_CLASS_INET4, "\xc0\x00\x02\x01", 4, "192.0.2.1"},
        {MYSQL_CLASS_INET4, "\xff", 1, "255.0.0.0"},
        {MYSQL_CLASS_INET6, "", 0, "::"},
        {MYSQL_CLASS_INET6, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16, "::1"},
        {MYSQL_CLASS_INET6, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x80", 16,
         "::ffff:192.0.2.128"},
        {MYSQL_CLASS_INET6, "\0\0\0\0\0\0\0\0\0\0\0\0\1\2\3\4", 16, "::1.2.3.4"},
        {MYSQL_CLASS_INET6, "\0\1\0\0\0\0\0\2\0\0\0\0\0\0\0\3", 16, "1:0:0:2::3"},
        {MYSQL_CLASS_INET6, "\xfe\x80", 2, "fe80::"},
        {MYSQL_CLASS_INET6, "\0\1\0\2\0\3\0\4\0\5\0\6\0\7\0\x08", 16, "1:2:3:4:5:6:7:8"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mysql_column c = {.name = STR("c"), .class = cases[i].class};
        struct mysql_decoder d = open_decoder(&c);
        struct value v;
        struct error err;
        struct str bytes = {cases[i].bytes, cases[i].len};
        assert_true(mysql_decoder_address(&d, bytes, &arena, &v, &err));
        if (!str_eq(value_str(&v), str_of(cases[i].want))) {
            fail_msg("%.*s, not %s", STR_FMT(value_str(&v)), cases[i].want);
        }
        assert_false(mysql_decoder_address(&d, STR("12345678901234567"), &arena, &v, &err));
        assert_int_equal(err.code, FAIL_CORRUPT);
        mysql_decoder_release(&d);
    }
}

static void sets(void **state)
{
    (void)state;
    static const struct str members[] = {{"a", 1}, {"", 0}, {"c", 1}};
    struct mysql_column c = {
        .name = STR("c"), .class = MYSQL_CLASS_SET, .members = members, .member_count = 3};
    struct mysql_decoder d = open_decoder(&c);
    struct value by_mask;
    struct value by_text;
    struct error err;
    /* what the server prints for a mask is read back as the same members */
    assert_true(mysql_decoder_set(&d, 5, &arena, &by_mask, &err));
    assert_true(mysql_decoder_set_text(&d, STR("a,c"), &arena, &by_text, &err));
    assert_true(by_mask.len == 2 && by_text.len == 2);
    assert_true(str_eq(value_str(&by_mask.items[1]), value_str(&by_text.items[1])));
    assert_true(mysql_decoder_set_text(&d, STR(""), &arena, &by_text, &err));
    assert_true(by_text.state == VALUE_SET && by_text.len == 0);
    assert_false(mysql_decoder_set_text(&d, STR("a,b,c,d"), &arena, &by_text, &err));
    assert_false(mysql_decoder_set(&d, 8, &arena, &by_mask, &err));
    assert_int_equal(err.code, FAIL_CORRUPT);
    /* members that the plan lent must outlive it */
    struct str lent[] = {STR("x"), STR("y"), STR("z")};
    d.members = lent;
    d.members_lent = true;
    assert_true(mysql_decoder_enum(&d, 2, &arena, &by_mask, &err));
    assert_true(str_eq(value_str(&by_mask), STR("y")) && by_mask.bytes != lent[1].ptr);
    mysql_decoder_release(&d);
}

static void bits(void **state)
{
    (void)state;
    struct mysql_column c = {.name = STR("c"), .class = MYSQL_CLASS_BIT, .length = 12};
    struct mysql_decoder d = open_decoder(&c);
    struct value v;
    struct error err;
    assert_true(mysql_decoder_bit(&d, STR("\x05"), &arena, &v, &err));
    assert_true(v.len == 2 && memcmp(v.bytes, "\0\x05", 2) == 0);
    assert_false(mysql_decoder_bit(&d, STR("\x01\x02\x03"), &arena, &v, &err));
    mysql_decoder_release(&d);
    c.length = 1;
    d = open_decoder(&c);
    assert_true(mysql_decoder_bit(&d, STR("\x01"), &arena, &v, &err));
    assert_int_equal(v.i, 1);
    mysql_decoder_release(&d);
}

static void decimals(void **state)
{
    (void)state;
    struct mysql_column c = {
        .name = STR("c"), .class = MYSQL_CLASS_DECIMAL, .precision = 20, .scale = 2};
    struct mysql_decoder d = open_decoder(&c);
    struct value v;
    struct error err;
    assert_true(mysql_decoder_decimal(&d, STR("-123456789012345678.90"), &arena, &v, &err));
    assert_true(*v.wide == -(int128)INT64_C(123456789012345678) * 100 - 90);
    assert_false(mysql_decoder_decimal(&d, STR("1234567890123456789.00"), &arena, &v, &err));
    assert_false(mysql_decoder_decimal(&d, STR("1.234"), &arena, &v, &err));
    assert_false(mysql_decoder_decimal(&d, STR("1e3"), &arena, &v, &err));
    assert_false(mysql_decoder_decimal(&d, STR(""), &arena, &v, &err));
    mysql_decoder_release(&d);
    c.precision = 65;
    d = open_decoder(&c);
    assert_true(mysql_decoder_decimal(&d, STR("0000.50"), &arena, &v, &err));
    assert_true(str_eq(value_str(&v), STR("0.50")));
    mysql_decoder_release(&d);
}

/* Zero and impossible dates under each policy, and the calendar's ends. */
static void dates(void **state)
{
    (void)state;
    static const struct mysql_decoder_clock impossible[] = {{0},
                                                            {.year = 2024, .month = 2, .day = 30},
                                                            {.year = 2023, .month = 2, .day = 29},
                                                            {.year = 1900, .month = 2, .day = 29},
                                                            {.year = 2024, .month = 13, .day = 1},
                                                            {.year = 2024, .month = 1, .day = 0},
                                                            {.year = 10000, .month = 1, .day = 1}};
    for (size_t i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++) {
        struct mysql_column c = {.name = STR("c"), .class = MYSQL_CLASS_DATE, .nullable = true};
        struct mysql_decoder d = open_decoder(&c);
        struct value v;
        struct error err;
        assert_true(mysql_decoder_date(&d, &impossible[i], &v, &err));
        assert_int_equal(v.state, VALUE_NULL);
        d.policy.zero_date = MYSQL_ZERO_DATE_EPOCH;
        assert_true(mysql_decoder_datetime(&d, &impossible[i], &v, &err));
        assert_true(v.state == VALUE_SET && v.i == 0);
        d.policy.zero_date = MYSQL_ZERO_DATE_FAIL;
        assert_false(mysql_decoder_date(&d, &impossible[i], &v, &err));
        assert_int_equal(err.code, FAIL_SCHEMA);
        assert_non_null(strstr(err.text, "`c`"));
        mysql_decoder_release(&d);
    }
    struct mysql_column c = {.name = STR("c"), .class = MYSQL_CLASS_DATETIME};
    struct mysql_decoder d = open_decoder(&c);
    struct mysql_decoder_clock at = {1969, 12, 31, 23, 59, 59, 999999};
    struct value v;
    struct error err;
    assert_true(mysql_decoder_datetime(&d, &at, &v, &err));
    assert_true(v.i == -1 && v.len == 999000); /* floor, and the rest */
    at = (struct mysql_decoder_clock){2000, 2, 29, 24, 0, 0, 0};
    assert_false(mysql_decoder_datetime(&d, &at, &v, &err));
    assert_int_equal(err.code, FAIL_CORRUPT);
    mysql_decoder_release(&d);
}

/* No policy helps a key: the text must not send people there. */
static void keys(void **state)
{
    (void)state;
    static const struct mysql_decoder_clock zero = {0};
    static const struct mysql_decoder_clock long_time = {.hour = 99};
    for (int key = 0; key < 2; key++) {
        struct mysql_column c = {.name = STR("c"), .class = MYSQL_CLASS_DATETIME, .key = key == 1};
        struct mysql_decoder d = open_decoder(&c);
        struct value v;
        struct error err = {0};
        d.policy.zero_date = MYSQL_ZERO_DATE_FAIL;
        assert_false(mysql_decoder_datetime(&d, &zero, &v, &err));
        assert_int_equal(err.code, FAIL_SCHEMA);
        assert_int_equal(strstr(err.text, "set zero-date") == NULL, key == 1);
        assert_int_equal(strstr(err.text, "leave the table out (tables.exclude)") != NULL,
                         key == 1);
        assert_non_null(strstr(err.text, "correct the row"));
        assert_false(mysql_decoder_instant(&d, 0, 0, &v, &err));
        assert_int_equal(strstr(err.text, "set zero-date") == NULL, key == 1);
        d.policy.time_range = MYSQL_TIME_RANGE_FAIL;
        assert_false(mysql_decoder_time(&d, false, &long_time, &v, &err));
        assert_int_equal(err.code, FAIL_SCHEMA);
        assert_int_equal(strstr(err.text, "set time-out-of-range") == NULL, key == 1);
        assert_int_equal(strstr(err.text, "primary key") != NULL, key == 1);
        mysql_decoder_release(&d);
    }
}

static void put_packed(struct buf *b, uint8_t head, uint8_t size, const unsigned char *z, size_t n)
{
    buf_put_byte(b, head);
    buf_put_byte(b, size);
    buf_put(b, z, n);
}

static void compressed(void **state)
{
    (void)state;
    struct mysql_column c = {.name = STR("c"), .class = MYSQL_CLASS_BLOB, .octets = 200};
    struct mysql_decoder d = open_decoder(&c);
    struct str plain = {0};
    struct error err;
    assert_true(mysql_decoder_inflate(&d, STR(""), &arena, &plain, &err));
    assert_int_equal(plain.len, 0);
    assert_true(mysql_decoder_inflate(&d, STR("\0as it is"), &arena, &plain, &err));
    assert_true(str_eq(plain, STR("as it is")));
    unsigned char text[180];
    unsigned char z[400];
    uLongf len = sizeof(z);
    memset(text, 'x', sizeof(text));
    assert_int_equal(compress(z, &len, text, sizeof(text)), Z_OK);
    static const struct {
        uint8_t head, size;
        bool ok;
    } cases[] = {{0x81, 180, true},  {0x81, 179, false}, {0x81, 181, false}, {0x81, 201, false},
                 {0x80, 180, false}, {0x85, 180, false}, {0x91, 180, false}, {0x89, 180, false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf b = BUF_INIT(1000);
        put_packed(&b, cases[i].head, cases[i].size, z, len);
        assert_int_equal(mysql_decoder_inflate(&d, buf_str(&b), &arena, &plain, &err), cases[i].ok);
        assert_true(cases[i].ok || err.code == FAIL_CORRUPT);
        buf_release(&b);
    }
    struct buf b = BUF_INIT(1000);
    put_packed(&b, 0x89, 180, z + 2, len - 6); /* zlib's frame left away */
    assert_true(mysql_decoder_inflate(&d, buf_str(&b), &arena, &plain, &err));
    assert_int_equal(plain.len, 180);
    buf_release(&b);
    mysql_decoder_release(&d);
}

static int done(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses), cmocka_unit_test(sets),  cmocka_unit_test(bits),
        cmocka_unit_test(decimals),  cmocka_unit_test(dates), cmocka_unit_test(compressed),
        cmocka_unit_test(keys),
    };
    return cmocka_run_group_tests(tests, NULL, done);
}
