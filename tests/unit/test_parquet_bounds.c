#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink/format/parquet_bounds.h"

#include <math.h>
#include <string.h>

static bool bounds_of(enum parquet_physical p, void *values, uint32_t count, size_t split,
                      char space[16], struct str *min, struct str *max, struct parquet_bounds *x)
{
    size_t width = parquet_block_width(p);
    parquet_bounds_init(x);
    struct parquet_block first = {.values = (uint32_t)split, .data = values};
    struct parquet_block rest = {.values = count - (uint32_t)split,
                                 .data = (char *)values + split * width};
    parquet_bounds_add(x, p, &first);
    parquet_bounds_add(x, p, &rest);
    return parquet_bounds_get(x, p, space, min, max);
}

static void numbers(void **state)
{
    (void)state;
    char space[16];
    struct str min;
    struct str max;
    struct parquet_bounds x;
    int32_t i4[] = {5, INT32_MIN, 7, INT32_MAX, 0};
    int64_t i8[] = {-1, 3, INT64_MIN};
    uint8_t bits[] = {1, 0, 1};
    for (size_t split = 0; split <= 5; split++) {
        int32_t got[2];
        assert_true(bounds_of(PARQUET_INT32, i4, 5, split, space, &min, &max, &x));
        assert_int_equal(min.len, 4);
        memcpy(&got[0], min.ptr, 4);
        memcpy(&got[1], max.ptr, 4);
        assert_int_equal(got[0], INT32_MIN);
        assert_int_equal(got[1], INT32_MAX);
        parquet_bounds_release(&x);
    }
    assert_true(bounds_of(PARQUET_INT64, i8, 3, 1, space, &min, &max, &x));
    assert_memory_equal(min.ptr, &i8[2], 8);
    assert_memory_equal(max.ptr, &i8[1], 8);
    parquet_bounds_release(&x);
    assert_true(bounds_of(PARQUET_BOOLEAN, bits, 3, 0, space, &min, &max, &x));
    assert_int_equal(min.len, 1);
    assert_int_equal(min.ptr[0], 0);
    assert_int_equal(max.ptr[0], 1);
    parquet_bounds_release(&x);
    assert_false(bounds_of(PARQUET_INT32, i4, 0, 0, space, &min, &max, &x)); /* nulls alone */
    parquet_bounds_release(&x);
}

static void reals(void **state)
{
    (void)state;
    char space[16];
    struct str min;
    struct str max;
    struct parquet_bounds x;
    double plain[] = {1.5, -2.5, 0.25};
    double zeroes[] = {0.0, 0.0};
    float nan[] = {1.0f, NAN, 2.0f};
    double got;
    assert_true(bounds_of(PARQUET_DOUBLE, plain, 3, 1, space, &min, &max, &x));
    assert_memory_equal(min.ptr, &plain[1], 8);
    assert_memory_equal(max.ptr, &plain[0], 8);
    parquet_bounds_release(&x);
    assert_true(bounds_of(PARQUET_DOUBLE, zeroes, 2, 1, space, &min, &max, &x));
    memcpy(&got, min.ptr, 8);
    assert_true(signbit(got)); /* a reader that knows -0.0 must not pass over the chunk */
    memcpy(&got, max.ptr, 8);
    assert_false(signbit(got));
    parquet_bounds_release(&x);
    for (size_t split = 0; split <= 3; split++) {
        assert_false(bounds_of(PARQUET_FLOAT, nan, 3, split, space, &min, &max, &x));
        parquet_bounds_release(&x);
    }
}

static void texts(void **state)
{
    (void)state;
    char space[16];
    struct str min;
    struct str max;
    struct parquet_bounds x;
    struct str words[] = {STR("b"), STR("\xff"), STR(""), STR("ab"), STR("b\0")};
    struct str numbers_be[] = {STR("\x00\x05"), STR("\xff\xfe"), STR("\x7f\xff"), STR("\x80\x00")};
    struct str times[] = {STR("123456789012")};
    char text[5000] = {0};
    struct str longs[] = {{text, sizeof(text)}};
    for (size_t split = 0; split <= 5; split++) {
        assert_true(bounds_of(PARQUET_BYTES, words, 5, split, space, &min, &max, &x));
        assert_true(str_eq(min, STR("")) && str_eq(max, STR("\xff")));
        parquet_bounds_release(&x);
    }
    /* decimals: by their sign */
    assert_true(bounds_of(PARQUET_FIXED, numbers_be, 4, 2, space, &min, &max, &x));
    assert_true(str_eq(min, STR("\x80\x00")) && str_eq(max, STR("\x7f\xff")));
    parquet_bounds_release(&x);
    assert_false(bounds_of(PARQUET_INT96, times, 1, 0, space, &min, &max, &x));
    parquet_bounds_release(&x);
    assert_false(bounds_of(PARQUET_BYTES, longs, 1, 0, space, &min, &max, &x));
    parquet_bounds_release(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(numbers), cmocka_unit_test(reals),
                                       cmocka_unit_test(texts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
