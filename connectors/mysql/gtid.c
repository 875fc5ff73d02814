#include "connectors/mysql/gtid.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/reader.h"

#define UUID_TEXT 36
#define TAG_MAX 32
#define FILE_BITS 24 /* of the number of a log file, above OFFSET_BITS */
#define OFFSET_BITS 40

static bool hex_digit(char c, unsigned *out)
{
    if (c >= '0' && c <= '9') {
        *out = (unsigned)(c - '0');
    } else if (c >= 'a' && c <= 'f') {
        *out = (unsigned)(c - 'a') + 10;
    } else if (c >= 'A' && c <= 'F') {
        *out = (unsigned)(c - 'A') + 10;
    } else {
        return false;
    }
    return true;
}

static bool uuid_parse(struct str text, uint8_t out[16])
{
    if (text.len != UUID_TEXT) {
        return false;
    }
    size_t at = 0;
    for (size_t i = 0; i < 16; i++) {
        unsigned high = 0;
        unsigned low = 0;
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            if (text.ptr[at] != '-') {
                return false;
            }
            at++;
        }
        if (!hex_digit(text.ptr[at], &high) || !hex_digit(text.ptr[at + 1], &low)) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
        at += 2;
    }
    return true;
}

static void uuid_print(const uint8_t uuid[16], char out[UUID_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            out[at++] = '-';
        }
        out[at++] = digits[uuid[i] >> 4];
        out[at++] = digits[uuid[i] & 15];
    }
}

/* A tag: a letter or underscore, then letters, digits, underscores; the server compares and shows
 * it in lower case. */
static bool tag_read(struct str text, char out[TAG_MAX])
{
    if (text.len == 0 || text.len > TAG_MAX || (text.ptr[0] >= '0' && text.ptr[0] <= '9')) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c >= 'A' && c <= 'Z') {
            c = (char)(c - 'A' + 'a');
        }
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) {
            return false;
        }
        out[i] = c;
    }
    return true;
}

/* "uuid" or "uuid:tag", in lower case. */
static struct str counter_print(const uint8_t sid[16], struct str tag, char out[GTID_COUNTER_BYTES])
{
    uuid_print(sid, out);
    size_t len = UUID_TEXT;
    if (tag.len > 0) {
        must(tag.len <= TAG_MAX);
        out[len++] = ':';
        memcpy(out + len, tag.ptr, tag.len);
        len += tag.len;
    }
    out[len] = '\0';
    return (struct str){out, len};
}

static bool add_range(struct position *into, struct str identity, struct str counter, uint64_t from,
                      uint64_t to, struct error *err)
{
    struct place place = {
        .lane = STR(GTID_LANE), .identity = identity, .counter = counter, .number = from};
    return position_add(into, &place, to, err);
}

static bool bad_set(struct str text, struct error *err)
{
    return error_set(err, FAIL_CORRUPT, "not a GTID set: \"%.*s\"",
                     (int)(text.len < 200 ? text.len : 200), text.ptr);
}

/* "5" or "1-5" */
static bool interval_parse(struct str text, uint64_t *from, uint64_t *to)
{
    size_t dash = str_find(text, '-');
    if (!str_to_u64(str_trim(str_slice(text, 0, dash)), from)) {
        return false;
    }
    *to = *from;
    if (dash < text.len && !str_to_u64(str_trim(str_slice(text, dash + 1, text.len)), to)) {
        return false;
    }
    return *from > 0 && *to >= *from && *to < INT64_MAX;
}

/* "uuid:1-5:7:tag:1-3": tags hold for the intervals after them. */
static bool parse_one(struct str text, struct position *into, struct error *err)
{
    char counter_text[GTID_COUNTER_BYTES];
    char tag_text[TAG_MAX];
    uint8_t sid[16];
    struct str rest = text;
    struct str part;
    if (!str_next(&rest, ':', &part) || !uuid_parse(str_trim(part), sid)) {
        return bad_set(text, err);
    }
    struct str counter = counter_print(sid, STR(""), counter_text);
    size_t intervals = 0;
    while (str_next(&rest, ':', &part)) {
        uint64_t from = 0;
        uint64_t to = 0;
        part = str_trim(part);
        if (tag_read(part, tag_text)) {
            counter = counter_print(sid, (struct str){tag_text, part.len}, counter_text);
            continue;
        }
        if (!interval_parse(part, &from, &to)) {
            return bad_set(text, err);
        }
        if (!add_range(into, STR(GTID_IDENTITY_MYSQL), counter, from, to, err)) {
            return false;
        }
        intervals++;
    }
    return intervals > 0 || bad_set(text, err);
}

