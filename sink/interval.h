/* sink/interval.h: a bucket's files cut into sections of overlapping keys, and each section into
 * the fewest runs of files that do not overlap (paimon-write-path §2.6, IntervalPartition).
 *
 * Sections are disjoint and ascend by key: they are merged one after another. Runs of a section mix
 * levels; order between records is decided by sequence numbers, not by runs. Pure; results live in
 * the arena and point to the files given. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "sink/data_file.h"

struct interval_run {
    struct data_file **files; /* ascending, disjoint */
    size_t count;
    uint64_t size_bytes;
};

struct interval_section {
    struct interval_run *runs;
    size_t count;
};

struct interval_sections {
    struct interval_section *items;
    size_t count;
};

/* FAIL_CORRUPT when a file's key range cannot be read or is upside down, by file name. */
MUST_USE bool interval_partition(const struct data_file_layout *layout,
                                 struct data_file *const *files, size_t count, struct arena *arena,
                                 struct interval_sections *out, struct error *err);
