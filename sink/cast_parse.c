/* From texts (StringTo…CastRule; BinaryStringUtils, DateTimeUtils). What Java throws on is refused
 * with the text. */
#include <math.h>
#include <stdlib.h>

#include "base/instant.h"
#include "base/mem.h"
#include "sink/cast_rule.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* String.trim: everything up to the blank, at both ends. */
static struct str trim(struct str s)
{
    while (s.len > 0 && (unsigned char)s.ptr[0] <= ' ') {
        s = str_slice(s, 1, s.len);
    }
    while (s.len > 0 && (unsigned char)s.ptr[s.len - 1] <= ' ') {
        s.len--;
    }
    return s;
}

/* BooleanToString's counterpart: any case, no blanks. */
static bool parse_boolean(const struct cast *c, const struct value *in, struct arena *arena,
                          struct value *out, struct error *err)
{
    static const char *const words[][2] = {
        {"f", "t"}, {"false", "true"}, {"n", "y"}, {"no", "yes"}, {"0", "1"}};
    (void)arena;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        for (int v = 0; v < 2; v++) {
            if (str_eq_nocase(value_str(in), str_of(words[i][v]))) {
                *out = (struct value){.i = v, .state = VALUE_SET};
                return true;
            }
        }
    }
    return cast_refuse(value_str(in), c->to, err);
}

/* [sign] digits [. digits], any of the digits may be missing; the fraction is dropped. Counted in
 * negative numbers, of which there is one more (BinaryStringUtils.toLong, toInt). */
static bool read_integer(struct str s, int64_t min, int64_t *out)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    size_t at = negative || (s.len > 0 && s.ptr[0] == '+') ? 1 : 0;
    int64_t v = 0;
    if (at == s.len) {
        return false;
    }
    for (; at < s.len && s.ptr[at] != '.'; at++) {
        int64_t digit = s.ptr[at] - '0';
        if (!is_digit(s.ptr[at]) || v < min / 10 || v * 10 < min + digit) {
            return false;
        }
        v = v * 10 - digit;
    }
    for (at++; at < s.len; at++) {
        if (!is_digit(s.ptr[at])) {
            return false;
        }
    }
    if (!negative && v == min) {
        return false;
    }
    *out = negative ? v : -v;
    return true;
}

static bool read_int(struct str s, int64_t *out)
{
    return read_integer(s, INT32_MIN, out);
}

static bool parse_integer(const struct cast *c, const struct value *in, struct arena *arena,
                          struct value *out, struct error *err)
{
    (void)arena;
    int64_t v = 0;
    bool ok = read_integer(value_str(in), c->to->kind == TYPE_BIGINT ? INT64_MIN : INT32_MIN, &v) &&
              cast_number_narrow(v, c->to) == v;
    if (!ok) {
        return cast_refuse(value_str(in), c->to, err);
    }
    *out = (struct value){.i = v, .state = VALUE_SET};
    return true;
}

static size_t skip_digits(struct str s, size_t at, bool hex)
{
    while (at < s.len && (is_digit(s.ptr[at]) ||
                          (hex && ((s.ptr[at] | 32) >= 'a') && ((s.ptr[at] | 32) <= 'f')))) {
        at++;
    }
    return at;
}

/* Double.valueOf's grammar, which is less than strtod's: digits [. digits] [e exponent], or 0x with
 * hexadecimal digits and a p, then perhaps one of fFdD. `s` has no sign. Returns the length without
 * that letter, or 0. */
