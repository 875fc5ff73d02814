/* base/schema.h: a table's shape. Immutable once built; everything in it lives in its own arena, so
 * a schema may be shared read-only between threads for as long as its owner keeps it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "base/type.h"

struct schema_field {
    int32_t id;
    struct str name;
    struct type type;
    struct str comment;       /* ptr NULL: none */
    struct str default_value; /* ptr NULL: none; Paimon's text */
};

struct schema_option {
    struct str key;
    struct str value;
};

struct schema {
    struct arena arena; /* owns everything below */
    int64_t id;
    struct schema_field *fields;
    size_t field_count;
    int32_t highest_field_id;
    size_t *primary_key; /* indexes into fields, in the key's declared order */
    size_t primary_key_count;
    size_t *partition_key;
    size_t partition_key_count;
    struct schema_option *options; /* in the order written */
    size_t option_count;
    struct str comment; /* ptr NULL: none */
    int64_t time_ms;
};

struct schema *schema_new(void);
void schema_free(struct schema *s); /* takes NULL */
/* Index of the field, or SIZE_MAX. */
size_t schema_find(const struct schema *s, struct str name);
/* Value of an option, or ptr NULL. */
struct str schema_option(const struct schema *s, struct str key);
/* Appends or replaces an option; copies both texts. Only while building. */
void schema_set_option(struct schema *s, struct str key, struct str value);
