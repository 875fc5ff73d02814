#include "config/jobspec.h"

#include <stddef.h>

#include "base/mem.h"

#define SOURCE_EXAMPLE                                                                             \
    "source: {type: mysql, hostname: db.example.org, username: inlet, password: "                  \
    "'${file:/run/secrets/mysql}', tables: 'shop.\\.*'}"
#define SINK_EXAMPLE "sink: {type: paimon, catalog.properties.warehouse: /var/lib/inlet/lake}"
#define SINK(member) offsetof(struct jobspec_sink, member)
#define PIPELINE(member) offsetof(struct jobspec_pipeline, member)
#define UNSUPPORTED(key, kind, text)                                                               \
    {                                                                                              \
        .name = (key), .type = (kind), .flags = OPTION_UNSUPPORTED, .doc = (text)                  \
    }
#define IGNORED(key, kind, text)                                                                   \
    {                                                                                              \
        .name = (key), .type = (kind), .flags = OPTION_IGNORED, .doc = (text)                      \
    }

static const char *const sink_types[] = {"paimon", NULL};
static const char *const runtime_modes[] = {"STREAMING", "BATCH", NULL};
enum { RUNTIME_BATCH = 1 };

/* Flink CDC's Paimon sink (its documentation, "Pipeline Connector Options"), and the options of
 * Paimon's catalogs (CatalogOptions) as far as users set them. */
static const struct option sink_options[] = {
    {.name = "type",
     .type = OPTION_CHOICE,
     .flags = OPTION_REQUIRED,
     .at = SINK(type),
     .choices = sink_types,
     .doc = "The kind of sink."},
    {.name = "name",
     .type = OPTION_TEXT,
     .at = SINK(name),
     .doc = "A name for people; it changes nothing."},
    {.name = "catalog.properties.warehouse",
     .type = OPTION_TEXT,
     .flags = OPTION_REQUIRED,
     .at = SINK(warehouse),
     .doc = "The warehouse: a folder, as a path or a `file:` URI. Databases become `<name>.db` "
            "folders in it."},
    {.name = "catalog.properties.metastore",
     .type = OPTION_TEXT,
     .at = SINK(metastore),
     .def = "filesystem",
     .doc = "The kind of catalog; only `filesystem` so far."},
    {.name = "table.properties.",
     .type = OPTION_MAP,
     .at = SINK(table_properties),
     .doc =
         "Paimon's options for every table that is created (`bucket`, `changelog-producer`, …)."},
    {.name = "commit.user-prefix",
     .type = OPTION_TEXT,
     .at = SINK(commit_user_prefix),
     .def = "inlet",
     .doc = "Beginning of the commit user in Paimon's snapshots."},
    {.name = "partition.key",
     .type = OPTION_TEXT,
     .at = SINK(partition_key),
     .doc = "Partition columns of created tables: `db.table:column,column;db.other:column`. They "
            "must be columns of the table's primary key."},
    UNSUPPORTED("include.schema.changes", OPTION_TEXT, "Kinds of schema changes to apply."),
    UNSUPPORTED("exclude.schema.changes", OPTION_TEXT, "Kinds of schema changes to leave out."),
    UNSUPPORTED("catalog.properties.uri", OPTION_TEXT, "Address of a REST, JDBC or Hive catalog."),
    UNSUPPORTED("catalog.properties.catalog-key", OPTION_TEXT, "Key of a JDBC catalog."),
    UNSUPPORTED("catalog.properties.token", OPTION_TEXT, "Token of a REST catalog."),
    UNSUPPORTED("catalog.properties.token.", OPTION_MAP, "Token provider of a REST catalog."),
    UNSUPPORTED("catalog.properties.jdbc.", OPTION_MAP, "Login of a JDBC catalog."),
    UNSUPPORTED("catalog.properties.lock.", OPTION_MAP, "Locks of a Hive or JDBC catalog."),
    UNSUPPORTED("catalog.properties.hive-conf-dir", OPTION_TEXT, "Hive's configuration."),
    UNSUPPORTED("catalog.properties.hadoop-conf-dir", OPTION_TEXT, "Hadoop's configuration."),
    UNSUPPORTED("catalog.properties.hadoop.", OPTION_MAP, "Hadoop's configuration."),
    UNSUPPORTED("catalog.properties.s3.", OPTION_MAP, "A warehouse in S3."),
    UNSUPPORTED("catalog.properties.fs.", OPTION_MAP, "A warehouse in an object store."),
    UNSUPPORTED("catalog.properties.table.type", OPTION_TEXT, "External tables."),
    UNSUPPORTED("catalog.properties.case-sensitive", OPTION_BOOL,
                "Lower-case names; names are kept as the source writes them."),
    IGNORED("catalog.properties.cache-enabled", OPTION_BOOL,
            "inlet has no catalog cache that could be stale."),
    IGNORED("catalog.properties.client-pool-size", OPTION_INT,
            "A file system catalog has no clients to pool."),
};

