#include "sink/format/compress.h"

#define ZLIB_CONST /* zlib: input is const */
#include <pthread.h>
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
    return names[codec];
}

static bool deflate_block(struct str plain, struct buf *out, struct error *err)
{
    z_stream z = {0};
    must(deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) ==
         Z_OK); /* raw: Avro has no zlib header */
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
        return deflate_block(plain, out, err);
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
    must(inflateInit2(&z, -MAX_WBITS) == Z_OK);
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
    }
    return error_set(err, FAIL_CONFIG, "codec %d is unknown", (int)codec);
}
