#include "sink/format/parquet_column.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "sink/format/compress.h"
#include "sink/format/parquet_rle.h"
#include "sink/format/parquet_values.h"

#define FIRST_READ ((size_t)64 << 10)
#define HEADER_READ ((size_t)512)
#define MAX_HEADER ((size_t)16 << 20) /* statistics of long values may stand in it */

/* Memory for one page, as much as the largest one needed: pages differ little, and many columns are
 * open at once. */
struct room {
    char *ptr;
    size_t cap;
};

struct parquet_column {
    const struct parquet_leaf *leaf;
    struct parquet_input *in;
    enum compress_codec codec;
    uint64_t at, end;     /* what is left of the chunk, in the file */
    uint64_t plain_bytes; /* of the chunk, as the footer says: no page is longer */
    uint64_t page_at;     /* the open page, for messages */
    int64_t entries_left; /* of the chunk, in pages not opened yet */
    size_t read_ahead;
    struct room page, dictionary_page;
    struct parquet_dictionary dictionary;
    uint32_t left; /* entries of the open page */
    struct parquet_rle defs, reps;
    struct parquet_values values;
};

void parquet_column_input_init(struct parquet_input *in, struct fs fs, const char *path,
                               uint64_t data_end, size_t max_page)
{
    *in = (struct parquet_input){.fs = fs,
                                 .path = path,
                                 .data_end = data_end,
                                 .max_page = max_page,
                                 .window = BUF_INIT(2 * PARQUET_MAX_PAGE)};
}

void parquet_column_input_release(struct parquet_input *in)
{
    buf_release(&in->window);
}

/* len bytes of the file, which has them; valid until the next call. */
static bool input_get(struct parquet_input *in, uint64_t at, size_t len, struct str *out,
                      struct error *err)
{
    if (at < in->window_at || at - in->window_at > in->window.len ||
        len > in->window.len - (size_t)(at - in->window_at)) {
        buf_reset(&in->window);
        char *into = buf_room(&in->window, len);
        if (into == NULL) {
            return error_set(err, FAIL_LIMIT, "a page of %zu bytes", len);
        }
        if (!in->fs.ops->read_range(in->fs.self, in->path, at, len, into, err)) {
            return false;
        }
        in->window.len = len;
        in->window_at = at;
    }
    *out = (struct str){in->window.ptr + (size_t)(at - in->window_at), len};
    return true;
}

/* What the window already has from `at` on, up to len. */
static size_t input_has(const struct parquet_input *in, uint64_t at)
{
    if (at < in->window_at || at - in->window_at >= in->window.len) {
        return 0;
    }
    return in->window.len - (size_t)(at - in->window_at);
}

struct parquet_column *parquet_column_new(const struct parquet_leaf *leaf, struct parquet_input *in)
{
    struct parquet_column *c = MEM_NEW(struct parquet_column);
    c->leaf = leaf;
    c->in = in;
    c->values.made = BUF_INIT(in->max_page);
    c->values.last = BUF_INIT(in->max_page);
    c->values.physical = leaf->physical;
    c->values.width = leaf->width;
    return c;
}

void parquet_column_free(struct parquet_column *c)
{
    if (c == NULL) {
        return;
    }
    parquet_values_dictionary_release(&c->dictionary);
    parquet_values_release(&c->values);
    mem_free(c->page.ptr);
    mem_free(c->dictionary_page.ptr);
    mem_free(c);
}

static bool in_column(const struct parquet_column *c, struct error *err)
{
    return error_in(err, "column %.*s, page at byte %llu",
                    STR_FMT(str_slice(c->leaf->path, 0, 120)), (unsigned long long)c->page_at);
}

