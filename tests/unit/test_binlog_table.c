#include "connectors/mysql/binlog_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "connectors/mysql/mysql_type.h"

static struct binlog_format format;

static struct binlog_event event_of(const struct buf *b)
{
    return (struct binlog_event){.type = BINLOG_TABLE_MAP, .body = buf_str(b)};
}

static void put_str(struct buf *b, const char *s)
{
    buf_put_byte(b, (uint8_t)strlen(s));
    buf_put_cstr(b, s);
}

static void put_name(struct buf *b, const char *s)
{
    put_str(b, s);
    buf_put_byte(b, 0);
}

/* Columns: int, varchar(300 bytes), enum, set, decimal(10,2), char(1020 bytes), bit(10),
 * datetime(6), varchar(10 bytes), bigint. */
static void put_map(struct buf *b)
{
    static const char types[] = "\x03\x0f\xfe\xfe\xf6\xfe\x10\x12\x0f\x08";
    static const unsigned char meta[] = {0x2c,        0x01, /* 300 */
                                         0xf7,        1,    /* enum, one byte */
                                         0xf8,        2,    /* set, two bytes */
                                         10,          2,    /* decimal */
                                         0xfe ^ 0x30, 0xfc, /* char: 0x3fc */
                                         2,           1,    /* 8 + 2 bits */
                                         6,           10,   0};
    buf_put(b, "\x39\x30\0\0\0\x01", 6); /* 0x010000003039 */
    buf_put_u16le(b, 1);
    put_name(b, "shop");
    put_name(b, "orders");
    buf_put_byte(b, 10);
    buf_put(b, types, 10);
    buf_put_byte(b, sizeof(meta));
    buf_put(b, meta, sizeof(meta));
    buf_put(b, "\x02\x02", 2); /* the second and the tenth may be null */
}

static void put_field(struct buf *b, uint8_t type, const void *bytes, size_t len)
{
    buf_put_byte(b, type);
    buf_put_byte(b, (uint8_t)len);
    buf_put(b, bytes, len);
}

static struct binlog_table read_map(const struct buf *b, struct arena *a)
{
    struct binlog_event e = event_of(b);
    struct binlog_table t = {0};
    struct error err = {0};
    if (!binlog_table_read(&format, &e, a, &t, &err)) {
        fail_msg("%s", err.text);
    }
    return t;
}

static void refused(const struct buf *b)
{
    struct arena a = {0};
    struct binlog_event e = event_of(b);
    struct binlog_table t = {.id = 99};
    struct error err = {0};
    assert_false(binlog_table_read(&format, &e, &a, &t, &err));
    assert_int_equal(err.code, FAIL_CORRUPT);
    assert_int_equal(t.id, 99);
    arena_release(&a);
}

static void columns(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(1 << 16);
    struct arena a = {0};
    put_map(&b);
    struct binlog_table t = read_map(&b, &a);
    assert_true(t.id == UINT64_C(0x010000003039) && t.flags == 1);
    assert_true(str_eq(t.database, STR("shop")) && str_eq(t.name, STR("orders")));
    assert_int_equal(t.column_count, 10);
    assert_int_equal(t.has, 0);
    assert_true(t.columns[1].length == 300 && t.columns[1].length_bytes == 2);
    assert_true(t.columns[1].nullable && t.columns[9].nullable && !t.columns[0].nullable);
    assert_true(t.columns[2].type == MYSQL_WIRE_ENUM && t.columns[2].length_bytes == 1);
    assert_true(t.columns[3].type == MYSQL_WIRE_SET && t.columns[3].length_bytes == 2);
    assert_true(t.columns[4].precision == 10 && t.columns[4].scale == 2);
    assert_true(t.columns[5].type == MYSQL_WIRE_STRING && t.columns[5].length == 1020);
    assert_int_equal(t.columns[5].length_bytes, 2);
    assert_int_equal(t.columns[6].length, 10);
    assert_int_equal(t.columns[7].scale, 6);
    assert_true(t.columns[8].length == 10 && t.columns[8].length_bytes == 1);
    struct binlog_event e = event_of(&b);
    struct binlog_table peeked;
    struct error err;
    assert_true(binlog_table_peek(&format, &e, &peeked, &err));
    assert_true(peeked.id == t.id && str_eq(peeked.name, t.name) && str_eq(peeked.shape, t.shape));
    arena_release(&a);
    buf_release(&b);
}

