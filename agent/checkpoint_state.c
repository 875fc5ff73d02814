#include "agent/checkpoint_state.h"

#include "base/buf.h"

static struct str position_text(struct arena *a, const struct position *p)
{
    struct buf b = BUF_INIT(64u << 20);
    position_print(p, &b);
    struct str text = arena_str(a, buf_str(&b));
    buf_release(&b);
    return text;
}

/* The low position of the job: what every table that is not set aside contains. */
static struct position *low_position(const struct pipeline *p)
{
    struct position *low = NULL;
    for (size_t i = 0; i < p->route_count; i++) {
        const struct route *r = &p->routes[i];
        if (route_is_parked(r) || (r->shared && r->table->state == TABLE_COPYING)) {
            continue; /* one waits for nobody, the other has no position yet */
        }
        struct position *next =
            low == NULL ? position_dup(r->table->position) : position_meet(low, r->table->position);
        position_free(low);
        low = next;
    }
    return low == NULL ? position_new() : low;
}

void checkpoint_state_fill(const struct pipeline *p, struct arena *arena, struct checkpoint *out)
{
    struct position *low = low_position(p);
    out->position = position_text(arena, low);
    out->tables = ARENA_ARRAY(arena, struct checkpoint_table, p->route_count);
    for (size_t i = 0; i < p->route_count; i++) {
        const struct table *t = p->routes[i].table;
        if (t == NULL) {
            continue;
        }
        bool parked = t->state == TABLE_PARKED;
        out->tables[out->table_count++] = (struct checkpoint_table){
            .label = str_of(t->label),
            .uuid = str_of(t->uuid),
            .snapshot = t->last_own_snapshot,
            .state = t->state,
            .again = parked && (t->park_code == FAIL_DENIED || t->park_code == FAIL_CORRUPT ||
                                t->park_code == FAIL_LIMIT),
            .code = parked ? t->park_code : FAIL_NONE,
            .reason = parked ? str_of(t->park_reason) : (struct str){0},
            .position = position_equal(t->position, low) ? out->position
                                                         : position_text(arena, t->position),
            .backfill = t->backfill};
    }
    position_free(low);
}
