#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "sink/compact_task.h"

#include "tests/unit/lsm_fixture.h"

struct setup {
    struct fixture f;
    struct run_files files;
    struct run_target target;
    struct compact_work work;
};

static void setup_init(struct setup *s)
{
    memset(s, 0, sizeof(*s));
    fixture_init(&s->f, SHAPE_INT);
}

/* A file of rows from…to at a level; every `deletes`-th row a delete (0: none). */
static void add_file(struct setup *s, int32_t level, int64_t from, int64_t to, int64_t sequence,
                     int64_t deletes)
{
    static struct record records[2000];
    size_t count = 0;
    for (int64_t key = from; key <= to; key++) {
        bool gone = deletes > 0 && (key - from) % deletes == 0;
        records[count++] =
            (struct record){key, sequence++, key, gone ? ROW_DELETE : ROW_UPDATE_AFTER};
    }
    fixture_write(&s->f, level, records, count, &s->files);
}

static void run(struct setup *s, int32_t level, bool drop_deletes, uint64_t small_file_bytes,
                struct compact_result *r)
{
    s->target = s->f.data;
    s->target.level = level;
    s->target.source = RUN_COMPACT;
    s->work = (struct compact_work){.origin = &s->f.origin,
                                    .target = &s->target,
                                    .files = s->files.items,
                                    .file_count = s->files.count,
                                    .max_level = 5,
                                    .drop_deletes = drop_deletes,
                                    .rewrite_all = s->work.rewrite_all,
                                    .small_file_bytes = small_file_bytes};
    struct error err = {0};
    if (!compact_task_run(&s->work, &s->f.arena, r, &err)) {
        fail_msg("%s", err.text);
    }
}

static void overlap_is_rewritten(void **state)
{
    (void)state;
    struct setup s;
    setup_init(&s);
    add_file(&s, 5, 0, 99, 0, 0);
    add_file(&s, 0, 50, 149, 1000, 2); /* deletes 50, 52, … */
    struct compact_result r;
    run(&s, 5, true, 0, &r);
    assert_int_equal(r.before.count, 2);
    assert_int_equal(r.after.count, 1);
    assert_int_equal(r.created.count, 1);
    assert_int_equal(r.after.items[0]->row_count, 100);
    assert_int_equal(r.after.items[0]->delete_rows, 0);
    assert_int_equal(r.after.items[0]->level, 5);
    assert_int_equal(r.after.items[0]->source, 1);
    assert_int_equal(r.rows_read, 200);
    assert_int_equal(r.rows_written, 100);
    assert_true(r.bytes_read > 0 && r.bytes_written > 0);
    static struct record got[200];
    assert_int_equal(fixture_read(&s.f, r.after.items[0], got, 200), 100);
    assert_int_equal(got[50].key, 51);
    assert_int_equal(got[50].sequence, 1001); /* keeps number and kind */
    assert_int_equal(got[50].kind, ROW_UPDATE_AFTER);
    assert_int_equal(s.f.memory.count, 3);
    compact_task_abandon(&s.work, &r);
    assert_int_equal(s.f.memory.count, 2);

    run(&s, 4, false, 0, &r); /* below the top deletes stay */
    assert_int_equal(r.after.items[0]->row_count, 150);
    assert_int_equal(r.after.items[0]->delete_rows, 50);
    fixture_release(&s.f);
}

static void big_files_move(void **state)
{
    (void)state;
    struct setup s;
    setup_init(&s);
    add_file(&s, 0, 0, 99, 0, 0);
    add_file(&s, 5, 100, 199, 100, 0); /* at the level already: in neither list */
    add_file(&s, 3, 200, 299, 200, 0);
    struct compact_result r;
    run(&s, 5, true, 1, &r);
    assert_int_equal(r.before.count, 2);
    assert_int_equal(r.after.count, 2);
    assert_int_equal(r.created.count, 0);
    assert_int_equal(r.rows_read, 0);
    for (size_t i = 0; i < 2; i++) {
        const struct data_file *b = r.before.items[i];
        struct data_file *a = data_file_copy(&s.f.arena, r.after.items[i]);
        assert_int_equal(a->level, 5);
        assert_true(str_eq(a->name, b->name));
        assert_int_equal(b->level, i == 0 ? 0 : 3);
        assert_int_equal(a->source, 0); /* nothing but the level changes */
        assert_int_equal(a->creation_ms, b->creation_ms);
    }
    compact_task_abandon(&s.work, &r);
    assert_int_equal(s.f.memory.count, 3); /* an upgraded file is never removed */
    fixture_release(&s.f);
}

static void deletes_at_the_top(void **state)
{
    (void)state;
    struct setup s;
    setup_init(&s);
    add_file(&s, 0, 0, 99, 0, 10);
    struct compact_result r;
    run(&s, 5, true, 1, &r); /* may not be moved: its deletes have to go */
    assert_int_equal(r.created.count, 1);
    assert_int_equal(r.after.items[0]->row_count, 90);
    run(&s, 4, false, 1, &r); /* below the top it moves with them */
    assert_int_equal(r.created.count, 0);
    run(&s, 5, false, 1, &r); /* table in copy: deletes stay anyway, so a rewrite gains nothing */
    assert_int_equal(r.created.count, 0);
    s.files.items[0]->delete_rows = -1; /* unknown counts as some */
    run(&s, 5, true, 1, &r);
    assert_int_equal(r.created.count, 1);
    s.files.items[0]->delete_rows = 0;
    run(&s, 5, true, 1, &r);
    assert_int_equal(r.created.count, 0);
    s.work.rewrite_all = true;
    run(&s, 5, true, 1, &r);
    assert_int_equal(r.created.count, 1);
    fixture_release(&s.f);
}

