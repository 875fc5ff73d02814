/* agent/compact_table.h: one table that `inlet compact` looks after: opened when it is there,
 * followed through the snapshots of others, its buckets compacted on the workers and committed by
 * hand (sink/commit.h), its snapshots expired where its writer leaves that to others.
 *
 *              there is one          its first copy ends
 *   WAITING ───────────────▶ OPEN ◀─────────────────────── RESTING
 *      ▲   gone, new schema   │   a first copy runs            ▲
 *      └──────────────────────┼───────────────────────────────┘
 *                             ▼ cannot be written, damaged
 *                           ASIDE (tried again after minutes)
 *
 * No failure of one table stops the others. Thread: the program's main one, but for tasks. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/retry.h"
#include "base/queue.h"
#include "base/stop.h"
#include "base/workers.h"
#include "sink/commit.h"
#include "sink/fs/fs.h"
#include "sink/table.h"

/* What all tables share. Outlives them. */
struct compact_site {
    struct fs fs;
    const char *root;
    struct stop *stop;
    struct workers *workers;
    struct queue *events; /* of struct compact_event * */
    struct commit_owner owner;
    int64_t identifier;  /* of the next commit */
    uint64_t file_bytes; /* memory of one file being written; a task has about four times that */
    bool once;
};

enum compact_state { COMPACT_WAITING, COMPACT_OPEN, COMPACT_RESTING, COMPACT_ASIDE };

struct compact_table;
struct compact_event;

/* named: asked for by name; else one that compacts itself is left to its writer. */
struct compact_table *compact_table_new(struct compact_site *site, struct str database,
                                        struct str name, bool named);
/* No task may be running. Logs what was done. */
void compact_table_free(struct compact_table *c);
const char *compact_table_label(const struct compact_table *c);
enum compact_state compact_table_state(const struct compact_table *c);
/* Why it waits or is aside; FAIL_NONE: there is no such table, or nothing is wrong. */
enum fail compact_table_failure(const struct compact_table *c);
const struct table *compact_table_table(const struct compact_table *c); /* NULL: not open */
/* Nothing runs and nothing is left to do, as far as this program will (site.once). */
bool compact_table_is_done(const struct compact_table *c);

/* Looks for new snapshots and starts what is due; logs failures. */
void compact_table_look(struct compact_table *c);
/* An ended task: commits what it made, or throws it away, and starts what is due then. The event is
 * freed. */
void compact_table_take(struct compact_event *e);
