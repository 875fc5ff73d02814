#include "connectors/mysql/binlog.h"

#include <string.h>
#include <zlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/reader.h"
#include "connectors/mysql/mysql_lenenc.h"

#define CRC_BYTES 4
#define SERVER_BYTES 50
#define FORMAT_FIXED_BYTES (2 + SERVER_BYTES + 4 + 1)

static const struct {
    uint8_t type;
    uint8_t class; /* enum binlog_class */
    const char *name;
} types[] = {
    {BINLOG_START_V3, BINLOG_CLASS_REFUSE, "START_V3"},
    {BINLOG_QUERY, BINLOG_CLASS_QUERY, "QUERY"},
    {BINLOG_STOP, BINLOG_CLASS_PASS, "STOP"},
    {BINLOG_ROTATE, BINLOG_CLASS_ROTATE, "ROTATE"},
    {BINLOG_INTVAR, BINLOG_CLASS_PASS, "INTVAR"},
    {BINLOG_LOAD, BINLOG_CLASS_REFUSE, "LOAD"},
    {BINLOG_SLAVE, BINLOG_CLASS_PASS, "SLAVE"},
    {BINLOG_CREATE_FILE, BINLOG_CLASS_REFUSE, "CREATE_FILE"},
    {BINLOG_APPEND_BLOCK, BINLOG_CLASS_PASS, "APPEND_BLOCK"},
    {BINLOG_EXEC_LOAD, BINLOG_CLASS_REFUSE, "EXEC_LOAD"},
    {BINLOG_DELETE_FILE, BINLOG_CLASS_PASS, "DELETE_FILE"},
    {BINLOG_NEW_LOAD, BINLOG_CLASS_REFUSE, "NEW_LOAD"},
    {BINLOG_RAND, BINLOG_CLASS_PASS, "RAND"},
    {BINLOG_USER_VAR, BINLOG_CLASS_PASS, "USER_VAR"},
    {BINLOG_FORMAT_DESCRIPTION, BINLOG_CLASS_FORMAT, "FORMAT_DESCRIPTION"},
    {BINLOG_XID, BINLOG_CLASS_XID, "XID"},
    {BINLOG_BEGIN_LOAD_QUERY, BINLOG_CLASS_PASS, "BEGIN_LOAD_QUERY"},
    {BINLOG_EXECUTE_LOAD_QUERY, BINLOG_CLASS_REFUSE, "EXECUTE_LOAD_QUERY"},
    {BINLOG_TABLE_MAP, BINLOG_CLASS_TABLE_MAP, "TABLE_MAP"},
    {BINLOG_WRITE_ROWS_V0, BINLOG_CLASS_REFUSE, "WRITE_ROWS_V0"},
    {BINLOG_UPDATE_ROWS_V0, BINLOG_CLASS_REFUSE, "UPDATE_ROWS_V0"},
    {BINLOG_DELETE_ROWS_V0, BINLOG_CLASS_REFUSE, "DELETE_ROWS_V0"},
    {BINLOG_WRITE_ROWS_V1, BINLOG_CLASS_ROWS, "WRITE_ROWS_V1"},
    {BINLOG_UPDATE_ROWS_V1, BINLOG_CLASS_ROWS, "UPDATE_ROWS_V1"},
    {BINLOG_DELETE_ROWS_V1, BINLOG_CLASS_ROWS, "DELETE_ROWS_V1"},
    {BINLOG_INCIDENT, BINLOG_CLASS_REFUSE, "INCIDENT"},
    {BINLOG_HEARTBEAT, BINLOG_CLASS_HEARTBEAT, "HEARTBEAT"},
    {BINLOG_IGNORABLE, BINLOG_CLASS_PASS, "IGNORABLE"},
    {BINLOG_ROWS_QUERY, BINLOG_CLASS_PASS, "ROWS_QUERY"},
    {BINLOG_WRITE_ROWS, BINLOG_CLASS_ROWS, "WRITE_ROWS"},
    {BINLOG_UPDATE_ROWS, BINLOG_CLASS_ROWS, "UPDATE_ROWS"},
    {BINLOG_DELETE_ROWS, BINLOG_CLASS_ROWS, "DELETE_ROWS"},
    {BINLOG_GTID, BINLOG_CLASS_GTID, "GTID"},
    {BINLOG_ANONYMOUS_GTID, BINLOG_CLASS_GTID, "ANONYMOUS_GTID"},
    {BINLOG_PREVIOUS_GTIDS, BINLOG_CLASS_PASS, "PREVIOUS_GTIDS"},
    {BINLOG_TRANSACTION_CONTEXT, BINLOG_CLASS_PASS, "TRANSACTION_CONTEXT"},
    {BINLOG_VIEW_CHANGE, BINLOG_CLASS_PASS, "VIEW_CHANGE"},
    {BINLOG_XA_PREPARE, BINLOG_CLASS_XA_PREPARE, "XA_PREPARE"},
    {BINLOG_PARTIAL_UPDATE_ROWS, BINLOG_CLASS_REFUSE, "PARTIAL_UPDATE_ROWS"},
    {BINLOG_TRANSACTION_PAYLOAD, BINLOG_CLASS_PAYLOAD, "TRANSACTION_PAYLOAD"},
    {BINLOG_HEARTBEAT_V2, BINLOG_CLASS_HEARTBEAT, "HEARTBEAT_V2"},
    {BINLOG_GTID_TAGGED, BINLOG_CLASS_GTID, "GTID_TAGGED"},
    {BINLOG_MARIADB_ANNOTATE_ROWS, BINLOG_CLASS_PASS, "ANNOTATE_ROWS"},
    {BINLOG_MARIADB_BINLOG_CHECKPOINT, BINLOG_CLASS_PASS, "BINLOG_CHECKPOINT"},
    {BINLOG_MARIADB_GTID, BINLOG_CLASS_MARIADB_GTID, "GTID (MariaDB)"},
    {BINLOG_MARIADB_GTID_LIST, BINLOG_CLASS_PASS, "GTID_LIST"},
    {BINLOG_MARIADB_START_ENCRYPTION, BINLOG_CLASS_PASS, "START_ENCRYPTION"},
    {BINLOG_MARIADB_QUERY_COMPRESSED, BINLOG_CLASS_QUERY, "QUERY_COMPRESSED"},
    {BINLOG_MARIADB_WRITE_ROWS_COMPRESSED_V1, BINLOG_CLASS_ROWS, "WRITE_ROWS_COMPRESSED_V1"},
    {BINLOG_MARIADB_UPDATE_ROWS_COMPRESSED_V1, BINLOG_CLASS_ROWS, "UPDATE_ROWS_COMPRESSED_V1"},
    {BINLOG_MARIADB_DELETE_ROWS_COMPRESSED_V1, BINLOG_CLASS_ROWS, "DELETE_ROWS_COMPRESSED_V1"},
    {BINLOG_MARIADB_WRITE_ROWS_COMPRESSED, BINLOG_CLASS_ROWS, "WRITE_ROWS_COMPRESSED"},
    {BINLOG_MARIADB_UPDATE_ROWS_COMPRESSED, BINLOG_CLASS_ROWS, "UPDATE_ROWS_COMPRESSED"},
    {BINLOG_MARIADB_DELETE_ROWS_COMPRESSED, BINLOG_CLASS_ROWS, "DELETE_ROWS_COMPRESSED"},
};

