/* Deletion vectors: the bytes are Java's (tests/golden/index), sets are what was marked, damage is
 * told by file and place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "sink/binrow.h"
#include "sink/deletion_vector.h"
#include "sink/snapshot.h"
#include "tests/unit/lsm_fixture.h"

static struct error err;
#define OK(call)                                                                                   \
    do {                                                                                           \
        if (!(call)) {                                                                             \
            fail_msg("%s: %s", #call, err.text);                                                   \
        }                                                                                          \
    } while (0)

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* ---- one vector ---- */

static uint64_t fnv(struct str bytes)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < bytes.len; i++) {
        h = (h ^ (unsigned char)bytes.ptr[i]) * 0x100000001b3u;
    }
    return h;
}

static void hex_of(struct str bytes, struct buf *out)
{
    buf_reset(out);
    for (size_t i = 0; i < bytes.len; i++) {
        buf_printf(out, "%02x", (unsigned)(unsigned char)bytes.ptr[i]);
    }
}

static struct str word_of(struct str *rest)
{
    struct str word = {"", 0};
    (void)str_next(rest, ' ', &word);
    return word;
}

static int64_t number_of(struct str *rest)
{
    int64_t n = -1;
    assert_true(str_to_i64(word_of(rest), &n));
    return n;
}

/* One line of vectors.txt: Golden.java tells what it means. */
static size_t run_script(struct str line)
{
    struct str rest = line;
    struct buf bytes = BUF_INIT(1 << 20);
    struct buf text = BUF_INIT(1 << 20);
    struct str kind = word_of(&rest);
    struct deletion_vector *v =
        deletion_vector_new(str_eq(kind, STR("64")) ? DELETION_VECTOR_64 : DELETION_VECTOR_32);
    size_t compared = 0;
    while (rest.ptr != NULL) {
        struct str word = word_of(&rest);
        struct str tail = str_slice(word, 1, word.len);
        buf_reset(&bytes);
        if (word.ptr[0] == '+') {
            int64_t first = -1;
            assert_true(str_to_i64(tail, &first));
            int64_t step = number_of(&rest);
            for (int64_t n = number_of(&rest); n > 0; n--, first += step) {
                OK(deletion_vector_add(v, (uint64_t)first, NULL, &err));
                assert_true(deletion_vector_has(v, (uint64_t)first));
            }
            continue;
        }
        deletion_vector_print(v, &bytes);
        assert_false(bytes.failed);
        if (word.ptr[0] == 'r') {
            struct deletion_vector *back = NULL;
            OK(deletion_vector_parse(buf_str(&bytes), &back, &err));
            assert_int_equal(deletion_vector_count(back), deletion_vector_count(v));
            assert_int_equal(deletion_vector_end(back), deletion_vector_end(v));
            deletion_vector_free(v);
            v = back;
            continue;
        }
        compared++;
        if (word.ptr[0] == '=') {
            hex_of(buf_str(&bytes), &text);
            if (!str_eq(buf_str(&text), tail)) {
                fail_msg("%.*s\ngot %s", STR_FMT(line), buf_cstr(&text));
            }
        } else {
            assert_true(word.ptr[0] == '#');
            buf_reset(&text);
            buf_printf(&text, "%016llx", (unsigned long long)fnv(buf_str(&bytes)));
            int64_t len = -1;
            assert_true(str_to_i64(tail, &len));
            if ((int64_t)bytes.len != len || !str_eq(buf_str(&text), word_of(&rest))) {
                fail_msg("%.*s\ngot %zu bytes, %s", STR_FMT(line), bytes.len, buf_cstr(&text));
            }
        }
    }
    deletion_vector_free(v);
    buf_release(&bytes);
    buf_release(&text);
    return compared;
}

static void bytes_are_javas(void **state)
{
    (void)state;
    struct arena a = {0};
    struct fs fs;
    const char *root = NULL;
    bool found = false;
    struct buf text = BUF_INIT(1 << 26);
    OK(fs_open(str_of(TEST_DATA "/index"), &a, &fs, &root, &err));
    OK(fs.ops->read(fs.self, TEST_DATA "/index/vectors.txt", &text, &found, &err));
    assert_true(found);
    struct str rest = buf_str(&text);
    struct str line;
    size_t compared = 0;
    while (str_next(&rest, '\n', &line)) {
        compared += line.len > 0 ? run_script(line) : 0;
    }
    assert_true(compared > 400);
    buf_release(&text);
    fs_close(&fs);
    arena_release(&a);
}

