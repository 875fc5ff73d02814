/* sink/format/avro_schema.h: Avro schemas: what a file's header says (parsed to a tree), and the
 * schema text that Paimon gives its own types (paimon-format §7.10). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/reader.h"
#include "base/schema.h"

enum avro_kind {
    AVRO_NULL,
    AVRO_BOOLEAN,
    AVRO_INT,
    AVRO_LONG,
    AVRO_FLOAT,
    AVRO_DOUBLE,
    AVRO_BYTES,
    AVRO_STRING,
    AVRO_FIXED,
    AVRO_ENUM,
    AVRO_ARRAY,  /* children[0]: items */
    AVRO_MAP,    /* children[0]: values */
    AVRO_RECORD, /* children with names */
    AVRO_UNION,  /* children: branches */
};

enum avro_logical {
    AVRO_PLAIN,
    AVRO_DATE,
    AVRO_TIME_MILLIS,
    AVRO_TIME_MICROS,
    AVRO_TIMESTAMP_MILLIS, /* local or not: Paimon's names are the wrong way round anyway */
    AVRO_TIMESTAMP_MICROS,
    AVRO_DECIMAL, /* scale */
};

struct avro_node {
    enum avro_kind kind;
    enum avro_logical logical;
    int64_t scale;
    size_t size; /* AVRO_FIXED */
    const struct avro_node **children;
    struct str *names;
    size_t count;
    size_t min_bytes; /* the least an encoded value has */
    size_t weight;    /* nodes below and with it, shared ones counted again */
};

/* Parses a schema text; everything lives in the arena. FAIL_CORRUPT on text that is no schema,
 * FAIL_LIMIT beyond 32 levels or 65,536 nodes. */
MUST_USE bool avro_schema_parse(struct str json, struct arena *arena, const struct avro_node **out,
                                struct error *err);
const char *avro_schema_kind(const struct avro_node *n); /* "int", for messages */
/* Passes over one value. Fails the reader on bytes that do not fit the schema. */
void avro_schema_skip(const struct avro_node *n, struct reader *r);

/* Types that Avro (as Paimon uses it) cannot hold are FAIL_SCHEMA, by column. */
MUST_USE bool avro_schema_check(const struct schema_field *fields, size_t count, struct error *err);
/* The record schema of these columns, as Paimon Java writes it. */
void avro_schema_print(const struct schema_field *fields, size_t count, struct buf *out);
/* How Paimon writes a MAP with this type: an Avro map, or an array of entries. */
bool avro_schema_text_key(const struct type *map);
