/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Hands thumbnails to a thread, and regions back. */
#include "vision/region-thread.h"

#include <pthread.h>

#include "util/error.h"

struct LmRegionThread {
    pthread_t thread;
    bool running;
    LmRegionFinder *finder; /* The thread's own, without the lock: */
    LmThumbnail seen;

    pthread_mutex_t lock; /* Guards the fields below. */
    pthread_cond_t wake;  /* To the thread: there is work. */
    pthread_cond_t idle;  /* From the thread: no work is left. */
    LmThumbnail posted;
    guint64 time;
    bool waiting, busy; /* A thumbnail has been posted; is being inspected. */
    bool reset, ending;
    /* Counts resets and changes of the frame's size, each of which discards earlier findings. */
    unsigned epoch;
    LmRegion region;
};

static void *seek(void *data)
{
    LmRegionThread *region_thread = data;
    pthread_mutex_lock(&region_thread->lock);
    for (;;) {
        while (!region_thread->waiting && !region_thread->ending)
            pthread_cond_wait(&region_thread->wake, &region_thread->lock);
        if (region_thread->ending)
            break;
        const guint64 time = region_thread->time;
        const unsigned epoch = region_thread->epoch;
        const bool reset = region_thread->reset;
        region_thread->seen = region_thread->posted;
        region_thread->waiting = region_thread->reset = false;
        region_thread->busy = true;
        pthread_mutex_unlock(&region_thread->lock);

        if (reset)
            lm_region_finder_reset(region_thread->finder);
        lm_region_finder_feed(region_thread->finder, &region_thread->seen, time);
        const LmRegion region = lm_region_finder_get(region_thread->finder);

        pthread_mutex_lock(&region_thread->lock);
        if (epoch == region_thread->epoch)
            region_thread->region = region;
        region_thread->busy = false;
        if (!region_thread->waiting)
            pthread_cond_broadcast(&region_thread->idle);
    }
    pthread_mutex_unlock(&region_thread->lock);
    return NULL;
}

LmRegionThread *lm_region_thread_create(GError **error)
{
    LmRegionThread *region_thread = g_new0(LmRegionThread, 1);
    pthread_mutex_init(&region_thread->lock, NULL);
    pthread_cond_init(&region_thread->wake, NULL);
    pthread_cond_init(&region_thread->idle, NULL);
    region_thread->finder = lm_region_finder_create();
    int failed = pthread_create(&region_thread->thread, NULL, seek, region_thread);
    if (failed) {
        g_set_error(error, LM_ERROR, LM_ERROR_MEMORY, "no thread to find the region: %s",
                    g_strerror(failed));
        lm_region_thread_free(&region_thread);
        return NULL;
    }
    region_thread->running = true;
    return region_thread;
}

void lm_region_thread_free(LmRegionThread **pointer)
{
    LmRegionThread *region_thread = pointer ? *pointer : NULL;
    if (!region_thread)
        return;
    if (region_thread->running) {
        pthread_mutex_lock(&region_thread->lock);
        region_thread->ending = true;
        pthread_cond_signal(&region_thread->wake);
        pthread_mutex_unlock(&region_thread->lock);
        pthread_join(region_thread->thread, NULL);
    }
    lm_region_finder_free(&region_thread->finder);
    pthread_cond_destroy(&region_thread->idle);
    pthread_cond_destroy(&region_thread->wake);
    pthread_mutex_destroy(&region_thread->lock);
    g_clear_pointer(pointer, g_free);
}

void lm_region_thread_post(LmRegionThread *region_thread, const LmThumbnail *thumbnail,
                           guint64 time)
{
    const LmGrid *grid = &thumbnail->grid;
    pthread_mutex_lock(&region_thread->lock);
    if (!lm_grid_equal(grid, &region_thread->posted.grid) || region_thread->reset) {
        region_thread->epoch++;
        region_thread->region = (LmRegion){.rect = {0, 0, grid->frame_width, grid->frame_height}};
    }
    region_thread->posted = *thumbnail;
    region_thread->time = time;
    region_thread->waiting = true;
    pthread_cond_signal(&region_thread->wake);
    pthread_mutex_unlock(&region_thread->lock);
}

LmRegion lm_region_thread_get(LmRegionThread *region_thread)
{
    pthread_mutex_lock(&region_thread->lock);
    const LmRegion region = region_thread->region;
    pthread_mutex_unlock(&region_thread->lock);
    return region;
}

void lm_region_thread_reset(LmRegionThread *region_thread)
{
    pthread_mutex_lock(&region_thread->lock);
    region_thread->epoch++;
    region_thread->reset = true;
    region_thread->waiting = false;
    region_thread->region = (LmRegion){0};
    if (!region_thread->busy)
        pthread_cond_broadcast(&region_thread->idle);
    pthread_mutex_unlock(&region_thread->lock);
}

void lm_region_thread_wait(LmRegionThread *region_thread)
{
    pthread_mutex_lock(&region_thread->lock);
    while (region_thread->waiting || region_thread->busy)
        pthread_cond_wait(&region_thread->idle, &region_thread->lock);
    pthread_mutex_unlock(&region_thread->lock);
}
