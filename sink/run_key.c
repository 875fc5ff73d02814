#include "sink/run_key.h"

#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/decimal.h"
#include "base/mem.h"
#include "sink/binrow.h"

/* A key has at most this many columns; MySQL's own limit is 16, PostgreSQL's 32. */
#define KEY_MAX_COLUMNS 64

int run_key_compare(const struct data_file_layout *layout, const struct value *a,
                    const struct value *b)
{
    for (size_t i = 0; i < layout->key_count; i++) {
        int c = value_compare(&layout->fields[i].type, &a[i], &b[i]);
        if (c != 0) {
            return c;
        }
    }
    return 0;
}

/* Two's complement to unsigned order: the sign bit turned round. */
static uint64_t normalize_int(int64_t v, unsigned width)
{
    return ((uint64_t)v ^ (UINT64_C(1) << (width * 8 - 1))) << (64 - width * 8);
}

/* Java's Float.compare and Double.compare: negative numbers turned round, all NaNs are one and the
 * greatest. */
static uint64_t normalize_double(double v)
{
    uint64_t bits = UINT64_C(0x7ff8000000000000);
    if (!isnan(v)) {
        memcpy(&bits, &v, sizeof(bits));
    }
    return (bits >> 63) != 0 ? ~bits : bits ^ (UINT64_C(1) << 63);
}

static uint64_t normalize_float(float v)
{
    uint32_t bits = UINT32_C(0x7fc00000);
    if (!isnan(v)) {
        memcpy(&bits, &v, sizeof(bits));
    }
    bits = (bits >> 31) != 0 ? ~bits : bits ^ (UINT32_C(1) << 31);
    return (uint64_t)bits << 32;
}

uint64_t run_key_normalize_bytes(const char *bytes, size_t len)
{
    unsigned char head[8] = {0};
    if (len > 0) {
        memcpy(head, bytes, len < 8 ? len : 8);
    }
    uint64_t v;
    memcpy(&v, head, 8);
    return __builtin_bswap64(v); /* little-endian machines only; checked at start */
}

