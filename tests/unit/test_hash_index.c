/* Hash index files: Java's hold the hashes of its rows' keys, ours give back what was put; damage
 * is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sink/binrow.h"
#include "sink/bucket_assign.h"
#include "sink/hash_index.h"
#include "sink/snapshot.h"
#include "tests/unit/lsm_fixture.h"

static struct error err;
#define OK(call)                                                                                   \
    do {                                                                                           \
        if (!(call)) {                                                                             \
            fail_msg("%s: %s", #call, err.text);                                                   \
        }                                                                                          \
    } while (0)

struct hashes {
    int32_t *items;
    size_t count, cap;
    size_t fail_after;
};

static bool take(void *self, int32_t hash, struct error *e)
{
    struct hashes *h = self;
    VEC_ROOM(h->items, h->count, h->cap);
    h->items[h->count++] = hash;
    return h->count != h->fail_after || error_set(e, FAIL_LIMIT, "enough");
}

static int compare(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a;
    int32_t y = *(const int32_t *)b;
    return x < y ? -1 : x > y;
}

/* The keys 0 … 79 were written to `dynamic` (five of them deleted again): exactly their hashes lie
 * in its index, each once. */
static void files_of_paimon_java(void **state)
{
    (void)state;
    struct arena a = {0};
    const char *root = NULL;
    struct index_manifest_place place = {.partition_path = ""};
    struct index_manifest_entries index = {0};
    int64_t id = 0;
    bool found = false;
    struct snapshot snapshot;
    OK(fs_open(str_of(TEST_DATA "/index/dynamic"), &a, &place.fs, &root, &err));
    place.table_path = root;
    OK(snapshot_latest_id(place.fs, root, &id, &err));
    OK(snapshot_read(place.fs, root, id, &a, &snapshot, &found, &err));
    OK(index_manifest_read(place.fs, root, snapshot.index_manifest, &a, &index, &err));
    struct hashes got = {0};
    for (size_t i = 0; i < index.count; i++) {
        size_t before = got.count;
        OK(hash_index_read(&place, &index.items[i], take, &got, &err));
        assert_int_equal(got.count - before, index.items[i].row_count);
    }
    struct hashes want = {0};
    struct schema_field field = {.name = STR("id"), .type = {.kind = TYPE_BIGINT}};
    const struct schema_field *fields[] = {&field};
    struct buf scratch = BUF_INIT(100);
    for (int64_t key = 0; key < 80; key++) {
        struct value value = {.i = key, .state = VALUE_SET};
        const struct value *values[] = {&value};
        (void)take(&want, bucket_assign_hash(fields, 1, values, &scratch), &err);
    }
    assert_int_equal(got.count, want.count);
    qsort(got.items, got.count, sizeof(int32_t), compare);
    qsort(want.items, want.count, sizeof(int32_t), compare);
    assert_memory_equal(got.items, want.items, got.count * sizeof(int32_t));
    buf_release(&scratch);
    mem_free(got.items);
    mem_free(want.items);
    fs_close(&place.fs);
    arena_release(&a);
}

struct disk {
    struct memfs memory;
    struct arena arena;
    atomic_uint_fast64_t counter;
    struct index_manifest_place place;
    struct hash_index_target target;
    struct index_manifest_entries listed;
};

static void disk_init(struct disk *d)
{
    memset(d, 0, sizeof(*d));
    d->place = (struct index_manifest_place){{&memfs_ops, &d->memory}, "/t", false, ""};
    d->target = (struct hash_index_target){&d->place, "w", &d->counter};
}

static bool disk_write(struct disk *d, size_t count)
{
    struct hash_index_writer *w = NULL;
    if (!hash_index_open(&d->target, STR("part"), 3, &w, &err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!hash_index_put(w, (int32_t)((uint32_t)i * 2654435761u), &err)) {
            hash_index_abandon(w);
            return false;
        }
    }
    return hash_index_finish(w, &d->arena, &d->listed, &err);
}

