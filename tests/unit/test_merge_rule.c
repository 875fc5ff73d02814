#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lsm_fixture.h"
#include "sink/merge.h"
#include "sink/merge_rule.h"
#include "sink/sort_buffer.h"

/* id INT key, s INT, g INT, v BIGINT, t STRING, op STRING */
enum { ID, S, G, V, T, OP, COLUMNS };

static struct schema *make_schema(const char *const options[][2], size_t count)
{
    struct schema *s = schema_new();
    const struct type number = {.kind = TYPE_INT, .nullable = true};
    const struct type text = {.kind = TYPE_VARCHAR, .length = TYPE_MAX_LENGTH, .nullable = true};
    s->fields = ARENA_ARRAY(&s->arena, struct schema_field, COLUMNS);
    s->primary_key = ARENA_ARRAY(&s->arena, size_t, 1);
    fixture_field(s, "id", (struct type){.kind = TYPE_INT}, true);
    fixture_field(s, "s", number, false);
    fixture_field(s, "g", number, false);
    fixture_field(s, "v", (struct type){.kind = TYPE_BIGINT, .nullable = true}, false);
    fixture_field(s, "t", text, false);
    fixture_field(s, "op", text, false);
    for (size_t i = 0; i < count; i++) {
        schema_set_option(s, str_of(options[i][0]), str_of(options[i][1]));
    }
    return s;
}

struct made {
    struct schema *schema;
    struct merge_rule *rule;
};

#define MAKE(...)                                                                                  \
    make_rule((const char *const[][2]){__VA_ARGS__},                                               \
              sizeof((const char *const[][2]){__VA_ARGS__}) / sizeof(const char *[2]))

static struct made make_rule(const char *const options[][2], size_t count)
{
    struct error err = {0};
    struct made m = {.schema = make_schema(options, count)};
    if (!merge_rule_new(m.schema, &m.rule, &err)) {
        fail_msg("%s", err.text);
    }
    return m;
}

static void made_free(struct made *m)
{
    merge_rule_free(m->rule);
    schema_free(m->schema);
}

static struct value number(int64_t v)
{
    return (struct value){.i = v, .state = VALUE_SET};
}

static struct value word(const char *text)
{
    return (struct value){.bytes = text, .len = (uint32_t)strlen(text), .state = VALUE_SET};
}

struct expected {
    bool last, picks, idempotent, before, hidden, levels;
};

static void check_properties(struct made m, struct expected e)
{
    assert_int_equal(merge_rule_takes_last(m.rule), e.last);
    assert_int_equal(merge_rule_picks(m.rule), e.picks);
    assert_int_equal(merge_rule_is_idempotent(m.rule), e.idempotent);
    assert_int_equal(merge_rule_wants_before(m.rule), e.before);
    assert_int_equal(merge_rule_hides_level0(m.rule), e.hidden);
    assert_int_equal(merge_rule_needs_levels(m.rule), e.levels);
    made_free(&m);
}

#define GROUP                                                                                      \
    {"merge-engine", "partial-update"},                                                            \
    {                                                                                              \
        "fields.g.sequence-group", "v"                                                             \
    }
#define SUM                                                                                        \
    {"merge-engine", "aggregation"},                                                               \
    {                                                                                              \
        "fields.v.aggregate-function", "sum"                                                       \
    }

static void properties(void **state)
{
    (void)state;
    const size_t *columns = NULL;
    assert_true(merge_rule_takes_last(NULL) && merge_rule_picks(NULL));
    assert_true(merge_rule_is_idempotent(NULL) && !merge_rule_wants_before(NULL));
    assert_int_equal(merge_rule_order(NULL, &columns), 0);
    assert_int_equal(merge_rule_compare(NULL, NULL, NULL), 0);
    merge_rule_free(NULL);
    check_properties(MAKE({"bucket", "1"}), (struct expected){1, 1, 1, 0, 0, 0});
    check_properties(MAKE({"ignore-delete", "true"}), (struct expected){0, 1, 1, 0, 0, 0});
    check_properties(MAKE({"merge-engine", "First-Row"}), (struct expected){0, 1, 0, 0, 1, 0});
    check_properties(MAKE({"merge-engine", "partial-update"}), (struct expected){0, 0, 1, 0, 0, 0});
    check_properties(MAKE(GROUP), (struct expected){0, 0, 1, 1, 0, 0});
    check_properties(MAKE(GROUP, {"fields.v.aggregate-function", "sum"}),
                     (struct expected){0, 0, 0, 1, 0, 0});
    check_properties(MAKE(SUM), (struct expected){0, 0, 0, 1, 0, 0});
    check_properties(MAKE(SUM, {"ignore-update-before", "true"}),
                     (struct expected){0, 0, 0, 0, 0, 0});
    check_properties(MAKE(SUM, {"changelog-producer", "lookup"}),
                     (struct expected){0, 0, 0, 1, 0, 1});
    check_properties(MAKE({"deletion-vectors.enabled", "true"}),
                     (struct expected){1, 1, 1, 0, 0, 0});
}

