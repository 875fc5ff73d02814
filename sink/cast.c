#include "sink/cast.h"

#include <string.h>

#include "base/mem.h"
#include "sink/cast_rule.h"

#define SHOWN_BYTES 80 /* of a value, in errors */

static const struct type string_type = {
    .kind = TYPE_VARCHAR, .length = TYPE_MAX_LENGTH, .nullable = true};

bool cast_refuse(struct str text, const struct type *to, struct error *err)
{
    struct buf name = BUF_INIT(256);
    type_print(to, &name);
    error_set(err, FAIL_SCHEMA,
              "'%.*s'%s is no %.*s; Paimon cannot read it either: change the column's type back",
              STR_FMT(str_slice(text, 0, SHOWN_BYTES)), text.len > SHOWN_BYTES ? "…" : "",
              STR_FMT(buf_str(&name)));
    buf_release(&name);
    return false;
}

bool cast_refuse_value(const struct type *from, const struct value *v, const struct type *to,
                       struct error *err)
{
    struct buf text = BUF_INIT(CAST_MAX_BYTES);
    cast_text_print(from, v, &text);
    cast_refuse(buf_str(&text), to, err);
    buf_release(&text);
    return false;
}

static bool no_rule(const struct type *from, const struct type *to, struct error *err)
{
    struct buf text = BUF_INIT(400);
    type_print(from, &text);
    buf_put_cstr(&text, " into ");
    type_print(to, &text);
    error_set(err, FAIL_SCHEMA, "Paimon has no rule to cast %.*s", STR_FMT(buf_str(&text)));
    buf_release(&text);
    return false;
}

static const struct type_field *find_field(const struct type *row, int32_t id)
{
    for (size_t i = 0; i < row->field_count; i++) {
        if (row->fields[i].id == id) {
            return &row->fields[i];
        }
    }
    return NULL;
}

/* FormatReaderMapping.pruneDataType */
bool cast_is_absent(const struct type *written, const struct type *wanted)
{
    if (written->kind != wanted->kind) {
        return false;
    }
    if (wanted->kind == TYPE_ARRAY) {
        return cast_is_absent(written->element, wanted->element);
    }
    if (wanted->kind == TYPE_MAP) {
        return cast_is_absent(written->key, wanted->key) ||
               cast_is_absent(written->element, wanted->element);
    }
    if (wanted->kind != TYPE_ROW) {
        return false;
    }
    for (size_t i = 0; i < wanted->field_count; i++) {
        const struct type_field *f = find_field(written, wanted->fields[i].id);
        if (f != NULL && !cast_is_absent(f->type, wanted->fields[i].type)) {
            return false;
        }
    }
    return true;
}

/* The same in memory: equal but for names, comments and what may be null. */
static bool types_same(const struct type *a, const struct type *b)
{
    if (a->kind != b->kind || a->length != b->length || a->precision != b->precision ||
        a->scale != b->scale || a->field_count != b->field_count) {
        return false;
    }
    if ((a->element != NULL && !types_same(a->element, b->element)) ||
        (a->key != NULL && !types_same(a->key, b->key))) {
        return false;
    }
    for (size_t i = 0; i < a->field_count; i++) {
        if (a->fields[i].id != b->fields[i].id ||
            !types_same(a->fields[i].type, b->fields[i].type)) {
            return false;
        }
    }
    return true;
}

static bool cast_part(const struct cast *part, const struct value *in, struct arena *arena,
                      struct value *out, struct error *err)
{
    if (part == NULL || in->state != VALUE_SET) {
        *out = *in;
        return true;
    }
    return part->run(part, in, arena, out, err);
}

static bool run_items(const struct cast *c, const struct value *in, struct arena *arena,
                      struct value *out, struct error *err)
{
    struct value *items = ARENA_ARRAY(arena, struct value, in->len);
    for (uint32_t i = 0; i < in->len; i++) {
        if (!cast_part(c->parts[i % c->count], &in->items[i], arena, &items[i], err)) {
            return error_in(err, "element %u", (unsigned)(i / c->count));
        }
    }
    *out = (struct value){.items = items, .len = in->len, .state = VALUE_SET};
    return true;
}

