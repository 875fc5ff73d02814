/* sink/format/avro_writer.h: writes Avro object container files. The caller puts encoded rows into
 * the block and tells of each. Owned by one thread. */
#pragma once

#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "sink/format/compress.h"
#include "sink/fs/fs.h"

struct avro_writer;

/* schema: the JSON text of the header. block_bytes: a block is closed when its rows have that
 * many bytes, before compression. */
MUST_USE bool avro_writer_open(struct fs fs, const char *path, struct str schema,
                               enum compress_codec codec, int level, size_t block_bytes,
                               struct avro_writer **out, struct error *err);
/* Where the next row's bytes are appended. */
struct buf *avro_writer_block(struct avro_writer *w);
/* One row was appended; may write the block out. */
MUST_USE bool avro_writer_row(struct avro_writer *w, struct error *err);
uint64_t
avro_writer_bytes(const struct avro_writer *w); /* about: blocks written and the open one */
/* Writes the rest and makes the file durable. The writer is gone either way; on failure so is the
 * file. */
MUST_USE bool avro_writer_finish(struct avro_writer *w, uint64_t *out_bytes, struct error *err);
void avro_writer_abandon(struct avro_writer *w); /* takes NULL */
