#include "agent/pin.h"

#include <stdio.h>

#include "base/instant.h"
#include "base/log.h"
#include "sink/paths.h"

#define MOVE_EVERY_MS 120000u

static const char *path_of(const struct table *t, struct str job, struct arena *a)
{
    struct buf id = BUF_INIT(300);
    buf_printf(&id, "inlet-%.*s", STR_FMT(job));
    const char *path = paths_consumer(a, t->path, buf_str(&id));
    buf_release(&id);
    return path;
}

void pin_move(struct pin *p, const struct table *t, struct str job)
{
    uint64_t now = instant_mono_ms();
    struct arena a = {0};
    struct error err = {0};
    char text[64];
    if (p->snapshot != 0 && now - p->moved_ms < MOVE_EVERY_MS) {
        return;
    }
    (void)snprintf(text, sizeof text, "{\"nextSnapshot\" : %lld}", (long long)t->last_own_snapshot);
    if (t->fs.ops->replace(t->fs.self, path_of(t, job, &a), str_of(text), &err)) {
        p->snapshot = t->last_own_snapshot;
        p->moved_ms = now;
    } else {
        LOG_WARN("pin", "table=%s reason=%s", LOG_Q(t->label), LOG_Q(err.text));
    }
    arena_release(&a);
}

void pin_remove(const struct table *t, struct str job)
{
    struct arena a = {0};
    struct error ignored = {0};
    (void)t->fs.ops->remove(t->fs.self, path_of(t, job, &a), &ignored);
    arena_release(&a);
}
