/* Functions of ARRAY and MAP columns: collect, merge_map, merge_map_with_keytime, nested_update,
 * nested_partial_update. Java keeps elements and keys in hash maps; equal is what its equals()
 * says: byte arrays (BINARY, VARBINARY) are never equal to each other there, and so not here. */
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "sink/aggregate.h"

#define ITEMS_MAX ((size_t)INT32_MAX)
#define TEXT_MAX ((size_t)1 << 30)

/* Elements or entries by their canonical text: equal values print alike. */
struct index {
    struct map map; /* text -> position + 1 */
    struct buf text;
};

static void index_init(struct index *x)
{
    *x = (struct index){.text = BUF_INIT(TEXT_MAX)};
}

static void index_release(struct index *x)
{
    map_release(&x->map);
    buf_release(&x->text);
}

/* Where the value is, or SIZE_MAX; then it gets position `next`. */
static size_t index_place(struct index *x, size_t next)
{
    void *found = map_get(&x->map, buf_str(&x->text));
    if (found != NULL) {
        return (size_t)(uintptr_t)found - 1;
    }
    (void)map_put(&x->map, buf_str(&x->text), (void *)(uintptr_t)(next + 1));
    return SIZE_MAX;
}

static void index_text(struct index *x, const struct type *t, const struct value *v)
{
    buf_reset(&x->text);
    value_print_json(t, v, &x->text);
    must(!x->text.failed); /* a value is at most SORT_BUFFER_ROW_MAX or a file's block */
}

/* Equal to no other in Java. */
static bool is_identity(const struct type *t, const struct value *v)
{
    return type_is_bytes(t) && v->state == VALUE_SET;
}

static bool items_room(const struct aggregate_step *s, size_t count, struct value **out,
                       struct error *err)
{
    if (count > ITEMS_MAX) {
        error_set(err, FAIL_LIMIT, "it would have %zu items; %zu are the most", count, ITEMS_MAX);
        return false;
    }
    *out = ARENA_ARRAY(s->arena, struct value, count);
    return true;
}

static void set_items(struct value *out, const struct value *items, size_t count)
{
    *out = (struct value){.items = items, .len = (uint32_t)count, .state = VALUE_SET};
}

static size_t item_count(const struct value *v)
{
    return v->state == VALUE_SET ? v->len : 0;
}

static bool one_is_null(const struct value *acc, const struct value *input, struct value *out)
{
    if (acc->state == VALUE_SET && input->state == VALUE_SET) {
        return false;
    }
    *out = acc->state == VALUE_SET ? *acc : *input;
    return true;
}

/* ---- collect ---- */

static bool check_array(const struct aggregate *a, struct error *err)
{
    return a->type->kind == TYPE_ARRAY ||
           error_set(err, FAIL_SCHEMA, "column %.*s: aggregate function collect needs an ARRAY",
                     STR_FMT(a->column));
}

static void add_all(const struct value *from, struct value *items, size_t *count)
{
    for (size_t i = 0; i < item_count(from); i++) {
        items[(*count)++] = from->items[i];
    }
}

static void add_new(const struct aggregate_step *s, struct index *x, const struct value *from,
                    struct value *items, size_t *count)
{
    const struct type *t = s->aggregate->type->element;
    for (size_t i = 0; i < item_count(from); i++) {
        const struct value *v = &from->items[i];
        bool known = false;
        if (!is_identity(t, v)) {
            index_text(x, t, v);
            known = index_place(x, *count) != SIZE_MAX;
        }
        if (!known) {
            items[(*count)++] = *v;
        }
    }
}

static bool collect_add(const struct aggregate_step *s, const struct value *acc,
                        const struct value *input, struct value *out, struct error *err)
{
    bool distinct = s->aggregate->distinct;
    if (acc->state != VALUE_SET && input->state != VALUE_SET) {
        *out = *acc;
        return true;
    }
    if (!distinct && one_is_null(acc, input, out)) {
        return true;
    }
    struct value *items = NULL;
    if (!items_room(s, item_count(acc) + item_count(input), &items, err)) {
        return false;
    }
    size_t count = 0;
    if (distinct) {
        struct index x;
        index_init(&x);
        add_new(s, &x, acc, items, &count);
        add_new(s, &x, input, items, &count);
        index_release(&x);
    } else {
        add_all(acc, items, &count);
        add_all(input, items, &count);
    }
    set_items(out, items, count);
    return true;
}

