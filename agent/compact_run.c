#include "agent/compact_run.h"

#include <stdio.h>
#include <sys/stat.h>

#include "agent/checkpoint.h"
#include "agent/compact_table.h"
#include "agent/epoch.h"
#include "agent/sweep.h"
#include "base/hash.h"
#include "base/instant.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/jobspec.h"
#include "sink/paths.h"

#define INTERVAL_MS 1000u
#define FIND_EVERY_MS 30000u
#define MEMORY_BYTES (UINT64_C(128) << 20)
#define THREADS 2u
#define MAX_THREADS 64u
#define EVENT_QUEUE_BYTES ((size_t)1 << 20)

struct compact_run {
    const struct compact_run_options *options;
    struct compact_site site;
    struct arena arena;
    struct jobspec spec;
    bool is_job;
    struct str warehouse;
    const char *job_folder; /* of its checkpoints */
    uint64_t interval_ms;
    uint64_t memory_bytes;
    size_t threads;
    struct epoch epoch;
    atomic_uint_fast64_t file_counter;
    struct compact_table **tables;
    size_t count, cap;
    uint64_t find_ms; /* when tables are looked for again */
    bool swept;
};

/* ---- what is asked for ---- */

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool read_place(struct compact_run *r, struct error *err)
{
    const struct compact_run_options *o = r->options;
    struct str place = str_of(o->place);
    r->is_job = is_file(o->place) || str_ends(place, STR(".yaml")) || str_ends(place, STR(".yml"));
    r->warehouse = place;
    r->memory_bytes = MEMORY_BYTES;
    r->threads = THREADS;
    if (r->is_job) {
        if (!jobspec_load(o->place, &r->spec, err)) {
            return false;
        }
        r->warehouse = r->spec.sink.warehouse;
        r->memory_bytes = r->spec.pipeline.memory_bytes;
        r->threads = (size_t)r->spec.pipeline.parallelism;
    }
    r->memory_bytes = o->memory_bytes > 0 ? o->memory_bytes : r->memory_bytes;
    r->threads = o->threads > 0 ? o->threads : r->threads;
    r->threads = r->threads < MAX_THREADS ? r->threads : MAX_THREADS;
    r->interval_ms = o->interval_ms > 0 ? o->interval_ms : INTERVAL_MS;
    for (size_t i = 0; i < o->name_count; i++) {
        struct str name = str_of(o->names[i]);
        if (str_find(name, '.') == name.len) {
            return error_set(err, FAIL_CONFIG, "'%s' is not DB.TABLE", o->names[i]);
        }
    }
    return true;
}

/* The same for the same job, warehouse or names: a next program finds what this one left. */
static const char *scope_folder(struct compact_run *r)
{
    const struct compact_run_options *o = r->options;
    struct buf scope = BUF_INIT(4096);
    buf_put_cstr(&scope, "compact-");
    if (o->name_count > 0) {
        uint64_t sum = 0;
        for (size_t i = 0; i < o->name_count; i++) {
            sum += hash_bytes(str_of(o->names[i]));
        }
        buf_printf(&scope, "%016llx", (unsigned long long)sum);
    } else if (r->is_job) {
        buf_put_str(&scope, r->spec.pipeline.name);
    } else {
        buf_put_cstr(&scope, "all");
    }
    const char *folder = paths_job(&r->arena, r->site.root, buf_str(&scope));
    buf_release(&scope);
    return folder;
}

static bool begin(struct compact_run *r, struct stop *stop, struct error *err)
{
    struct compact_site *s = &r->site;
    struct buf user = BUF_INIT(100);
    if (!read_place(r, err) || !fs_open(r->warehouse, &r->arena, &s->fs, &s->root, err)) {
        return false;
    }
    if (!is_file(r->options->place) && !r->is_job) {
        struct stat st;
        if (stat(s->root, &st) != 0) {
            return error_set(err, FAIL_CONFIG, "there is neither a job file nor a warehouse %s",
                             r->options->place);
        }
    }
    if (r->is_job) {
        r->job_folder = r->spec.pipeline.checkpoint_path.len > 0
                            ? arena_cstr(&r->arena, r->spec.pipeline.checkpoint_path)
                            : paths_job(&r->arena, s->root, r->spec.pipeline.name);
    }
    if (!epoch_claim(s->fs, scope_folder(r), r->interval_ms, true, stop, &r->epoch, err)) {
        return false;
    }
    buf_printf(&user, "inlet-compact-%.8s", r->epoch.uuid);
    s->owner = (struct commit_owner){.user = arena_str(&r->arena, buf_str(&user)),
                                     .file_uuid = r->epoch.uuid,
                                     .file_counter = &r->file_counter};
    buf_release(&user);
    s->stop = stop;
    s->once = r->options->once;
    s->identifier = 1;
    /* A task has a data file and a changelog file open, and twice a file's for its inputs. */
    s->file_bytes = r->memory_bytes / 6 / r->threads;
    s->events = queue_new(EVENT_QUEUE_BYTES);
    s->workers = workers_new(r->threads, "compact");
    return true;
}

