/* connectors/mysql/mysql_stream.h: the binary log as batches of changes, transaction by
 * transaction.
 *
 * A transaction's place: its GTID; in file offsets one byte behind its first event's start, and
 * behind its end a transaction without changes moves the position to that end, always in the same
 * batch, so no mark can stand between the two. Any event outside a transaction moves file offsets
 * too; so an idle server's log end is reached.
 *
 * A transaction longer than a batch comes in parts. When the connection breaks in the middle, the
 * stream fails with FAIL_IO: the job starts again from committed positions and nothing is lost.
 *
 * A table is set aside by a notice for: a statement that changes its shape or its rows without row
 * events, a table map that does not fit, a value the lake cannot hold, an incomplete row image,
 * rows logged as statements, XA transactions (prepared ones: two places, one commit), rows taken
 * back by ROLLBACK in the log. The batch ends *before* the transaction that did it (its other
 * changes follow as an open part), so "complete up to here" is true for the table. Rows of it that
 * an earlier part has delivered already belong to a transaction that the table never completes.
 * What lies within the position that a table has already is passed over whole, statements too; and
 * a statement that drops, empties or alters a table of which the lake has no rows, and the log had
 * none so far, changes nothing: the table maps of its rows will tell whether the shape is ours.
 * Thread: the lane's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/batch.h"
#include "base/error.h"
#include "base/position.h"
#include "connectors/mysql/mysql_catalog.h"
#include "connectors/mysql/mysql_check.h"
#include "connectors/mysql/mysql_dump.h"
#include "connectors/source.h"

struct mysql_stream;

/* Takes the dump over. The catalog is borrowed. */
struct mysql_stream *mysql_stream_new(struct mysql_dump *dump, const struct mysql_server *server,
                                      const struct mysql_catalog *catalog,
                                      const struct mysql_policy *policy);
void mysql_stream_free(struct mysql_stream *s); /* takes NULL */
/* As source_ops.stream_table. */
void mysql_stream_table(struct mysql_stream *s, uint32_t index, const struct position *have,
                        bool empty);
/* As source_ops.stream_read. */
enum source_read mysql_stream_read(struct mysql_stream *s, uint32_t wait_ms, struct batch *batch,
                                   struct source_notice *out_notices, size_t *out_notice_count,
                                   struct error *err);
