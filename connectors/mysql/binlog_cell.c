#include "connectors/mysql/binlog_cell.h"

#include <string.h>

#include "connectors/mysql/mysql_decimal.h"
#include "connectors/mysql/mysql_json.h"
#include "connectors/mysql/mysql_type.h"

/* How a value stands in a row image; the number is the width in bytes where there are several. */
enum op {
    OP_BOOL8,
    OP_S8,
    OP_S16,
    OP_S24,
    OP_S32,
    OP_S64,
    OP_U8,
    OP_U16,
    OP_U24,
    OP_U32,
    OP_U64,
    OP_FLOAT,
    OP_DOUBLE,
    OP_DECIMAL,
    OP_BIT,
    OP_YEAR,
    OP_DATE,
    OP_TIME,
    OP_DATETIME,
    OP_TIMESTAMP,
    OP_TIME_OLD,
    OP_DATETIME_OLD,
    OP_TIMESTAMP_OLD,
    OP_ENUM,
    OP_SET,
    OP_COUNTED, /* from here on: a length of `width` bytes, then the value */
    OP_TEXT = OP_COUNTED,
    OP_BYTES,
    OP_BINARY,
    OP_TEXT_COMPRESSED,
    OP_BYTES_COMPRESSED,
    OP_JSON,
    OP_ADDRESS,
    OP_VECTOR,
};

static void plan_integer(struct mysql_decoder *d)
{
    const struct mysql_column *c = d->column;
    unsigned first = c->is_unsigned ? OP_U8 : OP_S8;
    d->op = c->type.kind == TYPE_BOOLEAN
                ? OP_BOOL8
                : (uint8_t)(first + (unsigned)(c->class - MYSQL_CLASS_TINY));
}

/* Types of before 5.6 that a table keeps until it is rebuilt. */
static void plan_temporal(struct mysql_decoder *d, uint8_t wire)
{
    d->scale = d->column->fraction_digits;
    d->width = (uint8_t)((d->scale + 1) / 2);
    if (d->column->class == MYSQL_CLASS_TIME) {
        d->op = wire == MYSQL_WIRE_TIME ? OP_TIME_OLD : OP_TIME;
    } else if (d->column->class == MYSQL_CLASS_DATETIME) {
        d->op = wire == MYSQL_WIRE_DATETIME ? OP_DATETIME_OLD : OP_DATETIME;
    } else {
        d->op = wire == MYSQL_WIRE_TIMESTAMP ? OP_TIMESTAMP_OLD : OP_TIMESTAMP;
    }
}

static void plan_string(struct mysql_decoder *d, uint8_t wire)
{
    bool text = d->column->charset != NULL;
    bool compressed = wire == MYSQL_WIRE_VARCHAR_COMPRESSED || wire == MYSQL_WIRE_BLOB_COMPRESSED;
    if (compressed) {
        d->op = text ? OP_TEXT_COMPRESSED : OP_BYTES_COMPRESSED;
    } else if (d->column->class == MYSQL_CLASS_BINARY && d->length > 0) {
        d->op = OP_BINARY;
    } else {
        d->op = text ? OP_TEXT : OP_BYTES;
    }
}

void binlog_cell_plan(struct mysql_decoder *d, const struct binlog_column *m)
{
    d->width = m->length_bytes;
    switch (d->column->class) {
    case MYSQL_CLASS_TINY:
    case MYSQL_CLASS_SHORT:
    case MYSQL_CLASS_MEDIUM:
    case MYSQL_CLASS_INT:
    case MYSQL_CLASS_BIGINT:
        plan_integer(d);
        break;
    case MYSQL_CLASS_FLOAT:
        d->op = OP_FLOAT;
        break;
    case MYSQL_CLASS_DOUBLE:
        d->op = OP_DOUBLE;
        break;
    case MYSQL_CLASS_DECIMAL:
        d->op = OP_DECIMAL;
        d->width = (uint8_t)mysql_decimal_bytes(d->precision, d->scale);
        break;
    case MYSQL_CLASS_BIT:
        d->op = OP_BIT;
        break;
    case MYSQL_CLASS_YEAR:
        d->op = OP_YEAR;
        break;
    case MYSQL_CLASS_DATE:
        d->op = OP_DATE;
        break;
    case MYSQL_CLASS_TIME:
    case MYSQL_CLASS_DATETIME:
    case MYSQL_CLASS_TIMESTAMP:
        plan_temporal(d, m->type);
        break;
    case MYSQL_CLASS_CHAR:
    case MYSQL_CLASS_VARCHAR:
    case MYSQL_CLASS_TEXT:
    case MYSQL_CLASS_BINARY:
    case MYSQL_CLASS_VARBINARY:
    case MYSQL_CLASS_BLOB:
        plan_string(d, m->type);
        break;
    case MYSQL_CLASS_ENUM:
        d->op = OP_ENUM;
        break;
    case MYSQL_CLASS_SET:
        d->op = OP_SET;
        break;
    case MYSQL_CLASS_JSON:
        d->op = OP_JSON;
        break;
    case MYSQL_CLASS_UUID:
    case MYSQL_CLASS_INET4:
    case MYSQL_CLASS_INET6:
        d->op = OP_ADDRESS;
        break;
    case MYSQL_CLASS_VECTOR:
        d->op = OP_VECTOR;
        break;
    }
}

