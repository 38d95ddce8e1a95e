/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Frames for tests: each format spelled out as GStreamer's documentation describes it. Switches
 * have no default, so that the compiler names a format that they lack. */
#include "frames.h"

static guint32 noise(guint32 *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 24;
}

/* The bytes of a row of each plane, and its number of rows. */
static unsigned planes_of(const LmFrameInfo *info, gsize row_bytes[3], int rows[3])
{
    gsize width = info->width, half = (width + 1) / 2;
    for (int i = 0; i < 3; i++)
        rows[i] = info->height;
    switch (info->format) {
    case LM_FORMAT_NV12:
    case LM_FORMAT_P010_10LE:
        row_bytes[0] = info->format == LM_FORMAT_NV12 ? width : 2 * width;
        row_bytes[1] = info->format == LM_FORMAT_NV12 ? 2 * half : 4 * half;
        rows[1] = (info->height + 1) / 2;
        return 2;
    case LM_FORMAT_I420:
    case LM_FORMAT_YV12:
        rows[1] = rows[2] = (info->height + 1) / 2;
        /* fall through */
    case LM_FORMAT_Y42B:
        row_bytes[0] = width;
        row_bytes[1] = row_bytes[2] = half;
        return 3;
    case LM_FORMAT_YUY2:
    case LM_FORMAT_UYVY:
        row_bytes[0] = 4 * half;
        return 1;
    case LM_FORMAT_V210:
        row_bytes[0] = (width + 5) / 6 * 16;
        return 1;
    case LM_FORMAT_RGB:
    case LM_FORMAT_BGR:
        row_bytes[0] = 3 * width;
        return 1;
    case LM_FORMAT_RGBA:
    case LM_FORMAT_BGRA:
    case LM_FORMAT_ARGB:
    case LM_FORMAT_ABGR:
    case LM_FORMAT_RGBX:
    case LM_FORMAT_BGRX:
    case LM_FORMAT_XRGB:
    case LM_FORMAT_XBGR:
        row_bytes[0] = 4 * width;
        return 1;
    case LM_N_FORMATS:
        break;
    }
    g_assert_not_reached();
}

void test_frame_init(LmFrame *frame, const LmFrameInfo *info, guint32 seed)
{
    gsize row_bytes[3];
    int rows[3];
    unsigned n_planes = planes_of(info, row_bytes, rows);
    *frame = (LmFrame){.info = *info};
    for (unsigned i = 0; i < n_planes; i++) {
        frame->stride[i] = row_bytes[i] + 5 + 8 * i;
        /* Exactly up to the last row's last pixel: a sanitizer finds reads beyond it. */
        gsize size = (rows[i] - 1) * frame->stride[i] + row_bytes[i];
        frame->data[i] = g_malloc(size);
        for (gsize j = 0; j < size; j++)
            frame->data[i][j] = noise(&seed);
    }
}

void test_frame_finish(LmFrame *frame)
{
    for (int i = 0; i < LM_MAX_PLANES; i++)
        g_free(frame->data[i]);
    *frame = (LmFrame){0};
}

static const guint8 *at(const LmFrame *frame, int plane, int row, int byte)
{
    return frame->data[plane] + row * frame->stride[plane] + byte;
}

static unsigned word16(const guint8 *bytes)
{
    return (bytes[0] | bytes[1] << 8) >> 6;
}

/* Ten-bit slot `slot` of a v210 row: three to a little-endian word. */
static unsigned v210_slot(const LmFrame *frame, int row, int slot)
{
    const guint8 *b = at(frame, 0, row, slot / 3 * 4);
    guint32 word = b[0] | b[1] << 8 | b[2] << 16 | (guint32)b[3] << 24;
    return word >> (slot % 3 * 10) & 0x3ff;
}

static void rgb_codes(const guint8 *pixel, int r, int g, int b, unsigned codes[3])
{
    codes[0] = pixel[r];
    codes[1] = pixel[g];
    codes[2] = pixel[b];
}

unsigned test_format_bits(LmFormat format)
{
    switch (format) {
    case LM_FORMAT_V210:
    case LM_FORMAT_P010_10LE:
        return 10;
    case LM_FORMAT_NV12:
    case LM_FORMAT_I420:
    case LM_FORMAT_YV12:
    case LM_FORMAT_YUY2:
    case LM_FORMAT_UYVY:
    case LM_FORMAT_Y42B:
    case LM_FORMAT_RGBA:
    case LM_FORMAT_BGRA:
    case LM_FORMAT_ARGB:
    case LM_FORMAT_ABGR:
    case LM_FORMAT_RGBX:
    case LM_FORMAT_BGRX:
    case LM_FORMAT_XRGB:
    case LM_FORMAT_XBGR:
    case LM_FORMAT_RGB:
    case LM_FORMAT_BGR:
        return 8;
    case LM_N_FORMATS:
        break;
    }
    g_assert_not_reached();
}

