#include "sink/format/parquet_rle.h"

#include <string.h>

#include "base/mem.h"

void parquet_rle_init(struct parquet_rle *r, struct str bytes, unsigned width)
{
    must(width <= PARQUET_RLE_MAX_WIDTH);
    *r = (struct parquet_rle){.width = (uint8_t)width};
    r->at = (const unsigned char *)bytes.ptr;
    r->end = r->at + bytes.len;
}

static bool next_run(struct parquet_rle *r)
{
    if (r->width == 0) { /* nothing has to be said */
        r->packed = false;
        r->value = 0;
        r->left = UINT32_MAX;
        return true;
    }
    uint32_t head = 0;
    unsigned shift = 0;
    for (;; shift += 7) {
        if (r->at == r->end || shift > 28) {
            return false;
        }
        unsigned char byte = *r->at++;
        head |= (uint32_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            break;
        }
    }
    size_t bytes_left = (size_t)(r->end - r->at);
    r->packed = (head & 1) != 0;
    if (!r->packed) {
        size_t size = (r->width + 7u) / 8;
        if (size > bytes_left) {
            return false;
        }
        r->value = 0;
        memcpy(&r->value, r->at, size);
        r->at += size;
        r->left = head >> 1;
        return r->width == 32 || r->value >> r->width == 0;
    }
    /* The last group may be cut where its values end (parquet-format says it may not; writers
     * did). */
    uint64_t values = (uint64_t)(head >> 1) * 8;
    uint64_t whole = (uint64_t)bytes_left * 8 / r->width;
    r->left = (uint32_t)(values < whole ? values : whole);
    r->skipped = 0;
    return r->left > 0 || values == 0;
}

void parquet_rle_unpack(const unsigned char *from, const unsigned char *end, size_t first,
                        unsigned width, uint32_t *out, size_t count)
{
    uint64_t mask = (UINT64_C(1) << width) - 1;
    uint64_t bit = (uint64_t)first * width;
    size_t i = 0;
    for (; i < count; i++, bit += width) {
        const unsigned char *p = from + (bit >> 3);
        if (end - p < 8) {
            break;
        }
        uint64_t word;
        memcpy(&word, p, sizeof(word));
        out[i] = (uint32_t)(word >> (bit & 7) & mask);
    }
    for (; i < count; i++, bit += width) { /* the last bytes */
        const unsigned char *p = from + (bit >> 3);
        size_t have = p < end ? (size_t)(end - p) : 0;
        uint64_t word = 0;
        memcpy(&word, p, have < sizeof(word) ? have : sizeof(word));
        out[i] = (uint32_t)(word >> (bit & 7) & mask);
    }
}

/* Moves on in a packed run; whole bytes are left behind at its end. */
static void packed_done(struct parquet_rle *r, uint32_t count)
{
    r->left -= count;
    r->skipped += count;
    if (r->left == 0) {
        size_t bytes = ((size_t)r->skipped * r->width + 7) / 8;
        r->at += bytes;
        r->skipped = 0;
    }
}

bool parquet_rle_read(struct parquet_rle *r, uint32_t *out, size_t count)
{
    while (count > 0) {
        if (r->left == 0) {
            if (!next_run(r)) {
                return false;
            }
            continue;
        }
        uint32_t n = count < r->left ? (uint32_t)count : r->left;
        if (r->packed) {
            parquet_rle_unpack(r->at, r->end, r->skipped, r->width, out, n);
            packed_done(r, n);
        } else {
            for (uint32_t i = 0; i < n; i++) {
                out[i] = r->value;
            }
            r->left -= n;
        }
        out += n;
        count -= n;
    }
    return true;
}

/* Width 1, the usual one of levels: eight values a byte. */
static void unpack_bits(const unsigned char *from, size_t first, uint8_t *out, size_t count)
{
    size_t i = 0;
    for (; i < count && (first + i) % 8 != 0; i++) {
        out[i] = from[(first + i) / 8] >> (first + i) % 8 & 1;
    }
    for (; i + 8 <= count; i += 8) {
        uint64_t b = from[(first + i) / 8];
        /* one bit to each byte */
        uint64_t spread = (b * UINT64_C(0x8040201008040201) >> 7) & UINT64_C(0x0101010101010101);
        b = __builtin_bswap64(spread);
        memcpy(out + i, &b, sizeof(b));
    }
    for (; i < count; i++) {
        out[i] = from[(first + i) / 8] >> (first + i) % 8 & 1;
    }
}

bool parquet_rle_read_u8(struct parquet_rle *r, uint8_t *out, size_t count)
{
    uint32_t wide[64];
    must(r->width <= 8);
    while (count > 0) {
        if (r->left == 0) {
            if (!next_run(r)) {
                return false;
            }
            continue;
        }
        uint32_t n = count < r->left ? (uint32_t)count : r->left;
        if (!r->packed) {
            memset(out, (int)r->value, n);
            r->left -= n;
        } else if (r->width == 1) {
            unpack_bits(r->at, r->skipped, out, n);
            packed_done(r, n);
        } else {
            n = n < 64 ? n : 64;
            parquet_rle_unpack(r->at, r->end, r->skipped, r->width, wide, n);
            packed_done(r, n);
            for (uint32_t i = 0; i < n; i++) {
                out[i] = (uint8_t)wide[i];
            }
        }
        out += n;
        count -= n;
    }
    return true;
}