/* A vector is the set of what was added, before and after it was written. */
static void is_a_set(void **state)
{
    (void)state;
    enum { SPAN = 300000 };
    static bool marked[SPAN];
    uint64_t seed = 20240229;
    for (int round = 0; round < 24; round++) {
        memset(marked, 0, sizeof(marked));
        bool wide = round % 2 == 1;
        uint64_t base = wide && round % 4 == 1 ? ((uint64_t)3 << 32) - SPAN / 2 : 0;
        struct deletion_vector *v =
            deletion_vector_new(wide ? DELETION_VECTOR_64 : DELETION_VECTOR_32);
        uint64_t count = 0;
        uint64_t end = 0;
        for (int i = 0; i < 2000 * (round / 4 + 1); i++) {
            uint64_t at = next_random(&seed) % (SPAN - 40);
            uint64_t len = next_random(&seed) % 3 == 0 ? next_random(&seed) % 40 : 1;
            for (uint64_t k = at; k < at + len; k++) {
                bool fresh = false;
                OK(deletion_vector_add(v, base + k, &fresh, &err));
                assert_int_equal(fresh, !marked[k]);
                count += fresh ? 1 : 0;
                end = base + k + 1 > end ? base + k + 1 : end;
                marked[k] = true;
            }
        }
        struct buf bytes = BUF_INIT(1 << 22);
        struct buf again = BUF_INIT(1 << 22);
        struct deletion_vector *copy = deletion_vector_copy(v);
        struct deletion_vector *back = NULL;
        deletion_vector_print(v, &bytes);
        OK(deletion_vector_parse(buf_str(&bytes), &back, &err));
        deletion_vector_print(back, &again);
        assert_true(str_eq(buf_str(&bytes), buf_str(&again)));
        const struct deletion_vector *all[] = {v, copy, back};
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(deletion_vector_count(all[i]), count);
            assert_int_equal(deletion_vector_end(all[i]), end);
            assert_int_equal(deletion_vector_kind_of(all[i]), wide);
            for (uint64_t k = 0; k < SPAN; k++) {
                assert_int_equal(deletion_vector_has(all[i], base + k), marked[k]);
            }
            assert_false(deletion_vector_has(all[i], UINT64_MAX));
            deletion_vector_free(i == 0 ? v : i == 1 ? copy : back);
        }
        buf_release(&bytes);
        buf_release(&again);
    }
}

static void has_limits(void **state)
{
    (void)state;
    struct deletion_vector *v = deletion_vector_new(DELETION_VECTOR_32);
    OK(deletion_vector_add(v, INT32_MAX, NULL, &err));
    assert_false(deletion_vector_add(v, (uint64_t)INT32_MAX + 1, NULL, &err));
    assert_int_equal(err.code, FAIL_LIMIT);
    assert_non_null(strstr(err.text, "bitmap64"));
    assert_int_equal(deletion_vector_count(v), 1);
    struct buf small = BUF_INIT(20);
    deletion_vector_print(v, &small);
    assert_true(small.failed);
    assert_true(deletion_vector_has(v, INT32_MAX));
    buf_release(&small);
    deletion_vector_free(v);
    v = deletion_vector_new(DELETION_VECTOR_64);
    assert_int_equal(deletion_vector_end(v), 0);
    OK(deletion_vector_add(v, DELETION_VECTOR_MAX_ROWS - 1, NULL, &err));
    assert_false(deletion_vector_add(v, DELETION_VECTOR_MAX_ROWS, NULL, &err));
    assert_int_equal(err.code, FAIL_LIMIT);
    assert_int_equal(deletion_vector_end(v), DELETION_VECTOR_MAX_ROWS);
    deletion_vector_free(v);
    deletion_vector_free(NULL);
}

/* The record with the CRC that its bytes have. */
static void seal(char *bytes, size_t len)
{
    uint32_t crc = hash_crc32(bytes + 4, len - 8);
    for (size_t i = 0; i < 4; i++) {
        bytes[len - 1 - i] = (char)(crc >> 8 * i & 0xff);
    }
}

