#include "sink/manifest_record.h"

#include <string.h>

#include "base/mem.h"
#include "sink/binrow.h"

#define MANIFEST_VERSION 2

/* ---- the two records (paimon-format §4.2, §4.3; the shape of Paimon 1.3) ------------------- */

#define SIMPLE_STATS(name)                                                                         \
    "{\"type\":\"record\",\"name\":\"" name                                                        \
    "\",\"fields\":[{\"name\":\"_MIN_VALUES\",\"type\":\"bytes\"},"                                \
    "{\"name\":\"_MAX_VALUES\",\"type\":\"bytes\"},{\"name\":\"_NULL_COUNTS\",\"type\":"           \
    "[\"null\",{\"type\":\"array\",\"items\":[\"null\",\"long\"]}],\"default\":null}]}"
#define RECORD_HEAD                                                                                \
    "{\"type\":\"record\",\"name\":\"record\",\"namespace\":\"org.apache.paimon.avro.generated\"," \
    "\"fields\":["
#define OPTIONAL(name, type) "{\"name\":\"" name "\",\"type\":[\"null\"," type "],\"default\":null}"

/* Exactly six fields on top, in this order, none a union: newer Paimon checks. */
static const char
    entry_schema
        [] = RECORD_HEAD "{\"name\":\"_VERSION\",\"type\":\"int\"},{\"name\":\"_KIND\",\"type\":"
                         "\"int\"},"
                         "{\"name\":\"_PARTITION\",\"type\":\"bytes\"},{\"name\":\"_BUCKET\","
                         "\"type\":\"int\"},"
                         "{\"name\":\"_TOTAL_BUCKETS\",\"type\":\"int\"},{\"name\":\"_FILE\","
                         "\"type\":{\"type\":"
                         "\"record\",\"name\":\"record__FILE\",\"fields\":[{\"name\":\"_FILE_"
                         "NAME\","
                         "\"type\":"
                         "\"string\"},{\"name\":\"_FILE_SIZE\",\"type\":\"long\"},{\"name\":\"_ROW_"
                         "COUNT\",\"type\":"
                         "\"long\"},{\"name\":\"_MIN_KEY\",\"type\":\"bytes\"},{\"name\":\"_MAX_"
                         "KEY\",\"type\":"
                         "\"bytes\"},{\"name\":\"_KEY_STATS\",\"type\":" SIMPLE_STATS(
                             "record__FILE_"
                             "_KEY_STATS") "},{\"name\":\"_VALUE_STATS\",\"type\":" SIMPLE_STATS("r"
                                                                                                 "e"
                                                                                                 "c"
                                                                                                 "o"
                                                                                                 "r"
                                                                                                 "d"
                                                                                                 "_"
                                                                                                 "_"
                                                                                                 "F"
                                                                                                 "I"
                                                                                                 "L"
                                                                                                 "E"
                                                                                                 "_"
                                                                                                 "_"
                                                                                                 "V"
                                                                                                 "A"
                                                                                                 "L"
                                                                                                 "U"
                                                                                                 "E"
                                                                                                 "_"
                                                                                                 "S"
                                                                                                 "T"
                                                                                                 "A"
                                                                                                 "T"
                                                                                                 "S") "},{\"name\":\"_MIN_SEQUENCE_NUMBER\","
                                                                                                      "\"type\":\"long\"},"
                                                                                                      "{\"name\":\"_MAX_SEQUENCE_NUMBER\","
                                                                                                      "\"type\":\"long\"},"
                                                                                                      "{\"name\":\"_SCHEMA_ID\",\"type\":"
                                                                                                      "\"long\"},{\"name\":\"_LEVEL\",\"type\":"
                                                                                                      "\"int\"},"
                                                                                                      "{\"name\":\"_EXTRA_FILES\",\"type\":{"
                                                                                                      "\"type\":\"array\",\"items\":\"string\"}}"
                                                                                                      "," OPTIONAL(
                                                                                                          "_CREATION_TIME", "{\"type\":"
                                                                                                                            "\"long\","
                                                                                                                            "\"logicalT"
                                                                                                                            "ype\":"
                                                                                                                            "\"timestam"
                                                                                                                            "p-"
                                                                                                                            "millis\"}") "," OPTIONAL("_DELETE_ROW_COUNT", "\"long\"") "," OPTIONAL("_EMBEDDED_FILE_INDEX", "\"bytes\"") "," OPTIONAL("_FILE_SOURCE", "\"int\"") "," OPTIONAL("_VALUE_STATS_"
                                                                                                                                                                                                                                                                                              "COLS",
                                                                                                                                                                                                                                                                                              "{\"type\":"
                                                                                                                                                                                                                                                                                              "\"array\","
                                                                                                                                                                                                                                                                                              "\"items\":"
                                                                                                                                                                                                                                                                                              "\"string\"}") "," OPTIONAL("_EXTERNAL_PATH",
                                                                                                                                                                                                                                                                                                                          "\"string\"") "," OPTIONAL("_FIRST_ROW_ID",
                                                                                                                                                                                                                                                                                                                                                     "\"long\"") "," OPTIONAL("_WRITE_COLS",
                                                                                                                                                                                                                                                                                                                                                                              "{\"type\":\"array\",\"items\":\"string\"}") "]}}]}";

