/* The fence: what a commit finds in front of it, and what becomes of it. Real files in a folder of
 * its own. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "sink/binrow.h"
#include "sink/commit.h"
#include "sink/paths.h"
#include "sink/schema_file.h"
#include "tests/unit/lake_fixture.h"

struct world {
    struct lake lake;
    struct schema *shape;
    atomic_uint_fast64_t counter;
};

static int setup(void **state)
{
    struct world *w = MEM_NEW(struct world);
    lake_open(&w->lake);
    w->shape = schema_new();
    w->shape->fields = ARENA_ARRAY(&w->shape->arena, struct schema_field, 1);
    w->shape->fields[0] = (struct schema_field){.name = STR("id"), .type = {.kind = TYPE_INT}};
    w->shape->field_count = 1;
    w->shape->primary_key = ARENA_ARRAY(&w->shape->arena, size_t, 1);
    w->shape->primary_key_count = 1;
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    schema_free(w->shape);
    lake_close(&w->lake);
    mem_free(w);
    return 0;
}

static struct table *open_table(struct world *w)
{
    const struct schema_option wanted[] = {{STR("bucket"), STR("1")},
                                           {STR("file.format"), STR("avro")}};
    struct table *t = NULL;
    struct stamp stamp;
    bool found;
    if (!table_open(w->lake.fs, w->lake.root, STR("d"), STR("t"), w->shape, wanted, 2, STR("job"),
                    &t, &found, &stamp, &w->lake.err)) {
        fail_msg("%s", w->lake.err.text);
    }
    return t;
}

static struct commit_owner owner_of(struct world *w, int64_t epoch)
{
    return (struct commit_owner){.user = STR("inlet-job"),
                                 .job = STR("job"),
                                 .epoch = epoch,
                                 .file_uuid = "5f0d0b4e-3c0a-4c5d-9a68-8a3b6c1d2e3f",
                                 .file_counter = &w->counter};
}

/* A file that only its metadata knows: a commit never opens data files. */
static struct data_file *file_named(struct arena *a, const char *name, int32_t level)
{
    struct data_file *f = arena_zalloc(a, sizeof *f);
    f->name = str_of(name);
    f->size_bytes = 100;
    f->row_count = 10;
    f->min_key = binrow_empty;
    f->max_key = binrow_empty;
    f->key_stats.min = binrow_empty;
    f->key_stats.max = binrow_empty;
    f->value_stats = f->key_stats;
    f->level = level;
    f->delete_rows = 0;
    f->value_stats_cols_null = true;
    f->write_cols_null = true;
    f->first_row_id = -1;
    return f;
}

struct made {
    enum snapshot_kind kind;
    const char *remove;
    const char *add;
    int64_t identifier;
};

static bool commit(struct world *w, struct table *t, const struct commit_owner *owner,
                   struct made m)
{
    struct manifest_entry entries[2];
    size_t count = 0;
    struct stamp_backfill backfill = {.state = STAMP_DONE};
    bool reached = false;
    if (m.remove != NULL) {
        entries[count++] = (struct manifest_entry){MANIFEST_DELETE, binrow_empty, 0, 1,
                                                   file_named(&w->lake.arena, m.remove, 0)};
    }
    if (m.add != NULL) {
        entries[count++] = (struct manifest_entry){
            MANIFEST_ADD, binrow_empty, 0, 1,
            file_named(&w->lake.arena, m.add, m.kind == SNAPSHOT_COMPACT ? 5 : 0)};
    }
    struct commit_request r = {.kind = m.kind,
                               .identifier = m.identifier,
                               .entries = entries,
                               .entry_count = count,
                               .out_reached = &reached,
                               .position = t->position,
                               .backfill = &backfill};
    return commit_publish(t, owner, &r, &w->lake.err);
}

static struct made append(const char *name, int64_t identifier)
{
    return (struct made){.kind = SNAPSHOT_APPEND, .add = name, .identifier = identifier};
}

static void expect(struct world *w, bool ok, enum fail code, const char *part)
{
    assert_false(ok);
    if (w->lake.err.code != code || strstr(w->lake.err.text, part) == NULL) {
        fail_msg("%s: %s", error_name(w->lake.err.code), w->lake.err.text);
    }
}

