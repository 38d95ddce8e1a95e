/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Rows of four bytes per pixel into any 8-bit format, several threads at once. */
#include "gstlmpack.h"

#include <string.h>

#include "gstlmframe.h"

LmSceneColor gst_lm_pack_color(const GstVideoInfo *info)
{
    LmSceneColor color = {0};
    if (!GST_VIDEO_INFO_IS_YUV(info))
        return color;

    double kr, kb;
    gst_lm_frame_get_matrix(info, &kr, &kb);
    gint offset[GST_VIDEO_MAX_COMPONENTS], scale[GST_VIDEO_MAX_COMPONENTS];
    gst_video_color_range_offsets(info->colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255
                                      ? GST_VIDEO_COLOR_RANGE_0_255
                                      : GST_VIDEO_COLOR_RANGE_16_235,
                                  gst_video_format_get_info(GST_VIDEO_FORMAT_AYUV), offset, scale);

    const double luma[3] = {kr, 1 - kr - kb, kb};
    for (int j = 0; j < 3; j++) {
        const double component[3] = {luma[j], ((j == 2) - luma[j]) / (2 * (1 - kb)),
                                     ((j == 0) - luma[j]) / (2 * (1 - kr))};
        for (int i = 0; i < 3; i++)
            color.matrix[i][j] = (float)(component[i] * scale[i] / 255);
    }
    for (int i = 0; i < 3; i++)
        color.offset[i] = (float)offset[i];
    return color;
}

GstVideoChromaResample *gst_lm_pack_chroma_new(const GstVideoInfo *info)
{
    const GstVideoFormatInfo *format = info->finfo;
    return gst_video_chroma_resample_new(
        GST_VIDEO_CHROMA_METHOD_LINEAR, info->chroma_site, GST_VIDEO_CHROMA_FLAG_NONE,
        format->unpack_format, -(gint)GST_VIDEO_FORMAT_INFO_W_SUB(format, GST_VIDEO_COMP_U),
        -(gint)GST_VIDEO_FORMAT_INFO_H_SUB(format, GST_VIDEO_COMP_U));
}

static void pack(GstVideoFrame *frame, guint y, gpointer row)
{
    const GstVideoFormatInfo *format = frame->info.finfo;
    format->pack_func(format, GST_VIDEO_PACK_FLAG_NONE, row, 4 * GST_VIDEO_FRAME_WIDTH(frame),
                      frame->data, frame->info.stride, frame->info.chroma_site, (gint)y,
                      GST_VIDEO_FRAME_WIDTH(frame));
}

void gst_lm_pack_view(guint y, const guint8 *row, gpointer canvas)
{
    GstLmCanvas *self = canvas;
    if (!self->chroma) {
        pack(&self->frame, y, (gpointer)row);
        return;
    }

    /* Rows that share their chroma come from one thread one after the other; filtering overwrites
     * them. */
    static _Thread_local _Alignas(8) guint8 pair[2][4 * LM_SCENE_MAX_SIZE];
    guint width = (guint)GST_VIDEO_FRAME_WIDTH(&self->frame), n_rows;
    memcpy(pair[y % 2], row, 4 * (gsize)width);
    gst_video_chroma_resample_get_info(self->chroma, &n_rows, NULL);
    guint first = y - y % n_rows;
    if (y + 1 < MIN(first + n_rows, (guint)GST_VIDEO_FRAME_HEIGHT(&self->frame)))
        return;
    gpointer rows[2] = {pair[first % 2], pair[y % 2]};
    gst_video_chroma_resample(self->chroma, rows, (gint)width);
    for (guint i = first; i <= y; i++)
        pack(&self->frame, i, pair[i % 2]);
}

void gst_lm_pack_truth(guint y, const guint8 *row, gpointer canvas)
{
    GstVideoFrame *frame = &((GstLmCanvas *)canvas)->frame;
    memcpy((guint8 *)GST_VIDEO_FRAME_PLANE_DATA(frame, 0) +
               (gsize)y * (gsize)GST_VIDEO_FRAME_PLANE_STRIDE(frame, 0),
           row, (gsize)GST_VIDEO_FRAME_WIDTH(frame));
}
