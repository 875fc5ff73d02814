/* This is a file that knows CRoaring; bytes from outside pass bitmap_form.h before it sees them. */
#include "sink/deletion_vector.h"

#include <inttypes.h>
#include <roaring/roaring.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/reader.h"
#include "sink/bitmap_form.h"
#include "sink/paths.h"

#define MAGIC_32 0x5e43f2d0u /* 1581511376, big-endian */
#define MAGIC_64 0xd1d33964u /* 1681511377, little-endian, as it stands in the file */
#define FILE_VERSION 1
#define FRAME_BYTES 8 /* size and CRC around a record */
#define MAX_MAPS (DELETION_VECTOR_MAX_ROWS >> 32)

struct deletion_vector {
    enum deletion_vector_kind kind;
    roaring_bitmap_t **maps; /* by the high 32 bits of a position; NULL: empty */
    size_t map_count;
    uint64_t count;
};

/* ---- one vector ---------------------------------------------------------------------------- */

struct deletion_vector *deletion_vector_new(enum deletion_vector_kind kind)
{
    struct deletion_vector *v = MEM_NEW(struct deletion_vector);
    v->kind = kind;
    return v;
}

void deletion_vector_free(struct deletion_vector *v)
{
    if (v == NULL) {
        return;
    }
    for (size_t i = 0; i < v->map_count; i++) {
        if (v->maps[i] != NULL) {
            roaring_bitmap_free(v->maps[i]);
        }
    }
    mem_free(v->maps);
    mem_free(v);
}

struct deletion_vector *deletion_vector_copy(const struct deletion_vector *v)
{
    struct deletion_vector *copy = deletion_vector_new(v->kind);
    copy->maps = MEM_ARRAY(roaring_bitmap_t *, v->map_count);
    copy->map_count = v->map_count;
    copy->count = v->count;
    for (size_t i = 0; i < v->map_count; i++) {
        if (v->maps[i] != NULL) {
            copy->maps[i] = roaring_bitmap_copy(v->maps[i]);
            must(copy->maps[i] != NULL);
        }
    }
    return copy;
}

static void grow(struct deletion_vector *v, size_t count)
{
    if (count > v->map_count) {
        v->maps = mem_grow(v->maps, count, sizeof(roaring_bitmap_t *));
        for (size_t i = v->map_count; i < count; i++) {
            v->maps[i] = NULL;
        }
        v->map_count = count;
    }
}

bool deletion_vector_add(struct deletion_vector *v, uint64_t position, bool *out_new,
                         struct error *err)
{
    if (v->kind == DELETION_VECTOR_32 && position > INT32_MAX) {
        return error_set(err, FAIL_LIMIT,
                         "row %" PRIu64 " is beyond what a 32-bit deletion vector holds: set "
                         "deletion-vectors.bitmap64 = true, or write smaller files",
                         position);
    }
    if (position >= DELETION_VECTOR_MAX_ROWS) {
        return error_set(err, FAIL_LIMIT,
                         "row %" PRIu64 " is beyond the most rows that a file may have", position);
    }
    size_t key = (size_t)(position >> 32);
    grow(v, key + 1);
    if (v->maps[key] == NULL) {
        v->maps[key] = roaring_bitmap_create();
        must(v->maps[key] != NULL);
    }
    bool added = roaring_bitmap_add_checked(v->maps[key], (uint32_t)position);
    v->count += added ? 1 : 0;
    if (out_new != NULL) {
        *out_new = added;
    }
    return true;
}

bool deletion_vector_has(const struct deletion_vector *v, uint64_t position)
{
    uint64_t key = position >> 32;
    return key < v->map_count && v->maps[key] != NULL &&
           roaring_bitmap_contains(v->maps[key], (uint32_t)position);
}

uint64_t deletion_vector_count(const struct deletion_vector *v)
{
    return v->count;
}

uint64_t deletion_vector_end(const struct deletion_vector *v)
{
    for (size_t i = v->map_count; i > 0; i--) {
        const roaring_bitmap_t *map = v->maps[i - 1];
        if (map != NULL && !roaring_bitmap_is_empty(map)) {
            return ((uint64_t)(i - 1) << 32 | roaring_bitmap_maximum(map)) + 1;
        }
    }
    return 0;
}

