#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "agent/row_parse.h"

static struct type type_of(const char *text)
{
    struct type t;
    struct error err = {0};
    if (!type_parse(str_of(text), &t, &err)) {
        fail_msg("%s: %s", text, err.text);
    }
    return t;
}

static bool parse(const struct type *t, const char *json, struct arena *a, struct value *out,
                  struct error *err)
{
    struct json_doc *doc = NULL;
    assert_true(json_parse(str_of(json), &doc, err));
    struct value v = {0};
    bool ok = row_parse_value(t, json_root(doc), a, &v, err);
    if (ok) {
        struct schema_field f = {.type = *t};
        *out = *row_copy(a, &f, 1, &v); /* values may point into the document */
    }
    json_free(doc);
    return ok;
}

/* What is read is printed as `wanted`. */
static void check(const struct type *t, const char *json, const char *wanted)
{
    struct arena a = {0};
    struct error err = {0};
    struct buf text = BUF_INIT(10000);
    struct value v;
    if (!parse(t, json, &a, &v, &err)) {
        fail_msg("%s: %s", json, err.text);
    }
    value_print_json(t, &v, &text);
    assert_string_equal(buf_cstr(&text), wanted);
    buf_release(&text);
    arena_release(&a);
}

static void refuse(const struct type *t, const char *json, const char *words)
{
    struct arena a = {0};
    struct error err = {0};
    struct value v;
    if (parse(t, json, &a, &v, &err)) {
        fail_msg("%s was taken", json);
    }
    assert_int_equal(err.code, FAIL_CONFIG);
    if (strstr(err.text, words) == NULL) {
        fail_msg("%s: \"%s\" does not say \"%s\"", json, err.text, words);
    }
    arena_release(&a);
}

