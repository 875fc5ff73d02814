#include "agent/compactor.h"

#include "base/log.h"
#include "base/mem.h"
#include "sink/binrow.h"
#include "sink/compact_pick.h"
#include "sink/compact_task.h"

struct compaction {
    struct pipeline *p;
    uint32_t route;
    struct table_bucket *bucket;
    struct arena arena; /* inputs, result */
    struct run_files inputs;
    struct run_target target;
    struct run_origin origin;
    struct run_schemas schemas;
    struct compact_work work;
    struct compact_result result;
    bool ok;
    struct error error;
};

uint32_t compactor_route(const struct compaction *c)
{
    return c->route;
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

static size_t count_runs(const struct table_bucket *b)
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

static bool has_level0(const struct table_bucket *b)
{
    for (size_t i = 0; i < b->count; i++) {
        if (b->files[i]->file->level == 0) {
            return true;
        }
    }
    return false;
}

bool compactor_behind(const struct table *t, const struct table_bucket *b)
{
    return b->task_running && count_runs(b) > (size_t)t->options.stop_trigger;
}

/* On a worker. */
static void run(void *arg)
{
    struct compaction *c = arg;
    c->ok = compact_task_run(&c->work, &c->arena, &c->result, &c->error);
    pipeline_send(c->p,
                  (struct event){.kind = EVENT_COMPACTED, .route = c->route, .compaction = c});
}

static struct compaction *compaction_new(struct pipeline *p, uint32_t route, struct table_bucket *b)
{
    struct compaction *c = MEM_NEW(struct compaction);
    c->p = p;
    c->route = route;
    c->bucket = b;
    for (size_t i = 0; i < b->count; i++) {
        run_files_add(&c->inputs, &c->arena, data_file_copy(&c->arena, b->files[i]->file));
    }
    return c;
}

static void compaction_free(struct compaction *c)
{
    run_reader_schemas_release(&c->schemas);
    arena_release(&c->arena);
    mem_free(c);
}

/* What first-row looks at: the files below the unit. */
static void note_older(struct compaction *c, const struct compact_levels *levels,
                       struct compact_unit unit, struct run_files *out)
{
    for (size_t r = unit.run_count; r < levels->count; r++) {
        for (size_t i = 0; i < levels->runs[r].file_count; i++) {
            run_files_add(out, &c->arena, levels->runs[r].files[i]);
        }
    }
}

static void prepare(struct compaction *c, const struct compact_levels *levels,
                    struct compact_unit unit)
{
    const struct table *t = c->p->routes[c->route].table;
    struct run_files files = {0};
    struct run_files older = {0};
    if (merge_rule_hides_level0(t->rule)) {
        note_older(c, levels, unit, &older);
    }
    compact_pick_files(levels->runs, unit, &c->arena, &files);
    pipeline_target(c->p, t, c->bucket->path, false, &c->target);
    c->target.level = unit.level;
    c->target.source = RUN_COMPACT;
    run_reader_schemas_init(&c->schemas, t->fs, t->path, t->schema);
    c->origin = (struct run_origin){.fs = t->fs,
                                    .folder = c->bucket->path,
                                    .schema = t->schema,
                                    .layout = &t->layout,
                                    .schemas = &c->schemas};
    c->work = (struct compact_work){.origin = &c->origin,
                                    .rule = t->rule,
                                    .target = &c->target,
                                    .files = files.items,
                                    .file_count = files.count,
                                    .older = older.items,
                                    .older_count = older.count,
                                    .max_level = levels->max_level,
                                    .drop_deletes = compact_pick_drops_deletes(levels, unit),
                                    .small_file_bytes = t->options.target_file_bytes / 10 * 7,
                                    .stop = c->p->stop};
}

static bool consider(struct pipeline *p, uint32_t route, struct table_bucket *b, struct error *err)
{
    struct table *t = p->routes[route].table;
    struct compact_options options = options_of(t);
    struct compact_levels levels;
    struct compact_clock clock = {.last_full_ms = INT64_MIN};

    bool hidden = merge_rule_hides_level0(t->rule) && has_level0(b);
    /* While a copy runs its deletes must stay and its runs are moved up, not rewritten, at its end.
     * Rows that readers do not see before they leave level 0 leave it at once, at the end, too. */
    if (b->task_running || t->options.write_only || t->state != TABLE_LIVE ||
        stop_requested(p->stop) ||
        (!hidden && (count_runs(b) < options.trigger || stop_requested(p->drain)))) {
        return true;
    }
    struct compaction *c = compaction_new(p, route, b);
    if (!compact_pick_levels(&t->layout, c->inputs.items, c->inputs.count, options.num_levels,
                             &c->arena, &levels, err)) {
        compaction_free(c);
        return error_in(err, "%s", b->path);
    }
    struct compact_unit unit =
        hidden ? compact_pick_level0(&options, levels.runs, levels.count, levels.max_level, &clock)
               : compact_pick(&options, levels.runs, levels.count, levels.max_level, &clock);
    if (unit.run_count == 0) {
        compaction_free(c);
        return true;
    }
    prepare(c, &levels, unit);
    b->task_running = true;
    workers_add(p->workers, run, c);
    return true;
}

bool compactor_consider_table(struct pipeline *p, uint32_t route, struct error *err)
{
    const struct table_bucket_list *buckets = &p->routes[route].table->buckets;
    for (size_t i = 0; i < buckets->count; i++) {
        if (!consider(p, route, buckets->items[i], err)) {
            return false;
        }
    }
    return true;
}

void compactor_discard(struct compaction *c)
{
    c->bucket->task_running = false;
    if (c->ok) {
        compact_task_abandon(&c->work, &c->result);
    }
    compaction_free(c);
}

static void add_entries(const struct compaction *c, const struct run_files *files,
                        enum manifest_kind kind, int32_t total_buckets,
                        struct manifest_entry *entries, size_t *count)
{
    for (size_t i = 0; i < files->count; i++) {
        entries[(*count)++] = (struct manifest_entry){.kind = kind,
                                                      .partition = c->bucket->partition,
                                                      .bucket = c->bucket->number,
                                                      .total_buckets = total_buckets,
                                                      .file = files->items[i]};
    }
}

bool compactor_finish(struct pipeline *p, struct compaction *c, int64_t identifier,
                      struct error *err)
{
    struct table *t = p->routes[c->route].table;
    const struct compact_result *r = &c->result;
    size_t count = 0;

    if (!c->ok || t->state != TABLE_LIVE) {
        bool stopped = c->ok || c->error.code == FAIL_STOPPED;
        *err = c->error;
        compactor_discard(c);
        return stopped || error_in(err, "compact %s", t->label);
    }
    struct manifest_entry *entries =
        ARENA_ARRAY(&c->arena, struct manifest_entry, r->before.count + r->after.count + 1);
    add_entries(c, &r->before, MANIFEST_DELETE, t->options.buckets, entries, &count);
    add_entries(c, &r->after, MANIFEST_ADD, t->options.buckets, entries, &count);
    bool reached = false;
    struct commit_request request = {.kind = SNAPSHOT_COMPACT,
                                     .out_reached = &reached,
                                     .identifier = identifier,
                                     .entries = entries,
                                     .entry_count = count,
                                     .position = t->position,
                                     .backfill = &t->backfill};
    bool ok = count == 0 || commit_publish(t, p->owner, &request, err);
    if (ok) {
        t->compacted_bytes += r->bytes_written;
        c->bucket->task_running = false;
        LOG_INFO("compact",
                 "table=%s bucket=%d level=%d files_in=%zu files_out=%zu rows_in=%llu "
                 "rows_out=%llu snapshot=%lld",
                 LOG_Q(t->label), c->bucket->number, c->target.level, r->before.count,
                 r->after.count, (unsigned long long)r->rows_read,
                 (unsigned long long)r->rows_written, (long long)t->base.id);
        compaction_free(c);
        return true;
    }
    bool lost = err->code == FAIL_CONFLICT;
    if (lost) {
        LOG_WARN("compact-conflict", "table=%s bucket=%d reason=%s", LOG_Q(t->label),
                 c->bucket->number, LOG_Q(err->text));
    }
    if (reached) {
        c->bucket->task_running = false;
        compaction_free(c); /* the outputs may be listed: they stay */
    } else {
        compactor_discard(c);
    }
    return lost;
}
