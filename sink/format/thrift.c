#include "sink/format/thrift.h"

/* Lengths and counts: base-128, at most 32 bits. */
static uint32_t read_varint(struct reader *r)
{
    uint32_t v = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t byte = reader_u8(r);
        if (shift == 28 && byte > 0x0f) {
            break;
        }
        v |= (uint32_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return v;
        }
    }
    reader_fail(r);
    return 0;
}

bool thrift_next(struct reader *r, struct thrift_field *field)
{
    uint8_t head = reader_u8(r);
    if (r->failed || head == THRIFT_STOP) {
        return false;
    }
    int64_t id = head >> 4 != 0 ? (int64_t)field->id + (head >> 4) : reader_zigzag(r);
    field->type = head & 0x0f;
    if (r->failed || id < INT16_MIN || id > INT16_MAX || field->type == THRIFT_STOP ||
        field->type > THRIFT_STRUCT) {
        reader_fail(r);
        return false;
    }
    field->id = (int32_t)id;
    return true;
}

static void skip(struct reader *r, uint8_t type, unsigned depth, bool element);

static void skip_elements(struct reader *r, unsigned depth)
{
    uint8_t head = reader_u8(r);
    uint32_t count = head >> 4 == 15 ? read_varint(r) : head >> 4;
    size_t n = reader_count(r, count, 1);
    uint8_t of = head & 0x0f;
    for (size_t i = 0; i < n && !r->failed; i++) {
        skip(r, of, depth, true);
    }
}

static void skip_map(struct reader *r, unsigned depth)
{
    uint32_t count = read_varint(r);
    if (count == 0) {
        return;
    }
    uint8_t types = reader_u8(r);
    size_t n = reader_count(r, count, 2);
    for (size_t i = 0; i < n && !r->failed; i++) {
        skip(r, types >> 4, depth, true);
        skip(r, types & 0x0f, depth, true);
    }
}

/* Depth is bounded: no recursion beyond THRIFT_MAX_DEPTH. */
static void skip(struct reader *r, uint8_t type, unsigned depth, bool element)
{
    if (depth >= THRIFT_MAX_DEPTH) {
        reader_fail(r);
        return;
    }
    switch (type) {
    case THRIFT_TRUE:
    case THRIFT_FALSE:
        reader_skip(r, element ? 1 : 0); /* a field's value is its type */
        break;
    case THRIFT_BYTE:
        reader_skip(r, 1);
        break;
    case THRIFT_I16:
    case THRIFT_I32:
    case THRIFT_I64:
        (void)reader_zigzag(r);
        break;
    case THRIFT_DOUBLE:
        reader_skip(r, 8);
        break;
    case THRIFT_BINARY:
        reader_skip(r, read_varint(r));
        break;
    case THRIFT_LIST:
    case THRIFT_SET:
        skip_elements(r, depth + 1);
        break;
    case THRIFT_MAP:
        skip_map(r, depth + 1);
        break;
    case THRIFT_STRUCT: {
        struct thrift_field f = {0};
        while (thrift_next(r, &f)) {
            skip(r, f.type, depth + 1, false);
        }
        break;
    }
    default:
        reader_fail(r);
    }
}

void thrift_skip(struct reader *r, const struct thrift_field *field)
{
    skip(r, field->type, 0, false);
}

bool thrift_bool(struct reader *r, const struct thrift_field *field)
{
    thrift_skip(r, field);
    return field->type == THRIFT_TRUE;
}

int64_t thrift_int(struct reader *r, const struct thrift_field *field)
{
    if (field->type == THRIFT_BYTE) {
        return (int8_t)reader_u8(r);
    }
    if (field->type == THRIFT_I16 || field->type == THRIFT_I32 || field->type == THRIFT_I64) {
        return reader_zigzag(r);
    }
    thrift_skip(r, field);
    return 0;
}

