#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "sink/compact_task.h"

#include "tests/unit/lsm_fixture.h"

/* One key: its old row in the highest level, what came since (each record in a file of its own:
 * they are of one key), and the changelog of a compaction, as Paimon's wrappers make it
 * (paimon-write-path §4.2, the truth table of deduplicate). n stands for the value; 0: no record.
 */
struct story {
    const char *name;
    int64_t old; /* value of the old row */
    bool tombstone;
    struct record fresh[3];
    struct record changes[3];
    struct record distinct[3]; /* with row-deduplicate; the same as changes where it is all zero */
    bool same_distinct;
};

enum { O = 7, A = 1, B = 2, X = 9 };
#define I ROW_INSERT
#define D ROW_DELETE
#define UB ROW_UPDATE_BEFORE
#define UA ROW_UPDATE_AFTER

static const struct story stories[] = {
    {.name = "insert", .fresh = {{0, 0, A, I}}, .changes = {{0, 0, A, I}}, .same_distinct = true},
    {.name = "insert, update",
     .fresh = {{0, 0, A, I}, {0, 0, A, UB}, {0, 0, B, UA}},
     .changes = {{0, 0, B, I}},
     .same_distinct = true},
    {.name = "insert, delete", .fresh = {{0, 0, A, I}, {0, 0, A, D}}, .same_distinct = true},
    {.name = "delete of nothing", .fresh = {{0, 0, A, D}}, .same_distinct = true},
    {.name = "update of nothing",
     .fresh = {{0, 0, B, UA}},
     .changes = {{0, 0, B, I}},
     .same_distinct = true},
    {.name = "update",
     .old = O,
     .fresh = {{0, 0, B, UA}},
     .changes = {{0, 0, O, UB}, {0, 0, B, UA}},
     .same_distinct = true},
    {.name = "update to the same",
     .old = O,
     .fresh = {{0, 0, O, UA}},
     .changes = {{0, 0, O, UB}, {0, 0, O, UA}}},
    {.name = "delete with another image",
     .old = O,
     .fresh = {{0, 0, X, D}},
     .changes = {{0, 0, O, D}},
     .same_distinct = true},
    {.name = "delete, insert",
     .old = O,
     .fresh = {{0, 0, O, D}, {0, 0, B, I}},
     .changes = {{0, 0, O, UB}, {0, 0, B, UA}},
     .same_distinct = true},
    {.name = "update, delete",
     .old = O,
     .fresh = {{0, 0, B, UA}, {0, 0, B, D}},
     .changes = {{0, 0, O, D}},
     .same_distinct = true},
    {.name = "insert after a tombstone",
     .old = O,
     .tombstone = true,
     .fresh = {{0, 0, A, I}},
     .changes = {{0, 0, A, I}},
     .same_distinct = true},
    {.name = "delete after a tombstone",
     .old = O,
     .tombstone = true,
     .fresh = {{0, 0, A, D}},
     .same_distinct = true},
    {.name = "nothing new", .old = O, .same_distinct = true},
};
#define STORY_COUNT (sizeof stories / sizeof *stories)
#define TOP 5

static void write_one(struct fixture *f, int32_t level, struct record r, struct run_files *files)
{
    fixture_write(f, level, &r, 1, files);
}

struct built {
    struct run_files old; /* one file of the highest level */
    struct run_files fresh;
};

/* Key k tells story k. */
static void build(struct fixture *f, struct built *b)
{
    struct record old[STORY_COUNT];
    size_t count = 0;
    for (size_t k = 0; k < STORY_COUNT; k++) {
        if (stories[k].old != 0) {
            old[count++] = (struct record){(int64_t)k, (int64_t)k, stories[k].old,
                                           stories[k].tombstone ? D : I};
        }
    }
    fixture_write(f, TOP, old, count, &b->old);
    int64_t sequence = 100;
    for (size_t k = 0; k < STORY_COUNT; k++) {
        for (size_t i = 0; i < 3 && stories[k].fresh[i].n != 0; i++) {
            struct record r = stories[k].fresh[i];
            r.key = (int64_t)k;
            r.sequence = sequence++;
            write_one(f, 0, r, &b->fresh);
        }
    }
}

