/* tests/contract/contract_source.c: what every source must do, tried on real servers.
 *
 * INLET_TEST_MYSQL="host:port[,host:port…]" names them; each has the accounts of tests/servers
 * (root without a password, inlet / inlet-secret). Unset: skipped. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "source_world.h"

#define MAX_SERVERS 8

static struct world worlds[MAX_SERVERS];
static size_t world_count;

static void each(void (*test)(struct world *w))
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

static void fresh_database(struct world *w)
{
    world_sql(w, "DROP DATABASE IF EXISTS inlet_ct");
    world_sql(w, "CREATE DATABASE inlet_ct");
}

static const char numbers_sql[] =
    "INSERT INTO inlet_ct.digits VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)";

static void with_digits(struct world *w)
{
    fresh_database(w);
    world_sql(w, "CREATE TABLE inlet_ct.digits (d INT NOT NULL)");
    world_sql(w, numbers_sql);
}

/* ---- discover ---- */

static void on_discover(struct world *w)
{
    fresh_database(w);
    world_sql(w, "CREATE TABLE inlet_ct.a (b VARCHAR(20) NOT NULL COMMENT 'the b', a INT NOT NULL, "
                 "c DECIMAL(10,2), PRIMARY KEY (a, b)) COMMENT='the table'");
    world_sql(w, "CREATE TABLE inlet_ct.bare (x INT)");
    world_sql(w, "CREATE VIEW inlet_ct.v AS SELECT * FROM inlet_ct.a");
    world_sql(w, "CREATE TABLE inlet_ct.out_1 (x INT PRIMARY KEY)");
    world_open(w, WORLD_TABLES "tables.exclude: 'inlet_ct.out_\\.*'\n");
    assert_int_equal(w->tables.count, 1);
    assert_int_equal(w->tables.skipped_count, 1);
    assert_true(str_eq(w->tables.skipped[0].label, STR("inlet_ct.bare")));
    const struct source_table *t = &w->tables.tables[0];
    const struct schema *s = t->schema;
    assert_true(str_eq(t->label, STR("inlet_ct.a")) && str_eq(t->database, STR("inlet_ct")));
    assert_int_equal(s->field_count, 3);
    assert_true(str_eq(s->fields[0].name, STR("b")));
    assert_true(str_eq(s->fields[0].comment, STR("the b")));
    assert_true(str_eq(s->comment, STR("the table")));
    assert_int_equal(s->primary_key_count, 2);
    assert_int_equal(s->primary_key[0], 1);
    assert_int_equal(s->primary_key[1], 0);
    assert_false(s->fields[0].type.nullable);
    assert_true(s->fields[2].type.nullable);
    assert_int_equal(s->fields[2].type.kind, TYPE_DECIMAL);
}

static void test_discover(void **state)
{
    (void)state;
    each(on_discover);
}

static void on_no_match(struct world *w)
{
    struct error err = {0};
    struct source_tables tables;
    check_ok(world_try_open(w, WORLD_ACCOUNT, "tables: 'nowhere.\\.*'\n", &err), &err);
    assert_false(world_ops()->discover(w->self, &tables, &err));
    assert_int_equal(err.code, FAIL_CONFIG);
    assert_non_null(strstr(err.text, "nowhere"));
}

static void test_no_match(void **state)
{
    (void)state;
    each(on_no_match);
}

/* ---- chunks ---- */

