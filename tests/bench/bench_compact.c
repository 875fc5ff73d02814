/* tests/bench/bench_compact.c: compacts an existing table and commits the result, without a job.
 *
 *   bench_compact WAREHOUSE DB.TABLE [full|level0] [fan-in]
 *
 * full: every bucket into its highest level; level0: level 0 upwards, as the picking has it. Prints
 * CPU and bytes. tests/judge/merge-twins.py compares what Paimon reads before and after. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/instant.h"
#include "base/mem.h"
#include "sink/commit.h"
#include "sink/compact_pick.h"
#include "sink/compact_task.h"
#include "sink/paths.h"

struct bench {
    struct table *table;
    struct commit_owner owner;
    atomic_uint_fast64_t counter;
    char uuid[37];
    bool full;
    size_t fan_in;
    uint64_t bytes_read, bytes_written, rows_read, cpu_ns;
};

static void die(const struct error *err)
{
    (void)fprintf(stderr, "bench_compact: %s\n", err->text);
    exit(1);
}

static void add_entries(const struct bench *b, const struct table_bucket *bucket,
                        const struct run_files *files, enum manifest_kind kind,
                        struct manifest_entry *entries, size_t *count)
{
    for (size_t i = 0; i < files->count; i++) {
        entries[(*count)++] = (struct manifest_entry){.kind = kind,
                                                      .partition = bucket->partition,
                                                      .bucket = bucket->number,
                                                      .total_buckets = b->table->options.buckets,
                                                      .file = files->items[i]};
    }
}

static void publish(struct bench *b, const struct table_bucket *bucket,
                    const struct compact_result *r, struct arena *arena)
{
    struct error err = {0};
    size_t count = 0;
    bool reached = false;
    struct manifest_entry *entries =
        ARENA_ARRAY(arena, struct manifest_entry, r->before.count + r->after.count);
    add_entries(b, bucket, &r->before, MANIFEST_DELETE, entries, &count);
    add_entries(b, bucket, &r->after, MANIFEST_ADD, entries, &count);
    struct commit_request request = {.kind = SNAPSHOT_COMPACT,
                                     .out_reached = &reached,
                                     .identifier = ((int64_t)1 << 40) + b->table->base.id + 1,
                                     .entries = entries,
                                     .entry_count = count,
                                     .position = b->table->position,
                                     .backfill = &b->table->backfill};
    if (count > 0 && !commit_publish(b->table, &b->owner, &request, &err)) {
        die(&err);
    }
}

static struct compact_unit pick(const struct bench *b, const struct compact_levels *levels)
{
    struct compact_options options =
        compact_pick_defaults((size_t)b->table->options.compaction_trigger);
    struct compact_clock clock = {.last_full_ms = INT64_MIN};
    return b->full ? compact_pick_full(levels->runs, levels->count, levels->max_level, &clock)
                   : compact_pick_level0(&options, levels->runs, levels->count, levels->max_level,
                                         &clock);
}

static void compact_bucket(struct bench *b, const struct table_bucket *bucket)
{
    struct table *t = b->table;
    struct error err = {0};
    struct arena arena = {0};
    struct run_files files = {0};
    struct compact_levels levels;
    struct compact_result result;
    struct run_schemas schemas;
    for (size_t i = 0; i < bucket->count; i++) {
        run_files_add(&files, &arena, data_file_copy(&arena, bucket->files[i]->file));
    }
    if (!compact_pick_levels(&t->layout, files.items, files.count, t->options.num_levels, &arena,
                             &levels, &err)) {
        die(&err);
    }
    struct compact_unit unit = pick(b, &levels);
    if (unit.run_count == 0) {
        arena_release(&arena);
        return;
    }
    struct run_files picked = {0};
    struct run_files older = {0};
    compact_pick_files(levels.runs, unit, &arena, &picked);
    for (size_t r = unit.run_count; r < levels.count && merge_rule_hides_level0(t->rule); r++) {
        for (size_t i = 0; i < levels.runs[r].file_count; i++) {
            run_files_add(&older, &arena, levels.runs[r].files[i]);
        }
    }
    run_reader_schemas_init(&schemas, t->fs, t->path, t->schema);
    struct run_origin origin = {.fs = t->fs,
                                .folder = bucket->path,
                                .schema = t->schema,
                                .layout = &t->layout,
                                .schemas = &schemas};
    struct run_target target = {.fs = t->fs,
                                .folder = bucket->path,
                                .schema = t->schema,
                                .layout = &t->layout,
                                .format = t->options.format,
                                .options = &t->options.format_options,
                                .level = unit.level,
                                .source = RUN_COMPACT,
                                .prefix = "data-",
                                .uuid = b->uuid,
                                .counter = &b->counter,
                                .target_file_bytes = t->options.target_file_bytes,
                                .stats_mode = COL_STATS_TRUNCATE,
                                .stats_truncate = 16};
    struct compact_work work = {.origin = &origin,
                                .rule = t->rule,
                                .target = &target,
                                .files = picked.items,
                                .file_count = picked.count,
                                .older = older.items,
                                .older_count = older.count,
                                .max_level = levels.max_level,
                                .drop_deletes = compact_pick_drops_deletes(&levels, unit),
                                .small_file_bytes = t->options.target_file_bytes / 10 * 7,
                                .fan_in = b->fan_in};
    uint64_t from = instant_cpu_ns();
    if (!compact_task_run(&work, &arena, &result, &err)) {
        die(&err);
    }
    b->cpu_ns += instant_cpu_ns() - from;
    b->bytes_read += result.bytes_read;
    b->bytes_written += result.bytes_written;
    b->rows_read += result.rows_read;
    publish(b, bucket, &result, &arena);
    run_reader_schemas_release(&schemas);
    arena_release(&arena);
}

/* Opened as a job would, with the table's own shape. */
static void open_table(struct bench *b, struct fs fs, const char *root, struct str label)
{
    struct error err = {0};
    struct table *first = NULL;
    struct stamp stamp = {0};
    bool found = false;
    struct str name = label;
    struct str database;
    (void)str_next(&name, '.', &database);
    if (!table_open_read(fs, root, database, name, &first, &err) ||
        !table_open(fs, root, database, name, first->schema, NULL, 0, STR("bench"), &b->table,
                    &found, &stamp, &err)) {
        die(&err);
    }
    table_free(first);
}

