/* agent/table_view.h: a table opened by a command of `inlet table …`: where it lies, its newest
 * schema, a snapshot and its files. Nothing is written. Thread: one. */
#pragma once

#include "agent/cli.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/schema.h"
#include "sink/fs/fs.h"
#include "sink/manifest.h"
#include "sink/partition.h"
#include "sink/snapshot.h"

#define TABLE_VIEW_TEXT_MAX ((size_t)256 << 20)

/* Zeroed, then filled step by step. */
struct table_view {
    struct arena arena;
    struct fs fs;
    const char *root;
    struct str database;
    struct str name;
    const char *path;
    struct schema *schema;
    struct partition_layout partition;
    struct snapshot snapshot; /* id 0: the table has none */
    struct manifest_entries entries;
};

/* WAREHOUSE DB.TABLE: the first two words. FAIL_CONFIG names what is wrong with them. */
MUST_USE bool table_view_path(const struct cli_args *args, struct table_view *v, struct error *err);
/* The same and the schema. FAIL_CONFIG: there is no such table. */
MUST_USE bool table_view_schema(const struct cli_args *args, struct table_view *v,
                                struct error *err);
/* The same and a snapshot: the one that `id` (a command line's text) names, else the newest. */
MUST_USE bool table_view_snapshot(const struct cli_args *args, const char *id, struct table_view *v,
                                  struct error *err);
/* The same, how it is partitioned, and its live files. */
MUST_USE bool table_view_files(const struct cli_args *args, const char *id, struct table_view *v,
                               struct error *err);
void table_view_close(struct table_view *v);

/* A whole number of the command line, at least `least`. */
MUST_USE bool table_view_number(const char *flag, const char *text, int64_t least, int64_t *out,
                                struct error *err);

/* Says what went wrong, and gives the exit code. */
enum exit_code table_view_complain(const struct error *err);
/* Closes; says what went wrong when it did, standard output included. */
enum exit_code table_view_end(struct table_view *v, bool ok, struct error *err);
