#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/pattern.h"

static bool matches(const char *regex, const char *text)
{
    struct error err = {0};
    struct pattern *p = NULL;
    if (!pattern_new(str_of(regex), &p, &err)) {
        fail_msg("%s", err.text);
    }
    bool result = pattern_matches(p, str_of(text));
    pattern_free(p);
    return result;
}

static void whole_text(void **state)
{
    (void)state;
    assert_true(matches("abc", "abc"));
    assert_false(matches("abc", "abcd"));
    assert_false(matches("abc", "xabc"));
    assert_true(matches("a|ab", "ab")); /* anchored around the alternation */
    assert_false(matches("abc", "abc\n"));
    assert_false(matches("abc$", "abc\n"));
    assert_true(matches("", ""));
    assert_false(matches("", "x"));
    assert_false(matches("abc", "ABC"));
    assert_true(matches("(?i)abc", "ABC"));
    assert_true(matches(".", "\xc3\xa4")); /* characters, not bytes */
    assert_false(matches("a.*", "b\xff")); /* not UTF-8: no crash, no match */
    pattern_free(NULL);
}

static void mistakes(void **state)
{
    (void)state;
    static const char *const bad[] = {"*", "(", "[a", "a{2,1}", "\\", "(?<n>a)(?<n>b)", "\xff"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct error err = {0};
        struct pattern *p = NULL;
        assert_false(pattern_new(str_of(bad[i]), &p, &err));
        assert_null(p);
        assert_int_equal(err.code, FAIL_CONFIG);
    }
    struct error err = {0};
    struct pattern *p = NULL;
    assert_false(pattern_new(STR("ab(c"), &p, &err));
    assert_memory_equal(err.text, "regular expression \"ab(c\", character 5: ", 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(whole_text), cmocka_unit_test(mistakes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
