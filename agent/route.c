#include "agent/route.h"

#include <stdio.h>

#include "agent/partition_key.h"
#include "agent/resolve.h"
#include "base/log.h"
#include "sink/paths.h"
#include "sink/schema_file.h"

#define BUCKET_BYTES (UINT64_C(1) << 30)
#define BUCKET_MAX 16

void route_default_options(struct schema *s, uint64_t estimated_bytes,
                           uint64_t checkpoint_interval_ms)
{
    uint64_t buckets = 1 + estimated_bytes / BUCKET_BYTES;
    char text[32];
    /* Paimon's own trigger of 5 rewrites each row hundreds of times on a day of short commits; a
     * level more halves it. */
    const char *trigger =
        checkpoint_interval_ms <= 10000 ? "10" : (checkpoint_interval_ms <= 60000 ? "8" : "5");
    (void)snprintf(text, sizeof text, "%llu",
                   (unsigned long long)(buckets < BUCKET_MAX ? buckets : BUCKET_MAX));
    schema_set_option(s, STR("bucket"), str_of(text));
    schema_set_option(s, STR("file.format"), STR("avro"));
    schema_set_option(s, STR("num-sorted-run.compaction-trigger"), str_of(trigger));
}

/* Options of a new table: the defaults, overridden by the job's. */
static struct schema *wanted_options(const struct route_context *c,
                                     const struct source_table *source)
{
    struct schema *s = schema_new();
    route_default_options(s, source->estimated_bytes, c->checkpoint_interval_ms);
    for (size_t i = 0; i < c->properties->count; i++) {
        schema_set_option(s, c->properties->pairs[i].key, c->properties->pairs[i].value);
    }
    struct str columns;
    if (partition_key_find(c->partition_key, source->database, source->name, &columns)) {
        schema_set_option(s, STR(TABLE_PARTITION_OPTION), columns);
    }
    return s;
}

static bool table_exists(const struct route_context *c, const struct source_table *source,
                         bool *out, struct error *err)
{
    struct arena a = {0};
    uint64_t bytes;
    const char *path =
        paths_schema(&a, paths_table(&a, c->root, source->database, source->name), 0);
    bool ok = c->fs.ops->size(c->fs.self, path, &bytes, out, err);
    arena_release(&a);
    return ok;
}

/* Which failures to open set only the table aside. */
static bool parks(enum fail code)
{
    return code == FAIL_SCHEMA || code == FAIL_CORRUPT || code == FAIL_DIVERGED ||
           code == FAIL_LIMIT || code == FAIL_DENIED;
}

static void make_stub(const struct route_context *c, const struct checkpoint_table *known,
                      struct route *r, const struct error *why)
{
    r->table = table_stub(c->fs, c->root, r->source->database, r->source->name);
    table_park(r->table, why->code, why->text);
    if (known != NULL) {
        struct error ignored = {0};
        struct position *p = NULL;
        r->table->uuid = arena_cstr(&r->table->arena, known->uuid);
        r->table->last_own_snapshot = known->snapshot;
        table_set_backfill(r->table, &known->backfill);
        if (position_parse(known->position, &p, &ignored)) {
            table_set_position(r->table, p);
            position_free(p);
        }
    }
    atomic_store(&r->closed, true);
    LOG_ERROR("table-parked", "table=%s code=%s reason=%s", LOG_Q(r->table->label),
              error_name(why->code), LOG_Q(why->text));
}

static const struct checkpoint_table *find_known(const struct route_context *c,
                                                 const struct source_table *source)
{
    struct buf label = BUF_INIT(1024);
    buf_printf(&label, "%.*s.%.*s", STR_FMT(source->database), STR_FMT(source->name));
    const struct checkpoint_table *known =
        c->known == NULL ? NULL : checkpoint_find(c->known, buf_str(&label));
    buf_release(&label);
    return known;
}

static void settle(struct route *r, enum resolution resolution, const struct error *err)
{
    if (resolution == RESOLVE_PARK) {
        table_park(r->table, err->code, err->text);
        atomic_store(&r->closed, true);
        LOG_ERROR("table-parked", "table=%s code=%s reason=%s", LOG_Q(r->table->label),
                  error_name(err->code), LOG_Q(err->text));
        return;
    }
    r->fresh = resolution == RESOLVE_FRESH;
}

