#include "sink/schema_change.h"

#include "base/instant.h"
#include "sink/cast.h"

/* A column of the table, or a field of a ROW: changes treat both alike. */
struct column {
    int32_t id;
    struct str name;
    const struct type *type;
    struct str comment;
    struct str default_value; /* of the table's columns only */
};

struct columns {
    struct column *items;
    size_t count, cap;
};

struct change {
    struct schema *next;
    struct arena *arena; /* of next */
    const struct schema *old;
    const struct schema_change *what;
    struct str path[SCHEMA_CHANGE_MAX_PATH];
    size_t depth;
    struct error *err;
};

static bool not_allowed(const struct change *c, const char *why)
{
    return error_set(c->err, FAIL_SCHEMA, "column '%.*s': %s",
                     STR_FMT(str_slice(c->what->column, 0, 120)), why);
}

static size_t find(const struct columns *l, struct str name)
{
    for (size_t i = 0; i < l->count; i++) {
        if (str_eq(l->items[i].name, name)) {
            return i;
        }
    }
    return SIZE_MAX;
}

static void insert(struct change *c, struct columns *l, size_t at, struct column column)
{
    if (l->count == l->cap) {
        size_t cap = l->cap == 0 ? 8 : l->cap * 2;
        struct column *items = ARENA_ARRAY(c->arena, struct column, cap);
        for (size_t i = 0; i < l->count; i++) {
            items[i] = l->items[i];
        }
        l->items = items;
        l->cap = cap;
    }
    for (size_t i = l->count; i > at; i--) {
        l->items[i] = l->items[i - 1];
    }
    l->items[at] = column;
    l->count++;
}

static void take_out(struct columns *l, size_t at)
{
    l->count--;
    for (size_t i = at; i < l->count; i++) {
        l->items[i] = l->items[i + 1];
    }
}

/* ---- types ---- */

static struct type *copy_type(struct arena *a, const struct type *t)
{
    struct type *copy = arena_alloc(a, sizeof *copy);
    *copy = *t;
    return copy;
}

static struct type *number(const struct type *t, struct arena *arena, int32_t *highest)
{
    struct type *n = copy_type(arena, t);
    if (t->key != NULL) {
        n->key = number(t->key, arena, highest);
    }
    if (t->element != NULL) {
        n->element = number(t->element, arena, highest);
    }
    struct type_field *fields = ARENA_ARRAY(arena, struct type_field, t->field_count);
    for (size_t i = 0; i < t->field_count; i++) {
        fields[i] = t->fields[i];
        fields[i].type = number(t->fields[i].type, arena, highest);
        fields[i].id = ++*highest; /* after those inside of it: ReassignFieldId */
    }
    n->fields = t->field_count == 0 ? NULL : fields;
    return n;
}

struct type schema_change_number(const struct type *t, struct arena *arena, int32_t *highest)
{
    return *number(t, arena, highest);
}

/* What a path's end names inside of ARRAYs and MAPs: [v, element, value] of ARRAY<MAP<…, X>>. */
static const struct type *end_of(const struct type *t, size_t steps)
{
    for (; steps > 0 && (t->kind == TYPE_ARRAY || t->kind == TYPE_MAP); steps--) {
        t = t->element;
    }
    return t;
}

/* The type with that end replaced. */
static const struct type *with_end(struct arena *a, const struct type *t, size_t steps,
                                   const struct type *end)
{
    if (steps == 0 || (t->kind != TYPE_ARRAY && t->kind != TYPE_MAP)) {
        return end;
    }
    struct type *copy = copy_type(a, t);
    copy->element = with_end(a, t->element, steps - 1, end);
    return copy;
}

#define BIT(kind) (UINT32_C(1) << (kind))
#define INTEGERS (BIT(TYPE_TINYINT) | BIT(TYPE_SMALLINT) | BIT(TYPE_INT) | BIT(TYPE_BIGINT))
#define NUMBERS (INTEGERS | BIT(TYPE_FLOAT) | BIT(TYPE_DOUBLE) | BIT(TYPE_DECIMAL))
#define TEXTS (BIT(TYPE_CHAR) | BIT(TYPE_VARCHAR))
#define STAMPS (BIT(TYPE_TIMESTAMP) | BIT(TYPE_TIMESTAMP_LTZ))
#define TIMES (STAMPS | BIT(TYPE_DATE) | BIT(TYPE_TIME))
#define ODD_NUMBERS (NUMBERS | TEXTS | BIT(TYPE_BOOLEAN) | STAMPS)

