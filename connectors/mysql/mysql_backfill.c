#include "connectors/mysql/mysql_backfill.h"

#include <string.h>

#include "base/mem.h"
#include "base/reader.h"
#include "connectors/mysql/mysql_chunk.h"
#include "connectors/mysql/mysql_mark.h"
#include "connectors/mysql/mysql_statement.h"
#include "connectors/mysql/mysql_value.h"

#define MAX_SQL_BYTES ((size_t)4 << 20)
#define CHUNK_BYTES ((uint64_t)32 << 20)
#define CHUNK_MIN_ROWS 8096u
#define BATCH_BYTES ((size_t)64 << 10) /* with its values still within the block an arena keeps */
#define WALK_MAX 2      /* bounds looked for in one call: each costs a walk over a chunk's keys */
#define DENSE_FACTOR 4u /* most numbers a row, on average, of a key that is cut by arithmetic */

/* ---- plan ---- */

uint64_t mysql_backfill_rows(uint64_t chunk_rows, uint64_t table_rows, uint64_t table_bytes)
{
    if (chunk_rows > 0) {
        return chunk_rows;
    }
    uint64_t row_bytes = table_rows == 0 ? 100 : table_bytes / table_rows;
    uint64_t rows = CHUNK_BYTES / (row_bytes == 0 ? 1 : row_bytes);
    return rows < CHUNK_MIN_ROWS ? CHUNK_MIN_ROWS : rows;
}

struct plan {
    struct mysql_link *l;
    const struct mysql_table *table;
    uint64_t rows; /* of a chunk */
    struct mysql_bound low;
    struct arena *arena;
    struct source_chunk *out;
    size_t count, max;
    uint32_t index;
    bool done;
};

static void plan_add(struct plan *p, const struct mysql_bound *high)
{
    struct mysql_range range = {.low = p->low};
    if (high != NULL) {
        range.high = *high;
        p->low = *high;
    } else {
        p->done = true;
    }
    p->out[p->count++] = (struct source_chunk){
        .table = p->index, .id = mysql_chunk_print(&range, p->arena), .estimated_rows = p->rows};
}

/* Runs a statement that gives at most one row; *out_found tells whether it did. The packet is
 * copied into the arena. */
static bool one_row(struct plan *p, const struct buf *sql, const struct mysql_range *range,
                    struct mysql_column_info *columns, struct str *out_packet, bool *out_found,
                    struct error *err)
{
    struct mysql_statement s = {0};
    struct mysql_param *params = NULL;
    size_t count = mysql_chunk_params(range, p->arena, &params);
    size_t width = 0;
    struct str packet;
    bool found = false;
    if (!buf_ok(sql, "statement", err) ||
        !mysql_statement_prepare(p->l, buf_str(sql), columns, &s, err) ||
        !mysql_statement_execute(p->l, &s, params, count, err) ||
        !mysql_link_result(p->l, columns, &width, err)) {
        return false;
    }
    for (;;) {
        enum mysql_row row = mysql_link_row(p->l, &packet, err);
        if (row == MYSQL_NEXT_FAILED) {
            return false;
        }
        if (row == MYSQL_NEXT_END) {
            break;
        }
        *out_packet = arena_str(p->arena, packet);
        found = true;
    }
    mysql_statement_close(p->l, &s);
    *out_found = found;
    return true;
}

/* The key p->rows rows behind the low bound. */
static bool walk(struct plan *p, struct mysql_column_info *columns, struct error *err)
{
    struct mysql_range range = {.low = p->low};
    struct mysql_bound high;
    struct buf sql = BUF_INIT(MAX_SQL_BYTES);
    struct str packet = {0};
    bool found = false;
    buf_put_cstr(&sql, "SELECT ");
    mysql_chunk_put_key(p->table, &sql);
    buf_put_cstr(&sql, " FROM ");
    mysql_chunk_put_from(p->table, &range, &sql);
    mysql_chunk_put_order(p->table, false, &sql);
    buf_printf(&sql, " LIMIT 1 OFFSET %llu", (unsigned long long)(p->rows - 1));
    bool ok = one_row(p, &sql, &range, columns, &packet, &found, err);
    buf_release(&sql);
    if (!ok) {
        return false;
    }
    if (!found) {
        plan_add(p, NULL);
        return true;
    }
    if (!mysql_chunk_bound(p->table, columns, packet, p->arena, &high, err)) {
        return false;
    }
    plan_add(p, &high);
    return true;
}

