#include "base/buf.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define FIRST_BYTES 64

void buf_release(struct buf *b)
{
    mem_free(b->ptr);
    *b = (struct buf){.max = b->max};
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

/* One byte more than cap is always allocated, for the NUL of buf_cstr. */
char *buf_room(struct buf *b, size_t len)
{
    if (LIKELY(!b->failed && b->ptr != NULL && len <= b->cap - b->len)) {
        return b->ptr + b->len;
    }
    if (b->failed || b->len > b->max || len > b->max - b->len) {
        b->failed = true;
        return NULL;
    }
    size_t want = b->len + len;
    size_t cap = b->cap < FIRST_BYTES ? FIRST_BYTES : b->cap;
    while (cap < want) {
        cap = cap > SIZE_MAX / 2 ? want : cap * 2;
    }
    cap = cap > b->max ? b->max : cap;
    must(cap < SIZE_MAX);
    b->ptr = mem_realloc(b->ptr, cap + 1);
    b->cap = cap;
    return b->ptr + b->len;
}

void buf_put(struct buf *b, const void *bytes, size_t len)
{
    char *p = buf_room(b, len);
    if (p != NULL && len > 0) {
        memcpy(p, bytes, len);
        b->len += len;
    }
}

void buf_put_str(struct buf *b, struct str s)
{
    buf_put(b, s.ptr, s.len);
}

void buf_put_cstr(struct buf *b, const char *s)
{
    buf_put(b, s, strlen(s));
}

void buf_put_byte(struct buf *b, uint8_t byte)
{
    buf_put(b, &byte, 1);
}

void buf_put_u16le(struct buf *b, uint16_t v)
{
    buf_put(b, &v, sizeof(v));
}

void buf_put_u32le(struct buf *b, uint32_t v)
{
    buf_put(b, &v, sizeof(v));
}

void buf_put_u64le(struct buf *b, uint64_t v)
{
    buf_put(b, &v, sizeof(v));
}

void buf_put_u32be(struct buf *b, uint32_t v)
{
    buf_put_u32le(b, __builtin_bswap32(v));
}

void buf_put_zigzag(struct buf *b, int64_t v)
{
    uint64_t z = ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
    char *p = buf_room(b, 10);
    if (p == NULL) {
        return;
    }
    size_t n = 0;
    while (z >= 0x80) {
        p[n++] = (char)(z | 0x80);
        z >>= 7;
    }
    p[n++] = (char)z;
    b->len += n;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    char small[256];
    va_start(args, fmt);
    int n = vsnprintf(small, sizeof(small), fmt, args);
    va_end(args);
    must(n >= 0);
    if ((size_t)n < sizeof(small)) {
        buf_put(b, small, (size_t)n);
        return;
    }
    char *p = buf_room(b, (size_t)n);
    if (p != NULL) {
        va_start(args, fmt);
        (void)vsnprintf(p, (size_t)n + 1, fmt, args); /* the NUL fits: see buf_room */
        va_end(args);
        b->len += (size_t)n;
    }
}

void buf_put_json(struct buf *b, struct str s)
{
    static const char hex[] = "0123456789abcdef";
    buf_put_byte(b, '"');
    size_t from = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (LIKELY(c >= 0x20 && c != '"' && c != '\\')) {
            continue;
        }
        buf_put(b, s.ptr + from, i - from);
        from = i + 1;
        if (c >= 0x20) {
            buf_put_byte(b, '\\');
            buf_put_byte(b, c);
        } else {
            char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
            buf_put(b, escape, sizeof(escape));
        }
    }
    if (s.len > from) {
        buf_put(b, s.ptr + from, s.len - from);
    }
    buf_put_byte(b, '"');
}

struct str buf_str(const struct buf *b)
{
    return (struct str){b->ptr == NULL ? "" : b->ptr, b->len};
}

const char *buf_cstr(struct buf *b)
{
    if (b->ptr == NULL) {
        return "";
    }
    b->ptr[b->len] = '\0';
    return b->ptr;
}

char *buf_take(struct buf *b)
{
    char *p = b->ptr == NULL ? mem_dup("", 0) : b->ptr;
    p[b->len] = '\0';
    *b = (struct buf){.max = b->max};
    return p;
}

bool buf_ok(const struct buf *b, const char *what, struct error *err)
{
    return !b->failed || error_set(err, FAIL_LIMIT, "%s: larger than %zu bytes", what, b->max);
}
