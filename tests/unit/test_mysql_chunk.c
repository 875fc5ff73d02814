#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "connectors/mysql/mysql_backfill.h"
#include "connectors/mysql/mysql_chunk.h"
#include "connectors/mysql/mysql_type.h"

static struct mysql_column one_columns[] = {{.name = {"id", 2}, .class = MYSQL_CLASS_BIGINT}};
static size_t one_key[] = {0};
static const struct mysql_table one = {.database = {"shop", 4},
                                       .name = {"t", 1},
                                       .columns = one_columns,
                                       .column_count = 1,
                                       .key = one_key,
                                       .key_count = 1};

/* The key's order is not the columns'; names with backticks; an ENUM. */
static struct mysql_column three_columns[] = {{.name = {"a", 1}, .class = MYSQL_CLASS_ENUM},
                                              {.name = {"b`b", 3}, .class = MYSQL_CLASS_VARCHAR},
                                              {.name = {"c", 1}, .class = MYSQL_CLASS_VARBINARY}};
static size_t three_key[] = {1, 0, 2};
static const struct mysql_table three = {.database = {"s`p", 3},
                                         .name = {"t", 1},
                                         .columns = three_columns,
                                         .column_count = 3,
                                         .key = three_key,
                                         .key_count = 3};

static void check_round(const struct mysql_table *t, const char *id)
{
    struct arena a = {0};
    struct mysql_range range;
    struct error err = {0};
    if (!mysql_chunk_parse(str_of(id), t, &a, &range, &err)) {
        fail_msg("%s: %s", id, err.text);
    }
    struct str again = mysql_chunk_print(&range, &a);
    assert_int_equal(again.len, strlen(id));
    assert_memory_equal(again.ptr, id, again.len);
    arena_release(&a);
}

static void ids(void **state)
{
    (void)state;
    check_round(&one, "..");
    check_round(&one, "..i0");
    check_round(&one, "i-9223372036854775808..i9223372036854775807");
    check_round(&one, "u18446744073709551615..");
    check_round(&three, "t253:0161,i2,t252:00..t253:026162,i3,t252:02ff00");
    check_round(&three, "..t253:00,u0,t252:00");
}

static void wrong_ids(void **state)
{
    static const char *const of_one[] = {
        "",
        ".",
        "i1",
        "i1.",
        "i1..i2..i3",
        "i1,i2..",
        "..i1,",
        "..,",
        "i..",
        "ix..",
        "i1 ..",
        "u-1..",
        "i9223372036854775808..",
        "u18446744073709551616..",
        "t8:01..",
        "t253:..",
        "t253:0..",
        "t253:0g..",
        "t253:0261..",
        "t253:016161..",
        "t999:00..",
        "t:00..",
        "t253..",
        "x1..",
    };
    static const char *const of_three[] = {"i1..", "i1,i2..", "i1,i2,i3,i4..", "i1,i2,i3..i4"};
    struct mysql_range range;
    (void)state;
    for (size_t i = 0; i < sizeof of_one / sizeof of_one[0]; i++) {
        struct arena a = {0};
        struct error err = {0};
        if (mysql_chunk_parse(str_of(of_one[i]), &one, &a, &range, &err)) {
            fail_msg("taken for a range: '%s'", of_one[i]);
        }
        assert_int_equal(err.code, FAIL_CORRUPT);
        assert_non_null(strstr(err.text, "shop.t"));
        arena_release(&a);
    }
    for (size_t i = 0; i < sizeof of_three / sizeof of_three[0]; i++) {
        struct arena a = {0};
        struct error err = {0};
        assert_false(mysql_chunk_parse(str_of(of_three[i]), &three, &a, &range, &err));
        arena_release(&a);
    }
}

