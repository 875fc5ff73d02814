#include "agent/listing.h"

#include "base/mem.h"
#include "sink/binrow.h"
#include "sink/paths.h"

void listing_release(struct listing *l)
{
    mem_free(l->entries);
    mem_free(l->changelog);
    arena_release(&l->arena);
}

void listing_add(struct listing *l, const struct table *t, const struct flushed_files *f)
{
    struct manifest_entry e = {.kind = MANIFEST_ADD,
                               .partition = f->slot->partition,
                               .bucket = f->slot->bucket,
                               .total_buckets = t->options.buckets};
    for (size_t i = 0; i < f->data.count; i++) {
        e.file = f->data.items[i];
        VEC_ROOM(l->entries, l->count, l->cap);
        l->entries[l->count++] = e;
        l->rows += (uint64_t)e.file->row_count;
        l->bytes += (uint64_t)e.file->size_bytes;
    }
    for (size_t i = 0; i < f->changelog.count; i++) {
        e.file = f->changelog.items[i];
        VEC_ROOM(l->changelog, l->changelog_count, l->changelog_cap);
        l->changelog[l->changelog_count++] = e;
    }
}

void listing_add_chunk(struct listing *l, const struct table *t, const struct copy_chunk *chunk)
{
    for (size_t i = 0; i < chunk->file_count; i++) {
        struct flushed_files copy = {.slot = chunk->files[i].slot};
        for (size_t k = 0; k < chunk->files[i].data.count; k++) {
            run_files_add(&copy.data, &l->arena,
                          data_file_copy(&l->arena, chunk->files[i].data.items[k]));
        }
        for (size_t k = 0; k < chunk->files[i].changelog.count; k++) {
            run_files_add(&copy.changelog, &l->arena,
                          data_file_copy(&l->arena, chunk->files[i].changelog.items[k]));
        }
        listing_add(l, t, &copy);
    }
}

void listing_discard(const struct listing *l, const struct table *t)
{
    for (size_t i = 0; i < l->count + l->changelog_count; i++) {
        struct arena a = {0};
        struct error ignored = {0};
        const char *folder = NULL;
        const struct manifest_entry *e =
            i < l->count ? &l->entries[i] : &l->changelog[i - l->count];
        if (partition_bucket(&t->partition, t->path, e->partition, e->bucket, &a, &folder,
                             &ignored)) {
            (void)t->fs.ops->remove(t->fs.self, paths_join(&a, folder, e->file->name), &ignored);
        }
        arena_release(&a);
    }
}
