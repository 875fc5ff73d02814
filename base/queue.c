#include "base/queue.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/mem.h"

struct queue_item {
    void *item;
    size_t bytes;
};

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t room;  /* fewer bytes, or closed */
    pthread_cond_t items; /* one more item, or closed */
    struct queue_item *ring;
    size_t cap, first, count;
    size_t bytes, limit;
    bool closed;
};

static void cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    must(pthread_condattr_init(&attr) == 0);
    must(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    must(pthread_cond_init(cond, &attr) == 0);
    (void)pthread_condattr_destroy(&attr);
}

struct queue *queue_new(size_t limit_bytes)
{
    struct queue *q = MEM_NEW(struct queue);
    q->limit = limit_bytes;
    must(pthread_mutex_init(&q->lock, NULL) == 0);
    cond_init(&q->room);
    cond_init(&q->items);
    return q;
}

void queue_free(struct queue *q)
{
    if (q == NULL) {
        return;
    }
    (void)pthread_cond_destroy(&q->items);
    (void)pthread_cond_destroy(&q->room);
    (void)pthread_mutex_destroy(&q->lock);
    mem_free(q->ring);
    mem_free(q);
}

static struct timespec deadline_after(int64_t timeout_ms)
{
    struct timespec t = {0, 0};
    if (timeout_ms > 0) {
        must(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
        t.tv_sec += (time_t)(timeout_ms / 1000);
        t.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
        if (t.tv_nsec >= 1000000000) {
            t.tv_nsec -= 1000000000;
            t.tv_sec++;
        }
    }
    return t;
}

/* False when the time is over. The caller looks at its condition again in either case. */
static bool wait_on(struct queue *q, pthread_cond_t *cond, int64_t timeout_ms,
                    const struct timespec *deadline)
{
    if (timeout_ms < 0) {
        must(pthread_cond_wait(cond, &q->lock) == 0);
        return true;
    }
    if (timeout_ms == 0) {
        return false;
    }
    int rc = pthread_cond_timedwait(cond, &q->lock, deadline);
    must(rc == 0 || rc == ETIMEDOUT);
    return rc == 0;
}

static bool has_room(const struct queue *q, size_t bytes)
{
    return q->count == 0 || (q->bytes <= q->limit && bytes <= q->limit - q->bytes);
}

static void append(struct queue *q, void *item, size_t bytes)
{
    if (q->count == q->cap) {
        size_t cap = q->cap == 0 ? 16 : q->cap * 2;
        struct queue_item *ring = MEM_ARRAY(struct queue_item, cap);
        for (size_t i = 0; i < q->count; i++) {
            ring[i] = q->ring[(q->first + i) % q->cap];
        }
        mem_free(q->ring);
        q->ring = ring;
        q->cap = cap;
        q->first = 0;
    }
    q->ring[(q->first + q->count) % q->cap] = (struct queue_item){item, bytes};
    q->count++;
    q->bytes += bytes;
    (void)pthread_cond_signal(&q->items);
}

enum queue_result queue_push(struct queue *q, void *item, size_t bytes, int64_t timeout_ms)
{
    struct timespec deadline = deadline_after(timeout_ms);
    enum queue_result result = QUEUE_OK;
    (void)pthread_mutex_lock(&q->lock);
    bool waiting = true;
    while (!q->closed && !has_room(q, bytes) && waiting) {
        waiting = wait_on(q, &q->room, timeout_ms, &deadline);
    }
    if (q->closed) {
        result = QUEUE_CLOSED;
    } else if (!has_room(q, bytes)) {
        result = QUEUE_TIMEOUT;
    } else {
        append(q, item, bytes);
    }
    (void)pthread_mutex_unlock(&q->lock);
    return result;
}

enum queue_result queue_push_now(struct queue *q, void *item, size_t bytes)
{
    (void)pthread_mutex_lock(&q->lock);
    bool closed = q->closed;
    if (!closed) {
        append(q, item, bytes);
    }
    (void)pthread_mutex_unlock(&q->lock);
    return closed ? QUEUE_CLOSED : QUEUE_OK;
}

enum queue_result queue_pop(struct queue *q, void **out_item, int64_t timeout_ms)
{
    struct timespec deadline = deadline_after(timeout_ms);
    enum queue_result result = QUEUE_OK;
    (void)pthread_mutex_lock(&q->lock);
    bool waiting = true;
    while (q->count == 0 && !q->closed && waiting) {
        waiting = wait_on(q, &q->items, timeout_ms, &deadline);
    }
    if (q->count > 0) {
        struct queue_item *first = &q->ring[q->first];
        *out_item = first->item;
        q->bytes -= first->bytes;
        q->first = (q->first + 1) % q->cap;
        q->count--;
        /* All pushers: the one a signal would wake may want more room than another. */
        (void)pthread_cond_broadcast(&q->room);
    } else {
        result = q->closed ? QUEUE_CLOSED : QUEUE_TIMEOUT;
    }
    (void)pthread_mutex_unlock(&q->lock);
    return result;
}

void queue_close(struct queue *q)
{
    (void)pthread_mutex_lock(&q->lock);
    q->closed = true;
    (void)pthread_cond_broadcast(&q->room);
    (void)pthread_cond_broadcast(&q->items);
    (void)pthread_mutex_unlock(&q->lock);
}

size_t queue_bytes(struct queue *q)
{
    (void)pthread_mutex_lock(&q->lock);
    size_t bytes = q->bytes;
    (void)pthread_mutex_unlock(&q->lock);
    return bytes;
}
