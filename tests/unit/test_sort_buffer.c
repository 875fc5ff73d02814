#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sink/sort_buffer.h"

#include "tests/unit/lsm_fixture.h"

static void add(struct fixture *f, struct sort_buffer *b, enum row_kind kind, int64_t key,
                int64_t sequence, int64_t n)
{
    struct fixture_row row;
    struct error err;
    assert_true(sort_buffer_add(b, kind, sequence, fixture_values(f, key, n, &row), &err));
}

static void expect(const struct record *got, size_t count, const struct record *want,
                   size_t want_count)
{
    assert_int_equal(count, want_count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(got[i].key, want[i].key);
        assert_int_equal(got[i].sequence, want[i].sequence);
        assert_int_equal(got[i].n, want[i].n);
        assert_int_equal(got[i].kind, want[i].kind);
    }
}

static void merges_and_logs(void **state)
{
    (void)state;
    for (enum shape shape = 0; shape < SHAPE_COUNT; shape++) {
        struct fixture f;
        fixture_init(&f, shape);
        struct error err;
        struct sort_buffer *b = sort_buffer_new(f.schema, &f.layout, NULL);
        add(&f, b, ROW_INSERT, 30, 100, 1);
        add(&f, b, ROW_INSERT, 10, 101, 2);
        add(&f, b, ROW_UPDATE_BEFORE, 30, 102, 1);
        add(&f, b, ROW_UPDATE_AFTER, 30, 103, -1);
        add(&f, b, ROW_DELETE, 20, 104, 7);
        add(&f, b, ROW_DELETE, 10, 105, 2);
        add(&f, b, ROW_UPDATE_BEFORE, 40, 106, 3); /* alone: stays as it is */
        assert_int_equal(sort_buffer_rows(b), 7);
        struct run_files data = {0};
        struct run_files changelog = {0};
        struct sort_buffer_flush flush = {.data = &f.data, .changelog = &f.changelog};
        assert_true(sort_buffer_flush(b, &flush, &f.arena, &data, &changelog, &err));
        assert_int_equal(sort_buffer_rows(b), 0);
        assert_int_equal(data.count, 1);
        assert_int_equal(changelog.count, 1);
        assert_int_equal(f.memory.count, 2);

        struct record got[16];
        static const struct record merged[] = {{10, 105, 2, ROW_DELETE},
                                               {20, 104, 7, ROW_DELETE},
                                               {30, 103, -1, ROW_UPDATE_AFTER},
                                               {40, 106, 3, ROW_UPDATE_BEFORE}};
        expect(got, fixture_read(&f, data.items[0], got, 16), merged, 4);
        static const struct record raw[] = {
            {10, 101, 2, ROW_INSERT},        {10, 105, 2, ROW_DELETE},
            {20, 104, 7, ROW_DELETE},        {30, 100, 1, ROW_INSERT},
            {30, 102, 1, ROW_UPDATE_BEFORE}, {30, 103, -1, ROW_UPDATE_AFTER},
            {40, 106, 3, ROW_UPDATE_BEFORE}};
        expect(got, fixture_read(&f, changelog.items[0], got, 16), raw, 7);

        const struct data_file *m = data.items[0];
        assert_int_equal(m->row_count, 4);
        assert_int_equal(m->delete_rows, 3); /* -U counts as well */
        assert_int_equal(m->min_sequence, 103);
        assert_int_equal(m->max_sequence, 106);
        assert_int_equal(m->level, 0);
        assert_int_equal(m->source, 0);
        assert_true(m->value_stats_cols_null && m->write_cols_null);
        assert_int_equal(m->first_row_id, -1);
        assert_int_equal(changelog.items[0]->row_count, 7);
        assert_int_equal(changelog.items[0]->delete_rows, 4);
        assert_true(str_starts(changelog.items[0]->name, STR("changelog-u-")));
        sort_buffer_free(b);
        fixture_release(&f);
    }
}

/* Sequence numbers that go back: order is by number, equal ones by arrival. */
static void order_by_sequence(void **state)
{
    (void)state;
    for (enum shape shape = 0; shape < SHAPE_COUNT; shape++) {
        struct fixture f;
        fixture_init(&f, shape);
        struct error err;
        struct sort_buffer *b = sort_buffer_new(f.schema, &f.layout, NULL);
        add(&f, b, ROW_INSERT, 1, 9, 1);
        add(&f, b, ROW_INSERT, 1, 3, 2);
        add(&f, b, ROW_INSERT, 2, 5, 3);
        add(&f, b, ROW_INSERT, 2, 5, 4);
        struct run_files data = {0};
        struct sort_buffer_flush flush = {.data = &f.data};
        assert_true(sort_buffer_flush(b, &flush, &f.arena, &data, NULL, &err));
        struct record got[4];
        static const struct record want[] = {{1, 9, 1, ROW_INSERT}, {2, 5, 4, ROW_INSERT}};
        expect(got, fixture_read(&f, data.items[0], got, 4), want, 2);
        sort_buffer_free(b);
        fixture_release(&f);
    }
}

