#include "connectors/mysql/mysql_json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/reader.h"
#include "connectors/mysql/mysql_charset.h"
#include "connectors/mysql/mysql_decimal.h"
#include "connectors/mysql/mysql_type.h"

/* document:  type value
 * container: count size key-entry* value-entry* key* value*     numbers of 2 bytes, "large" ones 4
 *   key-entry:   offset (2 | 4), length (2)                      objects only
 *   value-entry: type, value when it fits 2 | 4 bytes, else its offset
 * Offsets count from the container's first byte. */
enum json_type {
    JSON_SMALL_OBJECT = 0,
    JSON_LARGE_OBJECT = 1,
    JSON_SMALL_ARRAY = 2,
    JSON_LARGE_ARRAY = 3,
    JSON_LITERAL = 4,
    JSON_INT16 = 5,
    JSON_UINT16 = 6,
    JSON_INT32 = 7,
    JSON_UINT32 = 8,
    JSON_INT64 = 9,
    JSON_UINT64 = 10,
    JSON_DOUBLE = 11,
    JSON_STRING = 12,
    JSON_OPAQUE = 15,
};

struct printer {
    struct buf *out;
    struct error *err;
    enum mysql_json_dialect dialect;
    unsigned depth; /* containers around the value being printed */
};

static bool corrupt(struct printer *p, const char *what)
{
    return error_set(p->err, FAIL_CORRUPT, "binary JSON: %s", what);
}

static bool print_string(struct printer *p, struct str s)
{
    if (!mysql_charset_is_utf8(s)) {
        return corrupt(p, "a string is not UTF-8");
    }
    buf_put_byte(p->out, '"');
    size_t from = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c >= 0x20 && c != '"' && c != '\\') {
            continue;
        }
        buf_put(p->out, s.ptr + from, i - from);
        from = i + 1;
        switch (c) {
        case '"':
        case '\\':
            buf_put_byte(p->out, '\\');
            buf_put_byte(p->out, c);
            break;
        case '\b':
            buf_put_cstr(p->out, "\\b");
            break;
        case '\f':
            buf_put_cstr(p->out, "\\f");
            break;
        case '\n':
            buf_put_cstr(p->out, "\\n");
            break;
        case '\r':
            buf_put_cstr(p->out, "\\r");
            break;
        case '\t':
            buf_put_cstr(p->out, "\\t");
            break;
        default:
            buf_printf(p->out, "\\u%04x", c);
        }
    }
    buf_put(p->out, s.ptr + from, s.len - from);
    buf_put_byte(p->out, '"');
    return true;
}

/* The fewest digits that read back as v, in the form d.ddde±x. */
static void shortest(double v, char text[40])
{
    int first = fabs(v) < 2.3e-308 ? 0 : 14; /* 15 digits are exact but for subnormal numbers */
    for (int digits = first; digits <= 16; digits++) {
        (void)snprintf(text, 40, "%.*e", digits, v);
        if (strtod(text, NULL) == v) {
            return;
        }
    }
}

static void put_whole(struct printer *p)
{
    if (p->dialect == MYSQL_JSON_8) {
        buf_put_cstr(p->out, ".0");
    }
}

/* As my_gcvt() prints: plain up to 15 digits before the point or zeros after it, else d.dde-x; and
 * a whole number gets ".0", so that it stays a double. */
static bool print_double(struct printer *p, double v)
{
    if (!isfinite(v)) {
        return corrupt(p, "a double is not finite");
    }
    if (v == 0) {
        buf_put_cstr(p->out, signbit(v) ? "-0" : "0");
        put_whole(p);
        return true;
    }
    char text[40];
    shortest(fabs(v), text);
    char digits[20];
    size_t count = 0;
    const char *c = text;
    for (; *c != 'e' && *c != '\0'; c++) {
        if (*c != '.' && count < sizeof(digits)) {
            digits[count++] = *c;
        }
    }
    while (count > 1 && digits[count - 1] == '0') {
        count--;
    }
    long point = strtol(c + 1, NULL, 10) + 1; /* digits before the decimal point */
    if (v < 0) {
        buf_put_byte(p->out, '-');
    }
    if (point > 15 || point < -14) {
        buf_put(p->out, digits, 1);
        if (count > 1) {
            buf_put_byte(p->out, '.');
            buf_put(p->out, digits + 1, count - 1);
        }
        buf_printf(p->out, "e%ld", point - 1);
        return true;
    }
    if (point <= 0) {
        buf_put_cstr(p->out, "0.");
        for (long i = point; i < 0; i++) {
            buf_put_byte(p->out, '0');
        }
        buf_put(p->out, digits, count);
        return true;
    }
    size_t whole = (size_t)point;
    for (size_t i = 0; i < whole; i++) {
        buf_put_byte(p->out, (uint8_t)(i < count ? digits[i] : '0'));
    }
    if (count > whole) {
        buf_put_byte(p->out, '.');
        buf_put(p->out, digits + whole, count - whole);
    } else {
        put_whole(p);
    }
    return true;
}

