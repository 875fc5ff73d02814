#include "connectors/mysql/mysql_chunk.h"

#include <string.h>

#include "base/mem.h"
#include "base/reader.h"
#include "connectors/mysql/mysql_type.h"

#define MAX_ID_BYTES ((size_t)1 << 20) /* keys have at most 3072 bytes a column */

/* ---- numbers ---- */

static struct str le_bytes(uint64_t v, struct arena *arena)
{
    char *p = arena_alloc(arena, 8);
    memcpy(p, &v, 8);
    return (struct str){p, 8};
}

static uint64_t le_value(struct str bytes)
{
    uint64_t v = 0;
    memcpy(&v, bytes.ptr, bytes.len < 8 ? bytes.len : 8);
    return v;
}

struct mysql_bound mysql_chunk_number(int128 value, bool is_unsigned, struct arena *arena)
{
    struct mysql_bound b = {1, ARENA_ARRAY(arena, struct mysql_param, 1)};
    b.values[0] =
        (struct mysql_param){MYSQL_WIRE_LONGLONG, is_unsigned, le_bytes((uint64_t)value, arena)};
    return b;
}

bool mysql_chunk_as_number(const struct mysql_bound *b, int128 *out)
{
    if (b->count != 1 || b->values[0].type != MYSQL_WIRE_LONGLONG) {
        return false;
    }
    uint64_t v = le_value(b->values[0].bytes);
    *out = b->values[0].is_unsigned ? (int128)v : (int128)(int64_t)v;
    return true;
}

static size_t whole_bytes(uint8_t type)
{
    switch (type) {
    case MYSQL_WIRE_TINY:
        return 1;
    case MYSQL_WIRE_SHORT:
    case MYSQL_WIRE_YEAR:
        return 2;
    case MYSQL_WIRE_LONG:
    case MYSQL_WIRE_INT24:
        return 4;
    case MYSQL_WIRE_LONGLONG:
        return 8;
    default:
        return 0;
    }
}

static uint64_t sign_extend(uint64_t v, size_t bytes)
{
    unsigned shift = (unsigned)(64 - 8 * bytes);
    return shift == 0 ? v : (uint64_t)((int64_t)(v << shift) >> shift);
}

/* Text goes back as text and is compared under the column's collation; bytes as a blob, or the
 * server would take them for utf8mb4. */
static uint8_t param_type(enum mysql_class class, uint8_t wire)
{
    switch (class) {
    case MYSQL_CLASS_BINARY:
    case MYSQL_CLASS_VARBINARY:
    case MYSQL_CLASS_BLOB:
    case MYSQL_CLASS_VECTOR:
        return MYSQL_WIRE_BLOB;
    case MYSQL_CLASS_CHAR:
    case MYSQL_CLASS_VARCHAR:
    case MYSQL_CLASS_TEXT:
    case MYSQL_CLASS_JSON:
    case MYSQL_CLASS_UUID:
    case MYSQL_CLASS_INET4:
    case MYSQL_CLASS_INET6:
        return MYSQL_WIRE_VAR_STRING;
    case MYSQL_CLASS_TINY:
    case MYSQL_CLASS_SHORT:
    case MYSQL_CLASS_MEDIUM:
    case MYSQL_CLASS_INT:
    case MYSQL_CLASS_BIGINT:
    case MYSQL_CLASS_FLOAT:
    case MYSQL_CLASS_DOUBLE:
    case MYSQL_CLASS_DECIMAL:
    case MYSQL_CLASS_BIT:
    case MYSQL_CLASS_YEAR:
    case MYSQL_CLASS_DATE:
    case MYSQL_CLASS_TIME:
    case MYSQL_CLASS_DATETIME:
    case MYSQL_CLASS_TIMESTAMP:
    case MYSQL_CLASS_ENUM:
    case MYSQL_CLASS_SET:
        return wire;
    }
    return wire;
}

bool mysql_chunk_bound(const struct mysql_table *table, const struct mysql_column_info *columns,
                       struct str packet, struct arena *arena, struct mysql_bound *out,
                       struct error *err)
{
    size_t n = table->key_count;
    struct mysql_bound b = {n, ARENA_ARRAY(arena, struct mysql_param, n)};
    struct reader r = reader_over(packet, "key row");
    reader_skip(&r, 1 + (n + 2 + 7) / 8); /* 0x00 and the null bitmap: keys are never null */
    for (size_t i = 0; i < n; i++) {
        struct str bytes;
        uint8_t type = columns[i].type;
        bool is_unsigned = (columns[i].flags & 32) != 0;
        if (!mysql_statement_value(&r, type, &bytes)) {
            break;
        }
        size_t whole = whole_bytes(type);
        if (whole > 0) {
            uint64_t v = le_value(bytes);
            v = is_unsigned ? v : sign_extend(v, whole);
            b.values[i] =
                (struct mysql_param){MYSQL_WIRE_LONGLONG, is_unsigned, le_bytes(v, arena)};
        } else {
            b.values[i] =
                (struct mysql_param){param_type(table->columns[table->key[i]].class, type), false,
                                     arena_str(arena, bytes)};
        }
    }
    if (!reader_end(&r, err)) {
        return error_in(err, "%.*s.%.*s", STR_FMT(table->database), STR_FMT(table->name));
    }
    *out = b;
    return true;
}