/* Chunks of every kind of key read each row once, and a plan goes on behind any chunk. */
static void check_chunks(struct world *w, const char *name, size_t rows, size_t least_chunks)
{
    const struct source_ops *ops = world_ops();
    const struct source_table *t = world_table(w, name);
    struct map seen = {0};
    struct error err = {0};
    size_t chunks = 0;
    size_t read = copy_table(w, t, &seen, NULL, &chunks);
    if (read != rows || rows_alive(&seen) != rows || chunks < least_chunks) {
        fail_msg("%s: %zu rows in %zu chunks, %zu keys; wanted %zu rows in at least %zu chunks",
                 name, read, chunks, rows_alive(&seen), rows, least_chunks);
    }
    struct source_chunk first[8];
    struct source_chunk second[8];
    struct arena ids = {0};
    size_t n = 0;
    size_t m = 0;
    bool done = false;
    check_ok(ops->plan(w->self, t, NULL, 2, &ids, first, &n, &done, &err), &err);
    if (n == 2) {
        check_ok(ops->plan(w->self, t, &first[0], 2, &ids, second, &m, &done, &err), &err);
        assert_true(m >= 1 && str_eq(second[0].id, first[1].id));
    }
    arena_release(&ids);
    rows_release(&seen);
}

static void make_keys(struct world *w)
{
    static const char thousand[] = "FROM inlet_ct.digits a, inlet_ct.digits b, inlet_ct.digits c";
    char sql[2048];
    with_digits(w);
    world_sql(w, "CREATE TABLE inlet_ct.i (id INT PRIMARY KEY, v INT)");
    (void)snprintf(sql, sizeof sql, "INSERT INTO inlet_ct.i SELECT a.d*100+b.d*10+c.d-500, 1 %s",
                   thousand);
    world_sql(w, sql);
    world_sql(w, "CREATE TABLE inlet_ct.sparse (id BIGINT UNSIGNED PRIMARY KEY)");
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO inlet_ct.sparse SELECT CAST(a.d*100+b.d*10+c.d AS "
                   "UNSIGNED)*18000000000000000 %s",
                   thousand);
    world_sql(w, sql);
    world_sql(w, "INSERT INTO inlet_ct.sparse VALUES (18446744073709551615)");
    world_sql(w, "CREATE TABLE inlet_ct.three (a INT, b VARCHAR(20) CHARACTER SET utf8mb4, c DATE, "
                 "v TEXT, PRIMARY KEY (a, b, c))");
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO inlet_ct.three SELECT a.d, CONCAT('\xC3\xA4"
                   "b', CHAR(65+b.d*3)), '2024-01-01' + INTERVAL c.d DAY, REPEAT('x', b.d) %s",
                   thousand);
    world_sql(w, sql);
    world_sql(w, "CREATE TABLE inlet_ct.latin (s VARCHAR(30) CHARACTER SET latin1, PRIMARY KEY "
                 "(s))");
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO inlet_ct.latin SELECT CONCAT(CHAR(97+a.d), '\xC3\xBC', b.d, "
                   "IF(c.d %% 2, 'x', 'X'), c.d) %s",
                   thousand);
    world_sql(w, sql);
    world_sql(w, "CREATE TABLE inlet_ct.bin (b VARBINARY(32) PRIMARY KEY)");
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO inlet_ct.bin SELECT UNHEX(SHA2(a.d*100+b.d*10+c.d, 256)) %s",
                   thousand);
    world_sql(w, sql);
    world_sql(w, "CREATE TABLE inlet_ct.enumed (e ENUM('z','y','x','w','v','u','t','s','r','q'), d "
                 "DECIMAL(8,3), t DATETIME(6), PRIMARY KEY (e, d, t))");
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO inlet_ct.enumed SELECT a.d+1, b.d-5+0.125, '2000-01-01 "
                   "00:00:00.000001' + INTERVAL c.d SECOND %s",
                   thousand);
    world_sql(w, sql);
    world_sql(w, "CREATE TABLE inlet_ct.mixed (ts TIMESTAMP(3) NOT NULL, bt BIT(10), y YEAR, dbl "
                 "DOUBLE, PRIMARY KEY (bt, y, ts, dbl))");
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO inlet_ct.mixed SELECT '2024-03-31 12:00:00.5' + INTERVAL a.d HOUR, "
                   "b.d, 2000+c.d, a.d/3 %s",
                   thousand);
    world_sql(w, sql);
    world_sql(w, "CREATE TABLE inlet_ct.nothing (id INT PRIMARY KEY)");
}

