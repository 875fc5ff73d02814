/* connectors/mysql/binlog_table.h: TABLE_MAP: which table the rows that follow belong to, and how
 * their columns are coded. Valid until the end of the statement group: ids are reused.
 * Layout: MySQL's libs/mysql/binlog/event/rows_event.h, class Table_map_event. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/str.h"
#include "connectors/mysql/binlog.h"

/* Optional metadata that came with the event (binlog_row_metadata). */
enum binlog_table_has {
    BINLOG_HAS_SIGNEDNESS = 1,
    BINLOG_HAS_CHARSETS = 2, /* of text columns */
    BINLOG_HAS_NAMES = 4,
    BINLOG_HAS_SET_MEMBERS = 8,
    BINLOG_HAS_ENUM_MEMBERS = 16,
    BINLOG_HAS_ENUM_SET_CHARSETS = 32,
    BINLOG_HAS_PRIMARY_KEY = 64,
    BINLOG_HAS_VISIBILITY = 128,
};

struct binlog_column {
    uint8_t type; /* enum mysql_type; ENUM and SET already told from STRING */
    uint8_t
        length_bytes; /* VARCHAR, STRING: 1 or 2; BLOB and its kind: 1…4; ENUM: 1, 2; SET: 1…8 */
    bool nullable;
    bool is_unsigned;
    bool invisible;
    bool in_primary_key;
    uint8_t precision;   /* NEWDECIMAL */
    uint8_t scale;       /* NEWDECIMAL; fraction digits of TIME2, DATETIME2, TIMESTAMP2 */
    uint32_t length;     /* VARCHAR, STRING: most bytes; BIT: bits; VECTOR: dimensions, 0 unknown */
    uint32_t collation;  /* 0: not sent */
    struct str name;     /* ptr NULL: not sent */
    struct str *members; /* ENUM, SET; in the column's own charset; NULL: not sent */
    uint32_t member_count;
};

struct binlog_table {
    uint64_t id;
    uint16_t flags;
    struct str database, name;
    struct str shape; /* all bytes after id and flags: equal bytes describe rows of one table alike,
                         so a plan made for one map serves every map of the same shape */
    struct binlog_column *columns; /* arena */
    size_t column_count;
    unsigned has; /* enum binlog_table_has */
};

/* The columns lie in the arena, texts are slices of the event. */
MUST_USE bool binlog_table_read(const struct binlog_format *f, const struct binlog_event *e,
                                struct arena *arena, struct binlog_table *out, struct error *err);
/* Only id, flags, database, name and shape: enough to decide that nobody wants the table's rows. */
MUST_USE bool binlog_table_peek(const struct binlog_format *f, const struct binlog_event *e,
                                struct binlog_table *out, struct error *err);
