/* Avro binary, as far as it is needed here:
 *   int, long    zigzag varint            float, double   4, 8 bytes little-endian
 *   bytes, text  long, then the bytes     union           long branch, then the value
 *   array, map   blocks of {long count > 0, items}, then 0
 * A nullable value is the union ["null", T]: 0x00, or 0x02 and the value. */
#include "sink/format/avro_encoder.h"

#include <string.h>

#include "base/checked.h"
#include "base/decimal.h"
#include "base/mem.h"
#include "sink/format/avro_schema.h"

/* Room for any value without a length of its own: branch, varint, 16-byte decimal. */
#define AVRO_SLACK 48

enum op {
    OP_BOOLEAN,
    OP_INT8,
    OP_INT16,
    OP_INT32, /* INT, DATE, TIME */
    OP_INT64, /* BIGINT, timestamps in milliseconds */
    OP_FLOAT,
    OP_DOUBLE,
    OP_BYTES,
    OP_DECIMAL,
    OP_MICROS,
    OP_ARRAY,
    OP_MAP,
    OP_ENTRIES,
    OP_ROW,
};

struct column {
    enum op op;
    bool nullable;
    const struct type *type;
};

struct avro_encoder {
    struct column *columns;
    struct schema_field *fields;
    size_t count;
};

/* Where the next byte goes; the buffer's length is set only when the row is complete. */
struct cursor {
    char *at;
    char *end;
    struct buf *out;
    struct error *err;
    struct str column; /* for messages */
};

static enum op op_of(const struct type *t)
{
    switch (t->kind) {
    case TYPE_BOOLEAN:
        return OP_BOOLEAN;
    case TYPE_TINYINT:
        return OP_INT8;
    case TYPE_SMALLINT:
        return OP_INT16;
    case TYPE_INT:
    case TYPE_DATE:
    case TYPE_TIME:
        return OP_INT32;
    case TYPE_BIGINT:
        return OP_INT64;
    case TYPE_FLOAT:
        return OP_FLOAT;
    case TYPE_DOUBLE:
        return OP_DOUBLE;
    case TYPE_CHAR:
    case TYPE_VARCHAR:
    case TYPE_BINARY:
    case TYPE_VARBINARY:
        return OP_BYTES;
    case TYPE_DECIMAL:
        return OP_DECIMAL;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        return t->precision <= 3 ? OP_INT64 : OP_MICROS;
    case TYPE_ARRAY:
        return OP_ARRAY;
    case TYPE_MAP:
        return avro_schema_text_key(t) ? OP_MAP : OP_ENTRIES;
    case TYPE_ROW:
        return OP_ROW;
    case TYPE_MULTISET:
        break;
    }
    must(t->kind != TYPE_MULTISET); /* refused by avro_schema_check */
    return OP_ROW;
}

struct avro_encoder *avro_encoder_new(const struct schema_field *fields, size_t count)
{
    struct avro_encoder *e = MEM_NEW(struct avro_encoder);
    e->count = count;
    e->columns = MEM_ARRAY(struct column, count);
    e->fields = MEM_ARRAY(struct schema_field, count);
    for (size_t i = 0; i < count; i++) {
        e->fields[i] = fields[i];
        const struct type *t = &e->fields[i].type;
        e->columns[i] = (struct column){.op = op_of(t), .nullable = t->nullable, .type = t};
    }
    return e;
}

void avro_encoder_free(struct avro_encoder *e)
{
    if (e == NULL) {
        return;
    }
    mem_free(e->columns);
    mem_free(e->fields);
    mem_free(e);
}

static bool grow(struct cursor *c, size_t len)
{
    size_t done = (size_t)(c->at - (c->out->ptr + c->out->len));
    size_t need;
    if (!checked_add(done, len, &need) || buf_room(c->out, need) == NULL) {
        return error_set(c->err, FAIL_LIMIT,
                         "column '%.*s': the row is longer than the %zu bytes a block may have",
                         STR_FMT(c->column), c->out->max);
    }
    c->at = c->out->ptr + c->out->len + done;
    c->end = c->out->ptr + c->out->cap;
    return true;
}