enum deletion_vector_kind deletion_vector_kind_of(const struct deletion_vector *v)
{
    return v->kind;
}

/* ---- a record's bytes ---------------------------------------------------------------------- */

/* Appends the bitmap packed, and makes it what was written. */
static void print_map(roaring_bitmap_t **map, struct buf *out)
{
    roaring_bitmap_t *old = *map == NULL ? roaring_bitmap_create() : *map;
    must(old != NULL);
    size_t plain_bytes = roaring_bitmap_portable_size_in_bytes(old);
    char *plain = mem_alloc(plain_bytes);
    size_t start = out->len;
    must(roaring_bitmap_portable_serialize(old, plain) == plain_bytes);
    bitmap_form_pack((struct str){plain, plain_bytes}, out);
    if (!out->failed) {
        roaring_bitmap_t *packed =
            roaring_bitmap_portable_deserialize_safe(out->ptr + start, out->len - start);
        must(packed != NULL);
        roaring_bitmap_free(old);
        *map = packed;
    } else {
        *map = old;
    }
    mem_free(plain);
}

void deletion_vector_print(struct deletion_vector *v, struct buf *out)
{
    struct buf body = BUF_INIT(out->max);
    if (v->kind == DELETION_VECTOR_32) {
        grow(v, 1);
        buf_put_u32be(&body, MAGIC_32);
        print_map(&v->maps[0], &body);
    } else {
        buf_put_u32be(&body, MAGIC_64);
        buf_put_u64le(&body, v->map_count);
        for (size_t i = 0; i < v->map_count; i++) {
            buf_put_u32le(&body, (uint32_t)i);
            print_map(&v->maps[i], &body);
        }
    }
    if (body.failed) {
        out->failed = true;
    } else {
        buf_put_u32be(out, (uint32_t)body.len);
        buf_put_str(out, buf_str(&body));
        buf_put_u32be(out, hash_crc32(body.ptr, body.len));
    }
    buf_release(&body);
}

/* The bitmap of one key. */
static bool take_map(struct reader *r, struct deletion_vector *v, size_t key)
{
    struct bitmap_form form = bitmap_form_read(r);
    if (r->failed) {
        return false;
    }
    grow(v, key + 1);
    v->maps[key] = roaring_bitmap_portable_deserialize_safe(form.bytes.ptr, form.bytes.len);
    if (v->maps[key] == NULL || roaring_bitmap_get_cardinality(v->maps[key]) != form.count ||
        (v->kind == DELETION_VECTOR_32 && form.maximum > INT32_MAX)) {
        reader_fail(r);
        return false;
    }
    v->count += form.count;
    return true;
}

static bool take_maps(struct reader *r, struct deletion_vector *v, struct error *err)
{
    if (v->kind == DELETION_VECTOR_32) {
        return take_map(r, v, 0) || reader_ok(r, err);
    }
    int64_t last = -1;
    size_t count = reader_count(r, reader_u64le(r), 4 + 8);
    for (size_t i = 0; i < count && !r->failed; i++) {
        uint32_t key = reader_u32le(r);
        if ((int64_t)key <= last) {
            reader_fail(r);
            break;
        }
        if (key >= MAX_MAPS) {
            return error_set(err, FAIL_LIMIT, "it marks rows beyond the most that a file may have");
        }
        if (!take_map(r, v, key)) {
            break;
        }
        last = key;
    }
    return reader_ok(r, err);
}