/* Flink CDC's PipelineOptions, and our own keys. */
static const struct option pipeline_options[] = {
    {.name = "name",
     .type = OPTION_TEXT,
     .at = PIPELINE(name),
     .def = "Flink CDC Pipeline Job",
     .doc = "The job's identity: what the lake remembers it by. Two jobs on one warehouse need two "
            "names, and a job that is renamed starts anew. 1 to 100 of `A-Z a-z 0-9 . _ -`, not "
            "beginning with a dot; blanks become `-`."},
    {.name = "parallelism",
     .type = OPTION_INT,
     .at = PIPELINE(parallelism),
     .def = "2",
     .min = 1,
     .max = 256,
     .doc = "How many threads read the first copy, and how many encode and write."},
    {.name = "checkpoint.interval",
     .type = OPTION_DURATION,
     .at = PIPELINE(checkpoint_interval_ms),
     .def = "10 s",
     .min = 100,
     .max = 86400000,
     .doc = "How often changes are committed to the lake."},
    {.name = "memory",
     .type = OPTION_SIZE,
     .at = PIPELINE(memory_bytes),
     .def = "256 MiB",
     .min = 33554432,
     .max = 1099511627776,
     .doc = "Memory for data of the whole process."},
    {.name = "checkpoint.path",
     .type = OPTION_TEXT,
     .at = PIPELINE(checkpoint_path),
     .doc = "The folder of the job's own files (epochs, checkpoints); by default "
            "`<warehouse>/_inlet/<job>`."},
    {.name = "execution.runtime-mode",
     .type = OPTION_CHOICE,
     .at = PIPELINE(runtime_mode),
     .def = "STREAMING",
     .choices = runtime_modes,
     .doc = "`BATCH` is not supported yet; `inlet run --until-caught-up` ends when it is done."},
    UNSUPPORTED("schema.change.behavior", OPTION_TEXT,
                "What a schema change does; here it stops its table by name."),
    UNSUPPORTED("route-mode", OPTION_TEXT, "Which rules of `route` a table meets."),
    UNSUPPORTED("transform.decimal.precision.mode", OPTION_TEXT,
                "Digits of computed decimals in `transform`."),
    UNSUPPORTED("user-defined-function", OPTION_TEXT, "User functions for `transform`."),
    UNSUPPORTED("model", OPTION_TEXT, "Models for `transform`."),
    IGNORED("local-time-zone", OPTION_TEXT,
            "No value is converted to a local time: TIMESTAMP columns of the source are stored as "
            "instants."),
    IGNORED("schema-operator.rpc-timeout", OPTION_DURATION, "There is no coordinator to wait for."),
    IGNORED("schema.operator.uid", OPTION_TEXT, "There are no Flink operators to name."),
    IGNORED("operator.uid.prefix", OPTION_TEXT, "There are no Flink operators to name."),
    IGNORED("sink.partitioning.strategy", OPTION_TEXT,
            "Rows always go to the writer of their bucket, as `SINK_DEFINED` says."),
};

