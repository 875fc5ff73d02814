#include "sink/format/parquet_cell.h"

#include <string.h>

#include "base/checked.h"
#include "base/decimal.h"
#include "base/mem.h"

#define DAY_MS INT64_C(86400000)
#define DAY_NANOS (DAY_MS * 1000000)
#define JULIAN_EPOCH 2440588 /* 1970-01-01 */

/* Bytes of a fixed decimal: the least with 2^(8n - 1) >= 10^p. */
static uint32_t decimal_width(unsigned precision)
{
    uint32_t n = 1;
    while (n < 16 && (((int128)1 << (8 * n - 1)) < decimal_pow10(precision))) {
        n++;
    }
    return n;
}

static bool is_plain(const struct parquet_element *e)
{
    return e->logical == PARQUET_LOGICAL_NONE;
}

/* A signed integer of at most so many bits; without annotation all bits of the physical type. */
static bool is_int(const struct parquet_element *e, int bits)
{
    int has = e->physical == PARQUET_INT32 ? 32 : e->physical == PARQUET_INT64 ? 64 : 99;
    if (e->logical == PARQUET_LOGICAL_INT && e->is_signed) {
        has = e->bits > 0 && e->bits <= has ? e->bits : 99;
    } else if (!is_plain(e)) {
        has = 99;
    }
    return has <= bits && (bits == 64 || e->physical == PARQUET_INT32);
}

static enum parquet_cell int_cell(const struct parquet_element *e, int bits)
{
    if (!is_int(e, bits)) {
        return PARQUET_CELL_NONE;
    }
    return e->physical == PARQUET_INT32 ? PARQUET_CELL_I4 : PARQUET_CELL_I8;
}

static enum parquet_cell decimal_cell(const struct parquet_element *e, const struct type *t)
{
    bool wide = t->precision > 18;
    if (e->logical != PARQUET_LOGICAL_DECIMAL || e->scale != t->scale ||
        e->precision > t->precision) {
        return PARQUET_CELL_NONE;
    }
    switch (e->physical) {
    case PARQUET_INT32:
        return wide ? PARQUET_CELL_WIDE_I4 : PARQUET_CELL_I4;
    case PARQUET_INT64:
        return wide ? PARQUET_CELL_WIDE_I8 : PARQUET_CELL_I8;
    case PARQUET_BYTES:
    case PARQUET_FIXED:
        return wide ? PARQUET_CELL_WIDE : PARQUET_CELL_DECIMAL;
    case PARQUET_BOOLEAN:
    case PARQUET_INT96:
    case PARQUET_FLOAT:
    case PARQUET_DOUBLE:
    case PARQUET_GROUP:
        break;
    }
    return PARQUET_CELL_NONE;
}

static enum parquet_cell time_cell(const struct parquet_element *e)
{
    if (e->logical != PARQUET_LOGICAL_TIME) {
        return PARQUET_CELL_NONE;
    }
    if (e->physical == PARQUET_INT32) {
        return e->unit == PARQUET_MILLIS ? PARQUET_CELL_I4 : PARQUET_CELL_NONE;
    }
    if (e->physical != PARQUET_INT64 || e->unit == PARQUET_MILLIS) {
        return PARQUET_CELL_NONE;
    }
    return e->unit == PARQUET_MICROS ? PARQUET_CELL_TIME_MICROS : PARQUET_CELL_TIME_NANOS;
}

static enum parquet_cell timestamp_cell(const struct parquet_element *e, const struct type *t)
{
    static const uint8_t units[] = {[PARQUET_MILLIS] = PARQUET_CELL_MILLIS,
                                    [PARQUET_MICROS] = PARQUET_CELL_MICROS,
                                    [PARQUET_NANOS] = PARQUET_CELL_NANOS};
    if (e->physical == PARQUET_INT96) {
        return PARQUET_CELL_INT96;
    }
    if (e->physical != PARQUET_INT64) {
        return PARQUET_CELL_NONE;
    }
    if (e->logical == PARQUET_LOGICAL_TIMESTAMP) {
        return (enum parquet_cell)units[e->unit];
    }
    if (!is_plain(e)) {
        return PARQUET_CELL_NONE;
    }
    return t->precision <= 3 ? PARQUET_CELL_MILLIS : PARQUET_CELL_MICROS; /* as Paimon reads it */
}

