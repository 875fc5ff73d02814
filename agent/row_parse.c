#include "agent/row_parse.h"

#include <math.h>

#include "base/decimal.h"
#include "base/instant.h"

#define FLOAT_END 0x1.ffffffp127 /* from here on the nearest FLOAT is infinite */
#define SHOWN 60u                /* characters of a wrong text in a message */

static bool wrong(const struct type *t, const struct json *n, struct error *err)
{
    struct str text;
    struct buf name = BUF_INIT(200);
    type_print(t, &name);
    if (json_str(n, &text)) {
        error_set(err, FAIL_CONFIG, "\"%.*s\" is no %s", STR_FMT(str_slice(text, 0, SHOWN)),
                  buf_cstr(&name));
    } else {
        error_set(err, FAIL_CONFIG, "this JSON value is no %s", buf_cstr(&name));
    }
    buf_release(&name);
    return false;
}

/* ---- numbers ---- */

static bool integer(const struct type *t, const struct json *n, struct value *out)
{
    static const int64_t least[] = {INT8_MIN, INT16_MIN, INT32_MIN, INT64_MIN};
    static const int64_t most[] = {INT8_MAX, INT16_MAX, INT32_MAX, INT64_MAX};
    size_t size = (size_t)t->kind - TYPE_TINYINT;
    struct str text;
    bool ok = json_i64(n, &out->i) || (json_str(n, &text) && str_to_i64(text, &out->i));
    return ok && out->i >= least[size] && out->i <= most[size];
}

static bool real(const struct json *n, double *out)
{
    struct str text;
    if (json_f64(n, out)) {
        return true;
    }
    if (!json_str(n, &text)) {
        return false;
    }
    if (str_eq(text, STR("NaN"))) {
        *out = (double)NAN;
    } else if (str_eq(text, STR("Infinity"))) {
        *out = (double)INFINITY;
    } else if (str_eq(text, STR("-Infinity"))) {
        *out = (double)-INFINITY;
    } else {
        return false;
    }
    return true;
}

static bool decimal(const struct type *t, const struct json *n, struct arena *arena,
                    struct value *out)
{
    struct str text;
    int64_t whole;
    int128 v;
    if (json_i64(n, &whole)) {
        if (!decimal_fits(whole, TYPE_MAX_DECIMAL - (unsigned)t->scale)) {
            return false;
        }
        v = (int128)whole * decimal_pow10(t->scale);
    } else if (!json_str(n, &text) || !decimal_parse(text, t->scale, &v)) {
        return false;
    }
    if (!decimal_fits(v, t->precision)) {
        return false;
    }
    if (t->precision > 18) {
        int128 *wide = arena_alloc(arena, sizeof *wide);
        *wide = v;
        out->wide = wide;
    } else {
        out->i = (int64_t)v;
    }
    return true;
}

/* ---- texts ---- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool bytes(const struct json *n, struct arena *arena, struct value *out)
{
    struct str text;
    if (!json_str(n, &text) || text.len % 2 != 0 || text.len / 2 > UINT32_MAX) {
        return false;
    }
    char *into = arena_alloc(arena, text.len / 2);
    for (size_t i = 0; i < text.len; i += 2) {
        int high = hex_digit(text.ptr[i]);
        int low = hex_digit(text.ptr[i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        into[i / 2] = (char)(unsigned char)(high * 16 + low);
    }
    out->bytes = into;
    out->len = (uint32_t)(text.len / 2);
    return true;
}

static bool text_value(const struct json *n, struct value *out)
{
    struct str text;
    if (!json_str(n, &text) || text.len > UINT32_MAX) {
        return false;
    }
    out->bytes = text.ptr;
    out->len = (uint32_t)text.len;
    return true;
}

/* ---- times ---- */

