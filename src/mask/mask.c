/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The memory of masks, and the classes of their own pixels. */
#include "mask/mask.h"

#include "mask/classify.h"

LmMask *lm_mask_new(int width, int height, unsigned n_classes, LmRect region)
{
    g_assert(width > 0 && height > 0 && region.width > 0 && region.height > 0);
    g_assert(n_classes >= 2 && n_classes <= LM_MAX_CLASSES);
    LmMask *mask = g_malloc(sizeof *mask + (gsize)width * height * (n_classes - 1));
    *mask = (LmMask){
        .width = width, .height = height, .n_classes = n_classes, .region = region, .refs = 1};
    return mask;
}

LmMask *lm_mask_ref(LmMask *mask)
{
    g_atomic_int_inc(&mask->refs);
    return mask;
}

void lm_mask_unref(LmMask **mask)
{
    if (*mask && g_atomic_int_dec_and_test(&(*mask)->refs))
        g_free(*mask);
    *mask = NULL;
}

void lm_mask_classify(const LmMask *mask, double threshold, guint8 *labels)
{
    gsize size = (gsize)mask->width * mask->height;
    float limit = lm_classify_limit(threshold);
    for (gsize i = 0; i < size; i++) {
        LmLikeliest likeliest = {0};
        for (unsigned c = 1; c < mask->n_classes; c++)
            lm_likeliest_add(&likeliest, c, mask->data[(c - 1) * size + i]);
        labels[i] = (guint8)lm_likeliest_class(&likeliest, limit);
    }
}