unsigned run_key_width(const struct type *t)
{
    switch (t->kind) {
    case TYPE_BOOLEAN:
    case TYPE_TINYINT:
        return 1;
    case TYPE_SMALLINT:
        return 2;
    case TYPE_INT:
    case TYPE_FLOAT:
    case TYPE_DATE:
    case TYPE_TIME:
        return 4;
    case TYPE_BIGINT:
    case TYPE_DOUBLE:
        return 8;
    case TYPE_DECIMAL:
        return t->precision <= 18 ? 8 : 16;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        return t->precision <= 3 ? 8 : 12;
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

uint128 run_key_normalize(const struct type *t, const struct value *v)
{
    unsigned width = run_key_width(t);
    must(width > 0);
    if (t->kind == TYPE_FLOAT) {
        return (uint128)normalize_float(v->f4) << 64;
    }
    if (t->kind == TYPE_DOUBLE) {
        return (uint128)normalize_double(v->f8) << 64;
    }
    if (t->kind == TYPE_DECIMAL && width == 16) {
        return (uint128)*v->wide ^ ((uint128)1 << 127);
    }
    if (width == 12) { /* milliseconds, then nanoseconds of the millisecond */
        return (uint128)normalize_int(v->i, 8) << 64 | (uint128)v->len << 32;
    }
    return (uint128)normalize_int(v->i, width) << 64;
}

/* Bytes a column takes of a prefix. A wide decimal (a BIGINT UNSIGNED key is DECIMAL(20)) has
 * leading bytes that all its values share; they are left out. */
static unsigned prefix_width(const struct type *t)
{
    unsigned width = run_key_width(t);
    if (width == 16) {
        width = 9;
        uint128 most = (uint128)decimal_pow10(t->precision);
        for (uint128 limit = (uint128)1 << 71; width < 16 && limit <= most; limit <<= 8) {
            width++;
        }
    }
    return width;
}

static uint64_t prefix_part(const struct type *t, const struct value *v)
{
    if (run_key_width(t) == 0) {
        return run_key_normalize_bytes(v->bytes, v->len);
    }
    if (t->kind == TYPE_DECIMAL && t->precision > 18) {
        /* Kept in order even for a number its type does not allow: it goes to the end it is at. */
        int128 end = decimal_pow10(t->precision);
        int128 n = *v->wide > end ? end : *v->wide < -end ? -end : *v->wide;
        unsigned width = prefix_width(t);
        uint128 u = (uint128)n + ((uint128)1 << (width * 8 - 1));
        return (uint64_t)(u >> (width * 8 - 64));
    }
    return (uint64_t)(run_key_normalize(t, v) >> 64);
}

uint64_t run_key_prefix(const struct data_file_layout *layout, const struct value *key)
{
    uint64_t prefix = 0;
    unsigned used = 0;
    for (size_t i = 0; i < layout->key_count && used < 8; i++) {
        const struct type *t = &layout->fields[i].type;
        if (key[i].state != VALUE_SET || type_is_nested(t)) {
            break;
        }
        prefix |= prefix_part(t, &key[i]) >> (used * 8);
        unsigned width = prefix_width(t);
        if (width == 0) {
            break;
        }
        used += width;
    }
    return prefix;
}

bool run_key_prefix_is_exact(const struct data_file_layout *layout)
{
    unsigned used = 0;
    for (size_t i = 0; i < layout->key_count; i++) {
        const struct type *t = &layout->fields[i].type;
        unsigned width = run_key_width(t);
        used += width;
        if (width == 0 || t->nullable || used > 8) {
            return false;
        }
    }
    return true;
}

static size_t payload_bytes(const struct type *t, const struct value *v)
{
    if (v->state != VALUE_SET) {
        return 0;
    }
    if (type_is_text(t) || type_is_bytes(t)) {
        return v->len;
    }
    return t->kind == TYPE_DECIMAL && t->precision > 18 ? sizeof(int128) : 0;
}

void run_key_copy_set(struct run_key_copy *c, const struct data_file_layout *layout,
                      const struct value *key)
{
    if (c->values == NULL) {
        c->values = MEM_ARRAY(struct value, layout->key_count);
    }
    size_t need = 0;
    for (size_t i = 0; i < layout->key_count; i++) {
        /* room for aligned 128-bit numbers among texts of any length */
        need += (payload_bytes(&layout->fields[i].type, &key[i]) + 15) & ~(size_t)15;
    }
    if (need > c->cap) {
        mem_free(c->bytes);
        c->cap = need * 2;
        c->bytes = mem_alloc(c->cap);
    }
    char *at = c->bytes;
    for (size_t i = 0; i < layout->key_count; i++) {
        size_t len = payload_bytes(&layout->fields[i].type, &key[i]);
        c->values[i] = key[i];
        if (len > 0) {
            memcpy(at, key[i].bytes, len);
            c->values[i].bytes = at;
            at += (len + 15) & ~(size_t)15;
        }
    }
}

void run_key_copy_release(struct run_key_copy *c)
{
    mem_free(c->values);
    mem_free(c->bytes);
    *c = (struct run_key_copy){0};
}

struct str run_key_serialize(const struct data_file_layout *layout, const struct value *key,
                             struct arena *arena)
{
    const struct schema_field *fields[KEY_MAX_COLUMNS];
    const struct value *values[KEY_MAX_COLUMNS];
    must(layout->key_count <= KEY_MAX_COLUMNS);
    for (size_t i = 0; i < layout->key_count; i++) {
        fields[i] = &layout->fields[i];
        values[i] = &key[i];
    }
    struct buf bytes = BUF_INIT(SIZE_MAX / 2);
    binrow_serialize(fields, layout->key_count, values, &bytes);
    must(!bytes.failed);
    struct str copy = arena_str(arena, buf_str(&bytes));
    buf_release(&bytes);
    return copy;
}

bool run_key_parse(const struct data_file_layout *layout, struct str bytes, struct arena *arena,
                   struct value *out_key, struct error *err)
{
    const struct schema_field *fields[KEY_MAX_COLUMNS];
    must(layout->key_count <= KEY_MAX_COLUMNS);
    for (size_t i = 0; i < layout->key_count; i++) {
        fields[i] = &layout->fields[i];
    }
    return binrow_parse(bytes, fields, layout->key_count, arena, out_key, err);
}
