/* The contract of the fs seam (sink/fs/fs.h), sentence by sentence, on every implementation. An
 * implementation joins by a line in `stores`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "sink/fs/fs.h"

struct store {
    const char *name;
    const char *scheme; /* before the folder's path */
};

static const struct store stores[] = {{"local", ""}, {"local", "file://"}, {"local", "file:"}};
#define STORES (sizeof(stores) / sizeof(stores[0]))

struct fixture {
    struct arena arena;
    struct fs fs;
    const char *root;
    char folder[64];
    struct error err;
};

static void remove_tree(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *d;
    char child[1024];
    while (dir != NULL && (d = readdir(dir)) != NULL) {
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0) {
            (void)snprintf(child, sizeof(child), "%s/%s", path, d->d_name);
            if (unlink(child) != 0) {
                remove_tree(child);
            }
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
        (void)rmdir(path);
    }
}

static void open_store(struct fixture *f, const struct store *s)
{
    char uri[128];
    memset(f, 0, sizeof(*f));
    (void)snprintf(f->folder, sizeof(f->folder), "/tmp/inlet-fs-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    (void)snprintf(uri, sizeof(uri), "%s%s/", s->scheme, f->folder);
    assert_true(fs_open(str_of(uri), &f->arena, &f->fs, &f->root, &f->err));
    assert_string_equal(f->fs.ops->name, s->name);
    assert_string_equal(f->root, f->folder);
}

static void close_store(struct fixture *f)
{
    fs_close(&f->fs);
    assert_null(f->fs.ops);
    arena_release(&f->arena);
    remove_tree(f->folder);
}

static const char *at(struct fixture *f, const char *name)
{
    size_t len = strlen(f->root) + strlen(name) + 2;
    char *p = arena_alloc(&f->arena, len);
    (void)snprintf(p, len, "%s/%s", f->root, name);
    return p;
}

#define OK(call)                                                                                   \
    do {                                                                                           \
        if (!(call)) {                                                                             \
            fail_msg("%s: %s", #call, f->err.text);                                                \
        }                                                                                          \
    } while (0)

static void expect_bytes(struct fixture *f, const char *path, struct str bytes)
{
    struct buf b = BUF_INIT(1 << 24);
    bool found = false;
    OK(f->fs.ops->read(f->fs.self, path, &b, &found, &f->err));
    assert_true(found);
    assert_true(str_eq(buf_str(&b), bytes));
    buf_release(&b);
}

static void expect_absent(struct fixture *f, const char *path)
{
    struct buf b = BUF_INIT(64);
    bool found = true;
    uint64_t size = 7;
    OK(f->fs.ops->read(f->fs.self, path, &b, &found, &f->err));
    assert_false(found);
    found = true;
    OK(f->fs.ops->size(f->fs.self, path, &size, &found, &f->err));
    assert_false(found);
    buf_release(&b);
}

static size_t count_in(struct fixture *f, const char *folder)
{
    struct fs_entry *entries;
    size_t count;
    OK(f->fs.ops->list(f->fs.self, folder, &f->arena, &entries, &count, &f->err));
    return count;
}

static void streamed(struct fixture *f)
{
    struct fs_out *out;
    const char *path = at(f, "a/b/c/data-0.avro"); /* folders are made as needed */
    struct buf all = BUF_INIT(1 << 24);
    OK(f->fs.ops->create(f->fs.self, path, &out, &f->err));
    /* pieces below, at and above any buffer */
    static const size_t sizes[] = {0, 1, 70000, 65536, 131072, 131073, 3, 400000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t from = all.len;
        for (size_t k = 0; k < sizes[i]; k++) {
            buf_put_byte(&all, (uint8_t)(k * 31 + i));
        }
        struct str piece = {sizes[i] == 0 ? NULL : all.ptr + from, sizes[i]};
        OK(f->fs.ops->append(out, piece, &f->err));
    }
    OK(f->fs.ops->finish(out, &f->err));
    expect_bytes(f, path, buf_str(&all));
    assert_int_equal(count_in(f, at(f, "a/b/c")), 1); /* nothing beside it */

    /* its name is taken now */
    assert_false(f->fs.ops->create(f->fs.self, path, &out, &f->err));
    assert_int_equal(f->err.code, FAIL_CONFLICT);
    assert_non_null(strstr(f->err.text, path));
    expect_bytes(f, path, buf_str(&all));

    /* read_range: exact, or damage */
    char part[200];
    OK(f->fs.ops->read_range(f->fs.self, path, 131000, sizeof(part), part, &f->err));
    assert_memory_equal(part, all.ptr + 131000, sizeof(part));
    OK(f->fs.ops->read_range(f->fs.self, path, all.len, 0, part, &f->err));
    assert_false(f->fs.ops->read_range(f->fs.self, path, all.len - 100, 101, part, &f->err));
    assert_int_equal(f->err.code, FAIL_CORRUPT);
    assert_false(f->fs.ops->read_range(f->fs.self, at(f, "a/none"), 0, 1, part, &f->err));
    assert_int_equal(f->err.code, FAIL_CORRUPT);

    uint64_t size = 0;
    bool found = false;
    OK(f->fs.ops->size(f->fs.self, path, &size, &found, &f->err));
    assert_true(found);
    assert_int_equal(size, all.len);

    /* a read beyond the buffer's maximum is refused; one of exactly the maximum is not */
    struct buf small = BUF_INIT(all.len - 1);
    assert_false(f->fs.ops->read(f->fs.self, path, &small, &found, &f->err));
    assert_int_equal(f->err.code, FAIL_LIMIT);
    buf_release(&small);
    struct buf exact = BUF_INIT(all.len);
    OK(f->fs.ops->read(f->fs.self, path, &exact, &found, &f->err));
    assert_int_equal(exact.len, all.len);
    buf_release(&exact);

    /* abandoned: never there */
    OK(f->fs.ops->create(f->fs.self, at(f, "a/x"), &out, &f->err));
    OK(f->fs.ops->append(out, STR("half"), &f->err));
    f->fs.ops->abandon(out);
    expect_absent(f, at(f, "a/x"));
    f->fs.ops->abandon(NULL);

    /* empty files are files */
    OK(f->fs.ops->create(f->fs.self, at(f, "empty"), &out, &f->err));
    OK(f->fs.ops->finish(out, &f->err));
    expect_bytes(f, at(f, "empty"), STR(""));
    buf_release(&all);
}

static void whole(struct fixture *f)
{
    const char *path = at(f, "t/snapshot/snapshot-1");
    expect_absent(f, path);
    assert_int_equal(count_in(f, at(f, "t/snapshot")), 0); /* a missing folder is empty */
    OK(f->fs.ops->publish(f->fs.self, path, STR("one"), &f->err));
    expect_bytes(f, path, STR("one"));
    assert_false(f->fs.ops->publish(f->fs.self, path, STR("two"), &f->err));
    assert_int_equal(f->err.code, FAIL_CONFLICT);
    expect_bytes(f, path, STR("one"));
    assert_int_equal(count_in(f, at(f, "t/snapshot")), 1); /* no drafts, also when it failed */

    OK(f->fs.ops->replace(f->fs.self, path, STR("three"), &f->err));
    expect_bytes(f, path, STR("three"));
    OK(f->fs.ops->replace(f->fs.self, at(f, "t/consumer/c"), STR(""), &f->err)); /* makes, too */
    expect_bytes(f, at(f, "t/consumer/c"), STR(""));

    OK(f->fs.ops->remove(f->fs.self, path, &f->err));
    OK(f->fs.ops->remove(f->fs.self, path, &f->err));
    OK(f->fs.ops->remove(f->fs.self, at(f, "no/such/folder"), &f->err));
    expect_absent(f, path);
    OK(f->fs.ops->publish(f->fs.self, path, STR("again"), &f->err));
}

static void listed(struct fixture *f)
{
    struct fs_entry *entries;
    size_t count;
    OK(f->fs.ops->replace(f->fs.self, at(f, "d/x"), STR("12345"), &f->err));
    OK(f->fs.ops->replace(f->fs.self, at(f, "d/sub/y"), STR("1"), &f->err));
    OK(f->fs.ops->replace(f->fs.self, at(f, "d/größe"), STR(""), &f->err));
    OK(f->fs.ops->list(f->fs.self, at(f, "d"), &f->arena, &entries, &count, &f->err));
    assert_int_equal(count, 3);
    unsigned seen = 0;
    for (size_t i = 0; i < count; i++) {
        if (str_eq(entries[i].name, STR("x"))) {
            seen |= 1;
            assert_int_equal(entries[i].size_bytes, 5);
            assert_false(entries[i].is_folder);
        } else if (str_eq(entries[i].name, STR("sub"))) {
            seen |= 2;
            assert_true(entries[i].is_folder);
        } else if (str_eq(entries[i].name, STR("größe"))) {
            seen |= 4;
        }
    }
    assert_int_equal(seen, 7);
}

/* What is no draft of ours stays, another program's drafts too. */
static void tidied(struct fixture *f)
{
    static const char *const names[] = {"d/snapshot-1", "d/x.tmp", "d/.hidden", "d/.y.0a.tmp"};
    for (size_t i = 0; i < 4; i++) {
        OK(f->fs.ops->replace(f->fs.self, at(f, names[i]), STR("1"), &f->err));
    }
    OK(f->fs.ops->tidy(f->fs.self, at(f, "d"), &f->err));
    OK(f->fs.ops->tidy(f->fs.self, at(f, "none"), &f->err));
    for (size_t i = 0; i < 4; i++) {
        expect_bytes(f, at(f, names[i]), STR("1"));
    }
}

struct race {
    struct fixture *f;
    const char *path;
    atomic_int won, lost, other;
};

static void *publish_once(void *arg)
{
    struct race *r = arg;
    struct error err = {0};
    char text[32];
    (void)snprintf(text, sizeof(text), "%p", (void *)&err);
    if (r->f->fs.ops->publish(r->f->fs.self, r->path, str_of(text), &err)) {
        atomic_fetch_add(&r->won, 1);
    } else {
        atomic_fetch_add(err.code == FAIL_CONFLICT ? &r->lost : &r->other, 1);
    }
    return NULL;
}

/* Many at once: one wins, the others hear of it. */
static void exclusive(struct fixture *f)
{
    for (int round = 0; round < 20; round++) {
        pthread_t threads[8];
        char name[32];
        (void)snprintf(name, sizeof(name), "race-%d/sub/snapshot-1", round);
        struct race r = {.f = f, .path = at(f, name)};
        for (size_t i = 0; i < 8; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, publish_once, &r), 0);
        }
        for (size_t i = 0; i < 8; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        }
        assert_int_equal(atomic_load(&r.won), 1);
        assert_int_equal(atomic_load(&r.lost), 7);
    }
}

static void on_all(void (*test)(struct fixture *f))
{
    for (size_t i = 0; i < STORES; i++) {
        struct fixture f;
        open_store(&f, &stores[i]);
        test(&f);
        close_store(&f);
    }
}

static void streamed_files(void **state)
{
    (void)state;
    on_all(streamed);
}

static void whole_files(void **state)
{
    (void)state;
    on_all(whole);
}

static void listing(void **state)
{
    (void)state;
    on_all(listed);
}

static void tidying(void **state)
{
    (void)state;
    on_all(tidied);
}

static void publish_is_exclusive(void **state)
{
    (void)state;
    on_all(exclusive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streamed_files),
        cmocka_unit_test(whole_files),
        cmocka_unit_test(listing),
        cmocka_unit_test(tidying),
        cmocka_unit_test(publish_is_exclusive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