static void check_sql(const struct mysql_table *t, const char *id, const char *want,
                      size_t want_params)
{
    struct arena a = {0};
    struct buf sql = BUF_INIT(65536);
    struct mysql_range range;
    struct mysql_param *params;
    struct error err = {0};
    assert_true(mysql_chunk_parse(str_of(id), t, &a, &range, &err));
    mysql_chunk_put_from(t, &range, &sql);
    assert_string_equal(buf_cstr(&sql), want);
    size_t marks = 0;
    for (size_t i = 0; i < sql.len; i++) {
        marks += sql.ptr[i] == '?' ? 1 : 0;
    }
    assert_int_equal(mysql_chunk_params(&range, &a, &params), want_params);
    assert_int_equal(marks, want_params);
    buf_release(&sql);
    arena_release(&a);
}

static void statements(void **state)
{
    (void)state;
    check_sql(&one, "..", "`shop`.`t` FORCE INDEX (PRIMARY)", 0);
    check_sql(&one, "i1..i2", "`shop`.`t` FORCE INDEX (PRIMARY) WHERE `id` > ? AND `id` <= ?", 2);
    check_sql(&one, "..i2", "`shop`.`t` FORCE INDEX (PRIMARY) WHERE `id` <= ?", 1);
    check_sql(&three, "t253:00,i1,t252:00..",
              "`s``p`.`t` FORCE INDEX (PRIMARY) WHERE `b``b` >= ? AND (`b``b` > ? OR (`b``b` = ? "
              "AND (CAST(`a` AS UNSIGNED) > ? OR (CAST(`a` AS UNSIGNED) = ? AND `c` > ?))))",
              6);
    check_sql(&three, "..t253:00,i1,t252:00",
              "`s``p`.`t` FORCE INDEX (PRIMARY) WHERE `b``b` <= ? AND (`b``b` < ? OR (`b``b` = ? "
              "AND (CAST(`a` AS UNSIGNED) < ? OR (CAST(`a` AS UNSIGNED) = ? AND `c` <= ?))))",
              6);
}

/* The marks' values in their order: first term, then strict and equal of each column. */
static void parameters(void **state)
{
    struct arena a = {0};
    struct mysql_range range;
    struct mysql_param *p;
    struct error err = {0};
    (void)state;
    assert_true(mysql_chunk_parse(STR("i1,i2,i3..i4,i5,i6"), &three, &a, &range, &err));
    size_t n = mysql_chunk_params(&range, &a, &p);
    static const int64_t want[] = {1, 1, 1, 2, 2, 3, 4, 4, 4, 5, 5, 6};
    assert_int_equal(n, sizeof want / sizeof want[0]);
    for (size_t i = 0; i < n; i++) {
        int64_t v;
        assert_int_equal(p[i].type, MYSQL_WIRE_LONGLONG);
        assert_int_equal(p[i].bytes.len, 8);
        memcpy(&v, p[i].bytes.ptr, 8);
        assert_int_equal(v, want[i]);
    }
    arena_release(&a);
}

static void key_lists(void **state)
{
    struct buf sql = BUF_INIT(4096);
    (void)state;
    mysql_chunk_put_key(&three, &sql);
    mysql_chunk_put_order(&three, false, &sql);
    mysql_chunk_put_order(&three, true, &sql);
    assert_string_equal(buf_cstr(&sql),
                        "`b``b`, CAST(`a` AS UNSIGNED), `c` ORDER BY `b``b`, `a`, `c` ORDER BY "
                        "`b``b` DESC, `a` DESC, `c` DESC");
    buf_release(&sql);
}

