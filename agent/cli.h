/* agent/cli.h: the command line: one table of verbs from which help, docs/cli.md and dispatch come.
 */
#pragma once

#include <stdbool.h>

#include "agent/retry.h"
#include "base/buf.h"

struct cli_flag {
    const char *name;  /* "--until-caught-up" */
    const char *value; /* "N", or NULL when it takes none */
    const char *doc;
};

#define CLI_MAX_FLAGS 8
#define CLI_MAX_WORDS 256
#define CLI_FROM(least) (-1 - (least)) /* cli_verb.words: at least so many */

struct cli_args {
    const char *words[CLI_MAX_WORDS]; /* positional */
    int word_count;
    const char *values[CLI_MAX_FLAGS]; /* by index of the verb's flags; "" for one without value;
                                          NULL when absent */
};

struct cli_verb {
    const char *name;             /* "table read" */
    const char *usage;            /* "WAREHOUSE DB.TABLE" */
    const char *summary;          /* one line */
    const char *doc;              /* Markdown */
    int words;                    /* positional arguments it needs; CLI_FROM(n): n or more */
    const struct cli_flag *flags; /* ends with a NULL name */
    enum exit_code (*run)(const struct cli_args *args);
};

/* SIGTERM and SIGINT set the flag from the first call on; a second SIGINT ends the program. */
struct stop;
struct stop *cli_catch_signals(void);

/* False, said on standard error, when there is no such level. */
bool cli_set_log_level(const char *text);

extern const struct cli_verb cli_verbs[]; /* ends with a NULL name */

enum exit_code cli_main(int argc, char **argv);
/* docs/cli.md */
void cli_print_docs(struct buf *out);
