/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What the tests of the elements share: harnesses, frames, golden pictures. */
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
/** The same, for tests that run lmnet: ends the process with 77 where there is no device. */
void test_init(int *argc, char ***argv);

/** A harness around a launch line, its messages on *bus (may be NULL; gst_object_unref it), and its
 * upstream not live. It runs, but for a source, which waits for gst_harness_play(). */
GstHarness *test_harness(const char *launch, GstBus **bus);
void test_set_caps(GstHarness *harness, const char *format, int width, int height);
/** The first n frames of a source (and what follows it), negotiated to `caps` (NULL: to any) and
 * told in *info. The launch line sees to it that not many more come. */
GPtrArray *test_play(const char *launch, const char *caps, int n, GstVideoInfo *info);
/** The next message of the given types, or NULL after a while. */
GstMessage *test_wait_message(GstBus *bus, GstMessageType types);
/** The text of the next error, warning or info that is there now, or NULL. */
char *test_pop_text(GstBus *bus, GstMessageType type);

/** The reference's input picture: TINY_WIDTH x TINY_HEIGHT RGB, packed. */
guint8 *test_golden_picture(void);
/** round(255 p) of the reference's answer to it. */
guint8 *test_golden_mask(void);

/** A frame of the golden picture (RGB, network size), number `index`. */
GstBuffer *test_golden_frame(int index);
/** The same with one pixel that depends on the index: no two in a row are identical. */
GstBuffer *test_moving_frame(int index);
/** A frame in any format and size: a picture that the tiny model finds something in, noise where
 * the picture leaves bytes free (alpha, padding); rows are `padding` bytes longer than they need
 * be, for which the buffer has a video meta. */
GstBuffer *test_frame(const GstVideoInfo *info, int index, int padding);
/** Caps of harness and frames alike. */
void test_video_info(GstVideoInfo *info, const char *format, int width, int height);

/** One frame through a harness that may have seen frames of other layouts; every frame must leave
 * at once. */
GstBuffer *test_run(GstHarness *harness, const GstVideoInfo *info, GstBuffer *buffer);
/** The same through a new harness. */
GstBuffer *test_run_once(const char *launch, const GstVideoInfo *info, GstBuffer *buffer);

/** lmnet's statistics, to be freed. */
GstStructure *test_get_stats(GstElement *lmnet);
/** Until lmnet's session is ready; fails the test where it does not get so. */
void test_wait_ready(GstElement *lmnet);

/** Number of findings by the mask's metadata; -1 where the buffer has none. */
int test_n_findings(GstBuffer *buffer);
/** A copy of the buffer's bytes. */
GBytes *test_bytes(GstBuffer *buffer);

/** A harness around two parts of a launch line, negotiated to the golden picture's caps, its
 * session ready. */
GstHarness *test_start(const char *launch, const char *more, GstBus **bus);
/** One frame in, and the same one out by the time that push returns. */
GstBuffer *test_pass(GstHarness *harness, GstBuffer *buffer);
/** Moving frames from number `index` on, until one carries a mask; its number. */
int test_pass_until_masked(GstHarness *harness, int index);
/** A frame of another scene than test_moving_frame(): the golden picture's negative. */
GstBuffer *test_other_frame(int index);
/** Of the frame's mask; false where it has none. */
bool test_get_times(GstBuffer *buffer, guint64 *pts, guint64 *age);
/** One of lmnet's counts and times. */
guint64 test_get_stat(GstHarness *harness, const char *name);
/** The next element message of that name, borrowed from *message; NULL where there is none now. */
const GstStructure *test_pop_element(GstBus *bus, const char *name, GstMessage **message);
/** A segment in time from 0 on; false where it is refused. */
bool test_push_segment(GstHarness *harness);
/** The next n frames, from number `index` on, which must all carry masks. */
void test_pull_masked(GstHarness *harness, int index, int n);
/** The states told so far, in order: "ready frozen ". */
char *test_pop_states(GstBus *bus);

G_END_DECLS
