/* Index manifests: Java's are read, ours give back what was written, commits combine as Java's do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sink/binrow.h"
#include "sink/format/avro_writer.h"
#include "sink/index_manifest.h"
#include "sink/snapshot.h"
#include "tests/unit/lsm_fixture.h"

static struct error err;
#define OK(call)                                                                                   \
    do {                                                                                           \
        if (!(call)) {                                                                             \
            fail_msg("%s: %s", #call, err.text);                                                   \
        }                                                                                          \
    } while (0)

static bool same_text(struct str a, struct str b)
{
    return (a.ptr == NULL) == (b.ptr == NULL) && str_eq(a, b);
}

static void assert_same(const struct index_manifest_entry *a, const struct index_manifest_entry *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_true(str_eq(a->partition, b->partition));
    assert_int_equal(a->bucket, b->bucket);
    assert_true(str_eq(a->type, b->type));
    assert_true(str_eq(a->file_name, b->file_name));
    assert_int_equal(a->size_bytes, b->size_bytes);
    assert_int_equal(a->row_count, b->row_count);
    assert_int_equal(a->ranges_null, b->ranges_null);
    assert_int_equal(a->range_count, b->range_count);
    for (size_t i = 0; i < a->range_count; i++) {
        assert_true(str_eq(a->ranges[i].data_file, b->ranges[i].data_file));
        assert_int_equal(a->ranges[i].offset, b->ranges[i].offset);
        assert_int_equal(a->ranges[i].length, b->ranges[i].length);
        assert_int_equal(a->ranges[i].cardinality, b->ranges[i].cardinality);
    }
    assert_true(same_text(a->external_path, b->external_path));
    assert_int_equal(a->global == NULL, b->global == NULL);
    if (a->global != NULL) {
        const struct index_manifest_global *x = a->global;
        const struct index_manifest_global *y = b->global;
        assert_int_equal(x->row_range_start, y->row_range_start);
        assert_int_equal(x->row_range_end, y->row_range_end);
        assert_int_equal(x->field_id, y->field_id);
        assert_int_equal(x->extra_fields_null, y->extra_fields_null);
        assert_int_equal(x->extra_field_count, y->extra_field_count);
        for (size_t i = 0; i < x->extra_field_count; i++) {
            assert_int_equal(x->extra_field_ids[i], y->extra_field_ids[i]);
        }
        assert_true(same_text(x->index_meta, y->index_meta));
        assert_true(same_text(x->source_meta, y->source_meta));
    }
}

/* Writes the entries into a store in memory and reads them again. */
static void round_trip(const struct index_manifest_entries *entries, struct arena *a)
{
    struct memfs memory = {.count = 0};
    struct fs fs = {&memfs_ops, &memory};
    struct index_manifest_entries back = {0};
    OK(index_manifest_write(fs, "/t", STR("index-manifest-u-0"), entries, &err));
    assert_string_equal(memory.files[0].path, "/t/manifest/index-manifest-u-0");
    OK(index_manifest_read(fs, "/t", STR("index-manifest-u-0"), a, &back, &err));
    assert_int_equal(back.count, entries->count);
    assert_int_equal(back.unknown_field.len, 0);
    for (size_t i = 0; i < back.count; i++) {
        assert_same(&back.items[i], &entries->items[i]);
    }
    memfs_close(&memory);
}

static void tables_of_paimon_java(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t hash, vectors;
    } tables[] = {
        {"dv", 0, 2}, {"dv64", 0, 2}, {"dv_folder", 0, 2}, {"dynamic", 4, 0}, {"dynamic_dv", 4, 1}};
    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
        struct arena a = {0};
        struct fs fs;
        const char *root = NULL;
        char path[4096];
        int64_t id = 0;
        bool found = false;
        struct snapshot snapshot;
        struct index_manifest_entries entries = {0};
        OK(fs_open(str_of(TEST_DATA "/index"), &a, &fs, &root, &err));
        (void)snprintf(path, sizeof(path), "%s/%s", root, tables[t].name);
        OK(snapshot_latest_id(fs, path, &id, &err));
        OK(snapshot_read(fs, path, id, &a, &snapshot, &found, &err));
        OK(index_manifest_read(fs, path, snapshot.index_manifest, &a, &entries, &err));
        assert_int_equal(entries.unknown_field.len, 0);
        size_t hash = 0;
        size_t vectors = 0;
        for (size_t i = 0; i < entries.count; i++) {
            const struct index_manifest_entry *e = &entries.items[i];
            bool is_hash = str_eq(e->type, STR(INDEX_MANIFEST_HASH));
            assert_true(is_hash || str_eq(e->type, STR(INDEX_MANIFEST_VECTORS)));
            assert_int_equal(e->kind, MANIFEST_ADD);
            assert_true(str_eq(e->partition, binrow_empty));
            assert_int_equal(e->ranges_null, is_hash);
            assert_int_equal(is_hash ? e->size_bytes / 4 : (int64_t)e->range_count, e->row_count);
            assert_null(e->external_path.ptr);
            assert_null(e->global);
            hash += is_hash;
            vectors += !is_hash;
        }
        assert_int_equal(hash, tables[t].hash);
        assert_int_equal(vectors, tables[t].vectors);
        round_trip(&entries, &a);
        fs_close(&fs);
        arena_release(&a);
    }
}

