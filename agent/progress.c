#include "agent/progress.h"

#include <stdio.h>

#include "base/instant.h"
#include "base/log.h"
#include "base/mem.h"

#define DRAW_EVERY_MS 1000u
#define LINES_MAX 20

struct progress {
    bool terminal;
    unsigned drawn; /* lines on the terminal now */
    uint64_t drawn_ms;
    uint64_t last_ms;
    uint64_t last_rows; /* of all tables at last_ms */
    double rate;
};

struct progress *progress_new(bool terminal)
{
    struct progress *g = MEM_NEW(struct progress);
    g->terminal = terminal;
    return g;
}

void progress_free(struct progress *g)
{
    mem_free(g);
}

void progress_pause(struct progress *g)
{
    if (g->drawn > 0) {
        (void)fprintf(stderr, "\033[%uA\033[J", g->drawn);
        (void)fflush(stderr);
        g->drawn = 0;
    }
}

static uint64_t rows_of(const struct route *r)
{
    return atomic_load(&r->copied) + atomic_load(&r->streamed);
}

static const char *phase_of(const struct route *r)
{
    switch (r->table->state) {
    case TABLE_COPYING:
        return "copying";
    case TABLE_LIVE:
        return "streaming";
    case TABLE_PARKED:
        return "set aside";
    }
    return "";
}

static void draw_table(const struct route *r, double rate)
{
    uint64_t copied = atomic_load(&r->copied);
    uint64_t all = r->source->estimated_rows;
    char eta[40] = "";
    if (r->table->state == TABLE_COPYING && rate > 1 && all > copied) {
        (void)snprintf(eta, sizeof eta, "  ETA %.0f s", (double)(all - copied) / rate);
    }
    (void)fprintf(stderr, "  %-40s %-10s copied %llu", r->table->label, phase_of(r),
                  (unsigned long long)copied);
    if (r->table->state == TABLE_COPYING) {
        (void)fprintf(stderr, " of about %llu", (unsigned long long)all);
    }
    (void)fprintf(stderr, "  changes %llu  snapshots %lld%s\n",
                  (unsigned long long)atomic_load(&r->streamed), (long long)r->table->snapshots,
                  eta);
}

static void draw(struct progress *g, const struct pipeline *p)
{
    unsigned lines = 1;
    progress_pause(g);
    (void)fprintf(stderr, "inlet: %.0f rows/s, %zu tables\n", g->rate, p->route_count);
    for (size_t i = 0; i < p->route_count && lines <= LINES_MAX; i++) {
        if (p->routes[i].table != NULL) {
            draw_table(&p->routes[i], g->rate);
            lines++;
        }
    }
    (void)fflush(stderr);
    g->drawn = lines;
}

void progress_tick(struct progress *g, const struct pipeline *p)
{
    uint64_t now = instant_mono_ms();
    uint64_t rows = 0;
    if (!g->terminal || now - g->drawn_ms < DRAW_EVERY_MS) {
        return;
    }
    for (size_t i = 0; i < p->route_count; i++) {
        rows += rows_of(&p->routes[i]);
    }
    if (g->last_ms != 0 && rows >= g->last_rows) {
        g->rate = (double)(rows - g->last_rows) * 1000.0 / (double)(now - g->last_ms);
    }
    g->last_ms = now;
    g->last_rows = rows;
    g->drawn_ms = now;
    draw(g, p);
}

void progress_commit(struct progress *g, const struct table *t, int64_t mark, uint64_t rows,
                     size_t files, uint64_t took_ms)
{
    if (g->terminal) {
        return;
    }
    LOG_INFO("commit", "table=%s snapshot=%lld mark=%lld rows=%llu files=%zu state=%s took_ms=%llu",
             LOG_Q(t->label), (long long)t->base.id, (long long)mark, (unsigned long long)rows,
             files, t->state == TABLE_COPYING ? "copying" : "live", (unsigned long long)took_ms);
}

void progress_report(const struct pipeline *p, uint64_t started_ms)
{
    uint64_t took_ms = instant_mono_ms() - started_ms;
    uint64_t rows = 0;
    for (size_t i = 0; i < p->route_count; i++) {
        const struct route *r = &p->routes[i];
        const struct table *t = r->table;
        if (t == NULL) {
            continue;
        }
        rows += rows_of(r);
        uint64_t flushed = t->written_bytes == 0 ? 1 : t->written_bytes;
        LOG_INFO("report",
                 "table=%s state=%s copied=%llu changes=%llu snapshots=%lld snapshot=%lld "
                 "written_bytes=%llu write_amplification=%.2f%s%s",
                 LOG_Q(t->label), phase_of(r), (unsigned long long)atomic_load(&r->copied),
                 (unsigned long long)atomic_load(&r->streamed), (long long)t->snapshots,
                 (long long)t->base.id, (unsigned long long)t->written_bytes,
                 t->written_bytes == 0
                     ? 0.0
                     : (double)(t->written_bytes + t->compacted_bytes) / (double)flushed,
                 t->state == TABLE_PARKED ? " reason=" : "",
                 t->state == TABLE_PARKED ? LOG_Q(t->park_reason) : "");
    }
    LOG_INFO("done", "rows=%llu took_ms=%llu cpu_ms=%llu", (unsigned long long)rows,
             (unsigned long long)took_ms, (unsigned long long)(instant_cpu_ns() / 1000000));
}
