#include "base/position.h"

#include <stddef.h>
#include <string.h>

#include "base/mem.h"

struct range {
    uint64_t from, to; /* inclusive */
};

/* Ranges ascend and neither touch nor overlap; names ascend. So equal sets are equal bytes, and
 * every lookup is a binary search. */
struct counter {
    struct str name; /* owned */
    struct range *ranges;
    size_t count, cap;
};

struct lane {
    struct str name;     /* owned */
    struct str identity; /* owned */
    struct counter *counters;
    size_t count, cap;
};

struct position {
    struct lane *lanes;
    size_t count, cap;
};

static struct str own(struct str s)
{
    return (struct str){mem_dup(s.ptr, s.len), s.len};
}

static void disown(struct str s)
{
    mem_free((void *)(uintptr_t)s.ptr);
}

static void lane_release(struct lane *l)
{
    for (size_t i = 0; i < l->count; i++) {
        disown(l->counters[i].name);
        mem_free(l->counters[i].ranges);
    }
    mem_free(l->counters);
    disown(l->name);
    disown(l->identity);
}

struct position *position_new(void)
{
    return MEM_NEW(struct position);
}

void position_free(struct position *p)
{
    if (p == NULL) {
        return;
    }
    for (size_t i = 0; i < p->count; i++) {
        lane_release(&p->lanes[i]);
    }
    mem_free(p->lanes);
    mem_free(p);
}

bool position_is_empty(const struct position *p)
{
    return p->count == 0;
}

/* Index of the name among items that begin with theirs, or of where it belongs. */
static size_t name_search(const void *items, size_t count, size_t item_bytes, struct str name,
                          bool *found)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const struct str *at = (const void *)((const char *)items + mid * item_bytes);
        int c = str_compare(*at, name);
        if (c == 0) {
            *found = true;
            return mid;
        }
        if (c < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    *found = false;
    return low;
}

static size_t lane_search(const struct position *p, struct str name, bool *found)
{
    _Static_assert(offsetof(struct lane, name) == 0, "name_search reads it there");
    return name_search(p->lanes, p->count, sizeof(struct lane), name, found);
}

static size_t counter_search(const struct lane *l, struct str name, bool *found)
{
    _Static_assert(offsetof(struct counter, name) == 0, "name_search reads it there");
    return name_search(l->counters, l->count, sizeof(struct counter), name, found);
}