static inline bool room(struct cursor *c, size_t len)
{
    return LIKELY((size_t)(c->end - c->at) >= len) || grow(c, len);
}

static inline void put_zigzag(struct cursor *c, int64_t v)
{
    uint64_t z = ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
    char *p = c->at;
    while (z >= 0x80) {
        *p++ = (char)(z | 0x80);
        z >>= 7;
    }
    *p++ = (char)z;
    c->at = p;
}

static bool bad_null(struct cursor *c)
{
    return error_set(c->err, FAIL_SCHEMA, "column '%.*s': NULL in a NOT NULL column",
                     STR_FMT(c->column));
}

static bool bad_number(struct cursor *c, int64_t v, const char *type)
{
    return error_set(c->err, FAIL_SCHEMA, "column '%.*s': %lld does not fit %s", STR_FMT(c->column),
                     (long long)v, type);
}

static inline bool put_bytes(struct cursor *c, const struct value *v)
{
    size_t len = v->len;
    if (!room(c, len + AVRO_SLACK)) {
        return false;
    }
    put_zigzag(c, (int64_t)len);
    if (len > 0) {
        memcpy(c->at, v->bytes, len);
        c->at += len;
    }
    return true;
}

static bool put_decimal(struct cursor *c, const struct type *t, const struct value *v)
{
    uint8_t bytes[16];
    size_t len;
    if (t->precision > 18) {
        len = decimal_to_bytes(value_decimal(v, t), bytes);
    } else {
        /* The least number of bytes whose top bit is the sign. */
        int64_t x = v->i;
        uint64_t magnitude = (uint64_t)(x < 0 ? ~x : x);
        len = magnitude == 0 ? 1 : (size_t)(64 - __builtin_clzll(magnitude)) / 8 + 1;
        uint64_t big = __builtin_bswap64((uint64_t)x << (8 * (8 - len)));
        memcpy(bytes, &big, 8);
    }
    put_zigzag(c, (int64_t)len);
    memcpy(c->at, bytes, 16); /* slack allows all 16 */
    c->at += len;
    return true;
}

static bool put_micros(struct cursor *c, const struct value *v)
{
    int64_t micros;
    if (!checked_mul_i64(v->i, 1000, &micros) ||
        !checked_add_i64(micros, (int64_t)(v->len / 1000), &micros)) {
        return bad_number(c, v->i, "a timestamp in microseconds");
    }
    put_zigzag(c, micros);
    return true;
}

static bool put_value(struct cursor *c, enum op op, const struct type *t, const struct value *v);

static bool put_nullable(struct cursor *c, const struct type *t, const struct value *v)
{
    if (!room(c, AVRO_SLACK)) {
        return false;
    }
    if (t->nullable) {
        *c->at++ = v->state == VALUE_NULL ? 0 : 2;
    }
    must(v->state != VALUE_UNCHANGED); /* resolved long before it comes to a file */
    if (v->state == VALUE_NULL) {
        return t->nullable || bad_null(c);
    }
    return put_value(c, op_of(t), t, v);
}

/* One block of all items. per_item: values of one item in v->items. */
static bool put_items(struct cursor *c, const struct type *t, const struct value *v, bool map)
{
    size_t count = map ? v->len / 2 : v->len;
    if (count > 0) {
        put_zigzag(c, (int64_t)count);
        for (size_t i = 0; i < v->len; i++) {
            bool is_key = map && i % 2 == 0;
            if (!put_nullable(c, is_key ? t->key : t->element, &v->items[i])) {
                return false;
            }
        }
    }
    if (!room(c, AVRO_SLACK)) {
        return false;
    }
    *c->at++ = 0;
    return true;
}

