/* connectors/mysql/mysql_column.h: one column of a captured table: what the catalog says of it, its
 * type in the lake, and whether a TABLE_MAP still fits it.
 *
 * Plain data; texts live in the arena given. Both decoders (row images, result rows) are planned
 * from the same columns and give the same values: docs/type mapping, cdc-semantics §3.1. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/str.h"
#include "base/type.h"
#include "connectors/mysql/binlog_table.h"
#include "connectors/mysql/mysql_charset.h"

/* What to do with values that the lake's type cannot hold. */
enum mysql_zero_date {
    MYSQL_ZERO_DATE_NULL = 0, /* null where the column is nullable, else 1970-01-01 */
    MYSQL_ZERO_DATE_EPOCH,    /* 1970-01-01 always */
    MYSQL_ZERO_DATE_FAIL,     /* the table stops, by name */
};
enum mysql_time_range { /* a TIME below 00:00:00 or from 24:00:00 on */
                        MYSQL_TIME_RANGE_FAIL = 0,
                        MYSQL_TIME_RANGE_NULL, /* where the column is nullable, else the table stops
                                                */
                        MYSQL_TIME_RANGE_CLAMP, /* 00:00:00 or the last instant of the day */
};

struct mysql_policy {
    enum mysql_zero_date zero_date; /* also month or day 0, and days that no calendar has */
    enum mysql_time_range time_range;
    bool tinyint1_is_number; /* TINYINT(1) → TINYINT instead of BOOLEAN */
};

/* How a column's values are to be read: the declared type, reduced. */
enum mysql_class {
    MYSQL_CLASS_TINY,
    MYSQL_CLASS_SHORT,
    MYSQL_CLASS_MEDIUM,
    MYSQL_CLASS_INT,
    MYSQL_CLASS_BIGINT,
    MYSQL_CLASS_FLOAT,
    MYSQL_CLASS_DOUBLE,
    MYSQL_CLASS_DECIMAL,
    MYSQL_CLASS_BIT,
    MYSQL_CLASS_YEAR,
    MYSQL_CLASS_DATE,
    MYSQL_CLASS_TIME,
    MYSQL_CLASS_DATETIME,
    MYSQL_CLASS_TIMESTAMP,
    MYSQL_CLASS_CHAR,
    MYSQL_CLASS_VARCHAR,
    MYSQL_CLASS_TEXT, /* TINYTEXT … LONGTEXT */
    MYSQL_CLASS_BINARY,
    MYSQL_CLASS_VARBINARY,
    MYSQL_CLASS_BLOB, /* TINYBLOB … LONGBLOB */
    MYSQL_CLASS_ENUM,
    MYSQL_CLASS_SET,
    MYSQL_CLASS_JSON, /* MySQL's; MariaDB's JSON is LONGTEXT */
    MYSQL_CLASS_UUID,
    MYSQL_CLASS_INET4,
    MYSQL_CLASS_INET6,
    MYSQL_CLASS_VECTOR,
};

/* A row of information_schema.COLUMNS, all in utf8mb4; ptr NULL and -1 stand for NULL. */
struct mysql_column_catalog {
    struct str name;            /* COLUMN_NAME */
    struct str column_type;     /* COLUMN_TYPE */
    struct str data_type;       /* DATA_TYPE */
    struct str character_set;   /* CHARACTER_SET_NAME */
    struct str collation;       /* COLLATION_NAME */
    struct str extra;           /* EXTRA */
    struct str comment;         /* COLUMN_COMMENT */
    bool nullable;              /* IS_NULLABLE = 'YES' */
    int64_t character_length;   /* CHARACTER_MAXIMUM_LENGTH */
    int64_t octet_length;       /* CHARACTER_OCTET_LENGTH */
    int64_t numeric_precision;  /* NUMERIC_PRECISION */
    int64_t numeric_scale;      /* NUMERIC_SCALE */
    int64_t datetime_precision; /* DATETIME_PRECISION */
};

struct mysql_column {
    struct str name;
    struct str comment;  /* ptr NULL: none */
    struct str declared; /* COLUMN_TYPE, for messages */
    enum mysql_class class;
    bool nullable;
    bool is_unsigned;
    bool key;       /* of the primary key: its values must stay different from each other */
    bool generated; /* VIRTUAL or STORED */
    bool invisible;
    bool compressed;         /* MariaDB's column compression */
    uint8_t precision;       /* DECIMAL */
    uint8_t scale;           /* DECIMAL */
    uint8_t fraction_digits; /* TIME, DATETIME, TIMESTAMP: 0…6 */
    uint32_t length;         /* CHAR, VARCHAR: characters; BINARY, VARBINARY: bytes; BIT: bits;
                                VECTOR: dimensions */
    uint64_t octets;         /* CHAR … BLOB: most bytes of a value in the column's own charset */
    const struct mysql_charset *charset; /* text, ENUM, SET; NULL otherwise */
    struct str collation;                /* COLLATION_NAME */
    const struct str *members;           /* ENUM, SET; UTF-8 */
    uint32_t member_count;
    struct type type; /* in the lake */
};

/* FAIL_SCHEMA: a type that is not supported (named, with the column). Texts are copied into the
 * arena. */
MUST_USE bool mysql_column_from_catalog(const struct mysql_column_catalog *row,
                                        const struct mysql_policy *policy, struct arena *arena,
                                        struct mysql_column *out, struct error *err);
/* Makes it a column of the primary key: the lake type and the policies that could turn two keys
 * into one give way (TINYINT(1) is TINYINT; zero dates and times out of range stop the table).
 * FAIL_SCHEMA for a type that the lake cannot hold whole. */
MUST_USE bool mysql_column_as_key(struct mysql_column *c, struct error *err);

/* Whether rows described by this TABLE_MAP are rows of these columns: count, wire types with their
 * metadata, and signedness, character sets, names, ENUM and SET members where the event has them
 * (binlog_row_metadata=FULL has them all). FAIL_SCHEMA: a sentence naming the first column that
 * differs, and how. */
MUST_USE bool mysql_column_match(const struct mysql_column *columns, size_t count,
                                 const struct binlog_table *map, struct error *err);
