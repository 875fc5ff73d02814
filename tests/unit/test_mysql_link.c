/* Connecting to peers that do not answer, or not as a server does. What needs a real server is in
 * the contract and end-to-end tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/instant.h"
#include "base/mem.h"
#include "connectors/mysql/mysql_link.h"

#define SOON_MS 1500u
#define CLIENTS 64

/* A socket that listens and never accepts, and the clients that fill its queue. */
struct peer {
    int fd;
    uint16_t port;
    int clients[CLIENTS];
    size_t client_count;
};

static void peer_open(struct peer *p, int backlog)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    *p = (struct peer){.fd = socket(AF_INET, SOCK_STREAM, 0)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(p->fd >= 0);
    assert_int_equal(bind(p->fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(p->fd, backlog), 0);
    assert_int_equal(getsockname(p->fd, (struct sockaddr *)&at, &len), 0);
    p->port = ntohs(at.sin_port);
}

/* Connects until the kernel answers no more: whoever comes now meets silence. */
static void peer_fill(struct peer *p)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(p->port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    while (p->client_count < CLIENTS) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        assert_true(fd >= 0);
        assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
        p->clients[p->client_count++] = fd;
        if (connect(fd, (struct sockaddr *)&at, sizeof at) != 0) {
            struct pollfd wait = {.fd = fd, .events = POLLOUT};
            assert_int_equal(errno, EINPROGRESS);
            if (poll(&wait, 1, 200) == 0) {
                return;
            }
        }
    }
    fail_msg("%d connections, and the queue is not full", CLIENTS);
}

static void peer_close(struct peer *p)
{
    for (size_t i = 0; i < p->client_count; i++) {
        (void)close(p->clients[i]);
    }
    (void)close(p->fd);
}

static void *stop_after(void *arg)
{
    (void)stop_wait(arg, 200);
    stop_request(arg);
    return NULL;
}

static struct mysql_login login_to(uint16_t port, uint64_t timeout_ms)
{
    return (struct mysql_login){.hostname = STR("127.0.0.1"),
                                .port = port,
                                .username = STR("u"),
                                .password = STR("p"),
                                .connect_timeout_ms = timeout_ms};
}

/* Opens a link that cannot come about; returns how long that took. */
static uint64_t fails(uint16_t port, uint64_t timeout_ms, struct stop *stop, struct error *err)
{
    struct mysql_login login = login_to(port, timeout_ms);
    struct mysql_link *l = NULL;
    uint64_t began_ms = instant_mono_ms();
    if (mysql_link_open(&login, stop, &l, err)) {
        fail_msg("connected to a peer that is no server");
    }
    assert_null(l);
    return instant_mono_ms() - began_ms;
}

static void stopped_by(struct peer *p)
{
    struct error err = {0};
    struct stop *stop = stop_new();
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stop_after, stop), 0);
    uint64_t took_ms = fails(p->port, 30000, stop, &err);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(err.code, FAIL_STOPPED);
    if (took_ms > SOON_MS) {
        fail_msg("the stop was seen after %llu ms", (unsigned long long)took_ms);
    }
    took_ms = fails(p->port, 30000, stop, &err); /* and before it begins */
    assert_int_equal(err.code, FAIL_STOPPED);
    assert_true(took_ms < SOON_MS);
    stop_free(stop);
}

static void stopped_before_the_greeting(void **state)
{
    struct peer p;
    (void)state;
    peer_open(&p, 8);
    stopped_by(&p);
    peer_close(&p);
}

static void stopped_in_the_connect(void **state)
{
    struct peer p;
    (void)state;
    peer_open(&p, 0);
    peer_fill(&p);
    stopped_by(&p);
    peer_close(&p);
}

static void times_out(struct peer *p)
{
    struct error err = {0};
    struct stop *stop = stop_new();
    uint64_t took_ms = fails(p->port, 700, stop, &err);
    assert_int_equal(err.code, FAIL_IO);
    assert_non_null(strstr(err.text, "connect"));
    if (took_ms < 650 || took_ms > 700 + SOON_MS) {
        fail_msg("a timeout of 700 ms took %llu", (unsigned long long)took_ms);
    }
    stop_free(stop);
}

static void timeouts(void **state)
{
    struct peer p;
    (void)state;
    peer_open(&p, 8);
    times_out(&p);
    peer_close(&p);
    peer_open(&p, 0);
    peer_fill(&p);
    times_out(&p);
    peer_close(&p);
}

/* Accepts once, says something that is no greeting, and hangs up. */
static void *babble(void *arg)
{
    struct peer *p = arg;
    static const char *const what = "SSH-2.0-OpenSSH_9.2\r\n";
    int fd = accept(p->fd, NULL, NULL);
    (void)send(fd, what, strlen(what), MSG_NOSIGNAL);
    (void)close(fd);
    return NULL;
}

static void no_server(void **state)
{
    struct error err = {0};
    struct stop *stop = stop_new();
    struct peer p;
    pthread_t thread;
    (void)state;
    peer_open(&p, 8);
    assert_int_equal(pthread_create(&thread, NULL, babble, &p), 0);
    assert_true(fails(p.port, 5000, stop, &err) < 5000);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(err.code, FAIL_IO);
    peer_close(&p);
    /* nobody listens there any more */
    assert_true(fails(p.port, 5000, stop, &err) < SOON_MS);
    assert_int_equal(err.code, FAIL_IO);
    assert_non_null(strstr(err.text, "is the server running"));
    stop_free(stop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stopped_before_the_greeting),
        cmocka_unit_test(stopped_in_the_connect),
        cmocka_unit_test(timeouts),
        cmocka_unit_test(no_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
