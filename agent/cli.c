#include "agent/cli.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/compact_verb.h"
#include "agent/job.h"
#include "agent/table_meta.h"
#include "agent/table_verbs.h"
#include "agent/table_work.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/str.h"

static struct stop *signal_stop; /* the stop flag: one of the two globals the style allows */

static void on_signal(int number)
{
    if (stop_requested(signal_stop) && number == SIGINT) {
        _exit(CODE_RETRY);
    }
    stop_request(signal_stop);
}

struct stop *cli_catch_signals(void)
{
    if (signal_stop != NULL) {
        return signal_stop;
    }
    struct sigaction stop_action = {.sa_handler = on_signal};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    signal_stop = stop_new();
    (void)sigaction(SIGINT, &stop_action, NULL);
    (void)sigaction(SIGTERM, &stop_action, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
    return signal_stop;
}

enum { RUN_UNTIL_CAUGHT_UP, RUN_TAKE_OVER, RUN_LOG_LEVEL };
static const struct cli_flag run_flags[] = {
    [RUN_UNTIL_CAUGHT_UP] =
        {"--until-caught-up", NULL,
         "Stop when the first copy is done and every change up to the source's position at that "
         "moment is "
         "committed (a job that has its copy: up to the source's position at start)."},
    [RUN_TAKE_OVER] =
        {"--take-over", NULL,
         "Do not watch whether another agent of this job is alive: take the job over at once."},
    [RUN_LOG_LEVEL] = {"--log-level", "LEVEL", "debug, info (default), warn or error."},
    {NULL, NULL, NULL}};

bool cli_set_log_level(const char *text)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            log_set_level((enum log_level)i);
            return true;
        }
    }
    (void)fprintf(stderr, "inlet: --log-level is debug, info, warn or error, not '%s'\n", text);
    return false;
}

static enum exit_code run_verb(const struct cli_args *args)
{
    struct job_options options = {.path = args->words[0],
                                  .until_caught_up = args->values[RUN_UNTIL_CAUGHT_UP] != NULL,
                                  .take_over = args->values[RUN_TAKE_OVER] != NULL};
    if (args->values[RUN_LOG_LEVEL] != NULL && !cli_set_log_level(args->values[RUN_LOG_LEVEL])) {
        return CODE_USAGE;
    }
    return job_run(&options, cli_catch_signals());
}

static enum exit_code validate_verb(const struct cli_args *args)
{
    struct job_file job = {0};
    struct error err = {0};
    if (!job_load(args->words[0], &job, &err)) {
        (void)fprintf(stderr, "inlet: %s\n", err.text);
        return CODE_USAGE;
    }
    (void)printf("%s: job '%.*s' is valid\n", args->words[0], STR_FMT(job.spec.pipeline.name));
    job_release(&job);
    return CODE_DONE;
}

static enum exit_code version_verb(const struct cli_args *args)
{
    (void)args;
    (void)printf("inlet %s\n", INLET_VERSION);
    return CODE_DONE;
}

static enum exit_code help_verb(const struct cli_args *args);

static const struct cli_flag no_flags[] = {{NULL, NULL, NULL}};

