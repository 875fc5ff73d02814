#include "connectors/mysql/binlog.h"

#include "base/hash.h"
#include "base/position.h"
#include "connectors/mysql/binlog_payload.h"
#include "connectors/mysql/gtid.h"
#include "tests/unit/mysql_golden.h"

static const char *const servers[] = {"mysql-5.7", "mysql-8.0", "mysql-9.7", "mariadb-10.11",
                                      "mariadb-11.8"};
static const char *const labels[] = {"events", "minimal", "nochecksum", "nometa", "v1",
                                     "packed", "payload", "partial",    "tagged", "gtids"};

/* A recording walked beside what SHOW BINLOG EVENTS said of it: position, type, end, info. */
struct walk {
    struct arena arena;
    struct binlog_format format;
    struct str log;
    struct str *lines;
    size_t line_count, line;
    char info[4096]; /* of the line at hand */
    unsigned seen[256];
};

static const char *shown_name(uint8_t type)
{
    static const char *const names[256] = {
        [BINLOG_QUERY] = "Query",
        [BINLOG_ROTATE] = "Rotate",
        [BINLOG_INTVAR] = "Intvar",
        [BINLOG_RAND] = "RAND",
        [BINLOG_USER_VAR] = "User var",
        [BINLOG_FORMAT_DESCRIPTION] = "Format_desc",
        [BINLOG_XID] = "Xid",
        [BINLOG_TABLE_MAP] = "Table_map",
        [BINLOG_WRITE_ROWS_V1] = "Write_rows_v1",
        [BINLOG_UPDATE_ROWS_V1] = "Update_rows_v1",
        [BINLOG_DELETE_ROWS_V1] = "Delete_rows_v1",
        [BINLOG_ROWS_QUERY] = "Rows_query",
        [BINLOG_WRITE_ROWS] = "Write_rows",
        [BINLOG_UPDATE_ROWS] = "Update_rows",
        [BINLOG_DELETE_ROWS] = "Delete_rows",
        [BINLOG_GTID] = "Gtid",
        [BINLOG_ANONYMOUS_GTID] = "Anonymous_Gtid",
        [BINLOG_PREVIOUS_GTIDS] = "Previous_gtids",
        [BINLOG_XA_PREPARE] = "XA_prepare",
        [BINLOG_PARTIAL_UPDATE_ROWS] = "Update_rows_partial",
        [BINLOG_TRANSACTION_PAYLOAD] = "Transaction_payload",
        [BINLOG_GTID_TAGGED] = "Gtid_tagged_log_event",
        [BINLOG_MARIADB_ANNOTATE_ROWS] = "Annotate_rows",
        [BINLOG_MARIADB_BINLOG_CHECKPOINT] = "Binlog_checkpoint",
        [BINLOG_MARIADB_GTID] = "Gtid",
        [BINLOG_MARIADB_GTID_LIST] = "Gtid_list",
        [BINLOG_MARIADB_QUERY_COMPRESSED] = "Query_compressed",
        [BINLOG_MARIADB_WRITE_ROWS_COMPRESSED_V1] = "Write_rows_compressed_v1",
        [BINLOG_MARIADB_UPDATE_ROWS_COMPRESSED_V1] = "Update_rows_compressed_v1",
        [BINLOG_MARIADB_DELETE_ROWS_COMPRESSED_V1] = "Delete_rows_compressed_v1",
    };
    return names[type] == NULL ? "?" : names[type];
}

