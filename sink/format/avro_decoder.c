#include "sink/format/avro_decoder.h"

#include <string.h>

#include "base/checked.h"
#include "base/decimal.h"
#include "base/mem.h"

#define NO_TARGET SIZE_MAX

enum op {
    OP_SKIP,
    OP_NULL,
    OP_MISMATCH, /* a branch of a union that the type cannot take */
    OP_BOOLEAN,
    OP_INT, /* with bounds of the type */
    OP_LONG,
    OP_FLOAT,
    OP_DOUBLE,
    OP_FLOAT_AS_DOUBLE,
    OP_BYTES,
    OP_FIXED,
    OP_DECIMAL,
    OP_MILLIS,
    OP_MICROS,
    OP_TIME_MICROS,
    OP_ARRAY,
    OP_MAP,
    OP_ENTRIES, /* array of records {key, value} */
    OP_ROW,
    OP_UNION,
};

struct step {
    enum op op;
    int null_branch; /* of a union of null and one type; -1: none */
    size_t target;   /* index in the row asked for, or NO_TARGET */
    const struct avro_node *node;
    const struct type *type;
    struct step *sub; /* items, fields or branches */
    size_t sub_count;
    size_t width; /* OP_ROW: fields asked for */
    int64_t low, high;
    size_t min_bytes;
};

struct avro_decoder {
    struct arena arena;
    struct step root;
};

/* ---- the plan ----------------------------------------------------------------------------- */

/* What is asked for, top level and nested rows alike. */
struct want {
    const struct schema_field *fields; /* top level */
    const struct type *row;            /* or a nested row */
    size_t count;
};

struct plan {
    struct arena *arena;
    struct error *err;
    struct str column;
};

static struct str want_name(const struct want *w, size_t i)
{
    return w->row != NULL ? w->row->fields[i].name : w->fields[i].name;
}

static const struct type *want_type(const struct want *w, size_t i)
{
    return w->row != NULL ? w->row->fields[i].type : &w->fields[i].type;
}

static bool resolve(struct plan *p, const struct avro_node *n, const struct type *t,
                    struct step *out);

static bool mismatch(struct plan *p, const struct avro_node *n, const struct type *t)
{
    struct buf text = BUF_INIT(256);
    type_print(t, &text);
    (void)error_set(p->err, FAIL_SCHEMA, "column '%.*s': the file holds Avro %s where %s is needed",
                    STR_FMT(p->column), avro_schema_kind(n), text.failed ? "?" : buf_cstr(&text));
    buf_release(&text);
    return false;
}

static bool resolve_record(struct plan *p, const struct avro_node *n, const struct want *w,
                           struct step *out)
{
    bool top = w->row == NULL;
    out->op = OP_ROW;
    out->width = w->count;
    out->sub_count = n->count;
    out->sub = ARENA_ARRAY(p->arena, struct step, n->count);
    for (size_t i = 0; i < n->count; i++) {
        struct step *s = &out->sub[i];
        *s = (struct step){
            .op = OP_SKIP, .null_branch = -1, .target = NO_TARGET, .node = n->children[i]};
        for (size_t k = 0; k < w->count; k++) {
            if (!str_eq(n->names[i], want_name(w, k))) {
                continue;
            }
            if (top) {
                p->column = want_name(w, k);
            }
            if (!resolve(p, n->children[i], want_type(w, k), s)) {
                return false;
            }
            s->target = k;
            break;
        }
    }
    return true;
}

static bool resolve_union(struct plan *p, const struct avro_node *n, const struct type *t,
                          struct step *out)
{
    size_t null_at = n->count;
    for (size_t i = 0; i < n->count; i++) {
        null_at = n->children[i]->kind == AVRO_NULL ? i : null_at;
    }
    if (n->count == 2 && null_at < 2 && n->children[1 - null_at]->kind != AVRO_NULL) {
        if (!resolve(p, n->children[1 - null_at], t, out)) {
            return false;
        }
        out->null_branch = (int)null_at;
        return true;
    }
    out->op = OP_UNION;
    out->sub_count = n->count;
    out->sub = ARENA_ARRAY(p->arena, struct step, n->count);
    size_t fitting = 0;
    for (size_t i = 0; i < n->count; i++) {
        struct step *s = &out->sub[i];
        *s = (struct step){.null_branch = -1, .target = NO_TARGET, .node = n->children[i]};
        if (n->children[i]->kind == AVRO_NULL) {
            s->op = OP_NULL;
        } else if (resolve(p, n->children[i], t, s)) {
            fitting++;
        } else {
            s->op = OP_MISMATCH; /* matters only when such a value comes */
        }
    }
    return fitting > 0 || mismatch(p, n, t);
}

