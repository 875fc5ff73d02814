/* sink/fs/fs.h: the fs seam: what a store must be able to do. Nothing above it knows which store it
 * is: no rename, no link, no mtime, no empty folders.
 *
 * Paths are absolute and use '/'. Every call may block; every call is thread-safe. A whole file
 * appears at once or not at all, and what a successful write_* returned for is durable (file and
 * directory synced). FAIL_IO may heal; FAIL_DENIED needs a human; errors name the path. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

struct fs_out; /* a file being written */

struct fs_entry {
    struct str name; /* last part only */
    uint64_t size_bytes;
    bool is_folder;
};

struct fs_ops {
    const char *name; /* "local" */

    /* Creates a new file for streamed writing (data files). Its name is unique by construction: an
     * existing one is FAIL_CONFLICT. Folders are made as needed. */
    bool (*create)(void *self, const char *path, struct fs_out **out, struct error *err);
    bool (*append)(struct fs_out *out, struct str bytes, struct error *err);
    /* Makes it durable and closes. The handle is gone either way; on failure the file is removed.
     */
    bool (*finish)(struct fs_out *out, struct error *err);
    /* Closes and removes the half-written file. */
    void (*abandon)(struct fs_out *out);

    /* Whole small files. publish is exclusive: FAIL_CONFLICT when the name is taken, FAIL_UNKNOWN
     * when it may have happened. replace overwrites (hints, consumer files): readers see the old or
     * the new bytes. */
    bool (*publish)(void *self, const char *path, struct str bytes, struct error *err);
    bool (*replace)(void *self, const char *path, struct str bytes, struct error *err);

    /* Appends the whole file to out (its maximum is the limit). *out_found = false when there is no
     * such file: not an error. */
    bool (*read)(void *self, const char *path, struct buf *out, bool *out_found, struct error *err);
    /* Exactly len bytes from offset into `into`; shorter is FAIL_CORRUPT. */
    bool (*read_range)(void *self, const char *path, uint64_t offset, size_t len, char *into,
                       struct error *err);
    bool (*size)(void *self, const char *path, uint64_t *out_bytes, bool *out_found,
                 struct error *err);
    /* Entries of a folder, in no order; a missing folder is empty. Names live in the arena. */
    bool (*list)(void *self, const char *folder, struct arena *arena, struct fs_entry **out,
                 size_t *out_count, struct error *err);
    /* Removing what is not there is fine. */
    bool (*remove)(void *self, const char *path, struct error *err);
    /* Removes what programs that died left half-written in the folder: drafts that never got their
     * name. A living writer whose draft is taken away fails with FAIL_IO and tries again. */
    bool (*tidy)(void *self, const char *folder, struct error *err);
    void (*close)(void *self);
};

struct fs {
    const struct fs_ops *ops;
    void *self;
};

/* Opens the store that a warehouse URI names: a path or file:///path. FAIL_CONFIG for other schemes
 * ("s3:// is not supported yet"). *out_root is the path to put before names, without a trailing
 * '/', in the arena. */
MUST_USE bool fs_open(struct str warehouse, struct arena *arena, struct fs *out,
                      const char **out_root, struct error *err);
void fs_close(struct fs *fs);
