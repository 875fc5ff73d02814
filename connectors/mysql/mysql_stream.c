#include "connectors/mysql/mysql_stream.h"

#include <stdio.h>
#include <string.h>

#include "base/instant.h"
#include "base/mem.h"
#include "connectors/mysql/binlog.h"
#include "connectors/mysql/binlog_payload.h"
#include "connectors/mysql/binlog_rows.h"
#include "connectors/mysql/gtid.h"
#include "connectors/mysql/mysql_ddl.h"
#include "connectors/mysql/mysql_tracker.h"

#define BATCH_BYTES ((size_t)256 << 10)
#define MAX_FILE_NAME 1024u
#define SQL_MODE_ANSI_QUOTES 4u
#define TABLE_ID_BYTES 6u
#define WHERE_BYTES 1100u
#define NO_TRANSACTION SIZE_MAX

struct mysql_stream {
    struct mysql_dump *dump;
    struct mysql_server server;
    const struct mysql_catalog *catalog;
    struct mysql_tracker *tracker;
    struct binlog_format format;
    struct binlog_payload *payload; /* a compressed transaction being unpacked */
    struct arena scratch;           /* of one event */
    struct buf file;
    uint64_t offset; /* end of the last event in its file */
    uint64_t event_start;

    /* the transaction under way */
    bool group;          /* its first event was seen */
    bool begun;          /* BEGIN too: only COMMIT, XID … end it */
    bool numbered;       /* it has a GTID */
    bool continued;      /* a part of it was delivered */
    bool commit_pending; /* its end was seen, but a notice had to go first */
    char counter[GTID_COUNTER_BYTES];
    uint64_t number;
    uint64_t start; /* offset of its first event */
    int64_t commit_ms;
    uint32_t *touched; /* captured tables with rows in it */
    size_t touched_count, touched_cap;

    /* the call under way */
    struct batch *batch;
    size_t at;               /* the transaction in the batch */
    size_t moved_at;         /* one that only moves the position, or NO_TRANSACTION */
    struct str counter_here; /* copies in the batch's arena; ptr NULL: not made yet */
    struct str identity_here;
    bool cut; /* the batch must end now */
};

struct mysql_stream *mysql_stream_new(struct mysql_dump *dump, const struct mysql_server *server,
                                      const struct mysql_catalog *catalog,
                                      const struct mysql_policy *policy)
{
    struct mysql_stream *s = MEM_NEW(struct mysql_stream);
    s->dump = dump;
    s->server = *server;
    s->catalog = catalog;
    s->tracker = mysql_tracker_new(catalog, policy);
    s->file = BUF_INIT(MAX_FILE_NAME);
    binlog_format_init(&s->format, server->crc32);
    return s;
}

void mysql_stream_free(struct mysql_stream *s)
{
    if (s == NULL) {
        return;
    }
    binlog_payload_free(s->payload);
    mysql_dump_close(s->dump);
    mysql_tracker_free(s->tracker);
    arena_release(&s->scratch);
    buf_release(&s->file);
    mem_free(s->touched);
    mem_free(s);
}

/* ---- where ---- */

static void where(struct mysql_stream *s, char out[WHERE_BYTES])
{
    (void)snprintf(out, WHERE_BYTES, "%s:%llu", buf_cstr(&s->file),
                   (unsigned long long)s->event_start);
}

/* Headers hold 32 bits of the end's offset, and nothing where the server did not care (MariaDB with
 * binlog_legacy_event_pos=OFF, format descriptions made for the connection). */
static void advance(struct mysql_stream *s, const struct binlog_event *e)
{
    enum binlog_class class = binlog_event_class(e);
    s->event_start = s->offset;
    if ((e->flags & BINLOG_FLAG_ARTIFICIAL) != 0 || class == BINLOG_CLASS_HEARTBEAT) {
        return;
    }
    if (e->next_position == 0) {
        s->offset += class == BINLOG_CLASS_FORMAT ? 0 : e->size_bytes;
        return;
    }
    uint64_t end = (s->offset & ~(uint64_t)UINT32_MAX) | e->next_position;
    end += end < s->offset ? (uint64_t)1 << 32 : 0;
    s->offset = end;
    s->event_start = end > e->size_bytes ? end - e->size_bytes : 0;
}

