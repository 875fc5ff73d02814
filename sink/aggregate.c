#include "sink/aggregate.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

#define OPTION_MAX 4096

const int128 *aggregate_wide(struct arena *arena, int128 v)
{
    int128 *own = arena_alloc(arena, sizeof(*own));
    *own = v;
    return own;
}

static struct str field_option(const struct schema *s, struct str column, const char *what)
{
    struct buf key = BUF_INIT(OPTION_MAX);
    buf_printf(&key, "fields.%.*s.%s", STR_FMT(column), what);
    struct str value = schema_option(s, buf_str(&key));
    buf_release(&key);
    return value;
}

static bool field_flag(const struct schema *s, struct str column, const char *what, bool *out,
                       struct error *err)
{
    struct str value = field_option(s, column, what);
    *out = str_eq_nocase(value, STR("true"));
    if (value.ptr != NULL && !*out && !str_eq_nocase(value, STR("false"))) {
        return error_set(err, FAIL_SCHEMA,
                         "table option 'fields.%.*s.%s' is \"%.*s\", expected true or false",
                         STR_FMT(column), what, STR_FMT(str_slice(value, 0, 40)));
    }
    return true;
}

static const struct type *nested_row(const struct aggregate *a)
{
    const struct type *t = a->type;
    if (t->kind != TYPE_ARRAY && t->kind != TYPE_MAP) {
        return NULL;
    }
    return t->element->kind == TYPE_ROW ? t->element : NULL;
}

static size_t find_row_field(const struct type *row, struct str name)
{
    for (size_t i = 0; row != NULL && i < row->field_count; i++) {
        if (str_eq(row->fields[i].name, name)) {
            return i;
        }
    }
    return SIZE_MAX;
}

static bool no_field(const struct aggregate *a, const char *what, struct str name,
                     struct error *err)
{
    return error_set(err, FAIL_SCHEMA,
                     "table option 'fields.%.*s.%s': the ROWs of column %.*s have no field '%.*s'",
                     STR_FMT(a->column), what, STR_FMT(a->column), STR_FMT(str_slice(name, 0, 80)));
}

/* "k1, k2" */
static bool read_nested_key(const struct schema *s, struct arena *arena, struct aggregate *a,
                            struct error *err)
{
    struct str rest = field_option(s, a->column, "nested-key");
    const struct type *row = nested_row(a);
    if (rest.ptr == NULL || row == NULL) {
        return true; /* a column that is no ARRAY<ROW> is refused by its function */
    }
    size_t *keys = ARENA_ARRAY(arena, size_t, row->field_count);
    struct str name;
    while (str_next(&rest, ',', &name)) {
        size_t field = find_row_field(row, str_trim(name));
        if (field == SIZE_MAX || a->nested_key_count == row->field_count) {
            return no_field(a, "nested-key", str_trim(name), err);
        }
        keys[a->nested_key_count++] = field;
    }
    a->nested_keys = keys;
    return true;
}

static bool read_time_field(const struct schema *s, struct aggregate *a, struct error *err)
{
    const struct type *row = nested_row(a);
    struct str name = field_option(s, a->column, "ts-field");
    if (row == NULL || a->type->kind != TYPE_MAP || row->field_count == 0) {
        return true;
    }
    a->time_field = name.ptr == NULL ? row->field_count - 1 : find_row_field(row, name);
    return a->time_field != SIZE_MAX || no_field(a, "ts-field", name, err);
}

static bool read_options(const struct schema *s, struct arena *arena, struct aggregate *a,
                         struct error *err)
{
    struct str delimiter = field_option(s, a->column, "list-agg-delimiter");
    struct str limit = field_option(s, a->column, "count-limit");
    a->delimiter = delimiter.ptr == NULL ? STR(",") : delimiter;
    a->count_limit = INT32_MAX;
    if (limit.ptr != NULL && (!str_to_i64(str_trim(limit), &a->count_limit) ||
                              a->count_limit < INT32_MIN || a->count_limit > INT32_MAX)) {
        return error_set(err, FAIL_SCHEMA,
                         "table option 'fields.%.*s.count-limit' is \"%.*s\", expected a number",
                         STR_FMT(a->column), STR_FMT(str_slice(limit, 0, 40)));
    }
    return field_flag(s, a->column, "ignore-retract", &a->ignore_retract, err) &&
           field_flag(s, a->column, "distinct", &a->distinct, err) &&
           read_nested_key(s, arena, a, err) && read_time_field(s, a, err);
}

