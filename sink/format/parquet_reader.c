#include "sink/format/parquet_reader.h"

#include <string.h>

#include "base/mem.h"
#include "sink/format/parquet_column.h"
#include "sink/format/parquet_meta.h"
#include "sink/format/parquet_nest.h"

#define TAIL_READ ((uint64_t)64 << 10)
#define MAX_FOOTER ((uint64_t)32 << 20)
#define BLOCK_BYTES ((size_t)64 << 10) /* of rows: they stay in the processor's cache */
#define MIN_ROWS ((size_t)16)
#define FIXED_BYTES ((size_t)64 << 10) /* of objects and rounding, beside what is counted */
#define NESTED_BYTES ((size_t)1 << 20) /* of nested values, when a block of rows ends early */

struct parquet_reader {
    char *path;
    const struct schema_field *fields;
    size_t count;
    struct arena arena; /* footer and schema */
    struct parquet_meta meta;
    struct parquet_schema schema;
    size_t file_columns;
    struct parquet_input input;
    struct parquet_column **columns; /* one a leaf */
    struct parquet_nest *nest;       /* NULL: nothing is nested */
    size_t max_row_bytes;
    size_t group;       /* the next row group */
    uint64_t rows_left; /* of the group at hand */
    uint64_t rows_done;
    struct parquet_block block;
    struct value *rows;
    size_t row_cap;
    struct arena row_arena;
};

static bool read_footer(struct parquet_reader *r, struct fs fs, uint64_t file_bytes,
                        struct error *err)
{
    bool ok = false;
    struct buf bytes = BUF_INIT(2 * (size_t)MAX_FOOTER);
    if (file_bytes < PARQUET_TAIL + 4) {
        return error_set(err, FAIL_CORRUPT, "%llu bytes are no Parquet file",
                         (unsigned long long)file_bytes);
    }
    uint64_t want = file_bytes < TAIL_READ ? file_bytes : TAIL_READ;
    char *into = buf_room(&bytes, (size_t)want);
    must(into != NULL);
    if (!fs.ops->read_range(fs.self, r->path, file_bytes - want, (size_t)want, into, err)) {
        goto out;
    }
    const char *tail = into + want - PARQUET_TAIL;
    uint32_t len;
    memcpy(&len, tail, sizeof(len));
    if (memcmp(tail + 4, "PARE", 4) == 0) {
        (void)error_set(err, FAIL_SCHEMA, "its footer is encrypted: not supported");
        goto out;
    }
    if (memcmp(tail + 4, PARQUET_MAGIC, 4) != 0 || len > file_bytes - PARQUET_TAIL - 4) {
        (void)error_set(err, FAIL_CORRUPT,
                        "it does not end as a Parquet file of %llu bytes does (it is cut, or its "
                        "metadata has another size)",
                        (unsigned long long)file_bytes);
        goto out;
    }
    if (len > MAX_FOOTER) {
        (void)error_set(err, FAIL_LIMIT, "a footer of %u bytes", len);
        goto out;
    }
    if (len > want - PARQUET_TAIL) {
        buf_reset(&bytes);
        into = buf_room(&bytes, len);
        must(into != NULL);
        if (!fs.ops->read_range(fs.self, r->path, file_bytes - PARQUET_TAIL - len, len, into,
                                err)) {
            goto out;
        }
        tail = into + len;
    }
    r->input.data_end = file_bytes - PARQUET_TAIL - len;
    ok = parquet_meta_read((struct str){tail - len, len}, &r->arena, &r->meta, err);
out:
    buf_release(&bytes);
    return ok;
}

static bool check_groups(const struct parquet_reader *r, struct error *err)
{
    uint64_t rows = 0;
    for (size_t i = 0; i < r->meta.group_count; i++) {
        const struct parquet_group_meta *g = &r->meta.groups[i];
        if (g->chunk_count != r->file_columns) {
            return error_set(err, FAIL_CORRUPT, "row group %zu has %zu columns, the schema %zu", i,
                             g->chunk_count, r->file_columns);
        }
        if ((uint64_t)g->rows > (uint64_t)r->meta.rows - rows) {
            break;
        }
        rows += (uint64_t)g->rows;
    }
    return rows == (uint64_t)r->meta.rows ||
           error_set(err, FAIL_CORRUPT, "the footer tells of %lld rows, its row groups of others",
                     (long long)r->meta.rows);
}

