#include "connectors/mysql/mysql_check.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"

#define OLDEST_MYSQL 50700u
#define OLDEST_MARIADB 100500u

/* ---- grants ---- */

static const struct right {
    struct str word;
    unsigned right;
} right_words[] = {
    {{"ALL PRIVILEGES", 14},
     MYSQL_RIGHT_SELECT | MYSQL_RIGHT_RELOAD | MYSQL_RIGHT_REPLICATION_SLAVE |
         MYSQL_RIGHT_REPLICATION_CLIENT},
    {{"SUPER", 5}, MYSQL_RIGHT_REPLICATION_CLIENT},
    {{"SELECT", 6}, MYSQL_RIGHT_SELECT},
    {{"RELOAD", 6}, MYSQL_RIGHT_RELOAD},
    {{"REPLICATION SLAVE", 17}, MYSQL_RIGHT_REPLICATION_SLAVE},
    {{"REPLICATION CLIENT", 18}, MYSQL_RIGHT_REPLICATION_CLIENT},
    {{"BINLOG MONITOR", 14}, MYSQL_RIGHT_REPLICATION_CLIENT},
};

/* Position of a word in upper case outside quotes and backticks, or s.len. */
static size_t find_word(struct str s, struct str word)
{
    char quote = 0;
    for (size_t i = 0; i + word.len <= s.len; i++) {
        char c = s.ptr[i];
        if (quote != 0) {
            quote = c == quote ? 0 : quote;
        } else if (c == '`' || c == '\'' || c == '"') {
            quote = c;
        } else if (memcmp(s.ptr + i, word.ptr, word.len) == 0) {
            return i;
        }
    }
    return s.len;
}

/* GRANT a, b(columns), c ON *.* TO …  |  GRANT `role`@`%` TO … */
unsigned mysql_check_grant(struct str line)
{
    unsigned rights = 0;
    if (!str_starts(line, STR("GRANT "))) {
        return 0;
    }
    size_t on = find_word(line, STR(" ON "));
    if (on == line.len) {
        return find_word(line, STR(" TO ")) < line.len ? MYSQL_RIGHT_ROLE : 0;
    }
    bool global = str_starts(str_slice(line, on + 4, line.len), STR("*.* "));
    struct str list = str_slice(line, 6, on);
    struct str word;
    while (str_next(&list, ',', &word)) {
        word = str_trim(word);
        word = str_trim(str_slice(word, 0, str_find(word, '(')));
        for (size_t i = 0; i < sizeof right_words / sizeof right_words[0]; i++) {
            if (str_eq(word, right_words[i].word)) {
                rights |= right_words[i].right;
            }
        }
    }
    /* replication and reload rights exist on *.* only; reading may be granted by database */
    return global ? rights : rights & MYSQL_RIGHT_SELECT;
}

static void put_quoted(struct buf *out, struct str s)
{
    buf_put_byte(out, '\'');
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\'' || s.ptr[i] == '\\') {
            buf_put_byte(out, (uint8_t)s.ptr[i]);
        }
        buf_put_byte(out, (uint8_t)s.ptr[i]);
    }
    buf_put_byte(out, '\'');
}

bool mysql_check_missing(unsigned had, unsigned needed, struct str account, bool mariadb,
                         struct buf *out)
{
    unsigned missing = needed & ~had;
    const struct {
        unsigned right;
        const char *word;
    } order[] = {
        {MYSQL_RIGHT_SELECT, "SELECT"},
        {MYSQL_RIGHT_RELOAD, "RELOAD"},
        {MYSQL_RIGHT_REPLICATION_SLAVE, "REPLICATION SLAVE"},
        {MYSQL_RIGHT_REPLICATION_CLIENT, mariadb ? "BINLOG MONITOR" : "REPLICATION CLIENT"},
    };
    if (missing == 0 || (had & MYSQL_RIGHT_ROLE) != 0) {
        return false;
    }
    size_t at = account.len;
    for (size_t i = 0; i < account.len; i++) {
        at = account.ptr[i] == '@' ? i : at;
    }
    const char *comma = "GRANT ";
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if ((missing & order[i].right) != 0) {
            buf_put_cstr(out, comma);
            buf_put_cstr(out, order[i].word);
            comma = ", ";
        }
    }
    buf_put_cstr(out, " ON *.* TO ");
    put_quoted(out, str_slice(account, 0, at));
    buf_put_byte(out, '@');
    put_quoted(out, at < account.len ? str_slice(account, at + 1, account.len) : STR("%"));
    return true;
}

