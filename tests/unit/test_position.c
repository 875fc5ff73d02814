#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/instant.h"
#include "base/mem.h"
#include "base/position.h"

static struct place at(const char *lane, const char *identity, const char *counter, uint64_t number)
{
    return (struct place){str_of(lane), str_of(identity), str_of(counter), number};
}

static void add(struct position *p, const char *lane, const char *counter, uint64_t from,
                uint64_t to)
{
    struct error err = {0};
    struct place place = at(lane, "gtid", counter, from);
    assert_true(position_add(p, &place, to, &err));
}

static void expect(const struct position *p, const char *text)
{
    struct buf b = BUF_INIT(1000000);
    struct error err = {0};
    struct position *back = NULL;
    position_print(p, &b);
    assert_string_equal(buf_cstr(&b), text);
    assert_true(position_parse(buf_str(&b), &back, &err));
    assert_true(position_equal(p, back));
    position_free(back);
    buf_release(&b);
}

static void ranges(void **state)
{
    (void)state;
    struct position *p = position_new();
    expect(p, "1");
    assert_true(position_is_empty(p));
    add(p, "binlog", "u", 5, 5);
    add(p, "binlog", "u", 7, 9);
    expect(p, "1;binlog@gtid;u=5,7-9");
    add(p, "binlog", "u", 6, 6); /* touches both */
    expect(p, "1;binlog@gtid;u=5-9");
    add(p, "binlog", "u", 1, 3);
    add(p, "binlog", "u", 20, 30);
    add(p, "binlog", "u", 2, 25); /* swallows what lies between */
    expect(p, "1;binlog@gtid;u=1-30");
    add(p, "binlog", "u", 10, 12);
    expect(p, "1;binlog@gtid;u=1-30");
    add(p, "binlog", "u", 0, 0);
    add(p, "binlog", "u", UINT64_MAX, UINT64_MAX);
    expect(p, "1;binlog@gtid;u=0-30,18446744073709551615");
    add(p, "binlog", "u", UINT64_MAX - 1, UINT64_MAX);
    add(p, "binlog", "a", 3, 3);
    add(p, "a", "z", 1, 1);
    expect(p, "1;a@gtid;z=1;;binlog@gtid;a=3;u=0-30,18446744073709551614-18446744073709551615");
    position_free(p);
    position_free(NULL);
}

static void names(void **state)
{
    (void)state;
    struct error err = {0};
    struct position *p = position_new();
    struct place odd = {STR("a;b@=%\x01 \x7f\xc3\xa4"), STR(""), STR("x-1,2\0y"), 7};
    assert_true(position_advance(p, &odd, &err));
    expect(p, "1;a%3Bb%40%3D%25%01%20\x7f\xc3\xa4@;x-1,2%00y=0-7");
    assert_true(position_has(p, &odd));
    odd.number = 8;
    assert_false(position_has(p, &odd));
    position_free(p);
    p = position_new();
    odd = at("", "", "", 0);
    assert_true(position_add(p, &odd, 0, &err));
    expect(p, "1;@;=0");
    position_free(p);
}

static void identities(void **state)
{
    (void)state;
    struct error err = {0};
    struct position *a = position_new();
    struct position *b = position_new();
    struct place one = at("binlog", "server-1", "bin", 100);
    struct place two = at("binlog", "server-2", "bin", 50);
    struct place other = at("slot", "x", "lsn", 1);
    assert_true(position_advance(a, &one, &err));
    assert_false(position_advance(a, &two, &err));
    assert_int_equal(err.code, FAIL_LOST);
    expect(a, "1;binlog@server-1;bin=0-100");
    assert_false(position_has(a, &two));
    assert_true(position_advance(b, &other, &err));
    assert_true(position_advance(b, &two, &err));
    assert_false(position_contains(a, b));
    assert_false(position_contains(b, a));
    assert_false(position_merge(a, b, &err));
    assert_int_equal(err.code, FAIL_LOST);
    expect(a, "1;binlog@server-1;bin=0-100"); /* untouched, also by the lane that would fit */
    struct position *meet = position_meet(a, b);
    assert_true(position_is_empty(meet));
    position_free(meet);
    position_free(a);
    position_free(b);
}

