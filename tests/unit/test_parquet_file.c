/* Parquet behind the format seam: what is checked before a file is begun, columns by name, errors
 * that name file and column, files of many pages and row groups. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "sink/format/format.h"
#include "tests/unit/lake_fixture.h"

#define OK(call) LAKE_OK(l, call)

static const struct schema_field fields[] = {
    {.id = 0, .name = {"id", 2}, .type = {.kind = TYPE_BIGINT}},
    {.id = 1, .name = {"text", 4}, .type = {.kind = TYPE_VARCHAR, .nullable = true, .length = 99}},
    {.id = 2,
     .name = {"wide", 4},
     .type = {.kind = TYPE_DECIMAL, .nullable = true, .precision = 38, .scale = 0}},
};

static const struct format_ops *parquet(struct lake *l)
{
    const struct format_ops *f;
    OK(format_of_file(STR("data-u-0.parquet"), &f, &l->err));
    assert_string_equal(f->name, "parquet");
    return f;
}

/* Row i of every file here. */
static void row_of(int64_t i, char text[64], int128 *wide, struct value out[3])
{
    int len = snprintf(text, 64, "text of row %lld", (long long)(i % 1000));
    *wide = (int128)i * INT64_MIN;
    out[0] = (struct value){.i = i, .state = VALUE_SET};
    out[1] = (struct value){.bytes = text, .len = (uint32_t)len, .state = VALUE_SET};
    out[2] = (struct value){.wide = wide, .state = VALUE_SET};
    if (i % 5 == 0) {
        out[1].state = VALUE_NULL;
    }
}

static uint64_t write_rows(struct lake *l, const struct format_options *o, int64_t count)
{
    const struct format_ops *f = parquet(l);
    struct format_writer *w;
    char text[64];
    int128 wide;
    struct value v[3];
    uint64_t bytes = 0;
    OK(f->writer_open(l->fs, l->path, fields, 3, o, &w, &l->err));
    for (int64_t i = 0; i < count; i++) {
        row_of(i, text, &wide, v);
        OK(f->write(w, v, &l->err));
    }
    OK(f->writer_finish(w, &bytes, &l->err));
    uint64_t size;
    bool found;
    OK(l->fs.ops->size(l->fs.self, l->path, &size, &found, &l->err));
    assert_true(found && size == bytes);
    return bytes;
}

static void expect_rows(struct lake *l, uint64_t bytes, int64_t count)
{
    const struct format_ops *f = parquet(l);
    struct format_reader *r;
    const struct value *v;
    char text[64];
    int128 wide;
    struct value want[3];
    int64_t n = 0;
    enum next next;
    OK(f->reader_open(l->fs, l->path, bytes, fields, 3, &r, &l->err));
    while ((next = f->read(r, &v, &l->err)) == NEXT_ROW) {
        row_of(n++, text, &wide, want);
        for (size_t k = 0; k < 3; k++) {
            assert_int_equal(v[k].state, want[k].state);
            assert_true(value_equal(&fields[k].type, &v[k], &want[k]));
        }
    }
    assert_int_equal(next, NEXT_END);
    assert_int_equal(n, count);
    assert_int_equal(f->read(r, &v, &l->err), NEXT_END); /* and again */
    f->reader_close(r);
}

static void every_codec_and_size(void **state)
{
    struct lake *l = *state;
    static const char *const codecs[] = {"", "zstd", "none", "snappy", "GZIP", "lz4_raw"};
    static const int64_t counts[] = {0, 1, 50000};
    for (size_t i = 0; i < 18; i++) {
        struct format_options o = {.compression = str_of(codecs[i % 6]),
                                   .zstd_level = 1 + (int)(i % 3) * 9,
                                   .block_bytes = i % 2 == 0 ? 100000 : 0};
        uint64_t bytes = write_rows(l, &o, counts[i / 6]);
        expect_rows(l, bytes, counts[i / 6]);
        uint64_t need = 0;
        OK(parquet(l)->reader_memory(l->fs, l->path, bytes, fields, 3, &need, &l->err));
        assert_in_range(need, 50000, 5 << 20);
        OK(l->fs.ops->remove(l->fs.self, l->path, &l->err));
    }
}

