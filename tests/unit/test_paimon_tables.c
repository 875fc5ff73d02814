/* Tables that Paimon Java wrote (tests/golden/paimon), read whole by our own schema, snapshot,
 * manifest and data file readers, merged here in the plainest way, and compared with what Java
 * reads; then written anew by our writers and read again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "sink/binrow.h"
#include "sink/col_stats.h"
#include "sink/data_file.h"
#include "sink/format/format.h"
#include "sink/fs/fs.h"
#include "sink/manifest.h"
#include "sink/paths.h"
#include "sink/schema_file.h"
#include "sink/snapshot.h"

static const struct partition_layout no_partition = {.count = 0};

static struct error err;
#define OK(call)                                                                                   \
    do {                                                                                           \
        if (!(call)) {                                                                             \
            fail_msg("%s: %s", #call, err.text);                                                   \
        }                                                                                          \
    } while (0)

struct table {
    struct arena arena;
    struct fs fs;
    const char *path;
    struct schema *schema;
    struct snapshot snapshot;
    struct manifest_entries live;
    struct data_file_layout layout;
    int64_t live_rows, live_deletes;
};

static void load(struct table *t, const char *folder)
{
    memset(t, 0, sizeof(*t));
    const char *root;
    OK(fs_open(str_of(folder), &t->arena, &t->fs, &root, &err));
    t->path = root;
    OK(schema_file_latest(t->fs, t->path, &t->schema, &err));
    assert_non_null(t->schema);
    int64_t id;
    OK(snapshot_latest_id(t->fs, t->path, &id, &err));
    assert_true(id > 0);
    bool found;
    OK(snapshot_read(t->fs, t->path, id, &t->arena, &t->snapshot, &found, &err));
    assert_true(found);
    struct manifest_metas metas = {0};
    struct manifest_entries all = {0};
    OK(manifest_list_read(t->fs, t->path, t->snapshot.base_list, &t->arena, &metas, &err));
    OK(manifest_list_read(t->fs, t->path, t->snapshot.delta_list, &t->arena, &metas, &err));
    for (size_t i = 0; i < metas.count; i++) {
        size_t before = all.count;
        OK(manifest_read(t->fs, t->path, &metas.items[i], &t->arena, &all, &err));
        assert_int_equal(all.count - before, metas.items[i].added + metas.items[i].deleted);
    }
    manifest_fold(&all, false, &t->arena, &t->live);
    data_file_layout(t->schema, &t->arena, &t->layout);
}

static void unload(struct table *t)
{
    schema_free(t->schema);
    fs_close(&t->fs);
    arena_release(&t->arena);
}

/* The newest state of each key: an array sorted by nothing, searched plainly. */
struct merged {
    struct str key;
    int64_t sequence;
    bool gone;
    struct str line;
};
struct rows {
    struct merged *items;
    size_t count, cap;
};

static void merge_row(struct table *t, struct rows *rows, const struct value *v)
{
    const struct data_file_layout *l = &t->layout;
    const struct schema_field *fields[32];
    const struct value *values[32];
    struct buf b = BUF_INIT(1 << 20);
    for (size_t i = 0; i < l->key_count; i++) {
        fields[i] = &l->fields[i];
        values[i] = &v[i];
        /* _KEY_x is x */
        assert_true(
            value_equal(&l->fields[i].type, &v[i], &v[l->key_count + 2 + l->key_columns[i]]));
    }
    binrow_write(fields, l->key_count, values, &b);
    struct str key = arena_str(&t->arena, buf_str(&b));
    buf_reset(&b);
    row_print_json(t->schema->fields, t->schema->field_count, v + l->key_count + 2, &b);
    struct merged m = {.key = key,
                       .sequence = v[l->key_count].i,
                       .gone = !row_kind_is_add((enum row_kind)v[l->key_count + 1].i),
                       .line = arena_str(&t->arena, buf_str(&b))};
    buf_release(&b);
    for (size_t i = 0; i < rows->count; i++) {
        if (str_eq(rows->items[i].key, key)) {
            if (m.sequence > rows->items[i].sequence) {
                rows->items[i] = m;
            }
            return;
        }
    }
    VEC_ROOM(rows->items, rows->count, rows->cap);
    rows->items[rows->count++] = m;
}

