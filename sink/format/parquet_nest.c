#include "sink/format/parquet_nest.h"

#include <string.h>

#include "base/mem.h"

/* Where a leaf's entries stand. */
struct cursor {
    const struct parquet_leaf *leaf;
    struct parquet_column *column;
    struct parquet_block block;
    uint32_t at;       /* entry of the block */
    uint32_t value_at; /* its value, if it has one */
    bool ended;
};

struct parquet_nest {
    struct cursor *cursors;
    size_t count;
    size_t max_bytes;
    size_t start_bytes;  /* of the arena, when the row began */
    struct value *items; /* of open lists, one behind the other */
    size_t item_count, item_cap;
    struct arena *arena;
    struct error *err;
};

struct parquet_nest *parquet_nest_new(const struct parquet_schema *schema,
                                      struct parquet_column *const *columns, size_t max_bytes)
{
    struct parquet_nest *n = MEM_NEW(struct parquet_nest);
    n->cursors = MEM_ARRAY(struct cursor, schema->leaf_count);
    n->count = schema->leaf_count;
    n->max_bytes = max_bytes;
    for (size_t i = 0; i < schema->leaf_count; i++) {
        n->cursors[i].leaf = &schema->leaves[i];
        n->cursors[i].column = columns[i];
    }
    return n;
}

void parquet_nest_free(struct parquet_nest *n)
{
    if (n == NULL) {
        return;
    }
    for (size_t i = 0; i < n->count; i++) {
        parquet_block_release(&n->cursors[i].block);
    }
    mem_free(n->cursors);
    mem_free(n->items);
    mem_free(n);
}

void parquet_nest_reset(struct parquet_nest *n)
{
    for (size_t i = 0; i < n->count; i++) {
        n->cursors[i].at = 0;
        n->cursors[i].value_at = 0;
        n->cursors[i].block.entries = 0;
        n->cursors[i].ended = false;
    }
}

/* Sees to it that an entry is at hand; at the chunk's end there is none. */
static bool peek(struct parquet_nest *n, struct cursor *c)
{
    if (c->at < c->block.entries || c->ended) {
        return true;
    }
    if (c->block.data == NULL) {
        parquet_block_init(&c->block, parquet_block_width(c->leaf->physical));
    }
    uint32_t ready = 0;
    if (!parquet_column_ready(c->column, &ready, n->err)) {
        return false;
    }
    c->at = 0;
    c->value_at = 0;
    c->block.entries = 0;
    c->ended = ready == 0;
    ready = ready < PARQUET_BLOCK ? ready : PARQUET_BLOCK;
    return ready == 0 || parquet_column_read(c->column, ready, &c->block, n->err);
}

static unsigned def_of(const struct cursor *c)
{
    return c->leaf->def == 0 ? 0 : c->block.defs[c->at];
}

static unsigned rep_of(const struct cursor *c)
{
    return c->ended || c->leaf->rep == 0 ? 0 : c->block.reps[c->at];
}

static bool disagree(struct parquet_nest *n, const struct cursor *c)
{
    return error_set(n->err, FAIL_CORRUPT,
                     "column %.*s: its levels do not fit those of the columns beside it, or end "
                     "before the row group does",
                     STR_FMT(str_slice(c->leaf->path, 0, 120)));
}

/* Leaves the entry behind, and those that belong to the same node of that repetition level. */
static bool pass(struct parquet_nest *n, struct cursor *c, unsigned rep)
{
    do {
        if (!peek(n, c)) {
            return false;
        }
        if (c->ended) {
            return disagree(n, c);
        }
        c->value_at += def_of(c) == c->leaf->def;
        c->at++;
        if (!peek(n, c)) {
            return false;
        }
    } while (!c->ended && rep_of(c) > rep);
    return true;
}

static bool pass_all(struct parquet_nest *n, const struct parquet_node *node)
{
    for (uint32_t i = 0; i < node->leaf_count; i++) {
        if (!pass(n, &n->cursors[node->leaf + i], node->rep)) {
            return false;
        }
    }
    return true;
}

static bool fits(struct parquet_nest *n, const struct cursor *c)
{
    size_t used = n->item_count * sizeof(struct value) + arena_used(n->arena) - n->start_bytes;
    return used <= n->max_bytes ||
           error_set(n->err, FAIL_LIMIT, "column %.*s: a row of more than %zu bytes",
                     STR_FMT(str_slice(c->leaf->path, 0, 120)), n->max_bytes);
}

