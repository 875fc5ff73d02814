#include "connectors/mysql/binlog_cell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "connectors/mysql/mysql_type.h"

struct cell {
    struct mysql_column column;
    struct mysql_decoder decoder;
    struct arena arena;
    struct buf json;
};

static void cell_open(struct cell *c, struct mysql_column column, struct binlog_column wire)
{
    struct mysql_policy policy = {.time_range = MYSQL_TIME_RANGE_CLAMP};
    struct error err;
    *c = (struct cell){.column = column, .json = BUF_INIT(1 << 20)};
    c->column.name = STR("c");
    assert_true(mysql_decoder_init(&c->decoder, &c->column, &policy, &err));
    binlog_cell_plan(&c->decoder, &wire);
}

static void cell_close(struct cell *c)
{
    mysql_decoder_release(&c->decoder);
    arena_release(&c->arena);
    buf_release(&c->json);
}

enum answer { VALUE, BAD_VALUE, BAD_BYTES };

/* What reading exactly these bytes gives; they lie in a block of their own. */
static enum answer cell_read(struct cell *c, const void *bytes, size_t len, struct value *v,
                             struct error *err)
{
    char *copy = arena_alloc(&c->arena, len + 1);
    memcpy(copy, bytes, len);
    struct reader r = reader_over((struct str){copy, len}, "cell");
    *err = (struct error){0};
    if (!binlog_cell_read(&c->decoder, &r, &c->arena, &c->json, v, err)) {
        assert_non_null(strstr(err->text, "`c`"));
        return BAD_VALUE;
    }
    return r.failed || r.rest.len > 0 ? BAD_BYTES : VALUE;
}

/* All shorter inputs fail the reader, whatever the type. */
static void cut_off(struct cell *c, const void *bytes, size_t len)
{
    struct value v;
    struct error err;
    for (size_t cut = 0; cut < len; cut++) {
        char *part = mem_dup(bytes, cut);
        struct reader r = reader_over((struct str){part, cut}, "cell");
        (void)binlog_cell_read(&c->decoder, &r, &c->arena, &c->json, &v, &err);
        assert_true(r.failed);
        mem_free(part);
    }
}

static struct value good(struct mysql_column column, struct binlog_column wire, const void *bytes,
                         size_t len)
{
    struct cell c;
    struct value v = {0};
    struct error err;
    cell_open(&c, column, wire);
    assert_int_equal(cell_read(&c, bytes, len, &v, &err), VALUE);
    assert_int_equal(v.state, VALUE_SET);
    cut_off(&c, bytes, len);
    cell_close(&c);
    return v;
}

static void bad(struct mysql_column column, struct binlog_column wire, const void *bytes,
                size_t len, enum answer want)
{
    struct cell c;
    struct value v = {0};
    struct error err;
    cell_open(&c, column, wire);
    assert_int_equal(cell_read(&c, bytes, len, &v, &err), want);
    cell_close(&c);
}

static void integers(void **state)
{
    (void)state;
    static const struct {
        enum mysql_class class;
        bool is_unsigned;
        const char *bytes;
        size_t len;
        int64_t want;
    } cases[] = {
        {MYSQL_CLASS_TINY, false, "\x80", 1, -128},
        {MYSQL_CLASS_TINY, true, "\x80", 1, 128},
        {MYSQL_CLASS_SHORT, false, "\xfe\xff", 2, -2},
        {MYSQL_CLASS_SHORT, true, "\xfe\xff", 2, 65534},
        {MYSQL_CLASS_MEDIUM, false, "\x00\x00\x80", 3, -8388608},
        {MYSQL_CLASS_MEDIUM, false, "\xff\xff\x7f", 3, 8388607},
        {MYSQL_CLASS_MEDIUM, true, "\xff\xff\xff", 3, 16777215},
        {MYSQL_CLASS_INT, false, "\x00\x00\x00\x80", 4, INT32_MIN},
        {MYSQL_CLASS_INT, true, "\xff\xff\xff\xff", 4, UINT32_MAX},
        {MYSQL_CLASS_BIGINT, false, "\0\0\0\0\0\0\0\x80", 8, INT64_MIN},
        {MYSQL_CLASS_YEAR, false, "\x00", 1, 0},
        {MYSQL_CLASS_YEAR, false, "\xff", 1, 2155},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mysql_column column = {
            .class = cases[i].class, .is_unsigned = cases[i].is_unsigned, .type.kind = TYPE_BIGINT};
        struct value v = good(column, (struct binlog_column){0}, cases[i].bytes, cases[i].len);
        assert_true(v.i == cases[i].want);
    }
    struct mysql_column flag = {.class = MYSQL_CLASS_TINY, .type.kind = TYPE_BOOLEAN};
    assert_int_equal(good(flag, (struct binlog_column){0}, "\xff", 1).i, 1);
}

