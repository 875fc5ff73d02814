#include "connectors/mysql/mysql_tracker.h"

#include <string.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"
#include "connectors/mysql/binlog_table.h"

#define MAX_KEY_BYTES 1024u /* two names of at most 64 characters */
#define TABLE_ID_BYTES 6u   /* of a map's body: all that differs when the server opens it again */

struct tracked {
    struct binlog_rows_plan *plan;
    char *map; /* body behind the id of the TABLE_MAP the plan was made from */
    size_t map_len;
    struct position *have; /* beyond the stream's start; NULL: nothing */
    bool empty;
    bool aside;
};

struct active {
    uint64_t id;
    uint32_t index;
};

struct mysql_tracker {
    const struct mysql_catalog *catalog;
    struct mysql_policy policy;
    struct tracked *tables;
    bool compares;    /* some table has a position of its own */
    struct map names; /* "database\0table" → &tables[index] */
    struct active *active;
    size_t active_count, active_cap;
    struct arena scratch;
    struct arena reasons;
    struct source_notice *notices; /* from notices_taken on: not taken yet */
    size_t notice_count, notice_cap, notices_taken;
};

static struct str key_of(struct str database, struct str name, char out[MAX_KEY_BYTES])
{
    if (database.len + name.len + 1 > MAX_KEY_BYTES) {
        return (struct str){out, 0};
    }
    memcpy(out, database.ptr, database.len);
    out[database.len] = '\0';
    memcpy(out + database.len + 1, name.ptr, name.len);
    return (struct str){out, database.len + name.len + 1};
}

struct mysql_tracker *mysql_tracker_new(const struct mysql_catalog *catalog,
                                        const struct mysql_policy *policy)
{
    struct mysql_tracker *t = MEM_NEW(struct mysql_tracker);
    char key[MAX_KEY_BYTES];
    t->catalog = catalog;
    t->policy = *policy;
    t->tables = MEM_ARRAY(struct tracked, catalog->count + 1);
    for (size_t i = 0; i < catalog->count; i++) {
        map_put(&t->names, key_of(catalog->tables[i].database, catalog->tables[i].name, key),
                &t->tables[i]);
    }
    return t;
}

void mysql_tracker_free(struct mysql_tracker *t)
{
    if (t == NULL) {
        return;
    }
    for (size_t i = 0; i < t->catalog->count; i++) {
        binlog_rows_plan_free(t->tables[i].plan);
        mem_free(t->tables[i].map);
        position_free(t->tables[i].have);
    }
    map_release(&t->names);
    mem_free(t->tables);
    mem_free(t->active);
    mem_free(t->notices);
    arena_release(&t->scratch);
    arena_release(&t->reasons);
    mem_free(t);
}

void mysql_tracker_stand(struct mysql_tracker *t, uint32_t index, const struct position *have,
                         bool empty)
{
    struct tracked *k = &t->tables[index];
    must(k->have == NULL);
    k->have = have == NULL ? NULL : position_dup(have);
    k->empty = empty;
    t->compares = t->compares || have != NULL;
}

bool mysql_tracker_compares(const struct mysql_tracker *t)
{
    return t->compares;
}

bool mysql_tracker_has(const struct mysql_tracker *t, uint32_t index, const struct place *place)
{
    return t->tables[index].have != NULL && position_has(t->tables[index].have, place);
}

bool mysql_tracker_is_empty(const struct mysql_tracker *t, uint32_t index)
{
    return t->tables[index].empty;
}

void mysql_tracker_fill(struct mysql_tracker *t, uint32_t index)
{
    t->tables[index].empty = false;
}

/* Each id once: a long transaction maps its tables anew with every statement. */
static void add_active(struct mysql_tracker *t, uint64_t id, uint32_t index)
{
    for (size_t i = t->active_count; i-- > 0;) {
        if (t->active[i].id == id) {
            t->active[i].index = index;
            return;
        }
    }
    VEC_ROOM(t->active, t->active_count, t->active_cap);
    t->active[t->active_count++] = (struct active){id, index};
}

/* Makes the decoder of a map that is not the last one. */
static bool plan_map(struct mysql_tracker *t, uint32_t index, const struct binlog_format *format,
                     const struct binlog_event *e, struct error *err)
{
    const struct mysql_table *table = &t->catalog->tables[index];
    struct tracked *k = &t->tables[index];
    struct binlog_table map;
    struct binlog_rows_plan *plan = NULL;
    arena_reset(&t->scratch);
    if (!binlog_table_read(format, e, &t->scratch, &map, err) ||
        !binlog_rows_plan_new(table->columns, table->column_count, &map, &t->policy, &plan, err)) {
        return false;
    }
    struct str rest = str_slice(e->body, TABLE_ID_BYTES, e->body.len);
    binlog_rows_plan_free(k->plan);
    mem_free(k->map);
    k->plan = plan;
    k->map = mem_dup(rest.ptr, rest.len);
    k->map_len = rest.len;
    return true;
}

