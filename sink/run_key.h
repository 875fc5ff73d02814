/* sink/run_key.h: the order of primary keys (paimon-format §7.2): compare, a normalized prefix for
 * fast compares, and a copy that outlives a row.
 *
 * A key is an array of layout->key_count values in the order of the trimmed primary key. Thread:
 * pure functions; a run_key_copy belongs to its holder. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/row.h"
#include "base/str.h"
#include "sink/data_file.h"

/* <0, 0, >0: column by column, ascending, nulls first. */
int run_key_compare(const struct data_file_layout *layout, const struct value *a,
                    const struct value *b);

/* A value of a type of fixed width as unsigned bytes that order as Paimon orders the type:
 * big-endian in the top bytes of the result, run_key_width of them. */
uint128 run_key_normalize(const struct type *t, const struct value *v);
/* 1 to 16; 0 for text, bytes and nested types, which have no fixed width. */
unsigned run_key_width(const struct type *t);
/* The first 8 bytes of text as a number that orders as they do; zeroes behind a short one. */
uint64_t run_key_normalize_bytes(const char *bytes, size_t len);

/* Eight bytes with prefix(a) < prefix(b) ⇒ a < b; equal prefixes need run_key_compare, unless the
 * layout's keys fit whole: run_key_prefix_is_exact. Columns with nulls have no prefix: a null key
 * value gives 0 from there on (and an exact layout has no nullable keys). */
uint64_t run_key_prefix(const struct data_file_layout *layout, const struct value *key);
bool run_key_prefix_is_exact(const struct data_file_layout *layout);

/* A key of its own memory, overwritten again and again without allocating for each. */
struct run_key_copy {
    struct value *values; /* NULL: nothing kept yet */
    char *bytes;
    size_t cap;
};
void run_key_copy_set(struct run_key_copy *c, const struct data_file_layout *layout,
                      const struct value *key);
void run_key_copy_release(struct run_key_copy *c);

/* The serialized BinaryRow of manifests (_MIN_KEY, _MAX_KEY), in the arena, and back. */
struct str run_key_serialize(const struct data_file_layout *layout, const struct value *key,
                             struct arena *arena);
MUST_USE bool run_key_parse(const struct data_file_layout *layout, struct str bytes,
                            struct arena *arena, struct value *out_key, struct error *err);