static bool by_file(const struct mysql_stream *s)
{
    return s->server.counting == MYSQL_COUNTING_FILE;
}

/* A place of the log file with its texts in the batch. */
static bool file_place(struct mysql_stream *s, uint64_t offset, struct place *out,
                       struct error *err)
{
    struct place p;
    if (!gtid_file_place(str_of(s->server.identity), buf_str(&s->file), offset, &p, err)) {
        return false;
    }
    if (s->identity_here.ptr == NULL) {
        s->identity_here = arena_str(&s->batch->arena, p.identity);
    }
    if (s->counter_here.ptr == NULL || !str_eq(s->counter_here, p.counter)) {
        s->counter_here = arena_str(&s->batch->arena, p.counter);
    }
    p.identity = s->identity_here;
    p.counter = s->counter_here;
    *out = p;
    return true;
}

static struct place gtid_place_here(struct mysql_stream *s)
{
    if (s->counter_here.ptr == NULL) {
        s->counter_here = arena_str(&s->batch->arena, str_of(s->counter));
    }
    return (struct place){.lane = STR(GTID_LANE),
                          .identity = s->server.mariadb ? STR(GTID_IDENTITY_MARIADB)
                                                        : STR(GTID_IDENTITY_MYSQL),
                          .counter = s->counter_here,
                          .number = s->number};
}

/* ---- transactions ---- */

static bool need_place(struct mysql_stream *s, struct error *err)
{
    if (by_file(s) || s->numbered) {
        return true;
    }
    char at[WHERE_BYTES];
    where(s, at);
    return error_set(err, FAIL_CONFIG,
                     "a transaction without a GTID at %s, though the server counts in GTIDs: was "
                     "gtid_mode changed? Copy the tables again (inlet resync)",
                     at);
}

/* The transaction's entry in the batch, made when it is not there yet. */
static bool transaction_here(struct mysql_stream *s, struct error *err)
{
    struct place place;
    if (s->at != NO_TRANSACTION) {
        return true;
    }
    if (!need_place(s, err)) {
        return false;
    }
    if (by_file(s)) {
        /* one byte behind the start: behind the end of the one before, and no place to start at */
        if (!file_place(s, s->start + 1, &place, err)) {
            return false;
        }
    } else {
        place = gtid_place_here(s);
    }
    struct batch_transaction *t = batch_begin(s->batch);
    t->place = place;
    t->from = s->server.counting == MYSQL_COUNTING_GTID ? place.number : 0;
    t->commit_ms = s->commit_ms;
    t->continued = s->continued;
    s->at = s->batch->transaction_count - 1;
    return true;
}

/* File offsets: everything up to the end of the last event is passed. */
static bool moved(struct mysql_stream *s, struct error *err)
{
    struct place place;
    if (!by_file(s) || s->offset == 0) {
        return true;
    }
    if (!file_place(s, s->offset, &place, err)) {
        return false;
    }
    if (s->moved_at == NO_TRANSACTION || s->moved_at + 1 != s->batch->transaction_count ||
        !str_eq(s->batch->transactions[s->moved_at].place.counter, place.counter)) {
        (void)batch_begin(s->batch);
        s->moved_at = s->batch->transaction_count - 1;
    }
    s->batch->transactions[s->moved_at].place = place;
    return true;
}

static void group_reset(struct mysql_stream *s)
{
    s->group = false;
    s->begun = false;
    s->numbered = false;
    s->continued = false;
    s->commit_pending = false;
    s->commit_ms = 0;
    s->touched_count = 0;
    s->at = NO_TRANSACTION;
    mysql_tracker_forget_ids(s->tracker);
}

static bool finish(struct mysql_stream *s, struct error *err)
{
    if (!transaction_here(s, err)) {
        return false;
    }
    s->batch->transactions[s->at].open = false;
    group_reset(s);
    return moved(s, err);
}

