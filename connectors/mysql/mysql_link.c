#include "connectors/mysql/mysql_link.h"

#include <mysql.h>

#include <ma_pvio.h>

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/instant.h"
#include "base/mem.h"
#include "base/reader.h"

/* The library connects on a stack of its own (its non-blocking calls); name resolution and TLS run
 * there too. */
#define CONNECT_STACK_BYTES ((size_t)512 * 1024)
/* A packet that has begun must come to its end within this time. */
#define PACKET_TIMEOUT_S 30u
#define CLIENT_DEPRECATE_EOF_FLAG (1ul << 24)
#define EOF_PACKET_MAX 9 /* an EOF packet is shorter; a longer 0xFE packet is a row or an OK */
#define MAX_RESULT_CELLS 20000000u

struct mysql_link {
    MYSQL *mysql;
    struct stop *stop;
    int socket; /* that the stop shuts down; -1: none */
    char name[300];
    char version_text[96];
    uint32_t version;
    bool mariadb;
    bool deprecate_eof;
    bool dead;
    unsigned last_errno;
    int (*tls_pending)(const void *ssl); /* OpenSSL's SSL_pending, or NULL */
};

const char *mysql_link_name(const struct mysql_link *l)
{
    return l->name;
}

bool mysql_link_is_mariadb(const struct mysql_link *l)
{
    return l->mariadb;
}

uint32_t mysql_link_version(const struct mysql_link *l)
{
    return l->version;
}

const char *mysql_link_version_text(const struct mysql_link *l)
{
    return l->version_text;
}

const char *mysql_link_cipher(const struct mysql_link *l)
{
    return mysql_get_ssl_cipher(l->mysql);
}

uint32_t mysql_link_thread(const struct mysql_link *l)
{
    return (uint32_t)l->mysql->thread_id;
}

unsigned mysql_link_errno(const struct mysql_link *l)
{
    return l->last_errno;
}

/* The error the library holds after a failed call. */
static bool link_failed(struct mysql_link *l, const char *doing, struct error *err)
{
    unsigned number = mysql_errno(l->mysql);
    const char *text = mysql_error(l->mysql);
    enum fail code = mysql_link_fail_of(number);
    l->last_errno = number >= 2000 && number < 3000 ? 0 : number;
    if (number == 2026) {
        code = mysql_link_fail_tls(text);
    }
    if (l->mysql->net.pvio == NULL || (number >= 2000 && number < 3000) || number == 0) {
        l->dead = true;
    }
    if (l->dead && l->stop != NULL && stop_requested(l->stop)) { /* it shut the socket down */
        return error_set(err, FAIL_STOPPED, "mysql %s: stopped", l->name);
    }
    return error_set(err, code, "mysql %s: %s: error %u: %s%s", l->name, doing, number,
                     text[0] == '\0' ? "the connection was lost" : text,
                     mysql_link_fail_advice(number));
}

static bool option_text(struct mysql_link *l, enum mysql_option option, struct str value)
{
    char text[1024];
    if (value.len == 0) {
        return true;
    }
    if (value.len >= sizeof text) {
        return false;
    }
    memcpy(text, value.ptr, value.len);
    text[value.len] = '\0';
    return mysql_optionsv(l->mysql, option, text) == 0;
}

/* Connector/C knows two switches: use TLS, and verify. Up to 3.3 a CA file alone makes OpenSSL
 * check the chain; from 3.4 chain and name are checked together, so VERIFY_CA is as strict as
 * VERIFY_IDENTITY there. */
