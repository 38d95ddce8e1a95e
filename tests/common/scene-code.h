/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Reads the frame's number from the code on the synthetic colonoscopy's captured screen. */
#pragma once

#include "scene/screen.h"

/* Mean brightness of a cell without its outermost pixels, which compression and scaling smear. */
static inline guint test_code_brightness(const guint8 *bytes, gsize stride, guint step,
                                         const LmSceneRect *cell)
{
    guint sum = 0, side = cell->width - 2;
    for (guint y = 0; y < side; y++) {
        for (guint x = 0; x < side; x++)
            sum += bytes[(cell->y + 1 + y) * stride + (gsize)(cell->x + 1 + x) * step];
    }
    return sum / (side * side);
}

/** The number modulo 65536, or -1 if there is no code. `bytes` is the brightness (or green) of the
 * first pixel of a frame of width x height; the next pixel is `step` bytes further, the next row
 * `stride`. */
static inline int test_code_read(const guint8 *bytes, gsize stride, guint step, guint width,
                                 guint height)
{
    guint brightness[LM_SCREEN_CODE_CELLS];
    for (guint i = 0; i < LM_SCREEN_CODE_CELLS; i++) {
        LmSceneRect cell = lm_screen_code_cell(width, height, i);
        if (cell.width == 0)
            return -1;
        brightness[i] = test_code_brightness(bytes, stride, step, &cell);
    }
    if (brightness[0] < brightness[1] + 64)
        return -1;
    guint number = 0, white_cells = 0;
    for (guint i = 2; i < LM_SCREEN_CODE_CELLS; i++) {
        guint white = 2 * brightness[i] > brightness[0] + brightness[1];
        white_cells += white;
        if (i < LM_SCREEN_CODE_CELLS - 1)
            number = 2 * number + white;
    }
    return white_cells % 2 == 1 ? (int)number : -1;
}
