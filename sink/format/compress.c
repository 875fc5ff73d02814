#include "sink/format/compress.h"

#define ZLIB_CONST /* zlib: input is const */
#include <limits.h>
#include <lz4.h>
#include <pthread.h>
#include <snappy-c.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/mem.h"

#define COMPRESS_FIRST_BYTES (256 * 1024)

/* One of each per thread: they are large, and a file per flush would make and drop them all the
 * time. */
struct contexts {
    ZSTD_CCtx *c;
    ZSTD_DCtx *d;
};

static pthread_once_t contexts_once = PTHREAD_ONCE_INIT;
static pthread_key_t contexts_key;

static void contexts_free(void *p)
{
    struct contexts *x = p;
    (void)ZSTD_freeCCtx(x->c);
    (void)ZSTD_freeDCtx(x->d);
    mem_free(x);
}

static void contexts_init(void)
{
    must(pthread_key_create(&contexts_key, contexts_free) == 0);
}

static struct contexts *contexts(void)
{
    must(pthread_once(&contexts_once, contexts_init) == 0);
    struct contexts *x = pthread_getspecific(contexts_key);
    if (x == NULL) {
        x = MEM_NEW(struct contexts);
        must(pthread_setspecific(contexts_key, x) == 0);
    }
    return x;
}

bool compress_of_avro(struct str name, enum compress_codec *out, struct error *err)
{
    if (name.len == 0 || str_eq(name, STR("null"))) {
        *out = COMPRESS_NONE;
    } else if (str_eq(name, STR("zstandard"))) {
        *out = COMPRESS_ZSTD;
    } else if (str_eq(name, STR("deflate"))) {
        *out = COMPRESS_DEFLATE;
    } else {
        return error_set(err, FAIL_SCHEMA,
                         "Avro codec '%.*s' is not supported yet (null, zstandard and deflate "
                         "are); rewrite the file with file.compression zstd",
                         STR_FMT(str_slice(name, 0, 40)));
    }
    return true;
}

bool compress_of_option(struct str name, enum compress_codec *out, struct error *err)
{
    if (name.len == 0 || str_eq_nocase(name, STR("zstd")) ||
        str_eq_nocase(name, STR("zstandard"))) {
        *out = COMPRESS_ZSTD;
    } else if (str_eq_nocase(name, STR("none")) || str_eq_nocase(name, STR("null"))) {
        *out = COMPRESS_NONE;
    } else if (str_eq_nocase(name, STR("deflate"))) {
        *out = COMPRESS_DEFLATE;
    } else {
        return error_set(err, FAIL_CONFIG,
                         "compression '%.*s' is not supported yet for avro; use zstd, deflate or "
                         "none",
                         STR_FMT(str_slice(name, 0, 40)));
    }
    return true;
}

const char *compress_avro_name(enum compress_codec codec)
{
    static const char *const names[] = {"null", "zstandard", "deflate"};
    must(codec <= COMPRESS_DEFLATE);
    return names[codec];
}

/* Parquet's numbers (parquet.thrift, CompressionCodec) and the names of Paimon's options. */
static const struct {
    const char *name;
    int32_t number;
    enum compress_codec codec;
    bool known;
} parquet_codecs[] = {
    {"none", 0, COMPRESS_NONE, true},    {"uncompressed", 0, COMPRESS_NONE, true},
    {"null", 0, COMPRESS_NONE, true},    {"snappy", 1, COMPRESS_SNAPPY, true},
    {"gzip", 2, COMPRESS_GZIP, true},    {"lzo", 3, COMPRESS_NONE, false},
    {"brotli", 4, COMPRESS_NONE, false}, {"lz4", 5, COMPRESS_NONE, false},
    {"zstd", 6, COMPRESS_ZSTD, true},    {"zstandard", 6, COMPRESS_ZSTD, true},
    {"lz4_raw", 7, COMPRESS_LZ4, true},
};
#define PARQUET_CODECS (sizeof(parquet_codecs) / sizeof(parquet_codecs[0]))

