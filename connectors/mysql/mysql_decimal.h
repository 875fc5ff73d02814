/* connectors/mysql/mysql_decimal.h: NEWDECIMAL as both servers pack it: groups of nine digits in
 * four big-endian bytes, fewer digits in fewer bytes, the sign in the first bit; negative numbers
 * have every bit turned. Source: MySQL's strings/decimal.cc, decimal2bin. Pure functions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

#define MYSQL_DECIMAL_MAX_PRECISION 65
#define MYSQL_DECIMAL_MAX_SCALE 38        /* MySQL: 30, MariaDB: 38 */
#define MYSQL_DECIMAL_TEXT_BYTES (65 + 4) /* sign, leading zero, point, NUL */

/* Packed size of DECIMAL(precision, scale), at most 32; 0 when there is no such type. */
size_t mysql_decimal_bytes(unsigned precision, unsigned scale);

/* Unscaled value of mysql_decimal_bytes() bytes, precision at most 38; false when a group is not a
 * number of its digits. */
MUST_USE bool mysql_decimal_read(const unsigned char *bytes, unsigned precision, unsigned scale,
                                 int128 *out);
/* Any precision, as the server prints it: "-0.50", no leading zeros, the scale kept, no "-0".
 * Returns the length, 0 when the bytes mean nothing. */
size_t mysql_decimal_print(const unsigned char *bytes, unsigned precision, unsigned scale,
                           char out[MYSQL_DECIMAL_TEXT_BYTES]);

/* The server's decimal text made canonical in the same way (ZEROFILL's zeros and "-0" go): the
 * result is a slice of the text. */
struct str mysql_decimal_canonical(struct str text);
