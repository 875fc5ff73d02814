#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "config/option.h"
#include "config/option_docs.h"

struct conf {
    struct str host;
    struct str password;
    bool tls;
    int64_t port;
    uint64_t memory;
    uint64_t wait_ms;
    int mode;
    struct option_map extra;
    struct str deep;
    int64_t free;
};

static const char *const modes[] = {"initial", "latest-offset", NULL};
static const struct option options[] = {
    {"hostname", OPTION_TEXT, OPTION_REQUIRED, offsetof(struct conf, host), NULL, 0, 0, NULL,
     "The host."},
    {"password", OPTION_TEXT, OPTION_SECRET, offsetof(struct conf, password), NULL, 0, 0, NULL,
     "Secret."},
    {"tls", OPTION_BOOL, 0, offsetof(struct conf, tls), "true", 0, 0, NULL, "TLS."},
    {"port", OPTION_INT, 0, offsetof(struct conf, port), "3306", 1, 65535, NULL, "The port."},
    {"memory", OPTION_SIZE, 0, offsetof(struct conf, memory), "64 MiB", 1048576, 1073741824, NULL,
     "A | B."},
    {"wait", OPTION_DURATION, OPTION_SECRET, offsetof(struct conf, wait_ms), "10 s", 100, 60000,
     NULL, "Wait."},
    {"scan.startup.mode", OPTION_CHOICE, 0, offsetof(struct conf, mode), "initial", 0, 0, modes,
     "Mode."},
    {"extra.", OPTION_MAP, 0, offsetof(struct conf, extra), NULL, 0, 0, NULL, "More."},
    {"extra.deep.known", OPTION_TEXT, 0, offsetof(struct conf, deep), NULL, 0, 0, NULL, "Deep."},
    {"free", OPTION_INT, 0, offsetof(struct conf, free), "-1", 0, 0, NULL, "Any number."},
    {"skip.rows", OPTION_INT, OPTION_UNSUPPORTED, 0, NULL, 0, 0, NULL, "Later."},
    {"jdbc.", OPTION_MAP, OPTION_UNSUPPORTED, 0, NULL, 0, 0, NULL, "Never."},
    {"functions", OPTION_TEXT, OPTION_UNSUPPORTED, 0, NULL, 0, 0, NULL, "Lists."},
    {"pool", OPTION_INT, OPTION_IGNORED, 0, NULL, 0, 0, NULL, "There is no pool."},
};
static const struct option_table table = {
    "source: test", options, sizeof(options) / sizeof(options[0]), sizeof(struct conf)};

struct run {
    struct tree *tree;
    struct arena arena;
    struct conf conf;
    struct error err;
};

static bool apply(struct run *r, const char *text, const char *const *skip)
{
    memset(r, 0, sizeof(*r));
    if (!tree_parse(str_of(text), "job.yaml", &r->tree, &r->err)) {
        fail_msg("%s", r->err.text);
    }
    const struct tree_node *block = tree_child(tree_root(r->tree), STR("source"));
    assert_non_null(block);
    return option_apply(&table, block, "job.yaml", skip, &r->arena, &r->conf, &r->err);
}

static void done(struct run *r)
{
    arena_release(&r->arena);
    tree_free(r->tree);
}

static void refuse(const char *text, const char *says)
{
    struct run r;
    if (apply(&r, text, NULL)) {
        fail_msg("taken: %s", text);
    }
    assert_int_equal(r.err.code, FAIL_CONFIG);
    assert_string_equal(r.err.text, says);
    done(&r);
}

static void defaults(void **state)
{
    (void)state;
    struct run r;
    assert_true(apply(&r, "source: {hostname: h}", NULL));
    assert_true(str_eq(r.conf.host, STR("h")));
    assert_null(r.conf.password.ptr);
    assert_true(r.conf.tls);
    assert_int_equal(r.conf.port, 3306);
    assert_int_equal(r.conf.memory, 67108864);
    assert_int_equal(r.conf.wait_ms, 10000);
    assert_int_equal(r.conf.mode, 0);
    assert_int_equal(r.conf.extra.count, 0);
    assert_int_equal(r.conf.free, -1);
    done(&r);
}

