/* MAP_ANONYMOUS is not in POSIX 2008. */
#define _DEFAULT_SOURCE 1

#include "sink/sort_buffer.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/checked.h"
#include "base/failpoint.h"
#include "base/mem.h"
#include "sink/merge_rule.h"
#include "sink/packed_row.h"
#include "sink/run_key.h"

#define FIRST_PAGE_BYTES ((size_t)16 << 10)
#define PAGE_MAX_BYTES ((size_t)1 << 20)
#define OS_PAGE_BYTES ((size_t)4096)

/* Sorted rows lie all over the pages: memory is asked for this many rows ahead. */
#define PREFETCH_ROWS 8

/* Rows of a key that are unpacked side by side before the merge makes its result its own. */
#define SETTLE_ROWS 64

/* Rows follow each other in a page: u32 length, packed row. */
struct page {
    struct page *next; /* in the order filled */
    size_t size;
    size_t used; /* with this header */
};

/* What all values of a key column have in common, so that the 8 bytes sorted by are the 8 that
 * differ: leading bytes of numbers, a leading text ("order-2026-…"). */
struct column_span {
    uint128 first;   /* normalized value of the first row */
    uint128 differs; /* bits in which others differ from it */
    const char *text;
    size_t text_len; /* of the first row */
    size_t common;   /* leading bytes that all texts share */
    bool same_len;
};

/* What is sorted. */
struct entry {
    uint64_t prefix;
    const char *row;
};

struct sort_buffer {
    const struct data_file_layout *layout;
    struct packed_row_shape shape;
    struct page *first_page, *page; /* page: the one being filled */
    size_t page_bytes;              /* of full pages */
    size_t next_page_bytes;
    size_t rows;
    struct column_span *spans;
    int64_t last_sequence;
    bool in_order; /* sequence numbers never went back */

    const struct merge_rule *rule;
    bool ordered;              /* it has sequence fields */
    struct merge_state *state; /* NULL: the last row stands for its key */
    struct arena group;        /* rows of the key being merged */

    /* while a flush runs */
    struct entry *entries, *spare;
    size_t entries_bytes; /* of each of the two */
    bool exact;           /* prefixes are whole keys */
    struct value *key_a, *key_b;
    int128 *wide_a, *wide_b;
    struct value *lead_a, *lead_b; /* ordered: leading columns in schema order */
    int128 *lead_wide_a, *lead_wide_b;
};

static void *pages_map(size_t size_bytes, int flags)
{
    void *p =
        mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    must(p != MAP_FAILED); /* no memory: as mem_alloc */
    return p;
}

static void pages_unmap(void *p, size_t size_bytes)
{
    if (p != NULL) {
        must(munmap(p, size_bytes) == 0);
    }
}

static size_t round_up(size_t size, size_t to)
{
    return (size + to - 1) / to * to;
}

struct sort_buffer *sort_buffer_new(const struct schema *schema,
                                    const struct data_file_layout *layout,
                                    const struct merge_rule *rule)
{
    struct sort_buffer *b = MEM_NEW(struct sort_buffer);
    const size_t *order = NULL;
    size_t order_count = merge_rule_order(rule, &order);
    b->layout = layout;
    b->rule = rule;
    b->ordered = order_count > 0;
    b->state = merge_rule_takes_last(rule) ? NULL : merge_state_new(rule, false);
    packed_row_shape_init(&b->shape, schema, layout);
    packed_row_shape_lead(&b->shape, order, order_count);
    if (b->ordered) {
        b->lead_a = MEM_ARRAY(struct value, schema->field_count);
        b->lead_b = MEM_ARRAY(struct value, schema->field_count);
        b->lead_wide_a = MEM_ARRAY(int128, schema->field_count);
        b->lead_wide_b = MEM_ARRAY(int128, schema->field_count);
    }
    b->spans = MEM_ARRAY(struct column_span, layout->key_count);
    b->key_a = MEM_ARRAY(struct value, layout->key_count);
    b->key_b = MEM_ARRAY(struct value, layout->key_count);
    b->wide_a = MEM_ARRAY(int128, layout->key_count);
    b->wide_b = MEM_ARRAY(int128, layout->key_count);
    sort_buffer_reset(b);
    return b;
}

