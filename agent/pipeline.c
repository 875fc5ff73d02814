#include "agent/pipeline.h"

#include "base/mem.h"
#include "sink/bucket_compact.h"

void pipeline_send(struct pipeline *p, struct event e)
{
    struct event *copy = MEM_NEW(struct event);
    *copy = e;
    /* Events are few and small; a bounded push could deadlock with a committer that waits for a
     * lane. */
    must(queue_push_now(p->events, copy, sizeof *copy) == QUEUE_OK);
}

void pipeline_fail(struct pipeline *p, const struct error *err)
{
    pipeline_send(p, (struct event){.kind = EVENT_FAILED, .error = *err});
}

void pipeline_park(struct pipeline *p, uint32_t route, const struct error *err)
{
    if (!atomic_exchange(&p->routes[route].closed, true)) {
        pipeline_send(p, (struct event){.kind = EVENT_PARK, .route = route, .error = *err});
    }
}

void pipeline_notice(struct pipeline *p, uint32_t route, const struct error *err,
                     struct position *position)
{
    pipeline_send(
        p, (struct event){.kind = EVENT_PARK, .route = route, .error = *err, .position = position});
}

/* The budget. A first copy has at most 2 × readers chunk buffers in flight and one being filled:
 * half for them, a quarter for the stream. Without a copy the stream has half. Queues have a
 * sixteenth, open files a quarter. */
size_t pipeline_stream_limit(const struct pipeline *p)
{
    uint64_t share = atomic_load(&p->copying) ? p->memory_bytes / 4 : p->memory_bytes / 2;
    return (size_t)share;
}

size_t pipeline_chunk_limit(const struct pipeline *p)
{
    return (size_t)(p->memory_bytes / 2 / (2 * p->threads + 1));
}

size_t pipeline_queue_limit(const struct pipeline *p)
{
    return (size_t)(p->memory_bytes / 16 / p->threads);
}

/* Flushes and compactions of all threads have a file open each: a quarter for them together. */
size_t pipeline_file_limit(const struct pipeline *p)
{
    return (size_t)(p->memory_bytes / 8 / p->threads);
}

void pipeline_target(const struct pipeline *p, const struct table *t, const char *folder,
                     bool changelog, struct run_target *out)
{
    struct bucket_compact_writer writer = {.uuid = p->owner->file_uuid,
                                           .counter = p->owner->file_counter};
    bucket_compact_target(t, folder, changelog, &writer, out);
}
