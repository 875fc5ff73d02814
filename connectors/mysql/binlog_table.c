#include "connectors/mysql/binlog_table.h"

#include <string.h>

#include "base/mem.h"
#include "base/reader.h"
#include "connectors/mysql/mysql_lenenc.h"
#include "connectors/mysql/mysql_type.h"

/* post-header: table id u48, flags u16
 * database: length u8, text, NUL; name likewise; column count lenenc, type u8 each
 * metadata: length lenenc, by type 0 to 2 bytes each; null bitmap
 * optional metadata: type u8, length lenenc, value, until the end */
enum optional_field {
    OPTIONAL_SIGNEDNESS = 1,
    OPTIONAL_DEFAULT_CHARSET = 2,
    OPTIONAL_COLUMN_CHARSET = 3,
    OPTIONAL_COLUMN_NAME = 4,
    OPTIONAL_SET_MEMBERS = 5,
    OPTIONAL_ENUM_MEMBERS = 6,
    OPTIONAL_GEOMETRY_TYPE = 7,
    OPTIONAL_SIMPLE_PRIMARY_KEY = 8,
    OPTIONAL_PRIMARY_KEY_WITH_PREFIX = 9,
    OPTIONAL_ENUM_SET_DEFAULT_CHARSET = 10,
    OPTIONAL_ENUM_SET_COLUMN_CHARSET = 11,
    OPTIONAL_VISIBILITY = 12,
    OPTIONAL_VECTOR_DIMENSIONS = 13,
};

/* The real type hides in the first byte, and so do two bits of lengths above 255, turned. */
static void read_string_meta(struct reader *r, struct binlog_column *c)
{
    uint8_t real = reader_u8(r);
    uint8_t low = reader_u8(r);
    if (real == MYSQL_WIRE_ENUM || real == MYSQL_WIRE_SET) {
        c->type = real;
        c->length_bytes = low;
        bool fits = real == MYSQL_WIRE_ENUM ? low == 1 || low == 2 : low >= 1 && low <= 8;
        if (!fits) {
            reader_fail(r);
        }
        return;
    }
    c->length = low | (((uint32_t)real & 0x30) ^ 0x30) << 4;
    real |= 0x30;
    if (real != MYSQL_WIRE_STRING) {
        reader_fail(r);
    }
    c->length_bytes = c->length > 255 ? 2 : 1;
}

static void read_meta(struct reader *r, struct binlog_column *c)
{
    switch (c->type) {
    case MYSQL_WIRE_FLOAT:
    case MYSQL_WIRE_DOUBLE: /* its size, which the type says too */
        reader_skip(r, 1);
        break;
    case MYSQL_WIRE_BLOB:
    case MYSQL_WIRE_TINY_BLOB:
    case MYSQL_WIRE_MEDIUM_BLOB:
    case MYSQL_WIRE_LONG_BLOB:
    case MYSQL_WIRE_BLOB_COMPRESSED:
    case MYSQL_WIRE_GEOMETRY:
    case MYSQL_WIRE_JSON:
    case MYSQL_WIRE_VECTOR:
        c->length_bytes = reader_u8(r);
        if (c->length_bytes < 1 || c->length_bytes > 4) {
            reader_fail(r);
        }
        break;
    case MYSQL_WIRE_TIMESTAMP2:
    case MYSQL_WIRE_DATETIME2:
    case MYSQL_WIRE_TIME2:
        c->scale = reader_u8(r);
        if (c->scale > 6) {
            reader_fail(r);
        }
        break;
    case MYSQL_WIRE_BIT: {
        uint32_t bits = reader_u8(r);
        c->length = bits + 8 * (uint32_t)reader_u8(r);
        if (bits > 7 || c->length < 1 || c->length > 64) {
            reader_fail(r);
        }
        break;
    }
    case MYSQL_WIRE_VARCHAR:
    case MYSQL_WIRE_VARCHAR_COMPRESSED:
        c->length = reader_u16le(r);
        c->length_bytes = c->length > 255 ? 2 : 1;
        break;
    case MYSQL_WIRE_NEWDECIMAL:
        c->precision = reader_u8(r);
        c->scale = reader_u8(r);
        if (c->precision < 1 || c->precision > 65 || c->scale > c->precision) {
            reader_fail(r);
        }
        break;
    case MYSQL_WIRE_STRING:
    case MYSQL_WIRE_VAR_STRING:
    case MYSQL_WIRE_ENUM:
    case MYSQL_WIRE_SET:
        read_string_meta(r, c);
        break;
    default: /* the others have none; types that nobody knows fail when planned */
        break;
    }
}