/* Many rows in several orders come out ascending and whole; files roll and do not overlap. */
static void sorts_many(void **state)
{
    (void)state;
    enum { ROWS = 5000 };
    static struct record got[ROWS];
    for (enum shape shape = 0; shape < SHAPE_COUNT; shape++) {
        for (int order = 0; order < 4; order++) {
            struct fixture f;
            fixture_init(&f, shape);
            f.data.target_file_bytes = 1;
            struct error err;
            struct sort_buffer *b = sort_buffer_new(f.schema, &f.layout, NULL);
            for (int64_t i = 0; i < ROWS; i++) {
                int64_t key = order == 0   ? i
                              : order == 1 ? ROWS - 1 - i
                              : order == 2 ? i * 3001 % ROWS
                                           : (i / 2 + i % 2 * (ROWS / 2)); /* two runs */
                add(&f, b, ROW_INSERT, key, i, key * 2);
            }
            assert_true(sort_buffer_bytes(b) > ROWS * 40);
            struct run_files data = {0};
            struct sort_buffer_flush flush = {.data = &f.data, .unique_keys = true};
            assert_true(sort_buffer_flush(b, &flush, &f.arena, &data, NULL, &err));
            assert_int_equal(data.count, ROWS / RUN_WRITER_CHECK_ROWS);
            size_t count = 0;
            for (size_t i = 0; i < data.count; i++) {
                count += fixture_read(&f, data.items[i], got + count, ROWS - count);
                assert_int_equal(data.items[i]->row_count, RUN_WRITER_CHECK_ROWS);
            }
            assert_int_equal(count, ROWS);
            for (int64_t i = 0; i < ROWS; i++) {
                assert_int_equal(got[i].key, i);
                assert_int_equal(got[i].n, i * 2);
            }
            sort_buffer_free(b);
            fixture_release(&f);
        }
    }
}

static void chunk_with_equal_keys(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, SHAPE_INT);
    struct error err = {0};
    struct sort_buffer *b = sort_buffer_new(f.schema, &f.layout, NULL);
    add(&f, b, ROW_INSERT, 1, 7, 1);
    add(&f, b, ROW_INSERT, 2, 7, 1);
    add(&f, b, ROW_INSERT, 2, 7, 2);
    struct run_files data = {0};
    struct run_files changelog = {0};
    struct sort_buffer_flush flush = {
        .data = &f.data, .changelog = &f.changelog, .unique_keys = true};
    assert_false(sort_buffer_flush(b, &flush, &f.arena, &data, &changelog, &err));
    assert_int_equal(err.code, FAIL_CORRUPT);
    assert_int_equal(f.memory.count, 0);
    assert_int_equal(data.count, 0);
    assert_int_equal(sort_buffer_rows(b), 3); /* still there */
    flush.unique_keys = false;
    assert_true(sort_buffer_flush(b, &flush, &f.arena, &data, &changelog, &err));
    assert_int_equal(data.items[0]->row_count, 2);
    assert_int_equal(changelog.items[0]->row_count, 3);
    sort_buffer_free(b);
    fixture_release(&f);
}

static void refuses_nulls(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, SHAPE_INT);
    struct error err = {0};
    struct sort_buffer *b = sort_buffer_new(f.schema, &f.layout, NULL);
    struct value row[3] = {{.state = VALUE_NULL}};
    assert_false(sort_buffer_add(b, ROW_INSERT, 1, row, &err));
    assert_int_equal(err.code, FAIL_SCHEMA);
    assert_non_null(strstr(err.text, "id"));
    f.schema->fields[0].type.nullable = true; /* primary-key.nullable: still no */
    assert_false(sort_buffer_add(b, ROW_INSERT, 1, row, &err));
    assert_int_equal(err.code, FAIL_SCHEMA);
    assert_int_equal(sort_buffer_rows(b), 0);
    struct run_files data = {0};
    struct sort_buffer_flush flush = {.data = &f.data};
    assert_true(sort_buffer_flush(b, &flush, &f.arena, &data, NULL, &err)); /* no rows, no file */
    assert_int_equal(data.count, 0);
    sort_buffer_free(b);
    fixture_release(&f);
}

static size_t resident_bytes(void)
{
    unsigned long size = 0;
    unsigned long resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%lu %lu", &size, &resident), 2);
    (void)fclose(f);
    return (size_t)resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* The figure for the budget is what the process really holds, and goes back when rows go. */
static void memory_goes_back(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, SHAPE_INT);
    struct sort_buffer *b = sort_buffer_new(f.schema, &f.layout, NULL);
    size_t before = resident_bytes();
    char text[200];
    memset(text, 'x', sizeof(text));
    struct error err;
    for (int64_t i = 0; i < 200000; i++) {
        struct value row[3] = {{.i = i, .state = VALUE_SET},
                               {.bytes = text, .len = sizeof(text), .state = VALUE_SET},
                               {.i = i, .state = VALUE_SET}};
        assert_true(sort_buffer_add(b, ROW_INSERT, i, row, &err));
    }
    size_t full = resident_bytes() - before;
    size_t told = sort_buffer_bytes(b);
    assert_true(told > 200000 * 220 && told < 200000 * 280);
    assert_true(full < told); /* told has the sort's room, too */
    assert_true(full > told / 2);
    sort_buffer_reset(b);
    assert_true(resident_bytes() < before + ((size_t)2 << 20));
    assert_true(sort_buffer_bytes(b) < 1000);
    sort_buffer_free(b);
    fixture_release(&f);
}

