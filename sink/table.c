#include "sink/table.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/instant.h"
#include "base/mem.h"
#include "sink/expire.h"
#include "sink/paths.h"
#include "sink/schema_file.h"
#include "sink/table_shape.h"

#define SNAPSHOT_MAX_BYTES (32u << 20)
#define TABLE_UUID_OPTION "inlet.table"

/* ---- options ---- */

static bool option_number(const struct schema *s, const char *key, int64_t def, int64_t min,
                          int64_t max, int64_t *out, struct error *err)
{
    struct str text = schema_option(s, str_of(key));
    if (text.ptr == NULL) {
        *out = def;
        return true;
    }
    if (!str_to_i64(str_trim(text), out) || *out < min || *out > max) {
        return error_set(err, FAIL_SCHEMA, "table option '%s' is \"%.*s\", expected %lld to %lld",
                         key, STR_FMT(text), (long long)min, (long long)max);
    }
    return true;
}

static bool option_size(const struct schema *s, const char *key, uint64_t def, uint64_t *out,
                        struct error *err)
{
    struct str text = schema_option(s, str_of(key));
    if (text.ptr == NULL) {
        *out = def;
        return true;
    }
    if (!str_to_size(text, out) || *out == 0) {
        return error_set(err, FAIL_SCHEMA,
                         "table option '%s' is \"%.*s\", expected a size such as '128 mb'", key,
                         STR_FMT(text));
    }
    return true;
}

static bool parse_compaction(const struct schema *s, struct table_options *o, struct error *err)
{
    int64_t trigger;
    int64_t stop;
    int64_t levels;
    int64_t amplification;
    int64_t ratio;
    if (!option_number(s, "num-sorted-run.compaction-trigger", 5, 1, 1000, &trigger, err) ||
        !option_number(s, "num-sorted-run.stop-trigger", trigger + 3, 1, 100000, &stop, err) ||
        !option_number(s, "num-levels", trigger + 1, 2, 1000, &levels, err) ||
        !option_number(s, "compaction.max-size-amplification-percent", 200, 0, INT32_MAX,
                       &amplification, err) ||
        !option_number(s, "compaction.size-ratio", 1, 0, INT32_MAX, &ratio, err)) {
        return false;
    }
    o->compaction_trigger = (int)trigger;
    o->stop_trigger = (int)(stop > trigger ? stop : trigger);
    o->num_levels = (int)levels;
    o->max_size_amplification_percent = (int)amplification;
    o->size_ratio = (int)ratio;
    return true;
}

static enum table_changelog producer_of(struct str text)
{
    struct str name = str_trim(text);
    return str_eq_nocase(name, STR("input"))             ? TABLE_CHANGELOG_INPUT
           : str_eq_nocase(name, STR("lookup"))          ? TABLE_CHANGELOG_LOOKUP
           : str_eq_nocase(name, STR("full-compaction")) ? TABLE_CHANGELOG_FULL
                                                         : TABLE_CHANGELOG_NONE;
}

