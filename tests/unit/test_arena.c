#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/arena.h"

static void many(void **state)
{
    (void)state;
    struct arena a = {0};
    uint64_t *all[1000];
    size_t total = 0;
    for (size_t i = 0; i < 1000; i++) {
        size_t size = 8 + i % 700;
        all[i] = arena_alloc(&a, size);
        assert_int_equal((uintptr_t)all[i] % 8, 0);
        memset(all[i], (int)(i & 0xff), size);
        total += size;
    }
    for (size_t i = 0; i < 1000; i++) { /* nothing overlaps */
        const unsigned char *p = (const unsigned char *)all[i];
        for (size_t n = 0; n < 8 + i % 700; n++) {
            assert_int_equal(p[n], i & 0xff);
        }
    }
    assert_true(arena_used(&a) >= total);
    assert_true(arena_used(&a) < total * 2 + 600000);
    arena_release(&a);
    assert_int_equal(arena_used(&a), 0);
    arena_release(&a);
}

static void large_keeps_current(void **state)
{
    (void)state;
    struct arena a = {0};
    char *first = arena_alloc(&a, 8);
    char *large = arena_alloc(&a, (size_t)10 * 1024 * 1024);
    memset(large, 1, (size_t)10 * 1024 * 1024);
    char *second = arena_alloc(&a, 8);
    assert_ptr_equal(second, first + 8);
    assert_true(arena_used(&a) > 10 * 1024 * 1024);
    arena_reset(&a);
    assert_true(arena_used(&a) > 0 && arena_used(&a) <= 256 * 1024);
    arena_release(&a);
}

static void reset_keeps_one(void **state)
{
    (void)state;
    struct arena a = {0};
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 10000; i++) {
            memset(arena_alloc(&a, 100), round, 100);
        }
        arena_reset(&a);
        assert_true(arena_used(&a) <= 256 * 1024);
    }
    size_t before = arena_used(&a);
    (void)arena_alloc(&a, 100);
    assert_int_equal(arena_used(&a), before); /* the kept block is used */
    arena_release(&a);
    arena_reset(&a);
    assert_int_equal(arena_used(&a), 0);
}

static void helpers(void **state)
{
    (void)state;
    struct arena a = {0};
    assert_non_null(arena_alloc(&a, 0));
    assert_string_equal(arena_cstr(&a, STR("abc")), "abc");
    assert_string_equal(arena_cstr(&a, (struct str){NULL, 0}), "");
    struct str s = arena_str(&a, STR("abc"));
    assert_true(str_eq(s, STR("abc")));
    assert_null(arena_str(&a, (struct str){NULL, 0}).ptr); /* "none" stays none */
    memset(arena_alloc(&a, 64), 0xff, 64);
    arena_reset(&a);
    uint32_t *numbers = ARENA_ARRAY(&a, uint32_t, 100);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(numbers[i], 0);
    }
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many),
        cmocka_unit_test(large_keeps_current),
        cmocka_unit_test(reset_keeps_one),
        cmocka_unit_test(helpers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
