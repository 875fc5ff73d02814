/* Whole jobs against the source in memory (tests/fake): copy, stream, breaks, drains, restarts,
 * tables set aside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/job.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "sink/paths.h"
#include "sink/schema_file.h"
#include "sink/table_scan.h"
#include "tests/fake/fake_source.h"

struct world {
    char folder[64];
    char job[128];
    const char *changelog;
    struct stop *drain;
};

static void write_job(struct world *w, const char *changelog)
{
    FILE *f = fopen(w->job, "w");
    assert_non_null(f);
    (void)fprintf(
        f,
        "source:\n  type: fake\nsink:\n  type: paimon\n  catalog.properties.metastore: filesystem\n"
        "  catalog.properties.warehouse: %s/lake\n  table.properties.bucket: 2\n  "
        "table.properties.changelog-producer: %s\n"
        "  table.properties.num-sorted-run.compaction-trigger: 3\n"
        "pipeline:\n  name: fake\n  checkpoint.interval: 100 ms\n  memory: 32 MiB\n",
        w->folder, changelog);
    assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
    struct world *w = MEM_NEW(struct world);
    (void)snprintf(w->folder, sizeof w->folder, "/tmp/inlet-job-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    (void)snprintf(w->job, sizeof w->job, "%s/job.yaml", w->folder);
    write_job(w, "none");
    w->drain = stop_new();
    fake_source_set_end(0);
    fake_source_notice_at(0);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf %s", w->folder);
    assert_int_equal(system(command), 0);
    stop_free(w->drain);
    mem_free(w);
    return 0;
}

static void collect(void *self, struct str line)
{
    buf_put_str(self, line);
    buf_put_byte(self, '\n');
}

static enum exit_code run(struct world *w, bool until_caught_up)
{
    struct job_options options = {.path = w->job, .until_caught_up = until_caught_up};
    return job_run(&options, w->drain);
}

/* The lake's rows equal the model after transactions 1…last. */
static void expect_lake(struct world *w, uint64_t last)
{
    struct arena a = {0};
    struct fs fs;
    struct error err = {0};
    struct schema *schema = NULL;
    struct snapshot snapshot;
    struct manifest_entries entries = {0};
    struct table_scan *scan = NULL;
    const struct value *values;
    const char *root;
    int64_t id = 0;
    bool found = false;
    char lake[96];
    (void)snprintf(lake, sizeof lake, "%s/lake", w->folder);
    assert_true(fs_open(str_of(lake), &a, &fs, &root, &err));
    const char *path = paths_table(&a, root, STR("fake"), STR("t"));
    assert_true(schema_file_latest(fs, path, &schema, &err));
    assert_true(snapshot_latest_id(fs, path, &id, &err));
    assert_true(snapshot_read(fs, path, id, &a, &snapshot, &found, &err) && found);
    assert_true(table_scan_plan(fs, path, &snapshot, &a, &entries, &err));
    struct table_scan_options o = {.fs = fs,
                                   .table_path = path,
                                   .schema = schema,
                                   .entries = entries.items,
                                   .entry_count = entries.count,
                                   .sorted = true};
    assert_true(table_scan_open(&o, &scan, &err));
    for (int64_t key = 0; key < FAKE_KEYS; key++) {
        int64_t version = fake_source_version(key, last);
        if (version < 0) {
            continue;
        }
        if (table_scan_next(scan, &values, &err) != NEXT_ROW || values[0].i != key ||
            values[1].i != version) {
            fail_msg("key %lld: the lake has %lld at %lld, the source version %lld (%s)",
                     (long long)key, (long long)values[0].i, (long long)values[1].i,
                     (long long)version, err.text);
        }
    }
    assert_int_equal(table_scan_next(scan, &values, &err), NEXT_END);
    table_scan_close(scan);
    schema_free(schema);
    fs_close(&fs);
    arena_release(&a);
}

static void copy_then_resume(void **state)
{
    struct world *w = *state;
    fake_source_set_end(200);
    assert_int_equal(run(w, true), CODE_DONE);
    expect_lake(w, 200);
    fake_source_set_end(900);
    assert_int_equal(run(w, true), CODE_DONE);
    expect_lake(w, 900);
    assert_int_equal(fake_source_acked(), 900);
}

static void shared_copy_with_changelog(void **state)
{
    struct world *w = *state;
    write_job(w, "input");
    fake_source_set_end(150);
    assert_int_equal(run(w, true), CODE_DONE);
    expect_lake(w, 150);
    fake_source_set_end(400);
    assert_int_equal(run(w, true), CODE_DONE);
    expect_lake(w, 400);
}

struct background {
    struct world *w;
    enum exit_code code;
};

static void *run_in_background(void *arg)
{
    struct background *b = arg;
    b->code = run(b->w, false);
    return NULL;
}

static void stream_with_breaks_then_drain(void **state)
{
    struct world *w = *state;
    struct stop *clock = stop_new();
    struct background b = {.w = w};
    pthread_t thread;
    fake_source_set_end(50);
    assert_int_equal(pthread_create(&thread, NULL, run_in_background, &b), 0);
    for (uint64_t end = 50; end <= 2000; end += 25) {
        fake_source_set_end(end);
        if (end % 400 == 0) {
            fake_source_break();
        }
        (void)stop_wait(clock, 25);
    }
    for (int i = 0; i < 300 && fake_source_acked() < 2000; i++) {
        (void)stop_wait(clock, 50);
    }
    assert_int_equal(fake_source_acked(), 2000);
    stop_request(w->drain);
    (void)pthread_join(thread, NULL);
    assert_int_equal(b.code, CODE_DONE);
    expect_lake(w, 2000);
    stop_free(clock);
}

static void a_table_is_set_aside_where_its_shape_changed(void **state)
{
    struct world *w = *state;
    fake_source_set_end(100);
    assert_int_equal(run(w, true), CODE_DONE);
    fake_source_notice_at(160);
    fake_source_set_end(300);
    assert_int_equal(run(w, true), CODE_HUMAN); /* the only table */
    expect_lake(w, 159);
    fake_source_notice_at(0);
    for (int i = 0; i < 2; i++) { /* stays aside, for the same reason and under the same code */
        struct buf log = BUF_INIT(1u << 20);
        log_redirect(collect, &log);
        assert_int_equal(run(w, true), CODE_HUMAN);
        log_redirect(NULL, NULL);
        if (strstr(buf_cstr(&log), "event=table-parked table=fake.t code=schema ") == NULL) {
            fail_msg("%s", buf_cstr(&log));
        }
        buf_release(&log);
    }
    expect_lake(w, 159);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(copy_then_resume, setup, teardown),
        cmocka_unit_test_setup_teardown(shared_copy_with_changelog, setup, teardown),
        cmocka_unit_test_setup_teardown(stream_with_breaks_then_drain, setup, teardown),
        cmocka_unit_test_setup_teardown(a_table_is_set_aside_where_its_shape_changed, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