bool table_parse_options(const struct schema *s, struct table_options *out, struct error *err)
{
    struct table_options o = {0};
    int64_t buckets;
    int64_t level;
    struct str changelog = schema_option(s, STR("changelog-producer"));
    struct str format = schema_option(s, STR("file.format"));
    struct str write_only = schema_option(s, STR("write-only"));

    struct expire_options expiry; /* only looked at: the expirer reads its own */
    if (!expire_options_parse(s, &expiry, err)) {
        return false;
    }
    if (!option_number(s, "bucket", TABLE_DYNAMIC, TABLE_DYNAMIC, INT32_MAX, &buckets, err) ||
        !option_number(s, "file.compression.zstd-level", 1, 1, 22, &level, err) ||
        !option_number(s, "manifest.merge-min-count", 30, 1, INT32_MAX, &o.manifest_merge_min_count,
                       err) ||
        !option_size(s, "target-file-size", UINT64_C(128) << 20, &o.target_file_bytes, err) ||
        !option_size(s, "file.block-size", 0, &o.format_options.block_bytes, err) ||
        !option_size(s, "parquet.block.size", o.format_options.block_bytes,
                     &o.format_options.block_bytes, err) ||
        !option_size(s, "manifest.target-file-size", UINT64_C(8) << 20, &o.manifest_target_bytes,
                     err) ||
        !option_size(s, "manifest.full-compaction-threshold-size", UINT64_C(16) << 20,
                     &o.manifest_full_bytes, err) ||
        !parse_compaction(s, &o, err)) {
        return false;
    }
    o.buckets = (int32_t)buckets;
    o.changelog = producer_of(changelog);
    o.row_deduplicate = str_eq_nocase(
        str_trim(schema_option(s, STR("changelog-producer.row-deduplicate"))), STR("true"));
    int64_t every = o.changelog == TABLE_CHANGELOG_FULL ? 1 : 0;
    if (!option_number(s, "full-compaction.delta-commits", every, every, INT32_MAX, &o.full_every,
                       err)) {
        return false;
    }
    o.write_only = str_eq(write_only, STR("true"));
    o.format_options.zstd_level = (int)level;
    o.format_options.compression = schema_file_compression(s);
    if (!format_of_option(format.ptr == NULL ? STR("parquet") : format, &o.format, err)) {
        return false;
    }
    *out = o;
    return true;
}

/* ---- live files ---- */

static struct table_bucket *bucket_of(const struct table *t, const struct manifest_entry *e)
{
    return table_bucket_find(&t->buckets, e->partition, e->bucket);
}

/* Checks the entry's bucket and makes sure that it is in the list. */
static bool admit(struct table *t, const struct manifest_entry *e, struct error *err)
{
    struct arena a = {0};
    const char *path = NULL;
    bool fixed = t->options.buckets != TABLE_DYNAMIC;
    if (e->total_buckets != t->options.buckets || e->bucket < 0 ||
        (fixed && e->bucket >= t->options.buckets)) {
        return error_set(err, FAIL_SCHEMA,
                         "file %.*s is in bucket %d of %d, but the table's option 'bucket' is %d: "
                         "rescale the table with INSERT OVERWRITE first",
                         STR_FMT(e->file->name), e->bucket, e->total_buckets, t->options.buckets);
    }
    bool ok = bucket_of(t, e) != NULL ||
              partition_bucket(&t->partition, t->path, e->partition, e->bucket, &a, &path, err);
    if (ok && path != NULL) {
        (void)table_bucket_add(&t->buckets, e->partition, e->bucket, path);
    }
    arena_release(&a);
    return ok;
}

bool table_apply(struct table *t, const struct manifest_entry *entries, size_t count,
                 struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (!admit(t, &entries[i], err)) {
            return false;
        }
        if (entries[i].kind == MANIFEST_DELETE &&
            table_bucket_file(bucket_of(t, &entries[i]), entries[i].file) == SIZE_MAX) {
            return error_set(err, FAIL_CONFLICT, "file %.*s (level %d) is no longer in the table",
                             STR_FMT(entries[i].file->name), entries[i].file->level);
        }
    }
    for (size_t i = 0; i < count; i++) {
        struct table_bucket *bucket = bucket_of(t, &entries[i]);
        if (entries[i].kind == MANIFEST_DELETE) {
            table_bucket_drop(bucket, table_bucket_file(bucket, entries[i].file));
        } else {
            table_bucket_put(bucket, entries[i].file);
        }
    }
    return true;
}

/* ---- loading ---- */

static bool read_entries(struct table *t, const struct manifest_metas *metas, struct arena *arena,
                         struct manifest_entries *live, struct error *err)
{
    struct manifest_entries all = {0};
    for (size_t i = 0; i < metas->count; i++) {
        if (!manifest_read(t->fs, t->path, &metas->items[i], arena, &all, err)) {
            return false;
        }
    }
    manifest_fold(&all, false, arena, live);
    return true;
}

