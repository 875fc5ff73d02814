/* base/arena.h: bump memory, freed all at once.
 *
 * Blocks grow by doubling from first_block to 256 KiB; a larger request gets a block of its own.
 * arena_used() counts blocks held, for the memory budget. An arena belongs to one thread at a time.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/str.h"

struct arena_block;

struct arena {
    char *at;  /* next free byte */
    char *end; /* end of the current block */
    struct arena_block *blocks;
    size_t used_bytes; /* of all blocks */
    size_t next_block_bytes;
};

void *arena_slow(struct arena *a, size_t size_bytes);

/* 8-byte aligned, not zeroed, never NULL. An arena of zeroes is a valid empty one. */
static inline void *arena_alloc(struct arena *a, size_t size_bytes)
{
    size_t need = (size_bytes + 7) & ~(size_t)7;
    if (LIKELY(need >= size_bytes && (size_t)(a->end - a->at) >= need && a->at != NULL)) {
        void *p = a->at;
        a->at += need;
        return p;
    }
    return arena_slow(a, size_bytes);
}

void *arena_zalloc(struct arena *a, size_t size_bytes);
char *arena_cstr(struct arena *a, struct str s); /* NUL-terminated copy */
struct str arena_str(struct arena *a, struct str s);
void arena_reset(struct arena *a);   /* keeps one standard block */
void arena_release(struct arena *a); /* frees all; zeroes */
static inline size_t arena_used(const struct arena *a)
{
    return a->used_bytes;
}

/* Zeroed array; the count was admitted before (reader_count) or is ours. */
#define ARENA_ARRAY(a, type, count) ((type *)arena_zalloc((a), mem_size((count), sizeof(type))))
