#include "sink/bitmap_form.h"

#include <string.h>

#include "base/mem.h"

#define COOKIE_PLAIN 12346
#define COOKIE_RUNS 12347
#define OFFSETS_FROM 4 /* containers: below, a bitmap with runs has no offsets */
#define MAX_CONTAINERS 65536
#define MAX_VALUES 4096 /* of a container that lists them */
#define BITS_BYTES 8192
#define WORDS (BITS_BYTES / 8)

enum form { FORM_VALUES, FORM_BITS, FORM_RUNS };

/* What stands before the containers. */
struct head {
    size_t count;
    struct str run_bits; /* empty: no container has runs */
    struct str keys;     /* count × { key, cardinality - 1 } */
    struct str offsets;  /* empty: none */
};

/* Of bytes whose length was checked. */
static uint16_t u16_at(struct str bytes, size_t at)
{
    must(bytes.ptr != NULL && at + 2 <= bytes.len);
    const unsigned char *p = (const unsigned char *)bytes.ptr + at;
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t u32_at(struct str bytes, size_t at)
{
    return u16_at(bytes, at) | (uint32_t)u16_at(bytes, at + 2) << 16;
}

static struct head read_head(struct reader *r)
{
    struct head h = {.count = 0};
    uint32_t cookie = reader_u32le(r);
    if ((cookie & 0xffff) == COOKIE_RUNS) {
        h.count = (cookie >> 16) + 1;
        h.run_bits = reader_bytes(r, (h.count + 7) / 8);
    } else if (cookie == COOKIE_PLAIN) {
        h.count = reader_count(r, reader_u32le(r), 4);
        if (h.count > MAX_CONTAINERS) {
            reader_fail(r);
        }
    } else {
        reader_fail(r);
    }
    if (r->failed) {
        h.count = 0;
        return h;
    }
    h.keys = reader_bytes(r, h.count * 4);
    if (h.run_bits.len == 0 || h.count >= OFFSETS_FROM) {
        h.offsets = reader_bytes(r, h.count * 4);
    }
    return h;
}

static uint16_t head_key(const struct head *h, size_t i)
{
    return u16_at(h->keys, i * 4);
}

static uint32_t head_count(const struct head *h, size_t i)
{
    return u16_at(h->keys, i * 4 + 2) + 1u;
}

static enum form head_form(const struct head *h, size_t i)
{
    if (h->run_bits.len > 0 && ((unsigned char)h->run_bits.ptr[i / 8] >> i % 8 & 1) != 0) {
        return FORM_RUNS;
    }
    return head_count(h, i) > MAX_VALUES ? FORM_BITS : FORM_VALUES;
}

static struct str read_container(struct reader *r, enum form form, uint32_t count)
{
    if (form == FORM_BITS) {
        return reader_bytes(r, BITS_BYTES);
    }
    if (form == FORM_VALUES) {
        return reader_bytes(r, (size_t)count * 2);
    }
    struct str rest = r->rest;
    size_t runs = reader_u16le(r);
    struct str body = reader_bytes(r, runs * 4);
    return r->failed ? body : (struct str){rest.ptr, body.len + 2};
}

/* The container's values as bits; false when they are out of order. *out_last is the greatest. */
static bool fill_bits(struct str bytes, enum form form, uint64_t *words, uint32_t *out_last)
{
    int64_t last = -1;
    memset(words, 0, BITS_BYTES);
    if (form == FORM_BITS) {
        memcpy(words, bytes.ptr, BITS_BYTES); /* little-endian machines only: reader.c asserts it */
        for (size_t i = 0; i < WORDS; i++) {
            last = words[i] != 0 ? (int64_t)i * 64 + 63 - __builtin_clzll(words[i]) : last;
        }
    } else if (form == FORM_VALUES) {
        for (size_t at = 0; at < bytes.len; at += 2) {
            int64_t value = u16_at(bytes, at);
            if (value <= last) {
                return false;
            }
            words[value / 64] |= (uint64_t)1 << value % 64;
            last = value;
        }
    } else {
        for (size_t at = 2; at < bytes.len; at += 4) {
            int64_t start = u16_at(bytes, at);
            int64_t end = start + u16_at(bytes, at + 2);
            if (start <= last || end > UINT16_MAX) {
                return false;
            }
            for (int64_t value = start; value <= end; value++) {
                words[value / 64] |= (uint64_t)1 << value % 64;
            }
            last = end;
        }
    }
    *out_last = last < 0 ? 0 : (uint32_t)last;
    return last >= 0;
}

/* How many values, and in how many runs. */
static void count_bits(const uint64_t *words, uint32_t *out_count, uint32_t *out_runs)
{
    uint32_t count = 0;
    uint32_t runs = 0;
    uint64_t carry = 0;
    for (size_t i = 0; i < WORDS; i++) {
        uint64_t starts = words[i] & ~(words[i] << 1 | carry);
        count += (uint32_t)__builtin_popcountll(words[i]);
        runs += (uint32_t)__builtin_popcountll(starts);
        carry = words[i] >> 63;
    }
    *out_count = count;
    *out_runs = runs;
}

struct bitmap_form bitmap_form_read(struct reader *r)
{
    struct bitmap_form out = {.bytes = r->rest};
    uint64_t words[WORDS];
    size_t start = r->offset;
    struct head h = read_head(r);
    for (size_t i = 0; i < h.count && !r->failed; i++) {
        size_t offset = r->offset - start;
        uint32_t last = 0;
        uint32_t count = 0;
        uint32_t runs = 0;
        struct str bytes = read_container(r, head_form(&h, i), head_count(&h, i));
        if (r->failed || !fill_bits(bytes, head_form(&h, i), words, &last) ||
            (i > 0 && head_key(&h, i) <= head_key(&h, i - 1)) ||
            (h.offsets.len > 0 && u32_at(h.offsets, i * 4) != offset)) {
            reader_fail(r);
            break;
        }
        count_bits(words, &count, &runs);
        if (count != head_count(&h, i)) {
            reader_fail(r);
        }
        out.count += count;
        out.maximum = (uint32_t)head_key(&h, i) << 16 | last;
    }
    out.bytes.len = r->offset - start;
    return r->failed ? (struct bitmap_form){.bytes = {"", 0}} : out;
}

/* ArrayContainer, BitmapContainer and RunContainer.runOptimize of Java's RoaringBitmap 1.2: an
 * array's own bytes are counted without the two of its count when runs are tried, with them when it
 * is tried itself, so what had runs before keeps them a little longer. */
static enum form best_form(enum form now, uint32_t count, uint32_t runs)
{
    uint32_t as_runs = 2 + 4 * runs;
    uint32_t as_values = 2 * count;
    switch (now) {
    case FORM_VALUES:
        return as_values > as_runs ? FORM_RUNS : FORM_VALUES;
    case FORM_BITS:
        return BITS_BYTES > as_runs ? FORM_RUNS : FORM_BITS;
    case FORM_RUNS:
        if (as_runs <= BITS_BYTES && as_runs <= as_values + 2) {
            return FORM_RUNS;
        }
        return count <= MAX_VALUES ? FORM_VALUES : FORM_BITS;
    }
    return now;
}

static void put_container(const uint64_t *words, enum form form, uint32_t runs, struct buf *out)
{
    if (form == FORM_BITS) {
        buf_put(out, words, BITS_BYTES);
        return;
    }
    if (form == FORM_RUNS) {
        buf_put_u16le(out, (uint16_t)runs);
    }
    for (uint32_t i = 0; i < 65536; i++) {
        if (words[i / 64] >> i % 64 == 0) {
            i |= 63; /* nothing more in this word */
            continue;
        }
        if ((words[i / 64] >> i % 64 & 1) == 0) {
            continue;
        }
        buf_put_u16le(out, (uint16_t)i);
        if (form == FORM_RUNS) {
            uint32_t start = i;
            while (i < 65535 && (words[(i + 1) / 64] >> (i + 1) % 64 & 1) != 0) {
                i++;
            }
            buf_put_u16le(out, (uint16_t)(i - start));
        }
    }
}

static void put_u32_at(struct buf *out, size_t at, uint32_t v)
{
    for (size_t i = 0; i < 4; i++) {
        out->ptr[at + i] = (char)(v >> 8 * i & 0xff);
    }
}

void bitmap_form_pack(struct str portable, struct buf *out)
{
    uint64_t words[WORDS];
    struct reader r = reader_over(portable, "roaring bitmap");
    struct head h = read_head(&r);
    must(!r.failed && h.keys.len == h.count * 4);
    enum form *forms = MEM_ARRAY(enum form, h.count);
    struct str *bytes = MEM_ARRAY(struct str, h.count);
    uint32_t *runs = MEM_ARRAY(uint32_t, h.count);
    unsigned char *run_bits = MEM_ARRAY(unsigned char, (h.count + 7) / 8);
    bool any_runs = false;
    for (size_t i = 0; i < h.count; i++) {
        uint32_t last = 0;
        uint32_t count = 0;
        bytes[i] = read_container(&r, head_form(&h, i), head_count(&h, i));
        must(!r.failed && fill_bits(bytes[i], head_form(&h, i), words, &last));
        count_bits(words, &count, &runs[i]);
        forms[i] = best_form(head_form(&h, i), count, runs[i]);
        if (forms[i] == FORM_RUNS) {
            run_bits[i / 8] = (unsigned char)(run_bits[i / 8] | 1u << i % 8);
            any_runs = true;
        }
    }
    size_t start = out->len;
    if (any_runs) {
        buf_put_u32le(out, COOKIE_RUNS | (uint32_t)(h.count - 1) << 16);
        buf_put(out, run_bits, (h.count + 7) / 8);
    } else {
        buf_put_u32le(out, COOKIE_PLAIN);
        buf_put_u32le(out, (uint32_t)h.count);
    }
    buf_put_str(out, h.keys);
    size_t offsets = out->len;
    bool with_offsets = !any_runs || h.count >= OFFSETS_FROM;
    for (size_t i = 0; i < h.count && with_offsets; i++) {
        buf_put_u32le(out, 0);
    }
    for (size_t i = 0; i < h.count; i++) {
        uint32_t last = 0;
        if (with_offsets && !out->failed) {
            put_u32_at(out, offsets + i * 4, (uint32_t)(out->len - start));
        }
        must(fill_bits(bytes[i], head_form(&h, i), words, &last));
        put_container(words, forms[i], runs[i], out);
    }
    mem_free(forms);
    mem_free(bytes);
    mem_free(runs);
    mem_free(run_bits);
}
