/* What a writer must not pass over: options, types and kinds of tables that change the meaning of
 * data and are not built (paimon-write-path §3.6, paimon-format §2.4, §11). */
#include "base/str.h"
#include "sink/bucket_assign.h"
#include "sink/format/format.h"
#include "sink/merge_rule.h"
#include "sink/partition.h"
#include "sink/schema_file.h"
#include "sink/table_option.h"

static bool unsupported(struct error *err, struct str key, const char *more)
{
    return error_set(err, FAIL_SCHEMA, "option '%.*s' is not supported yet%s",
                     STR_FMT(str_slice(key, 0, 80)), more);
}

#define BUCKETS_MAX 32767

static bool check_each(const struct schema *s, struct error *err)
{
    for (size_t i = 0; i < s->option_count; i++) {
        if (!table_option_check(s->options[i].key, s->options[i].value, err)) {
            return false;
        }
    }
    return true;
}

static bool check_producer(const struct schema *s, struct error *err)
{
    struct str v = schema_option(s, STR("changelog-producer"));
    static const char *const known[] = {"none", "input", "lookup", "full-compaction"};
    bool found = v.ptr == NULL;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        found = found || str_eq_nocase(v, str_of(known[i]));
    }
    struct str commits = schema_option(s, STR("full-compaction.delta-commits"));
    if (commits.ptr != NULL && str_eq_nocase(v, STR("lookup"))) {
        return error_set(err, FAIL_SCHEMA,
                         "option 'full-compaction.delta-commits' does not go with "
                         "changelog-producer = lookup");
    }
    return found || error_set(err, FAIL_SCHEMA,
                              "option 'changelog-producer' = '%.*s': known are none, input, lookup "
                              "and full-compaction",
                              STR_FMT(str_slice(v, 0, 40)));
}

static bool check_bucket(const struct schema *s, struct error *err)
{
    struct str text = schema_option(s, STR("bucket"));
    int64_t bucket = -1; /* Paimon's default: dynamic */
    if (text.ptr != NULL && !str_to_i64(str_trim(text), &bucket)) {
        return error_set(err, FAIL_SCHEMA, "option 'bucket' = '%.*s' is not a number",
                         STR_FMT(str_slice(text, 0, 40)));
    }
    if (bucket < 1 && bucket != -1) {
        return error_set(err, FAIL_SCHEMA,
                         "option 'bucket' = %lld%s is not supported yet: fixed buckets (1 or more) "
                         "and dynamic ones (-1) are",
                         (long long)bucket, bucket == -2 ? " (postponed buckets)" : "");
    }
    struct bucket_assign_options dynamic;
    if (!bucket_assign_parse(s, &dynamic, err)) {
        err->code = FAIL_SCHEMA;
        return false;
    }
    if (bucket == -1 && schema_option(s, STR("bucket-key")).ptr != NULL) {
        return error_set(err, FAIL_SCHEMA, "option 'bucket-key' does not go with bucket = -1");
    }
    return bucket <= BUCKETS_MAX ||
           error_set(
               err, FAIL_SCHEMA,
               "option 'bucket' = %lld: more than %d are not supported (a bucket is for about "
               "1 GB)",
               (long long)bucket, BUCKETS_MAX);
}

/* bucket-key may only say again what the primary key says. */
static bool check_bucket_key(const struct schema *s, struct error *err)
{
    struct str rest = schema_option(s, STR("bucket-key"));
    if (rest.ptr == NULL || str_trim(rest).len == 0) {
        return true;
    }
    struct str part;
    size_t i = 0;
    bool same = true;
    while (same && str_next(&rest, ',', &part)) {
        same =
            i < s->primary_key_count && str_eq(str_trim(part), s->fields[s->primary_key[i]].name);
        i++;
    }
    return (same && i == s->primary_key_count) ||
           unsupported(err, STR("bucket-key"), " unless it is the primary key");
}

/* "0:avro,3:parquet" */
static bool check_formats_by_level(const struct schema *s, struct error *err)
{
    struct str rest = schema_option(s, STR("file.format.per.level"));
    struct str part;
    if (rest.ptr == NULL || str_trim(rest).len == 0) {
        return true;
    }
    while (str_next(&rest, ',', &part)) {
        struct str level;
        const struct format_ops *format;
        bool has_level = str_next(&part, ':', &level);
        if (!has_level || part.ptr == NULL || !format_of_option(str_trim(part), &format, err)) {
            return unsupported(err, STR("file.format.per.level"),
                               " with formats other than avro and parquet");
        }
    }
    return true;
}