bool deletion_vector_parse(struct str record, struct deletion_vector **out, struct error *err)
{
    struct reader r = reader_over(record, "deletion vector");
    struct str body = reader_bytes(&r, reader_u32be(&r));
    uint32_t crc = reader_u32be(&r);
    if (!reader_end(&r, err)) {
        return false;
    }
    uint32_t found = hash_crc32(body.ptr, body.len);
    if (crc != found) {
        return error_set(err, FAIL_CORRUPT,
                         "its checksum is %08" PRIx32 ", that of its bytes is %08" PRIx32, crc,
                         found);
    }
    struct reader b = reader_over(body, "deletion vector");
    uint32_t magic = reader_u32be(&b);
    if (magic != MAGIC_32 && magic != MAGIC_64) {
        return error_set(err, FAIL_CORRUPT,
                         "it begins with %08" PRIx32 ", which is no magic number", magic);
    }
    struct deletion_vector *v =
        deletion_vector_new(magic == MAGIC_32 ? DELETION_VECTOR_32 : DELETION_VECTOR_64);
    if (!take_maps(&b, v, err) || !reader_end(&b, err)) {
        deletion_vector_free(v);
        return false;
    }
    *out = v;
    return true;
}

/* ---- the vectors of one bucket ------------------------------------------------------------- */

struct item {
    char *name;
    struct deletion_vector *vector;
};

struct deletion_vector_set {
    enum deletion_vector_kind kind;
    struct map by_name; /* to struct item */
    struct item **items;
    size_t count, cap;
    bool changed;
};

struct deletion_vector_set *deletion_vector_set_new(enum deletion_vector_kind kind)
{
    struct deletion_vector_set *s = MEM_NEW(struct deletion_vector_set);
    s->kind = kind;
    return s;
}

static void item_free(struct item *item)
{
    deletion_vector_free(item->vector);
    mem_free(item->name);
    mem_free(item);
}

void deletion_vector_set_free(struct deletion_vector_set *s)
{
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < s->count; i++) {
        item_free(s->items[i]);
    }
    map_release(&s->by_name);
    mem_free(s->items);
    mem_free(s);
}

/* Takes the vector over. */
static void set_put(struct deletion_vector_set *s, struct str name, struct deletion_vector *vector)
{
    struct item *item = MEM_NEW(struct item);
    *item = (struct item){mem_dup(name.ptr, name.len), vector};
    VEC_ROOM(s->items, s->count, s->cap);
    s->items[s->count++] = item;
    must(map_put(&s->by_name, name, item) == NULL);
}

struct deletion_vector_set *deletion_vector_set_copy(const struct deletion_vector_set *s)
{
    struct deletion_vector_set *copy = deletion_vector_set_new(s->kind);
    copy->changed = s->changed;
    for (size_t i = 0; i < s->count; i++) {
        set_put(copy, str_of(s->items[i]->name), deletion_vector_copy(s->items[i]->vector));
    }
    return copy;
}

const struct deletion_vector *deletion_vector_set_get(const struct deletion_vector_set *s,
                                                      struct str data_file)
{
    const struct item *item = s == NULL ? NULL : map_get(&s->by_name, data_file);
    return item == NULL ? NULL : item->vector;
}

bool deletion_vector_set_mark(struct deletion_vector_set *s, struct str data_file,
                              uint64_t position, bool *out_new, struct error *err)
{
    struct item *item = map_get(&s->by_name, data_file);
    struct deletion_vector *fresh = item == NULL ? deletion_vector_new(s->kind) : NULL;
    bool added = false;
    if (!deletion_vector_add(item == NULL ? fresh : item->vector, position, &added, err)) {
        deletion_vector_free(fresh);
        return error_in(err, "%.*s", STR_FMT(data_file));
    }
    if (fresh != NULL) {
        set_put(s, data_file, fresh);
    }
    s->changed = s->changed || added;
    if (out_new != NULL) {
        *out_new = added;
    }
    return true;
}

void deletion_vector_set_drop(struct deletion_vector_set *s, struct str data_file)
{
    struct item *item = map_remove(&s->by_name, data_file);
    if (item == NULL) {
        return;
    }
    size_t at = 0;
    while (s->items[at] != item) {
        at++;
    }
    s->count--;
    for (; at < s->count; at++) {
        s->items[at] = s->items[at + 1];
    }
    item_free(item);
    s->changed = true;
}

bool deletion_vector_set_changed(const struct deletion_vector_set *s)
{
    return s->changed;
}

size_t deletion_vector_set_count(const struct deletion_vector_set *s)
{
    return s->count;
}

