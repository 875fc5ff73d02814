#include "connectors/mysql/mysql_position.h"

#include <string.h>

#include "base/instant.h"
#include "base/log.h"
#include "base/mem.h"
#include "connectors/mysql/gtid.h"
#include "connectors/mysql/mysql_catalog.h"

#define RESYNC_REMEDY                                                                              \
    "the changes in between cannot be read any more: to copy the tables anew, drop the lake's "    \
    "and start again, and "                                                                        \
    "keep binary logs longer than the job may rest (binlog_expire_logs_seconds, expire_logs_days)"

/* ---- small questions ---- */

static bool ask(struct mysql_link *l, const char *sql, struct arena *arena, struct mysql_rows *out,
                struct error *err)
{
    if (!mysql_link_query(l, str_of(sql), arena, out, err)) {
        return error_in(err, "%.80s", sql);
    }
    return true;
}

static bool ask_one(struct mysql_link *l, const char *sql, struct arena *arena, struct str *out,
                    struct error *err)
{
    struct mysql_rows rows;
    if (!ask(l, sql, arena, &rows, err)) {
        return false;
    }
    if (rows.count != 1) {
        return error_set(err, FAIL_CORRUPT, "mysql %s: %s gave %zu rows, not one",
                         mysql_link_name(l), sql, rows.count);
    }
    *out = mysql_rows_cell(&rows, 0, 0);
    return true;
}

static bool finish(bool ok, struct position *p, struct arena *arena, struct position **out)
{
    arena_release(arena);
    if (!ok) {
        position_free(p);
        return false;
    }
    *out = p;
    return true;
}

/* A position from the answer to one question, as a GTID set or list. */
static bool ask_gtids(struct mysql_link *l, const struct mysql_server *s, const char *sql,
                      struct position **out, struct error *err)
{
    struct arena arena = {0};
    struct position *p = position_new();
    struct str text = {NULL, 0};
    bool ok = ask_one(l, sql, &arena, &text, err) &&
              (s->mariadb ? gtid_mariadb_parse(text, p, err) : gtid_parse(text, p, err));
    return finish(ok, p, &arena, out);
}

static bool add_file(const struct mysql_server *s, struct str file, struct str offset,
                     struct position *p, struct error *err)
{
    uint64_t at;
    struct place place;
    if (!str_to_u64(offset, &at)) {
        return error_set(err, FAIL_CORRUPT, "'%.*s' is no offset in a binary log", STR_FMT(offset));
    }
    return gtid_file_place(str_of(s->identity), file, at, &place, err) &&
           position_advance(p, &place, err);
}

/* SHOW MASTER STATUS: the end of what the log has. */
static bool ask_status(struct mysql_link *l, const struct mysql_server *s, struct arena *arena,
                       struct mysql_rows *rows, struct error *err)
{
    if (!ask(l, s->status_sql, arena, rows, err)) {
        return false;
    }
    return (rows->count == 1 && rows->columns >= 2) ||
           error_set(err, FAIL_CONFIG, "mysql %s: %s is empty: the server writes no binary log",
                     mysql_link_name(l), s->status_sql);
}

static bool log_end(struct mysql_link *l, const struct mysql_server *s, struct position **out,
                    struct error *err)
{
    struct arena arena = {0};
    struct mysql_rows rows;
    struct position *p = position_new();
    bool ok = ask_status(l, s, &arena, &rows, err) &&
              add_file(s, mysql_rows_cell(&rows, 0, 0), mysql_rows_cell(&rows, 0, 1), p, err);
    return finish(ok, p, &arena, out);
}

/* ---- MariaDB: from a place in a file to the GTIDs before it ---- */

static bool gtids_of_file(struct mysql_link *l, struct str file, struct str offset,
                          struct position **out, struct error *err)
{
    struct arena arena = {0};
    struct buf sql = BUF_INIT(4096);
    struct position *p = position_new();
    struct str text = {NULL, 0};
    buf_put_cstr(&sql, "SELECT BINLOG_GTID_POS(");
    mysql_catalog_put_text(&sql, file);
    buf_put_cstr(&sql, ", ");
    buf_put_str(&sql, offset);
    buf_put_cstr(&sql, ")");
    bool ok = ask_one(l, buf_cstr(&sql), &arena, &text, err);
    if (ok && text.ptr == NULL) {
        ok = error_set(err, FAIL_LOST, "mysql %s: the server does not know place %.*s:%.*s",
                       mysql_link_name(l), STR_FMT(file), STR_FMT(offset));
    }
    ok = ok && gtid_mariadb_parse(text, p, err);
    buf_release(&sql);
    return finish(ok, p, &arena, out);
}

