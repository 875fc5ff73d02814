/* Laws of compaction, on a bucket that is flushed and compacted at random: the newest record of
 * every key stays what it was, levels never overlap, tombstones leave only where nothing older can
 * be, and whatever call of the store fails, the files are those of before. INLET_SEED replays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "sink/compact_pick.h"
#include "sink/compact_task.h"
#include "sink/merge.h"

#include "tests/unit/lsm_fixture.h"

enum { KEYS = 3000, STEPS = 12 };

static uint64_t seed;

struct bucket {
    struct fixture f;
    struct run_files live;
    struct record newest[KEYS];
    bool has[KEYS];
    int64_t sequence;
    bool parts;
    struct compact_options options;
    struct compact_clock clock;
};

static void bucket_init(struct bucket *b, enum shape shape)
{
    memset(b, 0, sizeof(*b));
    fixture_init(&b->f, shape);
    b->options = compact_pick_defaults(2 + fixture_random(&seed) % 5);
    b->clock = (struct compact_clock){.last_full_ms = INT64_MIN};
    b->parts = fixture_random(&seed) % 3 == 0;
    b->f.data.target_file_bytes = 300 + fixture_random(&seed) % 6000;
}

/* A level-0 run over a range of keys: random, or a part of its own (so that files are upgraded). */
static void bucket_flush(struct bucket *b, int step)
{
    static struct record records[KEYS];
    size_t count = 0;
    size_t width = 1 + fixture_random(&seed) % (fixture_random(&seed) % 2 == 0 ? KEYS : 50);
    size_t from = fixture_random(&seed) % (KEYS - width + 1);
    if (b->parts) {
        width = KEYS / STEPS;
        from = width * (size_t)(step * 5 % STEPS);
    }
    uint64_t density = 1 + fixture_random(&seed) % 4;
    for (size_t key = from; key < from + width; key++) {
        if (fixture_random(&seed) % density != 0) {
            continue;
        }
        struct record r = {.key = (int64_t)key,
                           .sequence = b->sequence++,
                           .n = (int64_t)(fixture_random(&seed) % 1000),
                           .kind = ROW_INSERT};
        if (fixture_random(&seed) % 4 == 0) {
            r.kind = (uint8_t)(1 + fixture_random(&seed) % 3);
        }
        b->newest[key] = r;
        b->has[key] = true;
        records[count++] = r;
    }
    fixture_write(&b->f, 0, records, count, &b->live);
}

/* Everything merged: what a reader sees. */
static void bucket_check(struct bucket *b)
{
    struct arena arena = {0};
    struct error err;
    struct interval_sections sections;
    struct compact_levels levels; /* fails when a level overlaps */
    assert_true(compact_pick_levels(&b->f.layout, b->live.items, b->live.count,
                                    b->options.num_levels, &arena, &levels, &err));
    assert_true(
        interval_partition(&b->f.layout, b->live.items, b->live.count, &arena, &sections, &err));
    size_t key = 0;
    for (size_t i = 0; i < sections.count; i++) {
        struct merge_options options = {.layout = &b->f.layout, .drop_deletes = true};
        struct merge *m = NULL;
        assert_true(merge_open_runs(&options, &b->f.origin, &sections.items[i], NULL, 0, &m, &err));
        struct run_row row;
        enum next next;
        while ((next = merge_next(m, &row, &err)) == NEXT_ROW) {
            while (!b->has[key] || !row_kind_is_add((enum row_kind)b->newest[key].kind)) {
                key++;
                assert_true(key < KEYS);
            }
            assert_int_equal(fixture_key(&b->f, row.key), key);
            assert_int_equal(row.sequence, b->newest[key].sequence);
            assert_int_equal(row.kind, b->newest[key].kind);
            assert_int_equal(fixture_n(&b->f, row.values), b->newest[key].n);
            key++;
        }
        assert_int_equal(next, NEXT_END);
        merge_close(m);
    }
    for (; key < KEYS; key++) {
        assert_true(!b->has[key] || !row_kind_is_add((enum row_kind)b->newest[key].kind));
    }
    assert_int_equal(b->f.memory.open, 0);
    assert_int_equal(b->f.memory.count, b->live.count); /* no file unaccounted for */
    arena_release(&arena);
}

static struct data_file *live_find(const struct run_files *live, struct str name, int32_t level)
{
    for (size_t i = 0; i < live->count; i++) {
        if (str_eq(live->items[i]->name, name) && live->items[i]->level == level) {
            return live->items[i];
        }
    }
    return NULL;
}

