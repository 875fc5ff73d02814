#include "base/decimal.h"

#include "base/mem.h"

static const uint64_t powers[] = {
    1u,
    10u,
    100u,
    1000u,
    10000u,
    100000u,
    1000000u,
    10000000u,
    100000000u,
    1000000000u,
    10000000000u,
    100000000000u,
    1000000000000u,
    10000000000000u,
    100000000000000u,
    1000000000000000u,
    10000000000000000u,
    100000000000000000u,
    1000000000000000000u,
    10000000000000000000u,
};

int128 decimal_pow10(unsigned n)
{
    must(n <= 38);
    return n < 20 ? (int128)powers[n] : (int128)powers[19] * (int128)powers[n - 19];
}

bool decimal_fits(int128 v, unsigned precision)
{
    int128 limit = decimal_pow10(precision);
    return v < limit && v > -limit;
}

void decimal_print(int128 unscaled, unsigned scale, struct buf *out)
{
    char text[48]; /* 39 digits, sign, point */
    size_t at = sizeof(text);
    uint128 v = unscaled < 0 ? 0 - (uint128)unscaled : (uint128)unscaled;
    uint64_t part = 0;
    unsigned part_digits = 0;
    must(scale <= 38);
    for (unsigned digits = 0; v > 0 || part_digits > 0 || digits <= scale; digits++) {
        if (digits == scale && scale > 0) {
            text[--at] = '.';
        }
        if (part_digits == 0) { /* 19 digits at a time: division of 128 bits is dear */
            part = (uint64_t)(v % powers[19]);
            v /= powers[19];
            part_digits = 19;
        }
        text[--at] = (char)('0' + part % 10);
        part /= 10;
        part_digits = part == 0 && v == 0 ? 0 : part_digits - 1;
    }
    if (unscaled < 0) {
        text[--at] = '-';
    }
    buf_put(out, text + at, sizeof(text) - at);
}

/* Appends a digit; false when the number would need more than 38. */
static bool push_digit(uint128 *v, unsigned digit)
{
    if (*v >= (uint128)decimal_pow10(37)) {
        return false;
    }
    *v = *v * 10 + digit;
    return true;
}

bool decimal_parse(struct str text, unsigned scale, int128 *out)
{
    bool negative = text.len > 0 && text.ptr[0] == '-';
    bool sign = negative || (text.len > 0 && text.ptr[0] == '+');
    bool any = false;
    bool fraction = false;
    unsigned left = scale; /* fraction digits still wanted */
    uint128 v = 0;
    for (size_t i = sign ? 1 : 0; i < text.len; i++) {
        if (text.ptr[i] == '.' && !fraction) {
            fraction = true;
            continue;
        }
        unsigned digit = (unsigned)(unsigned char)text.ptr[i] - '0';
        bool spare = fraction && left == 0; /* behind the scale: only zeroes may stand there */
        if (digit > (spare ? 0 : 9) || (!spare && !push_digit(&v, digit))) {
            return false;
        }
        any = true;
        left -= fraction && !spare ? 1 : 0;
    }
    for (; left > 0; left--) {
        if (!push_digit(&v, 0)) {
            return false;
        }
    }
    if (any) {
        *out = negative ? -(int128)v : (int128)v;
    }
    return any;
}

size_t decimal_to_bytes(int128 v, uint8_t out[16])
{
    size_t len = 1;
    while (len < 16) {
        int128 high = v >> (len * 8 - 1); /* all sign bits once len bytes hold it */
        if (high == 0 || high == -1) {
            break;
        }
        len++;
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)((uint128)v >> ((len - 1 - i) * 8));
    }
    return len;
}

bool decimal_from_bytes(const void *bytes, size_t len, int128 *out)
{
    const uint8_t *p = bytes;
    if (len < 1 || len > 16) {
        return false;
    }
    uint128 v = p[0] >= 0x80 ? ~(uint128)0 : 0;
    for (size_t i = 0; i < len; i++) {
        v = v << 8 | p[i];
    }
    *out = (int128)v;
    return true;
}