static uint64_t read_be(struct reader *r, size_t len)
{
    const unsigned char *p = reader_take(r, len);
    uint64_t v = 0;
    for (size_t i = 0; p != NULL && i < len; i++) {
        v = v << 8 | p[i];
    }
    return v;
}

/* Fraction digits stand as hundredths, ten-thousandths or millionths in 1, 2 or 3 bytes. */
static uint32_t microseconds(uint64_t fraction, unsigned width)
{
    static const uint32_t units[4] = {0, 10000, 100, 1};
    return (uint32_t)fraction * units[width];
}

/* 3 bytes of sign, hour (10 bits), minute, second (6 each) and the fraction behind them, as one
 * big-endian number around its middle */
static bool read_time(const struct mysql_decoder *d, struct reader *r, struct value *v,
                      struct error *err)
{
    unsigned shift = 8u * d->width;
    int64_t joined = (int64_t)read_be(r, 3u + d->width) - ((int64_t)0x800000 << shift);
    if (UNLIKELY(r->failed)) {
        return true;
    }
    uint64_t size = joined < 0 ? (uint64_t)-joined : (uint64_t)joined;
    uint32_t hms = (uint32_t)(size >> shift);
    struct mysql_decoder_clock c = {
        .hour = hms >> 12 & 0x3ff,
        .minute = hms >> 6 & 63,
        .second = hms & 63,
        .microsecond = microseconds(size & (((uint64_t)1 << shift) - 1), d->width)};
    return mysql_decoder_time(d, joined < 0, &c, v, err);
}

/* 5 bytes around their middle: year × 13 + month (17 bits), day, hour (5), minute, second (6) */
static bool read_datetime(const struct mysql_decoder *d, struct reader *r, struct value *v,
                          struct error *err)
{
    uint64_t whole = read_be(r, 5);
    uint64_t fraction = read_be(r, d->width);
    if (UNLIKELY(r->failed || whole < 0x8000000000u)) {
        reader_fail(r);
        return true;
    }
    whole -= 0x8000000000u;
    uint32_t months = (uint32_t)(whole >> 22);
    struct mysql_decoder_clock c = {.year = months / 13,
                                    .month = months % 13,
                                    .day = (uint32_t)(whole >> 17 & 31),
                                    .hour = (uint32_t)(whole >> 12 & 31),
                                    .minute = (uint32_t)(whole >> 6 & 63),
                                    .second = (uint32_t)(whole & 63),
                                    .microsecond = microseconds(fraction, d->width)};
    return mysql_decoder_datetime(d, &c, v, err);
}

/* day (5 bits), month (4), year, little-endian */
static bool read_date(const struct mysql_decoder *d, struct reader *r, struct value *v,
                      struct error *err)
{
    uint32_t packed = reader_u24le(r);
    if (UNLIKELY(r->failed)) {
        return true;
    }
    struct mysql_decoder_clock c = {
        .year = packed >> 9, .month = packed >> 5 & 15, .day = packed & 31};
    return mysql_decoder_date(d, &c, v, err);
}

static struct mysql_decoder_clock clock_of_digits(uint32_t hhmmss)
{
    return (struct mysql_decoder_clock){
        .hour = hhmmss / 10000, .minute = hhmmss / 100 % 100, .second = hhmmss % 100};
}

