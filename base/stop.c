#include "base/stop.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/instant.h"
#include "base/mem.h"

struct stop {
    atomic_bool requested;
    int fd;                               /* an eventfd: readable once requested, never read */
    atomic_int sockets[STOP_MAX_SOCKETS]; /* fd + 1; 0: free */
};

struct stop *stop_new(void)
{
    struct stop *s = MEM_NEW(struct stop);
    atomic_init(&s->requested, false);
    s->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    must(s->fd >= 0);
    return s;
}

void stop_free(struct stop *s)
{
    if (s != NULL) {
        (void)close(s->fd);
        mem_free(s);
    }
}

void stop_request(struct stop *s)
{
    static const uint64_t one = 1;
    int os = errno; /* the signal may have come between a call and its check */
    atomic_store(&s->requested, true);
    ssize_t n = write(s->fd, &one, sizeof(one));
    (void)n; /* it fails only when full, and then it is readable already */
    for (size_t i = 0; i < STOP_MAX_SOCKETS; i++) {
        int socket = atomic_load(&s->sockets[i]) - 1;
        if (socket >= 0) {
            (void)shutdown(socket, SHUT_RDWR);
        }
    }
    errno = os;
}

void stop_add_socket(struct stop *s, int fd)
{
    bool added = false;
    for (size_t i = 0; i < STOP_MAX_SOCKETS && !added; i++) {
        int none = 0;
        added = atomic_compare_exchange_strong(&s->sockets[i], &none, fd + 1);
    }
    if (stop_requested(s)) { /* it may have come before it could see this one */
        (void)shutdown(fd, SHUT_RDWR);
    }
}

void stop_remove_socket(struct stop *s, int fd)
{
    bool removed = false;
    for (size_t i = 0; i < STOP_MAX_SOCKETS && !removed; i++) {
        int it = fd + 1;
        removed = atomic_compare_exchange_strong(&s->sockets[i], &it, 0);
    }
}

bool stop_requested(const struct stop *s)
{
    return atomic_load(&s->requested);
}

bool stop_wait(struct stop *s, uint64_t timeout_ms)
{
    uint64_t start = instant_mono_ms();
    while (!stop_requested(s)) {
        uint64_t passed = instant_mono_ms() - start;
        if (passed >= timeout_ms) {
            return false;
        }
        uint64_t left = timeout_ms - passed;
        struct pollfd p = {.fd = s->fd, .events = POLLIN};
        (void)poll(&p, 1, left > 3600000 ? 3600000 : (int)left);
    }
    return true;
}

int stop_fd(const struct stop *s)
{
    return s->fd;
}