static struct index_manifest_entry entry(enum manifest_kind kind, const char *type,
                                         const char *partition, int32_t bucket, const char *name)
{
    return (struct index_manifest_entry){.kind = kind,
                                         .partition = str_of(partition),
                                         .bucket = bucket,
                                         .type = str_of(type),
                                         .file_name = str_of(name),
                                         .size_bytes = 8,
                                         .row_count = 2,
                                         .ranges_null = true};
}

static void all_fields_come_back(void **state)
{
    (void)state;
    struct arena a = {0};
    struct index_manifest_entries list = {0};
    round_trip(&list, &a); /* an empty list is a list too */
    struct index_manifest_range ranges[] = {{STR("data-1.avro"), 1, 24, 2},
                                            {STR("data-2.avro"), 33, INT32_MAX, -1}};
    struct index_manifest_entry e = entry(MANIFEST_ADD, INDEX_MANIFEST_VECTORS, "pp", 7, "index-1");
    e.ranges_null = false;
    e.ranges = ranges;
    e.range_count = 2;
    e.external_path = STR("s3://b/index-1");
    index_manifest_add(&list, &a, &e);
    e.range_count = 0; /* the last vector of a bucket went */
    e.external_path = (struct str){NULL, 0};
    index_manifest_add(&list, &a, &e);
    round_trip(&list, &a);
    int32_t extra[] = {4, -1};
    struct index_manifest_global global = {.row_range_start = 1,
                                           .row_range_end = INT64_MAX,
                                           .field_id = 3,
                                           .extra_field_ids = extra,
                                           .extra_field_count = 2,
                                           .index_meta = STR("meta")};
    e = entry(MANIFEST_ADD, "btree", "", -1, "index-2");
    e.global = &global;
    index_manifest_add(&list, &a, &e);
    struct index_manifest_global bare = {.extra_fields_null = true, .source_meta = STR("")};
    e.global = &bare;
    index_manifest_add(&list, &a, &e);
    for (size_t i = 0; i < 20000; i++) { /* several blocks */
        e = entry(MANIFEST_ADD, INDEX_MANIFEST_HASH, "p", (int32_t)i, "index-of-many");
        index_manifest_add(&list, &a, &e);
    }
    round_trip(&list, &a);
    arena_release(&a);
}

static void combine(const struct index_manifest_entry *before, size_t before_count,
                    const struct index_manifest_entry *changes, size_t change_count, bool bucketed,
                    const char *want)
{
    struct arena a = {0};
    struct index_manifest_entries previous = {0};
    struct index_manifest_entries change = {0};
    struct index_manifest_entries out = {0};
    for (size_t i = 0; i < before_count; i++) {
        index_manifest_add(&previous, &a, &before[i]);
    }
    for (size_t i = 0; i < change_count; i++) {
        index_manifest_add(&change, &a, &changes[i]);
    }
    struct buf names = BUF_INIT(4096);
    if (index_manifest_combine(&previous, &change, bucketed, &a, &out, &err)) {
        for (size_t i = 0; i < out.count; i++) {
            buf_printf(&names, "%s%.*s", i == 0 ? "" : " ", STR_FMT(out.items[i].file_name));
        }
    } else {
        buf_printf(&names, "%s", error_name(err.code));
    }
    assert_string_equal(buf_cstr(&names), want);
    buf_release(&names);
    arena_release(&a);
}

