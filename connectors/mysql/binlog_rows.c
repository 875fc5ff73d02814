#include "connectors/mysql/binlog_rows.h"

#include <string.h>

#include "base/mem.h"
#include "connectors/mysql/mysql_decimal.h"
#include "connectors/mysql/mysql_decoder.h"
#include "connectors/mysql/mysql_json.h"
#include "connectors/mysql/mysql_lenenc.h"
#include "connectors/mysql/mysql_type.h"

#define MAX_COLUMNS 65535
#define KEEP_JSON_BYTES ((size_t)1 << 20) /* of scratch memory between rows */

/* How a value stands in a row image. */
enum op {
    OP_BOOL8,
    OP_SIGNED,     /* width bytes */
    OP_UNSIGNED,   /* width bytes, fits int64 */
    OP_UNSIGNED64, /* becomes DECIMAL(20,0) */
    OP_FLOAT,
    OP_DOUBLE,
    OP_DECIMAL,      /* width bytes, precision to 18 */
    OP_DECIMAL_WIDE, /* to 38 */
    OP_DECIMAL_TEXT, /* to 65 */
    OP_YEAR,
    OP_DATE,
    OP_TIME2, /* width: bytes of the fraction */
    OP_DATETIME2,
    OP_TIMESTAMP2,
    OP_TIME_OLD,
    OP_DATETIME_OLD,
    OP_TIMESTAMP_OLD,
    OP_BIT,     /* width bytes */
    OP_ENUM,    /* width bytes */
    OP_SET,     /* width bytes */
    OP_COUNTED, /* from here on: width bytes of length, then bytes; TEXT and so on come after */
    OP_TEXT = OP_COUNTED,
    OP_BYTES,
    OP_BINARY,
    OP_TEXT_PACKED,
    OP_BYTES_PACKED,
    OP_JSON,
    OP_ADDRESS,
    OP_VECTOR,
};

struct binlog_rows_plan {
    struct mysql_decoder *decoders;
    size_t count;
    struct arena arena; /* members that the catalog cannot show */
    struct buf json;    /* scratch */
};

/* Planning */

static void plan_temporal(struct mysql_decoder *d, const struct binlog_column *m, enum op now,
                          enum op before)
{
    bool old = m->type == MYSQL_WIRE_TIME || m->type == MYSQL_WIRE_DATETIME ||
               m->type == MYSQL_WIRE_TIMESTAMP;
    d->op = (uint8_t)(old ? before : now);
    d->scale = d->column->fraction_digits;
    d->width = (uint8_t)((d->scale + 1) / 2);
}

static void plan_number(struct mysql_decoder *d)
{
    static const uint8_t widths[5] = {1, 2, 3, 4, 8};
    const struct mysql_column *c = d->column;
    if (c->class == MYSQL_CLASS_DECIMAL) {
        d->op = c->precision <= 18                 ? OP_DECIMAL
                : c->precision <= TYPE_MAX_DECIMAL ? OP_DECIMAL_WIDE
                                                   : OP_DECIMAL_TEXT;
        d->width = (uint8_t)mysql_decimal_bytes(c->precision, c->scale);
        return;
    }
    d->width = widths[c->class - MYSQL_CLASS_TINY];
    d->op = c->type.kind == TYPE_BOOLEAN ? OP_BOOL8
            : !c->is_unsigned            ? OP_SIGNED
            : d->width == 8              ? OP_UNSIGNED64
                                         : OP_UNSIGNED;
}

static void plan_counted(struct mysql_decoder *d, const struct binlog_column *m)
{
    bool packed = m->type == MYSQL_WIRE_BLOB_COMPRESSED || m->type == MYSQL_WIRE_VARCHAR_COMPRESSED;
    bool text = d->column->charset != NULL;
    d->width = m->length_bytes;
    d->op = (uint8_t)(text ? (packed ? OP_TEXT_PACKED : OP_TEXT)
                           : (packed ? OP_BYTES_PACKED : OP_BYTES));
}

