#include "connectors/mysql/binlog_rows.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "connectors/mysql/binlog_cell.h"
#include "connectors/mysql/mysql_decoder.h"
#include "connectors/mysql/mysql_lenenc.h"

#define MAX_COLUMNS 4096 /* of both servers */
#define TABLE_ID_BYTES 6

struct binlog_rows_plan {
    struct mysql_decoder *decoders;
    size_t count;
    struct arena members; /* ENUM and SET members that the log spells better than the catalog */
    struct buf json;
    enum mysql_json_dialect json_dialect; /* of every decoder */
};

/* MySQL's catalog writes `?` for characters of four bytes; the log (binlog_row_metadata=FULL) has
 * them as they are. */
static bool plan_members(struct binlog_rows_plan *plan, struct mysql_decoder *d,
                         const struct binlog_column *m, struct error *err)
{
    bool same = true;
    if (m->members == NULL || d->members == NULL) {
        return true;
    }
    struct str *members = ARENA_ARRAY(&plan->members, struct str, m->member_count);
    for (uint32_t i = 0; i < m->member_count; i++) {
        struct str utf8;
        if (!mysql_charset_convert(d->converter, m->members[i], &plan->members, &utf8, err)) {
            return error_in(err, "column `%.*s`", STR_FMT(d->column->name));
        }
        members[i] = arena_str(&plan->members, utf8);
        same = same && str_eq(utf8, d->members[i]);
    }
    if (!same) {
        d->members = members;
        d->members_lent = true;
    }
    return true;
}

bool binlog_rows_plan_new(const struct mysql_column *columns, size_t count,
                          const struct binlog_table *map, const struct mysql_policy *policy,
                          struct binlog_rows_plan **out, struct error *err)
{
    if (!mysql_column_match(columns, count, map, err)) {
        return false;
    }
    struct binlog_rows_plan *plan = MEM_NEW(struct binlog_rows_plan);
    plan->decoders = MEM_ARRAY(struct mysql_decoder, count);
    plan->json = BUF_INIT(UINT32_MAX);
    for (size_t i = 0; i < count; i++) {
        struct mysql_decoder *d = &plan->decoders[i];
        if (!mysql_decoder_init(d, &columns[i], policy, err)) {
            binlog_rows_plan_free(plan);
            return false;
        }
        plan->count++;
        binlog_cell_plan(d, &map->columns[i]);
        if (!plan_members(plan, d, &map->columns[i], err)) {
            binlog_rows_plan_free(plan);
            return false;
        }
    }
    *out = plan;
    return true;
}

void binlog_rows_plan_free(struct binlog_rows_plan *plan)
{
    if (plan == NULL) {
        return;
    }
    for (size_t i = 0; i < plan->count; i++) {
        mysql_decoder_release(&plan->decoders[i]);
    }
    mem_free(plan->decoders);
    arena_release(&plan->members);
    buf_release(&plan->json);
    mem_free(plan);
}

/* What a type of rows event is. */
struct shape {
    enum binlog_rows_kind kind;
    bool extra; /* version 2: extra data behind the flags */
    bool packed;
};

static bool shape_of(uint8_t type, struct shape *out)
{
    static const struct {
        uint8_t first; /* write, update and delete follow each other */
        bool extra, packed;
    } families[] = {
        {BINLOG_WRITE_ROWS_V1, false, false},
        {BINLOG_WRITE_ROWS, true, false},
        {BINLOG_MARIADB_WRITE_ROWS_COMPRESSED_V1, false, true},
        {BINLOG_MARIADB_WRITE_ROWS_COMPRESSED, true, true},
    };
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        if (type >= families[i].first && type < families[i].first + 3) {
            *out = (struct shape){(enum binlog_rows_kind)(type - families[i].first),
                                  families[i].extra, families[i].packed};
            return true;
        }
    }
    return false;
}

static bool bit_at(const char *bits, size_t i)
{
    return ((unsigned char)bits[i / 8] >> i % 8 & 1) != 0;
}

/* Columns of an image; bits behind the last column mean nothing. */
static size_t count_present(struct str bits, size_t columns)
{
    size_t n = 0;
    for (size_t i = 0; i < columns; i++) {
        n += bit_at(bits.ptr, i);
    }
    return n;
}

/* post-header: table id u48, flags u16; version 2: length of extra data u16 (itself included)
 * column count lenenc, bitmap of columns; updates: a second bitmap; rows until the end */