const struct option_table jobspec_sink_options = {
    .title = "sink: paimon",
    .options = sink_options,
    .count = sizeof(sink_options) / sizeof(sink_options[0]),
    .size = sizeof(struct jobspec_sink),
};

const struct option_table jobspec_pipeline_options = {
    .title = "pipeline",
    .options = pipeline_options,
    .count = sizeof(pipeline_options) / sizeof(pipeline_options[0]),
    .size = sizeof(struct jobspec_pipeline),
};

const char *const jobspec_source_keys[] = {"type", "name", NULL};

/* Top-level keys: the three blocks, and two that Flink CDC has and we do not have yet. */
static bool check_blocks(const struct jobspec *j, const struct tree_node *root, struct error *err)
{
    static const char *const known[] = {"source", "sink", "pipeline", "route", "transform", NULL};
    const char *name = tree_name(j->tree);
    if (root->kind != TREE_MAP) {
        return option_fail(name, root, err, "expected the blocks source, sink and pipeline");
    }
    for (size_t i = 0; i < root->count; i++) {
        const struct tree_node *block = &root->children[i];
        size_t at = 0;
        while (known[at] != NULL && !str_eq(block->key, str_of(known[at]))) {
            at++;
        }
        if (known[at] == NULL) {
            const char *near = option_nearest(known, block->key);
            return option_fail(name, block, err, "unknown block \"%.*s\"%s%s%s",
                               STR_FMT(str_slice(block->key, 0, 100)),
                               near == NULL ? "" : ": did you mean \"", near == NULL ? "" : near,
                               near == NULL ? "" : "\"?");
        }
        if (at >= 3) {
            return option_fail(name, block, err, "\"%s\" is not supported yet", known[at]);
        }
    }
    return true;
}

static bool need_block(const struct jobspec *j, const char *key, const char *example,
                       const struct tree_node **out, struct error *err)
{
    *out = tree_child(tree_root(j->tree), str_of(key));
    return *out != NULL ||
           error_set(
               err, FAIL_CONFIG,
               "%s: block \"%s:\" is missing: expected source, sink and pipeline; add it, for "
               "example `%s`",
               tree_name(j->tree), key, example);
}

static bool load_source(struct jobspec *j, struct error *err)
{
    const char *name = tree_name(j->tree);
    if (!need_block(j, "source", SOURCE_EXAMPLE, &j->source, err)) {
        return false;
    }
    if (j->source->kind != TREE_MAP) {
        return option_fail(name, j->source, err, "\"source\" must be a map of keys and values");
    }
    const struct tree_node *type = tree_child(j->source, STR("type"));
    if (type == NULL || type->kind != TREE_SCALAR || type->text.len == 0) {
        return option_fail(name, type == NULL ? j->source : type, err,
                           "\"source.type\" is missing: the kind of source, like mysql");
    }
    j->source_type = type->text;
    const struct tree_node *label = tree_child(j->source, STR("name"));
    if (label != NULL && label->kind != TREE_SCALAR) {
        return option_fail(name, label, err, "\"source.name\": expected text");
    }
    j->source_name = label == NULL ? (struct str){NULL, 0} : label->text;
    return true;
}

/* The place to point at: the key when it was written, else the block. */
static const struct tree_node *node_or(const struct tree_node *block, const char *key)
{
    const struct tree_node *node = option_node(block, str_of(key));
    return node == NULL ? block : node;
}

/* "s3://bucket/x" has a scheme; "file:/x", "/x" and "a:b/c" are paths here. */
static bool check_warehouse(const struct jobspec *j, const struct tree_node *block,
                            struct error *err)
{
    struct str path = j->sink.warehouse;
    size_t colon = str_find(path, ':');
    struct str scheme = str_slice(path, 0, colon);
    const struct tree_node *node = node_or(block, "catalog.properties.warehouse");
    struct str shown = option_shown(NULL, node);
    if (!str_eq_nocase(scheme, STR("file")) &&
        str_starts(str_slice(path, colon, path.len), STR("://"))) {
        return option_fail(tree_name(j->tree), node, err,
                           "\"sink.catalog.properties.warehouse\": \"%.*s\" is not supported yet: "
                           "expected a path or a file: URI",
                           STR_FMT(shown));
    }
    return true;
}

