/* rbm32: the union of roaring bitmaps, in the portable form that Java's RoaringBitmap and CRoaring
 * share (FieldRoaringBitmap32Agg; github.com/RoaringBitmap/RoaringFormatSpec). This is the file
 * that knows CRoaring. */
#include <roaring/roaring.h>

#include "base/reader.h"
#include "sink/aggregate.h"

#define COOKIE_NO_RUNS 12346u
#define COOKIE_RUNS 12347u
#define OFFSETS_FROM 4u /* containers: fewer have no offsets when there are runs */
#define ARRAY_MAX 4096u
#define BITS_BYTES 8192u

static bool check_bytes(const struct aggregate *a, struct error *err)
{
    return a->type->kind == TYPE_VARBINARY ||
           error_set(err, FAIL_SCHEMA, "column %.*s: aggregate function rbm32 needs VARBINARY",
                     STR_FMT(a->column));
}

static void check_runs(struct reader *r, uint32_t cardinality)
{
    uint32_t count = (uint32_t)reader_count(r, reader_u16le(r), 4);
    uint32_t sum = 0;
    uint32_t next = 0; /* the least start */
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        uint32_t start = reader_u16le(r);
        uint32_t end = start + reader_u16le(r); /* the last in it */
        if (start < next || end > UINT16_MAX) {
            reader_fail(r);
        }
        sum += end - start + 1;
        next = end + 1;
    }
    if (sum != cardinality) {
        reader_fail(r);
    }
}

static void check_array(struct reader *r, uint32_t cardinality)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < cardinality && !r->failed; i++) {
        uint32_t value = reader_u16le(r);
        if (value < next) {
            reader_fail(r);
        }
        next = value + 1;
    }
}

static void check_bits(struct reader *r, uint32_t cardinality)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < BITS_BYTES / 8 && !r->failed; i++) {
        sum += (uint32_t)__builtin_popcountll(reader_u64le(r));
    }
    if (sum != cardinality) {
        reader_fail(r);
    }
}

/* CRoaring believes what it reads: order, counts and sizes are checked before it does. */
static bool check_bitmap(struct str bytes, struct error *err)
{
    struct reader r = reader_over(bytes, "roaring bitmap");
    uint32_t cookie = reader_u32le(&r);
    bool has_runs = (cookie & UINT16_MAX) == COOKIE_RUNS;
    uint32_t count = has_runs ? (cookie >> 16) + 1 : reader_u32le(&r);
    if ((!has_runs && cookie != COOKIE_NO_RUNS) || count > UINT16_MAX + 1u) {
        reader_fail(&r);
        return reader_ok(&r, err);
    }
    struct str runs = reader_bytes(&r, has_runs ? (count + 7) / 8 : 0);
    struct reader heads = r; /* key and cardinality - 1 of each container */
    reader_skip(&r, (size_t)count * 4);
    if (!has_runs || count >= OFFSETS_FROM) {
        reader_skip(&r, (size_t)count * 4);
    }
    uint32_t next_key = 0;
    for (uint32_t i = 0; i < count && !r.failed; i++) {
        uint32_t key = reader_u16le(&heads);
        uint32_t cardinality = reader_u16le(&heads) + 1u;
        if (key < next_key) {
            reader_fail(&r);
        }
        next_key = key + 1;
        if (has_runs && ((unsigned char)runs.ptr[i / 8] >> (i % 8) & 1) != 0) {
            check_runs(&r, cardinality);
        } else if (cardinality <= ARRAY_MAX) {
            check_array(&r, cardinality);
        } else {
            check_bits(&r, cardinality);
        }
    }
    return reader_ok(&r, err);
}

static bool read_bitmap(const struct value *v, roaring_bitmap_t **out, struct error *err)
{
    if (!check_bitmap(value_str(v), err)) {
        return false;
    }
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
