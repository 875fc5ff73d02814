#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "connectors/mysql/mysql_json.h"

/* What real servers write is compared in test_binlog_rows.c; here is what they never would. */

static void expect(struct str binary, const char *want)
{
    struct error err = {0};
    struct buf out = BUF_INIT(1 << 20);
    if (!mysql_json_print(binary, MYSQL_JSON_8, &out, &err)) {
        fail_msg("%s, but it is %s", err.text, want);
    }
    assert_string_equal(buf_cstr(&out), want);
    buf_release(&out);
}

static void refuse(struct str binary, enum fail code)
{
    struct error err = {0};
    struct buf out = BUF_INIT(1 << 16);
    char *copy = mem_realloc(mem_dup(binary.ptr, binary.len), binary.len == 0 ? 1 : binary.len);
    if (mysql_json_print((struct str){copy, binary.len}, MYSQL_JSON_8, &out, &err)) {
        fail_msg("bytes were taken for %s", buf_cstr(&out));
    }
    assert_int_equal(err.code, code);
    assert_non_null(strstr(err.text, "JSON"));
    mem_free(copy);
    buf_release(&out);
}

static void values(void **state)
{
    (void)state;
    expect(STR(""), "null");
    expect(STR("\x04\x01"), "true");
    expect(STR("\x05\xff\xff"), "-1");
    expect(STR("\x0a\xff\xff\xff\xff\xff\xff\xff\xff"), "18446744073709551615");
    expect(STR("\x0b\0\0\0\0\0\0\xf0\x3f"), "1.0");
    expect(STR("\x0b\0\0\0\0\0\0\0\x80"), "-0.0");
    expect(STR("\x0b\x01\0\0\0\0\0\0\0"), "5e-324");
    expect(STR("\x0c\x05"
               "a\"b\x01\n"),
           "\"a\\\"b\\u0001\\n\"");
    expect(STR("\x02\0\0\x04\0"), "[]");
    expect(STR("\0\x01\0\x0c\0\x0b\0\x01\0\x04\x02\0k"), "{\"k\": false}");
}

static void dialects(void **state)
{
    (void)state;
    struct error err = {0};
    struct buf out = BUF_INIT(256);
    assert_true(mysql_json_print(STR("\x0b\0\0\0\0\0\0\0\x40"), MYSQL_JSON_5_7, &out, &err));
    assert_string_equal(buf_cstr(&out), "2");
    buf_release(&out);
}

static void nonsense(void **state)
{
    (void)state;
    refuse(STR("\x0d"), FAIL_CORRUPT);     /* no such type */
    refuse(STR("\x04\x03"), FAIL_CORRUPT); /* no such literal */
    refuse(STR("\x04"), FAIL_CORRUPT);
    refuse(STR("\x0c\x06"
               "abc"),
           FAIL_CORRUPT);                                      /* longer than its bytes */
    refuse(STR("\x0c\xff\xff\xff\xff\xff\x01"), FAIL_CORRUPT); /* a length of six bytes */
    refuse(STR("\x0c\x02\xc3\x28"), FAIL_CORRUPT);             /* not UTF-8 */
    refuse(STR("\x0b\0\0\0\0\0\0\xf0\x7f"), FAIL_CORRUPT);     /* infinity */
    refuse(STR("\x02\x05\0\x07\0\x05\0\0"), FAIL_CORRUPT);     /* more elements than bytes */
    refuse(STR("\x02\x01\0\xff\0\x05\0\0"), FAIL_CORRUPT);     /* larger than its bytes */
    refuse(STR("\x02\x01\0\x07\0\x0c\x07\0"), FAIL_CORRUPT);   /* a value behind the end */
    refuse(STR("\0\x01\0\x0c\0\x0c\0\x01\0\x04\x02\0k"), FAIL_CORRUPT); /* a key behind the end */
    refuse(STR("\x0f\xf6\x03\x05\x02\x80"), FAIL_CORRUPT); /* DECIMAL(5,2) in one byte */
    refuse(STR("\x0f\xf6\x03\x02\x00\xff"), FAIL_CORRUPT); /* digits that are none */
    refuse(STR("\x0f\x0c\x04\0\0\0\0"), FAIL_CORRUPT);     /* a DATETIME of four bytes */
    refuse(STR("\x0f"), FAIL_CORRUPT);
}

/* Arrays in arrays: 100 print, 101 do not; nor does one that holds itself. */
static void depth(void **state)
{
    (void)state;
    for (size_t levels = 100; levels <= 101; levels++) {
        char bytes[1 + 101 * 7 + 1];
        size_t len = 0;
        bytes[len++] = 2;
        for (size_t i = 0; i < levels; i++) {
            size_t left = (levels - i) * 7;
            bool last = i == levels - 1;
            char level[7] = {
                1, 0, (char)(left & 255), (char)(left >> 8), last ? 4 : 2, last ? 0 : 7, 0};
            memcpy(bytes + len, level, 7);
            len += 7;
        }
        struct error err = {0};
        struct buf out = BUF_INIT(4096);
        assert_int_equal(mysql_json_print((struct str){bytes, len}, MYSQL_JSON_8, &out, &err),
                         levels == 100);
        if (levels == 101) {
            assert_int_equal(err.code, FAIL_LIMIT);
        } else {
            assert_int_equal(out.len, 204);
        }
        buf_release(&out);
    }
    refuse(STR("\x02\x01\0\x07\0\x02\0\0"), FAIL_LIMIT); /* its element is at offset 0: itself */
}

/* A thousand elements that are all the same array of a thousand …: the maximum ends it. */
static void bomb(void **state)
{
    (void)state;
    struct buf bytes = BUF_INIT(1 << 20);
    buf_put_byte(&bytes, 2);
    buf_put_u16le(&bytes, 1000);
    buf_put_u16le(&bytes, 4 + 3000);
    for (size_t i = 0; i < 1000; i++) {
        buf_put_byte(&bytes, 2);
        buf_put_u16le(&bytes, 0);
    }
    refuse(buf_str(&bytes), FAIL_LIMIT);
    buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values), cmocka_unit_test(dialects), cmocka_unit_test(nonsense),
        cmocka_unit_test(depth),  cmocka_unit_test(bomb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
