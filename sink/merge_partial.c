/* partial-update (PartialUpdateMergeFunction of Paimon 1.4.2, step by step). */
#include <string.h>

#include "sink/merge_plan.h"

void merge_partial_begin(struct merge_state *s)
{
    s->met_insert = false;
    s->filled = false;
    s->current_delete = false;
    s->sequence = 0;
}

static bool null_refused(const struct merge_state *s, size_t column, struct error *err)
{
    return error_set(err, FAIL_SCHEMA, "column %.*s is NOT NULL, but a record has null in it",
                     STR_FMT(s->rule->schema->fields[column].name));
}

/* The whole row as it came, so that NOT NULL columns have values. */
static bool copy_row(struct merge_state *s, const struct value *values, struct error *err)
{
    const struct schema *schema = s->rule->schema;
    for (size_t c = 0; c < schema->field_count; c++) {
        if (values[c].state != VALUE_SET && !schema->fields[c].type.nullable) {
            return null_refused(s, c, err);
        }
        s->row[c] = values[c];
    }
    return true;
}

static struct aggregate_step step_of(struct merge_state *s, size_t column)
{
    return (struct aggregate_step){s->rule->aggregates[column], &s->arena, &s->seen[column]};
}

/* Without groups, aggregates are not asked. */
static bool update_plain(struct merge_state *s, const struct value *values, struct error *err)
{
    const struct schema *schema = s->rule->schema;
    for (size_t c = 0; c < schema->field_count; c++) {
        if (values[c].state == VALUE_SET) {
            s->row[c] = values[c];
        } else if (!schema->fields[c].type.nullable) {
            return null_refused(s, c, err);
        }
    }
    return true;
}

/* A group whose ordering columns are all null says nothing. Once found so, it stays so for this
 * record. */
static bool is_empty_group(struct merge_state *s, size_t group, const struct value *values)
{
    const struct merge_group *g = &s->rule->groups[group];
    if (s->empty_group[group]) {
        return true;
    }
    for (size_t i = 0; i < g->order_count; i++) {
        if (values[g->order[i]].state == VALUE_SET) {
            return false;
        }
    }
    s->empty_group[group] = true;
    return true;
}

/* Ascending, nulls first, always. */
static bool is_not_older(const struct merge_state *s, size_t group, const struct value *values)
{
    const struct merge_group *g = &s->rule->groups[group];
    for (size_t i = 0; i < g->order_count; i++) {
        size_t c = g->order[i];
        int order =
            merge_rule_compare_column(&s->rule->schema->fields[c].type, &values[c], &s->row[c]);
        if (order != 0) {
            return order > 0;
        }
    }
    return true;
}

static bool update_grouped_column(struct merge_state *s, size_t c, const struct value *values,
                                  struct error *err)
{
    const struct merge_rule *r = s->rule;
    size_t group = r->group_of[c];
    struct aggregate_step step = step_of(s, c);
    if (is_empty_group(s, group, values)) {
        return true;
    }
    if (!is_not_older(s, group, values)) {
        return step.aggregate == NULL ||
               aggregate_add_older(&step, &s->row[c], &values[c], &s->row[c], err);
    }
    if (r->orders[c]) {
        const struct merge_group *g = &r->groups[group];
        for (size_t i = 0; i < g->order_count; i++) {
            s->row[g->order[i]] = values[g->order[i]];
        }
        return true;
    }
    if (step.aggregate != NULL) {
        return aggregate_add(&step, &s->row[c], &values[c], &s->row[c], err);
    }
    s->row[c] = values[c]; /* a null, too */
    return true;
}

static bool update_groups(struct merge_state *s, const struct value *values, struct error *err)
{
    const struct merge_rule *r = s->rule;
    memset(s->empty_group, 0, r->group_count * sizeof(bool));
    for (size_t c = 0; c < r->schema->field_count; c++) {
        struct aggregate_step step = step_of(s, c);
        bool ok = true;
        if (r->group_of[c] != MERGE_NO_GROUP) {
            ok = update_grouped_column(s, c, values, err);
        } else if (step.aggregate != NULL) {
            ok = aggregate_add(&step, &s->row[c], &values[c], &s->row[c], err);
        } else if (values[c].state == VALUE_SET) {
            s->row[c] = values[c];
        }
        if (!ok) {
            return false;
        }
    }
    return true;
}

/* The ordering columns of a group whose record is taken back. *out_done: the record is gone. */
static bool retract_order(struct merge_state *s, const struct merge_group *g,
                          const struct run_row *row, bool *out_done, struct error *err)
{
    for (size_t i = 0; i < g->order_count; i++) {
        size_t c = g->order[i];
        if (s->handled[c]) {
            continue;
        }
        if (row->kind == ROW_DELETE && s->rule->removes[c]) {
            s->current_delete = true;
            *out_done = true;
            return copy_row(s, row->values, err);
        }
        s->row[c] = row->values[c];
        s->handled[c] = true;
    }
    return true;
}

static bool retract_groups(struct merge_state *s, const struct run_row *row, struct error *err)
{
    const struct merge_rule *r = s->rule;
    bool done = false;
    memset(s->empty_group, 0, r->group_count * sizeof(bool));
    memset(s->handled, 0, r->schema->field_count * sizeof(bool));
    for (size_t c = 0; c < r->schema->field_count && !done; c++) {
        size_t group = r->group_of[c];
        struct aggregate_step step = step_of(s, c);
        bool ok = true;
        if (group == MERGE_NO_GROUP || is_empty_group(s, group, row->values)) {
            continue;
        }
        bool newer = is_not_older(s, group, row->values);
        if (newer && r->orders[c]) {
            ok = retract_order(s, &r->groups[group], row, &done, err);
        } else if (step.aggregate != NULL) {
            ok = aggregate_retract(&step, &s->row[c], &row->values[c], &s->row[c], err);
        } else if (newer) {
            s->row[c] = (struct value){.state = VALUE_NULL};
        }
        if (!ok) {
            return false;
        }
    }
    return true;
}

static bool retract(struct merge_state *s, const struct run_row *row, struct error *err)
{
    const struct merge_rule *r = s->rule;
    if (!s->filled) {
        if (!copy_row(s, row->values, err)) {
            return false;
        }
        s->filled = true;
    }
    if (r->ignore_delete) { /* files of old releases may still hold them */
        return true;
    }
    s->sequence = row->sequence;
    if (r->group_count > 0) {
        return retract_groups(s, row, err);
    }
    if (r->remove_on_delete) {
        s->current_delete = row->kind == ROW_DELETE;
        return !s->current_delete || copy_row(s, row->values, err);
    }
    return error_set(
        err, FAIL_SCHEMA,
        "a table of merge-engine partial-update cannot take a -U or -D record; set the "
        "table option 'ignore-delete', 'partial-update.remove-record-on-delete' or "
        "sequence groups");
}

bool merge_partial_add(struct merge_state *s, const struct run_row *row, struct error *err)
{
    s->key = row->key;
    s->current_delete = false;
    if (!row_kind_is_add((enum row_kind)row->kind)) {
        return retract(s, row, err);
    }
    s->sequence = row->sequence;
    bool ok = s->rule->group_count == 0 ? update_plain(s, row->values, err)
                                        : update_groups(s, row->values, err);
    s->met_insert = true;
    s->filled = true;
    return ok;
}
