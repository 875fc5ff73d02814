#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "sink/format/avro_schema.h"

#define COLUMN(text, ...)                                                                          \
    {                                                                                              \
        .name = {(text), sizeof(text) - 1}, .type = { __VA_ARGS__ }                                \
    }

static const struct type int_type = {.kind = TYPE_INT, .nullable = true};
static const struct type key_type = {.kind = TYPE_INT};
static const struct type text_type = {.kind = TYPE_VARCHAR};
static const struct type_field inner[] = {{.name = {"x", 1}, .type = &int_type},
                                          {.name = {"y", 1}, .type = &text_type}};
static const struct type row_type = {
    .kind = TYPE_ROW, .nullable = true, .fields = inner, .field_count = 2};

/* Texts as Java 1.4.2 writes them (tests/golden/paimon/types, nested). */
static void printed_as_java_does(void **state)
{
    (void)state;
    static const struct schema_field fields[] = {
        COLUMN("_KEY_id", .kind = TYPE_INT),
        COLUMN("b", .kind = TYPE_BOOLEAN, .nullable = true),
        COLUMN("d", .kind = TYPE_DECIMAL, .nullable = true, .precision = 9, .scale = 2),
        COLUMN("t", .kind = TYPE_TIME, .precision = 3),
        COLUMN("day", .kind = TYPE_DATE),
        COLUMN("ts3", .kind = TYPE_TIMESTAMP, .precision = 3),
        COLUMN("ts6", .kind = TYPE_TIMESTAMP, .precision = 4),
        COLUMN("l3", .kind = TYPE_TIMESTAMP_LTZ, .precision = 0),
        COLUMN("l6", .kind = TYPE_TIMESTAMP_LTZ, .precision = 6),
        COLUMN("a", .kind = TYPE_ARRAY, .nullable = true, .element = &int_type),
        COLUMN("m", .kind = TYPE_MAP, .key = &text_type, .element = &row_type),
        COLUMN("e", .kind = TYPE_MAP, .key = &key_type, .element = &row_type),
        COLUMN("q\"", .kind = TYPE_VARBINARY),
    };
    struct buf b = BUF_INIT(1 << 16);
    avro_schema_print(fields, sizeof(fields) / sizeof(fields[0]), &b);
    assert_string_equal(
        buf_cstr(&b),
        "{\"type\":\"record\",\"name\":\"record\",\"namespace\":"
        "\"org.apache.paimon.avro.generated\",\"fields\":["
        "{\"name\":\"_KEY_id\",\"type\":\"int\"},"
        "{\"name\":\"b\",\"type\":[\"null\",\"boolean\"],\"default\":null},"
        "{\"name\":\"d\",\"type\":[\"null\",{\"type\":\"bytes\",\"logicalType\":\"decimal\","
        "\"precision\":9,\"scale\":2}],\"default\":null},"
        "{\"name\":\"t\",\"type\":{\"type\":\"int\",\"logicalType\":\"time-millis\"}},"
        "{\"name\":\"day\",\"type\":{\"type\":\"int\",\"logicalType\":\"date\"}},"
        "{\"name\":\"ts3\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}},"
        "{\"name\":\"ts6\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}},"
        "{\"name\":\"l3\",\"type\":{\"type\":\"long\",\"logicalType\":"
        "\"local-timestamp-millis\"}},"
        "{\"name\":\"l6\",\"type\":{\"type\":\"long\",\"logicalType\":"
        "\"local-timestamp-micros\"}},"
        "{\"name\":\"a\",\"type\":[\"null\",{\"type\":\"array\",\"items\":[\"null\",\"int\"]}],"
        "\"default\":null},"
        "{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":[\"null\",{\"type\":\"record\","
        "\"name\":\"record_m\",\"fields\":[{\"name\":\"x\",\"type\":[\"null\",\"int\"],"
        "\"default\":null},{\"name\":\"y\",\"type\":\"string\"}]}]}},"
        "{\"name\":\"e\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":"
        "\"record_e\",\"fields\":[{\"name\":\"key\",\"type\":\"int\"},{\"name\":\"value\","
        "\"type\":[\"null\",{\"type\":\"record\",\"name\":\"record_e_value\",\"fields\":[{"
        "\"name\":\"x\",\"type\":[\"null\",\"int\"],\"default\":null},{\"name\":\"y\",\"type\":"
        "\"string\"}]}],\"default\":null}]},\"logicalType\":\"map\"}},"
        "{\"name\":\"q\\\"\",\"type\":\"bytes\"}]}");
    struct arena a = {0};
    struct error err = {0};
    const struct avro_node *n;
    assert_true(avro_schema_parse(buf_str(&b), &a, &n, &err)); /* and we read what we print */
    assert_int_equal(n->count, sizeof(fields) / sizeof(fields[0]));
    assert_int_equal(n->children[7]->logical, AVRO_TIMESTAMP_MILLIS);
    assert_int_equal(n->children[2]->children[1]->scale, 2);
    arena_release(&a);
    buf_release(&b);
}

static void types_beyond_avro(void **state)
{
    (void)state;
    static const struct type fine = {.kind = TYPE_TIMESTAMP, .precision = 9};
    static const struct schema_field bad[] = {
        COLUMN("c", .kind = TYPE_TIMESTAMP, .precision = 7),
        COLUMN("c", .kind = TYPE_TIMESTAMP_LTZ, .precision = 9),
        COLUMN("c", .kind = TYPE_TIME, .precision = 4),
        COLUMN("c", .kind = TYPE_MULTISET, .element = &int_type),
        COLUMN("c", .kind = TYPE_ARRAY, .element = &fine),
    };
    struct error err = {0};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(avro_schema_check(&bad[i], 1, &err));
        assert_int_equal(err.code, FAIL_SCHEMA);
        assert_non_null(strstr(err.text, "'c'"));
    }
    static const struct schema_field good = COLUMN("c", .kind = TYPE_TIMESTAMP, .precision = 6);
    assert_true(avro_schema_check(&good, 1, &err));
}

