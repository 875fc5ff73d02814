#include "sink/format/parquet_encoder.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "sink/format/parquet_bounds.h"
#include "sink/format/parquet_column.h"
#include "sink/format/parquet_dict.h"
#include "sink/format/parquet_meta.h"
#include "sink/format/parquet_rle.h"
#include "sink/format/thrift.h"

/* Values after which a dictionary that found nearly nothing twice is given up at once. */
#define TRIAL_VALUES 4096
/* Chunks without a dictionary after one that did not pay, before the next try. */
#define DICTIONARY_REST 8
#define MAX_CHUNK ((size_t)8 << 30)

struct parquet_encoder {
    const struct parquet_leaf *leaf;
    struct parquet_encoder_context *context;
    /* the open page */
    struct buf defs, reps; /* a byte an entry */
    struct buf values;     /* plain; booleans a byte each */
    uint32_t *index;       /* numbers in the dictionary */
    size_t index_count, index_cap;
    uint32_t entries, value_count, rows;
    bool with_dictionary; /* new values go into it */
    bool page_plain;      /* the open page's values are plain */
    /* the chunk */
    struct parquet_dict dict;
    struct buf pages, dictionary_page;
    uint64_t plain_bytes, packed_plain; /* of closed pages: expanded, and what they became */
    uint64_t chunk_entries, chunk_nulls;
    uint64_t raw_bytes; /* plain bytes of what went through the dictionary */
    uint32_t dictionary_pages, plain_pages;
    unsigned rest; /* chunks to go without a dictionary */
    struct parquet_bounds bounds;
};

static uint32_t plain_width(const struct parquet_leaf *leaf)
{
    switch (leaf->physical) {
    case PARQUET_INT32:
    case PARQUET_FLOAT:
        return 4;
    case PARQUET_INT64:
    case PARQUET_DOUBLE:
        return 8;
    case PARQUET_FIXED:
    case PARQUET_INT96:
        return leaf->width;
    case PARQUET_BOOLEAN:
    case PARQUET_BYTES:
    case PARQUET_GROUP:
        break;
    }
    return 0;
}

static bool may_use_dictionary(const struct parquet_encoder *e)
{
    return e->context->dictionary && e->leaf->physical != PARQUET_BOOLEAN;
}

struct parquet_encoder *parquet_encoder_new(const struct parquet_leaf *leaf,
                                            struct parquet_encoder_context *context)
{
    struct parquet_encoder *e = MEM_NEW(struct parquet_encoder);
    e->leaf = leaf;
    e->context = context;
    e->defs = BUF_INIT(PARQUET_MAX_PAGE);
    e->reps = BUF_INIT(PARQUET_MAX_PAGE);
    e->values = BUF_INIT(PARQUET_MAX_PAGE);
    e->pages = BUF_INIT(MAX_CHUNK);
    e->dictionary_page = BUF_INIT(MAX_CHUNK);
    parquet_dict_init(&e->dict, leaf->physical, plain_width(leaf), PARQUET_DICTIONARY_BYTES);
    parquet_bounds_init(&e->bounds);
    e->with_dictionary = may_use_dictionary(e);
    e->page_plain = !e->with_dictionary;
    return e;
}

void parquet_encoder_free(struct parquet_encoder *e)
{
    if (e == NULL) {
        return;
    }
    buf_release(&e->defs);
    buf_release(&e->reps);
    buf_release(&e->values);
    buf_release(&e->pages);
    buf_release(&e->dictionary_page);
    parquet_dict_release(&e->dict);
    parquet_bounds_release(&e->bounds);
    mem_free(e->index);
    mem_free(e);
}

size_t parquet_encoder_held(const struct parquet_encoder *e)
{
    return e->defs.cap + e->reps.cap + e->values.cap + e->index_cap * sizeof(uint32_t) +
           e->pages.cap + e->dictionary_page.cap + parquet_dict_bytes(&e->dict);
}

