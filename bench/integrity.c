/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Compares frames byte by byte, in their own format. */
#include "integrity.h"

#include <string.h>

#include "overlay/overlay.h"
#include "mask/resample.h"

void bench_integrity_init(BenchIntegrity *check, const GstVideoInfo *info)
{
    gsize pixels = (gsize)GST_VIDEO_INFO_WIDTH(info) * (gsize)GST_VIDEO_INFO_HEIGHT(info);
    gsize row = 4 * ((gsize)GST_VIDEO_INFO_WIDTH(info) + 1);
    *check = (BenchIntegrity){.info = *info, .classes = g_malloc(pixels + row)};
    memset(check->classes, 0, pixels + row);
}

void bench_integrity_finish(BenchIntegrity *check)
{
    gst_lm_marks_clear(&check->marks);
    g_free(check->classes);
    *check = (BenchIntegrity){0};
}

/* Reads the class of each pixel; false if there are no findings. */
static bool read_marks(BenchIntegrity *check, GstBuffer *out)
{
    const int width = GST_VIDEO_INFO_WIDTH(&check->info);
    const LmRect whole = {0, 0, width, GST_VIDEO_INFO_HEIGHT(&check->info)};
    GstLmMarks *marks = &check->marks;
    if (gst_lm_meta_read(out, &check->info, -1, marks) && marks->findings.n > 0) {
        lm_resample_classes(marks->mask, marks->findings.kept, marks->params.threshold, whole,
                            check->classes, (gsize)width, NULL);
        return true;
    }
    memset(check->classes, 0, (gsize)width * (gsize)whole.height);
    return false;
}

/* Finds the bytes of a plane's row that may change: those of samples of a marked pixel. */
static void find_changeable(const BenchIntegrity *check, const LmFormatInfo *format, unsigned plane,
                            int row, guint8 *may)
{
    const int width = GST_VIDEO_INFO_WIDTH(&check->info);
    const int height = GST_VIDEO_INFO_HEIGHT(&check->info);
    for (int c = 0; c < 3; c++) {
        const LmComponent *component = &format->component[c];
        if (component->plane != plane)
            continue;
        int h_sub = format->yuv && c > 0 ? (int)format->h_sub : 0;
        int v_sub = format->yuv && c > 0 ? (int)format->v_sub : 0;
        for (int y = row << v_sub; y < MIN((row + 1) << v_sub, height); y++)
            for (int x = 0; x < width; x++)
                if (check->classes[(gsize)y * (gsize)width + (gsize)x])
                    may[component->offset + (x >> h_sub) * component->step] = 1;
    }
}

void bench_integrity_add(BenchIntegrity *check, GstBuffer *clean, GstBuffer *out)
{
    const LmFormat name = (LmFormat)lm_format_from_name(GST_VIDEO_INFO_NAME(&check->info));
    const LmFormatInfo *format = lm_format_info(name);
    const LmFrameInfo info = {.format = name,
                              .width = GST_VIDEO_INFO_WIDTH(&check->info),
                              .height = GST_VIDEO_INFO_HEIGHT(&check->info)};
    guint8 *may = check->classes + (gsize)info.width * (gsize)info.height;
    GstVideoFrame before, after;
    if (!gst_video_frame_map(&before, &check->info, clean, GST_MAP_READ))
        return;
    if (!gst_video_frame_map(&after, &check->info, out, GST_MAP_READ)) {
        gst_video_frame_unmap(&before);
        return;
    }
    check->frames++;
    check->marked += read_marks(check, out);
    for (unsigned plane = 0; plane < format->n_planes; plane++) {
        gsize bytes = lm_frame_row_bytes(&info, plane);
        for (int row = 0; row < lm_frame_rows(&info, plane); row++) {
            const guint8 *a = (guint8 *)GST_VIDEO_FRAME_PLANE_DATA(&before, plane) +
                              row * GST_VIDEO_FRAME_PLANE_STRIDE(&before, plane);
            const guint8 *b = (guint8 *)GST_VIDEO_FRAME_PLANE_DATA(&after, plane) +
                              row * GST_VIDEO_FRAME_PLANE_STRIDE(&after, plane);
            memset(may, 0, bytes);
            find_changeable(check, format, plane, row, may);
            for (gsize i = 0; i < bytes; i++) {
                check->compared += !may[i];
                check->changed += !may[i] && a[i] != b[i];
            }
        }
    }
    gst_video_frame_unmap(&before);
    gst_video_frame_unmap(&after);
}
