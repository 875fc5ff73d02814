/* connectors/mysql/mysql_charset_tables.h: character sets as the server itself converts them.
 * One-byte sets: the Unicode code point of each byte, 0 where the server has none (byte 0 is 0).
 * The others: characters that iconv(3) reads differently from the server, sorted by their bytes
 * read as one big-endian number; code point 0 where the server has none. */
#pragma once

#include <stdint.h>

struct mysql_charset_tables_odd {
    uint32_t code; /* the character's bytes */
    uint32_t point;
};

extern const uint16_t mysql_charset_tables_armscii8[256];
extern const uint16_t mysql_charset_tables_cp1250[256];
extern const uint16_t mysql_charset_tables_cp1251[256];
extern const uint16_t mysql_charset_tables_cp1256[256];
extern const uint16_t mysql_charset_tables_cp1257[256];
extern const uint16_t mysql_charset_tables_cp850[256];
extern const uint16_t mysql_charset_tables_cp852[256];
extern const uint16_t mysql_charset_tables_cp866[256];
extern const uint16_t mysql_charset_tables_dec8[256];
extern const uint16_t mysql_charset_tables_geostd8[256];
extern const uint16_t mysql_charset_tables_greek[256];
extern const uint16_t mysql_charset_tables_hebrew[256];
extern const uint16_t mysql_charset_tables_hp8[256];
extern const uint16_t mysql_charset_tables_keybcs2[256];
extern const uint16_t mysql_charset_tables_koi8r[256];
extern const uint16_t mysql_charset_tables_koi8u[256];
extern const uint16_t mysql_charset_tables_latin1[256];
extern const uint16_t mysql_charset_tables_latin2[256];
extern const uint16_t mysql_charset_tables_latin5[256];
extern const uint16_t mysql_charset_tables_latin7[256];
extern const uint16_t mysql_charset_tables_macce[256];
extern const uint16_t mysql_charset_tables_macroman[256];
extern const uint16_t mysql_charset_tables_swe7[256];
extern const uint16_t mysql_charset_tables_tis620[256];
extern const struct mysql_charset_tables_odd mysql_charset_tables_big5[462];
extern const struct mysql_charset_tables_odd mysql_charset_tables_eucjpms[30];
extern const struct mysql_charset_tables_odd mysql_charset_tables_gb18030[42];
extern const struct mysql_charset_tables_odd mysql_charset_tables_gbk[1];
extern const struct mysql_charset_tables_odd mysql_charset_tables_sjis[3];
extern const struct mysql_charset_tables_odd mysql_charset_tables_ujis[228];
