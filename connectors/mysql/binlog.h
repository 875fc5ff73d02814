/* connectors/mysql/binlog.h: events of a binary log, from MySQL 5.7…9.x and MariaDB 10.5…12.
 *
 * An event is 19 bytes of header, a body, and 4 bytes of CRC32 where the format description says
 * so. Nothing here reads a file or a socket: the caller hands over one whole event at a time.
 * Everything decoded is a slice of the event's bytes unless a comment says "arena": the bytes must
 * live as long as what was decoded from them. All failures are FAIL_CORRUPT unless stated; the
 * caller adds file and position. Thread: no state but what the caller holds.
 *
 *   binlog_format_init(&format, …);            once per connection
 *   binlog_event_read(&format, bytes, &event)  each event; checks its CRC
 *   switch (binlog_event_class(&event)) …
 *       FORMAT_DESCRIPTION → binlog_format_read(&event, &format)    new format from here on */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/str.h"

#define BINLOG_HEADER_BYTES 19
#define BINLOG_MAGIC_BYTES 4 /* FE 'b' 'i' 'n', at the start of a file */
#define BINLOG_MAX_EVENT_BYTES ((size_t)1 << 30)

enum binlog_type {
    BINLOG_START_V3 = 1,
    BINLOG_QUERY = 2,
    BINLOG_STOP = 3,
    BINLOG_ROTATE = 4,
    BINLOG_INTVAR = 5,
    BINLOG_LOAD = 6,
    BINLOG_SLAVE = 7,
    BINLOG_CREATE_FILE = 8,
    BINLOG_APPEND_BLOCK = 9,
    BINLOG_EXEC_LOAD = 10,
    BINLOG_DELETE_FILE = 11,
    BINLOG_NEW_LOAD = 12,
    BINLOG_RAND = 13,
    BINLOG_USER_VAR = 14,
    BINLOG_FORMAT_DESCRIPTION = 15,
    BINLOG_XID = 16,
    BINLOG_BEGIN_LOAD_QUERY = 17,
    BINLOG_EXECUTE_LOAD_QUERY = 18,
    BINLOG_TABLE_MAP = 19,
    BINLOG_WRITE_ROWS_V0 = 20,
    BINLOG_UPDATE_ROWS_V0 = 21,
    BINLOG_DELETE_ROWS_V0 = 22,
    BINLOG_WRITE_ROWS_V1 = 23,
    BINLOG_UPDATE_ROWS_V1 = 24,
    BINLOG_DELETE_ROWS_V1 = 25,
    BINLOG_INCIDENT = 26,
    BINLOG_HEARTBEAT = 27,
    BINLOG_IGNORABLE = 28,
    BINLOG_ROWS_QUERY = 29,
    BINLOG_WRITE_ROWS = 30,
    BINLOG_UPDATE_ROWS = 31,
    BINLOG_DELETE_ROWS = 32,
    BINLOG_GTID = 33,
    BINLOG_ANONYMOUS_GTID = 34,
    BINLOG_PREVIOUS_GTIDS = 35,
    BINLOG_TRANSACTION_CONTEXT = 36,
    BINLOG_VIEW_CHANGE = 37,
    BINLOG_XA_PREPARE = 38,
    BINLOG_PARTIAL_UPDATE_ROWS = 39,
    BINLOG_TRANSACTION_PAYLOAD = 40,
    BINLOG_HEARTBEAT_V2 = 41,
    BINLOG_GTID_TAGGED = 42,
    BINLOG_MARIADB_ANNOTATE_ROWS = 160,
    BINLOG_MARIADB_BINLOG_CHECKPOINT = 161,
    BINLOG_MARIADB_GTID = 162,
    BINLOG_MARIADB_GTID_LIST = 163,
    BINLOG_MARIADB_START_ENCRYPTION = 164,
    BINLOG_MARIADB_QUERY_COMPRESSED = 165,
    BINLOG_MARIADB_WRITE_ROWS_COMPRESSED_V1 = 166,
    BINLOG_MARIADB_UPDATE_ROWS_COMPRESSED_V1 = 167,
    BINLOG_MARIADB_DELETE_ROWS_COMPRESSED_V1 = 168,
    BINLOG_MARIADB_WRITE_ROWS_COMPRESSED = 169,
    BINLOG_MARIADB_UPDATE_ROWS_COMPRESSED = 170,
    BINLOG_MARIADB_DELETE_ROWS_COMPRESSED = 171,
};