static bool resolve_int(struct plan *p, const struct avro_node *n, const struct type *t,
                        struct step *out)
{
    if (n->kind != AVRO_INT && !(t->kind == TYPE_BIGINT && n->kind == AVRO_LONG) &&
        !(t->kind == TYPE_TIME && n->kind == AVRO_LONG)) {
        return mismatch(p, n, t);
    }
    out->op = t->kind == TYPE_BIGINT ? OP_LONG : OP_INT;
    out->low = t->kind == TYPE_TINYINT    ? INT8_MIN
               : t->kind == TYPE_SMALLINT ? INT16_MIN
                                          : INT32_MIN;
    out->high = t->kind == TYPE_TINYINT    ? INT8_MAX
                : t->kind == TYPE_SMALLINT ? INT16_MAX
                                           : INT32_MAX;
    if (t->kind == TYPE_TIME && n->logical == AVRO_TIME_MICROS) {
        out->op = OP_TIME_MICROS;
    }
    return true;
}

static bool resolve_float(struct plan *p, const struct avro_node *n, const struct type *t,
                          struct step *out)
{
    if (t->kind == TYPE_DOUBLE) {
        out->op = n->kind == AVRO_FLOAT ? OP_FLOAT_AS_DOUBLE : OP_DOUBLE;
        return n->kind == AVRO_FLOAT || n->kind == AVRO_DOUBLE || mismatch(p, n, t);
    }
    out->op = OP_FLOAT;
    return n->kind == AVRO_FLOAT || mismatch(p, n, t);
}

static bool resolve_bytes(struct plan *p, const struct avro_node *n, const struct type *t,
                          struct step *out)
{
    if (n->kind == AVRO_FIXED) {
        out->op = OP_FIXED;
        return true;
    }
    out->op = OP_BYTES;
    return n->kind == AVRO_BYTES || n->kind == AVRO_STRING || mismatch(p, n, t);
}

static bool resolve_decimal(struct plan *p, const struct avro_node *n, const struct type *t,
                            struct step *out)
{
    if (n->kind != AVRO_BYTES) {
        return mismatch(p, n, t);
    }
    if (n->logical == AVRO_DECIMAL && n->scale != t->scale) {
        return error_set(p->err, FAIL_SCHEMA,
                         "column '%.*s': the file holds decimals of scale %lld where scale %u is "
                         "needed",
                         STR_FMT(p->column), (long long)n->scale, t->scale);
    }
    out->op = OP_DECIMAL;
    return true;
}

static bool resolve_timestamp(struct plan *p, const struct avro_node *n, const struct type *t,
                              struct step *out)
{
    if (n->kind != AVRO_LONG) {
        return mismatch(p, n, t);
    }
    bool micros = n->logical == AVRO_TIMESTAMP_MICROS ||
                  (n->logical != AVRO_TIMESTAMP_MILLIS && t->precision > 3);
    out->op = micros ? OP_MICROS : OP_MILLIS;
    return true;
}

static bool resolve_item(struct plan *p, const struct avro_node *n, const struct type *t,
                         struct step *out)
{
    out->sub_count = 1;
    out->sub = ARENA_ARRAY(p->arena, struct step, 1);
    out->min_bytes = n->children[0]->min_bytes;
    return resolve(p, n->children[0], t, &out->sub[0]);
}

