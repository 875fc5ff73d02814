#include "connectors/mysql/binlog_rows.h"

#include "connectors/mysql/binlog_payload.h"
#include "connectors/mysql/mysql_decoder.h"
#include "tests/unit/mysql_golden.h"

static const struct mysql_policy nulls = {.time_range = MYSQL_TIME_RANGE_NULL};

/* Every row of a recording, decoded from the log, is what the server's SELECT says. */
static void compare_log(const char *server, const char *label, void *context)
{
    (void)context;
    struct golden g;
    golden_open(&g, server, label, nulls);
    struct binlog_format format;
    binlog_format_init(&format, true);
    struct binlog_event e;
    struct binlog_rows_plan *plan = NULL;
    struct error err = {0};
    size_t at = 0;
    size_t row = 0;
    while (golden_event(g.log, &format, &at, &e)) {
        if (e.type == BINLOG_TABLE_MAP) {
            struct binlog_table map;
            if (!binlog_table_read(&format, &e, &g.arena, &map, &err)) {
                fail_msg("%s/%s: %s", server, label, err.text);
            }
            binlog_rows_plan_free(plan);
            plan = NULL;
            if (!binlog_rows_plan_new(g.columns, g.count, &map, &g.policy, &plan, &err)) {
                fail_msg("%s/%s: %s", server, label, err.text);
            }
        }
        if (binlog_event_class(&e) != BINLOG_CLASS_ROWS) {
            continue;
        }
        struct binlog_rows rows;
        struct value *before = NULL;
        struct value *after = NULL;
        assert_true(binlog_rows_open(&format, &e, &g.arena, &rows, &err));
        assert_int_equal(rows.kind, BINLOG_ROWS_INSERT);
        enum binlog_rows_next next;
        while ((next = binlog_rows_next(&rows, plan, &g.arena, &before, &after, &err)) ==
               BINLOG_ROWS_ROW) {
            assert_null(before);
            golden_compare(&g, row++, after);
        }
        if (next != BINLOG_ROWS_END) {
            fail_msg("%s/%s row %zu: %s", server, label, row, err.text);
        }
    }
    assert_int_equal(row, g.row_count);
    binlog_rows_plan_free(plan);
    golden_close(&g);
}

GOLDEN_TESTS("rows", compare_log)

/* Changes applied in order give the table as the server has it at the end. */
struct model {
    struct golden g;
    struct binlog_format format;
    struct binlog_rows_plan *plan;
    struct value *rows[64]; /* in the order of ids */
    size_t count;
    size_t absent; /* values that an image did not have */
};

static size_t model_find(const struct model *m, int64_t id)
{
    size_t i = 0;
    while (i < m->count && m->rows[i][0].i < id) {
        i++;
    }
    return i;
}

static void model_put(struct model *m, struct value *row)
{
    size_t i = model_find(m, row[0].i);
    assert_true(m->count < 64 && !(i < m->count && m->rows[i][0].i == row[0].i));
    memmove(&m->rows[i + 1], &m->rows[i], (m->count - i) * sizeof(m->rows[0]));
    m->rows[i] = row;
    m->count++;
}

static struct value *model_take(struct model *m, int64_t id)
{
    size_t i = model_find(m, id);
    assert_true(i < m->count && m->rows[i][0].i == id);
    struct value *row = m->rows[i];
    m->count--;
    memmove(&m->rows[i], &m->rows[i + 1], (m->count - i) * sizeof(m->rows[0]));
    return row;
}

static void model_change(struct model *m, struct value *before, struct value *after)
{
    struct value *old = before == NULL ? NULL : model_take(m, before[0].i);
    for (size_t i = 0; old != NULL && i < m->g.count; i++) {
        const struct type *type = &m->g.columns[i].type;
        if (before[i].state == VALUE_UNCHANGED) {
            m->absent++;
        } else if (!value_equal(type, &before[i], &old[i])) {
            fail_msg("the image before an update is not the row: column %zu", i);
        }
        if (after != NULL && after[i].state == VALUE_UNCHANGED) {
            after[i] = old[i];
            m->absent++;
        }
    }
    for (size_t i = 0; old == NULL && i < m->g.count; i++) {
        if (after[i].state == VALUE_UNCHANGED) { /* an INSERT that left the default: null here */
            mysql_decoder_null(&after[i]);
            m->absent++;
        }
    }
    if (after != NULL) {
        model_put(m, after);
    }
}