static void nothing_but_deletes(void **state)
{
    (void)state;
    struct setup s;
    setup_init(&s);
    add_file(&s, 0, 0, 9, 0, 1);
    add_file(&s, 0, 0, 9, 10, 1);
    struct compact_result r;
    run(&s, 5, true, 1, &r);
    assert_int_equal(r.before.count, 2);
    assert_int_equal(r.after.count, 0);
    assert_int_equal(s.f.memory.count, 2);
    fixture_release(&s.f);
}

/* Small files go together with what stands beside them; a big one in between keeps its place. */
static void small_files(void **state)
{
    (void)state;
    struct setup s;
    setup_init(&s);
    add_file(&s, 0, 0, 9, 0, 0);
    add_file(&s, 0, 10, 19, 10, 0);
    add_file(&s, 0, 1000, 2999, 20, 0);
    add_file(&s, 0, 3000, 3009, 3000, 0);
    uint64_t big = (uint64_t)s.files.items[2]->size_bytes;
    struct compact_result r;
    run(&s, 5, true, big, &r);
    /* the first two into one; the big one moved; a lone small one has nothing to merge with */
    assert_int_equal(r.before.count, 4);
    assert_int_equal(r.after.count, 3);
    assert_int_equal(r.created.count, 1);
    assert_int_equal(r.after.items[0]->row_count, 20);
    assert_true(str_eq(r.after.items[1]->name, s.files.items[2]->name));
    assert_true(str_eq(r.after.items[2]->name, s.files.items[3]->name));

    run(&s, 5, true, big + 1, &r); /* all are small */
    assert_int_equal(r.after.count, 1);
    assert_int_equal(r.after.items[0]->row_count, 2030);
    fixture_release(&s.f);
}

static void output_rolls(void **state)
{
    (void)state;
    struct setup s;
    setup_init(&s);
    add_file(&s, 0, 0, 1999, 0, 0);
    add_file(&s, 0, 1000, 2999, 5000, 0);
    s.f.data.target_file_bytes = 1;
    struct compact_result r;
    run(&s, 5, true, 0, &r);
    assert_int_equal(r.after.count, 3);
    assert_int_equal(r.created.count, 3);
    compact_task_abandon(&s.work, &r);
    assert_int_equal(s.f.memory.count, 2);
    fixture_release(&s.f);
}

static void stopped(void **state)
{
    (void)state;
    struct setup s;
    setup_init(&s);
    add_file(&s, 0, 0, 99, 0, 0);
    add_file(&s, 0, 0, 99, 100, 0);
    struct compact_result r = {.rows_read = 77};
    run(&s, 5, true, 0, &r);
    compact_task_abandon(&s.work, &r);
    struct stop *stop = stop_new();
    stop_request(stop);
    s.work.stop = stop;
    struct error err = {0};
    struct compact_result untouched = {.rows_read = 77};
    assert_false(compact_task_run(&s.work, &s.f.arena, &untouched, &err));
    assert_int_equal(err.code, FAIL_STOPPED);
    assert_int_equal(untouched.rows_read, 77);
    assert_int_equal(s.f.memory.count, 2);
    stop_free(stop);
    fixture_release(&s.f);
}

/* A file whose rows are out of order must not take the process down, nor become a run. */
static void damaged_input(void **state)
{
    (void)state;
    struct setup s;
    setup_init(&s);
    struct error err = {0};
    s.f.data.equal_keys = true; /* lets the writer take the same key twice */
    static const struct record twice[] = {{1, 1, 1, ROW_INSERT}, {1, 2, 2, ROW_INSERT}};
    fixture_write(&s.f, 0, twice, 2, &s.files);
    fixture_write(&s.f, 0, twice, 1, &s.files);
    s.f.data.equal_keys = false;
    s.target = s.f.data;
    s.target.level = 5;
    s.target.source = RUN_COMPACT;
    s.work = (struct compact_work){.origin = &s.f.origin,
                                   .target = &s.target,
                                   .files = s.files.items,
                                   .file_count = 2,
                                   .max_level = 5};
    struct compact_result r;
    assert_false(compact_task_run(&s.work, &s.f.arena, &r, &err));
    assert_int_equal(err.code, FAIL_CORRUPT);
    assert_int_equal(s.f.memory.count, 2);
    assert_int_equal(s.f.memory.open, 0);
    fixture_release(&s.f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overlap_is_rewritten),
        cmocka_unit_test(big_files_move),
        cmocka_unit_test(deletes_at_the_top),
        cmocka_unit_test(nothing_but_deletes),
        cmocka_unit_test(small_files),
        cmocka_unit_test(output_rolls),
        cmocka_unit_test(stopped),
        cmocka_unit_test(damaged_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
