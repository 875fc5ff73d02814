#include "sink/snapshot.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "sink/paths.h"

#define SNAPSHOT_VERSION 3
#define SNAPSHOT_MAX_BYTES ((size_t)64 << 20)

static const char *const kind_names[] = {"APPEND", "COMPACT", "OVERWRITE", "ANALYZE"};

/* ---- JSON (paimon-format §3) -------------------------------------------------------------- */

static void put_name(struct buf *out, const char *name)
{
    buf_printf(out, ",\n  \"%s\" : ", name);
}

static void put_text(struct buf *out, const char *name, struct str value)
{
    put_name(out, name);
    buf_put_json(out, value);
}

static void put_i64(struct buf *out, const char *name, int64_t value)
{
    put_name(out, name);
    buf_printf(out, "%" PRId64, value);
}

static void put_list(struct buf *out, const char *name, struct str list, int64_t bytes)
{
    put_text(out, name, list);
    if (bytes >= 0) {
        buf_printf(out, ",\n  \"%sSize\" : %" PRId64, name, bytes);
    }
}

static void put_properties(struct buf *out, const struct snapshot *s)
{
    put_name(out, "properties");
    for (size_t i = 0; i < s->property_count; i++) {
        buf_put_cstr(out, i == 0 ? "{\n    " : ",\n    ");
        buf_put_json(out, s->properties[i].key);
        buf_put_cstr(out, " : ");
        buf_put_json(out, s->properties[i].value);
    }
    buf_put_cstr(out, "\n  }");
}

void snapshot_print(const struct snapshot *s, struct buf *out)
{
    buf_printf(out, "{\n  \"version\" : %d", SNAPSHOT_VERSION);
    if (s->uuid.len > 0) {
        put_text(out, "uuid", s->uuid);
    }
    put_i64(out, "id", s->id);
    put_i64(out, "schemaId", s->schema_id);
    put_list(out, "baseManifestList", s->base_list, s->base_list_bytes);
    put_list(out, "deltaManifestList", s->delta_list, s->delta_list_bytes);
    if (s->changelog_list.len > 0) {
        put_list(out, "changelogManifestList", s->changelog_list, s->changelog_list_bytes);
    }
    if (s->index_manifest.len > 0) {
        put_text(out, "indexManifest", s->index_manifest);
    }
    put_text(out, "commitUser", s->commit_user);
    put_i64(out, "commitIdentifier", s->commit_identifier);
    put_text(out, "commitKind", str_of(kind_names[s->kind]));
    put_i64(out, "timeMillis", s->time_ms);
    put_i64(out, "totalRecordCount", s->total_rows);
    put_i64(out, "deltaRecordCount", s->delta_rows);
    if (s->changelog_rows >= 0) {
        put_i64(out, "changelogRecordCount", s->changelog_rows);
    }
    if (s->watermark != INT64_MIN) {
        put_i64(out, "watermark", s->watermark);
    }
    if (s->statistics.len > 0) {
        put_text(out, "statistics", s->statistics);
    }
    if (s->property_count > 0) {
        put_properties(out, s);
    }
    if (s->next_row_id >= 0) {
        put_i64(out, "nextRowId", s->next_row_id);
    }
    buf_put_cstr(out, "\n}");
}

/* A member that may be missing or null. */
static bool optional_text(const struct json *o, const char *name, struct arena *a, struct str *out,
                          struct error *err)
{
    const struct json *n = json_get(o, name);
    struct str s = {"", 0};
    if (!json_is_null(n) && !json_str(n, &s)) {
        return error_set(err, FAIL_CORRUPT, "member \"%s\" is not a text", name);
    }
    *out = arena_str(a, s);
    return true;
}

static bool optional_i64(const struct json *o, const char *name, int64_t absent, int64_t *out,
                         struct error *err)
{
    const struct json *n = json_get(o, name);
    *out = absent;
    return json_is_null(n) || json_i64(n, out) ||
           error_set(err, FAIL_CORRUPT, "member \"%s\" is not a whole number", name);
}

static bool need_text(const struct json *o, const char *name, struct arena *a, struct str *out,
                      struct error *err)
{
    struct str s;
    if (!json_need_str(o, name, &s, err)) {
        return false;
    }
    *out = arena_str(a, s);
    return true;
}