static void commits_follow_each_other(void **state)
{
    struct world *w = *state;
    struct table *t = open_table(w);
    struct commit_owner me = owner_of(w, 1);
    char name[32];
    for (int i = 1; i <= 70; i++) { /* past merge-min-count: manifests are merged on the way */
        (void)snprintf(name, sizeof name, "data-%d.avro", i);
        if (!commit(w, t, &me, append(arena_cstr(&w->lake.arena, str_of(name)), i))) {
            fail_msg("%s", w->lake.err.text);
        }
        assert_int_equal(t->base.id, i);
    }
    assert_int_equal(t->base.total_rows, 700);
    assert_true(t->metas.count < 45);
    struct table *again = open_table(w);
    assert_int_equal(again->buckets.items[0]->count, 70);
    assert_int_equal(again->last_own_snapshot, 70);
    assert_int_equal(again->metas.count, t->metas.count);
    table_free(again);
    table_free(t);
}

static void a_higher_epoch_stops_us(void **state)
{
    struct world *w = *state;
    struct commit_owner old = owner_of(w, 1);
    struct commit_owner new = owner_of(w, 2);
    struct table *paused = open_table(w);
    assert_true(commit(w, paused, &old, append("a.avro", 1)));
    struct table *t = open_table(w);
    assert_true(commit(w, t, &new, append("b.avro", 1)));
    expect(w, commit(w, paused, &old, append("c.avro", 2)), FAIL_OWNED, "newer agent");
    struct table *after = open_table(w);
    assert_int_equal(after->base.id, 2);
    table_free(after);
    table_free(t);
    table_free(paused);
}

static void a_lower_epoch_that_slipped_in_is_found(void **state)
{
    struct world *w = *state;
    struct commit_owner old = owner_of(w, 1);
    struct commit_owner new = owner_of(w, 2);
    struct table *paused = open_table(w);
    struct table *t = open_table(w); /* the new owner has not committed yet */
    assert_true(commit(w, paused, &old, append("a.avro", 7)));
    expect(w, commit(w, t, &new, append("b.avro", 1)), FAIL_CONFLICT, "slipped in");
    expect(w, commit_look(t, &new, &w->lake.err), FAIL_CONFLICT, "slipped in");
    table_free(t);
    table_free(paused);
}

static void a_lost_answer_is_recognised(void **state)
{
    struct world *w = *state;
    struct commit_owner me = owner_of(w, 3);
    struct table *before = open_table(w);
    struct table *t = open_table(w);
    assert_true(commit(w, before, &me, append("a.avro", 9)));
    /* The same user, identifier and kind: this is ours, published but not heard of. */
    assert_true(commit(w, t, &me, append("a.avro", 9)));
    assert_int_equal(t->base.id, 1);
    assert_int_equal(t->buckets.items[0]->count, 1);
    table_free(before);
    table_free(t);
}

static void foreign_kinds(void **state)
{
    struct world *w = *state;
    struct commit_owner me = owner_of(w, 1);
    struct commit_owner foreign = {.user = STR("flink"),
                                   .job = STR("other"),
                                   .epoch = 9,
                                   .file_uuid = me.file_uuid,
                                   .file_counter = &w->counter};
    struct table *t = open_table(w);
    assert_true(commit(w, t, &me, append("a.avro", 1)));
    struct table *other = open_table(w);

    /* A foreign compaction changes files, not rows: we go on with its files. */
    assert_true(commit(w, other, &foreign,
                       (struct made){.kind = SNAPSHOT_COMPACT,
                                     .remove = "a.avro",
                                     .add = "compacted.avro",
                                     .identifier = 1}));
    assert_true(commit(w, t, &me, append("b.avro", 2)));
    assert_int_equal(t->base.id, 3);
    assert_int_equal(t->buckets.items[0]->count, 2);

    /* Our compaction of what it compacted is lost, and only that. */
    expect(w,
           commit(w, t, &me,
                  (struct made){.kind = SNAPSHOT_COMPACT,
                                .remove = "a.avro",
                                .add = "mine.avro",
                                .identifier = 2}),
           FAIL_CONFLICT, "a.avro");

    assert_true(commit_look(other, &foreign, &w->lake.err) || w->lake.err.code == FAIL_CONFLICT);
    struct table *writer = open_table(w);
    assert_true(commit(w, writer, &foreign, append("theirs.avro", 2)));
    expect(w, commit(w, t, &me, append("c.avro", 3)), FAIL_CONFLICT, "added rows");

    struct table *reopened = open_table(w);
    assert_int_equal(reopened->last_own_snapshot, 3);
    assert_true(
        commit(w, writer, &foreign,
               (struct made){.kind = SNAPSHOT_OVERWRITE, .add = "all.avro", .identifier = 3}));
    expect(w, commit_look(reopened, &me, &w->lake.err), FAIL_DIVERGED, "overwrote");
    table_free(reopened);
    table_free(writer);
    table_free(other);
    table_free(t);
}

