#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Built without sanitizers (tests/CMakeLists.txt): it looks at what the real heap gives back. */
#include "base/mem.h"

static void sizes(void **state)
{
    (void)state;
    mem_free(NULL);
    char *none = mem_alloc(0);
    assert_non_null(none);
    mem_free(none);
    none = mem_zalloc(0);
    assert_non_null(none);
    none = mem_realloc(none, 0);
    assert_non_null(none);
    mem_free(none);
    unsigned char *zeros = mem_zalloc(1000);
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(zeros[i], 0);
    }
    memset(zeros, 7, 1000);
    zeros = mem_realloc(zeros, 100000);
    assert_int_equal(zeros[999], 7);
    mem_free(zeros);
    assert_int_equal(mem_size(0, SIZE_MAX), 0);
    assert_int_equal(mem_size(SIZE_MAX, 1), SIZE_MAX);
    assert_int_equal(mem_size(3, 8), 24);
    uint64_t *many = MEM_ARRAY(uint64_t, 100);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(many[i], 0);
    }
    mem_free(many);
    many = MEM_ARRAY(uint64_t, 0);
    assert_non_null(many);
    mem_free(many);
}

static void copies(void **state)
{
    (void)state;
    char *text = mem_dup("ab\0cd", 5);
    assert_memory_equal(text, "ab\0cd", 6); /* and a NUL behind it */
    mem_free(text);
    text = mem_dup(NULL, 0);
    assert_string_equal(text, "");
    mem_free(text);
}

static void vectors(void **state)
{
    (void)state;
    uint32_t *items = NULL;
    size_t count = 0, cap = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        VEC_ROOM(items, count, cap);
        assert_true(cap > count);
        items[count++] = i;
    }
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(items[i], i);
    }
    assert_true(cap >= 1000 && cap <= 2048);
    mem_free(items);
}

/* Runs it in a process of its own; returns how that ended and what it said. */
static int ends(void (*what)(void), char *said, size_t cap)
{
    int ends[2];
    int status = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit none = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)dup2(ends[1], STDERR_FILENO);
        (void)close(ends[0]);
        what();
        _exit(0);
    }
    (void)close(ends[1]);
    size_t len = 0;
    ssize_t n;
    while (len + 1 < cap && (n = read(ends[0], said + len, cap - 1 - len)) > 0) {
        len += (size_t)n;
    }
    said[len] = '\0';
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static size_t half(void)
{
    return SIZE_MAX / 2 + 1;
}

static void overflow_size(void)
{
    (void)mem_size(half(), 2);
}

static void overflow_array(void)
{
    mem_free(mem_array(half(), 2));
}

static void overflow_grow(void)
{
    mem_free(mem_grow(NULL, half(), 2));
}

static void too_much(void)
{
    struct rlimit little = {(rlim_t)512 << 20, (rlim_t)512 << 20};
    (void)setrlimit(RLIMIT_AS, &little);
    mem_free(mem_alloc((size_t)1 << 40));
}

static void breach(void)
{
    must(half() == 3);
}

/* What cannot go on ends the process, with a sentence. */
static void ends_loudly(void **state)
{
    (void)state;
    char said[4096];
    static void (*const overflows[])(void) = {overflow_size, overflow_array, overflow_grow};
    for (size_t i = 0; i < 3; i++) {
        int status = ends(overflows[i], said, sizeof said);
        assert_true(WIFSIGNALED(status));
        assert_non_null(strstr(said, "out of memory"));
        assert_non_null(strstr(said, "pipeline.memory"));
    }
    assert_true(WIFSIGNALED(ends(too_much, said, sizeof said)));
    assert_non_null(strstr(said, "1099511627776 bytes"));
    assert_true(WIFSIGNALED(ends(breach, said, sizeof said)));
    assert_non_null(strstr(said, "half() == 3"));
    assert_non_null(strstr(said, "test_mem.c"));
}

static size_t resident_kib(void)
{
    char line[256];
    size_t kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0) {
            kib = strtoul(line + 6, NULL, 10);
        }
    }
    (void)fclose(f);
    return kib;
}

/* After a burst of small pieces the system has its memory back, though some pieces in between live
 * on. */
static void trims(void **state)
{
    enum { PIECES = 40000, BYTES = 4000 }; /* 160 MB */
    static char *pieces[PIECES];
    (void)state;
    mem_tune();
    size_t before = resident_kib();
    for (size_t i = 0; i < PIECES; i++) {
        pieces[i] = mem_alloc(BYTES);
        memset(pieces[i], 1, BYTES);
    }
    assert_true(resident_kib() - before > (size_t)PIECES * BYTES / 1024 / 2);
    for (size_t i = 0; i < PIECES; i++) {
        if (i % 1000 != 999) {
            mem_free(pieces[i]);
        }
    }
    mem_trim();
    size_t after = resident_kib();
    if (after > before + (size_t)24 * 1024) {
        fail_msg("%zu KiB before, %zu after", before, after);
    }
    for (size_t i = 999; i < PIECES; i += 1000) {
        assert_int_equal(pieces[i][BYTES - 1], 1);
        mem_free(pieces[i]);
    }
    mem_trim();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),       cmocka_unit_test(copies), cmocka_unit_test(vectors),
        cmocka_unit_test(ends_loudly), cmocka_unit_test(trims),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
