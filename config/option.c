#include "config/option.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

/* One value of the block, its key joined from the nested maps. */
struct leaf {
    struct str key;
    const struct tree_node *node;
};

struct apply {
    const struct option_table *table;
    const char *tree_name;
    struct str block; /* "sink", for messages */
    struct arena *arena;
    char *into;
    struct leaf *leaves;
    size_t count, cap;
    struct error *err;
};

bool option_fail(const char *tree_name, const struct tree_node *node, struct error *err,
                 const char *fmt, ...)
{
    char text[sizeof(err->text)];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return error_set(err, FAIL_CONFIG, "%s:%u:%u: %s", tree_name, node->line, node->column, text);
}

struct str option_shown(const struct option *o, const struct tree_node *node)
{
    bool hide = node->secret || (o != NULL && (o->flags & OPTION_SECRET) != 0);
    return hide ? STR("******") : str_slice(node->text, 0, 100);
}

/* How far a word may be from a known one to be taken for it. */
static size_t near_enough(struct str word)
{
    return word.len < 6 ? 2 : word.len / 3;
}

const char *option_nearest(const char *const *words, struct str word)
{
    const char *best = NULL;
    size_t least = near_enough(word) + 1;
    for (; *words != NULL; words++) {
        size_t distance = str_distance(word, str_of(*words));
        if (distance < least) {
            least = distance;
            best = *words;
        }
    }
    return best;
}

static bool is_map(const struct option *o)
{
    return o->type == OPTION_MAP;
}

/* Exact name, or the longest map option that the key begins with. */
static const struct option *find_option(const struct option_table *table, struct str key)
{
    const struct option *best = NULL;
    for (size_t i = 0; i < table->count; i++) {
        const struct option *o = &table->options[i];
        struct str name = str_of(o->name);
        if (is_map(o) ? key.len > name.len && str_starts(key, name) : str_eq(key, name)) {
            if (!is_map(o)) {
                return o;
            }
            if (best == NULL || name.len > strlen(best->name)) {
                best = o;
            }
        }
    }
    return best;
}

/* True for "catalog" and "catalog.properties" when there are options below. */
static bool is_prefix(const struct option_table *table, struct str key)
{
    for (size_t i = 0; i < table->count; i++) {
        struct str name = str_of(table->options[i].name);
        if (name.len > key.len && name.ptr[key.len] == '.' && str_starts(name, key)) {
            return true;
        }
    }
    return false;
}

/* The beginning of the key with as many parts as the name of a map option has. */
static struct str same_parts(struct str key, struct str name)
{
    size_t dots = 0;
    for (size_t i = 0; i < name.len; i++) {
        dots += name.ptr[i] == '.' ? 1 : 0;
    }
    for (size_t i = 0; i < key.len; i++) {
        if (key.ptr[i] == '.' && --dots == 0) {
            return str_slice(key, 0, i + 1);
        }
    }
    return key;
}

static const struct option *nearest_option(const struct option_table *table, struct str key)
{
    const struct option *best = NULL;
    size_t least = near_enough(key) + 1;
    for (size_t i = 0; i < table->count; i++) {
        const struct option *o = &table->options[i];
        struct str name = str_of(o->name);
        struct str word = is_map(o) ? same_parts(key, name) : key;
        size_t distance = str_distance(word, name);
        if (distance < least) {
            least = distance;
            best = o;
        }
    }
    return best;
}

/* "sink.table.properties." + "*" when the option is a map. */
static const char *full_name(const struct apply *a, const char *name, bool map)
{
    struct buf text = BUF_INIT(65536);
    if (a->block.len > 0) {
        buf_put_str(&text, a->block);
        buf_put_byte(&text, '.');
    }
    buf_put_cstr(&text, name);
    buf_put_cstr(&text, map ? "*" : "");
    const char *copy = arena_cstr(a->arena, str_slice(buf_str(&text), 0, 150));
    buf_release(&text);
    return copy;
}

static const char *key_name(const struct apply *a, struct str key)
{
    return full_name(a, arena_cstr(a->arena, key), false);
}

static bool fail_unknown(const struct apply *a, const struct leaf *leaf)
{
    if (is_prefix(a->table, leaf->key)) {
        return option_fail(a->tree_name, leaf->node, a->err,
                           "\"%s\": expected a map of keys and values, found %s; write each as "
                           "`key: value` on a line of its own below",
                           key_name(a, leaf->key),
                           leaf->node->kind == TREE_LIST ? "a list" : "one value");
    }
    const struct option *near = nearest_option(a->table, leaf->key);
    if (near == NULL) {
        return option_fail(a->tree_name, leaf->node, a->err, "unknown key \"%s\"",
                           key_name(a, leaf->key));
    }
    return option_fail(a->tree_name, leaf->node, a->err, "unknown key \"%s\": did you mean \"%s\"?",
                       key_name(a, leaf->key), full_name(a, near->name, is_map(near)));
}

