#include "sink/format/parquet_writer.h"

#include <string.h>

#include "base/mem.h"
#include "sink/format/parquet_encoder.h"
#include "sink/format/parquet_meta.h"
#include "sink/format/thrift.h"

#define GROUP_BYTES (UINT64_C(128) << 20) /* parquet.block.size */
#define LEAST_MEMORY (UINT64_C(256) << 10)
#define STAGE_ROWS 512
#define STAGE_BYTES ((size_t)256 << 10) /* of texts */
#define MAX_META ((size_t)1 << 30)
#define CREATED_BY "inlet version " INLET_VERSION

struct parquet_writer {
    struct fs fs;
    struct fs_out *file;
    struct arena arena; /* schema */
    const struct schema_field *fields;
    struct parquet_schema schema;
    struct parquet_element *elements;
    size_t element_count;
    struct parquet_encoder_context context;
    struct parquet_encoder **encoders; /* one a leaf */
    struct parquet_block *blocks;      /* rows not yet encoded, one a leaf */
    struct arena stage;                /* their texts */
    size_t stage_kept;                 /* what it keeps when it is empty */
    size_t staged;                     /* rows */
    uint64_t group_bytes, memory_bytes;
    uint64_t done;       /* bytes written */
    uint64_t group_rows; /* of the open group, encoded ones */
    uint64_t rows;       /* of the groups written */
    struct buf groups;   /* their RowGroup structs */
    size_t group_count;
};

static void writer_free(struct parquet_writer *w)
{
    for (size_t i = 0; i < w->schema.leaf_count; i++) {
        parquet_encoder_free(w->encoders[i]);
        parquet_block_release(&w->blocks[i]);
    }
    mem_free(w->encoders);
    mem_free(w->blocks);
    buf_release(&w->context.page);
    buf_release(&w->context.packed);
    buf_release(&w->groups);
    arena_release(&w->stage);
    arena_release(&w->arena);
    mem_free(w);
}

static bool put(struct parquet_writer *w, struct str bytes, struct error *err)
{
    if (!w->fs.ops->append(w->file, bytes, err)) {
        return false;
    }
    w->done += bytes.len;
    return true;
}

static void take_options(struct parquet_writer *w, const struct parquet_writer_options *o)
{
    w->group_bytes = o->group_bytes > 0 ? o->group_bytes : GROUP_BYTES;
    w->memory_bytes = o->memory_bytes > 0 ? o->memory_bytes : UINT64_MAX;
    w->memory_bytes = w->memory_bytes > LEAST_MEMORY ? w->memory_bytes : LEAST_MEMORY;
    w->context = (struct parquet_encoder_context){
        .codec = o->codec,
        .level = o->level,
        .page_bytes = o->page_bytes > 0 ? o->page_bytes : PARQUET_PAGE_BYTES,
        .dictionary = !o->no_dictionary,
        .page = BUF_INIT(SIZE_MAX / 4),
        .packed = BUF_INIT(SIZE_MAX / 4),
    };
}

bool parquet_writer_open(struct fs fs, const char *path, const struct schema_field *fields,
                         size_t count, const struct parquet_writer_options *o,
                         struct parquet_writer **out, struct error *err)
{
    struct parquet_writer *w = MEM_NEW(struct parquet_writer);
    w->fs = fs;
    w->fields = fields;
    w->groups = BUF_INIT(MAX_META);
    take_options(w, o);
    parquet_schema_make(fields, count, &w->arena, &w->schema, &w->elements, &w->element_count);
    w->encoders = MEM_ARRAY(struct parquet_encoder *, w->schema.leaf_count);
    w->blocks = MEM_ARRAY(struct parquet_block, w->schema.leaf_count);
    for (size_t i = 0; i < w->schema.leaf_count; i++) {
        const struct parquet_leaf *leaf = &w->schema.leaves[i];
        w->encoders[i] = parquet_encoder_new(leaf, &w->context);
        parquet_block_init(&w->blocks[i], parquet_block_width(leaf->physical));
    }
    if (!fs.ops->create(fs.self, path, &w->file, err)) {
        writer_free(w);
        return false;
    }
    if (!put(w, STR(PARQUET_MAGIC), err)) {
        parquet_writer_abandon(w);
        return false;
    }
    *out = w;
    return true;
}

