#include "connectors/mysql/mysql_charset.h"

#include "tests/unit/mysql_golden.h"

static struct mysql_charset_converter *open_set(const char *name)
{
    struct error err = {0};
    struct mysql_charset_converter *c = NULL;
    const struct mysql_charset *charset = mysql_charset_by_name(str_of(name));
    assert_non_null(charset);
    if (!mysql_charset_open(charset, &c, &err)) {
        fail_msg("%s", err.text);
    }
    return c;
}

static void expect(const char *name, struct str in, const char *want)
{
    struct error err = {0};
    struct arena a = {0};
    struct str out;
    struct mysql_charset_converter *c = open_set(name);
    if (!mysql_charset_convert(c, in, &a, &out, &err)) {
        fail_msg("%s", err.text);
    }
    if (!str_eq(out, str_of(want))) {
        fail_msg("%s: \"%.*s\", not \"%s\"", name, STR_FMT(out), want);
    }
    mysql_charset_close(c);
    arena_release(&a);
}

static void refuse(const char *name, struct str in, const char *shown)
{
    struct error err = {0};
    struct arena a = {0};
    struct str out = STR("untouched");
    struct mysql_charset_converter *c = open_set(name);
    if (mysql_charset_convert(c, in, &a, &out, &err)) {
        fail_msg("%s: bytes were believed to be \"%.*s\"", name, STR_FMT(out));
    }
    assert_int_equal(err.code, FAIL_SCHEMA);
    assert_non_null(strstr(err.text, name));
    if (strstr(err.text, shown) == NULL) {
        fail_msg("\"%s\" does not show %s", err.text, shown);
    }
    assert_true(str_eq(out, STR("untouched")));
    mysql_charset_close(c);
    arena_release(&a);
}

static void convert(void **state)
{
    (void)state;
    expect("latin1", STR("\x80\x81\xff"), "€\xc2\x81ÿ");
    expect("latin1", STR("plain"), "plain");
    expect("gbk", STR("a\xd6\xd0z"), "a中z");
    expect("sjis", STR("\\~\x82\xd0\xb6"), "\\~ひｶ");
    expect("big5", STR("\xa1\x45"), "\xe2\x80\xa2"); /* the server's bullet, not iconv's */
    expect("ucs2", STR("\x4e\x2d\0a"), "中a");
    expect("utf16", STR("\xd8\x3d\xde\x00"), "😀");
    expect("utf16le", STR("\x3d\xd8\x00\xde"), "😀");
    expect("utf32", STR("\0\x01\xf6\x00\0\0\0a"), "😀a");
    expect("swe7", STR("]{|"), "Åäö");
    expect("utf8", STR("é"), "é"); /* an alias */
    expect("BINARY", STR("\xff\xfe"), "\xff\xfe");
    expect("utf16", STR(""), "");
}

static void invalid(void **state)
{
    (void)state;
    refuse("ascii", STR("ab\xe9"), "e9 at offset 2 of 3");
    refuse("utf8mb4", STR("ab\xff"), "ff at offset 2");
    refuse("utf8mb4", STR("\xed\xa0\x80"), "ed a0 80"); /* a surrogate */
    refuse("utf8mb4", STR("\xc0\x80"), "c0 80");        /* overlong */
    refuse("utf8mb4", STR("\xf4\x90\x80\x80"), "f4 90");
    refuse("utf8mb4", STR("\xe4\xb8"), "e4 b8"); /* cut off */
    refuse("gbk", STR("a\xd6"), "d6 at offset 1");
    refuse("gbk", STR("\x80"), "80 at offset 0");
    refuse("gb18030", STR("\x81\x30\x81"), "81 30 81");
    refuse("cp1251", STR("a\x98"), "98 at offset 1");
    refuse("ucs2", STR("\0a\xd8\x00"), "d8 00 at offset 2");
    refuse("ucs2", STR("\0"), "00 at offset 0");
    refuse("utf16", STR("\xd8\x3d"), "d8 3d");
    refuse("utf16", STR("\xd8\x3d\0a"), "d8 3d 00 61");
    refuse("utf16", STR("\xde\x00\xd8\x3d"), "de 00");
    refuse("utf32", STR("\0\x11\0\0"), "00 11 00 00");
    refuse("utf32", STR("\0\0\xd8\0"), "00 00 d8 00");
    refuse("utf32", STR("\0\0\0"), "00 00 00");
    refuse("ujis", STR("\x8e"), "8e");
    refuse("eucjpms", STR("ok\x85"), "85 at offset 2");
}