static enum parquet_cell choose(const struct parquet_element *e, const struct type *t)
{
    switch (t->kind) {
    case TYPE_BOOLEAN:
        return e->physical == PARQUET_BOOLEAN ? PARQUET_CELL_BOOLEAN : PARQUET_CELL_NONE;
    case TYPE_TINYINT:
        return int_cell(e, 8);
    case TYPE_SMALLINT:
        return int_cell(e, 16);
    case TYPE_INT:
        return int_cell(e, 32);
    case TYPE_BIGINT:
        return int_cell(e, 64);
    case TYPE_FLOAT:
        return e->physical == PARQUET_FLOAT ? PARQUET_CELL_F4 : PARQUET_CELL_NONE;
    case TYPE_DOUBLE:
        return e->physical == PARQUET_DOUBLE ? PARQUET_CELL_F8 : PARQUET_CELL_NONE;
    case TYPE_DECIMAL:
        return decimal_cell(e, t);
    case TYPE_CHAR:
    case TYPE_VARCHAR:
        return e->physical == PARQUET_BYTES && (e->logical == PARQUET_LOGICAL_STRING || is_plain(e))
                   ? PARQUET_CELL_TEXT
                   : PARQUET_CELL_NONE;
    case TYPE_BINARY:
    case TYPE_VARBINARY:
        return (e->physical == PARQUET_BYTES || e->physical == PARQUET_FIXED) &&
                       (e->logical == PARQUET_LOGICAL_STRING || is_plain(e))
                   ? PARQUET_CELL_TEXT
                   : PARQUET_CELL_NONE;
    case TYPE_DATE:
        return e->physical == PARQUET_INT32 && (e->logical == PARQUET_LOGICAL_DATE || is_plain(e))
                   ? PARQUET_CELL_I4
                   : PARQUET_CELL_NONE;
    case TYPE_TIME:
        return time_cell(e);
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        return timestamp_cell(e, t);
    case TYPE_ARRAY:
    case TYPE_MULTISET:
    case TYPE_MAP:
    case TYPE_ROW:
        break;
    }
    return PARQUET_CELL_NONE;
}

bool parquet_cell_of(const struct parquet_element *e, const struct type *t, enum parquet_cell *out,
                     struct error *err)
{
    static const char *const names[] = {"BOOLEAN", "INT32",  "INT64",      "INT96",
                                        "FLOAT",   "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY",
                                        "a group"};
    static const char *const logical[] = {
        "",      " STRING",    " MAP", " MAP_KEY_VALUE",        " LIST", " DECIMAL", " DATE",
        " TIME", " TIMESTAMP", " INT", " of another annotation"};
    *out = choose(e, t);
    if (*out != PARQUET_CELL_NONE) {
        return true;
    }
    struct buf wanted = BUF_INIT(4096);
    type_print(t, &wanted);
    (void)error_set(err, FAIL_SCHEMA,
                    "the file has %s%s (precision %d, scale %d, bits %d), the table %.*s",
                    names[e->physical], logical[e->logical], (int)e->precision, (int)e->scale,
                    (int)e->bits, STR_FMT(str_slice(buf_str(&wanted), 0, 80)));
    buf_release(&wanted);
    return false;
}

static enum parquet_cell decimal_element(const struct type *t, struct parquet_element *e)
{
    e->logical = PARQUET_LOGICAL_DECIMAL;
    e->precision = t->precision;
    e->scale = t->scale;
    if (t->precision <= 18) {
        e->physical = t->precision <= 9 ? PARQUET_INT32 : PARQUET_INT64;
        return t->precision <= 9 ? PARQUET_CELL_I4 : PARQUET_CELL_I8;
    }
    e->physical = PARQUET_FIXED;
    e->type_length = (int32_t)decimal_width(t->precision);
    return PARQUET_CELL_WIDE;
}

