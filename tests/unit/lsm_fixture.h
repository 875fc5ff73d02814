/* tests/unit/lsm_fixture.h: what the tests of runs, merges and compactions share: a store in memory
 * that fails its n-th call, a few table shapes, rows by key, and reading files back. */
#pragma once

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/schema.h"
#include "sink/data_file.h"
#include "sink/format/format.h"
#include "sink/fs/fs.h"
#include "sink/run_reader.h"
#include "sink/run_writer.h"

/* A store in memory. Only whole files are seen. Call number fail_at (from 1) fails with FAIL_IO; 0:
 * none does. */
struct memfs_file {
    char *path;
    struct buf bytes;
};
struct memfs {
    struct memfs_file files[512];
    size_t count;
    size_t open; /* files being written */
    long calls, fail_at;
};
struct fs_out {
    struct memfs *fs;
    char *path;
    struct buf bytes;
};

static inline bool memfs_fails(struct memfs *m, struct error *err)
{
    m->calls++;
    return m->calls == m->fail_at ? !error_set(err, FAIL_IO, "injected, call %ld", m->calls)
                                  : false;
}

static inline struct memfs_file *memfs_find(struct memfs *m, const char *path)
{
    for (size_t i = 0; i < m->count; i++) {
        if (strcmp(m->files[i].path, path) == 0) {
            return &m->files[i];
        }
    }
    return NULL;
}

static inline bool memfs_create(void *self, const char *path, struct fs_out **out,
                                struct error *err)
{
    struct memfs *m = self;
    if (memfs_fails(m, err)) {
        return false;
    }
    if (memfs_find(m, path) != NULL) {
        return error_set(err, FAIL_CONFLICT, "%s exists", path);
    }
    struct fs_out *o = MEM_NEW(struct fs_out);
    *o = (struct fs_out){m, mem_dup(path, strlen(path)), BUF_INIT((size_t)1 << 30)};
    m->open++;
    *out = o;
    return true;
}

static inline bool memfs_append(struct fs_out *o, struct str bytes, struct error *err)
{
    if (memfs_fails(o->fs, err)) {
        return false;
    }
    buf_put_str(&o->bytes, bytes);
    return true;
}

static inline void memfs_abandon(struct fs_out *o)
{
    o->fs->open--;
    buf_release(&o->bytes);
    mem_free(o->path);
    mem_free(o);
}

static inline bool memfs_finish(struct fs_out *o, struct error *err)
{
    struct memfs *m = o->fs;
    if (memfs_fails(m, err)) {
        memfs_abandon(o);
        return false;
    }
    must(m->count < sizeof(m->files) / sizeof(m->files[0]));
    m->files[m->count++] = (struct memfs_file){o->path, o->bytes};
    m->open--;
    mem_free(o);
    return true;
}

static inline bool memfs_replace(void *self, const char *path, struct str bytes, struct error *err)
{
    struct memfs *m = self;
    struct memfs_file *f = memfs_find(m, path);
    if (memfs_fails(m, err)) {
        return false;
    }
    if (f == NULL) {
        f = &m->files[m->count++];
        *f = (struct memfs_file){mem_dup(path, strlen(path)), BUF_INIT((size_t)1 << 30)};
    }
    buf_reset(&f->bytes);
    buf_put_str(&f->bytes, bytes);
    return true;
}

static inline bool memfs_publish(void *self, const char *path, struct str bytes, struct error *err)
{
    if (memfs_find(self, path) != NULL) {
        return error_set(err, FAIL_CONFLICT, "%s exists", path);
    }
    return memfs_replace(self, path, bytes, err);
}

static inline bool memfs_read(void *self, const char *path, struct buf *out, bool *out_found,
                              struct error *err)
{
    struct memfs_file *f = memfs_find(self, path);
    if (memfs_fails(self, err)) {
        return false;
    }
    *out_found = f != NULL;
    if (f != NULL) {
        buf_put_str(out, buf_str(&f->bytes));
    }
    return true;
}

static inline bool memfs_read_range(void *self, const char *path, uint64_t offset, size_t len,
                                    char *into, struct error *err)
{
    struct memfs_file *f = memfs_find(self, path);
    if (memfs_fails(self, err)) {
        return false;
    }
    if (f == NULL || offset > f->bytes.len || len > f->bytes.len - offset) {
        return error_set(err, FAIL_CORRUPT, "%s: short", path);
    }
    if (len > 0) {
        memcpy(into, f->bytes.ptr + offset, len);
    }
    return true;
}

static inline bool memfs_size(void *self, const char *path, uint64_t *out_bytes, bool *out_found,
                              struct error *err)
{
    struct memfs_file *f = memfs_find(self, path);
    if (memfs_fails(self, err)) {
        return false;
    }
    *out_found = f != NULL;
    *out_bytes = f == NULL ? 0 : f->bytes.len;
    return true;
}