static bool is_numeric(const struct binlog_column *c)
{
    switch (c->type) {
    case MYSQL_WIRE_TINY:
    case MYSQL_WIRE_SHORT:
    case MYSQL_WIRE_INT24:
    case MYSQL_WIRE_LONG:
    case MYSQL_WIRE_LONGLONG:
    case MYSQL_WIRE_NEWDECIMAL:
    case MYSQL_WIRE_FLOAT:
    case MYSQL_WIRE_DOUBLE:
    case MYSQL_WIRE_YEAR:
        return true;
    default:
        return false;
    }
}

static bool is_text(const struct binlog_column *c)
{
    switch (c->type) {
    case MYSQL_WIRE_STRING:
    case MYSQL_WIRE_VAR_STRING:
    case MYSQL_WIRE_VARCHAR:
    case MYSQL_WIRE_VARCHAR_COMPRESSED:
    case MYSQL_WIRE_BLOB:
    case MYSQL_WIRE_TINY_BLOB:
    case MYSQL_WIRE_MEDIUM_BLOB:
    case MYSQL_WIRE_LONG_BLOB:
    case MYSQL_WIRE_BLOB_COMPRESSED:
        return true;
    default:
        return false;
    }
}

static bool is_enum(const struct binlog_column *c)
{
    return c->type == MYSQL_WIRE_ENUM;
}

static bool is_set(const struct binlog_column *c)
{
    return c->type == MYSQL_WIRE_SET;
}

static bool is_enum_or_set(const struct binlog_column *c)
{
    return is_enum(c) || is_set(c);
}

static bool is_vector(const struct binlog_column *c)
{
    return c->type == MYSQL_WIRE_VECTOR;
}

static bool is_any(const struct binlog_column *c)
{
    (void)c;
    return true;
}

typedef bool column_kind(const struct binlog_column *c);

/* The next column of a kind from *at on, or NULL. */
static struct binlog_column *next_column(struct binlog_table *t, column_kind *kind, size_t *at)
{
    while (*at < t->column_count) {
        struct binlog_column *c = &t->columns[(*at)++];
        if (kind(c)) {
            return c;
        }
    }
    return NULL;
}

/* One bit per column of the kind, highest bit first; more bits than columns are padding. */
static bool bit_at(struct str bits, size_t i)
{
    return i / 8 < bits.len && ((unsigned char)bits.ptr[i / 8] >> (7 - i % 8) & 1) != 0;
}

static void read_signedness(struct str bits, struct binlog_table *t)
{
    size_t at = 0;
    struct binlog_column *c = NULL;
    for (size_t i = 0; (c = next_column(t, is_numeric, &at)) != NULL; i++) {
        c->is_unsigned = bit_at(bits, i);
    }
}

static void read_visibility(struct str bits, struct binlog_table *t)
{
    for (size_t i = 0; i < t->column_count; i++) {
        t->columns[i].invisible = !bit_at(bits, i);
    }
}

