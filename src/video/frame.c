/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The table of pixel formats, and what follows from its rows: sizes of planes and colour
 * matrices. */
#include "video/frame.h"

#include <string.h>

#include "util/error.h"
#include "util/numeric.h"

/* clang-format off */
#define PLANAR(fmt, vs, u, v)                                                                      \
    {.name = fmt, .n_planes = 3, .yuv = true, .bits = 8, .h_sub = 1, .v_sub = vs,                  \
     .plane_h_sub = {0, 1, 1}, .plane_v_sub = {0, vs, vs},                                         \
     .unit_bytes = {1, 1, 1}, .unit_pixels = {1, 2, 2},                                            \
     .component = {{0, 0, 1}, {u, 0, 1}, {v, 0, 1}}}
#define SEMI_PLANAR(fmt, depth, bytes)                                                             \
    {.name = fmt, .n_planes = 2, .yuv = true, .bits = depth, .h_sub = 1, .v_sub = 1,               \
     .plane_h_sub = {0, 1}, .plane_v_sub = {0, 1},                                                 \
     .unit_bytes = {bytes, 2 * bytes}, .unit_pixels = {1, 2},                                      \
     .component = {{0, 0, bytes}, {1, 0, 2 * bytes}, {1, bytes, 2 * bytes}}}
#define PACKED_422(fmt, y, u, v)                                                                   \
    {.name = fmt, .n_planes = 1, .yuv = true, .bits = 8, .h_sub = 1,                               \
     .unit_bytes = {4}, .unit_pixels = {2},                                                        \
     .component = {{0, y, 2}, {0, u, 4}, {0, v, 4}}}
#define PACKED_RGB(fmt, bytes, r, g, b)                                                            \
    {.name = fmt, .n_planes = 1, .bits = 8, .unit_bytes = {bytes}, .unit_pixels = {1},             \
     .component = {{0, r, bytes}, {0, g, bytes}, {0, b, bytes}}}

#define ROW(format, ...)                                                                           \
    case LM_FORMAT_##format: {                                                                     \
        static const LmFormatInfo row = __VA_ARGS__;                                               \
        return &row;                                                                               \
    }

/* No default: the compiler names a format that lacks its row. */
const LmFormatInfo *lm_format_info(LmFormat format)
{
    switch (format) {
    ROW(NV12, SEMI_PLANAR("NV12", 8, 1))
    ROW(I420, PLANAR("I420", 1, 1, 2))
    ROW(YV12, PLANAR("YV12", 1, 2, 1))
    ROW(YUY2, PACKED_422("YUY2", 0, 1, 3))
    ROW(UYVY, PACKED_422("UYVY", 1, 0, 2))
    ROW(Y42B, PLANAR("Y42B", 0, 1, 2))
    ROW(V210, {.name = "v210", .n_planes = 1, .yuv = true, .bits = 10, .h_sub = 1,
         .unit_bytes = {16}, .unit_pixels = {6}})
    ROW(P010_10LE, SEMI_PLANAR("P010_10LE", 10, 2))
    ROW(RGBA, PACKED_RGB("RGBA", 4, 0, 1, 2))
    ROW(BGRA, PACKED_RGB("BGRA", 4, 2, 1, 0))
    ROW(ARGB, PACKED_RGB("ARGB", 4, 1, 2, 3))
    ROW(ABGR, PACKED_RGB("ABGR", 4, 3, 2, 1))
    ROW(RGBX, PACKED_RGB("RGBx", 4, 0, 1, 2))
    ROW(BGRX, PACKED_RGB("BGRx", 4, 2, 1, 0))
    ROW(XRGB, PACKED_RGB("xRGB", 4, 1, 2, 3))
    ROW(XBGR, PACKED_RGB("xBGR", 4, 3, 2, 1))
    ROW(RGB, PACKED_RGB("RGB", 3, 0, 1, 2))
    ROW(BGR, PACKED_RGB("BGR", 3, 2, 1, 0))
    case LM_N_FORMATS:
        break;
    }
    g_assert_not_reached();
}
/* clang-format on */

