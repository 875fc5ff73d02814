/* Numbers, dates and times are kept as one ordered int64 (floats by their bits, so that -0.0 < 0.0
 * as in Java); wide decimals as int128; texts as prefixes, for which cutting first and comparing
 * after gives the same as the other way round. */
#include "sink/col_stats.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "sink/binrow.h"

enum order {
    ORDER_NONE, /* bounds are not kept: nested types, and bytes as in Paimon up to 2.0 */
    ORDER_INT,
    ORDER_FLOAT,
    ORDER_DOUBLE,
    ORDER_TIMESTAMP,
    ORDER_WIDE,
    ORDER_TEXT,
};

struct text {
    char *ptr;
    uint32_t len;
    size_t cap;
    uint64_t head; /* first 8 bytes, big-endian, zero-padded: decides most comparisons */
};

struct column {
    enum order order;
    bool any;     /* has bounds */
    bool unknown; /* NaN was seen: bounds would mislead */
    bool cut;     /* ORDER_TEXT: some value goes on after max */
    int64_t nulls;
    int64_t low, high;
    uint32_t low_nanos, high_nanos;
    int128 wide_low, wide_high;
    struct text min, max;
};

struct col_stats {
    const struct schema_field **fields;
    struct column *columns;
    size_t count;
    enum col_stats_mode mode;
    size_t truncate;
};

static enum order order_of(const struct type *t)
{
    switch (t->kind) {
    case TYPE_BOOLEAN:
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT:
    case TYPE_DATE:
    case TYPE_TIME:
        return ORDER_INT;
    case TYPE_FLOAT:
        return ORDER_FLOAT;
    case TYPE_DOUBLE:
        return ORDER_DOUBLE;
    case TYPE_DECIMAL:
        return t->precision > 18 ? ORDER_WIDE : ORDER_INT;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        return ORDER_TIMESTAMP;
    case TYPE_CHAR:
    case TYPE_VARCHAR:
        return ORDER_TEXT;
    case TYPE_BINARY:
    case TYPE_VARBINARY:
    case TYPE_ARRAY:
    case TYPE_MULTISET:
    case TYPE_MAP:
    case TYPE_ROW:
        break;
    }
    return ORDER_NONE;
}

struct col_stats *col_stats_new(const struct schema_field *const *fields, size_t count,
                                enum col_stats_mode mode, size_t truncate)
{
    struct col_stats *c = MEM_NEW(struct col_stats);
    c->fields = MEM_ARRAY(const struct schema_field *, count);
    c->columns = MEM_ARRAY(struct column, count);
    c->count = count;
    c->mode = mode;
    c->truncate = mode == COL_STATS_TRUNCATE ? truncate : SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        c->fields[i] = fields[i];
        bool bounds = mode == COL_STATS_TRUNCATE || mode == COL_STATS_FULL;
        c->columns[i].order = bounds ? order_of(&fields[i]->type) : ORDER_NONE;
    }
    return c;
}

void col_stats_free(struct col_stats *c)
{
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < c->count; i++) {
        mem_free(c->columns[i].min.ptr);
        mem_free(c->columns[i].max.ptr);
    }
    mem_free(c->fields);
    mem_free(c->columns);
    mem_free(c);
}

/* Bytes of the code point that begins here; a stray byte counts as one. */
static size_t point_bytes(const char *p, size_t left)
{
    unsigned char b = (unsigned char)*p;
    size_t n = b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : b >= 0xc0 ? 2 : 1;
    return n < left ? n : left;
}

/* Bytes of the first n code points. */
static size_t prefix_bytes(const char *p, size_t len, size_t n)
{
    if (len <= n) {
        return len; /* a code point has a byte at least */
    }
    size_t at = 0;
    while (n > 0 && at < len) {
        at += point_bytes(p + at, len - at);
        n--;
    }
    return at;
}

static inline uint64_t head_of(const char *p, size_t len)
{
    uint64_t head = 0;
    if (len > 0) {
        memcpy(&head, p, len < 8 ? len : 8);
    }
    return __builtin_bswap64(head);
}

