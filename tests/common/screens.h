/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Captured screens for tests: drawn shapes with moving texture, among text and other pictures. */
#pragma once

#include "video/thumbnail.h"

typedef enum {
    TEST_SHAPE_ROUND,
    TEST_SHAPE_CLIPPED, /**< A disc, clipped at top and bottom. */
    TEST_SHAPE_OCTAGON,
    TEST_SHAPE_SQUARE, /**< Cut corners. */
    TEST_N_SHAPES
} TestShape;

typedef struct {
    int width, height;
    TestShape shape;
    LmRect picture;    /**< The shape's box; of width 0: none. */
    double light;      /**< Brightness of the picture; 1: normal. */
    double light_left; /**< Additional factor of its left half, with a soft edge */
    bool hard_edge;    /**< or with a hard edge. */
    int surround;      /**< Grey. */
    bool text, inset;  /**< Columns of text, right beside the picture; another, small picture. */
    LmRect panel;      /**< A bright one that does not change. */
    int noise;         /**< Codes that every pixel varies by. */
    unsigned seed;     /**< Of the texture. */
    double moment;     /**< The time on which all movement depends; a usual frame lasts 1. */
} TestScreen;

/** A frame of RGBx for test_screen_draw(); free with test_frame_finish(). */
LmFrame test_screen_frame(int width, int height);
void test_screen_draw(const TestScreen *screen, LmFrame *frame);
