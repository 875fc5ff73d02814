/* tests/contract/contract_source_stream.c: the stream's half of the source contract, on the servers
 * of INLET_TEST_MYSQL (contract_source.c). */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "source_world.h"

/* ---- the stream, transaction by transaction ---- */

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

/* ---- marks and visibility ---- */

#define COMMITTERS 4
#define SAMPLES 60

struct committer {
    struct world *w;
    atomic_bool *stop;
    int number;
};

/* One-row transactions as fast as they go; each committer's ids ascend, so what is visible of it is
 * a prefix. */
static void *commit_run(void *arg)
{
    struct committer *c = arg;
    struct error err = {0};
    struct mysql_link *l = world_login(c->w);
    char sql[128];
    for (int i = 1; !atomic_load(c->stop); i++) {
        (void)snprintf(sql, sizeof sql, "INSERT INTO inlet_ct.t VALUES (%d)",
                       c->number * 1000000 + i);
        if (!mysql_link_exec(l, sql, &err)) {
            print_error("committer: %s\n", err.text);
            break;
        }
    }
    mysql_link_close(l);
    return NULL;
}

struct sample {
    struct position *start; /* taken before the read */
    struct source_seen mark;
    int64_t seen[COMMITTERS];
};

static void take_sample(struct world *w, struct source_reader *r, struct sample *out)
{
    const struct source_ops *ops = world_ops();
    const struct source_chunk all = {.id = STR("..")};
    struct error err = {0};
    struct batch batch;
    bool copy;
    batch_init(&batch);
    check_ok(ops->start_position(w->self, &out->start, &copy, &err), &err);
    check_ok(ops->chunk_start(r, &w->tables.tables[0], &all, &err), &err);
    enum source_read read = SOURCE_BATCH;
    while (read != SOURCE_END) {
        batch_reset(&batch);
        read = ops->chunk_read(r, &batch, &out->mark, &err);
        check_ok(read != SOURCE_FAILED, &err);
        for (size_t i = 0; i < batch.count; i++) {
            int64_t id = batch.changes[i].values[0].i;
            int64_t *seen = &out->seen[id / 1000000];
            *seen = id % 1000000 > *seen ? id % 1000000 : *seen;
        }
    }
    batch_release(&batch);
}

static void check_sample(const struct sample *s, const struct place *place, int64_t id)
{
    bool seen = id % 1000000 <= s->seen[id / 1000000];
    if (seen && !position_has(s->mark.high, place)) {
        fail_msg("row %lld was read, but its transaction is not in its high", (long long)id);
    }
    if (!seen && position_has(s->mark.low, place)) {
        fail_msg("row %lld was not read, but its transaction is in the low", (long long)id);
    }
    if (!seen && position_has(s->start, place)) {
        fail_msg("row %lld is in the start position, but a later read did not show it",
                 (long long)id);
    }
}

static size_t check_samples(struct world *w, const struct position *from,
                            const struct sample *samples)
{
    struct follower f;
    struct error err = {0};
    struct position *end = now(w);
    size_t checked = 0;
    follow_open(&f, w, from);
    while (!position_contains(f.position, end)) {
        check_ok(follow_once(&f, 200, &err) != SOURCE_FAILED, &err);
        for (size_t i = 0; i < f.batch.transaction_count; i++) {
            const struct batch_transaction *t = &f.batch.transactions[i];
            for (size_t k = 0; t->count == 1 && k < SAMPLES; k++) {
                check_sample(&samples[k], &t->place, f.batch.changes[t->first].values[0].i);
                checked++;
            }
        }
    }
    for (size_t k = 0; k < SAMPLES; k++) {
        assert_true(position_contains(f.position, samples[k].mark.high));
    }
    follow_close(&f);
    position_free(end);
    return checked;
}

