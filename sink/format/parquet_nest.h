/* sink/format/parquet_nest.h: nested columns: entries with levels into ARRAY, MAP and ROW values.
 *
 * Source: apache/parquet-format README.md, "Nested Encoding" (Dremel's levels). The first leaf
 * below a node tells whether the node is null or empty and whether another item follows; the others
 * must agree. Thread: one at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/row.h"
#include "sink/format/parquet_column.h"
#include "sink/format/parquet_schema.h"

struct parquet_nest;

/* Columns are those of the schema's leaves; both are borrowed. A row's values may take max_bytes.
 */
struct parquet_nest *parquet_nest_new(const struct parquet_schema *schema,
                                      struct parquet_column *const *columns, size_t max_bytes);
void parquet_nest_free(struct parquet_nest *n); /* takes NULL */
/* Another row group begins: nothing of the one before is left. */
void parquet_nest_reset(struct parquet_nest *n);
/* The node's value in the next row; it and all below lives in the arena. FAIL_CORRUPT, FAIL_LIMIT.
 */
MUST_USE bool parquet_nest_read(struct parquet_nest *n, const struct parquet_node *node,
                                struct arena *a, struct value *out, struct error *err);
