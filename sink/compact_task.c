#include "sink/compact_task.h"

#include "base/failpoint.h"
#include "base/mem.h"
#include "sink/interval.h"
#include "sink/merge.h"
#include "sink/run_key.h"

struct task {
    const struct compact_work *work;
    struct arena *arena;
    struct compact_result result;
    /* Sections to be rewritten together: those that overlap, and small files next to them. */
    struct interval_section *candidates;
    size_t count, cap;
    struct run_writer *changelog; /* NULL: none */
    bool passed_middle;
};

static struct interval_section section_of(struct task *t, struct data_file *file)
{
    struct interval_run *run = ARENA_ARRAY(t->arena, struct interval_run, 1);
    run->files = ARENA_ARRAY(t->arena, struct data_file *, 1);
    run->files[0] = file;
    run->count = 1;
    run->size_bytes = (uint64_t)file->size_bytes;
    return (struct interval_section){.runs = run, .count = 1};
}

/* Whether a run from `first` to `last` has keys in the range of a file. */
static bool key_ranges_meet(struct task *t, const struct data_file *first,
                            const struct data_file *last, const struct data_file *file, bool *out,
                            struct error *err)
{
    const struct data_file_layout *layout = t->work->origin->layout;
    struct value *keys[4];
    const struct str texts[4] = {first->min_key, last->max_key, file->min_key, file->max_key};
    for (size_t i = 0; i < 4; i++) {
        keys[i] = ARENA_ARRAY(t->arena, struct value, layout->key_count);
        if (!run_key_parse(layout, texts[i], t->arena, keys[i], err)) {
            return error_in(err, "key range of %.*s", STR_FMT(file->name));
        }
    }
    *out = run_key_compare(layout, keys[0], keys[3]) <= 0 &&
           run_key_compare(layout, keys[2], keys[1]) <= 0;
    return true;
}

/* The section's runs and, behind them, a run of each older file that its keys reach into. */
static bool with_older(struct task *t, const struct interval_section *section,
                       struct interval_section *out, struct error *err)
{
    const struct compact_work *w = t->work;
    *out = (struct interval_section){
        .runs = ARENA_ARRAY(t->arena, struct interval_run, section->count + w->older_count)};
    for (size_t r = 0; r < section->count; r++) {
        out->runs[out->count++] = section->runs[r];
    }
    for (size_t i = 0; i < w->older_count; i++) {
        bool overlaps = false;
        for (size_t r = 0; r < section->count && !overlaps; r++) {
            const struct interval_run *run = &section->runs[r];
            if (!key_ranges_meet(t, run->files[0], run->files[run->count - 1], w->older[i],
                                 &overlaps, err)) {
                return false;
            }
        }
        if (overlaps) {
            out->runs[out->count++] = section_of(t, w->older[i]).runs[0];
        }
    }
    return true;
}

/* How many of the section's inputs may be open at once. */
static bool choose_fan_in(const struct compact_work *w, const struct interval_section *section,
                          size_t *out, struct error *err)
{
    uint64_t most = 1;
    *out = w->fan_in == 0 ? MERGE_FAN_IN : w->fan_in;
    if (w->memory_bytes == 0) {
        return true;
    }
    for (size_t r = 0; r < section->count; r++) {
        for (size_t i = 0; i < section->runs[r].count; i++) {
            uint64_t bytes = 0;
            if (!run_reader_memory(w->origin, section->runs[r].files[i], &bytes, err)) {
                return false;
            }
            most = bytes > most ? bytes : most;
        }
    }
    uint64_t fits = w->memory_bytes / most > 2 ? w->memory_bytes / most : 2;
    *out = fits < *out ? (size_t)fits : *out;
    return true;
}

/* ---- changelog ---- */

static bool put_change(struct task *t, struct run_row row, enum row_kind kind, struct error *err)
{
    row.kind = (uint8_t)kind;
    return run_writer_add(t->changelog, &row, err);
}

static bool same_row(const struct compact_work *w, const struct run_row *a, const struct run_row *b)
{
    const struct schema *s = w->origin->schema;
    for (size_t i = 0; i < s->field_count; i++) {
        bool counts = w->changelog.ignored == NULL || !w->changelog.ignored[i];
        if (counts && !value_equal(&s->fields[i].type, &a->values[i], &b->values[i])) {
            return false;
        }
    }
    return true;
}

