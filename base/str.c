#include "base/str.h"

#include "base/checked.h"

bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static unsigned char lower(char c)
{
    unsigned char u = (unsigned char)c;
    return u >= 'A' && u <= 'Z' ? (unsigned char)(u + 32) : u;
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.ptr[i]) != lower(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

int str_compare(struct str a, struct str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n == 0 ? 0 : memcmp(a.ptr, b.ptr, n);
    if (c != 0) {
        return c < 0 ? -1 : 1;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq((struct str){s.ptr, prefix.len}, prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_eq(str_slice(s, s.len - suffix.len, s.len), suffix);
}

struct str str_slice(struct str s, size_t from, size_t to)
{
    to = to > s.len ? s.len : to;
    from = from > to ? to : from;
    return s.ptr == NULL ? s : (struct str){s.ptr + from, to - from};
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
    size_t from = 0;
    size_t to = s.len;
    while (from < to && is_blank(s.ptr[from])) {
        from++;
    }
    while (to > from && is_blank(s.ptr[to - 1])) {
        to--;
    }
    return str_slice(s, from, to);
}

size_t str_find(struct str s, char byte)
{
    const char *p = s.len == 0 ? NULL : memchr(s.ptr, byte, s.len);
    return p == NULL ? s.len : (size_t)(p - s.ptr);
}

bool str_next(struct str *rest, char sep, struct str *out)
{
    if (rest->ptr == NULL) {
        return false;
    }
    size_t at = str_find(*rest, sep);
    *out = (struct str){rest->ptr, at};
    *rest = at == rest->len ? (struct str){NULL, 0} : str_slice(*rest, at + 1, rest->len);
    return true;
}

bool str_to_u64(struct str s, uint64_t *out)
{
    uint64_t v = 0;
    if (s.len == 0 || s.len > 20) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned)(unsigned char)s.ptr[i] - '0';
        if (digit > 9 || v > (UINT64_MAX - digit) / 10) {
            return false;
        }
        v = v * 10 + digit;
    }
    *out = v;
    return true;
}

bool str_to_i64(struct str s, int64_t *out)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    uint64_t v = 0;
    if (!str_to_u64(str_slice(s, negative ? 1 : 0, s.len), &v) ||
        v > (uint64_t)INT64_MAX + (negative ? 1 : 0)) {
        return false;
    }
    *out = negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

/* Number, blanks, unit: both parts, or false. */
static bool split_unit(struct str s, uint64_t *out_number, struct str *out_unit)
{
    s = str_trim(s);
    size_t digits = 0;
    while (digits < s.len && s.ptr[digits] >= '0' && s.ptr[digits] <= '9') {
        digits++;
    }
    *out_unit = str_trim(str_slice(s, digits, s.len));
    return str_to_u64(str_slice(s, 0, digits), out_number);
}

struct unit {
    const char *name;
    uint64_t factor;
};

static bool unit_find(const struct unit *units, size_t count, struct str name, uint64_t *out)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq_nocase(str_of(units[i].name), name)) {
            *out = units[i].factor;
            return true;
        }
    }
    return false;
}

/* The names of Paimon's MemorySize. */
bool str_to_size(struct str s, uint64_t *out_bytes)
{
    static const struct unit units[] = {
        {"", 1},
        {"b", 1},
        {"bytes", 1},
        {"k", 1024},
        {"kb", 1024},
        {"kib", 1024},
        {"kibibytes", 1024},
        {"m", 1024 * 1024},
        {"mb", 1024 * 1024},
        {"mib", 1024 * 1024},
        {"mebibytes", 1024 * 1024},
        {"g", 1024 * 1024 * 1024},
        {"gb", 1024 * 1024 * 1024},
        {"gib", 1024 * 1024 * 1024},
        {"gibibytes", 1024 * 1024 * 1024},
        {"t", (uint64_t)1024 * 1024 * 1024 * 1024},
        {"tb", (uint64_t)1024 * 1024 * 1024 * 1024},
        {"tib", (uint64_t)1024 * 1024 * 1024 * 1024},
        {"tebibytes", (uint64_t)1024 * 1024 * 1024 * 1024},
    };
    uint64_t number = 0;
    uint64_t factor = 0;
    struct str unit;
    size_t result = 0;
    if (!split_unit(s, &number, &unit) ||
        !unit_find(units, sizeof(units) / sizeof(units[0]), unit, &factor) ||
        !checked_mul(number, factor, &result)) {
        return false;
    }
    *out_bytes = result;
    return true;
}

/* The names of Paimon's and Flink's TimeUtils. */
bool str_to_duration(struct str s, uint64_t *out_ms)
{
    static const struct unit long_units[] = {
        {"", 1},          {"ms", 1},          {"milli", 1},
        {"millis", 1},    {"millisecond", 1}, {"milliseconds", 1},
        {"s", 1000},      {"sec", 1000},      {"secs", 1000},
        {"second", 1000}, {"seconds", 1000},  {"m", 60000},
        {"min", 60000},   {"minute", 60000},  {"minutes", 60000},
        {"h", 3600000},   {"hour", 3600000},  {"hours", 3600000},
        {"d", 86400000},  {"day", 86400000},  {"days", 86400000},
    };
    static const struct unit short_units[] = {
        {"us", 1000},
        {"micro", 1000},
        {"micros", 1000},
        {"microsecond", 1000},
        {"microseconds", 1000},
        {"ns", 1000000},
        {"nano", 1000000},
        {"nanos", 1000000},
        {"nanosecond", 1000000},
        {"nanoseconds", 1000000},
    };
    uint64_t number = 0;
    uint64_t factor = 0;
    struct str unit;
    if (!split_unit(s, &number, &unit)) {
        return false;
    }
    if (unit_find(short_units, sizeof(short_units) / sizeof(short_units[0]), unit, &factor)) {
        *out_ms = number / factor;
        return true;
    }
    size_t result = 0;
    if (!unit_find(long_units, sizeof(long_units) / sizeof(long_units[0]), unit, &factor) ||
        !checked_mul(number, factor, &result)) {
        return false;
    }
    *out_ms = result;
    return true;
}

#define DISTANCE_MAX 64 /* of a word; longer ones are compared by their beginning */

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Optimal string alignment, three rows. */
size_t str_distance(struct str a, struct str b)
{
    size_t rows[3][DISTANCE_MAX + 1];
    size_t *before = rows[0];
    size_t *last = rows[1];
    size_t *now = rows[2];
    a = str_slice(a, 0, DISTANCE_MAX);
    b = str_slice(b, 0, DISTANCE_MAX);
    for (size_t j = 0; j <= b.len; j++) {
        last[j] = j;
        before[j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t cost = a.ptr[i - 1] == b.ptr[j - 1] ? 0 : 1;
            now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + cost);
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1] &&
                before[j - 2] + 1 < now[j]) {
                now[j] = before[j - 2] + 1;
            }
        }
        size_t *swap = before;
        before = last;
        last = now;
        now = swap;
    }
    return last[b.len];
}
