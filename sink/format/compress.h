/* sink/format/compress.h: block compression of data files and manifests behind two calls. Contexts
 * of the libraries are kept one per thread and freed with it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

enum compress_codec {
    COMPRESS_NONE,
    COMPRESS_ZSTD,
    COMPRESS_DEFLATE, /* raw: Avro's */
    COMPRESS_GZIP,
    COMPRESS_SNAPPY,
    COMPRESS_LZ4, /* a bare block: Parquet's LZ4_RAW */
};

/* By Avro's metadata text ("zstandard"); FAIL_SCHEMA names others. Empty is none. */
MUST_USE bool compress_of_avro(struct str name, enum compress_codec *out, struct error *err);
/* By Paimon's option file.compression ("zstd", "none"); FAIL_CONFIG names others. Empty is zstd,
 * Paimon's default. */
MUST_USE bool compress_of_option(struct str name, enum compress_codec *out, struct error *err);
const char *compress_avro_name(enum compress_codec codec);

/* By Paimon's options file.compression and parquet.compression, for Parquet; FAIL_CONFIG names
 * others. Empty is zstd. */
MUST_USE bool compress_of_parquet_option(struct str name, enum compress_codec *out,
                                         struct error *err);
/* By parquet.thrift's CompressionCodec; FAIL_SCHEMA names others. */
MUST_USE bool compress_of_parquet(int32_t codec, enum compress_codec *out, struct error *err);
int32_t compress_parquet_codec(enum compress_codec codec);

/* Appends one block, compressed; level counts for zstd alone. */
MUST_USE bool compress_block(enum compress_codec codec, int level, struct str plain,
                             struct buf *out, struct error *err);
/* Replaces out with one block's plain bytes; for Avro's codecs. FAIL_CORRUPT on bytes that are no
 * such block, FAIL_LIMIT beyond out's maximum. Frames need not tell their size (Java's do not). */
MUST_USE bool compress_expand(enum compress_codec codec, struct str packed, struct buf *out,
                              struct error *err);
/* One block of exactly len plain bytes into `into`: FAIL_CORRUPT when it is another number. */
MUST_USE bool compress_expand_exact(enum compress_codec codec, struct str packed, char *into,
                                    size_t len, struct error *err);
