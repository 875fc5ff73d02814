/* Parquet's value encodings: any bytes as a page's values, levels or page header. First byte: the
 * encoding; second: the physical type; third: how many values are asked for at a time. */
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "sink/format/parquet_meta.h"
#include "sink/format/parquet_rle.h"
#include "sink/format/parquet_values.h"

#define LIMIT ((size_t)1 << 20)
#define MAX_VALUES 100000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_values(struct parquet_values *v, struct str bytes, enum parquet_encoding encoding,
                        const struct parquet_dictionary *dictionary, size_t step)
{
    struct error err = {0};
    struct parquet_block b;
    uint64_t sum = 0;
    parquet_block_init(&b, sizeof(struct str));
    if (parquet_values_start(v, bytes, encoding, dictionary, &err)) {
        bool texts = parquet_block_width(v->physical) == sizeof(struct str);
        for (size_t n = 0; n < MAX_VALUES && parquet_values_read(v, step, &b); n += step) {
            for (size_t i = 0; texts && i < step; i++) { /* every byte is there */
                for (size_t k = 0; k < b.texts[i].len; k++) {
                    sum += (unsigned char)b.texts[i].ptr[k];
                }
            }
        }
    } else {
        must(err.text[0] != '\0');
    }
    must(sum < UINT64_MAX);
    parquet_block_release(&b);
}

/* The same bytes as runs, in every width. */
static void read_runs(struct str bytes, unsigned width)
{
    struct parquet_rle r;
    uint32_t out[64];
    uint8_t levels[64];
    parquet_rle_init(&r, bytes, width);
    for (int i = 0; i < 100 && parquet_rle_read(&r, out, 64); i++) {
        for (size_t k = 0; k < 64; k++) {
            must(width == 32 || out[k] >> width == 0);
        }
    }
    parquet_rle_init(&r, bytes, width % 9);
    for (int i = 0; i < 100 && parquet_rle_read_u8(&r, levels, 1 + (size_t)(i % 64)); i++) {
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) {
        return 0;
    }
    struct str bytes = {(const char *)data + 3, size - 3};
    enum parquet_physical physical = (enum parquet_physical)(data[1] % PARQUET_GROUP);
    struct parquet_values v = {.physical = physical,
                               .width = physical == PARQUET_INT96 ? 12 : 5,
                               .made = BUF_INIT(LIMIT),
                               .last = BUF_INIT(LIMIT)};
    struct parquet_dictionary dictionary;
    struct error err = {0};
    bool has = physical != PARQUET_BOOLEAN &&
               parquet_values_dictionary(bytes, physical, v.width, data[2] % 4, &dictionary, &err);
    read_values(&v, bytes, (enum parquet_encoding)(data[0] % 10), has ? &dictionary : NULL,
                1 + data[2] % PARQUET_BLOCK);
    parquet_values_release(&v);
    if (has) {
        parquet_values_dictionary_release(&dictionary);
    }
    read_runs(bytes, data[0] % 33);
    struct reader r = reader_over(bytes, "header");
    struct parquet_page_meta page;
    parquet_meta_read_page(&r, &page);
    struct arena a = {0};
    struct parquet_meta meta;
    if (!parquet_meta_read(bytes, &a, &meta, &err)) {
        must(err.text[0] != '\0');
    }
    arena_release(&a);
    return 0;
}
