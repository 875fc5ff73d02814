/* tests/contract/source_world.h: a real server, a source on it, and tables as maps from key to row:
 * what the contract tests of the source seam share. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/batch.h"
#include "base/instant.h"
#include "base/map.h"
#include "base/mem.h"
#include "config/tree.h"
#include "connectors/mysql/mysql_link.h"
#include "connectors/source.h"

struct world {
    char host[64];
    uint32_t port;
    struct mysql_link *sql; /* root's, to change things */
    struct stop *stop;
    struct tree *tree;
    struct arena arena;
    void *conf;
    void *self;
    struct source_tables tables;
};

static inline const struct source_ops *world_ops(void)
{
    return source_find(STR("mysql"));
}

static inline void check_ok(bool ok, const struct error *err)
{
    if (!ok) {
        fail_msg("%s: %s", error_name(err->code), err->text);
    }
}

static inline struct mysql_link *world_login(const struct world *w)
{
    struct error err = {0};
    struct mysql_link *l = NULL;
    struct mysql_login root = {.hostname = str_of(w->host),
                               .port = w->port,
                               .username = STR("root"),
                               .connect_timeout_ms = 5000,
                               .ssl_mode = MYSQL_SSL_PREFERRED};
    check_ok(mysql_link_open(&root, w->stop, &l, &err), &err);
    return l;
}

static inline void world_sql(struct world *w, const char *sql)
{
    struct error err = {0};
    check_ok(mysql_link_exec(w->sql, sql, &err), &err);
}

/* Applies the options and opens; the error is the caller's to judge. */
static inline bool world_try_open(struct world *w, const char *account, const char *extra,
                                  struct error *err)
{
    const struct source_ops *ops = world_ops();
    struct buf yaml = BUF_INIT(4096);
    buf_printf(&yaml, "hostname: %s\nport: %u\n%s\n%s", w->host, w->port, account, extra);
    tree_free(w->tree);
    w->tree = NULL;
    check_ok(tree_parse(buf_str(&yaml), "job.yaml", &w->tree, err), err);
    buf_release(&yaml);
    w->conf = arena_zalloc(&w->arena, ops->options->size);
    check_ok(
        option_apply(ops->options, tree_root(w->tree), "job.yaml", NULL, &w->arena, w->conf, err),
        err);
    return ops->open(w->conf, "contract", w->stop, &w->self, err);
}

#define WORLD_ACCOUNT "username: inlet\npassword: inlet-secret"
#define WORLD_TABLES "tables: 'inlet_ct.\\.*'\n"

static inline void world_open(struct world *w, const char *extra)
{
    struct error err = {0};
    check_ok(world_try_open(w, WORLD_ACCOUNT, extra, &err), &err);
    check_ok(world_ops()->discover(w->self, &w->tables, &err), &err);
}

static inline void world_shut(struct world *w)
{
    if (w->self != NULL) {
        world_ops()->close(w->self);
        w->self = NULL;
    }
}

static inline const struct source_table *world_table(const struct world *w, const char *name)
{
    for (size_t i = 0; i < w->tables.count; i++) {
        if (str_eq(w->tables.tables[i].name, str_of(name))) {
            return &w->tables.tables[i];
        }
    }
    fail_msg("table %s was not discovered", name);
    return NULL;
}

/* ---- tables as maps ---- */

static char gone[] = "gone";

static inline struct str key_text(const struct schema *s, const struct value *values,
                                  struct buf *out)
{
    buf_reset(out);
    for (size_t i = 0; i < s->primary_key_count; i++) {
        size_t k = s->primary_key[i];
        value_print_json(&s->fields[k].type, &values[k], out);
        buf_put_byte(out, '|');
    }
    return buf_str(out);
}

static inline void rows_forget(void *old)
{
    if (old != gone) {
        mem_free(old);
    }
}

static inline void rows_put(struct map *m, const struct schema *s, const struct value *values)
{
    struct buf key = BUF_INIT(1u << 20);
    struct buf row = BUF_INIT(1u << 24);
    row_print_json(s->fields, s->field_count, values, &row);
    rows_forget(map_put(m, key_text(s, values, &key), buf_take(&row)));
    buf_release(&key);
    buf_release(&row);
}

static inline void rows_remove(struct map *m, const struct schema *s, const struct value *values)
{
    struct buf key = BUF_INIT(1u << 20);
    rows_forget(map_put(m, key_text(s, values, &key), gone));
    buf_release(&key);
}

static inline void rows_apply(struct map *m, const struct schema *s, const struct change *c)
{
    if (c->kind == ROW_DELETE) {
        rows_remove(m, s, c->values);
        return;
    }
    if (c->before != NULL) {
        rows_remove(m, s, c->before);
    }
    rows_put(m, s, c->values);
}

static inline void rows_release(struct map *m)
{
    size_t at = 0;
    struct str key;
    void *value;
    while (map_next(m, &at, &key, &value)) {
        rows_forget(value);
    }
    map_release(m);
}