static bool resolve_map(struct plan *p, const struct avro_node *n, const struct type *t,
                        struct step *out)
{
    if (n->kind == AVRO_MAP) {
        out->op = OP_MAP;
        return (type_is_text(t->key) || mismatch(p, n, t)) && resolve_item(p, n, t->element, out);
    }
    if (n->kind != AVRO_ARRAY) {
        return mismatch(p, n, t);
    }
    /* Each entry is read as a row of two. */
    struct type_field *entry = ARENA_ARRAY(p->arena, struct type_field, 2);
    entry[0] = (struct type_field){.name = STR("key"), .type = t->key};
    entry[1] = (struct type_field){.name = STR("value"), .type = t->element};
    struct type *row = arena_zalloc(p->arena, sizeof(*row));
    *row = (struct type){.kind = TYPE_ROW, .fields = entry, .field_count = 2};
    out->op = OP_ENTRIES;
    return resolve_item(p, n, row, out);
}

static bool resolve(struct plan *p, const struct avro_node *n, const struct type *t,
                    struct step *out)
{
    *out = (struct step){.null_branch = -1, .target = NO_TARGET, .node = n, .type = t};
    if (n->kind == AVRO_UNION) {
        return resolve_union(p, n, t, out);
    }
    switch (t->kind) {
    case TYPE_BOOLEAN:
        out->op = OP_BOOLEAN;
        return n->kind == AVRO_BOOLEAN || mismatch(p, n, t);
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT:
    case TYPE_DATE:
    case TYPE_TIME:
        return resolve_int(p, n, t, out);
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
        return resolve_float(p, n, t, out);
    case TYPE_DECIMAL:
        return resolve_decimal(p, n, t, out);
    case TYPE_CHAR:
    case TYPE_VARCHAR:
    case TYPE_BINARY:
    case TYPE_VARBINARY:
        return resolve_bytes(p, n, t, out);
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        return resolve_timestamp(p, n, t, out);
    case TYPE_ARRAY:
        out->op = OP_ARRAY;
        return (n->kind == AVRO_ARRAY || mismatch(p, n, t)) && resolve_item(p, n, t->element, out);
    case TYPE_MAP:
        return resolve_map(p, n, t, out);
    case TYPE_ROW: {
        struct want w = {.row = t, .count = t->field_count};
        return (n->kind == AVRO_RECORD || mismatch(p, n, t)) && resolve_record(p, n, &w, out);
    }
    case TYPE_MULTISET:
        break;
    }
    return mismatch(p, n, t);
}

bool avro_decoder_new(const struct avro_node *node, const struct schema_field *fields, size_t count,
                      struct avro_decoder **out, struct error *err)
{
    struct avro_decoder *d = MEM_NEW(struct avro_decoder);
    struct plan p = {.arena = &d->arena, .err = err};
    struct want w = {.fields = fields, .count = count};
    const struct avro_node *record = node;
    d->root = (struct step){.null_branch = -1, .node = node};
    if (node->kind == AVRO_UNION && node->count == 2) { /* Paimon 0.9: ["null", record] */
        size_t null_at = node->children[0]->kind == AVRO_NULL ? 0 : 1;
        record = node->children[1 - null_at];
        d->root.null_branch = node->children[null_at]->kind == AVRO_NULL ? (int)null_at : -1;
    }
    if (record->kind != AVRO_RECORD || (record != node && d->root.null_branch < 0)) {
        (void)error_set(err, FAIL_CORRUPT, "Avro schema: the file holds %s, not records",
                        avro_schema_kind(record));
        avro_decoder_free(d);
        return false;
    }
    if (!resolve_record(&p, record, &w, &d->root)) {
        avro_decoder_free(d);
        return false;
    }
    *out = d;
    return true;
}

void avro_decoder_free(struct avro_decoder *d)
{
    if (d != NULL) {
        arena_release(&d->arena);
        mem_free(d);
    }
}

/* ---- rows --------------------------------------------------------------------------------- */

/* Most numbers and all branches have one byte. */
static inline int64_t zigzag(struct reader *r)
{
    if (LIKELY(r->rest.len > 0 && !r->failed)) {
        unsigned char b = (unsigned char)r->rest.ptr[0];
        if (LIKELY(b < 0x80)) {
            r->rest.ptr++;
            r->rest.len--;
            r->offset++;
            return (int64_t)(b >> 1) ^ -(int64_t)(b & 1);
        }
    }
    return reader_zigzag(r);
}

