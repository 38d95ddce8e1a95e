/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Frames for tests: filled with noise, and read pixel by pixel in the simplest way, without
 * src/video/frame.c. */
#pragma once

#include "video/frame.h"

/** A frame with padded strides, filled with noise. Free it with test_frame_finish(). */
void test_frame_init(LmFrame *frame, const LmFrameInfo *info, guint32 seed);
void test_frame_finish(LmFrame *frame);

/** Bits of one component: 8 or 10. */
unsigned test_format_bits(LmFormat format);
/** The codes of one pixel, (y, u, v) or (r, g, b), chroma replicated. */
void test_frame_codes(const LmFrame *frame, int x, int y, unsigned codes[3]);
/** The color of one pixel in 0..1, by the formula of BT.601 and its successors, clamped. */
void test_frame_rgb(const LmFrame *frame, int x, int y, double rgb[3]);
