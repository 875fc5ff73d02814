#include "sink/format/parquet_dict.h"

#include <string.h>

#include "base/attr.h"
#include "base/hash.h"
#include "base/mem.h"

#define FIRST_SLOTS 256

void parquet_dict_init(struct parquet_dict *d, enum parquet_physical physical, uint32_t width,
                       size_t max_bytes)
{
    *d = (struct parquet_dict){.physical = physical, .width = width, .max_bytes = max_bytes};
    d->plain = BUF_INIT(2 * max_bytes + ((size_t)2 << 30));
}

void parquet_dict_reset(struct parquet_dict *d)
{
    if (d->count > 0) {
        memset(d->slots, 0, d->slot_count * sizeof(*d->slots));
    }
    d->count = 0;
    buf_reset(&d->plain);
}

void parquet_dict_release(struct parquet_dict *d)
{
    mem_free(d->slots);
    mem_free(d->offsets);
    buf_release(&d->plain);
    d->slots = NULL;
    d->offsets = NULL;
    d->slot_count = d->count = d->offset_cap = 0;
}

size_t parquet_dict_bytes(const struct parquet_dict *d)
{
    return (d->slot_count + d->offset_cap) * sizeof(uint32_t) + d->plain.cap;
}

static inline uint32_t hash_number(uint64_t v)
{
    v ^= v >> 32;
    v *= 0x9e3779b97f4a7c15u;
    return (uint32_t)(v >> 32);
}

static struct str text_at(const struct parquet_dict *d, uint32_t number)
{
    const char *p = d->plain.ptr;
    if (d->physical != PARQUET_BYTES) {
        return (struct str){p + (size_t)number * d->width, d->width};
    }
    uint32_t len;
    memcpy(&len, p + d->offsets[number], sizeof(len));
    return (struct str){p + d->offsets[number] + sizeof(len), len};
}

static bool is_number(const struct parquet_dict *d)
{
    return parquet_block_width(d->physical) != sizeof(struct str);
}

static uint64_t number_at(const struct parquet_dict *d, uint32_t number)
{
    uint64_t v = 0;
    memcpy(&v, d->plain.ptr + (size_t)number * d->width, d->width);
    return v;
}

/* At most half of the slots are taken. */
static void grow(struct parquet_dict *d)
{
    uint32_t want = d->slot_count == 0 ? FIRST_SLOTS : d->slot_count * 2;
    mem_free(d->slots);
    d->slots = MEM_ARRAY(uint32_t, want);
    d->slot_count = want;
    for (uint32_t i = 0; i < d->count; i++) {
        uint32_t h =
            is_number(d) ? hash_number(number_at(d, i)) : (uint32_t)hash_bytes(text_at(d, i));
        h &= want - 1;
        while (d->slots[h] != 0) {
            h = (h + 1) & (want - 1);
        }
        d->slots[h] = i + 1;
    }
}

static bool has_room(struct parquet_dict *d, size_t more)
{
    return d->plain.len + more <= d->max_bytes;
}

#define ADD_NUMBERS(name, type)                                                                    \
    static size_t name(struct parquet_dict *d, const type *values, size_t count, uint32_t *out)    \
    {                                                                                              \
        for (size_t i = 0; i < count; i++) {                                                       \
            if (UNLIKELY(d->count * 2 >= d->slot_count)) {                                         \
                grow(d);                                                                           \
            }                                                                                      \
            type v = values[i];                                                                    \
            const type *known = (const type *)(const void *)d->plain.ptr;                          \
            uint32_t mask = d->slot_count - 1;                                                     \
            uint32_t h = hash_number(v) & mask;                                                    \
            while (d->slots[h] != 0 && known[d->slots[h] - 1] != v) {                              \
                h = (h + 1) & mask;                                                                \
            }                                                                                      \
            if (d->slots[h] == 0) {                                                                \
                if (!has_room(d, sizeof(v))) {                                                     \
                    return i;                                                                      \
                }                                                                                  \
                buf_put(&d->plain, &v, sizeof(v));                                                 \
                d->slots[h] = ++d->count;                                                          \
            }                                                                                      \
            out[i] = d->slots[h] - 1;                                                              \
        }                                                                                          \
        return count;                                                                              \
    }

ADD_NUMBERS(add_4, uint32_t)
ADD_NUMBERS(add_8, uint64_t)

static void put_text(struct parquet_dict *d, struct str s)
{
    if (d->physical == PARQUET_BYTES) {
        VEC_ROOM(d->offsets, d->count, d->offset_cap);
        d->offsets[d->count] = (uint32_t)d->plain.len;
        buf_put_u32le(&d->plain, (uint32_t)s.len);
    }
    buf_put_str(&d->plain, s);
    d->count++;
}

static size_t add_texts(struct parquet_dict *d, const struct str *values, size_t count,
                        uint32_t *out)
{
    for (size_t i = 0; i < count; i++) {
        if (UNLIKELY(d->count * 2 >= d->slot_count)) {
            grow(d);
        }
        uint32_t mask = d->slot_count - 1;
        uint32_t h = (uint32_t)hash_bytes(values[i]) & mask;
        while (d->slots[h] != 0 && !str_eq(text_at(d, d->slots[h] - 1), values[i])) {
            h = (h + 1) & mask;
        }
        if (d->slots[h] == 0) {
            if (!has_room(d, values[i].len + sizeof(uint32_t))) {
                return i;
            }
            put_text(d, values[i]);
            d->slots[h] = d->count;
        }
        out[i] = d->slots[h] - 1;
    }
    return count;
}

size_t parquet_dict_add(struct parquet_dict *d, const struct parquet_block *b, uint32_t *out)
{
    switch (parquet_block_width(d->physical)) {
    case sizeof(uint32_t):
        return add_4(d, (const uint32_t *)b->data, b->values, out); /* floats by their bits */
    case sizeof(uint64_t):
        return add_8(d, (const uint64_t *)b->data, b->values, out);
    default:
        return add_texts(d, b->texts, b->values, out);
    }
}

void parquet_dict_expand(const struct parquet_dict *d, const uint32_t *index, size_t count,
                         struct buf *out)
{
    for (size_t i = 0; i < count; i++) {
        if (d->physical == PARQUET_BYTES) {
            struct str s = text_at(d, index[i]);
            buf_put(out, s.ptr - sizeof(uint32_t), s.len + sizeof(uint32_t));
        } else {
            buf_put(out, d->plain.ptr + (size_t)index[i] * d->width, d->width);
        }
    }
}

size_t parquet_dict_block(const struct parquet_dict *d, uint32_t from, struct parquet_block *out)
{
    size_t count = d->count - from < PARQUET_BLOCK ? d->count - from : PARQUET_BLOCK;
    if (is_number(d)) {
        memcpy(out->data, d->plain.ptr + (size_t)from * d->width, count * d->width);
    }
    for (uint32_t i = 0; !is_number(d) && i < count; i++) {
        out->texts[i] = text_at(d, from + i);
    }
    out->values = (uint32_t)count;
    return count;
}
