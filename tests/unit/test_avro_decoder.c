#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "sink/format/avro_decoder.h"

#define COLUMN(text, ...)                                                                          \
    {                                                                                              \
        .name = {(text), sizeof(text) - 1}, .type = {.nullable = true, __VA_ARGS__ }               \
    }
#define RECORD(fields) "{\"type\":\"record\",\"name\":\"r\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"

struct decoded {
    struct arena arena;
    struct value values[4];
    bool ok;
    struct error err;
};

static struct decoded decode(const char *schema, const struct schema_field *fields, size_t count,
                             struct str bytes)
{
    struct decoded out = {.ok = false};
    const struct avro_node *n;
    struct avro_decoder *d;
    if (!avro_schema_parse(str_of(schema), &out.arena, &n, &out.err)) {
        fail_msg("%s", out.err.text);
    }
    if (!avro_decoder_new(n, fields, count, &d, &out.err)) {
        return out;
    }
    struct reader r = reader_over(bytes, "row");
    avro_decoder_row(d, &r, &out.arena, out.values);
    out.ok = reader_end(&r, &out.err);
    avro_decoder_free(d);
    return out;
}

/* Fields are found by name, in any order; those not asked for are passed over; missing ones stay
 * null. */
static void by_name(void **state)
{
    (void)state;
    static const struct schema_field fields[] = {COLUMN("a", .kind = TYPE_INT),
                                                 COLUMN("gone", .kind = TYPE_INT),
                                                 COLUMN("b", .kind = TYPE_VARCHAR)};
    struct decoded d = decode(
        RECORD(FIELD("b", "\"string\"") "," FIELD(
            "x", "{\"type\":\"array\",\"items\":"
                 "\"long\"}") "," FIELD("A", "\"int\"") "," FIELD("a", "[\"null\",\"int\"]")),
        fields, 3, (struct str){"\x04hi\x02\x0e\x00\x02\x02\x06", 9});
    assert_true(d.ok);
    assert_int_equal(d.values[0].i, 3);
    assert_int_equal(d.values[1].state, VALUE_NULL);
    assert_true(str_eq(value_str(&d.values[2]), STR("hi")));
    arena_release(&d.arena);
}

static void unions_anywhere(void **state)
{
    (void)state;
    static const struct schema_field a = COLUMN("a", .kind = TYPE_BIGINT);
    static const char three[] = RECORD(FIELD("a", "[\"int\",\"null\",\"long\",\"string\"]"));
    static const char last[] = RECORD(FIELD("a", "[\"long\",\"null\"]"));
    static const char one[] = RECORD(FIELD("a", "[\"long\"]"));
    static const char top[] = "[\"null\"," RECORD(FIELD("a", "\"long\"")) "]";
    static const struct {
        const char *schema;
        struct str bytes;
        bool ok, null;
    } cases[] = {
        {three, {"\x00\x08", 2}, true, false}, /* int for long */
        {three, {"\x04\x08", 2}, true, false},   {three, {"\x02", 1}, true, true},
        {three, {"\x06\x02x", 3}, false, false}, /* a text is no number */
        {three, {"\x08", 1}, false, false},      {three, {"\x01", 1}, false, false},
        {last, {"\x00\x08", 2}, true, false}, /* null in branch 1 */
        {last, {"\x02", 1}, true, true},         {last, {"\x04", 1}, false, false},
        {one, {"\x00\x08", 2}, true, false},     {top, {"\x02\x08", 2}, true, false},
        {top, {"\x00", 1}, false, false}, /* a row that is null */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct decoded d = decode(cases[i].schema, &a, 1, cases[i].bytes);
        if (d.ok != cases[i].ok) {
            fail_msg("case %zu", i);
        }
        if (d.ok) {
            assert_int_equal(d.values[0].state, cases[i].null ? VALUE_NULL : VALUE_SET);
            assert_true(cases[i].null || d.values[0].i == 4);
        } else {
            assert_int_equal(d.err.code, FAIL_CORRUPT);
        }
        arena_release(&d.arena);
    }
}