static void optional(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(1 << 16);
    struct arena a = {0};
    put_map(&b);
    put_field(&b, 1, "\xa0", 1);               /* int and bigint unsigned, the decimal not */
    put_field(&b, 2, "\x2d\x02\x08", 3);       /* texts utf8mb4 (45), the third latin1 (8) */
    put_field(&b, 10, "\x3f\x01\x1c", 3);      /* members binary (63), the set gbk (28) */
    put_field(&b, 5, "\x02\x01p\x01q", 5);     /* set('p','q') */
    put_field(&b, 6, "\x03\x01x\x00\x01z", 6); /* enum('x','','z') */
    put_field(&b, 8, "\x00\x01", 2);           /* primary key: first two */
    put_field(&b, 12, "\xff\x40", 2);          /* the ninth is invisible */
    put_field(&b, 99, "later", 5);
    static const char *const names[] = {"id", "a", "b", "c", "d", "e", "f", "g", "h", "i"};
    struct buf list = BUF_INIT(100);
    for (size_t i = 0; i < 10; i++) {
        put_str(&list, names[i]);
    }
    put_field(&b, 4, list.ptr, list.len);
    struct binlog_table t = read_map(&b, &a);
    assert_true(t.columns[0].is_unsigned && !t.columns[4].is_unsigned && t.columns[9].is_unsigned);
    assert_true(t.columns[1].collation == 45 && t.columns[5].collation == 45);
    assert_int_equal(t.columns[8].collation, 8);
    assert_true(t.columns[2].collation == 63 && t.columns[3].collation == 28);
    assert_int_equal(t.columns[2].member_count, 3);
    assert_true(str_eq(t.columns[2].members[1], STR("")) &&
                str_eq(t.columns[2].members[2], STR("z")));
    assert_true(t.columns[3].member_count == 2 && str_eq(t.columns[3].members[1], STR("q")));
    assert_true(t.columns[0].in_primary_key && t.columns[1].in_primary_key);
    assert_false(t.columns[2].in_primary_key);
    assert_true(t.columns[8].invisible && !t.columns[7].invisible);
    assert_true(str_eq(t.columns[9].name, STR("i")));
    assert_int_equal(t.has, BINLOG_HAS_SIGNEDNESS | BINLOG_HAS_CHARSETS |
                                BINLOG_HAS_ENUM_SET_CHARSETS | BINLOG_HAS_SET_MEMBERS |
                                BINLOG_HAS_ENUM_MEMBERS | BINLOG_HAS_PRIMARY_KEY |
                                BINLOG_HAS_VISIBILITY | BINLOG_HAS_NAMES);
    buf_release(&list);
    arena_release(&a);
    buf_release(&b);
}

/* Fields that name a column too many, or a value that is cut off. */
static void bad_fields(void **state)
{
    (void)state;
    static const struct {
        uint8_t type;
        const char *bytes;
        size_t len;
    } fields[] = {
        {2, "\x2d\x03\x08", 3},       /* of three texts, the fourth */
        {3, "\x2d\x2d\x2d\x2d", 4},   /* collations of four texts */
        {4, "\x05name", 5},           /* shorter than it says */
        {5, "\x02\x01p", 3},          /* one of two members */
        {5, "\x01\x01p\x01\x01q", 6}, /* members of two sets */
        {6, "\xfc\xff\xff", 3},       /* 65535 members in no bytes */
        {8, "\x0a", 1},               /* a key of the eleventh column */
        {9, "\x00", 1},               /* a prefix that is missing */
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        struct buf b = BUF_INIT(1 << 16);
        put_map(&b);
        put_field(&b, fields[i].type, fields[i].bytes, fields[i].len);
        refused(&b);
        buf_release(&b);
    }
}

static void cut_off(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(1 << 16);
    put_map(&b);
    size_t len = b.len;
    put_field(&b, 1, "\xa0", 1);
    for (size_t cut = 0; cut < b.len; cut++) {
        if (cut == len) {
            continue; /* without optional fields it is whole */
        }
        struct buf part = {.ptr = mem_dup(b.ptr, cut), .len = cut, .cap = cut + 1, .max = cut + 1};
        refused(&part);
        buf_release(&part);
    }
    buf_release(&b);
}

/* Metadata that no type has: bits of BIT, fraction digits, precision, lengths of lengths. */
static void bad_metadata(void **state)
{
    (void)state;
    static const struct {
        uint8_t type, first, second;
        size_t len;
    } cases[] = {
        {MYSQL_WIRE_BIT, 8, 0, 2},        {MYSQL_WIRE_BIT, 0, 0, 2},
        {MYSQL_WIRE_BIT, 1, 8, 2},        {MYSQL_WIRE_DATETIME2, 7, 0, 1},
        {MYSQL_WIRE_TIME2, 255, 0, 1},    {MYSQL_WIRE_NEWDECIMAL, 66, 0, 2},
        {MYSQL_WIRE_NEWDECIMAL, 0, 0, 2}, {MYSQL_WIRE_NEWDECIMAL, 5, 6, 2},
        {MYSQL_WIRE_BLOB, 0, 0, 1},       {MYSQL_WIRE_BLOB, 5, 0, 1},
        {MYSQL_WIRE_STRING, 0xf7, 3, 2},  {MYSQL_WIRE_STRING, 0xf8, 9, 2},
        {MYSQL_WIRE_STRING, 0x01, 5, 2},  {MYSQL_WIRE_LONG, 1, 0, 1},
        {MYSQL_WIRE_VARCHAR, 1, 0, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf b = BUF_INIT(1 << 16);
        buf_put(&b, "\1\0\0\0\0\0\0\0", 8);
        put_name(&b, "d");
        put_name(&b, "t");
        buf_put_byte(&b, 1);
        buf_put_byte(&b, cases[i].type);
        buf_put_byte(&b, (uint8_t)cases[i].len);
        buf_put(&b, &cases[i].first, cases[i].len);
        buf_put_byte(&b, 0);
        refused(&b);
        buf_release(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns), cmocka_unit_test(optional),     cmocka_unit_test(bad_fields),
        cmocka_unit_test(cut_off), cmocka_unit_test(bad_metadata),
    };
    binlog_format_init(&format, false);
    format.post_header_bytes[BINLOG_TABLE_MAP] = 8;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
