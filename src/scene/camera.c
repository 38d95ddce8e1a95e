/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The endoscope's tip: where it is and where it looks, as a function of time alone. */
#include "scene/camera.h"

LmCamera lm_camera_at(const LmColon *colon, double time, double motion)
{
    /* All of it is a function of t, so that motion 0 stands still and 0.5 is a calm examination. */
    double t = 2 * motion * time;
    LmCamera camera;

    /* Forward by one stretch in 300 frames, now and then slower until it almost stops. */
    camera.z = lm_colon_start(colon) + t * (LM_COLON_STRETCH / 300) + 0.75 * lm_sin(t / 173) +
               0.12 * lm_sin(t / 61);
    double x, y, ahead_x, ahead_y;
    lm_colon_centre(colon, camera.z, &x, &y);
    camera.x = x + 0.16 * lm_sin(t / 127 + 0.2) + 0.02 * lm_sin(t / 23);
    camera.y = y + 0.14 * lm_sin(t / 101 + 0.6) + 0.02 * lm_sin(t / 29 + 0.3);

    /* It looks down the tube, sweeps over the wall and trembles a little. */
    const double reach = 1.7;
    lm_colon_centre(colon, camera.z + reach, &ahead_x, &ahead_y);
    ahead_x += 0.62 * lm_sin(t / 113 + 0.1) + 0.018 * lm_sin(t / 17 + 0.5);
    ahead_y += 0.50 * lm_sin(t / 89 + 0.4) + 0.018 * lm_sin(t / 13 + 0.1);
    LmVec forward = {(float)(ahead_x - camera.x), (float)(ahead_y - camera.y), (float)reach};
    camera.forward = lm_vec_unit(forward, (LmVec){0, 0, 1});

    double roll = 0.06 * lm_sin(t / 307) + 0.02 * lm_sin(t / 71);
    LmVec down = {(float)lm_sin(roll), (float)lm_cos(roll), 0};
    camera.right = lm_vec_unit(lm_vec_cross(down, camera.forward), (LmVec){1, 0, 0});
    camera.down = lm_vec_cross(camera.forward, camera.right);
    return camera;
}
