/* base/mem.h: allocation that aborts when memory is gone, and `must`, our own asserts. The only
 * file that says malloc. Sizes from a wire or a file are checked before they come here. */
#pragma once

#include <stddef.h>

#include "base/attr.h"

void *mem_alloc(size_t size_bytes); /* size 0 gives a pointer that can be freed */
void *mem_zalloc(size_t size_bytes);
void *mem_realloc(void *old, size_t size_bytes);
void *mem_array(size_t count, size_t size_bytes); /* zeroed; aborts when the product overflows */
size_t mem_size(size_t count, size_t size_bytes); /* the product; aborts on overflow */
void mem_free(void *ptr);                         /* takes NULL */
char *mem_dup(const void *bytes, size_t len);     /* copy with a NUL behind it */

/* Always on: for our own mistakes and for promises whose breach would write bad data. Never for
 * input. */
#define must(cond) ((cond) ? (void)0 : must_failed(#cond, __FILE__, __LINE__))
NO_RETURN void must_failed(const char *cond, const char *file, int line);

#define MEM_NEW(type) ((type *)mem_zalloc(sizeof(type)))
#define MEM_ARRAY(type, count) ((type *)mem_array((count), sizeof(type)))

/* Grows a vector so that one more element fits: `VEC_ROOM(v->items, v->count, v->cap)`. */
#define VEC_ROOM(items, count, cap)                                                                \
    do {                                                                                           \
        if ((count) == (cap)) {                                                                    \
            (cap) = (cap) == 0 ? 8 : (cap)*2;                                                      \
            (items) = mem_grow((items), (cap), sizeof(*(items)));                                  \
        }                                                                                          \
    } while (0)
void *mem_grow(void *items, size_t cap, size_t size_bytes);

/* Once, at the start of main: few arenas, and freed memory goes back, so that resident memory
 * follows what is used. */
void mem_tune(void);
/* Gives memory that is free back to the system: after a burst, so that the quiet that may follow is
 * small. Walks the heap: not for hot paths. */
void mem_trim(void);
