/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Packs the rows that a scene draws into video frames. */
#pragma once

#include <gst/video/video.h>

#include "scene/scene.h"

G_BEGIN_DECLS

/** Destination of packed rows. */
typedef struct {
    GstVideoFrame frame;            /**< Mapped for writing; 8 bits a component. */
    GstVideoChromaResample *chroma; /**< By gst_lm_pack_chroma_new(); borrowed. */
} GstLmCanvas;

/** The colours in which a scene must draw its rows, so that they can be packed as `info` says. */
LmSceneColor gst_lm_pack_color(const GstVideoInfo *info);

/** Creates the chroma filter of a subsampled format; NULL for other formats. Freed by
 * gst_video_chroma_resample_free(). */
GstVideoChromaResample *gst_lm_pack_chroma_new(const GstVideoInfo *info);

/** LmSceneRowFunc that packs rows of a view into the GstLmCanvas `canvas`, with chroma filtered by
 * the format's siting. */
void gst_lm_pack_view(guint y, const guint8 *row, gpointer canvas);

/** LmSceneRowFunc that copies rows of the truth into the GstLmCanvas `canvas`, GRAY8. */
void gst_lm_pack_truth(guint y, const guint8 *row, gpointer canvas);

G_END_DECLS