static bool parse_kind(const struct json *o, struct snapshot *s, struct error *err)
{
    struct str kind;
    if (!json_need_str(o, "commitKind", &kind, err)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(kind_names) / sizeof(kind_names[0]); i++) {
        if (str_eq(kind, str_of(kind_names[i]))) {
            s->kind = (enum snapshot_kind)i;
            return true;
        }
    }
    return error_set(err, FAIL_SCHEMA,
                     "member \"commitKind\" is '%.*s', which this version does not know",
                     STR_FMT(str_slice(kind, 0, 40)));
}

static bool parse_properties(const struct json *o, struct arena *a, struct snapshot *s,
                             struct error *err)
{
    const struct json *n = json_get(o, "properties");
    if (json_is_null(n)) {
        return true;
    }
    if (!json_is_object(n)) {
        return error_set(err, FAIL_CORRUPT, "member \"properties\" is not an object");
    }
    s->properties = ARENA_ARRAY(a, struct snapshot_property, json_count(n));
    struct json_iter it = json_iter(n);
    struct str key;
    const struct json *value;
    while (json_next(&it, &key, &value)) {
        struct str text;
        if (!json_str(value, &text)) {
            return error_set(err, FAIL_CORRUPT, "property \"%.*s\" is not a text",
                             STR_FMT(str_slice(key, 0, 80)));
        }
        s->properties[s->property_count++] =
            (struct snapshot_property){arena_str(a, key), arena_str(a, text)};
    }
    return true;
}

static bool check_version(const struct json *o, struct error *err)
{
    int64_t version;
    if (!json_need_i64(o, "version", &version, err)) {
        return false;
    }
    if (version > SNAPSHOT_VERSION) {
        return error_set(err, FAIL_SCHEMA,
                         "member \"version\" is %" PRId64
                         ", while %d is the newest known: the table was written by a newer Paimon",
                         version, SNAPSHOT_VERSION);
    }
    return true;
}

static bool parse_members(const struct json *o, struct arena *a, struct snapshot *s,
                          struct error *err)
{
    return check_version(o, err) && optional_text(o, "uuid", a, &s->uuid, err) &&
           json_need_i64(o, "id", &s->id, err) &&
           json_need_i64(o, "schemaId", &s->schema_id, err) &&
           need_text(o, "baseManifestList", a, &s->base_list, err) &&
           optional_i64(o, "baseManifestListSize", -1, &s->base_list_bytes, err) &&
           need_text(o, "deltaManifestList", a, &s->delta_list, err) &&
           optional_i64(o, "deltaManifestListSize", -1, &s->delta_list_bytes, err) &&
           optional_text(o, "changelogManifestList", a, &s->changelog_list, err) &&
           optional_i64(o, "changelogManifestListSize", -1, &s->changelog_list_bytes, err) &&
           optional_text(o, "indexManifest", a, &s->index_manifest, err) &&
           need_text(o, "commitUser", a, &s->commit_user, err) &&
           json_need_i64(o, "commitIdentifier", &s->commit_identifier, err) &&
           parse_kind(o, s, err) && json_need_i64(o, "timeMillis", &s->time_ms, err) &&
           optional_i64(o, "totalRecordCount", 0, &s->total_rows, err) &&
           optional_i64(o, "deltaRecordCount", 0, &s->delta_rows, err) &&
           optional_i64(o, "changelogRecordCount", -1, &s->changelog_rows, err) &&
           optional_i64(o, "watermark", INT64_MIN, &s->watermark, err) &&
           optional_text(o, "statistics", a, &s->statistics, err) &&
           optional_i64(o, "nextRowId", -1, &s->next_row_id, err) && parse_properties(o, a, s, err);
}

/* List names become paths. */
static bool is_file_name(struct str name)
{
    return name.len == 0 || (name.ptr[0] != '.' && memchr(name.ptr, '/', name.len) == NULL &&
                             memchr(name.ptr, '\0', name.len) == NULL);
}

