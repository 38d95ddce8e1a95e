/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Draws captured screens, pixel by pixel. */
#include "screens.h"

#include <math.h>

static guint32 hash(guint32 a, guint32 b, guint32 c)
{
    guint32 h = a * 0x9e3779b1u ^ b * 0x85ebca77u ^ c * 0xc2b2ae3du;
    h ^= h >> 15;
    h *= 0x2c1b3c6du;
    h ^= h >> 12;
    h *= 0x297a2d39u;
    return h ^ h >> 15;
}

LmFrame test_screen_frame(int width, int height)
{
    return (LmFrame){
        .info = {.format = LM_FORMAT_RGBX, .width = width, .height = height, .full_range = true},
        .data = {g_malloc0((gsize)width * height * 4)},
        .stride = {(gsize)width * 4},
    };
}

static void paint(LmFrame *frame, int x, int y, double r, double g, double b)
{
    guint8 *pixel = frame->data[0] + (gsize)y * frame->stride[0] + (gsize)x * 4;
    pixel[0] = (guint8)CLAMP(r, 0, 255);
    pixel[1] = (guint8)CLAMP(g, 0, 255);
    pixel[2] = (guint8)CLAMP(b, 0, 255);
}

static bool is_inside(TestShape shape, const LmRect *box, int x, int y)
{
    const double dx = fabs(x + 0.5 - box->x - box->width / 2.0);
    const double dy = fabs(y + 0.5 - box->y - box->height / 2.0);
    const double across = box->width / 2.0, down = box->height / 2.0;
    if (dx > across || dy > down)
        return false;
    switch (shape) {
    case TEST_SHAPE_ROUND:
        return dx * dx / (across * across) + dy * dy / (down * down) <= 1;
    case TEST_SHAPE_CLIPPED:
        return dx * dx + dy * dy <= across * across;
    case TEST_SHAPE_OCTAGON:
        return dx + dy <= across + down - 0.29 * (across + down);
    default:
        return dx + dy <= across + down - 0.12 * (across + down);
    }
}

/* A sine from a table. */
static float wave(double angle)
{
    static float table[1024];
    if (table[256] == 0)
        for (int i = 0; i < 1024; i++)
            table[i] = (float)sin(i * 2 * G_PI / 1024);
    return table[(int)floor(angle * (1024 / (2 * G_PI))) & 1023];
}

/* Mucosa, roughly: red and mottled, with a dark lumen that wanders. */
static void paint_texture(const TestScreen *s, LmFrame *frame, int x, int y, const LmRect *box)
{
    const double phase = s->seed * 37 % 1000, u = (double)(x - box->x) / box->width,
                 v = (double)(y - box->y) / box->height, t = s->moment / 20;
    const double mottle = wave(23 * u + 5 * t + phase) * wave(19 * v - 4 * t + 2 * phase) +
                          0.6 * wave(61 * u - 47 * v + 9 * t + 3 * phase) +
                          0.4 * wave(113 * v + 71 * u - 12 * t + phase);
    const double du = u - 0.5 - 0.25 * wave(t + phase), dv = v - 0.5 - 0.25 * wave(1.3 * t + phase);
    const double near = 8 * (du * du + dv * dv),
                 right = s->hard_edge ? u > 0.5 : CLAMP(2 * u - 0.5, 0, 1);
    const double light = s->light * (60 + 120 * near / (0.3 + near) + 22 * mottle) *
                         (s->light_left + (1 - s->light_left) * right * right * (3 - 2 * right));
    paint(frame, x, y, light, 0.52 * light, 0.42 * light);
}

/* Lines of shapes like letters, with strokes 1/8 of their height wide. */
static bool is_text(const TestScreen *s, int x, int y)
{
    const int height = MAX(8, s->height / 40), stroke = MAX(1, height / 8);
    const int line = y / (height * 7 / 4), row = y % (height * 7 / 4);
    const int letter = x / (height * 3 / 4), column = x % (height * 3 / 4);
    if (row >= height || column >= height * 3 / 4 - 2 * stroke)
        return false;
    /* Every ninth line shows a frame counter. */
    const guint32 code = hash(line, letter, line % 9 == 4 ? (guint32)s->moment : 0);
    const int third = row * 3 / height;
    return (code & 1 && column < stroke) || (code & 2 && row % (height / 2) < stroke) ||
           (code >> (3 + third) & 1 && column >= height * 3 / 4 - 3 * stroke);
}

static bool has_text(const TestScreen *s, int x, int y)
{
    const int gap = s->height / 60;
    const bool beside = x < s->picture.x - gap || x >= s->picture.x + s->picture.width + gap;
    return s->text && beside && y > s->height / 20 && is_text(s, x, y);
}

static void add_noise(const TestScreen *s, LmFrame *frame)
{
    guint32 state = hash((guint32)(s->moment * 1000), s->seed, 77);
    for (int y = 0; y < s->height; y++) {
        guint8 *row = frame->data[0] + (gsize)y * frame->stride[0];
        for (int x = 0; x < 4 * s->width; x++) {
            state = state * 1664525 + 1013904223;
            int value = row[x] + (int)((state >> 16) % (2 * s->noise + 1)) - s->noise;
            row[x] = (guint8)CLAMP(value, 0, 255);
        }
    }
}

void test_screen_draw(const TestScreen *s, LmFrame *frame)
{
    const int side = s->height / 5;
    const LmRect inset = {s->width - side - s->height / 40, s->height / 40, side, side};
    for (int y = 0; y < s->height; y++) {
        for (int x = 0; x < s->width; x++) {
            if (s->inset && is_inside(TEST_SHAPE_SQUARE, &inset, x, y))
                paint_texture(s, frame, x, y, &inset);
            else if (s->picture.width && is_inside(s->shape, &s->picture, x, y))
                paint_texture(s, frame, x, y, &s->picture);
            else if (is_inside(TEST_SHAPE_SQUARE, &s->panel, x, y))
                paint(frame, x, y, 200, 200, 210);
            else if (has_text(s, x, y))
                paint(frame, x, y, 225, 225, 225);
            else
                paint(frame, x, y, s->surround, s->surround, s->surround);
        }
    }
    if (s->noise)
        add_noise(s, frame);
}
