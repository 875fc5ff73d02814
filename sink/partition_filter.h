/* sink/partition_filter.h: which partitions a command is about: "dt=2024-01-01,hour=5" names some
 * of the partition columns; values are texts as Paimon casts them, the default partition's name
 * stands for null. Thread: pure functions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/str.h"
#include "sink/partition.h"

/* Plain data, borrowed. */
struct partition_filter {
    const struct partition_layout *layout;
    bool set[PARTITION_MAX_KEYS];
    struct str wanted[PARTITION_MAX_KEYS];
};

/* FAIL_CONFIG: a column that is no partition column, or is named twice. */
MUST_USE bool partition_filter_parse(struct str text, const struct partition_layout *layout,
                                     struct partition_filter *out, struct error *err);
/* Whether a partition (its bytes in manifests) is meant. Bytes that are no partition are not. */
bool partition_filter_takes(const struct partition_filter *f, struct str partition);
