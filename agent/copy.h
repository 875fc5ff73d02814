/* agent/copy.h: the first copy: chunk readers on threads of their own, chunk buffers encoded by the
 * workers (design.md §6).
 *
 * Readers take chunks in plan order, table after table, all readers on one table at a time. A
 * chunk's rows become level-0 files with the table's reserved sequence number; a complete chunk
 * goes to the committer (EVENT_CHUNK), which lists chunks in plan order once the stream contains
 * all that they may show. After the last chunk comes EVENT_COPY_END. */
#pragma once

#include "agent/pipeline.h"

struct copy;

/* Starts the readers for every route with `copy` set and `shared` as given. through: per route the
 * chunk after which to go on (empty: from the start). Reads through the shared snapshot's
 * connections when shared. */
struct copy *copy_start(struct pipeline *p, bool shared, size_t readers, const struct str *through);
/* Waits for the readers to end (they end by themselves, or when the pipeline stops), frees. Safe on
 * NULL. */
void copy_join(struct copy *c);
void copy_chunk_free(struct copy_chunk *c);
/* Removes the chunk's files: it will not be listed. */
void copy_chunk_discard(const struct pipeline *p, const struct copy_chunk *c);
