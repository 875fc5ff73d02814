#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "sink/schema_change.h"
#include "sink/schema_file.h"

/* id INT, p STRING (both key, p partition), a INT, r ROW<x INT, q ARRAY<ROW<y INT>>>, m MAP<STRING,
 * INT> */
static struct schema *table(void)
{
    static const char *const text =
        "{\"version\":3,\"id\":4,\"fields\":[{\"id\":0,\"name\":\"id\",\"type\":\"INT NOT NULL\"},"
        "{\"id\":1,\"name\":\"p\",\"type\":\"STRING NOT NULL\"},"
        "{\"id\":2,\"name\":\"a\",\"type\":\"INT\",\"description\":\"the a\"},"
        "{\"id\":3,\"name\":\"r\",\"type\":{\"type\":\"ROW\",\"fields\":[{\"id\":4,\"name\":\"x\","
        "\"type\":\"INT\"},{\"id\":6,\"name\":\"q\",\"type\":{\"type\":\"ARRAY\",\"element\":{"
        "\"type\":\"ROW\",\"fields\":[{\"id\":5,\"name\":\"y\",\"type\":\"INT\"}]}}}]}},"
        "{\"id\":7,\"name\":\"m\",\"type\":{\"type\":\"MAP\",\"key\":\"STRING NOT NULL\",\"value\":"
        "\"INT\"}}],\"highestFieldId\":9,\"partitionKeys\":[\"p\"],\"primaryKeys\":[\"id\",\"p\"],"
        "\"options\":{\"bucket\":\"2\",\"sequence.field\":\"a,m\",\"fields.a,id.sequence-group\":"
        "\"m,a\",\"fields.a.aggregate-function\":\"sum\",\"ignore-delete\":\"true\"},"
        "\"comment\":\"c\",\"timeMillis\":1}";
    struct schema *s = NULL;
    struct error err = {0};
    assert_true(schema_file_parse(str_of(text), &s, &err));
    return s;
}

/* "name id type; …" */
static void print(const struct schema *s, struct buf *out)
{
    for (size_t i = 0; i < s->field_count; i++) {
        buf_printf(out, "%.*s %d ", STR_FMT(s->fields[i].name), s->fields[i].id);
        type_print(&s->fields[i].type, out);
        buf_put_cstr(out, "; ");
    }
}

static const struct type int_type = {.kind = TYPE_INT, .nullable = true};
static const struct type big_type = {.kind = TYPE_BIGINT, .nullable = true};

static struct schema_change change(enum schema_change_kind kind, const char *column)
{
    return (struct schema_change){.kind = kind, .column = str_of(column)};
}

static struct schema_change named(enum schema_change_kind kind, const char *column,
                                  const char *text)
{
    return (struct schema_change){.kind = kind, .column = str_of(column), .text = str_of(text)};
}

static struct schema_change typed(enum schema_change_kind kind, const char *column,
                                  const struct type *type)
{
    return (struct schema_change){.kind = kind, .column = str_of(column), .type = *type};
}