/* DataTypeCasts: what each kind may be made of, without and with loss. */
static const struct {
    uint32_t implicit, explicit_too;
} casts[] = {
    [TYPE_BOOLEAN] = {0, TEXTS | INTEGERS},
    [TYPE_TINYINT] = {0, ODD_NUMBERS},
    [TYPE_SMALLINT] = {BIT(TYPE_TINYINT), ODD_NUMBERS},
    [TYPE_INT] = {BIT(TYPE_TINYINT) | BIT(TYPE_SMALLINT), ODD_NUMBERS},
    [TYPE_BIGINT] = {INTEGERS, ODD_NUMBERS},
    [TYPE_FLOAT] = {INTEGERS | BIT(TYPE_DECIMAL), ODD_NUMBERS},
    [TYPE_DOUBLE] = {NUMBERS, ODD_NUMBERS},
    [TYPE_DECIMAL] = {NUMBERS, ODD_NUMBERS},
    [TYPE_CHAR] = {0, UINT32_MAX},
    [TYPE_VARCHAR] = {TEXTS, UINT32_MAX},
    [TYPE_BINARY] = {0, TEXTS | BIT(TYPE_VARBINARY)},
    [TYPE_VARBINARY] = {BIT(TYPE_BINARY), TEXTS | BIT(TYPE_BINARY)},
    [TYPE_DATE] = {BIT(TYPE_TIMESTAMP), STAMPS | TEXTS},
    [TYPE_TIME] = {BIT(TYPE_TIMESTAMP), STAMPS | TEXTS},
    [TYPE_TIMESTAMP] = {STAMPS, TIMES | TEXTS | NUMBERS},
    [TYPE_TIMESTAMP_LTZ] = {STAMPS, TIMES | TEXTS | NUMBERS},
};

static bool kinds_cast(enum type_kind from, enum type_kind to, bool only_implicit)
{
    if (from == to) {
        return true;
    }
    if ((size_t)to >= sizeof casts / sizeof *casts) {
        return false;
    }
    return (casts[to].implicit & BIT(from)) != 0 ||
           (!only_implicit && (casts[to].explicit_too & BIT(from)) != 0);
}

static bool is_true(struct str v)
{
    return str_eq_nocase(str_trim(v), STR("true"));
}

static bool retype(struct change *c, struct column *column, size_t steps)
{
    struct type wanted = c->what->type;
    const struct type *now = end_of(column->type, steps);
    const struct cast *cast;
    bool only_implicit = is_true(schema_option(c->old, STR("disable-explicit-type-casting")));
    wanted.nullable = now->nullable;
    if (!kinds_cast(now->kind, wanted.kind, only_implicit) ||
        (!type_equal(now, &wanted) && !cast_plan(now, &wanted, c->arena, &cast, c->err))) {
        struct buf text = BUF_INIT(400);
        type_print(now, &text);
        buf_put_cstr(&text, " cannot become ");
        type_print(&wanted, &text);
        not_allowed(c, buf_cstr(&text));
        buf_release(&text);
        return false;
    }
    /* Fields of a new ROW type that its text gave no place in the old one. */
    int32_t ids = c->next->highest_field_id;
    const struct type *end = type_is_nested(&wanted)
                                 ? number(&wanted, c->arena, &c->next->highest_field_id)
                                 : copy_type(c->arena, &wanted);
    if (ids != c->next->highest_field_id) {
        return not_allowed(c, "a ROW's fields are changed one by one, by their paths");
    }
    column->type = with_end(c->arena, column->type, steps, end);
    return true;
}

static bool set_nullable(struct change *c, struct column *column, size_t steps)
{
    const struct type *now = end_of(column->type, steps);
    struct str guard = schema_option(c->old, STR("alter-column-null-to-not-null.disabled"));
    if (now->nullable && !c->what->nullable &&
        !(guard.ptr != NULL && str_eq_nocase(str_trim(guard), STR("false")))) {
        return not_allowed(c, "it may hold nulls already; set the table option "
                              "alter-column-null-to-not-null.disabled to false if it does not");
    }
    struct type *end = copy_type(c->arena, now);
    end->nullable = c->what->nullable;
    column->type = with_end(c->arena, column->type, steps, end);
    return true;
}