static size_t float_len(struct str s)
{
    bool hex = s.len > 2 && s.ptr[0] == '0' && (s.ptr[1] | 32) == 'x';
    size_t first = hex ? 2 : 0;
    size_t at = skip_digits(s, first, hex);
    size_t digits = at - first;
    if (at < s.len && s.ptr[at] == '.') {
        size_t end = skip_digits(s, at + 1, hex);
        digits += end - at - 1;
        at = end;
    }
    if (digits == 0) {
        return 0;
    }
    bool exponent = at < s.len && (s.ptr[at] | 32) == (hex ? 'p' : 'e');
    if (exponent) {
        at++;
        at += at < s.len && (s.ptr[at] == '-' || s.ptr[at] == '+') ? 1 : 0;
        size_t end = skip_digits(s, at, false);
        if (end == at) {
            return 0;
        }
        at = end;
    }
    size_t len = at;
    if (at < s.len && ((s.ptr[at] | 32) == 'f' || (s.ptr[at] | 32) == 'd')) {
        at++;
    }
    return at == s.len && (!hex || exponent) ? len : 0;
}

static bool parse_float(const struct cast *c, const struct value *in, struct arena *arena,
                        struct value *out, struct error *err)
{
    struct str s = trim(value_str(in));
    bool negative = s.len > 0 && s.ptr[0] == '-';
    struct str rest = str_slice(s, negative || (s.len > 0 && s.ptr[0] == '+') ? 1 : 0, s.len);
    size_t len = float_len(rest);
    if (str_eq(rest, STR("NaN")) || str_eq(rest, STR("Infinity"))) {
        len = rest.len;
    }
    if (len == 0) {
        return cast_refuse(value_str(in), c->to, err);
    }
    const char *text = arena_cstr(arena, str_slice(rest, 0, len));
    *out = (struct value){.state = VALUE_SET};
    if (c->to->kind == TYPE_FLOAT) {
        float v = strtof(text, NULL);
        out->f4 = negative && !isnan(v) ? -v : v;
    } else {
        double v = strtod(text, NULL);
        out->f8 = negative && !isnan(v) ? -v : v;
    }
    return true;
}

static bool parse_decimal(const struct cast *c, const struct value *in, struct arena *arena,
                          struct value *out, struct error *err)
{
    return cast_number_parse_decimal(value_str(in), c->to, arena, out) ||
           cast_refuse(value_str(in), c->to, err);
}

static bool is_numeric(struct str s)
{
    size_t first = s.len > 0 && s.ptr[0] == '-' ? 1 : 0;
    return s.len > first && skip_digits(s, first, false) == s.len;
}

/* Digits alone, blanks around them allowed; an int. */
static bool read_part(struct str s, int64_t *out)
{
    s = trim(s);
    return s.len > 0 && skip_digits(s, 0, false) == s.len && str_to_i64(s, out) &&
           *out <= INT32_MAX;
}

/* The position of a byte from `from` on, or SIZE_MAX. */
static size_t find_from(struct str s, char byte, size_t from)
{
    struct str rest = str_slice(s, from, s.len);
    size_t at = str_find(rest, byte);
    return at == rest.len ? SIZE_MAX : from + at;
}

/* s[from, to), which Java refuses when they are in the wrong order. */
static bool read_between(struct str s, size_t from, size_t to, int64_t *out)
{
    return from <= to && read_part(str_slice(s, from, to), out);
}

static unsigned days_of_month(int64_t year, int64_t month)
{
    bool leap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);
    return month == 2                                              ? (leap ? 29 : 28)
           : month == 4 || month == 6 || month == 9 || month == 11 ? 30
                                                                   : 31;
}

/* DateTimeUtils.parseDate: year [- month [- day]]; what follows a blank is dropped. */
static bool read_date(struct str s, int64_t *days)
{
    size_t blank = str_find(s, ' ');
    if (blank > 0) {
        s = str_slice(s, 0, blank);
    }
    int64_t year = 0;
    int64_t month = 1;
    int64_t day = 1;
    size_t first = find_from(s, '-', 0);
    bool ok = read_between(s, 0, first == SIZE_MAX ? s.len : first, &year);
    if (ok && first != SIZE_MAX) {
        size_t second = find_from(s, '-', first + 1);
        ok = read_between(s, first + 1, second == SIZE_MAX ? s.len : second, &month) &&
             (second == SIZE_MAX || read_between(s, second + 1, s.len, &day));
    }
    if (!ok || year > 9999 || month < 1 || month > 12 || day < 1 ||
        day > days_of_month(year, month)) {
        return false;
    }
    *days = instant_days(year, (unsigned)month, (unsigned)day);
    return true;
}