/* The transaction ends here; a notice that it caused goes first. */
static bool finish_after_notices(struct mysql_stream *s, struct error *err)
{
    if (mysql_tracker_has_notices(s->tracker)) {
        s->commit_pending = true;
        s->cut = true;
        return true;
    }
    return finish(s, err);
}

static void begin_group(struct mysql_stream *s, const struct binlog_event *e)
{
    group_reset(s);
    s->group = true;
    s->start = s->event_start;
    s->commit_ms = (int64_t)e->timestamp_s * 1000;
}

/* ---- setting aside ---- */

/* Removes the table's rows of this transaction from the batch. The transaction is the last one. */
static void drop_rows(struct mysql_stream *s, uint32_t index)
{
    struct batch *b = s->batch;
    if (s->at == NO_TRANSACTION) {
        return;
    }
    struct batch_transaction *t = &b->transactions[s->at];
    size_t kept = t->first;
    for (size_t i = t->first; i < t->first + t->count; i++) {
        if (b->changes[i].table != index) {
            b->changes[kept++] = b->changes[i];
        }
    }
    t->count = kept - t->first;
    b->count = kept;
}

static void set_aside(struct mysql_stream *s, uint32_t index, struct str reason)
{
    if (mysql_tracker_set_aside(s->tracker, index, reason)) {
        drop_rows(s, index);
        s->cut = true;
    }
}

struct reason {
    struct mysql_stream *s;
    struct str text;
};

static void aside_found(void *self, uint32_t index)
{
    const struct reason *r = self;
    set_aside(r->s, index, r->text);
}

static void touched_aside(struct mysql_stream *s, const char *what)
{
    struct buf b = BUF_INIT(2048);
    char at[WHERE_BYTES];
    where(s, at);
    buf_printf(&b, "%s at %s; copy the table again (inlet resync)", what, at);
    for (size_t i = 0; i < s->touched_count; i++) {
        set_aside(s, s->touched[i], buf_str(&b));
    }
    buf_release(&b);
}

static void touch(struct mysql_stream *s, uint32_t index)
{
    for (size_t i = s->touched_count; i-- > 0;) {
        if (s->touched[i] == index) {
            return;
        }
    }
    VEC_ROOM(s->touched, s->touched_count, s->touched_cap);
    s->touched[s->touched_count++] = index;
}

/* ---- rows ---- */

static bool images_complete(const struct binlog_rows *rows)
{
    return rows->complete[0] && (rows->kind != BINLOG_ROWS_UPDATE || rows->complete[1]);
}

static void add_change(struct mysql_stream *s, uint32_t index, enum binlog_rows_kind kind,
                       struct value *before, struct value *after)
{
    struct change *c = batch_add(s->batch);
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
    s->batch->transactions[s->at].count++;
}

static void rows_aside(struct mysql_stream *s, uint32_t index, const char *what)
{
    struct buf b = BUF_INIT(2048);
    char at[WHERE_BYTES];
    where(s, at);
    buf_printf(&b, "a row at %s: %s; then copy the table again (inlet resync)", at, what);
    set_aside(s, index, buf_str(&b));
    buf_release(&b);
}

static bool read_rows(struct mysql_stream *s, struct binlog_rows *rows, uint32_t index,
                      struct error *err)
{
    struct binlog_rows_plan *plan = mysql_tracker_plan(s->tracker, index);
    for (;;) {
        struct value *before = NULL;
        struct value *after = NULL;
        switch (binlog_rows_next(rows, plan, &s->batch->arena, &before, &after, err)) {
        case BINLOG_ROWS_ROW:
            add_change(s, index, rows->kind, before, after);
            break;
        case BINLOG_ROWS_END:
            return true;
        case BINLOG_ROWS_FAIL:
            if (err->code != FAIL_SCHEMA) {
                return false;
            }
            rows_aside(s, index, err->text);
            return true;
        }
    }
}

