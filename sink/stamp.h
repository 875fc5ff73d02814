/* sink/stamp.h: what inlet writes into every snapshot it publishes (design.md §5), as snapshot
 * properties:
 *
 *   inlet.version   "1": the version of this format; a higher one is refused by name
 *   inlet.job       the job's name
 *   inlet.epoch     the agent's epoch, decimal
 *   inlet.table     the table's uuid
 *   inlet.position  base/position.h text: everything the table contains
 *   inlet.backfill  JSON: {"state":"copying|done","base":first sequence of the copy,"attempt":n,
 *                   "through":"last chunk of the contiguous copied part"}
 *
 * Whoever copies the properties (Paimon does on rollback-as-latest and manifest compaction) copies
 * a truth. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/position.h"
#include "base/str.h"
#include "sink/snapshot.h"

enum stamp_state {
    STAMP_COPYING, /* rows before the position are only those of the chunks up to `through` */
    STAMP_DONE,    /* the table contains everything up to its position */
};

struct stamp_backfill {
    enum stamp_state state;
    int64_t base;       /* sequence number of the first attempt's rows */
    int64_t attempt;    /* rows of a later attempt have base + attempt */
    struct str through; /* chunk id; empty: none yet */
};

/* Stream rows of a table in copy start at base + this. */
#define STAMP_STREAM_START (INT64_C(1) << 20)

struct stamp {
    struct str job;
    int64_t epoch;
    struct str table_uuid;
    struct str position; /* text */
    struct stamp_backfill backfill;
};

/* The properties of a snapshot, in the arena. */
void stamp_print(const struct stamp *s, struct arena *arena, struct snapshot *into);
/* Reads them back. *out_found = false when the snapshot carries none. FAIL_SCHEMA on a higher
 * version. */
MUST_USE bool stamp_parse(const struct snapshot *s, struct arena *arena, struct stamp *out,
                          bool *out_found, struct error *err);

/* The backfill part alone, for the checkpoint file too. */
struct json;
MUST_USE bool stamp_read_backfill(const struct json *n, struct arena *arena,
                                  struct stamp_backfill *out, struct error *err);
void stamp_print_backfill(const struct stamp_backfill *b, struct buf *out);
