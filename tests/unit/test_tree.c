#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "config/tree.h"

static struct tree *parse(const char *text)
{
    struct error err = {0};
    struct tree *t = NULL;
    if (!tree_parse(str_of(text), "job.yaml", &t, &err)) {
        fail_msg("%s", err.text);
    }
    return t;
}

static void refuse(const char *text, const char *says)
{
    struct error err = {0};
    struct tree *t = NULL;
    if (tree_parse(str_of(text), "job.yaml", &t, &err)) {
        fail_msg("taken: %s", text);
    }
    assert_null(t);
    assert_int_equal(err.code, FAIL_CONFIG);
    if (strstr(err.text, says) == NULL) {
        fail_msg("\"%s\" instead of \"%s\"", err.text, says);
    }
}

static const char *text_at(const struct tree *t, const char *key)
{
    const struct tree_node *n = tree_child(tree_root(t), str_of(key));
    assert_non_null(n);
    assert_int_equal(n->kind, TREE_SCALAR);
    return n->text.ptr; /* NUL-terminated: arena_str copies so */
}

static void places(void **state)
{
    (void)state;
    struct tree *t =
        parse("# comment\nsource:\n  type: mysql\n  list: [a, {b: c}]\nsink: {x: 1,\n  y: 2}\n");
    const struct tree_node *source = tree_child(tree_root(t), STR("source"));
    assert_string_equal(tree_name(t), "job.yaml");
    assert_int_equal(source->line, 2);
    assert_int_equal(source->column, 1);
    assert_int_equal(source->kind, TREE_MAP);
    const struct tree_node *type = tree_child(source, STR("type"));
    assert_int_equal(type->line, 3);
    assert_int_equal(type->column, 3);
    assert_true(str_eq(type->text, STR("mysql")));
    assert_false(type->secret);
    const struct tree_node *list = tree_child(source, STR("list"));
    assert_int_equal(list->kind, TREE_LIST);
    assert_int_equal(list->count, 2);
    assert_int_equal(list->children[0].key.len, 0);
    assert_int_equal(list->children[0].column, 10);
    assert_int_equal(list->children[1].kind, TREE_MAP);
    const struct tree_node *y = tree_child(tree_child(tree_root(t), STR("sink")), STR("y"));
    assert_int_equal(y->line, 6);
    assert_int_equal(y->column, 3);
    assert_null(tree_child(source, STR("absent")));
    assert_null(tree_child(type, STR("x")));
    tree_free(t);
    tree_free(NULL);
}

static void scalars(void **state)
{
    (void)state;
    struct tree *t =
        parse("a: ~\nb: null\nc:\nd: \"null\"\ne: 'it''s'\nf: \"t\\tb\"\ng: |\n  one\n  two\n"
              "h: >-\n  one\n  two\n\"i j\": 007\nk: yes\nl: a\\.b\n");
    assert_string_equal(text_at(t, "a"), "");
    assert_string_equal(text_at(t, "b"), "");
    assert_string_equal(text_at(t, "c"), "");
    assert_string_equal(text_at(t, "d"), "null");
    assert_string_equal(text_at(t, "e"), "it's");
    assert_string_equal(text_at(t, "f"), "t\tb");
    assert_string_equal(text_at(t, "g"), "one\ntwo\n");
    assert_string_equal(text_at(t, "h"), "one two");
    assert_string_equal(text_at(t, "i j"), "007");
    assert_string_equal(text_at(t, "k"), "yes");
    assert_string_equal(text_at(t, "l"), "a\\.b");
    tree_free(t);
    t = parse("{\"a\": {\"b\": [1, 2.5, true, null, \"\\u00e4\"]}}"); /* JSON is YAML */
    const struct tree_node *b = tree_child(tree_child(tree_root(t), STR("a")), STR("b"));
    assert_int_equal(b->count, 5);
    assert_true(str_eq(b->children[4].text, STR("\xc3\xa4")));
    assert_int_equal(b->children[3].text.len, 0);
    tree_free(t);
}