static void on_chunks(struct world *w)
{
    make_keys(w);
    world_open(w, WORLD_TABLES "scan.incremental.snapshot.chunk.size: 70\n");
    check_chunks(w, "i", 1000, 10);
    check_chunks(w, "sparse", 1001, 14);
    check_chunks(w, "three", 1000, 14);
    check_chunks(w, "latin", 1000, 14);
    check_chunks(w, "bin", 1000, 14);
    check_chunks(w, "enumed", 1000, 14);
    check_chunks(w, "mixed", 1000, 14);
    check_chunks(w, "nothing", 0, 1);
    world_shut(w);
    world_open(w, WORLD_TABLES);
    check_chunks(w, "three", 1000, 1); /* small tables are one chunk */
}

static void test_chunks(void **state)
{
    (void)state;
    each(on_chunks);
}

/* ---- copy while everything changes, then stream ---- */

struct writer {
    struct world *w;
    atomic_bool stop;
    size_t transactions;
    uint64_t seed;
};

static uint32_t writer_random(struct writer *x, uint32_t below)
{
    x->seed = x->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(x->seed >> 33) % below;
}

static void writer_statement(struct writer *x, char *sql, size_t cap)
{
    const char *t = writer_random(x, 2) == 0 ? "p" : "q";
    uint32_t id = writer_random(x, 3000);
    switch (writer_random(x, 5)) {
    case 0:
        (void)snprintf(sql, cap,
                       "INSERT IGNORE INTO inlet_ct.%s VALUES (%u, 'k%u', %u, 'new'), (%u, 'k', "
                       "2, NULL)",
                       t, id, id % 7, id, id + 1);
        break;
    case 1:
        (void)snprintf(sql, cap, "UPDATE inlet_ct.%s SET v = v + 1 WHERE a BETWEEN %u AND %u", t,
                       id, id + 20);
        break;
    case 2:
        (void)snprintf(sql, cap, "UPDATE IGNORE inlet_ct.%s SET a = a + 3000 WHERE a = %u", t, id);
        break;
    case 3:
        (void)snprintf(sql, cap, "DELETE FROM inlet_ct.%s WHERE a BETWEEN %u AND %u", t, id,
                       id + 3);
        break;
    default:
        (void)snprintf(sql, cap, "REPLACE INTO inlet_ct.%s VALUES (%u, 'k%u', 9, REPEAT('y', 50))",
                       t, id, id % 7);
        break;
    }
}

static void *writer_run(void *arg)
{
    struct writer *x = arg;
    struct error err = {0};
    struct mysql_link *l = world_login(x->w);
    char sql[512];
    while (!atomic_load(&x->stop)) {
        bool ok = mysql_link_exec(l, "BEGIN", &err);
        for (uint32_t n = writer_random(x, 6); ok && n > 0; n--) {
            writer_statement(x, sql, sizeof sql);
            ok = mysql_link_exec(l, sql, &err);
        }
        ok = ok && mysql_link_exec(l, writer_random(x, 8) == 0 ? "ROLLBACK" : "COMMIT", &err);
        if (!ok) {
            print_error("writer: %s\n", err.text);
            break;
        }
        x->transactions++;
    }
    mysql_link_close(l);
    return NULL;
}

static void make_pair(struct world *w)
{
    with_digits(w);
    world_sql(w, "CREATE TABLE inlet_ct.p (a INT, b VARCHAR(20), v INT, t TEXT, PRIMARY KEY (a, "
                 "b))");
    world_sql(w, "CREATE TABLE inlet_ct.q LIKE inlet_ct.p");
    world_sql(w, "INSERT INTO inlet_ct.p SELECT a.d*1000+b.d*100+c.d*10+e.d, 'k', 1, 'old' FROM "
                 "inlet_ct.digits a, inlet_ct.digits b, inlet_ct.digits c, inlet_ct.digits e WHERE "
                 "a.d < 3");
    world_sql(w, "INSERT INTO inlet_ct.q SELECT * FROM inlet_ct.p");
}

