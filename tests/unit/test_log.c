#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

struct sink {
    char text[20000];
    size_t lines;
};

static void keep(void *self, struct str line)
{
    struct sink *s = self;
    assert_true(line.len < sizeof(s->text));
    memcpy(s->text, line.ptr, line.len);
    s->text[line.len] = '\0';
    s->lines++;
}

static void lines(void **state)
{
    (void)state;
    static struct sink s;
    log_redirect(keep, &s);
    errno = ENOSPC;
    LOG_INFO("commit", "table=%s n=%d", LOG_Q("a b"), 7);
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(s.lines, 1);
    assert_memory_equal(s.text, "ts=20", 5);
    assert_string_equal(strchr(s.text, ' '), " level=info event=commit table=\"a b\" n=7");
    LOG_DEBUG("x", "y=%d", 1); /* below the level */
    assert_int_equal(s.lines, 1);
    log_set_level(LOG_LEVEL_DEBUG);
    LOG_DEBUG("x", "y=%d", 1);
    assert_int_equal(s.lines, 2);
    log_set_level(LOG_LEVEL_ERROR);
    LOG_WARN("x", "y=%d", 1);
    assert_int_equal(s.lines, 2);
    LOG_ERROR("x", "y=%s", "two\nlines");
    assert_string_equal(strchr(s.text, ' '), " level=error event=x y=two lines");
    static char huge[30000];
    memset(huge, 'h', sizeof(huge) - 1);
    LOG_ERROR("x", "y=%s", huge);
    assert_int_equal(s.lines, 4);
    assert_true(strlen(s.text) > 8000);
    log_redirect(NULL, NULL);
    log_set_level(LOG_LEVEL_INFO);
}

static void quoting(void **state)
{
    (void)state;
    assert_string_equal(LOG_Q("plain-1/2:3"), "plain-1/2:3");
    assert_string_equal(LOG_Q("\xc3\xa4"), "\xc3\xa4");
    assert_string_equal(LOG_Q(""), "\"\"");
    assert_string_equal(LOG_Q("a b"), "\"a b\"");
    assert_string_equal(LOG_Q("a=b"), "\"a=b\"");
    assert_string_equal(LOG_Q("say \"x\\\n\t\x01"), "\"say \\\"x\\\\\\n\\t\\x01\"");
    assert_string_equal(LOG_S(STR("cut here") /* a slice */), "\"cut here\"");
    static char text[3000];
    memset(text, 'a', sizeof(text) - 1);
    assert_int_equal(strlen(LOG_Q(text)), 1023);
    text[0] = ' ';
    const char *quoted = LOG_Q(text);
    assert_int_equal(strlen(quoted), 1023);
    assert_int_equal(quoted[1022], '"');
    memset(text, '\x02', sizeof(text) - 1); /* no half escape before the closing quote */
    quoted = LOG_Q(text);
    assert_true(strlen(quoted) <= 1023);
    assert_string_equal(quoted + strlen(quoted) - 5, "\\x02\"");
    const char *eight[8];
    for (size_t i = 0; i < 8; i++) {
        char digit[2] = {(char)('0' + i), '\0'};
        eight[i] = LOG_Q(digit);
    }
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(eight[i][0], '0' + i);
    }
}

static void *write_lines(void *arg)
{
    for (int i = 0; i < 200; i++) {
        LOG_INFO("thread", "n=%d text=%s", i, (const char *)arg);
    }
    return NULL;
}

/* Four threads, one descriptor: each line stands whole. */
static void whole_lines(void **state)
{
    (void)state;
    FILE *f = tmpfile();
    assert_non_null(f);
    int saved = dup(STDERR_FILENO);
    static char texts[4][300];
    pthread_t threads[4];
    assert_int_equal(dup2(fileno(f), STDERR_FILENO), STDERR_FILENO);
    for (size_t i = 0; i < 4; i++) {
        memset(texts[i], (int)('a' + i), 299);
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, texts[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    (void)close(saved);
    rewind(f);
    size_t count = 0;
    static char line[1000];
    while (fgets(line, sizeof(line), f) != NULL) {
        char *text = strstr(line, "text=");
        assert_memory_equal(line, "ts=", 3);
        assert_non_null(text);
        assert_int_equal(strspn(text + 5, (char[]){text[5], '\0'}), 299);
        assert_string_equal(text + 5 + 299, "\n");
        count++;
    }
    assert_int_equal(count, 800);
    (void)fclose(f);
}

static void thinning(void **state)
{
    (void)state;
    struct log_thin thin = {0};
    uint64_t suppressed = 99;
    assert_true(log_thinned(&thin, 1000000, &suppressed));
    assert_int_equal(suppressed, 0);
    for (int i = 0; i < 5; i++) {
        assert_false(log_thinned(&thin, 1000000, &suppressed));
    }
    assert_true(log_thinned(&thin, 0, &suppressed));
    assert_int_equal(suppressed, 5);
    assert_true(log_thinned(&thin, 0, &suppressed));
    assert_int_equal(suppressed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines), cmocka_unit_test(quoting),
                                       cmocka_unit_test(whole_lines), cmocka_unit_test(thinning)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
