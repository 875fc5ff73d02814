/* connectors/mysql/mysql_value.h: result rows of prepared statements (binary protocol) to values:
 * the first copy's decoder. Same columns, same values as binlog_rows.h.
 *
 * The session must have: time_zone '+00:00', character_set_results utf8mb4, a sql_mode without
 * PAD_CHAR_TO_FULL_LENGTH. The SELECT list is the table's columns, plain, in order.
 * Values are slices of the packet where nothing has to be changed, else they lie in the arena: the
 * packet must live as long as the values. A plan borrows its columns. Thread: a plan belongs to
 * one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/row.h"
#include "base/str.h"
#include "connectors/mysql/mysql_column.h"

struct mysql_value_plan;

/* What the server said of a result column (MYSQL_FIELD: type, flags, charsetnr, decimals). */
struct mysql_value_field {
    uint8_t type;     /* enum mysql_type */
    unsigned flags;   /* 32: UNSIGNED */
    unsigned charset; /* collation id */
    unsigned decimals;
};

MUST_USE bool mysql_value_plan_new(const struct mysql_column *columns, size_t count,
                                   const struct mysql_policy *policy, struct mysql_value_plan **out,
                                   struct error *err);
void mysql_value_plan_free(struct mysql_value_plan *plan); /* takes NULL */

/* Whether a result's column definitions are what the plan decodes; ask once per result: the table
 * may have been altered. FAIL_SCHEMA names the column. */
MUST_USE bool mysql_value_plan_check(const struct mysql_value_plan *plan,
                                     const struct mysql_value_field *fields, size_t count,
                                     struct error *err);

/* One row packet: 0x00, null bitmap (offset 2), values. out_values has room for all columns. */
MUST_USE bool mysql_value_row(struct mysql_value_plan *plan, struct str packet, struct arena *arena,
                              struct value *out_values, struct error *err);