static bool load_sink(struct jobspec *j, struct error *err)
{
    const struct tree_node *block = NULL;
    if (!need_block(j, "sink", SINK_EXAMPLE, &block, err) ||
        !option_apply(&jobspec_sink_options, block, tree_name(j->tree), NULL, &j->arena, &j->sink,
                      err)) {
        return false;
    }
    if (!str_eq(j->sink.metastore, STR("filesystem"))) {
        const struct tree_node *node = node_or(block, "catalog.properties.metastore");
        struct str shown = option_shown(NULL, node);
        return option_fail(tree_name(j->tree), node, err,
                           "\"sink.catalog.properties.metastore\": \"%.*s\" is not supported yet: "
                           "expected filesystem",
                           STR_FMT(shown));
    }
    return check_warehouse(j, block, err);
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

/* The job's name becomes a folder and a part of file names. */
static bool check_name(struct jobspec *j, const struct tree_node *block, struct error *err)
{
    struct str name = str_trim(j->pipeline.name);
    char *clean = arena_cstr(&j->arena, name);
    bool ok = name.len >= 1 && name.len <= 100 && clean[0] != '.';
    for (size_t i = 0; i < name.len && ok; i++) {
        clean[i] = clean[i] == ' ' ? '-' : clean[i];
        ok = is_name_byte(clean[i]);
    }
    if (!ok) {
        const struct tree_node *node = node_or(block, "name");
        struct str shown = option_shown(NULL, node);
        return option_fail(tree_name(j->tree), node, err,
                           "\"pipeline.name\": \"%.*s\" is not 1 to 100 of A-Z a-z 0-9 . _ - and "
                           "blank, not beginning with a dot",
                           STR_FMT(shown));
    }
    j->pipeline.name = (struct str){clean, name.len};
    return true;
}

static bool load_pipeline(struct jobspec *j, struct error *err)
{
    static const struct tree_node none = {
        .kind = TREE_MAP, .key = {"pipeline", 8}, .line = 1, .column = 1};
    const struct tree_node *block = tree_child(tree_root(j->tree), STR("pipeline"));
    block = block == NULL ? &none : block;
    if (!option_apply(&jobspec_pipeline_options, block, tree_name(j->tree), NULL, &j->arena,
                      &j->pipeline, err)) {
        return false;
    }
    if (j->pipeline.runtime_mode == RUNTIME_BATCH) {
        return option_fail(tree_name(j->tree), node_or(block, "execution.runtime-mode"), err,
                           "\"pipeline.execution.runtime-mode\": BATCH is not supported yet; "
                           "`inlet run --until-caught-up` ends when it is done");
    }
    return check_name(j, block, err);
}

/* Takes the tree in every case. */
static bool load_tree(struct tree *tree, struct jobspec *out, struct error *err)
{
    struct jobspec j = {.tree = tree};
    if (!check_blocks(&j, tree_root(tree), err) || !load_source(&j, err) || !load_sink(&j, err) ||
        !load_pipeline(&j, err)) {
        jobspec_release(&j);
        return false;
    }
    *out = j;
    return true;
}

bool jobspec_parse(struct str text, const char *name, struct jobspec *out, struct error *err)
{
    struct tree *tree = NULL;
    return tree_parse(text, name, &tree, err) && load_tree(tree, out, err);
}

bool jobspec_load(const char *path, struct jobspec *out, struct error *err)
{
    struct tree *tree = NULL;
    return tree_load(path, &tree, err) && load_tree(tree, out, err);
}

void jobspec_release(struct jobspec *j)
{
    tree_free(j->tree);
    arena_release(&j->arena);
    *j = (struct jobspec){0};
}
