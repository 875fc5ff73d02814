/* agent/made_row.h: made-up rows for tests and trials: a function of row number and salt, the same
 * as the judge's (tests/judge, operation "gen"), so that two programs write the same tables.
 * Thread: pure. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/row.h"
#include "base/schema.h"

/* Keys are the number itself, cut to their type; nested columns are null. */
void made_row(const struct schema *s, int64_t number, int64_t salt, struct arena *arena,
              struct value *out_values);
