#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>

#include "base/queue.h"
#include "base/workers.h"

#define TASKS 1000
static atomic_size_t ran;
static size_t order[TASKS];
static size_t numbers[TASKS];

static void note(void *arg)
{
    order[atomic_fetch_add(&ran, 1)] = *(const size_t *)arg;
}

static void in_order(void **state)
{
    (void)state;
    struct workers *w = workers_new(1, "test");
    atomic_store(&ran, 0);
    for (size_t i = 0; i < TASKS; i++) {
        numbers[i] = i;
        workers_add(w, note, &numbers[i]);
    }
    workers_stop(w); /* queued tasks run too */
    assert_int_equal(ran, TASKS);
    for (size_t i = 0; i < TASKS; i++) {
        assert_int_equal(order[i], i);
    }
    workers_stop(NULL);
}

struct gate {
    struct queue *in, *out;
};

static void pass_gate(void *arg)
{
    struct gate *g = arg;
    void *token = NULL;
    if (queue_pop(g->in, &token, -1) == QUEUE_OK) {
        assert_int_equal(queue_push_now(g->out, token, 0), QUEUE_OK);
    }
}

/* Three tasks stand inside at the same time on three threads; the fourth waits. */
static void at_once(void **state)
{
    (void)state;
    struct gate g = {queue_new(100), queue_new(100)};
    struct workers *w = workers_new(3, "test");
    int token = 0;
    void *item = NULL;
    for (int i = 0; i < 4; i++) {
        workers_add(w, pass_gate, &g);
    }
    assert_int_equal(workers_pending(w), 4);
    assert_int_equal(queue_pop(g.out, &item, 20), QUEUE_TIMEOUT);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(queue_push_now(g.in, &token, 0), QUEUE_OK);
        assert_int_equal(queue_pop(g.out, &item, -1), QUEUE_OK);
    }
    workers_stop(w);
    queue_free(g.in);
    queue_free(g.out);
}

static struct workers *again;
static void add_more(void *arg)
{
    workers_add(again, note, arg);
}

static void tasks_add_tasks(void **state)
{
    (void)state;
    atomic_store(&ran, 0);
    again = workers_new(2, "test");
    for (size_t i = 0; i < 100; i++) {
        workers_add(again, add_more, &numbers[i]);
    }
    while (workers_pending(again) > 0) {
        struct queue *idle = queue_new(1);
        void *item = NULL;
        assert_int_equal(queue_pop(idle, &item, 1), QUEUE_TIMEOUT);
        queue_free(idle);
    }
    assert_int_equal(ran, 100);
    workers_stop(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_order), cmocka_unit_test(at_once),
                                       cmocka_unit_test(tasks_add_tasks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
