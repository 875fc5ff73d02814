/* tests/bench/bench_binlog_rows.c: what decoding a row costs: row images of the binary log, and
 * result rows of prepared statements, into values.
 *
 *   bench_binlog_rows [million rows]      default 4
 *
 * The row has the ten columns of the race's table (bigint, int, smallint, decimal(12,2), double,
 * varchar(32), varchar(20), varchar(64), date, datetime(3)), about 80 bytes; its texts are ASCII,
 * or in the second run half Cyrillic. An event has 100 rows; its arena is emptied after each, as a
 * batch's is. Prints rows per second of one core, by CPU time. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/instant.h"
#include "base/mem.h"
#include "connectors/mysql/binlog_rows.h"
#include "connectors/mysql/mysql_decimal.h"
#include "connectors/mysql/mysql_type.h"
#include "connectors/mysql/mysql_value.h"

#define COLUMNS 10
#define ROWS 100

static const struct mysql_policy policy = {0};

struct column_text {
    const char *name, *declared, *data;
    int64_t characters, precision, scale, digits;
};

static const struct column_text texts[COLUMNS] = {
    {"id", "bigint(20)", "bigint", -1, 19, 0, -1},
    {"k", "int(11)", "int", -1, 10, 0, -1},
    {"small", "smallint(6)", "smallint", -1, 5, 0, -1},
    {"amount", "decimal(12,2)", "decimal", -1, 12, 2, -1},
    {"price", "double", "double", -1, 22, -1, -1},
    {"name", "varchar(32)", "varchar", 32, -1, -1, -1},
    {"city", "varchar(20)", "varchar", 20, -1, -1, -1},
    {"note", "varchar(64)", "varchar", 64, -1, -1, -1},
    {"born", "date", "date", -1, -1, -1, -1},
    {"created", "datetime(3)", "datetime", -1, -1, -1, 3},
};

static void give_up(const struct error *err)
{
    (void)fprintf(stderr, "bench_binlog_rows: %s\n", err->text);
    must(false);
}

static struct mysql_column *make_columns(struct arena *a)
{
    struct mysql_column *columns = ARENA_ARRAY(a, struct mysql_column, COLUMNS);
    for (size_t i = 0; i < COLUMNS; i++) {
        const struct column_text *t = &texts[i];
        bool text = t->characters >= 0;
        struct error err;
        struct mysql_column_catalog row = {
            .name = str_of(t->name),
            .column_type = str_of(t->declared),
            .data_type = str_of(t->data),
            .character_set = text ? STR("utf8mb4") : (struct str){NULL, 0},
            .collation = text ? STR("utf8mb4_general_ci") : (struct str){NULL, 0},
            .extra = STR(""),
            .nullable = true,
            .character_length = t->characters,
            .octet_length = text ? 4 * t->characters : -1,
            .numeric_precision = t->precision,
            .numeric_scale = t->scale,
            .datetime_precision = t->digits};
        if (!mysql_column_from_catalog(&row, &policy, a, &columns[i], &err)) {
            give_up(&err);
        }
    }
    return columns;
}

/* A table map of the columns: numbers have no metadata, texts their octets. */
static void make_map(struct arena *a, struct binlog_table *map)
{
    static const struct binlog_column wire[COLUMNS] = {
        {.type = MYSQL_WIRE_LONGLONG},
        {.type = MYSQL_WIRE_LONG},
        {.type = MYSQL_WIRE_SHORT},
        {.type = MYSQL_WIRE_NEWDECIMAL, .precision = 12, .scale = 2},
        {.type = MYSQL_WIRE_DOUBLE},
        {.type = MYSQL_WIRE_VARCHAR, .length = 128, .length_bytes = 1},
        {.type = MYSQL_WIRE_VARCHAR, .length = 80, .length_bytes = 1},
        {.type = MYSQL_WIRE_VARCHAR, .length = 256, .length_bytes = 2},
        {.type = MYSQL_WIRE_DATE},
        {.type = MYSQL_WIRE_DATETIME2, .scale = 3},
    };
    *map = (struct binlog_table){
        .id = 7, .database = STR("race"), .name = STR("t"), .column_count = COLUMNS};
    map->columns = ARENA_ARRAY(a, struct binlog_column, COLUMNS);
    memcpy(map->columns, wire, sizeof(wire));
}

