#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/chunk_list.h"
#include "agent/copy.h"
#include "agent/mark_list.h"
#include "base/mem.h"

/* Everything up to n of one counter. */
static struct position *upto(uint64_t n)
{
    struct position *p = position_new();
    struct place place = {STR("log"), STR("test"), STR("n"), n};
    struct error err = {0};
    assert_true(position_advance(p, &place, &err));
    return p;
}

static struct copy_chunk *chunk(uint64_t order, uint64_t low, uint64_t high)
{
    struct copy_chunk *c = MEM_NEW(struct copy_chunk);
    c->order = order;
    c->seen = (struct source_seen){upto(low), upto(high)};
    return c;
}

static bool ready(const struct chunk_list *l, uint64_t at)
{
    struct position *p = upto(at);
    bool yes = chunk_list_ready(l, p);
    position_free(p);
    return yes;
}

static bool holds(const struct chunk_list *l, uint64_t at)
{
    struct position *p = upto(at);
    bool yes = chunk_list_holds(l, p);
    position_free(p);
    return yes;
}

static void pop(struct chunk_list *l)
{
    struct copy_chunk *c = l->items[0];
    chunk_list_pop(l);
    copy_chunk_free(c);
}

static void listed_in_plan_order(void **state)
{
    (void)state;
    struct chunk_list l = {0};
    assert_false(ready(&l, 100));
    chunk_list_add(&l, chunk(2, 5, 6));
    chunk_list_add(&l, chunk(0, 10, 12));
    assert_false(ready(&l, 11));
    assert_true(ready(&l, 12));
    pop(&l);
    assert_false(ready(&l, 100)); /* chunk 1 is not there yet */
    chunk_list_add(&l, chunk(1, 20, 20));
    assert_true(ready(&l, 20));
    pop(&l);
    assert_true(ready(&l, 20));
    pop(&l);
    chunk_list_release(&l);
}

static void changes_wait_for_what_they_may_change(void **state)
{
    (void)state;
    struct chunk_list l = {0};
    assert_false(holds(&l, 100));
    chunk_list_add(&l, chunk(0, 10, 12));
    assert_false(holds(&l, 9)); /* the chunk shows all of them */
    assert_false(holds(&l, 10));
    assert_true(holds(&l, 11));
    assert_false(holds(&l, 12)); /* the chunk is listed with them */
    assert_false(holds(&l, 99));

    /* Ready by itself, but behind one that is not: it is not listed with them. */
    chunk_list_add(&l, chunk(1, 4, 5));
    assert_false(holds(&l, 4));
    assert_true(holds(&l, 9));
    assert_false(holds(&l, 12));
    pop(&l);
    pop(&l);
    chunk_list_release(&l);
}

static void knows_which_have_ended(void **state)
{
    (void)state;
    struct chunk_list l = {0};
    chunk_list_ended(&l, 1);
    assert_int_equal(l.all_ended, 0);
    chunk_list_ended(&l, 0);
    assert_int_equal(l.all_ended, 2);
    for (uint64_t i = 300; i > 2; i--) {
        chunk_list_ended(&l, i);
        assert_int_equal(l.all_ended, 2);
    }
    chunk_list_ended(&l, 2);
    assert_int_equal(l.all_ended, 301);
    chunk_list_release(&l);
}

static struct flushed *flushed(int64_t mark)
{
    struct flushed *f = MEM_NEW(struct flushed);
    f->mark = mark;
    return f;
}

static void marks_join(void **state)
{
    (void)state;
    struct mark_list l = {0};
    for (int64_t mark = 7; mark <= 9; mark++) {
        mark_list_add(&l, mark, upto((uint64_t)mark), 2, MEM_ARRAY(uint64_t, 1));
    }
    struct flushed *older[] = {flushed(7), flushed(7)};
    struct flushed *newer = flushed(8);
    mark_list_flushed(&l, older[0]);
    mark_list_flushed(&l, newer); /* one writer is ahead of the other */
    mark_list_flushed(&l, older[1]);
    assert_int_equal(l.items[0].awaited, 0);
    assert_int_equal(l.items[1].awaited, 1);

    mark_list_join(&l);
    assert_int_equal(l.count, 2);
    assert_int_equal(l.items[0].number, 8);
    assert_int_equal(l.items[0].awaited, 1);
    assert_int_equal(l.items[0].count, 3);
    assert_ptr_equal(l.items[0].flushed[0], older[0]);
    assert_ptr_equal(l.items[0].flushed[1], older[1]);
    assert_ptr_equal(l.items[0].flushed[2], newer);
    mark_list_flushed(&l, flushed(8));
    assert_int_equal(l.items[0].awaited, 0);
    mark_list_join(&l);
    assert_int_equal(l.items[0].number, 9);
    assert_int_equal(l.items[0].count, 4);
    mark_list_pop(&l);
    assert_int_equal(l.count, 0);
    mark_list_add(&l, 10, upto(1), 2, MEM_ARRAY(uint64_t, 1));
    mark_list_flushed(&l, flushed(10));
    mark_list_release(&l); /* with what it holds */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listed_in_plan_order),
        cmocka_unit_test(changes_wait_for_what_they_may_change),
        cmocka_unit_test(knows_which_have_ended),
        cmocka_unit_test(marks_join),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
