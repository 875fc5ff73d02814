/* Paimon's types as Parquet's tree, and finding them in trees of others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink/format/parquet_schema.h"

#include <string.h>

#define ELEMENT(text, of, ...)                                                                     \
    {                                                                                              \
        .name = {(text), sizeof(text) - 1}, .physical = (of), .id = -1, __VA_ARGS__                \
    }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct type int_type = {.kind = TYPE_INT, .nullable = true};
static const struct type text_type = {
    .kind = TYPE_VARCHAR, .nullable = true, .length = TYPE_MAX_LENGTH};
static const struct type ints_type = {.kind = TYPE_ARRAY, .nullable = true, .element = &int_type};

/* Ids of elements, keys and values as Paimon derives them: seen in files of Java 1.4.2. */
static void ids_and_levels(void **state)
{
    (void)state;
    struct arena a = {0};
    struct type_field inner = {.id = 30, .name = {"l", 1}, .type = &ints_type};
    struct schema_field fields[] = {
        {.id = 26,
         .name = {"c_arrs", 6},
         .type = {.kind = TYPE_ARRAY, .nullable = true, .element = &ints_type}},
        {.id = 28,
         .name = {"c_mapi", 6},
         .type = {.kind = TYPE_MAP, .nullable = true, .key = &int_type, .element = &ints_type}},
        {.id = 29,
         .name = {"c_row", 5},
         .type = {.kind = TYPE_ROW, .fields = &inner, .field_count = 1}},
        {.id = 31,
         .name = {"c_set", 5},
         .type = {.kind = TYPE_MULTISET, .nullable = false, .element = &text_type}}};
    static const struct {
        const char *name;
        int32_t id;
        enum parquet_repetition repetition;
    } want[] = {{"paimon_schema", -1, PARQUET_REQUIRED},
                {"c_arrs", 26, PARQUET_OPTIONAL},
                {"list", -1, PARQUET_REPEATED},
                {"element", 536897536, PARQUET_OPTIONAL},
                {"list", -1, PARQUET_REPEATED},
                {"element", 536897537, PARQUET_OPTIONAL},
                {"c_mapi", 28, PARQUET_OPTIONAL},
                {"key_value", -1, PARQUET_REPEATED},
                {"key", 536842238, PARQUET_REQUIRED}, /* whatever the type says */
                {"value", 536899584, PARQUET_OPTIONAL},
                {"list", -1, PARQUET_REPEATED},
                {"element", 536899585, PARQUET_OPTIONAL},
                {"c_row", 29, PARQUET_REQUIRED},
                {"l", 30, PARQUET_OPTIONAL},
                {"list", -1, PARQUET_REPEATED},
                {"element", 536870911 + 30 * 1024 + 1, PARQUET_OPTIONAL},
                {"c_set", 31, PARQUET_REQUIRED},
                {"key_value", -1, PARQUET_REPEATED},
                {"key", 536870911 - 31 * 1024 - 1, PARQUET_REQUIRED},
                {"value", 536870911 + 31 * 1024 + 1, PARQUET_REQUIRED}};
    struct parquet_schema s;
    struct parquet_element *elements;
    size_t count;
    parquet_schema_make(fields, COUNT(fields), &a, &s, &elements, &count);
    assert_int_equal(count, COUNT(want));
    for (size_t i = 0; i < count; i++) {
        assert_true(str_eq(elements[i].name, str_of(want[i].name)));
        assert_int_equal(elements[i].id, want[i].id);
        assert_int_equal(elements[i].repetition, want[i].repetition);
    }
    static const unsigned levels[][2] = {{5, 2}, {2, 1}, {5, 2}, {3, 1}, {1, 1}, {1, 1}};
    assert_int_equal(s.leaf_count, COUNT(levels));
    for (size_t i = 0; i < s.leaf_count; i++) {
        assert_int_equal(s.leaves[i].def, levels[i][0]);
        assert_int_equal(s.leaves[i].rep, levels[i][1]);
    }
    assert_true(str_eq(s.leaves[2].path, STR("c_mapi.key_value.value.list.element")));
    assert_int_equal(s.leaves[2].part_count, 5);
    assert_true(str_eq(s.leaves[2].parts[0], STR("c_mapi")));
    assert_true(str_eq(s.leaves[2].parts[4], STR("element")));
    arena_release(&a);
}