bool parquet_column_start(struct parquet_column *c, const struct parquet_chunk_meta *chunk,
                          struct error *err)
{
    /* Old writers say 0 where there is no dictionary, and some put its offset behind the data. */
    int64_t at = chunk->data_offset;
    if (chunk->dictionary_offset > 0 && chunk->dictionary_offset < at) {
        at = chunk->dictionary_offset;
    }
    c->page_at = (uint64_t)at;
    if (chunk->elsewhere) {
        (void)error_set(err, FAIL_SCHEMA, "the column lies in another file, or is encrypted");
        return in_column(c, err);
    }
    if ((uint64_t)at > c->in->data_end ||
        (uint64_t)chunk->packed_bytes > c->in->data_end - (uint64_t)at) {
        (void)error_set(err, FAIL_CORRUPT, "a column chunk of %lld bytes, with the footer at %llu",
                        (long long)chunk->packed_bytes, (unsigned long long)c->in->data_end);
        return in_column(c, err);
    }
    if (chunk->physical != c->leaf->physical) {
        (void)error_set(err, FAIL_CORRUPT, "the chunk is of physical type %d, the schema says %d",
                        (int)chunk->physical, (int)c->leaf->physical);
        return in_column(c, err);
    }
    if (!compress_of_parquet(chunk->codec, &c->codec, err)) {
        return in_column(c, err);
    }
    c->at = (uint64_t)at;
    c->end = c->at + (uint64_t)chunk->packed_bytes;
    c->entries_left = chunk->values;
    c->plain_bytes = (uint64_t)chunk->plain_bytes;
    c->left = 0;
    c->read_ahead = FIRST_READ;
    parquet_values_dictionary_release(&c->dictionary);
    return true;
}

/* The page's header and packed bytes (valid until the next read), and c->at behind them. */
static bool next_page(struct parquet_column *c, bool body, struct parquet_page_meta *page,
                      struct str *out, struct error *err)
{
    uint64_t left = c->end - c->at;
    size_t want = input_has(c->in, c->at) >= HEADER_READ ? HEADER_READ : c->read_ahead;
    struct str bytes = {"", 0};
    for (;;) {
        want = want < left ? want : (size_t)left;
        if (!input_get(c->in, c->at, want, &bytes, err)) {
            return false;
        }
        struct reader r = reader_over(bytes, "Parquet page header");
        parquet_meta_read_page(&r, page);
        if (!r.failed) {
            bytes = str_slice(bytes, r.offset, bytes.len);
            c->at += r.offset;
            left -= r.offset;
            break;
        }
        /* Not whole yet, or damaged: only more bytes can tell. */
        if (want >= left || want >= MAX_HEADER) {
            return reader_ok(&r, err);
        }
        want = want < HEADER_READ ? HEADER_READ : want * 4;
    }
    size_t packed = (size_t)page->packed_bytes;
    if (packed > left || (size_t)page->plain_bytes > c->in->max_page ||
        (uint64_t)page->plain_bytes > c->plain_bytes) {
        return error_set(err, FAIL_CORRUPT,
                         "a page of %zu bytes that expand to %d, with %llu left of the column",
                         packed, (int)page->plain_bytes, (unsigned long long)left);
    }
    if (body && !input_get(c->in, c->at, packed, &bytes, err)) {
        return false;
    }
    c->read_ahead = body ? packed + HEADER_READ : HEADER_READ;
    c->at += packed;
    *out = str_slice(bytes, 0, packed);
    if (body && page->has_crc && hash_crc32(out->ptr, out->len) != page->crc) {
        return error_set(err, FAIL_CORRUPT, "the page's checksum is not that of its bytes");
    }
    return true;
}

static char *room_for(struct room *r, size_t len)
{
    if (r->ptr == NULL || r->cap < len) {
        mem_free(r->ptr);
        r->ptr = mem_alloc(len);
        r->cap = len;
    }
    return r->ptr;
}

/* A page's plain bytes: `levels` of them stand as they are before the packed ones. The size was
 * checked with the header. */
static bool expand(struct parquet_column *c, const struct parquet_page_meta *page,
                   struct str packed, size_t levels, struct room *to, struct str *out,
                   struct error *err)
{
    size_t size = (size_t)page->plain_bytes;
    char *into = room_for(to, size);
    if (levels > 0) {
        memcpy(into, packed.ptr, levels);
    }
    enum compress_codec codec = c->codec;
    if (page->kind == PARQUET_DATA2 && !page->is_compressed) {
        codec = COMPRESS_NONE;
    }
    *out = (struct str){into, size};
    packed = str_slice(packed, levels, packed.len);
    if (size == levels && packed.len == 0) {
        return true; /* a page of nulls: nothing was compressed */
    }
    return compress_expand_exact(codec, packed, into + levels, size - levels, err);
}

