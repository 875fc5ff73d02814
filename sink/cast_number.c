/* Numbers and truth values (DecimalToDecimalCastRule, NumericPrimitiveToDecimalCastRule,
 * DecimalToNumericPrimitiveCastRule, NumericPrimitiveCastRule, BooleanToNumericCastRule,
 * NumericToBooleanCastRule; DecimalUtils). */
#include "sink/cast_rule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sink/cast_float.h"

int64_t cast_number_narrow(int64_t v, const struct type *to)
{
    return to->kind == TYPE_TINYINT    ? (int8_t)(uint8_t)(uint64_t)v
           : to->kind == TYPE_SMALLINT ? (int16_t)(uint16_t)(uint64_t)v
           : to->kind == TYPE_INT      ? (int32_t)(uint32_t)(uint64_t)v
                                       : v;
}

static void set_int(int64_t v, const struct type *to, struct value *out)
{
    *out = (struct value){.i = cast_number_narrow(v, to), .state = VALUE_SET};
}

/* Java's d2i and d2l: NaN is 0, what is too large stops at the end; a byte or short is made of the
 * int. */
static int64_t truncate(double v, const struct type *to)
{
    bool is_long = to->kind == TYPE_BIGINT;
    if (isnan(v)) {
        return 0;
    }
    if (v >= (is_long ? 0x1p63 : 0x1p31)) {
        return is_long ? INT64_MAX : INT32_MAX;
    }
    if (v < (is_long ? -0x1p63 : -0x1p31)) {
        return is_long ? INT64_MIN : INT32_MIN;
    }
    return (int64_t)v;
}

static void set_float(double v, const struct type *to, struct value *out)
{
    *out = (struct value){.state = VALUE_SET};
    if (to->kind == TYPE_FLOAT) {
        out->f4 = (float)v;
    } else {
        out->f8 = v;
    }
}

static bool int_to_number(const struct cast *c, const struct value *in, struct arena *arena,
                          struct value *out, struct error *err)
{
    (void)arena;
    (void)err;
    if (c->to->kind == TYPE_FLOAT) { /* not by way of a double, which would round twice */
        *out = (struct value){.f4 = (float)in->i, .state = VALUE_SET};
    } else if (c->to->kind == TYPE_DOUBLE) {
        *out = (struct value){.f8 = (double)in->i, .state = VALUE_SET};
    } else {
        set_int(in->i, c->to, out);
    }
    return true;
}

static double real_of(const struct cast *c, const struct value *in)
{
    return c->from->kind == TYPE_FLOAT ? (double)in->f4 : in->f8;
}

static bool float_to_number(const struct cast *c, const struct value *in, struct arena *arena,
                            struct value *out, struct error *err)
{
    (void)arena;
    (void)err;
    double v = real_of(c, in);
    if (cast_is_float(c->to)) {
        set_float(v, c->to, out);
    } else {
        set_int(truncate(v, c->to), c->to, out);
    }
    return true;
}

bool cast_number_set_decimal(int128 unscaled, const struct type *to, struct arena *arena,
                             struct value *out)
{
    if (!decimal_fits(unscaled, to->precision)) {
        return false;
    }
    *out = (struct value){.state = VALUE_SET};
    if (to->precision <= 18) {
        out->i = (int64_t)unscaled;
    } else {
        int128 *wide = arena_alloc(arena, sizeof(*wide) + 8);
        wide = (int128 *)(((uintptr_t)wide + 15) & ~(uintptr_t)15);
        *wide = unscaled;
        out->wide = wide;
    }
    return true;
}

/* v of one scale at another, half up; false when it grows beyond 38 digits. */
static bool rescale(int128 v, unsigned from, unsigned to, int128 *out)
{
    if (from > to) {
        int128 unit = decimal_pow10(from - to);
        int128 rest = v % unit;
        int128 half = unit / 2; /* powers of ten are even */
        *out = v / unit + (rest >= half ? 1 : rest <= -half ? -1 : 0);
        return true;
    }
    unsigned shift = to - from;
    if (!decimal_fits(v, 38 - shift)) {
        return false;
    }
    *out = v * decimal_pow10(shift);
    return true;
}

static bool decimal_to_decimal(const struct cast *c, const struct value *in, struct arena *arena,
                               struct value *out, struct error *err)
{
    int128 v = 0;
    return (rescale(value_decimal(in, c->from), c->from->scale, c->to->scale, &v) &&
            cast_number_set_decimal(v, c->to, arena, out)) ||
           cast_refuse_value(c->from, in, c->to, err);
}

static bool int_to_decimal(const struct cast *c, const struct value *in, struct arena *arena,
                           struct value *out, struct error *err)
{
    int128 v = 0;
    return (rescale(in->i, 0, c->to->scale, &v) && cast_number_set_decimal(v, c->to, arena, out)) ||
           cast_refuse_value(c->from, in, c->to, err);
}

/* BigDecimal.valueOf(double): by way of the text. */
static bool float_to_decimal(const struct cast *c, const struct value *in, struct arena *arena,
                             struct value *out, struct error *err)
{
    char text[CAST_FLOAT_TEXT];
    size_t len = cast_float_print(real_of(c, in), text);
    return cast_number_parse_decimal((struct str){text, len}, c->to, arena, out) ||
           cast_refuse_value(c->from, in, c->to, err);
}

