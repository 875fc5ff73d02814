#include "connectors/mysql/mysql_catalog.h"

#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/pattern.h"
#include "base/schema.h"

#define MAX_STATEMENT_BYTES 65536u

void mysql_catalog_put_name(struct buf *out, struct str name)
{
    buf_put_byte(out, '`');
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '`') {
            buf_put_byte(out, '`');
        }
        buf_put_byte(out, (uint8_t)name.ptr[i]);
    }
    buf_put_byte(out, '`');
}

void mysql_catalog_put_text(struct buf *out, struct str text)
{
    buf_put_byte(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\'' || text.ptr[i] == '\\') {
            buf_put_byte(out, '\\');
        }
        buf_put_byte(out, (uint8_t)text.ptr[i]);
    }
    buf_put_byte(out, '\'');
}

/* ---- reading ---- */

/* A table on its way into the catalog. */
struct draft {
    struct str database, name, type, comment, engine;
    uint64_t rows, bytes;
    const struct mysql_rows *columns; /* rows from…from + count of the database's columns */
    size_t from, count;
    struct str *key;
    size_t key_count;
};

struct reading {
    struct mysql_link *l;
    const struct mysql_server *server;
    const struct mysql_catalog_wish *wish;
    struct arena scratch;
    struct mysql_catalog out;
    struct draft *drafts;
    size_t draft_count;
    struct table_pattern *include, *exclude;
};

static bool query_for(struct reading *r, const char *head, struct str database, const char *tail,
                      struct mysql_rows *out, struct error *err)
{
    struct buf sql = BUF_INIT(MAX_STATEMENT_BYTES);
    buf_put_cstr(&sql, head);
    mysql_catalog_put_text(&sql, database);
    buf_put_cstr(&sql, " AND CAST(TABLE_SCHEMA AS BINARY) = "); /* names may differ by case alone */
    mysql_catalog_put_text(&sql, database);
    buf_put_cstr(&sql, tail);
    bool ok = buf_ok(&sql, "catalog query", err) &&
              mysql_link_query(r->l, buf_str(&sql), &r->scratch, out, err);
    buf_release(&sql);
    return ok;
}

static uint64_t number_of(struct str s)
{
    uint64_t v = 0;
    return s.ptr != NULL && str_to_u64(s, &v) ? v : 0;
}

static int64_t number_or_none(struct str s)
{
    int64_t v = -1;
    if (s.ptr == NULL || !str_to_i64(s, &v)) {
        uint64_t big;
        /* LONGTEXT's lengths are 2^32 − 1; nothing the catalog says is beyond int64 */
        return s.ptr != NULL && str_to_u64(s, &big) ? INT64_MAX : -1;
    }
    return v;
}

static bool matches(const struct reading *r, struct str database, struct str name)
{
    const struct str parts[2] = {database, name};
    return table_pattern_match(r->include, parts) >= 0 &&
           (r->exclude == NULL || table_pattern_match(r->exclude, parts) < 0);
}

static bool list_tables(struct reading *r, struct error *err)
{
    struct mysql_rows rows;
    if (!mysql_link_query(
            r->l,
            STR("SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE "
                "TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') AND TABLE_SCHEMA NOT IN "
                "('mysql', 'information_schema', 'performance_schema', 'sys') "
                "ORDER BY CAST(TABLE_SCHEMA AS BINARY), CAST(TABLE_NAME AS BINARY)"),
            &r->scratch, &rows, err)) {
        return false;
    }
    r->drafts = ARENA_ARRAY(&r->scratch, struct draft, rows.count);
    for (size_t i = 0; i < rows.count; i++) {
        struct str database = mysql_rows_cell(&rows, i, 0);
        struct str name = mysql_rows_cell(&rows, i, 1);
        if (matches(r, database, name)) {
            r->drafts[r->draft_count++] = (struct draft){
                .database = database, .name = name, .type = mysql_rows_cell(&rows, i, 2)};
        }
    }
    if (r->draft_count == 0) {
        return error_set(
            err, FAIL_CONFIG,
            "mysql %s: no table matches tables: '%.*s' (%zu tables are visible to this "
            "account; it sees only what it may SELECT)",
            mysql_link_name(r->l), STR_FMT(r->wish->tables), rows.count);
    }
    return true;
}

