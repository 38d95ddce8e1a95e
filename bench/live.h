/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The element behind a live source: what a frame is delayed by, how old marks are, and whether
 * anything changes outside them. */
#pragma once

#include "options.h"
#include "timing.h"

G_BEGIN_DECLS

/** What was measured of one video. Times are in ms. */
typedef struct {
    BenchVideo video;
    char *model, *device, *precision; /**< As the element says; owned. */
    unsigned n_drawn;                 /**< Different frames, shown there and back. */

    /* Of the frames that were due in the time that counts. */
    guint frames_in, frames_out;
    guint marked;          /**< Frames with metadata of a mask, */
    guint found;           /**< and of them those with findings. */
    BenchSummary arrival;  /**< From when a frame was due to identity's sink pad. */
    BenchSummary identity; /**< From identity's sink pad to its source pad. */
    BenchSummary lmnet;    /**< The same of lmnet, on the same thread. */
    BenchSummary added;    /**< Of each frame, what lmnet took longer than identity. */
    BenchSummary age;      /**< Of the marks; only where `marked` > 0. */
    guint64 inferences, superseded, stale;
    double inference, inference_p99; /**< Of the last 512. */
    guint64 rss_begin, rss_end;      /**< Bytes, at minute 1 (half of the time where that is less
                                         than two) and at the end. */

    /* Of some frames after that time; see BenchOutside. */
    guint compared, compared_marked;
    guint64 outside, changed;
} BenchLive;

/** Runs every video of the options and prints what was measured, as text or as JSON. */
bool bench_live_run(const BenchOptions *options, GError **error);

void bench_live_print_text(const BenchOptions *options, const BenchLive *live);
void bench_live_print_json(const BenchOptions *options, const BenchLive *lives, unsigned n);

G_END_DECLS
