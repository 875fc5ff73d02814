#include "connectors/mysql/mysql_ddl.h"

#include <string.h>

#include "base/mem.h"

#define MAX_TARGETS 4096u

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_NAME, TOKEN_STRING, TOKEN_PUNCT };

struct token {
    enum token_kind kind;
    struct str text; /* WORD as written; NAME without its quotes; PUNCT one byte */
};

struct scan {
    struct str rest;
    bool ansi_quotes;
    struct arena *arena;
    struct token now;
};

struct ddl {
    struct scan s;
    struct str default_database;
    struct mysql_ddl out;
    size_t cap;
};

/* ---- tokens ---- */

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$' || (unsigned char)c >= 0x80;
}

static void skip(struct scan *s, size_t n)
{
    s->rest = str_slice(s->rest, n, s->rest.len);
}

static size_t find_text(struct str s, const char *what, size_t len)
{
    for (size_t i = 0; i + len <= s.len; i++) {
        if (memcmp(s.ptr + i, what, len) == 0) {
            return i;
        }
    }
    return s.len;
}

/* One blank or comment; false when there is none. Comments with code in them (slash-star-bang,
 * M! in MariaDB) lose only their marks: what is in them is read, and their end is a blank. */
static bool skip_blank(struct scan *s)
{
    struct str r = s->rest;
    if (r.len == 0) {
        return false;
    }
    if (is_space(r.ptr[0]) || r.ptr[0] == ';') {
        skip(s, 1);
        return true;
    }
    if (str_starts(r, STR("*/"))) {
        skip(s, 2);
        return true;
    }
    if (r.ptr[0] == '#' || (str_starts(r, STR("--")) && (r.len == 2 || is_space(r.ptr[2])))) {
        skip(s, str_find(r, '\n'));
        return true;
    }
    if (!str_starts(r, STR("/*"))) {
        return false;
    }
    if (str_starts(r, STR("/*!")) || str_starts(r, STR("/*M!"))) {
        skip(s, r.ptr[2] == 'M' ? 4 : 3);
        while (s->rest.len > 0 && s->rest.ptr[0] >= '0' && s->rest.ptr[0] <= '9') {
            skip(s, 1);
        }
        return true;
    }
    size_t end = find_text(str_slice(r, 2, r.len), "*/", 2);
    skip(s, end + 4);
    return true;
}

/* The text within quotes; doubled quotes stand for one; in strings a backslash escapes. */
static struct str quoted(struct scan *s, char quote, bool escapes)
{
    struct str r = s->rest;
    char *out = arena_alloc(s->arena, r.len);
    size_t n = 0;
    size_t i = 1;
    for (; i < r.len; i++) {
        if (escapes && r.ptr[i] == '\\' && i + 1 < r.len) {
            i++;
        } else if (r.ptr[i] == quote) {
            if (i + 1 < r.len && r.ptr[i + 1] == quote) {
                i++;
            } else {
                break;
            }
        }
        out[n++] = r.ptr[i];
    }
    skip(s, i + 1);
    return (struct str){out, n};
}

static void advance(struct scan *s)
{
    while (skip_blank(s)) {
    }
    struct str r = s->rest;
    if (r.len == 0) {
        s->now = (struct token){TOKEN_END, {NULL, 0}};
        return;
    }
    char c = r.ptr[0];
    if (c == '`' || (c == '"' && s->ansi_quotes)) {
        s->now = (struct token){TOKEN_NAME, quoted(s, c, false)};
    } else if (c == '\'' || c == '"') {
        s->now = (struct token){TOKEN_STRING, quoted(s, c, true)};
    } else if (is_word(c)) {
        size_t n = 1;
        while (n < r.len && is_word(r.ptr[n])) {
            n++;
        }
        s->now = (struct token){TOKEN_WORD, str_slice(r, 0, n)};
        skip(s, n);
    } else {
        s->now = (struct token){TOKEN_PUNCT, str_slice(r, 0, 1)};
        skip(s, 1);
    }
}

