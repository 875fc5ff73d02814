#include "connectors/mysql/mysql_stream.h"

#include <string.h>

#include "base/instant.h"
#include "base/mem.h"
#include "connectors/mysql/binlog.h"
#include "connectors/mysql/binlog_payload.h"
#include "connectors/mysql/binlog_rows.h"
#include "connectors/mysql/gtid.h"
#include "connectors/mysql/mysql_ddl.h"
#include "connectors/mysql/mysql_group.h"
#include "connectors/mysql/mysql_tracker.h"

#define BATCH_BYTES ((size_t)64 << 10) /* with its values still within the block an arena keeps */
#define SQL_MODE_ANSI_QUOTES 4u
#define TABLE_ID_BYTES 6u

struct mysql_stream {
    struct mysql_dump *dump;
    const struct mysql_catalog *catalog;
    struct mysql_tracker *tracker;
    struct binlog_format format;
    struct binlog_payload *payload; /* a compressed transaction being unpacked */
    struct arena scratch;           /* of one event */
    struct mysql_group group;
    struct batch *batch; /* of the call under way */
    bool cut;            /* the batch must end now */
};

struct mysql_stream *mysql_stream_new(struct mysql_dump *dump, const struct mysql_server *server,
                                      const struct mysql_catalog *catalog,
                                      const struct mysql_policy *policy)
{
    struct mysql_stream *s = MEM_NEW(struct mysql_stream);
    s->dump = dump;
    s->catalog = catalog;
    s->tracker = mysql_tracker_new(catalog, policy);
    mysql_group_init(&s->group, server, s->tracker);
    binlog_format_init(&s->format, server->crc32);
    return s;
}

void mysql_stream_table(struct mysql_stream *s, uint32_t index, const struct position *have,
                        bool empty)
{
    mysql_tracker_stand(s->tracker, index, have, empty);
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
    mysql_group_release(&s->group);
    mem_free(s);
}

/* The transaction ends here; a notice that it caused goes first. */
static bool finish_after_notices(struct mysql_stream *s, struct error *err)
{
    if (mysql_tracker_has_notices(s->tracker)) {
        s->group.commit_pending = true;
        s->cut = true;
        return true;
    }
    return mysql_group_finish(&s->group, err);
}

/* ---- setting aside ---- */

static void set_aside(struct mysql_stream *s, uint32_t index, struct str reason)
{
    if (mysql_tracker_set_aside(s->tracker, index, reason)) {
        mysql_group_drop(&s->group, index);
        s->cut = true;
    }
}

struct reason {
    struct mysql_stream *s;
    struct str text;
    bool place_known;
    struct place place;
    bool no_rows; /* the statement gives no rows to a table that has none */
};

static void aside_found(void *self, uint32_t index)
{
    const struct reason *r = self;
    const struct mysql_tracker *t = r->s->tracker;
    bool passed = r->place_known && mysql_tracker_has(t, index, &r->place);
    if (!passed && !(r->no_rows && mysql_tracker_is_empty(t, index))) {
        set_aside(r->s, index, r->text);
    }
}

static void touched_aside(struct mysql_stream *s, const char *what)
{
    struct buf b = BUF_INIT(2048);
    char at[MYSQL_GROUP_WHERE_BYTES];
    mysql_group_where(&s->group, at);
    buf_printf(&b, "%s at %s; to copy the table anew, drop the lake's and start again", what, at);
    for (size_t i = 0; i < s->group.touched_count; i++) {
        set_aside(s, s->group.touched[i], buf_str(&b));
    }
    buf_release(&b);
}

/* ---- rows ---- */

static bool images_complete(const struct binlog_rows *rows)
{
    return rows->complete[0] && (rows->kind != BINLOG_ROWS_UPDATE || rows->complete[1]);
}

