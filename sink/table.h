/* sink/table.h: an open Paimon table: shape, options, live files, and where it stands.
 *
 * The table is the unit of failure, state and commit. It belongs to the committer's thread, except
 * what says otherwise: `schema`, `layout`, `partition`, `options`, `rule` and `path` do not change
 * while it is open and may be read from any thread; `parked` may be read from any thread.
 *
 *            table_open                 copy complete              mark passes
 *   (new) ──────────────▶ COPYING ────────────────────▶ LIVE ◀──── (restart: from the stamp)
 *                            │                            │
 *                            └──────────┬─────────────────┘
 *                       table_park      ▼  shape changed, bad value, foreign hand …
 *                                     PARKED (keeps its own position; nothing of it is written any
 * more) */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/position.h"
#include "base/schema.h"
#include "base/str.h"
#include "sink/data_file.h"
#include "sink/format/format.h"
#include "sink/fs/fs.h"
#include "sink/manifest.h"
#include "sink/merge_rule.h"
#include "sink/partition.h"
#include "sink/snapshot.h"
#include "sink/stamp.h"
#include "sink/table_bucket.h"

enum table_state { TABLE_COPYING, TABLE_LIVE, TABLE_PARKED };

#define TABLE_DYNAMIC (-1) /* bucket = -1 */

enum table_changelog {
    TABLE_CHANGELOG_NONE,
    TABLE_CHANGELOG_INPUT,
    TABLE_CHANGELOG_LOOKUP, /* made by compactions, of rows that leave level 0 */
    TABLE_CHANGELOG_FULL,   /* made by compactions into the highest level */
};

/* The table options this program acts on, parsed once. */
struct table_options {
    int32_t buckets; /* TABLE_DYNAMIC: rows go where the hash index says */
    enum table_changelog changelog;
    const struct format_ops *format;
    struct format_options format_options;
    uint64_t target_file_bytes;
    int compaction_trigger; /* num-sorted-run.compaction-trigger */
    int stop_trigger;
    int num_levels;
    int max_size_amplification_percent;
    int size_ratio;
    bool write_only;
    int64_t full_every;   /* full-compaction.delta-commits; 0: never */
    bool row_deduplicate; /* changelog-producer.row-deduplicate */
    bool old_images;      /* an update's -U is wanted: by changelog or merge engine */
    uint64_t manifest_target_bytes;
    uint64_t manifest_full_bytes;
    int64_t manifest_merge_min_count;
};

struct table {
    struct fs fs;
    const char *path;  /* NUL-terminated, in `arena` */
    const char *label; /* "db.table" */
    struct arena arena;
    struct schema *schema;
    struct data_file_layout layout;
    struct partition_layout partition;
    struct table_options options;
    struct merge_rule *rule; /* how records of a key become one */
    const char *uuid;

    enum table_state state;
    atomic_bool parked;
    char park_reason[512];
    enum fail park_code;

    struct position *position; /* everything the table contains */
    struct stamp_backfill backfill;
    struct arena backfill_arena; /* holds backfill.through */
    bool had_rows;               /* it held data of others when this job first met it */

    struct arena base_arena;     /* holds `base` and `metas` */
    struct snapshot base;        /* newest snapshot seen; id 0: none */
    uint64_t schema_digest;      /* of the file of `schema` */
    uint64_t base_digest;        /* of its file's bytes: whether it is still the one we built on */
    struct manifest_metas metas; /* all data manifests of `base`, in order */
    int64_t last_own_snapshot;   /* newest id that carries this job's stamp; 0 none */
    struct table_bucket_list buckets;
    uint64_t committed_rows;  /* of this run, for reports */
    uint64_t written_bytes;   /* data file bytes flushed by this run */
    uint64_t compacted_bytes; /* data file bytes written by compactions of this run */
    int64_t snapshots;        /* made by this run */
    int64_t since_full;       /* commits since full compactions were asked for */
    bool in_copy;             /* some job's first copy runs: kept by table_follow.h alone */
};

/* Parses the options of a schema that schema_file_check_writable accepted. */
MUST_USE bool table_parse_options(const struct schema *s, struct table_options *out,
                                  struct error *err);

/* Whether this program can write a table of that schema: columns, keys, options, merge engine.
 * FAIL_SCHEMA and FAIL_CONFIG name what is not supported. */
MUST_USE bool table_check_schema(const struct schema *s, struct error *err);

/* Among the wanted options of a new table: the columns that it is partitioned by, "dt,hour"; not
 * kept as an option. */
#define TABLE_PARTITION_OPTION "partition"

/* Opens <root>/<db>.db/<table>, creating it when there is none: `shape` gives columns, key and
 * comments (source order), `wanted` the options of a new table. An existing table must have every
 * source column by name with the same type and the same primary key: else FAIL_SCHEMA says which
 * column differs and how; its own options stay. Reads the newest snapshot, the live files, and this
 * job's newest stamp. *out_found_stamp tells whether there is one: then position and backfill are
 * the stamp's. */
MUST_USE bool table_open(struct fs fs, const char *root, struct str database, struct str name,
                         const struct schema *shape, const struct schema_option *wanted,
                         size_t wanted_count, struct str job, struct table **out,
                         bool *out_found_stamp, struct stamp *out_stamp, struct error *err);
/* Opens an existing table for reading only (any writer's); FAIL_CONFIG when there is none. */
MUST_USE bool table_open_read(struct fs fs, const char *root, struct str database, struct str name,
                              struct table **out, struct error *err);
/* As table_open_read, for commits by hand (commit.h): no job's stamp is looked for. */
MUST_USE bool table_open_edit(struct fs fs, const char *root, struct str database, struct str name,
                              struct table **out, struct error *err);
/* A table that could not be opened: parked by the caller, no schema, nothing of it is touched. */
struct table *table_stub(struct fs fs, const char *root, struct str database, struct str name);
void table_free(struct table *t);

/* Reads a snapshot into `base`, with manifests and live files, replacing what was there. */
MUST_USE bool table_load(struct table *t, int64_t snapshot_id, struct error *err);

/* Makes a snapshot of ours that was just published the base, from memory: its lists are base and
 * delta, its entries change the live files. */
MUST_USE bool table_advance(struct table *t, const struct snapshot *published,
                            const struct manifest_metas *base, const struct manifest_metas *delta,
                            const struct manifest_entry *entries, size_t count, struct error *err);

/* Digest of the file of the table's schema as it is now; 0 when it is gone. */
MUST_USE bool table_schema_digest(const struct table *t, uint64_t *out, struct error *err);

/* Applies entries to the live files: DELETE drops, ADD copies in. FAIL_CONFLICT when a DELETE names
 * a file that is not live (then nothing was changed). */
MUST_USE bool table_apply(struct table *t, const struct manifest_entry *entries, size_t count,
                          struct error *err);

void table_park(struct table *t, enum fail code, const char *reason);
/* Replaces position and backfill by copies. */
void table_set_position(struct table *t, const struct position *p);
void table_set_backfill(struct table *t, const struct stamp_backfill *b);
