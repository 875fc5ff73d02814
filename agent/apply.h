/* agent/apply.h: operations on one table without a job, a JSON line each (docs/cli.md, `inlet table
 * apply`): rows, commits, compactions, changes of the schema, tags, expiry. Thread: one. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/stop.h"
#include "base/str.h"
#include "sink/fs/fs.h"

/* Borrowed. */
struct apply_options {
    struct fs fs;
    const char *root;
    struct str database;
    struct str name;
    struct str user; /* commitUser */
    FILE *in;
    const char *from; /* the input's name, in errors */
    const struct stop *stop;
};

struct apply_result {
    uint64_t rows;
    int64_t snapshot; /* the newest; 0: none */
};

/* Runs every line, and commits what is left at the end. A failure names its line; what lines before
 * it committed stays, rows after the last commit are gone. */
MUST_USE bool apply_run(const struct apply_options *options, struct apply_result *out,
                        struct error *err);