static inline size_t rows_alive(const struct map *m)
{
    size_t at = 0;
    size_t n = 0;
    struct str key;
    void *value;
    while (map_next(m, &at, &key, &value)) {
        n += value != gone ? 1 : 0;
    }
    return n;
}

/* base overlaid by top must be truth. */
static inline void rows_compare(const struct map *base, const struct map *top,
                                const struct map *truth)
{
    size_t at = 0;
    struct str key;
    void *value;
    while (map_next(truth, &at, &key, &value)) {
        const char *seen = map_get(top, key);
        seen = seen == NULL ? map_get(base, key) : seen;
        if (seen == NULL || strcmp(seen, value) != 0) {
            fail_msg("row %.*s: seen %s, the server has %s", STR_FMT(key),
                     seen == NULL ? "nothing" : seen, (const char *)value);
        }
    }
    at = 0;
    while (map_next(base, &at, &key, &value)) {
        if (map_get(truth, key) == NULL && map_get(top, key) != gone) {
            fail_msg("row %.*s: copied and never deleted, but the server does not have it",
                     STR_FMT(key));
        }
    }
    at = 0;
    while (map_next(top, &at, &key, &value)) {
        if (value != gone && map_get(truth, key) == NULL) {
            fail_msg("row %.*s: streamed, but the server does not have it", STR_FMT(key));
        }
    }
}

/* ---- copy and stream ---- */

/* Reads one chunk into the map; the number of rows; the mark merged into *marks. */
static inline size_t read_chunk(struct source_reader *r, const struct source_table *t,
                                const struct source_chunk *chunk, struct map *into,
                                struct position *marks)
{
    const struct source_ops *ops = world_ops();
    struct error err = {0};
    struct batch batch;
    struct source_seen seen = {0};
    size_t rows = 0;
    batch_init(&batch);
    check_ok(ops->chunk_start(r, t, chunk, &err), &err);
    for (;;) {
        batch_reset(&batch);
        enum source_read read = ops->chunk_read(r, &batch, &seen, &err);
        check_ok(read != SOURCE_FAILED, &err);
        for (size_t i = 0; i < batch.count; i++) {
            assert_int_equal(batch.changes[i].kind, ROW_INSERT);
            assert_int_equal(batch.changes[i].table, t->index);
            if (into != NULL) {
                rows_put(into, t->schema, batch.changes[i].values);
            }
        }
        rows += batch.count;
        if (read == SOURCE_END) {
            break;
        }
    }
    if (marks != NULL) {
        check_ok(position_merge(marks, seen.high, &err), &err);
    }
    position_free(seen.low);
    position_free(seen.high);
    batch_release(&batch);
    return rows;
}

/* The whole table by its plan, chunk after chunk; returns the number of rows read. */
static inline size_t copy_table(struct world *w, const struct source_table *t, struct map *into,
                                struct position *marks, size_t *out_chunks)
{
    const struct source_ops *ops = world_ops();
    struct error err = {0};
    struct source_reader *r = NULL;
    struct source_chunk chunks[8];
    struct source_chunk last = {0};
    struct arena ids = {0};
    size_t rows = 0;
    size_t total = 0;
    bool done = false;
    check_ok(ops->chunk_reader(w->self, 0, &r, &err), &err);
    while (!done) {
        size_t count = 0;
        check_ok(
            ops->plan(w->self, t, total == 0 ? NULL : &last, 8, &ids, chunks, &count, &done, &err),
            &err);
        assert_true(count > 0 || done);
        for (size_t i = 0; i < count; i++) {
            rows += read_chunk(r, t, &chunks[i], into, marks);
            last = chunks[i];
        }
        total += count;
    }
    ops->reader_close(r);
    arena_release(&ids);
    if (out_chunks != NULL) {
        *out_chunks = total;
    }
    return rows;
}

struct follower {
    struct world *w;
    struct source_reader *reader;
    struct batch batch;
    struct position *position;
    struct map *rows; /* by table index */
    bool in_transaction;
    size_t transactions, changes, notices;
    char reason[1024]; /* of the last notice */
    uint32_t noticed;
};

static inline void follow_open(struct follower *f, struct world *w, const struct position *from)
{
    struct error err = {0};
    *f = (struct follower){.w = w, .position = position_dup(from)};
    f->rows = MEM_ARRAY(struct map, w->tables.count + 1);
    batch_init(&f->batch);
    check_ok(world_ops()->stream_open(w->self, from, &f->reader, &err), &err);
}

static inline void follow_close(struct follower *f)
{
    world_ops()->reader_close(f->reader);
    for (size_t i = 0; i < f->w->tables.count; i++) {
        rows_release(&f->rows[i]);
    }
    mem_free(f->rows);
    position_free(f->position);
    batch_release(&f->batch);
}

