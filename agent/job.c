#include "agent/job.h"

#include <stdio.h>
#include <unistd.h>

#include "agent/committer.h"
#include "agent/drain.h"
#include "agent/lane.h"
#include "agent/partition_key.h"
#include "agent/property.h"
#include "agent/resolve.h"
#include "agent/route.h"
#include "agent/sweep.h"
#include "agent/writer.h"
#include "base/instant.h"
#include "base/log.h"
#include "base/mem.h"
#include "sink/paths.h"
#include "sink/schema_file.h"

#define EVENT_QUEUE_BYTES ((size_t)64 << 20)
#define LOG_ERROR_EVERY_MS 60000u

struct job {
    const struct job_options *options;
    struct stop *drain;
    struct job_file file;
    struct arena arena;
    struct fs fs;
    const char *root;
    const char *folder; /* of epochs and checkpoints */
    const char *name;
    struct epoch epoch;
    struct commit_owner owner;
    atomic_uint_fast64_t file_counter;
    struct progress *progress;
    int64_t mark;       /* newest committed over all pipelines */
    int64_t checkpoint; /* newest written */
    bool aside;         /* some table is set aside */
    bool missing;       /* a table of the checkpoint is no longer at the source */
    bool swept;         /* the agent before's leavings */
    uint64_t started_ms;
    struct log_thin thin;
};

/* ---- loading ---- */

/* The source's own rules, said at the key's place in the file. */
static bool check_source(const struct job_file *j, struct error *err)
{
    const char *key = "type";
    struct error why = {0};
    if (j->source->check(j->source_conf, &key, &why)) {
        return true;
    }
    const struct tree_node *node = option_node(j->spec.source, str_of(key));
    if (node != NULL && node->secret) {
        return option_fail(tree_name(j->spec.tree), node, err,
                           "%s is not valid; its value came through ${…} and is not shown", key);
    }
    return option_fail(tree_name(j->spec.tree), node == NULL ? j->spec.source : node, err, "%s",
                       why.text);
}

static bool fail_at_sink(const struct job_file *j, const char *key, const struct error *why,
                         struct error *err)
{
    const struct tree_node *sink = tree_child(tree_root(j->spec.tree), STR("sink"));
    const struct tree_node *node = option_node(sink, str_of(key));
    return option_fail(tree_name(j->spec.tree), node == NULL ? sink : node, err, "%s", why->text);
}

static bool check_sink(const struct job_file *j, struct error *err)
{
    struct arena a = {0};
    struct fs fs;
    const char *root;
    struct error why = {0};
    bool ok = fs_open(j->spec.sink.warehouse, &a, &fs, &root, &why);
    if (ok) {
        fs_close(&fs);
    } else {
        (void)fail_at_sink(j, "catalog.properties.warehouse", &why, err);
    }
    arena_release(&a);
    return ok && (partition_key_check(j->spec.sink.partition_key, &why) ||
                  fail_at_sink(j, "partition.key", &why, err));
}

bool job_load(const char *path, struct job_file *out, struct error *err)
{
    struct job_file j = {0};
    if (!jobspec_load(path, &j.spec, err)) {
        return false;
    }
    j.source = source_find(j.spec.source_type);
    if (j.source == NULL) {
        const struct tree_node *type = tree_child(j.spec.source, STR("type"));
        error_set(err, FAIL_CONFIG, "%s:%u:%u: source type '%.*s' is not supported; known: mysql",
                  tree_name(j.spec.tree), type->line, type->column, STR_FMT(j.spec.source_type));
        jobspec_release(&j.spec);
        return false;
    }
    j.source_conf = mem_zalloc(j.source->options->size);
    if (!option_apply(j.source->options, j.spec.source, tree_name(j.spec.tree), jobspec_source_keys,
                      &j.spec.arena, j.source_conf, err) ||
        !check_source(&j, err) || !check_sink(&j, err) || !property_check(&j.spec, err)) {
        job_release(&j);
        return false;
    }
    *out = j;
    return true;
}

void job_release(struct job_file *j)
{
    mem_free(j->source_conf);
    jobspec_release(&j->spec);
    *j = (struct job_file){0};
}

/* ---- one pipeline ---- */