static void remove_file(const char *path)
{
    assert_int_equal(unlink(path), 0);
}

static void rollback_and_drop_are_noticed(void **state)
{
    struct world *w = *state;
    struct commit_owner me = owner_of(w, 1);
    struct table *empty = open_table(w);
    struct table *t = open_table(w);
    assert_true(commit(w, t, &me, append("a.avro", 1)));
    assert_true(commit(w, t, &me, append("b.avro", 2)));
    remove_file(paths_snapshot(&w->lake.arena, t->path, 2));
    expect(w, commit(w, t, &me, append("c.avro", 3)), FAIL_DIVERGED, "rolled back");

    remove_file(paths_snapshot(&w->lake.arena, t->path, 1));
    remove_file(paths_schema(&w->lake.arena, t->path, 0));
    expect(w, commit(w, empty, &me, append("d.avro", 4)), FAIL_DIVERGED, "dropped");
    struct table *made_again = open_table(w);
    expect(w, commit(w, empty, &me, append("e.avro", 5)), FAIL_DIVERGED, "made again");
    table_free(made_again);
    table_free(empty);
    table_free(t);
}

/* Paimon's rollback takes snapshots away one after another; a commit may slip in between. */
static void a_rollback_across_a_commit_is_noticed(void **state)
{
    struct world *w = *state;
    struct commit_owner me = owner_of(w, 1);
    struct table *t = open_table(w);
    assert_true(commit(w, t, &me, append("a.avro", 1)));
    assert_true(commit(w, t, &me, append("b.avro", 2)));
    assert_true(commit(w, t, &me, append("c.avro", 3)));
    remove_file(paths_snapshot(&w->lake.arena, t->path, 2));
    expect(w, commit_look(t, &me, &w->lake.err), FAIL_DIVERGED, "snapshot-2 is missing");
    expect(w, commit(w, t, &me, append("d.avro", 4)), FAIL_DIVERGED, "snapshot-2 is missing");
    struct table *again = NULL;
    struct stamp stamp;
    bool found;
    expect(w,
           table_open(w->lake.fs, w->lake.root, STR("d"), STR("t"), w->shape, NULL, 0, STR("job"),
                      &again, &found, &stamp, &w->lake.err),
           FAIL_DIVERGED, "snapshot-2 is missing");
    remove_file(paths_snapshot(&w->lake.arena, t->path, 1)); /* now it is an expiry */
    assert_true(commit(w, t, &me, append("d.avro", 4)));
    table_free(t);
}

static void an_alter_by_others_is_noticed(void **state)
{
    struct world *w = *state;
    struct commit_owner me = owner_of(w, 1);
    struct table *t = open_table(w);
    t->schema->id = 1;
    assert_true(schema_file_publish(w->lake.fs, t->path, t->schema, &w->lake.err));
    t->schema->id = 0;
    expect(w, commit(w, t, &me, append("a.avro", 1)), FAIL_CONFLICT, "altered");
    table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(commits_follow_each_other, setup, teardown),
        cmocka_unit_test_setup_teardown(a_higher_epoch_stops_us, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lower_epoch_that_slipped_in_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_answer_is_recognised, setup, teardown),
        cmocka_unit_test_setup_teardown(foreign_kinds, setup, teardown),
        cmocka_unit_test_setup_teardown(rollback_and_drop_are_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rollback_across_a_commit_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(an_alter_by_others_is_noticed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
