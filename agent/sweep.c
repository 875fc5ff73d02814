#include "agent/sweep.h"

#include <stdio.h>

#include "base/map.h"
#include "base/mem.h"
#include "sink/index_manifest.h"
#include "sink/manifest.h"
#include "sink/paths.h"
#include "sink/snapshot.h"

#define SWEEP_MAX_SNAPSHOTS 5000
#define SWEEP_MAX_BYTES (32u << 20)

/* Names of files in the table's folders that carry the uuid; those that a snapshot names are taken
 * out again. */
struct sweep {
    const struct table *t;
    struct str uuid;
    struct arena arena;
    struct map found; /* name → path */
};

static bool carries(struct str name, struct str uuid)
{
    for (size_t i = 0; i + uuid.len <= name.len; i++) {
        if (str_eq(str_slice(name, i, i + uuid.len), uuid)) {
            return true;
        }
    }
    return false;
}

static bool collect(struct sweep *s, const char *folder, struct error *err)
{
    struct fs_entry *entries = NULL;
    size_t count = 0;
    if (!s->t->fs.ops->list(s->t->fs.self, folder, &s->arena, &entries, &count, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!entries[i].is_folder && carries(entries[i].name, s->uuid)) {
            const char *path = paths_join(&s->arena, folder, entries[i].name);
            (void)map_put(&s->found, entries[i].name, arena_cstr(&s->arena, str_of(path)));
        }
    }
    return true;
}

/* The bucket folders below a folder that has `depth` levels of partitions between. */
static bool collect_buckets(struct sweep *s, const char *folder, size_t depth, struct error *err)
{
    struct fs_entry *entries = NULL;
    size_t count = 0;
    bool ok = s->t->fs.ops->list(s->t->fs.self, folder, &s->arena, &entries, &count, err);
    for (size_t i = 0; ok && i < count; i++) {
        const char *below = paths_join(&s->arena, folder, entries[i].name);
        if (!entries[i].is_folder) {
            continue;
        }
        if (depth == 0 && str_starts(entries[i].name, STR("bucket-"))) {
            ok = collect(s, below, err);
        } else if (depth > 0 && str_find(entries[i].name, '=') < entries[i].name.len) {
            ok = collect_buckets(s, below, depth - 1, err);
        }
    }
    return ok;
}

static bool collect_all(struct sweep *s, struct error *err)
{
    if (!collect(s, paths_join(&s->arena, s->t->path, STR("manifest")), err) ||
        !collect(s, paths_join(&s->arena, s->t->path, STR("index")), err)) {
        return false;
    }
    return collect_buckets(s, s->t->path, s->t->partition.count, err);
}

static void keep(struct sweep *s, struct str name)
{
    if (name.len > 0) {
        (void)map_remove(&s->found, name);
    }
}

static bool keep_list(struct sweep *s, struct str list, struct arena *scratch, struct error *err)
{
    struct manifest_metas metas = {0};
    struct manifest_entries entries = {0};
    if (list.len == 0) {
        return true;
    }
    keep(s, list);
    if (!manifest_list_read(s->t->fs, s->t->path, list, scratch, &metas, err)) {
        return false;
    }
    for (size_t i = 0; i < metas.count; i++) {
        keep(s, metas.items[i].name);
        if (!manifest_read(s->t->fs, s->t->path, &metas.items[i], scratch, &entries, err)) {
            return false;
        }
    }
    for (size_t i = 0; i < entries.count; i++) {
        keep(s, entries.items[i].file->name);
    }
    return true;
}

static bool keep_index(struct sweep *s, struct str name, struct arena *scratch, struct error *err)
{
    struct index_manifest_entries entries = {0};
    keep(s, name);
    if (!index_manifest_read(s->t->fs, s->t->path, name, scratch, &entries, err)) {
        return false;
    }
    for (size_t i = 0; i < entries.count; i++) {
        keep(s, entries.items[i].file_name);
    }
    return true;
}

/* The base list only names what earlier snapshots' deltas named, but for manifests that were merged
 * into it. */
static bool keep_base(struct sweep *s, struct str list, struct arena *scratch, struct error *err)
{
    struct manifest_metas metas = {0};
    keep(s, list);
    if (!manifest_list_read(s->t->fs, s->t->path, list, scratch, &metas, err)) {
        return false;
    }
    for (size_t i = 0; i < metas.count; i++) {
        keep(s, metas.items[i].name);
    }
    return true;
}