static const char meta_schema[] = RECORD_HEAD
    "{\"name\":\"_VERSION\",\"type\":\"int\"},{\"name\":\"_FILE_NAME\",\"type\":\"string\"},"
    "{\"name\":\"_FILE_SIZE\",\"type\":\"long\"},{\"name\":\"_NUM_ADDED_FILES\",\"type\":\"long\"},"
    "{\"name\":\"_NUM_DELETED_FILES\",\"type\":\"long\"},{\"name\":\"_PARTITION_STATS\","
    "\"type\":" SIMPLE_STATS(
        "record__PARTITION_STATS") "},{\"name\":\"_SCHEMA_ID\",\"type\":"
                                   "\"long\"}," OPTIONAL(
                                       "_MIN_BUCKET",
                                       "\"int"
                                       "\"") "," OPTIONAL("_MAX_BUCKET",
                                                          "\"int\"") "," OPTIONAL("_MIN_LEVEL",
                                                                                  "\"int\"") "," OPTIONAL("_MAX_LEVEL",
                                                                                                          "\"int\"") "]}";

/* What is read: by name, all of it optional to the decoder; what must be there is asked for after.
 */
#define NAME(text)                                                                                 \
    {                                                                                              \
        ("" text), sizeof(text) - 1                                                                \
    }
#define FIELD(text, of)                                                                            \
    {                                                                                              \
        .name = NAME(text), .type = &(of)                                                          \
    }
#define TYPE_OF(k)                                                                                 \
    {                                                                                              \
        .kind = (k), .nullable = true                                                              \
    }

static const struct type int_type = TYPE_OF(TYPE_INT);
static const struct type long_type = TYPE_OF(TYPE_BIGINT);
static const struct type text_type = TYPE_OF(TYPE_VARCHAR);
static const struct type bytes_type = TYPE_OF(TYPE_VARBINARY);
static const struct type time_type = {.kind = TYPE_TIMESTAMP, .nullable = true, .precision = 3};
static const struct type longs_type = {.kind = TYPE_ARRAY, .nullable = true, .element = &long_type};
static const struct type texts_type = {.kind = TYPE_ARRAY, .nullable = true, .element = &text_type};

enum { STATS_MIN, STATS_MAX, STATS_NULLS, STATS_COUNT };
static const struct type_field stats_fields[STATS_COUNT] = {
    [STATS_MIN] = FIELD("_MIN_VALUES", bytes_type),
    [STATS_MAX] = FIELD("_MAX_VALUES", bytes_type),
    [STATS_NULLS] = FIELD("_NULL_COUNTS", longs_type),
};
static const struct type stats_type = {
    .kind = TYPE_ROW, .nullable = true, .fields = stats_fields, .field_count = STATS_COUNT};

