/* agent/checkpoint_state.h: what a checkpoint file says of a running pipeline: the job's low
 * position and every table. Thread: the committer's. */
#pragma once

#include "agent/checkpoint.h"
#include "agent/pipeline.h"

/* Fills position and tables, in the arena. */
void checkpoint_state_fill(const struct pipeline *p, struct arena *arena, struct checkpoint *out);