static bool read_old_temporal(const struct mysql_decoder *d, struct reader *r, struct value *v,
                              struct error *err)
{
    struct mysql_decoder_clock c;
    if (d->op == OP_TIMESTAMP_OLD) {
        uint32_t seconds = reader_u32le(r);
        return r->failed || mysql_decoder_instant(d, seconds, 0, v, err);
    }
    if (d->op == OP_TIME_OLD) { /* ±hhmmss in decimal digits */
        int32_t digits = (int32_t)(reader_u24le(r) << 8) >> 8;
        c = clock_of_digits((uint32_t)(digits < 0 ? -digits : digits));
        return r->failed || mysql_decoder_time(d, digits < 0, &c, v, err);
    }
    uint64_t digits = reader_u64le(r); /* yyyymmddhhmmss */
    if (r->failed || digits > 99999999999999u) {
        reader_fail(r);
        return true;
    }
    c = clock_of_digits((uint32_t)(digits % 1000000));
    c.day = (uint32_t)(digits / 1000000 % 100);
    c.month = (uint32_t)(digits / 100000000 % 100);
    c.year = (uint32_t)(digits / 10000000000u);
    return mysql_decoder_datetime(d, &c, v, err);
}

static bool read_decimal(const struct mysql_decoder *d, struct reader *r, struct arena *arena,
                         struct value *v, struct error *err)
{
    const unsigned char *p = reader_take(r, d->width);
    if (UNLIKELY(p == NULL)) {
        return true;
    }
    if (d->precision > TYPE_MAX_DECIMAL) {
        char *text = arena_alloc(arena, MYSQL_DECIMAL_TEXT_BYTES);
        size_t len = mysql_decimal_print(p, d->precision, d->scale, text);
        mysql_decoder_bytes(v, (struct str){text, len});
        if (LIKELY(len > 0)) {
            return true;
        }
    } else {
        int128 wide = 0;
        if (LIKELY(mysql_decimal_read(p, d->precision, d->scale, &wide))) {
            if (d->precision <= 18) {
                mysql_decoder_int(v, (int64_t)wide);
            } else {
                mysql_decoder_wide(wide, arena, v);
            }
            return true;
        }
    }
    return error_set(err, FAIL_CORRUPT, "column `%.*s`: a decimal with digits that are none",
                     STR_FMT(d->column->name));
}

static bool read_json(const struct mysql_decoder *d, struct str binary, struct arena *arena,
                      struct buf *json, struct value *v, struct error *err)
{
    buf_reset(json);
    if (!mysql_json_print(binary, d->json_dialect, json, err)) {
        return error_in(err, "column `%.*s`", STR_FMT(d->column->name));
    }
    mysql_decoder_bytes(v, arena_str(arena, buf_str(json)));
    return true;
}

static bool read_counted(const struct mysql_decoder *d, struct reader *r, struct arena *arena,
                         struct buf *json, struct value *v, struct error *err)
{
    size_t len = d->width == 1 ? reader_u8(r) : (size_t)reader_ule(r, d->width);
    const unsigned char *p = reader_take(r, len);
    if (UNLIKELY(p == NULL)) {
        return true;
    }
    struct str s = {(const char *)p, len};
    switch (d->op) {
    case OP_TEXT:
        return mysql_decoder_text(d, s, arena, v, err);
    case OP_BINARY:
        return mysql_decoder_binary(d, s, arena, v, err);
    case OP_TEXT_COMPRESSED:
        return mysql_decoder_inflate(d, s, arena, &s, err) &&
               mysql_decoder_text(d, s, arena, v, err);
    case OP_BYTES_COMPRESSED:
        if (!mysql_decoder_inflate(d, s, arena, &s, err)) {
            return false;
        }
        break;
    case OP_JSON:
        return read_json(d, s, arena, json, v, err);
    case OP_ADDRESS:
        return mysql_decoder_address(d, s, arena, v, err);
    case OP_VECTOR:
        return mysql_decoder_vector(d, s, arena, v, err);
    default:
        break;
    }
    mysql_decoder_bytes(v, s);
    return true;
}

static bool read_timestamp(const struct mysql_decoder *d, struct reader *r, struct value *v,
                           struct error *err)
{
    uint32_t seconds = (uint32_t)read_be(r, 4);
    uint32_t micro = microseconds(read_be(r, d->width), d->width);
    return r->failed || mysql_decoder_instant(d, seconds, micro, v, err);
}

