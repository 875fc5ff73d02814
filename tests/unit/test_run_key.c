#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/decimal.h"
#include "base/mem.h"
#include "sink/run_key.h"

static struct value number(int64_t i)
{
    return (struct value){.i = i, .state = VALUE_SET};
}
static struct value text(const char *bytes, size_t len)
{
    return (struct value){.bytes = bytes, .len = (uint32_t)len, .state = VALUE_SET};
}

/* values ascend: prefixes must not descend, and fixed-width forms must ascend strictly. */
static void expect_ascending(struct type type, const struct value *values, size_t count)
{
    struct schema_field field = {.type = type};
    struct data_file_layout layout = {.fields = &field, .count = 1, .key_count = 1};
    bool exact = run_key_prefix_is_exact(&layout);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = i + 1; k < count; k++) {
            assert_true(run_key_compare(&layout, &values[i], &values[k]) < 0);
            assert_true(run_key_compare(&layout, &values[k], &values[i]) > 0);
            uint64_t a = run_key_prefix(&layout, &values[i]);
            uint64_t b = run_key_prefix(&layout, &values[k]);
            assert_true(exact ? a < b : a <= b);
            if (run_key_width(&type) > 0) {
                assert_true(run_key_normalize(&type, &values[i]) <
                            run_key_normalize(&type, &values[k]));
            }
        }
        assert_int_equal(run_key_compare(&layout, &values[i], &values[i]), 0);
        struct run_key_copy copy = {0};
        run_key_copy_set(&copy, &layout, &values[i]);
        run_key_copy_set(&copy, &layout, &values[count - 1]);
        run_key_copy_set(&copy, &layout, &values[i]);
        assert_int_equal(run_key_compare(&layout, copy.values, &values[i]), 0);
        run_key_copy_release(&copy);
        run_key_copy_release(&copy);

        struct arena arena = {0};
        struct error err;
        struct value back;
        struct str bytes = run_key_serialize(&layout, &values[i], &arena);
        if (!run_key_parse(&layout, bytes, &arena, &back, &err)) {
            fail_msg("value %zu of type %d: %s", i, (int)type.kind, err.text);
        }
        assert_int_equal(run_key_compare(&layout, &back, &values[i]), 0);
        bytes.len /= 2;
        assert_false(run_key_parse(&layout, bytes, &arena, &back, &err));
        assert_int_equal(err.code, FAIL_CORRUPT);
        arena_release(&arena);
    }
}

static void integers(void **state)
{
    (void)state;
    const struct value small[] = {number(-128), number(-1), number(0), number(1), number(127)};
    expect_ascending((struct type){.kind = TYPE_TINYINT}, small, 5);
    expect_ascending((struct type){.kind = TYPE_SMALLINT}, small, 5);
    const struct value ints[] = {number(INT32_MIN), number(-1), number(0), number(INT32_MAX)};
    expect_ascending((struct type){.kind = TYPE_INT}, ints, 4);
    expect_ascending((struct type){.kind = TYPE_DATE}, ints, 4);
    const struct value longs[] = {number(INT64_MIN), number(INT32_MIN), number(-1),
                                  number(0),         number(1),         number(INT64_MAX)};
    expect_ascending((struct type){.kind = TYPE_BIGINT}, longs, 6);
    expect_ascending((struct type){.kind = TYPE_TIMESTAMP, .precision = 3}, longs, 6);
    const struct value bools[] = {number(0), number(1)};
    expect_ascending((struct type){.kind = TYPE_BOOLEAN}, bools, 2);
    const struct value decimals[] = {number(-999999999999999999), number(-1), number(0),
                                     number(999999999999999999)};
    expect_ascending((struct type){.kind = TYPE_DECIMAL, .precision = 18}, decimals, 4);
}

static void floats(void **state)
{
    (void)state;
    static const double ascending[] = {(double)-INFINITY, -1e300,     -1.5, -0.0, 0.0, 1e-300, 7,
                                       (double)INFINITY,  (double)NAN};
    struct value doubles[9];
    struct value singles[9];
    for (size_t i = 0; i < 9; i++) {
        doubles[i] = (struct value){.f8 = ascending[i], .state = VALUE_SET};
        float f = i == 1 ? -1e30f : i == 5 ? 1e-30f : (float)ascending[i];
        singles[i] = (struct value){.f4 = f, .state = VALUE_SET};
    }
    expect_ascending((struct type){.kind = TYPE_DOUBLE}, doubles, 9);
    expect_ascending((struct type){.kind = TYPE_FLOAT}, singles, 9);
}

