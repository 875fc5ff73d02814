#include "sink/bucket_assign.h"

#include <inttypes.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "sink/binrow.h"

#define DEFAULT_TARGET_ROWS 2000000
#define FIRST_BITS 6 /* 64 slots */
#define FREE_SLOT (-1)
#define JAVA_HASHMAP_SLOTS 16

/* ---- hash to bucket ------------------------------------------------------------------------ */

struct slots {
    uint32_t *hashes;
    int16_t *buckets; /* FREE_SLOT: nothing here */
    size_t count;
    unsigned bits; /* 2^bits slots */
};

static size_t slot_of(const struct slots *s, uint32_t hash)
{
    must(s->buckets != NULL && s->hashes != NULL);
    size_t mask = ((size_t)1 << s->bits) - 1;
    size_t at = (size_t)(hash * UINT64_C(0x9e3779b97f4a7c15) >> (64 - s->bits));
    while (s->buckets[at] != FREE_SLOT && s->hashes[at] != hash) {
        at = (at + 1) & mask;
    }
    return at;
}

static void slots_init(struct slots *s, unsigned bits)
{
    size_t cap = (size_t)1 << bits;
    *s = (struct slots){
        .hashes = MEM_ARRAY(uint32_t, cap), .buckets = MEM_ARRAY(int16_t, cap), .bits = bits};
    for (size_t i = 0; i < cap; i++) {
        s->buckets[i] = FREE_SLOT;
    }
}

static void slots_release(struct slots *s)
{
    mem_free(s->hashes);
    mem_free(s->buckets);
    *s = (struct slots){0};
}

/* The hash must be new. */
static void slots_put(struct slots *s, uint32_t hash, int32_t bucket)
{
    size_t cap = s->buckets == NULL ? 0 : (size_t)1 << s->bits;
    if (s->count + 1 > cap / 4 * 3) {
        struct slots old = *s;
        unsigned bits = cap == 0 ? FIRST_BITS : old.bits + 1;
        slots_init(s, bits);
        for (size_t i = 0; i < cap; i++) {
            if (old.buckets[i] != FREE_SLOT) {
                size_t to = slot_of(s, old.hashes[i]);
                s->hashes[to] = old.hashes[i];
                s->buckets[to] = old.buckets[i];
            }
        }
        s->count = old.count;
        slots_release(&old);
    }
    must(s->buckets != NULL);
    size_t at = slot_of(s, hash);
    s->hashes[at] = hash;
    s->buckets[at] = (int16_t)bucket;
    s->count++;
}

static int32_t slots_get(const struct slots *s, uint32_t hash)
{
    return s->buckets == NULL ? FREE_SLOT : s->buckets[slot_of(s, hash)];
}

/* ---- buckets that take more ---------------------------------------------------------------- */

struct filling {
    int32_t bucket;
    int64_t rows;
};

/* In the order in which the java.util.HashMap<Integer, Long> of PartitionIndex would be walked,
 * which is what decides there: by the low bits of the bucket, as many as the map has slots for.
 * Buckets that were there at the start came by compute(), which puts a new one before others of its
 * slot and looks at the size first; later ones come by put(), which puts it behind them and looks
 * after. For buckets without gaps all of this is: by number. (Slots of eight and more buckets,
 * which Java would turn to trees, are not thought of.) */
struct open_buckets {
    struct filling *items;
    size_t count, cap;
    size_t java_slots;
    int32_t *all; /* every bucket of the assigner, full ones too */
    size_t all_count, all_cap;
};

static size_t java_slot(const struct open_buckets *o, int32_t bucket)
{
    return (size_t)bucket & (o->java_slots - 1);
}

/* Before the others of its slot, or behind them. */
static void open_buckets_insert(struct open_buckets *o, struct filling f, bool before)
{
    size_t slot = java_slot(o, f.bucket);
    VEC_ROOM(o->items, o->count, o->cap);
    size_t at = o->count++;
    for (; at > 0; at--) {
        size_t left = java_slot(o, o->items[at - 1].bucket);
        if (left < slot || (left == slot && !before)) {
            break;
        }
        o->items[at] = o->items[at - 1];
    }
    o->items[at] = f;
}

