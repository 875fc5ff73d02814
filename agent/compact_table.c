#include "agent/compact_table.h"

#include "base/instant.h"
#include "base/log.h"
#include "base/mem.h"
#include "sink/bucket_compact.h"
#include "sink/expire.h"
#include "sink/paths.h"
#include "sink/table_follow.h"

#define RETRY_FIRST_MS 500u
#define RETRY_MAX_MS 30000u
#define ASIDE_MS 300000u /* a human mends it, or a schema change */
#define EXPIRE_EVERY_MS 10000u
#define ONCE_TRIES 3
#define ONCE_ROUNDS 8 /* a steady writer must not keep a program that runs once */

struct compact_table {
    struct compact_site *site;
    struct arena arena;
    struct str database;
    struct str name;
    const char *label;
    bool named;
    enum compact_state state;
    struct error why;
    struct table *table; /* NULL: not open */
    size_t running;      /* tasks, the expiry too */
    bool reopen;         /* when none runs: the schema changed, or the table was made again */
    uint64_t wait_ms;
    uint64_t next_ms; /* not looked at before */
    int64_t counted;  /* snapshots up to here count for full-compaction.delta-commits */
    int rounds;       /* looks that started something */
    bool started;     /* the last look did */

    bool expiring;
    uint64_t expire_ms; /* not before */
    struct expire_options expire_options;
    struct expire_result expired; /* of the last run */

    uint64_t compactions, bytes_in, bytes_out, conflicts;
};

struct compact_event {
    struct compact_table *of;
    struct bucket_compact *task; /* NULL: an expiry */
    bool full;
    struct expire_result expired;
    bool ok;
    struct error error;
};

struct compact_table *compact_table_new(struct compact_site *site, struct str database,
                                        struct str name, bool named)
{
    struct compact_table *c = MEM_NEW(struct compact_table);
    struct buf label = BUF_INIT(1024);
    c->site = site;
    c->database = arena_str(&c->arena, database);
    c->name = arena_str(&c->arena, name);
    c->named = named;
    buf_printf(&label, "%.*s.%.*s", STR_FMT(database), STR_FMT(name));
    c->label = arena_cstr(&c->arena, buf_str(&label));
    buf_release(&label);
    return c;
}

static void say_done(const struct compact_table *c)
{
    if (c->compactions + c->conflicts > 0) {
        LOG_INFO("compacted",
                 "table=%s compactions=%llu conflicts=%llu bytes_read=%llu bytes_written=%llu",
                 LOG_Q(c->label), (unsigned long long)c->compactions,
                 (unsigned long long)c->conflicts, (unsigned long long)c->bytes_in,
                 (unsigned long long)c->bytes_out);
    }
}

void compact_table_free(struct compact_table *c)
{
    must(c->running == 0);
    say_done(c);
    table_free(c->table);
    arena_release(&c->arena);
    mem_free(c);
}

const char *compact_table_label(const struct compact_table *c)
{
    return c->label;
}

enum compact_state compact_table_state(const struct compact_table *c)
{
    return c->state;
}

enum fail compact_table_failure(const struct compact_table *c)
{
    return c->why.code;
}

const struct table *compact_table_table(const struct compact_table *c)
{
    return c->table;
}

bool compact_table_is_done(const struct compact_table *c)
{
    bool failing = c->why.code != FAIL_NONE;
    if (c->running > 0) {
        return false;
    }
    switch (c->state) {
    case COMPACT_ASIDE:
        return true;
    case COMPACT_WAITING:
        return !failing || c->rounds >= ONCE_TRIES;
    case COMPACT_OPEN:
    case COMPACT_RESTING:
        break;
    }
    return !c->reopen && (!c->started || c->rounds >= ONCE_ROUNDS);
}

/* ---- failures ---- */

static bool heals(enum fail code)
{
    return code == FAIL_IO || code == FAIL_CONFLICT || code == FAIL_UNKNOWN ||
           code == FAIL_DIVERGED || code == FAIL_STOPPED;
}

