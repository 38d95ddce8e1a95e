/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The light of pixels: mucosa, vessels, wet highlights, and the camera's tone curve. */
#include "scene/shade.h"

#include "scene/numeric.h"

/* Maps a channel's light (0 and more) to the picture's 0..LM_PIXEL_MAX: a square root, which is
 * close to displays' gamma, with a toe that darkens dark parts and a shoulder that ends at 1. */
static inline float tone(float light)
{
    float root = sqrtf(light);
    float value = root * (root + 0.55f) / (0.30f + root * (0.42f + root));
    return (value < 1.0f ? value : 1.0f) * LM_PIXEL_MAX;
}

static inline gint component(const LmSceneColor *color, guint i, float red, float green, float blue)
{
    const float *row = color->matrix[i];
    float value = row[0] * red + row[1] * green + row[2] * blue + (4 * color->offset[i] + 0.5f);
    return (gint)lm_clamp(value, 0.0f, LM_PIXEL_MAX);
}

static inline LmPixel pack(gint first, gint second, gint third, gint motion)
{
    return (LmPixel)(guint)motion | (LmPixel)(guint)first << 16 | (LmPixel)(guint)second << 32 |
           (LmPixel)(guint)third << 48;
}

/* A motion in pixels, along one axis, in LmPixel's format. */
static inline gint motion(float way)
{
    return (gint)lm_clamp(way * LM_MOTION_UNIT + (LM_MOTION_NONE + 0.5f), 1, 255);
}

void lm_shader_init(LmShader *shader, const LmSceneParams *params)
{
    lm_mucosa_init(&shader->mucosa, params->seed);
    shader->color = params->color;
    const float red = 34, green = 20, blue = 17;
    shader->dark =
        pack(component(&shader->color, 0, red, green, blue),
             component(&shader->color, 1, red, green, blue),
             component(&shader->color, 2, red, green, blue), LM_MOTION_NONE << 8 | LM_MOTION_NONE);
}

void lm_shader_finish(LmShader *shader)
{
    lm_mucosa_finish(&shader->mucosa);
}

void lm_shader_run(const LmShader *shader, LmFragments *fragments, LmPixel *pixels)
{
    const guint count = fragments->count;
    gint texels[LM_FRAGMENTS], components[3][LM_FRAGMENTS], moves[LM_FRAGMENTS];
    float reds[LM_FRAGMENTS], greens[LM_FRAGMENTS], blues[LM_FRAGMENTS];
    for (guint i = 0; i < count; i++)
        texels[i] =
            (gint)lm_mucosa_at(&shader->mucosa, fragments->level[i], fragments->vary[LM_VARY_U][i],
                               fragments->vary[LM_VARY_V][i]);
    for (guint i = 0; i < count; i++) {
        float vessel = (float)(texels[i] & 255) * (1.0f / 255);
        float ground = (float)((texels[i] >> 8 & 255) - 128) * (1.0f / 128);
        float slope_u = (float)((texels[i] >> 16 & 255) - 128) * (1.0f / 127);
        float slope_v = (float)((texels[i] >> 24 & 255) - 128) * (1.0f / 127);
        float polyp = lm_clamp(fragments->vary[LM_VARY_POLYP][i] * 3.0f, 0.0f, 1.0f);
        float tint = fragments->vary[LM_VARY_TINT][i], light = fragments->vary[LM_VARY_LIGHT][i];

        /* The lamp stands beside the camera, so one cosine serves light and highlight. */
        float facing = fragments->vary[LM_VARY_FACING][i];
        float tilt = slope_u * fragments->vary[LM_VARY_TANGENT][i] +
                     slope_v * fragments->vary[LM_VARY_ACROSS][i];
        /* Light that scatters in the tissue softens the shading. */
        float lit =
            light * (lm_clamp(facing - (0.40f + 0.50f * polyp) * tilt, 0.0f, 1.0f) * 0.88f + 0.12f);

        vessel *= 0.72f * (1.0f - 0.7f * polyp);
        float red = 0.90f + 0.06f * ground - 0.17f * vessel;
        float green = 0.235f - 0.04f * tint + 0.055f * ground - 0.15f * vessel;
        float blue = 0.138f - 0.025f * tint + 0.035f * ground - 0.075f * vessel;
        red = lm_mix(red, 0.87f + 0.10f * ground, polyp);
        green = lm_mix(green, 0.185f - 0.07f * tint + 0.11f * ground, polyp);
        blue = lm_mix(blue, 0.125f - 0.045f * tint + 0.08f * ground, polyp);

        /* A wet film reflects the lamp where the surface, with its grain, faces it. */
        const float grain = 0.62f;
        float steep = grain * grain * (slope_u * slope_u + slope_v * slope_v);
        float mirror = (facing - grain * tilt) * (1.0f - steep * (0.5f - 0.375f * steep));
        mirror = lm_clamp((mirror - 0.984f) * 80.0f, 0.0f, 1.0f);
        float shine = mirror * mirror * light * 2.5f;
        reds[i] = tone(red * lit + shine);
        greens[i] = tone(green * lit + shine);
        blues[i] = tone(blue * lit + shine);
        moves[i] = motion(fragments->vary[LM_VARY_MOVE_X][i]) |
                   motion(fragments->vary[LM_VARY_MOVE_Y][i]) << 8;
    }
    for (guint k = 0; k < 3; k++)
        for (guint i = 0; i < count; i++)
            components[k][i] = component(&shader->color, k, reds[i], greens[i], blues[i]);
    for (guint i = 0; i < count; i++)
        pixels[fragments->place[i]] =
            pack(components[0][i], components[1][i], components[2][i], moves[i]);
    fragments->count = 0;
}
