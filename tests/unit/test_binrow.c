#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/decimal.h"
#include "base/hash.h"
#include "base/mem.h"
#include "sink/binrow.h"

#define MAX_FIELDS 130

/* A row under construction. */
struct row {
    struct schema_field fields[MAX_FIELDS];
    const struct schema_field *field_at[MAX_FIELDS];
    struct value values[MAX_FIELDS];
    const struct value *value_at[MAX_FIELDS];
    int128 wide[MAX_FIELDS];
    size_t count;
};

static struct value *add(struct row *r, enum type_kind kind, unsigned precision)
{
    size_t i = r->count++;
    assert_true(i < MAX_FIELDS);
    r->fields[i] = (struct schema_field){
        .type = {.kind = kind, .nullable = true, .precision = (uint8_t)precision}};
    r->values[i] = (struct value){.state = VALUE_SET};
    r->field_at[i] = &r->fields[i];
    r->value_at[i] = &r->values[i];
    return &r->values[i];
}

static void add_int(struct row *r, enum type_kind kind, int64_t v)
{
    add(r, kind, 0)->i = v;
}

static void add_text(struct row *r, enum type_kind kind, const char *s)
{
    struct value *v = add(r, kind, 0);
    v->bytes = s;
    v->len = (uint32_t)strlen(s);
}

static void add_decimal(struct row *r, unsigned precision, int128 x)
{
    size_t i = r->count;
    struct value *v = add(r, TYPE_DECIMAL, precision);
    r->wide[i] = x;
    if (precision > 18) {
        v->wide = &r->wide[i];
    } else {
        v->i = (int64_t)x;
    }
}

static void add_timestamp(struct row *r, unsigned precision, int64_t ms, uint32_t nanos)
{
    struct value *v = add(r, TYPE_TIMESTAMP, precision);
    v->i = ms;
    v->len = nanos;
}

static void add_null(struct row *r, enum type_kind kind, unsigned precision)
{
    add(r, kind, precision)->state = VALUE_NULL;
}

static void parse_back(const struct row *r, struct str bytes)
{
    struct arena a = {0};
    struct error err = {0};
    struct value out[MAX_FIELDS];
    memset(out, 0, sizeof(out));
    if (!binrow_parse(bytes, r->field_at, r->count, &a, out, &err)) {
        fail_msg("%s", err.text);
    }
    for (size_t i = 0; i < r->count; i++) {
        assert_int_equal(out[i].state, r->values[i].state);
        assert_true(value_equal(&r->fields[i].type, &out[i], &r->values[i]));
    }
    arena_release(&a);
}

static void expect(const struct row *r, const char *hex)
{
    static const char digits[] = "0123456789abcdef";
    struct buf b = BUF_INIT(1 << 20);
    struct buf text = BUF_INIT(1 << 20);
    binrow_serialize(r->field_at, r->count, r->value_at, &b);
    for (size_t i = 0; i < b.len; i++) {
        buf_put_byte(&text, (uint8_t)digits[(uint8_t)b.ptr[i] >> 4]);
        buf_put_byte(&text, (uint8_t)digits[b.ptr[i] & 15]);
    }
    struct buf want = BUF_INIT(1 << 20);
    for (const char *p = hex; *p != '\0'; p++) {
        if (*p != ' ') {
            buf_put_byte(&want, (uint8_t)*p);
        }
    }
    assert_string_equal(buf_cstr(&text), buf_cstr(&want));
    parse_back(r, buf_str(&b));
    buf_release(&b);
    buf_release(&text);
    buf_release(&want);
}

