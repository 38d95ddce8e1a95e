/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The element after a live source: the delay of frames, the age of marks, and changes outside the
 * marks. */
#pragma once

#include "options.h"
#include "timing.h"

G_BEGIN_DECLS

/** The measurements of one video. Times are in ms. */
typedef struct {
    BenchVideo video;
    char *model, *device, *precision; /**< As the element says; owned. */
    unsigned n_drawn;                 /**< Different frames, shown forwards and backwards. */

    /* For the frames due in the measured time. */
    guint frames_in, frames_out;
    guint marked;          /**< Frames with a mask's metadata, */
    guint found;           /**< and those of them with findings. */
    BenchSummary arrival;  /**< From the time a frame was due to identity's sink pad. */
    BenchSummary identity; /**< From identity's sink pad to its source pad. */
    BenchSummary lmnet;    /**< The same of lmnet, on the same thread. */
    BenchSummary added;    /**< How much longer lmnet took than identity, by frame. */
    BenchSummary age;      /**< Of the marks; only if `marked` > 0. */
    guint64 inferences, superseded, stale;
    double inference, inference_p99; /**< Of the last 512. */
    guint64 rss_begin, rss_end; /**< Bytes, at minute 1 (or after half of the time, if that is less
                                   than two minutes) and at the end. */

    /* Of some frames after that time; see BenchIntegrity. */
    guint compared, compared_marked;
    guint64 outside, changed;
} BenchLive;

/** Runs every video of the options and prints the measurements as text or as JSON. */
bool bench_live_run(const BenchOptions *options, GError **error);

void bench_live_print_text(const BenchOptions *options, const BenchLive *live);
void bench_live_print_json(const BenchOptions *options, const BenchLive *lives, unsigned n);

G_END_DECLS
