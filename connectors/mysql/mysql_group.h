/* connectors/mysql/mysql_group.h: the transaction under way, its place, and its part of the batch.
 *
 * A group of events is one transaction: from its GTID (or BEGIN) to its COMMIT, or one statement.
 * This is the bookkeeping below the stream's decisions: where in the log we are, which place the
 * transaction has, what of it lies in the batch. Its batch entry, when there is one, is the last.
 * Thread: the stream's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/batch.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/position.h"
#include "connectors/mysql/binlog.h"
#include "connectors/mysql/binlog_rows.h"
#include "connectors/mysql/gtid.h"
#include "connectors/mysql/mysql_check.h"
#include "connectors/mysql/mysql_tracker.h"

#define MYSQL_GROUP_NONE SIZE_MAX
#define MYSQL_GROUP_WHERE_BYTES 1100u

struct mysql_group {
    struct mysql_server server;
    struct mysql_tracker *tracker; /* borrowed: its table ids end with the transaction */
    struct buf file;
    uint64_t offset; /* end of the last event in its file */
    uint64_t event_start;

    bool under_way;      /* its first event was seen */
    bool begun;          /* BEGIN too: only COMMIT, XID … end it */
    bool numbered;       /* it has a GTID */
    bool continued;      /* a part of it was delivered */
    bool commit_pending; /* its end was seen, but a notice has to go first */
    char counter[GTID_COUNTER_BYTES];
    uint64_t number;
    uint64_t start; /* offset of its first event */
    int64_t commit_ms;
    uint32_t *touched; /* captured tables with rows in it */
    size_t touched_count, touched_cap;

    /* the batch under way */
    struct batch *batch;
    size_t at;               /* the transaction's entry, or MYSQL_GROUP_NONE */
    size_t moved_at;         /* an entry that only moves the position, or MYSQL_GROUP_NONE */
    struct str counter_here; /* copies in the batch's arena; ptr NULL: not made yet */
    struct str identity_here;
};

void mysql_group_init(struct mysql_group *g, const struct mysql_server *server,
                      struct mysql_tracker *tracker);
void mysql_group_release(struct mysql_group *g);
/* "bin.000003:1234", the start of the event under way. */
void mysql_group_where(struct mysql_group *g, char out[MYSQL_GROUP_WHERE_BYTES]);
bool mysql_group_by_file(const struct mysql_group *g);

/* Takes the event's place in its file. */
void mysql_group_advance(struct mysql_group *g, const struct binlog_event *e);
/* The log goes on in another file. */
MUST_USE bool mysql_group_rotate(struct mysql_group *g, const struct binlog_rotate *r,
                                 struct error *err);
/* Whatever comes next cannot belong to the transaction under way. One that has BEGIN and no end was
 * never committed (the server died while it wrote): its rows leave the batch again. FAIL_LOST when
 * a part of it was delivered. */
MUST_USE bool mysql_group_cut(struct mysql_group *g, struct error *err);
/* A transaction begins with this event. */
void mysql_group_begin(struct mysql_group *g, const struct binlog_event *e);
void mysql_group_number(struct mysql_group *g, const char *counter, uint64_t number);
/* Its place, with texts in the batch; false when it has none: no GTID on a server that counts in
 * them. */
bool mysql_group_place(struct mysql_group *g, struct place *out);
/* Makes the transaction's entry in the batch when it is not there yet. */
MUST_USE bool mysql_group_open(struct mysql_group *g, struct error *err);
/* The transaction is complete. In file offsets its end is passed in the same batch. */
MUST_USE bool mysql_group_finish(struct mysql_group *g, struct error *err);
/* File offsets: everything up to the end of the last event is passed. */
MUST_USE bool mysql_group_moved(struct mysql_group *g, struct error *err);

/* A change of the open entry. */
void mysql_group_add(struct mysql_group *g, uint32_t index, enum binlog_rows_kind kind,
                     struct value *before, struct value *after);
void mysql_group_touch(struct mysql_group *g, uint32_t index);
/* Takes the table's rows of this transaction out of the batch again. */
void mysql_group_drop(struct mysql_group *g, uint32_t index);

void mysql_group_batch_begin(struct mysql_group *g, struct batch *batch);
/* What is not complete goes on in the next batch. */
void mysql_group_batch_end(struct mysql_group *g);
