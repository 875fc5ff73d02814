/* Casts beside Paimon's own: tests/golden/evolve/casts.txt holds pairs of types, values, and what
 * Paimon Java makes of them (Casts.java). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/decimal.h"
#include "base/instant.h"
#include "base/mem.h"
#include "sink/cast.h"
#include "sink/cast_float.h"
#include "sink/schema_file.h"

/* --- canonical values, read back; the files are ours, a mistake in them ends the test --- */

static bool eat(struct str *s, const char *text)
{
    struct str t = str_of(text);
    if (!str_starts(*s, t)) {
        return false;
    }
    *s = str_slice(*s, t.len, s->len);
    return true;
}

static struct str read_text(struct str *s, struct arena *a)
{
    char *out = arena_alloc(a, s->len + 1);
    size_t len = 0;
    assert_true(eat(s, "\""));
    while (!eat(s, "\"")) {
        assert_true(s->len > 0);
        if (eat(s, "\\u00")) {
            char hex[3] = {s->ptr[0], s->ptr[1], 0};
            out[len++] = (char)strtoul(hex, NULL, 16);
            *s = str_slice(*s, 2, s->len);
            continue;
        }
        (void)eat(s, "\\");
        out[len++] = s->ptr[0];
        *s = str_slice(*s, 1, s->len);
    }
    return (struct str){out, len};
}

static void read_bytes(struct str hex, struct arena *a, struct value *v)
{
    char *out = arena_alloc(a, hex.len / 2 + 1);
    for (size_t i = 0; i < hex.len / 2; i++) {
        char two[3] = {hex.ptr[2 * i], hex.ptr[2 * i + 1], 0};
        out[i] = (char)strtoul(two, NULL, 16);
    }
    v->bytes = out;
    v->len = (uint32_t)(hex.len / 2);
}

static int64_t number(struct str s, size_t from, size_t len)
{
    int64_t n = 0;
    assert_true(str_to_i64(str_slice(s, from, from + len), &n));
    return n;
}

/* [+-]yyyy-mm-dd, leaves what follows. */
static int64_t read_date(struct str *s)
{
    bool negative = eat(s, "-");
    (void)eat(s, "+");
    size_t digits = str_find(*s, '-');
    int64_t year = number(*s, 0, digits);
    int64_t days = instant_days(negative ? -year : year, (unsigned)number(*s, digits + 1, 2),
                                (unsigned)number(*s, digits + 4, 2));
    *s = str_slice(*s, digits + 6, s->len);
    return days;
}

static int64_t read_clock(struct str s)
{
    return number(s, 0, 2) * 3600000 + number(s, 3, 2) * 60000 + number(s, 6, 2) * 1000;
}

static void read_atomic(const struct type *t, struct str text, struct arena *a, struct value *v)
{
    if (type_is_text(t)) {
        v->bytes = text.ptr;
        v->len = (uint32_t)text.len;
    } else if (type_is_bytes(t)) {
        read_bytes(text, a, v);
    } else if (t->kind == TYPE_DECIMAL) {
        int128 n = 0;
        assert_true(decimal_parse(text, t->scale, &n));
        if (t->precision <= 18) {
            v->i = (int64_t)n;
        } else {
            char *p = arena_alloc(a, 32);
            int128 *wide = (int128 *)(void *)(p + (16 - (uintptr_t)p % 16) % 16);
            *wide = n;
            v->wide = wide;
        }
    } else if (t->kind == TYPE_FLOAT) {
        v->f4 = strtof(arena_cstr(a, text), NULL);
    } else if (t->kind == TYPE_DOUBLE) {
        v->f8 = strtod(arena_cstr(a, text), NULL);
    } else if (t->kind == TYPE_BOOLEAN) {
        v->i = str_eq(text, STR("true"));
    } else if (t->kind == TYPE_DATE) {
        v->i = read_date(&text);
    } else if (t->kind == TYPE_TIME) {
        v->i = read_clock(text) + number(text, 9, 3);
    } else if (t->kind == TYPE_TIMESTAMP || t->kind == TYPE_TIMESTAMP_LTZ) {
        int64_t days = read_date(&text);
        text = str_slice(text, 1, text.len);
        int64_t nanos = number(text, 9, 9);
        v->i = days * 86400000 + read_clock(text) + nanos / 1000000;
        v->len = (uint32_t)(nanos % 1000000);
    } else {
        v->i = number(text, 0, text.len);
    }
}

