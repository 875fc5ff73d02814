#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "sink/merge.h"
#include "sink/merge_rule.h"

#include "tests/unit/lsm_fixture.h"

/* An input over records in memory; counts how many are open. */
struct source {
    struct fixture *f;
    const struct record *records;
    size_t count, at;
    struct fixture_row row;
    struct value key[2];
    int *open;
    bool fails_at_end;
};

static enum next source_next(void *self, struct run_row *out, struct error *err)
{
    struct source *s = self;
    if (s->at == s->count) {
        if (s->fails_at_end) {
            error_set(err, FAIL_IO, "broken input");
            return NEXT_FAIL;
        }
        return NEXT_END;
    }
    const struct record *r = &s->records[s->at++];
    out->values = fixture_values(s->f, r->key, r->n, &s->row);
    for (size_t i = 0; i < s->f->layout.key_count; i++) {
        s->key[i] = out->values[s->f->layout.key_columns[i]];
    }
    out->key = s->key;
    out->sequence = r->sequence;
    out->kind = r->kind;
    return NEXT_ROW;
}

static void source_close(void *self)
{
    struct source *s = self;
    (*s->open)--;
}

struct inputs {
    struct source sources[8];
    struct merge_input inputs[8];
    size_t count;
    int open;
};

static void inputs_add(struct inputs *in, struct fixture *f, const struct record *records,
                       size_t count)
{
    struct source *s = &in->sources[in->count];
    *s = (struct source){.f = f, .records = records, .count = count, .open = &in->open};
    in->inputs[in->count++] = (struct merge_input){source_next, source_close, s};
    in->open++;
}

static void expect_rows(struct fixture *f, struct merge *m, const struct record *want, size_t count)
{
    struct error err = {0};
    struct run_row row;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(merge_next(m, &row, &err), NEXT_ROW);
        assert_int_equal(fixture_key(f, row.key), want[i].key);
        assert_int_equal(fixture_key(f, row.values), want[i].key);
        assert_int_equal(row.sequence, want[i].sequence);
        assert_int_equal(row.kind, want[i].kind);
        assert_int_equal(fixture_n(f, row.values), want[i].n);
    }
    assert_int_equal(merge_next(m, &row, &err), NEXT_END);
    assert_int_equal(merge_next(m, &row, &err), NEXT_END); /* stays there */
}

static const struct record old_rows[] = {
    {1, 1, 10, ROW_INSERT}, {2, 2, 20, ROW_INSERT}, {3, 3, 30, ROW_INSERT}, {9, 4, 90, ROW_INSERT}};
static const struct record new_rows[] = {
    {2, 12, 21, ROW_UPDATE_AFTER}, {3, 13, 30, ROW_DELETE}, {4, 14, 40, ROW_DELETE}};
static const struct record newest_rows[] = {{0, 22, 0, ROW_INSERT}, {3, 23, 33, ROW_INSERT}};

static void newest_wins(void **state)
{
    (void)state;
    static const struct record all[] = {{0, 22, 0, ROW_INSERT},        {1, 1, 10, ROW_INSERT},
                                        {2, 12, 21, ROW_UPDATE_AFTER}, {3, 23, 33, ROW_INSERT},
                                        {4, 14, 40, ROW_DELETE},       {9, 4, 90, ROW_INSERT}};
    static const struct record kept[] = {{0, 22, 0, ROW_INSERT},
                                         {1, 1, 10, ROW_INSERT},
                                         {2, 12, 21, ROW_UPDATE_AFTER},
                                         {3, 23, 33, ROW_INSERT},
                                         {9, 4, 90, ROW_INSERT}};
    for (enum shape shape = 0; shape < SHAPE_COUNT; shape++) {
        for (int drop = 0; drop < 2; drop++) {
            struct fixture f;
            fixture_init(&f, shape);
            struct inputs in = {0};
            struct error err = {0};
            /* the order of inputs does not matter */
            inputs_add(&in, &f, drop ? old_rows : new_rows, drop ? 4 : 3);
            inputs_add(&in, &f, newest_rows, 2);
            inputs_add(&in, &f, NULL, 0);
            inputs_add(&in, &f, drop ? new_rows : old_rows, drop ? 3 : 4);
            struct merge_options options = {.layout = &f.layout, .drop_deletes = drop != 0};
            struct merge *m = NULL;
            assert_true(merge_open(&options, in.inputs, in.count, &m, &err));
            expect_rows(&f, m, drop ? kept : all, drop ? 5 : 6);
            assert_int_equal(merge_rows_read(m), 9);
            merge_close(m);
            assert_int_equal(in.open, 0);
            fixture_release(&f);
        }
    }
}