static struct draft *draft_named(struct map *names, struct str name)
{
    return name.ptr == NULL ? NULL : map_get(names, name);
}

static void take_sizes(const struct mysql_rows *rows, struct map *names)
{
    for (size_t i = 0; i < rows->count; i++) {
        struct draft *d = draft_named(names, mysql_rows_cell(rows, i, 0));
        if (d != NULL) {
            d->rows = number_of(mysql_rows_cell(rows, i, 1));
            d->bytes = number_of(mysql_rows_cell(rows, i, 2));
            d->comment = mysql_rows_cell(rows, i, 3);
            d->engine = mysql_rows_cell(rows, i, 4);
        }
    }
}

static void take_columns(const struct mysql_rows *rows, struct map *names)
{
    for (size_t i = 0; i < rows->count; i++) {
        struct draft *d = draft_named(names, mysql_rows_cell(rows, i, 0));
        if (d != NULL) {
            d->from = d->count == 0 ? i : d->from;
            d->columns = rows;
            d->count++;
        }
    }
}

static void take_keys(struct reading *r, const struct mysql_rows *rows, struct map *names)
{
    for (size_t i = 0; i < rows->count; i++) {
        struct draft *d = draft_named(names, mysql_rows_cell(rows, i, 0));
        if (d != NULL) {
            if (d->key == NULL) {
                d->key = ARENA_ARRAY(&r->scratch, struct str, 64); /* servers allow 16, 32 */
            }
            must(d->key_count < 64);
            d->key[d->key_count++] = mysql_rows_cell(rows, i, 1);
        }
    }
}

/* Everything of one database in three questions, however many tables it has. */
static bool read_database(struct reading *r, size_t from, size_t to, struct error *err)
{
    struct str database = r->drafts[from].database;
    struct map names = {0};
    struct mysql_rows sizes;
    struct mysql_rows keys;
    struct mysql_rows *columns = ARENA_ARRAY(&r->scratch, struct mysql_rows, 1);
    for (size_t i = from; i < to; i++) {
        map_put(&names, r->drafts[i].name, &r->drafts[i]);
    }
    bool ok =
        query_for(r,
                  "SELECT TABLE_NAME, TABLE_ROWS, DATA_LENGTH, TABLE_COMMENT, ENGINE FROM "
                  "information_schema.TABLES WHERE TABLE_SCHEMA = ",
                  database, "", &sizes, err) &&
        query_for(r,
                  "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, DATA_TYPE, CHARACTER_SET_NAME, "
                  "COLLATION_NAME, EXTRA, COLUMN_COMMENT, IS_NULLABLE, CHARACTER_MAXIMUM_LENGTH, "
                  "CHARACTER_OCTET_LENGTH, NUMERIC_PRECISION, NUMERIC_SCALE, DATETIME_PRECISION "
                  "FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ",
                  database, " ORDER BY CAST(TABLE_NAME AS BINARY), ORDINAL_POSITION", columns,
                  err) &&
        query_for(r,
                  "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.STATISTICS WHERE "
                  "INDEX_NAME = 'PRIMARY' AND TABLE_SCHEMA = ",
                  database, " ORDER BY CAST(TABLE_NAME AS BINARY), SEQ_IN_INDEX", &keys, err);
    if (ok) {
        take_sizes(&sizes, &names);
        take_columns(columns, &names);
        take_keys(r, &keys, &names);
    }
    map_release(&names);
    return ok;
}

static bool read_databases(struct reading *r, struct error *err)
{
    /* from 8.0 on row counts are up to a day old unless the session asks for fresh ones */
    if (!r->server->mariadb && r->server->version >= 80000 &&
        !mysql_link_exec(r->l, "SET SESSION information_schema_stats_expiry=0", err)) {
        return false;
    }
    for (size_t from = 0, to = 0; from < r->draft_count; from = to) {
        while (to < r->draft_count && str_eq(r->drafts[to].database, r->drafts[from].database)) {
            to++;
        }
        if (!read_database(r, from, to, err)) {
            return error_in(err, "catalog of %.*s", STR_FMT(r->drafts[from].database));
        }
    }
    return true;
}