/* The table id is the first thing in every rows event; rows nobody wants are not even copied. */
static bool take_rows(struct mysql_stream *s, const struct binlog_event *e, bool inner,
                      struct error *err)
{
    struct binlog_rows rows;
    struct binlog_event copy = *e;
    uint32_t index;
    struct reader r = reader_over(e->body, "rows event");
    uint64_t id = reader_ule(&r, TABLE_ID_BYTES);
    if (!reader_ok(&r, err)) {
        return false;
    }
    if (id == BINLOG_ROWS_DUMMY_TABLE) {
        return true;
    }
    if (!mysql_tracker_find(s->tracker, id, &index)) {
        return error_set(err, FAIL_CORRUPT, "rows of table id %llu, which no table map announced",
                         (unsigned long long)id);
    }
    if (index == MYSQL_TRACKER_NONE) {
        return true;
    }
    if (!inner) {
        copy.body = arena_str(&s->batch->arena, e->body); /* values point into it */
    }
    if (!binlog_rows_open(&s->format, &copy, &s->batch->arena, &rows, err) ||
        !transaction_here(s, err)) {
        return false;
    }
    touch(s, index);
    if (!images_complete(&rows)) {
        rows_aside(s, index,
                   "its image is incomplete: a session has binlog_row_image other than FULL; set "
                   "it to FULL everywhere");
        return true;
    }
    return read_rows(s, &rows, index, err);
}

/* ---- statements ---- */

static const char *remedy_of(enum mysql_ddl_kind kind)
{
    switch (kind) {
    case MYSQL_DDL_ROWS:
        return "changed rows as a statement, which cannot be followed: a session has "
               "binlog_format other than ROW; set it to ROW everywhere, then copy the table again";
    case MYSQL_DDL_DROP:
    case MYSQL_DDL_DROP_DATABASE:
        return "dropped the table; its rows stay in the lake";
    case MYSQL_DDL_TRUNCATE:
        return "emptied the table; its rows stay in the lake: copy the table again";
    case MYSQL_DDL_RENAME:
        return "gave the table's name away or to another table: copy the table again";
    case MYSQL_DDL_ALTER:
    case MYSQL_DDL_CREATE:
        return "may have changed the table's shape or rows, which is not followed yet: copy the "
               "table again";
    case MYSQL_DDL_OTHER:
    case MYSQL_DDL_BEGIN:
    case MYSQL_DDL_COMMIT:
    case MYSQL_DDL_ROLLBACK:
    case MYSQL_DDL_ROLLBACK_TO:
    case MYSQL_DDL_XA_START:
    case MYSQL_DDL_XA_END:
    case MYSQL_DDL_XA_PREPARE:
    case MYSQL_DDL_XA_COMMIT:
    case MYSQL_DDL_XA_ROLLBACK:
    case MYSQL_DDL_ALTER_NEUTRAL:
    case MYSQL_DDL_CREATE_MAYBE:
        break;
    }
    return NULL;
}

static bool changes_tables(const struct mysql_ddl *d)
{
    /* a CREATE comes before the first row: the table maps tell whether the shape is ours */
    return remedy_of(d->kind) != NULL &&
           (d->kind != MYSQL_DDL_CREATE || str_eq(d->verb, STR("CREATE OR REPLACE TABLE")));
}

static void apply_ddl(struct mysql_stream *s, const struct mysql_ddl *d)
{
    struct buf b = BUF_INIT(4096);
    char at[WHERE_BYTES];
    where(s, at);
    if (!changes_tables(d)) {
        return;
    }
    buf_printf(&b, "%.*s at %s %s (inlet resync)", STR_FMT(d->verb), at, remedy_of(d->kind));
    struct reason reason = {s, buf_str(&b)};
    for (size_t i = 0; i < d->count; i++) {
        mysql_tracker_each(s->tracker, d->targets[i].database, d->targets[i].name, s->server.nocase,
                           aside_found, &reason);
    }
    buf_release(&b);
}

