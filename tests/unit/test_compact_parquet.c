/* Compactions whose files are Parquet, and Parquet beside Avro: the same rows as by Avro alone; few
 * inputs open at once where memory is small. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "sink/compact_task.h"

#include "tests/unit/lsm_fixture.h"

enum { RUNS = 9, KEYS = 1500 };

static const struct format_ops *format(const char *name)
{
    const struct format_ops *f = NULL;
    struct error err;
    assert_true(format_of_option(str_of(name), &f, &err));
    return f;
}

/* Nine overlapping runs, each in the format that its bit says, compacted into one; then read. */
static size_t compacted(unsigned parquet_runs, const char *into, uint64_t memory,
                        struct record *got, uint64_t *out_memory)
{
    static struct record records[KEYS];
    struct fixture f;
    struct run_files files = {0};
    struct error err = {0};
    fixture_init(&f, SHAPE_PAIR);
    int64_t sequence = 0;
    for (unsigned run = 0; run < RUNS; run++) {
        size_t count = 0;
        f.data.format = format(parquet_runs >> run & 1 ? "parquet" : "avro");
        for (int64_t key = run % 3; key < KEYS; key += 1 + run % 4) {
            records[count++] =
                (struct record){key, sequence++, key % 11 == 0 ? -1 : (int64_t)run,
                                (key + run) % 7 == 0 ? ROW_DELETE : ROW_UPDATE_AFTER};
        }
        fixture_write(&f, 0, records, count, &files);
    }
    *out_memory = 0;
    for (size_t i = 0; i < files.count; i++) {
        uint64_t bytes = 0;
        assert_true(run_reader_memory(&f.origin, files.items[i], &bytes, &err));
        *out_memory += bytes;
    }
    struct run_target target = f.data;
    target.level = 5;
    target.source = RUN_COMPACT;
    target.format = format(into);
    struct compact_work work = {.origin = &f.origin,
                                .target = &target,
                                .files = files.items,
                                .file_count = files.count,
                                .max_level = 5,
                                .drop_deletes = true,
                                .memory_bytes = memory};
    struct compact_result r;
    size_t before = f.memory.count;
    if (!compact_task_run(&work, &f.arena, &r, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(r.after.count, 1);
    assert_int_equal(f.memory.count, before + 1); /* temporary runs are gone */
    assert_true(str_ends(r.after.items[0]->name, str_of(into)));
    size_t count = fixture_read(&f, r.after.items[0], got, KEYS);
    /* passes read rows again */
    assert_true((r.rows_read > (uint64_t)sequence) == (memory == 1));
    fixture_release(&f);
    return count;
}

static void formats_give_the_same_rows(void **state)
{
    (void)state;
    static struct record want[KEYS];
    static struct record got[KEYS];
    uint64_t avro;
    uint64_t memory;
    size_t count = compacted(0, "avro", 0, want, &avro);
    assert_true(count > KEYS / 2);
    static const unsigned mixes[] = {0x1ff, 0x155, 0x00f};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(compacted(mixes[i % 3], i < 3 ? "parquet" : "avro", i % 2, got, &memory),
                         count);
        assert_memory_equal(got, want, count * sizeof(*got));
    }
}

/* A file that is damaged is said before anything is merged. */
static void damage_is_said(void **state)
{
    (void)state;
    struct fixture f;
    struct run_files files = {0};
    struct error err = {0};
    static const struct record one = {7, 1, 2, ROW_UPDATE_AFTER};
    uint64_t bytes = 0;
    fixture_init(&f, SHAPE_INT);
    f.data.format = format("parquet");
    fixture_write(&f, 0, &one, 1, &files);
    assert_true(run_reader_memory(&f.origin, files.items[0], &bytes, &err));
    assert_in_range(bytes, 10000, 4 << 20);
    files.items[0]->size_bytes -= 1;
    assert_false(run_reader_memory(&f.origin, files.items[0], &bytes, &err));
    assert_int_equal(err.code, FAIL_CORRUPT);
    assert_non_null(strstr(err.text, ".parquet"));
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(formats_give_the_same_rows),
                                       cmocka_unit_test(damage_is_said)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