static void read_file(struct table *t, const struct manifest_entry *e, struct rows *rows)
{
    const struct format_ops *format;
    struct format_reader *r;
    const struct value *v;
    enum next next;
    int64_t count = 0;
    int64_t deletes = 0;
    struct value *last = NULL;
    OK(format_of_file(e->file->name, &format, &err));
    OK(format->reader_open(
        t->fs,
        paths_join(&t->arena, paths_bucket(&t->arena, t->path, "", e->bucket), e->file->name),
        (uint64_t)e->file->size_bytes, t->layout.fields, t->layout.count, &r, &err));
    while ((next = format->read(r, &v, &err)) == NEXT_ROW) {
        count++;
        size_t k = t->layout.key_count;
        deletes += v[k + 1].i == ROW_DELETE || v[k + 1].i == ROW_UPDATE_BEFORE;
        assert_in_range(v[k].i, e->file->min_sequence, e->file->max_sequence);
        merge_row(t, rows, v);
        int order = -1; /* strictly ascending keys */
        for (size_t i = 0; last != NULL && i < k; i++) {
            order = value_compare(&t->layout.fields[i].type, &last[i], &v[i]);
            if (order != 0) {
                break;
            }
        }
        assert_true(order < 0);
        last = row_copy(&t->arena, t->layout.fields, k, v);
    }
    if (next != NEXT_END) {
        fail_msg("%s", err.text);
    }
    format->reader_close(r);
    assert_int_equal(count, e->file->row_count);
    assert_int_equal(deletes, e->file->delete_rows);
    t->live_rows += count;
}

static int by_line(const void *a, const void *b)
{
    const struct merged *x = a;
    const struct merged *y = b;
    return str_compare(x->line, y->line);
}

/* The table's rows as sorted lines. */
static char *lines_of(struct table *t)
{
    struct rows rows = {0};
    struct buf out = BUF_INIT(1 << 24);
    t->live_rows = 0;
    for (size_t i = 0; i < t->live.count; i++) {
        read_file(t, &t->live.items[i], &rows);
    }
    if (rows.count > 0) {
        qsort(rows.items, rows.count, sizeof(*rows.items), by_line);
    }
    for (size_t i = 0; i < rows.count; i++) {
        if (!rows.items[i].gone) {
            buf_put_str(&out, rows.items[i].line);
            buf_put_byte(&out, '\n');
        }
    }
    mem_free(rows.items);
    return buf_take(&out);
}

/* A .rows file with its lines sorted. */
static char *expected_of(const char *path)
{
    struct arena a = {0};
    struct fs fs;
    const char *root;
    struct buf text = BUF_INIT(1 << 24);
    struct buf out = BUF_INIT(1 << 24);
    struct rows rows = {0};
    bool found;
    OK(fs_open(STR(TEST_DATA), &a, &fs, &root, &err));
    OK(fs.ops->read(fs.self, path, &text, &found, &err));
    assert_true(found);
    struct str rest = buf_str(&text);
    struct str line;
    while (str_next(&rest, '\n', &line)) {
        if (line.len > 0) {
            VEC_ROOM(rows.items, rows.count, rows.cap);
            rows.items[rows.count++] = (struct merged){.line = line};
        }
    }
    if (rows.count > 0) {
        qsort(rows.items, rows.count, sizeof(*rows.items), by_line);
    }
    for (size_t i = 0; i < rows.count; i++) {
        buf_put_str(&out, rows.items[i].line);
        buf_put_byte(&out, '\n');
    }
    mem_free(rows.items);
    buf_release(&text);
    arena_release(&a);
    return buf_take(&out);
}

struct copy {
    struct table *from;
    const char *to;
    char uuid[37];
    struct arena *arena;
};