static bool in_list(const char *const *list, struct str key)
{
    for (; list != NULL && *list != NULL; list++) {
        if (str_eq(key, str_of(*list))) {
            return true;
        }
    }
    return false;
}

/* Adds the values below node; recursion is bounded by the tree's depth. A list, or a map under an
 * option's whole name, stays one leaf. */
static void flatten(struct apply *a, const struct tree_node *node, struct str prefix,
                    const char *const *skip)
{
    for (size_t i = 0; i < node->count; i++) {
        const struct tree_node *child = &node->children[i];
        struct str key = child->key;
        if (in_list(skip, key)) {
            continue;
        }
        if (prefix.len > 0) {
            struct buf joined = BUF_INIT(SIZE_MAX - 1);
            buf_put_str(&joined, prefix);
            buf_put_byte(&joined, '.');
            buf_put_str(&joined, key);
            key = arena_str(a->arena, buf_str(&joined));
            buf_release(&joined);
        }
        const struct option *o = child->kind == TREE_MAP ? find_option(a->table, key) : NULL;
        if (child->kind == TREE_MAP && (o == NULL || is_map(o))) {
            flatten(a, child, key, NULL);
        } else if (child->kind != TREE_SCALAR || child->text.len > 0 || !is_prefix(a->table, key)) {
            VEC_ROOM(a->leaves, a->count, a->cap);
            a->leaves[a->count++] = (struct leaf){key, child};
        }
    }
}

static void store(const struct apply *a, const struct option *o, const void *value, size_t size)
{
    must(o->at + size <= a->table->size);
    memcpy(a->into + o->at, value, size);
}

static bool in_range(const struct option *o, bool negative, uint64_t magnitude)
{
    if (o->min == 0 && o->max == 0) {
        return true;
    }
    int64_t v = magnitude > INT64_MAX ? INT64_MAX : (int64_t)magnitude;
    v = negative ? -v : v;
    return v >= o->min && v <= o->max;
}

/* A number of bytes or milliseconds as a person writes it. */
static void print_amount(enum option_type type, uint64_t v, struct buf *out)
{
    static const struct {
        uint64_t factor;
        const char *name;
    } sizes[] = {{(uint64_t)1 << 40, " TiB"},
                 {1 << 30, " GiB"},
                 {1 << 20, " MiB"},
                 {1 << 10, " KiB"},
                 {1, " B"}},
      times[] = {{86400000, " d"}, {3600000, " h"}, {60000, " min"}, {1000, " s"}, {1, " ms"}};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint64_t factor = type == OPTION_SIZE ? sizes[i].factor : times[i].factor;
        if (factor == 1 || (v >= factor && v % factor == 0)) {
            buf_printf(out, "%llu%s", (unsigned long long)(v / factor),
                       type == OPTION_SIZE ? sizes[i].name : times[i].name);
            return;
        }
    }
}

static void print_bound(const struct option *o, int64_t v, struct buf *out)
{
    if (o->type == OPTION_INT) {
        buf_printf(out, "%lld", (long long)v);
    } else {
        print_amount(o->type, (uint64_t)v, out);
    }
}

/* What a good value looks like. */
static void print_expected(const struct option *o, struct buf *out)
{
    static const char *const kinds[] = {
        [OPTION_TEXT] = "text",
        [OPTION_BOOL] = "true or false",
        [OPTION_INT] = "a whole number",
        [OPTION_SIZE] = "a size like 256 MiB",
        [OPTION_DURATION] = "a duration like 10 s",
        [OPTION_CHOICE] = "one of",
        [OPTION_MAP] = "a map",
    };
    buf_put_cstr(out, kinds[o->type]);
    if (o->type == OPTION_CHOICE) {
        for (size_t i = 0; o->choices[i] != NULL; i++) {
            buf_printf(out, "%s%s", i == 0 ? " " : ", ", o->choices[i]);
        }
    } else if (o->min != 0 || o->max != 0) {
        buf_put_cstr(out, " from ");
        print_bound(o, o->min, out);
        buf_put_cstr(out, " to ");
        print_bound(o, o->max, out);
    }
}