/* A default collation, then pairs of index (among columns of the kind) and collation. */
static void read_default_charset(struct reader *r, struct binlog_table *t, column_kind *kind)
{
    uint64_t collation = mysql_lenenc(r);
    size_t at = 0;
    struct binlog_column *c = NULL;
    while ((c = next_column(t, kind, &at)) != NULL) {
        c->collation = (uint32_t)collation;
    }
    at = 0;
    uint64_t seen = 0;
    while (r->rest.len > 0 && !r->failed) { /* indexes ascend */
        uint64_t index = mysql_lenenc(r);
        uint64_t other = mysql_lenenc(r);
        do {
            c = next_column(t, kind, &at);
        } while (c != NULL && seen++ < index);
        if (c == NULL) {
            reader_fail(r);
            return;
        }
        c->collation = (uint32_t)other;
    }
}

/* One lenenc integer for each column of the kind. */
static void read_numbers(struct reader *r, struct binlog_table *t, column_kind *kind, bool length)
{
    size_t at = 0;
    while (r->rest.len > 0 && !r->failed) {
        struct binlog_column *c = next_column(t, kind, &at);
        uint64_t v = mysql_lenenc(r);
        if (c == NULL || v > UINT32_MAX) {
            reader_fail(r);
            return;
        }
        if (length) {
            c->length = (uint32_t)v;
        } else {
            c->collation = (uint32_t)v;
        }
    }
}

static void read_names(struct reader *r, struct binlog_table *t)
{
    size_t at = 0;
    while (r->rest.len > 0 && !r->failed) {
        struct binlog_column *c = next_column(t, is_any, &at);
        struct str name = mysql_lenenc_str(r);
        if (c == NULL) {
            reader_fail(r);
            return;
        }
        c->name = name;
    }
}

static void read_members(struct reader *r, struct binlog_table *t, column_kind *kind,
                         struct arena *arena)
{
    size_t at = 0;
    while (r->rest.len > 0 && !r->failed) {
        struct binlog_column *c = next_column(t, kind, &at);
        size_t count = reader_count(r, mysql_lenenc(r), 1);
        if (c == NULL) {
            reader_fail(r);
            return;
        }
        c->members = ARENA_ARRAY(arena, struct str, count);
        c->member_count = (uint32_t)count;
        for (size_t i = 0; i < count; i++) {
            c->members[i] = mysql_lenenc_str(r);
        }
    }
}

static void read_primary_key(struct reader *r, struct binlog_table *t, bool prefixes)
{
    while (r->rest.len > 0 && !r->failed) {
        uint64_t index = mysql_lenenc(r);
        if (prefixes) {
            (void)mysql_lenenc(r);
        }
        if (index >= t->column_count) {
            reader_fail(r);
            return;
        }
        t->columns[index].in_primary_key = true;
    }
}

static void read_optional(uint8_t type, struct reader *r, struct binlog_table *t,
                          struct arena *arena)
{
    switch (type) {
    case OPTIONAL_SIGNEDNESS:
        read_signedness(reader_bytes(r, r->rest.len), t);
        t->has |= BINLOG_HAS_SIGNEDNESS;
        break;
    case OPTIONAL_DEFAULT_CHARSET:
        read_default_charset(r, t, is_text);
        t->has |= BINLOG_HAS_CHARSETS;
        break;
    case OPTIONAL_COLUMN_CHARSET:
        read_numbers(r, t, is_text, false);
        t->has |= BINLOG_HAS_CHARSETS;
        break;
    case OPTIONAL_COLUMN_NAME:
        read_names(r, t);
        t->has |= BINLOG_HAS_NAMES;
        break;
    case OPTIONAL_SET_MEMBERS:
        read_members(r, t, is_set, arena);
        t->has |= BINLOG_HAS_SET_MEMBERS;
        break;
    case OPTIONAL_ENUM_MEMBERS:
        read_members(r, t, is_enum, arena);
        t->has |= BINLOG_HAS_ENUM_MEMBERS;
        break;
    case OPTIONAL_SIMPLE_PRIMARY_KEY:
    case OPTIONAL_PRIMARY_KEY_WITH_PREFIX:
        read_primary_key(r, t, type == OPTIONAL_PRIMARY_KEY_WITH_PREFIX);
        t->has |= BINLOG_HAS_PRIMARY_KEY;
        break;
    case OPTIONAL_ENUM_SET_DEFAULT_CHARSET:
        read_default_charset(r, t, is_enum_or_set);
        t->has |= BINLOG_HAS_ENUM_SET_CHARSETS;
        break;
    case OPTIONAL_ENUM_SET_COLUMN_CHARSET:
        read_numbers(r, t, is_enum_or_set, false);
        t->has |= BINLOG_HAS_ENUM_SET_CHARSETS;
        break;
    case OPTIONAL_VISIBILITY:
        read_visibility(reader_bytes(r, r->rest.len), t);
        t->has |= BINLOG_HAS_VISIBILITY;
        break;
    case OPTIONAL_VECTOR_DIMENSIONS:
        read_numbers(r, t, is_vector, true);
        break;
    default: /* geometry types and fields to come: each says its own length */
        reader_skip(r, r->rest.len);
    }
}

