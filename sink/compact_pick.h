/* sink/compact_pick.h: which runs of a bucket to merge next: Paimon 1.4.2's UniversalCompaction
 * (mergetree/compact/UniversalCompaction.java, EarlyFullCompaction, OffPeakHours; Levels.java),
 * ported exactly (tests/golden/compact_pick holds that release's own answers); paimon-write-path
 * §2.1 to §2.4, but for the size ratio, which later releases extend over levels 0 and 1.
 *
 * A pure function of sizes and levels. Every pick holds all runs of level 0 and 1, outputs to at
 * least level 1, never below a picked run, and stays below the first run left out: that is what
 * makes upgrades without rewriting legal, so no other picks may be invented. Thread: pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "sink/data_file.h"
#include "sink/run_writer.h"

struct compact_options {
    size_t trigger;      /* num-sorted-run.compaction-trigger: 5 */
    size_t stop_trigger; /* num-sorted-run.stop-trigger: trigger + 3; for the caller's stalls */
    int32_t num_levels;  /* num-levels: trigger + 1 */
    int64_t max_amplification; /* compaction.max-size-amplification-percent: 200 */
    int64_t size_ratio;        /* compaction.size-ratio: 1, in percent */
    int64_t offpeak_ratio;     /* added to size_ratio; 0 outside compaction.offpeak hours */
    /* Early full compaction; -1 = off. */
    int64_t full_interval_ms;     /* compaction.optimization-interval */
    int64_t full_total_bytes;     /* compaction.total-size-threshold */
    int64_t full_increment_bytes; /* compaction.incremental-size-threshold */
};
/* Paimon's defaults for a trigger. */
struct compact_options compact_pick_defaults(size_t trigger);

/* A sorted run: one file of level 0, or all files of a higher level. */
struct compact_run {
    int32_t level;
    uint64_t size_bytes;
    struct data_file **files; /* ascending by key; not looked at by the picking */
    size_t file_count;
};

/* A bucket's runs in the order of picking: level 0 newest first, then level 1, 2, … */
struct compact_levels {
    struct compact_run *runs;
    size_t count;
    int32_t max_level; /* the highest level there may be: max(num_levels, highest file's + 1, 2) - 1
                        */
    int32_t highest;   /* the highest level with a file; 0 when there is none */
    int64_t full_ms;   /* newest creation of a file at max_level; INT64_MIN: none */
};
/* Orders live files of one bucket (write-path §2.1). FAIL_CORRUPT when files of one level above 0
 * overlap. */
MUST_USE bool compact_pick_levels(const struct data_file_layout *layout,
                                  struct data_file *const *files, size_t count, int32_t num_levels,
                                  struct arena *arena, struct compact_levels *out,
                                  struct error *err);

struct compact_unit {
    size_t run_count; /* the first of the runs; 0: nothing to do */
    int32_t level;    /* of the output */
};

struct compact_clock {
    int64_t now_ms;       /* as creation_ms: local wall clock */
    int64_t last_full_ms; /* INT64_MIN: never. Kept by the caller; moved by a pick of all runs */
};

/* The ordinary pick, with Paimon's filter: a single file that is already at its level is no work.
 */
struct compact_unit compact_pick(const struct compact_options *o, const struct compact_run *runs,
                                 size_t count, int32_t max_level, struct compact_clock *clock);
/* All of level 0 upwards (ForceUpLevel0Compaction): the ordinary pick, else level 0 with what the
 * size ratio adds. */
struct compact_unit compact_pick_level0(const struct compact_options *o,
                                        const struct compact_run *runs, size_t count,
                                        int32_t max_level, struct compact_clock *clock);
/* Everything into the highest level (§2.4); nothing when there is one run that is there already. */
struct compact_unit compact_pick_full(const struct compact_run *runs, size_t count,
                                      int32_t max_level, struct compact_clock *clock);
/* The files of a unit, in the arena. */
void compact_pick_files(const struct compact_run *runs, struct compact_unit unit,
                        struct arena *arena, struct run_files *out);
/* §2.5: deletes may be left out when nothing older can lie below the output. */
static inline bool compact_pick_drops_deletes(const struct compact_levels *levels,
                                              struct compact_unit unit)
{
    return unit.level != 0 && unit.level >= levels->highest;
}
