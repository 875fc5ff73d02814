#include "connectors/mysql/mysql_column.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "connectors/mysql/mysql_type.h"

static struct arena arena;

/* A catalog row of a type without text. */
static struct mysql_column_catalog row_of(const char *declared, const char *data)
{
    return (struct mysql_column_catalog){.name = STR("c"),
                                         .column_type = str_of(declared),
                                         .data_type = str_of(data),
                                         .extra = STR(""),
                                         .nullable = true,
                                         .character_length = -1,
                                         .octet_length = -1,
                                         .numeric_precision = -1,
                                         .numeric_scale = -1,
                                         .datetime_precision = -1};
}

static struct mysql_column make(struct mysql_column_catalog row)
{
    static const struct mysql_policy policy = {0};
    struct mysql_column c = {0};
    struct error err = {0};
    if (!mysql_column_from_catalog(&row, &policy, &arena, &c, &err)) {
        fail_msg("%s", err.text);
    }
    return c;
}

static struct mysql_column text_of(const char *declared, const char *data, const char *charset,
                                   int64_t characters, int64_t octets)
{
    struct mysql_column_catalog row = row_of(declared, data);
    row.character_set = str_of(charset);
    row.collation = STR("some");
    row.character_length = characters;
    row.octet_length = octets;
    return make(row);
}

static void refused(struct mysql_column_catalog row, const char *word)
{
    static const struct mysql_policy policy = {0};
    struct mysql_column c = {.precision = 77};
    struct error err = {0};
    assert_false(mysql_column_from_catalog(&row, &policy, &arena, &c, &err));
    assert_int_equal(err.code, FAIL_SCHEMA);
    assert_int_equal(c.precision, 77);
    if (strstr(err.text, word) == NULL || strstr(err.text, "`c`") == NULL) {
        fail_msg("\"%s\" does not mention %s", err.text, word);
    }
}