enum binlog_flag {
    BINLOG_FLAG_IN_USE = 0x1,      /* format description of a file not closed in order */
    BINLOG_FLAG_ARTIFICIAL = 0x20, /* made for the connection, not in the file */
    BINLOG_FLAG_IGNORABLE = 0x80,  /* whoever does not know the type may skip it */
};

/* What an event asks of its reader. */
enum binlog_class {
    BINLOG_CLASS_FORMAT,       /* binlog_format_read */
    BINLOG_CLASS_ROTATE,       /* binlog_rotate_read */
    BINLOG_CLASS_GTID,         /* MySQL 33, 34, 42: binlog_gtid_read; a transaction begins */
    BINLOG_CLASS_MARIADB_GTID, /* binlog_gtid_mariadb_read; a transaction begins */
    BINLOG_CLASS_QUERY,        /* 2 and 165: binlog_query_read */
    BINLOG_CLASS_XID,          /* the transaction is committed */
    BINLOG_CLASS_XA_PREPARE,   /* binlog_xa_read; the transaction waits for XA COMMIT */
    BINLOG_CLASS_TABLE_MAP,    /* binlog_table_read (binlog_table.h) */
    BINLOG_CLASS_ROWS,         /* binlog_rows_open (binlog_rows.h) */
    BINLOG_CLASS_PAYLOAD,      /* binlog_payload_open (binlog_payload.h) */
    BINLOG_CLASS_HEARTBEAT,    /* binlog_heartbeat_read */
    BINLOG_CLASS_PASS,   /* known, and without effect on rows: go on (see binlog_event_class) */
    BINLOG_CLASS_REFUSE, /* stop: binlog_event_refuse says why */
};

struct binlog_event {
    uint32_t timestamp_s;
    uint8_t type; /* enum binlog_type, or one that nobody here knows */
    uint32_t server_id;
    uint32_t size_bytes;    /* the whole event, CRC included */
    uint32_t next_position; /* end of the event in its file; wraps at 4 GiB; 0 in artificial ones,
                               and in MariaDB 11.8 in all of a transaction but its GTID and
                               its end: count the sizes instead */
    uint16_t flags;
    struct str body; /* between header and CRC */
};

/* What the format description says; in force from it until the next one. */
struct binlog_format {
    bool known;                     /* a format description was read */
    bool crc32;                     /* events end with a CRC32 */
    bool mariadb;                   /* by the server's version text */
    char server[51];                /* version text */
    uint8_t post_header_bytes[256]; /* by event type; 0: unknown to that server */
};

/* crc32: what the session announced by @master_binlog_checksum, for the artificial ROTATE that
 * comes before the format description. */
void binlog_format_init(struct binlog_format *f, bool crc32);
MUST_USE bool binlog_format_read(const struct binlog_event *e, struct binlog_format *out,
                                 struct error *err);

/* Takes one whole event apart and checks length and CRC32. Unknown types are fine here. */
MUST_USE bool binlog_event_read(const struct binlog_format *f, struct str bytes,
                                struct binlog_event *out, struct error *err);
/* An event inside a transaction payload: no CRC of its own. */
MUST_USE bool binlog_event_read_bare(struct str bytes, struct binlog_event *out, struct error *err);
/* PASS: STOP, INTVAR, RAND, USER_VAR, ROWS_QUERY, ANNOTATE_ROWS, BINLOG_CHECKPOINT, GTID_LIST,
 * PREVIOUS_GTIDS, START_ENCRYPTION (the server decrypts), TRANSACTION_CONTEXT, VIEW_CHANGE,
 * IGNORABLE, LOAD DATA blocks of statement logging (their statement follows as a query event), and
 * every unknown type with the ignorable flag.
 * REFUSE: INCIDENT, PARTIAL_UPDATE_ROWS, rows of before 5.1, unknown types. */
enum binlog_class binlog_event_class(const struct binlog_event *e);
/* Sets the reason and the remedy: "unknown event type 99 at mysql-bin.000007:1234 …"; returns
 * false. INCIDENT is FAIL_LOST, others FAIL_CORRUPT or FAIL_CONFIG. */
