/* connectors/mysql/mysql_shared.h: several connections that see one snapshot.
 *
 * FLUSH TABLES WITH READ LOCK stops commits for the moment in which all connections open their
 * consistent snapshots and the position is read. One connection to MariaDB needs no lock: its
 * snapshot knows its place by itself. Thread: job's; each link then belongs to one reader. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/position.h"
#include "connectors/mysql/mysql_check.h"
#include "connectors/mysql/mysql_link.h"

struct mysql_shared {
    struct mysql_link **links;
    size_t count;
    struct position *position;
};

/* Opens links by the login. FAIL_DENIED without the RELOAD right, FAIL_IO when the lock cannot be
 * had because of long statements. */
MUST_USE bool mysql_shared_open(const struct mysql_login *login, const struct mysql_server *server,
                                struct stop *stop, size_t count, struct mysql_shared *out,
                                struct error *err);
void mysql_shared_close(struct mysql_shared *s); /* may be repeated */