int32_t thrift_int32(struct reader *r, const struct thrift_field *field)
{
    int64_t v = thrift_int(r, field);
    if (v < INT32_MIN || v > INT32_MAX) {
        reader_fail(r);
        return 0;
    }
    return (int32_t)v;
}

struct str thrift_binary(struct reader *r, const struct thrift_field *field)
{
    if (field->type != THRIFT_BINARY) {
        thrift_skip(r, field);
        return (struct str){"", 0};
    }
    return reader_bytes(r, read_varint(r));
}

size_t thrift_list(struct reader *r, const struct thrift_field *field, enum thrift_type elements,
                   size_t min_bytes)
{
    if (field->type != THRIFT_LIST) {
        reader_fail(r);
        return 0;
    }
    uint8_t head = reader_u8(r);
    uint32_t count = head >> 4 == 15 ? read_varint(r) : head >> 4;
    if ((head & 0x0f) != elements && count > 0) {
        reader_fail(r);
        return 0;
    }
    return reader_count(r, count, min_bytes);
}

bool thrift_struct(struct reader *r, const struct thrift_field *field)
{
    if (field->type == THRIFT_STRUCT) {
        return true;
    }
    thrift_skip(r, field);
    return false;
}

/* ---- writing ---- */

static void put_varint(struct buf *b, uint32_t v)
{
    while (v >= 0x80) {
        buf_put_byte(b, (uint8_t)(v | 0x80));
        v >>= 7;
    }
    buf_put_byte(b, (uint8_t)v);
}

static void put_head(struct buf *b, int32_t *last, int32_t id, enum thrift_type type)
{
    if (id > *last && id - *last <= 15) {
        buf_put_byte(b, (uint8_t)((uint32_t)(id - *last) << 4 | (uint32_t)type));
    } else {
        buf_put_byte(b, (uint8_t)type);
        buf_put_zigzag(b, id);
    }
    *last = id;
}

void thrift_put_bool(struct buf *b, int32_t *last, int32_t id, bool v)
{
    put_head(b, last, id, v ? THRIFT_TRUE : THRIFT_FALSE);
}

void thrift_put_byte(struct buf *b, int32_t *last, int32_t id, int8_t v)
{
    put_head(b, last, id, THRIFT_BYTE);
    buf_put_byte(b, (uint8_t)v);
}

void thrift_put_i16(struct buf *b, int32_t *last, int32_t id, int16_t v)
{
    put_head(b, last, id, THRIFT_I16);
    buf_put_zigzag(b, v);
}

void thrift_put_i32(struct buf *b, int32_t *last, int32_t id, int32_t v)
{
    put_head(b, last, id, THRIFT_I32);
    buf_put_zigzag(b, v);
}

void thrift_put_i64(struct buf *b, int32_t *last, int32_t id, int64_t v)
{
    put_head(b, last, id, THRIFT_I64);
    buf_put_zigzag(b, v);
}

void thrift_put_binary(struct buf *b, int32_t *last, int32_t id, struct str s)
{
    put_head(b, last, id, THRIFT_BINARY);
    thrift_put_text(b, s);
}

void thrift_put_struct(struct buf *b, int32_t *last, int32_t id)
{
    put_head(b, last, id, THRIFT_STRUCT);
}

void thrift_put_list(struct buf *b, int32_t *last, int32_t id, enum thrift_type elements,
                     size_t count)
{
    put_head(b, last, id, THRIFT_LIST);
    if (count < 15) {
        buf_put_byte(b, (uint8_t)(count << 4 | (size_t)elements));
    } else {
        buf_put_byte(b, (uint8_t)(15u << 4 | (unsigned)elements));
        put_varint(b, (uint32_t)count);
    }
}

void thrift_put_stop(struct buf *b)
{
    buf_put_byte(b, THRIFT_STOP);
}

void thrift_put_int(struct buf *b, int64_t v)
{
    buf_put_zigzag(b, v);
}

void thrift_put_text(struct buf *b, struct str s)
{
    put_varint(b, (uint32_t)s.len);
    buf_put_str(b, s);
}