/* The highest sequence of a domain in p; counters are "domain-server". */
static bool domain_end(const struct position *p, struct str counter, uint64_t *out)
{
    struct position_at at = {0};
    struct place from;
    uint64_t to;
    bool found = false;
    size_t dash = str_find(counter, '-');
    struct str prefix = str_slice(counter, 0, dash + 1);
    while (position_next(p, &at, &from, &to)) {
        if (str_eq(from.identity, STR(GTID_IDENTITY_MARIADB)) && str_starts(from.counter, prefix)) {
            *out = !found || to > *out ? to : *out;
            found = true;
        }
    }
    return found;
}

/* Adds the pairs of `state` that ended before what p has of their domain. */
static bool add_older_pairs(struct position *p, const struct position *state, struct error *err)
{
    struct position_at at = {0};
    struct place from;
    uint64_t to;
    struct position *older = position_new();
    bool ok = true;
    while (ok && position_next(state, &at, &from, &to)) {
        uint64_t end;
        if (domain_end(p, from.counter, &end) && to < end) {
            ok = position_add(older, &from, to, err);
        }
    }
    ok = ok && position_merge(p, older, err);
    position_free(older);
    return ok;
}

static bool mariadb_snapshot(struct mysql_link *l, const struct mysql_server *s,
                             struct position **out, struct error *err)
{
    struct arena arena = {0};
    struct mysql_rows rows;
    struct str file = {NULL, 0};
    struct str offset = {NULL, 0};
    struct position *p = NULL;
    bool ok = ask(l, "SHOW STATUS LIKE 'binlog_snapshot_%'", &arena, &rows, err);
    for (size_t i = 0; ok && i < rows.count; i++) {
        struct str name = mysql_rows_cell(&rows, i, 0);
        file =
            str_eq_nocase(name, STR("binlog_snapshot_file")) ? mysql_rows_cell(&rows, i, 1) : file;
        offset = str_eq_nocase(name, STR("binlog_snapshot_position")) ? mysql_rows_cell(&rows, i, 1)
                                                                      : offset;
    }
    if (ok && (file.len == 0 || offset.len == 0)) {
        ok = error_set(err, FAIL_CONFIG,
                       "mysql %s: the server does not tell binlog_snapshot_file and "
                       "binlog_snapshot_position of a consistent snapshot",
                       mysql_link_name(l));
    }
    if (ok && s->counting == MYSQL_COUNTING_MARIADB) {
        ok = gtids_of_file(l, file, offset, &p, err);
    } else if (ok) {
        p = position_new();
        ok = add_file(s, file, offset, p, err);
    }
    return finish(ok, p, &arena, out);
}

bool mysql_position_snapshot(struct mysql_link *l, const struct mysql_server *s,
                             struct position **out, struct error *err)
{
    if (s->mariadb) {
        return mariadb_snapshot(l, s, out, err);
    }
    return mysql_position_end(l, s, out, err);
}

/* ---- start and end ---- */

bool mysql_position_end(struct mysql_link *l, const struct mysql_server *s, struct position **out,
                        struct error *err)
{
    switch (s->counting) {
    case MYSQL_COUNTING_GTID:
        return ask_gtids(l, s, "SELECT @@GLOBAL.gtid_executed", out, err);
    case MYSQL_COUNTING_MARIADB:
        return ask_gtids(l, s, "SELECT @@GLOBAL.gtid_binlog_pos", out, err);
    case MYSQL_COUNTING_FILE:
        break;
    }
    return log_end(l, s, out, err);
}

static bool start_mariadb(struct mysql_link *l, const struct mysql_server *s, struct position **out,
                          struct error *err)
{
    struct position *state = NULL;
    struct position *p = NULL;
    bool ok = ask_gtids(l, s, "SELECT @@GLOBAL.gtid_binlog_state", &state, err) &&
              mysql_link_exec(l, "START TRANSACTION WITH CONSISTENT SNAPSHOT", err) &&
              mariadb_snapshot(l, s, &p, err) && mysql_link_exec(l, "COMMIT", err);
    if (ok && s->counting == MYSQL_COUNTING_MARIADB) {
        ok = add_older_pairs(p, state, err);
    }
    position_free(state);
    if (!ok) {
        position_free(p);
        return false;
    }
    *out = p;
    return true;
}