static void what_cannot_be_written(void **state)
{
    struct lake *l = *state;
    const struct format_ops *f = parquet(l);
    static const char *const codecs[] = {"lz4", "brotli", "lzo", "deflate", "x"};
    for (size_t i = 0; i < 5; i++) {
        struct format_options o = {.compression = str_of(codecs[i])};
        struct format_writer *w;
        assert_false(f->check(fields, 3, &o, &l->err));
        assert_int_equal(l->err.code, FAIL_CONFIG);
        assert_non_null(strstr(l->err.text, codecs[i]));
        assert_false(f->writer_open(l->fs, l->path, fields, 3, &o, &w, &l->err));
    }
    static const struct type empty = {.kind = TYPE_ROW};
    static const struct schema_field rows = {.name = {"r", 1},
                                             .type = {.kind = TYPE_ARRAY, .element = &empty}};
    struct format_options o = {.compression = STR("zstd"), .zstd_level = 1};
    assert_true(f->check(fields, 3, &o, &l->err));
    assert_false(f->check(&rows, 1, &o, &l->err));
    assert_int_equal(l->err.code, FAIL_SCHEMA);
    assert_non_null(strstr(l->err.text, "column r"));
    struct format_writer *w; /* a name that is taken stays what it was */
    uint64_t bytes = write_rows(l, &o, 10);
    assert_false(f->writer_open(l->fs, l->path, fields, 3, &o, &w, &l->err));
    assert_int_equal(l->err.code, FAIL_CONFLICT);
    expect_rows(l, bytes, 10);
}

static void other_columns(void **state)
{
    struct lake *l = *state;
    const struct format_ops *f = parquet(l);
    struct format_options o = {.compression = STR("zstd"), .zstd_level = 1};
    uint64_t bytes = write_rows(l, &o, 10);
    static const struct schema_field asked[] = {
        {.name = {"new", 3}, .type = {.kind = TYPE_INT, .nullable = true}},
        {.name = {"text", 4}, .type = {.kind = TYPE_VARCHAR, .nullable = true}}};
    struct format_reader *r;
    const struct value *v;
    OK(f->reader_open(l->fs, l->path, bytes, asked, 2, &r, &l->err));
    for (int i = 0; i < 10; i++) {
        assert_int_equal(f->read(r, &v, &l->err), NEXT_ROW);
        assert_int_equal(v[0].state, VALUE_NULL);
        assert_int_equal(v[1].state, i % 5 == 0 ? VALUE_NULL : VALUE_SET);
    }
    assert_int_equal(f->read(r, &v, &l->err), NEXT_END);
    f->reader_close(r);
    OK(f->reader_open(l->fs, l->path, bytes, asked, 1, &r, &l->err)); /* none that is there */
    for (int i = 0; i < 10; i++) {
        assert_int_equal(f->read(r, &v, &l->err), NEXT_ROW);
    }
    assert_int_equal(f->read(r, &v, &l->err), NEXT_END);
    f->reader_close(r);
    static const struct schema_field wrong = {.name = {"text", 4}, .type = {.kind = TYPE_INT}};
    assert_false(f->reader_open(l->fs, l->path, bytes, &wrong, 1, &r, &l->err));
    assert_int_equal(l->err.code, FAIL_SCHEMA);
    assert_non_null(strstr(l->err.text, "column text"));
    assert_non_null(strstr(l->err.text, l->path));
}