#define TYPE_COUNT (sizeof(types) / sizeof(types[0]))

/* Index in types, or TYPE_COUNT. */
static size_t type_find(uint8_t type)
{
    size_t i = 0;
    while (i < TYPE_COUNT && types[i].type != type) {
        i++;
    }
    return i;
}

const char *binlog_event_name(uint8_t type)
{
    size_t i = type_find(type);
    return i == TYPE_COUNT ? "unknown" : types[i].name;
}

enum binlog_class binlog_event_class(const struct binlog_event *e)
{
    size_t i = type_find(e->type);
    if (i < TYPE_COUNT) {
        return (enum binlog_class)types[i].class;
    }
    return (e->flags & BINLOG_FLAG_IGNORABLE) != 0 ? BINLOG_CLASS_PASS : BINLOG_CLASS_REFUSE;
}

bool binlog_event_refuse(const struct binlog_event *e, struct str file, uint64_t position,
                         struct error *err)
{
    struct binlog_incident incident;
    struct error ignored;
    unsigned long long at = position;
    switch (e->type) {
    case BINLOG_INCIDENT:
        if (!binlog_incident_read(e, &incident, &ignored)) {
            incident = (struct binlog_incident){.message = STR("no reason given")};
        }
        return error_set(err, FAIL_LOST,
                         "%.*s:%llu: the server recorded an incident (%u, %.*s): its binary log "
                         "lacks changes that its tables have; the tables must be copied anew",
                         STR_FMT(file), at, incident.number, STR_FMT(incident.message));
    case BINLOG_PARTIAL_UPDATE_ROWS:
        return error_set(err, FAIL_CONFIG,
                         "%.*s:%llu: an update holds only parts of a JSON value "
                         "(PARTIAL_UPDATE_ROWS), not supported yet: set "
                         "binlog_row_value_options='' on the server",
                         STR_FMT(file), at);
    case BINLOG_EXECUTE_LOAD_QUERY:
        return error_set(err, FAIL_CONFIG,
                         "%.*s:%llu: LOAD DATA was logged as a statement, without its rows: set "
                         "binlog_format=ROW on the server",
                         STR_FMT(file), at);
    default:
        break;
    }
    size_t i = type_find(e->type);
    if (i < TYPE_COUNT) {
        return error_set(err, FAIL_CONFIG,
                         "%.*s:%llu: event %s (type %u) is of a server older than 5.1: not "
                         "supported",
                         STR_FMT(file), at, types[i].name, e->type);
    }
    return error_set(err, FAIL_CORRUPT,
                     "%.*s:%llu: unknown event type %u (flags 0x%x, %u bytes, server id %u): this "
                     "version of inlet cannot tell whether it changes rows; look for a newer one",
                     STR_FMT(file), at, e->type, e->flags, e->size_bytes, e->server_id);
}