/* ---- index files: read --------------------------------------------------------------------- */

static bool read_index_file(struct fs fs, const char *path, const struct index_manifest_entry *e,
                            struct buf *out, struct error *err)
{
    uint64_t bytes = 0;
    bool found = false;
    if (!fs.ops->size(fs.self, path, &bytes, &found, err)) {
        return false;
    }
    if (!found) {
        return error_set(err, FAIL_CORRUPT,
                         "%s is missing, though the index manifest names it: rows that it marks as "
                         "deleted cannot be told from living ones",
                         path);
    }
    if (bytes != (uint64_t)e->size_bytes) {
        return error_set(err, FAIL_CORRUPT,
                         "%s has %" PRIu64 " bytes, the index manifest says %" PRId64
                         ": the file was replaced or cut",
                         path, bytes, e->size_bytes);
    }
    if (bytes > DELETION_VECTOR_MAX_FILE) {
        return error_set(err, FAIL_LIMIT, "%s has %" PRIu64 " bytes, more than are read at once",
                         path, bytes);
    }
    *out = BUF_INIT((size_t)bytes);
    if (!fs.ops->read(fs.self, path, out, &found, err) || !buf_ok(out, path, err)) {
        return false;
    }
    if (!found || out->len != bytes || out->len == 0 || out->ptr[0] != FILE_VERSION) {
        return error_set(err, FAIL_CORRUPT,
                         "%s does not begin with %d, the version of index files that is known",
                         path, FILE_VERSION);
    }
    return true;
}

static bool take_range(struct deletion_vector_set *s, struct str file,
                       const struct index_manifest_range *range, struct error *err)
{
    struct deletion_vector *v = NULL;
    struct reader r = reader_over(file, "index file");
    reader_skip(&r, range->offset < 1 ? file.len + 1 : (size_t)range->offset);
    struct str rest = r.rest;
    uint32_t size = reader_u32be(&r);
    (void)reader_bytes(&r, size);
    (void)reader_u32be(&r);
    if (!reader_ok(&r, err) ||
        !deletion_vector_parse((struct str){rest.ptr, (size_t)size + FRAME_BYTES}, &v, err)) {
        return false;
    }
    must(v != NULL);
    bool ok = true;
    int64_t length = (int64_t)size + (v->kind == DELETION_VECTOR_64 ? FRAME_BYTES : 0);
    if (length != range->length) {
        ok = error_set(err, FAIL_CORRUPT, "its length is %" PRId64 ", %" PRId32 " is listed",
                       length, range->length);
    } else if (range->cardinality >= 0 && (uint64_t)range->cardinality != v->count) {
        ok = error_set(err, FAIL_CORRUPT, "it marks %" PRIu64 " rows, %" PRId64 " are listed",
                       v->count, range->cardinality);
    } else if (map_get(&s->by_name, range->data_file) != NULL) {
        ok = error_set(err, FAIL_CORRUPT, "the bucket has two vectors for this file");
    }
    if (!ok) {
        deletion_vector_free(v);
        return false;
    }
    set_put(s, range->data_file, v);
    return true;
}

static bool load_entry(struct deletion_vector_set *s, const struct index_manifest_place *place,
                       const struct index_manifest_entry *e, struct error *err)
{
    struct arena arena = {0};
    struct buf file = {0};
    const char *path = NULL;
    bool ok = index_manifest_file_path(place, e, &arena, &path, err);
    if (ok && (e->ranges_null || (uint64_t)e->row_count != e->range_count)) {
        ok = error_set(err, FAIL_CORRUPT,
                       "index file %s: %" PRId64 " vectors are listed, and the places of %zu", path,
                       e->row_count, e->range_count);
    }
    ok = ok && read_index_file(place->fs, path, e, &file, err);
    for (size_t i = 0; i < e->range_count && ok; i++) {
        const struct index_manifest_range *range = &e->ranges[i];
        ok = take_range(s, buf_str(&file), range, err) ||
             error_in(err, "%s, at %" PRId32 ", deletion vector of %.*s", path, range->offset,
                      STR_FMT(range->data_file));
    }
    buf_release(&file);
    arena_release(&arena);
    return ok;
}

