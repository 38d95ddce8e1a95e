/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Threads that do one piece of work together, each its share of it. */
#include "scene/thread-pool.h"

#include <pthread.h>
#include <stdbool.h>

typedef struct {
    LmThreadPool *pool;
    GThread *thread;
    guint share;
} Member;

struct LmThreadPool {
    Member *members; /* without the caller */
    guint count;
    pthread_mutex_t lock; /* guards the fields below */
    pthread_cond_t begun, done;
    LmThreadPoolFunc func;
    gpointer work;
    guint64 round; /* counts the runs */
    guint busy;    /* members still at work */
    bool ending;
};

static gpointer member_main(gpointer data)
{
    Member *member = data;
    LmThreadPool *pool = member->pool;
    guint64 seen = 0;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (pool->round == seen && !pool->ending)
            pthread_cond_wait(&pool->begun, &pool->lock);
        if (pool->ending)
            break;
        seen = pool->round;
        LmThreadPoolFunc func = pool->func;
        gpointer work = pool->work;
        guint shares = pool->count + 1;
        pthread_mutex_unlock(&pool->lock);
        func(work, member->share, shares);
        pthread_mutex_lock(&pool->lock);
        if (--pool->busy == 0)
            pthread_cond_signal(&pool->done);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

LmThreadPool *lm_thread_pool_create(guint threads)
{
    LmThreadPool *pool = g_new0(LmThreadPool, 1);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->begun, NULL);
    pthread_cond_init(&pool->done, NULL);
    pool->members = g_new0(Member, threads - 1);
    pthread_mutex_lock(&pool->lock);
    for (guint i = 0; i + 1 < threads; i++) {
        Member *member = &pool->members[i];
        *member = (Member){pool, NULL, i};
        member->thread = g_thread_try_new("lm-scene", member_main, member, NULL);
        if (!member->thread)
            break;
        pool->count++;
    }
    pthread_mutex_unlock(&pool->lock);
    return pool;
}

void lm_thread_pool_free(LmThreadPool **pointer)
{
    LmThreadPool *pool = pointer ? *pointer : NULL;
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->ending = true;
    pthread_cond_broadcast(&pool->begun);
    pthread_mutex_unlock(&pool->lock);
    for (guint i = 0; i < pool->count; i++)
        g_thread_join(pool->members[i].thread);
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->begun);
    pthread_mutex_destroy(&pool->lock);
    g_free(pool->members);
    g_free(pool);
    *pointer = NULL;
}

guint lm_thread_pool_shares(const LmThreadPool *pool)
{
    return pool->count + 1;
}

void lm_thread_pool_run(LmThreadPool *pool, LmThreadPoolFunc func, gpointer work)
{
    pthread_mutex_lock(&pool->lock);
    pool->func = func;
    pool->work = work;
    pool->busy = pool->count;
    pool->round++;
    pthread_cond_broadcast(&pool->begun);
    pthread_mutex_unlock(&pool->lock);
    func(work, pool->count, pool->count + 1);
    pthread_mutex_lock(&pool->lock);
    while (pool->busy > 0)
        pthread_cond_wait(&pool->done, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}