/* Without GTIDs a place in MySQL's log is not a place in what is visible: the log moves first. The
 * lock waits until commits under way are done and is held for one question. */
static bool start_locked(struct mysql_link *l, const struct mysql_server *s, struct position **out,
                         struct error *err)
{
    struct position *p = NULL;
    struct error unlock = {0};
    if (!s->reload) {
        return error_set(
            err, FAIL_DENIED,
            "mysql %s: gtid_mode is not ON, so the start of a first copy needs a short "
            "FLUSH TABLES WITH READ LOCK: GRANT RELOAD ON *.* to the account, or turn "
            "gtid_mode=ON",
            mysql_link_name(l));
    }
    if (!mysql_link_read_lock(l, err)) {
        return error_in(err, "a short read lock is needed for the start of a first copy; "
                             "statements that run long keep it away");
    }
    bool ok = log_end(l, s, &p, err);
    if (!mysql_link_exec(l, "UNLOCK TABLES", ok ? err : &unlock)) {
        ok = false;
    }
    if (!ok) {
        position_free(p);
        return false;
    }
    *out = p;
    return true;
}

bool mysql_position_start(struct mysql_link *l, const struct mysql_server *s, struct position **out,
                          struct error *err)
{
    if (s->mariadb) {
        return start_mariadb(l, s, out, err);
    }
    return s->counting == MYSQL_COUNTING_GTID ? mysql_position_end(l, s, out, err)
                                              : start_locked(l, s, out, err);
}

static bool first_log(struct mysql_link *l, struct arena *arena, struct str *out, struct error *err)
{
    struct mysql_rows rows;
    if (!ask(l, "SHOW BINARY LOGS", arena, &rows, err)) {
        return false;
    }
    if (rows.count == 0) {
        return error_set(err, FAIL_CONFIG, "mysql %s: the server has no binary logs",
                         mysql_link_name(l));
    }
    *out = mysql_rows_cell(&rows, 0, 0);
    return true;
}

bool mysql_position_earliest(struct mysql_link *l, const struct mysql_server *s,
                             struct position **out, struct error *err)
{
    struct arena arena = {0};
    struct str file = {NULL, 0};
    struct position *p = NULL;
    bool ok;
    switch (s->counting) {
    case MYSQL_COUNTING_GTID:
        return ask_gtids(l, s, "SELECT @@GLOBAL.gtid_purged", out, err);
    case MYSQL_COUNTING_MARIADB:
        ok = first_log(l, &arena, &file, err) && gtids_of_file(l, file, STR("4"), &p, err);
        return finish(ok, p, &arena, out);
    case MYSQL_COUNTING_FILE:
        break;
    }
    p = position_new();
    ok = first_log(l, &arena, &file, err) && add_file(s, file, STR("4"), p, err);
    return finish(ok, p, &arena, out);
}

bool mysql_position_specific(struct mysql_link *l, const struct mysql_server *s,
                             struct str gtid_set, struct str file, uint64_t offset,
                             struct position **out, struct error *err)
{
    struct arena arena = {0};
    struct position *p = NULL;
    bool ok;
    if (gtid_set.len > 0) {
        if (s->counting == MYSQL_COUNTING_FILE) {
            return error_set(err, FAIL_CONFIG,
                             "scan.startup.specific-offset.gtid-set is given, but the server does "
                             "not count in GTIDs (%s): give file and pos",
                             s->mariadb ? "gtid_strict_mode is OFF" : "gtid_mode is not ON");
        }
        p = position_new();
        ok = s->mariadb ? gtid_mariadb_parse(gtid_set, p, err) : gtid_parse(gtid_set, p, err);
        if (!ok) {
            err->code = FAIL_CONFIG;
            error_in(err, "scan.startup.specific-offset.gtid-set");
        }
        return finish(ok, p, &arena, out);
    }
    if (file.len == 0) {
        return error_set(err, FAIL_CONFIG,
                         "scan.startup.mode specific-offset needs "
                         "scan.startup.specific-offset.gtid-set, or .file and .pos");
    }
    if (s->counting == MYSQL_COUNTING_GTID) {
        return error_set(err, FAIL_CONFIG,
                         "the server has gtid_mode=ON: give scan.startup.specific-offset.gtid-set "
                         "instead of file and pos");
    }
    struct buf text = BUF_INIT(32);
    buf_printf(&text, "%llu", (unsigned long long)offset);
    if (s->counting == MYSQL_COUNTING_MARIADB) {
        ok = gtids_of_file(l, file, buf_str(&text), &p, err);
    } else {
        p = position_new();
        ok = add_file(s, file, buf_str(&text), p, err);
    }
    buf_release(&text);
    return finish(ok, p, &arena, out);
}