/* Temporal values are packed in 8 bytes (MySQL's TIME_to_longlong_packed). */
static bool print_temporal(struct printer *p, uint8_t type, struct str data)
{
    struct reader r = reader_over(data, "binary JSON");
    int64_t packed = (int64_t)reader_u64le(&r);
    if (r.failed || r.rest.len != 0 || packed == INT64_MIN) {
        return corrupt(p, "a temporal value is not of 8 bytes");
    }
    uint64_t v = (uint64_t)(packed < 0 ? -packed : packed);
    unsigned fraction = (unsigned)(v & 0xffffff);
    uint64_t rest = v >> 24;
    if (type == MYSQL_WIRE_TIME) {
        buf_printf(p->out, "\"%s%02u:%02u:%02u.%06u\"", packed < 0 ? "-" : "",
                   (unsigned)(rest >> 12 & 0x3ff), (unsigned)(rest >> 6 & 0x3f),
                   (unsigned)(rest & 0x3f), fraction);
        return true;
    }
    unsigned time = (unsigned)(rest & 0x1ffff);
    uint64_t date = rest >> 17;
    unsigned month = (unsigned)(date >> 5);
    buf_printf(p->out, "\"%04u-%02u-%02u", month / 13, month % 13, (unsigned)(date & 0x1f));
    if (type != MYSQL_WIRE_DATE) {
        buf_printf(p->out, " %02u:%02u:%02u.%06u", time >> 12, time >> 6 & 0x3f, time & 0x3f,
                   fraction);
    }
    buf_put_byte(p->out, '"');
    return true;
}

/* Every 76 letters the server ends the line, as mail did. */
static void print_base64(struct printer *p, struct str data)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < data.len; i += 3) {
        size_t n = data.len - i < 3 ? data.len - i : 3;
        uint32_t v = 0;
        for (size_t k = 0; k < 3; k++) {
            v = v << 8 | (k < n ? (unsigned char)data.ptr[i + k] : 0);
        }
        char four[4] = {letters[v >> 18], letters[v >> 12 & 63], n > 1 ? letters[v >> 6 & 63] : '=',
                        n > 2 ? letters[v & 63] : '='};
        if (i > 0 && i % 57 == 0) {
            buf_put_cstr(p->out, p->dialect == MYSQL_JSON_5_7 ? "\n" : "\\n");
        }
        buf_put(p->out, four, 4);
    }
}

/* A length in groups of seven bits, lowest first, and that many bytes. */
static struct str read_counted(struct reader *r)
{
    uint64_t len = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t byte = reader_u8(r);
        len |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return reader_bytes(r, (size_t)len);
        }
    }
    reader_fail(r);
    return STR("");
}

static bool print_opaque(struct printer *p, struct str data)
{
    struct reader r = reader_over(data, "binary JSON");
    uint8_t type = reader_u8(&r);
    struct str value = read_counted(&r);
    if (r.failed) {
        return corrupt(p, "an opaque value is cut off");
    }
    if (type == MYSQL_WIRE_NEWDECIMAL) {
        char text[MYSQL_DECIMAL_TEXT_BYTES];
        const unsigned char *bytes = (const unsigned char *)value.ptr;
        if (value.len < 3 || mysql_decimal_bytes(bytes[0], bytes[1]) != value.len - 2) {
            return corrupt(p, "a decimal has the wrong length");
        }
        size_t len = mysql_decimal_print(bytes + 2, bytes[0], bytes[1], text);
        if (len == 0) {
            return corrupt(p, "a decimal has impossible digits");
        }
        buf_put(p->out, text, len);
        return true;
    }
    if (type == MYSQL_WIRE_DATE || type == MYSQL_WIRE_TIME || type == MYSQL_WIRE_DATETIME ||
        type == MYSQL_WIRE_TIMESTAMP) {
        return print_temporal(p, type, value);
    }
    buf_printf(p->out, "\"base64:type%u:", type);
    print_base64(p, value);
    buf_put_byte(p->out, '"');
    return true;
}

