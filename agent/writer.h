/* agent/writer.h: a bucket writer: one thread that owns the sort buffers and sequence counters of
 * its buckets.
 *
 * Takes hands from its queue in order; a mark flushes every buffer that has rows. Over the stream's
 * share of the memory the largest buffer is flushed at once, to files that no manifest lists until
 * the mark (so a source transaction is never cut). */
#pragma once

#include <stddef.h>

#include "agent/pipeline.h"

/* Thread body; ends when the queue is closed and drained, or the pipeline stops. Files not handed
 * to the committer are removed. */
struct writer_args {
    struct pipeline *pipeline;
    size_t index;
};
void *writer_run(void *args);

/* Removes unlisted files that will never be committed. */
void writer_discard(const struct table *t, const struct flushed_files *f);
