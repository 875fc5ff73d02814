#include "agent/pin.h"

#include "base/instant.h"
#include "base/log.h"
#include "sink/consumer.h"

#define MOVE_EVERY_MS 120000u

static struct str id_of(struct str job, struct buf *out)
{
    buf_printf(out, "inlet-%.*s", STR_FMT(job));
    return buf_str(out);
}

void pin_move(struct pin *p, const struct table *t, struct str job, bool now)
{
    uint64_t now_ms = instant_mono_ms();
    struct buf id = BUF_INIT(300);
    struct error err = {0};
    if (t->last_own_snapshot == 0 || p->snapshot == t->last_own_snapshot ||
        (!now && p->snapshot != 0 && now_ms - p->moved_ms < MOVE_EVERY_MS)) {
        return;
    }
    if (consumer_write(t->fs, t->path, id_of(job, &id), t->last_own_snapshot, &err)) {
        p->snapshot = t->last_own_snapshot;
        p->moved_ms = now_ms;
    } else {
        LOG_WARN("pin", "table=%s reason=%s", LOG_Q(t->label), LOG_Q(err.text));
    }
    buf_release(&id);
}

void pin_remove(const struct table *t, struct str job)
{
    struct buf id = BUF_INIT(300);
    struct error ignored = {0};
    (void)!consumer_remove(t->fs, t->path, id_of(job, &id), &ignored);
    buf_release(&id);
}
