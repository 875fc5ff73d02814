/* sink/format/parquet_encoder.h: encodes one leaf column: blocks into pages, pages into a column
 * chunk.
 *
 * Data pages v1 of about page_bytes, or PARQUET_PAGE_ROWS rows, as parquet-mr makes them;
 * dictionary while it pays, plain values after. Closed pages wait compressed until the row group
 * ends. Every page carries a CRC. Owned by one writer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "sink/format/compress.h"
#include "sink/format/parquet_block.h"
#include "sink/format/parquet_schema.h"

#define PARQUET_PAGE_ROWS 20000
#define PARQUET_PAGE_BYTES ((size_t)1 << 20)
#define PARQUET_DICTIONARY_BYTES ((size_t)1 << 20)

/* Shared by the encoders of a writer. */
struct parquet_encoder_context {
    enum compress_codec codec;
    int level;
    size_t page_bytes;
    bool dictionary;
    struct buf page, packed; /* of the page being closed */
};

struct parquet_encoder;

/* Both are borrowed. */
struct parquet_encoder *parquet_encoder_new(const struct parquet_leaf *leaf,
                                            struct parquet_encoder_context *context);
void parquet_encoder_free(struct parquet_encoder *e); /* takes NULL */
/* Appends a block's entries. FAIL_LIMIT: a page of more than PARQUET_MAX_PAGE. */
MUST_USE bool parquet_encoder_put(struct parquet_encoder *e, const struct parquet_block *b,
                                  struct error *err);
/* So many rows were put and a row has ended: closes the page when it is large enough. */
MUST_USE bool parquet_encoder_rows(struct parquet_encoder *e, size_t rows, struct error *err);
size_t parquet_encoder_held(const struct parquet_encoder *e); /* memory */
size_t parquet_encoder_data(const struct parquet_encoder *e); /* what of it holds the chunk */
/* About the bytes that the chunk will have in the file. */
uint64_t parquet_encoder_size(const struct parquet_encoder *e);

/* A finished chunk: its bytes are borrowed until the encoder's reset. */
struct parquet_chunk_bytes {
    struct str dictionary, pages;
    uint64_t plain_bytes;
};
/* Closes the last page. */
MUST_USE bool parquet_encoder_finish(struct parquet_encoder *e, struct parquet_chunk_bytes *out,
                                     struct error *err);
/* Appends the chunk's ColumnChunk, for its place in the file. */
void parquet_encoder_put_meta(struct parquet_encoder *e, uint64_t offset, struct buf *out);
void parquet_encoder_reset(struct parquet_encoder *e); /* the next chunk */