static void damage_is_seen(void **state)
{
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        struct deletion_vector *v =
            deletion_vector_new(wide ? DELETION_VECTOR_64 : DELETION_VECTOR_32);
        for (uint64_t i = 0; i < 200; i++) {
            OK(deletion_vector_add(v, i * i * 13, NULL, &err));
            OK(deletion_vector_add(v, 700000 + i, NULL, &err));
        }
        struct buf b = BUF_INIT(1 << 20);
        deletion_vector_print(v, &b);
        deletion_vector_free(v);
        struct deletion_vector *back = NULL;
        for (size_t len = 0; len < b.len; len++) { /* cut */
            char *cut = mem_dup(b.ptr, len);
            assert_false(deletion_vector_parse((struct str){cut, len}, &back, &err));
            assert_int_equal(err.code, FAIL_CORRUPT);
            mem_free(cut);
        }
        for (size_t bit = 0; bit < b.len * 8; bit++) { /* a bit turned over */
            char *bad = mem_dup(b.ptr, b.len);
            bad[bit / 8] = (char)(bad[bit / 8] ^ 1 << bit % 8);
            assert_false(deletion_vector_parse((struct str){bad, b.len}, &back, &err));
            assert_int_equal(err.code, FAIL_CORRUPT);
            seal(bad, b.len); /* now only its meaning can be wrong */
            if (deletion_vector_parse((struct str){bad, b.len}, &back, &err)) {
                struct buf again = BUF_INIT(1 << 20);
                deletion_vector_print(back, &again);
                struct deletion_vector *third = NULL;
                OK(deletion_vector_parse(buf_str(&again), &third, &err));
                assert_int_equal(deletion_vector_count(third), deletion_vector_count(back));
                deletion_vector_free(third);
                deletion_vector_free(back);
                buf_release(&again);
            } else {
                assert_true(err.code == FAIL_CORRUPT || err.code == FAIL_LIMIT);
            }
            mem_free(bad);
        }
        buf_release(&b);
    }
}

/* ---- sets and index files ---- */

struct java {
    struct arena arena;
    struct fs fs;
    const char *path;
    struct index_manifest_place place;
    struct index_manifest_entries index;
};

static void java_open(struct java *j, const char *table)
{
    const char *root = NULL;
    int64_t id = 0;
    bool found = false;
    struct snapshot snapshot;
    memset(j, 0, sizeof(*j));
    OK(fs_open(str_of(TEST_DATA "/index"), &j->arena, &j->fs, &root, &err));
    char *path = arena_alloc(&j->arena, 4096);
    (void)snprintf(path, 4096, "%s/%s", root, table);
    j->path = path;
    OK(snapshot_latest_id(j->fs, path, &id, &err));
    OK(snapshot_read(j->fs, path, id, &j->arena, &snapshot, &found, &err));
    assert_true(found && snapshot.index_manifest.len > 0);
    OK(index_manifest_read(j->fs, path, snapshot.index_manifest, &j->arena, &j->index, &err));
    j->place = (struct index_manifest_place){j->fs, path, strcmp(table, "dv_folder") == 0, ""};
}

static void java_close(struct java *j)
{
    fs_close(&j->fs);
    arena_release(&j->arena);
}

