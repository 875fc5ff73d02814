#include "sink/expire_files.h"

#include <inttypes.h>

#include "base/failpoint.h"
#include "sink/index_manifest.h"
#include "sink/manifest.h"
#include "sink/paths.h"
#include "sink/table_scan.h"

static char present; /* the value of every name in the maps */

/* ---- what others need ---- */

static bool kept(const struct map *m, struct str name)
{
    return map_get(m, name) != NULL;
}

static void keep(struct map *m, struct str name)
{
    if (name.len > 0) {
        (void)map_put(m, name, &present);
    }
}

static bool is_there(struct expire_files *f, const char *path, bool *out, struct error *err)
{
    uint64_t bytes = 0;
    return f->fs.ops->size(f->fs.self, path, &bytes, out, err);
}

/* A list's manifests; none when the list is gone: an earlier run was killed after it. */
static bool read_list(struct expire_files *f, struct str list, struct arena *a,
                      struct manifest_metas *out, bool *out_found, struct error *err)
{
    *out_found = false;
    if (list.len == 0) {
        return true;
    }
    return is_there(f, paths_manifest(a, f->path, list), out_found, err) &&
           (!*out_found || manifest_list_read(f->fs, f->path, list, a, out, err));
}

static bool keep_manifests(struct expire_files *f, struct str list, struct error *err)
{
    struct arena a = {0};
    struct manifest_metas metas = {0};
    bool found = false;
    bool ok = read_list(f, list, &a, &metas, &found, err);
    keep(&f->keep, list);
    for (size_t i = 0; ok && i < metas.count; i++) {
        keep(&f->keep, metas.items[i].name);
    }
    arena_release(&a);
    return ok;
}

/* None when it is gone: an earlier run was past it. */
static bool read_index(struct expire_files *f, struct str name, struct arena *a,
                       struct index_manifest_entries *out, struct error *err)
{
    bool found = false;
    if (name.len == 0) {
        return true;
    }
    return is_there(f, paths_manifest(a, f->path, name), &found, err) &&
           (!found || index_manifest_read(f->fs, f->path, name, a, out, err));
}

static bool keep_index(struct expire_files *f, struct str name, struct error *err)
{
    struct arena a = {0};
    struct index_manifest_entries entries = {0};
    bool ok = read_index(f, name, &a, &entries, err);
    keep(&f->keep, name);
    for (size_t i = 0; ok && i < entries.count; i++) {
        keep(&f->keep, entries.items[i].file_name);
    }
    arena_release(&a);
    return ok;
}

bool expire_files_keep(struct expire_files *f, const struct snapshot *s, struct error *err)
{
    keep(&f->keep, s->statistics);
    return keep_index(f, s->index_manifest, err) && keep_manifests(f, s->base_list, err) &&
           keep_manifests(f, s->delta_list, err) && keep_manifests(f, s->changelog_list, err);
}

static bool keep_data(struct expire_files *f, const struct snapshot *s, struct map *into,
                      struct error *err)
{
    struct arena a = {0};
    struct manifest_entries live = {0};
    bool ok = table_scan_plan(f->fs, f->path, s, &a, &live, err);
    for (size_t i = 0; ok && i < live.count; i++) {
        keep(into, live.items[i].file->name);
    }
    arena_release(&a);
    return ok;
}

bool expire_files_keep_whole(struct expire_files *f, const struct snapshot *s, struct error *err)
{
    return expire_files_keep(f, s, err) && keep_data(f, s, &f->keep, err);
}

/* A branch has snapshots and tags of its own, over the same files. */
static bool keep_branch(struct expire_files *f, const char *root, struct error *err)
{
    int64_t first = 0;
    int64_t last = 0;
    struct snapshot *tags = NULL;
    size_t count = 0;
    bool ok = snapshot_read_tags(f->fs, root, &f->arena, &tags, &count, err) &&
              snapshot_earliest_id(f->fs, root, &first, err) &&
              snapshot_latest_id(f->fs, root, &last, err);
    for (size_t i = 0; ok && i < count; i++) {
        ok = expire_files_keep_whole(f, &tags[i], err);
    }
    for (int64_t id = first; ok && id > 0 && id <= last; id++) {
        struct snapshot s;
        bool found = false;
        ok = snapshot_read(f->fs, root, id, &f->arena, &s, &found, err) &&
             (!found || expire_files_keep_whole(f, &s, err));
    }
    return ok || error_in(err, "%s", root);
}