enum {
    FILE_NAME,
    FILE_SIZE,
    FILE_ROWS,
    FILE_MIN_KEY,
    FILE_MAX_KEY,
    FILE_KEY_STATS,
    FILE_VALUE_STATS,
    FILE_MIN_SEQUENCE,
    FILE_MAX_SEQUENCE,
    FILE_SCHEMA_ID,
    FILE_LEVEL,
    FILE_EXTRA,
    FILE_CREATION,
    FILE_DELETES,
    FILE_INDEX,
    FILE_SOURCE,
    FILE_STATS_COLS,
    FILE_EXTERNAL,
    FILE_FIRST_ROW,
    FILE_WRITE_COLS,
    FILE_COUNT
};
static const struct type_field file_fields[FILE_COUNT] = {
    [FILE_NAME] = FIELD("_FILE_NAME", text_type),
    [FILE_SIZE] = FIELD("_FILE_SIZE", long_type),
    [FILE_ROWS] = FIELD("_ROW_COUNT", long_type),
    [FILE_MIN_KEY] = FIELD("_MIN_KEY", bytes_type),
    [FILE_MAX_KEY] = FIELD("_MAX_KEY", bytes_type),
    [FILE_KEY_STATS] = FIELD("_KEY_STATS", stats_type),
    [FILE_VALUE_STATS] = FIELD("_VALUE_STATS", stats_type),
    [FILE_MIN_SEQUENCE] = FIELD("_MIN_SEQUENCE_NUMBER", long_type),
    [FILE_MAX_SEQUENCE] = FIELD("_MAX_SEQUENCE_NUMBER", long_type),
    [FILE_SCHEMA_ID] = FIELD("_SCHEMA_ID", long_type),
    [FILE_LEVEL] = FIELD("_LEVEL", int_type),
    [FILE_EXTRA] = FIELD("_EXTRA_FILES", texts_type),
    [FILE_CREATION] = FIELD("_CREATION_TIME", time_type),
    [FILE_DELETES] = FIELD("_DELETE_ROW_COUNT", long_type),
    [FILE_INDEX] = FIELD("_EMBEDDED_FILE_INDEX", bytes_type),
    [FILE_SOURCE] = FIELD("_FILE_SOURCE", int_type),
    [FILE_STATS_COLS] = FIELD("_VALUE_STATS_COLS", texts_type),
    [FILE_EXTERNAL] = FIELD("_EXTERNAL_PATH", text_type),
    [FILE_FIRST_ROW] = FIELD("_FIRST_ROW_ID", long_type),
    [FILE_WRITE_COLS] = FIELD("_WRITE_COLS", texts_type),
};

#define COLUMN(text, k)                                                                            \
    {                                                                                              \
        .name = NAME(text), .type = TYPE_OF(k)                                                     \
    }
#define COLUMN_ROW(text, list, n)                                                                  \
    {                                                                                              \
        .name = NAME(text), .type = {                                                              \
            .kind = TYPE_ROW,                                                                      \
            .nullable = true,                                                                      \
            .fields = (list),                                                                      \
            .field_count = (n)                                                                     \
        }                                                                                          \
    }

enum {
    ENTRY_VERSION,
    ENTRY_KIND,
    ENTRY_PARTITION,
    ENTRY_BUCKET,
    ENTRY_TOTAL,
    ENTRY_FILE,
    ENTRY_COUNT
};
static const struct schema_field entry_fields[ENTRY_COUNT] = {
    [ENTRY_VERSION] = COLUMN("_VERSION", TYPE_INT),
    [ENTRY_KIND] = COLUMN("_KIND", TYPE_INT),
    [ENTRY_PARTITION] = COLUMN("_PARTITION", TYPE_VARBINARY),
    [ENTRY_BUCKET] = COLUMN("_BUCKET", TYPE_INT),
    [ENTRY_TOTAL] = COLUMN("_TOTAL_BUCKETS", TYPE_INT),
    [ENTRY_FILE] = COLUMN_ROW("_FILE", file_fields, FILE_COUNT),
};