/* Every index file of Java, loaded and written, is the same file again. */
static void files_are_javas(void **state)
{
    (void)state;
    static const char *const tables[] = {"dv", "dv64", "dv_folder", "dynamic_dv"};
    size_t vectors = 0;
    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
        struct java j;
        java_open(&j, tables[t]);
        for (size_t i = 0; i < j.index.count; i++) {
            const struct index_manifest_entry *e = &j.index.items[i];
            if (!str_eq(e->type, STR(INDEX_MANIFEST_VECTORS))) {
                continue;
            }
            struct memfs memory = {.count = 0};
            atomic_uint_fast64_t counter = 7;
            struct deletion_vector_set *s = deletion_vector_set_new(DELETION_VECTOR_32);
            OK(deletion_vector_set_load(s, &j.place, &j.index, e->partition, e->bucket, &err));
            assert_int_equal(deletion_vector_set_count(s), e->row_count);
            assert_false(deletion_vector_set_changed(s));
            struct index_manifest_place place = {
                {&memfs_ops, &memory}, "/t", j.place.in_bucket_folders, ""};
            struct deletion_vector_target target = {.place = &place,
                                                    .partition = e->partition,
                                                    .bucket = e->bucket,
                                                    .uuid = "u",
                                                    .counter = &counter};
            struct index_manifest_entries written = {0};
            OK(deletion_vector_set_write(s, &target, &j.arena, &written, &err));
            assert_int_equal(written.count, 1);
            assert_int_equal(memory.count, 1);
            assert_true(str_eq(written.items[0].file_name, STR("index-u-7")));
            assert_int_equal(written.items[0].row_count, e->row_count);
            assert_int_equal(written.items[0].size_bytes, e->size_bytes);
            for (size_t k = 0; k < e->range_count; k++) {
                const struct index_manifest_range *x = &e->ranges[k];
                const struct index_manifest_range *y = &written.items[0].ranges[k];
                assert_true(str_eq(x->data_file, y->data_file));
                assert_int_equal(x->offset, y->offset);
                assert_int_equal(x->length, y->length);
                assert_int_equal(x->cardinality, y->cardinality);
                assert_int_equal(deletion_vector_count(deletion_vector_set_get(s, x->data_file)),
                                 x->cardinality);
                vectors++;
            }
            const char *path = NULL;
            bool found = false;
            struct buf want = BUF_INIT(1 << 20);
            OK(index_manifest_file_path(&j.place, e, &j.arena, &path, &err));
            OK(j.fs.ops->read(j.fs.self, path, &want, &found, &err));
            assert_true(found && str_eq(buf_str(&want), buf_str(&memory.files[0].bytes)));
            buf_release(&want);
            memfs_close(&memory);
            deletion_vector_set_free(s);
        }
        java_close(&j);
    }
    assert_true(vectors >= 8);
}

static void sets_change(void **state)
{
    (void)state;
    struct deletion_vector_set *s = deletion_vector_set_new(DELETION_VECTOR_64);
    bool fresh = false;
    assert_null(deletion_vector_set_get(s, STR("a")));
    assert_null(deletion_vector_set_get(NULL, STR("a")));
    deletion_vector_set_drop(s, STR("a"));
    assert_false(deletion_vector_set_changed(s));
    OK(deletion_vector_set_mark(s, STR("a"), 3, &fresh, &err));
    assert_true(fresh && deletion_vector_set_changed(s));
    OK(deletion_vector_set_mark(s, STR("a"), 3, &fresh, &err));
    assert_false(fresh);
    OK(deletion_vector_set_mark(s, STR("b"), 0, NULL, &err));
    OK(deletion_vector_set_mark(s, STR("c"), 9, NULL, &err));
    struct deletion_vector_set *copy = deletion_vector_set_copy(s);
    deletion_vector_set_drop(copy, STR("b"));
    OK(deletion_vector_set_mark(copy, STR("a"), 4, NULL, &err));
    assert_int_equal(deletion_vector_set_count(copy), 2);
    assert_int_equal(deletion_vector_set_count(s), 3); /* the first is as it was */
    assert_non_null(deletion_vector_set_get(s, STR("b")));
    assert_null(deletion_vector_set_get(copy, STR("b")));
    assert_true(deletion_vector_has(deletion_vector_set_get(copy, STR("a")), 4));
    assert_false(deletion_vector_has(deletion_vector_set_get(s, STR("a")), 4));
    assert_true(deletion_vector_has(deletion_vector_set_get(copy, STR("c")), 9));
    assert_int_equal(deletion_vector_kind_of(deletion_vector_set_get(s, STR("a"))),
                     DELETION_VECTOR_64);
    assert_false(deletion_vector_set_mark(s, STR("d"), DELETION_VECTOR_MAX_ROWS, NULL, &err));
    assert_non_null(strstr(err.text, "d: "));
    assert_int_equal(deletion_vector_set_count(s), 3);
    deletion_vector_set_free(copy);
    deletion_vector_set_free(s);
    deletion_vector_set_free(NULL);
}

