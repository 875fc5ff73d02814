#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink/format/parquet_delta.h"

#include <string.h>

/* Example 1 of Encodings.md: 1 to 5: deltas of 1, no bits at all; example 2: 7, 5, 3, 1, 2, 3, 4,
 * 5: least delta -2, two bits. Blocks of 128 values in 4 miniblocks. */
static const char one_to_five[] = "\x80\x01\x04\x05\x02\x02\x00\x00\x00\x00";
static const char down_and_up[] =
    "\x80\x01\x04\x08\x0e\x03\x02\x00\x00\x00\xc0\x3f\x00\x00\x00\x00\x00\x00rest";

static void examples(void **state)
{
    (void)state;
    struct parquet_delta d;
    int64_t out[8];
    struct str rest;
    static const int64_t second[] = {7, 5, 3, 1, 2, 3, 4, 5};
    assert_true(parquet_delta_init(&d, (struct str){one_to_five, sizeof(one_to_five) - 1}));
    assert_true(parquet_delta_rest(&d, &rest));
    assert_int_equal(rest.len, 0);
    assert_true(parquet_delta_read(&d, out, 2));
    assert_true(parquet_delta_read(&d, out + 2, 3));
    for (int i = 0; i < 5; i++) {
        assert_int_equal(out[i], i + 1);
    }
    assert_false(parquet_delta_read(&d, out, 1));
    assert_true(parquet_delta_init(&d, (struct str){down_and_up, sizeof(down_and_up) - 1}));
    assert_true(parquet_delta_rest(&d, &rest));
    assert_true(str_eq(rest, STR("rest")));
    assert_true(parquet_delta_read(&d, out, 8));
    assert_memory_equal(out, second, sizeof(second));
}

/* Widths over 57 bits take a ninth byte. */
static void widest(void **state)
{
    (void)state;
    char bytes[16 + 8 * 64];
    struct parquet_delta d;
    int64_t out[9];
    memcpy(bytes, "\x08\x01\x09\x00\x00\x3f", 6); /* one miniblock of 8, width 63 */
    for (size_t i = 0; i < 8; i++) {              /* deltas i + 1 in 63 bits each */
        size_t bit = i * 63;
        if (i == 0) {
            memset(bytes + 6, 0, 64);
        }
        for (size_t k = 0; k < 4; k++) {
            if ((i + 1) >> k & 1) {
                bytes[6 + (bit + k) / 8] = (char)(bytes[6 + (bit + k) / 8] | 1 << (bit + k) % 8);
            }
        }
    }
    assert_true(parquet_delta_init(&d, (struct str){bytes, 6 + 63}));
    assert_true(parquet_delta_read(&d, out, 9));
    for (int i = 0; i < 9; i++) {
        assert_int_equal(out[i], i * (i + 1) / 2);
    }
    /* the last miniblock may be cut behind its values: 8 × 63 bits are 63 bytes, not one less */
    assert_true(parquet_delta_init(&d, (struct str){bytes, 6 + 62}));
    assert_false(parquet_delta_read(&d, out, 9));
}

static void damage(void **state)
{
    (void)state;
    struct parquet_delta d;
    int64_t out[8];
    static const struct str bad[] = {
        {"", 0},
        {"\x80\x01\x04", 3},
        {"\x80\x01\x00\x05\x02", 5},                         /* no miniblocks */
        {"\x80\x01\x03\x05\x02", 5},                         /* not a whole number of values */
        {"\x00\x04\x05\x02", 4},                             /* blocks of none */
        {"\x80\x01\x04\xff\xff\xff\xff\x7f\x02", 9},         /* 34 billion values */
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 11} /* more than 64 bits */
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(parquet_delta_init(&d, bad[i]));
    }
    for (size_t len = 5; len < sizeof(down_and_up) - 5 - 6; len++) {
        struct str rest;
        assert_true(parquet_delta_init(&d, (struct str){down_and_up, len}));
        assert_false(parquet_delta_read(&d, out, 8));
        assert_true(parquet_delta_init(&d, (struct str){down_and_up, len}));
        assert_false(parquet_delta_rest(&d, &rest));
    }
    assert_true(parquet_delta_init(&d, STR("\x80\x01\x04\x05\x02\x02\x41\x00\x00\x00")));
    assert_false(parquet_delta_read(&d, out, 5)); /* a width of 65 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(examples), cmocka_unit_test(widest),
                                       cmocka_unit_test(damage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
