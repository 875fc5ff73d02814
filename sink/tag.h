/* sink/tag.h: names for snapshots (paimon-format §9): tags, which keep a snapshot's files, and
 * branches, which are tables of their own over them; and going back to an older snapshot. Each is
 * what Paimon's TagManager, FileSystemBranchManager and RollbackHelper leave behind. Works on files
 * alone, beside writers: who built on what a rollback took away notices (commit.h). Thread: one. */
#pragma once

#include <stdint.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/schema.h"
#include "base/str.h"
#include "sink/fs/fs.h"
#include "sink/partition.h"

/* snapshot_id 0: the newest. The schema's `tag.default-time-retained` gives it an end. FAIL_CONFIG:
 * no such snapshot, a name that cannot be, or one that is taken. */
MUST_USE bool tag_create(struct fs fs, const char *table_path, const struct schema *schema,
                         struct str name, int64_t snapshot_id, struct error *err);
/* Removes the tag and, where its snapshot has expired, the files that only it still named. */
MUST_USE bool tag_delete(struct fs fs, const char *table_path,
                         const struct partition_layout *partition, struct str name,
                         struct error *err);
/* From a tag's snapshot, or, with an empty tag, without rows. FAIL_CONFIG as above. */
MUST_USE bool tag_branch(struct fs fs, const char *table_path, struct str name, struct str tag,
                         struct error *err);
/* Makes a snapshot the newest again: later snapshots, their tags and the files that nothing else
 * names are removed. The schema stays as it is. FAIL_CONFIG when there is no such snapshot. */
MUST_USE bool tag_rollback(struct fs fs, const char *table_path,
                           const struct partition_layout *partition, int64_t snapshot_id,
                           struct error *err);