static void plan_column(struct mysql_decoder *d, const struct binlog_column *m)
{
    switch (d->column->class) {
    case MYSQL_CLASS_TINY:
    case MYSQL_CLASS_SHORT:
    case MYSQL_CLASS_MEDIUM:
    case MYSQL_CLASS_INT:
    case MYSQL_CLASS_BIGINT:
    case MYSQL_CLASS_DECIMAL:
        plan_number(d);
        break;
    case MYSQL_CLASS_FLOAT:
        d->op = OP_FLOAT;
        break;
    case MYSQL_CLASS_DOUBLE:
        d->op = OP_DOUBLE;
        break;
    case MYSQL_CLASS_BIT:
        d->op = OP_BIT;
        d->width = (uint8_t)d->length;
        break;
    case MYSQL_CLASS_YEAR:
        d->op = OP_YEAR;
        break;
    case MYSQL_CLASS_DATE:
        d->op = OP_DATE;
        break;
    case MYSQL_CLASS_TIME:
        plan_temporal(d, m, OP_TIME2, OP_TIME_OLD);
        break;
    case MYSQL_CLASS_DATETIME:
        plan_temporal(d, m, OP_DATETIME2, OP_DATETIME_OLD);
        break;
    case MYSQL_CLASS_TIMESTAMP:
        plan_temporal(d, m, OP_TIMESTAMP2, OP_TIMESTAMP_OLD);
        break;
    case MYSQL_CLASS_CHAR:
    case MYSQL_CLASS_VARCHAR:
    case MYSQL_CLASS_TEXT:
    case MYSQL_CLASS_VARBINARY:
    case MYSQL_CLASS_BLOB:
        plan_counted(d, m);
        break;
    case MYSQL_CLASS_BINARY:
        plan_counted(d, m);
        d->op = OP_BINARY;
        break;
    case MYSQL_CLASS_ENUM:
        d->op = OP_ENUM;
        d->width = m->length_bytes;
        break;
    case MYSQL_CLASS_SET:
        d->op = OP_SET;
        d->width = m->length_bytes;
        break;
    case MYSQL_CLASS_JSON:
        d->op = OP_JSON;
        d->width = m->length_bytes;
        break;
    case MYSQL_CLASS_UUID:
    case MYSQL_CLASS_INET4:
    case MYSQL_CLASS_INET6:
        d->op = OP_ADDRESS;
        d->width = m->length_bytes;
        break;
    case MYSQL_CLASS_VECTOR:
        d->op = OP_VECTOR;
        d->width = m->length_bytes;
        break;
    }
}

