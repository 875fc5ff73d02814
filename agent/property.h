/* agent/property.h: sink.table.properties of a job file, checked before any server is asked. */
#pragma once

#include "base/error.h"
#include "config/jobspec.h"

/* Every property must be one that new tables can have. FAIL_CONFIG with the property's line and
 * column: for values that are not supported, names that belong to the table itself, and names that
 * look like a mistyped one. Names that nobody knows and those that inlet ignores are taken, with
 * one warning each in the log. */
MUST_USE bool property_check(const struct jobspec *job, struct error *err);
