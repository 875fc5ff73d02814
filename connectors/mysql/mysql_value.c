#include "connectors/mysql/mysql_value.h"

#include <string.h>

#include "base/mem.h"
#include "base/reader.h"
#include "connectors/mysql/mysql_decoder.h"
#include "connectors/mysql/mysql_lenenc.h"
#include "connectors/mysql/mysql_type.h"

#define FLAG_UNSIGNED 32u

/* How a value stands in the packet. */
enum op {
    OP_BOOL8,
    OP_SIGNED,   /* width bytes */
    OP_UNSIGNED, /* width bytes, fits int64 */
    OP_UNSIGNED64,
    OP_FLOAT,
    OP_DOUBLE,
    OP_DECIMAL,
    OP_BIT,
    OP_DATE,
    OP_DATETIME,
    OP_TIME,
    OP_TEXT,
    OP_BYTES,
    OP_BINARY,
    OP_SET,
    OP_VECTOR,
};

struct mysql_value_plan {
    struct mysql_decoder *decoders;
    size_t count;
};

static void plan_integer(struct mysql_decoder *d)
{
    static const uint8_t widths[5] = {1, 2, 4, 4, 8}; /* MEDIUMINT comes as four bytes */
    const struct mysql_column *c = d->column;
    d->width = widths[c->class - MYSQL_CLASS_TINY];
    d->op = c->type.kind == TYPE_BOOLEAN ? OP_BOOL8
            : !c->is_unsigned            ? OP_SIGNED
            : d->width == 8              ? OP_UNSIGNED64
                                         : OP_UNSIGNED;
}

static void plan_column(struct mysql_decoder *d)
{
    switch (d->column->class) {
    case MYSQL_CLASS_TINY:
    case MYSQL_CLASS_SHORT:
    case MYSQL_CLASS_MEDIUM:
    case MYSQL_CLASS_INT:
    case MYSQL_CLASS_BIGINT:
        plan_integer(d);
        break;
    case MYSQL_CLASS_YEAR:
        d->op = OP_UNSIGNED;
        d->width = 2;
        break;
    case MYSQL_CLASS_FLOAT:
        d->op = OP_FLOAT;
        break;
    case MYSQL_CLASS_DOUBLE:
        d->op = OP_DOUBLE;
        break;
    case MYSQL_CLASS_DECIMAL:
        d->op = OP_DECIMAL;
        break;
    case MYSQL_CLASS_BIT:
        d->op = OP_BIT;
        break;
    case MYSQL_CLASS_DATE:
        d->op = OP_DATE;
        break;
    case MYSQL_CLASS_TIME:
        d->op = OP_TIME;
        break;
    case MYSQL_CLASS_DATETIME:
    case MYSQL_CLASS_TIMESTAMP:
        d->op = OP_DATETIME;
        break;
    case MYSQL_CLASS_BINARY:
        d->op = d->length > 0 ? OP_BINARY : OP_BYTES;
        break;
    case MYSQL_CLASS_VARBINARY:
    case MYSQL_CLASS_BLOB:
        d->op = OP_BYTES;
        break;
    case MYSQL_CLASS_SET:
        d->op = OP_SET;
        break;
    case MYSQL_CLASS_VECTOR:
        d->op = OP_VECTOR;
        break;
    case MYSQL_CLASS_CHAR:
    case MYSQL_CLASS_VARCHAR:
    case MYSQL_CLASS_TEXT:
    case MYSQL_CLASS_ENUM:
    case MYSQL_CLASS_JSON:
    case MYSQL_CLASS_UUID:
    case MYSQL_CLASS_INET4:
    case MYSQL_CLASS_INET6:
        d->op = OP_TEXT;
        break;
    }
}

bool mysql_value_plan_new(const struct mysql_column *columns, size_t count,
                          const struct mysql_policy *policy, struct mysql_value_plan **out,
                          struct error *err)
{
    struct mysql_value_plan *plan = MEM_NEW(struct mysql_value_plan);
    plan->decoders = MEM_ARRAY(struct mysql_decoder, count);
    for (size_t i = 0; i < count; i++) {
        if (!mysql_decoder_init(&plan->decoders[i], &columns[i], policy, err)) {
            mysql_value_plan_free(plan);
            return false;
        }
        plan->count++;
        plan_column(&plan->decoders[i]);
    }
    *out = plan;
    return true;
}

