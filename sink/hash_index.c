#include "sink/hash_index.h"

#include <inttypes.h>

#include "base/mem.h"
#include "base/reader.h"
#include "sink/paths.h"

#define HASH_BYTES 4
#define PIECE_BYTES ((size_t)64 << 10)

/* ---- reading ------------------------------------------------------------------------------- */

static bool check_size(struct fs fs, const char *path, const struct index_manifest_entry *e,
                       struct error *err)
{
    uint64_t bytes = 0;
    bool found = false;
    if (!fs.ops->size(fs.self, path, &bytes, &found, err)) {
        return false;
    }
    if (!found) {
        return error_set(err, FAIL_CORRUPT,
                         "%s is missing, though the index manifest names it: which keys bucket "
                         "%" PRId32 " has is not known without it",
                         path, e->bucket);
    }
    if (bytes != (uint64_t)e->size_bytes) {
        return error_set(err, FAIL_CORRUPT,
                         "%s has %" PRIu64 " bytes, the index manifest says %" PRId64
                         ": the file was replaced or cut",
                         path, bytes, e->size_bytes);
    }
    if (bytes % HASH_BYTES != 0 || bytes / HASH_BYTES != (uint64_t)e->row_count) {
        return error_set(err, FAIL_CORRUPT,
                         "%s has %" PRIu64 " bytes, which are not the %" PRId64
                         " hashes that the index manifest says",
                         path, bytes, e->row_count);
    }
    return true;
}

bool hash_index_read(const struct index_manifest_place *place,
                     const struct index_manifest_entry *entry,
                     bool (*each)(void *self, int32_t hash, struct error *err), void *self,
                     struct error *err)
{
    struct arena arena = {0};
    const char *path = NULL;
    bool ok = index_manifest_file_path(place, entry, &arena, &path, err) &&
              check_size(place->fs, path, entry, err);
    uint64_t left = ok ? (uint64_t)entry->size_bytes : 0;
    uint64_t at = 0;
    char *piece = mem_alloc(PIECE_BYTES);
    while (ok && left > 0) {
        size_t len = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        ok = place->fs.ops->read_range(place->fs.self, path, at, len, piece, err);
        struct reader r = reader_over((struct str){piece, ok ? len : 0}, "hash index");
        while (ok && r.rest.len > 0) {
            ok = each(self, (int32_t)reader_u32be(&r), err) || error_in(err, "%s", path);
        }
        at += len;
        left -= len;
    }
    mem_free(piece);
    arena_release(&arena);
    return ok;
}

/* ---- writing ------------------------------------------------------------------------------- */

struct hash_index_writer {
    struct arena arena;
    struct fs fs;
    struct fs_out *out;
    struct buf piece;
    struct index_manifest_entry entry;
};

bool hash_index_open(const struct hash_index_target *target, struct str partition, int32_t bucket,
                     struct hash_index_writer **out, struct error *err)
{
    struct hash_index_writer *w = MEM_NEW(struct hash_index_writer);
    const char *path = NULL;
    w->fs = target->place->fs;
    w->piece = BUF_INIT(PIECE_BYTES);
    w->entry = (struct index_manifest_entry){
        .kind = MANIFEST_ADD,
        .partition = arena_str(&w->arena, partition),
        .bucket = bucket,
        .type = STR(INDEX_MANIFEST_HASH),
        .file_name = str_of(paths_file_name(&w->arena, "index-", target->uuid,
                                            atomic_fetch_add(target->counter, 1), "")),
        .ranges_null = true};
    if (!index_manifest_file_path(target->place, &w->entry, &w->arena, &path, err) ||
        !w->fs.ops->create(w->fs.self, path, &w->out, err)) {
        w->out = NULL;
        hash_index_abandon(w);
        return false;
    }
    *out = w;
    return true;
}

static bool put_piece(struct hash_index_writer *w, struct error *err)
{
    bool ok = w->fs.ops->append(w->out, buf_str(&w->piece), err);
    buf_reset(&w->piece);
    return ok;
}

bool hash_index_put(struct hash_index_writer *w, int32_t hash, struct error *err)
{
    if (w->piece.len == PIECE_BYTES && !put_piece(w, err)) {
        return false;
    }
    buf_put_u32be(&w->piece, (uint32_t)hash);
    w->entry.row_count++;
    w->entry.size_bytes += HASH_BYTES;
    return true;
}

bool hash_index_finish(struct hash_index_writer *w, struct arena *arena,
                       struct index_manifest_entries *out, struct error *err)
{
    bool ok = w->piece.len == 0 || put_piece(w, err);
    if (ok) {
        ok = w->fs.ops->finish(w->out, err);
        w->out = NULL; /* gone either way */
    }
    if (ok) {
        struct index_manifest_entry e = w->entry;
        e.partition = arena_str(arena, e.partition);
        e.file_name = arena_str(arena, e.file_name);
        index_manifest_add(out, arena, &e);
    }
    hash_index_abandon(w);
    return ok;
}

void hash_index_abandon(struct hash_index_writer *w)
{
    if (w == NULL) {
        return;
    }
    if (w->out != NULL) {
        w->fs.ops->abandon(w->out);
    }
    buf_release(&w->piece);
    arena_release(&w->arena);
    mem_free(w);
}
