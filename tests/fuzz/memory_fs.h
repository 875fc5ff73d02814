/* tests/fuzz/memory_fs.h: a store of one file, held in memory, whatever the path: for decoders that
 * read through the fs seam. Only reading works. */
#pragma once

#include <string.h>

#include "base/mem.h"
#include "sink/fs/fs.h"

struct memory_fs {
    struct str bytes;
};

static bool memory_fs_refuse(struct error *err)
{
    return error_set(err, FAIL_DENIED, "the store in memory is for reading");
}

static bool memory_fs_create(void *self, const char *path, struct fs_out **out, struct error *err)
{
    (void)self, (void)path, (void)out;
    return memory_fs_refuse(err);
}

static bool memory_fs_append(struct fs_out *out, struct str bytes, struct error *err)
{
    (void)out, (void)bytes;
    return memory_fs_refuse(err);
}

static bool memory_fs_finish(struct fs_out *out, struct error *err)
{
    (void)out;
    return memory_fs_refuse(err);
}

static void memory_fs_abandon(struct fs_out *out)
{
    (void)out;
}

static bool memory_fs_write(void *self, const char *path, struct str bytes, struct error *err)
{
    (void)self, (void)path, (void)bytes;
    return memory_fs_refuse(err);
}

static bool memory_fs_read(void *self, const char *path, struct buf *out, bool *out_found,
                           struct error *err)
{
    const struct memory_fs *m = self;
    (void)path;
    buf_put_str(out, m->bytes);
    *out_found = true;
    return buf_ok(out, "the file", err);
}

static bool memory_fs_read_range(void *self, const char *path, uint64_t offset, size_t len,
                                 char *into, struct error *err)
{
    const struct memory_fs *m = self;
    (void)path;
    if (offset > m->bytes.len || len > m->bytes.len - offset) {
        return error_set(err, FAIL_CORRUPT, "the file ends before");
    }
    memcpy(into, m->bytes.ptr + offset, len);
    return true;
}

static bool memory_fs_size(void *self, const char *path, uint64_t *out_bytes, bool *out_found,
                           struct error *err)
{
    const struct memory_fs *m = self;
    (void)path, (void)err;
    *out_bytes = m->bytes.len;
    *out_found = true;
    return true;
}

static bool memory_fs_list(void *self, const char *folder, struct arena *arena,
                           struct fs_entry **out, size_t *out_count, struct error *err)
{
    (void)self, (void)folder, (void)arena, (void)err;
    *out = NULL;
    *out_count = 0;
    return true;
}

static bool memory_fs_remove(void *self, const char *path, struct error *err)
{
    (void)self, (void)path;
    return memory_fs_refuse(err);
}

static bool memory_fs_tidy(void *self, const char *folder, struct error *err)
{
    (void)self, (void)folder, (void)err;
    return true;
}

static void memory_fs_close(void *self)
{
    (void)self;
}

static struct fs memory_fs_open(struct memory_fs *m)
{
    static const struct fs_ops ops = {
        .name = "memory",
        .create = memory_fs_create,
        .append = memory_fs_append,
        .finish = memory_fs_finish,
        .abandon = memory_fs_abandon,
        .publish = memory_fs_write,
        .replace = memory_fs_write,
        .read = memory_fs_read,
        .read_range = memory_fs_read_range,
        .size = memory_fs_size,
        .list = memory_fs_list,
        .remove = memory_fs_remove,
        .tidy = memory_fs_tidy,
        .close = memory_fs_close,
    };
    return (struct fs){.ops = &ops, .self = m};
}