/* ---- around a read ---- */

/* uuid[:tag]:number#thread[#thread…][:number#thread…], several by comma. The part before the first
 * '#'-bearing field names the counter. */
static bool parse_owned_one(struct str text, struct position *into, struct error *err)
{
    struct str rest = text;
    struct str field;
    struct buf counter = BUF_INIT(256);
    bool ok = true;
    while (ok && str_next(&rest, ':', &field)) {
        field = str_trim(field);
        size_t hash = str_find(field, '#');
        uint64_t number;
        if (hash == field.len) {
            bool is_sid = field.len == 36 && str_find(field, '-') == 8;
            if (is_sid) {
                buf_reset(&counter);
            } else {
                /* a tag replaces the one before: keep the uuid's 36 bytes */
                counter.len = counter.len > 36 ? 36 : counter.len;
                buf_put_byte(&counter, ':');
            }
            buf_put_str(&counter, field);
            ok = !counter.failed;
        } else {
            struct place place = {STR(GTID_LANE), STR(GTID_IDENTITY_MYSQL), buf_str(&counter), 0};
            ok = counter.len >= 36 && str_to_u64(str_slice(field, 0, hash), &number);
            place.number = ok ? number : 0;
            ok = ok && position_add(into, &place, place.number, err);
        }
    }
    buf_release(&counter);
    return ok;
}

bool mysql_position_parse_owned(struct str text, struct position *into, struct error *err)
{
    struct str part = {NULL, 0};
    while (text.len > 0 && str_next(&text, ',', &part)) {
        part = str_trim(part);
        if (part.len > 0 && !parse_owned_one(part, into, err)) {
            return error_set(err, FAIL_CORRUPT, "gtid_owned '%.*s' is not understood",
                             (int)(part.len > 200 ? 200 : part.len), part.ptr);
        }
    }
    return true;
}

bool mysql_position_owned(struct mysql_link *l, struct position **out, struct error *err)
{
    struct arena arena = {0};
    struct position *p = position_new();
    struct str text = {NULL, 0};
    bool ok = ask_one(l, "SELECT @@GLOBAL.gtid_owned", &arena, &text, err) &&
              mysql_position_parse_owned(text, p, err);
    return finish(ok, p, &arena, out);
}

/* ---- going on ---- */

static bool lost(struct mysql_link *l, struct error *err, const char *what, const char *detail)
{
    return error_set(err, FAIL_LOST, "mysql %s: %s%s; %s", mysql_link_name(l), what, detail,
                     RESYNC_REMEDY);
}

static struct str identity_of(const struct position *p)
{
    struct position_at at = {0};
    struct place from;
    uint64_t to;
    return position_next(p, &at, &from, &to) ? from.identity : (struct str){NULL, 0};
}

static bool check_gtids(struct mysql_link *l, const struct mysql_server *s,
                        const struct position *from, struct error *err)
{
    struct position *purged = NULL;
    struct position *owned = NULL;
    struct position *executed = NULL;
    bool ok = ask_gtids(l, s, "SELECT @@GLOBAL.gtid_purged", &purged, err) &&
              mysql_position_owned(l, &owned, err) &&
              ask_gtids(l, s, "SELECT @@GLOBAL.gtid_executed", &executed, err) &&
              position_merge(executed, owned, err);
    if (ok && !position_contains(from, purged)) {
        ok = lost(l, err, "binary logs that the job has not read were purged (gtid_purged)", "");
    }
    if (ok && !position_contains(executed, from)) {
        ok = lost(l, err,
                  "the job has read transactions that this server does not have: it is another "
                  "server, or was restored from a backup",
                  "");
    }
    position_free(purged);
    position_free(owned);
    position_free(executed);
    return ok;
}

