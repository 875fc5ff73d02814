#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "base/reader.h"

#define OVER(literal) reader_over(STR(literal), "test")

static void integers(void **state)
{
    (void)state;
    struct error err = {0};
    struct reader r =
        OVER("\x01\x01\x02\x01\x02\x03\x01\x02\x03\x04\x01\x02\x03\x04\x05\x06\x07\x88");
    assert_int_equal(reader_u8(&r), 1);
    assert_int_equal(reader_u16le(&r), 0x0201);
    assert_int_equal(reader_u24le(&r), 0x030201);
    assert_int_equal(reader_u32le(&r), 0x04030201);
    assert_int_equal(reader_u64le(&r), 0x8807060504030201);
    assert_true(reader_end(&r, &err));
    r = OVER("\x01\x02\x01\x02\x03\x04\x81\x02\x03\x04\x05\x06\x07\x08\x01\x02\x03");
    assert_int_equal(reader_u16be(&r), 0x0102);
    assert_int_equal(reader_u32be(&r), 0x01020304);
    assert_int_equal(reader_u64be(&r), 0x8102030405060708);
    assert_int_equal(reader_ube(&r, 3), 0x010203);
    assert_true(reader_end(&r, &err));
    r = OVER("\xff\xff\xff\xff\xff\xff");
    assert_int_equal(reader_ule(&r, 6), 0xffffffffffff);
}

static void failure_sticks(void **state)
{
    (void)state;
    struct error err = {0};
    struct reader r = OVER("abcd");
    assert_int_equal(reader_u8(&r), 'a');
    assert_int_equal(reader_u32le(&r), 0);
    assert_int_equal(reader_u8(&r), 0); /* although bytes are left */
    assert_int_equal(reader_bytes(&r, 1).len, 0);
    assert_non_null(reader_bytes(&r, 1).ptr);
    assert_int_equal(reader_cstr(&r).len, 0);
    assert_int_equal(reader_zigzag(&r), 0);
    assert_int_equal(reader_count(&r, 1, 1), 0);
    assert_false(reader_end(&r, &err));
    assert_int_equal(err.code, FAIL_CORRUPT);
    assert_string_equal(err.text, "test: cut off or meaningless at byte 1");
    assert_false(reader_ok(&r, &err));
}

static void ends(void **state)
{
    (void)state;
    struct error err = {0};
    struct reader r = OVER("abc");
    reader_skip(&r, 1);
    assert_true(reader_ok(&r, &err));
    assert_false(reader_end(&r, &err));
    assert_string_equal(err.text, "test: 2 bytes too many at byte 1");
    reader_skip(&r, 2);
    assert_true(reader_end(&r, &err));
    reader_skip(&r, 0);
    assert_true(reader_end(&r, &err));
    reader_fail(&r);
    assert_false(reader_ok(&r, &err));
    r = reader_over((struct str){NULL, 0}, "nothing");
    assert_true(reader_end(&r, &err));
    assert_int_equal(reader_u8(&r), 0);
    assert_true(r.failed);
}

static void texts(void **state)
{
    (void)state;
    struct reader r = OVER("ab\0\0cd");
    assert_true(str_eq(reader_cstr(&r), STR("ab")));
    assert_true(str_eq(reader_cstr(&r), STR("")));
    assert_false(r.failed);
    assert_int_equal(reader_cstr(&r).len, 0); /* no NUL follows */
    assert_true(r.failed);
    r = OVER("abcdef");
    assert_true(str_eq(reader_bytes(&r, 3), STR("abc")));
    assert_int_equal(reader_bytes(&r, SIZE_MAX).len, 0);
    assert_true(r.failed);
}

static void zigzag_limits(void **state)
{
    (void)state;
    struct reader r = OVER("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    assert_int_equal(reader_zigzag(&r), INT64_MIN);
    assert_false(r.failed);
    r = OVER("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"); /* 65 bits */
    assert_int_equal(reader_zigzag(&r), 0);
    assert_true(r.failed);
    r = OVER("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01");
    assert_int_equal(reader_zigzag(&r), 0);
    assert_true(r.failed);
    r = OVER("\x80"); /* cut off */
    assert_int_equal(reader_zigzag(&r), 0);
    assert_true(r.failed);
}

static void counts(void **state)
{
    (void)state;
    struct reader r = OVER("0123456789");
    assert_int_equal(reader_count(&r, 5, 2), 5);
    assert_int_equal(reader_count(&r, 0, 100), 0);
    assert_false(r.failed);
    assert_int_equal(reader_count(&r, 6, 2), 0);
    assert_true(r.failed);
    r = OVER("0123456789");
    assert_int_equal(reader_count(&r, UINT64_MAX, 8), 0); /* the product would overflow */
    assert_true(r.failed);
    r = OVER("0123456789");
    assert_int_equal(reader_count(&r, 1, 0), 0);
    assert_true(r.failed);
}

/* Exact-size blocks under ASan: no read passes the end, whatever the length. */
static void exact_blocks(void **state)
{
    (void)state;
    for (size_t len = 1; len <= 20; len++) {
        char *block = mem_alloc(len);
        memset(block, 0x80, len);
        for (int kind = 0; kind < 6; kind++) {
            struct reader r = reader_over((struct str){block, len}, "block");
            while (!r.failed && r.rest.len > 0) {
                switch (kind) {
                case 0:
                    (void)reader_u64le(&r);
                    break;
                case 1:
                    (void)reader_u24le(&r);
                    break;
                case 2:
                    (void)reader_u64be(&r);
                    break;
                case 3:
                    (void)reader_zigzag(&r);
                    break;
                case 4:
                    (void)reader_cstr(&r);
                    break;
                default:
                    (void)reader_bytes(&r, 7);
                    break;
                }
            }
            assert_true(r.offset <= len);
        }
        mem_free(block);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers),     cmocka_unit_test(failure_sticks), cmocka_unit_test(ends),
        cmocka_unit_test(texts),        cmocka_unit_test(zigzag_limits),  cmocka_unit_test(counts),
        cmocka_unit_test(exact_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
