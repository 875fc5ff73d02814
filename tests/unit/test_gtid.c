#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "connectors/mysql/gtid.h"

#define U1 "3e11fa47-71ca-11e1-9e33-c80aa9429562"
#define U2 "ffffffff-0000-1111-2222-333333333333"

static struct position *parse(const char *text)
{
    struct error err = {0};
    struct position *p = position_new();
    if (!gtid_parse(str_of(text), p, &err)) {
        fail_msg("%s", err.text);
    }
    return p;
}

static void expect_print(const struct position *p, const char *want)
{
    struct buf out = BUF_INIT(4096);
    gtid_print(p, &out);
    assert_string_equal(buf_cstr(&out), want);
    buf_release(&out);
}

static void sets(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } good[] = {
        {"", ""},
        {U1 ":1", U1 ":1"},
        {U1 ":1-5:7", U1 ":1-5:7"},
        {U1 ":7:1-3:4-5", U1 ":1-5:7"}, /* joined and sorted */
        {" " U2 ":3-4 ,\n" U1 ":1 ", U1 ":1," U2 ":3-4"},
        {"3E11FA47-71CA-11E1-9E33-C80AA9429562:9", U1 ":9"},
        {U1 ":1-5:tag_1:1:3-4:other:9", U1 ":1-5," U1 ":other:9," U1 ":tag_1:1:3-4"},
        {U1 ":TAG:2", U1 ":tag:2"},
        {U1 ":1-9223372036854775806", U1 ":1-9223372036854775806"},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct position *p = parse(good[i].in);
        expect_print(p, good[i].out);
        struct position *again = parse(good[i].out);
        assert_true(position_equal(p, again));
        position_free(p);
        position_free(again);
    }
    static const char *const bad[] = {
        "x",
        U1,
        U1 ":",
        U1 ":0",
        U1 ":5-3",
        U1 ":1-",
        U1 ":tag",
        U1 ":1-9223372036854775807",
        U1 ":9tag:1",
        U1 ":a_tag_that_is_longer_than_32_letters_:1",
        "3e11fa4771ca11e19e33c80aa9429562:1",
        U1 ":1:x y:2",
        "3e11fa47-71ca-11e1-9e33-c80aa942956g:1",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct error err = {0};
        struct position *p = position_new();
        if (gtid_parse(str_of(bad[i]), p, &err)) {
            fail_msg("\"%s\" was taken for a GTID set", bad[i]);
        }
        assert_int_equal(err.code, FAIL_CORRUPT);
        position_free(p);
    }
}

static void blocks(void **state)
{
    (void)state;
    struct error err = {0};
    struct buf out = BUF_INIT(4096);
    struct position *p = parse(U1 ":1-5:7," U2 ":2");
    assert_false(gtid_has_tags(p));
    assert_true(gtid_encode(p, &out, &err));
    static const char plain[] = "\x02\0\0\0\0\0\0\0"
                                "\x3e\x11\xfa\x47\x71\xca\x11\xe1\x9e\x33\xc8\x0a\xa9\x42\x95\x62"
                                "\x02\0\0\0\0\0\0\0"
                                "\x01\0\0\0\0\0\0\0\x06\0\0\0\0\0\0\0"
                                "\x07\0\0\0\0\0\0\0\x08\0\0\0\0\0\0\0"
                                "\xff\xff\xff\xff\0\0\x11\x11\x22\x22\x33\x33\x33\x33\x33\x33"
                                "\x01\0\0\0\0\0\0\0"
                                "\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0";
    assert_int_equal(out.len, sizeof(plain) - 1);
    assert_memory_equal(out.ptr, plain, sizeof(plain) - 1);
    /* back again, and no cut of it is believed */
    struct position *back = position_new();
    assert_true(gtid_decode(buf_str(&out), back, &err));
    assert_true(position_equal(p, back));
    for (size_t len = 0; len < out.len; len++) {
        struct position *cut = position_new();
        assert_false(gtid_decode((struct str){out.ptr, len}, cut, &err));
        position_free(cut);
    }
    position_free(back);
    position_free(p);

    p = parse(U1 ":1," U1 ":tag:4-6");
    assert_true(gtid_has_tags(p));
    buf_reset(&out);
    assert_true(gtid_encode(p, &out, &err));
    assert_memory_equal(out.ptr, "\x01\x02\0\0\0\0\0\x01", 8);
    assert_int_equal(out.ptr[24], 0); /* no tag */
    assert_memory_equal(out.ptr + 24 + 1 + 24 + 16, "\x06tag", 4);
    back = position_new();
    assert_true(gtid_decode(buf_str(&out), back, &err));
    assert_true(position_equal(p, back));
    out.ptr[7] = 2; /* a form to come */
    assert_false(gtid_decode(buf_str(&out), back, &err));
    position_free(back);
    position_free(p);

    p = position_new(); /* nothing was executed: all is wanted */
    buf_reset(&out);
    assert_true(gtid_encode(p, &out, &err));
    assert_int_equal(out.len, 8);
    position_free(p);
    buf_release(&out);
}

