#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Cuts a text that was too long so that no half UTF-8 character stands at its end. */
static void cut_clean(char *text, size_t cap)
{
    size_t len = strlen(text);
    if (len + 1 < cap) {
        return;
    }
    size_t at = len;
    while (at > 0 && ((unsigned char)text[at - 1] & 0xc0) == 0x80) {
        at--;
    }
    unsigned char lead = at > 0 ? (unsigned char)text[at - 1] : 0;
    size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    if (len - at + 1 < want) {
        text[at - 1] = '\0';
    }
}

/* The arguments may point into err->text, so nothing is written there before all is formatted. */
static void format(char *out, size_t cap, const char *fmt, va_list args) PRINTF_LIKE(3, 0);
static void format(char *out, size_t cap, const char *fmt, va_list args)
{
    if (vsnprintf(out, cap, fmt, args) < 0) {
        out[0] = '\0';
    }
    cut_clean(out, cap);
}

static void append(char *out, size_t cap, const char *text)
{
    size_t len = strlen(out);
    if (len + 1 < cap) {
        size_t n = strlen(text);
        n = n < cap - 1 - len ? n : cap - 1 - len;
        memcpy(out + len, text, n);
        out[len + n] = '\0';
        cut_clean(out, cap);
    }
}

bool error_set(struct error *err, enum fail code, const char *fmt, ...)
{
    char text[sizeof(err->text)];
    va_list args;
    va_start(args, fmt);
    format(text, sizeof(text), fmt, args);
    va_end(args);
    err->code = code;
    err->os = 0;
    memcpy(err->text, text, sizeof(text));
    return false;
}

bool error_os(struct error *err, const char *fmt, ...)
{
    int os = errno;
    char text[sizeof(err->text)];
    char reason[128];
    va_list args;
    va_start(args, fmt);
    format(text, sizeof(text), fmt, args);
    va_end(args);
    if (strerror_r(os, reason, sizeof(reason)) != 0) {
        (void)snprintf(reason, sizeof(reason), "errno %d", os);
    }
    append(text, sizeof(text), ": ");
    append(text, sizeof(text), reason);
    err->code = os == EACCES || os == EPERM || os == EROFS ? FAIL_DENIED : FAIL_IO;
    err->os = os;
    memcpy(err->text, text, sizeof(text));
    return false;
}

bool error_in(struct error *err, const char *fmt, ...)
{
    char text[sizeof(err->text)];
    va_list args;
    va_start(args, fmt);
    format(text, sizeof(text), fmt, args);
    va_end(args);
    append(text, sizeof(text), ": ");
    append(text, sizeof(text), err->text);
    memcpy(err->text, text, sizeof(text));
    return false;
}

const char *error_name(enum fail code)
{
    switch (code) {
    case FAIL_NONE:
        return "none";
    case FAIL_IO:
        return "io";
    case FAIL_CONFLICT:
        return "conflict";
    case FAIL_UNKNOWN:
        return "unknown";
    case FAIL_CORRUPT:
        return "corrupt";
    case FAIL_SCHEMA:
        return "schema";
    case FAIL_DIVERGED:
        return "diverged";
    case FAIL_LIMIT:
        return "limit";
    case FAIL_CONFIG:
        return "config";
    case FAIL_DENIED:
        return "denied";
    case FAIL_LOST:
        return "lost";
    case FAIL_OWNED:
        return "owned";
    case FAIL_STOPPED:
        return "stopped";
    }
    return "?";
}
