#include "sink/format/parquet_meta.h"

#include "sink/format/thrift.h"

/* What the required fields of these structs take at least: what a count may cost is bounded by it.
 */
#define MIN_ELEMENT 4
#define MIN_CHUNK 4
#define MIN_GROUP 6

/* ConvertedType, the older annotation. */
enum converted {
    CONVERTED_UTF8 = 0,
    CONVERTED_MAP = 1,
    CONVERTED_MAP_PAIR = 2,
    CONVERTED_LIST = 3,
    CONVERTED_ENUM = 4,
    CONVERTED_DECIMAL = 5,
    CONVERTED_DATE = 6,
    CONVERTED_TIME_MILLIS = 7,
    CONVERTED_TIME_MICROS = 8,
    CONVERTED_TIMESTAMP_MILLIS = 9,
    CONVERTED_TIMESTAMP_MICROS = 10,
    CONVERTED_UINT_8 = 11,
    CONVERTED_INT_8 = 15,
    CONVERTED_INT_64 = 18,
    CONVERTED_JSON = 19,
};

/* The fields of the union LogicalType. */
enum logical_field {
    LOGICAL_STRING = 1,
    LOGICAL_MAP = 2,
    LOGICAL_LIST = 3,
    LOGICAL_ENUM = 4,
    LOGICAL_DECIMAL = 5,
    LOGICAL_DATE = 6,
    LOGICAL_TIME = 7,
    LOGICAL_TIMESTAMP = 8,
    LOGICAL_INTEGER = 10,
    LOGICAL_JSON = 12,
};

static void apply_converted(struct parquet_element *e, int32_t converted)
{
    if (converted >= CONVERTED_UINT_8 && converted <= CONVERTED_INT_64) {
        int32_t at = converted - CONVERTED_UINT_8;
        e->logical = PARQUET_LOGICAL_INT;
        e->is_signed = converted >= CONVERTED_INT_8;
        e->bits = 8 << at % 4;
        return;
    }
    static const uint8_t plain[] = {
        [CONVERTED_UTF8] = PARQUET_LOGICAL_STRING,
        [CONVERTED_MAP] = PARQUET_LOGICAL_MAP,
        [CONVERTED_MAP_PAIR] = PARQUET_LOGICAL_MAP_PAIR,
        [CONVERTED_LIST] = PARQUET_LOGICAL_LIST,
        [CONVERTED_ENUM] = PARQUET_LOGICAL_STRING,
        [CONVERTED_DECIMAL] = PARQUET_LOGICAL_DECIMAL,
        [CONVERTED_DATE] = PARQUET_LOGICAL_DATE,
        [CONVERTED_TIME_MILLIS] = PARQUET_LOGICAL_TIME,
        [CONVERTED_TIME_MICROS] = PARQUET_LOGICAL_TIME,
        [CONVERTED_TIMESTAMP_MILLIS] = PARQUET_LOGICAL_TIMESTAMP,
        [CONVERTED_TIMESTAMP_MICROS] = PARQUET_LOGICAL_TIMESTAMP,
    };
    if (converted >= 0 && (size_t)converted < sizeof(plain)) {
        e->logical = (enum parquet_logical)plain[converted];
        e->unit = converted == CONVERTED_TIME_MICROS || converted == CONVERTED_TIMESTAMP_MICROS
                      ? PARQUET_MICROS
                      : PARQUET_MILLIS;
        e->utc = true;
    } else {
        e->logical = converted == CONVERTED_JSON ? PARQUET_LOGICAL_STRING : PARQUET_LOGICAL_OTHER;
    }
}

static enum parquet_unit read_unit(struct reader *r)
{
    enum parquet_unit unit = PARQUET_MILLIS;
    struct thrift_field f = {0};
    while (thrift_next(r, &f)) {
        if (f.id >= 1 && f.id <= 3) {
            unit = (enum parquet_unit)(f.id - 1);
        }
        thrift_skip(r, &f);
    }
    return unit;
}

static void read_time_type(struct reader *r, struct parquet_element *e)
{
    struct thrift_field f = {0};
    while (thrift_next(r, &f)) {
        if (f.id == 1) {
            e->utc = thrift_bool(r, &f);
        } else if (f.id == 2 && f.type == THRIFT_STRUCT) {
            e->unit = read_unit(r);
        } else {
            thrift_skip(r, &f);
        }
    }
}