static void fill_buckets(struct table *t, const struct manifest_entries *live)
{
    table_bucket_list_clear(&t->buckets);
    for (size_t i = 0; i < live->count; i++) {
        struct table_bucket *bucket = bucket_of(t, &live->items[i]);
        table_bucket_put(bucket, live->items[i].file);
        if (live->items[i].file->max_sequence > bucket->max_sequence) {
            bucket->max_sequence = live->items[i].file->max_sequence;
        }
    }
}

bool table_load(struct table *t, int64_t snapshot_id, struct error *err)
{
    struct buf text = BUF_INIT(SNAPSHOT_MAX_BYTES);
    struct arena base_arena = {0};
    struct arena scratch = {0};
    struct manifest_metas metas = {0};
    struct manifest_entries live = {0};
    struct snapshot base = {0};
    bool found = true;
    bool ok = false;

    if (snapshot_id > 0) {
        const char *path = paths_snapshot(&scratch, t->path, snapshot_id);
        if (!t->fs.ops->read(t->fs.self, path, &text, &found, err)) {
            goto out;
        }
        if (!found) {
            error_set(err, FAIL_CONFLICT, "snapshot-%lld is gone", (long long)snapshot_id);
            goto out;
        }
        if (!snapshot_parse(buf_str(&text), &base_arena, &base, err) ||
            !manifest_list_read(t->fs, t->path, base.base_list, &base_arena, &metas, err) ||
            !manifest_list_read(t->fs, t->path, base.delta_list, &base_arena, &metas, err) ||
            !read_entries(t, &metas, &scratch, &live, err)) {
            error_in(err, "snapshot-%lld", (long long)snapshot_id);
            goto out;
        }
        for (size_t i = 0; i < live.count; i++) {
            if (!admit(t, &live.items[i], err)) {
                goto out;
            }
        }
    }
    arena_release(&t->base_arena);
    t->base_arena = base_arena;
    t->base = base;
    t->base_digest = hash_row(buf_str(&text));
    t->metas = metas;
    base_arena = (struct arena){0};
    fill_buckets(t, &live);
    ok = true;
out:
    buf_release(&text);
    arena_release(&base_arena);
    arena_release(&scratch);
    return ok;
}

static struct simple_stats copy_stats(struct arena *a, const struct simple_stats *s)
{
    struct simple_stats c = *s;
    c.min = arena_str(a, s->min);
    c.max = arena_str(a, s->max);
    c.nulls = ARENA_ARRAY(a, int64_t, s->null_count);
    for (size_t i = 0; i < s->null_count; i++) {
        c.nulls[i] = s->nulls[i];
    }
    return c;
}

static void copy_metas(struct arena *a, const struct manifest_metas *from,
                       struct manifest_metas *into)
{
    for (size_t i = 0; i < from->count; i++) {
        struct manifest_meta *m = &into->items[into->count++];
        *m = from->items[i];
        m->name = arena_str(a, m->name);
        m->partition_stats = copy_stats(a, &m->partition_stats);
    }
}

bool table_advance(struct table *t, const struct snapshot *published,
                   const struct manifest_metas *base, const struct manifest_metas *delta,
                   const struct manifest_entry *entries, size_t count, struct error *err)
{
    struct buf text = BUF_INIT(SNAPSHOT_MAX_BYTES);
    struct arena next = {0};
    struct manifest_metas metas = {0};
    struct snapshot s;

    snapshot_print(published, &text);
    if (!buf_ok(&text, "snapshot", err) || !snapshot_parse(buf_str(&text), &next, &s, err) ||
        !table_apply(t, entries, count, err)) {
        buf_release(&text);
        arena_release(&next);
        return false;
    }
    metas.cap = base->count + delta->count;
    metas.items = ARENA_ARRAY(&next, struct manifest_meta, metas.cap);
    copy_metas(&next, base, &metas);
    copy_metas(&next, delta, &metas);
    arena_release(&t->base_arena);
    t->base_arena = next;
    t->base = s;
    t->base_digest = hash_row(buf_str(&text));
    t->metas = metas;
    buf_release(&text);
    return true;
}

