/* tests/unit/lake_fixture.h: a lake of one test's own: an empty folder behind a real file system,
 * gone again at the test's end. For tests only; failures end the test. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "sink/fs/fs.h"
#include "sink/paths.h"

struct lake {
    struct arena arena;
    struct fs fs;
    const char *root;
    const char *path; /* a file in it that is not there yet */
    char folder[40];
    struct error err;
};

static inline void lake_open(struct lake *l)
{
    (void)snprintf(l->folder, sizeof l->folder, "/tmp/inlet-test-XXXXXX");
    assert_non_null(mkdtemp(l->folder));
    assert_true(fs_open(str_of(l->folder), &l->arena, &l->fs, &l->root, &l->err));
    l->path = paths_join(&l->arena, l->root, STR("data-0.avro"));
}

static inline void lake_close(struct lake *l)
{
    char command[64];
    (void)snprintf(command, sizeof command, "rm -rf %s", l->folder);
    assert_int_equal(system(command), 0);
    fs_close(&l->fs);
    arena_release(&l->arena);
}

/* For tests that need nothing else. */
static inline int lake_setup(void **state)
{
    struct lake *l = MEM_NEW(struct lake);
    lake_open(l);
    *state = l;
    return 0;
}

static inline int lake_teardown(void **state)
{
    lake_close(*state);
    mem_free(*state);
    return 0;
}

#define LAKE_OK(lake, call)                                                                        \
    do {                                                                                           \
        if (!(call)) {                                                                             \
            fail_msg("%s: %s", #call, (lake)->err.text);                                           \
        }                                                                                          \
    } while (0)
