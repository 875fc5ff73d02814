#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "connectors/mysql/gtid.h"
#include "connectors/mysql/mysql_position.h"

#define U1 "3e11fa47-71ca-11e1-9e33-c80aa9429562"
#define U2 "4e11fa47-71ca-11e1-9e33-c80aa9429562"

static void check_owned(const char *text, const char *want)
{
    struct position *p = position_new();
    struct buf got = BUF_INIT(4096);
    struct error err = {0};
    if (!mysql_position_parse_owned(str_of(text), p, &err)) {
        fail_msg("%s: %s", text, err.text);
    }
    gtid_print(p, &got);
    assert_string_equal(buf_cstr(&got), want);
    buf_release(&got);
    position_free(p);
}

static void owned(void **state)
{
    (void)state;
    check_owned("", "");
    check_owned(U1 ":5#12", U1 ":5");
    check_owned(U1 ":5#12#13", U1 ":5"); /* two sessions */
    check_owned(U1 ":5#12:6#13:9#14", U1 ":5-6:9");
    check_owned(U1 ":5#12,\n" U2 ":7#4", U1 ":5," U2 ":7");
    check_owned(U1 ":tag:5#12", U1 ":tag:5");
    check_owned(U1 ":5#1:tag:6#2:other:7#3", U1 ":5," U1 ":other:7," U1 ":tag:6");
}

static void not_owned(void **state)
{
    static const char *const wrong[] = {"5#12", U1 ":x#1", U1 ":#1", "nonsense:5#1",
                                        U1 ":99999999999999999999#1"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct position *p = position_new();
        struct error err = {0};
        if (mysql_position_parse_owned(str_of(wrong[i]), p, &err)) {
            fail_msg("understood: %s", wrong[i]);
        }
        assert_int_equal(err.code, FAIL_CORRUPT);
        position_free(p);
    }
}

static void check_shown(const struct mysql_server *s, const char *position, const char *want)
{
    struct position *p = NULL;
    struct buf got = BUF_INIT(4096);
    struct error err = {0};
    if (!position_parse(str_of(position), &p, &err)) {
        fail_msg("%s: %s", position, err.text);
    }
    mysql_position_describe(s, p, &got);
    assert_string_equal(buf_cstr(&got), want);
    buf_release(&got);
    position_free(p);
}

static void shown(void **state)
{
    struct mysql_server s = {.identity = "mariadb-7"};
    (void)state;
    check_shown(&s, "1", "nothing yet");
    check_shown(&s, "1;binlog@gtid;" U1 "=1-5,7", U1 ":1-5:7");
    check_shown(&s, "1;binlog@mariadb-gtid;0-1=0-77", "0-1-77");
    /* file 3, offset 1234: 3 << 40 | 1234 */
    struct place place;
    struct error err = {0};
    struct position *p = position_new();
    struct buf got = BUF_INIT(4096);
    assert_true(gtid_file_place(STR("mariadb-7"), STR("bin.000003"), 1234, &place, &err));
    assert_true(position_advance(p, &place, &err));
    mysql_position_describe(&s, p, &got);
    assert_string_equal(buf_cstr(&got), "bin.000003:1234");
    buf_release(&got);
    position_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owned),
        cmocka_unit_test(not_owned),
        cmocka_unit_test(shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
