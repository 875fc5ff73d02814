/* BinaryRow with n fields (paimon-format §5.1, BinaryRow.java, BinaryRowWriter.java):
 *
 *   [ header and null bits: W bytes ][ n slots of 8 ][ variable part, items padded to 8 ]
 *   W = ((n + 63 + 8) / 64) * 8; byte 0 is the row kind (0); null bit of field i is bit i + 8
 *
 * Offsets count from byte 0. Texts and bytes up to 7 lie in their slot with 0x80 | len in byte 7. A
 * null DECIMAL(p > 18) or TIMESTAMP(p > 3) still reserves its 16 or 8 bytes: Java does, and rows
 * are compared as bytes. */
#include "sink/binrow.h"

#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/reader.h"

const struct str binrow_empty = {"\0\0\0\0\0\0\0\0\0\0\0\0", 12};

static size_t header_bytes(size_t count)
{
    return (count + 63 + 8) / 64 * 8;
}

static bool is_wide_decimal(const struct type *t)
{
    return t->kind == TYPE_DECIMAL && t->precision > 18;
}

static bool is_fine_timestamp(const struct type *t)
{
    return (t->kind == TYPE_TIMESTAMP || t->kind == TYPE_TIMESTAMP_LTZ) && t->precision > 3;
}

/* Appends bytes, zero-padded to reserved; returns their offset from the row's start. */
static uint64_t put_variable(struct buf *out, size_t start, const void *bytes, size_t len,
                             size_t reserved)
{
    uint64_t offset = out->len - start;
    char *p = buf_room(out, reserved);
    if (p != NULL) {
        if (len > 0) {
            memcpy(p, bytes, len);
        }
        memset(p + len, 0, reserved - len);
        out->len += reserved;
    }
    return offset;
}

static uint64_t text_slot(const struct value *v, struct buf *out, size_t start)
{
    uint64_t slot = 0;
    if (v->len <= 7) {
        if (v->len > 0) {
            memcpy(&slot, v->bytes, v->len);
        }
        return slot | (uint64_t)(0x80 | v->len) << 56;
    }
    uint64_t offset = put_variable(out, start, v->bytes, v->len, ((size_t)v->len + 7) / 8 * 8);
    return offset << 32 | v->len;
}

/* The 8 bytes of a field that is not null; appends its variable part. */
static uint64_t slot_of(const struct type *t, const struct value *v, struct buf *out, size_t start)
{
    switch (t->kind) {
    case TYPE_BOOLEAN:
        return v->i != 0;
    case TYPE_TINYINT:
        return (uint8_t)v->i;
    case TYPE_SMALLINT:
        return (uint16_t)v->i;
    case TYPE_INT:
    case TYPE_DATE:
    case TYPE_TIME:
        return (uint32_t)v->i;
    case TYPE_BIGINT:
        return (uint64_t)v->i;
    case TYPE_FLOAT: {
        uint32_t bits;
        memcpy(&bits, &v->f4, sizeof(bits));
        return bits;
    }
    case TYPE_DOUBLE: {
        uint64_t bits;
        memcpy(&bits, &v->f8, sizeof(bits));
        return bits;
    }
    case TYPE_DECIMAL: {
        if (!is_wide_decimal(t)) {
            return (uint64_t)v->i;
        }
        uint8_t bytes[16];
        size_t len = decimal_to_bytes(value_decimal(v, t), bytes);
        return put_variable(out, start, bytes, len, 16) << 32 | len;
    }
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        if (!is_fine_timestamp(t)) {
            return (uint64_t)v->i;
        }
        return put_variable(out, start, &v->i, 8, 8) << 32 | v->len;
    case TYPE_CHAR:
    case TYPE_VARCHAR:
    case TYPE_BINARY:
    case TYPE_VARBINARY:
        return text_slot(v, out, start);
    case TYPE_ARRAY:
    case TYPE_MULTISET:
    case TYPE_MAP:
    case TYPE_ROW:
        break;
    }
    must(!type_is_nested(t)); /* they are never keys, partitions or bounds */
    return 0;
}

void binrow_write(const struct schema_field *const *fields, size_t count,
                  const struct value *const *values, struct buf *out)
{
    size_t start = out->len;
    size_t header = header_bytes(count);
    size_t fixed = header + 8 * count;
    char *row = buf_room(out, fixed);
    if (row == NULL) {
        return; /* the buffer remembers */
    }
    memset(row, 0, fixed);
    out->len += fixed;
    for (size_t i = 0; i < count; i++) {
        const struct type *t = &fields[i]->type;
        uint64_t slot = 0;
        if (values[i]->state == VALUE_SET) {
            slot = slot_of(t, values[i], out, start);
        } else {
            must(values[i]->state == VALUE_NULL);
            if (is_wide_decimal(t)) {
                slot = put_variable(out, start, NULL, 0, 16) << 32;
            } else if (is_fine_timestamp(t)) {
                slot = put_variable(out, start, NULL, 0, 8) << 32;
            }
            size_t bit = i + 8;
            char *byte = out->ptr + start + bit / 8;
            *byte = (char)(*byte | (1 << bit % 8));
        }
        memcpy(out->ptr + start + header + 8 * i, &slot, 8);
    }
}