static bool decimal_to_int(const struct cast *c, const struct value *in, struct arena *arena,
                           struct value *out, struct error *err)
{
    (void)arena;
    (void)err;
    int128 v = value_decimal(in, c->from) / decimal_pow10(c->from->scale);
    set_int((int64_t)(uint64_t)(uint128)v, c->to, out);
    return true;
}

static bool decimal_to_float(const struct cast *c, const struct value *in, struct arena *arena,
                             struct value *out, struct error *err)
{
    (void)arena;
    (void)err;
    if (c->from->precision <= 18) { /* one division of two doubles, rounded or not */
        set_float((double)in->i / (double)(int64_t)decimal_pow10(c->from->scale), c->to, out);
        return true;
    }
    char text[64] = {0};
    struct buf b = BUF_INIT(sizeof(text) - 1);
    decimal_print(value_decimal(in, c->from), c->from->scale, &b);
    must(!b.failed);
    memcpy(text, b.ptr, b.len);
    buf_release(&b);
    set_float(strtod(text, NULL), c->to, out);
    return true;
}

static bool int_to_boolean(const struct cast *c, const struct value *in, struct arena *arena,
                           struct value *out, struct error *err)
{
    (void)c;
    (void)arena;
    (void)err;
    *out = (struct value){.i = in->i != 0, .state = VALUE_SET};
    return true;
}

enum number { NUMBER_BOOLEAN, NUMBER_INTEGER, NUMBER_FLOAT, NUMBER_DECIMAL, NUMBER_NONE };

static enum number number_of(const struct type *t)
{
    return t->kind == TYPE_BOOLEAN   ? NUMBER_BOOLEAN
           : cast_is_integer(t)      ? NUMBER_INTEGER
           : cast_is_float(t)        ? NUMBER_FLOAT
           : t->kind == TYPE_DECIMAL ? NUMBER_DECIMAL
                                     : NUMBER_NONE;
}

cast_rule *cast_number_rule(const struct type *from, const struct type *to)
{
    static cast_rule *const rules[NUMBER_NONE + 1][NUMBER_NONE + 1] = {
        [NUMBER_BOOLEAN] = {NULL, int_to_number, int_to_number, int_to_decimal},
        [NUMBER_INTEGER] = {int_to_boolean, int_to_number, int_to_number, int_to_decimal},
        [NUMBER_FLOAT] = {NULL, float_to_number, float_to_number, float_to_decimal},
        [NUMBER_DECIMAL] = {NULL, decimal_to_int, decimal_to_float, decimal_to_decimal}};
    return rules[number_of(from)][number_of(to)];
}

/* The digits of a number's text around its point. */
struct digits {
    struct str whole, fraction;
    int64_t exponent;
    bool negative;
};

/* [sign] digits [. digits] [e [sign] digits], a digit at least (BigDecimal's constructor; digits of
 * other scripts, which Java would take, are not). */
static bool split_digits(struct str text, struct digits *out)
{
    size_t at = 0;
    size_t first = 0;
    *out = (struct digits){0};
    if (at < text.len && (text.ptr[at] == '-' || text.ptr[at] == '+')) {
        out->negative = text.ptr[at] == '-';
        at++;
    }
    first = at;
    while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9') {
        at++;
    }
    out->whole = str_slice(text, first, at);
    if (at < text.len && text.ptr[at] == '.') {
        first = ++at;
        while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9') {
            at++;
        }
        out->fraction = str_slice(text, first, at);
    }
    if (out->whole.len + out->fraction.len == 0) {
        return false;
    }
    if (at == text.len) {
        return true;
    }
    if (text.ptr[at] != 'e' && text.ptr[at] != 'E') {
        return false;
    }
    struct str exponent = str_slice(text, at + 1, text.len);
    if (exponent.len > 1 && exponent.ptr[0] == '+' && exponent.ptr[1] != '-') {
        exponent = str_slice(exponent, 1, exponent.len);
    }
    return exponent.len > 0 && exponent.ptr[0] != '+' && str_to_i64(exponent, &out->exponent) &&
           out->exponent <= INT32_MAX && out->exponent >= -(int64_t)INT32_MAX;
}

static unsigned digit_at(const struct digits *d, size_t i)
{
    const char *p = i < d->whole.len ? d->whole.ptr + i : d->fraction.ptr + (i - d->whole.len);
    return (unsigned)(unsigned char)*p - '0';
}

bool cast_number_parse_decimal(struct str text, const struct type *to, struct arena *arena,
                               struct value *out)
{
    struct digits d;
    if (!split_digits(text, &d)) {
        return false;
    }
    size_t count = d.whole.len + d.fraction.len;
    /* How many of the digits stand before the last that is kept; the next one rounds. */
    int64_t keep = (int64_t)d.whole.len + d.exponent + to->scale;
    int128 v = 0;
    for (int64_t i = 0; i < keep; i++) {
        if (i >= (int64_t)count && v == 0) {
            break; /* zero, however many more */
        }
        if (!decimal_fits(v, 37)) {
            return false;
        }
        v = v * 10 + (i < (int64_t)count ? digit_at(&d, (size_t)i) : 0);
    }
    if (keep >= 0 && keep < (int64_t)count && digit_at(&d, (size_t)keep) >= 5) {
        v++;
    }
    return cast_number_set_decimal(d.negative ? -v : v, to, arena, out);
}
