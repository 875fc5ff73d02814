/* sink/snapshot.h: snapshot files (paimon-format §3): JSON, finding the newest, hints. Texts live
 * in the arena given. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "sink/fs/fs.h"

struct snapshot_property {
    struct str key;
    struct str value;
};

enum snapshot_kind { SNAPSHOT_APPEND, SNAPSHOT_COMPACT, SNAPSHOT_OVERWRITE, SNAPSHOT_ANALYZE };

struct snapshot {
    int64_t id;
    struct str uuid; /* empty = absent */
    int64_t schema_id;
    struct str base_list;
    int64_t base_list_bytes; /* -1 = absent */
    struct str delta_list;
    int64_t delta_list_bytes;
    struct str changelog_list; /* empty = absent */
    int64_t changelog_list_bytes;
    struct str index_manifest; /* empty = absent */
    struct str commit_user;
    int64_t commit_identifier;
    enum snapshot_kind kind;
    int64_t time_ms;
    int64_t total_rows;
    int64_t delta_rows;
    int64_t changelog_rows; /* -1 = absent */
    int64_t watermark;      /* INT64_MIN = absent */
    struct str statistics;  /* empty = absent */
    int64_t next_row_id;    /* -1 = absent */
    struct snapshot_property *properties;
    size_t property_count;
};

void snapshot_print(const struct snapshot *s, struct buf *out);
/* FAIL_CORRUPT / FAIL_SCHEMA (version above 3) name the member. */
MUST_USE bool snapshot_parse(struct str json, struct arena *arena, struct snapshot *out,
                             struct error *err);
/* Value of a property, or ptr NULL. */
struct str snapshot_property_get(const struct snapshot *s, struct str key);

/* *out_found = false when snapshot-<id> is not there. */
MUST_USE bool snapshot_read(struct fs fs, const char *table_path, int64_t id, struct arena *arena,
                            struct snapshot *out, bool *out_found, struct error *err);
/* Snapshots that have names (tag/tag-<name>) below a table or a branch folder of it, ascending by
 * id.
 */
MUST_USE bool snapshot_read_tags(struct fs fs, const char *root, struct arena *arena,
                                 struct snapshot **out, size_t *out_count, struct error *err);
/* Highest and lowest id by hints, checked as Java does, else by listing; 0 when there is none. */
MUST_USE bool snapshot_latest_id(struct fs fs, const char *table_path, int64_t *out,
                                 struct error *err);
MUST_USE bool snapshot_earliest_id(struct fs fs, const char *table_path, int64_t *out,
                                   struct error *err);
/* The oldest that is left, for readers. Its failure is ignored: a hint is a help only. */
void snapshot_hint_earliest(struct fs fs, const char *table_path, int64_t id);
void snapshot_hint_latest(struct fs fs, const char *table_path, int64_t id);

/* Long-lived changelogs: snapshot files kept in a folder of their own after their expiry
 * (changelog/changelog-<id>). Ids are 0 when there is none. */
MUST_USE bool snapshot_changelog_ids(struct fs fs, const char *table_path, int64_t *out_earliest,
                                     int64_t *out_latest, struct error *err);
MUST_USE bool snapshot_read_changelog(struct fs fs, const char *table_path, int64_t id,
                                      struct arena *arena, struct snapshot *out, bool *out_found,
                                      struct error *err);
/* Copies snapshot-<id> there; a snapshot that is gone is nothing to keep. */
MUST_USE bool snapshot_keep_changelog(struct fs fs, const char *table_path, int64_t id,
                                      struct error *err);
void snapshot_hint_changelog(struct fs fs, const char *table_path, int64_t id);

/* Whether every snapshot between the earliest and the latest is there: FAIL_DIVERGED names the
 * first that is not. Paimon's rollback is no transaction: one that deletes snapshots while somebody
 * publishes the next leaves a gap, and may have removed files that the later ones need. */
MUST_USE bool snapshot_check_chain(struct fs fs, const char *table_path, struct error *err);
/* As above, for the predecessor of a snapshot alone. */
MUST_USE bool snapshot_check_previous(struct fs fs, const char *table_path, int64_t id,
                                      struct error *err);

/* Exclusive publish of snapshot-<id>, then the LATEST hint (whose failure is ignored; EARLIEST when
 * id is 1). FAIL_CONFLICT, FAIL_UNKNOWN as fs. */
MUST_USE bool snapshot_publish(struct fs fs, const char *table_path, const struct snapshot *s,
                               struct error *err);