struct run {
    struct job *job;
    struct pipeline p;
    struct committer c;
    struct checkpoint known;
    bool have_known;
    struct arena arena; /* of the checkpoint read */
    struct str *through;
    pthread_t lane;
    pthread_t writers[PIPELINE_MAX_THREADS];
    struct writer_args writer_args[PIPELINE_MAX_THREADS];
    struct lane_args lane_args;
    bool lane_started;
    size_t writers_started;
};

static void init_pipeline(struct run *r)
{
    struct job *j = r->job;
    struct pipeline *p = &r->p;
    p->source_ops = j->file.source;
    p->stop = stop_new();
    p->drain = j->drain;
    p->owner = &j->owner;
    p->fs = j->fs;
    p->epoch = j->epoch.number;
    p->threads = (size_t)j->file.spec.pipeline.parallelism;
    p->checkpoint_interval_ms = j->file.spec.pipeline.checkpoint_interval_ms;
    p->memory_bytes = j->file.spec.pipeline.memory_bytes;
    p->events = queue_new(EVENT_QUEUE_BYTES);
    p->workers = workers_new(p->threads, "worker");
    atomic_store(&p->marks_settled, j->mark);
    for (size_t i = 0; i < p->threads; i++) {
        p->hands[i] = queue_new(pipeline_queue_limit(p));
    }
}

static void log_skipped(const struct source_tables *tables)
{
    for (size_t i = 0; i < tables->skipped_count; i++) {
        LOG_WARN("table-skipped", "table=%s reason=%s", LOG_S(tables->skipped[i].label),
                 LOG_S(tables->skipped[i].reason));
    }
}

static bool open_routes(struct run *r, const struct source_tables *tables, struct error *err)
{
    struct pipeline *p = &r->p;
    struct job *j = r->job;
    struct route_context context = {.fs = j->fs,
                                    .root = j->root,
                                    .job = j->owner.job,
                                    .properties = &j->file.spec.sink.table_properties,
                                    .partition_key = j->file.spec.sink.partition_key,
                                    .checkpoint_interval_ms = p->checkpoint_interval_ms,
                                    .known = r->have_known ? &r->known : NULL};
    p->routes = MEM_ARRAY(struct route, tables->count + 1);
    r->through = ARENA_ARRAY(&r->arena, struct str, tables->count + 1);
    for (size_t i = 0; i < tables->count; i++) {
        p->route_count = i + 1;
        if (!route_open(&context, &tables->tables[i], &p->routes[i], err)) {
            return false;
        }
        p->routes[i].table->options.format_options.memory_bytes = pipeline_file_limit(p);
        r->through[i] = arena_str(&r->arena, p->routes[i].table->backfill.through);
    }
    return true;
}

/* Tables that this job had and the source no longer gives are said once, and forgotten. */
static void report_missing(struct run *r)
{
    for (size_t i = 0; r->have_known && i < r->known.table_count; i++) {
        struct str label = r->known.tables[i].label;
        bool found = false;
        for (size_t k = 0; k < r->p.route_count && !found; k++) {
            found = str_eq(label, str_of(r->p.routes[k].table->label));
        }
        if (!found) {
            LOG_ERROR("table-missing", "table=%s reason=%s", LOG_S(label),
                      LOG_Q("the source has no such table any more, or the job's list no longer "
                            "names it: its rows stay in the lake as they are"));
            r->job->missing = true;
        }
    }
}

/* Gives tables without a position the source's; settles which take part in a first copy, and how.
 */
static bool place_routes(struct run *r, struct error *err)
{
    struct pipeline *p = &r->p;
    struct position *now = NULL;
    struct source_caps caps = p->source_ops->caps(p->source);
    bool copy = true;
    bool ok = true;
    for (size_t i = 0; ok && i < p->route_count; i++) {
        if (p->routes[i].fresh && now == NULL) {
            ok = p->source_ops->start_position(p->source, &now, &copy, err);
        }
        ok = ok && route_place(&p->routes[i], now, copy, &caps, err);
    }
    position_free(now);
    return ok;
}

static void start_threads(struct run *r)
{
    struct pipeline *p = &r->p;
    for (size_t i = 0; i < p->threads; i++) {
        r->writer_args[i] = (struct writer_args){.pipeline = p, .index = i};
        must(pthread_create(&r->writers[i], NULL, writer_run, &r->writer_args[i]) == 0);
        r->writers_started = i + 1;
    }
    r->lane_args = (struct lane_args){.pipeline = p, .first_mark = r->job->mark + 1};
    must(pthread_create(&r->lane, NULL, lane_run, &r->lane_args) == 0);
    r->lane_started = true;
}

