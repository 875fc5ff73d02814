#include "agent/epoch.h"

#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/instant.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "sink/paths.h"

#define EPOCH_FILE_MAX 65536u
#define WATCH_STEP_MS 100u

struct owner {
    int64_t epoch;
    struct str host, boot, uuid;
    int64_t pid, interval_ms;
    struct str started; /* the process's start time, as /proc says */
};

static struct str read_small(struct arena *a, const char *path)
{
    char bytes[4096];
    FILE *f = fopen(path, "re");
    size_t n = f == NULL ? 0 : fread(bytes, 1, sizeof bytes, f);
    if (f != NULL) {
        (void)fclose(f);
    }
    return arena_str(a, str_trim((struct str){bytes, n}));
}

/* Field 22 of /proc/<pid>/stat; empty when there is no such process (or a zombie). */
static struct str process_started(struct arena *a, int64_t pid)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    struct str stat = read_small(a, path);
    size_t close = stat.len;
    while (close > 0 && stat.ptr[close - 1] != ')') {
        close--;
    }
    struct str rest = str_trim(str_slice(stat, close, stat.len));
    struct str part = {0};
    for (int field = 3; field <= 22; field++) {
        if (!str_next(&rest, ' ', &part) || (field == 3 && str_eq(part, STR("Z")))) {
            return (struct str){0};
        }
    }
    return part;
}

static struct str host_name(struct arena *a)
{
    char name[256] = "";
    (void)gethostname(name, sizeof name - 1);
    return arena_str(a, str_of(name));
}

static const char *file_of(struct arena *a, const char *folder, const char *kind, int64_t number)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%s-%lld", kind, (long long)number);
    return paths_join(a, folder, str_of(name));
}

/* The highest epoch in the folder (0: none) and a digest of its checkpoint names, which moves while
 * its owner lives. */
static bool survey(struct fs fs, const char *folder, int64_t *out_highest, uint64_t *out_marks,
                   struct error *err)
{
    struct arena a = {0};
    struct fs_entry *entries = NULL;
    size_t count = 0;
    uint64_t marks = 0;
    int64_t highest = 0;
    if (!fs.ops->list(fs.self, folder, &a, &entries, &count, err)) {
        arena_release(&a);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t n;
        if (str_starts(entries[i].name, STR("epoch-")) &&
            str_to_i64(str_slice(entries[i].name, 6, entries[i].name.len), &n) && n > highest) {
            highest = n;
        }
        if (str_starts(entries[i].name, STR("checkpoint-"))) {
            marks += hash_bytes(entries[i].name);
        }
    }
    arena_release(&a);
    *out_highest = highest;
    *out_marks = marks;
    return true;
}

static bool read_owner(struct fs fs, const char *folder, int64_t number, struct arena *a,
                       struct owner *out, struct error *err)
{
    struct buf text = BUF_INIT(EPOCH_FILE_MAX);
    struct json_doc *doc = NULL;
    struct owner o = {.epoch = number};
    bool found = false;
    const char *path = file_of(a, folder, "epoch", number);
    bool ok = fs.ops->read(fs.self, path, &text, &found, err);
    if (ok && !found) {
        ok = error_set(err, FAIL_IO, "%s vanished", path);
    }
    ok = ok && json_parse(buf_str(&text), &doc, err);
    if (ok) {
        const struct json *root = json_root(doc);
        int64_t version = 0;
        ok = json_need_i64(root, "version", &version, err) &&
             (version == 1 ||
              error_set(err, FAIL_SCHEMA, "version %lld is of a newer inlet: run that one",
                        (long long)version)) &&
             json_need_str(root, "host", &o.host, err) &&
             json_need_str(root, "boot", &o.boot, err) &&
             json_need_str(root, "uuid", &o.uuid, err) &&
             json_need_str(root, "started", &o.started, err) &&
             json_need_i64(root, "pid", &o.pid, err) &&
             json_need_i64(root, "interval_ms", &o.interval_ms, err);
    }
    if (ok) {
        o.host = arena_str(a, o.host);
        o.boot = arena_str(a, o.boot);
        o.uuid = arena_str(a, o.uuid);
        o.started = arena_str(a, o.started);
        *out = o;
    }
    json_free(doc);
    buf_release(&text);
    return ok || error_in(err, "%s", path);
}

/* The owner's process ran on this host since its last boot and is no more. */
static bool surely_gone(struct arena *a, const struct owner *o)
{
    struct str boot = read_small(a, "/proc/sys/kernel/random/boot_id");
    if (!str_eq(o->host, host_name(a))) {
        return false;
    }
    return !str_eq(o->boot, boot) || !str_eq(process_started(a, o->pid), o->started);
}

/* It ended in order, or surely runs no more. */
static bool is_gone(const struct epoch *e, const struct owner *o, struct arena *a, bool *out,
                    struct error *err)
{
    uint64_t bytes;
    bool ended = false;
    if (!e->fs.ops->size(e->fs.self, file_of(a, e->folder, "ended", o->epoch), &bytes, &ended,
                         err)) {
        return false;
    }
    *out = ended || surely_gone(a, o);
    return true;
}

