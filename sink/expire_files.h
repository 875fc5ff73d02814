/* sink/expire_files.h: for expire.c: the files of snapshots that go, and which of them something
 * else still names. Every removal may be repeated: what is gone already is passed over. Thread:
 * one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/map.h"
#include "base/str.h"
#include "sink/fs/fs.h"
#include "sink/partition.h"
#include "sink/snapshot.h"

/* Zeroed, then fs, path, partition and tags set. */
struct expire_files {
    struct fs fs;
    const char *path; /* of the table */
    const struct partition_layout *partition;
    bool index_in_buckets; /* index-file-in-data-file-dir */
    struct arena arena;
    struct snapshot *tags; /* ascending by id */
    size_t tag_count;
    struct map keep;      /* names of files that something else needs */
    struct map tag_files; /* data files of one tag */
    int64_t tag_read;     /* its snapshot's id; 0 none */
    uint64_t removed;     /* files */
};
void expire_files_release(struct expire_files *f);

/* What must stay: manifests and lists of a snapshot; all that branches name; manifests of tags that
 * may share files with the snapshots first … last (those between, and the one before them). */
MUST_USE bool expire_files_keep(struct expire_files *f, const struct snapshot *s,
                                struct error *err);
MUST_USE bool expire_files_keep_branches(struct expire_files *f, struct error *err);
MUST_USE bool expire_files_keep_tags(struct expire_files *f, int64_t first, int64_t last,
                                     struct error *err);
/* All of a snapshot: its data files, too. */
MUST_USE bool expire_files_keep_whole(struct expire_files *f, const struct snapshot *s,
                                      struct error *err);
void expire_files_forget(struct expire_files *f); /* starts anew */

/* Data files that this snapshot's changes dropped, which only earlier ones show; those that it adds
 * again were moved to another level. level0 false: files that writers made stay, as they are the
 * changes of a kept changelog. */
MUST_USE bool expire_files_remove_dropped(struct expire_files *f, const struct snapshot *s,
                                          bool level0, struct error *err);
MUST_USE bool expire_files_remove_changelog(struct expire_files *f, const struct snapshot *s,
                                            struct error *err);
/* Data files that are not kept: that the snapshot's changes add; that it shows. */
MUST_USE bool expire_files_remove_added(struct expire_files *f, const struct snapshot *s,
                                        struct error *err);
MUST_USE bool expire_files_remove_live(struct expire_files *f, const struct snapshot *s,
                                       struct error *err);
/* A manifest list with its manifests; an empty name is none. */
MUST_USE bool expire_files_remove_list(struct expire_files *f, struct str list, struct error *err);
/* Its index manifest with the index files that it names. */
MUST_USE bool expire_files_remove_index(struct expire_files *f, const struct snapshot *s,
                                        struct error *err);
MUST_USE bool expire_files_remove_statistics(struct expire_files *f, const struct snapshot *s,
                                             struct error *err);
MUST_USE bool expire_files_remove_path(struct expire_files *f, const char *path, struct error *err);