static void combines_as_java_does(void **state)
{
    (void)state;
    const char *hash = INDEX_MANIFEST_HASH;
    const char *dv = INDEX_MANIFEST_VECTORS;
    const struct index_manifest_entry before[] = {
        entry(MANIFEST_ADD, hash, "p", 0, "h0"),    entry(MANIFEST_ADD, hash, "p", 1, "h1"),
        entry(MANIFEST_ADD, dv, "p", 0, "d0"),      entry(MANIFEST_ADD, hash, "q", 0, "hq"),
        entry(MANIFEST_ADD, "btree", "p", 0, "b0"), entry(MANIFEST_ADD, "btree", "p", 0, "b1")};
    combine(before, 6, NULL, 0, true, "h0 h1 d0 hq b0 b1");
    combine(NULL, 0, NULL, 0, true, "");
    /* A new file takes the place of its bucket's of the same type, and no other's. */
    const struct index_manifest_entry adds[] = {
        entry(MANIFEST_ADD, dv, "p", 0, "d1"), entry(MANIFEST_ADD, hash, "q", 0, "hq2"),
        entry(MANIFEST_ADD, hash, "p", 2, "h2"), entry(MANIFEST_ADD, hash, "p", 2, "h3")};
    combine(before, 6, adds, 4, true, "h0 h1 d1 hq2 b0 b1 h3");
    combine(NULL, 0, adds, 4, true, "d1 hq2 h3");
    /* DELETEs come first, wherever they stand; one of another file name deletes all the same, and
     * one of nothing is nothing. */
    const struct index_manifest_entry mixed[] = {
        entry(MANIFEST_ADD, hash, "p", 0, "h9"), entry(MANIFEST_DELETE, hash, "p", 0, "h0"),
        entry(MANIFEST_DELETE, hash, "p", 1, "other"), entry(MANIFEST_DELETE, dv, "z", 0, "d0")};
    combine(before, 6, mixed, 4, true, "h9 d0 hq b0 b1");
    /* Other types go by file name. */
    const struct index_manifest_entry trees[] = {entry(MANIFEST_ADD, "btree", "p", 0, "b2"),
                                                 entry(MANIFEST_DELETE, "btree", "p", 0, "b0")};
    combine(before, 6, trees, 2, true, "h0 h1 d0 hq b1 b2");
    /* Without buckets vectors go by file name, and nothing unseen. */
    const struct index_manifest_entry files[] = {entry(MANIFEST_ADD, dv, "p", 0, "d1"),
                                                 entry(MANIFEST_ADD, dv, "p", 0, "d2"),
                                                 entry(MANIFEST_DELETE, dv, "p", 0, "d0")};
    combine(before, 6, files, 3, false, "h0 h1 hq b0 b1 d1 d2");
    const struct index_manifest_entry twice[] = {entry(MANIFEST_ADD, dv, "p", 0, "d0")};
    combine(before, 6, twice, 1, false, "conflict");
    const struct index_manifest_entry unseen[] = {entry(MANIFEST_DELETE, dv, "p", 0, "d5")};
    combine(before, 6, unseen, 1, false, "conflict");
    /* A list is always whole. */
    const struct index_manifest_entry odd[] = {entry(MANIFEST_DELETE, hash, "p", 0, "h0")};
    combine(odd, 1, adds, 1, true, "corrupt");
}

/* The same file twice: its schema has a field more in each of three places. */
static void unknown_fields_are_not_lost(void **state)
{
    (void)state;
    static const char *const schemas[] = {
        "{\"type\":\"record\",\"name\":\"record\",\"fields\":[{\"name\":\"_VERSION\",\"type\":"
        "\"int\"},{\"name\":\"_NEW\",\"type\":[\"null\",\"int\"]}]}",
        "{\"type\":\"record\",\"name\":\"record\",\"fields\":[{\"name\":\"_VERSION\",\"type\":"
        "\"int\"},{\"name\":\"_DELETIONS_VECTORS_RANGES\",\"type\":[\"null\",{\"type\":\"array\","
        "\"items\":[\"null\",{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"_NEW\","
        "\"type\":\"int\"}]}]}]}]}",
        "{\"type\":\"record\",\"name\":\"record\",\"fields\":[{\"name\":\"_VERSION\",\"type\":"
        "\"int\"},{\"name\":\"_GLOBAL_INDEX\",\"type\":[\"null\",{\"type\":\"record\",\"name\":"
        "\"g\",\"fields\":[{\"name\":\"_NEW\",\"type\":\"int\"}]}]}]}"};
    for (size_t i = 0; i < 3; i++) {
        struct arena a = {0};
        struct memfs memory = {.count = 0};
        struct fs fs = {&memfs_ops, &memory};
        struct avro_writer *w = NULL;
        uint64_t bytes = 0;
        struct index_manifest_entries list = {0};
        struct index_manifest_entries none = {0};
        struct index_manifest_entries out = {0};
        OK(avro_writer_open(fs, "/t/manifest/m", str_of(schemas[i]), COMPRESS_NONE, 0, 1000, &w,
                            &err));
        OK(avro_writer_finish(w, &bytes, &err));
        OK(index_manifest_read(fs, "/t", STR("m"), &a, &list, &err)); /* reading does no harm */
        assert_true(str_eq(list.unknown_field, STR("_NEW")));
        assert_false(index_manifest_combine(&list, &none, true, &a, &out, &err));
        assert_int_equal(err.code, FAIL_SCHEMA);
        assert_non_null(strstr(err.text, "_NEW"));
        memfs_close(&memory);
        arena_release(&a);
    }
}

