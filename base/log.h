/* base/log.h: one logfmt line per event on standard error.
 *
 * `LOG_INFO("commit", "table=%s snapshot=%lld", …)` prints `ts=… level=info event=commit table=…
 * …`. The format string is keys and values; a text value goes through LOG_Q, which quotes when
 * needed. Errors are logged by agent/ only, once, where it decides. Thread: any; lines never mix.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

void log_set_level(enum log_level level);
void log_event(enum log_level level, const char *event, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Quotes text as a logfmt value when it needs quotes. From a ring of 8 buffers a thread, cut at
 * 1,023 bytes. */
const char *log_quote(struct str s);
#define LOG_Q(cstr) log_quote(str_of(cstr))
#define LOG_S(s) log_quote(s)
#define LOG_DEBUG(...) log_event(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define LOG_INFO(...) log_event(LOG_LEVEL_INFO, __VA_ARGS__)
#define LOG_WARN(...) log_event(LOG_LEVEL_WARN, __VA_ARGS__)
#define LOG_ERROR(...) log_event(LOG_LEVEL_ERROR, __VA_ARGS__)

/* Called with each whole line (without its newline; never log from there) instead of writing it,
 * e.g. by a progress display that owns the terminal. NULL restores standard error. */
void log_redirect(void (*sink)(void *self, struct str line), void *self);

/* True at most once in every period for one `struct log_thin`; *suppressed counts the calls in
 * between. */
struct log_thin {
    uint64_t last_ms;
    uint64_t suppressed;
};
bool log_thinned(struct log_thin *thin, uint64_t period_ms, uint64_t *suppressed);
