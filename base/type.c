#include "base/type.h"

#include <string.h>

bool type_is_text(const struct type *t)
{
    return t->kind == TYPE_CHAR || t->kind == TYPE_VARCHAR;
}

bool type_is_bytes(const struct type *t)
{
    return t->kind == TYPE_BINARY || t->kind == TYPE_VARBINARY;
}

bool type_is_nested(const struct type *t)
{
    return t->kind >= TYPE_ARRAY;
}

static bool fields_equal(const struct type *a, const struct type *b)
{
    if (a->field_count != b->field_count) {
        return false;
    }
    for (size_t i = 0; i < a->field_count; i++) {
        if (!str_eq(a->fields[i].name, b->fields[i].name) ||
            !type_equal(a->fields[i].type, b->fields[i].type)) {
            return false;
        }
    }
    return true;
}

bool type_equal(const struct type *a, const struct type *b)
{
    if (a->kind != b->kind || a->nullable != b->nullable) {
        return false;
    }
    switch (a->kind) {
    case TYPE_BOOLEAN:
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT:
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
    case TYPE_DATE:
        return true;
    case TYPE_DECIMAL:
        return a->precision == b->precision && a->scale == b->scale;
    case TYPE_CHAR:
    case TYPE_VARCHAR:
    case TYPE_BINARY:
    case TYPE_VARBINARY:
        return a->length == b->length;
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        return a->precision == b->precision;
    case TYPE_ARRAY:
    case TYPE_MULTISET:
        return type_equal(a->element, b->element);
    case TYPE_MAP:
        return type_equal(a->key, b->key) && type_equal(a->element, b->element);
    case TYPE_ROW:
        return fields_equal(a, b);
    }
    return false;
}

static void print_length(const char *name, const char *longest, const struct type *t,
                         struct buf *out)
{
    if (longest != NULL && t->length == TYPE_MAX_LENGTH) {
        buf_put_cstr(out, longest);
    } else {
        buf_printf(out, "%s(%u)", name, (unsigned)t->length);
    }
}

static void print_row(const struct type *t, struct buf *out)
{
    buf_put_cstr(out, "ROW<");
    for (size_t i = 0; i < t->field_count; i++) {
        buf_put_cstr(out, i == 0 ? "" : ", ");
        buf_put_str(out, t->fields[i].name);
        buf_put_byte(out, ' ');
        type_print(t->fields[i].type, out);
    }
    buf_put_byte(out, '>');
}

static void print_nested(const struct type *t, struct buf *out)
{
    if (t->kind == TYPE_ROW) {
        print_row(t, out);
        return;
    }
    buf_put_cstr(out, t->kind == TYPE_ARRAY      ? "ARRAY<"
                      : t->kind == TYPE_MULTISET ? "MULTISET<"
                                                 : "MAP<");
    if (t->kind == TYPE_MAP) {
        type_print(t->key, out);
        buf_put_cstr(out, ", ");
    }
    type_print(t->element, out);
    buf_put_byte(out, '>');
}

void type_print(const struct type *t, struct buf *out)
{
    static const char *const plain[] = {
        [TYPE_BOOLEAN] = "BOOLEAN", [TYPE_TINYINT] = "TINYINT", [TYPE_SMALLINT] = "SMALLINT",
        [TYPE_INT] = "INT",         [TYPE_BIGINT] = "BIGINT",   [TYPE_FLOAT] = "FLOAT",
        [TYPE_DOUBLE] = "DOUBLE",   [TYPE_DATE] = "DATE",
    };
    switch (t->kind) {
    case TYPE_BOOLEAN:
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT:
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
    case TYPE_DATE:
        buf_put_cstr(out, plain[t->kind]);
        break;
    case TYPE_DECIMAL:
        buf_printf(out, "DECIMAL(%u, %u)", t->precision, t->scale);
        break;
    case TYPE_CHAR:
        print_length("CHAR", NULL, t, out);
        break;
    case TYPE_VARCHAR:
        print_length("VARCHAR", "STRING", t, out);
        break;
    case TYPE_BINARY:
        print_length("BINARY", NULL, t, out);
        break;
    case TYPE_VARBINARY:
        print_length("VARBINARY", "BYTES", t, out);
        break;
    case TYPE_TIME:
        buf_printf(out, "TIME(%u)", t->precision);
        break;
    case TYPE_TIMESTAMP:
        buf_printf(out, "TIMESTAMP(%u)", t->precision);
        break;
    case TYPE_TIMESTAMP_LTZ:
        buf_printf(out, "TIMESTAMP(%u) WITH LOCAL TIME ZONE", t->precision);
        break;
    case TYPE_ARRAY:
    case TYPE_MULTISET:
    case TYPE_MAP:
    case TYPE_ROW:
        print_nested(t, out);
        break;
    }
    buf_put_cstr(out, t->nullable ? "" : " NOT NULL");
}