static void times(void **state)
{
    (void)state;
    struct mysql_column c = {.class = MYSQL_CLASS_TIME, .type.precision = 3, .fraction_digits = 6};
    struct binlog_column wire = {.type = MYSQL_WIRE_TIME2, .scale = 6};
    /* 12:34:56.789000, then one microsecond below zero, which is clamped */
    uint64_t packed = 0x800000u + (12u << 12 | 34u << 6 | 56u);
    char b[6] = {(char)(packed >> 16), (char)(packed >> 8), (char)packed, 0x0c, 0x0a, 0x08};
    assert_int_equal(good(c, wire, b, 6).i, 45296789);
    assert_int_equal(good(c, wire, "\x7f\xff\xff\xff\xff\xff", 6).i, 0);
    bad(c, wire, "\x80\x00\x3c\0\0\0", 6, BAD_VALUE); /* 60 seconds */
    wire = (struct binlog_column){.type = MYSQL_WIRE_TIME};
    c.fraction_digits = 0;
    assert_int_equal(good(c, wire, "\x40\xe2\x01", 3).i, 45296000); /* 123456 */
    bad(c, wire, "\x3f\x00\x00", 3, BAD_VALUE);                     /* 63 seconds */

    c = (struct mysql_column){.class = MYSQL_CLASS_DATETIME, .fraction_digits = 3};
    wire = (struct binlog_column){.type = MYSQL_WIRE_DATETIME2, .scale = 3};
    assert_true(good(c, wire, "\x99\xb2\xba\xc8\xb8\x1e\xd2", 7).i == INT64_C(1709210096789));
    bad(c, wire, "\x19\xb2\xba\xc8\xb8\x1e\xd2", 7, BAD_BYTES); /* before the middle */
    bad(c, wire, "\x99\xb2\xba\xc8\xbc\x1e\xd2", 7, BAD_VALUE); /* 60 seconds */
    c.fraction_digits = 0;
    wire = (struct binlog_column){.type = MYSQL_WIRE_DATETIME};
    uint64_t digits = 20240229123456;
    assert_true(good(c, wire, &digits, 8).i == INT64_C(1709210096000));
    digits = 100000000000000;
    bad(c, wire, &digits, 8, BAD_BYTES);

    c = (struct mysql_column){.class = MYSQL_CLASS_TIMESTAMP, .fraction_digits = 2};
    wire = (struct binlog_column){.type = MYSQL_WIRE_TIMESTAMP2, .scale = 2};
    assert_true(good(c, wire, "\xff\xff\xff\xff\x63", 5).i == INT64_C(4294967295990));
    bad(c, wire, "\x00\x00\x00\x01\x64", 5, BAD_VALUE); /* 100 hundredths */
    c.fraction_digits = 0;
    wire = (struct binlog_column){.type = MYSQL_WIRE_TIMESTAMP};
    assert_int_equal(good(c, wire, "\x01\x00\x00\x00", 4).i, 1000);
}

