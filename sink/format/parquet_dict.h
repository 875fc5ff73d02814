/* sink/format/parquet_dict.h: builds a column chunk's dictionary: values to small numbers, in order
 * of first sight. Owned by one encoder; memory counts in parquet_dict_bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "sink/format/parquet_block.h"

struct parquet_dict {
    enum parquet_physical physical;
    uint32_t width;  /* plain bytes of a value; PARQUET_BYTES: 0 */
    uint32_t *slots; /* number + 1 by hash; 0: free */
    uint32_t slot_count;
    uint32_t count;
    uint32_t *offsets; /* PARQUET_BYTES: of the length in plain */
    uint32_t offset_cap;
    struct buf plain; /* the dictionary page */
    size_t max_bytes; /* of it */
};

void parquet_dict_init(struct parquet_dict *d, enum parquet_physical physical, uint32_t width,
                       size_t max_bytes);
void parquet_dict_reset(struct parquet_dict *d);   /* empty, keeps memory */
void parquet_dict_release(struct parquet_dict *d); /* may be repeated */
/* Numbers of the block's values, which are added where they are new. Returns how many were done
 * before the dictionary was full. */
size_t parquet_dict_add(struct parquet_dict *d, const struct parquet_block *b, uint32_t *out);
/* Appends the plain values of these numbers. */
void parquet_dict_expand(const struct parquet_dict *d, const uint32_t *index, size_t count,
                         struct buf *out);
/* Some of the values, from number `from` on, as a block; borrowed. Returns how many. */
size_t parquet_dict_block(const struct parquet_dict *d, uint32_t from, struct parquet_block *out);
size_t parquet_dict_bytes(const struct parquet_dict *d);
