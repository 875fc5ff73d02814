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
    /* The agent before: its files' uuid, whether it ended in order, whether its process is surely
     * gone. Number 0: none. */
    int64_t previous;
    char previous_uuid[37];
    bool previous_ended;
    bool previous_gone;
};

/* Claims the next epoch. When the last owner neither ended in order nor is a dead process of this
 * host, watches its checkpoints for three intervals and fails with FAIL_OWNED if they move.
 * take_over: does not wait. */
MUST_USE bool epoch_claim(struct fs fs, const char *folder, uint64_t interval_ms, bool take_over,
                          struct stop *stop, struct epoch *out, struct error *err);
/* FAIL_OWNED when a higher epoch exists. */
MUST_USE bool epoch_check(const struct epoch *e, struct error *err);
/* Says that this agent ended in order. */
MUST_USE bool epoch_end(const struct epoch *e, struct error *err);
