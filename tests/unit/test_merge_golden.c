/* What Paimon Java made of the records of a key (tests/golden/merge/cases.jsonl, written by make.py
 * there), replayed through merge_rule: per commit as the write buffer does, then over the commits
 * as a reader does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/instant.h"
#include "base/json.h"
#include "base/mem.h"
#include "sink/merge_rule.h"

#define CASES TEST_DATA "/merge/cases.jsonl"
#define ROWS_MAX 64

struct replay {
    struct arena arena;
    struct schema *schema;
    struct merge_rule *rule;
    struct str name;
    bool unordered[16];
    struct run_row rows[ROWS_MAX]; /* of the commit being filled */
    size_t count;
    struct run_row merged[ROWS_MAX]; /* what the commits hold */
    size_t merged_count;
    bool failed; /* on the way: the case must say so */
    struct error why;
};

/* ---- types and values of the judge's JSON ---- */

static struct type read_type(struct replay *r, const struct json *j)
{
    struct type t = {0};
    struct error err = {0};
    struct str text;
    if (json_str(j, &text)) {
        if (!type_parse(text, &t, &err)) {
            fail_msg("%s", err.text);
        }
        return t;
    }
    assert_true(json_str(json_get(j, "type"), &text));
    t.nullable = true;
    if (str_eq(text, STR("ROW"))) {
        const struct json *fields = json_get(j, "fields");
        struct type_field *f = ARENA_ARRAY(&r->arena, struct type_field, json_count(fields));
        struct json_iter it = json_iter(fields);
        const struct json *field;
        struct str key;
        while (json_next(&it, &key, &field)) {
            struct type *inner = ARENA_ARRAY(&r->arena, struct type, 1);
            *inner = read_type(r, json_get(field, "type"));
            f[t.field_count].type = inner;
            assert_true(json_str(json_get(field, "name"), &text));
            f[t.field_count++].name = arena_str(&r->arena, text);
        }
        t.kind = TYPE_ROW;
        t.fields = f;
        return t;
    }
    struct type *inner = ARENA_ARRAY(&r->arena, struct type, 2);
    t.kind = str_eq(text, STR("ARRAY")) ? TYPE_ARRAY : TYPE_MAP;
    inner[0] = read_type(r, json_get(j, t.kind == TYPE_ARRAY ? "element" : "value"));
    t.element = &inner[0];
    if (t.kind == TYPE_MAP) {
        inner[1] = read_type(r, json_get(j, "key"));
        t.key = &inner[1];
    }
    return t;
}

/* The number in text[from … from + len). */
static int64_t digits(struct str text, size_t from, size_t len)
{
    int64_t v = 0;
    assert_true(str_to_i64(str_slice(text, from, from + len), &v));
    return v;
}

/* HH:MM:SS, in seconds. */
static int64_t read_clock(struct str text, size_t from)
{
    return (digits(text, from, 2) * 60 + digits(text, from + 3, 2)) * 60 +
           digits(text, from + 6, 2);
}

static void read_time(const struct type *t, struct str text, struct value *v)
{
    if (t->kind == TYPE_TIME) {
        v->i = read_clock(text, 0) * 1000 + digits(text, 9, 3);
        return;
    }
    int64_t days = instant_days(digits(text, 0, 4), (unsigned)digits(text, 5, 2),
                                (unsigned)digits(text, 8, 2));
    v->i = days;
    if (t->kind != TYPE_DATE) {
        v->i = (days * 86400 + read_clock(text, 11)) * 1000 + digits(text, 20, 3);
        v->len = (uint32_t)digits(text, 23, 6);
    }
}

static unsigned hex_digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void read_text(struct replay *r, const struct type *t, struct str text, struct value *v)
{
    const char *own = arena_cstr(&r->arena, text);
    if (type_is_text(t)) {
        v->bytes = own;
        v->len = (uint32_t)text.len;
    } else if (type_is_bytes(t)) {
        char *bytes = arena_alloc(&r->arena, text.len / 2);
        for (size_t i = 0; i < text.len / 2; i++) {
            bytes[i] = (char)(hex_digit(own[2 * i]) << 4 | hex_digit(own[2 * i + 1]));
        }
        v->bytes = bytes;
        v->len = (uint32_t)text.len / 2;
    } else if (t->kind == TYPE_FLOAT) {
        v->f4 = strtof(own, NULL);
    } else if (t->kind == TYPE_DOUBLE) {
        v->f8 = strtod(own, NULL);
    } else if (t->kind == TYPE_DECIMAL) {
        int128 *wide = arena_alloc(&r->arena, sizeof(*wide));
        assert_true(decimal_parse(text, t->scale, wide));
        if (t->precision > 18) {
            v->wide = wide;
        } else {
            v->i = (int64_t)*wide;
        }
    } else {
        read_time(t, text, v);
    }
}