/* The table is closed as soon as nothing of it runs, and opened again after a while. */
static void fail(struct compact_table *c, const struct error *err)
{
    bool again = heals(err->code);
    bool new = c->why.code != err->code;
    c->why = *err;
    c->reopen = true;
    c->started = false;
    if (err->code == FAIL_CONFLICT) { /* altered: nothing is wrong */
        c->next_ms = 0;
        return;
    }
    c->state = again ? COMPACT_WAITING : COMPACT_ASIDE;
    c->wait_ms = !again                           ? ASIDE_MS
                 : c->wait_ms == 0                ? RETRY_FIRST_MS
                 : c->wait_ms >= RETRY_MAX_MS / 2 ? RETRY_MAX_MS
                                                  : c->wait_ms * 2;
    c->next_ms = instant_mono_ms() + c->wait_ms;
    c->rounds++;
    if (err->code == FAIL_STOPPED || !new) {
        return;
    }
    if (again) {
        LOG_WARN("compact-retry", "table=%s wait_ms=%llu reason=%s", LOG_Q(c->label),
                 (unsigned long long)c->wait_ms, LOG_Q(err->text));
    } else {
        LOG_ERROR("table-aside", "table=%s code=%s reason=%s", LOG_Q(c->label),
                  error_name(err->code), LOG_Q(err->text));
    }
}

/* ---- expiry ---- */

static void run_expiry(void *arg)
{
    struct compact_event *e = arg;
    const struct compact_table *c = e->of;
    e->ok = expire_run(c->table->fs, c->table->path, &c->expire_options, &c->table->partition,
                       instant_wall_ms(), c->site->stop, &e->expired, &e->error);
    must(queue_push_now(c->site->events, e, 1) == QUEUE_OK);
}

static bool expiry_is_due(const struct compact_table *c)
{
    const struct table *t = c->table;
    const struct expire_retention *r = &c->expire_options.snapshot;
    int64_t count = t->base.id - c->expired.earliest + 1;
    if (!t->options.write_only || c->expiring || t->base.id == 0 ||
        instant_mono_ms() < c->expire_ms) {
        return false;
    }
    if (c->expired.earliest == 0 || c->expired.more) {
        return true;
    }
    return count > r->min &&
           (count > r->max || instant_wall_ms() - c->expired.earliest_ms > (int64_t)r->time_ms);
}

static void start(struct compact_table *c, struct compact_event *e, void (*run)(void *))
{
    e->of = c;
    c->running++;
    workers_add(c->site->workers, run, e);
}

static void consider_expiry(struct compact_table *c)
{
    if (expiry_is_due(c)) {
        c->expiring = true;
        start(c, MEM_NEW(struct compact_event), run_expiry);
    }
}

static void take_expiry(struct compact_table *c, const struct compact_event *e)
{
    c->expiring = false;
    c->expire_ms = instant_mono_ms() + (e->ok && e->expired.more ? 0 : EXPIRE_EVERY_MS);
    if (e->ok) {
        c->expired = e->expired;
    } else if (e->error.code != FAIL_STOPPED) {
        LOG_WARN("expire", "table=%s reason=%s", LOG_Q(c->label), LOG_Q(e->error.text));
    }
    if (e->ok && e->expired.snapshots + e->expired.changelogs > 0) {
        LOG_INFO("expire", "table=%s snapshots=%lld changelogs=%lld files=%llu earliest=%lld",
                 LOG_Q(c->label), (long long)e->expired.snapshots, (long long)e->expired.changelogs,
                 (unsigned long long)e->expired.files, (long long)e->expired.earliest);
    }
}

/* ---- compaction ---- */

static void run_task(void *arg)
{
    struct compact_event *e = arg;
    e->ok = bucket_compact_run(e->task, &e->error);
    must(queue_push_now(e->of->site->events, e, 1) == QUEUE_OK);
}

