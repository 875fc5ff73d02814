/* Laws of flush and merge, on random rows: a flush read back is the rows sorted and folded; a merge
 * of runs is the fold of all their records, in one pass or several; whatever call of the store
 * fails, no file stays behind. INLET_SEED replays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "sink/merge.h"
#include "sink/sort_buffer.h"

#include "tests/unit/lsm_fixture.h"

enum { KEYS = 400, MAX_RECORDS = 6000 };

static uint64_t seed;

/* The model: the newest record of each key. */
struct model {
    struct record newest[KEYS];
    bool has[KEYS];
};

static void model_add(struct model *m, const struct record *r)
{
    if (!m->has[r->key] || r->sequence >= m->newest[r->key].sequence) {
        m->newest[r->key] = *r;
        m->has[r->key] = true;
    }
}

static void model_expect(const struct model *m, bool drop_deletes, const struct record *got,
                         size_t count)
{
    size_t at = 0;
    for (size_t key = 0; key < KEYS; key++) {
        const struct record *want = &m->newest[key];
        if (!m->has[key] || (drop_deletes && !row_kind_is_add((enum row_kind)want->kind))) {
            continue;
        }
        assert_true(at < count);
        assert_int_equal(got[at].key, want->key);
        assert_int_equal(got[at].sequence, want->sequence);
        assert_int_equal(got[at].kind, want->kind);
        assert_int_equal(got[at].n, want->n);
        at++;
    }
    assert_int_equal(at, count);
}

static struct record random_record(int64_t sequence)
{
    return (struct record){.key = (int64_t)(fixture_random(&seed) % KEYS),
                           .sequence = sequence,
                           .n = (int64_t)(fixture_random(&seed) % 1000) - 1,
                           .kind = (uint8_t)(fixture_random(&seed) % 4)};
}

static void flush_is_sort_and_fold(void **state)
{
    (void)state;
    static struct record got[MAX_RECORDS];
    for (int round = 0; round < 60; round++) {
        struct fixture f;
        fixture_init(&f, (enum shape)(round % SHAPE_COUNT));
        f.data.target_file_bytes = fixture_random(&seed) % 20000;
        struct sort_buffer *b = sort_buffer_new(f.schema, &f.layout, NULL);
        struct model model = {0};
        struct error err;
        size_t rows = fixture_random(&seed) % 3000;
        for (size_t i = 0; i < rows; i++) {
            struct record r = random_record((int64_t)i);
            struct fixture_row buffer;
            model_add(&model, &r);
            assert_true(sort_buffer_add(b, (enum row_kind)r.kind, r.sequence,
                                        fixture_values(&f, r.key, r.n, &buffer), &err));
        }
        struct run_files data = {0};
        struct run_files changelog = {0};
        struct sort_buffer_flush flush = {.data = &f.data, .changelog = &f.changelog};
        assert_true(sort_buffer_flush(b, &flush, &f.arena, &data, &changelog, &err));
        size_t count = 0;
        for (size_t i = 0; i < data.count; i++) {
            count += fixture_read(&f, data.items[i], got + count, MAX_RECORDS - count);
        }
        model_expect(&model, false, got, count);
        count = 0;
        for (size_t i = 0; i < changelog.count; i++) {
            count += fixture_read(&f, changelog.items[i], got + count, MAX_RECORDS - count);
        }
        assert_int_equal(count, rows);
        for (size_t i = 1; i < count; i++) {
            assert_true(got[i - 1].key < got[i].key ||
                        (got[i - 1].key == got[i].key && got[i - 1].sequence < got[i].sequence));
        }
        sort_buffer_free(b);
        fixture_release(&f);
    }
}

/* Random runs: each a subset of the keys with sequence numbers of its own. */
static void make_runs(struct fixture *f, size_t count, struct interval_run *runs,
                      struct model *model)
{
    int64_t sequence = 0;
    for (size_t i = 0; i < count; i++) {
        static struct record records[KEYS];
        size_t rows = 0;
        uint64_t density = 1 + fixture_random(&seed) % 20;
        for (int64_t key = 0; key < KEYS; key++) {
            if (fixture_random(&seed) % density == 0) {
                struct record r = random_record(sequence++);
                r.key = key;
                model_add(model, &r);
                records[rows++] = r;
            }
        }
        struct run_files files = {0};
        fixture_write(f, 0, records, rows, &files);
        runs[i] = (struct interval_run){.files = files.items, .count = files.count};
        for (size_t k = 0; k < files.count; k++) {
            runs[i].size_bytes += (uint64_t)files.items[k]->size_bytes;
        }
    }
}