static bool match(struct parquet_element *e, size_t count, const struct type *t, struct arena *a,
                  struct parquet_schema *out, struct error *err)
{
    struct parquet_meta meta = {.elements = e, .element_count = count};
    struct schema_field f = {.name = {"c", 1}, .type = *t};
    size_t columns;
    struct schema_field *kept = arena_alloc(a, sizeof(f));
    *kept = f;
    return parquet_schema_match(&meta, kept, 1, a, out, &columns, err);
}

/* Lists as older writers made them (parquet-format LogicalTypes.md, backward compatibility). */
static void lists_of_others(void **state)
{
    (void)state;
    struct parquet_element three[] = {
        ELEMENT("m", PARQUET_GROUP, .child_count = 1),
        ELEMENT("c", PARQUET_GROUP, .child_count = 1, .repetition = PARQUET_OPTIONAL),
        ELEMENT("bag", PARQUET_GROUP, .child_count = 1, .repetition = PARQUET_REPEATED),
        ELEMENT("array_element", PARQUET_INT32, .repetition = PARQUET_OPTIONAL)};
    struct parquet_element two[] = {
        ELEMENT("m", PARQUET_GROUP, .child_count = 1),
        ELEMENT("c", PARQUET_GROUP, .child_count = 1, .repetition = PARQUET_OPTIONAL),
        ELEMENT("array", PARQUET_INT32, .repetition = PARQUET_REPEATED)};
    struct parquet_element bare[] = {ELEMENT("m", PARQUET_GROUP, .child_count = 1),
                                     ELEMENT("c", PARQUET_INT32, .repetition = PARQUET_REPEATED)};
    struct arena a = {0};
    struct error err;
    struct parquet_schema s;
    assert_true(match(three, 4, &ints_type, &a, &s, &err));
    assert_int_equal(s.nodes[0].shape, PARQUET_LIST);
    assert_int_equal(s.nodes[0].def, 1);
    assert_int_equal(s.nodes[0].item_def, 2);
    assert_int_equal(s.leaves[0].def, 3);
    assert_true(match(two, 3, &ints_type, &a, &s, &err));
    assert_int_equal(s.nodes[0].item_def, 2);
    assert_int_equal(s.nodes[0].item_rep, 1);
    assert_int_equal(s.leaves[0].def, 2);
    assert_false(s.nodes[0].children[0].nullable);
    assert_true(match(bare, 2, &ints_type, &a, &s, &err));
    assert_false(s.nodes[0].nullable);
    assert_int_equal(s.nodes[0].def, 0);
    assert_int_equal(s.nodes[0].item_def, 1);

    /* A repeated group of two is the element; so is a single one called array or c_tuple. */
    struct type_field xy[] = {{.name = {"x", 1}, .type = &int_type},
                              {.name = {"y", 1}, .type = &text_type}};
    struct type row = {.kind = TYPE_ROW, .nullable = true, .fields = xy, .field_count = 2};
    struct type rows = {.kind = TYPE_ARRAY, .nullable = true, .element = &row};
    struct parquet_element tuple[] = {
        ELEMENT("m", PARQUET_GROUP, .child_count = 1),
        ELEMENT("c", PARQUET_GROUP, .child_count = 1, .repetition = PARQUET_OPTIONAL),
        ELEMENT("c_tuple", PARQUET_GROUP, .child_count = 1, .repetition = PARQUET_REPEATED),
        ELEMENT("x", PARQUET_INT32, .repetition = PARQUET_OPTIONAL)};
    assert_true(match(tuple, 4, &rows, &a, &s, &err));
    assert_int_equal(s.nodes[0].children[0].shape, PARQUET_ROW);
    assert_int_equal(s.nodes[0].children[0].children[0].shape, PARQUET_LEAF);
    assert_int_equal(s.nodes[0].children[0].children[1].shape, PARQUET_ABSENT);
    tuple[2].name = STR("list"); /* now x itself is the element */
    assert_false(match(tuple, 4, &rows, &a, &s, &err));
    assert_int_equal(err.code, FAIL_SCHEMA);
    assert_non_null(strstr(err.text, "column c.x"));
    arena_release(&a);
}

