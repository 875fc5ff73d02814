/* agent/route.h: a source table and the lake table its rows go to. Made by the job's thread before
 * the threads of a pipeline start; read-only for all of them then, but for the atomics. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/checkpoint.h"
#include "base/buf.h"
#include "base/position.h"
#include "config/option.h"
#include "connectors/source.h"
#include "sink/slot.h"
#include "sink/table.h"

struct route {
    const struct source_table *source;
    struct table *table;               /* a stub, parked, when it could not be opened */
    struct position *resume;           /* changes whose place it has are already in the table */
    struct slot_set *slots;            /* its buckets; from route_place on */
    int64_t copy_sequence;             /* of rows of the first copy */
    bool empty;                        /* the lake had no rows of it when the stream began */
    bool fresh;                        /* needs the source's position */
    bool copy;                         /* takes part in a first copy */
    bool shared;                       /* by one shared snapshot, before the stream starts */
    atomic_bool closed;                /* set aside: its rows are dropped wherever they are */
    atomic_uint_fast64_t streamed;     /* changes taken from the stream */
    atomic_uint_fast64_t copied;       /* rows read by the first copy */
    atomic_uint_fast64_t chunks_begun; /* given to readers by this pipeline */
};

struct route_context {
    struct fs fs;
    const char *root;
    struct str job;
    const struct option_map *properties; /* table.properties of the job */
    struct str partition_key;            /* of the job */
    uint64_t checkpoint_interval_ms;
    const struct checkpoint *known; /* NULL: no checkpoint */
};

/* Opens or makes the lake table and resolves where it stands (agent/resolve.h). A table that must
 * be set aside comes out parked: only what stops the job is a failure. */
MUST_USE bool route_open(const struct route_context *c, const struct source_table *source,
                         struct route *out, struct error *err);
/* Settles copy and sequence numbers. now: the source's position, for fresh tables; copy_wanted: by
 * scan.startup.mode. */
MUST_USE bool route_place(struct route *r, const struct position *now, bool copy_wanted,
                          const struct source_caps *caps, struct error *err);
void route_close(struct route *r);

static inline bool route_is_parked(const struct route *r)
{
    return r->table == NULL || r->table->state == TABLE_PARKED;
}

/* What a new table gets unless the job says otherwise: file.format, bucket by size, compaction
 * trigger by commit interval (design.md §8). */
void route_default_options(struct schema *s, uint64_t estimated_bytes,
                           uint64_t checkpoint_interval_ms);
