/* connectors/mysql/mysql_decoder.h: the half of decoding that row images and result rows share:
 * from what the wire says to the lake's value, by one column's type and the user's policies. So
 * both paths cannot disagree about dates, text, members or padding.
 *
 * A decoder borrows its column. Functions return false with err set when the lake cannot hold the
 * value (FAIL_SCHEMA) or the bytes mean nothing (FAIL_CORRUPT); the column is named. Thread: its
 * owner's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/row.h"
#include "base/str.h"
#include "connectors/mysql/mysql_charset.h"
#include "connectors/mysql/mysql_column.h"
#include "connectors/mysql/mysql_json.h"

struct mysql_decoder {
    const struct mysql_column *column;
    struct mysql_policy policy;
    struct mysql_charset_converter *converter; /* text, ENUM, SET; NULL otherwise */
    const struct str *members;                 /* ENUM, SET; the column's, or lent by the plan */
    bool members_lent;                         /* …then values must be copies */
    uint8_t op;                                /* the plan's own */
    uint8_t width;                             /* bytes of a value or of its length */
    uint8_t precision, scale;                  /* DECIMAL; scale: fraction digits too */
    uint32_t length;                           /* of a BINARY or BIT value in bytes */
    enum mysql_json_dialect json_dialect;      /* of the server that wrote the log */
};

MUST_USE bool mysql_decoder_init(struct mysql_decoder *d, const struct mysql_column *column,
                                 const struct mysql_policy *policy, struct error *err);
void mysql_decoder_release(struct mysql_decoder *d);

static inline void mysql_decoder_int(struct value *v, int64_t i)
{
    v->i = i;
    v->len = 0;
    v->state = VALUE_SET;
}

static inline void mysql_decoder_null(struct value *v)
{
    v->i = 0;
    v->len = 0;
    v->state = VALUE_NULL;
}

static inline void mysql_decoder_bytes(struct value *v, struct str s)
{
    v->bytes = s.ptr;
    v->len = (uint32_t)s.len;
    v->state = VALUE_SET;
}

/* A calendar time as the server has it: any number may be zero, or impossible. */
struct mysql_decoder_clock {
    uint32_t year, month, day;
    uint32_t hour, minute, second, microsecond;
};

bool mysql_decoder_date(const struct mysql_decoder *d, const struct mysql_decoder_clock *c,
                        struct value *v, struct error *err);
/* DATETIME, and TIMESTAMP of a session in UTC. */
bool mysql_decoder_datetime(const struct mysql_decoder *d, const struct mysql_decoder_clock *c,
                            struct value *v, struct error *err);
/* TIMESTAMP in seconds since 1970; second 0 is the zero date. */
bool mysql_decoder_instant(const struct mysql_decoder *d, uint32_t seconds, uint32_t microsecond,
                           struct value *v, struct error *err);
/* TIME: hours may exceed a day. */
bool mysql_decoder_time(const struct mysql_decoder *d, bool negative,
                        const struct mysql_decoder_clock *c, struct value *v, struct error *err);

/* Text in the column's own character set. */
bool mysql_decoder_text(const struct mysql_decoder *d, struct str text, struct arena *arena,
                        struct value *v, struct error *err);
/* Text that must be UTF-8 already. */
bool mysql_decoder_utf8(const struct mysql_decoder *d, struct str text, struct value *v,
                        struct error *err);
/* BINARY(n): zero bytes at the end, which row images leave out. */
bool mysql_decoder_binary(const struct mysql_decoder *d, struct str bytes, struct arena *arena,
                          struct value *v, struct error *err);
bool mysql_decoder_bit(const struct mysql_decoder *d, struct str bytes, struct arena *arena,
                       struct value *v, struct error *err);
/* A decimal as text. */
bool mysql_decoder_decimal(const struct mysql_decoder *d, struct str text, struct arena *arena,
                           struct value *v, struct error *err);
void mysql_decoder_wide(int128 wide, struct arena *arena, struct value *v);
/* Member by its number from 1; 0 is the empty text. */
bool mysql_decoder_enum(const struct mysql_decoder *d, uint64_t number, struct arena *arena,
                        struct value *v, struct error *err);
bool mysql_decoder_set(const struct mysql_decoder *d, uint64_t mask, struct arena *arena,
                       struct value *v, struct error *err);
/* "a,b" in UTF-8. */
bool mysql_decoder_set_text(const struct mysql_decoder *d, struct str text, struct arena *arena,
                            struct value *v, struct error *err);
/* Little-endian floats. */
bool mysql_decoder_vector(const struct mysql_decoder *d, struct str bytes, struct arena *arena,
                          struct value *v, struct error *err);
/* UUID, INET4, INET6: the bytes in network order to the server's text. Trailing zero bytes may be
 * missing. */
bool mysql_decoder_address(const struct mysql_decoder *d, struct str bytes, struct arena *arena,
                           struct value *v, struct error *err);
/* MariaDB's compressed columns: the plain bytes, in the arena. */
bool mysql_decoder_inflate(const struct mysql_decoder *d, struct str packed, struct arena *arena,
                           struct str *out, struct error *err);
