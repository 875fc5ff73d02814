#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "sink/compact_pick.h"
#include "sink/run_key.h"

#define MAX_RUNS 64

struct layout_of {
    struct compact_run runs[MAX_RUNS];
    size_t count;
};

static void add_run(struct layout_of *l, int32_t level, uint64_t size)
{
    assert_true(l->count < MAX_RUNS);
    l->runs[l->count++] = (struct compact_run){.level = level, .size_bytes = size, .file_count = 1};
}

static struct compact_options options(int64_t amp, int64_t ratio, size_t trigger, int32_t levels)
{
    struct compact_options o = compact_pick_defaults(trigger);
    o.max_amplification = amp;
    o.size_ratio = ratio;
    o.num_levels = levels;
    return o;
}

static struct compact_clock clock_none(void)
{
    return (struct compact_clock){.now_ms = 1000, .last_full_ms = INT64_MIN};
}

/* paimon-write-path §2.3, from Paimon's UniversalCompactionTest. */
static void known_picks(void **state)
{
    (void)state;
    static const struct {
        int64_t amp, ratio;
        size_t trigger;
        int32_t levels;
        bool force;
        const char *runs;
        size_t picked;
        int32_t out;
    } cases[] = {
        {25, 1, 3, 3, false, "0:1 0:2 0:3 0:3", 4, 2},
        {25, 1, 3, 4, false, "0:1 1:1 2:1 3:50", 3, 2},
        {25, 1, 3, 4, false, "0:1 1:2 2:3 3:50", 3, 2},
        {25, 1, 3, 3, false, "0:1 0:1 1:1 2:50", 3, 1},
        /* releases after 1.4.2 take all four, to level 2 */
        {200, 1, 3, 3, false, "0:10 0:20 1:97 2:100", 3, 1},
        {200, 1, 5, 6, false, "0:1 0:1 0:1 0:1024 0:1048576", 5, 5},
        {25, 1, 3, 3, true, "0:1 2:2", 1, 1},
        {25, 1, 3, 3, true, "0:1 1:2 2:2", 3, 2},
        {200, 1, 5, 6, false, "", 0, 0},
        {200, 1, 5, 6, false, "0:7", 0, 0},
    };
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        struct layout_of l = {0};
        struct str rest = str_of(cases[c].runs);
        struct str one;
        while (str_next(&rest, ' ', &one) && one.len > 0) {
            int64_t level = 0;
            int64_t size = 0;
            size_t colon = str_find(one, ':');
            assert_true(str_to_i64(str_slice(one, 0, colon), &level));
            assert_true(str_to_i64(str_slice(one, colon + 1, one.len), &size));
            add_run(&l, (int32_t)level, (uint64_t)size);
        }
        struct compact_options o =
            options(cases[c].amp, cases[c].ratio, cases[c].trigger, cases[c].levels);
        struct compact_clock clock = clock_none();
        struct compact_unit u =
            cases[c].force ? compact_pick_level0(&o, l.runs, l.count, cases[c].levels - 1, &clock)
                           : compact_pick(&o, l.runs, l.count, cases[c].levels - 1, &clock);
        assert_int_equal(u.run_count, cases[c].picked);
        if (u.run_count > 0) {
            assert_int_equal(u.level, cases[c].out);
        }
    }
}

static bool read_number(char **at, int64_t *out)
{
    int used = 0;
    if (sscanf(*at, "%" SCNd64 "%n", out, &used) != 1) {
        return false;
    }
    *at += used;
    return true;
}