static struct value read_value(struct replay *r, const struct type *t, const struct json *j);

static void read_items(struct replay *r, const struct type *t, const struct json *j,
                       struct value *v)
{
    size_t per = t->kind == TYPE_MAP ? 2 : 1;
    size_t count = t->kind == TYPE_ROW ? t->field_count : json_count(j) * per;
    struct value *items = ARENA_ARRAY(&r->arena, struct value, count);
    struct json_iter it = json_iter(j);
    const struct json *item;
    struct str key;
    for (size_t i = 0; t->kind == TYPE_ROW && i < count; i++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "%.*s", STR_FMT(t->fields[i].name));
        items[i] = read_value(r, t->fields[i].type, json_get(j, name));
    }
    for (size_t i = 0; t->kind != TYPE_ROW && json_next(&it, &key, &item); i += per) {
        if (t->kind == TYPE_ARRAY) {
            items[i] = read_value(r, t->element, item);
            continue;
        }
        struct json_iter pair = json_iter(item);
        const struct json *half;
        assert_true(json_next(&pair, &key, &half));
        items[i] = read_value(r, t->key, half);
        assert_true(json_next(&pair, &key, &half));
        items[i + 1] = read_value(r, t->element, half);
    }
    v->items = items;
    v->len = (uint32_t)count;
}

static struct value read_value(struct replay *r, const struct type *t, const struct json *j)
{
    struct value v = {.state = VALUE_SET};
    struct str text;
    bool flag;
    int64_t number;
    if (json_is_null(j)) {
        v.state = VALUE_NULL;
    } else if (type_is_nested(t)) {
        read_items(r, t, j, &v);
    } else if (json_bool(j, &flag)) {
        v.i = flag;
    } else if (json_str(j, &text)) {
        read_text(r, t, text, &v);
    } else {
        assert_true(json_i64(j, &number));
        if (t->kind == TYPE_DOUBLE) {
            v.f8 = (double)number;
        } else if (t->kind == TYPE_FLOAT) {
            v.f4 = (float)number;
        } else {
            v.i = number;
        }
    }
    return v;
}

/* ---- a case ---- */

static void begin_case(struct replay *r, const struct json *head)
{
    const struct json *create = json_get(head, "create");
    const struct json *columns = json_get(create, "columns");
    const struct json *item;
    struct str key;
    struct str text;
    arena_release(&r->arena);
    schema_free(r->schema);
    merge_rule_free(r->rule);
    r->rule = NULL;
    r->count = 0;
    r->merged_count = 0;
    memset(r->unordered, 0, sizeof(r->unordered));
    assert_true(json_str(json_get(head, "case"), &text));
    r->name = arena_str(&r->arena, text);
    struct schema *s = r->schema = schema_new();
    s->fields = ARENA_ARRAY(&s->arena, struct schema_field, json_count(columns));
    s->primary_key = ARENA_ARRAY(&s->arena, size_t, 1);
    s->primary_key_count = 1; /* the first column */
    struct json_iter it = json_iter(columns);
    while (json_next(&it, &key, &item)) {
        struct schema_field *f = &s->fields[s->field_count++];
        assert_true(json_str(json_get(item, "name"), &text));
        f->name = arena_str(&s->arena, text);
        f->type = read_type(r, json_get(item, "type"));
    }
    it = json_iter(json_get(create, "options"));
    while (json_next(&it, &key, &item)) {
        assert_true(json_str(item, &text));
        schema_set_option(s, key, text);
    }
    it = json_iter(json_get(head, "unordered"));
    while (json_next(&it, &key, &item)) {
        assert_true(json_str(item, &text));
        assert_true(schema_find(s, text) < sizeof(r->unordered));
        r->unordered[schema_find(s, text)] = true;
    }
    r->failed = !merge_rule_new(s, &r->rule, &r->why);
}