static void read_two_ints(struct reader *r, int64_t *first, int64_t *second)
{
    struct thrift_field f = {0};
    while (thrift_next(r, &f)) {
        if (f.id == 2 && (f.type == THRIFT_TRUE || f.type == THRIFT_FALSE)) {
            *second = thrift_bool(r, &f) ? 1 : 0;
        } else if (f.id == 1 || f.id == 2) {
            *(f.id == 1 ? first : second) = thrift_int(r, &f);
        } else {
            thrift_skip(r, &f);
        }
    }
}

static void read_logical_field(struct reader *r, const struct thrift_field *f,
                               struct parquet_element *e)
{
    int64_t first = 0;
    int64_t second = 0;
    e->logical = PARQUET_LOGICAL_OTHER;
    switch (f->id) {
    case LOGICAL_TIME:
    case LOGICAL_TIMESTAMP:
        e->logical = f->id == LOGICAL_TIME ? PARQUET_LOGICAL_TIME : PARQUET_LOGICAL_TIMESTAMP;
        read_time_type(r, e);
        return;
    case LOGICAL_DECIMAL:
        e->logical = PARQUET_LOGICAL_DECIMAL;
        read_two_ints(r, &first, &second);
        e->scale = first < 0 || first > 99 ? -1 : (int32_t)first;
        e->precision = second < 0 || second > 99 ? -1 : (int32_t)second;
        return;
    case LOGICAL_INTEGER:
        e->logical = PARQUET_LOGICAL_INT;
        read_two_ints(r, &first, &second);
        e->bits = first == 8 || first == 16 || first == 32 || first == 64 ? (int32_t)first : -1;
        e->is_signed = second != 0;
        return;
    case LOGICAL_STRING:
    case LOGICAL_ENUM:
    case LOGICAL_JSON:
        e->logical = PARQUET_LOGICAL_STRING;
        break;
    case LOGICAL_MAP:
        e->logical = PARQUET_LOGICAL_MAP;
        break;
    case LOGICAL_LIST:
        e->logical = PARQUET_LOGICAL_LIST;
        break;
    case LOGICAL_DATE:
        e->logical = PARQUET_LOGICAL_DATE;
        break;
    default:
        break;
    }
    thrift_skip(r, f);
}

static void read_logical(struct reader *r, struct parquet_element *e)
{
    struct thrift_field f = {0};
    while (thrift_next(r, &f)) {
        if (f.type == THRIFT_STRUCT) {
            read_logical_field(r, &f, e);
        } else {
            thrift_skip(r, &f);
        }
    }
}

static void read_element_field(struct reader *r, const struct thrift_field *f,
                               struct parquet_element *e, int32_t *converted)
{
    int32_t v = 0;
    switch (f->id) {
    case 1:
        v = thrift_int32(r, f);
        if (v < PARQUET_BOOLEAN || v > PARQUET_FIXED) {
            reader_fail(r);
        } else {
            e->physical = (enum parquet_physical)v;
        }
        break;
    case 2:
        e->type_length = thrift_int32(r, f);
        break;
    case 3:
        v = thrift_int32(r, f);
        if (v < PARQUET_REQUIRED || v > PARQUET_REPEATED) {
            reader_fail(r);
        } else {
            e->repetition = (enum parquet_repetition)v;
        }
        break;
    case 5:
        e->child_count = thrift_int32(r, f);
        break;
    case 6:
        *converted = thrift_int32(r, f);
        break;
    case 7:
        e->scale = thrift_int32(r, f);
        break;
    case 8:
        e->precision = thrift_int32(r, f);
        break;
    case 9:
        e->id = thrift_int32(r, f);
        break;
    default:
        thrift_skip(r, f);
    }
}

static void read_element(struct reader *r, struct arena *a, struct parquet_element *e)
{
    int32_t converted = -1;
    bool logical = false;
    struct thrift_field f = {0};
    *e = (struct parquet_element){.physical = PARQUET_GROUP, .id = -1};
    while (thrift_next(r, &f)) {
        if (f.id == 4) {
            e->name = arena_str(a, thrift_binary(r, &f));
        } else if (f.id == 10 && f.type == THRIFT_STRUCT) {
            read_logical(r, e);
            logical = e->logical != PARQUET_LOGICAL_NONE;
        } else {
            read_element_field(r, &f, e, &converted);
        }
    }
    if (!logical && converted >= 0) {
        apply_converted(e, converted);
    }
    if (e->name.ptr == NULL) {
        e->name = STR("");
    }
}

