/* rbm32: the union of roaring bitmaps, in the portable form that Java's RoaringBitmap and CRoaring
 * share (FieldRoaringBitmap32Agg). This is the file that knows CRoaring. */
#include <roaring/roaring.h>

#include "sink/aggregate.h"

static bool check_bytes(const struct aggregate *a, struct error *err)
{
    return a->type->kind == TYPE_VARBINARY ||
           error_set(err, FAIL_SCHEMA, "column %.*s: aggregate function rbm32 needs VARBINARY",
                     STR_FMT(a->column));
}

static bool read_bitmap(const struct value *v, roaring_bitmap_t **out, struct error *err)
{
    *out = roaring_bitmap_portable_deserialize_safe(v->bytes, v->len);
    return *out != NULL || error_set(err, FAIL_CORRUPT, "a value of %u bytes is no roaring bitmap",
                                     (unsigned)v->len);
}

static bool rbm32_add(const struct aggregate_step *s, const struct value *acc,
                      const struct value *input, struct value *out, struct error *err)
{
    if (acc->state != VALUE_SET || input->state != VALUE_SET) {
        *out = acc->state != VALUE_SET ? *input : *acc;
        return true;
    }
    roaring_bitmap_t *sum = NULL;
    roaring_bitmap_t *more = NULL;
    bool ok = read_bitmap(acc, &sum, err) && read_bitmap(input, &more, err);
    if (ok) {
        roaring_bitmap_or_inplace(sum, more);
        (void)roaring_bitmap_run_optimize(sum);
        size_t size = roaring_bitmap_portable_size_in_bytes(sum);
        char *bytes = arena_alloc(s->arena, size);
        (void)roaring_bitmap_portable_serialize(sum, bytes);
        *out = (struct value){.bytes = bytes, .len = (uint32_t)size, .state = VALUE_SET};
    }
    if (sum != NULL) {
        roaring_bitmap_free(sum);
    }
    if (more != NULL) {
        roaring_bitmap_free(more);
    }
    return ok;
}

const struct aggregate_ops aggregate_bitmap_ops[] = {
    {.name = "rbm32", .check = check_bytes, .add = rbm32_add},
    {.name = NULL},
};