/* The first range whose end is at or behind the number. */
static size_t range_search(const struct counter *c, uint64_t number)
{
    size_t low = 0;
    size_t high = c->count;
    if (high > 0 && c->ranges[high - 1].to < number) {
        return high; /* streams count upwards: mostly the end */
    }
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (c->ranges[mid].to < number) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static void counter_add(struct counter *c, uint64_t from, uint64_t to)
{
    /* Ranges first … last-1 overlap or touch the new one and are swallowed by it. */
    size_t first = range_search(c, from == 0 ? 0 : from - 1);
    size_t last = first;
    while (last < c->count && (to == UINT64_MAX || c->ranges[last].from <= to + 1)) {
        from = c->ranges[last].from < from ? c->ranges[last].from : from;
        to = c->ranges[last].to > to ? c->ranges[last].to : to;
        last++;
    }
    if (first == last) {
        VEC_ROOM(c->ranges, c->count, c->cap);
        memmove(c->ranges + first + 1, c->ranges + first,
                (c->count - first) * sizeof(struct range));
        c->count++;
    } else if (last - first > 1) {
        memmove(c->ranges + first + 1, c->ranges + last, (c->count - last) * sizeof(struct range));
        c->count -= last - first - 1;
    }
    c->ranges[first] = (struct range){from, to};
}

static struct lane *lane_open(struct position *p, struct str name, struct str identity)
{
    bool found = false;
    size_t at = lane_search(p, name, &found);
    if (!found) {
        VEC_ROOM(p->lanes, p->count, p->cap);
        memmove(p->lanes + at + 1, p->lanes + at, (p->count - at) * sizeof(struct lane));
        p->count++;
        p->lanes[at] = (struct lane){.name = own(name), .identity = own(identity)};
    }
    return &p->lanes[at];
}

static struct counter *counter_open(struct lane *l, struct str name)
{
    bool found = false;
    size_t at = counter_search(l, name, &found);
    if (!found) {
        VEC_ROOM(l->counters, l->count, l->cap);
        memmove(l->counters + at + 1, l->counters + at, (l->count - at) * sizeof(struct counter));
        l->count++;
        l->counters[at] = (struct counter){.name = own(name)};
    }
    return &l->counters[at];
}

static const struct lane *lane_find(const struct position *p, struct str name)
{
    bool found = false;
    size_t at = lane_search(p, name, &found);
    return found ? &p->lanes[at] : NULL;
}

static const struct counter *counter_find(const struct lane *l, struct str name)
{
    bool found = false;
    size_t at = counter_search(l, name, &found);
    return found ? &l->counters[at] : NULL;
}

static bool same_identity(const struct position *p, struct str lane, struct str identity,
                          struct error *err)
{
    const struct lane *l = lane_find(p, lane);
    if (l == NULL || str_eq(l->identity, identity)) {
        return true;
    }
    return error_set(err, FAIL_LOST,
                     "lane %.*s counts in \"%.*s\", the position in \"%.*s\": the source is not "
                     "the one that this job followed",
                     STR_FMT(lane), STR_FMT(identity), STR_FMT(l->identity));
}

bool position_add(struct position *p, const struct place *from, uint64_t to, struct error *err)
{
    must(from->number <= to);
    if (!same_identity(p, from->lane, from->identity, err)) {
        return false;
    }
    struct lane *l = lane_open(p, from->lane, from->identity);
    counter_add(counter_open(l, from->counter), from->number, to);
    return true;
}

bool position_advance(struct position *p, const struct place *place, struct error *err)
{
    struct place from = *place;
    from.number = 0;
    return position_add(p, &from, place->number, err);
}

bool position_has(const struct position *p, const struct place *place)
{
    const struct lane *l = lane_find(p, place->lane);
    if (l == NULL || !str_eq(l->identity, place->identity)) {
        return false;
    }
    const struct counter *c = counter_find(l, place->counter);
    if (c == NULL) {
        return false;
    }
    size_t at = range_search(c, place->number);
    return at < c->count && c->ranges[at].from <= place->number;
}

static bool counter_contains(const struct counter *a, const struct counter *b)
{
    size_t at = 0;
    for (size_t i = 0; i < b->count; i++) {
        while (at < a->count && a->ranges[at].to < b->ranges[i].from) {
            at++;
        }
        if (at == a->count || a->ranges[at].from > b->ranges[i].from ||
            a->ranges[at].to < b->ranges[i].to) {
            return false;
        }
    }
    return true;
}

bool position_contains(const struct position *a, const struct position *b)
{
    for (size_t i = 0; i < b->count; i++) {
        const struct lane *lb = &b->lanes[i];
        const struct lane *la = lane_find(a, lb->name);
        if (la == NULL || !str_eq(la->identity, lb->identity)) {
            return false;
        }
        for (size_t j = 0; j < lb->count; j++) {
            const struct counter *c = counter_find(la, lb->counters[j].name);
            if (c == NULL || !counter_contains(c, &lb->counters[j])) {
                return false;
            }
        }
    }
    return true;
}

bool position_equal(const struct position *a, const struct position *b)
{
    return position_contains(a, b) && position_contains(b, a);
}

static void counter_merge(struct counter *a, const struct counter *b)
{
    if (a->count == 0) {
        a->ranges = MEM_ARRAY(struct range, b->count);
        memcpy(a->ranges, b->ranges, b->count * sizeof(struct range));
        a->count = b->count;
        a->cap = b->count;
        return;
    }
    for (size_t i = 0; i < b->count; i++) {
        counter_add(a, b->ranges[i].from, b->ranges[i].to);
    }
}

bool position_merge(struct position *a, const struct position *b, struct error *err)
{
    for (size_t i = 0; i < b->count; i++) { /* all checks before the first change */
        if (!same_identity(a, b->lanes[i].name, b->lanes[i].identity, err)) {
            return false;
        }
    }
    for (size_t i = 0; i < b->count; i++) {
        const struct lane *lb = &b->lanes[i];
        struct lane *la = lane_open(a, lb->name, lb->identity);
        for (size_t j = 0; j < lb->count; j++) {
            counter_merge(counter_open(la, lb->counters[j].name), &lb->counters[j]);
        }
    }
    return true;
}

struct position *position_dup(const struct position *p)
{
    struct position *copy = position_new();
    struct error err = {0};
    must(position_merge(copy, p, &err)); /* an empty one has no identity to differ from */
    return copy;
}

static void counter_meet(struct position *out, const struct lane *l, const struct counter *a,
                         const struct counter *b)
{
    size_t i = 0;
    size_t j = 0;
    while (i < a->count && j < b->count) {
        const struct range *x = &a->ranges[i];
        const struct range *y = &b->ranges[j];
        uint64_t from = x->from > y->from ? x->from : y->from;
        uint64_t to = x->to < y->to ? x->to : y->to;
        if (from <= to) {
            struct lane *lane = lane_open(out, l->name, l->identity);
            counter_add(counter_open(lane, a->name), from, to);
        }
        if (x->to < y->to) {
            i++;
        } else {
            j++;
        }
    }
}

struct position *position_meet(const struct position *a, const struct position *b)
{
    struct position *out = position_new();
    for (size_t i = 0; i < a->count; i++) {
        const struct lane *la = &a->lanes[i];
        const struct lane *lb = lane_find(b, la->name);
        if (lb == NULL || !str_eq(la->identity, lb->identity)) {
            continue;
        }
        for (size_t j = 0; j < la->count; j++) {
            const struct counter *c = counter_find(lb, la->counters[j].name);
            if (c != NULL) {
                counter_meet(out, la, &la->counters[j], c);
            }
        }
    }
    return out;
}

bool position_next(const struct position *p, struct position_at *at, struct place *from,
                   uint64_t *to)
{
    while (at->lane < p->count) {
        const struct lane *l = &p->lanes[at->lane];
        if (at->counter == l->count) {
            at->lane++;
            at->counter = 0;
            continue;
        }
        const struct counter *c = &l->counters[at->counter];
        if (at->range == c->count) {
            at->counter++;
            at->range = 0;
            continue;
        }
        *from = (struct place){l->name, l->identity, c->name, c->ranges[at->range].from};
        *to = c->ranges[at->range].to;
        at->range++;
        return true;
    }
    return false;
}

/* Text, version 1:
 *
 *   position = "1" { lane }            the first lane follows ";", the others ";;"
 *   lane     = name "@" identity { ";" counter }
 *   counter  = name "=" range { "," range }
 *   range    = number | number "-" number
 *
 * Names are escaped as the header says; lanes, counters and ranges ascend strictly, so that a text
 * of n bytes is read in n steps and has one spelling. */
static bool needs_escape(unsigned char c)
{
    return c < 0x21 || c == ';' || c == '@' || c == '=' || c == '%';
}

static void print_name(struct str name, struct buf *out)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (needs_escape(c)) {
            buf_printf(out, "%%%02X", c);
        } else {
            buf_put_byte(out, c);
        }
    }
}

