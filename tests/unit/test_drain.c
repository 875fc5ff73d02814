#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/drain.h"

static void a_drain_stops(void **state)
{
    (void)state;
    struct stop *drain = stop_new();
    struct stop *stop = stop_new();
    struct drain_watch *w = drain_watch(drain, stop);
    assert_false(stop_wait(stop, 50));
    stop_request(drain);
    assert_true(stop_wait(stop, 5000));
    drain_unwatch(w);
    stop_free(stop);
    stop = stop_new();
    w = drain_watch(drain, stop); /* it came before */
    assert_true(stop_wait(stop, 5000));
    drain_unwatch(w);
    stop_free(stop);
    stop_free(drain);
}

static void not_behind_the_watch(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        struct stop *drain = stop_new();
        struct stop *stop = stop_new();
        drain_unwatch(drain_watch(drain, stop));
        stop_request(drain);
        assert_false(stop_requested(stop));
        stop_free(stop);
        stop_free(drain);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_drain_stops),
        cmocka_unit_test(not_behind_the_watch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