static bool any_copy(const struct pipeline *p, bool shared)
{
    for (size_t i = 0; i < p->route_count; i++) {
        const struct route *r = &p->routes[i];
        if (r->table->state == TABLE_COPYING && r->copy && r->shared == shared) {
            return true;
        }
    }
    return false;
}

/* Tables that need one exact snapshot are copied before the stream starts. */
static bool copy_shared(struct run *r, struct error *err)
{
    struct pipeline *p = &r->p;
    struct position *snapshot = NULL;
    size_t most = p->source_ops->caps(p->source).shared_readers;
    size_t readers = most > 0 && most < p->threads ? most : p->threads;
    if (!any_copy(p, true)) {
        return true;
    }
    if (!p->source_ops->shared_begin(p->source, readers, &snapshot, err)) {
        return false;
    }
    atomic_store(&p->copying, true);
    r->c.copy = copy_start(p, true, readers, r->through);
    bool ok = committer_shared_copy(&r->c, snapshot, err);
    if (!ok) {
        stop_request(p->stop);
    }
    copy_join(r->c.copy);
    r->c.copy = NULL;
    p->source_ops->shared_end(p->source);
    position_free(snapshot);
    return ok;
}

/* A job that wants the copy alone ends with it; one that has it already ends where it stands. */
static void limit_to_copy(struct run *r)
{
    struct pipeline *p = &r->p;
    if (!p->source_ops->caps(p->source).copy_only) {
        return;
    }
    r->c.until_caught_up = true;
    if (!any_copy(p, false)) {
        atomic_store(&p->target, position_dup(p->start));
    }
}

static void stop_pipeline(struct run *r)
{
    struct pipeline *p = &r->p;
    stop_request(p->stop);
    if (r->lane_started) {
        (void)pthread_join(r->lane, NULL);
    }
    for (size_t i = 0; i < r->writers_started; i++) {
        queue_close(p->hands[i]);
        (void)pthread_join(r->writers[i], NULL);
    }
    copy_join(r->c.copy);
    r->c.copy = NULL;
    workers_stop(p->workers);
}

static void free_pipeline(struct run *r)
{
    struct pipeline *p = &r->p;
    committer_release(&r->c);
    if (p->source != NULL) {
        p->source_ops->close(p->source);
    }
    for (size_t i = 0; i < p->route_count; i++) {
        r->job->aside = r->job->aside ||
                        (p->routes[i].table != NULL && p->routes[i].table->state == TABLE_PARKED);
        route_close(&p->routes[i]);
    }
    mem_free(p->routes);
    for (size_t i = 0; i < p->threads; i++) {
        queue_free(p->hands[i]);
    }
    queue_free(p->events);
    position_free(p->start);
    position_free(atomic_load(&p->target));
    stop_free(p->stop);
    arena_release(&r->arena);
}

/* Where the stream starts: what every table that is not set aside contains. */
static bool find_start(struct run *r, struct error *err)
{
    struct pipeline *p = &r->p;
    struct position *low = NULL;
    for (size_t i = 0; i < p->route_count; i++) {
        struct route *route = &p->routes[i];
        if (route->table->state == TABLE_PARKED) {
            continue;
        }
        route->resume = position_dup(route->table->position);
        route->empty = route->table->state == TABLE_LIVE && route->table->base.id == 0;
        struct position *next =
            low == NULL ? position_dup(route->resume) : position_meet(low, route->resume);
        position_free(low);
        low = next;
    }
    if (low == NULL) {
        return error_set(err, FAIL_DIVERGED, "every table is set aside");
    }
    position_free(p->start);
    p->start = low;
    return p->source_ops->check_position(p->source, p->start, err);
}

static void log_start(const struct run *r)
{
    const struct pipeline *p = &r->p;
    struct buf text = BUF_INIT(4096);
    p->source_ops->describe(p->source, p->start, &text);
    LOG_INFO("stream", "tables=%zu epoch=%lld from=%s", p->route_count, (long long)p->epoch,
             LOG_S(buf_str(&text)));
    buf_release(&text);
}

