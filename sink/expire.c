#include "sink/expire.h"

#include <inttypes.h>
#include <stdio.h>

#include "sink/consumer.h"
#include "sink/expire_files.h"
#include "sink/paths.h"
#include "sink/snapshot.h"

struct expire {
    struct expire_files files;
    const struct expire_options *o;
    const struct stop *stop;
    struct expire_result *result;
    int64_t held; /* what a consumer reads next; INT64_MAX: nobody */
    struct str holder;
};

/* ---- options ---- */

static bool number(const struct schema *s, const char *key, int64_t def, int64_t least,
                   int64_t *out, struct error *err)
{
    struct str text = schema_option(s, str_of(key));
    *out = def;
    if (text.ptr != NULL && (!str_to_i64(text, out) || *out < least)) {
        return error_set(err, FAIL_CONFIG, "option '%s' = '%.*s' is not a number from %" PRId64,
                         key, STR_FMT(text), least);
    }
    return true;
}

static bool duration(const struct schema *s, const char *key, uint64_t def, uint64_t *out,
                     struct error *err)
{
    struct str text = schema_option(s, str_of(key));
    *out = def;
    if (text.ptr != NULL && !str_to_duration(text, out)) {
        return error_set(err, FAIL_CONFIG, "option '%s' = '%.*s' is not a duration like 1 h", key,
                         STR_FMT(text));
    }
    return true;
}

static bool order(const struct expire_retention *r, const char *what, struct error *err)
{
    return r->max >= r->min || error_set(err, FAIL_CONFIG,
                                         "%s.num-retained.max is %" PRId64
                                         ", less than %s.num-retained.min, which is %" PRId64,
                                         what, r->max, what, r->min);
}

bool expire_options_parse(const struct schema *s, struct expire_options *out, struct error *err)
{
    struct expire_options o = {0};
    struct expire_retention *n = &o.snapshot;
    struct expire_retention *c = &o.changelog;
    struct str producer = schema_option(s, STR("changelog-producer"));
    if (!number(s, "snapshot.num-retained.min", 10, 1, &n->min, err) ||
        !number(s, "snapshot.num-retained.max", INT32_MAX, 1, &n->max, err) ||
        !duration(s, "snapshot.time-retained", UINT64_C(3600) * 1000, &n->time_ms, err) ||
        !number(s, "changelog.num-retained.min", n->min, 1, &c->min, err) ||
        !number(s, "changelog.num-retained.max", n->max, 1, &c->max, err) ||
        !duration(s, "changelog.time-retained", n->time_ms, &c->time_ms, err) ||
        !number(s, "snapshot.expire.limit", 50, 1, &o.limit, err) || !order(n, "snapshot", err) ||
        !order(c, "changelog", err)) {
        return false;
    }
    o.decoupled = c->min > n->min || c->max > n->max || c->time_ms > n->time_ms;
    o.has_changelog = producer.ptr != NULL && !str_eq(producer, STR("none"));
    o.consumers = !str_eq(schema_option(s, STR("consumer.changelog-only")), STR("true"));
    o.index_in_buckets =
        str_eq_nocase(schema_option(s, STR("index-file-in-data-file-dir")), STR("true"));
    *out = o;
    return true;
}

/* ---- snapshots ---- */

/* The id before which everything goes. */
static bool find_end(struct expire *e, int64_t first, int64_t last, int64_t now_ms, int64_t *out,
                     struct error *err)
{
    const struct expire_retention *r = &e->o->snapshot;
    int64_t begin = last - r->max + 1 > first ? last - r->max + 1 : first;
    int64_t end = last - r->min + 1;
    if (end > first + e->o->limit) {
        end = first + e->o->limit;
        e->result->more = true;
    }
    for (int64_t id = begin; id < end; id++) {
        struct arena a = {0};
        struct snapshot next;
        bool found = false;
        bool ok = snapshot_read(e->files.fs, e->files.path, id + 1, &a, &next, &found, err);
        arena_release(&a);
        if (!ok) {
            return false;
        }
        if (found && now_ms - next.time_ms <= (int64_t)r->time_ms) {
            end = id; /* it was the newest then */
            e->result->more = false;
        }
    }
    if (e->held < end && e->o->consumers) {
        (void)snprintf(e->result->holder, sizeof e->result->holder, "%.*s", STR_FMT(e->holder));
        end = e->held;
        e->result->more = false;
    }
    *out = end;
    return true;
}

