#include "connectors/mysql/mysql_dump.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/instant.h"
#include "base/mem.h"
#include "connectors/mysql/gtid.h"

/* Commands and flags:
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_replication.html
 */
#define COMMAND_BINLOG_DUMP 0x12
#define COMMAND_REGISTER_SLAVE 0x15
#define COMMAND_BINLOG_DUMP_GTID 0x1e
#define DUMP_GTID_THROUGH_GTID 0x04 /* the set decides, not the file */
#define MAX_REQUEST_BYTES ((size_t)64 << 20)
#define SILENT_HEARTBEATS 3u
#define SERVER_FATAL_BINLOG 1236u

struct mysql_dump {
    struct mysql_link *l;
    uint64_t patience_ms;
    uint64_t last_ms;   /* when something last came */
    uint64_t called_ms; /* when we last listened */
};

const char *mysql_dump_name(const struct mysql_dump *d)
{
    return mysql_link_name(d->l);
}

/* Error 1236 stands for everything that ends a dump. */
enum fail mysql_dump_fail_of(unsigned server_errno, const char *text)
{
    static const struct {
        const char *words;
        enum fail code;
    } known[] = {
        {"same server_uuid/server_id", FAIL_CONFIG},
        {"same server_id", FAIL_CONFIG},
        {"purged", FAIL_LOST},
        {"Could not find first log", FAIL_LOST},
        {"Could not find GTID state", FAIL_LOST},
        {"impossible position", FAIL_LOST},
        {"not in the master", FAIL_LOST},
        {"which is not in the", FAIL_LOST},
        {"has more GTIDs than", FAIL_LOST},
        {"GTIDs which are missing", FAIL_LOST},
        {"bogus data", FAIL_LOST},
        {"max_allowed_packet", FAIL_CONFIG},
        {"Binary log is not open", FAIL_CONFIG},
    };
    if (server_errno != SERVER_FATAL_BINLOG) {
        return mysql_link_fail_of(server_errno);
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strstr(text, known[i].words) != NULL) {
            return known[i].code;
        }
    }
    return FAIL_IO;
}

static bool dump_failed(struct mysql_dump *d, struct error *err)
{
    unsigned number = mysql_link_errno(d->l);
    if (number == 0) {
        return error_in(err, "binary log");
    }
    err->code = mysql_dump_fail_of(number, err->text);
    if (err->code == FAIL_LOST) {
        error_set(err, FAIL_LOST,
                  "mysql %s: the binary log can not be read on from the job's position (error %u): "
                  "it was purged, or this is another server; to copy the tables anew, drop the "
                  "lake's and start again",
                  mysql_dump_name(d), number);
    } else if (err->code == FAIL_CONFIG && strstr(err->text, "same server") != NULL) {
        /* This job's next agent, most often: the caller looks whether it is still the owner. */
        err->code = FAIL_IO;
        error_in(err, "another replica uses this job's server id: give server-id in the source "
                      "block a number that is free");
    }
    return error_in(err, "binary log");
}

static bool set_text(struct mysql_link *l, const char *name, struct str value, struct error *err)
{
    struct buf sql = BUF_INIT(MAX_REQUEST_BYTES);
    buf_printf(&sql, "SET @%s='", name);
    buf_put_str(&sql, value); /* digits, dashes and commas only */
    buf_put_byte(&sql, '\'');
    bool ok = buf_ok(&sql, "statement", err) && mysql_link_exec(l, buf_cstr(&sql), err);
    buf_release(&sql);
    return ok;
}

static bool set_number(struct mysql_link *l, const char *name, uint64_t value, struct error *err)
{
    char sql[128];
    (void)snprintf(sql, sizeof sql, "SET @%s=%llu", name, (unsigned long long)value);
    return mysql_link_exec(l, sql, err);
}