static void has(const struct walk *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void has(const struct walk *w, const char *fmt, ...)
{
    char want[2048];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(want, sizeof(want), fmt, args);
    va_end(args);
    if (strstr(w->info, want) == NULL) {
        fail_msg("line %zu: the server says \"%s\", not \"%s\"", w->line, w->info, want);
    }
}

static void put_hex(char *out, struct str bytes)
{
    out[0] = '\0';
    for (size_t i = 0; i < bytes.len; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", (unsigned char)bytes.ptr[i]);
    }
}

static void check_previous(struct walk *w, const struct binlog_event *e)
{
    struct error err = {0};
    struct position *said = position_new();
    struct position *decoded = position_new();
    assert_true(gtid_parse(str_of(w->info), said, &err));
    assert_true(gtid_decode(e->body, decoded, &err));
    assert_true(position_equal(said, decoded));
    /* What we would ask a server for is what servers write down themselves. */
    struct buf block = BUF_INIT(1 << 16);
    assert_true(gtid_encode(decoded, &block, &err));
    assert_true(str_eq(buf_str(&block), e->body));
    buf_release(&block);
    position_free(said);
    position_free(decoded);
}

static void check_gtid(struct walk *w, const struct binlog_event *e)
{
    struct error err = {0};
    char counter[GTID_COUNTER_BYTES];
    struct place place;
    if (e->type == BINLOG_MARIADB_GTID) {
        struct binlog_gtid_mariadb g;
        assert_true(binlog_gtid_mariadb_read(e, &g, &err));
        gtid_mariadb_place(&g, counter, &place);
        has(w, "GTID %s-%llu", counter, (unsigned long long)place.number);
        assert_int_equal(g.standalone,
                         strstr(w->info, "BEGIN") == NULL && strstr(w->info, "XA START") == NULL);
        assert_int_equal(g.xa_prepared, strstr(w->info, "XA START") != NULL);
        return;
    }
    struct binlog_gtid g;
    assert_true(binlog_gtid_read(e, &g, &err));
    assert_false(g.anonymous);
    gtid_place(&g, counter, &place);
    has(w, "'%s:%llu'", counter, (unsigned long long)place.number);
    assert_true(g.sequence_number > g.last_committed);
    if (w->format.server[0] >= '8') {
        assert_true(g.immediate_commit_us / 1000000 - e->timestamp_s < 100);
        assert_true(g.original_commit_us == g.immediate_commit_us);
        assert_true(g.transaction_bytes > e->size_bytes);
    }
}

static void check_query(struct walk *w, const struct binlog_event *e)
{
    struct error err = {0};
    struct binlog_query q;
    if (!binlog_query_read(&w->format, e, &w->arena, &q, &err)) {
        fail_msg("%s", err.text);
    }
    has(w, "%.*s", STR_FMT(q.text));
    assert_int_equal(q.error_code, 0);
    if (memcmp(w->info, "use `", 5) == 0) {
        has(w, "use `%.*s`;", STR_FMT(q.schema));
    }
    if (q.text.len > 12 && memcmp(q.text.ptr, "create table", 12) == 0) {
        assert_true(q.has_sql_mode);
        assert_true(q.has_charset);
        assert_string_equal(mysql_charset_by_collation(q.client_charset)->name, "utf8mb4");
        assert_int_equal(q.has_ddl_xid, w->format.server[0] == '8' || w->format.server[0] == '9');
    }
}

static void check_xa(struct walk *w, const struct binlog_event *e)
{
    struct error err = {0};
    struct binlog_xa xa;
    char gtrid[200];
    char bqual[200];
    assert_true(binlog_xa_read(e, &xa, &err));
    put_hex(gtrid, xa.gtrid);
    put_hex(bqual, xa.bqual);
    has(w, "X'%s',X'%s',%d", gtrid, bqual, xa.format_id);
    assert_false(xa.one_phase);
}

static void check_list(struct walk *w, const struct binlog_event *e)
{
    struct error err = {0};
    struct binlog_gtid_mariadb *list = NULL;
    size_t count = 0;
    assert_true(binlog_gtid_list_read(e, &w->arena, &list, &count, &err));
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++) {
        has(w, "%u-%u-%llu", list[i].domain, list[i].server_id, (unsigned long long)list[i].number);
    }
}

