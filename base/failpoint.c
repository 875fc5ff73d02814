#include "base/failpoint.h"

#include "base/attr.h" /* so that the file is not empty without failpoints */

#ifdef INLET_FAILPOINTS

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

enum action { ACTION_KILL, ACTION_STOP, ACTION_ERROR, ACTION_ENOSPC, ACTION_SLEEP };

#define MAX_POINTS 32

struct point {
    struct str name; /* into the environment */
    enum action action;
    uint64_t nth; /* 0: at every passage */
    uint64_t sleep_ms;
    atomic_uint_fast64_t passed;
};

/* Written once, before the first passage; only the counters change afterwards. */
static struct point points[MAX_POINTS];
static size_t point_count;
static pthread_once_t points_once = PTHREAD_ONCE_INIT;

NO_RETURN static void refuse(struct str entry)
{
    (void)fprintf(stderr,
                  "INLET_FAILPOINT: \"%.*s\" is not name[:n|:*]=kill|stop|error|enospc|sleep<ms>\n",
                  STR_FMT(entry));
    abort(); /* a test that asks for what there is not must not pass */
}

static void parse_action(struct str entry, struct str text, struct point *p)
{
    if (str_eq(text, STR("kill"))) {
        p->action = ACTION_KILL;
    } else if (str_eq(text, STR("stop"))) {
        p->action = ACTION_STOP;
    } else if (str_eq(text, STR("error"))) {
        p->action = ACTION_ERROR;
    } else if (str_eq(text, STR("enospc"))) {
        p->action = ACTION_ENOSPC;
    } else if (str_starts(text, STR("sleep")) &&
               str_to_u64(str_slice(text, 5, text.len), &p->sleep_ms)) {
        p->action = ACTION_SLEEP;
    } else {
        refuse(entry);
    }
}

static void parse_points(void)
{
    const char *env = getenv("INLET_FAILPOINT");
    if (env == NULL || env[0] == '\0') {
        return;
    }
    struct str rest = str_of(env);
    struct str entry;
    while (str_next(&rest, ',', &entry)) {
        must(point_count < MAX_POINTS);
        struct point *p = &points[point_count];
        size_t equals = str_find(entry, '=');
        struct str name = str_slice(entry, 0, equals);
        size_t colon = str_find(name, ':');
        p->nth = 1;
        struct str nth = str_slice(name, colon + (colon < name.len), name.len);
        bool every = str_eq(nth, STR("*"));
        if (every) {
            p->nth = 0;
        } else if (nth.len > 0 && (!str_to_u64(nth, &p->nth) || p->nth == 0)) {
            refuse(entry);
        }
        p->name = str_slice(name, 0, colon);
        if (equals == entry.len || p->name.len == 0) {
            refuse(entry);
        }
        parse_action(entry, str_slice(entry, equals + 1, entry.len), p);
        point_count++;
    }
}

static void sleep_ms(uint64_t ms)
{
    struct timespec left = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static bool act(const struct point *p)
{
    switch (p->action) {
    case ACTION_KILL:
        (void)raise(SIGKILL);
        break;
    case ACTION_STOP:
        (void)kill(getpid(), SIGSTOP);
        break;
    case ACTION_ERROR:
        errno = EIO;
        return false;
    case ACTION_ENOSPC:
        errno = ENOSPC;
        return false;
    case ACTION_SLEEP:
        sleep_ms(p->sleep_ms);
        break;
    }
    return true;
}

bool failpoint_pass(const char *name)
{
    (void)pthread_once(&points_once, parse_points);
    bool ok = true;
    for (size_t i = 0; i < point_count; i++) {
        struct point *p = &points[i];
        if (str_eq(p->name, str_of(name))) {
            uint64_t passage = atomic_fetch_add(&p->passed, 1) + 1;
            if (p->nth == 0 || passage == p->nth) {
                ok = act(p) && ok;
            }
        }
    }
    return ok;
}

#endif
