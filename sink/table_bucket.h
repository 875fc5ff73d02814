/* sink/table_bucket.h: the buckets of an open table that have files, with their live files: by
 * partition and bucket number. Buckets stay where they are until the list is released. Thread: the
 * table's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/str.h"
#include "sink/data_file.h"

/* One live data file. Heap object of the bucket's; its texts are in its own arena. */
struct table_file {
    struct arena arena;
    struct data_file *file;
};

struct table_bucket {
    struct str partition; /* serialized BinaryRow */
    int32_t number;
    const char *path; /* its folder */
    struct table_file **files;
    size_t count, cap;
    bool task_running;
    bool full_wanted;     /* everything is to go into the highest level */
    int64_t max_sequence; /* of the live files when the table was loaded; -1 none */
};

struct table_bucket_list {
    struct arena arena; /* partitions and paths */
    struct table_bucket **items;
    size_t count, cap;
    struct map index;
};

void table_bucket_list_release(struct table_bucket_list *l);
/* NULL when it has none. */
struct table_bucket *table_bucket_find(const struct table_bucket_list *l, struct str partition,
                                       int32_t number);
/* A new one; partition and path are copied. */
struct table_bucket *table_bucket_add(struct table_bucket_list *l, struct str partition,
                                      int32_t number, const char *path);
/* Drops every bucket's files; the buckets stay. */
void table_bucket_list_clear(struct table_bucket_list *l);

/* Index of the live file of that name and level, or SIZE_MAX. */
size_t table_bucket_file(const struct table_bucket *b, const struct data_file *f);
void table_bucket_put(struct table_bucket *b, const struct data_file *f); /* copied */
void table_bucket_drop(struct table_bucket *b, size_t file);