void binlog_format_init(struct binlog_format *f, bool crc32)
{
    *f = (struct binlog_format){.crc32 = crc32};
}

/* header: timestamp u32, type u8, server id u32, size u32, next position u32, flags u16 */
static bool read_header(struct str bytes, struct binlog_event *out, struct error *err)
{
    struct reader r = reader_over(bytes, "binlog event header");
    struct binlog_event e = {0};
    e.timestamp_s = reader_u32le(&r);
    e.type = reader_u8(&r);
    e.server_id = reader_u32le(&r);
    e.size_bytes = reader_u32le(&r);
    e.next_position = reader_u32le(&r);
    e.flags = reader_u16le(&r);
    if (!reader_ok(&r, err)) {
        return false;
    }
    if (e.size_bytes != bytes.len || bytes.len > BINLOG_MAX_EVENT_BYTES) {
        return error_set(err, FAIL_CORRUPT,
                         "binlog event %s: its header says %u bytes, but there are %zu",
                         binlog_event_name(e.type), e.size_bytes, bytes.len);
    }
    e.body = r.rest;
    *out = e;
    return true;
}

/* The CRC is made before the server marks its open file (IN_USE in the format description). */
static uint32_t event_crc(struct str bytes, uint16_t flags)
{
    if ((flags & BINLOG_FLAG_IN_USE) == 0) {
        return hash_crc32(bytes.ptr, bytes.len);
    }
    unsigned char header[BINLOG_HEADER_BYTES];
    memcpy(header, bytes.ptr, sizeof(header));
    header[17] = (unsigned char)(header[17] & ~BINLOG_FLAG_IN_USE);
    uLong crc = crc32(0, header, sizeof(header));
    crc = crc32(crc, (const unsigned char *)bytes.ptr + sizeof(header),
                (uInt)(bytes.len - sizeof(header)));
    return (uint32_t)crc;
}

static bool check_crc(struct str bytes, struct binlog_event *e, struct error *err)
{
    struct str covered = {bytes.ptr, bytes.len - CRC_BYTES};
    struct reader r =
        reader_over((struct str){bytes.ptr + covered.len, CRC_BYTES}, "binlog event checksum");
    uint32_t want = reader_u32le(&r);
    uint32_t have = event_crc(covered, e->type == BINLOG_FORMAT_DESCRIPTION ? e->flags : 0);
    return want == have ||
           error_set(err, FAIL_CORRUPT,
                     "binlog event %s: its CRC32 is %08x, but its bytes give %08x: damaged on "
                     "the server's disk or on the way",
                     binlog_event_name(e->type), want, have);
}

