/* sink/format/parquet_writer.h: writes Parquet files: rows into column blocks, blocks into row
 * groups.
 *
 * A row group waits in memory, compressed, until it has group_bytes or the memory is used up.
 * Thread: one at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/row.h"
#include "base/schema.h"
#include "sink/format/compress.h"
#include "sink/format/parquet_block.h"
#include "sink/format/parquet_schema.h"
#include "sink/fs/fs.h"

struct parquet_writer;

struct parquet_writer_options {
    enum compress_codec codec;
    int level;             /* zstd */
    uint64_t group_bytes;  /* of a row group in the file, about; 0: 128 MiB */
    uint64_t memory_bytes; /* held at most, about; 0: unbounded */
    size_t page_bytes;     /* 0: PARQUET_PAGE_BYTES */
    bool no_dictionary;
};

/* Fields are borrowed until the end. */
MUST_USE bool parquet_writer_open(struct fs fs, const char *path, const struct schema_field *fields,
                                  size_t count, const struct parquet_writer_options *o,
                                  struct parquet_writer **out, struct error *err);
/* FAIL_SCHEMA: a null where the column allows none. After a failure only abandon is allowed. */
MUST_USE bool parquet_writer_row(struct parquet_writer *w, const struct value *values,
                                 struct error *err);
/* The same by columns: one block of the same number of entries for each leaf of fields that are not
 * nested. Not in the middle of rows. */
MUST_USE bool parquet_writer_blocks(struct parquet_writer *w, const struct parquet_block *blocks,
                                    size_t rows, struct error *err);
uint64_t parquet_writer_bytes(const struct parquet_writer *w); /* of the file so far, about */
uint64_t parquet_writer_held(const struct parquet_writer *w);  /* memory */
/* Writes the rest and makes the file durable. The writer is gone either way; on failure so is the
 * file. */
MUST_USE bool parquet_writer_finish(struct parquet_writer *w, uint64_t *out_bytes,
                                    struct error *err);
void parquet_writer_abandon(struct parquet_writer *w); /* takes NULL */
