/* sink/format/parquet_bounds.h: least and greatest value of a column chunk, in the order that
 * Parquet gives the type (parquet.thrift, ColumnOrder TypeDefinedOrder).
 *
 * None are told where readers disagree: for INT96, and for floats once there was a NaN. Zeroes of
 * floats are told as -0.0 and +0.0. Plain data; release frees. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"
#include "sink/format/parquet_block.h"

struct parquet_bounds {
    bool any;  /* a value was seen */
    bool none; /* nothing is to be told */
    union {
        int64_t i;
        double f;
    } min, max;
    struct buf min_text, max_text;
};

void parquet_bounds_init(struct parquet_bounds *x);
void parquet_bounds_reset(struct parquet_bounds *x);
void parquet_bounds_release(struct parquet_bounds *x);
void parquet_bounds_add(struct parquet_bounds *x, enum parquet_physical physical,
                        const struct parquet_block *b);
/* Their plain bytes; false: there are none, or they are long. They live as long as x and space
 * (16 bytes). */
bool parquet_bounds_get(const struct parquet_bounds *x, enum parquet_physical physical,
                        char space[16], struct str *out_min, struct str *out_max);
