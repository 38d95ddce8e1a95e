/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The overlay against plain double precision in every format, and bit by bit where it must not
 * draw. */
#include "suite.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "frames.h"
#include "masks.h"
#include "overlay/overlay.h"
#include "overlay/alpha-bitmap.h"
#include "mask/resample.h"

/* For every pixel: libcheck's own assertions write a note each. */
#define require(condition, ...)                                                                    \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

static const int widths[] = {32, 33, 47, 130, 641};

static LmFrameInfo info_of(LmFormat format, int width, int height)
{
    return (LmFrameInfo){.format = format,
                         .width = width,
                         .height = height,
                         .kr = width % 2 ? 0.2126 : 0.299,
                         .kb = width % 2 ? 0.0722 : 0.114,
                         .full_range = format >= LM_FORMAT_RGBA || width % 3 == 0};
}

static bool is_ten_bit(LmFormat format)
{
    return format == LM_FORMAT_V210 || format == LM_FORMAT_P010_10LE;
}

/* Chroma's pixels: none of their own (0), 2x1 (1) or 2x2 (2). */
static int chroma_of(LmFormat format)
{
    switch (format) {
    case LM_FORMAT_NV12:
    case LM_FORMAT_I420:
    case LM_FORMAT_YV12:
    case LM_FORMAT_P010_10LE:
        return 2;
    case LM_FORMAT_YUY2:
    case LM_FORMAT_UYVY:
    case LM_FORMAT_Y42B:
    case LM_FORMAT_V210:
        return 1;
    default:
        return 0;
    }
}

static gsize plane_size(const LmFrame *frame, unsigned plane)
{
    return (lm_frame_rows(&frame->info, plane) - 1) * frame->stride[plane] +
           lm_frame_row_bytes(&frame->info, plane);
}

static void copy(LmFrame *to, const LmFrame *from)
{
    *to = *from;
    for (unsigned p = 0; p < lm_format_info(from->info.format)->n_planes; p++)
        to->data[p] = g_memdup2(from->data[p], plane_size(from, p));
}

static bool equal(const LmFrame *a, const LmFrame *b)
{
    for (unsigned p = 0; p < lm_format_info(a->info.format)->n_planes; p++)
        if (memcmp(a->data[p], b->data[p], plane_size(a, p)) != 0)
            return false;
    return true;
}

static void set_bits(LmFrame *f, int plane, int row, int byte, guint32 bits)
{
    for (guint8 *at = f->data[plane] + row * f->stride[plane] + byte; bits; bits >>= 8)
        *at++ |= bits & 0xff;
}

/* Sets every bit of one pixel's component (Y, U, V or R, G, B), and no other. */
static void set_component(LmFrame *f, int x, int y, int i)
{
    static const struct {
        guint8 bytes, at[3];
    } packed[LM_N_FORMATS] = {
        [LM_FORMAT_RGBA] = {4, {0, 1, 2}}, [LM_FORMAT_BGRA] = {4, {2, 1, 0}},
        [LM_FORMAT_ARGB] = {4, {1, 2, 3}}, [LM_FORMAT_ABGR] = {4, {3, 2, 1}},
        [LM_FORMAT_RGBX] = {4, {0, 1, 2}}, [LM_FORMAT_BGRX] = {4, {2, 1, 0}},
        [LM_FORMAT_XRGB] = {4, {1, 2, 3}}, [LM_FORMAT_XBGR] = {4, {3, 2, 1}},
        [LM_FORMAT_RGB] = {3, {0, 1, 2}},  [LM_FORMAT_BGR] = {3, {2, 1, 0}},
    };
    const LmFormat format = f->info.format;
    int slot = i == 0 ? x * 2 + 1 : x / 2 * 4 + (i == 2 ? 2 : 0); /* Of U Y V Y, in samples. */
    switch (format) {
    case LM_FORMAT_NV12:
        set_bits(f, i > 0, i > 0 ? y / 2 : y, i > 0 ? x / 2 * 2 + i - 1 : x, 0xff);
        return;
    case LM_FORMAT_P010_10LE:
        set_bits(f, i > 0, i > 0 ? y / 2 : y, i > 0 ? x / 2 * 4 + 2 * (i - 1) : 2 * x, 0xffc0);
        return;
    case LM_FORMAT_I420:
        set_bits(f, i, i > 0 ? y / 2 : y, i > 0 ? x / 2 : x, 0xff);
        return;
    case LM_FORMAT_YV12:
        set_bits(f, (3 - i) % 3, i > 0 ? y / 2 : y, i > 0 ? x / 2 : x, 0xff);
        return;
    case LM_FORMAT_Y42B:
        set_bits(f, i, y, i > 0 ? x / 2 : x, 0xff);
        return;
    case LM_FORMAT_YUY2:
        set_bits(f, 0, y, slot ^ 1, 0xff);
        return;
    case LM_FORMAT_UYVY:
        set_bits(f, 0, y, slot, 0xff);
        return;
    case LM_FORMAT_V210:
        set_bits(f, 0, y, slot / 3 * 4, 0x3ffu << slot % 3 * 10);
        return;
    default:
        set_bits(f, 0, y, x * packed[format].bytes + packed[format].at[i], 0xff);
    }
}

