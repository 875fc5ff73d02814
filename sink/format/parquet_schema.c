#include "sink/format/parquet_schema.h"

#include <string.h>

#include "base/mem.h"

static const struct type multiset_count = {.kind = TYPE_INT};

static const struct type *map_key(const struct type *t)
{
    return t->kind == TYPE_MAP ? t->key : t->element;
}

static const struct type *map_value(const struct type *t)
{
    return t->kind == TYPE_MAP ? t->element : &multiset_count;
}

/* "a.b" */
static struct str join(struct arena *a, struct str up, struct str name)
{
    if (up.len == 0) {
        return name;
    }
    char *p = arena_alloc(a, up.len + 1 + name.len);
    memcpy(p, up.ptr, up.len);
    p[up.len] = '.';
    if (name.len > 0) {
        memcpy(p + up.len + 1, name.ptr, name.len);
    }
    return (struct str){p, up.len + 1 + name.len};
}

/* ---- writing: from types ---- */

/* Ids of elements, keys and values (paimon-format §2.3, SpecialFields.java). */
#define NESTED_ID_BASE 536870911
#define NESTED_ID_STEP 1024

struct maker {
    struct arena *a;
    struct parquet_element *elements;
    size_t element_count, element_cap;
    struct parquet_leaf *leaves;
    size_t leaf_count, leaf_cap;
};

/* Where a node stands: its levels so far, the column whose id its elements derive theirs from. */
struct place {
    struct str name;
    struct str path;
    const struct place *up; /* NULL: a column */
    int32_t id;             /* of the node; -1: none */
    int32_t column_id;
    int32_t depth;
    unsigned def, rep;
    bool required; /* whatever the type says */
};

static struct parquet_element *add_element(struct maker *m, const struct parquet_element *e)
{
    VEC_ROOM(m->elements, m->element_count, m->element_cap);
    m->elements[m->element_count] = *e;
    return &m->elements[m->element_count++];
}

static void make_node(struct maker *m, const struct type *t, const struct place *at,
                      struct parquet_node *out);

/* The names down to here. */
static const struct str *path_parts(struct arena *a, const struct place *at, size_t *out_count)
{
    size_t count = 0;
    for (const struct place *p = at; p != NULL; p = p->up) {
        count++;
    }
    struct str *parts = ARENA_ARRAY(a, struct str, count);
    size_t i = count;
    for (const struct place *p = at; p != NULL; p = p->up) {
        parts[--i] = p->name;
    }
    *out_count = count;
    return parts;
}

static void make_leaf(struct maker *m, const struct type *t, const struct place *at,
                      struct parquet_element *e)
{
    struct parquet_leaf leaf = {.type = t, .path = at->path, .column = (uint32_t)m->leaf_count};
    leaf.cell = parquet_cell_element(t, e);
    leaf.physical = e->physical;
    leaf.width = e->physical == PARQUET_INT96 ? 12 : (uint32_t)e->type_length;
    leaf.def = (uint8_t)at->def;
    leaf.rep = (uint8_t)at->rep;
    leaf.parts = path_parts(m->a, at, &leaf.part_count);
    VEC_ROOM(m->leaves, m->leaf_count, m->leaf_cap);
    m->leaves[m->leaf_count++] = leaf;
    (void)add_element(m, e);
}

static void make_child(struct maker *m, const struct type *t, const struct place *up,
                       const char *name, int32_t sign, bool required, struct parquet_node *out)
{
    struct place at = *up;
    at.name = str_of(name);
    at.up = up;
    at.path = join(m->a, up->path, at.name);
    at.id = NESTED_ID_BASE + sign * (NESTED_ID_STEP * up->column_id + up->depth);
    at.required = required;
    make_node(m, t, &at, out);
}