static bool check_format(const struct schema *s, struct error *err)
{
    struct str name = schema_option(s, STR("file.format"));
    const struct format_ops *format;
    name = name.ptr == NULL ? STR("parquet") : str_trim(name); /* Paimon's default */
    if (!format_of_option(name, &format, err) || !check_formats_by_level(s, err)) {
        return false;
    }
    struct format_options o = {.compression = schema_file_compression(s), .zstd_level = 1};
    if (!format->check(s->fields, s->field_count, &o, err)) {
        err->code = FAIL_SCHEMA; /* the table says so, not the job */
        return false;
    }
    return true;
}

static bool is_reserved(struct str name)
{
    static const char *const reserved[] = {"_SEQUENCE_NUMBER", "_VALUE_KIND", "_LEVEL", "rowkind",
                                           "_ROW_ID"};
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        if (str_eq(name, str_of(reserved[i]))) {
            return true;
        }
    }
    return str_starts(name, STR("_KEY_"));
}

static bool check_columns(const struct schema *s, struct error *err)
{
    for (size_t i = 0; i < s->field_count; i++) {
        struct str name = s->fields[i].name;
        if (is_reserved(name)) {
            return error_set(err, FAIL_SCHEMA,
                             "column '%.*s' has a name that Paimon keeps for itself; rename it at "
                             "the source or leave the table out",
                             STR_FMT(str_slice(name, 0, 80)));
        }
    }
    for (size_t i = 0; i < s->primary_key_count; i++) {
        const struct schema_field *f = &s->fields[s->primary_key[i]];
        if (type_is_nested(&f->type)) {
            return error_set(err, FAIL_SCHEMA, "key column '%.*s' is of a nested type",
                             STR_FMT(str_slice(f->name, 0, 80)));
        }
        if (f->type.nullable) {
            return error_set(err, FAIL_SCHEMA, "key column '%.*s' is nullable",
                             STR_FMT(str_slice(f->name, 0, 80)));
        }
    }
    return true;
}

static bool is_key(const size_t *key, size_t count, size_t column)
{
    for (size_t i = 0; i < count; i++) {
        if (key[i] == column) {
            return true;
        }
    }
    return false;
}

/* As Paimon demands it, but for a primary key without the partition's columns: a row could then
 * move from one partition to another. */
static bool check_partition(const struct schema *s, struct error *err)
{
    struct arena a = {0};
    struct partition_layout layout;
    for (size_t i = 0; i < s->partition_key_count; i++) {
        struct str name = s->fields[s->partition_key[i]].name;
        if (is_key(s->partition_key, i, s->partition_key[i])) {
            return error_set(err, FAIL_SCHEMA, "partition column '%.*s' is named twice",
                             STR_FMT(str_slice(name, 0, 80)));
        }
        if (!is_key(s->primary_key, s->primary_key_count, s->partition_key[i])) {
            return error_set(err, FAIL_SCHEMA,
                             "partition column '%.*s' is not in the primary key: rows that move "
                             "from one partition to another are not supported; partition by a "
                             "column of the key",
                             STR_FMT(str_slice(name, 0, 80)));
        }
    }
    if (s->partition_key_count > 0 && s->partition_key_count == s->primary_key_count) {
        return error_set(err, FAIL_SCHEMA,
                         "the partition columns are the whole primary key: every row would be a "
                         "partition of its own");
    }
    bool ok = partition_layout(s, &a, &layout, err);
    arena_release(&a);
    return ok;
}

bool schema_file_check_writable(const struct schema *s, struct error *err)
{
    if (s->primary_key_count == 0) {
        return error_set(err, FAIL_SCHEMA, "tables without a primary key are not supported yet");
    }
    return check_partition(s, err) && check_each(s, err) && merge_rule_check_options(s, err) &&
           check_producer(s, err) && check_bucket(s, err) && check_bucket_key(s, err) &&
           check_format(s, err) && check_columns(s, err);
}
