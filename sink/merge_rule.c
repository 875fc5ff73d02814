#include "sink/merge_rule.h"

#include "base/mem.h"
#include "base/str.h"
#include "sink/merge_plan.h"

bool merge_rule_new(const struct schema *schema, struct merge_rule **out, struct error *err)
{
    struct merge_rule *r = MEM_NEW(struct merge_rule);
    r->schema = schema;
    if (!merge_plan_read(r, err)) {
        merge_rule_free(r);
        return false;
    }
    *out = r;
    return true;
}

bool merge_rule_check_options(const struct schema *schema, struct error *err)
{
    struct merge_rule r = {.schema = schema};
    bool ok = merge_plan_read_options(&r, err);
    arena_release(&r.arena);
    return ok;
}

void merge_rule_free(struct merge_rule *r)
{
    if (r != NULL) {
        arena_release(&r->arena);
        mem_free(r);
    }
}

/* ---- properties ---- */

bool merge_rule_takes_last(const struct merge_rule *r)
{
    return r == NULL || (r->engine == MERGE_DEDUPLICATE && !r->ignore_delete);
}

bool merge_rule_picks(const struct merge_rule *r)
{
    return r == NULL || r->engine == MERGE_DEDUPLICATE || r->engine == MERGE_FIRST_ROW;
}

bool merge_rule_is_idempotent(const struct merge_rule *r)
{
    if (r == NULL || r->engine == MERGE_DEDUPLICATE) {
        return true;
    }
    if (r->engine != MERGE_PARTIAL_UPDATE) {
        return false;
    }
    for (size_t c = 0; c < r->schema->field_count; c++) {
        if (r->group_of[c] != MERGE_NO_GROUP && r->aggregates[c] != NULL) {
            return false;
        }
    }
    return true;
}

bool merge_rule_wants_before(const struct merge_rule *r)
{
    if (r == NULL || r->ignore_delete || r->ignore_update_before) {
        return false;
    }
    return r->engine == MERGE_AGGREGATION || r->group_count > 0;
}

bool merge_rule_hides_level0(const struct merge_rule *r)
{
    return r != NULL && r->engine == MERGE_FIRST_ROW;
}

bool merge_rule_needs_levels(const struct merge_rule *r)
{
    return r != NULL && r->lookup;
}

size_t merge_rule_order(const struct merge_rule *r, const size_t **out_columns)
{
    *out_columns = r == NULL ? NULL : r->sequence;
    return r == NULL ? 0 : r->sequence_count;
}

int merge_rule_compare_column(const struct type *t, const struct value *a, const struct value *b)
{
    if (a->state != VALUE_SET || b->state != VALUE_SET) {
        return (a->state == VALUE_SET) - (b->state == VALUE_SET);
    }
    if (t->kind == TYPE_FLOAT) {
        return (a->f4 > b->f4) - (a->f4 < b->f4);
    }
    if (t->kind == TYPE_DOUBLE) {
        return (a->f8 > b->f8) - (a->f8 < b->f8);
    }
    return value_compare(t, a, b);
}

int merge_rule_compare(const struct merge_rule *r, const struct value *a, const struct value *b)
{
    for (size_t i = 0; r != NULL && i < r->sequence_count; i++) {
        size_t c = r->sequence[i];
        int order = merge_rule_compare_column(&r->schema->fields[c].type, &a[c], &b[c]);
        if (order != 0) {
            bool nulls = a[c].state != VALUE_SET || b[c].state != VALUE_SET;
            return r->descending && !nulls ? -order : order;
        }
    }
    return 0;
}

/* ---- entry ---- */

