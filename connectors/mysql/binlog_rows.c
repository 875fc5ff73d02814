#include "connectors/mysql/binlog_rows.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "connectors/mysql/mysql_decimal.h"
#include "connectors/mysql/mysql_decoder.h"
#include "connectors/mysql/mysql_json.h"
#include "connectors/mysql/mysql_lenenc.h"
#include "connectors/mysql/mysql_type.h"

#define MAX_COLUMNS 4096 /* of both servers */
#define TABLE_ID_BYTES 6

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

struct binlog_rows_plan {
    struct mysql_decoder *decoders;
    size_t count;
    struct arena members; /* ENUM and SET members that the log spells better than the catalog */
    struct buf json;
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

static void plan_column(struct mysql_decoder *d, const struct binlog_column *m)
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

/* MySQL's catalog writes `?` for characters of four bytes; the log (binlog_row_metadata=FULL) has
 * them as they are. */
static bool plan_members(struct binlog_rows_plan *plan, struct mysql_decoder *d,
                         const struct binlog_column *m, struct error *err)
{
    bool same = true;
    if (m->members == NULL || d->members == NULL) {
        return true;
    }
    struct str *members = ARENA_ARRAY(&plan->members, struct str, m->member_count);
    for (uint32_t i = 0; i < m->member_count; i++) {
        struct str utf8;
        if (!mysql_charset_convert(d->converter, m->members[i], &plan->members, &utf8, err)) {
            return error_in(err, "column `%.*s`", STR_FMT(d->column->name));
        }
        members[i] = arena_str(&plan->members, utf8);
        same = same && str_eq(utf8, d->members[i]);
    }
    if (!same) {
        d->members = members;
        d->members_lent = true;
    }
    return true;
}

bool binlog_rows_plan_new(const struct mysql_column *columns, size_t count,
                          const struct binlog_table *map, const struct mysql_policy *policy,
                          struct binlog_rows_plan **out, struct error *err)
{
    if (!mysql_column_match(columns, count, map, err)) {
        return false;
    }
    struct binlog_rows_plan *plan = MEM_NEW(struct binlog_rows_plan);
    plan->decoders = MEM_ARRAY(struct mysql_decoder, count);
    plan->json = BUF_INIT(UINT32_MAX);
    for (size_t i = 0; i < count; i++) {
        struct mysql_decoder *d = &plan->decoders[i];
        if (!mysql_decoder_init(d, &columns[i], policy, err)) {
            binlog_rows_plan_free(plan);
            return false;
        }
        plan->count++;
        plan_column(d, &map->columns[i]);
        if (!plan_members(plan, d, &map->columns[i], err)) {
            binlog_rows_plan_free(plan);
            return false;
        }
    }
    *out = plan;
    return true;
}

void binlog_rows_plan_free(struct binlog_rows_plan *plan)
{
    if (plan == NULL) {
        return;
    }
    for (size_t i = 0; i < plan->count; i++) {
        mysql_decoder_release(&plan->decoders[i]);
    }
    mem_free(plan->decoders);
    arena_release(&plan->members);
    buf_release(&plan->json);
    mem_free(plan);
}

/* What a type of rows event is. */
struct shape {
    enum binlog_rows_kind kind;
    bool extra; /* version 2: extra data behind the flags */
    bool packed;
};

static bool shape_of(uint8_t type, struct shape *out)
{
    static const struct {
        uint8_t first; /* write, update and delete follow each other */
        bool extra, packed;
    } families[] = {
        {BINLOG_WRITE_ROWS_V1, false, false},
        {BINLOG_WRITE_ROWS, true, false},
        {BINLOG_MARIADB_WRITE_ROWS_COMPRESSED_V1, false, true},
        {BINLOG_MARIADB_WRITE_ROWS_COMPRESSED, true, true},
    };
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        if (type >= families[i].first && type < families[i].first + 3) {
            *out = (struct shape){(enum binlog_rows_kind)(type - families[i].first),
                                  families[i].extra, families[i].packed};
            return true;
        }
    }
    return false;
}

