/* tests/unit/mysql_golden.h: the recordings of tests/golden/mysql: binlogs, catalogs, rows as the
 * server printed them and as its binary protocol sent them. For tests only; failures end the test.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/decimal.h"
#include "base/instant.h"
#include "base/mem.h"
#include "base/reader.h"
#include "base/row.h"
#include "connectors/mysql/binlog.h"
#include "connectors/mysql/binlog_rows.h"
#include "connectors/mysql/binlog_table.h"
#include "connectors/mysql/mysql_column.h"
#include "connectors/mysql/mysql_decimal.h"

#define GOLDEN_MAX_COLUMNS 512

struct golden {
    struct arena arena;
    struct str server, label;
    struct mysql_policy policy;
    struct mysql_column *columns;
    size_t count;
    struct str *rows; /* lines, not yet cut into values */
    size_t row_count;
    struct str log;
};

static inline bool golden_find(struct arena *a, const char *server, const char *label,
                               const char *ending, struct str *out)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/mysql/%s/%s.%s", TEST_DATA, server, label, ending);
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return false;
    }
    struct buf bytes = BUF_INIT((size_t)1 << 26);
    size_t n = 0;
    char *room = NULL;
    while ((room = buf_room(&bytes, 65536)) != NULL && (n = fread(room, 1, 65536, f)) > 0) {
        bytes.len += n;
    }
    (void)fclose(f);
    *out = arena_str(a, buf_str(&bytes));
    buf_release(&bytes);
    return true;
}

/* Calls a function for each server that has such a recording; returns how many there are. */
static inline size_t golden_each(const char *label, const char *ending,
                                 void (*call)(const char *server, const char *label, void *context),
                                 void *context)
{
    static const char *const servers[] = {"mysql-5.7", "mysql-8.0", "mysql-9.7", "mariadb-10.11",
                                          "mariadb-11.8"};
    size_t count = 0;
    for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
        struct arena a = {0};
        struct str found;
        if (golden_find(&a, servers[i], label, ending, &found)) {
            call(servers[i], label, context);
            count++;
        }
        arena_release(&a);
    }
    return count;
}

/* A test for each label that at least two servers have recordings of. */
#define GOLDEN_TEST(label, ending, call)                                                           \
    static void label(void **state)                                                                \
    {                                                                                              \
        (void)state;                                                                               \
        assert_true(golden_each(#label, ending, call, NULL) >= 2);                                 \
    }
#define GOLDEN_TESTS(ending, call)                                                                 \
    GOLDEN_TEST(numbers, ending, call)                                                             \
    GOLDEN_TEST(times, ending, call)                                                               \
    GOLDEN_TEST(spans, ending, call)                                                               \
    GOLDEN_TEST(texts, ending, call)                                                               \
    GOLDEN_TEST(blobs, ending, call)                                                               \
    GOLDEN_TEST(enums, ending, call)                                                               \
    GOLDEN_TEST(wide, ending, call)                                                                \
    GOLDEN_TEST(json, ending, call)                                                                \
    GOLDEN_TEST(mariadb, ending, call)                                                             \
    GOLDEN_TEST(mysql, ending, call)
#define GOLDEN_UNIT_TESTS                                                                          \
    cmocka_unit_test(numbers), cmocka_unit_test(times), cmocka_unit_test(spans),                   \
        cmocka_unit_test(texts), cmocka_unit_test(blobs), cmocka_unit_test(enums),                 \
        cmocka_unit_test(wide), cmocka_unit_test(json), cmocka_unit_test(mariadb),                 \
        cmocka_unit_test(mysql)

static inline struct str golden_file(struct arena *a, const char *server, const char *label,
                                     const char *ending)
{
    struct str s = {0};
    if (!golden_find(a, server, label, ending, &s)) {
        fail_msg("no golden file %s/%s.%s", server, label, ending);
    }
    return s;
}

/* Cuts a line at tabs and undoes the escapes; \N has ptr NULL. */
static inline size_t golden_cut(struct arena *a, struct str line, struct str *out, size_t max)
{
    size_t count = 0;
    struct str part;
    while (str_next(&line, '\t', &part)) {
        assert_true(count < max);
        if (str_eq(part, STR("\\N"))) {
            out[count++] = (struct str){NULL, 0};
            continue;
        }
        char *text = arena_alloc(a, part.len + 1);
        size_t len = 0;
        for (size_t i = 0; i < part.len; i++) {
            char c = part.ptr[i];
            if (c == '\\') {
                c = part.ptr[++i];
                c = c == 't' ? '\t' : c == 'n' ? '\n' : c == '0' ? '\0' : c;
            }
            text[len++] = c;
        }
        out[count++] = (struct str){text, len};
    }
    return count;
}

static inline size_t golden_lines(struct arena *a, struct str text, struct str **out)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += text.ptr[i] == '\n';
    }
    *out = ARENA_ARRAY(a, struct str, count + 1);
    size_t at = 0;
    struct str line;
    while (at < count && str_next(&text, '\n', &line)) {
        (*out)[at++] = line;
    }
    return count;
}

