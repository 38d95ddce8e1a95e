/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Lays out the captured screen, keeps it painted in the output's colour, and adds it to rows.
 */
#include "scene/screen.h"

#include <math.h>
#include <string.h>

#include "scene/font.h"

enum {
    FRAMES_PER_SECOND = 30,
    SECONDS_PER_DAY = 24 * 60 * 60,
    CLOCK_START = 9 * 60 * 60,
    CODE_CELLS_PER_LINE = 10,
    CODE_BITS = 16,
    TEXT_LENGTH = 12, /* characters in the longest line */
    CLOCK_LENGTH = 8,
    BLOCK = '\1', /* the character that is a grey block */
};

enum { BLACK = 0, BLOCK_GREY = 150, TEXT_GREY = 225, WHITE = 255 };

/* The screen's text, line by line; the clock and the stopwatch change. */
enum { CLOCK_LINE = 8, STOPWATCH_LINE = 9 };
static const char *const lines[] = {
    "ID:SYNTHETIC",
    "Name:",
    "TEST PATTERN",
    "Sex:  Age:",
    "D.O.B.:",
    "",
    "",
    "01/01/2026",
    [CLOCK_LINE] = "09:00:00",
    [STOPWATCH_LINE] = "00:00:00.00",
    "Gr:N CVP:1",
    "Ct:N Eh:A5",
    "",
    "\1\1\1\1/\1\1\1\1",
    "Physician:",
    "Comment:",
};

/** The left part of a view's row that is inside the picture's shape; the right part mirrors it. */
typedef struct {
    guint16 touched; /**< the first pixel that the shape covers in part */
    guint16 inside;  /**< the first pixel whose centre is inside */
    guint16 full;    /**< the first pixel that the shape covers wholly */
} Span;

typedef struct {
    LmSceneRect view, text;
    guint columns;    /* of text, at most */
    guint cap_height; /* of text; 0: no text fits */
} Layout;

struct LmScreen {
    LmSceneScreen kind;
    guint width, height;
    Layout layout;
    LmFont font; /* the rectangle for text */
    guint8 palette[256][4];
    guint8 *background; /* the whole frame, in rows like the output's; NULL with
                           LM_SCENE_SCREEN_NONE */
    Span *spans;        /* of the view's rows */
};

LmSceneRect lm_screen_code_cell(guint width, guint height, guint cell)
{
    g_assert(cell < LM_SCREEN_CODE_CELLS);
    if (width < LM_SCREEN_CODE_MIN_WIDTH || height < LM_SCREEN_CODE_MIN_HEIGHT)
        return (LmSceneRect){0};
    guint side = 4 * MAX(1, (MIN(width, height) + 240) / 480);
    guint line = cell / CODE_CELLS_PER_LINE, column = cell % CODE_CELLS_PER_LINE;
    guint top = (height - 3 * side) / 4 * 4;
    return (LmSceneRect){side + column * side, top + line * side, side, side};
}

/* The y at which the code begins, or the frame ends. */
static guint code_top(guint width, guint height)
{
    LmSceneRect cell = lm_screen_code_cell(width, height, 0);
    return cell.height ? cell.y : height;
}

static guint percent(guint value, guint share)
{
    return value * share / 100;
}

/* A view of `aspect` percent of its height within width x height. */
static LmSceneRect fit_view(guint width, guint height, guint aspect)
{
    LmSceneRect view = {.width = MIN(width, percent(height, aspect))};
    view.height = MIN(height, view.width * 100 / aspect);
    view.width = MAX(2, view.width / 2 * 2);
    view.height = MAX(2, view.height / 2 * 2);
    return view;
}

/* The view right of the text; in a wide frame also right of its middle. bare: the frame is too
 * small for text and code. */
