/* sink/paths.h: every path and file name of the table layout (paimon-format §1). Results are
 * NUL-terminated in the arena. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

const char *paths_table(struct arena *a, const char *root, struct str database,
                        struct str table); /* <root>/<db>.db/<table> */
const char *paths_schema(struct arena *a, const char *table, int64_t id);
const char *paths_snapshot(struct arena *a, const char *table, int64_t id);
const char *paths_changelog(struct arena *a, const char *table, int64_t id);
const char *paths_hint(struct arena *a, const char *table,
                       const char *which); /* snapshot/LATEST, changelog/EARLIEST … */
const char *paths_manifest(struct arena *a, const char *table,
                           struct str name); /* manifest/<name> */
#define PATHS_POSTPONE (-2)                  /* the bucket of rows whose bucket is chosen later */
/* <table>/<partition>bucket-<n>; partition is "" or "dt=1/hour=2/" (partition.h). */
const char *paths_bucket(struct arena *a, const char *table, const char *partition, int32_t bucket);
const char *paths_consumer(struct arena *a, const char *table, struct str consumer_id);
const char *paths_join(struct arena *a, const char *left, struct str right); /* left/right */

/* "data-<uuid>-<n>.avro", "manifest-<uuid>-<n>", … */
const char *paths_file_name(struct arena *a, const char *prefix, const char *uuid, uint64_t counter,
                            const char *suffix);
void paths_uuid(char out[37]); /* random, lower case, NUL-terminated */
/* The job's folder: checkpoint path + names in it. */
const char *paths_job(struct arena *a, const char *root, struct str job); /* <root>/_inlet/<job> */
/* FAIL_CONFIG for names Paimon or a file system cannot hold: empty, with '/', NUL, '$' (tables),
 * leading dot. */
MUST_USE bool paths_check_name(struct str name, const char *what, struct error *err);
