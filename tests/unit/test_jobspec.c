#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "config/jobspec.h"

#define EXAMPLES TEST_DATA "/../../config/examples/"
#define SOURCE "source: {type: mysql, tables: a.b}\n"
#define SINK "sink: {type: paimon, catalog.properties.warehouse: /lake}\n"

static void refuse(const char *text, const char *says)
{
    struct error err = {0};
    struct jobspec j = {.source_type = STR("untouched")};
    if (jobspec_parse(str_of(text), "job.yaml", &j, &err)) {
        fail_msg("taken: %s", text);
    }
    assert_int_equal(err.code, FAIL_CONFIG);
    assert_string_equal(err.text, says);
    assert_true(str_eq(j.source_type, STR("untouched")));
}

static struct jobspec take(const char *text)
{
    struct error err = {0};
    struct jobspec j;
    if (!jobspec_parse(str_of(text), "job.yaml", &j, &err)) {
        fail_msg("%s", err.text);
    }
    return j;
}

static void least(void **state)
{
    (void)state;
    struct jobspec j = take(SOURCE SINK);
    assert_true(str_eq(j.source_type, STR("mysql")));
    assert_int_equal(j.source->count, 2);
    assert_int_equal(j.source_name.len, 0);
    assert_true(str_eq(j.sink.warehouse, STR("/lake")));
    assert_true(str_eq(j.sink.metastore, STR("filesystem")));
    assert_true(str_eq(j.sink.commit_user_prefix, STR("inlet")));
    assert_int_equal(j.sink.table_properties.count, 0);
    assert_true(str_eq(j.pipeline.name, STR("Flink-CDC-Pipeline-Job")));
    assert_int_equal(j.pipeline.parallelism, 2);
    assert_int_equal(j.pipeline.checkpoint_interval_ms, 10000);
    assert_int_equal(j.pipeline.memory_bytes, 268435456);
    assert_int_equal(j.pipeline.checkpoint_path.len, 0);
    jobspec_release(&j);
    jobspec_release(&j);
}

static void whole(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    struct jobspec j = take("source: {type: mysql, name: my source, tables: a.b}\n"
                            "sink:\n"
                            "  type: paimon\n"
                            "  name: lake\n"
                            "  catalog:\n"
                            "    properties: {metastore: filesystem, warehouse: 'file:/lake'}\n"
                            "  table.properties:\n"
                            "    bucket: 4\n"
                            "    changelog-producer: input\n"
                            "  table.properties.file.format: avro\n"
                            "  commit.user-prefix: me\n"
                            "pipeline:\n"
                            "  name: my job 1\n"
                            "  parallelism: 8\n"
                            "  checkpoint.interval: 100 ms\n"
                            "  memory: 32 MiB\n"
                            "  checkpoint.path: /elsewhere\n"
                            "  execution.runtime-mode: streaming\n"
                            "  local-time-zone: Asia/Shanghai\n"
                            "  schema-operator.rpc-timeout: 1 h\n");
    assert_true(str_eq(j.source_name, STR("my source")));
    assert_true(str_eq(j.sink.name, STR("lake")));
    assert_true(str_eq(j.sink.warehouse, STR("file:/lake")));
    assert_true(str_eq(j.sink.commit_user_prefix, STR("me")));
    assert_int_equal(j.sink.table_properties.count, 3);
    assert_true(str_eq(j.sink.table_properties.pairs[2].key, STR("file.format")));
    assert_true(str_eq(j.pipeline.name, STR("my-job-1")));
    assert_int_equal(j.pipeline.parallelism, 8);
    assert_int_equal(j.pipeline.checkpoint_interval_ms, 100);
    assert_int_equal(j.pipeline.memory_bytes, 33554432);
    assert_true(str_eq(j.pipeline.checkpoint_path, STR("/elsewhere")));
    jobspec_release(&j);
    log_set_level(LOG_LEVEL_INFO);
}

