/* sink/commit.h: builds one snapshot of one table and publishes it, fenced (design.md §5 "Fence").
 *
 * Before snapshot N+1 is created exclusively, snapshot N is read again (it must still be the one we
 * built on) and every snapshot after the last one seen is looked at. Between the look and the
 * create nothing can slip in: the create fails if anything did.
 *
 *   what is found                                   → result
 *   snapshot N gone or different                    → FAIL_DIVERGED (rolled back, dropped, or made
 * again) ours, higher epoch                              → FAIL_OWNED ours, lower epoch, not seen
 * before              → FAIL_CONFLICT: a paused agent slipped in; reopen the table ours, same
 * epoch, identifier and kind           → success: an earlier publish whose answer was lost foreign
 * OVERWRITE                               → FAIL_DIVERGED foreign APPEND, or another schema →
 * FAIL_CONFLICT: reopen (sequence numbers, columns) foreign COMPACT or ANALYZE → applied to the
 * live files; go on
 *
 * Commits without a position carry no stamp: they are by hand (table_edit.h), not of a job. For
 * them "ours" is what names a list that this process wrote, and a COMPACT goes on over whatever
 * others did as long as its inputs are live.
 *
 * Thread: the committer's. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "sink/index_manifest.h"
#include "sink/manifest.h"
#include "sink/snapshot.h"
#include "sink/table.h"

/* Who commits: constant for one run. */
struct commit_owner {
    struct str user; /* commitUser: stable for the job */
    struct str job;
    int64_t epoch;
    const char *file_uuid; /* in the names of all files this run makes */
    atomic_uint_fast64_t *file_counter;
};

struct commit_request {
    enum snapshot_kind kind; /* APPEND, COMPACT or OVERWRITE */
    int64_t identifier;      /* of a job: epoch · 2⁴⁰ + mark */
    const struct manifest_entry *entries;
    size_t entry_count;
    const struct manifest_entry *changelog;
    size_t changelog_count;
    const struct index_manifest_entries *index; /* changes of the index files; NULL: none */
    bool *out_reached; /* set when the snapshot may stand: then the data files may be listed,
                          whatever the result says, and must not be removed */
    const struct position
        *position; /* what the table contains with this snapshot; NULL: no stamp */
    const struct stamp_backfill *backfill;
    const int64_t *watermark; /* NULL: that of the snapshot before */
};

/* On success the table's base, live files, position, backfill and last_own_snapshot are those of
 * the new snapshot. On failure the manifests it wrote are removed; data files are the caller's.
 * FAIL_CONFLICT of a COMPACT whose inputs are gone: throw its outputs away. */
MUST_USE bool commit_publish(struct table *t, const struct commit_owner *owner,
                             const struct commit_request *request, struct error *err);

/* Looks for foreign snapshots without publishing (the same rules), so that an idle table notices
 * too. */
MUST_USE bool commit_look(struct table *t, const struct commit_owner *owner, struct error *err);
