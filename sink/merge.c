#include "sink/merge.h"

#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "sink/merge_rule.h"
#include "sink/run_key.h"

/* The files of one run, one after another; one is open at a time. */
struct stream {
    struct run_origin origin;
    struct data_file *const *files;
    size_t count;
    size_t at; /* the file that is open, or comes next */
    struct run_reader *reader;
};

/* One input and its head. */
struct leaf {
    struct merge_input input;
    const struct stream *stream; /* NULL: the input is no run */
    struct run_row row;
    uint64_t prefix;
    bool ended;   /* sorts behind everything */
    bool held;    /* its head belongs to the group being given out: sorts behind everything, too */
    bool older;   /* of a level below the output's: looked at only */
    bool repeats; /* a run of a pass that kept all records: a key may come again */
};

struct merge {
    struct merge_options options;
    struct leaf *leaves;
    size_t count;
    size_t *tree; /* tree[count + i] = i; tree[n] the earlier of tree[2n] and tree[2n + 1] */
    size_t *held; /* leaves whose heads were used up by the result given out last */
    size_t held_count;
    bool exact; /* prefixes are whole keys */
    uint64_t rows_read;
    struct run_key_copy last; /* key of the last group */
    uint64_t last_prefix;
    bool has_last;
    bool ordered;               /* the rule has sequence fields */
    bool raw;                   /* gives every record: a pass for what must be merged at once */
    struct merge_state *state;  /* NULL: the last record of a group stands for it */
    struct arena group;         /* heads of repeating inputs, while their group is merged */
    struct merge_change change; /* of the last group … */
    bool tracks;                /* what follows is kept */
    bool own;                   /* … some record of which is not of an older run */
    bool noted;                 /* its old state is in change.old … */
    int32_t old_level;          /* … of this level */

    /* temporary runs of extra passes */
    const struct schema *schema;
    struct arena arena;
    struct run_files temporary;
    struct fs fs;
    const char *folder;
};

static int compare_keys(const struct merge *m, const struct leaf *a, const struct leaf *b)
{
    if (a->prefix != b->prefix) {
        return a->prefix < b->prefix ? -1 : 1;
    }
    return m->exact ? 0 : run_key_compare(m->options.layout, a->row.key, b->row.key);
}

/* Record order (write-path §1.3): key, sequence fields and number, retracts before adds; then as
 * given. */
static bool leaf_before(const struct merge *m, size_t i, size_t k)
{
    const struct leaf *a = &m->leaves[i];
    const struct leaf *b = &m->leaves[k];
    bool a_out = a->ended || a->held;
    bool b_out = b->ended || b->held;
    if (a_out || b_out) {
        return !a_out || (b_out && i < k);
    }
    int c = compare_keys(m, a, b);
    if (c == 0 && m->ordered) {
        c = merge_rule_compare(m->options.rule, a->row.values, b->row.values);
    }
    if (c != 0) {
        return c < 0;
    }
    if (a->row.sequence != b->row.sequence) {
        return a->row.sequence < b->row.sequence;
    }
    bool a_add = row_kind_is_add((enum row_kind)a->row.kind);
    bool b_add = row_kind_is_add((enum row_kind)b->row.kind);
    return a_add == b_add ? i < k : b_add;
}

static void tree_play(struct merge *m, size_t node)
{
    size_t left = m->tree[node * 2];
    size_t right = m->tree[node * 2 + 1];
    m->tree[node] = leaf_before(m, left, right) ? left : right;
}

/* Plays leaf i, whose head changed, up to the top. */
static void tree_replay(struct merge *m, size_t i)
{
    for (size_t node = (i + m->count) / 2; node > 0; node /= 2) {
        tree_play(m, node);
    }
}

static size_t tree_winner(const struct merge *m)
{
    return m->tree[1]; /* with one input the top is its leaf */
}

static bool leaf_advance(struct merge *m, size_t i, struct error *err)
{
    struct leaf *leaf = &m->leaves[i];
    leaf->held = false;
    if (m->options.stop != NULL && m->rows_read % MERGE_STOP_ROWS == 0 &&
        stop_requested(m->options.stop)) {
        return error_set(err, FAIL_STOPPED, "merge stopped");
    }
    enum next next = leaf->input.next(leaf->input.self, &leaf->row, err);
    if (next == NEXT_FAIL) {
        return false;
    }
    leaf->ended = next == NEXT_END;
    if (!leaf->ended) {
        if (leaf->row.spoilt != NULL && m->ordered) { /* its place may be wrong */
            *err = *leaf->row.spoilt;
            return false;
        }
        leaf->prefix = run_key_prefix(m->options.layout, leaf->row.key);
        m->rows_read++;
    }
    return true;
}

