#include "connectors/mysql/mysql_value.h"

#include "connectors/mysql/mysql_type.h"
#include "tests/unit/mysql_golden.h"

static const struct mysql_policy nulls = {.time_range = MYSQL_TIME_RANGE_NULL};

/* The rows of a recording's log, in order. */
static struct value **rows_of_log(struct golden *g)
{
    struct value **found = ARENA_ARRAY(&g->arena, struct value *, g->row_count);
    struct binlog_format format;
    struct binlog_event e;
    struct binlog_rows_plan *plan = NULL;
    struct error err = {0};
    size_t at = 0;
    size_t count = 0;
    binlog_format_init(&format, true);
    while (golden_event(g->log, &format, &at, &e)) {
        if (e.type == BINLOG_TABLE_MAP) {
            struct binlog_table map;
            assert_true(binlog_table_read(&format, &e, &g->arena, &map, &err));
            binlog_rows_plan_free(plan);
            assert_true(binlog_rows_plan_new(g->columns, g->count, &map, &g->policy, &plan, &err));
            /* The plan dies before its values: what it lent was copied. */
        } else if (binlog_event_class(&e) == BINLOG_CLASS_ROWS) {
            struct binlog_rows rows;
            struct value *before = NULL;
            assert_true(binlog_rows_open(&format, &e, &g->arena, &rows, &err));
            while (count < g->row_count &&
                   binlog_rows_next(&rows, plan, &g->arena, &before, &found[count], &err) ==
                       BINLOG_ROWS_ROW) {
                count++;
            }
        }
    }
    assert_int_equal(count, g->row_count);
    binlog_rows_plan_free(plan);
    return found;
}

static size_t read_fields(struct golden *g, struct mysql_value_field *out)
{
    struct str *lines = NULL;
    struct str f[4];
    size_t count = golden_lines(
        &g->arena, golden_file(&g->arena, g->server.ptr, g->label.ptr, "fields"), &lines);
    assert_true(count <= GOLDEN_MAX_COLUMNS);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(golden_cut(&g->arena, lines[i], f, 4), 4);
        out[i] = (struct mysql_value_field){.type = (uint8_t)golden_number(f[0]),
                                            .flags = (unsigned)golden_number(f[1]),
                                            .charset = (unsigned)golden_number(f[2]),
                                            .decimals = (unsigned)golden_number(f[3])};
    }
    return count;
}

/* Each packet, cut off at every length, fails and reads nothing outside. */
static void cut_off(struct mysql_value_plan *plan, struct str packet)
{
    struct value values[GOLDEN_MAX_COLUMNS];
    struct arena scratch = {0};
    for (size_t len = 0; len<packet.len; len += packet.len> 3000 ? 97 : 1) {
        char *copy = mem_dup(packet.ptr, len);
        copy = mem_realloc(copy, len == 0 ? 1 : len);
        struct error err = {0};
        assert_false(mysql_value_row(plan, (struct str){copy, len}, &scratch, values, &err));
        assert_true(err.code == FAIL_CORRUPT || err.code == FAIL_SCHEMA);
        mem_free(copy);
        arena_reset(&scratch);
    }
    arena_release(&scratch);
}

/* Rows of the binary protocol are what the server printed, and what the log says. */
static void compare_packets(const char *server, const char *label, void *context)
{
    (void)context;
    struct golden g;
    struct mysql_value_plan *plan = NULL;
    struct mysql_value_field fields[GOLDEN_MAX_COLUMNS];
    struct error err = {0};
    golden_open(&g, server, label, nulls);
    struct value **logged = rows_of_log(&g);
    assert_true(mysql_value_plan_new(g.columns, g.count, &g.policy, &plan, &err));
    size_t field_count = read_fields(&g, fields);
    if (!mysql_value_plan_check(plan, fields, field_count, &err)) {
        fail_msg("%s/%s: %s", server, label, err.text);
    }
    struct reader r = reader_over(golden_file(&g.arena, server, label, "packets"), "packets");
    size_t row = 0;
    while (r.rest.len > 0) {
        struct str packet = reader_bytes(&r, reader_u32le(&r));
        struct value *values = ARENA_ARRAY(&g.arena, struct value, g.count);
        assert_false(r.failed);
        if (!mysql_value_row(plan, packet, &g.arena, values, &err)) {
            fail_msg("%s/%s row %zu: %s", server, label, row, err.text);
        }
        golden_compare(&g, row, values);
        for (size_t i = 0; i < g.count; i++) {
            if (!value_equal(&g.columns[i].type, &values[i], &logged[row][i])) {
                fail_msg("%s/%s row %zu column %.*s: copy and stream differ", server, label, row,
                         STR_FMT(g.columns[i].name));
            }
        }
        cut_off(plan, packet);
        row++;
    }
    assert_int_equal(row, g.row_count);
    mysql_value_plan_free(plan);
    golden_close(&g);
}

GOLDEN_TESTS("packets", compare_packets)

/* One column made by hand, and one packet for it. */
static bool one(const char *column_type, const char *data_type, bool nullable,
                struct mysql_policy policy, struct str packet, struct value *out, struct error *err)
{
    struct arena arena = {0};
    struct mysql_column column;
    struct mysql_value_plan *plan = NULL;
    struct mysql_column_catalog row = {.name = STR("c"),
                                       .column_type = str_of(column_type),
                                       .data_type = str_of(data_type),
                                       .nullable = nullable,
                                       .character_length = -1,
                                       .octet_length = -1,
                                       .numeric_precision = 10,
                                       .numeric_scale = 2,
                                       .datetime_precision = 0};
    assert_true(mysql_column_from_catalog(&row, &policy, &arena, &column, err));
    assert_true(mysql_value_plan_new(&column, 1, &policy, &plan, err));
    bool ok = mysql_value_row(plan, packet, &arena, out, err);
    mysql_value_plan_free(plan);
    arena_release(&arena);
    return ok;
}

