/* The format seam over real files: avro_file, avro_writer, avro_reader and format. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "sink/format/avro_reader.h"
#include "sink/format/avro_writer.h"
#include "sink/format/format.h"
#include "sink/paths.h"
#include "tests/unit/lake_fixture.h"

#define OK(call) LAKE_OK(l, call)

static const struct schema_field fields[] = {
    {.name = {"id", 2}, .type = {.kind = TYPE_BIGINT}},
    {.name = {"text", 4}, .type = {.kind = TYPE_VARCHAR, .nullable = true}},
    {.name = {"wide", 4},
     .type = {.kind = TYPE_DECIMAL, .nullable = true, .precision = 38, .scale = 0}},
};

/* Row i of every file here. */
static void row_of(int64_t i, char text[64], int128 *wide, struct value out[3])
{
    int len = snprintf(text, 64, "text of row %lld", (long long)i);
    *wide = (int128)i * INT64_MAX;
    out[0] = (struct value){.i = i, .state = VALUE_SET};
    out[1] = (struct value){.bytes = text, .len = (uint32_t)len, .state = VALUE_SET};
    out[2] = (struct value){.wide = wide, .state = VALUE_SET};
    if (i % 5 == 0) {
        out[1].state = VALUE_NULL;
    }
}

static uint64_t write_rows(struct lake *l, const char *path, const char *compression, int64_t count)
{
    const struct format_ops *f;
    struct format_options o = {.compression = str_of(compression), .zstd_level = 1};
    struct format_writer *w;
    char text[64];
    int128 wide;
    struct value v[3];
    uint64_t bytes = 0;
    OK(format_of_option(STR("avro"), &f, &l->err));
    OK(f->writer_open(l->fs, path, fields, 3, &o, &w, &l->err));
    uint64_t before = f->written_bytes(w);
    for (int64_t i = 0; i < count; i++) {
        row_of(i, text, &wide, v);
        OK(f->write(w, v, &l->err));
    }
    assert_true(count == 0 || f->written_bytes(w) > before);
    OK(f->writer_finish(w, &bytes, &l->err));
    uint64_t size;
    bool found;
    OK(l->fs.ops->size(l->fs.self, path, &size, &found, &l->err));
    assert_true(found && size == bytes);
    return bytes;
}

static void every_codec_and_size(void **state)
{
    struct lake *l = *state;
    static const char *const codecs[] = {"zstd", "none", "deflate"};
    static const int64_t counts[] = {0, 1, 30000};
    for (size_t i = 0; i < 9; i++) {
        struct format_reader *r;
        const struct value *v;
        char text[64];
        int128 wide;
        struct value want[3];
        int64_t n = 0;
        uint64_t bytes = write_rows(l, l->path, codecs[i % 3], counts[i / 3]);
        OK(format_list[0]->reader_open(l->fs, l->path, bytes, fields, 3, &r, &l->err));
        enum next next;
        while ((next = format_list[0]->read(r, &v, &l->err)) == NEXT_ROW) {
            row_of(n++, text, &wide, want);
            for (size_t k = 0; k < 3; k++) {
                assert_int_equal(v[k].state, want[k].state);
                assert_true(value_equal(&fields[k].type, &v[k], &want[k]));
            }
        }
        assert_int_equal(next, NEXT_END);
        assert_int_equal(n, counts[i / 3]);
        assert_int_equal(format_list[0]->read(r, &v, &l->err), NEXT_END); /* and again */
        format_list[0]->reader_close(r);
        OK(l->fs.ops->remove(l->fs.self, l->path, &l->err));
    }
}

static void other_columns(void **state)
{
    struct lake *l = *state;
    uint64_t bytes = write_rows(l, l->path, "zstd", 10);
    static const struct schema_field asked[] = {
        {.name = {"new", 3}, .type = {.kind = TYPE_INT, .nullable = true}},
        {.name = {"text", 4}, .type = {.kind = TYPE_VARCHAR, .nullable = true}}};
    struct format_reader *r;
    const struct value *v;
    OK(format_list[0]->reader_open(l->fs, l->path, bytes, asked, 2, &r, &l->err));
    for (int i = 0; i < 10; i++) {
        assert_int_equal(format_list[0]->read(r, &v, &l->err), NEXT_ROW);
        assert_int_equal(v[0].state, VALUE_NULL);
        assert_int_equal(v[1].state, i % 5 == 0 ? VALUE_NULL : VALUE_SET);
    }
    format_list[0]->reader_close(r);
    static const struct schema_field wrong = {.name = {"text", 4}, .type = {.kind = TYPE_INT}};
    assert_false(format_list[0]->reader_open(l->fs, l->path, bytes, &wrong, 1, &r, &l->err));
    assert_int_equal(l->err.code, FAIL_SCHEMA);
    assert_non_null(strstr(l->err.text, "'text'"));
    assert_non_null(strstr(l->err.text, l->path));
}