/* The bits that differ are within the components of marked pixels. */
static void check_confined(const LmFrame *before, const LmFrame *after, const guint8 *classes)
{
    const int width = before->info.width, height = before->info.height;
    LmFrame allowed;
    copy(&allowed, before);
    for (unsigned p = 0; p < lm_format_info(before->info.format)->n_planes; p++)
        memset(allowed.data[p], 0, plane_size(before, p));
    for (int i = 0; i < width * height; i++)
        for (int k = 0; k < 3 && classes[i]; k++)
            set_component(&allowed, i % width, i / width, k);
    for (unsigned p = 0; p < lm_format_info(before->info.format)->n_planes; p++)
        for (gsize j = 0; j < plane_size(before, p); j++)
            require(((before->data[p][j] ^ after->data[p][j]) & ~allowed.data[p][j]) == 0,
                    "%s %dx%d: plane %u row %d byte %d changed",
                    lm_format_info(before->info.format)->name, width, height, p,
                    (int)(j / before->stride[p]), (int)(j % before->stride[p]));
    test_frame_finish(&allowed);
}

/* A colour in the frame's codes by the standards' formula, unrounded. */
static void encode(const LmFrameInfo *info, guint32 color, double codes[3])
{
    double rgb[3];
    for (int i = 0; i < 3; i++)
        rgb[i] = (color >> (16 - 8 * i) & 0xff) / 255.0;
    if (chroma_of(info->format) == 0) {
        for (int i = 0; i < 3; i++)
            codes[i] = 255 * rgb[i];
        return;
    }
    double unit = is_ten_bit(info->format) ? 4 : 1, top = is_ten_bit(info->format) ? 1023 : 255;
    double y = info->kr * rgb[0] + info->kb * rgb[2] + (1 - info->kr - info->kb) * rgb[1];
    codes[0] = info->full_range ? top * y : unit * (16 + 219 * y);
    double scale = info->full_range ? top : unit * 224;
    codes[1] = 128 * unit + scale * (rgb[2] - y) / (2 * (1 - info->kb));
    codes[2] = 128 * unit + scale * (rgb[0] - y) / (2 * (1 - info->kr));
}

/* Fill of one colour against the formula. */
static void check_fill(const LmFrame *before, const LmFrame *after, const guint8 *classes,
                       guint32 color, double opacity)
{
    const LmFrameInfo *info = &before->info;
    const int chroma = chroma_of(info->format);
    double target[3];
    encode(info, color, target);
    for (int i = 0; i < info->width * info->height; i++) {
        int x = i % info->width, y = i / info->width, n = 0, covered = 0;
        unsigned old[3], new[3];
        test_frame_codes(before, x, y, old);
        test_frame_codes(after, x, y, new);
        /* Of all pixels that share a chroma sample. */
        int y0 = chroma == 2 ? y / 2 * 2 : y, y1 = chroma == 2 ? y0 + 1 : y;
        for (int row = y0; row <= y1 && row < info->height; row++)
            for (int column = x / 2 * 2; column <= x / 2 * 2 + 1 && column < info->width;
                 column++) {
                n++;
                covered += classes[row * info->width + column] != 0;
            }
        for (int k = 0; k < 3; k++) {
            double share = chroma && k > 0 ? opacity * covered / n : classes[i] ? opacity : 0;
            double expected = old[k] + (target[k] - old[k]) * share;
            require(fabs(new[k] - expected) <= 1.01,
                    "%s %dx%d: component %d at %d, %d is %u, not %g; was %u",
                    lm_format_info(info->format)->name, info->width, info->height, k, x, y, new[k],
                    expected, old[k]);
        }
    }
}

