/* agent/pipeline.h: the threads of one run of a job and what they share (design.md §2).
 *
 *   stream lane ──hands──▶ bucket writers ──flushed──▶ committer ──▶ lake, checkpoint, ack
 *   chunk readers ──chunk buffers──▶ workers ──chunk done──▶ committer
 *                                    workers ◀──compaction── committer
 *
 * One pipeline lives from a set of table positions to the first error or the end; what it did not
 * commit is thrown away, and the next one starts from what the lake says. So every failure, restart
 * and take-over goes one way. Shared between threads: queues, the atomics below, and the routes,
 * which do not change. Everything else has one owner: tables belong to the committer, which is the
 * job's thread. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/hand.h"
#include "agent/route.h"
#include "base/batch.h"
#include "base/error.h"
#include "base/position.h"
#include "base/queue.h"
#include "base/stop.h"
#include "base/workers.h"
#include "connectors/source.h"
#include "sink/commit.h"
#include "sink/run_writer.h"
#include "sink/table.h"

#define PIPELINE_MAX_THREADS 16

/* What a bucket writer flushed for a mark: entries to list, in its own arena. */
struct flushed {
    struct arena arena;
    int64_t mark;
    struct flushed_files *items;
    size_t count, cap;
};
struct flushed_files {
    uint32_t route;
    const struct slot *slot;
    struct run_files data;
    struct run_files changelog;
};

/* One chunk of a first copy, from plan to listing. */
struct copy_chunk {
    struct arena arena; /* id and files; under the lock of the copy while it is read */
    uint32_t route;
    uint64_t order; /* chunks of a table are listed in this order */
    struct str id;
    bool last; /* of its table */
    struct source_seen seen;
    struct flushed_files *files;
    size_t file_count, file_cap;
    uint64_t rows;
    unsigned flushing; /* buffers still on workers */
    bool read;         /* all rows were read */
    bool failed;       /* not to be listed, nor anything after it */
};

struct compaction; /* agent/compactor.h */
struct expiry;     /* agent/expirer.h */

enum event_kind {
    EVENT_MARK,      /* the lane made a mark: number, position */
    EVENT_FLUSHED,   /* a writer flushed a mark */
    EVENT_CHUNK,     /* a chunk is complete */
    EVENT_COPY_END,  /* all chunk readers are done */
    EVENT_COMPACTED, /* a compaction ended, well or not */
    EVENT_EXPIRED,   /* an expiry of snapshots ended, well or not */
    EVENT_PARK, /* set a table aside: error, position it is complete to (NULL: its last commit's) */
    EVENT_LANE_END, /* the stream lane ended in order; its last mark is number */
    EVENT_FAILED,   /* a thread failed: the pipeline ends */
};

struct event {
    enum event_kind kind;
    int64_t mark;
    uint32_t route;
    struct position *position;
    struct flushed *flushed;
    struct copy_chunk *chunk;
    struct compaction *compaction;
    struct expiry *expiry;
    struct error error;
};

struct pipeline {
    const struct source_ops *source_ops;
    void *source;
    struct stop *stop;        /* abort: everything ends at once */
    const struct stop *drain; /* the user asked to stop in order */
    const struct commit_owner *owner;
    struct fs fs;
    int64_t epoch;

    struct route *routes; /* by source table index */
    size_t route_count;
    struct position *start; /* the stream begins here */

    size_t threads;
    uint64_t checkpoint_interval_ms;
    uint64_t memory_bytes;

    struct queue *events;                      /* of struct event * */
    struct queue *hands[PIPELINE_MAX_THREADS]; /* of struct hand *, one a writer */
    struct workers *workers;

    atomic_int_fast64_t marks_settled; /* committed, or part of the next: the lane is never more
                                        * than two marks ahead */
    atomic_bool mark_now;              /* the committer wants a mark soon (chunks are ready) */
    atomic_bool stalled;               /* compaction is behind: the lane waits */
    atomic_size_t buffered;            /* bytes in sort buffers of the stream */
    atomic_size_t largest[PIPELINE_MAX_THREADS];
    _Atomic(struct position *)
        target; /* until caught up: the lane ends when it is there; owned by the pipeline */
    atomic_bool copying;                /* a first copy runs: it has its share of the memory */
    atomic_uint_fast64_t source_bytes;  /* read from the source, for rates */
    atomic_int_fast64_t last_commit_ms; /* source clock of the newest transaction seen */
};

/* Sends an event; ownership moves. */
void pipeline_send(struct pipeline *p, struct event e);
/* Ends the pipeline with an error: the first one wins; all threads stop soon. */
void pipeline_fail(struct pipeline *p, const struct error *err);
/* Sets a table aside at once: what is not committed of it is thrown away. Once per route. */
void pipeline_park(struct pipeline *p, uint32_t route, const struct error *err);
/* Sets a table aside that is complete up to a position: what was handed over is still committed. */
void pipeline_notice(struct pipeline *p, uint32_t route, const struct error *err,
                     struct position *position);

/* Which writer owns a bucket. */
static inline size_t pipeline_writer(const struct pipeline *p, uint32_t route,
                                     const struct slot *slot)
{
    return ((size_t)route * 7 + slot->index) % p->threads;
}

/* Bytes the stream's sort buffers may hold before the largest is flushed; of one chunk buffer; of
 * one hand-over queue. */
size_t pipeline_stream_limit(const struct pipeline *p);
size_t pipeline_chunk_limit(const struct pipeline *p);
size_t pipeline_queue_limit(const struct pipeline *p);
size_t pipeline_file_limit(const struct pipeline *p); /* of one data file being written */

/* Where a bucket's files are written. counter and uuid are the owner's. */
void pipeline_target(const struct pipeline *p, const struct table *t, const char *folder,
                     bool changelog, struct run_target *out);
