/* listagg: texts one behind the other (FieldListaggAgg). */
#include <string.h>

#include "base/map.h"
#include "sink/aggregate.h"

#define TEXT_MAX ((size_t)INT32_MAX)

static bool check_string(const struct aggregate *a, struct error *err)
{
    return (a->type->kind == TYPE_VARCHAR && a->type->length == TYPE_MAX_LENGTH) ||
           error_set(err, FAIL_SCHEMA,
                     "column %.*s: aggregate function listagg needs type STRING, a VARCHAR without "
                     "a length",
                     STR_FMT(a->column));
}

/* The next token, cut at whole separators; false at the end. */
static bool next_token(struct str *rest, struct str separator, struct str *out)
{
    if (rest->len == 0) {
        return false;
    }
    for (size_t at = 0; at + separator.len <= rest->len; at++) {
        if (memcmp(rest->ptr + at, separator.ptr, separator.len) == 0) {
            *out = str_slice(*rest, 0, at);
            *rest = str_slice(*rest, at + separator.len, rest->len);
            return true;
        }
    }
    *out = *rest;
    *rest = (struct str){0};
    return true;
}

static char *put(char *at, struct str s)
{
    if (s.len > 0) {
        memcpy(at, s.ptr, s.len);
    }
    return at + s.len;
}

static bool room(const struct aggregate_step *s, size_t need, char **out, struct error *err)
{
    if (need > TEXT_MAX) {
        error_set(err, FAIL_LIMIT, "the text would have %zu bytes; %zu are the most", need,
                  TEXT_MAX);
        return false;
    }
    *out = arena_alloc(s->arena, need);
    return true;
}

/* Tokens of the input that are neither empty nor there already, each behind a delimiter. */
static bool add_distinct(const struct aggregate_step *s, struct str acc, struct str input,
                         struct value *out, struct error *err)
{
    /* An empty delimiter joins by nothing, but cuts at blanks. */
    struct str separator = s->aggregate->delimiter.len == 0 ? STR(" ") : s->aggregate->delimiter;
    struct map known = {0};
    static char present;
    struct str token;
    struct str rest = acc;
    while (next_token(&rest, separator, &token)) {
        (void)map_put(&known, token, &present);
    }
    char *text = NULL;
    /* each token of the input brings at most one delimiter, and takes at least one byte */
    size_t most = acc.len + input.len + (input.len + 1) * s->aggregate->delimiter.len;
    bool ok = room(s, most, &text, err);
    char *at = ok ? put(text, acc) : NULL;
    rest = input;
    while (ok && next_token(&rest, separator, &token)) {
        if (token.len > 0 && map_get(&known, token) == NULL) {
            (void)map_put(&known, token, &present);
            at = put(put(at, s->aggregate->delimiter), token);
        }
    }
    map_release(&known);
    if (ok) {
        *out = (struct value){.bytes = text, .len = (uint32_t)(at - text), .state = VALUE_SET};
    }
    return ok;
}

static bool listagg_add(const struct aggregate_step *s, const struct value *acc,
                        const struct value *input, struct value *out, struct error *err)
{
    if (acc->state != VALUE_SET || (input->state == VALUE_SET && acc->len == 0 && input->len > 0)) {
        *out = *input;
        return true;
    }
    if (input->state != VALUE_SET || input->len == 0) {
        *out = *acc;
        return true;
    }
    struct str left = value_str(acc);
    struct str right = value_str(input);
    if (s->aggregate->distinct) {
        return add_distinct(s, left, right, out, err);
    }
    size_t need = left.len + s->aggregate->delimiter.len + right.len;
    char *text = NULL;
    if (!room(s, need, &text, err)) {
        return false;
    }
    (void)put(put(put(text, left), s->aggregate->delimiter), right);
    *out = (struct value){.bytes = text, .len = (uint32_t)need, .state = VALUE_SET};
    return true;
}

const struct aggregate_ops aggregate_text_ops[] = {
    {.name = "listagg", .check = check_string, .add = listagg_add},
    {.name = NULL},
};
