#include "connectors/mysql/mysql_group.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define MAX_FILE_NAME 1024u

void mysql_group_init(struct mysql_group *g, const struct mysql_server *server,
                      struct mysql_tracker *tracker)
{
    *g = (struct mysql_group){.server = *server,
                              .tracker = tracker,
                              .file = BUF_INIT(MAX_FILE_NAME),
                              .at = MYSQL_GROUP_NONE,
                              .moved_at = MYSQL_GROUP_NONE};
}

void mysql_group_release(struct mysql_group *g)
{
    buf_release(&g->file);
    mem_free(g->touched);
    *g = (struct mysql_group){0};
}

/* ---- where ---- */

void mysql_group_where(struct mysql_group *g, char out[MYSQL_GROUP_WHERE_BYTES])
{
    (void)snprintf(out, MYSQL_GROUP_WHERE_BYTES, "%s:%llu", buf_cstr(&g->file),
                   (unsigned long long)g->event_start);
}

/* Headers hold 32 bits of the end's offset, and nothing where the server did not care (MariaDB with
 * binlog_legacy_event_pos=OFF, format descriptions made for the connection). */
void mysql_group_advance(struct mysql_group *g, const struct binlog_event *e)
{
    enum binlog_class class = binlog_event_class(e);
    g->event_start = g->offset;
    if ((e->flags & BINLOG_FLAG_ARTIFICIAL) != 0 || class == BINLOG_CLASS_HEARTBEAT) {
        return;
    }
    if (e->next_position == 0) {
        g->offset += class == BINLOG_CLASS_FORMAT ? 0 : e->size_bytes;
        return;
    }
    uint64_t end = (g->offset & ~(uint64_t)UINT32_MAX) | e->next_position;
    end += end < g->offset ? (uint64_t)1 << 32 : 0;
    g->offset = end;
    g->event_start = end > e->size_bytes ? end - e->size_bytes : 0;
}

bool mysql_group_by_file(const struct mysql_group *g)
{
    return g->server.counting == MYSQL_COUNTING_FILE;
}

/* A place of the log file with its texts in the batch. */
static bool file_place(struct mysql_group *g, uint64_t offset, struct place *out, struct error *err)
{
    struct place p;
    if (!gtid_file_place(str_of(g->server.identity), buf_str(&g->file), offset, &p, err)) {
        return false;
    }
    if (g->identity_here.ptr == NULL) {
        g->identity_here = arena_str(&g->batch->arena, p.identity);
    }
    if (g->counter_here.ptr == NULL || !str_eq(g->counter_here, p.counter)) {
        g->counter_here = arena_str(&g->batch->arena, p.counter);
    }
    p.identity = g->identity_here;
    p.counter = g->counter_here;
    *out = p;
    return true;
}

static struct place gtid_place_here(struct mysql_group *g)
{
    if (g->counter_here.ptr == NULL) {
        g->counter_here = arena_str(&g->batch->arena, str_of(g->counter));
    }
    return (struct place){.lane = STR(GTID_LANE),
                          .identity = g->server.mariadb ? STR(GTID_IDENTITY_MARIADB)
                                                        : STR(GTID_IDENTITY_MYSQL),
                          .counter = g->counter_here,
                          .number = g->number};
}

bool mysql_group_place(struct mysql_group *g, struct place *out)
{
    struct error ignored;
    if (!mysql_group_by_file(g) && !g->numbered) {
        return false;
    }
    if (mysql_group_by_file(g)) {
        /* one byte behind the start: behind the end of the one before, and no place to start at */
        return file_place(g, g->start + 1, out, &ignored);
    }
    *out = gtid_place_here(g);
    return true;
}

/* ---- transactions ---- */

static bool need_place(struct mysql_group *g, struct error *err)
{
    if (mysql_group_by_file(g) || g->numbered) {
        return true;
    }
    char at[MYSQL_GROUP_WHERE_BYTES];
    mysql_group_where(g, at);
    return error_set(err, FAIL_CONFIG,
                     "a transaction without a GTID at %s, though the server counts in GTIDs: was "
                     "gtid_mode changed? To copy the tables anew, drop the lake's and start again",
                     at);
}

/* The transaction's entry in the batch, made when it is not there yet. */
bool mysql_group_open(struct mysql_group *g, struct error *err)
{
    struct place place;
    if (g->at != MYSQL_GROUP_NONE) {
        return true;
    }
    if (!need_place(g, err)) {
        return false;
    }
    if (mysql_group_by_file(g)) {
        /* one byte behind the start: behind the end of the one before, and no place to start at */
        if (!file_place(g, g->start + 1, &place, err)) {
            return false;
        }
    } else {
        place = gtid_place_here(g);
    }
    struct batch_transaction *t = batch_begin(g->batch);
    t->place = place;
    t->from = g->server.counting == MYSQL_COUNTING_GTID ? place.number : 0;
    t->commit_ms = g->commit_ms;
    t->continued = g->continued;
    g->at = g->batch->transaction_count - 1;
    return true;
}

