/* sink/format/avro_encoder.h: rows to Avro bytes, by a plan made once per file. Immutable after
 * _new: any thread may use it. */
#pragma once

#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/row.h"
#include "base/schema.h"

struct avro_encoder;

/* The fields passed avro_schema_check; they are copied as far as needed, their types' inner parts
 * borrowed. */
struct avro_encoder *avro_encoder_new(const struct schema_field *fields, size_t count);
void avro_encoder_free(struct avro_encoder *e);

/* Appends one row. FAIL_SCHEMA for a null in a NOT NULL column or a number that its type does not
 * hold, FAIL_LIMIT beyond out's maximum; out is as before then. */
MUST_USE bool avro_encoder_row(const struct avro_encoder *e, const struct value *values,
                               struct buf *out, struct error *err);
