#include "sink/run_reader.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "sink/paths.h"
#include "sink/run_key.h"
#include "sink/schema_evolve.h"
#include "sink/schema_file.h"

struct run_reader {
    struct arena arena; /* name, path, layout of another schema */
    const struct format_ops *ops;
    struct format_reader *format;
    const char *name;
    const struct data_file_layout *wanted;
    size_t key_count;
    const struct schema_evolve *evolve; /* NULL: values are right as they come */
    struct value *values;               /* evolved; NULL when evolve is */
    struct arena casts;                 /* what the row's evolved values need */
    bool defers;
    struct error spoilt; /* of the row given last */
    size_t value_count;
    struct value *thin_key; /* key taken from the values */
    bool thin;
    const struct deletion_vector *deleted; /* NULL: no row is dead */
    uint64_t rows, rows_expected;
};

void run_reader_schemas_init(struct run_schemas *s, struct fs fs, const char *table_path,
                             const struct schema *current)
{
    *s = (struct run_schemas){.fs = fs, .table_path = table_path, .current = current};
}

void run_reader_schemas_release(struct run_schemas *s)
{
    for (size_t i = 0; i < s->count; i++) {
        schema_free(s->others[i]);
    }
    mem_free(s->others);
    *s = (struct run_schemas){0};
}

static bool schemas_get(struct run_schemas *s, int64_t id, const struct schema **out,
                        struct error *err)
{
    if (s->current->id == id) {
        *out = s->current;
        return true;
    }
    for (size_t i = 0; i < s->count; i++) {
        if (s->others[i]->id == id) {
            *out = s->others[i];
            return true;
        }
    }
    struct schema *read = NULL;
    if (!schema_file_read(s->fs, s->table_path, id, &read, err)) {
        return error_in(err, "schema %" PRId64, id);
    }
    VEC_ROOM(s->others, s->count, s->cap);
    s->others[s->count++] = read;
    *out = read;
    return true;
}

/* The file's physical columns and place; all but its bytes are looked at. */
static bool reader_plan(struct run_reader *r, const struct run_origin *origin,
                        const struct data_file *file, struct data_file_layout *out_layout,
                        const char **out_path, struct error *err)
{
    if (file->external_path.ptr != NULL) {
        return error_set(err, FAIL_SCHEMA,
                         "it lies outside the table (data-file.external-paths): "
                         "not supported yet");
    }
    if (!format_of_file(file->name, &r->ops, err)) {
        return false;
    }
    if (file->size_bytes < 0 || file->row_count < 0) {
        return error_set(err, FAIL_CORRUPT, "its metadata has a negative size or row count");
    }
    const struct schema *written = NULL;
    if (!schemas_get(origin->schemas, file->schema_id, &written, err)) {
        return false;
    }
    must(written != NULL);
    struct data_file_layout layout = *origin->layout;
    if (written->id != origin->schema->id) {
        struct schema_evolve *evolve = ARENA_ARRAY(&r->arena, struct schema_evolve, 1);
        if (!schema_evolve_plan(written, origin->schema, &r->arena, evolve, err)) {
            return false;
        }
        layout.fields = evolve->fields;
        layout.count = evolve->count;
        if (evolve->from != NULL) {
            r->evolve = evolve;
            r->values = ARENA_ARRAY(&r->arena, struct value, r->value_count);
        }
    }
    r->deleted = deletion_vector_set_get(origin->deleted, file->name);
    if (r->deleted != NULL && deletion_vector_end(r->deleted) > (uint64_t)file->row_count) {
        return error_set(err, FAIL_CORRUPT,
                         "its deletion vector marks row %" PRIu64 " of %" PRId64 " rows",
                         deletion_vector_end(r->deleted) - 1, file->row_count);
    }
    *out_layout = layout;
    *out_path = paths_join(&r->arena, origin->folder, file->name);
    return true;
}

static bool reader_init(struct run_reader *r, const struct run_origin *origin,
                        const struct data_file *file, struct error *err)
{
    struct data_file_layout layout = {.fields = NULL};
    const char *path = NULL;
    return reader_plan(r, origin, file, &layout, &path, err) &&
           r->ops->reader_open(origin->fs, path, (uint64_t)file->size_bytes, layout.fields,
                               layout.count, &r->format, err);
}