static bool at_word(const struct ddl *d, const char *word)
{
    return d->s.now.kind == TOKEN_WORD && str_eq_nocase(d->s.now.text, str_of(word));
}

static bool at_punct(const struct ddl *d, char c)
{
    return d->s.now.kind == TOKEN_PUNCT && d->s.now.text.ptr[0] == c;
}

static bool take_word(struct ddl *d, const char *word)
{
    if (!at_word(d, word)) {
        return false;
    }
    advance(&d->s);
    return true;
}

static bool take_punct(struct ddl *d, char c)
{
    if (!at_punct(d, c)) {
        return false;
    }
    advance(&d->s);
    return true;
}

static void take_any(struct ddl *d, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (take_word(d, words[i])) {
            i = (size_t)-1; /* from the first again: they come in any order */
        }
    }
}

/* ---- names ---- */

static bool take_name(struct ddl *d, struct str *out)
{
    if (d->s.now.kind != TOKEN_WORD && d->s.now.kind != TOKEN_NAME) {
        return false;
    }
    *out = d->s.now.text;
    advance(&d->s);
    return true;
}

static void add_target(struct ddl *d, struct str database, struct str name)
{
    struct mysql_ddl *o = &d->out;
    if (o->count == MAX_TARGETS) {
        return;
    }
    if (o->count == d->cap) {
        size_t cap = d->cap == 0 ? 4 : d->cap * 2;
        struct mysql_ddl_target *more = ARENA_ARRAY(d->s.arena, struct mysql_ddl_target, cap);
        if (o->count > 0) {
            memcpy(more, o->targets, o->count * sizeof *more);
        }
        o->targets = more;
        d->cap = cap;
    }
    o->targets[o->count++] = (struct mysql_ddl_target){database, name};
}

/* name | name.name | .name */
static bool take_target(struct ddl *d)
{
    struct str first;
    struct str second;
    (void)take_punct(d, '.');
    if (!take_name(d, &first)) {
        return false;
    }
    if (take_punct(d, '.')) {
        if (!take_name(d, &second)) {
            return false;
        }
        add_target(d, first, second);
        return true;
    }
    add_target(d, d->default_database, first);
    return true;
}

static void take_if(struct ddl *d)
{
    if (take_word(d, "IF")) {
        (void)take_word(d, "NOT");
        (void)take_word(d, "EXISTS");
    }
}

/* ---- statements ---- */

static void skip_parentheses(struct ddl *d)
{
    size_t depth = 0;
    do {
        depth += at_punct(d, '(') ? 1 : 0;
        depth -= at_punct(d, ')') ? 1 : 0;
        advance(&d->s);
    } while (depth > 0 && d->s.now.kind != TOKEN_END);
}

/* To the next comma outside parentheses, or the end. */
static void skip_clause(struct ddl *d)
{
    while (d->s.now.kind != TOKEN_END && !at_punct(d, ',')) {
        if (at_punct(d, '(')) {
            skip_parentheses(d);
        } else {
            advance(&d->s);
        }
    }
}

/* What follows ADD: an index or a constraint leaves rows and shape as they are. */
static bool neutral_addition(const struct ddl *d)
{
    static const char *const words[] = {"INDEX",   "KEY",   "UNIQUE",    "FULLTEXT", "SPATIAL",
                                        "FOREIGN", "CHECK", "PARTITION", NULL};
    for (size_t i = 0; words[i] != NULL; i++) {
        if (at_word(d, words[i])) {
            return true;
        }
    }
    return false;
}

static bool neutral_drop(const struct ddl *d)
{
    return at_word(d, "INDEX") || at_word(d, "KEY") || at_word(d, "FOREIGN") ||
           at_word(d, "CONSTRAINT") || at_word(d, "CHECK");
}

