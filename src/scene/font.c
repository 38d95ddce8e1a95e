/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The glyphs' strokes, and their drawing by each pixel's distance to them. */
#include "scene/font.h"

#include <math.h>

enum {
    UNITS_WIDE = 8,
    UNITS_HIGH = 16,     /* of capitals; a unit is as high as wide, except for rounding */
    UNITS_DESCENDER = 4, /* below the capitals */
    UNITS_STROKE = 2,
    FIRST = ' ',
    N_CELLS = '~' - FIRST + 1,
};

/* A point is a digit, its x from the left, and a letter, its y from the top: `a` is the capitals'
 * top, `f` that of small letters, `q` the baseline, `u` the descenders' end. A space lifts the pen.
 */
static const char *const glyphs[N_CELLS] = {
    ['#' - FIRST] = "3b1p 7b5p 0f8f 0l8l",
    ['(' - FIRST] = "6a4c3f3l4o6q",
    [')' - FIRST] = "2a4c5f5l4o2q",
    ['+' - FIRST] = "1i7i 4f4l",
    ['-' - FIRST] = "1i7i",
    ['.' - FIRST] = "3p4p4q3q3p",
    ['/' - FIRST] = "1q7a",
    [':' - FIRST] = "3g4g4h3h3g 3o4o4p3p3o",
    ['0' - FIRST] = "3a1c1o3q5q7o7c5a3a",
    ['1' - FIRST] = "2c4a4q 2q6q",
    ['2' - FIRST] = "0d1b3a5a7b8d8f7h0q8q",
    ['3' - FIRST] = "0d1b3a5a7b8d8e7g5h7i8k8n7p5q3q1p0n 3h5h",
    ['4' - FIRST] = "6q6a0l8l",
    ['5' - FIRST] = "8a1a1h3g5g7h8j8n7p5q3q1p0n",
    ['6' - FIRST] = "7b5a3a1b0d0n1p3q5q7p8n8k7i5h3h1i0k",
    ['7' - FIRST] = "0a8a3q",
    ['8' - FIRST] = "3h1g0e0d1b3a5a7b8d8e7g5h3h1i0k0n1p3q5q7p8n8k7i5h",
    ['9' - FIRST] = "1p3q5q7p8n8d7b5a3a1b0d0g1i3j5j7i8g",
    ['A' - FIRST] = "0q4a8q 1l7l",
    ['B' - FIRST] = "0h5h7i8k8n7p5q0q0a5a6b7d7e6g5h",
    ['C' - FIRST] = "8d7b5a3a1b0d0n1p3q5q7p8n",
    ['D' - FIRST] = "0a4a6b7c8e8m7o6p4q0q0a",
    ['E' - FIRST] = "8a0a0q8q 0i6i",
    ['F' - FIRST] = "8a0a0q 0i6i",
    ['G' - FIRST] = "8d7b5a3a1b0d0n1p3q5q7p8n8i5i",
    ['H' - FIRST] = "0a0q 8a8q 0i8i",
    ['I' - FIRST] = "2a6a 4a4q 2q6q",
    ['J' - FIRST] = "8a8n7p5q3q1p0n",
    ['K' - FIRST] = "0a0q 8a0j 3g8q",
    ['L' - FIRST] = "0a0q8q",
    ['M' - FIRST] = "0q0a4i8a8q",
    ['N' - FIRST] = "0q0a8q8a",
    ['O' - FIRST] = "3a1b0d0n1p3q5q7p8n8d7b5a3a",
    ['P' - FIRST] = "0q0a5a7b8d8f7h5i0i",
    ['Q' - FIRST] = "3a1b0d0n1p3q5q7p8n8d7b5a3a 5m8q",
    ['R' - FIRST] = "0q0a5a7b8d8f7h5i0i 4i8q",
    ['S' - FIRST] = "8d7b5a3a1b0d0e1g3h5i7j8l8n7p5q3q1p0n",
    ['T' - FIRST] = "0a8a 4a4q",
    ['U' - FIRST] = "0a0n1p3q5q7p8n8a",
    ['V' - FIRST] = "0a4q8a",
    ['W' - FIRST] = "0a2q4f6q8a",
    ['X' - FIRST] = "0a8q 8a0q",
    ['Y' - FIRST] = "0a4i8a 4i4q",
    ['Z' - FIRST] = "0a8a0q8q",
    ['a' - FIRST] = "1g3f5f7g8i8q 8k3k1l0n1p3q5q7p8n",
    ['b' - FIRST] = "0a0q 0i1g3f5f7g8i8n7p5q3q1p0n",
    ['c' - FIRST] = "8h7g5f3f1g0i0n1p3q5q7p8o",
    ['d' - FIRST] = "8a8q 8i7g5f3f1g0i0n1p3q5q7p8n",
    ['e' - FIRST] = "0k8k8i7g5f3f1g0i0n1p3q5q7p8o",
    ['f' - FIRST] = "7a5a4b3d3q 1f6f",
    ['g' - FIRST] = "8f8r7t5u3u1t 8i7g5f3f1g0i0n1p3q5q7p8n",
    ['h' - FIRST] = "0a0q 0i1g3f5f7g8i8q",
    ['i' - FIRST] = "2f4f4q 2q6q 4a4b",
    ['j' - FIRST] = "3f5f5r4t2u1u 5a5b",
    ['k' - FIRST] = "0a0q 7f0m 3k8q",
    ['l' - FIRST] = "2a4a4q 2q6q",
    ['m' - FIRST] = "0f0q 0h2f3f4h4q 4h6f7f8h8q",
    ['n' - FIRST] = "0f0q 0i1g3f5f7g8i8q",
    ['o' - FIRST] = "3f1g0i0n1p3q5q7p8n8i7g5f3f",
    ['p' - FIRST] = "0f0u 0i1g3f5f7g8i8n7p5q3q1p0n",
    ['q' - FIRST] = "8f8u 8i7g5f3f1g0i0n1p3q5q7p8n",
    ['r' - FIRST] = "1f1q 1i3g5f7f8g",
    ['s' - FIRST] = "8h7g5f3f1g0h0i1j3k5k7l8m8o7p5q3q1p0o",
    ['t' - FIRST] = "3b3n4p5q7q 1f7f",
    ['u' - FIRST] = "0f0n1p3q5q7p8n 8f8q",
    ['v' - FIRST] = "0f4q8f",
    ['w' - FIRST] = "0f2q4h6q8f",
    ['x' - FIRST] = "0f8q 8f0q",
    ['y' - FIRST] = "0f4q 8f4q3s1u0u",
    ['z' - FIRST] = "0f8f0q8q",
};

