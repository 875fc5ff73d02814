/* sink/partition.h: the partition a row belongs to: its bytes in manifests, and its folder
 * (paimon-format §1.2). The value is what manifests say; the folder is made from it, never read
 * back. Thread: pure functions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/row.h"
#include "base/schema.h"
#include "base/str.h"

#define PARTITION_MAX_KEYS 32

/* The partition columns of a table, in the order of its partition keys. Borrows the schema. */
struct partition_layout {
    const struct schema *schema;
    const struct schema_field **fields;
    size_t count;
    bool legacy_name;        /* partition.legacy-name: Java's toString instead of casts to STRING */
    struct str default_name; /* partition.default-name: of nulls and blank texts */
};

/* FAIL_SCHEMA: a partition key whose folder Paimon does not define (BINARY). */
MUST_USE bool partition_layout(const struct schema *s, struct arena *arena,
                               struct partition_layout *out, struct error *err);

/* Appends the serialized BinaryRow of a row's partition; without partition keys binrow_empty. */
void partition_row(const struct partition_layout *p, const struct value *values, struct buf *out);

/* "dt=2024-01-01/hour=5/", empty without partition keys; in the arena. FAIL_CORRUPT on bytes that
 * are no such row. */
MUST_USE bool partition_path(const struct partition_layout *p, struct str row, struct arena *arena,
                             const char **out, struct error *err);
/* The folder of a bucket, <table>/dt=2024-01-01/bucket-3, in the arena. */
MUST_USE bool partition_bucket(const struct partition_layout *p, const char *table_path,
                               struct str row, int32_t bucket, struct arena *arena,
                               const char **out, struct error *err);
/* {"dt":"2024-01-01","hour":5}: canonical values, for people. */
MUST_USE bool partition_print_json(const struct partition_layout *p, struct str row,
                                   struct buf *out, struct error *err);