static bool consider_bucket(struct compact_table *c, struct table_bucket *b, struct error *err)
{
    struct compact_site *site = c->site;
    struct bucket_compact_writer writer = {
        .uuid = site->owner.file_uuid, .counter = site->owner.file_counter, .stop = site->stop};
    struct bucket_compact *task = NULL;
    if (b->task_running || stop_requested(site->stop) || !bucket_compact_is_due(c->table, b)) {
        return true;
    }
    enum bucket_compact_want want = b->full_wanted ? BUCKET_COMPACT_FULL : BUCKET_COMPACT_PICK;
    b->full_wanted = false;
    if (!bucket_compact_plan(c->table, b, want, &writer, &task, err) || task == NULL) {
        return task == NULL && err->code == FAIL_NONE;
    }
    struct compact_event *e = MEM_NEW(struct compact_event);
    e->task = task;
    e->full = want == BUCKET_COMPACT_FULL;
    b->task_running = true;
    c->started = true;
    start(c, e, run_task);
    return true;
}

/* Commits that others made since the last count: every so many, buckets are to be compacted whole
 * (full-compaction.delta-commits). */
static void count_commits(struct compact_table *c, int64_t own)
{
    struct table *t = c->table;
    int64_t seen = t->base.id - c->counted - own;
    c->counted = t->base.id;
    t->since_full += seen > 0 ? seen : 0;
    if (t->options.full_every == 0 || t->since_full < t->options.full_every) {
        return;
    }
    t->since_full = 0;
    for (size_t i = 0; i < t->buckets.count; i++) {
        struct table_bucket *b = t->buckets.items[i];
        b->full_wanted = b->full_wanted || bucket_compact_has_level0(b);
    }
}

/* Whether this program has to do with the table now. */
static bool settle_state(struct compact_table *c)
{
    const struct table *t = c->table;
    if (!c->named && !t->options.write_only) {
        if (c->state != COMPACT_RESTING) {
            LOG_INFO("compact-left", "table=%s reason=%s", LOG_Q(c->label),
                     LOG_Q("its writer compacts it: the option write-only is not true"));
        }
        c->state = COMPACT_RESTING;
        return false;
    }
    if (t->in_copy && c->state != COMPACT_RESTING) {
        LOG_INFO("compact-rests", "table=%s reason=%s", LOG_Q(c->label),
                 LOG_Q("a job's first copy of it runs"));
    }
    c->state = t->in_copy ? COMPACT_RESTING : COMPACT_OPEN;
    return c->state == COMPACT_OPEN;
}

static void consider(struct compact_table *c)
{
    struct error err = {0};
    const struct table_bucket_list *buckets = &c->table->buckets;
    c->started = false;
    if (c->reopen || !settle_state(c)) {
        return;
    }
    for (size_t i = 0; i < buckets->count; i++) {
        if (!consider_bucket(c, buckets->items[i], &err)) {
            fail(c, &err);
            return;
        }
    }
    c->rounds += c->started ? 1 : 0;
    consider_expiry(c);
}

/* ---- looking ---- */

static bool altered(const struct table *t, bool *out, struct error *err)
{
    struct arena a = {0};
    uint64_t bytes = 0;
    const char *path = paths_schema(&a, t->path, t->schema->id + 1);
    bool ok = t->fs.ops->size(t->fs.self, path, &bytes, out, err);
    arena_release(&a);
    return ok;
}

/* The table is there, or comes later. */
static bool exists(const struct compact_table *c, bool *out, struct error *err)
{
    struct arena a = {0};
    uint64_t bytes = 0;
    const char *path = paths_table(&a, c->site->root, c->database, c->name);
    bool ok = c->site->fs.ops->size(c->site->fs.self, paths_schema(&a, path, 0), &bytes, out, err);
    arena_release(&a);
    return ok;
}

static bool open_table(struct compact_table *c, struct error *err)
{
    bool there = false;
    table_free(c->table);
    c->table = NULL;
    c->reopen = false;
    if (!exists(c, &there, err)) {
        return false;
    }
    if (!there) {
        c->state = COMPACT_WAITING;
        return true;
    }
    if (!table_open_edit(c->site->fs, c->site->root, c->database, c->name, &c->table, err)) {
        c->table = NULL;
        return false;
    }
    struct table *t = c->table;
    t->options.format_options.memory_bytes = c->site->file_bytes;
    t->since_full = t->options.full_every; /* what was left undone counts */
    c->counted = t->base.id;
    c->expired = (struct expire_result){0};
    return table_follow_copy(t, err) && expire_options_parse(t->schema, &c->expire_options, err);
}

