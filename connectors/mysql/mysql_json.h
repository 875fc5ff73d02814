/* connectors/mysql/mysql_json.h: MySQL's binary JSON to the server's own text.
 *
 * The text equals CAST(column AS CHAR) of the server, byte for byte: ", " and ": " between
 * elements, members in stored order, doubles in shortest form. Source of the format: MySQL's
 * sql-common/json_binary.h (comment at its top). Pure functions. */
#pragma once

#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

#define MYSQL_JSON_MAX_DEPTH 100 /* the server's own limit (JSON_DOCUMENT_MAX_DEPTH) */

enum mysql_json_dialect {
    MYSQL_JSON_8,   /* from 8.0 on: the double 1 is `1.0`, lines of base64 end with `\n` */
    MYSQL_JSON_5_7, /* `1`, and a raw end of line */
};

/* Appends the text to out, whose maximum limits it. No bytes at all are `null`. On failure out may
 * have grown; the caller throws it away. FAIL_CORRUPT: not binary JSON; FAIL_LIMIT: too long. */
MUST_USE bool mysql_json_print(struct str binary, enum mysql_json_dialect dialect, struct buf *out,
                               struct error *err);
