/* sink/manifest_record.h: the two Avro records of manifests and manifest lists: their schemas as we
 * write them, entries to bytes, decoded values to entries. Used by manifest alone. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/row.h"
#include "base/schema.h"
#include "sink/format/avro_schema.h"
#include "sink/manifest.h"

struct manifest_record {
    struct str schema;                 /* JSON, what we write */
    const struct schema_field *fields; /* what is read, by name */
    size_t width;
    /* Sees the schema in the file before its rows; NULL: nobody asks. */
    void (*look)(const struct avro_node *writer, struct arena *arena, void *into);
    /* Appends one decoded row to `into` (manifest_entries or manifest_metas); all it needs is
     * copied into the arena. */
    bool (*take)(struct arena *arena, const struct value *row, void *into, struct error *err);
};

extern const struct manifest_record manifest_record_entry;
extern const struct manifest_record manifest_record_meta;

void manifest_record_put_entry(struct buf *b, const struct manifest_entry *e);
void manifest_record_put_meta(struct buf *b, const struct manifest_meta *m);

/* In manifest.c: all rows of a file of such records, errors with its path. */
MUST_USE bool manifest_read_records(struct fs fs, const char *path, uint64_t file_bytes,
                                    const struct manifest_record *record, struct arena *arena,
                                    void *into, struct error *err);