/* Twice the slots when three quarters are exceeded; those of one slot keep their order. */
static void open_buckets_resize(struct open_buckets *o)
{
    if (o->java_slots == 0) {
        o->java_slots = JAVA_HASHMAP_SLOTS;
    }
    if (o->count <= o->java_slots / 4 * 3) {
        return;
    }
    size_t count = o->count;
    o->java_slots *= 2;
    o->count = 0;
    for (size_t i = 0; i < count; i++) {
        open_buckets_insert(o, o->items[i], false);
    }
}

static void open_buckets_remember(struct open_buckets *o, int32_t bucket)
{
    VEC_ROOM(o->all, o->all_count, o->all_cap);
    o->all[o->all_count++] = bucket;
}

static void open_buckets_load(struct open_buckets *o, int32_t bucket, int64_t rows)
{
    open_buckets_resize(o);
    open_buckets_insert(o, (struct filling){bucket, rows}, true);
    if (rows > 1) {
        open_buckets_resize(o); /* with the bucket's second hash */
    }
    open_buckets_remember(o, bucket);
}

static void open_buckets_new(struct open_buckets *o, int32_t bucket)
{
    if (o->java_slots == 0) {
        o->java_slots = JAVA_HASHMAP_SLOTS;
    }
    open_buckets_insert(o, (struct filling){bucket, 1}, false);
    open_buckets_resize(o);
    open_buckets_remember(o, bucket);
}

/* One more row into the first bucket that takes it; full ones before it are forgotten. FREE_SLOT:
 * all are full. */
static int32_t open_buckets_take(struct open_buckets *o, int64_t target_rows)
{
    size_t full = 0;
    while (full < o->count && o->items[full].rows >= target_rows) {
        full++;
    }
    o->count -= full;
    for (size_t i = 0; i < o->count && full > 0; i++) {
        o->items[i] = o->items[i + full];
    }
    if (o->count == 0) {
        return FREE_SLOT;
    }
    o->items[0].rows++;
    return o->items[0].bucket;
}

/* ---- partitions ---------------------------------------------------------------------------- */

enum { BUCKET_USED = 1, BUCKET_CHANGED = 2 };

struct partition {
    struct slots slots;
    struct open_buckets *assigners;
    size_t assigner_count;
    uint8_t *flags; /* by bucket */
    size_t flag_count;
    uint32_t hash; /* of the partition's BinaryRow */
};

struct bucket_assign {
    struct bucket_assign_options options;
    int32_t assigners;
    /* By assigner: the highest bucket it gave, over all partitions. Java asks this before it opens
     * a bucket, so with max-buckets a partition may stay below the limit. */
    int32_t *max_bucket;
    struct map partitions; /* serialized row to struct partition */
};

static struct partition *partition_new(const struct bucket_assign *a, struct str row)
{
    struct partition *p = MEM_NEW(struct partition);
    p->assigner_count = (size_t)a->assigners;
    p->assigners = MEM_ARRAY(struct open_buckets, p->assigner_count);
    must(row.len >= 4 && row.len % 4 == 0); /* 4 bytes of arity, then words */
    p->hash = hash_murmur(row.ptr + 4, row.len - 4);
    return p;
}

static void partition_free(struct partition *p)
{
    if (p == NULL) {
        return;
    }
    for (size_t i = 0; i < p->assigner_count; i++) {
        mem_free(p->assigners[i].items);
        mem_free(p->assigners[i].all);
    }
    mem_free(p->assigners);
    mem_free(p->flags);
    slots_release(&p->slots);
    mem_free(p);
}

static bool has_flag(const struct partition *p, int32_t bucket, uint8_t flag)
{
    return (size_t)bucket < p->flag_count && (p->flags[bucket] & flag) != 0;
}