static void parsed(void **state)
{
    (void)state;
    struct arena a = {0};
    struct error err = {0};
    const struct avro_node *n;
    assert_true(avro_schema_parse(
        STR("{\"type\":\"record\",\"name\":\"x.y.R\",\"fields\":["
            "{\"name\":\"f\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}},"
            "{\"name\":\"g\",\"type\":\"x.y.F\"},"
            "{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}},"
            "{\"name\":\"o\",\"type\":{\"type\":{\"type\":\"long\",\"logicalType\":\"new\"}}},"
            "{\"name\":\"n\",\"type\":\"null\"}]}"),
        &a, &n, &err));
    assert_int_equal(n->children[1]->size, 3); /* by its name */
    assert_int_equal(n->children[3]->logical, AVRO_PLAIN);
    assert_int_equal(n->min_bytes, 3 + 3 + 1 + 1 + 0);
    struct reader r = reader_over(STR("abcdef\0\x02z"), "row");
    avro_schema_skip(n, &r);
    assert_false(r.failed);
    assert_true(str_eq(r.rest, STR("z")));
    arena_release(&a);
}

static void absurd_ones(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum fail code;
    } cases[] = {
        {"", FAIL_CORRUPT},
        {"7", FAIL_CORRUPT},
        {"null", FAIL_CORRUPT},
        {"\"strange\"", FAIL_CORRUPT},
        {"[]", FAIL_CORRUPT},
        {"[[\"int\"]]", FAIL_CORRUPT},
        {"{\"type\":\"record\",\"name\":\"r\"}", FAIL_CORRUPT},
        {"{\"type\":\"record\",\"fields\":[]}", FAIL_CORRUPT},
        {"{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\"}]}", FAIL_CORRUPT},
        {"{\"type\":\"array\"}", FAIL_CORRUPT},
        {"{\"type\":\"fixed\",\"name\":\"f\",\"size\":-1}", FAIL_CORRUPT},
        /* a list of itself */
        {"{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"next\",\"type\":[\"null\","
         "\"r\"]}]}",
         FAIL_CORRUPT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena a = {0};
        struct error err = {0};
        const struct avro_node *n = NULL;
        assert_false(avro_schema_parse(str_of(cases[i].json), &a, &n, &err));
        assert_int_equal(err.code, cases[i].code);
        assert_null(n);
        arena_release(&a);
    }
}

