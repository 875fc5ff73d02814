/* config/option.h: options, declared once next to the struct they fill.
 *
 * From these tables come parsing, range checks with file:line:column, defaults, "did you mean",
 * redaction and docs/configuration.md. No option is read anywhere else. Tables are static const. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "config/tree.h"

enum option_type {
    OPTION_TEXT,     /* struct str at the offset */
    OPTION_BOOL,     /* bool */
    OPTION_INT,      /* int64_t, min…max */
    OPTION_SIZE,     /* uint64_t bytes */
    OPTION_DURATION, /* uint64_t ms */
    OPTION_CHOICE,   /* int: index into choices */
    OPTION_MAP,      /* struct option_map: every key that starts with name (which ends with '.') */
};

enum option_flags {
    OPTION_REQUIRED = 1,
    OPTION_SECRET = 2,      /* never printed */
    OPTION_UNSUPPORTED = 4, /* known to the field, not built yet: refused by name */
    OPTION_IGNORED = 8,     /* known, means nothing here; accepted with a log line (doc says why) */
};

struct option {
    const char *name; /* the field's standard key */
    enum option_type type;
    unsigned flags;
    size_t at;        /* offsetof in the filled struct; 0 for unsupported and ignored ones */
    const char *def;  /* default as text; NULL: none (zero / empty) */
    int64_t min, max; /* INT, SIZE, DURATION (ms); both 0: unbounded */
    const char *const *choices; /* CHOICE: NULL-ended */
    const char *doc;            /* Markdown, one or two sentences */
};

struct option_table {
    const char *title; /* "source: mysql" */
    const struct option *options;
    size_t count;
    size_t size; /* of the filled struct */
};

struct option_pair {
    struct str key; /* without the prefix */
    struct str value;
    unsigned line, column;
    bool secret;
};
struct option_map {
    struct option_pair *pairs;
    size_t count;
};

/* Fills `into` (zeroed, table->size bytes) from the map node, defaults first; texts are copied into
 * the arena (NUL-terminated). Nested maps are joined with dots (`catalog.properties:` {`warehouse:
 * x`} is `catalog.properties.warehouse`). Keys named in skip (NULL-ended, may be NULL) are not this
 * table's. FAIL_CONFIG with name:line:column, the nearest known key for an unknown one. */
MUST_USE bool option_apply(const struct option_table *table, const struct tree_node *node,
                           const char *tree_name, const char *const *skip, struct arena *arena,
                           void *into, struct error *err);
/* The node of a dotted key in a block, however the maps are nested; NULL when absent. */
const struct tree_node *option_node(const struct tree_node *block, struct str key);
/* FAIL_CONFIG `job.yaml:12:5: ` + text, at the node. Returns false. The text must hold no value
 * that is secret: option_shown gives a node's value as far as it may be shown. */
bool option_fail(const char *tree_name, const struct tree_node *node, struct error *err,
                 const char *fmt, ...) PRINTF_LIKE(4, 5);
struct str option_shown(const struct option *o, const struct tree_node *node);
/* The known word nearest to a mistyped one, or NULL when none is near. words is NULL-ended. */
const char *option_nearest(const char *const *words, struct str word);
/* The value as text for a dump, "******" for secrets. */
void option_print(const struct option *o, const void *from, struct buf *out);