static bool put_changes(struct task *t, const struct merge_change *c, const struct run_row *row,
                        struct error *err)
{
    const struct compact_work *w = t->work;
    bool is_row = !c->dropped && row_kind_is_add((enum row_kind)row->kind);
    bool first_row = merge_rule_hides_level0(w->rule);
    if (t->changelog == NULL || (w->changelog.old == MERGE_OLD_LOOKUP && !c->level0) ||
        (first_row && c->has_old)) {
        return true;
    }
    if (!c->has_old) {
        enum row_kind kind = first_row ? (enum row_kind)row->kind : ROW_INSERT;
        return !is_row || put_change(t, *row, kind, err);
    }
    if (!is_row) {
        return put_change(t, c->old, ROW_DELETE, err);
    }
    bool untouched = w->changelog.old == MERGE_OLD_TOP && c->records == 1;
    if (untouched || (w->changelog.row_deduplicate && same_row(w, &c->old, row))) {
        return true;
    }
    return put_change(t, c->old, ROW_UPDATE_BEFORE, err) &&
           put_change(t, *row, ROW_UPDATE_AFTER, err);
}

/* writer NULL: the changelog alone is wanted. */
static bool write_section(struct task *t, const struct interval_section *section,
                          struct run_writer *writer, bool drop_deletes, struct error *err)
{
    const struct compact_work *w = t->work;
    struct interval_section whole;
    size_t fan_in = 0;
    if (!with_older(t, section, &whole, err) || !choose_fan_in(w, &whole, &fan_in, err)) {
        return false;
    }
    struct merge_options options = {.layout = w->origin->layout,
                                    .rule = w->rule,
                                    .older_runs = whole.count - section->count,
                                    .older_hides = merge_rule_hides_level0(w->rule),
                                    .old = t->changelog == NULL ? MERGE_OLD_NONE : w->changelog.old,
                                    .max_level = w->max_level,
                                    .drop_deletes = drop_deletes,
                                    .stop = w->stop};
    struct merge *merge = NULL;
    if (!merge_open_runs(&options, w->origin, &whole, w->target, fan_in, &merge, err)) {
        return false;
    }
    bool ok = true;
    enum next next = NEXT_END;
    while (ok) {
        struct run_row row;
        next = merge_next(merge, &row, err);
        if (next != NEXT_ROW) {
            break;
        }
        const struct merge_change *change = merge_change(merge);
        ok = put_changes(t, change, &row, err) &&
             (change->dropped || writer == NULL || run_writer_add(writer, &row, err));
        if (ok && !t->passed_middle) {
            t->passed_middle = true;
            ok = FAILPOINT("compact.mid") || error_os(err, "in the middle of a merge");
        }
    }
    t->result.rows_read += merge_rows_read(merge);
    merge_close(merge);
    return ok && next == NEXT_END;
}

static void note_inputs(struct task *t, const struct interval_section *sections, size_t count)
{
    for (size_t s = 0; s < count; s++) {
        for (size_t r = 0; r < sections[s].count; r++) {
            const struct interval_run *run = &sections[s].runs[r];
            t->result.bytes_read += run->size_bytes;
            for (size_t i = 0; i < run->count; i++) {
                run_files_add(&t->result.before, t->arena, data_file_copy(t->arena, run->files[i]));
            }
        }
    }
}

/* Merges sections, one after another, into one sequence of new files. */
static bool rewrite(struct task *t, const struct interval_section *sections, size_t count,
                    bool drop_deletes, struct error *err)
{
    struct run_files made = {0};
    struct run_writer *writer = run_writer_new(t->work->target);
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        ok = write_section(t, &sections[i], writer, drop_deletes, err);
    }
    ok = ok && run_writer_finish(writer, t->arena, &made, err);
    t->result.rows_written += ok ? run_writer_rows(writer) : 0;
    run_writer_free(writer);
    if (!ok) {
        return false;
    }
    note_inputs(t, sections, count);
    for (size_t i = 0; i < made.count; i++) {
        run_files_add(&t->result.after, t->arena, made.items[i]);
        run_files_add(&t->result.created, t->arena, made.items[i]);
        t->result.bytes_written += (uint64_t)made.items[i]->size_bytes;
    }
    return true;
}

/* What moving a file up asks for (LookupMergeTreeCompactRewriter.upgradeStrategy and that of
 * FullChangelogMergeTreeCompactRewriter). */
enum look {
    LOOK_NOT,
    LOOK_AT,      /* its rows are changes that the changelog must have; the file stays as it is */
    LOOK_REWRITE, /* rows of lower levels may change or hide its own */
};

static enum look look_of(const struct task *t, const struct data_file *file)
{
    const struct compact_work *w = t->work;
    const size_t *order;
    bool top = w->target->level == w->max_level;
    bool hides = merge_rule_hides_level0(w->rule);
    bool told = t->changelog != NULL;
    if (w->changelog.old == MERGE_OLD_TOP && !hides) {
        return told && top ? LOOK_AT : LOOK_NOT;
    }
    if (file->level != 0 || !(told || hides)) {
        return LOOK_NOT;
    }
    bool newest_wins = merge_rule_takes_last(w->rule) && merge_rule_order(w->rule, &order) == 0;
    if (top || newest_wins) {
        return told ? LOOK_AT : LOOK_NOT;
    }
    return LOOK_REWRITE;
}