static void check_table(struct world *w, const char *name, struct follower *f, struct map *copied)
{
    const struct source_table *t = world_table(w, name);
    struct map truth = {0};
    (void)copy_table(w, t, &truth, NULL, NULL);
    assert_true(rows_alive(&truth) > 100);
    rows_compare(copied, &f->rows[t->index], &truth);
    rows_release(&truth);
}

static void on_copy_and_stream(struct world *w)
{
    const struct source_ops *ops = world_ops();
    struct error err = {0};
    struct position *from = NULL;
    struct position *marks = position_new();
    struct map copied[2] = {{0}, {0}};
    struct writer x = {.w = w, .seed = (uint64_t)instant_wall_ms()};
    struct follower f;
    pthread_t thread;
    bool copy = false;
    make_pair(w);
    print_message("           seed %llu\n", (unsigned long long)x.seed);
    must(pthread_create(&thread, NULL, writer_run, &x) == 0);
    world_open(w, WORLD_TABLES "scan.incremental.snapshot.chunk.size: 200\n");
    check_ok(ops->start_position(w->self, &from, &copy, &err), &err);
    assert_true(copy);
    (void)copy_table(w, world_table(w, "p"), &copied[0], marks, NULL);
    (void)copy_table(w, world_table(w, "q"), &copied[1], marks, NULL);
    follow_open(&f, w, from);
    follow_to(&f, marks);
    for (int i = 0; i < 20; i++) {
        check_ok(follow_once(&f, 20, &err) != SOURCE_FAILED, &err);
    }
    atomic_store(&x.stop, true);
    (void)pthread_join(thread, NULL);
    follow_to_end(&f);
    assert_int_equal(f.notices, 0);
    assert_true(f.changes > 0 && x.transactions > 10);
    check_table(w, "p", &f, &copied[0]);
    check_table(w, "q", &f, &copied[1]);
    follow_close(&f);
    rows_release(&copied[0]);
    rows_release(&copied[1]);
    position_free(from);
    position_free(marks);
}

static void test_copy_and_stream(void **state)
{
    (void)state;
    each(on_copy_and_stream);
}

/* ---- the stream, transaction by transaction ---- */

static struct position *now(struct world *w)
{
    struct error err = {0};
    struct position *p = NULL;
    check_ok(world_ops()->current_position(w->self, &p, &err), &err);
    return p;
}

static void on_transactions(struct world *w)
{
    struct follower f;
    struct error err = {0};
    fresh_database(w);
    world_sql(w, "CREATE TABLE inlet_ct.t (id INT PRIMARY KEY, v VARCHAR(100))");
    world_sql(w, "CREATE TABLE inlet_ct.bare (v INT)");
    world_open(w, WORLD_TABLES);
    struct position *from = now(w);
    follow_open(&f, w, from);
    assert_int_equal(follow_once(&f, 100, &err), SOURCE_IDLE);
    world_sql(w, "BEGIN");
    world_sql(w, "INSERT INTO inlet_ct.t VALUES (1,'a'),(2,'b'),(3,'c')");
    world_sql(w, "UPDATE inlet_ct.t SET v='bb' WHERE id=2");
    world_sql(w, "DELETE FROM inlet_ct.t WHERE id=3");
    world_sql(w, "COMMIT");
    follow_to_end(&f);
    assert_int_equal(f.changes, 5);
    assert_int_equal(rows_alive(&f.rows[0]), 2);
    size_t before = f.transactions;
    world_sql(w, "INSERT INTO inlet_ct.bare VALUES (1)"); /* not captured, but moves the position */
    struct position *end = now(w);
    assert_false(position_contains(f.position, end));
    follow_to(&f, end);
    position_free(end);
    assert_true(f.transactions > before);
    assert_int_equal(f.changes, 5);
    /* an idle server with a fresh log: its end is reached without traffic */
    world_sql(w, "FLUSH BINARY LOGS");
    follow_to_end(&f);
    /* the same from the start again, and from the middle nothing */
    struct follower again;
    follow_open(&again, w, from);
    follow_to(&again, f.position);
    assert_int_equal(again.changes, 5);
    follow_close(&again);
    follow_open(&again, w, f.position);
    assert_int_equal(follow_once(&again, 300, &err) == SOURCE_FAILED, 0);
    assert_int_equal(again.changes, 0);
    follow_close(&again);
    follow_close(&f);
    position_free(from);
}

