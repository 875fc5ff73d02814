/* connectors/mysql/mysql_position.h: where a server stands: starts, ends and marks of the copy.
 *
 * What a position must promise differs, and so does where it is read (measured: docs on the first
 * copy; `visible` means: a read that begins now shows it):
 *
 *   start   every transaction in it is visible. MySQL: @@gtid_executed, which grows after the
 *           engine's commit. MariaDB: the consistent snapshot's own place; its gtid_binlog_pos runs
 *           ahead of visibility. MySQL without GTIDs: a read lock for a moment.
 *   mark    everything that a finished read showed is in it. A visible transaction was in the log
 *           before it became visible, so the log's end, read after the snapshot was opened, will do
 *           (MariaDB: @@gtid_binlog_pos; file offsets: the status). On MySQL @@gtid_executed lags
 *           behind visibility, so the GTIDs that were still owned by a committing session when the
 *           snapshot was opened are waited for: a GTID passes from owned to executed in one step,
 *           hence (owned, then executed) misses none. The stream reaches every mark without new
 *           traffic, as it holds nothing but transactions that the log has.
 *   end     everything committed so far is in it; the stream will reach it.
 *
 * MariaDB's start also holds the older (domain, server) pairs of @@gtid_binlog_state below the
 * snapshot's sequence, see gtid.h. Every function asks the server; thread: the link's. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/position.h"
#include "base/stop.h"
#include "base/str.h"
#include "connectors/mysql/mysql_check.h"
#include "connectors/mysql/mysql_link.h"

MUST_USE bool mysql_position_start(struct mysql_link *l, const struct mysql_server *s,
                                   struct position **out, struct error *err);
MUST_USE bool mysql_position_end(struct mysql_link *l, const struct mysql_server *s,
                                 struct position **out, struct error *err);
/* The oldest position that the server can still stream from. */
MUST_USE bool mysql_position_earliest(struct mysql_link *l, const struct mysql_server *s,
                                      struct position **out, struct error *err);
/* What the user wrote: a GTID set, or a log file and an offset. FAIL_CONFIG says what fits. */
MUST_USE bool mysql_position_specific(struct mysql_link *l, const struct mysql_server *s,
                                      struct str gtid_set, struct str file, uint64_t offset,
                                      struct position **out, struct error *err);

/* The GTIDs that sessions are just committing, or a replica applies. MySQL with GTIDs only. */
MUST_USE bool mysql_position_owned(struct mysql_link *l, struct position **out, struct error *err);
/* The exact place of the consistent snapshot that is open on the link. MySQL: only under the read
 * lock that it was opened under. */
MUST_USE bool mysql_position_snapshot(struct mysql_link *l, const struct mysql_server *s,
                                      struct position **out, struct error *err);

/* Whether the stream can go on from here. A position in file offsets of this very server is read as
 * such even when the server has come to count in GTIDs: *s is changed to it.
 * FAIL_LOST with the remedy. */
MUST_USE bool mysql_position_check(struct mysql_link *l, struct mysql_server *s,
                                   const struct position *from, struct error *err);
void mysql_position_describe(const struct mysql_server *s, const struct position *p,
                             struct buf *out);

/* @@gtid_owned's text: "uuid:5#12:6#13,\nuuid2:7#4". Only for this file and its test. */
MUST_USE bool mysql_position_parse_owned(struct str text, struct position *into, struct error *err);
