#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/instant.h"
#include "base/queue.h"

static int items[8];

static void limits(void **state)
{
    (void)state;
    struct queue *q = queue_new(100);
    void *item = NULL;
    assert_int_equal(queue_pop(q, &item, 0), QUEUE_TIMEOUT);
    assert_int_equal(queue_push(q, &items[0], 1000, 0), QUEUE_OK); /* one always fits */
    assert_int_equal(queue_push(q, &items[1], 1, 0), QUEUE_TIMEOUT);
    assert_int_equal(queue_push_now(q, &items[2], 1), QUEUE_OK);
    assert_int_equal(queue_bytes(q), 1001);
    assert_int_equal(queue_pop(q, &item, 0), QUEUE_OK);
    assert_ptr_equal(item, &items[0]);
    assert_int_equal(queue_push(q, &items[3], 99, 0), QUEUE_OK);
    assert_int_equal(queue_push(q, &items[4], 1, 0), QUEUE_TIMEOUT);
    assert_int_equal(queue_push(q, &items[4], 0, 0), QUEUE_OK);
    assert_int_equal(queue_push(q, &items[4], SIZE_MAX, 0), QUEUE_TIMEOUT);
    assert_int_equal(queue_pop(q, &item, -1), QUEUE_OK);
    assert_ptr_equal(item, &items[2]); /* in order */
    queue_close(q);
    assert_int_equal(queue_push(q, &items[5], 0, -1), QUEUE_CLOSED);
    assert_int_equal(queue_push_now(q, &items[5], 0), QUEUE_CLOSED);
    assert_int_equal(queue_pop(q, &item, -1), QUEUE_OK); /* drains */
    assert_ptr_equal(item, &items[3]);
    assert_int_equal(queue_pop(q, &item, -1), QUEUE_OK);
    item = NULL;
    assert_int_equal(queue_pop(q, &item, -1), QUEUE_CLOSED);
    assert_null(item);
    assert_int_equal(queue_bytes(q), 0);
    queue_free(q);
    queue_free(NULL);
}

static void deadlines(void **state)
{
    (void)state;
    struct queue *q = queue_new(10);
    void *item = NULL;
    uint64_t start = instant_mono_ms();
    assert_int_equal(queue_pop(q, &item, 60), QUEUE_TIMEOUT);
    assert_true(instant_mono_ms() - start >= 59);
    assert_int_equal(queue_push(q, &items[0], 10, 0), QUEUE_OK);
    start = instant_mono_ms();
    assert_int_equal(queue_push(q, &items[0], 10, 1060), QUEUE_TIMEOUT);
    assert_true(instant_mono_ms() - start >= 1059);
    queue_free(q);
}

#define PER_PUSHER 5000
static struct {
    struct queue *q;
    atomic_size_t pushed, popped, sum, most;
} shared;
static size_t numbers[2 * PER_PUSHER];

static void *push_all(void *arg)
{
    size_t first = *(const size_t *)arg;
    for (size_t i = first; i < first + PER_PUSHER; i++) {
        numbers[i] = i;
        if (queue_push(shared.q, &numbers[i], 1 + i % 7, -1) == QUEUE_OK) {
            atomic_fetch_add(&shared.pushed, 1);
        }
        size_t bytes = queue_bytes(shared.q);
        if (bytes > atomic_load(&shared.most)) {
            atomic_store(&shared.most, bytes);
        }
    }
    return NULL;
}

static void *pop_all(void *arg)
{
    void *item = NULL;
    while (queue_pop(shared.q, &item, -1) == QUEUE_OK) {
        atomic_fetch_add(&shared.popped, 1);
        atomic_fetch_add(&shared.sum, *(const size_t *)item);
    }
    return arg;
}

static void threads(void **state)
{
    (void)state;
    static const size_t first[2] = {0, PER_PUSHER};
    pthread_t pushers[2];
    pthread_t poppers[3];
    shared.q = queue_new(50);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&poppers[i], NULL, pop_all, NULL), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        size_t at = first[i];
        static size_t starts[2];
        starts[i] = at;
        assert_int_equal(pthread_create(&pushers[i], NULL, push_all, &starts[i]), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(pushers[i], NULL), 0);
    }
    queue_close(shared.q);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(poppers[i], NULL), 0);
    }
    size_t n = 2 * PER_PUSHER;
    assert_int_equal(shared.pushed, n);
    assert_int_equal(shared.popped, n);
    assert_int_equal(shared.sum, n * (n - 1) / 2);
    assert_true(shared.most <= 50);
    queue_free(shared.q);
}

static void *close_soon(void *arg)
{
    void *item = NULL;
    struct queue *idle = queue_new(1);
    assert_int_equal(queue_pop(idle, &item, 30), QUEUE_TIMEOUT);
    queue_free(idle);
    queue_close(arg);
    return NULL;
}

static void closing_wakes(void **state)
{
    (void)state;
    struct queue *q = queue_new(1);
    pthread_t closer;
    void *item = NULL;
    assert_int_equal(queue_push(q, &items[0], 1, 0), QUEUE_OK);
    assert_int_equal(pthread_create(&closer, NULL, close_soon, q), 0);
    assert_int_equal(queue_push(q, &items[1], 1, -1), QUEUE_CLOSED);
    assert_int_equal(pthread_join(closer, NULL), 0);
    assert_int_equal(queue_pop(q, &item, -1), QUEUE_OK);
    queue_free(q);
    q = queue_new(1);
    assert_int_equal(pthread_create(&closer, NULL, close_soon, q), 0);
    assert_int_equal(queue_pop(q, &item, -1), QUEUE_CLOSED);
    assert_int_equal(pthread_join(closer, NULL), 0);
    queue_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(limits), cmocka_unit_test(deadlines),
                                       cmocka_unit_test(threads), cmocka_unit_test(closing_wakes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
