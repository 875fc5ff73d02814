#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink/format/parquet_rle.h"

#include <string.h>

#include "base/mem.h"

static uint64_t state_of = 1;

static uint32_t next_random(void)
{
    state_of = state_of * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state_of >> 32);
}

/* Runs and noise, in every width, read in steps of every size. */
static void every_width(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    uint32_t *values = MEM_ARRAY(uint32_t, COUNT);
    uint32_t *back = MEM_ARRAY(uint32_t, COUNT);
    for (unsigned width = 0; width <= 32; width++) {
        uint32_t mask = width == 32 ? UINT32_MAX : (1u << width) - 1;
        for (size_t i = 0; i < COUNT;) {
            size_t run = next_random() % 4 == 0 ? 1 + next_random() % 40 : 1;
            uint32_t v = next_random() & mask;
            for (; run > 0 && i < COUNT; run--) {
                values[i++] = v;
            }
        }
        size_t count = COUNT - next_random() % 50;
        struct buf b = BUF_INIT(1 << 20);
        parquet_rle_put(&b, values, count, width);
        char *exact = mem_dup(b.ptr == NULL ? "" : b.ptr, b.len); /* a byte too far is seen */
        struct parquet_rle r;
        parquet_rle_init(&r, (struct str){exact, b.len}, width);
        for (size_t i = 0; i < count;) {
            size_t n = 1 + next_random() % 70;
            n = n < count - i ? n : count - i;
            assert_true(parquet_rle_read(&r, back + i, n));
            i += n;
        }
        assert_memory_equal(values, back, count * sizeof(*values));
        if (width > 0) { /* without its last group, or the end of its last run */
            parquet_rle_init(&r, (struct str){exact, b.len - width}, width);
            assert_false(parquet_rle_read(&r, back, count));
        }
        mem_free(exact);
        buf_release(&b);
    }
    mem_free(values);
    mem_free(back);
}

static void levels(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    uint8_t *values = mem_alloc(COUNT);
    uint8_t *back = mem_alloc(COUNT);
    for (unsigned width = 1; width <= 8; width++) {
        for (size_t i = 0; i < COUNT; i++) {
            uint32_t noise = next_random() & ((1u << width) - 1);
            values[i] = (uint8_t)(i > 1000 && i < 3500 ? 1 : noise);
        }
        struct buf b = BUF_INIT(1 << 20);
        parquet_rle_put_u8(&b, values, COUNT, width);
        struct parquet_rle r;
        parquet_rle_init(&r, buf_str(&b), width);
        for (size_t i = 0; i < COUNT;) {
            size_t n = 1 + next_random() % 33;
            n = n < COUNT - i ? n : COUNT - i;
            assert_true(parquet_rle_read_u8(&r, back + i, n));
            i += n;
        }
        assert_memory_equal(values, back, COUNT);
        buf_release(&b);
    }
    mem_free(values);
    mem_free(back);
}

/* The example of Encodings.md: 0 to 7 in three bits. */
static void bytes_of_the_format(void **state)
{
    (void)state;
    static const uint32_t eight[] = {0, 1, 2, 3, 4, 5, 6, 7};
    struct buf b = BUF_INIT(100);
    parquet_rle_put(&b, eight, 8, 3);
    assert_true(str_eq(buf_str(&b), STR("\x03\x88\xc6\xfa")));
    buf_reset(&b);
    static const uint32_t same[9] = {300, 300, 300, 300, 300, 300, 300, 300, 300};
    parquet_rle_put(&b, same, 9, 9);
    assert_true(str_eq(buf_str(&b), STR("\x12\x2c\x01")));
    buf_release(&b);
}

static void refused(struct str bytes, unsigned width, size_t count)
{
    struct parquet_rle r;
    uint32_t out[16];
    parquet_rle_init(&r, bytes, width);
    assert_false(parquet_rle_read(&r, out, count));
}

static void damage(void **state)
{
    (void)state;
    struct parquet_rle r;
    uint32_t out[8];
    uint32_t v;
    refused(STR(""), 1, 1);
    refused(STR("\x00\x01"), 1, 1);                 /* a run of none, then nothing */
    refused(STR("\x01"), 1, 1);                     /* groups of none */
    refused(STR("\x10"), 3, 1);                     /* no value */
    refused(STR("\x10\x09"), 3, 1);                 /* a value beyond its width */
    refused(STR("\xff\xff\xff\xff\xff\x01"), 1, 1); /* a count of 35 bits */
    refused(STR("\x03\x88\xc6"), 3, 8);             /* a byte missing */
    parquet_rle_init(&r, STR("\x03\x88\xc6"), 3);   /* but those before it are there */
    assert_true(parquet_rle_read(&r, out, 5));
    parquet_rle_init(&r, STR("\x10\x05"), 3);
    assert_int_equal(parquet_rle_take_run(&r, 100, &v), 8);
    assert_int_equal(v, 5);
    parquet_rle_init(&r, STR("\x03\x88\xc6\xfa"), 3);
    assert_int_equal(parquet_rle_take_run(&r, 100, &v), 0);
    assert_int_equal(parquet_rle_width(0), 0);
    assert_int_equal(parquet_rle_width(1), 1);
    assert_int_equal(parquet_rle_width(255), 8);
    assert_int_equal(parquet_rle_width(256), 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_width), cmocka_unit_test(levels),
                                       cmocka_unit_test(bytes_of_the_format),
                                       cmocka_unit_test(damage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
