#include "base/mem.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

NO_RETURN static void out_of_memory(size_t size_bytes)
{
    (void)fprintf(stderr,
                  "inlet: out of memory, %zu bytes asked for: give the process more or lower "
                  "pipeline.memory\n",
                  size_bytes);
    abort();
}

void *mem_alloc(size_t size_bytes)
{
    void *p = malloc(size_bytes == 0 ? 1 : size_bytes);
    if (p == NULL) {
        out_of_memory(size_bytes);
    }
    return p;
}

void *mem_zalloc(size_t size_bytes)
{
    void *p = calloc(1, size_bytes == 0 ? 1 : size_bytes);
    if (p == NULL) {
        out_of_memory(size_bytes);
    }
    return p;
}

void *mem_realloc(void *old, size_t size_bytes)
{
    void *p = realloc(old, size_bytes == 0 ? 1 : size_bytes);
    if (p == NULL) {
        out_of_memory(size_bytes);
    }
    return p;
}

size_t mem_size(size_t count, size_t size_bytes)
{
    size_t total = 0;
    if (!checked_mul(count, size_bytes, &total)) {
        out_of_memory(SIZE_MAX);
    }
    return total;
}

void *mem_array(size_t count, size_t size_bytes)
{
    return mem_zalloc(mem_size(count, size_bytes));
}

void *mem_grow(void *items, size_t cap, size_t size_bytes)
{
    return mem_realloc(items, mem_size(cap, size_bytes));
}

void mem_free(void *ptr)
{
    free(ptr);
}

char *mem_dup(const void *bytes, size_t len)
{
    char *p = mem_alloc(len + 1);
    if (len > 0) {
        memcpy(p, bytes, len);
    }
    p[len] = '\0';
    return p;
}

void mem_tune(void)
{
#ifdef __GLIBC__
    (void)mallopt(M_ARENA_MAX, 2);
    (void)mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    (void)mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
#endif
}

/* Under a sanitizer the heap is the sanitizer's: glibc's was never set up, and two threads that
 * trim it for the first time crash. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEM_FOREIGN_HEAP
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MEM_FOREIGN_HEAP
#endif
#endif

void mem_trim(void)
{
#if defined(__GLIBC__) && !defined(MEM_FOREIGN_HEAP)
    (void)malloc_trim(0);
#endif
}