static void read_column_meta(struct reader *r, struct parquet_chunk_meta *c)
{
    struct thrift_field f = {0};
    int32_t physical = -1;
    while (thrift_next(r, &f)) {
        switch (f.id) {
        case 1:
            physical = thrift_int32(r, &f);
            break;
        case 4:
            c->codec = thrift_int32(r, &f);
            break;
        case 5:
            c->values = thrift_int(r, &f);
            break;
        case 6:
            c->plain_bytes = thrift_int(r, &f);
            break;
        case 7:
            c->packed_bytes = thrift_int(r, &f);
            break;
        case 9:
            c->data_offset = thrift_int(r, &f);
            break;
        case 11:
            c->dictionary_offset = thrift_int(r, &f);
            break;
        default:
            thrift_skip(r, &f);
        }
    }
    if (physical < PARQUET_BOOLEAN || physical > PARQUET_FIXED || c->values < 0 ||
        c->plain_bytes < 0 || c->packed_bytes < 0 || c->data_offset < 0 ||
        c->dictionary_offset < 0) {
        reader_fail(r);
        return;
    }
    c->physical = (enum parquet_physical)physical;
}

static void read_chunk(struct reader *r, struct parquet_chunk_meta *c)
{
    struct thrift_field f = {0};
    bool found = false;
    while (thrift_next(r, &f)) {
        if (f.id == 3 && f.type == THRIFT_STRUCT) {
            read_column_meta(r, c);
            found = true;
        } else if (f.id == 1) {
            c->elsewhere = thrift_binary(r, &f).len > 0 || c->elsewhere;
        } else {
            c->elsewhere = c->elsewhere || f.id == 8 || f.id == 9; /* encrypted */
            thrift_skip(r, &f);
        }
    }
    if (!found && !c->elsewhere) {
        reader_fail(r);
    }
}

static void read_group(struct reader *r, struct arena *a, struct parquet_group_meta *g)
{
    struct thrift_field f = {0};
    while (thrift_next(r, &f)) {
        if (f.id == 1) {
            size_t n = thrift_list(r, &f, THRIFT_STRUCT, MIN_CHUNK);
            g->chunks = ARENA_ARRAY(a, struct parquet_chunk_meta, n);
            g->chunk_count = n;
            for (size_t i = 0; i < n && !r->failed; i++) {
                read_chunk(r, &g->chunks[i]);
            }
        } else if (f.id == 3) {
            g->rows = thrift_int(r, &f);
        } else {
            thrift_skip(r, &f);
        }
    }
    if (g->rows < 0) {
        reader_fail(r);
    }
}

static void read_schema(struct reader *r, struct arena *a, const struct thrift_field *f,
                        struct parquet_meta *m)
{
    size_t n = thrift_list(r, f, THRIFT_STRUCT, MIN_ELEMENT);
    m->elements = ARENA_ARRAY(a, struct parquet_element, n);
    m->element_count = n;
    for (size_t i = 0; i < n && !r->failed; i++) {
        read_element(r, a, &m->elements[i]);
    }
}

bool parquet_meta_read(struct str bytes, struct arena *a, struct parquet_meta *out,
                       struct error *err)
{
    struct reader r = reader_over(bytes, "Parquet footer");
    struct parquet_meta m = {.created_by = {"", 0}};
    struct thrift_field f = {0};
    while (thrift_next(&r, &f)) {
        if (f.id == 2) {
            read_schema(&r, a, &f, &m);
        } else if (f.id == 3) {
            m.rows = thrift_int(&r, &f);
        } else if (f.id == 4) {
            size_t n = thrift_list(&r, &f, THRIFT_STRUCT, MIN_GROUP);
            m.groups = ARENA_ARRAY(a, struct parquet_group_meta, n);
            m.group_count = n;
            for (size_t i = 0; i < n && !r.failed; i++) {
                read_group(&r, a, &m.groups[i]);
            }
        } else if (f.id == 6) {
            m.created_by = arena_str(a, thrift_binary(&r, &f));
        } else {
            thrift_skip(&r, &f);
        }
    }
    if (m.rows < 0) {
        reader_fail(&r);
    }
    if (!reader_ok(&r, err)) {
        return false;
    }
    *out = m;
    return true;
}

