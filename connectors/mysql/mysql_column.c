#include "connectors/mysql/mysql_column.h"

#include <string.h>

#include "base/mem.h"
#include "connectors/mysql/mysql_decimal.h"
#include "connectors/mysql/mysql_type.h"

static const struct {
    const char *word;
    enum mysql_class class;
} words[] = {
    {"tinyint", MYSQL_CLASS_TINY},      {"smallint", MYSQL_CLASS_SHORT},
    {"mediumint", MYSQL_CLASS_MEDIUM},  {"int", MYSQL_CLASS_INT},
    {"bigint", MYSQL_CLASS_BIGINT},     {"float", MYSQL_CLASS_FLOAT},
    {"double", MYSQL_CLASS_DOUBLE},     {"decimal", MYSQL_CLASS_DECIMAL},
    {"bit", MYSQL_CLASS_BIT},           {"year", MYSQL_CLASS_YEAR},
    {"date", MYSQL_CLASS_DATE},         {"time", MYSQL_CLASS_TIME},
    {"datetime", MYSQL_CLASS_DATETIME}, {"timestamp", MYSQL_CLASS_TIMESTAMP},
    {"char", MYSQL_CLASS_CHAR},         {"varchar", MYSQL_CLASS_VARCHAR},
    {"tinytext", MYSQL_CLASS_TEXT},     {"text", MYSQL_CLASS_TEXT},
    {"mediumtext", MYSQL_CLASS_TEXT},   {"longtext", MYSQL_CLASS_TEXT},
    {"binary", MYSQL_CLASS_BINARY},     {"varbinary", MYSQL_CLASS_VARBINARY},
    {"tinyblob", MYSQL_CLASS_BLOB},     {"blob", MYSQL_CLASS_BLOB},
    {"mediumblob", MYSQL_CLASS_BLOB},   {"longblob", MYSQL_CLASS_BLOB},
    {"enum", MYSQL_CLASS_ENUM},         {"set", MYSQL_CLASS_SET},
    {"json", MYSQL_CLASS_JSON},         {"uuid", MYSQL_CLASS_UUID},
    {"inet4", MYSQL_CLASS_INET4},       {"inet6", MYSQL_CLASS_INET6},
    {"vector", MYSQL_CLASS_VECTOR},
};

static bool class_find(struct str word, enum mysql_class *out)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (str_eq_nocase(word, str_of(words[i].word))) {
            *out = words[i].class;
            return true;
        }
    }
    return false;
}

static bool has_word(struct str text, const char *word)
{
    struct str rest = text;
    struct str part;
    while (rest.ptr != NULL && str_next(&rest, ' ', &part)) {
        if (str_eq_nocase(part, str_of(word))) {
            return true;
        }
    }
    return false;
}

static bool bad_column(const struct mysql_column *c, const char *what, struct error *err)
{
    return error_set(err, FAIL_SCHEMA, "column `%.*s` %.*s: %s", STR_FMT(c->name),
                     (int)(c->declared.len < 100 ? c->declared.len : 100), c->declared.ptr, what);
}

static const struct type string_type = {
    .kind = TYPE_VARCHAR, .nullable = true, .length = TYPE_MAX_LENGTH};
static const struct type float_type = {.kind = TYPE_FLOAT, .nullable = true};

static void set_length(struct type *t, enum type_kind kind, enum type_kind unbounded,
                       uint32_t length)
{
    t->kind = length == 0 ? unbounded : kind;
    t->length = length == 0 ? TYPE_MAX_LENGTH : length; /* CHAR(0) and its like */
}

static void lake_integer(struct mysql_column *c)
{
    static const enum type_kind kinds[2][5] = {
        {TYPE_TINYINT, TYPE_SMALLINT, TYPE_INT, TYPE_INT, TYPE_BIGINT},
        {TYPE_SMALLINT, TYPE_INT, TYPE_INT, TYPE_BIGINT, TYPE_DECIMAL},
    };
    c->type.kind = kinds[c->is_unsigned][c->class - MYSQL_CLASS_TINY];
    if (c->type.kind == TYPE_DECIMAL) {
        c->type.precision = 20;
    }
}

static void lake_decimal(struct mysql_column *c)
{
    if (c->precision > TYPE_MAX_DECIMAL) {
        set_length(&c->type, TYPE_VARCHAR, TYPE_VARCHAR, 0);
        return;
    }
    c->type.kind = TYPE_DECIMAL;
    c->type.precision = c->precision;
    c->type.scale = c->scale;
}

static void lake_string(struct mysql_column *c)
{
    bool text = c->class == MYSQL_CLASS_CHAR || c->class == MYSQL_CLASS_VARCHAR;
    bool fixed = c->class == MYSQL_CLASS_CHAR || c->class == MYSQL_CLASS_BINARY;
    enum type_kind varying = text ? TYPE_VARCHAR : TYPE_VARBINARY;
    enum type_kind exact = text ? TYPE_CHAR : TYPE_BINARY;
    set_length(&c->type, fixed ? exact : varying, varying, c->length);
}

