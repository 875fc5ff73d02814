/* connectors/mysql/mysql_conf.h: what can be said of a source block without asking a server. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/str.h"
#include "connectors/mysql/mysql_options.h"

/* scan.startup.mode, in the order of the option's choices. */
enum mysql_conf_startup {
    MYSQL_CONF_STARTUP_INITIAL,
    MYSQL_CONF_STARTUP_LATEST,
    MYSQL_CONF_STARTUP_EARLIEST,
    MYSQL_CONF_STARTUP_SPECIFIC,
    MYSQL_CONF_STARTUP_SNAPSHOT,
    MYSQL_CONF_STARTUP_TIMESTAMP,
};

/* FAIL_CONFIG; *out_key is the key that is wrong. */
MUST_USE bool mysql_conf_check(const struct mysql_conf *conf, const char **out_key,
                               struct error *err);
/* The replica id: of a range the first, without an option one from 5400 to 6400 made from the job's
 * name. FAIL_CONFIG. */
MUST_USE bool mysql_conf_server_id(struct str option, struct str job_name, uint32_t *out,
                                   struct error *err);
