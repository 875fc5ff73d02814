#include "connectors/mysql/mysql_charset.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

#include "base/mem.h"

#define ONE_BYTE(set)                                                                              \
    {                                                                                              \
        .name = #set, .kind = MYSQL_CHARSET_TABLE, .ascii_is_self = true, .max_bytes = 1,          \
        .table = mysql_charset_tables_##set                                                        \
    }
#define BY_ICONV(set, iconv_name, bytes)                                                           \
    {                                                                                              \
        .name = (set), .kind = MYSQL_CHARSET_ICONV, .ascii_is_self = true, .max_bytes = (bytes),   \
        .iconv = (iconv_name)                                                                      \
    }
#define BY_ICONV_BUT(set, iconv_name, bytes)                                                       \
    {                                                                                              \
        .name = #set, .kind = MYSQL_CHARSET_ICONV, .ascii_is_self = true, .max_bytes = (bytes),    \
        .iconv = (iconv_name), .odd = mysql_charset_tables_##set,                                  \
        .odd_count = sizeof(mysql_charset_tables_##set) / sizeof(mysql_charset_tables_##set[0])    \
    }

/* The iconv names were chosen by comparing every one- and two-byte (EUC: three-byte) code of each
 * set with the servers' own conversion; make_charsets.py writes down the rest that differs. */
static const struct mysql_charset charsets[] = {
    {.name = "utf8mb4", .kind = MYSQL_CHARSET_UTF8, .ascii_is_self = true, .max_bytes = 4},
    {.name = "utf8mb3", .kind = MYSQL_CHARSET_UTF8, .ascii_is_self = true, .max_bytes = 3},
    {.name = "binary", .kind = MYSQL_CHARSET_BINARY, .ascii_is_self = true, .max_bytes = 1},
    {.name = "ascii", .kind = MYSQL_CHARSET_ASCII, .ascii_is_self = true, .max_bytes = 1},
    {.name = "ucs2", .kind = MYSQL_CHARSET_UCS2, .max_bytes = 2},
    {.name = "utf16", .kind = MYSQL_CHARSET_UTF16, .max_bytes = 4},
    {.name = "utf16le", .kind = MYSQL_CHARSET_UTF16LE, .max_bytes = 4},
    {.name = "utf32", .kind = MYSQL_CHARSET_UTF32, .max_bytes = 4},
    BY_ICONV_BUT(big5, "BIG5", 2),
    BY_ICONV("cp932", "CP932", 2),
    BY_ICONV_BUT(eucjpms, "EUC-JP-MS", 3),
    BY_ICONV("euckr", "UHC", 2),
    BY_ICONV_BUT(gb18030, "GB18030", 4),
    BY_ICONV("gb2312", "EUC-CN", 2),
    BY_ICONV_BUT(gbk, "GBK", 2),
    BY_ICONV_BUT(sjis, "SJIS", 2),
    BY_ICONV_BUT(ujis, "EUC-JP-MS", 3),
    ONE_BYTE(armscii8),
    ONE_BYTE(cp1250),
    ONE_BYTE(cp1251),
    ONE_BYTE(cp1256),
    ONE_BYTE(cp1257),
    ONE_BYTE(cp850),
    ONE_BYTE(cp852),
    ONE_BYTE(cp866),
    ONE_BYTE(dec8),
    ONE_BYTE(geostd8),
    ONE_BYTE(greek),
    ONE_BYTE(hebrew),
    ONE_BYTE(hp8),
    ONE_BYTE(keybcs2),
    ONE_BYTE(koi8r),
    ONE_BYTE(koi8u),
    ONE_BYTE(latin1),
    ONE_BYTE(latin2),
    ONE_BYTE(latin5),
    ONE_BYTE(latin7),
    ONE_BYTE(macce),
    ONE_BYTE(macroman),
    ONE_BYTE(tis620),
    /* Swedish letters stand in the place of @[\]^`{|}~. */
    {.name = "swe7",
     .kind = MYSQL_CHARSET_TABLE,
     .max_bytes = 1,
     .table = mysql_charset_tables_swe7},
};

const struct mysql_charset *mysql_charset_by_name(struct str name)
{
    if (str_eq_nocase(name, STR("utf8"))) {
        name = STR("utf8mb3");
    }
    for (size_t i = 0; i < sizeof(charsets) / sizeof(charsets[0]); i++) {
        if (str_eq_nocase(name, str_of(charsets[i].name))) {
            return &charsets[i];
        }
    }
    return NULL;
}

/* information_schema.COLLATIONS of MySQL 5.7, 8.0, 9.7 and MariaDB 10.11, 11.8, put together. */
static const struct {
    uint16_t from, to;
    const char *charset;
} collations[] = {
    {1, 1, "big5"},          {2, 2, "latin2"},        {3, 3, "dec8"},        {4, 4, "cp850"},
    {5, 5, "latin1"},        {6, 6, "hp8"},           {7, 7, "koi8r"},       {8, 8, "latin1"},
    {9, 9, "latin2"},        {10, 10, "swe7"},        {11, 11, "ascii"},     {12, 12, "ujis"},
    {13, 13, "sjis"},        {14, 14, "cp1251"},      {15, 15, "latin1"},    {16, 16, "hebrew"},
    {18, 18, "tis620"},      {19, 19, "euckr"},       {20, 20, "latin7"},    {21, 21, "latin2"},
    {22, 22, "koi8u"},       {23, 23, "cp1251"},      {24, 24, "gb2312"},    {25, 25, "greek"},
    {26, 26, "cp1250"},      {27, 27, "latin2"},      {28, 28, "gbk"},       {29, 29, "cp1257"},
    {30, 30, "latin5"},      {31, 31, "latin1"},      {32, 32, "armscii8"},  {33, 33, "utf8mb3"},
    {34, 34, "cp1250"},      {35, 35, "ucs2"},        {36, 36, "cp866"},     {37, 37, "keybcs2"},
    {38, 38, "macce"},       {39, 39, "macroman"},    {40, 40, "cp852"},     {41, 42, "latin7"},
    {43, 43, "macce"},       {44, 44, "cp1250"},      {45, 46, "utf8mb4"},   {47, 49, "latin1"},
    {50, 52, "cp1251"},      {53, 53, "macroman"},    {54, 55, "utf16"},     {56, 56, "utf16le"},
    {57, 57, "cp1256"},      {58, 59, "cp1257"},      {60, 61, "utf32"},     {62, 62, "utf16le"},
    {63, 63, "binary"},      {64, 64, "armscii8"},    {65, 65, "ascii"},     {66, 66, "cp1250"},
    {67, 67, "cp1256"},      {68, 68, "cp866"},       {69, 69, "dec8"},      {70, 70, "greek"},
    {71, 71, "hebrew"},      {72, 72, "hp8"},         {73, 73, "keybcs2"},   {74, 74, "koi8r"},
    {75, 75, "koi8u"},       {76, 76, "utf8mb3"},     {77, 77, "latin2"},    {78, 78, "latin5"},
    {79, 79, "latin7"},      {80, 80, "cp850"},       {81, 81, "cp852"},     {82, 82, "swe7"},
    {83, 83, "utf8mb3"},     {84, 84, "big5"},        {85, 85, "euckr"},     {86, 86, "gb2312"},
    {87, 87, "gbk"},         {88, 88, "sjis"},        {89, 89, "tis620"},    {90, 90, "ucs2"},
    {91, 91, "ujis"},        {92, 93, "geostd8"},     {94, 94, "latin1"},    {95, 96, "cp932"},
    {97, 98, "eucjpms"},     {99, 99, "cp1250"},      {101, 124, "utf16"},   {128, 151, "ucs2"},
    {159, 159, "ucs2"},      {160, 183, "utf32"},     {192, 215, "utf8mb3"}, {223, 223, "utf8mb3"},
    {224, 247, "utf8mb4"},   {248, 250, "gb18030"},   {255, 323, "utf8mb4"}, {576, 579, "utf8mb3"},
    {608, 611, "utf8mb4"},   {640, 642, "ucs2"},      {672, 674, "utf16"},   {736, 738, "utf32"},
    {2048, 2303, "utf8mb3"}, {2304, 2559, "utf8mb4"}, {2560, 2815, "ucs2"},  {2816, 3071, "utf16"},
    {3072, 3327, "utf32"},
};

const struct mysql_charset *mysql_charset_by_collation(uint32_t collation)
{
    /* MariaDB's NO PAD twin of a collation has the id 1024 further on (MY_NOPAD_ID). */
    uint32_t id = collation > 1024 && collation < 2048 ? collation - 1024 : collation;
    for (size_t i = 0; i < sizeof(collations) / sizeof(collations[0]); i++) {
        if (id >= collations[i].from && id <= collations[i].to) {
            return mysql_charset_by_name(str_of(collations[i].charset));
        }
    }
    return NULL;
}

struct mysql_charset_converter {
    const struct mysql_charset *charset;
    iconv_t iconv; /* ICONV only */
};

bool mysql_charset_open(const struct mysql_charset *charset, struct mysql_charset_converter **out,
                        struct error *err)
{
    iconv_t handle = NULL;
    if (charset->kind == MYSQL_CHARSET_ICONV) {
        handle = iconv_open("UTF-8", charset->iconv);
        if (handle == (iconv_t)-1) {
            return error_set(err, FAIL_CONFIG,
                             "character set %s: this system's iconv has no converter %s; install "
                             "the C library's gconv modules (Debian: libc-bin, libc6)",
                             charset->name, charset->iconv);
        }
    }
    struct mysql_charset_converter *c = MEM_NEW(struct mysql_charset_converter);
    c->charset = charset;
    c->iconv = handle;
    *out = c;
    return true;
}

void mysql_charset_close(struct mysql_charset_converter *c)
{
    if (c == NULL) {
        return;
    }
    if (c->charset->kind == MYSQL_CHARSET_ICONV) {
        (void)iconv_close(c->iconv);
    }
    mem_free(c);
}

/* Bytes at the start that are below 0x80. */
static size_t ascii_prefix(struct str text)
{
    size_t i = 0;
    while (i + 8 <= text.len) {
        uint64_t word;
        memcpy(&word, text.ptr + i, 8);
        if ((word & 0x8080808080808080u) != 0) {
            break;
        }
        i += 8;
    }
    while (i < text.len && (unsigned char)text.ptr[i] < 0x80) {
        i++;
    }
    return i;
}

/* Length of the UTF-8 character at p, 0 when it is none: Unicode's table 3-7. */
static size_t utf8_char(const unsigned char *p, size_t len)
{
    if (p[0] < 0x80) {
        return 1;
    }
    if (p[0] < 0xc2 || p[0] > 0xf4) {
        return 0;
    }
    size_t need = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (len < need) {
        return 0;
    }
    unsigned low = 0x80;
    unsigned high = 0xbf;
    switch (p[0]) {
    case 0xe0:
        low = 0xa0;
        break;
    case 0xed:
        high = 0x9f;
        break;
    case 0xf0:
        low = 0x90;
        break;
    case 0xf4:
        high = 0x8f;
        break;
    default:
        break;
    }
    if (p[1] < low || p[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < need; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return need;
}

/* Bytes at the start that are whole UTF-8 characters. */
static size_t utf8_prefix(struct str text)
{
    size_t i = 0;
    while (i < text.len) {
        i += ascii_prefix((struct str){text.ptr + i, text.len - i});
        while (i < text.len && (unsigned char)text.ptr[i] >= 0x80) {
            size_t n = utf8_char((const unsigned char *)text.ptr + i, text.len - i);
            if (n == 0) {
                return i;
            }
            i += n;
        }
    }
    return i;
}

bool mysql_charset_is_utf8(struct str text)
{
    return utf8_prefix(text) == text.len;
}

static bool bad_text(const struct mysql_charset *charset, struct str text, size_t at,
                     struct error *err)
{
    char hex[3 * 8 + 1] = "";
    size_t count = text.len - at < 8 ? text.len - at : 8;
    for (size_t i = 0; i < count; i++) {
        static const char digits[] = "0123456789abcdef";
        unsigned char byte = (unsigned char)text.ptr[at + i];
        hex[3 * i] = digits[byte >> 4];
        hex[3 * i + 1] = digits[byte & 15];
        hex[3 * i + 2] = i + 1 < count ? ' ' : '\0';
    }
    return error_set(err, FAIL_SCHEMA,
                     "text is not valid %s: bytes %s at offset %zu of %zu mean nothing there; "
                     "correct the row on the server",
                     charset->name, hex, at, text.len);
}

static size_t put_utf8(char *out, uint32_t point)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xc0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xe0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3f));
        out[2] = (char)(0x80 | (point & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | point >> 18);
    out[1] = (char)(0x80 | (point >> 12 & 0x3f));
    out[2] = (char)(0x80 | (point >> 6 & 0x3f));
    out[3] = (char)(0x80 | (point & 0x3f));
    return 4;
}

static bool convert_table(const struct mysql_charset *charset, struct str text, struct arena *arena,
                          struct str *out, struct error *err)
{
    char *utf8 = arena_alloc(arena, mem_size(text.len, 3));
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        uint16_t point = charset->table[byte];
        if (point == 0 && byte != 0) {
            return bad_text(charset, text, i, err);
        }
        len += put_utf8(utf8 + len, point);
    }
    *out = (struct str){utf8, len};
    return true;
}

