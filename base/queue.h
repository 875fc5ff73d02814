/* base/queue.h: bounded hand-over of pointers between threads.
 *
 * Counted in bytes: a push waits while the queue holds more than its limit (one item always fits).
 * Push moves ownership; a full queue is the back-pressure. Closing wakes everybody: pushes fail,
 * pops drain and then end. Thread: any number of pushers and poppers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct queue;

enum queue_result { QUEUE_OK, QUEUE_TIMEOUT, QUEUE_CLOSED };

struct queue *queue_new(size_t limit_bytes);
void queue_free(struct queue *q); /* must be empty or of items owned elsewhere */
/* timeout_ms < 0 waits for ever. On QUEUE_OK the item is the queue's; otherwise still the caller's.
 */
MUST_USE enum queue_result queue_push(struct queue *q, void *item, size_t bytes,
                                      int64_t timeout_ms);
/* As push, but never waits for room: for control items that must not deadlock. */
MUST_USE enum queue_result queue_push_now(struct queue *q, void *item, size_t bytes);
MUST_USE enum queue_result queue_pop(struct queue *q, void **out_item, int64_t timeout_ms);
void queue_close(struct queue *q);
size_t queue_bytes(struct queue *q);