static struct merge *merge_new(const struct merge_options *o)
{
    struct merge *m = MEM_NEW(struct merge);
    const size_t *order;
    m->options = *o;
    m->raw = o->every;
    m->tracks = o->old != MERGE_OLD_NONE || o->older_runs > 0;
    m->ordered = merge_rule_order(o->rule, &order) > 0;
    if (!merge_rule_takes_last(o->rule)) {
        m->state = merge_state_new(o->rule, o->old == MERGE_OLD_LOOKUP);
    }
    m->exact = run_key_prefix_is_exact(o->layout);
    return m;
}

/* Takes the inputs over. */
static bool merge_start(struct merge *m, const struct merge_input *inputs, size_t count,
                        struct error *err)
{
    m->leaves = MEM_ARRAY(struct leaf, count);
    m->tree = MEM_ARRAY(size_t, count * 2);
    m->held = MEM_ARRAY(size_t, count);
    m->count = count;
    for (size_t i = 0; i < count; i++) {
        m->leaves[i].input = inputs[i];
        m->tree[count + i] = i;
    }
    for (size_t i = 0; i < count; i++) {
        if (!leaf_advance(m, i, err)) {
            return false;
        }
    }
    for (size_t node = count; node-- > 1;) {
        tree_play(m, node);
    }
    return true;
}

bool merge_open(const struct merge_options *o, const struct merge_input *inputs, size_t count,
                struct merge **out, struct error *err)
{
    struct merge *m = merge_new(o);
    if (!merge_start(m, inputs, count, err)) {
        merge_close(m);
        return false;
    }
    *out = m;
    return true;
}

/* ---- what a result changes ---- */

/* Of the file that the head was read from. */
static int32_t leaf_level(const struct leaf *leaf)
{
    return leaf->stream == NULL ? 0 : leaf->stream->files[leaf->stream->at]->level;
}

static void change_begin(struct merge *m)
{
    if (m->tracks) {
        m->change = (struct merge_change){.has_old = false};
        m->own = false;
        m->noted = false;
    }
}

/* A record of the group; its row stays as it is until the result was used. */
static void change_note(struct merge *m, const struct leaf *leaf, const struct run_row *row)
{
    if (!m->tracks) {
        return;
    }
    int32_t level = leaf_level(leaf);
    bool better = m->options.old == MERGE_OLD_TOP
                      ? level == m->options.max_level
                      : level > 0 && (!m->noted || level < m->old_level);
    m->own = m->own || !leaf->older;
    m->change.records++;
    m->change.level0 = m->change.level0 || level == 0;
    if (better) {
        m->noted = true;
        m->old_level = level;
        m->change.old = *row;
    }
}

const struct merge_change *merge_change(const struct merge *m)
{
    return &m->change;
}

/* True when another input's head has the winner's key: then so has the winner of one of the
 * subtrees that the winner beat on its way up. */
static bool winner_has_equals(const struct merge *m)
{
    size_t winner = tree_winner(m);
    for (size_t node = winner + m->count; node > 1; node /= 2) {
        const struct leaf *other = &m->leaves[m->tree[node ^ 1]];
        if (!other->ended && !other->held && compare_keys(m, &m->leaves[winner], other) == 0) {
            return true;
        }
    }
    return false;
}

/* Takes all heads with the winner's key out of the tree, in record order, and gives the one that
 * stands for them. */
static void take_group(struct merge *m, struct run_row *out)
{
    size_t first = tree_winner(m);
    bool more = winner_has_equals(m);
    m->leaves[first].held = true;
    m->held[m->held_count++] = first;
    while (more) {
        tree_replay(m, m->held[m->held_count - 1]);
        size_t next = tree_winner(m);
        struct leaf *leaf = &m->leaves[next];
        more = !leaf->ended && !leaf->held && compare_keys(m, &m->leaves[first], leaf) == 0;
        if (more) {
            leaf->held = true;
            m->held[m->held_count++] = next;
        }
    }
    for (size_t i = 0; m->tracks && i < m->held_count; i++) {
        const struct leaf *leaf = &m->leaves[m->held[i]];
        change_note(m, leaf, &leaf->row);
    }
    *out = m->leaves[m->held[merge_rule_pick(m->held_count)]].row;
}