/* MIN and MAX of a whole-number key; *out_found false for an empty table or another kind of key. */
static bool ask_ends(struct plan *p, struct mysql_column_info *columns, int128 *out_min,
                     int128 *out_max, bool *out_unsigned, bool *out_found, struct error *err)
{
    static const struct mysql_range all = {0};
    struct mysql_bound bound;
    int128 ends[2] = {0, 0};
    *out_found = false;
    for (int i = 0; i < 2; i++) {
        struct buf sql = BUF_INIT(MAX_SQL_BYTES);
        struct str packet = {0};
        bool found = false;
        buf_put_cstr(&sql, "SELECT ");
        mysql_chunk_put_key(p->table, &sql);
        buf_put_cstr(&sql, " FROM ");
        mysql_chunk_put_from(p->table, &all, &sql);
        mysql_chunk_put_order(p->table, i == 1, &sql);
        buf_put_cstr(&sql, " LIMIT 1");
        bool ok = one_row(p, &sql, &all, columns, &packet, &found, err);
        buf_release(&sql);
        if (!ok) {
            return false;
        }
        if (!found) {
            return true;
        }
        if (!mysql_chunk_bound(p->table, columns, packet, p->arena, &bound, err)) {
            return false;
        }
        if (!mysql_chunk_as_number(&bound, &ends[i])) {
            return true;
        }
    }
    *out_unsigned = bound.values[0].is_unsigned;
    *out_min = ends[0];
    *out_max = ends[1];
    *out_found = true;
    return true;
}

static bool is_whole(const struct mysql_table *t)
{
    enum mysql_class c = t->columns[t->key[0]].class;
    return t->key_count == 1 &&
           (c == MYSQL_CLASS_TINY || c == MYSQL_CLASS_SHORT || c == MYSQL_CLASS_MEDIUM ||
            c == MYSQL_CLASS_INT || c == MYSQL_CLASS_BIGINT);
}

/* A range of w whole numbers holds at most w rows: with at most DENSE_FACTOR numbers a row on
 * average, equal steps give chunks of at most DENSE_FACTOR times the rows wanted. */
static bool cut_evenly(struct plan *p, uint64_t table_rows, struct mysql_column_info *columns,
                       bool *out_cut, struct error *err)
{
    int128 min = 0;
    int128 max = 0;
    int128 low;
    bool is_unsigned = false;
    bool found = false;
    *out_cut = false;
    if (!is_whole(p->table) || table_rows < p->rows) {
        return true;
    }
    if (!ask_ends(p, columns, &min, &max, &is_unsigned, &found, err)) {
        return false;
    }
    int128 width = max - min + 1;
    if (!found || width > (int128)table_rows * DENSE_FACTOR) {
        return true;
    }
    int128 step = (int128)p->rows * width / (int128)table_rows;
    step = step < 1 ? 1 : step;
    low = min - 1;
    if (p->low.count > 0 && !mysql_chunk_as_number(&p->low, &low)) {
        return true;
    }
    while (p->count < p->max && !p->done) {
        if (low + step >= max) {
            plan_add(p, NULL);
            break;
        }
        low += step;
        struct mysql_bound high = mysql_chunk_number(low, is_unsigned, p->arena);
        plan_add(p, &high);
    }
    *out_cut = true;
    return true;
}

static bool plan_from(struct plan *p, const struct source_chunk *after, struct error *err)
{
    struct mysql_range range = {0};
    if (after == NULL) {
        return true;
    }
    if (!mysql_chunk_parse(after->id, p->table, p->arena, &range, err)) {
        return false;
    }
    p->low = range.high;
    p->done = range.high.count == 0;
    return true;
}