static void nothing_is_left_of_the_abandoned(void **state)
{
    struct lake *l = *state;
    struct format_options o = {.compression = STR("zstd"), .zstd_level = 1};
    struct format_writer *w;
    struct value v[3] = {{.state = VALUE_NULL}, {.state = VALUE_NULL}, {.state = VALUE_NULL}};
    bool found = true;
    uint64_t size;
    OK(format_list[0]->writer_open(l->fs, l->path, fields, 3, &o, &w, &l->err));
    assert_false(format_list[0]->write(w, v, &l->err)); /* NOT NULL */
    assert_int_equal(l->err.code, FAIL_SCHEMA);
    format_list[0]->writer_abandon(w);
    OK(l->fs.ops->size(l->fs.self, l->path, &size, &found, &l->err));
    assert_false(found);
    o.compression = STR("lz4");
    assert_false(format_list[0]->writer_open(l->fs, l->path, fields, 3, &o, &w, &l->err));
    assert_int_equal(l->err.code, FAIL_CONFIG);
    assert_false(format_list[0]->check(fields, 3, &o, &l->err));
    OK(l->fs.ops->size(l->fs.self, l->path, &size, &found, &l->err));
    assert_false(found);
}

/* Reads a whole file, however damaged; true when every row came. */
static bool reads_whole(struct lake *l, const char *path, uint64_t bytes, int64_t count)
{
    struct format_reader *r;
    const struct value *v;
    int64_t n = 0;
    enum next next;
    l->err = (struct error){0};
    if (!format_list[0]->reader_open(l->fs, path, bytes, fields, 3, &r, &l->err)) {
        return false;
    }
    while ((next = format_list[0]->read(r, &v, &l->err)) == NEXT_ROW) {
        n++;
    }
    format_list[0]->reader_close(r);
    return next == NEXT_END && n == count;
}

static void damage_is_found(void **state)
{
    struct lake *l = *state;
    struct buf all = BUF_INIT(1 << 20);
    bool found;
    const char *bad = paths_join(&l->arena, l->root, STR("bad.avro"));
    uint64_t bytes = write_rows(l, l->path, "none", 20);
    OK(l->fs.ops->read(l->fs.self, l->path, &all, &found, &l->err));
    assert_true(reads_whole(l, l->path, bytes, 20));
    for (size_t len = 0; len < all.len; len++) { /* every truncation, by size or by file */
        struct str part = str_slice(buf_str(&all), 0, len);
        OK(l->fs.ops->replace(l->fs.self, bad, part, &l->err));
        /* a cut behind the header is an empty file to Avro: the row count tells */
        assert_false(reads_whole(l, bad, len, 20));
        if (len % 50 == 0) {
            assert_false(reads_whole(l, bad, bytes, 20));
            assert_int_equal(l->err.code, FAIL_CORRUPT);
            assert_non_null(strstr(l->err.text, bad));
        }
    }
    size_t sync = all.len - 1; /* the last mark */
    all.ptr[sync] = (char)(all.ptr[sync] ^ 1);
    OK(l->fs.ops->replace(l->fs.self, bad, buf_str(&all), &l->err));
    assert_false(reads_whole(l, bad, bytes, 20));
    assert_int_equal(l->err.code, FAIL_CORRUPT);
    assert_non_null(strstr(l->err.text, "mark"));
    all.ptr[sync] = (char)(all.ptr[sync] ^ 1);
    all.ptr[0] = 'P';
    OK(l->fs.ops->replace(l->fs.self, bad, buf_str(&all), &l->err));
    assert_false(reads_whole(l, bad, bytes, 20));
    assert_non_null(strstr(l->err.text, "not an Avro file"));
    buf_release(&all);
}

/* A container of given blocks. */
static uint64_t craft(struct lake *l, const char *codec, const char *block, size_t len)
{
    struct buf b = BUF_INIT(1 << 16);
    static const char schema[] =
        "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"id\",\"type\":\"long\"}]}";
    buf_put(&b,
            "Obj\x01\x04\x16"
            "avro.schema",
            17);
    buf_put_zigzag(&b, (int64_t)sizeof(schema) - 1);
    buf_put_cstr(&b, schema);
    buf_put(&b,
            "\x14"
            "avro.codec",
            11);
    buf_put_zigzag(&b, (int64_t)strlen(codec));
    buf_put_cstr(&b, codec);
    buf_put(&b,
            "\0"
            "0123456789abcdef",
            17);
    buf_put(&b, block, len);
    OK(l->fs.ops->replace(l->fs.self, l->path, buf_str(&b), &l->err));
    uint64_t bytes = b.len;
    buf_release(&b);
    return bytes;
}

#define SYNC "0123456789abcdef"
#define BLOCK(text) (text), sizeof(text) - 1

