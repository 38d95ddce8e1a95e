/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Draws on buffers: marks, their labels, and the status indicator. */
#pragma once

#include "gstlmframe.h"
#include "overlay/overlay.h"

G_BEGIN_DECLS

/** Flags of the property `overlay` beside LmOverlayFlags; lm_overlay_draw() ignores them. */
enum {
    GST_LM_OVERLAY_LABEL = 1 << 2,
    GST_LM_OVERLAY_STATE = 1 << 3,
};

/** Forms of the status indicator. */
typedef enum {
    GST_LM_INDICATOR_OFF,
    GST_LM_INDICATOR_STARTING, /**< A white ring. */
    GST_LM_INDICATOR_READY,    /**< A green disc. */
    GST_LM_INDICATOR_DEGRADED, /**< An amber triangle. */
    GST_LM_INDICATOR_FAILED,   /**< A red cross. */
} GstLmIndicator;

/** A frame's marks and status; all is borrowed. */
typedef struct {
    const LmOverlayParams *params; /**< Its flags may hold those above. */
    const LmMask *mask;            /**< NULL: no marks. */
    const LmFindings *findings;    /**< Of the mask. */
    char *const *class_names;      /**< For labels, by class. */
    unsigned n_class_names;
    GstLmIndicator indicator; /**< With the flag `state`: near a corner of the frame, outside the
                                 region if there is room, with lines around the region's corners. */
    LmRect region;
} GstLmDrawing;

/** Keeps scratch memory and rendered texts from frame to frame. Zeroed: ready. One thread at a
 * time. */
typedef struct {
    LmScratch scratch;
    GHashTable *signs;
} GstLmPainter;

/** Loads the fonts for labels of frames of that height, which takes tens of ms or more, before a
 * frame has to wait for it. Called by the thread that will draw: each thread has its own fonts. */
void gst_lm_painter_load_fonts(int height, char *const *class_names, unsigned n_class_names);
void gst_lm_painter_finish(GstLmPainter *painter);

/** Draws on *buffer, which is made writable first (its memory too: it is copied if it is shared or
 * read-only), unless there is nothing to draw. False if the buffer does not match the layout. */
bool gst_lm_painter_draw(GstLmPainter *painter, GstBuffer **buffer, const GstLmLayout *layout,
                         const GstLmDrawing *drawing);

G_END_DECLS
