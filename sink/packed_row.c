#include "sink/packed_row.h"

#include <string.h>

#include "base/checked.h"
#include "base/mem.h"

#define HEAD_BYTES 9 /* sequence, kind */

/* Bytes of a value of fixed width; 0: text, bytes (length first) or nested. */
static size_t fixed_bytes(const struct type *t)
{
    switch (t->kind) {
    case TYPE_BOOLEAN:
    case TYPE_TINYINT:
        return 1;
    case TYPE_SMALLINT:
        return 2;
    case TYPE_INT:
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_FLOAT:
        return 4;
    case TYPE_BIGINT:
    case TYPE_DOUBLE:
        return 8;
    case TYPE_DECIMAL:
        return t->precision > 18 ? 16 : 8;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        return t->precision > 3 ? 12 : 8;
    case TYPE_CHAR:
    case TYPE_VARCHAR:
    case TYPE_BINARY:
    case TYPE_VARBINARY:
    case TYPE_ARRAY:
    case TYPE_MULTISET:
    case TYPE_MAP:
    case TYPE_ROW:
        return 0;
    }
    return 0;
}

void packed_row_shape_init(struct packed_row_shape *s, const struct schema *schema,
                           const struct data_file_layout *layout)
{
    bool *is_key = MEM_ARRAY(bool, schema->field_count);
    *s = (struct packed_row_shape){.schema = schema,
                                   .order = MEM_ARRAY(size_t, schema->field_count),
                                   .widths = MEM_ARRAY(uint8_t, schema->field_count),
                                   .key_count = layout->key_count,
                                   .null_bytes = (schema->field_count + 7) / 8};
    for (size_t i = 0; i < layout->key_count; i++) {
        s->order[s->count++] = layout->key_columns[i];
        is_key[layout->key_columns[i]] = true;
    }
    for (size_t i = 0; i < schema->field_count; i++) {
        s->widths[i] = (uint8_t)fixed_bytes(&schema->fields[i].type);
        if (!is_key[i]) {
            s->order[s->count++] = i;
        }
    }
    s->lead_count = s->key_count;
    mem_free(is_key);
}

void packed_row_shape_lead(struct packed_row_shape *s, const size_t *columns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        while (s->order[at] != columns[i]) {
            at++;
            must(at < s->count);
        }
        if (at >= s->lead_count) {
            for (; at > s->lead_count; at--) {
                s->order[at] = s->order[at - 1];
            }
            s->order[s->lead_count++] = columns[i];
        }
    }
}

void packed_row_shape_release(struct packed_row_shape *s)
{
    mem_free(s->order);
    mem_free(s->widths);
    *s = (struct packed_row_shape){0};
}

static const struct type multiset_count = {.kind = TYPE_INT};

/* The type of the i-th item of a nested value (base/row.h). */
static const struct type *item_type(const struct type *t, size_t i)
{
    if (t->kind == TYPE_ROW) {
        return t->fields[i].type;
    }
    if (t->kind == TYPE_MAP) {
        return i % 2 == 0 ? t->key : t->element;
    }
    if (t->kind == TYPE_MULTISET) {
        return i % 2 == 0 ? t->element : &multiset_count;
    }
    return t->element;
}

static size_t value_size(const struct type *t, const struct value *v)
{
    size_t fixed = fixed_bytes(t);
    if (fixed != 0) {
        return fixed;
    }
    if (!type_is_nested(t)) {
        return sizeof(uint32_t) + (size_t)v->len;
    }
    size_t size = sizeof(uint32_t);
    for (size_t i = 0; i < v->len; i++) {
        size_t item =
            v->items[i].state == VALUE_SET ? value_size(item_type(t, i), &v->items[i]) : 0;
        if (item == SIZE_MAX || !checked_add(size, item + 1, &size)) {
            return SIZE_MAX;
        }
    }
    return size;
}

size_t packed_row_size(const struct packed_row_shape *s, const struct value *values)
{
    size_t size = HEAD_BYTES + s->null_bytes;
    for (size_t i = 0; i < s->count; i++) {
        if (values[i].state == VALUE_SET) {
            size_t one = s->widths[i] != 0 ? s->widths[i]
                                           : value_size(&s->schema->fields[i].type, &values[i]);
            if (!checked_add(size, one, &size)) {
                return SIZE_MAX;
            }
        }
    }
    return size;
}

