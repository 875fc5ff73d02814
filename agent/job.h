/* agent/job.h: the life of a job: load, claim, run pipelines until the end, report. Thread: main.
 */
#pragma once

#include <stdbool.h>

#include "agent/retry.h"
#include "base/stop.h"
#include "config/jobspec.h"
#include "connectors/source.h"

struct job_options {
    const char *path;
    bool until_caught_up;
    bool take_over;
};

/* A job file with its source's options checked. */
struct job_file {
    struct jobspec spec;
    const struct source_ops *source;
    void *source_conf; /* of source->options->size bytes */
};

/* Everything that can be checked without a server: FAIL_CONFIG with file:line:column. */
MUST_USE bool job_load(const char *path, struct job_file *out, struct error *err);
void job_release(struct job_file *j);

/* Runs until the end; logs errors itself. `drain` asks for an orderly stop. */
enum exit_code job_run(const struct job_options *options, struct stop *drain);
