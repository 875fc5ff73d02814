#include "agent/hand.h"

#include "base/mem.h"

struct hand *hand_new(void)
{
    return MEM_NEW(struct hand);
}

void hand_free(struct hand *h)
{
    if (h != NULL) {
        arena_release(&h->arena);
        mem_free(h->rows);
        mem_free(h);
    }
}
