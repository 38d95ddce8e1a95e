/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The options of lmnet-bench. */
#pragma once

#include "session/session.h"

G_BEGIN_DECLS

/** A video to measure with. */
typedef struct {
    int width, height;
    int rate; /**< Frames per second. */
} BenchVideo;

enum { BENCH_MAX_VIDEOS = 2 };

/** Strings are owned; NULL: not given. */
typedef struct {
    char *model; /**< A path; with `live` as given, or NULL. */
    char *device;
    LmPrecision precision;
    int width, height;       /**< Pixels; 0: the model's own. */
    int runs;                /**< Passes that count. */
    int threads;             /**< Of lavapipe; 0: set by the environment. */
    int streams;             /**< Sessions at once; 0: none. */
    char *input;             /**< File to read the network's input from. */
    char *logits;            /**< File to write the network's output to. */
    gboolean operators;      /**< A row for each operator. */
    gboolean json;           /**< One JSON object rather than text. */
    gboolean portable;       /**< As LmExecutorParams.portable. */
    gboolean skip_start_ups; /**< Do not time starts in separate processes. */
    gboolean start_only;     /**< This is such a process. */
    gboolean live; /**< Times the element after a capture card, rather than the network. */
    int seconds;   /**< live: how long each video is measured. */
    char *format;  /**< live: of the pixels; never NULL after parsing. */
    BenchVideo videos[BENCH_MAX_VIDEOS]; /**< live. */
    unsigned n_videos;
} BenchOptions;

/** Reads the command line; false with an error that names the option and its value. The caller
 * finishes `options` in either case. */
bool bench_options_parse(BenchOptions *options, int *argc, char ***argv, GError **error);
void bench_options_finish(BenchOptions *options);

G_END_DECLS
