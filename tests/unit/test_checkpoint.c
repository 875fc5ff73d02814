/* Checkpoint files and epochs, in a folder of their own. */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/checkpoint.h"
#include "agent/epoch.h"
#include "base/instant.h"
#include "base/mem.h"
#include "sink/paths.h"
#include "tests/unit/lake_fixture.h"

struct world {
    struct lake lake;
    struct stop *stop;
};

static int setup(void **state)
{
    struct world *w = MEM_NEW(struct world);
    lake_open(&w->lake);
    w->stop = stop_new();
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    stop_free(w->stop);
    lake_close(&w->lake);
    mem_free(w);
    return 0;
}

static struct checkpoint sample(struct checkpoint_table *tables, int64_t epoch, int64_t number)
{
    tables[0] = (struct checkpoint_table){
        .label = STR("shop.orders"),
        .uuid = STR("u-1"),
        .snapshot = 17,
        .state = TABLE_COPYING,
        .position = STR("1;binlog@gtid;a=0-4"),
        .backfill = {.state = STAMP_COPYING, .base = 3, .attempt = 2, .through = STR("x\"\n1")}};
    tables[1] = (struct checkpoint_table){.label = STR("shop.\xc3\xa4"),
                                          .uuid = STR("u-2"),
                                          .state = TABLE_PARKED,
                                          .code = FAIL_SCHEMA,
                                          .reason = STR("its shape changed: \"a\" is gone"),
                                          .position = STR("1;binlog@gtid;a=0-2"),
                                          .backfill = {.state = STAMP_DONE}};
    return (struct checkpoint){.epoch = epoch,
                               .number = number,
                               .mark = 99,
                               .time_ms = 5,
                               .position = STR("1;binlog@gtid;a=0-4"),
                               .tables = tables,
                               .table_count = 2};
}

static void written_is_read(void **state)
{
    struct world *w = *state;
    struct checkpoint_table tables[2];
    struct checkpoint c = sample(tables, 2, 7);
    struct checkpoint back;
    bool found = true;
    assert_true(
        checkpoint_load(w->lake.fs, w->lake.root, &w->lake.arena, &back, &found, &w->lake.err));
    assert_false(found);
    assert_true(checkpoint_write(w->lake.fs, w->lake.root, &c, &w->lake.err));
    assert_true(
        checkpoint_load(w->lake.fs, w->lake.root, &w->lake.arena, &back, &found, &w->lake.err));
    assert_true(found);
    assert_int_equal(back.mark, 99);
    assert_int_equal(back.table_count, 2);
    const struct checkpoint_table *t = checkpoint_find(&back, STR("shop.orders"));
    assert_non_null(t);
    assert_int_equal(t->snapshot, 17);
    assert_int_equal(t->state, TABLE_COPYING);
    assert_int_equal(t->code, FAIL_NONE);
    assert_int_equal(t->backfill.attempt, 2);
    assert_true(str_eq(t->backfill.through, STR("x\"\n1")));
    assert_true(str_eq(t->position, c.position));
    t = checkpoint_find(&back, STR("shop.\xc3\xa4"));
    assert_int_equal(t->state, TABLE_PARKED);
    assert_int_equal(t->code, FAIL_SCHEMA);
    assert_true(str_eq(t->reason, tables[1].reason));
    assert_true(str_eq(t->position, STR("1;binlog@gtid;a=0-2")));
    assert_null(checkpoint_find(&back, STR("shop.none")));
    /* The same number twice. */
    assert_false(checkpoint_write(w->lake.fs, w->lake.root, &c, &w->lake.err));
    assert_int_equal(w->lake.err.code, FAIL_CONFLICT);
}