/* Gives the state the winner's head. One that repeats is copied, and read on at once. */
static bool take_record(struct merge *m, size_t i, struct leaf *first, struct error *err)
{
    struct leaf *leaf = &m->leaves[i];
    if (leaf->row.spoilt != NULL && !merge_rule_picks(m->options.rule)) {
        *err = *leaf->row.spoilt;
        return false;
    }
    if (!leaf->repeats) {
        leaf->held = true;
        m->held[m->held_count++] = i;
        change_note(m, leaf, &leaf->row);
        return merge_state_add(m->state, &leaf->row, leaf_level(leaf), err);
    }
    const struct data_file_layout *layout = m->options.layout;
    const struct schema *schema = m->schema;
    struct run_row own = leaf->row;
    own.key = row_copy(&m->group, layout->fields, layout->key_count, leaf->row.key);
    own.values = row_copy(&m->group, schema->fields, schema->field_count, leaf->row.values);
    if (first->row.key == leaf->row.key) {
        first->row.key = own.key;
    }
    change_note(m, leaf, &own);
    return merge_state_add(m->state, &own, leaf_level(leaf), err) && leaf_advance(m, i, err);
}

/* Merges all heads with the winner's key. NEXT_END: nothing is left of them. */
static enum next merge_group(struct merge *m, struct run_row *out, struct error *err)
{
    size_t winner = tree_winner(m);
    struct leaf first = m->leaves[winner];
    bool older = false;
    bool as_it_is = first.older || m->options.old != MERGE_OLD_LOOKUP;
    if (!first.repeats && as_it_is && !winner_has_equals(m)) {
        m->leaves[winner].held = true;
        m->held[m->held_count++] = winner;
        change_note(m, &first, &first.row);
        *out = first.row;
        return first.older ? NEXT_END : NEXT_ROW;
    }
    arena_reset(&m->group);
    merge_state_begin(m->state);
    for (bool more = true; more;) {
        winner = tree_winner(m);
        older = older || m->leaves[winner].older;
        if (!take_record(m, winner, &first, err)) {
            return NEXT_FAIL;
        }
        tree_replay(m, winner);
        const struct leaf *next = &m->leaves[tree_winner(m)];
        more = !next->ended && !next->held && compare_keys(m, &first, next) == 0;
    }
    enum next next = merge_state_result(m->state, out, err);
    bool hidden = m->tracks && (!m->own || (older && m->options.older_hides));
    return next == NEXT_ROW && hidden ? NEXT_END : next;
}

/* One record, whatever its key. */
static void take_raw(struct merge *m, struct run_row *out)
{
    size_t winner = tree_winner(m);
    m->leaves[winner].held = true;
    m->held[m->held_count++] = winner;
    *out = m->leaves[winner].row;
}

/* Reads on behind the group given out last. */
static bool advance_held(struct merge *m, struct error *err)
{
    for (size_t i = 0; i < m->held_count; i++) {
        if (!leaf_advance(m, m->held[i], err)) {
            return false;
        }
        tree_replay(m, m->held[i]);
    }
    m->held_count = 0;
    return true;
}

static bool check_order(struct merge *m, const struct leaf *leaf, struct error *err)
{
    if (m->has_last) {
        int order = m->last_prefix < leaf->prefix ? -1 : m->last_prefix > leaf->prefix;
        if (order == 0 && !m->exact) {
            order = run_key_compare(m->options.layout, m->last.values, leaf->row.key);
        }
        if (order > 0 || (order == 0 && !m->raw)) {
            return error_set(err, FAIL_CORRUPT,
                             "keys of a run do not ascend: one of the files merged is damaged or "
                             "was written by something that does not keep Paimon's key order");
        }
    }
    m->has_last = true;
    m->last_prefix = leaf->prefix;
    if (!m->exact) {
        run_key_copy_set(&m->last, m->options.layout, leaf->row.key);
    }
    return true;
}

/* Whether the group changes something though nothing of it is given out. */
static bool tell_dropped(struct merge *m, enum next next, struct run_row *out)
{
    struct merge_change *c = &m->change;
    if (m->options.old == MERGE_OLD_NONE || !m->own || !c->has_old ||
        (next == NEXT_END && m->options.older_hides)) {
        return false;
    }
    c->dropped = true;
    if (next == NEXT_END) {
        *out = c->old;
        out->kind = ROW_DELETE;
    }
    return true;
}