/* Bytes of the open page's values, about. */
static uint64_t open_bytes(const struct parquet_encoder *e)
{
    if (e->page_plain) {
        return e->leaf->physical == PARQUET_BOOLEAN ? e->values.len / 8 : e->values.len;
    }
    uint64_t bits = parquet_rle_width(e->dict.count > 0 ? e->dict.count - 1 : 0);
    return e->index_count * bits / 8;
}

size_t parquet_encoder_data(const struct parquet_encoder *e)
{
    return e->pages.len + e->values.len + e->index_count * sizeof(uint32_t) + e->dict.plain.len +
           e->defs.len + e->reps.len;
}

uint64_t parquet_encoder_size(const struct parquet_encoder *e)
{
    uint64_t open = open_bytes(e) + (e->with_dictionary ? e->dict.plain.len : 0);
    if (e->plain_bytes > 0) { /* as the pages before were packed */
        open = (uint64_t)((double)open * (double)e->packed_plain / (double)e->plain_bytes);
    } else if (e->context->codec != COMPRESS_NONE) {
        open /= 2;
    }
    return e->pages.len + open;
}

/* ---- values ---- */

static void put_texts(struct buf *b, const struct str *texts, size_t from, size_t count, bool len)
{
    size_t size = 0;
    for (size_t i = from; i < count; i++) {
        size += texts[i].len + (len ? sizeof(uint32_t) : 0);
    }
    char *p = buf_room(b, size);
    if (p == NULL) {
        return;
    }
    for (size_t i = from; i < count; i++) {
        uint32_t n = (uint32_t)texts[i].len;
        if (len) {
            memcpy(p, &n, sizeof(n));
            p += sizeof(n);
        }
        memcpy(p, texts[i].ptr, n);
        p += n;
    }
    b->len += size;
}

/* The block's values from `from` on, plain. */
static void put_plain(struct parquet_encoder *e, const struct parquet_block *b, size_t from)
{
    size_t width = parquet_block_width(e->leaf->physical);
    if (width == sizeof(struct str)) {
        put_texts(&e->values, b->texts, from, b->values, e->leaf->physical == PARQUET_BYTES);
    } else {
        buf_put(&e->values, (const char *)b->data + from * width, (b->values - from) * width);
    }
}

/* The open page's numbers become plain values. */
static void expand_page(struct parquet_encoder *e)
{
    parquet_dict_expand(&e->dict, e->index, e->index_count, &e->values);
    e->index_count = 0;
    e->page_plain = true;
}

/* The dictionary's own values count for the bounds; it is not looked at value by value. */
static void dictionary_bounds(struct parquet_encoder *e)
{
    struct parquet_block b;
    if (e->dict.count == 0) {
        return;
    }
    parquet_block_init(&b, sizeof(struct str));
    for (uint32_t i = 0; i < e->dict.count;) {
        i += (uint32_t)parquet_dict_block(&e->dict, i, &b);
        parquet_bounds_add(&e->bounds, e->leaf->physical, &b);
    }
    parquet_block_release(&b);
}

/* No new values into the dictionary. One that no closed page uses goes altogether. */
static void give_up_dictionary(struct parquet_encoder *e)
{
    e->with_dictionary = false;
    expand_page(e);
    if (e->dictionary_pages == 0) {
        dictionary_bounds(e);
        parquet_dict_release(&e->dict);
        e->rest = DICTIONARY_REST;
    }
}

/* What the first count values take as plain ones. */
static uint64_t raw_bytes(const struct parquet_encoder *e, const struct parquet_block *b,
                          size_t count)
{
    if (e->leaf->physical != PARQUET_BYTES) {
        return (uint64_t)count * e->dict.width;
    }
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += b->texts[i].len + sizeof(uint32_t);
    }
    return bytes;
}

