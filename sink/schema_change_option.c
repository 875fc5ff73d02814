/* Declared in schema_change.h: what changes do to options. */
#include "base/buf.h"
#include "sink/schema_change.h"

#define OPTION_MAX_BYTES ((size_t)1 << 20)

/* CoreOptions.IMMUTABLE_OPTIONS of Paimon 1.4 and 2.0. */
static const char *const immutable[] = {
    "aggregation.remove-record-on-delete",
    "bucket-function.type",
    "bucket-key",
    "chain-table.chain-partition-keys",
    "data-evolution.enabled",
    "data-file.path-directory",
    "dynamic-bucket.initial-buckets",
    "force-lookup",
    "index-file-in-data-file-dir",
    "merge-engine",
    "partial-update.remove-record-on-delete",
    "partial-update.remove-record-on-sequence-group",
    "partition",
    "pk-clustering-override",
    "primary-key",
    "row-tracking.enabled",
    "rowkind.field",
    "sequence.snapshot-ordering",
    "type",
};

static bool is_true(struct str v)
{
    return str_eq_nocase(str_trim(v), STR("true"));
}

static bool refuse(struct str key, const char *why, struct error *err)
{
    return error_set(err, FAIL_SCHEMA, "option '%.*s' cannot be changed: %s",
                     STR_FMT(str_slice(key, 0, 80)), why);
}

static bool check_bucket(struct str old, struct str value, struct error *err)
{
    struct str key = STR("bucket");
    if (value.ptr == NULL) {
        return refuse(key, "it must say something once the table has data", err);
    }
    if (old.ptr == NULL || str_eq(str_trim(old), STR("-1"))) {
        return refuse(key, "the table has dynamic buckets (-1), which stay so", err);
    }
    return !str_eq(str_trim(value), STR("-1")) ||
           refuse(key, "fixed buckets cannot become dynamic ones (-1)", err);
}

bool schema_change_option_check(const struct schema *old, struct str key, struct str value,
                                struct error *err)
{
    struct str before = schema_option(old, key);
    for (size_t i = 0; i < sizeof immutable / sizeof *immutable; i++) {
        if (str_eq(key, str_of(immutable[i]))) {
            return refuse(key, "files that are there already mean something by it", err);
        }
    }
    if (str_eq(key, STR("bucket"))) {
        return check_bucket(before, value, err);
    }
    if (str_eq(key, STR("deletion-vectors.enabled")) && is_true(before) != is_true(value) &&
        !is_true(schema_option(old, STR("deletion-vectors.modifiable")))) {
        return refuse(key, "set deletion-vectors.modifiable first, and compact fully after", err);
    }
    if ((str_eq(key, STR("ignore-delete")) || str_eq(key, STR("ignore-update-before"))) &&
        value.ptr != NULL && is_true(before) && !is_true(value)) {
        return refuse(key, "what was ignored is in the files and would come to life", err);
    }
    return true;
}

void schema_change_option_remove(struct schema *s, struct str key)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->option_count; i++) {
        if (!str_eq(s->options[i].key, key)) {
            s->options[kept++] = s->options[i];
        }
    }
    s->option_count = kept;
}

/* "a,b" with one name replaced. */
static void put_renamed(struct str list, struct str from, struct str to, struct buf *out)
{
    struct str name;
    bool first = true;
    while (str_next(&list, ',', &name)) {
        if (!first) {
            buf_put_byte(out, ',');
        }
        buf_put_str(out, str_eq(name, from) ? to : name);
        first = false;
    }
}

/* fields.<columns>.<suffix>: the columns; ptr NULL when the key is no such option. */
static struct str columns_of(struct str key, const char *suffix)
{
    struct str head = STR("fields.");
    struct str tail = str_of(suffix);
    if (!str_starts(key, head) || !str_ends(key, tail) || key.len <= head.len + tail.len) {
        return (struct str){NULL, 0};
    }
    return str_slice(key, head.len, key.len - tail.len);
}

static void rename_option(struct schema *s, struct schema_option *o, struct str from, struct str to)
{
    static const char *const of_column[] = {".aggregate-function", ".ignore-retract", ".distinct",
                                            ".list-agg-delimiter"};
    static const char *const of_columns[] = {".sequence-group", ".nested-key"};
    struct buf text = BUF_INIT(OPTION_MAX_BYTES);
    if (str_eq(o->key, STR("bucket-key")) || str_eq(o->key, STR("sequence.field"))) {
        put_renamed(o->value, from, to, &text);
        o->value = arena_str(&s->arena, buf_str(&text));
    }
    for (size_t i = 0; i < sizeof of_column / sizeof *of_column; i++) {
        if (str_eq(columns_of(o->key, of_column[i]), from)) {
            buf_reset(&text);
            buf_printf(&text, "fields.%.*s%s", STR_FMT(to), of_column[i]);
            o->key = arena_str(&s->arena, buf_str(&text));
        }
    }
    for (size_t i = 0; i < sizeof of_columns / sizeof *of_columns; i++) {
        struct str columns = columns_of(o->key, of_columns[i]);
        if (columns.ptr == NULL) {
            continue;
        }
        buf_reset(&text);
        put_renamed(o->value, from, to, &text);
        o->value = arena_str(&s->arena, buf_str(&text));
        buf_reset(&text);
        buf_put_cstr(&text, "fields.");
        put_renamed(columns, from, to, &text);
        buf_put_cstr(&text, of_columns[i]);
        o->key = arena_str(&s->arena, buf_str(&text));
    }
    buf_release(&text);
}

void schema_change_option_rename(struct schema *s, struct str from, struct str to)
{
    for (size_t i = 0; i < s->option_count; i++) {
        rename_option(s, &s->options[i], from, to);
    }
}
