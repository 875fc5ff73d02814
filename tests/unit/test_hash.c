#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/hash.h"

/* BinaryRows of FixedBucketRowKeyExtractorTest (paimon-format 6.1). */
static void murmur(void **state)
{
    (void)state;
    const uint64_t one[] = {0, 5};
    const uint64_t two[] = {0, 5, 6};
    const uint64_t three[] = {0, 5, 6, 7};
    assert_int_equal(hash_murmur(one, sizeof(one)), 260196596);
    assert_int_equal(hash_murmur(two, sizeof(two)), 131015827);
    assert_int_equal(hash_murmur(three, sizeof(three)), 1805332940);
}

/* The digest of a canonical row; values computed from the formula by another program (Python). */
static void row(void **state)
{
    (void)state;
    assert_int_equal(hash_row(STR("")), 0xefd01f60ba992926);
    assert_int_equal(hash_row(STR("{\"id\":1,\"name\":\"\xc3\xa4\"}")), 0x6202a579ae8f4422);
}

static void crc(void **state)
{
    (void)state;
    assert_int_equal(hash_crc32("123456789", 9), 0xcbf43926); /* the check value of CRC-32 */
    assert_int_equal(hash_crc32("", 0), 0);
    assert_int_equal(hash_crc32(NULL, 0), 0);
}

static void bytes(void **state)
{
    (void)state;
    char text[64] = {0};
    for (size_t len = 0; len < 32; len++) { /* lengths of zeroes differ, and every bit counts */
        uint64_t h = hash_bytes((struct str){text, len});
        assert_int_not_equal(h, hash_bytes((struct str){text, len + 1}));
        for (size_t bit = 0; bit < len * 8; bit++) {
            text[bit / 8] = (char)(1u << bit % 8);
            assert_int_not_equal(h, hash_bytes((struct str){text, len}));
            text[bit / 8] = 0;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(murmur), cmocka_unit_test(row),
                                       cmocka_unit_test(crc), cmocka_unit_test(bytes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
