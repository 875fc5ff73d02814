/* agent/committer_table.h: for committer.c: one table's part of a mark: which copied chunks and
 * flushed files go into its snapshot, and what follows from the commit. Thread: the committer's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "agent/committer.h"

/* The table's snapshot of a mark, if there is anything to list. A failure of the table alone sets
 * it aside; false ends the pipeline. */
MUST_USE bool committer_table_commit(struct committer *c, size_t route, struct pending_mark *m,
                                     struct error *err);
/* The whole of a shared first copy, at the position of its snapshot. */
MUST_USE bool committer_table_list(struct committer *c, size_t route,
                                   const struct position *snapshot, struct error *err);
