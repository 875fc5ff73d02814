/* sink/bucket_compact.h: one compaction of one bucket of an open table, from the picking to the
 * entries of its commit: compact_pick.h and compact_task.h, put together by the table's options.
 *
 *   bucket_compact_plan   looks at the live files; NULL when there is nothing to do
 *   bucket_compact_run    the work: on any thread, while the table goes on
 *   bucket_compact_entries → commit_publish, then bucket_compact_free; when that did not reach the
 *                         table: bucket_compact_abandon
 * The plan copies what it needs of the files; of the table it borrows what does not change while
 * that is open. Thread: plan and entries the table's. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/stop.h"
#include "sink/compact_task.h"
#include "sink/manifest.h"
#include "sink/table.h"

enum bucket_compact_want {
    BUCKET_COMPACT_PICK, /* what Paimon's picking says now, if anything */
    BUCKET_COMPACT_FULL, /* everything into the highest level */
};

/* Who writes the new files. Borrowed. */
struct bucket_compact_writer {
    const char *uuid;
    atomic_uint_fast64_t *counter;
    const struct stop *stop; /* NULL: never stopped */
};

struct bucket_compact {
    struct table_bucket *bucket;
    struct arena arena; /* inputs, result */
    struct run_target target;
    struct run_target changelog;
    struct run_origin origin;
    struct run_schemas schemas;
    struct compact_work work;
    struct compact_result result; /* after the run */
};

/* Where new files of a bucket are written, by the table's options: level 0, or a changelog. The
 * format's options may be made smaller by the caller. */
void bucket_compact_target(const struct table *t, const char *folder, bool changelog,
                           const struct bucket_compact_writer *writer, struct run_target *out);

/* Sorted runs: files of level 0, and levels above it that have files. */
size_t bucket_compact_runs(const struct table_bucket *b);
bool bucket_compact_has_level0(const struct table_bucket *b);
/* Rows are to leave level 0 as soon as they are committed: readers do not see them there, or the
 * changelog is made of it. */
bool bucket_compact_is_urgent(const struct table *t, const struct table_bucket *b);
/* Whether the picking may say something now: a plan costs a copy of the bucket's file list. */
bool bucket_compact_is_due(const struct table *t, const struct table_bucket *b);

/* *out = NULL: nothing to do. FAIL_CORRUPT when levels of the bucket overlap. */
MUST_USE bool bucket_compact_plan(const struct table *t, struct table_bucket *b,
                                  enum bucket_compact_want want,
                                  const struct bucket_compact_writer *writer,
                                  struct bucket_compact **out, struct error *err);
/* FAIL_STOPPED when the stop flag was set. A failure leaves no new file. */
MUST_USE bool bucket_compact_run(struct bucket_compact *c, struct error *err);
/* Appends the entries that list the result: DELETEs, then ADDs; and those of its changelog. They
 * live as long as the plan. */
void bucket_compact_entries(const struct bucket_compact *c, int32_t total_buckets,
                            struct arena *arena, struct manifest_entries *out,
                            struct manifest_entries *out_changelog);
/* Removes what the run made. */
void bucket_compact_abandon(struct bucket_compact *c);
void bucket_compact_free(struct bucket_compact *c); /* takes NULL */