const struct cli_verb cli_verbs[] = {
    {"run", "JOB.yaml", "stream a source into its lake tables",
     "Copies every matching table that was not copied yet, then follows its changes until SIGTERM "
     "or SIGINT, which drain: what was read is "
     "committed and the program ends within 10 seconds. A second SIGINT ends it at once; nothing "
     "is lost by that either. Started again, it goes on where the "
     "lake says it stopped.",
     1, run_flags, run_verb},
    {"compact", "JOB.yaml | WAREHOUSE [DB.TABLE…]", "compact tables beside their writers",
     "A process of its own that compacts what a job with `write-only: true`, a Flink job or "
     "anybody "
     "else writes, until SIGTERM or SIGINT: a job's tables, all of a warehouse, or those that are "
     "named. Tables that are not `write-only` compact themselves and are left alone unless they "
     "are "
     "named. Buckets are picked as a job picks them and committed as COMPACT snapshots, with the "
     "changelog where the table's is made by compactions (`lookup`, `full-compaction`); when "
     "somebody else was faster the result is thrown away and the bucket looked at again, so "
     "several "
     "may run on one table. Snapshots of `write-only` tables are expired. A table in its first "
     "copy "
     "rests; one that cannot be written is set aside by name, tried again after minutes, and makes "
     "the exit code 3. Killed at any moment, it leaves files that nobody lists, and the next one "
     "removes them.",
     CLI_FROM(1), compact_verb_flags, compact_verb},
    {"validate", "JOB.yaml", "check a job file without asking any server",
     "Checks the whole file: keys, values, table options. Exit code 0 or 2.", 1, no_flags,
     validate_verb},
    {"table read", "WAREHOUSE DB.TABLE", "print a table's rows",
     "One canonical row a line (see below), merged on read, in key order.", 2,
     table_verbs_scan_flags, table_verbs_read},
    {"table count", "WAREHOUSE DB.TABLE", "count a table's rows", "Prints `{\"rows\":n}`.", 2,
     table_verbs_scan_flags, table_verbs_count},
    {"table checksum", "WAREHOUSE DB.TABLE", "digest of a table's rows",
     "Prints `{\"rows\":n,\"sum\":\"…\"}`: the sum of the rows' digests, the same in whatever "
     "order they are read.",
     2, table_verbs_scan_flags, table_verbs_checksum},
    {"table changelog", "WAREHOUSE DB.TABLE", "print a table's changes",
     "One line a change, oldest snapshot first: `{\"s\":snapshot,\"k\":\"+I\",\"r\":{row}}`, as "
     "streaming readers of Paimon get them: the changelog where the table keeps one, else the rows "
     "that each commit added. Overwrites are passed over.",
     2, table_verbs_changelog_flags, table_verbs_changelog},
    {"table schema", "WAREHOUSE DB.TABLE", "print a table's newest schema file",
     "The JSON of `schema/schema-N`.", 2, no_flags, table_meta_schema},
    {"table snapshots", "WAREHOUSE DB.TABLE", "list a table's snapshots",
     "One JSON line a snapshot, oldest first.", 2, no_flags, table_meta_snapshots},
    {"table files", "WAREHOUSE DB.TABLE", "list a table's live data files", "One JSON line a file.",
     2, table_meta_flags, table_meta_files},
    {"table manifests", "WAREHOUSE DB.TABLE", "list a snapshot's manifest files",
     "One JSON line a manifest: which of the snapshot's lists names it, and how many files it adds "
     "and deletes.",
     2, table_meta_flags, table_meta_manifests},
    {"table partitions", "WAREHOUSE DB.TABLE", "list a table's partitions",
     "One JSON line a partition, with its buckets, files, rows in files (before merging) and "
     "bytes.",
     2, table_meta_flags, table_meta_partitions},
    {"table buckets", "WAREHOUSE DB.TABLE", "list a table's buckets",
     "One JSON line a bucket; `runs` is how many sorted runs a reader merges.", 2, table_meta_flags,
     table_meta_buckets},
    {"table options", "WAREHOUSE DB.TABLE", "list a table's options and what inlet makes of them",
     "One JSON line an option: those the table sets, then those left to their defaults (`value` "
     "null) that inlet acts on. `stance`: `honoured`, `refused` (a job would not write the table), "
     "`ignored` (asks something of a writer that inlet does not do), `kept` (nothing to do for a "
     "writer), `own` (inlet's), `unknown`.",
     2, no_flags, table_meta_options},
    {"table compact", "WAREHOUSE DB.TABLE", "compact a table's buckets",
     "Merges sorted runs and commits the result as one COMPACT snapshot; prints what was done, "
     "`\"snapshot\":0` when there was nothing to do. Works beside jobs and other writers; a "
     "`write-only` table is compacted, too.",
     2, table_work_compact_flags, table_work_compact},
    {"table apply", "WAREHOUSE DB.TABLE", "apply operations to a table, without a job",
     "One JSON object a line; lines that are empty or begin with `#` are passed over. Each "
     "operation that changes the table is one commit; rows are kept until the next one. A line "
     "that fails ends it with FILE:LINE: what lines before it committed stays.\n\n"
     "| operation | does |\n| --- | --- |\n"
     "| `{\"create\":{\"columns\":[{\"name\":\"id\",\"type\":\"INT NOT NULL\"},…],"
     "\"primaryKeys\":[\"id\"],\"partitionKeys\":[],\"options\":{},\"comment\":\"…\","
     "\"replace\":true}}` | makes the table; a column may have `comment` and `default`; "
     "nested types as in schema files: `{\"type\":\"ARRAY\",\"element\":T}`, "
     "`{\"type\":\"MAP\",\"key\":K,\"value\":V}`, "
     "`{\"type\":\"ROW\",\"fields\":[{\"name\":…,\"type\":…}]}`; `replace` drops one that is "
     "there |\n"
     "| `{\"k\":\"+I\",\"r\":{…}}` | a row of a kind (`+I`, `-U`, `+U`, `-D`), values as "
     "canonical rows have them; a column that is not there is null, or its default |\n"
     "| `{\"gen\":{\"rows\":N,\"from\":A,\"salt\":S,\"kind\":\"+I\"}}` | made-up rows |\n"
     "| `{\"commit\":true,\"id\":N,\"watermark\":N}` | commits the rows since the last one; "
     "then compacts as the table's options say, unless it is `write-only` |\n"
     "| `{\"overwrite\":[{row},…]}` | these rows instead of all (of all of their partitions) |\n"
     "| `{\"compact\":\"full\"}`, `\"minor\"` | every bucket |\n"
     "| `{\"alter\":[change,…]}` | a new schema: `{\"add\":\"c\",\"type\":T,"
     "\"comment\":…,\"after\":\"a\"}` (or `\"first\":true`), `{\"drop\":\"c\"}`, "
     "`{\"rename\":\"a\",\"to\":\"b\"}`, `{\"type\":\"a\",\"to\":T}`, "
     "`{\"nullable\":\"a\",\"to\":true}`, `{\"default\":\"a\",\"to\":\"1\"}`, "
     "`{\"move\":\"a\",\"after\":\"b\"}`, `{\"columnComment\":\"a\",\"to\":\"…\"}`, "
     "`{\"comment\":\"…\"}`, `{\"set\":\"k\",\"value\":\"v\"}`, `{\"reset\":\"k\"}`; "
     "nested columns as `r.x` |\n"
     "| `{\"tag\":\"t\",\"snapshot\":N}`, `{\"deleteTag\":\"t\"}` | of the newest snapshot, "
     "unless one is named |\n"
     "| `{\"branch\":\"b\",\"fromTag\":\"t\"}` | without a tag: an empty branch |\n"
     "| `{\"rollback\":N}` | snapshot N is the newest again; jobs that wrote after it stop |\n"
     "| `{\"expire\":{\"keep\":N}}`, `{\"expire\":true}` | by number, or by the table's options "
     "|\n"
     "| `{\"reopen\":true}`, `{\"user\":\"u\"}` | rows that were not committed are gone; the "
     "latter goes on as another commit user |\n\n"
     "What a job could not write is refused by name. When somebody else adds rows between two "
     "commits, the later one is refused (exit code 1): the rows since the last commit are to be "
     "applied again.",
     2, table_work_apply_flags, table_work_apply},
    {"table expire", "WAREHOUSE DB.TABLE", "remove old snapshots and the files only they name",
     "Follows the table's `snapshot.*` and `changelog.*` retention options; what consumers have "
     "still to read, tags and branches stay. A running job does the same in the background.",
     2, table_work_expire_flags, table_work_expire},
    {"version", "", "print the version", "Prints `inlet VERSION`.", 0, no_flags, version_verb},
    {"help", "[VERB]", "explain a verb", "Without a verb: the list of verbs.", CLI_FROM(0),
     no_flags, help_verb},
    {NULL, NULL, NULL, NULL, 0, NULL, NULL}};