/* ---- which tables ---- */

static void want(struct compact_run *r, struct str label, bool named)
{
    size_t dot = str_find(label, '.');
    for (size_t i = 0; i < r->count; i++) {
        if (str_eq(str_of(compact_table_label(r->tables[i])), label)) {
            return;
        }
    }
    VEC_ROOM(r->tables, r->count, r->cap);
    r->tables[r->count++] = compact_table_new(&r->site, str_slice(label, 0, dot),
                                              str_slice(label, dot + 1, label.len), named);
}

static bool list_folders(const struct compact_run *r, const char *path, struct arena *a,
                         struct fs_entry **out, size_t *out_count, struct error *err)
{
    return r->site.fs.ops->list(r->site.fs.self, path, a, out, out_count, err);
}

static bool find_in_database(struct compact_run *r, struct str folder, struct arena *a,
                             struct error *err)
{
    struct fs_entry *entries = NULL;
    size_t count = 0;
    if (!list_folders(r, paths_join(a, r->site.root, folder), a, &entries, &count, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct buf label = BUF_INIT(4096);
        buf_put_str(&label, str_slice(folder, 0, folder.len - 3));
        buf_put_cstr(&label, ".");
        buf_put_str(&label, entries[i].name);
        if (entries[i].is_folder && entries[i].name.ptr[0] != '.') {
            want(r, buf_str(&label), false);
        }
        buf_release(&label);
    }
    return true;
}

static bool find_in_warehouse(struct compact_run *r, struct arena *a, struct error *err)
{
    struct fs_entry *entries = NULL;
    size_t count = 0;
    bool ok = list_folders(r, r->site.root, a, &entries, &count, err);
    for (size_t i = 0; ok && i < count; i++) {
        if (entries[i].is_folder && str_ends(entries[i].name, STR(".db"))) {
            ok = find_in_database(r, entries[i].name, a, err);
        }
    }
    return ok;
}

static bool find_in_job(struct compact_run *r, struct arena *a, struct error *err)
{
    struct checkpoint known = {0};
    bool found = false;
    if (!checkpoint_load(r->site.fs, r->job_folder, a, &known, &found, err)) {
        return false;
    }
    for (size_t i = 0; found && i < known.table_count; i++) {
        want(r, known.tables[i].label, false);
    }
    return true;
}

static void find_tables(struct compact_run *r)
{
    struct arena a = {0};
    struct error err = {0};
    const struct compact_run_options *o = r->options;
    r->find_ms = instant_mono_ms() + FIND_EVERY_MS;
    for (size_t i = 0; i < o->name_count; i++) {
        want(r, str_of(o->names[i]), true);
    }
    if (o->name_count == 0 &&
        !(r->is_job ? find_in_job(r, &a, &err) : find_in_warehouse(r, &a, &err))) {
        LOG_WARN("compact-find", "reason=%s", LOG_Q(err.text));
    }
    arena_release(&a);
}

/* ---- what a killed one left ---- */

static bool sweep_one(struct compact_run *r, const struct epoch_left *left, struct error *err)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct table *t = compact_table_table(r->tables[i]);
        size_t removed = 0;
        if (t == NULL) {
            continue;
        }
        if (!sweep_table(t, left->uuid, &removed, err)) {
            return false;
        }
        if (removed > 0) {
            LOG_INFO("sweep", "table=%s removed=%zu", LOG_Q(t->label), removed);
        }
    }
    return epoch_forget(&r->epoch, left->number, err);
}

