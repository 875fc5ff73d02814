#include "agent/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/failpoint.h"
#include "base/json.h"
#include "base/mem.h"
#include "sink/paths.h"

#define CHECKPOINT_VERSION 1
#define CHECKPOINT_MAX_BYTES (64u << 20)

static const char *const state_names[] = {
    [TABLE_COPYING] = "copying", [TABLE_LIVE] = "live", [TABLE_PARKED] = "parked"};

static const char *file_of(struct arena *a, const char *folder, int64_t epoch, int64_t number)
{
    char name[80];
    (void)snprintf(name, sizeof name, "checkpoint-%lld-%lld", (long long)epoch, (long long)number);
    return paths_join(a, folder, str_of(name));
}

static bool parse_name(struct str name, int64_t *epoch, int64_t *number)
{
    struct str rest = str_slice(name, 11, name.len);
    struct str first;
    return str_starts(name, STR("checkpoint-")) && str_next(&rest, '-', &first) &&
           rest.ptr != NULL && str_to_i64(first, epoch) && str_to_i64(rest, number);
}

static void print_table(const struct checkpoint *c, const struct checkpoint_table *t,
                        struct buf *out)
{
    buf_put_cstr(out, "{\"table\":");
    buf_put_json(out, t->label);
    buf_put_cstr(out, ",\"uuid\":");
    buf_put_json(out, t->uuid);
    buf_printf(out, ",\"snapshot\":%lld,\"state\":\"%s\"", (long long)t->snapshot,
               state_names[t->state]);
    if (t->again) {
        buf_put_cstr(out, ",\"again\":true");
    }
    if (t->state == TABLE_PARKED) {
        buf_printf(out, ",\"code\":\"%s\"", error_name(t->code));
    }
    if (t->reason.len > 0) {
        buf_put_cstr(out, ",\"reason\":");
        buf_put_json(out, t->reason);
    }
    if (!str_eq(t->position, c->position)) {
        buf_put_cstr(out, ",\"position\":");
        buf_put_json(out, t->position);
    }
    buf_put_cstr(out, ",\"backfill\":");
    stamp_print_backfill(&t->backfill, out);
    buf_put_byte(out, '}');
}

bool checkpoint_write(struct fs fs, const char *folder, const struct checkpoint *c,
                      struct error *err)
{
    struct buf out = BUF_INIT(CHECKPOINT_MAX_BYTES);
    struct arena a = {0};
    buf_printf(&out,
               "{\"version\":%d,\"epoch\":%lld,\"number\":%lld,\"mark\":%lld,\"time_ms\":%lld,"
               "\"position\":",
               CHECKPOINT_VERSION, (long long)c->epoch, (long long)c->number, (long long)c->mark,
               (long long)c->time_ms);
    buf_put_json(&out, c->position);
    buf_put_cstr(&out, ",\n\"tables\":[");
    for (size_t i = 0; i < c->table_count; i++) {
        buf_put_cstr(&out, i == 0 ? "\n" : ",\n");
        print_table(c, &c->tables[i], &out);
    }
    buf_put_cstr(&out, "]}\n");
    bool ok = buf_ok(&out, "checkpoint", err);
    if (ok && !FAILPOINT("checkpoint.before-write")) {
        ok = error_os(err, "failpoint");
    }
    ok = ok &&
         fs.ops->publish(fs.self, file_of(&a, folder, c->epoch, c->number), buf_str(&out), err);
    if (ok && !FAILPOINT("checkpoint.after-write")) {
        ok = error_os(err, "failpoint");
    }
    buf_release(&out);
    arena_release(&a);
    return ok || error_in(err, "write checkpoint %lld", (long long)c->number);
}

static bool parse_state(struct str text, enum table_state *out)
{
    for (size_t i = 0; i < sizeof state_names / sizeof *state_names; i++) {
        if (str_eq(text, str_of(state_names[i]))) {
            *out = (enum table_state)i;
            return true;
        }
    }
    return false;
}

/* A code of a newer inlet is no reason to stop: it is for people. */
static enum fail parse_code(const struct json *n)
{
    struct str text;
    for (int code = FAIL_IO; json_str(n, &text) && code <= FAIL_STOPPED; code++) {
        if (str_eq(text, str_of(error_name((enum fail)code)))) {
            return (enum fail)code;
        }
    }
    return FAIL_DIVERGED;
}

static bool parse_table(const struct json *n, const struct checkpoint *c, struct arena *a,
                        struct checkpoint_table *t, struct error *err)
{
    struct str state;
    struct str text;
    if (!json_need_str(n, "table", &t->label, err) || !json_need_str(n, "uuid", &t->uuid, err) ||
        !json_need_i64(n, "snapshot", &t->snapshot, err) ||
        !json_need_str(n, "state", &state, err) ||
        !stamp_read_backfill(json_get(n, "backfill"), a, &t->backfill, err)) {
        return false;
    }
    if (!parse_state(state, &t->state)) {
        return error_set(
            err, FAIL_SCHEMA,
            "table %.*s has the unknown state \"%.*s\": run the newer inlet that wrote it",
            STR_FMT(t->label), STR_FMT(state));
    }
    t->label = arena_str(a, t->label);
    t->uuid = arena_str(a, t->uuid);
    t->position = json_str(json_get(n, "position"), &text) ? arena_str(a, text) : c->position;
    (void)json_bool(json_get(n, "again"), &t->again); /* absent: false */
    t->code = t->state == TABLE_PARKED ? parse_code(json_get(n, "code")) : FAIL_NONE;
    if (json_str(json_get(n, "reason"), &text)) {
        t->reason = arena_str(a, text);
    }
    return true;
}