static void test_transactions(void **state)
{
    (void)state;
    each(on_transactions);
}

/* A transaction longer than a batch comes in parts with one place. */
static void on_parts(struct world *w)
{
    struct follower f;
    struct error err = {0};
    with_digits(w);
    world_sql(w, "CREATE TABLE inlet_ct.t (id INT PRIMARY KEY, v TEXT)");
    world_open(w, WORLD_TABLES);
    struct position *from = now(w);
    world_sql(w, "INSERT INTO inlet_ct.t SELECT a.d*1000+b.d*100+c.d*10+e.d, REPEAT('z', 200) FROM "
                 "inlet_ct.digits a, inlet_ct.digits b, inlet_ct.digits c, inlet_ct.digits e");
    struct position *end = now(w);
    follow_open(&f, w, from);
    size_t parts = 0;
    while (!position_contains(f.position, end)) {
        check_ok(follow_once(&f, 200, &err) != SOURCE_FAILED, &err);
        parts += f.in_transaction ? 1 : 0;
        assert_true(f.batch.bytes < 600000);
    }
    assert_true(parts >= 4);
    assert_int_equal(f.changes, 10000);
    assert_int_equal(rows_alive(&f.rows[0]), 10000);
    follow_close(&f);
    position_free(from);
    position_free(end);
}

static void test_parts(void **state)
{
    (void)state;
    each(on_parts);
}

/* ---- statements that set a table aside ---- */

/* The statements, and what the notice must say; word NULL: no notice. */
static void check_notice(struct world *w, const char *const *sql, const char *word)
{
    struct follower f;
    struct position *from = now(w);
    world_sql(w, "DELETE FROM inlet_ct.other");
    world_sql(w, "INSERT INTO inlet_ct.other VALUES (NULL)");
    for (size_t i = 0; sql[i] != NULL; i++) {
        world_sql(w, sql[i]);
    }
    world_sql(w, "INSERT INTO inlet_ct.other VALUES (NULL)");
    follow_open(&f, w, from);
    follow_to_end(&f);
    size_t wanted = word == NULL ? 0 : 1;
    if (f.notices != wanted || (word != NULL && strstr(f.reason, word) == NULL)) {
        fail_msg("%s: %zu notices, the last: %s; wanted '%s'", sql[0], f.notices, f.reason,
                 word == NULL ? "none" : word);
    }
    assert_true(word == NULL || f.noticed == world_table(w, "t")->index);
    assert_int_equal(rows_alive(&f.rows[world_table(w, "other")->index]), 2);
    follow_close(&f);
    position_free(from);
}