/* The snapshots first … end that are there. */
static bool read_range(struct expire *e, int64_t first, int64_t end, struct snapshot **out,
                       size_t *out_count, struct error *err)
{
    struct snapshot *s = ARENA_ARRAY(&e->files.arena, struct snapshot, (size_t)(end - first) + 1);
    size_t count = 0;
    for (int64_t id = first; id <= end; id++) {
        bool found = false;
        if (!snapshot_read(e->files.fs, e->files.path, id, &e->files.arena, &s[count], &found,
                           err)) {
            return false;
        }
        count += found ? 1 : 0;
    }
    *out = s;
    *out_count = count;
    return true;
}

static bool check_range(const struct snapshot *s, size_t count, int64_t end, struct error *err)
{
    if (count == 0 || s[count - 1].id != end) {
        return error_set(err, FAIL_CONFLICT, "snapshot %" PRId64 " went away meanwhile", end);
    }
    return true;
}

static bool remove_metadata(struct expire *e, const struct snapshot *s, struct error *err)
{
    struct expire_files *f = &e->files;
    bool lists = !e->o->decoupled || e->o->has_changelog;
    return (!lists || (expire_files_remove_list(f, s->base_list, err) &&
                       expire_files_remove_list(f, s->delta_list, err))) &&
           (e->o->decoupled || expire_files_remove_list(f, s->changelog_list, err)) &&
           expire_files_remove_index(f, s, err) && expire_files_remove_statistics(f, s, err);
}

static bool expire_until(struct expire *e, int64_t first, int64_t end, struct error *err)
{
    struct snapshot *s = NULL;
    size_t count = 0;
    if (e->stop != NULL && stop_requested(e->stop)) {
        return error_set(err, FAIL_STOPPED, "stopped");
    }
    if (!read_range(e, first, end, &s, &count, err) || !check_range(s, count, end, err) ||
        !expire_files_keep_branches(&e->files, err)) {
        return false;
    }
    bool level0 = !e->o->decoupled || e->o->has_changelog;
    for (size_t i = 1; i < count; i++) {
        if (!expire_files_remove_dropped(&e->files, &s[i], level0, err)) {
            return false;
        }
    }
    for (size_t i = 0; !e->o->decoupled && i + 1 < count; i++) {
        if (!expire_files_remove_changelog(&e->files, &s[i], err)) {
            return false;
        }
    }
    if (!expire_files_keep_tags(&e->files, s[0].id, end, err) ||
        !expire_files_keep(&e->files, &s[count - 1], err)) {
        return false;
    }
    for (size_t i = 0; i + 1 < count; i++) {
        if (!remove_metadata(e, &s[i], err)) {
            return false;
        }
    }
    for (size_t i = 0; i + 1 < count; i++) {
        struct arena a = {0};
        bool ok =
            (!e->o->decoupled ||
             snapshot_keep_changelog(e->files.fs, e->files.path, s[i].id, err)) &&
            expire_files_remove_path(&e->files, paths_snapshot(&a, e->files.path, s[i].id), err);
        arena_release(&a);
        if (!ok) {
            return false;
        }
        e->result->snapshots++;
    }
    snapshot_hint_earliest(e->files.fs, e->files.path, end);
    return true;
}

/* ---- long-lived changelogs ---- */

static bool expire_changelog(struct expire *e, const struct snapshot *s, struct error *err)
{
    struct arena a = {0};
    bool ok = s->changelog_list.len > 0
                  ? expire_files_remove_changelog(&e->files, s, err) &&
                        expire_files_remove_list(&e->files, s->changelog_list, err)
                  : expire_files_remove_dropped(&e->files, s, true, err) &&
                        expire_files_remove_list(&e->files, s->delta_list, err) &&
                        expire_files_remove_list(&e->files, s->base_list, err);
    ok = ok && expire_files_remove_path(&e->files, paths_changelog(&a, e->files.path, s->id), err);
    arena_release(&a);
    e->result->changelogs += ok ? 1 : 0;
    return ok;
}

static bool find_changelog_end(struct expire *e, int64_t first, int64_t last, int64_t latest,
                               int64_t now_ms, int64_t *out, struct error *err)
{
    const struct expire_retention *r = &e->o->changelog;
    int64_t begin = latest - r->max + 1 > first ? latest - r->max + 1 : first;
    int64_t end = latest - r->min + 1;
    end = end < e->held ? end : e->held;
    end = end < first + e->o->limit ? end : first + e->o->limit;
    end = end < last ? end : last; /* the last one stays */
    for (int64_t id = begin; id <= end; id++) {
        struct arena a = {0};
        struct snapshot s;
        bool found = false;
        bool ok = snapshot_read_changelog(e->files.fs, e->files.path, id, &a, &s, &found, err);
        arena_release(&a);
        if (!ok) {
            return false;
        }
        if (found && now_ms - s.time_ms <= (int64_t)r->time_ms) {
            end = id;
        }
    }
    *out = end;
    return true;
}

