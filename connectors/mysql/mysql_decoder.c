#include "connectors/mysql/mysql_decoder.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/decimal.h"
#include "base/instant.h"
#include "base/mem.h"
#include "base/reader.h"
#include "connectors/mysql/mysql_decimal.h"

#define DAY_MS 86400000

bool mysql_decoder_init(struct mysql_decoder *d, const struct mysql_column *column,
                        const struct mysql_policy *policy, struct error *err)
{
    *d = (struct mysql_decoder){.column = column,
                                .policy = *policy,
                                .members = column->members,
                                .precision = column->precision,
                                .scale = column->scale,
                                .length = column->length};
    if (column->key) { /* what they put in a value's place could be another row's key */
        d->policy.zero_date = MYSQL_ZERO_DATE_FAIL;
        d->policy.time_range = MYSQL_TIME_RANGE_FAIL;
    }
    if (column->class == MYSQL_CLASS_BIT) {
        d->length = (column->length + 7) / 8;
    }
    if (column->charset != NULL && !mysql_charset_open(column->charset, &d->converter, err)) {
        return error_in(err, "column `%.*s`", STR_FMT(column->name));
    }
    return true;
}

void mysql_decoder_release(struct mysql_decoder *d)
{
    mysql_charset_close(d->converter);
    *d = (struct mysql_decoder){0};
}

static bool bad_value(const struct mysql_decoder *d, enum fail code, const char *what,
                      struct error *err)
{
    return error_set(err, code, "column `%.*s`: %s", STR_FMT(d->column->name), what);
}

/* Zero dates and days that no calendar has (ALLOW_INVALID_DATES). */
static bool impossible_date(const struct mysql_decoder *d, const struct mysql_decoder_clock *c,
                            struct value *v, struct error *err)
{
    if (d->policy.zero_date == MYSQL_ZERO_DATE_FAIL) {
        return error_set(err, FAIL_SCHEMA, "column `%.*s`: %04u-%02u-%02u is no date; %s",
                         STR_FMT(d->column->name), c->year, c->month, c->day,
                         d->column->key
                             ? "it is of the primary key, where zero-date could make two rows one: "
                               "correct the row, or leave the table out (tables.exclude)"
                             : "correct the row, or set zero-date to null or epoch");
    }
    if (d->policy.zero_date == MYSQL_ZERO_DATE_NULL && d->column->nullable) {
        mysql_decoder_null(v);
    } else {
        mysql_decoder_int(v, 0);
    }
    return true;
}