static void text_set(struct text *t, const char *p, size_t len)
{
    if (len > t->cap) {
        t->cap = len * 2;
        t->ptr = mem_realloc(t->ptr, t->cap);
    }
    if (len > 0) {
        memcpy(t->ptr, p, len);
    }
    t->len = (uint32_t)len;
    t->head = head_of(p, len);
}

static struct str text_str(const struct text *t)
{
    return (struct str){t->len == 0 ? "" : t->ptr, t->len};
}

static void add_text(struct column *c, const struct value *v, size_t truncate)
{
    uint64_t head = head_of(v->bytes, v->len);
    if (LIKELY(c->any && head > c->min.head && head < c->max.head)) {
        return;
    }
    struct str s = value_str(v);
    if (!c->any) {
        size_t len = prefix_bytes(s.ptr, s.len, truncate);
        text_set(&c->min, s.ptr, len);
        text_set(&c->max, s.ptr, len);
        c->cut = len < s.len;
        c->any = true;
        return;
    }
    if (str_compare(s, text_str(&c->min)) < 0) {
        text_set(&c->min, s.ptr, prefix_bytes(s.ptr, s.len, truncate));
    }
    if (str_compare(s, text_str(&c->max)) > 0) {
        size_t len = prefix_bytes(s.ptr, s.len, truncate);
        if (str_eq(str_slice(s, 0, len), text_str(&c->max))) {
            c->cut = true;
        } else {
            text_set(&c->max, s.ptr, len);
            c->cut = len < s.len;
        }
    }
}

static inline void add_int(struct column *c, int64_t x)
{
    if (UNLIKELY(!c->any)) {
        c->any = true;
        c->low = x;
        c->high = x;
        return;
    }
    c->low = x < c->low ? x : c->low;
    c->high = x > c->high ? x : c->high;
}

/* The bits of a double as a number of the same order; its own inverse. */
static int64_t fold_bits(int64_t bits)
{
    return bits ^ ((bits >> 63) & INT64_MAX);
}

static void add_double(struct column *c, double d)
{
    if (isnan(d)) {
        c->unknown = true;
        return;
    }
    int64_t bits;
    memcpy(&bits, &d, sizeof(bits));
    add_int(c, fold_bits(bits));
}

static double double_of(int64_t folded)
{
    int64_t bits = fold_bits(folded);
    double d;
    memcpy(&d, &bits, sizeof(d));
    return d;
}

static void add_timestamp(struct column *c, const struct value *v)
{
    if (!c->any || v->i < c->low || (v->i == c->low && v->len < c->low_nanos)) {
        c->low = v->i;
        c->low_nanos = v->len;
    }
    if (!c->any || v->i > c->high || (v->i == c->high && v->len > c->high_nanos)) {
        c->high = v->i;
        c->high_nanos = v->len;
    }
    c->any = true;
}

static void add_wide(struct column *c, int128 x)
{
    if (!c->any || x < c->wide_low) {
        c->wide_low = x;
    }
    if (!c->any || x > c->wide_high) {
        c->wide_high = x;
    }
    c->any = true;
}

void col_stats_add(struct col_stats *c, const struct value *values)
{
    for (size_t i = 0; i < c->count; i++) {
        struct column *column = &c->columns[i];
        const struct value *v = &values[i];
        if (v->state != VALUE_SET) {
            column->nulls++;
            continue;
        }
        switch (column->order) {
        case ORDER_NONE:
            break;
        case ORDER_INT:
            add_int(column, v->i);
            break;
        case ORDER_FLOAT:
            add_double(column, (double)v->f4);
            break;
        case ORDER_DOUBLE:
            add_double(column, v->f8);
            break;
        case ORDER_TIMESTAMP:
            add_timestamp(column, v);
            break;
        case ORDER_WIDE:
            add_wide(column, *v->wide);
            break;
        case ORDER_TEXT:
            add_text(column, v, c->truncate);
            break;
        }
    }
}