static void gives_back_what_was_put(void **state)
{
    (void)state;
    struct disk d;
    disk_init(&d);
    static const size_t counts[] = {0, 1, 16383, 16384, 16385, 50000}; /* about a piece */
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        assert_true(disk_write(&d, counts[i]));
        const struct index_manifest_entry *e = &d.listed.items[i];
        assert_true(str_eq(e->type, STR("HASH")) && str_eq(e->partition, STR("part")));
        assert_int_equal(e->bucket, 3);
        assert_int_equal(e->row_count, counts[i]);
        assert_int_equal(e->size_bytes, counts[i] * 4);
        assert_true(e->ranges_null);
        struct hashes got = {0};
        OK(hash_index_read(&d.place, e, take, &got, &err));
        assert_int_equal(got.count, counts[i]);
        for (size_t k = 0; k < got.count; k++) {
            assert_int_equal(got.items[k], (int32_t)((uint32_t)k * 2654435761u));
        }
        mem_free(got.items);
    }
    /* Big-endian. */
    static const char second[] = {(char)0x9e, 0x37, 0x79, (char)0xb1};
    assert_string_equal(d.memory.files[2].path, "/t/index/index-w-2");
    assert_memory_equal(d.memory.files[2].bytes.ptr + 4, second, 4);
    memfs_close(&d.memory);
    arena_release(&d.arena);
}

static void refused(struct disk *d, struct index_manifest_entry *e, const char *why)
{
    struct hashes got = {0};
    assert_false(hash_index_read(&d->place, e, take, &got, &err));
    assert_int_equal(err.code, FAIL_CORRUPT);
    if (strstr(err.text, why) == NULL || strstr(err.text, "/t/index/index-w-0") == NULL) {
        fail_msg("'%s' does not name its file, or '%s'", err.text, why);
    }
    assert_int_equal(got.count, 0);
    mem_free(got.items);
}

static void lies_are_told(void **state)
{
    (void)state;
    struct disk d;
    disk_init(&d);
    assert_true(disk_write(&d, 10));
    struct index_manifest_entry e = d.listed.items[0];
    e.row_count = 11;
    refused(&d, &e, "not the 11 hashes");
    e.row_count = 10;
    e.size_bytes = 44;
    refused(&d, &e, "the index manifest says 44");
    d.memory.files[0].bytes.len = 39;
    e.size_bytes = 39;
    refused(&d, &e, "not the 10 hashes");
    d.memory.files[0].bytes.len = 40;
    e.size_bytes = 40;
    struct hashes got = {.fail_after = 4};
    assert_false(hash_index_read(&d.place, &e, take, &got, &err));
    assert_int_equal(err.code, FAIL_LIMIT);
    assert_int_equal(got.count, 4); /* not asked again */
    mem_free(got.items);
    OK(memfs_remove(&d.memory, "/t/index/index-w-0", &err));
    refused(&d, &e, "is missing");
    memfs_close(&d.memory);
    arena_release(&d.arena);
}

static void every_failure_is_told(void **state)
{
    (void)state;
    struct disk d;
    disk_init(&d);
    for (long n = 1;; n++) {
        d.memory.calls = 0;
        d.memory.fail_at = n;
        if (disk_write(&d, 20000)) {
            assert_int_equal(n, 5); /* create, two pieces, finish */
            break;
        }
        assert_int_equal(err.code, FAIL_IO);
        assert_int_equal(d.memory.count, 0);
        assert_int_equal(d.memory.open, 0);
        assert_int_equal(d.listed.count, 0);
    }
    for (long n = 1; n <= 3; n++) {
        struct hashes got = {0};
        d.memory.calls = 0;
        d.memory.fail_at = n;
        assert_false(hash_index_read(&d.place, &d.listed.items[0], take, &got, &err));
        assert_int_equal(err.code, FAIL_IO);
        mem_free(got.items);
    }
    d.memory.fail_at = 0;
    struct hash_index_writer *w = NULL;
    OK(hash_index_open(&d.target, STR("part"), 0, &w, &err));
    hash_index_abandon(w);
    hash_index_abandon(NULL);
    assert_int_equal(d.memory.open, 0);
    memfs_close(&d.memory);
    arena_release(&d.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_paimon_java), cmocka_unit_test(gives_back_what_was_put),
        cmocka_unit_test(lies_are_told), cmocka_unit_test(every_failure_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
