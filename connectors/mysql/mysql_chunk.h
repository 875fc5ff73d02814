/* connectors/mysql/mysql_chunk.h: key ranges of a table: their text, and the SQL that reads them.
 *
 * A range is (low, high] over the whole primary key in the server's own order; a bound without
 * values is open. Its id is a text of both bounds and nothing else, so it comes out the same after
 * a restart and says by itself what to read:
 *
 *     id     = bound ".." bound          "..i1000"   "i1000..i2000"   "i2000.."   ".." (all)
 *     bound  = [ value { "," value } ]
 *     value  = "i" decimal | "u" decimal | "t" type ":" hex of the bytes on the wire
 *
 * Values are sent back as parameters of the column's own type, so the server compares strings under
 * the column's collation. Nobody but the server orders keys. Pure functions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "connectors/mysql/mysql_catalog.h"
#include "connectors/mysql/mysql_link.h"
#include "connectors/mysql/mysql_statement.h"

#define MYSQL_CHUNK_MAX_KEY 64

struct mysql_bound {
    size_t count; /* 0: open; else the key's columns */
    struct mysql_param *values;
};

struct mysql_range {
    struct mysql_bound low;  /* exclusive */
    struct mysql_bound high; /* inclusive */
};

struct str mysql_chunk_print(const struct mysql_range *range, struct arena *arena);
/* FAIL_CORRUPT on a text that is no range of this key. */
MUST_USE bool mysql_chunk_parse(struct str id, const struct mysql_table *table, struct arena *arena,
                                struct mysql_range *out, struct error *err);

/* The key's columns as a select list, each as something that compares as the column sorts. */
void mysql_chunk_put_key(const struct mysql_table *table, struct buf *sql);
/* " ORDER BY" the key, upwards or downwards. */
void mysql_chunk_put_order(const struct mysql_table *table, bool down, struct buf *sql);
/* `db`.`table` FORCE INDEX (PRIMARY) WHERE the range holds, or without WHERE when it is open. */
void mysql_chunk_put_from(const struct mysql_table *table, const struct mysql_range *range,
                          struct buf *sql);
/* The parameters of that WHERE, in the order of its question marks; in the arena. */
size_t mysql_chunk_params(const struct mysql_range *range, struct arena *arena,
                          struct mysql_param **out);

/* A row of mysql_chunk_put_key as a bound: whole numbers become LONGLONG. */
MUST_USE bool mysql_chunk_bound(const struct mysql_table *table,
                                const struct mysql_column_info *columns, struct str packet,
                                struct arena *arena, struct mysql_bound *out, struct error *err);
/* A bound of one whole number. */
struct mysql_bound mysql_chunk_number(int128 value, bool is_unsigned, struct arena *arena);
/* The number of a bound of one column; false when it has another type. */
bool mysql_chunk_as_number(const struct mysql_bound *b, int128 *out);
