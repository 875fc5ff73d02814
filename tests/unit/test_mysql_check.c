#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "connectors/mysql/mysql_check.h"

#define ALL                                                                                        \
    (MYSQL_RIGHT_SELECT | MYSQL_RIGHT_RELOAD | MYSQL_RIGHT_REPLICATION_SLAVE |                     \
     MYSQL_RIGHT_REPLICATION_CLIENT)

static void grants(void **state)
{
    static const struct {
        const char *line;
        unsigned rights;
    } list[] = {
        {"GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION", ALL},
        {"GRANT SELECT, RELOAD, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `i`@`%`", ALL},
        {"GRANT SELECT, RELOAD, REPLICATION SLAVE, BINLOG MONITOR ON *.* TO `i`@`%` IDENTIFIED BY "
         "PASSWORD '*FE56'",
         ALL},
        {"GRANT USAGE ON *.* TO `i`@`%`", 0},
        {"GRANT SELECT (`a`, `b`), INSERT ON `shop`.`t` TO `i`@`%`", MYSQL_RIGHT_SELECT},
        /* of one database only reading counts */
        {"GRANT ALL PRIVILEGES ON `shop`.* TO `i`@`%`", MYSQL_RIGHT_SELECT},
        {"GRANT SUPER ON *.* TO `i`@`%`", MYSQL_RIGHT_REPLICATION_CLIENT},
        {"GRANT `reader`@`%` TO `i`@`%`", MYSQL_RIGHT_ROLE},
        {"GRANT `a ON *.* b`@`%` TO `i`@`%`", MYSQL_RIGHT_ROLE},
        {"GRANT SELECT ON ` ON *.* `.* TO `i`@`%`", MYSQL_RIGHT_SELECT},
        {"GRANT BACKUP_ADMIN,CONNECTION_ADMIN ON *.* TO `i`@`%`", 0},
        {"SET DEFAULT ROLE x", 0},
        {"", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        unsigned got = mysql_check_grant(str_of(list[i].line));
        if (got != list[i].rights) {
            fail_msg("%s: %u, not %u", list[i].line, got, list[i].rights);
        }
    }
}

static void missing(void **state)
{
    struct buf b = BUF_INIT(512);
    unsigned needed =
        MYSQL_RIGHT_SELECT | MYSQL_RIGHT_REPLICATION_SLAVE | MYSQL_RIGHT_REPLICATION_CLIENT;
    (void)state;
    assert_false(mysql_check_missing(ALL, needed, STR("inlet@%"), false, &b));
    assert_false(mysql_check_missing(MYSQL_RIGHT_ROLE, needed, STR("inlet@%"), false, &b));
    assert_int_equal(b.len, 0);
    assert_true(mysql_check_missing(MYSQL_RIGHT_SELECT, needed, STR("inlet@%"), false, &b));
    assert_string_equal(buf_cstr(&b),
                        "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'inlet'@'%'");
    buf_reset(&b);
    assert_true(mysql_check_missing(MYSQL_RIGHT_RELOAD, needed, STR("o'x@y@10.0.0.%"), true, &b));
    assert_string_equal(
        buf_cstr(&b),
        "GRANT SELECT, REPLICATION SLAVE, BINLOG MONITOR ON *.* TO 'o''x@y'@'10.0.0.%'");
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grants),
        cmocka_unit_test(missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