/* Every message names the option, and the column where there is one. */
static void mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *options[3][2];
        const char *says[2];
    } cases[] = {
        {{{"merge-engine", "sum"}}, {"merge-engine", "first-row"}},
        {{{"ignore-delete", "yes"}}, {"ignore-delete", "yes"}},
        {{{"first-row.ignore-delete", "1"}}, {"first-row.ignore-delete", "1"}},
        {{{"sequence.field", "s,nope"}}, {"sequence.field", "nope"}},
        {{{"sequence.field", ""}}, {"sequence.field", "''"}},
        {{{"sequence.field", "s, s"}}, {"sequence.field", "twice"}},
        {{{"rowkind.field", "s"}}, {"rowkind.field", "'s'"}},
        {{{"fields.nope.stats-mode", "none"}}, {"fields.nope.stats-mode", "nope"}},
        {{{"fields.v.nested-sequence-field", "a"}}, {"nested-sequence-field", "merged"}},
        {{{"fields.v", "a"}}, {"fields.v", "merged"}},
        {{{"merge-engine", "aggregation"}, {"fields.v.aggregate-function", "count"}},
         {"column v", "count"}},
        {{{"merge-engine", "aggregation"}, {"fields.t.aggregate-function", "rbm64"}},
         {"column t", "rbm64"}},
        {{{"merge-engine", "aggregation"}, {"fields.t.aggregate-function", "hll_sketch"}},
         {"column t", "DataSketches"}},
        {{{"merge-engine", "aggregation"}, {"fields.t.aggregate-function", "theta_sketch"}},
         {"column t", "DataSketches"}},
        {{{"merge-engine", "aggregation"},
          {"fields.v.aggregate-function", "sum"},
          {"fields.v.ignore-retract", "no"}},
         {"fields.v.ignore-retract", "no"}},
        {{{"merge-engine", "partial-update"}, {"fields.g.sequence-group", "v, t"}},
         {"fields.g.sequence-group", " t"}},
        {{{"merge-engine", "partial-update"},
          {"fields.g.sequence-group", "v"},
          {"fields.s.sequence-group", "g"}},
         {"'g'", "more than one"}},
        {{{"merge-engine", "partial-update"},
          {"fields.g.sequence-group", "v"},
          {"fields.g,s.sequence-group", "t"}},
         {"'g'", "more than one"}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t count = 0;
        while (count < 3 && cases[i].options[count][0] != NULL) {
            count++;
        }
        struct schema *s = make_schema(cases[i].options, count);
        struct merge_rule *rule = NULL;
        struct error err = {0};
        if (merge_rule_new(s, &rule, &err)) {
            fail_msg("case %zu is taken", i);
        }
        assert_int_equal(err.code, FAIL_SCHEMA);
        for (size_t k = 0; k < 2; k++) {
            if (strstr(err.text, cases[i].says[k]) == NULL) {
                fail_msg("case %zu: \"%s\" does not say \"%s\"", i, err.text, cases[i].says[k]);
            }
        }
        schema_free(s);
    }
}

/* What the row becomes: -1 refused, 0 dropped, 1 kept. */
static int admit(struct made m, const struct value *row, enum row_kind *kind, struct error *err)
{
    bool keep = false;
    if (!merge_rule_admit(m.rule, row, kind, &keep, err)) {
        assert_int_equal(err->code, FAIL_SCHEMA);
        return -1;
    }
    return keep;
}

