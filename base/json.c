#include "base/json.h"

#include <yyjson.h>

#include "base/mem.h"

/* A struct json is a yyjson_val and a struct json_doc a yyjson_doc under names of our own. yyjson
 * takes its nodes without const and only reads them. */
static yyjson_val *node(const struct json *n)
{
    return (yyjson_val *)(uintptr_t)n;
}

bool json_parse(struct str text, struct json_doc **out, struct error *err)
{
    yyjson_read_err why = {0};
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)(text.ptr == NULL ? "" : text.ptr),
                                       text.len, YYJSON_READ_NOFLAG, NULL, &why);
    if (doc == NULL) {
        return error_set(err, FAIL_CORRUPT, "JSON is damaged at byte %zu: %s", why.pos,
                         why.msg == NULL ? "unknown reason" : why.msg);
    }
    *out = (struct json_doc *)doc;
    return true;
}

void json_free(struct json_doc *doc)
{
    yyjson_doc_free((yyjson_doc *)doc);
}

const struct json *json_root(const struct json_doc *doc)
{
    return (const struct json *)yyjson_doc_get_root((yyjson_doc *)(uintptr_t)doc);
}

const struct json *json_get(const struct json *object, const char *key)
{
    return (const struct json *)yyjson_obj_get(node(object), key);
}

bool json_is_null(const struct json *n)
{
    return n == NULL || yyjson_is_null(node(n));
}

bool json_is_object(const struct json *n)
{
    return yyjson_is_obj(node(n));
}

bool json_is_array(const struct json *n)
{
    return yyjson_is_arr(node(n));
}

bool json_is_string(const struct json *n)
{
    return yyjson_is_str(node(n));
}

size_t json_count(const struct json *n)
{
    return json_is_object(n) ? yyjson_obj_size(node(n)) : yyjson_arr_size(node(n));
}

struct json_iter json_iter(const struct json *n)
{
    size_t count = json_count(n);
    return (struct json_iter){
        .at = count == 0 ? NULL : (const struct json *)unsafe_yyjson_get_first(node(n)),
        .left = count,
        .object = json_is_object(n),
    };
}

bool json_next(struct json_iter *it, struct str *key, const struct json **value)
{
    if (it->left == 0) {
        return false;
    }
    yyjson_val *at = node(it->at);
    *key = (struct str){"", 0};
    if (it->object) {
        *key = (struct str){unsafe_yyjson_get_str(at), unsafe_yyjson_get_len(at)};
        at++; /* a member's value follows its key */
    }
    *value = (const struct json *)at;
    it->at = (const struct json *)unsafe_yyjson_get_next(at);
    it->left--;
    return true;
}

bool json_str(const struct json *n, struct str *out)
{
    if (!json_is_string(n)) {
        return false;
    }
    *out = (struct str){yyjson_get_str(node(n)), yyjson_get_len(node(n))};
    return true;
}

bool json_i64(const struct json *n, int64_t *out)
{
    if (yyjson_is_sint(node(n))) {
        *out = yyjson_get_sint(node(n));
        return true;
    }
    if (yyjson_is_uint(node(n)) && yyjson_get_uint(node(n)) <= INT64_MAX) {
        *out = (int64_t)yyjson_get_uint(node(n));
        return true;
    }
    return false;
}

bool json_f64(const struct json *n, double *out)
{
    if (!yyjson_is_num(node(n))) {
        return false;
    }
    *out = yyjson_get_num(node(n));
    if (yyjson_is_sint(node(n)) && yyjson_get_sint(node(n)) == 0) {
        *out = -0.0; /* only "-0" is a signed 0 */
    }
    return true;
}

bool json_bool(const struct json *n, bool *out)
{
    if (!yyjson_is_bool(node(n))) {
        return false;
    }
    *out = yyjson_get_bool(node(n));
    return true;
}

static bool need_failed(const struct json *n, const char *key, const char *what, struct error *err)
{
    return n == NULL ? error_set(err, FAIL_CORRUPT, "member \"%s\" is missing", key)
                     : error_set(err, FAIL_CORRUPT, "member \"%s\" is not %s", key, what);
}

bool json_need_str(const struct json *object, const char *key, struct str *out, struct error *err)
{
    const struct json *n = json_get(object, key);
    return json_str(n, out) || need_failed(n, key, "a string", err);
}

bool json_need_i64(const struct json *object, const char *key, int64_t *out, struct error *err)
{
    const struct json *n = json_get(object, key);
    return json_i64(n, out) || need_failed(n, key, "a 64-bit integer", err);
}