/* The grammar of Paimon's DataTypeJsonParser for atomic types (paimon-format.md §2.2): a word,
 * optional numbers in parentheses, optional further words; keywords in any case.
 *
 *   type = name [ "(" number [ "," number ] ")" ] [ zone ] [ "NOT" "NULL" | "NULL" ]  */
struct scan {
    struct str rest;
};

static struct str scan_word(struct scan *s)
{
    s->rest = str_trim(s->rest);
    size_t n = 0;
    while (n < s->rest.len) {
        char c = s->rest.ptr[n];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_')) {
            break;
        }
        n++;
    }
    struct str word = str_slice(s->rest, 0, n);
    s->rest = str_slice(s->rest, n, s->rest.len);
    return word;
}

/* Takes the words (NULL-ended) when they all follow; else takes nothing. */
static bool scan_words(struct scan *s, const char *const *words)
{
    struct scan ahead = *s;
    for (; *words != NULL; words++) {
        if (!str_eq_nocase(scan_word(&ahead), str_of(*words))) {
            return false;
        }
    }
    *s = ahead;
    return true;
}

static bool scan_byte(struct scan *s, char byte)
{
    s->rest = str_trim(s->rest);
    if (s->rest.len == 0 || s->rest.ptr[0] != byte) {
        return false;
    }
    s->rest = str_slice(s->rest, 1, s->rest.len);
    return true;
}

static bool scan_number(struct scan *s, uint64_t *out)
{
    s->rest = str_trim(s->rest);
    size_t n = 0;
    while (n < s->rest.len && s->rest.ptr[n] >= '0' && s->rest.ptr[n] <= '9') {
        n++;
    }
    bool ok = str_to_u64(str_slice(s->rest, 0, n), out);
    s->rest = str_slice(s->rest, n, s->rest.len);
    return ok;
}

struct type_word {
    const char *name;
    enum type_kind kind;
    uint8_t args;      /* how many numbers may follow */
    uint32_t def;      /* the first one's default */
    uint32_t min, max; /* of the first */
    uint32_t fixed;    /* the value where no number may follow */
};

static const struct type_word type_words[] = {
    {"BOOLEAN", TYPE_BOOLEAN, 0, 0, 0, 0, 0},
    {"TINYINT", TYPE_TINYINT, 0, 0, 0, 0, 0},
    {"SMALLINT", TYPE_SMALLINT, 0, 0, 0, 0, 0},
    {"INT", TYPE_INT, 0, 0, 0, 0, 0},
    {"INTEGER", TYPE_INT, 0, 0, 0, 0, 0},
    {"BIGINT", TYPE_BIGINT, 0, 0, 0, 0, 0},
    {"FLOAT", TYPE_FLOAT, 0, 0, 0, 0, 0},
    {"DOUBLE", TYPE_DOUBLE, 0, 0, 0, 0, 0},
    {"DATE", TYPE_DATE, 0, 0, 0, 0, 0},
    {"DECIMAL", TYPE_DECIMAL, 2, 10, 1, TYPE_MAX_DECIMAL, 0},
    {"NUMERIC", TYPE_DECIMAL, 2, 10, 1, TYPE_MAX_DECIMAL, 0},
    {"DEC", TYPE_DECIMAL, 2, 10, 1, TYPE_MAX_DECIMAL, 0},
    {"CHAR", TYPE_CHAR, 1, 1, 1, TYPE_MAX_LENGTH, 0},
    {"VARCHAR", TYPE_VARCHAR, 1, 1, 1, TYPE_MAX_LENGTH, 0},
    {"STRING", TYPE_VARCHAR, 0, 0, 0, 0, TYPE_MAX_LENGTH},
    {"BINARY", TYPE_BINARY, 1, 1, 1, TYPE_MAX_LENGTH, 0},
    {"VARBINARY", TYPE_VARBINARY, 1, 1, 1, TYPE_MAX_LENGTH, 0},
    {"BYTES", TYPE_VARBINARY, 0, 0, 0, 0, TYPE_MAX_LENGTH},
    {"TIME", TYPE_TIME, 1, 0, 0, 9, 0},
    {"TIMESTAMP", TYPE_TIMESTAMP, 1, 6, 0, 9, 0},
    {"TIMESTAMP_LTZ", TYPE_TIMESTAMP_LTZ, 1, 6, 0, 9, 0},
};