bool expire_files_keep_branches(struct expire_files *f, struct error *err)
{
    struct fs_entry *entries = NULL;
    size_t count = 0;
    const char *folder = paths_join(&f->arena, f->path, STR("branch"));
    bool ok = f->fs.ops->list(f->fs.self, folder, &f->arena, &entries, &count, err);
    for (size_t i = 0; ok && i < count; i++) {
        if (entries[i].is_folder && str_starts(entries[i].name, STR("branch-"))) {
            ok = keep_branch(f, paths_join(&f->arena, folder, entries[i].name), err);
        }
    }
    return ok;
}

/* Tags that may name files of snapshots first … last: those between, and the one before them. */
bool expire_files_keep_tags(struct expire_files *f, int64_t first, int64_t last, struct error *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < f->tag_count; i++) {
        bool before = i + 1 < f->tag_count && f->tags[i + 1].id <= first;
        if (!before && f->tags[i].id <= last) {
            ok = expire_files_keep(f, &f->tags[i], err);
        }
    }
    return ok;
}

/* The files of the newest tag below a snapshot: what a tag before that one needs and is still
 * there, that one needs too. */
static bool read_tag_before(struct expire_files *f, int64_t id, struct error *err)
{
    const struct snapshot *tag = NULL;
    for (size_t i = 0; i < f->tag_count && f->tags[i].id < id; i++) {
        tag = &f->tags[i];
    }
    if (tag == NULL || tag->id == f->tag_read) {
        return true;
    }
    map_release(&f->tag_files);
    f->tag_files = (struct map){0};
    f->tag_read = 0;
    if (!keep_data(f, tag, &f->tag_files, err)) {
        return error_in(err, "the tag of snapshot %" PRId64, tag->id);
    }
    f->tag_read = tag->id;
    return true;
}

/* ---- removing ---- */

bool expire_files_remove_path(struct expire_files *f, const char *path, struct error *err)
{
    if (!FAILPOINT("expire.before-remove")) {
        return error_os(err, "failpoint");
    }
    f->removed++;
    return f->fs.ops->remove(f->fs.self, path, err);
}

static bool remove_data(struct expire_files *f, const struct manifest_entry *entry,
                        struct error *err)
{
    struct arena a = {0};
    const struct data_file *file = entry->file;
    const char *folder = NULL;
    bool ok =
        partition_bucket(f->partition, f->path, entry->partition, entry->bucket, &a, &folder,
                         err) &&
        expire_files_remove_path(f,
                                 file->external_path.len > 0 ? arena_cstr(&a, file->external_path)
                                                             : paths_join(&a, folder, file->name),
                                 err);
    for (size_t i = 0; ok && i < file->extra_file_count; i++) {
        ok = expire_files_remove_path(f, paths_join(&a, folder, file->extra_files[i]), err);
    }
    arena_release(&a);
    return ok;
}

/* All entries of a list. *out_whole is false when a part of it is gone: an earlier run was past
 * it. */
static bool read_entries(struct expire_files *f, struct str list, struct arena *a,
                         struct manifest_entries *out, bool *out_whole, struct error *err)
{
    struct manifest_metas metas = {0};
    if (!read_list(f, list, a, &metas, out_whole, err)) {
        return false;
    }
    for (size_t i = 0; *out_whole && i < metas.count; i++) {
        const char *path = paths_manifest(a, f->path, metas.items[i].name);
        if (!is_there(f, path, out_whole, err) ||
            (*out_whole && !manifest_read(f->fs, f->path, &metas.items[i], a, out, err))) {
            return false;
        }
    }
    return true;
}

/* Files that this snapshot's changes dropped, which only earlier ones show. A file that the same
 * snapshot adds again was moved to another level. `level0` false: files that writers made stay, as
 * they are the changes of a kept changelog. */
bool expire_files_remove_dropped(struct expire_files *f, const struct snapshot *s, bool level0,
                                 struct error *err)
{
    struct arena a = {0};
    struct manifest_entries entries = {0};
    struct map added = {0};
    bool whole = false;
    bool ok =
        read_tag_before(f, s->id, err) && read_entries(f, s->delta_list, &a, &entries, &whole, err);
    for (size_t i = 0; ok && whole && i < entries.count; i++) {
        if (entries.items[i].kind == MANIFEST_ADD) {
            keep(&added, entries.items[i].file->name);
        }
    }
    for (size_t i = 0; ok && whole && i < entries.count; i++) {
        const struct manifest_entry *entry = &entries.items[i];
        struct str name = entry->file->name;
        if (entry->kind == MANIFEST_DELETE && !kept(&added, name) && !kept(&f->keep, name) &&
            !kept(&f->tag_files, name) && (level0 || entry->file->source == 1)) {
            ok = remove_data(f, entry, err);
        }
    }
    map_release(&added);
    arena_release(&a);
    return ok;
}

