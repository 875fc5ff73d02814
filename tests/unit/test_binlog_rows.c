#include "connectors/mysql/binlog_rows.h"

#include "tests/unit/mysql_golden.h"

static const struct mysql_policy nulls = {.time_range = MYSQL_TIME_RANGE_NULL};

/* Every row of a recording, decoded from the log, is what the server's SELECT says. */
static void compare_log(const char *server, const char *label)
{
    struct golden g;
    golden_open(&g, server, label, nulls);
    struct binlog_format format;
    binlog_format_init(&format, true);
    struct binlog_event e;
    struct binlog_rows_plan *plan = NULL;
    struct error err = {0};
    size_t at = 0;
    size_t row = 0;
    while (golden_event(g.log, &format, &at, &e)) {
        if (e.type == BINLOG_TABLE_MAP) {
            struct binlog_table map;
            if (!binlog_table_read(&format, &e, &g.arena, &map, &err)) {
                fail_msg("%s/%s: %s", server, label, err.text);
            }
            binlog_rows_plan_free(plan);
            plan = NULL;
            if (!binlog_rows_plan_new(g.columns, g.count, &map, &g.policy, &plan, &err)) {
                fail_msg("%s/%s: %s", server, label, err.text);
            }
        }
        if (binlog_event_class(&e) != BINLOG_CLASS_ROWS) {
            continue;
        }
        struct binlog_rows rows;
        struct value *before = NULL;
        struct value *after = NULL;
        assert_true(binlog_rows_open(&format, &e, &g.arena, &rows, &err));
        assert_int_equal(rows.kind, BINLOG_ROWS_INSERT);
        enum binlog_rows_next next;
        while ((next = binlog_rows_next(&rows, plan, &g.arena, &before, &after, &err)) ==
               BINLOG_ROWS_ROW) {
            assert_null(before);
            golden_compare(&g, row++, after);
        }
        if (next != BINLOG_ROWS_END) {
            fail_msg("%s/%s row %zu: %s", server, label, row, err.text);
        }
    }
    assert_int_equal(row, g.row_count);
    binlog_rows_plan_free(plan);
    golden_close(&g);
}

static void compare_all(const char *label)
{
    static const char *const servers[] = {"mysql-5.7", "mysql-8.0", "mysql-9.7", "mariadb-10.11",
                                          "mariadb-11.8"};
    size_t tried = 0;
    for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
        struct arena a = {0};
        struct str found;
        if (golden_find(&a, servers[i], label, "rows", &found)) {
            compare_log(servers[i], label);
            tried++;
        }
        arena_release(&a);
    }
    assert_true(tried >= 2);
}

static void numbers(void **state)
{
    (void)state;
    compare_all("numbers");
}
static void times(void **state)
{
    (void)state;
    compare_all("times");
}
static void spans(void **state)
{
    (void)state;
    compare_all("spans");
}
static void texts(void **state)
{
    (void)state;
    compare_all("texts");
}
static void blobs(void **state)
{
    (void)state;
    compare_all("blobs");
}
static void enums(void **state)
{
    (void)state;
    compare_all("enums");
}
static void wide(void **state)
{
    (void)state;
    compare_all("wide");
}
static void json(void **state)
{
    (void)state;
    compare_all("json");
}
static void of_mariadb(void **state)
{
    (void)state;
    compare_all("mariadb");
}
static void of_mysql(void **state)
{
    (void)state;
    compare_all("mysql");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),  cmocka_unit_test(times), cmocka_unit_test(spans),
        cmocka_unit_test(texts),    cmocka_unit_test(blobs), cmocka_unit_test(enums),
        cmocka_unit_test(wide),     cmocka_unit_test(json),  cmocka_unit_test(of_mariadb),
        cmocka_unit_test(of_mysql),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
