/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The common parts of the elements' tests: harnesses, frames, golden images. */
#pragma once

#include <gst/check/gstharness.h>
#include <gst/video/video.h>

#include "gate.h"
#include "gstlmmeta.h"

G_BEGIN_DECLS

#define TINY_MODEL GOLDEN_DIR "/tiny.model.safetensors"
#define TINY_WIDTH 96
#define TINY_HEIGHT 64
#define TINY "model=" TINY_MODEL " precision=fp32 "
#define FRAME_TIME (GST_SECOND / 30)

/** Initialises GStreamer and registers the elements. */
void test_init_elements(int *argc, char ***argv);
/** The same, for tests that run lmnet: ends the process with 77 if there is no device. */
void test_init(int *argc, char ***argv);

/** A harness around a launch line, with its messages on *bus (may be NULL; gst_object_unref it) and
 * an upstream that is not live. It runs, except for a source, which waits for
 * gst_harness_play(). */
GstHarness *test_harness(const char *launch, GstBus **bus);
void test_set_caps(GstHarness *harness, const char *format, int width, int height);
/** The first n frames of a source (and the elements after it), negotiated to `caps` (NULL: any),
 * whose layout is in *info. The launch line must limit the number of frames. */
GPtrArray *test_play(const char *launch, const char *caps, int n, GstVideoInfo *info);
/** The next message of the given types, or NULL after a while. */
GstMessage *test_wait_message(GstBus *bus, GstMessageType types);
/** The text of the next error, warning or info on the bus, or NULL. Does not wait. */
char *test_pop_text(GstBus *bus, GstMessageType type);

/** The reference's input image: TINY_WIDTH x TINY_HEIGHT RGB, packed. */
guint8 *test_golden_picture(void);
/** round(255 p) of the reference's output for it. */
guint8 *test_golden_mask(void);

/** A frame of the golden image (RGB, network size), number `index`. */
GstBuffer *test_golden_frame(int index);
/** The same with one pixel that depends on the index, so that successive frames differ. */
GstBuffer *test_moving_frame(int index);
/** A frame in any format and size: an image in which the tiny model finds something, and noise in
 * all other bytes (alpha, padding). Rows have `padding` extra bytes, which the buffer's video meta
 * describes. */
GstBuffer *test_frame(const GstVideoInfo *info, int index, int padding);
/** Caps of harness and frames alike. */
void test_video_info(GstVideoInfo *info, const char *format, int width, int height);

/** Passes a frame through a harness that may have had frames of other layouts; every frame must
 * leave at once. */
GstBuffer *test_run(GstHarness *harness, const GstVideoInfo *info, GstBuffer *buffer);
/** The same with a new harness. */
GstBuffer *test_run_once(const char *launch, const GstVideoInfo *info, GstBuffer *buffer);

/** lmnet's statistics; the caller frees them. */
GstStructure *test_get_stats(GstElement *lmnet);
/** Waits until lmnet's session is ready; fails the test if it does not become ready. */
void test_wait_ready(GstElement *lmnet);

/** The number of findings in the mask's metadata; -1 if the buffer has none. */
int test_n_findings(GstBuffer *buffer);
/** A copy of the buffer's bytes. */
GBytes *test_bytes(GstBuffer *buffer);

/** A harness around two parts of a launch line, negotiated to the golden image's caps, with its
 * session ready. */
GstHarness *test_start(const char *launch, const char *more, GstBus **bus);
/** Pushes a frame, which must come out before push returns. */
GstBuffer *test_pass(GstHarness *harness, GstBuffer *buffer);
/** Pushes moving frames from number `index` on, until one has a mask; returns its number. */
int test_pass_until_masked(GstHarness *harness, int index);
/** A frame of another shot than test_moving_frame(): the golden image's negative. */
GstBuffer *test_other_frame(int index);
/** The data of the frame's mask; returns false if it has none. */
bool test_get_times(GstBuffer *buffer, guint64 *pts, guint64 *age);
/** One of lmnet's counts and times. */
guint64 test_get_stat(GstHarness *harness, const char *name);
/** The next element message of that name, borrowed from *message; NULL if there is none. Does not
 * wait. */
const GstStructure *test_pop_element(GstBus *bus, const char *name, GstMessage **message);
/** Pushes a segment in time from 0 on; returns false if it is refused. */
bool test_push_segment(GstHarness *harness);
/** Pushes the next n frames, from number `index` on, which must all get masks. */
void test_pull_masked(GstHarness *harness, int index, int n);
/** The states reported so far, in order: "ready frozen ". */
char *test_pop_states(GstBus *bus);

G_END_DECLS
