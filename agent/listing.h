/* agent/listing.h: the entries of one snapshot of one table, gathered from writers and chunks.
 * Thread: the committer's. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/pipeline.h"
#include "base/arena.h"
#include "sink/manifest.h"

/* Everything one commit of a table lists. */
struct listing {
    struct arena arena;
    struct manifest_entry *entries;
    size_t count, cap;
    struct manifest_entry *changelog;
    size_t changelog_count, changelog_cap;
    uint64_t rows;
    uint64_t bytes;
};

void listing_release(struct listing *l);
/* Adds files of one bucket. Their descriptions must live as long as the listing. */
void listing_add(struct listing *l, const struct table *t, const struct flushed_files *f);
/* Adds a chunk's files; their descriptions are copied. */
void listing_add_chunk(struct listing *l, const struct table *t, const struct copy_chunk *chunk);
/* Removes the files: they were not listed. */
void listing_discard(const struct listing *l, const struct table *t);