static bool load_dictionary(struct parquet_column *c, const struct parquet_page_meta *page,
                            struct str packed, struct error *err)
{
    if (c->dictionary.count > 0 || c->dictionary.texts != NULL) {
        return error_set(err, FAIL_CORRUPT, "a second dictionary");
    }
    if (page->encoding != PARQUET_PLAIN && page->encoding != PARQUET_PLAIN_DICTIONARY) {
        return error_set(err, FAIL_SCHEMA, "a dictionary in encoding %d is not supported",
                         (int)page->encoding);
    }
    struct str plain;
    return expand(c, page, packed, 0, &c->dictionary_page, &plain, err) &&
           parquet_values_dictionary(plain, c->leaf->physical, c->leaf->width,
                                     (uint32_t)page->values, &c->dictionary, err);
}

/* Levels of a v1 page: a length, then runs. */
static bool levels_v1(struct reader *r, int32_t encoding, unsigned max, struct parquet_rle *out,
                      struct error *err)
{
    if (max == 0) {
        return true;
    }
    if (encoding != PARQUET_RLE) {
        return error_set(err, FAIL_SCHEMA, "levels in encoding %d are not supported",
                         (int)encoding);
    }
    struct str bytes = reader_bytes(r, reader_u32le(r));
    if (r->failed) {
        return reader_ok(r, err);
    }
    parquet_rle_init(out, bytes, parquet_rle_width(max));
    return true;
}

static bool open_v1(struct parquet_column *c, const struct parquet_page_meta *page,
                    struct str packed, struct str *out_values, struct error *err)
{
    struct str plain;
    if (!expand(c, page, packed, 0, &c->page, &plain, err)) {
        return false;
    }
    struct reader r = reader_over(plain, "Parquet page");
    if (!levels_v1(&r, page->rep_encoding, c->leaf->rep, &c->reps, err) ||
        !levels_v1(&r, page->def_encoding, c->leaf->def, &c->defs, err)) {
        return false;
    }
    *out_values = r.rest;
    return true;
}

static bool open_v2(struct parquet_column *c, const struct parquet_page_meta *page,
                    struct str packed, struct str *out_values, struct error *err)
{
    uint64_t levels = (uint64_t)page->rep_bytes + (uint64_t)page->def_bytes;
    if (levels > packed.len || levels > (uint64_t)page->plain_bytes) {
        return error_set(err, FAIL_CORRUPT, "levels of %llu bytes in a page of %zu",
                         (unsigned long long)levels, packed.len);
    }
    struct str bytes;
    if (!expand(c, page, packed, (size_t)levels, &c->page, &bytes, err)) {
        return false;
    }
    size_t reps = (size_t)page->rep_bytes;
    if (c->leaf->rep > 0) {
        parquet_rle_init(&c->reps, str_slice(bytes, 0, reps), parquet_rle_width(c->leaf->rep));
    }
    if (c->leaf->def > 0) {
        parquet_rle_init(&c->defs, str_slice(bytes, reps, (size_t)levels),
                         parquet_rle_width(c->leaf->def));
    }
    *out_values = str_slice(bytes, (size_t)levels, bytes.len);
    return true;
}

static bool open_page(struct parquet_column *c, struct error *err)
{
    struct parquet_page_meta page;
    struct str packed = {"", 0};
    struct str values = {"", 0};
    if (!next_page(c, true, &page, &packed, err)) {
        return false;
    }
    if (page.kind == PARQUET_DICTIONARY) {
        return load_dictionary(c, &page, packed, err);
    }
    if (page.kind != PARQUET_DATA && page.kind != PARQUET_DATA2) {
        return true; /* of no use to us */
    }
    if (page.values > c->entries_left) {
        return error_set(err, FAIL_CORRUPT, "a page of %d values where %lld are left",
                         (int)page.values, (long long)c->entries_left);
    }
    if (page.kind == PARQUET_DATA ? !open_v1(c, &page, packed, &values, err)
                                  : !open_v2(c, &page, packed, &values, err)) {
        return false;
    }
    bool has_dictionary = c->dictionary.fixed != NULL;
    if (page.encoding < 0 || page.encoding > PARQUET_BYTE_STREAM_SPLIT) {
        return error_set(err, FAIL_SCHEMA, "encoding %d is not known", (int)page.encoding);
    }
    c->entries_left -= page.values;
    c->left = (uint32_t)page.values;
    return parquet_values_start(&c->values, values, (enum parquet_encoding)page.encoding,
                                has_dictionary ? &c->dictionary : NULL, err);
}