/* cdc-semantics §3.1, with the choices of docs/types. */
static void lake_type(struct mysql_column *c)
{
    struct type *t = &c->type;
    t->nullable = c->nullable;
    switch (c->class) {
    case MYSQL_CLASS_TINY:
    case MYSQL_CLASS_SHORT:
    case MYSQL_CLASS_MEDIUM:
    case MYSQL_CLASS_INT:
    case MYSQL_CLASS_BIGINT:
        lake_integer(c);
        break;
    case MYSQL_CLASS_FLOAT:
        t->kind = TYPE_FLOAT;
        break;
    case MYSQL_CLASS_DOUBLE:
        t->kind = TYPE_DOUBLE;
        break;
    case MYSQL_CLASS_DECIMAL:
        lake_decimal(c);
        break;
    case MYSQL_CLASS_BIT:
        t->kind = c->length == 1 ? TYPE_BOOLEAN : TYPE_BINARY;
        t->length = c->length == 1 ? 0 : (c->length + 7) / 8;
        break;
    case MYSQL_CLASS_YEAR:
        t->kind = TYPE_INT;
        break;
    case MYSQL_CLASS_DATE:
        t->kind = TYPE_DATE;
        break;
    case MYSQL_CLASS_TIME: /* Paimon's TIME is milliseconds of the day */
        t->kind = TYPE_TIME;
        t->precision = c->fraction_digits < 3 ? c->fraction_digits : 3;
        break;
    case MYSQL_CLASS_DATETIME:
        t->kind = TYPE_TIMESTAMP;
        t->precision = c->fraction_digits;
        break;
    case MYSQL_CLASS_TIMESTAMP:
        t->kind = TYPE_TIMESTAMP_LTZ;
        t->precision = c->fraction_digits;
        break;
    case MYSQL_CLASS_CHAR:
    case MYSQL_CLASS_VARCHAR:
    case MYSQL_CLASS_BINARY:
    case MYSQL_CLASS_VARBINARY:
        lake_string(c);
        break;
    case MYSQL_CLASS_BLOB:
        set_length(t, TYPE_VARBINARY, TYPE_VARBINARY, 0);
        break;
    case MYSQL_CLASS_SET:
        t->kind = TYPE_ARRAY;
        t->element = &string_type;
        break;
    case MYSQL_CLASS_VECTOR:
        t->kind = TYPE_ARRAY;
        t->element = &float_type;
        break;
    case MYSQL_CLASS_TEXT:
    case MYSQL_CLASS_ENUM:
    case MYSQL_CLASS_JSON:
    case MYSQL_CLASS_UUID:
    case MYSQL_CLASS_INET4:
    case MYSQL_CLASS_INET6:
        set_length(t, TYPE_VARCHAR, TYPE_VARCHAR, 0);
        break;
    }
}

static bool in_range(int64_t v, int64_t low, int64_t high)
{
    return v >= low && v <= high;
}

/* What the class needs of the catalog's numbers. */
static bool take_numbers(const struct mysql_column_catalog *row,
                         const struct mysql_type_declared *declared, struct mysql_column *c,
                         struct error *err)
{
    switch (c->class) {
    case MYSQL_CLASS_DECIMAL:
        if (!in_range(row->numeric_precision, 1, MYSQL_DECIMAL_MAX_PRECISION) ||
            !in_range(row->numeric_scale, 0, MYSQL_DECIMAL_MAX_SCALE) ||
            row->numeric_scale > row->numeric_precision) {
            return bad_column(c, "impossible precision or scale in the catalog", err);
        }
        c->precision = (uint8_t)row->numeric_precision;
        c->scale = (uint8_t)row->numeric_scale;
        return true;
    case MYSQL_CLASS_BIT:
        if (!in_range(row->numeric_precision, 1, 64)) {
            return bad_column(c, "impossible number of bits in the catalog", err);
        }
        c->length = (uint32_t)row->numeric_precision;
        return true;
    case MYSQL_CLASS_TIME:
    case MYSQL_CLASS_DATETIME:
    case MYSQL_CLASS_TIMESTAMP:
        if (!in_range(row->datetime_precision, 0, 6)) {
            return bad_column(c, "impossible fraction digits in the catalog", err);
        }
        c->fraction_digits = (uint8_t)row->datetime_precision;
        return true;
    case MYSQL_CLASS_YEAR:
        return !(declared->arguments == 1 && declared->argument[0] == 2) ||
               bad_column(c, "two-digit years are not supported; change it to YEAR", err);
    case MYSQL_CLASS_CHAR:
    case MYSQL_CLASS_VARCHAR:
    case MYSQL_CLASS_BINARY:
    case MYSQL_CLASS_VARBINARY:
    case MYSQL_CLASS_TEXT:
    case MYSQL_CLASS_BLOB:
        if (!in_range(row->character_length, 0, UINT32_MAX) ||
            !in_range(row->octet_length, 0, UINT32_MAX)) {
            return bad_column(c, "no length in the catalog", err);
        }
        c->length = (uint32_t)row->character_length;
        c->octets = (uint64_t)row->octet_length;
        return true;
    case MYSQL_CLASS_VECTOR:
        c->length = declared->arguments == 1 ? declared->argument[0] : 0;
        return true;
    case MYSQL_CLASS_TINY:
    case MYSQL_CLASS_SHORT:
    case MYSQL_CLASS_MEDIUM:
    case MYSQL_CLASS_INT:
    case MYSQL_CLASS_BIGINT:
    case MYSQL_CLASS_FLOAT:
    case MYSQL_CLASS_DOUBLE:
    case MYSQL_CLASS_DATE:
    case MYSQL_CLASS_ENUM:
    case MYSQL_CLASS_SET:
    case MYSQL_CLASS_JSON:
    case MYSQL_CLASS_UUID:
    case MYSQL_CLASS_INET4:
    case MYSQL_CLASS_INET6:
        return true;
    }
    return true;
}