static char *put(char *at, const void *bytes, size_t len)
{
    if (len > 0) {
        memcpy(at, bytes, len);
    }
    return at + len;
}

static char *write_value(const struct type *t, const struct value *v, char *at)
{
    switch (t->kind) { /* of numbers the low bytes: little-endian */
    case TYPE_BOOLEAN:
    case TYPE_TINYINT:
        return put(at, &v->i, 1);
    case TYPE_SMALLINT:
        return put(at, &v->i, 2);
    case TYPE_INT:
    case TYPE_DATE:
    case TYPE_TIME:
        return put(at, &v->i, 4);
    case TYPE_BIGINT:
        return put(at, &v->i, 8);
    case TYPE_FLOAT:
        return put(at, &v->f4, sizeof(v->f4));
    case TYPE_DOUBLE:
        return put(at, &v->f8, sizeof(v->f8));
    case TYPE_DECIMAL:
        return t->precision > 18 ? put(at, v->wide, sizeof(*v->wide)) : put(at, &v->i, 8);
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        at = put(at, &v->i, 8);
        return t->precision > 3 ? put(at, &v->len, 4) : at;
    case TYPE_CHAR:
    case TYPE_VARCHAR:
    case TYPE_BINARY:
    case TYPE_VARBINARY:
        at = put(at, &v->len, sizeof(v->len));
        return put(at, v->bytes, v->len);
    case TYPE_ARRAY:
    case TYPE_MULTISET:
    case TYPE_MAP:
    case TYPE_ROW:
        at = put(at, &v->len, sizeof(v->len));
        for (size_t i = 0; i < v->len; i++) {
            *at++ = v->items[i].state == VALUE_SET;
            if (v->items[i].state == VALUE_SET) {
                at = write_value(item_type(t, i), &v->items[i], at);
            }
        }
        return at;
    }
    return at;
}

void packed_row_write(const struct packed_row_shape *s, enum row_kind kind, int64_t sequence,
                      const struct value *values, char *into)
{
    char *at = put(into, &sequence, sizeof(sequence));
    *at++ = (char)kind;
    char *nulls = at;
    memset(nulls, 0, s->null_bytes);
    at += s->null_bytes;
    for (size_t i = 0; i < s->count; i++) {
        size_t column = s->order[i];
        must(values[column].state != VALUE_UNCHANGED); /* resolved before it comes here */
        if (values[column].state == VALUE_NULL) {
            nulls[i / 8] = (char)(nulls[i / 8] | 1 << (i % 8));
        } else {
            at = write_value(&s->schema->fields[column].type, &values[column], at);
        }
    }
}

void packed_row_out_init(struct packed_row_out *o, const struct packed_row_shape *s)
{
    *o = (struct packed_row_out){.values = MEM_ARRAY(struct value, s->count),
                                 .key = MEM_ARRAY(struct value, s->key_count),
                                 .wide = MEM_ARRAY(int128, s->count)};
}

void packed_row_out_release(struct packed_row_out *o)
{
    mem_free(o->values);
    mem_free(o->key);
    mem_free(o->wide);
    arena_release(&o->nested);
    *o = (struct packed_row_out){0};
}

static int64_t take_i8(const char *at)
{
    int8_t v;
    memcpy(&v, at, sizeof(v));
    return v;
}

static int64_t take_i16(const char *at)
{
    int16_t v;
    memcpy(&v, at, sizeof(v));
    return v;
}

static int64_t take_i32(const char *at)
{
    int32_t v;
    memcpy(&v, at, sizeof(v));
    return v;
}

static int64_t take_i64(const char *at)
{
    int64_t v;
    memcpy(&v, at, sizeof(v));
    return v;
}

