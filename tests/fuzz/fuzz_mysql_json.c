/* MySQL's binary JSON: any bytes give text that a JSON parser takes, or an error, never more. The
 * first byte chooses the server's dialect. */
#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "connectors/mysql/mysql_charset.h"
#include "connectors/mysql/mysql_json.h"

#define MAX_TEXT_BYTES ((size_t)1 << 22)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct error err = {0};
    struct buf out = BUF_INIT(MAX_TEXT_BYTES);
    enum mysql_json_dialect dialect = (data[0] & 1) != 0 ? MYSQL_JSON_5_7 : MYSQL_JSON_8;
    struct str binary = {(const char *)data + 1, size - 1};
    if (mysql_json_print(binary, dialect, &out, &err)) {
        struct json_doc *doc = NULL;
        must(out.len > 0 && mysql_charset_is_utf8(buf_str(&out)));
        /* 5.7 writes ends of line into strings as they are, which JSON does not allow. */
        must(dialect == MYSQL_JSON_5_7 || json_parse(buf_str(&out), &doc, &err));
        json_free(doc);
    } else {
        must(err.code == FAIL_CORRUPT || err.code == FAIL_LIMIT);
        must(err.text[0] != '\0');
    }
    buf_release(&out);
    return 0;
}
