#include "sink/format/parquet_delta.h"

#include <string.h>

#include "base/mem.h"

static uint64_t read_varint(struct reader *r)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = reader_u8(r);
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return v;
        }
    }
    reader_fail(r);
    return 0;
}

bool parquet_delta_init(struct parquet_delta *d, struct str bytes)
{
    *d = (struct parquet_delta){.in = reader_over(bytes, "delta values"), .first = true};
    uint64_t block = read_varint(&d->in);
    uint64_t minis = read_varint(&d->in);
    uint64_t count = read_varint(&d->in);
    d->last = (uint64_t)reader_zigzag(&d->in);
    if (d->in.failed || minis == 0 || minis > PARQUET_DELTA_MAX_MINIBLOCKS || block == 0 ||
        block > (1u << 24) || block % minis != 0 || block / minis % 8 != 0 || count > INT32_MAX) {
        return false;
    }
    d->mini_count = (uint32_t)minis;
    d->mini_values = (uint32_t)(block / minis);
    d->mini_at = d->mini_count;
    d->left = (uint32_t)count;
    return true;
}

/* Opens the next miniblock. */
static bool next_mini(struct parquet_delta *d)
{
    if (d->mini_at == d->mini_count) {
        d->least = (uint64_t)reader_zigzag(&d->in);
        d->widths = reader_bytes(&d->in, d->mini_count);
        d->mini_at = 0;
    }
    if (d->in.failed) {
        return false;
    }
    d->width = (uint8_t)d->widths.ptr[d->mini_at++];
    if (d->width > 64) {
        return false;
    }
    /* The last one may be cut where its values end. */
    size_t want = (size_t)d->mini_values * d->width / 8;
    size_t need = d->left < d->mini_values ? ((size_t)d->left * d->width + 7) / 8 : want;
    size_t take = want <= d->in.rest.len ? want : need;
    d->mini = reader_over(reader_bytes(&d->in, take), "delta values");
    d->mini_left = d->mini_values;
    d->mini_done = 0;
    return !d->in.failed;
}

/* The i-th of the miniblock's deltas; its bytes hold it. */
static inline uint64_t unpack(const struct parquet_delta *d, size_t i)
{
    if (d->width == 0) {
        return 0;
    }
    size_t bit = i * d->width;
    size_t at = bit / 8;
    unsigned shift = bit % 8;
    size_t have = d->mini.rest.len - at;
    uint64_t low = 0;
    memcpy(&low, d->mini.rest.ptr + at, have < 8 ? have : 8);
    low >>= shift;
    if (shift + d->width > 64) {
        low |= (uint64_t)(unsigned char)d->mini.rest.ptr[at + 8] << (64 - shift);
    }
    return d->width == 64 ? low : low & ((UINT64_C(1) << d->width) - 1);
}

bool parquet_delta_read(struct parquet_delta *d, int64_t *out, size_t count)
{
    if (count > d->left) {
        return false;
    }
    size_t i = 0;
    if (d->first && count > 0) {
        out[i++] = (int64_t)d->last;
        d->first = false;
        d->left--;
    }
    while (i < count) {
        if (d->mini_left == 0 && !next_mini(d)) {
            return false;
        }
        size_t n = count - i < d->mini_left ? count - i : d->mini_left;
        uint64_t last = d->last;
        for (size_t k = 0; k < n; k++) {
            last += d->least + unpack(d, d->mini_done + k);
            out[i + k] = (int64_t)last;
        }
        d->last = last;
        d->mini_done += (uint32_t)n;
        d->mini_left -= (uint32_t)n;
        d->left -= (uint32_t)n;
        i += n;
    }
    return true;
}

bool parquet_delta_rest(const struct parquet_delta *d, struct str *out)
{
    struct parquet_delta c = *d;
    must(c.first);
    uint32_t left = c.left > 0 ? c.left - 1 : 0; /* the first stands in the header */
    while (left > 0) {
        c.left = left;
        if (!next_mini(&c)) {
            return false;
        }
        left -= left < c.mini_values ? left : c.mini_values;
    }
    *out = c.in.rest;
    return !c.in.failed;
}
