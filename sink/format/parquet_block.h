/* sink/format/parquet_block.h: a few entries of one leaf column, as arrays: what encoders take and
 * decoders give.
 *
 * An entry has a definition level (that of the leaf: it has a value) and a repetition level (0: a
 * row begins); values stand densely, without gaps for nulls. The arrays hold PARQUET_BLOCK each;
 * the bytes that texts lead to belong to somebody else. */
#pragma once

#include <stdint.h>

#include "base/mem.h"
#include "base/str.h"
#include "sink/format/parquet_meta.h"

#define PARQUET_BLOCK 1024

struct parquet_block {
    uint32_t entries;
    uint32_t values;
    uint8_t *defs, *reps; /* meaningless for a leaf without such levels */
    union {               /* by the leaf's physical type */
        void *data;
        uint8_t *bits;     /* PARQUET_BOOLEAN: 0 or 1 */
        int32_t *i4;       /* PARQUET_INT32 */
        int64_t *i8;       /* PARQUET_INT64 */
        float *f4;         /* PARQUET_FLOAT */
        double *f8;        /* PARQUET_DOUBLE */
        struct str *texts; /* PARQUET_BYTES, PARQUET_FIXED, PARQUET_INT96 (12 bytes) */
    };
};

/* Bytes of one value in `data`. */
static inline size_t parquet_block_width(enum parquet_physical p)
{
    static const uint8_t widths[] = {
        [PARQUET_BOOLEAN] = 1,
        [PARQUET_INT32] = sizeof(int32_t),
        [PARQUET_INT64] = sizeof(int64_t),
        [PARQUET_INT96] = sizeof(struct str),
        [PARQUET_FLOAT] = sizeof(float),
        [PARQUET_DOUBLE] = sizeof(double),
        [PARQUET_BYTES] = sizeof(struct str),
        [PARQUET_FIXED] = sizeof(struct str),
        [PARQUET_GROUP] = 0,
    };
    return widths[p];
}

static inline void parquet_block_init(struct parquet_block *b, size_t width)
{
    *b = (struct parquet_block){.defs = mem_alloc(PARQUET_BLOCK), .reps = mem_alloc(PARQUET_BLOCK)};
    b->data = mem_alloc(PARQUET_BLOCK * width);
}

static inline void parquet_block_release(struct parquet_block *b)
{
    mem_free(b->defs);
    mem_free(b->reps);
    mem_free(b->data);
    *b = (struct parquet_block){0};
}
