/* connectors/mysql/binlog_payload.h: TRANSACTION_PAYLOAD: a transaction's events, compressed.
 *
 * The stream is inflated event by event, never as a whole: payloads reach 1 GiB. Events inside have
 * no CRC of their own and header positions that mean nothing. Thread: its owner's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/str.h"
#include "connectors/mysql/binlog.h"

struct binlog_payload;

/* Borrows the event's bytes until free. FAIL_CORRUPT; FAIL_CONFIG for a compression nobody knows.
 */
MUST_USE bool binlog_payload_open(const struct binlog_event *e, struct binlog_payload **out,
                                  struct error *err);
void binlog_payload_free(struct binlog_payload *p); /* takes NULL */

enum binlog_payload_next {
    BINLOG_PAYLOAD_EVENT,
    BINLOG_PAYLOAD_END, /* the whole payload was read and had the length it promised */
    BINLOG_PAYLOAD_FAIL,
};
/* The next event, its bytes in the arena. */
enum binlog_payload_next binlog_payload_next(struct binlog_payload *p, struct arena *arena,
                                             struct binlog_event *out, struct error *err);