static bool parse_date(const struct cast *c, const struct value *in, struct arena *arena,
                       struct value *out, struct error *err)
{
    (void)arena;
    int64_t days = 0;
    bool ok = is_numeric(value_str(in)) ? read_int(value_str(in), &days)
                                        : read_date(value_str(in), &days);
    *out = (struct value){.i = days, .state = VALUE_SET};
    return ok || cast_refuse(value_str(in), c->to, err);
}

/* DateTimeUtils.parseFraction: three digits, the fourth rounds; what is no digit counts as 0. */
static int64_t read_fraction(struct str s)
{
    int64_t v = 0;
    int64_t unit = 100;
    for (size_t i = 0; i < s.len && unit > 0; i++) {
        v += is_digit(s.ptr[i]) ? unit * (s.ptr[i] - '0') : 0;
        if (unit == 1 && i + 1 < s.len && (unsigned char)s.ptr[i + 1] >= '5') {
            v++;
        }
        unit /= 10;
    }
    return v;
}

/* The zone's hours and minutes behind the time, [-+] hours [: minutes]; *end is where it begins. */
static bool read_time_zone(struct str s, size_t *end, int64_t *hours, int64_t *minutes)
{
    size_t at = find_from(s, '-', 0);
    int64_t sign = -1;
    if (at == SIZE_MAX) {
        at = find_from(s, '+', 0);
        sign = 1;
    }
    *hours = *minutes = 0;
    *end = s.len;
    if (at == SIZE_MAX) {
        return true;
    }
    *end = at;
    size_t colon = find_from(s, ':', at);
    bool ok = read_between(s, at + 1, colon == SIZE_MAX ? s.len : colon, hours) &&
              (colon == SIZE_MAX || read_between(s, colon + 1, s.len, minutes));
    *hours *= sign;
    *minutes *= sign;
    return ok;
}

/* DateTimeUtils.parseTime: hours [: minutes [: seconds [. fraction]]] [zone]; nothing is held to
 * its range, and ints wrap around. */
static bool read_time(struct str s, int64_t *ms)
{
    size_t end = 0;
    int64_t hour = 0;
    int64_t minute = 0;
    int64_t second = 0;
    int64_t milli = 0;
    int64_t zone_hours = 0;
    int64_t zone_minutes = 0;
    if (!read_time_zone(s, &end, &zone_hours, &zone_minutes)) {
        return false;
    }
    size_t colon = find_from(s, ':', 0);
    bool ok = read_between(s, 0, colon == SIZE_MAX ? end : colon, &hour);
    if (ok && colon != SIZE_MAX) {
        size_t next = find_from(s, ':', colon + 1);
        ok = read_between(s, colon + 1, next == SIZE_MAX ? end : next, &minute);
        if (ok && next != SIZE_MAX) {
            size_t dot = find_from(s, '.', next);
            ok = read_between(s, next + 1, dot == SIZE_MAX ? end : dot, &second) &&
                 (dot == SIZE_MAX || dot < end);
            milli = ok && dot != SIZE_MAX ? read_fraction(trim(str_slice(s, dot + 1, end))) : 0;
        }
    }
    int64_t sum = (hour + zone_hours) * 3600000 + (minute + zone_minutes) * 60000 + second * 1000;
    *ms = (int32_t)(uint32_t)(uint64_t)(sum + milli);
    return ok;
}

