/* connectors/mysql/mysql_backfill.h: the first copy: cutting tables into key ranges, reading them.
 *
 * Planning walks forward: the next bound is the key n rows behind the last one, found by the
 * server. One whole-number column that is dense enough is cut by arithmetic between MIN and MAX
 * instead, which reads nothing. A plan has no memory: it goes on behind the upper bound of whatever
 * chunk it is given, so a restart that knows the last chunk done goes on right there.
 *
 * A chunk is read by one SELECT in its own consistent snapshot (or in the shared one), row by row
 * off the wire. Thread: a reader belongs to one; planning to whoever holds the link. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/batch.h"
#include "base/error.h"
#include "base/position.h"
#include "base/stop.h"
#include "connectors/mysql/mysql_catalog.h"
#include "connectors/mysql/mysql_check.h"
#include "connectors/mysql/mysql_link.h"
#include "connectors/source.h"

/* chunk_rows 0: about 32 MiB of estimated data, at least 8096 rows. As source_ops.plan. */
MUST_USE bool mysql_backfill_plan(struct mysql_link *l, const struct mysql_table *table,
                                  const struct source_table *published, uint64_t chunk_rows,
                                  const struct source_chunk *after, size_t max, struct arena *arena,
                                  struct source_chunk *out, size_t *out_count, bool *out_done,
                                  struct error *err);
/* Rows of a chunk for a table of this size; for plan and its test. */
uint64_t mysql_backfill_rows(uint64_t chunk_rows, uint64_t table_rows, uint64_t table_bytes);

struct mysql_backfill; /* one reader of chunks */

/* Takes the link over when it owns it (shared NULL); else the link is one of a shared snapshot at
 * this position, both borrowed. */
struct mysql_backfill *mysql_backfill_new(struct mysql_link *l, const struct mysql_server *server,
                                          const struct mysql_policy *policy, struct stop *stop,
                                          const struct position *shared);
void mysql_backfill_free(struct mysql_backfill *b); /* takes NULL */
MUST_USE bool mysql_backfill_start(struct mysql_backfill *b, const struct mysql_table *table,
                                   uint32_t index, const struct source_chunk *chunk,
                                   struct error *err);
/* As source_ops.chunk_read. */
enum source_read mysql_backfill_read(struct mysql_backfill *b, struct batch *batch,
                                     struct source_seen *out_seen, struct error *err);