/* A uuid that is the job's for ever: the server throws out an older dump with the same one. */
static void uuid_of(const char *job_name, char out[40])
{
    struct buf b = BUF_INIT(4096);
    buf_put_cstr(&b, job_name);
    uint64_t high = hash_row(buf_str(&b));
    buf_put_cstr(&b, "/inlet");
    uint64_t low = hash_row(buf_str(&b));
    buf_release(&b);
    (void)snprintf(out, 40, "%08x-%04x-4%03x-a%03x-%012llx", (unsigned)(high >> 32),
                   (unsigned)(high >> 16 & 0xFFFF), (unsigned)(high & 0xFFF),
                   (unsigned)(low >> 48 & 0xFFF), (unsigned long long)(low & 0xFFFFFFFFFFFFull));
}

static bool set_connect_state(struct mysql_link *l, const struct position *from, struct error *err)
{
    struct buf state = BUF_INIT(MAX_REQUEST_BYTES);
    gtid_mariadb_connect_state(from, &state);
    bool ok =
        buf_ok(&state, "GTID list", err) &&
        set_text(l, "slave_connect_state", buf_str(&state), err) &&
        mysql_link_exec(l, "SET @slave_gtid_strict_mode=1, @slave_gtid_ignore_duplicates=0", err);
    buf_release(&state);
    return ok;
}

static bool agree(struct mysql_link *l, const struct mysql_server *s,
                  const struct mysql_dump_wish *w, struct error *err)
{
    char uuid[40];
    uint64_t heartbeat_ns = w->heartbeat_ms * 1000000u;
    if (!mysql_link_exec(l, "SET @master_binlog_checksum=@@GLOBAL.binlog_checksum", err) ||
        !set_number(l, "master_heartbeat_period", heartbeat_ns, err)) {
        return false;
    }
    if (s->mariadb) {
        return mysql_link_exec(l, "SET @mariadb_slave_capability=4", err) &&
               (s->counting != MYSQL_COUNTING_MARIADB || set_connect_state(l, w->from, err));
    }
    uuid_of(w->job_name, uuid);
    return mysql_link_exec(l, "SET @source_binlog_checksum=@@GLOBAL.binlog_checksum", err) &&
           set_number(l, "source_heartbeat_period", heartbeat_ns, err) &&
           set_text(l, "slave_uuid", str_of(uuid), err) &&
           set_text(l, "replica_uuid", str_of(uuid), err);
}

/* server id u32, host, user, password (each u8 length + text), port u16, rank u32, source id u32 */
static bool enlist(struct mysql_link *l, uint32_t server_id, struct error *err)
{
    struct buf b = BUF_INIT(256);
    struct str packet;
    buf_put_u32le(&b, server_id);
    buf_put_byte(&b, 5);
    buf_put_cstr(&b, "inlet");
    buf_put_byte(&b, 0);
    buf_put_byte(&b, 0);
    buf_put_u16le(&b, 0);
    buf_put_u32le(&b, 0);
    buf_put_u32le(&b, 0);
    bool ok = mysql_link_send(l, COMMAND_REGISTER_SLAVE, buf_str(&b), err) &&
              mysql_link_packet(l, &packet, err);
    buf_release(&b);
    return ok;
}

/* Offsets in the request are 32 bits wide. A log grows past 4 GiB only by one huge transaction,
 * behind which nothing but the change to the next file can be. */
static bool next_file(struct buf *file, uint64_t *offset, struct error *err)
{
    struct place place;
    struct position *p = position_new();
    bool ok = gtid_file_place(STR("x"), buf_str(file), 4, &place, err);
    if (ok) {
        place.number += (uint64_t)1 << 40;
        ok = position_advance(p, &place, err);
    }
    if (ok) {
        struct buf next = BUF_INIT(4096);
        (void)gtid_file_find(p, STR("x"), &next, offset);
        buf_reset(file);
        buf_put_str(file, buf_str(&next));
        buf_release(&next);
    }
    position_free(p);
    return ok;
}

