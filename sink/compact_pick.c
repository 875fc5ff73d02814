#include "sink/compact_pick.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sink/interval.h"

struct compact_options compact_pick_defaults(size_t trigger)
{
    return (struct compact_options){.trigger = trigger,
                                    .stop_trigger = trigger + 3,
                                    .num_levels = (int32_t)trigger + 1,
                                    .max_amplification = 200,
                                    .size_ratio = 1,
                                    .full_interval_ms = -1,
                                    .full_total_bytes = -1,
                                    .full_increment_bytes = -1};
}

static int compare_i64(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

/* Level 0 newest first (Levels.java): greatest sequence, then smallest; oldest made; name. Higher
 * levels ascending. */
static int compare_age(const void *left, const void *right)
{
    const struct data_file *a = *(struct data_file *const *)left;
    const struct data_file *b = *(struct data_file *const *)right;
    int c = compare_i64(a->level, b->level);
    if (c == 0) {
        c = compare_i64(b->max_sequence, a->max_sequence);
    }
    if (c == 0) {
        c = compare_i64(a->min_sequence, b->min_sequence);
    }
    if (c == 0) {
        c = compare_i64(a->creation_ms, b->creation_ms);
    }
    return c != 0 ? c : str_compare(a->name, b->name);
}

/* The files of one level above 0 as a run, ascending by key. */
static bool level_run(const struct data_file_layout *layout, struct data_file *const *files,
                      size_t count, struct arena *arena, struct compact_run *out, struct error *err)
{
    struct interval_sections sections;
    if (!interval_partition(layout, files, count, arena, &sections, err)) {
        return false;
    }
    if (sections.count != count) {
        return error_set(err, FAIL_CORRUPT,
                         "files of level %d overlap in their keys (%.*s and %zu others): two "
                         "writers compacted this bucket at a time; compact it with Paimon's own "
                         "writer, only one running",
                         (int)files[0]->level, STR_FMT(files[0]->name), count - 1);
    }
    *out = (struct compact_run){.level = files[0]->level,
                                .files = ARENA_ARRAY(arena, struct data_file *, count),
                                .file_count = count};
    for (size_t i = 0; i < count; i++) {
        out->files[i] = sections.items[i].runs[0].files[0];
        out->size_bytes += (uint64_t)out->files[i]->size_bytes;
    }
    return true;
}

static int64_t newest_creation(struct data_file *const *files, size_t count, int32_t level)
{
    int64_t newest = INT64_MIN;
    for (size_t i = 0; i < count; i++) {
        if (files[i]->level == level && files[i]->creation_ms > newest) {
            newest = files[i]->creation_ms;
        }
    }
    return newest;
}

bool compact_pick_levels(const struct data_file_layout *layout, struct data_file *const *files,
                         size_t count, int32_t num_levels, struct arena *arena,
                         struct compact_levels *out, struct error *err)
{
    struct data_file **sorted = ARENA_ARRAY(arena, struct data_file *, count);
    int32_t highest = 0;
    for (size_t i = 0; i < count; i++) {
        if (files[i]->level < 0) {
            return error_set(err, FAIL_CORRUPT, "%.*s is at level %d", STR_FMT(files[i]->name),
                             (int)files[i]->level);
        }
        sorted[i] = files[i];
        highest = files[i]->level > highest ? files[i]->level : highest;
    }
    if (count > 1) {
        qsort(sorted, count, sizeof(*sorted), compare_age);
    }
    struct compact_levels levels = {.runs = ARENA_ARRAY(arena, struct compact_run, count),
                                    .highest = highest};
    int32_t levels_count = num_levels > highest + 1 ? num_levels : highest + 1;
    levels.max_level = (levels_count > 2 ? levels_count : 2) - 1;
    for (size_t first = 0; first < count;) {
        size_t end = first + 1;
        while (sorted[first]->level > 0 && end < count &&
               sorted[end]->level == sorted[first]->level) {
            end++;
        }
        struct compact_run *run = &levels.runs[levels.count++];
        if (sorted[first]->level == 0) {
            *run = (struct compact_run){.size_bytes = (uint64_t)sorted[first]->size_bytes,
                                        .files = &sorted[first],
                                        .file_count = 1};
        } else if (!level_run(layout, sorted + first, end - first, arena, run, err)) {
            return false;
        }
        first = end;
    }
    levels.full_ms = newest_creation(sorted, count, levels.max_level);
    *out = levels;
    return true;
}

static uint64_t sum_sizes(const struct compact_run *runs, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += runs[i].size_bytes;
    }
    return sum;
}

static const struct compact_unit no_unit = {0};

static struct compact_unit unit_all(size_t count, int32_t max_level, struct compact_clock *clock)
{
    clock->last_full_ms = clock->now_ms;
    return (struct compact_unit){count, max_level};
}