static void counted(void **state)
{
    (void)state;
    struct mysql_column c = {.class = MYSQL_CLASS_VARCHAR,
                             .charset = mysql_charset_by_name(STR("utf8mb4"))};
    struct binlog_column wire = {.type = MYSQL_WIRE_VARCHAR, .length_bytes = 1};
    struct value v = good(c, wire,
                          "\x03"
                          "abc",
                          4);
    assert_int_equal(v.len, 3);
    bad(c, wire,
        "\x04"
        "abc",
        4, BAD_BYTES);
    bad(c, wire, "\x02\xc3\x28", 3, BAD_VALUE);
    wire.length_bytes = 2;
    assert_int_equal(good(c, wire, "\x01\x00x", 3).len, 1);
    c = (struct mysql_column){.class = MYSQL_CLASS_BINARY, .length = 4};
    wire = (struct binlog_column){.type = MYSQL_WIRE_STRING, .length_bytes = 1};
    struct cell cell;
    struct error err;
    cell_open(&cell, c, wire);
    assert_int_equal(cell_read(&cell, "\x02xy", 3, &v, &err), VALUE);
    assert_true(v.len == 4 && memcmp(v.bytes, "xy\0\0", 4) == 0);
    cell_close(&cell);
    bad(c, wire, "\x05vwxyz", 6, BAD_VALUE);
    c = (struct mysql_column){.class = MYSQL_CLASS_BLOB};
    wire = (struct binlog_column){.type = MYSQL_WIRE_BLOB, .length_bytes = 4};
    assert_int_equal(good(c, wire, "\x02\0\0\0\xff\xfe", 6).len, 2);
    bad(c, wire, "\xff\xff\xff\xff\xff\xfe", 6, BAD_BYTES);
}

static void others(void **state)
{
    (void)state;
    struct mysql_column c = {.class = MYSQL_CLASS_DECIMAL, .precision = 12, .scale = 2};
    struct binlog_column wire = {.type = MYSQL_WIRE_NEWDECIMAL};
    assert_int_equal(good(c, wire, "\x80\x00\x00\x04\xd2\x22", 6).i, 123434);
    bad(c, wire, "\x80\x00\x00\x04\xd2\x64", 6, BAD_VALUE); /* 100 hundredths */
    c = (struct mysql_column){.class = MYSQL_CLASS_DECIMAL, .precision = 65};
    bad(c, wire,
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        29, BAD_VALUE);
    static const struct str members[] = {{"a", 1}, {"b", 1}};
    c = (struct mysql_column){.class = MYSQL_CLASS_ENUM, .members = members, .member_count = 2};
    wire = (struct binlog_column){.type = MYSQL_WIRE_ENUM, .length_bytes = 1};
    struct value v = good(c, wire, "\x02", 1);
    assert_true(str_eq(value_str(&v), STR("b")));
    v = good(c, wire, "\x00", 1);
    assert_int_equal(v.len, 0);
    bad(c, wire, "\x03", 1, BAD_VALUE);
    c.class = MYSQL_CLASS_SET;
    wire = (struct binlog_column){.type = MYSQL_WIRE_SET, .length_bytes = 1};
    assert_int_equal(good(c, wire, "\x03", 1).len, 2);
    bad(c, wire, "\x04", 1, BAD_VALUE);
    c = (struct mysql_column){.class = MYSQL_CLASS_JSON};
    wire = (struct binlog_column){.type = MYSQL_WIRE_JSON, .length_bytes = 4};
    assert_int_equal(good(c, wire, "\x02\0\0\0\x04\x01", 6).len, 4); /* true */
    bad(c, wire, "\x02\0\0\0\x04\x07", 6, BAD_VALUE);
    c = (struct mysql_column){.class = MYSQL_CLASS_BIT, .length = 9};
    wire = (struct binlog_column){.type = MYSQL_WIRE_BIT, .length = 9};
    assert_int_equal(good(c, wire, "\x01\xff", 2).len, 2);
    c = (struct mysql_column){.class = MYSQL_CLASS_VECTOR};
    wire = (struct binlog_column){.type = MYSQL_WIRE_VECTOR, .length_bytes = 4};
    bad(c, wire, "\x03\0\0\0abc", 7, BAD_VALUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers),
        cmocka_unit_test(times),
        cmocka_unit_test(counted),
        cmocka_unit_test(others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