static void the_highest_epoch_wins(void **state)
{
    struct world *w = *state;
    struct checkpoint_table tables[2];
    struct checkpoint back;
    bool found;
    const int64_t made[][2] = {{1, 5}, {1, 120}, {2, 3}, {2, 4}, {2, 10}};
    for (size_t i = 0; i < 5; i++) {
        struct checkpoint c = sample(tables, made[i][0], made[i][1]);
        assert_true(checkpoint_write(w->lake.fs, w->lake.root, &c, &w->lake.err));
    }
    assert_true(
        checkpoint_load(w->lake.fs, w->lake.root, &w->lake.arena, &back, &found, &w->lake.err));
    assert_int_equal(back.epoch, 2);
    assert_int_equal(back.number, 10);
    checkpoint_prune(w->lake.fs, w->lake.root, 2, 10, 1);
    struct fs_entry *entries = NULL;
    size_t count = 0;
    assert_true(w->lake.fs.ops->list(w->lake.fs.self, w->lake.root, &w->lake.arena, &entries,
                                     &count, &w->lake.err));
    assert_int_equal(count, 2); /* the newest and one before it */
}

/* Files of before the code was written down, and of a newer inlet with codes of its own. */
static void codes_of_others(void **state)
{
    struct world *w = *state;
    struct checkpoint back;
    bool found;
    const char *const codes[] = {"", "\"code\":\"melted\",", "\"code\":7,"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        char text[400];
        (void)snprintf(text, sizeof text,
                       "{\"version\":1,\"epoch\":1,\"number\":1,\"mark\":1,\"time_ms\":1,"
                       "\"position\":\"\",\"tables\":[{\"table\":\"a\",\"uuid\":\"u\",%s"
                       "\"snapshot\":1,\"state\":\"parked\",\"reason\":\"why\","
                       "\"backfill\":{\"state\":\"done\",\"base\":0,\"attempt\":0}}]}",
                       codes[i]);
        const char *path = paths_join(&w->lake.arena, w->lake.root, STR("checkpoint-1-1"));
        assert_true(w->lake.fs.ops->replace(w->lake.fs.self, path, str_of(text), &w->lake.err));
        LAKE_OK(&w->lake, checkpoint_load(w->lake.fs, w->lake.root, &w->lake.arena, &back, &found,
                                          &w->lake.err));
        assert_int_equal(back.tables[0].code, FAIL_DIVERGED);
        assert_true(str_eq(back.tables[0].reason, STR("why")));
    }
}

static void damage_is_named(void **state)
{
    struct world *w = *state;
    struct checkpoint back;
    bool found;
    const char *const texts[] = {
        "", "{", "{\"version\":2}", "{\"version\":1,\"epoch\":1}",
        ("{\"version\":1,\"epoch\":1,\"number\":1,\"mark\":1,\"time_ms\":1,"
         "\"position\":\"\",\"tables\":[{\"table\":\"a\"}]}")};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *path = paths_join(&w->lake.arena, w->lake.root, STR("checkpoint-1-1"));
        assert_true(w->lake.fs.ops->replace(w->lake.fs.self, path, str_of(texts[i]), &w->lake.err));
        assert_false(
            checkpoint_load(w->lake.fs, w->lake.root, &w->lake.arena, &back, &found, &w->lake.err));
        assert_non_null(strstr(w->lake.err.text, "checkpoint-1-1"));
    }
    assert_non_null(strstr(w->lake.err.text, "uuid"));
}

static void epochs_count_up(void **state)
{
    struct world *w = *state;
    struct epoch first;
    struct epoch second;
    assert_true(epoch_claim(w->lake.fs, w->lake.root, 100, false, w->stop, &first, &w->lake.err));
    assert_int_equal(first.number, 1);
    assert_true(epoch_check(&first, &w->lake.err));
    assert_true(epoch_end(&first, &w->lake.err));
    uint64_t began = instant_mono_ms();
    assert_true(
        epoch_claim(w->lake.fs, w->lake.root, 10000, false, w->stop, &second, &w->lake.err));
    assert_true(instant_mono_ms() - began < 2000); /* ended in order: no watching */
    assert_int_equal(second.number, 2);
    struct epoch_left *left = NULL;
    size_t count = 0;
    assert_true(epoch_leftovers(&second, &w->lake.arena, &left, &count, &w->lake.err));
    assert_int_equal(count, 1);
    assert_true(left[0].gone);
    assert_string_equal(left[0].uuid, first.uuid);
    assert_true(epoch_forget(&second, 1, &w->lake.err));
    assert_true(epoch_leftovers(&second, &w->lake.arena, &left, &count, &w->lake.err));
    assert_int_equal(count, 0);
    assert_false(epoch_check(&first, &w->lake.err));
    assert_int_equal(w->lake.err.code, FAIL_OWNED);
}

