#include "base/row.h"

#include <string.h>

#include "base/mem.h"

/* A copy is one allocation: the values, then what must be aligned (nested values, wide decimals),
 * then bytes. Two walks: the first adds up, the second copies. */
struct copy_size {
    size_t aligned;
    size_t bytes;
};

struct copy_into {
    char *aligned;
    char *bytes;
};

enum copy_class { COPY_PLAIN, COPY_BYTES, COPY_DECIMAL, COPY_ITEMS };

static const uint8_t copy_classes[] = {
    [TYPE_BOOLEAN] = COPY_PLAIN,       [TYPE_TINYINT] = COPY_PLAIN,   [TYPE_SMALLINT] = COPY_PLAIN,
    [TYPE_INT] = COPY_PLAIN,           [TYPE_BIGINT] = COPY_PLAIN,    [TYPE_FLOAT] = COPY_PLAIN,
    [TYPE_DOUBLE] = COPY_PLAIN,        [TYPE_DECIMAL] = COPY_DECIMAL, [TYPE_CHAR] = COPY_BYTES,
    [TYPE_VARCHAR] = COPY_BYTES,       [TYPE_BINARY] = COPY_BYTES,    [TYPE_VARBINARY] = COPY_BYTES,
    [TYPE_DATE] = COPY_PLAIN,          [TYPE_TIME] = COPY_PLAIN,      [TYPE_TIMESTAMP] = COPY_PLAIN,
    [TYPE_TIMESTAMP_LTZ] = COPY_PLAIN, [TYPE_ARRAY] = COPY_ITEMS,     [TYPE_MULTISET] = COPY_ITEMS,
    [TYPE_MAP] = COPY_ITEMS,           [TYPE_ROW] = COPY_ITEMS,
};

static const struct type multiset_count = {.kind = TYPE_INT};

/* The type of the i-th item of a nested value. */
static const struct type *item_type(const struct type *t, size_t i)
{
    if (t->kind == TYPE_ROW) {
        return t->fields[i].type;
    }
    if (t->kind == TYPE_MAP && i % 2 == 0) {
        return t->key;
    }
    return t->kind == TYPE_MULTISET && i % 2 == 1 ? &multiset_count : t->element;
}

static inline void size_value(const struct type *t, const struct value *v, struct copy_size *size)
{
    switch ((enum copy_class)copy_classes[t->kind]) {
    case COPY_PLAIN:
        break;
    case COPY_BYTES:
        size->bytes += v->len;
        break;
    case COPY_DECIMAL:
        size->aligned += t->precision > 18 ? sizeof(int128) : 0;
        break;
    case COPY_ITEMS:
        size->aligned += (size_t)v->len * sizeof(struct value);
        break;
    }
}

static void size_items(const struct type *t, const struct value *v, struct copy_size *size)
{
    for (size_t i = 0; i < v->len; i++) {
        const struct type *item = item_type(t, i);
        if (v->items[i].state == VALUE_SET) {
            size_value(item, &v->items[i], size);
            if (type_is_nested(item)) {
                size_items(item, &v->items[i], size);
            }
        }
    }
}

/* v is already a plain copy: moves what it points to. */
static inline void copy_pointed(const struct type *t, struct value *v, struct copy_into *into)
{
    switch ((enum copy_class)copy_classes[t->kind]) {
    case COPY_PLAIN:
        break;
    case COPY_BYTES:
        if (v->len > 0) {
            memcpy(into->bytes, v->bytes, v->len);
        }
        v->bytes = into->bytes;
        into->bytes += v->len;
        break;
    case COPY_DECIMAL:
        if (t->precision > 18) {
            memcpy(into->aligned, v->wide, sizeof(int128));
            v->wide = (const int128 *)(const void *)into->aligned;
            into->aligned += sizeof(int128);
        }
        break;
    case COPY_ITEMS:
        break; /* copy_items, which calls itself and so is no part of the hot loop */
    }
}

static void copy_items(const struct type *t, struct value *v, struct copy_into *into)
{
    struct value *items = (struct value *)(void *)into->aligned;
    into->aligned += (size_t)v->len * sizeof(struct value);
    if (v->len > 0) {
        memcpy(items, v->items, (size_t)v->len * sizeof(struct value));
    }
    for (size_t i = 0; i < v->len; i++) {
        const struct type *item = item_type(t, i);
        if (items[i].state != VALUE_SET) {
            continue;
        }
        if (type_is_nested(item)) {
            copy_items(item, &items[i], into);
        } else {
            copy_pointed(item, &items[i], into);
        }
    }
    v->items = items;
}

struct value *row_copy(struct arena *a, const struct schema_field *fields, size_t count,
                       const struct value *values)
{
    struct copy_size size = {0, 0};
    for (size_t i = 0; i < count; i++) {
        const struct type *t = &fields[i].type;
        if (values[i].state == VALUE_SET) {
            size_value(t, &values[i], &size);
            if (UNLIKELY(type_is_nested(t))) {
                size_items(t, &values[i], &size);
            }
        }
    }
    size_t head = count * sizeof(struct value);
    char *memory = arena_alloc(a, head + size.aligned + size.bytes);
    struct copy_into into = {memory + head, memory + head + size.aligned};
    struct value *copy = (struct value *)(void *)memory;
    if (count > 0) {
        memcpy(copy, values, head);
    }
    for (size_t i = 0; i < count; i++) {
        const struct type *t = &fields[i].type;
        if (copy[i].state == VALUE_SET) {
            if (UNLIKELY(type_is_nested(t))) {
                copy_items(t, &copy[i], &into);
            } else {
                copy_pointed(t, &copy[i], &into);
            }
        }
    }
    return copy;
}

void row_print_json(const struct schema_field *fields, size_t count, const struct value *values,
                    struct buf *out)
{
    buf_put_byte(out, '{');
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            buf_put_byte(out, ',');
        }
        buf_put_json(out, fields[i].name);
        buf_put_byte(out, ':');
        value_print_json(&fields[i].type, &values[i], out);
    }
    buf_put_byte(out, '}');
}
