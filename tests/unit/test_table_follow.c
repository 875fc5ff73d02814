/* A table that goes on to what others published: by their changes, or whole. */
#include <string.h>
#include <unistd.h>

#include "sink/binrow.h"
#include "sink/commit.h"
#include "sink/schema_file.h"
#include "sink/table_follow.h"
#include "tests/unit/lake_fixture.h"

struct world {
    struct lake lake;
    struct schema *shape;
    atomic_uint_fast64_t counter;
    struct table *writer; /* somebody else's */
    struct table *mine;
};

static struct table *open_table(struct world *w)
{
    const struct schema_option wanted[] = {{STR("bucket"), STR("1")},
                                           {STR("file.format"), STR("avro")}};
    struct table *t = NULL;
    struct stamp stamp;
    bool found;
    LAKE_OK(&w->lake, table_open(w->lake.fs, w->lake.root, STR("d"), STR("t"), w->shape, wanted, 2,
                                 STR("job"), &t, &found, &stamp, &w->lake.err));
    return t;
}

static struct table *open_mine(struct world *w)
{
    struct table *t = NULL;
    LAKE_OK(&w->lake,
            table_open_edit(w->lake.fs, w->lake.root, STR("d"), STR("t"), &t, &w->lake.err));
    return t;
}

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
    w->writer = open_table(w);
    w->mine = open_mine(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    table_free(w->writer);
    table_free(w->mine);
    schema_free(w->shape);
    lake_close(&w->lake);
    mem_free(w);
    return 0;
}

static struct data_file *file_named(struct arena *a, const char *name, int32_t level)
{
    struct data_file *f = arena_zalloc(a, sizeof *f);
    f->name = str_of(name);
    f->size_bytes = 100;
    f->row_count = 10;
    f->max_sequence = 7;
    f->min_key = f->max_key = f->key_stats.min = f->key_stats.max = binrow_empty;
    f->value_stats = f->key_stats;
    f->level = level;
    f->value_stats_cols_null = true;
    f->write_cols_null = true;
    f->first_row_id = -1;
    return f;
}

static void commit(struct world *w, enum snapshot_kind kind, const char *remove, const char *add,
                   enum stamp_state copy)
{
    struct commit_owner owner = {.user = STR("inlet-job"),
                                 .job = STR("job"),
                                 .epoch = 1,
                                 .file_uuid = "5f0d0b4e-3c0a-4c5d-9a68-8a3b6c1d2e3f",
                                 .file_counter = &w->counter};
    struct stamp_backfill backfill = {.state = copy};
    struct manifest_entry entries[2];
    size_t count = 0;
    bool reached = false;
    if (remove != NULL) {
        entries[count++] = (struct manifest_entry){MANIFEST_DELETE, binrow_empty, 0, 1,
                                                   file_named(&w->lake.arena, remove, 0)};
    }
    if (add != NULL) {
        entries[count++] = (struct manifest_entry){
            MANIFEST_ADD, binrow_empty, 0, 1,
            file_named(&w->lake.arena, add, kind == SNAPSHOT_COMPACT ? 5 : 0)};
    }
    struct commit_request r = {.kind = kind,
                               .identifier = w->writer->base.id + 1,
                               .entries = entries,
                               .entry_count = count,
                               .out_reached = &reached,
                               .position = w->writer->position,
                               .backfill = &backfill};
    LAKE_OK(&w->lake, commit_publish(w->writer, &owner, &r, &w->lake.err));
}

static void follow(struct world *w, bool moves)
{
    bool moved = false;
    LAKE_OK(&w->lake, table_follow_newest(w->mine, &moved, &w->lake.err));
    assert_int_equal(moved, moves);
    assert_int_equal(w->mine->base.id, w->writer->base.id);
    assert_int_equal(w->mine->base_digest, w->writer->base_digest);
    assert_int_equal(w->mine->metas.count, w->writer->metas.count);
}

/* So many live files, one of them of that name. */
static void expect_files(const struct table *t, size_t count, const char *one)
{
    const struct table_bucket *b = table_bucket_find(&t->buckets, binrow_empty, 0);
    bool found = false;
    assert_int_equal(b == NULL ? 0 : b->count, count);
    for (size_t i = 0; i < count; i++) {
        found = found || str_eq(b->files[i]->file->name, str_of(one));
    }
    assert_true(found);
}

static void remove_files(struct world *w, const char *pattern)
{
    char command[200];
    (void)snprintf(command, sizeof command, "rm %s/d.db/t/%s", w->lake.folder, pattern);
    assert_int_equal(system(command), 0);
}