/* The statement in UTF-8; as it is when its character set is not known or the text not valid. */
static struct str statement_text(struct mysql_stream *s, const struct binlog_query *q)
{
    struct mysql_charset_converter *c = NULL;
    struct error ignored;
    struct str out = q->text;
    const struct mysql_charset *set =
        q->has_charset ? mysql_charset_by_collation(q->client_charset) : NULL;
    if (set == NULL || set->kind == MYSQL_CHARSET_UTF8 || set->kind == MYSQL_CHARSET_BINARY ||
        !mysql_charset_open(set, &c, &ignored)) {
        return q->text;
    }
    if (!mysql_charset_convert(c, q->text, &s->scratch, &out, &ignored)) {
        out = q->text;
    }
    mysql_charset_close(c);
    return out;
}

/* ROLLBACK in the log: a transaction that could not be taken back whole, since tables without
 * transactions took part. Rows of the others are void. */
static bool rolled_back(struct mysql_stream *s, struct error *err)
{
    for (size_t i = 0; i < s->touched_count; i++) {
        if (s->catalog->tables[s->touched[i]].transactional && s->continued) {
            touched_aside(s, "a transaction was rolled back in the log after a part was read,");
            return finish_after_notices(s, err);
        }
    }
    for (size_t i = 0; i < s->touched_count; i++) {
        if (s->catalog->tables[s->touched[i]].transactional) {
            drop_rows(s, s->touched[i]);
        }
    }
    return finish(s, err);
}

static bool statement_in_group(struct mysql_stream *s, const struct mysql_ddl *d, struct error *err)
{
    switch (d->kind) {
    case MYSQL_DDL_BEGIN:
    case MYSQL_DDL_XA_START:
        s->begun = true;
        return true;
    case MYSQL_DDL_COMMIT:
        return finish(s, err);
    case MYSQL_DDL_ROLLBACK:
        return rolled_back(s, err);
    case MYSQL_DDL_ROLLBACK_TO:
        touched_aside(s, "ROLLBACK TO SAVEPOINT in the log, which is not followed,");
        return true;
    case MYSQL_DDL_XA_END:
    case MYSQL_DDL_XA_PREPARE:
        return true;
    case MYSQL_DDL_OTHER:
    case MYSQL_DDL_XA_COMMIT:
    case MYSQL_DDL_XA_ROLLBACK:
    case MYSQL_DDL_ALTER:
    case MYSQL_DDL_ALTER_NEUTRAL:
    case MYSQL_DDL_CREATE:
    case MYSQL_DDL_CREATE_MAYBE:
    case MYSQL_DDL_DROP:
    case MYSQL_DDL_DROP_DATABASE:
    case MYSQL_DDL_RENAME:
    case MYSQL_DDL_TRUNCATE:
    case MYSQL_DDL_ROWS:
        break;
    }
    apply_ddl(s, d);
    return s->begun ? true : finish_after_notices(s, err);
}

static bool take_query(struct mysql_stream *s, const struct binlog_event *e, struct error *err)
{
    struct binlog_query q;
    arena_reset(&s->scratch);
    if (!binlog_query_read(&s->format, e, &s->scratch, &q, err)) {
        return false;
    }
    if (!s->group) {
        begin_group(s, e);
    }
    struct mysql_ddl d = {.kind = mysql_ddl_quick(q.text)};
    if (d.kind == MYSQL_DDL_OTHER) {
        bool ansi = q.has_sql_mode && (q.sql_mode & SQL_MODE_ANSI_QUOTES) != 0;
        d = mysql_ddl_read(statement_text(s, &q), q.schema, ansi, &s->scratch);
    }
    return statement_in_group(s, &d, err);
}

/* ---- events ---- */

static bool take_gtid(struct mysql_stream *s, const struct binlog_event *e, struct error *err)
{
    struct binlog_gtid g;
    struct place place;
    if (!binlog_gtid_read(e, &g, err)) {
        return false;
    }
    begin_group(s, e);
    if (g.immediate_commit_us > 0) {
        s->commit_ms = (int64_t)(g.immediate_commit_us / 1000);
    }
    if (by_file(s)) {
        return true;
    }
    if (!g.anonymous) {
        char counter[GTID_COUNTER_BYTES];
        gtid_place(&g, counter, &place);
        if (strcmp(counter, s->counter) != 0) {
            memcpy(s->counter, counter, sizeof counter);
            s->counter_here = (struct str){NULL, 0};
        }
        s->number = place.number;
        s->numbered = true;
    }
    return true;
}

