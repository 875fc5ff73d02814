/* Binary rows of manifests: any bytes give values or an error; values that were read are written
 * and read as the same again. Each input is taken as a row of every kind of column, and as a key of
 * two. */
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "sink/binrow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define COLUMN(text, ...)                                                                          \
    {                                                                                              \
        .name = {(text), sizeof(text) - 1}, .type = {.nullable = true, __VA_ARGS__ }               \
    }
static const struct schema_field columns[] = {
    COLUMN("text", .kind = TYPE_VARCHAR, .length = TYPE_MAX_LENGTH),
    COLUMN("int", .kind = TYPE_INT),
    COLUMN("flag", .kind = TYPE_BOOLEAN),
    COLUMN("tiny", .kind = TYPE_TINYINT),
    COLUMN("small", .kind = TYPE_SMALLINT),
    COLUMN("big", .kind = TYPE_BIGINT),
    COLUMN("float", .kind = TYPE_FLOAT),
    COLUMN("double", .kind = TYPE_DOUBLE),
    COLUMN("narrow", .kind = TYPE_DECIMAL, .precision = 9, .scale = 2),
    COLUMN("wide", .kind = TYPE_DECIMAL, .precision = 38, .scale = 10),
    COLUMN("date", .kind = TYPE_DATE),
    COLUMN("time", .kind = TYPE_TIME, .precision = 3),
    COLUMN("coarse", .kind = TYPE_TIMESTAMP, .precision = 3),
    COLUMN("fine", .kind = TYPE_TIMESTAMP_LTZ, .precision = 9),
    COLUMN("bytes", .kind = TYPE_VARBINARY, .length = TYPE_MAX_LENGTH),
};
#define WIDTH (sizeof(columns) / sizeof(columns[0]))
#define MAX_BYTES ((size_t)1 << 24)

static void fuzz_row(struct str bytes, size_t count)
{
    const struct schema_field *fields[WIDTH];
    const struct value *values[WIDTH];
    struct value first[WIDTH];
    struct value second[WIDTH];
    struct arena arena = {0};
    struct error err = {0};
    struct buf out = BUF_INIT(MAX_BYTES);
    memset(first, 0, sizeof(first));
    memset(second, 0, sizeof(second));
    for (size_t i = 0; i < count; i++) {
        fields[i] = &columns[i];
        values[i] = &first[i];
    }
    if (!binrow_parse(bytes, fields, count, &arena, first, &err)) {
        must(err.code == FAIL_CORRUPT && err.text[0] != '\0');
    } else {
        binrow_serialize(fields, count, values, &out);
        if (!out.failed) { /* slots may all point at the same bytes */
            must(binrow_parse(buf_str(&out), fields, count, &arena, second, &err));
            for (size_t i = 0; i < count; i++) {
                must(value_equal(&columns[i].type, &first[i], &second[i]));
            }
        }
    }
    buf_release(&out);
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size};
    fuzz_row(bytes, WIDTH);
    fuzz_row(bytes, 2);
    fuzz_row(bytes, 0);
    return 0;
}