static inline int64_t golden_number(struct str s)
{
    int64_t v = -1;
    if (s.ptr != NULL && !str_to_i64(s, &v)) {
        fail_msg("not a number: %.*s", STR_FMT(s));
    }
    return v;
}

static inline struct mysql_column_catalog golden_catalog_row(const struct str *f)
{
    return (struct mysql_column_catalog){.name = f[0],
                                         .column_type = f[1],
                                         .data_type = f[2],
                                         .character_set = f[3],
                                         .collation = f[4],
                                         .extra = f[5],
                                         .comment = f[6],
                                         .nullable = str_eq(f[7], STR("YES")),
                                         .character_length = golden_number(f[8]),
                                         .octet_length = golden_number(f[9]),
                                         .numeric_precision = golden_number(f[10]),
                                         .numeric_scale = golden_number(f[11]),
                                         .datetime_precision = golden_number(f[12])};
}

static inline void golden_open_columns(struct golden *g, const char *server, const char *label)
{
    struct str *lines = NULL;
    size_t count =
        golden_lines(&g->arena, golden_file(&g->arena, server, label, "catalog"), &lines);
    g->columns = ARENA_ARRAY(&g->arena, struct mysql_column, count);
    for (size_t i = 0; i < count; i++) {
        struct str f[13];
        assert_int_equal(golden_cut(&g->arena, lines[i], f, 13), 13);
        struct mysql_column_catalog row = golden_catalog_row(f);
        struct error err = {0};
        if (!mysql_column_from_catalog(&row, &g->policy, &g->arena, &g->columns[i], &err)) {
            fail_msg("%s/%s: %s", server, label, err.text);
        }
    }
    g->count = count;
}

static inline void golden_open(struct golden *g, const char *server, const char *label,
                               struct mysql_policy policy)
{
    *g = (struct golden){.policy = policy};
    g->server = str_of(server);
    g->label = str_of(label);
    golden_open_columns(g, server, label);
    g->row_count = golden_lines(&g->arena, golden_file(&g->arena, server, label, "rows"), &g->rows);
    g->log = golden_file(&g->arena, server, label, "binlog");
}

static inline void golden_close(struct golden *g)
{
    arena_release(&g->arena);
}

/* Walks a binlog file; false at its end. *at starts as 0. */
static inline bool golden_event(struct str log, struct binlog_format *format, size_t *at,
                                struct binlog_event *out)
{
    struct error err = {0};
    if (*at == 0) {
        assert_true(log.len > 4 && memcmp(log.ptr,
                                          "\xfe"
                                          "bin",
                                          4) == 0);
        *at = BINLOG_MAGIC_BYTES;
    }
    if (*at == log.len) {
        return false;
    }
    struct reader r = reader_over(str_slice(log, *at, log.len), "golden binlog");
    reader_skip(&r, 9);
    uint32_t size = reader_u32le(&r);
    assert_false(r.failed);
    struct str bytes = str_slice(log, *at, *at + size);
    if (!binlog_event_read(format, bytes, out, &err)) {
        fail_msg("event at %zu: %s", *at, err.text);
    }
    *at += size;
    if (out->type == BINLOG_FORMAT_DESCRIPTION && !binlog_format_read(out, format, &err)) {
        fail_msg("format description: %s", err.text);
    }
    return true;
}

