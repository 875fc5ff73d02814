#include "sink/table_option.h"

#include <stdio.h>

#define MAX_NAME 100u /* longer keys are near nothing */

/* The parts of a name around its `*`; false when it has none. */
static bool split_family(struct str name, struct str *head, struct str *tail)
{
    size_t star = str_find(name, '*');
    *head = str_slice(name, 0, star);
    *tail = str_slice(name, star + 1, name.len);
    return star < name.len;
}

static bool in_family(struct str name, struct str key)
{
    struct str head;
    struct str tail;
    return split_family(name, &head, &tail) && key.len > head.len + tail.len &&
           str_starts(key, head) && str_ends(key, tail);
}

bool table_option_find(struct str key, struct table_option *out)
{
    size_t longest = 0;
    for (size_t i = 0; i < table_option_names_count(); i++) {
        struct table_option o = table_option_names_at(i);
        struct str name = str_of(o.name);
        if (str_eq(name, key)) {
            *out = o;
            return true;
        }
        if (name.len > longest && in_family(name, key)) {
            *out = o;
            longest = name.len;
        }
    }
    return longest > 0;
}

/* ---- mistakes ---- */

static struct str lower(struct str s, char out[MAX_NAME])
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        out[i] = c == '_' ? '-' : (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    return (struct str){out, s.len};
}

/* How many edits make a word another one, rather than a mistyped one. */
static size_t edits_allowed(struct str word)
{
    return word.len < 5 ? 1 : word.len < 12 ? 2 : 3;
}

/* A key of a family whose head or tail is mistyped: "feilds.a.stats-mode", "parqet.page.size". */
static size_t family_distance(struct str name, struct str key)
{
    struct str head;
    struct str tail;
    if (!split_family(name, &head, &tail)) {
        return SIZE_MAX;
    }
    size_t dots = 0;
    size_t end = 0;
    for (size_t i = 0; i < head.len; i++) {
        dots += head.ptr[i] == '.' ? 1 : 0;
    }
    for (; end < key.len && dots > 0; end++) {
        dots -= key.ptr[end] == '.' ? 1 : 0;
    }
    if (dots > 0 || key.len <= end + tail.len) {
        return SIZE_MAX;
    }
    struct str mine = str_slice(key, 0, end);
    size_t distance = str_distance(mine, head);
    if (distance > edits_allowed(head)) {
        return SIZE_MAX;
    }
    return distance + str_distance(str_slice(key, key.len - tail.len, key.len), tail);
}

const char *table_option_near(struct str key)
{
    char text[MAX_NAME];
    const char *best = NULL;
    if (key.len > MAX_NAME) {
        return NULL;
    }
    struct str word = lower(key, text);
    size_t least = edits_allowed(word) + 1;
    for (size_t i = 0; i < table_option_names_count(); i++) {
        struct str name = str_of(table_option_names_at(i).name);
        size_t distance = str_distance(word, name);
        size_t family = family_distance(name, word);
        distance = family < distance ? family : distance;
        bool closer = best != NULL && distance == least && name.len > strlen(best);
        if (distance < least || closer) { /* the longer family says more */
            least = distance;
            best = name.ptr;
        }
    }
    return best;
}

/* ---- values ---- */

const char *table_option_default(struct str key)
{
    /* As table_parse_options, merge_rule_new and expire_options_parse have them: Paimon's. */
    static const char *const defaults[][2] = {
        {"bucket", "-1"},
        {"changelog-producer", "none"},
        {"compaction.max-size-amplification-percent", "200"},
        {"compaction.size-ratio", "1"},
        {"file.compression", "zstd"},
        {"file.compression.zstd-level", "1"},
        {"file.format", "parquet"},
        {"ignore-delete", "false"},
        {"ignore-update-before", "false"},
        {"manifest.full-compaction-threshold-size", "16 mb"},
        {"manifest.merge-min-count", "30"},
        {"manifest.target-file-size", "8 mb"},
        {"merge-engine", "deduplicate"},
        {"num-sorted-run.compaction-trigger", "5"},
        {"sequence.field.sort-order", "ascending"},
        {"snapshot.expire.limit", "50"},
        {"snapshot.num-retained.max", "2147483647"},
        {"snapshot.num-retained.min", "10"},
        {"snapshot.time-retained", "1 h"},
        {"target-file-size", "128 mb"},
        {"write-only", "false"},
    };
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) {
        if (str_eq(key, str_of(defaults[i][0]))) {
            return defaults[i][1];
        }
    }
    return NULL;
}

static bool is_true(struct str value)
{
    return str_eq_nocase(value, STR("true"));
}

static bool refuse(struct str key, const struct table_option *o, struct error *err)
{
    char value[80] = "";
    if (o->value != NULL) {
        (void)snprintf(value, sizeof value, " with another value than %s", o->value);
    }
    return error_set(err, FAIL_SCHEMA, "option '%.*s' is not supported yet%s%s%s",
                     STR_FMT(str_slice(key, 0, 80)), value, o->note == NULL ? "" : ": ",
                     o->note == NULL ? "" : o->note);
}

static bool ends_with(struct str key, const char *tail)
{
    struct str t = str_of(tail);
    return key.len >= t.len && str_eq(str_slice(key, key.len - t.len, key.len), t);
}

/* Values that Paimon's own writers would stumble over, as far as a name tells what they are. */
static bool check_kind(struct str key, struct str value, struct error *err)
{
    static const char *const durations[] = {"time-retained", ".expiration-time",
                                            ".expiration-check-interval", NULL};
    static const char *const flags[] = {".enabled", "write-only", ".row-deduplicate", NULL};
    uint64_t ms = 0;
    for (size_t i = 0; durations[i] != NULL; i++) {
        if (ends_with(key, durations[i]) && !str_to_duration(value, &ms)) {
            return error_set(err, FAIL_SCHEMA, "option '%.*s' = '%.*s' is not a duration like 1 h",
                             STR_FMT(key), STR_FMT(str_slice(value, 0, 40)));
        }
    }
    for (size_t i = 0; flags[i] != NULL; i++) {
        if (ends_with(key, flags[i]) && !is_true(value) && !str_eq_nocase(value, STR("false"))) {
            return error_set(err, FAIL_SCHEMA, "option '%.*s' = '%.*s' is not true or false",
                             STR_FMT(key), STR_FMT(str_slice(value, 0, 40)));
        }
    }
    return true;
}

bool table_option_check(struct str key, struct str value, struct error *err)
{
    struct table_option o;
    value = str_trim(value);
    if (!table_option_find(key, &o)) {
        return true;
    }
    if (!check_kind(key, value, err)) {
        return false;
    }
    switch (o.stance) {
    case TABLE_OPTION_VALUE:
        return str_eq_nocase(value, str_of(o.value)) || refuse(key, &o, err);
    case TABLE_OPTION_NOT_TRUE:
        return !is_true(value) || refuse(key, &o, err);
    case TABLE_OPTION_REFUSED:
        return value.len == 0 || refuse(key, &o, err);
    case TABLE_OPTION_HONOURED:
    case TABLE_OPTION_OWN:
    case TABLE_OPTION_IGNORED:
    case TABLE_OPTION_KEPT:
        break;
    }
    return true;
}
