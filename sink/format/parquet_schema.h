/* sink/format/parquet_schema.h: Paimon's types as Parquet's tree of groups and leaves.
 *
 * One tree of nodes a file, made either from the fields to be written or by finding the fields
 * asked for in a file's own schema (by name; paimon-format §7.9). Leaves are numbered in the order
 * of the tree; a node's leaves stand together. Everything lives in the arena given; types and names
 * are borrowed. Thread: pure functions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/row.h"
#include "base/schema.h"
#include "sink/format/parquet_cell.h"
#include "sink/format/parquet_meta.h"

#define PARQUET_MAX_LEVEL 255

enum parquet_shape {
    PARQUET_LEAF,
    PARQUET_ROW,
    PARQUET_LIST,   /* children[0]: the element */
    PARQUET_MAP,    /* children[0]: the key, [1]: the value */
    PARQUET_ABSENT, /* not in the file: null */
};

struct parquet_node {
    enum parquet_shape shape;
    const struct type *type;
    uint8_t def;      /* definition level from which on the node is not null */
    uint8_t rep;      /* repetition levels above: entries of a higher one belong to this node */
    uint8_t item_def; /* LIST, MAP: definition level from which on there is an item */
    uint8_t item_rep; /* LIST, MAP: repetition level of a further item */
    bool nullable;
    uint32_t leaf, leaf_count;
    struct parquet_node *children;
    size_t child_count;
};

struct parquet_leaf {
    enum parquet_physical physical;
    uint32_t width;   /* PARQUET_FIXED: bytes of a value */
    uint8_t def, rep; /* the levels' greatest */
    uint32_t column;  /* the file's column chunk */
    enum parquet_cell cell;
    const struct type *type; /* NULL: only the levels are asked for */
    struct str path;         /* dotted, for messages */
    const struct str *parts; /* the same, apart; only of leaves to be written */
    size_t part_count;
};

struct parquet_schema {
    struct parquet_node *nodes; /* one a field */
    size_t count;
    struct parquet_leaf *leaves;
    size_t leaf_count;
};

/* Of fields to be written. The footer's schema elements, root first, go to *out_elements. */
void parquet_schema_make(const struct schema_field *fields, size_t count, struct arena *a,
                         struct parquet_schema *out, struct parquet_element **out_elements,
                         size_t *out_element_count);
/* Finds the fields in a file. A field, or a field of a ROW, that the file does not have is
 * PARQUET_ABSENT; one that it has with another type is FAIL_SCHEMA. *out_columns: leaves of the
 * file. FAIL_CORRUPT: elements that make no tree. */
MUST_USE bool parquet_schema_match(const struct parquet_meta *meta,
                                   const struct schema_field *fields, size_t count, struct arena *a,
                                   struct parquet_schema *out, size_t *out_columns,
                                   struct error *err);
