#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "connectors/mysql/gtid.h"
#include "connectors/mysql/mysql_group.h"

#define U1 "3e11fa47-71ca-11e1-9e33-c80aa9429562"

/* A group of a server that counts one way, with a batch. Its tracker knows no tables. */
struct world {
    struct mysql_catalog catalog;
    struct mysql_tracker *tracker;
    struct mysql_group group;
    struct batch batch;
    struct error err;
};

static void open_world(struct world *w, enum mysql_counting counting)
{
    static const struct mysql_policy policy = {0};
    struct mysql_server server = {.counting = counting,
                                  .mariadb = counting == MYSQL_COUNTING_MARIADB,
                                  .identity = "server-1"};
    struct binlog_rotate rotate = {.position = 4, .file = STR("bin.000007")};
    *w = (struct world){0};
    w->tracker = mysql_tracker_new(&w->catalog, &policy);
    mysql_group_init(&w->group, &server, w->tracker);
    batch_init(&w->batch);
    mysql_group_batch_begin(&w->group, &w->batch);
    assert_true(mysql_group_rotate(&w->group, &rotate, &w->err));
}

static void close_world(struct world *w)
{
    mysql_group_release(&w->group);
    mysql_tracker_free(w->tracker);
    batch_release(&w->batch);
}

static void next_batch(struct world *w)
{
    mysql_group_batch_end(&w->group);
    batch_reset(&w->batch);
    mysql_group_batch_begin(&w->group, &w->batch);
}

/* An event of so many bytes, ending there. */
static void event(struct world *w, uint8_t type, uint32_t size_bytes, uint32_t end)
{
    struct binlog_event e = {.type = type, .size_bytes = size_bytes, .next_position = end};
    mysql_group_advance(&w->group, &e);
}

static void begin(struct world *w, const char *counter, uint64_t number, uint32_t end)
{
    struct binlog_event e = {
        .type = BINLOG_GTID, .timestamp_s = 1700000000, .size_bytes = 50, .next_position = end};
    mysql_group_advance(&w->group, &e);
    mysql_group_begin(&w->group, &e);
    if (counter != NULL) {
        mysql_group_number(&w->group, counter, number);
    }
    w->group.begun = true;
}

static void add(struct world *w, uint32_t table)
{
    static struct value values[1];
    assert_true(mysql_group_open(&w->group, &w->err));
    mysql_group_touch(&w->group, table);
    mysql_group_add(&w->group, table, BINLOG_ROWS_INSERT, NULL, values);
}

static const struct batch_transaction *transaction(const struct world *w, size_t i)
{
    assert_true(i < w->batch.transaction_count);
    return &w->batch.transactions[i];
}

static void check_place(const struct batch_transaction *t, const char *identity,
                        const char *counter, uint64_t number, uint64_t from)
{
    assert_true(str_eq(t->place.lane, STR(GTID_LANE)));
    assert_true(str_eq(t->place.identity, str_of(identity)));
    assert_true(str_eq(t->place.counter, str_of(counter)));
    assert_int_equal(t->place.number, number);
    assert_int_equal(t->from, from);
}

static void by_gtid(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, MYSQL_COUNTING_GTID);
    begin(&w, U1, 41, 200);
    add(&w, 0);
    add(&w, 1);
    assert_true(mysql_group_finish(&w.group, &w.err));
    begin(&w, U1, 42, 400); /* without rows: its place is passed all the same */
    assert_true(mysql_group_finish(&w.group, &w.err));
    assert_true(mysql_group_moved(&w.group, &w.err)); /* nothing: files are not counted */
    assert_int_equal(w.batch.transaction_count, 2);
    check_place(transaction(&w, 0), "gtid", U1, 41, 41);
    check_place(transaction(&w, 1), "gtid", U1, 42, 42);
    assert_int_equal(transaction(&w, 0)->count, 2);
    assert_int_equal(transaction(&w, 1)->count, 0);
    assert_int_equal(transaction(&w, 0)->commit_ms, 1700000000000);
    assert_false(transaction(&w, 0)->open);
    close_world(&w);
}