static Layout lay_beside(guint width, guint height, guint aspect, gboolean bare)
{
    guint margin = percent(height, 3), column = bare ? margin : percent(height, 27);
    Layout layout = {.columns = 1};
    if (width <= column + margin)
        return layout;
    LmSceneRect view = fit_view(width - column - margin, percent(height, 94), aspect);
    view.x = MAX(column, percent(width - view.width, 80));
    view.y = (height - view.height) / 2;
    layout.view = view;
    guint top = percent(height, 8), bottom = code_top(width, height);
    layout.text = (LmSceneRect){margin, top, view.x - 3 * margin / 2, bottom - top};
    return layout;
}

/* The view above the text. */
static Layout lay_above(guint width, guint height, guint aspect, gboolean bare)
{
    guint margin = percent(MIN(width, height), 3);
    LmSceneRect view = fit_view(percent(width, 94), percent(height, bare ? 94 : 80), aspect);
    view.x = (width - view.width) / 2;
    view.y = margin;
    guint top = view.y + view.height + margin, bottom = code_top(width, height);
    LmSceneRect text = {margin, top, width - 2 * margin, bottom > top ? bottom - top : 0};
    return (Layout){.view = view, .text = text, .columns = G_MAXUINT};
}

static guint line_pitch(guint cap_height)
{
    return cap_height * 7 / 4;
}

static guint text_rows(const Layout *layout)
{
    return layout->text.height / line_pitch(layout->cap_height);
}

/* The number of columns of text that fit in full width, with a space between them. */
static guint text_columns(const Layout *layout)
{
    guint advance = lm_font_advance(layout->cap_height);
    return MIN(layout->columns, (layout->text.width + advance) / ((TEXT_LENGTH + 1) * advance));
}

/* The usual size, or the largest at which all lines fit, or the smallest if at least the clock
 * fits. */
static void choose_cap_height(Layout *layout, guint width, guint height)
{
    layout->cap_height = MAX(LM_FONT_MIN_CAP_HEIGHT, MIN(width, height) / 40);
    while (layout->cap_height > LM_FONT_MIN_CAP_HEIGHT &&
           text_columns(layout) * text_rows(layout) < G_N_ELEMENTS(lines))
        layout->cap_height--;
    if (layout->text.width < CLOCK_LENGTH * lm_font_advance(layout->cap_height) ||
        text_rows(layout) == 0)
        layout->cap_height = 0;
}

static Layout lay_out(LmSceneScreen kind, guint width, guint height)
{
    if (kind == LM_SCENE_SCREEN_NONE)
        return (Layout){.view = {0, 0, width, height}};
    /* Round pictures have their circle's width and a little less than its height. */
    guint aspect = kind == LM_SCENE_SCREEN_ROUND ? 105 : 110;
    gboolean bare = !lm_screen_code_cell(width, height, 0).width;
    Layout beside = lay_beside(width, height, aspect, bare);
    Layout above = lay_above(width, height, aspect, bare);
    Layout layout = beside.view.width >= above.view.width ? beside : above;
    if (!bare)
        choose_cap_height(&layout, width, height);
    return layout;
}

/* The distance of the view's pixel from the edge of the picture's shape, in pixels; above 0 inside.
 * The view's sides clip the shape and need no antialiasing. */
static float depth(const LmScreen *screen, guint x, guint y)
{
    const LmSceneRect *view = &screen->layout.view;
    float half_width = (float)view->width / 2, half_height = (float)view->height / 2;
    float dx = fabsf((float)x + 0.5f - half_width), dy = fabsf((float)y + 0.5f - half_height);
    if (screen->kind == LM_SCENE_SCREEN_ROUND)
        return half_width - sqrtf(dx * dx + dy * dy);
    float corner = (float)view->height / 4; /* length cut off both sides of each corner */
    return (half_width + half_height - corner - dx - dy) * 0.70710678f;
}

/* The shape's coverage of the pixel, 0..256. */
static int coverage(const LmScreen *screen, guint x, guint y)
{
    float share = depth(screen, x, y) + 0.5f;
    return (int)(256 * CLAMP(share, 0, 1) + 0.5f);
}

