#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "connectors/mysql/mysql_tracker.h"
#include "connectors/mysql/mysql_type.h"

#define TABLES 40

/* Tables shop.t0 … shop.t39 with one INT column, and their tracker. */
struct world {
    struct arena arena;
    struct mysql_catalog catalog;
    struct mysql_tracker *tracker;
    struct binlog_format format;
    const struct place *place; /* of the maps given; NULL */
};

static void open_world(struct world *w)
{
    static const struct mysql_policy policy = {0};
    struct mysql_column_catalog row = {.name = STR("id"),
                                       .column_type = STR("int"),
                                       .data_type = STR("int"),
                                       .extra = STR(""),
                                       .comment = STR(""),
                                       .character_length = -1,
                                       .octet_length = -1,
                                       .numeric_precision = 10,
                                       .numeric_scale = 0,
                                       .datetime_precision = -1};
    struct error err = {0};
    *w = (struct world){0};
    struct mysql_column *column = ARENA_ARRAY(&w->arena, struct mysql_column, 1);
    if (!mysql_column_from_catalog(&row, &policy, &w->arena, column, &err)) {
        fail_msg("%s", err.text);
    }
    w->catalog.tables = ARENA_ARRAY(&w->arena, struct mysql_table, TABLES);
    w->catalog.count = TABLES;
    for (unsigned i = 0; i < TABLES; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "t%u", i);
        w->catalog.tables[i] = (struct mysql_table){.database = STR("shop"),
                                                    .name = arena_str(&w->arena, str_of(name)),
                                                    .columns = column,
                                                    .column_count = 1};
    }
    w->tracker = mysql_tracker_new(&w->catalog, &policy);
    binlog_format_init(&w->format, false);
    w->format.known = true;
    w->format.post_header_bytes[BINLOG_TABLE_MAP] = 8;
}

static void close_world(struct world *w)
{
    mysql_tracker_free(w->tracker);
    arena_release(&w->arena);
}

/* id of 6 bytes, flags u16, names with length and NUL, columns, types, metadata, null bits */
static bool map(struct world *w, uint64_t id, const char *database, const char *name, uint8_t type,
                struct error *err)
{
    struct buf b = BUF_INIT(4096);
    buf_put_u32le(&b, (uint32_t)id);
    buf_put_u16le(&b, (uint16_t)(id >> 32));
    buf_put_u16le(&b, 1);
    buf_put_byte(&b, (uint8_t)strlen(database));
    buf_put(&b, database, strlen(database) + 1);
    buf_put_byte(&b, (uint8_t)strlen(name));
    buf_put(&b, name, strlen(name) + 1);
    buf_put_byte(&b, 1);
    buf_put_byte(&b, type);
    buf_put_byte(&b, 0);
    buf_put_byte(&b, 0);
    /* bytes of exactly this length, so that a read past them shows */
    char *bytes = mem_dup(b.ptr, b.len);
    struct binlog_event e = {.type = BINLOG_TABLE_MAP, .body = {bytes, b.len}};
    bool ok = mysql_tracker_map(w->tracker, &w->format, &e, w->place, "bin.000003:77", err);
    mem_free(bytes);
    buf_release(&b);
    return ok;
}

static void map_ok(struct world *w, uint64_t id, const char *database, const char *name,
                   uint8_t type)
{
    struct error err = {0};
    if (!map(w, id, database, name, type, &err)) {
        fail_msg("%s", err.text);
    }
}

static uint32_t find(const struct world *w, uint64_t id)
{
    uint32_t index = 0;
    assert_true(mysql_tracker_find(w->tracker, id, &index));
    return index;
}

static void ids(void **state)
{
    struct world w;
    uint32_t index;
    (void)state;
    open_world(&w);
    map_ok(&w, 100, "shop", "t3", MYSQL_WIRE_LONG);
    map_ok(&w, 0x123456789abc, "shop", "t5", MYSQL_WIRE_LONG);
    map_ok(&w, 102, "shop", "other", MYSQL_WIRE_GEOMETRY);
    map_ok(&w, 103, "SHOP", "t3", MYSQL_WIRE_LONG);
    assert_int_equal(find(&w, 100), 3);
    assert_int_equal(find(&w, 0x123456789abc), 5);
    assert_int_equal(find(&w, 102), MYSQL_TRACKER_NONE);
    assert_int_equal(find(&w, 103), MYSQL_TRACKER_NONE); /* another database */
    assert_false(mysql_tracker_find(w.tracker, 104, &index));
    assert_non_null(mysql_tracker_plan(w.tracker, 3));
    /* an id's newest map counts */
    map_ok(&w, 100, "shop", "t7", MYSQL_WIRE_LONG);
    assert_int_equal(find(&w, 100), 7);
    mysql_tracker_forget_ids(w.tracker);
    assert_false(mysql_tracker_find(w.tracker, 100, &index));
    assert_false(mysql_tracker_has_notices(w.tracker));
    close_world(&w);
}