static void set_flag(struct partition *p, int32_t bucket, uint8_t flag)
{
    size_t need = (size_t)bucket + 1;
    if (need > p->flag_count) {
        size_t count = need + need / 2;
        p->flags = mem_grow(p->flags, count, sizeof(*p->flags));
        for (size_t i = p->flag_count; i < count; i++) {
            p->flags[i] = 0;
        }
        p->flag_count = count;
    }
    p->flags[bucket] = (uint8_t)(p->flags[bucket] | flag);
}

/* ---- options ------------------------------------------------------------------------------- */

static bool parse_number(const struct schema *s, const char *name, int64_t least, int64_t most,
                         int64_t *out, struct error *err)
{
    struct str text = str_trim(schema_option(s, str_of(name)));
    int64_t v = 0;
    if (text.len == 0) {
        return true;
    }
    if (!str_to_i64(text, &v) || v < least || v > most) {
        return error_set(err, FAIL_CONFIG,
                         "%s = %.*s: a number from %" PRId64 " to %" PRId64 " was expected", name,
                         STR_FMT(text), least, most);
    }
    *out = v;
    return true;
}

bool bucket_assign_parse(const struct schema *s, struct bucket_assign_options *out,
                         struct error *err)
{
    int64_t target = DEFAULT_TARGET_ROWS;
    int64_t initial = 0;
    int64_t most = -1;
    if (!parse_number(s, "dynamic-bucket.target-row-num", 1, INT64_MAX, &target, err) ||
        !parse_number(s, "dynamic-bucket.initial-buckets", 1, BUCKET_ASSIGN_MAX, &initial, err) ||
        !parse_number(s, "dynamic-bucket.max-buckets", -1, BUCKET_ASSIGN_MAX, &most, err)) {
        return false;
    }
    if (most == 0) {
        return error_set(err, FAIL_CONFIG,
                         "dynamic-bucket.max-buckets = 0: -1 (no limit) or a number from 1 was "
                         "expected");
    }
    *out = (struct bucket_assign_options){
        .target_rows = target, .initial_buckets = (int32_t)initial, .max_buckets = (int32_t)most};
    return true;
}

struct bucket_assign *bucket_assign_new(const struct bucket_assign_options *options)
{
    struct bucket_assign *a = MEM_NEW(struct bucket_assign);
    a->options = *options;
    a->assigners = options->initial_buckets < 1 ? 1 : options->initial_buckets;
    if (options->max_buckets > 0 && options->max_buckets < a->assigners) {
        a->assigners = options->max_buckets; /* an assigner without a bucket could give none */
    }
    a->max_bucket = MEM_ARRAY(int32_t, (size_t)a->assigners);
    return a;
}

void bucket_assign_free(struct bucket_assign *a)
{
    if (a == NULL) {
        return;
    }
    struct str key;
    void *p = NULL;
    size_t at = 0;
    while (map_next(&a->partitions, &at, &key, &p)) {
        partition_free(p);
    }
    map_release(&a->partitions);
    mem_free(a->max_bucket);
    mem_free(a);
}

int32_t bucket_assign_hash(const struct schema_field *const *fields, size_t count,
                           const struct value *const *values, struct buf *scratch)
{
    buf_reset(scratch);
    binrow_write(fields, count, values, scratch);
    must(!scratch->failed);
    return (int32_t)hash_murmur(scratch->ptr, scratch->len);
}

/* ---- loading ------------------------------------------------------------------------------- */

struct load {
    struct partition *partition;
    int32_t bucket;
    int64_t rows;
};

static bool load_hash(void *self, int32_t hash, struct error *err)
{
    struct load *l = self;
    struct slots *slots = &l->partition->slots;
    int32_t bucket = slots_get(slots, (uint32_t)hash);
    if (bucket != FREE_SLOT && bucket != l->bucket) {
        return error_set(err, FAIL_CORRUPT,
                         "a key's hash lies in bucket %" PRId32 " and in %" PRId32
                         ": two jobs wrote the table at once, so keys may be in it twice; write it "
                         "anew with one (INSERT OVERWRITE)",
                         bucket, l->bucket);
    }
    if (bucket == FREE_SLOT) {
        slots_put(slots, (uint32_t)hash, l->bucket);
    }
    l->rows++;
    return true;
}