static void check_rows(struct walk *w, const struct binlog_event *e)
{
    struct error err = {0};
    struct binlog_rows rows;
    assert_true(binlog_rows_open(&w->format, e, &w->arena, &rows, &err));
    has(w, "table_id: %llu", (unsigned long long)rows.table_id);
    assert_int_equal((rows.flags & BINLOG_ROWS_FLAG_STATEMENT_END) != 0,
                     strstr(w->info, "STMT_END_F") != NULL);
}

static void check_payload(struct walk *w, const struct binlog_event *e);

static void check_event(struct walk *w, const struct binlog_event *e)
{
    struct error err = {0};
    struct binlog_rotate rotate;
    struct binlog_table table;
    struct str text;
    uint64_t xid = 0;
    w->seen[e->type]++;
    switch (binlog_event_class(e)) {
    case BINLOG_CLASS_FORMAT:
        has(w, "Server ver: %s,", w->format.server);
        break;
    case BINLOG_CLASS_ROTATE:
        assert_true(binlog_rotate_read(e, &rotate, &err));
        has(w, "%.*s;pos=%llu", STR_FMT(rotate.file), (unsigned long long)rotate.position);
        break;
    case BINLOG_CLASS_GTID:
    case BINLOG_CLASS_MARIADB_GTID:
        check_gtid(w, e);
        break;
    case BINLOG_CLASS_QUERY:
        check_query(w, e);
        break;
    case BINLOG_CLASS_XID:
        assert_true(binlog_xid_read(e, &xid, &err));
        has(w, "xid=%llu ", (unsigned long long)xid);
        break;
    case BINLOG_CLASS_XA_PREPARE:
        check_xa(w, e);
        break;
    case BINLOG_CLASS_TABLE_MAP:
        assert_true(binlog_table_read(&w->format, e, &w->arena, &table, &err));
        has(w, "table_id: %llu (%.*s.%.*s)", (unsigned long long)table.id, STR_FMT(table.database),
            STR_FMT(table.name));
        break;
    case BINLOG_CLASS_ROWS:
        check_rows(w, e);
        break;
    case BINLOG_CLASS_PAYLOAD:
        check_payload(w, e);
        break;
    case BINLOG_CLASS_PASS:
        if (e->type == BINLOG_PREVIOUS_GTIDS) {
            check_previous(w, e);
        } else if (e->type == BINLOG_MARIADB_GTID_LIST) {
            check_list(w, e);
        } else if (e->type == BINLOG_ROWS_QUERY || e->type == BINLOG_MARIADB_ANNOTATE_ROWS) {
            assert_true(binlog_statement_read(e, &text, &err));
            has(w, "%.*s", STR_FMT(text));
        }
        break;
    case BINLOG_CLASS_REFUSE:
        assert_int_equal(e->type, BINLOG_PARTIAL_UPDATE_ROWS);
        assert_false(binlog_event_refuse(e, STR("bin.000001"), 77, &err));
        assert_int_equal(err.code, FAIL_CONFIG);
        assert_non_null(strstr(err.text, "bin.000001:77"));
        assert_non_null(strstr(err.text, "binlog_row_value_options"));
        break;
    case BINLOG_CLASS_HEARTBEAT:
        fail_msg("a heartbeat in a file");
    }
}

/* The next line must be of this event. */
static void take_line(struct walk *w, const struct binlog_event *e, uint64_t start, bool inner)
{
    struct str f[5];
    assert_true(w->line < w->line_count);
    assert_int_equal(golden_cut(&w->arena, w->lines[w->line++], f, 5), 5);
    (void)snprintf(w->info, sizeof(w->info), "%.*s", STR_FMT(f[4]));
    if (!str_eq(f[1], str_of(shown_name(e->type)))) {
        fail_msg("line %zu: the server says %.*s, not %s", w->line, STR_FMT(f[1]),
                 shown_name(e->type));
    }
    if (!inner) {
        assert_int_equal(golden_number(f[0]), start);
        assert_int_equal(golden_number(f[3]), e->next_position);
    }
    assert_int_equal(golden_number(f[2]), e->server_id);
}

