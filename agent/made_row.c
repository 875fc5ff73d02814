#include "agent/made_row.h"

#include <inttypes.h>
#include <stdio.h>

#define TEXT_MAX 80

static uint32_t base36(int64_t v, char *out)
{
    char reversed[TEXT_MAX];
    uint32_t count = 0;
    uint32_t at = 0;
    uint64_t left = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        reversed[count++] = "0123456789abcdefghijklmnopqrstuvwxyz"[left % 36];
        left /= 36;
    } while (left > 0);
    if (v < 0) {
        out[at++] = '-';
    }
    while (count > 0) {
        out[at++] = reversed[--count];
    }
    return at;
}

static void make_text(int64_t x, struct arena *arena, struct value *out)
{
    char *text = arena_alloc(arena, TEXT_MAX);
    text[0] = 'v';
    out->bytes = text;
    out->len = 1 + base36(x % 1000000007, text + 1);
}

static void make_bytes(int64_t x, struct arena *arena, struct value *out)
{
    char *text = arena_alloc(arena, TEXT_MAX);
    int n = snprintf(text, TEXT_MAX, "%" PRIx64, (uint64_t)x);
    out->bytes = text;
    out->len = (uint32_t)n;
}

static void make_decimal(const struct type *t, int64_t x, struct arena *arena, struct value *out)
{
    int64_t limit = 1;
    for (unsigned i = 0; i < t->precision && i < 9; i++) {
        limit *= 10;
    }
    int64_t unscaled = x % 1000000000 % limit;
    if (t->precision > 18) {
        int128 *wide = arena_alloc(arena, sizeof *wide);
        *wide = unscaled;
        out->wide = wide;
    } else {
        out->i = unscaled;
    }
}

static void make(const struct type *t, int64_t x, struct arena *arena, struct value *out)
{
    *out = (struct value){.state = VALUE_SET};
    switch (t->kind) {
    case TYPE_CHAR:
    case TYPE_VARCHAR:
        make_text(x, arena, out);
        break;
    case TYPE_BOOLEAN:
        out->i = x & 1;
        break;
    case TYPE_BINARY:
    case TYPE_VARBINARY:
        make_bytes(x, arena, out);
        break;
    case TYPE_DECIMAL:
        make_decimal(t, x, arena, out);
        break;
    case TYPE_TINYINT:
        out->i = (int64_t)(((uint64_t)x & 0xff) ^ 0x80) - 0x80;
        break;
    case TYPE_SMALLINT:
        out->i = (int16_t)(uint16_t)((uint64_t)x & UINT16_MAX);
        break;
    case TYPE_INT:
        out->i = (int32_t)(uint32_t)((uint64_t)x & UINT32_MAX);
        break;
    case TYPE_BIGINT:
        out->i = x;
        break;
    case TYPE_FLOAT:
        out->f4 = (float)((double)(x % 100000) / 7.0);
        break;
    case TYPE_DOUBLE:
        out->f8 = (double)(x % 10000000) / 7.0;
        break;
    case TYPE_DATE:
        out->i = x % 30000;
        break;
    case TYPE_TIME:
        out->i = x % 86400 * 1000;
        break;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        out->i = x % 2000000000000;
        out->len = t->precision > 3 && x > 0 ? (uint32_t)(x % 1000 * 1000) : 0;
        break;
    case TYPE_ARRAY:
    case TYPE_MULTISET:
    case TYPE_MAP:
    case TYPE_ROW:
        out->state = VALUE_NULL;
        break;
    }
}

static bool is_key(const struct schema *s, size_t column)
{
    for (size_t i = 0; i < s->primary_key_count; i++) {
        if (s->primary_key[i] == column) {
            return true;
        }
    }
    return false;
}

void made_row(const struct schema *s, int64_t number, int64_t salt, struct arena *arena,
              struct value *out_values)
{
    for (size_t c = 0; c < s->field_count; c++) {
        const struct type *t = &s->fields[c].type;
        bool key = is_key(s, c);
        uint64_t mixed =
            ((uint64_t)number * 31 + c + (uint64_t)salt * 1000003) * UINT64_C(0x9E3779B97F4A7C15) >>
            8;
        int64_t x = key ? number : (int64_t)mixed;
        if (t->nullable && !key && x % 11 == 0) {
            out_values[c] = (struct value){.state = VALUE_NULL};
        } else {
            make(t, x, arena, &out_values[c]);
        }
    }
}
