/* SPDX-License-Identifier: LGPL-2.1-or-later
 * GStreamer's video frames as the layers below see them. */
#pragma once

#include <gst/video/video.h>

#include "video/frame.h"

G_BEGIN_DECLS

#define GST_LM_VIDEO_FORMATS_8                                                                     \
    "NV12, I420, YV12, YUY2, UYVY, Y42B, RGBA, BGRA, ARGB, ABGR, RGBx, BGRx, xRGB, xBGR, RGB, BGR"
#define GST_LM_VIDEO_FORMATS "{ " GST_LM_VIDEO_FORMATS_8 ", v210, P010_10LE }"

/** What lmnet, lmnetoverlay and lmnetmask take. Frames of single fields (interlace-mode alternate)
 * carry a caps feature of their own and so do not match. */
#define GST_LM_VIDEO_CAPS                                                                          \
    "video/x-raw, format = (string) " GST_LM_VIDEO_FORMATS ", width = (int) [ 32, 4096 ], "        \
    "height = (int) [ 32, 4096 ], framerate = (fraction) [ 0, max ]"

/** The weights of red and blue in luma, by the caps' matrix. */
void gst_lm_frame_get_matrix(const GstVideoInfo *info, double *kr, double *kb);

/** Parses caps into both descriptions. False where they are not raw video that the elements take.
 */
bool gst_lm_frame_parse_caps(const GstCaps *caps, GstVideoInfo *info, LmFrameInfo *frame_info);

/** Wraps a mapped frame, which must outlive it. False where the frame's size or format is not that
 * of `info`: the buffer's video meta contradicts the caps. */
bool gst_lm_frame_wrap(const GstVideoFrame *video, const LmFrameInfo *info, LmFrame *frame);

/** The stream time and the running time of a frame at `pts`; GST_CLOCK_TIME_NONE outside the
 * segment and where that does not count in time, as behind a filesrc. */
GstClockTime gst_lm_stream_time(const GstSegment *segment, GstClockTime pts);
GstClockTime gst_lm_running_time(const GstSegment *segment, GstClockTime pts);

/** Parses the property `region`: "full" (*region becomes 0 x 0), or "x,y,width,height" in pixels, x
 * and y may be negative, width and height at least 1. False for anything else; *region is left as
 * it is. */
bool gst_lm_region_parse(const char *text, LmRect *region);

/** An always pad named "sink" or "src" by its direction, with these caps; in class_init. */
void gst_lm_frame_add_pad_template(GstElementClass *klass, GstPadDirection direction,
                                   const char *caps);

G_END_DECLS
