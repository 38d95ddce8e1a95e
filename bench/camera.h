/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A simulated capture card: frames of endoscopytestsrc, drawn beforehand and pushed when they are
 * due. */
#pragma once

#include <gst/app/gstappsrc.h>
#include <gst/video/video.h>

#include "options.h"

G_BEGIN_DECLS

typedef struct BenchCamera BenchCamera;

/** Draws the frames, which takes seconds and up to 512 MiB. Returns NULL with an error if
 * endoscopytestsrc does not support the format. */
BenchCamera *bench_camera_new(const BenchVideo *video, const char *format, GError **error);
/** Stops the camera first. */
void bench_camera_free(BenchCamera **camera);

/** The layout of its frames. */
const GstVideoInfo *bench_camera_info(const BenchCamera *camera);
/** The number of different frames. They are shown forwards and backwards in turn, so that there is
 * no cut. */
unsigned bench_camera_n_frames(const BenchCamera *camera);
/** The content of frame `number`; borrowed. Any thread may call it. */
GstBuffer *bench_camera_clean_frame(const BenchCamera *camera, guint number);

/** Starts a thread that pushes frame n at bench_camera_due_ms(n); its PTS is the same, from 0. As
 * with a capture card, each frame uses one of a fixed number of buffers (half a second of them),
 * and is lost if none is free. */
void bench_camera_start(BenchCamera *camera, GstAppSrc *source);
/** Ends the stream after the frame that is due next. */
void bench_camera_stop(BenchCamera *camera);

/** The number of frames that were due so far, including lost ones. Any thread may call it. */
guint bench_camera_n_due(const BenchCamera *camera);
/** The time when frame `number` is due, by bench_now_ms(). Call it after bench_camera_start(). */
double bench_camera_due_ms(const BenchCamera *camera, guint number);
/** The number of the frame in a buffer from the camera. */
guint bench_camera_number(const BenchCamera *camera, GstBuffer *buffer);

G_END_DECLS