/* ---- row groups ---- */

static bool write_group(struct parquet_writer *w, struct error *err)
{
    int32_t last = 0;
    uint64_t start = w->done;
    uint64_t plain = 0;
    thrift_put_list(&w->groups, &last, 1, THRIFT_STRUCT, w->schema.leaf_count);
    for (size_t i = 0; i < w->schema.leaf_count; i++) {
        struct parquet_chunk_bytes chunk;
        uint64_t at = w->done;
        if (!parquet_encoder_finish(w->encoders[i], &chunk, err) ||
            !put(w, chunk.dictionary, err) || !put(w, chunk.pages, err)) {
            return false;
        }
        plain += chunk.plain_bytes;
        parquet_encoder_put_meta(w->encoders[i], at, &w->groups);
        parquet_encoder_reset(w->encoders[i]);
    }
    thrift_put_i64(&w->groups, &last, 2, (int64_t)plain);
    thrift_put_i64(&w->groups, &last, 3, (int64_t)w->group_rows);
    thrift_put_i64(&w->groups, &last, 5, (int64_t)start);
    thrift_put_i64(&w->groups, &last, 6, (int64_t)(w->done - start));
    if (w->group_count <= INT16_MAX) {
        thrift_put_i16(&w->groups, &last, 7, (int16_t)w->group_count);
    }
    thrift_put_stop(&w->groups);
    w->group_count++;
    w->rows += w->group_rows;
    w->group_rows = 0;
    return buf_ok(&w->groups, "the footer", err);
}

static uint64_t open_size(const struct parquet_writer *w)
{
    uint64_t size = 0;
    for (size_t i = 0; i < w->schema.leaf_count; i++) {
        size += parquet_encoder_size(w->encoders[i]);
    }
    return size;
}

/* Buffers keep their memory between groups: a group is not ended by what they take empty. */
static uint64_t open_data(const struct parquet_writer *w)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < w->schema.leaf_count; i++) {
        bytes += parquet_encoder_data(w->encoders[i]);
    }
    return bytes;
}

uint64_t parquet_writer_held(const struct parquet_writer *w)
{
    uint64_t held = w->context.page.cap + w->context.packed.cap + w->groups.cap +
                    arena_used(&w->stage) + arena_used(&w->arena);
    for (size_t i = 0; i < w->schema.leaf_count; i++) {
        held += parquet_encoder_held(w->encoders[i]) +
                PARQUET_BLOCK * (2 + parquet_block_width(w->schema.leaves[i].physical));
    }
    return held;
}

/* Rows have ended: closes pages, and the group when it is large or memory is used up. */
static bool rows_done(struct parquet_writer *w, size_t rows, struct error *err)
{
    for (size_t i = 0; i < w->schema.leaf_count; i++) {
        if (!parquet_encoder_rows(w->encoders[i], rows, err)) {
            return false;
        }
    }
    w->group_rows += rows;
    bool full = open_size(w) >= w->group_bytes ||
                (parquet_writer_held(w) >= w->memory_bytes && open_data(w) >= w->memory_bytes / 4);
    return !full || write_group(w, err);
}

static bool encode_block(struct parquet_writer *w, size_t leaf, struct error *err)
{
    struct parquet_block *b = &w->blocks[leaf];
    if (b->entries > 0 && !parquet_encoder_put(w->encoders[leaf], b, err)) {
        return false;
    }
    b->entries = 0;
    b->values = 0;
    return true;
}

