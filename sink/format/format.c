#include "sink/format/format.h"

#include "sink/format/avro_file.h"
#include "sink/format/parquet_file.h"

const struct format_ops *const format_list[] = {&avro_file_ops, &parquet_file_ops, NULL};

static const struct format_ops *find(struct str name)
{
    for (size_t i = 0; format_list[i] != NULL; i++) {
        if (str_eq_nocase(name, str_of(format_list[i]->name))) {
            return format_list[i];
        }
    }
    return NULL;
}

/* The text after the last dot, passing over a compression's (paimon-format §1). */
static struct str extension(struct str *name)
{
    for (size_t i = name->len; i > 0; i--) {
        if (name->ptr[i - 1] == '.') {
            struct str ext = str_slice(*name, i, name->len);
            name->len = i - 1;
            return ext;
        }
    }
    return (struct str){"", 0};
}

static bool is_compression(struct str ext)
{
    static const char *const known[] = {"gz", "bz2", "deflate", "snappy", "lz4", "zst", "zstd"};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (str_eq(ext, str_of(known[i]))) {
            return true;
        }
    }
    return false;
}

bool format_of_file(struct str file_name, const struct format_ops **out, struct error *err)
{
    struct str rest = file_name;
    struct str ext = extension(&rest);
    if (is_compression(ext)) {
        ext = extension(&rest);
    }
    const struct format_ops *f = find(ext);
    if (f == NULL) {
        return error_set(
            err, FAIL_SCHEMA,
            "data file %.*s: format '%.*s' is not supported (avro and parquet are); have "
            "the table rewritten by its own writer, with file.format parquet",
            STR_FMT(str_slice(file_name, 0, 200)), STR_FMT(str_slice(ext, 0, 40)));
    }
    *out = f;
    return true;
}

bool format_of_option(struct str name, const struct format_ops **out, struct error *err)
{
    const struct format_ops *f = find(name);
    if (f == NULL) {
        return error_set(err, FAIL_SCHEMA,
                         "file.format '%.*s' is not supported; set file.format to parquet or avro",
                         STR_FMT(str_slice(name, 0, 40)));
    }
    *out = f;
    return true;
}
