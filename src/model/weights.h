/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A model file's metadata and its tensors by name and shape, as float. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "model/safetensors.h"

G_BEGIN_DECLS

/** `__metadata__` of a model file, with its defaults filled in. */
typedef struct {
    unsigned heads;                     /**< Attention heads, 1 or more. */
    unsigned input_width, input_height; /**< Pixels; multiples of 16 from 32 to 1024. */
    bool bgr;                           /**< The network's channel order is blue, green, red. */
    double mean[3], std[3];             /**< In the network's channel order, of values in 0..1. */
    char **class_names;                 /**< NULL-terminated, background first. NULL if the file
                                             names none, until lm_weights_name_classes(). */
    unsigned n_class_names;
} LmModelInfo;

typedef struct LmWeights LmWeights;

LmWeights *lm_weights_open(const char *path, GError **error);
void lm_weights_free(LmWeights **weights);
const char *lm_weights_path(const LmWeights *weights);
const LmModelInfo *lm_weights_info(const LmWeights *weights);

/** Sets the class names when the number of classes is known: defaults if the file names none
 * (background,polyp for two, else background,class1,...). Returns false with an error if the file
 * names another number of them. */
bool lm_weights_name_classes(LmWeights *weights, unsigned n_classes, GError **error);

bool lm_weights_has(const LmWeights *weights, const char *name);
/** The tensor's view, for its shape. Returns NULL with LM_ERROR_MODEL, which names file and tensor,
 * if it is absent. */
const LmTensorView *lm_weights_find(const LmWeights *weights, const char *name, GError **error);
/** A new array of the tensor's values (g_free), F16 widened, all finite. Returns NULL with
 * LM_ERROR_MODEL, which names file, tensor, expected and found shape or dtype, or the first value
 * that is not finite. Marks the tensor as used. */
float *lm_weights_get(LmWeights *weights, const char *name, const gsize *shape, unsigned n_dims,
                      GError **error);
/** Marks every tensor whose name starts with `prefix` as used: known, but not needed. */
void lm_weights_ignore(LmWeights *weights, const char *prefix);
/** Returns false with LM_ERROR_MODEL, which names the first unused tensor (except
 * `*.num_batches_tracked`). */
bool lm_weights_check_all_used(const LmWeights *weights, GError **error);

G_END_DECLS