bool snapshot_parse(struct str json, struct arena *arena, struct snapshot *out, struct error *err)
{
    struct json_doc *doc;
    if (!json_parse(json, &doc, err)) {
        return error_in(err, "snapshot");
    }
    struct snapshot s = {.id = 0};
    bool ok = json_is_object(json_root(doc))
                  ? parse_members(json_root(doc), arena, &s, err)
                  : error_set(err, FAIL_CORRUPT, "the text is not a JSON object");
    json_free(doc);
    if (ok && (s.id < 1 || s.schema_id < 0)) {
        ok = error_set(err, FAIL_CORRUPT, "id %" PRId64 " or schemaId %" PRId64 " is absurd", s.id,
                       s.schema_id);
    }
    if (ok && !(s.base_list.len > 0 && s.delta_list.len > 0 && is_file_name(s.base_list) &&
                is_file_name(s.delta_list) && is_file_name(s.changelog_list) &&
                is_file_name(s.index_manifest))) {
        ok = error_set(err, FAIL_CORRUPT, "a manifest list's name is not a file name");
    }
    if (!ok) {
        return error_in(err, "snapshot");
    }
    *out = s;
    return true;
}

struct str snapshot_property_get(const struct snapshot *s, struct str key)
{
    for (size_t i = 0; i < s->property_count; i++) {
        if (str_eq(s->properties[i].key, key)) {
            return s->properties[i].value;
        }
    }
    return (struct str){NULL, 0};
}

/* ---- files -------------------------------------------------------------------------------- */

static bool read_file(struct fs fs, const char *path, struct arena *arena, struct snapshot *out,
                      bool *out_found, struct error *err)
{
    struct buf text = BUF_INIT(SNAPSHOT_MAX_BYTES);
    bool found = false;
    bool ok = fs.ops->read(fs.self, path, &text, &found, err);
    if (ok && found) {
        ok = snapshot_parse(buf_str(&text), arena, out, err) || error_in(err, "%s", path);
    }
    buf_release(&text);
    if (ok) {
        *out_found = found;
    }
    return ok;
}

static bool read_numbered(struct fs fs, const char *path, int64_t id, struct arena *arena,
                          struct snapshot *out, bool *out_found, struct error *err)
{
    struct snapshot s = {.id = 0};
    bool found = false;
    if (!read_file(fs, path, arena, &s, &found, err)) {
        return false;
    }
    if (found && s.id != id) {
        return error_set(err, FAIL_CORRUPT, "%s: it says that its id is %" PRId64, path, s.id);
    }
    if (found) {
        *out = s;
    }
    *out_found = found;
    return true;
}

bool snapshot_read(struct fs fs, const char *table_path, int64_t id, struct arena *arena,
                   struct snapshot *out, bool *out_found, struct error *err)
{
    return read_numbered(fs, paths_snapshot(arena, table_path, id), id, arena, out, out_found, err);
}

bool snapshot_read_changelog(struct fs fs, const char *table_path, int64_t id, struct arena *arena,
                             struct snapshot *out, bool *out_found, struct error *err)
{
    return read_numbered(fs, paths_changelog(arena, table_path, id), id, arena, out, out_found,
                         err);
}

bool snapshot_read_tags(struct fs fs, const char *root, struct arena *arena, struct snapshot **out,
                        size_t *out_count, struct error *err)
{
    struct fs_entry *entries = NULL;
    size_t count = 0;
    size_t used = 0;
    const char *folder = paths_join(arena, root, STR("tag"));
    if (!fs.ops->list(fs.self, folder, arena, &entries, &count, err)) {
        return false;
    }
    struct snapshot *tags = ARENA_ARRAY(arena, struct snapshot, count + 1);
    for (size_t i = 0; i < count; i++) {
        struct snapshot s = {.id = 0};
        bool found = false;
        if (entries[i].is_folder || !str_starts(entries[i].name, STR("tag-"))) {
            continue;
        }
        if (!read_file(fs, paths_join(arena, folder, entries[i].name), arena, &s, &found, err)) {
            return false;
        }
        size_t at = used;
        for (; found && at > 0 && tags[at - 1].id > s.id; at--) {
            tags[at] = tags[at - 1];
        }
        if (found) {
            tags[at] = s;
            used++;
        }
    }
    *out = tags;
    *out_count = used;
    return true;
}

/* A folder of numbered snapshot files with hints: snapshot/snapshot-7, changelog/changelog-7. */
struct log {
    struct fs fs;
    const char *table_path;
    const char *(*path)(struct arena *a, const char *table, int64_t id);
    const char *folder;
    struct str prefix;
    const char *latest, *earliest;
};