static void values(void **state)
{
    (void)state;
    struct run r;
    static const char *const skip[] = {"type", "name", NULL};
    assert_true(apply(
        &r,
        "source:\n  type: x\n  hostname: h\n  password: p\n  tls: FALSE\n  port: 1\n"
        "  memory: 1g\n  wait: 100ms\n  scan.startup.mode: Latest-Offset\n  free: -9\n"
        "  extra.a.b: 1\n  extra:\n    c: 2\n    deep: {known: k, other: \"${env:OPTION_TEST}\"}\n",
        skip));
    assert_true(str_eq(r.conf.password, STR("p")));
    assert_false(r.conf.tls);
    assert_int_equal(r.conf.port, 1);
    assert_int_equal(r.conf.memory, 1073741824);
    assert_int_equal(r.conf.wait_ms, 100);
    assert_int_equal(r.conf.mode, 1);
    assert_int_equal(r.conf.free, -9);
    assert_true(str_eq(r.conf.deep, STR("k"))); /* the exact name wins over the map */
    assert_int_equal(r.conf.extra.count, 3);
    assert_true(str_eq(r.conf.extra.pairs[0].key, STR("a.b")));
    assert_int_equal(r.conf.extra.pairs[0].line, 11);
    assert_true(str_eq(r.conf.extra.pairs[1].key, STR("c")));
    assert_int_equal(r.conf.extra.pairs[1].column, 5);
    assert_true(str_eq(r.conf.extra.pairs[2].key, STR("deep.other")));
    assert_true(r.conf.extra.pairs[2].secret && !r.conf.extra.pairs[1].secret);
    struct buf b = BUF_INIT(1000);
    for (size_t i = 0; i < 10; i++) {
        option_print(&options[i], &r.conf, &b);
        buf_put_byte(&b, ';');
    }
    assert_string_equal(
        buf_cstr(&b),
        "h;******;false;1;1 GiB;******;latest-offset;a.b=1, c=2, deep.other=******;k;-9;");
    buf_release(&b);
    done(&r);
}

static void nested_and_dotted(void **state)
{
    (void)state;
    struct run r;
    assert_true(apply(&r, "source: {hostname: h, scan: {startup: {mode: latest-offset}}}", NULL));
    assert_int_equal(r.conf.mode, 1);
    done(&r);
    assert_true(apply(&r, "source: {hostname: h, scan.startup: {mode: latest-offset}}", NULL));
    assert_int_equal(r.conf.mode, 1);
    done(&r);
    assert_true(
        apply(&r, "source: {hostname: h, scan: {startup.mode: latest-offset}, extra: }", NULL));
    assert_int_equal(r.conf.mode, 1);
    done(&r);
    refuse(
        "source:\n  hostname: h\n  scan.startup.mode: initial\n  scan: {startup: {mode: initial}}",
        "job.yaml:4:20: key \"source.scan.startup.mode\" is there twice, first on line 3");
}

static void mistakes(void **state)
{
    (void)state;
    refuse("source: {port: 1}",
           "job.yaml:1:1: \"source.hostname\" is missing: add `hostname: …` to this block, text");
    refuse("source: ",
           "job.yaml:1:1: \"source.hostname\" is missing: add `hostname: …` to this block, text");
    refuse("source: {hostname: }", "job.yaml:1:10: \"source.hostname\" is empty");
    refuse("source: [a]", "job.yaml:1:1: \"source\" must be a map of keys and values");
    refuse("source: text", "job.yaml:1:1: \"source\" must be a map of keys and values");
    refuse("source: {hostname: [a]}",
           "job.yaml:1:10: \"source.hostname\": expected one value, found a list");
    refuse("source: {hostname: {a: b}}",
           "job.yaml:1:10: \"source.hostname\": expected one value, found a map");
    refuse("source: {hostname: h, extra.x: [1]}",
           "job.yaml:1:23: \"source.extra.x\": expected text, found a list");
    refuse("source:\n  hostnam: h",
           "job.yaml:2:3: unknown key \"source.hostnam\": did you mean \"source.hostname\"?");
    refuse("source:\n  scan: {startup: {mod: x}}",
           "job.yaml:2:20: unknown key \"source.scan.startup.mod\": did you mean "
           "\"source.scan.startup.mode\"?");
    refuse("source:\n  extar.foo: h",
           "job.yaml:2:3: unknown key \"source.extar.foo\": did you mean \"source.extra.*\"?");
    refuse("source: {zzzzzzzz: 1}", "job.yaml:1:10: unknown key \"source.zzzzzzzz\"");
    refuse("source: {port: x}",
           "job.yaml:1:10: \"source.port\": \"x\" is not a whole number from 1 to 65535");
    refuse("source: {port: 0}",
           "job.yaml:1:10: \"source.port\": \"0\" is not a whole number from 1 to 65535");
    refuse("source: {port: 65536}",
           "job.yaml:1:10: \"source.port\": \"65536\" is not a whole number from 1 to 65535");
    refuse("source: {port: }",
           "job.yaml:1:10: \"source.port\": \"\" is not a whole number from 1 to 65535");
    refuse("source: {free: 1.5}", "job.yaml:1:10: \"source.free\": \"1.5\" is not a whole number");
    refuse("source: {tls: yes}", "job.yaml:1:10: \"source.tls\": \"yes\" is not true or false");
    refuse("source: {memory: 1 kb}", "job.yaml:1:10: \"source.memory\": \"1 kb\" is not a size "
                                     "like 256 MiB from 1 MiB to 1 GiB");
    refuse("source: {memory: 99999999999999999 kb}",
           "job.yaml:1:10: \"source.memory\": \"99999999999999999 kb\" is not a size like 256 MiB "
           "from 1 MiB to 1 GiB");
    refuse("source: {scan.startup.mode: timestamp}",
           "job.yaml:1:10: \"source.scan.startup.mode\": \"timestamp\" is not one of initial, "
           "latest-offset");
}

