/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The captured screen: its shape against the shape's formula, its clock, its code, its colours, and
 * its bytes against a checksum. */
#include "scene/screen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "scene-code.h"
#include "suite.h"

enum { GUARD = 64, GUARD_BYTE = 0xa5 };

static const LmSceneColor rgb = {.matrix = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
/* BT.601, limited range, as AYUV. */
static const LmSceneColor yuv = {
    .matrix = {{0.256788f, 0.504129f, 0.097906f},
               {-0.148223f, -0.290993f, 0.439216f},
               {0.439216f, -0.367788f, -0.071427f}},
    .offset = {16, 128, 128},
};

static const LmSceneScreen kinds[] = {
    LM_SCENE_SCREEN_NONE,
    LM_SCENE_SCREEN_ROUND,
    LM_SCENE_SCREEN_OCTAGON,
};

static const struct {
    guint width, height;
} sizes[] = {
    {16, 16},   {17, 33},   {64, 48},   {160, 120}, {162, 165},  {333, 111},   {111, 333},
    {320, 240}, {512, 512}, {480, 640}, {640, 480}, {720, 576},  {1280, 720},  {1920, 1080},
    {16, 8192}, {8192, 16}, {159, 120}, {160, 119}, {1080, 640}, {1080, 1920}, {4096, 2160},
};

/** A frame that a screen is composed into, with guards at both ends of its one allocation. */
typedef struct {
    guint width, height, bytes; /* bytes of a pixel */
    guint8 *guarded;
} Frame;

static guint8 *frame_row(const Frame *frame, guint y)
{
    return frame->guarded + GUARD + (gsize)y * frame->width * frame->bytes;
}

static gsize frame_size(const Frame *frame)
{
    return (gsize)frame->width * frame->height * frame->bytes;
}

/* The camera's picture in these tests; never grey, so that it differs from the screen. */
static guint8 camera(guint x, guint y, guint component)
{
    return component == 0 ? 255 : (guint8)(60 * component + (x * 7 + y * 13) % 50);
}

static Frame frame_new(guint width, guint height, guint bytes)
{
    Frame frame = {width, height, bytes, NULL};
    frame.guarded = g_malloc(frame_size(&frame) + 2 * GUARD);
    memset(frame.guarded, GUARD_BYTE, frame_size(&frame) + 2 * GUARD);
    return frame;
}

/* Composes row by row, and checks after and before each row that nothing else was written. */
static Frame compose(const LmScreen *screen, guint width, guint height)
{
    Frame frame = frame_new(width, height, 4);
    guint8 untouched[GUARD];
    memset(untouched, GUARD_BYTE, GUARD);
    guint8 *before = g_malloc((gsize)width * 4);
    for (guint y = 0; y < height; y++) {
        guint8 *row = frame_row(&frame, y);
        for (guint i = 0; i < width * 4; i++)
            row[i] = camera(i / 4, y, i % 4);
        if (y > 0)
            memcpy(before, frame_row(&frame, y - 1), (gsize)width * 4);
        lm_screen_compose(screen, y, row);
        ck_assert(y == 0 || !memcmp(before, frame_row(&frame, y - 1), (gsize)width * 4));
        gsize after = MIN(GUARD, frame_size(&frame) - (gsize)(y + 1) * width * 4 + GUARD);
        ck_assert_mem_eq(row + (gsize)width * 4, untouched, after);
    }
    ck_assert_mem_eq(frame.guarded, untouched, GUARD);
    g_free(before);
    return frame;
}

static Frame compose_truth(const LmScreen *screen, guint width, guint height)
{
    Frame frame = frame_new(width, height, 1);
    guint8 untouched[GUARD];
    memset(untouched, GUARD_BYTE, GUARD);
    for (guint y = 0; y < height; y++) {
        guint8 *row = frame_row(&frame, y);
        memset(row, 255, width);
        lm_screen_compose_truth(screen, y, row);
        ck_assert_mem_eq(row + width, untouched, MIN(GUARD, frame.height - 1 - y + GUARD));
    }
    ck_assert_mem_eq(frame.guarded, untouched, GUARD);
    return frame;
}

static void frame_free(Frame *frame)
{
    g_clear_pointer(&frame->guarded, g_free);
}

static gboolean in_rect(const LmSceneRect *rect, guint x, guint y)
{
    return x >= rect->x && x < rect->x + rect->width && y >= rect->y && y < rect->y + rect->height;
}

/* The distance of the pixel's middle inside the shape; the view's sides limit it, too. */
static double depth(LmSceneScreen kind, const LmSceneRect *view, guint x, guint y)
{
    double dx = fabs(x + 0.5 - view->x - view->width / 2.0);
    double dy = fabs(y + 0.5 - view->y - view->height / 2.0);
    if (kind == LM_SCENE_SCREEN_ROUND)
        return view->width / 2.0 - hypot(dx, dy);
    return (view->width / 2.0 + view->height / 4.0 - dx - dy) / sqrt(2);
}

static void check_view(LmSceneScreen kind, guint width, guint height)
{
    LmScreen *screen = lm_screen_create(kind, width, height, &rgb);
    LmSceneRect view = lm_screen_view(screen);
    if (kind == LM_SCENE_SCREEN_NONE) {
        ck_assert(view.x == 0 && view.y == 0 && view.width == width && view.height == height);
    } else {
        ck_assert_uint_le(view.x + view.width, width);
        ck_assert_uint_le(view.y + view.height, height);
        ck_assert(view.width > 0 && view.width % 2 == 0);
        ck_assert(view.height > 0 && view.height % 2 == 0);
        double aspect = (double)view.width / view.height;
        ck_assert_double_ge(aspect, view.height < 50 ? 0.8 : 1.0);
        ck_assert_double_le(aspect, view.height < 50 ? 1.4 : 1.2);
        /* As large as the frame allows, except for margins and text. */
        ck_assert(view.width >= 0.8 * width || view.height >= 0.8 * height);
        ck_assert(view.width >= 0.5 * width || view.height >= 0.8 * height || width < 64);
        if (9 * width >= 16 * height && height >= 100)
            ck_assert_uint_gt(2 * view.x + view.width, width);
    }
    lm_screen_free(&screen);
    ck_assert_ptr_null(screen);
}

START_TEST(views_lie_in_the_frame)
{
    for (gsize s = 0; s < G_N_ELEMENTS(sizes); s++) {
        for (gsize k = 0; k < G_N_ELEMENTS(kinds); k++)
            check_view(kinds[k], sizes[s].width, sizes[s].height);
    }
    lm_screen_free(NULL);
}
END_TEST

/* Counts wrong pixels instead of asserting each: there are millions. */
static void check_shape(LmSceneScreen kind, guint width, guint height)
{
    LmScreen *screen = lm_screen_create(kind, width, height, &rgb);
    LmSceneRect view = lm_screen_view(screen);
    Frame frame = compose(screen, width, height), truth = compose_truth(screen, width, height);
    guint wrong = 0, wrong_truth = 0, between = 0;
    for (guint y = 0; y < height; y++) {
        const guint8 *pixel = frame_row(&frame, y), *true_pixel = frame_row(&truth, y);
        for (guint x = 0; x < width; x++, pixel += 4, true_pixel++) {
            guint8 picture[4];
            for (guint i = 0; i < 4; i++)
                picture[i] = camera(x, y, i);
            gboolean grey = pixel[1] == pixel[2] && pixel[2] == pixel[3];
            gboolean intact = memcmp(pixel, picture, 4) == 0;
            double inside = in_rect(&view, x, y) ? depth(kind, &view, x, y) : -1;
            if (kind == LM_SCENE_SCREEN_NONE)
                inside = 1;
            wrong += pixel[0] != 255;
            wrong += inside > 0.501 ? !intact : inside < -0.501 ? !grey : pixel[1] > picture[1];
            between += !intact && !grey;
            if (fabs(inside) > 0.001)
                wrong_truth += *true_pixel != (inside > 0 ? 255 : 0);
        }
    }
    ck_assert_msg(wrong == 0 && wrong_truth == 0, "screen %d, %u x %u: %u and %u pixels wrong",
                  kind, width, height, wrong, wrong_truth);
    ck_assert((between > 0) == (kind != LM_SCENE_SCREEN_NONE));
    frame_free(&frame);
    frame_free(&truth);
    lm_screen_free(&screen);
}

START_TEST(shape_keeps_the_picture_and_nothing_else)
{
    for (gsize s = 0; s < G_N_ELEMENTS(sizes); s++) {
        for (gsize k = 0; k < G_N_ELEMENTS(kinds); k++)
            check_shape(kinds[k], sizes[s].width, sizes[s].height);
    }
}
END_TEST

static int read_code(const Frame *frame)
{
    return test_code_read(frame_row(frame, 0) + 1, (gsize)frame->width * 4, 4, frame->width,
                          frame->height);
}

/* Possible effects of a codec: less contrast, and each pixel smeared over its neighbours. */
static void spoil(Frame *frame)
{
    guint8 *old = g_memdup2(frame_row(frame, 0), frame_size(frame));
    for (guint y = 1; y + 1 < frame->height; y++) {
        for (guint x = 1; x + 1 < frame->width; x++) {
            guint sum = 0;
            for (guint i = 0; i < 9; i++)
                sum += old[((y + i / 3 - 1) * (gsize)frame->width + x + i % 3 - 1) * 4 + 1];
            frame_row(frame, y)[4 * x + 1] = (guint8)(30 + sum / 9 / 2);
        }
    }
    g_free(old);
}

START_TEST(code_shows_the_number)
{
    static const guint64 numbers[] = {0, 1, 2, 255, 256, 0x5555, 32767, 65535, 65541, G_MAXUINT64};
    for (gsize s = 0; s < G_N_ELEMENTS(sizes); s++) {
        guint width = sizes[s].width, height = sizes[s].height;
        LmScreen *screen = lm_screen_create(LM_SCENE_SCREEN_OCTAGON, width, height, &yuv);
        gboolean small = width < LM_SCREEN_CODE_MIN_WIDTH || height < LM_SCREEN_CODE_MIN_HEIGHT;
        /* Composing large frames takes long. */
        for (gsize n = 0; n < (width < 1000 ? G_N_ELEMENTS(numbers) : 2); n++) {
            lm_screen_set_number(screen, numbers[n]);
            Frame frame = compose(screen, width, height);
            ck_assert_int_eq(read_code(&frame), small ? -1 : (int)(numbers[n] & 0xffff));
            spoil(&frame);
            ck_assert_int_eq(read_code(&frame), small ? -1 : (int)(numbers[n] & 0xffff));
            frame_free(&frame);
        }
        lm_screen_free(&screen);
    }
}
END_TEST

START_TEST(code_is_clear_of_the_picture)
{
    for (gsize s = 0; s < G_N_ELEMENTS(sizes); s++) {
        for (gsize k = 1; k < G_N_ELEMENTS(kinds); k++) {
            guint width = sizes[s].width, height = sizes[s].height;
            LmScreen *screen = lm_screen_create(kinds[k], width, height, &rgb);
            LmSceneRect view = lm_screen_view(screen);
            for (guint i = 0; i < LM_SCREEN_CODE_CELLS; i++) {
                LmSceneRect cell = lm_screen_code_cell(width, height, i);
                if (cell.width == 0)
                    continue;
                ck_assert(cell.width >= 4 && cell.width == cell.height);
                ck_assert_uint_le(cell.y + cell.height, height);
                guint right = cell.x + cell.width - 1;
                ck_assert(!in_rect(&view, right, cell.y) ||
                          depth(kinds[k], &view, right, cell.y) < -1);
            }
            lm_screen_free(&screen);
        }
    }
}
END_TEST

/* The boxes around the differences of two frames, for each line of text; without the code. */
static guint find_changes(const Frame *a, const Frame *b, LmSceneRect boxes[2])
{
    guint n = 0;
    LmSceneRect box = {0};
    guint bottom = lm_screen_code_cell(a->width, a->height, 0).y;
    for (guint y = 0; y <= bottom; y++) {
        gboolean changed = FALSE;
        for (guint x = 0; x < a->width && y < bottom; x++) {
            if (!memcmp(frame_row(a, y) + (gsize)4 * x, frame_row(b, y) + (gsize)4 * x, 4))
                continue;
            if (box.height == 0)
                box = (LmSceneRect){x, y, 1, 1};
            guint right = MAX(box.x + box.width, x + 1);
            box.x = MIN(box.x, x);
            box.width = right - box.x;
            box.height = y + 1 - box.y;
            changed = TRUE;
        }
        if (!changed && box.height > 0) {
            ck_assert_uint_lt(n, 2);
            boxes[n++] = box;
            box = (LmSceneRect){0};
        }
    }
    return n;
}

static Frame compose_number(LmScreen *screen, guint64 number)
{
    lm_screen_set_number(screen, number);
    return compose(screen, 640, 480);
}

static void check_changes(LmScreen *screen, guint64 from, guint64 to, guint lines)
{
    Frame a = compose_number(screen, from), b = compose_number(screen, to);
    LmSceneRect boxes[2];
    ck_assert_uint_eq(find_changes(&a, &b, boxes), lines);
    frame_free(&a);
    frame_free(&b);
}

START_TEST(clock_and_stopwatch_count)
{
    const guint64 day = 24 * 60 * 60 * 30;
    LmScreen *screen = lm_screen_create(LM_SCENE_SCREEN_ROUND, 640, 480, &rgb);
    check_changes(screen, 0, 1, 1); /* the stopwatch alone shows hundredths */
    check_changes(screen, 0, 29, 1);
    check_changes(screen, 29, 30, 2);
    check_changes(screen, 0, 30, 2);
    check_changes(screen, 0, day, 0);
    check_changes(screen, 7, 7 + 1000 * day, 0);
    check_changes(screen, day - 1, day, 2);
    lm_screen_free(&screen);
}
END_TEST

/* The clock at frame `number` shows the same as the stopwatch at frame `elapsed`. */
static void check_clock(guint64 number, guint64 elapsed)
{
    LmScreen *screen = lm_screen_create(LM_SCENE_SCREEN_OCTAGON, 640, 480, &rgb);
    Frame zero = compose_number(screen, 0), second = compose_number(screen, 30);
    LmSceneRect boxes[2];
    ck_assert_uint_eq(find_changes(&zero, &second, boxes), 2);
    Frame clock = compose_number(screen, number), stopwatch = compose_number(screen, elapsed);
    /* Both boxes are around the last digit of the seconds. */
    for (guint y = 0; y < boxes[0].height; y++) {
        ck_assert_mem_eq(frame_row(&clock, boxes[0].y + y), frame_row(&stopwatch, boxes[1].y + y),
                         (gsize)(boxes[0].x + boxes[0].width) * 4);
    }
    Frame *frames[] = {&zero, &second, &clock, &stopwatch};
    for (gsize i = 0; i < G_N_ELEMENTS(frames); i++)
        frame_free(frames[i]);
    lm_screen_free(&screen);
}

START_TEST(clock_starts_at_nine)
{
    const guint64 hour = 60 * 60 * 30;
    check_clock(0, 9 * hour);
    check_clock(15 * hour - 1, 24 * hour - 1);
    check_clock(15 * hour, 0);
}
END_TEST

START_TEST(numbers_leave_no_traces)
{
    LmScreen *screen = lm_screen_create(LM_SCENE_SCREEN_OCTAGON, 640, 480, &rgb);
    Frame first = compose(screen, 640, 480), other = compose_number(screen, 123456789);
    Frame again = compose_number(screen, 0);
    ck_assert_mem_ne(frame_row(&first, 0), frame_row(&other, 0), frame_size(&first));
    ck_assert_mem_eq(frame_row(&first, 0), frame_row(&again, 0), frame_size(&first));
    frame_free(&first);
    frame_free(&other);
    frame_free(&again);
    lm_screen_free(&screen);
}
END_TEST

static void check_cell(const LmSceneColor *color, guint cell, const guint8 expected[4])
{
    LmScreen *screen = lm_screen_create(LM_SCENE_SCREEN_ROUND, 320, 240, color);
    LmSceneRect rect = lm_screen_code_cell(320, 240, cell);
    Frame frame = compose(screen, 320, 240);
    ck_assert_mem_eq(frame_row(&frame, rect.y) + (gsize)4 * rect.x, expected, 4);
    ck_assert_mem_eq(frame_row(&frame, 0), expected, cell == 1 ? 4 : 0); /* as black as the rest */
    frame_free(&frame);
    lm_screen_free(&screen);
}

START_TEST(colors_are_the_outputs)
{
    check_cell(&rgb, 0, (const guint8[]){255, 255, 255, 255});
    check_cell(&rgb, 1, (const guint8[]){255, 0, 0, 0});
    check_cell(&yuv, 0, (const guint8[]){255, 235, 128, 128});
    check_cell(&yuv, 1, (const guint8[]){255, 16, 128, 128});
    const LmSceneColor extreme = {.matrix = {{2, 0, 0}, {0, -2, 0}, {0, 0, 0.5f}},
                                  .offset = {-9, 300, 0.4f}};
    check_cell(&extreme, 0, (const guint8[]){255, 255, 0, 128});
    check_cell(&extreme, 1, (const guint8[]){255, 0, 255, 0});
}
END_TEST

/* All builds, compilers and machines agree on every byte. If frames are meant to change, put the
 * sum that the failure prints here. */
START_TEST(frames_are_the_same_everywhere)
{
    static const char expected[] =
        "34d44e3f13dd30208347e931d274e7129e1a52a1e7abff6eca9dc356e76b4dd2";
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
    for (gsize s = 0; s < G_N_ELEMENTS(sizes); s++) {
        for (gsize k = 0; k < G_N_ELEMENTS(kinds); k++) {
            guint width = sizes[s].width, height = sizes[s].height;
            LmScreen *screen = lm_screen_create(kinds[k], width, height, k == 1 ? &yuv : &rgb);
            lm_screen_set_number(screen, 1234567 * s);
            Frame frame = compose(screen, width, height);
            Frame truth = compose_truth(screen, width, height);
            g_checksum_update(sum, frame_row(&frame, 0), (gssize)frame_size(&frame));
            g_checksum_update(sum, frame_row(&truth, 0), (gssize)frame_size(&truth));
            frame_free(&frame);
            frame_free(&truth);
            lm_screen_free(&screen);
        }
    }
    ck_assert_str_eq(g_checksum_get_string(sum), expected);
    g_checksum_free(sum);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("screen");
    TCase *tc = tcase_create("screen");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, views_lie_in_the_frame);
    tcase_add_test(tc, shape_keeps_the_picture_and_nothing_else);
    tcase_add_test(tc, code_shows_the_number);
    tcase_add_test(tc, code_is_clear_of_the_picture);
    tcase_add_test(tc, clock_and_stopwatch_count);
    tcase_add_test(tc, clock_starts_at_nine);
    tcase_add_test(tc, numbers_leave_no_traces);
    tcase_add_test(tc, colors_are_the_outputs);
    tcase_add_test(tc, frames_are_the_same_everywhere);
    suite_add_tcase(suite, tc);
    return test_suite_run(suite, CK_FORK_GETENV) ? EXIT_FAILURE : EXIT_SUCCESS;
}