void sort_buffer_reset(struct sort_buffer *b)
{
    struct page *next = NULL;
    for (struct page *p = b->first_page; p != NULL; p = next) {
        next = p->next;
        pages_unmap(p, p->size);
    }
    b->first_page = NULL;
    b->page = NULL;
    b->page_bytes = 0;
    b->next_page_bytes = FIRST_PAGE_BYTES;
    b->rows = 0;
    b->in_order = true;
}

void sort_buffer_free(struct sort_buffer *b)
{
    if (b == NULL) {
        return;
    }
    sort_buffer_reset(b);
    packed_row_shape_release(&b->shape);
    merge_state_free(b->state);
    arena_release(&b->group);
    mem_free(b->lead_a);
    mem_free(b->lead_b);
    mem_free(b->lead_wide_a);
    mem_free(b->lead_wide_b);
    mem_free(b->spans);
    mem_free(b->key_a);
    mem_free(b->key_b);
    mem_free(b->wide_a);
    mem_free(b->wide_b);
    mem_free(b);
}

size_t sort_buffer_rows(const struct sort_buffer *b)
{
    return b->rows;
}

/* A large page is asked for populated: one call instead of a fault for each 4 KiB of it. */
static bool is_populated(size_t page_size)
{
    return page_size >= PAGE_MAX_BYTES;
}

static size_t resident_bytes(const struct page *p)
{
    return is_populated(p->size) ? p->size : round_up(p->used, OS_PAGE_BYTES);
}

size_t sort_buffer_bytes(const struct sort_buffer *b)
{
    size_t filling = b->page == NULL ? 0 : resident_bytes(b->page);
    return sizeof(*b) + b->page_bytes + filling + b->rows * 2 * sizeof(struct entry);
}

static char *row_room(struct sort_buffer *b, size_t size)
{
    if (b->page == NULL || b->page->size - b->page->used < size) {
        size_t want = round_up(sizeof(struct page) + size, OS_PAGE_BYTES);
        want = want < b->next_page_bytes ? b->next_page_bytes : want;
        struct page *p = pages_map(want, is_populated(want) ? MAP_POPULATE : 0);
        *p = (struct page){.size = want, .used = sizeof(struct page)};
        if (b->page == NULL) {
            b->first_page = p;
        } else {
            b->page_bytes += resident_bytes(b->page);
            b->page->next = p;
        }
        b->page = p;
        b->next_page_bytes =
            b->next_page_bytes < PAGE_MAX_BYTES ? b->next_page_bytes * 2 : PAGE_MAX_BYTES;
    }
    char *at = (char *)b->page + b->page->used;
    b->page->used += size;
    return at;
}

static void span_add_text(struct column_span *s, const char *text, size_t len, bool first)
{
    if (first) {
        *s = (struct column_span){.text = text, .text_len = len, .common = len, .same_len = true};
        return;
    }
    size_t limit = s->common < len ? s->common : len;
    size_t common = 0;
    while (common < limit && s->text[common] == text[common]) {
        common++;
    }
    s->common = common;
    s->same_len = s->same_len && len == s->text_len;
}

/* row: as packed, so that a first text stays where it is. */
static void spans_add(struct sort_buffer *b, const char *row)
{
    packed_row_key(&b->shape, row, b->key_a, b->wide_a);
    for (size_t i = 0; i < b->layout->key_count; i++) {
        const struct type *t = &b->layout->fields[i].type;
        struct column_span *s = &b->spans[i];
        const struct value *v = &b->key_a[i];
        if (run_key_width(t) == 0) {
            span_add_text(s, v->bytes, v->len, b->rows == 0);
            continue;
        }
        uint128 normalized = run_key_normalize(t, v);
        if (b->rows == 0) {
            *s = (struct column_span){.first = normalized};
        }
        s->differs |= normalized ^ s->first;
    }
}

