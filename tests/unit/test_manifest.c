#include <stdio.h>
#include <string.h>

#include "sink/binrow.h"
#include "sink/format/avro_reader.h"
#include "sink/format/avro_writer.h"
#include "sink/manifest.h"
#include "sink/paths.h"
#include "tests/unit/lake_fixture.h"

#define OK(call) LAKE_OK(l, call)

static const struct partition_layout no_partition = {.count = 0};

static struct data_file *plain_file(struct arena *a, const char *name, int32_t level)
{
    struct data_file *f = arena_zalloc(a, sizeof(*f));
    f->name = str_of(name);
    f->min_key = f->max_key = binrow_empty;
    f->key_stats.min = f->key_stats.max = binrow_empty;
    f->value_stats.min = f->value_stats.max = binrow_empty;
    f->level = level;
    f->creation_ms = INT64_MIN;
    f->delete_rows = -1;
    f->source = -1;
    f->first_row_id = -1;
    f->value_stats_cols_null = true;
    f->write_cols_null = true;
    return f;
}

static struct manifest_entry entry_of(struct arena *a, enum manifest_kind kind, const char *name,
                                      int32_t bucket, int32_t level)
{
    return (struct manifest_entry){.kind = kind,
                                   .partition = binrow_empty,
                                   .bucket = bucket,
                                   .total_buckets = 4,
                                   .file = plain_file(a, name, level)};
}

static struct data_file *full_file(struct arena *a)
{
    struct data_file *f = plain_file(a, "data-1.avro", 5);
    static int64_t nulls[] = {0, -1, INT64_MAX};
    static struct str extra[] = {{"data-1.avro.index", 17}, {"x", 1}};
    static struct str cols[] = {{"a", 1}, {"größe", 7}};
    f->size_bytes = INT64_MAX;
    f->row_count = 1;
    f->min_key = STR("min\0key");
    f->max_key = STR("max");
    f->key_stats = (struct simple_stats){STR("k1"), STR("k2"), nulls, 3};
    f->value_stats = (struct simple_stats){STR(""), STR("v2"), nulls, 1};
    f->min_sequence = -5;
    f->max_sequence = INT64_MAX;
    f->schema_id = 3;
    f->extra_files = extra;
    f->extra_file_count = 2;
    f->creation_ms = -1;
    f->delete_rows = 0;
    f->embedded_index = STR("");
    f->source = 1;
    f->value_stats_cols = cols;
    f->value_stats_col_count = 2;
    f->value_stats_cols_null = false;
    f->external_path = STR("s3://x/y");
    f->first_row_id = 0;
    f->write_cols_null = false;
    return f;
}

static void same_texts(const struct str *a, size_t an, const struct str *b, size_t bn)
{
    assert_int_equal(an, bn);
    for (size_t i = 0; i < an; i++) {
        assert_true(str_eq(a[i], b[i]));
    }
}

static void same_stats(const struct simple_stats *a, const struct simple_stats *b)
{
    assert_true(str_eq(a->min, b->min) && str_eq(a->max, b->max));
    assert_int_equal(a->null_count, b->null_count);
    for (size_t i = 0; i < a->null_count; i++) {
        assert_true(a->nulls[i] == b->nulls[i]);
    }
}