bool binlog_rows_open(const struct binlog_format *f, const struct binlog_event *e,
                      struct arena *arena, struct binlog_rows *out, struct error *err)
{
    struct shape shape;
    struct reader r = reader_over(e->body, "rows event");
    if (!shape_of(e->type, &shape)) {
        return error_set(err, FAIL_CORRUPT, "event type %u holds no rows", e->type);
    }
    struct binlog_rows rows = {.kind = shape.kind, .table_id = reader_ule(&r, TABLE_ID_BYTES)};
    if (f->post_header_bytes[e->type] == TABLE_ID_BYTES) {
        reader_fail(&r); /* 4-byte table ids of a 5.1 alpha */
    }
    rows.flags = reader_u16le(&r);
    if (shape.extra) {
        size_t extra = reader_u16le(&r);
        reader_skip(&r, extra >= 2 ? extra - 2 : SIZE_MAX);
    }
    uint64_t count = mysql_lenenc(&r);
    if (count > MAX_COLUMNS) {
        reader_fail(&r);
        count = 0;
    }
    rows.column_count = (size_t)count;
    size_t images = shape.kind == BINLOG_ROWS_UPDATE ? 2 : 1;
    for (size_t i = 0; i < images; i++) {
        rows.present[i] = reader_bytes(&r, (rows.column_count + 7) / 8);
    }
    if (!reader_ok(&r, err)) {
        return false;
    }
    for (size_t i = 0; i < images; i++) {
        rows.complete[i] = count_present(rows.present[i], rows.column_count) == rows.column_count;
    }
    struct str bytes = r.rest;
    if (shape.packed && bytes.len > 0 && !binlog_inflate(bytes, arena, &bytes, err)) {
        return false;
    }
    rows.rest = reader_over(bytes, "rows event's rows");
    rows.json_dialect = strncmp(f->server, "5.", 2) == 0 ? MYSQL_JSON_5_7 : MYSQL_JSON_8;
    *out = rows;
    return true;
}

/* A bitmap of nulls, one bit for each column that the image has, then their values. */
static struct value *read_image(struct reader *r, struct str present, bool complete,
                                struct binlog_rows_plan *plan, struct arena *arena,
                                struct error *err)
{
    size_t count = plan->count;
    size_t held = complete ? count : count_present(present, count);
    const unsigned char *nulls = reader_take(r, (held + 7) / 8);
    if (UNLIKELY(!reader_ok(r, err))) {
        return NULL;
    }
    struct value *values = arena_alloc(arena, mem_size(count, sizeof(struct value)));
    size_t bit = 0;
    for (size_t i = 0; i < count; i++) {
        if (!complete && !bit_at(present.ptr, i)) {
            values[i] = (struct value){.state = VALUE_UNCHANGED};
            continue;
        }
        bool null = (nulls[bit / 8] >> bit % 8 & 1) != 0;
        bit++;
        if (null) {
            mysql_decoder_null(&values[i]);
        } else if (UNLIKELY(!binlog_cell_read(&plan->decoders[i], r, arena, &plan->json, &values[i],
                                              err))) {
            return NULL;
        }
    }
    return UNLIKELY(!reader_ok(r, err)) ? NULL : values;
}

static enum binlog_rows_next misfit(const struct binlog_rows *rows,
                                    const struct binlog_rows_plan *plan, struct error *err)
{
    if (rows->column_count != plan->count) {
        (void)error_set(err, FAIL_SCHEMA, "rows event of %zu columns, but the table has %zu",
                        rows->column_count, plan->count);
    } else {
        (void)error_set(err, FAIL_SCHEMA,
                        "rows event without a column in its images, so its rows cannot even be "
                        "counted; set binlog_row_image=FULL on the server");
    }
    return BINLOG_ROWS_FAIL;
}

static void set_dialect(struct binlog_rows_plan *plan, enum mysql_json_dialect dialect)
{
    plan->json_dialect = dialect;
    for (size_t i = 0; i < plan->count; i++) {
        plan->decoders[i].json_dialect = dialect;
    }
}

enum binlog_rows_next binlog_rows_next(struct binlog_rows *rows, struct binlog_rows_plan *plan,
                                       struct arena *arena, struct value **out_before,
                                       struct value **out_after, struct error *err)
{
    bool ends_statement_only =
        rows->rest.rest.len == 0 && rows->table_id == BINLOG_ROWS_DUMMY_TABLE;
    if (ends_statement_only) {
        return BINLOG_ROWS_END;
    }
    bool first = rows->present[0].len > 0 && rows->complete[0];
    if (UNLIKELY(rows->column_count != plan->count ||
                 (!first && count_present(rows->present[0], plan->count) == 0))) {
        return misfit(rows, plan, err);
    }
    if (rows->rest.rest.len == 0) {
        return BINLOG_ROWS_END;
    }
    if (UNLIKELY(plan->json_dialect != rows->json_dialect)) {
        set_dialect(plan, rows->json_dialect);
    }
    struct reader r = rows->rest;
    struct value *images[2] = {NULL, NULL};
    size_t count = rows->kind == BINLOG_ROWS_UPDATE ? 2 : 1;
    for (size_t i = 0; i < count; i++) {
        images[i] = read_image(&r, rows->present[i], rows->complete[i], plan, arena, err);
        if (UNLIKELY(images[i] == NULL)) {
            return BINLOG_ROWS_FAIL;
        }
    }
    rows->rest = r;
    *out_before = rows->kind == BINLOG_ROWS_INSERT ? NULL : images[0];
    *out_after = rows->kind == BINLOG_ROWS_INSERT   ? images[0]
                 : rows->kind == BINLOG_ROWS_UPDATE ? images[1]
                                                    : NULL;
    return BINLOG_ROWS_ROW;
}