/* Every line of golden/compact_pick/vectors.txt: what Paimon 1.4.2's own classes answered. */
static void picks_as_paimon_java(void **state)
{
    (void)state;
    FILE *f = fopen(TEST_DATA "/compact_pick/vectors.txt", "r");
    assert_non_null(f);
    char line[1024];
    size_t lines = 0;
    while (fgets(line, sizeof(line), f) != NULL) {
        char *at = line;
        int64_t head[7];
        for (size_t i = 0; i < 7; i++) {
            assert_true(read_number(&at, &head[i]));
        }
        struct layout_of l = {0};
        int64_t level;
        while (read_number(&at, &level)) {
            int64_t size;
            at++; /* the colon */
            assert_true(read_number(&at, &size));
            add_run(&l, (int32_t)level, (uint64_t)size);
        }
        at = strchr(line, '=') + 1;
        int64_t picked = 0;
        int64_t out = 0;
        assert_true(read_number(&at, &picked) && read_number(&at, &out));
        if (picked == 1 && l.runs[0].level == out) {
            picked = 0; /* the filter that Paimon's caller of pick() applies */
        }
        struct compact_options o = options(head[0], head[1], (size_t)head[2], (int32_t)head[3]);
        o.full_total_bytes = head[4];
        o.full_increment_bytes = head[5];
        struct compact_clock clock = clock_none();
        int32_t max_level = (int32_t)head[3] - 1;
        struct compact_unit u = head[6] != 0
                                    ? compact_pick_level0(&o, l.runs, l.count, max_level, &clock)
                                    : compact_pick(&o, l.runs, l.count, max_level, &clock);
        if ((int64_t)u.run_count != picked || (picked > 0 && u.level != out)) {
            fail_msg("picked %zu to %d: %s", u.run_count, (int)u.level, line);
        }
        lines++;
    }
    (void)fclose(f);
    assert_true(lines > 2000);
}

static void early_full_by_interval(void **state)
{
    (void)state;
    struct compact_options o = compact_pick_defaults(5);
    o.full_interval_ms = 100;
    struct layout_of l = {0};
    add_run(&l, 0, 1);
    add_run(&l, 5, 1000);
    struct compact_clock clock = clock_none();
    struct compact_unit u = compact_pick(&o, l.runs, l.count, 5, &clock);
    assert_int_equal(u.run_count, 2); /* never before: at once */
    assert_int_equal(clock.last_full_ms, 1000);
    clock.now_ms = 1100;
    assert_int_equal(compact_pick(&o, l.runs, l.count, 5, &clock).run_count, 0);
    clock.now_ms = 1101;
    assert_int_equal(compact_pick(&o, l.runs, l.count, 5, &clock).run_count, 2);
    l.count = 1;
    clock.now_ms = 9999;
    assert_int_equal(compact_pick(&o, l.runs, l.count, 5, &clock).run_count, 0);
}

