/* connectors/mysql/gtid.h: GTID sets, GTID lists and file offsets as positions.
 *
 * MySQL GTID set     lane "binlog", identity "gtid",         counter = uuid[:tag], its numbers.
 * MariaDB GTID list  lane "binlog", identity "mariadb-gtid", counter = "domain-server",
 *                    one range 0…sequence.
 * file and offset    lane "binlog", identity = the server's, counter = base name of the log,
 *                    one range 0…(file number << 40 | offset).
 *
 * Why MariaDB counts by domain *and* server: @slave_connect_state needs the server id of the last
 * GTID, and every pair's sequence only grows, so union, meet and containment stay exact when a
 * domain changes its primary. A position to start from must therefore be read from
 * @@gtid_binlog_state (each pair's last), not from @@gtid_binlog_pos (only the last of a domain);
 * a snapshot's GTID_BINLOG_POS is merged with a state that was read before it.
 * Pure functions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/position.h"
#include "base/str.h"
#include "connectors/mysql/binlog.h"

#define GTID_LANE "binlog"
#define GTID_IDENTITY_MYSQL "gtid"
#define GTID_IDENTITY_MARIADB "mariadb-gtid"
#define GTID_COUNTER_BYTES 80 /* uuid, colon, tag of at most 32, NUL; also domain-server */

/* Adds a GTID set's text ("uuid:1-5:7,\nuuid:tag:1", as @@gtid_executed prints it) to the
 * position. FAIL_CORRUPT shows the text. */
MUST_USE bool gtid_parse(struct str text, struct position *into, struct error *err);
/* The position's GTID set as text, canonical ("uuid:1-5:7,uuid:tag:1"); other identities are left
 * out. */
void gtid_print(const struct position *p, struct buf *out);
/* The place of one transaction; the counter's text goes to counter. Not for anonymous ones. */
void gtid_place(const struct binlog_gtid *g, char counter[GTID_COUNTER_BYTES], struct place *out);
/* Whether the set needs the tagged form (servers from 8.3 on). */
bool gtid_has_tags(const struct position *p);
/* The data block of COM_BINLOG_DUMP_GTID; the tagged form only when the set has tags. */
MUST_USE bool gtid_encode(const struct position *p, struct buf *out, struct error *err);
/* Body of PREVIOUS_GTIDS, either form: adds to the position. */
MUST_USE bool gtid_decode(struct str block, struct position *into, struct error *err);

/* "0-1-100,0-2-150": adds each to the position. */
MUST_USE bool gtid_mariadb_parse(struct str text, struct position *into, struct error *err);
/* Every pair, "0-1-100,0-2-150". */
void gtid_mariadb_print(const struct position *p, struct buf *out);
/* Value of @slave_connect_state: per domain the GTID with the highest sequence. */
void gtid_mariadb_connect_state(const struct position *p, struct buf *out);
void gtid_mariadb_place(const struct binlog_gtid_mariadb *g, char counter[GTID_COUNTER_BYTES],
                        struct place *out);

/* Place of an offset in a log file ("mysql-bin.000012"); the identity and the base name are
 * borrowed from the arguments. FAIL_CORRUPT: no number at the name's end; FAIL_LIMIT: file numbers
 * from 2^24 or offsets from 2^40 on. */
MUST_USE bool gtid_file_place(struct str identity, struct str file, uint64_t offset,
                              struct place *out, struct error *err);
/* Back: the highest file and offset of the position's identity; false when it has none. The name
 * is appended to out_file ("mysql-bin.000012"). */
bool gtid_file_find(const struct position *p, struct str identity, struct buf *out_file,
                    uint64_t *out_offset);