static const struct type_word *find_word(struct str name)
{
    for (size_t i = 0; i < sizeof(type_words) / sizeof(type_words[0]); i++) {
        if (str_eq_nocase(name, str_of(type_words[i].name))) {
            return &type_words[i];
        }
    }
    return NULL;
}

/* The numbers in parentheses, checked against the word's bounds. */
static bool scan_numbers(struct scan *s, const struct type_word *word, uint64_t *first,
                         uint64_t *second)
{
    *first = word->args == 0 ? word->fixed : word->def;
    *second = 0;
    if (word->args == 0 || !scan_byte(s, '(')) {
        return true;
    }
    if (!scan_number(s, first) || *first < word->min || *first > word->max) {
        return false;
    }
    if (word->args == 2 && scan_byte(s, ',') && (!scan_number(s, second) || *second > *first)) {
        return false;
    }
    return scan_byte(s, ')');
}

static void scan_zone(struct scan *s, struct type *t)
{
    static const char *const precision[] = {"PRECISION", NULL};
    static const char *const without[] = {"WITHOUT", "TIME", "ZONE", NULL};
    static const char *const local[] = {"WITH", "LOCAL", "TIME", "ZONE", NULL};
    if (t->kind == TYPE_DOUBLE) {
        (void)scan_words(s, precision);
    } else if (t->kind == TYPE_TIME) {
        (void)scan_words(s, without);
    } else if (t->kind == TYPE_TIMESTAMP && !scan_words(s, without) && scan_words(s, local)) {
        t->kind = TYPE_TIMESTAMP_LTZ;
    }
}

bool type_parse(struct str text, struct type *out, struct error *err)
{
    static const char *const not_null[] = {"NOT", "NULL", NULL};
    static const char *const null[] = {"NULL", NULL};
    struct scan s = {text};
    uint64_t first = 0;
    uint64_t second = 0;
    const struct type_word *word = find_word(scan_word(&s));
    if (word == NULL) {
        return error_set(err, FAIL_SCHEMA, "type \"%.*s\" is not known to this version of inlet",
                         STR_FMT(text));
    }
    struct type t = {.kind = word->kind, .nullable = true};
    if (!scan_numbers(&s, word, &first, &second)) {
        return error_set(err, FAIL_SCHEMA, "type \"%.*s\": length, precision or scale is wrong",
                         STR_FMT(text));
    }
    if (t.kind == TYPE_CHAR || t.kind == TYPE_VARCHAR || t.kind == TYPE_BINARY ||
        t.kind == TYPE_VARBINARY) {
        t.length = (uint32_t)first; /* at most TYPE_MAX_LENGTH */
    } else {
        t.precision = (uint8_t)first; /* at most 38 */
        t.scale = (uint8_t)second;
    }
    scan_zone(&s, &t);
    if (scan_words(&s, not_null)) {
        t.nullable = false;
    } else {
        (void)scan_words(&s, null);
    }
    if (str_trim(s.rest).len != 0) {
        return error_set(err, FAIL_SCHEMA, "type \"%.*s\": cannot make sense of \"%.*s\"",
                         STR_FMT(text), STR_FMT(str_trim(s.rest)));
    }
    *out = t;
    return true;
}