static void same(const struct data_file *a, const struct data_file *b)
{
    assert_true(str_eq(a->name, b->name) && str_eq(a->min_key, b->min_key));
    assert_true(str_eq(a->max_key, b->max_key));
    assert_true(a->size_bytes == b->size_bytes && a->row_count == b->row_count);
    same_stats(&a->key_stats, &b->key_stats);
    same_stats(&a->value_stats, &b->value_stats);
    assert_true(a->min_sequence == b->min_sequence && a->max_sequence == b->max_sequence);
    assert_true(a->schema_id == b->schema_id && a->level == b->level);
    same_texts(a->extra_files, a->extra_file_count, b->extra_files, b->extra_file_count);
    assert_true(a->creation_ms == b->creation_ms && a->delete_rows == b->delete_rows);
    assert_true((a->embedded_index.ptr == NULL) == (b->embedded_index.ptr == NULL));
    assert_true(str_eq(a->embedded_index, b->embedded_index) && a->source == b->source);
    assert_true(a->value_stats_cols_null == b->value_stats_cols_null);
    same_texts(a->value_stats_cols, a->value_stats_col_count, b->value_stats_cols,
               b->value_stats_col_count);
    assert_true((a->external_path.ptr == NULL) == (b->external_path.ptr == NULL));
    assert_true(str_eq(a->external_path, b->external_path));
    assert_true(a->first_row_id == b->first_row_id && a->write_cols_null == b->write_cols_null);
    same_texts(a->write_cols, a->write_col_count, b->write_cols, b->write_col_count);
}

static void entries_come_back(void **state)
{
    struct lake *l = *state;
    struct manifest_entry entries[3] = {entry_of(&l->arena, MANIFEST_ADD, "a.avro", 0, 0),
                                        entry_of(&l->arena, MANIFEST_DELETE, "b.avro", 3, 2),
                                        entry_of(&l->arena, MANIFEST_ADD, "", 2, 0)};
    entries[2].file = full_file(&l->arena);
    struct manifest_meta meta;
    OK(manifest_write(l->fs, l->root, &no_partition, STR("manifest-u-0"), entries, 3, &l->arena,
                      &meta, &l->err));
    assert_true(str_eq(meta.name, STR("manifest-u-0")));
    assert_int_equal(meta.added, 2);
    assert_int_equal(meta.deleted, 1);
    assert_int_equal(meta.schema_id, 3);
    assert_true(meta.min_bucket == 0 && meta.max_bucket == 3);
    assert_true(meta.min_level == 0 && meta.max_level == 5);
    assert_true(str_eq(meta.partition_stats.min, binrow_empty));
    assert_int_equal(meta.partition_stats.null_count, 0);
    uint64_t bytes;
    bool found;
    OK(l->fs.ops->size(l->fs.self, paths_manifest(&l->arena, l->root, meta.name), &bytes, &found,
                       &l->err));
    assert_true(found && bytes == (uint64_t)meta.size_bytes);

    struct manifest_entries read = {0};
    OK(manifest_read(l->fs, l->root, &meta, &l->arena, &read, &l->err));
    OK(manifest_read(l->fs, l->root, &meta, &l->arena, &read, &l->err)); /* appends */
    assert_int_equal(read.count, 6);
    for (size_t i = 0; i < 6; i++) {
        const struct manifest_entry *e = &entries[i % 3];
        assert_int_equal(read.items[i].kind, e->kind);
        assert_int_equal(read.items[i].bucket, e->bucket);
        assert_int_equal(read.items[i].total_buckets, 4);
        assert_true(str_eq(read.items[i].partition, binrow_empty));
        same(read.items[i].file, e->file);
        same(data_file_copy(&l->arena, e->file), e->file);
    }
    /* a size that is not the file's is damage */
    struct manifest_meta wrong = meta;
    wrong.size_bytes -= 1;
    assert_false(manifest_read(l->fs, l->root, &wrong, &l->arena, &read, &l->err));
    assert_int_equal(l->err.code, FAIL_CORRUPT);
    wrong.size_bytes += 2;
    assert_false(manifest_read(l->fs, l->root, &wrong, &l->arena, &read, &l->err));
    assert_int_equal(l->err.code, FAIL_CORRUPT);
    wrong.name = STR("manifest-none");
    assert_false(manifest_read(l->fs, l->root, &wrong, &l->arena, &read, &l->err));
    assert_non_null(strstr(l->err.text, "manifest-none"));
    assert_int_equal(read.count, 6);
}