static bool check_nulls(const struct sort_buffer *b, const struct value *values, struct error *err)
{
    const struct schema *schema = b->shape.schema;
    for (size_t i = 0; i < schema->field_count; i++) {
        must(values[i].state != VALUE_UNCHANGED); /* resolved before it comes here */
        if (values[i].state == VALUE_NULL && !schema->fields[i].type.nullable) {
            return error_set(err, FAIL_SCHEMA,
                             "column %.*s is NOT NULL in the lake, but a row has null in it",
                             STR_FMT(schema->fields[i].name));
        }
    }
    for (size_t i = 0; i < b->layout->key_count; i++) {
        const struct schema_field *f = &schema->fields[b->layout->key_columns[i]];
        if (values[b->layout->key_columns[i]].state == VALUE_NULL) {
            return error_set(err, FAIL_SCHEMA, "key column %.*s is null in a row",
                             STR_FMT(f->name));
        }
    }
    return true;
}

bool sort_buffer_add(struct sort_buffer *b, enum row_kind kind, int64_t sequence,
                     const struct value *values, struct error *err)
{
    bool keep = true;
    if (!check_nulls(b, values, err) ||
        (b->rule != NULL && !merge_rule_admit(b->rule, values, &kind, &keep, err))) {
        return false;
    }
    if (!keep) {
        return true;
    }
    size_t size = packed_row_size(&b->shape, values);
    if (size > SORT_BUFFER_ROW_MAX) {
        return error_set(err, FAIL_LIMIT, "a row of %zu bytes: rows may have %zu", size,
                         SORT_BUFFER_ROW_MAX);
    }
    uint32_t len = (uint32_t)size;
    char *at = row_room(b, size + sizeof(len));
    memcpy(at, &len, sizeof(len));
    packed_row_write(&b->shape, kind, sequence, values, at + sizeof(len));
    spans_add(b, at + sizeof(len));
    b->in_order = b->in_order && (b->rows == 0 || sequence >= b->last_sequence);
    b->last_sequence = sequence;
    b->rows++;
    return true;
}

/* How the 8 bytes of one key column are cut out. */
struct cut {
    unsigned skip;  /* leading bytes left out */
    unsigned width; /* bytes taken of a number; 0 for text */
    bool text;
};

/* Plans the prefix: of each key column only the bytes in which rows differ, until 8 are used up.
 * Returns the number of columns cut; b->exact tells whether the prefix says everything. */
static size_t plan_cuts(struct sort_buffer *b, struct cut *cuts)
{
    size_t count = 0;
    unsigned used = 0;
    b->exact = false;
    for (size_t i = 0; i < b->layout->key_count; i++) {
        const struct column_span *s = &b->spans[i];
        unsigned width = run_key_width(&b->layout->fields[i].type);
        if (width == 0) {
            bool all_equal = s->same_len && s->common == s->text_len;
            cuts[count++] = (struct cut){.text = true, .skip = (unsigned)s->common};
            if (all_equal) {
                continue;
            }
            return count; /* what follows a text of some length cannot be placed */
        }
        unsigned skip = 0;
        while (skip < width && (uint8_t)(s->differs >> (120 - skip * 8)) == 0) {
            skip++;
        }
        cuts[count++] = (struct cut){.skip = skip, .width = width - skip};
        used += width - skip;
        if (used >= 8) {
            b->exact = used == 8 && i + 1 == b->layout->key_count;
            return count;
        }
    }
    b->exact = true;
    return count;
}

static uint64_t cut_prefix(struct sort_buffer *b, const struct cut *cuts, size_t count,
                           const char *row)
{
    uint64_t prefix = 0;
    unsigned used = 0;
    packed_row_key(&b->shape, row, b->key_a, b->wide_a);
    for (size_t i = 0; i < count && used < 8; i++) {
        const struct value *v = &b->key_a[i];
        uint64_t part;
        if (cuts[i].text) {
            part = run_key_normalize_bytes(v->bytes + cuts[i].skip, v->len - cuts[i].skip);
        } else if (cuts[i].width == 0) {
            continue;
        } else {
            uint128 n = run_key_normalize(&b->layout->fields[i].type, v);
            part = (uint64_t)(n << (cuts[i].skip * 8) >> 64);
        }
        prefix |= part >> (used * 8);
        used += cuts[i].width;
    }
    return prefix;
}

