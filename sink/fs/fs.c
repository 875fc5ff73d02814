#include "sink/fs/fs.h"

#include <string.h>

#include "sink/fs/fs_local.h"

/* "s3://bucket" → 2; a scheme has two letters or more, so that no path looks like one. SIZE_MAX:
 * none. */
static size_t scheme_length(struct str uri)
{
    size_t i = 0;
    while (i < uri.len &&
           ((uri.ptr[i] >= 'a' && uri.ptr[i] <= 'z') || (uri.ptr[i] >= 'A' && uri.ptr[i] <= 'Z') ||
            (i > 0 && uri.ptr[i] >= '0' && uri.ptr[i] <= '9'))) {
        i++;
    }
    return i >= 2 && i < uri.len && uri.ptr[i] == ':' ? i : SIZE_MAX;
}

bool fs_open(struct str warehouse, struct arena *arena, struct fs *out, const char **out_root,
             struct error *err)
{
    struct str path = str_trim(warehouse);
    size_t scheme = scheme_length(path);
    if (scheme != SIZE_MAX) {
        struct str name = str_slice(path, 0, scheme);
        if (!str_eq_nocase(name, STR("file"))) {
            return error_set(err, FAIL_CONFIG,
                             "warehouse '%.*s': %.*s:// is not supported yet; give a local path "
                             "(/path or file:///path)",
                             STR_FMT(path), STR_FMT(name));
        }
        path = str_slice(path, scheme + 1, path.len);
        if (str_starts(path, STR("//"))) {
            path = str_slice(path, 2, path.len);
            if (str_starts(path, STR("localhost/"))) {
                path = str_slice(path, strlen("localhost"), path.len);
            }
        }
    }
    if (path.len == 0 || path.ptr[0] != '/') {
        return error_set(err, FAIL_CONFIG,
                         "warehouse '%.*s': not an absolute path; give /path or file:///path",
                         STR_FMT(warehouse));
    }
    if (memchr(path.ptr, '\0', path.len) != NULL) {
        return error_set(err, FAIL_CONFIG, "warehouse: the path contains a NUL byte");
    }
    while (path.len > 1 && path.ptr[path.len - 1] == '/') {
        path.len--;
    }
    if (path.len == 1) {
        return error_set(err, FAIL_CONFIG,
                         "warehouse '%.*s': the root folder cannot be a warehouse; name a folder",
                         STR_FMT(warehouse));
    }
    *out_root = arena_cstr(arena, path);
    *out = fs_local_open();
    return true;
}

void fs_close(struct fs *fs)
{
    if (fs->ops != NULL) {
        fs->ops->close(fs->self);
    }
    *fs = (struct fs){0};
}