bool gtid_parse(struct str text, struct position *into, struct error *err)
{
    struct str rest = text;
    struct str part;
    while (str_next(&rest, ',', &part)) {
        part = str_trim(part);
        if (part.len > 0 && !parse_one(part, into, err)) {
            return false;
        }
    }
    return true;
}

/* Walks the ranges of our lane under one identity. */
static bool next_range(const struct position *p, struct str identity, struct position_at *at,
                       struct place *from, uint64_t *to)
{
    while (position_next(p, at, from, to)) {
        if (str_eq(from->lane, STR(GTID_LANE)) && str_eq(from->identity, identity)) {
            return true;
        }
    }
    return false;
}

void gtid_print(const struct position *p, struct buf *out)
{
    struct position_at at = {0};
    struct place from;
    uint64_t to = 0;
    char last[GTID_COUNTER_BYTES] = "";
    while (next_range(p, STR(GTID_IDENTITY_MYSQL), &at, &from, &to)) {
        if (!str_eq(from.counter, str_of(last))) {
            must(from.counter.len < sizeof(last));
            if (last[0] != '\0') {
                buf_put_byte(out, ',');
            }
            memcpy(last, from.counter.ptr, from.counter.len);
            last[from.counter.len] = '\0';
            buf_put_str(out, from.counter);
        }
        buf_printf(out, ":%llu", (unsigned long long)from.number);
        if (to != from.number) {
            buf_printf(out, "-%llu", (unsigned long long)to);
        }
    }
}

void gtid_place(const struct binlog_gtid *g, char counter[GTID_COUNTER_BYTES], struct place *out)
{
    must(!g->anonymous);
    *out = (struct place){.lane = STR(GTID_LANE),
                          .identity = STR(GTID_IDENTITY_MYSQL),
                          .counter = counter_print(g->sid, g->tag, counter),
                          .number = g->number};
}

bool gtid_has_tags(const struct position *p)
{
    struct position_at at = {0};
    struct place from;
    uint64_t to = 0;
    while (next_range(p, STR(GTID_IDENTITY_MYSQL), &at, &from, &to)) {
        if (from.counter.len > UUID_TEXT) {
            return true;
        }
    }
    return false;
}

/* Where a number is to be written once it is known. */
static void patch_u64(struct buf *out, size_t at, uint64_t v)
{
    if (!out->failed) {
        memcpy(out->ptr + at, &v, 8);
    }
}

/* count u64, then per uuid (and tag): uuid 16, [tag length u8 · 2, tag], intervals u64, and of each
 * its first and the one after its last, u64. The count of the tagged form has 1 in its highest and
 * lowest byte and the number between (MySQL's sql/rpl_gtid_set.cc). */
bool gtid_encode(const struct position *p, struct buf *out, struct error *err)
{
    bool tagged = gtid_has_tags(p);
    struct position_at at = {0};
    struct place from;
    uint64_t to = 0;
    size_t count_at = out->len;
    size_t intervals_at = 0;
    uint64_t count = 0;
    uint64_t intervals = 0;
    struct str last = {NULL, 0};
    buf_put_u64le(out, 0);
    while (next_range(p, STR(GTID_IDENTITY_MYSQL), &at, &from, &to)) {
        if (last.ptr == NULL || !str_eq(last, from.counter)) {
            uint8_t sid[16];
            if (!uuid_parse(str_slice(from.counter, 0, UUID_TEXT), sid)) {
                return bad_set(from.counter, err);
            }
            if (intervals > 0) {
                patch_u64(out, intervals_at, intervals);
            }
            buf_put(out, sid, 16);
            if (tagged) {
                struct str tag = str_slice(from.counter, UUID_TEXT + 1, from.counter.len);
                must(tag.len <= TAG_MAX);
                buf_put_byte(out, (uint8_t)(tag.len << 1));
                buf_put_str(out, tag);
            }
            intervals_at = out->len;
            intervals = 0;
            buf_put_u64le(out, 0);
            last = from.counter;
            count++;
        }
        buf_put_u64le(out, from.number);
        buf_put_u64le(out, to + 1);
        intervals++;
    }
    if (intervals > 0) {
        patch_u64(out, intervals_at, intervals);
    }
    patch_u64(out, count_at, tagged ? (uint64_t)1 << 56 | count << 8 | 1 : count);
    return buf_ok(out, "GTID set", err);
}

