#include "connectors/mysql/mysql_column.h"

#include "connectors/mysql/mysql_type.h"
#include "tests/unit/mysql_golden.h"

static const struct mysql_policy plain = {0};

/* The lake's type of a declared one; lengths and precisions as the catalog would have them. */
static void lake(const char *column_type, int64_t length, int64_t precision, int64_t scale,
                 struct mysql_policy policy, const char *want)
{
    struct arena a = {0};
    struct error err = {0};
    struct mysql_column c;
    struct buf out = BUF_INIT(256);
    struct str text = str_of(column_type);
    size_t word = 0;
    while (word < text.len && text.ptr[word] != '(' && text.ptr[word] != ' ') {
        word++;
    }
    struct mysql_column_catalog row = {.name = STR("c"),
                                       .column_type = text,
                                       .data_type = str_slice(text, 0, word),
                                       .character_set = STR("utf8mb4"),
                                       .nullable = true,
                                       .character_length = length,
                                       .octet_length = length < 0 ? -1 : length * 4,
                                       .numeric_precision = precision,
                                       .numeric_scale = scale,
                                       .datetime_precision = precision};
    if (!mysql_column_from_catalog(&row, &policy, &a, &c, &err)) {
        fail_msg("%s", err.text);
    }
    type_print(&c.type, &out);
    if (strcmp(buf_cstr(&out), want) != 0) {
        fail_msg("%s became %s, not %s", column_type, buf_cstr(&out), want);
    }
    row.nullable = false;
    buf_reset(&out);
    assert_true(mysql_column_from_catalog(&row, &policy, &a, &c, &err));
    type_print(&c.type, &out);
    assert_non_null(strstr(buf_cstr(&out), " NOT NULL"));
    buf_release(&out);
    arena_release(&a);
}

static void lake_types(void **state)
{
    (void)state;
    static const struct {
        const char *declared;
        int64_t length, precision, scale;
        const char *lake;
    } types[] = {
        {"tinyint", -1, 3, 0, "TINYINT"},
        {"tinyint(1)", -1, 3, 0, "BOOLEAN"},
        {"tinyint(4)", -1, 3, 0, "TINYINT"},
        {"tinyint(1) unsigned", -1, 3, 0, "SMALLINT"},
        {"tinyint unsigned", -1, 3, 0, "SMALLINT"},
        {"smallint", -1, 5, 0, "SMALLINT"},
        {"smallint unsigned", -1, 5, 0, "INT"},
        {"mediumint", -1, 7, 0, "INT"},
        {"mediumint unsigned", -1, 7, 0, "INT"},
        {"int", -1, 10, 0, "INT"},
        {"int(8) zerofill", -1, 10, 0, "BIGINT"},
        {"bigint", -1, 19, 0, "BIGINT"},
        {"bigint unsigned", -1, 20, 0, "DECIMAL(20, 0)"},
        {"float", -1, 12, -1, "FLOAT"},
        {"double", -1, 22, -1, "DOUBLE"},
        {"decimal(10,2)", -1, 10, 2, "DECIMAL(10, 2)"},
        {"decimal(38,38)", -1, 38, 38, "DECIMAL(38, 38)"},
        {"decimal(39,0)", -1, 39, 0, "STRING"},
        {"bit(1)", -1, 1, -1, "BOOLEAN"},
        {"bit(2)", -1, 2, -1, "BINARY(1)"},
        {"bit(9)", -1, 9, -1, "BINARY(2)"},
        {"bit(64)", -1, 64, -1, "BINARY(8)"},
        {"year", -1, -1, -1, "INT"},
        {"year(4)", -1, -1, -1, "INT"},
        {"date", -1, -1, -1, "DATE"},
        {"time", -1, 0, -1, "TIME(0)"},
        {"time(2)", -1, 2, -1, "TIME(2)"},
        {"time(6)", -1, 6, -1, "TIME(3)"},
        {"datetime(6)", -1, 6, -1, "TIMESTAMP(6)"},
        {"timestamp", -1, 0, -1, "TIMESTAMP(0) WITH LOCAL TIME ZONE"},
        {"char(5)", 5, -1, -1, "CHAR(5)"},
        {"char(0)", 0, -1, -1, "STRING"},
        {"varchar(100)", 100, -1, -1, "VARCHAR(100)"},
        {"varchar(0)", 0, -1, -1, "STRING"},
        {"tinytext", 255, -1, -1, "STRING"},
        {"longtext", 4294967295 / 4, -1, -1, "STRING"},
        {"binary(8)", 8, -1, -1, "BINARY(8)"},
        {"varbinary(8)", 8, -1, -1, "VARBINARY(8)"},
        {"varbinary(0)", 0, -1, -1, "BYTES"},
        {"mediumblob", 16777215, -1, -1, "BYTES"},
        {"enum('a','b')", 1, -1, -1, "STRING"},
        {"set('a','b')", 3, -1, -1, "ARRAY<STRING>"},
        {"json", -1, -1, -1, "STRING"},
        {"uuid", -1, -1, -1, "STRING"},
        {"inet4", -1, -1, -1, "STRING"},
        {"inet6", -1, -1, -1, "STRING"},
        {"vector(3)", 12, -1, -1, "ARRAY<FLOAT>"},
    };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        lake(types[i].declared, types[i].length, types[i].precision, types[i].scale, plain,
             types[i].lake);
    }
    lake("tinyint(1)", -1, 3, 0, (struct mysql_policy){.tinyint1_is_number = true}, "TINYINT");
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *declared, *data_type, *charset, *says;
        int64_t number;
    } bad[] = {
        {"point", "point", NULL, "not supported yet", -1},
        {"geometry", "geometry", NULL, "not supported yet", -1},
        {"something(3)", "something", NULL, "not supported yet", -1},
        {"year(2)", "year", NULL, "YEAR", -1},
        {"varchar(3)", "varchar", "utf9", "utf9", 3},
        {"varchar(3)", "varchar", NULL, "not known", 3},
        {"varchar(3)", "varchar", "latin1", "length", -1},
        {"decimal(10,2)", "decimal", NULL, "precision", -1},
        {"decimal(10,2)", "decimal", NULL, "precision", 66},
        {"bit(1)", "bit", NULL, "bits", 65},
        {"datetime(7)", "datetime", NULL, "fraction", 7},
        {"enum('a", "enum", "latin1", "not understood", 1},
        {"enum", "enum", "latin1", "members", 1},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct arena a = {0};
        struct error err = {0};
        struct mysql_column c = {.length = 4711};
        struct mysql_column_catalog row = {.name = STR("col"),
                                           .column_type = str_of(bad[i].declared),
                                           .data_type = str_of(bad[i].data_type),
                                           .character_set = str_of(bad[i].charset),
                                           .character_length = bad[i].number,
                                           .octet_length = bad[i].number,
                                           .numeric_precision = bad[i].number,
                                           .numeric_scale = 0,
                                           .datetime_precision = bad[i].number};
        if (mysql_column_from_catalog(&row, &plain, &a, &c, &err)) {
            fail_msg("%s was accepted", bad[i].declared);
        }
        assert_int_equal(err.code, FAIL_SCHEMA);
        assert_non_null(strstr(err.text, "`col`"));
        if (strstr(err.text, bad[i].says) == NULL) {
            fail_msg("\"%s\" does not say \"%s\"", err.text, bad[i].says);
        }
        assert_int_equal(c.length, 4711); /* outputs are untouched on failure */
        arena_release(&a);
    }
}

