/* sink/format/thrift.h: Thrift's compact protocol, as far as Parquet's metadata needs it.
 *
 * Source: apache/thrift doc/specs/thrift-compact-protocol.md. A struct is fields { delta of the id
 * and type in one byte, or the type and a zigzag id }, ended by a zero byte. Reading goes through
 * base/reader.h and fails there; every list's count is admitted before anyone loops by it. Writing
 * appends to a buf. Plain functions; thread: one at a time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/reader.h"
#include "base/str.h"

enum thrift_type {
    THRIFT_STOP = 0,
    THRIFT_TRUE = 1,
    THRIFT_FALSE = 2,
    THRIFT_BYTE = 3,
    THRIFT_I16 = 4,
    THRIFT_I32 = 5,
    THRIFT_I64 = 6,
    THRIFT_DOUBLE = 7,
    THRIFT_BINARY = 8,
    THRIFT_LIST = 9,
    THRIFT_SET = 10,
    THRIFT_MAP = 11,
    THRIFT_STRUCT = 12,
};

#define THRIFT_MAX_DEPTH 24 /* of what is skipped */

struct thrift_field {
    int32_t id; /* of this field; start a struct with {0} */
    uint8_t type;
};

/* The next field of a struct; false at its end and when the reader failed. */
bool thrift_next(struct reader *r, struct thrift_field *field);
/* The field's value. Another type than wanted is skipped and yields 0, false or an empty text. */
bool thrift_bool(struct reader *r, const struct thrift_field *field);
int64_t thrift_int(struct reader *r, const struct thrift_field *field);   /* byte to i64 */
int32_t thrift_int32(struct reader *r, const struct thrift_field *field); /* fails beyond 32 bits */
struct str thrift_binary(struct reader *r, const struct thrift_field *field); /* borrowed */
/* Enters a list whose elements are of this type and have min_bytes each; its count. Another type
 * fails the reader. */
size_t thrift_list(struct reader *r, const struct thrift_field *field, enum thrift_type elements,
                   size_t min_bytes);
/* True when the field is a struct: its fields follow. Else it was skipped. */
bool thrift_struct(struct reader *r, const struct thrift_field *field);
void thrift_skip(struct reader *r, const struct thrift_field *field);

/* Writing: *last is the id of the field before in the same struct, 0 at its start. */
void thrift_put_bool(struct buf *b, int32_t *last, int32_t id, bool v);
void thrift_put_byte(struct buf *b, int32_t *last, int32_t id, int8_t v);
void thrift_put_i16(struct buf *b, int32_t *last, int32_t id, int16_t v);
void thrift_put_i32(struct buf *b, int32_t *last, int32_t id, int32_t v);
void thrift_put_i64(struct buf *b, int32_t *last, int32_t id, int64_t v);
void thrift_put_binary(struct buf *b, int32_t *last, int32_t id, struct str s);
void thrift_put_struct(struct buf *b, int32_t *last, int32_t id); /* its fields follow, then stop */
void thrift_put_list(struct buf *b, int32_t *last, int32_t id, enum thrift_type elements,
                     size_t count);
void thrift_put_stop(struct buf *b);
/* Elements of lists. */
void thrift_put_int(struct buf *b, int64_t v);
void thrift_put_text(struct buf *b, struct str s);
