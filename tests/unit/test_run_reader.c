#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "sink/run_reader.h"
#include "sink/schema_file.h"

#include "tests/unit/lsm_fixture.h"

/* Schema 1 of the int table: the key renamed, the columns in another order, name longer and n
 * gone, one new column. */
static struct schema *next_schema(void)
{
    struct schema *s = schema_new();
    s->id = 1;
    s->fields = ARENA_ARRAY(&s->arena, struct schema_field, 3);
    s->field_count = 3;
    s->fields[0] = (struct schema_field){
        .id = 3, .name = STR("added"), .type = {.kind = TYPE_DATE, .nullable = true}};
    s->fields[1] = (struct schema_field){
        .id = 1,
        .name = STR("title"),
        .type = {.kind = TYPE_VARCHAR, .length = TYPE_MAX_LENGTH, .nullable = true}};
    s->fields[2] =
        (struct schema_field){.id = 0, .name = STR("number"), .type = {.kind = TYPE_INT}};
    s->highest_field_id = 3;
    s->primary_key = ARENA_ARRAY(&s->arena, size_t, 1);
    s->primary_key[0] = 2;
    s->primary_key_count = 1;
    return s;
}

struct evolved {
    struct fixture f;
    struct schema *next;
    struct data_file_layout layout;
    struct run_schemas schemas;
    struct run_origin origin;
    struct run_files files;
};

static void evolved_init(struct evolved *e)
{
    memset(e, 0, sizeof(*e));
    struct error err;
    fixture_init(&e->f, SHAPE_INT);
    static const struct record records[] = {{1, 10, 100, ROW_INSERT}, {2, 11, -1, ROW_DELETE}};
    if (!schema_file_publish(e->f.fs, FIXTURE_TABLE, e->f.schema, &err)) {
        fail_msg("%s", err.text);
    }
    fixture_write(&e->f, 0, records, 2, &e->files);
    e->next = next_schema();
    data_file_layout(e->next, &e->f.arena, &e->layout);
    run_reader_schemas_init(&e->schemas, e->f.fs, FIXTURE_TABLE, e->next);
    e->origin = (struct run_origin){.fs = e->f.fs,
                                    .folder = e->f.data.folder,
                                    .schema = e->next,
                                    .layout = &e->layout,
                                    .schemas = &e->schemas};
}

static void evolved_release(struct evolved *e)
{
    run_reader_schemas_release(&e->schemas);
    schema_free(e->next);
    fixture_release(&e->f);
}

static void file_of_an_older_schema(void **state)
{
    (void)state;
    struct evolved e;
    evolved_init(&e);
    struct error err = {0};
    struct run_reader *r = NULL;
    if (!run_reader_open(&e.origin, e.files.items[0], &r, &err)) {
        fail_msg("%s", err.text);
    }
    struct run_row row;
    assert_int_equal(run_reader_next(r, &row, &err), NEXT_ROW);
    assert_int_equal(row.key[0].i, 1);
    assert_int_equal(row.sequence, 10);
    assert_int_equal(row.kind, ROW_INSERT);
    assert_int_equal(row.values[0].state, VALUE_NULL);
    assert_true(str_eq(value_str(&row.values[1]), STR("name 100")));
    assert_int_equal(row.values[2].i, 1);
    assert_int_equal(run_reader_next(r, &row, &err), NEXT_ROW);
    assert_int_equal(row.values[1].state, VALUE_NULL);
    assert_int_equal(row.kind, ROW_DELETE);
    assert_int_equal(run_reader_next(r, &row, &err), NEXT_END);
    run_reader_close(r);

    long calls = e.f.memory.calls; /* the schema is read once */
    assert_true(run_reader_open(&e.origin, e.files.items[0], &r, &err));
    run_reader_close(r);
    assert_int_equal(e.schemas.count, 1);
    assert_true(e.f.memory.calls > calls);
    evolved_release(&e);
}

static void expect_refused(struct evolved *e, enum fail code, const char *part)
{
    struct error err = {0};
    struct run_reader *r = NULL;
    assert_false(run_reader_open(&e->origin, e->files.items[0], &r, &err));
    assert_int_equal(err.code, code);
    if (strstr(err.text, part) == NULL) {
        fail_msg("'%s' is not in: %s", part, err.text);
    }
}

