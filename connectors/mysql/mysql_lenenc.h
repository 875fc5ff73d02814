/* connectors/mysql/mysql_lenenc.h: the protocol's length-encoded integers. */
#pragma once

#include <stdint.h>

#include "base/attr.h"
#include "base/reader.h"

/* One byte below 251, or 252, 253, 254 and 2, 3, 8 bytes. 251 (NULL in text rows) and 255 fail. */
static inline uint64_t mysql_lenenc(struct reader *r)
{
    uint8_t first = reader_u8(r);
    if (LIKELY(first < 251)) {
        return first;
    }
    switch (first) {
    case 252:
        return reader_u16le(r);
    case 253:
        return reader_u24le(r);
    case 254:
        return reader_u64le(r);
    default:
        r->failed = true;
        return 0;
    }
}

/* A text with its length before it; borrowed. */
static inline struct str mysql_lenenc_str(struct reader *r)
{
    uint64_t len = mysql_lenenc(r);
    const unsigned char *p = reader_take(r, len);
    return p == NULL ? (struct str){"", 0} : (struct str){(const char *)p, (size_t)len};
}