static int compare_rows(struct sort_buffer *b, const char *left, const char *right)
{
    packed_row_key(&b->shape, left, b->key_a, b->wide_a);
    packed_row_key(&b->shape, right, b->key_b, b->wide_b);
    return run_key_compare(b->layout, b->key_a, b->key_b);
}

static bool same_key(struct sort_buffer *b, const struct entry *left, const struct entry *right)
{
    return left->prefix == right->prefix &&
           (b->exact || compare_rows(b, left->row, right->row) == 0);
}

static int compare_orders(struct sort_buffer *b, const char *left, const char *right)
{
    packed_row_lead(&b->shape, left, b->lead_a, b->lead_wide_a);
    packed_row_lead(&b->shape, right, b->lead_b, b->lead_wide_b);
    return merge_rule_compare(b->rule, b->lead_a, b->lead_b);
}

/* Among entries of one prefix: not left > right? Keeps the order of arrival when it is equal. */
static bool in_row_order(struct sort_buffer *b, const struct entry *left, const struct entry *right)
{
    if (left->prefix != right->prefix) {
        return left->prefix < right->prefix;
    }
    int c = b->exact ? 0 : compare_rows(b, left->row, right->row);
    if (c == 0 && b->ordered) {
        c = compare_orders(b, left->row, right->row);
    }
    return c < 0 || (c == 0 && packed_row_sequence(left->row) <= packed_row_sequence(right->row));
}

/* Fills the entries in arrival order. True when they are sorted already. */
static bool entries_fill(struct sort_buffer *b)
{
    struct cut *cuts = MEM_ARRAY(struct cut, b->layout->key_count);
    size_t cut_count = plan_cuts(b, cuts);
    bool sorted = true;
    size_t n = 0;
    for (const struct page *p = b->first_page; p != NULL; p = p->next) {
        const char *at = (const char *)(p + 1);
        const char *end = (const char *)p + p->used;
        while (at < end) {
            uint32_t len;
            memcpy(&len, at, sizeof(len));
            const char *row = at + sizeof(len);
            b->entries[n] = (struct entry){cut_prefix(b, cuts, cut_count, row), row};
            sorted = sorted && (n == 0 || in_row_order(b, &b->entries[n - 1], &b->entries[n]));
            n++;
            at = row + len;
        }
    }
    must(n == b->rows);
    mem_free(cuts);
    return sorted;
}

/* Stable: by one byte of the prefix after another, lowest first; bytes that are all the same are
 * passed over. The result is in b->entries. */
static void sort_by_prefix(struct sort_buffer *b)
{
    size_t(*counts)[256] = mem_array(8, sizeof(*counts));
    for (size_t i = 0; i < b->rows; i++) {
        for (unsigned byte = 0; byte < 8; byte++) {
            counts[byte][b->entries[i].prefix >> (byte * 8) & 255]++;
        }
    }
    for (unsigned byte = 0; byte < 8; byte++) {
        size_t *start = counts[byte];
        if (start[b->entries[0].prefix >> (byte * 8) & 255] == b->rows) {
            continue;
        }
        size_t sum = 0;
        for (size_t v = 0; v < 256; v++) {
            size_t count = start[v];
            start[v] = sum;
            sum += count;
        }
        for (size_t i = 0; i < b->rows; i++) {
            b->spare[start[b->entries[i].prefix >> (byte * 8) & 255]++] = b->entries[i];
        }
        struct entry *sorted = b->spare;
        b->spare = b->entries;
        b->entries = sorted;
    }
    mem_free(counts);
}

/* Stable; for few. */
static void sort_few(struct sort_buffer *b, struct entry *entries, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct entry e = entries[i];
        size_t at = i;
        for (; at > 0 && !in_row_order(b, &entries[at - 1], &e); at--) {
            entries[at] = entries[at - 1];
        }
        entries[at] = e;
    }
}

