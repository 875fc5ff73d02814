/* Durability on POSIX, in the order it is done here:
 *   file's bytes → fsync(file) → its name (create, link or rename) → fsync(folder)
 * A new folder is made durable in its parent before anything is put into it. A draft has a name
 * that begins with a dot, so that Paimon, which lists by prefix, never sees one; a crash may leave
 * drafts behind. */
#include "sink/fs/fs_local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/mem.h"

#define FS_LOCAL_MAX_PATH 4096
#define FS_LOCAL_BUFFER (128 * 1024)

struct fs_out {
    int fd;
    int dir_fd;
    size_t used;
    char *path;
    const char *name; /* last part of path */
    bool broken;      /* an append failed: nothing may be finished */
    char buffer[FS_LOCAL_BUFFER];
};

/* The system's reason plus what to do about it. Reads errno. */
static bool failed(struct error *err, const char *call, const char *path)
{
    const char *remedy = "";
    int why = errno;
    if (why == ENOSPC || why == EDQUOT) {
        remedy = "; free space on this file system (or raise the quota): nothing half-written is "
                 "left";
    } else if (why == EIO) {
        remedy = "; check the disk and the kernel's log";
    } else if (why == EROFS) {
        remedy = "; the file system is mounted read-only: remount it writable";
    } else if (why == EACCES || why == EPERM) {
        remedy = "; give the user that runs inlet the right to this folder";
    } else if (why == EMFILE || why == ENFILE) {
        remedy = "; raise the limit of open files (ulimit -n)";
    } else if (why == ENOTDIR) {
        remedy = "; a file stands where a folder is needed";
    }
    errno = why;
    (void)error_os(err, "%s %s", call, path);
    size_t len = strlen(err->text);
    (void)snprintf(err->text + len, sizeof(err->text) - len, "%s", remedy);
    return false;
}

/* A folder and the name in it. */
struct place {
    char folder[FS_LOCAL_MAX_PATH];
    const char *name;
};

static bool place_of(const char *path, struct place *out, struct error *err)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    if (path[0] != '/' || slash == NULL || slash[1] == '\0' || len + 1 > sizeof(out->folder)) {
        (void)error_set(err, FAIL_CONFIG, "path '%.200s' is not absolute or is too long", path);
        return false;
    }
    memcpy(out->folder, path, len);
    out->folder[len] = '\0';
    if (len == 0) {
        memcpy(out->folder, "/", 2);
    }
    out->name = slash + 1;
    return true;
}

static bool sync_folder(const char *folder, struct error *err)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return failed(err, "open folder", folder);
    }
    bool ok = fsync(fd) == 0 || failed(err, "fsync folder", folder);
    (void)close(fd);
    return ok;
}

/* Makes every missing part of the folder, each durable in its parent. */
static bool make_folders(const char *folder, struct error *err)
{
    char part[FS_LOCAL_MAX_PATH];
    char parent[FS_LOCAL_MAX_PATH];
    size_t len = strlen(folder);
    must(len < sizeof(part));
    memcpy(parent, "/", 2);
    for (size_t i = 1; i <= len; i++) {
        if (folder[i] != '/' && folder[i] != '\0') {
            continue;
        }
        memcpy(part, folder, i);
        part[i] = '\0';
        struct stat st;
        if (stat(part, &st) != 0) {
            if (errno != ENOENT) {
                return failed(err, "look at folder", part);
            }
            /* EEXIST: another thread was faster, but may not have synced the parent yet. */
            if (mkdir(part, 0777) != 0 && errno != EEXIST) {
                return failed(err, "make folder", part);
            }
            if (!sync_folder(parent, err)) {
                return false;
            }
        }
        memcpy(parent, part, i + 1);
    }
    return true;
}

/* Opens the folder, which is made when missing. -1 on failure. */
static int open_folder(const char *folder, struct error *err)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        if (!make_folders(folder, err)) {
            return -1;
        }
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (fd < 0) {
        (void)failed(err, "open folder", folder);
    }
    return fd;
}

