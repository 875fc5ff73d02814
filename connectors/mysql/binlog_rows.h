/* connectors/mysql/binlog_rows.h: row images to values.
 *
 * A plan is made once per TABLE_MAP (or kept while the map is the same): it holds one decoder per
 * column, with its character set converter open. Then every row costs one loop over columns.
 *
 * Values are slices of the event's bytes where nothing has to be changed, else they lie in the
 * arena: so the event must live as long as its rows, e.g. copied into the batch's arena before it
 * is opened. Values of ENUM and SET are slices of the columns' members: the columns must outlive
 * them. A plan borrows the columns it was made from. Thread: a plan belongs to one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/reader.h"
#include "base/row.h"
#include "base/str.h"
#include "connectors/mysql/binlog.h"
#include "connectors/mysql/binlog_table.h"
#include "connectors/mysql/mysql_column.h"
#include "connectors/mysql/mysql_json.h"

struct binlog_rows_plan; /* opaque: decoders of all columns of one table */

/* Checks that the map fits the columns (mysql_column_match: FAIL_SCHEMA) and plans its decoding.
 * The map's bytes are not needed afterwards. */
MUST_USE bool binlog_rows_plan_new(const struct mysql_column *columns, size_t count,
                                   const struct binlog_table *map,
                                   const struct mysql_policy *policy, struct binlog_rows_plan **out,
                                   struct error *err);
void binlog_rows_plan_free(struct binlog_rows_plan *plan); /* takes NULL */

enum binlog_rows_kind {
    BINLOG_ROWS_INSERT,
    BINLOG_ROWS_UPDATE,
    BINLOG_ROWS_DELETE,
};

struct binlog_rows {
    enum binlog_rows_kind kind;
    uint64_t table_id;
    uint16_t flags; /* 1: last rows event of its statement */
    size_t column_count;
    struct str present[2]; /* bitmaps of columns in the images: before (or only), after */
    bool complete[2];      /* all columns are in that image */
    enum mysql_json_dialect json_dialect; /* how this server prints them */
    struct reader rest;                   /* the rows not read yet */
};

#define BINLOG_ROWS_FLAG_STATEMENT_END 1
/* Table id of the event that only ends a statement (MySQL: no rows, id 0xffffff). */
#define BINLOG_ROWS_DUMMY_TABLE 0xffffffu

/* Types 23–25, 30–32 and MariaDB's compressed 166–171, whose rows are inflated into the arena. */
MUST_USE bool binlog_rows_open(const struct binlog_format *f, const struct binlog_event *e,
                               struct arena *arena, struct binlog_rows *out, struct error *err);

enum binlog_rows_next {
    BINLOG_ROWS_ROW,
    BINLOG_ROWS_END,
    BINLOG_ROWS_FAIL, /* FAIL_CORRUPT: the bytes; FAIL_SCHEMA: a value the lake cannot hold, or a
                         plan that is not of this table: the column is named */
};

/* The next row, its values in the arena, as many as the plan has columns: INSERT sets *out_after,
 * DELETE *out_before, UPDATE both; the other is NULL. A column that an image does not hold is
 * VALUE_UNCHANGED: in an UPDATE it is as before, in an INSERT (binlog_row_image=MINIMAL) it has the
 * default that the server's table gives it. */
enum binlog_rows_next binlog_rows_next(struct binlog_rows *rows, struct binlog_rows_plan *plan,
                                       struct arena *arena, struct value **out_before,
                                       struct value **out_after, struct error *err);
