/* connectors/mysql/mysql_link.h: the MySQL client library as transport, and nothing else of it.
 *
 * MariaDB Connector/C does the handshake, authentication and TLS; after that every packet is ours:
 * commands go out through mysql->methods->db_command, packets come in through
 * mysql_net_read_packet. Every wait looks at the stop flag (FAIL_STOPPED). A link that failed with
 * FAIL_IO or FAIL_STOPPED is dead: close it. Errors name host:port, the server's error number and
 * text; the password is never printed. Thread: one at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/stop.h"
#include "base/str.h"

/* As MySQL's own ssl-mode. PREFERRED and REQUIRED do not look at the certificate. */
enum mysql_ssl_mode {
    MYSQL_SSL_DISABLED,
    MYSQL_SSL_PREFERRED,
    MYSQL_SSL_REQUIRED,
    MYSQL_SSL_VERIFY_CA,
    MYSQL_SSL_VERIFY_IDENTITY,
};

struct mysql_login {
    struct str hostname;
    uint32_t port;
    struct str username;
    struct str password;
    uint64_t connect_timeout_ms;
    enum mysql_ssl_mode ssl_mode;
    struct str ssl_ca, ssl_cert, ssl_key; /* file names; empty: none */
};

struct mysql_link;

/* Connects, proves that the library's transport is the one we know, and sets the session up: UTC,
 * utf8mb4, empty sql_mode, REPEATABLE READ, long network timeouts. FAIL_DENIED for a refused login,
 * FAIL_CONFIG for TLS and authentication methods that cannot work, FAIL_IO for the rest. */
MUST_USE bool mysql_link_open(const struct mysql_login *login, struct stop *stop,
                              struct mysql_link **out, struct error *err);
void mysql_link_close(struct mysql_link *l); /* takes NULL */

bool mysql_link_is_mariadb(const struct mysql_link *l);
uint32_t mysql_link_version(const struct mysql_link *l); /* 8.0.31 is 80031 */
const char *mysql_link_version_text(const struct mysql_link *l);
const char *mysql_link_name(const struct mysql_link *l);   /* "host:port" */
const char *mysql_link_cipher(const struct mysql_link *l); /* NULL: not encrypted */
uint32_t mysql_link_thread(const struct mysql_link *l);    /* the server's connection id */

/* What an error that the server reported asks of us. */
enum fail mysql_link_fail_of(unsigned server_errno);
/* The same for the library's one number for everything about TLS, by its text. */
enum fail mysql_link_fail_tls(const char *text);
/* What to do about an error of server or library, as the end of a sentence; "" when nothing is
 * known. */
const char *mysql_link_fail_advice(unsigned number);

/* Sends one command; nothing is read. */
MUST_USE bool mysql_link_send(struct mysql_link *l, uint8_t command, struct str body,
                              struct error *err);

enum mysql_read { MYSQL_READ_PACKET, MYSQL_READ_IDLE, MYSQL_READ_FAILED };
/* The next packet, valid until the next call; IDLE when none began to arrive within wait_ms. */
enum mysql_read mysql_link_read(struct mysql_link *l, uint64_t wait_ms, struct str *out_packet,
                                struct error *err);
/* The next packet of an answer: waits up to MYSQL_LINK_ANSWER_MS, then FAIL_IO. */
#define MYSQL_LINK_ANSWER_MS 600000u
MUST_USE bool mysql_link_packet(struct mysql_link *l, struct str *out_packet, struct error *err);
/* The server's error number of the last FAILED read; 0 when the network failed. */
unsigned mysql_link_errno(const struct mysql_link *l);

/* One column of a result, as the server describes it. */
struct mysql_column_info {
    uint8_t type;
    uint16_t flags;
    uint16_t charset;
    uint8_t decimals;
    uint32_t length;
};

#define MYSQL_LINK_MAX_COLUMNS 4096 /* the server's own limit */

/* Reads one column's definition. out may be NULL. */
MUST_USE bool mysql_link_column(struct mysql_link *l, struct mysql_column_info *out,
                                struct error *err);
/* Reads the head of a result. *out_count is 0 when the statement gives no rows (then it is done).
 * columns: room for MYSQL_LINK_MAX_COLUMNS, or NULL. MariaDB leaves out what the statement's
 * preparation already said: columns then keep what they hold. */
MUST_USE bool mysql_link_result(struct mysql_link *l, struct mysql_column_info *columns,
                                size_t *out_count, struct error *err);
/* Reads the packet that ends a list of definitions, where the protocol in use has one. */
MUST_USE bool mysql_link_skip_end(struct mysql_link *l, struct error *err);
enum mysql_row { MYSQL_NEXT_ROW, MYSQL_NEXT_END, MYSQL_NEXT_FAILED };
/* The next row as a raw packet, valid until the next call. */
enum mysql_row mysql_link_row(struct mysql_link *l, struct str *out_packet, struct error *err);

/* A small result as text, row by row; a cell with ptr NULL is NULL. */
struct mysql_rows {
    size_t columns;
    size_t count;
    struct str *cells;
};
static inline struct str mysql_rows_cell(const struct mysql_rows *r, size_t row, size_t column)
{
    return r->cells[row * r->columns + column];
}

/* Runs a statement in the text protocol. Rows live in the arena. */
MUST_USE bool mysql_link_query(struct mysql_link *l, struct str sql, struct arena *arena,
                               struct mysql_rows *out, struct error *err);
/* Runs a statement whose rows, if any, do not matter. */
MUST_USE bool mysql_link_exec(struct mysql_link *l, const char *sql, struct error *err);
/* FLUSH TABLES WITH READ LOCK, waited for two seconds at most. */
MUST_USE bool mysql_link_read_lock(struct mysql_link *l, struct error *err);
