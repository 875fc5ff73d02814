#include "connectors/mysql/mysql_decimal.h"

#include <string.h>

#include "base/mem.h"

static const uint8_t digit_bytes[10] = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};
static const uint32_t powers[10] = {1,      10,      100,      1000,      10000,
                                    100000, 1000000, 10000000, 100000000, 1000000000};

size_t mysql_decimal_bytes(unsigned precision, unsigned scale)
{
    if (precision == 0 || precision > MYSQL_DECIMAL_MAX_PRECISION || scale > precision ||
        scale > MYSQL_DECIMAL_MAX_SCALE) {
        return 0;
    }
    unsigned whole = precision - scale;
    return (size_t)(whole / 9) * 4 + digit_bytes[whole % 9] + (size_t)(scale / 9) * 4 +
           digit_bytes[scale % 9];
}

/* Walks the groups of a packed number from the left. */
struct groups {
    const unsigned char *at;
    unsigned char flip;  /* 0xff for negative numbers */
    unsigned char first; /* also turned in the first byte: the sign bit */
    bool bad;
};

static struct groups groups_over(const unsigned char *bytes)
{
    return (struct groups){.at = bytes, .flip = (bytes[0] & 0x80) != 0 ? 0 : 0xff, .first = 0x80};
}

static uint32_t group_next(struct groups *g, unsigned digits)
{
    uint32_t v = 0;
    for (size_t i = 0; i < digit_bytes[digits]; i++) {
        v = v << 8 | (uint32_t)(unsigned char)(g->at[i] ^ g->flip ^ g->first);
        g->first = 0;
    }
    g->at += digit_bytes[digits];
    g->bad = g->bad || v >= powers[digits];
    return v;
}

/* Digits of the groups of DECIMAL(precision, scale), from the left; at most 2 + 65 / 9 + 2. */
static size_t group_plan(unsigned precision, unsigned scale, uint8_t plan[12])
{
    size_t count = 0;
    unsigned whole = precision - scale;
    if (whole % 9 != 0) {
        plan[count++] = (uint8_t)(whole % 9);
    }
    for (unsigned i = 0; i < whole / 9; i++) {
        plan[count++] = 9;
    }
    for (unsigned i = 0; i < scale / 9; i++) {
        plan[count++] = 9;
    }
    if (scale % 9 != 0) {
        plan[count++] = (uint8_t)(scale % 9);
    }
    return count;
}

bool mysql_decimal_read(const unsigned char *bytes, unsigned precision, unsigned scale, int128 *out)
{
    must(precision > 0 && precision <= 38 && scale <= precision);
    uint8_t plan[12];
    size_t count = group_plan(precision, scale, plan);
    struct groups g = groups_over(bytes);
    if (precision <= 18) {
        int64_t v = 0;
        for (size_t i = 0; i < count; i++) {
            v = v * (int64_t)powers[plan[i]] + (int64_t)group_next(&g, plan[i]);
        }
        *out = g.flip != 0 ? -v : v;
        return !g.bad;
    }
    int128 v = 0;
    for (size_t i = 0; i < count && !g.bad; i++) {
        v = v * (int128)powers[plan[i]] + (int128)group_next(&g, plan[i]);
    }
    if (g.bad) {
        return false;
    }
    *out = g.flip != 0 ? -v : v;
    return true;
}

static char *put_digits(char *to, uint32_t v, unsigned digits)
{
    for (unsigned i = digits; i > 0; i--) {
        to[i - 1] = (char)('0' + v % 10);
        v /= 10;
    }
    return to + digits;
}

size_t mysql_decimal_print(const unsigned char *bytes, unsigned precision, unsigned scale,
                           char out[MYSQL_DECIMAL_TEXT_BYTES])
{
    if (mysql_decimal_bytes(precision, scale) == 0) {
        return 0;
    }
    uint8_t plan[12];
    size_t count = group_plan(precision, scale, plan);
    struct groups g = groups_over(bytes);
    char digits[MYSQL_DECIMAL_MAX_PRECISION + 1];
    char *end = digits;
    for (size_t i = 0; i < count; i++) {
        end = put_digits(end, group_next(&g, plan[i]), plan[i]);
    }
    must((size_t)(end - digits) == precision);
    if (g.bad) {
        return 0;
    }
    char *to = out;
    *to++ = '-';
    unsigned whole = precision - scale;
    unsigned skip = 0;
    while (skip < whole && digits[skip] == '0') {
        skip++;
    }
    if (skip == whole) {
        *to++ = '0';
    }
    memcpy(to, digits + skip, whole - skip);
    to += whole - skip;
    if (scale > 0) {
        *to++ = '.';
        memcpy(to, digits + whole, scale);
        to += scale;
    }
    bool zero = true;
    for (unsigned i = 0; i < precision; i++) {
        zero = zero && digits[i] == '0';
    }
    size_t len = (size_t)(to - out);
    if (g.flip == 0 || zero) {
        len--;
        memmove(out, out + 1, len);
    }
    out[len] = '\0';
    return len;
}

struct str mysql_decimal_canonical(struct str text)
{
    bool negative = text.len > 0 && text.ptr[0] == '-';
    size_t at = negative ? 1 : 0;
    size_t zeros = 0;
    while (at + zeros + 1 < text.len && text.ptr[at + zeros] == '0' &&
           text.ptr[at + zeros + 1] != '.') {
        zeros++;
    }
    bool zero = true;
    for (size_t i = at; i < text.len; i++) {
        zero = zero && (text.ptr[i] == '0' || text.ptr[i] == '.');
    }
    if (negative && !zero && zeros == 0) {
        return text;
    }
    /* A negative number with leading zeros does not exist: ZEROFILL is unsigned. */
    return (struct str){text.ptr + at + zeros, text.len - at - zeros};
}
