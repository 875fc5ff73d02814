/* sink/schema_change.h: a table's next schema: what ALTER TABLE may do, as Paimon allows it
 * (paimon-format §2.5; SchemaManager.generateTableSchema, DataTypeCasts). Field ids are never used
 * again; files keep the schema they were written under. Nothing is written here:
 * schema_file_publish makes it so. Thread: pure functions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/schema.h"
#include "base/str.h"

enum schema_change_kind {
    SCHEMA_CHANGE_ADD,      /* column, type, text: comment, move */
    SCHEMA_CHANGE_DROP,     /* column */
    SCHEMA_CHANGE_RENAME,   /* column, text: new name */
    SCHEMA_CHANGE_TYPE,     /* column, type (its nullability stays as it was) */
    SCHEMA_CHANGE_NULLABLE, /* column, nullable */
    SCHEMA_CHANGE_DEFAULT,  /* column, text; ptr NULL: none */
    SCHEMA_CHANGE_DOC,      /* column, text: comment; ptr NULL: none */
    SCHEMA_CHANGE_MOVE,     /* column (no nested one), move */
    SCHEMA_CHANGE_COMMENT,  /* text: of the table */
    SCHEMA_CHANGE_SET,      /* column: option, text: value */
    SCHEMA_CHANGE_RESET,    /* column: option */
};

enum schema_change_move { SCHEMA_CHANGE_LAST, SCHEMA_CHANGE_FIRST, SCHEMA_CHANGE_AFTER };

/* Plain data, borrowed. */
struct schema_change {
    enum schema_change_kind kind;
    struct str
        column; /* "a"; nested: "r.x", through ARRAY "a.element.x", through MAP "m.value.x" */
    struct type type;
    bool nullable;
    struct str text;
    enum schema_change_move move;
    struct str after; /* of SCHEMA_CHANGE_AFTER */
};

#define SCHEMA_CHANGE_MAX_PATH 32

/* All changes in order, as one new schema with the next id. has_snapshots: options that say what
 * files mean can no longer change. FAIL_SCHEMA names what is not allowed. */
MUST_USE bool schema_change_apply(const struct schema *old, const struct schema_change *changes,
                                  size_t count, bool has_snapshots, struct schema **out,
                                  struct error *err);

/* Gives a type's ROW fields new ids above *highest, as Paimon does for new columns. */
struct type schema_change_number(const struct type *t, struct arena *arena, int32_t *highest);

/* ---- options (schema_change_option.c) ---- */

/* FAIL_SCHEMA: an option that is immutable once there are snapshots. value ptr NULL: removed. */
MUST_USE bool schema_change_option_check(const struct schema *old, struct str key, struct str value,
                                         struct error *err);
void schema_change_option_remove(struct schema *s, struct str key);
/* Options that name a column name it anew. */
void schema_change_option_rename(struct schema *s, struct str from, struct str to);