static void extras(void **state)
{
    (void)state;
    struct arena a = {0};
    struct error err = {0};
    struct mysql_column c;
    struct mysql_column_catalog row = {.name = STR("c"),
                                       .column_type = STR("int"),
                                       .data_type = STR("int"),
                                       .comment = STR("says so"),
                                       .extra =
                                           STR("DEFAULT_GENERATED on update CURRENT_TIMESTAMP"),
                                       .numeric_precision = 10};
    assert_true(mysql_column_from_catalog(&row, &plain, &a, &c, &err));
    assert_false(c.generated || c.invisible);
    assert_true(str_eq(c.comment, STR("says so")));
    row.extra = STR("STORED GENERATED INVISIBLE");
    assert_true(mysql_column_from_catalog(&row, &plain, &a, &c, &err));
    assert_true(c.generated && c.invisible);
    arena_release(&a);
}

/* The first TABLE_MAP of a recording. */
static void first_map(struct golden *g, const char *server, const char *label,
                      struct binlog_table *out)
{
    struct binlog_format format;
    struct binlog_event e;
    struct error err = {0};
    size_t at = 0;
    golden_open(g, server, label, plain);
    binlog_format_init(&format, true);
    while (golden_event(g->log, &format, &at, &e)) {
        if (e.type == BINLOG_TABLE_MAP) {
            assert_true(binlog_table_read(&format, &e, &g->arena, out, &err));
            assert_true(mysql_column_match(g->columns, g->count, out, &err));
            return;
        }
    }
    fail_msg("no TABLE_MAP");
}

static void misfit(const struct golden *g, const struct binlog_table *map, const char *column,
                   const char *says)
{
    struct error err = {0};
    if (mysql_column_match(g->columns, g->count, map, &err)) {
        fail_msg("the map still fits; it should say %s", says);
    }
    assert_int_equal(err.code, FAIL_SCHEMA);
    if (strstr(err.text, column) == NULL || strstr(err.text, says) == NULL) {
        fail_msg("\"%s\" does not say \"%s\" and \"%s\"", err.text, column, says);
    }
    assert_non_null(strstr(err.text, "table golden_"));
}

