/* sink/format/avro_decoder.h: Avro bytes to rows, by a plan made from what the file's schema says
 * (writer) and what is asked for (reader): by name, in any order, unions anywhere; fields not asked
 * for are passed over, missing ones stay null. Immutable after _new: any thread may use it. */
#pragma once

#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/reader.h"
#include "base/row.h"
#include "base/schema.h"
#include "sink/format/avro_schema.h"

struct avro_decoder;

/* node is borrowed. FAIL_SCHEMA when a field asked for has a type in the file that is not its own,
 * by name. */
MUST_USE bool avro_decoder_new(const struct avro_node *node, const struct schema_field *fields,
                               size_t count, struct avro_decoder **out, struct error *err);
void avro_decoder_free(struct avro_decoder *d);

/* One row into values (zeroed before the first call), in the order of fields. Texts point into the
 * reader's bytes, the rest lives in the arena. Bytes that do not fit fail the reader. */
void avro_decoder_row(const struct avro_decoder *d, struct reader *r, struct arena *arena,
                      struct value *values);