static void blocks(void **state)
{
    (void)state;
    refuse("x", "job.yaml:1:1: expected the blocks source, sink and pipeline");
    refuse(
        SINK,
        "job.yaml: block \"source:\" is missing: expected source, sink and pipeline; add it, for "
        "example `source: {type: mysql, hostname: db.example.org, username: inlet, password: "
        "'${file:/run/secrets/mysql}', tables: 'shop.\\.*'}`");
    refuse(SOURCE,
           "job.yaml: block \"sink:\" is missing: expected source, sink and pipeline; add it, for "
           "example `sink: {type: paimon, catalog.properties.warehouse: /var/lib/inlet/lake}`");
    refuse(SOURCE "snik: {}", "job.yaml:2:1: unknown block \"snik\": did you mean \"sink\"?");
    refuse(SOURCE SINK "entirely: {}", "job.yaml:3:1: unknown block \"entirely\"");
    refuse(SOURCE SINK "route: [{source-table: a, sink-table: b}]",
           "job.yaml:3:1: \"route\" is not supported yet");
    refuse(SOURCE SINK "transform: []", "job.yaml:3:1: \"transform\" is not supported yet");
    refuse("source: mysql\n" SINK, "job.yaml:1:1: \"source\" must be a map of keys and values");
    refuse("source: {tables: a.b}\n" SINK,
           "job.yaml:1:1: \"source.type\" is missing: the kind of source, like mysql");
    refuse("source: {type: mysql, name: [a]}\n" SINK,
           "job.yaml:1:23: \"source.name\": expected text");
    refuse(SOURCE "sink: {}",
           "job.yaml:2:1: \"sink.type\" is missing: add `type: …` to this block, one of paimon");
    refuse(SOURCE SINK "pipeline: [a]",
           "job.yaml:3:1: \"pipeline\" must be a map of keys and values");
}

static void sink(void **state)
{
    (void)state;
    refuse(SOURCE "sink: {type: kafka, catalog.properties.warehouse: /x}",
           "job.yaml:2:8: \"sink.type\": \"kafka\" is not one of paimon");
    refuse(SOURCE "sink: {type: paimon}",
           "job.yaml:2:1: \"sink.catalog.properties.warehouse\" is missing: add "
           "`catalog.properties.warehouse: …` to this block, text");
    refuse(SOURCE "sink: {type: paimon, catalog.properties: {warehouse: /x, metastore: hive}}",
           "job.yaml:2:58: \"sink.catalog.properties.metastore\": \"hive\" is not supported yet: "
           "expected filesystem");
    refuse(SOURCE "sink: {type: paimon, catalog.properties.warehouse: 's3://bucket/x'}",
           "job.yaml:2:22: \"sink.catalog.properties.warehouse\": \"s3://bucket/x\" is not "
           "supported yet: expected a path "
           "or a file: URI");
    assert_int_equal(setenv("JOBSPEC_TEST", "s3://key:secret@bucket/x", 1), 0);
    refuse(SOURCE "sink: {type: paimon, catalog.properties.warehouse: \"${env:JOBSPEC_TEST}\"}",
           "job.yaml:2:22: \"sink.catalog.properties.warehouse\": \"******\" is not supported yet: "
           "expected a path or a "
           "file: URI");
    refuse(
        SOURCE
        "sink: {type: paimon, catalog.properties.warehouse: /x, catalog.properties.s3.endpoint: y}",
        "job.yaml:2:56: \"sink.catalog.properties.s3.endpoint\" is not supported yet");
    refuse(SOURCE
           "sink: {type: paimon, catalog.properties.warehouse: /x, catalog.properties.uri: u}",
           "job.yaml:2:56: \"sink.catalog.properties.uri\" is not supported yet");
    refuse(SOURCE "sink: {type: paimon, catalog.properties.warehuose: /x}",
           "job.yaml:2:22: unknown key \"sink.catalog.properties.warehuose\": did you mean "
           "\"sink.catalog.properties.warehouse\"?");
    refuse(SOURCE
           "sink: {type: paimon, catalog.properties.warehouse: /x, table.propertis.bucket: 2}",
           "job.yaml:2:56: unknown key \"sink.table.propertis.bucket\": did you mean "
           "\"sink.table.properties.*\"?");
    refuse(SOURCE "sink:\n  type: paimon\n  table.properties: [bucket, 2]\n",
           "job.yaml:4:3: \"sink.table.properties\": expected a map of keys and values, found a "
           "list; write each as `key: value` on a line of its own below");
    refuse(SOURCE "sink:\n  type: paimon\n  table: {properties: bucket}\n",
           "job.yaml:4:11: \"sink.table.properties\": expected a map of keys and values, found one "
           "value; write each as `key: value` on a line of its own below");
    refuse(SOURCE "sink:\n  type: paimon\n  table.properties: {bucket: [2]}\n",
           "job.yaml:4:22: \"sink.table.properties.bucket\": expected text, found a list");
    struct jobspec j =
        take(SOURCE "sink: {type: Paimon, catalog.properties.warehouse: 'FILE:///x'}");
    jobspec_release(&j);
    j = take(SOURCE "sink: {type: paimon, catalog.properties.warehouse: 'a:b/c'}");
    jobspec_release(&j);
}