bool compress_of_parquet_option(struct str name, enum compress_codec *out, struct error *err)
{
    if (name.len == 0) {
        *out = COMPRESS_ZSTD;
        return true;
    }
    for (size_t i = 0; i < PARQUET_CODECS; i++) {
        if (parquet_codecs[i].known && str_eq_nocase(name, str_of(parquet_codecs[i].name))) {
            *out = parquet_codecs[i].codec;
            return true;
        }
    }
    return error_set(err, FAIL_CONFIG,
                     "compression '%.*s' is not supported for parquet; use zstd, snappy, gzip, "
                     "lz4_raw or none",
                     STR_FMT(str_slice(name, 0, 40)));
}

bool compress_of_parquet(int32_t codec, enum compress_codec *out, struct error *err)
{
    const char *name = "unknown";
    for (size_t i = 0; i < PARQUET_CODECS; i++) {
        if (parquet_codecs[i].number == codec && parquet_codecs[i].known) {
            *out = parquet_codecs[i].codec;
            return true;
        }
        name = parquet_codecs[i].number == codec ? parquet_codecs[i].name : name;
    }
    return error_set(err, FAIL_SCHEMA,
                     "Parquet codec %d (%s) is not supported (none, snappy, gzip, zstd and lz4_raw "
                     "are); rewrite the file with file.compression zstd",
                     (int)codec, name);
}

int32_t compress_parquet_codec(enum compress_codec codec)
{
    for (size_t i = 0; i < PARQUET_CODECS; i++) {
        if (parquet_codecs[i].known && parquet_codecs[i].codec == codec) {
            return parquet_codecs[i].number;
        }
    }
    must(codec != COMPRESS_DEFLATE);
    return 0;
}

#define RAW_WINDOW (-MAX_WBITS)      /* Avro has no zlib header */
#define GZIP_WINDOW (MAX_WBITS + 16) /* a gzip header and a CRC */

static bool deflate_block(int window, struct str plain, struct buf *out, struct error *err)
{
    z_stream z = {0};
    must(deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) ==
         Z_OK);
    bool ok = false;
    uLong bound = deflateBound(&z, (uLong)plain.len);
    char *into = bound > UINT32_MAX ? NULL : buf_room(out, bound);
    if (into == NULL) {
        (void)error_set(err, FAIL_LIMIT, "a block of %zu bytes is too long to compress", plain.len);
    } else {
        z.next_in = (const Bytef *)plain.ptr;
        z.avail_in = (uInt)plain.len;
        z.next_out = (Bytef *)into;
        z.avail_out = (uInt)bound;
        must(deflate(&z, Z_FINISH) == Z_STREAM_END);
        out->len += (size_t)z.total_out;
        ok = true;
    }
    (void)deflateEnd(&z);
    return ok;
}

static bool zstd_block(int level, struct str plain, struct buf *out, struct error *err)
{
    struct contexts *x = contexts();
    if (x->c == NULL) {
        x->c = ZSTD_createCCtx();
        must(x->c != NULL);
        /* Avro blocks carry no checksum of their own: a flipped bit must not be read as a value. */
        must(!ZSTD_isError(ZSTD_CCtx_setParameter(x->c, ZSTD_c_checksumFlag, 1)));
    }
    must(!ZSTD_isError(ZSTD_CCtx_setParameter(x->c, ZSTD_c_compressionLevel, level)));
    size_t bound = ZSTD_compressBound(plain.len);
    char *into = buf_room(out, bound);
    if (into == NULL) {
        return error_set(err, FAIL_LIMIT, "a block of %zu bytes is too long to compress",
                         plain.len);
    }
    size_t n = ZSTD_compress2(x->c, into, bound, plain.ptr, plain.len);
    must(!ZSTD_isError(n)); /* it has all the room it can ask for; no memory is our end anyway */
    out->len += n;
    return true;
}

static bool snappy_block(struct str plain, struct buf *out, struct error *err)
{
    size_t len = snappy_max_compressed_length(plain.len);
    char *into = buf_room(out, len);
    if (into == NULL) {
        return error_set(err, FAIL_LIMIT, "a block of %zu bytes is too long to compress",
                         plain.len);
    }
    must(snappy_compress(plain.ptr, plain.len, into, &len) == SNAPPY_OK);
    out->len += len;
    return true;
}

