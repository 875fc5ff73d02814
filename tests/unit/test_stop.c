#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "base/instant.h"
#include "base/stop.h"

static void waits(void **state)
{
    (void)state;
    struct stop *s = stop_new();
    struct pollfd p = {.fd = stop_fd(s), .events = POLLIN};
    assert_false(stop_requested(s));
    assert_int_equal(poll(&p, 1, 0), 0);
    uint64_t start = instant_mono_ms();
    uint64_t cpu = instant_cpu_ns();
    assert_false(stop_wait(s, 200));
    assert_true(instant_mono_ms() - start >= 199);
    assert_true(instant_cpu_ns() - cpu < 100000000); /* it slept */
    assert_false(stop_wait(s, 0));
    errno = 77;
    stop_request(s);
    stop_request(s);
    assert_int_equal(errno, 77);
    assert_true(stop_requested(s));
    assert_true(stop_wait(s, 1000000));
    assert_true(stop_wait(s, 0));
    assert_int_equal(poll(&p, 1, 0), 1);
    assert_int_equal(poll(&p, 1, 0), 1); /* stays readable */
    stop_free(s);
    stop_free(NULL);
}

static struct stop *target;
static void on_signal(int number)
{
    (void)number;
    stop_request(target);
}

static void *signal_soon(void *arg)
{
    struct timespec t = {0, 30000000};
    (void)nanosleep(&t, NULL);
    (void)pthread_kill(*(pthread_t *)arg, SIGUSR1);
    return NULL;
}

static void wakes_by_signal(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = on_signal};
    pthread_t self = pthread_self();
    pthread_t thread;
    target = stop_new();
    assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
    assert_int_equal(pthread_create(&thread, NULL, signal_soon, &self), 0);
    uint64_t start = instant_mono_ms();
    assert_true(stop_wait(target, 60000));
    assert_true(instant_mono_ms() - start < 30000);
    assert_int_equal(pthread_join(thread, NULL), 0);
    stop_free(target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(waits), cmocka_unit_test(wakes_by_signal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