int main(int argc, char **argv)
{
    struct bench b = {.full = argc < 4 || strcmp(argv[3], "full") == 0};
    struct arena arena = {0};
    struct error err = {0};
    struct fs fs;
    const char *root = NULL;
    uint64_t fan_in = 0;
    if (argc < 3 || (argc > 4 && !str_to_u64(str_of(argv[4]), &fan_in))) {
        (void)fprintf(stderr, "usage: bench_compact WAREHOUSE DB.TABLE [full|level0] [fan-in]\n");
        return 2;
    }
    if (!fs_open(str_of(argv[1]), &arena, &fs, &root, &err)) {
        die(&err);
    }
    paths_uuid(b.uuid);
    b.fan_in = (size_t)fan_in;
    b.owner = (struct commit_owner){.user = STR("bench"),
                                    .job = STR("bench"),
                                    .epoch = 1,
                                    .file_uuid = b.uuid,
                                    .file_counter = &b.counter};
    open_table(&b, fs, root, str_of(argv[2]));
    for (size_t i = 0; i < b.table->buckets.count; i++) {
        compact_bucket(&b, b.table->buckets.items[i]);
    }
    (void)printf("%" PRIu64 " rows, %" PRIu64 " bytes in, %" PRIu64 " bytes out, %.3f s of CPU\n",
                 b.rows_read, b.bytes_read, b.bytes_written, (double)b.cpu_ns / 1e9);
    table_free(b.table);
    fs_close(&fs);
    arena_release(&arena);
    return 0;
}
