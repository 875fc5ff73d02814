/* config/jobspec.h: a whole job file, typed. Owned by the caller; everything lives in its arena and
 * tree. The source's own block is checked against the source's option table by the caller (agent),
 * who knows the sources. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "config/option.h"
#include "config/tree.h"

struct jobspec_pipeline {
    struct str name; /* the job's identity; 1 to 100 of [A-Za-z0-9._-] after blanks became '-' */
    int64_t parallelism;
    uint64_t checkpoint_interval_ms;
    uint64_t memory_bytes;
    struct str checkpoint_path; /* empty: <warehouse>/_inlet/<job> */
    int runtime_mode;           /* STREAMING is the only one that passes */
};

struct jobspec_sink {
    struct str warehouse; /* catalog.properties.warehouse: a path or file: URI */
    struct str metastore;
    struct str commit_user_prefix;
    struct option_map table_properties; /* table.properties.* */
    struct str partition_key;           /* empty: none (agent/partition_key.h) */
    struct str name;                    /* for people; may be empty */
    int type;                           /* paimon is the only one that passes */
};

struct jobspec {
    struct arena arena;
    struct tree *tree;
    struct str source_type;
    const struct tree_node *source; /* the source: block */
    struct str source_name;         /* for people; may be empty */
    struct jobspec_sink sink;
    struct jobspec_pipeline pipeline;
};

extern const struct option_table jobspec_sink_options;
extern const struct option_table jobspec_pipeline_options;

/* Keys of the source: block that are not the source's own (option_apply's skip). */
extern const char *const jobspec_source_keys[];

/* On failure out is untouched. jobspec_parse is the same for a text at hand; name is for messages.
 */
MUST_USE bool jobspec_parse(struct str text, const char *name, struct jobspec *out,
                            struct error *err);
MUST_USE bool jobspec_load(const char *path, struct jobspec *out, struct error *err);
void jobspec_release(struct jobspec *j);