static enum parquet_cell timestamp_element(const struct type *t, struct parquet_element *e)
{
    if (t->precision > 6) {
        e->physical = PARQUET_INT96;
        return PARQUET_CELL_INT96;
    }
    e->physical = PARQUET_INT64;
    e->logical = PARQUET_LOGICAL_TIMESTAMP;
    e->unit = t->precision <= 3 ? PARQUET_MILLIS : PARQUET_MICROS;
    e->utc = t->kind == TYPE_TIMESTAMP_LTZ;
    return t->precision <= 3 ? PARQUET_CELL_MILLIS : PARQUET_CELL_MICROS;
}

static enum parquet_cell small_int_element(struct parquet_element *e, int32_t bits)
{
    e->physical = PARQUET_INT32;
    e->logical = PARQUET_LOGICAL_INT;
    e->bits = bits;
    e->is_signed = true;
    return PARQUET_CELL_I4;
}

enum parquet_cell parquet_cell_element(const struct type *t, struct parquet_element *e)
{
    switch (t->kind) {
    case TYPE_BOOLEAN:
        e->physical = PARQUET_BOOLEAN;
        return PARQUET_CELL_BOOLEAN;
    case TYPE_TINYINT:
        return small_int_element(e, 8);
    case TYPE_SMALLINT:
        return small_int_element(e, 16);
    case TYPE_INT:
        e->physical = PARQUET_INT32;
        return PARQUET_CELL_I4;
    case TYPE_BIGINT:
        e->physical = PARQUET_INT64;
        return PARQUET_CELL_I8;
    case TYPE_FLOAT:
        e->physical = PARQUET_FLOAT;
        return PARQUET_CELL_F4;
    case TYPE_DOUBLE:
        e->physical = PARQUET_DOUBLE;
        return PARQUET_CELL_F8;
    case TYPE_DECIMAL:
        return decimal_element(t, e);
    case TYPE_CHAR:
    case TYPE_VARCHAR:
        e->physical = PARQUET_BYTES;
        e->logical = PARQUET_LOGICAL_STRING;
        return PARQUET_CELL_TEXT;
    case TYPE_BINARY:
    case TYPE_VARBINARY:
        e->physical = PARQUET_BYTES;
        return PARQUET_CELL_TEXT;
    case TYPE_DATE:
        e->physical = PARQUET_INT32;
        e->logical = PARQUET_LOGICAL_DATE;
        return PARQUET_CELL_I4;
    case TYPE_TIME:
        e->physical = PARQUET_INT32;
        e->logical = PARQUET_LOGICAL_TIME;
        e->utc = true;
        return PARQUET_CELL_I4;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        return timestamp_element(t, e);
    case TYPE_ARRAY:
    case TYPE_MULTISET:
    case TYPE_MAP:
    case TYPE_ROW:
        break;
    }
    must(!type_is_nested(t));
    return PARQUET_CELL_NONE;
}

/* ---- reading ---- */

static struct value number(int64_t i)
{
    return (struct value){.i = i, .state = VALUE_SET};
}

static struct value wide(int128 v, struct arena *a)
{
    int128 *p = arena_alloc(a, sizeof(*p));
    *p = v;
    return (struct value){.wide = p, .state = VALUE_SET};
}

/* A time in units of 1 / per_ms milliseconds. */
static struct value timestamp(int64_t v, int64_t per_ms)
{
    int64_t ms = v / per_ms;
    int64_t rest = v % per_ms;
    if (rest < 0) {
        rest += per_ms;
        ms--;
    }
    return (struct value){
        .i = ms, .len = (uint32_t)(rest * (1000000 / per_ms)), .state = VALUE_SET};
}