enum {
    META_VERSION,
    META_NAME,
    META_SIZE,
    META_ADDED,
    META_DELETED,
    META_STATS,
    META_SCHEMA_ID,
    META_MIN_BUCKET,
    META_MAX_BUCKET,
    META_MIN_LEVEL,
    META_MAX_LEVEL,
    META_COUNT
};
static const struct schema_field meta_fields[META_COUNT] = {
    [META_VERSION] = COLUMN("_VERSION", TYPE_INT),
    [META_NAME] = COLUMN("_FILE_NAME", TYPE_VARCHAR),
    [META_SIZE] = COLUMN("_FILE_SIZE", TYPE_BIGINT),
    [META_ADDED] = COLUMN("_NUM_ADDED_FILES", TYPE_BIGINT),
    [META_DELETED] = COLUMN("_NUM_DELETED_FILES", TYPE_BIGINT),
    [META_STATS] = COLUMN_ROW("_PARTITION_STATS", stats_fields, STATS_COUNT),
    [META_SCHEMA_ID] = COLUMN("_SCHEMA_ID", TYPE_BIGINT),
    [META_MIN_BUCKET] = COLUMN("_MIN_BUCKET", TYPE_INT),
    [META_MAX_BUCKET] = COLUMN("_MAX_BUCKET", TYPE_INT),
    [META_MIN_LEVEL] = COLUMN("_MIN_LEVEL", TYPE_INT),
    [META_MAX_LEVEL] = COLUMN("_MAX_LEVEL", TYPE_INT),
};

/* ---- to bytes ------------------------------------------------------------------------------ */

static void put_bytes(struct buf *b, struct str s)
{
    buf_put_zigzag(b, (int64_t)s.len);
    buf_put_str(b, s);
}

/* The union ["null", long or int]. */
static void put_optional(struct buf *b, bool is_null, int64_t v)
{
    buf_put_zigzag(b, is_null ? 0 : 1);
    if (!is_null) {
        buf_put_zigzag(b, v);
    }
}

static void put_optional_bytes(struct buf *b, struct str s)
{
    buf_put_zigzag(b, s.ptr == NULL ? 0 : 1);
    if (s.ptr != NULL) {
        put_bytes(b, s);
    }
}

static void put_texts(struct buf *b, const struct str *texts, size_t count)
{
    if (count > 0) {
        buf_put_zigzag(b, (int64_t)count);
        for (size_t i = 0; i < count; i++) {
            put_bytes(b, texts[i]);
        }
    }
    buf_put_zigzag(b, 0);
}

static void put_optional_texts(struct buf *b, bool is_null, const struct str *texts, size_t count)
{
    buf_put_zigzag(b, is_null ? 0 : 1);
    if (!is_null) {
        put_texts(b, texts, count);
    }
}

/* _NULL_COUNTS itself is never null: Java does not ask. */
static void put_stats(struct buf *b, const struct simple_stats *s)
{
    put_bytes(b, s->min);
    put_bytes(b, s->max);
    buf_put_zigzag(b, 1);
    if (s->null_count > 0) {
        buf_put_zigzag(b, (int64_t)s->null_count);
        for (size_t i = 0; i < s->null_count; i++) {
            put_optional(b, s->nulls[i] < 0, s->nulls[i]);
        }
    }
    buf_put_zigzag(b, 0);
}

static void put_file(struct buf *b, const struct data_file *f)
{
    put_bytes(b, f->name);
    buf_put_zigzag(b, f->size_bytes);
    buf_put_zigzag(b, f->row_count);
    put_bytes(b, f->min_key);
    put_bytes(b, f->max_key);
    put_stats(b, &f->key_stats);
    put_stats(b, &f->value_stats);
    buf_put_zigzag(b, f->min_sequence);
    buf_put_zigzag(b, f->max_sequence);
    buf_put_zigzag(b, f->schema_id);
    buf_put_zigzag(b, f->level);
    put_texts(b, f->extra_files, f->extra_file_count);
    put_optional(b, f->creation_ms == INT64_MIN, f->creation_ms);
    put_optional(b, f->delete_rows < 0, f->delete_rows);
    put_optional_bytes(b, f->embedded_index);
    put_optional(b, f->source < 0, f->source);
    put_optional_texts(b, f->value_stats_cols_null, f->value_stats_cols, f->value_stats_col_count);
    put_optional_bytes(b, f->external_path);
    put_optional(b, f->first_row_id < 0, f->first_row_id);
    put_optional_texts(b, f->write_cols_null, f->write_cols, f->write_col_count);
}