struct disk {
    struct memfs memory;
    struct fs fs;
    struct arena arena;
    atomic_uint_fast64_t counter;
    struct index_manifest_place place;
    struct deletion_vector_target target;
    struct index_manifest_entries listed;
};

static struct deletion_vector_set *disk_init(struct disk *d, size_t files)
{
    memset(d, 0, sizeof(*d));
    d->fs = (struct fs){&memfs_ops, &d->memory};
    d->place = (struct index_manifest_place){d->fs, "/t", false, ""};
    d->target = (struct deletion_vector_target){.place = &d->place,
                                                .partition = binrow_empty,
                                                .bucket = 4,
                                                .uuid = "x",
                                                .counter = &d->counter};
    struct deletion_vector_set *s = deletion_vector_set_new(DELETION_VECTOR_32);
    for (size_t i = 0; i < files; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "data-%zu.avro", i);
        for (uint64_t k = 0; k < 20; k++) {
            OK(deletion_vector_set_mark(s, str_of(name), k * k + i, NULL, &err));
        }
    }
    return s;
}

static void disk_release(struct disk *d)
{
    assert_int_equal(d->memory.open, 0);
    memfs_close(&d->memory);
    arena_release(&d->arena);
}

static void files_roll(void **state)
{
    (void)state;
    struct disk d;
    struct deletion_vector_set *s = disk_init(&d, 10); /* 68 bytes a record */
    d.target.target_bytes = 150;
    OK(deletion_vector_set_write(s, &d.target, &d.arena, &d.listed, &err));
    assert_false(deletion_vector_set_changed(s));
    assert_int_equal(d.listed.count, 4); /* 3 + 3 + 3 + 1: the one that exceeds stays */
    assert_int_equal(d.listed.items[0].row_count, 3);
    assert_int_equal(d.listed.items[3].row_count, 1);
    assert_int_equal(d.memory.count, 4);
    struct deletion_vector_set *back = deletion_vector_set_new(DELETION_VECTOR_32);
    OK(deletion_vector_set_load(back, &d.place, &d.listed, binrow_empty, 4, &err));
    assert_int_equal(deletion_vector_set_count(back), 10);
    assert_int_equal(deletion_vector_count(deletion_vector_set_get(back, STR("data-9.avro"))), 20);
    deletion_vector_set_free(back);
    back = deletion_vector_set_new(DELETION_VECTOR_32);
    OK(deletion_vector_set_load(back, &d.place, &d.listed, binrow_empty, 3, &err));
    assert_int_equal(deletion_vector_set_count(back), 0); /* another bucket's */
    deletion_vector_set_free(back);
    deletion_vector_set_free(s);

    /* Nothing left: a file of one byte replaces the old one; rolling makes none. */
    s = deletion_vector_set_new(DELETION_VECTOR_32);
    d.listed.count = 0;
    OK(deletion_vector_set_write(s, &d.target, &d.arena, &d.listed, &err));
    assert_int_equal(d.listed.count, 0);
    d.target.target_bytes = 0;
    OK(deletion_vector_set_write(s, &d.target, &d.arena, &d.listed, &err));
    assert_int_equal(d.listed.count, 1);
    assert_int_equal(d.listed.items[0].size_bytes, 1);
    assert_false(d.listed.items[0].ranges_null);
    OK(deletion_vector_set_load(s, &d.place, &d.listed, binrow_empty, 4, &err));
    assert_int_equal(deletion_vector_set_count(s), 0);
    deletion_vector_set_free(s);
    disk_release(&d);
}

/* Whatever call fails: it is told, no file is left, and the set still asks to be written. */
static void every_failure_is_told(void **state)
{
    (void)state;
    struct disk d;
    struct deletion_vector_set *s = disk_init(&d, 10);
    d.target.target_bytes = 150;
    long calls = 0;
    for (long n = 1;; n++) {
        d.memory.calls = 0;
        d.memory.fail_at = n;
        if (deletion_vector_set_write(s, &d.target, &d.arena, &d.listed, &err)) {
            calls = n;
            break;
        }
        assert_int_equal(err.code, FAIL_IO);
        assert_int_equal(d.memory.count, 0);
        assert_int_equal(d.listed.count, 0);
        assert_true(deletion_vector_set_changed(s));
    }
    assert_int_equal(calls, 4 * 3 + 1);
    deletion_vector_set_free(s);
    for (long n = 1; n <= 8; n++) {
        d.memory.calls = 0;
        d.memory.fail_at = n;
        s = deletion_vector_set_new(DELETION_VECTOR_32);
        assert_false(deletion_vector_set_load(s, &d.place, &d.listed, binrow_empty, 4, &err));
        assert_int_equal(err.code, FAIL_IO);
        deletion_vector_set_free(s);
    }
    disk_release(&d);
}