/* The code point at p and its length in bytes; false when there is none. */
static bool wide_char(enum mysql_charset_kind kind, const unsigned char *p, size_t len,
                      uint32_t *point, size_t *used)
{
    if (kind == MYSQL_CHARSET_UTF32) {
        if (len < 4) {
            return false;
        }
        *point = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
        *used = 4;
        return *point <= 0x10ffff && (*point < 0xd800 || *point > 0xdfff);
    }
    if (len < 2) {
        return false;
    }
    size_t high = kind == MYSQL_CHARSET_UTF16LE ? 1 : 0;
    uint32_t first = (uint32_t)p[high] << 8 | p[1 - high];
    *point = first;
    *used = 2;
    if (first < 0xd800 || first > 0xdfff) {
        return true;
    }
    if (kind == MYSQL_CHARSET_UCS2 || first > 0xdbff || len < 4) {
        return false;
    }
    uint32_t second = (uint32_t)p[2 + high] << 8 | p[3 - high];
    *point = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    *used = 4;
    return second >= 0xdc00 && second <= 0xdfff;
}

static bool convert_wide(const struct mysql_charset *charset, struct str text, struct arena *arena,
                         struct str *out, struct error *err)
{
    char *utf8 = arena_alloc(arena, mem_size(text.len, 2)); /* 2 bytes give at most 3, 4 give 4 */
    size_t len = 0;
    size_t used = 0;
    for (size_t i = 0; i < text.len; i += used) {
        uint32_t point = 0;
        if (!wide_char(charset->kind, (const unsigned char *)text.ptr + i, text.len - i, &point,
                       &used)) {
            return bad_text(charset, text, i, err);
        }
        len += put_utf8(utf8 + len, point);
    }
    *out = (struct str){utf8, len};
    return true;
}

