#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "sink/binrow.h"
#include "sink/col_stats.h"

/* One column's statistics, read back from the rows. */
struct result {
    struct arena arena;
    struct value min, max;
    int64_t nulls;
};

static struct result finish(struct col_stats *c, const struct schema_field *field)
{
    struct result r = {.nulls = -7};
    struct error err = {0};
    struct buf min = BUF_INIT(1 << 20);
    struct buf max = BUF_INIT(1 << 20);
    col_stats_finish(c, &min, &max, &r.nulls);
    if (!binrow_parse(arena_str(&r.arena, buf_str(&min)), &field, 1, &r.arena, &r.min, &err) ||
        !binrow_parse(arena_str(&r.arena, buf_str(&max)), &field, 1, &r.arena, &r.max, &err)) {
        fail_msg("%s", err.text);
    }
    buf_release(&min);
    buf_release(&max);
    col_stats_free(c);
    return r;
}

static struct schema_field field_of(enum type_kind kind, unsigned precision)
{
    return (struct schema_field){
        .type = {.kind = kind, .nullable = true, .precision = (uint8_t)precision}};
}

static struct result of_texts(enum type_kind kind, size_t truncate, enum col_stats_mode mode,
                              const char *const *texts, size_t count)
{
    struct schema_field field = field_of(kind, 0);
    const struct schema_field *pointer = &field;
    struct col_stats *c = col_stats_new(&pointer, 1, mode, truncate);
    for (size_t i = 0; i < count; i++) {
        struct value v = {.state = texts[i] == NULL ? VALUE_NULL : VALUE_SET};
        v.bytes = texts[i];
        v.len = texts[i] == NULL ? 0 : (uint32_t)strlen(texts[i]);
        col_stats_add(c, &v);
    }
    return finish(c, &field);
}

static void expect_texts(size_t truncate, const char *const *texts, size_t count, const char *min,
                         const char *max)
{
    struct result r = of_texts(TYPE_VARCHAR, truncate, COL_STATS_TRUNCATE, texts, count);
    assert_int_equal(r.min.state, min == NULL ? VALUE_NULL : VALUE_SET);
    assert_int_equal(r.max.state, max == NULL ? VALUE_NULL : VALUE_SET);
    if (min != NULL &&
        (!str_eq(value_str(&r.min), str_of(min)) || !str_eq(value_str(&r.max), str_of(max)))) {
        fail_msg("'%.*s' … '%.*s', not '%s' … '%s'", STR_FMT(value_str(&r.min)),
                 STR_FMT(value_str(&r.max)), min, max);
    }
    arena_release(&r.arena);
}

#define TEXTS(truncate, min, max, ...)                                                             \
    do {                                                                                           \
        const char *const texts[] = {__VA_ARGS__};                                                 \
        expect_texts(truncate, texts, sizeof(texts) / sizeof(texts[0]), min, max);                 \
    } while (0)

static void texts_are_cut_and_raised(void **state)
{
    (void)state;
    TEXTS(16, "Two roads diverg", "Two roads diverh", "Two roads diverged in a wood");
    TEXTS(16, "a", "c", "b", "a", "c");
    TEXTS(16, "", "x", "x", "");
    TEXTS(3, "abc", "abd", "abc", "abcd"); /* the same beginning, one goes on: raised */
    TEXTS(3, "abc", "abd", "abcd", "abc");
    TEXTS(3, "abc", "abc", "abc");
    TEXTS(3, "abb", "abc", "abc", "abbz"); /* the greatest is whole: not raised */
    TEXTS(3, "a", "b", "a", "b", NULL);
    /* by characters, not bytes; unsigned order */
    TEXTS(3, "äöü", "äöý", "äöüß");
    TEXTS(2, "z", "\xc3\xa4", "z", "\xc3\xa4");
    /* the last one that can be raised, the rest dropped */
    TEXTS(2, "a\xf4\x8f\xbf\xbf", "b", "a\xf4\x8f\xbf\xbfx");
    /* none can: no bounds at all */
    TEXTS(2, NULL, NULL, "\xf4\x8f\xbf\xbf\xf4\x8f\xbf\xbfx", "a");
    /* not into the surrogates; to one byte more; to two, three, four bytes */
    TEXTS(1, "\xed\x9f\xbf", "\xee\x80\x80", "\xed\x9f\xbfx");
    TEXTS(1, "\x7f", "\xc2\x80", "\x7fx");
    TEXTS(1, "\xdf\xbf", "\xe0\xa0\x80", "\xdf\xbfx");
    TEXTS(1, "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xef\xbf\xbfx");
    /* bytes that are no UTF-8 do no harm */
    TEXTS(2, "a\xffz", "a\xffz", "a\xffz");
}