/* The next group, whatever it comes to. */
static enum next next_group(struct merge *m, struct run_row *out, struct error *err)
{
    change_begin(m);
    if (m->raw) {
        take_raw(m, out);
        return NEXT_ROW;
    }
    if (m->state == NULL) {
        take_group(m, out);
        return !m->tracks || m->own ? NEXT_ROW : NEXT_END;
    }
    return merge_group(m, out, err);
}

/* A value that could not be cast counts only where its row does. */
static bool check_spoilt(const struct merge *m, const struct run_row *row, struct error *err)
{
    const struct error *spoilt = row->spoilt;
    if (spoilt == NULL && m->options.old != MERGE_OLD_NONE && m->change.has_old) {
        spoilt = m->change.old.spoilt;
    }
    if (spoilt != NULL) {
        *err = *spoilt;
    }
    return spoilt == NULL;
}

enum next merge_next(struct merge *m, struct run_row *out, struct error *err)
{
    for (;;) {
        if (!advance_held(m, err)) {
            return NEXT_FAIL;
        }
        if (m->count == 0 || m->leaves[tree_winner(m)].ended) {
            return NEXT_END;
        }
        enum next next = NEXT_FAIL;
        if (!check_order(m, &m->leaves[tree_winner(m)], err) ||
            (next = next_group(m, out, err)) == NEXT_FAIL) {
            return NEXT_FAIL;
        }
        m->change.has_old = m->noted && row_kind_is_add((enum row_kind)m->change.old.kind);
        bool gone = next == NEXT_END ||
                    (m->options.drop_deletes && merge_rule_is_tombstone((enum row_kind)out->kind));
        if (!gone || tell_dropped(m, next, out)) {
            return check_spoilt(m, out, err) ? NEXT_ROW : NEXT_FAIL;
        }
    }
}

uint64_t merge_rows_read(const struct merge *m)
{
    return m->rows_read;
}

void merge_close(struct merge *m)
{
    if (m == NULL) {
        return;
    }
    for (size_t i = 0; i < m->count; i++) {
        m->leaves[i].input.close(m->leaves[i].input.self);
    }
    if (m->temporary.count > 0) {
        run_writer_remove(m->fs, m->folder, &m->temporary);
    }
    mem_free(m->leaves);
    mem_free(m->tree);
    mem_free(m->held);
    run_key_copy_release(&m->last);
    arena_release(&m->arena);
    arena_release(&m->group);
    merge_state_free(m->state);
    mem_free(m);
}

static enum next stream_next(void *self, struct run_row *out, struct error *err)
{
    struct stream *s = self;
    while (s->at < s->count) {
        if (s->reader == NULL) {
            if (!run_reader_open(&s->origin, s->files[s->at], &s->reader, err)) {
                s->reader = NULL;
                return NEXT_FAIL;
            }
            run_reader_defer(s->reader); /* a newer record may stand for one that cannot be cast */
        }
        enum next next = run_reader_next(s->reader, out, err);
        if (next != NEXT_END) {
            return next;
        }
        run_reader_close(s->reader);
        s->reader = NULL;
        s->at++;
    }
    return NEXT_END;
}

static void stream_close(void *self)
{
    struct stream *s = self;
    run_reader_close(s->reader);
    mem_free(s);
}

static struct merge_input stream_open(const struct run_origin *origin,
                                      const struct interval_run *run)
{
    struct stream *s = MEM_NEW(struct stream);
    s->origin = *origin;
    s->files = run->files;
    s->count = run->count;
    return (struct merge_input){stream_next, stream_close, s};
}

/* The temporary runs so far are the holder's, which may be another merge than m. */
static bool is_temporary(const struct merge *holder, const struct interval_run *run)
{
    for (size_t i = 0; i < holder->temporary.count; i++) {
        if (run->files[0] == holder->temporary.items[i]) {
            return true;
        }
    }
    return false;
}

static bool start_runs(struct merge *m, const struct merge *holder, const struct run_origin *origin,
                       const struct interval_run *runs, size_t count, struct error *err)
{
    struct merge_input *inputs = MEM_ARRAY(struct merge_input, count);
    m->schema = origin->schema;
    for (size_t i = 0; i < count; i++) {
        inputs[i] = stream_open(origin, &runs[i]);
    }
    bool ok = merge_start(m, inputs, count, err);
    for (size_t i = 0; i < count; i++) {
        m->leaves[i].stream = inputs[i].self;
        m->leaves[i].repeats = !merge_rule_picks(m->options.rule) && is_temporary(holder, &runs[i]);
    }
    mem_free(inputs);
    return ok;
}