static bool set_default(struct change *c, struct column *column)
{
    static const struct type text = {.kind = TYPE_VARCHAR, .length = TYPE_MAX_LENGTH};
    const struct cast *cast = NULL;
    struct value in = {
        .bytes = c->what->text.ptr, .len = (uint32_t)c->what->text.len, .state = VALUE_SET};
    struct value out;
    if (c->what->text.ptr != NULL &&
        (!cast_plan(&text, column->type, c->arena, &cast, c->err) ||
         (cast != NULL && !cast_value(cast, &in, c->arena, &out, c->err)))) {
        return error_in(c->err, "default of column '%.*s'", STR_FMT(c->what->column));
    }
    column->default_value = c->what->text;
    return true;
}

/* ---- the last step of a path ---- */

static bool add(struct change *c, struct columns *l, struct str name)
{
    const struct schema_change *w = c->what;
    size_t at = l->count;
    if (find(l, name) != SIZE_MAX) {
        return not_allowed(c, "there is one of that name already");
    }
    if (!w->type.nullable) {
        return not_allowed(c, "a new column cannot be NOT NULL: older rows have no value of it");
    }
    if (w->move == SCHEMA_CHANGE_FIRST) {
        at = 0;
    } else if (w->move == SCHEMA_CHANGE_AFTER) {
        at = find(l, w->after);
        if (at == SIZE_MAX) {
            return not_allowed(c, "there is no column to put it after");
        }
        at++;
    }
    struct column column = {.id = ++c->next->highest_field_id, .name = name, .comment = w->text};
    column.type = number(&w->type, c->arena, &c->next->highest_field_id);
    insert(c, l, at, column);
    return true;
}

static bool drop(struct change *c, struct columns *l, size_t at)
{
    if (l->count == 1) {
        return not_allowed(c, "it is the last one");
    }
    take_out(l, at);
    return true;
}

static bool rename_column(struct change *c, struct columns *l, size_t at)
{
    if (find(l, c->what->text) != SIZE_MAX) {
        return not_allowed(c, "there is one of the new name already");
    }
    l->items[at].name = c->what->text;
    return true;
}

/* steps: parts of the path that lead into ARRAYs and MAPs of the column. */
static bool change_last(struct change *c, struct columns *l, struct str name, size_t steps)
{
    if (c->what->kind == SCHEMA_CHANGE_ADD) {
        return steps == 0 ? add(c, l, name) : not_allowed(c, "it leads into no ROW");
    }
    size_t at = find(l, name);
    if (at == SIZE_MAX) {
        return not_allowed(c, "there is none");
    }
    switch (c->what->kind) {
    case SCHEMA_CHANGE_DROP:
        return steps == 0 ? drop(c, l, at) : not_allowed(c, "it leads into no ROW");
    case SCHEMA_CHANGE_RENAME:
        return steps == 0 ? rename_column(c, l, at) : not_allowed(c, "it leads into no ROW");
    case SCHEMA_CHANGE_TYPE:
        return retype(c, &l->items[at], steps);
    case SCHEMA_CHANGE_NULLABLE:
        return set_nullable(c, &l->items[at], steps);
    case SCHEMA_CHANGE_DOC:
        l->items[at].comment = c->what->text;
        return true;
    case SCHEMA_CHANGE_DEFAULT:
        return set_default(c, &l->items[at]);
    case SCHEMA_CHANGE_ADD:
    case SCHEMA_CHANGE_MOVE:
    case SCHEMA_CHANGE_COMMENT:
    case SCHEMA_CHANGE_SET:
    case SCHEMA_CHANGE_RESET:
        break;
    }
    must(c->what->kind == SCHEMA_CHANGE_ADD); /* no other one has a path */
    return false;
}

static struct columns fields_of(struct change *c, const struct type *row)
{
    struct columns l = {.items = ARENA_ARRAY(c->arena, struct column, row->field_count + 1),
                        .cap = row->field_count + 1};
    for (size_t i = 0; i < row->field_count; i++) {
        const struct type_field *f = &row->fields[i];
        l.items[l.count++] =
            (struct column){.id = f->id, .name = f->name, .type = f->type, .comment = f->comment};
    }
    return l;
}

