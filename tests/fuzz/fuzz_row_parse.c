/* Rows of operation files: any JSON gives a row or an error; what was parsed prints and parses to
 * the same again. A column of every type. */
#include <stdint.h>

#include "agent/row_parse.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TYPE(kind_, ...)                                                                           \
    {                                                                                              \
        .kind = kind_, .nullable = true, __VA_ARGS__                                               \
    }

static const struct type flat[] = {
    TYPE(TYPE_BOOLEAN, .length = 0),
    TYPE(TYPE_TINYINT, .length = 0),
    TYPE(TYPE_SMALLINT, .length = 0),
    TYPE(TYPE_INT, .length = 0),
    TYPE(TYPE_BIGINT, .length = 0),
    TYPE(TYPE_FLOAT, .length = 0),
    TYPE(TYPE_DOUBLE, .length = 0),
    TYPE(TYPE_DECIMAL, .precision = 18, .scale = 3),
    TYPE(TYPE_DECIMAL, .precision = 38, .scale = 20),
    TYPE(TYPE_VARCHAR, .length = TYPE_MAX_LENGTH),
    TYPE(TYPE_VARBINARY, .length = TYPE_MAX_LENGTH),
    TYPE(TYPE_DATE, .length = 0),
    TYPE(TYPE_TIME, .precision = 3),
    TYPE(TYPE_TIMESTAMP, .precision = 9),
    TYPE(TYPE_TIMESTAMP_LTZ, .precision = 6),
};
#define FLAT (sizeof flat / sizeof *flat)

static const struct type_field row_fields[] = {{.name = {"x", 1}, .type = &flat[3]},
                                               {.name = {"y", 1}, .type = &flat[9]}};
static const struct type row = TYPE(TYPE_ROW, .fields = row_fields, .field_count = 2);
static const struct type rows = TYPE(TYPE_ARRAY, .element = &row);
static const struct type nested[] = {
    TYPE(TYPE_MAP, .key = &flat[9], .element = &rows),
    TYPE(TYPE_MAP, .key = &flat[11], .element = &flat[6]),
    TYPE(TYPE_MULTISET, .element = &flat[9]),
};
#define COUNT (FLAT + 3)

/* Columns "a", "b", … */
static void make_fields(struct schema_field *fields, char *names)
{
    for (size_t i = 0; i < COUNT; i++) {
        names[i] = (char)('a' + (int)i);
        fields[i] = (struct schema_field){.id = (int32_t)i,
                                          .name = {&names[i], 1},
                                          .type = i < FLAT ? flat[i] : nested[i - FLAT]};
    }
}

static bool parse(const struct schema_field *fields, struct str text, struct arena *a,
                  struct buf *out)
{
    struct value values[COUNT];
    struct error err = {0};
    struct json_doc *doc = NULL;
    bool ok =
        json_parse(text, &doc, &err) && row_parse(fields, COUNT, json_root(doc), a, values, &err);
    must(ok || (err.code != FAIL_NONE && err.text[0] != '\0'));
    if (ok) {
        row_print_json(fields, COUNT, values, out);
    }
    json_free(doc);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct schema_field fields[COUNT];
    char names[COUNT];
    struct arena a = {0};
    struct buf first = BUF_INIT((size_t)1 << 28);
    struct buf second = BUF_INIT((size_t)1 << 28);
    make_fields(fields, names);
    if (parse(fields, (struct str){(const char *)data, size}, &a, &first)) {
        must(parse(fields, buf_str(&first), &a, &second));
        must(str_eq(buf_str(&first), buf_str(&second)));
    }
    buf_release(&first);
    buf_release(&second);
    arena_release(&a);
    return 0;
}
