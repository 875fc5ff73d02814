/* Dynamic buckets: the same buckets as Paimon's own classes give (tests/golden/index/buckets.txt),
 * over restarts, with limits. */
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
#include "sink/snapshot.h"
#include "tests/unit/lsm_fixture.h"

static struct error err;
#define OK(call)                                                                                   \
    do {                                                                                           \
        if (!(call)) {                                                                             \
            fail_msg("%s: %s", #call, err.text);                                                   \
        }                                                                                          \
    } while (0)

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

static void disk_release(struct disk *d)
{
    assert_int_equal(d->memory.open, 0);
    memfs_close(&d->memory);
    arena_release(&d->arena);
}

static int32_t hash_of(int64_t key)
{
    return (int32_t)((uint32_t)key * 0x9e3779b1u);
}

/* The serialized partition of one INT. */
static struct str partition_of(int32_t number, struct arena *a)
{
    struct schema_field field = {.name = STR("p"), .type = {.kind = TYPE_INT}};
    const struct schema_field *fields[] = {&field};
    struct value value = {.i = number, .state = VALUE_SET};
    const struct value *values[] = {&value};
    struct buf b = BUF_INIT(100);
    binrow_serialize(fields, 1, values, &b);
    struct str row = arena_str(a, buf_str(&b));
    buf_release(&b);
    return row;
}

static int64_t number_of(struct str text)
{
    int64_t n = -1;
    if (!str_to_i64(text, &n)) {
        fail_msg("no number: '%.*s'", STR_FMT(text));
    }
    return n;
}

/* Writes the index file of a bucket that is there already: "bucket:key,key,…". */
static void write_bucket(struct disk *d, struct str partition, struct str word)
{
    size_t colon = str_find(word, ':');
    struct hash_index_writer *w = NULL;
    OK(hash_index_open(&d->target, partition, (int32_t)number_of(str_slice(word, 0, colon)), &w,
                       &err));
    struct str keys = str_slice(word, colon + 1, word.len);
    struct str key;
    while (str_next(&keys, ',', &key)) {
        OK(hash_index_put(w, hash_of(number_of(key)), &err));
    }
    OK(hash_index_finish(w, &d->arena, &d->listed, &err));
}

/* One line: Golden.java tells what it means. Returns how many buckets were compared. */
static size_t run_line(struct str line)
{
    struct disk d;
    disk_init(&d);
    struct str part[3];
    struct str rest = line;
    for (size_t i = 0; i < 3; i++) {
        assert_true(str_next(&rest, '|', &part[i]));
        part[i] = str_trim(part[i]);
    }
    int64_t head[4];
    struct str word;
    for (size_t i = 0; i < 4; i++) {
        assert_true(str_next(&part[0], ' ', &word));
        head[i] = number_of(word);
    }
    struct str partition = partition_of((int32_t)head[0], &d.arena);
    while (part[1].len > 0 && str_next(&part[1], ' ', &word)) {
        write_bucket(&d, partition, word);
    }
    struct bucket_assign_options options = {.target_rows = head[1],
                                            .initial_buckets = (int32_t)head[2],
                                            .max_buckets = (int32_t)head[3]};
    struct bucket_assign *a = bucket_assign_new(&options);
    OK(bucket_assign_load(a, &d.place, &d.listed, partition, &err));
    size_t compared = 0;
    while (str_next(&part[2], ' ', &word)) {
        size_t colon = str_find(word, ':');
        int64_t key = number_of(str_slice(word, 0, colon));
        struct str want = str_slice(word, colon + 1, word.len);
        int32_t got = -1;
        OK(bucket_assign_pick(a, partition, hash_of(key), &got, &err));
        if (str_eq(want, STR("?"))) {
            assert_true(got >= 0 && got < head[3]);
        } else {
            compared++;
            if (got != number_of(want)) {
                fail_msg("key %d: bucket %d\n%.*s", (int)key, (int)got, STR_FMT(line));
            }
        }
    }
    bucket_assign_free(a);
    disk_release(&d);
    return compared;
}

static void buckets_are_javas(void **state)
{
    (void)state;
    struct arena a = {0};
    struct fs fs;
    const char *root = NULL;
    bool found = false;
    struct buf text = BUF_INIT(1 << 26);
    OK(fs_open(str_of(TEST_DATA "/index"), &a, &fs, &root, &err));
    OK(fs.ops->read(fs.self, TEST_DATA "/index/buckets.txt", &text, &found, &err));
    assert_true(found);
    struct str rest = buf_str(&text);
    struct str line;
    size_t compared = 0;
    while (str_next(&rest, '\n', &line)) {
        compared += line.len > 0 ? run_line(line) : 0;
    }
    assert_true(compared > 1500);
    buf_release(&text);
    fs_close(&fs);
    arena_release(&a);
}

/* Keys keep their buckets over restarts, each bucket holds what it should, and only buckets with
 * new keys are written. */
static void goes_on_after_a_restart(void **state)
{
    (void)state;
    enum { KEYS = 5000, TARGET = 100 };
    static int32_t bucket_of[KEYS];
    struct disk d;
    disk_init(&d);
    struct bucket_assign_options options = {TARGET, 0, -1};
    struct str p = binrow_empty;
    for (int start = 0; start < 10; start++) {
        struct bucket_assign *a = bucket_assign_new(&options);
        assert_false(bucket_assign_loaded(a, p));
        OK(bucket_assign_load(a, &d.place, &d.listed, p, &err));
        OK(bucket_assign_load(a, &d.place, &d.listed, p, &err)); /* once is enough */
        assert_true(bucket_assign_loaded(a, p));
        int end = (start + 1) * KEYS / 10;
        for (int key = 0; key < end; key++) {
            int32_t bucket = -1;
            OK(bucket_assign_pick(a, p, hash_of(key), &bucket, &err));
            if (key < start * KEYS / 10) {
                assert_int_equal(bucket, bucket_of[key]);
            } else {
                assert_int_equal(bucket, key / TARGET);
            }
            bucket_of[key] = bucket;
        }
        struct index_manifest_entries changed = {0};
        struct index_manifest_entries all = {0};
        OK(bucket_assign_write(a, p, &d.target, &d.arena, &changed, &err));
        assert_int_equal(changed.count, KEYS / 10 / TARGET);
        OK(index_manifest_combine(&d.listed, &changed, true, &d.arena, &all, &err));
        d.listed = all;
        changed.count = 0;
        OK(bucket_assign_write(a, p, &d.target, &d.arena, &changed, &err));
        assert_int_equal(changed.count, 0);
        bucket_assign_free(a);
    }
    assert_int_equal(d.listed.count, KEYS / TARGET);
    for (size_t i = 0; i < d.listed.count; i++) {
        assert_int_equal(d.listed.items[i].row_count, TARGET);
    }
    disk_release(&d);
}

static void unlisted_files_are_written_again(void **state)
{
    (void)state;
    struct disk d;
    disk_init(&d);
    struct bucket_assign_options options = {10, 0, -1};
    struct bucket_assign *a = bucket_assign_new(&options);
    struct str p = partition_of(5, &d.arena);
    struct str q = partition_of(6, &d.arena);
    struct index_manifest_entries files = {0};
    struct index_manifest_entries again = {0};
    OK(bucket_assign_load(a, &d.place, &d.listed, p, &err));
    OK(bucket_assign_load(a, &d.place, &d.listed, q, &err));
    for (int key = 0; key < 25; key++) {
        int32_t bucket = -1;
        OK(bucket_assign_pick(a, p, hash_of(key), &bucket, &err));
        OK(bucket_assign_pick(a, q, hash_of(key), &bucket, &err));
    }
    /* Whatever call fails, no file is left, and the next write has all. */
    for (long n = 1;; n++) {
        d.memory.calls = 0;
        d.memory.fail_at = n;
        if (bucket_assign_write(a, p, &d.target, &d.arena, &files, &err)) {
            assert_int_equal(n, 10);
            break;
        }
        assert_int_equal(err.code, FAIL_IO);
        assert_int_equal(d.memory.count, 0);
        assert_int_equal(files.count, 0);
    }
    assert_int_equal(files.count, 3);
    d.memory.fail_at = 0;
    bucket_assign_retry(a, &files);
    OK(bucket_assign_write(a, p, &d.target, &d.arena, &again, &err));
    assert_int_equal(again.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(again.items[i].bucket, files.items[i].bucket);
        assert_int_equal(again.items[i].row_count, files.items[i].row_count);
        assert_false(str_eq(again.items[i].file_name, files.items[i].file_name));
    }
    bucket_assign_drop(a, p);
    assert_false(bucket_assign_loaded(a, p));
    assert_true(bucket_assign_loaded(a, q));
    bucket_assign_drop(a, p);
    bucket_assign_retry(a, &files); /* of a partition that is gone: nothing */
    bucket_assign_free(a);
    bucket_assign_free(NULL);
    disk_release(&d);
}

static void indexes_that_contradict_are_told(void **state)
{
    (void)state;
    struct disk d;
    disk_init(&d);
    struct str p = binrow_empty;
    write_bucket(&d, p, STR("0:1,2,3"));
    write_bucket(&d, p, STR("1:4,5,2"));
    struct bucket_assign_options options = {10, 0, -1};
    struct bucket_assign *a = bucket_assign_new(&options);
    assert_false(bucket_assign_load(a, &d.place, &d.listed, p, &err));
    assert_int_equal(err.code, FAIL_CORRUPT);
    assert_non_null(strstr(err.text, "in bucket 0 and in 1"));
    assert_non_null(strstr(err.text, "/t/index/index-w-1"));
    assert_false(bucket_assign_loaded(a, p));
    d.listed.count = 0;
    write_bucket(&d, p, STR("3:1"));
    write_bucket(&d, p, STR("3:2"));
    assert_false(bucket_assign_load(a, &d.place, &d.listed, p, &err));
    assert_int_equal(err.code, FAIL_CORRUPT);
    d.listed.count = 0;
    write_bucket(&d, p, STR("32767:1"));
    assert_false(bucket_assign_load(a, &d.place, &d.listed, p, &err));
    assert_int_equal(err.code, FAIL_CORRUPT);
    d.listed.count = 0;
    write_bucket(&d, p, STR("32766:1")); /* the last there is */
    OK(bucket_assign_load(a, &d.place, &d.listed, p, &err));
    bucket_assign_free(a);
    disk_release(&d);
}

static void has_limits(void **state)
{
    (void)state;
    struct disk d;
    disk_init(&d);
    struct str p = binrow_empty;
    struct bucket_assign_options options = {1, 0, -1};
    struct bucket_assign *a = bucket_assign_new(&options);
    int32_t bucket = -1;
    OK(bucket_assign_load(a, &d.place, &d.listed, p, &err));
    for (int i = 0; i < BUCKET_ASSIGN_MAX; i++) {
        OK(bucket_assign_pick(a, p, hash_of(i), &bucket, &err));
        assert_int_equal(bucket, i);
    }
    OK(bucket_assign_pick(a, p, hash_of(BUCKET_ASSIGN_MAX), &bucket, &err));
    assert_in_range(bucket, 0, BUCKET_ASSIGN_MAX - 1);
    bucket_assign_free(a);
    /* The odd buckets end below the last, and Java then says so. */
    options = (struct bucket_assign_options){1, 2, -1};
    a = bucket_assign_new(&options);
    OK(bucket_assign_load(a, &d.place, &d.listed, p, &err));
    int64_t key = 0;
    while (bucket_assign_pick(a, p, hash_of(key), &bucket, &err)) {
        assert_true(++key < (int64_t)BUCKET_ASSIGN_MAX * 2);
    }
    assert_true(key > BUCKET_ASSIGN_MAX / 2);
    assert_int_equal(err.code, FAIL_LIMIT);
    assert_non_null(strstr(err.text, "dynamic-bucket.target-row-num"));
    OK(bucket_assign_pick(a, p, hash_of(7), &bucket, &err)); /* known ones go on */
    bucket_assign_free(a);
    /* More assigners than buckets: each still has one. */
    options = (struct bucket_assign_options){1, 8, 3};
    a = bucket_assign_new(&options);
    OK(bucket_assign_load(a, &d.place, &d.listed, p, &err));
    for (key = 0; key < 1000; key++) {
        OK(bucket_assign_pick(a, p, hash_of(key), &bucket, &err));
        assert_in_range(bucket, 0, 2);
    }
    bucket_assign_free(a);
    disk_release(&d);
}

static void options_are_checked(void **state)
{
    (void)state;
    struct schema *s = fixture_schema(SHAPE_INT);
    struct bucket_assign_options o;
    OK(bucket_assign_parse(s, &o, &err));
    assert_int_equal(o.target_rows, 2000000);
    assert_int_equal(o.initial_buckets, 0);
    assert_int_equal(o.max_buckets, -1);
    schema_set_option(s, STR("dynamic-bucket.target-row-num"), STR("5000000000"));
    schema_set_option(s, STR("dynamic-bucket.initial-buckets"), STR(" 4 "));
    schema_set_option(s, STR("dynamic-bucket.max-buckets"), STR("32767"));
    OK(bucket_assign_parse(s, &o, &err));
    assert_int_equal(o.target_rows, 5000000000);
    assert_int_equal(o.initial_buckets, 4);
    assert_int_equal(o.max_buckets, 32767);
    static const char *const bad[][2] = {
        {"dynamic-bucket.target-row-num", "0"},  {"dynamic-bucket.target-row-num", "many"},
        {"dynamic-bucket.initial-buckets", "0"}, {"dynamic-bucket.max-buckets", "0"},
        {"dynamic-bucket.max-buckets", "-2"},    {"dynamic-bucket.max-buckets", "32768"}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct str before = schema_option(s, str_of(bad[i][0]));
        schema_set_option(s, str_of(bad[i][0]), str_of(bad[i][1]));
        assert_false(bucket_assign_parse(s, &o, &err));
        assert_int_equal(err.code, FAIL_CONFIG);
        assert_non_null(strstr(err.text, bad[i][0]));
        schema_set_option(s, str_of(bad[i][0]), before);
    }
    schema_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(buckets_are_javas),
                                       cmocka_unit_test(goes_on_after_a_restart),
                                       cmocka_unit_test(unlisted_files_are_written_again),
                                       cmocka_unit_test(indexes_that_contradict_are_told),
                                       cmocka_unit_test(has_limits),
                                       cmocka_unit_test(options_are_checked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
