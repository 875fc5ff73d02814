/* sink/merge_rule.h: what becomes of the records of one key: the one place that knows the merge
 * engine (paimon-write-path §1.3, §3.1). Only deduplicate is built; tables of other engines are
 * refused when they are opened.
 *
 * Used alike by the sort buffer, compaction and reads. Records come in the order of (key, sequence
 * number), ties with retracts first. A group of one record is never merged: it stays as it is. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/row.h"

/* The index of the record that stands for a group of count > 0 records: deduplicate keeps the last,
 * whatever its kind. */
static inline size_t merge_rule_pick(size_t count)
{
    return count - 1;
}

/* A result that only says "this key is gone": kept in runs as long as older runs may hold the key,
 * never shown to a reader (paimon-write-path §2.5). */
static inline bool merge_rule_is_tombstone(enum row_kind kind)
{
    return !row_kind_is_add(kind);
}