/* Once, when the tables were opened for the first time. */
static void sweep(struct compact_run *r)
{
    struct arena a = {0};
    struct error err = {0};
    struct epoch_left *left = NULL;
    size_t count = 0;
    bool ok = epoch_leftovers(&r->epoch, &a, &left, &count, &err);
    for (size_t i = 0; ok && i < count; i++) {
        ok = !left[i].gone || sweep_one(r, &left[i], &err);
    }
    if (!ok) {
        LOG_WARN("sweep", "reason=%s", LOG_Q(err.text));
    }
    arena_release(&a);
}

/* ---- the loop ---- */

static void look(struct compact_run *r)
{
    if (instant_mono_ms() >= r->find_ms) {
        find_tables(r);
    }
    for (size_t i = 0; i < r->count; i++) {
        if (!r->options->once || !compact_table_is_done(r->tables[i]) || !r->swept) {
            compact_table_look(r->tables[i]);
        }
    }
    if (!r->swept) {
        r->swept = true;
        sweep(r);
    }
}

static bool is_done(const struct compact_run *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (!compact_table_is_done(r->tables[i])) {
            return false;
        }
    }
    return r->options->once;
}

static void take_events(struct compact_run *r, uint64_t until_ms)
{
    while (!stop_requested(r->site.stop)) {
        void *event = NULL;
        uint64_t now = instant_mono_ms();
        /* Short, so that a signal is seen. */
        int64_t wait = now >= until_ms ? 0 : until_ms - now > 200 ? 200 : (int64_t)(until_ms - now);
        if (queue_pop(r->site.events, &event, wait) == QUEUE_OK) {
            compact_table_take(event);
        }
        if ((event == NULL && now >= until_ms) || is_done(r)) {
            return;
        }
    }
}

static void loop(struct compact_run *r)
{
    uint64_t wait = r->options->once ? 100 : r->interval_ms;
    while (!stop_requested(r->site.stop)) {
        look(r);
        if (is_done(r)) {
            return;
        }
        take_events(r, instant_mono_ms() + wait);
    }
}

/* Tasks see the stop and end soon; what they made is thrown away. */
static void end(struct compact_run *r)
{
    void *event = NULL;
    struct error ignored = {0};
    if (r->site.workers != NULL) {
        stop_request(r->site.stop);
        workers_stop(r->site.workers);
        while (queue_pop(r->site.events, &event, 0) == QUEUE_OK) {
            compact_table_take(event);
        }
        (void)!epoch_end(&r->epoch, &ignored);
    }
    for (size_t i = 0; i < r->count; i++) {
        compact_table_free(r->tables[i]);
    }
    mem_free(r->tables);
    queue_free(r->site.events);
    if (r->site.fs.ops != NULL) {
        fs_close(&r->site.fs);
    }
    if (r->is_job) {
        jobspec_release(&r->spec);
    }
    arena_release(&r->arena);
}

/* A table that is not there is a mistake only where it was asked for once, by name. */
static enum exit_code exit_of(const struct compact_run *r)
{
    enum exit_code code = CODE_DONE;
    for (size_t i = 0; i < r->count; i++) {
        const struct compact_table *c = r->tables[i];
        enum compact_state state = compact_table_state(c);
        enum fail why = compact_table_failure(c);
        if (state == COMPACT_ASIDE) {
            code = CODE_ASIDE;
        } else if (code == CODE_DONE && state == COMPACT_WAITING && r->options->once) {
            bool missing = why == FAIL_NONE && r->options->name_count > 0;
            code = missing ? CODE_USAGE : why == FAIL_NONE ? CODE_DONE : CODE_RETRY;
            if (missing) {
                LOG_ERROR("table-missing", "table=%s", LOG_Q(compact_table_label(c)));
            }
        }
    }
    return code;
}

enum exit_code compact_run(const struct compact_run_options *options, struct stop *stop)
{
    struct compact_run r = {.options = options};
    struct error err = {0};
    enum exit_code code = CODE_DONE;
    if (begin(&r, stop, &err)) {
        LOG_INFO("compact-start", "warehouse=%s user=%s threads=%zu memory=%llu",
                 LOG_S(r.warehouse), LOG_S(r.site.owner.user), r.threads,
                 (unsigned long long)r.memory_bytes);
        loop(&r);
        code = exit_of(&r);
    } else {
        LOG_ERROR("compact", "reason=%s", LOG_Q(err.text));
        code = err.code == FAIL_CONFIG ? CODE_USAGE : retry_exit(err.code);
    }
    end(&r);
    return code;
}