static bool fail_value(const struct apply *a, const struct option *o, const struct leaf *leaf)
{
    struct buf expected = BUF_INIT(300);
    print_expected(o, &expected);
    struct str shown = option_shown(o, leaf->node);
    option_fail(a->tree_name, leaf->node, a->err, "\"%s\": \"%.*s\" is not %s",
                key_name(a, leaf->key), STR_FMT(shown), buf_cstr(&expected));
    buf_release(&expected);
    return false;
}

/* Puts the text where the option's value belongs; false when it is not one. */
static bool store_text(const struct apply *a, const struct option *o, struct str text)
{
    int64_t number = 0;
    uint64_t amount = 0;
    bool flag = str_eq_nocase(text, STR("true"));
    struct str copy;
    switch (o->type) {
    case OPTION_TEXT:
        copy = arena_str(a->arena, text);
        store(a, o, &copy, sizeof(copy));
        return true;
    case OPTION_BOOL:
        store(a, o, &flag, sizeof(flag));
        return flag || str_eq_nocase(text, STR("false"));
    case OPTION_INT:
        if (!str_to_i64(text, &number) ||
            !in_range(o, number < 0, number < 0 ? 0 - (uint64_t)number : (uint64_t)number)) {
            return false;
        }
        store(a, o, &number, sizeof(number));
        return true;
    case OPTION_SIZE:
    case OPTION_DURATION:
        if (!(o->type == OPTION_SIZE ? str_to_size(text, &amount)
                                     : str_to_duration(text, &amount)) ||
            !in_range(o, false, amount)) {
            return false;
        }
        store(a, o, &amount, sizeof(amount));
        return true;
    case OPTION_CHOICE:
        for (int i = 0; o->choices[i] != NULL; i++) {
            if (str_eq_nocase(text, str_of(o->choices[i]))) {
                store(a, o, &i, sizeof(i));
                return true;
            }
        }
        return false;
    case OPTION_MAP:
        break;
    }
    return false;
}

/* The map's array is made at its first pair, with room for all leaves. */
static void store_pair(const struct apply *a, const struct option *o, const struct leaf *leaf)
{
    struct option_map map;
    must(o->at + sizeof(map) <= a->table->size);
    memcpy(&map, a->into + o->at, sizeof(map));
    if (map.pairs == NULL) {
        map.pairs = ARENA_ARRAY(a->arena, struct option_pair, a->count);
    }
    map.pairs[map.count++] = (struct option_pair){
        .key = arena_str(a->arena, str_slice(leaf->key, strlen(o->name), leaf->key.len)),
        .value = arena_str(a->arena, leaf->node->text),
        .line = leaf->node->line,
        .column = leaf->node->column,
        .secret = leaf->node->secret || (o->flags & OPTION_SECRET) != 0,
    };
    store(a, o, &map, sizeof(map));
}

static bool apply_leaf(const struct apply *a, const struct leaf *leaf)
{
    const struct option *o = find_option(a->table, leaf->key);
    if (o == NULL) {
        return fail_unknown(a, leaf);
    }
    if ((o->flags & OPTION_UNSUPPORTED) != 0) {
        return option_fail(a->tree_name, leaf->node, a->err, "\"%s\" is not supported yet",
                           key_name(a, leaf->key));
    }
    if ((o->flags & OPTION_IGNORED) != 0) {
        LOG_WARN("option_ignored", "key=%s line=%u reason=%s", LOG_Q(key_name(a, leaf->key)),
                 leaf->node->line, LOG_Q(o->doc));
        return true;
    }
    if (leaf->node->kind != TREE_SCALAR) {
        return option_fail(a->tree_name, leaf->node, a->err, "\"%s\": expected %s, found a %s",
                           key_name(a, leaf->key), is_map(o) ? "text" : "one value",
                           leaf->node->kind == TREE_LIST ? "list" : "map");
    }
    if (is_map(o)) {
        store_pair(a, o, leaf);
        return true;
    }
    if (leaf->node->text.len == 0 && (o->flags & OPTION_REQUIRED) != 0) {
        return option_fail(a->tree_name, leaf->node, a->err, "\"%s\" is empty",
                           key_name(a, leaf->key));
    }
    return store_text(a, o, leaf->node->text) || fail_value(a, o, leaf);
}

/* The same key can be written nested and dotted. */
static bool check_twice(const struct apply *a, size_t i)
{
    for (size_t j = 0; j < i; j++) {
        if (str_eq(a->leaves[j].key, a->leaves[i].key)) {
            return option_fail(a->tree_name, a->leaves[i].node, a->err,
                               "key \"%s\" is there twice, first on line %u",
                               key_name(a, a->leaves[i].key), a->leaves[j].node->line);
        }
    }
    return true;
}