static bool bit_at(const char *bits, size_t i)
{
    return ((unsigned char)bits[i / 8] >> i % 8 & 1) != 0;
}

/* Columns of an image; bits behind the last column mean nothing. */
static size_t count_present(struct str bits, size_t columns)
{
    size_t n = 0;
    for (size_t i = 0; i < columns; i++) {
        n += bit_at(bits.ptr, i);
    }
    return n;
}

/* post-header: table id u48, flags u16; version 2: length of extra data u16 (itself included)
 * column count lenenc, bitmap of columns; updates: a second bitmap; rows until the end */
bool binlog_rows_open(const struct binlog_format *f, const struct binlog_event *e,
                      struct arena *arena, struct binlog_rows *out, struct error *err)
{
    struct shape shape;
    struct reader r = reader_over(e->body, "rows event");
    if (!shape_of(e->type, &shape)) {
        return error_set(err, FAIL_CORRUPT, "event type %u holds no rows", e->type);
    }
    struct binlog_rows rows = {.kind = shape.kind, .table_id = reader_ule(&r, TABLE_ID_BYTES)};
    if (f->post_header_bytes[e->type] == TABLE_ID_BYTES) {
        reader_fail(&r); /* 4-byte table ids of a 5.1 alpha */
    }
    rows.flags = reader_u16le(&r);
    if (shape.extra) {
        size_t extra = reader_u16le(&r);
        reader_skip(&r, extra >= 2 ? extra - 2 : SIZE_MAX);
    }
    uint64_t count = mysql_lenenc(&r);
    if (count > MAX_COLUMNS) {
        reader_fail(&r);
        count = 0;
    }
    rows.column_count = (size_t)count;
    size_t images = shape.kind == BINLOG_ROWS_UPDATE ? 2 : 1;
    for (size_t i = 0; i < images; i++) {
        rows.present[i] = reader_bytes(&r, (rows.column_count + 7) / 8);
    }
    if (!reader_ok(&r, err)) {
        return false;
    }
    for (size_t i = 0; i < images; i++) {
        rows.complete[i] = count_present(rows.present[i], rows.column_count) == rows.column_count;
    }
    struct str bytes = r.rest;
    if (shape.packed && bytes.len > 0 && !binlog_inflate(bytes, arena, &bytes, err)) {
        return false;
    }
    rows.rest = reader_over(bytes, "rows event's rows");
    *out = rows;
    return true;
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

static bool read_json(struct binlog_rows_plan *plan, const struct mysql_decoder *d,
                      struct str binary, struct arena *arena, struct value *v, struct error *err)
{
    buf_reset(&plan->json);
    if (!mysql_json_print(binary, &plan->json, err)) {
        return error_in(err, "column `%.*s`", STR_FMT(d->column->name));
    }
    mysql_decoder_bytes(v, arena_str(arena, buf_str(&plan->json)));
    return true;
}

static bool read_counted(struct binlog_rows_plan *plan, const struct mysql_decoder *d,
                         struct reader *r, struct arena *arena, struct value *v, struct error *err)
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
        return read_json(plan, d, s, arena, v, err);
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

/* One value; false only for values, the reader fails for bytes. */
static inline bool read_value(struct binlog_rows_plan *plan, const struct mysql_decoder *d,
                              struct reader *r, struct arena *arena, struct value *v,
                              struct error *err)
{
    switch ((enum op)d->op) {
    case OP_BOOL8:
        mysql_decoder_int(v, reader_u8(r) != 0);
        return true;
    case OP_S8:
        mysql_decoder_int(v, (int8_t)reader_u8(r));
        return true;
    case OP_S16:
        mysql_decoder_int(v, (int16_t)reader_u16le(r));
        return true;
    case OP_S24:
        mysql_decoder_int(v, (int32_t)(reader_u24le(r) << 8) >> 8);
        return true;
    case OP_S32:
        mysql_decoder_int(v, (int32_t)reader_u32le(r));
        return true;
    case OP_S64:
        mysql_decoder_int(v, (int64_t)reader_u64le(r));
        return true;
    case OP_U8:
        mysql_decoder_int(v, reader_u8(r));
        return true;
    case OP_U16:
        mysql_decoder_int(v, reader_u16le(r));
        return true;
    case OP_U24:
        mysql_decoder_int(v, reader_u24le(r));
        return true;
    case OP_U32:
        mysql_decoder_int(v, reader_u32le(r));
        return true;
    case OP_U64:
        mysql_decoder_wide((int128)reader_u64le(r), arena, v);
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
        return read_counted(plan, d, r, arena, v, err);
    }
    return true;
}

/* A bitmap of nulls, one bit for each column that the image has, then their values. */
static struct value *read_image(struct reader *r, struct str present, bool complete,
                                struct binlog_rows_plan *plan, struct arena *arena,
                                struct error *err)
{
    size_t count = plan->count;
    size_t held = complete ? count : count_present(present, count);
    const unsigned char *nulls = reader_take(r, (held + 7) / 8);
    if (UNLIKELY(!reader_ok(r, err))) {
        return NULL;
    }
    struct value *values = arena_alloc(arena, mem_size(count, sizeof(struct value)));
    size_t bit = 0;
    for (size_t i = 0; i < count; i++) {
        if (!complete && !bit_at(present.ptr, i)) {
            values[i] = (struct value){.state = VALUE_UNCHANGED};
            continue;
        }
        bool null = (nulls[bit / 8] >> bit % 8 & 1) != 0;
        bit++;
        if (null) {
            mysql_decoder_null(&values[i]);
        } else if (UNLIKELY(!read_value(plan, &plan->decoders[i], r, arena, &values[i], err))) {
            return NULL;
        }
    }
    return UNLIKELY(!reader_ok(r, err)) ? NULL : values;
}

static enum binlog_rows_next misfit(const struct binlog_rows *rows,
                                    const struct binlog_rows_plan *plan, struct error *err)
{
    if (rows->column_count != plan->count) {
        (void)error_set(err, FAIL_SCHEMA, "rows event of %zu columns, but the table has %zu",
                        rows->column_count, plan->count);
    } else {
        (void)error_set(err, FAIL_SCHEMA,
                        "rows event without a column in its images, so its rows cannot even be "
                        "counted; set binlog_row_image=FULL on the server");
    }
    return BINLOG_ROWS_FAIL;
}

enum binlog_rows_next binlog_rows_next(struct binlog_rows *rows, struct binlog_rows_plan *plan,
                                       struct arena *arena, struct value **out_before,
                                       struct value **out_after, struct error *err)
{
    bool ends_statement_only =
        rows->rest.rest.len == 0 && rows->table_id == BINLOG_ROWS_DUMMY_TABLE;
    if (ends_statement_only) {
        return BINLOG_ROWS_END;
    }
    bool first = rows->present[0].len > 0 && rows->complete[0];
    if (UNLIKELY(rows->column_count != plan->count ||
                 (!first && count_present(rows->present[0], plan->count) == 0))) {
        return misfit(rows, plan, err);
    }
    if (rows->rest.rest.len == 0) {
        return BINLOG_ROWS_END;
    }
    struct reader r = rows->rest;
    struct value *images[2] = {NULL, NULL};
    size_t count = rows->kind == BINLOG_ROWS_UPDATE ? 2 : 1;
    for (size_t i = 0; i < count; i++) {
        images[i] = read_image(&r, rows->present[i], rows->complete[i], plan, arena, err);
        if (UNLIKELY(images[i] == NULL)) {
            return BINLOG_ROWS_FAIL;
        }
    }
    rows->rest = r;
    *out_before = rows->kind == BINLOG_ROWS_INSERT ? NULL : images[0];
    *out_after = rows->kind == BINLOG_ROWS_INSERT   ? images[0]
                 : rows->kind == BINLOG_ROWS_UPDATE ? images[1]
                                                    : NULL;
    return BINLOG_ROWS_ROW;
}