/* Takes digits off the front: at least `least`, at most `most` of them. */
static bool digits(struct str *s, size_t least, size_t most, int64_t *out, size_t *out_count)
{
    size_t count = 0;
    int64_t v = 0;
    while (count < most && count < s->len && s->ptr[count] >= '0' && s->ptr[count] <= '9') {
        v = v * 10 + (s->ptr[count++] - '0');
    }
    *s = str_slice(*s, count, s->len);
    *out = v;
    if (out_count != NULL) {
        *out_count = count;
    }
    return count >= least;
}

static bool take(struct str *s, char c)
{
    if (s->len == 0 || s->ptr[0] != c) {
        return false;
    }
    *s = str_slice(*s, 1, s->len);
    return true;
}

/* 2024-02-29, +10000-01-01, -0001-01-01; a day that there is. */
static bool date(struct str *s, int64_t *out_days)
{
    bool minus = take(s, '-');
    bool plus = !minus && take(s, '+');
    int64_t year;
    int64_t month;
    int64_t day;
    if (!digits(s, 4, minus || plus ? 7 : 4, &year, NULL) || !take(s, '-') ||
        !digits(s, 2, 2, &month, NULL) || !take(s, '-') || !digits(s, 2, 2, &day, NULL) ||
        month < 1 || month > 12 || day < 1 || day > 31) {
        return false;
    }
    year = minus ? -year : year;
    int64_t days = instant_days(year, (unsigned)month, (unsigned)day);
    int64_t again = 0;
    unsigned month_again = 0;
    unsigned day_again = 0;
    instant_civil(days, &again, &month_again, &day_again);
    *out_days = days;
    return days >= INT32_MIN && days <= INT32_MAX && day_again == (unsigned)day;
}

/* 12:34, 12:34:56, 12:34:56.789012345 */
static bool clock_time(struct str *s, int64_t *out_ms, uint32_t *out_nanos)
{
    int64_t hour;
    int64_t minute;
    int64_t second = 0;
    int64_t nanos = 0;
    size_t count = 9;
    if (!digits(s, 2, 2, &hour, NULL) || !take(s, ':') || !digits(s, 2, 2, &minute, NULL) ||
        (take(s, ':') &&
         (!digits(s, 2, 2, &second, NULL) || (take(s, '.') && !digits(s, 1, 9, &nanos, &count)))) ||
        hour > 23 || minute > 59 || second > 59) {
        return false;
    }
    for (; count < 9; count++) {
        nanos *= 10;
    }
    *out_ms = ((hour * 60 + minute) * 60 + second) * 1000 + nanos / 1000000;
    *out_nanos = (uint32_t)(nanos % 1000000);
    return true;
}

static bool date_value(const struct json *n, struct value *out)
{
    struct str text;
    if (json_i64(n, &out->i)) {
        return out->i >= INT32_MIN && out->i <= INT32_MAX;
    }
    return json_str(n, &text) && date(&text, &out->i) && text.len == 0;
}

static bool time_value(const struct json *n, struct value *out)
{
    struct str text;
    uint32_t nanos = 0;
    if (json_i64(n, &out->i)) {
        return out->i >= 0 && out->i < 86400000;
    }
    return json_str(n, &text) && clock_time(&text, &out->i, &nanos) && nanos == 0 && text.len == 0;
}

/* No digits that the column's precision does not hold. */
static bool is_held(const struct type *t, int64_t ms, uint32_t nanos)
{
    int64_t fraction = ((ms % 1000 + 1000) % 1000) * 1000000 + nanos;
    for (unsigned i = t->precision; i < 9; i++) {
        if (fraction % 10 != 0) {
            return false;
        }
        fraction /= 10;
    }
    return true;
}

static bool timestamp_value(const struct type *t, const struct json *n, struct value *out)
{
    struct str text;
    int64_t days;
    int64_t ms;
    uint32_t nanos;
    if (!json_str(n, &text) || !date(&text, &days) || (!take(&text, 'T') && !take(&text, ' ')) ||
        !clock_time(&text, &ms, &nanos)) {
        return false;
    }
    if (t->kind == TYPE_TIMESTAMP_LTZ) {
        (void)take(&text, 'Z');
    }
    out->i = days * 86400000 + ms;
    out->len = nanos;
    return text.len == 0 && is_held(t, ms, nanos);
}

