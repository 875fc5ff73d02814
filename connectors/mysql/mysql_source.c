#include "connectors/mysql/mysql_source.h"

#include <pthread.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "connectors/mysql/mysql_backfill.h"
#include "connectors/mysql/mysql_catalog.h"
#include "connectors/mysql/mysql_check.h"
#include "connectors/mysql/mysql_conf.h"
#include "connectors/mysql/mysql_dump.h"
#include "connectors/mysql/mysql_link.h"
#include "connectors/mysql/mysql_options.h"
#include "connectors/mysql/mysql_position.h"
#include "connectors/mysql/mysql_shared.h"
#include "connectors/mysql/mysql_stream.h"

struct mysql_source {
    struct mysql_conf conf; /* texts are the job's, which outlives us */
    char *job_name;
    struct stop *stop;
    struct mysql_login login;
    struct mysql_policy policy;
    uint32_t server_id;
    pthread_mutex_t lock; /* of link: planning comes from the readers' threads */
    struct mysql_link *link;
    struct mysql_server server;
    struct mysql_catalog catalog;
    bool discovered;
    struct mysql_shared shared;
};

/* Either reads chunks or the stream. */
struct source_reader {
    struct mysql_source *source;
    struct mysql_backfill *backfill;
    struct mysql_stream *stream;
};

static struct mysql_login login_of(const struct mysql_conf *c)
{
    return (struct mysql_login){.hostname = c->hostname,
                                .port = (uint32_t)c->port,
                                .username = c->username,
                                .password = c->password,
                                .connect_timeout_ms = c->connect_timeout_ms,
                                .ssl_mode = (enum mysql_ssl_mode)c->ssl_mode,
                                .ssl_ca = c->ssl_ca,
                                .ssl_cert = c->ssl_cert,
                                .ssl_key = c->ssl_key};
}

static void source_close(void *self)
{
    struct mysql_source *s = self;
    if (s == NULL) {
        return;
    }
    mysql_shared_close(&s->shared);
    mysql_link_close(s->link);
    mysql_catalog_free(&s->catalog);
    (void)pthread_mutex_destroy(&s->lock);
    mem_free(s->job_name);
    mem_free(s);
}

static bool source_check(const void *conf, const char **out_key, struct error *err)
{
    return mysql_conf_check(conf, out_key, err);
}

static bool source_open(const void *conf, const char *job_name, struct stop *stop, void **out_self,
                        struct error *err)
{
    struct mysql_source *s = MEM_NEW(struct mysql_source);
    s->conf = *(const struct mysql_conf *)conf;
    s->job_name = mem_dup(job_name, strlen(job_name));
    s->stop = stop;
    s->login = login_of(&s->conf);
    s->policy = (struct mysql_policy){
        .zero_date = (enum mysql_zero_date)s->conf.zero_date,
        .time_range = (enum mysql_time_range)s->conf.time_range,
        .tinyint1_is_number = !s->conf.tinyint1_is_boolean,
    };
    must(pthread_mutex_init(&s->lock, NULL) == 0);
    bool ok = mysql_conf_server_id(s->conf.server_id, str_of(job_name), &s->server_id, err);
    ok = ok && mysql_link_open(&s->login, stop, &s->link, err) &&
         mysql_check_server(s->link, &s->server, err);
    if (!ok) {
        source_close(s);
        return false;
    }
    LOG_DEBUG("source", "server=%s version=%s tls=%s server_id=%u", LOG_Q(mysql_link_name(s->link)),
              LOG_Q(s->server.version_text),
              LOG_Q(mysql_link_cipher(s->link) == NULL ? "off" : mysql_link_cipher(s->link)),
              s->server_id);
    *out_self = s;
    return true;
}