static bool take_leaf(struct parquet_nest *n, struct cursor *c, struct value *out)
{
    if (def_of(c) != c->leaf->def) {
        return disagree(n, c);
    }
    if (!parquet_cell_read(c->leaf->cell, &c->block, c->value_at, 1, n->arena, out, 1)) {
        return error_set(n->err, FAIL_CORRUPT, "column %.*s: a value that its type cannot have",
                         STR_FMT(str_slice(c->leaf->path, 0, 120)));
    }
    if (c->leaf->cell == PARQUET_CELL_TEXT) { /* its page goes before the row does */
        out->bytes = arena_str(n->arena, value_str(out)).ptr;
    }
    c->at++;
    c->value_at++;
    return fits(n, c);
}

static bool take(struct parquet_nest *n, const struct parquet_node *node, struct value *out);

static bool take_row(struct parquet_nest *n, const struct parquet_node *node, struct value *out)
{
    struct value *items = ARENA_ARRAY(n->arena, struct value, node->child_count);
    bool any = false;
    for (size_t i = 0; i < node->child_count; i++) {
        any = any || node->children[i].leaf_count > 0;
        if (!take(n, &node->children[i], &items[i])) {
            return false;
        }
    }
    *out = (struct value){.items = items, .len = (uint32_t)node->child_count, .state = VALUE_SET};
    return any || pass_all(n, node);
}

static bool push(struct parquet_nest *n, const struct parquet_node *node)
{
    for (size_t i = 0; i < node->child_count; i++) {
        struct value v = {.state = VALUE_NULL};
        if (!take(n, &node->children[i], &v)) {
            return false;
        }
        VEC_ROOM(n->items, n->item_count, n->item_cap);
        n->items[n->item_count++] = v;
    }
    return fits(n, &n->cursors[node->leaf]);
}

static bool take_items(struct parquet_nest *n, const struct parquet_node *node, struct value *out)
{
    struct cursor *c = &n->cursors[node->leaf];
    size_t base = n->item_count;
    if (def_of(c) < node->item_def) {
        *out = (struct value){.items = NULL, .len = 0, .state = VALUE_SET};
        return pass_all(n, node);
    }
    do {
        if (!push(n, node) || !peek(n, c)) {
            return false;
        }
    } while (rep_of(c) == node->item_rep);
    if (rep_of(c) > node->item_rep) {
        return disagree(n, c);
    }
    size_t count = n->item_count - base;
    struct value *items = ARENA_ARRAY(n->arena, struct value, count);
    memcpy(items, n->items + base, count * sizeof(*items));
    n->item_count = base;
    *out = (struct value){.items = items, .len = (uint32_t)count, .state = VALUE_SET};
    return count <= UINT32_MAX || disagree(n, c);
}

/* Depth is that of the type. */
static bool take(struct parquet_nest *n, const struct parquet_node *node, struct value *out)
{
    *out = (struct value){.state = VALUE_NULL};
    if (node->shape == PARQUET_ABSENT) {
        return true;
    }
    struct cursor *c = &n->cursors[node->leaf];
    if (!peek(n, c)) {
        return false;
    }
    if (c->ended) {
        return disagree(n, c);
    }
    if (node->nullable && def_of(c) < node->def) {
        return pass_all(n, node);
    }
    switch (node->shape) {
    case PARQUET_LEAF:
        return take_leaf(n, c, out);
    case PARQUET_ROW:
        return take_row(n, node, out);
    case PARQUET_LIST:
    case PARQUET_MAP:
        return take_items(n, node, out);
    case PARQUET_ABSENT:
        break;
    }
    return true;
}

bool parquet_nest_read(struct parquet_nest *n, const struct parquet_node *node, struct arena *a,
                       struct value *out, struct error *err)
{
    n->arena = a;
    n->err = err;
    n->item_count = 0;
    n->start_bytes = arena_used(a);
    if (!take(n, node, out)) {
        return false;
    }
    for (uint32_t i = 0; i < node->leaf_count; i++) { /* all stand at the next row */
        struct cursor *c = &n->cursors[node->leaf + i];
        if (!peek(n, c)) {
            return false;
        }
        if (rep_of(c) != 0) {
            return disagree(n, c);
        }
    }
    return true;
}