static void by_domain(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, MYSQL_COUNTING_MARIADB);
    begin(&w, "0-1", 7, 200);
    add(&w, 0);
    assert_true(mysql_group_finish(&w.group, &w.err));
    begin(&w, "5-1", 3, 300);
    add(&w, 0);
    assert_true(mysql_group_finish(&w.group, &w.err));
    check_place(transaction(&w, 0), "mariadb-gtid", "0-1", 7, 0);
    check_place(transaction(&w, 1), "mariadb-gtid", "5-1", 3, 0);
    close_world(&w);
}

static void without_number(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, MYSQL_COUNTING_GTID);
    begin(&w, NULL, 0, 200);
    assert_false(mysql_group_finish(&w.group, &w.err));
    assert_int_equal(w.err.code, FAIL_CONFIG);
    assert_non_null(strstr(w.err.text, "bin.000007:150"));
    close_world(&w);
}

#define AT(offset) ((uint64_t)7 << 40 | (offset))

static void by_file(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, MYSQL_COUNTING_FILE);
    event(&w, BINLOG_FORMAT_DESCRIPTION, 96, 100);
    assert_true(mysql_group_moved(&w.group, &w.err));
    event(&w, BINLOG_PREVIOUS_GTIDS, 50, 150);
    assert_true(mysql_group_moved(&w.group, &w.err)); /* joins the one before */
    begin(&w, NULL, 0, 200);
    add(&w, 0);
    event(&w, BINLOG_XID, 31, 231);
    assert_true(mysql_group_finish(&w.group, &w.err));
    assert_int_equal(w.batch.transaction_count, 3);
    check_place(transaction(&w, 0), "server-1", "bin", AT(150), 0);
    /* a position at the transaction's start does not contain it, one at its end does */
    uint64_t number = transaction(&w, 1)->place.number;
    assert_true(number > AT(150) && number <= AT(231));
    assert_int_equal(transaction(&w, 1)->count, 1);
    check_place(transaction(&w, 2), "server-1", "bin", AT(231), 0);
    assert_int_equal(transaction(&w, 2)->count, 0);
    close_world(&w);
}

static void beyond_4_gib(void **state)
{
    struct world w;
    struct binlog_event made_up = {.type = BINLOG_GTID,
                                   .flags = BINLOG_FLAG_ARTIFICIAL,
                                   .size_bytes = 40,
                                   .next_position = 77};
    (void)state;
    open_world(&w, MYSQL_COUNTING_FILE);
    event(&w, BINLOG_XID, 100, 0xfffffff0);
    assert_true(w.group.offset == 0xfffffff0);
    event(&w, BINLOG_XID, 100, 84); /* wrapped */
    assert_true(w.group.offset == ((uint64_t)1 << 32) + 84);
    assert_true(w.group.event_start == 0xfffffff0);
    event(&w, BINLOG_XID, 100, 184);
    assert_true(w.group.offset == ((uint64_t)1 << 32) + 184);
    mysql_group_advance(&w.group, &made_up);
    assert_true(w.group.offset == ((uint64_t)1 << 32) + 184);
    event(&w, BINLOG_XID, 100, 0); /* MariaDB without positions: sizes add up */
    assert_true(w.group.offset == ((uint64_t)1 << 32) + 284);
    close_world(&w);
}

static void parts(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, MYSQL_COUNTING_GTID);
    begin(&w, U1, 41, 200);
    add(&w, 0);
    next_batch(&w);
    assert_true(w.group.continued);
    add(&w, 0);
    mysql_group_batch_end(&w.group);
    assert_int_equal(w.batch.transaction_count, 1);
    assert_true(transaction(&w, 0)->continued);
    assert_true(transaction(&w, 0)->open);
    next_batch(&w);
    assert_true(mysql_group_finish(&w.group, &w.err));
    assert_true(transaction(&w, 0)->continued);
    assert_false(transaction(&w, 0)->open);
    assert_int_equal(transaction(&w, 0)->count, 0);
    check_place(transaction(&w, 0), "gtid", U1, 41, 41);
    begin(&w, U1, 42, 200);
    assert_true(mysql_group_finish(&w.group, &w.err));
    assert_false(transaction(&w, 1)->continued);
    close_world(&w);
}