static struct value read_value(const struct type *t, struct str *s, struct arena *a);

static struct value read_items(const struct type *t, struct str *s, struct arena *a)
{
    struct value *items = ARENA_ARRAY(a, struct value, 64);
    struct value v = {.items = items, .state = VALUE_SET};
    bool map = t->kind == TYPE_MAP || t->kind == TYPE_MULTISET;
    static const struct type count = {.kind = TYPE_INT};
    assert_true(eat(s, t->kind == TYPE_ROW ? "{" : "["));
    while (!eat(s, "]") && !eat(s, "}")) {
        assert_true(v.len < 62);
        (void)eat(s, ",");
        if (t->kind == TYPE_ROW) {
            (void)read_text(s, a);
            assert_true(eat(s, ":"));
            items[v.len] = read_value(t->fields[v.len].type, s, a);
        } else if (map) {
            assert_true(eat(s, "["));
            items[v.len++] = read_value(t->kind == TYPE_MAP ? t->key : t->element, s, a);
            assert_true(eat(s, ","));
            items[v.len] = read_value(t->kind == TYPE_MAP ? t->element : &count, s, a);
            assert_true(eat(s, "]"));
        } else {
            items[v.len] = read_value(t->element, s, a);
        }
        v.len++;
    }
    return v;
}

static struct value read_value(const struct type *t, struct str *s, struct arena *a)
{
    struct value v = {.state = VALUE_SET};
    if (eat(s, "null")) {
        return (struct value){.state = VALUE_NULL};
    }
    if (type_is_nested(t)) {
        return read_items(t, s, a);
    }
    if (s->ptr[0] == '"') {
        read_atomic(t, read_text(s, a), a, &v);
        return v;
    }
    size_t len = 0;
    while (len < s->len && strchr(",]}", s->ptr[len]) == NULL) {
        len++;
    }
    read_atomic(t, str_slice(*s, 0, len), a, &v);
    *s = str_slice(*s, len, s->len);
    return v;
}

/* --- the golden file --- */

static struct schema *schema_of(struct str type)
{
    struct buf b = BUF_INIT(1 << 16);
    struct error err;
    struct schema *s = NULL;
    buf_printf(&b,
               "{\"version\":3,\"id\":0,\"fields\":[{\"id\":0,\"name\":\"v\",\"type\":%.*s}],"
               "\"highestFieldId\":99,\"partitionKeys\":[],\"primaryKeys\":[],\"options\":{}}",
               STR_FMT(type));
    if (!schema_file_parse(buf_str(&b), &s, &err)) {
        fail_msg("%s", err.text);
    }
    buf_release(&b);
    return s;
}

struct pair {
    struct str from_text, to_text;
    struct schema *from, *to;
    const struct cast *cast;
    struct arena arena;
    unsigned long values, wrong;
};

static void pair_end(struct pair *p)
{
    schema_free(p->from);
    schema_free(p->to);
    arena_release(&p->arena);
    p->from = p->to = NULL;
}

