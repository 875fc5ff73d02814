/* sum and product. Integers wrap at their width, as Java's do; a division by zero fails. Decimals:
 * up to 18 digits a sum is not checked against the precision (only against 64 bits); otherwise a
 * result that does not fit is null (FieldSumAgg, FieldProductAgg, DecimalUtils, Decimal). */
#include "base/decimal.h"
#include "sink/aggregate.h"

#define COMPACT_DIGITS 18

static bool check_number(const struct aggregate *a, struct error *err)
{
    enum type_kind kind = a->type->kind;
    return (kind >= TYPE_TINYINT && kind <= TYPE_DECIMAL) ||
           error_set(err, FAIL_SCHEMA, "column %.*s: aggregate function %s needs a type of numbers",
                     STR_FMT(a->column), a->ops->name);
}

/* Java's cast to the column's width. */
static int64_t wrap(enum type_kind kind, uint64_t v)
{
    if (kind == TYPE_TINYINT) {
        return (int8_t)(uint8_t)v;
    }
    if (kind == TYPE_SMALLINT) {
        return (int16_t)(uint16_t)v;
    }
    return kind == TYPE_INT ? (int32_t)(uint32_t)v : (int64_t)v;
}

static void set_int(const struct aggregate_step *s, uint64_t v, struct value *out)
{
    *out = (struct value){.i = wrap(s->aggregate->type->kind, v), .state = VALUE_SET};
}

/* Decimal.fromBigDecimal: null when it has too many digits. */
static void set_checked(const struct aggregate_step *s, int128 v, bool overflow, struct value *out)
{
    const struct type *t = s->aggregate->type;
    *out = (struct value){.state = VALUE_NULL};
    if (overflow || !decimal_fits(v, t->precision)) {
        return;
    }
    out->state = VALUE_SET;
    if (t->precision > COMPACT_DIGITS) {
        out->wide = aggregate_wide(s->arena, v);
    } else {
        out->i = (int64_t)v;
    }
}

/* a + b for a sign of 1, a - b for -1. |a|, |b| < 10^38 + an overflow: 128 bits hold it. */
static void decimal_sum(const struct aggregate_step *s, const struct value *a,
                        const struct value *b, bool minus, struct value *out)
{
    const struct type *t = s->aggregate->type;
    int128 x = value_decimal(a, t);
    int128 y = value_decimal(b, t);
    int128 sum;
    bool overflow = minus ? __builtin_sub_overflow(x, y, &sum) : __builtin_add_overflow(x, y, &sum);
    if (t->precision <= COMPACT_DIGITS && sum >= INT64_MIN && sum <= INT64_MAX) {
        *out = (struct value){.i = (int64_t)sum, .state = VALUE_SET};
        return;
    }
    set_checked(s, sum, overflow, out);
}

/* ---- products of decimals: 256 bits, without a sign ---- */

struct wide_number {
    uint128 high, low;
};

static uint128 magnitude(int128 v)
{
    return v < 0 ? 0 - (uint128)v : (uint128)v;
}

static struct wide_number multiply(uint128 a, uint128 b)
{
    uint128 a0 = (uint64_t)a;
    uint128 a1 = a >> 64;
    uint128 b0 = (uint64_t)b;
    uint128 b1 = b >> 64;
    uint128 low = a0 * b0;
    uint128 middle = a0 * b1 + (low >> 64);
    uint128 middle2 = a1 * b0 + (uint64_t)middle;
    return (struct wide_number){.high = a1 * b1 + (middle >> 64) + (middle2 >> 64),
                                .low = middle2 << 64 | (uint64_t)low};
}

/* Quotient rounded half up (away from zero: there is no sign). False when it needs more than 127
 * bits. `by` < 2^127. */
static bool divide(struct wide_number n, uint128 by, uint128 *out, bool *out_exact)
{
    uint128 rest = 0;
    uint128 quotient = 0;
    bool overflow = false;
    for (unsigned bit = 256; bit-- > 0;) {
        uint128 next = bit >= 128 ? n.high >> (bit - 128) & 1 : n.low >> bit & 1;
        rest = rest << 1 | next;
        overflow = overflow || (quotient >> 126) != 0;
        quotient <<= 1;
        if (rest >= by) {
            rest -= by;
            quotient |= 1;
        }
    }
    *out_exact = rest == 0;
    *out = quotient + (rest >= by - rest ? 1 : 0);
    return !overflow;
}

static void set_signed(const struct aggregate_step *s, uint128 v, bool fits, bool negative,
                       struct value *out)
{
    set_checked(s, negative ? -(int128)v : (int128)v, !fits, out);
}

static void decimal_product(const struct aggregate_step *s, const struct value *a,
                            const struct value *b, struct value *out)
{
    const struct type *t = s->aggregate->type;
    int128 x = value_decimal(a, t);
    int128 y = value_decimal(b, t);
    uint128 product = 0;
    bool exact;
    bool fits = divide(multiply(magnitude(x), magnitude(y)), (uint128)decimal_pow10(t->scale),
                       &product, &exact);
    set_signed(s, product, fits, (x < 0) != (y < 0), out);
}

/* BigDecimal.divide gives an exact quotient or fails: the divisor, without what it shares with the
 * dividend, may only be made of twos and fives. */
static bool terminates(uint128 x, uint128 y)
{
    uint128 a = x;
    uint128 b = y;
    while (b != 0) {
        uint128 rest = a % b;
        a = b;
        b = rest;
    }
    y /= a;
    while (y % 2 == 0) {
        y /= 2;
    }
    while (y % 5 == 0) {
        y /= 5;
    }
    return y == 1;
}

