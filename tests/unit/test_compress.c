#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>
#include <zstd.h>

#include "base/mem.h"
#include "sink/format/compress.h"

static void names(void **state)
{
    (void)state;
    struct error err = {0};
    enum compress_codec c;
    assert_true(compress_of_avro(STR(""), &c, &err) && c == COMPRESS_NONE);
    assert_true(compress_of_avro(STR("null"), &c, &err) && c == COMPRESS_NONE);
    assert_true(compress_of_avro(STR("zstandard"), &c, &err) && c == COMPRESS_ZSTD);
    assert_true(compress_of_avro(STR("deflate"), &c, &err) && c == COMPRESS_DEFLATE);
    assert_false(compress_of_avro(STR("snappy"), &c, &err));
    assert_int_equal(err.code, FAIL_SCHEMA);
    assert_non_null(strstr(err.text, "snappy"));
    assert_true(compress_of_option(STR(""), &c, &err) && c == COMPRESS_ZSTD);
    assert_true(compress_of_option(STR("ZSTD"), &c, &err) && c == COMPRESS_ZSTD);
    assert_true(compress_of_option(STR("none"), &c, &err) && c == COMPRESS_NONE);
    assert_false(compress_of_option(STR("lz4"), &c, &err));
    assert_int_equal(err.code, FAIL_CONFIG);
    assert_string_equal(compress_avro_name(COMPRESS_ZSTD), "zstandard");
    assert_string_equal(compress_avro_name(COMPRESS_NONE), "null");
    assert_string_equal(compress_avro_name(COMPRESS_DEFLATE), "deflate");
}

static void there_and_back(enum compress_codec codec)
{
    static const size_t sizes[] = {0, 1, 1000, 262144, 262145, 3000000};
    struct error err = {0};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct buf plain = BUF_INIT(1 << 23);
        struct buf packed = BUF_INIT(1 << 23);
        struct buf back = BUF_INIT(sizes[i] == 0 ? 1 : sizes[i]); /* exactly enough */
        uint64_t seed = 1;
        for (size_t k = 0; k < sizes[i]; k++) {
            seed = seed * 6364136223846793005u + 1;
            buf_put_byte(&plain, k % 3 == 0 ? (uint8_t)(seed >> 56) : (uint8_t)k);
        }
        buf_put_cstr(&packed, "x"); /* appends */
        assert_true(compress_block(codec, 1, buf_str(&plain), &packed, &err));
        struct str block = {packed.ptr + 1, packed.len - 1};
        if (!compress_expand(codec, block, &back, &err)) {
            fail_msg("%s", err.text);
        }
        assert_true(str_eq(buf_str(&back), buf_str(&plain)));
        if (sizes[i] > 1) {
            struct buf small = BUF_INIT(sizes[i] - 1);
            assert_false(compress_expand(codec, block, &small, &err));
            assert_int_equal(err.code, FAIL_LIMIT);
            buf_release(&small);
        }
        if (codec != COMPRESS_NONE && sizes[i] > 1) {
            block.len -= 1;
            assert_false(compress_expand(codec, block, &back, &err));
            assert_int_equal(err.code, FAIL_CORRUPT);
            assert_false(compress_expand(codec, STR("\xff no such data"), &back, &err));
            assert_int_equal(err.code, FAIL_CORRUPT);
        }
        buf_release(&plain);
        buf_release(&packed);
        buf_release(&back);
    }
}

static void every_codec(void **state)
{
    (void)state;
    there_and_back(COMPRESS_NONE);
    there_and_back(COMPRESS_ZSTD);
    there_and_back(COMPRESS_DEFLATE);
}

/* Pages say how long they are: that, or nothing. */
static void blocks_of_known_length(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 1000, 3000000};
    struct error err = {0};
    for (int codec = COMPRESS_NONE; codec <= COMPRESS_LZ4; codec++) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            size_t len = sizes[i];
            char *plain = mem_alloc(len);
            char *back = mem_alloc(len + 1); /* exactly: the sanitizer sees a byte more */
            struct buf packed = BUF_INIT(1 << 23);
            for (size_t k = 0; k < len; k++) {
                plain[k] = (char)(k % 5 == 0 ? k * k : k);
            }
            assert_true(compress_block((enum compress_codec)codec, 1, (struct str){plain, len},
                                       &packed, &err));
            struct str block = buf_str(&packed);
            assert_true(compress_expand_exact((enum compress_codec)codec, block, back, len, &err));
            assert_memory_equal(back, plain, len);
            assert_false(
                compress_expand_exact((enum compress_codec)codec, block, back, len + 1, &err));
            assert_int_equal(err.code, FAIL_CORRUPT);
            if (len > 0) {
                assert_false(
                    compress_expand_exact((enum compress_codec)codec, block, back, len - 1, &err));
                block.len--;
                assert_false(
                    compress_expand_exact((enum compress_codec)codec, block, back, len, &err));
            }
            buf_release(&packed);
            mem_free(plain);
            mem_free(back);
        }
    }
}

