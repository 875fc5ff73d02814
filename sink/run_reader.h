/* sink/run_reader.h: the rows of one data file, in the shape of the schema wanted, whatever schema
 * the file was written under (paimon-format §2.6, §7.1).
 *
 * Columns are matched by field id, missing ones are null, types are cast (schema_evolve.h); what
 * Paimon cannot cast is FAIL_SCHEMA, by column, file and row. Files without _KEY_ columns
 * (data-file.thin-mode) take the key from the values. Bytes are not trusted: kinds, null keys and
 * the row count are checked here, the order of keys in merge. Memory: what the format's reader
 * holds (Avro: one block, packed and unpacked). Thread: one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/schema.h"
#include "sink/data_file.h"
#include "sink/deletion_vector.h"
#include "sink/format/format.h"
#include "sink/fs/fs.h"
#include "sink/run_writer.h"

/* The schemas of one table by id: the one wanted, and older or newer ones read when a file needs
 * them. Belongs to one thread. */
struct run_schemas {
    struct fs fs;
    const char *table_path;
    const struct schema *current; /* borrowed */
    struct schema **others;
    size_t count, cap;
};
void run_reader_schemas_init(struct run_schemas *s, struct fs fs, const char *table_path,
                             const struct schema *current);
void run_reader_schemas_release(struct run_schemas *s);

/* Where runs are read from. Plain data, borrowed. */
struct run_origin {
    struct fs fs;
    const char *folder;                    /* of the bucket */
    const struct schema *schema;           /* wanted */
    const struct data_file_layout *layout; /* of that schema */
    struct run_schemas *schemas;
    /* Dead rows of the bucket, by file, which are passed over; NULL: none. Must outlive the
     * readers, unchanged. */
    const struct deletion_vector_set *deleted;
};

struct run_reader;

/* The file's metadata is used during the call only. */
MUST_USE bool run_reader_open(const struct run_origin *origin, const struct data_file *file,
                              struct run_reader **out, struct error *err);
/* What a reader of this file will take at most, in bytes (format.h, reader_memory). Reads metadata
 * alone. */
MUST_USE bool run_reader_memory(const struct run_origin *origin, const struct data_file *file,
                                uint64_t *out_bytes, struct error *err);
/* From now on a row that cannot be cast does not fail but comes with `spoilt` set: for who looks at
 * it before the row is used. */
void run_reader_defer(struct run_reader *r);
/* *out is valid until the next call. NEXT_END only after as many rows as the metadata says. */
MUST_USE enum next run_reader_next(struct run_reader *r, struct run_row *out, struct error *err);
/* Place in the file of the row that came last, from 0, dead ones counted: what a deletion vector
 * marks. */
uint64_t run_reader_position(const struct run_reader *r);
void run_reader_close(struct run_reader *r); /* takes NULL */