static void lists_come_back(void **state)
{
    struct lake *l = *state;
    int64_t bytes = 0;
    struct manifest_metas read = {0};
    OK(manifest_list_write(l->fs, l->root, STR("manifest-list-u-0"), NULL, 0, &bytes, &l->err));
    assert_true(bytes > 100); /* a header and no blocks */
    OK(manifest_list_read(l->fs, l->root, STR("manifest-list-u-0"), &l->arena, &read, &l->err));
    assert_int_equal(read.count, 0);
    struct manifest_meta metas[1000];
    char names[1000][32];
    for (size_t i = 0; i < 1000; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "manifest-u-%zu", i);
        metas[i] = (struct manifest_meta){
            .name = str_of(names[i]),
            .size_bytes = (int64_t)i * 1000000007,
            .added = (int64_t)i,
            .deleted = 1,
            .partition_stats = {.min = binrow_empty, .max = binrow_empty},
            .schema_id = (int64_t)i % 3,
            .min_bucket = i % 2 == 0 ? INT32_MIN : 0,
            .max_bucket = i % 2 == 0 ? INT32_MIN : INT32_MAX,
            .min_level = INT32_MIN,
            .max_level = 5,
        };
    }
    OK(manifest_list_write(l->fs, l->root, STR("manifest-list-u-1"), metas, 1000, &bytes, &l->err));
    OK(manifest_list_read(l->fs, l->root, STR("manifest-list-u-1"), &l->arena, &read, &l->err));
    assert_int_equal(read.count, 1000);
    for (size_t i = 0; i < 1000; i++) {
        assert_true(str_eq(read.items[i].name, metas[i].name));
        assert_true(read.items[i].size_bytes == metas[i].size_bytes);
        assert_true(read.items[i].added == metas[i].added && read.items[i].deleted == 1);
        assert_true(read.items[i].schema_id == metas[i].schema_id);
        assert_true(read.items[i].min_bucket == metas[i].min_bucket);
        assert_true(read.items[i].max_bucket == metas[i].max_bucket);
        assert_true(read.items[i].min_level == INT32_MIN && read.items[i].max_level == 5);
    }
    assert_false(
        manifest_list_read(l->fs, l->root, STR("manifest-list-x"), &l->arena, &read, &l->err));
    assert_int_equal(l->err.code, FAIL_CORRUPT);
    assert_non_null(strstr(l->err.text, "is missing"));
}

/* The traps of paimon-format §12.1: six fields on top, in this order, none a union. */
static void top_level_is_what_java_demands(void **state)
{
    struct lake *l = *state;
    static const char *const names[] = {"_VERSION", "_KIND",          "_PARTITION",
                                        "_BUCKET",  "_TOTAL_BUCKETS", "_FILE"};
    struct manifest_entry e = entry_of(&l->arena, MANIFEST_ADD, "a.avro", 0, 0);
    struct manifest_meta meta;
    struct avro_reader *r;
    OK(manifest_write(l->fs, l->root, &no_partition, STR("m"), &e, 1, &l->arena, &meta, &l->err));
    OK(avro_reader_open(l->fs, paths_manifest(&l->arena, l->root, meta.name),
                        (uint64_t)meta.size_bytes, 1 << 20, &r, &l->err));
    const struct avro_node *n = avro_reader_schema(r);
    assert_int_equal(n->kind, AVRO_RECORD);
    assert_int_equal(n->count, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_true(str_eq(n->names[i], str_of(names[i])));
        assert_int_not_equal(n->children[i]->kind, AVRO_UNION);
    }
    const struct avro_node *file = n->children[5];
    assert_int_equal(file->count, 20);
    for (size_t i = 0; i < file->count; i++) { /* null is branch 0 */
        const struct avro_node *f = file->children[i];
        assert_true(f->kind != AVRO_UNION || (f->count == 2 && f->children[0]->kind == AVRO_NULL));
        assert_true((i >= 12) == (f->kind == AVRO_UNION));
    }
    avro_reader_close(r);
}