static void references(void **state)
{
    (void)state;
    char path[] = "/tmp/inlet-tree-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "p@ss ${env:X}\n\n", 15), 15);
    assert_int_equal(setenv("INLET_TEST_A", "value", 1), 0);
    assert_int_equal(setenv("INLET_TEST_EMPTY", "", 1), 0);
    struct buf b = BUF_INIT(1000);
    buf_printf(&b,
               "a: ${env:INLET_TEST_A}\nb: \"x-${env:INLET_TEST_A}-${env:INLET_TEST_A}\"\n"
               "c: ${file:%s}\nd: $${env:INLET_TEST_A}\ne: a$b{c}\nf: '<${env:INLET_TEST_EMPTY}>'\n"
               "g: $$${env:INLET_TEST_A}\n",
               path);
    struct tree *t = parse(buf_cstr(&b));
    assert_string_equal(text_at(t, "a"), "value");
    assert_string_equal(text_at(t, "b"), "x-value-value");
    assert_string_equal(text_at(t, "c"), "p@ss ${env:X}\n"); /* one newline less; not read again */
    assert_string_equal(text_at(t, "d"), "${env:INLET_TEST_A}");
    assert_string_equal(text_at(t, "e"), "a$b{c}");
    assert_string_equal(text_at(t, "f"), "<>");
    assert_string_equal(text_at(t, "g"), "$${env:INLET_TEST_A}"); /* `$${` wins from the left… */
    static const struct {
        const char *key;
        bool secret;
    } secrets[] = {{"a", true}, {"b", true}, {"c", true}, {"d", false}, {"e", false}, {"f", true}};
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        assert_int_equal(tree_child(tree_root(t), str_of(secrets[i].key))->secret,
                         secrets[i].secret);
    }
    tree_free(t);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(pwrite(fd, "x\r\n", 3, 0), 3);
    t = parse(buf_cstr(&b));
    assert_string_equal(text_at(t, "c"), "x");
    tree_free(t);
    assert_int_equal(pwrite(fd, "x\0y", 3, 0), 3);
    refuse(buf_cstr(&b), "job.yaml:3:4: the value has a NUL byte");
    assert_int_equal(ftruncate(fd, 2 << 20), 0);
    refuse(buf_cstr(&b), "larger than 1 MiB");
    (void)close(fd);
    (void)unlink(path);
    refuse(buf_cstr(&b), "job.yaml:3:4: open /tmp/inlet-tree-");
    refuse(buf_cstr(&b), "No such file");
    buf_release(&b);
    refuse("a:\n  b: ${env:INLET_TEST_ABSENT}",
           "job.yaml:2:6: environment variable \"INLET_TEST_ABSENT\" is not set");
    refuse("a: ${other}", "expected ${env:NAME} or ${file:PATH}");
    refuse("a: ${env:}", "expected ${env:NAME}");
    refuse("a: x${env:INLET_TEST_A", "without its }");
}

static void refused(void **state)
{
    (void)state;
    refuse("", "job.yaml:1:1: nothing in it");
    refuse("# only a comment\n", "nothing in it");
    refuse("a: 1\nb: 2\na: 3\n", "job.yaml:3:1: key \"a\" is there twice, first on line 1");
    refuse("x: {a: 1, b: {a: 1}, a: 2}", "job.yaml:1:22: key \"a\" is there twice");
    refuse("a: &x 1", "anchors and tags");
    refuse("a: &x {b: 1}", "anchors and tags");
    refuse("a: !!int 1", "anchors and tags");
    refuse("a: [1, *x]", "alias");
    refuse("a: 1\n---\nb: 1", "only one document");
    refuse("[1]: 2", "a key must be plain text");
    refuse("? {a: b}\n: c", "a key must be plain text");
    refuse("'': 1", "a key is empty");
    refuse("a: \"x\\0y\"", "NUL byte");
    refuse("a: 'open", "job.yaml:1:");
    refuse("a: b: c", "job.yaml:1:5");
    refuse("a:\n\tb: c", "job.yaml:2:1");
    refuse("%TAG ! x:\n--- !a b\n", "job.yaml");
}

static void refuse_bytes(struct str text, const char *says)
{
    struct error err = {0};
    struct tree *t = NULL;
    if (tree_parse(text, "job.yaml", &t, &err)) {
        fail_msg("taken instead of \"%s\"", says);
    }
    assert_int_equal(err.code, FAIL_CONFIG);
    assert_string_equal(err.text, says);
}

