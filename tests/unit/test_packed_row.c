#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "sink/packed_row.h"

enum { COLUMNS = 24 };

static const struct type element = {.kind = TYPE_DECIMAL, .precision = 30, .nullable = true};
static const struct type map_key = {.kind = TYPE_VARCHAR, .length = 10};
static const struct type map_value = {.kind = TYPE_INT, .nullable = true};
static const struct type inner = {.kind = TYPE_ARRAY, .element = &element, .nullable = true};
static const struct type_field row_fields[] = {{.name = {"a", 1}, .type = &inner},
                                               {.name = {"b", 1}, .type = &map_value}};

static struct schema *all_types(void)
{
    static const struct type types[COLUMNS] = {
        {.kind = TYPE_BOOLEAN, .nullable = true},
        {.kind = TYPE_TINYINT, .nullable = true},
        {.kind = TYPE_SMALLINT, .nullable = true},
        {.kind = TYPE_INT, .nullable = true},
        {.kind = TYPE_BIGINT}, /* key 2 */
        {.kind = TYPE_FLOAT, .nullable = true},
        {.kind = TYPE_DOUBLE, .nullable = true},
        {.kind = TYPE_DECIMAL, .precision = 18, .nullable = true},
        {.kind = TYPE_DECIMAL, .precision = 38, .nullable = true},
        {.kind = TYPE_CHAR, .length = 5, .nullable = true},
        {.kind = TYPE_VARCHAR, .length = 50}, /* key 1 */
        {.kind = TYPE_BINARY, .length = 5, .nullable = true},
        {.kind = TYPE_VARBINARY, .length = 50, .nullable = true},
        {.kind = TYPE_DATE, .nullable = true},
        {.kind = TYPE_TIME, .nullable = true},
        {.kind = TYPE_TIMESTAMP, .precision = 3, .nullable = true},
        {.kind = TYPE_TIMESTAMP, .precision = 9, .nullable = true},
        {.kind = TYPE_TIMESTAMP_LTZ, .precision = 0, .nullable = true},
        {.kind = TYPE_TIMESTAMP_LTZ, .precision = 6, .nullable = true},
        {.kind = TYPE_ARRAY, .element = &element, .nullable = true},
        {.kind = TYPE_MULTISET, .element = &map_key, .nullable = true},
        {.kind = TYPE_MAP, .key = &map_key, .element = &map_value, .nullable = true},
        {.kind = TYPE_ROW, .fields = row_fields, .field_count = 2, .nullable = true},
        {.kind = TYPE_INT, .nullable = true},
    };
    struct schema *s = schema_new();
    s->fields = ARENA_ARRAY(&s->arena, struct schema_field, COLUMNS);
    for (size_t i = 0; i < COLUMNS; i++) {
        s->fields[i] = (struct schema_field){.id = (int32_t)i, .name = STR("c"), .type = types[i]};
    }
    s->field_count = COLUMNS;
    s->primary_key = ARENA_ARRAY(&s->arena, size_t, 2);
    s->primary_key[0] = 10;
    s->primary_key[1] = 4;
    s->primary_key_count = 2;
    return s;
}

static struct value set(int64_t i)
{
    return (struct value){.i = i, .state = VALUE_SET};
}
static struct value text(const char *bytes, size_t len)
{
    return (struct value){.bytes = bytes, .len = (uint32_t)len, .state = VALUE_SET};
}
static struct value nested(const struct value *items, size_t len)
{
    return (struct value){.items = items, .len = (uint32_t)len, .state = VALUE_SET};
}

static void expect_same(const struct schema *s, const struct value *want, const struct value *got)
{
    for (size_t i = 0; i < s->field_count; i++) {
        if (!value_equal(&s->fields[i].type, &want[i], &got[i])) {
            fail_msg("column %zu differs", i);
        }
    }
}

struct pack {
    struct schema *schema;
    struct arena arena;
    struct data_file_layout layout;
    struct packed_row_shape shape;
    struct packed_row_out out;
};

static void pack_init(struct pack *p)
{
    memset(p, 0, sizeof(*p));
    p->schema = all_types();
    data_file_layout(p->schema, &p->arena, &p->layout);
    packed_row_shape_init(&p->shape, p->schema, &p->layout);
    packed_row_out_init(&p->out, &p->shape);
}

static void pack_release(struct pack *p)
{
    packed_row_out_release(&p->out);
    packed_row_shape_release(&p->shape);
    schema_free(p->schema);
    arena_release(&p->arena);
}