/* ---- a new table ---- */

/* The columns that TABLE_PARTITION_OPTION names. */
static bool set_partition(struct schema *s, struct str columns, struct error *err)
{
    struct str rest = columns;
    struct str name;
    s->partition_key = ARENA_ARRAY(&s->arena, size_t, columns.len / 2 + 1);
    while (str_next(&rest, ',', &name)) {
        size_t column = schema_find(s, str_trim(name));
        if (column == SIZE_MAX) {
            return error_set(err, FAIL_SCHEMA, "there is no column '%.*s' to partition by",
                             STR_FMT(str_trim(name)));
        }
        s->partition_key[s->partition_key_count++] = column;
    }
    return true;
}

static struct schema *new_schema(const struct schema *shape, const struct schema_option *wanted,
                                 size_t wanted_count, struct error *err)
{
    struct schema *s = schema_new();
    struct arena *a = &s->arena;
    char uuid[37];

    s->field_count = shape->field_count;
    s->fields = ARENA_ARRAY(a, struct schema_field, shape->field_count);
    for (size_t i = 0; i < shape->field_count; i++) {
        s->fields[i] = shape->fields[i]; /* the shape outlives the table: it is the source's */
        s->fields[i].id = (int32_t)i;
    }
    s->highest_field_id = (int32_t)shape->field_count - 1;
    s->primary_key_count = shape->primary_key_count;
    s->primary_key = ARENA_ARRAY(a, size_t, shape->primary_key_count);
    for (size_t i = 0; i < shape->primary_key_count; i++) {
        s->primary_key[i] = shape->primary_key[i];
        s->fields[shape->primary_key[i]].type.nullable = false;
    }
    s->comment = shape->comment;
    s->time_ms = instant_wall_ms();
    for (size_t i = 0; i < wanted_count; i++) {
        if (!str_eq(wanted[i].key, STR(TABLE_PARTITION_OPTION))) {
            schema_set_option(s, wanted[i].key, wanted[i].value);
        } else if (!set_partition(s, wanted[i].value, err)) {
            schema_free(s);
            return NULL;
        }
    }
    paths_uuid(uuid);
    schema_set_option(s, STR(TABLE_UUID_OPTION), str_of(uuid));
    return s;
}

bool table_check_schema(const struct schema *s, struct error *err)
{
    struct table_options options;
    struct merge_rule *rule = NULL;
    if (!schema_file_check_writable(s, err) || !table_parse_options(s, &options, err) ||
        !merge_rule_new(s, &rule, err)) {
        return false;
    }
    merge_rule_free(rule);
    return true;
}

static bool create(struct table *t, const struct schema *shape, const struct schema_option *wanted,
                   size_t wanted_count, struct error *err)
{
    struct schema *made = new_schema(shape, wanted, wanted_count, err);
    if (made == NULL) {
        return false;
    }
    if (!table_check_schema(made, err)) {
        schema_free(made);
        return false;
    }
    bool ok = schema_file_publish(t->fs, t->path, made, err);
    schema_free(made);
    /* Somebody else made it meanwhile, or we did and the answer was lost: then it is an existing
     * table. */
    if (!ok && err->code != FAIL_CONFLICT && err->code != FAIL_UNKNOWN) {
        return error_in(err, "create the table");
    }
    return true;
}

/* ---- the newest stamp ---- */

/* Walks down from the newest snapshot to the newest one that carries this job's stamp. A foreign
 * OVERWRITE above it means that somebody replaced the rows. */