static struct schema *allow(struct schema_change c)
{
    struct schema *s = table();
    struct schema *next = NULL;
    struct error err = {0};
    if (!schema_change_apply(s, &c, 1, true, &next, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(next->id, 5);
    schema_free(s); /* the next one needs nothing of it */
    return next;
}

static void becomes(struct schema_change c, const char *wanted)
{
    struct schema *next = allow(c);
    struct buf text = BUF_INIT(10000);
    print(next, &text);
    assert_string_equal(buf_cstr(&text), wanted);
    assert_int_equal(next->primary_key_count, 2);
    assert_int_equal(next->fields[next->primary_key[0]].id, 0);
    assert_int_equal(next->fields[next->primary_key[1]].id, 1);
    assert_int_equal(next->fields[next->partition_key[0]].id, 1);
    buf_release(&text);
    schema_free(next);
}

static void refuse(struct schema_change c, const char *words)
{
    struct schema *s = table();
    struct schema *next = NULL;
    struct error err = {0};
    if (schema_change_apply(s, &c, 1, true, &next, &err)) {
        fail_msg("change %d of %.*s was taken", (int)c.kind, STR_FMT(c.column));
    }
    assert_int_equal(err.code, FAIL_SCHEMA);
    if (strstr(err.text, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, words);
    }
    schema_free(s);
}

#define ID "id 0 INT NOT NULL; "
#define P "p 1 STRING NOT NULL; "
#define A "a 2 INT; "
#define R "r 3 ROW<x INT, q ARRAY<ROW<y INT>>>; "
#define M "m 7 MAP<STRING NOT NULL, INT>; "

static void columns(void **state)
{
    struct schema_change c = typed(SCHEMA_CHANGE_ADD, "n", &int_type);
    (void)state;
    becomes(c, ID P A R M "n 10 INT; ");
    c.move = SCHEMA_CHANGE_FIRST;
    becomes(c, "n 10 INT; " ID P A R M);
    c.move = SCHEMA_CHANGE_AFTER;
    c.after = STR("p");
    becomes(c, ID P "n 10 INT; " A R M);
    becomes(change(SCHEMA_CHANGE_DROP, "a"), ID P R M);
    becomes(named(SCHEMA_CHANGE_RENAME, "r", "rr"),
            ID P A "rr 3 ROW<x INT, q ARRAY<ROW<y INT>>>; " M);
    becomes(named(SCHEMA_CHANGE_RENAME, "id", "key"), "key 0 INT NOT NULL; " P A R M);
    becomes(typed(SCHEMA_CHANGE_TYPE, "a", &big_type), ID P "a 2 BIGINT; " R M);
    c = change(SCHEMA_CHANGE_MOVE, "m");
    c.move = SCHEMA_CHANGE_FIRST;
    becomes(c, M ID P A R);
    c.move = SCHEMA_CHANGE_AFTER;
    c.after = STR("id");
    becomes(c, ID M P A R);
    c.column = STR("id");
    c.after = STR("r");
    becomes(c, P A R ID M);
}

static void nested_columns(void **state)
{
    struct schema_change c = typed(SCHEMA_CHANGE_ADD, "r.z", &int_type);
    (void)state;
    becomes(c, ID P A "r 3 ROW<x INT, q ARRAY<ROW<y INT>>, z INT>; " M);
    c.move = SCHEMA_CHANGE_FIRST;
    c.column = STR("r.q.element.z");
    becomes(c, ID P A "r 3 ROW<x INT, q ARRAY<ROW<z INT, y INT>>>; " M);
    becomes(change(SCHEMA_CHANGE_DROP, "r.x"), ID P A "r 3 ROW<q ARRAY<ROW<y INT>>>; " M);
    becomes(named(SCHEMA_CHANGE_RENAME, "r.q.element.y", "w"),
            ID P A "r 3 ROW<x INT, q ARRAY<ROW<w INT>>>; " M);
    becomes(typed(SCHEMA_CHANGE_TYPE, "r.q.element.y", &big_type),
            ID P A "r 3 ROW<x INT, q ARRAY<ROW<y BIGINT>>>; " M);
    becomes(typed(SCHEMA_CHANGE_TYPE, "m.value", &big_type),
            ID P A R "m 7 MAP<STRING NOT NULL, BIGINT>; ");
    refuse(typed(SCHEMA_CHANGE_ADD, "a.z", &int_type), "leads into no ROW");
    refuse(typed(SCHEMA_CHANGE_ADD, "m.value.z", &int_type), "leads into no ROW");
    refuse(change(SCHEMA_CHANGE_DROP, "m.value"), "leads into no ROW");
    refuse(change(SCHEMA_CHANGE_DROP, "r.q.element.y"), "the last one");
    refuse(change(SCHEMA_CHANGE_DROP, "r.none"), "there is none");
    refuse(change(SCHEMA_CHANGE_DROP, "none.x"), "there is none");
    refuse(change(SCHEMA_CHANGE_DROP,
                  "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a"),
           "too deep");
}

/* A ROW with a ROW in it: ids as Paimon gives them, inner ones first. */
static void new_ids(void **state)
{
    struct type_field inner[] = {{.name = STR("b"), .type = &int_type}};
    struct type in = {.kind = TYPE_ROW, .nullable = true, .fields = inner, .field_count = 1};
    struct type_field outer[] = {{.name = STR("a"), .type = &in},
                                 {.name = STR("c"), .type = &int_type}};
    struct type out = {.kind = TYPE_ROW, .nullable = true, .fields = outer, .field_count = 2};
    (void)state;
    struct schema *next = allow(typed(SCHEMA_CHANGE_ADD, "n", &out));
    const struct schema_field *n = &next->fields[5];
    assert_int_equal(n->id, 10);
    assert_int_equal(n->type.fields[0].type->fields[0].id, 11);
    assert_int_equal(n->type.fields[0].id, 12);
    assert_int_equal(n->type.fields[1].id, 13);
    assert_int_equal(next->highest_field_id, 13);
    schema_free(next);
}

static void what_is_refused(void **state)
{
    struct type not_null = int_type;
    struct schema_change c;
    not_null.nullable = false;
    (void)state;
    refuse(typed(SCHEMA_CHANGE_ADD, "a", &int_type), "of that name");
    refuse(typed(SCHEMA_CHANGE_ADD, "n", &not_null), "NOT NULL");
    c = typed(SCHEMA_CHANGE_ADD, "n", &int_type);
    c.move = SCHEMA_CHANGE_AFTER;
    c.after = STR("none");
    refuse(c, "put it after");
    refuse(change(SCHEMA_CHANGE_DROP, "id"), "primary key");
    refuse(change(SCHEMA_CHANGE_DROP, "p"), "partitioned");
    refuse(named(SCHEMA_CHANGE_RENAME, "p", "pp"), "partitioned");
    refuse(named(SCHEMA_CHANGE_RENAME, "a", "r"), "new name");
    refuse(typed(SCHEMA_CHANGE_TYPE, "id", &big_type), "primary key");
    c = change(SCHEMA_CHANGE_NULLABLE, "id");
    c.nullable = true;
    refuse(c, "primary key");
    refuse(change(SCHEMA_CHANGE_NULLABLE, "a"), "null-to-not-null");
    refuse(named(SCHEMA_CHANGE_DEFAULT, "a", "x"), "default of column 'a'");
    c = change(SCHEMA_CHANGE_MOVE, "a");
    c.move = SCHEMA_CHANGE_AFTER;
    c.after = STR("a");
    refuse(c, "already");
}

/* DataTypeCasts and CastExecutors, some of each. */
static void types(void **state)
{
    static const char *const pairs[][3] = {
        {"INT", "BIGINT", "i"},
        {"BIGINT", "INT", "e"},
        {"INT", "STRING", "e"},
        {"STRING", "INT", "e"},
        {"INT", "BOOLEAN", "e"},
        {"DOUBLE", "BOOLEAN", ""},
        {"FLOAT", "DOUBLE", "i"},
        {"DOUBLE", "FLOAT", "e"},
        {"DECIMAL(5,2)", "DOUBLE", "i"},
        {"INT", "DECIMAL(20,2)", "i"},
        {"DATE", "INT", ""},
        {"INT", "DATE", ""},
        {"TIMESTAMP(3)", "DATE", "i"},
        {"DATE", "TIMESTAMP(3)", "e"},
        {"STRING", "BYTES", "e"},
        {"BYTES", "STRING", "e"},
        {"BOOLEAN", "DATE", ""},
        {"BYTES", "INT", ""},
        {"VARCHAR(3)", "CHAR(9)", "e"},
        {"VARCHAR(9)", "VARCHAR(3)", "i"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        for (int only_implicit = 0; only_implicit < 2; only_implicit++) {
            struct schema *s = table();
            struct schema *next = NULL;
            struct error err = {0};
            struct type to;
            assert_true(type_parse(str_of(pairs[i][0]), &s->fields[2].type, &err));
            assert_true(type_parse(str_of(pairs[i][1]), &to, &err));
            schema_set_option(s, STR("disable-explicit-type-casting"),
                              only_implicit ? STR("true") : STR("false"));
            struct schema_change c = typed(SCHEMA_CHANGE_TYPE, "a", &to);
            bool wanted = *pairs[i][2] == 'i' || (*pairs[i][2] == 'e' && !only_implicit);
            if (schema_change_apply(s, &c, 1, true, &next, &err) != wanted) {
                fail_msg("%s to %s: %s", pairs[i][0], pairs[i][1], wanted ? err.text : "was taken");
            }
            schema_free(next);
            schema_free(s);
        }
    }
}

static void check_option(const struct schema *s, const char *key, const char *value)
{
    struct str have = schema_option(s, str_of(key));
    if (value == NULL) {
        assert_null(have.ptr);
    } else if (!str_eq(have, str_of(value))) {
        fail_msg("%s is '%.*s', not '%s'", key, STR_FMT(have), value);
    }
}

static void options(void **state)
{
    (void)state;
    struct schema *s = allow(named(SCHEMA_CHANGE_RENAME, "a", "b"));
    check_option(s, "sequence.field", "b,m");
    check_option(s, "fields.b,id.sequence-group", "m,b");
    check_option(s, "fields.b.aggregate-function", "sum");
    check_option(s, "fields.a.aggregate-function", NULL);
    schema_free(s);
    s = allow(named(SCHEMA_CHANGE_RENAME, "r.x", "a")); /* no column of the table */
    check_option(s, "fields.a.aggregate-function", "sum");
    schema_free(s);
    s = allow(named(SCHEMA_CHANGE_SET, "bucket", "5"));
    check_option(s, "bucket", "5");
    schema_free(s);
    s = allow(change(SCHEMA_CHANGE_RESET, "sequence.field"));
    check_option(s, "sequence.field", NULL);
    check_option(s, "bucket", "2");
    schema_free(s);
    refuse(named(SCHEMA_CHANGE_SET, "merge-engine", "aggregation"), "'merge-engine'");
    refuse(change(SCHEMA_CHANGE_RESET, "rowkind.field"), "'rowkind.field'");
    refuse(change(SCHEMA_CHANGE_RESET, "bucket"), "'bucket'");
    refuse(named(SCHEMA_CHANGE_SET, "bucket", "-1"), "'bucket'");
    refuse(named(SCHEMA_CHANGE_SET, "ignore-delete", "false"), "'ignore-delete'");
    refuse(named(SCHEMA_CHANGE_SET, "deletion-vectors.enabled", "true"), "modifiable");
}

/* Without snapshots nothing means anything yet. */
static void before_the_first_snapshot(void **state)
{
    struct schema *s = table();
    struct schema *next = NULL;
    struct error err = {0};
    struct schema_change c[] = {named(SCHEMA_CHANGE_SET, "merge-engine", "aggregation"),
                                named(SCHEMA_CHANGE_SET, "bucket", "-1")};
    (void)state;
    assert_true(schema_change_apply(s, c, 2, false, &next, &err));
    check_option(next, "merge-engine", "aggregation");
    schema_free(next);
    schema_free(s);
}

/* Changes build on each other; texts of columns and table. */
static void in_order(void **state)
{
    struct schema *s = table();
    struct schema *next = NULL;
    struct error err = {0};
    struct schema_change c[] = {
        typed(SCHEMA_CHANGE_ADD, "n", &int_type),   named(SCHEMA_CHANGE_RENAME, "n", "o"),
        named(SCHEMA_CHANGE_DEFAULT, "o", "7"),     named(SCHEMA_CHANGE_DOC, "o", "the o"),
        named(SCHEMA_CHANGE_COMMENT, "", "of all"), change(SCHEMA_CHANGE_DROP, "a"),
        typed(SCHEMA_CHANGE_ADD, "a", &big_type)};
    (void)state;
    assert_true(schema_change_apply(s, c, sizeof c / sizeof *c, true, &next, &err));
    size_t o = schema_find(next, STR("o"));
    size_t a = schema_find(next, STR("a"));
    assert_true(str_eq(next->fields[o].default_value, STR("7")));
    assert_true(str_eq(next->fields[o].comment, STR("the o")));
    assert_true(str_eq(next->comment, STR("of all")));
    assert_int_equal(next->fields[a].id, 11); /* ids are never used again */
    assert_null(next->fields[a].comment.ptr);
    assert_int_equal(next->highest_field_id, 11);
    schema_free(next);
    schema_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns),
        cmocka_unit_test(nested_columns),
        cmocka_unit_test(new_ids),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(types),
        cmocka_unit_test(options),
        cmocka_unit_test(before_the_first_snapshot),
        cmocka_unit_test(in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