static void pipeline(void **state)
{
    (void)state;
    refuse(SOURCE SINK "pipeline: {parallelism: 0}",
           "job.yaml:3:12: \"pipeline.parallelism\": \"0\" is not a whole number from 1 to 256");
    refuse(SOURCE SINK "pipeline: {checkpoint: {interval: 99ms}}",
           "job.yaml:3:25: \"pipeline.checkpoint.interval\": \"99ms\" is not a duration like 10 s "
           "from 100 ms to 1 d");
    refuse(SOURCE SINK "pipeline: {memory: 31 MiB}",
           "job.yaml:3:12: \"pipeline.memory\": \"31 MiB\" is not a size like 256 MiB from 32 MiB "
           "to 1 TiB");
    refuse(SOURCE SINK "pipeline: {schema.change.behavior: evolve}",
           "job.yaml:3:12: \"pipeline.schema.change.behavior\" is not supported yet");
    refuse(SOURCE SINK "pipeline: {user-defined-function: [{name: f}]}",
           "job.yaml:3:12: \"pipeline.user-defined-function\" is not supported yet");
    refuse(SOURCE SINK "pipeline: {execution.runtime-mode: BATCH}",
           "job.yaml:3:12: \"pipeline.execution.runtime-mode\": BATCH is not supported yet; `inlet "
           "run "
           "--until-caught-up` ends when it is done");
    refuse(SOURCE SINK "pipeline: {nmae: x}",
           "job.yaml:3:12: unknown key \"pipeline.nmae\": did you mean \"pipeline.name\"?");
}

static void job_names(void **state)
{
    (void)state;
    static const char *const bad[] = {"' '", "''",       ".",         "..", ".x",
                                      "a/b", "\xc3\xa4", "\"a\\tb\"", "a:b"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[300] = SOURCE SINK "pipeline: {name: ";
        size_t len = strlen(text);
        size_t more = strlen(bad[i]);
        memcpy(text + len, bad[i], more);
        memcpy(text + len + more, "}", 2);
        struct error err = {0};
        struct jobspec j;
        assert_false(jobspec_parse(str_of(text), "job.yaml", &j, &err));
        assert_memory_equal(err.text, "job.yaml:3:12: \"pipeline.name\": ", 32);
    }
    struct jobspec j = take(SOURCE SINK "pipeline: {name: ' a.b_C-9 x '}");
    assert_true(str_eq(j.pipeline.name, STR("a.b_C-9-x")));
    jobspec_release(&j);
    char text[400] = SOURCE SINK "pipeline: {name: ";
    size_t len = strlen(text);
    memset(text + len, 'n', 100);
    memcpy(text + len + 100, "}", 2);
    j = take(text);
    assert_int_equal(j.pipeline.name.len, 100);
    jobspec_release(&j);
    memcpy(text + len + 100, "n}", 3);
    struct error err = {0};
    assert_false(jobspec_parse(str_of(text), "job.yaml", &j, &err));
}

static void examples(void **state)
{
    (void)state;
    static const char *const paths[] = {EXAMPLES "minimal.yaml", EXAMPLES "mysql-shop.yaml"};
    assert_int_equal(setenv("SHOP_PASSWORD", "x", 1), 0);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct error err = {0};
        struct jobspec j;
        bool ok = jobspec_load(paths[i], &j, &err);
        if (ok) {
            assert_true(str_eq(j.source_type, STR("mysql")));
            jobspec_release(&j);
        } else if (strstr(err.text, "/run/secrets/mysql-password: No such file") == NULL) {
            fail_msg("%s", err.text); /* the one reason why an example may not load here */
        }
    }
    struct error err = {0};
    struct jobspec j;
    assert_false(jobspec_load(EXAMPLES "absent.yaml", &j, &err));
    assert_int_equal(err.code, FAIL_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(least),    cmocka_unit_test(whole),    cmocka_unit_test(blocks),
        cmocka_unit_test(sink),     cmocka_unit_test(pipeline), cmocka_unit_test(job_names),
        cmocka_unit_test(examples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
