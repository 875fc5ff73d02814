#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/instant.h"
#include "sink/binrow.h"
#include "sink/run_key.h"
#include "sink/run_writer.h"

#include "tests/unit/lsm_fixture.h"

static bool add(struct fixture *f, struct run_writer *w, struct record r, struct error *err)
{
    struct fixture_row buffer;
    struct run_row row = {
        .values = fixture_values(f, r.key, r.n, &buffer), .sequence = r.sequence, .kind = r.kind};
    return run_writer_add(w, &row, err);
}

static int64_t number_of(struct fixture *f, struct str serialized)
{
    struct value key[2];
    struct error err;
    assert_true(run_key_parse(&f->layout, serialized, &f->arena, key, &err));
    return fixture_key(f, key);
}

static void describes_files(void **state)
{
    (void)state;
    for (enum shape shape = 0; shape < SHAPE_COUNT; shape++) {
        struct fixture f;
        fixture_init(&f, shape);
        struct error err;
        f.data.level = 3;
        f.data.source = RUN_COMPACT;
        f.data.target_file_bytes = 1;
        f.schema->id = 7;
        struct run_writer *w = run_writer_new(&f.data);
        for (int64_t i = 0; i < 2001; i++) {
            struct record r = {i, 5000 - i, i % 3 == 0 ? -1 : i, (uint8_t)(i % 4)};
            assert_true(add(&f, w, r, &err));
        }
        assert_int_equal(run_writer_rows(w), 2001);
        struct run_files files = {0};
        int64_t before = instant_local_wall_ms();
        assert_true(run_writer_finish(w, &f.arena, &files, &err));
        run_writer_free(w);
        assert_int_equal(files.count, 3); /* looked at every 1000 rows */
        assert_int_equal(f.memory.count, 3);
        static const int64_t rows[] = {1000, 1000, 1};
        for (size_t i = 0; i < 3; i++) {
            const struct data_file *d = files.items[i];
            char name[32];
            (void)snprintf(name, sizeof(name), "data-u-%zu.avro", i);
            assert_string_equal(d->name.ptr, name);
            assert_int_equal(d->row_count, rows[i]);
            assert_int_equal(number_of(&f, d->min_key), i * 1000);
            assert_int_equal(number_of(&f, d->max_key), (int64_t)i * 1000 + rows[i] - 1);
            assert_int_equal(d->max_sequence, 5000 - (int64_t)i * 1000);
            assert_int_equal(d->min_sequence, 5000 - (int64_t)i * 1000 - rows[i] + 1);
            assert_int_equal(d->delete_rows, i < 2 ? 500 : 0);
            assert_int_equal(d->level, 3);
            assert_int_equal(d->source, 1);
            assert_int_equal(d->schema_id, 7);
            assert_true(d->creation_ms >= before - 60000 && d->creation_ms <= before + 60000);
            assert_int_equal(d->key_stats.null_count, f.layout.key_count);
            assert_int_equal(d->value_stats.null_count, f.schema->field_count);
            assert_int_equal(d->value_stats.nulls[f.schema->field_count - 1], i == 0   ? 334
                                                                              : i == 1 ? 333
                                                                                       : 0);
            assert_true(str_eq(d->key_stats.min, d->min_key));
            char path[128];
            (void)snprintf(path, sizeof(path), "/lake/db.db/t/bucket-0/%s", name);
            struct memfs_file *stored = memfs_find(&f.memory, path);
            assert_non_null(stored);
            assert_int_equal(stored->bytes.len, d->size_bytes);
        }
        fixture_release(&f);
    }
}

static void no_statistics(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, SHAPE_INT);
    struct error err;
    f.data.stats_mode = COL_STATS_NONE;
    struct run_writer *w = run_writer_new(&f.data);
    assert_true(add(&f, w, (struct record){1, 1, 1, ROW_INSERT}, &err));
    struct run_files files = {0};
    assert_true(run_writer_finish(w, &f.arena, &files, &err));
    run_writer_free(w);
    const struct data_file *d = files.items[0];
    assert_true(str_eq(d->value_stats.min, binrow_empty));
    assert_int_equal(d->value_stats.null_count, 0);
    assert_false(d->value_stats_cols_null); /* an empty list: no column has statistics */
    assert_int_equal(d->value_stats_col_count, 0);
    assert_int_equal(d->key_stats.null_count, 1);
    fixture_release(&f);
}

static void nothing_written(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, SHAPE_INT);
    struct error err;
    struct run_writer *w = run_writer_new(&f.data);
    struct run_files files = {0};
    assert_true(run_writer_finish(w, &f.arena, &files, &err));
    run_writer_free(w);
    run_writer_free(NULL);
    assert_int_equal(files.count, 0);
    assert_int_equal(f.memory.calls, 0);
    fixture_release(&f);
}

static void abandoned(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, SHAPE_INT);
    struct error err;
    f.data.target_file_bytes = 1;
    struct run_writer *w = run_writer_new(&f.data);
    for (int64_t i = 0; i < 2500; i++) {
        assert_true(add(&f, w, (struct record){i, i, i, ROW_INSERT}, &err));
    }
    assert_int_equal(f.memory.count, 2);
    assert_int_equal(f.memory.open, 1);
    run_writer_free(w);
    assert_int_equal(f.memory.count, 0);
    assert_int_equal(f.memory.open, 0);
    fixture_release(&f);
}

/* A removal that fails once is tried again. */
static void removal_retried(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, SHAPE_INT);
    struct run_files files = {0};
    struct record r = {1, 1, 1, ROW_INSERT};
    fixture_write(&f, 0, &r, 1, &files);
    f.memory.calls = 0;
    f.memory.fail_at = 1;
    run_writer_remove(f.fs, f.data.folder, &files);
    assert_int_equal(f.memory.calls, 2);
    assert_int_equal(f.memory.count, 0);
    fixture_release(&f);
}

/* In a child: true when two keys in this order abort. */
static bool aborts(bool equal_keys, int64_t first, int64_t second)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(STDERR_FILENO);
        struct fixture f;
        struct error err;
        fixture_init(&f, SHAPE_INT);
        struct run_writer *w = run_writer_new(equal_keys ? &f.changelog : &f.data);
        (void)add(&f, w, (struct record){first, 1, 1, ROW_INSERT}, &err);
        (void)add(&f, w, (struct record){second, 2, 1, ROW_INSERT}, &err);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status);
}

static void order_is_a_must(void **state)
{
    (void)state;
    assert_false(aborts(false, 1, 2));
    assert_true(aborts(false, 2, 2));
    assert_true(aborts(false, 2, 1));
    assert_false(aborts(true, 2, 2));
    assert_true(aborts(true, 2, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(describes_files), cmocka_unit_test(no_statistics),
        cmocka_unit_test(nothing_written), cmocka_unit_test(abandoned),
        cmocka_unit_test(removal_retried), cmocka_unit_test(order_is_a_must),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