static bool parse_time(const struct cast *c, const struct value *in, struct arena *arena,
                       struct value *out, struct error *err)
{
    (void)arena;
    int64_t ms = 0;
    bool ok =
        is_numeric(value_str(in)) ? read_int(value_str(in), &ms) : read_time(value_str(in), &ms);
    *out = (struct value){.i = ms, .state = VALUE_SET};
    return ok || cast_refuse(value_str(in), c->to, err);
}

/* The parts of a timestamp's text; a part that is missing is -1. */
struct stamp_text {
    int64_t year, month, day, hour, minute, second, nano;
};

static bool take_byte(struct str *s, char byte)
{
    if (s->len == 0 || s->ptr[0] != byte) {
        return false;
    }
    *s = str_slice(*s, 1, s->len);
    return true;
}

static int64_t take_digits(struct str *s, size_t count)
{
    int64_t v = 0;
    for (size_t i = 0; i < count; i++) {
        v = v * 10 + (s->ptr[i] - '0');
    }
    *s = str_slice(*s, count, s->len);
    return v;
}

/* A field written as the pattern [XX][X]: two digits, then any number of digits that say the same
 * once more, or one of the two, or nothing (-1). The second may be negative, which is out of every
 * field's range: -2. */
static int64_t take_field(struct str *s)
{
    int64_t v = -1;
    if (s->len >= 2 && is_digit(s->ptr[0]) && is_digit(s->ptr[1])) {
        v = take_digits(s, 2);
    }
    if (v < 0 && s->len > 1 && s->ptr[0] == '-' && is_digit(s->ptr[1])) {
        return -2;
    }
    size_t more = skip_digits(*s, 0, false);
    if (more > 0 && more <= 18) {
        struct str rest = *s;
        int64_t again = take_digits(&rest, more);
        if (v < 0 || v == again) {
            v = again;
            *s = rest;
        }
    }
    return v;
}

/* The year: four digits, more of them with a plus sign. */
static bool take_year(struct str *s, int64_t *year)
{
    bool plus = take_byte(s, '+');
    size_t digits = skip_digits(*s, 0, false);
    if (digits < 4 || digits > 10 || (digits > 4) != plus) {
        return false;
    }
    *year = take_digits(s, digits);
    return true;
}

/* ` [HH][H]:[mm][m]:[ss][s]` and a fraction of up to nine digits. */
static bool take_clock(struct str *s, struct stamp_text *t)
{
    if (!take_byte(s, ' ')) {
        return false;
    }
    t->hour = take_field(s);
    if (!take_byte(s, ':')) {
        return false;
    }
    t->minute = take_field(s);
    if (!take_byte(s, ':')) {
        return false;
    }
    t->second = take_field(s);
    if (take_byte(s, '.')) {
        size_t digits = skip_digits(*s, 0, false);
        digits = digits > 9 ? 9 : digits;
        t->nano = take_digits(s, digits);
        for (; digits < 9; digits++) {
            t->nano *= 10;
        }
    }
    return true;
}

static bool in_range(int64_t v, int64_t low, int64_t high)
{
    return v == -1 || (v >= low && v <= high);
}

static int64_t part_or(int64_t v, int64_t missing)
{
    return v == -1 ? missing : v;
}

/* DEFAULT_TIMESTAMP_FORMATTER with Java's "smart" resolving: the 31st of a month of 30 days is its
 * 30th, 24:00:00 is the next day. *nanos: of the second. */
