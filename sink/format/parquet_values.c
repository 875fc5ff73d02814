#include "sink/format/parquet_values.h"

#include <string.h>

#include "base/mem.h"

/* Bytes of a plain value; 0: it says so itself. */
static size_t plain_width(enum parquet_physical p, uint32_t fixed)
{
    switch (p) {
    case PARQUET_INT32:
    case PARQUET_FLOAT:
        return 4;
    case PARQUET_INT64:
    case PARQUET_DOUBLE:
        return 8;
    case PARQUET_INT96:
        return 12;
    case PARQUET_FIXED:
        return fixed;
    case PARQUET_BOOLEAN:
    case PARQUET_BYTES:
    case PARQUET_GROUP:
        break;
    }
    return 0;
}

static bool is_text(enum parquet_physical p)
{
    return p == PARQUET_BYTES || p == PARQUET_FIXED || p == PARQUET_INT96;
}

/* Plain texts, each behind its length. */
static bool plain_bytes(const unsigned char **at, const unsigned char *end, struct str *out,
                        size_t count)
{
    const unsigned char *p = *at;
    for (size_t i = 0; i < count; i++) {
        uint32_t len;
        if ((size_t)(end - p) < sizeof(len)) {
            return false;
        }
        memcpy(&len, p, sizeof(len));
        p += sizeof(len);
        if (len > (size_t)(end - p)) {
            return false;
        }
        out[i] = (struct str){(const char *)p, len};
        p += len;
    }
    *at = p;
    return true;
}

/* Plain values of one width. */
static bool plain_fixed(const unsigned char **at, const unsigned char *end, size_t width,
                        struct str *out, size_t count)
{
    if (width == 0 || count > (size_t)(end - *at) / width) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        out[i] = (struct str){(const char *)*at + i * width, width};
    }
    *at += count * width;
    return true;
}

bool parquet_values_dictionary(struct str bytes, enum parquet_physical physical, uint32_t width,
                               uint32_t count, struct parquet_dictionary *out, struct error *err)
{
    size_t each = plain_width(physical, width);
    size_t least = physical == PARQUET_BYTES ? 4 : each;
    if (least == 0 || count > bytes.len / least) {
        return error_set(err, FAIL_CORRUPT, "a dictionary of %u values in %zu bytes", count,
                         bytes.len);
    }
    struct parquet_dictionary d = {.fixed = bytes.ptr, .count = count};
    if (is_text(physical)) {
        const unsigned char *at = (const unsigned char *)bytes.ptr;
        const unsigned char *end = at + bytes.len;
        d.texts = MEM_ARRAY(struct str, count);
        if (physical == PARQUET_BYTES ? !plain_bytes(&at, end, d.texts, count)
                                      : !plain_fixed(&at, end, each, d.texts, count)) {
            mem_free(d.texts);
            return error_set(err, FAIL_CORRUPT, "a dictionary of %u values is cut", count);
        }
    }
    *out = d;
    return true;
}

void parquet_values_dictionary_release(struct parquet_dictionary *d)
{
    mem_free(d->texts);
    *d = (struct parquet_dictionary){0};
}

static bool encoding_fits(enum parquet_physical p, enum parquet_encoding e)
{
    switch (e) {
    case PARQUET_PLAIN:
        return true;
    case PARQUET_PLAIN_DICTIONARY:
    case PARQUET_RLE_DICTIONARY:
        return p != PARQUET_BOOLEAN;
    case PARQUET_RLE:
        return p == PARQUET_BOOLEAN;
    case PARQUET_DELTA_BINARY_PACKED:
        return p == PARQUET_INT32 || p == PARQUET_INT64;
    case PARQUET_DELTA_LENGTH:
        return p == PARQUET_BYTES;
    case PARQUET_DELTA_BYTES:
        return p == PARQUET_BYTES || p == PARQUET_FIXED;
    case PARQUET_BYTE_STREAM_SPLIT:
        return p != PARQUET_BOOLEAN && p != PARQUET_BYTES && p != PARQUET_INT96;
    case PARQUET_BIT_PACKED:
        break;
    }
    return false;
}

static bool start_indexes(struct parquet_values *v)
{
    if (v->dictionary == NULL) {
        return false;
    }
    if (v->at == v->end) {
        v->empty = true; /* a page of nulls may have no bytes */
        return true;
    }
    unsigned width = *v->at++;
    if (width > PARQUET_RLE_MAX_WIDTH) {
        return false;
    }
    parquet_rle_init(&v->rle, (struct str){(const char *)v->at, (size_t)(v->end - v->at)}, width);
    return true;
}

