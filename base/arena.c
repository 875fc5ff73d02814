#include "base/arena.h"

#include <string.h>

#define FIRST_BLOCK_BYTES ((size_t)4096)
#define MAX_BLOCK_BYTES ((size_t)256 * 1024)

struct arena_block {
    struct arena_block *next;
    size_t size; /* with this header */
};

static struct arena_block *block_new(struct arena *a, size_t size)
{
    struct arena_block *b = mem_alloc(size);
    b->size = size;
    a->used_bytes += size;
    return b;
}

void *arena_slow(struct arena *a, size_t size_bytes)
{
    must(size_bytes < SIZE_MAX - 64);
    size_t need = (size_bytes + 7) & ~(size_t)7;
    size_t block = a->next_block_bytes == 0 ? FIRST_BLOCK_BYTES : a->next_block_bytes;
    a->next_block_bytes = block < MAX_BLOCK_BYTES ? block * 2 : MAX_BLOCK_BYTES;
    if (need > block / 4) { /* a block of its own; the current one stays in use */
        struct arena_block *own = block_new(a, need + sizeof(struct arena_block));
        if (a->blocks == NULL) {
            own->next = NULL;
            a->blocks = own;
        } else {
            own->next = a->blocks->next;
            a->blocks->next = own;
        }
        return own + 1;
    }
    struct arena_block *b = block_new(a, block);
    b->next = a->blocks;
    a->blocks = b;
    char *p = (char *)(b + 1);
    a->at = p + need;
    a->end = (char *)b + block;
    return p;
}

void *arena_zalloc(struct arena *a, size_t size_bytes)
{
    void *p = arena_alloc(a, size_bytes);
    memset(p, 0, size_bytes);
    return p;
}

char *arena_cstr(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.len + 1);
    if (s.len > 0) {
        memcpy(p, s.ptr, s.len);
    }
    p[s.len] = '\0';
    return p;
}

struct str arena_str(struct arena *a, struct str s)
{
    if (s.ptr == NULL) {
        return s;
    }
    return (struct str){arena_cstr(a, s), s.len};
}

void arena_reset(struct arena *a)
{
    struct arena_block *keep = NULL;
    struct arena_block *next = NULL;
    for (struct arena_block *b = a->blocks; b != NULL; b = next) {
        next = b->next;
        if (b->size <= MAX_BLOCK_BYTES && (keep == NULL || b->size > keep->size)) {
            mem_free(keep);
            keep = b;
        } else {
            mem_free(b);
        }
    }
    a->blocks = keep;
    a->used_bytes = 0;
    a->at = NULL;
    a->end = NULL;
    if (keep != NULL) {
        keep->next = NULL;
        a->used_bytes = keep->size;
        a->at = (char *)(keep + 1);
        a->end = (char *)keep + (keep->size & ~(size_t)7);
    }
}

void arena_release(struct arena *a)
{
    struct arena_block *next = NULL;
    for (struct arena_block *b = a->blocks; b != NULL; b = next) {
        next = b->next;
        mem_free(b);
    }
    *a = (struct arena){0};
}