static void check_payload(struct walk *w, const struct binlog_event *e)
{
    struct error err = {0};
    struct binlog_payload *payload = NULL;
    struct binlog_event inner;
    enum binlog_payload_next next;
    unsigned long long bytes = 0;
    char info[sizeof(w->info)];
    memcpy(info, w->info, sizeof(info));
    assert_true(binlog_payload_open(e, &payload, &err));
    while ((next = binlog_payload_next(payload, &w->arena, &inner, &err)) == BINLOG_PAYLOAD_EVENT) {
        take_line(w, &inner, 0, true);
        check_event(w, &inner);
        bytes += inner.size_bytes;
    }
    assert_int_equal(next, BINLOG_PAYLOAD_END);
    binlog_payload_free(payload);
    memcpy(w->info, info, sizeof(info));
    has(w, "decompressed_size=%llu ", bytes);
}

static void walk_log(const char *server, const char *label, unsigned seen[256])
{
    struct walk *w = MEM_NEW(struct walk);
    struct binlog_event e;
    size_t at = 0;
    size_t start = BINLOG_MAGIC_BYTES;
    w->line_count =
        golden_lines(&w->arena, golden_file(&w->arena, server, label, "events"), &w->lines);
    w->log = golden_file(&w->arena, server, label, "binlog");
    binlog_format_init(&w->format, true);
    while (golden_event(w->log, &w->format, &at, &e)) {
        assert_int_equal(w->format.mariadb, server[1] == 'a');
        take_line(w, &e, start, false);
        check_event(w, &e);
        start = at;
    }
    assert_int_equal(w->line, w->line_count);
    assert_int_equal(w->format.crc32, strcmp(label, "nochecksum") != 0);
    for (size_t i = 0; i < 256; i++) {
        seen[i] += w->seen[i];
    }
    arena_release(&w->arena);
    mem_free(w);
}

static void as_the_server_says(void **state)
{
    (void)state;
    unsigned seen[256] = {0};
    size_t tried = 0;
    for (size_t s = 0; s < sizeof(servers) / sizeof(servers[0]); s++) {
        for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
            struct arena a = {0};
            struct str found;
            if (golden_find(&a, servers[s], labels[i], "events", &found)) {
                walk_log(servers[s], labels[i], seen);
                tried++;
            }
            arena_release(&a);
        }
    }
    assert_true(tried > 20);
    static const uint8_t wanted[] = {BINLOG_QUERY,
                                     BINLOG_ROTATE,
                                     BINLOG_INTVAR,
                                     BINLOG_RAND,
                                     BINLOG_USER_VAR,
                                     BINLOG_FORMAT_DESCRIPTION,
                                     BINLOG_XID,
                                     BINLOG_TABLE_MAP,
                                     BINLOG_WRITE_ROWS_V1,
                                     BINLOG_UPDATE_ROWS_V1,
                                     BINLOG_DELETE_ROWS_V1,
                                     BINLOG_ROWS_QUERY,
                                     BINLOG_WRITE_ROWS,
                                     BINLOG_UPDATE_ROWS,
                                     BINLOG_DELETE_ROWS,
                                     BINLOG_GTID,
                                     BINLOG_PREVIOUS_GTIDS,
                                     BINLOG_XA_PREPARE,
                                     BINLOG_PARTIAL_UPDATE_ROWS,
                                     BINLOG_TRANSACTION_PAYLOAD,
                                     BINLOG_GTID_TAGGED,
                                     BINLOG_MARIADB_ANNOTATE_ROWS,
                                     BINLOG_MARIADB_BINLOG_CHECKPOINT,
                                     BINLOG_MARIADB_GTID,
                                     BINLOG_MARIADB_GTID_LIST,
                                     BINLOG_MARIADB_QUERY_COMPRESSED,
                                     BINLOG_MARIADB_WRITE_ROWS_COMPRESSED_V1,
                                     BINLOG_MARIADB_UPDATE_ROWS_COMPRESSED_V1};
    for (size_t i = 0; i < sizeof(wanted); i++) {
        if (seen[wanted[i]] == 0) {
            fail_msg("no recording has %s", binlog_event_name(wanted[i]));
        }
    }
}

