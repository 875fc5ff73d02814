/* connectors/mysql/mysql_statement.h: prepared statements in the binary protocol, over a link.
 *
 * Results are read with mysql_link_result and mysql_link_row. Parameters travel as the bytes that a
 * result row of the same type has, so a value read can be sent back as it came. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "connectors/mysql/mysql_link.h"

struct mysql_statement {
    uint32_t id; /* 0: not prepared */
    uint16_t param_count;
    uint16_t column_count;
};

struct mysql_param {
    uint8_t type; /* enum mysql_type */
    bool is_unsigned;
    struct str bytes; /* as in a row: fixed, or with its length in front */
};

/* columns: room for MYSQL_LINK_MAX_COLUMNS; the results' too (see mysql_link_result). */
MUST_USE bool mysql_statement_prepare(struct mysql_link *l, struct str sql,
                                      struct mysql_column_info *columns,
                                      struct mysql_statement *out, struct error *err);
/* Sends the execution; the result is then to be read. count must be param_count. */
MUST_USE bool mysql_statement_execute(struct mysql_link *l, const struct mysql_statement *s,
                                      const struct mysql_param *params, size_t count,
                                      struct error *err);
/* No answer comes. A link that is dead is left alone. */
void mysql_statement_close(struct mysql_link *l, struct mysql_statement *s);

/* Bytes that a value of this type begins and ends with in a row: its whole length. Fails the read
 * (false) on a type that keys do not have. */
struct reader;
bool mysql_statement_value(struct reader *r, uint8_t type, struct str *out_bytes);
