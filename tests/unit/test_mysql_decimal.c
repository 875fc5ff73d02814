#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/decimal.h"
#include "connectors/mysql/mysql_decimal.h"

static const unsigned group_bytes[10] = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};

/* One group of digits as big-endian bytes. */
static size_t put_group(const char *digits, unsigned count, unsigned char *to)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < count; i++) {
        v = v * 10 + (uint32_t)(digits[i] - '0');
    }
    for (unsigned i = 0; i < group_bytes[count]; i++) {
        to[i] = (unsigned char)(v >> 8 * (group_bytes[count] - 1 - i));
    }
    return group_bytes[count];
}

/* The server's packing, written down a second time: digits has precision characters. */
static size_t pack(const char *digits, unsigned precision, unsigned scale, bool negative,
                   unsigned char *to)
{
    unsigned whole = precision - scale;
    size_t at = put_group(digits, whole % 9, to);
    unsigned done = whole % 9;
    for (; done < whole; done += 9) {
        at += put_group(digits + done, 9, to + at);
    }
    for (; done + 9 <= precision; done += 9) {
        at += put_group(digits + done, 9, to + at);
    }
    at += put_group(digits + done, precision - done, to + at);
    for (size_t i = 0; negative && i < at; i++) {
        to[i] = (unsigned char)~to[i];
    }
    to[0] ^= 0x80;
    return at;
}

/* Text of the digits: no zeros in front, no minus before zero. */
static void show(const char *digits, unsigned precision, unsigned scale, bool negative, char *to)
{
    unsigned whole = precision - scale;
    unsigned skip = 0;
    bool zero = strspn(digits, "0") == precision;
    while (skip < whole && digits[skip] == '0') {
        skip++;
    }
    (void)snprintf(to, 80, "%s%s%.*s%s%.*s", negative && !zero ? "-" : "", skip == whole ? "0" : "",
                   (int)(whole - skip), digits + skip, scale > 0 ? "." : "", (int)scale,
                   digits + whole);
}

static void one(const char *digits, unsigned precision, unsigned scale, bool negative)
{
    unsigned char packed[64] = {0};
    char want[80];
    char got[MYSQL_DECIMAL_TEXT_BYTES];
    size_t bytes = pack(digits, precision, scale, negative, packed);
    show(digits, precision, scale, negative, want);
    assert_int_equal(mysql_decimal_bytes(precision, scale), bytes);
    assert_int_equal(mysql_decimal_print(packed, precision, scale, got), strlen(want));
    assert_string_equal(got, want);
    if (precision <= 38) {
        int128 wide = 0;
        int128 parsed = 0;
        assert_true(mysql_decimal_read(packed, precision, scale, &wide));
        assert_true(decimal_parse(str_of(want), scale, &parsed));
        assert_true(wide == parsed);
    }
}

/* Every precision and scale, with nines, zeros, a single digit and mixed ones, of both signs. */
static void every_type(void **state)
{
    (void)state;
    uint64_t seed = 42;
    for (unsigned precision = 1; precision <= MYSQL_DECIMAL_MAX_PRECISION; precision++) {
        for (unsigned scale = 0; scale <= precision && scale <= MYSQL_DECIMAL_MAX_SCALE; scale++) {
            char digits[MYSQL_DECIMAL_MAX_PRECISION + 1];
            for (unsigned kind = 0; kind < 5; kind++) {
                for (unsigned i = 0; i < precision; i++) {
                    seed = seed * 6364136223846793005u + 1442695040888963407u;
                    digits[i] = kind == 0   ? '9'
                                : kind == 1 ? '0'
                                : kind == 2 ? (i + 1 == precision ? '1' : '0')
                                            : (char)('0' + (seed >> 33) % 10);
                }
                digits[precision] = '\0';
                one(digits, precision, scale, false);
                one(digits, precision, scale, true);
            }
        }
    }
}

/* The example of MySQL's strings/decimal.cc. */
static void of_the_manual(void **state)
{
    (void)state;
    static const unsigned char plus[] = {0x81, 0x0d, 0xfb, 0x38, 0xd2, 0x04, 0xd2};
    static const unsigned char minus[] = {0x7e, 0xf2, 0x04, 0xc7, 0x2d, 0xfb, 0x2d};
    char got[MYSQL_DECIMAL_TEXT_BYTES];
    int128 wide = 0;
    assert_int_equal(mysql_decimal_bytes(14, 4), 7);
    assert_int_equal(mysql_decimal_print(plus, 14, 4, got), 15);
    assert_string_equal(got, "1234567890.1234");
    (void)mysql_decimal_print(minus, 14, 4, got);
    assert_string_equal(got, "-1234567890.1234");
    assert_true(mysql_decimal_read(minus, 14, 4, &wide));
    assert_true(wide == -(int128)12345678901234);
}

static void no_such_type(void **state)
{
    (void)state;
    assert_int_equal(mysql_decimal_bytes(0, 0), 0);
    assert_int_equal(mysql_decimal_bytes(66, 0), 0);
    assert_int_equal(mysql_decimal_bytes(10, 11), 0);
    assert_int_equal(mysql_decimal_bytes(65, 39), 0);
    assert_int_equal(mysql_decimal_bytes(65, 0), 29);
    assert_int_equal(mysql_decimal_bytes(65, 30), 30);
}

/* A group of nine digits that says 10^9, and one of two that says 100. */
static void bad_digits(void **state)
{
    (void)state;
    static const unsigned char nine[] = {0xbb, 0x9a, 0xca, 0x00};
    static const unsigned char two[] = {0x80 | 100};
    static const unsigned char long_one[30] = {0x80 | 10};
    char got[MYSQL_DECIMAL_TEXT_BYTES];
    int128 wide = 7;
    assert_false(mysql_decimal_read(nine, 9, 0, &wide));
    assert_false(mysql_decimal_read(two, 2, 0, &wide));
    assert_int_equal(mysql_decimal_print(nine, 9, 0, got), 0);
    assert_int_equal(mysql_decimal_print(long_one, 64, 0, got), 0);
}

static void canonical(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
    } cases[] = {{"0", "0"},         {"000", "0"},       {"00042", "42"},       {"0.50", "0.50"},
                 {"000.50", "0.50"}, {"-0.50", "-0.50"}, {"-0", "0"},           {"-0.00", "0.00"},
                 {"10", "10"},       {"-10.0", "-10.0"}, {"00100.00", "100.00"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct str got = mysql_decimal_canonical(str_of(cases[i].from));
        assert_true(str_eq(got, str_of(cases[i].to)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type),   cmocka_unit_test(of_the_manual),
        cmocka_unit_test(no_such_type), cmocka_unit_test(bad_digits),
        cmocka_unit_test(canonical),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