/* Length of the character at p by its lead byte; a cut-off one is as long as what is left. */
static size_t multi_char(const struct mysql_charset *charset, const unsigned char *p, size_t len)
{
    size_t need = 1;
    if (charset->max_bytes == 3) { /* EUC */
        need = p[0] == 0x8f ? 3 : p[0] >= 0xa1 || p[0] == 0x8e ? 2 : 1;
    } else if (charset->max_bytes == 4) { /* gb18030 */
        need = p[0] < 0x81 ? 1 : len > 1 && p[1] >= 0x30 && p[1] <= 0x39 ? 4 : 2;
    } else if (charset->odd == mysql_charset_tables_sjis) { /* 0xa1…0xdf: half-width katakana */
        need = (p[0] >= 0x81 && p[0] <= 0x9f) || p[0] >= 0xe0 ? 2 : 1;
    } else {
        need = p[0] >= 0x81 ? 2 : 1;
    }
    return need < len ? need : len;
}

static const struct mysql_charset_tables_odd *odd_find(const struct mysql_charset *charset,
                                                       const unsigned char *p, size_t len)
{
    uint32_t code = 0;
    for (size_t i = 0; i < len; i++) {
        code = code << 8 | p[i];
    }
    size_t low = 0;
    size_t high = charset->odd_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (charset->odd[middle].code < code) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < charset->odd_count && charset->odd[low].code == code ? &charset->odd[low] : NULL;
}