bool run_reader_memory(const struct run_origin *origin, const struct data_file *file,
                       uint64_t *out_bytes, struct error *err)
{
    struct run_reader r = {.value_count = origin->schema->field_count};
    struct data_file_layout layout = {.fields = NULL};
    const char *path = NULL;
    bool ok = reader_plan(&r, origin, file, &layout, &path, err);
    if (ok) {
        must(r.ops != NULL);
        ok = r.ops->reader_memory(origin->fs, path, (uint64_t)file->size_bytes, layout.fields,
                                  layout.count, out_bytes, err);
    }
    arena_release(&r.arena);
    return ok || error_in(err, "look at %.*s", STR_FMT(file->name));
}

bool run_reader_open(const struct run_origin *origin, const struct data_file *file,
                     struct run_reader **out, struct error *err)
{
    struct run_reader *r = MEM_NEW(struct run_reader);
    r->name = arena_cstr(&r->arena, file->name);
    r->wanted = origin->layout;
    r->key_count = origin->layout->key_count;
    r->value_count = origin->schema->field_count;
    r->rows_expected = (uint64_t)file->row_count;
    r->thin_key = ARENA_ARRAY(&r->arena, struct value, r->key_count);
    if (!reader_init(r, origin, file, err)) {
        error_in(err, "open %s", r->name);
        r->format = NULL;
        run_reader_close(r);
        return false;
    }
    *out = r;
    return true;
}

void run_reader_defer(struct run_reader *r)
{
    r->defers = true;
}

static bool row_corrupt(const struct run_reader *r, const char *what, struct error *err)
{
    return error_set(err, FAIL_CORRUPT, "%s, row %" PRIu64 ": %s", r->name, r->rows - 1, what);
}

static bool take_row(struct run_reader *r, const struct value *physical, struct run_row *out,
                     struct error *err)
{
    const struct value *sequence = &physical[r->key_count];
    const struct value *kind = sequence + 1;
    if (sequence->state != VALUE_SET || kind->state != VALUE_SET || kind->i < 0 ||
        kind->i > ROW_DELETE) {
        return row_corrupt(r, "no sequence number or no row kind from 0 to 3", err);
    }
    out->sequence = sequence->i;
    out->kind = (uint8_t)kind->i;
    out->spoilt = NULL;
    out->values = physical + r->key_count + 2;
    if (r->evolve != NULL) {
        arena_reset(&r->casts);
        if (!schema_evolve_row(r->evolve, physical, &r->casts, r->values, &r->spoilt)) {
            error_in(&r->spoilt, "%s, row %" PRIu64, r->name, r->rows - 1);
            out->spoilt = &r->spoilt;
        }
        out->values = r->values;
    }
    out->key = physical;
    if (r->thin) {
        for (size_t i = 0; i < r->key_count; i++) {
            r->thin_key[i] = out->values[r->wanted->key_columns[i]];
        }
        out->key = r->thin_key;
    }
    for (size_t i = 0; i < r->key_count; i++) {
        if (out->key[i].state != VALUE_SET) {
            return row_corrupt(r, "its key is null", err);
        }
    }
    if (out->spoilt != NULL && !r->defers) {
        *err = r->spoilt;
        return false;
    }
    return true;
}

enum next run_reader_next(struct run_reader *r, struct run_row *out, struct error *err)
{
    const struct value *physical = NULL;
    enum next next;
    do {
        next = r->ops->read(r->format, &physical, err);
        if (next == NEXT_FAIL) {
            error_in(err, "read %s", r->name);
            return NEXT_FAIL;
        }
        if (next == NEXT_ROW && r->rows == 0) {
            r->thin =
                physical[0].state != VALUE_SET; /* _KEY_ columns are NOT NULL where they are */
        }
        r->rows += next == NEXT_ROW;
    } while (next == NEXT_ROW && r->deleted != NULL &&
             deletion_vector_has(r->deleted, r->rows - 1));
    if (next == NEXT_END) {
        if (r->rows != r->rows_expected) {
            error_set(err, FAIL_CORRUPT,
                      "%s has %" PRIu64 " rows, its metadata says %" PRIu64
                      ": the file was replaced or cut",
                      r->name, r->rows, r->rows_expected);
            return NEXT_FAIL;
        }
        return NEXT_END;
    }
    return take_row(r, physical, out, err) ? NEXT_ROW : NEXT_FAIL;
}

uint64_t run_reader_position(const struct run_reader *r)
{
    return r->rows - 1;
}

void run_reader_close(struct run_reader *r)
{
    if (r == NULL) {
        return;
    }
    if (r->format != NULL) {
        r->ops->reader_close(r->format);
    }
    arena_release(&r->casts);
    arena_release(&r->arena);
    mem_free(r);
}
