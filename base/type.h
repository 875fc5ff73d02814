/* base/type.h: logical column types, Paimon's. A type is plain data; nested types point to others
 * that live as long as their schema's arena. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

enum type_kind {
    TYPE_BOOLEAN,
    TYPE_TINYINT,
    TYPE_SMALLINT,
    TYPE_INT,
    TYPE_BIGINT,
    TYPE_FLOAT,
    TYPE_DOUBLE,
    TYPE_DECIMAL,   /* precision, scale */
    TYPE_CHAR,      /* length in characters */
    TYPE_VARCHAR,   /* length; TYPE_MAX_LENGTH is STRING */
    TYPE_BINARY,    /* length in bytes */
    TYPE_VARBINARY, /* length; TYPE_MAX_LENGTH is BYTES */
    TYPE_DATE,
    TYPE_TIME,      /* precision */
    TYPE_TIMESTAMP, /* precision */
    TYPE_TIMESTAMP_LTZ,
    TYPE_ARRAY,    /* element */
    TYPE_MULTISET, /* element */
    TYPE_MAP,      /* key, element (the value) */
    TYPE_ROW,      /* fields */
};

#define TYPE_MAX_LENGTH 2147483647u
#define TYPE_MAX_DECIMAL 38
#define TYPE_MAX_DEPTH 32 /* of nesting, when parsing */

struct type;

struct type_field {
    int32_t id;
    struct str name;
    const struct type *type;
    struct str comment; /* ptr NULL: none */
};

struct type {
    enum type_kind kind;
    bool nullable;
    uint32_t length;   /* CHAR, VARCHAR, BINARY, VARBINARY */
    uint8_t precision; /* DECIMAL, TIME, TIMESTAMP, TIMESTAMP_LTZ */
    uint8_t scale;     /* DECIMAL */
    const struct type *element;
    const struct type *key;
    const struct type_field *fields;
    size_t field_count;
};

bool type_is_text(const struct type *t);                     /* CHAR, VARCHAR */
bool type_is_bytes(const struct type *t);                    /* BINARY, VARBINARY */
bool type_is_nested(const struct type *t);                   /* ARRAY and after */
bool type_equal(const struct type *a, const struct type *b); /* nullability included */

/* The atomic text of Paimon's schema JSON: `DECIMAL(10, 2) NOT NULL`. Nested types: `ARRAY<…>`, for
 * people only. */
void type_print(const struct type *t, struct buf *out);
/* Parses an atomic type's text as Paimon's parser does. FAIL_SCHEMA names the text. */
MUST_USE bool type_parse(struct str text, struct type *out, struct error *err);
