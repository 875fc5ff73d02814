/* Java before 19 makes the digits of a float by long division of b / s, both scaled to whole
 * numbers, and stops when the rest is within half a unit of the number's last place, m (Steele and
 * White, "How to Print Floating-Point Numbers Accurately"). It does so in 32, 64 or as many bits as
 * needed; the three ways differ in small things, so which is taken is part of the result, as are
 * its flaws: 2e23 is printed as 1.9999999999999998E23. Whole numbers below 2^63 are printed as
 * such, rounded to the digits that count. */
#include "sink/cast_float.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

#define DIGITS_MAX 20
#define BIG_WORDS 48 /* 1536 bits; the largest numbers here have about 1130 */

/* d.ddd × 10^(point - 1) */
struct digits {
    char text[DIGITS_MAX];
    unsigned count;
    int point;
};

/* A number taken apart: fraction × 2^(exponent - 52), fraction with bit 52 set. */
struct parts {
    uint64_t fraction;
    int exponent;
    int precision; /* bits that count */
};

/* b = fraction × 5^b5 × 2^b2 and so on. */
struct powers {
    int b2, b5, s2, s5, m2, m5;
};

static uint64_t pow5(int n)
{
    uint64_t v = 1;
    must(n >= 0 && n <= 27);
    for (int i = 0; i < n; i++) {
        v *= 5;
    }
    return v;
}

static int bit_length(uint64_t v)
{
    return v == 0 ? 0 : 64 - __builtin_clzll(v);
}

/* Bits of 5^n; an estimate from the 27th on. */
static int pow5_bits(int n)
{
    return n == 0 ? 0 : n < 27 ? bit_length(pow5(n)) : n * 3;
}

/* --- numbers of any length --- */

struct big {
    uint32_t words[BIG_WORDS]; /* least first */
    unsigned count;
};

