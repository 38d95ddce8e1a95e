/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A capture card that is not there: frames of endoscopytestsrc, drawn beforehand, that come at
 * their times. */
#pragma once

#include <gst/app/gstappsrc.h>
#include <gst/video/video.h>

#include "options.h"

G_BEGIN_DECLS

typedef struct BenchCamera BenchCamera;

/** Draws the frames, which takes seconds and up to 512 MiB. NULL with an error where
 * endoscopytestsrc has no such format. */
BenchCamera *bench_camera_new(const BenchVideo *video, const char *format, GError **error);
/** Stops it first. */
void bench_camera_free(BenchCamera **camera);

/** Its frames' layout. */
const GstVideoInfo *bench_camera_info(const BenchCamera *camera);
/** How many different frames there are: they are shown there and back, so that no cut is seen. */
unsigned bench_camera_n_frames(const BenchCamera *camera);
/** What frame `number` shows; borrowed. Any thread. */
GstBuffer *bench_camera_clean_frame(const BenchCamera *camera, guint number);

/** From now on frame n is pushed at bench_camera_due_ms(n), on a thread of the camera's; its PTS
 * says the same, from 0. As with a card, each comes in one of a fixed number of buffers (half a
 * second of them), and is lost where none is free. */
void bench_camera_start(BenchCamera *camera, GstAppSrc *source);
/** Ends the stream, after the frame that is due next. */
void bench_camera_stop(BenchCamera *camera);

/** How many frames were due so far, lost ones too. Any thread. */
guint bench_camera_n_due(const BenchCamera *camera);
/** When frame `number` is due, by bench_now_ms(); after bench_camera_start(). */
double bench_camera_due_ms(const BenchCamera *camera, guint number);
/** The number of the frame in a buffer that came from the camera. */
guint bench_camera_number(const BenchCamera *camera, GstBuffer *buffer);

G_END_DECLS