static bool set_tls(struct mysql_link *l, const struct mysql_login *login, struct error *err)
{
    enum mysql_ssl_mode mode = login->ssl_mode;
    my_bool use = mode == MYSQL_SSL_DISABLED ? 0 : 1;
    my_bool verify = mode == MYSQL_SSL_VERIFY_IDENTITY ||
                     (mode == MYSQL_SSL_VERIFY_CA && mysql_get_client_version() >= 30400);
    if (mode >= MYSQL_SSL_VERIFY_CA && login->ssl_ca.len == 0) {
        return error_set(err, FAIL_CONFIG,
                         "mysql %s: ssl-mode VERIFY_CA and VERIFY_IDENTITY need ssl-ca, the file "
                         "with the certificate authority",
                         l->name);
    }
    mysql_optionsv(l->mysql, MYSQL_OPT_SSL_ENFORCE, &use);
    mysql_optionsv(l->mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
    if (use == 0) {
        return true;
    }
    struct str ca = mode >= MYSQL_SSL_VERIFY_CA ? login->ssl_ca : (struct str){NULL, 0};
    if (!option_text(l, MYSQL_OPT_SSL_CA, ca) ||
        !option_text(l, MYSQL_OPT_SSL_CERT, login->ssl_cert) ||
        !option_text(l, MYSQL_OPT_SSL_KEY, login->ssl_key)) {
        return error_set(err, FAIL_CONFIG, "mysql %s: ssl-ca, ssl-cert or ssl-key is too long",
                         l->name);
    }
    return true;
}

static void set_options(struct mysql_link *l, uint64_t connect_ms)
{
    unsigned connect_s = (unsigned)((connect_ms + 999) / 1000);
    size_t stack_bytes = CONNECT_STACK_BYTES;
    unsigned packet_s = PACKET_TIMEOUT_S;
    my_bool off = 0;
    mysql_optionsv(l->mysql, MYSQL_OPT_NONBLOCK, &stack_bytes);
    mysql_optionsv(l->mysql, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
    mysql_optionsv(l->mysql, MYSQL_OPT_READ_TIMEOUT, &packet_s);
    mysql_optionsv(l->mysql, MYSQL_OPT_WRITE_TIMEOUT, &packet_s);
    mysql_optionsv(l->mysql, MYSQL_OPT_RECONNECT, &off);
    mysql_optionsv(l->mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_optionsv(l->mysql, MYSQL_OPT_CONNECT_ATTR_RESET, NULL);
    mysql_optionsv(l->mysql, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "inlet");
}

static bool text_of(struct str s, char *out, size_t cap)
{
    out[0] = '\0';
    if (s.ptr == NULL || s.len == 0) {
        return true;
    }
    if (s.len >= cap || memchr(s.ptr, 0, s.len) != NULL) {
        return false;
    }
    memcpy(out, s.ptr, s.len);
    out[s.len] = '\0';
    return true;
}

/* From the first packet on: logging in, the library reads without asking whether it may. */
static void watch_socket(struct mysql_link *l)
{
    int fd = (int)mysql_get_socket(l->mysql);
    if (l->stop == NULL || fd == l->socket) {
        return;
    }
    if (l->socket >= 0) {
        stop_remove_socket(l->stop, l->socket);
    }
    l->socket = fd;
    if (fd >= 0) {
        stop_add_socket(l->stop, fd);
    }
}

/* Until the library can go on, or has waited for as long as it wanted. False: a stop was asked for,
 * or time is up for good. */
static bool wait_connect(struct mysql_link *l, int wants, uint64_t end_ms, int *out_happened)
{
    struct pollfd fds[2] = {
        {.fd = (int)mysql_get_socket(l->mysql),
         .events = (short)(((wants & MYSQL_WAIT_READ) != 0 ? POLLIN : 0) |
                           ((wants & MYSQL_WAIT_WRITE) != 0 ? POLLOUT : 0) |
                           ((wants & MYSQL_WAIT_EXCEPT) != 0 ? POLLPRI : 0))},
        {.fd = l->stop == NULL ? -1 : stop_fd(l->stop), .events = POLLIN},
    };
    uint64_t now_ms = instant_mono_ms();
    uint64_t until_ms = end_ms;
    if ((wants & MYSQL_WAIT_TIMEOUT) != 0) {
        uint64_t own_ms = now_ms + mysql_get_timeout_value_ms(l->mysql);
        until_ms = own_ms < until_ms ? own_ms : until_ms;
    }
    int n;
    watch_socket(l);
    do {
        now_ms = instant_mono_ms();
        uint64_t left_ms = now_ms >= until_ms ? 0 : until_ms - now_ms;
        n = poll(fds, 2, left_ms > INT_MAX ? INT_MAX : (int)left_ms);
    } while (n < 0 && errno == EINTR);
    if (n < 0 || fds[1].revents != 0 || (n == 0 && until_ms == end_ms)) {
        return false;
    }
    /* a socket that failed is ready for what was wanted: the library finds out why */
    *out_happened = n == 0 ? MYSQL_WAIT_TIMEOUT : wants & ~MYSQL_WAIT_TIMEOUT;
    return true;
}

/* The library's connect in steps of its own, so that a stop is seen while it waits. */
static bool connect_steps(struct mysql_link *l, const char *host, const char *user,
                          const char *password, const struct mysql_login *login)
{
    uint64_t end_ms = instant_mono_ms() + login->connect_timeout_ms;
    MYSQL *done = NULL;
    int wants =
        mysql_real_connect_start(&done, l->mysql, host, user, password, NULL, login->port, NULL, 0);
    while (wants != 0) {
        int happened = MYSQL_WAIT_TIMEOUT;
        if (!wait_connect(l, wants, end_ms, &happened)) {
            end_ms = 0; /* what it begins from here on is over at once: so it cleans up behind it */
        }
        wants = mysql_real_connect_cont(&done, l->mysql, happened);
    }
    return done != NULL;
}

static bool connect_link(struct mysql_link *l, const struct mysql_login *login, struct error *err)
{
    char host[256];
    char user[256];
    char password[1024];
    if (!text_of(login->hostname, host, sizeof host) ||
        !text_of(login->username, user, sizeof user) ||
        !text_of(login->password, password, sizeof password)) {
        return error_set(err, FAIL_CONFIG,
                         "mysql %s: hostname, username or password is too long or holds a NUL byte",
                         l->name);
    }
    l->mysql = mysql_init(NULL);
    must(l->mysql != NULL);
    set_options(l, login->connect_timeout_ms);
    if (!set_tls(l, login, err)) {
        return false;
    }
    /* TCP always: "localhost" must not become a socket file that the job does not name */
    unsigned protocol = MYSQL_PROTOCOL_TCP;
    mysql_optionsv(l->mysql, MYSQL_OPT_PROTOCOL, &protocol);
    bool ok = !stop_requested(l->stop) && connect_steps(l, host, user, password, login);
    memset(password, 0, sizeof password);
    if (!ok && stop_requested(l->stop)) {
        return error_set(err, FAIL_STOPPED, "mysql %s: connect: stopped", l->name);
    }
    return ok || link_failed(l, "connect", err);
}

/* The library's structures are read from its installed header; a build against another layout must
 * be noticed before a single change is read. */
static bool check_transport(struct mysql_link *l, struct error *err)
{
    MYSQL *m = l->mysql;
    struct mysql_rows rows = {0};
    struct arena arena = {0};
    bool ok = m->methods != NULL && m->methods->db_command != NULL && m->net.pvio != NULL &&
              m->net.pvio->mysql == m && (int)m->net.fd == (int)mysql_get_socket(m);
    ok = ok && mysql_link_query(l, STR("SELECT 'inlet', CONNECTION_ID()"), &arena, &rows, err);
    if (ok) {
        const MARIADB_PVIO *p = m->net.pvio;
        ok = rows.count == 1 && rows.columns == 2 && str_eq(rows.cells[0], STR("inlet")) &&
             (p->cache == NULL || (p->cache_pos >= p->cache && p->cache_pos - p->cache <= 65536));
        if (!ok) {
            error_set(err, FAIL_CONFIG,
                      "mysql %s: the MariaDB client library (version %lu) does not work the way "
                      "inlet was built for: rebuild inlet against the installed libmariadb",
                      l->name, mysql_get_client_version());
        }
    }
    arena_release(&arena);
    return ok;
}

static bool set_session(struct mysql_link *l, struct error *err)
{
    return mysql_link_exec(l, "SET NAMES utf8mb4", err) &&
           mysql_link_exec(l,
                           "SET SESSION time_zone='+00:00', sql_mode='', autocommit=1, "
                           "net_write_timeout=3600, net_read_timeout=3600, wait_timeout=2592000, "
                           "lock_wait_timeout=30, sql_select_limit=DEFAULT",
                           err) &&
           mysql_link_exec(l, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", err) &&
           mysql_link_exec(l,
                           l->mariadb ? "SET SESSION max_statement_time=0"
                                      : "SET SESSION max_execution_time=0",
                           err);
}

/* While the lock is waited for, other sessions that write wait behind it: not for long. */
bool mysql_link_read_lock(struct mysql_link *l, struct error *err)
{
    struct error ignored = {0};
    if (!mysql_link_exec(l, "SET SESSION lock_wait_timeout=2", err)) {
        return false;
    }
    bool ok = mysql_link_exec(l, "FLUSH TABLES WITH READ LOCK", err);
    return mysql_link_exec(l, "SET SESSION lock_wait_timeout=30", ok ? err : &ignored) && ok;
}

/* A peer that vanished without a word is noticed by the kernel after about two minutes. */
static void set_keepalive(struct mysql_link *l)
{
    int fd = (int)mysql_get_socket(l->mysql);
    int on = 1, idle_s = 60, interval_s = 15, count = 4;
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

static void read_facts(struct mysql_link *l)
{
    unsigned long version = mysql_get_server_version(l->mysql);
    const char *text = mysql_get_server_info(l->mysql);
    l->version = (uint32_t)version;
    l->mariadb = mariadb_connection(l->mysql) != 0;
    (void)snprintf(l->version_text, sizeof l->version_text, "%s", text == NULL ? "" : text);
    unsigned long server_caps = l->mysql->server_capabilities;
    l->deprecate_eof = (l->mysql->client_flag & server_caps & CLIENT_DEPRECATE_EOF_FLAG) != 0;
    if (mysql_get_ssl_cipher(l->mysql) != NULL) {
        void *self = dlopen(NULL, RTLD_LAZY); /* the program with the libraries it already has */
        void *symbol = self == NULL ? NULL : dlsym(self, "SSL_pending");
        memcpy(&l->tls_pending, &symbol, sizeof symbol); /* POSIX's way from object to function */
        if (self != NULL) {
            (void)dlclose(self);
        }
    }
}

bool mysql_link_open(const struct mysql_login *login, struct stop *stop, struct mysql_link **out,
                     struct error *err)
{
    struct mysql_link *l = MEM_NEW(struct mysql_link);
    l->stop = stop;
    l->socket = -1;
    (void)snprintf(l->name, sizeof l->name, "%.*s:%u", STR_FMT(login->hostname), login->port);
    if (!connect_link(l, login, err)) {
        goto failed;
    }
    read_facts(l);
    if (login->ssl_mode >= MYSQL_SSL_REQUIRED && mysql_get_ssl_cipher(l->mysql) == NULL) {
        error_set(err, FAIL_CONFIG,
                  "mysql %s: ssl-mode asks for TLS, but the server does not offer it: turn TLS on "
                  "at the server or set ssl-mode: PREFERRED",
                  l->name);
        goto failed;
    }
    set_keepalive(l);
    watch_socket(l);
    if (!check_transport(l, err) || !set_session(l, err)) {
        goto failed;
    }
    *out = l;
    return true;
failed:
    mysql_link_close(l);
    return false;
}

void mysql_link_close(struct mysql_link *l)
{
    if (l == NULL) {
        return;
    }
    if (l->socket >= 0) {
        stop_remove_socket(l->stop, l->socket);
    }
    if (l->mysql != NULL) {
        mysql_close(l->mysql);
    }
    mem_free(l);
}

bool mysql_link_send(struct mysql_link *l, uint8_t command, struct str body, struct error *err)
{
    if (l->dead || l->mysql->net.pvio == NULL) {
        return error_set(err, FAIL_IO, "mysql %s: the connection is closed", l->name);
    }
    /* db_command takes the length of an empty text by strlen */
    const char *bytes = body.len == 0 ? "" : body.ptr;
    if (l->mysql->methods->db_command(l->mysql, (enum enum_server_command)command, bytes, body.len,
                                      1, NULL) != 0) {
        l->dead = true;
        return link_failed(l, "send", err);
    }
    return true;
}

/* Whether a whole packet is in the library's read-ahead buffer, so that reading it cannot wait. */
static bool packet_buffered(const struct mysql_link *l)
{
    const MARIADB_PVIO *p = l->mysql->net.pvio;
    if (p == NULL || p->cache == NULL || p->cache_pos >= p->cache + p->cache_size) {
        return false;
    }
    size_t have = (size_t)(p->cache + p->cache_size - p->cache_pos);
    if (have < 4) {
        return false;
    }
    size_t len =
        (size_t)p->cache_pos[0] | (size_t)p->cache_pos[1] << 8 | (size_t)p->cache_pos[2] << 16;
    return have - 4 >= len && len < 0xFFFFFF;
}

/* How libmariadb's MARIADB_TLS begins. Its ma_tls.h is of no use: Connector/C 3.4 includes a header
 * there that it does not install. */
struct tls_head {
    void *data;
    MARIADB_PVIO *pvio;
    void *ssl;
};

/* Whether some of a packet is here: in the buffer, or decrypted inside the TLS library where poll
 * does not see it. */
static bool bytes_buffered(const struct mysql_link *l)
{
    const MARIADB_PVIO *p = l->mysql->net.pvio;
    if (p == NULL || (p->cache != NULL && p->cache_pos < p->cache + p->cache_size)) {
        return true;
    }
    const struct tls_head *tls = (const void *)p->ctls;
    return tls != NULL && l->tls_pending != NULL && tls->ssl != NULL &&
           l->tls_pending(tls->ssl) > 0;
}

/* 1: bytes are here; 0: time is up; -1: stopped or failed. */
static int wait_bytes(struct mysql_link *l, uint64_t wait_ms, struct error *err)
{
    if (bytes_buffered(l)) {
        return 1;
    }
    uint64_t end_ms = instant_mono_ms() + wait_ms;
    for (;;) {
        struct pollfd fds[2] = {
            {.fd = (int)l->mysql->net.fd, .events = POLLIN},
            {.fd = l->stop == NULL ? -1 : stop_fd(l->stop), .events = POLLIN},
        };
        uint64_t now_ms = instant_mono_ms();
        uint64_t left_ms = now_ms >= end_ms ? 0 : end_ms - now_ms;
        int timeout = left_ms > 1000000 ? 1000000 : (int)left_ms;
        int n = poll(fds, 2, timeout);
        if (n < 0 && errno != EINTR) {
            l->dead = true;
            return error_os(err, "mysql %s: poll", l->name) ? 0 : -1;
        }
        if (n > 0 && fds[1].revents != 0) {
            l->dead = true;
            error_set(err, FAIL_STOPPED, "mysql %s: stopped", l->name);
            return -1;
        }
        if (n > 0 && fds[0].revents != 0) {
            return 1;
        }
        if (n == 0 && left_ms <= (uint64_t)timeout) {
            return 0;
        }
    }
}

enum mysql_read mysql_link_read(struct mysql_link *l, uint64_t wait_ms, struct str *out_packet,
                                struct error *err)
{
    if (l->dead) {
        error_set(err, FAIL_IO, "mysql %s: the connection is closed", l->name);
        return MYSQL_READ_FAILED;
    }
    if (!packet_buffered(l)) {
        int ready = wait_bytes(l, wait_ms, err);
        if (ready <= 0) {
            return ready == 0 ? MYSQL_READ_IDLE : MYSQL_READ_FAILED;
        }
    }
    unsigned long len = mysql_net_read_packet(l->mysql);
    if (len == packet_error) {
        if (l->mysql->net.pvio == NULL) {
            l->dead = true;
        }
        link_failed(l, "read", err);
        return MYSQL_READ_FAILED;
    }
    *out_packet = (struct str){(const char *)l->mysql->net.read_pos, len};
    return MYSQL_READ_PACKET;
}

bool mysql_link_packet(struct mysql_link *l, struct str *out_packet, struct error *err)
{
    enum mysql_read read = mysql_link_read(l, MYSQL_LINK_ANSWER_MS, out_packet, err);
    if (read == MYSQL_READ_IDLE) {
        l->dead = true;
        return error_set(err, FAIL_IO, "mysql %s: no answer for %u s", l->name,
                         MYSQL_LINK_ANSWER_MS / 1000);
    }
    return read == MYSQL_READ_PACKET;
}

/* A length-encoded integer; 0xFB (NULL) must have been looked at before. */
static uint64_t lenenc(struct reader *r)
{
    uint8_t first = reader_u8(r);
    switch (first) {
    case 0xFC:
        return reader_u16le(r);
    case 0xFD:
        return reader_u24le(r);
    case 0xFE:
        return reader_u64le(r);
    default:
        return first;
    }
}

static bool is_end_packet(const struct mysql_link *l, struct str p)
{
    return p.len > 0 && (uint8_t)p.ptr[0] == 0xFE &&
           (l->deprecate_eof ? p.len < 0xFFFFFF : p.len < EOF_PACKET_MAX);
}

/* Column definition: six length-encoded texts (MariaDB may add a seventh), then always the same 13
 * bytes at the end: 0x0C, charset u16, length u32, type u8, flags u16, decimals u8, filler u16. */
bool mysql_link_column(struct mysql_link *l, struct mysql_column_info *out, struct error *err)
{
    struct str p;
    if (!mysql_link_packet(l, &p, err)) {
        return false;
    }
    size_t tail = p.len < 13 ? 0 : p.len - 13;
    struct reader r = reader_over(str_slice(p, tail, p.len), "column definition");
    struct mysql_column_info c = {0};
    if (reader_u8(&r) != 0x0C) {
        reader_fail(&r);
    }
    c.charset = reader_u16le(&r);
    c.length = reader_u32le(&r);
    c.type = reader_u8(&r);
    c.flags = reader_u16le(&r);
    c.decimals = reader_u8(&r);
    reader_skip(&r, 2);
    if (!reader_end(&r, err)) {
        return error_in(err, "mysql %s", l->name);
    }
    if (out != NULL) {
        *out = c;
    }
    return true;
}

bool mysql_link_skip_end(struct mysql_link *l, struct error *err)
{
    struct str p;
    if (l->deprecate_eof) {
        return true;
    }
    if (!mysql_link_packet(l, &p, err)) {
        return false;
    }
    return is_end_packet(l, p) || error_set(err, FAIL_CORRUPT,
                                            "mysql %s: expected the end of the column definitions, "
                                            "got a packet of %zu bytes",
                                            l->name, p.len);
}

/* First packet of an answer: 0x00 OK; 0xFB asks for a local file (never granted); else the number
 * of columns, and from MariaDB one byte more, 0 when the definitions are left out: they are as they
 * were when the statement was prepared or run before. */
bool mysql_link_result(struct mysql_link *l, struct mysql_column_info *columns, size_t *out_count,
                       struct error *err)
{
    struct str p;
    if (!mysql_link_packet(l, &p, err)) {
        return false;
    }
    if (p.len > 0 && p.ptr[0] == 0) {
        *out_count = 0;
        return true;
    }
    struct reader r = reader_over(p, "result head");
    if (p.len == 0 || (uint8_t)p.ptr[0] == 0xFB) {
        reader_fail(&r);
    }
    uint64_t count = lenenc(&r);
    bool described = r.rest.len == 0 || reader_u8(&r) != 0;
    if (count > MYSQL_LINK_MAX_COLUMNS) {
        reader_fail(&r);
    }
    if (!reader_end(&r, err)) {
        return error_in(err, "mysql %s", l->name);
    }
    for (uint64_t i = 0; described && i < count; i++) {
        if (!mysql_link_column(l, columns == NULL ? NULL : &columns[i], err)) {
            return false;
        }
    }
    *out_count = (size_t)count;
    return mysql_link_skip_end(l, err);
}

enum mysql_row mysql_link_row(struct mysql_link *l, struct str *out_packet, struct error *err)
{
    if (!mysql_link_packet(l, out_packet, err)) {
        return MYSQL_NEXT_FAILED;
    }
    return is_end_packet(l, *out_packet) ? MYSQL_NEXT_END : MYSQL_NEXT_ROW;
}

static bool text_cells(struct mysql_link *l, struct str packet, size_t columns, struct arena *arena,
                       struct str *cells, struct error *err)
{
    struct reader r = reader_over(packet, "text row");
    for (size_t i = 0; i < columns; i++) {
        if (r.rest.len > 0 && (uint8_t)r.rest.ptr[0] == 0xFB) {
            reader_skip(&r, 1);
            cells[i] = (struct str){NULL, 0};
            continue;
        }
        uint64_t len = lenenc(&r);
        cells[i] = arena_str(arena, reader_bytes(&r, len > SIZE_MAX ? SIZE_MAX : (size_t)len));
    }
    return reader_end(&r, err) || error_in(err, "mysql %s", l->name);
}

bool mysql_link_query(struct mysql_link *l, struct str sql, struct arena *arena,
                      struct mysql_rows *out, struct error *err)
{
    struct str *cells = NULL;
    size_t count = 0, cap = 0, columns = 0;
    struct str packet;
    bool ok = mysql_link_send(l, COM_QUERY, sql, err) && mysql_link_result(l, NULL, &columns, err);
    while (ok && columns > 0) {
        enum mysql_row row = mysql_link_row(l, &packet, err);
        if (row != MYSQL_NEXT_ROW) {
            ok = row == MYSQL_NEXT_END;
            break;
        }
        if (count + columns > MAX_RESULT_CELLS) {
            l->dead = true;
            ok = error_set(err, FAIL_LIMIT, "mysql %s: a catalog query gave over %u values",
                           l->name, MAX_RESULT_CELLS);
            break;
        }
        while (cap < count + columns) {
            cap = cap == 0 ? 64 : cap * 2;
            cells = mem_grow(cells, cap, sizeof *cells);
        }
        ok = text_cells(l, packet, columns, arena, cells + count, err);
        count += columns;
    }
    if (ok) {
        out->columns = columns;
        out->count = columns == 0 ? 0 : count / columns;
        out->cells = ARENA_ARRAY(arena, struct str, count);
        if (count > 0) {
            memcpy(out->cells, cells, count * sizeof *cells);
        }
    }
    mem_free(cells);
    return ok;
}

bool mysql_link_exec(struct mysql_link *l, const char *sql, struct error *err)
{
    struct arena arena = {0};
    struct mysql_rows rows;
    bool ok = mysql_link_query(l, str_of(sql), &arena, &rows, err);
    arena_release(&arena);
    return ok || error_in(err, "%.60s", sql);
}