/* Takes one element away for each that is given. */
static bool collect_retract(const struct aggregate_step *s, const struct value *acc,
                            const struct value *input, struct value *out, struct error *err)
{
    const struct type *t = s->aggregate->type->element;
    if (acc->state != VALUE_SET || item_count(input) == 0) {
        *out = *acc;
        return true;
    }
    struct value *items = NULL;
    if (!items_room(s, acc->len, &items, err)) {
        return false;
    }
    bool *used = ARENA_ARRAY(s->arena, bool, input->len);
    size_t count = 0;
    for (size_t i = 0; i < acc->len; i++) {
        bool taken = false;
        for (size_t k = 0; k < input->len && !taken && !is_identity(t, &acc->items[i]); k++) {
            taken = !used[k] && value_equal(t, &acc->items[i], &input->items[k]);
            used[k] = used[k] || taken;
        }
        if (!taken) {
            items[count++] = acc->items[i];
        }
    }
    set_items(out, items, count);
    return true;
}

/* ---- maps ---- */

/* Entries in the order they came; removed ones are skipped at the end. */
struct entries {
    struct index index;
    const struct type *type; /* of the MAP */
    struct value *pairs;
    bool *gone;
    size_t count;
};

static bool entries_init(struct entries *e, const struct aggregate_step *s, size_t most_items,
                         struct error *err)
{
    *e = (struct entries){.type = s->aggregate->type};
    if (!items_room(s, most_items, &e->pairs, err)) {
        return false;
    }
    e->gone = ARENA_ARRAY(s->arena, bool, most_items / 2);
    index_init(&e->index);
    return true;
}

/* The place of a key, added (with a null value) when it is new: *out_new. */
static size_t entries_find(struct entries *e, const struct value *key, bool *out_new)
{
    size_t at = SIZE_MAX;
    if (!is_identity(e->type->key, key)) {
        index_text(&e->index, e->type->key, key);
        at = index_place(&e->index, e->count);
    }
    *out_new = at == SIZE_MAX;
    if (*out_new) {
        at = e->count++;
        e->pairs[at * 2] = *key;
        e->pairs[at * 2 + 1] = (struct value){.state = VALUE_NULL};
    }
    return at;
}

static void entries_put_all(struct entries *e, const struct value *map)
{
    for (size_t i = 0; i + 1 < item_count(map); i += 2) {
        bool is_new;
        size_t at = entries_find(e, &map->items[i], &is_new);
        e->pairs[at * 2 + 1] = map->items[i + 1];
    }
}

static void entries_finish(struct entries *e, struct value *out)
{
    size_t kept = 0;
    for (size_t i = 0; i < e->count; i++) {
        if (!e->gone[i]) {
            e->pairs[kept * 2] = e->pairs[i * 2];
            e->pairs[kept * 2 + 1] = e->pairs[i * 2 + 1];
            kept++;
        }
    }
    set_items(out, e->pairs, kept * 2);
    index_release(&e->index);
}

static bool check_map(const struct aggregate *a, struct error *err)
{
    return a->type->kind == TYPE_MAP ||
           error_set(err, FAIL_SCHEMA, "column %.*s: aggregate function %s needs a MAP",
                     STR_FMT(a->column), a->ops->name);
}

static bool merge_map_add(const struct aggregate_step *s, const struct value *acc,
                          const struct value *input, struct value *out, struct error *err)
{
    struct entries e;
    if (one_is_null(acc, input, out)) {
        return true;
    }
    if (!entries_init(&e, s, (size_t)acc->len + input->len, err)) {
        return false;
    }
    entries_put_all(&e, acc);
    entries_put_all(&e, input);
    entries_finish(&e, out);
    return true;
}

static bool merge_map_retract(const struct aggregate_step *s, const struct value *acc,
                              const struct value *input, struct value *out, struct error *err)
{
    struct entries e;
    if (acc->state != VALUE_SET || item_count(input) == 0) {
        *out = *acc;
        return true;
    }
    if (!entries_init(&e, s, (size_t)acc->len + input->len, err)) {
        return false;
    }
    entries_put_all(&e, acc);
    for (size_t i = 0; i + 1 < input->len; i += 2) {
        bool is_new;
        size_t at = entries_find(&e, &input->items[i], &is_new);
        e.gone[at] = true;
    }
    entries_finish(&e, out);
    return true;
}

