/* Dates and times (DateToTimestampCastRule, TimeToTimestampCastRule, TimestampTo…CastRule,
 * NumericPrimitiveToTimestamp; DateTimeUtils). A TIMESTAMP_LTZ is an instant; the other types are
 * what a clock on the wall shows, so that between the two stands the process's time zone. */
#include "sink/cast_rule.h"

#include <time.h>

#include "base/instant.h"

#define DAY_S 86400
#define JULIAN_1970 2440588 /* day number of 1970-01-01 */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t wrap_i32(int64_t v)
{
    return (int32_t)(uint32_t)(uint64_t)v;
}

/* Java's longs. */
static int64_t wrap_mul(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a * (uint64_t)b);
}

static int64_t wrap_add(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static int64_t offset_s(int64_t instant_s)
{
    time_t t = (time_t)instant_s;
    struct tm local;
    if (localtime_r(&t, &local) == NULL) {
        return 0; /* a year beyond int: no zone has rules there */
    }
    int64_t days = instant_days((int64_t)local.tm_year + 1900, (unsigned)local.tm_mon + 1,
                                (unsigned)local.tm_mday);
    return days * DAY_S + local.tm_hour * (int64_t)3600 + local.tm_min * (int64_t)60 +
           local.tm_sec - instant_s;
}

int64_t cast_time_offset_ms(int64_t instant_ms)
{
    return offset_s(floor_div(instant_ms, 1000)) * 1000;
}

int64_t cast_time_instant_ms(int64_t local_ms)
{
    int64_t local = floor_div(local_ms, 1000);
    int64_t before = offset_s(local - DAY_S);
    int64_t after = offset_s(local + DAY_S);
    bool only_after =
        before != after && offset_s(local - before) != before && offset_s(local - after) == after;
    return wrap_add(local_ms, (only_after ? -after : -before) * 1000);
}

static void set_days(int64_t days, struct value *out)
{
    *out = (struct value){.i = wrap_i32(days), .state = VALUE_SET};
}

static void set_timestamp(int64_t ms, uint32_t nanos, struct value *out)
{
    *out = (struct value){.i = ms, .len = nanos, .state = VALUE_SET};
}

/* DateTimeUtils.julianToLocalDate: in ints, right from the year -4800 on. */
static void julian_civil(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
    int64_t j = wrap_i32(wrap_i32(days + JULIAN_1970) + 32044);
    int64_t g = j / 146097;
    int64_t dg = j % 146097;
    int64_t c = (dg / 36524 + 1) * 3 / 4;
    int64_t dc = dg - c * 36524;
    int64_t b = dc / 1461;
    int64_t db = dc % 1461;
    int64_t a = (db / 365 + 1) * 3 / 4;
    int64_t da = db - a * 365;
    int64_t y = g * 400 + c * 100 + b * 4 + a;
    int64_t m = (da * 5 + 308) / 153 - 2;
    *year = y - 4800 + (m + 2) / 12;
    *month = (m + 2) % 12 + 1;
    *day = da - (m + 4) * 153 / 5 + 122 + 1;
}

static bool date_to_timestamp(const struct cast *c, const struct value *in, struct arena *arena,
                              struct value *out, struct error *err)
{
    (void)arena;
    (void)err;
    int64_t ms = wrap_mul(in->i, CAST_DAY_MS);
    set_timestamp(c->to->kind == TYPE_TIMESTAMP ? ms : cast_time_instant_ms(ms), 0, out);
    return true;
}

/* The clock of 1970-01-01; to an instant Java goes there and back. */
static bool time_to_timestamp(const struct cast *c, const struct value *in, struct arena *arena,
                              struct value *out, struct error *err)
{
    (void)c;
    (void)arena;
    (void)err;
    set_timestamp(in->i, 0, out);
    return true;
}

/* Seconds. A TIMESTAMP_LTZ gets what the wall shows then, as if that were its instant: Java's. */
static bool number_to_timestamp(const struct cast *c, const struct value *in, struct arena *arena,
                                struct value *out, struct error *err)
{
    (void)arena;
    (void)err;
    int64_t ms = wrap_mul(in->i, 1000);
    int64_t more = c->to->kind == TYPE_TIMESTAMP ? 0 : cast_time_offset_ms(ms);
    set_timestamp(wrap_add(ms, more), 0, out);
    return true;
}

static bool timestamp_to_number(const struct cast *c, const struct value *in, struct arena *arena,
                                struct value *out, struct error *err)
{
    (void)arena;
    (void)err;
    int64_t seconds = in->i / 1000; /* towards 1970, not down */
    *out = (struct value){.i = cast_number_narrow(seconds, c->to), .state = VALUE_SET};
    return true;
}

static bool timestamp_to_date(const struct cast *c, const struct value *in, struct arena *arena,
                              struct value *out, struct error *err)
{
    (void)arena;
    (void)err;
    if (c->from->kind == TYPE_TIMESTAMP) {
        set_days(in->i / CAST_DAY_MS, out); /* towards 1970, not down */
    } else {
        set_days(floor_div(wrap_add(in->i, cast_time_offset_ms(in->i)), CAST_DAY_MS), out);
    }
    return true;
}

static bool timestamp_to_time(const struct cast *c, const struct value *in, struct arena *arena,
                              struct value *out, struct error *err)
{
    (void)arena;
    (void)err;
    int64_t ms = in->i % CAST_DAY_MS; /* negative before 1970: Java's */
    if (c->from->kind == TYPE_TIMESTAMP_LTZ) {
        int64_t local = wrap_add(in->i, cast_time_offset_ms(in->i));
        ms = local - floor_div(local, CAST_DAY_MS) * CAST_DAY_MS;
    }
    *out = (struct value){.i = ms, .state = VALUE_SET};
    return true;
}

/* DateTimeUtils.truncate: it counts the digits of the second's nanoseconds without their leading
 * zeroes, and rounds milliseconds towards 1970. */
static void truncate(unsigned precision, struct value *v)
{
    int64_t of_second = v->i - floor_div(v->i, 1000) * 1000;
    int64_t nanos = of_second * 1000000 + v->len;
    unsigned digits = 1;
    for (int64_t rest = nanos / 10; rest > 0; rest /= 10) {
        digits++;
    }
    if (digits <= precision) {
        return;
    }
    if (precision <= 3) {
        int64_t unit = (int64_t)decimal_pow10(3 - precision);
        set_timestamp(v->i / unit * unit, 0, v);
    } else {
        uint32_t unit = (uint32_t)decimal_pow10(9 - precision);
        v->len = v->len / unit * unit;
    }
}

static bool timestamp_to_timestamp(const struct cast *c, const struct value *in,
                                   struct arena *arena, struct value *out, struct error *err)
{
    (void)arena;
    (void)err;
    int64_t ms = in->i;
    if (c->from->kind != c->to->kind) {
        ms = c->to->kind == TYPE_TIMESTAMP ? wrap_add(ms, cast_time_offset_ms(ms))
                                           : cast_time_instant_ms(ms);
    }
    set_timestamp(ms, in->len, out);
    if (c->from->precision > c->to->precision) {
        truncate(c->to->precision, out);
    }
    return true;
}

cast_rule *cast_time_rule(const struct type *from, const struct type *to)
{
    bool is_number = to->kind == TYPE_INT || to->kind == TYPE_BIGINT;
    if (cast_is_timestamp(from)) {
        return is_number               ? timestamp_to_number
               : to->kind == TYPE_DATE ? timestamp_to_date
               : to->kind == TYPE_TIME ? timestamp_to_time
               : cast_is_timestamp(to) ? timestamp_to_timestamp
                                       : NULL;
    }
    if (!cast_is_timestamp(to)) {
        return NULL;
    }
    return from->kind == TYPE_DATE                               ? date_to_timestamp
           : from->kind == TYPE_TIME                             ? time_to_timestamp
           : from->kind == TYPE_INT || from->kind == TYPE_BIGINT ? number_to_timestamp
                                                                 : NULL;
}

/* Java's int2 and int4: digits by remainders, of negative numbers too. */
static void put_digits(int64_t v, int64_t unit, struct buf *out)
{
    for (; unit > 0; unit /= 10) {
        buf_put_byte(out, (uint8_t)('0' + v / unit % 10));
    }
}

static void put_date(int64_t year, int64_t month, int64_t day, struct buf *out)
{
    put_digits(year, 1000, out);
    buf_put_byte(out, '-');
    put_digits(month, 10, out);
    buf_put_byte(out, '-');
    put_digits(day, 10, out);
}

static void put_clock(int64_t ms, struct buf *out)
{
    put_digits(ms / 3600000, 10, out);
    buf_put_byte(out, ':');
    put_digits(ms % 3600000 / 60000, 10, out);
    buf_put_byte(out, ':');
    put_digits(ms % 60000 / 1000, 10, out);
}

/* formatTimestampMillis: one digit at least, then as many as say something. */
static void print_time(int64_t ms, unsigned precision, struct buf *out)
{
    while (ms < 0) {
        ms += CAST_DAY_MS;
    }
    put_clock(ms, out);
    int64_t rest = ms % 1000;
    for (unsigned i = 0; i < precision; i++) {
        if (i == 0) {
            buf_put_byte(out, '.');
        }
        buf_put_byte(out, (uint8_t)('0' + rest / 100));
        rest = rest % 100 * 10;
        if (rest == 0) {
            break;
        }
    }
}

/* formatTimestamp: at least `precision` digits of the second's fraction. */
static void print_timestamp(int64_t ms, uint32_t nanos, unsigned precision, struct buf *out)
{
    int64_t days = floor_div(ms, CAST_DAY_MS);
    int64_t in_day = ms - days * CAST_DAY_MS;
    int64_t year = 0;
    unsigned month = 0;
    unsigned day = 0;
    instant_civil(wrap_i32(days), &year, &month, &day);
    put_date(year, month, day, out);
    buf_put_byte(out, ' ');
    put_clock(in_day, out);
    int64_t fraction = in_day % 1000 * 1000000 + nanos;
    unsigned len = 9;
    while (len > precision && fraction % 10 == 0) {
        fraction /= 10;
        len--;
    }
    if (len > 0) {
        buf_put_byte(out, '.');
        put_digits(fraction, (int64_t)decimal_pow10(len - 1), out);
    }
}

void cast_time_print(const struct type *t, const struct value *v, struct buf *out)
{
    if (t->kind == TYPE_DATE) {
        int64_t year = 0;
        int64_t month = 0;
        int64_t day = 0;
        julian_civil(v->i, &year, &month, &day);
        put_date(year, month, day, out);
    } else if (t->kind == TYPE_TIME) {
        print_time(v->i, t->precision, out);
    } else {
        int64_t more = t->kind == TYPE_TIMESTAMP_LTZ ? cast_time_offset_ms(v->i) : 0;
        print_timestamp(wrap_add(v->i, more), v->len, t->precision, out);
    }
}
