/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Draws on buffers: marks, their labels, and the light that tells lmnet's state. */
#pragma once

#include <gst/video/video.h>

#include "overlay/overlay.h"

G_BEGIN_DECLS

/** Flags of the property `overlay` beside LmOverlayFlags, which lm_overlay_draw() passes over. */
enum {
    GST_LM_OVERLAY_LABEL = 1 << 2,
    GST_LM_OVERLAY_STATE = 1 << 3,
};

typedef enum {
    GST_LM_LIGHT_OFF,
    GST_LM_LIGHT_STARTING, /**< A white ring. */
    GST_LM_LIGHT_READY,    /**< A green disc. */
    GST_LM_LIGHT_DEGRADED, /**< An amber triangle. */
    GST_LM_LIGHT_FAILED,   /**< A red cross. */
} GstLmLight;

/** What is to be drawn on a frame; all is borrowed. */
typedef struct {
    const LmOverlayParams *params; /**< Their flags may hold those above. */
    const LmMask *mask;            /**< NULL: no marks. */
    const LmFindings *findings;    /**< Of the mask. */
    char *const *class_names;      /**< For labels, by class. */
    unsigned n_class_names;
    GstLmLight light; /**< With the flag `state`: near a corner of the frame, outside the region
                         where there is room, and lines around the region's corners. */
    LmRect region;
} GstLmDrawing;

/** What is kept from frame to frame: scratch memory and rendered texts. Zeroed: ready. One thread
 * at a time. */
typedef struct {
    LmScratch scratch;
    GHashTable *signs;
} GstLmPainter;

/** Loads the fonts for labels of frames so high, which takes tens of ms or more, before a frame has
 * to wait for it. By the thread that will draw: each has its own. */
void gst_lm_painter_load_fonts(int height, char *const *class_names, unsigned n_class_names);
void gst_lm_painter_finish(GstLmPainter *painter);

/** Draws on *buffer, which is made writable first (its memory too, by copying, where it is shared
 * or read-only), unless there is nothing to draw. False where the buffer cannot be mapped as
 * `video_info` says. */
bool gst_lm_painter_draw(GstLmPainter *painter, GstBuffer **buffer, const GstVideoInfo *video_info,
                         const LmFrameInfo *info, const GstLmDrawing *drawing);

G_END_DECLS
