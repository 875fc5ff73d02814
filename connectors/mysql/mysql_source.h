/* connectors/mysql/mysql_source.h: MySQL and MariaDB behind the source seam (connectors/source.h).
 *
 * Wires link, checks, catalog, copy and stream together; decides nothing about rows. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/str.h"
#include "connectors/source.h"

extern const struct source_ops mysql_source_ops;

/* The server id of the job's stream: of `server-id` ("5401" or "5401-5404": the first), else of the
 * job's name, 5400…6400. FAIL_CONFIG. */
MUST_USE bool mysql_source_server_id(struct str option, struct str job_name, uint32_t *out,
                                     struct error *err);
