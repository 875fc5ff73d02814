#include "sink/tag.h"

#include <inttypes.h>

#include "base/instant.h"
#include "sink/expire_files.h"
#include "sink/paths.h"
#include "sink/schema_file.h"
#include "sink/snapshot.h"

#define SNAPSHOT_MAX_BYTES (32u << 20)

/* ---- names and places ---- */

static bool is_number(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
    }
    return true;
}

static const char *place_of(struct arena *a, const char *root, const char *folder,
                            const char *prefix, struct str name)
{
    struct buf path = BUF_INIT(4096);
    buf_printf(&path, "%s/%s/%s%.*s", root, folder, prefix, STR_FMT(name));
    const char *copy = arena_cstr(a, buf_str(&path));
    buf_release(&path);
    return copy;
}

static const char *tag_path(struct arena *a, const char *root, struct str name)
{
    return place_of(a, root, "tag", "tag-", name);
}

static const char *branch_path(struct arena *a, const char *root, struct str name)
{
    return place_of(a, root, "branch", "branch-", name);
}

static bool check_name(struct str name, const char *what, struct error *err)
{
    if (str_trim(name).len == 0 || name.len > 200) {
        return error_set(err, FAIL_CONFIG, "a %s's name has 1 to 200 characters", what);
    }
    return paths_check_name(name, what, err);
}

/* ---- create ---- */

/* The members that make a snapshot's text a tag with an end (Tag.java); without them it is the
 * snapshot's own, which older readers understand, too. */
static void put_end(uint64_t retained_ms, struct buf *text)
{
    int64_t now = instant_local_wall_ms();
    int64_t days = now / 86400000;
    int64_t ms = now % 86400000;
    int64_t year = 0;
    unsigned month = 0;
    unsigned day = 0;
    instant_civil(days, &year, &month, &day);
    while (text->len > 0 && (text->ptr[text->len - 1] == '}' || text->ptr[text->len - 1] == '\n' ||
                             text->ptr[text->len - 1] == ' ')) {
        text->len--;
        if (text->ptr[text->len] == '}') {
            break;
        }
    }
    while (text->len > 0 && (text->ptr[text->len - 1] == '\n' || text->ptr[text->len - 1] == ' ')) {
        text->len--;
    }
    buf_printf(text,
               ",\n  \"tagCreateTime\" : [ %" PRId64 ", %u, %u, %d, %d, %d, %d ],\n"
               "  \"tagTimeRetained\" : %" PRIu64 ".%03u000000\n}",
               year, month, day, (int)(ms / 3600000), (int)(ms / 60000 % 60), (int)(ms / 1000 % 60),
               (int)(ms % 1000 * 1000000), retained_ms / 1000, (unsigned)(retained_ms % 1000));
}

static bool add_end(const struct schema *schema, struct buf *text, struct error *err)
{
    struct str key = STR("tag.default-time-retained");
    struct str value = schema_option(schema, key);
    uint64_t ms;
    if (value.ptr == NULL) {
        return true;
    }
    if (!str_to_duration(str_trim(value), &ms)) {
        return error_set(err, FAIL_CONFIG, "option '%s' = \"%.*s\" is no duration", key.ptr,
                         STR_FMT(value));
    }
    put_end(ms, text);
    return true;
}

static bool read_snapshot(struct fs fs, const char *table_path, int64_t id, struct buf *text,
                          struct error *err)
{
    struct arena a = {0};
    bool found = false;
    struct snapshot s;
    bool ok = fs.ops->read(fs.self, paths_snapshot(&a, table_path, id), text, &found, err) &&
              (found || error_set(err, FAIL_CONFIG, "there is no snapshot %" PRId64, id)) &&
              snapshot_parse(buf_str(text), &a, &s, err);
    arena_release(&a);
    return ok;
}

