/* agent/progress.h: what a person sees while a job runs: on a terminal a block of lines, one a
 * table (phase, rows, rate, ETA), redrawn every second; otherwise one logfmt line a commit. Thread:
 * the job's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/pipeline.h"

struct progress;

struct progress *progress_new(bool terminal);
void progress_free(struct progress *g);
/* Called often; draws at most once a second. */
void progress_tick(struct progress *g, const struct pipeline *p);
/* One commit of a table: `rows` entries' rows, with the chunk count listed. */
void progress_commit(struct progress *g, const struct table *t, int64_t mark, uint64_t rows,
                     size_t files, uint64_t took_ms);
/* Clears the terminal block so that ordinary text may follow. */
void progress_pause(struct progress *g);
/* The last report: one line a table. */
void progress_report(const struct pipeline *p, uint64_t started_ms);