static bool follow(struct compact_table *c, struct error *err)
{
    bool moved = false;
    bool newer = false;
    if (!table_follow_newest(c->table, &moved, err) || !altered(c->table, &newer, err)) {
        return false;
    }
    return !newer || error_set(err, FAIL_CONFLICT, "the table was altered");
}

void compact_table_look(struct compact_table *c)
{
    struct error err = {0};
    if (instant_mono_ms() < c->next_ms || stop_requested(c->site->stop)) {
        return;
    }
    bool closed = c->table == NULL || c->reopen;
    if (closed && c->running > 0) {
        return;
    }
    if (!(closed ? open_table(c, &err) : follow(c, &err))) {
        fail(c, &err);
        return;
    }
    if (c->table == NULL) {
        return;
    }
    c->why = (struct error){0};
    c->wait_ms = 0;
    count_commits(c, 0);
    consider(c);
}

/* ---- ended tasks ---- */

static void count_result(struct compact_table *c, const struct bucket_compact *task)
{
    const struct compact_result *r = &task->result;
    c->compactions++;
    c->bytes_in += r->bytes_read;
    c->bytes_out += r->bytes_written;
    LOG_INFO("compact",
             "table=%s bucket=%d level=%d files_in=%zu files_out=%zu rows_in=%llu rows_out=%llu "
             "snapshot=%lld",
             LOG_Q(c->label), task->bucket->number, task->target.level, r->before.count,
             r->after.count, (unsigned long long)r->rows_read, (unsigned long long)r->rows_written,
             (long long)c->table->base.id);
}

/* FAIL_CONFLICT does not come out: somebody else was faster. */
static bool commit_task(struct compact_table *c, struct bucket_compact *task, bool *out_reached,
                        struct error *err)
{
    struct manifest_entries entries = {0};
    struct manifest_entries changelog = {0};
    bucket_compact_entries(task, c->table->options.buckets, &task->arena, &entries, &changelog);
    struct commit_request request = {.kind = SNAPSHOT_COMPACT,
                                     .out_reached = out_reached,
                                     .identifier = c->site->identifier++,
                                     .entries = entries.items,
                                     .entry_count = entries.count,
                                     .changelog = changelog.items,
                                     .changelog_count = changelog.count};
    if (entries.count == 0) {
        return true;
    }
    if (commit_publish(c->table, &c->site->owner, &request, err)) {
        count_commits(c, 1);
        count_result(c, task);
        return true;
    }
    if (err->code == FAIL_CONFLICT) {
        c->conflicts++;
        LOG_WARN("compact-conflict", "table=%s bucket=%d reason=%s", LOG_Q(c->label),
                 task->bucket->number, LOG_Q(err->text));
    }
    return err->code == FAIL_CONFLICT;
}

static void take_task(struct compact_table *c, struct compact_event *e)
{
    bool reached = false;
    bool stopped = stop_requested(c->site->stop) || c->reopen || c->table->in_copy;
    bool ok = e->ok && (stopped || commit_task(c, e->task, &reached, &e->error));
    bool committed = ok && !stopped && e->error.code == FAIL_NONE;
    e->task->bucket->task_running = false;
    e->task->bucket->full_wanted = e->task->bucket->full_wanted || (e->full && !committed);
    if (e->ok && !committed && !reached) {
        bucket_compact_abandon(e->task);
    }
    bucket_compact_free(e->task);
    if (!ok) {
        fail(c, &e->error);
    } else if (committed) {
        consider(c); /* after a conflict: with the next look */
    }
}

void compact_table_take(struct compact_event *e)
{
    struct compact_table *c = e->of;
    c->running--;
    if (e->task == NULL) {
        take_expiry(c, e);
    } else {
        take_task(c, e);
    }
    mem_free(e);
}
