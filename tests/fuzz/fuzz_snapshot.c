/* Snapshot files: any bytes give a snapshot or an error; what was parsed prints and parses to the
 * same again. */
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "sink/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct error err = {0};
    struct snapshot s;
    struct snapshot again;
    if (snapshot_parse((struct str){(const char *)data, size}, &arena, &s, &err)) {
        struct buf first = BUF_INIT((size_t)1 << 28);
        struct buf second = BUF_INIT((size_t)1 << 28);
        snapshot_print(&s, &first);
        must(snapshot_parse(buf_str(&first), &arena, &again, &err));
        snapshot_print(&again, &second);
        must(str_eq(buf_str(&first), buf_str(&second)));
        must(again.id == s.id && again.property_count == s.property_count);
        buf_release(&first);
        buf_release(&second);
    } else {
        must(err.code != FAIL_NONE && err.text[0] != '\0');
    }
    arena_release(&arena);
    return 0;
}