static void places(void **state)
{
    (void)state;
    struct position *p = parse(U1 ":1-5," U1 ":tag:1");
    struct binlog_gtid g = {.number = 5};
    char counter[GTID_COUNTER_BYTES];
    struct place place;
    memcpy(g.sid, "\x3e\x11\xfa\x47\x71\xca\x11\xe1\x9e\x33\xc8\x0a\xa9\x42\x95\x62", 16);
    gtid_place(&g, counter, &place);
    assert_true(position_has(p, &place));
    g.number = 6;
    gtid_place(&g, counter, &place);
    assert_false(position_has(p, &place));
    g.number = 1;
    g.tag = STR("tag");
    gtid_place(&g, counter, &place);
    assert_true(str_eq(place.counter, STR(U1 ":tag")));
    assert_true(position_has(p, &place));
    g.tag = STR("abcdefghijklmnopqrstuvwxyz_12345"); /* the longest */
    gtid_place(&g, counter, &place);
    assert_false(position_has(p, &place));
    position_free(p);
}

static void mariadb(void **state)
{
    (void)state;
    struct error err = {0};
    struct buf out = BUF_INIT(4096);
    struct position *p = position_new();
    assert_true(
        gtid_mariadb_parse(STR("0-1-100, 0-2-150,7-9-3,10-1-18446744073709551615"), p, &err));
    gtid_mariadb_print(p, &out);
    assert_string_equal(buf_cstr(&out), "0-1-100,0-2-150,10-1-18446744073709551615,7-9-3");
    buf_reset(&out);
    /* per domain the last of whoever wrote it */
    gtid_mariadb_connect_state(p, &out);
    assert_string_equal(buf_cstr(&out), "0-2-150,7-9-3,10-1-18446744073709551615");
    struct binlog_gtid_mariadb g = {.domain = 0, .server_id = 1, .number = 100};
    char counter[GTID_COUNTER_BYTES];
    struct place place;
    gtid_mariadb_place(&g, counter, &place);
    assert_true(position_has(p, &place));
    g.number = 140; /* after server 1 took over again, below server 2's last: new all the same */
    gtid_mariadb_place(&g, counter, &place);
    assert_false(position_has(p, &place));
    assert_true(position_advance(p, &place, &err));
    buf_reset(&out);
    gtid_mariadb_connect_state(p, &out);
    assert_string_equal(buf_cstr(&out), "0-2-150,7-9-3,10-1-18446744073709551615");
    static const char *const bad[] = {"0-1", "0-1-2-3", "a-1-2", "0-4294967296-1", "4294967296-1-1",
                                      "--"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(gtid_mariadb_parse(str_of(bad[i]), p, &err));
        assert_int_equal(err.code, FAIL_CORRUPT);
    }
    position_free(p);
    p = position_new();
    assert_true(gtid_mariadb_parse(STR(""), p, &err));
    buf_reset(&out);
    gtid_mariadb_connect_state(p, &out);
    assert_int_equal(out.len, 0);
    position_free(p);
    buf_release(&out);
}

static void files(void **state)
{
    (void)state;
    struct error err = {0};
    struct position *p = position_new();
    struct buf name = BUF_INIT(256);
    struct place place;
    uint64_t offset = 0;
    assert_false(gtid_file_find(p, STR("server"), &name, &offset));
    assert_true(gtid_file_place(STR("server"), STR("my.log-bin.000012"), 5000000000, &place, &err));
    assert_true(str_eq(place.counter, STR("my.log-bin")));
    assert_true(position_advance(p, &place, &err));
    assert_true(gtid_file_find(p, STR("server"), &name, &offset));
    assert_string_equal(buf_cstr(&name), "my.log-bin.000012");
    assert_int_equal(offset, 5000000000);
    assert_false(gtid_file_find(p, STR("other"), &name, &offset));
    /* files count before offsets */
    struct place before;
    assert_true(
        gtid_file_place(STR("server"), STR("my.log-bin.000011"), 9999999999, &before, &err));
    assert_true(position_has(p, &before));
    assert_true(gtid_file_place(STR("server"), STR("my.log-bin.1000000"), 4, &place, &err));
    assert_false(position_has(p, &place));
    assert_true(position_advance(p, &place, &err));
    buf_reset(&name);
    assert_true(gtid_file_find(p, STR("server"), &name, &offset));
    assert_string_equal(buf_cstr(&name), "my.log-bin.1000000");
    assert_int_equal(offset, 4);
    static const struct {
        const char *file;
        uint64_t offset;
        enum fail code;
    } bad[] = {
        {"bin", 4, FAIL_CORRUPT},        {"bin.", 4, FAIL_CORRUPT},
        {".000001", 4, FAIL_CORRUPT},    {"bin.00x", 4, FAIL_CORRUPT},
        {"bin.16777216", 4, FAIL_LIMIT}, {"bin.000001", (uint64_t)1 << 40, FAIL_LIMIT},
        {"", 4, FAIL_CORRUPT},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(gtid_file_place(STR("s"), str_of(bad[i].file), bad[i].offset, &place, &err));
        assert_int_equal(err.code, bad[i].code);
    }
    buf_release(&name);
    position_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets),    cmocka_unit_test(blocks), cmocka_unit_test(places),
        cmocka_unit_test(mariadb), cmocka_unit_test(files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
