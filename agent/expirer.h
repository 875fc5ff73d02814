/* agent/expirer.h: expiry of old snapshots in the background, table by table, on the pipeline's
 * workers (sink/expire.h). Tables that are write-only, or whose files this program does not know
 * whole, are left to others. Thread: the committer's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/pin.h"
#include "agent/pipeline.h"
#include "sink/expire.h"

struct expirer {
    bool known; /* options were read */
    bool on;
    bool running;
    bool more; /* the last run ended at its limit */
    struct expire_options options;
    int64_t earliest; /* of the last run; 0: none yet */
    int64_t earliest_ms;
    uint64_t next_ms;   /* not before */
    uint64_t warned_ms; /* of a consumer that holds snapshots */
};

struct expiry; /* one run */

/* Starts a run when snapshots may have become too many or too old. Cheap: called after commits and
 * now and then. */
void expirer_consider(struct expirer *e, struct pin *pin, struct pipeline *p, uint32_t route);
/* A run came back (EVENT_EXPIRED); frees it. */
void expirer_finish(struct expirer *e, const struct pipeline *p, struct expiry *run);
void expirer_discard(struct expiry *run);
uint32_t expirer_route(const struct expiry *run);