/* ---- building ---- */

static struct str label_of(struct arena *arena, const struct draft *d)
{
    struct buf b = BUF_INIT(1024);
    buf_put_str(&b, d->database);
    buf_put_byte(&b, '.');
    buf_put_str(&b, d->name);
    struct str label = arena_str(arena, buf_str(&b));
    buf_release(&b);
    return label;
}

static void skip_table(struct reading *r, const struct draft *d, struct str reason)
{
    struct source_skipped *s = &r->out.skipped[r->out.skipped_count++];
    s->label = label_of(&r->out.arena, d);
    s->reason = arena_str(&r->out.arena, reason);
}

static bool build_column(struct reading *r, const struct draft *d, size_t i,
                         struct mysql_column *out, struct error *err)
{
    const struct mysql_rows *rows = d->columns;
    size_t row = d->from + i;
    struct mysql_column_catalog c = {
        .name = mysql_rows_cell(rows, row, 1),
        .column_type = mysql_rows_cell(rows, row, 2),
        .data_type = mysql_rows_cell(rows, row, 3),
        .character_set = mysql_rows_cell(rows, row, 4),
        .collation = mysql_rows_cell(rows, row, 5),
        .extra = mysql_rows_cell(rows, row, 6),
        .comment = mysql_rows_cell(rows, row, 7),
        .nullable = str_eq_nocase(mysql_rows_cell(rows, row, 8), STR("YES")),
        .character_length = number_or_none(mysql_rows_cell(rows, row, 9)),
        .octet_length = number_or_none(mysql_rows_cell(rows, row, 10)),
        .numeric_precision = number_or_none(mysql_rows_cell(rows, row, 11)),
        .numeric_scale = number_or_none(mysql_rows_cell(rows, row, 12)),
        .datetime_precision = number_or_none(mysql_rows_cell(rows, row, 13)),
    };
    return mysql_column_from_catalog(&c, &r->wish->policy, &r->out.arena, out, err);
}

static size_t column_named(const struct mysql_table *t, struct str name)
{
    for (size_t i = 0; i < t->column_count; i++) {
        if (str_eq(t->columns[i].name, name)) {
            return i;
        }
    }
    return SIZE_MAX;
}

static struct schema *build_schema(const struct mysql_table *t, struct str comment, bool comments)
{
    struct schema *s = schema_new();
    s->field_count = t->column_count;
    s->fields = ARENA_ARRAY(&s->arena, struct schema_field, t->column_count);
    for (size_t i = 0; i < t->column_count; i++) {
        const struct mysql_column *c = &t->columns[i];
        struct schema_field *f = &s->fields[i];
        f->id = (int32_t)i;
        f->name = arena_str(&s->arena, c->name);
        f->type = c->type; /* atomic: no pointers */
        if (comments && c->comment.len > 0) {
            f->comment = arena_str(&s->arena, c->comment);
        }
    }
    s->highest_field_id = (int32_t)t->column_count - 1;
    s->primary_key = ARENA_ARRAY(&s->arena, size_t, t->key_count);
    s->primary_key_count = t->key_count;
    for (size_t i = 0; i < t->key_count; i++) {
        s->primary_key[i] = t->key[i];
        s->fields[t->key[i]].type.nullable = false;
    }
    if (comments && comment.len > 0) {
        s->comment = arena_str(&s->arena, comment);
    }
    return s;
}

static bool build_key(struct mysql_table *t, const struct draft *d, struct arena *arena)
{
    t->key = ARENA_ARRAY(arena, size_t, d->key_count);
    t->key_count = d->key_count;
    for (size_t i = 0; i < d->key_count; i++) {
        t->key[i] = column_named(t, d->key[i]);
        if (t->key[i] == SIZE_MAX) {
            return false;
        }
    }
    return true;
}