bool deletion_vector_set_load(struct deletion_vector_set *s,
                              const struct index_manifest_place *place,
                              const struct index_manifest_entries *entries, struct str partition,
                              int32_t bucket, struct error *err)
{
    const struct index_manifest_entry *e;
    size_t at = 0;
    while ((e = index_manifest_next(entries, &at, INDEX_MANIFEST_VECTORS, partition, bucket)) !=
           NULL) {
        if (!load_entry(s, place, e, err)) {
            return false;
        }
    }
    return true;
}

/* ---- index files: write -------------------------------------------------------------------- */

/* Vectors from *at on into one file's bytes, and their places. */
static bool fill_file(struct deletion_vector_set *s, uint64_t target_bytes, size_t *at,
                      struct arena *arena, struct buf *file, struct index_manifest_entry *e,
                      struct error *err)
{
    e->ranges = ARENA_ARRAY(arena, struct index_manifest_range, s->count - *at);
    buf_put_byte(file, FILE_VERSION);
    while (*at < s->count) {
        struct item *item = s->items[(*at)++];
        size_t start = file->len;
        deletion_vector_print(item->vector, file);
        if (!buf_ok(file, "an index file of deletion vectors", err)) {
            return false;
        }
        size_t whole = file->len - start;
        bool wide = item->vector->kind == DELETION_VECTOR_64;
        e->ranges[e->range_count++] = (struct index_manifest_range){
            .data_file = arena_str(arena, str_of(item->name)),
            .offset = (int32_t)start, /* below DELETION_VECTOR_MAX_FILE */
            .length = (int32_t)(wide ? whole : whole - FRAME_BYTES),
            .cardinality = (int64_t)item->vector->count};
        if (target_bytes > 0 && file->len > target_bytes) {
            break;
        }
    }
    e->row_count = (int64_t)e->range_count;
    e->size_bytes = (int64_t)file->len;
    return true;
}

static bool write_file(struct fs fs, const char *path, struct str bytes, struct error *err)
{
    struct fs_out *out = NULL;
    if (!fs.ops->create(fs.self, path, &out, err)) {
        return false;
    }
    if (!fs.ops->append(out, bytes, err)) {
        fs.ops->abandon(out);
        return false;
    }
    return fs.ops->finish(out, err);
}

static bool write_next(struct deletion_vector_set *s, const struct deletion_vector_target *t,
                       size_t *at, struct arena *arena, struct index_manifest_entries *out,
                       struct error *err)
{
    struct buf file = BUF_INIT((size_t)DELETION_VECTOR_MAX_FILE);
    const char *path = NULL;
    struct index_manifest_entry e = {
        .kind = MANIFEST_ADD,
        .partition = arena_str(arena, t->partition),
        .bucket = t->bucket,
        .type = STR(INDEX_MANIFEST_VECTORS),
        .file_name =
            str_of(paths_file_name(arena, "index-", t->uuid, atomic_fetch_add(t->counter, 1), ""))};
    bool ok = index_manifest_file_path(t->place, &e, arena, &path, err) &&
              fill_file(s, t->target_bytes, at, arena, &file, &e, err) &&
              write_file(t->place->fs, path, buf_str(&file), err);
    buf_release(&file);
    if (ok) {
        index_manifest_add(out, arena, &e);
    }
    return ok;
}

bool deletion_vector_set_write(struct deletion_vector_set *s,
                               const struct deletion_vector_target *target, struct arena *arena,
                               struct index_manifest_entries *out, struct error *err)
{
    struct index_manifest_entries written = {0};
    bool ok = true;
    size_t at = 0;
    for (bool first = target->target_bytes == 0; ok && (first || at < s->count); first = false) {
        ok = write_next(s, target, &at, arena, &written, err);
    }
    for (size_t i = 0; i < written.count && ok; i++) {
        index_manifest_add(out, arena, &written.items[i]);
    }
    if (ok) {
        s->changed = false;
    } else {
        index_manifest_remove(target->place, &written);
    }
    return ok;
}
