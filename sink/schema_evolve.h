/* sink/schema_evolve.h: rows of a file of an older (or newer) schema, in the shape of the schema
 * wanted: columns and fields of ROWs matched by id, missing ones null, types cast
 * (paimon-format §2.6; Paimon's FormatReaderMapping, SchemaEvolutionUtil). A column's default value
 * plays no part: it is for writers.
 *
 * Names and types the file is read by are those of its own schema; a dropped column is not read.
 * Keys keep their order and bytes: Paimon changes no type of a primary key column, so key ranges of
 * old files mean the same. Plans are plain data in an arena. Thread: pure functions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/row.h"
#include "base/schema.h"
#include "sink/cast.h"
#include "sink/data_file.h"

struct schema_evolve {
    int64_t written_id;
    /* What the file is asked for: _KEY_…, _SEQUENCE_NUMBER, _VALUE_KIND, then the columns that are
     * wanted. */
    struct schema_field *fields;
    size_t count;
    /* By column of the schema wanted; NULL when rows are right as they come. */
    size_t *from;              /* index in fields, or SIZE_MAX: null */
    const struct cast **casts; /* NULL: as it is */
    const struct schema *wanted;
};

/* FAIL_SCHEMA when there is no way from one to the other, by column. Borrows both schemas. */
MUST_USE bool schema_evolve_plan(const struct schema *written, const struct schema *wanted,
                                 struct arena *arena, struct schema_evolve *out, struct error *err);
/* values: wanted->field_count of them, which may point into physical and into the arena. On failure
 * all are set, those that have no counterpart to null; the error is of the first. */
MUST_USE bool schema_evolve_row(const struct schema_evolve *e, const struct value *physical,
                                struct arena *arena, struct value *values, struct error *err);
