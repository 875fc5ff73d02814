#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "sink/fs/fs.h"
#include "sink/fs/fs_local.h"

static int make_folder(void **state)
{
    char *folder = mem_dup("/tmp/inlet-local-XXXXXX", 23);
    *state = folder;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf %s", (char *)*state);
    int rc = system(command);
    mem_free(*state);
    return rc;
}

static size_t files_in(const char *folder)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    struct dirent *d;
    while (dir != NULL && (d = readdir(dir)) != NULL) {
        count += strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return count;
}

static void warehouse_texts(void **state)
{
    (void)state;
    static const struct {
        const char *uri;
        const char *root; /* NULL: refused */
        const char *says;
    } cases[] = {
        {"/lake", "/lake", NULL},
        {"/lake///", "/lake", NULL},
        {"file:/lake", "/lake", NULL},
        {"file:///lake/x", "/lake/x", NULL},
        {"FILE:///lake", "/lake", NULL},
        {"file://localhost/lake", "/lake", NULL},
        {" /lake ", "/lake", NULL},
        {"s3://bucket/x", NULL, "s3:// is not supported yet"},
        {"hdfs://n:8020/x", NULL, "hdfs:// is not supported yet"},
        {"oss://b", NULL, "oss:// is not supported yet"},
        {"lake", NULL, "not an absolute path"},
        {"", NULL, "not an absolute path"},
        {"/", NULL, "root folder"},
        {"file:///", NULL, "root folder"},
        {"file://host/lake", NULL, "not an absolute path"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena a = {0};
        struct fs fs;
        struct error err = {0};
        const char *root = NULL;
        bool ok = fs_open(str_of(cases[i].uri), &a, &fs, &root, &err);
        if (cases[i].root != NULL) {
            assert_true(ok);
            assert_string_equal(root, cases[i].root);
            fs_close(&fs);
        } else {
            assert_false(ok);
            assert_int_equal(err.code, FAIL_CONFIG);
            assert_non_null(strstr(err.text, cases[i].says));
        }
        arena_release(&a);
    }
}

static void errors_name_path_and_remedy(void **state)
{
    struct fs fs = fs_local_open();
    struct error err = {0};
    struct fs_out *out;
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/file", (char *)*state);
    assert_true(fs.ops->replace(fs.self, path, STR("x"), &err));
    (void)snprintf(path, sizeof(path), "%s/file/below", (char *)*state);
    assert_false(fs.ops->create(fs.self, path, &out, &err));
    assert_int_equal(err.code, FAIL_IO);
    assert_non_null(strstr(err.text, "/file"));
    assert_non_null(strstr(err.text, "a file stands where a folder is needed"));
    assert_false(fs.ops->publish(fs.self, path, STR("x"), &err));
    assert_false(fs.ops->replace(fs.self, "relative/path", STR("x"), &err));
    assert_int_equal(err.code, FAIL_CONFIG);
    (void)snprintf(path, sizeof(path), "%s/%0250d", (char *)*state, 0);
    assert_false(fs.ops->publish(fs.self, path, STR("x"), &err)); /* no room for the draft's name */
    assert_int_equal(err.code, FAIL_CONFIG);
    struct buf b = BUF_INIT(100);
    bool found;
    assert_false(fs.ops->read(fs.self, (char *)*state, &b, &found, &err)); /* a folder */
    assert_int_equal(err.code, FAIL_IO);
    buf_release(&b);
}

/* Rights are tried as another user, since root has all of them. */
static void rights_are_denied(void **state)
{
    char *folder = *state;
    if (geteuid() != 0) {
        skip();
    }
    assert_int_equal(chmod(folder, 0755), 0);
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct fs fs = fs_local_open();
        struct error err = {0};
        char path[256];
        (void)snprintf(path, sizeof(path), "%s/new/file", folder);
        bool ok = setuid(65534) == 0 && !fs.ops->publish(fs.self, path, STR("x"), &err) &&
                  err.code == FAIL_DENIED && strstr(err.text, folder) != NULL &&
                  strstr(err.text, "give the user that runs inlet the right") != NULL;
        _exit(ok ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* A limit on the size of files stands in for a full disk: the half-written file must go. */
static void short_writes_leave_nothing(void **state)
{
    char *folder = *state;
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit limit = {100000, 100000};
        struct fs fs = fs_local_open();
        struct error err = {0};
        struct fs_out *out;
        char path[256];
        char *bytes = mem_zalloc(300000);
        struct str all = {bytes, 300000};
        (void)signal(SIGXFSZ, SIG_IGN);
        (void)setrlimit(RLIMIT_FSIZE, &limit);
        (void)snprintf(path, sizeof(path), "%s/f", folder);
        bool ok = fs.ops->create(fs.self, path, &out, &err) && !fs.ops->append(out, all, &err) &&
                  err.code == FAIL_IO && strstr(err.text, path) != NULL;
        fs.ops->abandon(out);
        ok = ok && files_in(folder) == 0;
        /* buffered bytes fail at the end */
        all.len = 120000;
        ok = ok && fs.ops->create(fs.self, path, &out, &err) && fs.ops->append(out, all, &err) &&
             !fs.ops->finish(out, &err) && files_in(folder) == 0;
        ok = ok && !fs.ops->publish(fs.self, path, all, &err) && err.code == FAIL_IO &&
             files_in(folder) == 0;
        ok = ok && !fs.ops->replace(fs.self, path, all, &err) && files_in(folder) == 0;
        mem_free(bytes);
        _exit(ok ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

#ifdef INLET_FAILPOINTS

/* Runs body in a process of its own with the failpoints set; true when it says so. */
static bool in_child(const char *points, const char *folder, bool (*body)(const char *path))
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/snapshot-1", folder);
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        (void)setenv("INLET_FAILPOINT", points, 1);
        _exit(body(path) ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGKILL);
        return true;
    }
    return WEXITSTATUS(status) == 0;
}

static bool publish_fails_io(const char *path)
{
    struct fs fs = fs_local_open();
    struct error err = {0};
    return !fs.ops->publish(fs.self, path, STR("x"), &err) && err.code == FAIL_IO &&
           strstr(err.text, path) != NULL;
}

static bool publish_fails_full(const char *path)
{
    struct fs fs = fs_local_open();
    struct error err = {0};
    return !fs.ops->publish(fs.self, path, STR("x"), &err) && err.code == FAIL_IO &&
           strstr(err.text, "free space") != NULL;
}

static bool publish_unknown(const char *path)
{
    struct fs fs = fs_local_open();
    struct error err = {0};
    return !fs.ops->publish(fs.self, path, STR("x"), &err) && err.code == FAIL_UNKNOWN;
}

static bool replace_fails(const char *path)
{
    struct fs fs = fs_local_open();
    struct error err = {0};
    return !fs.ops->replace(fs.self, path, STR("new"), &err) && err.code == FAIL_IO;
}

static bool create_fails(const char *path)
{
    struct fs fs = fs_local_open();
    struct error err = {0};
    struct fs_out *out = NULL;
    return !fs.ops->create(fs.self, path, &out, &err) && err.code == FAIL_IO && out == NULL;
}

static bool append_fails(const char *path)
{
    struct fs fs = fs_local_open();
    struct error err = {0};
    struct fs_out *out;
    bool ok = fs.ops->create(fs.self, path, &out, &err) && fs.ops->append(out, STR("a"), &err) &&
              !fs.ops->append(out, STR("b"), &err) && strstr(err.text, "free space") != NULL;
    fs.ops->abandon(out);
    return ok;
}

static bool finish_fails(const char *path)
{
    struct fs fs = fs_local_open();
    struct error err = {0};
    struct fs_out *out;
    return fs.ops->create(fs.self, path, &out, &err) && fs.ops->append(out, STR("a"), &err) &&
           !fs.ops->finish(out, &err) && err.code == FAIL_IO;
}

static void every_failpoint(void **state)
{
    char *folder = *state;
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/snapshot-1", folder);
    assert_true(in_child("fs.fsync=error", folder, publish_fails_io));
    assert_true(in_child("fs.publish.before-link=enospc", folder, publish_fails_full));
    assert_true(in_child("fs.create=error", folder, create_fails));
    assert_true(in_child("fs.append:2=enospc", folder, append_fails));
    assert_true(in_child("fs.fsync=error", folder, finish_fails));
    assert_int_equal(files_in(folder), 0);

    /* dies before the link: a draft at most, which no reader lists */
    assert_true(in_child("fs.publish.before-link=kill", folder, publish_fails_io));
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(files_in(folder), 1);
    assert_true(fs_local_open().ops->tidy(NULL, folder, &(struct error){0}));
    assert_int_equal(files_in(folder), 0);

    /* after the link the file stands, and says so by UNKNOWN */
    assert_true(in_child("fs.publish.after-link=error", folder, publish_unknown));
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(unlink(path), 0);
    assert_true(in_child("fs.publish.after-link=kill", folder, publish_unknown));
    assert_int_equal(access(path, F_OK), 0);

    assert_true(in_child("fs.replace=error", folder, replace_fails));
    struct fs fs = fs_local_open();
    struct buf b = BUF_INIT(100);
    struct error err = {0};
    bool found;
    assert_true(fs.ops->read(fs.self, path, &b, &found, &err));
    assert_true(str_eq(buf_str(&b), STR("x"))); /* the old one */
    buf_release(&b);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef INLET_FAILPOINTS
        /* first: the failpoints of a process are read at its first passage */
        cmocka_unit_test_setup_teardown(every_failpoint, make_folder, remove_folder),
#endif
        cmocka_unit_test(warehouse_texts),
        cmocka_unit_test_setup_teardown(errors_name_path_and_remedy, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(rights_are_denied, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(short_writes_leave_nothing, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
