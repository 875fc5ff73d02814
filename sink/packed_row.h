/* sink/packed_row.h: a row as a few bytes of memory, for buffers that hold many: about half of an
 * array of values. Never written to a file.
 *
 *   int64 sequence | u8 kind | null bits, one a column | key columns | other columns
 *   BOOLEAN TINYINT 1, SMALLINT 2, INT DATE TIME FLOAT 4, BIGINT DOUBLE and DECIMAL ≤ 18 8,
 *   TIMESTAMP 8 (+ 4 nanoseconds above precision 3), DECIMAL > 18 16, text and bytes u32 length +
 *   bytes, nested u32 count + a null byte and a value for each item. Nothing is aligned.
 * Thread: a shape is read-only and may be shared; a packed_row_out belongs to one thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/row.h"
#include "base/schema.h"
#include "sink/data_file.h"

struct packed_row_shape {
    const struct schema *schema; /* borrowed */
    size_t *order;               /* columns as packed: keys first */
    uint8_t *widths;             /* bytes of each column; 0: text, bytes, nested */
    size_t count;
    size_t key_count;
    size_t lead_count; /* columns in front that packed_row_lead reads: keys, and what order asks */
    size_t null_bytes;
};
void packed_row_shape_init(struct packed_row_shape *s, const struct schema *schema,
                           const struct data_file_layout *layout);
/* Packs these columns right behind the keys. Before any row is packed. */
void packed_row_shape_lead(struct packed_row_shape *s, const size_t *columns, size_t count);
void packed_row_shape_release(struct packed_row_shape *s);

/* Exact packed size, or SIZE_MAX when it does not fit a size_t. */
size_t packed_row_size(const struct packed_row_shape *s, const struct value *values);
/* Writes exactly packed_row_size bytes. */
void packed_row_write(const struct packed_row_shape *s, enum row_kind kind, int64_t sequence,
                      const struct value *values, char *into);

/* Where a row is unpacked to. Texts point into the packed bytes. */
struct packed_row_out {
    struct value *values; /* in schema order */
    struct value *key;
    int128 *wide;        /* one per column */
    struct arena nested; /* items of nested values; reset by each read */
    int64_t sequence;
    uint8_t kind;
};
void packed_row_out_init(struct packed_row_out *o, const struct packed_row_shape *s);
void packed_row_out_release(struct packed_row_out *o);
void packed_row_read(const struct packed_row_shape *s, const char *row, struct packed_row_out *o);

/* A row of its own: its arrays lie in the arena, its texts in the packed bytes. `nested` is empty.
 */
struct packed_row_out packed_row_take(const struct packed_row_shape *s, const char *row,
                                      struct arena *arena);

int64_t packed_row_sequence(const char *row);
/* Unpacks the key alone into `key` (and wide, one per key column). */
void packed_row_key(const struct packed_row_shape *s, const char *row, struct value *key,
                    int128 *wide);
/* Unpacks the leading columns alone to their places in schema order (wide, one per column). */
void packed_row_lead(const struct packed_row_shape *s, const char *row, struct value *values,
                     int128 *wide);