/* The rows of paimon-format §5.3, which Java wrote. */
static void bytes_are_javas(void **state)
{
    (void)state;
    struct row *r = MEM_NEW(struct row);
    expect(r, "00000000 0000000000000000");
    assert_int_equal(binrow_empty.len, 12);
    static const char zeroes[12] = {0};
    assert_memory_equal(binrow_empty.ptr, zeroes, 12);

    add_int(r, TYPE_INT, 10);
    expect(r, "00000001 0000000000000000 0a00000000000000");

    r->count = 0;
    add_text(r, TYPE_VARCHAR, "Alice");
    add_int(r, TYPE_INT, 1);
    expect(r, "00000002 0000000000000000 416c696365000085 0100000000000000");

    r->count = 0;
    add_text(r, TYPE_VARCHAR, "Two roads diverh");
    add_int(r, TYPE_INT, 10);
    add_int(r, TYPE_INT, 1);
    expect(r, "00000003 0000000000000000 1000000020000000 0a00000000000000 0100000000000000 "
              "54776f20726f61647320646976657268");

    r->count = 0;
    add_int(r, TYPE_INT, 10);
    add_int(r, TYPE_INT, 1);
    add_int(r, TYPE_DATE, 0);
    add_null(r, TYPE_TIMESTAMP, 9);
    add_decimal(r, 23, -12345000);
    add_null(r, TYPE_VARBINARY, 0);
    expect(r, "00000006 0028000000000000 0a00000000000000 0100000000000000 0000000000000000 "
              "0000000038000000 0400000040000000 0000000000000000 0000000000000000 "
              "ff43a158000000000000000000000000");
    mem_free(r);
}

static void every_type_and_edge(void **state)
{
    (void)state;
    struct row *r = MEM_NEW(struct row);
    add_int(r, TYPE_BOOLEAN, 1);
    add_int(r, TYPE_TINYINT, -1);
    add_int(r, TYPE_SMALLINT, -2);
    add_int(r, TYPE_INT, INT32_MIN);
    add_int(r, TYPE_BIGINT, INT64_MIN);
    /* negative numbers fill their own width only */
    expect(r, "00000005 0000000000000000 0100000000000000 ff00000000000000 feff000000000000 "
              "0000008000000000 0000000000000080");

    r->count = 0;
    add(r, TYPE_FLOAT, 0)->f4 = -1.5f;
    add(r, TYPE_DOUBLE, 0)->f8 = 1e300;
    add_decimal(r, 18, -1);
    add_timestamp(r, 3, -1, 0);
    expect(r, "00000004 0000000000000000 0000c0bf00000000 9c7500883ce4377e ffffffffffffffff "
              "ffffffffffffffff");

    r->count = 0;
    add_text(r, TYPE_VARCHAR, "");
    add_text(r, TYPE_CHAR, "1234567");
    add_text(r, TYPE_VARBINARY, "12345678");
    expect(r, "00000003 0000000000000000 0000000000000080 3132333435363787 0800000020000000 "
              "3132333435363738");

    r->count = 0;
    add_timestamp(r, 6, 0, 1000);
    expect(r, "00000001 0000000000000000 e803000010000000 0000000000000000");

    r->count = 0;
    add_null(r, TYPE_DECIMAL, 38);
    add_decimal(r, 38, -(decimal_pow10(38) - 1));
    expect(r, "00000002 0001000000000000 0000000018000000 1000000028000000 "
              "00000000000000000000000000000000 b4c4b357a5793b85f675ddc000000001");
    mem_free(r);
}

/* The header grows with the null bits: 56 fields fit 8 bytes, 57 need 16. */
static void many_fields(void **state)
{
    (void)state;
    static const size_t counts[] = {55, 56, 57, 120, 121, 130};
    for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++) {
        struct row *r = MEM_NEW(struct row);
        struct buf b = BUF_INIT(1 << 20);
        for (size_t i = 0; i < counts[k]; i++) {
            if (i % 3 == 0) {
                add_null(r, TYPE_INT, 0);
            } else {
                add_int(r, TYPE_INT, (int64_t)i);
            }
        }
        binrow_write(r->field_at, r->count, r->value_at, &b);
        size_t header = counts[k] <= 56 ? 8 : counts[k] <= 120 ? 16 : 24;
        assert_int_equal(b.len, header + 8 * counts[k]);
        buf_reset(&b);
        binrow_serialize(r->field_at, r->count, r->value_at, &b);
        parse_back(r, buf_str(&b));
        buf_release(&b);
        mem_free(r);
    }
}

