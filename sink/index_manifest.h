/* sink/index_manifest.h: the list of a table's index files (paimon-format §4.4): deletion vectors
 * and the key hashes of dynamic buckets. One Avro file that a snapshot names, always whole: only
 * ADD entries. Read by the writer schema in the file; everything read lives in the arena given.
 *
 *   commit: read the previous snapshot's list (none: no entries), index_manifest_combine it with
 *   the changes of this commit, index_manifest_write the result under a new name, put the name into
 *   the snapshot. Without changes the new snapshot keeps the old name.
 *
 * Entries of other index types are carried over as they are. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/str.h"
#include "sink/fs/fs.h"
#include "sink/manifest.h"

#define INDEX_MANIFEST_HASH "HASH"
#define INDEX_MANIFEST_VECTORS "DELETION_VECTORS"

/* Where a data file's deletion vector lies in the index file. */
struct index_manifest_range {
    struct str data_file;
    int32_t offset;      /* of its size field */
    int32_t length;      /* 32-bit vectors: the size field's value; 64-bit ones: the whole record */
    int64_t cardinality; /* -1 = null */
};

/* _GLOBAL_INDEX: of index types that are only carried over. */
struct index_manifest_global {
    int64_t row_range_start;
    int64_t row_range_end;
    int32_t field_id;
    int32_t *extra_field_ids;
    size_t extra_field_count;
    bool extra_fields_null;
    struct str index_meta;  /* ptr NULL = null */
    struct str source_meta; /* ptr NULL = null; since Paimon 2.0 */
};

struct index_manifest_entry {
    enum manifest_kind kind;
    struct str partition; /* serialized BinaryRow */
    int32_t bucket;
    struct str type; /* INDEX_MANIFEST_… or another */
    struct str file_name;
    int64_t size_bytes;
    int64_t row_count; /* HASH: hashes; DELETION_VECTORS: vectors */
    struct index_manifest_range *ranges;
    size_t range_count;
    bool ranges_null;
    struct str external_path;             /* ptr NULL = null */
    struct index_manifest_global *global; /* NULL = null */
};

struct index_manifest_entries {
    struct index_manifest_entry *items;
    size_t count, cap;
    struct str unknown_field; /* a field that this program does not know and could not carry over */
};

/* Appends an entry; its texts and arrays are borrowed. */
void index_manifest_add(struct index_manifest_entries *list, struct arena *arena,
                        const struct index_manifest_entry *entry);

/* Appends the entries of an index manifest. name empty: none. A missing file is FAIL_CORRUPT. */
MUST_USE bool index_manifest_read(struct fs fs, const char *table_path, struct str name,
                                  struct arena *arena, struct index_manifest_entries *out,
                                  struct error *err);
MUST_USE bool index_manifest_write(struct fs fs, const char *table_path, struct str name,
                                   const struct index_manifest_entries *entries, struct error *err);

/* What the list is after the changes (IndexManifestFileHandler of Paimon 1.4.2). HASH and
 * DELETION_VECTORS: DELETEs first, then each ADD takes the place of what its (partition, bucket,
 * type) had; without buckets (append tables) deletion vectors go by file name instead, and must
 * neither be added twice nor deleted unseen: FAIL_CONFLICT. Other types go by file name.
 * FAIL_SCHEMA: the previous list has fields that would be lost. */
MUST_USE bool index_manifest_combine(const struct index_manifest_entries *previous,
                                     const struct index_manifest_entries *changes, bool bucketed,
                                     struct arena *arena, struct index_manifest_entries *out,
                                     struct error *err);

/* The next entry of that type and bucket from *at on, or NULL: `size_t at = 0; while ((e =
 * index_manifest_next(…)) != NULL)`. */
const struct index_manifest_entry *index_manifest_next(const struct index_manifest_entries *list,
                                                       size_t *at, const char *type,
                                                       struct str partition, int32_t bucket);

/* Where the index files of a partition lie. Plain data, borrowed. */
struct index_manifest_place {
    struct fs fs;
    const char *table_path;
    bool in_bucket_folders;     /* index-file-in-data-file-dir: beside the data, not in index/ */
    const char *partition_path; /* then: "" or "dt=1/" (partition.h) */
};

/* Path of an entry's file. FAIL_SCHEMA for a file outside the table. */
MUST_USE bool index_manifest_file_path(const struct index_manifest_place *place,
                                       const struct index_manifest_entry *entry,
                                       struct arena *arena, const char **out, struct error *err);
/* Removes the files of entries that were written and will not be listed; failures are ignored: what
 * is left then is an unlisted file. */
void index_manifest_remove(const struct index_manifest_place *place,
                           const struct index_manifest_entries *unlisted);