/* Writes a one-row container with any schema and body as manifest/list `name`. */
static struct manifest_meta craft(struct lake *l, const char *name, const char *schema,
                                  struct str body)
{
    struct avro_writer *w;
    uint64_t bytes = 0;
    OK(avro_writer_open(l->fs, paths_manifest(&l->arena, l->root, str_of(name)), str_of(schema),
                        COMPRESS_NONE, 0, 64000, &w, &l->err));
    buf_put_str(avro_writer_block(w), body);
    OK(avro_writer_row(w, &l->err));
    OK(avro_writer_finish(w, &bytes, &l->err));
    return (struct manifest_meta){.name = str_of(name), .size_bytes = (int64_t)bytes};
}

#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define RECORD(fields) "{\"type\":\"record\",\"name\":\"r\",\"fields\":[" fields "]}"
#define STATS                                                                                      \
    "[\"null\",{\"type\":\"record\",\"name\":\"s\",\"fields\":[" FIELD(                            \
        "_MIN_VALUES", "\"bytes\"") "," FIELD("_MAX_VALUES",                                       \
                                              "\"bytes\"") "," FIELD("_NULL_COUNTS",               \
                                                                     "{\"type\":\"array\","        \
                                                                     "\"items\":\"long\"}") "]}]"

/* Unions everywhere, other orders, fields that are new or gone: read by name all the same. */
static void foreign_shapes_are_read(void **state)
{
    struct lake *l = *state;
    struct buf b = BUF_INIT(1 << 16);
    static const struct {
        const char *bytes;
        size_t len;
    } parts[] = {
        {"\x02", 1},                                /* the top-level union: a record */
        {"\x02\x06new", 5},                         /* _NEW, a text */
        {"\x02\x04", 2},                            /* _VERSION, 2 */
        {"\x0e", 1},                                /* _SCHEMA_ID, 7 */
        {"\x02\x02z\x02y\x03\x04\x02\x08\x00", 10}, /* stats; -2 items in 2 bytes: 1, 4 */
        {"\x06m-1", 4},                             /* _FILE_NAME */
        {"\x02\x04\x06", 3},                        /* size, added, deleted */
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        buf_put(&b, parts[i].bytes, parts[i].len);
    }
    const char *schema = "[\"null\"," RECORD(
        FIELD("_NEW", "[\"null\",\"string\"]") "," FIELD("_VERSION", "[\"null\",\"int\"]") "," FIELD("_SCHEMA_ID", "\"long\"") "," FIELD(
            "_PARTITION_STATS",
            STATS) "," FIELD("_FILE_NAME",
                             "\"string\"") "," FIELD("_FILE_SIZE",
                                                     "\"long\"") "," FIELD("_NUM_ADDED_FILES",
                                                                           "\"long\"") "," FIELD("_"
                                                                                                 "N"
                                                                                                 "U"
                                                                                                 "M"
                                                                                                 "_"
                                                                                                 "D"
                                                                                                 "E"
                                                                                                 "L"
                                                                                                 "E"
                                                                                                 "T"
                                                                                                 "E"
                                                                                                 "D"
                                                                                                 "_"
                                                                                                 "F"
                                                                                                 "I"
                                                                                                 "L"
                                                                                                 "E"
                                                                                                 "S",
                                                                                                 "\"int\"")) "]";
    struct manifest_metas read = {0};
    struct manifest_meta list = craft(l, "list", schema, buf_str(&b));
    OK(manifest_list_read(l->fs, l->root, list.name, &l->arena, &read, &l->err));
    assert_int_equal(read.count, 1);
    assert_true(str_eq(read.items[0].name, STR("m-1")));
    assert_int_equal(read.items[0].schema_id, 7);
    assert_int_equal(read.items[0].size_bytes, 1);
    assert_int_equal(read.items[0].added, 2);
    assert_int_equal(read.items[0].deleted, 3);
    assert_int_equal(read.items[0].partition_stats.null_count, 2);
    assert_int_equal(read.items[0].partition_stats.nulls[1], 4);
    assert_true(read.items[0].min_bucket == INT32_MIN); /* absent */
    buf_release(&b);
}

