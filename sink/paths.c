#include "sink/paths.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/attr.h"
#include "base/mem.h"

/* A folder name also carries ".db"; 255 is the limit of Linux file systems. */
#define PATHS_MAX_NAME 250

static const char *format(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
static const char *format(struct arena *a, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    must(len >= 0);
    char *out = arena_alloc(a, (size_t)len + 1);
    va_start(args, fmt);
    (void)vsnprintf(out, (size_t)len + 1, fmt, args);
    va_end(args);
    return out;
}

const char *paths_table(struct arena *a, const char *root, struct str database, struct str table)
{
    return format(a, "%s/%.*s.db/%.*s", root, STR_FMT(database), STR_FMT(table));
}

const char *paths_schema(struct arena *a, const char *table, int64_t id)
{
    return format(a, "%s/schema/schema-%" PRId64, table, id);
}

const char *paths_snapshot(struct arena *a, const char *table, int64_t id)
{
    return format(a, "%s/snapshot/snapshot-%" PRId64, table, id);
}

const char *paths_changelog(struct arena *a, const char *table, int64_t id)
{
    return format(a, "%s/changelog/changelog-%" PRId64, table, id);
}

const char *paths_hint(struct arena *a, const char *table, const char *which)
{
    return format(a, "%s/%s", table, which);
}

const char *paths_manifest(struct arena *a, const char *table, struct str name)
{
    return format(a, "%s/manifest/%.*s", table, STR_FMT(name));
}

const char *paths_bucket(struct arena *a, const char *table, const char *partition, int32_t bucket)
{
    if (bucket == PATHS_POSTPONE) {
        return format(a, "%s/%sbucket-postpone", table, partition);
    }
    return format(a, "%s/%sbucket-%" PRId32, table, partition, bucket);
}

const char *paths_consumer(struct arena *a, const char *table, struct str consumer_id)
{
    return format(a, "%s/consumer/consumer-%.*s", table, STR_FMT(consumer_id));
}

const char *paths_join(struct arena *a, const char *left, struct str right)
{
    return format(a, "%s/%.*s", left, STR_FMT(right));
}

const char *paths_file_name(struct arena *a, const char *prefix, const char *uuid, uint64_t counter,
                            const char *suffix)
{
    size_t len = strlen(prefix);
    const char *dash = len == 0 || prefix[len - 1] == '-' ? "" : "-";
    const char *dot = suffix == NULL || suffix[0] == '\0' || suffix[0] == '.' ? "" : ".";
    return format(a, "%s%s%s-%" PRIu64 "%s%s", prefix, dash, uuid, counter, dot,
                  suffix == NULL ? "" : suffix);
}

void paths_uuid(char out[37])
{
    uint8_t r[16];
    must(getrandom(r, sizeof(r), 0) == (ssize_t)sizeof(r)); /* up to 256 bytes never come short */
    r[6] = (uint8_t)((r[6] & 0x0f) | 0x40);                 /* version 4 */
    r[8] = (uint8_t)((r[8] & 0x3f) | 0x80);                 /* RFC 4122 variant */
    static const char digit[] = "0123456789abcdef";
    size_t at = 0;
    for (size_t i = 0; i < sizeof(r); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            out[at++] = '-';
        }
        out[at++] = digit[r[i] >> 4];
        out[at++] = digit[r[i] & 15];
    }
    out[at] = '\0';
}

const char *paths_job(struct arena *a, const char *root, struct str job)
{
    return format(a, "%s/_inlet/%.*s", root, STR_FMT(job));
}

bool paths_check_name(struct str name, const char *what, struct error *err)
{
    if (name.len == 0) {
        return error_set(err, FAIL_CONFIG, "the %s name is empty: give it a name", what);
    }
    if (name.len > PATHS_MAX_NAME) {
        return error_set(err, FAIL_CONFIG,
                         "%s name '%.40s…' has %zu bytes: at most %d fit a folder", what, name.ptr,
                         name.len, PATHS_MAX_NAME);
    }
    if (name.ptr[0] == '.') {
        return error_set(err, FAIL_CONFIG,
                         "%s name '%.*s' begins with a dot: rename it at "
                         "the source or leave it out",
                         what, STR_FMT(name));
    }
    bool is_table = strstr(what, "table") != NULL; /* Paimon's `t$snapshots` names system tables */
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (c == '/' || (is_table && c == '$')) {
            return error_set(err, FAIL_CONFIG,
                             "%s name '%.*s' contains '%c', which Paimon cannot hold: rename "
                             "it at the source or leave it out",
                             what, STR_FMT(name), c);
        }
        if (c < 0x20 || c == 0x7f) {
            return error_set(err, FAIL_CONFIG,
                             "%s name has the control character 0x%02x at byte %zu: rename it "
                             "at the source or leave it out",
                             what, c, i);
        }
    }
    return true;
}
