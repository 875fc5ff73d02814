#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "sink/partition_filter.h"

static struct schema *table(void)
{
    struct schema *s = schema_new();
    s->fields = ARENA_ARRAY(&s->arena, struct schema_field, 2);
    s->fields[0] = (struct schema_field){.name = STR("dt"), .type = {.kind = TYPE_DATE}};
    s->fields[1] = (struct schema_field){
        .id = 1, .name = STR("name"), .type = {.kind = TYPE_VARCHAR, .length = TYPE_MAX_LENGTH}};
    s->field_count = 2;
    s->partition_key = ARENA_ARRAY(&s->arena, size_t, 2);
    s->partition_key[1] = 1;
    s->partition_key_count = 2;
    return s;
}

static bool takes(const struct partition_layout *p, const char *filter, int64_t day,
                  const char *name)
{
    struct error err = {0};
    struct partition_filter f;
    struct buf row = BUF_INIT(1000);
    struct value values[2] = {{.i = day, .state = VALUE_SET},
                              {.bytes = name,
                               .len = (uint32_t)(name == NULL ? 0 : strlen(name)),
                               .state = name == NULL ? VALUE_NULL : VALUE_SET}};
    assert_true(partition_filter_parse(str_of(filter), p, &f, &err));
    partition_row(p, values, &row);
    bool yes = partition_filter_takes(&f, buf_str(&row));
    buf_release(&row);
    return yes;
}

static void by_value(void **state)
{
    struct schema *s = table();
    struct arena a = {0};
    struct error err = {0};
    struct partition_layout p;
    (void)state;
    assert_true(partition_layout(s, &a, &p, &err));
    assert_true(takes(&p, "dt=1970-01-02", 1, "a"));
    assert_false(takes(&p, "dt=1970-01-03", 1, "a"));
    assert_true(takes(&p, "name=a=b,dt=1970-01-02", 1, "a=b"));
    assert_false(takes(&p, "name=a,dt=1970-01-02", 2, "a"));
    assert_false(takes(&p, "name=a", 2, "A"));
    assert_true(takes(&p, "name=", 2, ""));
    assert_true(takes(&p, "name=__DEFAULT_PARTITION__", 2, NULL));
    assert_false(takes(&p, "name=__DEFAULT_PARTITION__", 2, "x"));
    arena_release(&a);
    schema_free(s);
}

static void mistakes(void **state)
{
    static const char *const wrong[] = {"", "dt", "dt=1,dt=2", "id=5", "dt=1,", ",dt=1", "=5"};
    struct schema *s = table();
    struct arena a = {0};
    struct error err = {0};
    struct partition_layout p;
    struct partition_filter f;
    (void)state;
    assert_true(partition_layout(s, &a, &p, &err));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(partition_filter_parse(str_of(wrong[i]), &p, &f, &err));
        assert_int_equal(err.code, FAIL_CONFIG);
    }
    assert_true(partition_filter_parse(STR("dt=1"), &p, &f, &err));
    assert_false(partition_filter_takes(&f, STR("no partition")));
    arena_release(&a);
    schema_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_value), cmocka_unit_test(mistakes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
