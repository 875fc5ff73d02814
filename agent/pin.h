/* agent/pin.h: consumer files (Paimon's consumer/consumer-<id>), which keep our newest snapshot of
 * a table from every writer's expiry: without it a restart would not find where the table stands.
 * Thread: the committer's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "sink/table.h"

struct pin {
    int64_t snapshot; /* kept; 0: none yet in this run */
    uint64_t moved_ms;
};

/* Moves the table's pin to its newest own snapshot, at most every two minutes, or now. A failed
 * write is logged and tried again at the next commit. */
void pin_move(struct pin *p, const struct table *t, struct str job, bool now);
/* At an orderly end: nothing needs to be kept any more. */
void pin_remove(const struct table *t, struct str job);