static const struct aggregate_ops *find_ops(struct str name)
{
    static const struct aggregate_ops *const families[] = {
        aggregate_value_ops, aggregate_number_ops, aggregate_text_ops, aggregate_nested_ops,
        aggregate_bitmap_ops};
    for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
        for (const struct aggregate_ops *ops = families[f]; ops->name != NULL; ops++) {
            if (str_eq(name, str_of(ops->name))) {
                return ops;
            }
        }
    }
    return NULL;
}

bool aggregate_new(const struct schema *schema, size_t column, struct str name, struct arena *arena,
                   struct aggregate *out, struct error *err)
{
    const struct schema_field *f = &schema->fields[column];
    struct aggregate a = {.ops = find_ops(name), .type = &f->type, .column = f->name};
    if (str_eq(name, STR("hll_sketch")) || str_eq(name, STR("theta_sketch"))) {
        return error_set(err, FAIL_SCHEMA,
                         "column %.*s: aggregate function %.*s is not supported: no C library "
                         "reads Apache DataSketches",
                         STR_FMT(f->name), STR_FMT(name));
    }
    if (str_eq(name, STR("rbm64"))) {
        return error_set(err, FAIL_SCHEMA,
                         "column %.*s: aggregate function rbm64 is not supported: Paimon writes "
                         "these bitmaps in a form of Java's own, which no C library reads; rbm32 "
                         "is supported",
                         STR_FMT(f->name));
    }
    if (a.ops == NULL) {
        return error_set(err, FAIL_SCHEMA, "column %.*s: there is no aggregate function '%.*s'",
                         STR_FMT(f->name), STR_FMT(str_slice(name, 0, 80)));
    }
    if (!read_options(schema, arena, &a, err) || !a.ops->check(&a, err)) {
        return false;
    }
    *out = a;
    return true;
}

static bool in_column(const struct aggregate_step *s, bool ok, struct error *err)
{
    const struct aggregate *a = s->aggregate;
    return ok || error_in(err, "%s of column %.*s", a->ops->name, STR_FMT(a->column));
}

bool aggregate_add(const struct aggregate_step *s, const struct value *acc,
                   const struct value *input, struct value *out, struct error *err)
{
    return in_column(s, s->aggregate->ops->add(s, acc, input, out, err), err);
}

/* FieldAggregator.aggReversed swaps the two; collect does not, unless FieldIgnoreRetractAgg, which
 * does not pass the call on, is around it. */
bool aggregate_add_older(const struct aggregate_step *s, const struct value *acc,
                         const struct value *input, struct value *out, struct error *err)
{
    const struct aggregate *a = s->aggregate;
    bool swap = !a->ops->symmetric || a->ignore_retract;
    return in_column(s, a->ops->add(s, swap ? input : acc, swap ? acc : input, out, err), err);
}

bool aggregate_retract(const struct aggregate_step *s, const struct value *acc,
                       const struct value *input, struct value *out, struct error *err)
{
    const struct aggregate *a = s->aggregate;
    if (a->ignore_retract) {
        *out = *acc;
        return true;
    }
    if (a->ops->retract == NULL) {
        return error_set(err, FAIL_SCHEMA,
                         "column %.*s: aggregate function %s cannot take a -U or -D record back; "
                         "set the table option 'fields.%.*s.ignore-retract' = 'true', "
                         "'ignore-delete' or 'ignore-update-before'",
                         STR_FMT(a->column), a->ops->name, STR_FMT(a->column));
    }
    return in_column(s, a->ops->retract(s, acc, input, out, err), err);
}

bool aggregate_retracts(const struct aggregate *a)
{
    return a->ignore_retract || a->ops->retract != NULL;
}
