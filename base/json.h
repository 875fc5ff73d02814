/* base/json.h: yyjson behind our error. Reading only; writing is buf_printf and buf_put_json.
 *
 * A document owns its nodes; nodes are borrowed. Numbers keep 64-bit integers exact. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

struct json_doc;
struct json; /* a node; NULL means absent, and every getter accepts NULL */

/* Parses a whole text (copied). FAIL_CORRUPT with the byte offset. Depth and size are the caller's
 * limit. */
MUST_USE bool json_parse(struct str text, struct json_doc **out, struct error *err);
void json_free(struct json_doc *doc);
const struct json *json_root(const struct json_doc *doc);

const struct json *json_get(const struct json *object,
                            const char *key); /* NULL when absent or not an object */
bool json_is_null(const struct json *n);      /* absent or null */
bool json_is_object(const struct json *n);
bool json_is_array(const struct json *n);
bool json_is_string(const struct json *n);
size_t json_count(const struct json *n); /* elements or members; 0 otherwise */
/* Walks: `struct json_iter it = json_iter(n); while (json_next(&it, &key, &value))`; key is empty
 * for arrays. */
struct json_iter {
    const struct json *at;
    size_t left;
    bool object;
};
struct json_iter json_iter(const struct json *n);
bool json_next(struct json_iter *it, struct str *key, const struct json **value);

bool json_str(const struct json *n, struct str *out); /* false unless a string */
bool json_i64(const struct json *n, int64_t *out);    /* false unless an integer that fits */
bool json_f64(const struct json *n, double *out);     /* false unless a number */
bool json_bool(const struct json *n, bool *out);
/* Members that must be there: FAIL_CORRUPT `member "x" is missing` / `is not a …`. */
MUST_USE bool json_need_str(const struct json *object, const char *key, struct str *out,
                            struct error *err);
MUST_USE bool json_need_i64(const struct json *object, const char *key, int64_t *out,
                            struct error *err);