static bool parse_kind(const struct merge_rule *r, const struct value *values, enum row_kind *kind,
                       struct error *err)
{
    static const struct {
        const char *text;
        enum row_kind kind;
    } kinds[] = {{"+I", ROW_INSERT},
                 {"-U", ROW_UPDATE_BEFORE},
                 {"+U", ROW_UPDATE_AFTER},
                 {"-D", ROW_DELETE}};
    const struct value *v = &values[r->kind_column];
    struct str name = r->schema->fields[r->kind_column].name;
    if (v->state != VALUE_SET) {
        return error_set(err, FAIL_SCHEMA, "column %.*s (rowkind.field) is null in a row",
                         STR_FMT(name));
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (str_eq_nocase(value_str(v), str_of(kinds[i].text))) {
            *kind = kinds[i].kind;
            return true;
        }
    }
    return error_set(err, FAIL_SCHEMA,
                     "column %.*s (rowkind.field) is \"%.*s\" in a row, expected +I, -U, +U or -D",
                     STR_FMT(name), STR_FMT(str_slice(value_str(v), 0, 20)));
}

static bool group_is_empty(const struct merge_rule *r, size_t group, const struct value *values)
{
    for (size_t i = 0; i < r->groups[group].order_count; i++) {
        if (values[r->groups[group].order[i]].state == VALUE_SET) {
            return false;
        }
    }
    return true;
}

/* A column whose function would fail at this retract in every merge, or SIZE_MAX. */
static size_t column_in_the_way(const struct merge_rule *r, const struct value *values,
                                enum row_kind kind)
{
    bool partial = r->engine == MERGE_PARTIAL_UPDATE;
    if (kind == ROW_DELETE && (r->removes_any || (!partial && r->remove_on_delete))) {
        return SIZE_MAX;
    }
    for (size_t c = 0; c < r->schema->field_count; c++) {
        if (r->aggregates[c] == NULL || aggregate_retracts(r->aggregates[c]) ||
            (partial &&
             (r->group_of[c] == MERGE_NO_GROUP || group_is_empty(r, r->group_of[c], values)))) {
            continue;
        }
        return c;
    }
    return SIZE_MAX;
}

static bool admit_retract(const struct merge_rule *r, const struct value *values,
                          enum row_kind kind, struct error *err)
{
    const char *what = kind == ROW_DELETE ? "delete (-D)" : "old image of an update (-U)";
    if (r->engine == MERGE_DEDUPLICATE) {
        return true;
    }
    if (r->engine == MERGE_FIRST_ROW) {
        return error_set(err, FAIL_SCHEMA,
                         "a %s came, which merge-engine first-row cannot take; set the table "
                         "option 'ignore-delete'",
                         what);
    }
    if (r->engine == MERGE_PARTIAL_UPDATE && r->group_count == 0 && !r->remove_on_delete) {
        return error_set(err, FAIL_SCHEMA,
                         "a %s came, which merge-engine partial-update cannot take; set the table "
                         "option 'ignore-delete', 'partial-update.remove-record-on-delete' or "
                         "sequence groups",
                         what);
    }
    size_t c = column_in_the_way(r, values, kind);
    return c == SIZE_MAX ||
           error_set(err, FAIL_SCHEMA,
                     "a %s came, which the function %s of column %.*s cannot take back; set the "
                     "table option 'fields.%.*s.ignore-retract', 'ignore-delete' or "
                     "'ignore-update-before'",
                     what, r->aggregates[c]->ops->name, STR_FMT(r->schema->fields[c].name),
                     STR_FMT(r->schema->fields[c].name));
}

bool merge_rule_admit(const struct merge_rule *r, const struct value *values, enum row_kind *kind,
                      bool *out_keep, struct error *err)
{
    *out_keep = true;
    if (r == NULL) {
        return true;
    }
    if (r->kind_column != SIZE_MAX && !parse_kind(r, values, kind, err)) {
        return false;
    }
    if (row_kind_is_add(*kind)) {
        return true;
    }
    *out_keep = !r->ignore_delete && !(r->ignore_update_before && *kind == ROW_UPDATE_BEFORE);
    return !*out_keep || admit_retract(r, values, *kind, err);
}
