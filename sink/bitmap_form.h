/* sink/bitmap_form.h: the portable bytes of a 32-bit roaring bitmap (RoaringFormatSpec;
 * paimon-format §8.2): checked before a library that trusts them sees them, and packed as Java
 * packs them. Pure.
 *
 *   u32 cookie: 12346, then u32 container count; or 12347 | (count - 1) << 16, then one bit for
 *     each container, padded to bytes: set where it holds runs
 *   count × { u16 key, u16 cardinality - 1 }
 *   without runs, or from 4 containers on: count × u32 offset of the container
 *   containers: values as u16 (up to 4096 of them), 8192 bytes of bits, or u16 n and n × { u16
 *     start, u16 length - 1 }; all little-endian, all ascending */
#pragma once

#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/reader.h"

struct bitmap_form {
    uint64_t count;   /* values */
    uint32_t maximum; /* the greatest; 0 when there is none */
    struct str bytes; /* of the bitmap alone, borrowed */
};

/* Passes over one bitmap. Fails the reader on anything that no writer makes: keys or values out of
 * order, offsets or cardinalities that are not those of the containers. */
struct bitmap_form bitmap_form_read(struct reader *r);

/* Appends the same bitmap with each container in the form that Java's runOptimize() would give it:
 * a container of values or bits turns to runs, one of runs to another form, when that is smaller.
 * portable was checked, or made by a library. */
void bitmap_form_pack(struct str portable, struct buf *out);