static void add_row(struct replay *r, const struct json *line)
{
    static const char *const kinds[] = {"+I", "-U", "+U", "-D"};
    struct str kind_text;
    enum row_kind kind = ROW_INSERT;
    bool keep = false;
    if (r->failed) {
        return;
    }
    assert_true(json_str(json_get(line, "k"), &kind_text));
    for (size_t k = 0; k < 4; k++) {
        kind = str_eq(kind_text, str_of(kinds[k])) ? (enum row_kind)k : kind;
    }
    struct value *values = ARENA_ARRAY(&r->arena, struct value, r->schema->field_count);
    for (size_t c = 0; c < r->schema->field_count; c++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "%.*s", STR_FMT(r->schema->fields[c].name));
        values[c] = read_value(r, &r->schema->fields[c].type, json_get(json_get(line, "r"), name));
    }
    /* What could never be merged is refused here at entry; Paimon takes it and fails later: then
     * the record goes in all the same, and the merge must say no. */
    if (!merge_rule_admit(r->rule, values, &kind, &keep, &r->why)) {
        keep = row_kind_is_add(kind) ? false : true;
        r->failed = row_kind_is_add(kind);
    }
    if (keep) {
        assert_true(r->count < ROWS_MAX);
        r->rows[r->count] =
            (struct run_row){.key = &values[0],
                             .values = values,
                             .sequence = (int64_t)(r->merged_count * 100 + r->count),
                             .kind = (uint8_t)kind};
        r->count++;
    }
}

static bool before(const struct replay *r, const struct run_row *a, const struct run_row *b)
{
    int c = value_compare(&r->schema->fields[0].type, a->key, b->key);
    c = c != 0 ? c : merge_rule_compare(r->rule, a->values, b->values);
    return c != 0 ? c < 0 : a->sequence < b->sequence;
}

static void sort_rows(const struct replay *r, struct run_row *rows, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct run_row row = rows[i];
        size_t at = i;
        for (; at > 0 && before(r, &row, &rows[at - 1]); at--) {
            rows[at] = rows[at - 1];
        }
        rows[at] = row;
    }
}

/* Merges sorted rows by key; results are copies. Groups are settled after `settle` records, as the
 * sort buffer does with long ones. Returns how many there are. */
static size_t merge_rows(struct replay *r, struct run_row *rows, size_t count, size_t settle,
                         struct run_row *out)
{
    struct merge_state *s = merge_state_new(r->rule, false);
    size_t results = 0;
    for (size_t first = 0; first < count && !r->failed;) {
        size_t end = first;
        merge_state_begin(s);
        for (; end < count && rows[end].values[0].i == rows[first].values[0].i && !r->failed;
             end++) {
            r->failed = !merge_state_add(s, &rows[end], 0, &r->why);
            if (!r->failed && end - first >= settle && (end - first) % settle == 0) {
                merge_state_settle(s);
            }
        }
        struct run_row row;
        enum next next = r->failed ? NEXT_FAIL : merge_state_result(s, &row, &r->why);
        r->failed = next == NEXT_FAIL;
        if (next == NEXT_ROW) {
            struct value *own =
                row_copy(&r->arena, r->schema->fields, r->schema->field_count, row.values);
            row.values = own;
            row.key = own;
            out[results++] = row;
        }
        first = end;
    }
    merge_state_free(s);
    return results;
}

static void commit(struct replay *r)
{
    if (r->failed || r->count == 0) {
        return;
    }
    sort_rows(r, r->rows, r->count);
    assert_true(r->merged_count + r->count <= ROWS_MAX);
    r->merged_count += merge_rows(r, r->rows, r->count, 1, r->merged + r->merged_count);
    r->count = 0;
}

static int compare_printed(const struct type *t, const struct value *a, const struct value *b)
{
    struct buf x = BUF_INIT(100000);
    struct buf y = BUF_INIT(100000);
    value_print_json(t, a, &x);
    value_print_json(t, b, &y);
    int c = str_compare(buf_str(&x), buf_str(&y));
    buf_release(&x);
    buf_release(&y);
    return c;
}

