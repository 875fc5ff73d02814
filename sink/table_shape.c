#include "sink/table_shape.h"

#include "base/buf.h"

static bool same_key(const struct schema *have, const struct schema *shape)
{
    if (have->primary_key_count != shape->primary_key_count) {
        return false;
    }
    for (size_t i = 0; i < shape->primary_key_count; i++) {
        if (have->primary_key[i] != shape->primary_key[i]) {
            return false;
        }
    }
    return true;
}

/* Types that differ only in nullability fit when the table allows what the source can send. */
static bool type_accepts(const struct type *have, const struct type *source)
{
    struct type a = *have;
    struct type b = *source;
    a.nullable = true;
    b.nullable = true;
    return type_equal(&a, &b) && (have->nullable || !source->nullable);
}

bool table_shape_check(const struct schema *have, const struct schema *shape, struct error *err)
{
    size_t common = have->field_count < shape->field_count ? have->field_count : shape->field_count;
    for (size_t i = 0; i < common; i++) {
        const struct schema_field *a = &have->fields[i];
        const struct schema_field *b = &shape->fields[i];
        if (!str_eq(a->name, b->name)) {
            return error_set(err, FAIL_SCHEMA,
                             "column %zu of the lake's table is '%.*s', of the source's table "
                             "'%.*s': make the columns equal, or sync into a new table",
                             i + 1, STR_FMT(a->name), STR_FMT(b->name));
        }
        if (!type_accepts(&a->type, &b->type)) {
            struct buf types = BUF_INIT(400);
            type_print(&a->type, &types);
            buf_put_cstr(&types, " in the lake, ");
            type_print(&b->type, &types);
            buf_put_cstr(&types, " from the source");
            error_set(err, FAIL_SCHEMA, "column '%.*s' is %s", STR_FMT(a->name), buf_cstr(&types));
            buf_release(&types);
            return false;
        }
    }
    if (have->field_count != shape->field_count) {
        return error_set(
            err, FAIL_SCHEMA,
            "the lake's table has %zu columns, the source's %zu (first extra one: '%.*s')",
            have->field_count, shape->field_count,
            STR_FMT(have->field_count > common ? have->fields[common].name
                                               : shape->fields[common].name));
    }
    if (!same_key(have, shape)) {
        return error_set(err, FAIL_SCHEMA,
                         "the primary keys of the lake's and the source's table differ");
    }
    return true;
}