static bool run_row(const struct cast *c, const struct value *in, struct arena *arena,
                    struct value *out, struct error *err)
{
    struct value *items = ARENA_ARRAY(arena, struct value, c->count);
    for (size_t i = 0; i < c->count; i++) {
        if (c->index[i] == SIZE_MAX) {
            continue; /* zeroes are null */
        }
        must(c->index[i] < in->len);
        if (!cast_part(c->parts[i], &in->items[c->index[i]], arena, &items[i], err)) {
            return error_in(err, "field %.*s", STR_FMT(str_slice(c->to->fields[i].name, 0, 80)));
        }
    }
    *out = (struct value){.items = items, .len = (uint32_t)c->count, .state = VALUE_SET};
    return true;
}

static bool plan_row(struct cast *c, struct arena *arena, struct error *err)
{
    c->count = c->to->field_count;
    c->parts = ARENA_ARRAY(arena, const struct cast *, c->count);
    c->index = ARENA_ARRAY(arena, size_t, c->count);
    c->run = run_row;
    for (size_t i = 0; i < c->count; i++) {
        const struct type_field *wanted = &c->to->fields[i];
        const struct type_field *written = find_field(c->from, wanted->id);
        if (written == NULL || cast_is_absent(written->type, wanted->type)) {
            if (!wanted->type->nullable) {
                return error_set(err, FAIL_SCHEMA, "field %.*s is NOT NULL but not in the file",
                                 STR_FMT(str_slice(wanted->name, 0, 80)));
            }
            c->index[i] = SIZE_MAX;
            continue;
        }
        c->index[i] = (size_t)(written - c->from->fields);
        if (!cast_plan(written->type, wanted->type, arena, &c->parts[i], err)) {
            return error_in(err, "field %.*s", STR_FMT(str_slice(wanted->name, 0, 80)));
        }
    }
    return true;
}

/* SchemaEvolutionUtil.createCastExecutor for types that have parts. */
static bool plan_nested(struct cast *c, struct arena *arena, struct error *err)
{
    if (c->to->kind == TYPE_ROW) {
        return plan_row(c, arena, err);
    }
    bool map = c->to->kind == TYPE_MAP;
    c->count = map ? 2 : 1;
    c->parts = ARENA_ARRAY(arena, const struct cast *, c->count);
    c->run = run_items;
    if (map && !type_equal(c->from->key, c->to->key)) { /* Java wants them equal to the letter */
        return no_rule(c->from, c->to, err);
    }
    return cast_plan(c->from->element, c->to->element, arena, &c->parts[c->count - 1], err);
}

/* Whether all parts of a type can be printed. */
static bool has_text(const struct type *t)
{
    if (t->kind == TYPE_MULTISET || (t->element != NULL && !has_text(t->element)) ||
        (t->key != NULL && !has_text(t->key))) {
        return false;
    }
    for (size_t i = 0; i < t->field_count; i++) {
        if (!has_text(t->fields[i].type)) {
            return false;
        }
    }
    return type_is_nested(t) || type_is_text(t) || cast_text_rule(t, &string_type) != NULL;
}

static cast_rule *find_rule(const struct type *from, const struct type *to)
{
    if (type_is_nested(from) && !has_text(from)) {
        return NULL;
    }
    cast_rule *rule = cast_number_rule(from, to);
    rule = rule != NULL ? rule : cast_time_rule(from, to);
    rule = rule != NULL ? rule : cast_text_rule(from, to);
    return rule != NULL ? rule : cast_parse_rule(from, to);
}

/* STRING and BYTES take any text or bytes as they are. */
static bool is_unbounded(const struct type *from, const struct type *to)
{
    return to->length == TYPE_MAX_LENGTH &&
           ((to->kind == TYPE_VARCHAR && type_is_text(from)) ||
            (to->kind == TYPE_VARBINARY && (type_is_bytes(from) || type_is_text(from))));
}

bool cast_plan(const struct type *written, const struct type *wanted, struct arena *arena,
               const struct cast **out, struct error *err)
{
    if (types_same(written, wanted) || is_unbounded(written, wanted)) {
        *out = NULL;
        return true;
    }
    struct cast *c = arena_zalloc(arena, sizeof(*c));
    c->from = written;
    c->to = wanted;
    bool nested =
        written->kind == wanted->kind &&
        (wanted->kind == TYPE_ROW || wanted->kind == TYPE_ARRAY || wanted->kind == TYPE_MAP);
    if (nested) {
        if (!plan_nested(c, arena, err)) {
            return false;
        }
    } else {
        c->run = find_rule(written, wanted);
        if (c->run == NULL) {
            return no_rule(written, wanted, err);
        }
    }
    *out = c;
    return true;
}

bool cast_value(const struct cast *c, const struct value *in, struct arena *arena,
                struct value *out, struct error *err)
{
    return cast_part(c, in, arena, out, err);
}
