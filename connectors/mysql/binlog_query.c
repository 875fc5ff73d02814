/* Query events; declared in binlog.h. */
#include "connectors/mysql/binlog.h"

#include "base/reader.h"

/* Status variables: a code and what it implies, as Query_log_event writes them. MariaDB writes 131
 * before 4, so no order is relied on; an unknown code ends the list, for its length is unknown. */
enum status_code {
    STATUS_FLAGS2 = 0,
    STATUS_SQL_MODE = 1,
    STATUS_CATALOG = 2,
    STATUS_AUTO_INCREMENT = 3,
    STATUS_CHARSET = 4,
    STATUS_TIME_ZONE = 5,
    STATUS_CATALOG_NZ = 6,
    STATUS_LC_TIME_NAMES = 7,
    STATUS_CHARSET_DATABASE = 8,
    STATUS_TABLE_MAP_FOR_UPDATE = 9,
    STATUS_MASTER_DATA_WRITTEN = 10,
    STATUS_INVOKER = 11,
    STATUS_UPDATED_DB_NAMES = 12,
    STATUS_MICROSECONDS = 13,
    STATUS_EXPLICIT_DEFAULTS_TIMESTAMP = 16,
    STATUS_DDL_XID = 17,
    STATUS_DEFAULT_COLLATION_UTF8MB4 = 18,
    STATUS_REQUIRE_PRIMARY_KEY = 19,
    STATUS_TABLE_ENCRYPTION = 20,
    STATUS_MARIADB_HRNOW = 128,
    STATUS_MARIADB_XID = 129,
    STATUS_MARIADB_GTID_FLAGS = 130,
    STATUS_MARIADB_COLLATIONS = 131,
};

static void skip_names(struct reader *r)
{
    uint8_t count = reader_u8(r);
    if (count == 254) { /* too many: none are written */
        return;
    }
    for (unsigned i = 0; i < count && !r->failed; i++) {
        (void)reader_cstr(r);
    }
}

/* Variables that mean nothing to us; false: unknown. */
static bool skip_status(struct reader *r, uint8_t code)
{
    switch (code) {
    case STATUS_FLAGS2:
    case STATUS_MASTER_DATA_WRITTEN:
    case STATUS_AUTO_INCREMENT:
        reader_skip(r, 4);
        return true;
    case STATUS_CATALOG:
        reader_skip(r, (size_t)reader_u8(r) + 1);
        return true;
    case STATUS_CATALOG_NZ:
        reader_skip(r, reader_u8(r));
        return true;
    case STATUS_LC_TIME_NAMES:
    case STATUS_CHARSET_DATABASE:
        reader_skip(r, 2);
        return true;
    case STATUS_TABLE_MAP_FOR_UPDATE:
    case STATUS_MARIADB_XID:
        reader_skip(r, 8);
        return true;
    case STATUS_INVOKER:
        reader_skip(r, reader_u8(r));
        reader_skip(r, reader_u8(r));
        return true;
    case STATUS_UPDATED_DB_NAMES:
        skip_names(r);
        return true;
    case STATUS_MICROSECONDS:
    case STATUS_MARIADB_HRNOW:
        reader_skip(r, 3);
        return true;
    case STATUS_EXPLICIT_DEFAULTS_TIMESTAMP:
    case STATUS_REQUIRE_PRIMARY_KEY:
    case STATUS_TABLE_ENCRYPTION:
        reader_skip(r, 1);
        return true;
    case STATUS_MARIADB_GTID_FLAGS: /* COMMIT ALTER (4) and ROLLBACK ALTER (8) name a GTID */
        reader_skip(r, (reader_u16le(r) & 12) != 0 ? 8 : 0);
        return true;
    case STATUS_MARIADB_COLLATIONS:
        reader_skip(r, (size_t)reader_u8(r) * 4);
        return true;
    default:
        return false;
    }
}

static void read_status(struct reader *r, struct binlog_query *q)
{
    while (r->rest.len > 0 && !r->failed) {
        uint8_t code = reader_u8(r);
        switch (code) {
        case STATUS_SQL_MODE:
            q->has_sql_mode = true;
            q->sql_mode = reader_u64le(r);
            break;
        case STATUS_CHARSET:
            q->has_charset = true;
            q->client_charset = reader_u16le(r);
            q->connection_collation = reader_u16le(r);
            q->server_collation = reader_u16le(r);
            break;
        case STATUS_TIME_ZONE:
            q->time_zone = reader_bytes(r, reader_u8(r));
            break;
        case STATUS_DDL_XID:
            q->has_ddl_xid = true;
            q->ddl_xid = reader_u64le(r);
            break;
        case STATUS_DEFAULT_COLLATION_UTF8MB4:
            q->default_utf8mb4_collation = reader_u16le(r);
            break;
        default:
            if (!skip_status(r, code)) {
                return;
            }
        }
    }
}

/* thread u32, seconds u32, schema length u8, error u16, status length u16, rest of the post-header;
 * status variables, schema NUL, text */
bool binlog_query_read(const struct binlog_format *f, const struct binlog_event *e,
                       struct arena *arena, struct binlog_query *out, struct error *err)
{
    struct reader r = reader_over(e->body, "query event");
    struct binlog_query q = {.thread_id = reader_u32le(&r)};
    reader_skip(&r, 4);
    size_t schema_len = reader_u8(&r);
    q.error_code = reader_u16le(&r);
    size_t status_len = reader_u16le(&r);
    uint8_t post_header = f->post_header_bytes[e->type];
    if (post_header > 13) {
        reader_skip(&r, (size_t)post_header - 13);
    }
    struct str status = reader_bytes(&r, status_len);
    q.schema = reader_bytes(&r, schema_len);
    if (reader_u8(&r) != 0) {
        reader_fail(&r);
    }
    q.text = reader_bytes(&r, r.rest.len);
    if (!reader_end(&r, err)) {
        return false;
    }
    struct reader vars = reader_over(status, "query event's status variables");
    read_status(&vars, &q);
    if (!reader_ok(&vars, err)) {
        return false;
    }
    if (e->type == BINLOG_MARIADB_QUERY_COMPRESSED &&
        !binlog_inflate(q.text, arena, &q.text, err)) {
        return error_in(err, "query event");
    }
    *out = q;
    return true;
}
