/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Hands thumbnails to a thread and regions back. */
#include "vision/region-thread.h"

#include <pthread.h>

#include "util/error.h"

struct LmSeeker {
    pthread_t thread;
    bool running;
    LmRegionFinder *finder; /* The thread's, as is: */
    LmThumbnail seen;

    pthread_mutex_t lock; /* Guards all that follows. */
    pthread_cond_t wake;  /* To the thread: something to do. */
    pthread_cond_t idle;  /* From it: nothing is left. */
    LmThumbnail posted;
    guint64 time;
    bool waiting, busy; /* A thumbnail was posted, is looked at. */
    bool reset, ending;
    /* Counts resets, and changes of the frame's size: what was found before is void. */
    unsigned epoch;
    LmRegion region;
};

static void *seek(void *data)
{
    LmSeeker *seeker = data;
    pthread_mutex_lock(&seeker->lock);
    for (;;) {
        while (!seeker->waiting && !seeker->ending)
            pthread_cond_wait(&seeker->wake, &seeker->lock);
        if (seeker->ending)
            break;
        const guint64 time = seeker->time;
        const unsigned epoch = seeker->epoch;
        const bool reset = seeker->reset;
        seeker->seen = seeker->posted;
        seeker->waiting = seeker->reset = false;
        seeker->busy = true;
        pthread_mutex_unlock(&seeker->lock);

        if (reset)
            lm_region_finder_reset(seeker->finder);
        lm_region_finder_feed(seeker->finder, &seeker->seen, time);
        const LmRegion region = lm_region_finder_get(seeker->finder);

        pthread_mutex_lock(&seeker->lock);
        if (epoch == seeker->epoch)
            seeker->region = region;
        seeker->busy = false;
        if (!seeker->waiting)
            pthread_cond_broadcast(&seeker->idle);
    }
    pthread_mutex_unlock(&seeker->lock);
    return NULL;
}

LmSeeker *lm_seeker_create(GError **error)
{
    LmSeeker *seeker = g_new0(LmSeeker, 1);
    pthread_mutex_init(&seeker->lock, NULL);
    pthread_cond_init(&seeker->wake, NULL);
    pthread_cond_init(&seeker->idle, NULL);
    seeker->finder = lm_region_finder_create();
    int failed = pthread_create(&seeker->thread, NULL, seek, seeker);
    if (failed) {
        g_set_error(error, LM_ERROR, LM_ERROR_MEMORY, "no thread to find the region: %s",
                    g_strerror(failed));
        lm_seeker_free(&seeker);
        return NULL;
    }
    seeker->running = true;
    return seeker;
}

void lm_seeker_free(LmSeeker **pointer)
{
    LmSeeker *seeker = pointer ? *pointer : NULL;
    if (!seeker)
        return;
    if (seeker->running) {
        pthread_mutex_lock(&seeker->lock);
        seeker->ending = true;
        pthread_cond_signal(&seeker->wake);
        pthread_mutex_unlock(&seeker->lock);
        pthread_join(seeker->thread, NULL);
    }
    lm_region_finder_free(&seeker->finder);
    pthread_cond_destroy(&seeker->idle);
    pthread_cond_destroy(&seeker->wake);
    pthread_mutex_destroy(&seeker->lock);
    g_clear_pointer(pointer, g_free);
}

void lm_seeker_post(LmSeeker *seeker, const LmThumbnail *thumbnail, guint64 time)
{
    const LmGrid *grid = &thumbnail->grid;
    pthread_mutex_lock(&seeker->lock);
    if (!lm_grid_equal(grid, &seeker->posted.grid) || seeker->reset) {
        seeker->epoch++;
        seeker->region = (LmRegion){.rect = {0, 0, grid->frame_width, grid->frame_height}};
    }
    seeker->posted = *thumbnail;
    seeker->time = time;
    seeker->waiting = true;
    pthread_cond_signal(&seeker->wake);
    pthread_mutex_unlock(&seeker->lock);
}

LmRegion lm_seeker_get(LmSeeker *seeker)
{
    pthread_mutex_lock(&seeker->lock);
    const LmRegion region = seeker->region;
    pthread_mutex_unlock(&seeker->lock);
    return region;
}

void lm_seeker_reset(LmSeeker *seeker)
{
    pthread_mutex_lock(&seeker->lock);
    seeker->epoch++;
    seeker->reset = true;
    seeker->waiting = false;
    seeker->region = (LmRegion){0};
    if (!seeker->busy)
        pthread_cond_broadcast(&seeker->idle);
    pthread_mutex_unlock(&seeker->lock);
}

void lm_seeker_wait(LmSeeker *seeker)
{
    pthread_mutex_lock(&seeker->lock);
    while (seeker->waiting || seeker->busy)
        pthread_cond_wait(&seeker->idle, &seeker->lock);
    pthread_mutex_unlock(&seeker->lock);
}
