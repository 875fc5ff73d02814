#include "agent/table_work.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/apply.h"
#include "agent/table_view.h"
#include "base/instant.h"
#include "sink/expire.h"
#include "sink/partition_filter.h"
#include "sink/table_edit.h"

#define COMPACT_TRIES 5

static const char *user_of(const char *flag, const char *otherwise)
{
    return flag == NULL || *flag == '\0' ? otherwise : flag;
}

/* ---- apply ---- */

enum { APPLY_OPS, APPLY_USER, APPLY_QUIET };
const struct cli_flag table_work_apply_flags[] = {
    [APPLY_OPS] = {"--ops", "FILE", "The operations; `-` (default): standard input."},
    [APPLY_USER] = {"--user", "NAME", "The commit user (default: inlet-apply)."},
    [APPLY_QUIET] = {"--quiet", NULL, "Print nothing when all went well."},
    {NULL, NULL, NULL}};

static bool apply(const struct cli_args *args, const struct table_view *v, FILE *in,
                  struct apply_result *out, struct error *err)
{
    const char *from = args->values[APPLY_OPS];
    struct apply_options options = {.fs = v->fs,
                                    .root = v->root,
                                    .database = v->database,
                                    .name = v->name,
                                    .user =
                                        str_of(user_of(args->values[APPLY_USER], "inlet-apply")),
                                    .in = in,
                                    .from = in == stdin ? "standard input" : from,
                                    .stop = cli_catch_signals()};
    return apply_run(&options, out, err);
}

enum exit_code table_work_apply(const struct cli_args *args)
{
    const char *from = args->values[APPLY_OPS];
    struct table_view v = {0};
    struct error err = {0};
    struct apply_result result = {0};
    bool standard = from == NULL || strcmp(from, "-") == 0;
    FILE *in = standard ? stdin : fopen(from, "re");
    bool ok = in != NULL;
    if (!ok) {
        error_os(&err, "open %s", from);
        err.code = FAIL_CONFIG;
    }
    ok = ok && table_view_path(args, &v, &err) && apply(args, &v, in, &result, &err);
    if (in != NULL && !standard) {
        (void)fclose(in);
    }
    if (ok && args->values[APPLY_QUIET] == NULL) {
        (void)printf("{\"rows\":%" PRIu64 ",\"snapshot\":%" PRId64 "}\n", result.rows,
                     result.snapshot);
    }
    return table_view_end(&v, ok, &err);
}

/* ---- compact ---- */

enum { COMPACT_FULL, COMPACT_PARTITION, COMPACT_USER };
const struct cli_flag table_work_compact_flags[] = {
    [COMPACT_FULL] = {"--full", NULL,
                      "Everything into the highest level (default: what the table's options say "
                      "now)."},
    [COMPACT_PARTITION] = {"--partition", "COLUMN=VALUE,…",
                           "Only partitions with these values; columns that are not named may have "
                           "any."},
    [COMPACT_USER] = {"--user", "NAME", "The commit user (default: inlet-compact)."},
    {NULL, NULL, NULL}};

static bool is_wanted(void *self, struct str partition)
{
    return partition_filter_takes(self, partition);
}

static bool compact_once(const struct cli_args *args, const struct table_view *v,
                         struct table_edit_compacted *out, struct error *err)
{
    struct table_edit_place place = {
        .fs = v->fs,
        .root = v->root,
        .database = v->database,
        .name = v->name,
        .user = str_of(user_of(args->values[COMPACT_USER], "inlet-compact")),
        .stop = cli_catch_signals()};
    struct table_edit *e = NULL;
    struct partition_filter filter = {0};
    int64_t identifier = 0;
    if (!table_edit_open(&place, &e, err)) {
        return false;
    }
    struct table_edit_compact how = {.full = args->values[COMPACT_FULL] != NULL};
    bool ok = table_edit_next_identifier(e, &identifier, err);
    if (ok && args->values[COMPACT_PARTITION] != NULL) {
        how.wanted = is_wanted;
        how.self = &filter;
        ok = partition_filter_parse(str_of(args->values[COMPACT_PARTITION]),
                                    &table_edit_table(e)->partition, &filter, err);
    }
    ok = ok && table_edit_compact(e, identifier, &how, out, err);
    table_edit_close(e);
    return ok;
}

enum exit_code table_work_compact(const struct cli_args *args)
{
    struct table_view v = {0};
    struct error err = {0};
    struct table_edit_compacted done = {0};
    bool ok = table_view_path(args, &v, &err);
    if (ok) {
        ok = compact_once(args, &v, &done, &err);
        for (int tries = 1; !ok && err.code == FAIL_CONFLICT && tries < COMPACT_TRIES; tries++) {
            ok = compact_once(args, &v, &done, &err); /* another compactor was faster */
        }
    }
    if (ok) {
        (void)printf("{\"buckets\":%zu,\"filesIn\":%zu,\"filesOut\":%zu,\"rowsRead\":%" PRIu64
                     ",\"rowsWritten\":%" PRIu64 ",\"snapshot\":%" PRId64 "}\n",
                     done.buckets, done.files_in, done.files_out, done.rows_read, done.rows_written,
                     done.snapshot);
    }
    return table_view_end(&v, ok, &err);
}

/* ---- expire ---- */

enum { EXPIRE_MIN, EXPIRE_MAX, EXPIRE_TIME };
const struct cli_flag table_work_expire_flags[] = {
    [EXPIRE_MIN] = {"--retain-min", "N", "Instead of `snapshot.num-retained.min`."},
    [EXPIRE_MAX] = {"--retain-max", "N", "Instead of `snapshot.num-retained.max`."},
    [EXPIRE_TIME] = {"--time-retained", "DURATION", "Instead of `snapshot.time-retained`."},
    {NULL, NULL, NULL}};

/* The table's options with those of the command line over them. */
static bool expire_options(const struct cli_args *args, const struct table_view *v,
                           struct expire_options *out, struct error *err)
{
    static const char *const names[] = {"snapshot.num-retained.min", "snapshot.num-retained.max",
                                        "snapshot.time-retained"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (args->values[i] != NULL) {
            schema_set_option(v->schema, str_of(names[i]), str_of(args->values[i]));
        }
    }
    return expire_options_parse(v->schema, out, err);
}

enum exit_code table_work_expire(const struct cli_args *args)
{
    struct table_view v = {0};
    struct error err = {0};
    struct expire_options options;
    struct expire_result result = {.more = true};
    int64_t snapshots = 0;
    int64_t changelogs = 0;
    uint64_t files = 0;
    bool ok = table_view_schema(args, &v, &err) && expire_options(args, &v, &options, &err) &&
              partition_layout(v.schema, &v.arena, &v.partition, &err);
    while (ok && result.more) {
        ok = expire_run(v.fs, v.path, &options, &v.partition, instant_wall_ms(),
                        cli_catch_signals(), &result, &err);
        snapshots += result.snapshots;
        changelogs += result.changelogs;
        files += result.files;
    }
    if (ok) {
        (void)printf("{\"snapshots\":%" PRId64 ",\"changelogs\":%" PRId64 ",\"files\":%" PRIu64
                     ",\"earliest\":%" PRId64 "}\n",
                     snapshots, changelogs, files, result.earliest);
    }
    if (ok && result.holder[0] != '\0') {
        (void)fprintf(stderr, "inlet: the consumer '%s' keeps older snapshots\n", result.holder);
    }
    return table_view_end(&v, ok, &err);
}
