#include "sink/schema_evolve.h"

#include <inttypes.h>

#include "base/mem.h"

static size_t find_field(const struct schema *s, int32_t id)
{
    for (size_t i = 0; i < s->field_count; i++) {
        if (s->fields[i].id == id) {
            return i;
        }
    }
    return SIZE_MAX;
}

/* The same bytes in the same order: the same type, or a longer text. */
static bool key_types_fit(const struct type *written, const struct type *wanted)
{
    struct type w = *wanted;
    w.nullable = written->nullable;
    if ((w.kind == TYPE_VARCHAR || w.kind == TYPE_VARBINARY) && w.length >= written->length) {
        w.length = written->length;
    }
    return type_equal(&w, written);
}

static bool check_keys(const struct schema *written, const struct data_file_layout *written_layout,
                       const struct schema *wanted, const struct data_file_layout *wanted_layout,
                       struct error *err)
{
    bool same = written_layout->key_count == wanted_layout->key_count;
    for (size_t i = 0; same && i < wanted_layout->key_count; i++) {
        const struct schema_field *a = &written->fields[written_layout->key_columns[i]];
        const struct schema_field *b = &wanted->fields[wanted_layout->key_columns[i]];
        same = a->id == b->id;
        if (same && !key_types_fit(&a->type, &b->type)) {
            return error_set(err, FAIL_SCHEMA,
                             "key column %.*s changed its type since schema %" PRId64
                             ", which Paimon never does: the table must be written anew",
                             STR_FMT(str_slice(b->name, 0, 80)), written->id);
        }
    }
    return same || error_set(err, FAIL_SCHEMA,
                             "the primary key of schema %" PRId64 " is not that of schema %" PRId64,
                             written->id, wanted->id);
}

/* A key column that is no partition column (data_file_layout insists on one). */
static bool has_key(const struct schema *s)
{
    for (size_t i = 0; i < s->primary_key_count; i++) {
        bool partition = false;
        for (size_t k = 0; k < s->partition_key_count; k++) {
            partition = partition || s->partition_key[k] == s->primary_key[i];
        }
        if (!partition) {
            return true;
        }
    }
    return false;
}

/* One column of the schema wanted. */
static bool plan_column(struct schema_evolve *e, const struct schema *written, size_t column,
                        struct arena *arena, struct error *err)
{
    const struct schema_field *f = &e->wanted->fields[column];
    size_t at = find_field(written, f->id);
    e->from[column] = SIZE_MAX;
    if (at == SIZE_MAX || cast_is_absent(&written->fields[at].type, &f->type)) {
        return f->type.nullable ||
               error_set(err, FAIL_SCHEMA,
                         "column %.*s is NOT NULL but files of schema %" PRId64
                         " do not have it: rewrite the table with its own writer first",
                         STR_FMT(str_slice(f->name, 0, 80)), written->id);
    }
    if (!cast_plan(&written->fields[at].type, &f->type, arena, &e->casts[column], err)) {
        return error_in(err, "column %.*s, in files of schema %" PRId64,
                        STR_FMT(str_slice(f->name, 0, 80)), written->id);
    }
    e->from[column] = at; /* of the written schema, for now */
    return true;
}

/* The columns the file is asked for, in its own order; turns `from` into their places. */
static void choose_fields(struct schema_evolve *e, const struct schema *written,
                          const struct data_file_layout *layout, struct arena *arena)
{
    size_t system = layout->key_count + 2;
    size_t *place = ARENA_ARRAY(arena, size_t, written->field_count);
    e->fields = ARENA_ARRAY(arena, struct schema_field, layout->count);
    for (size_t i = 0; i < e->wanted->field_count; i++) {
        if (e->from[i] != SIZE_MAX) {
            place[e->from[i]] = 1;
        }
    }
    for (size_t i = 0; i < system; i++) {
        e->fields[e->count++] = layout->fields[i];
    }
    for (size_t i = 0; i < written->field_count; i++) {
        if (place[i] != 0) {
            place[i] = e->count;
            e->fields[e->count++] = written->fields[i];
        }
    }
    bool same = e->count == system + e->wanted->field_count;
    for (size_t i = 0; i < e->wanted->field_count; i++) {
        e->from[i] = e->from[i] == SIZE_MAX ? SIZE_MAX : place[e->from[i]];
        same = same && e->from[i] == system + i && e->casts[i] == NULL;
    }
    if (same) {
        e->from = NULL;
    }
}

bool schema_evolve_plan(const struct schema *written, const struct schema *wanted,
                        struct arena *arena, struct schema_evolve *out, struct error *err)
{
    if (!has_key(written)) {
        return error_set(err, FAIL_SCHEMA, "schema %" PRId64 " has no primary key", written->id);
    }
    struct data_file_layout layout;
    struct data_file_layout wanted_layout;
    data_file_layout(written, arena, &layout);
    data_file_layout(wanted, arena, &wanted_layout);
    if (!check_keys(written, &layout, wanted, &wanted_layout, err)) {
        return false;
    }
    struct schema_evolve e = {.written_id = written->id, .wanted = wanted};
    e.from = ARENA_ARRAY(arena, size_t, wanted->field_count);
    e.casts = ARENA_ARRAY(arena, const struct cast *, wanted->field_count);
    for (size_t i = 0; i < wanted->field_count; i++) {
        if (!plan_column(&e, written, i, arena, err)) {
            return false;
        }
    }
    choose_fields(&e, written, &layout, arena);
    *out = e;
    return true;
}

bool schema_evolve_row(const struct schema_evolve *e, const struct value *physical,
                       struct arena *arena, struct value *values, struct error *err)
{
    must(e->from != NULL);
    struct error one;
    bool ok = true;
    for (size_t i = 0; i < e->wanted->field_count; i++) {
        if (e->from[i] == SIZE_MAX) {
            values[i] = (struct value){.state = VALUE_NULL};
        } else if (e->casts[i] == NULL) {
            values[i] = physical[e->from[i]];
        } else if (!cast_value(e->casts[i], &physical[e->from[i]], arena, &values[i], &one)) {
            values[i] = (struct value){.state = VALUE_NULL};
            if (ok) {
                *err = one;
                error_in(err, "column %.*s, of schema %" PRId64,
                         STR_FMT(str_slice(e->wanted->fields[i].name, 0, 80)), e->written_id);
            }
            ok = false;
        }
    }
    return ok;
}