bool parquet_reader_open(struct fs fs, const char *path, uint64_t file_bytes,
                         const struct schema_field *fields, size_t count,
                         const struct parquet_reader_limits *limits, struct parquet_reader **out,
                         struct error *err)
{
    struct parquet_reader *r = MEM_NEW(struct parquet_reader);
    size_t page = limits != NULL && limits->page_bytes > 0 ? limits->page_bytes : PARQUET_MAX_PAGE;
    r->max_row_bytes =
        limits != NULL && limits->row_bytes > 0 ? limits->row_bytes : PARQUET_MAX_PAGE;
    r->path = mem_dup(path, strlen(path));
    r->fields = fields;
    r->count = count;
    parquet_column_input_init(&r->input, fs, r->path, 0, page);
    if (!read_footer(r, fs, file_bytes, err) ||
        !parquet_schema_match(&r->meta, fields, count, &r->arena, &r->schema, &r->file_columns,
                              err) ||
        !check_groups(r, err)) {
        (void)error_in(err, "%s", path);
        parquet_reader_close(r);
        return false;
    }
    r->columns = MEM_ARRAY(struct parquet_column *, r->schema.leaf_count);
    for (size_t i = 0; i < r->schema.leaf_count; i++) {
        r->columns[i] = parquet_column_new(&r->schema.leaves[i], &r->input);
    }
    for (size_t i = 0; i < count && r->nest == NULL; i++) {
        if (r->schema.nodes[i].shape != PARQUET_LEAF &&
            r->schema.nodes[i].shape != PARQUET_ABSENT) {
            r->nest = parquet_nest_new(&r->schema, r->columns, r->max_row_bytes);
        }
    }
    *out = r;
    return true;
}

void parquet_reader_close(struct parquet_reader *r)
{
    if (r == NULL) {
        return;
    }
    for (size_t i = 0; r->columns != NULL && i < r->schema.leaf_count; i++) {
        parquet_column_free(r->columns[i]);
    }
    parquet_nest_free(r->nest);
    mem_free(r->columns);
    parquet_block_release(&r->block);
    parquet_column_input_release(&r->input);
    mem_free(r->rows);
    arena_release(&r->row_arena);
    arena_release(&r->arena);
    mem_free(r->path);
    mem_free(r);
}

/* Opens row groups until one has rows; rows_left = 0: there is none. */
static bool next_group(struct parquet_reader *r, struct error *err)
{
    while (r->rows_left == 0 && r->group < r->meta.group_count) {
        const struct parquet_group_meta *g = &r->meta.groups[r->group++];
        r->rows_left = (uint64_t)g->rows;
        for (size_t i = 0; r->rows_left > 0 && i < r->schema.leaf_count; i++) {
            if (!parquet_column_start(r->columns[i], &g->chunks[r->schema.leaves[i].column], err)) {
                return false;
            }
        }
        if (r->nest != NULL) {
            parquet_nest_reset(r->nest);
        }
    }
    return true;
}

/* How many rows the open pages of the flat columns have, at most *rows. */
static bool rows_ready(struct parquet_reader *r, size_t *rows, struct error *err)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct parquet_node *node = &r->schema.nodes[i];
        if (node->shape != PARQUET_LEAF) {
            continue;
        }
        uint32_t entries = 0;
        if (!parquet_column_ready(r->columns[node->leaf], &entries, err)) {
            return false;
        }
        if (entries == 0) {
            return error_set(
                err, FAIL_CORRUPT, "column %.*s ends %llu rows before its row group does",
                STR_FMT(str_slice(r->fields[i].name, 0, 120)), (unsigned long long)r->rows_left);
        }
        *rows = *rows < entries ? *rows : entries;
    }
    return true;
}

/* Nested columns first: a row of them may end the block early. */
static bool read_nested(struct parquet_reader *r, size_t *rows, struct error *err)
{
    for (size_t row = 0; row < *rows; row++) {
        for (size_t i = 0; i < r->count; i++) {
            const struct parquet_node *node = &r->schema.nodes[i];
            if (node->shape == PARQUET_LEAF || node->shape == PARQUET_ABSENT) {
                continue;
            }
            if (!parquet_nest_read(r->nest, node, &r->row_arena, &r->rows[row * r->count + i],
                                   err)) {
                return false;
            }
        }
        if (arena_used(&r->row_arena) > NESTED_BYTES) {
            *rows = row + 1;
        }
    }
    return true;
}

/* Values stand at out[0], out[stride] …: moves them to the entries that have one, from behind. */
static void spread(const uint8_t *defs, uint8_t max, size_t entries, size_t values,
                   struct value *out, size_t stride)
{
    for (size_t i = entries; i-- > 0;) {
        if (defs[i] == max) {
            out[i * stride] = out[--values * stride];
        } else {
            out[i * stride] = (struct value){.state = VALUE_NULL};
        }
    }
}

static bool read_flat(struct parquet_reader *r, size_t field, size_t rows, struct error *err)
{
    const struct parquet_leaf *leaf = &r->schema.leaves[r->schema.nodes[field].leaf];
    struct parquet_block *b = &r->block;
    struct value *out = &r->rows[field];
    if (!parquet_column_read(r->columns[r->schema.nodes[field].leaf], rows, b, err)) {
        return false;
    }
    if (!parquet_cell_read(leaf->cell, b, 0, b->values, &r->row_arena, out, r->count)) {
        return error_set(err, FAIL_CORRUPT, "column %.*s: a value that its type cannot have",
                         STR_FMT(str_slice(leaf->path, 0, 120)));
    }
    if (b->values < rows) {
        spread(b->defs, leaf->def, rows, b->values, out, r->count);
    }
    return true;
}