static bool take_gtid_mariadb(struct mysql_stream *s, const struct binlog_event *e,
                              struct error *err)
{
    struct binlog_gtid_mariadb g;
    struct place place;
    char counter[GTID_COUNTER_BYTES];
    if (!binlog_gtid_mariadb_read(e, &g, err)) {
        return false;
    }
    begin_group(s, e);
    s->begun = !g.standalone;
    if (by_file(s)) {
        return true;
    }
    gtid_mariadb_place(&g, counter, &place);
    if (strcmp(counter, s->counter) != 0) {
        memcpy(s->counter, counter, sizeof counter);
        s->counter_here = (struct str){NULL, 0};
    }
    s->number = place.number;
    s->numbered = true;
    return true;
}

static bool take_rotate(struct mysql_stream *s, const struct binlog_event *e, struct error *err)
{
    struct binlog_rotate r;
    if (!binlog_rotate_read(e, &r, err)) {
        return false;
    }
    if (s->group && (e->flags & BINLOG_FLAG_ARTIFICIAL) == 0) {
        return error_set(err, FAIL_IO, "the log ends in the middle of a transaction");
    }
    if (r.file.len == 0 || r.file.len >= MAX_FILE_NAME) {
        return error_set(err, FAIL_CORRUPT, "the next log's name has %zu bytes", r.file.len);
    }
    buf_reset(&s->file);
    buf_put_str(&s->file, r.file);
    s->offset = r.position;
    mysql_tracker_forget_ids(s->tracker);
    return true;
}

static bool take_xa_prepare(struct mysql_stream *s, const struct binlog_event *e, struct error *err)
{
    struct binlog_xa xa;
    if (!binlog_xa_read(e, &xa, err)) {
        return false;
    }
    if (!xa.one_phase) {
        touched_aside(s, "an XA transaction was prepared (it commits in another place of the log), "
                         "which is not followed yet,");
    }
    return finish_after_notices(s, err);
}

static bool take_map(struct mysql_stream *s, const struct binlog_event *e, struct error *err)
{
    char at[WHERE_BYTES];
    where(s, at);
    if (!mysql_tracker_map(s->tracker, &s->format, e, at, err)) {
        return false;
    }
    if (mysql_tracker_has_notices(s->tracker)) {
        for (size_t i = 0; i < s->touched_count; i++) {
            if (mysql_tracker_is_aside(s->tracker, s->touched[i])) {
                drop_rows(s, s->touched[i]);
            }
        }
        s->cut = true;
    }
    return true;
}

static bool take_event(struct mysql_stream *s, const struct binlog_event *e, bool inner,
                       struct error *err)
{
    switch (binlog_event_class(e)) {
    case BINLOG_CLASS_FORMAT:
        return binlog_format_read(e, &s->format, err);
    case BINLOG_CLASS_ROTATE:
        return take_rotate(s, e, err);
    case BINLOG_CLASS_GTID:
        return take_gtid(s, e, err);
    case BINLOG_CLASS_MARIADB_GTID:
        return take_gtid_mariadb(s, e, err);
    case BINLOG_CLASS_QUERY:
        return take_query(s, e, err);
    case BINLOG_CLASS_XID:
        return finish(s, err);
    case BINLOG_CLASS_XA_PREPARE:
        return take_xa_prepare(s, e, err);
    case BINLOG_CLASS_TABLE_MAP:
        return take_map(s, e, err);
    case BINLOG_CLASS_ROWS:
        return take_rows(s, e, inner, err);
    case BINLOG_CLASS_PAYLOAD:
        return binlog_payload_open(e, &s->payload, err);
    case BINLOG_CLASS_HEARTBEAT:
    case BINLOG_CLASS_PASS:
        return true;
    case BINLOG_CLASS_REFUSE:
        break;
    }
    return binlog_event_refuse(e, buf_str(&s->file), s->event_start, err);
}