static bool decode_intervals(struct reader *r, struct str counter, struct position *into,
                             struct error *err)
{
    size_t intervals = reader_count(r, reader_u64le(r), 16);
    for (size_t k = 0; k < intervals && !r->failed; k++) {
        uint64_t from = reader_u64le(r);
        uint64_t end = reader_u64le(r);
        if (from == 0 || end <= from || end > INT64_MAX) {
            reader_fail(r);
            break;
        }
        if (!add_range(into, STR(GTID_IDENTITY_MYSQL), counter, from, end - 1, err)) {
            return false;
        }
    }
    return true;
}

bool gtid_decode(struct str block, struct position *into, struct error *err)
{
    struct reader r = reader_over(block, "GTID set");
    uint64_t head = reader_u64le(&r);
    bool tagged = head >> 56 == 1;
    if (head >> 56 > 1) {
        reader_fail(&r);
    }
    uint64_t count = tagged ? head >> 8 & 0xffffffffffff : head;
    count = reader_count(&r, count, 24);
    for (uint64_t i = 0; i < count && !r.failed; i++) {
        char text[GTID_COUNTER_BYTES];
        char tag[TAG_MAX];
        struct str sid = reader_bytes(&r, 16);
        size_t tag_len = tagged ? reader_u8(&r) >> 1 : 0;
        struct str tag_bytes = reader_bytes(&r, tag_len);
        if (r.failed || (tag_len > 0 && !tag_read(tag_bytes, tag))) {
            reader_fail(&r);
            break;
        }
        uint8_t uuid[16];
        memcpy(uuid, sid.ptr, 16);
        struct str counter = counter_print(uuid, (struct str){tag, tag_len}, text);
        if (!decode_intervals(&r, counter, into, err)) {
            return false;
        }
    }
    return reader_end(&r, err);
}

/* MariaDB */

/* "0-1-100" */
static bool mariadb_one(struct str text, struct binlog_gtid_mariadb *out)
{
    struct str rest = text;
    struct str part[3];
    for (size_t i = 0; i < 3; i++) {
        if (!str_next(&rest, '-', &part[i])) {
            return false;
        }
    }
    uint64_t domain = 0;
    uint64_t server = 0;
    if (rest.ptr != NULL || !str_to_u64(part[0], &domain) || !str_to_u64(part[1], &server) ||
        !str_to_u64(part[2], &out->number) || domain > UINT32_MAX || server > UINT32_MAX) {
        return false;
    }
    out->domain = (uint32_t)domain;
    out->server_id = (uint32_t)server;
    return true;
}

void gtid_mariadb_place(const struct binlog_gtid_mariadb *g, char counter[GTID_COUNTER_BYTES],
                        struct place *out)
{
    (void)snprintf(counter, GTID_COUNTER_BYTES, "%u-%u", g->domain, g->server_id);
    *out = (struct place){.lane = STR(GTID_LANE),
                          .identity = STR(GTID_IDENTITY_MARIADB),
                          .counter = str_of(counter),
                          .number = g->number};
}

bool gtid_mariadb_parse(struct str text, struct position *into, struct error *err)
{
    struct str rest = text;
    struct str part;
    while (str_next(&rest, ',', &part)) {
        part = str_trim(part);
        if (part.len == 0) {
            continue;
        }
        struct binlog_gtid_mariadb g = {0};
        char counter[GTID_COUNTER_BYTES];
        struct place place;
        if (!mariadb_one(part, &g)) {
            return error_set(err, FAIL_CORRUPT, "not a GTID list of MariaDB: \"%.*s\"",
                             (int)(text.len < 200 ? text.len : 200), text.ptr);
        }
        gtid_mariadb_place(&g, counter, &place);
        if (!position_advance(into, &place, err)) {
            return false;
        }
    }
    return true;
}

