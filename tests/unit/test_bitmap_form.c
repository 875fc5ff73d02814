/* Portable roaring bytes by hand: what is taken, and what is refused. What Java writes is in
 * test_deletion_vector.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "sink/bitmap_form.h"

/* Hexadecimal digits and blanks to bytes. */
static struct str bytes_of(const char *hex, struct buf *out)
{
    buf_reset(out);
    unsigned high = 0;
    size_t digits = 0;
    for (; *hex != '\0'; hex++) {
        if (*hex == ' ') {
            continue;
        }
        unsigned digit = (unsigned)(*hex <= '9' ? *hex - '0' : *hex - 'a' + 10);
        if (digits++ % 2 == 0) {
            high = digit;
        } else {
            buf_put_byte(out, (uint8_t)(high << 4 | digit));
        }
    }
    return buf_str(out);
}

static bool reads(const char *hex, uint64_t *out_count, uint32_t *out_maximum)
{
    struct buf b = BUF_INIT(1 << 20);
    struct str bytes = bytes_of(hex, &b);
    char *exact = mem_dup(bytes.ptr, bytes.len); /* one byte too far is seen */
    struct reader r = reader_over((struct str){exact, bytes.len}, "test");
    struct bitmap_form form = bitmap_form_read(&r);
    bool ok = !r.failed && r.rest.len == 0;
    if (ok) {
        assert_ptr_equal(form.bytes.ptr, exact);
        assert_int_equal(form.bytes.len, bytes.len);
    }
    *out_count = form.count;
    *out_maximum = form.maximum;
    mem_free(exact);
    buf_release(&b);
    return ok;
}

static void takes_what_is_right(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        uint64_t count;
        uint32_t maximum;
    } good[] = {
        {"3a300000 00000000", 0, 0},
        {"3a300000 01000000 0000 0100 10000000 0400 0500", 2, 5},
        {"3b300000 01 0000 0400 0100 0700 0400", 5, 11},
        {"3b300000 01 0000 ffff 0100 0000 ffff", 65536, 65535},
        {"3b300000 00 0100 0000 ffff", 1, 131071}, /* no container has the runs that it may */
        {"3a300000 02000000 0000 0000 ffff 0000 18000000 1a000000 0700 ffff", 2, UINT32_MAX},
        {"3b300100 02 0000 0000 0100 0200 0300 0100 0500 0200", 4, 65543},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        uint64_t count;
        uint32_t maximum;
        if (!reads(good[i].hex, &count, &maximum)) {
            fail_msg("refused: %s", good[i].hex);
        }
        assert_int_equal(count, good[i].count);
        assert_int_equal(maximum, good[i].maximum);
    }
}

static void refuses_what_nobody_writes(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "3a3000",
        "39300000 00000000",                              /* another cookie */
        "3a300100 00000000",                              /* bits that mean nothing */
        "3a300000 01000000",                              /* ends */
        "3a300000 ffffffff 0000 0000",                    /* more containers than bytes */
        "3a300000 01000000 0000 0100 10000000 0400",      /* a value is missing */
        "3a300000 01000000 0000 0100 11000000 0400 0500", /* offset */
        "3a300000 01000000 0000 0100 10000000 0500 0400", /* out of order */
        "3a300000 01000000 0000 0100 10000000 0400 0400", /* twice */
        "3b300000 01 0000 0500 0100 0700 0400",           /* cardinality */
        "3b300000 01 0000 0300 0100 0700 0400",           /* cardinality */
        "3b300000 01 0000 0400 0100 ffff 0400",           /* a run past the end */
        "3b300000 01 0000 0300 0200 0700 0100 0800 0100", /* runs that overlap */
        "3b300000 01 0000 0000 0000",                     /* no run */
        "3b300000 01 0000 0000 ffff 0700 0400",           /* more runs than bytes */
        "3a300000 02000000 0100 0000 0100 0000 18000000 1a000000 0700 0700", /* a key twice */
        "3a300000 02000000 0100 0000 0000 0000 18000000 1a000000 0700 0700", /* keys out of order */
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t count;
        uint32_t maximum;
        if (reads(bad[i], &count, &maximum)) {
            fail_msg("taken: %s", bad[i]);
        }
        assert_int_equal(count, 0);
    }
    /* A container of bits whose number of bits is not what its key says. */
    struct buf b = BUF_INIT(1 << 20);
    static const char zeroes[8192];
    (void)bytes_of("3a300000 01000000 0000 0010 10000000", &b);
    buf_put(&b, zeroes, sizeof(zeroes));
    memset(b.ptr + 16, 0xff, 512);
    struct reader r = reader_over(buf_str(&b), "test");
    (void)bitmap_form_read(&r); /* 4097 said, 4096 there */
    assert_true(r.failed);
    b.ptr[16 + 512] = 1;
    r = reader_over(buf_str(&b), "test");
    assert_int_equal(bitmap_form_read(&r).count, 4097);
    assert_false(r.failed);
    buf_release(&b);
}

static void packs_as_java_does(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"3a300000 00000000", "3a300000 00000000"},
        /* three in a row: 6 bytes as values, 6 as a run */
        {"3a300000 01000000 0000 0200 10000000 0400 0500 0600",
         "3a300000 01000000 0000 0200 10000000 0400 0500 0600"},
        /* but what is a run stays one */
        {"3b300000 01 0000 0200 0100 0400 0200", "3b300000 01 0000 0200 0100 0400 0200"},
        {"3a300000 01000000 0000 0300 10000000 0400 0500 0600 0700",
         "3b300000 01 0000 0300 0100 0400 0300"},
        /* runs of one: values are smaller, and a cookie without runs follows */
        {"3b300000 01 0000 0100 0200 0400 0000 0800 0000",
         "3a300000 01000000 0000 0100 10000000 0400 0800"},
    };
    struct buf in = BUF_INIT(1 << 16);
    struct buf want = BUF_INIT(1 << 16);
    struct buf got = BUF_INIT(1 << 16);
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        buf_reset(&got);
        bitmap_form_pack(bytes_of(pairs[i][0], &in), &got);
        if (!str_eq(buf_str(&got), bytes_of(pairs[i][1], &want))) {
            fail_msg("%s", pairs[i][0]);
        }
    }
    struct buf small = BUF_INIT(9);
    bitmap_form_pack(bytes_of(pairs[1][0], &in), &small);
    assert_true(small.failed);
    buf_release(&small);
    buf_release(&in);
    buf_release(&want);
    buf_release(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(takes_what_is_right),
                                       cmocka_unit_test(refuses_what_nobody_writes),
                                       cmocka_unit_test(packs_as_java_does)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
