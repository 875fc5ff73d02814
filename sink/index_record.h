/* sink/index_record.h: the Avro record of index manifests: its schema as we write it, entries to
 * bytes, decoded values to entries. Used by index_manifest alone. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"
#include "sink/index_manifest.h"
#include "sink/manifest_record.h"

/* Reads into an index_manifest_entries. */
extern const struct manifest_record index_record;

/* JSON of Paimon 1.3, or with _GLOBAL_INDEX of 2.0: only where an entry has one, since readers
 * before 1.4 need not know it. */
struct str index_record_schema(bool with_global);
void index_record_put(struct buf *b, const struct index_manifest_entry *e, bool with_global);
