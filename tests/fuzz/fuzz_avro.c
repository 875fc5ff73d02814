/* Avro files: any bytes give entries, rows or an error; what was decoded as a row can be encoded
 * again. Each input is read as a manifest, as a manifest list, as an index manifest and as a data
 * file. */
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "sink/format/avro_decoder.h"
#include "sink/format/avro_encoder.h"
#include "sink/format/avro_reader.h"
#include "sink/index_manifest.h"
#include "sink/manifest.h"
#include "tests/fuzz/memory_fs.h"

#define MAX_BLOCK ((size_t)1 << 20)

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
static const struct type text_type = {.kind = TYPE_VARCHAR, .nullable = true, .length = 9};
static const struct type texts_type = {.kind = TYPE_ARRAY, .nullable = true, .element = &text_type};
static const struct type wide_type = {
    .kind = TYPE_DECIMAL, .nullable = true, .precision = 20, .scale = 3};
static const struct type_field pair_fields[] = {INNER("x", text_type), INNER("y", wide_type)};
static const struct type pair_type = {
    .kind = TYPE_ROW, .nullable = true, .fields = pair_fields, .field_count = 2};
static const struct type_field row_fields[] = {INNER("a", int_type), INNER("b", pair_type)};

/* Columns of tests/golden/paimon/types and nested. */
static const struct schema_field fields[] = {
    COLUMN("_SEQUENCE_NUMBER", .kind = TYPE_BIGINT),
    COLUMN("_VALUE_KIND", .kind = TYPE_TINYINT),
    COLUMN("id", .kind = TYPE_INT),
    COLUMN("c_string", .kind = TYPE_VARCHAR, .length = TYPE_MAX_LENGTH),
    COLUMN("c_bool", .kind = TYPE_BOOLEAN),
    COLUMN("c_bytes", .kind = TYPE_VARBINARY, .length = TYPE_MAX_LENGTH),
    COLUMN("c_dec9", .kind = TYPE_DECIMAL, .precision = 9, .scale = 2),
    COLUMN("c_dec38", .kind = TYPE_DECIMAL, .precision = 38, .scale = 10),
    COLUMN("c_small", .kind = TYPE_SMALLINT),
    COLUMN("c_float", .kind = TYPE_FLOAT),
    COLUMN("c_double", .kind = TYPE_DOUBLE),
    COLUMN("c_date", .kind = TYPE_DATE),
    COLUMN("c_time3", .kind = TYPE_TIME, .precision = 3),
    COLUMN("c_ts3", .kind = TYPE_TIMESTAMP, .precision = 3),
    COLUMN("c_ltz6", .kind = TYPE_TIMESTAMP_LTZ, .precision = 6),
    COLUMN("c_arrs", .kind = TYPE_ARRAY, .element = &texts_type),
    COLUMN("c_map", .kind = TYPE_MAP, .key = &text_type, .element = &long_type),
    COLUMN("m", .kind = TYPE_MAP, .key = &int_type, .element = &pair_type),
    COLUMN("c_row", .kind = TYPE_ROW, .fields = row_fields, .field_count = 2),
};
#define WIDTH (sizeof(fields) / sizeof(fields[0]))

static void read_manifests(struct fs fs, size_t size)
{
    struct arena arena = {0};
    struct error err = {0};
    struct manifest_entries entries = {0};
    struct manifest_entries live;
    struct manifest_metas metas = {0};
    struct manifest_meta meta = {.name = STR("m"), .size_bytes = (int64_t)size};
    if (manifest_read(fs, "/t", &meta, &arena, &entries, &err)) {
        manifest_fold(&entries, true, &arena, &live);
        must(live.count <= entries.count);
        for (size_t i = 0; i < live.count; i++) {
            must(live.items[i].file->row_count >= 0);
        }
    } else {
        must(err.text[0] != '\0' && entries.count == 0);
    }
    if (!manifest_list_read(fs, "/t", STR("m"), &arena, &metas, &err)) {
        must(metas.count == 0);
    }
    arena_release(&arena);
}

static void read_index_manifest(struct fs fs)
{
    struct arena arena = {0};
    struct error err = {0};
    struct index_manifest_entries entries = {0};
    struct index_manifest_entries none = {0};
    struct index_manifest_entries all = {0};
    if (index_manifest_read(fs, "/t", STR("m"), &arena, &entries, &err)) {
        must(!index_manifest_combine(&entries, &none, true, &arena, &all, &err) ||
             all.count <= entries.count);
    } else {
        must(err.text[0] != '\0' && entries.count == 0);
    }
    arena_release(&arena);
}

static void read_rows(struct avro_reader *file, const struct avro_decoder *decoder)
{
    struct arena arena = {0};
    struct error err = {0};
    struct value row[WIDTH];
    struct avro_encoder *encoder = avro_encoder_new(fields, WIDTH);
    struct reader block;
    uint64_t rows;
    memset(row, 0, sizeof(row));
    while (avro_reader_next(file, &rows, &block, &err) && rows > 0) {
        for (uint64_t i = 0; i < rows && !block.failed; i++) {
            struct buf again = BUF_INIT((size_t)64 << 20);
            arena_reset(&arena);
            avro_decoder_row(decoder, &block, &arena, row);
            must(block.failed || avro_encoder_row(encoder, row, &again, &err) ||
                 err.code != FAIL_NONE);
            buf_release(&again);
        }
        if (block.failed) {
            break;
        }
    }
    avro_encoder_free(encoder);
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memory_fs memory = {.bytes = {(const char *)data, size}};
    struct fs fs = memory_fs_open(&memory);
    struct error err = {0};
    struct avro_reader *file;
    struct avro_decoder *decoder;
    read_manifests(fs, size);
    read_index_manifest(fs);
    if (!avro_reader_open(fs, "/t/d.avro", size, MAX_BLOCK, &file, &err)) {
        return 0;
    }
    if (avro_decoder_new(avro_reader_schema(file), fields, WIDTH, &decoder, &err)) {
        read_rows(file, decoder);
        avro_decoder_free(decoder);
    }
    avro_reader_close(file);
    return 0;
}