static void damage_is_named(void **state)
{
    struct lake *l = *state;
    struct manifest_metas metas = {0};
    struct manifest_entries entries = {0};
    const char *version = RECORD(FIELD("_VERSION", "\"int\""));
    (void)craft(l, "v3", version, STR("\x06"));
    assert_false(manifest_list_read(l->fs, l->root, STR("v3"), &l->arena, &metas, &l->err));
    assert_int_equal(l->err.code, FAIL_SCHEMA);
    assert_non_null(strstr(l->err.text, "version 3"));
    (void)craft(l, "short", version, STR("\x04"));
    assert_false(manifest_list_read(l->fs, l->root, STR("short"), &l->arena, &metas, &l->err));
    assert_int_equal(l->err.code, FAIL_CORRUPT);
    assert_non_null(strstr(l->err.text, "lacks _FILE_NAME"));
    const char *with_kind = RECORD(FIELD("_VERSION", "\"int\"") "," FIELD("_KIND", "\"int\""));
    struct manifest_meta meta = craft(l, "kind", with_kind, STR("\x04\x04"));
    assert_false(manifest_read(l->fs, l->root, &meta, &l->arena, &entries, &l->err));
    assert_int_equal(l->err.code, FAIL_SCHEMA);
    assert_non_null(strstr(l->err.text, "kind 2"));
    meta = craft(l, "nofile", with_kind, STR("\x04\x00"));
    assert_false(manifest_read(l->fs, l->root, &meta, &l->arena, &entries, &l->err));
    assert_int_equal(l->err.code, FAIL_CORRUPT);
    const char *text_size =
        RECORD(FIELD("_VERSION", "\"int\"") "," FIELD("_FILE_SIZE", "\"string\""));
    (void)craft(l, "type", text_size, STR("\x04\x00"));
    assert_false(manifest_list_read(l->fs, l->root, STR("type"), &l->arena, &metas, &l->err));
    assert_int_equal(l->err.code, FAIL_SCHEMA);
    assert_non_null(strstr(l->err.text, "_FILE_SIZE"));
    /* a name that leads elsewhere */
    struct manifest_entry e = entry_of(&l->arena, MANIFEST_ADD, "../../x.avro", 0, 0);
    OK(manifest_write(l->fs, l->root, &no_partition, STR("evil"), &e, 1, &l->arena, &meta,
                      &l->err));
    assert_false(manifest_read(l->fs, l->root, &meta, &l->arena, &entries, &l->err));
    assert_non_null(strstr(l->err.text, "_FILE_NAME"));
    assert_int_equal(entries.count, 0);
}

static void identity(void **state)
{
    (void)state;
    struct arena a = {0};
    struct manifest_entry x = entry_of(&a, MANIFEST_ADD, "f", 1, 0);
    struct manifest_entry y = entry_of(&a, MANIFEST_DELETE, "f", 1, 0);
    static struct str extra[] = {{"f.index", 7}};
    y.file->size_bytes = 99; /* not part of it */
    assert_true(manifest_same_file(&x, &y));
    y.bucket = 2;
    assert_false(manifest_same_file(&x, &y));
    y = entry_of(&a, MANIFEST_ADD, "f", 1, 1);
    assert_false(manifest_same_file(&x, &y));
    y = entry_of(&a, MANIFEST_ADD, "g", 1, 0);
    assert_false(manifest_same_file(&x, &y));
    y = entry_of(&a, MANIFEST_ADD, "f", 1, 0);
    y.partition = STR("p");
    assert_false(manifest_same_file(&x, &y));
    y.partition = binrow_empty;
    y.file->embedded_index = STR(""); /* empty is not null */
    assert_false(manifest_same_file(&x, &y));
    y.file->embedded_index = (struct str){NULL, 0};
    y.file->external_path = STR("s3://x");
    assert_false(manifest_same_file(&x, &y));
    y.file->external_path = (struct str){NULL, 0};
    y.file->extra_files = extra;
    y.file->extra_file_count = 1;
    assert_false(manifest_same_file(&x, &y));
    x.file->extra_files = extra;
    x.file->extra_file_count = 1;
    assert_true(manifest_same_file(&x, &y));
    arena_release(&a);
}

