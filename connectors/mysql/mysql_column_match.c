/* Whether a TABLE_MAP fits the columns; declared in mysql_column.h. */
#include "connectors/mysql/mysql_column.h"

#include <stdio.h>
#include <string.h>

#include "connectors/mysql/mysql_type.h"

static bool differs(const struct mysql_column *c, const char *what, struct error *err)
{
    return error_set(err, FAIL_SCHEMA,
                     "column `%.*s` is %.*s in the catalog, but the log has it as %s: the table "
                     "was altered",
                     STR_FMT(c->name), (int)(c->declared.len < 100 ? c->declared.len : 100),
                     c->declared.ptr, what);
}

static bool differs_length(const struct mysql_column *c, const struct binlog_column *m,
                           struct error *err)
{
    char what[80];
    (void)snprintf(what, sizeof(what), "%s of %u", mysql_type_name(m->type), m->length);
    return differs(c, what, err);
}

static bool differs_type(const struct mysql_column *c, const struct binlog_column *m,
                         struct error *err)
{
    char what[40];
    const char *name = mysql_type_name(m->type);
    (void)snprintf(what, sizeof(what), "type %u", m->type);
    return differs(c, name == NULL ? what : name, err);
}

static bool match_simple(const struct mysql_column *c, const struct binlog_column *m, uint8_t type,
                         struct error *err)
{
    return m->type == type || differs_type(c, m, err);
}

static bool match_string(const struct mysql_column *c, const struct binlog_column *m, uint8_t type,
                         uint64_t octets, struct error *err)
{
    if (c->compressed && m->type == MYSQL_WIRE_VARCHAR_COMPRESSED) {
        return m->length == octets + 1 || differs_length(c, m, err);
    }
    if (m->type != type) {
        return differs_type(c, m, err);
    }
    return m->length == octets || differs_length(c, m, err);
}

static bool match_blob(const struct mysql_column *c, const struct binlog_column *m,
                       struct error *err)
{
    if (m->type != MYSQL_WIRE_BLOB && !(c->compressed && m->type == MYSQL_WIRE_BLOB_COMPRESSED)) {
        return differs_type(c, m, err);
    }
    unsigned bytes = c->octets < 1 << 8 ? 1 : c->octets < 1 << 16 ? 2 : c->octets < 1 << 24 ? 3 : 4;
    char what[80];
    (void)snprintf(what, sizeof(what), "BLOB or TEXT with lengths of %u bytes", m->length_bytes);
    return m->length_bytes == bytes || differs(c, what, err);
}

static bool match_decimal(const struct mysql_column *c, const struct binlog_column *m,
                          struct error *err)
{
    if (m->type != MYSQL_WIRE_NEWDECIMAL) {
        return differs_type(c, m, err);
    }
    char what[80];
    (void)snprintf(what, sizeof(what), "DECIMAL(%u,%u)", m->precision, m->scale);
    return (m->precision == c->precision && m->scale == c->scale) || differs(c, what, err);
}

/* Types of before 5.6 are still there in tables that were never rebuilt. They have no fraction
 * digits; MariaDB's own form of those (mysql56_temporal_format=OFF) says nothing in the log. */
static bool match_temporal(const struct mysql_column *c, const struct binlog_column *m, uint8_t now,
                           uint8_t before, struct error *err)
{
    char what[80];
    if (m->type == before && c->fraction_digits > 0) {
        return error_set(err, FAIL_SCHEMA, "column `%.*s` %.*s: %s", STR_FMT(c->name),
                         STR_FMT(c->declared),
                         "stored with fraction digits in MariaDB's old format, which the log does "
                         "not describe; set mysql56_temporal_format=ON and rebuild the table "
                         "(ALTER TABLE … FORCE)");
    }
    if (m->type != now && m->type != before) {
        return differs_type(c, m, err);
    }
    (void)snprintf(what, sizeof(what), "%s(%u)", mysql_type_name(m->type), m->scale);
    return m->type == before || m->scale == c->fraction_digits || differs(c, what, err);
}