static void print_summary(FILE *to)
{
    (void)fprintf(to,
                  "inlet %s: MySQL and MariaDB tables into Apache Paimon, exactly once\n\nUsage: "
                  "inlet VERB …\n\n",
                  INLET_VERSION);
    for (const struct cli_verb *v = cli_verbs; v->name != NULL; v++) {
        char line[80];
        (void)snprintf(line, sizeof line, "%s %s", v->name, v->usage);
        (void)fprintf(to, "  %-38s %s\n", line, v->summary);
    }
    (void)fprintf(to, "\n`inlet help VERB` explains one. Exit codes: 0 done, 1 failed (retrying "
                      "may help), 2 usage or configuration,\n"
                      "3 finished but some tables are set aside, 4 another agent owns this job, 5 "
                      "a human is needed.\n");
}

static void print_verb(FILE *to, const struct cli_verb *v)
{
    (void)fprintf(to, "Usage: inlet %s %s\n\n%s\n", v->name, v->usage, v->doc);
    for (const struct cli_flag *f = v->flags; f->name != NULL; f++) {
        (void)fprintf(to, "\n  %s%s%s\n      %s\n", f->name, f->value == NULL ? "" : " ",
                      f->value == NULL ? "" : f->value, f->doc);
    }
}

/* The verb whose one or two words start the arguments; *used says how many. */
static const struct cli_verb *find_verb(int argc, char **argv, int *used)
{
    for (const struct cli_verb *v = cli_verbs; v->name != NULL; v++) {
        struct str rest = str_of(v->name);
        struct str word;
        int at = 0;
        bool same = true;
        while (same && str_next(&rest, ' ', &word)) {
            same = at < argc && str_eq(word, str_of(argv[at]));
            at++;
        }
        if (same) {
            *used = at;
            return v;
        }
    }
    return NULL;
}