static void dropped(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, MYSQL_COUNTING_GTID);
    begin(&w, U1, 41, 200);
    add(&w, 3); /* of another transaction: stays */
    assert_true(mysql_group_finish(&w.group, &w.err));
    begin(&w, U1, 42, 300);
    add(&w, 3);
    add(&w, 4);
    add(&w, 3);
    add(&w, 5);
    mysql_group_drop(&w.group, 3);
    mysql_group_drop(&w.group, 9);
    assert_int_equal(w.batch.count, 3);
    assert_int_equal(transaction(&w, 1)->count, 2);
    assert_int_equal(w.batch.changes[0].table, 3);
    assert_int_equal(w.batch.changes[1].table, 4);
    assert_int_equal(w.batch.changes[2].table, 5);
    add(&w, 6);
    assert_int_equal(transaction(&w, 1)->count, 3);
    assert_int_equal(w.batch.changes[3].table, 6);
    close_world(&w);
}

/* The server died while it wrote a transaction: the next one begins, and this never ended. */
static void cut(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, MYSQL_COUNTING_GTID);
    assert_true(mysql_group_cut(&w.group, &w.err)); /* between transactions: nothing to do */
    begin(&w, U1, 41, 200);
    add(&w, 0);
    assert_true(mysql_group_finish(&w.group, &w.err));
    begin(&w, U1, 42, 300);
    add(&w, 0);
    add(&w, 1);
    assert_true(mysql_group_cut(&w.group, &w.err));
    assert_false(w.group.under_way);
    assert_int_equal(w.batch.count, 1);
    assert_int_equal(w.batch.transaction_count, 1);
    begin(&w, U1, 42, 300); /* the number is given again */
    add(&w, 2);
    assert_true(mysql_group_finish(&w.group, &w.err));
    assert_int_equal(transaction(&w, 1)->first, 1);
    assert_int_equal(w.batch.changes[1].table, 2);
    /* without BEGIN there can be no rows: the number is passed */
    begin(&w, U1, 43, 300);
    w.group.begun = false;
    assert_true(mysql_group_cut(&w.group, &w.err));
    check_place(transaction(&w, 2), "gtid", U1, 43, 43);
    /* parts that are gone cannot be taken back */
    begin(&w, U1, 44, 400);
    add(&w, 0);
    next_batch(&w);
    assert_false(mysql_group_cut(&w.group, &w.err));
    assert_int_equal(w.err.code, FAIL_LOST);
    close_world(&w);
}

static void file_names(void **state)
{
    struct world w;
    char name[1100];
    (void)state;
    open_world(&w, MYSQL_COUNTING_FILE);
    memset(name, 'x', sizeof name);
    struct binlog_rotate rotate = {.position = 4, .file = {name, sizeof name}};
    assert_false(mysql_group_rotate(&w.group, &rotate, &w.err));
    rotate.file = STR("");
    assert_false(mysql_group_rotate(&w.group, &rotate, &w.err));
    rotate.file = STR("without-number");
    assert_true(mysql_group_rotate(&w.group, &rotate, &w.err));
    assert_false(mysql_group_moved(&w.group, &w.err));
    assert_int_equal(w.err.code, FAIL_CORRUPT);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_gtid), cmocka_unit_test(by_domain),    cmocka_unit_test(without_number),
        cmocka_unit_test(by_file), cmocka_unit_test(beyond_4_gib), cmocka_unit_test(parts),
        cmocka_unit_test(dropped), cmocka_unit_test(cut),          cmocka_unit_test(file_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