/* *whole: no earlier snapshot was there; cleared. */
static bool keep_snapshot(struct sweep *s, int64_t id, bool *whole, struct error *err)
{
    struct arena scratch = {0};
    struct snapshot snapshot;
    bool found = false;
    bool ok = snapshot_read(s->t->fs, s->t->path, id, &scratch, &snapshot, &found, err);
    if (ok && found) {
        ok = (*whole ? keep_list(s, snapshot.base_list, &scratch, err)
                     : keep_base(s, snapshot.base_list, &scratch, err)) &&
             keep_list(s, snapshot.delta_list, &scratch, err) &&
             keep_list(s, snapshot.changelog_list, &scratch, err) &&
             keep_index(s, snapshot.index_manifest, &scratch, err);
        *whole = false;
    }
    arena_release(&scratch);
    return ok;
}

/* Tags and long-lived changelogs are snapshots that outlive their file. */
static bool keep_copies(struct sweep *s, const char *folder, struct str prefix, struct error *err)
{
    struct fs_entry *entries = NULL;
    size_t count = 0;
    const char *path = paths_join(&s->arena, s->t->path, str_of(folder));
    bool ok = s->t->fs.ops->list(s->t->fs.self, path, &s->arena, &entries, &count, err);
    for (size_t i = 0; ok && i < count; i++) {
        struct arena scratch = {0};
        struct buf text = BUF_INIT(SWEEP_MAX_BYTES);
        struct snapshot copy;
        bool found = false;
        if (!str_starts(entries[i].name, prefix)) {
            continue;
        }
        ok = s->t->fs.ops->read(s->t->fs.self, paths_join(&scratch, path, entries[i].name), &text,
                                &found, err) &&
             (!found || (snapshot_parse(buf_str(&text), &scratch, &copy, err) &&
                         keep_list(s, copy.base_list, &scratch, err) &&
                         keep_list(s, copy.delta_list, &scratch, err) &&
                         keep_list(s, copy.changelog_list, &scratch, err) &&
                         keep_index(s, copy.index_manifest, &scratch, err)));
        buf_release(&text);
        arena_release(&scratch);
    }
    return ok;
}

/* Branches share the table's files. */
static bool has_branches(struct sweep *s, bool *out, struct error *err)
{
    struct fs_entry *entries = NULL;
    size_t count = 0;
    bool ok = s->t->fs.ops->list(s->t->fs.self, paths_join(&s->arena, s->t->path, STR("branch")),
                                 &s->arena, &entries, &count, err);
    *out = ok && count > 0;
    return ok;
}

static bool remove_left(struct sweep *s, size_t *removed, struct error *err)
{
    size_t at = 0;
    struct str name;
    void *path = NULL;
    while (map_next(&s->found, &at, &name, &path)) {
        if (!s->t->fs.ops->remove(s->t->fs.self, path, err)) {
            return false;
        }
        (*removed)++;
    }
    return true;
}

static bool tidy_folders(const struct table *t, struct arena *a, struct error *err)
{
    static const char *const folders[] = {"schema", "snapshot", "consumer"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        if (!t->fs.ops->tidy(t->fs.self, paths_join(a, t->path, str_of(folders[i])), err)) {
            return false;
        }
    }
    return true;
}

bool sweep_table(const struct table *t, const char *uuid, size_t *out_removed, struct error *err)
{
    struct sweep s = {.t = t, .uuid = str_of(uuid)};
    int64_t first = 0;
    int64_t last = 0;
    size_t removed = 0;
    bool branches = false;
    bool ok = tidy_folders(t, &s.arena, err) && collect_all(&s, err) &&
              has_branches(&s, &branches, err) &&
              snapshot_earliest_id(t->fs, t->path, &first, err) &&
              snapshot_latest_id(t->fs, t->path, &last, err);
    if (ok && s.found.count > 0 && !branches && last - first < SWEEP_MAX_SNAPSHOTS) {
        ok = keep_copies(&s, "tag", STR("tag-"), err) &&
             keep_copies(&s, "changelog", STR("changelog-"), err);
        bool whole = true; /* somebody may expire the first ones meanwhile */
        for (int64_t id = first; ok && id > 0 && id <= last && s.found.count > 0; id++) {
            ok = keep_snapshot(&s, id, &whole, err);
        }
        ok = ok && (last == 0 || !whole) && remove_left(&s, &removed, err);
    }
    map_release(&s.found);
    arena_release(&s.arena);
    *out_removed = removed;
    return ok || error_in(err, "sweep %s", t->label);
}
