/* agent/compact_run.h: `inlet compact`: a process of its own that compacts tables beside their
 * writers (design.md §8), one job's, those of a warehouse, or those that are named.
 *
 * Several may run, on the same tables, too: a result that comes second is thrown away. What it
 * makes is found by its uuid, kept as an epoch (epoch.h) in <warehouse>/_inlet/compact-<scope>, so
 * that a next one removes what a killed one left unlisted. Thread: main. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/retry.h"
#include "base/stop.h"

struct compact_run_options {
    const char *place;        /* a job file, or a warehouse */
    const char *const *names; /* "db.table"; none: all of the job's or the warehouse's */
    size_t name_count;
    bool once;
    uint64_t interval_ms;  /* between two looks at a table; 0: 1 s */
    uint64_t memory_bytes; /* 0: the job's, else 128 MiB */
    size_t threads;        /* 0: the job's, else 2 */
};

/* Runs until the stop, or until nothing is left to do (once). Logs. */
enum exit_code compact_run(const struct compact_run_options *options, struct stop *stop);
