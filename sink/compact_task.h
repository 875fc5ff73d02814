/* sink/compact_task.h: merges the files of one picked unit into its output level
 * (paimon-write-path §2.7, MergeTreeCompactTask): sections that overlap are rewritten, small
 * neighbours with them, big files that overlap nothing are only moved ("upgraded": same file, new
 * level).
 *
 * A failed or stopped task leaves no new file behind. Memory: at most fan_in inputs
 * (merge.h) and one output. Thread: one; run on a worker while the bucket's owner goes on. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/stop.h"
#include "sink/merge_rule.h"
#include "sink/run_reader.h"
#include "sink/run_writer.h"

struct compact_work {
    const struct run_origin *origin;
    const struct merge_rule *rule;   /* NULL: plain deduplicate */
    const struct run_target *target; /* level = output level, source = RUN_COMPACT */
    struct data_file *const *files;  /* the unit's, borrowed */
    size_t file_count;
    /* merge-engine first-row, whose readers do not merge: the bucket's files of levels above the
     * output's. A key that they have is left out; they are not rewritten. */
    struct data_file *const *older;
    size_t older_count;
    int32_t max_level;
    bool drop_deletes;         /* compact_pick_drops_deletes, and the table is not in copy */
    bool rewrite_all;          /* compaction.force-rewrite-all-files: no upgrades */
    uint64_t small_file_bytes; /* target-file-size × compaction.small-file-ratio (0.7) */
    size_t fan_in;             /* 0: MERGE_FAN_IN */
    uint64_t memory_bytes;     /* of all inputs open at once: fewer than fan_in where they are large
                                  (Parquet: a page a column), but at least two. 0: unbounded */
    const struct stop *stop;   /* NULL: never stopped */
};

struct compact_result {
    struct run_files before;  /* files to DELETE, as they were listed (copies in the arena) */
    struct run_files after;   /* files to ADD */
    struct run_files created; /* those of `after` whose bytes are new: to be removed when the result
                                 is not committed. An upgraded file is never among them */
    uint64_t rows_read;
    uint64_t rows_written;
    uint64_t bytes_read; /* of files rewritten */
    uint64_t bytes_written;
};

/* FAIL_STOPPED when the stop flag was set. On failure *out is untouched and no new file is left. */
MUST_USE bool compact_task_run(const struct compact_work *work, struct arena *arena,
                               struct compact_result *out, struct error *err);
/* Removes what the result created: it was not, and will not be, committed. */
void compact_task_abandon(const struct compact_work *work, const struct compact_result *result);
