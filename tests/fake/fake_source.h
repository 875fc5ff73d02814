/* tests/fake/fake_source.h: a source in memory, for tests of the agent without a server.
 *
 * One table `fake.t` (id BIGINT key, version BIGINT, text). Transaction n (from 1) is a pure
 * function of n: it inserts, updates or deletes a few rows, so the model is a fold over 1…last. The
 * log ends at fake_source_set_end; the copy reads the state of the log's end at its start, chunk by
 * chunk. Defines source_list and source_find for the program it is linked into. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "connectors/source.h"

#define FAKE_KEYS 500

/* Version of a key after transactions 1…last; -1: it does not exist. */
int64_t fake_source_version(int64_t key, uint64_t last);

/* The log's end; may grow while a job runs. */
void fake_source_set_end(uint64_t last);
/* The next stream_read fails with FAIL_IO once. */
void fake_source_break(void);
/* The stream sets the table aside before this transaction. 0: never. */
void fake_source_notice_at(uint64_t transaction);
/* The newest position the job has acknowledged. */
uint64_t fake_source_acked(void);