/* An Avro map's keys are plain text whatever the type says of null. */
static bool put_text_map(struct cursor *c, const struct type *t, const struct value *v)
{
    if (v->len > 0) {
        put_zigzag(c, (int64_t)(v->len / 2));
        for (size_t i = 0; i + 1 < v->len; i += 2) {
            if (v->items[i].state != VALUE_SET) {
                return error_set(c->err, FAIL_SCHEMA, "column '%.*s': a map key is NULL",
                                 STR_FMT(c->column));
            }
            if (!put_bytes(c, &v->items[i]) || !put_nullable(c, t->element, &v->items[i + 1])) {
                return false;
            }
        }
    }
    if (!room(c, AVRO_SLACK)) {
        return false;
    }
    *c->at++ = 0;
    return true;
}

static bool put_nested(struct cursor *c, enum op op, const struct type *t, const struct value *v)
{
    if (op == OP_ARRAY || op == OP_ENTRIES) {
        return put_items(c, t, v, op == OP_ENTRIES);
    }
    if (op == OP_MAP) {
        return put_text_map(c, t, v);
    }
    must(v->len == t->field_count);
    for (size_t i = 0; i < t->field_count; i++) {
        if (!put_nullable(c, t->fields[i].type, &v->items[i])) {
            return false;
        }
    }
    return true;
}

/* The value alone; room for AVRO_SLACK was made. */
static inline bool put_value(struct cursor *c, enum op op, const struct type *t,
                             const struct value *v)
{
    switch (op) {
    case OP_BOOLEAN:
        *c->at++ = v->i != 0;
        return true;
    case OP_INT8:
        if (UNLIKELY(v->i != (int8_t)v->i)) {
            return bad_number(c, v->i, "TINYINT");
        }
        put_zigzag(c, v->i);
        return true;
    case OP_INT16:
        if (UNLIKELY(v->i != (int16_t)v->i)) {
            return bad_number(c, v->i, "SMALLINT");
        }
        put_zigzag(c, v->i);
        return true;
    case OP_INT32:
        if (UNLIKELY(v->i != (int32_t)v->i)) {
            return bad_number(c, v->i, "INT");
        }
        put_zigzag(c, v->i);
        return true;
    case OP_INT64:
        put_zigzag(c, v->i);
        return true;
    case OP_FLOAT:
        memcpy(c->at, &v->f4, 4);
        c->at += 4;
        return true;
    case OP_DOUBLE:
        memcpy(c->at, &v->f8, 8);
        c->at += 8;
        return true;
    case OP_BYTES:
        return put_bytes(c, v);
    case OP_DECIMAL:
        return put_decimal(c, t, v);
    case OP_MICROS:
        return put_micros(c, v);
    case OP_ARRAY:
    case OP_MAP:
    case OP_ENTRIES:
    case OP_ROW:
        return put_nested(c, op, t, v);
    }
    return false;
}

bool avro_encoder_row(const struct avro_encoder *e, const struct value *values, struct buf *out,
                      struct error *err)
{
    struct cursor c = {.out = out, .err = err};
    if (buf_room(out, AVRO_SLACK) == NULL) {
        return error_set(err, FAIL_LIMIT, "a block may have %zu bytes only", out->max);
    }
    c.at = out->ptr + out->len;
    c.end = out->ptr + out->cap;
    for (size_t i = 0; i < e->count; i++) {
        const struct column *column = &e->columns[i];
        const struct value *v = &values[i];
        c.column = e->fields[i].name;
        if (!room(&c, AVRO_SLACK)) {
            goto fail;
        }
        if (column->nullable) {
            *c.at++ = v->state == VALUE_NULL ? 0 : 2;
        }
        if (UNLIKELY(v->state != VALUE_SET)) {
            must(v->state == VALUE_NULL);
            if (column->nullable) {
                continue;
            }
            (void)bad_null(&c);
            goto fail;
        }
        if (!put_value(&c, column->op, column->type, v)) {
            goto fail;
        }
    }
    out->len = (size_t)(c.at - out->ptr);
    return true;
fail:
    out->failed = false; /* the buffer still holds the rows before this one */
    return false;
}
