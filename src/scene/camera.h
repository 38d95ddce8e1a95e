/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The endoscope's tip: its position and direction, as a function of time alone. */
#pragma once

#include "scene/colon.h"

G_BEGIN_DECLS

typedef struct {
    double x, y, z;             /**< in the colon's coordinates */
    LmVec right, down, forward; /**< the picture's axes, each of length 1 */
} LmCamera;

/** The camera at `time`, in frames; `motion` 0..1 scales the speed of all movements. */
LmCamera lm_camera_at(LmColon *colon, double time, double motion);

G_END_DECLS