static void damaged(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "x",
                                      "1;",
                                      "1;;",
                                      "1;a",
                                      "1;a@b",
                                      "1;a@b;",
                                      "1;a@b;c",
                                      "1;a@b;c=",
                                      "1;a@b;c=1,",
                                      "1;a@b;c=,1",
                                      "1;a@b;c=2-1",
                                      "1;a@b;c=1-1",
                                      "1;a@b;c=1,2",
                                      "1;a@b;c=2,1",
                                      "1;a@b;c=1-5,4-9",
                                      "1;a@b;c=01",
                                      "1;a@b;c=1;c=3",
                                      "1;a@b;d=1;c=3",
                                      "1;a@b;c=1;;a@b;c=2",
                                      "1;b@b;c=1;;a@b;c=2",
                                      "1;a@b;c=1;;",
                                      "1;a@b;c=1;",
                                      "1;a@b;c=-1",
                                      "1;a@b;c=1-",
                                      "1;a@b;c= 1",
                                      "1;a@b;c=18446744073709551616",
                                      "1;a%@b;c=1",
                                      "1;a%4@b;c=1",
                                      "1;a%41@b;c=1",
                                      "1;a%3b@b;c=1",
                                      "1;a b@b;c=1",
                                      "1;a@b@c;c=1",
                                      "1;a@b;c=0-18446744073709551615,3",
                                      "01;a@b;c=1",
                                      "-1;a@b;c=1",
                                      " 1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct error err = {0};
        struct position *p = NULL;
        if (position_parse(str_of(bad[i]), &p, &err)) {
            fail_msg("\"%s\" was taken", bad[i]);
        }
        assert_int_equal(err.code, FAIL_CORRUPT);
        assert_null(p);
    }
    struct error err = {0};
    struct position *p = NULL;
    assert_false(position_parse(STR("2;whatever"), &p, &err));
    assert_int_equal(err.code, FAIL_CORRUPT);
    assert_non_null(strstr(err.text, "version 2"));
}

/* A bit set of 64 numbers for each of 2 lanes × 3 counters: what a position ought to be. */
#define LANES 2
#define COUNTERS 3
struct model {
    uint64_t bits[LANES][COUNTERS];
};
static const char *const lane_names[LANES] = {"lane a", "lane b"};
static const char *const counter_names[COUNTERS] = {"", "c1", "c2"};

static uint64_t seed;
static uint64_t random_below(uint64_t limit)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % limit;
}

static struct position *random_position(struct model *m)
{
    struct position *p = position_new();
    memset(m, 0, sizeof(*m));
    for (uint64_t n = random_below(12); n > 0; n--) {
        size_t lane = random_below(LANES);
        size_t counter = random_below(COUNTERS);
        uint64_t from = random_below(64);
        uint64_t to = from + random_below(64 - from < 9 ? 64 - from : 9);
        add(p, lane_names[lane], counter_names[counter], from, to);
        for (uint64_t i = from; i <= to; i++) {
            m->bits[lane][counter] |= (uint64_t)1 << i;
        }
    }
    return p;
}

static void agree(const struct position *p, const struct model *m)
{
    struct model seen = {0};
    struct position_at walk = {0};
    struct place from;
    uint64_t to = 0;
    for (size_t l = 0; l < LANES; l++) {
        for (size_t c = 0; c < COUNTERS; c++) {
            for (uint64_t n = 0; n < 64; n++) {
                struct place place = at(lane_names[l], "gtid", counter_names[c], n);
                assert_int_equal(position_has(p, &place), m->bits[l][c] >> n & 1);
            }
        }
    }
    while (position_next(p, &walk, &from, &to)) {
        size_t l = str_eq(from.lane, str_of(lane_names[0])) ? 0 : 1;
        size_t c = 0;
        while (!str_eq(from.counter, str_of(counter_names[c]))) {
            c++;
        }
        for (uint64_t n = from.number; n <= to; n++) {
            assert_false(seen.bits[l][c] >> n & 1);
            seen.bits[l][c] |= (uint64_t)1 << n;
        }
        assert_false(to < 63 && (m->bits[l][c] >> (to + 1) & 1)); /* ranges are as long as can be */
    }
    assert_memory_equal(&seen, m, sizeof(seen));
}

static bool model_contains(const struct model *a, const struct model *b)
{
    for (size_t l = 0; l < LANES; l++) {
        for (size_t c = 0; c < COUNTERS; c++) {
            if ((b->bits[l][c] & ~a->bits[l][c]) != 0) {
                return false;
            }
        }
    }
    return true;
}