static bool prepare(struct run *r, struct error *err)
{
    struct pipeline *p = &r->p;
    struct job *j = r->job;
    struct source_tables tables = {0};
    if (!p->source_ops->open(j->file.source_conf, j->name, p->stop, &p->source, err) ||
        !p->source_ops->discover(p->source, &tables, err)) {
        return false;
    }
    log_skipped(&tables);
    if (tables.count == 0) {
        return error_set(err, FAIL_CONFIG, "source.tables matches no table with a primary key");
    }
    return checkpoint_load(j->fs, j->folder, &r->arena, &r->known, &r->have_known, err) &&
           open_routes(r, &tables, err) && place_routes(r, err);
}

/* What one dead agent left unlisted. */
static bool sweep_agent(struct run *r, const struct epoch_left *left, struct error *err)
{
    for (size_t i = 0; i < r->p.route_count; i++) {
        const struct table *t = r->p.routes[i].table;
        size_t removed = 0;
        if (t->state != TABLE_PARKED && !sweep_table(t, left->uuid, &removed, err)) {
            return false;
        }
        if (removed > 0) {
            LOG_INFO("sweep", "table=%s epoch=%lld removed=%zu", LOG_Q(t->label),
                     (long long)left->number, removed);
        }
    }
    return epoch_forget(&r->job->epoch, left->number, err);
}

/* Once a run: a failure leaves files that nobody lists, and is tried again by the next agent. */
static void sweep_dead_agents(struct run *r)
{
    struct job *j = r->job;
    struct error err = {0};
    struct epoch_left *left = NULL;
    size_t count = 0;
    if (j->swept) {
        return;
    }
    j->swept = true;
    bool ok = epoch_leftovers(&j->epoch, &r->arena, &left, &count, &err) &&
              (count == 0 || j->fs.ops->tidy(j->fs.self, j->folder, &err));
    for (size_t i = 0; ok && i < count; i++) {
        ok = !left[i].gone || sweep_agent(r, &left[i], &err);
    }
    if (!ok) {
        LOG_WARN("sweep", "reason=%s", LOG_Q(err.text));
    }
}

/* Everything up to the first change: there is nothing to drain yet. */
static bool begin_pipeline(struct run *r, struct error *err)
{
    struct job *j = r->job;
    if (!prepare(r, err)) {
        return false;
    }
    report_missing(r);
    sweep_dead_agents(r);
    r->c.epoch = &j->epoch;
    r->c.folder = j->folder;
    r->c.progress = j->progress;
    r->c.until_caught_up = j->options->until_caught_up;
    r->c.mark = j->mark;
    r->c.checkpoint = j->checkpoint;
    r->c.through = r->through;
    committer_init(&r->c, &r->p);
    return committer_checkpoint(&r->c, err) && copy_shared(r, err) && find_start(r, err);
}

static bool run_pipeline(struct run *r, struct error *err)
{
    struct pipeline *p = &r->p;
    struct drain_watch *watch = drain_watch(p->drain, p->stop);
    bool ok = begin_pipeline(r, err);
    drain_unwatch(watch);
    if (!ok) {
        return false;
    }
    log_start(r);
    limit_to_copy(r);
    if (any_copy(p, false)) {
        atomic_store(&p->copying, true);
        r->c.copy = copy_start(p, false, p->threads, r->through);
    }
    start_threads(r);
    if (!committer_run(&r->c, err)) {
        return false;
    }
    committer_unpin(&r->c);
    return true;
}

/* True: ended in order. */
static bool run_once(struct job *j, struct error *err)
{
    struct run *r = MEM_NEW(struct run);
    r->job = j;
    init_pipeline(r);
    bool ok = run_pipeline(r, err);
    stop_pipeline(r);
    progress_pause(j->progress);
    if (ok || err->code != FAIL_IO) {
        progress_report(&r->p, j->started_ms);
    }
    if (r->c.epoch != NULL) {
        j->mark = r->c.mark > j->mark ? r->c.mark : j->mark;
        j->checkpoint = r->c.checkpoint;
        /* Marks that were made but not committed are not used again. */
        j->mark += 16;
    } else {
        committer_init(&r->c, &r->p);
    }
    j->aside = false; /* as the newest pipeline saw it */
    free_pipeline(r);
    mem_free(r);
    return ok;
}