/* For each domain of `first`, the state before the oldest log, the job must be as far. */
static bool domains_reached(const struct position *from, const struct position *first)
{
    struct position_at at = {0};
    struct place place;
    uint64_t to;
    while (position_next(first, &at, &place, &to)) {
        uint64_t end;
        if (!domain_end(from, place.counter, &end) || end < to) {
            return false;
        }
    }
    return true;
}

static bool check_mariadb(struct mysql_link *l, const struct mysql_server *s,
                          const struct position *from, struct error *err)
{
    struct position *first = NULL;
    struct position *state = NULL;
    bool ok = mysql_position_earliest(l, s, &first, err) &&
              ask_gtids(l, s, "SELECT @@GLOBAL.gtid_binlog_state", &state, err);
    if (ok && !domains_reached(from, first)) {
        ok = lost(l, err, "binary logs that the job has not read were purged", "");
    }
    if (ok && !position_contains(state, from)) {
        ok = lost(l, err,
                  "the job has read transactions that this server does not have: it is another "
                  "server, was restored from a backup, or its binary logs were reset",
                  "");
    }
    position_free(first);
    position_free(state);
    return ok;
}

static bool check_file(struct mysql_link *l, const struct mysql_server *s,
                       const struct position *from, struct error *err)
{
    struct arena arena = {0};
    struct mysql_rows rows;
    struct buf file = BUF_INIT(1024);
    uint64_t offset = 0;
    bool ok = ask(l, "SHOW BINARY LOGS", &arena, &rows, err);
    if (ok && !gtid_file_find(from, str_of(s->identity), &file, &offset)) {
        ok = lost(l, err, "the job's position names no binary log of this server", "");
    }
    bool found = false;
    for (size_t i = 0; ok && !found && i < rows.count; i++) {
        uint64_t size;
        if (str_eq(mysql_rows_cell(&rows, i, 0), buf_str(&file))) {
            found = true;
            if (str_to_u64(mysql_rows_cell(&rows, i, 1), &size) && size < offset) {
                ok = lost(l, err, "the binary log is shorter than what the job has read of it: ",
                          buf_cstr(&file));
            }
        }
    }
    if (ok && !found) {
        ok = lost(l, err, "the binary log to go on from was purged: ", buf_cstr(&file));
    }
    buf_release(&file);
    arena_release(&arena);
    return ok;
}

bool mysql_position_check(struct mysql_link *l, struct mysql_server *s, const struct position *from,
                          struct error *err)
{
    struct str identity = identity_of(from);
    if (identity.len == 0) {
        /* nothing was read yet: everything since the first transaction is needed */
        return s->counting == MYSQL_COUNTING_FILE ? true
               : s->mariadb                       ? check_mariadb(l, s, from, err)
                                                  : check_gtids(l, s, from, err);
    }
    if (str_eq(identity, str_of(s->identity))) {
        s->counting = MYSQL_COUNTING_FILE;
        return check_file(l, s, from, err);
    }
    if (str_eq(identity, STR(GTID_IDENTITY_MYSQL)) && s->counting == MYSQL_COUNTING_GTID) {
        return check_gtids(l, s, from, err);
    }
    if (str_eq(identity, STR(GTID_IDENTITY_MARIADB)) && s->counting == MYSQL_COUNTING_MARIADB) {
        return check_mariadb(l, s, from, err);
    }
    return error_set(err, FAIL_LOST,
                     "mysql %s: the job's position counts in '%.*s', which this server (%s) does "
                     "not: is it another server, or was %s turned off? Turn it on again, or "
                     "to copy the tables anew, drop the lake's and start again",
                     mysql_link_name(l), STR_FMT(identity), s->version_text,
                     s->mariadb ? "gtid_strict_mode" : "gtid_mode");
}

void mysql_position_describe(const struct mysql_server *s, const struct position *p,
                             struct buf *out)
{
    struct str identity = identity_of(p);
    uint64_t offset;
    if (identity.len == 0) {
        buf_put_cstr(out, "nothing yet");
    } else if (str_eq(identity, STR(GTID_IDENTITY_MYSQL))) {
        gtid_print(p, out);
    } else if (str_eq(identity, STR(GTID_IDENTITY_MARIADB))) {
        gtid_mariadb_print(p, out);
    } else if (gtid_file_find(p, str_of(s->identity), out, &offset)) {
        buf_printf(out, ":%llu", (unsigned long long)offset);
    } else {
        position_print(p, out);
    }
}
