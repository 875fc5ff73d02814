/* connectors/mysql/mysql_charset.h: from a column's character set to UTF-8.
 *
 * Row images hold text in the column's own character set. A set is found by name (catalog) or by
 * collation id (TABLE_MAP); an id or a name that is not known is an error, never a guess. A
 * converter belongs to one thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/str.h"
#include "connectors/mysql/mysql_charset_tables.h"

enum mysql_charset_kind {
    MYSQL_CHARSET_BINARY, /* bytes, no conversion */
    MYSQL_CHARSET_UTF8,   /* utf8mb3, utf8mb4: checked, not copied */
    MYSQL_CHARSET_ASCII,  /* checked, not copied */
    MYSQL_CHARSET_TABLE,  /* one byte a character, by our own table (latin1 and its like) */
    MYSQL_CHARSET_UCS2,
    MYSQL_CHARSET_UTF16, /* big-endian */
    MYSQL_CHARSET_UTF16LE,
    MYSQL_CHARSET_UTF32, /* big-endian */
    MYSQL_CHARSET_ICONV, /* iconv(3), but for the characters that the server reads differently */
};

struct mysql_charset {
    const char *name; /* the server's, utf8mb3 for the alias utf8 */
    enum mysql_charset_kind kind;
    bool ascii_is_self;                         /* text of bytes below 0x80 is itself in UTF-8 */
    uint8_t max_bytes;                          /* of a character */
    const char *iconv;                          /* ICONV: name for iconv_open */
    const uint16_t *table;                      /* TABLE: code point by byte, 0 for none */
    const struct mysql_charset_tables_odd *odd; /* ICONV: the exceptions, sorted */
    size_t odd_count;
};

/* NULL when unknown. Static memory. */
const struct mysql_charset *mysql_charset_by_name(struct str name);
/* Collation ids of MySQL 5.7…9.x and MariaDB 10.5…12. NULL when unknown. */
const struct mysql_charset *mysql_charset_by_collation(uint32_t collation);

struct mysql_charset_converter;

MUST_USE bool mysql_charset_open(const struct mysql_charset *charset,
                                 struct mysql_charset_converter **out, struct error *err);
void mysql_charset_close(struct mysql_charset_converter *c); /* takes NULL */

/* UTF-8 of the text. The result is the input itself where no conversion is needed, else it lies in
 * the arena. FAIL_SCHEMA names the set and shows the bytes that mean nothing in it. */
MUST_USE bool mysql_charset_convert(struct mysql_charset_converter *c, struct str text,
                                    struct arena *arena, struct str *out, struct error *err);

/* Whether the bytes are UTF-8 (no surrogates, no overlong forms). Fast for ASCII. */
bool mysql_charset_is_utf8(struct str text);
