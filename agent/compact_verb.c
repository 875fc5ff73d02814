#include "agent/compact_verb.h"

#include <stdio.h>

#include "agent/compact_run.h"
#include "base/str.h"

enum { COMPACT_ONCE, COMPACT_INTERVAL, COMPACT_MEMORY, COMPACT_THREADS, COMPACT_LOG_LEVEL };
const struct cli_flag compact_verb_flags[] = {
    [COMPACT_ONCE] = {"--once", NULL,
                      "End when nothing is left to do: exit code 0, 1 when that failed for now, 2 "
                      "when a named table is not there."},
    [COMPACT_INTERVAL] = {"--interval", "DURATION",
                          "How often each table is looked at (default: 1s)."},
    [COMPACT_MEMORY] = {"--memory", "SIZE",
                        "For all compactions together (default: the job's `pipeline.memory`, else "
                        "128 MiB)."},
    [COMPACT_THREADS] = {"--parallelism", "N",
                         "Compactions at a time, at most 64 (default: the job's, else 2)."},
    [COMPACT_LOG_LEVEL] = {"--log-level", "LEVEL", "debug, info (default), warn or error."},
    {NULL, NULL, NULL}};

static bool complain(const struct cli_args *args, int flag, const char *expected)
{
    (void)fprintf(stderr, "inlet compact: %s '%s' is not %s\n", compact_verb_flags[flag].name,
                  args->values[flag], expected);
    return false;
}

static bool read_flags(const struct cli_args *args, struct compact_run_options *o)
{
    const char *interval = args->values[COMPACT_INTERVAL];
    const char *memory = args->values[COMPACT_MEMORY];
    const char *threads = args->values[COMPACT_THREADS];
    const char *level = args->values[COMPACT_LOG_LEVEL];
    int64_t n = 0;
    if (interval != NULL &&
        (!str_to_duration(str_of(interval), &o->interval_ms) || o->interval_ms == 0)) {
        return complain(args, COMPACT_INTERVAL, "a duration such as 5s");
    }
    if (memory != NULL &&
        (!str_to_size(str_of(memory), &o->memory_bytes) || o->memory_bytes < 1u << 20)) {
        return complain(args, COMPACT_MEMORY, "a size such as 256MiB, from 1 MiB");
    }
    if (threads != NULL && (!str_to_i64(str_of(threads), &n) || n < 1 || n > 64)) {
        return complain(args, COMPACT_THREADS, "a number from 1 to 64");
    }
    o->threads = (size_t)n;
    return level == NULL || cli_set_log_level(level);
}

enum exit_code compact_verb(const struct cli_args *args)
{
    struct compact_run_options options = {.place = args->words[0],
                                          .names = &args->words[1],
                                          .name_count = (size_t)args->word_count - 1,
                                          .once = args->values[COMPACT_ONCE] != NULL};
    if (!read_flags(args, &options)) {
        return CODE_USAGE;
    }
    return compact_run(&options, cli_catch_signals());
}
