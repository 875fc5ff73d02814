/* agent/sweep.h: removes files that a dead agent of this job made and never listed.
 *
 * All files of one agent carry its uuid in their names. Only an agent whose process is surely gone
 * is swept after, or one whose successor has already published to the table (then the fence stops
 * it): a paused agent's files must stay, because until then it could still list them. A file is
 * kept when any snapshot of the table names it. Thread: the job's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "sink/table.h"

/* Removes from the table's bucket and manifest folders what carries the uuid and no snapshot names,
 * and half-written drafts. *out_removed counts the former. Tables with more snapshots than the
 * limit are left alone. */
MUST_USE bool sweep_table(const struct table *t, const char *uuid, size_t *out_removed,
                          struct error *err);
