/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The networks that can be built, each one file beside this one and one row of the table. */
#pragma once

#include "net/graph.h"

G_BEGIN_DECLS

typedef struct {
    const char *name;
    /** Whether a model file holds this network, by its tensors' names. */
    bool (*matches)(const LmWeights *weights);
    /** Builds the graph for an input of width x height; errors are the graph's sticky one. */
    void (*build)(LmGraph *graph, int width, int height);
} LmNetwork;

extern const LmNetwork lm_network_lmnet;

/** Builds and plans the network that `weights` holds, at the given input size (0: the model's own;
 * else multiples of 16 from 32 to 1024), settles the class names and checks that every tensor has
 * been used. NULL with LM_ERROR_MODEL naming file and tensor, or LM_ERROR_ARGUMENT for the size. */
LmGraph *lm_network_build(LmWeights *weights, int width, int height, bool keep_all, GError **error);

G_END_DECLS