bool tag_create(struct fs fs, const char *table_path, const struct schema *schema, struct str name,
                int64_t snapshot_id, struct error *err)
{
    struct arena a = {0};
    struct buf text = BUF_INIT(SNAPSHOT_MAX_BYTES);
    bool ok = check_name(name, "tag", err) &&
              (snapshot_id != 0 || snapshot_latest_id(fs, table_path, &snapshot_id, err)) &&
              (snapshot_id != 0 ||
               error_set(err, FAIL_CONFIG, "the table has no snapshot to be tagged")) &&
              read_snapshot(fs, table_path, snapshot_id, &text, err) &&
              add_end(schema, &text, err) && buf_ok(&text, "a tag", err);
    if (ok && !fs.ops->publish(fs.self, tag_path(&a, table_path, name), buf_str(&text), err)) {
        ok = err->code == FAIL_CONFLICT
                 ? error_set(err, FAIL_CONFIG, "there is a tag '%.*s' already", STR_FMT(name))
                 : false;
    }
    buf_release(&text);
    arena_release(&a);
    return ok;
}

static bool read_tag(struct fs fs, const char *table_path, struct str name, struct arena *arena,
                     struct buf *text, struct snapshot *out, struct error *err)
{
    bool found = false;
    const char *path = tag_path(arena, table_path, name);
    return check_name(name, "tag", err) && fs.ops->read(fs.self, path, text, &found, err) &&
           (found || error_set(err, FAIL_CONFIG, "there is no tag '%.*s'", STR_FMT(name))) &&
           (snapshot_parse(buf_str(text), arena, out, err) || error_in(err, "%s", path));
}

/* ---- delete ---- */

static struct expire_files files_of(struct fs fs, const char *table_path,
                                    const struct partition_layout *partition)
{
    struct str in_buckets = schema_option(partition->schema, STR("index-file-in-data-file-dir"));
    return (struct expire_files){.fs = fs,
                                 .path = table_path,
                                 .partition = partition,
                                 .index_in_buckets =
                                     str_eq_nocase(str_trim(in_buckets), STR("true"))};
}

/* The neighbours of a tag whose snapshot is gone: what neither of them has, nobody has, as files
 * come and go once. */
static bool keep_neighbours(struct expire_files *f, const struct snapshot *tag, bool *out_alone,
                            struct error *err)
{
    const struct snapshot *left = NULL;
    const struct snapshot *right = NULL;
    int64_t earliest = 0;
    *out_alone = true;
    for (size_t i = 0; i < f->tag_count; i++) {
        const struct snapshot *other = &f->tags[i];
        *out_alone = *out_alone && other->id != tag->id;
        left = other->id < tag->id ? other : left;
        right = other->id > tag->id && right == NULL ? other : right;
    }
    if (!*out_alone || !snapshot_earliest_id(f->fs, f->path, &earliest, err)) {
        return !*out_alone;
    }
    struct snapshot oldest;
    bool found = false;
    if (earliest > 0 && !snapshot_read(f->fs, f->path, earliest, &f->arena, &oldest, &found, err)) {
        return false;
    }
    *out_alone = !found || tag->id < earliest;
    return (left == NULL || expire_files_keep_whole(f, left, err)) &&
           (right == NULL || expire_files_keep_whole(f, right, err)) &&
           (!found || expire_files_keep_whole(f, &oldest, err)) &&
           expire_files_keep_branches(f, err);
}

static bool remove_lists(struct expire_files *f, const struct snapshot *s, struct error *err)
{
    return expire_files_remove_list(f, s->base_list, err) &&
           expire_files_remove_list(f, s->delta_list, err) &&
           expire_files_remove_list(f, s->changelog_list, err) &&
           expire_files_remove_index(f, s, err) && expire_files_remove_statistics(f, s, err);
}

