/* base/hash.h: hashes with a fixed meaning in files and digests. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* Paimon's bucket hash: Murmur3 x86_32 over 4-byte little-endian words, seed 42; len is a multiple
 * of 4. Source: paimon-common MurmurHashUtils.hashBytesByWords. */
uint32_t hash_murmur(const void *bytes, size_t len);

/* FNV-1a 64 followed by Murmur3's finaliser: the digest of one canonical row (docs/guarantees.md).
 */
uint64_t hash_row(struct str line);

uint64_t hash_bytes(struct str s); /* for our own maps; no fixed meaning */

/* zlib's CRC-32 (binlog events, and whoever else uses that polynomial). */
uint32_t hash_crc32(const void *bytes, size_t len);