/* Nanoseconds of the day (int64) and Julian day (int32). Java splits by truncation: before 1970 the
 * nanoseconds are negative and the day is the next. Both forms are the same sum. */
static bool int96(struct str s, struct value *out)
{
    int64_t nanos;
    int32_t julian;
    memcpy(&nanos, s.ptr, sizeof(nanos));
    memcpy(&julian, s.ptr + sizeof(nanos), sizeof(julian));
    if (nanos <= -DAY_NANOS || nanos >= DAY_NANOS) {
        return false;
    }
    *out = timestamp(nanos, 1000000);
    out->i += ((int64_t)julian - JULIAN_EPOCH) * DAY_MS;
    return true;
}

static bool read_decimals(enum parquet_cell cell, const struct parquet_block *b, size_t from,
                          size_t count, struct arena *a, struct value *out, size_t stride)
{
    for (size_t i = 0; i < count; i++) {
        int128 v = 0;
        if (cell == PARQUET_CELL_WIDE_I4) {
            v = b->i4[from + i];
        } else if (cell == PARQUET_CELL_WIDE_I8) {
            v = b->i8[from + i];
        } else if (!decimal_from_bytes(b->texts[from + i].ptr, b->texts[from + i].len, &v)) {
            return false;
        }
        if (cell != PARQUET_CELL_DECIMAL) {
            out[i * stride] = wide(v, a);
        } else if (v >= INT64_MIN && v <= INT64_MAX) {
            out[i * stride] = number((int64_t)v);
        } else {
            return false;
        }
    }
    return true;
}

static void read_times(const struct parquet_block *b, size_t from, size_t count, int64_t per_ms,
                       bool of_day, struct value *out, size_t stride)
{
    for (size_t i = 0; i < count; i++) {
        out[i * stride] = timestamp(b->i8[from + i], per_ms);
        out[i * stride].len = of_day ? 0 : out[i * stride].len;
    }
}

bool parquet_cell_read(enum parquet_cell cell, const struct parquet_block *b, size_t from,
                       size_t count, struct arena *a, struct value *out, size_t stride)
{
    switch (cell) {
    case PARQUET_CELL_NONE:
        break;
    case PARQUET_CELL_BOOLEAN:
        for (size_t i = 0; i < count; i++) {
            out[i * stride] = number(b->bits[from + i]);
        }
        break;
    case PARQUET_CELL_I4:
        for (size_t i = 0; i < count; i++) {
            out[i * stride] = number(b->i4[from + i]);
        }
        break;
    case PARQUET_CELL_I8:
    case PARQUET_CELL_MILLIS:
        for (size_t i = 0; i < count; i++) {
            out[i * stride] = number(b->i8[from + i]);
        }
        break;
    case PARQUET_CELL_F4:
        for (size_t i = 0; i < count; i++) {
            out[i * stride] = (struct value){.f4 = b->f4[from + i], .state = VALUE_SET};
        }
        break;
    case PARQUET_CELL_F8:
        for (size_t i = 0; i < count; i++) {
            out[i * stride] = (struct value){.f8 = b->f8[from + i], .state = VALUE_SET};
        }
        break;
    case PARQUET_CELL_TEXT:
        for (size_t i = 0; i < count; i++) {
            const struct str *s = &b->texts[from + i];
            out[i * stride] =
                (struct value){.bytes = s->ptr, .len = (uint32_t)s->len, .state = VALUE_SET};
        }
        break;
    case PARQUET_CELL_WIDE_I4:
    case PARQUET_CELL_WIDE_I8:
    case PARQUET_CELL_DECIMAL:
    case PARQUET_CELL_WIDE:
        return read_decimals(cell, b, from, count, a, out, stride);
    case PARQUET_CELL_TIME_MICROS:
        read_times(b, from, count, 1000, true, out, stride);
        break;
    case PARQUET_CELL_TIME_NANOS:
        read_times(b, from, count, 1000000, true, out, stride);
        break;
    case PARQUET_CELL_MICROS:
        read_times(b, from, count, 1000, false, out, stride);
        break;
    case PARQUET_CELL_NANOS:
        read_times(b, from, count, 1000000, false, out, stride);
        break;
    case PARQUET_CELL_INT96:
        for (size_t i = 0; i < count; i++) {
            if (!int96(b->texts[from + i], &out[i * stride])) {
                return false;
            }
        }
        break;
    }
    return true;
}

