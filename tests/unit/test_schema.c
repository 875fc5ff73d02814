#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/schema.h"

static void options(void **state)
{
    (void)state;
    struct schema *s = schema_new();
    assert_null(schema_option(s, STR("bucket")).ptr);
    char value[] = "2";
    schema_set_option(s, STR("bucket"), str_of(value));
    value[0] = '9'; /* the schema has its own copy */
    schema_set_option(s, STR("file.format"), STR("avro"));
    schema_set_option(s, STR("empty"), (struct str){NULL, 0});
    assert_true(str_eq(schema_option(s, STR("bucket")), STR("2")));
    schema_set_option(s, STR("bucket"), STR("4"));
    assert_int_equal(s->option_count, 3);
    assert_true(str_eq(s->options[0].key, STR("bucket"))); /* keeps its place */
    assert_true(str_eq(schema_option(s, STR("bucket")), STR("4")));
    assert_true(str_eq(schema_option(s, STR("file.format")), STR("avro")));
    assert_non_null(schema_option(s, STR("empty")).ptr); /* set, to nothing */
    for (int i = 0; i < 100; i++) {
        char key[3] = {(char)('a' + i % 26), (char)('0' + i / 26), '\0'};
        schema_set_option(s, str_of(key), STR("x"));
    }
    assert_int_equal(s->option_count, 103);
    schema_free(s);
    schema_free(NULL);
}

static void find(void **state)
{
    (void)state;
    struct schema *s = schema_new();
    s->fields = ARENA_ARRAY(&s->arena, struct schema_field, 2);
    s->field_count = 2;
    s->fields[0].name = STR("id");
    s->fields[1].name = STR("Name");
    assert_int_equal(schema_find(s, STR("id")), 0);
    assert_int_equal(schema_find(s, STR("Name")), 1);
    assert_int_equal(schema_find(s, STR("name")), SIZE_MAX); /* Paimon's names have case */
    assert_int_equal(schema_find(s, STR("")), SIZE_MAX);
    schema_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(options), cmocka_unit_test(find)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