static void long_texts_and_equal_heads(void **state)
{
    (void)state;
    TEXTS(128, "12345678a", "12345678c", "12345678b", "12345678a", "12345678c");
    TEXTS(128, "1234567", "12345678", "12345678", "1234567");
    /* in ascending order, as keys come */
    struct schema_field field = field_of(TYPE_VARCHAR, 0);
    const struct schema_field *pointer = &field;
    struct col_stats *c = col_stats_new(&pointer, 1, COL_STATS_FULL, 0);
    char text[300];
    memset(text, 'k', sizeof(text));
    for (uint32_t len = 1; len <= 300; len++) {
        struct value v = {.bytes = text, .len = len, .state = VALUE_SET};
        col_stats_add(c, &v);
    }
    struct result r = finish(c, &field);
    assert_int_equal(r.min.len, 1);
    assert_int_equal(r.max.len, 300); /* full mode: never cut */
    arena_release(&r.arena);
}

static struct result of_values(struct schema_field *field, const struct value *values, size_t count)
{
    const struct schema_field *pointer = field;
    struct col_stats *c = col_stats_new(&pointer, 1, COL_STATS_TRUNCATE, 16);
    for (size_t i = 0; i < count; i++) {
        col_stats_add(c, &values[i]);
    }
    return finish(c, field);
}

static void numbers(void **state)
{
    (void)state;
    struct schema_field field = field_of(TYPE_BIGINT, 0);
    struct value ints[] = {{.i = 5, .state = VALUE_SET},
                           {.state = VALUE_NULL},
                           {.i = INT64_MIN, .state = VALUE_SET},
                           {.i = INT64_MAX, .state = VALUE_SET}};
    struct result r = of_values(&field, ints, 4);
    assert_int_equal(r.nulls, 1);
    assert_true(r.min.i == INT64_MIN && r.max.i == INT64_MAX);
    arena_release(&r.arena);
    r = of_values(&field, ints + 1, 1); /* nulls alone: no bounds */
    assert_int_equal(r.nulls, 1);
    assert_int_equal(r.min.state, VALUE_NULL);
    assert_int_equal(r.max.state, VALUE_NULL);
    arena_release(&r.arena);
    r = of_values(&field, ints, 0);
    assert_int_equal(r.nulls, 0);
    assert_int_equal(r.min.state, VALUE_NULL);
    arena_release(&r.arena);

    field = field_of(TYPE_DECIMAL, 38);
    int128 big = (int128)INT64_MAX * 1000;
    int128 small = -big;
    struct value wides[] = {{.wide = &big, .state = VALUE_SET},
                            {.wide = &small, .state = VALUE_SET}};
    r = of_values(&field, wides, 2);
    assert_true(*r.min.wide == small && *r.max.wide == big);
    arena_release(&r.arena);

    field = field_of(TYPE_TIMESTAMP, 6);
    struct value times[] = {{.i = -1, .len = 999000, .state = VALUE_SET},
                            {.i = -1, .len = 0, .state = VALUE_SET},
                            {.i = -1, .len = 1000, .state = VALUE_SET}};
    r = of_values(&field, times, 3);
    assert_true(r.min.i == -1 && r.min.len == 0 && r.max.i == -1 && r.max.len == 999000);
    arena_release(&r.arena);
}

