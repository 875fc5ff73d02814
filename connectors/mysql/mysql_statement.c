#include "connectors/mysql/mysql_statement.h"

#include "base/mem.h"
#include "base/reader.h"
#include "connectors/mysql/mysql_type.h"

/* Commands: https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_command_phase.html */
#define COMMAND_STMT_PREPARE 0x16
#define COMMAND_STMT_EXECUTE 0x17
#define COMMAND_STMT_CLOSE 0x19
#define MAX_EXECUTE_BYTES ((size_t)64 << 20)

/* Definitions of parameters or columns; columns may be NULL. */
static bool read_definitions(struct mysql_link *l, size_t count, struct mysql_column_info *columns,
                             struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (!mysql_link_column(l, columns == NULL ? NULL : &columns[i], err)) {
            return false;
        }
    }
    return count == 0 || mysql_link_skip_end(l, err);
}

/* Answer: 0x00, statement id u32, columns u16, parameters u16, filler, warnings u16. */
bool mysql_statement_prepare(struct mysql_link *l, struct str sql,
                             struct mysql_column_info *columns, struct mysql_statement *out,
                             struct error *err)
{
    struct str packet;
    if (!mysql_link_send(l, COMMAND_STMT_PREPARE, sql, err) ||
        !mysql_link_packet(l, &packet, err)) {
        return error_in(err, "prepare %.*s", (int)(sql.len > 120 ? 120 : sql.len), sql.ptr);
    }
    struct reader r = reader_over(packet, "answer to a prepare");
    struct mysql_statement s = {0};
    if (reader_u8(&r) != 0) {
        reader_fail(&r);
    }
    s.id = reader_u32le(&r);
    s.column_count = reader_u16le(&r);
    s.param_count = reader_u16le(&r);
    if (s.column_count > MYSQL_LINK_MAX_COLUMNS) {
        reader_fail(&r);
    }
    if (!reader_ok(&r, err) || !read_definitions(l, s.param_count, NULL, err) ||
        !read_definitions(l, s.column_count, columns, err)) {
        return error_in(err, "mysql %s", mysql_link_name(l));
    }
    *out = s;
    return true;
}

/* statement id u32, flags u8 (0: no cursor, rows stream), iterations u32 = 1, then with parameters:
 * null bitmap, 1 (types follow), type u8 and sign u8 each, values. */
bool mysql_statement_execute(struct mysql_link *l, const struct mysql_statement *s,
                             const struct mysql_param *params, size_t count, struct error *err)
{
    must(count == s->param_count);
    struct buf b = BUF_INIT(MAX_EXECUTE_BYTES);
    buf_put_u32le(&b, s->id);
    buf_put_byte(&b, 0);
    buf_put_u32le(&b, 1);
    if (count > 0) {
        for (size_t i = 0; i < (count + 7) / 8; i++) {
            buf_put_byte(&b, 0); /* keys are never null */
        }
        buf_put_byte(&b, 1);
    }
    for (size_t i = 0; i < count; i++) {
        buf_put_byte(&b, params[i].type);
        buf_put_byte(&b, params[i].is_unsigned ? 0x80 : 0);
    }
    for (size_t i = 0; i < count; i++) {
        buf_put_str(&b, params[i].bytes);
    }
    bool ok = buf_ok(&b, "parameters of a statement", err) &&
              mysql_link_send(l, COMMAND_STMT_EXECUTE, buf_str(&b), err);
    buf_release(&b);
    return ok;
}

void mysql_statement_close(struct mysql_link *l, struct mysql_statement *s)
{
    if (s->id != 0 && l != NULL) {
        char id[4] = {(char)(s->id & 0xFF), (char)(s->id >> 8 & 0xFF), (char)(s->id >> 16 & 0xFF),
                      (char)(s->id >> 24 & 0xFF)};
        struct error ignored;
        /* no answer to read: a failure shows at the next command */
        (void)!mysql_link_send(l, COMMAND_STMT_CLOSE, (struct str){id, sizeof id}, &ignored);
    }
    *s = (struct mysql_statement){0};
}

static size_t fixed_bytes(uint8_t type)
{
    switch (type) {
    case MYSQL_WIRE_TINY:
        return 1;
    case MYSQL_WIRE_SHORT:
    case MYSQL_WIRE_YEAR:
        return 2;
    case MYSQL_WIRE_LONG:
    case MYSQL_WIRE_INT24:
    case MYSQL_WIRE_FLOAT:
        return 4;
    case MYSQL_WIRE_LONGLONG:
    case MYSQL_WIRE_DOUBLE:
        return 8;
    default:
        return 0;
    }
}

/* A length-encoded prefix: its own size and what it says. */
static bool length_prefix(struct str rest, size_t *out_prefix, uint64_t *out_len)
{
    struct reader r = reader_over(rest, "length");
    uint8_t first = reader_u8(&r);
    *out_len = first;
    if (first == 0xFC) {
        *out_len = reader_u16le(&r);
    } else if (first == 0xFD) {
        *out_len = reader_u24le(&r);
    } else if (first == 0xFE) {
        *out_len = reader_u64le(&r);
    } else if (first > 0xFA) {
        reader_fail(&r);
    }
    *out_prefix = r.offset;
    return !r.failed;
}

bool mysql_statement_value(struct reader *r, uint8_t type, struct str *out_bytes)
{
    size_t len = fixed_bytes(type);
    if (len == 0) {
        size_t prefix = 0;
        uint64_t bytes = 0;
        if (type == MYSQL_WIRE_NULL || !length_prefix(r->rest, &prefix, &bytes) ||
            bytes > r->rest.len) {
            reader_fail(r);
            return false;
        }
        len = prefix + (size_t)bytes;
    }
    *out_bytes = reader_bytes(r, len);
    return !r->failed;
}