/* LIST and MAP: a repeated group of one or two. */
static void make_repeated(struct maker *m, const struct type *t, const struct place *at,
                          struct parquet_element *e, struct parquet_node *out)
{
    bool list = t->kind == TYPE_ARRAY;
    e->logical = list ? PARQUET_LOGICAL_LIST : PARQUET_LOGICAL_MAP;
    e->child_count = 1;
    (void)add_element(m, e);
    struct parquet_element repeated = {.name = list ? STR("list") : STR("key_value"),
                                       .physical = PARQUET_GROUP,
                                       .repetition = PARQUET_REPEATED,
                                       .logical =
                                           list ? PARQUET_LOGICAL_NONE : PARQUET_LOGICAL_MAP_PAIR,
                                       .child_count = list ? 1 : 2,
                                       .id = -1};
    (void)add_element(m, &repeated);
    struct place item = *at;
    item.name = repeated.name;
    item.up = at;
    item.path = join(m->a, at->path, repeated.name);
    item.def = at->def + 1;
    item.rep = at->rep + 1;
    item.depth = at->depth + 1;
    out->shape = list ? PARQUET_LIST : PARQUET_MAP;
    out->item_def = (uint8_t)item.def;
    out->item_rep = (uint8_t)item.rep;
    out->child_count = list ? 1 : 2;
    out->children = ARENA_ARRAY(m->a, struct parquet_node, out->child_count);
    if (list) {
        make_child(m, t->element, &item, "element", 1, false, &out->children[0]);
    } else {
        make_child(m, map_key(t), &item, "key", -1, true, &out->children[0]);
        make_child(m, map_value(t), &item, "value", 1, false, &out->children[1]);
    }
}

static void make_row(struct maker *m, const struct type *t, const struct place *at,
                     struct parquet_element *e, struct parquet_node *out)
{
    e->child_count = (int32_t)t->field_count;
    (void)add_element(m, e);
    out->shape = PARQUET_ROW;
    out->child_count = t->field_count;
    out->children = ARENA_ARRAY(m->a, struct parquet_node, t->field_count);
    for (size_t i = 0; i < t->field_count; i++) {
        const struct type_field *f = &t->fields[i];
        struct place child = {.name = f->name,
                              .path = join(m->a, at->path, f->name),
                              .up = at,
                              .id = f->id,
                              .column_id = f->id,
                              .def = at->def,
                              .rep = at->rep};
        make_node(m, f->type, &child, &out->children[i]);
    }
}

/* Depth is that of the type, which was limited when it was parsed. */
static void make_node(struct maker *m, const struct type *t, const struct place *up,
                      struct parquet_node *out)
{
    struct place at = *up;
    bool optional = t->nullable && !at.required;
    struct parquet_element e = {.name = at.name,
                                .physical = PARQUET_GROUP,
                                .repetition = optional ? PARQUET_OPTIONAL : PARQUET_REQUIRED,
                                .id = at.id};
    at.def += optional ? 1 : 0;
    at.required = false;
    must(at.def < PARQUET_MAX_LEVEL);
    out->type = t;
    out->nullable = optional;
    out->def = (uint8_t)at.def;
    out->rep = (uint8_t)at.rep;
    out->leaf = (uint32_t)m->leaf_count;
    switch (t->kind) {
    case TYPE_ARRAY:
    case TYPE_MULTISET:
    case TYPE_MAP:
        make_repeated(m, t, &at, &e, out);
        break;
    case TYPE_ROW:
        make_row(m, t, &at, &e, out);
        break;
    case TYPE_BOOLEAN:
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT:
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
    case TYPE_DECIMAL:
    case TYPE_CHAR:
    case TYPE_VARCHAR:
    case TYPE_BINARY:
    case TYPE_VARBINARY:
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        out->shape = PARQUET_LEAF;
        make_leaf(m, t, &at, &e);
        break;
    }
    out->leaf_count = (uint32_t)m->leaf_count - out->leaf;
}

static void *to_arena(struct arena *a, void *items, size_t count, size_t size)
{
    void *p = arena_alloc(a, mem_size(count, size));
    if (count > 0) {
        memcpy(p, items, count * size);
    }
    mem_free(items);
    return p;
}