/* The code point of n bytes, or UINT32_MAX when they are none. */
static uint32_t decode_point(const char *p, size_t n)
{
    const unsigned char *b = (const unsigned char *)p;
    uint32_t v = n == 1 ? b[0] : b[0] & (0x7fu >> n);
    if (n == 1 ? v >= 0x80 : b[0] < 0xc0) {
        return UINT32_MAX;
    }
    for (size_t i = 1; i < n; i++) {
        if ((b[i] & 0xc0) != 0x80) {
            return UINT32_MAX;
        }
        v = v << 6 | (b[i] & 0x3fu);
    }
    /* A number in more bytes than it needs is none: raised, it would sort below. */
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    return v >= least[n] ? v : UINT32_MAX;
}

static size_t encode_point(uint32_t v, char out[4])
{
    if (v < 0x80) {
        out[0] = (char)v;
        return 1;
    }
    size_t n = v < 0x800 ? 2 : v < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (v & 0x3f));
        v >>= 6;
    }
    out[0] = (char)((0xf00u >> n) | v);
    return n;
}

/* The least text of its length that is above every text which begins with these: the last code
 * point that can be is incremented, the rest dropped. False when none can be. */
static bool raise_bound(struct str max, struct arena *a, struct str *out)
{
    size_t end = max.len;
    while (end > 0) {
        size_t at = end - 1;
        while (at > 0 && ((unsigned char)max.ptr[at] & 0xc0) == 0x80 && end - at < 4) {
            at--;
        }
        uint32_t point = decode_point(max.ptr + at, end - at);
        if (point < 0x10ffff) {
            /* Surrogates are no characters: Java steps into them and writes '?'. */
            uint32_t next = point == 0xd7ff ? 0xe000 : point + 1;
            char *p = arena_alloc(a, at + 4);
            if (at > 0) {
                memcpy(p, max.ptr, at);
            }
            *out = (struct str){p, at + encode_point(next, p + at)};
            return true;
        }
        end = at;
    }
    return false;
}

static void text_bounds(const struct column *c, struct arena *a, struct value *min,
                        struct value *max)
{
    struct str high = text_str(&c->max);
    if (c->cut && !raise_bound(high, a, &high)) {
        min->state = VALUE_NULL; /* Paimon wants both or none */
        max->state = VALUE_NULL;
        return;
    }
    min->bytes = text_str(&c->min).ptr;
    min->len = c->min.len;
    max->bytes = high.ptr;
    max->len = (uint32_t)high.len;
}

static void bounds_of(const struct column *c, struct arena *a, struct value *min, struct value *max)
{
    *min = (struct value){.state = VALUE_NULL};
    *max = *min;
    if (!c->any || c->unknown) {
        return;
    }
    min->state = VALUE_SET;
    max->state = VALUE_SET;
    switch (c->order) {
    case ORDER_NONE:
        break;
    case ORDER_INT:
    case ORDER_TIMESTAMP:
        min->i = c->low;
        min->len = c->low_nanos;
        max->i = c->high;
        max->len = c->high_nanos;
        break;
    case ORDER_FLOAT:
        min->f4 = (float)double_of(c->low);
        max->f4 = (float)double_of(c->high);
        break;
    case ORDER_DOUBLE:
        min->f8 = double_of(c->low);
        max->f8 = double_of(c->high);
        break;
    case ORDER_WIDE:
        min->wide = &c->wide_low;
        max->wide = &c->wide_high;
        break;
    case ORDER_TEXT:
        text_bounds(c, a, min, max);
        break;
    }
}

void col_stats_finish(const struct col_stats *c, struct buf *out_min, struct buf *out_max,
                      int64_t *out_nulls)
{
    struct arena arena = {0};
    struct value *values = ARENA_ARRAY(&arena, struct value, 2 * c->count);
    const struct value **min = ARENA_ARRAY(&arena, const struct value *, c->count);
    const struct value **max = ARENA_ARRAY(&arena, const struct value *, c->count);
    for (size_t i = 0; i < c->count; i++) {
        bounds_of(&c->columns[i], &arena, &values[2 * i], &values[2 * i + 1]);
        min[i] = &values[2 * i];
        max[i] = &values[2 * i + 1];
        out_nulls[i] = c->mode == COL_STATS_NONE ? -1 : c->columns[i].nulls;
    }
    binrow_serialize(c->fields, c->count, min, out_min);
    binrow_serialize(c->fields, c->count, max, out_max);
    arena_release(&arena);
}
