#include "sink/format/parquet_bounds.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

/* parquet-mr leaves longer ones out, too. */
#define MAX_TEXTS 4096
#define MAX_TEXT ((size_t)1 << 30)

void parquet_bounds_init(struct parquet_bounds *x)
{
    *x = (struct parquet_bounds){.min_text = BUF_INIT(MAX_TEXT), .max_text = BUF_INIT(MAX_TEXT)};
}

void parquet_bounds_reset(struct parquet_bounds *x)
{
    x->any = false;
    x->none = false;
}

void parquet_bounds_release(struct parquet_bounds *x)
{
    buf_release(&x->min_text);
    buf_release(&x->max_text);
}

/* Bytes unsigned; decimals of fixed length by their sign first. */
static int compare_texts(struct str a, struct str b, bool is_signed)
{
    if (is_signed && a.len > 0 && b.len > 0) {
        unsigned x = (unsigned char)a.ptr[0] ^ 0x80u;
        unsigned y = (unsigned char)b.ptr[0] ^ 0x80u;
        if (x != y) {
            return x < y ? -1 : 1;
        }
    }
    return str_compare(a, b);
}

static void keep(struct buf *to, struct str s)
{
    buf_reset(to);
    buf_put_str(to, s);
}

static void add_texts(struct parquet_bounds *x, const struct parquet_block *b, bool is_signed)
{
    size_t least = 0;
    size_t most = 0;
    for (size_t i = 1; i < b->values; i++) {
        if (compare_texts(b->texts[i], b->texts[least], is_signed) < 0) {
            least = i;
        } else if (compare_texts(b->texts[i], b->texts[most], is_signed) > 0) {
            most = i;
        }
    }
    if (!x->any || compare_texts(b->texts[least], buf_str(&x->min_text), is_signed) < 0) {
        keep(&x->min_text, b->texts[least]);
    }
    if (!x->any || compare_texts(b->texts[most], buf_str(&x->max_text), is_signed) > 0) {
        keep(&x->max_text, b->texts[most]);
    }
}

static void take_ints(struct parquet_bounds *x, int64_t least, int64_t most)
{
    x->min.i = !x->any || least < x->min.i ? least : x->min.i;
    x->max.i = !x->any || most > x->max.i ? most : x->max.i;
}

static void take_reals(struct parquet_bounds *x, double least, double most, bool nan)
{
    x->none = x->none || nan;
    x->min.f = !x->any || least < x->min.f ? least : x->min.f;
    x->max.f = !x->any || most > x->max.f ? most : x->max.f;
}

#define LEAST_AND_MOST(type, from)                                                                 \
    type least = (from)[0];                                                                        \
    type most = least;                                                                             \
    for (size_t i = 1; i < b->values; i++) {                                                       \
        least = (from)[i] < least ? (from)[i] : least;                                             \
        most = (from)[i] > most ? (from)[i] : most;                                                \
    }

static void add_i4(struct parquet_bounds *x, const struct parquet_block *b)
{
    LEAST_AND_MOST(int32_t, b->i4)
    take_ints(x, least, most);
}

static void add_i8(struct parquet_bounds *x, const struct parquet_block *b)
{
    LEAST_AND_MOST(int64_t, b->i8)
    take_ints(x, least, most);
}

static void add_bits(struct parquet_bounds *x, const struct parquet_block *b)
{
    LEAST_AND_MOST(uint8_t, b->bits)
    take_ints(x, least, most);
}

static void add_f4(struct parquet_bounds *x, const struct parquet_block *b)
{
    LEAST_AND_MOST(float, b->f4)
    bool nan = false;
    for (size_t i = 0; i < b->values; i++) {
        nan = nan || isnan(b->f4[i]);
    }
    take_reals(x, (double)least, (double)most, nan);
}

static void add_f8(struct parquet_bounds *x, const struct parquet_block *b)
{
    LEAST_AND_MOST(double, b->f8)
    bool nan = false;
    for (size_t i = 0; i < b->values; i++) {
        nan = nan || isnan(b->f8[i]);
    }
    take_reals(x, least, most, nan);
}

void parquet_bounds_add(struct parquet_bounds *x, enum parquet_physical physical,
                        const struct parquet_block *b)
{
    if (b->values == 0 || x->none) {
        return;
    }
    switch (physical) {
    case PARQUET_BOOLEAN:
        add_bits(x, b);
        break;
    case PARQUET_INT32:
        add_i4(x, b);
        break;
    case PARQUET_INT64:
        add_i8(x, b);
        break;
    case PARQUET_FLOAT:
        add_f4(x, b);
        break;
    case PARQUET_DOUBLE:
        add_f8(x, b);
        break;
    case PARQUET_BYTES:
    case PARQUET_FIXED:
        add_texts(x, b, physical == PARQUET_FIXED);
        break;
    case PARQUET_INT96:
    case PARQUET_GROUP:
        x->none = true;
        break;
    }
    x->any = true;
}

/* A zero may have been either. */
static double low_zero(double d)
{
    return d == 0 ? -0.0 : d;
}

static double high_zero(double d)
{
    return d == 0 ? 0.0 : d;
}

bool parquet_bounds_get(const struct parquet_bounds *x, enum parquet_physical physical,
                        char space[16], struct str *out_min, struct str *out_max)
{
    if (!x->any || x->none) {
        return false;
    }
    size_t width = 0;
    if (physical == PARQUET_BYTES || physical == PARQUET_FIXED) {
        *out_min = buf_str(&x->min_text);
        *out_max = buf_str(&x->max_text);
        return out_min->len + out_max->len < MAX_TEXTS && !x->min_text.failed &&
               !x->max_text.failed;
    }
    if (physical == PARQUET_FLOAT) {
        float f[2] = {(float)low_zero(x->min.f), (float)high_zero(x->max.f)};
        width = sizeof(float);
        memcpy(space, &f[0], width);
        memcpy(space + 8, &f[1], width);
    } else if (physical == PARQUET_DOUBLE) {
        double f[2] = {low_zero(x->min.f), high_zero(x->max.f)};
        width = sizeof(double);
        memcpy(space, &f[0], width);
        memcpy(space + 8, &f[1], width);
    } else { /* little-endian: the low bytes come first */
        width = physical == PARQUET_BOOLEAN ? 1 : physical == PARQUET_INT32 ? 4 : 8;
        memcpy(space, &x->min.i, width);
        memcpy(space + 8, &x->max.i, width);
    }
    *out_min = (struct str){space, width};
    *out_max = (struct str){space + 8, width};
    return true;
}