void parquet_schema_make(const struct schema_field *fields, size_t count, struct arena *a,
                         struct parquet_schema *out, struct parquet_element **out_elements,
                         size_t *out_element_count)
{
    struct maker m = {.a = a};
    struct parquet_element root = {.name = STR("paimon_schema"),
                                   .physical = PARQUET_GROUP,
                                   .child_count = (int32_t)count,
                                   .id = -1};
    (void)add_element(&m, &root);
    out->count = count;
    out->nodes = ARENA_ARRAY(a, struct parquet_node, count);
    for (size_t i = 0; i < count; i++) {
        struct place at = {.name = fields[i].name,
                           .path = fields[i].name,
                           .id = fields[i].id,
                           .column_id = fields[i].id};
        make_node(&m, &fields[i].type, &at, &out->nodes[i]);
    }
    out->leaf_count = m.leaf_count;
    out->leaves = to_arena(a, m.leaves, m.leaf_count, sizeof(*m.leaves));
    *out_element_count = m.element_count;
    *out_elements = to_arena(a, m.elements, m.element_count, sizeof(*m.elements));
}

/* ---- reading: a file's tree ---- */

struct file_node {
    const struct parquet_element *e;
    unsigned def, rep; /* its own repetition counted */
    uint32_t column;   /* leaves: its column chunk; groups: that of the first below */
    struct file_node *children;
    size_t child_count;
};

struct matcher {
    struct arena *a;
    const struct parquet_meta *meta;
    size_t next; /* element */
    uint32_t columns;
    struct parquet_leaf *leaves;
    size_t leaf_count, leaf_cap;
    struct error *err;
};

#define MAX_FILE_DEPTH 100 /* TYPE_MAX_DEPTH with three groups each */

static bool broken(struct matcher *m)
{
    return error_set(m->err, FAIL_CORRUPT, "the schema's elements make no tree (element %zu)",
                     m->next);
}

static bool read_tree(struct matcher *m, const struct file_node *up, unsigned depth,
                      struct file_node *out)
{
    if (m->next >= m->meta->element_count || depth > MAX_FILE_DEPTH) {
        return broken(m);
    }
    const struct parquet_element *e = &m->meta->elements[m->next++];
    *out = (struct file_node){.e = e, .column = m->columns};
    if (up != NULL) { /* the root's own repetition means nothing */
        out->def = up->def + (e->repetition != PARQUET_REQUIRED ? 1 : 0);
        out->rep = up->rep + (e->repetition == PARQUET_REPEATED ? 1 : 0);
    }
    if (out->def > PARQUET_MAX_LEVEL) {
        return broken(m);
    }
    if (e->physical != PARQUET_GROUP) {
        m->columns++;
        bool fixed = e->physical == PARQUET_FIXED;
        return !fixed || (e->type_length > 0 && e->type_length <= (1 << 24)) || broken(m);
    }
    if (e->child_count < 0 || (size_t)e->child_count > m->meta->element_count - m->next) {
        return broken(m);
    }
    out->child_count = (size_t)e->child_count;
    out->children = ARENA_ARRAY(m->a, struct file_node, out->child_count);
    for (size_t i = 0; i < out->child_count; i++) {
        if (!read_tree(m, out, depth + 1, &out->children[i])) {
            return false;
        }
    }
    return true;
}

static const struct file_node *find_child(const struct file_node *group, struct str name)
{
    for (size_t i = 0; i < group->child_count; i++) {
        if (str_eq(group->children[i].e->name, name)) {
            return &group->children[i];
        }
    }
    return NULL;
}

static struct parquet_leaf *add_leaf(struct matcher *m, const struct file_node *f, struct str path)
{
    struct parquet_leaf leaf = {.physical = f->e->physical,
                                .def = (uint8_t)f->def,
                                .rep = (uint8_t)f->rep,
                                .column = f->column,
                                .path = path};
    leaf.width = f->e->physical == PARQUET_INT96 ? 12 : (uint32_t)f->e->type_length;
    VEC_ROOM(m->leaves, m->leaf_count, m->leaf_cap);
    m->leaves[m->leaf_count] = leaf;
    return &m->leaves[m->leaf_count++];
}

/* A leaf below the group that tells whether it is null, best one that is not repeated. */
static const struct file_node *presence(const struct file_node *f, unsigned rep, bool *out_same)
{
    const struct file_node *found = NULL;
    if (f->e->physical != PARQUET_GROUP) {
        *out_same = f->rep == rep;
        return f;
    }
    for (size_t i = 0; i < f->child_count; i++) {
        bool same = false;
        const struct file_node *leaf = presence(&f->children[i], rep, &same);
        if (leaf != NULL && (found == NULL || same)) {
            found = leaf;
            *out_same = same;
        }
        if (same) {
            break;
        }
    }
    return found;
}

