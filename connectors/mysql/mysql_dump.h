/* connectors/mysql/mysql_dump.h: a connection on which the server sends its binary log.
 *
 * Opening makes the link a replica's: checksums and heartbeats agreed on, registered, dump asked
 * for. Then events come one by one, raw. Silence of three heartbeats is a dead link (FAIL_IO). What
 * the server says when it cannot go on is told apart: purged logs are FAIL_LOST, a second replica
 * with our server id is FAIL_CONFIG. Thread: one at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/position.h"
#include "base/str.h"
#include "connectors/mysql/mysql_check.h"
#include "connectors/mysql/mysql_link.h"

struct mysql_dump_wish {
    uint32_t server_id;
    const char *job_name; /* gives the replica its uuid, so that our own remains are thrown out */
    uint64_t heartbeat_ms;
    const struct position *from;
};

struct mysql_dump;

/* Takes the link over, also on failure. */
MUST_USE bool mysql_dump_open(struct mysql_link *l, const struct mysql_server *server,
                              const struct mysql_dump_wish *wish, struct mysql_dump **out,
                              struct error *err);
void mysql_dump_close(struct mysql_dump *d); /* takes NULL */

/* The next event, valid until the next call; IDLE when none began to arrive within wait_ms. */
enum mysql_read mysql_dump_read(struct mysql_dump *d, uint64_t wait_ms, struct str *out_event,
                                struct error *err);
/* What the server's answer asks of us, by its text; for read and its test. */
enum fail mysql_dump_fail_of(unsigned server_errno, const char *text);
const char *mysql_dump_name(const struct mysql_dump *d);
