/* Functions that choose one of the values they are given: last and first, least and greatest, and
 * the two of booleans. */
#include "sink/aggregate.h"

static bool check_any(const struct aggregate *a, struct error *err)
{
    (void)a;
    (void)err;
    return true;
}

/* InternalRowUtils.compare: neither BOOLEAN nor nested types. */
static bool check_comparable(const struct aggregate *a, struct error *err)
{
    return (a->type->kind != TYPE_BOOLEAN && !type_is_nested(a->type)) ||
           error_set(err, FAIL_SCHEMA,
                     "column %.*s: aggregate function %s cannot compare values of its type",
                     STR_FMT(a->column), a->ops->name);
}

static bool check_boolean(const struct aggregate *a, struct error *err)
{
    return a->type->kind == TYPE_BOOLEAN ||
           error_set(err, FAIL_SCHEMA, "column %.*s: aggregate function %s needs type BOOLEAN",
                     STR_FMT(a->column), a->ops->name);
}

static bool is_null(const struct value *v)
{
    return v->state != VALUE_SET;
}

static bool take_input(const struct aggregate_step *s, const struct value *acc,
                       const struct value *input, struct value *out, struct error *err)
{
    (void)s;
    (void)acc;
    (void)err;
    *out = *input;
    return true;
}

static bool take_null(const struct aggregate_step *s, const struct value *acc,
                      const struct value *input, struct value *out, struct error *err)
{
    (void)s;
    (void)acc;
    (void)input;
    (void)err;
    *out = (struct value){.state = VALUE_NULL};
    return true;
}

static bool last_non_null_add(const struct aggregate_step *s, const struct value *acc,
                              const struct value *input, struct value *out, struct error *err)
{
    (void)s;
    (void)err;
    *out = is_null(input) ? *acc : *input;
    return true;
}

static bool last_non_null_retract(const struct aggregate_step *s, const struct value *acc,
                                  const struct value *input, struct value *out, struct error *err)
{
    (void)s;
    (void)err;
    *out = is_null(input) ? *acc : (struct value){.state = VALUE_NULL};
    return true;
}

static bool first_add(const struct aggregate_step *s, const struct value *acc,
                      const struct value *input, struct value *out, struct error *err)
{
    (void)err;
    *out = *s->seen ? *acc : *input;
    *s->seen = true;
    return true;
}

static bool first_non_null_add(const struct aggregate_step *s, const struct value *acc,
                               const struct value *input, struct value *out, struct error *err)
{
    (void)err;
    bool take = !*s->seen && !is_null(input);
    *out = take ? *input : *acc;
    *s->seen = *s->seen || take;
    return true;
}

static bool max_add(const struct aggregate_step *s, const struct value *acc,
                    const struct value *input, struct value *out, struct error *err)
{
    (void)err;
    if (is_null(acc) || is_null(input)) {
        *out = is_null(acc) ? *input : *acc;
        return true;
    }
    *out = value_compare(s->aggregate->type, acc, input) < 0 ? *input : *acc;
    return true;
}

static bool min_add(const struct aggregate_step *s, const struct value *acc,
                    const struct value *input, struct value *out, struct error *err)
{
    (void)err;
    if (is_null(acc) || is_null(input)) {
        *out = is_null(acc) ? *input : *acc;
        return true;
    }
    *out = value_compare(s->aggregate->type, acc, input) < 0 ? *acc : *input;
    return true;
}

static bool and_add(const struct aggregate_step *s, const struct value *acc,
                    const struct value *input, struct value *out, struct error *err)
{
    (void)s;
    (void)err;
    *out = is_null(acc) || (!is_null(input) && acc->i != 0) ? *input : *acc;
    return true;
}

static bool or_add(const struct aggregate_step *s, const struct value *acc,
                   const struct value *input, struct value *out, struct error *err)
{
    (void)s;
    (void)err;
    *out = is_null(acc) || (!is_null(input) && acc->i == 0) ? *input : *acc;
    return true;
}

const struct aggregate_ops aggregate_value_ops[] = {
    /* Columns of the primary key: not to be aggregated. */
    {.name = "primary-key", .check = check_any, .add = take_input, .retract = take_input},
    {.name = "last_value", .check = check_any, .add = take_input, .retract = take_null},
    {.name = "last_non_null_value",
     .check = check_any,
     .add = last_non_null_add,
     .retract = last_non_null_retract},
    {.name = "first_value", .check = check_any, .add = first_add},
    {.name = "first_non_null_value", .check = check_any, .add = first_non_null_add},
    {.name = "first_not_null_value", .check = check_any, .add = first_non_null_add},
    {.name = "max", .check = check_comparable, .add = max_add},
    {.name = "min", .check = check_comparable, .add = min_add},
    {.name = "bool_and", .check = check_boolean, .add = and_add},
    {.name = "bool_or", .check = check_boolean, .add = or_add},
    {.name = NULL},
};