/* ---- text ---- */

static void print_value(const struct mysql_param *v, struct buf *out)
{
    static const char digits[] = "0123456789abcdef";
    if (v->type == MYSQL_WIRE_LONGLONG) {
        uint64_t n = le_value(v->bytes);
        if (v->is_unsigned) {
            buf_printf(out, "u%llu", (unsigned long long)n);
        } else {
            buf_printf(out, "i%lld", (long long)(int64_t)n);
        }
        return;
    }
    buf_printf(out, "t%u:", v->type);
    for (size_t i = 0; i < v->bytes.len; i++) {
        uint8_t c = (uint8_t)v->bytes.ptr[i];
        buf_put_byte(out, (uint8_t)digits[c >> 4]);
        buf_put_byte(out, (uint8_t)digits[c & 15]);
    }
}

static void print_bound(const struct mysql_bound *b, struct buf *out)
{
    for (size_t i = 0; i < b->count; i++) {
        if (i > 0) {
            buf_put_byte(out, ',');
        }
        print_value(&b->values[i], out);
    }
}

struct str mysql_chunk_print(const struct mysql_range *range, struct arena *arena)
{
    struct buf b = BUF_INIT(MAX_ID_BYTES);
    print_bound(&range->low, &b);
    buf_put_cstr(&b, "..");
    print_bound(&range->high, &b);
    must(!b.failed);
    struct str id = arena_str(arena, buf_str(&b));
    buf_release(&b);
    return id;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_hex(struct str hex, struct arena *arena, struct str *out)
{
    if (hex.len % 2 != 0) {
        return false;
    }
    char *p = arena_alloc(arena, hex.len / 2 + 1);
    for (size_t i = 0; i < hex.len; i += 2) {
        int high = hex_digit(hex.ptr[i]);
        int low = hex_digit(hex.ptr[i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        p[i / 2] = (char)(high << 4 | low);
    }
    *out = (struct str){p, hex.len / 2};
    return true;
}

static bool parse_value(struct str text, struct arena *arena, struct mysql_param *out)
{
    int64_t i;
    uint64_t u;
    struct str rest = str_slice(text, 1, text.len);
    if (text.len == 0) {
        return false;
    }
    if (text.ptr[0] == 'i' && str_to_i64(rest, &i)) {
        *out = (struct mysql_param){MYSQL_WIRE_LONGLONG, false, le_bytes((uint64_t)i, arena)};
        return true;
    }
    if (text.ptr[0] == 'u' && str_to_u64(rest, &u)) {
        *out = (struct mysql_param){MYSQL_WIRE_LONGLONG, true, le_bytes(u, arena)};
        return true;
    }
    size_t colon = str_find(rest, ':');
    if (text.ptr[0] != 't' || colon == rest.len || !str_to_u64(str_slice(rest, 0, colon), &u) ||
        u > 255 || !parse_hex(str_slice(rest, colon + 1, rest.len), arena, &out->bytes)) {
        return false;
    }
    out->type = (uint8_t)u;
    out->is_unsigned = false;
    /* the bytes must be one whole value of their type, or the server reads past them */
    struct reader r = reader_over(out->bytes, "bound");
    struct str whole;
    return whole_bytes(out->type) == 0 && mysql_statement_value(&r, out->type, &whole) &&
           whole.len == out->bytes.len;
}

static bool parse_bound(struct str text, const struct mysql_table *table, struct arena *arena,
                        struct mysql_bound *out)
{
    struct mysql_bound b = {0, ARENA_ARRAY(arena, struct mysql_param, table->key_count)};
    struct str value;
    if (text.len == 0) {
        *out = (struct mysql_bound){0};
        return true;
    }
    while (str_next(&text, ',', &value)) {
        if (b.count == table->key_count || !parse_value(value, arena, &b.values[b.count])) {
            return false;
        }
        b.count++;
    }
    *out = b;
    return b.count == table->key_count;
}

static size_t find_dots(struct str id)
{
    for (size_t i = 0; i + 1 < id.len; i++) {
        if (id.ptr[i] == '.' && id.ptr[i + 1] == '.') {
            return i;
        }
    }
    return id.len;
}

bool mysql_chunk_parse(struct str id, const struct mysql_table *table, struct arena *arena,
                       struct mysql_range *out, struct error *err)
{
    struct mysql_range range = {0};
    size_t dots = find_dots(id);
    if (id.len > MAX_ID_BYTES || dots == id.len ||
        !parse_bound(str_slice(id, 0, dots), table, arena, &range.low) ||
        !parse_bound(str_slice(id, dots + 2, id.len), table, arena, &range.high)) {
        return error_set(err, FAIL_CORRUPT,
                         "%.*s.%.*s: '%.*s' is no key range of this table: was its primary key "
                         "changed? To copy the table anew, drop the lake's and start again",
                         STR_FMT(table->database), STR_FMT(table->name),
                         (int)(id.len > 100 ? 100 : id.len), id.ptr);
    }
    *out = range;
    return true;
}

/* ---- SQL ---- */

static const struct mysql_column *key_column(const struct mysql_table *t, size_t i)
{
    return &t->columns[t->key[i]];
}

/* ENUM and SET sort by number but would compare with a text as text. */
static bool by_number(const struct mysql_column *c)
{
    return c->class == MYSQL_CLASS_ENUM || c->class == MYSQL_CLASS_SET;
}

static void put_cast(const struct mysql_column *c, struct buf *sql)
{
    buf_put_cstr(sql, "CAST(");
    mysql_catalog_put_name(sql, c->name);
    buf_put_cstr(sql, " AS UNSIGNED)");
}

static void put_compared(const struct mysql_column *c, struct buf *sql)
{
    if (by_number(c)) {
        put_cast(c, sql);
    } else {
        mysql_catalog_put_name(sql, c->name);
    }
}

void mysql_chunk_put_key(const struct mysql_table *table, struct buf *sql)
{
    for (size_t i = 0; i < table->key_count; i++) {
        const struct mysql_column *c = key_column(table, i);
        if (i > 0) {
            buf_put_cstr(sql, ", ");
        }
        if (by_number(c) || c->class == MYSQL_CLASS_BIT) {
            put_cast(c, sql);
        } else {
            mysql_catalog_put_name(sql, c->name);
        }
    }
}

void mysql_chunk_put_order(const struct mysql_table *table, bool down, struct buf *sql)
{
    for (size_t i = 0; i < table->key_count; i++) {
        buf_put_cstr(sql, i == 0 ? " ORDER BY " : ", ");
        mysql_catalog_put_name(sql, key_column(table, i)->name);
        buf_put_cstr(sql, down ? " DESC" : "");
    }
}

/* a >= ? AND (a > ? OR (a = ? AND (b > ? OR (b = ? AND c > ?)))): row comparison as the range
 * optimizer understands it; the first term helps those versions that give up on the rest. */
static void put_side(const struct mysql_table *t, const char *strict, const char *last,
                     const char *loose, struct buf *sql)
{
    size_t n = t->key_count;
    if (n > 1) {
        put_compared(key_column(t, 0), sql);
        buf_put_cstr(sql, loose);
        buf_put_cstr(sql, " AND ");
    }
    for (size_t i = 0; i < n; i++) {
        const struct mysql_column *c = key_column(t, i);
        if (i + 1 < n) {
            buf_put_byte(sql, '(');
            put_compared(c, sql);
            buf_put_cstr(sql, strict);
            buf_put_cstr(sql, " OR (");
            put_compared(c, sql);
            buf_put_cstr(sql, " = ? AND ");
        } else {
            put_compared(c, sql);
            buf_put_cstr(sql, last);
        }
    }
    for (size_t i = 1; i < n; i++) {
        buf_put_cstr(sql, "))");
    }
}

void mysql_chunk_put_from(const struct mysql_table *table, const struct mysql_range *range,
                          struct buf *sql)
{
    mysql_catalog_put_name(sql, table->database);
    buf_put_byte(sql, '.');
    mysql_catalog_put_name(sql, table->name);
    buf_put_cstr(sql, " FORCE INDEX (PRIMARY)");
    if (range->low.count > 0) {
        buf_put_cstr(sql, " WHERE ");
        put_side(table, " > ?", " > ?", " >= ?", sql);
    }
    if (range->high.count > 0) {
        buf_put_cstr(sql, range->low.count > 0 ? " AND " : " WHERE ");
        put_side(table, " < ?", " <= ?", " <= ?", sql);
    }
}

static size_t side_params(const struct mysql_bound *b, struct mysql_param *out)
{
    size_t n = 0;
    if (b->count > 1) {
        out[n++] = b->values[0];
    }
    for (size_t i = 0; i < b->count; i++) {
        out[n++] = b->values[i];
        if (i + 1 < b->count) {
            out[n++] = b->values[i];
        }
    }
    return n;
}

size_t mysql_chunk_params(const struct mysql_range *range, struct arena *arena,
                          struct mysql_param **out)
{
    size_t most = 2 * (range->low.count + range->high.count) + 2;
    struct mysql_param *params = ARENA_ARRAY(arena, struct mysql_param, most);
    size_t n = side_params(&range->low, params);
    n += side_params(&range->high, params + n);
    *out = params;
    return n;
}
