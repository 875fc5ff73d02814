/* sink/table_shape.h: whether the rows of a source fit into a table that is there. Thread: pure. */
#pragma once

#include "base/attr.h"
#include "base/error.h"
#include "base/schema.h"

/* Columns by place, name and type (the table may allow nulls that the source does not send), and
 * the primary key. FAIL_SCHEMA says which column differs, and how. */
MUST_USE bool table_shape_check(const struct schema *have, const struct schema *shape,
                                struct error *err);