static bool lz4_block(struct str plain, struct buf *out, struct error *err)
{
    int bound = plain.len > LZ4_MAX_INPUT_SIZE ? 0 : LZ4_compressBound((int)plain.len);
    char *into = bound > 0 ? buf_room(out, (size_t)bound) : NULL;
    if (into == NULL) {
        return error_set(err, FAIL_LIMIT, "a block of %zu bytes is too long to compress",
                         plain.len);
    }
    int n = LZ4_compress_default(plain.ptr, into, (int)plain.len, bound);
    must(n > 0);
    out->len += (size_t)n;
    return true;
}

bool compress_block(enum compress_codec codec, int level, struct str plain, struct buf *out,
                    struct error *err)
{
    switch (codec) {
    case COMPRESS_NONE:
        buf_put_str(out, plain);
        return buf_ok(out, "a block", err);
    case COMPRESS_ZSTD:
        return zstd_block(level, plain, out, err);
    case COMPRESS_DEFLATE:
        return deflate_block(RAW_WINDOW, plain, out, err);
    case COMPRESS_GZIP:
        return deflate_block(GZIP_WINDOW, plain, out, err);
    case COMPRESS_SNAPPY:
        return snappy_block(plain, out, err);
    case COMPRESS_LZ4:
        return lz4_block(plain, out, err);
    }
    return error_set(err, FAIL_CONFIG, "codec %d is unknown", (int)codec);
}

/* Room for the whole block: what is there, at least FIRST_BYTES, at most the maximum. */
static size_t expand_room(struct buf *out)
{
    size_t want = out->cap > COMPRESS_FIRST_BYTES ? out->cap : COMPRESS_FIRST_BYTES;
    want = want < out->max ? want : out->max;
    must(buf_room(out, want) != NULL);
    return want;
}

/* Twice the room; false when the maximum is reached. */
static bool expand_grow(struct buf *out, size_t *room, struct error *err)
{
    if (*room >= out->max) {
        return error_set(err, FAIL_LIMIT, "a block is longer than %zu bytes", out->max);
    }
    *room = *room > out->max / 2 ? out->max : *room * 2;
    must(buf_room(out, *room - out->len) != NULL);
    return true;
}

static bool zstd_expand(struct str packed, struct buf *out, struct error *err)
{
    struct contexts *x = contexts();
    if (x->d == NULL) {
        x->d = ZSTD_createDCtx();
        must(x->d != NULL);
    }
    /* Java's frames do not tell their size: try, and try again with more room. */
    size_t room = expand_room(out);
    for (;;) {
        size_t n = ZSTD_decompressDCtx(x->d, out->ptr, room, packed.ptr, packed.len);
        if (!ZSTD_isError(n)) {
            out->len = n;
            return true;
        }
        if (ZSTD_getErrorCode(n) != ZSTD_error_dstSize_tooSmall) {
            return error_set(err, FAIL_CORRUPT, "a block is not zstd data: %s",
                             ZSTD_getErrorName(n));
        }
        if (!expand_grow(out, &room, err)) {
            return false;
        }
    }
}

static bool deflate_expand(struct str packed, struct buf *out, struct error *err)
{
    if (packed.len > UINT32_MAX) {
        return error_set(err, FAIL_LIMIT, "a block of %zu bytes is too long", packed.len);
    }
    z_stream z = {0};
    must(inflateInit2(&z, RAW_WINDOW) == Z_OK);
    size_t room = expand_room(out);
    bool ok = false;
    z.next_in = (const Bytef *)packed.ptr;
    z.avail_in = (uInt)packed.len;
    for (;;) {
        /* A full buffer may be just enough: one byte aside tells whether more comes. */
        char extra;
        size_t left = room - out->len;
        uInt chunk = left == 0 ? 1 : left > UINT32_MAX ? UINT32_MAX : (uInt)left;
        z.next_out = left == 0 ? (Bytef *)&extra : (Bytef *)out->ptr + out->len;
        z.avail_out = chunk;
        int rc = inflate(&z, Z_NO_FLUSH);
        uInt made = chunk - z.avail_out;
        if (left == 0 && made > 0) {
            if (!expand_grow(out, &room, err)) {
                break;
            }
            out->ptr[out->len] = extra;
        }
        out->len += made;
        if (rc == Z_STREAM_END) {
            ok = true;
            break;
        }
        if (rc != Z_OK || made == 0) {
            (void)error_set(err, FAIL_CORRUPT, "a block is not deflate data");
            break;
        }
    }
    (void)inflateEnd(&z);
    return ok;
}