static const struct type *row_of(struct change *c, const struct type *old, const struct columns *l)
{
    struct type *row = copy_type(c->arena, old);
    struct type_field *fields = ARENA_ARRAY(c->arena, struct type_field, l->count);
    for (size_t i = 0; i < l->count; i++) {
        fields[i] = (struct type_field){.id = l->items[i].id,
                                        .name = l->items[i].name,
                                        .type = l->items[i].type,
                                        .comment = l->items[i].comment};
    }
    row->fields = fields;
    row->field_count = l->count;
    return row;
}

/* Recursion: as deep as the path. */
static bool walk(struct change *c, struct columns *l, size_t depth)
{
    if (depth + 1 == c->depth) {
        return change_last(c, l, c->path[depth], 0);
    }
    size_t at = find(l, c->path[depth]);
    if (at == SIZE_MAX) {
        return not_allowed(c, "there is none");
    }
    size_t steps = 0;
    const struct type *inner = l->items[at].type;
    while (inner->kind == TYPE_ARRAY || inner->kind == TYPE_MAP) {
        inner = inner->element;
        steps++;
    }
    if (depth + 1 + steps >= c->depth) {
        return change_last(c, l, c->path[depth], c->depth - 1 - depth);
    }
    if (inner->kind != TYPE_ROW) {
        return not_allowed(c, "it leads into no ROW");
    }
    struct columns fields = fields_of(c, inner);
    if (!walk(c, &fields, depth + 1 + steps)) {
        return false;
    }
    l->items[at].type = with_end(c->arena, l->items[at].type, steps, row_of(c, inner, &fields));
    return true;
}

/* ---- whole changes ---- */

static bool is_in(const struct schema *s, const size_t *key, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(s->fields[key[i]].name, name)) {
            return true;
        }
    }
    return false;
}

/* Keys are never nested. */
static bool check_keys(const struct change *c)
{
    enum schema_change_kind kind = c->what->kind;
    const struct schema *s = c->old;
    if (c->depth > 1) {
        return true;
    }
    if (is_in(s, s->partition_key, s->partition_key_count, c->path[0]) &&
        (kind == SCHEMA_CHANGE_RENAME || kind == SCHEMA_CHANGE_DROP ||
         kind == SCHEMA_CHANGE_TYPE)) {
        return not_allowed(c, "the table is partitioned by it");
    }
    if (is_in(s, s->primary_key, s->primary_key_count, c->path[0]) &&
        (kind == SCHEMA_CHANGE_DROP || kind == SCHEMA_CHANGE_TYPE ||
         (kind == SCHEMA_CHANGE_NULLABLE && c->what->nullable))) {
        return not_allowed(c, "it is part of the primary key");
    }
    return true;
}

static bool move_column(struct change *c, struct columns *l)
{
    const struct schema_change *w = c->what;
    size_t from = find(l, w->column);
    size_t to = w->move == SCHEMA_CHANGE_FIRST  ? 0
                : w->move == SCHEMA_CHANGE_LAST ? l->count - 1
                                                : find(l, w->after);
    if (from == SIZE_MAX || to == SIZE_MAX) {
        return not_allowed(c, from == SIZE_MAX ? "there is none"
                                               : "there is no column to put it after");
    }
    if (from == to) {
        return not_allowed(c, "it is there already");
    }
    if (w->move == SCHEMA_CHANGE_AFTER && from > to) {
        to++;
    }
    struct column column = l->items[from];
    take_out(l, from);
    insert(c, l, to, column);
    return true;
}

static bool split_path(struct change *c)
{
    struct str rest = c->what->column;
    struct str part;
    c->depth = 0;
    while (str_next(&rest, '.', &part)) {
        if (c->depth == SCHEMA_CHANGE_MAX_PATH) {
            return not_allowed(c, "the path is too deep");
        }
        c->path[c->depth++] = part;
    }
    return true;
}

