/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A font of strokes for the captured screen's text, all characters equally wide. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** Smaller capitals cannot be read. */
#define LM_FONT_MIN_CAP_HEIGHT 6

/** The characters, drawn at one size into cells of advance x height bytes: the coverage of each
 * pixel, 0..255. Read-only once made, so threads may share it. */
typedef struct {
    guint advance, height; /**< of a cell, in pixels */
    guint8 *cells;
} LmFont;

/** The width of a character's cell, in pixels, for capitals that are cap_height pixels high from
 * the middle of the highest stroke to that of the lowest. */
guint lm_font_advance(guint cap_height);

/** Draws all characters; cap_height is at least LM_FONT_MIN_CAP_HEIGHT. */
void lm_font_init(LmFont *font, guint cap_height);
void lm_font_finish(LmFont *font);

/** The cell of `c`, row by row; blank for characters that the font lacks. It has the letters, the
 * digits and / : . - + ( ) #. */
const guint8 *lm_font_cell(const LmFont *font, char c);

G_END_DECLS
