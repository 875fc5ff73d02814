/* agent/resolve.h: where each table stands when a pipeline starts, from the lake and the checkpoint
 * file (design.md §5). Pure decisions on an opened table; the table on it is in docs/guarantees.md.
 */
#pragma once

#include <stdbool.h>

#include "agent/checkpoint.h"
#include "base/error.h"
#include "sink/stamp.h"
#include "sink/table.h"

enum resolution {
    RESOLVE_FRESH,  /* unknown to this job: first copy from the start */
    RESOLVE_RESUME, /* position and backfill are set; table->state says copying or live */
    RESOLVE_PARK,   /* stays or is set aside: err says why */
};

/* found/stamp: the newest snapshot's stamp of this job, as table_open found it. known: the
 * checkpoint's entry or NULL. */
enum resolution resolve_table(struct table *t, bool found, const struct stamp *stamp,
                              const struct checkpoint_table *known, struct error *err);