static void model_event(struct model *m, const struct binlog_event *e)
{
    struct error err = {0};
    struct arena *a = &m->g.arena;
    if (e->type == BINLOG_TABLE_MAP) {
        struct binlog_table map;
        assert_true(binlog_table_read(&m->format, e, a, &map, &err));
        binlog_rows_plan_free(m->plan);
        m->plan = NULL;
        if (!binlog_rows_plan_new(m->g.columns, m->g.count, &map, &m->g.policy, &m->plan, &err)) {
            fail_msg("%.*s: %s", STR_FMT(m->g.label), err.text);
        }
        return;
    }
    if (binlog_event_class(e) == BINLOG_CLASS_ROWS) {
        struct binlog_rows rows;
        struct value *before = NULL;
        struct value *after = NULL;
        enum binlog_rows_next next;
        assert_true(binlog_rows_open(&m->format, e, a, &rows, &err));
        while ((next = binlog_rows_next(&rows, m->plan, a, &before, &after, &err)) ==
               BINLOG_ROWS_ROW) {
            model_change(m, before, after);
        }
        if (next != BINLOG_ROWS_END) {
            fail_msg("%.*s: %s", STR_FMT(m->g.label), err.text);
        }
        return;
    }
    if (binlog_event_class(e) == BINLOG_CLASS_PAYLOAD) {
        struct binlog_payload *payload = NULL;
        struct binlog_event inner;
        enum binlog_payload_next next;
        assert_true(binlog_payload_open(e, &payload, &err));
        while ((next = binlog_payload_next(payload, a, &inner, &err)) == BINLOG_PAYLOAD_EVENT) {
            model_event(m, &inner);
        }
        if (next != BINLOG_PAYLOAD_END) {
            fail_msg("%.*s: %s", STR_FMT(m->g.label), err.text);
        }
        binlog_payload_free(payload);
    }
}

/* Adds how many values were absent from images. */
static void replay(const char *server, const char *label, void *absent)
{
    struct model m = {0};
    struct binlog_event e;
    size_t at = 0;
    golden_open(&m.g, server, label, nulls);
    binlog_format_init(&m.format, true);
    while (golden_event(m.g.log, &m.format, &at, &e)) {
        model_event(&m, &e);
    }
    assert_int_equal(m.count, m.g.row_count);
    for (size_t i = 0; i < m.count; i++) {
        golden_compare(&m.g, i, m.rows[i]);
    }
    binlog_rows_plan_free(m.plan);
    golden_close(&m.g);
    *(size_t *)absent += m.absent;
}

static size_t replay_all(const char *label, size_t least)
{
    size_t absent = 0;
    assert_true(golden_each(label, "rows", replay, &absent) >= least);
    return absent;
}

static void changes(void **state)
{
    (void)state;
    assert_int_equal(replay_all("nochecksum", 5), 0);
    assert_int_equal(replay_all("nometa", 4), 0);
    assert_int_equal(replay_all("v1", 1), 0);
    assert_int_equal(replay_all("packed", 2), 0);
    assert_int_equal(replay_all("payload", 2), 0);
    assert_int_equal(replay_all("tagged", 1), 0);
    assert_int_equal(replay_all("gtids", 2), 0);
    assert_int_equal(replay_all("old", 2), 0);
}
static void partial_images(void **state)
{
    (void)state;
    assert_true(replay_all("minimal", 5) > 20);
    assert_true(replay_all("noblob", 5) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        GOLDEN_UNIT_TESTS,
        cmocka_unit_test(changes),
        cmocka_unit_test(partial_images),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
