#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/mem.h"
#include "sink/aggregate.h"

struct column {
    struct schema *schema;
    struct aggregate aggregate;
    struct arena arena;
    bool seen;
    struct error err;
};

/* One column v of the type, with its function. */
static void column_init(struct column *c, struct type type, const char *function)
{
    memset(c, 0, sizeof(*c));
    c->schema = schema_new();
    c->schema->fields = ARENA_ARRAY(&c->schema->arena, struct schema_field, 1);
    c->schema->fields[0] = (struct schema_field){.name = STR("v"), .type = type};
    c->schema->field_count = 1;
    if (!aggregate_new(c->schema, 0, str_of(function), &c->arena, &c->aggregate, &c->err)) {
        fail_msg("%s", c->err.text);
    }
}

static void column_release(struct column *c)
{
    arena_release(&c->arena);
    schema_free(c->schema);
}

static struct aggregate_step step(struct column *c)
{
    return (struct aggregate_step){&c->aggregate, &c->arena, &c->seen};
}

static uint64_t seed = UINT64_C(0x5eed5eed5eed5eed);
static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Numbers of few digits, so that 128 bits hold what 256 are made for. */
static struct value decimal(const struct type *t, int128 v, struct arena *arena)
{
    return t->precision > 18 ? (struct value){.wide = aggregate_wide(arena, v), .state = VALUE_SET}
                             : (struct value){.i = (int64_t)v, .state = VALUE_SET};
}

static int128 round_half_up(int128 v, int128 by)
{
    int128 whole = (v < 0 ? -v : v) / by;
    int128 rest = (v < 0 ? -v : v) % by;
    whole += rest * 2 >= by ? 1 : 0;
    return v < 0 ? -whole : whole;
}

static void products_of_decimals(void **state)
{
    (void)state;
    static const uint8_t precisions[] = {9, 18, 19, 38};
    for (size_t p = 0; p < 4; p++) {
        for (uint8_t scale = 0; scale <= 9; scale++) {
            struct column c;
            struct type type = {
                .kind = TYPE_DECIMAL, .precision = precisions[p], .scale = scale, .nullable = true};
            column_init(&c, type, "product");
            struct aggregate_step s = step(&c);
            for (int i = 0; i < 300; i++) {
                int128 a = (int128)(next_random() % 1999999999) - 999999999;
                int128 b = (int128)(next_random() % 1999999999) - 999999999;
                struct value x = decimal(&type, a, &c.arena);
                struct value y = decimal(&type, b, &c.arena);
                struct value out;
                int128 want = round_half_up(a * b, decimal_pow10(scale));
                assert_true(aggregate_add(&s, &x, &y, &out, &c.err));
                assert_int_equal(out.state == VALUE_SET, decimal_fits(want, type.precision));
                if (out.state == VALUE_SET) {
                    assert_true(value_decimal(&out, &type) == want);
                }
                /* a·b/b is a where the product was exact */
                bool exact = a * b % decimal_pow10(scale) == 0 && b != 0;
                if (out.state == VALUE_SET && exact) {
                    struct value back;
                    assert_true(aggregate_retract(&s, &out, &y, &back, &c.err));
                    assert_true(value_decimal(&back, &type) == a);
                }
            }
            column_release(&c);
        }
    }
}

/* (10^38 - 1)² / 10^38 and its like: the whole width. */
static void widest_products(void **state)
{
    (void)state;
    struct column c;
    struct type type = {.kind = TYPE_DECIMAL, .precision = 38, .scale = 38, .nullable = true};
    column_init(&c, type, "product");
    struct aggregate_step s = step(&c);
    int128 most = decimal_pow10(38) - 1;
    struct value x = decimal(&type, most, &c.arena);
    struct value y = decimal(&type, -most, &c.arena);
    struct value out;
    assert_true(aggregate_add(&s, &x, &x, &out, &c.err));
    assert_true(*out.wide == most - 1); /* 0.99…98 00…01, rounded */
    assert_true(aggregate_add(&s, &x, &y, &out, &c.err));
    assert_true(*out.wide == 1 - most);
    column_release(&c);
}

/* 5 and 9 in an array; 20 to 29 in a run. */
static const unsigned char one_array[] = {0x3a, 0x30, 0,  0, 1, 0, 0, 0, 0, 0,
                                          1,    0,    16, 0, 0, 0, 5, 0, 9, 0};
static const unsigned char one_run[] = {0x3b, 0x30, 0, 0, 1, 0, 0, 9, 0, 1, 0, 20, 0, 9, 0};

static struct value bytes_of(const void *bytes, size_t len)
{
    return (struct value){.bytes = bytes, .len = (uint32_t)len, .state = VALUE_SET};
}

static void damaged_bitmaps(void **state)
{
    (void)state;
    struct column c;
    struct type type = {.kind = TYPE_VARBINARY, .length = TYPE_MAX_LENGTH, .nullable = true};
    column_init(&c, type, "rbm32");
    struct aggregate_step s = step(&c);
    struct value x = bytes_of(one_array, sizeof(one_array));
    struct value y = bytes_of(one_run, sizeof(one_run));
    struct value good;
    if (!aggregate_add(&s, &x, &y, &good, &c.err)) {
        fail_msg("%s", c.err.text);
    }
    int refused = 0;
    const struct value inputs[] = {x, y, good};
    for (size_t k = 0; k < 3; k++) {
        char *copy = mem_dup(inputs[k].bytes, inputs[k].len);
        struct value out;
        for (size_t i = 0; i < inputs[k].len; i++) { /* cut, then each bit turned round */
            char *cut = mem_dup(copy, i);            /* to its end, for the sanitizer */
            struct value v = bytes_of(cut, i);
            assert_false(aggregate_add(&s, &v, &x, &out, &c.err));
            assert_int_equal(c.err.code, FAIL_CORRUPT);
            assert_non_null(strstr(c.err.text, "column v"));
            mem_free(cut);
            for (int bit = 0; bit < 8; bit++) {
                copy[i] = (char)(copy[i] ^ 1 << bit);
                v = bytes_of(copy, inputs[k].len);
                refused += aggregate_add(&s, &v, &x, &out, &c.err) ? 0 : 1;
                copy[i] = (char)(copy[i] ^ 1 << bit);
            }
        }
        mem_free(copy);
    }
    assert_true(refused > 100);
    column_release(&c);
}

/* Retractions that no function takes, and that each ignores when told so. */
static void retractions(void **state)
{
    (void)state;
    static const char *const without[] = {"max", "min", "first_value", "first_non_null_value"};
    struct value one = {.i = 1, .state = VALUE_SET};
    struct value two = {.i = 2, .state = VALUE_SET};
    struct value out;
    for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
        struct column c;
        column_init(&c, (struct type){.kind = TYPE_INT, .nullable = true}, without[i]);
        struct aggregate_step s = step(&c);
        assert_false(aggregate_retracts(&c.aggregate));
        assert_false(aggregate_retract(&s, &one, &two, &out, &c.err));
        assert_int_equal(c.err.code, FAIL_SCHEMA);
        assert_non_null(strstr(c.err.text, without[i]));
        c.aggregate.ignore_retract = true;
        assert_true(aggregate_retracts(&c.aggregate));
        assert_true(aggregate_retract(&s, &one, &two, &out, &c.err));
        assert_int_equal(out.i, 1);
        column_release(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_of_decimals),
        cmocka_unit_test(widest_products),
        cmocka_unit_test(damaged_bitmaps),
        cmocka_unit_test(retractions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