static struct log snapshot_log(struct fs fs, const char *table_path)
{
    return (struct log){fs,
                        table_path,
                        paths_snapshot,
                        "snapshot",
                        STR("snapshot-"),
                        "snapshot/LATEST",
                        "snapshot/EARLIEST"};
}

static struct log changelog_log(struct fs fs, const char *table_path)
{
    return (struct log){fs,
                        table_path,
                        paths_changelog,
                        "changelog",
                        STR("changelog-"),
                        "changelog/LATEST",
                        "changelog/EARLIEST"};
}

/* A hint is a help only: what is no number is no hint. */
static bool read_hint(const struct log *l, const char *which, struct arena *a, int64_t *out,
                      struct error *err)
{
    struct buf text = BUF_INIT(64);
    bool found = false;
    int64_t id = 0;
    struct error ignored;
    const char *path = paths_hint(a, l->table_path, which);
    bool ok = l->fs.ops->read(l->fs.self, path, &text, &found, &ignored);
    if (!ok && ignored.code != FAIL_LIMIT) {
        *err = ignored;
        buf_release(&text);
        return false;
    }
    if (!ok || !found || !str_to_i64(buf_str(&text), &id) || id < 1) {
        id = 0;
    }
    buf_release(&text);
    *out = id;
    return true;
}

static bool exists(const struct log *l, int64_t id, struct arena *a, bool *out, struct error *err)
{
    uint64_t bytes;
    return l->fs.ops->size(l->fs.self, l->path(a, l->table_path, id), &bytes, out, err);
}

/* Lowest and highest id in the folder, 0 when there is none, and how many there are. */
static bool list_all(const struct log *l, struct arena *a, int64_t *out_low, int64_t *out_high,
                     int64_t *out_count, struct error *err)
{
    struct fs_entry *entries;
    size_t count;
    const char *folder = paths_join(a, l->table_path, str_of(l->folder));
    if (!l->fs.ops->list(l->fs.self, folder, a, &entries, &count, err)) {
        return false;
    }
    int64_t low = 0;
    int64_t high = 0;
    int64_t ids = 0;
    for (size_t i = 0; i < count; i++) {
        struct str name = entries[i].name;
        int64_t id;
        if (!str_starts(name, l->prefix) || entries[i].is_folder ||
            !str_to_i64(str_slice(name, l->prefix.len, name.len), &id) || id < 1) {
            continue;
        }
        low = low == 0 || id < low ? id : low;
        high = id > high ? id : high;
        ids++;
    }
    *out_low = low;
    *out_high = high;
    *out_count = ids;
    return true;
}

static bool list_ids(const struct log *l, struct arena *a, int64_t *out_low, int64_t *out_high,
                     struct error *err)
{
    int64_t count;
    return list_all(l, a, out_low, out_high, &count, err);
}

static bool latest_id(const struct log *l, int64_t *out, struct error *err)
{
    struct arena a = {0};
    int64_t hint = 0;
    int64_t low;
    int64_t high = 0;
    bool here = false;
    bool next = true;
    /* As Java: a hint holds when nothing follows it; and, for us, when it is there at all. */
    bool ok = read_hint(l, l->latest, &a, &hint, err);
    if (ok && hint > 0 && hint < INT64_MAX) {
        ok = exists(l, hint + 1, &a, &next, err) && (next || exists(l, hint, &a, &here, err));
    }
    if (ok && here && !next) {
        high = hint;
    } else if (ok) {
        ok = list_ids(l, &a, &low, &high, err);
    }
    arena_release(&a);
    if (ok) {
        *out = high;
    }
    return ok;
}

static bool earliest_id(const struct log *l, int64_t *out, struct error *err)
{
    struct arena a = {0};
    int64_t hint = 0;
    int64_t low = 0;
    int64_t high;
    bool here = false;
    bool ok = read_hint(l, l->earliest, &a, &hint, err);
    if (ok && hint > 0) {
        ok = exists(l, hint, &a, &here, err);
    }
    if (ok && here) {
        low = hint;
    } else if (ok) {
        ok = list_ids(l, &a, &low, &high, err);
    }
    arena_release(&a);
    if (ok) {
        *out = low;
    }
    return ok;
}

bool snapshot_latest_id(struct fs fs, const char *table_path, int64_t *out, struct error *err)
{
    struct log l = snapshot_log(fs, table_path);
    return latest_id(&l, out, err);
}

