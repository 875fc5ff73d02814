/* agent/retry.h: what a failure means for the job: the one place where error codes are read
 * (docs/cli.md, "Exit codes").
 *
 * Retried failures wait 0.2 s, doubling to 30 s; a pipeline that ran for a minute starts again at
 * 0.2 s. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum exit_code {
    CODE_DONE = 0,
    CODE_RETRY = 1, /* failed; retrying may help */
    CODE_USAGE = 2, /* usage or configuration */
    CODE_ASIDE = 3, /* finished, but some tables are set aside */
    CODE_OWNED = 4, /* another agent owns this job */
    CODE_HUMAN = 5, /* a human is needed */
};

struct retry {
    uint64_t wait_ms; /* before the next try */
    uint64_t started_ms;
    unsigned damaged; /* times in a row that bytes were damaged */
};

/* True when the job should start its pipeline again, after r->wait_ms. */
bool retry_wanted(struct retry *r, const struct error *err);
/* A pipeline begins. */
void retry_begin(struct retry *r);
enum exit_code retry_exit(enum fail code);
/* One sentence for the user, "" when the text says it already. */
const char *retry_advice(enum fail code);