void position_print(const struct position *p, struct buf *out)
{
    buf_put_byte(out, '1');
    for (size_t i = 0; i < p->count; i++) {
        const struct lane *l = &p->lanes[i];
        buf_put_cstr(out, i == 0 ? ";" : ";;");
        print_name(l->name, out);
        buf_put_byte(out, '@');
        print_name(l->identity, out);
        for (size_t j = 0; j < l->count; j++) {
            const struct counter *c = &l->counters[j];
            buf_put_byte(out, ';');
            print_name(c->name, out);
            for (size_t k = 0; k < c->count; k++) {
                const struct range *r = &c->ranges[k];
                buf_put_byte(out, k == 0 ? '=' : ',');
                buf_printf(out, "%llu", (unsigned long long)r->from);
                if (r->to != r->from) {
                    buf_printf(out, "-%llu", (unsigned long long)r->to);
                }
            }
        }
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Into out (emptied); false on an escape or a byte that print_name never writes. */
static bool parse_name(struct str text, struct buf *out)
{
    buf_reset(out);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '%') {
            bool whole = text.len - i > 2;
            int high = whole ? hex_digit(text.ptr[i + 1]) : -1;
            int low = whole ? hex_digit(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0 || !needs_escape((unsigned char)(high * 16 + low))) {
                return false;
            }
            c = (unsigned char)(high * 16 + low);
            i += 2;
        } else if (needs_escape(c)) {
            return false;
        }
        buf_put_byte(out, c);
    }
    return !out->failed;
}