static void big_multiply(struct big *b, uint32_t factor)
{
    uint64_t carry = 0;
    for (unsigned i = 0; i < b->count; i++) {
        carry += (uint64_t)b->words[i] * factor;
        b->words[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry > 0) {
        must(b->count < BIG_WORDS);
        b->words[b->count++] = (uint32_t)carry;
    }
}

static void big_make(struct big *b, uint64_t v, int fives, int twos)
{
    *b = (struct big){.words = {(uint32_t)v, (uint32_t)(v >> 32)}, .count = v >> 32 != 0 ? 2 : 1};
    for (; fives >= 13; fives -= 13) {
        big_multiply(b, 1220703125); /* 5^13 */
    }
    big_multiply(b, (uint32_t)pow5(fives));
    for (; twos >= 31; twos -= 31) {
        big_multiply(b, UINT32_C(1) << 31);
    }
    big_multiply(b, UINT32_C(1) << twos);
}

static int big_compare(const struct big *a, const struct big *b)
{
    if (a->count != b->count) {
        return a->count < b->count ? -1 : 1;
    }
    for (unsigned i = a->count; i-- > 0;) {
        if (a->words[i] != b->words[i]) {
            return a->words[i] < b->words[i] ? -1 : 1;
        }
    }
    return 0;
}

static void big_add(struct big *a, const struct big *b)
{
    uint64_t carry = 0;
    for (unsigned i = 0; i < a->count || i < b->count || carry > 0; i++) {
        must(i < BIG_WORDS);
        carry += i < a->count ? a->words[i] : 0;
        carry += i < b->count ? b->words[i] : 0;
        a->words[i] = (uint32_t)carry;
        a->count = i >= a->count ? i + 1 : a->count;
        carry >>= 32;
    }
}

static void big_subtract(struct big *a, const struct big *b) /* b ≤ a */
{
    uint64_t borrow = 0;
    for (unsigned i = 0; i < a->count; i++) {
        uint64_t take = borrow + (i < b->count ? b->words[i] : 0);
        borrow = a->words[i] < take;
        a->words[i] = (uint32_t)(a->words[i] - take);
    }
    while (a->count > 1 && a->words[a->count - 1] == 0) {
        a->count--;
    }
}

/* Quotient of at most 10, b becomes ten times the rest. */
static unsigned big_step(struct big *b, const struct big *s)
{
    unsigned q = 0;
    while (big_compare(b, s) >= 0) {
        big_subtract(b, s);
        q++;
    }
    big_multiply(b, 10);
    return q;
}

/* --- the three ways --- */

/* Where a division stands: the digits so far, and why it ends. */
struct division {
    struct digits *digits;
    bool low, high; /* the rest is small enough to stop here, or to stop one digit higher */
    int tie;        /* sign of twice the rest minus the divisor */
};

static void put_digit(struct division *d, unsigned q)
{
    must(q < 10 && d->digits->count < DIGITS_MAX);
    d->digits->text[d->digits->count++] = (char)('0' + q);
}

/* The first digit: a zero means that the exponent was guessed too high. Printed with an exponent, a
 * number has two digits at least. */
static void first_digit(struct division *d, unsigned q)
{
    if (q == 0 && !d->high) {
        d->digits->point--;
    } else {
        put_digit(d, q);
    }
    int exponent = d->digits->point - 1;
    if (exponent < -3 || exponent >= 8) {
        d->low = d->high = false;
    }
}

static void divide_big(uint64_t fraction, const struct powers *p, struct division *d)
{
    struct big b;
    struct big s;
    struct big m;
    struct big ten_s;
    big_make(&b, fraction, p->b5, p->b2);
    big_make(&s, 1, p->s5, p->s2);
    big_make(&m, 1, p->m5 + 1, p->m2 + 1);
    big_make(&ten_s, 1, p->s5 + 1, p->s2 + 1);
    for (bool first = true; first || (!d->low && !d->high); first = false) {
        unsigned q = big_step(&b, &s);
        if (!first) {
            big_multiply(&m, 10);
        }
        struct big sum = b;
        big_add(&sum, &m);
        d->low = big_compare(&b, &m) < 0;
        d->high = big_compare(&ten_s, &sum) <= 0;
        if (first) {
            first_digit(d, q);
        } else {
            put_digit(d, q);
        }
    }
    big_add(&b, &b);
    d->tie = big_compare(&b, &ten_s);
}

/* Java's int or long, which wrap around. */
static int64_t wrap(int64_t v, bool is_int)
{
    return is_int ? (int32_t)(uint32_t)(uint64_t)v : v;
}
static int64_t wrap_ten(int64_t v, bool is_int)
{
    return wrap((int64_t)((uint64_t)v * 10), is_int);
}
static int64_t wrap_sum(int64_t a, int64_t b, bool is_int)
{
    return wrap((int64_t)((uint64_t)a + (uint64_t)b), is_int);
}

static void divide_small(uint64_t fraction, const struct powers *p, bool is_int, struct division *d)
{
    int64_t b = wrap((int64_t)((fraction * pow5(p->b5)) << p->b2), is_int);
    int64_t s = wrap((int64_t)(pow5(p->s5) << p->s2), is_int);
    int64_t m = wrap((int64_t)(pow5(p->m5) << p->m2), is_int);
    int64_t tens = wrap_ten(s, is_int);
    for (bool first = true; first || (!d->low && !d->high); first = false) {
        int64_t q = b / s;
        b = wrap_ten(b % s, is_int);
        m = wrap_ten(m, is_int);
        if (first || m > 0) {
            d->low = b < m;
            d->high = wrap_sum(b, m, is_int) > tens;
        } else { /* m is too large for its bits: certainly more than the rest */
            d->low = d->high = true;
        }
        if (first) {
            first_digit(d, (unsigned)q);
        } else {
            put_digit(d, (unsigned)q);
        }
    }
    int64_t difference = wrap((int64_t)((uint64_t)b * 2 - (uint64_t)tens), is_int);
    d->tie = (difference > 0) - (difference < 0);
}

static void round_up(struct digits *d)
{
    for (unsigned i = d->count; i-- > 0;) {
        if (d->text[i] != '9') {
            d->text[i]++;
            return;
        }
        d->text[i] = i == 0 ? '1' : '0';
    }
    d->point++; /* 99… became 100… */
}

/* floor(log10) of the number, or one more: by the logarithm's tangent in 1.5. */
static int guess_exponent(const struct parts *n)
{
    uint64_t bits = UINT64_C(0x3ff) << 52 | (n->fraction & ((UINT64_C(1) << 52) - 1));
    double d;
    memcpy(&d, &bits, sizeof(d));
    double log = (d - 1.5) * 0.289529654 + 0.176091259 + (double)n->exponent * 0.301029995663981;
    return (int)floor(log);
}

/* A whole number below 2^63: its decimal digits, less those below its last bit. */
static void whole_digits(const struct parts *n, struct digits *out)
{
    int spare = n->exponent - n->precision - 1;
    int drop = n->exponent > n->precision && spare > 1 ? (int)floor(spare * 0.30102999566398) : 0;
    uint64_t v =
        n->exponent >= 52 ? n->fraction << (n->exponent - 52) : n->fraction >> (52 - n->exponent);
    uint64_t unit = 1;
    for (int i = 0; i < drop; i++) {
        unit *= 10;
    }
    v = v / unit + (drop > 0 && v % unit >= unit / 2 ? 1 : 0);
    char text[DIGITS_MAX];
    unsigned count = 0;
    out->point = drop;
    while (v % 10 == 0) {
        v /= 10;
        out->point++;
    }
    for (; v > 0; v /= 10) {
        text[count++] = (char)('0' + v % 10);
    }
    for (unsigned i = 0; i < count; i++) {
        out->text[i] = text[count - 1 - i];
    }
    out->count = count;
    out->point += (int)count;
}

static void make_digits(const struct parts *n, struct digits *out)
{
    int zeros = __builtin_ctzll(n->fraction);
    int bits = 53 - zeros;
    int tiny = bits - n->exponent - 1 > 0 ? bits - n->exponent - 1 : 0; /* bits behind the point */
    *out = (struct digits){0};
    if (n->exponent <= 62 && tiny == 0 && n->exponent >= -21) {
        whole_digits(n, out);
        return;
    }
    int exponent = guess_exponent(n);
    struct powers p = {.b5 = exponent < 0 ? -exponent : 0, .s5 = exponent > 0 ? exponent : 0};
    p.b2 = p.b5 + tiny + n->exponent;
    p.s2 = p.s5 + tiny;
    p.m5 = p.b5;
    p.m2 = p.b2 - n->precision;
    p.b2 -= bits - 1;
    int common = p.b2 < p.s2 ? p.b2 : p.s2;
    p.b2 -= common;
    p.s2 -= common;
    p.m2 -= common;
    if (bits == 1) { /* a power of two: its neighbour below is half as far */
        p.m2--;
    }
    if (p.m2 < 0) {
        p.b2 -= p.m2;
        p.s2 -= p.m2;
        p.m2 = 0;
    }
    int b_bits = bits + p.b2 + pow5_bits(p.b5);
    int ten_s_bits = p.s2 + 1 + pow5_bits(p.s5 + 1);
    struct division d = {.digits = out};
    out->point = exponent + 1;
    if (b_bits < 64 && ten_s_bits < 64) {
        divide_small(n->fraction >> zeros, &p, b_bits < 32 && ten_s_bits < 32, &d);
    } else {
        divide_big(n->fraction >> zeros, &p, &d);
    }
    bool odd = ((unsigned char)out->text[out->count - 1] & 1) != 0;
    if (d.high && (!d.low || d.tie > 0 || (d.tie == 0 && odd))) {
        round_up(out);
    }
}

/* --- layout --- */

static size_t put(char *out, size_t at, const char *text, size_t len)
{
    memcpy(out + at, text, len);
    return at + len;
}

static size_t put_zeros(char *out, size_t at, size_t len)
{
    memset(out + at, '0', len);
    return at + len;
}

/* 0.001 ≤ v < 10^7 plainly, else with an exponent. */
static size_t layout(const struct digits *d, char *out, size_t at)
{
    if (d->point > 0 && d->point < 8) {
        size_t whole = (size_t)d->point;
        size_t have = d->count < whole ? d->count : whole;
        at = put(out, at, d->text, have);
        at = put_zeros(out, at, whole - have);
        out[at++] = '.';
        return d->count > have ? put(out, at, d->text + have, d->count - have)
                               : put_zeros(out, at, 1);
    }
    if (d->point <= 0 && d->point > -3) {
        at = put(out, at, "0.", 2);
        at = put_zeros(out, at, (size_t)-d->point);
        return put(out, at, d->text, d->count);
    }
    out[at++] = d->text[0];
    out[at++] = '.';
    at = d->count > 1 ? put(out, at, d->text + 1, d->count - 1) : put_zeros(out, at, 1);
    out[at++] = 'E';
    int exponent = d->point - 1;
    if (exponent < 0) {
        out[at++] = '-';
        exponent = -exponent;
    }
    if (exponent >= 100) {
        out[at++] = (char)('0' + exponent / 100);
    }
    if (exponent >= 10) {
        out[at++] = (char)('0' + exponent / 10 % 10);
    }
    out[at++] = (char)('0' + exponent % 10);
    return at;
}

/* mantissa of width bits without the hidden one, biased exponent of the rest. */
static size_t print(bool negative, uint64_t mantissa, int biased, int width, int bias, char *out)
{
    size_t at = 0;
    if (biased == 2 * bias + 1) {
        const char *text = mantissa != 0 ? "NaN" : negative ? "-Infinity" : "Infinity";
        return put(out, 0, text, strlen(text));
    }
    if (negative) {
        out[at++] = '-';
    }
    if (biased == 0 && mantissa == 0) {
        return put(out, at, "0.0", 3);
    }
    struct parts n = {.precision = width + 1};
    if (biased == 0) {
        int shift = width + 1 - bit_length(mantissa);
        n.precision = bit_length(mantissa);
        n.fraction = mantissa << shift;
        n.exponent = 1 - shift - bias;
    } else {
        n.fraction = mantissa | UINT64_C(1) << width;
        n.exponent = biased - bias;
    }
    n.fraction <<= 52 - width;
    struct digits d;
    make_digits(&n, &d);
    return layout(&d, out, at);
}

size_t cast_float_print(double v, char out[CAST_FLOAT_TEXT])
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof(bits));
    return print(bits >> 63 != 0, bits & ((UINT64_C(1) << 52) - 1), (int)(bits >> 52 & 0x7ff), 52,
                 1023, out);
}

size_t cast_float_print_single(float v, char out[CAST_FLOAT_TEXT])
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof(bits));
    return print(bits >> 31 != 0, bits & ((UINT32_C(1) << 23) - 1), (int)(bits >> 23 & 0xff), 23,
                 127, out);
}