/* Every bit of an event is under its checksum. */
static void checksum(void **state)
{
    (void)state;
    struct arena a = {0};
    struct str log = golden_file(&a, "mysql-8.0", "events", "binlog");
    struct binlog_format format;
    struct binlog_event e;
    struct error err = {0};
    size_t at = 0;
    binlog_format_init(&format, true);
    for (size_t events = 0; events < 6; events++) {
        size_t start = at == 0 ? BINLOG_MAGIC_BYTES : at;
        assert_true(golden_event(log, &format, &at, &e));
        char *copy = mem_dup(log.ptr + start, at - start);
        struct str bytes = {copy, at - start};
        struct binlog_event out;
        assert_true(binlog_event_read(&format, bytes, &out, &err));
        for (size_t i = 0; i < bytes.len; i++) {
            for (unsigned bit = 1; bit < 256; bit <<= 1) {
                bool in_use = e.type == BINLOG_FORMAT_DESCRIPTION && i == 17 && bit == 1;
                bool turned_off = e.type == BINLOG_FORMAT_DESCRIPTION && i == bytes.len - 5;
                if (in_use || turned_off) {
                    continue; /* the server sets the one after the CRC; the other is the switch */
                }
                copy[i] = (char)(copy[i] ^ (char)bit);
                if (binlog_event_read(&format, bytes, &out, &err)) {
                    fail_msg("event %zu: bit %u of byte %zu may change", events, bit, i);
                }
                assert_int_equal(err.code, FAIL_CORRUPT);
                copy[i] = (char)(copy[i] ^ (char)bit);
            }
        }
        copy[17] = (char)(copy[17] | (e.type == BINLOG_FORMAT_DESCRIPTION ? 1 : 0));
        assert_true(binlog_event_read(&format, bytes, &out, &err));
        mem_free(copy);
    }
    arena_release(&a);
}

static void try_all(const struct binlog_format *f, const struct binlog_event *e, struct arena *a)
{
    struct error err = {0};
    struct binlog_format format;
    struct binlog_rotate rotate;
    struct binlog_gtid gtid;
    struct binlog_gtid_mariadb gtid_mariadb;
    struct binlog_gtid_mariadb *list = NULL;
    struct binlog_query query;
    struct binlog_xa xa;
    struct binlog_heartbeat heartbeat;
    struct binlog_incident incident;
    struct binlog_table table;
    struct str text;
    size_t count = 0;
    uint64_t xid = 0;
    bool any = binlog_format_read(e, &format, &err);
    any |= binlog_rotate_read(e, &rotate, &err);
    any |= binlog_gtid_read(e, &gtid, &err);
    any |= binlog_gtid_mariadb_read(e, &gtid_mariadb, &err);
    any |= binlog_gtid_list_read(e, a, &list, &count, &err);
    any |= binlog_query_read(f, e, a, &query, &err);
    any |= binlog_xid_read(e, &xid, &err);
    any |= binlog_xa_read(e, &xa, &err);
    any |= binlog_heartbeat_read(e, &heartbeat, &err);
    any |= binlog_incident_read(e, &incident, &err);
    any |= binlog_table_read(f, e, a, &table, &err);
    any |= binlog_statement_read(e, &text, &err);
    (void)any;
}

