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
#include "sink/merge.h"
#include "sink/merge_rule.h"
#include "sink/run_reader.h"
#include "sink/run_writer.h"

/* A changelog made of what the merge changes (paimon-write-path §4.2, §4.4). */
struct compact_changelog {
    const struct run_target *target; /* NULL: none */
    enum merge_old old;   /* LOOKUP: when rows leave level 0; TOP: in the highest level */
    bool row_deduplicate; /* equal old and new rows are no change … */
    const bool *ignored;  /* … but for these columns; NULL: none */
};

struct compact_work {
    const struct run_origin *origin;
    const struct merge_rule *rule;   /* NULL: plain deduplicate */
    const struct run_target *target; /* level = output level, source = RUN_COMPACT */
    struct data_file *const *files;  /* the unit's, borrowed */
    size_t file_count;
    /* The bucket's files of levels above the output's, which are looked at and not rewritten: with
     * merge-engine first-row, whose readers do not merge, a key that they have is left out;
     * otherwise they hold the old rows of a lookup changelog. */
    struct data_file *const *older;
    size_t older_count;
    struct compact_changelog changelog;
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
    struct run_files before;    /* files to DELETE, as they were listed (copies in the arena) */
    struct run_files after;     /* files to ADD */
    struct run_files changelog; /* to ADD to the changelog; new, too */
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