static bool parse(struct str text, struct arena *a, struct checkpoint *out, struct error *err)
{
    struct json_doc *doc = NULL;
    struct checkpoint c = {0};
    int64_t version;
    const struct json *value;
    struct str key;
    bool ok = false;

    if (!json_parse(text, &doc, err)) {
        return false;
    }
    const struct json *root = json_root(doc);
    const struct json *tables = json_get(root, "tables");
    if (!json_need_i64(root, "version", &version, err)) {
        goto out;
    }
    if (version != CHECKPOINT_VERSION) {
        error_set(err, FAIL_SCHEMA,
                  "version %lld is not known (this inlet knows %d): run the program that wrote it",
                  (long long)version, CHECKPOINT_VERSION);
        goto out;
    }
    if (!json_need_i64(root, "epoch", &c.epoch, err) ||
        !json_need_i64(root, "number", &c.number, err) ||
        !json_need_i64(root, "mark", &c.mark, err) ||
        !json_need_i64(root, "time_ms", &c.time_ms, err) ||
        !json_need_str(root, "position", &c.position, err)) {
        goto out;
    }
    c.position = arena_str(a, c.position);
    c.tables = ARENA_ARRAY(a, struct checkpoint_table, json_count(tables));
    struct json_iter it = json_iter(tables);
    while (json_next(&it, &key, &value)) {
        if (!parse_table(value, &c, a, &c.tables[c.table_count++], err)) {
            goto out;
        }
    }
    *out = c;
    ok = true;
out:
    json_free(doc);
    return ok;
}

bool checkpoint_load(struct fs fs, const char *folder, struct arena *arena, struct checkpoint *out,
                     bool *out_found, struct error *err)
{
    struct buf text = BUF_INIT(CHECKPOINT_MAX_BYTES);
    struct fs_entry *entries = NULL;
    size_t count = 0;
    int64_t best_epoch = 0;
    int64_t best_number = 0;
    bool ok = false;

    *out_found = false;
    if (!fs.ops->list(fs.self, folder, arena, &entries, &count, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t epoch;
        int64_t number;
        if (parse_name(entries[i].name, &epoch, &number) &&
            (epoch > best_epoch || (epoch == best_epoch && number > best_number))) {
            best_epoch = epoch;
            best_number = number;
        }
    }
    if (best_epoch == 0) {
        return true;
    }
    const char *path = file_of(arena, folder, best_epoch, best_number);
    ok = fs.ops->read(fs.self, path, &text, out_found, err) &&
         (*out_found || error_set(err, FAIL_IO, "the file vanished while it was read"));
    ok = ok && parse(buf_str(&text), arena, out, err);
    buf_release(&text);
    return ok || error_in(err, "checkpoint %s", path);
}

const struct checkpoint_table *checkpoint_find(const struct checkpoint *c, struct str label)
{
    for (size_t i = 0; i < c->table_count; i++) {
        if (str_eq(c->tables[i].label, label)) {
            return &c->tables[i];
        }
    }
    return NULL;
}

struct numbered {
    int64_t epoch;
    int64_t number;
};

static int newest_first(const void *a, const void *b)
{
    const struct numbered *x = a;
    const struct numbered *y = b;
    if (x->epoch != y->epoch) {
        return x->epoch < y->epoch ? 1 : -1;
    }
    return x->number == y->number ? 0 : (x->number < y->number ? 1 : -1);
}

void checkpoint_prune(struct fs fs, const char *folder, int64_t epoch, int64_t number, size_t keep)
{
    struct arena a = {0};
    struct error ignored = {0};
    struct fs_entry *entries = NULL;
    size_t count = 0;
    size_t old_count = 0;
    if (!fs.ops->list(fs.self, folder, &a, &entries, &count, &ignored)) {
        arena_release(&a);
        return;
    }
    struct numbered *old = ARENA_ARRAY(&a, struct numbered, count);
    for (size_t i = 0; i < count; i++) {
        struct numbered n;
        if (parse_name(entries[i].name, &n.epoch, &n.number) &&
            (n.epoch < epoch || (n.epoch == epoch && n.number < number))) {
            old[old_count++] = n;
        }
    }
    if (old_count > keep) {
        qsort(old, old_count, sizeof *old, newest_first);
        for (size_t i = keep; i < old_count; i++) {
            (void)fs.ops->remove(fs.self, file_of(&a, folder, old[i].epoch, old[i].number),
                                 &ignored);
        }
    }
    arena_release(&a);
}
