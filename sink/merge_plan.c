/* Reads a merge rule from a table's schema and options, with the checks of Paimon's
 * SchemaValidation and of its engines' factories. */
#include "sink/merge_plan.h"

#include "base/str.h"

#define FIELDS_PREFIX "fields."
#define GROUP_SUFFIX ".sequence-group"
#define PARTIAL_REMOVE "partial-update.remove-record-on-delete"
#define AGGREGATION_REMOVE "aggregation.remove-record-on-delete"

/* ---- option texts ---- */

static bool option_flag(const struct schema *s, const char *key, bool *out, struct error *err)
{
    struct str value = str_trim(schema_option(s, str_of(key)));
    *out = str_eq_nocase(value, STR("true"));
    if (value.ptr != NULL && !*out && !str_eq_nocase(value, STR("false"))) {
        return error_set(err, FAIL_SCHEMA, "table option '%s' is \"%.*s\", expected true or false",
                         key, STR_FMT(str_slice(value, 0, 40)));
    }
    return true;
}

/* ignore-delete and its older names, of which the first that is there counts, whatever the engine.
 */
static bool option_ignore_delete(const struct schema *s, bool *out, struct error *err)
{
    static const char *const keys[] = {"ignore-delete", "first-row.ignore-delete",
                                       "deduplicate.ignore-delete", "partial-update.ignore-delete"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (schema_option(s, str_of(keys[i])).ptr != NULL) {
            return option_flag(s, keys[i], out, err);
        }
    }
    *out = false;
    return true;
}

static bool find_column(const struct schema *s, struct str key, struct str name, size_t *out,
                        struct error *err)
{
    *out = schema_find(s, name);
    return *out != SIZE_MAX ||
           error_set(err, FAIL_SCHEMA, "table option '%.*s' names '%.*s', which is no column",
                     STR_FMT(str_slice(key, 0, 80)), STR_FMT(str_slice(name, 0, 80)));
}

/* "a,b": columns by index; blanks count as part of a name unless `trim`. */
static bool read_columns(struct merge_rule *r, struct str key, struct str list, bool trim,
                         const size_t **out, size_t *out_count, struct error *err)
{
    size_t *columns = ARENA_ARRAY(&r->arena, size_t, list.len + 1);
    struct str name;
    size_t count = 0;
    while (str_next(&list, ',', &name)) {
        if (!find_column(r->schema, key, trim ? str_trim(name) : name, &columns[count], err)) {
            return false;
        }
        count++;
    }
    *out = columns;
    *out_count = count;
    return true;
}

static size_t in_columns(const size_t *columns, size_t count, size_t column)
{
    for (size_t i = 0; i < count; i++) {
        if (columns[i] == column) {
            return i;
        }
    }
    return SIZE_MAX;
}

static bool is_key(const struct schema *s, size_t column)
{
    return in_columns(s->primary_key, s->primary_key_count, column) != SIZE_MAX;
}

static struct str field_function(const struct schema *s, size_t column)
{
    for (size_t i = 0; i < s->option_count; i++) {
        struct str key = s->options[i].key;
        struct str name = s->fields[column].name;
        if (str_starts(key, STR(FIELDS_PREFIX)) && str_ends(key, STR(".aggregate-function")) &&
            str_eq(str_slice(key, sizeof(FIELDS_PREFIX) - 1,
                             key.len - sizeof(".aggregate-function") + 1),
                   name)) {
            return s->options[i].value;
        }
    }
    return (struct str){0};
}

/* ---- engine, order, kind ---- */

static bool read_engine(struct merge_rule *r, struct error *err)
{
    static const char *const names[] = {[MERGE_DEDUPLICATE] = "deduplicate",
                                        [MERGE_FIRST_ROW] = "first-row",
                                        [MERGE_PARTIAL_UPDATE] = "partial-update",
                                        [MERGE_AGGREGATION] = "aggregation"};
    struct str name = str_trim(schema_option(r->schema, STR("merge-engine")));
    r->engine = MERGE_DEDUPLICATE;
    if (name.ptr == NULL) {
        return true;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (str_eq_nocase(name, str_of(names[i]))) {
            r->engine = (enum merge_engine)i;
            return true;
        }
    }
    return error_set(err, FAIL_SCHEMA,
                     "table option 'merge-engine' is \"%.*s\", expected deduplicate, "
                     "partial-update, aggregation or first-row",
                     STR_FMT(str_slice(name, 0, 40)));
}

static bool is_cross_partition(const struct schema *s)
{
    for (size_t i = 0; i < s->partition_key_count; i++) {
        if (!is_key(s, s->partition_key[i])) {
            return true;
        }
    }
    return false;
}