static bool apply_one(struct change *c, struct columns *l, bool has_snapshots)
{
    const struct schema_change *w = c->what;
    switch (w->kind) {
    case SCHEMA_CHANGE_COMMENT:
        c->next->comment = w->text;
        return true;
    case SCHEMA_CHANGE_SET:
    case SCHEMA_CHANGE_RESET: {
        struct str value = w->kind == SCHEMA_CHANGE_SET ? w->text : (struct str){NULL, 0};
        if (has_snapshots && !schema_change_option_check(c->old, w->column, value, c->err)) {
            return false;
        }
        if (value.ptr == NULL) {
            schema_change_option_remove(c->next, w->column);
        } else {
            schema_set_option(c->next, w->column, value);
        }
        return true;
    }
    case SCHEMA_CHANGE_MOVE:
        return move_column(c, l);
    case SCHEMA_CHANGE_ADD:
    case SCHEMA_CHANGE_DROP:
    case SCHEMA_CHANGE_RENAME:
    case SCHEMA_CHANGE_TYPE:
    case SCHEMA_CHANGE_NULLABLE:
    case SCHEMA_CHANGE_DEFAULT:
    case SCHEMA_CHANGE_DOC:
        break;
    }
    if (!split_path(c) || !check_keys(c) || !walk(c, l, 0)) {
        return false;
    }
    if (w->kind == SCHEMA_CHANGE_RENAME && c->depth == 1) {
        schema_change_option_rename(c->next, c->path[0], w->text);
    }
    return true;
}

/* ---- the schema ---- */

static struct schema *begin(const struct schema *old)
{
    struct schema *next = schema_new();
    next->id = old->id + 1;
    next->highest_field_id = old->highest_field_id;
    next->comment = old->comment;
    next->time_ms = instant_wall_ms();
    for (size_t i = 0; i < old->option_count; i++) {
        schema_set_option(next, old->options[i].key, old->options[i].value);
    }
    return next;
}

/* The columns of a key in their new places: fields are known by their ids. */
static size_t *key_of(struct schema *next, const struct schema *old, const size_t *key,
                      size_t count)
{
    size_t *out = ARENA_ARRAY(&next->arena, size_t, count);
    for (size_t k = 0; k < count; k++) {
        size_t at = 0;
        while (at < next->field_count && next->fields[at].id != old->fields[key[k]].id) {
            at++;
        }
        must(at < next->field_count); /* key columns are never dropped */
        out[k] = at;
    }
    return out;
}

/* Texts and types of the old schema and of the changes live on in the new one. */
static const struct type *keep_type(struct arena *a, const struct type *t)
{
    struct type *copy = copy_type(a, t);
    struct type_field *fields = ARENA_ARRAY(a, struct type_field, t->field_count);
    for (size_t i = 0; i < t->field_count; i++) {
        fields[i] = t->fields[i];
        fields[i].name = arena_str(a, t->fields[i].name);
        fields[i].comment = arena_str(a, t->fields[i].comment);
        fields[i].type = keep_type(a, t->fields[i].type);
    }
    copy->fields = t->field_count == 0 ? NULL : fields;
    copy->key = t->key == NULL ? NULL : keep_type(a, t->key);
    copy->element = t->element == NULL ? NULL : keep_type(a, t->element);
    return copy;
}

static void end(struct schema *next, const struct schema *old, const struct columns *l)
{
    struct arena *a = &next->arena;
    next->field_count = l->count;
    next->fields = ARENA_ARRAY(a, struct schema_field, l->count);
    for (size_t i = 0; i < l->count; i++) {
        const struct column *column = &l->items[i];
        next->fields[i] =
            (struct schema_field){.id = column->id,
                                  .name = arena_str(a, column->name),
                                  .type = *keep_type(a, column->type),
                                  .comment = arena_str(a, column->comment),
                                  .default_value = arena_str(a, column->default_value)};
    }
    next->comment = arena_str(a, next->comment);
    next->primary_key_count = old->primary_key_count;
    next->primary_key = key_of(next, old, old->primary_key, old->primary_key_count);
    next->partition_key_count = old->partition_key_count;
    next->partition_key = key_of(next, old, old->partition_key, old->partition_key_count);
}

bool schema_change_apply(const struct schema *old, const struct schema_change *changes,
                         size_t count, bool has_snapshots, struct schema **out, struct error *err)
{
    struct schema *next = begin(old);
    struct change c = {.next = next, .arena = &next->arena, .old = old, .err = err};
    struct columns l = {0};
    bool ok = true;
    for (size_t i = 0; i < old->field_count; i++) {
        const struct schema_field *f = &old->fields[i];
        insert(&c, &l, i, (struct column){f->id, f->name, &f->type, f->comment, f->default_value});
    }
    for (size_t i = 0; ok && i < count; i++) {
        c.what = &changes[i];
        ok = apply_one(&c, &l, has_snapshots);
    }
    if (!ok) {
        schema_free(next);
        return false;
    }
    end(next, old, &l);
    *out = next;
    return true;
}
