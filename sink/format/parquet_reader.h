/* sink/format/parquet_reader.h: reads Parquet files: columns in blocks, or rows.
 *
 * Only the columns asked for are read, page by page. Memory: a page and a dictionary a column
 * (parquet_reader_memory says how much for a file), one packed page, and a block of rows. Thread:
 * one at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/row.h"
#include "base/schema.h"
#include "sink/format/parquet_block.h"
#include "sink/format/parquet_schema.h"
#include "sink/fs/fs.h"

struct parquet_reader;

struct parquet_reader_limits {
    size_t page_bytes; /* of a page, expanded; 0: PARQUET_MAX_PAGE */
    size_t row_bytes;  /* of a row's nested values; 0: PARQUET_MAX_PAGE */
};

/* Fields are borrowed until close. FAIL_CORRUPT, FAIL_SCHEMA and FAIL_LIMIT name the file. limits
 * may be NULL. */
MUST_USE bool parquet_reader_open(struct fs fs, const char *path, uint64_t file_bytes,
                                  const struct schema_field *fields, size_t count,
                                  const struct parquet_reader_limits *limits,
                                  struct parquet_reader **out, struct error *err);
void parquet_reader_close(struct parquet_reader *r); /* takes NULL */
/* The next rows, at least one, laid out one behind the other; *out_rows = 0 at the end. Valid until
 * the next call. */
MUST_USE bool parquet_reader_rows(struct parquet_reader *r, const struct value **out_values,
                                  size_t *out_rows, struct error *err);
/* The same file by columns: the next block of each leaf of fields that are not nested. In turn with
 * parquet_reader_rows it would skip rows: use one of them. */
MUST_USE bool parquet_reader_blocks(struct parquet_reader *r,
                                    bool (*take)(void *self, const struct parquet_leaf *leaf,
                                                 const struct parquet_block *block),
                                    void *self, size_t *out_rows, struct error *err);
/* What a reader of this file will take at most, in bytes, from the footer and the page headers. */
MUST_USE bool parquet_reader_memory(struct parquet_reader *r, uint64_t *out_bytes,
                                    struct error *err);
