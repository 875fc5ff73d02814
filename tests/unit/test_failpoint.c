#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/instant.h"

#ifdef INLET_FAILPOINTS

static int body_error(void)
{
    errno = 0;
    return FAILPOINT("a") && errno == 0 && !FAILPOINT("a") && errno == EIO && FAILPOINT("a") &&
                   FAILPOINT("other")
               ? 0
               : 1;
}

static int body_enospc(void)
{
    errno = 0;
    return !FAILPOINT("b") && errno == ENOSPC ? 0 : 1;
}

static int body_sleep(void)
{
    uint64_t start = instant_mono_ms();
    bool ok = FAILPOINT("c");
    uint64_t passed = instant_mono_ms() - start;
    return ok && passed >= 39 ? 0 : 1;
}

static int body_every(void)
{
    errno = 0;
    return !FAILPOINT("e") && !FAILPOINT("e") && FAILPOINT("other") ? 0 : 1;
}

static int body_kill(void)
{
    return FAILPOINT("d") ? 0 : 1; /* not reached */
}

/* Runs the body in a process of its own, since the environment is read once. */
static int run(const char *points, int (*body)(void))
{
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit none = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &none);
        if (freopen("/dev/null", "w", stderr) == NULL) {
            _exit(99);
        }
        (void)setenv("INLET_FAILPOINT", points, 1);
        _exit(body());
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    if (WIFSTOPPED(status)) {
        int how = WSTOPSIG(status);
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, &status, 0);
        return 1000 + how;
    }
    return WIFSIGNALED(status) ? 2000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void actions(void **state)
{
    (void)state;
    assert_int_equal(run("a:2=error", body_error), 0);
    assert_int_equal(run("x=kill,b=enospc", body_enospc), 0);
    assert_int_equal(run("c=sleep40", body_sleep), 0);
    assert_int_equal(run("e:*=error,e:2=sleep0", body_every), 0);
    assert_int_equal(run("d=kill", body_kill), 2000 + SIGKILL);
    assert_int_equal(run("d=stop", body_kill), 1000 + SIGSTOP);
    assert_int_equal(run("", body_kill), 0);
    assert_int_equal(run("d:2=kill", body_kill), 0);
}

static void refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"d",         "d=",    "d=explode", "d:0=kill", "d:x=kill",
                                      "d:**=kill", "=kill", "d=sleep",   "d=kill,",  "d=sleepx"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(run(bad[i], body_kill), 2000 + SIGABRT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(actions), cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void always_true(void **state)
{
    (void)state;
    assert_true(FAILPOINT("anything"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(always_true)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