static void shape_differs(struct mysql_tracker *t, uint32_t index, const char *where,
                          const struct error *why)
{
    struct buf b = BUF_INIT(2048);
    buf_printf(&b,
               "its rows in the binary log from %s on have another shape than the table had when "
               "the job began: %s; changes of shape are not followed yet: to copy the table "
               "anew, drop the lake's and start again",
               where, why->text);
    (void)mysql_tracker_set_aside(t, index, buf_str(&b));
    buf_release(&b);
}

bool mysql_tracker_map(struct mysql_tracker *t, const struct binlog_format *format,
                       const struct binlog_event *e, const struct place *place, const char *where,
                       struct error *err)
{
    struct binlog_table map;
    char key[MAX_KEY_BYTES];
    if (!binlog_table_peek(format, e, &map, err)) {
        return false;
    }
    struct tracked *k = map_get(&t->names, key_of(map.database, map.name, key));
    if (k == NULL || k->aside) {
        add_active(t, map.id, MYSQL_TRACKER_NONE);
        return true;
    }
    uint32_t index = (uint32_t)(k - t->tables);
    if (place != NULL && mysql_tracker_has(t, index, place)) {
        add_active(t, map.id, MYSQL_TRACKER_NONE);
        return true;
    }
    struct str rest = str_slice(e->body, TABLE_ID_BYTES, e->body.len);
    bool same = k->map_len == rest.len && k->map != NULL && memcmp(k->map, rest.ptr, rest.len) == 0;
    if (!same) {
        struct error why = {0};
        if (!plan_map(t, index, format, e, &why)) {
            if (why.code != FAIL_SCHEMA) {
                *err = why;
                return false;
            }
            shape_differs(t, index, where, &why);
            index = MYSQL_TRACKER_NONE;
        }
    }
    add_active(t, map.id, index);
    return true;
}

bool mysql_tracker_find(const struct mysql_tracker *t, uint64_t id, uint32_t *out_index)
{
    for (size_t i = t->active_count; i-- > 0;) {
        if (t->active[i].id == id) {
            uint32_t index = t->active[i].index;
            bool gone = index != MYSQL_TRACKER_NONE && t->tables[index].aside;
            *out_index = gone ? MYSQL_TRACKER_NONE : index;
            return true;
        }
    }
    return false;
}

struct binlog_rows_plan *mysql_tracker_plan(struct mysql_tracker *t, uint32_t index)
{
    return t->tables[index].plan;
}

void mysql_tracker_forget_ids(struct mysql_tracker *t)
{
    t->active_count = 0;
}

bool mysql_tracker_is_aside(const struct mysql_tracker *t, uint32_t index)
{
    return t->tables[index].aside;
}

bool mysql_tracker_set_aside(struct mysql_tracker *t, uint32_t index, struct str reason)
{
    if (t->tables[index].aside) {
        return false;
    }
    t->tables[index].aside = true;
    VEC_ROOM(t->notices, t->notice_count, t->notice_cap);
    t->notices[t->notice_count++] =
        (struct source_notice){.table = index, .reason = arena_str(&t->reasons, reason)};
    return true;
}

void mysql_tracker_each(const struct mysql_tracker *t, struct str database, struct str name,
                        bool nocase, void (*found)(void *self, uint32_t index), void *self)
{
    for (uint32_t i = 0; i < t->catalog->count; i++) {
        const struct mysql_table *k = &t->catalog->tables[i];
        bool same_db =
            nocase ? str_eq_nocase(k->database, database) : str_eq(k->database, database);
        bool same =
            name.len == 0 || (nocase ? str_eq_nocase(k->name, name) : str_eq(k->name, name));
        if (same_db && same) {
            found(self, i);
        }
    }
}

bool mysql_tracker_has_notices(const struct mysql_tracker *t)
{
    return t->notices_taken < t->notice_count;
}

size_t mysql_tracker_take_notices(struct mysql_tracker *t, struct arena *arena,
                                  struct source_notice *out)
{
    size_t n = 0;
    while (n < MYSQL_TRACKER_NOTICES && mysql_tracker_has_notices(t)) {
        out[n] = t->notices[t->notices_taken++];
        out[n].reason = arena_str(arena, out[n].reason);
        n++;
    }
    return n;
}
