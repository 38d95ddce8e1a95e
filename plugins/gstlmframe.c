/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Translates caps and video frames for the layers below. */
#include "gstlmframe.h"

void gst_lm_frame_get_matrix(const GstVideoInfo *info, double *kr, double *kb)
{
    /* If caps name no matrix, or RGB's for a YUV format, GStreamer's own rule by height holds. */
    if (!gst_video_color_matrix_get_Kr_Kb(info->colorimetry.matrix, kr, kb))
        gst_video_color_matrix_get_Kr_Kb(GST_VIDEO_INFO_HEIGHT(info) > 576
                                             ? GST_VIDEO_COLOR_MATRIX_BT709
                                             : GST_VIDEO_COLOR_MATRIX_BT601,
                                         kr, kb);
}

bool gst_lm_frame_parse_caps(const GstCaps *caps, GstLmLayout *layout)
{
    GstVideoInfo info;
    if (!gst_video_info_from_caps(&info, caps) ||
        GST_VIDEO_INFO_INTERLACE_MODE(&info) == GST_VIDEO_INTERLACE_MODE_ALTERNATE)
        return false;

    int format = lm_format_from_name(GST_VIDEO_INFO_NAME(&info));
    if (format < 0)
        return false;

    LmFrameInfo frame = {
        .format = (LmFormat)format,
        .width = GST_VIDEO_INFO_WIDTH(&info),
        .height = GST_VIDEO_INFO_HEIGHT(&info),
        .full_range =
            GST_VIDEO_INFO_IS_RGB(&info) || info.colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255,
    };
    gst_lm_frame_get_matrix(&info, &frame.kr, &frame.kb);
    if (!lm_frame_info_check(&frame, NULL))
        return false;
    *layout = (GstLmLayout){.video = info, .frame = frame};
    return true;
}

/* Wraps a mapped frame. False if its video meta contradicts the caps, or the memory is too short
 * for it. */
static bool wrap(const GstVideoFrame *video, const LmFrameInfo *info, LmFrame *frame)
{
    if (GST_VIDEO_FRAME_WIDTH(video) != info->width ||
        GST_VIDEO_FRAME_HEIGHT(video) != info->height ||
        lm_format_from_name(GST_VIDEO_INFO_NAME(&video->info)) != (int)info->format)
        return false;

    *frame = (LmFrame){.info = *info};
    for (unsigned i = 0; i < GST_VIDEO_FRAME_N_PLANES(video); i++) {
        int stride = GST_VIDEO_FRAME_PLANE_STRIDE(video, i);
        if (stride < 0 || (gsize)stride < lm_frame_row_bytes(info, i))
            return false;
        frame->data[i] = GST_VIDEO_FRAME_PLANE_DATA(video, i);
        /* Mapping by a video meta does not check that the memory is as long as the meta says. */
        const GstMapInfo *map = &video->map[video->meta ? i : 0];
        gsize begin = (gsize)(frame->data[i] - map->data);
        gsize bytes =
            (gsize)(lm_frame_rows(info, i) - 1) * (gsize)stride + lm_frame_row_bytes(info, i);
        if (begin > map->size || bytes > map->size - begin)
            return false;
        frame->stride[i] = (gsize)stride;
    }
    return true;
}

bool gst_lm_frame_map(const GstLmLayout *layout, GstBuffer *buffer, GstMapFlags flags,
                      GstVideoFrame *video, LmFrame *frame)
{
    if (!gst_video_frame_map(video, &layout->video, buffer, flags))
        return false;
    if (wrap(video, &layout->frame, frame))
        return true;
    gst_video_frame_unmap(video);
    return false;
}

void gst_lm_frame_report_mismatch(GstLmLayout *layout, GstElement *element, const char *consequence)
{
    if (!layout->mismatch_reported)
        GST_ELEMENT_WARNING(element, STREAM, FORMAT, ("Frames do not match their caps."),
                            ("%s", consequence));
    layout->mismatch_reported = true;
}

GstClockTime gst_lm_frame_stream_time(const GstSegment *segment, GstClockTime pts)
{
    return segment->format == GST_FORMAT_TIME
               ? gst_segment_to_stream_time(segment, GST_FORMAT_TIME, pts)
               : GST_CLOCK_TIME_NONE;
}

GstClockTime gst_lm_frame_running_time(const GstSegment *segment, GstClockTime pts)
{
    return segment->format == GST_FORMAT_TIME
               ? gst_segment_to_running_time(segment, GST_FORMAT_TIME, pts)
               : GST_CLOCK_TIME_NONE;
}

void gst_lm_frame_sync_values(GstBaseTransform *element, const GstBuffer *buffer)
{
    const GstClockTime time = gst_lm_frame_stream_time(&element->segment, GST_BUFFER_PTS(buffer));
    if (GST_CLOCK_TIME_IS_VALID(time))
        gst_object_sync_values(GST_OBJECT(element), time);
}

void gst_lm_frame_add_pad_template(GstElementClass *klass, GstPadDirection direction,
                                   const char *caps)
{
    GstCaps *parsed = gst_caps_from_string(caps);
    gst_element_class_add_pad_template(
        klass, gst_pad_template_new(direction == GST_PAD_SINK ? "sink" : "src", direction,
                                    GST_PAD_ALWAYS, parsed));
    gst_caps_unref(parsed);
}