static bool check_timed_map(const struct aggregate *a, struct error *err)
{
    const struct type *t = a->type;
    if (t->kind != TYPE_MAP || t->element->kind != TYPE_ROW || t->element->field_count < 2 ||
        !type_is_text(t->element->fields[a->time_field].type)) {
        return error_set(err, FAIL_SCHEMA,
                         "column %.*s: aggregate function %s needs a MAP of ROWs with two or more "
                         "fields, of which the one of the time (fields.%.*s.ts-field, or the last) "
                         "is a text",
                         STR_FMT(a->column), a->ops->name, STR_FMT(a->column));
    }
    return true;
}

/* Java's String.compareTo is by UTF-16 units: what UTF-8 has in four bytes comes before U+E000. */
static int utf16_rank(unsigned char byte)
{
    return byte >= 0xf0 ? byte - 0x10 : byte >= 0xee ? byte + 0x08 : byte;
}

static int compare_java(struct str a, struct str b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < shorter; i++) {
        if (a.ptr[i] != b.ptr[i]) {
            return utf16_rank((unsigned char)a.ptr[i]) - utf16_rank((unsigned char)b.ptr[i]);
        }
    }
    return (a.len > b.len) - (a.len < b.len);
}

static bool timed_map_add(const struct aggregate_step *s, const struct value *acc,
                          const struct value *input, struct value *out, struct error *err)
{
    size_t time = s->aggregate->time_field;
    struct entries e;
    if (one_is_null(acc, input, out)) {
        return true;
    }
    if (!entries_init(&e, s, (size_t)acc->len + input->len, err)) {
        return false;
    }
    entries_put_all(&e, acc);
    for (size_t i = 0; i + 1 < input->len; i += 2) {
        const struct value *row = &input->items[i + 1];
        if (row->state == VALUE_SET && row->items[time].state != VALUE_SET) {
            continue;
        }
        bool is_new;
        size_t at = entries_find(&e, &input->items[i], &is_new);
        struct value *old = &e.pairs[at * 2 + 1];
        if (row->state != VALUE_SET) {
            e.gone[at] = true;
            *old = (struct value){.state = VALUE_NULL};
        } else if (old->state != VALUE_SET || old->items[time].state != VALUE_SET ||
                   compare_java(value_str(&row->items[time]), value_str(&old->items[time])) > 0) {
            *old = *row;
            e.gone[at] = false;
        }
    }
    entries_finish(&e, out);
    return true;
}

/* ---- arrays of rows ---- */

static bool check_rows(const struct aggregate *a, struct error *err)
{
    return (a->type->kind == TYPE_ARRAY && a->type->element->kind == TYPE_ROW) ||
           error_set(err, FAIL_SCHEMA, "column %.*s: aggregate function %s needs an ARRAY of ROWs",
                     STR_FMT(a->column), a->ops->name);
}

static bool check_keyed_rows(const struct aggregate *a, struct error *err)
{
    if (!check_rows(a, err)) {
        return false;
    }
    return a->nested_key_count > 0 ||
           error_set(err, FAIL_SCHEMA,
                     "column %.*s: aggregate function %s needs the table option "
                     "'fields.%.*s.nested-key'",
                     STR_FMT(a->column), a->ops->name, STR_FMT(a->column));
}

static void row_key_text(const struct aggregate_step *s, struct index *x, const struct value *row)
{
    const struct aggregate *a = s->aggregate;
    buf_reset(&x->text);
    for (size_t i = 0; i < a->nested_key_count; i++) {
        size_t field = a->nested_keys[i];
        value_print_json(a->type->element->fields[field].type, &row->items[field], &x->text);
        buf_put_byte(&x->text, 0); /* never within a printed value */
    }
    must(!x->text.failed);
}

/* Rows that are not null, at most `limit`; a row whose key is known takes the other's place. */
static void put_rows(const struct aggregate_step *s, struct index *x, const struct value *from,
                     int64_t limit, struct value *rows, size_t *count)
{
    int64_t added = 0;
    for (size_t i = 0; i < from->len && added < limit; i++) {
        if (from->items[i].state != VALUE_SET) {
            continue;
        }
        size_t at = SIZE_MAX;
        if (s->aggregate->nested_key_count > 0) {
            row_key_text(s, x, &from->items[i]);
            at = index_place(x, *count);
        }
        at = at == SIZE_MAX ? (*count)++ : at;
        rows[at] = from->items[i];
        added++;
    }
}