static bool decimal_quotient(const struct aggregate_step *s, const struct value *a,
                             const struct value *b, struct value *out, struct error *err)
{
    const struct type *t = s->aggregate->type;
    int128 x = value_decimal(a, t);
    int128 y = value_decimal(b, t);
    if (y == 0) {
        return error_set(err, FAIL_SCHEMA, "a record of zero is taken back: division by zero");
    }
    if (x != 0 && !terminates(magnitude(x), magnitude(y))) {
        return error_set(err, FAIL_SCHEMA,
                         "a record is taken back, but the quotient has no end (Paimon fails, too)");
    }
    uint128 quotient = 0;
    bool exact;
    bool fits = divide(multiply(magnitude(x), (uint128)decimal_pow10(t->scale)), magnitude(y),
                       &quotient, &exact);
    set_signed(s, quotient, fits, (x < 0) != (y < 0), out);
    return true;
}

enum operation { ADD, SUBTRACT, MULTIPLY, DIVIDE };

static float floats(enum operation op, float a, float b)
{
    return op == ADD ? a + b : op == SUBTRACT ? a - b : op == MULTIPLY ? a * b : a / b;
}

static double doubles(enum operation op, double a, double b)
{
    return op == ADD ? a + b : op == SUBTRACT ? a - b : op == MULTIPLY ? a * b : a / b;
}

static bool ints(enum operation op, int64_t a, int64_t b, uint64_t *out, struct error *err)
{
    if (op == DIVIDE && b == 0) {
        return error_set(err, FAIL_SCHEMA, "a record of zero is taken back: division by zero");
    }
    if (op == ADD || op == SUBTRACT) {
        *out = op == ADD ? (uint64_t)a + (uint64_t)b : (uint64_t)a - (uint64_t)b;
    } else if (op == MULTIPLY) {
        *out = (uint64_t)a * (uint64_t)b;
    } else { /* the least number by -1 is, in Java, itself */
        *out = b == -1 ? 0 - (uint64_t)a : (uint64_t)(a / b);
    }
    return true;
}

static bool compute(const struct aggregate_step *s, enum operation op, const struct value *a,
                    const struct value *b, struct value *out, struct error *err)
{
    enum type_kind kind = s->aggregate->type->kind;
    uint64_t number = 0;
    if (kind == TYPE_FLOAT) {
        *out = (struct value){.f4 = floats(op, a->f4, b->f4), .state = VALUE_SET};
    } else if (kind == TYPE_DOUBLE) {
        *out = (struct value){.f8 = doubles(op, a->f8, b->f8), .state = VALUE_SET};
    } else if (kind != TYPE_DECIMAL) {
        if (!ints(op, a->i, b->i, &number, err)) {
            return false;
        }
        set_int(s, number, out);
    } else if (op == DIVIDE) {
        return decimal_quotient(s, a, b, out, err);
    } else if (op == MULTIPLY) {
        decimal_product(s, a, b, out);
    } else {
        decimal_sum(s, a, b, op == SUBTRACT, out);
    }
    return true;
}

static bool one_is_null(const struct value *acc, const struct value *input)
{
    return acc->state != VALUE_SET || input->state != VALUE_SET;
}

static bool sum_add(const struct aggregate_step *s, const struct value *acc,
                    const struct value *input, struct value *out, struct error *err)
{
    if (one_is_null(acc, input)) {
        *out = acc->state != VALUE_SET ? *input : *acc;
        return true;
    }
    return compute(s, ADD, acc, input, out, err);
}

static void negate(const struct aggregate_step *s, const struct value *v, struct value *out)
{
    const struct type *t = s->aggregate->type;
    if (v->state != VALUE_SET) {
        *out = *v;
    } else if (t->kind == TYPE_DECIMAL) {
        set_checked(s, -value_decimal(v, t), false, out);
    } else if (t->kind == TYPE_FLOAT) {
        *out = (struct value){.f4 = -v->f4, .state = VALUE_SET};
    } else if (t->kind == TYPE_DOUBLE) {
        *out = (struct value){.f8 = -v->f8, .state = VALUE_SET};
    } else {
        set_int(s, 0 - (uint64_t)v->i, out);
    }
}

static bool sum_retract(const struct aggregate_step *s, const struct value *acc,
                        const struct value *input, struct value *out, struct error *err)
{
    if (acc->state != VALUE_SET) {
        negate(s, input, out);
        return true;
    }
    if (input->state != VALUE_SET) {
        *out = *acc;
        return true;
    }
    return compute(s, SUBTRACT, acc, input, out, err);
}

static bool product_add(const struct aggregate_step *s, const struct value *acc,
                        const struct value *input, struct value *out, struct error *err)
{
    if (one_is_null(acc, input)) {
        *out = acc->state != VALUE_SET ? *input : *acc;
        return true;
    }
    return compute(s, MULTIPLY, acc, input, out, err);
}

static bool product_retract(const struct aggregate_step *s, const struct value *acc,
                            const struct value *input, struct value *out, struct error *err)
{
    if (one_is_null(acc, input)) {
        *out = *acc;
        return true;
    }
    return compute(s, DIVIDE, acc, input, out, err);
}

const struct aggregate_ops aggregate_number_ops[] = {
    {.name = "sum", .check = check_number, .add = sum_add, .retract = sum_retract},
    {.name = "product", .check = check_number, .add = product_add, .retract = product_retract},
    {.name = NULL},
};
