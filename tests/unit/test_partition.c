#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/partition_key.h"
#include "base/mem.h"
#include "sink/binrow.h"
#include "sink/partition.h"

static struct schema *table(struct type type, const char *legacy)
{
    struct schema *s = schema_new();
    s->fields = ARENA_ARRAY(&s->arena, struct schema_field, 2);
    s->fields[0] = (struct schema_field){.name = STR("id"), .type = {.kind = TYPE_INT}};
    s->fields[1] = (struct schema_field){.id = 1, .name = STR("p=a"), .type = type};
    s->field_count = 2;
    s->partition_key = ARENA_ARRAY(&s->arena, size_t, 1);
    s->partition_key[0] = 1;
    s->partition_key_count = 1;
    if (legacy != NULL) {
        schema_set_option(s, STR("partition.legacy-name"), str_of(legacy));
    }
    return s;
}

static void check_path(struct type type, struct value v, const char *legacy, const char *wanted)
{
    struct schema *s = table(type, legacy);
    struct arena a = {0};
    struct error err = {0};
    struct partition_layout p;
    struct buf row = BUF_INIT(1000);
    const char *path = NULL;
    struct value values[2] = {{.i = 7, .state = VALUE_SET}, v};
    assert_true(partition_layout(s, &a, &p, &err));
    partition_row(&p, values, &row);
    assert_true(partition_path(&p, buf_str(&row), &a, &path, &err));
    assert_string_equal(path, wanted);
    buf_release(&row);
    arena_release(&a);
    schema_free(s);
}

static struct value number(int64_t n)
{
    return (struct value){.i = n, .state = VALUE_SET};
}

static struct value text(const char *s)
{
    return (struct value){.bytes = s, .len = (uint32_t)str_of(s).len, .state = VALUE_SET};
}

static const struct type text_type = {.kind = TYPE_VARCHAR, .length = INT32_MAX};

static void texts(void **state)
{
    (void)state;
    check_path(text_type, text("plain text"), NULL, "p%3Da=plain text/");
    check_path(text_type, text("a/b:c=%*?{}[]^\"#'\\\t\x7f"), NULL,
               "p%3Da=a%2Fb%3Ac%3D%25%2A%3F%7B%7D%5B%5D%5E%22%23%27%5C%09%7F/");
    check_path(text_type, text("ä<>|~!,&+"), NULL, "p%3Da=ä<>|~!,&+/");
    check_path(text_type, text(""), NULL, "p%3Da=__DEFAULT_PARTITION__/");
    check_path(text_type, text(" \t\xe3\x80\x80\xe2\x80\x83"), NULL,
               "p%3Da=__DEFAULT_PARTITION__/");
    check_path(text_type, text("\xc2\xa0"), NULL, "p%3Da=\xc2\xa0/"); /* no white space in Java */
    check_path(text_type, (struct value){.state = VALUE_NULL}, NULL,
               "p%3Da=__DEFAULT_PARTITION__/");
}

static void numbers_and_times(void **state)
{
    (void)state;
    struct type date = {.kind = TYPE_DATE};
    struct type time = {.kind = TYPE_TIME, .precision = 3};
    struct type timestamp = {.kind = TYPE_TIMESTAMP, .precision = 6};
    struct type decimal = {.kind = TYPE_DECIMAL, .precision = 5, .scale = 2};
    struct type flag = {.kind = TYPE_BOOLEAN};
    struct value precise = {.i = 1704067200000, .len = 123456, .state = VALUE_SET};
    check_path((struct type){.kind = TYPE_BIGINT}, number(-9), NULL, "p%3Da=-9/");
    check_path(flag, number(1), NULL, "p%3Da=true/");
    check_path(decimal, number(150), NULL, "p%3Da=1.50/");
    check_path(date, number(19723), NULL, "p%3Da=19723/");
    check_path(date, number(19723), "false", "p%3Da=2024-01-01/");
    check_path(time, number(45296789), NULL, "p%3Da=45296789/");
    check_path(timestamp, number(1704067200000), NULL, "p%3Da=2024-01-01T00%3A00/");
    check_path(timestamp, number(1704067201000), NULL, "p%3Da=2024-01-01T00%3A00%3A01/");
    check_path(timestamp, number(1704067200120), NULL, "p%3Da=2024-01-01T00%3A00%3A00.120/");
    check_path(timestamp, precise, NULL, "p%3Da=2024-01-01T00%3A00%3A00.000123456/");
    check_path(timestamp, number(-1), NULL, "p%3Da=1969-12-31T23%3A59%3A59.999/");
}

static void rows(void **state)
{
    (void)state;
    struct schema *s = table(text_type, NULL);
    struct arena a = {0};
    struct error err = {0};
    struct partition_layout p;
    struct buf json = BUF_INIT(1000);
    struct buf row = BUF_INIT(1000);
    const char *path = NULL;
    struct value values[2] = {number(1), text("x")};
    assert_true(partition_layout(s, &a, &p, &err));
    partition_row(&p, values, &row);
    assert_true(partition_bucket(&p, "/w/t", buf_str(&row), 2, &a, &path, &err));
    assert_string_equal(path, "/w/t/p%3Da=x/bucket-2");
    assert_true(partition_print_json(&p, buf_str(&row), &json, &err));
    assert_string_equal(buf_cstr(&json), "{\"p=a\":\"x\"}");
    assert_false(partition_path(&p, binrow_empty, &a, &path, &err)); /* another table's */
    assert_int_equal(err.code, FAIL_CORRUPT);
    s->partition_key_count = 0;
    assert_true(partition_layout(s, &a, &p, &err));
    assert_true(partition_bucket(&p, "/w/t", binrow_empty, 2, &a, &path, &err));
    assert_string_equal(path, "/w/t/bucket-2");
    buf_release(&json);
    buf_release(&row);
    arena_release(&a);
    schema_free(s);
}

static void keys_of_a_job(void **state)
{
    (void)state;
    struct error err = {0};
    struct str columns;
    struct str keys = STR(" shop.orders : dt , hour ;; a.b.c:x ;");
    assert_true(partition_key_check(STR(""), &err));
    assert_true(partition_key_check(keys, &err));
    assert_true(partition_key_find(keys, STR("shop"), STR("orders"), &columns));
    assert_true(str_eq(columns, STR("dt , hour")));
    assert_true(partition_key_find(keys, STR("a"), STR("b.c"), &columns));
    assert_true(str_eq(columns, STR("x")));
    assert_false(partition_key_find(keys, STR("shop"), STR("order"), &columns));
    assert_false(partition_key_find(STR(""), STR("shop"), STR("orders"), &columns));
    static const char *const bad[] = {
        "shop.orders", "shop:dt", "shop.orders:", "shop.orders:a,,b", "shop.orders:a;shop.orders:b",
        ".t:a",        "d.:a"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        err = (struct error){0};
        assert_false(partition_key_check(str_of(bad[i]), &err));
        assert_int_equal(err.code, FAIL_CONFIG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(numbers_and_times),
        cmocka_unit_test(rows),
        cmocka_unit_test(keys_of_a_job),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
