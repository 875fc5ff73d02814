#include "connectors/mysql/mysql_mark.h"

#include "base/buf.h"
#include "base/failpoint.h"
#include "base/instant.h"
#include "base/log.h"
#include "connectors/mysql/gtid.h"
#include "connectors/mysql/mysql_position.h"

#define SNAPSHOT_TRIES 20
#define OWNED_POLL_MS 20u
#define OWNED_NOISE_MS 10000u

/* Waits until nothing of `owned` is still being committed. A transaction that stays owned for long
 * is one that a replica applies, or an administrator's; it cannot be told from a stalled commit, so
 * the copy waits and says for what. */
static bool wait_owned(struct mysql_link *l, const struct position *owned, struct stop *stop,
                       struct position **out, struct error *err)
{
    uint64_t began_ms = instant_mono_ms();
    bool told = false;
    for (;;) {
        struct position *still = NULL;
        struct position *now = NULL;
        /* in this order: what leaves `owned` between the questions is in `executed` */
        if (!mysql_position_owned(l, &now, err)) {
            return false;
        }
        still = position_meet(owned, now);
        position_free(now);
        bool done = position_is_empty(still);
        if (!done && !told && instant_mono_ms() - began_ms > OWNED_NOISE_MS) {
            struct buf text = BUF_INIT(1024);
            gtid_print(still, &text);
            LOG_WARN("copy-waits", "gtids=%s text=%s", LOG_Q(buf_cstr(&text)),
                     LOG_Q("a transaction was being committed when a chunk was read and has not "
                           "ended yet: the chunk waits for it (SHOW PROCESSLIST)"));
            buf_release(&text);
            told = true;
        }
        position_free(still);
        if (done) {
            break;
        }
        if (stop_wait(stop, OWNED_POLL_MS)) {
            return error_set(err, FAIL_STOPPED, "stopped");
        }
    }
    struct mysql_server gtid = {.counting = MYSQL_COUNTING_GTID};
    return mysql_position_end(l, &gtid, out, err);
}

/* The log is sent to the stream before its transactions are visible. A chunk must show every one
 * that the stream may have had when the chunk began: MySQL: those being committed are waited for
 * first, then @@gtid_executed is all visible. Without GTIDs nothing tells what is visible but a
 * lock, which a chunk is not worth: low stays empty. */
static bool settle(struct mysql_mark *m, struct mysql_link *l, const struct mysql_server *s,
                   struct stop *stop, struct error *err)
{
    struct position *owned = NULL;
    if (s->counting != MYSQL_COUNTING_GTID) {
        m->low = position_new();
        return true;
    }
    bool ok = mysql_position_owned(l, &owned, err) &&
              (position_is_empty(owned) ? mysql_position_end(l, s, &m->low, err)
                                        : wait_owned(l, owned, stop, &m->low, err));
    position_free(owned);
    return ok;
}

static bool open_snapshot(struct mysql_link *l, struct error *err)
{
    return mysql_link_exec(l, "START TRANSACTION WITH CONSISTENT SNAPSHOT", err);
}

/* MariaDB: the snapshot says exactly what it shows, so it is opened again while it lacks something
 * that the log had before. The tries are limited: a server whose log names what its snapshots do
 * not (other domains) must not hold the copy up. */
static bool open_settled(struct mysql_mark *m, struct mysql_link *l, const struct mysql_server *s,
                         struct stop *stop, struct error *err)
{
    struct position *before = NULL;
    bool enough = false;
    bool ok = mysql_position_end(l, s, &before, err) && open_snapshot(l, err);
    for (int tries = 0; ok && !enough && tries < SNAPSHOT_TRIES; tries++) {
        if (tries > 0) {
            ok = !stop_wait(stop, OWNED_POLL_MS) || error_set(err, FAIL_STOPPED, "stopped");
            ok = ok && mysql_link_exec(l, "COMMIT", err) && open_snapshot(l, err);
        }
        position_free(m->low);
        m->low = NULL;
        ok = ok && mysql_position_snapshot(l, s, &m->low, err);
        enough = ok && position_contains(m->low, before);
    }
    position_free(before);
    return ok;
}

void mysql_mark_release(struct mysql_mark *m)
{
    position_free(m->low);
    position_free(m->end);
    position_free(m->owned);
    *m = (struct mysql_mark){0};
}

bool mysql_mark_begin(struct mysql_mark *m, struct mysql_link *l, const struct mysql_server *s,
                      struct stop *stop, struct error *err)
{
    mysql_mark_release(m);
    bool ok = s->mariadb ? open_settled(m, l, s, stop, err)
                         : settle(m, l, s, stop, err) && open_snapshot(l, err);
    if (ok && !FAILPOINT("copy.snapshot-opened")) {
        ok = error_os(err, "failpoint");
    }
    return ok && (s->counting != MYSQL_COUNTING_GTID || mysql_position_owned(l, &m->owned, err)) &&
           mysql_position_end(l, s, &m->end, err);
}

/* Adds to the mark those of `owned` that were committed meanwhile. */
static bool add_committed(struct mysql_link *l, const struct position *owned, struct stop *stop,
                          struct position *mark, struct error *err)
{
    struct position *executed = NULL;
    if (owned == NULL || position_is_empty(owned)) {
        return true;
    }
    if (!wait_owned(l, owned, stop, &executed, err)) {
        return false;
    }
    struct position *committed = position_meet(owned, executed);
    bool ok = position_merge(mark, committed, err);
    position_free(committed);
    position_free(executed);
    return ok;
}

bool mysql_mark_end(struct mysql_mark *m, struct mysql_link *l, struct stop *stop,
                    struct source_seen *out, struct error *err)
{
    if (!add_committed(l, m->owned, stop, m->end, err) || !mysql_link_exec(l, "COMMIT", err)) {
        return false;
    }
    *out = (struct source_seen){.low = m->low, .high = m->end};
    m->low = NULL;
    m->end = NULL;
    mysql_mark_release(m);
    return true;
}