/* One decoder serves all maps of the same shape, whatever their ids. */
static void one_plan(void **state)
{
    struct world w;
    (void)state;
    open_world(&w);
    map_ok(&w, 1, "shop", "t0", MYSQL_WIRE_LONG);
    const struct binlog_rows_plan *plan = mysql_tracker_plan(w.tracker, 0);
    assert_non_null(plan);
    mysql_tracker_forget_ids(w.tracker);
    map_ok(&w, 2, "shop", "t0", MYSQL_WIRE_LONG);
    assert_ptr_equal(mysql_tracker_plan(w.tracker, 0), plan);
    close_world(&w);
}

static void other_shape(void **state)
{
    struct world w;
    struct arena arena = {0};
    struct source_notice notices[MYSQL_TRACKER_NOTICES];
    (void)state;
    open_world(&w);
    map_ok(&w, 1, "shop", "t0", MYSQL_WIRE_LONG);
    map_ok(&w, 2, "shop", "t0", MYSQL_WIRE_LONGLONG);
    assert_int_equal(find(&w, 2), MYSQL_TRACKER_NONE);
    assert_int_equal(find(&w, 1), MYSQL_TRACKER_NONE); /* set aside by any id */
    assert_true(mysql_tracker_is_aside(w.tracker, 0));
    assert_true(mysql_tracker_has_notices(w.tracker));
    assert_int_equal(mysql_tracker_take_notices(w.tracker, &arena, notices), 1);
    assert_int_equal(notices[0].table, 0);
    char *reason = arena_cstr(&arena, notices[0].reason);
    assert_non_null(strstr(reason, "bin.000003:77"));
    assert_non_null(strstr(reason, "id"));
    /* once, and for good */
    map_ok(&w, 3, "shop", "t0", MYSQL_WIRE_LONG);
    assert_int_equal(find(&w, 3), MYSQL_TRACKER_NONE);
    assert_false(mysql_tracker_set_aside(w.tracker, 0, STR("again")));
    assert_false(mysql_tracker_has_notices(w.tracker));
    arena_release(&arena);
    close_world(&w);
}

static void damaged(void **state)
{
    struct world w;
    struct error err = {0};
    (void)state;
    open_world(&w);
    char body[] = "\1\0\0\0\0\0\1\0\4shop\0\2t0\0\1\3\0\0";
    for (size_t n = 0; n < sizeof body - 1; n++) {
        char *bytes = mem_dup(body, n);
        struct binlog_event e = {.type = BINLOG_TABLE_MAP, .body = {bytes, n}};
        err = (struct error){0};
        if (mysql_tracker_map(w.tracker, &w.format, &e, NULL, "x:1", &err)) {
            fail_msg("a map of %zu bytes was taken", n);
        }
        assert_int_equal(err.code, FAIL_CORRUPT);
        mem_free(bytes);
    }
    assert_false(mysql_tracker_has_notices(w.tracker)); /* damage is no change of shape */
    close_world(&w);
}

static void many_notices(void **state)
{
    struct world w;
    struct arena arena = {0};
    struct source_notice notices[MYSQL_TRACKER_NOTICES];
    uint32_t next = 0;
    (void)state;
    open_world(&w);
    for (uint32_t i = 0; i < TABLES; i++) {
        char reason[32];
        (void)snprintf(reason, sizeof reason, "reason %u", i);
        assert_true(mysql_tracker_set_aside(w.tracker, i, str_of(reason)));
    }
    while (mysql_tracker_has_notices(w.tracker)) {
        size_t n = mysql_tracker_take_notices(w.tracker, &arena, notices);
        assert_true(n > 0 && n <= MYSQL_TRACKER_NOTICES);
        for (size_t i = 0; i < n; i++) {
            char reason[32];
            assert_int_equal(notices[i].table, next);
            (void)snprintf(reason, sizeof reason, "reason %u", next);
            assert_true(str_eq(notices[i].reason, str_of(reason)));
            next++;
        }
    }
    assert_int_equal(next, TABLES);
    arena_release(&arena);
    close_world(&w);
}