static struct str take_bytes(struct arena *a, struct buf *b)
{
    struct str s = arena_str(a, buf_str(b));
    buf_reset(b);
    return s;
}

static void finish_stats(struct col_stats *c, size_t count, struct arena *a,
                         struct simple_stats *out)
{
    struct buf min = BUF_INIT(1 << 20);
    struct buf max = BUF_INIT(1 << 20);
    out->null_count = count;
    out->nulls = ARENA_ARRAY(a, int64_t, count);
    col_stats_finish(c, &min, &max, out->nulls);
    out->min = take_bytes(a, &min);
    out->max = take_bytes(a, &max);
    buf_release(&min);
    buf_release(&max);
    col_stats_free(c);
}

static void same_stats(const char *what, const struct simple_stats *a, const struct simple_stats *b)
{
    assert_int_equal(a->null_count, b->null_count);
    for (size_t i = 0; i < a->null_count; i++) {
        assert_int_equal(a->nulls[i], b->nulls[i]);
    }
    if (!str_eq(a->min, b->min) || !str_eq(a->max, b->max)) {
        fail_msg("%s: bounds are not Java's", what);
    }
}

/* Writes one file's rows again; its metadata made anew must be Java's. */
static struct data_file *copy_file(struct copy *c, const struct manifest_entry *e, uint64_t n,
                                   bool compare_stats)
{
    struct table *t = c->from;
    struct arena *a = c->arena;
    const struct data_file_layout *l = &t->layout;
    const struct schema_field *fields[64];
    const struct value *v;
    struct format_reader *r;
    struct format_writer *w;
    const struct format_ops *format = format_list[0];
    struct format_options o = {.compression = n % 2 == 0 ? STR("zstd") : STR("none"),
                               .zstd_level = 1};
    struct str name = str_of(paths_file_name(a, "data-", c->uuid, n, ".avro"));
    OK(format->reader_open(t->fs,
                           paths_join(a, paths_bucket(a, t->path, "", e->bucket), e->file->name),
                           (uint64_t)e->file->size_bytes, l->fields, l->count, &r, &err));
    OK(format->writer_open(t->fs, paths_join(a, paths_bucket(a, c->to, "", e->bucket), name),
                           l->fields, l->count, &o, &w, &err));
    assert_true(l->count < 64);
    for (size_t i = 0; i < l->count; i++) {
        fields[i] = &l->fields[i];
    }
    size_t value_at = l->key_count + 2;
    struct col_stats *keys = col_stats_new(fields, l->key_count, COL_STATS_TRUNCATE, 16);
    struct col_stats *values =
        col_stats_new(fields + value_at, l->count - value_at, COL_STATS_TRUNCATE, 16);
    struct data_file *f = data_file_copy(a, e->file);
    struct buf key = BUF_INIT(1 << 20);
    struct str first = {NULL, 0};
    while (format->read(r, &v, &err) == NEXT_ROW) {
        const struct value *pointers[64];
        for (size_t i = 0; i < l->key_count; i++) {
            pointers[i] = &v[i];
        }
        buf_reset(&key);
        binrow_serialize(fields, l->key_count, pointers, &key);
        first = first.ptr == NULL ? arena_str(a, buf_str(&key)) : first;
        col_stats_add(keys, v);
        col_stats_add(values, v + value_at);
        OK(format->write(w, v, &err));
    }
    format->reader_close(r);
    uint64_t bytes;
    OK(format->writer_finish(w, &bytes, &err));
    if (e->file->row_count > 0) {
        assert_true(str_eq(first, e->file->min_key));
        assert_true(str_eq(buf_str(&key), e->file->max_key));
    }
    buf_release(&key);
    finish_stats(keys, l->key_count, a, &f->key_stats);
    finish_stats(values, l->count - value_at, a, &f->value_stats);
    if (compare_stats) {
        same_stats("keys", &f->key_stats, &e->file->key_stats);
        same_stats("values", &f->value_stats, &e->file->value_stats);
    }
    f->name = name;
    f->size_bytes = (int64_t)bytes;
    return f;
}

