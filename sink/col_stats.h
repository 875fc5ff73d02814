/* sink/col_stats.h: min, max and null count per column of one data file (paimon-format §4.7). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/row.h"
#include "base/schema.h"

struct col_stats;

enum col_stats_mode { COL_STATS_NONE, COL_STATS_COUNTS, COL_STATS_TRUNCATE, COL_STATS_FULL };

/* truncate: characters kept (16 for values by default, 128 for keys). Values are copied as far as
 * kept. */
struct col_stats *col_stats_new(const struct schema_field *const *fields, size_t count,
                                enum col_stats_mode mode, size_t truncate);
void col_stats_free(struct col_stats *c);
void col_stats_add(struct col_stats *c, const struct value *values); /* in the order of fields */
/* Appends the three parts as a manifest holds them: serialized min row, serialized max row; null
 * counts into out_nulls (count entries, -1 = null). */
void col_stats_finish(const struct col_stats *c, struct buf *out_min, struct buf *out_max,
                      int64_t *out_nulls);