static bool write_all(int fd, const char *bytes, size_t len, const char *path, struct error *err)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            return failed(err, "write", path);
        }
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static bool local_create(void *self, const char *path, struct fs_out **out, struct error *err)
{
    (void)self;
    struct place at;
    if (!place_of(path, &at, err)) {
        return false;
    }
    if (!FAILPOINT("fs.create")) {
        return failed(err, "create", path);
    }
    int dir_fd = open_folder(at.folder, err);
    if (dir_fd < 0) {
        return false;
    }
    int fd = openat(dir_fd, at.name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        if (errno == EEXIST) {
            (void)error_set(err, FAIL_CONFLICT, "create %s: the file is already there", path);
        } else {
            (void)failed(err, "create", path);
        }
        (void)close(dir_fd);
        return false;
    }
    struct fs_out *o = mem_alloc(sizeof(*o));
    o->fd = fd;
    o->dir_fd = dir_fd;
    o->used = 0;
    o->broken = false;
    o->path = mem_dup(path, strlen(path));
    o->name = strrchr(o->path, '/') + 1;
    *out = o;
    return true;
}

static bool flush(struct fs_out *o, struct error *err)
{
    size_t used = o->used;
    o->used = 0;
    return used == 0 || write_all(o->fd, o->buffer, used, o->path, err);
}

static bool local_append(struct fs_out *o, struct str bytes, struct error *err)
{
    if (!FAILPOINT("fs.append")) {
        o->broken = true;
        return failed(err, "write", o->path);
    }
    if (bytes.len > sizeof(o->buffer) - o->used) {
        if (!flush(o, err)) {
            o->broken = true;
            return false;
        }
        if (bytes.len >= sizeof(o->buffer)) {
            o->broken = !write_all(o->fd, bytes.ptr, bytes.len, o->path, err);
            return !o->broken;
        }
    }
    if (bytes.len > 0) {
        memcpy(o->buffer + o->used, bytes.ptr, bytes.len);
        o->used += bytes.len;
    }
    return true;
}

static void out_free(struct fs_out *o)
{
    (void)close(o->dir_fd);
    mem_free(o->path);
    mem_free(o);
}

static void local_abandon(struct fs_out *o)
{
    if (o == NULL) {
        return;
    }
    (void)close(o->fd);
    (void)unlinkat(o->dir_fd, o->name, 0);
    out_free(o);
}

static bool local_finish(struct fs_out *o, struct error *err)
{
    bool ok = false;
    must(!o->broken);
    if (!flush(o, err)) {
        goto out;
    }
    if (!FAILPOINT("fs.fsync") || fsync(o->fd) != 0) {
        (void)failed(err, "fsync", o->path);
        goto out;
    }
    int fd = o->fd;
    o->fd = -1;
    if (close(fd) != 0) { /* NFS reports a full disk here */
        (void)failed(err, "close", o->path);
        goto out;
    }
    if (fsync(o->dir_fd) != 0) {
        (void)failed(err, "fsync folder of", o->path);
        goto out;
    }
    ok = true;
out:
    if (o->fd >= 0) {
        (void)close(o->fd);
    }
    if (!ok) {
        (void)unlinkat(o->dir_fd, o->name, 0);
    }
    out_free(o);
    return ok;
}

#define DRAFT_SUFFIX ".inlet.tmp"

/* ".snapshot-7.<32 hex digits>.inlet.tmp": nobody else's. */
static bool draft_name(const char *name, char out[256], struct error *err)
{
    uint8_t r[16];
    char hex[33];
    must(getrandom(r, sizeof(r), 0) == (ssize_t)sizeof(r));
    for (size_t i = 0; i < sizeof(r); i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", r[i]);
    }
    int len = snprintf(out, 256, ".%s.%s" DRAFT_SUFFIX, name, hex);
    if (len < 0 || len >= 256) {
        return error_set(err, FAIL_CONFIG, "file name '%.200s' is too long", name);
    }
    return true;
}

/* Writes and syncs the draft. Returns its descriptor, or -1 with the draft gone. */
static int draft_write(int dir_fd, const char *draft, const char *path, struct str bytes,
                       struct error *err)
{
    int fd = openat(dir_fd, draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        (void)failed(err, "create a draft of", path);
        return -1;
    }
    bool ok = write_all(fd, bytes.ptr, bytes.len, path, err);
    if (ok && (!FAILPOINT("fs.fsync") || fsync(fd) != 0)) {
        ok = failed(err, "fsync", path);
    }
    if (!ok) {
        (void)close(fd);
        (void)unlinkat(dir_fd, draft, 0);
        return -1;
    }
    return fd;
}

