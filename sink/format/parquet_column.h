/* sink/format/parquet_column.h: reads one leaf column of a Parquet file, page by page.
 *
 * Memory: one expanded page and one dictionary a column; the packed bytes go through one window
 * that all columns of a file share. Pages of both versions; a page's CRC is checked when it has
 * one. Nothing a header says is believed beyond the file's own size and PARQUET_MAX_PAGE. Thread:
 * one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "sink/format/parquet_block.h"
#include "sink/format/parquet_meta.h"
#include "sink/format/parquet_schema.h"
#include "sink/fs/fs.h"

/* One value may be as long as the source's longest (MySQL's max_allowed_packet is 1 GiB). */
#define PARQUET_MAX_PAGE (((size_t)1 << 30) + ((size_t)64 << 20))

/* The file that columns read from; its window holds what was read last. */
struct parquet_input {
    struct fs fs;
    const char *path;  /* borrowed */
    uint64_t data_end; /* where the footer begins */
    struct buf window;
    uint64_t window_at;
    size_t max_page; /* plain bytes of a page, at most */
};

void parquet_column_input_init(struct parquet_input *in, struct fs fs, const char *path,
                               uint64_t data_end, size_t max_page);
void parquet_column_input_release(struct parquet_input *in);

struct parquet_column;

/* The leaf and the input are borrowed. */
struct parquet_column *parquet_column_new(const struct parquet_leaf *leaf,
                                          struct parquet_input *in);
void parquet_column_free(struct parquet_column *c); /* takes NULL */
/* Begins a column chunk. */
MUST_USE bool parquet_column_start(struct parquet_column *c, const struct parquet_chunk_meta *chunk,
                                   struct error *err);
/* Entries that can be read from the page at hand; the next page is loaded when there are none. 0:
 * the chunk has ended. What was read before is no longer valid then. */
MUST_USE bool parquet_column_ready(struct parquet_column *c, uint32_t *out_entries,
                                   struct error *err);
/* The next count entries, which must be ready. */
MUST_USE bool parquet_column_read(struct parquet_column *c, size_t count, struct parquet_block *out,
                                  struct error *err);
/* The largest expanded page and dictionary of the chunk, from its page headers alone; *out_packed,
 * the largest page as it lies in the file. */
MUST_USE bool parquet_column_survey(struct parquet_column *c,
                                    const struct parquet_chunk_meta *chunk, uint64_t *out_bytes,
                                    uint64_t *out_packed, struct error *err);
