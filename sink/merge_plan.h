/* sink/merge_plan.h: a merge rule from the inside: merge_plan.c reads it from a table's options,
 * merge_state.c and merge_partial.c follow it. */
#pragma once

#include "base/arena.h"
#include "sink/aggregate.h"
#include "sink/merge_rule.h"

enum merge_engine { MERGE_DEDUPLICATE, MERGE_FIRST_ROW, MERGE_PARTIAL_UPDATE, MERGE_AGGREGATION };

#define MERGE_NO_GROUP SIZE_MAX

/* A sequence group of partial-update: its ordering columns. */
struct merge_group {
    const size_t *order;
    size_t order_count;
};

struct merge_rule {
    struct arena arena;
    const struct schema *schema;
    enum merge_engine engine;
    bool ignore_delete;
    bool ignore_update_before;
    bool lookup;           /* of rows above level 0 only the lowest level's counts */
    bool remove_on_delete; /* partial-update.… or aggregation.remove-record-on-delete */
    size_t kind_column;    /* rowkind.field; SIZE_MAX: none */

    size_t *sequence; /* sequence.field */
    size_t sequence_count;
    bool descending;

    /* partial-update and aggregation; by column */
    const struct aggregate **aggregates; /* NULL: none */
    size_t *group_of;                    /* that protects the column, or orders by it */
    bool *orders;                        /* an ordering column of its group */
    bool *removes;                       /* partial-update.remove-record-on-sequence-group */
    bool removes_any;
    struct merge_group *groups;
    size_t group_count;
};

struct merge_state {
    const struct merge_rule *rule;
    struct arena arena, spare; /* what the group's values need; spare: for settling */
    bool merges_one;           /* a lone record, too, goes through the rule */
    size_t count;              /* records of the group */
    struct run_row only;       /* the first, while it is the only one */
    struct run_row best;       /* deduplicate, first-row */
    bool has_best;
    struct run_row *held; /* rule->lookup: the group's rows, and their levels */
    int32_t *levels;
    size_t held_count, held_cap, levels_cap;
    bool settled; /* `best` is our own already */

    /* partial-update, aggregation */
    struct value *row;
    bool *seen; /* by column: what its function remembers */
    bool *empty_group, *handled;
    const struct value *key;
    int64_t sequence;
    bool current_delete;
    bool filled;
    bool met_insert;
};

/* What the options say without the columns. */
MUST_USE bool merge_plan_read_options(struct merge_rule *r, struct error *err);
/* Fills a rule that has its schema. */
MUST_USE bool merge_plan_read(struct merge_rule *r, struct error *err);

/* One ordering column as Paimon's generated comparators do: nulls first; floats by < and >, so that
 * zeroes are equal whatever their sign, and NaN is equal to all. */
int merge_rule_compare_column(const struct type *t, const struct value *a, const struct value *b);

void merge_partial_begin(struct merge_state *s);
MUST_USE bool merge_partial_add(struct merge_state *s, const struct run_row *row,
                                struct error *err);
