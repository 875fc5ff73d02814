/* base/row.h: typed values and rows. A change never travels as text by column name: a row is an
 * array of values in the order of its schema's fields.
 *
 * A value does not know its type; the schema does. By type, `state` VALUE_SET means:
 *   BOOLEAN, TINYINT … BIGINT     i
 *   FLOAT / DOUBLE                f4 / f8
 *   DECIMAL p ≤ 18                i, unscaled;  p > 18: *wide, unscaled
 *   CHAR, VARCHAR (UTF-8), BINARY, VARBINARY   bytes, len
 *   DATE                          i, days since 1970-01-01
 *   TIME                          i, milliseconds of day
 *   TIMESTAMP, TIMESTAMP_LTZ      i, milliseconds since 1970-01-01 (UTC for LTZ), floor;
 *                                 len, nanoseconds of that millisecond
 *   ARRAY, ROW                    items, len of them
 *   MAP, MULTISET                 items, key and value in turn, len = 2 × entries; a MULTISET's
 *                                 value is its INT count
 * Pointers lead into the arena or frame of whoever holds the row; row_copy makes them the
 * copier's. value_* are in value.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/schema.h"
#include "base/str.h"
#include "base/type.h"

enum value_state {
    VALUE_NULL = 0,
    VALUE_SET,
    VALUE_UNCHANGED, /* the source did not send it: as before (minimal images, unchanged TOAST) */
};

struct value {
    union {
        int64_t i;
        double f8;
        float f4;
        const char *bytes;
        const struct value *items;
        const int128 *wide;
    };
    uint32_t len;
    uint8_t state; /* enum value_state */
};

static inline struct str value_str(const struct value *v)
{
    return (struct str){v->bytes, v->len};
}
static inline int128 value_decimal(const struct value *v, const struct type *t)
{
    return t->precision > 18 ? *v->wide : (int128)v->i;
}

enum row_kind {
    ROW_INSERT = 0,
    ROW_UPDATE_BEFORE = 1,
    ROW_UPDATE_AFTER = 2,
    ROW_DELETE = 3
}; /* Paimon's numbers */

static inline bool row_kind_is_add(enum row_kind k)
{
    return k == ROW_INSERT || k == ROW_UPDATE_AFTER;
}

/* Copies values and all they point to into the arena; count values of the given fields. */
struct value *row_copy(struct arena *a, const struct schema_field *fields, size_t count,
                       const struct value *values);

/* Paimon's order of values of one type (paimon-format.md §7.2): null first, numbers by value,
 * floats as Java compares
 * (-0.0 < 0.0, NaN greatest), text and bytes unsigned. Nested types are never compared. */
int value_compare(const struct type *t, const struct value *a, const struct value *b);
bool value_equal(const struct type *t, const struct value *a,
                 const struct value *b); /* nested too */

/* One canonical value / one canonical row `{"a":1,…}` (docs/cli.md, "Canonical rows"). */
void value_print_json(const struct type *t, const struct value *v, struct buf *out);
void row_print_json(const struct schema_field *fields, size_t count, const struct value *values,
                    struct buf *out);
