/* Schema files: any bytes give a schema or an error; what was parsed prints and parses to the same
 * again, and is either writable or refused with a sentence. */
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "sink/schema_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = {0};
    struct schema *s;
    struct schema *again;
    if (!schema_file_parse((struct str){(const char *)data, size}, &s, &err)) {
        must(err.code != FAIL_NONE && err.text[0] != '\0');
        return 0;
    }
    struct buf first = BUF_INIT((size_t)1 << 28);
    struct buf second = BUF_INIT((size_t)1 << 28);
    schema_file_print(s, &first);
    must(schema_file_parse(buf_str(&first), &again, &err));
    schema_file_print(again, &second);
    must(str_eq(buf_str(&first), buf_str(&second)));
    err = (struct error){0};
    must(schema_file_check_writable(s, &err) || err.text[0] != '\0');
    buf_release(&first);
    buf_release(&second);
    schema_free(s);
    schema_free(again);
    return 0;
}
