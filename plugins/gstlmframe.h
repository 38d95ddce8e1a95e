/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Video frames as GStreamer describes them and as the layers below do. */
#pragma once

#include <gst/base/gstbasetransform.h>
#include <gst/video/video.h>

#include "video/frame.h"

G_BEGIN_DECLS

#define GST_LM_VIDEO_FORMATS_8                                                                     \
    "NV12, I420, YV12, YUY2, UYVY, Y42B, RGBA, BGRA, ARGB, ABGR, RGBx, BGRx, xRGB, xBGR, RGB, BGR"
#define GST_LM_VIDEO_FORMATS "{ " GST_LM_VIDEO_FORMATS_8 ", v210, P010_10LE }"

/** Caps of lmnet, lmnetoverlay and lmnetmask. Frames of single fields (interlace-mode alternate)
 * have a caps feature of their own and so do not match. */
#define GST_LM_VIDEO_CAPS                                                                          \
    "video/x-raw, format = (string) " GST_LM_VIDEO_FORMATS ", width = (int) [ 32, 4096 ], "        \
    "height = (int) [ 32, 4096 ], framerate = (fraction) [ 0, max ]"

/** The weights of red and blue in luma, by the caps' matrix. */
void gst_lm_frame_get_matrix(const GstVideoInfo *info, double *kr, double *kb);

/** How the caps say that frames lie in memory, in both descriptions. Zeroed: no caps yet. */
typedef struct {
    GstVideoInfo video;
    LmFrameInfo frame;
    bool mismatch_reported; /**< A frame of this layout did not match it. */
} GstLmLayout;

/** Parses caps into a layout. False if they are not raw video that the elements take; the layout is
 * left as it is then. */
bool gst_lm_frame_parse_caps(const GstCaps *caps, GstLmLayout *layout);

/** Maps a buffer; gst_video_frame_unmap() ends it. False if the buffer does not match the caps: it
 * is too short, or its video meta contradicts them. */
bool gst_lm_frame_map(const GstLmLayout *layout, GstBuffer *buffer, GstMapFlags flags,
                      GstVideoFrame *video, LmFrame *frame);
/** Warns on the bus that frames do not match their caps; once for each layout, for if one is bad,
 * all may be. */
void gst_lm_frame_report_mismatch(GstLmLayout *layout, GstElement *element,
                                  const char *consequence);

/** The stream time and the running time of a frame at `pts`; GST_CLOCK_TIME_NONE outside the
 * segment, and if the segment does not count in time, as after a filesrc. */
GstClockTime gst_lm_frame_stream_time(const GstSegment *segment, GstClockTime pts);
GstClockTime gst_lm_frame_running_time(const GstSegment *segment, GstClockTime pts);
/** Sets controlled properties to their values at the frame's stream time. Streaming thread. */
void gst_lm_frame_sync_values(GstBaseTransform *element, const GstBuffer *buffer);

/** Adds an always pad named "sink" or "src", by its direction, with these caps. In class_init. */
void gst_lm_frame_add_pad_template(GstElementClass *klass, GstPadDirection direction,
                                   const char *caps);

G_END_DECLS
