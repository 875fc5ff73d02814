/* sink/format/parquet_meta.h: a Parquet file's footer and page headers, as plain data.
 *
 * Source: apache/parquet-format src/main/thrift/parquet.thrift and README.md ("File format"): pages
 * of column chunks of row groups, then FileMetaData in Thrift's compact protocol, its length (u32
 * le) and "PAR1". Texts and arrays live in the arena given. Thread: pure functions. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/reader.h"
#include "base/str.h"

#define PARQUET_MAGIC "PAR1"
#define PARQUET_TAIL 8 /* length and magic */

/* parquet.thrift's numbers. */
enum parquet_physical {
    PARQUET_BOOLEAN = 0,
    PARQUET_INT32 = 1,
    PARQUET_INT64 = 2,
    PARQUET_INT96 = 3,
    PARQUET_FLOAT = 4,
    PARQUET_DOUBLE = 5,
    PARQUET_BYTES = 6,
    PARQUET_FIXED = 7,
    PARQUET_GROUP = 8, /* ours: no physical type */
};

enum parquet_repetition { PARQUET_REQUIRED = 0, PARQUET_OPTIONAL = 1, PARQUET_REPEATED = 2 };

enum parquet_encoding {
    PARQUET_PLAIN = 0,
    PARQUET_PLAIN_DICTIONARY = 2,
    PARQUET_RLE = 3,
    PARQUET_BIT_PACKED = 4,
    PARQUET_DELTA_BINARY_PACKED = 5,
    PARQUET_DELTA_LENGTH = 6,
    PARQUET_DELTA_BYTES = 7,
    PARQUET_RLE_DICTIONARY = 8,
    PARQUET_BYTE_STREAM_SPLIT = 9,
};

/* What LogicalType and ConvertedType say together. */
enum parquet_logical {
    PARQUET_LOGICAL_NONE,
    PARQUET_LOGICAL_STRING,
    PARQUET_LOGICAL_MAP,
    PARQUET_LOGICAL_MAP_PAIR, /* ConvertedType MAP_KEY_VALUE */
    PARQUET_LOGICAL_LIST,
    PARQUET_LOGICAL_DECIMAL,
    PARQUET_LOGICAL_DATE,
    PARQUET_LOGICAL_TIME,
    PARQUET_LOGICAL_TIMESTAMP,
    PARQUET_LOGICAL_INT,
    PARQUET_LOGICAL_OTHER,
};

enum parquet_unit { PARQUET_MILLIS, PARQUET_MICROS, PARQUET_NANOS };

struct parquet_element {
    struct str name;
    enum parquet_physical physical; /* PARQUET_GROUP: child_count elements follow */
    enum parquet_repetition repetition;
    int32_t type_length; /* PARQUET_FIXED */
    int32_t child_count;
    int32_t id; /* field id; -1: none */
    enum parquet_logical logical;
    enum parquet_unit unit; /* TIME, TIMESTAMP */
    bool utc;               /* TIME, TIMESTAMP */
    bool is_signed;         /* INT */
    int32_t bits;           /* INT */
    int32_t precision, scale;
};

struct parquet_chunk_meta {
    enum parquet_physical physical;
    int32_t codec;
    int64_t values; /* entries, nulls too */
    int64_t plain_bytes, packed_bytes;
    int64_t data_offset;
    int64_t dictionary_offset; /* 0: none */
    bool elsewhere;            /* in another file, or encrypted */
};

struct parquet_group_meta {
    int64_t rows;
    struct parquet_chunk_meta *chunks; /* one a leaf */
    size_t chunk_count;
};

struct parquet_meta {
    struct parquet_element *elements; /* depth first, the root first */
    size_t element_count;
    struct parquet_group_meta *groups;
    size_t group_count;
    int64_t rows;
    struct str created_by;
};

/* The bytes of FileMetaData. FAIL_CORRUPT tells the offset within. */
MUST_USE bool parquet_meta_read(struct str bytes, struct arena *a, struct parquet_meta *out,
                                struct error *err);

enum parquet_page_kind {
    PARQUET_DATA = 0,
    PARQUET_INDEX = 1,
    PARQUET_DICTIONARY = 2,
    PARQUET_DATA2 = 3
};

struct parquet_page_meta {
    int32_t kind; /* enum parquet_page_kind, or one that came later */
    int32_t plain_bytes, packed_bytes;
    bool has_crc;
    uint32_t crc;
    int32_t values;      /* entries */
    int32_t nulls, rows; /* v2 */
    int32_t encoding, def_encoding, rep_encoding;
    int32_t def_bytes, rep_bytes; /* v2: length of the levels, never compressed */
    bool is_compressed;           /* v2 */
};

/* One header from the reader, which fails on bytes that are none. */
void parquet_meta_read_page(struct reader *r, struct parquet_page_meta *out);

/* ---- writing ---- */

void parquet_meta_put_page(struct buf *b, const struct parquet_page_meta *p);
void parquet_meta_put_element(struct buf *b, const struct parquet_element *e);