/* Bodies cut off at every length: a clean error or an answer within the bytes (ASan looks). */
static void cut_off(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof(servers) / sizeof(servers[0]); s++) {
        struct arena a = {0};
        struct arena scratch = {0};
        struct str log = golden_file(&a, servers[s], "events", "binlog");
        struct binlog_format format;
        struct binlog_event e;
        size_t at = 0;
        binlog_format_init(&format, true);
        while (golden_event(log, &format, &at, &e)) {
            struct str body = e.body;
            for (size_t len = 0; len < body.len; len++) {
                char *copy = mem_realloc(mem_dup(body.ptr, len), len == 0 ? 1 : len);
                e.body = (struct str){copy, len};
                try_all(&format, &e, &scratch);
                mem_free(copy);
                arena_reset(&scratch);
            }
        }
        arena_release(&scratch);
        arena_release(&a);
    }
}

static struct binlog_event event_of(uint8_t type, struct str body)
{
    return (struct binlog_event){.type = type, .body = body, .size_bytes = 100};
}

static void heartbeats(void **state)
{
    (void)state;
    struct error err = {0};
    struct binlog_heartbeat h;
    struct binlog_event e = event_of(BINLOG_HEARTBEAT, STR("bin.000009"));
    e.next_position = 1234;
    assert_true(binlog_heartbeat_read(&e, &h, &err));
    assert_true(str_eq(h.file, STR("bin.000009")));
    assert_int_equal(h.position, 1234);
    /* MariaDB beyond 4 GiB */
    e = event_of(BINLOG_HEARTBEAT, STR("\x05\0\0\0\x01\0\0\0bin.000009"));
    assert_true(binlog_heartbeat_read(&e, &h, &err));
    assert_true(str_eq(h.file, STR("bin.000009")));
    assert_int_equal(h.position, 0x100000005);
    /* version 2, as MySQL 8.0.26 and later send it */
    e = event_of(BINLOG_HEARTBEAT_V2, STR("\x01\x0a"
                                          "bin.000009\x02\x03\xfc\x34\x12\0"));
    assert_true(binlog_heartbeat_read(&e, &h, &err));
    assert_true(str_eq(h.file, STR("bin.000009")));
    assert_int_equal(h.position, 0x1234);
    e.body.len = 8;
    assert_false(binlog_heartbeat_read(&e, &h, &err));
}

static void refusals(void **state)
{
    (void)state;
    struct error err = {0};
    struct binlog_event e = event_of(99, STR(""));
    assert_int_equal(binlog_event_class(&e), BINLOG_CLASS_REFUSE);
    assert_false(binlog_event_refuse(&e, STR("bin.000003"), 4711, &err));
    assert_int_equal(err.code, FAIL_CORRUPT);
    assert_non_null(strstr(err.text, "bin.000003:4711: unknown event type 99"));
    e.flags = BINLOG_FLAG_IGNORABLE;
    assert_int_equal(binlog_event_class(&e), BINLOG_CLASS_PASS);
    e = event_of(BINLOG_INCIDENT, STR("\x01\0\x04lost"));
    e.flags = BINLOG_FLAG_IGNORABLE; /* known types are what they are */
    assert_int_equal(binlog_event_class(&e), BINLOG_CLASS_REFUSE);
    assert_false(binlog_event_refuse(&e, STR("f"), 1, &err));
    assert_int_equal(err.code, FAIL_LOST);
    assert_non_null(strstr(err.text, "lost"));
    e = event_of(BINLOG_INCIDENT, STR(""));
    assert_false(binlog_event_refuse(&e, STR("f"), 1, &err));
    assert_int_equal(err.code, FAIL_LOST);
    e = event_of(BINLOG_EXECUTE_LOAD_QUERY, STR(""));
    assert_false(binlog_event_refuse(&e, STR("f"), 1, &err));
    assert_non_null(strstr(err.text, "binlog_format=ROW"));
    e = event_of(BINLOG_WRITE_ROWS_V0, STR(""));
    assert_int_equal(binlog_event_class(&e), BINLOG_CLASS_REFUSE);
    assert_string_equal(binlog_event_name(BINLOG_TABLE_MAP), "TABLE_MAP");
    assert_string_equal(binlog_event_name(200), "unknown");
}

