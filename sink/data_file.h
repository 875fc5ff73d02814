/* sink/data_file.h: metadata of one data or changelog file (DataFileMeta), and the physical columns
 * of a primary-key file. Plain data; texts and bytes live in whoever's arena made it
 * (data_file_copy moves it). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/row.h"
#include "base/schema.h"
#include "base/str.h"

struct simple_stats {
    struct str min; /* serialized BinaryRow */
    struct str max;
    int64_t *nulls; /* -1 = unknown */
    size_t null_count;
};

struct data_file {
    struct str name;
    int64_t size_bytes;
    int64_t row_count;
    struct str min_key; /* serialized BinaryRow of the trimmed primary key */
    struct str max_key;
    struct simple_stats key_stats;
    struct simple_stats value_stats;
    int64_t min_sequence;
    int64_t max_sequence;
    int64_t schema_id;
    int32_t level;
    struct str *extra_files;
    size_t extra_file_count;
    int64_t creation_ms;       /* local wall clock as if UTC; INT64_MIN = null */
    int64_t delete_rows;       /* -1 = null */
    struct str embedded_index; /* ptr NULL = null */
    int32_t source;            /* 0 APPEND, 1 COMPACT, -1 null */
    struct str *value_stats_cols;
    size_t value_stats_col_count;
    bool value_stats_cols_null; /* true: stats cover all columns */
    struct str external_path;   /* ptr NULL = null */
    int64_t first_row_id;       /* -1 = null */
    struct str *write_cols;
    size_t write_col_count;
    bool write_cols_null;
};

struct data_file *data_file_copy(struct arena *a, const struct data_file *f);

/* The physical columns of a primary-key file: _KEY_<k>…, _SEQUENCE_NUMBER, _VALUE_KIND, then all
 * columns. Lives in the arena. */
struct data_file_layout {
    struct schema_field *fields;
    size_t count;
    size_t key_count;    /* fields[0…key_count) are keys; sequence and kind follow */
    size_t *key_columns; /* index in schema->fields of each key column */
};
void data_file_layout(const struct schema *s, struct arena *a, struct data_file_layout *out);
