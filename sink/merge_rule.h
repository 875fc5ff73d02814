/* sink/merge_rule.h: what becomes of the records of one key: the one place that knows the merge
 * engine (paimon-write-path §1.3, §3), as Paimon 1.4.2 has it (mergetree/compact).
 * The sort buffer, compaction and reads all ask here.
 *
 * A rule is made once per table from its schema and options, is read-only and may be shared by
 * threads; NULL stands for plain deduplicate without sequence fields. Records of a key come in
 * record order: sequence fields (merge_rule_compare), then sequence number, ties as the caller has
 * them. A group of one record stays as it is (ReducerMergeFunctionWrapper): a lone -U stays one.
 *
 *   deduplicate     the last record, whatever its kind; with ignore-delete the last that adds
 *   first-row       the first; retracts fail, or are passed over with ignore-delete
 *   partial-update  columns that are not null, one over the other; sequence groups
 *   aggregation     a function per column (sink/aggregate.h) */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/row.h"
#include "base/schema.h"
#include "sink/run_writer.h"

struct merge_rule;

/* The schema is borrowed. FAIL_SCHEMA names option and column: unknown engines and functions, what
 * Paimon's own SchemaValidation refuses, and what is not supported (sketches). */
MUST_USE bool merge_rule_new(const struct schema *schema, struct merge_rule **out,
                             struct error *err);
void merge_rule_free(struct merge_rule *r); /* takes NULL */
/* What can be said without the table's columns, as when a job file is checked. */
MUST_USE bool merge_rule_check_options(const struct schema *schema, struct error *err);

/* ---- properties; all take NULL ---- */

/* The last record stands for any group: nobody needs a merge_state. */
bool merge_rule_takes_last(const struct merge_rule *r);
/* The result of a group is one of its records: results may be merged again, in any order. */
bool merge_rule_picks(const struct merge_rule *r);
/* The same change merged twice is as good as once: what a chunked first copy needs. */
bool merge_rule_is_idempotent(const struct merge_rule *r);
/* Updates must bring their old image (-U): functions take old values back. */
bool merge_rule_wants_before(const struct merge_rule *r);
/* Batch readers do not look at level 0 (first-row). */
bool merge_rule_hides_level0(const struct merge_rule *r);
/* Levels of records count, so merges must be done at once, not in passes. */
bool merge_rule_needs_levels(const struct merge_rule *r);
/* Columns of sequence.field, in order; 0: none. */
size_t merge_rule_order(const struct merge_rule *r, const size_t **out_columns);

/* ---- at entry (paimon-write-path §1.1) ---- */

/* A row that comes in: its kind by rowkind.field, and whether ignore-delete or ignore-update-before
 * drop it (*out_keep). FAIL_SCHEMA: the row kind is no row kind, or the engine could never merge
 * such a record; Paimon would take it and fail at every later merge of the key. */
MUST_USE bool merge_rule_admit(const struct merge_rule *r, const struct value *values,
                               enum row_kind *kind, bool *out_keep, struct error *err);

/* ---- order ---- */

/* By the sequence fields of two rows (whole rows, schema order): nulls first in either direction. 0
 * without sequence fields. */
int merge_rule_compare(const struct merge_rule *r, const struct value *a, const struct value *b);

/* ---- merging one key; a state belongs to one thread ---- */

struct merge_state;
/* merges_one: a lone record goes through the rule, too, as where lookups are made
 * (LookupChangelogMergeFunctionWrapper); otherwise it stays what it is
 * (ReducerMergeFunctionWrapper). */
struct merge_state *merge_state_new(const struct merge_rule *r /* not NULL */, bool merges_one);
void merge_state_free(struct merge_state *s); /* takes NULL */
void merge_state_begin(struct merge_state *s);
/* The row and all it points to must stay as they are until the result has been used. level: of the
 * row's file; MERGE_BUFFERED for one that is in no file yet. Where rows of higher levels are whole
 * (changelog-producer lookup, deletion vectors, force-lookup) only that of the lowest such level
 * counts (LookupMergeFunction). */
MUST_USE bool merge_state_add(struct merge_state *s, const struct run_row *row, int32_t level,
                              struct error *err);
#define MERGE_BUFFERED (-1)
/* Makes what the state has its own: rows given before may go. For groups of many buffered rows. */
void merge_state_settle(struct merge_state *s);
/* NEXT_END: nothing is left of the key. out->key may be NULL. Valid until the next begin. */
MUST_USE enum next merge_state_result(struct merge_state *s, struct run_row *out,
                                      struct error *err);

/* The index of the record that stands for a group of count > 0 records where the last does. */
static inline size_t merge_rule_pick(size_t count)
{
    return count - 1;
}

/* A result that only says "this key is gone": kept in runs as long as older runs may hold the key,
 * never shown to a reader (paimon-write-path §2.5). */
static inline bool merge_rule_is_tombstone(enum row_kind kind)
{
    return !row_kind_is_add(kind);
}
