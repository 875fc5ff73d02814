/* base/position.h: where a source stands, lane by lane. Opaque to everybody but the source that
 * makes it.
 *
 * A position is a set of lanes; a lane has a name, an identity (of what it counts in: without equal
 * identity nothing compares) and counters; a counter is a name with a set of numbers, kept as
 * sorted disjoint ranges. So one algebra serves all sources:
 *
 *   MySQL GTID set        lane "binlog", identity "gtid", counter = server uuid[:tag],
 *                         ranges of transaction numbers
 *   MariaDB GTID list     lane "binlog", identity "mariadb-gtid", counter = domain-server,
 *                         one range 0…sequence
 *   binlog file + offset  lane "binlog", identity = server's, counter = base name,
 *                         one range 0…(file number << 40 | offset)
 *   PostgreSQL            lane = slot, identity = system id/timeline, counter "lsn",
 *                         one range 0…LSN
 *   Kafka                 lane = topic/partition, identity = topic id, counter "offset",
 *                         one range 0…offset
 *
 * A change is skipped for a table if and only if the table's position contains its place.
 * Text form (version 1): `1;lane@identity;counter=0-17,19;counter=…;;lane@…`, the empty position
 * `1`; the characters `;@=%` and bytes < 0x21 in names are %XX-escaped. Equal positions print
 * equally (everything sorted). Heap object; thread: its owner's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

struct position;

/* One place: a number of a counter of a lane. Borrowed texts. */
struct place {
    struct str lane;
    struct str identity;
    struct str counter;
    uint64_t number;
};

struct position *position_new(void); /* empty: contains nothing */
void position_free(struct position *p);
struct position *position_dup(const struct position *p);
bool position_is_empty(const struct position *p);

/* Adds from…to (inclusive). FAIL_LOST when the lane exists with another identity. */
MUST_USE bool position_add(struct position *p, const struct place *from, uint64_t to,
                           struct error *err);
/* Adds 0…number: for counters that are a high-water mark. */
MUST_USE bool position_advance(struct position *p, const struct place *place, struct error *err);
bool position_has(const struct position *p, const struct place *place);

/* Every place of b is in a. A lane of b that a has with another identity is not contained. */
bool position_contains(const struct position *a, const struct position *b);
bool position_equal(const struct position *a, const struct position *b);
/* a := a ∪ b. FAIL_LOST on an identity that differs. */
MUST_USE bool position_merge(struct position *a, const struct position *b, struct error *err);
/* New position a ∩ b (lanes with differing identity vanish): the low position of several. */
struct position *position_meet(const struct position *a, const struct position *b);

void position_print(const struct position *p, struct buf *out);
/* FAIL_CORRUPT on text that is not a position; a higher version is named. */
MUST_USE bool position_parse(struct str text, struct position **out, struct error *err);

/* Walks the ranges: `struct position_at at = {0}; while (position_next(p, &at, &from, &to))`. */
struct position_at {
    size_t lane, counter, range;
};
bool position_next(const struct position *p, struct position_at *at, struct place *from,
                   uint64_t *to);