struct texts_of {
    struct str name, city, note;
};

static struct texts_of texts_of(size_t i, bool wide)
{
    static const struct str cities[4] = {{"Amsterdam", 9}, {"Lima", 4}, {"Tokyo", 5}, {"Oslo", 4}};
    struct texts_of t = {STR("customer name 4711"), cities[i % 4],
                         STR("a note of some thirty letters.")};
    if (wide) {
        t.name = STR("имя клиента 4711");
        t.note = STR("заметка на тридцать букв");
    }
    return t;
}

static void put_be(struct buf *b, uint64_t v, unsigned len)
{
    while (len-- > 0) {
        buf_put_byte(b, (uint8_t)(v >> 8 * len));
    }
}

/* WRITE_ROWS version 2 of ROWS rows. */
static void make_event(struct buf *b, bool wide)
{
    static const unsigned char amount[6] = {0x80, 0x00, 0x00, 0x04, 0xd2, 0x22}; /* 1234.34 */
    double price = 19.875;
    uint64_t price_bits = 0;
    memcpy(&price_bits, &price, sizeof(price));
    must(mysql_decimal_bytes(12, 2) == sizeof(amount));
    put_be(b, 0x070000000000u, 6); /* table id 7 */
    buf_put_u16le(b, 1);
    buf_put_u16le(b, 2);
    buf_put_byte(b, COLUMNS);
    buf_put_u16le(b, 0x03ff);
    for (size_t i = 0; i < ROWS; i++) {
        struct texts_of t = texts_of(i, wide);
        bool null = i % 10 == 9;
        buf_put_u16le(b, null ? 0xfc80 : 0xfc00);
        buf_put_u64le(b, 1000000 + i);
        buf_put_u32le(b, (uint32_t)(i * 7919));
        buf_put_u16le(b, (uint16_t)i);
        buf_put(b, amount, sizeof(amount));
        buf_put_u64le(b, price_bits);
        buf_put_byte(b, (uint8_t)t.name.len);
        buf_put_str(b, t.name);
        buf_put_byte(b, (uint8_t)t.city.len);
        buf_put_str(b, t.city);
        if (!null) {
            buf_put_u16le(b, (uint16_t)t.note.len);
            buf_put_str(b, t.note);
        }
        uint32_t born = 1984u << 9 | 2u << 5 | 29u;
        buf_put(b, &born, 3);
        put_be(b,
               0x8000000000u | (uint64_t)(2024 * 13 + 2) << 22 | 29u << 17 | 12u << 12 | 34u << 6 |
                   56u,
               5);
        put_be(b, 7890, 2);
    }
}

static void make_packet(struct buf *b, size_t i, bool wide)
{
    struct texts_of t = texts_of(i, wide);
    double price = 19.875;
    uint64_t price_bits = 0;
    bool null = i % 10 == 9;
    memcpy(&price_bits, &price, sizeof(price));
    buf_put_byte(b, 0);
    buf_put_u16le(b, null ? 1u << 9 : 0); /* bit 7 + 2 */
    buf_put_u64le(b, 1000000 + i);
    buf_put_u32le(b, (uint32_t)(i * 7919));
    buf_put_u16le(b, (uint16_t)i);
    buf_put_byte(b, 7);
    buf_put_cstr(b, "1234.34");
    buf_put_u64le(b, price_bits);
    buf_put_byte(b, (uint8_t)t.name.len);
    buf_put_str(b, t.name);
    buf_put_byte(b, (uint8_t)t.city.len);
    buf_put_str(b, t.city);
    if (!null) {
        buf_put_byte(b, (uint8_t)t.note.len);
        buf_put_str(b, t.note);
    }
    buf_put_byte(b, 4);
    buf_put_u16le(b, 1984);
    buf_put_byte(b, 2);
    buf_put_byte(b, 29);
    buf_put_byte(b, 11);
    buf_put_u16le(b, 2024);
    buf_put(b, "\x02\x1d\x0c\x22\x38", 5);
    buf_put_u32le(b, 789000);
}

