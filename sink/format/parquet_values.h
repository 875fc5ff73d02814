/* sink/format/parquet_values.h: decodes the values of one page, by encoding, in blocks.
 *
 * Source: apache/parquet-format Encodings.md. All bytes are untrusted: every read stays in its
 * page, and counts are never allocated by. Texts given out lead into the page, the dictionary, or
 * `made`, and live until the next call. Thread: one at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "sink/format/parquet_block.h"
#include "sink/format/parquet_delta.h"
#include "sink/format/parquet_meta.h"
#include "sink/format/parquet_rle.h"

struct parquet_dictionary {
    const void *fixed; /* borrowed: the dictionary page's numbers */
    struct str *texts; /* owned */
    uint32_t count;
};

struct parquet_values {
    enum parquet_physical physical;
    uint32_t width; /* bytes of a PARQUET_FIXED value */
    enum parquet_encoding encoding;
    const unsigned char *at, *end; /* what is not read yet */
    uint32_t bit;                  /* of *at, plain booleans */
    bool empty;                    /* the page has no values at all */
    struct parquet_rle rle;
    struct parquet_delta lengths, prefixes;
    const struct parquet_dictionary *dictionary;
    size_t stride, index; /* BYTE_STREAM_SPLIT: values of the page, values read */
    struct buf made;      /* texts that no page holds as they are */
    struct buf last;      /* DELTA_BYTE_ARRAY: the value before */
};

/* Reads a plain dictionary page of count values. The bytes are borrowed. */
MUST_USE bool parquet_values_dictionary(struct str bytes, enum parquet_physical physical,
                                        uint32_t width, uint32_t count,
                                        struct parquet_dictionary *out, struct error *err);
void parquet_values_dictionary_release(struct parquet_dictionary *d);

/* Starts a page's values. max_made limits texts put together here. FAIL_SCHEMA: an encoding that is
 * not for this type; FAIL_CORRUPT: not its bytes. */
MUST_USE bool parquet_values_start(struct parquet_values *v, struct str bytes,
                                   enum parquet_encoding encoding,
                                   const struct parquet_dictionary *dictionary, struct error *err);
/* The next count values (at most PARQUET_BLOCK) into out->data. False: the page has no more of
 * them, or bytes that mean nothing. */
MUST_USE bool parquet_values_read(struct parquet_values *v, size_t count,
                                  struct parquet_block *out);
void parquet_values_release(struct parquet_values *v);