static void read_dictionary_page(struct reader *r, struct parquet_page_meta *p)
{
    struct thrift_field f = {0};
    while (thrift_next(r, &f)) {
        if (f.id == 1) {
            p->values = thrift_int32(r, &f);
        } else if (f.id == 2) {
            p->encoding = thrift_int32(r, &f);
        } else {
            thrift_skip(r, &f);
        }
    }
}

static void read_data_page(struct reader *r, struct parquet_page_meta *p)
{
    struct thrift_field f = {0};
    while (thrift_next(r, &f)) {
        int32_t *to = f.id == 1   ? &p->values
                      : f.id == 2 ? &p->encoding
                      : f.id == 3 ? &p->def_encoding
                      : f.id == 4 ? &p->rep_encoding
                                  : NULL;
        if (to != NULL) {
            *to = thrift_int32(r, &f);
        } else {
            thrift_skip(r, &f);
        }
    }
}

static void read_data_page_2(struct reader *r, struct parquet_page_meta *p)
{
    struct thrift_field f = {0};
    p->is_compressed = true; /* the default */
    while (thrift_next(r, &f)) {
        int32_t *const to[] = {NULL,         &p->values,    &p->nulls,    &p->rows,
                               &p->encoding, &p->def_bytes, &p->rep_bytes};
        if (f.id >= 1 && f.id <= 6) {
            *to[f.id] = thrift_int32(r, &f);
        } else if (f.id == 7) {
            p->is_compressed = thrift_bool(r, &f);
        } else {
            thrift_skip(r, &f);
        }
    }
}

void parquet_meta_read_page(struct reader *r, struct parquet_page_meta *out)
{
    struct parquet_page_meta p = {.kind = -1, .plain_bytes = -1, .packed_bytes = -1};
    struct thrift_field f = {0};
    while (thrift_next(r, &f)) {
        if (f.id == 1) {
            p.kind = thrift_int32(r, &f);
        } else if (f.id == 2) {
            p.plain_bytes = thrift_int32(r, &f);
        } else if (f.id == 3) {
            p.packed_bytes = thrift_int32(r, &f);
        } else if (f.id == 4) {
            p.crc = (uint32_t)thrift_int32(r, &f);
            p.has_crc = true;
        } else if (f.id == 5 && f.type == THRIFT_STRUCT) {
            read_data_page(r, &p);
        } else if (f.id == 7 && f.type == THRIFT_STRUCT) {
            read_dictionary_page(r, &p);
        } else if (f.id == 8 && f.type == THRIFT_STRUCT) {
            read_data_page_2(r, &p);
        } else {
            thrift_skip(r, &f);
        }
    }
    if (p.kind < 0 || p.plain_bytes < 0 || p.packed_bytes < 0 || p.values < 0 || p.def_bytes < 0 ||
        p.rep_bytes < 0) {
        reader_fail(r);
    }
    *out = p;
}

/* ---- writing ---- */

void parquet_meta_put_page(struct buf *b, const struct parquet_page_meta *p)
{
    int32_t last = 0;
    int32_t inner = 0;
    thrift_put_i32(b, &last, 1, p->kind);
    thrift_put_i32(b, &last, 2, p->plain_bytes);
    thrift_put_i32(b, &last, 3, p->packed_bytes);
    thrift_put_i32(b, &last, 4, (int32_t)p->crc);
    thrift_put_struct(b, &last, p->kind == PARQUET_DICTIONARY ? 7 : 5);
    thrift_put_i32(b, &inner, 1, p->values);
    thrift_put_i32(b, &inner, 2, p->encoding);
    if (p->kind != PARQUET_DICTIONARY) {
        thrift_put_i32(b, &inner, 3, PARQUET_RLE);
        thrift_put_i32(b, &inner, 4, PARQUET_RLE);
    }
    thrift_put_stop(b);
    thrift_put_stop(b);
}