bool tag_delete(struct fs fs, const char *table_path, const struct partition_layout *partition,
                struct str name, struct error *err)
{
    struct expire_files f = files_of(fs, table_path, partition);
    struct buf text = BUF_INIT(SNAPSHOT_MAX_BYTES);
    struct snapshot tag;
    bool alone = false;
    /* The name goes first: files without a name are left over, a name without files is damage. */
    bool ok = read_tag(fs, table_path, name, &f.arena, &text, &tag, err) &&
              fs.ops->remove(fs.self, tag_path(&f.arena, table_path, name), err) &&
              snapshot_read_tags(fs, table_path, &f.arena, &f.tags, &f.tag_count, err) &&
              keep_neighbours(&f, &tag, &alone, err);
    if (ok && alone) {
        ok = expire_files_remove_live(&f, &tag, err) && remove_lists(&f, &tag, err);
    }
    expire_files_release(&f);
    buf_release(&text);
    return ok;
}

/* ---- branch ---- */

static bool copy_schemas(struct fs fs, const char *table_path, const char *branch, int64_t last,
                         struct error *err)
{
    struct arena a = {0};
    bool ok = true;
    for (int64_t id = 0; ok && id <= last; id++) {
        struct buf text = BUF_INIT(SNAPSHOT_MAX_BYTES);
        bool found = false;
        ok =
            fs.ops->read(fs.self, paths_schema(&a, table_path, id), &text, &found, err) &&
            (!found || fs.ops->publish(fs.self, paths_schema(&a, branch, id), buf_str(&text), err));
        buf_release(&text);
    }
    arena_release(&a);
    return ok;
}

static bool check_branch(struct fs fs, const char *branch, struct str name, struct error *err)
{
    struct schema *schema = NULL;
    if (!check_name(name, "branch", err)) {
        return false;
    }
    if (str_eq(name, STR("main")) || is_number(name)) {
        return error_set(err, FAIL_CONFIG, "a branch's name is neither 'main' nor a number");
    }
    if (!schema_file_latest(fs, branch, &schema, err)) {
        return false;
    }
    bool taken = schema != NULL;
    schema_free(schema);
    return !taken || error_set(err, FAIL_CONFIG, "there is a branch '%.*s' already", STR_FMT(name));
}

/* Schemas come last: a branch is there when it has one. */
static bool branch_from_tag(struct fs fs, const char *table_path, const char *branch,
                            struct str tag, struct arena *a, struct error *err)
{
    struct buf text = BUF_INIT(SNAPSHOT_MAX_BYTES);
    struct buf plain = BUF_INIT(SNAPSHOT_MAX_BYTES);
    struct snapshot s;
    bool ok = read_tag(fs, table_path, tag, a, &text, &s, err);
    if (ok) {
        snapshot_print(&s, &plain);
        ok = buf_ok(&plain, "a snapshot", err) &&
             fs.ops->replace(fs.self, tag_path(a, branch, tag), buf_str(&text), err) &&
             fs.ops->replace(fs.self, paths_snapshot(a, branch, s.id), buf_str(&plain), err) &&
             copy_schemas(fs, table_path, branch, s.schema_id, err);
    }
    buf_release(&text);
    buf_release(&plain);
    return ok;
}

static bool empty_branch(struct fs fs, const char *table_path, const char *branch,
                         struct error *err)
{
    struct schema *schema = NULL;
    if (!schema_file_latest(fs, table_path, &schema, err)) {
        return false;
    }
    if (schema == NULL) {
        return error_set(err, FAIL_CONFIG, "there is no such table");
    }
    bool ok = copy_schemas(fs, table_path, branch, schema->id, err);
    schema_free(schema);
    return ok;
}

bool tag_branch(struct fs fs, const char *table_path, struct str name, struct str tag,
                struct error *err)
{
    struct arena a = {0};
    const char *branch = branch_path(&a, table_path, name);
    bool ok = check_branch(fs, branch, name, err);
    if (ok && tag.len > 0) {
        ok = branch_from_tag(fs, table_path, branch, tag, &a, err);
    } else if (ok) {
        ok = empty_branch(fs, table_path, branch, err);
    }
    arena_release(&a);
    return ok;
}