static bool encode_staged(struct parquet_writer *w, struct error *err)
{
    if (w->staged == 0) {
        return true;
    }
    for (size_t i = 0; i < w->schema.leaf_count; i++) {
        if (!encode_block(w, i, err)) {
            return false;
        }
    }
    size_t rows = w->staged;
    w->staged = 0;
    arena_reset(&w->stage);
    w->stage_kept = arena_used(&w->stage);
    return rows_done(w, rows, err);
}

/* ---- rows into blocks ---- */

/* One entry of a leaf; v NULL: no value. */
static bool stage_entry(struct parquet_writer *w, uint32_t leaf, unsigned rep, unsigned def,
                        const struct value *v, struct error *err)
{
    struct parquet_block *b = &w->blocks[leaf];
    const struct parquet_leaf *l = &w->schema.leaves[leaf];
    if (b->entries == PARQUET_BLOCK && !encode_block(w, leaf, err)) {
        return false;
    }
    b->defs[b->entries] = (uint8_t)def;
    b->reps[b->entries] = (uint8_t)rep;
    b->entries++;
    return v == NULL || parquet_cell_write(l->cell, l->type, v, l->width, &w->stage, b, err) ||
           error_in(err, "column %.*s", STR_FMT(str_slice(l->path, 0, 120)));
}

static bool stage_missing(struct parquet_writer *w, const struct parquet_node *node, unsigned rep,
                          unsigned def, struct error *err)
{
    for (uint32_t i = 0; i < node->leaf_count; i++) {
        if (!stage_entry(w, node->leaf + i, rep, def, NULL, err)) {
            return false;
        }
    }
    return true;
}

static bool null_refused(const struct parquet_writer *w, const struct parquet_node *node,
                         struct error *err)
{
    return error_set(err, FAIL_SCHEMA, "column %.*s is NOT NULL, but a row has no value for it",
                     STR_FMT(str_slice(w->schema.leaves[node->leaf].path, 0, 120)));
}

static bool stage(struct parquet_writer *w, const struct parquet_node *node, const struct value *v,
                  unsigned rep, struct error *err);

static bool stage_items(struct parquet_writer *w, const struct parquet_node *node,
                        const struct value *v, unsigned rep, struct error *err)
{
    if (v->len == 0) {
        return stage_missing(w, node, rep, node->def, err);
    }
    must(node->child_count > 0);
    for (uint32_t i = 0; i < v->len; i++) {
        unsigned item_rep = i < node->child_count ? rep : node->item_rep;
        if (!stage(w, &node->children[i % node->child_count], &v->items[i], item_rep, err)) {
            return false;
        }
    }
    return true;
}

/* Dremel's striping (parquet-format README.md, "Nested Encoding"); depth is that of the type. */
static bool stage(struct parquet_writer *w, const struct parquet_node *node, const struct value *v,
                  unsigned rep, struct error *err)
{
    if (v->state != VALUE_SET) {
        must(v->state == VALUE_NULL);
        return node->nullable ? stage_missing(w, node, rep, node->def - 1u, err)
                              : null_refused(w, node, err);
    }
    switch (node->shape) {
    case PARQUET_LEAF:
        return stage_entry(w, node->leaf, rep, node->def, v, err);
    case PARQUET_LIST:
    case PARQUET_MAP:
        return stage_items(w, node, v, rep, err);
    case PARQUET_ROW:
        for (size_t i = 0; i < node->child_count; i++) {
            if (!stage(w, &node->children[i], &v->items[i], rep, err)) {
                return false;
            }
        }
        return true;
    case PARQUET_ABSENT:
        break;
    }
    return true;
}

/* A value of a column that is not nested: no level but null or not, and room in its block, which
 * has as many entries as there are rows. The commonest types are put here, without a call. */
