#include "tests/fake/fake_source.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define CHANGES 3
#define CHUNK_KEYS 50
#define START_ROWS 300 /* keys below exist before transaction 1, at version 0 */

static atomic_uint_fast64_t log_end;
static atomic_uint_fast64_t acked;
static atomic_uint_fast64_t notice_at;
static atomic_bool broken;

struct fake {
    struct stop *stop;
    struct schema *schema;
    struct source_table table;
};

struct source_reader {
    struct fake *fake;
    uint64_t next;    /* stream: transaction to deliver */
    int64_t from, to; /* chunk: keys */
    uint64_t visible; /* chunk: log end its snapshot saw */
    bool noticed;
};

struct fake_conf {
    int64_t unused;
};
static const struct option fake_options[] = {{.name = "unused",
                                              .type = OPTION_INT,
                                              .at = offsetof(struct fake_conf, unused),
                                              .def = "0",
                                              .doc = "Nothing."}};
static const struct option_table fake_table = {
    .title = "source: fake", .options = fake_options, .count = 1, .size = sizeof(struct fake_conf)};

void fake_source_set_end(uint64_t last)
{
    atomic_store(&log_end, last);
}
void fake_source_break(void)
{
    atomic_store(&broken, true);
}
void fake_source_notice_at(uint64_t transaction)
{
    atomic_store(&notice_at, transaction);
}
uint64_t fake_source_acked(void)
{
    return atomic_load(&acked);
}

static uint64_t mix(uint64_t x)
{
    x ^= x >> 33;
    x *= UINT64_C(0xff51afd7ed558ccd);
    x ^= x >> 33;
    x *= UINT64_C(0xc4ceb9fe1a85ec53);
    return x ^ (x >> 33);
}

/* Change i of transaction n: which key, and whether it is deleted after. */
static int64_t key_of(uint64_t n, unsigned i)
{
    return (int64_t)(mix(n * 8 + i) % FAKE_KEYS);
}
static bool deletes(uint64_t n, unsigned i)
{
    return mix(n * 8 + i + 4) % 4 == 0;
}

int64_t fake_source_version(int64_t key, uint64_t last)
{
    int64_t version = key < START_ROWS ? 0 : -1;
    for (uint64_t n = 1; n <= last; n++) {
        for (unsigned i = 0; i < CHANGES; i++) {
            if (key_of(n, i) == key) {
                version = deletes(n, i) ? -1 : (int64_t)n;
            }
        }
    }
    return version;
}

static struct value *row_of(struct arena *a, int64_t key, int64_t version)
{
    struct value *row = ARENA_ARRAY(a, struct value, 3);
    char text[64];
    (void)snprintf(text, sizeof text, "key %lld at version %lld", (long long)key,
                   (long long)version);
    struct str copy = arena_str(a, str_of(text));
    row[0] = (struct value){.i = key, .state = VALUE_SET};
    row[1] = (struct value){.i = version, .state = VALUE_SET};
    row[2] = (struct value){.bytes = copy.ptr, .len = (uint32_t)copy.len, .state = VALUE_SET};
    return row;
}

static struct place place_of(uint64_t n)
{
    return (struct place){
        .lane = STR("log"), .identity = STR("fake"), .counter = STR("n"), .number = n};
}

static struct position *position_of(uint64_t n)
{
    struct position *p = position_new();
    struct place place = place_of(n);
    struct error err;
    must(position_advance(p, &place, &err));
    return p;
}

static uint64_t number_of(const struct position *p)
{
    struct position_at at = {0};
    struct place from;
    uint64_t to = 0;
    (void)position_next(p, &at, &from, &to);
    return to;
}

static bool fake_check(const void *conf, const char **out_key, struct error *err)
{
    (void)conf;
    (void)out_key;
    (void)err;
    return true;
}