int lm_format_from_name(const char *name)
{
    for (int i = 0; i < LM_N_FORMATS; i++)
        if (strcmp(lm_format_info((LmFormat)i)->name, name) == 0)
            return i;
    return -1;
}

gsize lm_frame_row_bytes(const LmFrameInfo *info, unsigned plane)
{
    const LmFormatInfo *format = lm_format_info(info->format);
    g_assert(plane < format->n_planes);
    const int units = lm_ceil_div(info->width, (int)format->unit_pixels[plane]);
    return (gsize)units * format->unit_bytes[plane];
}

int lm_frame_rows(const LmFrameInfo *info, unsigned plane)
{
    const LmFormatInfo *format = lm_format_info(info->format);
    g_assert(plane < format->n_planes);
    unsigned sub = format->plane_v_sub[plane];
    return (info->height + (1 << sub) - 1) >> sub;
}

bool lm_frame_info_check(const LmFrameInfo *info, GError **error)
{
    if ((unsigned)info->format >= LM_N_FORMATS) {
        g_set_error(error, LM_ERROR, LM_ERROR_ARGUMENT, "unknown pixel format %d", info->format);
        return false;
    }
    if (info->width < LM_FRAME_MIN || info->width > LM_FRAME_MAX || info->height < LM_FRAME_MIN ||
        info->height > LM_FRAME_MAX) {
        g_set_error(error, LM_ERROR, LM_ERROR_ARGUMENT,
                    "frames of %dx%d pixels: must be %d to %d each way", info->width, info->height,
                    LM_FRAME_MIN, LM_FRAME_MAX);
        return false;
    }
    /* A NaN fails these comparisons. */
    bool matrix = info->kr > 0 && info->kb > 0 && info->kr + info->kb < 1;
    const LmFormatInfo *format = lm_format_info(info->format);
    if (format->yuv && !matrix) {
        g_set_error(error, LM_ERROR, LM_ERROR_ARGUMENT,
                    "%s frames with kr %g and kb %g: no colour matrix has these", format->name,
                    info->kr, info->kb);
        return false;
    }
    return true;
}

LmRect lm_rect_clip(LmRect a, LmRect b)
{
    gint64 left = MAX(a.x, b.x), right = MIN((gint64)a.x + a.width, (gint64)b.x + b.width);
    gint64 top = MAX(a.y, b.y), bottom = MIN((gint64)a.y + a.height, (gint64)b.y + b.height);
    if (right <= left || bottom <= top)
        return (LmRect){(int)left, (int)top, 0, 0};
    return (LmRect){(int)left, (int)top, (int)(right - left), (int)(bottom - top)};
}

bool lm_rect_equal(LmRect a, LmRect b)
{
    return a.x == b.x && a.y == b.y && a.width == b.width && a.height == b.height;
}

void lm_frame_to_rgb(const LmFrameInfo *info, double m[3][4])
{
    const LmFormatInfo *format = lm_format_info(info->format);
    double unit = 1 << (format->bits - 8), full = (1 << format->bits) - 1;
    double black = info->full_range ? 0 : 16 * unit;
    double y_scale = 1 / (info->full_range ? full : 219 * unit);
    memset(m, 0, 3 * sizeof m[0]);
    if (!format->yuv) {
        for (int i = 0; i < 3; i++) {
            m[i][i] = y_scale;
            m[i][3] = -black * y_scale;
        }
        return;
    }
    double c_scale = 1 / (info->full_range ? full : 224 * unit), grey = 128 * unit;
    double kr = info->kr, kb = info->kb, kg = 1 - kr - kb;
    m[0][2] = 2 * (1 - kr) * c_scale;
    m[1][1] = -2 * (1 - kb) * kb / kg * c_scale;
    m[1][2] = -2 * (1 - kr) * kr / kg * c_scale;
    m[2][1] = 2 * (1 - kb) * c_scale;
    for (int i = 0; i < 3; i++) {
        m[i][0] = y_scale;
        m[i][3] = -black * y_scale - grey * (m[i][1] + m[i][2]);
    }
}
