/* base/workers.h: a fixed pool of threads that run tasks in the order given.
 *
 * A task's function runs unlocked on any worker; what it returns to whom is its own affair (usually
 * a queue). workers_stop lets running tasks end, drops nothing: queued tasks run too. */
#pragma once

#include <stddef.h>

struct workers;

struct workers *workers_new(size_t threads, const char *name);
void workers_add(struct workers *w, void (*run)(void *arg), void *arg);
size_t workers_pending(struct workers *w); /* queued + running */
void workers_stop(struct workers *w);      /* waits for all, joins, frees */
