/* agent/row_parse.h: canonical rows (docs/cli.md, "Canonical rows") back into values: what
 * row_print_json printed. Values may point into the JSON document. Thread: pure functions. */
#pragma once

#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/json.h"
#include "base/row.h"
#include "base/schema.h"

/* Also taken: numbers of days and milliseconds for DATE and TIME, integers for DECIMAL, a blank for
 * the T of a TIMESTAMP, seconds left out, objects for MAP and MULTISET. FAIL_CONFIG says what was
 * expected. */
MUST_USE bool row_parse_value(const struct type *t, const struct json *n, struct arena *arena,
                              struct value *out, struct error *err);
/* An object by column name; columns that are not there are null. FAIL_CONFIG names the column. */
MUST_USE bool row_parse(const struct schema_field *fields, size_t count, const struct json *object,
                        struct arena *arena, struct value *out_values, struct error *err);
/* "+I", "-U", "+U", "-D" */
MUST_USE bool row_parse_kind(struct str text, enum row_kind *out, struct error *err);
