/* tests/bench/bench_binlog_raw.c: how fast a server gives its binary log away: the events from the
 * oldest one to the end of the log as it is at the start, received as the stream receives them, and
 * thrown away undecoded.
 *
 *   bench_binlog_raw HOST PORT USER PASSWORD SERVER_ID
 *
 * Prints `events=… bytes=… seconds=… cpu_seconds=…`; seconds from the start of the program. How
 * many rows the events hold is for the caller to know. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/instant.h"
#include "base/mem.h"
#include "base/position.h"
#include "base/reader.h"
#include "base/str.h"
#include "connectors/mysql/binlog.h"
#include "connectors/mysql/mysql_check.h"
#include "connectors/mysql/mysql_dump.h"
#include "connectors/mysql/mysql_link.h"
#include "connectors/mysql/mysql_position.h"

#define SILENCE_MS 10000u

/* The end of the log: a file, and the low half of an offset in it, as event headers have it. */
struct log_end {
    struct str file;
    uint32_t offset;
};

static void give_up(const struct error *err)
{
    (void)fprintf(stderr, "bench_binlog_raw: %s\n", err->text);
    exit(1);
}

static bool ask_end(struct mysql_link *l, const struct mysql_server *server, struct arena *arena,
                    struct log_end *out, struct error *err)
{
    struct mysql_rows rows;
    uint64_t offset = 0;
    if (!mysql_link_query(l, str_of(server->status_sql), arena, &rows, err)) {
        return false;
    }
    if (rows.count != 1 || rows.columns < 2 || !str_to_u64(mysql_rows_cell(&rows, 0, 1), &offset)) {
        return error_set(err, FAIL_CONFIG, "the server has no binary log");
    }
    out->file = mysql_rows_cell(&rows, 0, 0);
    out->offset = (uint32_t)offset;
    return true;
}

/* ROTATE: u64 offset, then the name of the file that follows, and perhaps a CRC32. */
static bool names_file(struct str event, struct str file)
{
    const size_t at = BINLOG_HEADER_BYTES + 8;
    return event.len >= at + file.len && memcmp(event.ptr + at, file.ptr, file.len) == 0;
}

static bool receive(struct mysql_dump *d, const struct log_end *end, uint64_t *out_events,
                    uint64_t *out_bytes, struct error *err)
{
    struct str event;
    bool last_file = false;
    for (;;) {
        enum mysql_read r = mysql_dump_read(d, SILENCE_MS, &event, err);
        if (r == MYSQL_READ_FAILED) {
            return false;
        }
        if (r == MYSQL_READ_IDLE || event.len < BINLOG_HEADER_BYTES) {
            return error_set(err, FAIL_IO, "no event for %u s, before the end of the log",
                             SILENCE_MS / 1000);
        }
        struct reader head = reader_over(event, "event");
        (void)reader_u32le(&head);
        uint8_t type = reader_u8(&head);
        (void)reader_u64le(&head);
        uint32_t next = reader_u32le(&head);
        (*out_events)++;
        *out_bytes += event.len;
        if (type == BINLOG_ROTATE) {
            last_file = names_file(event, end->file);
        } else if (last_file && next == end->offset) {
            return true;
        }
    }
}

int main(int argc, char **argv)
{
    struct arena arena = {0};
    struct mysql_link *l = NULL;
    struct mysql_dump *d = NULL;
    struct mysql_server server;
    struct position *from = NULL;
    struct log_end end = {0};
    struct error err = {0};
    uint64_t from_ns = instant_mono_ns();
    uint64_t port = 0;
    uint64_t server_id = 0;
    uint64_t events = 0;
    uint64_t bytes = 0;
    if (argc != 6 || !str_to_u64(str_of(argv[2]), &port) || port > UINT16_MAX ||
        !str_to_u64(str_of(argv[5]), &server_id) || server_id == 0 || server_id > UINT32_MAX) {
        (void)fprintf(stderr, "bench_binlog_raw HOST PORT USER PASSWORD SERVER_ID\n");
        return 2;
    }
    struct stop *stop = stop_new();
    struct mysql_login login = {.hostname = str_of(argv[1]),
                                .port = (uint32_t)port,
                                .username = str_of(argv[3]),
                                .password = str_of(argv[4]),
                                .connect_timeout_ms = 30000,
                                .ssl_mode = MYSQL_SSL_PREFERRED};
    if (!mysql_link_open(&login, stop, &l, &err) || !mysql_check_server(l, &server, &err) ||
        !ask_end(l, &server, &arena, &end, &err) ||
        !mysql_position_earliest(l, &server, &from, &err)) {
        give_up(&err);
    }
    struct mysql_dump_wish wish = {.server_id = (uint32_t)server_id,
                                   .job_name = "bench-binlog-raw",
                                   .heartbeat_ms = 30000,
                                   .from = from};
    if (!mysql_dump_open(l, &server, &wish, &d, &err) || !receive(d, &end, &events, &bytes, &err)) {
        give_up(&err);
    }
    double seconds = (double)(instant_mono_ns() - from_ns) / 1e9;
    (void)printf("events=%" PRIu64 " bytes=%" PRIu64 " seconds=%.3f cpu_seconds=%.3f\n", events,
                 bytes, seconds, (double)instant_cpu_ns() / 1e9);
    mysql_dump_close(d);
    position_free(from);
    arena_release(&arena);
    stop_free(stop);
    return 0;
}