static bool find_stamp(struct table *t, struct str job, struct stamp *out, bool *out_found,
                       struct error *err)
{
    int64_t earliest = 0;
    *out_found = false;
    if (t->base.id == 0) {
        return true;
    }
    if (!snapshot_check_chain(t->fs, t->path, err) ||
        !snapshot_earliest_id(t->fs, t->path, &earliest, err)) {
        return false;
    }
    bool overwritten = false;
    for (int64_t id = t->base.id; id >= earliest && id > 0; id--) {
        struct snapshot s;
        bool found;
        bool stamped = false;
        struct stamp stamp;
        if (!snapshot_read(t->fs, t->path, id, &t->arena, &s, &found, err)) {
            return false;
        }
        if (!found) {
            break;
        }
        if (!stamp_parse(&s, &t->arena, &stamp, &stamped, err)) {
            return false;
        }
        if (stamped && str_eq(stamp.job, job)) {
            if (overwritten) {
                return error_set(err, FAIL_DIVERGED,
                                 "somebody overwrote the table after our snapshot-%lld",
                                 (long long)id);
            }
            t->last_own_snapshot = id;
            *out = stamp;
            *out_found = true;
            return true;
        }
        overwritten = overwritten || s.kind == SNAPSHOT_OVERWRITE;
    }
    t->had_rows = true;
    return true;
}

bool table_schema_digest(const struct table *t, uint64_t *out, struct error *err)
{
    struct buf text = BUF_INIT(SNAPSHOT_MAX_BYTES);
    struct arena a = {0};
    bool found = false;
    bool ok =
        t->fs.ops->read(t->fs.self, paths_schema(&a, t->path, t->schema->id), &text, &found, err);
    *out = found ? hash_row(buf_str(&text)) : 0;
    buf_release(&text);
    arena_release(&a);
    return ok;
}

/* The table's identity: the uuid given at creation, else what a table of another maker has that a
 * re-created one would not. */
static const char *uuid_of(struct table *t, const struct schema *first)
{
    struct str uuid = schema_option(t->schema, STR(TABLE_UUID_OPTION));
    if (uuid.ptr != NULL) {
        return arena_cstr(&t->arena, uuid);
    }
    char text[64];
    (void)snprintf(text, sizeof text, "made-%lld", (long long)first->time_ms);
    return arena_cstr(&t->arena, str_of(text));
}

static bool read_uuid(struct table *t, struct error *err)
{
    struct schema *first = NULL;
    if (!schema_file_read(t->fs, t->path, 0, &first, err)) {
        return false;
    }
    t->uuid = uuid_of(t, first);
    schema_free(first);
    return table_schema_digest(t, &t->schema_digest, err);
}

static struct table *new_table(struct fs fs, const char *root, struct str database, struct str name)
{
    struct table *t = MEM_NEW(struct table);
    struct buf label = BUF_INIT(1024);
    t->fs = fs;
    t->path = paths_table(&t->arena, root, database, name);
    buf_printf(&label, "%.*s.%.*s", STR_FMT(database), STR_FMT(name));
    t->label = arena_cstr(&t->arena, buf_str(&label));
    buf_release(&label);
    t->position = position_new();
    return t;
}

/* The rest of opening, once `schema` is known. */
static bool load_newest(struct table *t, struct error *err)
{
    int64_t latest = 0;
    if (!table_parse_options(t->schema, &t->options, err)) {
        return false;
    }
    if (!merge_rule_new(t->schema, &t->rule, err)) {
        return false;
    }
    t->options.old_images =
        t->options.changelog == TABLE_CHANGELOG_INPUT || merge_rule_wants_before(t->rule);
    data_file_layout(t->schema, &t->arena, &t->layout);
    return partition_layout(t->schema, &t->arena, &t->partition, err) &&
           snapshot_latest_id(t->fs, t->path, &latest, err) && table_load(t, latest, err);
}

bool table_open(struct fs fs, const char *root, struct str database, struct str name,
                const struct schema *shape, const struct schema_option *wanted, size_t wanted_count,
                struct str job, struct table **out, bool *out_found_stamp, struct stamp *out_stamp,
                struct error *err)
{
    struct table *t = NULL;
    struct position *position = NULL;