static bool nested_update_add(const struct aggregate_step *s, const struct value *acc,
                              const struct value *input, struct value *out, struct error *err)
{
    struct value *rows = NULL;
    size_t count = 0;
    int64_t limit = s->aggregate->count_limit;
    if (one_is_null(acc, input, out)) {
        return true;
    }
    if (acc->len >= limit) {
        *out = *acc;
        return true;
    }
    if (!items_room(s, (size_t)acc->len + input->len, &rows, err)) {
        return false;
    }
    struct index x;
    index_init(&x);
    put_rows(s, &x, acc, INT64_MAX, rows, &count);
    put_rows(s, &x, input, limit - acc->len, rows, &count);
    index_release(&x);
    set_items(out, rows, count);
    return true;
}

/* Without a key all rows equal to one given go; with one, those of its key. */
static bool is_retracted(const struct aggregate_step *s, const struct value *row,
                         const struct value *input)
{
    const struct aggregate *a = s->aggregate;
    for (size_t k = 0; k < input->len; k++) {
        const struct value *other = &input->items[k];
        bool same = other->state == VALUE_SET;
        if (a->nested_key_count == 0) {
            same = same && value_equal(a->type->element, row, other);
        }
        for (size_t i = 0; i < a->nested_key_count && same; i++) {
            size_t field = a->nested_keys[i];
            same = value_equal(a->type->element->fields[field].type, &row->items[field],
                               &other->items[field]);
        }
        if (same) {
            return true;
        }
    }
    return false;
}

static bool nested_update_retract(const struct aggregate_step *s, const struct value *acc,
                                  const struct value *input, struct value *out, struct error *err)
{
    struct value *rows = NULL;
    size_t count = 0;
    if (acc->state != VALUE_SET || input->state != VALUE_SET) {
        *out = *acc;
        return true;
    }
    if (!items_room(s, acc->len, &rows, err)) {
        return false;
    }
    struct index x;
    index_init(&x);
    put_rows(s, &x, acc, INT64_MAX, rows, &count);
    index_release(&x);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_retracted(s, &rows[i], input)) {
            rows[kept++] = rows[i];
        }
    }
    set_items(out, rows, kept);
    return true;
}

/* Lays the fields of a row that are not null over the row of the same key. */
static void lay_rows(const struct aggregate_step *s, struct index *x, const struct value *from,
                     struct value *rows, size_t *count)
{
    size_t fields = s->aggregate->type->element->field_count;
    for (size_t i = 0; i < from->len; i++) {
        const struct value *row = &from->items[i];
        if (row->state != VALUE_SET) {
            continue;
        }
        row_key_text(s, x, row);
        size_t at = index_place(x, *count);
        struct value *merged = ARENA_ARRAY(s->arena, struct value, fields);
        at = at == SIZE_MAX ? (*count)++ : at;
        const struct value *old = rows[at].state == VALUE_SET ? rows[at].items : NULL;
        for (size_t f = 0; f < fields; f++) {
            if (row->items[f].state == VALUE_SET) {
                merged[f] = row->items[f];
            } else if (old != NULL) {
                merged[f] = old[f];
            }
        }
        set_items(&rows[at], merged, fields);
    }
}

static bool nested_partial_update_add(const struct aggregate_step *s, const struct value *acc,
                                      const struct value *input, struct value *out,
                                      struct error *err)
{
    struct value *rows = NULL;
    size_t count = 0;
    if (one_is_null(acc, input, out)) {
        return true;
    }
    if (!items_room(s, (size_t)acc->len + input->len, &rows, err)) {
        return false;
    }
    struct index x;
    index_init(&x);
    lay_rows(s, &x, acc, rows, &count);
    lay_rows(s, &x, input, rows, &count);
    index_release(&x);
    set_items(out, rows, count);
    return true;
}

const struct aggregate_ops aggregate_nested_ops[] = {
    {.name = "collect",
     .check = check_array,
     .add = collect_add,
     .retract = collect_retract,
     .symmetric = true},
    {.name = "merge_map", .check = check_map, .add = merge_map_add, .retract = merge_map_retract},
    {.name = "merge_map_with_keytime", .check = check_timed_map, .add = timed_map_add},
    {.name = "nested_update",
     .check = check_rows,
     .add = nested_update_add,
     .retract = nested_update_retract},
    {.name = "nested_partial_update", .check = check_keyed_rows, .add = nested_partial_update_add},
    {.name = NULL},
};