/* Two sorted neighbours, in[0…middle) and in[middle…end), into out; equal ones from the left. */
static void merge_two(struct sort_buffer *b, const struct entry *in, size_t middle, size_t end,
                      struct entry *out)
{
    size_t left = 0;
    size_t right = middle;
    for (size_t at = 0; at < end; at++) {
        bool take_left = right == end || (left < middle && in_row_order(b, &in[left], &in[right]));
        out[at] = take_left ? in[left++] : in[right++];
    }
}

/* Stable merge sort of n entries from `from` into themselves, with room for as many in `spare`. */
static void sort_by_rows(struct sort_buffer *b, struct entry *from, struct entry *spare, size_t n)
{
    enum { FEW = 8 };
    for (size_t first = 0; first < n; first += FEW) {
        sort_few(b, from + first, n - first < FEW ? n - first : FEW);
    }
    struct entry *in = from;
    struct entry *out = spare;
    for (size_t width = FEW; width < n; width *= 2) {
        for (size_t first = 0; first < n; first += 2 * width) {
            size_t left = n - first < width ? n - first : width;
            size_t both = n - first < 2 * width ? n - first : 2 * width;
            merge_two(b, in + first, left, both, out + first);
        }
        struct entry *moved = in;
        in = out;
        out = moved;
    }
    if (in != from) {
        memcpy(from, in, n * sizeof(*from));
    }
}

static void entries_sort(struct sort_buffer *b)
{
    if (entries_fill(b)) {
        return;
    }
    b->spare = pages_map(b->entries_bytes, MAP_POPULATE);
    sort_by_prefix(b);
    if (b->exact && b->in_order && !b->ordered) {
        return;
    }
    for (size_t first = 0; first < b->rows;) {
        size_t end = first + 1;
        while (end < b->rows && b->entries[end].prefix == b->entries[first].prefix) {
            end++;
        }
        if (end - first > 1) {
            sort_by_rows(b, b->entries + first, b->spare + first, end - first);
        }
        first = end;
    }
}

static bool write_row(struct run_writer *w, const struct packed_row_out *row, struct error *err)
{
    struct run_row r = {
        .key = row->key, .values = row->values, .sequence = row->sequence, .kind = row->kind};
    return run_writer_add(w, &r, err);
}

/* The rows of one key: all into the changelog, the one that stands for them into the data file. */
static bool write_last(struct sort_buffer *b, size_t first, size_t count, struct run_writer *data,
                       struct run_writer *changelog, struct packed_row_out *row, struct error *err)
{
    size_t kept = first + merge_rule_pick(count);
    for (size_t i = first; i < first + count; i++) {
        if (changelog == NULL && i != kept) {
            continue;
        }
        packed_row_read(&b->shape, b->entries[i].row, row);
        if (changelog != NULL && !write_row(changelog, row, err)) {
            return false;
        }
        if (i == kept && !write_row(data, row, err)) {
            return false;
        }
    }
    return true;
}

/* The rows of one key: all into the changelog, what they merge into into the data file. */
static bool write_merged(struct sort_buffer *b, size_t first, size_t count, struct run_writer *data,
                         struct run_writer *changelog, struct error *err)
{
    merge_state_begin(b->state);
    arena_reset(&b->group);
    for (size_t i = 0; i < count; i++) {
        struct packed_row_out row =
            packed_row_take(&b->shape, b->entries[first + i].row, &b->group);
        struct run_row r = {
            .key = row.key, .values = row.values, .sequence = row.sequence, .kind = row.kind};
        if ((changelog != NULL && !run_writer_add(changelog, &r, err)) ||
            !merge_state_add(b->state, &r, MERGE_BUFFERED, err)) {
            return false;
        }
        if (i % SETTLE_ROWS == SETTLE_ROWS - 1) {
            merge_state_settle(b->state);
            arena_reset(&b->group);
        }
    }
    struct run_row merged;
    enum next next = merge_state_result(b->state, &merged, err);
    return next == NEXT_END || (next == NEXT_ROW && run_writer_add(data, &merged, err));
}

