#include "sink/bucket_compact.h"

#include "base/mem.h"
#include "sink/compact_pick.h"

void bucket_compact_target(const struct table *t, const char *folder, bool changelog,
                           const struct bucket_compact_writer *writer, struct run_target *out)
{
    *out = (struct run_target){
        .fs = t->fs,
        .folder = folder,
        .schema = t->schema,
        .layout = &t->layout,
        .format = t->options.format,
        .options = &t->options.format_options,
        .level = 0,
        .source = RUN_APPEND,
        .prefix = changelog ? "changelog-" : "data-",
        .uuid = writer->uuid,
        .counter = writer->counter,
        .target_file_bytes = t->options.target_file_bytes,
        .stats_mode = COL_STATS_TRUNCATE,
        .stats_truncate = 16,
        .equal_keys = changelog,
    };
}

size_t bucket_compact_runs(const struct table_bucket *b)
{
    uint64_t levels = 0;
    size_t runs = 0;
    for (size_t i = 0; i < b->count; i++) {
        int32_t level = b->files[i]->file->level;
        if (level == 0) {
            runs++;
        } else if (level < 64) {
            levels |= UINT64_C(1) << level;
        }
    }
    for (; levels != 0; levels &= levels - 1) {
        runs++;
    }
    return runs;
}

bool bucket_compact_has_level0(const struct table_bucket *b)
{
    for (size_t i = 0; i < b->count; i++) {
        if (b->files[i]->file->level == 0) {
            return true;
        }
    }
    return false;
}

bool bucket_compact_is_urgent(const struct table *t, const struct table_bucket *b)
{
    return (merge_rule_hides_level0(t->rule) || t->options.changelog == TABLE_CHANGELOG_LOOKUP) &&
           bucket_compact_has_level0(b);
}

bool bucket_compact_is_due(const struct table *t, const struct table_bucket *b)
{
    return b->full_wanted || bucket_compact_is_urgent(t, b) ||
           bucket_compact_runs(b) >= (size_t)t->options.compaction_trigger;
}

static struct compact_options options_of(const struct table *t)
{
    struct compact_options o = compact_pick_defaults((size_t)t->options.compaction_trigger);
    o.stop_trigger = (size_t)t->options.stop_trigger;
    o.num_levels = t->options.num_levels;
    o.max_amplification = t->options.max_size_amplification_percent;
    o.size_ratio = t->options.size_ratio;
    return o;
}

static struct compact_unit pick(const struct table *t, const struct table_bucket *b,
                                enum bucket_compact_want want, const struct compact_levels *levels)
{
    struct compact_options options = options_of(t);
    struct compact_clock clock = {.last_full_ms = INT64_MIN};
    if (want == BUCKET_COMPACT_FULL) {
        return compact_pick_full(levels->runs, levels->count, levels->max_level, &clock);
    }
    if (bucket_compact_is_urgent(t, b)) {
        return compact_pick_level0(&options, levels->runs, levels->count, levels->max_level,
                                   &clock);
    }
    return compact_pick(&options, levels->runs, levels->count, levels->max_level, &clock);
}

/* What first-row and lookups look at: the files below the unit. */
static void note_older(struct bucket_compact *c, const struct compact_levels *levels,
                       struct compact_unit unit, struct run_files *out)
{
    for (size_t r = unit.run_count; r < levels->count; r++) {
        for (size_t i = 0; i < levels->runs[r].file_count; i++) {
            run_files_add(out, &c->arena, levels->runs[r].files[i]);
        }
    }
}

/* changelog-producer.row-deduplicate-ignore-fields. */
static const bool *ignored_columns(struct bucket_compact *c, const struct table *t)
{
    struct str rest =
        schema_option(t->schema, STR("changelog-producer.row-deduplicate-ignore-fields"));
    struct str name;
    bool *ignored = NULL;
    while (rest.ptr != NULL && str_next(&rest, ',', &name)) {
        size_t column = schema_find(t->schema, str_trim(name));
        if (ignored == NULL) {
            ignored = ARENA_ARRAY(&c->arena, bool, t->schema->field_count);
        }
        if (column != SIZE_MAX) {
            ignored[column] = true;
        }
    }
    return ignored;
}

