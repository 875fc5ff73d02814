#include "sink/consumer.h"

#include <inttypes.h>

#include "base/buf.h"
#include "base/json.h"
#include "sink/paths.h"

#define CONSUMER_MAX_BYTES 4096

static bool parse(struct str text, int64_t *out, struct error *err)
{
    struct json_doc *doc = NULL;
    bool ok = json_parse(text, &doc, err) &&
              json_need_i64(json_root(doc), "nextSnapshot", out, err) &&
              (*out >= 0 || error_set(err, FAIL_CORRUPT, "nextSnapshot is negative"));
    json_free(doc);
    return ok;
}

static bool read_one(struct fs fs, const char *path, int64_t *out, bool *out_found,
                     struct error *err)
{
    struct buf text = BUF_INIT(CONSUMER_MAX_BYTES);
    bool ok = fs.ops->read(fs.self, path, &text, out_found, err) &&
              (!*out_found || parse(buf_str(&text), out, err) || error_in(err, "%s", path));
    buf_release(&text);
    return ok;
}

bool consumer_lowest(struct fs fs, const char *table_path, struct arena *arena, int64_t *out_next,
                     struct str *out_id, struct error *err)
{
    struct fs_entry *entries = NULL;
    size_t count = 0;
    struct str prefix = STR("consumer-");
    int64_t lowest = INT64_MAX;
    struct str id = {"", 0};
    const char *folder = paths_join(arena, table_path, STR("consumer"));
    if (!fs.ops->list(fs.self, folder, arena, &entries, &count, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t next = 0;
        bool found = false;
        if (entries[i].is_folder || !str_starts(entries[i].name, prefix)) {
            continue;
        }
        if (!read_one(fs, paths_join(arena, folder, entries[i].name), &next, &found, err)) {
            return false;
        }
        if (found && next < lowest) {
            lowest = next;
            id = str_slice(entries[i].name, prefix.len, entries[i].name.len);
        }
    }
    *out_next = lowest;
    *out_id = id;
    return true;
}

bool consumer_write(struct fs fs, const char *table_path, struct str id, int64_t next,
                    struct error *err)
{
    struct arena a = {0};
    struct buf text = BUF_INIT(CONSUMER_MAX_BYTES);
    buf_printf(&text, "{\"nextSnapshot\" : %" PRId64 "}", next);
    bool ok = fs.ops->replace(fs.self, paths_consumer(&a, table_path, id), buf_str(&text), err);
    buf_release(&text);
    arena_release(&a);
    return ok;
}

bool consumer_remove(struct fs fs, const char *table_path, struct str id, struct error *err)
{
    struct arena a = {0};
    bool ok = fs.ops->remove(fs.self, paths_consumer(&a, table_path, id), err);
    arena_release(&a);
    return ok;
}