/* Entries as text: "+a0" adds file a at level 0, "-a0" deletes it. */
static void expect_fold(const char *in, bool keep, const char *out)
{
    struct arena a = {0};
    struct manifest_entries entries = {0};
    struct manifest_entries live;
    struct buf text = BUF_INIT(1 << 10);
    struct str rest = str_of(in);
    struct str word;
    entries.items = ARENA_ARRAY(&a, struct manifest_entry, strlen(in));
    while (str_next(&rest, ' ', &word)) {
        if (word.len == 3) {
            char *name = arena_cstr(&a, str_slice(word, 1, 2));
            entries.items[entries.count++] =
                entry_of(&a, word.ptr[0] == '+' ? MANIFEST_ADD : MANIFEST_DELETE, name, 0,
                         word.ptr[2] - '0');
        }
    }
    manifest_fold(&entries, keep, &a, &live);
    for (size_t i = 0; i < live.count; i++) {
        const struct manifest_entry *e = &live.items[i];
        buf_printf(&text, "%s%c%c%d", i > 0 ? " " : "", e->kind == MANIFEST_ADD ? '+' : '-',
                   e->file->name.ptr[0], e->file->level);
    }
    assert_string_equal(buf_cstr(&text), out);
    buf_release(&text);
    arena_release(&a);
}

static void folded_as_a_set(void **state)
{
    (void)state;
    expect_fold("", false, "");
    expect_fold("+a0 +b0 +c1", false, "+a0 +b0 +c1");
    expect_fold("+a0 +b0 -a0 +d5", false, "+b0 +d5");
    expect_fold("-a0 +a0 +b0", false, "+b0"); /* wherever the DELETE stands */
    expect_fold("+a0 -a0 +a1", false, "+a1"); /* an upgrade */
    expect_fold("+a0 -a0 +a0", false, "");    /* never added again: paimon-write-path §6.6 */
    expect_fold("+a0 +a0", false, "+a0");
    expect_fold("-x0 +a0 -a0 -y1", false, "");
    expect_fold("-x0 +a0 -a0 -y1 +b0", true, "-x0 -y1 +b0");
    expect_fold("-x0 -x0 +b0 -b1", true, "-x0 +b0 -b1");
}

static void many_fold_fast(void **state)
{
    (void)state;
    struct arena a = {0};
    struct manifest_entries entries = {0};
    struct manifest_entries live;
    size_t n = 20000;
    entries.items = ARENA_ARRAY(&a, struct manifest_entry, 2 * n);
    for (size_t i = 0; i < 2 * n; i++) {
        char *name = arena_alloc(&a, 24);
        (void)snprintf(name, 24, "data-%zu", i % n);
        enum manifest_kind kind = i < n ? MANIFEST_ADD : MANIFEST_DELETE;
        if (kind == MANIFEST_ADD || i % 7 != 0) {
            entries.items[entries.count++] = entry_of(&a, kind, name, (int32_t)(i % n % 16), 0);
        }
    }
    manifest_fold(&entries, false, &a, &live);
    assert_int_equal(live.count, 2 * n - entries.count);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(entries_come_back, lake_setup, lake_teardown),
        cmocka_unit_test_setup_teardown(lists_come_back, lake_setup, lake_teardown),
        cmocka_unit_test_setup_teardown(top_level_is_what_java_demands, lake_setup, lake_teardown),
        cmocka_unit_test_setup_teardown(foreign_shapes_are_read, lake_setup, lake_teardown),
        cmocka_unit_test_setup_teardown(damage_is_named, lake_setup, lake_teardown),
        cmocka_unit_test(identity),
        cmocka_unit_test(folded_as_a_set),
        cmocka_unit_test(many_fold_fast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