static void shapes_refused(void **state)
{
    (void)state;
    struct evolved e;
    evolved_init(&e);
    e.next->fields[1].type = (struct type){
        .kind = TYPE_MULTISET, .element = &e.f.schema->fields[0].type, .nullable = true};
    expect_refused(&e, FAIL_SCHEMA, "column title, in files of schema 0: Paimon has no rule");
    evolved_release(&e);

    evolved_init(&e);
    e.next->fields[2].type.kind = TYPE_BIGINT; /* the key */
    expect_refused(&e, FAIL_SCHEMA, "key column number changed its type");
    evolved_release(&e);

    evolved_init(&e);
    e.next->primary_key_count = 0;
    struct schema *written = e.next; /* an older schema without a key */
    written->partition_key_count = 0;
    e.origin.schema = e.f.schema;
    e.origin.layout = &e.f.layout;
    struct run_schemas schemas;
    run_reader_schemas_init(&schemas, e.f.fs, FIXTURE_TABLE, e.f.schema);
    struct error publish = {0};
    assert_true(schema_file_publish(e.f.fs, FIXTURE_TABLE, written, &publish));
    e.origin.schemas = &schemas;
    e.files.items[0]->schema_id = 1;
    expect_refused(&e, FAIL_SCHEMA, "schema 1 has no primary key");
    run_reader_schemas_release(&schemas);
    evolved_release(&e);

    evolved_init(&e);
    e.next->fields[0].type.nullable = false; /* nothing to read it from */
    expect_refused(&e, FAIL_SCHEMA, "added");
    evolved_release(&e);

    evolved_init(&e);
    e.next->fields[2].id = 9;
    e.next->fields[2].type.nullable = true;
    expect_refused(&e, FAIL_SCHEMA, "primary key");
    evolved_release(&e);

    evolved_init(&e);
    e.files.items[0]->external_path = STR("s3://elsewhere/x");
    expect_refused(&e, FAIL_SCHEMA, "external-paths");
    e.files.items[0]->external_path = (struct str){0};
    e.files.items[0]->row_count = -1;
    expect_refused(&e, FAIL_CORRUPT, "data-u-0.avro");
    e.files.items[0]->row_count = 2;
    e.files.items[0]->schema_id = 5;
    struct error err = {0};
    struct run_reader *r = NULL;
    assert_false(run_reader_open(&e.origin, e.files.items[0], &r, &err));
    assert_non_null(strstr(err.text, "schema 5"));
    e.files.items[0]->schema_id = 0;
    e.files.items[0]->name = STR("data-u-0.orc");
    expect_refused(&e, FAIL_SCHEMA, "orc");
    e.files.items[0]->name = STR("data-u-99.avro");
    assert_false(run_reader_open(&e.origin, e.files.items[0], &r, &err));
    evolved_release(&e);
}

/* A value that has no counterpart is named with its file, row and column. */
static void values_refused(void **state)
{
    (void)state;
    struct evolved e;
    evolved_init(&e);
    e.next->fields[1].type.length = 3; /* shorter than it was: cut */
    struct error err = {0};
    struct run_reader *r = NULL;
    struct run_row row;
    assert_true(run_reader_open(&e.origin, e.files.items[0], &r, &err));
    assert_int_equal(run_reader_next(r, &row, &err), NEXT_ROW);
    assert_true(str_eq(value_str(&row.values[1]), STR("nam")));
    run_reader_close(r);
    e.next->fields[1].type = (struct type){.kind = TYPE_INT, .nullable = true};
    assert_true(run_reader_open(&e.origin, e.files.items[0], &r, &err));
    assert_int_equal(run_reader_next(r, &row, &err), NEXT_FAIL);
    assert_int_equal(err.code, FAIL_SCHEMA);
    assert_string_equal(err.text, "data-u-0.avro, row 0: column title, of schema 0: 'name 100' is "
                                  "no INT; Paimon cannot read it either: change the column's type "
                                  "back");
    run_reader_close(r);

    assert_true(run_reader_open(&e.origin, e.files.items[0], &r, &err)); /* for a merge */
    run_reader_defer(r);
    assert_int_equal(run_reader_next(r, &row, &err), NEXT_ROW);
    assert_non_null(row.spoilt);
    assert_int_equal(row.spoilt->code, FAIL_SCHEMA);
    assert_int_equal(row.values[1].state, VALUE_NULL);
    assert_int_equal(row.key[0].i, 1);
    assert_int_equal(row.values[2].i, 1);
    assert_int_equal(run_reader_next(r, &row, &err), NEXT_ROW); /* has no name */
    assert_null(row.spoilt);
    assert_int_equal(run_reader_next(r, &row, &err), NEXT_END);
    run_reader_close(r);
    evolved_release(&e);
}