static bool check_order_column(const struct merge_rule *r, size_t i, struct error *err)
{
    const struct schema_field *f = &r->schema->fields[r->sequence[i]];
    if (type_is_nested(&f->type)) {
        return error_set(err, FAIL_SCHEMA,
                         "table option 'sequence.field': column '%.*s' is of a nested type, which "
                         "has no order",
                         STR_FMT(f->name));
    }
    if (in_columns(r->sequence, i, r->sequence[i]) != SIZE_MAX) {
        return error_set(err, FAIL_SCHEMA, "table option 'sequence.field' names '%.*s' twice",
                         STR_FMT(f->name));
    }
    if (field_function(r->schema, r->sequence[i]).ptr != NULL) {
        return error_set(err, FAIL_SCHEMA,
                         "column '%.*s' of table option 'sequence.field' must not have an "
                         "aggregate function",
                         STR_FMT(f->name));
    }
    return true;
}

static bool read_direction(struct merge_rule *r, struct error *err)
{
    struct str order = str_trim(schema_option(r->schema, STR("sequence.field.sort-order")));
    r->descending = str_eq_nocase(order, STR("descending"));
    return order.ptr == NULL || r->descending || str_eq_nocase(order, STR("ascending")) ||
           error_set(err, FAIL_SCHEMA,
                     "table option 'sequence.field.sort-order' is \"%.*s\", expected ascending or "
                     "descending",
                     STR_FMT(str_slice(order, 0, 40)));
}

static bool read_order(struct merge_rule *r, struct error *err)
{
    struct str list = schema_option(r->schema, STR("sequence.field"));
    if (list.ptr == NULL) {
        return true;
    }
    const size_t *columns = NULL;
    if (!read_columns(r, STR("sequence.field"), list, true, &columns, &r->sequence_count, err)) {
        return false;
    }
    r->sequence = ARENA_ARRAY(&r->arena, size_t, r->sequence_count);
    for (size_t i = 0; i < r->sequence_count; i++) {
        r->sequence[i] = columns[i];
        if (!check_order_column(r, i, err)) {
            return false;
        }
    }
    return !is_cross_partition(r->schema) ||
           error_set(err, FAIL_SCHEMA,
                     "table option 'sequence.field' needs a primary key that holds all partition "
                     "columns");
}

static bool read_kind_column(struct merge_rule *r, struct error *err)
{
    struct str name = schema_option(r->schema, STR("rowkind.field"));
    r->kind_column = SIZE_MAX;
    if (name.ptr == NULL) {
        return true;
    }
    return find_column(r->schema, STR("rowkind.field"), name, &r->kind_column, err) &&
           (type_is_text(&r->schema->fields[r->kind_column].type) ||
            error_set(err, FAIL_SCHEMA,
                      "table option 'rowkind.field': column '%.*s' is no text (CHAR, VARCHAR, "
                      "STRING)",
                      STR_FMT(name)));
}

/* ---- fields.* ---- */

/* fields.<column>[,<column>…].<what>: only what is known, of columns that there are. */
static bool check_field_option(const struct schema *s, struct str key, struct error *err)
{
    static const char *const known[] = {
        "aggregate-function", "ignore-retract", "distinct", "list-agg-delimiter", "sequence-group",
        "nested-key",         "count-limit",    "ts-field", "stats-mode",
    };
    struct str rest = str_slice(key, sizeof(FIELDS_PREFIX) - 1, key.len);
    struct str names;
    struct str name;
    (void)str_next(&rest, '.', &names);
    if (str_eq(names, STR("default-aggregate-function")) && rest.ptr == NULL) {
        return true;
    }
    while (str_next(&names, ',', &name)) {
        size_t column;
        if (!find_column(s, key, name, &column, err)) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (str_eq(rest, str_of(known[i]))) {
            return true;
        }
    }
    return error_set(err, FAIL_SCHEMA,
                     "table option '%.*s' is not known here, and such options say how rows are "
                     "merged",
                     STR_FMT(str_slice(key, 0, 120)));
}

static bool check_field_options(const struct schema *s, struct error *err)
{
    for (size_t i = 0; i < s->option_count; i++) {
        struct str key = s->options[i].key;
        if (str_starts(key, STR(FIELDS_PREFIX)) && !check_field_option(s, key, err)) {
            return false;
        }
    }
    return true;
}

/* ---- partial-update ---- */

/* Puts a column into a group. Paimon refuses a column protected twice; an ordering column that
 * another group protects or orders by, too, it takes, and what it then does depends on the order of
 * a hash map: refused here. */
