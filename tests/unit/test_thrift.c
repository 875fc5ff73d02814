#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink/format/thrift.h"

#include <string.h>

/* Field ids that grow by little, by much, and backwards; every type written. */
static void written_is_read(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(1 << 16);
    int32_t last = 0;
    thrift_put_bool(&b, &last, 1, true);
    thrift_put_bool(&b, &last, 2, false);
    thrift_put_byte(&b, &last, 20, -5);
    thrift_put_i16(&b, &last, 21, INT16_MIN);
    thrift_put_i32(&b, &last, 3, INT32_MIN);
    thrift_put_i64(&b, &last, 400, INT64_MAX);
    thrift_put_binary(&b, &last, 401, STR("text"));
    thrift_put_list(&b, &last, 402, THRIFT_I32, 20);
    for (int i = 0; i < 20; i++) {
        thrift_put_int(&b, i * i);
    }
    int32_t inner = 0;
    thrift_put_struct(&b, &last, 403);
    thrift_put_i32(&b, &inner, 1, 7);
    thrift_put_stop(&b);
    thrift_put_stop(&b);

    struct reader r = reader_over(buf_str(&b), "test");
    struct thrift_field f = {0};
    assert_true(thrift_next(&r, &f) && f.id == 1 && thrift_bool(&r, &f));
    assert_true(thrift_next(&r, &f) && f.id == 2 && !thrift_bool(&r, &f));
    assert_true(thrift_next(&r, &f) && f.id == 20 && thrift_int(&r, &f) == -5);
    assert_true(thrift_next(&r, &f) && f.id == 21 && thrift_int32(&r, &f) == INT16_MIN);
    assert_true(thrift_next(&r, &f) && f.id == 3 && thrift_int32(&r, &f) == INT32_MIN);
    assert_true(thrift_next(&r, &f) && f.id == 400 && thrift_int(&r, &f) == INT64_MAX);
    assert_true(thrift_next(&r, &f) && f.id == 401 && str_eq(thrift_binary(&r, &f), STR("text")));
    assert_true(thrift_next(&r, &f) && f.id == 402);
    assert_int_equal(thrift_list(&r, &f, THRIFT_I32, 1), 20);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(reader_zigzag(&r), i * i);
    }
    struct thrift_field g = {0};
    assert_true(thrift_next(&r, &f) && thrift_struct(&r, &f));
    assert_true(thrift_next(&r, &g) && thrift_int(&r, &g) == 7);
    assert_false(thrift_next(&r, &g));
    assert_false(thrift_next(&r, &f));
    struct error err;
    assert_true(reader_end(&r, &err));

    /* Skipped, all of it is passed over; cut anywhere, the reader fails. */
    for (size_t len = 0; len <= b.len; len++) {
        r = reader_over(str_slice(buf_str(&b), 0, len), "test");
        f = (struct thrift_field){0};
        while (thrift_next(&r, &f)) {
            thrift_skip(&r, &f);
        }
        assert_int_equal(r.failed, len < b.len);
    }
    buf_release(&b);
}

static bool skips(struct str bytes)
{
    struct reader r = reader_over(bytes, "test");
    struct thrift_field f = {0};
    while (thrift_next(&r, &f)) {
        thrift_skip(&r, &f);
    }
    return !r.failed && r.rest.len == 0;
}

static void foreign_shapes_are_skipped(void **state)
{
    (void)state;
    assert_true(skips(STR("\x1b\x00\x00")));                       /* an empty map */
    assert_true(skips(STR("\x1b\x02\x58\x02\x01k\x04\x01l\x00"))); /* i32 to binary, two entries */
    assert_true(skips(STR("\x1a\x21\x01\x02\x00")));               /* a set of booleans */
    assert_true(skips(STR("\x17"
                          "12345678"
                          "\x00")));                              /* a double */
    assert_false(skips(STR("\x1f\x00")));                         /* a type that is none */
    assert_false(skips(STR("\x19\xf5\xff\xff\xff\xff\x0f\x00"))); /* 4 billion elements */
    assert_false(skips(STR("\x18\xff\xff\xff\xff\xff\x0f")));     /* a length of 35 bits */
    char deep[200]; /* structs in structs without end */
    memset(deep, 0x1c, sizeof(deep));
    assert_false(skips((struct str){deep, sizeof(deep)}));
}

static void other_types_yield_nothing(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(1 << 10);
    int32_t last = 0;
    thrift_put_binary(&b, &last, 1, STR("x"));
    thrift_put_i64(&b, &last, 2, INT64_C(1) << 40);
    thrift_put_stop(&b);
    struct reader r = reader_over(buf_str(&b), "test");
    struct thrift_field f = {0};
    assert_true(thrift_next(&r, &f));
    assert_int_equal(thrift_int(&r, &f), 0); /* a text where a number was meant */
    assert_true(thrift_next(&r, &f));
    assert_int_equal(thrift_int32(&r, &f), 0); /* does not fit */
    assert_true(r.failed);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(written_is_read),
                                       cmocka_unit_test(foreign_shapes_are_skipped),
                                       cmocka_unit_test(other_types_yield_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
