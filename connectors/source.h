/* connectors/source.h: the source seam: what a database or broker must be able to do, and nothing
 * else.
 *
 * A source lists its tables, says where it stands, reads chunks of a first copy, and streams
 * changes from a position. Differences in ability are data (struct source_caps), not empty
 * functions. Positions are made by the source and opaque to everybody else (base/position.h).
 *
 * Threads: open, discover, shared_*, ack and close run on the job's thread; plan and the positions
 * may be asked from any thread, one at a time or not: the source sees to that. Every reader
 * (struct source_reader) belongs to one lane thread; several readers of one source run at the same
 * time. Every call that waits looks at the stop flag given at open and ends with FAIL_STOPPED soon
 * after it is set. Failures: FAIL_IO heals with time (the job closes everything, waits and starts
 * again from the lake's positions); FAIL_LOST needs a human; FAIL_CONFIG, FAIL_DENIED stop the job;
 * FAIL_SCHEMA stops the table named in the text. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/batch.h"
#include "base/error.h"
#include "base/position.h"
#include "base/schema.h"
#include "base/stop.h"
#include "base/str.h"
#include "config/option.h"
#include "config/tree.h"

/* One captured table as the source sees it. Owned by the source, stable until close. */
struct source_table {
    uint32_t index; /* position in the source's list; change.table */
    struct str
        database;    /* target database name before routing (MySQL: database; PostgreSQL: schema) */
    struct str name; /* table name */
    struct str label; /* "db.table" for people */
    const struct schema
        *schema; /* lake types, comments, primary key, in source column order; no options */
    uint64_t estimated_rows;
    uint64_t estimated_bytes;
};

/* A matching table that is not captured, with the reason ("has no primary key"). */
struct source_skipped {
    struct str label;
    struct str reason;
};

struct source_tables {
    const struct source_table *tables;
    size_t count;
    const struct source_skipped *skipped;
    size_t skipped_count;
};

struct source_caps {
    bool shared_snapshot;   /* shared_begin works on this server with these rights */
    const char *shared_why; /* why not, when it does not; a sentence with the remedy */
    size_t shared_readers;  /* most readers of one shared snapshot; 0: any number */
    bool copy_only;         /* the user wants the first copy alone: the job ends with it */
};

/* One piece of a table's first copy: a key range the source understands. id is stable for the table
 * across restarts (it is a text of the bounds) and is what the lake remembers as done. */
struct source_chunk {
    uint32_t table;
    struct str id;
    uint64_t estimated_rows;
};

/* What the rows of a chunk show: every transaction of low, and none that high lacks; between the
 * two nobody knows. The closer, the better. Owned by the chunk's reader's caller. */
struct source_seen {
    struct position *low;
    struct position *high;
};

struct source_reader; /* a chunk reader or the stream; opaque, made by the source */

enum source_read {
    SOURCE_BATCH,  /* the batch holds changes; more may follow */
    SOURCE_IDLE,   /* nothing came within the wait; the batch may hold transactions without changes
                      (position moved) */
    SOURCE_END,    /* chunk: all rows were delivered (the batch may hold the last) */
    SOURCE_FAILED, /* see err */
};

/* Something the stream saw about one table: its shape changed, it was truncated or dropped. The
 * table must be set aside; rows of it that follow are not delivered. The batch that a notice comes
 * with ends before the transaction that caused it is complete, so the table is complete up to where
 * the lane then stands (rows of that transaction in earlier parts are to be thrown away). */
struct source_notice {
    uint32_t table;
    struct str reason; /* a sentence: what happened, where in the log, what to do */
};

struct source_ops {
    const char *name; /* `type:` in the job file */
    const struct option_table *options;

    /* What can be said of a configuration without a server: FAIL_CONFIG, *out_key is the key that
     * is wrong (for its place in the file). */
    bool (*check)(const void *conf, const char **out_key, struct error *err);

