/* Binary logs: any bytes, cut into events as a log file is, give what an event says or an error,
 * never more; and what an event says lies within it. Checksums are put right first, so that damage
 * reaches the decoders behind them. */
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/reader.h"
#include "connectors/mysql/binlog.h"
#include "connectors/mysql/binlog_payload.h"
#include "connectors/mysql/binlog_rows.h"
#include "connectors/mysql/binlog_table.h"

#define MAX_NESTED_EVENTS 100

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct str part, struct str whole)
{
    must(part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len));
}

static void try_transaction(const struct binlog_format *f, const struct binlog_event *e,
                            struct arena *a, struct error *err)
{
    struct binlog_gtid gtid;
    struct binlog_gtid_mariadb mariadb;
    struct binlog_gtid_mariadb *list = NULL;
    size_t count = 0;
    struct binlog_query query;
    struct binlog_xa xa;
    uint64_t xid = 0;
    if (binlog_gtid_read(e, &gtid, err)) {
        check_inside(gtid.tag, e->body);
    }
    if (binlog_gtid_mariadb_read(e, &mariadb, err)) {
        must(mariadb.server_id == e->server_id);
    }
    if (binlog_gtid_list_read(e, a, &list, &count, err)) {
        must(count <= e->body.len);
    }
    if (binlog_query_read(f, e, a, &query, err)) {
        check_inside(query.schema, e->body);
        check_inside(query.time_zone, e->body);
        must(query.text.len == 0 || query.text.ptr[query.text.len - 1] >= -128);
    }
    if (binlog_xa_read(e, &xa, err)) {
        check_inside(xa.gtrid, e->body);
        check_inside(xa.bqual, e->body);
    }
    if (binlog_xid_read(e, &xid, err)) {
        must(e->body.len == sizeof(xid));
    }
}

static void try_event(const struct binlog_format *f, const struct binlog_event *e, struct arena *a,
                      struct error *err)
{
    struct binlog_rotate rotate;
    struct binlog_heartbeat heartbeat;
    struct binlog_incident incident;
    struct binlog_table map;
    struct binlog_rows rows;
    struct str text;
    if (binlog_rotate_read(e, &rotate, err)) {
        check_inside(rotate.file, e->body);
    }
    if (binlog_heartbeat_read(e, &heartbeat, err)) {
        check_inside(heartbeat.file, e->body);
    }
    if (binlog_incident_read(e, &incident, err)) {
        check_inside(incident.message, e->body);
    }
    if (binlog_statement_read(e, &text, err)) {
        check_inside(text, e->body);
    }
    if (binlog_table_read(f, e, a, &map, err)) {
        check_inside(map.name, e->body);
    }
    if (binlog_rows_open(f, e, a, &rows, err)) {
        check_inside(rows.present[1], e->body);
    }
    if (binlog_event_class(e) == BINLOG_CLASS_REFUSE) {
        must(!binlog_event_refuse(e, STR("bin.000001"), 4, err) && err->text[0] != '\0');
    }
    must(binlog_event_name(e->type)[0] != '\0');
    try_transaction(f, e, a, err);
}

static void try_payload(const struct binlog_format *f, const struct binlog_event *e,
                        struct arena *a)
{
    struct binlog_payload *p = NULL;
    struct error err = {0};
    if (!binlog_payload_open(e, &p, &err)) {
        must(err.code == FAIL_CORRUPT || err.code == FAIL_CONFIG);
        return;
    }
    struct binlog_event inner;
    enum binlog_payload_next next = BINLOG_PAYLOAD_EVENT;
    for (unsigned i = 0; i < MAX_NESTED_EVENTS && next == BINLOG_PAYLOAD_EVENT; i++) {
        next = binlog_payload_next(p, a, &inner, &err);
        if (next == BINLOG_PAYLOAD_EVENT) {
            try_event(f, &inner, a, &err);
        }
        must(next != BINLOG_PAYLOAD_FAIL || err.code == FAIL_CORRUPT);
    }
    binlog_payload_free(p);
}

/* The CRC32 that the server would have written: without the flag of a file in use. */
static void mend_crc(char *event, size_t len)
{
    char kept = event[17];
    if (event[4] == BINLOG_FORMAT_DESCRIPTION) {
        event[17] = (char)(kept & ~BINLOG_FLAG_IN_USE);
    }
    uint32_t crc = hash_crc32(event, len - 4);
    event[17] = kept;
    memcpy(event + len - 4, &crc, 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct binlog_format format;
    binlog_format_init(&format, true);
    size_t at = BINLOG_MAGIC_BYTES;
    while (at + BINLOG_HEADER_BYTES + 4 <= size) {
        struct error err = {0};
        struct binlog_event e;
        uint32_t len = 0;
        memcpy(&len, data + at + 9, sizeof(len));
        if (len < BINLOG_HEADER_BYTES + 4 || len > size - at) {
            len = (uint32_t)(size - at);
        }
        char *bytes = mem_dup(data + at, len);
        memcpy(bytes + 9, &len, sizeof(len));
        mend_crc(bytes, len);
        if (binlog_event_read(&format, (struct str){bytes, len}, &e, &err)) {
            check_inside(e.body, (struct str){bytes, len});
            try_event(&format, &e, &a, &err);
            if (e.type == BINLOG_FORMAT_DESCRIPTION && !binlog_format_read(&e, &format, &err)) {
                must(err.code == FAIL_CORRUPT || err.code == FAIL_CONFIG);
            }
            if (e.type == BINLOG_TRANSACTION_PAYLOAD) {
                try_payload(&format, &e, &a);
            }
        } else {
            must(err.code == FAIL_CORRUPT && err.text[0] != '\0');
        }
        mem_free(bytes);
        at += len;
    }
    arena_release(&a);
    return 0;
}