/* UniversalCompaction.createUnit. */
static struct compact_unit unit_of(const struct compact_run *runs, size_t count, size_t picked,
                                   int32_t max_level, struct compact_clock *clock)
{
    int32_t level = 0;
    if (picked < count && runs[picked].level > 1) {
        level = runs[picked].level - 1;
    }
    if (level == 0) { /* never to level 0: take runs up to and with the first of a higher level */
        while (picked < count) {
            level = runs[picked].level;
            picked++;
            if (level != 0) {
                break;
            }
        }
    }
    return picked == count ? unit_all(count, max_level, clock)
                           : (struct compact_unit){picked, level};
}

/* UniversalCompaction.pickForSizeRatio, starting with `picked` runs. The arithmetic is Java's: a
 * sum of longs times a double. (Newer releases go on over runs of level 0 and 1 here; 1.4.2 stops
 * and lets createUnit take them.) */
static struct compact_unit pick_ratio(const struct compact_options *o,
                                      const struct compact_run *runs, size_t count, size_t picked,
                                      bool force, int32_t max_level, struct compact_clock *clock)
{
    uint64_t candidate = sum_sizes(runs, picked);
    double percent = 100.0 + (double)o->size_ratio + (double)o->offpeak_ratio;
    for (size_t i = picked; i < count; i++) {
        if ((double)candidate * percent / 100.0 < (double)runs[i].size_bytes) {
            break;
        }
        candidate += runs[i].size_bytes;
        picked++;
    }
    return force || picked > 1 ? unit_of(runs, count, picked, max_level, clock) : no_unit;
}

/* EarlyFullCompaction.tryFullCompact. */
static bool early_full(const struct compact_options *o, const struct compact_run *runs,
                       size_t count, int32_t max_level, const struct compact_clock *clock)
{
    if (count <= 1) {
        return false; /* Java excludes one run only; no run at all has nothing to merge */
    }
    if (o->full_interval_ms >= 0 && (clock->last_full_ms == INT64_MIN ||
                                     clock->now_ms - clock->last_full_ms > o->full_interval_ms)) {
        return true;
    }
    uint64_t total = sum_sizes(runs, count);
    if (o->full_total_bytes >= 0 && total < (uint64_t)o->full_total_bytes) {
        return true;
    }
    uint64_t top = runs[count - 1].level == max_level ? runs[count - 1].size_bytes : 0;
    return o->full_increment_bytes >= 0 && total - top > (uint64_t)o->full_increment_bytes;
}

static struct compact_unit pick_unfiltered(const struct compact_options *o,
                                           const struct compact_run *runs, size_t count,
                                           int32_t max_level, struct compact_clock *clock)
{
    if (early_full(o, runs, count, max_level, clock)) {
        return unit_all(count, max_level, clock);
    }
    if (count > 0 && count >= o->trigger) {
        uint64_t newer = sum_sizes(runs, count - 1);
        if ((uint128)newer * 100 >
            (uint128)(uint64_t)o->max_amplification * runs[count - 1].size_bytes) {
            return unit_all(count, max_level, clock);
        }
        struct compact_unit unit = pick_ratio(o, runs, count, 1, false, max_level, clock);
        if (unit.run_count > 0) {
            return unit;
        }
    }
    if (count > o->trigger) {
        return pick_ratio(o, runs, count, count - o->trigger + 1, false, max_level, clock);
    }
    return no_unit;
}

/* MergeTreeCompactManager.triggerCompaction's filter. */
static struct compact_unit filter(const struct compact_run *runs, struct compact_unit unit)
{
    size_t files = 0;
    for (size_t i = 0; i < unit.run_count; i++) {
        files += runs[i].file_count;
    }
    return files == 0 || (files == 1 && runs[0].level == unit.level) ? no_unit : unit;
}

struct compact_unit compact_pick(const struct compact_options *o, const struct compact_run *runs,
                                 size_t count, int32_t max_level, struct compact_clock *clock)
{
    return filter(runs, pick_unfiltered(o, runs, count, max_level, clock));
}

struct compact_unit compact_pick_level0(const struct compact_options *o,
                                        const struct compact_run *runs, size_t count,
                                        int32_t max_level, struct compact_clock *clock)
{
    struct compact_unit unit = pick_unfiltered(o, runs, count, max_level, clock);
    if (unit.run_count == 0) {
        size_t level0 = 0;
        while (level0 < count && runs[level0].level == 0) {
            level0++;
        }
        if (level0 > 0) {
            unit = pick_ratio(o, runs, count, level0, true, max_level, clock);
        }
    }
    return filter(runs, unit);
}

struct compact_unit compact_pick_full(const struct compact_run *runs, size_t count,
                                      int32_t max_level, struct compact_clock *clock)
{
    if (count == 0 || (count == 1 && runs[0].level == max_level)) {
        return no_unit;
    }
    return unit_all(count, max_level, clock);
}

void compact_pick_files(const struct compact_run *runs, struct compact_unit unit,
                        struct arena *arena, struct run_files *out)
{
    for (size_t i = 0; i < unit.run_count; i++) {
        for (size_t k = 0; k < runs[i].file_count; k++) {
            run_files_add(out, arena, runs[i].files[k]);
        }
    }
}