static void units_are_the_files(void **state)
{
    (void)state;
    static const struct {
        const char *schema;
        struct schema_field field;
        int64_t i;
        uint32_t len;
    } cases[] = {
        {RECORD(FIELD("t", "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}")),
         COLUMN("t", .kind = TYPE_TIMESTAMP, .precision = 3), -2, 1000},
        {RECORD(FIELD("t", "{\"type\":\"long\",\"logicalType\":\"local-timestamp-millis\"}")),
         COLUMN("t", .kind = TYPE_TIMESTAMP, .precision = 6), -1999, 0},
        {RECORD(FIELD("t", "\"long\"")), COLUMN("t", .kind = TYPE_TIMESTAMP_LTZ, .precision = 6),
         -2, 1000},
        {RECORD(FIELD("t", "\"long\"")), COLUMN("t", .kind = TYPE_TIMESTAMP_LTZ, .precision = 0),
         -1999, 0},
        {RECORD(FIELD("t", "{\"type\":\"long\",\"logicalType\":\"time-micros\"}")),
         COLUMN("t", .kind = TYPE_TIME, .precision = 3), -1, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct decoded d =
            decode(cases[i].schema, &cases[i].field, 1, (struct str){"\x9d\x1f", 2}); /* -1999 */
        assert_true(d.ok);
        assert_int_equal(d.values[0].i, cases[i].i);
        assert_int_equal(d.values[0].len, cases[i].len);
        arena_release(&d.arena);
    }
}

static void types_that_differ_are_named(void **state)
{
    (void)state;
    static const struct type ints = {.kind = TYPE_INT, .nullable = true};
    static const struct {
        const char *schema;
        struct schema_field field;
    } cases[] = {
        {RECORD(FIELD("c", "\"string\"")), COLUMN("c", .kind = TYPE_INT)},
        {RECORD(FIELD("c", "\"long\"")), COLUMN("c", .kind = TYPE_INT)},
        {RECORD(FIELD("c", "\"int\"")), COLUMN("c", .kind = TYPE_TIMESTAMP, .precision = 3)},
        {RECORD(FIELD("c", "\"int\"")), COLUMN("c", .kind = TYPE_BOOLEAN)},
        {RECORD(FIELD("c", "\"double\"")), COLUMN("c", .kind = TYPE_FLOAT)},
        {RECORD(FIELD("c", "\"null\"")), COLUMN("c", .kind = TYPE_VARCHAR)},
        {RECORD(FIELD("c", "[\"null\",\"int\",\"long\"]")), COLUMN("c", .kind = TYPE_VARCHAR)},
        {RECORD(FIELD("c", "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,"
                           "\"scale\":3}")),
         COLUMN("c", .kind = TYPE_DECIMAL, .precision = 9, .scale = 2)},
        {RECORD(FIELD("c", "{\"type\":\"array\",\"items\":\"string\"}")),
         COLUMN("c", .kind = TYPE_ARRAY, .element = &ints)},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct decoded d = decode(cases[i].schema, &cases[i].field, 1, STR(""));
        assert_false(d.ok);
        if (d.err.code != FAIL_SCHEMA || strstr(d.err.text, "'c'") == NULL) {
            fail_msg("case %zu: %s", i, d.err.text);
        }
        arena_release(&d.arena);
    }
    struct schema_field field = COLUMN("c", .kind = TYPE_INT);
    struct decoded d = decode("\"int\"", &field, 1, STR(""));
    assert_int_equal(d.err.code, FAIL_CORRUPT); /* no records at all */
    arena_release(&d.arena);
}

static void values_out_of_range(void **state)
{
    (void)state;
    static const struct {
        const char *schema;
        struct schema_field field;
        struct str bytes;
    } cases[] = {
        {RECORD(FIELD("c", "\"int\"")), COLUMN("c", .kind = TYPE_TINYINT), {"\x80\x02", 2}},
        {RECORD(FIELD("c", "\"int\"")), COLUMN("c", .kind = TYPE_INT), {"\x80\x80\x80\x80\x10", 5}},
        {RECORD(FIELD("c", "\"boolean\"")), COLUMN("c", .kind = TYPE_BOOLEAN), {"\x02", 1}},
        {RECORD(FIELD("c", "\"bytes\"")),
         COLUMN("c", .kind = TYPE_DECIMAL, .precision = 9),
         {"\x12\x01\x00\x00\x00\x00\x00\x00\x00\x00", 10}},
        {RECORD(FIELD("c", "\"bytes\"")),
         COLUMN("c", .kind = TYPE_DECIMAL, .precision = 9),
         {"\x00", 1}},
        {RECORD(FIELD("c", "\"bytes\"")), COLUMN("c", .kind = TYPE_VARBINARY), {"\x01", 1}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct decoded d = decode(cases[i].schema, &cases[i].field, 1, cases[i].bytes);
        if (d.ok || d.err.code != FAIL_CORRUPT) {
            fail_msg("case %zu", i);
        }
        arena_release(&d.arena);
    }
}

/* Items in many blocks, some with their size; counts that cannot be. */
static void blocks_of_items(void **state)
{
    (void)state;
    static const struct type element = {.kind = TYPE_INT, .nullable = true};
    static const struct schema_field field = COLUMN("c", .kind = TYPE_ARRAY, .element = &element);
    static const char schema[] = RECORD(FIELD("c", "{\"type\":\"array\",\"items\":\"int\"}"));
    struct buf b = BUF_INIT(1 << 20);
    for (int i = 0; i < 1000; i++) {
        buf_put_zigzag(&b, i % 2 == 0 ? 1 : -1);
        if (i % 2 == 1) {
            buf_put_zigzag(&b, i < 64 ? 1 : 2);
        }
        buf_put_zigzag(&b, i);
    }
    buf_put_zigzag(&b, 0);
    struct decoded d = decode(schema, &field, 1, buf_str(&b));
    assert_true(d.ok);
    assert_int_equal(d.values[0].len, 1000);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(d.values[0].items[i].i, i);
    }
    arena_release(&d.arena);
    static const char *const absurd[] = {"\xfe\xff\xff\xff\x0f", "\xfe\xff\xff\xff\xff\xff\xff\x7f",
                                         "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00"};
    for (size_t i = 0; i < 3; i++) {
        d = decode(schema, &field, 1, str_of(absurd[i]));
        assert_false(d.ok);
        arena_release(&d.arena);
    }
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_name),
        cmocka_unit_test(unions_anywhere),
        cmocka_unit_test(units_are_the_files),
        cmocka_unit_test(types_that_differ_are_named),
        cmocka_unit_test(values_out_of_range),
        cmocka_unit_test(blocks_of_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
