/* sink/format/parquet_rle.h: Parquet's RLE / bit-packed hybrid: levels, dictionary indexes,
 * booleans.
 *
 * Source: apache/parquet-format Encodings.md, "Run Length Encoding / Bit-Packing Hybrid":
 *   runs of { varint n << 1, value in ⌈width / 8⌉ bytes }                 n times the value
 *         or { varint n << 1 | 1, n × 8 values of width bits, low bits first }
 * Reading never leaves its bytes and never believes a count before it is asked for. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"

#define PARQUET_RLE_MAX_WIDTH 32

struct parquet_rle {
    const unsigned char *at, *end;
    uint32_t left;    /* of the run, values */
    uint32_t value;   /* a repeated run's */
    uint32_t skipped; /* a packed run's values already read of its bytes at `at` */
    uint8_t width;
    bool packed;
};

/* Borrows the bytes. Width 0: every value is 0. */
void parquet_rle_init(struct parquet_rle *r, struct str bytes, unsigned width);
/* The next count values; false when the bytes end before, or a value does not fit. */
MUST_USE bool parquet_rle_read(struct parquet_rle *r, uint32_t *out, size_t count);
MUST_USE bool parquet_rle_read_u8(struct parquet_rle *r, uint8_t *out, size_t count);
/* Values of the run at hand when it repeats one (its value in *out_value): at most count, else 0.
 * They are read. */
size_t parquet_rle_take_run(struct parquet_rle *r, size_t count, uint32_t *out_value);

/* Appends all values as runs. */
void parquet_rle_put(struct buf *b, const uint32_t *values, size_t count, unsigned width);
void parquet_rle_put_u8(struct buf *b, const uint8_t *values, size_t count, unsigned width);
/* Bits that hold 0 … max. */
unsigned parquet_rle_width(uint32_t max);

/* count values of width bits (at most 32), low bits first, from bytes that hold them all; values
 * are read up to `end`, never beyond it. */
void parquet_rle_unpack(const unsigned char *from, const unsigned char *end, size_t first,
                        unsigned width, uint32_t *out, size_t count);