static void fill_null(struct parquet_reader *r, size_t field, size_t rows)
{
    for (size_t i = 0; i < rows; i++) {
        r->rows[i * r->count + field] = (struct value){.state = VALUE_NULL};
    }
}

static bool read_rows(struct parquet_reader *r, size_t *out_rows, struct error *err)
{
    size_t rows = r->rows_left < r->row_cap ? (size_t)r->rows_left : r->row_cap;
    if (!rows_ready(r, &rows, err) || (r->nest != NULL && !read_nested(r, &rows, err))) {
        return false;
    }
    for (size_t i = 0; i < r->count; i++) {
        if (r->schema.nodes[i].shape == PARQUET_ABSENT) {
            fill_null(r, i, rows);
        } else if (r->schema.nodes[i].shape == PARQUET_LEAF && !read_flat(r, i, rows, err)) {
            return false;
        }
    }
    *out_rows = rows;
    return true;
}

static size_t rows_of_block(const struct parquet_reader *r)
{
    size_t rows = BLOCK_BYTES / ((r->count + 1) * sizeof(struct value));
    rows = rows > MIN_ROWS ? rows : MIN_ROWS;
    return rows < PARQUET_BLOCK ? rows : PARQUET_BLOCK;
}

static bool in_file(const struct parquet_reader *r, struct error *err)
{
    return error_in(err, "%s, row %llu", r->path, (unsigned long long)r->rows_done);
}

bool parquet_reader_rows(struct parquet_reader *r, const struct value **out_values,
                         size_t *out_rows, struct error *err)
{
    if (!next_group(r, err)) {
        return in_file(r, err);
    }
    *out_rows = 0;
    if (r->rows_left == 0) {
        return true;
    }
    if (r->rows == NULL) {
        r->row_cap = rows_of_block(r);
        r->rows = MEM_ARRAY(struct value, r->row_cap * r->count);
        parquet_block_init(&r->block, sizeof(struct str));
    }
    if (arena_used(&r->row_arena) > 0) {
        arena_reset(&r->row_arena);
    }
    size_t rows = 0;
    if (!read_rows(r, &rows, err)) {
        return in_file(r, err);
    }
    r->rows_left -= rows;
    r->rows_done += rows;
    *out_values = r->rows;
    *out_rows = rows;
    return true;
}

bool parquet_reader_blocks(struct parquet_reader *r,
                           bool (*take)(void *self, const struct parquet_leaf *leaf,
                                        const struct parquet_block *block),
                           void *self, size_t *out_rows, struct error *err)
{
    *out_rows = 0;
    if (!next_group(r, err)) {
        return in_file(r, err);
    }
    size_t rows = r->rows_left < PARQUET_BLOCK ? (size_t)r->rows_left : PARQUET_BLOCK;
    if (rows == 0) {
        return true;
    }
    if (r->block.data == NULL) {
        parquet_block_init(&r->block, sizeof(struct str));
    }
    if (!rows_ready(r, &rows, err)) {
        return in_file(r, err);
    }
    for (size_t i = 0; i < r->count; i++) {
        const struct parquet_node *node = &r->schema.nodes[i];
        if (node->shape != PARQUET_LEAF) {
            continue;
        }
        if (!parquet_column_read(r->columns[node->leaf], rows, &r->block, err)) {
            return in_file(r, err);
        }
        if (!take(self, &r->schema.leaves[node->leaf], &r->block)) {
            return error_set(err, FAIL_STOPPED, "%s: stopped", r->path);
        }
    }
    r->rows_left -= rows;
    r->rows_done += rows;
    *out_rows = rows;
    return true;
}

bool parquet_reader_memory(struct parquet_reader *r, uint64_t *out_bytes, struct error *err)
{
    uint64_t packed = TAIL_READ;
    uint64_t total = FIXED_BYTES + arena_used(&r->arena) +
                     rows_of_block(r) * r->count * sizeof(struct value) +
                     PARQUET_BLOCK * (sizeof(struct str) + 2);
    for (size_t i = 0; i < r->schema.leaf_count; i++) {
        uint64_t most = 0;
        for (size_t g = 0; g < r->meta.group_count; g++) {
            const struct parquet_group_meta *group = &r->meta.groups[g];
            uint64_t bytes = 0;
            uint64_t window = 0;
            if (group->rows > 0 &&
                !parquet_column_survey(r->columns[i], &group->chunks[r->schema.leaves[i].column],
                                       &bytes, &window, err)) {
                return error_in(err, "%s", r->path);
            }
            most = bytes > most ? bytes : most;
            packed = window > packed ? window : packed;
        }
        total += most + 512;
    }
    if (r->nest != NULL) {
        total += r->schema.leaf_count * PARQUET_BLOCK * (sizeof(struct str) + 2) + 2 * NESTED_BYTES;
    }
    r->group = 0;
    r->rows_left = 0;
    *out_bytes = total + 2 * packed;
    return true;
}