/* ---- writing ---- */

static struct str put_wide(int128 v, uint32_t width, struct arena *a)
{
    uint8_t *p = arena_alloc(a, width);
    for (uint32_t i = 0; i < width; i++) {
        p[i] = (uint8_t)((uint128)v >> ((width - 1 - i) * 8));
    }
    return (struct str){(const char *)p, width};
}

/* The floor form: 0 ≤ nanoseconds < a day, which every reader decodes right. */
static struct str put_int96(const struct value *v, struct arena *a)
{
    int64_t days = v->i / DAY_MS - (v->i % DAY_MS < 0);
    int64_t nanos = (v->i - days * DAY_MS) * 1000000 + (int64_t)v->len;
    int32_t julian = (int32_t)(days + JULIAN_EPOCH);
    char *p = arena_alloc(a, 12);
    memcpy(p, &nanos, sizeof(nanos));
    memcpy(p + sizeof(nanos), &julian, sizeof(julian));
    return (struct str){p, 12};
}

static struct str put_text(const struct value *v, struct arena *a)
{
    char *p = arena_alloc(a, v->len);
    if (v->len > 0) {
        memcpy(p, v->bytes, v->len);
    }
    return (struct str){p, v->len};
}

bool parquet_cell_write(enum parquet_cell cell, const struct type *t, const struct value *v,
                        uint32_t width, struct arena *a, struct parquet_block *b, struct error *err)
{
    uint32_t n = b->values;
    must(n < PARQUET_BLOCK);
    switch (cell) {
    case PARQUET_CELL_BOOLEAN:
        b->bits[n] = v->i != 0;
        break;
    case PARQUET_CELL_I4:
        b->i4[n] = (int32_t)v->i;
        break;
    case PARQUET_CELL_I8:
    case PARQUET_CELL_MILLIS:
        b->i8[n] = v->i;
        break;
    case PARQUET_CELL_F4:
        b->f4[n] = v->f4;
        break;
    case PARQUET_CELL_F8:
        b->f8[n] = v->f8;
        break;
    case PARQUET_CELL_TEXT:
        b->texts[n] = put_text(v, a);
        break;
    case PARQUET_CELL_WIDE:
        b->texts[n] = put_wide(value_decimal(v, t), width, a);
        break;
    case PARQUET_CELL_MICROS:
        if (!checked_mul_i64(v->i, 1000, &b->i8[n]) ||
            !checked_add_i64(b->i8[n], v->len / 1000, &b->i8[n])) {
            return error_set(err, FAIL_LIMIT, "a timestamp of %lld ms does not fit microseconds",
                             (long long)v->i);
        }
        break;
    case PARQUET_CELL_INT96:
        if (v->i / DAY_MS > INT32_MAX - JULIAN_EPOCH - 1 || v->i / DAY_MS < INT32_MIN) {
            return error_set(err, FAIL_LIMIT, "a timestamp of %lld ms does not fit INT96",
                             (long long)v->i);
        }
        b->texts[n] = put_int96(v, a);
        break;
    case PARQUET_CELL_NONE:
    case PARQUET_CELL_WIDE_I4:
    case PARQUET_CELL_WIDE_I8:
    case PARQUET_CELL_DECIMAL:
    case PARQUET_CELL_TIME_MICROS:
    case PARQUET_CELL_TIME_NANOS:
    case PARQUET_CELL_NANOS:
        must(cell == PARQUET_CELL_BOOLEAN); /* of files of others alone */
        break;
    }
    b->values = n + 1;
    return true;
}