/* ---- the job ---- */

static bool open_job(struct job *j, struct error *err)
{
    struct buf user = BUF_INIT(400);
    const struct jobspec *s = &j->file.spec;
    if (!fs_open(s->sink.warehouse, &j->arena, &j->fs, &j->root, err)) {
        return error_in(err, "sink.catalog.properties.warehouse");
    }
    j->name = arena_cstr(&j->arena, s->pipeline.name);
    j->folder = paths_job(&j->arena, j->root, s->pipeline.name);
    if (s->pipeline.checkpoint_path.len > 0) {
        j->folder = arena_cstr(&j->arena, s->pipeline.checkpoint_path);
    }
    buf_printf(&user, "%.*s-%.*s", STR_FMT(s->sink.commit_user_prefix), STR_FMT(s->pipeline.name));
    j->owner = (struct commit_owner){.user = arena_str(&j->arena, buf_str(&user)),
                                     .job = s->pipeline.name,
                                     .file_uuid = j->epoch.uuid,
                                     .file_counter = &j->file_counter};
    buf_release(&user);
    return true;
}

static bool claim(struct job *j, struct error *err)
{
    bool ok = epoch_claim(j->fs, j->folder, j->file.spec.pipeline.checkpoint_interval_ms,
                          j->options->take_over, j->drain, &j->epoch, err);
    j->owner.epoch = j->epoch.number;
    return ok || error_in(err, "job %s", j->name);
}

static void log_failure(struct job *j, const struct error *err, bool again, uint64_t wait_ms)
{
    uint64_t suppressed = 0;
    progress_pause(j->progress);
    if (!again) {
        LOG_ERROR("failed", "code=%s reason=%s%s%s", error_name(err->code), LOG_Q(err->text),
                  *retry_advice(err->code) == '\0' ? "" : " advice=",
                  *retry_advice(err->code) == '\0' ? "" : LOG_Q(retry_advice(err->code)));
    } else if (log_thinned(&j->thin, LOG_ERROR_EVERY_MS, &suppressed)) {
        LOG_WARN("retry", "code=%s wait_ms=%llu suppressed=%llu reason=%s", error_name(err->code),
                 (unsigned long long)wait_ms, (unsigned long long)suppressed, LOG_Q(err->text));
    }
}

static enum exit_code run_job(struct job *j)
{
    struct retry retry = {0};
    struct error err = {0};
    for (;;) {
        err = (struct error){0};
        retry_begin(&retry);
        bool ok = run_once(j, &err);
        bool again = !ok && retry_wanted(&retry, &err);
        if (ok || err.code == FAIL_STOPPED || (again && stop_requested(j->drain))) {
            return j->aside || j->missing ? CODE_ASIDE : CODE_DONE;
        }
        struct error owned = {0};
        if (!epoch_check(&j->epoch, &owned) && owned.code == FAIL_OWNED) {
            err = owned; /* whatever failed: the job is somebody else's now */
            again = false;
        }
        log_failure(j, &err, again, retry.wait_ms);
        if (!again) {
            return retry_exit(err.code);
        }
        if (stop_wait(j->drain, retry.wait_ms)) {
            return j->aside || j->missing ? CODE_ASIDE : CODE_DONE;
        }
    }
}

enum exit_code job_run(const struct job_options *options, struct stop *drain)
{
    struct job j = {.options = options, .drain = drain, .started_ms = instant_mono_ms()};
    struct error err = {0};
    enum exit_code code;

    j.progress = progress_new(isatty(STDERR_FILENO) == 1);
    if (!job_load(options->path, &j.file, &err) || !open_job(&j, &err) || !claim(&j, &err)) {
        code = retry_exit(err.code);
        if (err.code == FAIL_STOPPED) {
            LOG_INFO("stopped", "reason=%s", LOG_Q(err.text));
        } else {
            log_failure(&j, &err, false, 0);
        }
    } else {
        code = run_job(&j);
        if (code != CODE_OWNED && !epoch_end(&j.epoch, &err)) {
            LOG_WARN("epoch-end", "reason=%s", LOG_Q(err.text));
        }
    }
    progress_free(j.progress);
    if (j.fs.ops != NULL) {
        fs_close(&j.fs);
    }
    job_release(&j.file);
    arena_release(&j.arena);
    return code;
}