static bool neutral_option(const struct ddl *d)
{
    static const char *const words[] = {"ENGINE",
                                        "AUTO_INCREMENT",
                                        "COMMENT",
                                        "ROW_FORMAT",
                                        "ENABLE",
                                        "DISABLE",
                                        "ALGORITHM",
                                        "LOCK",
                                        "FORCE",
                                        "ANALYZE",
                                        "OPTIMIZE",
                                        "CHECK",
                                        "REBUILD",
                                        "REORGANIZE",
                                        "COALESCE",
                                        "KEY_BLOCK_SIZE",
                                        "AVG_ROW_LENGTH",
                                        "CHECKSUM",
                                        "MAX_ROWS",
                                        "MIN_ROWS",
                                        "PACK_KEYS",
                                        "STATS_PERSISTENT",
                                        "WAIT",
                                        "NOWAIT",
                                        "STATS_AUTO_RECALC",
                                        "COMPRESSION",
                                        "STATS_SAMPLE_PAGES",
                                        "TABLESPACE",
                                        "ENCRYPTION",
                                        NULL};
    for (size_t i = 0; words[i] != NULL; i++) {
        if (at_word(d, words[i])) {
            return true;
        }
    }
    return false;
}

/* One clause of ALTER TABLE: whether rows and shape stay as they are. What is not known is not
 * neutral. */
static bool neutral_clause(struct ddl *d)
{
    if (take_word(d, "ADD")) {
        struct str name;
        if (take_word(d, "CONSTRAINT")) {
            if (!at_word(d, "PRIMARY")) {
                (void)take_name(d, &name);
            }
            return !at_word(d, "PRIMARY");
        }
        return neutral_addition(d);
    }
    if (take_word(d, "DROP")) {
        return neutral_drop(d);
    }
    if (take_word(d, "ALTER")) { /* SET DEFAULT, DROP DEFAULT, INDEX … VISIBLE */
        struct str name;
        if (take_word(d, "INDEX") || take_word(d, "CHECK") || take_word(d, "CONSTRAINT")) {
            return true;
        }
        (void)take_word(d, "COLUMN");
        (void)take_name(d, &name);
        return at_word(d, "SET") || at_word(d, "DROP");
    }
    if (take_word(d, "RENAME")) {
        return at_word(d, "INDEX") || at_word(d, "KEY");
    }
    return d->s.now.kind == TOKEN_END || neutral_option(d);
}

/* A clause that gives or takes another table: its name, its rows for a partition's, itself. */
static void take_other_table(struct ddl *d)
{
    if (take_word(d, "RENAME")) {
        if (!at_word(d, "COLUMN") && !at_word(d, "INDEX") && !at_word(d, "KEY")) {
            (void)(take_word(d, "TO") || take_word(d, "AS") || take_punct(d, '='));
            (void)take_target(d);
        }
    } else if (at_word(d, "EXCHANGE") || at_word(d, "CONVERT")) {
        /* EXCHANGE PARTITION p WITH TABLE t, CONVERT TABLE t TO PARTITION p, CONVERT PARTITION p TO
         * TABLE t */
        while (d->s.now.kind != TOKEN_END && !at_punct(d, ',') && !take_word(d, "TABLE")) {
            advance(&d->s);
        }
        (void)take_target(d);
    }
}

static void read_alter(struct ddl *d)
{
    static const char *const lead[] = {"ONLINE", "OFFLINE", NULL};
    take_any(d, lead);
    bool neutral = !take_word(d, "IGNORE"); /* MariaDB: a new unique key deletes rows */
    take_any(d, lead);
    if (!take_word(d, "TABLE")) {
        return; /* ALTER DATABASE, VIEW, USER … */
    }
    take_if(d);
    if (!take_target(d)) {
        return;
    }
    d->out.verb = STR("ALTER TABLE");
    if (take_word(d, "WAIT")) { /* MariaDB: WAIT n, NOWAIT */
        advance(&d->s);
    }
    (void)take_word(d, "NOWAIT");
    for (;;) {
        struct scan clause = d->s;
        d->out.imports = d->out.imports || at_word(d, "IMPORT");
        neutral = neutral && neutral_clause(d);
        d->s = clause;
        take_other_table(d);
        skip_clause(d);
        if (!take_punct(d, ',')) {
            break;
        }
    }
    d->out.kind = neutral ? MYSQL_DDL_ALTER_NEUTRAL : MYSQL_DDL_ALTER;
}

