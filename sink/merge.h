/* sink/merge.h: many sorted inputs into one: by key, then sequence fields and number, then
 * merge_rule.h.
 *
 * A tournament over the inputs' heads: one compare per level of a binary tree and row. Rows are not
 * copied: a result stays valid until the next call. An input whose keys do not ascend is
 * FAIL_CORRUPT. Memory: each open input costs a format reader (Avro: MERGE_INPUT_BYTES is the usual
 * upper figure) and about 100 bytes here. merge_open_runs opens at most fan_in inputs at a time:
 * more runs than that are first merged, smallest first, into temporary runs: files nobody lists, in
 * the bucket's folder, removed by merge_close whatever happened. Where a merge of merges is another
 * thing than one merge (partial-update, aggregation), those runs keep every record. Thread: one at
 * a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/stop.h"
#include "sink/data_file.h"
#include "sink/format/format.h"
#include "sink/interval.h"
#include "sink/merge_rule.h"
#include "sink/run_reader.h"
#include "sink/run_writer.h"

#define MERGE_FAN_IN 32
#define MERGE_INPUT_BYTES ((size_t)512 << 10)
/* Rows between two looks at the stop flag. */
#define MERGE_STOP_ROWS 4096

/* A sorted input. `next` is as run_reader_next; `close` frees self. */
struct merge_input {
    enum next (*next)(void *self, struct run_row *out, struct error *err);
    void (*close)(void *self);
    void *self;
};

/* Where a changelog is made of a merge: what of the key's records is the old state. */
enum merge_old {
    MERGE_OLD_NONE,   /* nobody asks */
    MERGE_OLD_LOOKUP, /* the record of the lowest level above 0 */
    MERGE_OLD_TOP,    /* the record of the highest level */
};

struct merge_options {
    const struct data_file_layout *layout;
    const struct merge_rule *rule; /* NULL: plain deduplicate */
    size_t older_runs; /* merge_open_runs: so many runs at the end of the section are of older
                          levels: they are looked at only, a key that no other run has gives
                          nothing; with first-row (older_hides) neither does one that they have */
    bool older_hides;
    enum merge_old old;      /* not NONE: merge_change tells, and dropped deletes are given, too */
    int32_t max_level;       /* for MERGE_OLD_TOP */
    bool drop_deletes;       /* leave results of retract kinds out */
    bool every;              /* give every record, in order: nothing is merged */
    const struct stop *stop; /* NULL: never. Requested: NEXT_FAIL with FAIL_STOPPED */
};

struct merge;

/* Takes the inputs over (closes them, also when it fails). count may be 0. */
MUST_USE bool merge_open(const struct merge_options *o, const struct merge_input *inputs,
                         size_t count, struct merge **out, struct error *err);

/* The runs of one section. `temporary` says where runs of extra passes go (its level is ignored);
 * NULL: no passes, all runs are opened at once. fan_in 0 means MERGE_FAN_IN; at least 2. */
MUST_USE bool merge_open_runs(const struct merge_options *o, const struct run_origin *origin,
                              const struct interval_section *section,
                              const struct run_target *temporary, size_t fan_in, struct merge **out,
                              struct error *err);

/* *out is valid until the next call. */
MUST_USE enum next merge_next(struct merge *m, struct run_row *out, struct error *err);

/* What the last result changes, with options.old. */
struct merge_change {
    size_t records;     /* that took part */
    bool level0;        /* one of them of level 0 */
    bool has_old;       /* the old state is a row */
    bool dropped;       /* the result is a delete that is left out: nothing is to be written */
    struct run_row old; /* valid as the result is */
};
const struct merge_change *merge_change(const struct merge *m);
uint64_t merge_rows_read(const struct merge *m);
void merge_close(struct merge *m); /* takes NULL */
