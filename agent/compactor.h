/* agent/compactor.h: decides which buckets to compact, runs the tasks on the workers, and turns
 * their results into COMPACT snapshots.
 *
 * Only listed files are compacted, at most one task a bucket. A table in its first copy rests. A
 * task whose inputs are gone when it ends (another compactor was faster) is thrown away and the
 * bucket looked at again. Thread: the committer's, but for the task body. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/pipeline.h"

struct compaction;

/* Starts a task for each bucket of the table where the picking says so and none is running.
 * FAIL_CORRUPT when its levels overlap. */
MUST_USE bool compactor_consider_table(struct pipeline *p, uint32_t route, struct error *err);
/* When a pipeline begins: what the last one left to do. */
MUST_USE bool compactor_resume(struct pipeline *p, uint32_t route, struct error *err);
/* Rows of the table were committed: every so many commits its buckets are compacted whole
 * (full-compaction.delta-commits). */
void compactor_count_commit(struct table *t);
/* Sorted runs of the bucket are over the stop trigger: the stream must wait for its task. */
bool compactor_behind(const struct table *t, const struct table_bucket *b);

/* Publishes the result of an ended task (identifier: of the newest mark) and frees it.
 * FAIL_CONFLICT never comes out: such results are thrown away. */
MUST_USE bool compactor_finish(struct pipeline *p, struct compaction *c, int64_t identifier,
                               struct error *err);
/* Frees an ended task and removes its outputs. */
void compactor_discard(struct compaction *c);
uint32_t compactor_route(const struct compaction *c);