bool snapshot_earliest_id(struct fs fs, const char *table_path, int64_t *out, struct error *err)
{
    struct log l = snapshot_log(fs, table_path);
    return earliest_id(&l, out, err);
}

bool snapshot_changelog_ids(struct fs fs, const char *table_path, int64_t *out_earliest,
                            int64_t *out_latest, struct error *err)
{
    struct log l = changelog_log(fs, table_path);
    return earliest_id(&l, out_earliest, err) && latest_id(&l, out_latest, err);
}

static bool gap(int64_t missing, struct error *err)
{
    return error_set(err, FAIL_DIVERGED,
                     "snapshot-%" PRId64
                     " is missing between others: the table was rolled back while somebody "
                     "committed, and files may be gone",
                     missing);
}

bool snapshot_check_previous(struct fs fs, const char *table_path, int64_t id, struct error *err)
{
    struct log l = snapshot_log(fs, table_path);
    struct arena a = {0};
    int64_t low = 0;
    int64_t high = 0;
    bool there = true;
    bool ok = id <= 1 || exists(&l, id - 1, &a, &there, err);
    if (ok && !there) {
        ok = list_ids(&l, &a, &low, &high, err) && (low == 0 || low >= id || gap(id - 1, err));
    }
    arena_release(&a);
    return ok;
}

bool snapshot_check_chain(struct fs fs, const char *table_path, struct error *err)
{
    struct log l = snapshot_log(fs, table_path);
    struct arena a = {0};
    int64_t low = 0;
    int64_t high = 0;
    int64_t count = 0;
    bool ok = list_all(&l, &a, &low, &high, &count, err);
    for (int64_t id = low; ok && count > 0 && count <= high - low && id < high; id++) {
        bool there = false;
        ok = exists(&l, id, &a, &there, err) &&
             (there || list_all(&l, &a, &low, &high, &count, err)); /* expired meanwhile? */
        if (ok && !there && low < id) {
            ok = gap(id, err);
        }
    }
    arena_release(&a);
    return ok;
}

static void write_hint(struct fs fs, const char *table_path, const char *which, int64_t id)
{
    struct arena a = {0};
    struct buf text = BUF_INIT(32);
    struct error ignored; /* readers do without hints */
    buf_printf(&text, "%" PRId64, id);
    (void)!fs.ops->replace(fs.self, paths_hint(&a, table_path, which), buf_str(&text), &ignored);
    buf_release(&text);
    arena_release(&a);
}

void snapshot_hint_earliest(struct fs fs, const char *table_path, int64_t id)
{
    write_hint(fs, table_path, "snapshot/EARLIEST", id);
}

void snapshot_hint_latest(struct fs fs, const char *table_path, int64_t id)
{
    write_hint(fs, table_path, "snapshot/LATEST", id);
}

void snapshot_hint_changelog(struct fs fs, const char *table_path, int64_t id)
{
    write_hint(fs, table_path, "changelog/EARLIEST", id);
}

bool snapshot_publish(struct fs fs, const char *table_path, const struct snapshot *s,
                      struct error *err)
{
    struct arena a = {0};
    struct buf text = BUF_INIT(SNAPSHOT_MAX_BYTES);
    snapshot_print(s, &text);
    bool ok = buf_ok(&text, "the snapshot", err) &&
              fs.ops->publish(fs.self, paths_snapshot(&a, table_path, s->id), buf_str(&text), err);
    buf_release(&text);
    arena_release(&a);
    if (ok) {
        write_hint(fs, table_path, "snapshot/LATEST", s->id);
        if (s->id == 1) {
            write_hint(fs, table_path, "snapshot/EARLIEST", 1);
        }
    }
    return ok;
}

bool snapshot_keep_changelog(struct fs fs, const char *table_path, int64_t id, struct error *err)
{
    struct arena a = {0};
    struct buf text = BUF_INIT(SNAPSHOT_MAX_BYTES);
    bool found = false;
    /* byte for byte: members that we do not know stay */
    bool ok = fs.ops->read(fs.self, paths_snapshot(&a, table_path, id), &text, &found, err) &&
              (!found ||
               fs.ops->replace(fs.self, paths_changelog(&a, table_path, id), buf_str(&text), err));
    buf_release(&text);
    arena_release(&a);
    if (ok && found) {
        write_hint(fs, table_path, "changelog/LATEST", id);
    }
    return ok;
}
