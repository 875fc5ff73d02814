/* Row images: any bytes behind a TABLE_MAP give values of its columns, or an error, never more;
 * values lie where they may be read to their end.
 * Input: event type u8, length of the map u16, the map's body, the rows event's body. */
#include <stdint.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/reader.h"
#include "base/row.h"
#include "connectors/mysql/binlog.h"
#include "connectors/mysql/binlog_rows.h"
#include "connectors/mysql/binlog_table.h"
#include "tests/fuzz/mysql_columns.h"

#define MAX_ROWS 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads every byte that a value points to, so that a sanitizer sees one too many. */
static uint64_t touch(const struct mysql_column *c, const struct value *v)
{
    uint64_t sum = v->len;
    must(v->state == VALUE_NULL || v->state == VALUE_SET || v->state == VALUE_UNCHANGED);
    if (v->state != VALUE_SET) {
        return sum;
    }
    bool text = c->charset != NULL && c->class != MYSQL_CLASS_SET;
    bool bytes = c->class == MYSQL_CLASS_VARBINARY || c->class == MYSQL_CLASS_BLOB ||
                 c->class == MYSQL_CLASS_JSON || c->class == MYSQL_CLASS_INET6;
    if (text) {
        must(mysql_charset_is_utf8(value_str(v)));
    } else if (c->class == MYSQL_CLASS_BINARY && c->length > 0) {
        must(v->len == c->length);
        sum += str_find(value_str(v), '\x01');
    } else if (bytes) {
        sum += str_find(value_str(v), '\x01');
    } else if (c->class == MYSQL_CLASS_SET) {
        for (uint32_t i = 0; i < v->len; i++) {
            sum += str_find(value_str(&v->items[i]), '\x01');
        }
    } else if (c->class == MYSQL_CLASS_TIME) {
        must(v->i >= 0 && v->i < 86400000);
    } else if (c->class == MYSQL_CLASS_DATE) {
        must(v->i >= -719528 && v->i <= 2932896); /* years 0000 to 9999 */
    }
    return sum;
}

static void read_rows(const struct binlog_format *f, const struct binlog_event *e,
                      const struct binlog_table *map, const struct mysql_column *columns,
                      struct binlog_rows_plan *plan)
{
    struct error err = {0};
    struct arena a = {0};
    struct binlog_rows rows;
    volatile uint64_t sum = 0;
    if (!binlog_rows_open(f, e, &a, &rows, &err)) {
        must(err.code == FAIL_CORRUPT || err.code == FAIL_LIMIT);
        arena_release(&a);
        return;
    }
    enum binlog_rows_next next = BINLOG_ROWS_ROW;
    for (unsigned n = 0; n < MAX_ROWS && next == BINLOG_ROWS_ROW; n++) {
        struct value *images[2] = {NULL, NULL};
        size_t left = rows.rest.rest.len;
        next = binlog_rows_next(&rows, plan, &a, &images[0], &images[1], &err);
        must(next != BINLOG_ROWS_ROW || rows.rest.rest.len < left);
        must(next != BINLOG_ROWS_FAIL || (err.code != 0 && err.text[0] != '\0'));
        must(next != BINLOG_ROWS_ROW || images[0] != NULL || images[1] != NULL);
        for (size_t i = 0; i < 2 && images[i] != NULL; i++) {
            for (size_t k = 0; k < map->column_count; k++) {
                sum = sum + touch(&columns[k], &images[i][k]);
            }
        }
    }
    arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct mysql_policy policy = {.time_range = MYSQL_TIME_RANGE_CLAMP};
    struct reader r = reader_over((struct str){(const char *)data, size}, "fuzz input");
    uint8_t type = reader_u8(&r);
    size_t map_len = reader_u16le(&r);
    struct binlog_event map_event = {.type = BINLOG_TABLE_MAP, .body = reader_bytes(&r, map_len)};
    struct binlog_event e = {.type = type, .body = r.rest};
    struct binlog_format format;
    struct binlog_table map;
    struct error err = {0};
    struct arena a = {0};
    struct binlog_rows_plan *plan = NULL;
    binlog_format_init(&format, false);
    if (!r.failed && binlog_table_read(&format, &map_event, &a, &map, &err)) {
        struct mysql_column *columns = mysql_columns_of(&map, &a);
        if (binlog_rows_plan_new(columns, map.column_count, &map, &policy, &plan, &err)) {
            read_rows(&format, &e, &map, columns, plan);
        }
    }
    binlog_rows_plan_free(plan);
    arena_release(&a);
    return 0;
}