static void move(struct task *t, const struct data_file *file)
{
    struct data_file *moved = data_file_copy(t->arena, file);
    moved->level = t->work->target->level;
    run_files_add(&t->result.before, t->arena, data_file_copy(t->arena, file));
    run_files_add(&t->result.after, t->arena, moved);
}

/* Moves a file to the output level as it is, unless it holds deletes that may now go (an unknown
 * number counts as some). The file keeps its name, and nothing but the level changes. */
static bool upgrade(struct task *t, struct data_file *file, struct error *err)
{
    const struct compact_work *w = t->work;
    must(file->level <= w->target->level);
    bool top = w->target->level == w->max_level;
    if (w->rewrite_all || (top && w->drop_deletes && file->delete_rows != 0)) {
        struct interval_section alone = section_of(t, file);
        return rewrite(t, &alone, 1, w->drop_deletes, err);
    }
    if (file->level == w->target->level) {
        return true;
    }
    struct interval_section alone = section_of(t, file);
    switch (look_of(t, file)) {
    case LOOK_NOT:
        break;
    case LOOK_AT:
        if (!write_section(t, &alone, NULL, false, err)) {
            return false;
        }
        break;
    case LOOK_REWRITE:
        return rewrite(t, &alone, 1, false, err);
    }
    move(t, file);
    return true;
}

static void candidates_add(struct task *t, struct interval_section section)
{
    VEC_ROOM(t->candidates, t->count, t->cap);
    t->candidates[t->count++] = section;
}

/* MergeTreeCompactTask.rewrite: one section of one run has nothing to merge with. */
static bool candidates_flush(struct task *t, struct error *err)
{
    bool ok = true;
    if (t->count == 1 && t->candidates[0].count == 1) {
        const struct interval_run *run = &t->candidates[0].runs[0];
        for (size_t i = 0; ok && i < run->count; i++) {
            ok = upgrade(t, run->files[i], err);
        }
    } else if (t->count > 0) {
        ok = rewrite(t, t->candidates, t->count, t->work->drop_deletes, err);
    }
    t->count = 0;
    return ok;
}

/* A section without overlap: small files wait for neighbours, a big one ends what waits. */
static bool take_run(struct task *t, const struct interval_run *run, struct error *err)
{
    for (size_t i = 0; i < run->count; i++) {
        struct data_file *file = run->files[i];
        if ((uint64_t)file->size_bytes < t->work->small_file_bytes) {
            candidates_add(t, section_of(t, file));
        } else if (!candidates_flush(t, err) || !upgrade(t, file, err)) {
            return false;
        }
    }
    return true;
}

static bool run_sections(struct task *t, struct error *err)
{
    struct interval_sections sections;
    const struct compact_work *w = t->work;
    if (!interval_partition(w->origin->layout, w->files, w->file_count, t->arena, &sections, err)) {
        return false;
    }
    for (size_t i = 0; i < sections.count; i++) {
        if (w->stop != NULL && stop_requested(w->stop)) {
            return error_set(err, FAIL_STOPPED, "compaction stopped");
        }
        if (sections.items[i].count > 1) {
            candidates_add(t, sections.items[i]);
        } else if (!take_run(t, &sections.items[i].runs[0], err)) {
            return false;
        }
    }
    if (!candidates_flush(t, err)) {
        return false;
    }
    return FAILPOINT("compact.after") || error_os(err, "after a merge");
}

bool compact_task_run(const struct compact_work *work, struct arena *arena,
                      struct compact_result *out, struct error *err)
{
    struct task t = {.work = work, .arena = arena};
    bool top = work->target->level == work->max_level;
    must(work->target->level > 0 && work->target->source == RUN_COMPACT);
    if (work->changelog.target != NULL && (work->changelog.old == MERGE_OLD_LOOKUP || top)) {
        t.changelog = run_writer_new(work->changelog.target);
    }
    bool ok =
        run_sections(&t, err) &&
        (t.changelog == NULL || run_writer_finish(t.changelog, arena, &t.result.changelog, err));
    run_writer_free(t.changelog);
    mem_free(t.candidates);
    if (!ok) {
        compact_task_abandon(work, &t.result);
        return error_in(err, "compact %s", work->target->folder);
    }
    *out = t.result;
    return true;
}

void compact_task_abandon(const struct compact_work *work, const struct compact_result *result)
{
    run_writer_remove(work->target->fs, work->target->folder, &result->created);
    run_writer_remove(work->target->fs, work->target->folder, &result->changelog);
}
