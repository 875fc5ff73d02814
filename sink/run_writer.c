#include "sink/run_writer.h"

#include <string.h>

#include "base/buf.h"
#include "base/instant.h"
#include "sink/binrow.h"
#include "sink/paths.h"
#include "sink/run_key.h"

/* Key statistics keep this many characters, whatever the table's mode (paimon-format §4.7). */
#define KEY_STATS_CHARACTERS 128

struct run_writer {
    struct run_target target;
    struct arena arena; /* finished files, names, paths */
    struct run_files files;
    const struct schema_field **value_fields;
    const struct schema_field **key_fields;
    struct value *physical; /* keys, sequence, kind, values */
    uint64_t rows;          /* of all files */
    bool finished;

    /* the file being written; format is NULL between files */
    struct format_writer *format;
    struct data_file *file;
    struct run_key_copy last;
    struct col_stats *key_stats;
    struct col_stats *value_stats;
    uint64_t file_rows;
};

struct run_writer *run_writer_new(const struct run_target *target)
{
    const struct data_file_layout *layout = target->layout;
    struct run_writer *w = MEM_NEW(struct run_writer);
    w->target = *target;
    w->physical = MEM_ARRAY(struct value, layout->count);
    w->key_fields = MEM_ARRAY(const struct schema_field *, layout->key_count);
    w->value_fields = MEM_ARRAY(const struct schema_field *, target->schema->field_count);
    for (size_t i = 0; i < layout->key_count; i++) {
        w->key_fields[i] = &layout->fields[i];
    }
    for (size_t i = 0; i < target->schema->field_count; i++) {
        w->value_fields[i] = &target->schema->fields[i];
    }
    return w;
}

static void file_release(struct run_writer *w)
{
    col_stats_free(w->key_stats);
    col_stats_free(w->value_stats);
    w->key_stats = NULL;
    w->value_stats = NULL;
    w->format = NULL;
    w->file = NULL;
}

static bool file_open(struct run_writer *w, const struct value *key, int64_t sequence,
                      struct error *err)
{
    const struct run_target *t = &w->target;
    uint64_t n = atomic_fetch_add(t->counter, 1);
    const char *name = paths_file_name(&w->arena, t->prefix, t->uuid, n, t->format->name);
    const char *path = paths_join(&w->arena, t->folder, str_of(name));
    if (!t->format->writer_open(t->fs, path, t->layout->fields, t->layout->count, t->options,
                                &w->format, err)) {
        w->format = NULL;
        return error_in(err, "write %s", name);
    }
    w->file = arena_zalloc(&w->arena, sizeof(*w->file));
    *w->file = (struct data_file){
        .name = str_of(name),
        .min_key = run_key_serialize(t->layout, key, &w->arena),
        .min_sequence = sequence,
        .max_sequence = sequence,
        .schema_id = t->schema->id,
        .level = t->level,
        .source = (int32_t)t->source,
        .value_stats_cols_null = true,
        .first_row_id = -1,
        .write_cols_null = true,
    };
    w->key_stats = col_stats_new(w->key_fields, t->layout->key_count, COL_STATS_TRUNCATE,
                                 KEY_STATS_CHARACTERS);
    w->value_stats =
        col_stats_new(w->value_fields, t->schema->field_count, t->stats_mode, t->stats_truncate);
    w->file_rows = 0;
    return true;
}

static void take_stats(struct run_writer *w, const struct col_stats *from, size_t columns,
                       struct simple_stats *out)
{
    struct buf min = BUF_INIT(SIZE_MAX / 2);
    struct buf max = BUF_INIT(SIZE_MAX / 2);
    out->nulls = ARENA_ARRAY(&w->arena, int64_t, columns);
    out->null_count = columns;
    col_stats_finish(from, &min, &max, out->nulls);
    out->min = arena_str(&w->arena, buf_str(&min));
    out->max = arena_str(&w->arena, buf_str(&max));
    buf_release(&min);
    buf_release(&max);
}

