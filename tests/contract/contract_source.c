/* tests/contract/contract_source.c: what every source must do, tried on real servers.
 *
 * INLET_TEST_MYSQL="host:port[,host:port…]" names them; each has the accounts of tests/servers
 * (root without a password, inlet / inlet-secret). Unset: skipped. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "source_world.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_discover), cmocka_unit_test(test_no_match),
        cmocka_unit_test(test_chunks),   cmocka_unit_test(test_copy_and_stream),
        cmocka_unit_test(test_shared),   cmocka_unit_test(test_refused),
        cmocka_unit_test(test_settings),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
