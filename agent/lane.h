/* agent/lane.h: the stream lane: one thread that receives, decodes, routes and keys the changes of
 * a source's stream, hands them to the bucket writers, and makes the marks (design.md §2). */
#pragma once

#include "agent/pipeline.h"

struct lane_args {
    struct pipeline *pipeline;
    int64_t first_mark; /* number of its first mark */
};

/* Thread body. Ends with EVENT_LANE_END after its last mark (drained, or the target reached), or
 * with EVENT_FAILED. */
void *lane_run(void *args);
