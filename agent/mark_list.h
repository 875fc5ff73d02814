/* agent/mark_list.h: the lane's marks that are not committed yet, oldest first, with what the
 * writers flushed for each. Thread: the committer's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/pipeline.h"
#include "base/position.h"

struct pending_mark {
    int64_t number;
    struct position *position;
    struct flushed **flushed; /* in the order in which they were made */
    size_t count, cap;
    size_t awaited;  /* writers that have not flushed it yet */
    uint64_t *begun; /* per route: chunks that may have been read before it was made */
};

struct mark_list {
    struct pending_mark *items;
    size_t count, cap;
};

/* Frees the marks with what was flushed, not the files. */
void mark_list_release(struct mark_list *l);
/* Position and begun (mem_alloc'ed) are taken over. */
void mark_list_add(struct mark_list *l, int64_t number, struct position *position, size_t writers,
                   uint64_t *begun);
/* A writer flushed the mark that it names; taken over. */
void mark_list_flushed(struct mark_list *l, struct flushed *f);
/* The first mark becomes part of the second: one commit for both. */
void mark_list_join(struct mark_list *l);
/* The first mark is committed. */
void mark_list_pop(struct mark_list *l);

void mark_list_free_flushed(struct flushed *f);