static void equal_sequences(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, SHAPE_INT);
    struct error err = {0};
    static const struct record add[] = {{1, 5, 1, ROW_INSERT}};
    static const struct record retract[] = {{1, 5, 2, ROW_DELETE}};
    for (int turn = 0; turn < 2; turn++) { /* the add wins wherever it stands */
        struct inputs in = {0};
        inputs_add(&in, &f, turn ? add : retract, 1);
        inputs_add(&in, &f, turn ? retract : add, 1);
        struct merge_options options = {.layout = &f.layout};
        struct merge *m = NULL;
        assert_true(merge_open(&options, in.inputs, 2, &m, &err));
        expect_rows(&f, m, add, 1);
        merge_close(m);
    }
    assert_int_equal(merge_rule_pick(1), 0);
    assert_int_equal(merge_rule_pick(5), 4);
    assert_true(merge_rule_is_tombstone(ROW_UPDATE_BEFORE));
    assert_false(merge_rule_is_tombstone(ROW_UPDATE_AFTER));
    fixture_release(&f);
}

static void one_input_and_none(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, SHAPE_TEXT);
    struct error err = {0};
    struct merge_options options = {.layout = &f.layout, .drop_deletes = true};
    struct inputs in = {0};
    inputs_add(&in, &f, new_rows, 3);
    struct merge *m = NULL;
    assert_true(merge_open(&options, in.inputs, 1, &m, &err));
    expect_rows(&f, m, new_rows, 1); /* deletes go, even without anything to merge */
    merge_close(m);
    assert_true(merge_open(&options, NULL, 0, &m, &err));
    expect_rows(&f, m, NULL, 0);
    merge_close(m);
    merge_close(NULL);
    fixture_release(&f);
}

static void order_broken(void **state)
{
    (void)state;
    static const struct record bad[][3] = {
        {{1, 1, 1, ROW_INSERT}, {5, 2, 1, ROW_INSERT}, {4, 3, 1, ROW_INSERT}},
        {{1, 1, 1, ROW_INSERT}, {5, 2, 1, ROW_INSERT}, {5, 3, 1, ROW_INSERT}}};
    for (enum shape shape = 0; shape < SHAPE_COUNT; shape++) {
        for (size_t i = 0; i < 2; i++) {
            struct fixture f;
            fixture_init(&f, shape);
            struct error err = {0};
            struct merge_options options = {.layout = &f.layout};
            struct inputs in = {0};
            inputs_add(&in, &f, bad[i], 3);
            inputs_add(&in, &f, newest_rows, 2);
            struct merge *m = NULL;
            assert_true(merge_open(&options, in.inputs, 2, &m, &err));
            struct run_row row;
            enum next next;
            while ((next = merge_next(m, &row, &err)) == NEXT_ROW) {
            }
            assert_int_equal(next, NEXT_FAIL);
            assert_int_equal(err.code, FAIL_CORRUPT);
            merge_close(m);
            fixture_release(&f);
        }
    }
}

static void broken_inputs(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, SHAPE_INT);
    struct error err = {0};
    struct merge_options options = {.layout = &f.layout};
    struct inputs in = {0};
    inputs_add(&in, &f, new_rows, 3);
    inputs_add(&in, &f, NULL, 0);
    in.sources[1].fails_at_end = true;
    struct merge *m = NULL;
    assert_false(merge_open(&options, in.inputs, 2, &m, &err));
    assert_int_equal(err.code, FAIL_IO);
    assert_int_equal(in.open, 0); /* closed all the same */

    in = (struct inputs){0};
    inputs_add(&in, &f, new_rows, 3);
    in.sources[0].fails_at_end = true;
    assert_true(merge_open(&options, in.inputs, 1, &m, &err));
    struct run_row row;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(merge_next(m, &row, &err), NEXT_ROW);
    }
    assert_int_equal(merge_next(m, &row, &err), NEXT_FAIL);
    merge_close(m);
    fixture_release(&f);
}

static void stops(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, SHAPE_INT);
    struct error err = {0};
    static struct record records[MERGE_STOP_ROWS * 2];
    for (size_t i = 0; i < MERGE_STOP_ROWS * 2; i++) {
        records[i] = (struct record){(int64_t)i, 1, 1, ROW_INSERT};
    }
    struct stop *stop = stop_new();
    struct merge_options options = {.layout = &f.layout, .stop = stop};
    struct inputs in = {0};
    inputs_add(&in, &f, records, MERGE_STOP_ROWS * 2);
    struct merge *m = NULL;
    assert_true(merge_open(&options, in.inputs, 1, &m, &err));
    struct run_row row;
    assert_int_equal(merge_next(m, &row, &err), NEXT_ROW);
    stop_request(stop);
    size_t more = 0;
    enum next next;
    while ((next = merge_next(m, &row, &err)) == NEXT_ROW) {
        more++;
    }
    assert_int_equal(next, NEXT_FAIL);
    assert_int_equal(err.code, FAIL_STOPPED);
    assert_true(more <= MERGE_STOP_ROWS);
    merge_close(m);
    stop_free(stop);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(newest_wins),        cmocka_unit_test(equal_sequences),
        cmocka_unit_test(one_input_and_none), cmocka_unit_test(order_broken),
        cmocka_unit_test(broken_inputs),      cmocka_unit_test(stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