static bool source_discover(void *self, struct source_tables *out, struct error *err)
{
    struct mysql_source *s = self;
    struct mysql_catalog_wish wish = {.tables = s->conf.tables,
                                      .exclude = s->conf.tables_exclude,
                                      .comments = s->conf.include_comments,
                                      .policy = s->policy};
    must(!s->discovered); /* tables are stable until close */
    (void)pthread_mutex_lock(&s->lock);
    bool ok = mysql_catalog_read(s->link, &s->server, &wish, &s->catalog, err);
    (void)pthread_mutex_unlock(&s->lock);
    if (!ok) {
        return false;
    }
    s->discovered = true;
    *out = (struct source_tables){.tables = s->catalog.published,
                                  .count = s->catalog.count,
                                  .skipped = s->catalog.skipped,
                                  .skipped_count = s->catalog.skipped_count};
    return true;
}

static struct source_caps source_caps(void *self)
{
    const struct mysql_source *s = self;
    struct source_caps caps = {.shared_snapshot = s->server.reload || s->server.mariadb,
                               .shared_readers = s->server.reload ? 0 : 1,
                               .copy_only = s->conf.startup_mode == MYSQL_CONF_STARTUP_SNAPSHOT};
    if (!caps.shared_snapshot) {
        caps.shared_why = "the account lacks RELOAD, which the short FLUSH TABLES WITH READ LOCK "
                          "needs: GRANT RELOAD ON *.* to it";
    }
    return caps;
}

static bool start_by_mode(struct mysql_source *s, struct position **out, bool *out_copy,
                          struct error *err)
{
    *out_copy = false;
    switch ((enum mysql_conf_startup)s->conf.startup_mode) {
    case MYSQL_CONF_STARTUP_INITIAL:
    case MYSQL_CONF_STARTUP_SNAPSHOT:
        *out_copy = true;
        return mysql_position_start(s->link, &s->server, out, err);
    case MYSQL_CONF_STARTUP_LATEST:
        return mysql_position_start(s->link, &s->server, out, err);
    case MYSQL_CONF_STARTUP_EARLIEST:
        return mysql_position_earliest(s->link, &s->server, out, err);
    case MYSQL_CONF_STARTUP_SPECIFIC:
        return mysql_position_specific(s->link, &s->server, s->conf.offset_gtid_set,
                                       s->conf.offset_file, (uint64_t)s->conf.offset_pos, out, err);
    case MYSQL_CONF_STARTUP_TIMESTAMP:
        break;
    }
    return error_set(err, FAIL_CONFIG, "scan.startup.mode: timestamp is not supported yet");
}

static bool source_start_position(void *self, struct position **out, bool *out_copy,
                                  struct error *err)
{
    struct mysql_source *s = self;
    bool copy;
    (void)pthread_mutex_lock(&s->lock);
    bool ok = start_by_mode(s, out, &copy, err);
    (void)pthread_mutex_unlock(&s->lock);
    if (ok) {
        *out_copy = copy;
    }
    return ok;
}

static bool source_current_position(void *self, struct position **out, struct error *err)
{
    struct mysql_source *s = self;
    (void)pthread_mutex_lock(&s->lock);
    bool ok = mysql_position_end(s->link, &s->server, out, err);
    (void)pthread_mutex_unlock(&s->lock);
    return ok;
}

static bool source_check_position(void *self, const struct position *from, struct error *err)
{
    struct mysql_source *s = self;
    (void)pthread_mutex_lock(&s->lock);
    bool ok = mysql_position_check(s->link, &s->server, from, err);
    (void)pthread_mutex_unlock(&s->lock);
    return ok;
}

static void source_shared_end(void *self)
{
    struct mysql_source *s = self;
    mysql_shared_close(&s->shared);
}

static bool source_shared_begin(void *self, size_t readers, struct position **out,
                                struct error *err)
{
    struct mysql_source *s = self;
    mysql_shared_close(&s->shared);
    if (!mysql_shared_open(&s->login, &s->server, s->stop, readers, &s->shared, err)) {
        return false;
    }
    *out = position_dup(s->shared.position);
    return true;
}

static bool source_plan(void *self, const struct source_table *table,
                        const struct source_chunk *after, size_t max, struct arena *arena,
                        struct source_chunk *out, size_t *out_count, bool *out_done,
                        struct error *err)
{
    struct mysql_source *s = self;
    must(table->index < s->catalog.count);
    (void)pthread_mutex_lock(&s->lock);
    bool ok = mysql_backfill_plan(s->link, &s->catalog.tables[table->index], table,
                                  (uint64_t)s->conf.chunk_rows, after, max, arena, out, out_count,
                                  out_done, err);
    (void)pthread_mutex_unlock(&s->lock);
    return ok;
}