static void on_visibility(struct world *w)
{
    struct committer c[COMMITTERS];
    pthread_t threads[COMMITTERS];
    struct sample *samples = MEM_ARRAY(struct sample, SAMPLES);
    struct source_reader *r = NULL;
    struct error err = {0};
    atomic_bool stop = false;
    fresh_database(w);
    world_sql(w, "CREATE TABLE inlet_ct.t (id INT PRIMARY KEY)");
    world_open(w, WORLD_TABLES);
    struct position *from = now(w);
    check_ok(world_ops()->chunk_reader(w->self, 0, &r, &err), &err);
    for (int i = 0; i < COMMITTERS; i++) {
        c[i] = (struct committer){w, &stop, i};
        must(pthread_create(&threads[i], NULL, commit_run, &c[i]) == 0);
    }
    for (size_t k = 0; k < SAMPLES; k++) {
        (void)stop_wait(w->stop, k == 0 ? 300 : 10); /* the committers connect first */
        take_sample(w, r, &samples[k]);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < COMMITTERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    world_ops()->reader_close(r);
    assert_true(check_samples(w, from, samples) > SAMPLES);
    for (size_t k = 0; k < SAMPLES; k++) {
        position_free(samples[k].start);
        position_free(samples[k].mark.low);
        position_free(samples[k].mark.high);
    }
    mem_free(samples);
    position_free(from);
}

static void test_visibility(void **state)
{
    (void)state;
    each(on_visibility);
}

/* A commit held up between log and engine for a second: in the log's end, and not visible. */
static void *stalled_run(void *arg)
{
    struct world *w = arg;
    struct error err = {0};
    struct mysql_link *l = world_login(w);
    if (!mysql_link_exec(l, "INSERT INTO inlet_ct.t VALUES (1)", &err)) {
        print_error("stalled commit: %s\n", err.text);
    }
    mysql_link_close(l);
    return NULL;
}

static void on_stalled(struct world *w)
{
    struct sample s = {0};
    struct source_reader *r = NULL;
    struct error err = {0};
    pthread_t thread;
    if (!mysql_link_is_mariadb(w->sql)) {
        print_message("           no semi-synchronous replication without a plugin: left out\n");
        return;
    }
    fresh_database(w);
    world_sql(w, "CREATE TABLE inlet_ct.t (id INT PRIMARY KEY)");
    world_open(w, WORLD_TABLES);
    check_ok(world_ops()->chunk_reader(w->self, 0, &r, &err), &err);
    struct position *from = now(w);
    world_sql(w, "SET GLOBAL rpl_semi_sync_master_timeout=1200, "
                 "rpl_semi_sync_master_wait_point=AFTER_SYNC, rpl_semi_sync_master_enabled=ON");
    must(pthread_create(&thread, NULL, stalled_run, w) == 0);
    uint64_t end_ms = instant_mono_ms() + 5000;
    struct position *end = now(w);
    while (position_equal(end, from) && instant_mono_ms() < end_ms) {
        position_free(end);
        (void)stop_wait(w->stop, 5);
        end = now(w);
    }
    take_sample(w, r, &s);
    world_sql(w, "SET GLOBAL rpl_semi_sync_master_enabled=OFF");
    (void)pthread_join(thread, NULL);
    world_ops()->reader_close(r);
    assert_false(position_equal(end, from)); /* it was in the log … */
    assert_int_equal(s.seen[0], 0);          /* … and not visible */
    assert_false(position_contains(s.start, end));
    position_free(s.start);
    position_free(s.mark.low);
    position_free(s.mark.high);
    position_free(from);
    position_free(end);
}

static void test_stalled(void **state)
{
    (void)state;
    each(on_stalled);
}

/* ---- positions that are gone, and stopping ---- */

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
    assert_non_null(strstr(err.text, "purged"));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transactions), cmocka_unit_test(test_parts),
        cmocka_unit_test(test_notices),      cmocka_unit_test(test_notice_order),
        cmocka_unit_test(test_visibility),   cmocka_unit_test(test_stalled),
        cmocka_unit_test(test_purged),       cmocka_unit_test(test_stop),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