static bool check_grants(struct mysql_link *l, struct mysql_server *s, struct arena *arena,
                         struct error *err)
{
    struct mysql_rows rows;
    struct mysql_rows user;
    unsigned had = 0;
    if (!mysql_link_query(l, STR("SHOW GRANTS"), arena, &rows, err) ||
        !mysql_link_query(l, STR("SELECT CURRENT_USER()"), arena, &user, err)) {
        return false;
    }
    for (size_t i = 0; i < rows.count; i++) {
        had |= mysql_check_grant(mysql_rows_cell(&rows, i, 0));
    }
    s->reload = (had & (MYSQL_RIGHT_RELOAD | MYSQL_RIGHT_ROLE)) != 0;
    struct buf grant = BUF_INIT(400);
    unsigned needed =
        MYSQL_RIGHT_SELECT | MYSQL_RIGHT_REPLICATION_SLAVE | MYSQL_RIGHT_REPLICATION_CLIENT;
    bool missing = user.count == 1 && mysql_check_missing(had, needed, mysql_rows_cell(&user, 0, 0),
                                                          s->mariadb, &grant);
    if (missing) {
        error_set(err, FAIL_DENIED, "mysql %s: the account lacks rights; run at the server: %s",
                  mysql_link_name(l), buf_cstr(&grant));
    }
    buf_release(&grant);
    return !missing;
}

/* ---- settings ---- */

static const char variables_sql[] =
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('log_bin', 'binlog_format', 'binlog_row_image', "
    "'gtid_mode', 'gtid_strict_mode', 'server_id', 'server_uuid', 'log_slave_updates', "
    "'log_replica_updates', 'binlog_row_value_options', 'binlog_checksum', 'binlog_row_metadata', "
    "'binlog_storage_engine', 'lower_case_table_names')";

/* A variable's value; ptr NULL when this server does not have it. */
static struct str variable(const struct mysql_rows *rows, struct str name)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (str_eq_nocase(mysql_rows_cell(rows, i, 0), name)) {
            return mysql_rows_cell(rows, i, 1);
        }
    }
    return (struct str){NULL, 0};
}

static bool is(struct str value, const char *word)
{
    return value.ptr != NULL && str_eq_nocase(value, str_of(word));
}

static bool setting_wrong(struct mysql_link *l, const char *name, struct str value,
                          const char *remedy, struct error *err)
{
    return error_set(err, FAIL_CONFIG, "mysql %s: %s is '%.*s': %s", mysql_link_name(l), name,
                     STR_FMT(value), remedy);
}

static bool check_version(struct mysql_link *l, struct mysql_server *s, struct error *err)
{
    s->mariadb = mysql_link_is_mariadb(l);
    s->version = mysql_link_version(l);
    (void)snprintf(s->version_text, sizeof s->version_text, "%s", mysql_link_version_text(l));
    uint32_t oldest = s->mariadb ? OLDEST_MARIADB : OLDEST_MYSQL;
    if (s->version < oldest) {
        return error_set(err, FAIL_CONFIG, "mysql %s: server version %s is too old: %s",
                         mysql_link_name(l), s->version_text,
                         s->mariadb ? "MariaDB 10.5 or newer is needed"
                                    : "MySQL 5.7 or newer is needed");
    }
    (void)snprintf(s->status_sql, sizeof s->status_sql, "%s",
                   s->mariadb             ? "SHOW MASTER STATUS"
                   : s->version >= 80200u ? "SHOW BINARY LOG STATUS"
                                          : "SHOW MASTER STATUS");
    return true;
}