static inline void golden_hex(struct str bytes, struct buf *out)
{
    for (size_t i = 0; i < bytes.len; i++) {
        buf_printf(out, "%02X", (unsigned char)bytes.ptr[i]);
    }
}

static inline void golden_put_date(int64_t days, struct buf *out)
{
    int64_t year = 0;
    unsigned month = 0;
    unsigned day = 0;
    instant_civil(days, &year, &month, &day);
    buf_printf(out, "%04lld-%02u-%02u", (long long)year, month, day);
}

static inline void golden_put_clock(int64_t ms, uint32_t ns, unsigned digits, struct buf *out)
{
    buf_printf(out, "%02lld:%02lld:%02lld", (long long)(ms / 3600000), (long long)(ms / 60000 % 60),
               (long long)(ms / 1000 % 60));
    if (digits > 0) {
        char fraction[16];
        (void)snprintf(fraction, sizeof(fraction), "%09lld", (long long)(ms % 1000 * 1000000) + ns);
        buf_printf(out, ".%.*s", (int)digits, fraction);
    }
}

static inline void golden_put_timestamp(const struct value *v, unsigned digits, struct buf *out)
{
    int64_t days = v->i >= 0 ? v->i / 86400000 : -((-v->i + 86399999) / 86400000);
    golden_put_date(days, out);
    buf_put_byte(out, ' ');
    golden_put_clock(v->i - days * 86400000, v->len, digits, out);
}

static inline void golden_put_items(const struct mysql_column *c, const struct value *v,
                                    struct buf *out)
{
    struct buf joined = BUF_INIT(1 << 20);
    for (uint32_t i = 0; i < v->len; i++) {
        assert_int_equal(v->items[i].state, VALUE_SET);
        if (c->class == MYSQL_CLASS_VECTOR) {
            golden_hex((struct str){(const char *)&v->items[i].f4, 4}, out);
            continue;
        }
        buf_put_cstr(&joined, i == 0 ? "" : ",");
        buf_put_str(&joined, value_str(&v->items[i]));
    }
    golden_hex(buf_str(&joined), out);
    buf_release(&joined);
}

/* A value in the words of the .rows files. */
static inline void golden_print(const struct mysql_column *c, const struct value *v,
                                struct buf *out)
{
    const struct type *t = &c->type;
    switch (t->kind) {
    case TYPE_BOOLEAN:
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT:
        buf_printf(out, "%lld", (long long)v->i);
        break;
    case TYPE_FLOAT:
        buf_printf(out, "%.17g", (double)v->f4);
        break;
    case TYPE_DOUBLE:
        buf_printf(out, "%.17g", v->f8);
        break;
    case TYPE_DECIMAL:
        decimal_print(value_decimal(v, t), t->scale, out);
        break;
    case TYPE_DATE:
        golden_put_date(v->i, out);
        break;
    case TYPE_TIME:
        golden_put_clock(v->i, 0, t->precision, out);
        break;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        golden_put_timestamp(v, t->precision, out);
        break;
    case TYPE_ARRAY:
        golden_put_items(c, v, out);
        break;
    case TYPE_CHAR:
    case TYPE_VARCHAR:
    case TYPE_BINARY:
    case TYPE_VARBINARY:
        if (c->class == MYSQL_CLASS_JSON || c->class == MYSQL_CLASS_DECIMAL) {
            buf_put_str(out, value_str(v));
        } else {
            golden_hex(value_str(v), out);
        }
        break;
    case TYPE_MULTISET:
    case TYPE_MAP:
    case TYPE_ROW:
        fail_msg("no such column");
    }
}

