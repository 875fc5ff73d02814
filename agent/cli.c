#include "agent/cli.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/job.h"
#include "agent/table_verbs.h"
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

static void catch_signals(void)
{
    struct sigaction stop_action = {.sa_handler = on_signal};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    signal_stop = stop_new();
    (void)sigaction(SIGINT, &stop_action, NULL);
    (void)sigaction(SIGTERM, &stop_action, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
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

static bool set_log_level(const char *text)
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
    if (args->values[RUN_LOG_LEVEL] != NULL && !set_log_level(args->values[RUN_LOG_LEVEL])) {
        return CODE_USAGE;
    }
    catch_signals();
    enum exit_code code = job_run(&options, signal_stop);
    stop_free(signal_stop);
    return code;
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
    {"table schema", "WAREHOUSE DB.TABLE", "print a table's newest schema file",
     "The JSON of `schema/schema-N`.", 2, no_flags, table_verbs_schema},
    {"table snapshots", "WAREHOUSE DB.TABLE", "list a table's snapshots",
     "One JSON line a snapshot, oldest first.", 2, no_flags, table_verbs_snapshots},
    {"table files", "WAREHOUSE DB.TABLE", "list a table's live data files",
     "One JSON line a file of the newest (or the given) snapshot.", 2, table_verbs_scan_flags,
     table_verbs_files},
    {"table expire", "WAREHOUSE DB.TABLE", "remove old snapshots and the files only they name",
     "Follows the table's `snapshot.*` and `changelog.*` retention options; what consumers have "
     "still to read, tags and branches stay. A running job does the same in the background.",
     2, table_verbs_expire_flags, table_verbs_expire},
    {"version", "", "print the version", "Prints `inlet VERSION`.", 0, no_flags, version_verb},
    {"help", "[VERB]", "explain a verb", "Without a verb: the list of verbs.", -1, no_flags,
     help_verb},
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
    int max = v->words < 0 ? 2 : v->words;
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
    if (v->words >= 0 && out->word_count < v->words) {
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