static void policies(void **state)
{
    (void)state;
    struct error err = {0};
    struct value v;
    struct mysql_policy p = {0};
    /* 25:00:00 and -00:00:01 */
    struct str late = STR("\0\0\x08\0\x01\0\0\0\x01\0\0");
    struct str early = STR("\0\0\x08\x01\0\0\0\0\0\0\x01");
    assert_false(one("time", "time", true, p, late, &v, &err));
    assert_int_equal(err.code, FAIL_SCHEMA);
    assert_non_null(strstr(err.text, "`c`"));
    assert_non_null(strstr(err.text, "25:00:00"));
    p.time_range = MYSQL_TIME_RANGE_NULL;
    assert_true(one("time", "time", true, p, late, &v, &err));
    assert_int_equal(v.state, VALUE_NULL);
    assert_false(one("time", "time", false, p, late, &v, &err));
    p.time_range = MYSQL_TIME_RANGE_CLAMP;
    assert_true(one("time", "time", true, p, late, &v, &err));
    assert_int_equal(v.i, 86399000);
    assert_true(one("time", "time", true, p, early, &v, &err));
    assert_int_equal(v.i, 0);
    /* zero dates */
    struct str zero = STR("\0\0\0");
    assert_true(one("date", "date", true, p, zero, &v, &err));
    assert_int_equal(v.state, VALUE_NULL);
    assert_true(one("date", "date", false, p, zero, &v, &err));
    assert_int_equal(v.state, VALUE_SET);
    assert_int_equal(v.i, 0);
    p.zero_date = MYSQL_ZERO_DATE_EPOCH;
    assert_true(one("datetime", "datetime", true, p, zero, &v, &err));
    assert_int_equal(v.state, VALUE_SET);
    p.zero_date = MYSQL_ZERO_DATE_FAIL;
    assert_false(one("date", "date", true, p, zero, &v, &err));
    assert_int_equal(err.code, FAIL_SCHEMA);
    /* the 31st of February, with ALLOW_INVALID_DATES */
    p.zero_date = MYSQL_ZERO_DATE_NULL;
    assert_true(one("date", "date", true, p, STR("\0\0\x04\xe8\x07\x02\x1f"), &v, &err));
    assert_int_equal(v.state, VALUE_NULL);
}

static void bad_packets(void **state)
{
    (void)state;
    struct error err = {0};
    struct value v;
    struct mysql_policy p = {0};
    static const struct {
        const char *type;
        struct str packet;
    } bad[] = {
        {"int", {"\x01\0\0\0\0\0", 6}},                         /* no row */
        {"int", {"\0\0\0\0\0\0\0", 7}},                         /* a byte too many */
        {"date", {"\0\0\x05\xe8\x07\x01\x01\0", 8}},            /* a length that there is not */
        {"datetime", {"\0\0\x07\xe8\x07\x01\x01\x18\0\0", 10}}, /* hour 24 */
        {"datetime", {"\0\0\x0b\xe8\x07\x01\x01\0\0\0\x40\x42\x0f\0", 14}}, /* a million µs */
        {"time", {"\0\0\x08\0\xff\xff\xff\xff\0\0\0", 11}},                 /* days */
        {"decimal", {"\0\0\x03\x31\x2e\x78", 6}},                           /* 1.x */
        {"decimal",
         {"\0\0\x09"
          "123456789",
          12}},                    /* DECIMAL(10,2) holds 8 whole digits */
        {"blob", {"\0\0\xfb", 3}}, /* the text protocol's NULL */
        {"blob", {"\0\0\xfe\xff\xff\xff\xff\xff\xff\xff\xff", 11}},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *type = strcmp(bad[i].type, "blob") == 0 ? "json" : bad[i].type;
        err = (struct error){0};
        if (one(type, type, true, p, bad[i].packet, &v, &err)) {
            fail_msg("packet %zu (%s) was believed", i, bad[i].type);
        }
        assert_int_equal(err.code, FAIL_CORRUPT);
    }
    assert_false(one("json", "json", true, p, STR("\0\0\x02\xc3\x28"), &v, &err));
    assert_int_equal(err.code, FAIL_SCHEMA); /* not UTF-8 */
}

static void altered(void **state)
{
    (void)state;
    struct golden g;
    struct mysql_value_plan *plan = NULL;
    struct mysql_value_field fields[GOLDEN_MAX_COLUMNS];
    struct error err = {0};
    golden_open(&g, "mysql-8.0", "numbers", nulls);
    assert_true(mysql_value_plan_new(g.columns, g.count, &g.policy, &plan, &err));
    size_t count = read_fields(&g, fields);
    assert_true(mysql_value_plan_check(plan, fields, count, &err));
    assert_false(mysql_value_plan_check(plan, fields, count - 1, &err));
    assert_int_equal(err.code, FAIL_SCHEMA);
    fields[1].type = MYSQL_WIRE_LONG;
    assert_false(mysql_value_plan_check(plan, fields, count, &err));
    assert_non_null(strstr(err.text, "`tinyint`"));
    read_fields(&g, fields);
    fields[1].flags |= 32;
    assert_false(mysql_value_plan_check(plan, fields, count, &err));
    mysql_value_plan_free(plan);
    golden_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        GOLDEN_UNIT_TESTS,
        cmocka_unit_test(policies),
        cmocka_unit_test(bad_packets),
        cmocka_unit_test(altered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
