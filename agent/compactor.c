#include "agent/compactor.h"

#include "base/log.h"
#include "base/mem.h"
#include "sink/bucket_compact.h"

struct compaction {
    struct pipeline *p;
    uint32_t route;
    struct bucket_compact *task;
    bool ok;
    struct error error;
};

uint32_t compactor_route(const struct compaction *c)
{
    return c->route;
}

bool compactor_behind(const struct table *t, const struct table_bucket *b)
{
    return b->task_running && bucket_compact_runs(b) > (size_t)t->options.stop_trigger;
}

/* On a worker. */
static void run(void *arg)
{
    struct compaction *c = arg;
    c->ok = bucket_compact_run(c->task, &c->error);
    pipeline_send(c->p,
                  (struct event){.kind = EVENT_COMPACTED, .route = c->route, .compaction = c});
}

static void compaction_free(struct compaction *c)
{
    bucket_compact_free(c->task);
    mem_free(c);
}

static bool consider(struct pipeline *p, uint32_t route, struct table_bucket *b, struct error *err)
{
    const struct table *t = p->routes[route].table;
    struct bucket_compact_writer writer = {
        .uuid = p->owner->file_uuid, .counter = p->owner->file_counter, .stop = p->stop};
    struct bucket_compact *task = NULL;

    bool urgent = bucket_compact_is_urgent(t, b) || b->full_wanted;
    /* While a copy runs its deletes must stay and its runs are moved up, not rewritten, at its end.
     * What is urgent is done at the end, too. */
    if (b->task_running || t->options.write_only || t->state != TABLE_LIVE ||
        stop_requested(p->stop) ||
        (!urgent && (bucket_compact_runs(b) < (size_t)t->options.compaction_trigger ||
                     stop_requested(p->drain)))) {
        return true;
    }
    enum bucket_compact_want want = b->full_wanted ? BUCKET_COMPACT_FULL : BUCKET_COMPACT_PICK;
    b->full_wanted = false;
    if (!bucket_compact_plan(t, b, want, &writer, &task, err)) {
        return false;
    }
    if (task == NULL) {
        return true;
    }
    struct compaction *c = MEM_NEW(struct compaction);
    *c = (struct compaction){.p = p, .route = route, .task = task};
    b->task_running = true;
    workers_add(p->workers, run, c);
    return true;
}

void compactor_count_commit(struct table *t)
{
    if (t->options.full_every == 0 || ++t->since_full < t->options.full_every) {
        return;
    }
    t->since_full = 0;
    for (size_t i = 0; i < t->buckets.count; i++) {
        struct table_bucket *b = t->buckets.items[i];
        b->full_wanted = b->full_wanted || bucket_compact_has_level0(b);
    }
}

bool compactor_resume(struct pipeline *p, uint32_t route, struct error *err)
{
    struct table *t = p->routes[route].table;
    t->since_full = t->options.full_every; /* what the last run wrote counts */
    compactor_count_commit(t);
    return compactor_consider_table(p, route, err);
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
    c->task->bucket->task_running = false;
    if (c->ok) {
        bucket_compact_abandon(c->task);
    }
    compaction_free(c);
}

bool compactor_finish(struct pipeline *p, struct compaction *c, int64_t identifier,
                      struct error *err)
{
    struct table *t = p->routes[c->route].table;
    const struct compact_result *r = &c->task->result;
    struct table_bucket *bucket = c->task->bucket;
    struct manifest_entries entries = {0};
    struct manifest_entries changelog = {0};

    if (!c->ok || t->state != TABLE_LIVE) {
        bool stopped = c->ok || c->error.code == FAIL_STOPPED;
        *err = c->error;
        compactor_discard(c);
        return stopped || error_in(err, "compact %s", t->label);
    }
    bucket_compact_entries(c->task, t->options.buckets, &c->task->arena, &entries, &changelog);
    bool reached = false;
    struct commit_request request = {.kind = SNAPSHOT_COMPACT,
                                     .out_reached = &reached,
                                     .identifier = identifier,
                                     .entries = entries.items,
                                     .entry_count = entries.count,
                                     .changelog = changelog.items,
                                     .changelog_count = changelog.count,
                                     .position = t->position,
                                     .backfill = &t->backfill};
    bool ok = entries.count == 0 || commit_publish(t, p->owner, &request, err);
    if (ok) {
        t->compacted_bytes += r->bytes_written;
        bucket->task_running = false;
        LOG_INFO("compact",
                 "table=%s bucket=%d level=%d files_in=%zu files_out=%zu rows_in=%llu "
                 "rows_out=%llu snapshot=%lld",
                 LOG_Q(t->label), bucket->number, c->task->target.level, r->before.count,
                 r->after.count, (unsigned long long)r->rows_read,
                 (unsigned long long)r->rows_written, (long long)t->base.id);
        compaction_free(c);
        return true;
    }
    bool lost = err->code == FAIL_CONFLICT;
    if (lost) {
        LOG_WARN("compact-conflict", "table=%s bucket=%d reason=%s", LOG_Q(t->label),
                 bucket->number, LOG_Q(err->text));
    }
    if (reached) {
        bucket->task_running = false;
        compaction_free(c); /* the outputs may be listed: they stay */
    } else {
        compactor_discard(c);
    }
    return lost;
}
