/* connectors/mysql/binlog_cell.h: one column's value as it stands in a row image. Layouts: MySQL's
 * libs/mysql/binlog/event/binary_log_funcs.cc and the pack functions of sql/field.cc.
 *
 * The decoder's op, width, precision and scale are this module's. Thread: the decoder's. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/reader.h"
#include "base/row.h"
#include "connectors/mysql/binlog_table.h"
#include "connectors/mysql/mysql_decoder.h"

/* Chooses how to read a column that fits its map (mysql_column_match). */
void binlog_cell_plan(struct mysql_decoder *d, const struct binlog_column *m);

/* Reads one value that is not null. False with err set for a value that means nothing or that the
 * lake cannot hold; bytes that end too early or have no meaning fail the reader, and the result is
 * true: ask it before anything is believed. json is scratch memory. */
bool binlog_cell_read(const struct mysql_decoder *d, struct reader *r, struct arena *arena,
                      struct buf *json, struct value *v, struct error *err);
