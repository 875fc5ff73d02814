/* base/error.h: the error value, its codes, and what each code asks of the caller.
 *
 * A function that can fail returns true on success and takes a `struct error *` last; the reason
 * lives only there. Nothing is allocated: it works when memory does not. The setters all return
 * false, so `return error_set(err, …)` reads well. Thread: an error belongs to its caller. */
#pragma once

#include <stdbool.h>

#include "base/attr.h"

/* What the caller should do; error_advice() is the same as text. */
enum fail {
    FAIL_NONE = 0,
    FAIL_IO,       /* time may heal it: close, wait, retry from the last checkpoint */
    FAIL_CONFLICT, /* somebody else was first: throw away, reload, try again */
    FAIL_UNKNOWN,  /* it may have happened: look, then decide */
    FAIL_CORRUPT,  /* bytes that mean nothing: stop this table or job */
    FAIL_SCHEMA,   /* a shape that does not fit: stop this table */
    FAIL_DIVERGED, /* the table is not what we left: stop this table */
    FAIL_LIMIT,    /* a stated limit is exceeded: stop this table or job */
    FAIL_CONFIG,   /* the user's configuration: exit 2 */
    FAIL_DENIED,   /* rights are missing: stop, name them */
    FAIL_LOST,     /* the source no longer has what we need: exit 5 */
    FAIL_OWNED,    /* another agent owns this job: exit 4 */
    FAIL_STOPPED,  /* we were asked to stop: not an error */
};

struct error {
    enum fail code;
    int os; /* errno of the failed call, or 0 */
    char text[512];
};

/* Replaces the text. */
bool error_set(struct error *err, enum fail code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* As error_set with the reason of errno added: "fsync x: No space left on device". The code is
 * chosen by errno: EACCES, EPERM, EROFS → FAIL_DENIED; everything else (ENOSPC too) → FAIL_IO. */
bool error_os(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Puts context before the text while an error goes up: "commit shop.orders: " + text. Keeps the
 * code. */
bool error_in(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

const char *error_name(enum fail code); /* "io", "conflict", … */
