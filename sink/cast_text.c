/* To texts and bytes (…ToStringCastRule, StringToStringCastRule, StringToBinaryCastRule,
 * BinaryToBinaryCastRule, BinaryToStringCastRule; BinaryStringUtils). Numbers and texts are cut and
 * padded to the type's length; bytes, ARRAYs, MAPs and ROWs made texts are not. */
#include <string.h>

#include "base/mem.h"
#include "sink/cast_float.h"
#include "sink/cast_rule.h"

static void set_text(struct arena *arena, struct str text, struct value *out)
{
    *out = (struct value){
        .bytes = arena_str(arena, text).ptr, .len = (uint32_t)text.len, .state = VALUE_SET};
}

/* Bytes of the character that begins so (BinaryString.numBytesForFirstByte). */
static size_t char_bytes(unsigned char b)
{
    return b >= 0xc2 && b < 0xe0 ? 2 : b >= 0xe0 && b < 0xf0 ? 3 : b >= 0xf0 && b < 0xf8 ? 4 : 1;
}

static bool too_long(const struct type *to, struct error *err)
{
    return error_set(err, FAIL_LIMIT, "a value of %s takes more than %zu bytes",
                     to->kind == TYPE_CHAR ? "CHAR(n)" : "its type", CAST_MAX_BYTES);
}

/* toCharacterString: at most `length` characters, CHAR exactly so many. */
static bool fit_text(struct str text, const struct type *to, struct arena *arena, struct value *out,
                     struct error *err)
{
    size_t chars = 0;
    size_t at = 0;
    for (; at < text.len && chars < to->length; chars++) {
        at += char_bytes((unsigned char)text.ptr[at]);
    }
    size_t len = at < text.len ? at : text.len;
    size_t blanks = to->kind == TYPE_CHAR ? to->length - chars : 0;
    if (blanks == 0) {
        *out = (struct value){.bytes = text.ptr, .len = (uint32_t)len, .state = VALUE_SET};
        return true;
    }
    if (blanks > CAST_MAX_BYTES) {
        return too_long(to, err);
    }
    char *p = arena_alloc(arena, len + blanks);
    if (len > 0) {
        memcpy(p, text.ptr, len);
    }
    memset(p + len, ' ', blanks);
    *out = (struct value){.bytes = p, .len = (uint32_t)(len + blanks), .state = VALUE_SET};
    return true;
}

static bool text_to_text(const struct cast *c, const struct value *in, struct arena *arena,
                         struct value *out, struct error *err)
{
    return fit_text(value_str(in), c->to, arena, out, err);
}

/* toBinaryString: at most `length` bytes, BINARY exactly so many. */
static bool bytes_to_bytes(const struct cast *c, const struct value *in, struct arena *arena,
                           struct value *out, struct error *err)
{
    size_t length = c->to->length;
    *out = *in;
    if (in->len >= length) {
        out->len = (uint32_t)length;
        return true;
    }
    if (c->to->kind != TYPE_BINARY) {
        return true;
    }
    if (length > CAST_MAX_BYTES) {
        return too_long(c->to, err);
    }
    char *p = arena_zalloc(arena, length);
    if (in->len > 0) {
        memcpy(p, in->bytes, in->len);
    }
    out->bytes = p;
    out->len = (uint32_t)length;
    return true;
}

static bool bytes_to_text(const struct cast *c, const struct value *in, struct arena *arena,
                          struct value *out, struct error *err)
{
    (void)c;
    (void)arena;
    (void)err;
    *out = *in;
    return true;
}

static bool print_to_text(const struct cast *c, const struct value *in, struct arena *arena,
                          struct value *out, struct error *err)
{
    struct buf b = BUF_INIT(CAST_MAX_BYTES);
    cast_text_print(c->from, in, &b);
    bool ok = !b.failed || too_long(c->to, err);
    if (ok) {
        set_text(arena, buf_str(&b), out);
        bool cut = c->from->kind <= TYPE_DECIMAL; /* numbers and truth values */
        ok = !cut || fit_text(value_str(out), c->to, arena, out, err);
    }
    buf_release(&b);
    return ok;
}

