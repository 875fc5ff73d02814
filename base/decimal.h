/* base/decimal.h: 128-bit unscaled numbers: text in and out, bytes, limits. The scale is the
 * type's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"

int128 decimal_pow10(unsigned n); /* n ≤ 38 */
/* |v| < 10^precision */
bool decimal_fits(int128 v, unsigned precision);
/* "-12.50" with the scale kept; never an exponent. */
void decimal_print(int128 unscaled, unsigned scale, struct buf *out);
/* Plain decimal text to the given scale; false when it has more fraction digits than scale
 * (non-zero ones), or does not fit 38 digits, or is not a number. */
MUST_USE bool decimal_parse(struct str text, unsigned scale, int128 *out);
/* Big-endian minimal two's complement (Java's BigInteger.toByteArray): writes 1 to 16 bytes,
 * returns the count. */
size_t decimal_to_bytes(int128 v, uint8_t out[16]);
/* Back, 1 to 16 bytes; false on other lengths. */
MUST_USE bool decimal_from_bytes(const void *bytes, size_t len, int128 *out);