static bool fake_open(const void *conf, const char *job_name, struct stop *stop, void **out,
                      struct error *err)
{
    (void)conf;
    (void)job_name;
    (void)err;
    struct fake *f = MEM_NEW(struct fake);
    struct schema *s = schema_new();
    f->stop = stop;
    s->field_count = 3;
    s->fields = ARENA_ARRAY(&s->arena, struct schema_field, 3);
    s->fields[0] = (struct schema_field){.name = STR("id"), .type = {.kind = TYPE_BIGINT}};
    s->fields[1] = (struct schema_field){.name = STR("version"),
                                         .type = {.kind = TYPE_BIGINT, .nullable = true}};
    s->fields[2] = (struct schema_field){
        .name = STR("text"),
        .type = {.kind = TYPE_VARCHAR, .length = TYPE_MAX_LENGTH, .nullable = true}};
    s->primary_key = ARENA_ARRAY(&s->arena, size_t, 1);
    s->primary_key_count = 1;
    f->schema = s;
    f->table = (struct source_table){.database = STR("fake"),
                                     .name = STR("t"),
                                     .label = STR("fake.t"),
                                     .schema = s,
                                     .estimated_rows = FAKE_KEYS};
    *out = f;
    return true;
}

static void fake_close(void *self)
{
    struct fake *f = self;
    schema_free(f->schema);
    mem_free(f);
}

static bool fake_discover(void *self, struct source_tables *out, struct error *err)
{
    struct fake *f = self;
    (void)err;
    *out = (struct source_tables){.tables = &f->table, .count = 1};
    return true;
}

static struct source_caps fake_caps(void *self)
{
    (void)self;
    return (struct source_caps){.shared_snapshot = true};
}

static bool fake_start(void *self, struct position **out, bool *out_copy, struct error *err)
{
    (void)self;
    (void)err;
    *out = position_of(atomic_load(&log_end));
    *out_copy = true;
    return true;
}

static bool fake_current(void *self, struct position **out, struct error *err)
{
    (void)self;
    (void)err;
    *out = position_of(atomic_load(&log_end));
    return true;
}

static bool fake_check_position(void *self, const struct position *from, struct error *err)
{
    (void)self;
    (void)from;
    (void)err;
    return true;
}

static bool fake_shared_begin(void *self, size_t readers, struct position **out, struct error *err)
{
    (void)readers;
    return fake_current(self, out, err);
}

static void fake_shared_end(void *self)
{
    (void)self;
}

static bool fake_plan(void *self, const struct source_table *table,
                      const struct source_chunk *after, size_t max, struct arena *arena,
                      struct source_chunk *out, size_t *out_count, bool *out_done,
                      struct error *err)
{
    int64_t from = 0;
    (void)self;
    (void)err;
    if (after != NULL) {
        must(str_to_i64(after->id, &from));
    }
    *out_count = 0;
    while (*out_count < max && *out_count < 3 && from < FAKE_KEYS) {
        char id[32];
        from += CHUNK_KEYS;
        (void)snprintf(id, sizeof id, "%lld", (long long)from);
        out[(*out_count)++] =
            (struct source_chunk){.table = table->index, .id = arena_str(arena, str_of(id))};
    }
    *out_done = from >= FAKE_KEYS;
    return true;
}

static bool fake_chunk_reader(void *self, size_t slot, struct source_reader **out,
                              struct error *err)
{
    (void)slot;
    (void)err;
    *out = MEM_NEW(struct source_reader);
    (*out)->fake = self;
    return true;
}

static bool fake_chunk_start(struct source_reader *r, const struct source_table *table,
                             const struct source_chunk *chunk, struct error *err)
{
    (void)table;
    (void)err;
    must(str_to_i64(chunk->id, &r->to));
    r->from = r->to - CHUNK_KEYS;
    r->visible = atomic_load(&log_end);
    return true;
}

static enum source_read fake_chunk_read(struct source_reader *r, struct batch *batch,
                                        struct source_seen *out_seen, struct error *err)
{
    (void)err;
    for (int64_t key = r->from; key < r->to; key++) {
        int64_t version = fake_source_version(key, r->visible);
        if (version >= 0) {
            struct value *row = row_of(&batch->arena, key, version);
            batch_add(batch)->values = row;
        }
    }
    /* as a server would say that knows less than it shows */
    *out_seen = (struct source_seen){.low = position_of(r->visible),
                                     .high = position_of(atomic_load(&log_end))};
    return SOURCE_END;
}

