/* connectors/mysql/mysql_tracker.h: the captured tables as the binary log shows them.
 *
 * Keeps for every captured table the decoder of its last TABLE_MAP (made again only when the map's
 * bytes change), the table ids of the statement under way, and which tables are set aside. Setting
 * aside is for good; its notice waits until it is taken. Thread: the stream's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/str.h"
#include "connectors/mysql/binlog.h"
#include "connectors/mysql/binlog_rows.h"
#include "connectors/mysql/mysql_catalog.h"
#include "connectors/source.h"

#define MYSQL_TRACKER_NONE UINT32_MAX /* a table nobody captures, or one set aside */
#define MYSQL_TRACKER_NOTICES 16      /* source_ops.stream_read gives at most so many a call */

struct mysql_tracker;

/* The catalog is borrowed. */
struct mysql_tracker *mysql_tracker_new(const struct mysql_catalog *catalog,
                                        const struct mysql_policy *policy);
void mysql_tracker_free(struct mysql_tracker *t); /* takes NULL */

/* Where the lake's table stands: as source_ops.stream_table. */
void mysql_tracker_stand(struct mysql_tracker *t, uint32_t index, const struct position *have,
                         bool empty);
/* Whether any table stands elsewhere than where the stream began. */
bool mysql_tracker_compares(const struct mysql_tracker *t);
/* The table has what is at this place already. */
bool mysql_tracker_has(const struct mysql_tracker *t, uint32_t index, const struct place *place);
/* No row of it is in the lake, and none was met. */
bool mysql_tracker_is_empty(const struct mysql_tracker *t, uint32_t index);
/* A row of it was met. */
void mysql_tracker_fill(struct mysql_tracker *t, uint32_t index);

/* Takes a TABLE_MAP event of the transaction at `place` (NULL: not looked at). A captured table
 * whose columns no longer fit is set aside; where is "bin.000003:1234" for the reason. One that has
 * this place already gets no rows. Fails only on bytes that mean nothing. */
MUST_USE bool mysql_tracker_map(struct mysql_tracker *t, const struct binlog_format *format,
                                const struct binlog_event *e, const struct place *place,
                                const char *where, struct error *err);
/* The table of an id of the statement group under way; false when the group has no such map. */
bool mysql_tracker_find(const struct mysql_tracker *t, uint64_t id, uint32_t *out_index);
struct binlog_rows_plan *mysql_tracker_plan(struct mysql_tracker *t, uint32_t index);
/* Ids are void behind the end of a transaction and in another file. */
void mysql_tracker_forget_ids(struct mysql_tracker *t);

bool mysql_tracker_is_aside(const struct mysql_tracker *t, uint32_t index);
/* Sets the table aside unless it is already; true when it was not. The reason is copied. */
bool mysql_tracker_set_aside(struct mysql_tracker *t, uint32_t index, struct str reason);
/* Captured tables of these names; nocase: as servers with lower_case_table_names compare. A name of
 * length 0 stands for every table of the database. Calls back for each. */
void mysql_tracker_each(const struct mysql_tracker *t, struct str database, struct str name,
                        bool nocase, void (*found)(void *self, uint32_t index), void *self);
bool mysql_tracker_has_notices(const struct mysql_tracker *t);
/* Moves out up to MYSQL_TRACKER_NOTICES notices; their texts lie in the arena. */
size_t mysql_tracker_take_notices(struct mysql_tracker *t, struct arena *arena,
                                  struct source_notice *out);
