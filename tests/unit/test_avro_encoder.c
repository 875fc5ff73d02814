/* Encoder and decoder are judged together: exact bytes of what is written, and everything read back
 * as it was; the decoder alone on other writers' schemas in test_avro_decoder.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/decimal.h"
#include "base/mem.h"
#include "sink/format/avro_decoder.h"
#include "sink/format/avro_encoder.h"

#define COLUMN(text, ...)                                                                          \
    {                                                                                              \
        .name = {(text), sizeof(text) - 1}, .type = { __VA_ARGS__ }                                \
    }
#define SET(...)                                                                                   \
    {                                                                                              \
        .state = VALUE_SET, __VA_ARGS__                                                            \
    }
#define TEXT(s)                                                                                    \
    {                                                                                              \
        .state = VALUE_SET, .bytes = (s), .len = sizeof(s) - 1                                     \
    }
#define BIG ((size_t)1 << 24)

static const struct type int_null = {.kind = TYPE_INT, .nullable = true};
static const struct type int_type = {.kind = TYPE_INT};
static const struct type text_type = {.kind = TYPE_VARCHAR, .nullable = true};
static const struct type wide_type = {
    .kind = TYPE_DECIMAL, .nullable = true, .precision = 38, .scale = 2};
static const struct type_field inner[] = {{.name = {"x", 1}, .type = &int_null},
                                          {.name = {"y", 1}, .type = &wide_type}};
static const struct type row_type = {
    .kind = TYPE_ROW, .nullable = true, .fields = inner, .field_count = 2};

/* Encodes one value of one column; compares with bytes (unless NULL); decodes by the schema that
 * the same column prints. */
static void there_and_back(const struct schema_field *field, const struct value *v,
                           const char *bytes, size_t len)
{
    struct error err = {0};
    struct arena a = {0};
    struct buf out = BUF_INIT(BIG);
    struct buf schema = BUF_INIT(BIG);
    struct avro_encoder *e = avro_encoder_new(field, 1);
    struct avro_decoder *d;
    const struct avro_node *n;
    struct value back = {.state = VALUE_NULL};
    if (!avro_encoder_row(e, v, &out, &err)) {
        fail_msg("%s", err.text);
    }
    if (bytes != NULL) {
        assert_int_equal(out.len, len);
        assert_memory_equal(out.ptr, bytes, len);
    }
    avro_schema_print(field, 1, &schema);
    assert_true(avro_schema_parse(buf_str(&schema), &a, &n, &err));
    assert_true(avro_decoder_new(n, field, 1, &d, &err));
    struct reader r = reader_over(buf_str(&out), "row");
    avro_decoder_row(d, &r, &a, &back);
    assert_true(reader_end(&r, &err));
    assert_int_equal(back.state, v->state);
    assert_true(value_equal(&field->type, v, &back));
    struct reader skip = reader_over(buf_str(&out), "row"); /* passing over ends at the same byte */
    avro_schema_skip(n, &skip);
    assert_true(reader_end(&skip, &err));
    for (size_t cut = 0; cut < out.len; cut++) { /* no part of it is a row */
        struct reader part = reader_over(str_slice(buf_str(&out), 0, cut), "row");
        avro_decoder_row(d, &part, &a, &back);
        assert_true(part.failed);
    }
    avro_decoder_free(d);
    avro_encoder_free(e);
    buf_release(&out);
    buf_release(&schema);
    arena_release(&a);
}

#define ROUND(field, value, bytes) there_and_back(&(field), &(value), (bytes), sizeof(bytes) - 1)