/* An existing table keeps its options: what the job asks for and does not get is said. */
static void say_other_options(const struct route_context *c, const struct route *r)
{
    for (size_t i = 0; i < c->properties->count; i++) {
        const struct option_pair *want = &c->properties->pairs[i];
        struct str have = schema_option(r->table->schema, want->key);
        if (have.ptr == NULL || !str_eq(have, want->value)) {
            LOG_WARN("table-option", "table=%s option=%s table_has=%s job_asks=%s",
                     LOG_Q(r->table->label), LOG_S(want->key), have.ptr == NULL ? "-" : LOG_S(have),
                     want->secret ? "******" : LOG_S(want->value));
        }
    }
}

bool route_open(const struct route_context *c, const struct source_table *source, struct route *out,
                struct error *err)
{
    const struct checkpoint_table *known = find_known(c, source);
    struct stamp stamp = {0};
    bool found = false;
    bool exists = false;
    out->source = source;
    if (!paths_check_name(source->database, "database", err) ||
        !paths_check_name(source->name, "table", err)) {
        err->code = FAIL_SCHEMA;
        make_stub(c, known, out, err);
        return true;
    }
    if (!table_exists(c, source, &exists, err)) {
        return false;
    }
    if (known != NULL && (known->state != TABLE_PARKED || known->again) && !exists) {
        error_set(err, FAIL_DIVERGED,
                  "the lake's table was dropped by somebody else. Start again to copy it anew");
        make_stub(c, known, out, err);
        return true;
    }
    struct schema *wanted = wanted_options(c, source);
    bool ok =
        table_open(c->fs, c->root, source->database, source->name, source->schema, wanted->options,
                   wanted->option_count, c->job, &out->table, &found, &stamp, err);
    schema_free(wanted);
    if (!ok) {
        if (!parks(err->code)) {
            return false;
        }
        make_stub(c, known, out, err);
        return true;
    }
    say_other_options(c, out);
    settle(out, resolve_table(out->table, found, &stamp, known, err), err);
    return true;
}

static int64_t max_sequence(const struct table *t)
{
    int64_t max = -1;
    for (size_t i = 0; i < t->buckets.count; i++) {
        int64_t here = t->buckets.items[i]->max_sequence;
        max = here > max ? here : max;
    }
    return max;
}

static bool number_rows(struct route *r, struct error *err)
{
    const struct table *t = r->table;
    bool copying = t->state == TABLE_COPYING;
    r->copy_sequence = t->backfill.base + t->backfill.attempt;
    return slot_set_new(t, copying ? t->backfill.base + STAMP_STREAM_START : 0, &r->slots, err);
}

static void begin_fresh(struct route *r, const struct position *now, bool copy_wanted)
{
    struct stamp_backfill backfill = {.state = copy_wanted ? STAMP_COPYING : STAMP_DONE,
                                      .base = max_sequence(r->table) + 1};
    if (r->table->had_rows) {
        LOG_WARN("table-not-empty", "table=%s text=%s", LOG_Q(r->table->label),
                 LOG_Q("it held rows before this job: rows that the source does not have stay"));
    }
    table_set_backfill(r->table, &backfill);
    table_set_position(r->table, now);
    r->table->state = copy_wanted ? TABLE_COPYING : TABLE_LIVE;
}

bool route_place(struct route *r, const struct position *now, bool copy_wanted,
                 const struct source_caps *caps, struct error *err)
{
    struct table *t = r->table;
    if (t->state == TABLE_PARKED) {
        return true;
    }
    if (r->fresh) {
        begin_fresh(r, now, copy_wanted);
    } else if (t->state == TABLE_COPYING) {
        struct stamp_backfill next = t->backfill;
        next.attempt++; /* a row read again wins over the one read before */
        table_set_backfill(t, &next);
    }
    r->copy = t->state == TABLE_COPYING;
    bool once = !merge_rule_is_idempotent(t->rule);
    r->shared = r->copy && (once || t->options.changelog == TABLE_CHANGELOG_INPUT);
    if (r->shared && !caps->shared_snapshot) {
        return error_set(
            err, FAIL_DENIED, "%s has %s, whose first copy needs one snapshot for all readers: %s",
            t->label, once ? "a merge-engine that counts each change" : "changelog-producer=input",
            caps->shared_why == NULL ? "this server cannot give one" : caps->shared_why);
    }
    if (t->backfill.attempt >= STAMP_STREAM_START) {
        return error_set(err, FAIL_LIMIT, "%s: its first copy was begun %lld times", t->label,
                         (long long)t->backfill.attempt);
    }
    return number_rows(r, err);
}

void route_close(struct route *r)
{
    slot_set_free(r->slots);
    table_free(r->table);
    position_free(r->resume);
    r->slots = NULL;
    r->table = NULL;
}