typedef struct {
    LmFrame before, after;
    LmMask *mask;
    LmFindings findings;
    guint8 *classes; /* Of the whole frame. */
} Scene;

static void scene_init(Scene *s, const LmFrameInfo *info, LmRect region, unsigned n_classes,
                       unsigned blobs, double threshold, guint32 seed)
{
    test_frame_init(&s->before, info, seed);
    copy(&s->after, &s->before);
    s->mask = test_mask_new(44, 36, n_classes, region, blobs, seed);
    lm_findings_init(&s->findings, s->mask, &(LmFindingsParams){threshold, 0.002});
    s->classes = g_malloc((gsize)info->width * info->height);
    lm_resample_classes(s->mask, s->findings.kept, threshold,
                        (LmRect){0, 0, info->width, info->height}, s->classes, info->width, NULL);
}

static void scene_finish(Scene *s)
{
    test_frame_finish(&s->before);
    test_frame_finish(&s->after);
    lm_findings_finish(&s->findings);
    lm_mask_unref(&s->mask);
    g_free(s->classes);
}

static void draw(Scene *s, const LmOverlayParams *params)
{
    LmScratch scratch = {0};
    lm_overlay_draw(&s->after, s->mask, &s->findings, params, &scratch);
    lm_scratch_finish(&scratch);
}

static LmRect region_in(int width, int height, int kind)
{
    return kind == 0 ? (LmRect){0, 0, width, height}
                     : (LmRect){width / 7 + 1, 3, width - width / 4 - 2, height - 8};
}

/* Fill, contour and both, in every format: where, and for fill what. */
START_TEST(formats)
{
    for (unsigned w = 0; w < G_N_ELEMENTS(widths); w++)
        for (unsigned flags = 1; flags <= 3; flags++)
            for (int kind = 0; kind < 2; kind++) {
                int height = 40 + (w + flags) % 3;
                Scene s;
                LmFrameInfo info = info_of(_i, widths[w], height);
                scene_init(&s, &info, region_in(widths[w], height, kind), 2, 4, 0.5,
                           100 * w + flags);
                ck_assert_uint_gt(s.findings.n, 0);
                LmOverlayParams params = {.flags = flags,
                                          .color = 0x20c0ff,
                                          .opacity = 0.15 + 0.3 * (w % 3),
                                          .threshold = 0.5};
                draw(&s, &params);
                check_confined(&s.before, &s.after, s.classes);
                ck_assert(!equal(&s.before, &s.after));
                if (flags == LM_OVERLAY_FILL)
                    check_fill(&s.before, &s.after, s.classes, params.color, params.opacity);
                scene_finish(&s);
            }
}
END_TEST

/* A checked bitmap of one strength at places in and partly outside the frame, in every format. */
START_TEST(stencils)
{
    const LmRect places[] = {{3, 5, 20, 11},     {0, 0, 9, 9},   {-7, -4, 25, 17}, {20, 30, 64, 64},
                             {-5, -5, 200, 100}, {31, 39, 1, 1}, {-40, 2, 30, 8},  {5, 300, 4, 4}};
    LmScratch scratch = {0};
    for (unsigned w = 0; w < G_N_ELEMENTS(widths) * G_N_ELEMENTS(places); w++) {
        LmFrameInfo info = info_of(_i, widths[w % G_N_ELEMENTS(widths)], 40 + (int)w % 3);
        const LmRect place = places[w / G_N_ELEMENTS(widths)];
        const guint8 strength = (guint8)(255 - 60 * (w % 4));
        LmFrame before, after;
        test_frame_init(&before, &info, w);
        copy(&after, &before);
        guint8 *data = g_malloc0((gsize)place.width * place.height);
        guint8 *classes = g_malloc0((gsize)info.width * info.height);
        for (int i = 0; i < place.width * place.height; i++) {
            int x = place.x + i % place.width, y = place.y + i / place.width;
            if ((i % place.width / 3 + i / place.width / 2) % 2)
                continue;
            data[i] = strength;
            if (x >= 0 && x < info.width && y >= 0 && y < info.height)
                classes[y * info.width + x] = 1;
        }
        const LmAlphaBitmap bitmap = {place.width, place.height, (gsize)place.width, data};
        lm_alpha_bitmap_paint(&bitmap, &after, place.x, place.y, 0x30d0a0, &scratch);
        check_confined(&before, &after, classes);
        check_fill(&before, &after, classes, 0x30d0a0, strength / 255.0);
        test_frame_finish(&before);
        test_frame_finish(&after);
        g_free(data);
        g_free(classes);
    }
    lm_scratch_finish(&scratch);
}
END_TEST