size_t parquet_rle_take_run(struct parquet_rle *r, size_t count, uint32_t *out_value)
{
    if ((r->left == 0 && !next_run(r)) || r->packed) {
        return 0;
    }
    size_t n = count < r->left ? count : r->left;
    r->left -= (uint32_t)n;
    *out_value = r->value;
    return n;
}

unsigned parquet_rle_width(uint32_t max)
{
    return max == 0 ? 0 : 32 - (unsigned)__builtin_clz(max);
}

/* ---- writing ---- */

static void put_varint(struct buf *b, uint32_t v)
{
    while (v >= 0x80) {
        buf_put_byte(b, (uint8_t)(v | 0x80));
        v >>= 7;
    }
    buf_put_byte(b, (uint8_t)v);
}

static void put_repeated(struct buf *b, uint32_t value, size_t count, unsigned width)
{
    put_varint(b, (uint32_t)count << 1);
    buf_put(b, &value, (width + 7) / 8);
}

#define MAX_RUN ((size_t)1 << 28) /* its header stays within 32 bits */

/* For numbers and for levels:
 * put_packed: `count` values, with zeroes up to the next group of eight (only at the end of all).
 * run_length: equal values from i on. */
#define RUNS_OF(type, name)                                                                        \
    static void put_packed_##name(struct buf *b, const type *values, size_t count, unsigned width) \
    {                                                                                              \
        size_t groups = (count + 7) / 8;                                                           \
        size_t size = groups * width;                                                              \
        put_varint(b, (uint32_t)groups << 1 | 1);                                                  \
        char *start = buf_room(b, size + 8); /* whole words are stored */                          \
        char *p = start;                                                                           \
        if (p == NULL) {                                                                           \
            return;                                                                                \
        }                                                                                          \
        uint64_t word = 0;                                                                         \
        unsigned bits = 0;                                                                         \
        for (size_t i = 0; i < count; i++) {                                                       \
            word |= (uint64_t)values[i] << bits;                                                   \
            bits += width;                                                                         \
            if (bits >= 32) {                                                                      \
                uint32_t low = (uint32_t)word;                                                     \
                memcpy(p, &low, sizeof(low));                                                      \
                p += sizeof(low);                                                                  \
                word >>= 32;                                                                       \
                bits -= 32;                                                                        \
            }                                                                                      \
        }                                                                                          \
        memcpy(p, &word, sizeof(word) / 2);                                                        \
        size_t done = (size_t)(p - start) + (bits + 7) / 8;                                        \
        if (done < size) {                                                                         \
            memset(start + done, 0, size - done);                                                  \
        }                                                                                          \
        b->len += size;                                                                            \
    }                                                                                              \
                                                                                                   \
    static size_t run_length_##name(const type *values, size_t count, size_t i)                    \
    {                                                                                              \
        size_t n = i + 1;                                                                          \
        while (n < count && values[n] == values[i]) {                                              \
            n++;                                                                                   \
        }                                                                                          \
        return n - i;                                                                              \
    }                                                                                              \
                                                                                                   \
    static void put_runs_##name(struct buf *b, const type *values, size_t count, unsigned width)   \
    {                                                                                              \
        size_t packed = 0; /* start of what is not written yet */                                  \
        size_t i = 0;                                                                              \
        while (i < count) {                                                                        \
            size_t run = run_length_##name(values, count, i);                                      \
            run = run < MAX_RUN ? run : MAX_RUN;                                                   \
            /* A packed run ends at a multiple of eight: the repeated one gives it what it lacks.  \
             */                                                                                    \
            size_t lacks = (8 - (i - packed) % 8) % 8;                                             \
            if (run >= lacks + 8) {                                                                \
                if (i > packed) {                                                                  \
                    put_packed_##name(b, values + packed, i + lacks - packed, width);              \
                    i += lacks;                                                                    \
                    run -= lacks;                                                                  \
                }                                                                                  \
                put_repeated(b, (uint32_t)values[i], run, width);                                  \
                packed = i + run;                                                                  \
            }                                                                                      \
            i += run;                                                                              \
            if (i - packed >= MAX_RUN / 8) {                                                       \
                size_t whole = (i - packed) / 8 * 8;                                               \
                put_packed_##name(b, values + packed, whole, width);                               \
                packed += whole;                                                                   \
            }                                                                                      \
        }                                                                                          \
        if (packed < count) {                                                                      \
            put_packed_##name(b, values + packed, count - packed, width);                          \
        }                                                                                          \
    }

RUNS_OF(uint32_t, number)
RUNS_OF(uint8_t, level)

void parquet_rle_put(struct buf *b, const uint32_t *values, size_t count, unsigned width)
{
    put_runs_number(b, values, count, width);
}

void parquet_rle_put_u8(struct buf *b, const uint8_t *values, size_t count, unsigned width)
{
    put_runs_level(b, values, count, width);
}