    /* Connects, checks server settings and rights (each failure names the setting or the missing
     * GRANT). block is the `source:` block of the job; options are already checked and applied to
     * conf (zeroed memory of options->size bytes). */
    bool (*open)(const void *conf, const char *job_name, struct stop *stop, void **out_self,
                 struct error *err);
    void (*close)(void *self);

    /* Lists the tables that match, with shapes. */
    bool (*discover)(void *self, struct source_tables *out, struct error *err);
    struct source_caps (*caps)(void *self);

    /* Where to start the stream of a job that has no position yet, by scan.startup.mode; every
     * transaction in it is visible to reads that begin after this call returned. *out_copy: whether
     * a first copy is wanted. */
    bool (*start_position)(void *self, struct position **out, bool *out_copy, struct error *err);
    /* The source's end right now, for --until-caught-up. Everything committed before the call is in
     * it. */
    bool (*current_position)(void *self, struct position **out, struct error *err);
    /* FAIL_LOST with the remedy when the stream can no longer be read from this position (purged,
     * other server). */
    bool (*check_position)(void *self, const struct position *from, struct error *err);

    /* One consistent snapshot for all readers of the tables given: chunk readers opened until
     * shared_end read it. *out is its exact position: a transaction is visible in it if and only if
     * *out contains it. */
    bool (*shared_begin)(void *self, size_t readers, struct position **out, struct error *err);
    void (*shared_end)(void *self);

    /* Cuts a table into chunks, the next ones after a given chunk (NULL: from the start): appends
     * up to max chunks, sets *out_done when the last was given. A plan has no memory but the chunk
     * it is given: a restart passes the id of the last chunk that the lake lists as done, and goes
     * on right behind it. Texts live in arena. */
    bool (*plan)(void *self, const struct source_table *table, const struct source_chunk *after,
                 size_t max, struct arena *arena, struct source_chunk *out, size_t *out_count,
                 bool *out_done, struct error *err);

    /* Opens a reader for chunks (its own connection; slot < readers of shared_begin selects the
     * shared snapshot's connection). */
    bool (*chunk_reader)(void *self, size_t slot, struct source_reader **out, struct error *err);
    /* Starts one chunk: its low holds all that any stream of this source delivered before the call.
     */
    bool (*chunk_start)(struct source_reader *r, const struct source_table *table,
                        const struct source_chunk *chunk, struct error *err);
    /* Next rows; SOURCE_END sets *out_seen: the chunk must not be listed before the stream contains
     * its high, nor after changes beyond its low. */
    enum source_read (*chunk_read)(struct source_reader *r, struct batch *batch,
                                   struct source_seen *out_seen, struct error *err);

    /* Opens the stream at a position. */
    bool (*stream_open)(void *self, const struct position *from, struct source_reader **out,
                        struct error *err);
    /* Where a table of the lake stands, told before the first stream_read; NULL: not asked for.
     * have: changes and statements at its places are in the table already (NULL: none behind the
     * stream's start). empty: the lake has no rows of it, so that what happens to the source's
     * table before its first row comes leaves nothing wrong. */
    void (*stream_table)(struct source_reader *r, uint32_t table, const struct position *have,
                         bool empty);
    /* Fills a batch: returns after about 256 KiB of data, or when nothing more is at hand, or after
     * wait_ms with SOURCE_IDLE. Notices (at most 16 a call) are set aside in out_notices. */
    enum source_read (*stream_read)(struct source_reader *r, uint32_t wait_ms, struct batch *batch,
                                    struct source_notice *out_notices, size_t *out_notice_count,
                                    struct error *err);
    void (*reader_close)(struct source_reader *r);

    /* The source may forget everything up to this position. Called after it is durable in the lake.
     */
    bool (*ack)(void *self, const struct position *p, struct error *err);
    /* A position for people: "bin.000003:1234 gtid 0-1-77". */
    void (*describe)(void *self, const struct position *p, struct buf *out);
};

extern const struct source_ops *const source_list[]; /* ends with NULL */
const struct source_ops *source_find(struct str type);