static void headers(void **state)
{
    (void)state;
    struct error err = {0};
    struct binlog_event e;
    struct binlog_format f;
    binlog_format_init(&f, false);
    struct str stop = STR("\x01\0\0\0\x03\x07\0\0\0\x13\0\0\0\x64\0\0\0\x20\0");
    assert_true(binlog_event_read(&f, stop, &e, &err));
    assert_int_equal(e.type, BINLOG_STOP);
    assert_int_equal(e.server_id, 7);
    assert_int_equal(e.next_position, 100);
    assert_int_equal(e.flags, BINLOG_FLAG_ARTIFICIAL);
    assert_int_equal(e.body.len, 0);
    for (size_t len = 0; len < stop.len; len++) {
        assert_false(binlog_event_read(&f, (struct str){stop.ptr, len}, &e, &err));
    }
    binlog_format_init(&f, true); /* no room for the checksum */
    assert_false(binlog_event_read(&f, stop, &e, &err));
    assert_non_null(strstr(err.text, "STOP"));
}

static void inflating(void **state)
{
    (void)state;
    struct error err = {0};
    struct arena a = {0};
    struct str out;
    /* zlib of "hello" */
    struct str good = STR("\x81\x05\x78\x9c\xcb\x48\xcd\xc9\xc9\x07\x00\x06\x2c\x02\x15");
    assert_true(binlog_inflate(good, &a, &out, &err));
    assert_true(str_eq(out, STR("hello")));
    for (size_t len = 0; len < good.len; len++) {
        assert_false(binlog_inflate((struct str){good.ptr, len}, &a, &out, &err));
    }
    assert_false(binlog_inflate(STR("\x91\x05\x78\x9c\xcb\x48\xcd\xc9\xc9\x07\x00\x06\x2c\x02\x15"),
                                &a, &out, &err)); /* another algorithm */
    assert_false(binlog_inflate(STR("\x81\x06\x78\x9c\xcb\x48\xcd\xc9\xc9\x07\x00\x06\x2c\x02\x15"),
                                &a, &out, &err)); /* another length */
    size_t used = arena_used(&a);
    assert_false(binlog_inflate(STR("\x84\x3f\xff\xff\xff\x78\x9c"), &a, &out, &err));
    assert_int_equal(arena_used(&a), used); /* a lie of 1 GiB costs nothing */
    assert_false(binlog_inflate(STR("\x84\xff\xff\xff\xff\x78\x9c"), &a, &out, &err));
    assert_int_equal(err.code, FAIL_LIMIT);
    arena_release(&a);
}

static void formats(void **state)
{
    (void)state;
    struct error err = {0};
    struct binlog_format f;
    char body[57 + 42 + 1] = {0};
    body[0] = 4;
    memcpy(body + 2, "8.0.31", 6);
    body[56] = 19;
    body[sizeof(body) - 1] = 1;
    struct binlog_event e = event_of(BINLOG_FORMAT_DESCRIPTION, (struct str){body, sizeof(body)});
    assert_true(binlog_format_read(&e, &f, &err));
    assert_true(f.crc32 && f.known && !f.mariadb);
    assert_string_equal(f.server, "8.0.31");
    body[sizeof(body) - 1] = 2;
    assert_false(binlog_format_read(&e, &f, &err));
    assert_int_equal(err.code, FAIL_CONFIG);
    body[sizeof(body) - 1] = 0;
    assert_true(binlog_format_read(&e, &f, &err));
    assert_false(f.crc32);
    body[0] = 3;
    assert_false(binlog_format_read(&e, &f, &err));
    body[0] = 4;
    memset(body + 2, 'x', 50); /* a version text that fills its field */
    assert_true(binlog_format_read(&e, &f, &err));
    assert_int_equal(strlen(f.server), 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_the_server_says), cmocka_unit_test(checksum), cmocka_unit_test(cut_off),
        cmocka_unit_test(heartbeats),         cmocka_unit_test(refusals), cmocka_unit_test(headers),
        cmocka_unit_test(inflating),          cmocka_unit_test(formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