static void refused(struct parquet_element e, struct type t)
{
    struct parquet_element elements[] = {ELEMENT("m", PARQUET_GROUP, .child_count = 1), e};
    struct arena a = {0};
    struct error err = {0};
    struct parquet_schema s;
    elements[1].name = STR("c");
    t.nullable = true;
    assert_false(match(elements, 2, &t, &a, &s, &err));
    assert_int_equal(err.code, FAIL_SCHEMA);
    assert_non_null(strstr(err.text, "column c"));
    arena_release(&a);
}

static void other_types_are_refused(void **state)
{
    (void)state;
    refused((struct parquet_element){.physical = PARQUET_INT64}, (struct type){.kind = TYPE_INT});
    refused((struct parquet_element){.physical = PARQUET_INT32},
            (struct type){.kind = TYPE_SMALLINT});
    refused((struct parquet_element){.physical = PARQUET_INT32,
                                     .logical = PARQUET_LOGICAL_INT,
                                     .bits = 32,
                                     .is_signed = false},
            (struct type){.kind = TYPE_INT});
    refused((struct parquet_element){.physical = PARQUET_INT32, .logical = PARQUET_LOGICAL_DATE},
            (struct type){.kind = TYPE_INT});
    refused((struct parquet_element){.physical = PARQUET_INT64,
                                     .logical = PARQUET_LOGICAL_DECIMAL,
                                     .precision = 18,
                                     .scale = 3},
            (struct type){.kind = TYPE_DECIMAL, .precision = 18, .scale = 2});
    refused((struct parquet_element){.physical = PARQUET_INT64,
                                     .logical = PARQUET_LOGICAL_DECIMAL,
                                     .precision = 18,
                                     .scale = 2},
            (struct type){.kind = TYPE_DECIMAL, .precision = 10, .scale = 2});
    refused((struct parquet_element){.physical = PARQUET_DOUBLE},
            (struct type){.kind = TYPE_FLOAT});
    refused((struct parquet_element){.physical = PARQUET_BYTES, .repetition = PARQUET_REPEATED},
            text_type);
    refused((struct parquet_element){.physical = PARQUET_BYTES}, ints_type);
    refused((struct parquet_element){.physical = PARQUET_INT64, .logical = PARQUET_LOGICAL_DATE},
            (struct type){.kind = TYPE_TIMESTAMP, .precision = 3});
}

static void trees_that_are_none(void **state)
{
    (void)state;
    struct parquet_element short_of[] = {ELEMENT("m", PARQUET_GROUP, .child_count = 2),
                                         ELEMENT("c", PARQUET_INT32, .child_count = 0)};
    struct parquet_element extra[] = {ELEMENT("m", PARQUET_GROUP, .child_count = 1),
                                      ELEMENT("c", PARQUET_INT32, .child_count = 0),
                                      ELEMENT("d", PARQUET_INT32, .child_count = 0)};
    struct parquet_element negative[] = {ELEMENT("m", PARQUET_GROUP, .child_count = -1)};
    struct parquet_element fixed[] = {ELEMENT("m", PARQUET_GROUP, .child_count = 1),
                                      ELEMENT("c", PARQUET_FIXED, .type_length = 0)};
    struct parquet_element deep[300];
    struct arena a = {0};
    struct error err = {0};
    struct parquet_schema s;
    for (size_t i = 0; i < COUNT(deep); i++) {
        deep[i] = (struct parquet_element)ELEMENT("c", PARQUET_GROUP, .child_count = 1);
    }
    assert_false(match(short_of, 2, &int_type, &a, &s, &err));
    assert_int_equal(err.code, FAIL_CORRUPT);
    assert_false(match(extra, 3, &int_type, &a, &s, &err));
    assert_false(match(negative, 1, &int_type, &a, &s, &err));
    assert_false(match(fixed, 2, &int_type, &a, &s, &err));
    assert_false(match(deep, COUNT(deep), &int_type, &a, &s, &err));
    assert_false(match(NULL, 0, &int_type, &a, &s, &err));
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_and_levels), cmocka_unit_test(lists_of_others),
        cmocka_unit_test(other_types_are_refused), cmocka_unit_test(trees_that_are_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