/* Bytes that are no text have their place said, in characters. */
static void encodings(void **state)
{
    (void)state;
#define NOT_UTF8 "a byte that is not UTF-8: save the file as UTF-8"
    refuse_bytes(STR("a: \xff\xfe"), "job.yaml:1:4: " NOT_UTF8);
    refuse_bytes(STR("a: 1\nb: \xc3\xa4\xe2\x82\xac\xc3("), "job.yaml:2:6: " NOT_UTF8);
    refuse_bytes(STR("a: \xc0\xaf"), "job.yaml:1:4: " NOT_UTF8);               /* too long a form */
    refuse_bytes(STR("a: \xe0\x80\xaf"), "job.yaml:1:4: " NOT_UTF8);           /* the same */
    refuse_bytes(STR("a: \xed\xa0\x80"), "job.yaml:1:4: " NOT_UTF8);           /* a surrogate */
    refuse_bytes(STR("a: \xf4\x90\x80\x80"), "job.yaml:1:4: " NOT_UTF8);       /* beyond Unicode */
    refuse_bytes(STR("a:\r\nb: 1\r\nc: \xe2\x82"), "job.yaml:3:4: " NOT_UTF8); /* cut off */
    refuse_bytes(STR("a: x\0y"),
                 "job.yaml:1:5: a NUL byte: the file must be text; remove the byte");
    refuse_bytes(STR("\0"), "job.yaml:1:1: a NUL byte: the file must be text; remove the byte");
    refuse_bytes(
        STR("a: 1\nb: x\x07"),
        "job.yaml:2:5: the character U+0007 is not allowed in YAML: remove it, or write it "
        "as \"\\u0007\" in double quotes");
    refuse_bytes(STR("a: 1\n\xef\xbb\xbf"
                     "b: 2"),
                 "job.yaml:2:1: a byte order mark inside of the text: remove the character U+FEFF");
    refuse_bytes(STR("\xff\xfe"
                     "a\0:\0"),
                 "job.yaml:1:1: the text is UTF-16 or UTF-32: save the file as UTF-8");
    refuse_bytes(STR("\xfe\xff\0a\0:"),
                 "job.yaml:1:1: the text is UTF-16 or UTF-32: save the file as UTF-8");
#undef NOT_UTF8
    /* a mark at the beginning moves no column */
    struct tree *t = parse("\xef\xbb\xbf"
                           "a: 1\nb: \xf0\x9f\x98\x80\n");
    assert_int_equal(tree_child(tree_root(t), STR("a"))->column, 1);
    assert_string_equal(text_at(t, "b"), "\xf0\x9f\x98\x80");
    tree_free(t);
}

static void limits(void **state)
{
    (void)state;
    struct buf b = BUF_INIT((size_t)4 << 20);
    for (int i = 0; i < 32; i++) {
        buf_put_byte(&b, '[');
    }
    for (int i = 0; i < 32; i++) {
        buf_put_byte(&b, ']');
    }
    tree_free(parse(buf_cstr(&b)));
    buf_reset(&b);
    for (int i = 0; i < 33; i++) {
        buf_put_byte(&b, '[');
    }
    refuse(buf_cstr(&b), "job.yaml:1:33: nested deeper than 32 levels");
    buf_reset(&b);
    for (int i = 0; i < 99999; i++) {
        buf_put_cstr(&b, "- a\n");
    }
    struct tree *t = parse(buf_cstr(&b));
    assert_int_equal(tree_root(t)->count, 99999);
    tree_free(t);
    buf_put_cstr(&b, "- a\n");
    refuse(buf_cstr(&b), "job.yaml:100000:3: more than 100,000 values");
    buf_reset(&b);
    for (int i = 0; i < 40000; i++) { /* many keys must not take quadratic time */
        buf_printf(&b, "key%d: 1\n", i);
    }
    tree_free(parse(buf_cstr(&b)));
    buf_reset(&b);
    buf_put_cstr(&b, "a: ");
    while (b.len <= (size_t)1 << 20) {
        buf_put_byte(&b, 'x');
    }
    refuse(buf_cstr(&b), "job.yaml:1:1048577: larger than 1 MiB");
    b.ptr[(1 << 20) - 10] = '\n';
    refuse(buf_cstr(&b), "job.yaml:2:10: larger than 1 MiB");
    b.len = 1 << 20;
    b.ptr[(1 << 20) - 10] = 'x';
    tree_free(parse(buf_cstr(&b))); /* exactly 1 MiB */
    buf_put_byte(&b, 'x');
    assert_int_equal(setenv("INLET_TEST_LONG", buf_cstr(&b), 1), 0);
    buf_release(&b);
    refuse("[\"${env:INLET_TEST_LONG}\", 1]", "more than 1 MiB");
    assert_int_equal(unsetenv("INLET_TEST_LONG"), 0);
}

static void files(void **state)
{
    (void)state;
    struct error err = {0};
    struct tree *t = NULL;
    assert_false(tree_load("/nonexistent/job.yaml", &t, &err));
    assert_int_equal(err.code, FAIL_CONFIG);
    assert_string_equal(err.text, "open /nonexistent/job.yaml: No such file or directory");
    assert_false(tree_load("/tmp", &t, &err));
    assert_int_equal(err.code, FAIL_CONFIG);
    assert_false(tree_load("/dev/zero", &t, &err)); /* never ends */
    assert_string_equal(err.text,
                        "/dev/zero:1:1: a NUL byte: the file must be text; remove the byte");
    assert_null(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places),  cmocka_unit_test(scalars),   cmocka_unit_test(references),
        cmocka_unit_test(refused), cmocka_unit_test(encodings), cmocka_unit_test(limits),
        cmocka_unit_test(files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
