#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/instant.h"

#define LINE_BYTES 8192
#define QUOTE_BYTES 1024
#define QUOTE_RING 8

/* The log sink is one of the two mutable globals of the program (the stop flag of main is the
 * other): whoever has a line to write cannot be asked to carry a handle for it. */
static atomic_int log_level = LOG_LEVEL_INFO;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static void (*log_sink)(void *self, struct str line);
static void *log_self;

void log_set_level(enum log_level level)
{
    atomic_store(&log_level, (int)level);
}

void log_redirect(void (*sink)(void *self, struct str line), void *self)
{
    (void)pthread_mutex_lock(&log_lock);
    log_sink = sink;
    log_self = self;
    (void)pthread_mutex_unlock(&log_lock);
}

/* One write(2) for the line; more only where the system took a part of it. */
static void write_line(const char *line, size_t len)
{
    while (len > 0) {
        ssize_t n = write(STDERR_FILENO, line, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return; /* nobody left to tell */
        }
        line += n;
        len -= (size_t)n;
    }
}

void log_event(enum log_level level, const char *event, const char *fmt, ...)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    if ((int)level < atomic_load_explicit(&log_level, memory_order_relaxed)) {
        return;
    }
    int os = errno; /* logging between a call and its check must not change the reason */
    char line[LINE_BYTES];
    char when[32];
    instant_text(instant_wall_ms(), when);
    int head = snprintf(line, sizeof(line), "ts=%s level=%s event=%s", when, names[level], event);
    size_t len = head < 0 ? 0 : (size_t)head;
    if (len < sizeof(line) - 2 && fmt[0] != '\0') {
        line[len++] = ' ';
        va_list args;
        va_start(args, fmt);
        int n = vsnprintf(line + len, sizeof(line) - len, fmt, args);
        va_end(args);
        len += n < 0 ? 0 : (size_t)n;
    }
    len = len > sizeof(line) - 2 ? sizeof(line) - 2 : len;
    for (size_t i = 0; i < len; i++) { /* a text that was not quoted must not start a line */
        line[i] = line[i] == '\n' ? ' ' : line[i];
    }
    (void)pthread_mutex_lock(&log_lock);
    if (log_sink != NULL) {
        log_sink(log_self, (struct str){line, len});
    } else {
        line[len] = '\n';
        write_line(line, len + 1);
    }
    (void)pthread_mutex_unlock(&log_lock);
    errno = os;
}

static bool quote_needed(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f) {
            return true;
        }
    }
    return s.len == 0;
}

/* The text of one byte inside quotes; returns its length, at most 4. */
static size_t quote_byte(unsigned char c, char out[4])
{
    static const char hex[] = "0123456789abcdef";
    if (c == '"' || c == '\\' || c == '\n' || c == '\t') {
        out[0] = '\\';
        out[1] = c == '\n' ? 'n' : c == '\t' ? 't' : (char)c;
        return 2;
    }
    if (c < 0x20 || c == 0x7f) {
        out[0] = '\\';
        out[1] = 'x';
        out[2] = hex[c >> 4];
        out[3] = hex[c & 15];
        return 4;
    }
    out[0] = (char)c;
    return 1;
}

const char *log_quote(struct str s)
{
    static _Thread_local char ring[QUOTE_RING][QUOTE_BYTES];
    static _Thread_local unsigned next;
    char *out = ring[next++ % QUOTE_RING];
    bool quoted = quote_needed(s);
    size_t limit = QUOTE_BYTES - (quoted ? 2 : 1); /* the closing quote and the NUL */
    size_t len = 0;
    if (quoted) {
        out[len++] = '"';
    }
    for (size_t i = 0; i < s.len; i++) {
        char text[4] = {s.ptr[i]};
        size_t n = quoted ? quote_byte((unsigned char)s.ptr[i], text) : 1;
        if (len + n > limit) {
            break;
        }
        memcpy(out + len, text, n);
        len += n;
    }
    if (quoted) {
        out[len++] = '"';
    }
    out[len] = '\0';
    return out;
}

bool log_thinned(struct log_thin *thin, uint64_t period_ms, uint64_t *suppressed)
{
    uint64_t now = instant_mono_ms();
    if (thin->last_ms != 0 && now - thin->last_ms < period_ms) {
        thin->suppressed++;
        return false;
    }
    *suppressed = thin->suppressed;
    thin->suppressed = 0;
    thin->last_ms = now == 0 ? 1 : now;
    return true;
}