static inline void follow_transaction(struct follower *f, const struct batch_transaction *t)
{
    struct error err = {0};
    assert_int_equal(t->continued, f->in_transaction);
    assert_false(position_has(f->position, &t->place) && t->count > 0);
    for (size_t i = t->first; i < t->first + t->count; i++) {
        const struct change *c = &f->batch.changes[i];
        rows_apply(&f->rows[c->table], f->w->tables.tables[c->table].schema, c);
    }
    f->changes += t->count;
    f->in_transaction = t->open;
    if (!t->open) {
        struct place from = t->place;
        from.number = t->from;
        f->transactions++;
        check_ok(position_add(f->position, &from, t->place.number, &err), &err);
    }
}

/* One call; what it gave is applied. */
static inline enum source_read follow_once(struct follower *f, uint32_t wait_ms, struct error *err)
{
    struct source_notice notices[16];
    size_t count = 0;
    size_t seen = 0;
    batch_reset(&f->batch);
    enum source_read read =
        world_ops()->stream_read(f->reader, wait_ms, &f->batch, notices, &count, err);
    if (read == SOURCE_FAILED) {
        return read;
    }
    for (size_t i = 0; i < f->batch.transaction_count; i++) {
        seen += f->batch.transactions[i].count;
        follow_transaction(f, &f->batch.transactions[i]);
    }
    assert_int_equal(seen, f->batch.count);
    for (size_t i = 0; i < count; i++) {
        f->notices++;
        f->noticed = notices[i].table;
        (void)snprintf(f->reason, sizeof f->reason, "%.*s", STR_FMT(notices[i].reason));
    }
    return read;
}

/* Until the position holds target; fails the test after 20 s. */
static inline void follow_to(struct follower *f, const struct position *target)
{
    struct error err = {0};
    uint64_t end_ms = instant_mono_ms() + 20000;
    while (f->in_transaction || !position_contains(f->position, target)) {
        if (instant_mono_ms() > end_ms) {
            struct buf b = BUF_INIT(65536);
            buf_put_cstr(&b, "the stream stands at ");
            position_print(f->position, &b);
            buf_put_cstr(&b, " and never reached ");
            position_print(target, &b);
            fail_msg("%s", buf_cstr(&b));
        }
        check_ok(follow_once(f, 200, &err) != SOURCE_FAILED, &err);
    }
}

static inline void follow_to_end(struct follower *f)
{
    struct error err = {0};
    struct position *end = NULL;
    check_ok(world_ops()->current_position(f->w->self, &end, &err), &err);
    follow_to(f, end);
    position_free(end);
}

/* ---- every server ---- */

#define MAX_SERVERS 8

static struct world worlds[MAX_SERVERS];
static size_t world_count;

static inline void each(void (*test)(struct world *w))
{
    if (world_count == 0) {
        skip();
    }
    for (size_t i = 0; i < world_count; i++) {
        print_message("           on %s:%u (%s)\n", worlds[i].host, worlds[i].port,
                      mysql_link_version_text(worlds[i].sql));
        world_shut(&worlds[i]);
        test(&worlds[i]);
        world_shut(&worlds[i]);
    }
}

static inline void fresh_database(struct world *w)
{
    world_sql(w, "DROP DATABASE IF EXISTS inlet_ct");
    world_sql(w, "CREATE DATABASE inlet_ct");
}

static const char numbers_sql[] =
    "INSERT INTO inlet_ct.digits VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)";

static inline void with_digits(struct world *w)
{
    fresh_database(w);
    world_sql(w, "CREATE TABLE inlet_ct.digits (d INT NOT NULL)");
    world_sql(w, numbers_sql);
}

static inline struct position *now(struct world *w)
{
    struct error err = {0};
    struct position *p = NULL;
    check_ok(world_ops()->current_position(w->self, &p, &err), &err);
    return p;
}

static inline int set_up(void **state)
{
    (void)state;
    const char *list = getenv("INLET_TEST_MYSQL");
    struct str rest = str_of(list == NULL ? "" : list);
    struct str one;
    while (rest.len > 0 && world_count < MAX_SERVERS && str_next(&rest, ',', &one)) {
        size_t colon = str_find(one, ':');
        uint64_t port;
        if (!str_to_u64(str_slice(one, colon + 1, one.len), &port)) {
            return -1;
        }
        struct world *w = &worlds[world_count++];
        (void)snprintf(w->host, sizeof w->host, "%.*s", (int)colon, one.ptr);
        w->port = (uint32_t)port;
        w->stop = stop_new();
        w->sql = world_login(w);
    }
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < world_count; i++) {
        struct world *w = &worlds[i];
        struct error ignored;
        (void)!mysql_link_exec(w->sql, "DROP DATABASE IF EXISTS inlet_ct", &ignored);
        world_shut(w);
        mysql_link_close(w->sql);
        stop_free(w->stop);
        tree_free(w->tree);
        arena_release(&w->arena);
    }
    return 0;
}