/* What a table's position has already is passed over, whatever shape it had then. */
static void passed(void **state)
{
    struct world w;
    struct error err = {0};
    struct position *have = position_new();
    struct place at = {
        .lane = STR("binlog"), .identity = STR("me"), .counter = STR("bin"), .number = 7};
    struct place behind = at;
    (void)state;
    open_world(&w);
    behind.number = 8;
    assert_false(mysql_tracker_compares(w.tracker));
    if (!position_advance(have, &at, &err)) {
        fail_msg("%s", err.text);
    }
    mysql_tracker_stand(w.tracker, 3, have, false);
    mysql_tracker_stand(w.tracker, 4, NULL, true);
    position_free(have); /* it keeps a copy */
    assert_true(mysql_tracker_compares(w.tracker));
    assert_true(mysql_tracker_has(w.tracker, 3, &at));
    assert_false(mysql_tracker_has(w.tracker, 3, &behind));
    assert_false(mysql_tracker_has(w.tracker, 4, &at));
    w.place = &at;
    map_ok(&w, 1, "shop", "t3", MYSQL_WIRE_LONGLONG); /* no INT: the shape of another time */
    assert_int_equal(find(&w, 1), MYSQL_TRACKER_NONE);
    assert_false(mysql_tracker_is_aside(w.tracker, 3));
    map_ok(&w, 2, "shop", "t4", MYSQL_WIRE_LONG);
    assert_int_equal(find(&w, 2), 4);
    w.place = &behind;
    map_ok(&w, 3, "shop", "t3", MYSQL_WIRE_LONG);
    assert_int_equal(find(&w, 3), 3);
    map_ok(&w, 4, "shop", "t3", MYSQL_WIRE_LONGLONG);
    assert_true(mysql_tracker_is_aside(w.tracker, 3));
    close_world(&w);
}

static void emptiness(void **state)
{
    struct world w;
    (void)state;
    open_world(&w);
    assert_false(mysql_tracker_is_empty(w.tracker, 0)); /* unless somebody says so */
    mysql_tracker_stand(w.tracker, 0, NULL, true);
    mysql_tracker_stand(w.tracker, 1, NULL, false);
    assert_true(mysql_tracker_is_empty(w.tracker, 0));
    assert_false(mysql_tracker_is_empty(w.tracker, 1));
    map_ok(&w, 1, "shop", "t0", MYSQL_WIRE_LONG); /* a map alone is no row */
    assert_true(mysql_tracker_is_empty(w.tracker, 0));
    mysql_tracker_fill(w.tracker, 0);
    assert_false(mysql_tracker_is_empty(w.tracker, 0));
    close_world(&w);
}

static void count_found(void *self, uint32_t index)
{
    uint32_t *found = self;
    found[0]++;
    found[1] = index;
}

static void each(void **state)
{
    struct world w;
    (void)state;
    open_world(&w);
    const struct {
        const char *database, *name;
        bool nocase;
        uint32_t count, last;
    } list[] = {
        {"shop", "t4", false, 1, 4}, {"shop", "T4", false, 0, 0},
        {"SHOP", "T4", true, 1, 4},  {"shop", "", false, TABLES, TABLES - 1},
        {"Shop", "", false, 0, 0},   {"Shop", "", true, TABLES, TABLES - 1},
        {"shop", "t", false, 0, 0},  {"", "t4", true, 0, 0},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        uint32_t found[2] = {0, 0};
        mysql_tracker_each(w.tracker, str_of(list[i].database), str_of(list[i].name),
                           list[i].nocase, count_found, found);
        assert_int_equal(found[0], list[i].count);
        assert_int_equal(found[1], list[i].last);
    }
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids),     cmocka_unit_test(one_plan),     cmocka_unit_test(other_shape),
        cmocka_unit_test(damaged), cmocka_unit_test(many_notices), cmocka_unit_test(each),
        cmocka_unit_test(passed),  cmocka_unit_test(emptiness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
