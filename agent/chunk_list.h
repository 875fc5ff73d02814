/* agent/chunk_list.h: the chunks of one table's first copy that were read and are not listed yet,
 * in plan order; and which have ended at all. Thread: the committer's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/pipeline.h"

struct chunk_list {
    struct copy_chunk **items;
    size_t count, cap;
    uint64_t next; /* order of the next to list */
    bool *ended;   /* by order: it was read, well or not */
    size_t ended_cap;
    uint64_t all_ended; /* chunks of lower order have all ended */
};

/* Frees the list, not the chunks. */
void chunk_list_release(struct chunk_list *l);
/* Takes a complete chunk in, at its place. */
void chunk_list_add(struct chunk_list *l, struct copy_chunk *chunk);
/* The first chunk is listed: it leaves the list, to its caller. */
void chunk_list_pop(struct chunk_list *l);
/* Whether the first chunk may be listed with this position: the stream contains all it may show. */
bool chunk_list_ready(const struct chunk_list *l, const struct position *p);
/* Whether changes up to this position may not be listed yet: they may be newer than what a chunk
 * shows that is not listed with them. A reader that does not merge must see the copied row first.
 */
bool chunk_list_holds(const struct chunk_list *l, const struct position *p);
/* A chunk was read, well or not. */
void chunk_list_ended(struct chunk_list *l, uint64_t order);