/* A table that cannot be captured is skipped with its reason; the others go on. */
static void build_table(struct reading *r, const struct draft *d)
{
    struct mysql_catalog *c = &r->out;
    struct mysql_table t = {.column_count = d->count};
    struct error why = {0};
    if (str_eq_nocase(d->type, STR("SYSTEM VERSIONED"))) {
        skip_table(
            r, d,
            STR("is system-versioned: its history rows look like changes; not supported yet"));
        return;
    }
    if (d->key_count == 0) {
        skip_table(r, d,
                   STR("has no primary key: rows could not be told apart; add one, or leave the "
                       "table out"));
        return;
    }
    t.database = arena_str(&c->arena, d->database);
    t.name = arena_str(&c->arena, d->name);
    t.columns = ARENA_ARRAY(&c->arena, struct mysql_column, d->count);
    for (size_t i = 0; i < d->count; i++) {
        if (!build_column(r, d, i, &t.columns[i], &why)) {
            skip_table(r, d, str_of(why.text));
            return;
        }
    }
    if (d->count == 0 || !build_key(&t, d, &c->arena)) {
        skip_table(r, d, STR("was altered or dropped while its columns were read; start again"));
        return;
    }
    for (size_t i = 0; i < t.key_count; i++) {
        if (!mysql_column_as_key(&t.columns[t.key[i]], &why)) {
            skip_table(r, d, str_of(why.text));
            return;
        }
    }
    t.transactional =
        !str_eq_nocase(d->engine, STR("MyISAM")) && !str_eq_nocase(d->engine, STR("Aria")) &&
        !str_eq_nocase(d->engine, STR("MEMORY")) && !str_eq_nocase(d->engine, STR("ARCHIVE")) &&
        !str_eq_nocase(d->engine, STR("CSV"));
    t.schema = build_schema(&t, d->comment, r->wish->comments);
    c->published[c->count] = (struct source_table){
        .index = (uint32_t)c->count,
        .database = t.database,
        .name = t.name,
        .label = label_of(&c->arena, d),
        .schema = t.schema,
        .estimated_rows = d->rows,
        .estimated_bytes = d->bytes,
    };
    c->tables[c->count++] = t;
}

static bool open_patterns(struct reading *r, struct error *err)
{
    if (!table_pattern_new(r->wish->tables, 2, &r->include, err)) {
        return error_in(err, "source.tables");
    }
    if (r->wish->exclude.len > 0 && !table_pattern_new(r->wish->exclude, 2, &r->exclude, err)) {
        return error_in(err, "source.tables.exclude");
    }
    return true;
}

bool mysql_catalog_read(struct mysql_link *l, const struct mysql_server *server,
                        const struct mysql_catalog_wish *wish, struct mysql_catalog *out,
                        struct error *err)
{
    struct reading r = {.l = l, .server = server, .wish = wish};
    bool ok = open_patterns(&r, err) && list_tables(&r, err) && read_databases(&r, err);
    if (ok) {
        struct arena *arena = &r.out.arena;
        r.out.tables = ARENA_ARRAY(arena, struct mysql_table, r.draft_count);
        r.out.published = ARENA_ARRAY(arena, struct source_table, r.draft_count);
        r.out.skipped = ARENA_ARRAY(arena, struct source_skipped, r.draft_count);
        for (size_t i = 0; i < r.draft_count; i++) {
            build_table(&r, &r.drafts[i]);
        }
        *out = r.out;
    }
    table_pattern_free(r.include);
    table_pattern_free(r.exclude);
    arena_release(&r.scratch);
    return ok;
}

void mysql_catalog_free(struct mysql_catalog *c)
{
    for (size_t i = 0; i < c->count; i++) {
        schema_free(c->tables[i].schema);
    }
    arena_release(&c->arena);
    *c = (struct mysql_catalog){0};
}

/* Tables are few and the stream remembers what it looked up: a walk will do. */
const struct mysql_table *mysql_catalog_find(const struct mysql_catalog *c, struct str database,
                                             struct str name, uint32_t *out_index)
{
    for (size_t i = 0; i < c->count; i++) {
        if (str_eq(c->tables[i].name, name) && str_eq(c->tables[i].database, database)) {
            *out_index = (uint32_t)i;
            return &c->tables[i];
        }
    }
    return NULL;
}
