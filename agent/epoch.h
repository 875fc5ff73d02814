/* agent/epoch.h: who owns a job: epochs, claimed by creating a file exclusively (design.md §5).
 *
 *   <checkpoint path>/epoch-<e>
 * {"version":1,"epoch":e,"host":…,"boot":…,"pid":…,"started":…,"interval_ms":…,"uuid":…}
 *   <checkpoint path>/ended-<e>   that agent stopped in order
 *
 * The highest epoch owns the job; its file is never deleted. Safety does not rest on this file
 * alone: every snapshot carries its epoch and is fenced when it is published (sink/commit.h).
 * Waiting here only keeps two live agents from chasing each other for ever. Thread: the job's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/stop.h"
#include "sink/fs/fs.h"

struct epoch {
    struct fs fs;
    const char *folder; /* borrowed */
    int64_t number;
    char uuid[37]; /* in the names of all files this agent makes */
};

/* Claims the next epoch. When the last owner neither ended in order nor is a dead process of this
 * host, watches its checkpoints for three intervals and fails with FAIL_OWNED if they move.
 * take_over: does not wait. */
MUST_USE bool epoch_claim(struct fs fs, const char *folder, uint64_t interval_ms, bool take_over,
                          struct stop *stop, struct epoch *out, struct error *err);
/* FAIL_OWNED when a higher epoch exists. */
MUST_USE bool epoch_check(const struct epoch *e, struct error *err);
/* An earlier agent whose file is still there: it may have left files that nobody lists. */
struct epoch_left {
    int64_t number;
    char uuid[37];
    bool gone; /* it ended in order, or is a dead process of this host: it will write no more */
};
/* All of them, in the arena. */
MUST_USE bool epoch_leftovers(const struct epoch *e, struct arena *arena, struct epoch_left **out,
                              size_t *out_count, struct error *err);
/* Nothing of it is left: its file may go. */
MUST_USE bool epoch_forget(const struct epoch *e, int64_t number, struct error *err);

/* Says that this agent ended in order. */
MUST_USE bool epoch_end(const struct epoch *e, struct error *err);