bool bucket_assign_load(struct bucket_assign *a, const struct index_manifest_place *place,
                        const struct index_manifest_entries *entries, struct str partition,
                        struct error *err)
{
    if (bucket_assign_loaded(a, partition)) {
        return true;
    }
    struct partition *p = partition_new(a, partition);
    for (size_t i = 0; i < entries->count; i++) {
        const struct index_manifest_entry *e = &entries->items[i];
        if (!str_eq(e->type, STR(INDEX_MANIFEST_HASH)) || !str_eq(e->partition, partition)) {
            continue;
        }
        struct load l = {p, e->bucket, 0};
        bool ok = true;
        if (e->bucket < 0 || e->bucket >= BUCKET_ASSIGN_MAX ||
            has_flag(p, e->bucket, BUCKET_USED)) {
            ok = error_set(err, FAIL_CORRUPT,
                           "the index manifest has a second hash index of bucket %" PRId32
                           ", or no bucket has that number",
                           e->bucket);
        }
        ok = ok && hash_index_read(place, e, load_hash, &l, err);
        if (!ok) {
            partition_free(p);
            return false;
        }
        if (l.rows > 0) {
            set_flag(p, e->bucket, BUCKET_USED);
            open_buckets_load(&p->assigners[e->bucket % a->assigners], e->bucket, l.rows);
        }
    }
    must(map_put(&a->partitions, partition, p) == NULL);
    return true;
}

bool bucket_assign_loaded(const struct bucket_assign *a, struct str partition)
{
    return map_get(&a->partitions, partition) != NULL;
}

void bucket_assign_drop(struct bucket_assign *a, struct str partition)
{
    partition_free(map_remove(&a->partitions, partition));
}

/* ---- assigning ----------------------------------------------------------------------------- */

/* BucketAssigner.computeAssigner with as many channels as assigners. */
static int32_t assigner_of(const struct bucket_assign *a, uint32_t partition_hash, int32_t hash)
{
    int32_t n = a->assigners;
    int32_t start = (int32_t)partition_hash % n;
    int32_t id = hash % n;
    return ((start < 0 ? -start : start) + (id < 0 ? -id : id)) % n;
}

/* The smallest bucket of the assigner that is not in use; FREE_SLOT: none up to the limit. */
static int32_t open_bucket(const struct bucket_assign *a, struct partition *p, int32_t assigner,
                           int32_t last)
{
    for (int32_t bucket = assigner; bucket <= last; bucket += a->assigners) {
        if (!has_flag(p, bucket, BUCKET_USED)) {
            set_flag(p, bucket, BUCKET_USED);
            open_buckets_new(&p->assigners[assigner], bucket);
            return bucket;
        }
    }
    return FREE_SLOT;
}

bool bucket_assign_pick(struct bucket_assign *a, struct str partition, int32_t hash,
                        int32_t *out_bucket, struct error *err)
{
    struct partition *p = map_get(&a->partitions, partition);
    must(p != NULL);
    int32_t bucket = slots_get(&p->slots, (uint32_t)hash);
    int32_t assigner = assigner_of(a, p->hash, hash);
    if (bucket == FREE_SLOT) {
        struct open_buckets *open = &p->assigners[assigner];
        int32_t last =
            (a->options.max_buckets < 0 ? BUCKET_ASSIGN_MAX : a->options.max_buckets) - 1;
        bucket = open_buckets_take(open, a->options.target_rows);
        if (bucket == FREE_SLOT && (open->all_count == 0 || a->max_bucket[assigner] < last)) {
            bucket = open_bucket(a, p, assigner, last);
            if (bucket == FREE_SLOT && a->options.max_buckets < 0) {
                return error_set(err, FAIL_LIMIT,
                                 "all %d bucket numbers of a partition are full: raise "
                                 "dynamic-bucket.target-row-num",
                                 BUCKET_ASSIGN_MAX);
            }
        }
        if (bucket == FREE_SLOT) { /* beyond the last bucket; Java picks at random */
            must(open->all_count > 0);
            bucket = open->all[(uint32_t)hash % open->all_count];
        }
        slots_put(&p->slots, (uint32_t)hash, bucket);
        set_flag(p, bucket, BUCKET_CHANGED);
    }
    if (bucket > a->max_bucket[assigner]) {
        a->max_bucket[assigner] = bucket;
    }
    *out_bucket = bucket;
    return true;
}