static inline bool memfs_list(void *self, const char *folder, struct arena *arena,
                              struct fs_entry **out, size_t *out_count, struct error *err)
{
    (void)folder;
    (void)arena;
    if (memfs_fails(self, err)) {
        return false;
    }
    *out = NULL;
    *out_count = 0;
    return true;
}

static inline bool memfs_remove(void *self, const char *path, struct error *err)
{
    struct memfs *m = self;
    struct memfs_file *f = memfs_find(m, path);
    if (memfs_fails(m, err)) {
        return false;
    }
    if (f != NULL) {
        mem_free(f->path);
        buf_release(&f->bytes);
        *f = m->files[--m->count];
    }
    return true;
}

static inline void memfs_close(void *self)
{
    struct memfs *m = self;
    for (size_t i = 0; i < m->count; i++) {
        mem_free(m->files[i].path);
        buf_release(&m->files[i].bytes);
    }
    m->count = 0;
}

static const struct fs_ops memfs_ops = {
    .name = "memory",
    .create = memfs_create,
    .append = memfs_append,
    .finish = memfs_finish,
    .abandon = memfs_abandon,
    .publish = memfs_publish,
    .replace = memfs_replace,
    .read = memfs_read,
    .read_range = memfs_read_range,
    .size = memfs_size,
    .list = memfs_list,
    .remove = memfs_remove,
    .close = memfs_close,
};

/* Table shapes: the key first, then name VARCHAR and n BIGINT, both nullable. */
enum shape { SHAPE_INT, SHAPE_TEXT, SHAPE_PAIR, SHAPE_WIDE, SHAPE_COUNT };

struct fixture {
    struct arena arena;
    struct memfs memory;
    struct fs fs;
    struct schema *schema;
    struct data_file_layout layout;
    struct format_options format_options;
    atomic_uint_fast64_t counter;
    struct run_target data, changelog;
    struct run_schemas schemas;
    struct run_origin origin;
};

static inline void fixture_field(struct schema *s, const char *name, struct type type, bool key)
{
    s->fields[s->field_count] =
        (struct schema_field){.id = s->highest_field_id++, .name = str_of(name), .type = type};
    if (key) {
        s->primary_key[s->primary_key_count++] = s->field_count;
    }
    s->field_count++;
}

static inline struct schema *fixture_schema(enum shape shape)
{
    struct schema *s = schema_new();
    s->fields = ARENA_ARRAY(&s->arena, struct schema_field, 8);
    s->primary_key = ARENA_ARRAY(&s->arena, size_t, 2);
    if (shape == SHAPE_INT) {
        fixture_field(s, "id", (struct type){.kind = TYPE_INT}, true);
    } else if (shape == SHAPE_TEXT) {
        fixture_field(s, "code", (struct type){.kind = TYPE_VARCHAR, .length = 40}, true);
    } else if (shape == SHAPE_WIDE) {
        fixture_field(s, "id", (struct type){.kind = TYPE_DECIMAL, .precision = 20}, true);
    } else {
        fixture_field(s, "tenant", (struct type){.kind = TYPE_VARCHAR, .length = 9}, true);
        fixture_field(s, "id", (struct type){.kind = TYPE_BIGINT}, true);
    }
    fixture_field(s, "name",
                  (struct type){.kind = TYPE_VARCHAR, .length = TYPE_MAX_LENGTH, .nullable = true},
                  false);
    fixture_field(s, "n", (struct type){.kind = TYPE_BIGINT, .nullable = true}, false);
    return s;
}

#define FIXTURE_TABLE "/lake/db.db/t"

static inline void fixture_init(struct fixture *f, enum shape shape)
{
    memset(f, 0, sizeof(*f));
    struct error err;
    f->schema = fixture_schema(shape);
    data_file_layout(f->schema, &f->arena, &f->layout);
    f->fs = (struct fs){&memfs_ops, &f->memory};
    f->format_options = (struct format_options){.compression = STR("zstd"), .zstd_level = 1};
    f->data = (struct run_target){.fs = f->fs,
                                  .folder = FIXTURE_TABLE "/bucket-0",
                                  .schema = f->schema,
                                  .layout = &f->layout,
                                  .options = &f->format_options,
                                  .source = RUN_APPEND,
                                  .prefix = "data-",
                                  .uuid = "u",
                                  .counter = &f->counter,
                                  .target_file_bytes = (uint64_t)128 << 20,
                                  .stats_mode = COL_STATS_TRUNCATE,
                                  .stats_truncate = 16};
    must(format_of_option(STR("avro"), &f->data.format, &err));
    f->changelog = f->data;
    f->changelog.prefix = "changelog-";
    f->changelog.equal_keys = true;
    run_reader_schemas_init(&f->schemas, f->fs, FIXTURE_TABLE, f->schema);
    f->origin = (struct run_origin){.fs = f->fs,
                                    .folder = f->data.folder,
                                    .schema = f->schema,
                                    .layout = &f->layout,
                                    .schemas = &f->schemas};
}

