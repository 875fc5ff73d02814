#include "sink/data_file.h"

#include <string.h>

#include "base/mem.h"

/* Reserved ids, paimon-format §2.3 (SpecialFields.java). */
#define DATA_FILE_KEY_ID 1073741823
#define DATA_FILE_SEQUENCE_ID 2147483646
#define DATA_FILE_KIND_ID 2147483645

static struct str *copy_texts(struct arena *a, const struct str *from, size_t count)
{
    struct str *to = ARENA_ARRAY(a, struct str, count);
    for (size_t i = 0; i < count; i++) {
        to[i] = arena_str(a, from[i]);
    }
    return to;
}

/* Keeps the difference between null (ptr NULL) and empty. */
static struct str copy_optional(struct arena *a, struct str s)
{
    return s.ptr == NULL ? s : arena_str(a, s);
}

static struct simple_stats copy_stats(struct arena *a, const struct simple_stats *s)
{
    struct simple_stats c = {.min = arena_str(a, s->min), .max = arena_str(a, s->max)};
    c.null_count = s->null_count;
    c.nulls = ARENA_ARRAY(a, int64_t, s->null_count);
    if (s->null_count > 0) {
        memcpy(c.nulls, s->nulls, s->null_count * sizeof(*s->nulls));
    }
    return c;
}

struct data_file *data_file_copy(struct arena *a, const struct data_file *f)
{
    struct data_file *c = arena_alloc(a, sizeof(*c));
    *c = *f;
    c->name = arena_str(a, f->name);
    c->min_key = arena_str(a, f->min_key);
    c->max_key = arena_str(a, f->max_key);
    c->key_stats = copy_stats(a, &f->key_stats);
    c->value_stats = copy_stats(a, &f->value_stats);
    c->extra_files = copy_texts(a, f->extra_files, f->extra_file_count);
    c->embedded_index = copy_optional(a, f->embedded_index);
    c->value_stats_cols = copy_texts(a, f->value_stats_cols, f->value_stats_col_count);
    c->external_path = copy_optional(a, f->external_path);
    c->write_cols = copy_texts(a, f->write_cols, f->write_col_count);
    return c;
}

static bool is_partition(const struct schema *s, size_t field)
{
    for (size_t i = 0; i < s->partition_key_count; i++) {
        if (s->partition_key[i] == field) {
            return true;
        }
    }
    return false;
}

static struct str key_name(struct arena *a, struct str name)
{
    static const char prefix[] = "_KEY_";
    size_t len = sizeof(prefix) - 1;
    char *p = arena_alloc(a, len + name.len + 1);
    memcpy(p, prefix, len);
    memcpy(p + len, name.ptr, name.len);
    p[len + name.len] = '\0';
    return (struct str){p, len + name.len};
}

void data_file_layout(const struct schema *s, struct arena *a, struct data_file_layout *out)
{
    /* The trimmed primary key: declared order, without the partition's columns. */
    size_t *keys = ARENA_ARRAY(a, size_t, s->primary_key_count);
    size_t key_count = 0;
    for (size_t i = 0; i < s->primary_key_count; i++) {
        if (!is_partition(s, s->primary_key[i])) {
            keys[key_count++] = s->primary_key[i];
        }
    }
    must(key_count > 0); /* schema_file_check_writable refused other tables */
    size_t count = key_count + 2 + s->field_count;
    struct schema_field *f = ARENA_ARRAY(a, struct schema_field, count);
    for (size_t i = 0; i < key_count; i++) {
        const struct schema_field *column = &s->fields[keys[i]];
        f[i].id = DATA_FILE_KEY_ID + column->id;
        f[i].name = key_name(a, column->name);
        f[i].type = column->type;
        f[i].type.nullable = false;
    }
    f[key_count] = (struct schema_field){.id = DATA_FILE_SEQUENCE_ID,
                                         .name = STR("_SEQUENCE_NUMBER"),
                                         .type = {.kind = TYPE_BIGINT}};
    f[key_count + 1] = (struct schema_field){
        .id = DATA_FILE_KIND_ID, .name = STR("_VALUE_KIND"), .type = {.kind = TYPE_TINYINT}};
    for (size_t i = 0; i < s->field_count; i++) {
        f[key_count + 2 + i] = s->fields[i];
    }
    *out = (struct data_file_layout){
        .fields = f, .count = count, .key_count = key_count, .key_columns = keys};
}
