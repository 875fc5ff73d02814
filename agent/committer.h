/* agent/committer.h: the job's thread while a pipeline runs: takes events, publishes snapshots at
 * marks, writes checkpoint files, lets the source forget, starts compactions, sets tables aside.
 *
 * Order of one mark n, each step durable before the next:
 *   data files (writers) → manifests → snapshot of each table → checkpoint file → ack to the source
 * What a crash or another agent does between any two of them: docs/guarantees.md. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/checkpoint.h"
#include "agent/copy.h"
#include "agent/epoch.h"
#include "agent/expirer.h"
#include "agent/mark_list.h"
#include "agent/pin.h"
#include "agent/pipeline.h"
#include "agent/progress.h"

struct committer {
    struct pipeline *p;
    const struct epoch *epoch;
    const char *folder; /* of checkpoints */
    struct progress *progress;
    bool until_caught_up;
    int64_t mark;        /* newest committed */
    int64_t checkpoint;  /* number of the newest written */
    struct str *through; /* per route: where its copy goes on */
    struct copy *copy;

    struct mark_list marks;
    struct chunk_list *chunks; /* per route */
    struct position *
        *parking; /* per route: set aside at this position when its last rows are committed */
    char (*parking_reason)[512];
    bool copy_ended;
    bool lane_ended;
    int64_t last_mark; /* the lane's last, once it ended */
    uint64_t checkpoint_ms;
    uint64_t look_ms;
    uint64_t drain_ms;        /* when the drain was first seen */
    struct pin *pins;         /* per route */
    struct expirer *expirers; /* per route */
};

void committer_init(struct committer *c, struct pipeline *p);
/* Discards what was not committed; the pipeline's threads have ended. */
void committer_release(struct committer *c);

/* Writes the first checkpoint of this pipeline. */
MUST_USE bool committer_checkpoint(struct committer *c, struct error *err);
/* The shared first copy, before the stream: waits for its readers and lists every table with the
 * snapshot's position. */
MUST_USE bool committer_shared_copy(struct committer *c, const struct position *snapshot,
                                    struct error *err);
/* Until the lane ended in order (true) or something failed (false). */
MUST_USE bool committer_run(struct committer *c, struct error *err);
/* Removes this job's consumer files: at an orderly end nothing must be kept for it but the newest
 * snapshot. */
void committer_unpin(struct committer *c);

/* For committer_table.c. */

/* Sets a table aside at once. */
void committer_park(struct committer *c, size_t route, enum fail code, const char *reason);
/* Which failures of a commit concern only the table. */
bool committer_parks(enum fail code);
/* epoch · 2⁴⁰ + mark */
int64_t committer_identifier(const struct committer *c, int64_t mark);
