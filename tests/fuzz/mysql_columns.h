/* tests/fuzz/mysql_columns.h: columns that a TABLE_MAP fits, made from the map itself: so that fuzz
 * targets and benchmarks get at the row decoder without a catalog. */
#pragma once

#include "base/arena.h"
#include "base/mem.h"
#include "connectors/mysql/binlog_table.h"
#include "connectors/mysql/mysql_charset.h"
#include "connectors/mysql/mysql_column.h"
#include "connectors/mysql/mysql_type.h"

static inline void mysql_columns_text(const struct binlog_column *m, struct mysql_column *c,
                                      bool has_charsets)
{
    c->charset = has_charsets ? mysql_charset_by_collation(m->collation) : NULL;
    c->octets = m->length;
    if (c->charset == NULL) {
        c->charset = mysql_charset_by_name(STR("utf8mb4"));
    }
    if (c->charset->kind == MYSQL_CHARSET_BINARY) {
        c->charset = NULL;
    }
    c->length = c->charset == NULL ? m->length : m->length / c->charset->max_bytes;
}

static inline void mysql_columns_members(const struct binlog_column *m, struct mysql_column *c,
                                         struct arena *arena)
{
    uint32_t count = c->class == MYSQL_CLASS_SET ? 8u * m->length_bytes
                     : m->length_bytes == 1      ? 255
                                                 : 300;
    if (m->members != NULL) {
        count = m->member_count;
    }
    struct str *members = ARENA_ARRAY(arena, struct str, count);
    for (uint32_t i = 0; i < count; i++) {
        members[i] = m->members != NULL ? m->members[i] : STR("m");
    }
    c->members = members;
    c->member_count = count;
}

static inline enum mysql_class mysql_columns_class(const struct binlog_column *m, bool text)
{
    switch (m->type) {
    case MYSQL_WIRE_TINY:
        return MYSQL_CLASS_TINY;
    case MYSQL_WIRE_SHORT:
        return MYSQL_CLASS_SHORT;
    case MYSQL_WIRE_INT24:
        return MYSQL_CLASS_MEDIUM;
    case MYSQL_WIRE_LONG:
        return MYSQL_CLASS_INT;
    case MYSQL_WIRE_LONGLONG:
        return MYSQL_CLASS_BIGINT;
    case MYSQL_WIRE_FLOAT:
        return MYSQL_CLASS_FLOAT;
    case MYSQL_WIRE_DOUBLE:
        return MYSQL_CLASS_DOUBLE;
    case MYSQL_WIRE_NEWDECIMAL:
        return MYSQL_CLASS_DECIMAL;
    case MYSQL_WIRE_BIT:
        return MYSQL_CLASS_BIT;
    case MYSQL_WIRE_YEAR:
        return MYSQL_CLASS_YEAR;
    case MYSQL_WIRE_DATE:
    case MYSQL_WIRE_NEWDATE:
        return MYSQL_CLASS_DATE;
    case MYSQL_WIRE_TIME:
    case MYSQL_WIRE_TIME2:
        return MYSQL_CLASS_TIME;
    case MYSQL_WIRE_DATETIME:
    case MYSQL_WIRE_DATETIME2:
        return MYSQL_CLASS_DATETIME;
    case MYSQL_WIRE_TIMESTAMP:
    case MYSQL_WIRE_TIMESTAMP2:
        return MYSQL_CLASS_TIMESTAMP;
    case MYSQL_WIRE_ENUM:
        return MYSQL_CLASS_ENUM;
    case MYSQL_WIRE_SET:
        return MYSQL_CLASS_SET;
    case MYSQL_WIRE_JSON:
        return MYSQL_CLASS_JSON;
    case MYSQL_WIRE_VECTOR:
        return MYSQL_CLASS_VECTOR;
    case MYSQL_WIRE_STRING:
        return text ? MYSQL_CLASS_CHAR : m->length == 16 ? MYSQL_CLASS_INET6 : MYSQL_CLASS_BINARY;
    case MYSQL_WIRE_VARCHAR:
    case MYSQL_WIRE_VARCHAR_COMPRESSED:
        return text ? MYSQL_CLASS_VARCHAR : MYSQL_CLASS_VARBINARY;
    default:
        return text ? MYSQL_CLASS_TEXT : MYSQL_CLASS_BLOB;
    }
}

/* Columns of a map, in the arena. Types that have no class are blobs, which do not match. */
static inline struct mysql_column *mysql_columns_of(const struct binlog_table *map,
                                                    struct arena *arena)
{
    static const uint64_t blob_octets[5] = {0, 255, 65535, 16777215, UINT32_MAX};
    struct mysql_column *columns = ARENA_ARRAY(arena, struct mysql_column, map->column_count);
    for (size_t i = 0; i < map->column_count; i++) {
        const struct binlog_column *m = &map->columns[i];
        struct mysql_column *c = &columns[i];
        bool member = m->type == MYSQL_WIRE_ENUM || m->type == MYSQL_WIRE_SET;
        bool string = m->type == MYSQL_WIRE_STRING || m->type == MYSQL_WIRE_VARCHAR ||
                      m->type == MYSQL_WIRE_BLOB || m->type == MYSQL_WIRE_BLOB_COMPRESSED ||
                      m->type == MYSQL_WIRE_VARCHAR_COMPRESSED;
        *c = (struct mysql_column){.name = m->name.ptr == NULL ? STR("c") : m->name,
                                   .declared = STR("made from the map"),
                                   .nullable = m->nullable,
                                   .is_unsigned = m->is_unsigned,
                                   .precision = m->precision,
                                   .scale = m->scale,
                                   .fraction_digits = m->scale,
                                   .length = m->length,
                                   .octets = m->length};
        if (string || member) {
            unsigned has = member ? BINLOG_HAS_ENUM_SET_CHARSETS : BINLOG_HAS_CHARSETS;
            mysql_columns_text(m, c, (map->has & has) != 0);
        }
        c->class = mysql_columns_class(m, c->charset != NULL);
        c->compressed =
            m->type == MYSQL_WIRE_VARCHAR_COMPRESSED || m->type == MYSQL_WIRE_BLOB_COMPRESSED;
        if (m->type == MYSQL_WIRE_VARCHAR_COMPRESSED && c->octets > 0) {
            c->octets--; /* one more byte than a plain value: the head */
        }
        if (c->class == MYSQL_CLASS_TEXT || c->class == MYSQL_CLASS_BLOB) {
            c->octets = m->length_bytes < 5 ? blob_octets[m->length_bytes] : 0;
        }
        if (member) {
            mysql_columns_members(m, c, arena);
        }
        c->type.nullable = c->nullable;
        c->type.kind = TYPE_VARCHAR; /* the decoders ask it of TINYINT and TIME alone */
        if (c->class == MYSQL_CLASS_TIME) {
            c->type.kind = TYPE_TIME;
            c->type.precision = m->scale < 3 ? m->scale : 3;
        }
    }
    return columns;
}