static void find_spans(LmScreen *screen)
{
    const LmSceneRect *view = &screen->layout.view;
    screen->spans = g_new(Span, view->height);
    for (guint y = 0; y < view->height; y++) {
        guint x = 0, half = view->width / 2;
        while (x < half && coverage(screen, x, y) == 0)
            x++;
        guint touched = x;
        while (x < half && depth(screen, x, y) < 0)
            x++;
        guint inside = x;
        while (x < half && coverage(screen, x, y) < 256)
            x++;
        screen->spans[y] = (Span){(guint16)touched, (guint16)inside, (guint16)x};
    }
}

static void fill_palette(LmScreen *screen, const LmSceneColor *color)
{
    for (guint grey = 0; grey < 256; grey++) {
        guint8 *pixel = screen->palette[grey];
        pixel[0] = 255;
        for (guint i = 0; i < 3; i++) {
            float value = color->offset[i];
            for (guint j = 0; j < 3; j++)
                value += color->matrix[i][j] * (float)grey;
            pixel[1 + i] = (guint8)(CLAMP(value, 0, 255) + 0.5f);
        }
    }
}

static guint8 *background_row(const LmScreen *screen, guint y)
{
    return screen->background + (gsize)y * screen->width * 4;
}

static void paint_rect(LmScreen *screen, const LmSceneRect *rect, guint8 grey)
{
    for (guint y = rect->y; y < rect->y + rect->height; y++) {
        guint8 *row = background_row(screen, y);
        for (guint x = rect->x; x < rect->x + rect->width; x++)
            memcpy(row + (gsize)x * 4, screen->palette[grey], 4);
    }
}

static void paint_character(LmScreen *screen, guint left, guint top, char c)
{
    const LmFont *font = &screen->font;
    guint cap_height = screen->layout.cap_height;
    if (c == BLOCK) {
        LmSceneRect block = {left, top + cap_height / 4, font->advance * 3 / 4, cap_height * 3 / 4};
        paint_rect(screen, &block, BLOCK_GREY);
        return;
    }
    const guint8 *cell = lm_font_cell(font, c);
    for (guint y = 0; y < font->height; y++) {
        guint8 *pixel = background_row(screen, top + y) + (gsize)left * 4;
        for (guint x = 0; x < font->advance; x++, pixel += 4, cell++)
            memcpy(pixel, screen->palette[(*cell * TEXT_GREY + 127) / 255], 4);
    }
}

/* Writes `text` at the line's place, if there is room for it. */
static void paint_line(LmScreen *screen, guint line, const char *text)
{
    const Layout *layout = &screen->layout;
    if (layout->cap_height == 0)
        return;
    guint rows = text_rows(layout), column = line / rows, advance = screen->font.advance;
    guint left = column * (TEXT_LENGTH + 1) * advance;
    if (column >= layout->columns || left + strlen(text) * advance > layout->text.width)
        return;
    left += layout->text.x;
    guint top = layout->text.y + line % rows * line_pitch(layout->cap_height);
    for (guint i = 0; text[i]; i++)
        paint_character(screen, left + i * advance, top, text[i]);
}

static void paint_time(LmScreen *screen, guint64 number)
{
    const guint64 frames_per_day = (guint64)FRAMES_PER_SECOND * SECONDS_PER_DAY;
    guint frames = (guint)(number % frames_per_day), seconds = frames / FRAMES_PER_SECOND;
    guint clock = (CLOCK_START + seconds) % SECONDS_PER_DAY;
    char text[TEXT_LENGTH + 1];
    g_snprintf(text, sizeof text, "%02u:%02u:%02u", clock / 3600, clock / 60 % 60, clock % 60);
    paint_line(screen, CLOCK_LINE, text);
    g_snprintf(text, sizeof text, "%02u:%02u:%02u.%02u", seconds / 3600, seconds / 60 % 60,
               seconds % 60, frames % FRAMES_PER_SECOND * 100 / FRAMES_PER_SECOND);
    paint_line(screen, STOPWATCH_LINE, text);
}