static const struct {
    const char *sql[7];
    const char *word;
} notice_cases[] = {
    {{"CREATE INDEX x ON t (v)", "DROP INDEX x ON t"}, NULL},
    {{"ALTER TABLE t ADD INDEX x (v), ALGORITHM=INPLACE", "ALTER TABLE t DROP KEY x"}, NULL},
    {{"ALTER TABLE `inlet_ct` . `t` /* why */ ADD COLUMN w INT", "ALTER TABLE t DROP COLUMN w"},
     "ALTER TABLE at "},
    {{"TRUNCATE t"}, "TRUNCATE"},
    {{"RENAME TABLE t TO t_old", "RENAME TABLE t_old TO t"}, "RENAME"},
    {{"DROP TABLE IF EXISTS nowhere, t", "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(100))"},
     "DROP"},
    {{"XA START 'inlet-xa'", "INSERT INTO t VALUES (77, 'in xa')", "XA END 'inlet-xa'",
      "XA PREPARE 'inlet-xa'", "XA COMMIT 'inlet-xa'"},
     "XA"},
    {{"XA START 'inlet-xa'", "INSERT INTO t VALUES (78, 'in xa')", "XA END 'inlet-xa'",
      "XA COMMIT 'inlet-xa' ONE PHASE"},
     NULL},
    {{"SET SESSION binlog_format='STATEMENT'", "DELETE FROM t WHERE id > 5",
      "SET SESSION binlog_format='ROW'"},
     "binlog_format"},
    {{"INSERT INTO t VALUES (900, 'x')", "SET SESSION binlog_row_image='MINIMAL'",
      "UPDATE t SET v='z' WHERE id=900", "SET SESSION binlog_row_image='FULL'"},
     "binlog_row_image"},
    {{"BEGIN", "INSERT INTO t VALUES (901, 'x')", "SAVEPOINT s", "INSERT INTO t VALUES (902, 'x')",
      "ROLLBACK TO s", "COMMIT"},
     NULL},
};

static void on_notices(struct world *w)
{
    fresh_database(w);
    world_sql(w, "USE inlet_ct");
    world_sql(w, "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(100))");
    world_sql(w, "CREATE TABLE other (id INT AUTO_INCREMENT PRIMARY KEY)");
    world_open(w, WORLD_TABLES);
    for (size_t i = 0; i < sizeof notice_cases / sizeof notice_cases[0]; i++) {
        check_notice(w, notice_cases[i].sql, notice_cases[i].word);
    }
    world_sql(w, "USE mysql");
}

static void test_notices(void **state)
{
    (void)state;
    each(on_notices);
}

/* The notice stands before the transaction that caused it: rows of that transaction that came
 * before the mismatch are not delivered. */
static void on_notice_order(struct world *w)
{
    struct follower f;
    struct error err = {0};
    fresh_database(w);
    world_sql(w, "CREATE TABLE inlet_ct.t (id INT PRIMARY KEY, v TIME)");
    world_sql(w, "CREATE TABLE inlet_ct.u (id INT PRIMARY KEY)");
    world_open(w, WORLD_TABLES);
    struct position *from = now(w);
    world_sql(w, "INSERT INTO inlet_ct.t VALUES (1, '10:00:00')");
    struct position *good = now(w);
    world_sql(w, "BEGIN");
    world_sql(w, "INSERT INTO inlet_ct.t VALUES (2, '10:00:00')");
    world_sql(w, "INSERT INTO inlet_ct.u VALUES (2)");
    world_sql(w, "INSERT INTO inlet_ct.t VALUES (3, '10:00:00'), (4, '-10:00:00'), (5, '1:00')");
    world_sql(w, "INSERT INTO inlet_ct.u VALUES (3)");
    world_sql(w, "COMMIT");
    struct position *end = now(w);
    follow_open(&f, w, from);
    while (f.notices == 0) {
        check_ok(follow_once(&f, 200, &err) != SOURCE_FAILED, &err);
    }
    assert_true(position_contains(f.position, good));
    assert_false(position_contains(f.position, end));
    assert_int_equal(rows_alive(&f.rows[world_table(w, "t")->index]), 1);
    follow_to(&f, end);
    assert_int_equal(rows_alive(&f.rows[world_table(w, "t")->index]), 1);
    assert_int_equal(rows_alive(&f.rows[world_table(w, "u")->index]), 2);
    assert_non_null(strstr(f.reason, "v"));
    follow_close(&f);
    position_free(from);
    position_free(good);
    position_free(end);
}

static void test_notice_order(void **state)
{
    (void)state;
    each(on_notice_order);
}

/* ---- one snapshot for several readers ---- */