/* Rows of the key's select list as they come over the wire. */
static void bounds(void **state)
{
    static const char packet[] = "\0\0\x03"
                                 "abc"
                                 "\x05\0"
                                 "\x02\xff\0";
    struct mysql_column_info columns[] = {{.type = MYSQL_WIRE_VAR_STRING},
                                          {.type = MYSQL_WIRE_SHORT, .flags = 32},
                                          {.type = MYSQL_WIRE_VAR_STRING}};
    struct arena a = {0};
    struct mysql_bound b;
    struct error err = {0};
    (void)state;
    struct str row = {packet, sizeof packet - 1};
    assert_true(mysql_chunk_bound(&three, columns, row, &a, &b, &err));
    struct mysql_range range = {.high = b};
    struct str id = mysql_chunk_print(&range, &a);
    struct str want = STR("..t253:03616263,u5,t252:02ff00");
    assert_true(str_eq(id, want));
    for (size_t n = 0; n < row.len; n++) {
        char *exact = mem_dup(packet, n);
        assert_false(mysql_chunk_bound(&three, columns, (struct str){exact, n}, &a, &b, &err));
        mem_free(exact);
    }
    arena_release(&a);
}

static void check_whole(uint8_t type, unsigned flags, const char *bytes, size_t len,
                        const char *want)
{
    char packet[16] = {0};
    struct mysql_column_info column = {.type = type, .flags = (uint16_t)flags};
    struct arena a = {0};
    struct mysql_bound b;
    struct error err = {0};
    memcpy(packet + 2, bytes, len);
    assert_true(mysql_chunk_bound(&one, &column, (struct str){packet, len + 2}, &a, &b, &err));
    struct mysql_range range = {.low = b};
    struct str id = mysql_chunk_print(&range, &a);
    assert_int_equal(id.len, strlen(want));
    assert_memory_equal(id.ptr, want, id.len);
    arena_release(&a);
}

static void whole_numbers(void **state)
{
    (void)state;
    check_whole(MYSQL_WIRE_TINY, 0, "\x80", 1, "i-128..");
    check_whole(MYSQL_WIRE_TINY, 32, "\x80", 1, "u128..");
    check_whole(MYSQL_WIRE_SHORT, 0, "\xff\xff", 2, "i-1..");
    check_whole(MYSQL_WIRE_LONG, 0, "\0\0\0\x80", 4, "i-2147483648..");
    check_whole(MYSQL_WIRE_INT24, 0, "\0\0\x80\xff", 4, "i-8388608..");
    check_whole(MYSQL_WIRE_LONGLONG, 0, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, "i-1..");
    check_whole(MYSQL_WIRE_LONGLONG, 32, "\xff\xff\xff\xff\xff\xff\xff\xff", 8,
                "u18446744073709551615..");
}

static void numbers(void **state)
{
    struct arena a = {0};
    int128 back;
    (void)state;
    struct mysql_bound b = mysql_chunk_number(-5, false, &a);
    assert_true(mysql_chunk_as_number(&b, &back));
    assert_true(back == -5);
    b = mysql_chunk_number((int128)UINT64_MAX, true, &a);
    assert_true(mysql_chunk_as_number(&b, &back));
    assert_true(back == (int128)UINT64_MAX);
    b.values[0].type = MYSQL_WIRE_VAR_STRING;
    assert_false(mysql_chunk_as_number(&b, &back));
    b.count = 0;
    assert_false(mysql_chunk_as_number(&b, &back));
    arena_release(&a);
}

static void sizes(void **state)
{
    (void)state;
    assert_int_equal(mysql_backfill_rows(7, 1000, 1000), 7);
    assert_int_equal(mysql_backfill_rows(0, 0, 0), ((uint64_t)32 << 20) / 100);
    assert_int_equal(mysql_backfill_rows(0, 1000, 1000 * 1024), 32768);
    assert_int_equal(mysql_backfill_rows(0, 10, 10u << 20), 8096); /* wide rows */
    assert_int_equal(mysql_backfill_rows(0, 1000, 10), (uint64_t)32 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids),           cmocka_unit_test(wrong_ids), cmocka_unit_test(statements),
        cmocka_unit_test(parameters),    cmocka_unit_test(key_lists), cmocka_unit_test(bounds),
        cmocka_unit_test(whole_numbers), cmocka_unit_test(numbers),   cmocka_unit_test(sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