static inline bool stage_flat(struct parquet_writer *w, const struct parquet_node *node,
                              const struct value *v, struct error *err)
{
    struct parquet_block *b = &w->blocks[node->leaf];
    const struct parquet_leaf *l = &w->schema.leaves[node->leaf];
    if (UNLIKELY(v->state != VALUE_SET)) {
        return stage(w, node, v, 0, err);
    }
    b->defs[b->entries++] = node->def;
    if (l->cell == PARQUET_CELL_I8) {
        b->i8[b->values++] = v->i;
        return true;
    }
    if (l->cell == PARQUET_CELL_I4) {
        b->i4[b->values++] = (int32_t)v->i;
        return true;
    }
    return parquet_cell_write(l->cell, l->type, v, l->width, &w->stage, b, err) ||
           error_in(err, "column %.*s", STR_FMT(str_slice(l->path, 0, 120)));
}

bool parquet_writer_row(struct parquet_writer *w, const struct value *values, struct error *err)
{
    for (size_t i = 0; i < w->schema.count; i++) {
        const struct parquet_node *node = &w->schema.nodes[i];
        if (!(node->shape == PARQUET_LEAF ? stage_flat(w, node, &values[i], err)
                                          : stage(w, node, &values[i], 0, err))) {
            return false;
        }
    }
    w->staged++;
    return (w->staged < STAGE_ROWS && arena_used(&w->stage) < STAGE_BYTES) || encode_staged(w, err);
}

bool parquet_writer_blocks(struct parquet_writer *w, const struct parquet_block *blocks,
                           size_t rows, struct error *err)
{
    must(w->staged == 0);
    for (size_t i = 0; i < w->schema.leaf_count; i++) {
        must(blocks[i].entries == rows && w->schema.leaves[i].rep == 0);
        if (!parquet_encoder_put(w->encoders[i], &blocks[i], err)) {
            return false;
        }
    }
    return rows_done(w, rows, err);
}

uint64_t parquet_writer_bytes(const struct parquet_writer *w)
{
    return w->done + open_size(w) + w->groups.len;
}

/* ---- the footer ---- */

static bool write_footer(struct parquet_writer *w, struct error *err)
{
    struct buf b = BUF_INIT(2 * MAX_META);
    int32_t last = 0;
    thrift_put_i32(&b, &last, 1, 1);
    thrift_put_list(&b, &last, 2, THRIFT_STRUCT, w->element_count);
    for (size_t i = 0; i < w->element_count; i++) {
        parquet_meta_put_element(&b, &w->elements[i]);
    }
    thrift_put_i64(&b, &last, 3, (int64_t)w->rows);
    thrift_put_list(&b, &last, 4, THRIFT_STRUCT, w->group_count);
    buf_put_str(&b, buf_str(&w->groups));
    thrift_put_binary(&b, &last, 6, STR(CREATED_BY));
    thrift_put_list(&b, &last, 7, THRIFT_STRUCT, w->schema.leaf_count);
    for (size_t i = 0; i < w->schema.leaf_count; i++) { /* ColumnOrder.TYPE_ORDER */
        int32_t inner = 0;
        thrift_put_struct(&b, &inner, 1);
        thrift_put_stop(&b);
        thrift_put_stop(&b);
    }
    thrift_put_stop(&b);
    uint32_t len = (uint32_t)b.len;
    buf_put_u32le(&b, len);
    buf_put_cstr(&b, PARQUET_MAGIC);
    bool ok = buf_ok(&b, "the footer", err) && put(w, buf_str(&b), err);
    buf_release(&b);
    return ok;
}

bool parquet_writer_finish(struct parquet_writer *w, uint64_t *out_bytes, struct error *err)
{
    if (!encode_staged(w, err) || (w->group_rows > 0 && !write_group(w, err)) ||
        !write_footer(w, err)) {
        parquet_writer_abandon(w);
        return false;
    }
    bool ok = w->fs.ops->finish(w->file, err);
    if (ok) {
        *out_bytes = w->done;
    }
    writer_free(w);
    return ok;
}

void parquet_writer_abandon(struct parquet_writer *w)
{
    if (w != NULL) {
        w->fs.ops->abandon(w->file);
        writer_free(w);
    }
}