static void full_picks(void **state)
{
    (void)state;
    struct layout_of l = {0};
    struct compact_clock clock = clock_none();
    assert_int_equal(compact_pick_full(l.runs, 0, 5, &clock).run_count, 0);
    add_run(&l, 5, 10);
    assert_int_equal(compact_pick_full(l.runs, 1, 5, &clock).run_count, 0);
    l.runs[0].level = 4;
    assert_int_equal(compact_pick_full(l.runs, 1, 5, &clock).level, 5);
    add_run(&l, 5, 10);
    assert_int_equal(compact_pick_full(l.runs, 2, 5, &clock).run_count, 2);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* §2.2's invariants, on 200 000 layouts: they are what makes upgrades legal. */
static void invariants(void **state)
{
    (void)state;
    uint64_t seed = 0x9e3779b97f4a7c15;
    size_t picks = 0;
    for (int n = 0; n < 200000; n++) {
        struct layout_of l = {0};
        int32_t levels = 2 + (int32_t)(next_random(&seed) % 8);
        unsigned scale = (unsigned)(next_random(&seed) % 40);
        for (size_t k = next_random(&seed) % 12; k > 0; k--) {
            add_run(&l, 0, next_random(&seed) >> (63 - scale));
        }
        for (int32_t level = 1; level < levels; level++) {
            if (next_random(&seed) % 2 == 0) {
                add_run(&l, level, next_random(&seed) >> (63 - scale));
            }
        }
        struct compact_options o =
            options((int64_t)(next_random(&seed) % 300), (int64_t)(next_random(&seed) % 30),
                    1 + next_random(&seed) % 8, levels);
        struct compact_clock clock = clock_none();
        struct compact_unit u = next_random(&seed) % 2 == 0
                                    ? compact_pick(&o, l.runs, l.count, levels - 1, &clock)
                                    : compact_pick_level0(&o, l.runs, l.count, levels - 1, &clock);
        if (u.run_count == 0) {
            continue;
        }
        picks++;
        assert_true(u.run_count <= l.count && u.level >= 1 && u.level <= levels - 1);
        for (size_t i = 0; i < l.count; i++) {
            if (i < u.run_count) {
                assert_true(l.runs[i].level <= u.level);
            } else {
                assert_true(l.runs[i].level > 1 && l.runs[i].level > u.level);
            }
        }
    }
    assert_true(picks > 50000);
}

static struct str key_of(struct data_file_layout *layout, struct arena *a, int64_t key)
{
    struct value v = {.i = key, .state = VALUE_SET};
    return run_key_serialize(layout, &v, a);
}

static struct data_file *file_of(struct data_file_layout *layout, struct arena *a, const char *name,
                                 int32_t level, int64_t min, int64_t max, int64_t sequence)
{
    struct data_file *f = arena_zalloc(a, sizeof(*f));
    *f = (struct data_file){.name = str_of(name),
                            .size_bytes = 10,
                            .level = level,
                            .min_key = key_of(layout, a, min),
                            .max_key = key_of(layout, a, max),
                            .min_sequence = sequence,
                            .max_sequence = sequence,
                            .creation_ms = 500 + level};
    return f;
}

static void levels_in_order(void **state)
{
    (void)state;
    struct arena a = {0};
    struct error err = {0};
    struct schema_field fields[] = {{.name = STR("_KEY_id"), .type = {.kind = TYPE_INT}}};
    struct data_file_layout layout = {.fields = fields, .count = 1, .key_count = 1};
    struct data_file *files[] = {
        file_of(&layout, &a, "b", 3, 50, 60, 1), file_of(&layout, &a, "old", 0, 1, 99, 5),
        file_of(&layout, &a, "a", 3, 10, 20, 2), file_of(&layout, &a, "new", 0, 1, 99, 9),
        file_of(&layout, &a, "c", 5, 10, 20, 0),
    };
    struct compact_levels l;
    assert_true(compact_pick_levels(&layout, files, 5, 6, &a, &l, &err));
    assert_int_equal(l.count, 4);
    assert_string_equal(l.runs[0].files[0]->name.ptr, "new");
    assert_string_equal(l.runs[1].files[0]->name.ptr, "old");
    assert_int_equal(l.runs[2].level, 3);
    assert_int_equal(l.runs[2].file_count, 2);
    assert_int_equal(l.runs[2].size_bytes, 20);
    assert_string_equal(l.runs[2].files[0]->name.ptr, "a");
    assert_string_equal(l.runs[2].files[1]->name.ptr, "b");
    assert_int_equal(l.max_level, 5);
    assert_int_equal(l.highest, 5);
    assert_int_equal(l.full_ms, 505);
    assert_true(compact_pick_drops_deletes(&l, (struct compact_unit){4, 5}));
    assert_false(compact_pick_drops_deletes(&l, (struct compact_unit){3, 4}));
    struct run_files picked = {0};
    compact_pick_files(l.runs, (struct compact_unit){3, 4}, &a, &picked);
    assert_int_equal(picked.count, 4);

    /* a lowered num-levels gives way to what is there; never fewer than two levels */
    assert_true(compact_pick_levels(&layout, files, 5, 3, &a, &l, &err));
    assert_int_equal(l.max_level, 5);
    assert_true(compact_pick_levels(&layout, files, 0, 1, &a, &l, &err));
    assert_int_equal(l.max_level, 1);
    assert_int_equal(l.count, 0);
    assert_int_equal(l.full_ms, INT64_MIN);

    struct data_file *overlap[] = {file_of(&layout, &a, "x", 2, 1, 5, 0),
                                   file_of(&layout, &a, "y", 2, 5, 9, 0)};
    assert_false(compact_pick_levels(&layout, overlap, 2, 6, &a, &l, &err));
    assert_int_equal(err.code, FAIL_CORRUPT);
    overlap[0]->level = -1;
    assert_false(compact_pick_levels(&layout, overlap, 2, 6, &a, &l, &err));
    assert_int_equal(err.code, FAIL_CORRUPT);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_picks),
        cmocka_unit_test(picks_as_paimon_java),
        cmocka_unit_test(early_full_by_interval),
        cmocka_unit_test(full_picks),
        cmocka_unit_test(invariants),
        cmocka_unit_test(levels_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
