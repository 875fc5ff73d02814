/* sink/consumer.h: consumer files (paimon-format §9): consumer/consumer-<id> holds the id of the
 * snapshot that somebody reads next, and with it everything from there on is kept. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/str.h"
#include "sink/fs/fs.h"

/* The lowest next snapshot of all consumers and whose it is (in the arena); INT64_MAX and an empty
 * id when there is none. A file that is no consumer's is FAIL_CORRUPT by name: who keeps what must
 * not be guessed. */
MUST_USE bool consumer_lowest(struct fs fs, const char *table_path, struct arena *arena,
                              int64_t *out_next, struct str *out_id, struct error *err);
/* Says what the consumer reads next. */
MUST_USE bool consumer_write(struct fs fs, const char *table_path, struct str id, int64_t next,
                             struct error *err);
MUST_USE bool consumer_remove(struct fs fs, const char *table_path, struct str id,
                              struct error *err);
