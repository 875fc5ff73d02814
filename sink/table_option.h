/* sink/table_option.h: the options of Paimon tables by name, and what inlet makes of each. The one
 * place that says so: tables are opened by it, job files checked, and the docs can be made of it.
 * Thread: pure functions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/str.h"

enum table_option_stance {
    TABLE_OPTION_HONOURED, /* inlet acts on it; its value is checked where it is read */
    TABLE_OPTION_VALUE,    /* refused with another value than `value` */
    TABLE_OPTION_NOT_TRUE, /* refused when true */
    TABLE_OPTION_REFUSED,  /* refused when it says anything */
    TABLE_OPTION_OWN,      /* made with the table; a job may not set it */
    TABLE_OPTION_IGNORED,  /* would ask something of a writer that inlet does not do: said once */
    TABLE_OPTION_KEPT,     /* nothing to do for a writer: kept for readers and other programs */
};

struct table_option {
    const char *name; /* with one `*` in it: a family */
    enum table_option_stance stance;
    const char *value; /* of TABLE_OPTION_VALUE */
    const char *note;  /* Markdown, a sentence: what is taken, or why not; may be NULL */
};

size_t table_option_names_count(void);
struct table_option table_option_names_at(size_t i);

/* By its exact name, else by the longest family that it belongs to. */
bool table_option_find(struct str key, struct table_option *out);
/* The known name that an unknown one was probably meant to be; NULL when none is near. */
const char *table_option_near(struct str key);
/* What an honoured option is when a table does not say it, as its text would be; NULL: nothing, or
 * it follows from others. */
const char *table_option_default(struct str key);
/* FAIL_SCHEMA for what must not be passed over. Unknown options pass. */
MUST_USE bool table_option_check(struct str key, struct str value, struct error *err);
