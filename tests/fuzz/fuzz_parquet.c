/* Parquet files: any bytes give rows or an error, by rows and by columns, and the memory told. The
 * fuzzer's bytes are a whole file; the columns asked for are those of tests/golden/parquet. */
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "sink/format/parquet_reader.h"
#include "tests/fuzz/memory_fs.h"

#define LIMIT ((size_t)1 << 20)
#define MAX_ROWS 20000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define COLUMN(text, ...)                                                                          \
    {                                                                                              \
        .name = {(text), sizeof(text) - 1}, .type = {.nullable = true, __VA_ARGS__ }               \
    }
#define INNER(text, of)                                                                            \
    {                                                                                              \
        .name = {(text), sizeof(text) - 1}, .type = &(of)                                          \
    }

static const struct type int_type = {.kind = TYPE_INT, .nullable = true};
static const struct type long_type = {.kind = TYPE_BIGINT, .nullable = true};
static const struct type text_type = {
    .kind = TYPE_VARCHAR, .nullable = true, .length = TYPE_MAX_LENGTH};
static const struct type wide_type = {
    .kind = TYPE_DECIMAL, .nullable = true, .precision = 20, .scale = 3};
static const struct type ints_type = {.kind = TYPE_ARRAY, .nullable = true, .element = &int_type};
static const struct type texts_type = {.kind = TYPE_ARRAY, .nullable = true, .element = &text_type};
static const struct type_field pair_fields[] = {INNER("c", text_type), INNER("d", wide_type)};
static const struct type pair_type = {
    .kind = TYPE_ROW, .nullable = true, .fields = pair_fields, .field_count = 2};
static const struct type_field row_fields[] = {INNER("a", int_type), INNER("b", pair_type)};
static const struct type_field element_fields[] = {INNER("x", text_type), INNER("y", ints_type)};
static const struct type element_type = {
    .kind = TYPE_ROW, .nullable = true, .fields = element_fields, .field_count = 2};
static const struct type_field none_fields[] = {INNER("not there", text_type)};
static const struct type none_type = {
    .kind = TYPE_ROW, .nullable = true, .fields = none_fields, .field_count = 1};

static const struct schema_field flat[] = {
    COLUMN("b", .kind = TYPE_BOOLEAN),
    COLUMN("i1", .kind = TYPE_TINYINT),
    COLUMN("i2", .kind = TYPE_SMALLINT),
    COLUMN("i4", .kind = TYPE_INT),
    COLUMN("i8_seq", .kind = TYPE_BIGINT),
    COLUMN("f4", .kind = TYPE_FLOAT),
    COLUMN("f8", .kind = TYPE_DOUBLE),
    COLUMN("s", .kind = TYPE_VARCHAR, .length = TYPE_MAX_LENGTH),
    COLUMN("y", .kind = TYPE_VARBINARY, .length = TYPE_MAX_LENGTH),
    COLUMN("fx", .kind = TYPE_BINARY, .length = 5),
    COLUMN("d5", .kind = TYPE_DECIMAL, .precision = 5, .scale = 2),
    COLUMN("d38", .kind = TYPE_DECIMAL, .precision = 38, .scale = 10),
    COLUMN("day", .kind = TYPE_DATE),
    COLUMN("t_ms", .kind = TYPE_TIME, .precision = 3),
    COLUMN("t_us", .kind = TYPE_TIME, .precision = 3),
    COLUMN("ts3", .kind = TYPE_TIMESTAMP, .precision = 3),
    COLUMN("ts9", .kind = TYPE_TIMESTAMP, .precision = 9),
    COLUMN("ltz6", .kind = TYPE_TIMESTAMP_LTZ, .precision = 6),
    COLUMN("nothing", .kind = TYPE_INT),
};
static const struct schema_field nested[] = {
    COLUMN("l", .kind = TYPE_ARRAY, .element = &int_type),
    COLUMN("ll", .kind = TYPE_ARRAY, .element = &texts_type),
    COLUMN("r", .kind = TYPE_ROW, .fields = row_fields, .field_count = 2),
    COLUMN("lr", .kind = TYPE_ARRAY, .element = &element_type),
    COLUMN("m", .kind = TYPE_MAP, .key = &text_type, .element = &long_type),
    COLUMN("mr", .kind = TYPE_MAP, .key = &text_type, .element = &none_type),
};

static struct parquet_reader *reader_of(struct memory_fs *store, const struct schema_field *fields,
                                        size_t count)
{
    struct parquet_reader_limits limits = {.page_bytes = LIMIT, .row_bytes = LIMIT};
    struct error err = {0};
    struct parquet_reader *r = NULL;
    if (!parquet_reader_open(memory_fs_open(store), "/f", store->bytes.len, fields, count, &limits,
                             &r, &err)) {
        must(err.text[0] != '\0');
        return NULL;
    }
    return r;
}

static void read_rows(struct memory_fs *store, const struct schema_field *fields, size_t count)
{
    struct parquet_reader *r = reader_of(store, fields, count);
    struct error err = {0};
    struct buf text = BUF_INIT(LIMIT);
    const struct value *rows;
    size_t n = 0;
    size_t total = 0;
    while (r != NULL && total < MAX_ROWS && parquet_reader_rows(r, &rows, &n, &err) && n > 0) {
        for (size_t i = 0; i < n; i++) { /* every value is one that can be printed */
            buf_reset(&text);
            row_print_json(fields, count, rows + i * count, &text);
        }
        total += n;
    }
    buf_release(&text);
    parquet_reader_close(r);
}

static bool take(void *self, const struct parquet_leaf *leaf, const struct parquet_block *block)
{
    size_t *sum = self;
    (void)leaf;
    *sum += block->values;
    return true;
}

static void read_columns(struct memory_fs *store)
{
    struct parquet_reader *r = reader_of(store, flat, sizeof(flat) / sizeof(flat[0]));
    struct error err = {0};
    uint64_t bytes;
    size_t sum = 0;
    size_t n = 0;
    size_t total = 0;
    if (r != NULL && parquet_reader_memory(r, &bytes, &err)) {
        while (total < MAX_ROWS && parquet_reader_blocks(r, take, &sum, &n, &err) && n > 0) {
            total += n;
        }
    }
    parquet_reader_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memory_fs store = {{(const char *)data, size}};
    read_rows(&store, flat, sizeof(flat) / sizeof(flat[0]));
    read_rows(&store, nested, sizeof(nested) / sizeof(nested[0]));
    read_columns(&store);
    return 0;
}
