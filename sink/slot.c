#include "sink/slot.h"

#include <pthread.h>

#include "base/map.h"
#include "base/mem.h"
#include "sink/binrow.h"
#include "sink/bucket_assign.h"

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
    /* Dynamic buckets. */
    struct bucket_assign *assign;
    struct index_manifest_entries known; /* of the snapshot that was loaded */
    struct str *partitions;              /* that were loaded */
    size_t partition_count, partition_cap;
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

static struct index_manifest_place place_of(const struct slot_set *s)
{
    return (struct index_manifest_place){
        .fs = s->t->fs, .table_path = s->t->path, .partition_path = ""};
}

static bool begin_dynamic(struct slot_set *s, struct error *err)
{
    const struct table *t = s->t;
    struct bucket_assign_options options;
    if (str_eq_nocase(schema_option(t->schema, STR("index-file-in-data-file-dir")), STR("true"))) {
        return error_set(err, FAIL_SCHEMA,
                         "option 'index-file-in-data-file-dir' with dynamic buckets is not "
                         "supported yet");
    }
    if (!bucket_assign_parse(t->schema, &options, err) ||
        !index_manifest_read(t->fs, t->path, t->base.index_manifest, &s->arena, &s->known, err)) {
        return false;
    }
    s->assign = bucket_assign_new(&options);
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
    bool dynamic = t->options.buckets == TABLE_DYNAMIC;
    bool fixed = t->partition.count == 0 && !dynamic;
    if (!(fixed ? add_fixed(s, err) : add_known(s, err)) || (dynamic && !begin_dynamic(s, err))) {
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
        bucket_assign_free(s->assign);
        mem_free(s->partitions);
        map_release(&s->index);
        arena_release(&s->arena);
        mem_free(s);
    }
}

static void key_of(const struct slot_set *s, const struct value *values, const struct value **out)
{
    for (size_t i = 0; i < s->key_count; i++) {
        out[i] = &values[s->t->layout.key_columns[i]];
    }
}

static int32_t bucket_of(const struct slot_set *s, const struct value *values, struct buf *scratch)
{
    const struct value *key[SLOT_MAX_KEY];
    if (s->t->options.buckets == 1) {
        return 0;
    }
    key_of(s, values, key);
    return binrow_bucket(s->key_fields, s->key_count, key, s->t->options.buckets, scratch);
}

/* Locked. */
static bool load_partition(struct slot_set *s, struct str partition, struct error *err)
{
    struct index_manifest_place place = place_of(s);
    if (bucket_assign_loaded(s->assign, partition)) {
        return true;
    }
    if (!bucket_assign_load(s->assign, &place, &s->known, partition, err)) {
        return false;
    }
    VEC_ROOM(s->partitions, s->partition_count, s->partition_cap);
    s->partitions[s->partition_count++] = arena_str(&s->arena, partition);
    return true;
}

/* Locked. */
static bool assign(struct slot_set *s, struct str partition, int32_t hash, int32_t *out,
                   struct error *err)
{
    return load_partition(s, partition, err) &&
           bucket_assign_pick(s->assign, partition, hash, out, err);
}

/* Locked; the partition is in `key`, to which the bucket is added. */
static bool find(struct slot_set *s, struct buf *key, int32_t bucket, struct slot **out,
                 struct error *err)
{
    struct str partition = buf_str(key);
    put_key(key, bucket);
    if (!buf_ok(key, "a partition", err)) {
        return false;
    }
    struct str whole = buf_str(key); /* the bytes may have moved */
    *out = map_get(&s->index, whole);
    if (*out != NULL) {
        return true;
    }
    if (!add(s, str_slice(whole, 0, partition.len), bucket, -1, out, err)) {
        return false;
    }
    (void)map_put(&s->index, whole, *out);
    return true;
}

bool slot_set_find(struct slot_set *s, const struct value *values, struct buf *scratch,
                   const struct slot **out, struct error *err)
{
    const struct value *key[SLOT_MAX_KEY];
    int32_t bucket = 0;
    int32_t hash = 0;
    if (s->assign != NULL) {
        key_of(s, values, key);
        hash = bucket_assign_hash(s->key_fields, s->key_count, key, scratch);
    } else {
        bucket = bucket_of(s, values, scratch);
    }
    if (s->fixed != NULL) {
        *out = s->fixed[bucket];
        return true;
    }
    buf_reset(scratch);
    partition_row(&s->t->partition, values, scratch);
    struct slot *slot = NULL;
    (void)pthread_mutex_lock(&s->lock);
    bool ok = (s->assign == NULL || assign(s, buf_str(scratch), hash, &bucket, err)) &&
              find(s, scratch, bucket, &slot, err);
    (void)pthread_mutex_unlock(&s->lock);
    *out = slot;
    return ok || error_in(err, "%s", s->t->label);
}

bool slot_set_write_index(struct slot_set *s, const char *uuid, atomic_uint_fast64_t *counter,
                          struct arena *arena, struct index_manifest_entries *out,
                          struct error *err)
{
    struct index_manifest_place place = place_of(s);
    struct hash_index_target target = {.place = &place, .uuid = uuid, .counter = counter};
    bool ok = true;
    if (s->assign == NULL) {
        return true;
    }
    (void)pthread_mutex_lock(&s->lock);
    for (size_t i = 0; ok && i < s->partition_count; i++) {
        ok = bucket_assign_write(s->assign, s->partitions[i], &target, arena, out, err);
    }
    (void)pthread_mutex_unlock(&s->lock);
    if (!ok) {
        slot_set_unlisted(s, out);
        out->count = 0;
    }
    return ok || error_in(err, "%s", s->t->label);
}

void slot_set_unlisted(struct slot_set *s, const struct index_manifest_entries *entries)
{
    struct index_manifest_place place = place_of(s);
    if (s->assign == NULL || entries->count == 0) {
        return;
    }
    index_manifest_remove(&place, entries);
    (void)pthread_mutex_lock(&s->lock);
    bucket_assign_retry(s->assign, entries);
    (void)pthread_mutex_unlock(&s->lock);
}