void manifest_record_put_entry(struct buf *b, const struct manifest_entry *e)
{
    buf_put_zigzag(b, MANIFEST_VERSION);
    buf_put_zigzag(b, (int64_t)e->kind);
    put_bytes(b, e->partition);
    buf_put_zigzag(b, e->bucket);
    buf_put_zigzag(b, e->total_buckets);
    put_file(b, e->file);
}

void manifest_record_put_meta(struct buf *b, const struct manifest_meta *m)
{
    buf_put_zigzag(b, MANIFEST_VERSION);
    put_bytes(b, m->name);
    buf_put_zigzag(b, m->size_bytes);
    buf_put_zigzag(b, m->added);
    buf_put_zigzag(b, m->deleted);
    put_stats(b, &m->partition_stats);
    buf_put_zigzag(b, m->schema_id);
    put_optional(b, m->min_bucket == INT32_MIN, m->min_bucket);
    put_optional(b, m->max_bucket == INT32_MIN, m->max_bucket);
    put_optional(b, m->min_level == INT32_MIN, m->min_level);
    put_optional(b, m->max_level == INT32_MIN, m->max_level);
}

/* ---- from values ------------------------------------------------------------------------------
 */

/* Turns decoded values into our structs; the first thing that must be there and is not fails it. */
struct get {
    struct arena *arena;
    const char *missing;
    const char *wrong;
};

static int64_t get_long(struct get *g, const struct value *v, const char *name)
{
    if (v->state != VALUE_SET) {
        g->missing = g->missing == NULL ? name : g->missing;
        return 0;
    }
    return v->i;
}

static int64_t get_count(struct get *g, const struct value *v, const char *name)
{
    int64_t n = get_long(g, v, name);
    if (n < 0) {
        g->wrong = g->wrong == NULL ? name : g->wrong;
    }
    return n;
}

static struct str get_bytes(struct get *g, const struct value *v, const char *name)
{
    if (v->state != VALUE_SET) {
        g->missing = g->missing == NULL ? name : g->missing;
        return (struct str){"", 0};
    }
    return arena_str(g->arena, value_str(v));
}

/* A file's name, which must not lead to another folder. */
static struct str get_name(struct get *g, const struct value *v, const char *name)
{
    struct str s = get_bytes(g, v, name);
    if (s.len == 0 || s.ptr[0] == '.' || memchr(s.ptr, '/', s.len) != NULL ||
        memchr(s.ptr, '\0', s.len) != NULL) {
        g->wrong = g->wrong == NULL ? name : g->wrong;
    }
    return s;
}

static int64_t get_optional(const struct value *v, int64_t absent)
{
    return v->state == VALUE_SET ? v->i : absent;
}

static struct str get_optional_bytes(struct get *g, const struct value *v)
{
    return v->state == VALUE_SET ? arena_str(g->arena, value_str(v)) : (struct str){NULL, 0};
}

static struct str *get_texts(struct get *g, const struct value *v, size_t *out_count,
                             const char *name)
{
    *out_count = 0;
    if (v->state != VALUE_SET) {
        return NULL;
    }
    struct str *texts = ARENA_ARRAY(g->arena, struct str, v->len);
    for (size_t i = 0; i < v->len; i++) {
        texts[i] = get_bytes(g, &v->items[i], name);
    }
    *out_count = v->len;
    return texts;
}

