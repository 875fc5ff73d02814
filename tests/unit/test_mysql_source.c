#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "config/tree.h"
#include "connectors/mysql/mysql_backfill.h"
#include "connectors/mysql/mysql_conf.h"
#include "connectors/mysql/mysql_dump.h"
#include "connectors/mysql/mysql_options.h"
#include "connectors/mysql/mysql_source.h"

static void test_list(void **state)
{
    (void)state;
    assert_ptr_equal(source_find(STR("mysql")), &mysql_source_ops);
    assert_null(source_find(STR("mysq")));
    assert_null(source_find(STR("")));
    const void *const *slot = (const void *const *)(const void *)&mysql_source_ops;
    for (size_t i = 0; i < sizeof mysql_source_ops / sizeof *slot; i++) {
        assert_non_null(slot[i]); /* no optional slots */
    }
}

static void refused(struct mysql_conf conf, const char *key)
{
    const char *seen = NULL;
    struct error err = {0};
    assert_false(mysql_conf_check(&conf, &seen, &err));
    assert_int_equal(err.code, FAIL_CONFIG);
    assert_string_equal(seen, key);
}

static void test_conf_check(void **state)
{
    (void)state;
    const char *key;
    struct error err = {0};
    struct mysql_conf good = {.tables = STR("shop.\\.*, a.b")};
    assert_true(mysql_conf_check(&good, &key, &err));
    struct mysql_conf conf = good;
    conf.tables = STR("no-dot");
    refused(conf, "tables");
    conf.tables = STR("a.(b");
    refused(conf, "tables");
    conf = good;
    conf.tables_exclude = STR("a.[b");
    refused(conf, "tables.exclude");
    conf = good;
    conf.server_id = STR("5-3");
    refused(conf, "server-id");
    conf = good;
    conf.startup_mode = MYSQL_CONF_STARTUP_TIMESTAMP;
    refused(conf, "scan.startup.mode");
    conf.startup_mode = MYSQL_CONF_STARTUP_SPECIFIC;
    refused(conf, "scan.startup.mode");
    conf.offset_gtid_set = STR("0-1-2");
    assert_true(mysql_conf_check(&conf, &key, &err));
    conf = good;
    conf.ssl_mode = 3; /* VERIFY_CA */
    refused(conf, "ssl-mode");
    conf.ssl_ca = STR("/nowhere/ca.pem");
    refused(conf, "ssl-ca");
}

static void test_server_id(void **state)
{
    (void)state;
    struct error err = {0};
    uint32_t id = 0;
    uint32_t same = 0;
    assert_true(mysql_conf_server_id(STR(""), STR("job"), &id, &err));
    assert_true(mysql_conf_server_id(STR(""), STR("job"), &same, &err));
    assert_int_equal(id, same);
    assert_in_range(id, 5400, 6400);
    assert_true(mysql_conf_server_id(STR("5401-5404"), STR("job"), &id, &err));
    assert_int_equal(id, 5401);
    assert_true(mysql_conf_server_id(STR("4294967295"), STR("job"), &id, &err));
    assert_int_equal(id, UINT32_MAX);
    static const char *const bad[] = {"0", "-1", "x", "4294967296", " ", NULL};
    for (size_t i = 0; bad[i] != NULL; i++) {
        assert_false(mysql_conf_server_id(str_of(bad[i]), STR("job"), &id, &err));
        assert_int_equal(err.code, FAIL_CONFIG);
    }
}

static bool apply(const char *yaml, struct mysql_conf *out, struct error *err)
{
    struct tree *t = NULL;
    static struct arena arena;
    memset(out, 0, sizeof *out);
    assert_true(tree_parse(str_of(yaml), "job.yaml", &t, err));
    bool ok = option_apply(&mysql_options, tree_root(t), "job.yaml", NULL, &arena, out, err);
    tree_free(t);
    arena_release(&arena);
    return ok;
}

#define LEAST "hostname: h\nusername: u\ntables: 'a.b'\n"

static void test_options(void **state)
{
    (void)state;
    struct mysql_conf c;
    struct error err = {0};
    assert_true(apply(LEAST, &c, &err));
    assert_int_equal(c.port, 3306);
    assert_int_equal(c.heartbeat_ms, 30000);
    assert_int_equal(c.connect_timeout_ms, 30000);
    assert_int_equal(c.ssl_mode, MYSQL_SSL_PREFERRED);
    assert_true(c.include_comments && c.tinyint1_is_boolean);
    assert_true(
        apply(LEAST "server-time-zone: UTC\nssl-mode: VERIFY_CA\nzero-date: epoch\n", &c, &err));
    assert_int_equal(c.ssl_mode, MYSQL_SSL_VERIFY_CA);
    assert_int_equal(c.zero_date, MYSQL_ZERO_DATE_EPOCH);
    static const char *const bad[] = {LEAST "metadata.list: op_ts\n",
                                      LEAST "debezium:\n  x: 1\n",
                                      LEAST "jdbc.properties.useSSL: x\n",
                                      LEAST "hostnam: x\n",
                                      LEAST "connect.timeout: 100ms\n",
                                      LEAST "port: 70000\n",
                                      LEAST "scan.startup.mode: someday\n",
                                      "hostname: h\n",
                                      LEAST "scan.newly-added-table.enabled: true\n",
                                      NULL};
    for (size_t i = 0; bad[i] != NULL; i++) {
        if (apply(bad[i], &c, &err)) {
            fail_msg("accepted: %s", bad[i]);
        }
        assert_int_equal(err.code, FAIL_CONFIG);
    }
}

static void test_chunk_rows(void **state)
{
    (void)state;
    assert_int_equal(mysql_backfill_rows(500, 1000000, 100000000), 500);
    assert_int_equal(mysql_backfill_rows(0, 1000000, 100000000), (32 << 20) / 100);
    assert_int_equal(mysql_backfill_rows(0, 1000, 100000000), 8096);
    assert_int_equal(mysql_backfill_rows(0, 0, 0), (32 << 20) / 100);
    assert_int_equal(mysql_backfill_rows(0, 1000000, 0), 32 << 20);
}

static void test_dump_errors(void **state)
{
    (void)state;
    static const struct {
        unsigned number;
        const char *text;
        enum fail code;
    } cases[] = {
        {1236, "Could not find first log file name in binary log index file", FAIL_LOST},
        {1236,
         "The slave is connecting using CHANGE MASTER TO MASTER_AUTO_POSITION = 1, but the master "
         "has purged binary logs containing GTIDs that the slave requires.",
         FAIL_LOST},
        {1236,
         "A slave with the same server_uuid/server_id as this slave has connected to the "
         "master",
         FAIL_CONFIG},
        {1236, "log event entry exceeded max_allowed_packet; Increase max_allowed_packet on master",
         FAIL_CONFIG},
        {1236, "something new", FAIL_IO},
        {1045, "Access denied", FAIL_DENIED},
        {1227, "Access denied; you need REPLICATION SLAVE", FAIL_DENIED},
        {1053, "Server shutdown in progress", FAIL_IO},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(mysql_dump_fail_of(cases[i].number, cases[i].text), cases[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),       cmocka_unit_test(test_server_id),
        cmocka_unit_test(test_conf_check), cmocka_unit_test(test_options),
        cmocka_unit_test(test_chunk_rows), cmocka_unit_test(test_dump_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
