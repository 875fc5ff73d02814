#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/schema.h"
#include "base/type.h"

static void print_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;  /* what is parsed */
        const char *canon; /* what is printed; NULL: the same */
    } cases[] = {
        {"BOOLEAN", NULL},
        {"TINYINT NOT NULL", NULL},
        {"smallint", "SMALLINT"},
        {"INTEGER NOT NULL", "INT NOT NULL"},
        {"BIGINT", NULL},
        {"FLOAT", NULL},
        {"DOUBLE PRECISION NOT NULL", "DOUBLE NOT NULL"},
        {"DECIMAL(10, 2) NOT NULL", NULL},
        {"DECIMAL(38,38)", "DECIMAL(38, 38)"},
        {"decimal", "DECIMAL(10, 0)"},
        {"NUMERIC(5)", "DECIMAL(5, 0)"},
        {"CHAR", "CHAR(1)"},
        {"CHAR(2147483647)", NULL},
        {"VARCHAR(2147483647)", "STRING"},
        {"VARCHAR(10)  NOT   NULL", "VARCHAR(10) NOT NULL"},
        {"STRING NOT NULL", NULL},
        {"BINARY(16)", NULL},
        {"VARBINARY", "VARBINARY(1)"},
        {"BYTES", NULL},
        {"VARBINARY(2147483647)", "BYTES"},
        {"DATE", NULL},
        {"TIME", "TIME(0)"},
        {"TIME(3) WITHOUT TIME ZONE", "TIME(3)"},
        {"TIMESTAMP", "TIMESTAMP(6)"},
        {"TIMESTAMP(0) WITHOUT TIME ZONE", "TIMESTAMP(0)"},
        {"TIMESTAMP(3) WITH LOCAL TIME ZONE NOT NULL", NULL},
        {"TIMESTAMP_LTZ(9)", "TIMESTAMP(9) WITH LOCAL TIME ZONE"},
        {"INT NULL", "INT"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error err = {0};
        struct type t;
        struct type again;
        struct buf b = BUF_INIT(200);
        if (!type_parse(str_of(cases[i].text), &t, &err)) {
            fail_msg("%s: %s", cases[i].text, err.text);
        }
        type_print(&t, &b);
        assert_string_equal(buf_cstr(&b), cases[i].canon == NULL ? cases[i].text : cases[i].canon);
        assert_true(type_parse(buf_str(&b), &again, &err));
        assert_true(type_equal(&t, &again));
        buf_release(&b);
    }
}

static void refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "INT(5)",
                                      "DECIMAL(39, 0)",
                                      "DECIMAL(0, 0)",
                                      "DECIMAL(5, 6)",
                                      "CHAR(0)",
                                      "CHAR()",
                                      "CHAR(",
                                      "VARCHAR(2147483648)",
                                      "TIME(10)",
                                      "TIMESTAMP(-1)",
                                      "INT NOT",
                                      "INT NOT NULL NULL",
                                      "VARIANT",
                                      "BLOB",
                                      "STRING(5)",
                                      "INT, BIGINT",
                                      "DECIMAL(5, 2",
                                      "DATE WITH LOCAL TIME ZONE",
                                      "TIMESTAMP(3) WITH TIME ZONE",
                                      "VARCHAR(99999999999999999999999)"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct error err = {0};
        struct type t = {.kind = TYPE_ROW};
        if (type_parse(str_of(bad[i]), &t, &err)) {
            fail_msg("\"%s\" was taken", bad[i]);
        }
        assert_int_equal(err.code, FAIL_SCHEMA);
        assert_int_equal(t.kind, TYPE_ROW);
    }
}

static void nested(void **state)
{
    (void)state;
    const struct type number = {.kind = TYPE_INT, .nullable = false};
    const struct type text = {.kind = TYPE_VARCHAR, .nullable = true, .length = TYPE_MAX_LENGTH};
    const struct type list = {.kind = TYPE_ARRAY, .nullable = true, .element = &number};
    const struct type map = {.kind = TYPE_MAP, .nullable = true, .key = &number, .element = &list};
    const struct type bag = {.kind = TYPE_MULTISET, .nullable = false, .element = &text};
    const struct type_field fields[] = {{1, STR("a"), &map, {NULL, 0}},
                                        {2, STR("b"), &bag, {NULL, 0}}};
    struct type_field renamed[] = {{1, STR("x"), &map, {NULL, 0}}, {2, STR("b"), &bag, {NULL, 0}}};
    struct type row = {.kind = TYPE_ROW, .nullable = true, .fields = fields, .field_count = 2};
    struct type other = row;
    struct buf b = BUF_INIT(500);
    type_print(&row, &b);
    assert_string_equal(
        buf_cstr(&b), "ROW<a MAP<INT NOT NULL, ARRAY<INT NOT NULL>>, b MULTISET<STRING> NOT NULL>");
    assert_true(type_equal(&row, &other));
    other.fields = renamed;
    assert_false(type_equal(&row, &other));
    other = row;
    other.field_count = 1;
    assert_false(type_equal(&row, &other));
    assert_false(type_equal(&list, &bag));
    assert_true(type_is_nested(&row) && !type_is_nested(&text));
    assert_true(type_is_text(&text) && !type_is_bytes(&text));
    buf_release(&b);
}

static void differences(void **state)
{
    (void)state;
    static const char *const all[] = {"INT",
                                      "INT NOT NULL",
                                      "BIGINT",
                                      "DECIMAL(10, 2)",
                                      "DECIMAL(10, 3)",
                                      "DECIMAL(11, 2)",
                                      "CHAR(5)",
                                      "CHAR(6)",
                                      "VARCHAR(5)",
                                      "BINARY(5)",
                                      "TIME(3)",
                                      "TIMESTAMP(3)",
                                      "TIMESTAMP(6)",
                                      "TIMESTAMP_LTZ(3)"};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        for (size_t j = 0; j < sizeof(all) / sizeof(all[0]); j++) {
            struct error err = {0};
            struct type a;
            struct type b;
            assert_true(type_parse(str_of(all[i]), &a, &err));
            assert_true(type_parse(str_of(all[j]), &b, &err));
            assert_int_equal(type_equal(&a, &b), i == j);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(print_parse),
        cmocka_unit_test(refused),
        cmocka_unit_test(nested),
        cmocka_unit_test(differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