static void put_values(struct parquet_encoder *e, const struct parquet_block *b)
{
    size_t done = 0;
    if (e->with_dictionary) {
        if (e->index_cap < e->index_count + b->values) {
            e->index_cap = e->index_cap * 2 + PARQUET_BLOCK;
            e->index = mem_grow(e->index, e->index_cap, sizeof(*e->index));
        }
        done = parquet_dict_add(&e->dict, b, e->index + e->index_count);
        e->index_count += done;
        e->raw_bytes += raw_bytes(e, b, done);
        bool useless = e->dictionary_pages == 0 && e->index_count >= TRIAL_VALUES &&
                       e->dict.count > e->index_count / 16 * 15;
        if (done < b->values || useless) {
            give_up_dictionary(e);
        }
    }
    if (done < b->values) {
        struct parquet_block rest = *b;
        size_t width = parquet_block_width(e->leaf->physical);
        rest.data = (char *)b->data + done * width;
        rest.values = b->values - (uint32_t)done;
        parquet_bounds_add(&e->bounds, e->leaf->physical, &rest);
        put_plain(e, &rest, 0);
    }
}

bool parquet_encoder_put(struct parquet_encoder *e, const struct parquet_block *b,
                         struct error *err)
{
    if (e->leaf->def > 0) {
        buf_put(&e->defs, b->defs, b->entries);
    }
    if (e->leaf->rep > 0) {
        buf_put(&e->reps, b->reps, b->entries);
    }
    put_values(e, b);
    e->entries += b->entries;
    e->value_count += b->values;
    if (e->defs.failed || e->reps.failed || e->values.failed || e->dict.plain.failed) {
        return error_set(err, FAIL_LIMIT, "column %.*s: a row of more than %zu bytes",
                         STR_FMT(str_slice(e->leaf->path, 0, 120)), PARQUET_MAX_PAGE);
    }
    return true;
}

/* ---- pages ---- */

static void put_levels(struct buf *page, const struct buf *levels, unsigned max)
{
    if (max == 0) {
        return;
    }
    size_t at = page->len;
    buf_put_u32le(page, 0);
    parquet_rle_put_u8(page, (const uint8_t *)levels->ptr, levels->len, parquet_rle_width(max));
    if (!page->failed) {
        uint32_t len = (uint32_t)(page->len - at - sizeof(len));
        memcpy(page->ptr + at, &len, sizeof(len));
    }
}

static void put_bits(struct buf *page, const struct buf *bytes)
{
    for (size_t i = 0; i < bytes->len; i += 8) {
        unsigned v = 0;
        for (size_t k = 0; k < 8 && i + k < bytes->len; k++) {
            v |= (unsigned)(bytes->ptr[i + k] != 0) << k;
        }
        buf_put_byte(page, (uint8_t)v);
    }
}

/* The page's bytes before compression: in the context's buffer, or where they are. */
static struct str page_bytes(struct parquet_encoder *e)
{
    struct buf *page = &e->context->page;
    buf_reset(page);
    put_levels(page, &e->reps, e->leaf->rep);
    put_levels(page, &e->defs, e->leaf->def);
    if (!e->page_plain) {
        unsigned width = parquet_rle_width(e->dict.count > 0 ? e->dict.count - 1 : 0);
        buf_put_byte(page, (uint8_t)width);
        parquet_rle_put(page, e->index, e->index_count, width);
    } else if (e->leaf->physical == PARQUET_BOOLEAN) {
        put_bits(page, &e->values);
    } else if (page->len == 0) {
        return buf_str(&e->values);
    } else {
        buf_put_str(page, buf_str(&e->values));
    }
    return buf_str(page);
}

