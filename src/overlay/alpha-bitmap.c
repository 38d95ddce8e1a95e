/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Feeds a bitmap's rows to the blender, in whole units of chroma. */
#include "overlay/alpha-bitmap.h"

#include <string.h>

#include "overlay/blend.h"
#include "util/numeric.h"

/* Row `row` of the bitmap, from column `shift` on, as coverage. */
static void load(const LmAlphaBitmap *bitmap, int row, int shift, int width, guint16 *coverage)
{
    memset(coverage, 0, sizeof *coverage * (gsize)width);
    if (row < 0 || row >= bitmap->height)
        return;
    for (int i = MAX(shift, 0); i < MIN(width, bitmap->width + shift); i++)
        coverage[i] = (guint16)(bitmap->data[(gsize)row * bitmap->stride + (gsize)(i - shift)] *
                                LM_BLEND_ONE / 255);
}

void lm_alpha_bitmap_paint(const LmAlphaBitmap *bitmap, const LmFrame *frame, int x, int y,
                           guint32 color, LmScratch *scratch)
{
    const LmFrameInfo *info = &frame->info;
    LmRect rect = lm_rect_clip((LmRect){x, y, bitmap->width, bitmap->height},
                               (LmRect){0, 0, info->width, info->height});
    if (rect.width <= 0 || rect.height <= 0)
        return;
    const int unit = lm_blend_unit(info->format), left = rect.x / unit * unit;
    const int width = lm_ceil_div(rect.x + rect.width - left, unit) * unit;

    lm_scratch_reset(scratch);
    guint16 *coverage[2];
    for (int i = 0; i < 2; i++)
        coverage[i] = lm_scratch_take(scratch, sizeof(guint16) * (gsize)width);
    guint8 *classes = lm_scratch_take(scratch, (gsize)width);
    const guint32 colors[LM_MAX_CLASSES] = {[1] = color};
    LmBlender blender;
    lm_blender_init(&blender, frame, left, width, colors, 1, scratch);
    memset(classes, 1, (gsize)width);

    /* From an even row to an odd one, if chroma spans two rows. */
    const int end = MIN((rect.y + rect.height + 1) / 2 * 2, info->height);
    for (int at = rect.y / 2 * 2; at < end; at++) {
        load(bitmap, at - y, x - left, width, coverage[at & 1]);
        /* Columns outside the frame are not covered. */
        for (int i = MAX(info->width - left, 0); i < width; i++)
            coverage[at & 1][i] = 0;
        lm_blender_row(&blender, at, coverage[at & 1], classes, coverage[~at & 1], classes);
    }
}