static void changes_are_followed(void **state)
{
    struct world *w = *state;
    follow(w, false); /* no snapshot at all */
    commit(w, SNAPSHOT_APPEND, NULL, "a", STAMP_DONE);
    follow(w, true);
    expect_files(w->mine, 1, "a");
    assert_int_equal(table_bucket_find(&w->mine->buckets, binrow_empty, 0)->max_sequence, 7);
    commit(w, SNAPSHOT_APPEND, NULL, "b", STAMP_DONE);
    commit(w, SNAPSHOT_COMPACT, "a", "c", STAMP_DONE);
    follow(w, true);
    expect_files(w->mine, 2, "c");
    follow(w, false);
    commit(w, SNAPSHOT_OVERWRITE, "b", "d", STAMP_DONE);
    follow(w, true);
    expect_files(w->mine, 2, "d");
}

/* Of a change only its own manifest is read: those of before may be anywhere. */
static void only_the_delta_is_read(void **state)
{
    struct world *w = *state;
    commit(w, SNAPSHOT_APPEND, NULL, "a", STAMP_DONE);
    follow(w, true);
    char command[200];
    (void)snprintf(command, sizeof command,
                   "cd %s/d.db/t/manifest && mkdir old && mv manifest-[!l]* old", w->lake.folder);
    assert_int_equal(system(command), 0);
    commit(w, SNAPSHOT_APPEND, NULL, "b", STAMP_DONE);
    follow(w, true);
    expect_files(w->mine, 2, "a");
}

/* A delta that does not lead to the rows that the snapshot states is not believed. */
static void wrong_counts_are_read_whole(void **state)
{
    struct world *w = *state;
    commit(w, SNAPSHOT_APPEND, NULL, "a", STAMP_DONE);
    commit(w, SNAPSHOT_APPEND, NULL, "b", STAMP_DONE);
    LAKE_OK(&w->lake, table_load(w->mine, 1, &w->lake.err));
    table_bucket_find(&w->mine->buckets, binrow_empty, 0)->files[0]->file->row_count = 11;
    follow(w, true);
    expect_files(w->mine, 2, "b");
    assert_int_equal(
        table_bucket_find(&w->mine->buckets, binrow_empty, 0)->files[0]->file->row_count, 10);
}

static void lost_bases_are_replaced(void **state)
{
    struct world *w = *state;
    commit(w, SNAPSHOT_APPEND, NULL, "a", STAMP_DONE);
    follow(w, true);
    static const char *const names[] = {"b", "c", "d"};
    for (int i = 0; i < 3; i++) {
        commit(w, SNAPSHOT_APPEND, NULL, names[i], STAMP_DONE);
    }
    remove_files(w, "snapshot/snapshot-[12]"); /* expired */
    follow(w, true);
    expect_files(w->mine, 4, "a");
}

static void copies_are_seen(void **state)
{
    struct world *w = *state;
    commit(w, SNAPSHOT_APPEND, NULL, "a", STAMP_COPYING);
    follow(w, true);
    assert_true(w->mine->in_copy);
    table_free(w->mine);
    w->mine = open_mine(w);
    assert_false(w->mine->in_copy); /* not looked for yet */
    LAKE_OK(&w->lake, table_follow_copy(w->mine, &w->lake.err));
    assert_true(w->mine->in_copy);
    commit(w, SNAPSHOT_APPEND, NULL, "b", STAMP_DONE);
    follow(w, true);
    assert_false(w->mine->in_copy);
}

static void dropped_tables_are_named(void **state)
{
    struct world *w = *state;
    bool moved = false;
    remove_files(w, "schema/schema-0");
    assert_false(table_follow_newest(w->mine, &moved, &w->lake.err));
    assert_int_equal(w->lake.err.code, FAIL_DIVERGED);
    assert_non_null(strstr(w->lake.err.text, "dropped"));
}

static void damage_is_an_error(void **state)
{
    struct world *w = *state;
    bool moved = false;
    commit(w, SNAPSHOT_APPEND, NULL, "a", STAMP_DONE);
    remove_files(w, "manifest/manifest-[!l]*");
    assert_false(table_follow_newest(w->mine, &moved, &w->lake.err));
    assert_non_null(strstr(w->lake.err.text, "snapshot-1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(changes_are_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(only_the_delta_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_counts_are_read_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(lost_bases_are_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(copies_are_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(dropped_tables_are_named, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_is_an_error, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