void test_frame_codes(const LmFrame *frame, int x, int y, unsigned codes[3])
{
    int cx = x / 2, cy = y / 2;
    switch (frame->info.format) {
    case LM_FORMAT_NV12:
        codes[0] = *at(frame, 0, y, x);
        codes[1] = *at(frame, 1, cy, 2 * cx);
        codes[2] = *at(frame, 1, cy, 2 * cx + 1);
        return;
    case LM_FORMAT_P010_10LE:
        codes[0] = word16(at(frame, 0, y, 2 * x));
        codes[1] = word16(at(frame, 1, cy, 4 * cx));
        codes[2] = word16(at(frame, 1, cy, 4 * cx + 2));
        return;
    case LM_FORMAT_I420:
    case LM_FORMAT_YV12:
    case LM_FORMAT_Y42B: {
        int u = frame->info.format == LM_FORMAT_YV12 ? 2 : 1;
        cy = frame->info.format == LM_FORMAT_Y42B ? y : cy;
        codes[0] = *at(frame, 0, y, x);
        codes[1] = *at(frame, u, cy, cx);
        codes[2] = *at(frame, 3 - u, cy, cx);
        return;
    }
    case LM_FORMAT_YUY2:
        rgb_codes(at(frame, 0, y, 4 * cx), x % 2 ? 2 : 0, 1, 3, codes);
        return;
    case LM_FORMAT_UYVY:
        rgb_codes(at(frame, 0, y, 4 * cx), x % 2 ? 3 : 1, 0, 2, codes);
        return;
    case LM_FORMAT_V210:
        /* A group of six pixels is U0 Y0 V0 Y1, U2 Y2 V2 Y3, U4 Y4 V4 Y5. */
        codes[0] = v210_slot(frame, y, 12 * (x / 6) + x % 6 * 2 + 1);
        codes[1] = v210_slot(frame, y, 12 * (x / 6) + x % 6 / 2 * 4);
        codes[2] = v210_slot(frame, y, 12 * (x / 6) + x % 6 / 2 * 4 + 2);
        return;
    case LM_FORMAT_RGB:
        rgb_codes(at(frame, 0, y, 3 * x), 0, 1, 2, codes);
        return;
    case LM_FORMAT_BGR:
        rgb_codes(at(frame, 0, y, 3 * x), 2, 1, 0, codes);
        return;
    case LM_FORMAT_RGBA:
    case LM_FORMAT_RGBX:
        rgb_codes(at(frame, 0, y, 4 * x), 0, 1, 2, codes);
        return;
    case LM_FORMAT_ARGB:
    case LM_FORMAT_XRGB:
        rgb_codes(at(frame, 0, y, 4 * x), 1, 2, 3, codes);
        return;
    case LM_FORMAT_ABGR:
    case LM_FORMAT_XBGR:
        rgb_codes(at(frame, 0, y, 4 * x), 3, 2, 1, codes);
        return;
    case LM_FORMAT_BGRA:
    case LM_FORMAT_BGRX:
        rgb_codes(at(frame, 0, y, 4 * x), 2, 1, 0, codes);
        return;
    case LM_N_FORMATS:
        break;
    }
    g_assert_not_reached();
}

void test_frame_rgb(const LmFrame *frame, int x, int y, double rgb[3])
{
    const LmFrameInfo *info = &frame->info;
    unsigned codes[3];
    test_frame_codes(frame, x, y, codes);
    if (info->format >= LM_FORMAT_RGBA) {
        for (int i = 0; i < 3; i++)
            rgb[i] = info->full_range ? codes[i] / 255.0 : (codes[i] - 16.0) / 219;
    } else {
        bool ten = test_format_bits(info->format) == 10;
        double step = ten ? 4 : 1, top = ten ? 1023 : 255;
        double luma = info->full_range ? codes[0] / top : (codes[0] - 16 * step) / (219 * step);
        double chroma = info->full_range ? top : 224 * step;
        double cb = (codes[1] - 128 * step) / chroma, cr = (codes[2] - 128 * step) / chroma;
        double kr = info->kr, kb = info->kb;
        rgb[0] = luma + 2 * (1 - kr) * cr;
        rgb[2] = luma + 2 * (1 - kb) * cb;
        rgb[1] = (luma - kr * rgb[0] - kb * rgb[2]) / (1 - kr - kb);
    }
    for (int i = 0; i < 3; i++)
        rgb[i] = CLAMP(rgb[i], 0, 1);
}