/* One flipped bit in a page: named by file, column and offset. */
static void damage_is_named(void **state)
{
    struct lake *l = *state;
    const struct format_ops *f = parquet(l);
    struct format_options o = {.compression = STR("none")};
    uint64_t bytes = write_rows(l, &o, 1000);
    struct buf all = BUF_INIT(1 << 20);
    bool found;
    OK(l->fs.ops->read(l->fs.self, l->path, &all, &found, &l->err));
    all.ptr[1000] = (char)(all.ptr[1000] ^ 4); /* in the page of `id` */
    OK(l->fs.ops->replace(l->fs.self, l->path, buf_str(&all), &l->err));
    struct format_reader *r;
    const struct value *v;
    OK(f->reader_open(l->fs, l->path, bytes, fields, 3, &r, &l->err));
    assert_int_equal(f->read(r, &v, &l->err), NEXT_FAIL);
    assert_int_equal(l->err.code, FAIL_CORRUPT);
    assert_non_null(strstr(l->err.text, l->path));
    assert_non_null(strstr(l->err.text, "column id, page at byte 4"));
    assert_non_null(strstr(l->err.text, "checksum"));
    f->reader_close(r);
    /* Another length than the metadata says. */
    assert_false(f->reader_open(l->fs, l->path, bytes - 1, fields, 3, &r, &l->err));
    assert_int_equal(l->err.code, FAIL_CORRUPT);
    assert_false(f->reader_open(l->fs, l->path, bytes + 1, fields, 3, &r, &l->err));
    assert_false(f->reader_open(l->fs, l->path, 0, fields, 3, &r, &l->err));
    buf_release(&all);
}

/* Values longer than a page, and than the window. */
static void long_values(void **state)
{
    struct lake *l = *state;
    const struct format_ops *f = parquet(l);
    enum { LONG = 3 << 20 };
    struct format_options o = {.compression = STR("zstd"), .zstd_level = 1};
    char *text = mem_alloc(LONG);
    for (int i = 0; i < LONG; i++) {
        text[i] = (char)('a' + (i ^ i >> 7) % 23);
    }
    struct format_writer *w;
    struct format_reader *r;
    const struct value *v;
    uint64_t bytes;
    OK(f->writer_open(l->fs, l->path, fields + 1, 1, &o, &w, &l->err));
    for (uint32_t i = 0; i < 4; i++) {
        struct value row = {.bytes = text, .len = LONG - i, .state = VALUE_SET};
        OK(f->write(w, &row, &l->err));
    }
    OK(f->writer_finish(w, &bytes, &l->err));
    OK(f->reader_open(l->fs, l->path, bytes, fields + 1, 1, &r, &l->err));
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(f->read(r, &v, &l->err), NEXT_ROW);
        assert_int_equal(v[0].len, LONG - i);
        assert_memory_equal(v[0].bytes, text, LONG - i);
    }
    assert_int_equal(f->read(r, &v, &l->err), NEXT_END);
    f->reader_close(r);
    mem_free(text);
}

static void abandoned_files_are_gone(void **state)
{
    struct lake *l = *state;
    const struct format_ops *f = parquet(l);
    struct format_options o = {.compression = STR("zstd"), .zstd_level = 1, .block_bytes = 1};
    struct format_writer *w;
    char text[64];
    int128 wide;
    struct value v[3];
    uint64_t size;
    bool found = true;
    OK(f->writer_open(l->fs, l->path, fields, 3, &o, &w, &l->err));
    for (int64_t i = 0; i < 2000; i++) {
        row_of(i, text, &wide, v);
        OK(f->write(w, v, &l->err));
    }
    f->writer_abandon(w);
    f->writer_abandon(NULL);
    f->reader_close(NULL);
    OK(l->fs.ops->size(l->fs.self, l->path, &size, &found, &l->err));
    assert_false(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_codec_and_size, lake_setup, lake_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_written, lake_setup, lake_teardown),
        cmocka_unit_test_setup_teardown(other_columns, lake_setup, lake_teardown),
        cmocka_unit_test_setup_teardown(damage_is_named, lake_setup, lake_teardown),
        cmocka_unit_test_setup_teardown(long_values, lake_setup, lake_teardown),
        cmocka_unit_test_setup_teardown(abandoned_files_are_gone, lake_setup, lake_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