/* Gives the synced draft its real name, if nobody has it. */
static bool link_draft(int dir_fd, int fd, const char *draft, const struct place *at,
                       const char *path, struct error *err)
{
    if (!FAILPOINT("fs.publish.before-link")) {
        return failed(err, "link", path);
    }
    /* link, not rename: rename would replace another writer's snapshot without a word. */
    if (linkat(dir_fd, draft, dir_fd, at->name, 0) != 0) {
        int why = errno;
        struct stat st;
        /* Over NFS the answer of a link that was done may get lost: the count of names tells. */
        if (fstat(fd, &st) == 0 && st.st_nlink >= 2) {
            return true;
        }
        if (why == EEXIST) {
            return error_set(err, FAIL_CONFLICT, "publish %s: the name is already taken", path);
        }
        if (why == EOPNOTSUPP || why == ENOSYS || why == EMLINK) {
            return error_set(err, FAIL_CONFIG,
                             "publish %s: this file system has no hard links, which an exclusive "
                             "commit needs; put the warehouse on another file system",
                             path);
        }
        errno = why;
        return failed(err, "link", path);
    }
    return true;
}

static bool local_publish(void *self, const char *path, struct str bytes, struct error *err)
{
    (void)self;
    bool ok = false;
    int fd = -1;
    char draft[256];
    struct place at;
    if (!place_of(path, &at, err) || !draft_name(at.name, draft, err)) {
        return false;
    }
    int dir_fd = open_folder(at.folder, err);
    if (dir_fd < 0) {
        return false;
    }
    fd = draft_write(dir_fd, draft, path, bytes, err);
    if (fd < 0 || !link_draft(dir_fd, fd, draft, &at, path, err)) {
        goto out;
    }
    if (!FAILPOINT("fs.publish.after-link") || fsync(dir_fd) != 0) {
        (void)failed(err, "fsync folder of", path);
        err->code = FAIL_UNKNOWN; /* the file stands, but may not outlive a crash */
        goto out;
    }
    ok = true;
out:
    if (fd >= 0) {
        (void)close(fd);
        (void)unlinkat(dir_fd, draft, 0);
    }
    (void)close(dir_fd);
    return ok;
}

static bool local_replace(void *self, const char *path, struct str bytes, struct error *err)
{
    (void)self;
    bool ok = false;
    char draft[256];
    struct place at;
    if (!place_of(path, &at, err) || !draft_name(at.name, draft, err)) {
        return false;
    }
    int dir_fd = open_folder(at.folder, err);
    if (dir_fd < 0) {
        return false;
    }
    int fd = draft_write(dir_fd, draft, path, bytes, err);
    if (fd < 0) {
        goto out;
    }
    (void)close(fd);
    if (!FAILPOINT("fs.replace") || renameat(dir_fd, draft, dir_fd, at.name) != 0) {
        (void)failed(err, "replace", path);
        (void)unlinkat(dir_fd, draft, 0);
        goto out;
    }
    if (fsync(dir_fd) != 0) {
        (void)failed(err, "fsync folder of", path);
        goto out;
    }
    ok = true;
out:
    (void)close(dir_fd);
    return ok;
}

/* One read of up to chunk bytes, begun anew after a signal. out_n 0: the file's end. */
static bool read_some(int fd, const char *path, size_t chunk, struct buf *out, size_t *out_n,
                      struct error *err)
{
    /* A buffer that has little room left takes what fits and one byte more, to notice. */
    size_t left = out->max > out->len ? out->max - out->len : 0;
    char extra;
    size_t want = chunk < left ? chunk : left;
    char *into = want > 0 ? buf_room(out, want) : &extra;
    ssize_t n;
    do {
        n = read(fd, into, want > 0 ? want : 1);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return failed(err, "read", path);
    }
    if (n > 0 && want == 0) {
        return error_set(err, FAIL_LIMIT, "%s is longer than the %zu bytes such a file may have",
                         path, out->max);
    }
    out->len += (size_t)n;
    *out_n = (size_t)n;
    return true;
}

static bool local_read(void *self, const char *path, struct buf *out, bool *out_found,
                       struct error *err)
{
    (void)self;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        if (errno != ENOENT) {
            return failed(err, "open", path);
        }
        *out_found = false;
        return true;
    }
    struct stat st;
    bool ok = fstat(fd, &st) == 0 || failed(err, "look at", path);
    size_t chunk = 4096;
    if (ok && st.st_size > 0) {
        chunk = (size_t)st.st_size + 1; /* + 1: sees the end at once */
    }
    size_t n = 1;
    while (ok && n > 0) {
        ok = read_some(fd, path, chunk, out, &n, err);
        chunk = 65536;
    }
    (void)close(fd);
    if (ok) {
        *out_found = true;
    }
    return ok;
}