/* File offsets: everything up to the end of the last event is passed. */
bool mysql_group_moved(struct mysql_group *g, struct error *err)
{
    struct place place;
    if (!mysql_group_by_file(g) || g->offset == 0) {
        return true;
    }
    if (!file_place(g, g->offset, &place, err)) {
        return false;
    }
    if (g->moved_at == MYSQL_GROUP_NONE || g->moved_at + 1 != g->batch->transaction_count ||
        !str_eq(g->batch->transactions[g->moved_at].place.counter, place.counter)) {
        (void)batch_begin(g->batch);
        g->moved_at = g->batch->transaction_count - 1;
    }
    g->batch->transactions[g->moved_at].place = place;
    return true;
}

static void group_reset(struct mysql_group *g)
{
    g->under_way = false;
    g->begun = false;
    g->numbered = false;
    g->continued = false;
    g->commit_pending = false;
    g->commit_ms = 0;
    g->touched_count = 0;
    g->at = MYSQL_GROUP_NONE;
    mysql_tracker_forget_ids(g->tracker);
}

bool mysql_group_finish(struct mysql_group *g, struct error *err)
{
    if (!mysql_group_open(g, err)) {
        return false;
    }
    g->batch->transactions[g->at].open = false;
    group_reset(g);
    return mysql_group_moved(g, err);
}

bool mysql_group_cut(struct mysql_group *g, struct error *err)
{
    if (!g->under_way) {
        return true;
    }
    if (!g->begun) {
        return mysql_group_finish(g, err); /* nothing but its first event: no rows */
    }
    if (g->continued) {
        return error_set(err, FAIL_LOST,
                         "a transaction has no end in the binary log, and a part of it was read "
                         "already: the server lost its end; to copy the tables anew, drop the "
                         "lake's and start again");
    }
    if (g->at != MYSQL_GROUP_NONE) {
        g->batch->count = g->batch->transactions[g->at].first;
        g->batch->transaction_count = g->at;
    }
    group_reset(g);
    return true;
}

void mysql_group_begin(struct mysql_group *g, const struct binlog_event *e)
{
    group_reset(g);
    g->under_way = true;
    g->start = g->event_start;
    g->commit_ms = (int64_t)e->timestamp_s * 1000;
}

bool mysql_group_rotate(struct mysql_group *g, const struct binlog_rotate *r, struct error *err)
{
    if (r->file.len == 0 || r->file.len >= MAX_FILE_NAME) {
        return error_set(err, FAIL_CORRUPT, "the next log's name has %zu bytes", r->file.len);
    }
    buf_reset(&g->file);
    buf_put_str(&g->file, r->file);
    g->offset = r->position;
    mysql_tracker_forget_ids(g->tracker);
    return true;
}

void mysql_group_number(struct mysql_group *g, const char *counter, uint64_t number)
{
    if (strcmp(counter, g->counter) != 0) {
        (void)snprintf(g->counter, sizeof g->counter, "%s", counter);
        g->counter_here = (struct str){NULL, 0};
    }
    g->number = number;
    g->numbered = true;
}

/* ---- changes ---- */

/* Removes the table's rows of this transaction from the batch. The transaction is the last one. */
void mysql_group_drop(struct mysql_group *g, uint32_t index)
{
    struct batch *b = g->batch;
    if (g->at == MYSQL_GROUP_NONE) {
        return;
    }
    struct batch_transaction *t = &b->transactions[g->at];
    size_t kept = t->first;
    for (size_t i = t->first; i < t->first + t->count; i++) {
        if (b->changes[i].table != index) {
            b->changes[kept++] = b->changes[i];
        }
    }
    t->count = kept - t->first;
    b->count = kept;
}

void mysql_group_touch(struct mysql_group *g, uint32_t index)
{
    for (size_t i = g->touched_count; i-- > 0;) {
        if (g->touched[i] == index) {
            return;
        }
    }
    VEC_ROOM(g->touched, g->touched_count, g->touched_cap);
    g->touched[g->touched_count++] = index;
}

void mysql_group_add(struct mysql_group *g, uint32_t index, enum binlog_rows_kind kind,
                     struct value *before, struct value *after)
{
    struct change *c = batch_add(g->batch);
    c->table = index;
    switch (kind) {
    case BINLOG_ROWS_INSERT:
        c->kind = ROW_INSERT;
        c->values = after;
        break;
    case BINLOG_ROWS_UPDATE:
        c->kind = ROW_UPDATE_AFTER;
        c->values = after;
        c->before = before;
        break;
    case BINLOG_ROWS_DELETE:
        c->kind = ROW_DELETE;
        c->values = before;
        break;
    }
    g->batch->transactions[g->at].count++;
}

/* ---- batches ---- */

void mysql_group_batch_begin(struct mysql_group *g, struct batch *batch)
{
    g->batch = batch;
    g->at = MYSQL_GROUP_NONE;
    g->moved_at = MYSQL_GROUP_NONE;
    g->counter_here = (struct str){NULL, 0};
    g->identity_here = (struct str){NULL, 0};
}

void mysql_group_batch_end(struct mysql_group *g)
{
    if (g->at != MYSQL_GROUP_NONE) {
        g->batch->transactions[g->at].open = true;
        g->continued = true;
    }
}