static bool merge_all(struct fixture *f, const struct interval_section *section, bool drop_deletes,
                      size_t fan_in, struct record *got, size_t *out_count, struct error *err)
{
    struct merge_options options = {.layout = &f->layout, .drop_deletes = drop_deletes};
    struct merge *m = NULL;
    *out_count = 0;
    if (!merge_open_runs(&options, &f->origin, section, fan_in == 0 ? NULL : &f->data, fan_in, &m,
                         err)) {
        return false;
    }
    enum next next;
    struct run_row row;
    while ((next = merge_next(m, &row, err)) == NEXT_ROW) {
        got[(*out_count)++] = (struct record){fixture_key(f, row.key), row.sequence,
                                              fixture_n(f, row.values), row.kind};
    }
    merge_close(m);
    return next == NEXT_END;
}

static void merge_is_fold(void **state)
{
    (void)state;
    static struct record got[KEYS];
    for (int round = 0; round < 80; round++) {
        struct fixture f;
        fixture_init(&f, (enum shape)(round % SHAPE_COUNT));
        struct interval_run runs[40];
        struct interval_section section = {.runs = runs, .count = fixture_random(&seed) % 40};
        struct model model = {0};
        struct error err;
        make_runs(&f, section.count, runs, &model);
        size_t files = f.memory.count;
        static const size_t fan_ins[] = {0, 2, 3, 7, 39};
        for (size_t i = 0; i < sizeof(fan_ins) / sizeof(fan_ins[0]); i++) {
            size_t count;
            bool drop = (round + (int)i) % 2 == 0;
            assert_true(merge_all(&f, &section, drop, fan_ins[i], got, &count, &err));
            model_expect(&model, drop, got, count);
            assert_int_equal(f.memory.count, files); /* temporary runs are gone */
        }
        fixture_release(&f);
    }
}

/* One call of the store after another fails; each time nothing is left, and the rows are still in
 * the buffer for the next try. */
static void flush_survives_every_failure(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, SHAPE_INT);
    f.data.target_file_bytes = 1; /* several files */
    struct sort_buffer *b = sort_buffer_new(f.schema, &f.layout, NULL);
    struct error err;
    for (int64_t i = 0; i < 2500; i++) {
        struct fixture_row buffer;
        assert_true(
            sort_buffer_add(b, ROW_INSERT, i, fixture_values(&f, i * 7 % 2500, i, &buffer), &err));
    }
    struct sort_buffer_flush flush = {.data = &f.data, .changelog = &f.changelog};
    long fails = 0;
    for (;;) {
        struct run_files data = {0};
        struct run_files changelog = {0};
        f.memory.calls = 0;
        f.memory.fail_at = fails + 1;
        if (sort_buffer_flush(b, &flush, &f.arena, &data, &changelog, &err)) {
            assert_int_equal(data.count, 3);
            break;
        }
        fails++;
        assert_int_equal(err.code, FAIL_IO);
        assert_int_equal(f.memory.count, 0);
        assert_int_equal(f.memory.open, 0);
        assert_int_equal(data.count, 0);
        assert_int_equal(changelog.count, 0);
        assert_int_equal(sort_buffer_rows(b), 2500);
    }
    assert_true(fails >= 8); /* create, append and finish of four files */
    sort_buffer_free(b);
    fixture_release(&f);
}

static void merge_survives_every_failure(void **state)
{
    (void)state;
    static struct record got[KEYS];
    struct fixture f;
    fixture_init(&f, SHAPE_PAIR);
    struct interval_run runs[6];
    struct interval_section section = {.runs = runs, .count = 6};
    struct model model = {0};
    struct error err;
    make_runs(&f, section.count, runs, &model);
    size_t files = f.memory.count;
    long fails = 0;
    for (long n = 1;; n++) {
        f.memory.calls = 0;
        f.memory.fail_at = n;
        size_t count;
        bool ok = merge_all(&f, &section, false, 2, got, &count, &err);
        assert_int_equal(f.memory.count, files);
        assert_int_equal(f.memory.open, 0);
        if (ok) {
            model_expect(&model, false, got, count);
        } else {
            assert_int_equal(err.code, FAIL_IO);
            fails++;
        }
        if (f.memory.calls < n) {
            break; /* there was no call n to fail */
        }
    }
    assert_true(fails > 20);
    fixture_release(&f);
}

int main(void)
{
    seed = fixture_seed();
    print_message("INLET_SEED=%" PRIu64 "\n", seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flush_is_sort_and_fold),
        cmocka_unit_test(merge_is_fold),
        cmocka_unit_test(flush_survives_every_failure),
        cmocka_unit_test(merge_survives_every_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