static inline bool golden_is_zero_date(struct str s)
{
    return s.len >= 10 && (memcmp(s.ptr + 5, "00", 2) == 0 || memcmp(s.ptr + 8, "00", 2) == 0);
}

/* What the lake shall hold for what the server printed; ptr NULL is null. Policies: zero dates and
 * impossible times are null where the column allows it. */
static inline struct str golden_want(const struct mysql_column *c, struct str printed)
{
    static char text[64];
    if (printed.ptr == NULL) {
        return printed;
    }
    bool dated = c->class == MYSQL_CLASS_DATE || c->class == MYSQL_CLASS_DATETIME ||
                 c->class == MYSQL_CLASS_TIMESTAMP;
    if (dated && golden_is_zero_date(printed)) {
        (void)snprintf(text, sizeof(text), "1970-01-01%s",
                       c->class == MYSQL_CLASS_DATE ? "" : " 00:00:00");
        return c->nullable ? (struct str){NULL, 0} : str_of(text);
    }
    if (c->class == MYSQL_CLASS_TIME) {
        bool within = printed.len >= 8 && printed.ptr[0] != '-' && printed.ptr[2] == ':' &&
                      memcmp(printed.ptr, "24", 2) < 0;
        /* the lake keeps milliseconds */
        return within ? str_slice(printed, 0, 12) : (struct str){NULL, 0};
    }
    if (c->class == MYSQL_CLASS_DECIMAL) {
        return mysql_decimal_canonical(printed);
    }
    bool flag = c->class == MYSQL_CLASS_TINY && c->type.kind == TYPE_BOOLEAN;
    return flag && !str_eq(printed, STR("0")) ? STR("1") : printed;
}

static inline bool golden_equal(const struct mysql_column *c, struct str got, struct str want)
{
    if (c->class == MYSQL_CLASS_FLOAT || c->class == MYSQL_CLASS_DOUBLE) {
        char a[64];
        char b[64];
        (void)snprintf(a, sizeof(a), "%.*s", STR_FMT(got));
        (void)snprintf(b, sizeof(b), "%.*s", STR_FMT(want));
        double x = strtod(a, NULL);
        double y = strtod(b, NULL);
        return x <= y && x >= y;
    }
    return str_eq(got, want);
}

/* Compares one decoded row with the line that the server printed. */
static inline void golden_compare(struct golden *g, size_t row, const struct value *values)
{
    struct arena scratch = {0};
    struct str f[GOLDEN_MAX_COLUMNS];
    assert_true(row < g->row_count);
    assert_int_equal(golden_cut(&scratch, g->rows[row], f, GOLDEN_MAX_COLUMNS), g->count);
    struct buf got = BUF_INIT((size_t)1 << 24);
    for (size_t i = 0; i < g->count; i++) {
        const struct mysql_column *c = &g->columns[i];
        struct str want = golden_want(c, f[i]);
        buf_reset(&got);
        if (values[i].state == VALUE_SET) {
            golden_print(c, &values[i], &got);
        }
        bool same = values[i].state == VALUE_NULL
                        ? want.ptr == NULL
                        : want.ptr != NULL && golden_equal(c, buf_str(&got), want);
        if (!same) {
            fail_msg("%.*s/%.*s row %zu column %.*s %.*s: %s \"%.*s\", but the server says "
                     "\"%.*s\"",
                     STR_FMT(g->server), STR_FMT(g->label), row, STR_FMT(c->name),
                     STR_FMT(c->declared), values[i].state == VALUE_NULL ? "null" : "value",
                     (int)(got.len < 300 ? got.len : 300), got.len == 0 ? "" : got.ptr,
                     (int)(want.len < 300 ? want.len : 300), want.ptr == NULL ? "null" : want.ptr);
        }
    }
    buf_release(&got);
    arena_release(&scratch);
}
