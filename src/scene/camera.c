/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The endoscope's tip: its position and direction, as a function of time alone. */
#include "scene/camera.h"

/* Moves the path at z around the polyps. `aside`: its distance from the centre line. */
static void give_way(LmColon *colon, double z, double *x, double *y)
{
    const double reach = 1.0, most = 0.34; /* along the tube, and aside */
    gint64 end = lm_floor((z + reach) / LM_COLON_STRETCH);
    for (gint64 stretch = lm_floor((z - reach) / LM_COLON_STRETCH); stretch <= end; stretch++) {
        const LmPolyp *polyps = lm_colon_polyps(colon, stretch);
        for (guint i = 0; i < lm_colon_polyp_count(colon); i++) {
            double along = (z - polyps[i].origin) / reach, near = 1 - along * along;
            if (near <= 0)
                continue;
            *x -= 0.36 * near * near * lm_cos(polyps[i].angle);
            *y -= 0.36 * near * near * lm_sin(polyps[i].angle);
        }
    }
    double limit = 1 / sqrt(1 + (*x * *x + *y * *y) / (most * most));
    *x *= limit;
    *y *= limit;
}

LmCamera lm_camera_at(LmColon *colon, double time, double motion)
{
    /* Everything is a function of t, so that motion 0 stands still and 0.5 is a calm
     * examination. */
    double t = 2 * motion * time;
    LmCamera camera;

    /* Forward by one stretch in 300 frames; at times it slows down until it almost stops. */
    camera.z = lm_colon_start(colon) + t * (LM_COLON_STRETCH / 300) + 0.75 * lm_sin(t / 173) +
               0.12 * lm_sin(t / 61);
    double x, y, ahead_x, ahead_y;
    lm_colon_centre(colon, camera.z, &x, &y);
    double aside_x = 0.16 * lm_sin(t / 127 + 0.2) + 0.02 * lm_sin(t / 23);
    double aside_y = 0.14 * lm_sin(t / 101 + 0.6) + 0.02 * lm_sin(t / 29 + 0.3);
    give_way(colon, camera.z, &aside_x, &aside_y);
    camera.x = x + aside_x;
    camera.y = y + aside_y;

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
