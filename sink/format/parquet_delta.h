/* sink/format/parquet_delta.h: reads DELTA_BINARY_PACKED integers, a few at a time.
 *
 * Source: apache/parquet-format Encodings.md, "Delta Encoding":
 *   varint values a block, varint miniblocks a block, varint number of values, zigzag first value;
 *   blocks of { zigzag least delta, a width for each miniblock, miniblocks of packed deltas }
 * The last block may lack miniblocks that no value needs. Sums wrap as the writer's did. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/reader.h"

#define PARQUET_DELTA_MAX_MINIBLOCKS 512

struct parquet_delta {
    struct reader in; /* at the next block or miniblock */
    uint32_t left;    /* values not read yet */
    uint32_t mini_values, mini_count;
    uint32_t mini_at; /* next miniblock of the block */
    uint32_t mini_left;
    struct reader mini; /* the open miniblock's bytes */
    uint32_t mini_done; /* values read of it */
    uint8_t width;
    bool first;
    uint64_t last; /* the value before */
    uint64_t least;
    struct str widths;
};

/* Borrows the bytes; false when they do not begin with a header. */
MUST_USE bool parquet_delta_init(struct parquet_delta *d, struct str bytes);
/* The next count values; false when there are fewer, or bytes are missing. */
MUST_USE bool parquet_delta_read(struct parquet_delta *d, int64_t *out, size_t count);
/* Bytes behind the stream's end, found without moving d; false when it is cut. */
MUST_USE bool parquet_delta_rest(const struct parquet_delta *d, struct str *out);
