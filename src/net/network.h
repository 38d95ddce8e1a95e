/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The table of networks; each network is a file beside this one and a row of the table. */
#pragma once

#include "net/graph.h"

G_BEGIN_DECLS

typedef struct {
    const char *name;
    /** Returns true if a model file holds this network, by its tensors' names. */
    bool (*matches)(const LmWeights *weights);
    /** Builds the graph for an input of width x height; an error is the graph's sticky error. */
    void (*build)(LmGraph *graph, int width, int height);
} LmNetwork;

extern const LmNetwork lm_network_lmnet;

/** Builds and plans the network that `weights` holds, at the given input size (0: the model's own;
 * else multiples of 16 from 32 to 1024), sets the class names and checks that every tensor has been
 * used. Returns NULL with LM_ERROR_MODEL, which names file and tensor, or LM_ERROR_ARGUMENT for the
 * size. */
LmGraph *lm_network_build(LmWeights *weights, int width, int height, bool keep_all, GError **error);

G_END_DECLS
