/* The GTID events of both brands; declared in binlog.h. */
#include "connectors/mysql/binlog.h"

#include <string.h>

#include "base/mem.h"
#include "base/reader.h"
#include "connectors/mysql/mysql_lenenc.h"

#define COMMIT_TIME_MASK 0x7fffffffffffffu /* 55 bits; the one above says that another follows */

/* flags u8, sid 16, number i64, [clock type u8 = 2, last committed i64, sequence i64],
 * [commit time u56, [original commit time u56], transaction length lenenc, …]
 * Whatever stands in brackets may be missing in older servers' events. */
static bool read_plain(const struct binlog_event *e, struct binlog_gtid *out, struct error *err)
{
    struct reader r = reader_over(e->body, "GTID event");
    struct binlog_gtid g = {.anonymous = e->type == BINLOG_ANONYMOUS_GTID};
    reader_skip(&r, 1);
    struct str sid = reader_bytes(&r, 16);
    g.number = reader_u64le(&r);
    if (r.rest.len > 0 && reader_u8(&r) == 2) {
        g.last_committed = (int64_t)reader_u64le(&r);
        g.sequence_number = (int64_t)reader_u64le(&r);
        if (r.rest.len >= 7) {
            uint64_t time = reader_ule(&r, 7);
            g.immediate_commit_us = time & COMMIT_TIME_MASK;
            g.original_commit_us = g.immediate_commit_us;
            if (time != g.immediate_commit_us) {
                g.original_commit_us = reader_ule(&r, 7) & COMMIT_TIME_MASK;
            }
            g.transaction_bytes = r.rest.len > 0 ? mysql_lenenc(&r) : 0;
        }
    }
    if (!reader_ok(&r, err)) {
        return false;
    }
    memcpy(g.sid, sid.ptr, 16);
    if (!g.anonymous && (g.number == 0 || g.number >= INT64_MAX)) {
        return error_set(err, FAIL_CORRUPT, "GTID event: transaction number %llu",
                         (unsigned long long)g.number);
    }
    *out = g;
    return true;
}

/* An integer of MySQL's serialization library: as many one bits at the low end of the first byte
 * as bytes follow, a zero bit, then the number, little-endian (varlen_integer). */
static uint64_t read_varlen(struct reader *r)
{
    uint8_t first = reader_u8(r);
    unsigned more = 0;
    while (more < 8 && (first >> more & 1) != 0) {
        more++;
    }
    uint64_t rest = more > 0 ? reader_ule(r, more) : 0;
    if (more == 8) {
        return rest;
    }
    uint64_t v = (uint64_t)first >> (more + 1);
    return v | rest << (7 - more);
}