/* Noise gives hundreds of findings in overlapping boxes; each pixel is blended once. */
START_TEST(crowds)
{
    LmFrameInfo info = info_of(_i, 131, 97);
    Scene s;
    scene_init(&s, &info, region_in(131, 97, 1), 2, 0, 0.75, 7);
    ck_assert_uint_gt(s.findings.n, 20);
    LmOverlayParams params = {
        .flags = LM_OVERLAY_FILL, .color = 0x00e5ff, .opacity = 0.4, .threshold = 0.75};
    draw(&s, &params);
    check_confined(&s.before, &s.after, s.classes);
    check_fill(&s.before, &s.after, s.classes, params.color, params.opacity);
    scene_finish(&s);
}
END_TEST

/* With several classes, the first in its colour, the others in colours that are not red and
 * differ. */
START_TEST(several_classes)
{
    LmFrameInfo info = info_of(_i, 141, 98);
    const guint32 firsts[] = {0x00e5ff, 0xffffff, 0x000000, 0xff0000};
    for (unsigned f = 0; f < G_N_ELEMENTS(firsts); f++) {
        Scene s;
        scene_init(&s, &info, region_in(141, 98, 0), 5, 2, 0.4, 3);
        LmOverlayParams params = {
            .flags = LM_OVERLAY_FILL, .color = firsts[f], .opacity = 1, .threshold = 0.4};
        draw(&s, &params);
        check_confined(&s.before, &s.after, s.classes);
        double seen[5][3] = {{0}}, first[3];
        for (int i = 0; i < 141 * 98; i++) {
            int x = i % 141, y = i / 141, c = s.classes[i];
            /* Chroma of one class only. */
            if (c == 0 || x < 1 || x > 139 || y < 1 || y > 96)
                continue;
            bool inside = true;
            for (int k = 0; k < 9; k++)
                inside &= s.classes[i + (k / 3 - 1) * 141 + k % 3 - 1] == c;
            if (!inside)
                continue;
            double rgb[3];
            test_frame_rgb(&s.after, x, y, rgb);
            for (int k = 0; k < 3; k++) {
                require(seen[c][0] + seen[c][1] + seen[c][2] == 0 || seen[c][k] == rgb[k],
                        "class %d has two colours", c);
            }
            memcpy(seen[c], rgb, sizeof rgb);
        }
        for (int k = 0; k < 3; k++)
            first[k] = (firsts[f] >> (16 - 8 * k) & 0xff) / 255.0;
        for (int k = 0; k < 3; k++)
            ck_assert(fabs(seen[1][k] - first[k]) < 0.02);
        for (int a = 2; a < 5; a++) {
            bool red = seen[a][0] > seen[a][1] + 0.3 && seen[a][0] > seen[a][2] + 0.3;
            ck_assert_msg(!red, "class %d is %g %g %g", a, seen[a][0], seen[a][1], seen[a][2]);
            for (int b = 1; b < a; b++) {
                double distance = 0;
                for (int k = 0; k < 3; k++)
                    distance += fabs(seen[a][k] - seen[b][k]);
                ck_assert_msg(distance > 0.3, "classes %d and %d look alike", a, b);
            }
        }
        params.flags = LM_OVERLAY_FILL | LM_OVERLAY_CONTOUR;
        params.opacity = 0.3;
        draw(&s, &params);
        check_confined(&s.before, &s.after, s.classes);
        scene_finish(&s);
    }
}
END_TEST