static bool event_failed(struct mysql_stream *s, const struct binlog_event *e, struct error *err)
{
    char at[WHERE_BYTES];
    where(s, at);
    return error_in(err, "binary log of %s, %s at %s", mysql_dump_name(s->dump),
                    binlog_event_name(e->type), at);
}

static bool take_packet(struct mysql_stream *s, struct str bytes, struct error *err)
{
    struct binlog_event e = {0};
    if (!binlog_event_read(&s->format, bytes, &e, err)) {
        s->event_start = s->offset;
        return event_failed(s, &e, err);
    }
    advance(s, &e);
    enum binlog_class class = binlog_event_class(&e);
    if (!take_event(s, &e, false, err)) {
        return event_failed(s, &e, err);
    }
    if (class == BINLOG_CLASS_HEARTBEAT) {
        return true; /* no content: an idle server must look idle */
    }
    s->batch->bytes += bytes.len;
    bool made_up = (e.flags & BINLOG_FLAG_ARTIFICIAL) != 0 || e.next_position == 0;
    return s->group || s->payload != NULL || made_up || moved(s, err);
}

static bool take_inner(struct mysql_stream *s, struct error *err)
{
    struct binlog_event e = {0};
    switch (binlog_payload_next(s->payload, &s->batch->arena, &e, err)) {
    case BINLOG_PAYLOAD_EVENT:
        s->batch->bytes += e.size_bytes;
        return take_event(s, &e, true, err) || event_failed(s, &e, err);
    case BINLOG_PAYLOAD_END:
        binlog_payload_free(s->payload);
        s->payload = NULL;
        return true;
    case BINLOG_PAYLOAD_FAIL:
        break;
    }
    e.type = BINLOG_TRANSACTION_PAYLOAD;
    return event_failed(s, &e, err);
}

/* ---- calls ---- */

static void begin_call(struct mysql_stream *s, struct batch *batch)
{
    s->batch = batch;
    s->at = NO_TRANSACTION;
    s->moved_at = NO_TRANSACTION;
    s->counter_here = (struct str){NULL, 0};
    s->identity_here = (struct str){NULL, 0};
    s->cut = false;
}

static void end_call(struct mysql_stream *s, struct source_notice *out, size_t *out_count)
{
    if (s->at != NO_TRANSACTION) {
        s->batch->transactions[s->at].open = true;
        s->continued = true;
    }
    *out_count = mysql_tracker_take_notices(s->tracker, &s->batch->arena, out);
}

/* Waits only while there is nothing to give. */
static enum mysql_read next_packet(struct mysql_stream *s, uint64_t end_ms, struct str *out,
                                   struct error *err)
{
    bool nothing = s->batch->transaction_count == 0;
    uint64_t now_ms = nothing ? instant_mono_ms() : end_ms;
    return mysql_dump_read(s->dump, now_ms < end_ms ? end_ms - now_ms : 0, out, err);
}

enum source_read mysql_stream_read(struct mysql_stream *s, uint32_t wait_ms, struct batch *batch,
                                   struct source_notice *out_notices, size_t *out_notice_count,
                                   struct error *err)
{
    uint64_t end_ms = instant_mono_ms() + wait_ms;
    size_t limit = batch->bytes + BATCH_BYTES;
    bool ok = true;
    begin_call(s, batch);
    if (mysql_tracker_has_notices(s->tracker)) {
        s->cut = true; /* more than one call may carry */
    } else if (s->commit_pending) {
        ok = finish(s, err);
    }
    while (ok && !s->cut && batch->bytes < limit) {
        struct str packet;
        if (s->payload != NULL) {
            ok = take_inner(s, err);
            continue;
        }
        enum mysql_read read = next_packet(s, end_ms, &packet, err);
        if (read == MYSQL_READ_IDLE) {
            break;
        }
        ok = read == MYSQL_READ_PACKET && take_packet(s, packet, err);
    }
    if (!ok) {
        return SOURCE_FAILED;
    }
    end_call(s, out_notices, out_notice_count);
    return batch->transaction_count > 0 || *out_notice_count > 0 ? SOURCE_BATCH : SOURCE_IDLE;
}
