#include "agent/mark_list.h"

#include "base/mem.h"

void mark_list_free_flushed(struct flushed *f)
{
    arena_release(&f->arena);
    mem_free(f->items);
    mem_free(f);
}

static void mark_release(struct pending_mark *m)
{
    for (size_t i = 0; i < m->count; i++) {
        mark_list_free_flushed(m->flushed[i]);
    }
    mem_free(m->flushed);
    position_free(m->position);
    mem_free(m->begun);
}

void mark_list_release(struct mark_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        mark_release(&l->items[i]);
    }
    mem_free(l->items);
    *l = (struct mark_list){0};
}

void mark_list_add(struct mark_list *l, int64_t number, struct position *position, size_t writers,
                   uint64_t *begun)
{
    VEC_ROOM(l->items, l->count, l->cap);
    l->items[l->count++] = (struct pending_mark){
        .number = number, .position = position, .awaited = writers, .begun = begun};
}

void mark_list_flushed(struct mark_list *l, struct flushed *f)
{
    size_t i = 0;
    while (i < l->count && l->items[i].number != f->mark) {
        i++;
    }
    must(i < l->count && l->items[i].awaited > 0);
    struct pending_mark *m = &l->items[i];
    VEC_ROOM(m->flushed, m->count, m->cap);
    m->flushed[m->count++] = f;
    m->awaited--;
}

void mark_list_join(struct mark_list *l)
{
    must(l->count > 1 && l->items[0].awaited == 0);
    struct pending_mark *first = &l->items[0];
    struct pending_mark *second = &l->items[1];
    for (size_t i = 0; i < second->count; i++) {
        VEC_ROOM(first->flushed, first->count, first->cap);
        first->flushed[first->count++] = second->flushed[i];
    }
    mem_free(second->flushed);
    second->flushed = first->flushed;
    second->count = first->count;
    second->cap = first->cap;
    first->flushed = NULL;
    first->count = 0;
    mark_list_pop(l);
}

void mark_list_pop(struct mark_list *l)
{
    must(l->count > 0);
    mark_release(&l->items[0]);
    l->count--;
    for (size_t i = 0; i < l->count; i++) {
        l->items[i] = l->items[i + 1];
    }
}
