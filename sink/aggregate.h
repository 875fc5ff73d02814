/* sink/aggregate.h: the aggregate functions of columns (fields.<column>.aggregate-function), as
 * Paimon 1.4.2's mergetree/compact/aggregate does them, its quirks included: integers wrap, a
 * decimal of more than 18 digits that overflows becomes null, one of fewer is kept as it is.
 *
 * An aggregate is made once per column and is read-only; what a function remembers of one key
 * (first_value: that it has seen one) is the caller's. Inputs must stay valid as long as the
 * results of their key; results lie in the inputs or in the arena. Where Paimon's results come out
 * of a Java hash map (collect distinct, merge_map, nested_update) ours are in the order of first
 * appearance: equal as sets. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/row.h"
#include "base/schema.h"

struct aggregate_ops;

/* One column's function. */
struct aggregate {
    const struct aggregate_ops *ops;
    const struct type *type;
    struct str column;
    bool ignore_retract;       /* fields.<column>.ignore-retract */
    bool distinct;             /* collect, listagg */
    struct str delimiter;      /* listagg */
    size_t time_field;         /* merge_map_with_keytime: of the map's ROW */
    const size_t *nested_keys; /* nested_update, nested_partial_update: fields of the ROW */
    size_t nested_key_count;
    int64_t count_limit; /* nested_update */
};

/* One step of one column. `seen` is the function's memory of this key, false at first. */
struct aggregate_step {
    const struct aggregate *aggregate;
    struct arena *arena;
    bool *seen;
};

/* A family's row in the table of functions. */
struct aggregate_ops {
    const char *name;
    /* Whether the column's type and options fit. */
    bool (*check)(const struct aggregate *a, struct error *err);
    bool (*add)(const struct aggregate_step *s, const struct value *acc, const struct value *input,
                struct value *out, struct error *err);
    /* NULL: the function takes nothing back. */
    bool (*retract)(const struct aggregate_step *s, const struct value *acc,
                    const struct value *input, struct value *out, struct error *err);
    bool symmetric; /* an older record is added like a newer one */
};

/* The function `name` for a column of the schema, with its options. FAIL_SCHEMA by option and
 * column when there is no such function, the type does not fit, or no library has its format. */
MUST_USE bool aggregate_new(const struct schema *schema, size_t column, struct str name,
                            struct arena *arena, struct aggregate *out, struct error *err);

/* *out may be acc. Failures (FAIL_SCHEMA, FAIL_LIMIT, FAIL_CORRUPT) name the column. */
MUST_USE bool aggregate_add(const struct aggregate_step *s, const struct value *acc,
                            const struct value *input, struct value *out, struct error *err);
/* Adds a record that is older than what was added before (partial-update's groups). */
MUST_USE bool aggregate_add_older(const struct aggregate_step *s, const struct value *acc,
                                  const struct value *input, struct value *out, struct error *err);
MUST_USE bool aggregate_retract(const struct aggregate_step *s, const struct value *acc,
                                const struct value *input, struct value *out, struct error *err);
/* Retractions can be taken or are ignored. */
bool aggregate_retracts(const struct aggregate *a);

/* The families' tables; each ends with a name of NULL. */
extern const struct aggregate_ops aggregate_value_ops[];
extern const struct aggregate_ops aggregate_number_ops[];
extern const struct aggregate_ops aggregate_text_ops[];
extern const struct aggregate_ops aggregate_nested_ops[];
extern const struct aggregate_ops aggregate_bitmap_ops[];

/* A wide decimal in the arena. */
const int128 *aggregate_wide(struct arena *arena, int128 v);
