#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/reader.h"

static void maximum(void **state)
{
    (void)state;
    struct error err = {0};
    struct buf b = BUF_INIT(10);
    buf_put_cstr(&b, "0123456789");
    assert_true(buf_ok(&b, "x", &err));
    assert_string_equal(buf_cstr(&b), "0123456789"); /* the NUL needs no room of the maximum */
    buf_put_byte(&b, 'x');
    assert_int_equal(b.len, 10);
    assert_false(buf_ok(&b, "manifest", &err));
    assert_int_equal(err.code, FAIL_LIMIT);
    assert_string_equal(err.text, "manifest: larger than 10 bytes");
    buf_put_cstr(&b, ""); /* sticks */
    assert_true(b.failed);
    buf_reset(&b);
    assert_false(b.failed);
    buf_put_cstr(&b, "abc");
    buf_printf(&b, "%07d", 1);
    assert_string_equal(buf_cstr(&b), "abc0000001");
    buf_printf(&b, "%d", 1);
    assert_true(b.failed);
    assert_int_equal(b.len, 10);
    buf_release(&b);
    buf_release(&b);
    buf_put_cstr(&b, "01234567890"); /* the maximum outlives a release */
    assert_true(b.failed);
    buf_release(&b);
    b = BUF_INIT(SIZE_MAX - 1);
    assert_null(buf_room(&b, SIZE_MAX));
    assert_true(b.failed);
}

static void empty(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(0);
    assert_string_equal(buf_cstr(&b), "");
    assert_int_equal(buf_str(&b).len, 0);
    buf_put(&b, "", 0);
    assert_false(b.failed);
    char *taken = buf_take(&b);
    assert_string_equal(taken, "");
    mem_free(taken);
    b = BUF_INIT(100);
    buf_put_cstr(&b, "moved");
    taken = buf_take(&b);
    assert_string_equal(taken, "moved");
    assert_int_equal(b.len, 0);
    mem_free(taken);
    buf_put_cstr(&b, "again");
    assert_string_equal(buf_cstr(&b), "again");
    buf_release(&b);
}

static void integers(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(100);
    buf_put_u16le(&b, 0x1234);
    buf_put_u32le(&b, 0x12345678);
    buf_put_u64le(&b, 0x123456789abcdef0);
    buf_put_u32be(&b, 0x12345678);
    assert_int_equal(b.len, 18);
    assert_memory_equal(
        b.ptr, "\x34\x12\x78\x56\x34\x12\xf0\xde\xbc\x9a\x78\x56\x34\x12\x12\x34\x56\x78", 18);
    buf_release(&b);
}

static void zigzag(void **state)
{
    (void)state;
    static const struct {
        int64_t v;
        size_t len;
    } cases[] = {{0, 1},   {-1, 1},        {1, 1},         {-64, 1},        {63, 1},        {64, 2},
                 {-65, 2}, {INT32_MAX, 5}, {INT32_MIN, 5}, {INT64_MAX, 10}, {INT64_MIN, 10}};
    struct buf b = BUF_INIT(10);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error err = {0};
        buf_reset(&b);
        buf_put_zigzag(&b, cases[i].v);
        assert_int_equal(b.len, cases[i].len);
        struct reader r = reader_over(buf_str(&b), "zigzag");
        assert_int_equal(reader_zigzag(&r), cases[i].v);
        assert_true(reader_end(&r, &err));
    }
    buf_reset(&b);
    buf_put_zigzag(&b, -2);
    assert_memory_equal(b.ptr, "\x03", 1); /* Avro's specification */
    buf_release(&b);
}

static void long_printf(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(10000);
    char text[1001];
    memset(text, 'y', 1000);
    text[1000] = '\0';
    buf_put_cstr(&b, "<");
    buf_printf(&b, "%s", text);
    buf_put_cstr(&b, ">");
    assert_int_equal(b.len, 1002);
    assert_int_equal(b.ptr[1000], 'y');
    assert_int_equal(b.ptr[1001], '>');
    for (size_t n = 250; n < 260; n++) { /* around the small buffer inside */
        buf_reset(&b);
        buf_printf(&b, "%.*s", (int)n, text);
        assert_int_equal(b.len, n);
        assert_int_equal(strlen(buf_cstr(&b)), n);
    }
    buf_release(&b);
}

static void json(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(1000);
    buf_put_json(&b, STR(""));
    buf_put_json(&b, STR("a\"b\\c\x01\n\x1f d\xc3\xa4/"));
    assert_string_equal(buf_cstr(&b), "\"\"\"a\\\"b\\\\c\\u0001\\u000a\\u001f d\xc3\xa4/\"");
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maximum), cmocka_unit_test(empty),       cmocka_unit_test(integers),
        cmocka_unit_test(zigzag),  cmocka_unit_test(long_printf), cmocka_unit_test(json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