static void against_model(void **state)
{
    (void)state;
    seed = 20261124;
    for (int round = 0; round < 3000; round++) {
        struct model ma;
        struct model mb;
        struct model mc;
        struct error err = {0};
        struct position *a = random_position(&ma);
        struct position *b = random_position(&mb);
        agree(a, &ma);
        assert_int_equal(position_contains(a, b), model_contains(&ma, &mb));
        assert_int_equal(position_equal(a, b), memcmp(&ma, &mb, sizeof(ma)) == 0);
        struct position *meet = position_meet(a, b);
        struct position *all = position_dup(a);
        assert_true(position_equal(a, all));
        assert_true(position_merge(all, b, &err));
        for (size_t i = 0; i < LANES * COUNTERS; i++) {
            mc.bits[i / COUNTERS][i % COUNTERS] =
                ma.bits[i / COUNTERS][i % COUNTERS] & mb.bits[i / COUNTERS][i % COUNTERS];
        }
        agree(meet, &mc);
        assert_true(position_contains(a, meet) && position_contains(b, meet));
        for (size_t i = 0; i < LANES * COUNTERS; i++) {
            mc.bits[i / COUNTERS][i % COUNTERS] =
                ma.bits[i / COUNTERS][i % COUNTERS] | mb.bits[i / COUNTERS][i % COUNTERS];
        }
        agree(all, &mc);
        assert_true(position_contains(all, a) && position_contains(all, b));
        struct buf text = BUF_INIT(100000);
        struct buf again = BUF_INIT(100000);
        struct position *back = NULL;
        position_print(all, &text);
        assert_true(position_parse(buf_str(&text), &back, &err));
        agree(back, &mc);
        position_print(back, &again);
        assert_string_equal(buf_cstr(&text), buf_cstr(&again));
        buf_release(&text);
        buf_release(&again);
        position_free(back);
        position_free(all);
        position_free(meet);
        position_free(a);
        position_free(b);
    }
}

/* Whatever is cut off or changed: an error, or a position that prints as it was read. */
static void mutations(void **state)
{
    (void)state;
    static const char good[] = "1;a%20b@gtid;c=0-17,19;d=3;;lane@;x=5-7,9,11-12";
    seed = 7;
    for (int i = 0; i < 50000; i++) {
        char text[sizeof(good)];
        struct error err = {0};
        struct position *p = NULL;
        memcpy(text, good, sizeof(good));
        size_t len = i < (int)sizeof(good) ? (size_t)i : sizeof(good) - 1;
        for (uint64_t n = i < (int)sizeof(good) ? 0 : 1 + random_below(3); n > 0; n--) {
            text[random_below(sizeof(good) - 1)] = "1;@=%-,0a29F\x01"[random_below(13)];
        }
        char *exact = mem_alloc(len);
        memcpy(exact, text, len);
        if (position_parse((struct str){exact, len}, &p, &err)) {
            struct buf b = BUF_INIT(1000);
            position_print(p, &b);
            assert_true(str_eq(buf_str(&b), (struct str){exact, len}));
            buf_release(&b);
            position_free(p);
        } else {
            assert_int_equal(err.code, FAIL_CORRUPT);
        }
        mem_free(exact);
    }
}

/* Sets with very many holes, as servers with group replication have them. */
static void many_ranges(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    struct error err = {0};
    struct position *odd = position_new();
    struct position *even = position_new();
    uint64_t start = instant_mono_ms();
    for (uint64_t i = 0; i < COUNT; i++) { /* one in order, one backwards */
        add(odd, "binlog", "u", 4 * i, 4 * i);
        add(even, "binlog", "u", 4 * (COUNT - i) - 2, 4 * (COUNT - i) - 2);
    }
    assert_false(position_contains(odd, even));
    struct position *meet = position_meet(odd, even);
    assert_true(position_is_empty(meet));
    assert_true(position_merge(odd, even, &err));
    assert_true(position_contains(odd, even));
    struct buf b = BUF_INIT((size_t)10 << 20);
    struct position *back = NULL;
    position_print(odd, &b);
    assert_true(position_parse(buf_str(&b), &back, &err));
    assert_true(position_equal(odd, back));
    assert_true(instant_mono_ms() - start < 20000);
    buf_release(&b);
    position_free(back);
    position_free(meet);
    position_free(odd);
    position_free(even);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges),        cmocka_unit_test(names),
        cmocka_unit_test(identities),    cmocka_unit_test(damaged),
        cmocka_unit_test(against_model), cmocka_unit_test(mutations),
        cmocka_unit_test(many_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