static bool match_enum_or_set(const struct mysql_column *c, const struct binlog_column *m,
                              struct error *err)
{
    bool set = c->class == MYSQL_CLASS_SET;
    uint32_t bytes = c->member_count < 256 ? 1 : 2;
    if (set) {
        bytes = (c->member_count + 7) / 8 > 4 ? 8 : (c->member_count + 7) / 8;
    }
    if (m->type != (set ? MYSQL_WIRE_SET : MYSQL_WIRE_ENUM)) {
        return differs_type(c, m, err);
    }
    return m->length_bytes == bytes || differs(c, "one with another number of members", err);
}

static bool match_vector(const struct mysql_column *c, const struct binlog_column *m,
                         struct error *err)
{
    if (m->type == MYSQL_WIRE_VARCHAR) { /* MariaDB */
        return m->length == 4 * (uint64_t)c->length || differs_length(c, m, err);
    }
    return m->type == MYSQL_WIRE_VECTOR || differs_type(c, m, err);
}

static bool match_type(const struct mysql_column *c, const struct binlog_column *m,
                       struct error *err)
{
    switch (c->class) {
    case MYSQL_CLASS_TINY:
        return match_simple(c, m, MYSQL_WIRE_TINY, err);
    case MYSQL_CLASS_SHORT:
        return match_simple(c, m, MYSQL_WIRE_SHORT, err);
    case MYSQL_CLASS_MEDIUM:
        return match_simple(c, m, MYSQL_WIRE_INT24, err);
    case MYSQL_CLASS_INT:
        return match_simple(c, m, MYSQL_WIRE_LONG, err);
    case MYSQL_CLASS_BIGINT:
        return match_simple(c, m, MYSQL_WIRE_LONGLONG, err);
    case MYSQL_CLASS_FLOAT:
        return match_simple(c, m, MYSQL_WIRE_FLOAT, err);
    case MYSQL_CLASS_DOUBLE:
        return match_simple(c, m, MYSQL_WIRE_DOUBLE, err);
    case MYSQL_CLASS_DECIMAL:
        return match_decimal(c, m, err);
    case MYSQL_CLASS_BIT:
        return m->type != MYSQL_WIRE_BIT ? differs_type(c, m, err)
                                         : m->length == c->length || differs_length(c, m, err);
    case MYSQL_CLASS_YEAR:
        return match_simple(c, m, MYSQL_WIRE_YEAR, err);
    case MYSQL_CLASS_DATE:
        return m->type == MYSQL_WIRE_NEWDATE || match_simple(c, m, MYSQL_WIRE_DATE, err);
    case MYSQL_CLASS_TIME:
        return match_temporal(c, m, MYSQL_WIRE_TIME2, MYSQL_WIRE_TIME, err);
    case MYSQL_CLASS_DATETIME:
        return match_temporal(c, m, MYSQL_WIRE_DATETIME2, MYSQL_WIRE_DATETIME, err);
    case MYSQL_CLASS_TIMESTAMP:
        return match_temporal(c, m, MYSQL_WIRE_TIMESTAMP2, MYSQL_WIRE_TIMESTAMP, err);
    case MYSQL_CLASS_CHAR:
    case MYSQL_CLASS_BINARY:
        return match_string(c, m, MYSQL_WIRE_STRING, c->octets, err);
    case MYSQL_CLASS_VARCHAR:
    case MYSQL_CLASS_VARBINARY:
        return match_string(c, m, MYSQL_WIRE_VARCHAR, c->octets, err);
    case MYSQL_CLASS_TEXT:
    case MYSQL_CLASS_BLOB:
        return match_blob(c, m, err);
    case MYSQL_CLASS_ENUM:
    case MYSQL_CLASS_SET:
        return match_enum_or_set(c, m, err);
    case MYSQL_CLASS_JSON:
        return match_simple(c, m, MYSQL_WIRE_JSON, err);
    case MYSQL_CLASS_UUID:
    case MYSQL_CLASS_INET6:
        return match_string(c, m, MYSQL_WIRE_STRING, 16, err);
    case MYSQL_CLASS_INET4:
        return match_string(c, m, MYSQL_WIRE_STRING, 4, err);
    case MYSQL_CLASS_VECTOR:
        return match_vector(c, m, err);
    }
    return false;
}