static bool print_scalar(struct printer *p, uint8_t type, struct str data)
{
    struct reader r = reader_over(data, "binary JSON");
    double number = 0;
    uint64_t bits = 0;
    switch (type) {
    case JSON_LITERAL: {
        uint8_t literal = reader_u8(&r);
        if (r.failed || literal > 2) {
            return corrupt(p, "an unknown literal");
        }
        buf_put_cstr(p->out, literal == 0 ? "null" : literal == 1 ? "true" : "false");
        return true;
    }
    case JSON_INT16:
        buf_printf(p->out, "%d", (int)(int16_t)reader_u16le(&r));
        break;
    case JSON_UINT16:
        buf_printf(p->out, "%u", (unsigned)reader_u16le(&r));
        break;
    case JSON_INT32:
        buf_printf(p->out, "%ld", (long)(int32_t)reader_u32le(&r));
        break;
    case JSON_UINT32:
        buf_printf(p->out, "%lu", (unsigned long)reader_u32le(&r));
        break;
    case JSON_INT64:
        buf_printf(p->out, "%lld", (long long)(int64_t)reader_u64le(&r));
        break;
    case JSON_UINT64:
        buf_printf(p->out, "%llu", (unsigned long long)reader_u64le(&r));
        break;
    case JSON_DOUBLE:
        bits = reader_u64le(&r);
        memcpy(&number, &bits, 8);
        return r.failed ? corrupt(p, "a double is cut off") : print_double(p, number);
    case JSON_STRING: {
        struct str text = read_counted(&r);
        return r.failed ? corrupt(p, "a string is cut off") : print_string(p, text);
    }
    case JSON_OPAQUE:
        return print_opaque(p, data);
    default:
        return error_set(p->err, FAIL_CORRUPT, "binary JSON: unknown type %u", type);
    }
    return !r.failed || corrupt(p, "a number is cut off");
}

static bool print_value(struct printer *p, uint8_t type, struct str data);

static bool is_inlined(uint8_t type, bool large)
{
    return type == JSON_LITERAL || type == JSON_INT16 || type == JSON_UINT16 ||
           (large && (type == JSON_INT32 || type == JSON_UINT32));
}

static bool print_key(struct printer *p, struct reader *keys, size_t width, struct str container)
{
    size_t offset = (size_t)reader_ule(keys, width);
    size_t len = reader_u16le(keys);
    if (offset > container.len || len > container.len - offset) {
        return corrupt(p, "a key lies outside its object");
    }
    if (!print_string(p, (struct str){container.ptr + offset, len})) {
        return false;
    }
    buf_put_cstr(p->out, ": ");
    return true;
}

static bool print_element(struct printer *p, struct reader *values, bool large,
                          struct str container)
{
    size_t width = large ? 4 : 2;
    uint8_t type = reader_u8(values);
    struct str field = reader_bytes(values, width);
    if (is_inlined(type, large)) {
        return print_value(p, type, field);
    }
    struct reader r = reader_over(field, "binary JSON");
    size_t offset = (size_t)reader_ule(&r, width);
    if (offset >= container.len) {
        return corrupt(p, "a value lies outside its container");
    }
    return print_value(p, type, str_slice(container, offset, container.len));
}

static bool print_container(struct printer *p, uint8_t type, struct str data)
{
    bool object = type == JSON_SMALL_OBJECT || type == JSON_LARGE_OBJECT;
    bool large = type == JSON_LARGE_OBJECT || type == JSON_LARGE_ARRAY;
    size_t width = large ? 4 : 2;
    struct reader head = reader_over(data, "binary JSON");
    uint64_t count = reader_ule(&head, width);
    uint64_t size = reader_ule(&head, width);
    if (head.failed || size > data.len) {
        return corrupt(p, "a container is cut off");
    }
    data.len = (size_t)size;
    size_t key_bytes = object ? width + 2 : 0;
    if (size < 2 * width || count > (size - 2 * width) / (key_bytes + 1 + width)) {
        return corrupt(p, "a container has more elements than bytes");
    }
    struct reader keys = reader_over(data, "binary JSON");
    reader_skip(&keys, 2 * width);
    struct reader values = keys;
    reader_skip(&values, (size_t)count * key_bytes);

    buf_put_byte(p->out, object ? '{' : '[');
    for (uint64_t i = 0; i < count; i++) {
        if (i > 0) {
            buf_put_cstr(p->out, ", ");
        }
        if ((object && !print_key(p, &keys, width, data)) ||
            !print_element(p, &values, large, data)) {
            return false;
        }
        if (p->out->failed) { /* offsets may repeat: only the maximum bounds the work */
            return error_set(p->err, FAIL_LIMIT, "binary JSON: its text exceeds %zu bytes",
                             p->out->max);
        }
    }
    buf_put_byte(p->out, object ? '}' : ']');
    return true;
}

static bool print_value(struct printer *p, uint8_t type, struct str data)
{
    if (type > JSON_LARGE_ARRAY) {
        return print_scalar(p, type, data);
    }
    if (p->depth == MYSQL_JSON_MAX_DEPTH) {
        return error_set(p->err, FAIL_LIMIT, "binary JSON: nested deeper than %d",
                         MYSQL_JSON_MAX_DEPTH);
    }
    p->depth++;
    bool ok = print_container(p, type, data);
    p->depth--;
    return ok;
}

bool mysql_json_print(struct str binary, enum mysql_json_dialect dialect, struct buf *out,
                      struct error *err)
{
    if (binary.len == 0) {
        buf_put_cstr(out, "null"); /* what the server reads from an empty value */
        return buf_ok(out, "JSON text", err);
    }
    struct printer p = {.out = out, .err = err, .dialect = dialect};
    return print_value(&p, (uint8_t)binary.ptr[0], str_slice(binary, 1, binary.len)) &&
           buf_ok(out, "JSON text", err);
}