static void report(const char *what, uint64_t rows, uint64_t bytes, uint64_t from_ns)
{
    double s = (double)(instant_cpu_ns() - from_ns) / 1e9;
    (void)printf("%-44s %6.2f M rows/s  %6.1f ns/row  %6.0f MB/s\n", what, (double)rows / s / 1e6,
                 s * 1e9 / (double)rows, (double)bytes / s / 1e6);
}

/* The values that both paths must give. */
static void check_row(const struct value *v, size_t i)
{
    must(v[0].i == (int64_t)(1000000 + i) && v[2].i == (int64_t)i && v[3].i == 123434);
    must((v[7].state == VALUE_NULL) == (i % 10 == 9) && v[8].i == 5172);
    must(v[9].i == INT64_C(1709210096789) && v[9].len == 0);
}

static void bench_log(const struct mysql_column *columns, uint64_t rows_wanted, bool wide)
{
    struct arena a = {0};
    struct binlog_table map;
    struct binlog_rows_plan *plan = NULL;
    struct binlog_format format;
    struct error err;
    struct buf body = BUF_INIT(1 << 20);
    make_map(&a, &map);
    make_event(&body, wide);
    binlog_format_init(&format, false);
    if (!binlog_rows_plan_new(columns, COLUMNS, &map, &policy, &plan, &err)) {
        give_up(&err);
    }
    struct binlog_event e = {.type = BINLOG_WRITE_ROWS, .body = buf_str(&body)};
    uint64_t from_ns = instant_cpu_ns();
    uint64_t done = 0;
    while (done < rows_wanted) {
        struct binlog_rows rows;
        struct value *before = NULL;
        struct value *after = NULL;
        arena_reset(&a);
        if (!binlog_rows_open(&format, &e, &a, &rows, &err)) {
            give_up(&err);
        }
        enum binlog_rows_next next;
        size_t n = 0;
        while ((next = binlog_rows_next(&rows, plan, &a, &before, &after, &err)) ==
               BINLOG_ROWS_ROW) {
            check_row(after, n++);
        }
        if (next == BINLOG_ROWS_FAIL) {
            give_up(&err);
        }
        must(n == ROWS);
        done += n;
    }
    report(wide ? "binlog rows, half Cyrillic" : "binlog rows, ASCII", done, done / ROWS * body.len,
           from_ns);
    binlog_rows_plan_free(plan);
    buf_release(&body);
    arena_release(&a);
}

static void bench_packets(const struct mysql_column *columns, uint64_t rows_wanted, bool wide)
{
    struct arena a = {0};
    struct mysql_value_plan *plan = NULL;
    struct error err;
    struct buf packets[ROWS];
    uint64_t bytes = 0;
    for (size_t i = 0; i < ROWS; i++) {
        packets[i] = BUF_INIT(4096);
        make_packet(&packets[i], i, wide);
        bytes += packets[i].len;
    }
    if (!mysql_value_plan_new(columns, COLUMNS, &policy, &plan, &err)) {
        give_up(&err);
    }
    uint64_t from_ns = instant_cpu_ns();
    uint64_t done = 0;
    while (done < rows_wanted) {
        arena_reset(&a);
        for (size_t i = 0; i < ROWS; i++) {
            struct value *values = arena_alloc(&a, COLUMNS * sizeof(struct value));
            if (!mysql_value_row(plan, buf_str(&packets[i]), &a, values, &err)) {
                give_up(&err);
            }
            check_row(values, i);
        }
        done += ROWS;
    }
    report(wide ? "result rows, half Cyrillic" : "result rows, ASCII", done, done / ROWS * bytes,
           from_ns);
    for (size_t i = 0; i < ROWS; i++) {
        buf_release(&packets[i]);
    }
    mysql_value_plan_free(plan);
    arena_release(&a);
}

int main(int argc, char **argv)
{
    struct arena a = {0};
    uint64_t millions = 4;
    if (argc > 1 && (!str_to_u64(str_of(argv[1]), &millions) || millions == 0)) {
        (void)fprintf(stderr, "bench_binlog_rows: millions of rows, from 1\n");
        return 2;
    }
    const struct mysql_column *columns = make_columns(&a);
    for (int wide = 0; wide < 2; wide++) {
        bench_log(columns, millions * 1000000, wide == 1);
        bench_packets(columns, millions * 1000000, wide == 1);
    }
    arena_release(&a);
    return 0;
}