void gtid_mariadb_print(const struct position *p, struct buf *out)
{
    struct position_at at = {0};
    struct place from;
    uint64_t to = 0;
    bool first = true;
    while (next_range(p, STR(GTID_IDENTITY_MARIADB), &at, &from, &to)) {
        buf_printf(out, "%s%.*s-%llu", first ? "" : ",", STR_FMT(from.counter),
                   (unsigned long long)to);
        first = false;
    }
}

/* The pair with the highest sequence in the domain of *best. */
static void highest(const struct position *p, uint32_t domain, struct binlog_gtid_mariadb *best)
{
    struct position_at at = {0};
    struct place from;
    uint64_t to = 0;
    while (next_range(p, STR(GTID_IDENTITY_MARIADB), &at, &from, &to)) {
        struct str rest = from.counter;
        struct str part;
        uint64_t d = 0;
        uint64_t server = 0;
        if (str_next(&rest, '-', &part) && str_to_u64(part, &d) && d == domain &&
            str_to_u64(rest, &server) && server <= UINT32_MAX && to >= best->number) {
            *best = (struct binlog_gtid_mariadb){
                .domain = domain, .server_id = (uint32_t)server, .number = to};
        }
    }
}

void gtid_mariadb_connect_state(const struct position *p, struct buf *out)
{
    struct position_at at = {0};
    struct place from;
    uint64_t to = 0;
    uint64_t next_domain = 0;
    bool first = true;
    /* Domains in ascending order, each once: the smallest not below next_domain, again and again.
     * There are few. */
    for (;;) {
        uint64_t found = UINT64_MAX;
        at = (struct position_at){0};
        while (next_range(p, STR(GTID_IDENTITY_MARIADB), &at, &from, &to)) {
            struct str rest = from.counter;
            struct str part;
            uint64_t domain = 0;
            if (str_next(&rest, '-', &part) && str_to_u64(part, &domain) && domain >= next_domain &&
                domain < found) {
                found = domain;
            }
        }
        if (found > UINT32_MAX) {
            return;
        }
        struct binlog_gtid_mariadb best = {0};
        highest(p, (uint32_t)found, &best);
        buf_printf(out, "%s%u-%u-%llu", first ? "" : ",", best.domain, best.server_id,
                   (unsigned long long)best.number);
        first = false;
        next_domain = found + 1;
    }
}

/* Files */

bool gtid_file_place(struct str identity, struct str file, uint64_t offset, struct place *out,
                     struct error *err)
{
    size_t dot = file.len;
    while (dot > 0 && file.ptr[dot - 1] != '.') {
        dot--;
    }
    uint64_t number = 0;
    if (dot < 2 || !str_to_u64(str_slice(file, dot, file.len), &number)) {
        return error_set(err, FAIL_CORRUPT, "log file \"%.*s\" has no number at its end",
                         STR_FMT(file));
    }
    if (number >> FILE_BITS != 0 || offset >> OFFSET_BITS != 0) {
        return error_set(err, FAIL_LIMIT,
                         "log file %.*s at %llu: file numbers end at 2^%d, offsets at 2^%d; use "
                         "GTIDs (gtid_mode=ON)",
                         STR_FMT(file), (unsigned long long)offset, FILE_BITS, OFFSET_BITS);
    }
    *out = (struct place){.lane = STR(GTID_LANE),
                          .identity = identity,
                          .counter = str_slice(file, 0, dot - 1),
                          .number = number << OFFSET_BITS | offset};
    return true;
}

bool gtid_file_find(const struct position *p, struct str identity, struct buf *out_file,
                    uint64_t *out_offset)
{
    struct position_at at = {0};
    struct place from;
    uint64_t to = 0;
    uint64_t best = 0;
    struct str base = {NULL, 0};
    while (next_range(p, identity, &at, &from, &to)) {
        if (base.ptr == NULL || to > best) {
            best = to;
            base = from.counter;
        }
    }
    if (base.ptr == NULL) {
        return false;
    }
    /* Servers write at least six digits. */
    buf_printf(out_file, "%.*s.%06llu", STR_FMT(base), (unsigned long long)(best >> OFFSET_BITS));
    *out_offset = best & (((uint64_t)1 << OFFSET_BITS) - 1);
    return true;
}