static int32_t converted_of(const struct parquet_element *e)
{
    switch (e->logical) {
    case PARQUET_LOGICAL_STRING:
        return CONVERTED_UTF8;
    case PARQUET_LOGICAL_MAP:
        return CONVERTED_MAP;
    case PARQUET_LOGICAL_MAP_PAIR:
        return CONVERTED_MAP_PAIR;
    case PARQUET_LOGICAL_LIST:
        return CONVERTED_LIST;
    case PARQUET_LOGICAL_DECIMAL:
        return CONVERTED_DECIMAL;
    case PARQUET_LOGICAL_DATE:
        return CONVERTED_DATE;
    case PARQUET_LOGICAL_TIME:
        return CONVERTED_TIME_MILLIS;
    case PARQUET_LOGICAL_TIMESTAMP: /* local times have no older annotation */
        return !e->utc                     ? -1
               : e->unit == PARQUET_MICROS ? CONVERTED_TIMESTAMP_MICROS
                                           : CONVERTED_TIMESTAMP_MILLIS;
    case PARQUET_LOGICAL_INT:
        return e->bits == 8 ? CONVERTED_INT_8 : CONVERTED_INT_8 + 1;
    case PARQUET_LOGICAL_NONE:
    case PARQUET_LOGICAL_OTHER:
        break;
    }
    return -1;
}

static void put_time_type(struct buf *b, const struct parquet_element *e)
{
    int32_t last = 0;
    int32_t unit = 0;
    thrift_put_bool(b, &last, 1, e->utc);
    thrift_put_struct(b, &last, 2);
    thrift_put_struct(b, &unit, e->unit == PARQUET_MICROS ? 2 : 1);
    thrift_put_stop(b); /* MilliSeconds {} */
    thrift_put_stop(b); /* TimeUnit */
}

static void put_logical(struct buf *b, const struct parquet_element *e)
{
    static const uint8_t fields[] = {
        [PARQUET_LOGICAL_STRING] = LOGICAL_STRING,
        [PARQUET_LOGICAL_MAP] = LOGICAL_MAP,
        [PARQUET_LOGICAL_LIST] = LOGICAL_LIST,
        [PARQUET_LOGICAL_DECIMAL] = LOGICAL_DECIMAL,
        [PARQUET_LOGICAL_DATE] = LOGICAL_DATE,
        [PARQUET_LOGICAL_TIME] = LOGICAL_TIME,
        [PARQUET_LOGICAL_INT] = LOGICAL_INTEGER,
        [PARQUET_LOGICAL_TIMESTAMP] = LOGICAL_TIMESTAMP,
        [PARQUET_LOGICAL_OTHER] = 0,
    };
    int32_t last = 0;
    int32_t inner = 0;
    thrift_put_struct(b, &last, fields[e->logical]);
    if (e->logical == PARQUET_LOGICAL_DECIMAL) {
        thrift_put_i32(b, &inner, 1, e->scale);
        thrift_put_i32(b, &inner, 2, e->precision);
    } else if (e->logical == PARQUET_LOGICAL_INT) {
        thrift_put_byte(b, &inner, 1, (int8_t)e->bits);
        thrift_put_bool(b, &inner, 2, true);
    } else if (e->logical == PARQUET_LOGICAL_TIME || e->logical == PARQUET_LOGICAL_TIMESTAMP) {
        put_time_type(b, e);
    }
    thrift_put_stop(b);
    thrift_put_stop(b);
}

void parquet_meta_put_element(struct buf *b, const struct parquet_element *e)
{
    int32_t last = 0;
    int32_t converted = converted_of(e);
    if (e->physical != PARQUET_GROUP) {
        thrift_put_i32(b, &last, 1, (int32_t)e->physical);
    }
    if (e->physical == PARQUET_FIXED) {
        thrift_put_i32(b, &last, 2, e->type_length);
    }
    if (e->repetition != PARQUET_REQUIRED || e->physical != PARQUET_GROUP || e->id >= 0) {
        thrift_put_i32(b, &last, 3, (int32_t)e->repetition); /* the root alone has none */
    }
    thrift_put_binary(b, &last, 4, e->name);
    if (e->physical == PARQUET_GROUP) {
        thrift_put_i32(b, &last, 5, e->child_count);
    }
    if (converted >= 0) {
        thrift_put_i32(b, &last, 6, converted);
    }
    if (e->logical == PARQUET_LOGICAL_DECIMAL) {
        thrift_put_i32(b, &last, 7, e->scale);
        thrift_put_i32(b, &last, 8, e->precision);
    }
    if (e->id >= 0) {
        thrift_put_i32(b, &last, 9, e->id);
    }
    if (e->logical != PARQUET_LOGICAL_NONE && e->logical != PARQUET_LOGICAL_MAP_PAIR) {
        thrift_put_struct(b, &last, 10);
        put_logical(b, e);
    }
    thrift_put_stop(b);
}
