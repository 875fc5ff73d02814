/* agent/checkpoint.h: the job's checkpoint files: <checkpoint path>/checkpoint-<epoch>-<n>, JSON,
 * exclusive, never changed.
 *
 * {"version":1,"epoch":e,"number":n,"mark":m,"position":"…","time_ms":…,
 *  "tables":[{"table":"db.t","uuid":"…","snapshot":17,"state":"copying|live|parked","again":true,"code":"schema","reason":"…","position":"…"
 * (when not the job's), "backfill":{…}}]}
 *
 * The newest is the one with the highest (epoch, number): a paused agent of a lower epoch cannot
 * hide a newer one's. It records what snapshots alone cannot tell: how far idle tables are, which
 * tables are set aside, and the last snapshot of ours in each (a table behind that was rolled
 * back). Thread: the job's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "sink/fs/fs.h"
#include "sink/stamp.h"
#include "sink/table.h"

struct checkpoint_table {
    struct str label; /* lake name, "db.table" */
    struct str uuid;
    int64_t snapshot; /* newest of ours; 0 none */
    enum table_state state;
    bool again; /* parked for what a human can mend from outside: tried again at the next start */
    enum fail code; /* of a parked table; FAIL_DIVERGED in files that do not say it */
    struct str reason;
    struct str position; /* text; equal to the job's when the file leaves it out */
    struct stamp_backfill backfill;
};

struct checkpoint {
    int64_t epoch;
    int64_t number;
    int64_t mark;
    int64_t time_ms;
    struct str position; /* low position of the job; text */
    struct checkpoint_table *tables;
    size_t table_count;
};

/* Everything lives in the arena. *out_found = false when there is none. */
MUST_USE bool checkpoint_load(struct fs fs, const char *folder, struct arena *arena,
                              struct checkpoint *out, bool *out_found, struct error *err);
const struct checkpoint_table *checkpoint_find(const struct checkpoint *c, struct str label);
/* Publishes checkpoint-<epoch>-<number>. FAIL_CONFLICT when that number is taken. */
MUST_USE bool checkpoint_write(struct fs fs, const char *folder, const struct checkpoint *c,
                               struct error *err);
/* Removes the files of lower (epoch, number) than the given one but for the `keep` newest of them;
 * failures are ignored. */
void checkpoint_prune(struct fs fs, const char *folder, int64_t epoch, int64_t number, size_t keep);
