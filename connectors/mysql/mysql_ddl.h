/* connectors/mysql/mysql_ddl.h: a tolerant reader of statements in the binary log.
 *
 * It answers two questions and no others: what kind of statement is this, and which tables does it
 * name as its targets. It knows comments (those with code in them too), backticks, double quotes,
 * strings and dotted names, and skips over everything else. A statement it does not understand has
 * no targets. Texts point into the statement or the arena (names with doubled quotes). Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"

enum mysql_ddl_kind {
    MYSQL_DDL_OTHER, /* no effect on rows or shapes of tables */
    MYSQL_DDL_BEGIN,
    MYSQL_DDL_COMMIT,
    MYSQL_DDL_ROLLBACK,
    MYSQL_DDL_ROLLBACK_TO, /* a savepoint */
    MYSQL_DDL_XA_START,
    MYSQL_DDL_XA_END,
    MYSQL_DDL_XA_PREPARE,
    MYSQL_DDL_XA_COMMIT,
    MYSQL_DDL_XA_ROLLBACK,
    MYSQL_DDL_ALTER,         /* changes shape, or rows without row events */
    MYSQL_DDL_ALTER_NEUTRAL, /* indexes, defaults, storage: rows and shape stay */
    MYSQL_DDL_CREATE,        /* CREATE TABLE without IF NOT EXISTS; CREATE OR REPLACE TABLE */
    MYSQL_DDL_CREATE_MAYBE,  /* CREATE TABLE IF NOT EXISTS: nothing when it exists */
    MYSQL_DDL_DROP,
    MYSQL_DDL_DROP_DATABASE, /* target: database, empty name */
    MYSQL_DDL_RENAME,        /* both names are targets */
    MYSQL_DDL_TRUNCATE,
    MYSQL_DDL_ROWS, /* INSERT, UPDATE, DELETE, REPLACE, LOAD DATA as a statement */
};

struct mysql_ddl_target {
    struct str database; /* the statement's default where it names none */
    struct str name;
};

struct mysql_ddl {
    enum mysql_ddl_kind kind;
    struct str verb; /* "ALTER TABLE", for messages */
    struct mysql_ddl_target *targets;
    size_t count;
    bool imports; /* ALTER TABLE … IMPORT TABLESPACE: rows without row events */
};

/* ansi_quotes: sql_mode has ANSI_QUOTES, so double quotes hold names. The statement is UTF-8. */
struct mysql_ddl mysql_ddl_read(struct str statement, struct str default_database, bool ansi_quotes,
                                struct arena *arena);
/* The few statements that make up most of a log, by their exact text: BEGIN, COMMIT. */
enum mysql_ddl_kind mysql_ddl_quick(struct str statement);
