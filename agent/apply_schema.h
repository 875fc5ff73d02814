/* agent/apply_schema.h: the operations of apply.h that make or change a table's schema: "create"
 * and "alter". Thread: one. */
#pragma once

#include "base/attr.h"
#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "sink/fs/fs.h"

/* Makes the table: {"columns":[…],"primaryKeys":[…],"partitionKeys":[…],"options":{…},
 * "comment":"…","replace":true}. FAIL_CONFIG when it is there already and is not to be replaced. */
MUST_USE bool apply_schema_create(struct fs fs, const char *table_path, const struct json *create,
                                  struct error *err);
/* One change or a list of them, as one new schema. */
MUST_USE bool apply_schema_alter(struct fs fs, const char *table_path, const struct json *alter,
                                 struct error *err);

/* FAIL_CONFIG names a member of the object that is not among the names (ended by NULL). */
MUST_USE bool apply_schema_only(const struct json *object, const char *const *names,
                                struct error *err);
/* The text of a member that may be missing (ptr NULL), or is a number or flag: "1", "true". */
MUST_USE bool apply_schema_text(const struct json *object, const char *name, struct arena *arena,
                                struct str *out, struct error *err);
