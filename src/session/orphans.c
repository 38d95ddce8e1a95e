/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Counts the orphaned threads. */
#include "session/orphans.h"

#include <stdlib.h>

#include "util/clock.h"

/* How long the process waits for them at its end. */
#define EXIT_PATIENCE (5 * LM_SECOND_NS)

typedef struct {
    pthread_t handle;
    bool left;
} Thread;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static GArray *threads; /* Thread; NULL: there has been none */

/* The handler may be registered several times: all calls share the first one's deadline. */
static void wait_at_exit(void)
{
    static gint64 until;
    const gint64 now = lm_clock_now();
    if (!until)
        until = now + EXIT_PATIENCE;
    lm_orphans_wait(MAX(until - now, 0));
}

/* With the lock held, as the next functions. */
static void initialise(void)
{
    if (threads)
        return;
    threads = g_array_new(FALSE, FALSE, sizeof(Thread));
    lm_clock_cond_init(&changed);
}

/* Joins the threads that have left: drivers also run code at the end of a thread, which must be
 * over before they are unloaded. */
static void join_left(void)
{
    for (guint i = 0; i < threads->len;) {
        Thread thread = g_array_index(threads, Thread, i);
        if (thread.left) {
            pthread_join(thread.handle, NULL);
            g_array_remove_index_fast(threads, i);
        } else {
            i++;
        }
    }
}

static void add(pthread_t thread)
{
    initialise();
    join_left();
    /* Registered after the handlers of the drivers and layers that the thread uses, which therefore
     * run later. Each time, since drivers are loaded again, with their handlers, if no device was
     * open in between. */
    atexit(wait_at_exit);
    Thread entry = {.handle = thread};
    g_array_append_val(threads, entry);
}

void lm_orphans_enter(pthread_t thread)
{
    pthread_mutex_lock(&lock);
    add(thread);
    pthread_mutex_unlock(&lock);
}

void lm_orphans_leave(void)
{
    pthread_mutex_lock(&lock);
    for (guint i = 0; i < threads->len; i++) {
        Thread *thread = &g_array_index(threads, Thread, i);
        if (pthread_equal(thread->handle, pthread_self()))
            thread->left = true;
    }
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

bool lm_orphans_start(void *(*work)(void *data), void *data)
{
    pthread_t thread;
    pthread_mutex_lock(&lock);
    bool started = pthread_create(&thread, NULL, work, data) == 0;
    if (started)
        add(thread);
    pthread_mutex_unlock(&lock);
    return started;
}

static unsigned count(void)
{
    unsigned n = 0;
    for (guint i = 0; threads && i < threads->len; i++)
        n += !g_array_index(threads, Thread, i).left;
    return n;
}

unsigned lm_orphans_count(void)
{
    pthread_mutex_lock(&lock);
    unsigned n = count();
    pthread_mutex_unlock(&lock);
    return n;
}

bool lm_orphans_wait(gint64 timeout_ns)
{
    gint64 until = lm_clock_now() + timeout_ns;
    pthread_mutex_lock(&lock);
    while (count() > 0 && lm_clock_wait(&changed, &lock, until))
        continue;
    bool ended = count() == 0;
    if (threads)
        join_left();
    pthread_mutex_unlock(&lock);
    return ended;
}