/* Booleans: a length, then runs. */
static bool start_runs(struct parquet_values *v)
{
    uint32_t len;
    if ((size_t)(v->end - v->at) < sizeof(len)) {
        v->empty = true;
        return v->at == v->end;
    }
    memcpy(&len, v->at, sizeof(len));
    v->at += sizeof(len);
    if (len > (size_t)(v->end - v->at)) {
        return false;
    }
    parquet_rle_init(&v->rle, (struct str){(const char *)v->at, len}, 1);
    return true;
}

/* Lengths first, then all the bytes. */
static bool start_texts(struct parquet_values *v, struct str bytes)
{
    struct str rest = bytes;
    if (v->encoding == PARQUET_DELTA_BYTES &&
        (!parquet_delta_init(&v->prefixes, rest) || !parquet_delta_rest(&v->prefixes, &rest))) {
        return false;
    }
    if (!parquet_delta_init(&v->lengths, rest) || !parquet_delta_rest(&v->lengths, &rest)) {
        return false;
    }
    v->at = (const unsigned char *)rest.ptr;
    v->end = v->at + rest.len;
    buf_reset(&v->last);
    return true;
}

bool parquet_values_start(struct parquet_values *v, struct str bytes,
                          enum parquet_encoding encoding,
                          const struct parquet_dictionary *dictionary, struct error *err)
{
    if (!encoding_fits(v->physical, encoding)) {
        return error_set(err, FAIL_SCHEMA, "encoding %d is not known for physical type %d",
                         (int)encoding, (int)v->physical);
    }
    v->encoding = encoding;
    v->dictionary = dictionary;
    v->at = (const unsigned char *)bytes.ptr;
    v->end = v->at + bytes.len;
    v->bit = 0;
    v->empty = false;
    bool ok = true;
    switch (encoding) {
    case PARQUET_PLAIN:
    case PARQUET_BIT_PACKED:
        break;
    case PARQUET_PLAIN_DICTIONARY:
    case PARQUET_RLE_DICTIONARY:
        ok = start_indexes(v);
        break;
    case PARQUET_RLE:
        ok = start_runs(v);
        break;
    case PARQUET_DELTA_BINARY_PACKED:
        v->empty = bytes.len == 0;
        ok = v->empty || parquet_delta_init(&v->lengths, bytes);
        break;
    case PARQUET_DELTA_LENGTH:
    case PARQUET_DELTA_BYTES:
        v->empty = bytes.len == 0;
        ok = v->empty || start_texts(v, bytes);
        break;
    case PARQUET_BYTE_STREAM_SPLIT: {
        size_t width = plain_width(v->physical, v->width);
        v->index = 0;
        v->stride = width == 0 ? 0 : bytes.len / width;
        ok = width > 0 && bytes.len % width == 0;
        break;
    }
    }
    return ok || error_set(err, FAIL_CORRUPT, "a page's values do not begin as encoding %d does%s",
                           (int)encoding, dictionary == NULL ? ", or lack their dictionary" : "");
}

static bool read_plain_bits(struct parquet_values *v, uint8_t *out, size_t count)
{
    size_t have = (size_t)(v->end - v->at) * 8;
    if (count > have - (have > 0 ? v->bit : 0)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        out[i] = *v->at >> v->bit & 1;
        v->at += v->bit == 7;
        v->bit = (v->bit + 1) & 7;
    }
    return true;
}

static bool read_plain(struct parquet_values *v, size_t count, struct parquet_block *out)
{
    if (v->physical == PARQUET_BOOLEAN) {
        return read_plain_bits(v, out->bits, count);
    }
    if (v->physical == PARQUET_BYTES) {
        return plain_bytes(&v->at, v->end, out->texts, count);
    }
    size_t width = plain_width(v->physical, v->width);
    if (is_text(v->physical)) {
        return plain_fixed(&v->at, v->end, width, out->texts, count);
    }
    size_t size = count * width;
    if (size > (size_t)(v->end - v->at)) {
        return false;
    }
    memcpy(out->data, v->at, size);
    v->at += size;
    return true;
}

static bool read_indexes(struct parquet_values *v, size_t count, struct parquet_block *out)
{
    uint32_t index[PARQUET_BLOCK];
    const struct parquet_dictionary *d = v->dictionary;
    uint32_t most = 0;
    if (!parquet_rle_read(&v->rle, index, count)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        most = index[i] > most ? index[i] : most;
    }
    if (most >= d->count) {
        return false;
    }
    size_t width = parquet_block_width(v->physical);
    if (is_text(v->physical)) {
        for (size_t i = 0; i < count; i++) {
            out->texts[i] = d->texts[index[i]];
        }
    } else if (width == sizeof(int32_t)) {
        const char *from = d->fixed; /* floats too: bytes are bytes */
        for (size_t i = 0; i < count; i++) {
            memcpy(&out->i4[i], from + (size_t)index[i] * 4, 4);
        }
    } else {
        const char *from = d->fixed;
        for (size_t i = 0; i < count; i++) {
            memcpy(&out->i8[i], from + (size_t)index[i] * 8, 8);
        }
    }
    return true;
}