cast_rule *cast_text_rule(const struct type *from, const struct type *to)
{
    if (type_is_bytes(to)) {
        return type_is_text(from) || type_is_bytes(from) ? bytes_to_bytes : NULL;
    }
    if (!type_is_text(to)) {
        return NULL;
    }
    if (type_is_text(from)) {
        return text_to_text;
    }
    if (type_is_bytes(from)) {
        return bytes_to_text;
    }
    if (from->kind == TYPE_DATE || from->kind == TYPE_TIME || cast_is_timestamp(from)) {
        /* Java has these rules for the one type STRING, nullable */
        bool is_string = to->kind == TYPE_VARCHAR && to->length == TYPE_MAX_LENGTH && to->nullable;
        return is_string ? print_to_text : NULL;
    }
    return from->kind == TYPE_MULTISET ? NULL : print_to_text;
}

static bool is_tail(struct str s, size_t at)
{
    return at < s.len && ((unsigned char)s.ptr[at] & 0xc0) == 0x80;
}

/* Bytes at s.ptr[at] that are one character (*valid), or that Java's decoder replaces by one
 * U+FFFD: the longest beginning of a character, or a whole surrogate. */
static size_t decode(struct str s, size_t at, bool *valid)
{
    unsigned char a = (unsigned char)s.ptr[at];
    unsigned char b = at + 1 < s.len ? (unsigned char)s.ptr[at + 1] : 0;
    size_t want = a < 0x80 ? 1 : char_bytes(a);
    *valid = false;
    if (want == 1 || a > 0xf4) {
        *valid = a < 0x80;
        return 1;
    }
    if (!is_tail(s, at + 1) || (a == 0xe0 && b < 0xa0) || (a == 0xf0 && b < 0x90) ||
        (a == 0xf4 && b > 0x8f)) {
        return 1;
    }
    for (size_t i = 2; i < want; i++) {
        if (!is_tail(s, at + i)) {
            return i;
        }
    }
    *valid = a != 0xed || b < 0xa0;
    return want;
}

/* Inside of other texts a text goes through Java's String. */
static void put_string(struct str s, struct buf *out)
{
    for (size_t at = 0; at < s.len;) {
        bool valid = false;
        size_t len = decode(s, at, &valid);
        if (valid) {
            buf_put(out, s.ptr + at, len);
        } else {
            buf_put_cstr(out, "\xef\xbf\xbd");
        }
        at += len;
    }
}

static void put_nested(const struct type *t, const struct value *v, struct buf *out)
{
    static const struct value none = {.state = VALUE_NULL};
    bool map = t->kind == TYPE_MAP;
    size_t step = map ? 2 : 1;
    size_t count = t->kind == TYPE_ROW ? t->field_count : v->len;
    buf_put_byte(out, t->kind == TYPE_ARRAY ? '[' : '{');
    for (size_t i = 0; i < count; i += step) {
        const struct type *part = t->kind == TYPE_ROW ? t->fields[i].type
                                  : map               ? t->key
                                                      : t->element;
        if (i > 0) {
            buf_put_cstr(out, ", ");
        }
        cast_text_print(part, i < v->len ? &v->items[i] : &none, out);
        if (map) {
            buf_put_cstr(out, " -> ");
            cast_text_print(t->element, i + 1 < v->len ? &v->items[i + 1] : &none, out);
        }
    }
    buf_put_byte(out, t->kind == TYPE_ARRAY ? ']' : '}');
}

void cast_text_print(const struct type *t, const struct value *v, struct buf *out)
{
    char text[CAST_FLOAT_TEXT];
    if (v->state != VALUE_SET) {
        buf_put_cstr(out, "null");
        return;
    }
    switch (t->kind) {
    case TYPE_BOOLEAN:
        buf_put_cstr(out, v->i != 0 ? "true" : "false");
        return;
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT:
        decimal_print(v->i, 0, out);
        return;
    case TYPE_FLOAT:
        buf_put(out, text, cast_float_print_single(v->f4, text));
        return;
    case TYPE_DOUBLE:
        buf_put(out, text, cast_float_print(v->f8, text));
        return;
    case TYPE_DECIMAL:
        decimal_print(value_decimal(v, t), t->scale, out);
        return;
    case TYPE_CHAR:
    case TYPE_VARCHAR:
    case TYPE_BINARY:
    case TYPE_VARBINARY:
        put_string(value_str(v), out);
        return;
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        cast_time_print(t, v, out);
        return;
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_ROW:
        put_nested(t, v, out);
        return;
    case TYPE_MULTISET:
        break;
    }
    must(t->kind != TYPE_MULTISET); /* cast_plan refuses it */
}
