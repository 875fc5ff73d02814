/* sink/table_scan.h: the rows of a whole table at one snapshot: merge-on-read over all buckets
 * (paimon-write-path §12). Read-only: it never writes into the lake, so all runs of the sections
 * being read are open at once (memory: MERGE_INPUT_BYTES for each).
 *
 * Primary-key tables of every merge engine; anything else is FAIL_SCHEMA by name.
 * What a batch reader of Paimon sees is what is read: with first-row, and with deletion vectors
 * unless `deletion-vectors.merge-on-read` (Paimon 2.0), level 0 is left out; files with deletion
 * vectors are read straight, without the rows marked dead; of a postpone table only what has a real
 * bucket. Buckets are those of the files, whatever the option says. Sorted scans merge the buckets'
 * streams by primary key, unsorted ones read bucket after bucket, each in key order where it is
 * merged. The deletion vectors of a bucket are in memory while it is read; those of all buckets in
 * sorted scans. Thread: one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/schema.h"
#include "base/stop.h"
#include "sink/format/format.h"
#include "sink/fs/fs.h"
#include "sink/manifest.h"
#include "sink/snapshot.h"

/* The live files of a snapshot: base and delta list, folded; everything in the arena. */
MUST_USE bool table_scan_plan(struct fs fs, const char *table_path, const struct snapshot *snapshot,
                              struct arena *arena, struct manifest_entries *out, struct error *err);

/* FAIL_SCHEMA when a table's rows cannot be read right by this code, naming the option. */
MUST_USE bool table_scan_check(const struct schema *schema, struct error *err);

struct table_scan_options {
    struct fs fs;
    const char *table_path;
    const struct schema *schema; /* rows come in its shape */
    const struct manifest_entry *entries;
    size_t entry_count;
    const struct snapshot *snapshot; /* whose entries they are; may be NULL where the table has no
                                        deletion vectors */
    bool sorted;
    const struct stop *stop; /* NULL: never */
};

struct table_scan;

/* Schema, entries and path are borrowed until close. */
MUST_USE bool table_scan_open(const struct table_scan_options *o, struct table_scan **out,
                              struct error *err);
/* *out_values in schema order, valid until the next call. */
MUST_USE enum next table_scan_next(struct table_scan *s, const struct value **out_values,
                                   struct error *err);
void table_scan_close(struct table_scan *s); /* takes NULL */