/* Header and packed bytes of one page behind those in `to`. */
static bool add_page(struct parquet_encoder *e, struct str plain, struct parquet_page_meta *meta,
                     struct buf *to, struct error *err)
{
    struct parquet_encoder_context *x = e->context;
    struct str packed = plain;
    if (x->codec != COMPRESS_NONE) {
        buf_reset(&x->packed);
        if (!compress_block(x->codec, x->level, plain, &x->packed, err)) {
            return false;
        }
        packed = buf_str(&x->packed);
    }
    if (x->page.failed || plain.len > INT32_MAX || packed.len > INT32_MAX) {
        return error_set(err, FAIL_LIMIT, "column %.*s: a page of %zu bytes",
                         STR_FMT(str_slice(e->leaf->path, 0, 120)), plain.len);
    }
    size_t before = to->len;
    meta->plain_bytes = (int32_t)plain.len;
    meta->packed_bytes = (int32_t)packed.len;
    meta->crc = hash_crc32(packed.ptr, packed.len);
    parquet_meta_put_page(to, meta);
    size_t header = to->len - before;
    buf_put_str(to, packed);
    e->plain_bytes += header + plain.len;
    e->packed_plain += header + packed.len;
    return buf_ok(to, "a column chunk", err);
}

static bool close_page(struct parquet_encoder *e, struct error *err)
{
    if (e->entries == 0) {
        return true;
    }
    if (!e->page_plain && e->value_count == 0) {
        e->page_plain = true; /* nulls alone */
    } else if (!e->page_plain && e->dictionary_pages == 0 &&
               open_bytes(e) + e->dict.plain.len >= e->raw_bytes) {
        give_up_dictionary(e); /* parquet-mr's rule: after the first page it must have paid */
    }
    struct parquet_page_meta meta = {.kind = PARQUET_DATA,
                                     .values = (int32_t)e->entries,
                                     .encoding =
                                         e->page_plain ? PARQUET_PLAIN : PARQUET_RLE_DICTIONARY};
    if (!add_page(e, page_bytes(e), &meta, &e->pages, err)) {
        return false;
    }
    *(e->page_plain ? &e->plain_pages : &e->dictionary_pages) += 1;
    e->chunk_entries += e->entries;
    e->chunk_nulls += e->entries - e->value_count;
    e->entries = e->value_count = e->rows = 0;
    e->index_count = 0;
    buf_reset(&e->defs);
    buf_reset(&e->reps);
    buf_reset(&e->values);
    e->page_plain = !e->with_dictionary;
    return true;
}

bool parquet_encoder_rows(struct parquet_encoder *e, size_t rows, struct error *err)
{
    e->rows += (uint32_t)rows;
    uint64_t bytes = open_bytes(e) + e->defs.len / 8 + e->reps.len / 8;
    if (e->rows < PARQUET_PAGE_ROWS && bytes < e->context->page_bytes &&
        e->entries < 50 * PARQUET_PAGE_ROWS) {
        return true;
    }
    return close_page(e, err);
}

bool parquet_encoder_finish(struct parquet_encoder *e, struct parquet_chunk_bytes *out,
                            struct error *err)
{
    if (!close_page(e, err)) {
        return false;
    }
    buf_reset(&e->dictionary_page);
    if (e->dictionary_pages > 0) {
        struct parquet_page_meta meta = {.kind = PARQUET_DICTIONARY,
                                         .values = (int32_t)e->dict.count,
                                         .encoding = PARQUET_PLAIN};
        buf_reset(&e->context->page);
        if (!add_page(e, buf_str(&e->dict.plain), &meta, &e->dictionary_page, err)) {
            return false;
        }
        dictionary_bounds(e);
    }
    out->dictionary = buf_str(&e->dictionary_page);
    out->pages = buf_str(&e->pages);
    out->plain_bytes = e->plain_bytes;
    return true;
}

static void put_path(struct buf *b, int32_t *last, const struct parquet_leaf *leaf)
{
    thrift_put_list(b, last, 3, THRIFT_BINARY, leaf->part_count);
    for (size_t i = 0; i < leaf->part_count; i++) {
        thrift_put_text(b, leaf->parts[i]);
    }
}

