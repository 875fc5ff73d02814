/* base/stop.h: the one flag that asks everybody to stop. Readable from anywhere, settable from a
 * signal handler. stop_wait sleeps until the flag is set or time is up: no polling. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct stop;

struct stop *stop_new(void);
void stop_free(struct stop *s);
void stop_request(struct stop *s); /* async-signal-safe */
bool stop_requested(const struct stop *s);
/* True when the stop was requested before timeout_ms passed. */
bool stop_wait(struct stop *s, uint64_t timeout_ms);
int stop_fd(const struct stop *s); /* readable once requested; for poll(2) */

/* Sockets that the stop shuts down, so that a call of a library that waits in one ends, too. At
 * most STOP_MAX_SOCKETS; more are not watched. Removed before they are closed. Any thread. */
#define STOP_MAX_SOCKETS 64
void stop_add_socket(struct stop *s, int fd);
void stop_remove_socket(struct stop *s, int fd);