static bool source_chunk_reader(void *self, size_t slot, struct source_reader **out,
                                struct error *err)
{
    struct mysql_source *s = self;
    struct mysql_link *link = NULL;
    const struct position *shared = NULL;
    if (s->shared.count > 0) {
        must(slot < s->shared.count);
        link = s->shared.links[slot];
        shared = s->shared.position;
    } else if (!mysql_link_open(&s->login, s->stop, &link, err)) {
        return false;
    }
    struct source_reader *r = MEM_NEW(struct source_reader);
    r->source = s;
    r->backfill = mysql_backfill_new(link, &s->server, &s->policy, s->stop, shared);
    *out = r;
    return true;
}

static bool source_chunk_start(struct source_reader *r, const struct source_table *table,
                               const struct source_chunk *chunk, struct error *err)
{
    must(table->index < r->source->catalog.count);
    return mysql_backfill_start(r->backfill, &r->source->catalog.tables[table->index], table->index,
                                chunk, err);
}

static enum source_read source_chunk_read(struct source_reader *r, struct batch *batch,
                                          struct source_seen *out_seen, struct error *err)
{
    return mysql_backfill_read(r->backfill, batch, out_seen, err);
}

static bool source_stream_open(void *self, const struct position *from, struct source_reader **out,
                               struct error *err)
{
    struct mysql_source *s = self;
    struct mysql_link *link = NULL;
    struct mysql_dump *dump = NULL;
    struct mysql_dump_wish wish = {.server_id = s->server_id,
                                   .job_name = s->job_name,
                                   .heartbeat_ms = s->conf.heartbeat_ms,
                                   .from = from};
    if (!mysql_link_open(&s->login, s->stop, &link, err) ||
        !mysql_dump_open(link, &s->server, &wish, &dump, err)) {
        return false;
    }
    struct source_reader *r = MEM_NEW(struct source_reader);
    r->source = s;
    r->stream = mysql_stream_new(dump, &s->server, &s->catalog, &s->policy);
    *out = r;
    return true;
}

static void source_stream_table(struct source_reader *r, uint32_t table,
                                const struct position *have, bool empty)
{
    must(table < r->source->catalog.count);
    mysql_stream_table(r->stream, table, have, empty);
}

static enum source_read source_stream_read(struct source_reader *r, uint32_t wait_ms,
                                           struct batch *batch, struct source_notice *out_notices,
                                           size_t *out_notice_count, struct error *err)
{
    return mysql_stream_read(r->stream, wait_ms, batch, out_notices, out_notice_count, err);
}

static void source_reader_close(struct source_reader *r)
{
    if (r == NULL) {
        return;
    }
    mysql_backfill_free(r->backfill);
    mysql_stream_free(r->stream);
    mem_free(r);
}

/* MySQL keeps its logs by age and size, whoever reads them: there is nothing to tell it. */
static bool source_ack(void *self, const struct position *p, struct error *err)
{
    (void)self;
    (void)p;
    (void)err;
    return true;
}

static void source_describe(void *self, const struct position *p, struct buf *out)
{
    const struct mysql_source *s = self;
    mysql_position_describe(&s->server, p, out);
}

const struct source_ops mysql_source_ops = {
    .name = "mysql",
    .options = &mysql_options,
    .check = source_check,
    .open = source_open,
    .close = source_close,
    .discover = source_discover,
    .caps = source_caps,
    .start_position = source_start_position,
    .current_position = source_current_position,
    .check_position = source_check_position,
    .shared_begin = source_shared_begin,
    .shared_end = source_shared_end,
    .plan = source_plan,
    .chunk_reader = source_chunk_reader,
    .chunk_start = source_chunk_start,
    .chunk_read = source_chunk_read,
    .stream_open = source_stream_open,
    .stream_table = source_stream_table,
    .stream_read = source_stream_read,
    .reader_close = source_reader_close,
    .ack = source_ack,
    .describe = source_describe,
};
