#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/decimal.h"

static int128 wide(const char *digits, bool negative)
{
    int128 v = 0;
    for (; *digits != '\0'; digits++) {
        v = v * 10 + (*digits - '0');
    }
    return negative ? -v : v;
}

static const char *text_of(int128 v, unsigned scale)
{
    static char text[64];
    struct buf b = BUF_INIT(63);
    decimal_print(v, scale, &b);
    memcpy(text, buf_cstr(&b), b.len + 1);
    buf_release(&b);
    return text;
}

static void printing(void **state)
{
    (void)state;
    assert_string_equal(text_of(0, 0), "0");
    assert_string_equal(text_of(0, 3), "0.000");
    assert_string_equal(text_of(5, 2), "0.05");
    assert_string_equal(text_of(-1250, 2), "-12.50");
    assert_string_equal(text_of(-5, 38), "-0.00000000000000000000000000000000000005");
    assert_string_equal(text_of(wide("10000000000000000000", false), 0), "10000000000000000000");
    assert_string_equal(text_of(wide("100000000000000000000000000000000000000", false), 19),
                        "10000000000000000000.0000000000000000000");
    assert_string_equal(text_of(wide("99999999999999999999999999999999999999", true), 0),
                        "-99999999999999999999999999999999999999");
    assert_string_equal(text_of(wide("12345678901234567890123456789012345678", false), 10),
                        "1234567890123456789012345678.9012345678");
    int128 least = (int128)((uint128)1 << 127);
    assert_string_equal(text_of(least, 1), "-17014118346046923173168730371588410572.8");
}

static void parsing(void **state)
{
    (void)state;
    int128 v = 42;
    assert_true(decimal_parse(STR("12.5"), 2, &v) && v == 1250);
    assert_true(decimal_parse(STR("-12.50"), 2, &v) && v == -1250);
    assert_true(decimal_parse(STR("+7"), 0, &v) && v == 7);
    assert_true(decimal_parse(STR("-0.00"), 2, &v) && v == 0);
    assert_true(decimal_parse(STR(".5"), 1, &v) && v == 5);
    assert_true(decimal_parse(STR("000000000000000000000000000000000000000000000001.10"), 1, &v) &&
                v == 11);
    assert_true(decimal_parse(STR("99999999999999999999999999999999999999"), 0, &v) &&
                v == decimal_pow10(38) - 1);
    assert_true(decimal_parse(STR("-0.99999999999999999999999999999999999999"), 38, &v) &&
                v == 1 - decimal_pow10(38));
    static const struct {
        const char *text;
        unsigned scale;
    } bad[] = {{"", 0},
               {"-", 0},
               {".", 0},
               {"1.25", 1},
               {"1e5", 0},
               {"1 ", 0},
               {"0x1", 0},
               {"1.2.3", 2},
               {"NaN", 0},
               {"--1", 0},
               {"1,5", 1},
               {"100000000000000000000000000000000000000", 0},
               {"10000000000000000000000000000000000000", 1}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        v = 42;
        assert_false(decimal_parse(str_of(bad[i].text), bad[i].scale, &v));
        assert_true(v == 42);
    }
}

static void round_trip(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 20000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        unsigned digits = 1 + (unsigned)((seed >> 40) % 38);
        int128 v =
            ((int128)(seed >> 1) * (int64_t)(seed ^ 0x5555555555555555)) % decimal_pow10(digits);
        unsigned scale = (unsigned)((seed >> 50) % 39);
        int128 back = 0;
        assert_true(decimal_parse(str_of(text_of(v, scale)), scale, &back));
        assert_true(back == v);
        assert_true(decimal_fits(v, digits));
        uint8_t bytes[16];
        size_t len = decimal_to_bytes(v, bytes);
        assert_true(decimal_from_bytes(bytes, len, &back) && back == v);
        if (len > 1) { /* minimal: the first byte is no mere sign extension */
            int first = (int8_t)bytes[0];
            int sign = bytes[1] >= 0x80 ? -1 : 0;
            assert_true(first != sign);
        }
    }
}

static void limits(void **state)
{
    (void)state;
    assert_true(decimal_pow10(0) == 1);
    for (unsigned n = 1; n <= 38; n++) {
        assert_true(decimal_pow10(n) == decimal_pow10(n - 1) * 10);
        assert_true(decimal_fits(decimal_pow10(n) - 1, n));
        assert_true(decimal_fits(1 - decimal_pow10(n), n));
        assert_false(decimal_fits(decimal_pow10(n), n));
        assert_false(decimal_fits(-decimal_pow10(n), n));
    }
}

static void bytes(void **state)
{
    (void)state;
    static const struct {
        int v;
        size_t len;
        const char *bytes;
    } cases[] = {{0, 1, "\x00"},
                 {127, 1, "\x7f"},
                 {128, 2, "\x00\x80"},
                 {-1, 1, "\xff"},
                 {-128, 1, "\x80"},
                 {-129, 2, "\xff\x7f"},
                 {255, 2, "\x00\xff"},
                 {256, 2, "\x01\x00"},
                 {-12345000, 4, "\xff\x43\xa1\x58"}}; /* paimon-format 5.3, DECIMAL(23,5) */
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t out[16];
        assert_int_equal(decimal_to_bytes(cases[i].v, out), cases[i].len);
        assert_memory_equal(out, cases[i].bytes, cases[i].len);
    }
    uint8_t out[16];
    int128 least = (int128)((uint128)1 << 127);
    int128 v = 42;
    assert_int_equal(decimal_to_bytes(least, out), 16);
    assert_true(decimal_from_bytes(out, 16, &v) && v == least);
    assert_true(decimal_from_bytes("\xff\xff\xff", 3, &v) &&
                v == -1); /* not minimal, yet a number */
    v = 42;
    assert_false(decimal_from_bytes(out, 0, &v));
    assert_false(decimal_from_bytes("12345678901234567", 17, &v));
    assert_true(v == 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printing), cmocka_unit_test(parsing), cmocka_unit_test(round_trip),
        cmocka_unit_test(limits),   cmocka_unit_test(bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
