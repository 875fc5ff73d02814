#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/batch.h"

static void fill(void **state)
{
    (void)state;
    struct batch b;
    batch_init(&b);
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 100; i++) {
            struct batch_transaction *t = batch_begin(&b);
            assert_int_equal(t->first, b.count);
            assert_int_equal(t->count, 0);
            assert_false(t->open);
            struct change *c = batch_add(&b);
            assert_null(c->values);
            c->table = i;
            c->values = arena_zalloc(&b.arena, 1000);
            t->count = 1;
        }
        b.bytes = 5;
        assert_int_equal(b.count, 100);
        assert_int_equal(b.transaction_count, 100);
        assert_int_equal(b.changes[99].table, 99);
        assert_int_equal(b.transactions[99].first, 99);
        batch_reset(&b);
        assert_int_equal(b.count, 0);
        assert_int_equal(b.transaction_count, 0);
        assert_int_equal(b.bytes, 0);
    }
    batch_release(&b);
    batch_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(fill)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
