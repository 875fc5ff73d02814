#include "sink/partition.h"

#include <string.h>

#include "base/instant.h"
#include "sink/binrow.h"
#include "sink/cast_rule.h"
#include "sink/paths.h"

#define PARTITION_MAX_BYTES 4096 /* of a folder's path */

bool partition_layout(const struct schema *s, struct arena *arena, struct partition_layout *out,
                      struct error *err)
{
    struct str legacy = schema_option(s, STR("partition.legacy-name"));
    struct str name = schema_option(s, STR("partition.default-name"));
    struct partition_layout p = {
        .schema = s,
        .fields = ARENA_ARRAY(arena, const struct schema_field *, s->partition_key_count + 1),
        .count = s->partition_key_count,
        .legacy_name = !str_eq(legacy, STR("false")),
        .default_name = name.ptr == NULL ? STR("__DEFAULT_PARTITION__") : name};
    if (p.count > PARTITION_MAX_KEYS) {
        return error_set(err, FAIL_LIMIT, "%zu partition keys: at most %d are supported", p.count,
                         PARTITION_MAX_KEYS);
    }
    for (size_t i = 0; i < p.count; i++) {
        const struct schema_field *f = &s->fields[s->partition_key[i]];
        if (f->type.kind == TYPE_BINARY || f->type.kind == TYPE_VARBINARY ||
            type_is_nested(&f->type)) {
            struct buf type = BUF_INIT(200);
            type_print(&f->type, &type);
            error_set(err, FAIL_SCHEMA,
                      "partition column '%.*s' is %s, of which Paimon makes no usable folder name: "
                      "partition by another column",
                      STR_FMT(f->name), buf_cstr(&type));
            buf_release(&type);
            return false;
        }
        p.fields[i] = f;
    }
    *out = p;
    return true;
}

void partition_row(const struct partition_layout *p, const struct value *values, struct buf *out)
{
    const struct value *parts[PARTITION_MAX_KEYS];
    must(p->count <= PARTITION_MAX_KEYS);
    for (size_t i = 0; i < p->count; i++) {
        parts[i] = &values[p->schema->partition_key[i]];
    }
    binrow_serialize(p->fields, p->count, parts, out);
}

/* ---- names ---- */

/* LocalDateTime.toString: no seconds when both they and the fraction are 0; 3, 6 or 9 digits. */
static void print_local_time(const struct value *v, struct buf *out)
{
    int64_t days = v->i / CAST_DAY_MS - (v->i % CAST_DAY_MS < 0);
    int64_t ms = v->i - days * CAST_DAY_MS;
    int64_t nanos = ms % 1000 * 1000000 + v->len;
    int64_t year = 0;
    unsigned month = 0;
    unsigned day = 0;
    instant_civil(days, &year, &month, &day);
    buf_printf(out,
               year > 9999 ? "+%lld"
               : year < 0  ? "-%04lld"
                           : "%04lld",
               (long long)(year < 0 ? -year : year));
    buf_printf(out, "-%02u-%02uT%02d:%02d", month, day, (int)(ms / 3600000),
               (int)(ms / 60000 % 60));
    if (ms % 60000 == 0 && nanos == 0) {
        return;
    }
    buf_printf(out, ":%02d", (int)(ms / 1000 % 60));
    if (nanos % 1000000 == 0 && nanos > 0) {
        buf_printf(out, ".%03d", (int)(nanos / 1000000));
    } else if (nanos % 1000 == 0 && nanos > 0) {
        buf_printf(out, ".%06d", (int)(nanos / 1000));
    } else if (nanos > 0) {
        buf_printf(out, ".%09d", (int)nanos);
    }
}

static void print_legacy(const struct type *t, const struct value *v, struct buf *out)
{
    if (t->kind == TYPE_DATE || t->kind == TYPE_TIME) {
        buf_printf(out, "%lld", (long long)v->i);
    } else if (t->kind == TYPE_TIMESTAMP || t->kind == TYPE_TIMESTAMP_LTZ) {
        print_local_time(v, out);
    } else {
        cast_text_print(t, v, out);
    }
}

/* The length of the white space (Java's Character.isWhitespace) that a text begins with; 0: none.
 */
