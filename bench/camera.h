/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A simulated capture card: frames of endoscopytestsrc, drawn beforehand, that arrive when they are
 * due. */
#pragma once

#include <gst/app/gstappsrc.h>
#include <gst/video/video.h>

#include "options.h"

G_BEGIN_DECLS

typedef struct BenchCamera BenchCamera;

/** Draws the frames, which takes seconds and up to 512 MiB. NULL with an error if endoscopytestsrc
 * has no such format. */
BenchCamera *bench_camera_new(const BenchVideo *video, const char *format, GError **error);
/** Stops the camera first. */
void bench_camera_free(BenchCamera **camera);

/** The layout of its frames. */
const GstVideoInfo *bench_camera_info(const BenchCamera *camera);
/** The number of different frames. They are shown forwards and backwards, so that no cut is seen.
 */
unsigned bench_camera_n_frames(const BenchCamera *camera);
/** The content of frame `number`; borrowed. Any thread. */
GstBuffer *bench_camera_clean_frame(const BenchCamera *camera, guint number);

/** From now on the camera's thread pushes frame n at bench_camera_due_ms(n); its PTS is the same
 * time, counted from 0. As with a card, the number of buffers is fixed (half a second of them), and
 * a frame is lost if none is free. */
void bench_camera_start(BenchCamera *camera, GstAppSrc *source);
/** Ends the stream after the frame that is due next. */
void bench_camera_stop(BenchCamera *camera);

/** The number of frames that have been due so far, lost ones included. Any thread. */
guint bench_camera_n_due(const BenchCamera *camera);
/** The time when frame `number` is due, by bench_now_ms(). Call it after bench_camera_start(). */
double bench_camera_due_ms(const BenchCamera *camera, guint number);
/** The number of the frame in a buffer from the camera. */
guint bench_camera_number(const BenchCamera *camera, GstBuffer *buffer);

G_END_DECLS
