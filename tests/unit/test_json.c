#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/json.h"

static struct json_doc *parse(const char *text)
{
    struct error err = {0};
    struct json_doc *doc = NULL;
    if (!json_parse(str_of(text), &doc, &err)) {
        fail_msg("%s: %s", text, err.text);
    }
    return doc;
}

static void values(void **state)
{
    (void)state;
    struct json_doc *doc = parse("{\"i\":-9223372036854775808,\"u\":9223372036854775807,"
                                 "\"big\":18446744073709551615,\"d\":1.5,\"b\":true,\"n\":null,"
                                 "\"s\":\"a\\u0000b\\u00e4\",\"o\":{},\"l\":[1,\"x\"]}");
    const struct json *root = json_root(doc);
    int64_t i = 42;
    bool b = false;
    struct str s;
    struct error err = {0};
    assert_true(json_i64(json_get(root, "i"), &i) && i == INT64_MIN);
    assert_true(json_i64(json_get(root, "u"), &i) && i == INT64_MAX);
    i = 42;
    assert_false(json_i64(json_get(root, "big"), &i));
    assert_false(json_i64(json_get(root, "d"), &i));
    assert_false(json_i64(json_get(root, "s"), &i));
    assert_int_equal(i, 42);
    assert_true(json_bool(json_get(root, "b"), &b) && b);
    assert_false(json_bool(json_get(root, "n"), &b));
    assert_true(json_str(json_get(root, "s"), &s) && str_eq(s, STR("a\0b\xc3\xa4")));
    assert_false(json_str(json_get(root, "i"), &s));
    assert_true(json_is_null(json_get(root, "n")) && json_is_null(json_get(root, "absent")));
    assert_false(json_is_null(json_get(root, "s")));
    assert_true(json_is_object(root) && json_is_array(json_get(root, "l")));
    assert_true(json_is_string(json_get(root, "s")));
    assert_int_equal(json_count(root), 9);
    assert_int_equal(json_count(json_get(root, "l")), 2);
    assert_int_equal(json_count(json_get(root, "s")), 0);
    assert_true(json_need_i64(root, "i", &i, &err) && json_need_str(root, "s", &s, &err));
    assert_false(json_need_i64(root, "absent", &i, &err));
    assert_int_equal(err.code, FAIL_CORRUPT);
    assert_string_equal(err.text, "member \"absent\" is missing");
    assert_false(json_need_str(root, "i", &s, &err));
    assert_string_equal(err.text, "member \"i\" is not a string");
    json_free(doc);
}

static void absent(void **state)
{
    (void)state;
    struct str s;
    int64_t i = 0;
    bool b = false;
    assert_null(json_get(NULL, "x"));
    assert_true(json_is_null(NULL));
    assert_false(json_is_object(NULL) || json_is_array(NULL) || json_is_string(NULL));
    assert_int_equal(json_count(NULL), 0);
    assert_false(json_str(NULL, &s) || json_i64(NULL, &i) || json_bool(NULL, &b));
    struct json_iter it = json_iter(NULL);
    const struct json *v = NULL;
    assert_false(json_next(&it, &s, &v));
    json_free(NULL);
}

static void walks(void **state)
{
    (void)state;
    struct json_doc *doc = parse("{\"a\":[1,[2,3],{\"x\":4}],\"b\":5,\"\":6}");
    struct json_iter it = json_iter(json_root(doc));
    struct str key;
    const struct json *v = NULL;
    int64_t i = 0;
    assert_true(json_next(&it, &key, &v) && str_eq(key, STR("a")) && json_count(v) == 3);
    struct json_iter inner = json_iter(v);
    assert_true(json_next(&inner, &key, &v) && key.len == 0 && json_i64(v, &i) && i == 1);
    assert_true(json_next(&inner, &key, &v) && json_count(v) == 2);
    assert_true(json_next(&inner, &key, &v) && json_is_object(v));
    assert_false(json_next(&inner, &key, &v));
    assert_true(json_next(&it, &key, &v) && str_eq(key, STR("b")) && json_i64(v, &i) && i == 5);
    assert_true(json_next(&it, &key, &v) && key.len == 0 && json_i64(v, &i) && i == 6);
    assert_false(json_next(&it, &key, &v));
    assert_false(json_next(&it, &key, &v));
    json_free(doc);
    doc = parse("[]");
    it = json_iter(json_root(doc));
    assert_false(json_next(&it, &key, &v));
    json_free(doc);
}

static void damaged(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    " ",        "{",   "{\"a\":}",  "[1,]",
                                      "nul", "\"\xff\"", "1 2", "{\"a\":1}x"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct error err = {0};
        struct json_doc *doc = NULL;
        assert_false(json_parse(str_of(bad[i]), &doc, &err));
        assert_null(doc);
        assert_int_equal(err.code, FAIL_CORRUPT);
    }
    struct error err = {0};
    struct json_doc *doc = NULL;
    assert_false(json_parse(STR("[1, x]"), &doc, &err));
    assert_non_null(strstr(err.text, "byte 4"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(values), cmocka_unit_test(absent),
                                       cmocka_unit_test(walks), cmocka_unit_test(damaged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