void mysql_value_plan_free(struct mysql_value_plan *plan)
{
    if (plan == NULL) {
        return;
    }
    for (size_t i = 0; i < plan->count; i++) {
        mysql_decoder_release(&plan->decoders[i]);
    }
    mem_free(plan->decoders);
    mem_free(plan);
}

/* The type that the server must have announced, where the packet does not say how long a value
 * is; strings of all kinds are counted and told apart by the catalog alone. */
static bool field_fits(const struct mysql_decoder *d, const struct mysql_value_field *f)
{
    static const uint8_t integers[5] = {MYSQL_WIRE_TINY, MYSQL_WIRE_SHORT, MYSQL_WIRE_INT24,
                                        MYSQL_WIRE_LONG, MYSQL_WIRE_LONGLONG};
    switch (d->op) {
    case OP_BOOL8:
    case OP_SIGNED:
    case OP_UNSIGNED:
    case OP_UNSIGNED64:
        if (d->column->class == MYSQL_CLASS_YEAR) {
            return f->type == MYSQL_WIRE_YEAR;
        }
        return f->type == integers[d->column->class - MYSQL_CLASS_TINY] &&
               ((f->flags & FLAG_UNSIGNED) != 0) == d->column->is_unsigned;
    case OP_FLOAT:
        return f->type == MYSQL_WIRE_FLOAT;
    case OP_DOUBLE:
        return f->type == MYSQL_WIRE_DOUBLE;
    case OP_DECIMAL:
        return f->type == MYSQL_WIRE_NEWDECIMAL;
    case OP_BIT:
        return f->type == MYSQL_WIRE_BIT;
    case OP_DATE:
        return f->type == MYSQL_WIRE_DATE || f->type == MYSQL_WIRE_NEWDATE;
    case OP_DATETIME:
        return f->type == (d->column->class == MYSQL_CLASS_TIMESTAMP ? MYSQL_WIRE_TIMESTAMP
                                                                     : MYSQL_WIRE_DATETIME);
    case OP_TIME:
        return f->type == MYSQL_WIRE_TIME;
    default:
        return f->type == MYSQL_WIRE_VARCHAR || f->type >= MYSQL_WIRE_VECTOR;
    }
}

bool mysql_value_plan_check(const struct mysql_value_plan *plan,
                            const struct mysql_value_field *fields, size_t count, struct error *err)
{
    if (count != plan->count) {
        return error_set(err, FAIL_SCHEMA,
                         "the server sent %zu columns instead of %zu: the table was altered", count,
                         plan->count);
    }
    for (size_t i = 0; i < count; i++) {
        const struct mysql_column *c = plan->decoders[i].column;
        if (!field_fits(&plan->decoders[i], &fields[i])) {
            const char *name = mysql_type_name(fields[i].type);
            return error_set(err, FAIL_SCHEMA,
                             "column `%.*s` is %.*s in the catalog, but the server sent %s%s (type "
                             "%u): the table was altered",
                             STR_FMT(c->name), (int)(c->declared.len < 100 ? c->declared.len : 100),
                             c->declared.ptr,
                             (fields[i].flags & FLAG_UNSIGNED) != 0 ? "unsigned " : "",
                             name == NULL ? "something unknown" : name, fields[i].type);
        }
    }
    return true;
}

/* length u8: 0, 4, 7 or 11; year u16, month u8, day u8; hour, minute, second u8; microseconds u32
 */
static void read_datetime(struct reader *r, struct mysql_decoder_clock *c)
{
    uint8_t len = reader_u8(r);
    if (len != 0 && len != 4 && len != 7 && len != 11) {
        reader_fail(r);
        return;
    }
    if (len >= 4) {
        c->year = reader_u16le(r);
        c->month = reader_u8(r);
        c->day = reader_u8(r);
    }
    if (len >= 7) {
        c->hour = reader_u8(r);
        c->minute = reader_u8(r);
        c->second = reader_u8(r);
    }
    if (len == 11) {
        c->microsecond = reader_u32le(r);
    }
}