bool mysql_backfill_plan(struct mysql_link *l, const struct mysql_table *table,
                         const struct source_table *published, uint64_t chunk_rows,
                         const struct source_chunk *after, size_t max, struct arena *arena,
                         struct source_chunk *out, size_t *out_count, bool *out_done,
                         struct error *err)
{
    struct plan p = {.l = l,
                     .table = table,
                     .rows = mysql_backfill_rows(chunk_rows, published->estimated_rows,
                                                 published->estimated_bytes),
                     .arena = arena,
                     .out = out,
                     .max = max,
                     .index = published->index};
    bool cut = false;
    struct mysql_column_info *columns =
        ARENA_ARRAY(arena, struct mysql_column_info, MYSQL_LINK_MAX_COLUMNS);
    bool ok = plan_from(&p, after, err);
    if (ok && !p.done && max > 0) {
        ok = cut_evenly(&p, published->estimated_rows, columns, &cut, err);
    }
    while (ok && !cut && !p.done && p.count < max && p.count < WALK_MAX) {
        ok = walk(&p, columns, err);
    }
    if (!ok) {
        return error_in(err, "%.*s", STR_FMT(published->label));
    }
    *out_count = p.count;
    *out_done = p.done;
    return true;
}

/* ---- read ---- */

struct mysql_backfill {
    struct mysql_link *l;
    struct mysql_server server;
    struct mysql_policy policy;
    struct stop *stop;
    const struct position *shared;
    const struct mysql_table *table; /* of plan and of the statement */
    struct mysql_value_plan *plan;
    struct mysql_statement statement;
    bool has_low, has_high; /* shape of the statement */
    uint32_t index;
    bool reading;
    struct mysql_mark mark; /* of the chunk that is read */
    struct mysql_column_info *columns;
    struct mysql_value_field *fields;
};

struct mysql_backfill *mysql_backfill_new(struct mysql_link *l, const struct mysql_server *server,
                                          const struct mysql_policy *policy, struct stop *stop,
                                          const struct position *shared)
{
    struct mysql_backfill *b = MEM_NEW(struct mysql_backfill);
    b->l = l;
    b->server = *server;
    b->policy = *policy;
    b->stop = stop;
    b->shared = shared;
    b->columns = MEM_ARRAY(struct mysql_column_info, MYSQL_LINK_MAX_COLUMNS);
    b->fields = MEM_ARRAY(struct mysql_value_field, MYSQL_LINK_MAX_COLUMNS);
    return b;
}

void mysql_backfill_free(struct mysql_backfill *b)
{
    if (b == NULL) {
        return;
    }
    if (b->shared != NULL && !b->reading) {
        mysql_statement_close(b->l, &b->statement);
    }
    if (b->shared == NULL) {
        mysql_link_close(b->l);
    }
    mysql_value_plan_free(b->plan);
    mysql_mark_release(&b->mark);
    mem_free(b->columns);
    mem_free(b->fields);
    mem_free(b);
}

static void put_select(const struct mysql_table *t, const struct mysql_range *range,
                       struct buf *sql)
{
    for (size_t i = 0; i < t->column_count; i++) {
        buf_put_cstr(sql, i == 0 ? "SELECT " : ", ");
        mysql_catalog_put_name(sql, t->columns[i].name);
    }
    buf_put_cstr(sql, " FROM ");
    mysql_chunk_put_from(t, range, sql);
}

/* Keeps statement and decoders while table and shape of the range stay the same. */
static bool prepare(struct mysql_backfill *b, const struct mysql_table *table,
                    const struct mysql_range *range, struct error *err)
{
    bool low = range->low.count > 0;
    bool high = range->high.count > 0;
    if (b->table != table) {
        mysql_value_plan_free(b->plan);
        b->plan = NULL;
        b->table = NULL;
        if (!mysql_value_plan_new(table->columns, table->column_count, &b->policy, &b->plan, err)) {
            return false;
        }
    } else if (b->has_low == low && b->has_high == high) {
        return true;
    }
    mysql_statement_close(b->l, &b->statement);
    b->table = NULL;
    struct buf sql = BUF_INIT(MAX_SQL_BYTES);
    put_select(table, range, &sql);
    bool ok = buf_ok(&sql, "statement", err) &&
              mysql_statement_prepare(b->l, buf_str(&sql), b->columns, &b->statement, err);
    buf_release(&sql);
    if (ok) {
        b->table = table;
        b->has_low = low;
        b->has_high = high;
    }
    return ok;
}

