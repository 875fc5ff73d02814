/* sink/hash_index.h: index files of dynamic buckets (paimon-format §6.2): the hashes of all primary
 * keys that a bucket ever took, 4 bytes big-endian each, in no order. The index manifest names one
 * file for each (partition, bucket), type HASH. Read in pieces, so a file may have any size. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/str.h"
#include "sink/index_manifest.h"

/* Gives each hash of the file to `each`; false from it ends the reading as failed. A file whose
 * size is not the listed one, or not 4 bytes for each listed hash, is FAIL_CORRUPT; so is a missing
 * one. */
MUST_USE bool hash_index_read(const struct index_manifest_place *place,
                              const struct index_manifest_entry *entry,
                              bool (*each)(void *self, int32_t hash, struct error *err), void *self,
                              struct error *err);

/* Where index files are written; borrowed. */
struct hash_index_target {
    const struct index_manifest_place *place;
    const char *uuid;              /* file names are index-uuid-n */
    atomic_uint_fast64_t *counter; /* n */
};

struct hash_index_writer;

/* A new file for the bucket; partition as in manifests. Durable after finish, which appends its ADD
 * entry (texts in the arena); it then replaces the bucket's file in the index manifest. The writer
 * is gone after finish and abandon; on failure so is the file. */
MUST_USE bool hash_index_open(const struct hash_index_target *target, struct str partition,
                              int32_t bucket, struct hash_index_writer **out, struct error *err);
MUST_USE bool hash_index_put(struct hash_index_writer *w, int32_t hash, struct error *err);
MUST_USE bool hash_index_finish(struct hash_index_writer *w, struct arena *arena,
                                struct index_manifest_entries *out, struct error *err);
void hash_index_abandon(struct hash_index_writer *w); /* takes NULL */
