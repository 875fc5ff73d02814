#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/decimal.h"
#include "base/mem.h"
#include "connectors/mysql/mysql_decimal.h"

/* MySQL's decimal2bin, the other way round: for the property test only. */
static void pack(const char *digits, unsigned precision, unsigned scale, bool negative,
                 unsigned char *out)
{
    static const unsigned bytes_of[10] = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};
    unsigned whole = precision - scale;
    unsigned at = 0;
    size_t len = 0;
    while (at < precision) {
        unsigned group = at < whole ? (at == 0 && whole % 9 != 0 ? whole % 9 : 9)
                                    : (precision - at < 9 ? precision - at : 9);
        uint32_t v = 0;
        for (unsigned i = 0; i < group; i++) {
            v = v * 10 + (uint32_t)(digits[at + i] - '0');
        }
        for (unsigned i = bytes_of[group]; i > 0; i--) {
            out[len++] = (unsigned char)(v >> (8 * (i - 1)));
        }
        at += group;
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = (unsigned char)(negative ? ~out[i] : out[i]);
    }
    out[0] ^= 0x80;
}

static uint64_t next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Every precision and scale: print and read agree with the digits packed. */
static void all_types(void **state)
{
    (void)state;
    uint64_t seed = 20261124;
    for (unsigned precision = 1; precision <= 65; precision++) {
        for (unsigned scale = 0; scale <= precision && scale <= 38; scale++) {
            for (unsigned round = 0; round < 4; round++) {
                char digits[65];
                char want[80];
                unsigned char packed[40] = {0};
                bool negative = round % 2 == 1;
                for (unsigned i = 0; i < precision; i++) {
                    digits[i] = round == 0 ? '9' : (char)('0' + next(&seed) % 10);
                }
                digits[precision - 1] = '7'; /* not zero: zero has no sign */
                pack(digits, precision, scale, negative, packed);
                unsigned whole = precision - scale;
                unsigned skip = 0;
                while (skip < whole && digits[skip] == '0') {
                    skip++;
                }
                size_t len = 0;
                if (negative) {
                    want[len++] = '-';
                }
                if (skip == whole) {
                    want[len++] = '0';
                }
                for (unsigned i = skip; i < precision; i++) {
                    if (i == whole) {
                        want[len++] = '.';
                    }
                    want[len++] = digits[i];
                }
                char got[MYSQL_DECIMAL_TEXT_BYTES];
                assert_int_equal(mysql_decimal_print(packed, precision, scale, got), len);
                assert_memory_equal(got, want, len);
                if (precision <= 38) {
                    int128 read = 0;
                    int128 parsed = 0;
                    assert_true(mysql_decimal_read(packed, precision, scale, &read));
                    assert_true(decimal_parse((struct str){want, len}, scale, &parsed));
                    assert_true(read == parsed);
                }
            }
        }
    }
}

static void sizes(void **state)
{
    (void)state;
    assert_int_equal(mysql_decimal_bytes(10, 2), 5);
    assert_int_equal(mysql_decimal_bytes(65, 30), 30);
    assert_int_equal(mysql_decimal_bytes(65, 0), 29);
    assert_int_equal(mysql_decimal_bytes(18, 9), 8);
    assert_int_equal(mysql_decimal_bytes(1, 1), 1);
    assert_int_equal(mysql_decimal_bytes(0, 0), 0);
    assert_int_equal(mysql_decimal_bytes(66, 0), 0);
    assert_int_equal(mysql_decimal_bytes(5, 6), 0);
    assert_int_equal(mysql_decimal_bytes(60, 39), 0);
}

static void bad_digits(void **state)
{
    (void)state;
    char text[MYSQL_DECIMAL_TEXT_BYTES];
    int128 v = 0;
    unsigned char two[1] = {0x80 | 100}; /* DECIMAL(2,0) holds 0…99 */
    assert_false(mysql_decimal_read(two, 2, 0, &v));
    assert_int_equal(mysql_decimal_print(two, 2, 0, text), 0);
    two[0] = 0x80 | 99;
    assert_true(mysql_decimal_read(two, 2, 0, &v));
    assert_true(v == 99);
    unsigned char nine[4] = {0x80 | 0x3b, 0x9a, 0xca, 0x00}; /* 1,000,000,000 in nine digits */
    assert_false(mysql_decimal_read(nine, 9, 0, &v));
    unsigned char negative_zero[1] = {0x7f};
    assert_int_equal(mysql_decimal_print(negative_zero, 2, 0, text), 1);
    assert_string_equal(text, "0");
}

static void canonical(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"0", "0"},           {"000", "0"},       {"007", "7"},      {"-0", "0"},
        {"-0.00", "0.00"},    {"-0.01", "-0.01"}, {"00.50", "0.50"}, {"0.5", "0.5"},
        {"-12.30", "-12.30"}, {"", ""},           {"100", "100"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct str got = mysql_decimal_canonical(str_of(pairs[i][0]));
        if (!str_eq(got, str_of(pairs[i][1]))) {
            fail_msg("%s became %.*s", pairs[i][0], STR_FMT(got));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_types),
        cmocka_unit_test(sizes),
        cmocka_unit_test(bad_digits),
        cmocka_unit_test(canonical),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