static struct simple_stats get_stats(struct get *g, const struct value *v, const char *name)
{
    struct simple_stats s = {.min = binrow_empty, .max = binrow_empty};
    if (v->state != VALUE_SET) {
        g->missing = g->missing == NULL ? name : g->missing;
        return s;
    }
    s.min = get_bytes(g, &v->items[STATS_MIN], "_MIN_VALUES");
    s.max = get_bytes(g, &v->items[STATS_MAX], "_MAX_VALUES");
    const struct value *nulls = &v->items[STATS_NULLS];
    if (nulls->state == VALUE_SET) {
        s.null_count = nulls->len;
        s.nulls = ARENA_ARRAY(g->arena, int64_t, s.null_count);
        for (size_t i = 0; i < s.null_count; i++) {
            s.nulls[i] = get_optional(&nulls->items[i], -1);
        }
    }
    return s;
}

static struct data_file *get_file(struct get *g, const struct value *row)
{
    struct data_file *f = arena_zalloc(g->arena, sizeof(*f));
    if (row->state != VALUE_SET) {
        g->missing = "_FILE";
        return f;
    }
    const struct value *v = row->items;
    f->name = get_name(g, &v[FILE_NAME], "_FILE_NAME");
    f->size_bytes = get_count(g, &v[FILE_SIZE], "_FILE_SIZE");
    f->row_count = get_count(g, &v[FILE_ROWS], "_ROW_COUNT");
    f->min_key = get_bytes(g, &v[FILE_MIN_KEY], "_MIN_KEY");
    f->max_key = get_bytes(g, &v[FILE_MAX_KEY], "_MAX_KEY");
    f->key_stats = get_stats(g, &v[FILE_KEY_STATS], "_KEY_STATS");
    f->value_stats = get_stats(g, &v[FILE_VALUE_STATS], "_VALUE_STATS");
    f->min_sequence = get_long(g, &v[FILE_MIN_SEQUENCE], "_MIN_SEQUENCE_NUMBER");
    f->max_sequence = get_long(g, &v[FILE_MAX_SEQUENCE], "_MAX_SEQUENCE_NUMBER");
    f->schema_id = get_count(g, &v[FILE_SCHEMA_ID], "_SCHEMA_ID");
    f->level = (int32_t)get_count(g, &v[FILE_LEVEL], "_LEVEL");
    f->extra_files = get_texts(g, &v[FILE_EXTRA], &f->extra_file_count, "_EXTRA_FILES");
    f->creation_ms = get_optional(&v[FILE_CREATION], INT64_MIN);
    f->delete_rows = get_optional(&v[FILE_DELETES], -1);
    f->embedded_index = get_optional_bytes(g, &v[FILE_INDEX]);
    f->source = (int32_t)get_optional(&v[FILE_SOURCE], -1);
    f->value_stats_cols_null = v[FILE_STATS_COLS].state != VALUE_SET;
    f->value_stats_cols =
        get_texts(g, &v[FILE_STATS_COLS], &f->value_stats_col_count, "_VALUE_STATS_COLS");
    f->external_path = get_optional_bytes(g, &v[FILE_EXTERNAL]);
    f->first_row_id = get_optional(&v[FILE_FIRST_ROW], -1);
    f->write_cols_null = v[FILE_WRITE_COLS].state != VALUE_SET;
    f->write_cols = get_texts(g, &v[FILE_WRITE_COLS], &f->write_col_count, "_WRITE_COLS");
    return f;
}

static bool get_ok(const struct get *g, struct error *err)
{
    if (g->missing != NULL) {
        return error_set(err, FAIL_CORRUPT, "an entry lacks %s", g->missing);
    }
    return g->wrong == NULL || error_set(err, FAIL_CORRUPT, "an entry's %s is absurd", g->wrong);
}

static bool check_version(const struct value *v, struct error *err)
{
    if (v->state != VALUE_SET) {
        return error_set(err, FAIL_CORRUPT, "an entry lacks _VERSION");
    }
    if (v->i != MANIFEST_VERSION) {
        return error_set(
            err, FAIL_SCHEMA,
            "entries of version %lld, while %d is the one known; the table was written "
            "by another generation of Paimon",
            (long long)v->i, MANIFEST_VERSION);
    }
    return true;
}