static void entry(void **state)
{
    (void)state;
    struct error err = {0};
    struct value row[COLUMNS] = {number(1), number(1), number(1), number(1), word("a"), word("-u")};
    enum row_kind kind = ROW_INSERT;
    assert_int_equal(admit((struct made){0}, row, &kind, &err), 1);

    struct made m = MAKE({"rowkind.field", "op"}, {"ignore-update-before", "true"});
    assert_int_equal(admit(m, row, &kind, &err), 0);
    assert_int_equal(kind, ROW_UPDATE_BEFORE);
    row[OP] = word("-D");
    assert_int_equal(admit(m, row, &kind, &err), 1);
    assert_int_equal(kind, ROW_DELETE);
    row[OP] = word("D");
    assert_int_equal(admit(m, row, &kind, &err), -1);
    assert_non_null(strstr(err.text, "op"));
    row[OP].state = VALUE_NULL;
    assert_int_equal(admit(m, row, &kind, &err), -1);
    made_free(&m);

    m = MAKE(GROUP, {"fields.v.aggregate-function", "max"});
    kind = ROW_DELETE;
    assert_int_equal(admit(m, row, &kind, &err), -1);
    assert_non_null(strstr(err.text, "fields.v.ignore-retract"));
    row[G].state = VALUE_NULL; /* the group says nothing: max is not asked */
    assert_int_equal(admit(m, row, &kind, &err), 1);
    made_free(&m);

    m = MAKE({"merge-engine", "first-row"});
    assert_int_equal(admit(m, row, &kind, &err), -1);
    assert_non_null(strstr(err.text, "ignore-delete"));
    made_free(&m);
    m = MAKE({"merge-engine", "first-row"}, {"deduplicate.ignore-delete", "TRUE"});
    assert_int_equal(admit(m, row, &kind, &err), 0);
    made_free(&m);
    m = MAKE({"merge-engine", "aggregation"}, {"fields.v.aggregate-function", "max"},
             {"aggregation.remove-record-on-delete", "true"});
    assert_int_equal(admit(m, row, &kind, &err), 1);
    kind = ROW_UPDATE_BEFORE;
    assert_int_equal(admit(m, row, &kind, &err), -1);
    made_free(&m);
}

static void orders(void **state)
{
    (void)state;
    struct value a[COLUMNS] = {number(1), number(5), number(1)};
    struct value b[COLUMNS] = {number(1), number(5), number(2)};
    struct made up = MAKE({"sequence.field", "s , g"});
    struct made down = MAKE({"sequence.field", "s,g"}, {"sequence.field.sort-order", "descending"});
    const size_t *columns = NULL;
    assert_int_equal(merge_rule_order(up.rule, &columns), 2);
    assert_true(columns[0] == S && columns[1] == G);
    assert_true(merge_rule_compare(up.rule, a, b) < 0);
    assert_true(merge_rule_compare(down.rule, a, b) > 0);
    b[G] = (struct value){.state = VALUE_NULL}; /* nulls are the oldest either way */
    assert_true(merge_rule_compare(up.rule, a, b) > 0);
    assert_true(merge_rule_compare(down.rule, a, b) > 0);
    assert_true(merge_rule_compare(down.rule, b, a) < 0);
    a[G] = b[G];
    assert_int_equal(merge_rule_compare(down.rule, a, b), 0);
    made_free(&up);
    made_free(&down);
}

static int64_t merged_sum(struct made m, const int64_t *numbers, const int32_t *levels,
                          size_t count)
{
    struct error err = {0};
    struct merge_state *s = merge_state_new(m.rule, false);
    struct value rows[8][COLUMNS];
    struct run_row out;
    memset(rows, 0, sizeof(rows));
    for (int round = 0; round < 2; round++) { /* nothing stays of the first */
        merge_state_begin(s);
        for (size_t i = 0; i < count; i++) {
            rows[i][ID] = number(1);
            rows[i][V] = number(numbers[i]);
            struct run_row row = {
                .key = rows[i], .values = rows[i], .sequence = (int64_t)i, .kind = ROW_INSERT};
            assert_true(merge_state_add(s, &row, levels[i], &err));
        }
        assert_int_equal(merge_state_result(s, &out, &err), NEXT_ROW);
    }
    int64_t sum = out.values[V].i;
    merge_state_free(s);
    return sum;
}

