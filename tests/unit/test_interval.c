#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "sink/interval.h"
#include "sink/run_key.h"

static struct schema_field fields[] = {{.name = {"_KEY_id", 7}, .type = {.kind = TYPE_INT}}};
static const struct data_file_layout layout = {.fields = fields, .count = 1, .key_count = 1};

static struct data_file *file_of(struct arena *a, int64_t min, int64_t max)
{
    struct data_file *f = arena_zalloc(a, sizeof(*f));
    struct value low = {.i = min, .state = VALUE_SET};
    struct value high = {.i = max, .state = VALUE_SET};
    f->min_key = run_key_serialize(&layout, &low, a);
    f->max_key = run_key_serialize(&layout, &high, a);
    f->first_row_id = min; /* for the tests to look at */
    f->row_count = max;
    f->size_bytes = 1;
    f->name = STR("data-1.avro");
    return f;
}

/* "[1-5 7-9][2-3] | [10-20]" */
static void print(const struct interval_sections *s, char *out, size_t size)
{
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < s->count; i++) {
        at += (size_t)snprintf(out + at, size - at, "%s", i == 0 ? "" : " | ");
        for (size_t r = 0; r < s->items[i].count; r++) {
            const struct interval_run *run = &s->items[i].runs[r];
            assert_int_equal(run->size_bytes, run->count);
            for (size_t k = 0; k < run->count; k++) {
                at += (size_t)snprintf(out + at, size - at, "%s%d-%d", k == 0 ? "[" : " ",
                                       (int)run->files[k]->first_row_id,
                                       (int)run->files[k]->row_count);
            }
            at += (size_t)snprintf(out + at, size - at, "]");
        }
    }
}

static void known_partitions(void **state)
{
    (void)state;
    static const struct {
        int ranges[12];
        size_t count;
        const char *want;
    } cases[] = {
        {{0}, 0, ""},
        {{1, 5}, 1, "[1-5]"},
        {{10, 20, 1, 5}, 2, "[1-5] | [10-20]"},
        {{1, 5, 5, 9}, 2, "[1-5][5-9]"}, /* an equal key joins */
        {{1, 5, 6, 9}, 2, "[1-5] | [6-9]"},
        {{1, 100, 2, 3, 4, 5, 101, 102}, 4, "[1-100][2-3 4-5] | [101-102]"},
        {{1, 10, 2, 3, 5, 12, 11, 20}, 4, "[1-10 11-20][2-3 5-12]"},
        {{-5, -1, -3, 0}, 2, "[-5--1][-3-0]"},
        {{1, 1, 1, 1, 1, 1}, 3, "[1-1][1-1][1-1]"},
    };
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        struct arena a = {0};
        struct error err = {0};
        struct data_file *files[8];
        for (size_t i = 0; i < cases[c].count; i++) {
            files[i] = file_of(&a, cases[c].ranges[2 * i], cases[c].ranges[2 * i + 1]);
        }
        struct interval_sections s;
        assert_true(interval_partition(&layout, files, cases[c].count, &a, &s, &err));
        char text[256];
        print(&s, text, sizeof(text));
        assert_string_equal(text, cases[c].want);
        arena_release(&a);
    }
}

/* Laws: sections ascend and do not touch, runs do not overlap, every file is there once, and the
 * number of runs of a section is the greatest number of files over one key. */
static void laws(void **state)
{
    (void)state;
    uint64_t seed = 88172645463325252u;
    for (int n = 0; n < 2000; n++) {
        struct arena a = {0};
        struct error err = {0};
        struct data_file *files[20];
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        size_t count = (seed >> 33) % 20;
        for (size_t i = 0; i < count; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            int64_t min = (int64_t)(seed >> 33) % 60;
            files[i] = file_of(&a, min, min + (int64_t)(seed >> 60));
        }
        struct interval_sections s;
        assert_true(interval_partition(&layout, files, count, &a, &s, &err));
        size_t seen = 0;
        int64_t below = INT64_MIN;
        for (size_t i = 0; i < s.count; i++) {
            int depth[80] = {0};
            int64_t last = below;
            for (size_t r = 0; r < s.items[i].count; r++) {
                int64_t end = below;
                for (size_t k = 0; k < s.items[i].runs[r].count; k++) {
                    const struct data_file *f = s.items[i].runs[r].files[k];
                    assert_true(f->first_row_id > end);
                    end = f->row_count;
                    for (int64_t key = f->first_row_id; key <= end; key++) {
                        depth[key]++;
                    }
                    seen++;
                }
                last = end > last ? end : last;
            }
            int deepest = 0;
            for (size_t key = 0; key < 80; key++) {
                deepest = depth[key] > deepest ? depth[key] : deepest;
            }
            assert_int_equal(s.items[i].count, deepest);
            below = last;
        }
        assert_int_equal(seen, count);
        arena_release(&a);
    }
}

static void bad_ranges(void **state)
{
    (void)state;
    struct arena a = {0};
    struct error err = {0};
    struct interval_sections s;
    struct data_file *f = file_of(&a, 9, 3);
    assert_false(interval_partition(&layout, &f, 1, &a, &s, &err));
    assert_int_equal(err.code, FAIL_CORRUPT);
    assert_non_null(strstr(err.text, "data-1.avro"));
    f = file_of(&a, 3, 9);
    f->max_key.len -= 3;
    assert_false(interval_partition(&layout, &f, 1, &a, &s, &err));
    assert_int_equal(err.code, FAIL_CORRUPT);
    assert_non_null(strstr(err.text, "data-1.avro"));
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_partitions),
        cmocka_unit_test(laws),
        cmocka_unit_test(bad_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