static bool watch(struct fs fs, const char *folder, const struct owner *owner, uint64_t interval_ms,
                  uint64_t marks, struct stop *stop, struct error *err)
{
    uint64_t wait =
        interval_ms > (uint64_t)owner->interval_ms ? interval_ms : (uint64_t)owner->interval_ms;
    uint64_t until = instant_mono_ms() + 3 * wait + WATCH_STEP_MS;
    LOG_INFO("watch", "epoch=%lld host=%s pid=%lld wait_ms=%llu", (long long)owner->epoch,
             LOG_S(owner->host), (long long)owner->pid, (unsigned long long)(3 * wait));
    while (instant_mono_ms() < until) {
        int64_t highest;
        uint64_t now;
        if (stop_wait(stop, WATCH_STEP_MS)) {
            return error_set(err, FAIL_STOPPED, "stopped while watching the job's owner");
        }
        if (!survey(fs, folder, &highest, &now, err)) {
            return false;
        }
        if (now != marks || highest != owner->epoch) {
            return error_set(err, FAIL_OWNED,
                             "another agent owns this job: epoch %lld, host %.*s, pid %lld. Stop "
                             "it first, or give this job another "
                             "pipeline name, or use --take-over",
                             (long long)highest, STR_FMT(owner->host), (long long)owner->pid);
        }
    }
    return true;
}

static bool create(struct epoch *e, uint64_t interval_ms, struct error *err)
{
    struct arena a = {0};
    struct buf text = BUF_INIT(EPOCH_FILE_MAX);
    paths_uuid(e->uuid);
    buf_printf(&text, "{\"version\":1,\"epoch\":%lld,\"host\":", (long long)e->number);
    buf_put_json(&text, host_name(&a));
    buf_put_cstr(&text, ",\"boot\":");
    buf_put_json(&text, read_small(&a, "/proc/sys/kernel/random/boot_id"));
    buf_put_cstr(&text, ",\"started\":");
    buf_put_json(&text, process_started(&a, (int64_t)getpid()));
    buf_printf(&text, ",\"pid\":%lld,\"interval_ms\":%llu,\"uuid\":\"%s\"}\n", (long long)getpid(),
               (unsigned long long)interval_ms, e->uuid);
    bool ok = buf_ok(&text, "epoch file", err) &&
              e->fs.ops->publish(e->fs.self, file_of(&a, e->folder, "epoch", e->number),
                                 buf_str(&text), err);
    buf_release(&text);
    arena_release(&a);
    return ok;
}

/* Looks at the last owner; true when this agent may go on. */
static bool examine_last(const struct epoch *e, int64_t last, uint64_t marks, uint64_t interval_ms,
                         struct stop *stop, struct error *err)
{
    struct arena a = {0};
    struct owner owner = {0};
    bool gone = false;
    bool ok =
        read_owner(e->fs, e->folder, last, &a, &owner, err) && is_gone(e, &owner, &a, &gone, err);
    if (ok && !gone) {
        ok = watch(e->fs, e->folder, &owner, interval_ms, marks, stop, err);
    }
    arena_release(&a);
    return ok;
}

bool epoch_claim(struct fs fs, const char *folder, uint64_t interval_ms, bool take_over,
                 struct stop *stop, struct epoch *out, struct error *err)
{
    struct epoch e = {.fs = fs, .folder = folder};
    for (int tries = 0; tries < 5; tries++) {
        int64_t last;
        uint64_t marks;
        if (!survey(fs, folder, &last, &marks, err)) {
            return error_in(err, "claim the job");
        }
        if (last > 0 && !take_over && !examine_last(&e, last, marks, interval_ms, stop, err)) {
            return false;
        }
        e.number = last + 1;
        if (create(&e, interval_ms, err)) {
            *out = e;
            return true;
        }
        /* FAIL_IO: an agent that tidies up may have taken our draft away. */
        if (err->code != FAIL_CONFLICT && err->code != FAIL_UNKNOWN &&
            (err->code != FAIL_IO || tries > 2)) {
            return error_in(err, "claim the job");
        }
    }
    return error_set(err, FAIL_OWNED, "other agents claimed this job at the same time");
}

bool epoch_check(const struct epoch *e, struct error *err)
{
    int64_t highest;
    uint64_t marks;
    if (!survey(e->fs, e->folder, &highest, &marks, err)) {
        return false;
    }
    return highest == e->number ||
           error_set(err, FAIL_OWNED, "a newer agent owns this job (epoch %lld, ours is %lld)",
                     (long long)highest, (long long)e->number);
}

bool epoch_leftovers(const struct epoch *e, struct arena *arena, struct epoch_left **out,
                     size_t *out_count, struct error *err)
{
    struct fs_entry *entries = NULL;
    size_t count = 0;
    size_t found = 0;
    if (!e->fs.ops->list(e->fs.self, e->folder, arena, &entries, &count, err)) {
        return false;
    }
    struct epoch_left *left = ARENA_ARRAY(arena, struct epoch_left, count);
    for (size_t i = 0; i < count; i++) {
        int64_t number;
        struct owner owner = {0};
        if (!str_starts(entries[i].name, STR("epoch-")) ||
            !str_to_i64(str_slice(entries[i].name, 6, entries[i].name.len), &number) ||
            number >= e->number) {
            continue;
        }
        struct epoch_left *l = &left[found];
        l->number = number;
        if (!read_owner(e->fs, e->folder, number, arena, &owner, err) ||
            !is_gone(e, &owner, arena, &l->gone, err)) {
            return false;
        }
        (void)snprintf(l->uuid, sizeof l->uuid, "%.*s", STR_FMT(owner.uuid));
        found++;
    }
    *out = left;
    *out_count = found;
    return true;
}

bool epoch_forget(const struct epoch *e, int64_t number, struct error *err)
{
    struct arena a = {0};
    must(number < e->number);
    bool ok = e->fs.ops->remove(e->fs.self, file_of(&a, e->folder, "epoch", number), err) &&
              e->fs.ops->remove(e->fs.self, file_of(&a, e->folder, "ended", number), err);
    arena_release(&a);
    return ok;
}

bool epoch_end(const struct epoch *e, struct error *err)
{
    struct arena a = {0};
    bool ok = e->fs.ops->replace(e->fs.self, file_of(&a, e->folder, "ended", e->number),
                                 STR("{}\n"), err);
    arena_release(&a);
    return ok;
}