void binrow_serialize(const struct schema_field *const *fields, size_t count,
                      const struct value *const *values, struct buf *out)
{
    buf_put_u32be(out, (uint32_t)count);
    binrow_write(fields, count, values, out);
}

/* The variable part that a slot points to; fails the reader when it lies outside the row. */
static struct str variable_at(struct reader *r, struct str row, uint64_t slot)
{
    uint64_t offset = slot >> 32;
    uint64_t len = slot & UINT32_MAX;
    if (offset > row.len || len > row.len - offset) {
        reader_fail(r);
        return (struct str){NULL, 0};
    }
    return (struct str){row.ptr + offset, (size_t)len};
}

static void parse_decimal(struct reader *r, struct str row, const struct type *t, uint64_t slot,
                          struct arena *arena, struct value *out)
{
    if (!is_wide_decimal(t)) {
        out->i = (int64_t)slot;
        return;
    }
    struct str s = variable_at(r, row, slot);
    int128 *wide = arena_alloc(arena, sizeof(*wide));
    *wide = 0;
    if (!r->failed && !decimal_from_bytes(s.ptr, s.len, wide)) {
        reader_fail(r);
    }
    out->wide = wide;
}

static void parse_timestamp(struct reader *r, struct str row, const struct type *t, uint64_t slot,
                            struct value *out)
{
    if (!is_fine_timestamp(t)) {
        out->i = (int64_t)slot;
        return;
    }
    uint64_t nanos = slot & UINT32_MAX;
    struct str s = variable_at(r, row, (slot & ~(uint64_t)UINT32_MAX) | 8);
    if (s.ptr == NULL || nanos > 999999) {
        reader_fail(r);
        return;
    }
    memcpy(&out->i, s.ptr, 8);
    out->len = (uint32_t)nanos;
}

static void parse_text(struct reader *r, struct str row, const char *slot_at, uint64_t slot,
                       struct value *out)
{
    unsigned last = (unsigned)(slot >> 56);
    struct str s = {slot_at, last & 0x7f};
    if ((last & 0x80) == 0) {
        s = variable_at(r, row, slot);
    } else if (s.len > 7) {
        reader_fail(r);
        return;
    }
    out->bytes = s.ptr;
    out->len = (uint32_t)s.len;
}

static void parse_slot(struct reader *r, struct str row, const struct type *t, const char *slot_at,
                       struct arena *arena, struct value *out)
{
    uint64_t slot;
    memcpy(&slot, slot_at, 8);
    switch (t->kind) {
    case TYPE_BOOLEAN:
        out->i = (slot & 0xff) != 0;
        return;
    case TYPE_TINYINT:
        out->i = (int64_t)((slot & 0xff) ^ 0x80) - 0x80;
        return;
    case TYPE_SMALLINT:
        out->i = (int16_t)slot;
        return;
    case TYPE_INT:
    case TYPE_DATE:
    case TYPE_TIME:
        out->i = (int32_t)slot;
        return;
    case TYPE_BIGINT:
        out->i = (int64_t)slot;
        return;
    case TYPE_FLOAT:
        memcpy(&out->f4, slot_at, sizeof(out->f4));
        return;
    case TYPE_DOUBLE:
        memcpy(&out->f8, slot_at, sizeof(out->f8));
        return;
    case TYPE_DECIMAL:
        parse_decimal(r, row, t, slot, arena, out);
        return;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        parse_timestamp(r, row, t, slot, out);
        return;
    case TYPE_CHAR:
    case TYPE_VARCHAR:
    case TYPE_BINARY:
    case TYPE_VARBINARY:
        parse_text(r, row, slot_at, slot, out);
        return;
    case TYPE_ARRAY:
    case TYPE_MULTISET:
    case TYPE_MAP:
    case TYPE_ROW:
        break;
    }
    reader_fail(r);
}

bool binrow_parse(struct str bytes, const struct schema_field *const *fields, size_t count,
                  struct arena *arena, struct value *out_values, struct error *err)
{
    struct reader r = reader_over(bytes, "binary row");
    uint32_t arity = reader_u32be(&r);
    if (!r.failed && arity != count) {
        return error_set(err, FAIL_CORRUPT, "binary row: %u fields where %zu were expected", arity,
                         count);
    }
    struct str row = r.rest;
    size_t header = header_bytes(count);
    const unsigned char *head = reader_take(&r, header);
    const unsigned char *slots = reader_take(&r, 8 * count);
    struct value *values = ARENA_ARRAY(arena, struct value, count);
    for (size_t i = 0; i < count && !r.failed; i++) {
        size_t bit = i + 8;
        if ((head[bit / 8] >> bit % 8 & 1) == 0) {
            values[i].state = VALUE_SET;
            parse_slot(&r, row, &fields[i]->type, (const char *)slots + 8 * i, arena, &values[i]);
        }
    }
    if (!reader_ok(&r, err)) {
        return false;
    }
    if (count > 0) {
        memcpy(out_values, values, count * sizeof(*values));
    }
    return true;
}

int32_t binrow_bucket(const struct schema_field *const *fields, size_t count,
                      const struct value *const *values, int32_t buckets, struct buf *scratch)
{
    must(buckets > 0);
    buf_reset(scratch);
    binrow_write(fields, count, values, scratch);
    must(!scratch->failed);
    int32_t hash = (int32_t)hash_murmur(scratch->ptr, scratch->len);
    return abs(hash % buckets);
}