    if (!paths_check_name(database, "database", err) || !paths_check_name(name, "table", err)) {
        return false;
    }
    t = new_table(fs, root, database, name);
    if (!schema_file_latest(fs, t->path, &t->schema, err)) {
        goto fail;
    }
    if (t->schema == NULL && (!create(t, shape, wanted, wanted_count, err) ||
                              !schema_file_latest(fs, t->path, &t->schema, err))) {
        goto fail;
    }
    if (t->schema == NULL) {
        error_set(err, FAIL_IO, "the table vanished while it was opened");
        goto fail;
    }
    if (!schema_file_check_writable(t->schema, err) || !table_shape_check(t->schema, shape, err) ||
        !load_newest(t, err) || !read_uuid(t, err) ||
        !find_stamp(t, job, out_stamp, out_found_stamp, err)) {
        goto fail;
    }
    if (*out_found_stamp) {
        if (!position_parse(out_stamp->position, &position, err)) {
            goto fail;
        }
        position_free(t->position);
        t->position = position;
        table_set_backfill(t, &out_stamp->backfill);
    }
    *out = t;
    return true;
fail:
    error_in(err, "%s", t->label);
    table_free(t);
    return false;
}

bool table_open_read(struct fs fs, const char *root, struct str database, struct str name,
                     struct table **out, struct error *err)
{
    struct table *t = NULL;
    if (!paths_check_name(database, "database", err) || !paths_check_name(name, "table", err)) {
        return false;
    }
    t = new_table(fs, root, database, name);
    if (!schema_file_latest(fs, t->path, &t->schema, err)) {
        goto fail;
    }
    if (t->schema == NULL) {
        error_set(err, FAIL_CONFIG, "there is no such table (%s has no schema)", t->path);
        goto fail;
    }
    if (!schema_file_check_writable(t->schema, err) || !load_newest(t, err)) {
        goto fail;
    }
    *out = t;
    return true;
fail:
    error_in(err, "%s", t->label);
    table_free(t);
    return false;
}

bool table_open_edit(struct fs fs, const char *root, struct str database, struct str name,
                     struct table **out, struct error *err)
{
    struct table *t = NULL;
    if (!table_open_read(fs, root, database, name, &t, err)) {
        return false;
    }
    if (!table_schema_digest(t, &t->schema_digest, err)) {
        error_in(err, "%s", t->label);
        table_free(t);
        return false;
    }
    t->state = TABLE_LIVE;
    *out = t;
    return true;
}

struct table *table_stub(struct fs fs, const char *root, struct str database, struct str name)
{
    struct table *t = new_table(fs, root, database, name);
    t->uuid = "";
    return t;
}

void table_free(struct table *t)
{
    if (t == NULL) {
        return;
    }
    table_bucket_list_release(&t->buckets);
    position_free(t->position);
    merge_rule_free(t->rule);
    schema_free(t->schema);
    arena_release(&t->base_arena);
    arena_release(&t->backfill_arena);
    arena_release(&t->arena);
    mem_free(t);
}

void table_park(struct table *t, enum fail code, const char *reason)
{
    if (t->state == TABLE_PARKED) {
        return;
    }
    t->state = TABLE_PARKED;
    t->park_code = code;
    (void)snprintf(t->park_reason, sizeof t->park_reason, "%s", reason);
    atomic_store(&t->parked, true);
}

void table_set_position(struct table *t, const struct position *p)
{
    struct position *copy = position_dup(p);
    position_free(t->position);
    t->position = copy;
}

void table_set_backfill(struct table *t, const struct stamp_backfill *b)
{
    struct arena next = {0};
    struct stamp_backfill copy = *b;
    copy.through = arena_str(&next, b->through);
    arena_release(&t->backfill_arena);
    t->backfill_arena = next;
    t->backfill = copy;
}
