/* sink/expire.h: removes old snapshots and the files that nothing else names (paimon-write-path
 * §7.2, §7.3; Paimon's ExpireSnapshotsImpl and ExpireChangelogImpl).
 *
 * A snapshot goes when it is beyond snapshot.num-retained.max, or when it has been the newest for
 * the last time longer ago than snapshot.time-retained; the newest num-retained.min ones stay, and
 * everything that a consumer has still to read, a tag or a branch names. Data files go first,
 * manifests next, the snapshot's own file last and oldest first, so that what a crash left is done
 * again by the next run; a stop is looked at before the first removal only. With longer changelog.*
 * retention the snapshot moves to changelog/ with its changes, and goes from there.
 *
 * Works on files alone, needs no open table, and may run beside writers: nothing that the newest
 * snapshot or a later one names is touched. Thread: one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/schema.h"
#include "base/stop.h"
#include "sink/fs/fs.h"
#include "sink/partition.h"

struct expire_retention {
    int64_t min;      /* num-retained.min: 10; at least 1 */
    int64_t max;      /* num-retained.max: INT64_MAX */
    uint64_t time_ms; /* time-retained: 1 h */
};

struct expire_options {
    struct expire_retention snapshot;
    struct expire_retention changelog;
    bool decoupled;        /* some changelog retention exceeds the snapshots' */
    bool has_changelog;    /* the table has a changelog producer */
    bool index_in_buckets; /* index-file-in-data-file-dir */
    bool consumers;        /* they hold snapshots (consumer.changelog-only: only changelogs) */
    int64_t limit;         /* snapshot.expire.limit: 50 a run */
};
/* FAIL_CONFIG names the option. */
MUST_USE bool expire_options_parse(const struct schema *s, struct expire_options *out,
                                   struct error *err);

struct expire_result {
    int64_t snapshots;  /* removed */
    int64_t changelogs; /* long-lived ones removed */
    uint64_t files;     /* removed, of all kinds */
    int64_t earliest;   /* id of the oldest snapshot that is left; 0: the table has none */
    int64_t earliest_ms;
    bool more;       /* the limit ended the run */
    char holder[64]; /* the consumer that keeps snapshots which would go otherwise; "" none */
};

/* now_ms: wall clock, UTC. stop may be NULL. FAIL_STOPPED: nothing was removed. */
MUST_USE bool expire_run(struct fs fs, const char *table_path, const struct expire_options *o,
                         const struct partition_layout *partition, int64_t now_ms,
                         const struct stop *stop, struct expire_result *out, struct error *err);
