/* agent/drain.h: a drain that comes while nothing can be drained yet.
 *
 * The drain flag asks for the work under way to be brought to its end; the stop flag interrupts it.
 * While a connection is being made there is no work: between drain_watch and drain_unwatch a drain
 * is a stop. Thread: the one that watches. */
#pragma once

#include "base/stop.h"

struct drain_watch;

struct drain_watch *drain_watch(const struct stop *drain, struct stop *stop);
void drain_unwatch(struct drain_watch *w);
