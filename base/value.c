#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/instant.h"
#include "base/mem.h"
#include "base/row.h"

static int order(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* Java's Float.compare and Double.compare: every NaN is the same and greatest, -0.0 < 0.0. */
static int64_t float_rank(float f)
{
    int32_t bits = 0x7fc00000;
    if (!isnan(f)) {
        memcpy(&bits, &f, sizeof(bits));
    }
    return bits < 0 ? bits ^ INT32_MAX : bits;
}

static int64_t double_rank(double d)
{
    int64_t bits = 0x7ff8000000000000;
    if (!isnan(d)) {
        memcpy(&bits, &d, sizeof(bits));
    }
    return bits < 0 ? bits ^ INT64_MAX : bits;
}

int value_compare(const struct type *t, const struct value *a, const struct value *b)
{
    if (UNLIKELY(a->state != VALUE_SET || b->state != VALUE_SET)) {
        must(a->state != VALUE_UNCHANGED && b->state != VALUE_UNCHANGED);
        return (a->state != VALUE_NULL) - (b->state != VALUE_NULL);
    }
    switch (t->kind) {
    case TYPE_BOOLEAN:
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT:
    case TYPE_DATE:
    case TYPE_TIME:
        return order(a->i, b->i);
    case TYPE_CHAR:
    case TYPE_VARCHAR:
    case TYPE_BINARY:
    case TYPE_VARBINARY:
        return str_compare(value_str(a), value_str(b));
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        return a->i != b->i ? order(a->i, b->i) : order(a->len, b->len);
    case TYPE_DECIMAL: {
        int128 x = value_decimal(a, t);
        int128 y = value_decimal(b, t);
        return (x > y) - (x < y);
    }
    case TYPE_FLOAT:
        return order(float_rank(a->f4), float_rank(b->f4));
    case TYPE_DOUBLE:
        return order(double_rank(a->f8), double_rank(b->f8));
    case TYPE_ARRAY:
    case TYPE_MULTISET:
    case TYPE_MAP:
    case TYPE_ROW:
        break;
    }
    must(!type_is_nested(t));
    return 0;
}

static const struct type multiset_count = {.kind = TYPE_INT};

static const struct type *pair_key(const struct type *t)
{
    const struct type *key = t->kind == TYPE_MAP ? t->key : t->element;
    must(key != NULL);
    return key;
}

static const struct type *pair_value(const struct type *t)
{
    const struct type *value = t->kind == TYPE_MAP ? t->element : &multiset_count;
    must(value != NULL);
    return value;
}

/* Pairs in any order; keys are unique in each. */
static bool pairs_equal(const struct type *t, const struct value *a, const struct value *b)
{
    for (uint32_t i = 0; i + 1 < a->len; i += 2) {
        bool found = false;
        for (uint32_t n = 0; n + 1 < b->len && !found; n += 2) {
            uint32_t j = (i + n) % b->len; /* the same place first: usually the same order */
            found = value_equal(pair_key(t), &a->items[i], &b->items[j]) &&
                    value_equal(pair_value(t), &a->items[i + 1], &b->items[j + 1]);
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

bool value_equal(const struct type *t, const struct value *a, const struct value *b)
{
    if (a->state != VALUE_SET || b->state != VALUE_SET) {
        return a->state == b->state;
    }
    if (!type_is_nested(t)) {
        return value_compare(t, a, b) == 0;
    }
    if (a->len != b->len) {
        return false;
    }
    if (t->kind == TYPE_MAP || t->kind == TYPE_MULTISET) {
        return pairs_equal(t, a, b);
    }
    for (uint32_t i = 0; i < a->len; i++) {
        const struct type *item = t->kind == TYPE_ROW ? t->fields[i].type : t->element;
        must(item != NULL);
        if (!value_equal(item, &a->items[i], &b->items[i])) {
            return false;
        }
    }
    return true;
}

/* At least `width` digits, zeroes in front. */
static void print_digits(uint64_t v, size_t width, struct buf *out)
{
    char digits[24];
    size_t at = sizeof(digits);
    while (v > 0 || sizeof(digits) - at < width) {
        digits[--at] = (char)('0' + v % 10);
        v /= 10;
    }
    buf_put(out, digits + at, sizeof(digits) - at);
}

static void print_int(int64_t v, struct buf *out)
{
    if (v < 0) {
        buf_put_byte(out, '-');
    }
    print_digits(v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 1, out);
}

static void print_real(double d, int digits, struct buf *out)
{
    if (isnan(d)) {
        buf_put_cstr(out, "\"NaN\"");
    } else if (isinf(d)) {
        buf_put_cstr(out, d > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    } else {
        buf_printf(out, "%.*g", digits, d);
    }
}

static void print_hex(struct str s, struct buf *out)
{
    static const char hex[] = "0123456789abcdef";
    char *p = buf_room(out, s.len * 2);
    if (p == NULL) {
        return;
    }
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        *p++ = hex[c >> 4];
        *p++ = hex[c & 15];
    }
    out->len += s.len * 2;
}

static void print_date(int64_t days, struct buf *out)
{
    int64_t year = 0;
    unsigned month = 0;
    unsigned day = 0;
    instant_civil(days, &year, &month, &day);
    if (year < 0 || year > 9999) {
        buf_put_byte(out, year < 0 ? '-' : '+');
    }
    print_digits(year < 0 ? 0 - (uint64_t)year : (uint64_t)year, 4, out);
    buf_put_byte(out, '-');
    print_digits(month, 2, out);
    buf_put_byte(out, '-');
    print_digits(day, 2, out);
}

static void print_clock(int64_t ms_of_day, struct buf *out)
{
    uint64_t ms = (uint64_t)ms_of_day;
    print_digits(ms / 3600000, 2, out);
    buf_put_byte(out, ':');
    print_digits(ms / 60000 % 60, 2, out);
    buf_put_byte(out, ':');
    print_digits(ms / 1000 % 60, 2, out);
    buf_put_byte(out, '.');
}

static void print_timestamp(const struct value *v, struct buf *out)
{
    int64_t days = v->i / 86400000 - (v->i % 86400000 < 0);
    int64_t ms = v->i - days * 86400000;
    print_date(days, out);
    buf_put_byte(out, 'T');
    print_clock(ms, out);
    print_digits((uint64_t)ms % 1000 * 1000000 + v->len, 9, out);
}

static int compare_texts(const void *a, const void *b)
{
    const struct str *x = a;
    const struct str *y = b;
    return str_compare(*x, *y);
}

/* `[[k,v],…]`, sorted by the bytes of each pair's text. */
static void print_pairs(const struct type *t, const struct value *v, struct buf *out)
{
    size_t count = v->len / 2;
    struct buf texts = BUF_INIT(out->max);
    size_t *ends = MEM_ARRAY(size_t, count);
    struct str *pairs = MEM_ARRAY(struct str, count);
    for (size_t i = 0; i < count; i++) {
        buf_put_byte(&texts, '[');
        value_print_json(pair_key(t), &v->items[i * 2], &texts);
        buf_put_byte(&texts, ',');
        value_print_json(pair_value(t), &v->items[i * 2 + 1], &texts);
        buf_put_byte(&texts, ']');
        ends[i] = texts.len;
    }
    for (size_t i = 0; i < count; i++) { /* only now: the texts no longer move */
        pairs[i] = str_slice(buf_str(&texts), i == 0 ? 0 : ends[i - 1], ends[i]);
    }
    qsort(pairs, count, sizeof(pairs[0]), compare_texts);
    buf_put_byte(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            buf_put_byte(out, ',');
        }
        buf_put_str(out, pairs[i]);
    }
    buf_put_byte(out, ']');
    out->failed = out->failed || texts.failed;
    mem_free(pairs);
    mem_free(ends);
    buf_release(&texts);
}

static void print_nested(const struct type *t, const struct value *v, struct buf *out)
{
    if (t->kind == TYPE_MAP || t->kind == TYPE_MULTISET) {
        print_pairs(t, v, out);
        return;
    }
    buf_put_byte(out, t->kind == TYPE_ROW ? '{' : '[');
    for (uint32_t i = 0; i < v->len; i++) {
        if (i > 0) {
            buf_put_byte(out, ',');
        }
        if (t->kind == TYPE_ROW) {
            buf_put_json(out, t->fields[i].name);
            buf_put_byte(out, ':');
        }
        const struct type *item = t->kind == TYPE_ROW ? t->fields[i].type : t->element;
        must(item != NULL);
        value_print_json(item, &v->items[i], out);
    }
    buf_put_byte(out, t->kind == TYPE_ROW ? '}' : ']');
}

/* Those whose text stands in quotes and needs no escaping. */
static void print_quoted(const struct type *t, const struct value *v, struct buf *out)
{
    buf_put_byte(out, '"');
    if (t->kind == TYPE_DECIMAL) {
        decimal_print(value_decimal(v, t), t->scale, out);
    } else if (type_is_bytes(t)) {
        print_hex(value_str(v), out);
    } else if (t->kind == TYPE_DATE) {
        print_date(v->i, out);
    } else if (t->kind == TYPE_TIME) {
        print_clock(v->i, out);
        print_digits((uint64_t)v->i % 1000, 3, out);
    } else {
        print_timestamp(v, out);
        if (t->kind == TYPE_TIMESTAMP_LTZ) {
            buf_put_byte(out, 'Z');
        }
    }
    buf_put_byte(out, '"');
}

void value_print_json(const struct type *t, const struct value *v, struct buf *out)
{
    if (v->state != VALUE_SET) {
        must(v->state == VALUE_NULL);
        buf_put_cstr(out, "null");
        return;
    }
    switch (t->kind) {
    case TYPE_BOOLEAN:
        buf_put_cstr(out, v->i != 0 ? "true" : "false");
        break;
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT:
        print_int(v->i, out);
        break;
    case TYPE_FLOAT:
        print_real((double)v->f4, 9, out);
        break;
    case TYPE_DOUBLE:
        print_real(v->f8, 17, out);
        break;
    case TYPE_CHAR:
    case TYPE_VARCHAR:
        buf_put_json(out, value_str(v));
        break;
    case TYPE_DECIMAL:
    case TYPE_BINARY:
    case TYPE_VARBINARY:
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        print_quoted(t, v, out);
        break;
    case TYPE_ARRAY:
    case TYPE_MULTISET:
    case TYPE_MAP:
    case TYPE_ROW:
        print_nested(t, v, out);
        break;
    }
}
