#include "base/buf.h"
#include "base/mem.h"
#include "base/pattern.h"

#define MAX_PARTS 3

struct entry {
    struct str text;                     /* as written; into the list's copy */
    struct pattern *patterns[MAX_PARTS]; /* one a part */
};

struct table_pattern {
    char *list; /* owned copy of the text */
    size_t parts;
    struct entry *entries;
    size_t count, cap;
};

/* Length of the beginning of the text up to the first separator that is not escaped and not inside
 * [] or {} (there a comma or a dot belongs to the regular expression). */
static size_t cut_at(struct str text, char separator)
{
    char closing = '\0';
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\\') {
            i++;
        } else if (closing != '\0') {
            closing = c == closing ? '\0' : closing;
        } else if (c == separator) {
            return i;
        } else if (c == '[' || c == '{') {
            closing = c == '[' ? ']' : '}';
        }
    }
    return text.len;
}

static struct str cut(struct str *rest, char separator)
{
    size_t at = cut_at(*rest, separator);
    struct str part = str_slice(*rest, 0, at);
    *rest = at == rest->len ? (struct str){NULL, 0} : str_slice(*rest, at + 1, rest->len);
    return part;
}

/* A part's regular expression: `\.` means the dot of regular expressions. */
static bool compile_part(struct str part, struct pattern **out, struct error *err)
{
    struct buf regex = BUF_INIT(part.len);
    for (size_t i = 0; i < part.len; i++) {
        if (part.ptr[i] == '\\' && i + 1 < part.len) {
            if (part.ptr[i + 1] != '.') {
                buf_put_byte(&regex, '\\');
            }
            i++;
        }
        buf_put_byte(&regex, (uint8_t)part.ptr[i]);
    }
    bool ok = pattern_new(buf_str(&regex), out, err);
    buf_release(&regex);
    if (!ok && part.len > 0 && part.ptr[0] == '*') {
        return error_set(err, FAIL_CONFIG,
                         "\"%.*s\" is not a regular expression: write `\\.*` for any characters",
                         STR_FMT(part));
    }
    return ok;
}

static bool compile_entry(struct table_pattern *p, struct str text, struct error *err)
{
    VEC_ROOM(p->entries, p->count, p->cap);
    struct entry *e = &p->entries[p->count++];
    *e = (struct entry){.text = text};
    struct str rest = text;
    size_t found = 0;
    while (rest.ptr != NULL) {
        struct str part = cut(&rest, '.');
        if (found < p->parts) {
            if (part.len == 0) {
                return error_set(err, FAIL_CONFIG, "\"%.*s\": part %zu is empty", STR_FMT(text),
                                 found + 1);
            }
            if (!compile_part(part, &e->patterns[found], err)) {
                return error_in(err, "\"%.*s\"", STR_FMT(text));
            }
        }
        found++;
    }
    if (found != p->parts) {
        return error_set(err, FAIL_CONFIG,
                         "\"%.*s\" has %zu parts, expected %zu with `.` between them (the dot of "
                         "a regular expression is written `\\.`)",
                         STR_FMT(text), found, p->parts);
    }
    return true;
}

bool table_pattern_new(struct str list, size_t parts, struct table_pattern **out, struct error *err)
{
    must(parts >= 1 && parts <= MAX_PARTS);
    struct table_pattern *p = MEM_NEW(struct table_pattern);
    p->list = mem_dup(list.ptr, list.len);
    p->parts = parts;
    struct str rest = {p->list, list.len};
    bool ok = true;
    while (ok && rest.ptr != NULL) {
        struct str entry = str_trim(cut(&rest, ','));
        if (entry.len == 0) {
            ok = error_set(err, FAIL_CONFIG, "the list of tables has an empty entry");
        } else {
            ok = compile_entry(p, entry, err);
        }
    }
    if (!ok) {
        table_pattern_free(p);
        return false;
    }
    *out = p;
    return true;
}

void table_pattern_free(struct table_pattern *p)
{
    if (p == NULL) {
        return;
    }
    for (size_t i = 0; i < p->count; i++) {
        for (size_t j = 0; j < MAX_PARTS; j++) {
            pattern_free(p->entries[i].patterns[j]);
        }
    }
    mem_free(p->entries);
    mem_free(p->list);
    mem_free(p);
}

int table_pattern_match(const struct table_pattern *p, const struct str *parts)
{
    for (size_t i = 0; i < p->count; i++) {
        size_t n = 0;
        while (n < p->parts && pattern_matches(p->entries[i].patterns[n], parts[n])) {
            n++;
        }
        if (n == p->parts) {
            return (int)i;
        }
    }
    return -1;
}

size_t table_pattern_count(const struct table_pattern *p)
{
    return p->count;
}

struct str table_pattern_text(const struct table_pattern *p, size_t entry)
{
    must(entry < p->count);
    return p->entries[entry].text;
}
