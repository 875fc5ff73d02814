#include "sink/slot.h"

#include <pthread.h>

#include "base/map.h"
#include "base/mem.h"
#include "sink/binrow.h"

#define KEY_MAX_BYTES ((size_t)1 << 20)

struct slot_set {
    const struct table *t;
    int64_t reserved;
    /* The bucket's key: the primary key without the partition's columns. */
    const struct schema_field *key_fields[SLOT_MAX_KEY];
    size_t key_count;
    struct slot **fixed; /* by bucket, without partitions: all there from the start */
    pthread_mutex_t lock;
    struct arena arena;
    struct map index; /* by bucket number and partition */
    uint32_t count;
};

static void put_key(struct buf *key, int32_t bucket)
{
    buf_put_u32le(key, (uint32_t)bucket);
}

/* Locked, or before anybody else knows the slots. */
static bool add(struct slot_set *s, struct str partition, int32_t bucket, int64_t max_sequence,
                struct slot **out, struct error *err)
{
    const char *folder = NULL;
    if (!partition_bucket(&s->t->partition, s->t->path, partition, bucket, &s->arena, &folder,
                          err)) {
        return false;
    }
    struct slot *slot = ARENA_ARRAY(&s->arena, struct slot, 1);
    *slot = (struct slot){.index = s->count++,
                          .partition = arena_str(&s->arena, partition),
                          .bucket = bucket,
                          .folder = folder,
                          .first_sequence =
                              max_sequence + 1 > s->reserved ? max_sequence + 1 : s->reserved};
    *out = slot;
    return true;
}

static bool add_fixed(struct slot_set *s, struct error *err)
{
    int32_t buckets = s->t->options.buckets;
    s->fixed = ARENA_ARRAY(&s->arena, struct slot *, (size_t)buckets);
    for (int32_t b = 0; b < buckets; b++) {
        const struct table_bucket *has = table_bucket_find(&s->t->buckets, binrow_empty, b);
        if (!add(s, binrow_empty, b, has == NULL ? -1 : has->max_sequence, &s->fixed[b], err)) {
            return false;
        }
    }
    return true;
}

static bool add_known(struct slot_set *s, struct error *err)
{
    for (size_t i = 0; i < s->t->buckets.count; i++) {
        const struct table_bucket *has = s->t->buckets.items[i];
        struct buf key = BUF_INIT(KEY_MAX_BYTES);
        struct slot *slot = NULL;
        buf_put_str(&key, has->partition);
        put_key(&key, has->number);
        bool ok = buf_ok(&key, "a partition", err) &&
                  add(s, has->partition, has->number, has->max_sequence, &slot, err);
        if (ok) {
            (void)map_put(&s->index, buf_str(&key), slot);
        }
        buf_release(&key);
        if (!ok) {
            return false;
        }
    }
    return true;
}

bool slot_set_new(const struct table *t, int64_t reserved, struct slot_set **out, struct error *err)
{
    if (t->layout.key_count > SLOT_MAX_KEY) {
        return error_set(err, FAIL_LIMIT, "%s: a key of %zu columns", t->label,
                         t->layout.key_count);
    }
    struct slot_set *s = MEM_NEW(struct slot_set);
    s->t = t;
    s->reserved = reserved;
    s->key_count = t->layout.key_count;
    for (size_t i = 0; i < s->key_count; i++) {
        s->key_fields[i] = &t->schema->fields[t->layout.key_columns[i]];
    }
    (void)pthread_mutex_init(&s->lock, NULL);
    if (!(t->partition.count == 0 ? add_fixed(s, err) : add_known(s, err))) {
        slot_set_free(s);
        return false;
    }
    *out = s;
    return true;
}

void slot_set_free(struct slot_set *s)
{
    if (s != NULL) {
        (void)pthread_mutex_destroy(&s->lock);
        map_release(&s->index);
        arena_release(&s->arena);
        mem_free(s);
    }
}

static int32_t bucket_of(const struct slot_set *s, const struct value *values, struct buf *scratch)
{
    const struct value *key[SLOT_MAX_KEY];
    if (s->t->options.buckets == 1) {
        return 0;
    }
    for (size_t i = 0; i < s->key_count; i++) {
        key[i] = &values[s->t->layout.key_columns[i]];
    }
    return binrow_bucket(s->key_fields, s->key_count, key, s->t->options.buckets, scratch);
}

bool slot_set_find(struct slot_set *s, const struct value *values, struct buf *scratch,
                   const struct slot **out, struct error *err)
{
    int32_t bucket = bucket_of(s, values, scratch);
    if (s->fixed != NULL) {
        *out = s->fixed[bucket];
        return true;
    }
    buf_reset(scratch);
    partition_row(&s->t->partition, values, scratch);
    put_key(scratch, bucket);
    if (!buf_ok(scratch, "a partition", err)) {
        return false;
    }
    struct str key = buf_str(scratch);
    (void)pthread_mutex_lock(&s->lock);
    struct slot *slot = map_get(&s->index, key);
    bool ok = true;
    if (slot == NULL) {
        ok = add(s, str_slice(key, 0, key.len - sizeof bucket), bucket, -1, &slot, err);
        if (ok) {
            (void)map_put(&s->index, key, slot);
        }
    }
    (void)pthread_mutex_unlock(&s->lock);
    *out = slot;
    return ok || error_in(err, "%s", s->t->label);
}
