/* sink/table_edit.h: an existing table written without a job: rows are buffered, flushed and
 * committed, buckets compacted, the whole overwritten; each step is one fenced commit (commit.h) or
 * nothing.
 *
 * The same pieces as a job's: slot, sort_buffer, bucket_compact, commit. Sequence numbers go on
 * from the live files. When somebody else adds rows meanwhile, a commit fails with FAIL_CONFLICT:
 * what was buffered is gone, the table must be opened again. Thread: one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/row.h"
#include "base/stop.h"
#include "base/str.h"
#include "sink/fs/fs.h"
#include "sink/table.h"

struct table_edit;

/* Borrowed. */
struct table_edit_place {
    struct fs fs;
    const char *root;
    struct str database;
    struct str name;
    struct str user;         /* commitUser */
    uint64_t memory_bytes;   /* of buffered rows; over it, all are flushed to files */
    const struct stop *stop; /* NULL: never */
};

/* FAIL_CONFIG when there is no such table, FAIL_SCHEMA when this program may not write it. */
MUST_USE bool table_edit_open(const struct table_edit_place *place, struct table_edit **out,
                              struct error *err);
/* Takes NULL. What was not committed is gone: files that were flushed are removed. */
void table_edit_close(struct table_edit *e);
const struct table *table_edit_table(const struct table_edit *e);

/* One more than the identifier of the user's newest snapshot; 0: it has none. */
MUST_USE bool table_edit_next_identifier(const struct table_edit *e, int64_t *out,
                                         struct error *err);

/* Buffers a row (copied): whole, in schema order. FAIL_SCHEMA and FAIL_LIMIT as sort_buffer_add. */
MUST_USE bool table_edit_row(struct table_edit *e, enum row_kind kind, const struct value *values,
                             struct error *err);
bool table_edit_is_dirty(const struct table_edit *e); /* rows since the last commit */

/* An APPEND of what was buffered, also of nothing. watermark may be NULL. */
MUST_USE bool table_edit_commit(struct table_edit *e, int64_t identifier, const int64_t *watermark,
                                struct error *err);
/* An OVERWRITE: what was buffered takes the place of all rows; in a partitioned table, unless
 * `dynamic-partition-overwrite` is false, of those of the partitions it has rows in. Files of a
 * changelog are not made. */
MUST_USE bool table_edit_overwrite(struct table_edit *e, int64_t identifier, struct error *err);

/* Which buckets to compact, and how. */
struct table_edit_compact {
    bool full;   /* everything into the highest level; else what the picking says */
    bool beside; /* after a commit: not where `write-only` leaves it to others */
    /* NULL: every partition. Its bytes as in manifests. */
    bool (*wanted)(void *self, struct str partition);
    void *self;
};
struct table_edit_compacted {
    size_t buckets; /* that had something to do */
    size_t files_in, files_out;
    uint64_t rows_read, rows_written;
    int64_t snapshot; /* 0: nothing was committed */
};
/* One COMPACT of all buckets that have something to do; none is no commit. Rows must have been
 * committed. A bucket whose files somebody else compacted meanwhile fails all with FAIL_CONFLICT.
 */
MUST_USE bool table_edit_compact(struct table_edit *e, int64_t identifier,
                                 const struct table_edit_compact *how,
                                 struct table_edit_compacted *out, struct error *err);