static void expect(struct fixture *f, const struct run_files *changelog, bool distinct)
{
    static struct record got[100];
    size_t count = 0;
    size_t at = 0;
    for (size_t i = 0; i < changelog->count; i++) {
        count += fixture_read(f, changelog->items[i], got + count, 100 - count);
    }
    for (size_t k = 0; k < STORY_COUNT; k++) {
        bool plain = !distinct || stories[k].same_distinct;
        const struct record *wanted = plain ? stories[k].changes : stories[k].distinct;
        for (size_t i = 0; i < 3 && wanted[i].n != 0; i++, at++) {
            bool same = at < count && got[at].key == (int64_t)k && got[at].n == wanted[i].n &&
                        got[at].kind == wanted[i].kind;
            if (!same) {
                fail_msg("story '%s', change %zu", stories[k].name, i);
            }
        }
    }
    assert_int_equal(at, count);
}

static void compact(struct fixture *f, const struct compact_work *work, bool distinct)
{
    struct compact_result r = {0};
    struct error err = {0};
    if (!compact_task_run(work, &f->arena, &r, &err)) {
        fail_msg("%s", err.text);
    }
    expect(f, &r.changelog, distinct);
    compact_task_abandon(work, &r); /* of the changelog, too: the fixture sees what is left */
}

static void all(void (*each)(struct fixture *f, struct compact_work *work,
                             struct run_target *target, struct built *b))
{
    for (int distinct = 0; distinct < 2; distinct++) {
        struct fixture f;
        struct built b = {0};
        fixture_init(&f, SHAPE_INT);
        build(&f, &b);
        struct run_target target = f.data;
        target.source = RUN_COMPACT;
        struct compact_work work = {.origin = &f.origin,
                                    .target = &target,
                                    .max_level = TOP,
                                    .changelog = {.target = &f.changelog,
                                                  .old = MERGE_OLD_LOOKUP,
                                                  .row_deduplicate = distinct == 1}};
        target.level = TOP;
        each(&f, &work, &target, &b);
        compact(&f, &work, distinct == 1);
        fixture_release(&f);
    }
}

/* The old rows are in files below the output, which are only looked at. */
static void below(struct fixture *f, struct compact_work *work, struct run_target *target,
                  struct built *b)
{
    (void)f;
    target->level = 2;
    work->files = b->fresh.items;
    work->file_count = b->fresh.count;
    work->older = b->old.items;
    work->older_count = b->old.count;
}

static void all_files(struct fixture *f, struct compact_work *work, struct run_target *target,
                      struct built *b)
{
    (void)target;
    for (size_t i = 0; i < b->old.count; i++) {
        run_files_add(&b->fresh, &f->arena, b->old.items[i]);
    }
    work->files = b->fresh.items;
    work->file_count = b->fresh.count;
    work->drop_deletes = true;
}

static void full(struct fixture *f, struct compact_work *work, struct run_target *target,
                 struct built *b)
{
    all_files(f, work, target, b);
    work->changelog.old = MERGE_OLD_TOP;
}

static void old_rows_below(void **state)
{
    (void)state;
    all(below);
}

static void old_rows_in_the_merge(void **state)
{
    (void)state;
    all(all_files);
}

static void into_the_highest_level(void **state)
{
    (void)state;
    all(full);
}

/* A full compaction that stops below the highest level has no changelog; neither has a lookup
 * compaction of files above level 0. */
static void no_changelog(void **state)
{
    (void)state;
    struct fixture f;
    struct built b = {0};
    struct compact_result r = {0};
    struct error err = {0};
    fixture_init(&f, SHAPE_INT);
    build(&f, &b);
    struct run_target target = f.data;
    target.source = RUN_COMPACT;
    target.level = 2;
    struct compact_work work = {.origin = &f.origin,
                                .target = &target,
                                .files = b.fresh.items,
                                .file_count = b.fresh.count,
                                .max_level = TOP,
                                .changelog = {.target = &f.changelog, .old = MERGE_OLD_TOP}};
    assert_true(compact_task_run(&work, &f.arena, &r, &err));
    assert_int_equal(r.changelog.count, 0);
    struct run_files higher = {0};
    for (size_t i = 0; i < r.after.count; i++) {
        run_files_add(&higher, &f.arena, r.after.items[i]);
    }
    run_files_add(&higher, &f.arena, b.old.items[0]);
    struct compact_result second = {0};
    target.level = TOP;
    work.files = higher.items;
    work.file_count = higher.count;
    work.changelog.old = MERGE_OLD_LOOKUP;
    assert_true(compact_task_run(&work, &f.arena, &second, &err));
    assert_int_equal(second.changelog.count, 0);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_rows_below),
        cmocka_unit_test(old_rows_in_the_merge),
        cmocka_unit_test(into_the_highest_level),
        cmocka_unit_test(no_changelog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
