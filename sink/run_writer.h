/* sink/run_writer.h: sorted rows into data or changelog files of one bucket, rolled at the target
 * size, each described by a struct data_file (paimon-write-path §1.6, paimon-format §7.1).
 *
 * No file exists before the first row. Files carry their final names and are durable when
 * run_writer_finish returns, but nobody sees them until a snapshot lists them. A writer that fails
 * or is abandoned removes every file it made (a removal that fails is tried twice; what is left
 * then is an unlisted file that Paimon's orphan clean-up finds). Thread: one at a time. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/row.h"
#include "base/schema.h"
#include "sink/col_stats.h"
#include "sink/data_file.h"
#include "sink/format/format.h"
#include "sink/fs/fs.h"

enum run_source { RUN_APPEND = 0, RUN_COMPACT = 1 }; /* data_file.source */

/* Rows between two looks at the file's size, as in Paimon: files exceed the target by at most this
 * many rows. */
#define RUN_WRITER_CHECK_ROWS 1000

/* Where and how runs are written. Plain data: everything in it is borrowed and must outlive its
 * users. */
struct run_target {
    struct fs fs;
    const char *folder; /* of the bucket */
    const struct schema *schema;
    const struct data_file_layout *layout; /* of that schema */
    const struct format_ops *format;
    const struct format_options *options;
    int32_t level;
    enum run_source source;
    const char *prefix;            /* "data-" or "changelog-" */
    const char *uuid;              /* of this writing process: file names are prefix uuid-n.ext */
    atomic_uint_fast64_t *counter; /* n; shared by all that use the uuid, also across threads */
    uint64_t target_file_bytes;
    enum col_stats_mode stats_mode; /* of value columns; keys are always kept (128 characters) */
    size_t stats_truncate;          /* COL_STATS_TRUNCATE: characters, Paimon's default is 16 */
    bool equal_keys; /* changelog file: a key may come again; otherwise keys must ascend */
};

/* One record of a run. */
struct run_row {
    const struct value *key;    /* layout->key_count values */
    const struct value *values; /* schema->field_count values; the key columns repeat the key */
    int64_t sequence;
    uint8_t kind; /* enum row_kind */
    /* NULL: nothing. Else why a value that was written under an older schema has no counterpart in
     * this one (it reads as null): the row may be passed over, never used. Only readers that were
     * told to (run_reader_defer) give such rows. Valid as long as the row. */
    const struct error *spoilt;
};

/* A list of files in an arena. */
struct run_files {
    struct data_file **items;
    size_t count, cap;
};

static inline void run_files_add(struct run_files *list, struct arena *arena, struct data_file *f)
{
    if (list->count == list->cap) {
        size_t cap = list->cap == 0 ? 4 : list->cap * 2;
        struct data_file **items = ARENA_ARRAY(arena, struct data_file *, cap);
        for (size_t i = 0; i < list->count; i++) {
            items[i] = list->items[i];
        }
        list->items = items;
        list->cap = cap;
    }
    list->items[list->count++] = f;
}

struct run_writer;

/* The target is copied; what it points to is borrowed. Never fails: no file is made yet. */
struct run_writer *run_writer_new(const struct run_target *target);
/* row->key may be NULL: then the key is taken from the values. Aborts (must) when keys do not
 * ascend: a run out of order would lose rows for every reader. After a failure only
 * run_writer_free is allowed. */
MUST_USE bool run_writer_add(struct run_writer *w, const struct run_row *row, struct error *err);
/* Closes the last file and appends all files, in key order, to out; names and keys live in the
 * arena. Nothing is appended when there were no rows. On failure every file is removed. */
MUST_USE bool run_writer_finish(struct run_writer *w, struct arena *arena, struct run_files *out,
                                struct error *err);
/* Takes NULL. Before a successful finish: abandons, every file is removed. After: files stay. */
void run_writer_free(struct run_writer *w);
uint64_t run_writer_rows(const struct run_writer *w);

/* Removes the files of a list from the bucket; failures are tried once more, then ignored. */
void run_writer_remove(struct fs fs, const char *folder, const struct run_files *files);