static void pair_begin(struct pair *p, struct str line)
{
    struct str verdict;
    struct error err = {0};
    pair_end(p);
    assert_true(str_next(&line, '\t', &verdict)); /* > */
    assert_true(str_next(&line, '\t', &p->from_text));
    assert_true(str_next(&line, '\t', &p->to_text));
    assert_true(str_next(&line, '\t', &verdict));
    p->from_text = arena_str(&p->arena, p->from_text);
    p->to_text = arena_str(&p->arena, p->to_text);
    p->from = schema_of(p->from_text);
    p->to = schema_of(p->to_text);
    bool ok =
        cast_plan(&p->from->fields[0].type, &p->to->fields[0].type, &p->arena, &p->cast, &err);
    /* Types that are equal but for their field ids have no rule in Java and need none. */
    bool expected = str_eq(verdict, STR("ok")) || str_eq(p->from_text, p->to_text);
    if (ok != expected) {
        p->wrong++;
        print_error("%.*s to %.*s: Java says %.*s, we %s %s\n", STR_FMT(p->from_text),
                    STR_FMT(p->to_text), STR_FMT(verdict), ok ? "ok" : "refuse", err.text);
    }
    if (!ok) {
        assert_int_equal(err.code, FAIL_SCHEMA);
        assert_non_null(strstr(err.text, "no rule"));
    }
}

static void one_value(struct pair *p, struct str line)
{
    struct str text;
    struct str expected;
    struct error err = {0};
    struct value out;
    struct buf got = BUF_INIT(1 << 20);
    const struct type *to = &p->to->fields[0].type;
    assert_true(str_next(&line, '\t', &text));
    assert_true(str_next(&line, '\t', &expected));
    struct str rest = text;
    struct value in = read_value(&p->from->fields[0].type, &rest, &p->arena);
    assert_int_equal(rest.len, 0);
    bool ok = true;
    if (p->cast == NULL) {
        out = in;
    } else {
        ok = cast_value(p->cast, &in, &p->arena, &out, &err);
    }
    if (ok && to->kind == TYPE_TIME && (out.i < 0 || out.i >= 86400000)) {
        buf_printf(&got, "%" PRId64, out.i); /* has no canonical form */
    } else if (ok) {
        value_print_json(to, &out, &got);
    } else {
        buf_put_cstr(&got, "!");
        assert_int_equal(err.code, FAIL_SCHEMA);
    }
    p->values++;
    if (!str_eq(buf_str(&got), expected)) {
        p->wrong++;
        print_error("%.*s to %.*s: %.*s is %.*s, not %.*s %s\n", STR_FMT(p->from_text),
                    STR_FMT(p->to_text), STR_FMT(text), STR_FMT(expected), STR_FMT(buf_str(&got)),
                    err.text);
    }
    buf_release(&got);
}

static void compare_file(const char *path, unsigned long least)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    struct pair p = {0};
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    while ((len = getline(&line, &cap, f)) > 0) {
        struct str s = {line, (size_t)len - 1};
        if (str_starts(s, STR(">\t"))) {
            pair_begin(&p, s);
        } else {
            one_value(&p, s);
        }
    }
    pair_end(&p);
    free(line);
    (void)fclose(f);
    assert_int_equal(p.wrong, 0);
    assert_true(p.values >= least);
}

static void as_java_casts(void **state)
{
    (void)state;
    compare_file(TEST_DATA "/evolve/casts.txt", 15000);
}

/* The pairs that hang on the time zone, in one that has summers. */
static void as_java_casts_in_berlin(void **state)
{
    (void)state;
    assert_int_equal(setenv("TZ", "Europe/Berlin", 1), 0);
    tzset();
    time_t july = 1719792000;
    struct tm local;
    assert_non_null(localtime_r(&july, &local));
    bool known = local.tm_hour == 2; /* without zone files it is UTC */
    if (known) {
        compare_file(TEST_DATA "/evolve/casts-berlin.txt", 1000);
    }
    assert_int_equal(setenv("TZ", "UTC", 1), 0);
    tzset();
    if (!known) {
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_java_casts),
        cmocka_unit_test(as_java_casts_in_berlin),
    };
    (void)setenv("TZ", "UTC", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