static bool date_exists(const struct mysql_decoder_clock *c)
{
    static const uint8_t days[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (c->month < 1 || c->month > 12 || c->day < 1 || c->year > 9999) {
        return false;
    }
    bool leap = c->year % 4 == 0 && (c->year % 100 != 0 || c->year % 400 == 0);
    return c->day <= days[c->month] || (c->month == 2 && leap && c->day == 29);
}

bool mysql_decoder_date(const struct mysql_decoder *d, const struct mysql_decoder_clock *c,
                        struct value *v, struct error *err)
{
    if (UNLIKELY(!date_exists(c))) {
        return impossible_date(d, c, v, err);
    }
    mysql_decoder_int(v, instant_days(c->year, c->month, c->day));
    return true;
}

static bool clock_exists(const struct mysql_decoder_clock *c)
{
    return c->minute < 60 && c->second < 60 && c->microsecond < 1000000;
}

static void put_timestamp(int64_t seconds, uint32_t microsecond, struct value *v)
{
    v->i = seconds * 1000 + microsecond / 1000;
    v->len = microsecond % 1000 * 1000;
    v->state = VALUE_SET;
}

bool mysql_decoder_datetime(const struct mysql_decoder *d, const struct mysql_decoder_clock *c,
                            struct value *v, struct error *err)
{
    if (UNLIKELY(!date_exists(c))) {
        return impossible_date(d, c, v, err);
    }
    if (UNLIKELY(c->hour > 23 || !clock_exists(c))) {
        return bad_value(d, FAIL_CORRUPT, "an impossible time of day", err);
    }
    int64_t seconds = instant_days(c->year, c->month, c->day) * 86400 +
                      (int64_t)(c->hour * 3600 + c->minute * 60 + c->second);
    put_timestamp(seconds, c->microsecond, v);
    return true;
}

bool mysql_decoder_instant(const struct mysql_decoder *d, uint32_t seconds, uint32_t microsecond,
                           struct value *v, struct error *err)
{
    if (UNLIKELY(seconds == 0)) {
        return impossible_date(d, &(struct mysql_decoder_clock){0}, v, err);
    }
    if (UNLIKELY(microsecond > 999999)) {
        return bad_value(d, FAIL_CORRUPT, "an impossible fraction of a second", err);
    }
    put_timestamp(seconds, microsecond, v);
    return true;
}

bool mysql_decoder_time(const struct mysql_decoder *d, bool negative,
                        const struct mysql_decoder_clock *c, struct value *v, struct error *err)
{
    if (UNLIKELY(!clock_exists(c))) {
        return bad_value(d, FAIL_CORRUPT, "an impossible time", err);
    }
    int64_t ms =
        (int64_t)c->hour * 3600000 + c->minute * 60000 + c->second * 1000 + c->microsecond / 1000;
    bool zero = ms == 0 && c->microsecond == 0;
    if (LIKELY(ms < DAY_MS && (!negative || zero))) {
        mysql_decoder_int(v, ms);
        return true;
    }
    if (d->policy.time_range == MYSQL_TIME_RANGE_CLAMP) {
        /* the last instant that the column's fraction digits can write */
        static const int64_t last_ms[4] = {DAY_MS - 1000, DAY_MS - 100, DAY_MS - 10, DAY_MS - 1};
        mysql_decoder_int(v, negative ? 0 : last_ms[d->column->type.precision]);
        return true;
    }
    if (d->policy.time_range == MYSQL_TIME_RANGE_NULL && d->column->nullable) {
        mysql_decoder_null(v);
        return true;
    }
    return error_set(err, FAIL_SCHEMA,
                     "column `%.*s`: the TIME %s%02u:%02u:%02u.%06u is not within a day, which is "
                     "all that the lake's TIME holds; %s",
                     STR_FMT(d->column->name), negative ? "-" : "", c->hour, c->minute, c->second,
                     c->microsecond,
                     d->column->key ? "it is of the primary key, where time-out-of-range could "
                                      "make two rows one: correct the row, or leave the table out "
                                      "(tables.exclude)"
                                    : "set time-out-of-range to null (nullable columns) or clamp");
}

bool mysql_decoder_text(const struct mysql_decoder *d, struct str text, struct arena *arena,
                        struct value *v, struct error *err)
{
    struct str utf8;
    if (UNLIKELY(!mysql_charset_convert(d->converter, text, arena, &utf8, err))) {
        return error_in(err, "column `%.*s`", STR_FMT(d->column->name));
    }
    mysql_decoder_bytes(v, utf8);
    return true;
}

bool mysql_decoder_utf8(const struct mysql_decoder *d, struct str text, struct value *v,
                        struct error *err)
{
    if (UNLIKELY(!mysql_charset_is_utf8(text))) {
        return bad_value(d, FAIL_SCHEMA, "the server sent text that is not UTF-8", err);
    }
    mysql_decoder_bytes(v, text);
    return true;
}

bool mysql_decoder_binary(const struct mysql_decoder *d, struct str bytes, struct arena *arena,
                          struct value *v, struct error *err)
{
    if (bytes.len < d->length) {
        char *padded = arena_zalloc(arena, d->length);
        memcpy(padded, bytes.ptr, bytes.len);
        bytes = (struct str){padded, d->length};
    }
    if (bytes.len > d->length) {
        return bad_value(d, FAIL_CORRUPT, "more bytes than the type holds", err);
    }
    mysql_decoder_bytes(v, bytes);
    return true;
}

bool mysql_decoder_bit(const struct mysql_decoder *d, struct str bytes, struct arena *arena,
                       struct value *v, struct error *err)
{
    if (bytes.len > d->length) {
        return bad_value(d, FAIL_CORRUPT, "more bits than the type holds", err);
    }
    if (d->column->length == 1) {
        mysql_decoder_int(v, bytes.len == 1 && (bytes.ptr[0] & 1) != 0);
        return true;
    }
    if (bytes.len < d->length) { /* big-endian: zeroes go in front */
        char *padded = arena_zalloc(arena, d->length);
        memcpy(padded + d->length - bytes.len, bytes.ptr, bytes.len);
        bytes = (struct str){padded, d->length};
    }
    mysql_decoder_bytes(v, bytes);
    return true;
}

void mysql_decoder_wide(int128 wide, struct arena *arena, struct value *v)
{
    int128 *to = arena_alloc(arena, sizeof(int128));
    *to = wide;
    v->wide = to;
    v->len = 0;
    v->state = VALUE_SET;
}

bool mysql_decoder_decimal(const struct mysql_decoder *d, struct str text, struct arena *arena,
                           struct value *v, struct error *err)
{
    if (d->precision > TYPE_MAX_DECIMAL) {
        return mysql_decoder_utf8(d, mysql_decimal_canonical(text), v, err);
    }
    int128 wide = 0;
    if (!decimal_parse(text, d->scale, &wide) || !decimal_fits(wide, d->precision)) {
        return bad_value(d, FAIL_CORRUPT, "the server sent a decimal that is none of its type",
                         err);
    }
    if (d->precision <= 18) {
        mysql_decoder_int(v, (int64_t)wide);
    } else {
        mysql_decoder_wide(wide, arena, v);
    }
    return true;
}

static struct str member(const struct mysql_decoder *d, size_t i, struct arena *arena)
{
    return d->members_lent ? arena_str(arena, d->members[i]) : d->members[i];
}

bool mysql_decoder_enum(const struct mysql_decoder *d, uint64_t number, struct arena *arena,
                        struct value *v, struct error *err)
{
    if (number > d->column->member_count) {
        return bad_value(d, FAIL_CORRUPT, "an ENUM member that the column does not have", err);
    }
    mysql_decoder_bytes(v, number == 0 ? STR("") : member(d, number - 1, arena));
    return true;
}

static void put_array(struct value *v, const struct value *items, size_t count)
{
    v->items = items;
    v->len = (uint32_t)count;
    v->state = VALUE_SET;
}

bool mysql_decoder_set(const struct mysql_decoder *d, uint64_t mask, struct arena *arena,
                       struct value *v, struct error *err)
{
    uint32_t members = d->column->member_count;
    if (members < 64 && mask >> members != 0) {
        return bad_value(d, FAIL_CORRUPT, "a SET member that the column does not have", err);
    }
    struct value *items = ARENA_ARRAY(arena, struct value, members);
    size_t count = 0;
    for (uint32_t i = 0; i < members; i++) {
        if ((mask >> i & 1) != 0) {
            mysql_decoder_bytes(&items[count++], member(d, i, arena));
        }
    }
    put_array(v, items, count);
    return true;
}

bool mysql_decoder_set_text(const struct mysql_decoder *d, struct str text, struct arena *arena,
                            struct value *v, struct error *err)
{
    if (!mysql_decoder_utf8(d, text, v, err)) {
        return false;
    }
    /* A member holds no comma; the empty text is no member at all, even where '' is one: the
     * server prints both alike, but '' as the only member of a value has no bit to be seen by. */
    struct value *items = ARENA_ARRAY(arena, struct value, d->column->member_count);
    size_t count = 0;
    struct str rest = text;
    struct str part;
    while (text.len > 0 && str_next(&rest, ',', &part)) {
        if (count == d->column->member_count) {
            return bad_value(d, FAIL_CORRUPT, "more SET members than the column has", err);
        }
        mysql_decoder_bytes(&items[count++], part);
    }
    put_array(v, items, count);
    return true;
}

bool mysql_decoder_vector(const struct mysql_decoder *d, struct str bytes, struct arena *arena,
                          struct value *v, struct error *err)
{
    if (bytes.len % 4 != 0) {
        return bad_value(d, FAIL_CORRUPT, "a VECTOR that is cut off", err);
    }
    size_t count = bytes.len / 4;
    struct value *items = ARENA_ARRAY(arena, struct value, count);
    for (size_t i = 0; i < count; i++) {
        memcpy(&items[i].f4, bytes.ptr + 4 * i, 4);
        items[i].state = VALUE_SET;
    }
    put_array(v, items, count);
    return true;
}

static size_t print_uuid(const unsigned char *b, char *out)
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            out[at++] = '-';
        }
        out[at++] = digits[b[i] >> 4];
        out[at++] = digits[b[i] & 15];
    }
    return at;
}