/* ---- nested ---- */

static bool array(const struct type *t, const struct json *n, struct arena *arena,
                  struct value *out, struct error *err)
{
    size_t count = json_count(n);
    if (!json_is_array(n) || count > UINT32_MAX) {
        return wrong(t, n, err);
    }
    struct value *items = ARENA_ARRAY(arena, struct value, count);
    struct json_iter it = json_iter(n);
    struct str key;
    const struct json *item;
    for (size_t i = 0; json_next(&it, &key, &item); i++) {
        if (!row_parse_value(t->element, item, arena, &items[i], err)) {
            return error_in(err, "item %zu", i);
        }
    }
    out->items = items;
    out->len = (uint32_t)count;
    return true;
}

/* A key of an object: a text that stands for any value. */
static bool member_key(const struct type *t, struct str key, struct arena *arena, struct value *out,
                       struct error *err)
{
    struct buf text = BUF_INIT((size_t)1 << 20);
    struct json_doc *doc = NULL;
    buf_put_json(&text, key);
    bool ok = buf_ok(&text, "a key", err) && json_parse(buf_str(&text), &doc, err);
    struct value v = {0};
    ok = ok && row_parse_value(t, json_root(doc), arena, &v, err);
    if (ok) {
        struct schema_field f = {.type = *t};
        *out = *row_copy(arena, &f, 1, &v);
    }
    json_free(doc);
    buf_release(&text);
    return ok;
}

static const struct type count_type = {.kind = TYPE_INT};

static bool pairs(const struct type *t, const struct json *n, struct arena *arena,
                  struct value *out, struct error *err)
{
    const struct type *key_type = t->kind == TYPE_MAP ? t->key : t->element;
    const struct type *value_type = t->kind == TYPE_MAP ? t->element : &count_type;
    size_t count = json_count(n);
    if ((!json_is_array(n) && !json_is_object(n)) || count > UINT32_MAX / 2) {
        return wrong(t, n, err);
    }
    struct value *items = ARENA_ARRAY(arena, struct value, count * 2);
    struct json_iter it = json_iter(n);
    struct str key;
    const struct json *item;
    for (size_t i = 0; json_next(&it, &key, &item); i++) {
        bool ok = true;
        const struct json *value = item;
        if (json_is_array(n)) {
            struct json_iter pair = json_iter(item);
            struct str none;
            const struct json *first = NULL;
            if (!json_is_array(item) || json_count(item) != 2) {
                return error_set(err, FAIL_CONFIG, "pair %zu is not [key,value]", i);
            }
            ok = json_next(&pair, &none, &first) && json_next(&pair, &none, &value) &&
                 row_parse_value(key_type, first, arena, &items[i * 2], err);
        } else {
            ok = member_key(key_type, key, arena, &items[i * 2], err);
        }
        if (!ok || !row_parse_value(value_type, value, arena, &items[i * 2 + 1], err)) {
            return error_in(err, "pair %zu", i);
        }
    }
    out->items = items;
    out->len = (uint32_t)(count * 2);
    return true;
}

static bool row_value(const struct type *t, const struct json *n, struct arena *arena,
                      struct value *out, struct error *err)
{
    struct schema_field *fields = ARENA_ARRAY(arena, struct schema_field, t->field_count);
    struct value *items = ARENA_ARRAY(arena, struct value, t->field_count);
    for (size_t i = 0; i < t->field_count; i++) {
        fields[i] = (struct schema_field){.name = t->fields[i].name, .type = *t->fields[i].type};
    }
    if (!json_is_object(n)) {
        return wrong(t, n, err);
    }
    if (!row_parse(fields, t->field_count, n, arena, items, err)) {
        return false;
    }
    out->items = items;
    out->len = (uint32_t)t->field_count;
    return true;
}