/* COM_BINLOG_DUMP: offset u32, flags u16, server id u32, file to the end of the packet. */
static bool ask_by_file(struct mysql_link *l, const struct mysql_server *s,
                        const struct mysql_dump_wish *w, struct error *err)
{
    struct buf b = BUF_INIT(4096);
    struct buf file = BUF_INIT(2048);
    uint64_t offset = 4;
    bool ok = true;
    bool by_list = s->counting == MYSQL_COUNTING_MARIADB; /* @slave_connect_state decides */
    if (!by_list && !gtid_file_find(w->from, str_of(s->identity), &file, &offset)) {
        offset = 4; /* an empty name: the first log */
    }
    if (offset > UINT32_MAX) {
        ok = next_file(&file, &offset, err);
    }
    buf_put_u32le(&b, (uint32_t)offset);
    buf_put_u16le(&b, 0);
    buf_put_u32le(&b, w->server_id);
    buf_put_str(&b, buf_str(&file));
    ok = ok && buf_ok(&b, "dump request", err) &&
         mysql_link_send(l, COMMAND_BINLOG_DUMP, buf_str(&b), err);
    buf_release(&file);
    buf_release(&b);
    return ok;
}

/* COM_BINLOG_DUMP_GTID: flags u16, server id u32, name length u32, name, offset u64, block length
 * u32, block: what we have. */
static bool ask_by_set(struct mysql_link *l, const struct mysql_dump_wish *w, struct error *err)
{
    struct buf b = BUF_INIT(MAX_REQUEST_BYTES);
    struct buf set = BUF_INIT(MAX_REQUEST_BYTES);
    bool ok = gtid_encode(w->from, &set, err);
    buf_put_u16le(&b, DUMP_GTID_THROUGH_GTID);
    buf_put_u32le(&b, w->server_id);
    buf_put_u32le(&b, 0);
    buf_put_u64le(&b, 4);
    buf_put_u32le(&b, (uint32_t)set.len);
    buf_put_str(&b, buf_str(&set));
    ok = ok && buf_ok(&b, "dump request", err) &&
         mysql_link_send(l, COMMAND_BINLOG_DUMP_GTID, buf_str(&b), err);
    buf_release(&set);
    buf_release(&b);
    return ok;
}

bool mysql_dump_open(struct mysql_link *l, const struct mysql_server *server,
                     const struct mysql_dump_wish *wish, struct mysql_dump **out, struct error *err)
{
    bool ok = agree(l, server, wish, err) && enlist(l, wish->server_id, err) &&
              (server->counting == MYSQL_COUNTING_GTID ? ask_by_set(l, wish, err)
                                                       : ask_by_file(l, server, wish, err));
    if (!ok) {
        mysql_link_close(l);
        return error_in(err, "binary log");
    }
    struct mysql_dump *d = MEM_NEW(struct mysql_dump);
    d->l = l;
    d->patience_ms = SILENT_HEARTBEATS * wish->heartbeat_ms;
    d->last_ms = instant_mono_ms();
    d->called_ms = d->last_ms;
    *out = d;
    return true;
}

void mysql_dump_close(struct mysql_dump *d)
{
    if (d != NULL) {
        mysql_link_close(d->l);
        mem_free(d);
    }
}

enum mysql_read mysql_dump_read(struct mysql_dump *d, uint64_t wait_ms, struct str *out_event,
                                struct error *err)
{
    struct str p;
    uint64_t now_ms = instant_mono_ms();
    if (now_ms - d->called_ms > d->patience_ms / SILENT_HEARTBEATS) {
        d->last_ms = now_ms; /* the silence was ours: the pipeline held the stream up */
    }
    enum mysql_read read = mysql_link_read(d->l, wait_ms, &p, err);
    d->called_ms = instant_mono_ms();
    if (read == MYSQL_READ_IDLE) {
        if (d->called_ms - d->last_ms > d->patience_ms) {
            error_set(err, FAIL_IO,
                      "binary log: mysql %s: nothing came for %llu s, not even a heartbeat: the "
                      "connection is dead",
                      mysql_dump_name(d), (unsigned long long)(d->patience_ms / 1000));
            return MYSQL_READ_FAILED;
        }
        return read;
    }
    if (read == MYSQL_READ_FAILED) {
        (void)dump_failed(d, err);
        return read;
    }
    d->last_ms = d->called_ms;
    if (p.len == 0 || p.ptr[0] != 0) {
        error_set(err, FAIL_IO, "binary log: mysql %s: the server ended the dump",
                  mysql_dump_name(d));
        return MYSQL_READ_FAILED;
    }
    *out_event = (struct str){p.ptr + 1, p.len - 1};
    return MYSQL_READ_PACKET;
}