static bool local_read_range(void *self, const char *path, uint64_t offset, size_t len, char *into,
                             struct error *err)
{
    (void)self;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        if (errno == ENOENT) {
            return error_set(err, FAIL_CORRUPT,
                             "%s is missing, though the table's metadata names it; was it removed "
                             "by hand or expired by another program?",
                             path);
        }
        return failed(err, "open", path);
    }
    bool ok = true;
    size_t done = 0;
    uint64_t end = offset + len;
    while (ok && done < len) {
        uint64_t at = offset + done;
        ssize_t n = pread(fd, into + done, len - done, (off_t)at);
        if (n < 0) {
            ok = errno == EINTR || failed(err, "read", path);
        } else if (n == 0) {
            ok = error_set(err, FAIL_CORRUPT, "%s ends at byte %llu, before the %llu expected",
                           path, (unsigned long long)at, (unsigned long long)end);
        } else {
            done += (size_t)n;
        }
    }
    (void)close(fd);
    return ok;
}

static bool local_size(void *self, const char *path, uint64_t *out_bytes, bool *out_found,
                       struct error *err)
{
    (void)self;
    struct stat st;
    if (stat(path, &st) != 0) {
        if (errno != ENOENT) {
            return failed(err, "look at", path);
        }
        *out_found = false;
        return true;
    }
    *out_bytes = (uint64_t)st.st_size;
    *out_found = true;
    return true;
}

/* The folder's next entry and what it is. out_name NULL: no more. */
static bool next_entry(DIR *dir, const char *folder, const char **out_name, struct stat *out_stat,
                       struct error *err)
{
    int fd = dirfd(dir);
    must(fd >= 0);
    for (;;) {
        errno = 0;
        struct dirent *d = readdir(dir);
        if (d == NULL) {
            *out_name = NULL;
            return errno == 0 || failed(err, "list", folder);
        }
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0) {
            continue;
        }
        if (fstatat(fd, d->d_name, out_stat, 0) == 0) {
            *out_name = d->d_name;
            return true;
        }
        if (errno != ENOENT) { /* else: removed since, or a link to nowhere */
            return failed(err, "look into", folder);
        }
    }
}

static bool local_list(void *self, const char *folder, struct arena *arena, struct fs_entry **out,
                       size_t *out_count, struct error *err)
{
    (void)self;
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        if (errno != ENOENT) {
            return failed(err, "list", folder);
        }
        *out = NULL;
        *out_count = 0;
        return true;
    }
    bool ok;
    struct fs_entry *items = NULL;
    size_t count = 0;
    size_t cap = 0;
    const char *name = NULL;
    struct stat st = {0};
    while ((ok = next_entry(dir, folder, &name, &st, err)) && name != NULL) {
        VEC_ROOM(items, count, cap);
        items[count++] = (struct fs_entry){.name = arena_str(arena, str_of(name)),
                                           .size_bytes = (uint64_t)st.st_size,
                                           .is_folder = S_ISDIR(st.st_mode)};
    }
    (void)closedir(dir);
    if (ok) {
        *out = ARENA_ARRAY(arena, struct fs_entry, count);
        if (count > 0) {
            memcpy(*out, items, count * sizeof(*items));
        }
        *out_count = count;
    }
    mem_free(items);
    return ok;
}

static bool local_remove(void *self, const char *path, struct error *err)
{
    (void)self;
    if (unlink(path) != 0 && errno != ENOENT) {
        return failed(err, "remove", path);
    }
    return true;
}

static bool local_tidy(void *self, const char *folder, struct error *err)
{
    struct arena arena = {0};
    struct fs_entry *entries = NULL;
    size_t count = 0;
    bool ok = local_list(self, folder, &arena, &entries, &count, err);
    for (size_t i = 0; ok && i < count; i++) {
        struct buf path = BUF_INIT(PATH_MAX);
        if (entries[i].name.ptr[0] != '.' || !str_ends(entries[i].name, STR(DRAFT_SUFFIX))) {
            continue;
        }
        buf_printf(&path, "%s/%.*s", folder, STR_FMT(entries[i].name));
        ok = local_remove(self, buf_cstr(&path), err);
        buf_release(&path);
    }
    arena_release(&arena);
    return ok;
}

static void local_close(void *self)
{
    (void)self;
}

struct fs fs_local_open(void)
{
    static const struct fs_ops ops = {
        .name = "local",
        .create = local_create,
        .append = local_append,
        .finish = local_finish,
        .abandon = local_abandon,
        .publish = local_publish,
        .replace = local_replace,
        .read = local_read,
        .read_range = local_read_range,
        .size = local_size,
        .list = local_list,
        .remove = local_remove,
        .tidy = local_tidy,
        .close = local_close,
    };
    return (struct fs){.ops = &ops, .self = NULL};
}