/* ---- all ---- */

static bool flat(const struct type *t, const struct json *n, struct arena *arena, struct value *out)
{
    double number = 0;
    bool flag = false;
    switch (t->kind) {
    case TYPE_BOOLEAN:
        out->i = json_bool(n, &flag) && flag;
        return json_bool(n, &flag);
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT:
        return integer(t, n, out);
    case TYPE_FLOAT:
        if (!real(n, &number) || (isfinite(number) && fabs(number) >= FLOAT_END)) {
            return false;
        }
        out->f4 = (float)number;
        return true;
    case TYPE_DOUBLE:
        return real(n, &out->f8);
    case TYPE_DECIMAL:
        return decimal(t, n, arena, out);
    case TYPE_CHAR:
    case TYPE_VARCHAR:
        return text_value(n, out);
    case TYPE_BINARY:
    case TYPE_VARBINARY:
        return bytes(n, arena, out);
    case TYPE_DATE:
        return date_value(n, out);
    case TYPE_TIME:
        return time_value(n, out);
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        return timestamp_value(t, n, out);
    case TYPE_ARRAY:
    case TYPE_MULTISET:
    case TYPE_MAP:
    case TYPE_ROW:
        break;
    }
    must(!type_is_nested(t));
    return false;
}

/* Types are nested TYPE_MAX_DEPTH deep at most. */
bool row_parse_value(const struct type *t, const struct json *n, struct arena *arena,
                     struct value *out, struct error *err)
{
    struct value v = {.state = VALUE_SET};
    if (json_is_null(n)) {
        *out = (struct value){.state = VALUE_NULL};
        return true;
    }
    bool ok;
    if (t->kind == TYPE_ARRAY) {
        ok = array(t, n, arena, &v, err);
    } else if (t->kind == TYPE_MAP || t->kind == TYPE_MULTISET) {
        ok = pairs(t, n, arena, &v, err);
    } else if (t->kind == TYPE_ROW) {
        ok = row_value(t, n, arena, &v, err);
    } else {
        ok = flat(t, n, arena, &v) || wrong(t, n, err);
    }
    if (ok) {
        *out = v;
    }
    return ok;
}

/* Rows mostly come in the order of the columns. count: there is none. */
static size_t find(const struct schema_field *fields, size_t count, size_t first, struct str name)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = (first + i) % count;
        if (str_eq(fields[at].name, name)) {
            return at;
        }
    }
    return count;
}

bool row_parse(const struct schema_field *fields, size_t count, const struct json *object,
               struct arena *arena, struct value *out_values, struct error *err)
{
    struct json_iter it = json_iter(object);
    struct str name;
    const struct json *n;
    size_t next = 0;
    if (!json_is_object(object)) {
        return error_set(err, FAIL_CONFIG, "a row is an object: {\"column\":value,…}");
    }
    for (size_t i = 0; i < count; i++) {
        out_values[i] = (struct value){.state = VALUE_NULL};
    }
    while (json_next(&it, &name, &n)) {
        size_t at = find(fields, count, next, name);
        next = at + 1;
        if (at == count) {
            return error_set(err, FAIL_CONFIG, "there is no column '%.*s'",
                             STR_FMT(str_slice(name, 0, SHOWN)));
        }
        if (!row_parse_value(&fields[at].type, n, arena, &out_values[at], err)) {
            return error_in(err, "column '%.*s'", STR_FMT(str_slice(name, 0, SHOWN)));
        }
    }
    return true;
}

bool row_parse_kind(struct str text, enum row_kind *out, struct error *err)
{
    static const char *const names[] = {"+I", "-U", "+U", "-D"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (str_eq(text, str_of(names[i]))) {
            *out = (enum row_kind)i;
            return true;
        }
    }
    return error_set(err, FAIL_CONFIG, "\"%.*s\" is no row kind: +I, -U, +U or -D",
                     STR_FMT(str_slice(text, 0, SHOWN)));
}
