/* sink/schema_file.h: schema-N files (paimon-format §2): read, write, find the newest; check that a
 * table is one we can go on with. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/schema.h"
#include "sink/fs/fs.h"

/* Version 3, Java's key order; absent values omitted. */
void schema_file_print(const struct schema *s, struct buf *out);
/* FAIL_CORRUPT on text that is no schema, FAIL_SCHEMA on versions and types that are not known, by
 * name. */
MUST_USE bool schema_file_parse(struct str json, struct schema **out, struct error *err);

/* A type as schema files write it, of somebody else's JSON: fields of ROWs may lack ids, and have 0
 * then (schema_change_number gives them). Everything lives in the arena. */
struct json;
MUST_USE bool schema_file_parse_type(const struct json *n, struct arena *arena, struct type *out,
                                     struct error *err);

MUST_USE bool schema_file_read(struct fs fs, const char *table_path, int64_t id,
                               struct schema **out, struct error *err);
/* *out = NULL when the table has no schema (does not exist). */
MUST_USE bool schema_file_latest(struct fs fs, const char *table_path, struct schema **out,
                                 struct error *err);
/* Exclusive and durable: FAIL_CONFLICT when schema-<s->id> is there. */
MUST_USE bool schema_file_publish(struct fs fs, const char *table_path, const struct schema *s,
                                  struct error *err);

/* Refuses, by name, every option, type and table kind that would change the meaning of data and is
 * not built: paimon-write-path §3.6 "Refuse list" and paimon-format §11. Unknown other options are
 * kept and ignored. */
MUST_USE bool schema_file_check_writable(const struct schema *s, struct error *err);
/* The compression of data files: parquet.compression, where they are Parquet, else
 * file.compression, else zstd. Borrowed. */
struct str schema_file_compression(const struct schema *s);