static void unsupported(void **state)
{
    (void)state;
    refuse("source: {hostname: h, skip.rows: 1}",
           "job.yaml:1:23: \"source.skip.rows\" is not supported yet");
    refuse("source: {hostname: h, skip: {rows: 1}}",
           "job.yaml:1:30: \"source.skip.rows\" is not supported yet");
    refuse("source: {hostname: h, jdbc.a.b: 1}",
           "job.yaml:1:23: \"source.jdbc.a.b\" is not supported yet");
    refuse("source: {hostname: h, functions: [{name: f}]}",
           "job.yaml:1:23: \"source.functions\" is not supported yet");
    refuse("source: {hostname: h, functions: {name: f}}",
           "job.yaml:1:23: \"source.functions\" is not supported yet");
}

static void count_lines(void *self, struct str line)
{
    struct buf *b = self;
    buf_put_str(b, line);
}

static void ignored(void **state)
{
    (void)state;
    struct run r;
    struct buf b = BUF_INIT(1000);
    log_redirect(count_lines, &b);
    assert_true(apply(&r, "source: {hostname: h, pool: [5]}", NULL));
    log_redirect(NULL, NULL);
    assert_non_null(strstr(
        buf_cstr(&b),
        "level=warn event=option_ignored key=source.pool line=1 reason=\"There is no pool.\""));
    buf_release(&b);
    done(&r);
}

/* No message shows what came through ${…} or belongs to a secret option. */
static void secrets(void **state)
{
    (void)state;
    refuse("source: {hostname: h, port: \"${env:OPTION_TEST}\"}",
           "job.yaml:1:23: \"source.port\": \"******\" is not a whole number from 1 to 65535");
    refuse("source: {hostname: h, wait: hunter2}", "job.yaml:1:23: \"source.wait\": \"******\" is "
                                                   "not a duration like 10 s from 100 ms to 1 min");
    refuse("source: {hostname: h, scan.startup.mode: \"x${env:OPTION_TEST}\"}",
           "job.yaml:1:23: \"source.scan.startup.mode\": \"******\" is not one of initial, "
           "latest-offset");
    refuse("source: {hostname: h, passwrod: \"${env:OPTION_TEST}\"}",
           "job.yaml:1:23: unknown key \"source.passwrod\": did you mean \"source.password\"?");
    refuse("source: {hostname: h, password: [hunter2]}",
           "job.yaml:1:23: \"source.password\": expected one value, found a list");
}

static void nodes(void **state)
{
    (void)state;
    struct run r;
    assert_true(
        apply(&r, "source: {hostname: h, scan: {startup.mode: initial}, extra.a: {b.c: 1}}", NULL));
    const struct tree_node *block = tree_child(tree_root(r.tree), STR("source"));
    assert_int_equal(option_node(block, STR("scan.startup.mode"))->column, 30);
    assert_true(str_eq(option_node(block, STR("extra.a.b.c"))->text, STR("1")));
    assert_null(option_node(block, STR("scan.startup")));
    assert_null(option_node(block, STR("absent")));
    assert_null(option_node(NULL, STR("absent")));
    done(&r);
}

static void docs(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(10000);
    option_docs_table(&table, &b);
    const char *text = buf_cstr(&b);
    static const char *const lines[] = {
        "## `source: test`\n\n| Key | Type | Default | Description |\n|---|---|---|---|\n",
        "\n| `hostname` | text | required | The host. |\n",
        "\n| `password` | text, secret | – | Secret. |\n",
        "\n| `port` | whole number | `3306` (1 to 65535) | The port. |\n",
        "\n| `memory` | size | `64 MiB` (1 MiB to 1 GiB) | A \\| B. |\n",
        "\n| `wait` | duration, secret | `10 s` (100 ms to 1 min) | Wait. |\n",
        "\n| `scan.startup.mode` | `initial`, `latest-offset` | `initial` | Mode. |\n",
        "\n| `extra.*` | texts | – | More. |\n",
        "\n| Key | Description |\n|---|---|\n| `skip.rows` | Later. |\n| `jdbc.*` | Never. |\n",
        "\n| Key | Description |\n|---|---|\n| `pool` | There is no pool. |\n",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (strstr(text, lines[i]) == NULL) {
            fail_msg("no \"%s\" in:\n%s", lines[i], text);
        }
    }
    buf_release(&b);
}

static int set_up(void **state)
{
    (void)state;
    return setenv("OPTION_TEST", "hunter2", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(values),
        cmocka_unit_test(nested_and_dotted),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(unsupported),
        cmocka_unit_test(ignored),
        cmocka_unit_test(secrets),
        cmocka_unit_test(nodes),
        cmocka_unit_test(docs),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
