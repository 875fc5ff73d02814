#include "agent/property.h"

#include <stdio.h>

#include "agent/route.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/schema.h"
#include "sink/schema_file.h"
#include "sink/table.h"
#include "sink/table_option.h"

static bool fail_at(const struct jobspec *job, const struct option_pair *p, const char *what,
                    struct error *err)
{
    const struct tree_node place = {.line = p->line, .column = p->column};
    return option_fail(tree_name(job->tree), &place, err, "\"sink.table.properties.%.*s\": %s",
                       STR_FMT(str_slice(p->key, 0, 100)), what);
}

/* A table with one INT key, the defaults and the first `count` properties. */
static bool try_properties(const struct jobspec *job, size_t count, struct error *err)
{
    struct schema *s = schema_new();
    struct table_options parsed;
    s->fields = ARENA_ARRAY(&s->arena, struct schema_field, 1);
    s->fields[0] = (struct schema_field){.name = STR("id"), .type = {.kind = TYPE_INT}};
    s->field_count = 1;
    s->primary_key = ARENA_ARRAY(&s->arena, size_t, 1);
    s->primary_key_count = 1;
    route_default_options(s, 0, job->pipeline.checkpoint_interval_ms);
    for (size_t i = 0; i < count; i++) {
        const struct option_pair *p = &job->sink.table_properties.pairs[i];
        schema_set_option(s, p->key, p->value);
    }
    bool ok = schema_file_check_writable(s, err) && table_parse_options(s, &parsed, err);
    schema_free(s);
    return ok;
}

/* The property whose addition makes the table impossible is the one to blame. */
static bool check_values(const struct jobspec *job, struct error *err)
{
    const struct option_map *map = &job->sink.table_properties;
    struct error why = {0};
    size_t n = 0;
    if (try_properties(job, map->count, &why)) {
        return true;
    }
    do {
        n++;
    } while (n < map->count && try_properties(job, n, &why));
    if (n == map->count) {
        (void)!try_properties(job, n, &why);
    }
    must(n > 0 && n <= map->count); /* the defaults alone make a table */
    const struct option_pair *p = &map->pairs[n - 1];
    return fail_at(
        job, p,
        p->secret ? "not supported; its value came through ${…} and is not shown" : why.text, err);
}

static bool check_name(const struct jobspec *job, const struct option_pair *p, struct error *err)
{
    struct table_option o;
    char what[300];
    if (!table_option_find(p->key, &o)) {
        const char *near = table_option_near(p->key);
        if (near != NULL) {
            (void)snprintf(what, sizeof what, "Paimon has no such option: did you mean \"%s\"?",
                           near);
            return fail_at(job, p, what, err);
        }
        LOG_WARN("table-option-unknown", "option=%s line=%u reason=%s", LOG_S(p->key), p->line,
                 LOG_Q("Paimon has no such option: it is kept in the tables and changes nothing "
                       "here"));
        return true;
    }
    if (o.stance == TABLE_OPTION_OWN) {
        (void)snprintf(what, sizeof what, "a job cannot set it: %s", o.note);
        return fail_at(job, p, what, err);
    }
    if (o.stance == TABLE_OPTION_IGNORED) {
        LOG_WARN("table-option-ignored", "option=%s line=%u reason=%s", LOG_S(p->key), p->line,
                 LOG_Q(o.note));
    }
    return true;
}

bool property_check(const struct jobspec *job, struct error *err)
{
    for (size_t i = 0; i < job->sink.table_properties.count; i++) {
        if (!check_name(job, &job->sink.table_properties.pairs[i], err)) {
            return false;
        }
    }
    return check_values(job, err);
}