static void prepare(struct bucket_compact *c, const struct table *t,
                    const struct compact_levels *levels, struct compact_unit unit,
                    const struct bucket_compact_writer *writer)
{
    struct run_files files = {0};
    struct run_files older = {0};
    bool lookup = t->options.changelog == TABLE_CHANGELOG_LOOKUP;
    bool made = lookup || t->options.changelog == TABLE_CHANGELOG_FULL;
    if (merge_rule_hides_level0(t->rule) || lookup) {
        note_older(c, levels, unit, &older);
    }
    compact_pick_files(levels->runs, unit, &c->arena, &files);
    bucket_compact_target(t, c->bucket->path, false, writer, &c->target);
    c->target.level = unit.level;
    c->target.source = RUN_COMPACT;
    run_reader_schemas_init(&c->schemas, t->fs, t->path, t->schema);
    c->origin = (struct run_origin){.fs = t->fs,
                                    .folder = c->bucket->path,
                                    .schema = t->schema,
                                    .layout = &t->layout,
                                    .schemas = &c->schemas};
    bucket_compact_target(t, c->bucket->path, true, writer, &c->changelog);
    struct compact_changelog changelog = {.target = made ? &c->changelog : NULL,
                                          .old = lookup ? MERGE_OLD_LOOKUP : MERGE_OLD_TOP,
                                          .row_deduplicate = t->options.row_deduplicate,
                                          .ignored = ignored_columns(c, t)};
    c->work = (struct compact_work){.origin = &c->origin,
                                    .changelog = changelog,
                                    .rule = t->rule,
                                    .target = &c->target,
                                    .files = files.items,
                                    .file_count = files.count,
                                    .older = older.items,
                                    .older_count = older.count,
                                    .max_level = levels->max_level,
                                    .drop_deletes = compact_pick_drops_deletes(levels, unit),
                                    .small_file_bytes = t->options.target_file_bytes / 10 * 7,
                                    /* inputs may take twice what the output may */
                                    .memory_bytes = 2 * t->options.format_options.memory_bytes,
                                    .stop = writer->stop};
}

bool bucket_compact_plan(const struct table *t, struct table_bucket *b,
                         enum bucket_compact_want want, const struct bucket_compact_writer *writer,
                         struct bucket_compact **out, struct error *err)
{
    struct compact_levels levels;
    struct run_files inputs = {0};
    struct bucket_compact *c = MEM_NEW(struct bucket_compact);
    c->bucket = b;
    for (size_t i = 0; i < b->count; i++) {
        run_files_add(&inputs, &c->arena, data_file_copy(&c->arena, b->files[i]->file));
    }
    if (!compact_pick_levels(&t->layout, inputs.items, inputs.count, t->options.num_levels,
                             &c->arena, &levels, err)) {
        bucket_compact_free(c);
        return error_in(err, "%s", b->path);
    }
    struct compact_unit unit = pick(t, b, want, &levels);
    if (unit.run_count == 0) {
        bucket_compact_free(c);
        *out = NULL;
        return true;
    }
    prepare(c, t, &levels, unit, writer);
    *out = c;
    return true;
}

bool bucket_compact_run(struct bucket_compact *c, struct error *err)
{
    return compact_task_run(&c->work, &c->arena, &c->result, err);
}

static void add_entries(const struct bucket_compact *c, const struct run_files *files,
                        enum manifest_kind kind, int32_t total_buckets, struct arena *arena,
                        struct manifest_entries *out)
{
    for (size_t i = 0; i < files->count; i++) {
        manifest_entries_add(out, arena,
                             (struct manifest_entry){.kind = kind,
                                                     .partition = c->bucket->partition,
                                                     .bucket = c->bucket->number,
                                                     .total_buckets = total_buckets,
                                                     .file = files->items[i]});
    }
}

void bucket_compact_entries(const struct bucket_compact *c, int32_t total_buckets,
                            struct arena *arena, struct manifest_entries *out,
                            struct manifest_entries *out_changelog)
{
    add_entries(c, &c->result.changelog, MANIFEST_ADD, total_buckets, arena, out_changelog);
    add_entries(c, &c->result.before, MANIFEST_DELETE, total_buckets, arena, out);
    add_entries(c, &c->result.after, MANIFEST_ADD, total_buckets, arena, out);
}

void bucket_compact_abandon(struct bucket_compact *c)
{
    compact_task_abandon(&c->work, &c->result);
}

void bucket_compact_free(struct bucket_compact *c)
{
    if (c != NULL) {
        run_reader_schemas_release(&c->schemas);
        arena_release(&c->arena);
        mem_free(c);
    }
}