static void a_dead_owner_is_followed_at_once(void **state)
{
    struct world *w = *state;
    struct epoch next;
    pid_t child = fork();
    if (child == 0) {
        struct epoch e;
        struct error err;
        _exit(epoch_claim(w->lake.fs, w->lake.root, 60000, false, w->stop, &e, &err) ? 0 : 1);
    }
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    uint64_t began = instant_mono_ms();
    assert_true(epoch_claim(w->lake.fs, w->lake.root, 60000, false, w->stop, &next, &w->lake.err));
    assert_true(instant_mono_ms() - began < 5000);
    struct epoch_left *left = NULL;
    size_t count = 0;
    assert_true(epoch_leftovers(&next, &w->lake.arena, &left, &count, &w->lake.err));
    assert_int_equal(count, 1);
    assert_true(left[0].gone);
    assert_int_equal(next.number, 2);
}

static void a_silent_owner_is_watched(void **state)
{
    struct world *w = *state;
    struct epoch mine;
    struct epoch next;
    assert_true(epoch_claim(w->lake.fs, w->lake.root, 100, false, w->stop, &mine, &w->lake.err));
    /* This process lives: three intervals of silence. */
    uint64_t began = instant_mono_ms();
    assert_true(epoch_claim(w->lake.fs, w->lake.root, 100, false, w->stop, &next, &w->lake.err));
    assert_true(instant_mono_ms() - began >= 300);
    struct epoch_left *left = NULL;
    size_t count = 0;
    assert_true(epoch_leftovers(&next, &w->lake.arena, &left, &count, &w->lake.err));
    assert_int_equal(count, 1);
    assert_false(left[0].gone);
    began = instant_mono_ms();
    assert_true(epoch_claim(w->lake.fs, w->lake.root, 60000, true, w->stop, &next, &w->lake.err));
    assert_true(instant_mono_ms() - began < 5000);
}

static void a_live_owner_keeps_the_job(void **state)
{
    struct world *w = *state;
    struct epoch mine;
    struct epoch next;
    assert_true(epoch_claim(w->lake.fs, w->lake.root, 400, false, w->stop, &mine, &w->lake.err));
    pid_t child = fork();
    if (child == 0) {
        struct checkpoint_table tables[2];
        struct error err;
        bool ok = true;
        for (int64_t n = 1; ok && n <= 8; n++) {
            struct checkpoint c = sample(tables, 1, n);
            ok = !stop_wait(w->stop, 200) && checkpoint_write(w->lake.fs, w->lake.root, &c, &err);
        }
        _exit(ok ? 0 : 1);
    }
    assert_false(epoch_claim(w->lake.fs, w->lake.root, 400, false, w->stop, &next, &w->lake.err));
    assert_int_equal(w->lake.err.code, FAIL_OWNED);
    assert_non_null(strstr(w->lake.err.text, "--take-over"));
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(written_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(the_highest_epoch_wins, setup, teardown),
        cmocka_unit_test_setup_teardown(codes_of_others, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(epochs_count_up, setup, teardown),
        cmocka_unit_test_setup_teardown(a_dead_owner_is_followed_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_silent_owner_is_watched, setup, teardown),
        cmocka_unit_test_setup_teardown(a_live_owner_keeps_the_job, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