static size_t index_of(const struct golden *g, const char *name)
{
    for (size_t i = 0; i < g->count; i++) {
        if (str_eq(g->columns[i].name, str_of(name))) {
            return i;
        }
    }
    fail_msg("no column %s", name);
    return 0;
}

/* Each thing that a TABLE_MAP says, changed by itself, is noticed and named. */
static void numbers_altered(void **state)
{
    (void)state;
    struct golden g;
    struct binlog_table map;
    first_map(&g, "mysql-8.0", "numbers", &map);
    struct binlog_column *c = &map.columns[index_of(&g, "smallint")];
    c->type = MYSQL_WIRE_LONG;
    misfit(&g, &map, "`smallint`", "INT");
    c->type = 201;
    misfit(&g, &map, "`smallint`", "type 201");
    c->type = MYSQL_WIRE_SHORT;
    c->is_unsigned = true;
    misfit(&g, &map, "`smallint`", "unsigned");
    c->is_unsigned = false;
    c = &map.columns[index_of(&g, "dec_10_2")];
    c->scale = 3;
    misfit(&g, &map, "`dec_10_2`", "DECIMAL(10,3)");
    c->scale = 2;
    c = &map.columns[index_of(&g, "bit_9")];
    c->length = 8;
    misfit(&g, &map, "`bit_9`", "BIT of 8");
    c->length = 9;
    c->name = STR("renamed");
    misfit(&g, &map, "`bit_9`", "`renamed`");
    c->name = STR("bit_9");
    map.column_count--;
    misfit(&g, &map, "catalog has", "altered");
    map.column_count++;
    struct error err = {0};
    assert_true(mysql_column_match(g.columns, g.count, &map, &err));
    golden_close(&g);
}

static void texts_altered(void **state)
{
    (void)state;
    struct golden g;
    struct binlog_table map;
    first_map(&g, "mariadb-11.8", "texts", &map);
    struct binlog_column *c = &map.columns[index_of(&g, "latin1_varchar")];
    c->length = 400;
    misfit(&g, &map, "`latin1_varchar`", "VARCHAR of 400");
    c->length = 100;
    uint32_t collation = c->collation;
    c->collation = 33;
    misfit(&g, &map, "`latin1_varchar`", "utf8mb3");
    c->collation = 5000;
    misfit(&g, &map, "`latin1_varchar`", "5000");
    c->collation = collation;
    c = &map.columns[index_of(&g, "utf8mb4_text")];
    c->length_bytes = 3;
    misfit(&g, &map, "`utf8mb4_text`", "3 bytes");
    c->length_bytes = 2;
    c = &map.columns[index_of(&g, "gbk_char")];
    c->type = MYSQL_WIRE_VARCHAR;
    misfit(&g, &map, "`gbk_char`", "VARCHAR");
    golden_close(&g);

    first_map(&g, "mysql-9.7", "times", &map);
    c = &map.columns[index_of(&g, "datetime_3")];
    c->scale = 4;
    misfit(&g, &map, "`datetime_3`", "DATETIME(4)");
    c->type = MYSQL_WIRE_DATETIME; /* fraction digits never had this form in MySQL */
    misfit(&g, &map, "`datetime_3`", "mysql56_temporal_format");
    golden_close(&g);
}

static void members_altered(void **state)
{
    (void)state;
    struct golden g;
    struct binlog_table map;
    first_map(&g, "mysql-8.0", "enums", &map);
    struct binlog_column *c = &map.columns[index_of(&g, "enum_latin1")];
    struct str was = c->members[1];
    c->members[1] = STR("u");
    misfit(&g, &map, "`enum_latin1`", "other members");
    c->members[1] = was;
    c->member_count--;
    misfit(&g, &map, "`enum_latin1`", "another number of members");
    c->member_count++;
    c->length_bytes = 2;
    misfit(&g, &map, "`enum_latin1`", "another number of members");
    c->length_bytes = 1;
    c->type = MYSQL_WIRE_SET;
    misfit(&g, &map, "`enum_latin1`", "SET");
    c->type = MYSQL_WIRE_ENUM;
    c = &map.columns[index_of(&g, "set_9")];
    c->length_bytes = 1;
    misfit(&g, &map, "`set_9`", "another number of members");
    golden_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lake_types),    cmocka_unit_test(refused),
        cmocka_unit_test(extras),        cmocka_unit_test(numbers_altered),
        cmocka_unit_test(texts_altered), cmocka_unit_test(members_altered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
