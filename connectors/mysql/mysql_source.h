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