static int64_t read_varlen_signed(struct reader *r)
{
    uint64_t v = read_varlen(r);
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

enum tagged_field {
    TAGGED_FLAGS = 0,
    TAGGED_UUID = 1,
    TAGGED_NUMBER = 2,
    TAGGED_TAG = 3,
    TAGGED_LAST_COMMITTED = 4,
    TAGGED_SEQUENCE_NUMBER = 5,
    TAGGED_IMMEDIATE_COMMIT = 6,
    TAGGED_ORIGINAL_COMMIT = 7,
    TAGGED_TRANSACTION_BYTES = 8,
};

/* False at the first field that we do not know: its length is not written. */
static bool tagged_read_field(struct reader *r, uint64_t id, struct binlog_gtid *g)
{
    switch (id) {
    case TAGGED_FLAGS:
        (void)read_varlen(r);
        return true;
    case TAGGED_UUID:
        for (size_t i = 0; i < 16; i++) {
            uint64_t byte = read_varlen(r);
            if (byte > 255) {
                reader_fail(r);
            }
            g->sid[i] = (uint8_t)byte;
        }
        return true;
    case TAGGED_NUMBER:
        g->number = (uint64_t)read_varlen_signed(r);
        return true;
    case TAGGED_TAG: {
        size_t len = reader_count(r, read_varlen(r), 1);
        g->tag = reader_bytes(r, len);
        return true;
    }
    case TAGGED_LAST_COMMITTED:
        g->last_committed = read_varlen_signed(r);
        return true;
    case TAGGED_SEQUENCE_NUMBER:
        g->sequence_number = read_varlen_signed(r);
        return true;
    case TAGGED_IMMEDIATE_COMMIT:
        g->immediate_commit_us = read_varlen(r);
        return true;
    case TAGGED_ORIGINAL_COMMIT:
        g->original_commit_us = read_varlen(r);
        return true;
    case TAGGED_TRANSACTION_BYTES:
        g->transaction_bytes = read_varlen(r);
        return true;
    default:
        return false;
    }
}

/* version, message size, last field that may not be skipped; then field id and value, in order of
 * ids; missing fields have their defaults. */
static bool read_tagged(const struct binlog_event *e, struct binlog_gtid *out, struct error *err)
{
    struct reader r = reader_over(e->body, "GTID_TAGGED event");
    struct binlog_gtid g = {0};
    uint64_t version = read_varlen(&r);
    uint64_t size = read_varlen(&r);
    uint64_t must_know = read_varlen(&r);
    if (!r.failed && (version != 1 || size != e->body.len)) {
        return error_set(err, FAIL_CORRUPT, "GTID_TAGGED event: serialization %llu of %llu bytes",
                         (unsigned long long)version, (unsigned long long)size);
    }
    uint64_t id = 0;
    while (r.rest.len > 0 && !r.failed) {
        id = read_varlen(&r);
        if (!tagged_read_field(&r, id, &g)) {
            break;
        }
    }
    if (!reader_ok(&r, err)) {
        return false;
    }
    if (id > TAGGED_TRANSACTION_BYTES && id <= must_know) {
        return error_set(err, FAIL_CORRUPT,
                         "GTID_TAGGED event: field %llu is not known here and may not be skipped",
                         (unsigned long long)id);
    }
    if (g.original_commit_us == 0) {
        g.original_commit_us = g.immediate_commit_us;
    }
    if (g.number == 0 || g.number >= INT64_MAX || g.tag.len > 32) {
        return error_set(err, FAIL_CORRUPT, "GTID_TAGGED event: transaction number %llu",
                         (unsigned long long)g.number);
    }
    *out = g;
    return true;
}

bool binlog_gtid_read(const struct binlog_event *e, struct binlog_gtid *out, struct error *err)
{
    return e->type == BINLOG_GTID_TAGGED ? read_tagged(e, out, err) : read_plain(e, out, err);
}

enum mariadb_flag {
    MARIADB_STANDALONE = 1,
    MARIADB_GROUP_COMMIT_ID = 2,
    MARIADB_DDL = 32,
    MARIADB_PREPARED_XA = 64,
    MARIADB_COMPLETED_XA = 128,
};

/* sequence u64, domain u32, flags u8, [commit id u64]; the rest is not needed here */
bool binlog_gtid_mariadb_read(const struct binlog_event *e, struct binlog_gtid_mariadb *out,
                              struct error *err)
{
    struct reader r = reader_over(e->body, "GTID event (MariaDB)");
    struct binlog_gtid_mariadb g = {.server_id = e->server_id, .number = reader_u64le(&r)};
    g.domain = reader_u32le(&r);
    uint8_t flags = reader_u8(&r);
    g.standalone = (flags & MARIADB_STANDALONE) != 0;
    g.ddl = (flags & MARIADB_DDL) != 0;
    g.xa_prepared = (flags & MARIADB_PREPARED_XA) != 0;
    g.xa_completed = (flags & MARIADB_COMPLETED_XA) != 0;
    if ((flags & MARIADB_GROUP_COMMIT_ID) != 0) {
        g.commit_id = reader_u64le(&r);
    }
    if (!reader_ok(&r, err)) {
        return false;
    }
    *out = g;
    return true;
}

/* count u32 (its top four bits are flags), then domain u32, server id u32, sequence u64 each */
bool binlog_gtid_list_read(const struct binlog_event *e, struct arena *arena,
                           struct binlog_gtid_mariadb **out, size_t *out_count, struct error *err)
{
    struct reader r = reader_over(e->body, "GTID_LIST event");
    size_t count = reader_count(&r, reader_u32le(&r) & 0xfffffff, 16);
    struct binlog_gtid_mariadb *list = ARENA_ARRAY(arena, struct binlog_gtid_mariadb, count);
    for (size_t i = 0; i < count; i++) {
        list[i].domain = reader_u32le(&r);
        list[i].server_id = reader_u32le(&r);
        list[i].number = reader_u64le(&r);
    }
    if (!reader_ok(&r, err)) {
        return false;
    }
    *out = list;
    *out_count = count;
    return true;
}
