#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/error.h"

static void setters(void **state)
{
    (void)state;
    struct error err = {0};
    assert_false(error_set(&err, FAIL_CORRUPT, "page %d of %s", 7, "x"));
    assert_int_equal(err.code, FAIL_CORRUPT);
    assert_int_equal(err.os, 0);
    assert_string_equal(err.text, "page 7 of x");
    assert_false(error_in(&err, "read %s", "file"));
    assert_string_equal(err.text, "read file: page 7 of x");
    assert_int_equal(err.code, FAIL_CORRUPT);
    /* its own text as an argument */
    assert_false(error_set(&err, FAIL_LOST, "<%s>", err.text));
    assert_string_equal(err.text, "<read file: page 7 of x>");
}

static void os_codes(void **state)
{
    (void)state;
    static const struct {
        int os;
        enum fail code;
    } cases[] = {{EACCES, FAIL_DENIED}, {EPERM, FAIL_DENIED}, {EROFS, FAIL_DENIED},
                 {ENOSPC, FAIL_IO},     {EIO, FAIL_IO},       {ENOENT, FAIL_IO}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error err = {0};
        errno = cases[i].os;
        assert_false(error_os(&err, "fsync %s", "x"));
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(err.os, cases[i].os);
        assert_memory_equal(err.text, "fsync x: ", 9);
        assert_true(strlen(err.text) > 9);
    }
    struct error err = {0};
    errno = ENOSPC;
    (void)error_os(&err, "fsync x");
    assert_string_equal(err.text, "fsync x: No space left on device");
}

static void long_texts(void **state)
{
    (void)state;
    struct error err = {0};
    char text[2000];
    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    (void)error_set(&err, FAIL_IO, "%s", text);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    (void)error_in(&err, "%s", text);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    /* never half a character at the cut */
    memset(text, 'a', sizeof(text));
    for (size_t i = 1; i + 2 < sizeof(text); i += 2) {
        memcpy(text + i, "\xc3\xa4", 2);
    }
    text[sizeof(text) - 1] = '\0';
    for (size_t from = 0; from < 2; from++) {
        (void)error_set(&err, FAIL_IO, "%s", text + 1 - from);
        size_t len = strlen(err.text);
        assert_true(len >= sizeof(err.text) - 2);
        assert_true((unsigned char)err.text[len - 1] != 0xc3);
    }
}

static void names(void **state)
{
    (void)state;
    for (int code = FAIL_NONE; code <= FAIL_STOPPED; code++) {
        assert_string_not_equal(error_name((enum fail)code), "?");
        for (int other = FAIL_NONE; other < code; other++) {
            assert_string_not_equal(error_name((enum fail)code), error_name((enum fail)other));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(setters),
        cmocka_unit_test(os_codes),
        cmocka_unit_test(long_texts),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