static bool is_text_class(enum mysql_class class)
{
    return class == MYSQL_CLASS_CHAR || class == MYSQL_CLASS_VARCHAR || class == MYSQL_CLASS_TEXT ||
           class == MYSQL_CLASS_ENUM || class == MYSQL_CLASS_SET;
}

static bool take_charset(const struct mysql_column_catalog *row, struct mysql_column *c,
                         struct error *err)
{
    if (!is_text_class(c->class)) {
        return true;
    }
    c->charset = mysql_charset_by_name(row->character_set);
    if (c->charset == NULL) {
        return error_set(err, FAIL_SCHEMA, "column `%.*s`: character set \"%.*s\" is not known",
                         STR_FMT(c->name), STR_FMT(row->character_set));
    }
    return true;
}

static void take_extra(struct str extra, struct mysql_column *c)
{
    /* MySQL 8 writes DEFAULT_GENERATED, one word, for expressions as defaults. */
    c->generated = has_word(extra, "GENERATED") || has_word(extra, "PERSISTENT");
    c->invisible = has_word(extra, "INVISIBLE");
}

bool mysql_column_from_catalog(const struct mysql_column_catalog *row,
                               const struct mysql_policy *policy, struct arena *arena,
                               struct mysql_column *out, struct error *err)
{
    struct mysql_type_declared declared;
    struct mysql_column c = {.name = arena_str(arena, row->name),
                             .comment = arena_str(arena, row->comment),
                             .declared = arena_str(arena, row->column_type),
                             .collation = arena_str(arena, row->collation),
                             .nullable = row->nullable};
    if (!mysql_type_parse(c.declared, arena, &declared, err)) {
        return error_in(err, "column `%.*s`", STR_FMT(c.name));
    }
    if (!class_find(row->data_type, &c.class)) {
        return bad_column(&c,
                          "this type is not supported yet; leave the table out or drop the "
                          "column",
                          err);
    }
    c.is_unsigned = declared.is_unsigned;
    c.members = declared.members;
    c.member_count = (uint32_t)declared.member_count;
    c.compressed = has_word(c.declared, "COMPRESSED*/") || has_word(c.declared, "COMPRESSED");
    take_extra(row->extra, &c);
    if (!take_numbers(row, &declared, &c, err) || !take_charset(row, &c, err)) {
        return false;
    }
    bool must_have_members = c.class == MYSQL_CLASS_ENUM || c.class == MYSQL_CLASS_SET;
    if (must_have_members &&
        (c.member_count == 0 || (c.class == MYSQL_CLASS_SET && c.member_count > 64))) {
        return bad_column(&c, "impossible number of members", err);
    }
    lake_type(&c);
    if (c.class == MYSQL_CLASS_TINY && !c.is_unsigned && !policy->tinyint1_is_number &&
        declared.arguments == 1 && declared.argument[0] == 1) {
        c.type.kind = TYPE_BOOLEAN;
    }
    *out = c;
    return true;
}

bool mysql_column_as_key(struct mysql_column *c, struct error *err)
{
    if (c->class == MYSQL_CLASS_TIME && c->fraction_digits > 3) {
        return error_set(err, FAIL_SCHEMA,
                         "has the primary key column `%.*s` of type %.*s: the lake's TIME holds "
                         "milliseconds, so two keys could become one; make it TIME(3) or leave the "
                         "table out",
                         STR_FMT(c->name), STR_FMT(c->declared));
    }
    if (c->class == MYSQL_CLASS_TINY && c->type.kind == TYPE_BOOLEAN) {
        c->type.kind = TYPE_TINYINT;
    }
    c->key = true;
    return true;
}
