/* Deletion vectors: any bytes give a vector or an error; what was read is written and read as the
 * same set again. Each input is taken as one record, as the same record with the right checksum
 * (else hardly anything would pass it), and as an index file whose places come from its bytes. */
#include <stdint.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "sink/binrow.h"
#include "sink/deletion_vector.h"
#include "tests/fuzz/memory_fs.h"

#define MAX_BYTES ((size_t)1 << 24)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_record(struct str record)
{
    struct error err = {0};
    struct deletion_vector *v = NULL;
    if (!deletion_vector_parse(record, &v, &err)) {
        must(err.code != FAIL_NONE && err.text[0] != '\0');
        return;
    }
    uint64_t count = deletion_vector_count(v);
    uint64_t end = deletion_vector_end(v);
    must((count == 0) == (end == 0) && count <= end && !deletion_vector_has(v, end));
    must(count == 0 || deletion_vector_has(v, end - 1));
    struct buf first = BUF_INIT(MAX_BYTES);
    struct buf second = BUF_INIT(MAX_BYTES);
    struct deletion_vector *back = NULL;
    deletion_vector_print(v, &first);
    if (!first.failed) {
        must(deletion_vector_parse(buf_str(&first), &back, &err));
        must(deletion_vector_count(back) == count && deletion_vector_end(back) == end);
        deletion_vector_print(back, &second);
        must(str_eq(buf_str(&first), buf_str(&second)));
        for (uint64_t i = 0; i < 4096 && i < end; i++) {
            must(deletion_vector_has(back, i) == deletion_vector_has(v, i));
        }
    }
    deletion_vector_free(v);
    deletion_vector_free(back);
    buf_release(&first);
    buf_release(&second);
}

static void fuzz_sealed(const uint8_t *data, size_t size)
{
    if (size < 12) {
        return;
    }
    char *sealed = mem_dup(data, size);
    uint32_t crc = hash_crc32(sealed + 4, size - 8);
    for (size_t i = 0; i < 4; i++) {
        sealed[i] = (char)((size - 8) >> 8 * (3 - i) & 0xff);
        sealed[size - 4 + i] = (char)(crc >> 8 * (3 - i) & 0xff);
    }
    fuzz_record((struct str){sealed, size});
    mem_free(sealed);
}

static void fuzz_file(const uint8_t *data, size_t size)
{
    struct error err = {0};
    struct memory_fs store = {.bytes = {(const char *)data, size}};
    struct index_manifest_place place = {memory_fs_open(&store), "/t", false, ""};
    struct index_manifest_range ranges[3] = {{.data_file = STR("a"), .cardinality = -1},
                                             {.data_file = STR("b"), .cardinality = 1},
                                             {.data_file = STR("c"), .cardinality = -1}};
    for (size_t i = 0; i < 3 && size >= 8; i++) { /* from the front and the back */
        ranges[i].offset = i == 0 ? 1 : (int32_t)(data[i * 3 % size] + 256 * data[size - i]);
        ranges[i].length = i == 0 ? (int32_t)data[4] + 256 * data[3] : (int32_t)data[size - i];
    }
    struct index_manifest_entry entry = {.partition = binrow_empty,
                                         .type = STR(INDEX_MANIFEST_VECTORS),
                                         .file_name = STR("index-0"),
                                         .size_bytes = (int64_t)size,
                                         .ranges = ranges};
    struct index_manifest_entries list = {.items = &entry, .count = 1, .cap = 1};
    for (size_t count = 0; count <= 3; count++) {
        struct deletion_vector_set *s = deletion_vector_set_new(DELETION_VECTOR_32);
        entry.range_count = count;
        entry.row_count = (int64_t)count;
        if (deletion_vector_set_load(s, &place, &list, binrow_empty, 0, &err)) {
            must(deletion_vector_set_count(s) == count);
        } else {
            must(err.code != FAIL_NONE && err.text[0] != '\0');
        }
        deletion_vector_set_free(s);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_record((struct str){(const char *)data, size});
    fuzz_sealed(data, size);
    fuzz_file(data, size);
    return 0;
}