static bool check_binlog(struct mysql_link *l, const struct mysql_rows *v, struct error *err)
{
    struct str log_bin = variable(v, STR("log_bin"));
    struct str format = variable(v, STR("binlog_format"));
    struct str image = variable(v, STR("binlog_row_image"));
    struct str options = variable(v, STR("binlog_row_value_options"));
    struct str engine = variable(v, STR("binlog_storage_engine"));
    if (!is(log_bin, "ON") && !is(log_bin, "1")) {
        return setting_wrong(l, "log_bin", log_bin,
                             "changes are read from the binary log: start the server with log_bin "
                             "(and binlog_format=ROW)",
                             err);
    }
    if (format.ptr != NULL && !is(format, "ROW")) {
        return setting_wrong(l, "binlog_format", format,
                             "rows are only logged with ROW: SET GLOBAL binlog_format=ROW, keep it "
                             "in the server's configuration, and reconnect the applications",
                             err);
    }
    if (image.ptr != NULL && !is(image, "FULL")) {
        return setting_wrong(l, "binlog_row_image", image,
                             "whole rows are needed: SET GLOBAL binlog_row_image=FULL, keep it in "
                             "the server's configuration, and reconnect the applications",
                             err);
    }
    if (options.len > 0) {
        return setting_wrong(l, "binlog_row_value_options", options,
                             "partial JSON updates are not supported yet: SET GLOBAL "
                             "binlog_row_value_options=''",
                             err);
    }
    if (engine.len > 0) {
        return setting_wrong(l, "binlog_storage_engine", engine,
                             "a binary log inside a storage engine is not supported yet: use files",
                             err);
    }
    return true;
}

/* A replica that does not log what it applies shows nothing of its primary's changes. */
static bool check_replica(struct mysql_link *l, const struct mysql_server *s,
                          const struct mysql_rows *v, struct arena *arena, struct error *err)
{
    struct mysql_rows rows = {0};
    struct error ignored = {0};
    struct str logs = variable(v, STR("log_replica_updates"));
    logs = logs.ptr == NULL ? variable(v, STR("log_slave_updates")) : logs;
    if (logs.ptr == NULL || is(logs, "ON") || is(logs, "1")) {
        return true;
    }
    struct str sql =
        !s->mariadb && s->version >= 80022u ? STR("SHOW REPLICA STATUS") : STR("SHOW SLAVE STATUS");
    if (!mysql_link_query(l, sql, arena, &rows, &ignored) || rows.count == 0) {
        return true; /* a primary, or one that does not tell us */
    }
    return setting_wrong(l, "log_slave_updates", logs,
                         "this server is a replica and does not log the changes it applies: start "
                         "it with log_slave_updates=ON or read from its primary",
                         err);
}

static void read_settings(struct mysql_server *s, const struct mysql_rows *v)
{
    struct str uuid = variable(v, STR("server_uuid"));
    struct str id = variable(v, STR("server_id"));
    s->crc32 = !is(variable(v, STR("binlog_checksum")), "NONE");
    s->full_metadata = is(variable(v, STR("binlog_row_metadata")), "FULL");
    struct str names = variable(v, STR("lower_case_table_names"));
    s->nocase = names.ptr != NULL && !is(names, "0");
    s->counting = MYSQL_COUNTING_FILE;
    if (s->mariadb) {
        (void)snprintf(s->identity, sizeof s->identity, "mariadb-%.*s", STR_FMT(id));
        if (is(variable(v, STR("gtid_strict_mode")), "ON")) {
            s->counting = MYSQL_COUNTING_MARIADB;
        }
    } else {
        (void)snprintf(s->identity, sizeof s->identity, "%.*s", STR_FMT(uuid));
        if (is(variable(v, STR("gtid_mode")), "ON")) {
            s->counting = MYSQL_COUNTING_GTID;
        }
    }
}

bool mysql_check_server(struct mysql_link *l, struct mysql_server *out, struct error *err)
{
    struct mysql_server s = {0};
    struct arena arena = {0};
    struct mysql_rows v;
    bool ok = check_version(l, &s, err) &&
              mysql_link_query(l, str_of(variables_sql), &arena, &v, err) &&
              check_binlog(l, &v, err);
    if (ok) {
        read_settings(&s, &v);
        ok = check_grants(l, &s, &arena, err) && check_replica(l, &s, &v, &arena, err);
    }
    arena_release(&arena);
    if (ok) {
        *out = s;
    }
    return ok;
}