static size_t print_inet4(const unsigned char *b, char *out)
{
    return (size_t)snprintf(out, 16, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
}

/* As MariaDB prints (Inet6::to_string): the first of the longest runs of zero words is `::`, a run
 * of one too; addresses that embed an IPv4 one end as such. */
static size_t print_inet6(const unsigned char *b, char *out)
{
    unsigned words[8];
    size_t best = 0;
    size_t best_len = 0;
    for (size_t i = 0; i < 8; i++) {
        words[i] = (unsigned)b[2 * i] << 8 | b[2 * i + 1];
    }
    for (size_t i = 0; i < 8; i++) {
        size_t len = 0;
        while (i + len < 8 && words[i + len] == 0) {
            len++;
        }
        if (len > best_len) {
            best = i;
            best_len = len;
        }
        i += len;
    }
    bool dotted = best == 0 && (best_len == 6 || (best_len == 5 && words[5] == 0xffff));
    size_t end = dotted ? 6 : 8;
    size_t at = 0;
    for (size_t i = 0; i < end;) {
        if (best_len > 0 && i == best) {
            out[at++] = ':';
            out[at++] = ':';
            i += best_len;
            continue;
        }
        if (i > 0 && !(best_len > 0 && i == best + best_len)) {
            out[at++] = ':';
        }
        at += (size_t)snprintf(out + at, 8, "%x", words[i]);
        i++;
    }
    if (dotted) {
        if (best_len == 5) {
            out[at++] = ':';
        }
        at += print_inet4(b + 12, out + at);
    }
    return at;
}

bool mysql_decoder_address(const struct mysql_decoder *d, struct str bytes, struct arena *arena,
                           struct value *v, struct error *err)
{
    unsigned char b[16] = {0};
    size_t size = d->column->class == MYSQL_CLASS_INET4 ? 4 : 16;
    if (bytes.len > size) {
        return bad_value(d, FAIL_CORRUPT, "more bytes than the type holds", err);
    }
    memcpy(b, bytes.ptr, bytes.len);
    char *text = arena_alloc(arena, 64);
    size_t len = d->column->class == MYSQL_CLASS_UUID    ? print_uuid(b, text)
                 : d->column->class == MYSQL_CLASS_INET4 ? print_inet4(b, text)
                                                         : print_inet6(b, text);
    mysql_decoder_bytes(v, (struct str){text, len});
    return true;
}

/* nothing: empty | 0, bytes as they are | 0x80 + bytes of the length (+ 8: raw deflate, without
 * zlib's frame), the plain length big-endian, zlib data (MariaDB's sql/field_comp.cc) */
bool mysql_decoder_inflate(const struct mysql_decoder *d, struct str packed, struct arena *arena,
                           struct str *out, struct error *err)
{
    if (packed.len == 0) {
        *out = packed;
        return true;
    }
    struct reader r = reader_over(packed, "compressed column");
    uint8_t head = reader_u8(&r);
    if (head == 0) {
        *out = r.rest;
        return true;
    }
    size_t size_len = head & 7;
    uint64_t size = size_len >= 1 && size_len <= 4 ? reader_ube(&r, size_len) : 0;
    if (r.failed || (head & 0xf0) != 0x80 || size_len < 1 || size_len > 4 ||
        size > d->column->octets || size / 1032 > r.rest.len) {
        return bad_value(d, FAIL_CORRUPT, "a compressed value with a head that means nothing", err);
    }
    unsigned char *bytes = arena_alloc(arena, (size_t)size);
    union {
        const char *given;
        unsigned char *wanted;
    } from = {.given = r.rest.ptr}; /* zlib reads only */
    z_stream z = {.next_in = from.wanted,
                  .avail_in = (uInt)r.rest.len,
                  .next_out = bytes,
                  .avail_out = (uInt)size};
    if (inflateInit2(&z, (head & 8) != 0 ? -MAX_WBITS : MAX_WBITS) != Z_OK) {
        return bad_value(d, FAIL_LIMIT, "zlib could not start", err);
    }
    int rc = inflate(&z, Z_FINISH);
    (void)inflateEnd(&z);
    if (rc != Z_STREAM_END || z.avail_out != 0) {
        return bad_value(d, FAIL_CORRUPT, "a compressed value that does not unpack", err);
    }
    *out = (struct str){(const char *)bytes, (size_t)size};
    return true;
}