/* Bytes from `at` on that iconv reads as the server does. */
static size_t plain_run(const struct mysql_charset *charset, struct str text, size_t at)
{
    if (charset->odd_count == 0) {
        return text.len - at;
    }
    const unsigned char *p = (const unsigned char *)text.ptr;
    size_t i = at;
    while (i < text.len) {
        size_t n = multi_char(charset, p + i, text.len - i);
        if (odd_find(charset, p + i, n) != NULL) {
            break;
        }
        i += n;
    }
    return i - at;
}

static bool convert_iconv(const struct mysql_charset_converter *c, struct str text,
                          struct arena *arena, struct str *out, struct error *err)
{
    const struct mysql_charset *charset = c->charset;
    size_t cap = mem_size(text.len, 3); /* no character of these sets is longer in UTF-8 */
    char *utf8 = arena_alloc(arena, cap);
    char *to = utf8;
    size_t room = cap;
    size_t at = 0;
    while (at < text.len) {
        size_t run = plain_run(charset, text, at);
        /* iconv's declaration wants its input writable; it does not write there. */
        union {
            const char *given;
            char *wanted;
        } from = {.given = text.ptr + at};
        size_t left = run;
        (void)iconv(c->iconv, NULL, NULL, NULL, NULL);
        if (run > 0 && iconv(c->iconv, &from.wanted, &left, &to, &room) == (size_t)-1) {
            return bad_text(charset, text, at + run - left, err);
        }
        at += run;
        if (at < text.len) {
            const unsigned char *p = (const unsigned char *)text.ptr + at;
            size_t n = multi_char(charset, p, text.len - at);
            uint32_t point = odd_find(charset, p, n)->point;
            if (point == 0) {
                return bad_text(charset, text, at, err);
            }
            size_t len = put_utf8(to, point);
            to += len;
            room -= len;
            at += n;
        }
    }
    *out = (struct str){utf8, cap - room};
    return true;
}

bool mysql_charset_convert(struct mysql_charset_converter *c, struct str text, struct arena *arena,
                           struct str *out, struct error *err)
{
    const struct mysql_charset *charset = c->charset;
    if (charset->kind == MYSQL_CHARSET_BINARY || text.len == 0) {
        *out = text;
        return true;
    }
    if (charset->kind == MYSQL_CHARSET_UTF8) {
        size_t good = utf8_prefix(text);
        if (good != text.len) {
            return bad_text(charset, text, good, err);
        }
        *out = text;
        return true;
    }
    if (charset->ascii_is_self) {
        size_t good = ascii_prefix(text);
        if (good == text.len) {
            *out = text;
            return true;
        }
        if (charset->kind == MYSQL_CHARSET_ASCII) {
            return bad_text(charset, text, good, err);
        }
    }
    if (charset->kind == MYSQL_CHARSET_TABLE) {
        return convert_table(charset, text, arena, out, err);
    }
    if (charset->kind == MYSQL_CHARSET_ICONV) {
        return convert_iconv(c, text, arena, out, err);
    }
    return convert_wide(charset, text, arena, out, err);
}