static bool write_group(struct sort_buffer *b, size_t first, size_t count, struct run_writer *data,
                        struct run_writer *changelog, struct packed_row_out *row, struct error *err)
{
    if (b->state != NULL && count > 1) {
        return write_merged(b, first, count, data, changelog, err);
    }
    return write_last(b, first, count, data, changelog, row, err);
}

static bool write_groups(struct sort_buffer *b, bool unique_keys, struct run_writer *data,
                         struct run_writer *changelog, struct packed_row_out *row,
                         struct error *err)
{
    bool middle = false;
    for (size_t first = 0; first < b->rows;) {
        size_t end = first + 1;
        if (first + PREFETCH_ROWS < b->rows) {
            const char *soon = b->entries[first + PREFETCH_ROWS].row;
            __builtin_prefetch(soon);
            __builtin_prefetch(soon + 64);
        }
        while (end < b->rows && same_key(b, &b->entries[first], &b->entries[end])) {
            end++;
        }
        if (unique_keys && end - first > 1) {
            return error_set(err, FAIL_CORRUPT,
                             "a chunk of the first copy has the same key %zu times: the source's "
                             "key does not tell its rows apart in the lake",
                             end - first);
        }
        if (!write_group(b, first, end - first, data, changelog, row, err)) {
            return false;
        }
        if (!middle && end >= b->rows / 2) {
            middle = true;
            if (!FAILPOINT("flush.mid-file")) {
                return error_os(err, "write the middle of a run");
            }
        }
        first = end;
    }
    return true;
}

static bool flush_files(struct sort_buffer *b, const struct sort_buffer_flush *flush,
                        struct run_writer *data, struct run_writer *changelog, struct arena *arena,
                        struct run_files *out_data, struct run_files *out_changelog,
                        struct error *err)
{
    struct packed_row_out row;
    packed_row_out_init(&row, &b->shape);
    struct run_files data_files = {0};
    struct run_files changelog_files = {0};
    bool ok = write_groups(b, flush->unique_keys, data, changelog, &row, err) &&
              run_writer_finish(data, arena, &data_files, err) &&
              (changelog == NULL || run_writer_finish(changelog, arena, &changelog_files, err));
    if (ok && !FAILPOINT("flush.after-file")) {
        ok = error_os(err, "after writing a run");
    }
    packed_row_out_release(&row);
    if (!ok) { /* what is finished already is no longer the writers' to remove */
        run_writer_remove(flush->data->fs, flush->data->folder, &data_files);
        run_writer_remove(flush->data->fs, flush->data->folder, &changelog_files);
        return false;
    }
    for (size_t i = 0; i < data_files.count; i++) {
        run_files_add(out_data, arena, data_files.items[i]);
    }
    for (size_t i = 0; i < changelog_files.count; i++) {
        run_files_add(out_changelog, arena, changelog_files.items[i]);
    }
    return true;
}

bool sort_buffer_flush(struct sort_buffer *b, const struct sort_buffer_flush *flush,
                       struct arena *arena, struct run_files *out_data,
                       struct run_files *out_changelog, struct error *err)
{
    must(flush->changelog == NULL || (flush->changelog->equal_keys && out_changelog != NULL));
    if (!FAILPOINT("flush.before-sort")) {
        return error_os(err, "before sorting a run");
    }
    if (b->rows == 0) {
        return true;
    }
    size_t bytes;
    must(checked_mul(b->rows, sizeof(struct entry), &bytes));
    b->entries_bytes = round_up(bytes, OS_PAGE_BYTES);
    b->entries = pages_map(b->entries_bytes, MAP_POPULATE);
    entries_sort(b);

    struct run_writer *data = run_writer_new(flush->data);
    struct run_writer *changelog =
        flush->changelog == NULL ? NULL : run_writer_new(flush->changelog);
    bool ok = flush_files(b, flush, data, changelog, arena, out_data, out_changelog, err);
    run_writer_free(data);
    run_writer_free(changelog);

    pages_unmap(b->entries, b->entries_bytes);
    pages_unmap(b->spare, b->entries_bytes);
    b->entries = NULL;
    b->spare = NULL;
    if (ok) {
        sort_buffer_reset(b);
    }
    return ok;
}