/* Keys that differ in more than 8 bytes: first columns of 8 and of 4 bytes that use them up. */
static void keys_longer_than_the_prefix(void **state)
{
    (void)state;
    enum { ROWS = 600 };
    for (int round = 0; round < 2; round++) {
        struct fixture f;
        fixture_init(&f, SHAPE_PAIR);
        enum type_kind kind = round == 0 ? TYPE_BIGINT : TYPE_INT;
        f.schema->fields[0].type = (struct type){.kind = kind};
        f.layout.fields[0].type = f.schema->fields[0].type;
        f.layout.fields[f.layout.key_count + 2].type = f.schema->fields[0].type;
        struct error err;
        struct sort_buffer *b = sort_buffer_new(f.schema, &f.layout, NULL);
        int64_t least = round == 0 ? INT64_MIN : INT32_MIN;
        for (int64_t i = 0; i < ROWS; i++) {
            int64_t place = i * 7 % ROWS; /* in the end; the number n */
            struct value row[4] = {
                {.i = place < ROWS / 2 ? least : -least - 1, .state = VALUE_SET},
                {.i = INT64_MIN + place * (INT64_MAX / ROWS), .state = VALUE_SET},
                {.state = VALUE_NULL},
                {.i = place, .state = VALUE_SET}};
            if (round == 1) {
                row[1].i = place * ((int64_t)1 << 20) + (place % 2 << 62); /* odd ones behind */
            }
            assert_true(sort_buffer_add(b, ROW_INSERT, i, row, &err));
        }
        struct run_files data = {0};
        struct sort_buffer_flush flush = {.data = &f.data, .unique_keys = true};
        assert_true(sort_buffer_flush(b, &flush, &f.arena, &data, NULL, &err)); /* checks order */
        assert_int_equal(data.count, 1);
        assert_int_equal(data.items[0]->row_count, ROWS);
        if (round == 0) {
            struct run_reader *r = NULL;
            struct run_row row;
            assert_true(run_reader_open(&f.origin, data.items[0], &r, &err));
            for (int64_t i = 0; i < ROWS; i++) {
                assert_int_equal(run_reader_next(r, &row, &err), NEXT_ROW);
                assert_int_equal(row.values[3].i, i);
            }
            run_reader_close(r);
        }
        sort_buffer_free(b);
        fixture_release(&f);
    }
}

#ifdef INLET_FAILPOINTS
/* In a child, which reads the environment anew: the flush fails at the point, leaves no file, and
 * works when tried again. */
static bool recovers_from(const char *point)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct fixture f;
        struct error err = {0};
        struct run_files data = {0};
        struct run_files changelog = {0};
        if (setenv("INLET_FAILPOINT", point, 1) != 0) {
            _exit(2);
        }
        fixture_init(&f, SHAPE_INT);
        struct sort_buffer *b = sort_buffer_new(f.schema, &f.layout, NULL);
        add(&f, b, ROW_INSERT, 1, 1, 1);
        add(&f, b, ROW_INSERT, 2, 2, 1);
        struct sort_buffer_flush flush = {.data = &f.data, .changelog = &f.changelog};
        bool failed = !sort_buffer_flush(b, &flush, &f.arena, &data, &changelog, &err) &&
                      err.code == FAIL_IO && f.memory.count == 0 && f.memory.open == 0 &&
                      data.count == 0 && changelog.count == 0 && sort_buffer_rows(b) == 2;
        bool again = sort_buffer_flush(b, &flush, &f.arena, &data, &changelog, &err) &&
                     f.memory.count == 2 && data.count == 1 && changelog.count == 1;
        _exit(failed && again ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* First of all: a process reads its failpoints once, at the first passage. */
static void failpoints(void **state)
{
    (void)state;
    assert_true(recovers_from("flush.before-sort=error"));
    assert_true(recovers_from("flush.mid-file=enospc"));
    assert_true(recovers_from("flush.after-file=error"));
    assert_false(recovers_from("compact.mid=error")); /* not on this path: nothing fails */
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef INLET_FAILPOINTS
        cmocka_unit_test(failpoints),
#endif
        cmocka_unit_test(merges_and_logs),
        cmocka_unit_test(order_by_sequence),
        cmocka_unit_test(sorts_many),
        cmocka_unit_test(chunk_with_equal_keys),
        cmocka_unit_test(refuses_nulls),
        cmocka_unit_test(memory_goes_back),
        cmocka_unit_test(keys_longer_than_the_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
