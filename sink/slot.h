/* sink/slot.h: where the rows of a table go: its buckets by partition and number, each with an
 * index of its own, small and lasting as long as the set. Buckets that the table has are known from
 * the start, those of new partitions when their first row comes. With dynamic buckets the table's
 * hash index says where a key is, and takes in new ones. Any thread may ask. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/row.h"
#include "sink/index_manifest.h"
#include "sink/table.h"

#define SLOT_MAX_KEY 64

/* Read-only once it is given out. */
struct slot {
    uint32_t index;       /* in the set */
    struct str partition; /* serialized BinaryRow */
    int32_t bucket;
    const char *folder;     /* of the bucket */
    int64_t first_sequence; /* of its next stream row, when the set was made */
};

struct slot_set;

/* For a table that was loaded; it outlives the slots. reserved: the least sequence number of a
 * stream row. FAIL_LIMIT: a key of too many columns. */
MUST_USE bool slot_set_new(const struct table *t, int64_t reserved, struct slot_set **out,
                           struct error *err);
void slot_set_free(struct slot_set *s); /* takes NULL */
/* The slot of a row. scratch is reused. FAIL_LIMIT: a partition with a folder name too long, or all
 * dynamic buckets are full; FAIL_CORRUPT: a hash index that cannot be read. */
MUST_USE bool slot_set_find(struct slot_set *s, const struct value *values, struct buf *scratch,
                            const struct slot **out, struct error *err);

/* Dynamic buckets: writes the index files of all keys given out since the last call; their entries,
 * in the arena, go into the snapshot that lists the rows. Other tables: none. */
MUST_USE bool slot_set_write_index(struct slot_set *s, const char *uuid,
                                   atomic_uint_fast64_t *counter, struct arena *arena,
                                   struct index_manifest_entries *out, struct error *err);
/* They were not listed: their files are removed, the next call writes them again. */
void slot_set_unlisted(struct slot_set *s, const struct index_manifest_entries *entries);