static void floats(void **state)
{
    (void)state;
    struct schema_field field = field_of(TYPE_DOUBLE, 0);
    struct value v[] = {{.f8 = 0.0, .state = VALUE_SET},
                        {.f8 = -0.0, .state = VALUE_SET},
                        {.f8 = (double)NAN, .state = VALUE_SET},
                        {.f8 = -(double)INFINITY, .state = VALUE_SET}};
    struct result r = of_values(&field, v, 2); /* -0.0 < 0.0, as Java compares */
    assert_true(signbit(r.min.f8) && !signbit(r.max.f8));
    arena_release(&r.arena);
    r = of_values(&field, v, 3); /* NaN: no bounds */
    assert_int_equal(r.min.state, VALUE_NULL);
    assert_int_equal(r.max.state, VALUE_NULL);
    assert_int_equal(r.nulls, 0);
    arena_release(&r.arena);
    v[2] = v[3];
    r = of_values(&field, v, 3);
    assert_true(isinf(r.min.f8) && r.min.f8 < 0 && r.max.f8 == 0.0);
    arena_release(&r.arena);
    field = field_of(TYPE_FLOAT, 0);
    struct value f[] = {{.f4 = 1.1f, .state = VALUE_SET}, {.f4 = -2.2f, .state = VALUE_SET}};
    r = of_values(&field, f, 2);
    assert_true(r.min.f4 == -2.2f && r.max.f4 == 1.1f);
    arena_release(&r.arena);
}

static void modes_and_types_without_bounds(void **state)
{
    (void)state;
    const char *const texts[] = {"a", NULL};
    struct result r = of_texts(TYPE_VARBINARY, 16, COL_STATS_TRUNCATE, texts, 2);
    assert_int_equal(r.min.state, VALUE_NULL); /* Paimon up to 2.0 keeps none for bytes */
    assert_int_equal(r.nulls, 1);
    arena_release(&r.arena);
    r = of_texts(TYPE_VARCHAR, 16, COL_STATS_COUNTS, texts, 2);
    assert_int_equal(r.min.state, VALUE_NULL);
    assert_int_equal(r.nulls, 1);
    arena_release(&r.arena);
    r = of_texts(TYPE_VARCHAR, 16, COL_STATS_NONE, texts, 2);
    assert_int_equal(r.min.state, VALUE_NULL);
    assert_int_equal(r.nulls, -1);
    arena_release(&r.arena);
}

/* Whatever the texts: the bounds hold every one of them. */
static void bounds_hold_every_text(void **state)
{
    (void)state;
    uint64_t seed = 42;
    for (int round = 0; round < 2000; round++) {
        char texts[6][12];
        const char *pointers[6];
        for (size_t i = 0; i < 6; i++) {
            size_t len = 0;
            for (; len < 11; len++) {
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                unsigned pick = (unsigned)(seed >> 60);
                if (pick > 12) {
                    break;
                }
                texts[i][len] = pick < 9 ? "aab"[pick % 3] : (char)(1 + (seed >> 40) % 255);
            }
            texts[i][len] = '\0';
            pointers[i] = texts[i];
        }
        struct result r = of_texts(TYPE_VARCHAR, 4, COL_STATS_TRUNCATE, pointers, 6);
        for (size_t i = 0; i < 6 && r.min.state == VALUE_SET; i++) {
            assert_true(str_compare(value_str(&r.min), str_of(texts[i])) <= 0);
            assert_true(str_compare(str_of(texts[i]), value_str(&r.max)) <= 0);
        }
        arena_release(&r.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_cut_and_raised),
        cmocka_unit_test(long_texts_and_equal_heads),
        cmocka_unit_test(numbers),
        cmocka_unit_test(floats),
        cmocka_unit_test(modes_and_types_without_bounds),
        cmocka_unit_test(bounds_hold_every_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
