/* sink/format/avro_reader.h: reads Avro object container files, block by block, with a small
 * window over the file. Owned by one thread. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/reader.h"
#include "sink/format/avro_schema.h"
#include "sink/fs/fs.h"

#define AVRO_READER_MAX_BLOCK (((size_t)1 << 30) + ((size_t)64 << 20))

struct avro_reader;

/* file_bytes is the size that the table's metadata tells. max_block limits a block's plain bytes.
 * FAIL_CORRUPT, FAIL_SCHEMA (a codec not known) and FAIL_LIMIT name the file. */
MUST_USE bool avro_reader_open(struct fs fs, const char *path, uint64_t file_bytes,
                               size_t max_block, struct avro_reader **out, struct error *err);
const struct avro_node *avro_reader_schema(const struct avro_reader *r);
/* The next block: its number of rows and a reader over their bytes, valid until the next call.
 * *out_rows = 0 at the end of the file. */
MUST_USE bool avro_reader_next(struct avro_reader *r, uint64_t *out_rows, struct reader *out_bytes,
                               struct error *err);
const char *avro_reader_path(const struct avro_reader *r);
void avro_reader_close(struct avro_reader *r); /* takes NULL */