static void finds_files(void **state)
{
    (void)state;
    struct arena a = {0};
    struct index_manifest_entries list = {0};
    const struct index_manifest_entry all[] = {
        entry(MANIFEST_ADD, INDEX_MANIFEST_HASH, "p", 0, "h0"),
        entry(MANIFEST_ADD, INDEX_MANIFEST_VECTORS, "p", 0, "d0"),
        entry(MANIFEST_ADD, INDEX_MANIFEST_VECTORS, "p", 0, "d1"),
        entry(MANIFEST_ADD, INDEX_MANIFEST_VECTORS, "q", 0, "d2"),
        entry(MANIFEST_ADD, INDEX_MANIFEST_VECTORS, "p", 1, "d3")};
    for (size_t i = 0; i < 5; i++) {
        index_manifest_add(&list, &a, &all[i]);
    }
    size_t at = 0;
    const struct index_manifest_entry *e =
        index_manifest_next(&list, &at, INDEX_MANIFEST_VECTORS, STR("p"), 0);
    assert_true(e == &list.items[1]);
    e = index_manifest_next(&list, &at, INDEX_MANIFEST_VECTORS, STR("p"), 0);
    assert_true(e == &list.items[2]);
    assert_null(index_manifest_next(&list, &at, INDEX_MANIFEST_VECTORS, STR("p"), 0));
    const char *path = NULL;
    struct memfs memory = {.count = 0};
    struct index_manifest_place place = {{&memfs_ops, &memory}, "/t", false, "dt=1/"};
    OK(index_manifest_file_path(&place, &all[1], &a, &path, &err));
    assert_string_equal(path, "/t/index/d0");
    place.in_bucket_folders = true;
    OK(index_manifest_file_path(&place, &all[4], &a, &path, &err));
    assert_string_equal(path, "/t/dt=1/bucket-1/d3");
    struct index_manifest_entry outside = all[0];
    outside.external_path = STR("s3://b/h0");
    assert_false(index_manifest_file_path(&place, &outside, &a, &path, &err));
    assert_int_equal(err.code, FAIL_SCHEMA);
    OK(memfs_replace(&memory, "/t/dt=1/bucket-1/d3", STR("x"), &err));
    OK(memfs_replace(&memory, "/t/dt=1/bucket-1/d4", STR("x"), &err));
    index_manifest_remove(&place, &list); /* what is not there is nothing */
    assert_int_equal(memory.count, 1);
    assert_string_equal(memory.files[0].path, "/t/dt=1/bucket-1/d4");
    memfs_close(&memory);
    arena_release(&a);
}