static bool take_entry(struct arena *arena, const struct value *v, void *into, struct error *err)
{
    struct manifest_entries *out = into;
    struct get g = {.arena = arena};
    if (!check_version(&v[ENTRY_VERSION], err)) {
        return false;
    }
    int64_t kind = get_long(&g, &v[ENTRY_KIND], "_KIND");
    if (kind != MANIFEST_ADD && kind != MANIFEST_DELETE) {
        return error_set(err, FAIL_SCHEMA,
                         "an entry of kind %lld; only 0 (add) and 1 (delete) are "
                         "known",
                         (long long)kind);
    }
    struct manifest_entry e = {.kind = (enum manifest_kind)kind};
    e.partition = get_bytes(&g, &v[ENTRY_PARTITION], "_PARTITION");
    e.bucket = (int32_t)get_long(&g, &v[ENTRY_BUCKET], "_BUCKET");
    e.total_buckets = (int32_t)get_long(&g, &v[ENTRY_TOTAL], "_TOTAL_BUCKETS");
    e.file = get_file(&g, &v[ENTRY_FILE]);
    if (!get_ok(&g, err)) {
        return false;
    }
    if (out->count == out->cap) { /* in the arena, like all they point to */
        size_t cap = out->cap == 0 ? 16 : out->cap * 2;
        struct manifest_entry *more = ARENA_ARRAY(arena, struct manifest_entry, cap);
        if (out->count > 0) {
            memcpy(more, out->items, out->count * sizeof(*more));
        }
        out->items = more;
        out->cap = cap;
    }
    out->items[out->count++] = e;
    return true;
}

static bool take_meta(struct arena *arena, const struct value *v, void *into, struct error *err)
{
    struct manifest_metas *out = into;
    struct get g = {.arena = arena};
    if (!check_version(&v[META_VERSION], err)) {
        return false;
    }
    struct manifest_meta m = {.name = get_name(&g, &v[META_NAME], "_FILE_NAME")};
    m.size_bytes = get_count(&g, &v[META_SIZE], "_FILE_SIZE");
    m.added = get_count(&g, &v[META_ADDED], "_NUM_ADDED_FILES");
    m.deleted = get_count(&g, &v[META_DELETED], "_NUM_DELETED_FILES");
    m.partition_stats = get_stats(&g, &v[META_STATS], "_PARTITION_STATS");
    m.schema_id = get_count(&g, &v[META_SCHEMA_ID], "_SCHEMA_ID");
    m.min_bucket = (int32_t)get_optional(&v[META_MIN_BUCKET], INT32_MIN);
    m.max_bucket = (int32_t)get_optional(&v[META_MAX_BUCKET], INT32_MIN);
    m.min_level = (int32_t)get_optional(&v[META_MIN_LEVEL], INT32_MIN);
    m.max_level = (int32_t)get_optional(&v[META_MAX_LEVEL], INT32_MIN);
    if (!get_ok(&g, err)) {
        return false;
    }
    if (out->count == out->cap) {
        size_t cap = out->cap == 0 ? 16 : out->cap * 2;
        struct manifest_meta *more = ARENA_ARRAY(arena, struct manifest_meta, cap);
        if (out->count > 0) {
            memcpy(more, out->items, out->count * sizeof(*more));
        }
        out->items = more;
        out->cap = cap;
    }
    out->items[out->count++] = m;
    return true;
}

const struct manifest_record manifest_record_entry = {
    .schema = {entry_schema, sizeof(entry_schema) - 1},
    .fields = entry_fields,
    .width = ENTRY_COUNT,
    .take = take_entry,
};
const struct manifest_record manifest_record_meta = {
    .schema = {meta_schema, sizeof(meta_schema) - 1},
    .fields = meta_fields,
    .width = META_COUNT,
    .take = take_meta,
};