/* Where rows above level 0 are whole, only the lowest of them counts; wherever it stands. */
static void levels(void **state)
{
    (void)state;
    const int64_t numbers[] = {100, 20, 1, 2, 3};
    struct made plain = MAKE(SUM);
    struct made lookup = MAKE(SUM, {"force-lookup", "true"});
    assert_int_equal(merged_sum(plain, numbers, (int32_t[]){5, 3, 0, 0, 0}, 5), 126);
    assert_int_equal(merged_sum(lookup, numbers, (int32_t[]){5, 3, 0, 0, 0}, 5), 26);
    assert_int_equal(merged_sum(lookup, numbers, (int32_t[]){3, 5, 0, 0, 0}, 5), 106);
    assert_int_equal(merged_sum(lookup, numbers, (int32_t[]){0, 0, 4, 5, 1}, 5), 123);
    assert_int_equal(merged_sum(lookup, numbers, (int32_t[]){0, 0, 0, 0, 0}, 5), 126);
    assert_int_equal(merged_sum(lookup, numbers, (int32_t[]){2, 2}, 2), 100);
    assert_int_equal(merged_sum(lookup, numbers, (int32_t[]){-1, -1, -1}, 3), 121);
    made_free(&plain);
    made_free(&lookup);
}

/* A delete that is alone stays what it is, but where lookups are made. */
static void lone_records(void **state)
{
    (void)state;
    struct made m = MAKE(SUM);
    for (int merges = 0; merges < 2; merges++) {
        struct error err = {0};
        struct value values[COLUMNS] = {[ID] = number(1), [V] = number(5)};
        struct run_row row = {.key = values, .values = values, .sequence = 3, .kind = ROW_DELETE};
        struct run_row out;
        struct merge_state *s = merge_state_new(m.rule, merges == 1);
        merge_state_begin(s);
        assert_true(merge_state_add(s, &row, 0, &err));
        assert_int_equal(merge_state_result(s, &out, &err), NEXT_ROW);
        assert_int_equal(out.kind, merges ? ROW_INSERT : ROW_DELETE);
        assert_int_equal(out.values[V].i, merges ? -5 : 5);
        assert_int_equal(out.sequence, 3);
        merge_state_free(s);
    }
    made_free(&m);
}

/* A key that comes thousands of times in one buffer, with a changelog of all of it; then the file
 * is read back. */
static void hot_key(void **state)
{
    (void)state;
    enum { ROWS = 5000 };
    struct fixture f;
    struct error err = {0};
    fixture_init(&f, SHAPE_TEXT); /* code, name, n */
    schema_set_option(f.schema, STR("merge-engine"), STR("aggregation"));
    schema_set_option(f.schema, STR("fields.n.aggregate-function"), STR("sum"));
    schema_set_option(f.schema, STR("fields.name.aggregate-function"), STR("max"));
    schema_set_option(f.schema, STR("fields.name.ignore-retract"), STR("true"));
    struct merge_rule *rule = NULL;
    assert_true(merge_rule_new(f.schema, &rule, &err));
    struct sort_buffer *b = sort_buffer_new(f.schema, &f.layout, rule);
    int64_t sum = 0;
    for (int64_t i = 0; i < ROWS; i++) {
        struct fixture_row row;
        bool back = i % 7 == 3;
        sum += back ? -i : i;
        assert_true(sort_buffer_add(b, back ? ROW_DELETE : ROW_INSERT, i,
                                    fixture_values(&f, 11, i, &row), &err));
    }
    struct run_files data = {0};
    struct run_files changelog = {0};
    struct sort_buffer_flush flush = {.data = &f.data, .changelog = &f.changelog};
    if (!sort_buffer_flush(b, &flush, &f.arena, &data, &changelog, &err)) {
        fail_msg("%s", err.text);
    }
    struct record record;
    assert_int_equal(data.count, 1);
    assert_int_equal(fixture_read(&f, data.items[0], &record, 1), 1);
    assert_int_equal(record.key, 11);
    assert_int_equal(record.n, sum);
    assert_int_equal(record.sequence, ROWS - 1);
    assert_int_equal(record.kind, ROW_INSERT);
    assert_int_equal(changelog.items[0]->row_count, ROWS);
    sort_buffer_free(b);
    merge_rule_free(rule);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(properties), cmocka_unit_test(mistakes), cmocka_unit_test(entry),
        cmocka_unit_test(orders),     cmocka_unit_test(levels),   cmocka_unit_test(lone_records),
        cmocka_unit_test(hot_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
