/* base/batch.h: an arena full of changes: what a source hands to the pipeline.
 *
 * Filled by one lane, read by the same thread's router, reset and filled again. Values are slices
 * of the batch's arena (or of static memory). Changes of the stream are grouped by source
 * transaction; changes of a chunk are not. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/position.h"
#include "base/row.h"

struct change {
    uint32_t table;       /* index of the source's table (struct source_table), given at open */
    uint8_t kind;         /* ROW_INSERT, ROW_UPDATE_AFTER (before may be set), ROW_DELETE */
    struct value *values; /* the row after; for ROW_DELETE the deleted row */
    struct value
        *before; /* ROW_UPDATE_AFTER: the row before, complete; NULL when the source sent none */
};

/* A source transaction, or a part of one that is longer than a batch: then every part but the last
 * has open = true and the parts follow each other. */
struct batch_transaction {
    size_t first; /* index of its first change in this batch */
    size_t count;
    struct place place; /* texts in the batch's arena */
    uint64_t from; /* with it the numbers from…place.number of the counter are passed: equal to
                      place.number where each number is one transaction (MySQL GTIDs), 0 where the
                      number is a high-water mark (file offsets, MariaDB sequences, LSNs) */
    int64_t commit_ms; /* source's clock; 0 unknown */
    bool continued;    /* began in an earlier batch */
    bool open;         /* goes on in the next batch */
};

struct batch {
    struct arena arena;
    struct change *changes;
    size_t count, cap;
    struct batch_transaction *transactions;
    size_t transaction_count, transaction_cap;
    size_t bytes; /* of source data in it, for rates */
};

void batch_init(struct batch *b);
void batch_release(struct batch *b);
void batch_reset(struct batch *b);
/* The last change or transaction, zeroed; the pointer holds until the next batch_add or
 * batch_begin. */
struct change *batch_add(struct batch *b);
struct batch_transaction *batch_begin(struct batch *b); /* first = the next change */