static bool join_group(struct merge_rule *r, struct str key, size_t group, size_t column,
                       bool orders, struct error *err)
{
    if (r->group_of[column] != MERGE_NO_GROUP && !(r->group_of[column] == group && orders)) {
        return error_set(err, FAIL_SCHEMA,
                         "table option '%.*s': column '%.*s' is in more than one sequence group",
                         STR_FMT(str_slice(key, 0, 120)), STR_FMT(r->schema->fields[column].name));
    }
    r->group_of[column] = group;
    r->orders[column] = r->orders[column] || orders;
    return true;
}

/* fields.g1,g2.sequence-group = a,b */
static bool read_group(struct merge_rule *r, struct schema_option option, struct error *err)
{
    size_t at = r->group_count;
    struct merge_group *g = &r->groups[at];
    struct str names = str_slice(option.key, sizeof(FIELDS_PREFIX) - 1,
                                 option.key.len - (sizeof(GROUP_SUFFIX) - 1));
    const size_t *columns = NULL;
    size_t count = 0;
    if (!read_columns(r, option.key, names, false, &g->order, &g->order_count, err) ||
        !read_columns(r, option.key, option.value, false, &columns, &count, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!join_group(r, option.key, at, columns[i], false, err)) {
            return false;
        }
    }
    for (size_t i = 0; i < g->order_count; i++) {
        if (type_is_nested(&r->schema->fields[g->order[i]].type)) {
            return error_set(err, FAIL_SCHEMA,
                             "table option '%.*s': column '%.*s' is of a nested type, which has no "
                             "order",
                             STR_FMT(str_slice(option.key, 0, 120)),
                             STR_FMT(r->schema->fields[g->order[i]].name));
        }
        if (!join_group(r, option.key, at, g->order[i], true, err)) {
            return false;
        }
    }
    r->group_count++;
    return true;
}

static bool conflict(const char *a, const char *b, struct error *err)
{
    return error_set(err, FAIL_SCHEMA, "table options '%s' and '%s' do not go together", a, b);
}

static bool read_removes(struct merge_rule *r, struct error *err)
{
    static const char key[] = "partial-update.remove-record-on-sequence-group";
    struct str list = schema_option(r->schema, str_of(key));
    const size_t *columns = NULL;
    size_t count = 0;
    if (list.ptr == NULL) {
        return true;
    }
    if (r->ignore_delete) {
        return conflict("ignore-delete", key, err);
    }
    if (!read_columns(r, str_of(key), list, false, &columns, &count, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!r->orders[columns[i]]) {
            return error_set(err, FAIL_SCHEMA,
                             "table option '%s': column '%.*s' is not one that a sequence group is "
                             "ordered by",
                             key, STR_FMT(r->schema->fields[columns[i]].name));
        }
        r->removes[columns[i]] = true;
        r->removes_any = true;
    }
    return true;
}

static bool read_groups(struct merge_rule *r, struct error *err)
{
    const struct schema *s = r->schema;
    r->groups = ARENA_ARRAY(&r->arena, struct merge_group, s->option_count);
    for (size_t i = 0; i < s->option_count; i++) {
        if (str_starts(s->options[i].key, STR(FIELDS_PREFIX)) &&
            str_ends(s->options[i].key, STR(GROUP_SUFFIX)) && !read_group(r, s->options[i], err)) {
            return false;
        }
    }
    if (r->remove_on_delete && r->group_count > 0) {
        return conflict("fields.….sequence-group", PARTIAL_REMOVE, err);
    }
    return read_removes(r, err);
}

/* ---- functions ---- */

/* The function of a column, or ptr NULL. */
static bool function_of(const struct merge_rule *r, size_t c, struct str *out, struct error *err)
{
    bool partial = r->engine == MERGE_PARTIAL_UPDATE;
    *out = (struct str){0};
    if (partial && r->orders[c]) {
        return true;
    }
    if (!partial && in_columns(r->sequence, r->sequence_count, c) != SIZE_MAX) {
        *out = STR("last_value");
        return true;
    }
    if (is_key(r->schema, c)) {
        *out = STR("primary-key");
        return true;
    }
    *out = field_function(r->schema, c);
    if (out->ptr == NULL) {
        *out = schema_option(r->schema, STR("fields.default-aggregate-function"));
    }
    if (out->ptr == NULL && !partial) {
        *out = STR("last_non_null_value");
    }
    if (partial && out->ptr != NULL && !str_eq(*out, STR("last_non_null_value")) &&
        r->group_of[c] == MERGE_NO_GROUP) {
        return error_set(err, FAIL_SCHEMA,
                         "column '%.*s' has the aggregate function %.*s, but is in no sequence "
                         "group: merge-engine partial-update needs one",
                         STR_FMT(r->schema->fields[c].name), STR_FMT(str_slice(*out, 0, 40)));
    }
    return true;
}

