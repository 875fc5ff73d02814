#include "agent/drain.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>

#include "base/mem.h"

struct drain_watch {
    const struct stop *drain;
    struct stop *stop;
    struct stop *done; /* nobody is interested any more */
    pthread_t thread;
};

static void *watch(void *arg)
{
    struct drain_watch *w = arg;
    struct pollfd fds[2] = {{.fd = stop_fd(w->drain), .events = POLLIN},
                            {.fd = stop_fd(w->done), .events = POLLIN}};
    while (poll(fds, 2, -1) < 0 && errno == EINTR) {
    }
    if (stop_requested(w->drain) && !stop_requested(w->done)) {
        stop_request(w->stop);
    }
    return NULL;
}

struct drain_watch *drain_watch(const struct stop *drain, struct stop *stop)
{
    struct drain_watch *w = MEM_NEW(struct drain_watch);
    w->drain = drain;
    w->stop = stop;
    w->done = stop_new();
    must(pthread_create(&w->thread, NULL, watch, w) == 0);
    return w;
}

void drain_unwatch(struct drain_watch *w)
{
    stop_request(w->done);
    must(pthread_join(w->thread, NULL) == 0);
    stop_free(w->done);
    mem_free(w);
}
