/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The captured screen around the camera's picture: its shape, its text, a clock and the frame's
 * number in code. */
#pragma once

#include "scene/scene.h"

G_BEGIN_DECLS

typedef struct LmScreen LmScreen;

typedef struct {
    guint x, y, width, height; /**< frame pixels */
} LmSceneRect;

/** Lays the screen out for frames of width x height (within LM_SCENE_MIN_SIZE .. LM_SCENE_MAX_SIZE)
 * and paints the constant parts once; it shows number 0. Never fails. `color` as in LmSceneParams,
 * already filled in (never all zero); it is copied. */
LmScreen *lm_screen_create(LmSceneScreen kind, guint width, guint height,
                           const LmSceneColor *color);

/** Frees the screen and clears the pointer; NULL and a pointer to NULL are allowed. */
void lm_screen_free(LmScreen **screen);

/** The rectangle that the camera's picture is scaled to: the whole frame with LM_SCENE_SCREEN_NONE,
 * else of even width and height. */
LmSceneRect lm_screen_view(const LmScreen *screen);

/** Sets the number that the clock and the code show. The clock counts 30 frames per second and
 * starts again after a day. Do not call it while another thread composes. */
void lm_screen_set_number(LmScreen *screen, guint64 number);

/** `row` is row y of the frame, 4 bytes a pixel (255 and three components of color), which already
 * holds the camera's picture within the view: paints all the rest, and the view's pixels outside
 * the picture's shape (antialiased at its edge). Does nothing with LM_SCENE_SCREEN_NONE. Several
 * threads may compose rows at once. */
void lm_screen_compose(const LmScreen *screen, guint y, guint8 *row);

/** The same for the truth, 1 byte a pixel: sets all pixels outside the shape to 0 (a pixel is
 * inside if its centre is). */
void lm_screen_compose_truth(const LmScreen *screen, guint y, guint8 *row);

/** The frame's number in code, which a reader of the video can find from the frame's size alone:
 * cells that are entirely black or white. Cell 0 is always white and cell 1 always black; cells 2
 * to 17 are the bits of the number modulo 65536, the most significant first, white for 1; cell 18
 * makes the number of white cells among 2 to 18 odd. */
#define LM_SCREEN_CODE_CELLS 19

/** Smaller frames have no code, nor do those of LM_SCENE_SCREEN_NONE. */
#define LM_SCREEN_CODE_MIN_WIDTH 160
#define LM_SCREEN_CODE_MIN_HEIGHT 120

/** The place of cell `cell` of LM_SCREEN_CODE_CELLS in frames of width x height, round or
 * octagonal: ten cells in a line and nine below, in the lower left corner and on black. Cells are
 * squares, whose side and position are multiples of 4 pixels; the side is about a hundredth of the
 * frame's shorter side. All zero in frames that are too small for a code. */
LmSceneRect lm_screen_code_cell(guint width, guint height, guint cell);

G_END_DECLS