static bool read_functions(struct merge_rule *r, struct error *err)
{
    bool removes = false; /* in partial-update, too */
    if (!option_flag(r->schema, AGGREGATION_REMOVE, &removes, err)) {
        return false;
    }
    for (size_t c = 0; c < r->schema->field_count; c++) {
        struct str name;
        if (!function_of(r, c, &name, err)) {
            return false;
        }
        if (name.ptr == NULL) {
            continue;
        }
        struct aggregate *a = ARENA_ARRAY(&r->arena, struct aggregate, 1);
        if (!aggregate_new(r->schema, c, name, &r->arena, a, err)) {
            return false;
        }
        if (removes && a->ignore_retract) {
            return conflict("fields.….ignore-retract", AGGREGATION_REMOVE, err);
        }
        r->aggregates[c] = a;
    }
    return true;
}

static bool check_first_row(const struct merge_rule *r, struct error *err)
{
    if (r->engine != MERGE_FIRST_ROW) {
        return true;
    }
    if (schema_option(r->schema, STR("sequence.field")).ptr != NULL) {
        return error_set(err, FAIL_SCHEMA,
                         "table option 'sequence.field' does not go with merge-engine first-row");
    }
    struct str producer = str_trim(schema_option(r->schema, STR("changelog-producer")));
    struct str vectors = str_trim(schema_option(r->schema, STR("deletion-vectors.enabled")));
    if (producer.ptr != NULL && !str_eq_nocase(producer, STR("none")) &&
        !str_eq_nocase(producer, STR("lookup"))) {
        return error_set(err, FAIL_SCHEMA,
                         "merge-engine first-row does not go with changelog-producer %.*s, only "
                         "with none and lookup",
                         STR_FMT(str_slice(producer, 0, 40)));
    }
    return !str_eq_nocase(vectors, STR("true")) ||
           error_set(err, FAIL_SCHEMA,
                     "merge-engine first-row does not go with deletion-vectors.enabled");
}

/* CoreOptions.needLookup. deduplicate comes to the same without, first-row has a way of its own. */
static bool read_lookup(struct merge_rule *r, struct error *err)
{
    bool vectors;
    bool forced;
    struct str producer = str_trim(schema_option(r->schema, STR("changelog-producer")));
    if (!option_flag(r->schema, "deletion-vectors.enabled", &vectors, err) ||
        !option_flag(r->schema, "force-lookup", &forced, err)) {
        return false;
    }
    r->lookup = (r->engine == MERGE_PARTIAL_UPDATE || r->engine == MERGE_AGGREGATION) &&
                (vectors || forced || str_eq_nocase(producer, STR("lookup")));
    return true;
}

bool merge_plan_read_options(struct merge_rule *r, struct error *err)
{
    if (!read_engine(r, err) || !option_ignore_delete(r->schema, &r->ignore_delete, err) ||
        !option_flag(r->schema, "ignore-update-before", &r->ignore_update_before, err) ||
        !read_direction(r, err) || !check_first_row(r, err)) {
        return false;
    }
    bool partial = r->engine == MERGE_PARTIAL_UPDATE;
    bool removes = false;
    if (!option_flag(r->schema, partial ? PARTIAL_REMOVE : AGGREGATION_REMOVE, &removes, err)) {
        return false;
    }
    if (partial && removes && r->ignore_delete) {
        return conflict("ignore-delete", PARTIAL_REMOVE, err);
    }
    if (!read_lookup(r, err)) {
        return false;
    }
    r->remove_on_delete = removes && (partial || r->engine == MERGE_AGGREGATION);
    return true;
}

bool merge_plan_read(struct merge_rule *r, struct error *err)
{
    size_t columns = r->schema->field_count;
    r->aggregates = ARENA_ARRAY(&r->arena, const struct aggregate *, columns);
    r->group_of = ARENA_ARRAY(&r->arena, size_t, columns);
    r->orders = ARENA_ARRAY(&r->arena, bool, columns);
    r->removes = ARENA_ARRAY(&r->arena, bool, columns);
    for (size_t c = 0; c < columns; c++) {
        r->group_of[c] = MERGE_NO_GROUP;
    }
    if (!merge_plan_read_options(r, err) || !check_field_options(r->schema, err) ||
        !read_order(r, err) || !read_kind_column(r, err) ||
        (r->engine == MERGE_PARTIAL_UPDATE && !read_groups(r, err))) {
        return false;
    }
    bool functions = r->engine == MERGE_PARTIAL_UPDATE || r->engine == MERGE_AGGREGATION;
    return !functions || read_functions(r, err);
}
