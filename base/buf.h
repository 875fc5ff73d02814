/* base/buf.h: growing bytes with a stated maximum.
 *
 * Created with its maximum; a put that would exceed it is dropped and marks the buffer failed
 * (sticky), so a writer asks once at the end. Owned by its holder; buf_take moves the bytes out. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/str.h"

struct buf {
    char *ptr;
    size_t len;
    size_t cap;
    size_t max;
    bool failed;
};

#define BUF_INIT(max_bytes) ((struct buf){.max = (max_bytes)})

void buf_release(struct buf *b); /* zeroes; may be repeated */
void buf_reset(struct buf *b);   /* empty, keeps memory */
/* Makes room for len more bytes and returns where they go; the caller adds to b->len what it wrote.
 * NULL when the maximum forbids it. */
char *buf_room(struct buf *b, size_t len);
void buf_put(struct buf *b, const void *bytes, size_t len);
void buf_put_str(struct buf *b, struct str s);
void buf_put_cstr(struct buf *b, const char *s);
void buf_put_byte(struct buf *b, uint8_t byte);
void buf_put_u16le(struct buf *b, uint16_t v);
void buf_put_u32le(struct buf *b, uint32_t v);
void buf_put_u64le(struct buf *b, uint64_t v);
void buf_put_u32be(struct buf *b, uint32_t v);
void buf_put_zigzag(struct buf *b, int64_t v); /* Avro int and long */
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A JSON string with quotes; escapes only `"`, `\` and bytes below 0x20 (as \u00xx). */
void buf_put_json(struct buf *b, struct str s);
struct str buf_str(const struct buf *b); /* borrowed */
/* NUL-terminated view; the NUL is not counted. Borrowed. */
const char *buf_cstr(struct buf *b);
/* Moves the bytes (NUL-terminated, to be freed with mem_free) out; the buffer is empty after. */
char *buf_take(struct buf *b);
/* FAIL_LIMIT when a put was dropped. */
MUST_USE bool buf_ok(const struct buf *b, const char *what, struct error *err);