START_TEST(nothing)
{
    LmFrameInfo info = info_of(_i, 75, 64);
    Scene s;
    scene_init(&s, &info, region_in(75, 64, 1), 2, 3, 0.5, 9);
    LmOverlayParams params = {.color = 0x00e5ff, .opacity = 0.5, .threshold = 0.5};
    draw(&s, &params);
    ck_assert(equal(&s.before, &s.after));
    params = (LmOverlayParams){.flags = LM_OVERLAY_FILL, .color = 0x00e5ff, .threshold = 0.5};
    draw(&s, &params);
    ck_assert(equal(&s.before, &s.after));
    lm_findings_finish(&s.findings);
    lm_findings_init(&s.findings, s.mask, &(LmFindingsParams){1, 0});
    params = (LmOverlayParams){.flags = 3, .color = 0x00e5ff, .opacity = 1, .threshold = 1};
    draw(&s, &params);
    ck_assert(equal(&s.before, &s.after));
    scene_finish(&s);
}
END_TEST

/* The same whatever was drawn with the scratch before. */
START_TEST(determinism)
{
    LmFrameInfo info = info_of(_i, 201, 120);
    LmScratch scratch = {0};
    LmOverlayParams params = {
        .flags = 3, .color = 0x00e5ff, .opacity = 0.25, .threshold = 0.5, .contour_width = 4};
    Scene s;
    scene_init(&s, &info, region_in(201, 120, 1), 3, 3, 0.5, 11);
    draw(&s, &params);
    for (int i = 0; i < 3; i++) {
        Scene other;
        LmFrameInfo small = info_of(LM_FORMAT_RGBA, 64 + 200 * i, 50);
        scene_init(&other, &small, region_in(small.width, 50, 0), 4, 3, 0.5, i);
        lm_overlay_draw(&other.after, other.mask, &other.findings, &params, &scratch);
        scene_finish(&other);
        LmFrame again;
        copy(&again, &s.before);
        lm_overlay_draw(&again, s.mask, &s.findings, &params, &scratch);
        ck_assert(equal(&again, &s.after));
        test_frame_finish(&again);
    }
    lm_scratch_finish(&scratch);
    scene_finish(&s);
}
END_TEST

/* Bilinear with half-pixel centres, edges held, in double precision. */
static double resampled(const LmMask *mask, int c, int x, int y)
{
    const LmRect *r = &mask->region;
    double u = (x - r->x + 0.5) * mask->width / r->width - 0.5;
    double v = (y - r->y + 0.5) * mask->height / r->height - 0.5;
    u = CLAMP(u, 0, mask->width - 1);
    v = CLAMP(v, 0, mask->height - 1);
    int x0 = (int)u, y0 = (int)v, x1 = MIN(x0 + 1, mask->width - 1);
    int y1 = MIN(y0 + 1, mask->height - 1);
    const guint8 *p = mask->data + (gsize)(c - 1) * mask->width * mask->height;
    double above = p[y0 * mask->width + x0] * (1 - (u - x0)) + p[y0 * mask->width + x1] * (u - x0);
    double below = p[y1 * mask->width + x0] * (1 - (u - x0)) + p[y1 * mask->width + x1] * (u - x0);
    return above * (1 - (v - y0)) + below * (v - y0);
}

