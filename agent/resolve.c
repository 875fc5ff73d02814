#include "agent/resolve.h"

#include "base/log.h"

static enum resolution park(struct error *err, enum fail code, const char *text)
{
    error_set(err, code, "%s", text);
    return RESOLVE_PARK;
}

/* Takes position and backfill from the checkpoint. */
static bool take_known(struct table *t, const struct checkpoint_table *known, struct error *err)
{
    struct position *p = NULL;
    if (!position_parse(known->position, &p, err)) {
        return false;
    }
    table_set_position(t, p);
    position_free(p);
    table_set_backfill(t, &known->backfill);
    return true;
}

static enum resolution resume(struct table *t)
{
    t->state = t->backfill.state == STAMP_DONE ? TABLE_LIVE : TABLE_COPYING;
    return RESOLVE_RESUME;
}

static enum resolution resume_known(struct table *t, const struct checkpoint_table *known,
                                    struct error *err)
{
    return take_known(t, known, err) ? resume(t) : RESOLVE_PARK;
}

/* Set aside before: stays so, unless the user took the lake's table away to have it made again. */
static enum resolution stay_parked(struct table *t, const struct checkpoint_table *known,
                                   struct error *err)
{
    bool made_again = t->base.id == 0 && !str_eq(str_of(t->uuid), known->uuid);
    if (made_again) {
        LOG_WARN("table-again", "table=%s reason=%s", LOG_Q(t->label), LOG_S(known->reason));
        return RESOLVE_FRESH;
    }
    if (!take_known(t, known, err)) {
        return RESOLVE_PARK;
    }
    error_set(err, known->code, "%.*s", STR_FMT(known->reason));
    return RESOLVE_PARK;
}

/* Our snapshots are all expired: only a reader without exactly-once needs can go on from the
 * checkpoint. */
static enum resolution resume_after_expiry(struct table *t, const struct checkpoint_table *known,
                                           struct error *err)
{
    if (t->options.changelog == TABLE_CHANGELOG_INPUT) {
        return park(err, FAIL_DIVERGED,
                    "every snapshot of this job has expired: whether changes after the checkpoint "
                    "are already in the changelog is not "
                    "known. Drop the lake's table and start again to copy it anew");
    }
    LOG_WARN("stamp-expired", "table=%s snapshot=%lld", LOG_Q(t->label),
             (long long)known->snapshot);
    return resume_known(t, known, err);
}

enum resolution resolve_table(struct table *t, bool found, const struct stamp *stamp,
                              const struct checkpoint_table *known, struct error *err)
{
    if (known == NULL) {
        return found ? resume(t) : RESOLVE_FRESH;
    }
    if (known->state == TABLE_PARKED && !known->again) {
        return stay_parked(t, known, err);
    }
    if (!str_eq(str_of(t->uuid), known->uuid) ||
        (found && !str_eq(stamp->table_uuid, known->uuid))) {
        return park(err, FAIL_DIVERGED,
                    "the table was dropped and made again by somebody else. Drop it once more and "
                    "start again to copy it anew");
    }
    if (t->base.id < known->snapshot || (found && t->last_own_snapshot < known->snapshot)) {
        error_set(err, FAIL_DIVERGED,
                  "the table was rolled back: this job's snapshot-%lld is gone. Drop the lake's "
                  "table and start again to copy it anew",
                  (long long)known->snapshot);
        return RESOLVE_PARK;
    }
    if (!found && known->snapshot > 0) {
        return resume_after_expiry(t, known, err);
    }
    if (!found || t->last_own_snapshot == known->snapshot) {
        return resume_known(t, known, err);
    }
    return resume(t);
}
