/* agent/hand.h: a bounded batch of keyed rows on its way from the lane to one bucket writer. Owned
 * by whoever holds it: the lane, the queue, the writer. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/row.h"

struct slot; /* sink/slot.h */

struct hand_row {
    struct value *values;
    const struct slot *slot;
    uint32_t route;
    uint8_t kind;
};
struct hand {
    struct arena arena;
    struct hand_row *rows;
    size_t count, cap;
    int64_t mark; /* > 0: no rows, but this mark */
};
struct hand *hand_new(void);
void hand_free(struct hand *h);
