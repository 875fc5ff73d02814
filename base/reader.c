#include "base/reader.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "inlet reads and writes integers by memcpy: little-endian machines only");
_Static_assert(sizeof(size_t) == 8, "inlet is for 64-bit machines");

struct reader reader_over(struct str bytes, const char *what)
{
    return (struct reader){.rest = bytes, .what = what};
}

uint64_t reader_ube(struct reader *r, size_t len_bytes)
{
    const unsigned char *p = reader_take(r, len_bytes);
    uint64_t v = 0;
    for (size_t i = 0; p != NULL && i < len_bytes; i++) {
        v = v << 8 | p[i];
    }
    return v;
}

uint16_t reader_u16be(struct reader *r)
{
    return (uint16_t)reader_ube(r, 2);
}

uint32_t reader_u32be(struct reader *r)
{
    return (uint32_t)reader_ube(r, 4);
}

uint64_t reader_u64be(struct reader *r)
{
    return reader_ube(r, 8);
}

int64_t reader_zigzag(struct reader *r)
{
    uint64_t z = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        const unsigned char *p = reader_take(r, 1);
        if (p == NULL) {
            return 0;
        }
        if (shift == 63 && *p > 1) { /* only one bit is left of the 64 */
            break;
        }
        z |= (uint64_t)(*p & 0x7f) << shift;
        if (*p < 0x80) {
            return (int64_t)(z >> 1) ^ -(int64_t)(z & 1);
        }
    }
    r->failed = true;
    return 0;
}

struct str reader_bytes(struct reader *r, size_t len_bytes)
{
    const unsigned char *p = reader_take(r, len_bytes);
    return p == NULL ? (struct str){"", 0} : (struct str){(const char *)p, len_bytes};
}

struct str reader_cstr(struct reader *r)
{
    size_t len = str_find(r->rest, '\0');
    if (len == r->rest.len) {
        r->failed = true;
        return (struct str){"", 0};
    }
    struct str s = reader_bytes(r, len);
    reader_skip(r, 1);
    return s;
}

void reader_skip(struct reader *r, size_t len_bytes)
{
    (void)reader_take(r, len_bytes);
}

size_t reader_count(struct reader *r, uint64_t count, size_t min_bytes)
{
    if (r->failed || min_bytes == 0 || count > r->rest.len / min_bytes) {
        r->failed = true;
        return 0;
    }
    return (size_t)count;
}

void reader_fail(struct reader *r)
{
    r->failed = true;
}

bool reader_ok(const struct reader *r, struct error *err)
{
    return !r->failed || error_set(err, FAIL_CORRUPT, "%s: cut off or meaningless at byte %zu",
                                   r->what, r->offset);
}

bool reader_end(const struct reader *r, struct error *err)
{
    if (!reader_ok(r, err)) {
        return false;
    }
    return r->rest.len == 0 || error_set(err, FAIL_CORRUPT, "%s: %zu bytes too many at byte %zu",
                                         r->what, r->rest.len, r->offset);
}