/* Values of Paimon's FixedBucketRowKeyExtractorTest. */
static void buckets(void **state)
{
    (void)state;
    struct row *r = MEM_NEW(struct row);
    struct buf scratch = BUF_INIT(1 << 16);
    add_int(r, TYPE_INT, 5);
    assert_int_equal(binrow_bucket(r->field_at, 1, r->value_at, 100, &scratch), 96);
    assert_int_equal((int32_t)hash_murmur(scratch.ptr, scratch.len), 260196596);
    add_int(r, TYPE_INT, 6);
    assert_int_equal(binrow_bucket(r->field_at, 2, r->value_at, 100, &scratch), 27);
    add_int(r, TYPE_INT, 7);
    assert_int_equal(binrow_bucket(r->field_at, 3, r->value_at, 100, &scratch), 40);
    assert_int_equal(binrow_bucket(r->field_at, 3, r->value_at, 1, &scratch), 0);
    for (int i = 0; i < 1000; i++) { /* negative hashes too */
        r->values[0].i = i;
        int32_t bucket = binrow_bucket(r->field_at, 1, r->value_at, 7, &scratch);
        assert_in_range(bucket, 0, 6);
    }
    buf_release(&scratch);
    mem_free(r);
}

static void refuse(const struct row *r, const char *bytes, size_t len)
{
    struct arena a = {0};
    struct error err = {0};
    struct value out[4];
    memset(out, 0x5a, sizeof(out));
    char *copy = mem_dup(bytes, len); /* one byte too far is seen */
    copy = mem_realloc(copy, len == 0 ? 1 : len);
    assert_false(binrow_parse((struct str){copy, len}, r->field_at, r->count, &a, out, &err));
    assert_int_equal(err.code, FAIL_CORRUPT);
    assert_int_equal(out[0].len, 0x5a5a5a5a); /* untouched */
    mem_free(copy);
    arena_release(&a);
}

static void damage_is_refused(void **state)
{
    (void)state;
    struct row *r = MEM_NEW(struct row);
    struct buf b = BUF_INIT(1 << 16);
    add_text(r, TYPE_VARCHAR, "eight bytes and more");
    add_timestamp(r, 6, 5, 999999);
    add_decimal(r, 38, 77);
    binrow_serialize(r->field_at, r->count, r->value_at, &b);
    for (size_t len = 0; len < b.len - 15; len++) { /* the decimal's padding may go */
        refuse(r, b.ptr, len);
    }
    char *p = b.ptr + 4 + 8;
    char keep = p[0];
    p[0] = 120; /* longer than the row */
    refuse(r, b.ptr, b.len);
    p[0] = keep;
    keep = p[4];
    p[4] = 127; /* begins behind it */
    refuse(r, b.ptr, b.len);
    p[4] = keep;
    keep = p[10];
    p[10] = 0x0f; /* 999,999 and more nanoseconds */
    p[9] = (char)0xff;
    refuse(r, b.ptr, b.len);
    binrow_serialize(r->field_at, r->count, r->value_at, (buf_reset(&b), &b));
    b.ptr[4 + 8 + 16] = 17; /* a decimal of 17 bytes */
    refuse(r, b.ptr, b.len);
    b.ptr[3] = 2; /* another arity */
    refuse(r, b.ptr, b.len);
    r->count = 0;
    add_text(r, TYPE_VARCHAR, "");
    static const char inlined[] = "\0\0\0\1\0\0\0\0\0\0\0\0"
                                  "abcdefg\x88"; /* 8 bytes do not fit a slot */
    refuse(r, inlined, sizeof(inlined) - 1);
    buf_release(&b);
    mem_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_javas),   cmocka_unit_test(every_type_and_edge),
        cmocka_unit_test(many_fields),       cmocka_unit_test(buckets),
        cmocka_unit_test(damage_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