static bool is_text_class(enum mysql_class class)
{
    return class == MYSQL_CLASS_CHAR || class == MYSQL_CLASS_VARCHAR || class == MYSQL_CLASS_TEXT ||
           class == MYSQL_CLASS_ENUM || class == MYSQL_CLASS_SET;
}

static bool match_charset(const struct mysql_column *c, const struct binlog_column *m,
                          struct error *err)
{
    char what[80];
    const struct mysql_charset *charset = mysql_charset_by_collation(m->collation);
    (void)snprintf(what, sizeof(what), "text with collation id %u, which is not known",
                   m->collation);
    if (charset == NULL) {
        return differs(c, what, err);
    }
    (void)snprintf(what, sizeof(what), "text in %s", charset->name);
    return charset == c->charset || differs(c, what, err);
}

/* Equal, where `?` in the catalog's text (utf8mb3, as MySQL keeps it) stands for any character of
 * four bytes. */
static bool member_equal(struct str catalog, struct str utf8)
{
    size_t i = 0;
    size_t k = 0;
    while (i < catalog.len && k < utf8.len) {
        if (catalog.ptr[i] == '?' && (unsigned char)utf8.ptr[k] >= 0xf0) {
            i++;
            k += 4;
        } else if (catalog.ptr[i++] != utf8.ptr[k++]) {
            return false;
        }
    }
    return i == catalog.len && k == utf8.len;
}

static bool match_members(const struct mysql_column *c, const struct binlog_column *m,
                          struct error *err)
{
    if (m->members == NULL) {
        return true;
    }
    if (m->member_count != c->member_count) {
        return differs(c, "one with another number of members", err);
    }
    struct mysql_charset_converter *converter = NULL;
    if (!mysql_charset_open(c->charset, &converter, err)) {
        return false;
    }
    struct arena arena = {0};
    bool ok = true;
    for (uint32_t i = 0; ok && i < m->member_count; i++) {
        struct str utf8;
        ok = mysql_charset_convert(converter, m->members[i], &arena, &utf8, err) &&
             (member_equal(c->members[i], utf8) || differs(c, "one with other members", err));
    }
    arena_release(&arena);
    mysql_charset_close(converter);
    return ok;
}

static bool match_column(const struct mysql_column *c, const struct binlog_column *m, unsigned has,
                         struct error *err)
{
    if ((has & BINLOG_HAS_NAMES) != 0 && !str_eq(c->name, m->name)) {
        return error_set(err, FAIL_SCHEMA,
                         "column `%.*s` of the catalog is `%.*s` in the log: the table was altered",
                         STR_FMT(c->name), STR_FMT(m->name));
    }
    if (!match_type(c, m, err)) {
        return false;
    }
    if ((has & BINLOG_HAS_SIGNEDNESS) != 0 && c->class <= MYSQL_CLASS_BIGINT &&
        m->is_unsigned != c->is_unsigned) {
        return differs(c, m->is_unsigned ? "unsigned" : "signed", err);
    }
    bool member_class = c->class == MYSQL_CLASS_ENUM || c->class == MYSQL_CLASS_SET;
    unsigned charsets = member_class ? BINLOG_HAS_ENUM_SET_CHARSETS : BINLOG_HAS_CHARSETS;
    if (is_text_class(c->class) && (has & charsets) != 0 && !match_charset(c, m, err)) {
        return false;
    }
    return !member_class || match_members(c, m, err);
}

bool mysql_column_match(const struct mysql_column *columns, size_t count,
                        const struct binlog_table *map, struct error *err)
{
    bool ok = true;
    size_t both = count < map->column_count ? count : map->column_count;
    for (size_t i = 0; ok && i < both; i++) {
        ok = match_column(&columns[i], &map->columns[i], map->has, err);
    }
    if (ok && count != map->column_count) {
        ok = error_set(err, FAIL_SCHEMA,
                       "the catalog has %zu columns, the log %zu: the table was altered", count,
                       map->column_count);
    }
    return ok || error_in(err, "table %.*s.%.*s", STR_FMT(map->database), STR_FMT(map->name));
}