/* Probabilities and classes over a rectangle that reaches beyond the region on all sides. */
START_TEST(resampling)
{
    const LmRect regions[] = {{10, 20, 200, 150}, {1, 2, 44, 36}, {7, 3, 31, 29}, {3, 50, 301, 20}};
    const LmRect region = regions[_i % 4];
    const unsigned n_classes = 2 + _i / 4;
    LmMask *mask = test_mask_new(44, 36, n_classes, region, _i % 3 ? 4 : 0, _i);
    LmFindings findings;
    lm_findings_init(&findings, mask, &(LmFindingsParams){0.4, 0});
    const LmRect rect = {region.x - 5, region.y - 2, region.width + 11, region.height + 5};
    const gsize stride = rect.width + 3;
    guint8 *out = g_malloc(stride * rect.height), *classes = g_malloc(stride * rect.height);
    memset(classes, 99, stride * rect.height);
    lm_resample_classes(mask, findings.kept, 0.4, rect, classes, stride, NULL);
    for (unsigned c = 1; c < n_classes; c++) {
        memset(out, 99, stride * rect.height);
        lm_resample_probabilities(mask, c, rect, out, stride, NULL);
        for (int y = 0; y < rect.height; y++) {
            for (int x = 0; x < (int)stride; x++) {
                int got = out[y * stride + x];
                bool inside = x >= 5 && x < 5 + region.width && y >= 2 && y < 2 + region.height;
                if (x >= rect.width)
                    require(got == 99, "%d, %d was written", x, y);
                else if (!inside)
                    require(got == 0, "%d at %d, %d", got, x, y);
                else
                    require(fabs(got - resampled(mask, c, rect.x + x, rect.y + y)) < 0.501,
                            "%d at %d, %d", got, x, y);
            }
        }
    }
    for (int y = 0; y < rect.height; y++) {
        for (int x = 0; x < (int)stride; x++) {
            int got = classes[y * stride + x], best = 0;
            bool inside = x >= 5 && x < 5 + region.width && y >= 2 && y < 2 + region.height;
            if (x >= rect.width || !inside) {
                require(got == (x >= rect.width ? 99 : 0), "%d at %d, %d", got, x, y);
                continue;
            }
            double p = 0, second = 0, sum = 0;
            for (unsigned c = 1; c < n_classes; c++) {
                double q = resampled(mask, c, rect.x + x, rect.y + y);
                sum += q;
                second = MAX(second, MIN(q, p));
                best = q > p ? (int)c : best;
                p = MAX(p, q);
            }
            double margin = p - 0.4 * (p + 255 - sum);
            /* What the mask itself nowhere says cannot have been kept; two classes hide nothing. */
            if (margin < -1e-3 || (margin > 1e-3 && p - second > 1e-3))
                require(got == (margin > 0 ? best : 0) || (n_classes > 2 && got == 0),
                        "class %d at %d, %d", got, x, y);
        }
    }
    g_free(out);
    g_free(classes);
    lm_findings_finish(&findings);
    lm_mask_unref(&mask);
}
END_TEST

START_TEST(identity)
{
    LmMask *mask = test_mask_new(44, 36, 3, (LmRect){5, 6, 44, 36}, 0, 3);
    guint8 out[44 * 36], labels[44 * 36];
    for (int c = 1; c < 3; c++) {
        lm_resample_probabilities(mask, c, mask->region, out, 44, NULL);
        ck_assert_mem_eq(out, mask->data + (c - 1) * 44 * 36, sizeof out);
    }
    for (double threshold = 0; threshold < 1; threshold += 0.2) {
        LmFindings findings;
        lm_findings_init(&findings, mask, &(LmFindingsParams){threshold, 0});
        lm_mask_classify(mask, threshold, labels);
        lm_resample_classes(mask, findings.kept, threshold, mask->region, out, 44, NULL);
        ck_assert_mem_eq(out, labels, sizeof out);
        lm_findings_finish(&findings);
    }
    lm_mask_unref(&mask);
}
END_TEST

/* White lines of `line` pixels on black, as shares of full white: a map of width x height. */
static double *lines(const LmMask *mask, int width, int height, double line)
{
    LmFrame frame;
    LmFindings findings;
    LmScratch scratch = {0};
    LmFrameInfo info = info_of(LM_FORMAT_RGB, width, height);
    test_frame_init(&frame, &info, 1);
    for (int y = 0; y < height; y++)
        memset(frame.data[0] + y * frame.stride[0], 0, 3 * width);
    lm_findings_init(&findings, mask, &(LmFindingsParams){0.5, 0});
    LmOverlayParams params = {.flags = LM_OVERLAY_CONTOUR,
                              .color = 0xffffff,
                              .opacity = 1,
                              .contour_width = line,
                              .threshold = 0.5};
    lm_overlay_draw(&frame, mask, &findings, &params, &scratch);
    double *map = g_new(double, width *height);
    for (int i = 0; i < width * height; i++)
        map[i] = frame.data[0][i / width * frame.stride[0] + i % width * 3] / 255.0;
    lm_scratch_finish(&scratch);
    lm_findings_finish(&findings);
    test_frame_finish(&frame);
    return map;
}

