#include "sink/partition_filter.h"

#include "sink/binrow.h"
#include "sink/cast_rule.h"

#define VALUE_MAX_BYTES ((size_t)1 << 20)

bool partition_filter_parse(struct str text, const struct partition_layout *layout,
                            struct partition_filter *out, struct error *err)
{
    struct partition_filter f = {.layout = layout};
    struct str rest = text;
    struct str part;
    while (str_next(&rest, ',', &part)) {
        size_t equals = str_find(part, '=');
        struct str name = str_trim(str_slice(part, 0, equals));
        size_t at = 0;
        while (at < layout->count && !str_eq(layout->fields[at]->name, name)) {
            at++;
        }
        if (equals == part.len || at == layout->count) {
            return error_set(err, FAIL_CONFIG,
                             "'%.*s' is not COLUMN=VALUE of a column that the table is partitioned "
                             "by",
                             STR_FMT(str_slice(part, 0, 120)));
        }
        if (f.set[at]) {
            return error_set(err, FAIL_CONFIG, "partition column '%.*s' is named twice",
                             STR_FMT(str_slice(name, 0, 80)));
        }
        f.set[at] = true;
        f.wanted[at] = str_slice(part, equals + 1, part.len);
    }
    *out = f;
    return true;
}

static bool is_wanted(const struct partition_layout *p, size_t at, const struct value *v,
                      struct str wanted)
{
    struct buf text = BUF_INIT(VALUE_MAX_BYTES);
    if (v->state == VALUE_SET) {
        cast_text_print(&p->fields[at]->type, v, &text);
    } else {
        buf_put_str(&text, p->default_name);
    }
    bool same = !text.failed && str_eq(buf_str(&text), wanted);
    buf_release(&text);
    return same;
}

bool partition_filter_takes(const struct partition_filter *f, struct str partition)
{
    struct arena a = {0};
    struct error ignored = {0};
    const struct partition_layout *p = f->layout;
    struct value *values = ARENA_ARRAY(&a, struct value, p->count + 1);
    bool takes = binrow_parse(partition, p->fields, p->count, &a, values, &ignored);
    for (size_t i = 0; takes && i < p->count; i++) {
        takes = !f->set[i] || is_wanted(p, i, &values[i], f->wanted[i]);
    }
    arena_release(&a);
    return takes;
}