static void wide_decimals(void **state)
{
    (void)state;
    for (uint8_t precision = 19; precision <= 38; precision++) {
        int128 most = decimal_pow10(precision) - 1;
        const int128 n[] = {-most, -most + 1, -((int128)1 << 62), -256,     -255, -1, 0,
                            1,     255,       (int128)1 << 62,    most - 1, most};
        struct value values[12];
        for (size_t i = 0; i < 12; i++) {
            values[i] = (struct value){.wide = &n[i], .state = VALUE_SET};
        }
        expect_ascending((struct type){.kind = TYPE_DECIMAL, .precision = precision}, values, 12);
    }
    /* BIGINT UNSIGNED keys: the prefix must tell near numbers apart, not only far ones */
    struct schema_field field = {.type = {.kind = TYPE_DECIMAL, .precision = 20}};
    struct data_file_layout layout = {.fields = &field, .count = 1, .key_count = 1};
    const int128 a = 1000;
    const int128 b = 2000;
    struct value x = {.wide = &a, .state = VALUE_SET};
    struct value y = {.wide = &b, .state = VALUE_SET};
    assert_true(run_key_prefix(&layout, &x) < run_key_prefix(&layout, &y));
    assert_false(run_key_prefix_is_exact(&layout));
    /* a number its type does not allow keeps its place */
    const int128 over = (int128)1 << 100;
    struct value z = {.wide = &over, .state = VALUE_SET};
    assert_true(run_key_prefix(&layout, &y) < run_key_prefix(&layout, &z));
}

static void texts(void **state)
{
    (void)state;
    const struct value values[] = {text("", 0),         text("\0", 1),        text("\0\0", 2),
                                   text("a", 1),        text("a\0", 2),       text("ab", 2),
                                   text("abcdefgh", 8), text("abcdefghi", 9), text("b", 1),
                                   text("\x7f", 1),     text("\xc3\xa9", 2),  text("\xff", 1)};
    expect_ascending((struct type){.kind = TYPE_VARCHAR, .length = 20}, values, 12);
    expect_ascending((struct type){.kind = TYPE_VARBINARY, .length = 20}, values, 12);
}

static void timestamps(void **state)
{
    (void)state;
    struct value values[] = {number(-1), number(-1), number(0), number(0), number(1)};
    values[1].len = 999999;
    values[3].len = 1;
    expect_ascending((struct type){.kind = TYPE_TIMESTAMP, .precision = 9}, values, 5);
    expect_ascending((struct type){.kind = TYPE_TIMESTAMP_LTZ, .precision = 6}, values, 5);
}

static void several_columns(void **state)
{
    (void)state;
    struct schema_field fields[] = {{.type = {.kind = TYPE_INT}},
                                    {.type = {.kind = TYPE_SMALLINT}},
                                    {.type = {.kind = TYPE_SMALLINT}},
                                    {.type = {.kind = TYPE_VARCHAR, .length = 9}}};
    struct data_file_layout layout = {.fields = fields, .count = 4, .key_count = 3};
    assert_true(run_key_prefix_is_exact(&layout));
    struct value a[] = {number(5), number(-3), number(9), text("x", 1)};
    struct value b[] = {number(5), number(-2), number(-9), text("a", 1)};
    assert_true(run_key_prefix(&layout, a) < run_key_prefix(&layout, b));
    layout.key_count = 4;
    assert_false(run_key_prefix_is_exact(&layout));
    b[1] = a[1];
    b[2] = a[2];
    assert_true(run_key_prefix(&layout, a) == run_key_prefix(&layout, b));
    assert_true(run_key_compare(&layout, a, b) > 0);
    fields[1].type.nullable = true;
    layout.key_count = 3;
    assert_false(run_key_prefix_is_exact(&layout));
    b[1].state = VALUE_NULL;
    assert_true(run_key_prefix(&layout, b) <= run_key_prefix(&layout, a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers), cmocka_unit_test(floats),     cmocka_unit_test(wide_decimals),
        cmocka_unit_test(texts),    cmocka_unit_test(timestamps), cmocka_unit_test(several_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