/* length u8: 0, 8 or 12; negative u8, days u32, hour, minute, second u8; microseconds u32 */
static bool read_time(struct reader *r, struct mysql_decoder_clock *c)
{
    uint8_t len = reader_u8(r);
    bool negative = false;
    if (len != 0 && len != 8 && len != 12) {
        reader_fail(r);
        return false;
    }
    if (len >= 8) {
        negative = reader_u8(r) != 0;
        uint32_t days = reader_u32le(r);
        uint8_t hour = reader_u8(r);
        if (days > 40 || hour > 23) { /* TIME ends at 838:59:59 */
            reader_fail(r);
            return false;
        }
        c->hour = days * 24 + hour;
        c->minute = reader_u8(r);
        c->second = reader_u8(r);
    }
    if (len == 12) {
        c->microsecond = reader_u32le(r);
    }
    return negative;
}

static bool read_temporal(const struct mysql_decoder *d, struct reader *r, struct value *v,
                          struct error *err)
{
    struct mysql_decoder_clock c = {0};
    if (d->op == OP_TIME) {
        bool negative = read_time(r, &c);
        return r->failed || mysql_decoder_time(d, negative, &c, v, err);
    }
    read_datetime(r, &c);
    if (r->failed) {
        return true;
    }
    return d->op == OP_DATE ? mysql_decoder_date(d, &c, v, err)
                            : mysql_decoder_datetime(d, &c, v, err);
}

static bool read_counted(const struct mysql_decoder *d, struct reader *r, struct arena *arena,
                         struct value *v, struct error *err)
{
    struct str s = mysql_lenenc_str(r);
    if (UNLIKELY(r->failed)) {
        return true;
    }
    if (UNLIKELY(s.len > UINT32_MAX)) {
        return error_set(err, FAIL_LIMIT, "column `%.*s`: a value of 4 GiB or more",
                         STR_FMT(d->column->name));
    }
    switch (d->op) {
    case OP_TEXT:
        return mysql_decoder_utf8(d, s, v, err);
    case OP_DECIMAL:
        return mysql_decoder_decimal(d, s, arena, v, err);
    case OP_BIT:
        return mysql_decoder_bit(d, s, arena, v, err);
    case OP_BINARY:
        return mysql_decoder_binary(d, s, arena, v, err);
    case OP_SET:
        return mysql_decoder_set_text(d, s, arena, v, err);
    case OP_VECTOR:
        return mysql_decoder_vector(d, s, arena, v, err);
    default:
        mysql_decoder_bytes(v, s);
        return true;
    }
}

/* Sign of an integer of width bytes. */
static int64_t sign_extend(uint64_t v, unsigned width)
{
    unsigned shift = 64 - 8 * width;
    return (int64_t)(v << shift) >> shift;
}

/* One value; false only for values, the reader fails for bytes. */
static bool read_value(const struct mysql_decoder *d, struct reader *r, struct arena *arena,
                       struct value *v, struct error *err)
{
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
    case OP_DATE:
    case OP_DATETIME:
    case OP_TIME:
        return read_temporal(d, r, v, err);
    default:
        return read_counted(d, r, arena, v, err);
    }
}

bool mysql_value_row(struct mysql_value_plan *plan, struct str packet, struct arena *arena,
                     struct value *out_values, struct error *err)
{
    struct reader r = reader_over(packet, "result row");
    if (reader_u8(&r) != 0) {
        return error_set(err, FAIL_CORRUPT, "result row: it does not begin with 0x00");
    }
    const unsigned char *nulls = reader_take(&r, (plan->count + 7 + 2) / 8);
    if (nulls == NULL) {
        return reader_end(&r, err);
    }
    for (size_t i = 0; i < plan->count; i++) {
        if ((nulls[(i + 2) / 8] >> (i + 2) % 8 & 1) != 0) {
            mysql_decoder_null(&out_values[i]);
        } else if (UNLIKELY(!read_value(&plan->decoders[i], &r, arena, &out_values[i], err))) {
            return false;
        }
    }
    return reader_end(&r, err);
}