bool compress_expand(enum compress_codec codec, struct str packed, struct buf *out,
                     struct error *err)
{
    buf_reset(out);
    switch (codec) {
    case COMPRESS_NONE:
        buf_put_str(out, packed);
        return buf_ok(out, "a block", err);
    case COMPRESS_ZSTD:
        return zstd_expand(packed, out, err);
    case COMPRESS_DEFLATE:
        return deflate_expand(packed, out, err);
    case COMPRESS_GZIP:
    case COMPRESS_SNAPPY:
    case COMPRESS_LZ4:
        break;
    }
    return error_set(err, FAIL_CONFIG, "codec %d is unknown", (int)codec);
}

/* gzip may be several members, one after another; raw deflate is one. */
static bool inflate_exact(int window, struct str packed, char *into, size_t len)
{
    if (packed.len > UINT32_MAX || len > UINT32_MAX) {
        return false;
    }
    z_stream z = {0};
    must(inflateInit2(&z, window) == Z_OK);
    z.next_in = (const Bytef *)packed.ptr;
    z.avail_in = (uInt)packed.len;
    z.next_out = (Bytef *)into;
    z.avail_out = (uInt)len;
    int rc = inflate(&z, Z_FINISH);
    while (rc == Z_STREAM_END && z.avail_in > 0 && window == GZIP_WINDOW &&
           inflateReset(&z) == Z_OK) {
        rc = inflate(&z, Z_FINISH);
    }
    bool ok = rc == Z_STREAM_END && z.avail_out == 0 && z.avail_in == 0;
    (void)inflateEnd(&z);
    return ok;
}

static bool zstd_exact(struct str packed, char *into, size_t len)
{
    struct contexts *x = contexts();
    if (x->d == NULL) {
        x->d = ZSTD_createDCtx();
        must(x->d != NULL);
    }
    size_t n = ZSTD_decompressDCtx(x->d, into, len, packed.ptr, packed.len);
    return !ZSTD_isError(n) && n == len;
}

static bool expand_exact(enum compress_codec codec, struct str packed, char *into, size_t len)
{
    size_t got = len;
    switch (codec) {
    case COMPRESS_NONE:
        if (packed.len != len) {
            return false;
        }
        if (len > 0) {
            memcpy(into, packed.ptr, len);
        }
        return true;
    case COMPRESS_ZSTD:
        return zstd_exact(packed, into, len);
    case COMPRESS_DEFLATE:
        return inflate_exact(RAW_WINDOW, packed, into, len);
    case COMPRESS_GZIP:
        return inflate_exact(GZIP_WINDOW, packed, into, len);
    case COMPRESS_SNAPPY:
        return snappy_uncompressed_length(packed.ptr, packed.len, &got) == SNAPPY_OK &&
               got == len && snappy_uncompress(packed.ptr, packed.len, into, &got) == SNAPPY_OK;
    case COMPRESS_LZ4:
        return packed.len <= INT_MAX && len <= INT_MAX &&
               LZ4_decompress_safe(packed.ptr, into, (int)packed.len, (int)len) == (int)len;
    }
    return false;
}

bool compress_expand_exact(enum compress_codec codec, struct str packed, char *into, size_t len,
                           struct error *err)
{
    if (!expand_exact(codec, packed, into, len)) {
        return error_set(err, FAIL_CORRUPT, "%zu bytes do not expand to the %zu that they should",
                         packed.len, len);
    }
    return true;
}