static bool wrong(struct matcher *m, const struct file_node *f, struct str path,
                  const struct type *t)
{
    struct buf text = BUF_INIT(4096);
    type_print(t, &text);
    (void)error_set(m->err, FAIL_SCHEMA, "column %.*s: the table has %.*s, the file %s",
                    STR_FMT(str_slice(path, 0, 120)), STR_FMT(str_slice(buf_str(&text), 0, 80)),
                    f->e->physical == PARQUET_GROUP ? "a group of another shape" : "a plain value");
    buf_release(&text);
    return false;
}

static bool match_node(struct matcher *m, const struct type *t, const struct file_node *f,
                       struct str path, struct parquet_node *out);

static bool match_leaf(struct matcher *m, const struct type *t, const struct file_node *f,
                       struct str path, struct parquet_node *out)
{
    if (f->e->physical == PARQUET_GROUP) {
        return wrong(m, f, path, t);
    }
    enum parquet_cell cell;
    if (!parquet_cell_of(f->e, t, &cell, m->err)) {
        return error_in(m->err, "column %.*s", STR_FMT(str_slice(path, 0, 120)));
    }
    struct parquet_leaf *leaf = add_leaf(m, f, path);
    leaf->cell = cell;
    leaf->type = t;
    out->shape = PARQUET_LEAF;
    return true;
}

static bool match_row(struct matcher *m, const struct type *t, const struct file_node *f,
                      struct str path, struct parquet_node *out)
{
    if (f->e->physical != PARQUET_GROUP) {
        return wrong(m, f, path, t);
    }
    out->shape = PARQUET_ROW;
    out->child_count = t->field_count;
    out->children = ARENA_ARRAY(m->a, struct parquet_node, t->field_count);
    uint32_t before = (uint32_t)m->leaf_count;
    for (size_t i = 0; i < t->field_count; i++) {
        const struct file_node *child = find_child(f, t->fields[i].name);
        out->children[i] =
            (struct parquet_node){.shape = PARQUET_ABSENT, .type = t->fields[i].type};
        if (child != NULL && !match_node(m, t->fields[i].type, child,
                                         join(m->a, path, child->e->name), &out->children[i])) {
            return false;
        }
    }
    if (m->leaf_count == before) { /* no field in common: only whether the row is null */
        bool same = false;
        const struct file_node *leaf = presence(f, f->rep, &same);
        if (leaf == NULL) {
            return wrong(m, f, path, t);
        }
        (void)add_leaf(m, leaf, path);
    }
    return true;
}

/* The element of a list by parquet-format's LogicalTypes.md, "Lists", with its rules for older
 * writers: { repeated group list { element } }, or the repeated field itself. */
static const struct file_node *list_element(const struct file_node *list,
                                            const struct file_node *repeated)
{
    if (repeated->e->physical != PARQUET_GROUP || repeated->child_count != 1 ||
        str_eq(repeated->e->name, STR("array"))) {
        return repeated;
    }
    struct str name = repeated->e->name;
    struct str of = list->e->name;
    if (name.len == of.len + 6 && str_starts(name, of) && str_ends(name, STR("_tuple"))) {
        return repeated;
    }
    return &repeated->children[0];
}

static void repeated_levels(const struct file_node *repeated, struct parquet_node *out)
{
    out->item_def = (uint8_t)repeated->def;
    out->item_rep = (uint8_t)repeated->rep;
}

