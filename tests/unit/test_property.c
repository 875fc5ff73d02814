#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "agent/property.h"
#include "base/buf.h"
#include "base/log.h"

static void collect(void *self, struct str line)
{
    buf_put_str(self, line);
    buf_put_byte(self, '\n');
}

/* Checks a job with these lines below table.properties; what was logged goes to log. */
static bool check(const char *lines, struct buf *log, struct error *err)
{
    struct buf text = BUF_INIT(10000);
    struct jobspec j = {0};
    buf_printf(&text,
               "source: {type: mysql, tables: a.b}\n"
               "sink:\n"
               "  type: paimon\n"
               "  catalog.properties.warehouse: /lake\n"
               "  table.properties:\n%s",
               lines);
    if (!jobspec_parse(buf_str(&text), "job.yaml", &j, err)) {
        fail_msg("%s", err->text);
    }
    buf_release(&text);
    log_redirect(collect, log);
    bool ok = property_check(&j, err);
    log_redirect(NULL, NULL);
    jobspec_release(&j);
    return ok;
}

static void refuse(const char *lines, const char *says)
{
    struct error err = {0};
    struct buf log = BUF_INIT(10000);
    if (check(lines, &log, &err)) {
        fail_msg("taken: %s", lines);
    }
    assert_int_equal(err.code, FAIL_CONFIG);
    if (strncmp(err.text, says, strlen(says)) != 0) {
        fail_msg("\"%s\" instead of \"%s\"", err.text, says);
    }
    buf_release(&log);
}

static size_t take(const char *lines, const char *logged)
{
    struct error err = {0};
    struct buf log = BUF_INIT(10000);
    size_t count = 0;
    if (!check(lines, &log, &err)) {
        fail_msg("%s", err.text);
    }
    for (size_t i = 0; i < log.len; i++) {
        count += log.ptr[i] == '\n' ? 1 : 0;
    }
    if (logged != NULL && strstr(buf_cstr(&log), logged) == NULL) {
        fail_msg("\"%s\" instead of \"%s\"", buf_cstr(&log), logged);
    }
    buf_release(&log);
    return count;
}

static void places(void **state)
{
    (void)state;
    refuse(
        "    bukcet: 2\n",
        "job.yaml:6:5: \"sink.table.properties.bukcet\": Paimon has no such option: did you mean "
        "\"bucket\"?");
    refuse("    bucket: 2\n    file.formt: avro\n",
           "job.yaml:7:5: \"sink.table.properties.file.formt\": Paimon has no such option: did you "
           "mean \"file.format\"?");
    refuse("    bucket: 2\n    num-levels: many\n    write-only: true\n",
           "job.yaml:7:5: \"sink.table.properties.num-levels\": ");
    refuse("    write-only: false\n    bucket: -2\n",
           "job.yaml:7:5: \"sink.table.properties.bucket\": ");
    refuse("    file:\n      format: orc\n",
           "job.yaml:7:7: \"sink.table.properties.file.format\": ");
    refuse("    merge-engine: sum\n",
           "job.yaml:6:5: \"sink.table.properties.merge-engine\": table option 'merge-engine' is "
           "\"sum\", expected deduplicate, partial-update, aggregation or first-row");
    refuse("    merge-engine: first-row\n    sequence.field: ts\n",
           "job.yaml:7:5: \"sink.table.properties.sequence.field\": table option 'sequence.field' "
           "does not go with merge-engine first-row");
    refuse("    path: /somewhere\n",
           "job.yaml:6:5: \"sink.table.properties.path\": a job cannot set it: Tables lie");
    refuse("    inlet.table: abc\n", "job.yaml:6:5: \"sink.table.properties.inlet.table\": a job");
}

static void warnings(void **state)
{
    (void)state;
    assert_int_equal(take("    bucket: 2\n    changelog-producer: input\n", NULL), 0);
    assert_int_equal(take("    scan.mode: latest\n    sink.parallelism: 4\n", NULL), 0);
    assert_int_equal(take("    team.owner: me\n", "option=team.owner line=6"), 1);
    assert_int_equal(
        take("    tag.automatic-creation: watermark\n", "option=tag.automatic-creation"), 1);
}

static void secrets(void **state)
{
    (void)state;
    assert_int_equal(setenv("INLET_TEST_SECRET", "hidden-value", 1), 0);
    refuse("    bucket: ${env:INLET_TEST_SECRET}\n",
           "job.yaml:6:5: \"sink.table.properties.bucket\": not supported; its value came through "
           "${…} and is not shown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places),
        cmocka_unit_test(warnings),
        cmocka_unit_test(secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
