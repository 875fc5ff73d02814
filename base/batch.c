#include "base/batch.h"

#include "base/mem.h"

void batch_init(struct batch *b)
{
    *b = (struct batch){0};
}

void batch_release(struct batch *b)
{
    arena_release(&b->arena);
    mem_free(b->changes);
    mem_free(b->transactions);
    *b = (struct batch){0};
}

void batch_reset(struct batch *b)
{
    arena_reset(&b->arena);
    b->count = 0;
    b->transaction_count = 0;
    b->bytes = 0;
}

struct change *batch_add(struct batch *b)
{
    VEC_ROOM(b->changes, b->count, b->cap);
    struct change *c = &b->changes[b->count++];
    *c = (struct change){0};
    return c;
}

struct batch_transaction *batch_begin(struct batch *b)
{
    VEC_ROOM(b->transactions, b->transaction_count, b->transaction_cap);
    struct batch_transaction *t = &b->transactions[b->transaction_count++];
    *t = (struct batch_transaction){.first = b->count};
    return t;
}