static void rows_aside(struct mysql_stream *s, uint32_t index, const char *what)
{
    struct buf b = BUF_INIT(2048);
    char at[MYSQL_GROUP_WHERE_BYTES];
    mysql_group_where(&s->group, at);
    buf_printf(&b, "a row at %s: %s; then to copy the table anew, drop the lake's and start again",
               at, what);
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
            mysql_group_add(&s->group, index, rows->kind, before, after);
            break;
        case BINLOG_ROWS_END:
            return true;
        case BINLOG_ROWS_FAIL:
            if (err->code != FAIL_SCHEMA && err->code != FAIL_CORRUPT) {
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
    if (e->type == BINLOG_PARTIAL_UPDATE_ROWS) {
        mysql_group_touch(&s->group, index);
        rows_aside(s, index,
                   "an update holds only parts of a JSON value (PARTIAL_UPDATE_ROWS), which is not "
                   "supported yet: a session has binlog_row_value_options=PARTIAL_JSON");
        return true;
    }
    if (!inner) {
        copy.body = arena_str(&s->batch->arena, e->body); /* values point into it */
    }
    if (!binlog_rows_open(&s->format, &copy, &s->batch->arena, &rows, err) ||
        !mysql_group_open(&s->group, err)) {
        return false;
    }
    mysql_group_touch(&s->group, index);
    mysql_tracker_fill(s->tracker, index);
    if (!images_complete(&rows)) {
        rows_aside(
            s, index,
            "its image is incomplete: a session has binlog_row_image other than FULL (set it "
            "to FULL everywhere), or the server leaves generated columns out of updates, as "
            "MariaDB 11.8 does (then leave the table out)");
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
               "binlog_format other than ROW; set it to ROW everywhere";
    case MYSQL_DDL_DROP:
    case MYSQL_DDL_DROP_DATABASE:
        return "dropped the table; its rows stay in the lake";
    case MYSQL_DDL_TRUNCATE:
        return "emptied the table; its rows stay in the lake";
    case MYSQL_DDL_RENAME:
        return "gave the table's name away or to another table";
    case MYSQL_DDL_ALTER:
    case MYSQL_DDL_CREATE:
        return "may have changed the table's shape or rows, which is not followed yet";
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

/* Of a table without rows nothing is left that could be wrong: a later incarnation, or shape, shows
 * in the table maps. A rename or an exchange can bring another table's rows. */
static bool gives_no_rows(const struct mysql_ddl *d)
{
    return d->kind == MYSQL_DDL_DROP || d->kind == MYSQL_DDL_DROP_DATABASE ||
           d->kind == MYSQL_DDL_TRUNCATE || d->kind == MYSQL_DDL_CREATE ||
           (d->kind == MYSQL_DDL_ALTER && d->count == 1 && !d->imports);
}

static void apply_ddl(struct mysql_stream *s, const struct mysql_ddl *d)
{
    struct buf b = BUF_INIT(4096);
    char at[MYSQL_GROUP_WHERE_BYTES];
    mysql_group_where(&s->group, at);
    if (!changes_tables(d)) {
        return;
    }
    buf_printf(&b, "%.*s at %s %s (to copy a table anew, drop the lake's and start again)",
               STR_FMT(d->verb), at, remedy_of(d->kind));
    struct reason reason = {.s = s, .text = buf_str(&b), .no_rows = gives_no_rows(d)};
    reason.place_known = mysql_group_place(&s->group, &reason.place);
    for (size_t i = 0; i < d->count; i++) {
        mysql_tracker_each(s->tracker, d->targets[i].database, d->targets[i].name,
                           s->group.server.nocase, aside_found, &reason);
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
    for (size_t i = 0; i < s->group.touched_count; i++) {
        if (s->catalog->tables[s->group.touched[i]].transactional && s->group.continued) {
            touched_aside(s, "a transaction was rolled back in the log after a part was read,");
            return finish_after_notices(s, err);
        }
    }
    for (size_t i = 0; i < s->group.touched_count; i++) {
        if (s->catalog->tables[s->group.touched[i]].transactional) {
            mysql_group_drop(&s->group, s->group.touched[i]);
        }
    }
    return mysql_group_finish(&s->group, err);
}

static bool statement_in_group(struct mysql_stream *s, const struct mysql_ddl *d, struct error *err)
{
    switch (d->kind) {
    case MYSQL_DDL_BEGIN:
    case MYSQL_DDL_XA_START:
        s->group.begun = true;
        return true;
    case MYSQL_DDL_COMMIT:
        return mysql_group_finish(&s->group, err);
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
    return s->group.begun ? true : finish_after_notices(s, err);
}

static bool take_query(struct mysql_stream *s, const struct binlog_event *e, struct error *err)
{
    struct binlog_query q;
    arena_reset(&s->scratch);
    if (!binlog_query_read(&s->format, e, &s->scratch, &q, err)) {
        return false;
    }
    if (!s->group.under_way) {
        mysql_group_begin(&s->group, e);
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
    if (!binlog_gtid_read(e, &g, err) || !mysql_group_cut(&s->group, err)) {
        return false;
    }
    mysql_group_begin(&s->group, e);
    if (g.immediate_commit_us > 0) {
        s->group.commit_ms = (int64_t)(g.immediate_commit_us / 1000);
    }
    if (mysql_group_by_file(&s->group)) {
        return true;
    }
    if (!g.anonymous) {
        char counter[GTID_COUNTER_BYTES];
        gtid_place(&g, counter, &place);
        mysql_group_number(&s->group, counter, place.number);
    }
    return true;
}

static bool take_gtid_mariadb(struct mysql_stream *s, const struct binlog_event *e,
                              struct error *err)
{
    struct binlog_gtid_mariadb g;
    struct place place;
    char counter[GTID_COUNTER_BYTES];
    if (!binlog_gtid_mariadb_read(e, &g, err) || !mysql_group_cut(&s->group, err)) {
        return false;
    }
    mysql_group_begin(&s->group, e);
    s->group.begun = !g.standalone;
    if (mysql_group_by_file(&s->group)) {
        return true;
    }
    gtid_mariadb_place(&g, counter, &place);
    mysql_group_number(&s->group, counter, place.number);
    return true;
}

static bool take_rotate(struct mysql_stream *s, const struct binlog_event *e, struct error *err)
{
    struct binlog_rotate r;
    if (!binlog_rotate_read(e, &r, err) || !mysql_group_cut(&s->group, err)) {
        return false;
    }
    return mysql_group_rotate(&s->group, &r, err);
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
    char at[MYSQL_GROUP_WHERE_BYTES];
    struct place place;
    bool known = mysql_tracker_compares(s->tracker) && mysql_group_place(&s->group, &place);
    mysql_group_where(&s->group, at);
    if (!mysql_tracker_map(s->tracker, &s->format, e, known ? &place : NULL, at, err)) {
        return false;
    }
    if (mysql_tracker_has_notices(s->tracker)) {
        for (size_t i = 0; i < s->group.touched_count; i++) {
            if (mysql_tracker_is_aside(s->tracker, s->group.touched[i])) {
                mysql_group_drop(&s->group, s->group.touched[i]);
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
        return mysql_group_cut(&s->group, err) && binlog_format_read(e, &s->format, err);
    case BINLOG_CLASS_ROTATE:
        return take_rotate(s, e, err);
    case BINLOG_CLASS_GTID:
        return take_gtid(s, e, err);
    case BINLOG_CLASS_MARIADB_GTID:
        return take_gtid_mariadb(s, e, err);
    case BINLOG_CLASS_QUERY:
        return take_query(s, e, err);
    case BINLOG_CLASS_XID:
        return mysql_group_finish(&s->group, err);
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
        if (e->type == BINLOG_PARTIAL_UPDATE_ROWS) { /* a matter of its table alone */
            return take_rows(s, e, inner, err);
        }
        break;
    }
    return binlog_event_refuse(e, buf_str(&s->group.file), s->group.event_start, err);
}

static bool event_failed(struct mysql_stream *s, const struct binlog_event *e, struct error *err)
{
    char at[MYSQL_GROUP_WHERE_BYTES];
    mysql_group_where(&s->group, at);
    return error_in(err, "binary log of %s, %s at %s", mysql_dump_name(s->dump),
                    binlog_event_name(e->type), at);
}

static bool take_packet(struct mysql_stream *s, struct str bytes, struct error *err)
{
    struct binlog_event e = {0};
    if (!binlog_event_read(&s->format, bytes, &e, err)) {
        s->group.event_start = s->group.offset;
        return event_failed(s, &e, err);
    }
    mysql_group_advance(&s->group, &e);
    enum binlog_class class = binlog_event_class(&e);
    if (!take_event(s, &e, false, err)) {
        return event_failed(s, &e, err);
    }
    if (class == BINLOG_CLASS_HEARTBEAT) {
        return true; /* no content: an idle server must look idle */
    }
    s->batch->bytes += bytes.len;
    bool made_up = (e.flags & BINLOG_FLAG_ARTIFICIAL) != 0 || e.next_position == 0;
    return s->group.under_way || s->payload != NULL || made_up || mysql_group_moved(&s->group, err);
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
    s->batch = batch;
    s->cut = false;
    mysql_group_batch_begin(&s->group, batch);
    if (mysql_tracker_has_notices(s->tracker)) {
        s->cut = true; /* more than one call may carry */
    } else if (s->group.commit_pending) {
        ok = mysql_group_finish(&s->group, err);
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
    mysql_group_batch_end(&s->group);
    *out_notice_count = mysql_tracker_take_notices(s->tracker, &batch->arena, out_notices);
    return batch->transaction_count > 0 || *out_notice_count > 0 ? SOURCE_BATCH : SOURCE_IDLE;
}