static void read_create(struct ddl *d)
{
    bool replace = false;
    if (take_word(d, "OR")) {
        replace = take_word(d, "REPLACE");
    }
    if (take_word(d, "TEMPORARY") || !take_word(d, "TABLE")) {
        return; /* sessions' own tables; views, triggers, indexes, users … */
    }
    bool maybe = at_word(d, "IF");
    take_if(d);
    d->out.verb = replace ? STR("CREATE OR REPLACE TABLE") : STR("CREATE TABLE");
    if (take_target(d)) {
        d->out.kind = maybe ? MYSQL_DDL_CREATE_MAYBE : MYSQL_DDL_CREATE;
    }
}

static void read_drop(struct ddl *d)
{
    if (take_word(d, "DATABASE") || take_word(d, "SCHEMA")) {
        struct str name;
        take_if(d);
        if (take_name(d, &name)) {
            add_target(d, name, (struct str){"", 0});
            d->out.kind = MYSQL_DDL_DROP_DATABASE;
            d->out.verb = STR("DROP DATABASE");
        }
        return;
    }
    if (take_word(d, "TEMPORARY") || !(take_word(d, "TABLE") || take_word(d, "TABLES"))) {
        return;
    }
    take_if(d);
    d->out.verb = STR("DROP TABLE");
    while (take_target(d) && take_punct(d, ',')) {
    }
    d->out.kind = d->out.count > 0 ? MYSQL_DDL_DROP : MYSQL_DDL_OTHER;
}

/* RENAME TABLE a TO b, c TO d */
static void read_rename(struct ddl *d)
{
    if (!take_word(d, "TABLE") && !take_word(d, "TABLES")) {
        return; /* RENAME USER */
    }
    take_if(d);
    d->out.verb = STR("RENAME TABLE");
    while (take_target(d)) {
        if (take_word(d, "WAIT")) {
            advance(&d->s);
        }
        (void)take_word(d, "NOWAIT");
        if (!take_word(d, "TO") || !take_target(d) || !take_punct(d, ',')) {
            break;
        }
    }
    d->out.kind = d->out.count > 0 ? MYSQL_DDL_RENAME : MYSQL_DDL_OTHER;
}

static void read_truncate(struct ddl *d)
{
    (void)take_word(d, "TABLE");
    d->out.verb = STR("TRUNCATE TABLE");
    d->out.kind = take_target(d) ? MYSQL_DDL_TRUNCATE : MYSQL_DDL_OTHER;
}

/* INSERT and REPLACE name one table at their head. */
static void read_insert(struct ddl *d, struct str verb)
{
    static const char *const lead[] = {"LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY",
                                       "IGNORE",       "INTO",    NULL};
    take_any(d, lead);
    d->out.verb = verb;
    d->out.kind = take_target(d) ? MYSQL_DDL_ROWS : MYSQL_DDL_OTHER;
}

/* UPDATE, DELETE, LOAD DATA, WITH: every name that could be a table is taken for one: that may stop
 * a table which the statement only reads, but never passes over one which it changes. */
static void read_wide(struct ddl *d, struct str verb, bool whole)
{
    d->out.verb = verb;
    d->out.kind = MYSQL_DDL_ROWS;
    while (d->s.now.kind != TOKEN_END && (whole || (!at_word(d, "SET") && !at_word(d, "WHERE")))) {
        if (!take_target(d)) {
            advance(&d->s);
        }
    }
}

