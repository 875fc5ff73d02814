/* sink/format/format.h: the format seam: data files of rows. One writer or reader belongs to one
 * thread.
 *
 * A file's physical columns are given as fields (for a primary-key table: _KEY_…, _SEQUENCE_NUMBER,
 * _VALUE_KIND, then all columns; see data_file.h); rows are arrays of values in that order. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/row.h"
#include "base/schema.h"
#include "sink/fs/fs.h"

struct format_writer;
struct format_reader;

struct format_options {
    struct str compression; /* zstd, none … */
    int zstd_level;
    /* Formats that gather rows before they write (Parquet's row groups): */
    uint64_t block_bytes;  /* file.block-size; 0: the format's own, 128 MiB */
    uint64_t memory_bytes; /* a writer's bound, about; a block ends when it is used up. 0: none */
};

enum next { NEXT_ROW, NEXT_END, NEXT_FAIL };

struct format_ops {
    const char *name; /* "avro": file.format and the file name's extension */
    /* Types or compressions it cannot hold are FAIL_SCHEMA / FAIL_CONFIG here, not at the first
     * row. */
    bool (*check)(const struct schema_field *fields, size_t count, const struct format_options *o,
                  struct error *err);
    bool (*writer_open)(struct fs fs, const char *path, const struct schema_field *fields,
                        size_t count, const struct format_options *o, struct format_writer **out,
                        struct error *err);
    bool (*write)(struct format_writer *w, const struct value *values, struct error *err);
    uint64_t (*written_bytes)(const struct format_writer *w); /* about, for rolling */
    /* Durable after; *out_bytes is the exact size. The writer is gone either way. */
    bool (*writer_finish)(struct format_writer *w, uint64_t *out_bytes, struct error *err);
    void (*writer_abandon)(struct format_writer *w);

    /* Reads all columns of fields by name from the file; a field the file lacks reads as null. The
     * file's own types must be those given. */
    bool (*reader_open)(struct fs fs, const char *path, uint64_t file_bytes,
                        const struct schema_field *fields, size_t count, struct format_reader **out,
                        struct error *err);
    /* *out_values is valid until the next call. */
    enum next (*read)(struct format_reader *r, const struct value **out_values, struct error *err);
    void (*reader_close)(struct format_reader *r);
    /* What a reader of this file, with these columns, takes at most while it reads (about, for
     * Avro). Reads metadata alone, none of the rows. */
    bool (*reader_memory)(struct fs fs, const char *path, uint64_t file_bytes,
                          const struct schema_field *fields, size_t count, uint64_t *out_bytes,
                          struct error *err);
};

extern const struct format_ops *const format_list[]; /* ends with NULL */
/* By extension of a file name. FAIL_SCHEMA names formats that are not supported yet. */
MUST_USE bool format_of_file(struct str file_name, const struct format_ops **out,
                             struct error *err);
/* By the option's value. */
MUST_USE bool format_of_option(struct str name, const struct format_ops **out, struct error *err);
