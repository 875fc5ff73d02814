#include "base/map.h"

#include <stdint.h>

#include "base/hash.h"
#include "base/mem.h"

struct map_slot {
    uint64_t hash;
    struct str key; /* ptr NULL: never used, or dead */
    void *value;
    bool dead;
};

void map_release(struct map *m)
{
    struct str key;
    void *value = NULL;
    for (size_t at = 0; map_next(m, &at, &key, &value);) {
        mem_free((void *)(uintptr_t)key.ptr); /* made by mem_dup in map_put */
    }
    mem_free(m->slots);
    *m = (struct map){0};
}

/* The key's slot, or NULL. At most 3 of 4 slots are used, so every search meets a free one. */
static struct map_slot *find(const struct map *m, struct str key, uint64_t hash)
{
    if (m->cap == 0) {
        return NULL;
    }
    for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
        struct map_slot *s = &m->slots[i];
        if (s->key.ptr == NULL && !s->dead) {
            return NULL;
        }
        if (s->key.ptr != NULL && s->hash == hash && str_eq(s->key, key)) {
            return s;
        }
    }
}

static struct map_slot *find_free(struct map *m, uint64_t hash)
{
    size_t i = hash & (m->cap - 1);
    while (m->slots[i].key.ptr != NULL) {
        i = (i + 1) & (m->cap - 1);
    }
    return &m->slots[i];
}

static void make_room(struct map *m)
{
    if ((m->count + m->dead + 1) * 4 <= m->cap * 3) {
        return;
    }
    size_t old_cap = m->cap;
    struct map_slot *old = m->slots;
    m->cap = 8;
    while ((m->count + 1) * 2 > m->cap) {
        m->cap *= 2;
    }
    m->slots = MEM_ARRAY(struct map_slot, m->cap);
    m->dead = 0;
    for (size_t i = 0; i < old_cap; i++) {
        if (old[i].key.ptr != NULL) {
            *find_free(m, old[i].hash) = old[i];
        }
    }
    mem_free(old);
}

void *map_get(const struct map *m, struct str key)
{
    struct map_slot *s = find(m, key, hash_bytes(key));
    return s == NULL ? NULL : s->value;
}

void *map_put(struct map *m, struct str key, void *value)
{
    uint64_t hash = hash_bytes(key);
    struct map_slot *s = find(m, key, hash);
    must(value != NULL);
    if (s != NULL) {
        void *old = s->value;
        s->value = value;
        return old;
    }
    make_room(m);
    s = find_free(m, hash);
    m->dead -= s->dead ? 1 : 0;
    *s = (struct map_slot){hash, {mem_dup(key.ptr, key.len), key.len}, value, false};
    m->count++;
    return NULL;
}

void *map_remove(struct map *m, struct str key)
{
    struct map_slot *s = find(m, key, hash_bytes(key));
    if (s == NULL) {
        return NULL;
    }
    void *old = s->value;
    mem_free((void *)(uintptr_t)s->key.ptr);
    *s = (struct map_slot){.dead = true};
    m->count--;
    m->dead++;
    return old;
}

bool map_next(const struct map *m, size_t *at, struct str *key, void **value)
{
    for (; *at < m->cap; (*at)++) {
        const struct map_slot *s = &m->slots[*at];
        if (s->key.ptr != NULL) {
            *key = s->key;
            *value = s->value;
            (*at)++;
            return true;
        }
    }
    return false;
}