static size_t white(struct str s)
{
    const unsigned char *c = (const unsigned char *)s.ptr;
    if (c[0] == ' ' || (c[0] >= 0x09 && c[0] <= 0x0d) || (c[0] >= 0x1c && c[0] <= 0x1f)) {
        return 1;
    }
    if (s.len < 3) {
        return 0;
    }
    unsigned rune = (unsigned)c[0] << 16 | (unsigned)c[1] << 8 | c[2]; /* its UTF-8 bytes */
    bool is_space =
        rune == 0xe19a80 /* U+1680 */ ||
        (rune >= 0xe28080 && rune <= 0xe2808a && rune != 0xe28087) /* U+2000 … 200A */ ||
        rune == 0xe280a8 || rune == 0xe280a9 /* U+2028, 2029 */ || rune == 0xe2819f /* U+205F */ ||
        rune == 0xe38080 /* U+3000 */;
    return is_space ? 3 : 0;
}

static bool is_blank(struct str s)
{
    while (s.len > 0) {
        size_t n = white(s);
        if (n == 0) {
            return false;
        }
        s = str_slice(s, n, s.len);
    }
    return true;
}

/* PartitionPathUtils.escapePathName. */
static void put_escaped(struct str s, struct buf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < 0x20 || c == 0x7f || (c < 0x80 && strchr("\"#%'*/:=?\\{}[]^", c) != NULL)) {
            buf_printf(out, "%%%02X", c);
        } else {
            buf_put_byte(out, c);
        }
    }
}

static void put_value(const struct partition_layout *p, const struct type *t, const struct value *v,
                      struct buf *out)
{
    struct buf text = BUF_INIT(PARTITION_MAX_BYTES);
    if (v->state == VALUE_SET && p->legacy_name) {
        print_legacy(t, v, &text);
    } else if (v->state == VALUE_SET) {
        cast_text_print(t, v, &text);
    }
    if (is_blank(buf_str(&text))) {
        buf_put_str(out, p->default_name);
    } else {
        put_escaped(buf_str(&text), out);
    }
    out->failed = out->failed || text.failed;
    buf_release(&text);
}

bool partition_path(const struct partition_layout *p, struct str row, struct arena *arena,
                    const char **out, struct error *err)
{
    if (p->count == 0) {
        *out = "";
        return true;
    }
    struct buf path = BUF_INIT(PARTITION_MAX_BYTES);
    struct value *values = ARENA_ARRAY(arena, struct value, p->count);
    bool ok = binrow_parse(row, p->fields, p->count, arena, values, err) ||
              error_in(err, "a partition in a manifest");
    for (size_t i = 0; ok && i < p->count; i++) {
        put_escaped(p->fields[i]->name, &path);
        buf_put_byte(&path, '=');
        put_value(p, &p->fields[i]->type, &values[i], &path);
        buf_put_byte(&path, '/');
    }
    ok = ok && buf_ok(&path, "a partition's folder", err);
    if (ok) {
        *out = arena_cstr(arena, buf_str(&path));
    }
    buf_release(&path);
    return ok;
}

bool partition_bucket(const struct partition_layout *p, const char *table_path, struct str row,
                      int32_t bucket, struct arena *arena, const char **out, struct error *err)
{
    const char *folder = "";
    if (!partition_path(p, row, arena, &folder, err)) {
        return false;
    }
    *out = paths_bucket(arena, table_path, folder, bucket);
    return true;
}

bool partition_print_json(const struct partition_layout *p, struct str row, struct buf *out,
                          struct error *err)
{
    struct arena a = {0};
    struct value *values = ARENA_ARRAY(&a, struct value, p->count + 1);
    bool ok = binrow_parse(row, p->fields, p->count, &a, values, err);
    if (ok) {
        buf_put_byte(out, '{');
        for (size_t i = 0; i < p->count; i++) {
            buf_put_cstr(out, i == 0 ? "" : ",");
            buf_put_json(out, p->fields[i]->name);
            buf_put_byte(out, ':');
            value_print_json(&p->fields[i]->type, &values[i], out);
        }
        buf_put_byte(out, '}');
    }
    arena_release(&a);
    return ok;
}
