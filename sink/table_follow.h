/* sink/table_follow.h: an open table goes on to snapshots that others published, by what each of
 * them changed where that is enough: of a table with many files only the delta is read.
 *
 * What a delta leads to is compared with the row count that the snapshot states; where they differ,
 * and after an OVERWRITE, the snapshot is read whole. Thread: the table's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/error.h"
#include "sink/table.h"

/* Makes the next snapshot (base.id + 1) the base. FAIL_CONFLICT when it is gone. */
MUST_USE bool table_follow(struct table *t, int64_t snapshot_id, struct error *err);
/* As many as there are. *out_moved: the base is another one now. A base that is gone or was made
 * again (expired, rolled back) is replaced by the newest snapshot. FAIL_DIVERGED: the schema file
 * is gone or another one: the table was dropped. */
MUST_USE bool table_follow_newest(struct table *t, bool *out_moved, struct error *err);
/* Finds out whether a first copy runs, from the newest snapshot that says so; goes back as far as
 * there are snapshots. Later ones are followed. */
MUST_USE bool table_follow_copy(struct table *t, struct error *err);
