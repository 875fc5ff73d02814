/* connectors/mysql/mysql_mark.h: the mark of one chunk of a first copy: what its read showed is in
 * it (see `mark` in mysql_position.h). Thread: the link's. */
#pragma once

#include <stdbool.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/position.h"
#include "base/stop.h"
#include "connectors/mysql/mysql_check.h"
#include "connectors/mysql/mysql_link.h"

/* Around a read: begin opens a snapshot that shows all that the log had before the call, and takes
 * the log's end at once, as close above what the read shows as can be, and the GTIDs that are just
 * being committed (*out_owned; NULL where nobody needs it); end gives the mark: that end, with
 * those of the owned ones that were committed. */
MUST_USE bool mysql_mark_begin(struct mysql_link *l, const struct mysql_server *s,
                               struct stop *stop, struct position **out_owned,
                               struct position **out_end, struct error *err);
MUST_USE bool mysql_mark_end(struct mysql_link *l, const struct position *end,
                             const struct position *owned, struct stop *stop,
                             struct position **out_mark, struct error *err);
