/* sink/format/parquet_cell.h: one leaf's values between Parquet's physical types and struct value
 * (paimon-format §7.9).
 *
 * A cell says how to convert; it is chosen once a column. Reading gives values whose texts lead
 * where the block's do. Thread: pure functions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/row.h"
#include "base/type.h"
#include "sink/format/parquet_block.h"
#include "sink/format/parquet_meta.h"

enum parquet_cell {
    PARQUET_CELL_NONE, /* the value is not asked for */
    PARQUET_CELL_BOOLEAN,
    PARQUET_CELL_I4,
    PARQUET_CELL_I8,
    PARQUET_CELL_F4,
    PARQUET_CELL_F8,
    PARQUET_CELL_TEXT,
    PARQUET_CELL_WIDE_I4, /* DECIMAL p > 18 in a number */
    PARQUET_CELL_WIDE_I8,
    PARQUET_CELL_DECIMAL, /* DECIMAL p ≤ 18 in big-endian bytes */
    PARQUET_CELL_WIDE,    /* DECIMAL p > 18 in big-endian bytes */
    PARQUET_CELL_TIME_MICROS,
    PARQUET_CELL_TIME_NANOS,
    PARQUET_CELL_MILLIS,
    PARQUET_CELL_MICROS,
    PARQUET_CELL_NANOS,
    PARQUET_CELL_INT96,
};

/* How an element of a file is read as the type; FAIL_SCHEMA (without the column's name) when it is
 * of another. */
MUST_USE bool parquet_cell_of(const struct parquet_element *e, const struct type *t,
                              enum parquet_cell *out, struct error *err);
/* How the type is written: its physical type and annotation, into e. */
enum parquet_cell parquet_cell_element(const struct type *t, struct parquet_element *e);

/* Values from `from` on in the block, count of them, to out[0], out[stride], …; wide decimals go to
 * the arena. False: a value that its type cannot have. */
MUST_USE bool parquet_cell_read(enum parquet_cell cell, const struct parquet_block *b, size_t from,
                                size_t count, struct arena *a, struct value *out, size_t stride);

/* Appends one value, which is not null, to the block; texts are copied to the arena. FAIL_LIMIT: a
 * time that 64 bits of its unit do not hold. */
MUST_USE bool parquet_cell_write(enum parquet_cell cell, const struct type *t,
                                 const struct value *v, uint32_t width, struct arena *a,
                                 struct parquet_block *b, struct error *err);
