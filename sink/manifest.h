/* sink/manifest.h: manifest entries, manifest files and manifest lists (paimon-format §4), Avro,
 * read by the writer schema in the file. Everything read lives in the arena given. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "sink/data_file.h"
#include "sink/fs/fs.h"
#include "sink/partition.h"

enum manifest_kind { MANIFEST_ADD = 0, MANIFEST_DELETE = 1 };

struct manifest_entry {
    enum manifest_kind kind;
    struct str partition; /* serialized BinaryRow */
    int32_t bucket;
    int32_t total_buckets;
    struct data_file *file;
};

/* One manifest file as a list names it. */
struct manifest_meta {
    struct str name;
    int64_t size_bytes;
    int64_t added;
    int64_t deleted;
    struct simple_stats partition_stats;
    int64_t schema_id;
    int32_t min_bucket, max_bucket; /* INT32_MIN = null */
    int32_t min_level, max_level;   /* INT32_MIN = null */
};

struct manifest_entries {
    struct manifest_entry *items;
    size_t count, cap;
};
static inline void manifest_entries_add(struct manifest_entries *list, struct arena *arena,
                                        struct manifest_entry entry)
{
    if (list->count == list->cap) {
        size_t cap = list->cap == 0 ? 8 : list->cap * 2;
        struct manifest_entry *items = ARENA_ARRAY(arena, struct manifest_entry, cap);
        for (size_t i = 0; i < list->count; i++) {
            items[i] = list->items[i];
        }
        list->items = items;
        list->cap = cap;
    }
    list->items[list->count++] = entry;
}
struct manifest_metas {
    struct manifest_meta *items;
    size_t count, cap;
};

/* Writes one manifest file with the entries and describes it. file name is given; path is the
 * table's. FAIL_CORRUPT: an entry whose partition is not of this table. */
MUST_USE bool manifest_write(struct fs fs, const char *table_path,
                             const struct partition_layout *partition, struct str name,
                             const struct manifest_entry *entries, size_t count,
                             struct arena *arena, struct manifest_meta *out, struct error *err);
/* Appends the entries of a manifest file. */
MUST_USE bool manifest_read(struct fs fs, const char *table_path, const struct manifest_meta *meta,
                            struct arena *arena, struct manifest_entries *out, struct error *err);
/* A list of no manifests is a file with a header and no blocks. *out_bytes is its size. */
MUST_USE bool manifest_list_write(struct fs fs, const char *table_path, struct str name,
                                  const struct manifest_meta *metas, size_t count,
                                  int64_t *out_bytes, struct error *err);
MUST_USE bool manifest_list_read(struct fs fs, const char *table_path, struct str name,
                                 struct arena *arena, struct manifest_metas *out,
                                 struct error *err);

/* Same file: (partition, bucket, level, name, extra files, embedded index, external path). */
bool manifest_same_file(const struct manifest_entry *a, const struct manifest_entry *b);
/* Folds entries to the live ones as a set (paimon-write-path §6.6): ADDs without a DELETE of the
 * same identity, in order. With keep_deletes, DELETEs that matched no ADD stay (for merging some
 * manifests of a list). */
void manifest_fold(const struct manifest_entries *in, bool keep_deletes, struct arena *arena,
                   struct manifest_entries *out);
