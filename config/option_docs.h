/* config/option_docs.h: the option tables as Markdown, for docs/configuration.md and `inlet help`.
 * The page is generated; a test compares it with the file. Thread: pure functions. */
#pragma once

#include "base/buf.h"
#include "config/option.h"

/* One block: its heading, a table of keys that work, then the keys that are refused as not
 * supported yet and those that mean nothing here, each in a short table of their own when there are
 * any. */
void option_docs_table(const struct option_table *table, struct buf *out);