static bool fake_stream_open(void *self, const struct position *from, struct source_reader **out,
                             struct error *err)
{
    (void)err;
    *out = MEM_NEW(struct source_reader);
    (*out)->fake = self;
    (*out)->next = number_of(from) + 1;
    return true;
}

static void deliver(struct batch *batch, uint64_t n)
{
    struct batch_transaction *t = batch_begin(batch);
    t->place = place_of(n);
    t->from = 0;
    t->count = 0;
    for (unsigned i = 0; i < CHANGES; i++) {
        int64_t key = key_of(n, i);
        int64_t before = fake_source_version(key, n - 1);
        for (unsigned k = 0; k < i; k++) {
            if (key_of(n, k) == key) {
                before = deletes(n, k) ? -1 : (int64_t)n;
            }
        }
        if (deletes(n, i) && before < 0) {
            continue;
        }
        struct value *old = before < 0 ? NULL : row_of(&batch->arena, key, before);
        struct value *new = deletes(n, i) ? old : row_of(&batch->arena, key, (int64_t)n);
        struct change *c = batch_add(batch);
        c->kind = deletes(n, i) ? ROW_DELETE : (old == NULL ? ROW_INSERT : ROW_UPDATE_AFTER);
        c->values = new;
        c->before = c->kind == ROW_UPDATE_AFTER ? old : NULL;
        batch->transactions[batch->transaction_count - 1].count++;
    }
}

static enum source_read fake_stream_read(struct source_reader *r, uint32_t wait_ms,
                                         struct batch *batch, struct source_notice *out_notices,
                                         size_t *out_notice_count, struct error *err)
{
    *out_notice_count = 0;
    if (atomic_exchange(&broken, false)) {
        error_set(err, FAIL_IO, "the fake server went away");
        return SOURCE_FAILED;
    }
    uint64_t end = atomic_load(&log_end);
    for (int i = 0; i < 20 && r->next <= end && !r->noticed; i++) {
        if (r->next == atomic_load(&notice_at)) {
            out_notices[(*out_notice_count)++] =
                (struct source_notice){.reason = STR("its shape changed")};
            r->noticed = true;
            return SOURCE_BATCH;
        }
        deliver(batch, r->next++);
    }
    if (batch->transaction_count > 0) {
        return SOURCE_BATCH;
    }
    if (stop_wait(r->fake->stop, wait_ms < 20 ? wait_ms : 20)) {
        error_set(err, FAIL_STOPPED, "stopped");
        return SOURCE_FAILED;
    }
    return SOURCE_IDLE;
}

static void fake_reader_close(struct source_reader *r)
{
    mem_free(r);
}

static bool fake_ack(void *self, const struct position *p, struct error *err)
{
    (void)self;
    (void)err;
    atomic_store(&acked, number_of(p));
    return true;
}

static void fake_describe(void *self, const struct position *p, struct buf *out)
{
    (void)self;
    buf_printf(out, "%llu", (unsigned long long)number_of(p));
}

static const struct source_ops fake_ops = {
    .name = "fake",
    .options = &fake_table,
    .check = fake_check,
    .open = fake_open,
    .close = fake_close,
    .discover = fake_discover,
    .caps = fake_caps,
    .start_position = fake_start,
    .current_position = fake_current,
    .check_position = fake_check_position,
    .shared_begin = fake_shared_begin,
    .shared_end = fake_shared_end,
    .plan = fake_plan,
    .chunk_reader = fake_chunk_reader,
    .chunk_start = fake_chunk_start,
    .chunk_read = fake_chunk_read,
    .stream_open = fake_stream_open,
    .stream_read = fake_stream_read,
    .reader_close = fake_reader_close,
    .ack = fake_ack,
    .describe = fake_describe,
};

const struct source_ops *const source_list[] = {&fake_ops, NULL};

const struct source_ops *source_find(struct str type)
{
    return str_eq(type, STR("fake")) ? &fake_ops : NULL;
}