/* The catalog shows a member's characters of four bytes as `?`; the event has them as they are. */
static bool lend_members(struct binlog_rows_plan *plan, struct mysql_decoder *d,
                         const struct binlog_column *m, struct error *err)
{
    bool doubtful = false;
    for (uint32_t i = 0; i < d->column->member_count; i++) {
        doubtful = doubtful || str_find(d->column->members[i], '?') < d->column->members[i].len;
    }
    if (!doubtful || m->members == NULL) {
        return true;
    }
    struct str *members = ARENA_ARRAY(&plan->arena, struct str, m->member_count);
    for (uint32_t i = 0; i < m->member_count; i++) {
        if (!mysql_charset_convert(d->converter, m->members[i], &plan->arena, &members[i], err)) {
            return error_in(err, "members of column `%.*s`", STR_FMT(d->column->name));
        }
        members[i] = arena_str(&plan->arena, members[i]);
    }
    d->members = members;
    d->members_lent = true;
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
    plan->json = BUF_INIT(BINLOG_MAX_EVENT_BYTES);
    for (size_t i = 0; i < count; i++) {
        struct mysql_decoder *d = &plan->decoders[i];
        if (!mysql_decoder_init(d, &columns[i], policy, err)) {
            binlog_rows_plan_free(plan);
            return false;
        }
        plan->count++;
        plan_column(d, &map->columns[i]);
        if (!lend_members(plan, d, &map->columns[i], err)) {
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
    arena_release(&plan->arena);
    buf_release(&plan->json);
    mem_free(plan);
}

/* Values. Each function leaves a reader that failed to be noticed at the row's end. */

static uint32_t read_fraction(struct reader *r, unsigned width)
{
    static const uint32_t scale[4] = {0, 10000, 100, 1};
    return width == 0 ? 0 : (uint32_t)reader_ube(r, width) * scale[width];
}

static bool read_date(const struct mysql_decoder *d, struct reader *r, struct value *v,
                      struct error *err)
{
    uint32_t packed = reader_u24le(r);
    struct mysql_decoder_clock c = {
        .year = packed >> 9, .month = packed >> 5 & 15, .day = packed & 31};
    return r->failed || mysql_decoder_date(d, &c, v, err);
}

/* sign (inverted) 1, unused 1, hour 10, minute 6, second 6 bits, then the fraction; negative
 * numbers are the two's complement of all of it. */
static bool read_time2(const struct mysql_decoder *d, struct reader *r, struct value *v,
                       struct error *err)
{
    static const uint32_t scale[4] = {0, 10000, 100, 1};
    unsigned fraction_bits = 8u * d->width;
    int64_t packed = (int64_t)reader_ube(r, 3 + (size_t)d->width);
    packed -= (int64_t)0x800000 << fraction_bits;
    bool negative = packed < 0;
    uint64_t all = (uint64_t)(negative ? -packed : packed);
    uint32_t fraction = (uint32_t)(all & (((uint64_t)1 << fraction_bits) - 1));
    uint32_t clock = (uint32_t)(all >> fraction_bits);
    struct mysql_decoder_clock c = {.hour = clock >> 12 & 0x3ff,
                                    .minute = clock >> 6 & 0x3f,
                                    .second = clock & 0x3f,
                                    .microsecond = fraction * scale[d->width]};
    return r->failed || mysql_decoder_time(d, negative, &c, v, err);
}

/* sign (always 1) 1, year · 13 + month 17, day 5, hour 5, minute 6, second 6 bits, fraction */
static bool read_datetime2(const struct mysql_decoder *d, struct reader *r, struct value *v,
                           struct error *err)
{
    uint64_t packed = reader_ube(r, 5);
    uint32_t fraction = read_fraction(r, d->width);
    if (r->failed) {
        return true;
    }
    if (UNLIKELY((packed & 0x8000000000u) == 0)) {
        reader_fail(r);
        return true;
    }
    uint32_t month = (uint32_t)(packed >> 22 & 0x1ffff);
    struct mysql_decoder_clock c = {.year = month / 13,
                                    .month = month % 13,
                                    .day = (uint32_t)(packed >> 17 & 31),
                                    .hour = (uint32_t)(packed >> 12 & 31),
                                    .minute = (uint32_t)(packed >> 6 & 63),
                                    .second = (uint32_t)(packed & 63),
                                    .microsecond = fraction};
    return mysql_decoder_datetime(d, &c, v, err);
}

static bool read_timestamp2(const struct mysql_decoder *d, struct reader *r, struct value *v,
                            struct error *err)
{
    uint32_t seconds = reader_u32be(r);
    uint32_t fraction = read_fraction(r, d->width);
    return r->failed || mysql_decoder_instant(d, seconds, fraction, v, err);
}

/* Forms of before 5.6, in decimal: hhmmss and yyyymmddhhmmss. */
static bool read_time_old(const struct mysql_decoder *d, struct reader *r, struct value *v,
                          struct error *err)
{
    int32_t packed = (int32_t)(reader_u24le(r) << 8) >> 8;
    uint32_t all = (uint32_t)(packed < 0 ? -packed : packed);
    struct mysql_decoder_clock c = {
        .hour = all / 10000, .minute = all / 100 % 100, .second = all % 100};
    return r->failed || mysql_decoder_time(d, packed < 0, &c, v, err);
}

static bool read_datetime_old(const struct mysql_decoder *d, struct reader *r, struct value *v,
                              struct error *err)
{
    uint64_t packed = reader_u64le(r);
    if (r->failed || packed > 99999999999999) {
        reader_fail(r);
        return true;
    }
    uint32_t date = (uint32_t)(packed / 1000000);
    uint32_t time = (uint32_t)(packed % 1000000);
    struct mysql_decoder_clock c = {.year = date / 10000,
                                    .month = date / 100 % 100,
                                    .day = date % 100,
                                    .hour = time / 10000,
                                    .minute = time / 100 % 100,
                                    .second = time % 100};
    return mysql_decoder_datetime(d, &c, v, err);
}

static bool read_decimal(const struct mysql_decoder *d, struct reader *r, struct arena *arena,
                         struct value *v)
{
    const unsigned char *p = reader_take(r, d->width);
    if (UNLIKELY(p == NULL)) {
        return true;
    }
    if (d->op == OP_DECIMAL_TEXT) {
        char *text = arena_alloc(arena, MYSQL_DECIMAL_TEXT_BYTES);
        size_t len = mysql_decimal_print(p, d->precision, d->scale, text);
        if (len == 0) {
            reader_fail(r);
        }
        mysql_decoder_bytes(v, (struct str){text, len});
        return true;
    }
    int128 wide = 0;
    if (!mysql_decimal_read(p, d->precision, d->scale, &wide)) {
        reader_fail(r);
    } else if (d->op == OP_DECIMAL) {
        mysql_decoder_int(v, (int64_t)wide);
    } else {
        mysql_decoder_wide(wide, arena, v);
    }
    return true;
}

static bool read_json(struct binlog_rows_plan *plan, const struct mysql_decoder *d, struct str s,
                      struct arena *arena, struct value *v, struct error *err)
{
    buf_reset(&plan->json);
    if (!mysql_json_print(s, &plan->json, err)) {
        return error_in(err, "column `%.*s`", STR_FMT(d->column->name));
    }
    mysql_decoder_bytes(v, arena_str(arena, buf_str(&plan->json)));
    if (plan->json.cap > KEEP_JSON_BYTES) {
        buf_release(&plan->json);
    }
    return true;
}

static bool read_packed(const struct mysql_decoder *d, struct str s, struct arena *arena,
                        struct value *v, struct error *err)
{
    if (!mysql_decoder_inflate(d, s, arena, &s, err)) {
        return false;
    }
    if (d->op == OP_TEXT_PACKED) {
        return mysql_decoder_text(d, s, arena, v, err);
    }
    mysql_decoder_bytes(v, s);
    return true;
}

static bool read_counted(struct binlog_rows_plan *plan, const struct mysql_decoder *d,
                         struct reader *r, struct arena *arena, struct value *v, struct error *err)
{
    size_t len = (size_t)reader_ule(r, d->width);
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
    case OP_TEXT_PACKED:
    case OP_BYTES_PACKED:
        return read_packed(d, s, arena, v, err);
    case OP_JSON:
        return read_json(plan, d, s, arena, v, err);
    case OP_ADDRESS:
        return mysql_decoder_address(d, s, arena, v, err);
    case OP_VECTOR:
        return mysql_decoder_vector(d, s, arena, v, err);
    default:
        mysql_decoder_bytes(v, s);
        return true;
    }
}

static int64_t sign_extend(uint64_t v, unsigned width)
{
    unsigned shift = 64 - 8 * width;
    return (int64_t)(v << shift) >> shift;
}

static bool read_fixed(const struct mysql_decoder *d, struct reader *r, struct arena *arena,
                       struct value *v, struct error *err)
{
    uint64_t bits = 0;
    switch (d->op) {
    case OP_TIME2:
        return read_time2(d, r, v, err);
    case OP_DATETIME2:
        return read_datetime2(d, r, v, err);
    case OP_TIMESTAMP2:
        return read_timestamp2(d, r, v, err);
    case OP_TIME_OLD:
        return read_time_old(d, r, v, err);
    case OP_DATETIME_OLD:
        return read_datetime_old(d, r, v, err);
    case OP_TIMESTAMP_OLD:
        bits = reader_u32le(r);
        return r->failed || mysql_decoder_instant(d, (uint32_t)bits, 0, v, err);
    case OP_BIT:
        return mysql_decoder_bit(d, reader_bytes(r, d->width), arena, v, err);
    case OP_ENUM:
        bits = reader_ule(r, d->width);
        return r->failed || mysql_decoder_enum(d, bits, arena, v, err);
    case OP_SET:
        bits = reader_ule(r, d->width);
        return r->failed || mysql_decoder_set(d, bits, arena, v, err);
    case OP_YEAR:
        bits = reader_u8(r);
        mysql_decoder_int(v, bits == 0 ? 0 : (int64_t)bits + 1900);
        return true;
    case OP_DATE:
        return read_date(d, r, v, err);
    default:
        return read_decimal(d, r, arena, v);
    }
}

/* One value; false only for values, the reader fails for bytes. */
static bool read_value(struct binlog_rows_plan *plan, const struct mysql_decoder *d,
                       struct reader *r, struct arena *arena, struct value *v, struct error *err)
{
    if (d->op >= OP_COUNTED) {
        return read_counted(plan, d, r, arena, v, err);
    }
    uint32_t bits = 0;
    uint64_t wide_bits = 0;
    switch (d->op) {
    case OP_BOOL8:
        mysql_decoder_int(v, reader_u8(r) != 0);
        return true;
    case OP_SIGNED:
        mysql_decoder_int(v, sign_extend(reader_ule(r, d->width), d->width));
        return true;
    case OP_UNSIGNED:
        mysql_decoder_int(v, (int64_t)reader_ule(r, d->width));
        return true;
    case OP_UNSIGNED64:
        mysql_decoder_wide((int128)reader_u64le(r), arena, v);
        return true;
    case OP_FLOAT:
        bits = reader_u32le(r);
        mysql_decoder_int(v, 0);
        memcpy(&v->f4, &bits, 4);
        return true;
    case OP_DOUBLE:
        wide_bits = reader_u64le(r);
        mysql_decoder_int(v, 0);
        memcpy(&v->f8, &wide_bits, 8);
        return true;
    default:
        return read_fixed(d, r, arena, v, err);
    }
}

/* Rows */

static bool bit_set(const unsigned char *bits, size_t i)
{
    return (bits[i / 8] >> i % 8 & 1) != 0;
}

static size_t bits_count(struct str bits, size_t columns)
{
    size_t count = 0;
    for (size_t i = 0; i < columns; i++) {
        count += bit_set((const unsigned char *)bits.ptr, i);
    }
    return count;
}

/* One image: a bitmap of nulls over the columns that are there, then their values. */
static bool read_image(struct binlog_rows *rows, size_t image, struct binlog_rows_plan *plan,
                       struct arena *arena, struct value **out, struct error *err)
{
    struct reader *r = &rows->rest;
    const unsigned char *present = (const unsigned char *)rows->present[image].ptr;
    bool complete = rows->complete[image];
    const unsigned char *nulls = reader_take(r, (rows->present_count[image] + 7) / 8);
    if (nulls == NULL) {
        return reader_ok(r, err);
    }
    struct value *values = arena_alloc(arena, mem_size(plan->count, sizeof(struct value)));
    size_t at = 0;
    for (size_t i = 0; i < plan->count; i++) {
        if (!complete && !bit_set(present, i)) {
            mysql_decoder_null(&values[i]);
            values[i].state = VALUE_UNCHANGED;
            continue;
        }
        if (bit_set(nulls, at++)) {
            mysql_decoder_null(&values[i]);
        } else if (UNLIKELY(!read_value(plan, &plan->decoders[i], r, arena, &values[i], err))) {
            return false;
        }
    }
    *out = values;
    return reader_ok(r, err);
}

static bool open_kind(uint8_t type, struct binlog_rows *rows, bool *v2, bool *packed)
{
    *packed = type >= BINLOG_MARIADB_WRITE_ROWS_COMPRESSED_V1;
    unsigned first = 0;
    if (type >= BINLOG_WRITE_ROWS_V1 && type <= BINLOG_DELETE_ROWS_V1) {
        first = BINLOG_WRITE_ROWS_V1;
    } else if (type >= BINLOG_WRITE_ROWS && type <= BINLOG_DELETE_ROWS) {
        first = BINLOG_WRITE_ROWS;
    } else if (type >= BINLOG_MARIADB_WRITE_ROWS_COMPRESSED_V1 &&
               type <= BINLOG_MARIADB_DELETE_ROWS_COMPRESSED_V1) {
        first = BINLOG_MARIADB_WRITE_ROWS_COMPRESSED_V1;
    } else if (type >= BINLOG_MARIADB_WRITE_ROWS_COMPRESSED &&
               type <= BINLOG_MARIADB_DELETE_ROWS_COMPRESSED) {
        first = BINLOG_MARIADB_WRITE_ROWS_COMPRESSED;
    } else {
        return false;
    }
    *v2 = first == BINLOG_WRITE_ROWS || first == BINLOG_MARIADB_WRITE_ROWS_COMPRESSED;
    rows->kind = (enum binlog_rows_kind)(type - first); /* write, update, delete */
    return true;
}

static void read_bitmap(struct reader *r, struct binlog_rows *rows, size_t image)
{
    rows->present[image] = reader_bytes(r, (rows->column_count + 7) / 8);
    if (!r->failed) {
        rows->present_count[image] = bits_count(rows->present[image], rows->column_count);
        rows->complete[image] = rows->present_count[image] == rows->column_count;
    }
}

/* table id u48, flags u16, [v2: length u16 with itself, that much], column count lenenc, bitmap of
 * columns in the image (UPDATE: two), images until the end */
bool binlog_rows_open(const struct binlog_format *f, const struct binlog_event *e,
                      struct arena *arena, struct binlog_rows *out, struct error *err)
{
    struct reader r = reader_over(e->body, "rows event");
    struct binlog_rows rows = {0};
    bool v2 = false;
    bool packed = false;
    must(open_kind(e->type, &rows, &v2, &packed));
    if (f->post_header_bytes[e->type] != 0 && f->post_header_bytes[e->type] != (v2 ? 10 : 8)) {
        return error_set(err, FAIL_CORRUPT, "rows event: a post-header of %u bytes",
                         f->post_header_bytes[e->type]);
    }
    rows.table_id = reader_ule(&r, 6);
    rows.flags = reader_u16le(&r);
    if (v2) {
        uint16_t extra = reader_u16le(&r);
        if (extra < 2) {
            reader_fail(&r);
        }
        reader_skip(&r, extra - (size_t)2);
    }
    uint64_t count = mysql_lenenc(&r);
    if (count > MAX_COLUMNS) {
        reader_fail(&r);
    }
    rows.column_count = (size_t)count;
    read_bitmap(&r, &rows, 0);
    if (rows.kind == BINLOG_ROWS_UPDATE) {
        read_bitmap(&r, &rows, 1);
    }
    if (!reader_ok(&r, err)) {
        return false;
    }
    rows.rest = r;
    if (packed) {
        struct str plain;
        if (!binlog_inflate(r.rest, arena, &plain, err)) {
            return error_in(err, "rows event");
        }
        rows.rest = reader_over(plain, "rows event, unpacked");
    }
    *out = rows;
    return true;
}

enum binlog_rows_next binlog_rows_next(struct binlog_rows *rows, struct binlog_rows_plan *plan,
                                       struct arena *arena, struct value **out_before,
                                       struct value **out_after, struct error *err)
{
    if (rows->rest.rest.len == 0 && !rows->rest.failed) {
        return BINLOG_ROWS_END;
    }
    if (rows->column_count != plan->count || plan->count == 0) {
        error_set(err, FAIL_SCHEMA, "rows event: %zu columns, but the table has %zu",
                  rows->column_count, plan->count);
        return BINLOG_ROWS_FAIL;
    }
    struct value *images[2] = {NULL, NULL};
    size_t before = rows->rest.rest.len;
    size_t count = rows->kind == BINLOG_ROWS_UPDATE ? 2 : 1;
    for (size_t i = 0; i < count; i++) {
        if (!read_image(rows, i, plan, arena, &images[i], err)) {
            return BINLOG_ROWS_FAIL;
        }
    }
    if (rows->rest.rest.len == before) { /* images of no columns would never end */
        error_set(err, FAIL_CORRUPT, "rows event: a row of no bytes");
        return BINLOG_ROWS_FAIL;
    }
    *out_before = rows->kind == BINLOG_ROWS_INSERT ? NULL : images[0];
    *out_after = rows->kind == BINLOG_ROWS_INSERT   ? images[0]
                 : rows->kind == BINLOG_ROWS_UPDATE ? images[1]
                                                    : NULL;
    return BINLOG_ROWS_ROW;
}
