/* sink/deletion_vector.h: which rows of a data file are dead, and the index files that hold it
 * (paimon-format §8.2, `deletion-vectors.enabled`), bit for bit as Paimon 1.4.2 writes them.
 *
 * A vector is a set of row positions (from 0, in the order of the file). A deletion_vector_set
 * holds the vectors of one bucket by data file name:
 *   - a reader loads it and gives it to run_origin.deleted: then dead rows are not seen;
 *   - whoever compacts the bucket takes a copy, marks rows in it (deletion_vector_set_mark), drops
 *     the vectors of files that it rewrote (…_drop), writes the whole set again (…_write) and lists
 *     the new index file in the snapshot that lists the compacted files. When that snapshot is
 *     published the copy becomes the bucket's set; when not, the copy is thrown away.
 * A file that keeps its name (an upgrade) keeps its vector. Thread: one at a time; a set that
 * nobody changes may be read by many. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "sink/index_manifest.h"

/* How a vector is written. The set's kind is that of new vectors; read ones keep theirs. */
enum deletion_vector_kind {
    DELETION_VECTOR_32, /* positions below 2³¹ */
    DELETION_VECTOR_64, /* deletion-vectors.bitmap64 */
};

/* No data file has more rows: 2⁴⁰. */
#define DELETION_VECTOR_MAX_ROWS ((uint64_t)1 << 40)
/* An index file's bytes, read at once. */
#define DELETION_VECTOR_MAX_FILE ((uint64_t)1 << 30)

struct deletion_vector;

struct deletion_vector *deletion_vector_new(enum deletion_vector_kind kind);
void deletion_vector_free(struct deletion_vector *v); /* takes NULL */
struct deletion_vector *deletion_vector_copy(const struct deletion_vector *v);
/* *out_new (may be NULL): it was not dead before. FAIL_LIMIT: the kind cannot hold the position. */
MUST_USE bool deletion_vector_add(struct deletion_vector *v, uint64_t position, bool *out_new,
                                  struct error *err);
bool deletion_vector_has(const struct deletion_vector *v, uint64_t position);
uint64_t deletion_vector_count(const struct deletion_vector *v);
/* One more than the greatest position; 0 when there is none. */
uint64_t deletion_vector_end(const struct deletion_vector *v);
enum deletion_vector_kind deletion_vector_kind_of(const struct deletion_vector *v);

/* Appends the record: size, magic, bitmap, CRC. The vector's inner form becomes what was written,
 * as Java's does, so that later records come out as Java's. */
void deletion_vector_print(struct deletion_vector *v, struct buf *out);
/* record: one whole record. FAIL_CORRUPT says what is wrong with it. */
MUST_USE bool deletion_vector_parse(struct str record, struct deletion_vector **out,
                                    struct error *err);

/* ---- the vectors of one bucket ---- */

struct deletion_vector_set;

struct deletion_vector_set *deletion_vector_set_new(enum deletion_vector_kind kind);
void deletion_vector_set_free(struct deletion_vector_set *s); /* takes NULL */
struct deletion_vector_set *deletion_vector_set_copy(const struct deletion_vector_set *s);
/* Adds the vectors of the index files that entries names for the bucket (others are passed over).
 * Sizes, places, checksums and numbers of rows must be those listed: else FAIL_CORRUPT by index
 * file and data file; so is a missing file, and a data file named twice. */
MUST_USE bool deletion_vector_set_load(struct deletion_vector_set *s,
                                       const struct index_manifest_place *place,
                                       const struct index_manifest_entries *entries,
                                       struct str partition, int32_t bucket, struct error *err);
/* The vector of a data file; NULL: none. Takes a set of NULL. */
const struct deletion_vector *deletion_vector_set_get(const struct deletion_vector_set *s,
                                                      struct str data_file);
MUST_USE bool deletion_vector_set_mark(struct deletion_vector_set *s, struct str data_file,
                                       uint64_t position, bool *out_new, struct error *err);
/* The file is gone: rewritten. Nothing when it has no vector. */
void deletion_vector_set_drop(struct deletion_vector_set *s, struct str data_file);
/* Something was marked or dropped since the set was loaded or written. */
bool deletion_vector_set_changed(const struct deletion_vector_set *s);
size_t deletion_vector_set_count(const struct deletion_vector_set *s);

/* Where index files are written; borrowed. */
struct deletion_vector_target {
    const struct index_manifest_place *place;
    struct str partition; /* as in manifests */
    int32_t bucket;
    const char *uuid;              /* file names are index-uuid-n */
    atomic_uint_fast64_t *counter; /* n */
    /* 0: one file, whatever its size, even of no vector: what primary-key tables need, where the
     * new file replaces the bucket's old one. Else a file ends with the vector that takes it above
     * this size (deletion-vector.index-file.target-size), and no vector is no file. */
    uint64_t target_bytes;
};
/* Writes the whole set and appends an ADD entry for each file, with texts in the arena. The files
 * are durable then, and listed by nobody. On failure none is left. */
MUST_USE bool deletion_vector_set_write(struct deletion_vector_set *s,
                                        const struct deletion_vector_target *target,
                                        struct arena *arena, struct index_manifest_entries *out,
                                        struct error *err);