static enum exit_code help_verb(const struct cli_args *args)
{
    char *words[2] = {NULL, NULL};
    char copy[2][64];
    int used;
    if (args->word_count == 0) {
        print_summary(stdout);
        return CODE_DONE;
    }
    for (int i = 0; i < args->word_count && i < 2; i++) {
        (void)snprintf(copy[i], sizeof copy[i], "%s", args->words[i]);
        words[i] = copy[i];
    }
    const struct cli_verb *v = find_verb(args->word_count < 2 ? args->word_count : 2, words, &used);
    if (v == NULL) {
        (void)fprintf(stderr, "inlet: there is no verb '%s'\n", args->words[0]);
        print_summary(stderr);
        return CODE_USAGE;
    }
    print_verb(stdout, v);
    return CODE_DONE;
}

static bool parse_flag(const struct cli_verb *v, int argc, char **argv, int *at,
                       struct cli_args *out)
{
    struct str word = str_of(argv[*at]);
    size_t equals = str_find(word, '=');
    struct str name = str_slice(word, 0, equals);
    for (int i = 0; v->flags[i].name != NULL; i++) {
        if (!str_eq(name, str_of(v->flags[i].name))) {
            continue;
        }
        if (v->flags[i].value == NULL) {
            out->values[i] = "";
            return equals == word.len;
        }
        if (equals < word.len) {
            out->values[i] = argv[*at] + equals + 1;
            return true;
        }
        if (*at + 1 < argc) {
            out->values[i] = argv[++*at];
            return true;
        }
        (void)fprintf(stderr, "inlet %s: %s needs a value (%s)\n", v->name, v->flags[i].name,
                      v->flags[i].value);
        return false;
    }
    (void)fprintf(stderr, "inlet %s: unknown option '%s'\n", v->name, argv[*at]);
    return false;
}

static bool parse_args(const struct cli_verb *v, int argc, char **argv, struct cli_args *out)
{
    int max = v->words < 0 ? CLI_MAX_WORDS : v->words;
    int least = v->words < 0 ? -1 - v->words : v->words;
    for (int i = 0; i < argc; i++) {
        if (argv[i][0] == '-' && argv[i][1] == '-') {
            if (!parse_flag(v, argc, argv, &i, out)) {
                return false;
            }
        } else if (out->word_count < max) {
            out->words[out->word_count++] = argv[i];
        } else {
            (void)fprintf(stderr, "inlet %s: unexpected argument '%s'\n", v->name, argv[i]);
            return false;
        }
    }
    if (out->word_count < least) {
        (void)fprintf(stderr, "inlet %s: needs %s\n", v->name, v->usage);
        return false;
    }
    return true;
}

enum exit_code cli_main(int argc, char **argv)
{
    struct cli_args args = {0};
    int used = 0;
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        print_summary(stdout);
        return CODE_DONE;
    }
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        return version_verb(&args);
    }
    const struct cli_verb *v = argc < 2 ? NULL : find_verb(argc - 1, argv + 1, &used);
    if (v == NULL) {
        if (argc > 1) {
            (void)fprintf(stderr, "inlet: there is no verb '%s'\n\n", argv[1]);
        }
        print_summary(stderr);
        return CODE_USAGE;
    }
    if (!parse_args(v, argc - 1 - used, argv + 1 + used, &args)) {
        (void)fputc('\n', stderr);
        print_verb(stderr, v);
        return CODE_USAGE;
    }
    return v->run(&args);
}

void cli_print_docs(struct buf *out)
{
    for (const struct cli_verb *v = cli_verbs; v->name != NULL; v++) {
        buf_printf(out, "## `inlet %s%s%s`\n\n%s\n", v->name, *v->usage == '\0' ? "" : " ",
                   v->usage, v->doc);
        for (const struct cli_flag *f = v->flags; f->name != NULL; f++) {
            buf_printf(out, "\n- `%s%s%s`: %s", f->name, f->value == NULL ? "" : " ",
                       f->value == NULL ? "" : f->value, f->doc);
        }
        buf_put_cstr(out, v->flags->name == NULL ? "\n" : "\n\n");
    }
}
