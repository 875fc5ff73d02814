/* What the writer promises beyond the bytes: memory, sizes, nulls refused, nothing left behind.
 * That what was written is read back is tests/property/property_parquet.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink/format/parquet_writer.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "sink/fs/fs_local.h"
#include "tests/unit/lake_fixture.h"
#include "tests/unit/parquet_random.h"

#define OK(call) LAKE_OK(l, call)
#define WIDTH 21

/* Numbers and texts that do not repeat: nothing is small by a dictionary. */
static void wide_fields(struct schema_field fields[WIDTH], char names[WIDTH][8])
{
    for (int i = 0; i < WIDTH; i++) {
        int n = snprintf(names[i], 8, "c%d", i);
        fields[i] = (struct schema_field){.id = i, .name = {names[i], (size_t)n}};
        fields[i].type = (struct type){.kind = i % 3 == 0   ? TYPE_BIGINT
                                               : i % 3 == 1 ? TYPE_DOUBLE
                                                            : TYPE_VARCHAR,
                                       .nullable = i % 2 == 1,
                                       .length = TYPE_MAX_LENGTH};
    }
}

static void wide_row(struct parquet_random *r, char texts[WIDTH][40], struct value out[WIDTH])
{
    for (int i = 0; i < WIDTH; i++) {
        out[i] = (struct value){.i = (int64_t)random_next(r), .state = VALUE_SET};
        if (i % 3 == 2) {
            int len = snprintf(texts[i], 40, "%016llx-%016llx", (unsigned long long)out[i].i,
                               (unsigned long long)random_next(r));
            out[i] = (struct value){.bytes = texts[i], .len = (uint32_t)len, .state = VALUE_SET};
        }
    }
}

static size_t group_count(struct lake *l, uint64_t bytes)
{
    struct buf all = BUF_INIT(1 << 28);
    struct parquet_meta meta;
    struct arena a = {0};
    bool found;
    uint32_t len;
    OK(l->fs.ops->read(l->fs.self, l->path, &all, &found, &l->err));
    assert_int_equal(all.len, bytes);
    memcpy(&len, all.ptr + all.len - 8, sizeof(len));
    OK(parquet_meta_read((struct str){all.ptr + all.len - 8 - len, len}, &a, &meta, &l->err));
    assert_true(str_starts(meta.created_by, STR("inlet version ")));
    size_t groups = meta.group_count;
    arena_release(&a);
    buf_release(&all);
    return groups;
}

static void memory_ends_row_groups(void **state)
{
    struct lake *l = *state;
    struct schema_field fields[WIDTH];
    char names[WIDTH][8];
    char texts[WIDTH][40];
    struct value row[WIDTH];
    static const uint64_t memories[] = {1 << 20, 4 << 20};
    wide_fields(fields, names);
    for (size_t m = 0; m < 2; m++) {
        struct parquet_writer_options o = {
            .codec = COMPRESS_ZSTD, .level = 1, .memory_bytes = memories[m]};
        struct parquet_random r = {.seed = 5};
        struct parquet_writer *w;
        uint64_t most = 0;
        uint64_t bytes;
        OK(parquet_writer_open(l->fs, l->path, fields, WIDTH, &o, &w, &l->err));
        for (int i = 0; i < 20000; i++) {
            wide_row(&r, texts, row);
            OK(parquet_writer_row(w, row, &l->err));
            uint64_t held = parquet_writer_held(w);
            most = held > most ? held : most;
        }
        OK(parquet_writer_finish(w, &bytes, &l->err));
        /* looked at every 512 rows; buffers grow by doubling */
        assert_in_range(most, memories[m] / 2, memories[m] * 3 / 2 + (1 << 20));
        assert_in_range(group_count(l, bytes), 2, 64);
        OK(l->fs.ops->remove(l->fs.self, l->path, &l->err));
    }
}

/* Files are rolled by what the writer says: within a tenth once there is something to tell. */
static void size_is_told_while_writing(void **state)
{
    struct lake *l = *state;
    struct schema_field fields[WIDTH];
    char names[WIDTH][8];
    char texts[WIDTH][40];
    struct value row[WIDTH];
    wide_fields(fields, names);
    for (int codec = 0; codec < 2; codec++) {
        struct parquet_writer_options o = {.codec = codec == 0 ? COMPRESS_ZSTD : COMPRESS_NONE,
                                           .level = 1};
        struct parquet_random r = {.seed = 6};
        struct parquet_writer *w;
        uint64_t bytes;
        OK(parquet_writer_open(l->fs, l->path, fields, WIDTH, &o, &w, &l->err));
        uint64_t before = parquet_writer_bytes(w);
        for (int i = 0; i < 30000; i++) {
            wide_row(&r, texts, row);
            OK(parquet_writer_row(w, row, &l->err));
            if (i % 1000 == 0) {
                assert_true(parquet_writer_bytes(w) >= before);
                before = parquet_writer_bytes(w);
            }
        }
        uint64_t told = parquet_writer_bytes(w);
        OK(parquet_writer_finish(w, &bytes, &l->err));
        assert_in_range(told, bytes - bytes / 10, bytes + bytes / 10);
        OK(l->fs.ops->remove(l->fs.self, l->path, &l->err));
    }
}