static void canonical_texts(void **state)
{
    static const char *const cases[][2] = {
        {"BOOLEAN", "true"},
        {"BOOLEAN", "false"},
        {"TINYINT", "-128"},
        {"TINYINT", "127"},
        {"SMALLINT", "-32768"},
        {"INT", "2147483647"},
        {"BIGINT", "-9223372036854775808"},
        {"BIGINT", "9223372036854775807"},
        {"FLOAT", "3.40282347e+38"},
        {"FLOAT", "1.40129846e-45"},
        {"FLOAT", "-0"},
        {"FLOAT", "\"NaN\""},
        {"DOUBLE", "\"-Infinity\""},
        {"DOUBLE", "\"Infinity\""},
        {"DOUBLE", "1.7976931348623157e+308"},
        {"DOUBLE", "4.9406564584124654e-324"},
        {"DOUBLE", "0.10000000000000001"},
        {"DOUBLE", "-0"},
        {"DECIMAL(4,2)", "\"-99.99\""},
        {"DECIMAL(18,0)", "\"999999999999999999\""},
        {"DECIMAL(38,5)", "\"-999999999999999999999999999999999.99999\""},
        {"STRING", "\"a\\\"b\\\\ \\u0001 \xc3\xa4 \xf0\x9f\x98\x80\""},
        {"CHAR(3)", "\"\""},
        {"BYTES", "\"00ff7f80\""},
        {"BINARY(2)", "\"\""},
        {"DATE", "\"1969-12-31\""},
        {"DATE", "\"2024-02-29\""},
        {"DATE", "\"+10000-01-01\""},
        {"DATE", "\"-0001-12-31\""},
        {"TIME(3)", "\"23:59:59.999\""},
        {"TIMESTAMP(9)", "\"1969-12-31T23:59:59.999999999\""},
        {"TIMESTAMP(6)", "\"2024-02-29T12:34:56.789012000\""},
        {"TIMESTAMP(0)", "\"0001-01-01T00:00:00.000000000\""},
        {"TIMESTAMP(6) WITH LOCAL TIME ZONE", "\"1950-06-07T08:09:10.000001000Z\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct type t = type_of(cases[i][0]);
        check(&t, cases[i][1], cases[i][1]);
        check(&t, "null", "null");
    }
}

static void other_texts(void **state)
{
    static const char *const cases[][3] = {
        {"INT", "\"-17\"", "-17"},
        {"DECIMAL(10,2)", "5", "\"5.00\""},
        {"DECIMAL(38,37)", "-9", "\"-9.0000000000000000000000000000000000000\""},
        {"DECIMAL(10,2)", "\"1.5\"", "\"1.50\""},
        {"DOUBLE", "7", "7"},
        {"DATE", "-1", "\"1969-12-31\""},
        {"TIME(3)", "1", "\"00:00:00.001\""},
        {"TIME(0)", "\"12:34\"", "\"12:34:00.000\""},
        {"TIMESTAMP(3)", "\"2024-01-01 00:00\"", "\"2024-01-01T00:00:00.000000000\""},
        {"TIMESTAMP(3)", "\"2024-01-01T00:00:00.5\"", "\"2024-01-01T00:00:00.500000000\""},
        {"TIMESTAMP(3) WITH LOCAL TIME ZONE", "\"2024-01-01T00:00:00\"",
         "\"2024-01-01T00:00:00.000000000Z\""},
        {"BYTES", "\"AbCd\"", "\"abcd\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct type t = type_of(cases[i][0]);
        check(&t, cases[i][1], cases[i][2]);
    }
}

static void wrong_texts(void **state)
{
    static const char *const cases[][2] = {
        {"BOOLEAN", "1"},
        {"TINYINT", "128"},
        {"TINYINT", "-129"},
        {"SMALLINT", "32768"},
        {"INT", "2147483648"},
        {"INT", "1.5"},
        {"INT", "\"\""},
        {"INT", "\"1 \""},
        {"BIGINT", "9223372036854775808"},
        {"FLOAT", "3.5e38"},
        {"FLOAT", "\"nan\""},
        {"DOUBLE", "\"1.5\""},
        {"DECIMAL(4,2)", "\"100.00\""},
        {"DECIMAL(4,2)", "\"1.005\""},
        {"DECIMAL(4,2)", "100"},
        {"DECIMAL(38,37)", "10"},
        {"DECIMAL(4,2)", "1.5"},
        {"DECIMAL(4,2)", "\"\""},
        {"STRING", "5"},
        {"BYTES", "\"0\""},
        {"BYTES", "\"0g\""},
        {"DATE", "\"2023-02-29\""},
        {"DATE", "\"2024-13-01\""},
        {"DATE", "\"2024-00-01\""},
        {"DATE", "\"2024-01-01 \""},
        {"DATE", "\"24-01-01\""},
        {"DATE", "2147483648"},
        {"TIME(3)", "\"24:00:00\""},
        {"TIME(3)", "\"12:60:00\""},
        {"TIME(3)", "86400000"},
        {"TIME(3)", "-1"},
        {"TIME(3)", "\"12:34:56.7891\""},
        {"TIMESTAMP(3)", "\"2024-01-01T00:00:00.0001\""},
        {"TIMESTAMP(6)", "\"2024-01-01T00:00:00.0000001\""},
        {"TIMESTAMP(0)", "\"1969-12-31T23:59:59.9\""},
        {"TIMESTAMP(6)", "\"2024-01-01\""},
        {"TIMESTAMP(6)", "\"2024-01-01T00:00:00Z\""},
        {"TIMESTAMP(6)", "\"2024-01-01T00:00:00.\""},
        {"TIMESTAMP(6)", "5"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct type t = type_of(cases[i][0]);
        refuse(&t, cases[i][1], "no ");
    }
}

static void nested(void **state)
{
    static const struct type number = {.kind = TYPE_INT, .nullable = true};
    static const struct type day = {.kind = TYPE_DATE, .nullable = true};
    static const struct type text = {
        .kind = TYPE_VARCHAR, .nullable = true, .length = TYPE_MAX_LENGTH};
    struct type_field fields[] = {{.id = 1, .name = STR("x"), .type = &number},
                                  {.id = 2, .name = STR("y"), .type = &text}};
    struct type row = {.kind = TYPE_ROW, .nullable = true, .fields = fields, .field_count = 2};
    struct type rows = {.kind = TYPE_ARRAY, .nullable = true, .element = &row};
    struct type map = {.kind = TYPE_MAP, .nullable = true, .key = &text, .element = &rows};
    struct type days = {.kind = TYPE_MAP, .nullable = true, .key = &day, .element = &number};
    struct type bag = {.kind = TYPE_MULTISET, .nullable = true, .element = &text};
    (void)state;
    check(&row, "{\"y\":\"a\"}", "{\"x\":null,\"y\":\"a\"}");
    check(&rows, "[{\"x\":1,\"y\":null},null]", "[{\"x\":1,\"y\":null},null]");
    check(&rows, "[]", "[]");
    check(&map, "[[\"k\",[{\"x\":1,\"y\":null}]],[\"a\",null]]",
          "[[\"a\",null],[\"k\",[{\"x\":1,\"y\":null}]]]");
    check(&map, "{\"k\":[]}", "[[\"k\",[]]]");
    check(&days, "{\"2024-02-29\":3}", "[[\"2024-02-29\",3]]");
    check(&bag, "[[\"a\",2]]", "[[\"a\",2]]");
    check(&bag, "{\"a\":2}", "[[\"a\",2]]");
    refuse(&row, "[1]", "no ROW");
    refuse(&row, "{\"z\":1}", "no column 'z'");
    refuse(&row, "{\"x\":\"q\"}", "column 'x'");
    refuse(&rows, "{}", "no ARRAY");
    refuse(&rows, "[{\"x\":1},{\"x\":true}]", "item 1");
    refuse(&map, "[[\"k\"]]", "pair 0");
    refuse(&map, "[[\"k\",[],3]]", "pair 0");
    refuse(&map, "[3]", "pair 0");
    refuse(&map, "3", "no MAP");
    refuse(&days, "{\"2023-02-29\":3}", "pair 0");
    refuse(&bag, "[[\"a\",2147483648]]", "pair 0");
}

static void rows_and_kinds(void **state)
{
    struct arena a = {0};
    struct error err = {0};
    struct json_doc *doc = NULL;
    struct schema_field fields[] = {
        {.id = 0, .name = STR("a"), .type = {.kind = TYPE_INT, .nullable = true}},
        {.id = 1, .name = STR("b"), .type = {.kind = TYPE_BOOLEAN, .nullable = true}}};
    struct value values[2] = {{.i = 9, .state = VALUE_SET}, {.i = 9, .state = VALUE_SET}};
    enum row_kind kind;
    (void)state;
    assert_true(json_parse(STR("{\"b\":true}"), &doc, &err));
    assert_true(row_parse(fields, 2, json_root(doc), &a, values, &err));
    assert_int_equal(values[0].state, VALUE_NULL);
    assert_int_equal(values[1].i, 1);
    json_free(doc);
    assert_true(json_parse(STR("[1]"), &doc, &err));
    assert_false(row_parse(fields, 2, json_root(doc), &a, values, &err));
    json_free(doc);
    assert_true(row_parse_kind(STR("-U"), &kind, &err) && kind == ROW_UPDATE_BEFORE);
    assert_true(row_parse_kind(STR("-D"), &kind, &err) && kind == ROW_DELETE);
    assert_false(row_parse_kind(STR("U"), &kind, &err));
    assert_non_null(strstr(err.text, "\"U\""));
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_texts), cmocka_unit_test(other_texts),
        cmocka_unit_test(wrong_texts),     cmocka_unit_test(nested),
        cmocka_unit_test(rows_and_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
