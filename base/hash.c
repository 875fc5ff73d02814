#include "base/hash.h"

#include <string.h>
#include <zlib.h>

#include "base/attr.h"

static inline uint32_t rotl(uint32_t v, unsigned bits)
{
    return v << bits | v >> (32 - bits);
}

uint32_t hash_murmur(const void *bytes, size_t len)
{
    const char *p = bytes;
    uint32_t h = 42;
    for (size_t i = 0; i + 4 <= len; i += 4) {
        uint32_t k;
        memcpy(&k, p + i, sizeof(k));
        k *= 0xcc9e2d51u;
        k = rotl(k, 15);
        k *= 0x1b873593u;
        h ^= k;
        h = rotl(h, 13);
        h = h * 5 + 0xe6546b64u;
    }
    h ^= (uint32_t)len;
    h ^= h >> 16;
    h *= 0x85ebca6bu;
    h ^= h >> 13;
    h *= 0xc2b2ae35u;
    h ^= h >> 16;
    return h;
}

uint64_t hash_row(struct str line)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < line.len; i++) {
        h = (h ^ (unsigned char)line.ptr[i]) * 0x100000001b3u;
    }
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdu;
    h ^= h >> 33;
    h *= 0xc4ceb9fe1a85ec53u;
    h ^= h >> 33;
    return h;
}

/* Folds a 128-bit product: one multiplication a word. */
static inline uint64_t mix(uint64_t a, uint64_t b)
{
    uint128 product = (uint128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t hash_bytes(struct str s)
{
    uint64_t h = 0x9e3779b97f4a7c15u ^ s.len;
    const char *p = s.ptr;
    size_t left = s.len;
    for (; left >= 8; left -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, sizeof(word));
        h = mix(h ^ word, 0xa0761d6478bd642fu);
    }
    if (left > 0) {
        uint64_t word = 0;
        memcpy(&word, p, left);
        h = mix(h ^ word, 0xe7037ed1a0b428dbu);
    }
    return mix(h ^ 0x8ebc6af09c88c6e3u, 0x589965cc75374cc3u);
}

uint32_t hash_crc32(const void *bytes, size_t len)
{
    return len == 0 ? 0 : (uint32_t)crc32_z(0, bytes, len);
}
