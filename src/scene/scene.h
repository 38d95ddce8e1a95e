/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The synthetic colonoscopy: the public interface that draws its frames and their truth. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** Frames are LM_SCENE_MIN_SIZE to LM_SCENE_MAX_SIZE pixels wide and high. */
#define LM_SCENE_MIN_SIZE 16
#define LM_SCENE_MAX_SIZE 8192
#define LM_SCENE_MAX_POLYPS 8
#define LM_SCENE_MAX_THREADS 64
/** The most polyps in view at once: those of two stretches of colon. */
#define LM_SCENE_MAX_VISIBLE (2 * LM_SCENE_MAX_POLYPS)

typedef enum {
    LM_SCENE_SCREEN_NONE,    /**< the picture alone fills the frame */
    LM_SCENE_SCREEN_ROUND,   /**< a round picture in a captured screen */
    LM_SCENE_SCREEN_OCTAGON, /**< a square picture with cut corners in a captured screen */
} LmSceneScreen;

/** Converts red, green, blue in 0..255 to the three components of the rows from lm_scene_draw():
 * component i = offset[i] + sum over j of matrix[i][j] * rgb[j], rounded and clamped to 0..255.
 * Factors of the matrix are -4..4, offsets -1000..1000. */
typedef struct {
    float matrix[3][3];
    float offset[3];
} LmSceneColor;

typedef struct {
    guint width, height;  /**< of the frame, in pixels */
    guint32 seed;         /**< selects the colon */
    guint polyps;         /**< 0..LM_SCENE_MAX_POLYPS, in each stretch of colon */
    double motion;        /**< 0..1, of the camera; 0: it stands still */
    double noise;         /**< 0..1, of the sensor; 0: none */
    LmSceneScreen screen; /**< around the picture */
    LmSceneColor color;   /**< all zero: rows are red, green, blue */
    guint threads;        /**< 0..LM_SCENE_MAX_THREADS; any number draws the same frames; 0: one */
} LmSceneParams;

typedef struct {
    guint id;                  /**< of the polyp: the same in all frames of a scene, and unique */
    guint x, y, width, height; /**< of the box around its visible part, in frame pixels */
} LmScenePolyp;

typedef struct LmScene LmScene;

/** Receives row `y` of the frame: `width` pixels. Called once for each row, from several threads at
 * once if the scene has several; rows 2n and 2n + 1 come one after the other from one thread. `row`
 * belongs to the scene and is valid during the call. */
typedef void (*LmSceneRowFunc)(guint y, const guint8 *row, gpointer user_data);

/** Creates the scene; computing its tables takes some 50 ms. Returns NULL and LM_ERROR_ARGUMENT if
 * a value of `params` is out of range; the message names it. Frames depend on the params and the
 * frame's number alone, not on the frames drawn before, the machine or the compiler. One thread at
 * a time may use a scene. */
LmScene *lm_scene_create(const LmSceneParams *params, GError **error);

/** Frees the scene and clears the pointer; NULL and a pointer to NULL are allowed. */
void lm_scene_free(LmScene **scene);

/** Draws frame `number` as the camera sees it: rows of 4 bytes per pixel, which are 255 (alpha) and
 * the three components of params.color, so GStreamer's ARGB or AYUV. */
void lm_scene_draw(LmScene *scene, guint64 number, LmSceneRowFunc row, gpointer user_data);

/** Draws the truth of frame `number`: rows of 1 byte per pixel, 255 where a polyp is visible, else
 * 0. */
void lm_scene_draw_truth(LmScene *scene, guint64 number, LmSceneRowFunc row, gpointer user_data);

/** The polyps visible in the frame that either function drew last: each has at least one pixel of
 * truth, and its box is that of its pixels. Writes at most LM_SCENE_MAX_VISIBLE to `polyps` and
 * returns how many. */
guint lm_scene_visible(const LmScene *scene, LmScenePolyp polyps[LM_SCENE_MAX_VISIBLE]);

G_END_DECLS