static void remove_tree(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *d;
    char child[1024];
    while (dir != NULL && (d = readdir(dir)) != NULL) {
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0) {
            (void)snprintf(child, sizeof(child), "%s/%s", path, d->d_name);
            if (unlink(child) != 0) {
                remove_tree(child);
            }
        }
    }
    if (dir != NULL) {
        closedir(dir);
        rmdir(path);
    }
}

static void write_copy(struct table *t, const char *to, bool compare_stats)
{
    struct copy c = {.from = t, .to = to, .arena = &t->arena};
    struct manifest_entries files = {0};
    struct manifest_meta meta;
    struct snapshot s = t->snapshot;
    paths_uuid(c.uuid);
    files.items = ARENA_ARRAY(c.arena, struct manifest_entry, t->live.count);
    for (; files.count < t->live.count; files.count++) {
        struct manifest_entry *e = &files.items[files.count];
        *e = t->live.items[files.count];
        e->file = copy_file(&c, &t->live.items[files.count], files.count, compare_stats);
    }
    OK(schema_file_publish(t->fs, to, t->schema, &err));
    OK(manifest_write(t->fs, to, &no_partition,
                      str_of(paths_file_name(c.arena, "manifest-", c.uuid, 0, "")), files.items,
                      files.count, c.arena, &meta, &err));
    s.base_list = str_of(paths_file_name(c.arena, "manifest-list-", c.uuid, 0, ""));
    s.delta_list = str_of(paths_file_name(c.arena, "manifest-list-", c.uuid, 1, ""));
    OK(manifest_list_write(t->fs, to, s.base_list, NULL, 0, &s.base_list_bytes, &err));
    OK(manifest_list_write(t->fs, to, s.delta_list, &meta, 1, &s.delta_list_bytes, &err));
    s.id = 1;
    OK(snapshot_publish(t->fs, to, &s, &err));
}

static void check_table(const char *name, bool compare_stats)
{
    char path[512];
    char copy[] = "/tmp/inlet-tables-XXXXXX";
    struct table t;
    (void)snprintf(path, sizeof(path), "%s/paimon/%s.rows", TEST_DATA, name);
    char *expected = expected_of(path);
    (void)snprintf(path, sizeof(path), "%s/paimon/%s", TEST_DATA, name);
    load(&t, path);
    char *lines = lines_of(&t);
    assert_string_equal(lines, expected);
    assert_int_equal(t.live_rows, t.snapshot.total_rows);

    assert_non_null(mkdtemp(copy));
    write_copy(&t, copy, compare_stats);
    struct table again;
    load(&again, copy);
    char *copied = lines_of(&again);
    assert_string_equal(copied, expected);
    assert_int_equal(again.live.count, t.live.count);
    unload(&again);
    remove_tree(copy);
    unload(&t);
    mem_free(lines);
    mem_free(copied);
    mem_free(expected);
}

static void crud_is_what_java_reads(void **state)
{
    (void)state;
    check_table("crud", true);
}

static void compacted_tables_fold_to_live_files(void **state)
{
    (void)state;
    check_table("input", true);
    check_table("levels", true);
}

static void every_type_is_read_and_written(void **state)
{
    (void)state;
    check_table("types", false); /* has NaN, for which Java keeps bounds and we do not */
    check_table("keys", true);
    check_table("edge", true);
    check_table("nested", true);
}

static void every_codec_and_the_unions_of_old_releases_are_read(void **state)
{
    (void)state;
    check_table("deflate", true);
    check_table("plain", true);
    check_table("old", false); /* 0.9 keeps the key's bounds at other lengths */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crud_is_what_java_reads),
        cmocka_unit_test(compacted_tables_fold_to_live_files),
        cmocka_unit_test(every_type_is_read_and_written),
        cmocka_unit_test(every_codec_and_the_unions_of_old_releases_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
