/* Follows a merge rule over the records of one key. */
#include <string.h>

#include "base/mem.h"
#include "sink/merge_plan.h"

struct merge_state *merge_state_new(const struct merge_rule *r, bool merges_one)
{
    struct merge_state *s = MEM_NEW(struct merge_state);
    s->rule = r;
    s->merges_one = merges_one;
    s->row = MEM_ARRAY(struct value, r->schema->field_count);
    s->seen = MEM_ARRAY(bool, r->schema->field_count);
    s->handled = MEM_ARRAY(bool, r->schema->field_count);
    s->empty_group = MEM_ARRAY(bool, r->group_count);
    return s;
}

void merge_state_free(struct merge_state *s)
{
    if (s == NULL) {
        return;
    }
    arena_release(&s->arena);
    arena_release(&s->spare);
    mem_free(s->held);
    mem_free(s->levels);
    mem_free(s->row);
    mem_free(s->seen);
    mem_free(s->handled);
    mem_free(s->empty_group);
    mem_free(s);
}

void merge_state_begin(struct merge_state *s)
{
    s->count = 0;
    s->held_count = 0;
    s->has_best = false;
    s->settled = false;
}

/* There is something to merge. */
static void merge_begin(struct merge_state *s)
{
    size_t columns = s->rule->schema->field_count;
    arena_reset(&s->arena);
    if (merge_rule_picks(s->rule)) {
        return;
    }
    memset(s->row, 0, columns * sizeof(*s->row)); /* all null */
    memset(s->seen, 0, columns * sizeof(bool));
    merge_partial_begin(s);
}

static bool first_row_refused(struct error *err)
{
    return error_set(err, FAIL_SCHEMA,
                     "a table of merge-engine first-row cannot take a -U or -D record; set the "
                     "table option 'ignore-delete'");
}

/* AggregateMergeFunction. */
static bool aggregate_record(struct merge_state *s, const struct run_row *row, struct error *err)
{
    const struct merge_rule *r = s->rule;
    s->key = row->key;
    s->sequence = row->sequence;
    s->met_insert = true; /* the result is +I even when all were retracts */
    s->current_delete = r->remove_on_delete && row->kind == ROW_DELETE;
    bool add = row_kind_is_add((enum row_kind)row->kind);
    for (size_t c = 0; c < r->schema->field_count; c++) {
        struct aggregate_step step = {r->aggregates[c], &s->arena, &s->seen[c]};
        struct value *acc = &s->row[c];
        if (s->current_delete) { /* what follows is added to the values of the delete */
            *acc = row->values[c];
            if (acc->state != VALUE_SET && !r->schema->fields[c].type.nullable) {
                return error_set(err, FAIL_SCHEMA,
                                 "column %.*s is NOT NULL, but a -D record has null in it",
                                 STR_FMT(r->schema->fields[c].name));
            }
        } else if (add ? !aggregate_add(&step, acc, &row->values[c], acc, err)
                       : !aggregate_retract(&step, acc, &row->values[c], acc, err)) {
            return false;
        }
    }
    return true;
}

static bool merge_add(struct merge_state *s, const struct run_row *row, struct error *err)
{
    bool add = row_kind_is_add((enum row_kind)row->kind);
    switch (s->rule->engine) {
    case MERGE_DEDUPLICATE:
        if (add || !s->rule->ignore_delete) {
            s->best = *row;
            s->has_best = true;
            s->settled = false;
        }
        return true;
    case MERGE_FIRST_ROW:
        if (!add && !s->rule->ignore_delete) {
            return first_row_refused(err);
        }
        if (add && !s->has_best) {
            s->best = *row;
            s->has_best = true;
            s->settled = false;
        }
        return true;
    case MERGE_PARTIAL_UPDATE:
        return merge_partial_add(s, row, err);
    case MERGE_AGGREGATION:
        return aggregate_record(s, row, err);
    }
    return true;
}

static bool merge_only(struct merge_state *s, struct error *err)
{
    merge_begin(s);
    return merge_add(s, &s->only, err);
}

static void hold(struct merge_state *s, const struct run_row *row, int32_t level)
{
    size_t levels = s->held_count;
    VEC_ROOM(s->held, s->held_count, s->held_cap);
    VEC_ROOM(s->levels, levels, s->levels_cap);
    s->held[s->held_count] = *row;
    s->levels[s->held_count++] = level;
}

bool merge_state_add(struct merge_state *s, const struct run_row *row, int32_t level,
                     struct error *err)
{
    s->count++;
    if (s->rule->lookup && level >= 0) {
        hold(s, row, level);
    }
    if (s->count == 1) {
        s->only = *row;
        return true;
    }
    if (s->held_count > 0) {
        return true; /* which of them count is known at the end */
    }
    return (s->count > 2 || merge_only(s, err)) && merge_add(s, row, err);
}

/* LookupMergeFunction.getResult. */
static bool merge_held(struct merge_state *s, struct error *err)
{
    size_t whole = SIZE_MAX;
    for (size_t i = 0; i < s->held_count; i++) {
        if (s->levels[i] > 0 && (whole == SIZE_MAX || s->levels[i] < s->levels[whole])) {
            whole = i;
        }
    }
    merge_begin(s);
    for (size_t i = 0; i < s->held_count; i++) {
        if ((s->levels[i] <= 0 || i == whole) && !merge_add(s, &s->held[i], err)) {
            return false;
        }
    }
    return true;
}

enum next merge_state_result(struct merge_state *s, struct run_row *out, struct error *err)
{
    must(s->count > 0);
    if (s->count == 1 && !s->merges_one) {
        *out = s->only;
        return NEXT_ROW;
    }
    if (s->held_count > 0 ? !merge_held(s, err) : s->count == 1 && !merge_only(s, err)) {
        return NEXT_FAIL;
    }
    if (merge_rule_picks(s->rule)) {
        *out = s->best;
        return s->has_best ? NEXT_ROW : NEXT_END;
    }
    bool gone = s->current_delete || !s->met_insert;
    *out = (struct run_row){.key = s->key,
                            .values = s->row,
                            .sequence = s->sequence,
                            .kind = gone ? ROW_DELETE : ROW_INSERT};
    return NEXT_ROW;
}

void merge_state_settle(struct merge_state *s)
{
    const struct schema *schema = s->rule->schema;
    bool picks = merge_rule_picks(s->rule);
    must(s->count > 1 && s->held_count == 0);
    if (picks && (!s->has_best || s->settled)) {
        return;
    }
    struct value *own =
        row_copy(&s->spare, schema->fields, schema->field_count, picks ? s->best.values : s->row);
    if (picks) {
        s->best.values = own;
        s->best.key = NULL;
        s->settled = true;
    } else {
        memcpy(s->row, own, schema->field_count * sizeof(*own));
        s->key = NULL;
    }
    struct arena old = s->arena;
    s->arena = s->spare;
    s->spare = old;
    arena_reset(&s->spare);
}
