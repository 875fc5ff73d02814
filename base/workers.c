#include "base/workers.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

#include "base/mem.h"

struct task {
    struct task *next;
    void (*run)(void *arg);
    void *arg;
};

struct workers {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct task *first;
    struct task **end; /* where the next task is linked in */
    size_t pending;    /* queued and running */
    bool stopping;
    size_t count;
    pthread_t *threads;
    const char *name;
};

/* Each worker ends when asked to and nothing is queued any more; tasks run unlocked. */
static void *work(void *arg)
{
    struct workers *w = arg;
    (void)pthread_mutex_lock(&w->lock);
    for (;;) {
        while (w->first == NULL && !w->stopping) {
            must(pthread_cond_wait(&w->wake, &w->lock) == 0);
        }
        struct task *task = w->first;
        if (task == NULL) {
            break;
        }
        w->first = task->next;
        if (w->first == NULL) {
            w->end = &w->first;
        }
        (void)pthread_mutex_unlock(&w->lock);
        task->run(task->arg);
        mem_free(task);
        (void)pthread_mutex_lock(&w->lock);
        w->pending--;
    }
    (void)pthread_mutex_unlock(&w->lock);
    return NULL;
}

struct workers *workers_new(size_t threads, const char *name)
{
    struct workers *w = MEM_NEW(struct workers);
    sigset_t all;
    sigset_t old;
    w->end = &w->first;
    w->count = threads == 0 ? 1 : threads;
    w->threads = MEM_ARRAY(pthread_t, w->count);
    w->name = name;
    must(pthread_mutex_init(&w->lock, NULL) == 0);
    must(pthread_cond_init(&w->wake, NULL) == 0);
    (void)sigfillset(&all); /* signals are for the main thread */
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    for (size_t i = 0; i < w->count; i++) {
        must(pthread_create(&w->threads[i], NULL, work, w) == 0);
    }
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return w;
}

void workers_add(struct workers *w, void (*run)(void *arg), void *arg)
{
    struct task *task = MEM_NEW(struct task);
    task->run = run;
    task->arg = arg;
    (void)pthread_mutex_lock(&w->lock);
    *w->end = task;
    w->end = &task->next;
    w->pending++;
    (void)pthread_cond_signal(&w->wake);
    (void)pthread_mutex_unlock(&w->lock);
}

size_t workers_pending(struct workers *w)
{
    (void)pthread_mutex_lock(&w->lock);
    size_t pending = w->pending;
    (void)pthread_mutex_unlock(&w->lock);
    return pending;
}

void workers_stop(struct workers *w)
{
    if (w == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&w->lock);
    w->stopping = true;
    (void)pthread_cond_broadcast(&w->wake);
    (void)pthread_mutex_unlock(&w->lock);
    for (size_t i = 0; i < w->count; i++) {
        must(pthread_join(w->threads[i], NULL) == 0);
    }
    (void)pthread_cond_destroy(&w->wake);
    (void)pthread_mutex_destroy(&w->lock);
    mem_free(w->threads);
    mem_free(w);
}