static uint64_t fnv(uint64_t digest, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < len; i++) {
        digest = (digest ^ p[i]) * 0x100000001b3u;
    }
    return digest;
}

static uint64_t add_code(uint64_t digest, struct mysql_charset_converter *c, unsigned long code,
                         size_t len)
{
    unsigned char bytes[4];
    struct error err = {0};
    struct arena a = {0};
    struct str out;
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (unsigned char)(code >> (8 * (len - 1 - i)));
    }
    digest = fnv(digest, bytes, len);
    struct str in = {(const char *)bytes, len};
    /* Two characters are not one: the recording has only single ones. */
    bool one = mysql_charset_convert(c, in, &a, &out, &err);
    if (one) {
        size_t characters = 0;
        for (size_t i = 0; i < out.len; i++) {
            characters += ((unsigned char)out.ptr[i] & 0xc0) != 0x80;
        }
        one = characters == 1;
    }
    digest = one ? fnv(digest, out.ptr, out.len) : fnv(digest, "\xff", 1);
    arena_release(&a);
    return digest;
}

/* The same codes in the same order as make_charsets.py. */
static uint64_t digest_of(const char *name)
{
    struct mysql_charset_converter *c = open_set(name);
    const struct mysql_charset *charset = mysql_charset_by_name(str_of(name));
    uint64_t digest = 0xcbf29ce484222325u;
    for (unsigned long i = 0; i < 256; i++) {
        digest = add_code(digest, c, i, 1);
    }
    for (unsigned long i = 0x80; charset->max_bytes > 1 && i < 256; i++) {
        for (unsigned long k = 0x30; k < 256; k++) {
            digest = add_code(digest, c, i << 8 | k, 2);
        }
    }
    for (unsigned long i = 0xa1; charset->max_bytes == 3 && i < 256; i++) {
        for (unsigned long k = 0xa1; k < 256; k++) {
            digest = add_code(digest, c, 0x8f0000 | i << 8 | k, 3);
        }
    }
    for (unsigned long i = 0; charset->max_bytes == 4 && i < 4 * 10 * 126 * 10ul; i++) {
        unsigned long code = (0x81 + i / 12600) << 24 | (0x30 + i / 1260 % 10) << 16 |
                             (0x81 + i / 10 % 126) << 8 | (0x30 + i % 10);
        digest = add_code(digest, c, code, 4);
    }
    mysql_charset_close(c);
    return digest;
}

/* Every code of every set that is not Unicode is what the server makes of it, or refused. */
static void all_codes(void **state)
{
    (void)state;
    struct arena a = {0};
    struct str *lines = NULL;
    size_t count = golden_lines(&a, golden_file(&a, ".", "charsets", "digests"), &lines);
    assert_int_equal(count, 33);
    for (size_t i = 0; i < count; i++) {
        struct str f[2];
        uint64_t want = 0;
        char name[32];
        assert_int_equal(golden_cut(&a, lines[i], f, 2), 2);
        assert_true(str_to_u64(f[1], &want));
        (void)snprintf(name, sizeof(name), "%.*s", STR_FMT(f[0]));
        if (digest_of(name) != want) {
            fail_msg("%s differs from the server's", name);
        }
    }
    arena_release(&a);
}

static void collations(void **state)
{
    (void)state;
    static const struct {
        uint32_t id;
        const char *charset; /* NULL: unknown */
    } known[] = {
        {8, "latin1"},     {28, "gbk"},      {33, "utf8mb3"},   {45, "utf8mb4"},
        {54, "utf16"},     {63, "binary"},   {248, "gb18030"},  {255, "utf8mb4"},
        {309, "utf8mb4"},  {1032, "latin1"}, {1070, "utf8mb4"}, {2048, "utf8mb3"},
        {2304, "utf8mb4"}, {2816, "utf16"},  {0, NULL},         {17, NULL},
        {1024, NULL},      {4000, NULL},     {100, NULL},       {0xffffffff, NULL},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        const struct mysql_charset *c = mysql_charset_by_collation(known[i].id);
        if (known[i].charset == NULL) {
            assert_null(c);
        } else {
            assert_non_null(c);
            assert_string_equal(c->name, known[i].charset);
        }
    }
    assert_null(mysql_charset_by_name(STR("utf7")));
    assert_null(mysql_charset_by_name((struct str){NULL, 0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convert),
        cmocka_unit_test(invalid),
        cmocka_unit_test(all_codes),
        cmocka_unit_test(collations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
