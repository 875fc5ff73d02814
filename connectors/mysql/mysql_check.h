/* connectors/mysql/mysql_check.h: what a server is, whether it can be read, and what is missing.
 *
 * Every failure names the setting with its value and the remedy, or the missing GRANT as a
 * statement that can be pasted. Plain data; thread: any. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "connectors/mysql/mysql_link.h"

/* What positions of this server count in (gtid.h). */
enum mysql_counting {
    MYSQL_COUNTING_GTID,    /* MySQL, gtid_mode=ON */
    MYSQL_COUNTING_MARIADB, /* MariaDB, gtid_strict_mode=ON */
    MYSQL_COUNTING_FILE,    /* else: only this very server can go on */
};

struct mysql_server {
    bool mariadb;
    uint32_t version;
    char version_text[96];
    enum mysql_counting counting;
    bool crc32;         /* binlog_checksum */
    bool reload;        /* the account may FLUSH TABLES WITH READ LOCK, or we cannot tell */
    bool full_metadata; /* binlog_row_metadata=FULL */
    bool nocase;        /* lower_case_table_names: statements may spell names in another case */
    /* Identity of file offsets. MySQL: the server's uuid. MariaDB has none that survives a move:
     * "mariadb-<server_id>"; two servers with one server_id cannot be told apart, so
     * gtid_strict_mode=ON is what to recommend. */
    char identity[96];
    char status_sql[32]; /* SHOW MASTER STATUS or what this version calls it */
};

MUST_USE bool mysql_check_server(struct mysql_link *l, struct mysql_server *out, struct error *err);

/* Rights as bits, and the words servers use for them. */
enum mysql_right {
    MYSQL_RIGHT_SELECT = 1, /* on anything */
    MYSQL_RIGHT_RELOAD = 2,
    MYSQL_RIGHT_REPLICATION_SLAVE = 4,
    MYSQL_RIGHT_REPLICATION_CLIENT = 8, /* MariaDB: BINLOG MONITOR */
    MYSQL_RIGHT_ROLE = 16,              /* a role is granted: it may bring any of them */
};
/* The rights that one line of SHOW GRANTS brings. */
unsigned mysql_check_grant(struct str line);
/* The statement that grants what is missing, or false when nothing is: needed and had are sets of
 * rights, account is CURRENT_USER()'s text. */
bool mysql_check_missing(unsigned had, unsigned needed, struct str account, bool mariadb,
                         struct buf *out);