/* One non-null value; nested items and their 128-bit numbers go into the arena. */
static const char *read_value(const struct type *t, const char *at, struct value *out, int128 *wide,
                              struct arena *nested)
{
    *out = (struct value){.state = VALUE_SET};
    switch (t->kind) {
    case TYPE_BOOLEAN:
    case TYPE_TINYINT:
        out->i = take_i8(at);
        return at + 1;
    case TYPE_SMALLINT:
        out->i = take_i16(at);
        return at + 2;
    case TYPE_INT:
    case TYPE_DATE:
    case TYPE_TIME:
        out->i = take_i32(at);
        return at + 4;
    case TYPE_BIGINT:
        out->i = take_i64(at);
        return at + 8;
    case TYPE_FLOAT:
        memcpy(&out->f4, at, sizeof(out->f4));
        return at + 4;
    case TYPE_DOUBLE:
        memcpy(&out->f8, at, sizeof(out->f8));
        return at + 8;
    case TYPE_DECIMAL:
        if (t->precision <= 18) {
            out->i = take_i64(at);
            return at + 8;
        }
        memcpy(wide, at, sizeof(*wide));
        out->wide = wide;
        return at + 16;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        out->i = take_i64(at);
        if (t->precision <= 3) {
            return at + 8;
        }
        memcpy(&out->len, at + 8, sizeof(out->len));
        return at + 12;
    case TYPE_CHAR:
    case TYPE_VARCHAR:
    case TYPE_BINARY:
    case TYPE_VARBINARY:
        memcpy(&out->len, at, sizeof(out->len));
        out->bytes = at + sizeof(out->len);
        return out->bytes + out->len;
    case TYPE_ARRAY:
    case TYPE_MULTISET:
    case TYPE_MAP:
    case TYPE_ROW:
        break;
    }
    must(nested != NULL);
    memcpy(&out->len, at, sizeof(out->len));
    at += sizeof(out->len);
    struct value *items = ARENA_ARRAY(nested, struct value, out->len);
    for (size_t i = 0; i < out->len; i++) {
        if (*at++ != 0) {
            /* arenas align to 8; a 128-bit number wants 16 */
            uintptr_t room = (uintptr_t)arena_alloc(nested, 2 * sizeof(int128));
            int128 *own = (int128 *)((room + 15) & ~(uintptr_t)15);
            at = read_value(item_type(t, i), at, &items[i], own, nested);
        }
    }
    out->items = items;
    return at;
}

static void read_row(const struct packed_row_shape *s, const char *row, struct packed_row_out *o,
                     struct arena *nested)
{
    o->sequence = packed_row_sequence(row);
    o->kind = (uint8_t)row[8];
    const char *nulls = row + HEAD_BYTES;
    const char *at = nulls + s->null_bytes;
    for (size_t i = 0; i < s->count; i++) {
        size_t column = s->order[i];
        struct value *v = &o->values[column];
        if ((nulls[i / 8] >> (i % 8) & 1) != 0) {
            *v = (struct value){.state = VALUE_NULL};
        } else {
            at = read_value(&s->schema->fields[column].type, at, v, &o->wide[column], nested);
        }
        if (i < s->key_count) {
            o->key[i] = *v;
        }
    }
}

void packed_row_read(const struct packed_row_shape *s, const char *row, struct packed_row_out *o)
{
    arena_reset(&o->nested);
    read_row(s, row, o, &o->nested);
}

struct packed_row_out packed_row_take(const struct packed_row_shape *s, const char *row,
                                      struct arena *arena)
{
    struct packed_row_out o = {.values = ARENA_ARRAY(arena, struct value, s->count),
                               .key = ARENA_ARRAY(arena, struct value, s->key_count),
                               .wide = ARENA_ARRAY(arena, int128, s->count)};
    read_row(s, row, &o, arena);
    return o;
}

int64_t packed_row_sequence(const char *row)
{
    return take_i64(row);
}

void packed_row_key(const struct packed_row_shape *s, const char *row, struct value *key,
                    int128 *wide)
{
    const char *nulls = row + HEAD_BYTES;
    const char *at = nulls + s->null_bytes;
    for (size_t i = 0; i < s->key_count; i++) {
        if ((nulls[i / 8] >> (i % 8) & 1) != 0) {
            key[i] = (struct value){.state = VALUE_NULL};
        } else { /* keys are never nested: no arena is needed */
            at = read_value(&s->schema->fields[s->order[i]].type, at, &key[i], &wide[i], NULL);
        }
    }
}

void packed_row_lead(const struct packed_row_shape *s, const char *row, struct value *values,
                     int128 *wide)
{
    const char *nulls = row + HEAD_BYTES;
    const char *at = nulls + s->null_bytes;
    for (size_t i = 0; i < s->lead_count; i++) {
        size_t column = s->order[i];
        if ((nulls[i / 8] >> (i % 8) & 1) != 0) {
            values[column] = (struct value){.state = VALUE_NULL};
        } else { /* no column of an order is nested */
            at = read_value(&s->schema->fields[column].type, at, &values[column], &wide[column],
                            NULL);
        }
    }
}