static void counts_that_cannot_be(void **state)
{
    struct lake *l = *state;
    assert_true(reads_whole(l, l->path, craft(l, "null", BLOCK("\x04\x04\x02\x04" SYNC)), 2));
    /* an empty block between is passed over */
    assert_true(
        reads_whole(l, l->path, craft(l, "null", BLOCK("\0\0" SYNC "\x04\x04\x02\x04" SYNC)), 2));
    static const struct {
        const char *block;
        size_t len;
    } bad[] = {
        {BLOCK("\x06\x04\x02\x04" SYNC)},                     /* 3 rows in 2 bytes */
        {BLOCK("\x02\x04\x02\x04" SYNC)},                     /* bytes left over */
        {BLOCK("\0\x04\x02\x04" SYNC)},                       /* no rows, but bytes */
        {BLOCK("\x03\x04\x02\x04" SYNC)},                     /* -2 rows */
        {BLOCK("\x04\x03\x02\x04" SYNC)},                     /* -2 bytes */
        {BLOCK("\xfe\xff\xff\xff\xff\x7f\x04\x02\x04" SYNC)}, /* far too many rows */
        {BLOCK("\x04\xfe\xff\xff\xff\xff\x7f\x02\x04" SYNC)}, /* far too many bytes */
        {BLOCK("\x04\x04\x02\xff" SYNC)},                     /* half a number */
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        bool ok = reads_whole(l, l->path, craft(l, "null", bad[i].block, bad[i].len), -1);
        if (ok || l->err.code != FAIL_CORRUPT || strstr(l->err.text, l->path) == NULL) {
            fail_msg("case %zu: %s", i, l->err.text);
        }
    }
    assert_false(reads_whole(l, l->path, craft(l, "snappy", BLOCK("")), 0));
    assert_int_equal(l->err.code, FAIL_SCHEMA);
    assert_non_null(strstr(l->err.text, "snappy"));
    assert_false(reads_whole(l, l->path, craft(l, "zstandard", BLOCK("\x04\x04\x02\x04" SYNC)), 2));
    assert_int_equal(l->err.code, FAIL_CORRUPT);
    assert_false(reads_whole(l, paths_join(&l->arena, l->root, STR("none.avro")), 100, 0));
    assert_int_equal(l->err.code, FAIL_CORRUPT);
}

/* A row longer than any block or window. */
static void long_rows(void **state)
{
    struct lake *l = *state;
    struct format_options o = {.compression = STR("none")};
    struct format_writer *w;
    struct format_reader *r;
    size_t len = 3000000;
    char *text = mem_alloc(len);
    uint64_t bytes;
    const struct value *v;
    for (size_t i = 0; i < len; i++) {
        text[i] = (char)('a' + i % 23);
    }
    struct value row[3] = {{.i = 1, .state = VALUE_SET},
                           {.bytes = text, .len = (uint32_t)len, .state = VALUE_SET},
                           {.state = VALUE_NULL}};
    OK(format_list[0]->writer_open(l->fs, l->path, fields, 3, &o, &w, &l->err));
    for (int i = 0; i < 3; i++) {
        OK(format_list[0]->write(w, row, &l->err));
    }
    OK(format_list[0]->writer_finish(w, &bytes, &l->err));
    OK(format_list[0]->reader_open(l->fs, l->path, bytes, fields, 3, &r, &l->err));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(format_list[0]->read(r, &v, &l->err), NEXT_ROW);
        assert_true(value_equal(&fields[1].type, &v[1], &row[1]));
    }
    assert_int_equal(format_list[0]->read(r, &v, &l->err), NEXT_END);
    format_list[0]->reader_close(r);
    /* a reader with a smaller limit says so */
    struct avro_reader *small;
    struct reader block;
    uint64_t rows;
    OK(avro_reader_open(l->fs, l->path, bytes, 1000, &small, &l->err));
    assert_false(avro_reader_next(small, &rows, &block, &l->err));
    assert_int_equal(l->err.code, FAIL_LIMIT);
    avro_reader_close(small);
    mem_free(text);
}

static void formats_by_name(void **state)
{
    (void)state;
    struct error err = {0};
    const struct format_ops *f;
    assert_true(format_of_file(STR("data-u-0.avro"), &f, &err));
    assert_string_equal(f->name, "avro");
    assert_true(format_of_file(STR("data-u-0.avro.zst"), &f, &err)); /* suffix by option */
    assert_false(format_of_file(STR("data-u-0.orc"), &f, &err));
    assert_int_equal(err.code, FAIL_SCHEMA);
    assert_non_null(strstr(err.text, "'orc' is not supported"));
    assert_false(format_of_file(STR("data"), &f, &err));
    assert_false(format_of_file(STR(""), &f, &err));
    assert_true(format_of_option(STR("AVRO"), &f, &err));
    assert_false(format_of_option(STR("orc"), &f, &err));
    assert_non_null(strstr(err.text, "orc"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_codec_and_size, lake_setup, lake_teardown),
        cmocka_unit_test_setup_teardown(other_columns, lake_setup, lake_teardown),
        cmocka_unit_test_setup_teardown(nothing_is_left_of_the_abandoned, lake_setup,
                                        lake_teardown),
        cmocka_unit_test_setup_teardown(damage_is_found, lake_setup, lake_teardown),
        cmocka_unit_test_setup_teardown(counts_that_cannot_be, lake_setup, lake_teardown),
        cmocka_unit_test_setup_teardown(long_rows, lake_setup, lake_teardown),
        cmocka_unit_test(formats_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
