/* base/pattern.h: PCRE2 behind our error. A pattern is immutable; matching is thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/str.h"

struct pattern;

/* Whole-text match (anchored at both ends). FAIL_CONFIG with the offset of the mistake. */
MUST_USE bool pattern_new(struct str regex, struct pattern **out, struct error *err);
void pattern_free(struct pattern *p);
bool pattern_matches(const struct pattern *p, struct str text);

/* Flink CDC's table list: comma-separated `part.part[.part]`, each part a regex; an unescaped `.`
 * separates the parts and `\.` is the regex dot (a literal dot is `[.]`). Inside `[…]` and `{…}`
 * neither separates. Matches names given part by part. In table_pattern.c. FAIL_CONFIG names the
 * entry. */
struct table_pattern;
MUST_USE bool table_pattern_new(struct str list, size_t parts, struct table_pattern **out,
                                struct error *err);
void table_pattern_free(struct table_pattern *p);
/* Index of the first list entry that matches all parts, or -1. */
int table_pattern_match(const struct table_pattern *p, const struct str *parts);
size_t table_pattern_count(const struct table_pattern *p);
struct str table_pattern_text(const struct table_pattern *p, size_t entry);