static void read_xa(struct ddl *d)
{
    static const struct {
        const char *word;
        enum mysql_ddl_kind kind;
    } words[] = {
        {"START", MYSQL_DDL_XA_START},   {"BEGIN", MYSQL_DDL_XA_START},
        {"END", MYSQL_DDL_XA_END},       {"PREPARE", MYSQL_DDL_XA_PREPARE},
        {"COMMIT", MYSQL_DDL_XA_COMMIT}, {"ROLLBACK", MYSQL_DDL_XA_ROLLBACK},
    };
    d->out.verb = STR("XA");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (at_word(d, words[i].word)) {
            d->out.kind = words[i].kind;
            return;
        }
    }
}

static void read_rollback(struct ddl *d)
{
    d->out.kind = MYSQL_DDL_ROLLBACK;
    (void)take_word(d, "WORK");
    if (take_word(d, "TO")) {
        d->out.kind = MYSQL_DDL_ROLLBACK_TO;
        d->out.verb = STR("ROLLBACK TO SAVEPOINT");
    }
}

/* MariaDB: SET STATEMENT a=1, b=2 FOR statement. */
static void skip_set_statement(struct ddl *d)
{
    struct scan start = d->s;
    if (take_word(d, "SET") && take_word(d, "STATEMENT")) {
        while (d->s.now.kind != TOKEN_END && !at_word(d, "FOR")) {
            advance(&d->s);
        }
        (void)take_word(d, "FOR");
        return;
    }
    d->s = start;
}

static void read_statement(struct ddl *d)
{
    static const struct {
        const char *word;
        void (*read)(struct ddl *d);
    } verbs[] = {
        {"ALTER", read_alter},       {"CREATE", read_create}, {"DROP", read_drop},
        {"RENAME", read_rename},     {"XA", read_xa},         {"ROLLBACK", read_rollback},
        {"TRUNCATE", read_truncate},
    };
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (take_word(d, verbs[i].word)) {
            verbs[i].read(d);
            return;
        }
    }
    if (at_word(d, "BEGIN") || at_word(d, "START")) {
        d->out.kind = MYSQL_DDL_BEGIN;
    } else if (at_word(d, "COMMIT")) {
        d->out.kind = MYSQL_DDL_COMMIT;
    } else if (take_word(d, "INSERT")) {
        read_insert(d, STR("INSERT"));
    } else if (take_word(d, "REPLACE")) {
        read_insert(d, STR("REPLACE"));
    } else if (take_word(d, "UPDATE")) {
        read_wide(d, STR("UPDATE"), false);
    } else if (take_word(d, "DELETE")) {
        read_wide(d, STR("DELETE"), false);
    } else if (take_word(d, "LOAD")) {
        read_wide(d, STR("LOAD DATA"), false);
    } else if (take_word(d, "WITH")) {
        read_wide(d, STR("WITH"), true); /* UPDATE or DELETE by a common table expression */
    }
}

enum mysql_ddl_kind mysql_ddl_quick(struct str statement)
{
    if (str_eq(statement, STR("BEGIN"))) {
        return MYSQL_DDL_BEGIN;
    }
    return str_eq(statement, STR("COMMIT")) ? MYSQL_DDL_COMMIT : MYSQL_DDL_OTHER;
}

struct mysql_ddl mysql_ddl_read(struct str statement, struct str default_database, bool ansi_quotes,
                                struct arena *arena)
{
    struct ddl d = {.s = {.rest = statement, .ansi_quotes = ansi_quotes, .arena = arena},
                    .default_database = default_database};
    advance(&d.s);
    skip_set_statement(&d);
    while (take_punct(&d, '(')) {
    }
    read_statement(&d);
    if (d.out.kind == MYSQL_DDL_OTHER) {
        d.out.count = 0;
    }
    return d.out;
}