static void nulls_where_none_may_be(void **state)
{
    struct lake *l = *state;
    static const struct type inner = {.kind = TYPE_INT, .nullable = false};
    static const struct schema_field fields[] = {
        {.name = {"k", 1}, .type = {.kind = TYPE_INT}},
        {.name = {"l", 1}, .type = {.kind = TYPE_ARRAY, .nullable = true, .element = &inner}},
        {.name = {"t", 1}, .type = {.kind = TYPE_TIMESTAMP, .nullable = true, .precision = 6}}};
    static const struct value null = {.state = VALUE_NULL};
    struct value rows[][3] = {{{.state = VALUE_NULL}, {.state = VALUE_NULL}, {.state = VALUE_NULL}},
                              {{.i = 1, .state = VALUE_SET},
                               {.items = &null, .len = 1, .state = VALUE_SET},
                               {.state = VALUE_NULL}},
                              {{.i = 1, .state = VALUE_SET},
                               {.state = VALUE_NULL},
                               {.i = INT64_MAX / 10, .state = VALUE_SET}}};
    static const char *const says[] = {"column k is NOT NULL", "column l.list.element is NOT NULL",
                                       "column t: a timestamp of"};
    struct parquet_writer_options o = {.codec = COMPRESS_NONE};
    for (size_t i = 0; i < 3; i++) {
        struct parquet_writer *w;
        bool found = true;
        uint64_t bytes;
        OK(parquet_writer_open(l->fs, l->path, fields, 3, &o, &w, &l->err));
        assert_false(parquet_writer_row(w, rows[i], &l->err));
        assert_non_null(strstr(l->err.text, says[i]));
        parquet_writer_abandon(w);
        OK(l->fs.ops->size(l->fs.self, l->path, &bytes, &found, &l->err));
        assert_false(found);
    }
}

/* ---- a store whose n-th call fails ---- */

static int calls_left;
static struct fs_ops failing_ops;

static bool fails(struct error *err)
{
    return calls_left-- == 0 && !error_set(err, FAIL_IO, "no more");
}

static bool failing_create(void *self, const char *path, struct fs_out **out, struct error *err)
{
    return !fails(err) && fs_local_open().ops->create(self, path, out, err);
}

static bool failing_append(struct fs_out *out, struct str bytes, struct error *err)
{
    return !fails(err) && fs_local_open().ops->append(out, bytes, err);
}

static bool failing_finish(struct fs_out *out, struct error *err)
{
    if (fails(err)) {
        fs_local_open().ops->abandon(out); /* the handle is gone either way */
        return false;
    }
    return fs_local_open().ops->finish(out, err);
}

static size_t files_in(const char *folder)
{
    DIR *d = opendir(folder);
    size_t n = 0;
    assert_non_null(d);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        n += e->d_name[0] != '.';
    }
    assert_int_equal(closedir(d), 0);
    return n;
}

static void any_failure_leaves_nothing(void **state)
{
    struct lake *l = *state;
    static const struct schema_field fields[] = {{.name = {"k", 1}, .type = {.kind = TYPE_INT}},
                                                 {.name = {"v", 1}, .type = {.kind = TYPE_DOUBLE}}};
    failing_ops = *l->fs.ops;
    failing_ops.create = failing_create;
    failing_ops.append = failing_append;
    failing_ops.finish = failing_finish;
    struct fs fs = {&failing_ops, l->fs.self};
    struct parquet_writer_options o = {.codec = COMPRESS_NONE, .group_bytes = 1};
    bool whole = false;
    for (int n = 0; !whole; n++) {
        struct parquet_writer *w = NULL;
        uint64_t bytes;
        struct value row[] = {{.i = 1, .state = VALUE_SET}, {.f8 = 0.5, .state = VALUE_SET}};
        calls_left = n;
        bool ok = parquet_writer_open(fs, l->path, fields, 2, &o, &w, &l->err);
        bool opened = ok;
        for (int i = 0; ok && i < 2000; i++) {
            ok = parquet_writer_row(w, row, &l->err);
        }
        if (ok) {
            whole = parquet_writer_finish(w, &bytes, &l->err);
        } else if (opened) {
            parquet_writer_abandon(w);
        }
        assert_int_equal(files_in(l->root), whole ? 1 : 0);
        assert_true(n < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(memory_ends_row_groups, lake_setup, lake_teardown),
        cmocka_unit_test_setup_teardown(size_is_told_while_writing, lake_setup, lake_teardown),
        cmocka_unit_test_setup_teardown(nulls_where_none_may_be, lake_setup, lake_teardown),
        cmocka_unit_test_setup_teardown(any_failure_leaves_nothing, lake_setup, lake_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