static void put_statistics(struct parquet_encoder *e, struct buf *b, int32_t *last)
{
    char space[16];
    struct str min;
    struct str max;
    int32_t inner = 0;
    thrift_put_struct(b, last, 12);
    thrift_put_i64(b, &inner, 3, (int64_t)e->chunk_nulls);
    if (parquet_bounds_get(&e->bounds, e->leaf->physical, space, &min, &max)) {
        thrift_put_binary(b, &inner, 5, max);
        thrift_put_binary(b, &inner, 6, min);
    }
    thrift_put_stop(b);
}

static void put_page_counts(struct parquet_encoder *e, struct buf *b, int32_t *last)
{
    const struct {
        int32_t kind, encoding;
        uint32_t count;
    } all[] = {{PARQUET_DICTIONARY, PARQUET_PLAIN, e->dictionary_pages > 0 ? 1 : 0},
               {PARQUET_DATA, PARQUET_RLE_DICTIONARY, e->dictionary_pages},
               {PARQUET_DATA, PARQUET_PLAIN, e->plain_pages}};
    size_t count = 0;
    for (size_t i = 0; i < 3; i++) {
        count += all[i].count > 0;
    }
    thrift_put_list(b, last, 13, THRIFT_STRUCT, count);
    for (size_t i = 0; i < 3; i++) {
        int32_t inner = 0;
        if (all[i].count > 0) {
            thrift_put_i32(b, &inner, 1, all[i].kind);
            thrift_put_i32(b, &inner, 2, all[i].encoding);
            thrift_put_i32(b, &inner, 3, (int32_t)all[i].count);
            thrift_put_stop(b);
        }
    }
}

void parquet_encoder_put_meta(struct parquet_encoder *e, uint64_t offset, struct buf *b)
{
    int32_t chunk = 0;
    int32_t last = 0;
    uint64_t data = offset + e->dictionary_page.len;
    thrift_put_i64(b, &chunk, 2, (int64_t)offset);
    thrift_put_struct(b, &chunk, 3);
    thrift_put_i32(b, &last, 1, (int32_t)e->leaf->physical);
    thrift_put_list(b, &last, 2, THRIFT_I32, e->dictionary_pages > 0 ? 3 : 2);
    thrift_put_int(b, PARQUET_PLAIN);
    thrift_put_int(b, PARQUET_RLE);
    if (e->dictionary_pages > 0) {
        thrift_put_int(b, PARQUET_RLE_DICTIONARY);
    }
    put_path(b, &last, e->leaf);
    thrift_put_i32(b, &last, 4, compress_parquet_codec(e->context->codec));
    thrift_put_i64(b, &last, 5, (int64_t)e->chunk_entries);
    thrift_put_i64(b, &last, 6, (int64_t)e->plain_bytes);
    thrift_put_i64(b, &last, 7, (int64_t)(e->dictionary_page.len + e->pages.len));
    thrift_put_i64(b, &last, 9, (int64_t)data);
    if (e->dictionary_pages > 0) {
        thrift_put_i64(b, &last, 11, (int64_t)offset);
    }
    put_statistics(e, b, &last);
    put_page_counts(e, b, &last);
    thrift_put_stop(b);
    thrift_put_stop(b);
}

void parquet_encoder_reset(struct parquet_encoder *e)
{
    must(e->entries == 0);
    buf_reset(&e->pages);
    buf_reset(&e->dictionary_page);
    parquet_dict_reset(&e->dict);
    parquet_bounds_reset(&e->bounds);
    e->plain_bytes = e->packed_plain = 0;
    e->chunk_entries = e->chunk_nulls = e->raw_bytes = 0;
    e->dictionary_pages = e->plain_pages = 0;
    e->rest -= e->rest > 0 ? 1 : 0;
    e->with_dictionary = may_use_dictionary(e) && e->rest == 0;
    e->page_plain = !e->with_dictionary;
}