static void on_shared(struct world *w)
{
    const struct source_ops *ops = world_ops();
    struct error err = {0};
    struct writer x = {.w = w, .seed = 7};
    struct position *at = NULL;
    struct position *from;
    struct map copied[2] = {{0}, {0}};
    struct source_reader *readers[2];
    struct follower f;
    pthread_t thread;
    make_pair(w);
    world_open(w, WORLD_TABLES);
    assert_true(ops->caps(w->self).shared_snapshot);
    from = now(w);
    must(pthread_create(&thread, NULL, writer_run, &x) == 0);
    (void)stop_wait(w->stop, 100);
    check_ok(ops->shared_begin(w->self, 2, &at, &err), &err);
    (void)stop_wait(w->stop, 100);
    for (size_t i = 0; i < 2; i++) {
        const struct source_chunk all = {.id = STR("..")};
        check_ok(ops->chunk_reader(w->self, i, &readers[i], &err), &err);
        (void)read_chunk(readers[i], world_table(w, i == 0 ? "p" : "q"), &all, &copied[i], NULL);
        ops->reader_close(readers[i]);
    }
    ops->shared_end(w->self);
    atomic_store(&x.stop, true);
    (void)pthread_join(thread, NULL);
    /* exact: the first rows from `from` to `at` and no others make the snapshot */
    follow_open(&f, w, at);
    follow_to_end(&f);
    check_table(w, "p", &f, &copied[0]);
    check_table(w, "q", &f, &copied[1]);
    follow_close(&f);
    rows_release(&copied[0]);
    rows_release(&copied[1]);
    position_free(at);
    position_free(from);
}

static void test_shared(void **state)
{
    (void)state;
    each(on_shared);
}

/* ---- trouble ---- */

static void on_refused(struct world *w)
{
    struct error err = {0};
    assert_false(
        world_try_open(w, "username: inlet\npassword: 'wrong ''secret'", WORLD_TABLES, &err));
    assert_int_equal(err.code, FAIL_DENIED);
    assert_null(strstr(err.text, "wrong 'secret"));
    world_sql(w, "CREATE USER IF NOT EXISTS meagre@'%' IDENTIFIED BY 'm'");
    world_sql(w, "GRANT SELECT ON *.* TO meagre@'%'");
    err = (struct error){0};
    assert_false(world_try_open(w, "username: meagre\npassword: m", WORLD_TABLES, &err));
    assert_int_equal(err.code, FAIL_DENIED);
    assert_non_null(strstr(err.text, "GRANT REPLICATION SLAVE, "));
    assert_non_null(strstr(err.text, " ON *.* TO 'meagre'@'%'"));
    world_sql(w, "DROP USER meagre@'%'");
    uint32_t port = w->port;
    w->port = 1;
    err = (struct error){0};
    assert_false(world_try_open(w, WORLD_ACCOUNT, WORLD_TABLES, &err));
    assert_int_equal(err.code, FAIL_IO);
    assert_non_null(strstr(err.text, ":1"));
    w->port = port;
}

static void test_refused(void **state)
{
    (void)state;
    each(on_refused);
}

static void on_settings(struct world *w)
{
    struct error err = {0};
    world_sql(w, "SET GLOBAL binlog_format='MIXED'");
    bool ok = world_try_open(w, WORLD_ACCOUNT, WORLD_TABLES, &err);
    world_sql(w, "SET GLOBAL binlog_format='ROW'");
    assert_false(ok);
    assert_int_equal(err.code, FAIL_CONFIG);
    assert_non_null(strstr(err.text, "binlog_format is 'MIXED'"));
    world_sql(w, "SET GLOBAL binlog_row_image='MINIMAL'");
    ok = world_try_open(w, WORLD_ACCOUNT, WORLD_TABLES, &err);
    world_sql(w, "SET GLOBAL binlog_row_image='FULL'");
    assert_false(ok);
    assert_non_null(strstr(err.text, "binlog_row_image"));
}

static void test_settings(void **state)
{
    (void)state;
    each(on_settings);
}