static void paint_code(LmScreen *screen, guint64 number)
{
    guint parity = 1;
    for (guint i = 0; i < LM_SCREEN_CODE_CELLS; i++) {
        guint white = i == 0;
        if (i >= 2 && i < 2 + CODE_BITS)
            white = number >> (CODE_BITS + 1 - i) & 1;
        else if (i == 2 + CODE_BITS)
            white = parity;
        if (i >= 2)
            parity ^= white;
        LmSceneRect cell = lm_screen_code_cell(screen->width, screen->height, i);
        paint_rect(screen, &cell, white ? WHITE : BLACK);
    }
}

LmScreen *lm_screen_create(LmSceneScreen kind, guint width, guint height, const LmSceneColor *color)
{
    LmScreen *screen = g_new0(LmScreen, 1);
    screen->kind = kind;
    screen->width = width;
    screen->height = height;
    screen->layout = lay_out(kind, width, height);
    if (kind == LM_SCENE_SCREEN_NONE)
        return screen;

    find_spans(screen);
    fill_palette(screen, color);
    screen->background = g_malloc((gsize)width * height * 4);
    paint_rect(screen, &(LmSceneRect){0, 0, width, height}, BLACK);
    if (screen->layout.cap_height)
        lm_font_init(&screen->font, screen->layout.cap_height);
    for (guint i = 0; i < G_N_ELEMENTS(lines); i++)
        paint_line(screen, i, lines[i]);
    lm_screen_set_number(screen, 0);
    return screen;
}

void lm_screen_free(LmScreen **screen)
{
    if (!screen || !*screen)
        return;
    lm_font_finish(&(*screen)->font);
    g_free((*screen)->background);
    g_free((*screen)->spans);
    g_clear_pointer(screen, g_free);
}

LmSceneRect lm_screen_view(const LmScreen *screen)
{
    return screen->layout.view;
}

void lm_screen_set_number(LmScreen *screen, guint64 number)
{
    if (screen->kind == LM_SCENE_SCREEN_NONE)
        return;
    paint_time(screen, number);
    paint_code(screen, number);
}

static void blend(guint8 *pixel, const guint8 *background, int share)
{
    for (guint i = 0; i < 4; i++)
        pixel[i] = (guint8)((pixel[i] * share + background[i] * (256 - share) + 128) / 256);
}

void lm_screen_compose(const LmScreen *screen, guint y, guint8 *row)
{
    if (screen->kind == LM_SCENE_SCREEN_NONE)
        return;
    const LmSceneRect *view = &screen->layout.view;
    const guint8 *background = background_row(screen, y);
    if (y < view->y || y >= view->y + view->height) {
        memcpy(row, background, (gsize)screen->width * 4);
        return;
    }
    const Span *span = &screen->spans[y - view->y];
    guint left = view->x, right = view->x + view->width - 1;
    gsize after = (gsize)(right + 1 - span->touched) * 4;
    memcpy(row, background, (gsize)(left + span->touched) * 4);
    memcpy(row + after, background + after, (gsize)screen->width * 4 - after);
    for (guint x = span->touched; x < span->full; x++) {
        int share = coverage(screen, x, y - view->y);
        gsize near = (gsize)(left + x) * 4, far = (gsize)(right - x) * 4;
        blend(row + near, background + near, share);
        blend(row + far, background + far, share);
    }
}

void lm_screen_compose_truth(const LmScreen *screen, guint y, guint8 *row)
{
    if (screen->kind == LM_SCENE_SCREEN_NONE)
        return;
    const LmSceneRect *view = &screen->layout.view;
    guint left = screen->width, right = screen->width;
    if (y >= view->y && y < view->y + view->height) {
        guint inside = screen->spans[y - view->y].inside;
        left = view->x + inside;
        right = view->x + view->width - inside;
    }
    memset(row, 0, left);
    memset(row + right, 0, screen->width - right);
}