static bool read_optionals(struct reader *r, struct binlog_table *t, struct arena *arena,
                           struct error *err)
{
    while (r->rest.len > 0 && !r->failed) {
        uint8_t type = reader_u8(r);
        struct str value = mysql_lenenc_str(r);
        struct reader field = reader_over(value, "TABLE_MAP event's optional metadata");
        if (!r->failed) {
            read_optional(type, &field, t, arena);
        }
        if (!reader_end(&field, err)) {
            return error_in(err, "field %u", type);
        }
    }
    return true;
}

static struct reader open_map(const struct binlog_format *f, const struct binlog_event *e,
                              struct binlog_table *t)
{
    struct reader r = reader_over(e->body, "TABLE_MAP event");
    uint8_t post_header = f->post_header_bytes[BINLOG_TABLE_MAP];
    t->id = reader_ule(&r, 6);
    t->flags = reader_u16le(&r);
    if (post_header == 6) { /* 4-byte table ids of a 5.1 alpha */
        reader_fail(&r);
    }
    reader_skip(&r, post_header > 8 ? (size_t)post_header - 8 : 0);
    t->shape = r.rest;
    size_t len = reader_u8(&r);
    t->database = reader_bytes(&r, len);
    reader_skip(&r, 1);
    len = reader_u8(&r);
    t->name = reader_bytes(&r, len);
    reader_skip(&r, 1);
    return r;
}

bool binlog_table_peek(const struct binlog_format *f, const struct binlog_event *e,
                       struct binlog_table *out, struct error *err)
{
    struct binlog_table t = {0};
    struct reader r = open_map(f, e, &t);
    if (!reader_ok(&r, err)) {
        return false;
    }
    *out = t;
    return true;
}

bool binlog_table_read(const struct binlog_format *f, const struct binlog_event *e,
                       struct arena *arena, struct binlog_table *out, struct error *err)
{
    struct binlog_table t = {0};
    struct reader r = open_map(f, e, &t);
    t.column_count = reader_count(&r, mysql_lenenc(&r), 1);
    struct str types = reader_bytes(&r, t.column_count);
    struct str metas = mysql_lenenc_str(&r);
    struct str nulls = reader_bytes(&r, (t.column_count + 7) / 8);
    if (!reader_ok(&r, err)) {
        return false;
    }
    t.columns = ARENA_ARRAY(arena, struct binlog_column, t.column_count);
    struct reader meta = reader_over(metas, "TABLE_MAP event's column metadata");
    for (size_t i = 0; i < t.column_count; i++) {
        struct binlog_column *c = &t.columns[i];
        c->type = (uint8_t)types.ptr[i];
        c->nullable = ((unsigned char)nulls.ptr[i / 8] >> i % 8 & 1) != 0;
        read_meta(&meta, c);
    }
    if (!reader_end(&meta, err) || !read_optionals(&r, &t, arena, err) || !reader_ok(&r, err)) {
        return error_in(err, "%.*s.%.*s", STR_FMT(t.database), STR_FMT(t.name));
    }
    *out = t;
    return true;
}