/* Packs into exactly the bytes announced (a sanitizer watches both ends) and compares. */
static void round_trip(struct pack *p, const struct value *row, enum row_kind kind,
                       int64_t sequence)
{
    size_t size = packed_row_size(&p->shape, row);
    char *bytes = mem_alloc(size + 1);
    char *odd = bytes + 1; /* nothing in it may want alignment */
    packed_row_write(&p->shape, kind, sequence, row, odd);
    packed_row_read(&p->shape, odd, &p->out);
    expect_same(p->schema, row, p->out.values);
    assert_int_equal(p->out.kind, kind);
    assert_int_equal(p->out.sequence, sequence);
    assert_int_equal(packed_row_sequence(odd), sequence);
    struct value key[2];
    int128 wide[2];
    packed_row_key(&p->shape, odd, key, wide);
    assert_int_equal(value_compare(&p->schema->fields[10].type, &key[0], &row[10]), 0);
    assert_int_equal(value_compare(&p->schema->fields[4].type, &key[1], &row[4]), 0);
    assert_int_equal(value_compare(&p->schema->fields[4].type, &p->out.key[1], &row[4]), 0);
    mem_free(bytes);
}

static void edges(void **state)
{
    (void)state;
    struct pack p;
    pack_init(&p);
    struct value nulls[COLUMNS] = {{.state = VALUE_NULL}};
    nulls[10] = text("", 0);
    nulls[4] = set(0);
    round_trip(&p, nulls, ROW_INSERT, 0);
    round_trip(&p, nulls, ROW_DELETE, INT64_MIN);

    const int128 low = -(((int128)1 << 126));
    const int128 high = ((int128)1 << 126) + 12345;
    const struct value decimals[] = {{.wide = &low, .state = VALUE_SET},
                                     {.state = VALUE_NULL},
                                     {.wide = &high, .state = VALUE_SET}};
    const struct value texts[] = {text("z\0y", 3), set(3)}; /* a member and how often it is there */
    const struct value entries[] = {
        text("k", 1), set(INT32_MIN), text("", 0), {.state = VALUE_NULL}};
    const struct value members[] = {nested(decimals, 3), {.state = VALUE_NULL}};
    struct value row[COLUMNS];
    for (int side = 0; side < 2; side++) {
        bool max = side == 1;
        row[0] = set(max);
        row[1] = set(max ? INT8_MAX : INT8_MIN);
        row[2] = set(max ? INT16_MAX : INT16_MIN);
        row[3] = set(max ? INT32_MAX : INT32_MIN);
        row[4] = set(max ? INT64_MAX : INT64_MIN);
        row[5] = (struct value){.f4 = max ? INFINITY : -0.0f, .state = VALUE_SET};
        row[6] = (struct value){.f8 = max ? 1e308 : -0.0, .state = VALUE_SET};
        row[7] = set(max ? 999999999999999999 : -999999999999999999);
        row[8] = (struct value){.wide = max ? &high : &low, .state = VALUE_SET};
        row[9] = text("abcde", max ? 5 : 0);
        row[10] = text("a\0b", 3);
        row[11] = text("\xff\x00\xfe", 3);
        row[12] = text("x", max);
        row[13] = set(max ? INT32_MAX : INT32_MIN);
        row[14] = set(max ? 86399999 : 0);
        row[15] = set(max ? INT64_MAX : INT64_MIN);
        row[16] = set(max ? 253402300799999 : -62135596800000);
        row[16].len = max ? 999999 : 1;
        row[17] = set(-1);
        row[18] = set(-1);
        row[18].len = 999000;
        row[19] = nested(decimals, max ? 3 : 0);
        row[20] = nested(texts, max ? 2 : 0);
        row[21] = nested(entries, max ? 4 : 0);
        row[22] = nested(members, 2);
        row[23] = set(7);
        round_trip(&p, row, ROW_UPDATE_AFTER, INT64_MAX);
    }
    pack_release(&p);
}

/* The keys come first, whatever their place in the schema. */
static void keys_first(void **state)
{
    (void)state;
    struct pack p;
    pack_init(&p);
    assert_int_equal(p.shape.order[0], 10);
    assert_int_equal(p.shape.order[1], 4);
    assert_int_equal(p.shape.order[2], 0);
    assert_int_equal(p.shape.count, COLUMNS);
    pack_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges),
        cmocka_unit_test(keys_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