static bool read_bit(const struct mysql_decoder *d, struct reader *r, struct arena *arena,
                     struct value *v, struct error *err)
{
    struct str s = reader_bytes(r, d->length);
    return r->failed || mysql_decoder_bit(d, s, arena, v, err);
}

static bool read_member(const struct mysql_decoder *d, struct reader *r, struct arena *arena,
                        struct value *v, struct error *err)
{
    uint64_t number = reader_ule(r, d->width);
    if (UNLIKELY(r->failed)) {
        return true;
    }
    return d->op == OP_ENUM ? mysql_decoder_enum(d, number, arena, v, err)
                            : mysql_decoder_set(d, number, arena, v, err);
}

static void read_float(const struct mysql_decoder *d, struct reader *r, struct value *v)
{
    mysql_decoder_int(v, 0);
    if (d->op == OP_FLOAT) {
        uint32_t bits = reader_u32le(r);
        memcpy(&v->f4, &bits, 4);
    } else {
        uint64_t bits = reader_u64le(r);
        memcpy(&v->f8, &bits, 8);
    }
}

static void read_year(struct reader *r, struct value *v)
{
    uint8_t year = reader_u8(r);
    mysql_decoder_int(v, year == 0 ? 0 : 1900 + year);
}

static inline void read_integer(const struct mysql_decoder *d, struct reader *r,
                                struct arena *arena, struct value *v)
{
    switch (d->op) {
    case OP_BOOL8:
        mysql_decoder_int(v, reader_u8(r) != 0);
        break;
    case OP_S8:
        mysql_decoder_int(v, (int8_t)reader_u8(r));
        break;
    case OP_S16:
        mysql_decoder_int(v, (int16_t)reader_u16le(r));
        break;
    case OP_S24:
        mysql_decoder_int(v, (int32_t)(reader_u24le(r) << 8) >> 8);
        break;
    case OP_S32:
        mysql_decoder_int(v, (int32_t)reader_u32le(r));
        break;
    case OP_S64:
        mysql_decoder_int(v, (int64_t)reader_u64le(r));
        break;
    case OP_U8:
        mysql_decoder_int(v, reader_u8(r));
        break;
    case OP_U16:
        mysql_decoder_int(v, reader_u16le(r));
        break;
    case OP_U24:
        mysql_decoder_int(v, reader_u24le(r));
        break;
    case OP_U32:
        mysql_decoder_int(v, reader_u32le(r));
        break;
    default: /* OP_U64 */
        mysql_decoder_wide((int128)reader_u64le(r), arena, v);
        break;
    }
}

bool binlog_cell_read(const struct mysql_decoder *d, struct reader *r, struct arena *arena,
                      struct buf *json, struct value *v, struct error *err)
{
    switch ((enum op)d->op) {
    case OP_BOOL8:
    case OP_S8:
    case OP_S16:
    case OP_S24:
    case OP_S32:
    case OP_S64:
    case OP_U8:
    case OP_U16:
    case OP_U24:
    case OP_U32:
    case OP_U64:
        read_integer(d, r, arena, v);
        return true;
    case OP_FLOAT:
    case OP_DOUBLE:
        read_float(d, r, v);
        return true;
    case OP_DECIMAL:
        return read_decimal(d, r, arena, v, err);
    case OP_BIT:
        return read_bit(d, r, arena, v, err);
    case OP_YEAR:
        read_year(r, v);
        return true;
    case OP_DATE:
        return read_date(d, r, v, err);
    case OP_TIME:
        return read_time(d, r, v, err);
    case OP_DATETIME:
        return read_datetime(d, r, v, err);
    case OP_TIMESTAMP:
        return read_timestamp(d, r, v, err);
    case OP_TIME_OLD:
    case OP_DATETIME_OLD:
    case OP_TIMESTAMP_OLD:
        return read_old_temporal(d, r, v, err);
    case OP_ENUM:
    case OP_SET:
        return read_member(d, r, arena, v, err);
    case OP_TEXT:
    case OP_BYTES:
    case OP_BINARY:
    case OP_TEXT_COMPRESSED:
    case OP_BYTES_COMPRESSED:
    case OP_JSON:
    case OP_ADDRESS:
    case OP_VECTOR:
        return read_counted(d, r, arena, json, v, err);
    }
    return true;
}