static inline struct str text(struct reader *r)
{
    int64_t len = zigzag(r);
    const unsigned char *p = reader_take(r, len < 0 || len > UINT32_MAX ? SIZE_MAX : (size_t)len);
    return (struct str){(const char *)p, p == NULL ? 0 : (size_t)len};
}

static void get_value(const struct step *s, struct reader *r, struct arena *a, struct value *out);

static void get_decimal(const struct step *s, struct reader *r, struct arena *a, struct value *out)
{
    struct str bytes = text(r);
    int128 v = 0;
    if (!r->failed && !decimal_from_bytes(bytes.ptr, bytes.len, &v)) {
        reader_fail(r);
    }
    bool is_long = s->type->precision <= 18;
    /* Decimal.fromUnscaledBytes: a number of more digits than its type has (merge-engine
     * aggregation does not check its sums up to 18 digits, only that they fit 64 bits) reads as
     * null. */
    if (!decimal_fits(v, s->type->precision)) {
        if (!s->type->nullable || (is_long && (v < INT64_MIN || v > INT64_MAX))) {
            reader_fail(r);
        }
        *out = (struct value){.state = VALUE_NULL};
        return;
    }
    if (!is_long) {
        int128 *wide = arena_alloc(a, sizeof(*wide));
        *wide = v;
        out->wide = wide;
        return;
    }
    out->i = (int64_t)v;
}

static inline void get_boolean(struct reader *r, struct value *out)
{
    uint8_t b = reader_u8(r);
    if (b > 1) {
        reader_fail(r);
    }
    out->i = b;
}

static inline void get_int(const struct step *s, struct reader *r, struct value *out)
{
    out->i = zigzag(r);
    if (UNLIKELY(out->i < s->low || out->i > s->high)) {
        reader_fail(r);
    }
}

static inline float get_float(struct reader *r)
{
    uint32_t bits = reader_u32le(r);
    float f;
    memcpy(&f, &bits, 4);
    return f;
}

static inline double get_double(struct reader *r)
{
    uint64_t bits = reader_u64le(r);
    double f;
    memcpy(&f, &bits, 8);
    return f;
}

static inline void get_bytes(struct reader *r, struct value *out)
{
    struct str t = text(r);
    out->bytes = t.ptr;
    out->len = (uint32_t)t.len;
}

static void get_micros(struct reader *r, struct value *out)
{
    int64_t micros = zigzag(r);
    int64_t millis = micros / 1000;
    int64_t rest = micros % 1000;
    if (rest < 0) {
        millis--;
        rest += 1000;
    }
    out->i = millis;
    out->len = (uint32_t)rest * 1000;
}

/* One item of an array, or the two values of an entry. */
static void get_item(const struct step *s, struct reader *r, struct arena *a, struct value *out)
{
    if (s->op == OP_ARRAY) {
        get_value(&s->sub[0], r, a, out);
    } else if (s->op == OP_MAP) {
        struct str key = text(r);
        out[0] = (struct value){.bytes = key.ptr, .len = (uint32_t)key.len, .state = VALUE_SET};
        get_value(&s->sub[0], r, a, &out[1]);
    } else {
        struct value entry = {.len = 0};
        get_value(&s->sub[0], r, a, &entry);
        if (entry.state != VALUE_SET) {
            reader_fail(r);
            return;
        }
        memcpy(out, entry.items, 2 * sizeof(*out));
    }
}

/* Items of an array or map, block by block. */
static void get_items(const struct step *s, struct reader *r, struct arena *a, struct value *out)
{
    size_t per_item = s->op == OP_ARRAY ? 1 : 2;
    /* An item that may have no bytes is taken to have one, so that a count cannot run away. */
    size_t min = (s->min_bytes > 0 ? s->min_bytes : 1) + (s->op == OP_MAP ? 1 : 0);
    struct value *items = NULL;
    size_t used = 0;
    size_t cap = 0;
    for (;;) {
        int64_t count = zigzag(r);
        if (count < 0) {
            (void)zigzag(r); /* bytes of the block, for those who skip */
            count = count == INT64_MIN ? INT64_MAX : -count;
        }
        size_t n = reader_count(r, (uint64_t)count, min);
        if (n == 0) {
            break;
        }
        if (n > (UINT32_MAX - used) / per_item) {
            reader_fail(r);
            break;
        }
        if (used + n * per_item > cap) {
            cap = cap * 2 > used + n * per_item ? cap * 2 : used + n * per_item;
            struct value *more = ARENA_ARRAY(a, struct value, cap);
            if (used > 0) {
                memcpy(more, items, used * sizeof(*items));
            }
            items = more;
        }
        for (size_t i = 0; i < n && !r->failed; i++, used += per_item) {
            get_item(s, r, a, &items[used]);
        }
    }
    out->items = items;
    out->len = (uint32_t)used;
}