static void numbers(void **state)
{
    (void)state;
    struct schema_field f = COLUMN("c", .kind = TYPE_BIGINT);
    static const int64_t longs[] = {0,    -1,    1,    63,        64,        -64,       -65,
                                    8191, -8192, 8192, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof(longs) / sizeof(longs[0]); i++) {
        struct value v = SET(.i = longs[i]);
        there_and_back(&f, &v, NULL, 0);
    }
    struct value v = SET(.i = INT64_MIN);
    ROUND(f, v, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    f.type.nullable = true;
    v.i = -2;
    ROUND(f, v, "\x02\x03");
    v.state = VALUE_NULL;
    ROUND(f, v, "\0");
    f.type = (struct type){.kind = TYPE_BOOLEAN};
    v = (struct value)SET(.i = 1);
    ROUND(f, v, "\x01");
    f.type = (struct type){.kind = TYPE_FLOAT};
    v = (struct value)SET(.f4 = -1.5f);
    ROUND(f, v, "\0\0\xc0\xbf");
    f.type = (struct type){.kind = TYPE_DOUBLE};
    v = (struct value)SET(.f8 = -DBL_MIN);
    there_and_back(&f, &v, NULL, 0);
    v.f8 = -0.0;
    ROUND(f, v, "\0\0\0\0\0\0\0\x80");
}

static void decimals(void **state)
{
    (void)state;
    struct schema_field f = COLUMN("c", .kind = TYPE_DECIMAL, .precision = 18, .scale = 3);
    static const struct {
        int64_t v;
        const char *bytes;
        size_t len;
    } cases[] = {
        {0, "\x02\x00", 2},
        {1, "\x02\x01", 2},
        {-1, "\x02\xff", 2},
        {127, "\x02\x7f", 2},
        {128, "\x04\x00\x80", 3},
        {-128, "\x02\x80", 2},
        {-129, "\x04\xff\x7f", 3},
        {32767, "\x04\x7f\xff", 3},
        {32768, "\x06\x00\x80\x00", 4},
        {-32768, "\x04\x80\x00", 3},
        {999999999999999999, NULL, 0},
        {-999999999999999999, NULL, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct value v = SET(.i = cases[i].v);
        there_and_back(&f, &v, cases[i].bytes, cases[i].len);
        int128 wide = cases[i].v;
        struct schema_field g = f;
        g.type.precision = 38;
        struct value w = SET(.wide = &wide);
        there_and_back(&g, &w, cases[i].bytes, cases[i].len); /* the same, however kept */
    }
    f.type.precision = 38;
    for (unsigned digits = 0; digits < 37; digits++) {
        int128 x = -decimal_pow10(digits) - 7;
        struct value v = SET(.wide = &x);
        there_and_back(&f, &v, NULL, 0);
    }
}

/* A sum of more digits than its type has, as merge-engine aggregation may leave one: null, as Java
 * reads it; where null cannot be, the bytes are damaged. */
static void decimals_of_too_many_digits(void **state)
{
    (void)state;
    struct arena a = {0};
    struct error err = {0};
    struct schema_field f =
        COLUMN("c", .kind = TYPE_DECIMAL, .precision = 2, .scale = 0, .nullable = true);
    struct buf schema = BUF_INIT(BIG);
    struct avro_decoder *d;
    const struct avro_node *n;
    struct value back = SET(.i = 1);
    avro_schema_print(&f, 1, &schema);
    assert_true(avro_schema_parse(buf_str(&schema), &a, &n, &err));
    assert_true(avro_decoder_new(n, &f, 1, &d, &err));
    struct reader r = reader_over(STR("\x02\x02\x64"), "row"); /* 100 */
    avro_decoder_row(d, &r, &a, &back);
    assert_true(reader_end(&r, &err));
    assert_int_equal(back.state, VALUE_NULL);
    avro_decoder_free(d);
    buf_reset(&schema);

    f.type.nullable = false;
    avro_schema_print(&f, 1, &schema);
    assert_true(avro_schema_parse(buf_str(&schema), &a, &n, &err));
    assert_true(avro_decoder_new(n, &f, 1, &d, &err));
    r = reader_over(STR("\x02\x64"), "row");
    avro_decoder_row(d, &r, &a, &back);
    assert_false(reader_end(&r, &err));
    avro_decoder_free(d);
    buf_release(&schema);
    arena_release(&a);
}

static void times(void **state)
{
    (void)state;
    struct schema_field f = COLUMN("c", .kind = TYPE_TIMESTAMP, .precision = 3);
    struct value v = SET(.i = -1);
    ROUND(f, v, "\x01");
    f.type.precision = 6; /* microseconds; floor before 1970 */
    v.len = 999000;
    ROUND(f, v, "\x01");
    v.len = 0;
    ROUND(f, v, "\xcf\x0f"); /* -1000 */
    v.i = 253402300799999;   /* year 9999 */
    v.len = 999000;
    there_and_back(&f, &v, NULL, 0);
    v.i = -62135596800000;
    v.len = 1000;
    there_and_back(&f, &v, NULL, 0);
    f.type = (struct type){.kind = TYPE_TIME, .precision = 3};
    v = (struct value)SET(.i = 86399999);
    there_and_back(&f, &v, NULL, 0);
    f.type = (struct type){.kind = TYPE_DATE};
    v.i = -719162;
    there_and_back(&f, &v, NULL, 0);
}

static void texts(void **state)
{
    (void)state;
    struct schema_field f = COLUMN("c", .kind = TYPE_VARCHAR);
    struct value v = TEXT("");
    ROUND(f, v, "\0");
    v = (struct value)TEXT("h\xc3\xb6");
    ROUND(f, v, "\x06h\xc3\xb6");
    f.type.nullable = true;
    static const uint32_t lens[] = {47, 48, 49, 63, 64, 8192, 100000};
    char *big = mem_zalloc(100000);
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        struct schema_field g = COLUMN("c", .kind = TYPE_VARBINARY, .nullable = true);
        struct value b = SET(.bytes = big, .len = lens[i]);
        if (lens[i] < 10000) {
            there_and_back(&g, &b, NULL, 0);
        }
        struct error err = {0};
        struct buf out = BUF_INIT(BIG);
        struct avro_encoder *e = avro_encoder_new(&g, 1);
        assert_true(avro_encoder_row(e, &b, &out, &err));
        size_t head = lens[i] < 64 ? 1 : lens[i] < 8192 ? 2 : 3;
        assert_int_equal(out.len, 1 + head + lens[i]);
        avro_encoder_free(e);
        buf_release(&out);
    }
    mem_free(big);
}

static void nested(void **state)
{
    (void)state;
    struct schema_field f = COLUMN("c", .kind = TYPE_ARRAY, .nullable = true, .element = &int_null);
    struct value items[] = {SET(.i = 1), {.state = VALUE_NULL}, SET(.i = 3)};
    struct value v = SET(.items = items, .len = 3);
    ROUND(f, v, "\x02\x06\x02\x02\x00\x02\x06\x00");
    v.len = 0;
    ROUND(f, v, "\x02\x00");

    int128 wide = decimal_pow10(37);
    struct value inside[] = {SET(.i = 7), SET(.wide = &wide)};
    struct value entries[] = {
        TEXT("k"), SET(.items = inside, .len = 2), TEXT(""), {.state = VALUE_NULL}};
    f.type = (struct type){.kind = TYPE_MAP, .key = &text_type, .element = &row_type};
    v = (struct value)SET(.items = entries, .len = 4);
    there_and_back(&f, &v, NULL, 0);

    struct value numbered[] = {SET(.i = 1), SET(.items = inside, .len = 2)};
    f.type = (struct type){.kind = TYPE_MAP, .key = &int_type, .element = &row_type};
    v = (struct value)SET(.items = numbered, .len = 2);
    there_and_back(&f, &v, NULL, 0);
    f.type.key = &int_null; /* keys may be null there */
    numbered[0].state = VALUE_NULL;
    there_and_back(&f, &v, NULL, 0);

    inside[1].state = VALUE_NULL;
    f.type = row_type;
    v = (struct value)SET(.items = inside, .len = 2);
    ROUND(f, v, "\x02\x02\x0e\x00");
}

static void refuse(const struct schema_field *f, const struct value *v, const char *says)
{
    struct error err = {0};
    struct buf out = BUF_INIT(BIG);
    struct avro_encoder *e = avro_encoder_new(f, 2);
    buf_put_cstr(&out, "before");
    assert_false(avro_encoder_row(e, v, &out, &err));
    assert_int_equal(err.code, FAIL_SCHEMA);
    assert_non_null(strstr(err.text, says));
    assert_true(str_eq(buf_str(&out), STR("before"))); /* as it was */
    avro_encoder_free(e);
    buf_release(&out);
}

static void what_does_not_fit(void **state)
{
    (void)state;
    struct schema_field f[2] = {COLUMN("first", .kind = TYPE_VARCHAR),
                                COLUMN("second", .kind = TYPE_INT)};
    struct value v[2] = {TEXT("some"), {.state = VALUE_NULL}};
    refuse(f, v, "'second': NULL in a NOT NULL column");
    v[1] = (struct value)SET(.i = (int64_t)INT32_MAX + 1);
    refuse(f, v, "'second': 2147483648 does not fit INT");
    f[1].type.kind = TYPE_SMALLINT;
    v[1].i = -32769;
    refuse(f, v, "SMALLINT");
    f[1].type.kind = TYPE_TINYINT;
    v[1].i = 128;
    refuse(f, v, "TINYINT");
    f[1].type = (struct type){.kind = TYPE_TIMESTAMP, .precision = 6};
    v[1].i = INT64_MAX / 1000 + 1;
    refuse(f, v, "microseconds");
    struct value items[] = {SET(.i = 1), {.state = VALUE_NULL}};
    f[1].type = (struct type){.kind = TYPE_ARRAY, .element = &int_type};
    v[1] = (struct value)SET(.items = items, .len = 2);
    refuse(f, v, "'second': NULL");
    struct value entries[] = {{.state = VALUE_NULL}, SET(.i = 1)};
    f[1].type = (struct type){.kind = TYPE_MAP, .key = &text_type, .element = &int_type};
    v[1] = (struct value)SET(.items = entries, .len = 2);
    refuse(f, v, "map key");
}

static void blocks_have_a_limit(void **state)
{
    (void)state;
    struct schema_field f = COLUMN("c", .kind = TYPE_VARCHAR);
    struct error err = {0};
    struct buf out = BUF_INIT(1000);
    struct avro_encoder *e = avro_encoder_new(&f, 1);
    char text[2000];
    memset(text, 'x', sizeof(text));
    struct value v = SET(.bytes = text, .len = 500);
    assert_true(avro_encoder_row(e, &v, &out, &err));
    size_t len = out.len;
    assert_false(avro_encoder_row(e, &v, &out, &err));
    assert_int_equal(err.code, FAIL_LIMIT);
    assert_int_equal(out.len, len);
    v.len = 5;
    assert_true(avro_encoder_row(e, &v, &out, &err)); /* smaller ones still go */
    avro_encoder_free(e);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(decimals),
        cmocka_unit_test(decimals_of_too_many_digits),
        cmocka_unit_test(times),
        cmocka_unit_test(texts),
        cmocka_unit_test(nested),
        cmocka_unit_test(what_does_not_fit),
        cmocka_unit_test(blocks_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
