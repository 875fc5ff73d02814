#include "connectors/mysql/mysql_shared.h"

#include "base/mem.h"
#include "connectors/mysql/mysql_position.h"

static bool open_snapshots(struct mysql_shared *s, const struct mysql_server *server,
                           struct error *err)
{
    for (size_t i = 0; i < s->count; i++) {
        if (!mysql_link_exec(s->links[i], "START TRANSACTION WITH CONSISTENT SNAPSHOT", err)) {
            return false;
        }
    }
    return mysql_position_snapshot(s->links[0], server, &s->position, err);
}

static bool lock_and_open(struct mysql_link *lock, struct mysql_shared *s,
                          const struct mysql_server *server, struct error *err)
{
    struct error unlock = {0};
    if (!mysql_link_read_lock(lock, err)) {
        return error_in(err, "a short read lock is needed to open several connections on one "
                             "snapshot; statements that run long keep it away");
    }
    bool ok = open_snapshots(s, server, err);
    /* a link that dies takes the lock with it */
    return mysql_link_exec(lock, "UNLOCK TABLES", ok ? err : &unlock) && ok;
}

bool mysql_shared_open(const struct mysql_login *login, const struct mysql_server *server,
                       struct stop *stop, size_t count, struct mysql_shared *out, struct error *err)
{
    struct mysql_shared s = {.links = MEM_ARRAY(struct mysql_link *, count + 1), .count = count};
    struct mysql_link *lock = NULL;
    bool ok = true;
    must(count > 0);
    bool lockless = server->mariadb && count == 1;
    if (!lockless && !server->reload) {
        ok = error_set(err, FAIL_DENIED,
                       "mysql %.*s:%u: one snapshot for several readers needs a short FLUSH TABLES "
                       "WITH READ LOCK: GRANT RELOAD ON *.* to the account",
                       STR_FMT(login->hostname), login->port);
    }
    for (size_t i = 0; ok && i < count; i++) {
        ok = mysql_link_open(login, stop, &s.links[i], err);
    }
    if (ok && lockless) {
        ok = open_snapshots(&s, server, err);
    } else if (ok) {
        ok = mysql_link_open(login, stop, &lock, err) && lock_and_open(lock, &s, server, err);
    }
    mysql_link_close(lock);
    if (!ok) {
        mysql_shared_close(&s);
        return false;
    }
    *out = s;
    return true;
}

void mysql_shared_close(struct mysql_shared *s)
{
    for (size_t i = 0; i < s->count; i++) {
        mysql_link_close(s->links[i]);
    }
    mem_free(s->links);
    position_free(s->position);
    *s = (struct mysql_shared){0};
}