static void on_purged(struct world *w)
{
    const struct source_ops *ops = world_ops();
    struct error err = {0};
    fresh_database(w);
    world_sql(w, "CREATE TABLE inlet_ct.t (id INT PRIMARY KEY)");
    world_open(w, WORLD_TABLES);
    struct position *from = now(w);
    check_ok(ops->check_position(w->self, from, &err), &err);
    world_sql(w, "INSERT INTO inlet_ct.t VALUES (1)");
    world_sql(w, "FLUSH BINARY LOGS");
    check_ok(ops->check_position(w->self, from, &err), &err);
    world_sql(w, "INSERT INTO inlet_ct.t VALUES (2)");
    world_sql(w, "FLUSH BINARY LOGS");
    world_sql(w, "PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY");
    assert_false(ops->check_position(w->self, from, &err));
    assert_int_equal(err.code, FAIL_LOST);
    assert_non_null(strstr(err.text, "resync"));
    /* and the server itself says so, were nobody to check */
    struct source_reader *r = NULL;
    struct batch batch;
    struct source_notice notices[16];
    size_t count;
    enum source_read read = SOURCE_FAILED;
    batch_init(&batch);
    err = (struct error){0};
    if (ops->stream_open(w->self, from, &r, &err)) {
        do {
            batch_reset(&batch);
            read = ops->stream_read(r, 1000, &batch, notices, &count, &err);
        } while (read == SOURCE_BATCH);
        ops->reader_close(r);
    }
    assert_int_equal(read, SOURCE_FAILED);
    if (err.code != FAIL_LOST) {
        fail_msg("%s: %s", error_name(err.code), err.text);
    }
    batch_release(&batch);
    position_free(from);
}

static void test_purged(void **state)
{
    (void)state;
    each(on_purged);
}

static void *stop_later(void *arg)
{
    struct world *w = arg;
    struct stop *sleep = stop_new();
    (void)stop_wait(sleep, 300);
    stop_free(sleep);
    stop_request(w->stop);
    return NULL;
}

static void on_stop(struct world *w)
{
    struct error err = {0};
    struct source_notice notices[16];
    size_t count;
    struct batch batch;
    pthread_t thread;
    struct source_reader *r = NULL;
    fresh_database(w);
    world_sql(w, "CREATE TABLE inlet_ct.t (id INT PRIMARY KEY)");
    world_open(w, WORLD_TABLES);
    struct position *from = now(w);
    check_ok(world_ops()->stream_open(w->self, from, &r, &err), &err);
    batch_init(&batch);
    must(pthread_create(&thread, NULL, stop_later, w) == 0);
    uint64_t began_ms = instant_mono_ms();
    enum source_read read;
    do {
        batch_reset(&batch);
        read = world_ops()->stream_read(r, 30000, &batch, notices, &count, &err);
    } while (read == SOURCE_BATCH);
    assert_int_equal(read, SOURCE_FAILED);
    assert_int_equal(err.code, FAIL_STOPPED);
    assert_true(instant_mono_ms() - began_ms < 2000);
    (void)pthread_join(thread, NULL);
    world_ops()->reader_close(r);
    batch_release(&batch);
    position_free(from);
    world_shut(w);
    /* the flag stays set: this world ends here */
    mysql_link_close(w->sql);
    stop_free(w->stop);
    w->stop = stop_new();
    w->sql = world_login(w);
}

static void test_stop(void **state)
{
    (void)state;
    each(on_stop);
}

/* ---- ---- */

static int set_up(void **state)
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

static int tear_down(void **state)
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_discover),     cmocka_unit_test(test_no_match),
        cmocka_unit_test(test_chunks),       cmocka_unit_test(test_copy_and_stream),
        cmocka_unit_test(test_transactions), cmocka_unit_test(test_parts),
        cmocka_unit_test(test_notices),      cmocka_unit_test(test_notice_order),
        cmocka_unit_test(test_shared),       cmocka_unit_test(test_refused),
        cmocka_unit_test(test_settings),     cmocka_unit_test(test_purged),
        cmocka_unit_test(test_stop),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
