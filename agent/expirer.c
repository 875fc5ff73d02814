#include "agent/expirer.h"

#include <stdio.h>
#include <string.h>

#include "base/instant.h"
#include "base/log.h"
#include "base/mem.h"

#define EVERY_MS 10000u
#define AFTER_FAILURE_MS 60000u
#define WARN_EVERY_MS 600000u

struct expiry {
    struct pipeline *p;
    uint32_t route;
    struct fs fs;
    const char *path; /* the table's, borrowed: tables outlive the workers */
    const struct partition_layout *partition;
    struct expire_options options;
    struct expire_result result;
    bool ok;
    struct error error;
};

uint32_t expirer_route(const struct expiry *run)
{
    return run->route;
}

void expirer_discard(struct expiry *run)
{
    mem_free(run);
}

/* On a worker. */
static void run(void *arg)
{
    struct expiry *x = arg;
    x->ok = expire_run(x->fs, x->path, &x->options, x->partition, instant_wall_ms(), x->p->stop,
                       &x->result, &x->error);
    pipeline_send(x->p, (struct event){.kind = EVENT_EXPIRED, .route = x->route, .expiry = x});
}

static void learn(struct expirer *e, const struct table *t)
{
    struct error err = {0};
    e->known = true;
    e->on = !t->options.write_only;
    if (e->on && !expire_options_parse(t->schema, &e->options, &err)) {
        e->on = false;
        LOG_WARN("expire", "table=%s reason=%s", LOG_Q(t->label), LOG_Q(err.text));
    }
}

static bool is_due(const struct expirer *e, const struct table *t, uint64_t now_ms)
{
    const struct expire_retention *r = &e->options.snapshot;
    int64_t count = t->base.id - e->earliest + 1;
    if (!e->on || e->running || now_ms < e->next_ms || t->base.id == 0) {
        return false;
    }
    if (e->earliest == 0 || e->more) {
        return true;
    }
    return count > r->min &&
           (count > r->max || instant_wall_ms() - e->earliest_ms > (int64_t)r->time_ms);
}

void expirer_consider(struct expirer *e, struct pin *pin, struct pipeline *p, uint32_t route)
{
    const struct table *t = p->routes[route].table;
    if (!e->known) {
        learn(e, t);
    }
    if (!is_due(e, t, instant_mono_ms())) {
        return;
    }
    /* Our own pin must not hold what this run may remove. */
    pin_move(pin, t, p->owner->job, true);
    struct expiry *x = MEM_NEW(struct expiry);
    *x = (struct expiry){.p = p,
                         .route = route,
                         .fs = t->fs,
                         .path = t->path,
                         .partition = &t->partition,
                         .options = e->options};
    e->running = true;
    workers_add(p->workers, run, x);
}

static void say_holder(struct expirer *e, const struct pipeline *p, const struct table *t,
                       const char *holder)
{
    uint64_t now = instant_mono_ms();
    char ours[sizeof((struct expire_result *)0)->holder];
    (void)snprintf(ours, sizeof ours, "inlet-%.*s", STR_FMT(p->owner->job));
    if (holder[0] == '\0' || strcmp(holder, ours) == 0 ||
        (e->warned_ms != 0 && now - e->warned_ms < WARN_EVERY_MS)) {
        return;
    }
    e->warned_ms = now;
    LOG_WARN("expire-held", "table=%s consumer=%s earliest=%lld text=%s", LOG_Q(t->label),
             LOG_Q(holder), (long long)e->earliest,
             LOG_Q("a consumer that has not read on keeps old snapshots: let it go on, or remove "
                   "its file (consumer/consumer-<id>)"));
}

void expirer_finish(struct expirer *e, const struct pipeline *p, struct expiry *x)
{
    const struct table *t = p->routes[x->route].table;
    const struct expire_result *r = &x->result;
    e->running = false;
    e->next_ms = instant_mono_ms() + (x->ok ? EVERY_MS : AFTER_FAILURE_MS);
    if (x->ok) {
        e->earliest = r->earliest;
        e->earliest_ms = r->earliest_ms;
        e->more = r->more;
        e->next_ms = e->more ? 0 : e->next_ms;
        say_holder(e, p, t, r->holder);
    }
    if (r->snapshots + r->changelogs > 0) {
        LOG_INFO("expire", "table=%s snapshots=%lld changelogs=%lld files=%llu earliest=%lld",
                 LOG_Q(t->label), (long long)r->snapshots, (long long)r->changelogs,
                 (unsigned long long)r->files, (long long)r->earliest);
    }
    if (!x->ok && x->error.code != FAIL_STOPPED) {
        LOG_WARN("expire", "table=%s reason=%s", LOG_Q(t->label), LOG_Q(x->error.text));
    }
    expirer_discard(x);
}