static void get_fields(const struct step *s, struct reader *r, struct arena *a,
                       struct value *values)
{
    for (size_t i = 0; i < s->sub_count; i++) {
        const struct step *f = &s->sub[i];
        if (f->target == NO_TARGET) {
            avro_schema_skip(f->node, r);
        } else {
            get_value(f, r, a, &values[f->target]);
        }
    }
}

static void get_union(const struct step *s, struct reader *r, struct arena *a, struct value *out)
{
    int64_t branch = zigzag(r);
    if (branch < 0 || (uint64_t)branch >= s->sub_count) {
        reader_fail(r);
        return;
    }
    get_value(&s->sub[branch], r, a, out);
}

static void get_nested(const struct step *s, struct reader *r, struct arena *a, struct value *out)
{
    if (s->op == OP_ROW) {
        struct value *items = ARENA_ARRAY(a, struct value, s->width);
        get_fields(s, r, a, items);
        out->items = items;
        out->len = (uint32_t)s->width;
        return;
    }
    get_items(s, r, a, out);
}

/* The branch of a union of null and one type. False: null, or damaged. */
static inline bool get_branch(const struct step *s, struct reader *r, struct value *out)
{
    int64_t branch = zigzag(r);
    if (branch == s->null_branch) {
        out->state = VALUE_NULL;
        return false;
    }
    if (UNLIKELY(branch != 1 - s->null_branch)) {
        reader_fail(r);
        return false;
    }
    return true;
}

static void get_value(const struct step *s, struct reader *r, struct arena *a, struct value *out)
{
    if (s->null_branch >= 0 && !get_branch(s, r, out)) {
        return;
    }
    out->state = VALUE_SET;
    switch (s->op) {
    case OP_SKIP:
    case OP_NULL:
        out->state = VALUE_NULL;
        return;
    case OP_MISMATCH:
        reader_fail(r);
        return;
    case OP_BOOLEAN:
        get_boolean(r, out);
        return;
    case OP_INT:
        get_int(s, r, out);
        return;
    case OP_LONG:
        out->i = zigzag(r);
        return;
    case OP_MILLIS:
        out->i = zigzag(r);
        out->len = 0;
        return;
    case OP_MICROS:
        get_micros(r, out);
        return;
    case OP_TIME_MICROS:
        out->i = zigzag(r) / 1000;
        return;
    case OP_FLOAT:
        out->f4 = get_float(r);
        return;
    case OP_FLOAT_AS_DOUBLE:
        out->f8 = (double)get_float(r);
        return;
    case OP_DOUBLE:
        out->f8 = get_double(r);
        return;
    case OP_BYTES:
        get_bytes(r, out);
        return;
    case OP_FIXED:
        out->bytes = (const char *)reader_take(r, s->node->size);
        out->len = (uint32_t)s->node->size;
        return;
    case OP_DECIMAL:
        get_decimal(s, r, a, out);
        return;
    case OP_ARRAY:
    case OP_MAP:
    case OP_ENTRIES:
    case OP_ROW:
        get_nested(s, r, a, out);
        return;
    case OP_UNION:
        get_union(s, r, a, out);
        return;
    }
}

void avro_decoder_row(const struct avro_decoder *d, struct reader *r, struct arena *arena,
                      struct value *values)
{
    if (d->root.null_branch >= 0 && zigzag(r) != 1 - d->root.null_branch) {
        reader_fail(r); /* a row that is null */
        return;
    }
    get_fields(&d->root, r, arena, values);
}