/* Longer texts and columns that became nullable are the same bytes. */
static void shapes_that_fit(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, SHAPE_TEXT);
    struct error err = {0};
    assert_true(schema_file_publish(f.fs, FIXTURE_TABLE, f.schema, &err));
    struct run_files files = {0};
    struct record record = {5, 1, 2, ROW_INSERT};
    fixture_write(&f, 0, &record, 1, &files);
    struct schema *next = fixture_schema(SHAPE_TEXT);
    next->id = 1;
    next->fields[0].type.length = 100;
    struct data_file_layout layout;
    data_file_layout(next, &f.arena, &layout);
    struct run_schemas schemas;
    run_reader_schemas_init(&schemas, f.fs, FIXTURE_TABLE, next);
    struct run_origin origin = {.fs = f.fs,
                                .folder = f.data.folder,
                                .schema = next,
                                .layout = &layout,
                                .schemas = &schemas};
    struct run_reader *r = NULL;
    if (!run_reader_open(&origin, files.items[0], &r, &err)) {
        fail_msg("%s", err.text);
    }
    struct run_row row;
    assert_int_equal(run_reader_next(r, &row, &err), NEXT_ROW);
    assert_int_equal(fixture_key(&f, row.key), 5);
    run_reader_close(r);
    run_reader_schemas_release(&schemas);
    schema_free(next);
    fixture_release(&f);
}

/* Writes one file by hand: `skip` physical columns left out in front, rows of the given kinds. */
static struct data_file *by_hand(struct fixture *f, size_t skip, const int64_t *kinds, size_t count)
{
    struct error err;
    struct format_writer *w = NULL;
    const struct format_ops *format = f->data.format;
    assert_true(format->writer_open(f->fs, "/lake/db.db/t/bucket-0/data-h-0.avro",
                                    f->layout.fields + skip, f->layout.count - skip,
                                    &f->format_options, &w, &err));
    for (size_t i = 0; i < count; i++) {
        struct value physical[6];
        struct fixture_row buffer;
        const struct value *values = fixture_values(f, (int64_t)i, 7, &buffer);
        physical[0] = values[0];
        physical[1] = (struct value){.i = (int64_t)i, .state = VALUE_SET};
        physical[2] = (struct value){.i = kinds[i], .state = VALUE_SET};
        memcpy(&physical[3], values, 3 * sizeof(*values));
        assert_true(format->write(w, physical + skip, &err));
    }
    struct data_file *d = arena_zalloc(&f->arena, sizeof(*d));
    uint64_t bytes = 0;
    assert_true(format->writer_finish(w, &bytes, &err));
    d->name = STR("data-h-0.avro");
    d->size_bytes = (int64_t)bytes;
    d->row_count = (int64_t)count;
    return d;
}

static void thin_files(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, SHAPE_INT);
    static const int64_t kinds[] = {0, 3, 2};
    struct data_file *d = by_hand(&f, 1, kinds, 3);
    struct record got[4];
    assert_int_equal(fixture_read(&f, d, got, 4), 3);
    for (int64_t i = 0; i < 3; i++) {
        assert_int_equal(got[i].key, i);
        assert_int_equal(got[i].kind, kinds[i]);
        assert_int_equal(got[i].n, 7);
    }
    fixture_release(&f);
}

static void bad_rows(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, SHAPE_INT);
    static const int64_t kinds[] = {0, 4};
    struct data_file *d = by_hand(&f, 0, kinds, 2);
    struct error err = {0};
    struct run_reader *r = NULL;
    struct run_row row;
    assert_true(run_reader_open(&f.origin, d, &r, &err));
    assert_int_equal(run_reader_next(r, &row, &err), NEXT_ROW);
    assert_int_equal(run_reader_next(r, &row, &err), NEXT_FAIL);
    assert_int_equal(err.code, FAIL_CORRUPT);
    assert_non_null(strstr(err.text, "row 1"));
    run_reader_close(r);

    d->row_count = 1; /* more rows than told: also not that file */
    static const int64_t good[] = {0, 0};
    memfs_close(&f.memory);
    d = by_hand(&f, 0, good, 2);
    for (int64_t told = 1; told <= 3; told += 2) {
        d->row_count = told;
        assert_true(run_reader_open(&f.origin, d, &r, &err));
        enum next next;
        while ((next = run_reader_next(r, &row, &err)) == NEXT_ROW) {
        }
        assert_int_equal(next, NEXT_FAIL);
        assert_int_equal(err.code, FAIL_CORRUPT);
        run_reader_close(r);
    }
    run_reader_close(NULL);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_of_an_older_schema),
        cmocka_unit_test(shapes_refused),
        cmocka_unit_test(values_refused),
        cmocka_unit_test(shapes_that_fit),
        cmocka_unit_test(thin_files),
        cmocka_unit_test(bad_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