static bool read_deltas(struct parquet_values *v, size_t count, struct parquet_block *out)
{
    if (v->physical == PARQUET_INT64) {
        return parquet_delta_read(&v->lengths, out->i8, count);
    }
    int64_t wide[PARQUET_BLOCK];
    if (!parquet_delta_read(&v->lengths, wide, count)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        out->i4[i] = (int32_t)(uint32_t)(uint64_t)wide[i]; /* sums wrap at 32 bits */
    }
    return true;
}

static bool read_delta_lengths(struct parquet_values *v, size_t count, struct parquet_block *out)
{
    int64_t lengths[PARQUET_BLOCK];
    if (!parquet_delta_read(&v->lengths, lengths, count)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (lengths[i] < 0 || lengths[i] > v->end - v->at) {
            return false;
        }
        out->texts[i] = (struct str){(const char *)v->at, (size_t)lengths[i]};
        v->at += lengths[i];
    }
    return true;
}

/* Puts prefix and suffix together behind each other in `made`; texts are set at the end, when it no
 * longer moves. */
static bool read_delta_bytes(struct parquet_values *v, size_t count, struct parquet_block *out)
{
    int64_t prefixes[PARQUET_BLOCK];
    int64_t lengths[PARQUET_BLOCK];
    if (!parquet_delta_read(&v->prefixes, prefixes, count) ||
        !parquet_delta_read(&v->lengths, lengths, count)) {
        return false;
    }
    buf_reset(&v->made);
    size_t before = v->last.len; /* of the value before */
    for (size_t i = 0; i < count; i++) {
        if (prefixes[i] < 0 || (uint64_t)prefixes[i] > before || lengths[i] < 0 ||
            lengths[i] > v->end - v->at) {
            return false;
        }
        size_t prefix = (size_t)prefixes[i];
        size_t len = prefix + (size_t)lengths[i];
        char *p = buf_room(&v->made, len);
        if (p == NULL || (v->physical == PARQUET_FIXED && len != v->width)) {
            return false;
        }
        const char *from = i == 0 ? v->last.ptr : p - before;
        if (prefix > 0) {
            memcpy(p, from, prefix);
        }
        if (lengths[i] > 0) {
            memcpy(p + prefix, v->at, (size_t)lengths[i]);
        }
        v->at += lengths[i];
        v->made.len += len;
        out->texts[i].len = len;
        before = len;
    }
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        out->texts[i].ptr = v->made.ptr + at;
        at += out->texts[i].len;
    }
    if (count > 0) {
        buf_reset(&v->last);
        buf_put_str(&v->last, out->texts[count - 1]);
    }
    return !v->last.failed;
}

static bool read_split(struct parquet_values *v, size_t count, struct parquet_block *out)
{
    size_t width = plain_width(v->physical, v->width);
    if (count > v->stride - v->index) {
        return false;
    }
    char *to = out->data;
    if (v->physical == PARQUET_FIXED) {
        buf_reset(&v->made);
        to = buf_room(&v->made, count * width);
        if (to == NULL) {
            return false;
        }
        for (size_t i = 0; i < count; i++) {
            out->texts[i] = (struct str){to + i * width, width};
        }
    }
    for (size_t b = 0; b < width; b++) {
        const unsigned char *from = v->at + b * v->stride + v->index;
        for (size_t i = 0; i < count; i++) {
            to[i * width + b] = (char)from[i];
        }
    }
    v->index += count;
    return true;
}

bool parquet_values_read(struct parquet_values *v, size_t count, struct parquet_block *out)
{
    must(count <= PARQUET_BLOCK);
    out->values = (uint32_t)count;
    if (count == 0 || v->empty) {
        return count == 0;
    }
    switch (v->encoding) {
    case PARQUET_PLAIN:
        return read_plain(v, count, out);
    case PARQUET_PLAIN_DICTIONARY:
    case PARQUET_RLE_DICTIONARY:
        return read_indexes(v, count, out);
    case PARQUET_RLE:
        return parquet_rle_read_u8(&v->rle, out->bits, count);
    case PARQUET_DELTA_BINARY_PACKED:
        return read_deltas(v, count, out);
    case PARQUET_DELTA_LENGTH:
        return read_delta_lengths(v, count, out);
    case PARQUET_DELTA_BYTES:
        return read_delta_bytes(v, count, out);
    case PARQUET_BYTE_STREAM_SPLIT:
        return read_split(v, count, out);
    case PARQUET_BIT_PACKED:
        break;
    }
    return false;
}

void parquet_values_release(struct parquet_values *v)
{
    buf_release(&v->made);
    buf_release(&v->last);
}
