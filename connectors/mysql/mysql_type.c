#include "connectors/mysql/mysql_type.h"

#include <string.h>

#include "base/mem.h"

#define MAX_MEMBERS 65535 /* the server's limit of ENUM */

const char *mysql_type_name(uint8_t code)
{
    static const struct {
        uint8_t code;
        const char *name;
    } names[] = {
        {MYSQL_WIRE_DECIMAL, "DECIMAL (before 5.0)"},
        {MYSQL_WIRE_TINY, "TINYINT"},
        {MYSQL_WIRE_SHORT, "SMALLINT"},
        {MYSQL_WIRE_LONG, "INT"},
        {MYSQL_WIRE_FLOAT, "FLOAT"},
        {MYSQL_WIRE_DOUBLE, "DOUBLE"},
        {MYSQL_WIRE_NULL, "NULL"},
        {MYSQL_WIRE_TIMESTAMP, "TIMESTAMP (before 5.6)"},
        {MYSQL_WIRE_LONGLONG, "BIGINT"},
        {MYSQL_WIRE_INT24, "MEDIUMINT"},
        {MYSQL_WIRE_DATE, "DATE"},
        {MYSQL_WIRE_TIME, "TIME (before 5.6)"},
        {MYSQL_WIRE_DATETIME, "DATETIME (before 5.6)"},
        {MYSQL_WIRE_YEAR, "YEAR"},
        {MYSQL_WIRE_NEWDATE, "DATE"},
        {MYSQL_WIRE_VARCHAR, "VARCHAR"},
        {MYSQL_WIRE_BIT, "BIT"},
        {MYSQL_WIRE_TIMESTAMP2, "TIMESTAMP"},
        {MYSQL_WIRE_DATETIME2, "DATETIME"},
        {MYSQL_WIRE_TIME2, "TIME"},
        {MYSQL_WIRE_BLOB_COMPRESSED, "BLOB COMPRESSED"},
        {MYSQL_WIRE_VARCHAR_COMPRESSED, "VARCHAR COMPRESSED"},
        {MYSQL_WIRE_VECTOR, "VECTOR"},
        {MYSQL_WIRE_JSON, "JSON"},
        {MYSQL_WIRE_NEWDECIMAL, "DECIMAL"},
        {MYSQL_WIRE_ENUM, "ENUM"},
        {MYSQL_WIRE_SET, "SET"},
        {MYSQL_WIRE_TINY_BLOB, "TINYBLOB"},
        {MYSQL_WIRE_MEDIUM_BLOB, "MEDIUMBLOB"},
        {MYSQL_WIRE_LONG_BLOB, "LONGBLOB"},
        {MYSQL_WIRE_BLOB, "BLOB or TEXT"},
        {MYSQL_WIRE_VAR_STRING, "VARCHAR (before 5.0)"},
        {MYSQL_WIRE_STRING, "CHAR or BINARY"},
        {MYSQL_WIRE_GEOMETRY, "GEOMETRY"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].code == code) {
            return names[i].name;
        }
    }
    return NULL;
}

static bool bad_type(struct str text, struct error *err)
{
    return error_set(err, FAIL_SCHEMA, "column type \"%.*s\" is not understood",
                     (int)(text.len < 200 ? text.len : 200), text.ptr);
}

/* Bytes of a member from its opening quote up to the closing one; 0 when there is none. */
static size_t member_bytes(struct str text)
{
    for (size_t i = 1; i < text.len; i++) {
        if (text.ptr[i] == '\\' ||
            (text.ptr[i] == '\'' && i + 1 < text.len && text.ptr[i + 1] == '\'')) {
            i++;
        } else if (text.ptr[i] == '\'') {
            return i;
        }
    }
    return 0;
}

/* One member from its opening quote on: '' is a quote, \0 \n \r \\ are what they say (the servers'
 * append_unescaped). Cuts it off *rest; false when there is none. */
static bool member_next(struct str *rest, struct arena *arena, struct str *out)
{
    size_t end = rest->len > 0 && rest->ptr[0] == '\'' ? member_bytes(*rest) : 0;
    if (end == 0) {
        return false;
    }
    char *text = arena_alloc(arena, end);
    size_t len = 0;
    for (size_t i = 1; i < end; i++) {
        char c = rest->ptr[i];
        if (c == '\'') {
            i++;
        } else if (c == '\\') {
            c = rest->ptr[++i];
            c = c == '0' ? '\0' : c == 'n' ? '\n' : c == 'r' ? '\r' : c;
        }
        text[len++] = c;
    }
    *rest = str_slice(*rest, end + 1, rest->len);
    *out = (struct str){text, len};
    return true;
}

/* After the opening parenthesis; leaves *rest behind the closing one. */
static bool parse_members(struct str *rest, struct arena *arena, struct mysql_type_declared *out)
{
    size_t most = 1; /* every member but the first has a comma before it */
    for (size_t i = 0; i < rest->len; i++) {
        most += rest->ptr[i] == ',';
    }
    if (most > MAX_MEMBERS * 4) {
        return false;
    }
    out->members = ARENA_ARRAY(arena, struct str, most);
    for (;;) {
        if (!member_next(rest, arena, &out->members[out->member_count])) {
            return false;
        }
        out->member_count++;
        if (rest->len == 0) {
            return false;
        }
        char c = rest->ptr[0];
        *rest = str_slice(*rest, 1, rest->len);
        if (c == ')') {
            return out->member_count <= MAX_MEMBERS;
        }
        if (c != ',') {
            return false;
        }
    }
}

static bool parse_arguments(struct str *rest, struct mysql_type_declared *out)
{
    size_t end = str_find(*rest, ')');
    if (end == rest->len) {
        return false;
    }
    struct str list = str_slice(*rest, 0, end);
    struct str part;
    *rest = str_slice(*rest, end + 1, rest->len);
    while (str_next(&list, ',', &part)) {
        uint64_t v = 0;
        if (out->arguments == 2 || !str_to_u64(str_trim(part), &v) || v > UINT32_MAX) {
            return false;
        }
        out->argument[out->arguments++] = (uint32_t)v;
    }
    return true;
}

bool mysql_type_parse(struct str column_type, struct arena *arena, struct mysql_type_declared *out,
                      struct error *err)
{
    struct mysql_type_declared type = {0};
    struct str text = str_trim(column_type);
    size_t end = 0;
    while (end < text.len && text.ptr[end] != '(' && text.ptr[end] != ' ') {
        end++;
    }
    type.word = str_slice(text, 0, end);
    struct str rest = str_slice(text, end, text.len);
    if (rest.len > 0 && rest.ptr[0] == '(') {
        bool members =
            str_eq_nocase(type.word, STR("enum")) || str_eq_nocase(type.word, STR("set"));
        rest = str_slice(rest, 1, rest.len);
        if (!(members ? parse_members(&rest, arena, &type) : parse_arguments(&rest, &type))) {
            return bad_type(column_type, err);
        }
    }
    struct str word;
    while (str_next(&rest, ' ', &word)) {
        type.is_unsigned = type.is_unsigned || str_eq_nocase(word, STR("unsigned")) ||
                           str_eq_nocase(word, STR("zerofill"));
    }
    if (type.word.len == 0) {
        return bad_type(column_type, err);
    }
    *out = type;
    return true;
}