bool parquet_column_ready(struct parquet_column *c, uint32_t *out_entries, struct error *err)
{
    while (c->left == 0 && c->entries_left > 0) {
        c->page_at = c->at;
        if (c->at == c->end) {
            (void)error_set(err, FAIL_CORRUPT, "its pages end where %lld values are still due",
                            (long long)c->entries_left);
            return in_column(c, err);
        }
        if (!open_page(c, err)) {
            return in_column(c, err);
        }
    }
    *out_entries = c->left;
    return true;
}

/* *out_values: entries of the greatest level. */
static bool read_defs(struct parquet_column *c, size_t count, uint8_t *defs, size_t *out_values)
{
    uint8_t max = c->leaf->def;
    uint32_t run = 0;
    size_t n = parquet_rle_take_run(&c->defs, count, &run);
    if (n == count) { /* all or nothing, most often */
        memset(defs, (int)run, n);
        *out_values = run == max ? count : 0;
        return run <= max;
    }
    memset(defs, (int)run, n);
    if (!parquet_rle_read_u8(&c->defs, defs + n, count - n)) {
        return false;
    }
    size_t values = 0;
    unsigned above = 0;
    for (size_t i = 0; i < count; i++) {
        values += defs[i] == max;
        above |= defs[i] > max;
    }
    *out_values = values;
    return above == 0;
}

bool parquet_column_read(struct parquet_column *c, size_t count, struct parquet_block *out,
                         struct error *err)
{
    must(count <= c->left && count <= PARQUET_BLOCK);
    const struct parquet_leaf *leaf = c->leaf;
    size_t values = count;
    unsigned most = 0;
    bool ok = leaf->rep == 0 || parquet_rle_read_u8(&c->reps, out->reps, count);
    for (size_t i = 0; ok && leaf->rep > 0 && i < count; i++) {
        most = out->reps[i] > most ? out->reps[i] : most;
    }
    ok = ok && most <= leaf->rep;
    if (ok && leaf->def > 0) {
        ok = read_defs(c, count, out->defs, &values);
    }
    out->entries = (uint32_t)count;
    c->left -= (uint32_t)count;
    if (!ok || !parquet_values_read(&c->values, values, out)) {
        (void)error_set(err, FAIL_CORRUPT, "its %s are not what the page's header says",
                        ok ? "values" : "levels");
        return in_column(c, err);
    }
    return true;
}

bool parquet_column_survey(struct parquet_column *c, const struct parquet_chunk_meta *chunk,
                           uint64_t *out_bytes, uint64_t *out_packed, struct error *err)
{
    uint64_t page_most = 0;
    uint64_t packed_most = 0;
    uint64_t dictionary = 0;
    if (!parquet_column_start(c, chunk, err)) {
        return false;
    }
    c->read_ahead = HEADER_READ;
    while (c->at < c->end) {
        struct parquet_page_meta page;
        struct str packed;
        c->page_at = c->at;
        if (!next_page(c, false, &page, &packed, err)) {
            return in_column(c, err);
        }
        uint64_t plain = (uint64_t)page.plain_bytes;
        packed_most = c->at - c->page_at > packed_most ? c->at - c->page_at : packed_most;
        if (page.kind == PARQUET_DICTIONARY) {
            bool texts = parquet_block_width(c->leaf->physical) == sizeof(struct str);
            dictionary = plain + (texts ? (uint64_t)page.values * sizeof(struct str) : 0);
        } else {
            page_most = plain > page_most ? plain : page_most;
        }
    }
    *out_bytes = page_most + dictionary;
    *out_packed = packed_most;
    return true;
}