/* What the changelogs from `end` on, and the oldest snapshot, name. False also when one of them
 * went away meanwhile: *out_sure tells. */
static bool keep_later(struct expire *e, int64_t first, int64_t end, int64_t earliest,
                       bool *out_sure, struct error *err)
{
    struct snapshot changelog;
    struct snapshot oldest;
    bool found = false;
    bool there = false;
    *out_sure = false;
    expire_files_forget(&e->files);
    if (!expire_files_keep_branches(&e->files, err) ||
        !expire_files_keep_tags(&e->files, first, end, err) ||
        !snapshot_read_changelog(e->files.fs, e->files.path, end, &e->files.arena, &changelog,
                                 &found, err) ||
        !snapshot_read(e->files.fs, e->files.path, earliest, &e->files.arena, &oldest, &there,
                       err)) {
        return false;
    }
    *out_sure = found && there;
    return !*out_sure || (expire_files_keep(&e->files, &changelog, err) &&
                          expire_files_keep(&e->files, &oldest, err));
}

static bool expire_changelogs(struct expire *e, int64_t earliest, int64_t latest, int64_t now_ms,
                              struct error *err)
{
    int64_t first = 0;
    int64_t last = 0;
    int64_t end = 0;
    bool sure = false;
    if (!snapshot_changelog_ids(e->files.fs, e->files.path, &first, &last, err)) {
        return false;
    }
    if (first > 0 && !find_changelog_end(e, first, last, latest, now_ms, &end, err)) {
        return false;
    }
    if (end <= first) {
        return true;
    }
    if (!keep_later(e, first, end, earliest, &sure, err)) {
        return false;
    }
    for (int64_t id = first; sure && id < end; id++) {
        struct snapshot s;
        bool found = false;
        if (!snapshot_read_changelog(e->files.fs, e->files.path, id, &e->files.arena, &s, &found,
                                     err) ||
            (found && !expire_changelog(e, &s, err))) {
            return false;
        }
    }
    if (sure) {
        snapshot_hint_changelog(e->files.fs, e->files.path, end);
    }
    return true;
}

/* ---- a run ---- */

static bool expire_snapshots(struct expire *e, int64_t first, int64_t last, int64_t now_ms,
                             struct error *err)
{
    int64_t end = 0;
    bool found = false;
    struct snapshot oldest = {0};
    if (!consumer_lowest(e->files.fs, e->files.path, &e->files.arena, &e->held, &e->holder, err) ||
        !snapshot_read_tags(e->files.fs, e->files.path, &e->files.arena, &e->files.tags,
                            &e->files.tag_count, err) ||
        !find_end(e, first, last, now_ms, &end, err) ||
        (end > first && !expire_until(e, first, end, err))) {
        return false;
    }
    int64_t earliest = end > first ? end : first;
    if (!expire_changelogs(e, earliest, last, now_ms, err) ||
        !snapshot_read(e->files.fs, e->files.path, earliest, &e->files.arena, &oldest, &found,
                       err)) {
        return false;
    }
    e->result->earliest = earliest;
    e->result->earliest_ms = oldest.time_ms;
    return true;
}

bool expire_run(struct fs fs, const char *table_path, const struct expire_options *o,
                const struct partition_layout *partition, int64_t now_ms, const struct stop *stop,
                struct expire_result *out, struct error *err)
{
    struct expire e = {.files = {.fs = fs,
                                 .path = table_path,
                                 .partition = partition,
                                 .index_in_buckets = o->index_in_buckets},
                       .o = o,
                       .stop = stop,
                       .result = out};
    int64_t first = 0;
    int64_t last = 0;
    *out = (struct expire_result){0};
    bool ok = snapshot_latest_id(fs, table_path, &last, err) &&
              snapshot_earliest_id(fs, table_path, &first, err) &&
              (first == 0 || last == 0 || expire_snapshots(&e, first, last, now_ms, err));
    out->files = e.files.removed;
    expire_files_release(&e.files);
    return ok || error_in(err, "expire snapshots of %s", table_path);
}