bool binlog_event_read(const struct binlog_format *f, struct str bytes, struct binlog_event *out,
                       struct error *err)
{
    struct binlog_event e = {0};
    if (!read_header(bytes, &e, err)) {
        return false;
    }
    bool check = f->crc32;
    bool strip = check;
    if (e.type == BINLOG_FORMAT_DESCRIPTION) {
        /* It says itself whether there are checksums, in the byte before its own, which is
         * always there (servers from 5.6.1 and MariaDB 5.3 on). */
        if (e.body.len < FORMAT_FIXED_BYTES + 1 + CRC_BYTES) {
            return error_set(err, FAIL_CORRUPT, "binlog event FORMAT_DESCRIPTION: cut off");
        }
        strip = true;
        check = e.body.ptr[e.body.len - CRC_BYTES - 1] != 0;
    }
    if (strip) {
        if (e.body.len < CRC_BYTES) {
            return error_set(err, FAIL_CORRUPT, "binlog event %s: no room for its CRC32",
                             binlog_event_name(e.type));
        }
        if (check && !check_crc(bytes, &e, err)) {
            return false;
        }
        e.body.len -= CRC_BYTES;
    }
    *out = e;
    return true;
}

bool binlog_event_read_bare(struct str bytes, struct binlog_event *out, struct error *err)
{
    return read_header(bytes, out, err);
}

/* format description: version u16, server text 50, created u32, header length u8,
 * post-header length u8 by type from 1 on, checksum algorithm u8 */
bool binlog_format_read(const struct binlog_event *e, struct binlog_format *out, struct error *err)
{
    struct reader r = reader_over(e->body, "format description");
    uint16_t version = reader_u16le(&r);
    struct str server = reader_bytes(&r, SERVER_BYTES);
    reader_skip(&r, 4);
    uint8_t header_bytes = reader_u8(&r);
    if (!reader_ok(&r, err)) {
        return false;
    }
    if (version != 4 || header_bytes != BINLOG_HEADER_BYTES) {
        return error_set(err, FAIL_CORRUPT,
                         "format description: binlog version %u with headers of %u bytes, not 4 "
                         "with %d",
                         version, header_bytes, BINLOG_HEADER_BYTES);
    }
    struct binlog_format f = {.known = true};
    if (r.rest.len < 1 || r.rest.len > 256) {
        return error_set(err, FAIL_CORRUPT, "format description: %zu event types", r.rest.len);
    }
    size_t count = r.rest.len - 1;
    struct str lengths = reader_bytes(&r, count);
    memcpy(f.post_header_bytes + 1, lengths.ptr, count);
    uint8_t algorithm = reader_u8(&r);
    if (algorithm > 1) {
        return error_set(err, FAIL_CONFIG,
                         "format description: checksum algorithm %u is unknown; set "
                         "binlog_checksum=CRC32 on the server",
                         algorithm);
    }
    f.crc32 = algorithm == 1;
    size_t text = str_find(server, '\0');
    memcpy(f.server, server.ptr, text);
    f.mariadb = strstr(f.server, "MariaDB") != NULL;
    *out = f;
    return true;
}

bool binlog_rotate_read(const struct binlog_event *e, struct binlog_rotate *out, struct error *err)
{
    struct reader r = reader_over(e->body, "rotate event");
    struct binlog_rotate rotate = {.position = reader_u64le(&r)};
    rotate.file = reader_bytes(&r, r.rest.len);
    if (!reader_end(&r, err)) {
        return false;
    }
    if (rotate.file.len == 0 || str_find(rotate.file, '\0') != rotate.file.len) {
        return error_set(err, FAIL_CORRUPT, "rotate event: no file name");
    }
    *out = rotate;
    return true;
}

bool binlog_xid_read(const struct binlog_event *e, uint64_t *out_xid, struct error *err)
{
    struct reader r = reader_over(e->body, "XID event");
    uint64_t xid = reader_u64le(&r);
    if (!reader_end(&r, err)) {
        return false;
    }
    *out_xid = xid;
    return true;
}

/* one phase u8, format id u32, gtrid length u32, bqual length u32, gtrid, bqual */
bool binlog_xa_read(const struct binlog_event *e, struct binlog_xa *out, struct error *err)
{
    struct reader r = reader_over(e->body, "XA_PREPARE event");
    struct binlog_xa xa = {.one_phase = reader_u8(&r) != 0};
    xa.format_id = (int32_t)reader_u32le(&r);
    uint32_t gtrid = reader_u32le(&r);
    uint32_t bqual = reader_u32le(&r);
    xa.gtrid = reader_bytes(&r, gtrid);
    xa.bqual = reader_bytes(&r, bqual);
    if (!reader_ok(&r, err)) {
        return false;
    }
    *out = xa;
    return true;
}