bool binlog_event_refuse(const struct binlog_event *e, struct str file, uint64_t position,
                         struct error *err);
/* "TABLE_MAP"; "unknown" for types nobody knows. */
const char *binlog_event_name(uint8_t type);

struct binlog_rotate {
    uint64_t position;
    struct str file;
};
MUST_USE bool binlog_rotate_read(const struct binlog_event *e, struct binlog_rotate *out,
                                 struct error *err);

/* MySQL: types 33, 34 and 42. */
struct binlog_gtid {
    bool anonymous;
    uint8_t sid[16];
    struct str tag; /* len 0: none */
    uint64_t number;
    int64_t last_committed, sequence_number;
    uint64_t immediate_commit_us; /* 0: not sent (before 8.0) */
    uint64_t original_commit_us;
    uint64_t transaction_bytes; /* from this event's start to the commit's end; 0: not sent */
};
MUST_USE bool binlog_gtid_read(const struct binlog_event *e, struct binlog_gtid *out,
                               struct error *err);

struct binlog_gtid_mariadb {
    uint32_t domain;
    uint32_t server_id;
    uint64_t number;
    bool standalone; /* one query event follows and no COMMIT: DDL and the like */
    bool ddl;
    bool xa_prepared;   /* a prepared XA transaction: XA_PREPARE ends the group */
    bool xa_completed;  /* XA COMMIT or XA ROLLBACK of one */
    uint64_t commit_id; /* 0: none */
};
MUST_USE bool binlog_gtid_mariadb_read(const struct binlog_event *e,
                                       struct binlog_gtid_mariadb *out, struct error *err);

/* GTID_LIST at the start of each file of MariaDB: what was before it. In the arena. */
MUST_USE bool binlog_gtid_list_read(const struct binlog_event *e, struct arena *arena,
                                    struct binlog_gtid_mariadb **out, size_t *out_count,
                                    struct error *err);

struct binlog_query {
    uint32_t thread_id;
    uint16_t error_code; /* of the statement on the server; 0 usually */
    struct str schema;   /* default database */
    struct str text;     /* in the session's charset: see client_charset */
    bool has_sql_mode;
    uint64_t sql_mode;
    bool has_charset;
    uint16_t client_charset; /* collation ids */
    uint16_t connection_collation;
    uint16_t server_collation;
    struct str time_zone;               /* len 0: not sent */
    uint16_t default_utf8mb4_collation; /* MySQL 8; 0: not sent */
    bool has_ddl_xid;
    uint64_t ddl_xid; /* MySQL 8: set for atomic DDL */
};
/* Types 2 and 165; an inflated text is in the arena. */
MUST_USE bool binlog_query_read(const struct binlog_format *f, const struct binlog_event *e,
                                struct arena *arena, struct binlog_query *out, struct error *err);

MUST_USE bool binlog_xid_read(const struct binlog_event *e, uint64_t *out_xid, struct error *err);

struct binlog_xa {
    bool one_phase; /* XA COMMIT … ONE PHASE: this event is the commit */
    int32_t format_id;
    struct str gtrid, bqual;
};
MUST_USE bool binlog_xa_read(const struct binlog_event *e, struct binlog_xa *out,
                             struct error *err);

struct binlog_heartbeat {
    struct str file;
    uint64_t position;
};
/* Types 27 and 41. */
MUST_USE bool binlog_heartbeat_read(const struct binlog_event *e, struct binlog_heartbeat *out,
                                    struct error *err);

struct binlog_incident {
    uint16_t number;
    struct str message;
};
MUST_USE bool binlog_incident_read(const struct binlog_event *e, struct binlog_incident *out,
                                   struct error *err);

/* The statement that made the rows that follow: ROWS_QUERY, ANNOTATE_ROWS. */
MUST_USE bool binlog_statement_read(const struct binlog_event *e, struct str *out_text,
                                    struct error *err);

/* MariaDB's packing of query texts and rows: one byte 0x80 | algorithm << 4 | bytes of size, the
 * size big-endian, zlib data. Into the arena. FAIL_LIMIT beyond BINLOG_MAX_EVENT_BYTES. */
MUST_USE bool binlog_inflate(struct str packed, struct arena *arena, struct str *out,
                             struct error *err);