static void sort_items(struct replay *r, const struct type *t, struct value *array)
{
    struct value *items = ARENA_ARRAY(&r->arena, struct value, array->len);
    for (size_t i = 0; i < array->len; i++) {
        size_t at = i;
        for (; at > 0 && compare_printed(t->element, &array->items[i], &items[at - 1]) < 0; at--) {
            items[at] = items[at - 1];
        }
        items[at] = array->items[i];
    }
    array->items = items;
}

static void check_rows(struct replay *r, const struct json *expect)
{
    struct run_row results[ROWS_MAX];
    sort_rows(r, r->merged, r->merged_count);
    size_t count = merge_rows(r, r->merged, r->merged_count, ROWS_MAX, results);
    if (r->failed) {
        fail_msg("%.*s: %s", STR_FMT(r->name), r->why.text);
    }
    struct json_iter it = json_iter(expect);
    const struct json *item;
    struct str key;
    for (size_t i = 0; i < count; i++) {
        struct str want = STR("nothing");
        if (!row_kind_is_add((enum row_kind)results[i].kind)) {
            continue;
        }
        struct value *own =
            row_copy(&r->arena, r->schema->fields, r->schema->field_count, results[i].values);
        for (size_t c = 0; c < r->schema->field_count; c++) {
            if (r->unordered[c] && own[c].state == VALUE_SET) {
                sort_items(r, &r->schema->fields[c].type, &own[c]);
            }
        }
        struct buf got = BUF_INIT(1000000);
        row_print_json(r->schema->fields, r->schema->field_count, own, &got);
        if (!json_next(&it, &key, &item) || !json_str(item, &want) ||
            !str_eq(want, buf_str(&got))) {
            fail_msg("%.*s: %.400s, Paimon has %.400s", STR_FMT(r->name), buf_cstr(&got), want.ptr);
        }
        buf_release(&got);
    }
    if (json_next(&it, &key, &item)) {
        fail_msg("%.*s: too few rows", STR_FMT(r->name));
    }
}

static void check_fails(struct replay *r)
{
    struct run_row results[ROWS_MAX];
    if (!r->failed) {
        sort_rows(r, r->merged, r->merged_count);
        (void)merge_rows(r, r->merged, r->merged_count, ROWS_MAX, results);
    }
    if (!r->failed) {
        fail_msg("%.*s: Paimon fails, we do not", STR_FMT(r->name));
    }
    assert_true(r->why.code == FAIL_SCHEMA || r->why.code == FAIL_CORRUPT);
    assert_true(strlen(r->why.text) > 20);
}

static size_t replay_line(struct replay *r, struct str line)
{
    struct json_doc *doc = NULL;
    struct error err = {0};
    size_t cases = 0;
    if (!json_parse(line, &doc, &err)) {
        fail_msg("%s", err.text);
    }
    const struct json *root = json_root(doc);
    if (json_get(root, "case") != NULL) {
        begin_case(r, root);
    } else if (json_get(root, "r") != NULL) {
        add_row(r, root);
    } else if (json_get(root, "commit") != NULL) {
        commit(r);
    } else if (json_get(root, "fails") != NULL) {
        check_fails(r);
        cases++;
    } else {
        check_rows(r, json_get(root, "expect"));
        cases++;
    }
    json_free(doc);
    return cases;
}

static void as_paimon_java(void **state)
{
    (void)state;
    FILE *file = fopen(CASES, "rb");
    assert_non_null(file);
    struct buf text = BUF_INIT((size_t)16 << 20);
    char piece[65536];
    size_t got;
    while ((got = fread(piece, 1, sizeof(piece), file)) > 0) {
        buf_put(&text, piece, got);
    }
    assert_int_equal(fclose(file), 0);
    struct replay r = {0};
    struct str rest = buf_str(&text);
    struct str line;
    size_t cases = 0;
    while (str_next(&rest, '\n', &line)) {
        if (line.len > 0) {
            cases += replay_line(&r, line);
        }
    }
    assert_true(cases > 350);
    buf_release(&text);
    arena_release(&r.arena);
    schema_free(r.schema);
    merge_rule_free(r.rule);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_paimon_java)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
