/* tests/unit/parquet_random.h: random columns of every type, nested to a depth, and random rows of
 * them with values at the edges of their types. A seed gives the same again. */
#pragma once

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/decimal.h"
#include "base/mem.h"
#include "base/row.h"
#include "base/schema.h"

struct parquet_random {
    uint64_t seed;
    struct arena *arena;
    int32_t next_id;
};

static inline uint64_t random_next(struct parquet_random *r)
{
    r->seed += 0x9e3779b97f4a7c15u;
    uint64_t z = r->seed;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline uint64_t random_below(struct parquet_random *r, uint64_t n)
{
    return random_next(r) % n;
}

static inline struct str random_name(struct parquet_random *r)
{
    char text[32];
    int n = snprintf(text, sizeof(text), "%s%d", random_below(r, 5) == 0 ? "a.b " : "c",
                     (int)r->next_id);
    return arena_str(r->arena, (struct str){text, (size_t)n});
}

static inline void random_type(struct parquet_random *r, unsigned depth, struct type *t)
{
    unsigned kinds = depth > 0 ? TYPE_ROW + 1 : TYPE_TIMESTAMP_LTZ + 1;
    *t = (struct type){.kind = (enum type_kind)random_below(r, kinds),
                       .nullable = random_below(r, 4) > 0};
    if (depth > 1 && random_below(r, 3) == 0) { /* deep ones often enough */
        t->kind = (enum type_kind)(TYPE_ARRAY + random_below(r, 4));
    }
    if (t->kind == TYPE_DECIMAL) {
        t->precision = (uint8_t)(1 + random_below(r, 38));
        t->scale = (uint8_t)random_below(r, t->precision + 1u);
    } else if (t->kind == TYPE_TIME) {
        t->precision = (uint8_t)random_below(r, 4);
    } else if (t->kind == TYPE_TIMESTAMP || t->kind == TYPE_TIMESTAMP_LTZ) {
        t->precision = (uint8_t)random_below(r, 10);
    } else if (type_is_text(t) || type_is_bytes(t)) {
        t->length = 1 + (uint32_t)random_below(r, 40);
    } else if (t->kind == TYPE_ROW) {
        t->field_count = 1 + random_below(r, 4);
        struct type_field *f = ARENA_ARRAY(r->arena, struct type_field, t->field_count);
        for (size_t i = 0; i < t->field_count; i++) {
            struct type *of = ARENA_ARRAY(r->arena, struct type, 1);
            f[i].id = r->next_id++;
            f[i].name = random_name(r);
            random_type(r, depth - 1, of);
            f[i].type = of;
        }
        t->fields = f;
    } else if (type_is_nested(t)) {
        struct type *of = ARENA_ARRAY(r->arena, struct type, 1);
        random_type(r, depth - 1, of);
        if (t->kind == TYPE_MAP) {
            struct type *key = ARENA_ARRAY(r->arena, struct type, 1);
            random_type(r, 0, key);
            t->key = key;
        } else if (t->kind == TYPE_MULTISET && type_is_nested(of)) {
            random_type(r, 0, of);
        }
        t->element = of;
    }
}

static inline struct schema_field *random_fields(struct parquet_random *r, size_t count,
                                                 unsigned depth)
{
    struct schema_field *f = ARENA_ARRAY(r->arena, struct schema_field, count);
    for (size_t i = 0; i < count; i++) {
        f[i].id = r->next_id++;
        f[i].name = random_name(r);
        random_type(r, depth, &f[i].type);
    }
    return f;
}

static inline struct value random_value(struct parquet_random *r, const struct type *t,
                                        struct arena *a, bool may_be_null);

static inline struct value random_bytes(struct parquet_random *r, const struct type *t,
                                        struct arena *a)
{
    size_t len = random_below(r, 3) == 0 ? 0 : random_below(r, t->length + 1u);
    char *p = arena_alloc(a, len + 1);
    bool few = random_below(r, 2) == 0;
    for (size_t i = 0; i < len; i++) {
        p[i] = (char)(type_is_text(t) ? 'a' + (char)random_below(r, few ? 2 : 26)
                                      : (char)random_below(r, 256));
    }
    return (struct value){.bytes = p, .len = (uint32_t)len, .state = VALUE_SET};
}

static inline int64_t random_int(struct parquet_random *r, unsigned bits)
{
    int64_t max = bits == 64 ? INT64_MAX : (INT64_C(1) << (bits - 1)) - 1;
    switch (random_below(r, 6)) {
    case 0:
        return max;
    case 1:
        return -max - 1;
    case 2:
        return (int64_t)random_below(r, 5) - 2;
    case 3:
        return 7; /* runs */
    default:
        return (int64_t)(random_next(r) >> (64 - bits)) - (bits == 64 ? 0 : max + 1);
    }
}

static inline struct value random_decimal(struct parquet_random *r, const struct type *t,
                                          struct arena *a)
{
    int128 limit = decimal_pow10(t->precision);
    int128 v = (int128)(((uint128)random_next(r) << 64 | random_next(r)) % (uint128)limit);
    v = random_below(r, 8) == 0 ? limit - 1 : v;
    v = random_below(r, 2) == 0 ? -v : v;
    if (t->precision <= 18) {
        return (struct value){.i = (int64_t)v, .state = VALUE_SET};
    }
    int128 *p = arena_alloc(a, sizeof(*p));
    *p = v;
    return (struct value){.wide = p, .state = VALUE_SET};
}

/* From the year 1 to 9999, cut to the type's precision; nanoseconds between 1700 and 2200, which
 * Arrow can hold. */
static inline struct value random_timestamp(struct parquet_random *r, const struct type *t)
{
    int64_t ms = (int64_t)random_below(r, UINT64_C(315537897600000)) - INT64_C(62135596800000);
    if (t->precision > 6) {
        ms = (int64_t)random_below(r, UINT64_C(15000000000000)) - INT64_C(8000000000000);
    }
    uint32_t nanos = (uint32_t)random_below(r, 1000000);
    nanos = t->precision <= 3 ? 0 : t->precision <= 6 ? nanos / 1000 * 1000 : nanos;
    if (random_below(r, 4) == 0) {
        ms = (int64_t)random_below(r, 3) - 1; /* about the epoch */
    }
    return (struct value){.i = ms, .len = nanos, .state = VALUE_SET};
}

static inline struct value random_items(struct parquet_random *r, const struct type *t,
                                        struct arena *a)
{
    static const struct type count = {.kind = TYPE_INT};
    bool pairs = t->kind == TYPE_MAP || t->kind == TYPE_MULTISET;
    size_t n = t->kind == TYPE_ROW ? t->field_count : random_below(r, 4) * (pairs ? 2 : 1);
    struct value *items = ARENA_ARRAY(a, struct value, n);
    for (size_t i = 0; i < n; i++) {
        const struct type *of = t->kind == TYPE_ROW ? t->fields[i].type : t->element;
        bool key = pairs && i % 2 == 0;
        if (t->kind == TYPE_MAP && key) {
            of = t->key;
        } else if (t->kind == TYPE_MULTISET && !key) {
            of = &count;
        }
        items[i] = random_value(r, of, a, !key);
    }
    return (struct value){.items = items, .len = (uint32_t)n, .state = VALUE_SET};
}

static inline struct value random_real(struct parquet_random *r, bool wide)
{
    static const double edges[] = {0.0, -0.0, 1.5, -1e30, HUGE_VAL, -HUGE_VAL, (double)NAN};
    double d =
        random_below(r, 3) == 0 ? edges[random_below(r, 7)] : (double)(int64_t)random_next(r) / 1e6;
    return wide ? (struct value){.f8 = d, .state = VALUE_SET}
                : (struct value){.f4 = (float)d, .state = VALUE_SET};
}

static inline struct value random_value(struct parquet_random *r, const struct type *t,
                                        struct arena *a, bool may_be_null)
{
    static const uint8_t bits[] = {[TYPE_BOOLEAN] = 1, [TYPE_TINYINT] = 8, [TYPE_SMALLINT] = 16,
                                   [TYPE_INT] = 32,    [TYPE_BIGINT] = 64, [TYPE_ROW] = 0};
    struct value v = {.state = VALUE_SET};
    if (may_be_null && t->nullable && random_below(r, 4) == 0) {
        return (struct value){.state = VALUE_NULL};
    }
    if (t->kind <= TYPE_BIGINT) {
        v.i = t->kind == TYPE_BOOLEAN ? (int64_t)random_below(r, 2) : random_int(r, bits[t->kind]);
    } else if (t->kind == TYPE_FLOAT || t->kind == TYPE_DOUBLE) {
        v = random_real(r, t->kind == TYPE_DOUBLE);
    } else if (t->kind == TYPE_DECIMAL) {
        v = random_decimal(r, t, a);
    } else if (type_is_text(t) || type_is_bytes(t)) {
        v = random_bytes(r, t, a);
    } else if (t->kind == TYPE_DATE) {
        v.i = (int64_t)random_below(r, 3652059) - 719162;
    } else if (t->kind == TYPE_TIME) {
        v.i = (int64_t)random_below(r, 86400000);
    } else if (t->kind == TYPE_TIMESTAMP || t->kind == TYPE_TIMESTAMP_LTZ) {
        v = random_timestamp(r, t);
    } else {
        v = random_items(r, t, a);
    }
    return v;
}
