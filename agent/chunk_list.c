#include "agent/chunk_list.h"

#include "base/mem.h"

void chunk_list_release(struct chunk_list *l)
{
    mem_free(l->items);
    mem_free(l->ended);
    *l = (struct chunk_list){0};
}

void chunk_list_add(struct chunk_list *l, struct copy_chunk *chunk)
{
    size_t at;
    VEC_ROOM(l->items, l->count, l->cap);
    for (at = l->count; at > 0 && l->items[at - 1]->order > chunk->order; at--) {
        l->items[at] = l->items[at - 1];
    }
    l->items[at] = chunk;
    l->count++;
}

void chunk_list_pop(struct chunk_list *l)
{
    must(l->count > 0);
    l->next++;
    l->count--;
    for (size_t i = 0; i < l->count; i++) {
        l->items[i] = l->items[i + 1];
    }
}

/* The chunk at this index of the list, whose predecessors are listed first. */
static bool is_ready(const struct chunk_list *l, size_t at, const struct position *p)
{
    const struct copy_chunk *c = l->items[at];
    return c->order == l->next + at && position_contains(p, c->seen.high);
}

bool chunk_list_ready(const struct chunk_list *l, const struct position *p)
{
    return l->count > 0 && is_ready(l, 0, p);
}

bool chunk_list_holds(const struct chunk_list *l, const struct position *p)
{
    size_t i = 0;
    while (i < l->count && is_ready(l, i, p)) {
        i++;
    }
    while (i < l->count && position_contains(l->items[i]->seen.low, p)) {
        i++;
    }
    return i < l->count;
}

void chunk_list_ended(struct chunk_list *l, uint64_t order)
{
    while (l->ended_cap <= order) {
        size_t cap = l->ended_cap == 0 ? 64 : l->ended_cap * 2;
        l->ended = mem_grow(l->ended, cap, sizeof *l->ended);
        for (size_t i = l->ended_cap; i < cap; i++) {
            l->ended[i] = false;
        }
        l->ended_cap = cap;
    }
    l->ended[order] = true;
    while (l->all_ended < l->ended_cap && l->ended[l->all_ended]) {
        l->all_ended++;
    }
}
