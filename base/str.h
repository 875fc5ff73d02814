/* base/str.h: text as (pointer, length), borrowed, not NUL-terminated. Compare, split, parse
 * numbers. A returned `struct str` points into the argument. Thread: pure functions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"

struct str {
    const char *ptr;
    size_t len;
};

#define STR(literal) ((struct str){("" literal), sizeof(literal) - 1})
#define STR_FMT(s) (int)(s).len, (s).ptr /* for "%.*s" */

static inline struct str str_of(const char *cstr)
{
    return (struct str){cstr, cstr == NULL ? 0 : strlen(cstr)};
}

bool str_eq(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b); /* ASCII case */
int str_compare(struct str a, struct str b);    /* unsigned bytes, shorter prefix first */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
struct str str_slice(struct str s, size_t from, size_t to); /* clamped to s */
struct str str_trim(struct str s);                          /* ASCII white space at both ends */
/* First position of the byte, or s.len. */
size_t str_find(struct str s, char byte);
/* Cuts the part before the next `sep` off *rest into *out; false when *rest was already used up. An
 * empty text has one empty part. Start with *rest = text; a rest of ptr NULL means used up. */
bool str_next(struct str *rest, char sep, struct str *out);

/* Whole text, decimal, no spaces; false (and *out untouched) on anything else or overflow. */
MUST_USE bool str_to_i64(struct str s, int64_t *out);
MUST_USE bool str_to_u64(struct str s, uint64_t *out);

/* Paimon's and our own option texts. Sizes: number + b|k|kb|kib|m|mb|mib|g|gb|gib|t|tb|tib,
 * 1024-based, blanks allowed, no unit = bytes. Durations: number + d|h|min|m|s|ms|us|ns, no unit =
 * ms; result in ms, rounded down. */
MUST_USE bool str_to_size(struct str s, uint64_t *out_bytes);
MUST_USE bool str_to_duration(struct str s, uint64_t *out_ms);

/* Distance of two words by edits (insert, delete, replace, swap of neighbours), for "did you mean".
 */
size_t str_distance(struct str a, struct str b);
