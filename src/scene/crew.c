/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Threads that do one piece of work together, each its share of it. */
#include "scene/crew.h"

#include <pthread.h>
#include <stdbool.h>

typedef struct {
    LmCrew *crew;
    GThread *thread;
    guint share;
} Member;

struct LmCrew {
    Member *members; /* but the caller */
    guint count;
    pthread_mutex_t lock; /* below it, all that follows */
    pthread_cond_t begun, done;
    LmCrewFunc func;
    gpointer work;
    guint64 round; /* counts the runs */
    guint busy;    /* members still at work */
    bool ending;
};

static gpointer member_main(gpointer data)
{
    Member *member = data;
    LmCrew *crew = member->crew;
    guint64 seen = 0;
    pthread_mutex_lock(&crew->lock);
    for (;;) {
        while (crew->round == seen && !crew->ending)
            pthread_cond_wait(&crew->begun, &crew->lock);
        if (crew->ending)
            break;
        seen = crew->round;
        LmCrewFunc func = crew->func;
        gpointer work = crew->work;
        guint shares = crew->count + 1;
        pthread_mutex_unlock(&crew->lock);
        func(work, member->share, shares);
        pthread_mutex_lock(&crew->lock);
        if (--crew->busy == 0)
            pthread_cond_signal(&crew->done);
    }
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

LmCrew *lm_crew_create(guint threads)
{
    LmCrew *crew = g_new0(LmCrew, 1);
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->begun, NULL);
    pthread_cond_init(&crew->done, NULL);
    crew->members = g_new0(Member, threads - 1);
    pthread_mutex_lock(&crew->lock);
    for (guint i = 0; i + 1 < threads; i++) {
        Member *member = &crew->members[i];
        *member = (Member){crew, NULL, i};
        member->thread = g_thread_try_new("lm-scene", member_main, member, NULL);
        if (!member->thread)
            break;
        crew->count++;
    }
    pthread_mutex_unlock(&crew->lock);
    return crew;
}

void lm_crew_free(LmCrew **pointer)
{
    LmCrew *crew = pointer ? *pointer : NULL;
    if (!crew)
        return;
    pthread_mutex_lock(&crew->lock);
    crew->ending = true;
    pthread_cond_broadcast(&crew->begun);
    pthread_mutex_unlock(&crew->lock);
    for (guint i = 0; i < crew->count; i++)
        g_thread_join(crew->members[i].thread);
    pthread_cond_destroy(&crew->done);
    pthread_cond_destroy(&crew->begun);
    pthread_mutex_destroy(&crew->lock);
    g_free(crew->members);
    g_free(crew);
    *pointer = NULL;
}

guint lm_crew_shares(const LmCrew *crew)
{
    return crew->count + 1;
}

void lm_crew_run(LmCrew *crew, LmCrewFunc func, gpointer work)
{
    pthread_mutex_lock(&crew->lock);
    crew->func = func;
    crew->work = work;
    crew->busy = crew->count;
    crew->round++;
    pthread_cond_broadcast(&crew->begun);
    pthread_mutex_unlock(&crew->lock);
    func(work, crew->count, crew->count + 1);
    pthread_mutex_lock(&crew->lock);
    while (crew->busy > 0)
        pthread_cond_wait(&crew->done, &crew->lock);
    pthread_mutex_unlock(&crew->lock);
}