static bool read_timestamp(struct str s, int64_t *out_seconds, int64_t *out_nanos)
{
    struct stamp_text t = {-1, -1, -1, -1, -1, -1, -1};
    if (!take_year(&s, &t.year) || !take_byte(&s, '-')) {
        return false;
    }
    t.month = take_field(&s);
    if (!take_byte(&s, '-')) {
        return false;
    }
    t.day = take_field(&s);
    if (s.len > 0 && (!take_clock(&s, &t) || s.len > 0)) {
        return false;
    }
    int64_t more = 0;
    if (t.hour == 24 && t.minute <= 0 && t.second <= 0 && t.nano <= 0 &&
        (t.minute == 0 || (t.second == -1 && t.nano == -1)) && (t.second == 0 || t.nano == -1)) {
        t.hour = 0;
        more = 1;
    }
    if (t.year < 1 || t.year > 999999999 || !in_range(t.month, 1, 12) || !in_range(t.day, 1, 31) ||
        !in_range(t.hour, 0, 23) || !in_range(t.minute, 0, 59) || !in_range(t.second, 0, 59)) {
        return false;
    }
    /* a date that lacks a part cannot be moved */
    more = t.month == -1 || t.day == -1 ? 0 : more;
    int64_t month = part_or(t.month, 1);
    int64_t day = part_or(t.day, 1);
    int64_t last = days_of_month(t.year, month);
    int64_t days =
        instant_days(t.year, (unsigned)month, (unsigned)(day > last ? last : day)) + more;
    *out_seconds =
        days * 86400 + part_or(t.hour, 0) * 3600 + part_or(t.minute, 0) * 60 + part_or(t.second, 0);
    *out_nanos = part_or(t.nano, 0);
    return true;
}

/* A number: so many units of the type's precision since 1970; Java knows four precisions. */
static bool read_epoch(struct str s, unsigned precision, struct value *out)
{
    int64_t n = 0;
    if (precision % 3 != 0 || !read_integer(s, INT64_MIN, &n)) {
        return false;
    }
    *out = (struct value){.state = VALUE_SET};
    if (precision <= 3) {
        out->i = precision == 3 ? n : (int64_t)((uint64_t)n * 1000);
        return true;
    }
    int64_t unit = precision == 6 ? 1000 : 1000000;
    out->i = n / unit - (n % unit < 0);
    out->len = (uint32_t)((n % unit + (n % unit < 0 ? unit : 0)) * (1000000 / unit));
    return true;
}

static bool parse_timestamp(const struct cast *c, const struct value *in, struct arena *arena,
                            struct value *out, struct error *err)
{
    (void)arena;
    struct str s = value_str(in);
    if (c->to->kind == TYPE_TIMESTAMP && is_numeric(s)) {
        return read_epoch(s, c->to->precision, out) || cast_refuse(s, c->to, err);
    }
    int64_t seconds = 0;
    int64_t nanos = 0;
    if (!read_timestamp(s, &seconds, &nanos)) {
        return cast_refuse(s, c->to, err);
    }
    must(c->to->precision <= 9);
    int64_t unit = (int64_t)decimal_pow10(9u - c->to->precision);
    nanos = nanos / unit * unit;
    /* years beyond 292 million wrap around, in Java too */
    int64_t ms = (int64_t)((uint64_t)seconds * 1000 + (uint64_t)(nanos / 1000000));
    if (c->to->kind == TYPE_TIMESTAMP_LTZ) {
        ms = cast_time_instant_ms(ms);
    }
    *out = (struct value){.i = ms, .len = (uint32_t)(nanos % 1000000), .state = VALUE_SET};
    return true;
}

cast_rule *cast_parse_rule(const struct type *from, const struct type *to)
{
    static cast_rule *const rules[TYPE_ROW + 1] = {
        [TYPE_BOOLEAN] = parse_boolean,     [TYPE_TINYINT] = parse_integer,
        [TYPE_SMALLINT] = parse_integer,    [TYPE_INT] = parse_integer,
        [TYPE_BIGINT] = parse_integer,      [TYPE_FLOAT] = parse_float,
        [TYPE_DOUBLE] = parse_float,        [TYPE_DECIMAL] = parse_decimal,
        [TYPE_DATE] = parse_date,           [TYPE_TIME] = parse_time,
        [TYPE_TIMESTAMP] = parse_timestamp, [TYPE_TIMESTAMP_LTZ] = parse_timestamp};
    return type_is_text(from) ? rules[to->kind] : NULL;
}