/* Across the edge of a half plane, the line's cover adds up to its width; nothing lies deeper. */
START_TEST(line_width)
{
    const double asked[] = {1, 1.5, 2, 3, 6.5, 20}, line = asked[_i];
    LmMask *mask = lm_mask_new(40, 30, 2, (LmRect){0, 0, 280, 210});
    for (int upright = 0; upright < 2; upright++) {
        for (int i = 0; i < 40 * 30; i++) {
            int depth = upright ? i % 40 - 20 : i / 40 - 15;
            mask->data[i] = depth < 0 ? 0 : depth == 0 ? 90 : 255;
        }
        double *map = lines(mask, 280, 210, line);
        int n = upright ? 280 : 210;
        for (int along = 60; along < 150; along++) {
            double sum = 0;
            for (int i = 0; i < n / 2 + 60; i++)
                sum += upright ? map[along * 280 + i] : map[i * 280 + along];
            ck_assert_msg(fabs(sum - line) < 0.05, "%g instead of %g pixels", sum, line);
        }
        g_free(map);
    }
    lm_mask_unref(&mask);
}
END_TEST

/* Around a disc, blown up sevenfold: full at the line's middle all around, nothing outside, nothing
 * deeper than the line, and the area of the ring. */
START_TEST(line_around_disc)
{
    const double line = 2 + _i, scale = 7, radius = 12.3;
    LmMask *mask = lm_mask_new(40, 40, 2, (LmRect){0, 0, 280, 280});
    for (int i = 0; i < 40 * 40; i++) {
        double distance = radius - hypot(i % 40 - 19.7, i / 40 - 19.2);
        mask->data[i] = (guint8)(255 * CLAMP(0.5 + distance / 4, 0, 1));
    }
    double *map = lines(mask, 280, 280, line), sum = 0;
    /* Where centres of pixels of the mask lie in the frame. */
    const double cx = (19.7 + 0.5) * scale, cy = (19.2 + 0.5) * scale, r = radius * scale;
    for (int i = 0; i < 280 * 280; i++) {
        double depth = r - hypot(i % 280 + 0.5 - cx, i / 280 + 0.5 - cy);
        sum += map[i];
        if (depth < -0.6 || depth > line + 1.6)
            require(map[i] == 0, "%g at depth %g", map[i], depth);
        if (depth > 1.6 && depth < line - 0.6)
            require(map[i] == 1, "%g at depth %g", map[i], depth);
    }
    double middle = r - 0.5 - line / 2, area = 2 * G_PI * middle * line;
    ck_assert_msg(fabs(sum - area) < 0.03 * area, "%g instead of %g pixels", sum, area);
    g_free(map);
    lm_mask_unref(&mask);
}
END_TEST

/* A mark that fills the frame is framed, without gaps. */
START_TEST(line_around_frame)
{
    LmMask *mask = lm_mask_new(40, 30, 2, (LmRect){0, 0, 100, 80});
    memset(mask->data, 255, 40 * 30);
    double *map = lines(mask, 100, 80, 3);
    for (int i = 0; i < 100 * 80; i++) {
        int x = i % 100, y = i / 100, depth = MIN(MIN(x, 99 - x), MIN(y, 79 - y));
        bool corner = (x == 0 || x == 99) && (y == 0 || y == 79); /* A little rounded. */
        require(corner ? map[i] > 0.5 : map[i] == (depth < 3), "a gap or a smear at %d, %d", x, y);
    }
    g_free(map);
    lm_mask_unref(&mask);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("overlay");
    TCase *tests = tcase_create("overlay");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, formats, 0, LM_N_FORMATS);
    tcase_add_loop_test(tests, crowds, 0, LM_N_FORMATS);
    tcase_add_loop_test(tests, stencils, 0, LM_N_FORMATS);
    tcase_add_loop_test(tests, several_classes, 0, LM_N_FORMATS);
    tcase_add_loop_test(tests, nothing, 0, LM_N_FORMATS);
    tcase_add_loop_test(tests, determinism, 0, LM_N_FORMATS);
    tcase_add_loop_test(tests, resampling, 0, 12);
    tcase_add_test(tests, identity);
    tcase_add_loop_test(tests, line_width, 0, 6);
    tcase_add_loop_test(tests, line_around_disc, 0, 5);
    tcase_add_test(tests, line_around_frame);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite, CK_FORK_GETENV) ? EXIT_FAILURE : EXIT_SUCCESS;
}