/* ---- writing ------------------------------------------------------------------------------- */

/* The hashes of the changed buckets, bucket by bucket; those of b begin at starts[b] and end where
 * the next begin. */
static uint32_t *gather(const struct partition *p, size_t *starts)
{
    size_t cap = p->slots.buckets == NULL ? 0 : (size_t)1 << p->slots.bits;
    for (size_t i = 0; i < cap; i++) {
        int32_t b = p->slots.buckets[i];
        if (b != FREE_SLOT && has_flag(p, b, BUCKET_CHANGED)) {
            starts[b + 1]++;
        }
    }
    for (size_t b = 0; b < p->flag_count; b++) {
        starts[b + 1] += starts[b];
    }
    uint32_t *hashes = MEM_ARRAY(uint32_t, starts[p->flag_count]);
    size_t *at = MEM_ARRAY(size_t, p->flag_count);
    for (size_t i = 0; i < cap; i++) {
        int32_t b = p->slots.buckets[i];
        if (b != FREE_SLOT && has_flag(p, b, BUCKET_CHANGED)) {
            hashes[starts[b] + at[b]++] = p->slots.hashes[i];
        }
    }
    mem_free(at);
    return hashes;
}

static bool write_bucket(const struct hash_index_target *target, struct str partition,
                         int32_t bucket, const uint32_t *hashes, size_t count, struct arena *arena,
                         struct index_manifest_entries *out, struct error *err)
{
    struct hash_index_writer *w = NULL;
    if (!hash_index_open(target, partition, bucket, &w, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!hash_index_put(w, (int32_t)hashes[i], err)) {
            hash_index_abandon(w);
            return false;
        }
    }
    return hash_index_finish(w, arena, out, err);
}

bool bucket_assign_write(struct bucket_assign *a, struct str partition,
                         const struct hash_index_target *target, struct arena *arena,
                         struct index_manifest_entries *out, struct error *err)
{
    struct partition *p = map_get(&a->partitions, partition);
    must(p != NULL);
    struct index_manifest_entries written = {0};
    size_t *starts = MEM_ARRAY(size_t, p->flag_count + 1);
    uint32_t *hashes = gather(p, starts);
    bool ok = true;
    for (size_t b = 0; b < p->flag_count && ok; b++) {
        ok = !has_flag(p, (int32_t)b, BUCKET_CHANGED) ||
             write_bucket(target, partition, (int32_t)b, hashes + starts[b],
                          starts[b + 1] - starts[b], arena, &written, err);
    }
    for (size_t i = 0; i < written.count && ok; i++) {
        p->flags[written.items[i].bucket] = BUCKET_USED;
        index_manifest_add(out, arena, &written.items[i]);
    }
    if (!ok) {
        index_manifest_remove(target->place, &written);
    }
    mem_free(hashes);
    mem_free(starts);
    return ok;
}

void bucket_assign_retry(struct bucket_assign *a, const struct index_manifest_entries *unlisted)
{
    for (size_t i = 0; i < unlisted->count; i++) {
        const struct index_manifest_entry *e = &unlisted->items[i];
        struct partition *p = map_get(&a->partitions, e->partition);
        if (p != NULL && has_flag(p, e->bucket, BUCKET_USED)) {
            set_flag(p, e->bucket, BUCKET_CHANGED);
        }
    }
}