static bool write_all(struct merge *from, struct run_writer *writer, struct error *err)
{
    for (;;) {
        struct run_row row;
        enum next next = merge_next(from, &row, err);
        if (next != NEXT_ROW) {
            return next == NEXT_END;
        }
        if (!run_writer_add(writer, &row, err)) {
            return false;
        }
    }
}

/* Merges runs into a temporary one, deletes kept (target->equal_keys: all records are). Its files
 * are m's to remove. */
static bool merge_pass(struct merge *m, const struct run_origin *origin,
                       const struct interval_run *runs, size_t count,
                       const struct run_target *target, struct interval_run *out, struct error *err)
{
    bool ok = false;
    struct run_files made = {0};
    struct merge_options options = m->options;
    options.drop_deletes = false; /* older runs of a key may be in a later pass */
    struct merge *pass = merge_new(&options);
    pass->raw = pass->raw || target->equal_keys;
    struct run_writer *writer = run_writer_new(target);
    if (!start_runs(pass, m, origin, runs, count, err) || !write_all(pass, writer, err) ||
        !run_writer_finish(writer, &m->arena, &made, err)) {
        goto out;
    }
    *out = (struct interval_run){.files = made.items, .count = made.count};
    for (size_t i = 0; i < made.count; i++) {
        run_files_add(&m->temporary, &m->arena, made.items[i]);
        out->size_bytes += (uint64_t)made.items[i]->size_bytes;
    }
    m->rows_read += pass->rows_read;
    ok = true;
out:
    run_writer_free(writer);
    merge_close(pass);
    return ok;
}

/* Smallest first; few enough for insertion. */
static void sort_by_size(struct interval_run *runs, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct interval_run run = runs[i];
        size_t at = i;
        for (; at > 0 && runs[at - 1].size_bytes > run.size_bytes; at--) {
            runs[at] = runs[at - 1];
        }
        runs[at] = run;
    }
}

/* Brings the runs down to fan_in by passes over the smallest. A record that was
 * picked keeps its place in the order, so the order of passes does not matter; where records are
 * merged into new ones, passes only sort. */
static bool merge_passes(struct merge *m, const struct run_origin *origin,
                         struct interval_run *runs, size_t *count, const struct run_target *target,
                         size_t fan_in, struct error *err)
{
    while (*count > fan_in) {
        size_t excess = *count - fan_in + 1;
        size_t take = excess < fan_in ? excess : fan_in;
        sort_by_size(runs, *count);
        struct interval_run merged;
        if (!merge_pass(m, origin, runs, take, target, &merged, err)) {
            return false;
        }
        runs[0] = merged;
        memmove(&runs[1], &runs[take], (*count - take) * sizeof(*runs));
        *count -= take - 1;
    }
    return true;
}

bool merge_open_runs(const struct merge_options *o, const struct run_origin *origin,
                     const struct interval_section *section, const struct run_target *temporary,
                     size_t fan_in, struct merge **out, struct error *err)
{
    size_t older = o->older_runs;
    size_t count = section->count - older;
    size_t limit = fan_in == 0 ? MERGE_FAN_IN : fan_in;
    must(limit >= 2 && older <= section->count &&
         (older == 0 || merge_rule_picks(o->rule) || merge_rule_needs_levels(o->rule)));
    limit = limit > older + 2 ? limit - older : 2;
    struct merge *m = merge_new(o);
    m->fs = origin->fs;
    m->folder = origin->folder;
    struct interval_run *runs = ARENA_ARRAY(&m->arena, struct interval_run, section->count);
    if (count > 0) {
        memcpy(runs, section->runs, count * sizeof(*runs));
    }
    /* Temporary runs do not know the levels of their records. */
    bool at_once = merge_rule_needs_levels(o->rule) || o->old != MERGE_OLD_NONE;
    if (temporary != NULL && !at_once) {
        struct run_target target = *temporary;
        target.level = 0;
        target.equal_keys = !merge_rule_picks(o->rule);
        target.stats_mode = COL_STATS_NONE;
        if (!merge_passes(m, origin, runs, &count, &target, limit, err)) {
            merge_close(m);
            return false;
        }
    }
    for (size_t i = 0; i < older; i++) {
        runs[count + i] = section->runs[section->count - older + i];
    }
    if (!start_runs(m, m, origin, runs, count + older, err)) {
        merge_close(m);
        return false;
    }
    for (size_t i = 0; i < older; i++) {
        m->leaves[count + i].older = true;
    }
    *out = m;
    return true;
}
