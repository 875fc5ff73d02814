/* connectors/mysql/mysql_catalog.h: the tables that match, with shapes, from information_schema.
 *
 * Tables live until mysql_catalog_free; their order is the order of the source's table indexes
 * (database, name). Read once, then immutable: any thread may read. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "connectors/mysql/mysql_check.h"
#include "connectors/mysql/mysql_column.h"
#include "connectors/mysql/mysql_link.h"
#include "connectors/source.h"

struct mysql_table {
    struct str database, name;
    struct mysql_column *columns;
    size_t column_count;
    size_t *key; /* indexes into columns, in key order */
    size_t key_count;
    bool transactional; /* its engine undoes rows on ROLLBACK */
    struct schema *schema;
};

struct mysql_catalog {
    struct arena arena;
    struct mysql_table *tables;
    struct source_table *published; /* one for each of tables */
    size_t count;
    struct source_skipped *skipped;
    size_t skipped_count;
};

struct mysql_catalog_wish {
    struct str tables;  /* Flink CDC's list */
    struct str exclude; /* likewise; empty: nothing */
    bool comments;
    struct mysql_policy policy;
};

/* FAIL_CONFIG: a pattern is wrong, or nothing matches. */
MUST_USE bool mysql_catalog_read(struct mysql_link *l, const struct mysql_server *server,
                                 const struct mysql_catalog_wish *wish, struct mysql_catalog *out,
                                 struct error *err);
void mysql_catalog_free(struct mysql_catalog *c);

/* NULL when no captured table has this name. */
const struct mysql_table *mysql_catalog_find(const struct mysql_catalog *c, struct str database,
                                             struct str name, uint32_t *out_index);

/* `name` and 'text' for statements; sql_mode is empty, so backslashes escape. */
void mysql_catalog_put_name(struct buf *out, struct str name);
void mysql_catalog_put_text(struct buf *out, struct str text);
