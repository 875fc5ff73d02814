/* sink/bucket_assign.h: which bucket a key of a dynamic-bucket table (`bucket = -1`) goes to,
 * exactly as Paimon 1.4.2 decides (HashBucketAssigner, PartitionIndex; paimon-format §6.2).
 *
 * A key is known by its 32-bit hash; a hash once assigned keeps its bucket for ever. New hashes
 * fill the buckets that have fewer than target_rows, then open the smallest bucket number not in
 * use, up to max_buckets; then they go to any bucket of the partition (Java picks at random, we by
 * hash). With initial_buckets = n the keys are first spread by hash over n assigners, of which
 * number i uses the buckets i, i + n, i + 2n, … (BucketAssigner.computeAssigner, isMyBucket).
 *
 * Only one job may write such a table. Memory: about 12 bytes a key of every partition in use.
 *
 *   start:     bucket_assign_load for a partition, from the snapshot that is built on
 *   each row:  bucket_assign_pick
 *   commit:    bucket_assign_write for the partition: the index files of the buckets that took new
 *              hashes since, to be listed in the snapshot that lists the rows (or an earlier one:
 *              hashes of rows that never arrive do no harm)
 * When a commit fails for good and its rows are written again by the same process, nothing needs to
 * be taken back but the mark "changed": bucket_assign_retry. Thread: one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/row.h"
#include "base/schema.h"
#include "base/str.h"
#include "sink/hash_index.h"
#include "sink/index_manifest.h"

/* Bucket numbers are Java shorts: 0 … 32766. */
#define BUCKET_ASSIGN_MAX 32767

struct bucket_assign_options {
    int64_t target_rows;     /* dynamic-bucket.target-row-num */
    int32_t initial_buckets; /* dynamic-bucket.initial-buckets; 0 and 1: one assigner */
    int32_t max_buckets;     /* dynamic-bucket.max-buckets; -1: no limit but BUCKET_ASSIGN_MAX */
};

/* The options of a schema. FAIL_CONFIG names what is out of range. */
MUST_USE bool bucket_assign_parse(const struct schema *s, struct bucket_assign_options *out,
                                  struct error *err);

struct bucket_assign;

struct bucket_assign *bucket_assign_new(const struct bucket_assign_options *options);
void bucket_assign_free(struct bucket_assign *a); /* takes NULL */

/* The hash of a key: of its BinaryRow, all primary key columns that are no partition columns, in
 * the key's order. scratch is reused. */
int32_t bucket_assign_hash(const struct schema_field *const *fields, size_t count,
                           const struct value *const *values, struct buf *scratch);

/* Reads the hash indexes of a partition (as in manifests). Nothing when it is loaded. FAIL_CORRUPT:
 * a file is not what is listed, or a hash lies in two buckets. */
MUST_USE bool bucket_assign_load(struct bucket_assign *a, const struct index_manifest_place *place,
                                 const struct index_manifest_entries *entries, struct str partition,
                                 struct error *err);
bool bucket_assign_loaded(const struct bucket_assign *a, struct str partition);
/* Forgets a partition that is not written any more; what it has in unwritten changes is lost. */
void bucket_assign_drop(struct bucket_assign *a, struct str partition);

/* The partition must be loaded. FAIL_LIMIT: without max_buckets, every bucket number is full (as
 * Java: unless this process itself gave out the last one, then buckets go on growing). */
MUST_USE bool bucket_assign_pick(struct bucket_assign *a, struct str partition, int32_t hash,
                                 int32_t *out_bucket, struct error *err);

/* Writes the index file of each bucket of the partition that took new hashes since its last write,
 * whole, and appends their entries. On failure no new file is left and nothing is marked as
 * written.
 */
MUST_USE bool bucket_assign_write(struct bucket_assign *a, struct str partition,
                                  const struct hash_index_target *target, struct arena *arena,
                                  struct index_manifest_entries *out, struct error *err);
/* The files of these entries were not listed: their buckets are written again the next time. */
void bucket_assign_retry(struct bucket_assign *a, const struct index_manifest_entries *unlisted);
