#include "sink/interval.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sink/run_key.h"

/* A file with its key range parsed. */
struct ranged {
    struct data_file *file;
    const struct value *min, *max;
    const struct data_file_layout *layout; /* qsort has no other way in */
};

static int compare_ranged(const void *left, const void *right)
{
    const struct ranged *a = left;
    const struct ranged *b = right;
    int c = run_key_compare(a->layout, a->min, b->min);
    return c != 0 ? c : run_key_compare(a->layout, a->max, b->max);
}

static bool parse_ranges(const struct data_file_layout *layout, struct data_file *const *files,
                         size_t count, struct arena *arena, struct ranged *out, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        struct value *keys = ARENA_ARRAY(arena, struct value, layout->key_count * 2);
        struct value *max = keys + layout->key_count;
        if (!run_key_parse(layout, files[i]->min_key, arena, keys, err) ||
            !run_key_parse(layout, files[i]->max_key, arena, max, err)) {
            return error_in(err, "key range of %.*s", STR_FMT(files[i]->name));
        }
        if (run_key_compare(layout, keys, max) > 0) {
            return error_set(err, FAIL_CORRUPT,
                             "key range of %.*s: its smallest key is greater than its greatest",
                             STR_FMT(files[i]->name));
        }
        out[i] = (struct ranged){files[i], keys, max, layout};
    }
    return true;
}

/* A run being packed: its files and their last key. */
struct packing {
    size_t *members; /* indexes into the section's files, ascending */
    size_t count, cap;
    const struct value *last;
};

/* A heap of runs by their last key, smallest on top; equal keys in any order. */
static void sift_down(struct packing **heap, size_t count, const struct data_file_layout *layout)
{
    size_t at = 0;
    for (;;) {
        size_t child = at * 2 + 1;
        if (child >= count) {
            return;
        }
        if (child + 1 < count &&
            run_key_compare(layout, heap[child + 1]->last, heap[child]->last) < 0) {
            child++;
        }
        if (run_key_compare(layout, heap[at]->last, heap[child]->last) <= 0) {
            return;
        }
        struct packing *moved = heap[at];
        heap[at] = heap[child];
        heap[child] = moved;
        at = child;
    }
}

static void sift_up(struct packing **heap, size_t at, const struct data_file_layout *layout)
{
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (run_key_compare(layout, heap[parent]->last, heap[at]->last) <= 0) {
            return;
        }
        struct packing *moved = heap[at];
        heap[at] = heap[parent];
        heap[parent] = moved;
        at = parent;
    }
}

static void packing_add(struct packing *p, size_t member, const struct value *last)
{
    VEC_ROOM(p->members, p->count, p->cap);
    p->members[p->count++] = member;
    p->last = last;
}

static void section_build(struct packing *const *runs, size_t count, const struct ranged *files,
                          struct arena *arena, struct interval_section *out)
{
    out->runs = ARENA_ARRAY(arena, struct interval_run, count);
    out->count = count;
    for (size_t i = 0; i < count; i++) {
        struct interval_run *run = &out->runs[i];
        run->files = ARENA_ARRAY(arena, struct data_file *, runs[i]->count);
        run->count = runs[i]->count;
        for (size_t k = 0; k < run->count; k++) {
            run->files[k] = files[runs[i]->members[k]].file;
            run->size_bytes += (uint64_t)run->files[k]->size_bytes;
        }
    }
}

/* Packs the files of one section, ascending by smallest key, into the fewest runs: each goes behind
 * the run that ends first, if that ends before it, else begins a new one. */
static void section_pack(const struct ranged *files, size_t count, struct arena *arena,
                         struct interval_section *out)
{
    struct packing *all = MEM_ARRAY(struct packing, count);
    struct packing **heap = MEM_ARRAY(struct packing *, count);
    struct packing **made = MEM_ARRAY(struct packing *, count);
    size_t runs = 0;
    for (size_t i = 0; i < count; i++) {
        const struct data_file_layout *layout = files[i].layout;
        if (runs > 0 && run_key_compare(layout, files[i].min, heap[0]->last) > 0) {
            packing_add(heap[0], i, files[i].max);
            sift_down(heap, runs, layout);
        } else {
            packing_add(&all[runs], i, files[i].max);
            heap[runs] = &all[runs];
            made[runs] = &all[runs];
            sift_up(heap, runs, layout);
            runs++;
        }
    }
    section_build(made, runs, files, arena, out);
    for (size_t i = 0; i < runs; i++) {
        mem_free(all[i].members);
    }
    mem_free(all);
    mem_free(heap);
    mem_free(made);
}

bool interval_partition(const struct data_file_layout *layout, struct data_file *const *files,
                        size_t count, struct arena *arena, struct interval_sections *out,
                        struct error *err)
{
    struct ranged *ranged = ARENA_ARRAY(arena, struct ranged, count);
    if (!parse_ranges(layout, files, count, arena, ranged, err)) {
        return false;
    }
    if (count > 1) {
        qsort(ranged, count, sizeof(*ranged), compare_ranged);
    }
    struct interval_sections sections = {.items =
                                             ARENA_ARRAY(arena, struct interval_section, count)};
    size_t first = 0;
    const struct value *max = count > 0 ? ranged[0].max : NULL;
    for (size_t i = 1; i <= count; i++) {
        if (i == count || run_key_compare(layout, ranged[i].min, max) > 0) {
            section_pack(ranged + first, i - first, arena, &sections.items[sections.count++]);
            first = i;
            max = i < count ? ranged[i].max : NULL;
        } else if (run_key_compare(layout, ranged[i].max, max) > 0) {
            max = ranged[i].max;
        }
    }
    *out = sections;
    return true;
}
