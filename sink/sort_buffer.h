/* sink/sort_buffer.h: takes rows of one bucket in arrival order and flushes them as sorted, merged
 * level-0 files and, when asked, a changelog of every raw row (paimon-write-path §1.3, §1.5).
 *
 * Rows are copied, packed (sink/packed_row.h), into pages that come straight from mmap and go back
 * by munmap: neither malloc's moving mmap threshold nor a fragmented heap can keep them, so
 * resident memory falls by the buffer's bytes at once. Nothing is kept over a flush. The first page
 * is small (16 KiB), later ones double up to 1 MiB; of those below 1 MiB only touched memory is
 * resident.
 * Thread: one at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/row.h"
#include "base/schema.h"
#include "sink/data_file.h"
#include "sink/merge_rule.h"
#include "sink/run_writer.h"

struct sort_buffer;

/* Schema, layout and rule are borrowed; a rule of NULL is plain deduplicate. */
struct sort_buffer *sort_buffer_new(const struct schema *schema,
                                    const struct data_file_layout *layout,
                                    const struct merge_rule *rule);
void sort_buffer_free(struct sort_buffer *b); /* takes NULL */

/* Copies one row: values in schema order, none VALUE_UNCHANGED. Rows of one key are merged in the
 * order of their sequence fields, then sequence numbers, equal numbers in the order they came. Rows
 * of a first-copy chunk all carry the chunk's reserved number. What merge_rule_admit drops is not
 * added. FAIL_LIMIT: a row of more than SORT_BUFFER_ROW_MAX bytes.
 * FAIL_SCHEMA: a null in a key or NOT NULL column, by name, or what
 * merge_rule_admit refuses. On failure nothing was added. */
MUST_USE bool sort_buffer_add(struct sort_buffer *b, enum row_kind kind, int64_t sequence,
                              const struct value *values, struct error *err);
#define SORT_BUFFER_ROW_MAX ((size_t)1 << 30)

/* Memory held now plus what the sort will need: the figure for the memory budget. */
size_t sort_buffer_bytes(const struct sort_buffer *b);
size_t sort_buffer_rows(const struct sort_buffer *b);

struct sort_buffer_flush {
    const struct run_target *data;      /* level 0, RUN_APPEND */
    const struct run_target *changelog; /* NULL: none. Its equal_keys must be set */
    bool unique_keys; /* first-copy chunk: the same key twice is FAIL_CORRUPT, not a merge */
};

/* Writes all rows and appends the files to the lists. The buffer is empty afterwards and its memory
 * returned, on success; on failure every file is removed and the buffer still has its rows, so that
 * the flush may be tried again. A flush of no rows makes no files. */
MUST_USE bool sort_buffer_flush(struct sort_buffer *b, const struct sort_buffer_flush *flush,
                                struct arena *arena, struct run_files *out_data,
                                struct run_files *out_changelog, struct error *err);
/* Throws all rows away and returns the memory. */
void sort_buffer_reset(struct sort_buffer *b);