static inline void fixture_release(struct fixture *f)
{
    must(f->memory.open == 0); /* nothing is left half-written */
    memfs_close(&f->memory);
    run_reader_schemas_release(&f->schemas);
    schema_free(f->schema);
    arena_release(&f->arena);
}

/* A row of the number key: keys order as their numbers do (0 … 10^9). n < 0 reads as null. */
struct fixture_row {
    struct value values[5];
    char text[32];
    char name[32];
    int128 wide;
};

static inline const struct value *fixture_values(const struct fixture *f, int64_t key, int64_t n,
                                                 struct fixture_row *r)
{
    memset(r, 0, sizeof(*r));
    size_t at = 1;
    const struct schema_field *first = &f->schema->fields[0];
    if (first->type.kind == TYPE_INT) {
        r->values[0] = (struct value){.i = key, .state = VALUE_SET};
    } else if (first->type.kind == TYPE_DECIMAL) {
        r->wide = (int128)key * 1000000007 + 12345678901;
        r->values[0] = (struct value){.wide = &r->wide, .state = VALUE_SET};
    } else if (f->layout.key_count == 1) {
        int len = snprintf(r->text, sizeof(r->text), "order-%010" PRId64, key);
        r->values[0] = (struct value){.bytes = r->text, .len = (uint32_t)len, .state = VALUE_SET};
    } else {
        int len = snprintf(r->text, sizeof(r->text), "t%03" PRId64, key / 100);
        r->values[0] = (struct value){.bytes = r->text, .len = (uint32_t)len, .state = VALUE_SET};
        r->values[1] = (struct value){.i = key % 100 - 50, .state = VALUE_SET};
        at = 2;
    }
    if (n >= 0) {
        int len = snprintf(r->name, sizeof(r->name), "name %" PRId64, n);
        r->values[at] = (struct value){.bytes = r->name, .len = (uint32_t)len, .state = VALUE_SET};
        r->values[at + 1] = (struct value){.i = n, .state = VALUE_SET};
    }
    return r->values;
}

/* The number of a row's key, and its n (-1: null). */
static inline int64_t fixture_key(const struct fixture *f, const struct value *key)
{
    int64_t number = 0;
    if (f->schema->fields[0].type.kind == TYPE_INT) {
        return key[0].i;
    }
    if (f->schema->fields[0].type.kind == TYPE_DECIMAL) {
        return (int64_t)((*key[0].wide - 12345678901) / 1000000007);
    }
    if (f->layout.key_count == 1) {
        must(str_to_i64(str_slice(value_str(&key[0]), 6, key[0].len), &number));
        return number;
    }
    must(str_to_i64(str_slice(value_str(&key[0]), 1, key[0].len), &number));
    return number * 100 + key[1].i + 50;
}

static inline int64_t fixture_n(const struct fixture *f, const struct value *values)
{
    const struct value *v = &values[f->schema->field_count - 1];
    return v->state == VALUE_SET ? v->i : -1;
}

/* One record, as numbers. */
struct record {
    int64_t key, sequence, n;
    uint8_t kind;
};

/* Reads a file whole; appends to records. Returns how many. */
static inline size_t fixture_read(struct fixture *f, const struct data_file *file,
                                  struct record *records, size_t room)
{
    struct error err = {0};
    struct run_reader *r = NULL;
    if (!run_reader_open(&f->origin, file, &r, &err)) {
        fail_msg("%s", err.text);
    }
    size_t count = 0;
    for (;;) {
        struct run_row row;
        enum next next = run_reader_next(r, &row, &err);
        if (next == NEXT_FAIL) {
            fail_msg("%s", err.text);
        }
        if (next == NEXT_END) {
            break;
        }
        must(count < room);
        records[count++] = (struct record){fixture_key(f, row.key), row.sequence,
                                           fixture_n(f, row.values), row.kind};
    }
    run_reader_close(r);
    return count;
}

/* Writes records, ascending by key, as one run; appends its files. */
static inline void fixture_write(struct fixture *f, int32_t level, const struct record *records,
                                 size_t count, struct run_files *out)
{
    struct error err = {0};
    struct run_target target = f->data;
    target.level = level;
    struct run_writer *w = run_writer_new(&target);
    for (size_t i = 0; i < count; i++) {
        struct fixture_row buffer;
        struct run_row row = {.values = fixture_values(f, records[i].key, records[i].n, &buffer),
                              .sequence = records[i].sequence,
                              .kind = records[i].kind};
        if (!run_writer_add(w, &row, &err)) {
            fail_msg("%s", err.text);
        }
    }
    if (!run_writer_finish(w, &f->arena, out, &err)) {
        fail_msg("%s", err.text);
    }
    run_writer_free(w);
}

static inline uint64_t fixture_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* INLET_SEED replays a run; the tests print it when they fail. */
static inline uint64_t fixture_seed(void)
{
    const char *text = getenv("INLET_SEED");
    uint64_t seed = 0;
    return text != NULL && str_to_u64(str_of(text), &seed) && seed != 0
               ? seed
               : UINT64_C(0x5eed5eed5eed5eed);
}