static void refused(struct disk *d, const char *why)
{
    struct deletion_vector_set *s = deletion_vector_set_new(DELETION_VECTOR_32);
    if (deletion_vector_set_load(s, &d->place, &d->listed, binrow_empty, 4, &err)) {
        fail_msg("read although: %s", why);
    }
    assert_int_equal(err.code, FAIL_CORRUPT);
    if (strstr(err.text, why) == NULL || strstr(err.text, "/t/index/index-x-0") == NULL) {
        fail_msg("'%s' does not name its file, or '%s'", err.text, why);
    }
    deletion_vector_set_free(s);
}

static void lies_are_told_by_place(void **state)
{
    (void)state;
    struct disk d;
    struct deletion_vector_set *s = disk_init(&d, 3);
    OK(deletion_vector_set_write(s, &d.target, &d.arena, &d.listed, &err));
    deletion_vector_set_free(s);
    struct index_manifest_entry *e = &d.listed.items[0];
    struct index_manifest_range *r = &e->ranges[1];
    struct buf *file = &d.memory.files[0].bytes;
#define LIE(type, field, lie, why)                                                                 \
    do {                                                                                           \
        type truth = (field);                                                                      \
        (field) = (lie);                                                                           \
        refused(&d, why);                                                                          \
        (field) = truth;                                                                           \
    } while (0)
    LIE(int64_t, e->size_bytes, truth + 1, "the index manifest says");
    LIE(int64_t, e->row_count, 2, "2 vectors are listed, and the places of 3");
    LIE(bool, e->ranges_null, true, "vectors are listed");
    LIE(char, file->ptr[0], 2, "does not begin with 1");
    LIE(int32_t, r->offset, 0, "deletion vector of data-1.avro");
    LIE(int32_t, r->offset, 4000, "deletion vector of data-1.avro");
    LIE(int32_t, r->offset, INT32_MAX, "at 2147483647, deletion vector of data-1.avro");
    LIE(int32_t, r->offset, truth + 1, "deletion vector of data-1.avro");
    LIE(int32_t, r->length, truth + 8, "its length is 60, 68 is listed");
    LIE(int64_t, r->cardinality, 21, "it marks 20 rows, 21 are listed");
    LIE(struct str, r->data_file, STR("data-0.avro"), "two vectors for this file");
    LIE(char, file->ptr[r->offset + 9], (char)~truth, "checksum");
    LIE(size_t, file->len, truth - 1, "the index manifest says");
    r->cardinality = -1; /* not known: then it is not compared */
    s = deletion_vector_set_new(DELETION_VECTOR_32);
    OK(deletion_vector_set_load(s, &d.place, &d.listed, binrow_empty, 4, &err));
    deletion_vector_set_free(s);
    OK(d.fs.ops->remove(d.fs.self, "/t/index/index-x-0", &err));
    refused(&d, "is missing");
    e->external_path = STR("s3://elsewhere/index-x-0");
    s = deletion_vector_set_new(DELETION_VECTOR_32);
    assert_false(deletion_vector_set_load(s, &d.place, &d.listed, binrow_empty, 4, &err));
    assert_int_equal(err.code, FAIL_SCHEMA);
    deletion_vector_set_free(s);
    disk_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bytes_are_javas),
                                       cmocka_unit_test(is_a_set),
                                       cmocka_unit_test(has_limits),
                                       cmocka_unit_test(damage_is_seen),
                                       cmocka_unit_test(files_are_javas),
                                       cmocka_unit_test(sets_change),
                                       cmocka_unit_test(files_roll),
                                       cmocka_unit_test(every_failure_is_told),
                                       cmocka_unit_test(lies_are_told_by_place)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