/* ---- rollback ---- */

struct rollback {
    struct expire_files files;
    struct snapshot target;
    struct snapshot *gone; /* ascending */
    size_t count;
};

static bool read_gone(struct rollback *r, int64_t id, struct error *err)
{
    struct expire_files *f = &r->files;
    int64_t latest = 0;
    bool found = false;
    if (!snapshot_latest_id(f->fs, f->path, &latest, err) ||
        !snapshot_read(f->fs, f->path, id, &f->arena, &r->target, &found, err)) {
        return false;
    }
    if (!found) {
        return error_set(err, FAIL_CONFIG, "there is no snapshot %" PRId64, id);
    }
    r->gone = ARENA_ARRAY(&f->arena, struct snapshot, (size_t)(latest - id) + 1);
    for (int64_t next = id + 1; next <= latest; next++) {
        if (!snapshot_read(f->fs, f->path, next, &f->arena, &r->gone[r->count], &found, err)) {
            return false;
        }
        r->count += found ? 1 : 0;
    }
    return true;
}

/* Names go from the newest down, so that what is left is a table at every moment. */
static bool remove_names(struct rollback *r, struct error *err)
{
    struct expire_files *f = &r->files;
    struct arena a = {0};
    struct fs_entry *tags = NULL;
    size_t count = 0;
    bool ok = true;
    snapshot_hint_latest(f->fs, f->path, r->target.id);
    for (size_t i = r->count; ok && i > 0; i--) {
        ok = f->fs.ops->remove(f->fs.self, paths_snapshot(&a, f->path, r->gone[i - 1].id), err);
    }
    const char *folder = paths_join(&a, f->path, STR("tag"));
    ok = ok && f->fs.ops->list(f->fs.self, folder, &a, &tags, &count, err);
    for (size_t i = 0; ok && i < count; i++) {
        struct buf text = BUF_INIT(SNAPSHOT_MAX_BYTES);
        struct snapshot s;
        struct str prefix = STR("tag-");
        struct str name = str_slice(tags[i].name, prefix.len, tags[i].name.len);
        if (!tags[i].is_folder && str_starts(tags[i].name, prefix)) {
            ok = read_tag(f->fs, f->path, name, &a, &text, &s, err) &&
                 (s.id <= r->target.id ||
                  f->fs.ops->remove(f->fs.self, tag_path(&a, f->path, name), err));
        }
        buf_release(&text);
    }
    arena_release(&a);
    return ok;
}

static bool remove_files(struct rollback *r, struct error *err)
{
    struct expire_files *f = &r->files;
    if (!snapshot_read_tags(f->fs, f->path, &f->arena, &f->tags, &f->tag_count, err) ||
        !expire_files_keep_whole(f, &r->target, err) || !expire_files_keep_branches(f, err)) {
        return false;
    }
    for (size_t i = 0; i < f->tag_count; i++) {
        if (!expire_files_keep_whole(f, &f->tags[i], err)) {
            return false;
        }
    }
    for (size_t i = 0; i < r->count; i++) {
        if (!expire_files_remove_added(f, &r->gone[i], err) ||
            !expire_files_remove_changelog(f, &r->gone[i], err)) {
            return false;
        }
    }
    for (size_t i = 0; i < r->count; i++) {
        if (!remove_lists(f, &r->gone[i], err)) {
            return false;
        }
    }
    return true;
}

bool tag_rollback(struct fs fs, const char *table_path, const struct partition_layout *partition,
                  int64_t snapshot_id, struct error *err)
{
    struct rollback r = {.files = files_of(fs, table_path, partition)};
    bool ok = read_gone(&r, snapshot_id, err) && remove_names(&r, err) && remove_files(&r, err);
    expire_files_release(&r.files);
    return ok || error_in(err, "roll back to snapshot %" PRId64, snapshot_id);
}