static bool match_list(struct matcher *m, const struct type *t, const struct file_node *f,
                       struct str path, struct parquet_node *out)
{
    const struct file_node *repeated = f;
    const struct file_node *element = f;
    if (f->e->repetition != PARQUET_REPEATED || out->item_rep > 0) {
        if (f->child_count != 1 || f->children[0].e->repetition != PARQUET_REPEATED) {
            return wrong(m, f, path, t);
        }
        repeated = &f->children[0];
        element = list_element(f, repeated);
    } else { /* a repeated field without a list around it: never null */
        out->nullable = false;
        out->def = (uint8_t)(f->def - 1);
        out->rep = (uint8_t)(f->rep - 1);
    }
    repeated_levels(repeated, out);
    out->shape = PARQUET_LIST;
    out->child_count = 1;
    out->children = ARENA_ARRAY(m->a, struct parquet_node, 1);
    /* item_rep > 0 tells the child that its repetition is used up. */
    out->children[0].item_rep = element == repeated ? 1 : 0;
    return match_node(m, t->element, element, join(m->a, path, element->e->name),
                      &out->children[0]);
}

static bool match_map(struct matcher *m, const struct type *t, const struct file_node *f,
                      struct str path, struct parquet_node *out)
{
    const struct file_node *pair = f->child_count == 1 ? &f->children[0] : f;
    if (pair == f || pair->e->repetition != PARQUET_REPEATED || pair->child_count != 2) {
        return wrong(m, f, path, t);
    }
    repeated_levels(pair, out);
    out->shape = PARQUET_MAP;
    out->child_count = 2;
    out->children = ARENA_ARRAY(m->a, struct parquet_node, 2);
    const struct type *types[] = {map_key(t), map_value(t)};
    for (size_t i = 0; i < 2; i++) {
        const struct file_node *child = &pair->children[i];
        if (!match_node(m, types[i], child, join(m->a, path, child->e->name), &out->children[i])) {
            return false;
        }
    }
    return true;
}

static bool match_node(struct matcher *m, const struct type *t, const struct file_node *f,
                       struct str path, struct parquet_node *out)
{
    bool repeated_used = out->item_rep > 0;
    bool ok = false;
    *out = (struct parquet_node){.shape = PARQUET_LEAF,
                                 .type = t,
                                 .def = (uint8_t)f->def,
                                 .rep = (uint8_t)f->rep,
                                 .nullable = f->e->repetition == PARQUET_OPTIONAL,
                                 .item_rep = repeated_used ? 1 : 0,
                                 .leaf = (uint32_t)m->leaf_count};
    if (f->e->repetition == PARQUET_REPEATED && !repeated_used && t->kind != TYPE_ARRAY) {
        return wrong(m, f, path, t);
    }
    switch (t->kind) {
    case TYPE_ARRAY:
        ok = match_list(m, t, f, path, out);
        break;
    case TYPE_MULTISET:
    case TYPE_MAP:
        ok = match_map(m, t, f, path, out);
        break;
    case TYPE_ROW:
        ok = match_row(m, t, f, path, out);
        break;
    case TYPE_BOOLEAN:
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT:
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
    case TYPE_DECIMAL:
    case TYPE_CHAR:
    case TYPE_VARCHAR:
    case TYPE_BINARY:
    case TYPE_VARBINARY:
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        ok = match_leaf(m, t, f, path, out);
        break;
    }
    out->leaf_count = (uint32_t)m->leaf_count - out->leaf;
    return ok;
}

bool parquet_schema_match(const struct parquet_meta *meta, const struct schema_field *fields,
                          size_t count, struct arena *a, struct parquet_schema *out,
                          size_t *out_columns, struct error *err)
{
    struct matcher m = {.a = a, .meta = meta, .err = err};
    struct file_node root = {.e = NULL};
    struct parquet_schema s = {.count = count, .nodes = ARENA_ARRAY(a, struct parquet_node, count)};
    bool ok = read_tree(&m, NULL, 0, &root) && (m.next == meta->element_count || broken(&m));
    for (size_t i = 0; ok && i < count; i++) {
        const struct file_node *f = find_child(&root, fields[i].name);
        s.nodes[i] = (struct parquet_node){.shape = PARQUET_ABSENT, .type = &fields[i].type};
        ok = f == NULL || match_node(&m, &fields[i].type, f, fields[i].name, &s.nodes[i]);
    }
    if (!ok) {
        mem_free(m.leaves);
        return false;
    }
    s.leaf_count = m.leaf_count;
    s.leaves = to_arena(a, m.leaves, m.leaf_count, sizeof(*m.leaves));
    *out_columns = m.columns;
    *out = s;
    return true;
}
