#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink/data_file.h"
#include "sink/schema_file.h"

static struct schema *parse(const char *keys)
{
    struct buf json = BUF_INIT(1 << 16);
    struct schema *s = NULL;
    struct error err = {0};
    buf_printf(&json,
               "{\"version\":3,\"id\":0,\"fields\":["
               "{\"id\":0,\"name\":\"a\",\"type\":\"INT\"},"
               "{\"id\":5,\"name\":\"b\",\"type\":\"STRING NOT NULL\"},"
               "{\"id\":2,\"name\":\"c\",\"type\":\"DECIMAL(20, 2)\"}],"
               "\"highestFieldId\":5,%s,\"options\":{}}",
               keys);
    if (!schema_file_parse(buf_str(&json), &s, &err)) {
        fail_msg("%s", err.text);
    }
    buf_release(&json);
    return s;
}

static void expect_field(const struct schema_field *f, int32_t id, const char *name,
                         enum type_kind kind, bool nullable)
{
    assert_int_equal(f->id, id);
    assert_true(str_eq(f->name, str_of(name)));
    assert_int_equal(f->type.kind, kind);
    assert_int_equal(f->type.nullable, nullable);
}

/* paimon-format §7.1: keys in declared order, sequence, kind, all columns in schema order. */
static void physical_columns(void **state)
{
    (void)state;
    struct arena a = {0};
    struct data_file_layout l;
    struct schema *s = parse("\"partitionKeys\":[],\"primaryKeys\":[\"c\",\"a\"]");
    data_file_layout(s, &a, &l);
    assert_int_equal(l.count, 7);
    assert_int_equal(l.key_count, 2);
    assert_true(l.key_columns[0] == 2 && l.key_columns[1] == 0);
    expect_field(&l.fields[0], 1073741823 + 2, "_KEY_c", TYPE_DECIMAL, false);
    assert_int_equal(l.fields[0].type.precision, 20);
    expect_field(&l.fields[1], 1073741823, "_KEY_a", TYPE_INT, false);
    expect_field(&l.fields[2], 2147483646, "_SEQUENCE_NUMBER", TYPE_BIGINT, false);
    expect_field(&l.fields[3], 2147483645, "_VALUE_KIND", TYPE_TINYINT, false);
    expect_field(&l.fields[4], 0, "a", TYPE_INT, true);
    expect_field(&l.fields[5], 5, "b", TYPE_VARCHAR, false);
    expect_field(&l.fields[6], 2, "c", TYPE_DECIMAL, true);
    schema_free(s);
    s = parse("\"partitionKeys\":[\"c\"],\"primaryKeys\":[\"c\",\"b\"]"); /* trimmed */
    data_file_layout(s, &a, &l);
    assert_int_equal(l.key_count, 1);
    assert_int_equal(l.key_columns[0], 1);
    expect_field(&l.fields[0], 1073741823 + 5, "_KEY_b", TYPE_VARCHAR, false);
    schema_free(s);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(physical_columns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