static void damage_is_told(void **state)
{
    (void)state;
    struct arena a = {0};
    struct memfs memory = {.count = 0};
    struct fs fs = {&memfs_ops, &memory};
    struct index_manifest_entries list = {0};
    struct index_manifest_entries back = {0};
    OK(index_manifest_read(fs, "/t", STR(""), &a, &back, &err)); /* a snapshot without one */
    assert_int_equal(back.count, 0);
    assert_false(index_manifest_read(fs, "/t", STR("gone"), &a, &back, &err));
    assert_int_equal(err.code, FAIL_CORRUPT);
    assert_non_null(strstr(err.text, "/t/manifest/gone is missing"));
    static const struct {
        const char *name;
        int64_t size;
        int32_t offset;
        const char *why;
    } lies[] = {{"../x", 1, 1, "_FILE_NAME is absurd"},
                {"a/b", 1, 1, "_FILE_NAME is absurd"},
                {"", 1, 1, "_FILE_NAME is absurd"},
                {"a", -1, 1, "_FILE_SIZE is absurd"},
                {"a", 1, -1, "f1 is absurd"}};
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        struct index_manifest_range range = {STR("data"), lies[i].offset, 8, 1};
        struct index_manifest_entry e = {.type = STR("HASH"),
                                         .file_name = str_of(lies[i].name),
                                         .size_bytes = lies[i].size,
                                         .partition = binrow_empty,
                                         .ranges = &range,
                                         .range_count = 1};
        list.count = 0;
        index_manifest_add(&list, &a, &e);
        OK(index_manifest_write(fs, "/t", STR("m"), &list, &err));
        assert_false(index_manifest_read(fs, "/t", STR("m"), &a, &back, &err));
        assert_int_equal(err.code, FAIL_CORRUPT);
        assert_non_null(strstr(err.text, lies[i].why));
        assert_non_null(strstr(err.text, "/t/manifest/m"));
        assert_int_equal(back.count, 0);
        OK(fs.ops->remove(fs.self, "/t/manifest/m", &err));
    }
    /* Cut anywhere and turned over anywhere: an error or entries, never a crash. */
    struct index_manifest_range ranges[] = {{STR("data-1"), 1, 24, 2}, {STR("data-2"), 33, 24, 2}};
    struct index_manifest_entry e = entry(MANIFEST_ADD, INDEX_MANIFEST_VECTORS, "pp", 7, "index-1");
    e.ranges_null = false;
    e.ranges = ranges;
    e.range_count = 2;
    list.count = 0;
    index_manifest_add(&list, &a, &e);
    OK(index_manifest_write(fs, "/t", STR("m"), &list, &err));
    struct buf *file = &memory.files[0].bytes;
    size_t len = file->len;
    for (file->len = 0; file->len < len; file->len++) {
        back.count = 0;
        bool ok = index_manifest_read(fs, "/t", STR("m"), &a, &back, &err);
        assert_true(!ok || back.count == 0); /* cut right behind the header: no block, no entry */
    }
    for (size_t bit = 0; bit < len * 8; bit++) {
        file->ptr[bit / 8] = (char)(file->ptr[bit / 8] ^ 1 << bit % 8);
        back.count = 0;
        if (!index_manifest_read(fs, "/t", STR("m"), &a, &back, &err)) {
            assert_true(err.code == FAIL_CORRUPT || err.code == FAIL_SCHEMA ||
                        err.code == FAIL_LIMIT);
        }
        file->ptr[bit / 8] = (char)(file->ptr[bit / 8] ^ 1 << bit % 8);
    }
    memfs_close(&memory);
    arena_release(&a);
}

static void every_failure_is_told(void **state)
{
    (void)state;
    struct arena a = {0};
    struct memfs memory = {.count = 0};
    struct fs fs = {&memfs_ops, &memory};
    struct index_manifest_entries list = {0};
    struct index_manifest_entry e = entry(MANIFEST_ADD, INDEX_MANIFEST_HASH, "p", 0, "h0");
    index_manifest_add(&list, &a, &e);
    for (long n = 1;; n++) {
        memory.calls = 0;
        memory.fail_at = n;
        if (index_manifest_write(fs, "/t", STR("m"), &list, &err)) {
            assert_true(n >= 3);
            break;
        }
        assert_int_equal(err.code, FAIL_IO);
        assert_int_equal(memory.count, 0);
    }
    for (long n = 1;; n++) {
        struct index_manifest_entries back = {0};
        memory.calls = 0;
        memory.fail_at = n;
        if (index_manifest_read(fs, "/t", STR("m"), &a, &back, &err)) {
            assert_true(n >= 3);
            break;
        }
        assert_int_equal(err.code, FAIL_IO);
        assert_int_equal(back.count, 0);
    }
    memfs_close(&memory);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_of_paimon_java), cmocka_unit_test(all_fields_come_back),
        cmocka_unit_test(combines_as_java_does), cmocka_unit_test(unknown_fields_are_not_lost),
        cmocka_unit_test(finds_files),           cmocka_unit_test(damage_is_told),
        cmocka_unit_test(every_failure_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