/** A point of a stroke's middle line, in the cell's pixels. */
typedef struct {
    float x, y;
} Point;

/** How a cell is drawn at one size. Points of strokes are put on whole pixels, so that stems are
 * equally sharp everywhere, and the width is even, so that middle stems stand in the middle. */
typedef struct {
    guint width, cap_height;
    float left, top, radius;
} Size;

static guint glyph_width(guint cap_height)
{
    return (cap_height + 2) / 4 * 2;
}

guint lm_font_advance(guint cap_height)
{
    return glyph_width(cap_height) + 1 + cap_height / 5;
}

static Size size_of(guint cap_height, guint advance)
{
    float stroke = MAX(1.0f, (float)(UNITS_STROKE * cap_height) / UNITS_HIGH);
    /* An odd stroke fills whole pixels if its middle is a pixel's. */
    float middle = (guint)stroke % 2 ? 0.5f : 0;
    Size size = {.width = glyph_width(cap_height), .cap_height = cap_height};
    size.left = (float)((advance - size.width) / 2) + middle;
    size.top = (float)(cap_height / UNITS_HIGH + 1) + middle;
    size.radius = stroke / 2;
    return size;
}

static Point read_point(const char *code, const Size *size)
{
    guint x = (guint)(code[0] - '0'), y = (guint)(code[1] - 'a');
    /* Both halves round alike, so that symmetric shapes stay symmetric. */
    guint half = UNITS_WIDE / 2;
    guint column = x <= half ? (x * size->width + half) / UNITS_WIDE
                             : size->width - ((UNITS_WIDE - x) * size->width + half) / UNITS_WIDE;
    guint line = (y * size->cap_height + UNITS_HIGH / 2) / UNITS_HIGH;
    return (Point){size->left + (float)column, size->top + (float)line};
}

static float distance(Point p, Point a, Point b)
{
    float dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
    float along = length > 0 ? ((p.x - a.x) * dx + (p.y - a.y) * dy) / length : 0;
    along = CLAMP(along, 0, 1);
    float x = p.x - a.x - along * dx, y = p.y - a.y - along * dy;
    return sqrtf(x * x + y * y);
}

static void draw_stroke(LmFont *font, guint8 *cell, Point a, Point b, float radius)
{
    float reach = radius + 1;
    guint x0 = (guint)MAX(0, MIN(a.x, b.x) - reach), y0 = (guint)MAX(0, MIN(a.y, b.y) - reach);
    guint x1 = MIN(font->advance, (guint)(MAX(a.x, b.x) + reach) + 1);
    guint y1 = MIN(font->height, (guint)(MAX(a.y, b.y) + reach) + 1);
    for (guint y = y0; y < y1; y++) {
        for (guint x = x0; x < x1; x++) {
            Point middle = {(float)x + 0.5f, (float)y + 0.5f};
            float inside = radius + 0.5f - distance(middle, a, b);
            guint8 *pixel = cell + (gsize)y * font->advance + x;
            *pixel = MAX(*pixel, (guint8)(255 * CLAMP(inside, 0, 1) + 0.5f));
        }
    }
}

static void draw_glyph(LmFont *font, guint8 *cell, const char *code, const Size *size)
{
    gboolean down = FALSE;
    for (Point last = {0, 0}; *code;) {
        if (*code == ' ') {
            down = FALSE;
            code++;
            continue;
        }
        Point next = read_point(code, size);
        if (down)
            draw_stroke(font, cell, last, next, size->radius);
        last = next;
        down = TRUE;
        code += 2;
    }
}

void lm_font_init(LmFont *font, guint cap_height)
{
    g_assert(cap_height >= LM_FONT_MIN_CAP_HEIGHT);
    guint pad = cap_height / UNITS_HIGH + 1;
    *font = (LmFont){
        .advance = lm_font_advance(cap_height),
        .height = cap_height + cap_height * UNITS_DESCENDER / UNITS_HIGH + 2 * pad + 1,
    };
    font->cells = g_new0(guint8, (gsize)N_CELLS * font->advance * font->height);
    Size size = size_of(cap_height, font->advance);
    for (guint i = 0; i < N_CELLS; i++) {
        if (glyphs[i])
            draw_glyph(font, font->cells + (gsize)i * font->advance * font->height, glyphs[i],
                       &size);
    }
}

void lm_font_finish(LmFont *font)
{
    g_free(font->cells);
    *font = (LmFont){0};
}

const guint8 *lm_font_cell(const LmFont *font, char c)
{
    guint i = c >= FIRST && c <= '~' ? (guint)(c - FIRST) : 0;
    return font->cells + (gsize)i * font->advance * font->height;
}
