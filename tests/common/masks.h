/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Masks for tests: blobs at random places, and noise. */
#pragma once

#include "mask/mask.h"

/** Probabilities of about `blobs` soft blobs per class, or of noise if 0; background's share is
 * never below 0. */
LmMask *test_mask_new(int width, int height, unsigned n_classes, LmRect region, unsigned blobs,
                      guint32 seed);