/* Applies a result to the live files, and removes those that no level has any more. */
static void bucket_apply(struct bucket *b, const struct compact_result *r)
{
    struct run_files next = {0};
    for (size_t i = 0; i < r->before.count; i++) {
        assert_non_null(live_find(&b->live, r->before.items[i]->name, r->before.items[i]->level));
    }
    for (size_t i = 0; i < b->live.count; i++) {
        struct data_file *f = b->live.items[i];
        if (live_find(&r->before, f->name, f->level) == NULL) {
            run_files_add(&next, &b->f.arena, f);
        }
    }
    for (size_t i = 0; i < r->after.count; i++) {
        assert_null(live_find(&next, r->after.items[i]->name, r->after.items[i]->level));
        run_files_add(&next, &b->f.arena, r->after.items[i]);
    }
    for (size_t i = 0; i < r->before.count; i++) {
        struct str name = r->before.items[i]->name;
        bool kept = false;
        for (size_t k = 0; k < r->after.count; k++) {
            kept = kept || str_eq(r->after.items[k]->name, name);
        }
        if (!kept) {
            struct run_files one = {&r->before.items[i], 1, 1};
            run_writer_remove(b->f.fs, b->f.data.folder, &one);
        }
    }
    b->live = next;
}

struct planned {
    struct compact_work work;
    struct run_target target;
    struct run_files files;
    bool any;
};

static void bucket_plan(struct bucket *b, bool full, struct planned *p)
{
    struct error err;
    struct compact_levels levels;
    assert_true(compact_pick_levels(&b->f.layout, b->live.items, b->live.count,
                                    b->options.num_levels, &b->f.arena, &levels, &err));
    struct compact_unit unit =
        full ? compact_pick_full(levels.runs, levels.count, levels.max_level, &b->clock)
             : compact_pick(&b->options, levels.runs, levels.count, levels.max_level, &b->clock);
    *p = (struct planned){.any = unit.run_count > 0};
    compact_pick_files(levels.runs, unit, &b->f.arena, &p->files);
    p->target = b->f.data;
    p->target.level = unit.level;
    p->target.source = RUN_COMPACT;
    p->work = (struct compact_work){.origin = &b->f.origin,
                                    .target = &p->target,
                                    .files = p->files.items,
                                    .file_count = p->files.count,
                                    .max_level = levels.max_level,
                                    .drop_deletes = compact_pick_drops_deletes(&levels, unit),
                                    .small_file_bytes = b->f.data.target_file_bytes * 7 / 10,
                                    .fan_in = 2 + fixture_random(&seed) % 6};
}

static void compaction_keeps_the_fold(void **state)
{
    (void)state;
    size_t tasks = 0;
    size_t upgrades = 0;
    for (int round = 0; round < 40; round++) {
        struct bucket *b = MEM_NEW(struct bucket);
        bucket_init(b, (enum shape)(round % SHAPE_COUNT));
        for (int step = 0; step < STEPS; step++) {
            bucket_flush(b, step);
            struct planned p;
            bucket_plan(b, fixture_random(&seed) % 10 == 0, &p);
            if (!p.any) {
                continue;
            }
            struct compact_result r;
            struct error err;
            if (!compact_task_run(&p.work, &b->f.arena, &r, &err)) {
                fail_msg("%s", err.text);
            }
            tasks++;
            upgrades += r.after.count - r.created.count;
            for (size_t i = 0; i < r.after.count; i++) {
                const struct data_file *f = r.after.items[i];
                assert_int_equal(f->level, p.target.level);
                assert_true(!p.work.drop_deletes || f->level != p.work.max_level ||
                            f->delete_rows == 0);
            }
            bucket_apply(b, &r);
            bucket_check(b);
        }
        bucket_check(b);
        fixture_release(&b->f);
        mem_free(b);
    }
    print_message("%zu tasks, %zu upgrades\n", tasks, upgrades);
    assert_true(tasks > 80 && upgrades > 10);
}

static void failures_leave_nothing(void **state)
{
    (void)state;
    long fails = 0;
    for (int round = 0; round < 6; round++) {
        struct bucket *b = MEM_NEW(struct bucket);
        bucket_init(b, SHAPE_INT);
        b->f.data.target_file_bytes = 4000;
        for (int step = 0; step < 6; step++) {
            bucket_flush(b, step);
        }
        struct planned p;
        bucket_plan(b, true, &p);
        assert_true(p.any);
        p.work.fan_in = 3;
        struct error err;
        struct compact_result r;
        for (long n = 1;; n++) {
            b->f.memory.calls = 0;
            b->f.memory.fail_at = n;
            bool ok = compact_task_run(&p.work, &b->f.arena, &r, &err);
            bool injected = b->f.memory.calls >= n;
            b->f.memory.fail_at = 0;
            if (ok) {
                compact_task_abandon(&p.work, &r);
            } else {
                assert_int_equal(err.code, FAIL_IO);
                fails++;
            }
            bucket_check(b);
            if (!injected) {
                break;
            }
        }
        fixture_release(&b->f);
        mem_free(b);
    }
    assert_true(fails > 100);
}

int main(void)
{
    seed = fixture_seed();
    print_message("INLET_SEED=%" PRIu64 "\n", seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compaction_keeps_the_fold),
        cmocka_unit_test(failures_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
