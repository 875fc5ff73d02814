/* connectors/mysql/mysql_type.h: the type codes of the wire, and what a column's declared type
 * (information_schema's COLUMN_TYPE) says. Pure functions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/str.h"

/* enum_field_types of both servers: TABLE_MAP, column definitions. */
enum mysql_type {
    MYSQL_WIRE_DECIMAL = 0, /* before 5.0 */
    MYSQL_WIRE_TINY = 1,
    MYSQL_WIRE_SHORT = 2,
    MYSQL_WIRE_LONG = 3,
    MYSQL_WIRE_FLOAT = 4,
    MYSQL_WIRE_DOUBLE = 5,
    MYSQL_WIRE_NULL = 6,
    MYSQL_WIRE_TIMESTAMP = 7,
    MYSQL_WIRE_LONGLONG = 8,
    MYSQL_WIRE_INT24 = 9,
    MYSQL_WIRE_DATE = 10,
    MYSQL_WIRE_TIME = 11,
    MYSQL_WIRE_DATETIME = 12,
    MYSQL_WIRE_YEAR = 13,
    MYSQL_WIRE_NEWDATE = 14,
    MYSQL_WIRE_VARCHAR = 15,
    MYSQL_WIRE_BIT = 16,
    MYSQL_WIRE_TIMESTAMP2 = 17,
    MYSQL_WIRE_DATETIME2 = 18,
    MYSQL_WIRE_TIME2 = 19,
    MYSQL_WIRE_BLOB_COMPRESSED = 140,    /* MariaDB */
    MYSQL_WIRE_VARCHAR_COMPRESSED = 141, /* MariaDB */
    MYSQL_WIRE_VECTOR = 242,
    MYSQL_WIRE_JSON = 245,
    MYSQL_WIRE_NEWDECIMAL = 246,
    MYSQL_WIRE_ENUM = 247,
    MYSQL_WIRE_SET = 248,
    MYSQL_WIRE_TINY_BLOB = 249,
    MYSQL_WIRE_MEDIUM_BLOB = 250,
    MYSQL_WIRE_LONG_BLOB = 251,
    MYSQL_WIRE_BLOB = 252,
    MYSQL_WIRE_VAR_STRING = 253,
    MYSQL_WIRE_STRING = 254,
    MYSQL_WIRE_GEOMETRY = 255,
};

/* "TINY", "TIMESTAMP2", …; "type N" for codes nobody knows is the caller's to print: NULL here. */
const char *mysql_type_name(uint8_t code);

/* A declared type, taken apart: "decimal(10,2) unsigned zerofill", "enum('a','b''c')". */
struct mysql_type_declared {
    struct str word;    /* lower case as the catalog has it: "decimal", "enum" */
    uint32_t arguments; /* numbers in the parentheses: 0, 1 or 2 */
    uint32_t argument[2];
    bool is_unsigned;    /* unsigned or zerofill */
    struct str *members; /* ENUM, SET: unescaped, in the arena */
    size_t member_count;
};

/* FAIL_SCHEMA shows the text. */
MUST_USE bool mysql_type_parse(struct str column_type, struct arena *arena,
                               struct mysql_type_declared *out, struct error *err);
