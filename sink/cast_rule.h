/* sink/cast_rule.h: a cast from the inside: one rule a pair of type families, in the files
 * cast_number.c, cast_text.c, cast_parse.c and cast_time.c. */
#pragma once

#include <stdint.h>

#include "base/decimal.h"
#include "base/str.h"
#include "sink/cast.h"

#define CAST_DAY_MS 86400000

/* `in` is not null. */
typedef bool cast_rule(const struct cast *c, const struct value *in, struct arena *arena,
                       struct value *out, struct error *err);

struct cast {
    const struct type *from, *to;
    cast_rule *run;
    /* ARRAY: one part; MAP: key and value; ROW: one a field of `to`, or of `from` when it is
     * printed. NULL parts take values as they are. */
    const struct cast **parts;
    size_t *index; /* ROW: field of `from`, or SIZE_MAX: null */
    size_t count;
};

/* NULL when Paimon has no such rule. */
cast_rule *cast_number_rule(const struct type *from, const struct type *to);
cast_rule *cast_text_rule(const struct type *from, const struct type *to);
cast_rule *cast_parse_rule(const struct type *from, const struct type *to);
cast_rule *cast_time_rule(const struct type *from, const struct type *to);

static inline bool cast_is_integer(const struct type *t)
{
    return t->kind >= TYPE_TINYINT && t->kind <= TYPE_BIGINT;
}

static inline bool cast_is_float(const struct type *t)
{
    return t->kind == TYPE_FLOAT || t->kind == TYPE_DOUBLE;
}

static inline bool cast_is_timestamp(const struct type *t)
{
    return t->kind == TYPE_TIMESTAMP || t->kind == TYPE_TIMESTAMP_LTZ;
}

/* FAIL_SCHEMA: "'abc' is no INT" */
bool cast_refuse(struct str text, const struct type *to, struct error *err);
/* The value as people read it, for cast_refuse. */
bool cast_refuse_value(const struct type *from, const struct value *v, const struct type *to,
                       struct error *err);
/* Sets an unscaled number of to's scale; false when it has more digits than to's precision. */
MUST_USE bool cast_number_set_decimal(int128 unscaled, const struct type *to, struct arena *arena,
                                      struct value *out);

/* BigDecimal(text) rounded half up to the scale of `to`; false when the text is no number or the
 * result does not fit. */
MUST_USE bool cast_number_parse_decimal(struct str text, const struct type *to, struct arena *arena,
                                        struct value *out);
/* To a number's low bits, as Java narrows a long. */
int64_t cast_number_narrow(int64_t v, const struct type *to);

/* Text of any value whose type has a rule to STRING. Appends. */
void cast_text_print(const struct type *t, const struct value *v, struct buf *out);

/* Local time of an instant, in the process's zone: what is to be added. */
int64_t cast_time_offset_ms(int64_t instant_ms);
/* The instant of a local time, as Java's ZonedDateTime chooses it: in a gap the time after it by
 * the gap's length, of two the earlier. */
int64_t cast_time_instant_ms(int64_t local_ms);
/* Appends `2024-02-29`, `12:34:56.7`, `2024-02-29 12:34:56.789`. */
void cast_time_print(const struct type *t, const struct value *v, struct buf *out);