static bool execute(struct mysql_backfill *b, const struct mysql_range *range, struct arena *arena,
                    struct error *err)
{
    struct mysql_param *params;
    size_t count = mysql_chunk_params(range, arena, &params);
    size_t width = 0;
    if (!mysql_statement_execute(b->l, &b->statement, params, count, err) ||
        !mysql_link_result(b->l, b->columns, &width, err)) {
        return false;
    }
    b->reading = true;
    for (size_t i = 0; i < width; i++) {
        b->fields[i] = (struct mysql_value_field){.type = b->columns[i].type,
                                                  .flags = b->columns[i].flags,
                                                  .charset = b->columns[i].charset,
                                                  .decimals = b->columns[i].decimals};
    }
    return mysql_value_plan_check(b->plan, b->fields, width, err);
}

/* A chunk given up in the middle (its table was set aside) leaves rows on the wire. */
static bool drain(struct mysql_backfill *b, struct error *err)
{
    struct str packet;
    while (b->reading) {
        enum mysql_row row = mysql_link_row(b->l, &packet, err);
        if (row == MYSQL_NEXT_FAILED) {
            return false;
        }
        b->reading = row == MYSQL_NEXT_ROW;
    }
    return true;
}

bool mysql_backfill_start(struct mysql_backfill *b, const struct mysql_table *table, uint32_t index,
                          const struct source_chunk *chunk, struct error *err)
{
    struct arena arena = {0};
    struct mysql_range range;
    bool ok = drain(b, err) && mysql_chunk_parse(chunk->id, table, &arena, &range, err) &&
              (b->shared != NULL || mysql_mark_begin(&b->mark, b->l, &b->server, b->stop, err)) &&
              prepare(b, table, &range, err) && execute(b, &range, &arena, err);
    b->index = index;
    arena_release(&arena);
    return ok || error_in(err, "copy of %.*s.%.*s", STR_FMT(table->database), STR_FMT(table->name));
}

static bool take_row(struct mysql_backfill *b, struct str packet, struct batch *batch,
                     struct error *err)
{
    struct str bytes = arena_str(&batch->arena, packet); /* values point into it */
    struct value *values =
        arena_alloc(&batch->arena, b->table->column_count * sizeof(struct value));
    if (!mysql_value_row(b->plan, bytes, &batch->arena, values, err)) {
        return false;
    }
    struct change *c = batch_add(batch);
    c->table = b->index;
    c->kind = ROW_INSERT;
    c->values = values;
    batch->bytes += packet.len;
    return true;
}

static bool end_chunk(struct mysql_backfill *b, struct source_seen *out, struct error *err)
{
    b->reading = false;
    if (b->shared != NULL) {
        *out = (struct source_seen){position_dup(b->shared), position_dup(b->shared)};
        return true;
    }
    return mysql_mark_end(&b->mark, b->l, b->stop, out, err);
}

enum source_read mysql_backfill_read(struct mysql_backfill *b, struct batch *batch,
                                     struct source_seen *out_seen, struct error *err)
{
    must(b->reading);
    struct str packet;
    size_t limit = batch->bytes + BATCH_BYTES;
    bool ok = true;
    while (ok && batch->bytes < limit) {
        enum mysql_row row = mysql_link_row(b->l, &packet, err);
        if (row == MYSQL_NEXT_END) {
            if (end_chunk(b, out_seen, err)) {
                return SOURCE_END;
            }
            ok = false;
        } else {
            ok = row == MYSQL_NEXT_ROW && take_row(b, packet, batch, err);
        }
    }
    if (!ok) {
        error_in(err, "copy of %.*s.%.*s", STR_FMT(b->table->database), STR_FMT(b->table->name));
        return SOURCE_FAILED;
    }
    return SOURCE_BATCH;
}
