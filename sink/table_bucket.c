#include "sink/table_bucket.h"

#include "base/buf.h"
#include "base/mem.h"

#define KEY_MAX_BYTES ((size_t)1 << 20)

static struct str key_of(struct str partition, int32_t number, struct buf *out)
{
    buf_put_u32le(out, (uint32_t)number);
    buf_put_str(out, partition);
    must(!out->failed); /* partitions are much shorter */
    return buf_str(out);
}

struct table_bucket *table_bucket_find(const struct table_bucket_list *l, struct str partition,
                                       int32_t number)
{
    struct buf key = BUF_INIT(KEY_MAX_BYTES);
    struct table_bucket *b = map_get(&l->index, key_of(partition, number, &key));
    buf_release(&key);
    return b;
}

struct table_bucket *table_bucket_add(struct table_bucket_list *l, struct str partition,
                                      int32_t number, const char *path)
{
    struct buf key = BUF_INIT(KEY_MAX_BYTES);
    struct table_bucket *b = MEM_NEW(struct table_bucket);
    b->partition = arena_str(&l->arena, partition);
    b->number = number;
    b->path = arena_cstr(&l->arena, str_of(path));
    b->max_sequence = -1;
    VEC_ROOM(l->items, l->count, l->cap);
    l->items[l->count++] = b;
    must(map_put(&l->index, key_of(partition, number, &key), b) == NULL);
    buf_release(&key);
    return b;
}

static void file_free(struct table_file *file)
{
    arena_release(&file->arena);
    mem_free(file);
}

void table_bucket_list_clear(struct table_bucket_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        struct table_bucket *b = l->items[i];
        for (size_t k = 0; k < b->count; k++) {
            file_free(b->files[k]);
        }
        b->count = 0;
        b->max_sequence = -1;
    }
}

void table_bucket_list_release(struct table_bucket_list *l)
{
    table_bucket_list_clear(l);
    for (size_t i = 0; i < l->count; i++) {
        mem_free(l->items[i]->files);
        mem_free(l->items[i]);
    }
    mem_free(l->items);
    map_release(&l->index);
    arena_release(&l->arena);
    *l = (struct table_bucket_list){0};
}

size_t table_bucket_file(const struct table_bucket *b, const struct data_file *f)
{
    for (size_t i = 0; i < b->count; i++) {
        if (b->files[i]->file->level == f->level && str_eq(b->files[i]->file->name, f->name)) {
            return i;
        }
    }
    return SIZE_MAX;
}

void table_bucket_put(struct table_bucket *b, const struct data_file *f)
{
    struct table_file *file = MEM_NEW(struct table_file);
    file->file = data_file_copy(&file->arena, f);
    VEC_ROOM(b->files, b->count, b->cap);
    b->files[b->count++] = file;
}

void table_bucket_drop(struct table_bucket *b, size_t file)
{
    must(file < b->count);
    file_free(b->files[file]);
    b->files[file] = b->files[--b->count];
}
