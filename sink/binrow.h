/* sink/binrow.h: Paimon's BinaryRow (paimon-format §5): keys, partitions and statistics in
 * manifests; bucket hashes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/row.h"
#include "base/schema.h"

/* Appends the row's bytes (header byte 0, no arity). */
void binrow_write(const struct schema_field *const *fields, size_t count,
                  const struct value *const *values, struct buf *out);
/* The serialized form of manifests: 4-byte big-endian arity, then the row. */
void binrow_serialize(const struct schema_field *const *fields, size_t count,
                      const struct value *const *values, struct buf *out);
/* Reads a serialized row back; values live in the arena or point into bytes. FAIL_CORRUPT on a
 * wrong arity or offsets. */
MUST_USE bool binrow_parse(struct str bytes, const struct schema_field *const *fields, size_t count,
                           struct arena *arena, struct value *out_values, struct error *err);
extern const struct str binrow_empty; /* arity 0: 12 zero bytes */
/* Bucket of a key for fixed buckets (bucket-function.type=default): abs(murmur(row) % buckets).
 * scratch is reused. */
int32_t binrow_bucket(const struct schema_field *const *fields, size_t count,
                      const struct value *const *values, int32_t buckets, struct buf *scratch);
