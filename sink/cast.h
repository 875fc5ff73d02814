/* sink/cast.h: values of one column type made into those of another, as Paimon's readers do when a
 * file is older than its table's schema (Paimon 1.4.2: SchemaEvolutionUtil, CastExecutors and the
 * rules in its package `casting`; paimon-format §2.5, §2.6).
 *
 * A cast is planned once for a pair of types and then run for each value. Where Java's result is
 * odd, it is odd here too: another program reads the same files. Only where Java throws or leaves
 * an object that its own writers trip over (a DECIMAL out of range), the value is refused, by its
 * text. Casts between TIMESTAMP_LTZ and the other types use the process's time zone (TZ), as Java
 * uses its own. Plans are plain data in an arena. Thread: pure functions. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/row.h"
#include "base/type.h"

/* Longest text or bytes that a cast pads to (CHAR(n), BINARY(n)) or prints. */
#define CAST_MAX_BYTES ((size_t)64 << 20)

struct cast;

/* Files hold values of `written`, the table wants `wanted`. *out = NULL: they are the same in
 * memory, no cast is needed. FAIL_SCHEMA when Paimon has no rule for the pair; names both types. */
MUST_USE bool cast_plan(const struct type *written, const struct type *wanted, struct arena *arena,
                        const struct cast **out, struct error *err);
/* ROWs are matched by field ids, and a ROW of which no field is left has no value at all in the
 * file: Paimon reads null. True when that is so of the pair, also deep in ARRAYs and MAPs. */
bool cast_is_absent(const struct type *written, const struct type *wanted);

/* Null stays null. The result may point into the input and into the arena. FAIL_SCHEMA when the
 * value has no counterpart; names it. */
MUST_USE bool cast_value(const struct cast *c, const struct value *in, struct arena *arena,
                         struct value *out, struct error *err);
