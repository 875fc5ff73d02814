/* agent/partition_key.h: the job's sink.partition.key, in Flink CDC's form:
 * `db.table:column,column;db.other:column`. Thread: pure functions. */
#pragma once

#include <stdbool.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/str.h"

/* FAIL_CONFIG names the part that is not of that form, or a table named twice. */
MUST_USE bool partition_key_check(struct str text, struct error *err);
/* The columns of a table, "column,column"; false when it is not named. */
bool partition_key_find(struct str text, struct str database, struct str table,
                        struct str *out_columns);
