/* base/reader.h: read untrusted bytes without ever leaving them.
 *
 * A reader borrows its bytes: they must outlive it and every slice read from it, and it frees
 * nothing. A read that does not fit yields 0 or an empty slice and fails the reader; failure
 * sticks, and later reads yield 0 too. So a decoder reads a whole message as if all were well,
 * and asks once, with reader_end(), before it believes any of it.
 * Byte order is in the name. Thread: one at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/str.h"

struct reader {
    struct str rest;  /* bytes not yet read */
    size_t offset;    /* bytes read so far, for error messages */
    const char *what; /* what is being read, for error messages; a literal */
    bool failed;
};

struct reader reader_over(struct str bytes, const char *what);

/* The one place where bounds are checked. Borrowed; NULL when it does not fit (then failed). */
static inline const unsigned char *reader_take(struct reader *r, size_t len)
{
    if (UNLIKELY(r->failed || len > r->rest.len)) {
        r->failed = true;
        return NULL;
    }
    const unsigned char *p = (const unsigned char *)r->rest.ptr;
    r->rest.ptr += len;
    r->rest.len -= len;
    r->offset += len;
    return p;
}

/* Little-endian unsigned of 1 to 8 bytes. */
static inline uint64_t reader_ule(struct reader *r, size_t len)
{
    const unsigned char *p = reader_take(r, len);
    uint64_t v = 0;
    if (p != NULL) {
        memcpy(&v, p, len); /* little-endian machines only: reader.c asserts it */
    }
    return v;
}

static inline uint8_t reader_u8(struct reader *r)
{
    return (uint8_t)reader_ule(r, 1);
}
static inline uint16_t reader_u16le(struct reader *r)
{
    return (uint16_t)reader_ule(r, 2);
}
static inline uint32_t reader_u24le(struct reader *r)
{
    return (uint32_t)reader_ule(r, 3);
}
static inline uint32_t reader_u32le(struct reader *r)
{
    return (uint32_t)reader_ule(r, 4);
}
static inline uint64_t reader_u64le(struct reader *r)
{
    return reader_ule(r, 8);
}

uint64_t reader_ube(struct reader *r, size_t len_bytes); /* big-endian, 1 to 8 bytes */
uint16_t reader_u16be(struct reader *r);
uint32_t reader_u32be(struct reader *r);
uint64_t reader_u64be(struct reader *r);
int64_t reader_zigzag(struct reader *r); /* Avro int and long; fails past 10 bytes */
struct str reader_bytes(struct reader *r, size_t len_bytes); /* borrowed */
struct str reader_cstr(struct reader *r);                    /* borrowed, without its NUL */
void reader_skip(struct reader *r, size_t len_bytes);

/* Admits a count from the wire before anyone loops or allocates by it: fails the reader unless
 * that many elements of at least min_bytes (> 0) each could still follow. Returns count, or 0. */
size_t reader_count(struct reader *r, uint64_t count, size_t min_bytes);

/* Fails the reader by hand: a byte was there, but means nothing. */
void reader_fail(struct reader *r);

/* True when every read fitted and nothing is left over. Else FAIL_CORRUPT, with the offset. */
MUST_USE bool reader_end(const struct reader *r, struct error *err);
/* As reader_end, but bytes may be left over. */
MUST_USE bool reader_ok(const struct reader *r, struct error *err);