static void integers(void **state)
{
    (void)state;
    static const struct {
        const char *declared, *data;
        enum type_kind kind;
    } cases[] = {
        {"tinyint(4)", "tinyint", TYPE_TINYINT},
        {"tinyint unsigned", "tinyint", TYPE_SMALLINT},
        {"tinyint(1)", "tinyint", TYPE_BOOLEAN},
        {"tinyint(1) unsigned", "tinyint", TYPE_SMALLINT},
        {"smallint", "smallint", TYPE_SMALLINT},
        {"smallint(5) unsigned", "smallint", TYPE_INT},
        {"mediumint", "mediumint", TYPE_INT},
        {"mediumint unsigned", "mediumint", TYPE_INT},
        {"int", "int", TYPE_INT},
        {"int(10) unsigned zerofill", "int", TYPE_BIGINT},
        {"bigint", "bigint", TYPE_BIGINT},
        {"bigint unsigned", "bigint", TYPE_DECIMAL},
        {"year(4)", "year", TYPE_INT},
        {"date", "date", TYPE_DATE},
        {"float", "float", TYPE_FLOAT},
        {"double", "double", TYPE_DOUBLE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mysql_column c = make(row_of(cases[i].declared, cases[i].data));
        assert_int_equal(c.type.kind, cases[i].kind);
        assert_true(c.type.nullable);
    }
    struct mysql_column_catalog row = row_of("tinyint(1)", "tinyint");
    struct mysql_policy number = {.tinyint1_is_number = true};
    struct mysql_column c;
    struct error err;
    assert_true(mysql_column_from_catalog(&row, &number, &arena, &c, &err));
    assert_int_equal(c.type.kind, TYPE_TINYINT);
    c = make(row_of("bigint unsigned", "bigint"));
    assert_true(c.type.precision == 20 && c.type.scale == 0);
}

static void others(void **state)
{
    (void)state;
    struct mysql_column_catalog row = row_of("decimal(38,10)", "decimal");
    row.numeric_precision = 38;
    row.numeric_scale = 10;
    struct mysql_column c = make(row);
    assert_true(c.type.kind == TYPE_DECIMAL && c.type.precision == 38 && c.type.scale == 10);
    row.numeric_precision = 39;
    c = make(row);
    assert_true(c.type.kind == TYPE_VARCHAR && c.type.length == TYPE_MAX_LENGTH);
    row = row_of("bit(9)", "bit");
    row.numeric_precision = 9;
    c = make(row);
    assert_true(c.type.kind == TYPE_BINARY && c.type.length == 2);
    row.numeric_precision = 1;
    assert_int_equal(make(row).type.kind, TYPE_BOOLEAN);
    row = row_of("time(6)", "time");
    row.datetime_precision = 6;
    assert_int_equal(make(row).type.precision, 3); /* Paimon's TIME is milliseconds */
    row = row_of("timestamp(6)", "timestamp");
    row.datetime_precision = 6;
    c = make(row);
    assert_true(c.type.kind == TYPE_TIMESTAMP_LTZ && c.type.precision == 6);
    row = row_of("datetime", "datetime");
    row.datetime_precision = 0;
    assert_int_equal(make(row).type.kind, TYPE_TIMESTAMP);
    c = text_of("varchar(100)", "varchar", "utf8mb4", 100, 400);
    assert_true(c.type.kind == TYPE_VARCHAR && c.type.length == 100 && c.octets == 400);
    assert_int_equal(text_of("char(0)", "char", "latin1", 0, 0).type.length, TYPE_MAX_LENGTH);
    c = text_of("set('a','b')", "set", "utf8mb4", 3, 12);
    assert_true(c.type.kind == TYPE_ARRAY && c.member_count == 2);
    row = row_of("int", "int");
    row.extra = STR("VIRTUAL GENERATED INVISIBLE");
    row.comment = STR("it's");
    row.nullable = false;
    c = make(row);
    assert_true(c.generated && c.invisible && !c.nullable && !c.type.nullable);
    assert_true(str_eq(c.comment, STR("it's")));
    row.extra = STR("DEFAULT_GENERATED");
    assert_false(make(row).generated);
}

static void not_supported(void **state)
{
    (void)state;
    struct mysql_column_catalog row = row_of("geometry", "geometry");
    refused(row, "geometry");
    refused(row_of("year(2)", "year"), "YEAR");
    row = row_of("varchar(9)", "varchar");
    refused(row, "no length");
    row.character_length = row.octet_length = 9;
    row.character_set = STR("klingon");
    refused(row, "klingon");
    refused(row_of("decimal(10,2)", "decimal"), "precision");
    refused(row_of("bit(65)", "bit"), "bits");
    refused(row_of("time(7)", "time"), "fraction");
    refused(row_of("enum(", "enum"), "not understood");
    row = row_of("enum", "enum");
    row.character_set = STR("utf8mb4");
    refused(row, "members");
}

/* One column against one of a map. */
static bool fits(const struct mysql_column *c, struct binlog_column m, unsigned has,
                 struct error *err)
{
    struct binlog_table map = {
        .database = STR("d"), .name = STR("t"), .columns = &m, .column_count = 1, .has = has};
    *err = (struct error){0};
    bool ok = mysql_column_match(c, 1, &map, err);
    assert_true(ok || (err->code == FAIL_SCHEMA && strstr(err->text, "table d.t") != NULL));
    return ok;
}

static void matches(void **state)
{
    (void)state;
    struct error err;
    struct mysql_column c = make(row_of("int", "int"));
    assert_true(fits(&c, (struct binlog_column){.type = MYSQL_WIRE_LONG}, 0, &err));
    assert_false(fits(&c, (struct binlog_column){.type = MYSQL_WIRE_LONGLONG}, 0, &err));
    assert_non_null(strstr(err.text, "BIGINT"));
    assert_false(fits(&c, (struct binlog_column){.type = 200}, 0, &err));
    assert_non_null(strstr(err.text, "type 200"));
    struct binlog_column m = {.type = MYSQL_WIRE_LONG, .is_unsigned = true};
    assert_true(fits(&c, m, 0, &err)); /* nothing says so */
    assert_false(fits(&c, m, BINLOG_HAS_SIGNEDNESS, &err));
    assert_non_null(strstr(err.text, "unsigned"));
    m = (struct binlog_column){.type = MYSQL_WIRE_LONG, .name = STR("other")};
    assert_false(fits(&c, m, BINLOG_HAS_NAMES, &err));
    assert_non_null(strstr(err.text, "`other`"));

    c = text_of("varchar(100)", "varchar", "utf8mb4", 100, 400);
    m = (struct binlog_column){.type = MYSQL_WIRE_VARCHAR, .length = 400, .collation = 45};
    assert_true(fits(&c, m, BINLOG_HAS_CHARSETS, &err));
    m.collation = 8;
    assert_false(fits(&c, m, BINLOG_HAS_CHARSETS, &err));
    assert_non_null(strstr(err.text, "latin1"));
    m.collation = 2000000;
    assert_false(fits(&c, m, BINLOG_HAS_CHARSETS, &err));
    assert_non_null(strstr(err.text, "2000000"));
    m.length = 404;
    assert_false(fits(&c, m, 0, &err));

    struct mysql_column_catalog row = row_of("datetime(3)", "datetime");
    row.datetime_precision = 3;
    c = make(row);
    m = (struct binlog_column){.type = MYSQL_WIRE_DATETIME2, .scale = 3};
    assert_true(fits(&c, m, 0, &err));
    m.scale = 2;
    assert_false(fits(&c, m, 0, &err));
    m = (struct binlog_column){.type = MYSQL_WIRE_DATETIME};
    assert_false(fits(&c, m, 0, &err)); /* MariaDB's old form with fraction digits */
    assert_non_null(strstr(err.text, "mysql56_temporal_format"));
}

static void members(void **state)
{
    (void)state;
    struct error err;
    struct mysql_column c = text_of("enum('a','\xc3\xa9','?')", "enum", "latin1", 1, 1);
    struct str same[] = {STR("a"), STR("\xe9"), STR("?")};
    struct str other[] = {STR("a"), STR("\xe8"), STR("?")};
    struct binlog_column m = {
        .type = MYSQL_WIRE_ENUM, .length_bytes = 1, .members = same, .member_count = 3};
    assert_true(fits(&c, m, BINLOG_HAS_ENUM_MEMBERS, &err));
    m.members = other;
    assert_false(fits(&c, m, BINLOG_HAS_ENUM_MEMBERS, &err));
    m.members = same;
    m.member_count = 2;
    assert_false(fits(&c, m, BINLOG_HAS_ENUM_MEMBERS, &err));
    m = (struct binlog_column){.type = MYSQL_WIRE_ENUM, .length_bytes = 2};
    assert_false(fits(&c, m, 0, &err));
    /* MySQL's catalog has `?` for what four bytes spell in the log */
    c = text_of("enum('?')", "enum", "utf8mb4", 1, 4);
    struct str face[] = {STR("\xf0\x9f\x98\x80")};
    m = (struct binlog_column){
        .type = MYSQL_WIRE_ENUM, .length_bytes = 1, .members = face, .member_count = 1};
    assert_true(fits(&c, m, BINLOG_HAS_ENUM_MEMBERS, &err));
}

static void counts(void **state)
{
    (void)state;
    struct mysql_column two[] = {make(row_of("int", "int")), make(row_of("int", "int"))};
    struct binlog_column m[] = {{.type = MYSQL_WIRE_LONG}, {.type = MYSQL_WIRE_LONG}};
    struct binlog_table map = {
        .database = STR("d"), .name = STR("t"), .columns = m, .column_count = 2};
    struct error err = {0};
    assert_true(mysql_column_match(two, 2, &map, &err));
    assert_false(mysql_column_match(two, 1, &map, &err));
    map.column_count = 1;
    assert_false(mysql_column_match(two, 2, &map, &err));
    assert_int_equal(err.code, FAIL_SCHEMA);
}

static int done(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers), cmocka_unit_test(others),  cmocka_unit_test(not_supported),
        cmocka_unit_test(matches),  cmocka_unit_test(members), cmocka_unit_test(counts),
    };
    return cmocka_run_group_tests(tests, NULL, done);
}