static bool parse_number(struct str text, uint64_t *out)
{
    return !(text.len > 1 && text.ptr[0] == '0') && str_to_u64(text, out);
}

static bool parse_range(struct str text, struct range *out)
{
    size_t dash = str_find(text, '-');
    if (!parse_number(str_slice(text, 0, dash), &out->from)) {
        return false;
    }
    out->to = out->from;
    return dash == text.len ||
           (parse_number(str_slice(text, dash + 1, text.len), &out->to) && out->to > out->from);
}

static bool parse_counter(struct lane *l, struct str text, struct buf *scratch)
{
    size_t equals = str_find(text, '=');
    if (equals == text.len || !parse_name(str_slice(text, 0, equals), scratch) ||
        (l->count > 0 && str_compare(buf_str(scratch), l->counters[l->count - 1].name) <= 0)) {
        return false;
    }
    struct counter *c = counter_open(l, buf_str(scratch));
    struct str rest = str_slice(text, equals + 1, text.len);
    struct str part;
    while (str_next(&rest, ',', &part)) {
        struct range r;
        if (!parse_range(part, &r)) {
            return false;
        }
        const struct range *last = c->count == 0 ? NULL : &c->ranges[c->count - 1];
        if (last != NULL && (last->to == UINT64_MAX || r.from <= last->to + 1)) {
            return false;
        }
        VEC_ROOM(c->ranges, c->count, c->cap);
        must(c->ranges != NULL);
        c->ranges[c->count++] = r;
    }
    return true;
}

static bool parse_lane(struct position *p, struct str text, struct buf *scratch)
{
    size_t at = str_find(text, '@');
    if (at == text.len || !parse_name(str_slice(text, 0, at), scratch) ||
        (p->count > 0 && str_compare(buf_str(scratch), p->lanes[p->count - 1].name) <= 0)) {
        return false;
    }
    struct lane *l = lane_open(p, buf_str(scratch), STR(""));
    if (!parse_name(str_slice(text, at + 1, text.len), scratch)) {
        return false;
    }
    disown(l->identity);
    l->identity = own(buf_str(scratch));
    return true;
}

/* The parts behind the version: lanes and counters, an empty part before every further lane. */
static bool parse_parts(struct position *p, struct str rest, struct buf *scratch)
{
    bool want_lane = true;
    struct str part;
    while (str_next(&rest, ';', &part)) {
        struct lane *l = p->count == 0 ? NULL : &p->lanes[p->count - 1];
        if (want_lane) {
            if (!parse_lane(p, part, scratch)) {
                return false;
            }
            want_lane = false;
        } else if (part.len == 0) {
            if (l->count == 0) {
                return false;
            }
            want_lane = true;
        } else if (!parse_counter(l, part, scratch)) {
            return false;
        }
    }
    return !want_lane && p->lanes[p->count - 1].count > 0;
}

bool position_parse(struct str text, struct position **out, struct error *err)
{
    struct str rest = text;
    struct str head;
    uint64_t version = 0;
    if (!str_next(&rest, ';', &head) || !parse_number(head, &version)) {
        return error_set(err, FAIL_CORRUPT, "\"%.*s\" is not a position",
                         STR_FMT(str_slice(text, 0, 100)));
    }
    if (version != 1) {
        return error_set(err, FAIL_CORRUPT,
                         "position has version %llu, this inlet knows version 1: use the inlet "
                         "that wrote it or a newer one",
                         (unsigned long long)version);
    }
    struct position *p = position_new();
    struct buf scratch = BUF_INIT(text.len + 1);
    bool ok = rest.ptr == NULL || parse_parts(p, rest, &scratch);
    buf_release(&scratch);
    if (!ok) {
        position_free(p);
        return error_set(err, FAIL_CORRUPT, "position \"%.*s\" is damaged",
                         STR_FMT(str_slice(text, 0, 100)));
    }
    *out = p;
    return true;
}
