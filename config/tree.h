/* config/tree.h: YAML (or JSON) text to nodes that remember their line and column; ${env:NAME} and
 * ${file:PATH}.
 *
 * Nodes are immutable and live in the tree. Anchors, aliases, tags and several documents are
 * refused. The text is UTF-8, with or without a byte order mark. Limits: 1 MiB of text, depth 32,
 * 100,000 nodes. A file's or variable's value replaces the whole or a part of a scalar (never of a
 * key) and is not looked at again; one trailing newline of a file is dropped; `$${` is a literal
 * `${`; the whole scalar is marked secret (it is never printed). A relative PATH starts from the
 * working directory. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/str.h"

enum tree_kind { TREE_SCALAR, TREE_MAP, TREE_LIST };

struct tree_node {
    enum tree_kind kind;
    struct str key;  /* under a map; else empty */
    struct str text; /* scalar, after ${…}; "" for YAML null */
    bool secret;     /* came through ${…} */
    unsigned line;   /* of the key (or the value), from 1 */
    unsigned column; /* from 1 */
    struct tree_node *children;
    size_t count;
};

struct tree;

/* name is for messages: "job.yaml". FAIL_CONFIG "job.yaml:12:5: …". A key twice in one map is
 * refused. */
MUST_USE bool tree_parse(struct str text, const char *name, struct tree **out, struct error *err);
MUST_USE bool tree_load(const char *path, struct tree **out, struct error *err);
void tree_free(struct tree *t);
const struct tree_node *tree_root(const struct tree *t);
const char *tree_name(const struct tree *t);
const struct tree_node *tree_child(const struct tree_node *n,
                                   struct str key); /* NULL when absent */
