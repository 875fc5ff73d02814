/* base/map.h: from bytes to a pointer. Keys are copied in; values are the caller's. Open
 * addressing; not for untrusted keys without a limit on their number. Thread: its owner's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct map_slot;
struct map {
    struct map_slot *slots;
    size_t count;
    size_t cap;
    size_t dead;
};

void map_release(struct map *m);                    /* frees keys, not values */
void *map_get(const struct map *m, struct str key); /* NULL when absent */
/* Returns the value that was there before, or NULL. value must not be NULL. */
void *map_put(struct map *m, struct str key, void *value);
void *map_remove(struct map *m, struct str key);
/* Walks in no particular order: `size_t at = 0; while (map_next(m, &at, &key, &value))`. No changes
 * meanwhile. */
bool map_next(const struct map *m, size_t *at, struct str *key, void **value);