bool binlog_incident_read(const struct binlog_event *e, struct binlog_incident *out,
                          struct error *err)
{
    struct reader r = reader_over(e->body, "incident event");
    struct binlog_incident incident = {.number = reader_u16le(&r)};
    size_t len = reader_u8(&r);
    incident.message = reader_bytes(&r, len);
    if (!reader_ok(&r, err)) {
        return false;
    }
    *out = incident;
    return true;
}

bool binlog_statement_read(const struct binlog_event *e, struct str *out_text, struct error *err)
{
    if (e->type != BINLOG_ROWS_QUERY) {
        *out_text = e->body;
        return true;
    }
    /* One byte of length comes first, which cannot hold it: the text is the rest. */
    struct reader r = reader_over(e->body, "ROWS_QUERY event");
    reader_skip(&r, 1);
    struct str text = reader_bytes(&r, r.rest.len);
    if (!reader_end(&r, err)) {
        return false;
    }
    *out_text = text;
    return true;
}

bool binlog_inflate(struct str packed, struct arena *arena, struct str *out, struct error *err)
{
    struct reader r = reader_over(packed, "compressed event");
    uint8_t head = reader_u8(&r);
    unsigned algorithm = head >> 4 & 7;
    unsigned size_len = head & 7;
    uint64_t size = size_len >= 1 && size_len <= 4 ? reader_ube(&r, size_len) : 0;
    if (!reader_ok(&r, err)) {
        return false;
    }
    if ((head & 0x80) == 0 || algorithm != 0 || size_len < 1 || size_len > 4) {
        return error_set(err, FAIL_CORRUPT, "compressed event: unknown packing 0x%02x", head);
    }
    if (size > BINLOG_MAX_EVENT_BYTES) {
        return error_set(err, FAIL_LIMIT, "compressed event: %llu bytes, more than %zu",
                         (unsigned long long)size, BINLOG_MAX_EVENT_BYTES);
    }
    /* zlib packs at most 1032 : 1: a lie about the size must not cost memory. */
    if (size / 1032 > r.rest.len) {
        return error_set(err, FAIL_CORRUPT, "compressed event: %zu bytes cannot hold %llu",
                         r.rest.len, (unsigned long long)size);
    }
    unsigned char *bytes = arena_alloc(arena, (size_t)size);
    uLongf len = (uLongf)size;
    int rc = uncompress(bytes, &len, (const unsigned char *)r.rest.ptr, (uLong)r.rest.len);
    if (rc != Z_OK || len != size) {
        return error_set(err, FAIL_CORRUPT,
                         "compressed event: zlib error %d after %lu of %llu bytes", rc,
                         (unsigned long)len, (unsigned long long)size);
    }
    *out = (struct str){(const char *)bytes, (size_t)len};
    return true;
}

/* Version 2: fields of type, length, value; 1 the file, 2 the position as a length-encoded
 * integer, 0 the end. */
static bool heartbeat_v2(const struct binlog_event *e, struct binlog_heartbeat *out,
                         struct error *err)
{
    struct reader r = reader_over(e->body, "heartbeat event");
    struct binlog_heartbeat h = {.position = e->next_position};
    while (r.rest.len > 0 && !r.failed) {
        uint64_t type = mysql_lenenc(&r);
        if (type == 0) {
            break;
        }
        struct str value = mysql_lenenc_str(&r);
        if (type == 1) {
            h.file = value;
        } else if (type == 2) {
            struct reader number = reader_over(value, "heartbeat event's position");
            h.position = mysql_lenenc(&number);
            if (!reader_end(&number, err)) {
                return false;
            }
        }
    }
    if (!reader_ok(&r, err)) {
        return false;
    }
    *out = h;
    return true;
}

bool binlog_heartbeat_read(const struct binlog_event *e, struct binlog_heartbeat *out,
                           struct error *err)
{
    if (e->type == BINLOG_HEARTBEAT_V2) {
        return heartbeat_v2(e, out, err);
    }
    struct reader r = reader_over(e->body, "heartbeat event");
    struct binlog_heartbeat h = {.position = e->next_position};
    if (e->next_position == 0 && e->body.len > 8) {
        h.position = reader_u64le(&r); /* MariaDB, above 4 GiB (HB_SUB_HEADER_LEN) */
    }
    h.file = reader_bytes(&r, r.rest.len);
    if (!reader_end(&r, err)) {
        return false;
    }
    *out = h;
    return true;
}
