/* connectors/mysql/mysql_mark.h: around the read of one chunk of a first copy: a snapshot, and what
 * it shows (struct source_seen). Thread: the link's. */
#pragma once

#include <stdbool.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/position.h"
#include "base/stop.h"
#include "connectors/mysql/mysql_check.h"
#include "connectors/mysql/mysql_link.h"
#include "connectors/source.h"

/* Plain data: zeroed before the first begin. */
struct mysql_mark {
    struct position *low;   /* the snapshot shows it */
    struct position *end;   /* of the log, right after the snapshot was opened */
    struct position *owned; /* GTIDs just being committed then; NULL where nobody needs it */
};
void mysql_mark_release(struct mysql_mark *m);

/* Opens a snapshot that shows all that the log had before the call, and takes the log's end at
 * once, as close above what the read shows as can be. */
MUST_USE bool mysql_mark_begin(struct mysql_mark *m, struct mysql_link *l,
                               const struct mysql_server *s, struct stop *stop, struct error *err);
/* Closes the snapshot. high is the end, with those of the owned ones that were committed. */
MUST_USE bool mysql_mark_end(struct mysql_mark *m, struct mysql_link *l, struct stop *stop,
                             struct source_seen *out, struct error *err);
