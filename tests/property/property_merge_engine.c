/* However many runs are open at a time, a merge of a key's records is the same: in passes, at once,
 * with sequence fields that do not follow the sequence numbers. listagg tells the order in which
 * records were met, sum that each was met once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "sink/merge.h"
#include "tests/unit/lsm_fixture.h"

enum { KEYS = 60, RUNS = 24 };

static uint64_t seed;

/* A record of the model: the row's name is its sequence number. */
struct note {
    int64_t key, n, sequence;
    uint8_t kind;
};

struct world {
    struct fixture f;
    struct merge_rule *rule;
    struct interval_run runs[RUNS];
    struct interval_section section;
    struct note notes[RUNS * KEYS];
    size_t note_count;
    bool ordered;
};

static void world_init(struct world *w, int round)
{
    struct error err = {0};
    memset(w, 0, sizeof(*w));
    fixture_init(&w->f, (enum shape)(round % SHAPE_COUNT));
    schema_set_option(w->f.schema, STR("merge-engine"), STR("aggregation"));
    schema_set_option(w->f.schema, STR("fields.name.aggregate-function"), STR("listagg"));
    schema_set_option(w->f.schema, STR("fields.name.ignore-retract"), STR("true"));
    w->ordered = round % 3 != 0;
    if (w->ordered) {
        schema_set_option(w->f.schema, STR("sequence.field"), STR("n"));
    } else {
        schema_set_option(w->f.schema, STR("fields.n.aggregate-function"), STR("sum"));
    }
    if (!merge_rule_new(w->f.schema, &w->rule, &err)) {
        fail_msg("%s", err.text);
    }
}

static void world_release(struct world *w)
{
    merge_rule_free(w->rule);
    fixture_release(&w->f);
}

/* Runs of one record a key, as level 0 has them; each record's n is random, small, sometimes null.
 */
static void make_runs(struct world *w)
{
    w->section =
        (struct interval_section){.runs = w->runs, .count = 1 + fixture_random(&seed) % RUNS};
    for (size_t r = 0; r < w->section.count; r++) {
        struct record records[KEYS];
        size_t count = 0;
        for (int64_t key = 0; key < KEYS; key++) {
            uint64_t x = fixture_random(&seed);
            if (x % 3 != 0) {
                continue;
            }
            uint8_t kind = x % 5 == 0 ? ROW_DELETE : ROW_INSERT;
            int64_t n = (int64_t)(x / 1000 % 6) - 1;
            int64_t sequence = (int64_t)(r * KEYS) + key;
            records[count++] = (struct record){key, sequence, n, kind};
            w->notes[w->note_count++] = (struct note){key, n, sequence, kind};
        }
        struct run_files files = {0};
        fixture_write(&w->f, 0, records, count, &files);
        w->runs[r] = (struct interval_run){.files = files.items, .count = files.count};
        for (size_t k = 0; k < files.count; k++) {
            w->runs[r].size_bytes += (uint64_t)files.items[k]->size_bytes;
        }
    }
}

static bool note_before(const struct world *w, const struct note *a, const struct note *b)
{
    if (a->key != b->key) {
        return a->key < b->key;
    }
    if (w->ordered && a->n != b->n) {
        return a->n < b->n; /* -1 is null: the oldest */
    }
    return a->sequence < b->sequence;
}

static void sort_notes(struct world *w)
{
    for (size_t i = 1; i < w->note_count; i++) {
        struct note note = w->notes[i];
        size_t at = i;
        for (; at > 0 && note_before(w, &note, &w->notes[at - 1]); at--) {
            w->notes[at] = w->notes[at - 1];
        }
        w->notes[at] = note;
    }
}

/* What the records [first, end) of one key come to, as "names|n". */
static void expect_row(const struct world *w, size_t first, size_t end, struct buf *out)
{
    bool has_sum = false;
    bool has_name = false;
    int64_t sum = 0;
    buf_reset(out);
    for (size_t i = first; i < end; i++) {
        const struct note *note = &w->notes[i];
        bool add = note->kind == ROW_INSERT || end - first == 1;
        if (add && note->n >= 0) {
            buf_printf(out, "%sname %" PRId64, has_name ? "," : "", note->n);
            has_name = true;
        }
        if (note->n >= 0) {
            sum += add ? note->n : -note->n;
            has_sum = true;
        }
        if (w->ordered) { /* last_value: a retract leaves null */
            has_sum = note->kind == ROW_INSERT || end - first == 1 ? note->n >= 0 : false;
            sum = note->n;
        }
    }
    if (has_sum) {
        buf_printf(out, "|%" PRId64, sum);
    } else {
        buf_put_cstr(out, "|null");
    }
}

static void check_row(struct world *w, const struct run_row *row, const struct buf *want)
{
    struct buf got = BUF_INIT(100000);
    const struct value *name = &row->values[w->f.schema->field_count - 2];
    int64_t n = fixture_n(&w->f, row->values);
    if (name->state == VALUE_SET) {
        buf_put_str(&got, value_str(name));
    }
    if (row->values[w->f.schema->field_count - 1].state == VALUE_SET) {
        buf_printf(&got, "|%" PRId64, n);
    } else {
        buf_put_cstr(&got, "|null");
    }
    if (!str_eq(buf_str(&got), buf_str(want))) {
        fail_msg("key %" PRId64 ": %.*s, expected %.*s (INLET_SEED replays)",
                 fixture_key(&w->f, row->key), STR_FMT(buf_str(&got)), STR_FMT(buf_str(want)));
    }
    buf_release(&got);
}

static void check_merge(struct world *w, size_t fan_in)
{
    struct error err = {0};
    struct merge_options options = {.layout = &w->f.layout, .rule = w->rule};
    struct merge *m = NULL;
    struct buf want = BUF_INIT(100000);
    if (!merge_open_runs(&options, &w->f.origin, &w->section, fan_in == 0 ? NULL : &w->f.data,
                         fan_in, &m, &err)) {
        fail_msg("%s", err.text);
    }
    size_t first = 0;
    struct run_row row;
    enum next next;
    while ((next = merge_next(m, &row, &err)) == NEXT_ROW) {
        size_t end = first;
        while (end < w->note_count && w->notes[end].key == w->notes[first].key) {
            end++;
        }
        assert_true(end > first);
        assert_int_equal(fixture_key(&w->f, row.key), w->notes[first].key);
        assert_int_equal(row.sequence, w->notes[end - 1].sequence);
        assert_int_equal(row.kind, end - first == 1 ? w->notes[first].kind : ROW_INSERT);
        expect_row(w, first, end, &want);
        check_row(w, &row, &want);
        first = end;
    }
    assert_int_equal(next, NEXT_END);
    assert_int_equal(first, w->note_count);
    merge_close(m);
    buf_release(&want);
}

static void passes_are_one_merge(void **state)
{
    (void)state;
    static struct world w;
    static const size_t fan_ins[] = {0, 2, 3, 5, RUNS};
    for (int round = 0; round < 40; round++) {
        world_init(&w, round);
        make_runs(&w);
        sort_notes(&w);
        size_t files = w.f.memory.count;
        for (size_t i = 0; i < sizeof(fan_ins) / sizeof(fan_ins[0]); i++) {
            check_merge(&w, fan_ins[i]);
            assert_int_equal(w.f.memory.count, files); /* temporary runs are gone */
        }
        world_release(&w);
    }
}

int main(void)
{
    seed = fixture_seed();
    const struct CMUnitTest tests[] = {cmocka_unit_test(passes_are_one_merge)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
