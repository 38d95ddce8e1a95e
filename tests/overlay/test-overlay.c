/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The overlay against plain double precision in every format, and bit by bit outside the marks. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "frames.h"
#include "masks.h"
#include "mask/resample.h"
#include "overlay/alpha-bitmap.h"
#include "overlay/overlay.h"
#include "suite.h"

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

/* The pixels of a chroma sample: 1 (0), 2x1 (1) or 2x2 (2). */
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
        return 0;
    case LM_N_FORMATS:
        break;
    }
    g_assert_not_reached();
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
    int slot = i == 0 ? x * 2 + 1 : x / 2 * 4 + (i == 2 ? 2 : 0); /* In U Y V Y order. */
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
        require(packed[format].bytes > 0, "%s has no row in packed[]",
                lm_format_info(format)->name);
        set_bits(f, 0, y, x * packed[format].bytes + packed[format].at[i], 0xff);
        return;
    case LM_N_FORMATS:
        break;
    }
    g_assert_not_reached();
}

/* Checks that only bits in the components of marked pixels differ. */
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
    const bool ten = test_format_bits(info->format) == 10;
    double unit = ten ? 4 : 1, top = ten ? 1023 : 255;
    double y = info->kr * rgb[0] + info->kb * rgb[2] + (1 - info->kr - info->kb) * rgb[1];
    codes[0] = info->full_range ? top * y : unit * (16 + 219 * y);
    double scale = info->full_range ? top : unit * 224;
    codes[1] = 128 * unit + scale * (rgb[2] - y) / (2 * (1 - info->kb));
    codes[2] = 128 * unit + scale * (rgb[0] - y) / (2 * (1 - info->kr));
}

/* Checks the fill of one colour against the formula. */
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
    guint8 *classes; /* The classes of all the frame's pixels. */
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

/* Fill, contour and both, in every format: where pixels change, and for fill the values. */
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

/* A chequered bitmap of one strength, inside and partly outside the frame, in every format. */
START_TEST(alpha_bitmaps)
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

/* Noise gives hundreds of findings in overlapping boxes; each pixel must be blended once. */
START_TEST(many_findings)
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

/* With several classes, the first has the given colour, the others have different ones, not red. */
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
            /* Only pixels whose neighbours, and so their chroma, have the same class. */
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

START_TEST(draws_nothing)
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

/* The result does not depend on earlier use of the scratch. */
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

int main(void)
{
    Suite *suite = suite_create("overlay");
    TCase *tests = tcase_create("overlay");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, formats, 0, LM_N_FORMATS);
    tcase_add_loop_test(tests, many_findings, 0, LM_N_FORMATS);
    tcase_add_loop_test(tests, alpha_bitmaps, 0, LM_N_FORMATS);
    tcase_add_loop_test(tests, several_classes, 0, LM_N_FORMATS);
    tcase_add_loop_test(tests, draws_nothing, 0, LM_N_FORMATS);
    tcase_add_loop_test(tests, determinism, 0, LM_N_FORMATS);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite, CK_FORK_GETENV) ? EXIT_FAILURE : EXIT_SUCCESS;
}