static bool check_required(const struct apply *a, const struct tree_node *block)
{
    for (size_t i = 0; i < a->table->count; i++) {
        const struct option *o = &a->table->options[i];
        bool found = (o->flags & OPTION_REQUIRED) == 0;
        for (size_t j = 0; j < a->count && !found; j++) {
            found = str_eq(a->leaves[j].key, str_of(o->name));
        }
        if (!found) {
            struct buf expected = BUF_INIT(300);
            print_expected(o, &expected);
            option_fail(a->tree_name, block, a->err,
                        "\"%s\" is missing: add `%s: …` to this block, %s",
                        full_name(a, o->name, false), o->name, buf_cstr(&expected));
            buf_release(&expected);
            return false;
        }
    }
    return true;
}

#define MAX_KEYS 2000 /* of one block: every pair of keys is compared */

bool option_apply(const struct option_table *table, const struct tree_node *node,
                  const char *tree_name, const char *const *skip, struct arena *arena, void *into,
                  struct error *err)
{
    struct apply a = {.table = table,
                      .tree_name = tree_name,
                      .block = node->key,
                      .arena = arena,
                      .into = into,
                      .err = err};
    if (node->kind == TREE_LIST || (node->kind == TREE_SCALAR && node->text.len > 0)) {
        return option_fail(tree_name, node, err, "\"%.*s\" must be a map of keys and values",
                           STR_FMT(node->key));
    }
    for (size_t i = 0; i < table->count; i++) {
        const struct option *o = &table->options[i];
        if (o->def != NULL && (o->flags & (OPTION_UNSUPPORTED | OPTION_IGNORED)) == 0) {
            must(store_text(&a, o, str_of(o->def)));
        }
    }
    flatten(&a, node, STR(""), skip);
    bool ok =
        a.count <= MAX_KEYS || option_fail(tree_name, node, err, "more than %d keys", MAX_KEYS);
    for (size_t i = 0; ok && i < a.count; i++) {
        ok = check_twice(&a, i) && apply_leaf(&a, &a.leaves[i]);
    }
    ok = ok && check_required(&a, node);
    mem_free(a.leaves);
    return ok;
}

const struct tree_node *option_node(const struct tree_node *block, struct str key)
{
    for (size_t i = 0; block != NULL && i < block->count; i++) {
        const struct tree_node *child = &block->children[i];
        if (str_eq(child->key, key)) {
            return child;
        }
        if (child->kind == TREE_MAP && key.len > child->key.len + 1 &&
            key.ptr[child->key.len] == '.' && str_starts(key, child->key)) {
            const struct tree_node *found =
                option_node(child, str_slice(key, child->key.len + 1, key.len));
            if (found != NULL) {
                return found;
            }
        }
    }
    return NULL;
}

static void print_map(const struct option_map *map, struct buf *out)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct option_pair *p = &map->pairs[i];
        buf_put_cstr(out, i == 0 ? "" : ", ");
        buf_put_str(out, p->key);
        buf_put_byte(out, '=');
        buf_put_str(out, p->secret ? STR("******") : p->value);
    }
}

void option_print(const struct option *o, const void *from, struct buf *out)
{
    const char *at = (const char *)from + o->at;
    union {
        struct str text;
        bool flag;
        int64_t number;
        uint64_t amount;
        int choice;
        struct option_map map;
    } v;
    if ((o->flags & OPTION_SECRET) != 0) {
        buf_put_cstr(out, "******");
        return;
    }
    switch (o->type) {
    case OPTION_TEXT:
        memcpy(&v.text, at, sizeof(v.text));
        buf_put_str(out, v.text);
        break;
    case OPTION_BOOL:
        memcpy(&v.flag, at, sizeof(v.flag));
        buf_put_cstr(out, v.flag ? "true" : "false");
        break;
    case OPTION_INT:
        memcpy(&v.number, at, sizeof(v.number));
        buf_printf(out, "%lld", (long long)v.number);
        break;
    case OPTION_SIZE:
    case OPTION_DURATION:
        memcpy(&v.amount, at, sizeof(v.amount));
        print_amount(o->type, v.amount, out);
        break;
    case OPTION_CHOICE:
        memcpy(&v.choice, at, sizeof(v.choice));
        buf_put_cstr(out, o->choices[v.choice]);
        break;
    case OPTION_MAP:
        memcpy(&v.map, at, sizeof(v.map));
        print_map(&v.map, out);
        break;
    }
}
