/* tests/bench/bench_discard.c: how fast a server gives a table away: the chunks of a first copy are
 * read as the first copy reads them (same ranges, prepared statements, binary protocol, several
 * connections), and every row is thrown away.
 *
 *   bench_discard HOST PORT USER PASSWORD DATABASE.TABLE CONNECTIONS
 *
 * Prints `rows=… bytes=… seconds=… cpu_seconds=…`; seconds from the start of the program. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/instant.h"
#include "base/mem.h"
#include "base/str.h"
#include "connectors/mysql/mysql_backfill.h"
#include "connectors/mysql/mysql_catalog.h"
#include "connectors/mysql/mysql_check.h"
#include "connectors/mysql/mysql_chunk.h"
#include "connectors/mysql/mysql_link.h"
#include "connectors/mysql/mysql_statement.h"

#define MAX_CHUNKS 4096
#define MAX_CONNECTIONS 64
#define SQL_BYTES ((size_t)1 << 20)

/* What the connections share. */
struct discard {
    struct mysql_login login;
    struct stop *stop;
    struct arena arena;
    struct mysql_catalog catalog;
    struct source_chunk chunks[MAX_CHUNKS];
    size_t chunk_count;
    pthread_mutex_t lock;
    size_t next;
    uint64_t rows, bytes;
};

static void give_up(const struct error *err)
{
    (void)fprintf(stderr, "bench_discard: %s\n", err->text);
    exit(1);
}

static bool plan(struct discard *d, struct mysql_link *l, struct str table, struct error *err)
{
    struct mysql_server server;
    struct mysql_catalog_wish wish = {.tables = table};
    bool done = false;
    if (!mysql_check_server(l, &server, err) ||
        !mysql_catalog_read(l, &server, &wish, &d->catalog, err)) {
        return false;
    }
    while (!done) {
        size_t count = 0;
        const struct source_chunk *after =
            d->chunk_count == 0 ? NULL : &d->chunks[d->chunk_count - 1];
        must(d->chunk_count < MAX_CHUNKS);
        if (!mysql_backfill_plan(l, &d->catalog.tables[0], &d->catalog.published[0], 0, after,
                                 MAX_CHUNKS - d->chunk_count, &d->arena, d->chunks + d->chunk_count,
                                 &count, &done, err)) {
            return false;
        }
        d->chunk_count += count;
    }
    return true;
}

static void put_select(const struct mysql_table *t, const struct mysql_range *range,
                       struct buf *sql)
{
    for (size_t i = 0; i < t->column_count; i++) {
        buf_put_cstr(sql, i == 0 ? "SELECT " : ", ");
        mysql_catalog_put_name(sql, t->columns[i].name);
    }
    buf_put_cstr(sql, " FROM ");
    mysql_chunk_put_from(t, range, sql);
}

static bool read_chunk(struct discard *d, struct mysql_link *l, const struct source_chunk *chunk,
                       struct mysql_column_info *columns, struct error *err)
{
    struct arena arena = {0};
    struct buf sql = BUF_INIT(SQL_BYTES);
    const struct mysql_table *t = &d->catalog.tables[0];
    struct mysql_range range;
    struct mysql_statement s = {0};
    struct mysql_param *params = NULL;
    struct str packet;
    size_t width = 0;
    uint64_t rows = 0;
    uint64_t bytes = 0;
    enum mysql_row row = MYSQL_NEXT_FAILED;

    bool ok = mysql_chunk_parse(chunk->id, t, &arena, &range, err);
    if (ok) {
        put_select(t, &range, &sql);
        size_t count = mysql_chunk_params(&range, &arena, &params);
        ok = buf_ok(&sql, "statement", err) &&
             mysql_statement_prepare(l, buf_str(&sql), columns, &s, err) &&
             mysql_statement_execute(l, &s, params, count, err) &&
             mysql_link_result(l, columns, &width, err);
    }
    while (ok && (row = mysql_link_row(l, &packet, err)) == MYSQL_NEXT_ROW) {
        rows++;
        bytes += packet.len;
    }
    ok = ok && row == MYSQL_NEXT_END;
    if (ok) {
        mysql_statement_close(l, &s);
    }
    buf_release(&sql);
    arena_release(&arena);
    (void)pthread_mutex_lock(&d->lock);
    d->rows += rows;
    d->bytes += bytes;
    (void)pthread_mutex_unlock(&d->lock);
    return ok;
}

static void *connection_run(void *arg)
{
    struct discard *d = arg;
    struct mysql_link *l = NULL;
    struct error err = {0};
    struct mysql_column_info *columns = MEM_ARRAY(struct mysql_column_info, MYSQL_LINK_MAX_COLUMNS);
    if (!mysql_link_open(&d->login, d->stop, &l, &err)) {
        give_up(&err);
    }
    for (;;) {
        (void)pthread_mutex_lock(&d->lock);
        size_t at = d->next < d->chunk_count ? d->next++ : d->chunk_count;
        (void)pthread_mutex_unlock(&d->lock);
        if (at == d->chunk_count) {
            break;
        }
        if (!read_chunk(d, l, &d->chunks[at], columns, &err)) {
            give_up(&err);
        }
    }
    mysql_link_close(l);
    mem_free(columns);
    return NULL;
}

int main(int argc, char **argv)
{
    static struct discard d;
    pthread_t threads[MAX_CONNECTIONS];
    struct mysql_link *l = NULL;
    struct error err = {0};
    uint64_t from_ns = instant_mono_ns();
    uint64_t port = 0;
    uint64_t connections = 0;
    if (argc != 7 || !str_to_u64(str_of(argv[2]), &port) || port > UINT16_MAX ||
        !str_to_u64(str_of(argv[6]), &connections) || connections < 1 ||
        connections > MAX_CONNECTIONS) {
        (void)fprintf(stderr, "bench_discard HOST PORT USER PASSWORD DATABASE.TABLE CONNECTIONS\n");
        return 2;
    }
    d.login = (struct mysql_login){.hostname = str_of(argv[1]),
                                   .port = (uint32_t)port,
                                   .username = str_of(argv[3]),
                                   .password = str_of(argv[4]),
                                   .connect_timeout_ms = 30000,
                                   .ssl_mode = MYSQL_SSL_PREFERRED};
    d.stop = stop_new();
    must(pthread_mutex_init(&d.lock, NULL) == 0);
    if (!mysql_link_open(&d.login, d.stop, &l, &err) || !plan(&d, l, str_of(argv[5]), &err)) {
        give_up(&err);
    }
    mysql_link_close(l);
    for (size_t i = 0; i < connections; i++) {
        must(pthread_create(&threads[i], NULL, connection_run, &d) == 0);
    }
    for (size_t i = 0; i < connections; i++) {
        must(pthread_join(threads[i], NULL) == 0);
    }
    double seconds = (double)(instant_mono_ns() - from_ns) / 1e9;
    (void)printf("rows=%" PRIu64 " bytes=%" PRIu64 " seconds=%.3f cpu_seconds=%.3f\n", d.rows,
                 d.bytes, seconds, (double)instant_cpu_ns() / 1e9);
    mysql_catalog_free(&d.catalog);
    arena_release(&d.arena);
    stop_free(d.stop);
    return 0;
}