/* A small text may not mean a huge tree: deep ones, and types used twice of types used twice. */
static void limits(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(1 << 16);
    struct arena a = {0};
    struct error err = {0};
    const struct avro_node *n;
    for (int i = 0; i < 50; i++) {
        buf_put_cstr(&b, "{\"type\":\"array\",\"items\":");
    }
    buf_put_cstr(&b, "\"int\"");
    for (int i = 0; i < 50; i++) {
        buf_put_byte(&b, '}');
    }
    assert_false(avro_schema_parse(buf_str(&b), &a, &n, &err));
    assert_int_equal(err.code, FAIL_LIMIT);
    buf_reset(&b);
    buf_put_cstr(&b, "{\"type\":\"record\",\"name\":\"top\",\"fields\":[");
    buf_put_cstr(&b, "{\"name\":\"r0\",\"type\":{\"type\":\"record\",\"name\":\"t0\",\"fields\":"
                     "[{\"name\":\"n\",\"type\":\"null\"}]}}");
    for (int i = 1; i < 30; i++) {
        buf_printf(&b,
                   ",{\"name\":\"r%d\",\"type\":{\"type\":\"record\",\"name\":\"t%d\",\"fields\":"
                   "[{\"name\":\"a\",\"type\":\"t%d\"},{\"name\":\"b\",\"type\":\"t%d\"}]}}",
                   i, i, i - 1, i - 1);
    }
    buf_put_cstr(&b, "]}");
    assert_false(avro_schema_parse(buf_str(&b), &a, &n, &err));
    assert_int_equal(err.code, FAIL_LIMIT);
    arena_release(&a);
    buf_release(&b);
}

static void skipping_stays_inside(void **state)
{
    (void)state;
    static const struct {
        const char *schema;
        struct str bytes;
        bool ok;
    } cases[] = {
        {"\"string\"",
         {"\x06"
          "abc",
          4},
         true},
        {"\"string\"",
         {"\x08"
          "abc",
          4},
         false},
        {"\"string\"", {"\x01", 1}, false},
        {"\"long\"", {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11}, false},
        {"{\"type\":\"array\",\"items\":\"int\"}", {"\x04\x02\x02\x00", 4}, true},
        {"{\"type\":\"array\",\"items\":\"int\"}", {"\x03\x04\x02\x02\x00", 5}, true},
        {"{\"type\":\"array\",\"items\":\"int\"}", {"\x04\x02\x02", 3}, false},
        {"{\"type\":\"array\",\"items\":\"null\"}", {"\xfe\xff\xff\xff\x0f\x00", 6}, false},
        {"{\"type\":\"array\",\"items\":\"int\"}", {"\x03\x01\x00", 3}, false},
        {"{\"type\":\"map\",\"values\":\"boolean\"}", {"\x02\x02k\x01\x00", 5}, true},
        {"[\"null\",\"int\"]", {"\x04", 1}, false},
        {"[\"null\",\"int\"]", {"\x01", 1}, false},
        {"[\"null\",\"int\"]", {"\x02\x08", 2}, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena a = {0};
        struct error err = {0};
        const struct avro_node *n;
        assert_true(avro_schema_parse(str_of(cases[i].schema), &a, &n, &err));
        struct reader r = reader_over(cases[i].bytes, "value");
        avro_schema_skip(n, &r);
        if (reader_end(&r, &err) != cases[i].ok) {
            fail_msg("case %zu: %s", i, err.text);
        }
        arena_release(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printed_as_java_does),
        cmocka_unit_test(types_beyond_avro),
        cmocka_unit_test(parsed),
        cmocka_unit_test(absurd_ones),
        cmocka_unit_test(limits),
        cmocka_unit_test(skipping_stays_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
