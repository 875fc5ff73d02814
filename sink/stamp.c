#include "sink/stamp.h"

#include "base/json.h"

#define STAMP_VERSION 1
#define STAMP_MAX_BYTES (16u << 20)

static const char *const state_names[] = {[STAMP_COPYING] = "copying", [STAMP_DONE] = "done"};

void stamp_print_backfill(const struct stamp_backfill *b, struct buf *out)
{
    buf_printf(out, "{\"state\":\"%s\",\"base\":%lld,\"attempt\":%lld", state_names[b->state],
               (long long)b->base, (long long)b->attempt);
    if (b->through.len > 0) {
        buf_put_cstr(out, ",\"through\":");
        buf_put_json(out, b->through);
    }
    buf_put_byte(out, '}');
}

bool stamp_read_backfill(const struct json *n, struct arena *arena, struct stamp_backfill *out,
                         struct error *err)
{
    struct stamp_backfill b = {0};
    struct str state;
    struct str through = {0};

    if (!json_need_str(n, "state", &state, err) || !json_need_i64(n, "base", &b.base, err) ||
        !json_need_i64(n, "attempt", &b.attempt, err)) {
        return error_in(err, "backfill");
    }
    if (str_eq(state, STR("copying"))) {
        b.state = STAMP_COPYING;
    } else if (str_eq(state, STR("done"))) {
        b.state = STAMP_DONE;
    } else {
        return error_set(err, FAIL_CORRUPT, "backfill: state \"%.*s\" is neither copying nor done",
                         STR_FMT(state));
    }
    if (json_str(json_get(n, "through"), &through)) {
        b.through = arena_str(arena, through);
    }
    *out = b;
    return true;
}

static bool parse_backfill(struct str text, struct arena *arena, struct stamp_backfill *out,
                           struct error *err)
{
    struct json_doc *doc = NULL;
    bool ok = json_parse(text, &doc, err) && stamp_read_backfill(json_root(doc), arena, out, err);
    json_free(doc);
    return ok || error_in(err, "inlet.backfill");
}

static void put_property(struct snapshot *into, const char *key, struct str value)
{
    into->properties[into->property_count++] =
        (struct snapshot_property){.key = str_of(key), .value = value};
}

static struct str text_of(struct arena *arena, struct buf *b)
{
    struct str copy = arena_str(arena, buf_str(b));
    buf_reset(b);
    return copy;
}

void stamp_print(const struct stamp *s, struct arena *arena, struct snapshot *into)
{
    struct buf b = BUF_INIT(STAMP_MAX_BYTES);
    into->properties = ARENA_ARRAY(arena, struct snapshot_property, 6);
    into->property_count = 0;
    buf_printf(&b, "%d", STAMP_VERSION);
    put_property(into, "inlet.version", text_of(arena, &b));
    put_property(into, "inlet.job", s->job);
    buf_printf(&b, "%lld", (long long)s->epoch);
    put_property(into, "inlet.epoch", text_of(arena, &b));
    put_property(into, "inlet.table", s->table_uuid);
    put_property(into, "inlet.position", s->position);
    stamp_print_backfill(&s->backfill, &b);
    put_property(into, "inlet.backfill", text_of(arena, &b));
    must(!b.failed);
    buf_release(&b);
}

bool stamp_parse(const struct snapshot *s, struct arena *arena, struct stamp *out, bool *out_found,
                 struct error *err)
{
    struct str version = snapshot_property_get(s, STR("inlet.version"));
    struct str backfill = snapshot_property_get(s, STR("inlet.backfill"));
    struct str epoch = snapshot_property_get(s, STR("inlet.epoch"));
    struct stamp t = {.job = snapshot_property_get(s, STR("inlet.job")),
                      .table_uuid = snapshot_property_get(s, STR("inlet.table")),
                      .position = snapshot_property_get(s, STR("inlet.position"))};
    int64_t number;

    if (version.ptr == NULL) {
        *out_found = false;
        return true;
    }
    if (!str_to_i64(version, &number) || number < 1) {
        return error_set(err, FAIL_CORRUPT, "snapshot-%lld: inlet.version \"%.*s\" is no version",
                         (long long)s->id, STR_FMT(version));
    }
    if (number > STAMP_VERSION) {
        return error_set(err, FAIL_SCHEMA,
                         "snapshot-%lld was written by a newer inlet (inlet.version %lld, this one "
                         "knows %d): run the newer program",
                         (long long)s->id, (long long)number, STAMP_VERSION);
    }
    if (t.job.ptr == NULL || t.position.ptr == NULL || t.table_uuid.ptr == NULL ||
        !str_to_i64(epoch, &t.epoch) || backfill.ptr == NULL) {
        return error_set(
            err, FAIL_CORRUPT,
            "snapshot-%lld: some of inlet.job, inlet.epoch, inlet.table, inlet.position "
            "and inlet.backfill are missing or damaged",
            (long long)s->id);
    }
    if (!parse_backfill(backfill, arena, &t.backfill, err)) {
        return error_in(err, "snapshot-%lld", (long long)s->id);
    }
    *out = t;
    *out_found = true;
    return true;
}