bool expire_files_remove_changelog(struct expire_files *f, const struct snapshot *s,
                                   struct error *err)
{
    struct arena a = {0};
    struct manifest_entries entries = {0};
    bool whole = false;
    bool ok = read_entries(f, s->changelog_list, &a, &entries, &whole, err);
    for (size_t i = 0; ok && whole && i < entries.count; i++) {
        if (entries.items[i].kind == MANIFEST_ADD && !kept(&f->keep, entries.items[i].file->name)) {
            ok = remove_data(f, &entries.items[i], err);
        }
    }
    arena_release(&a);
    return ok;
}

static bool remove_unkept(struct expire_files *f, const struct manifest_entries *entries,
                          struct error *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < entries->count; i++) {
        const struct manifest_entry *entry = &entries->items[i];
        ok = entry->kind == MANIFEST_DELETE || kept(&f->keep, entry->file->name) ||
             remove_data(f, entry, err);
    }
    return ok;
}

bool expire_files_remove_added(struct expire_files *f, const struct snapshot *s, struct error *err)
{
    struct arena a = {0};
    struct manifest_entries entries = {0};
    bool whole = false;
    bool ok = read_entries(f, s->delta_list, &a, &entries, &whole, err) &&
              remove_unkept(f, &entries, err);
    arena_release(&a);
    return ok;
}

bool expire_files_remove_live(struct expire_files *f, const struct snapshot *s, struct error *err)
{
    struct arena a = {0};
    struct manifest_entries live = {0};
    bool ok = table_scan_plan(f->fs, f->path, s, &a, &live, err) && remove_unkept(f, &live, err);
    arena_release(&a);
    return ok;
}

static bool remove_named(struct expire_files *f, const char *folder, struct str name,
                         struct error *err)
{
    struct arena a = {0};
    bool ok = true;
    if (name.len > 0 && !kept(&f->keep, name)) {
        ok = expire_files_remove_path(
            f, paths_join(&a, paths_join(&a, f->path, str_of(folder)), name), err);
        keep(&f->keep, name); /* once */
    }
    arena_release(&a);
    return ok;
}

bool expire_files_remove_list(struct expire_files *f, struct str list, struct error *err)
{
    struct arena a = {0};
    struct manifest_metas metas = {0};
    bool found = false;
    bool ok = read_list(f, list, &a, &metas, &found, err);
    for (size_t i = 0; ok && i < metas.count; i++) {
        ok = remove_named(f, "manifest", metas.items[i].name, err);
    }
    ok = ok && (!found || remove_named(f, "manifest", list, err));
    arena_release(&a);
    return ok;
}

static bool remove_index_file(struct expire_files *f, const struct index_manifest_entry *entry,
                              struct error *err)
{
    struct arena a = {0};
    struct index_manifest_place place = {.fs = f->fs,
                                         .table_path = f->path,
                                         .in_bucket_folders = f->index_in_buckets,
                                         .partition_path = ""};
    const char *path = NULL;
    bool ok = true;
    if (!kept(&f->keep, entry->file_name)) {
        ok = partition_path(f->partition, entry->partition, &a, &place.partition_path, err) &&
             index_manifest_file_path(&place, entry, &a, &path, err) &&
             expire_files_remove_path(f, path, err);
        keep(&f->keep, entry->file_name); /* once */
    }
    arena_release(&a);
    return ok;
}

bool expire_files_remove_index(struct expire_files *f, const struct snapshot *s, struct error *err)
{
    struct arena a = {0};
    struct index_manifest_entries entries = {0};
    bool ok = read_index(f, s->index_manifest, &a, &entries, err);
    for (size_t i = 0; ok && i < entries.count; i++) {
        ok = remove_index_file(f, &entries.items[i], err);
    }
    ok = ok && remove_named(f, "manifest", s->index_manifest, err);
    arena_release(&a);
    return ok;
}

bool expire_files_remove_statistics(struct expire_files *f, const struct snapshot *s,
                                    struct error *err)
{
    return remove_named(f, "statistics", s->statistics, err);
}

void expire_files_forget(struct expire_files *f)
{
    map_release(&f->keep);
    f->keep = (struct map){0};
}

void expire_files_release(struct expire_files *f)
{
    map_release(&f->keep);
    map_release(&f->tag_files);
    arena_release(&f->arena);
}
