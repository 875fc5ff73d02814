/* TABLE_MAP bodies: any bytes give columns within the event, or an error, never more; columns made
 * from a map fit it unless a type is unknown, and a table of other columns does not. */
#include <stdint.h>

#include "base/arena.h"
#include "base/mem.h"
#include "connectors/mysql/binlog.h"
#include "connectors/mysql/binlog_rows.h"
#include "connectors/mysql/binlog_table.h"
#include "tests/fuzz/mysql_columns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct str part, struct str whole)
{
    must(part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len));
}

static void check_map(const struct binlog_table *map, struct str body)
{
    check_inside(map->database, body);
    check_inside(map->name, body);
    check_inside(map->shape, body);
    must(map->column_count <= body.len);
    for (size_t i = 0; i < map->column_count; i++) {
        const struct binlog_column *c = &map->columns[i];
        check_inside(c->name, body);
        must(c->length_bytes <= 8 && c->precision <= 65 && c->scale <= 65);
        for (uint32_t k = 0; c->members != NULL && k < c->member_count; k++) {
            check_inside(c->members[k], body);
        }
    }
}

static void try_plan(const struct mysql_column *columns, size_t count,
                     const struct binlog_table *map)
{
    static const struct mysql_policy policy = {0};
    struct error err = {0};
    struct binlog_rows_plan *plan = NULL;
    if (!binlog_rows_plan_new(columns, count, map, &policy, &plan, &err)) {
        must(err.code == FAIL_SCHEMA && err.text[0] != '\0');
    }
    binlog_rows_plan_free(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body = {(const char *)data, size};
    struct binlog_event e = {.type = BINLOG_TABLE_MAP, .body = body};
    struct binlog_format format;
    struct binlog_table map;
    struct binlog_table peeked;
    struct error err = {0};
    struct arena a = {0};
    binlog_format_init(&format, false);
    format.post_header_bytes[BINLOG_TABLE_MAP] = 8;
    bool peek = binlog_table_peek(&format, &e, &peeked, &err);
    if (binlog_table_read(&format, &e, &a, &map, &err)) {
        must(peek && peeked.id == map.id && str_eq(peeked.name, map.name));
        check_map(&map, body);
        struct mysql_column *columns = mysql_columns_of(&map, &a);
        try_plan(columns, map.column_count, &map);
        if (map.column_count > 0) { /* one column less never fits */
            must(!mysql_column_match(columns, map.column_count - 1, &map, &err));
            must(err.code == FAIL_SCHEMA);
        }
    } else {
        must(err.code == FAIL_CORRUPT && err.text[0] != '\0');
    }
    arena_release(&a);
    return 0;
}
