#include "agent/partition_key.h"

/* The next `db.table:columns`; blank parts are passed over. False at the end. */
static bool next_part(struct str *rest, struct str *out_table, struct str *out_columns)
{
    struct str part;
    while (str_next(rest, ';', &part)) {
        part = str_trim(part);
        if (part.len > 0) {
            size_t colon = str_find(part, ':');
            *out_table = str_trim(str_slice(part, 0, colon));
            *out_columns = str_trim(str_slice(part, colon + (colon < part.len), part.len));
            return true;
        }
    }
    return false;
}

static bool is_list(struct str columns)
{
    struct str rest = columns;
    struct str name;
    while (str_next(&rest, ',', &name)) {
        if (str_trim(name).len == 0) {
            return false;
        }
    }
    return true;
}

bool partition_key_check(struct str text, struct error *err)
{
    struct str rest = text;
    struct str table;
    struct str columns;
    while (text.len > 0 && next_part(&rest, &table, &columns)) {
        size_t dot = str_find(table, '.');
        if (dot == 0 || dot + 1 >= table.len || !is_list(columns)) {
            return error_set(err, FAIL_CONFIG,
                             "'%.*s:%.*s' is not of the form db.table:column,column",
                             STR_FMT(str_slice(table, 0, 80)), STR_FMT(str_slice(columns, 0, 80)));
        }
        struct str others = rest;
        struct str other;
        struct str ignored;
        while (others.ptr != NULL && next_part(&others, &other, &ignored)) {
            if (str_eq(table, other)) {
                return error_set(err, FAIL_CONFIG, "table '%.*s' is named twice",
                                 STR_FMT(str_slice(table, 0, 80)));
            }
        }
    }
    return true;
}

bool partition_key_find(struct str text, struct str database, struct str table,
                        struct str *out_columns)
{
    struct str rest = text;
    struct str name;
    while (text.len > 0 && next_part(&rest, &name, out_columns)) {
        if (name.len == database.len + 1 + table.len && name.ptr[database.len] == '.' &&
            str_eq(str_slice(name, 0, database.len), database) &&
            str_eq(str_slice(name, database.len + 1, name.len), table)) {
            return true;
        }
    }
    return false;
}