/* On failure the file is gone; those before it are still there. */
static bool file_finish(struct run_writer *w, struct error *err)
{
    struct data_file *f = w->file;
    uint64_t bytes = 0;
    struct format_writer *format = w->format;
    w->format = NULL;
    if (!w->target.format->writer_finish(format, &bytes, err)) {
        error_in(err, "finish %.*s", STR_FMT(f->name));
        file_release(w);
        return false;
    }
    f->size_bytes = (int64_t)bytes;
    f->row_count = (int64_t)w->file_rows;
    f->max_key = run_key_serialize(w->target.layout, w->last.values, &w->arena);
    f->creation_ms = instant_local_wall_ms();
    take_stats(w, w->key_stats, w->target.layout->key_count, &f->key_stats);
    if (w->target.stats_mode == COL_STATS_NONE) {
        /* "no statistics": empty rows, and an empty list of columns (paimon-format §4.7) */
        f->value_stats = (struct simple_stats){.min = binrow_empty, .max = binrow_empty};
        f->value_stats_cols_null = false;
    } else {
        take_stats(w, w->value_stats, w->target.schema->field_count, &f->value_stats);
    }
    run_files_add(&w->files, &w->arena, f);
    file_release(w);
    return true;
}

static bool file_is_full(const struct run_writer *w)
{
    return w->file_rows % RUN_WRITER_CHECK_ROWS == 0 &&
           w->target.format->written_bytes(w->format) >= w->target.target_file_bytes;
}

bool run_writer_add(struct run_writer *w, const struct run_row *row, struct error *err)
{
    const struct data_file_layout *layout = w->target.layout;
    size_t keys = layout->key_count;
    must(!w->finished);
    for (size_t i = 0; i < keys; i++) {
        w->physical[i] = row->key != NULL ? row->key[i] : row->values[layout->key_columns[i]];
    }
    if (w->last.values != NULL && w->rows > 0) {
        int order = run_key_compare(layout, w->last.values, w->physical);
        must(order < 0 || (order == 0 && w->target.equal_keys));
    }
    if (w->format != NULL && w->file_rows > 0 && file_is_full(w) && !file_finish(w, err)) {
        return false;
    }
    if (w->format == NULL && !file_open(w, w->physical, row->sequence, err)) {
        return false;
    }
    run_key_copy_set(&w->last, layout, w->physical);
    w->physical[keys] = (struct value){.i = row->sequence, .state = VALUE_SET};
    w->physical[keys + 1] = (struct value){.i = row->kind, .state = VALUE_SET};
    memcpy(&w->physical[keys + 2], row->values,
           w->target.schema->field_count * sizeof(*row->values));
    if (!w->target.format->write(w->format, w->physical, err)) {
        return error_in(err, "write %.*s", STR_FMT(w->file->name));
    }
    col_stats_add(w->key_stats, w->physical);
    col_stats_add(w->value_stats, row->values);
    struct data_file *f = w->file;
    f->min_sequence = row->sequence < f->min_sequence ? row->sequence : f->min_sequence;
    f->max_sequence = row->sequence > f->max_sequence ? row->sequence : f->max_sequence;
    f->delete_rows += row_kind_is_add((enum row_kind)row->kind) ? 0 : 1;
    w->file_rows++;
    w->rows++;
    return true;
}

bool run_writer_finish(struct run_writer *w, struct arena *arena, struct run_files *out,
                       struct error *err)
{
    must(!w->finished);
    if (w->format != NULL && !file_finish(w, err)) {
        return false; /* run_writer_free removes the files before it */
    }
    w->finished = true;
    for (size_t i = 0; i < w->files.count; i++) {
        run_files_add(out, arena, data_file_copy(arena, w->files.items[i]));
    }
    return true;
}

void run_writer_remove(struct fs fs, const char *folder, const struct run_files *files)
{
    struct arena arena = {0};
    struct error ignored;
    for (size_t i = 0; i < files->count; i++) {
        const char *path = paths_join(&arena, folder, files->items[i]->name);
        if (!fs.ops->remove(fs.self, path, &ignored)) {
            (void)fs.ops->remove(fs.self, path, &ignored);
        }
    }
    arena_release(&arena);
}

void run_writer_free(struct run_writer *w)
{
    if (w == NULL) {
        return;
    }
    if (w->format != NULL) {
        w->target.format->writer_abandon(w->format);
    }
    if (!w->finished) {
        run_writer_remove(w->target.fs, w->target.folder, &w->files);
    }
    file_release(w);
    run_key_copy_release(&w->last);
    mem_free(w->physical);
    mem_free(w->key_fields);
    mem_free(w->value_fields);
    arena_release(&w->arena);
    mem_free(w);
}

uint64_t run_writer_rows(const struct run_writer *w)
{
    return w->rows;
}