/* parquet-mr packs long pages as several gzip members. */
static void gzip_of_several_members(void **state)
{
    (void)state;
    struct error err = {0};
    struct buf packed = BUF_INIT(1000);
    char back[10];
    assert_true(compress_block(COMPRESS_GZIP, 1, STR("hello"), &packed, &err));
    assert_true(compress_block(COMPRESS_GZIP, 1, STR("world"), &packed, &err));
    assert_true(compress_expand_exact(COMPRESS_GZIP, buf_str(&packed), back, 10, &err));
    assert_memory_equal(back, "helloworld", 10);
    assert_false(compress_expand_exact(COMPRESS_GZIP, buf_str(&packed), back, 9, &err));
    packed.ptr[packed.len - 6] ^= 1; /* its CRC */
    assert_false(compress_expand_exact(COMPRESS_GZIP, buf_str(&packed), back, 10, &err));
    buf_release(&packed);
}

static void parquet_names(void **state)
{
    (void)state;
    struct error err;
    enum compress_codec c;
    static const struct {
        const char *name;
        enum compress_codec codec;
        int32_t number;
    } known[] = {{"", COMPRESS_ZSTD, 6},         {"zstd", COMPRESS_ZSTD, 6},
                 {"NONE", COMPRESS_NONE, 0},     {"uncompressed", COMPRESS_NONE, 0},
                 {"snappy", COMPRESS_SNAPPY, 1}, {"gzip", COMPRESS_GZIP, 2},
                 {"lz4_raw", COMPRESS_LZ4, 7}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        assert_true(compress_of_parquet_option(str_of(known[i].name), &c, &err));
        assert_int_equal(c, known[i].codec);
        assert_int_equal(compress_parquet_codec(c), known[i].number);
        assert_true(compress_of_parquet(known[i].number, &c, &err));
        assert_int_equal(c, known[i].codec);
    }
    assert_false(compress_of_parquet_option(STR("brotli"), &c, &err));
    assert_int_equal(err.code, FAIL_CONFIG);
    assert_false(compress_of_parquet(4, &c, &err));
    assert_int_equal(err.code, FAIL_SCHEMA);
    assert_non_null(strstr(err.text, "brotli"));
    assert_false(compress_of_parquet(5, &c, &err)); /* Hadoop's frames, not LZ4_RAW */
    assert_non_null(strstr(err.text, "lz4"));
    assert_false(compress_of_parquet(99, &c, &err));
    assert_false(compress_of_parquet(-1, &c, &err));
}

/* Java's frames are made by streaming and do not tell their size. */
static void frames_without_size(void **state)
{
    (void)state;
    size_t len = 1000000;
    char *plain = mem_zalloc(len);
    char *packed = mem_alloc(ZSTD_compressBound(len));
    ZSTD_CCtx *c = ZSTD_createCCtx();
    ZSTD_outBuffer out = {packed, ZSTD_compressBound(len), 0};
    for (size_t at = 0; at < len; at += 1000) {
        ZSTD_inBuffer in = {plain + at, 1000, 0};
        ZSTD_EndDirective end = at + 1000 == len ? ZSTD_e_end : ZSTD_e_continue;
        assert_false(ZSTD_isError(ZSTD_compressStream2(c, &out, &in, end)));
    }
    assert_true(ZSTD_getFrameContentSize(packed, out.pos) == ZSTD_CONTENTSIZE_UNKNOWN);
    struct buf back = BUF_INIT(len + 5);
    struct error err = {0};
    assert_true(compress_expand(COMPRESS_ZSTD, (struct str){packed, out.pos}, &back, &err));
    assert_int_equal(back.len, len);
    assert_memory_equal(back.ptr, plain, 1000);
    buf_release(&back);
    (void)ZSTD_freeCCtx(c);
    mem_free(plain);
    mem_free(packed);
}

static void *use(void *arg)
{
    (void)arg;
    there_and_back(COMPRESS_ZSTD);
    return NULL;
}

/* Contexts go with their threads: the leak checker sees to it. */
static void threads(void **state)
{
    (void)state;
    pthread_t t[4];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&t[i], NULL, use, NULL), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(t[i], NULL), 0);
    }
}

/* Every flipped bit of a zstd block is found: by its structure, or by its checksum. */
static void test_flipped_bits(void **state)
{
    (void)state;
    char plain[4000];
    struct buf packed = BUF_INIT(1u << 20);
    struct error err = {0};
    for (size_t i = 0; i < sizeof(plain); i++) {
        plain[i] = (char)('a' + i * i % 23);
    }
    assert_true(
        compress_block(COMPRESS_ZSTD, 1, (struct str){plain, sizeof(plain)}, &packed, &err));
    for (size_t bit = 0; bit < packed.len * 8; bit++) {
        struct buf out = BUF_INIT(1u << 20);
        packed.ptr[bit / 8] = (char)(packed.ptr[bit / 8] ^ (1 << bit % 8));
        bool ok = compress_expand(COMPRESS_ZSTD, buf_str(&packed), &out, &err);
        /* A bit that only says less of the frame may change nothing: then the bytes must be right.
         */
        assert_true(!ok || (out.len == sizeof(plain) && memcmp(out.ptr, plain, out.len) == 0));
        packed.ptr[bit / 8] = (char)(packed.ptr[bit / 8] ^ (1 << bit % 8));
        buf_release(&out);
    }
    buf_release(&packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_flipped_bits),
                                       cmocka_unit_test(names),
                                       cmocka_unit_test(every_codec),
                                       cmocka_unit_test(blocks_of_known_length),
                                       cmocka_unit_test(gzip_of_several_members),
                                       cmocka_unit_test(parquet_names),
                                       cmocka_unit_test(frames_without_size),
                                       cmocka_unit_test(threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
